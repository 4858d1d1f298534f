//! Tests with real gateways and real clients: `CLAWCHECK_LIVE=openclaw@2026.4.2[,clawdbot,...] cargo test --test outside
//! -- --ignored`, with the cache that `CLAWCHECK_CACHE` names. They are ignored by default, because they download and
//! start programs of other authors.

mod capture;
pub(crate) mod cli;
pub(crate) mod client_libraries;
mod connects;
mod record;
mod starts;
