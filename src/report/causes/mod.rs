//! Groups the differences of many cases by cause.
//!
//! Differences of several cases with the same kind and the same sentence form one cause. The causes are sorted by kind,
//! the most serious first. Within a kind, causes in which the gateway accepts wrong credentials come first, and then
//! the causes with the most cases. [`MAX`] limits the number of causes.

mod fold;
mod highlight;
mod layout;
mod terminal;

pub(crate) use fold::fold;
pub(crate) use terminal::{CauseDisplay, sides};

use crate::judge::cause::{CauseKind, Difference};
use crate::judge::{Finding, Level, Verdict};
use crate::run::outcome::CaseReport;
use std::collections::{BTreeMap, BTreeSet};

/// The maximum number of causes of one kind. Cases with further causes are only counted.
const MAX: usize = 100;
/// The maximum number of links and of requirements that are kept for a cause.
const MAX_LINKS: usize = 50;

/// The causes of the differences in all added cases.
#[derive(Debug, Default)]
pub(crate) struct Causes {
    /// The ids of the cases with differences.
    cases: Vec<String>,
    groups: BTreeMap<CauseKind, BTreeMap<String, CauseGroup>>,
    /// The cases with a cause beyond the limit [`MAX`].
    others: BTreeSet<usize>,
}

/// The cases with one cause, as indexes into [`Causes::cases`].
#[derive(Debug)]
struct CauseGroup {
    cases: BTreeSet<usize>,
    /// The rank of the example, and the id of its case. The difference with the lowest rank is the example.
    simplest: (bool, usize, String),
    example: Difference,
    rerun: String,
    links: BTreeMap<String, usize>,
    requirements: BTreeSet<String>,
}

/// A case with differences.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DifferingCase<'a> {
    /// The id of the case.
    pub id: &'a str,
    /// The command that plays the case again.
    pub rerun: &'a str,
    /// Where its scenario comes from.
    pub links: &'a [String],
    /// The differences of the case.
    pub differences: &'a [Difference],
}

/// The differences that share a kind and a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause<'a> {
    /// The kind of the differences.
    pub kind: CauseKind,
    /// The difference as a sentence.
    pub what: String,
    /// The ids of the cases with this cause, sorted.
    pub cases: Vec<&'a str>,
    /// The case with the fewest differences.
    pub simplest: &'a str,
    /// The difference in the simplest case.
    pub example: &'a Difference,
    /// The command that plays the case again.
    pub rerun: &'a str,
    /// The links of the scenarios, the most frequent first.
    pub links: Vec<&'a str>,
    /// The requirements behind it.
    pub requirements: Vec<&'a str>,
}

impl Causes {
    /// Adds a failing case, with the differences that count at the level of the run. A case that unexpectedly conforms has no
    /// difference, only a reason.
    pub(crate) fn add(&mut self, case: &CaseReport, level: Level) {
        if case.verdict == Verdict::UnexpectedlyConforms {
            return;
        }
        let differences = match case.differences.is_empty() {
            true => vec![stand_in(case)],
            false => case.differences.iter().filter(|one| one.kind.level() <= level).cloned().collect(),
        };
        self.add_some(case, &differences);
    }

    /// Adds the differences of a case that do not count at the level of the run.
    pub(crate) fn add_slight(&mut self, case: &CaseReport, level: Level) {
        let slight = case.differences.iter().filter(|one| one.kind.level() > level).cloned().collect::<Vec<_>>();
        self.add_some(case, &slight);
    }

    fn add_some(&mut self, case: &CaseReport, differences: &[Difference]) {
        let CaseReport { id, rerun, links, .. } = case;
        self.add_differences(DifferingCase { id, rerun, links, differences });
    }

    /// Adds a case with its differences. A case without differences is ignored.
    pub(crate) fn add_differences(&mut self, case: DifferingCase<'_>) {
        if case.differences.is_empty() {
            return;
        }
        let number = self.cases.len();
        self.cases.push(case.id.to_owned());
        for difference in case.differences {
            let groups = self.groups.entry(difference.kind).or_default();
            let key = key(difference);
            if groups.len() >= MAX && !groups.contains_key(&key) {
                self.others.insert(number);
                continue;
            }
            let group = groups.entry(key).or_insert_with(|| CauseGroup::new(difference, case));
            if group.cases.insert(number) {
                group.add(difference, case);
            }
            if group.requirements.len() < MAX_LINKS {
                group.requirements.extend(difference.requires.clone());
            }
        }
    }

    /// The number of cases with differences.
    pub(crate) fn cases(&self) -> usize {
        self.cases.len()
    }

