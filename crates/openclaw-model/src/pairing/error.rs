//! The errors of operations on the store.

use openclaw_protocol::js::TypeError;
use openclaw_protocol::store::{ReadError, WriteError};

/// An error that a release throws in a store operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store could not be written.
    #[error("Error: {0}")]
    Write(#[from] WriteError),
    /// A document of the store exists but cannot be read.
    #[error("JsonFileReadError: {0}")]
    Read(#[from] ReadError),
    /// A record has a form that the release's code cannot process.
    #[error("{0}")]
    Type(#[from] TypeError),
    /// An error that the release throws intentionally.
    #[error("Error: {0}")]
    Refused(&'static str),
}

/// Maximum length of an error text in an answer, in characters (`LOG_VALUE_LIMIT` in `ws-log.ts`).
const LIMIT: usize = 240;

impl StoreError {
    /// The error in the form of an `UNAVAILABLE` answer (`formatForLog`).
    pub fn for_answer(&self) -> String {
        let code = match self {
            Self::Write(WriteError(message)) => message.split_once(": ").map(|(code, _)| format!(": code={code}")),
            Self::Read(_) | Self::Type(_) | Self::Refused(_) => None,
        };
        let text = format!("{self}{}", code.unwrap_or_default());
        match text.char_indices().nth(LIMIT) {
            Some((end, _)) => format!("{}...", &text[..end]),
            None => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_contains_system_code() {
        let fault = StoreError::from(WriteError("EACCES: permission denied, open '/x'".to_owned()));
        assert_eq!(fault.for_answer(), "Error: EACCES: permission denied, open '/x': code=EACCES");
        assert_eq!(StoreError::Refused("nodeId required").for_answer(), "Error: nodeId required");
    }
}
