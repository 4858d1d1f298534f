//! clawcheck: protocol conformance for OpenClaw gateways.
//!
//! Data runs one way: scenario -> cases -> plan -> (gateway <- client) -> observation -> verdict -> reports.
//! `scenario`, `observe` and `judge` know no sockets; only `cli` prints.
//!
//! Below this crate: `openclaw-protocol` (what is said and kept), `openclaw-model` (what a release answers),
//! `openclaw-emulator` (a gateway made of the model), and `untrusted-data` (what others wrote, read and shown with care).

pub mod cli;
pub mod client;
pub mod explain;
pub mod fuzz;
pub mod gateway;
pub mod judge;
mod machine;
pub mod observe;
pub mod report;
pub mod run;
pub mod scenario;
mod words;
mod yaml;
