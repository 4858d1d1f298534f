//! One connection to a gateway: upgrade, challenge, connect, requests and raw frames. It records a transcript.
//!
//! This module does not know which answers are correct. A gateway can do anything, and each of its actions has its own
//! result: it refuses the TCP connection, answers with HTTP, closes without a code, violates the frame format, or sends
//! nothing.

pub mod connect;
mod connection;
mod fragments;
mod incoming;
mod instead;
mod link;
mod tap;
#[cfg(test)]
mod tests;
mod transcript;
mod upgrade;
pub mod via;

pub use connect::ConnectRequest;
pub use connection::{Connection, Pending, Reply, SendError};
pub use incoming::{Closed, Ending, Incoming, TextFrame};
pub use instead::{ending, instead_of_response};
pub use link::{Link, UrlError};
pub use transcript::Transcript;
pub use upgrade::{OpenError, Upgrade};
pub use via::Via;
