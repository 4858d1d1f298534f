//! The embedded gateway: sockets and persistence around [`openclaw_model`], nothing decided here.
//!
//! [`EmbeddedGateway`] is one gateway process's worth: an owner task holds the [`Model`](openclaw_model::Model) and lets
//! things happen to it one at a time; every socket has a task of its own that speaks HTTP and WebSocket and passes whole
//! messages on. Clients come in through an in-memory pipe with an address of the caller's choice
//! ([`EmbeddedGateway::connect`]), or through TCP ([`EmbeddedGateway::listening`]). No task outlives the gateway.
//!
//! The crate imports `openclaw-model`, `openclaw-protocol` and `untrusted-data`, and no other of our crates.

mod actor;
pub mod at_rest;
mod clock;
mod connection;
mod entropy;
mod frames;
mod gateway;
mod http;
mod import;
mod listen;
mod logs;
mod machine;
mod outbox;
pub mod program;
pub mod settings;
pub mod store;

pub use clock::{Clock, ManualClock};
pub use gateway::{EmbeddedGateway, EmbeddedOptions, StartError};
pub use logs::{LogListener, TraceListener};
