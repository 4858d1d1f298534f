//! The failed checks of a case.

use openclaw_model::Release;

/// A failed check of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// A step did not get the expected answer.
    Expectation {
        /// The title of the step.
        step: String,
        /// Its line in the scenario file, counted from 1.
        line: usize,
        /// The expectation.
        expected: String,
        /// The observed answer.
        seen: String,
        /// The requirement behind the expectation.
        requires: Option<String>,
    },
    /// The observation differs from the snapshot.
    Snapshot {
        /// The release of the snapshot that applies to the release under test.
        variant: Release,
        /// Whether only the embedded gateway has shown the snapshot.
        draft: bool,
        /// The part of the snapshot that the observation can be compared with.
        expected: String,
        /// The observation.
        seen: String,
    },
    /// There is no snapshot for this release.
    NoSnapshot {
        /// The first later release that has one.
        later: Option<Release>,
        /// The observation.
        seen: String,
    },
    /// A frame violates the published schema.
    Frame(FrameFinding),
}

/// A frame that violates the published schema, without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameFinding {
    /// The connection that received it.
    pub connection: String,
    /// `@openclaw/gateway-protocol@2026.9.1`.
    pub package: String,
    /// The definition in the schema that it violates.
    pub definition: String,
    /// Its description: `event tick`, `answer to device.pair.list`.
    pub frame: String,
    /// The JSON pointer to the invalid value. Empty for the frame itself.
    pub pointer: String,
    /// The message of the validator.
    pub message: String,
    /// The frame without secrets. A long frame is truncated.
    pub text: String,
    /// Number of frames of the case with the same violation.
    pub times: usize,
}

impl Finding {
    /// The finding as one sentence.
    pub fn sentence(&self) -> String {
        match self {
            Self::Expectation { step, line, expected, seen, requires } => {
                let requires = requires.as_ref().map(|id| format!(" (requirement {id})")).unwrap_or_default();
                format!("`{step}` (line {line}): expected {expected}{requires}; saw {seen}")
            }
            Self::Snapshot { variant, draft: false, .. } => {
                format!("the observation differs from the snapshot approved for {variant} and later")
            }
            Self::Snapshot { variant, draft: true, .. } => {
                format!(
                    "the observation differs from the draft for {variant} and later, which no real release has confirmed"
                )
            }
            Self::NoSnapshot { later: None, .. } => {
                "all expectations are met, but no snapshot is approved for this case yet".to_owned()
            }
            Self::NoSnapshot { later: Some(later), .. } => {
                format!("no snapshot is approved for this case before release {later}")
            }
            Self::Frame(FrameFinding { connection, package, definition, frame, pointer, message, times, .. }) => {
                let place = if pointer.is_empty() { "the frame" } else { pointer };
                let times = if *times > 1 { format!(" ({times} times)") } else { String::new() };
                format!("{frame} on {connection} breaks {definition} of {package} at {place}: {message}{times}")
            }
        }
    }
}
