//! What can end an operation on the store other than an answer.

use openclaw_protocol::js::TypeFault;
use openclaw_protocol::store::{ReadFault, WriteFault};

/// An exception that a release throws out of a store operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The store could not be written.
    #[error("Error: {0}")]
    Write(#[from] WriteFault),
    /// A document of the store is there but cannot be read.
    #[error("JsonFileReadError: {0}")]
    Read(#[from] ReadFault),
    /// A record has a shape that the release's code cannot bear.
    #[error("{0}")]
    Type(#[from] TypeFault),
    /// An error that the release throws on purpose.
    #[error("Error: {0}")]
    Refused(&'static str),
}

/// Longest text of an exception in an answer, in characters (`LOG_VALUE_LIMIT` in `ws-log.ts`).
const LIMIT: usize = 240;

impl Fault {
    /// The exception as an `UNAVAILABLE` answer words it (`formatForLog` in `gateway-cli-*.js`).
    pub fn for_answer(&self) -> String {
        let code = match self {
            Self::Write(WriteFault(message)) => message.split_once(": ").map(|(code, _)| format!(": code={code}")),
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
    fn an_answer_names_the_system_error_code() {
        let fault = Fault::from(WriteFault("EACCES: permission denied, open '/x'".to_owned()));
        assert_eq!(fault.for_answer(), "Error: EACCES: permission denied, open '/x': code=EACCES");
        assert_eq!(Fault::Refused("nodeId required").for_answer(), "Error: nodeId required");
    }
}
