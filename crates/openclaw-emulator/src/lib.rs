//! The embedded gateway: the sockets and the persistence around [`openclaw_model`]. The model makes all decisions.
//!
//! [`EmbeddedGateway`] corresponds to one gateway process. An owner task holds the [`Model`](openclaw_model::Model)
//! and passes it one input at a time. Each socket has its own task, which reads HTTP and WebSocket frames and passes
//! complete messages to the owner. Clients connect through an in-memory pipe with any peer address
//! ([`EmbeddedGateway::connect`]), or through TCP ([`EmbeddedGateway::listening`]). No task outlives the gateway.
//!
//! The crate imports `openclaw-model`, `openclaw-protocol` and `untrusted-data`, and no other crate of this
//! workspace.

mod actor;
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
pub mod stored_documents;
pub mod stored_state;

pub use clock::{Clock, ManualClock};
pub use gateway::{EmbeddedGateway, EmbeddedOptions, StartError};
pub use logs::{CheckLine, LogListener, TraceListener};
