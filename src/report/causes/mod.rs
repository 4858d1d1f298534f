//! What differs in many cases, grouped by cause.
//!
//! Differences of several cases with the same kind and the same sentence have one cause. The causes are sorted: the gravest kind
//! first, then the one that most cases show. What is kept is bounded: see [`MOST`].

mod fold;
mod marked;
mod screen;

pub(crate) use fold::fold;
pub(crate) use screen::Screen;

use crate::judge::cause::{Difference, Kind};
use crate::judge::{Finding, Verdict};
use crate::run::outcome::CaseReport;
use std::collections::{BTreeMap, BTreeSet};

/// The most causes of one kind that are told apart. Cases with others are counted by kind.
const MOST: usize = 100;
/// The most links and requirements that are kept for a cause.
const MOST_BEHIND: usize = 50;

/// The causes of what differs, as far as cases were added.
#[derive(Debug, Default)]
pub(crate) struct Causes {
    /// The ids of the cases in which something differs.
    cases: Vec<String>,
    groups: BTreeMap<Kind, BTreeMap<String, Group>>,
    /// The cases that show a cause beyond [`MOST`].
    others: BTreeSet<usize>,
}

/// The cases that show one cause, by their place in [`Causes::cases`].
#[derive(Debug)]
struct Group {
    cases: BTreeSet<usize>,
    /// The case with the fewest differences, and of those the first one: by how many it has, and its id.
    simplest: (usize, String),
    example: Difference,
    rerun: String,
    links: BTreeMap<String, usize>,
    requirements: BTreeSet<String>,
}

/// A case in which something differs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Differs<'a> {
    /// Its id.
    pub id: &'a str,
    /// The command that shows it.
    pub rerun: &'a str,
    /// Where its scenario comes from.
    pub links: &'a [String],
    /// What differs.
    pub differences: &'a [Difference],
}

/// One cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause<'a> {
    /// What kind of difference it makes.
    pub kind: Kind,
    /// What differs, in a sentence.
    pub what: String,
    /// The cases that show it, sorted by id.
    pub cases: Vec<&'a str>,
    /// The simplest of them.
    pub simplest: &'a str,
    /// The difference in that one.
    pub example: &'a Difference,
    /// The command that shows it.
    pub rerun: &'a str,
    /// Where the scenarios of the cases come from: what most of them have first.
    pub links: Vec<&'a str>,
    /// The requirements behind it.
    pub requirements: Vec<&'a str>,
}

impl Causes {
    /// Adds a failing case.
    pub(crate) fn add(&mut self, case: &CaseReport) {
        let stand_in = if case.differences.is_empty() { vec![stand_in(case)] } else { Vec::new() };
        let differences = if case.differences.is_empty() { &stand_in } else { &case.differences };
        let CaseReport { id, rerun, links, .. } = case;
        self.add_differences(Differs { id, rerun, links, differences });
    }

    /// Adds a case with what differs in it. A case in which nothing differs is left out.
    pub(crate) fn add_differences(&mut self, case: Differs<'_>) {
        if case.differences.is_empty() {
            return;
        }
        let number = self.cases.len();
        self.cases.push(case.id.to_owned());
        for difference in case.differences {
            let groups = self.groups.entry(difference.kind).or_default();
            let key = key(difference);
            if groups.len() >= MOST && !groups.contains_key(&key) {
                self.others.insert(number);
                continue;
            }
            let group = groups.entry(key).or_insert_with(|| Group::new(difference, case));
            if group.cases.insert(number) {
                group.add(difference, case);
            }
            if group.requirements.len() < MOST_BEHIND {
                group.requirements.extend(difference.requires.clone());
            }
        }
    }

    /// How many cases differ.
    pub(crate) fn cases(&self) -> usize {
        self.cases.len()
    }

