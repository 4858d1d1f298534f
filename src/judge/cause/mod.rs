//! What differs between two observations of a case, by cause.
//!
//! Two observations are compared step by step, then store section by store section. Each difference has a [`CauseKind`], which
//! says how serious it is, and a sentence that names no device, step or case. Differences of several cases with the
//! same kind and the same sentence usually have the same cause.
//!
//! If a connection is unexpectedly admitted or refused, most of the later differences in the case are consequences.
//! After such a difference, only more serious differences are kept.

mod abbreviate;
mod answer;
mod parse;
mod steps;
mod store;
pub(super) mod unmet;
mod word;

use super::{Finding, FrameFinding};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use untrusted_data::cut;
use untrusted_data::limits::LINE;

/// The maximum number of differences that are kept for a case.
const MOST: usize = 16;
/// The maximum number of lines of an observation that are compared.
const MOST_LINES: usize = 4000;
/// The maximum length of the sentence of a difference, in characters.
const SENTENCE: usize = 160;

/// The kind of a difference. The most serious kind comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CauseKind {
    /// The gateway accepted a connection that it should have refused, or started although it should have refused to
    /// start.
    LetIn,
    /// The gateway refused a connection that it should have accepted.
    Refused,
    /// The gateway granted a request that it should have refused.
    Allowed,
    /// The gateway refused a request that it should have granted.
    Denied,
    /// A connection got another role, other scopes or another token.
    Granted,
    /// The store lost a record, has an additional one, or grants other rights.
    Store,
    /// A refusal has another error code or reason.
    ErrorCode,
    /// The connection was closed differently or at another point.
    Close,
    /// There was no answer, or the gateway ended.
    Silence,
    /// The case could not be played: the gateway or the harness failed.
    Error,
    /// A frame does not conform to the published schema.
    Schema,
    /// A message is missing, or there is an additional one.
    Message,
    /// An answer lacks a detail that clients read, such as a request id, or has another value.
    Details,
    /// A message for people has another text.
    Text,
    /// A message has additional or other fields.
    Fields,
    /// There is no approved snapshot to compare with.
    Unapproved,
}

impl CauseKind {
    /// Every kind, the most serious first.
    pub const ALL: [Self; 16] = [
        Self::LetIn,
        Self::Refused,
        Self::Allowed,
        Self::Denied,
        Self::Granted,
        Self::Store,
        Self::ErrorCode,
        Self::Close,
        Self::Silence,
        Self::Error,
        Self::Schema,
        Self::Message,
        Self::Details,
        Self::Text,
        Self::Fields,
        Self::Unapproved,
    ];

    /// The name in reports and in lists of known deviations.
    pub fn name(self) -> &'static str {
        match self {
            Self::LetIn => "let-in",
            Self::Refused => "refused",
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Granted => "granted",
            Self::Store => "store",
            Self::ErrorCode => "error-code",
            Self::Close => "close",
            Self::Silence => "silence",
            Self::Error => "error",
            Self::Schema => "schema",
            Self::Message => "message",
            Self::Details => "details",
            Self::Text => "text",
            Self::Fields => "fields",
            Self::Unapproved => "unapproved",
        }
    }

    /// The kind as a heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::LetIn => "let in instead of refused",
            Self::Refused => "refused instead of let in",
            Self::Allowed => "request granted instead of refused",
            Self::Denied => "request refused instead of granted",
            Self::Granted => "other rights granted",
            Self::Store => "store differs",
            Self::ErrorCode => "other error code or reason",
            Self::Close => "closed differently",
            Self::Silence => "no answer, or the gateway ended",
            Self::Error => "error",
            Self::Schema => "frame breaks the published schema",
            Self::Message => "message missing or added",
            Self::Details => "other details",
            Self::Text => "other text",
            Self::Fields => "other fields",
            Self::Unapproved => "no approved snapshot",
        }
    }
}

/// One difference between the expected and the actual observation of a case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Difference {
    /// The kind of the difference.
    pub kind: CauseKind,
    /// The difference as a sentence without device names, so that one cause has the same sentence in all cases.
    pub what: String,
    /// The step, or the section of the store.
    pub place: String,
    /// The expected line; empty if there is none.
    pub expected: String,
    /// The actual line; empty if there is none.
    pub seen: String,
    /// The requirement behind the step's expectation.
    pub requires: Option<String>,
}

impl Difference {
    fn new(kind: CauseKind, what: String, place: &str, expected: &str, seen: &str) -> Self {
        let (expected, seen) = abbreviate::shown(expected.trim(), seen.trim(), LINE);
        let what = cut::line(&what, SENTENCE).into_owned();
        Self { kind, what, place: cut::line(place.trim(), LINE).into_owned(), expected, seen, requires: None }
    }

