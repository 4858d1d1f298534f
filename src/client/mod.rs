//! One connection to a gateway: upgrade, challenge, connect, requests and raw frames. It records a transcript.
//!
//! This module does not know which answers are correct. A gateway can do anything, and each of its actions has its own
//! result: it refuses the TCP connection, answers with HTTP, closes without a code, violates the frame format, or sends
//! nothing.

pub(crate) mod connect;
mod connection;
mod fragments;
mod incoming;
mod link;
pub(crate) mod proxy;
mod tail_stream;
#[cfg(test)]
mod tests;
mod transcript;
mod unexpected;
mod upgrade;

pub use connect::ConnectRequest;
pub use connection::{Connection, Reply};
pub(crate) use connection::{RequestId, SendError};
pub use incoming::Incoming;
pub(crate) use incoming::{Closed, Ending, TextFrame};
pub use link::Link;
pub(crate) use link::UrlError;
pub(crate) use proxy::Proxy;
pub use transcript::Transcript;
pub(crate) use unexpected::{ending, unexpected_messages};
pub(crate) use upgrade::OpenError;
pub use upgrade::Upgrade;
