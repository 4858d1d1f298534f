//! The embedded gateway: sockets and persistence around [`rules`](crate::rules), which make all decisions.
//!
//! An [`EmbeddedGateway`] corresponds to one gateway process. An owner task holds the [`Model`](crate::rules::Model)
//! and passes it one input at a time. Each socket has its own task, which speaks HTTP and WebSocket and passes complete
//! messages on. Clients connect through an in-memory pipe with an address of the caller's choice
//! ([`EmbeddedGateway::connect`]), or through TCP ([`EmbeddedGateway::listening`]). No task outlives the gateway.

mod chance;
mod clock;
mod connection;
mod frames;
mod gateway;
mod http;
mod import;
mod listen;
mod logs;
mod machine;
mod outbox;
mod owner;
pub mod program;
pub mod settings;
#[cfg(test)]
mod tests;

pub use clock::{Clock, ManualClock};
pub use gateway::{EmbeddedGateway, EmbeddedOptions, StartError};
pub use logs::LogListener;