    /// Whether the difference is in the step with this title.
    pub(crate) fn is_at(&self, title: &str) -> bool {
        // A repeated step has two spaces before its repetitions.
        let place = self.place.split("  (").next().unwrap_or_default();
        !place.is_empty() && place == cut::line(title.trim(), LINE)
    }

    /// The difference of a case that could not be played, with the reason.
    pub fn error(reason: &str) -> Self {
        let mut lines = reason.lines();
        let what = lines.next().unwrap_or_default().to_owned();
        Self::new(CauseKind::Error, what, "", "", lines.next().unwrap_or_default())
    }

    /// A difference for a test.
    #[cfg(test)]
    pub(crate) fn test(kind: CauseKind, what: &str, expected: &str, seen: &str) -> Self {
        Self::new(kind, what.to_owned(), "step", expected, seen)
    }

    /// The difference for a finding that does not concern an observation.
    pub(super) fn of_finding(finding: &Finding) -> Option<Self> {
        match finding {
            Finding::NoSnapshot { .. } => Some(Self::new(CauseKind::Unapproved, finding.sentence(), "", "", "")),
            Finding::Frame(FrameFinding { connection, definition, frame, pointer, message, text, .. }) => {
                let place = if pointer.is_empty() { "the frame" } else { pointer };
                let what = format!("{frame} breaks {definition} at {place}: {message}");
                Some(Self::new(CauseKind::Schema, what, connection, "", text.lines().next().unwrap_or_default()))
            }
            Finding::Expectation { .. } | Finding::Snapshot { .. } => None,
        }
    }
}

/// The differences between the expected and the actual text of an observation, in the order of the steps. The list is
/// empty if and only if the texts are equal.
pub(crate) fn differences(expected: &str, seen: &str) -> Vec<Difference> {
    if expected == seen {
        return Vec::new();
    }
    let (short_expected, short_seen) = (cut::lines(expected, MOST_LINES, 0), cut::lines(seen, MOST_LINES, 0));
    let (steps_expected, store_expected) = parse::halves(&short_expected);
    let (steps_seen, store_seen) = parse::halves(&short_seen);
    let mut found = without_consequences(steps::compare(steps_expected, steps_seen));
    // After an unexpected answer, a difference in the store is also a consequence. It is kept if it is more serious.
    let unexpected = found.iter().map(|difference| difference.kind).min().filter(|kind| *kind <= CauseKind::ErrorCode);
    let in_store = store::compare(store_expected, store_seen).into_iter();
    found.extend(in_store.filter(|difference| unexpected.is_none_or(|kind| difference.kind.level() < kind.level())));
    if found.is_empty() {
        found.push(first_line_that_differs(expected, seen));
    }
    gravest_of(found)
}

/// At most [`MOST`] of the differences, the gravest ones, in the order of the steps.
fn gravest_of(found: Vec<Difference>) -> Vec<Difference> {
    let mut numbered = found.into_iter().enumerate().collect::<Vec<_>>();
    numbered.sort_by_key(|(_, difference)| (difference.kind.level(), difference.kind));
    numbered.truncate(MOST);
    numbered.sort_by_key(|(number, _)| *number);
    numbered.into_iter().map(|(_, difference)| difference).collect()
}

/// The most serious difference between two texts. If several are equally serious, the first one.
pub(crate) fn gravest(expected: &str, seen: &str) -> Difference {
    let all = differences(expected, seen).into_iter();
    all.min_by_key(|difference| difference.kind).unwrap_or_else(|| first_line_that_differs(expected, seen))
}

/// The differences up to the first unexpected decision, and after it the more serious ones and those that count at a less
/// strict level.
pub(super) fn without_consequences(all: Vec<Difference>) -> Vec<Difference> {
    let mut gravest: Option<CauseKind> = None;
    let mut kept = Vec::new();
    for difference in all {
        let kind = difference.kind;
        if gravest.is_none_or(|gravest| kind < gravest || kind.level() < gravest.level()) {
            if kind <= CauseKind::ErrorCode {
                gravest = Some(kind);
            }
            kept.push(difference);
        }
    }
    kept
}

/// The difference if all lines are equal except for the numbers of symbols: a value differs from the expected one.
fn first_line_that_differs(expected: &str, seen: &str) -> Difference {
    let unequal = expected.lines().zip(seen.lines()).find(|(expected, seen)| expected != seen);
    let (expected, seen) = unequal.unwrap_or_default();
    let symbol = parse::symbols(seen).into_iter().find(|symbol| !expected.contains(*symbol));
    let what = match symbol {
        Some(symbol) => format!("another {} than expected", parse::unnumbered(symbol)),
        None => "another value than expected".to_owned(),
    };
    Difference::new(CauseKind::Fields, what, "", expected, seen)
}

#[cfg(test)]
mod tests;