    /// The causes, the most serious first.
    pub(crate) fn list(&self) -> Vec<Cause<'_>> {
        let mut causes = Vec::new();
        for (kind, groups) in &self.groups {
            let mut of_kind = self.of_kind(*kind, groups);
            of_kind.sort_by(|a, b| {
                let accepts = |cause: &Cause<'_>| cause.example.accepts_wrong_credentials();
                let by_cases = accepts(b).cmp(&accepts(a)).then(b.cases.len().cmp(&a.cases.len()));
                by_cases.then_with(|| a.what.cmp(&b.what))
            });
            causes.extend(of_kind);
        }
        causes
    }

    /// The end of a list's heading, with the number of causes.
    pub(crate) fn heading(&self) -> String {
        match self.list().len() {
            1 => "The cause:".to_owned(),
            many => format!("{many} causes, the most serious first:"),
        }
    }

    /// The number of cases with a cause that is not in the list.
    pub(crate) fn others(&self) -> usize {
        self.others.len()
    }

    fn of_kind<'a>(&'a self, kind: CauseKind, groups: &'a BTreeMap<String, CauseGroup>) -> Vec<Cause<'a>> {
        let mut causes: Vec<Cause<'_>> = Vec::new();
        let mut same_cases: BTreeMap<&BTreeSet<usize>, usize> = BTreeMap::new();
        for group in groups.values() {
            // Differences of records and of messages that occur in exactly the same cases share one sentence.
            let joins = matches!(
                kind,
                CauseKind::Store | CauseKind::Message | CauseKind::Details | CauseKind::Text | CauseKind::Fields
            );
            if let Some(at) = same_cases.get(&group.cases).filter(|_| joins) {
                causes[*at].what = join(&causes[*at].what, &group.example.what);
                continue;
            }
            same_cases.insert(&group.cases, causes.len());
            causes.push(self.cause(kind, group));
        }
        causes
    }

    fn cause<'a>(&'a self, kind: CauseKind, group: &'a CauseGroup) -> Cause<'a> {
        let mut cases = group.cases.iter().map(|number| self.cases[*number].as_str()).collect::<Vec<_>>();
        cases.sort_unstable();
        let mut links = group.links.iter().map(|(link, times)| (*times, link.as_str())).collect::<Vec<_>>();
        links.sort_by(|(a, one), (b, other)| b.cmp(a).then(one.cmp(other)));
        Cause {
            kind,
            what: group.example.what.clone(),
            cases,
            simplest: &group.simplest.2,
            example: &group.example,
            rerun: &group.rerun,
            links: links.into_iter().map(|(_, link)| link).collect(),
            requirements: group.requirements.iter().map(String::as_str).collect(),
        }
    }
}

impl CauseGroup {
    fn new(difference: &Difference, case: DifferingCase<'_>) -> Self {
        Self {
            cases: BTreeSet::new(),
            simplest: rank(difference, case),
            example: difference.clone(),
            rerun: case.rerun.to_owned(),
            links: BTreeMap::new(),
            requirements: BTreeSet::new(),
        }
    }

    fn add(&mut self, difference: &Difference, case: DifferingCase<'_>) {
        let rank = rank(difference, case);
        if rank < self.simplest {
            (self.simplest, self.rerun) = (rank, case.rerun.to_owned());
            self.example = difference.clone();
        }
        // A case that could not be played says nothing about what its scenario tests.
        let links = if difference.kind == CauseKind::Error { &[] } else { case.links };
        for link in links {
            if self.links.len() < MAX_LINKS || self.links.contains_key(link) {
                *self.links.entry(link.clone()).or_default() += 1;
            }
        }
    }
}

/// The rank of a difference: accepted wrong credentials first, then the fewest differences in the case, then the id of the case.
fn rank(difference: &Difference, case: DifferingCase<'_>) -> (bool, usize, String) {
    (!difference.accepts_wrong_credentials(), case.differences.len(), case.id.to_owned())
}

/// The key that identifies a cause within a kind. The reason why a case could not be played can contain ports and
/// positions, so numbers in it are ignored.
fn key(difference: &Difference) -> String {
    if difference.kind != CauseKind::Error {
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

/// Joins two sentences: `hello-ok also has a, b` if both have the same beginning, otherwise separated by a
/// semicolon.
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

/// The difference of a failing case without known differences.
fn stand_in(case: &CaseReport) -> Difference {
    let reason = case.reason.clone().or_else(|| case.findings.first().map(Finding::sentence));
    let reason = reason.unwrap_or_else(|| case.verdict.name().to_owned());
    let error = Difference::error(&reason);
    if case.verdict == Verdict::Error { error } else { Difference { kind: CauseKind::Fields, ..error } }
}

#[cfg(test)]
mod tests;
