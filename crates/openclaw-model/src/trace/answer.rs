//! The answer that ends a handshake.

use super::quoted::{Sentence, list, word};
use std::fmt;

/// The reason of a connection that ends because its client sent no connect in time.
pub const HANDSHAKE_TIMEOUT: &str = "handshake timeout";

/// The answer of a gateway that ends a handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerFinding {
    /// The upgrade is refused, with this HTTP status.
    NoUpgrade(u16),
    /// The connect is refused, with this reason.
    Refused(String),
    /// The connection is closed without a reason, with this code.
    Closed {
        /// The close code.
        code: u16,
        /// Why the gateway closes the connection, for people.
        why: String,
    },
    /// The client is let in.
    LetIn {
        /// The role.
        role: String,
        /// The scopes. `None` if they are too long to be shown.
        scopes: Option<Vec<String>>,
    },
}

const REFUSED: &str = "refused: ";
const HTTP: &str = "HTTP ";
const CLOSED: &str = "closed with ";
const LET_IN: &str = "let in as ";

impl AnswerFinding {
    /// Reads the sentence of a trace.
    pub fn of_sentence(sentence: &str) -> Option<Self> {
        if let Some(reason) = sentence.strip_prefix(REFUSED) {
            let status = reason.strip_prefix(HTTP).and_then(|status| status.parse().ok());
            return Some(status.map_or_else(|| Self::Refused(reason.to_owned()), Self::NoUpgrade));
        }
        if let Some(closed) = sentence.strip_prefix(CLOSED) {
            let (code, why) = closed.split_once(": ")?;
            return Some(Self::Closed { code: code.parse().ok()?, why: why.to_owned() });
        }
        let mut rest = Sentence(sentence);
        rest.words(LET_IN)?;
        let role = rest.text()?;
        rest.words(" [")?;
        Some(Self::LetIn { role, scopes: rest.list()? })
    }
}

impl fmt::Display for AnswerFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUpgrade(status) => write!(f, "{REFUSED}{HTTP}{status}"),
            Self::Refused(reason) => write!(f, "{REFUSED}{reason}"),
            Self::Closed { code, why } => write!(f, "{CLOSED}{code}: {why}"),
            Self::LetIn { role, scopes } => write!(f, "{LET_IN}{} [{}]", word(role), list(scopes.as_deref())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_is_read_back() {
        let scopes = Some(vec!["operator.read".to_owned(), "a, b".to_owned()]);
        let answers = [
            AnswerFinding::NoUpgrade(403),
            AnswerFinding::Refused("pairing required".to_owned()),
            AnswerFinding::Refused("HTTP is required".to_owned()),
            AnswerFinding::Closed { code: 1000, why: HANDSHAKE_TIMEOUT.to_owned() },
            AnswerFinding::LetIn { role: "operator".to_owned(), scopes },
        ];
        for answer in answers {
            assert_eq!(AnswerFinding::of_sentence(&answer.to_string()), Some(answer));
        }
        assert_eq!(AnswerFinding::of_sentence("pairing required"), None);
    }
}