    /// The causes, the gravest first.
    pub(crate) fn list(&self) -> Vec<Cause<'_>> {
        let mut causes = Vec::new();
        for (kind, groups) in &self.groups {
            let mut of_kind = self.of_kind(*kind, groups);
            of_kind.sort_by(|a, b| b.cases.len().cmp(&a.cases.len()).then_with(|| a.what.cmp(&b.what)));
            causes.extend(of_kind);
        }
        causes
    }

    /// The end of the heading of a list: how many causes it has.
    pub(crate) fn heading(&self) -> String {
        match self.list().len() {
            1 => "The cause:".to_owned(),
            many => format!("{many} causes, the most serious first:"),
        }
    }

    /// How many cases show a cause which is not in the list.
    pub(crate) fn others(&self) -> usize {
        self.others.len()
    }

    fn of_kind<'a>(&'a self, kind: Kind, groups: &'a BTreeMap<String, Group>) -> Vec<Cause<'a>> {
        let mut causes: Vec<Cause<'_>> = Vec::new();
        let mut same_cases: BTreeMap<&BTreeSet<usize>, usize> = BTreeMap::new();
        for group in groups.values() {
            // Texts and fields that differ in exactly the same cases are told in one sentence.
            let joins = matches!(kind, Kind::Text | Kind::Fields);
            if let Some(at) = same_cases.get(&group.cases).filter(|_| joins) {
                causes[*at].what = join(&causes[*at].what, &group.example.what);
                continue;
            }
            same_cases.insert(&group.cases, causes.len());
            causes.push(self.cause(kind, group));
        }
        causes
    }

    fn cause<'a>(&'a self, kind: Kind, group: &'a Group) -> Cause<'a> {
        let mut cases = group.cases.iter().map(|number| self.cases[*number].as_str()).collect::<Vec<_>>();
        cases.sort_unstable();
        let mut links = group.links.iter().map(|(link, times)| (*times, link.as_str())).collect::<Vec<_>>();
        links.sort_by(|(a, one), (b, other)| b.cmp(a).then(one.cmp(other)));
        Cause {
            kind,
            what: group.example.what.clone(),
            cases,
            simplest: &group.simplest.1,
            example: &group.example,
            rerun: &group.rerun,
            links: links.into_iter().map(|(_, link)| link).collect(),
            requirements: group.requirements.iter().map(String::as_str).collect(),
        }
    }
}

impl Group {
    fn new(difference: &Difference, case: Differs<'_>) -> Self {
        Self {
            cases: BTreeSet::new(),
            simplest: (case.differences.len(), case.id.to_owned()),
            example: difference.clone(),
            rerun: case.rerun.to_owned(),
            links: BTreeMap::new(),
            requirements: BTreeSet::new(),
        }
    }

    fn add(&mut self, difference: &Difference, case: Differs<'_>) {
        let rank = (case.differences.len(), case.id.to_owned());
        if rank < self.simplest {
            (self.simplest, self.rerun) = (rank, case.rerun.to_owned());
            self.example = difference.clone();
        }
        for link in case.links {
            if self.links.len() < MOST_BEHIND || self.links.contains_key(link) {
                *self.links.entry(link.clone()).or_default() += 1;
            }
        }
    }
}

/// What equal causes have in common within a kind. Why a case could not be played may name ports and places: numbers in it do not
/// count.
fn key(difference: &Difference) -> String {
    if difference.kind != Kind::Error {
        return difference.what.clone();
    }
    let mut key = String::with_capacity(difference.what.len());
    for c in difference.what.chars() {
        match c.is_ascii_digit() {
            true if key.ends_with('#') => {}
            true => key.push('#'),
            false => key.push(c),
        }
    }
    key
}

/// The sentence of two: `hello-ok also has a, b` where both begin alike, and one after the other otherwise.
fn join(one: &str, other: &str) -> String {
    for words in [" also has ", " lacks "] {
        if let (Some((subject, _)), Some((same, item))) = (one.rsplit_once(words), other.split_once(words))
            && (subject == same || subject.ends_with(&format!("; {same}")))
        {
            return format!("{one}, {item}");
        }
    }
    format!("{one}; {other}")
}

/// What stands for a failing case in which nothing is known to differ.
fn stand_in(case: &CaseReport) -> Difference {
    let reason = case.reason.clone().or_else(|| case.findings.first().map(Finding::sentence));
    let reason = reason.unwrap_or_else(|| case.verdict.name().to_owned());
    let error = Difference::error(&reason);
    if case.verdict == Verdict::Error { error } else { Difference { kind: Kind::Fields, ..error } }
}

#[cfg(test)]
mod tests;
