//! The lines that `clawcheck serve --verbose` writes: `connection 0: locality: local: the peer 127.0.0.1 is loopback`. The model
//! writes the sentences, and reads them back.

use openclaw_emulator::CheckLine;
use openclaw_model::handshake::CredentialsFinding;
use openclaw_model::{AnswerFinding, Check, ConnectFinding, UpgradeFinding};

/// A line about a check of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VerboseLine {
    /// The number of the connection.
    pub(crate) connection: u64,
    /// What the check found, if it describes the client or is the answer.
    pub(crate) finding: Option<Finding>,
}

/// A result of a check that describes the client, or the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    Upgrade(UpgradeFinding),
    Connect(ConnectFinding),
    Credentials(CredentialsFinding),
    Answer(AnswerFinding),
}

impl VerboseLine {
    /// Recognizes a line, also after a time or the name of a program.
    pub(crate) fn of(line: &str) -> Option<Self> {
        let CheckLine { connection, check, sentence } = CheckLine::read(line)?;
        let finding = match check {
            Check::Upgrade => UpgradeFinding::of_sentence(sentence).map(Finding::Upgrade),
            Check::Frame => ConnectFinding::of_sentence(sentence).map(Finding::Connect),
            Check::Credentials => CredentialsFinding::of_sentence(sentence).map(Finding::Credentials),
            Check::Answer => AnswerFinding::of_sentence(sentence).map(Finding::Answer),
            Check::Locality | Check::Origin | Check::Device | Check::Pairing | Check::Call => None,
        };
        Some(Self { connection, finding })
    }
}
