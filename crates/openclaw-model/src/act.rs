//! What can happen to a gateway, and what it does about it.

use super::trace::{Check, Fact, TraceLine};
use openclaw_protocol::frame::ServerFrame;
use openclaw_protocol::store::Documents;
use std::net::IpAddr;

/// Names one WebSocket connection for as long as the model lives. Chosen by the driver, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Who is at the other end of the TCP connection, and what its upgrade request said.
#[derive(Debug, Clone, PartialEq)]
pub struct Peer {
    /// The TCP peer's address, as the gateway's socket sees it.
    pub address: IpAddr,
    /// The upgrade request's headers, names in lower case, in the order in which they came.
    pub headers: Vec<(String, String)>,
}

impl Peer {
    /// The first value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// One thing that happens to the gateway.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// A WebSocket upgrade arrived. Answered with the challenge, or with [`Effect::RefuseUpgrade`].
    Open {
        /// The name of the new connection.
        connection: ConnectionId,
        /// Its other end.
        peer: Peer,
    },
    /// A whole text or binary message arrived (the real gateway reads both as text).
    Message {
        /// On this connection.
        connection: ConnectionId,
        /// Its bytes.
        data: Vec<u8>,
    },
    /// Several messages came in one read of the socket. Before the welcome a release looks at all of them before it has
    /// finished with the first; afterwards this is one [`Act::Message`] after the other.
    Burst {
        /// On this connection.
        connection: ConnectionId,
        /// Their bytes, in order.
        messages: Vec<Vec<u8>>,
    },
    /// The connection is gone, whoever closed it.
    Closed {
        /// This connection.
        connection: ConnectionId,
    },
    /// The time that [`Outcome::wake_at`] named has come (handshake timeouts, approvals that expire).
    Wake,
    /// The gateway is about to stop: closes every connection as the release does.
    Stop,
}

impl Act {
    /// The connection on which it happens, if it happens on one.
    pub fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::Open { connection, .. }
            | Self::Message { connection, .. }
            | Self::Burst { connection, .. }
            | Self::Closed { connection } => Some(*connection),
            Self::Wake | Self::Stop => None,
        }
    }
}

/// What the driver must do, in this order.
#[expect(clippy::large_enum_variant, reason = "most effects are frames, and each is moved once")]
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Refuse the upgrade with this HTTP status and body; no WebSocket comes to be.
    RefuseUpgrade {
        /// The connection that was being opened.
        connection: ConnectionId,
        /// HTTP status.
        status: u16,
        /// Response body.
        body: String,
    },
    /// Send a frame.
    Send {
        /// To this connection.
        connection: ConnectionId,
        /// The frame.
        frame: ServerFrame,
    },
    /// Start the close handshake. No frame follows on this connection.
    Close {
        /// This connection.
        connection: ConnectionId,
        /// Close code.
        code: u16,
        /// Close reason, at most 123 bytes.
        reason: String,
    },
    /// A line for the gateway's log.
    Log(String),
}

/// The answer to one act.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// What to do, in order.
    pub effects: Vec<Effect>,
    /// Why: the checks that were made, in their order.
    pub trace: Vec<TraceLine>,
    /// When the model next wants [`Act::Wake`], milliseconds since the epoch.
    pub wake_at: Option<i64>,
}

impl Outcome {
    /// Notes what a check found.
    pub fn because(&mut self, check: Check, why: impl Into<String>) {
        self.trace.push(TraceLine { check, sentence: why.into(), fact: None });
    }

    /// Notes what a check found, and the fact of the release that it rests on.
    pub fn because_of(&mut self, check: Check, fact: Fact, why: impl Into<String>) {
        self.trace.push(TraceLine { check, sentence: why.into(), fact: Some(fact) });
    }
}

/// Everything an answer may depend on besides the model's own state.
pub struct Environment<'a> {
    /// Now, in milliseconds since the epoch.
    pub now: i64,
    /// The store: releases read it afresh whenever they need it, and so do the rules.
    pub store: &'a mut dyn Documents,
    /// Where ids and tokens come from.
    pub entropy: &'a mut dyn Entropy,
}

/// Source of what must not be guessed. The driver's is the operating system; a test's is a counter.
pub trait Entropy {
    /// Sixteen bytes for a version 4 UUID (nonces, request ids, connection ids, approval ids).
    fn uuid(&mut self) -> [u8; 16];
    /// Thirty-two bytes for a token.
    fn token(&mut self) -> [u8; 32];
}
