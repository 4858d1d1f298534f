//! The time limits of a gateway.

use std::time::Duration;

/// The time limits of a gateway. `None`: the run uses its own default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeLimits {
    /// The maximum wait for an answer.
    pub answer: Option<Duration>,
    /// The maximum wait until a gateway is ready.
    pub start: Option<Duration>,
    /// The maximum wait for the exit after SIGTERM.
    pub stop: Option<Duration>,
}

impl TimeLimits {
    /// Returns these limits. Missing limits are taken from `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { answer: self.answer.or(other.answer), start: self.start.or(other.start), stop: self.stop.or(other.stop) }
    }
}

/// Whether a gateway sends `connect.challenge` on every new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChallengeSupport {
    /// The gateway sends one: the embedded gateway, OpenClaw itself, and a gateway whose readiness is a challenge.
    Sent,
    /// The description says that the gateway sends none.
    Absent,
    /// Unknown.
    Unknown,
}
