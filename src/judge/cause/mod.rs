//! What differs between two observations of a case, by cause.
//!
//! Two observations are compared step by step, then store section by store section. Each difference has a [`Kind`], which
//! says how grave it is, and a sentence that names no device, step or case: differences of several cases that have the
//! same kind and the same sentence have one cause more often than not.
//!
//! Once a connection was let in or refused against what was expected, most of what comes after it in the case is a
//! consequence. Of what follows only graver differences are kept.

mod answer;
mod parting;
mod read;
mod steps;
mod store;
pub(super) mod unmet;
mod word;

use super::{Finding, FrameFinding};
use serde::Serialize;
use untrusted_data::cut;
use untrusted_data::limits::LINE;

/// The most differences that are kept of one case.
const MOST: usize = 16;
/// The most lines of an observation that are compared.
const MOST_LINES: usize = 4000;
/// The longest sentence of a difference, in characters.
const SENTENCE: usize = 160;

/// What kind of difference it is. The gravest kind comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A connection was accepted that should have been refused, or a gateway started that should not have.
    LetIn,
    /// A connection was refused that should have been accepted.
    Refused,
    /// A request was granted that should have been refused.
    Allowed,
    /// A request was refused that should have been granted.
    Denied,
    /// Another role, other scopes or another token were granted.
    Granted,
    /// The store lost a record, has one too many, or holds other rights.
    Store,
    /// A refusal has another error code or reason.
    ErrorCode,
    /// The connection was closed in another way or at another point.
    Close,
    /// There was no answer, or the gateway ended.
    Silence,
    /// The case could not be played: the gateway or the harness failed.
    Error,
    /// A frame is not what the published schema says.
    Schema,
    /// A message for people has another text.
    Text,
    /// A message has other fields, or there is a message more or less.
    Fields,
    /// There is no approved snapshot to compare with.
    Unapproved,
}

impl Kind {
    /// As a heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::LetIn => "let in instead of refused",
            Self::Refused => "refused instead of let in",
            Self::Allowed => "request granted instead of refused",
            Self::Denied => "request refused instead of granted",
            Self::Granted => "other rights granted",
            Self::Store => "store differs",
            Self::ErrorCode => "other error code or reason",
            Self::Close => "closed in another way",
            Self::Silence => "no answer, or the gateway ended",
            Self::Error => "error",
            Self::Schema => "frame breaks the published schema",
            Self::Text => "other text",
            Self::Fields => "other fields or events",
            Self::Unapproved => "no approved snapshot",
        }
    }
}

/// One difference between what a case expects and what it saw.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Difference {
    /// What kind of difference it is.
    pub kind: Kind,
    /// What differs, without names of devices: the same sentence in many cases means one cause.
    pub what: String,
    /// The step, or the section of the store.
    pub place: String,
    /// The expected line; empty if there is none.
    pub expected: String,
    /// The line that was seen instead; empty if there is none.
    pub seen: String,
    /// The requirement that the step's expectation stands for.
    pub requires: Option<String>,
}

impl Difference {
    fn new(kind: Kind, what: String, place: &str, expected: &str, seen: &str) -> Self {
        let (expected, seen) = parting::shown(expected.trim(), seen.trim(), LINE);
        let what = cut::line(&what, SENTENCE).into_owned();
        Self { kind, what, place: cut::line(place.trim(), LINE).into_owned(), expected, seen, requires: None }
    }

    /// The difference of a case that could not be played, for this reason.
    pub fn error(reason: &str) -> Self {
        let mut lines = reason.lines();
        let what = lines.next().unwrap_or_default().to_owned();
        Self::new(Kind::Error, what, "", "", lines.next().unwrap_or_default())
    }

    /// A difference for a test.
    #[cfg(test)]
    pub(crate) fn test(kind: Kind, what: &str, expected: &str, seen: &str) -> Self {
        Self::new(kind, what.to_owned(), "step", expected, seen)
    }

    /// The difference that a finding stands for which is not about an observation.
    pub(super) fn of_finding(finding: &Finding) -> Option<Self> {
        match finding {
            Finding::NoSnapshot { .. } => Some(Self::new(Kind::Unapproved, finding.sentence(), "", "", "")),
            Finding::Frame(FrameFinding { connection, definition, frame, pointer, message, text, .. }) => {
                let place = if pointer.is_empty() { "the frame" } else { pointer };
                let what = format!("{frame} breaks {definition} at {place}: {message}");
                Some(Self::new(Kind::Schema, what, connection, "", text.lines().next().unwrap_or_default()))
            }
            Finding::Expectation { .. } | Finding::Snapshot { .. } => None,
        }
    }
}

/// What differs between the expected text of an observation and the one that was seen, in the order of the steps. Empty
/// exactly if the texts are equal.
pub(crate) fn differences(expected: &str, seen: &str) -> Vec<Difference> {
    if expected == seen {
        return Vec::new();
    }
    let (short_expected, short_seen) = (cut::lines(expected, MOST_LINES, 0), cut::lines(seen, MOST_LINES, 0));
    let (steps_expected, store_expected) = read::halves(&short_expected);
    let (steps_seen, store_seen) = read::halves(&short_seen);
    let mut found = without_consequences(steps::compare(steps_expected, steps_seen));
    // A store that is not what it should be after another decision is a consequence, too.
    if found.iter().all(|difference| difference.kind > Kind::ErrorCode) {
        found.extend(store::compare(store_expected, store_seen));
    }
    if found.is_empty() {
        found.push(first_line_that_differs(expected, seen));
    }
    gravest_of(found)
}

/// At most [`MOST`] of the differences, the gravest ones, in the order of the steps.
fn gravest_of(found: Vec<Difference>) -> Vec<Difference> {
    let mut numbered = found.into_iter().enumerate().collect::<Vec<_>>();
    numbered.sort_by_key(|(_, difference)| difference.kind);
    numbered.truncate(MOST);
    numbered.sort_by_key(|(number, _)| *number);
    numbered.into_iter().map(|(_, difference)| difference).collect()
}

/// The most serious difference between two texts that differ, and of equally serious ones the first.
pub(crate) fn gravest(expected: &str, seen: &str) -> Difference {
    let all = differences(expected, seen).into_iter();
    all.min_by_key(|difference| difference.kind).unwrap_or_else(|| first_line_that_differs(expected, seen))
}

/// The differences up to the first decision that differs, and those after it that are graver.
pub(super) fn without_consequences(all: Vec<Difference>) -> Vec<Difference> {
    let mut gravest = None;
    let mut kept = Vec::new();
    for difference in all {
        if gravest.is_none_or(|gravest| difference.kind < gravest) {
            if difference.kind <= Kind::ErrorCode {
                gravest = Some(difference.kind);
            }
            kept.push(difference);
        }
    }
    kept
}

/// What is left where all lines agree but for the numbers of symbols: one value stands where another one is expected.
fn first_line_that_differs(expected: &str, seen: &str) -> Difference {
    let unequal = expected.lines().zip(seen.lines()).find(|(expected, seen)| expected != seen);
    let (expected, seen) = unequal.unwrap_or_default();
    let symbol = read::symbols(seen).into_iter().find(|symbol| !expected.contains(*symbol));
    let what = match symbol {
        Some(symbol) => format!("another {} than expected", read::unnumbered(symbol)),
        None => "another value than expected".to_owned(),
    };
    Difference::new(Kind::Fields, what, "", expected, seen)
}

#[cfg(test)]
mod tests;
