//! clawcheck: protocol conformance for OpenClaw gateways.
//!
//! Data runs one way: scenario -> cases -> plan -> (gateway <- client) -> observation -> verdict -> reports.
//! `protocol` and `rules` import nothing of ours above them; `scenario`, `observe` and `judge` know no sockets;
//! only `cli` prints.

pub mod cli;
pub mod client;
pub mod cut;
mod excerpt;
pub mod fuzz;
pub mod gateway;
pub mod judge;
pub mod limits;
mod machine;
#[cfg(test)]
mod mutants;
pub mod observe;
mod plain_file;
pub mod printable;
pub mod protocol;
pub mod reference;
pub mod report;
pub mod rules;
pub mod run;
pub mod scenario;
pub mod store;
mod whole;
mod words;
mod yaml;
