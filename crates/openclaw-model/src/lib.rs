//! The pure model of OpenClaw: the answer of a release to an input, and its effect on the state. It has no I/O, no
//! clock and no randomness.
//!
//! One [`Model`] is one gateway process. Whoever drives it (the embedded gateway's sockets, the planner, a fuzzer)
//! hands it one [`Input`] at a time together with an [`Environment`]: the time, the store, a source of ids. The answer is an [`Outcome`]: effects in the order in
//! which they must happen, and the [trace](TraceLine) of the checks that were made.
//!
//! The crate imports `openclaw-protocol` and no other of our crates.

mod address;
mod approvals;
mod broadcast;
pub mod config;
#[cfg(test)]
mod counting_entropy;
pub mod facts;
pub mod handshake;
pub mod input;
pub mod locality;
mod model;
mod node_work;
pub mod nodes;
mod origin;
pub mod pairing;
pub mod release;
pub mod releases;
pub mod rpc;
pub mod schema;
mod scope_upgrades;
mod surface;
pub mod trace;

pub use config::{AuthMode, GatewayConfig};
pub use facts::Facts;
pub use facts::locality::LocalityRules;
pub use input::{ConnectionId, Effect, Entropy, Environment, Input, Outcome, Peer};
pub use model::Model;
pub use release::Release;
pub use releases::{Change, KnownRelease, Source, UnknownRelease, known_releases};
pub use trace::{Access, AnswerFinding, Check, ConnectFinding, Fact, FactChange, TraceLine, UpgradeFinding};
