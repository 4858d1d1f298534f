//! The questions that a probe can ask, and how it asks them.

use super::connect::Connect;
use super::context::ProbeContext;
use crate::client::Upgrade;
use serde_json::Value;

/// The subject of a question. The order is the order of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Topic {
    /// The upgrade, the challenge and the life of a connection.
    Connection,
    /// Messages before or instead of the connect.
    FirstFrame,
    /// The parameters of the connect.
    Connect,
    /// Tokens and passwords.
    Secrets,
    /// The proof of a device.
    Proof,
    /// Browsers and proxies.
    Proxies,
    /// The contents of hello-ok, and the rights of an admitted client.
    Hello,
    /// Pairing.
    Pairing,
}

impl Topic {
    /// Every topic.
    pub(crate) const ALL: [Self; 8] = [
        Self::Connection,
        Self::FirstFrame,
        Self::Connect,
        Self::Secrets,
        Self::Proof,
        Self::Proxies,
        Self::Hello,
        Self::Pairing,
    ];

    /// The name of the topic in the output.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::FirstFrame => "first frame",
            Self::Connect => "connect",
            Self::Secrets => "secrets",
            Self::Proof => "device proof",
            Self::Proxies => "proxies",
            Self::Hello => "hello-ok",
            Self::Pairing => "pairing",
        }
    }
}

/// The records that a question can leave behind in the pairing store of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SideEffect {
    /// Nothing, because the question has no device, or because every gateway that checks the secret or the other error
    /// refuses it.
    Nothing,
    /// A paired device or a request, if the gateway lets clients in without the correct secret.
    RecordIfOpen,
    /// A paired device, or a request that waits for approval.
    Record,
}

/// The prerequisites of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prerequisite {
    /// Nothing.
    Nothing,
    /// The shared secret of the gateway, or a gateway without a secret.
    Secret,
    /// A device token from an earlier question.
    DeviceToken,
    /// The hello-ok of an earlier question.
    Hello,
}

/// How a question is asked.
#[derive(Clone, Copy)]
pub(crate) enum Script {
    /// Open a connection, and wait for the challenge.
    Challenge,
    /// Open a connection with this upgrade, and wait for the challenge.
    Open(fn(&mut Upgrade)),
    /// Send this instead of a connect.
    First(fn() -> Frame),
    /// Send a ping before the connect.
    Ping,
    /// Close the connection before the connect.
    Close,
    /// Say nothing, and wait.
    Silence,
    /// Send a connect.
    Connect(fn(&ProbeContext) -> Connect),
    /// Look at the hello-ok of the question [`HELLO`](super::questions::HELLO).
    OfHello(fn(&Value) -> String),
}

/// A frame that is not a connect.
pub(crate) enum Frame {
    /// A text frame.
    Text(String),
    /// A binary frame.
    Binary(Vec<u8>),
}

/// A question to a gateway, and how it is asked.
pub(crate) struct Question {
    /// The id of the question in the JSON output.
    pub(crate) id: &'static str,
    /// The subject.
    pub(crate) topic: Topic,
    /// The question in a few words: what the client does.
    pub(crate) what: &'static str,
    /// The records that it can leave behind.
    pub(crate) leaves: SideEffect,
    /// The prerequisites of the question.
    pub(crate) needs: Prerequisite,
    /// Whether it tries a secret that is not the gateway's. Such questions count towards the gateway's rate limit.
    pub(crate) guesses: bool,
    /// How the question is asked.
    pub(crate) script: Script,
}

impl Question {
    /// A question that needs nothing and leaves nothing.
    pub(super) const fn new(id: &'static str, topic: Topic, what: &'static str, script: Script) -> Self {
        Self { id, topic, what, leaves: SideEffect::Nothing, needs: Prerequisite::Nothing, guesses: false, script }
    }

    /// Adds a prerequisite to the question.
    pub(super) const fn needs(self, needs: Prerequisite) -> Self {
        Self { needs, ..self }
    }

    /// Adds a side effect to the question.
    pub(super) const fn leaves(self, leaves: SideEffect) -> Self {
        Self { leaves, ..self }
    }

    /// Marks the question as one that sends a wrong secret.
    pub(super) const fn with_wrong_secret(self) -> Self {
        Self { guesses: true, ..self }
    }
}

impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)
    }
}
