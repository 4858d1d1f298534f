//! The ways in which a handshake ends without `hello-ok`.

use crate::pairing::StoreError;
use openclaw_protocol::codes::{close, error};
use openclaw_protocol::frame::ErrorShape;
use serde_json::Value;

/// Maximum length of a close reason, in bytes.
const REASON_LIMIT: usize = 120;

/// The reason for the end of a handshake.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum HandshakeEnd {
    /// The gateway refused the connect.
    Refused(Refusal),
    /// The release threw an error: it closes the connection without a message.
    Threw(StoreError),
}

impl From<StoreError> for HandshakeEnd {
    fn from(fault: StoreError) -> Self {
        Self::Threw(fault)
    }
}

impl From<Refusal> for HandshakeEnd {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// An answer and a close.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    /// The `error` of the response. `None` if there is no response.
    pub error: Option<Box<ErrorShape>>,
    /// Close code.
    pub code: u16,
    /// Close reason.
    pub reason: String,
}

impl Refusal {
    /// `INVALID_REQUEST`, and a close with code 1008 and the same message.
    pub(super) fn invalid(message: impl Into<String>, details: Option<Value>) -> Self {
        Self::new(error::INVALID_REQUEST, message.into(), details)
    }

    /// `NOT_PAIRED`, and a close with code 1008 and the same message.
    pub(super) fn not_paired(message: &str, details: Option<Value>) -> Self {
        Self::new(error::NOT_PAIRED, message.to_owned(), details)
    }

    /// `UNAVAILABLE` that is not retryable, and a close with code 1008 and the same message.
    pub(super) fn outdated(message: &str, details: Value) -> Self {
        let mut refusal = Self::new(error::UNAVAILABLE, message.to_owned(), Some(details));
        if let Some(error) = &mut refusal.error {
            error.retryable = Some(false);
        }
        refusal
    }

    /// This refusal, with permission to retry after this many milliseconds.
    #[must_use]
    pub(super) fn retryable_after(mut self, retry_after_ms: u64) -> Self {
        if let Some(error) = &mut self.error {
            error.retryable = Some(true);
            error.retry_after_ms = Some(retry_after_ms);
        }
        self
    }

    /// A close with code 1008 and no response.
    pub(super) fn silent(reason: &str) -> Self {
        Self { error: None, code: close::POLICY, reason: reason.to_owned() }
    }

    /// This refusal with another close code.
    #[must_use]
    pub(super) fn closing_with(mut self, code: u16) -> Self {
        self.code = code;
        self
    }

    /// This refusal with another close reason.
    #[must_use]
    pub(super) fn closing_because(mut self, reason: &str) -> Self {
        self.reason = cut(reason);
        self
    }

    fn new(code: &str, message: String, details: Option<Value>) -> Self {
        let reason = cut(&message);
        let error = ErrorShape { code: code.to_owned(), message, details, retryable: None, retry_after_ms: None };
        Self { error: Some(Box::new(error)), code: close::POLICY, reason }
    }
}

/// Truncates a close reason to 120 bytes. A character that is cut becomes U+FFFD, as Node.js decodes it.
fn cut(reason: &str) -> String {
    String::from_utf8_lossy(&reason.as_bytes()[..reason.len().min(REASON_LIMIT)]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("a".repeat(120), "a".repeat(120))]
    #[case("a".repeat(121), "a".repeat(120))]
    #[case("a".repeat(119) + "éx", "a".repeat(119) + "\u{fffd}")]
    fn reason_is_truncated_at_120_bytes(#[case] message: String, #[case] reason: String) {
        assert_eq!(Refusal::invalid(message, None).reason, reason);
    }
}
