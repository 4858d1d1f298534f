//! The inputs of the model and its outputs.

use super::trace::{Check, Fact, TraceLine};
use openclaw_protocol::frame::ServerFrame;
use openclaw_protocol::store::Documents;
use std::net::IpAddr;

/// The id of a WebSocket connection. The driver chooses it and never reuses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// The peer of the TCP connection and its upgrade request.
#[derive(Debug, Clone, PartialEq)]
pub struct Peer {
    /// The address of the TCP peer as the gateway's socket sees it.
    pub address: IpAddr,
    /// The headers of the upgrade request, with lower-case names, in the order of their arrival.
    pub headers: Vec<(String, String)>,
}

impl Peer {
    /// The first value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// One event that happens to the gateway.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A WebSocket upgrade arrived. The answer is the challenge or [`Effect::RefuseUpgrade`].
    Open {
        /// The id of the new connection.
        connection: ConnectionId,
        /// The peer and its upgrade request.
        peer: Peer,
    },
    /// A complete text or binary message arrived. The real gateway reads both as text.
    Message {
        /// The connection, which is new.
        connection: ConnectionId,
        /// The bytes of the message.
        data: Vec<u8>,
    },
    /// Several messages arrived in one read of the socket. Before `hello-ok`, a release looks at all of them before it
    /// has finished the first. Afterwards, this is the same as several [`Input::Message`].
    Burst {
        /// The connection that the data arrived on.
        connection: ConnectionId,
        /// The bytes of the messages, in order.
        messages: Vec<Vec<u8>>,
    },
    /// The bytes of a client are no WebSocket upgrade. The driver has answered them.
    NotUpgraded {
        /// The id of the connection.
        connection: ConnectionId,
        /// The peer and its request, if it could be read.
        peer: Peer,
        /// The HTTP status of the answer.
        status: u16,
        /// What is wrong with the request, for people.
        why: &'static str,
    },
    /// The connection ends before `hello-ok`, because the client's bytes are not a WebSocket message or are too many. The
    /// driver has sent the close frame.
    Broken {
        /// The connection.
        connection: ConnectionId,
        /// The code in the close frame.
        code: u16,
        /// What is wrong with the bytes, for people.
        why: String,
    },
    /// The connection is closed, by either side.
    Closed {
        /// The connection that ended.
        connection: ConnectionId,
    },
    /// The time in [`Outcome::wake_at`] has come (handshake timeouts, expired approvals).
    Wake,
    /// The gateway is about to stop. It closes every connection as the release does.
    Stop,
}

impl Input {
    /// The connection of the input, if it has one.
    pub fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::Open { connection, .. }
            | Self::Message { connection, .. }
            | Self::Burst { connection, .. }
            | Self::NotUpgraded { connection, .. }
            | Self::Broken { connection, .. }
            | Self::Closed { connection } => Some(*connection),
            Self::Wake | Self::Stop => None,
        }
    }
}

/// An action that the driver must perform. The order matters.
#[expect(clippy::large_enum_variant, reason = "most effects are frames, and each is moved once")]
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Refuse the upgrade with this HTTP status and body. No WebSocket is opened.
    RefuseUpgrade {
        /// The connection that requested the upgrade.
        connection: ConnectionId,
        /// The HTTP status.
        status: u16,
        /// The response body.
        body: String,
    },
    /// Send a frame.
    Send {
        /// The connection that the frame is for.
        connection: ConnectionId,
        /// The frame to send.
        frame: ServerFrame,
    },
    /// Start the close handshake. No frame follows on this connection.
    Close {
        /// The connection to close.
        connection: ConnectionId,
        /// Close code.
        code: u16,
        /// Close reason, at most 123 bytes.
        reason: String,
    },
    /// A line for the gateway's log.
    Log(String),
}

/// The result of one input.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// The actions to perform, in order.
    pub effects: Vec<Effect>,
    /// The checks that led to the result, in their order.
    pub trace: Vec<TraceLine>,
    /// The connection that the next trace lines are about.
    pub about: Option<ConnectionId>,
    /// The time of the next [`Input::Wake`], in milliseconds since 1970. `None` if none is needed.
    pub wake_at: Option<i64>,
}

impl Outcome {
    /// Adds a trace line with the result of a check.
    pub fn trace_line(&mut self, check: Check, why: impl Into<String>) {
        self.trace.push(TraceLine { check, sentence: why.into(), fact: None, connection: self.about });
    }

    /// Adds what a check found, and the fact of the release that it rests on.
    pub fn trace_line_of(&mut self, check: Check, fact: Fact, why: impl Into<String>) {
        self.trace.push(TraceLine { check, sentence: why.into(), fact: Some(fact), connection: self.about });
    }
}

/// Everything that an answer can depend on in addition to the model's own state.
pub struct Environment<'a> {
    /// The current time, in milliseconds since 1970.
    pub now: i64,
    /// The store. Releases read it again whenever they need it, and so does the model.
    pub store: &'a mut dyn Documents,
    /// The source of ids and tokens.
    pub entropy: &'a mut dyn Entropy,
}

/// A source of random bytes. The driver uses the operating system, and a test uses a counter.
pub trait Entropy {
    /// Sixteen bytes for a version 4 UUID (nonces, request ids, connection ids, approval ids).
    fn uuid(&mut self) -> [u8; 16];
    /// Thirty-two bytes for a token.
    fn token(&mut self) -> [u8; 32];
}
