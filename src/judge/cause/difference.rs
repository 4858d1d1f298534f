//! One difference between two observations, and its kind.

use super::abbreviate;
use crate::judge::finding::{Finding, FrameFinding};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use untrusted_data::cut;
use untrusted_data::limits::LINE;

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
    pub(super) fn new(kind: CauseKind, what: String, place: &str, expected: &str, seen: &str) -> Self {
        let (expected, seen) = abbreviate::shown(expected.trim(), seen.trim(), LINE);
        let what = cut::line(&what, SENTENCE).into_owned();
        Self { kind, what, place: cut::line(place.trim(), LINE).into_owned(), expected, seen, requires: None }
    }

    /// Whether the gateway accepted a secret or a device proof that is wrong or missing.
    pub(crate) fn accepts_wrong_credentials(&self) -> bool {
        // The first releases have no specific code for this refusal, so the title of the step is checked too.
        let is_wrong = || {
            self.expected.contains("AUTH_") || [", proof: ", ", wrong "].iter().any(|words| self.place.contains(words))
        };
        matches!(self.kind, CauseKind::LetIn | CauseKind::Allowed) && is_wrong()
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
    pub(in crate::judge) fn of_finding(finding: &Finding) -> Option<Self> {
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
