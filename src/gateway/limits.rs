//! How long a gateway may take, as far as somebody has said so.

use std::time::Duration;

/// Time limits of a gateway. `None`: nobody has said one, and the run takes its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeLimits {
    /// The longest wait for an answer.
    pub answer: Option<Duration>,
    /// The longest wait for a gateway to be ready.
    pub start: Option<Duration>,
    /// The longest wait for a gateway to end after SIGTERM.
    pub stop: Option<Duration>,
}

impl TimeLimits {
    /// These limits, and where one is missing that of `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { answer: self.answer.or(other.answer), start: self.start.or(other.start), stop: self.stop.or(other.stop) }
    }
}

/// Whether a gateway sends `connect.challenge` on every new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChallengeSupport {
    /// It is known to: the embedded gateway, OpenClaw itself, a gateway that counts as ready once it has sent one.
    Sent,
    /// It declares that it does not.
    Absent,
    /// Nobody has said.
    Unknown,
}
