//! One connection to a gateway: upgrade, challenge, connect, requests, raw frames. It keeps a transcript.
//!
//! Nothing here knows what a right answer is. A gateway may do anything at all, and each thing that it can do
//! (refuse the TCP connection, answer with HTTP, close without a code, break the frame format, fall silent) is told apart.

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
