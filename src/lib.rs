//! clawcheck: protocol conformance for OpenClaw gateways.
//!
//! Data runs one way: scenario -> cases -> plan -> (gateway <- client) -> observation -> verdict -> reports.
//! `protocol` and `rules` import nothing of ours above them; `scenario`, `observe` and `judge` know no sockets;
//! only `cli` prints.

pub mod cli;
pub mod client;
pub mod fuzz;
pub mod gateway;
pub mod judge;
mod machine;
pub mod observe;
pub mod report;
pub mod run;
pub mod scenario;
mod words;
