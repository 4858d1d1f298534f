//! Checks a list of known deviations against the cases. Finds entries without a case, overlapping entries and expired
//! entries.

use super::date::Date;
use super::file::{CaseGlob, Entry, is_glob};
use super::judge::{KnownDeviations, ListedEntry};
use crate::scenario::Case;
use crate::scenario::problems::{ScenarioError, ScenarioErrors, SpannedError};
use crate::scenario::spans::Spanned;
use crate::suggestions::nearest;
use miette::{Diagnostic, LabeledSpan, Severity, SourceCode};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The maximum number of pairs of overlapping entries that are reported.
const MAX_OVERLAPS: usize = 20;

impl KnownDeviations {
    /// Checks the entries against all cases that they can be about, and removes those that have expired.
    ///
    /// # Errors
    /// An entry names no case, or two entries are about the same deviation of a case.
    pub(crate) fn check(&mut self, cases: &[&Case], today: Date) -> Result<Vec<Warning>, ScenarioErrors> {
        let mut errors = Vec::new();
        let mut warnings = Vec::new();
        for listed in &self.entries {
            for problem in without_case(&listed.entry, cases) {
                match problem {
                    Problem::Wrong(error) => errors.push(error.within(&listed.source)),
                    Problem::Elsewhere(error) => warnings.push(Warning(error.within(&listed.source))),
                }
            }
            if let Some(expires) = listed.entry.expires.as_ref().filter(|_| listed.entry.has_expired(today)) {
                let message = format!("this known deviation expired on {}, and no longer applies", expires.value);
                let help = "fix the gateway, or check that the reason is still valid and set a later date";
                let error = SpannedError::at(expires.span, message, "expired").help(help);
                warnings.push(Warning(error.within(&listed.source)));
            }
        }
        // The digest of a case with an expired entry has no effect, but it is not a mistake.
        let loose = self.observations_without_entry();
        self.drop_expired(today);
        errors.extend(self.overlaps(cases));
        errors.extend(loose);
        if errors.is_empty() { Ok(warnings) } else { Err(ScenarioErrors(errors)) }
    }

    /// Pairs of entries that could both be about one difference of a case.
    fn overlaps(&self, cases: &[&Case]) -> Vec<ScenarioError> {
        let mut pairs = BTreeMap::new();
        for case in cases {
            let requirements = case.requirements().map(str::to_owned).collect::<Vec<_>>();
            let about = |(_, listed): &(usize, &ListedEntry)| listed.entry.is_about(&case.id, &requirements);
            let entries = self.entries.iter().enumerate().filter(about).collect::<Vec<_>>();
            for (at, (one, first)) in entries.iter().enumerate() {
                for (other, second) in &entries[at + 1..] {
                    if first.entry.overlaps(&second.entry) {
                        pairs.entry((*one, *other)).or_insert(case.id.as_str());
                    }
                }
            }
        }
        let error = |((one, other), case): ((usize, usize), &str)| {
            let (first, second) = (&self.entries[one], &self.entries[other]);
            let message = format!("this entry and {} are about the same deviation of {case}", first.place());
            let help = "list each case in only one of them, or set `kind` and `seen` in both";
            SpannedError::at(second.entry.span(), message, "overlaps").help(help).within(&second.source)
        };
        pairs.into_iter().take(MAX_OVERLAPS).map(error).collect()
    }

    /// Observations of cases that no entry is about.
    fn observations_without_entry(&self) -> Vec<ScenarioError> {
        let is_named = |case: &str| self.entries.iter().any(|listed| listed.entry.names(case));
        let mut errors = Vec::new();
        for (case, pinned) in self.observations.iter().filter(|(case, _)| !is_named(case)) {
            let message = format!("there is no known deviation of {case}, so this digest has no effect");
            let error = SpannedError::at(pinned.key, message, "remove this line, or add an entry for the case");
            errors.push((pinned.key, error.within(&pinned.source)));
        }
        errors.sort_by_key(|(span, _)| *span);
        errors.into_iter().map(|(_, error)| error).collect()
    }
}

impl Entry {
    /// Whether the entry names a case, whatever it tests.
    pub(super) fn names(&self, case: &str) -> bool {
        self.case.0.iter().any(|glob| glob.value.matches(case))
    }

    /// Whether both could be about the same difference.
    fn overlaps(&self, other: &Self) -> bool {
        fn meet<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
            one.zip(other).is_none_or(|(one, other)| one == other)
        }
        let (seen, others) =
            (self.seen.as_ref().map(|seen| &seen.value.0), other.seen.as_ref().map(|seen| &seen.value.0));
        let is_pattern = |text: Option<&String>| text.is_some_and(|text| text.contains('*'));
        let same_text = match (&self.seen, &other.seen) {
            (Some(one), Some(two)) if is_pattern(seen) && !is_pattern(others) => one.value.matches(&two.value.0),
            (Some(one), Some(two)) if is_pattern(others) && !is_pattern(seen) => two.value.matches(&one.value.0),
            _ => meet(seen, others),
        };
        let requirements = meet(self.requirement.as_ref(), other.requirement.as_ref());
        same_text && requirements && meet(self.kind.as_ref(), other.kind.as_ref())
    }
}

enum Problem {
    Wrong(SpannedError),
    /// The case can be in a folder that was not read.
    Elsewhere(SpannedError),
}

/// The ids and globs of an entry that match no case.
fn without_case(entry: &Entry, cases: &[&Case]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for glob in &entry.case.0 {
        let matched = cases.iter().filter(|case| glob.value.matches(&case.id)).collect::<Vec<_>>();
        if matched.is_empty() {
            problems.push(no_case(glob, cases));
        } else if let Some(requirement) = &entry.requirement
            && !matched.iter().any(|case| case.requirements().any(|id| id == requirement.value))
        {
            let message = format!("no case of this entry tests the requirement `{}`", requirement.value);
            problems.push(Problem::Wrong(SpannedError::at(requirement.span, message, "unknown here")));
        }
    }
    problems
}

fn no_case(glob: &Spanned<CaseGlob>, cases: &[&Case]) -> Problem {
    let text = glob.value.text.as_str();
    let families = cases.iter().map(|case| case.family.as_str()).collect::<BTreeSet<_>>();
    let ids = cases.iter().map(|case| case.id.as_str()).filter(|_| !is_glob(text));
    let near = nearest(text, ids).map(str::to_owned).or_else(|| {
        let (family, rest) = text.split_once('/')?;
        let near = nearest(family, families.iter().copied()).filter(|near| *near != family)?;
        Some(format!("{near}/{rest}"))
    });
    let is_elsewhere = glob.value.family().is_some_and(|family| !families.contains(family)) && near.is_none();
    let error = SpannedError::at(glob.span, format!("no case matches `{text}`"), "names no case");
    let help = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`clawcheck list` prints all cases".to_owned(),
    };
    if is_elsewhere { Problem::Elsewhere(error.help(help)) } else { Problem::Wrong(error.help(help)) }
}

/// A warning about a list. It renders with the source and a caret.
#[derive(Debug)]
pub(crate) struct Warning(ScenarioError);

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Warning {}

impl Diagnostic for Warning {
    fn severity(&self) -> Option<Severity> {
        Some(Severity::Warning)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.help()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.0.labels()
    }
}
