//! What OpenClaw gateways and their clients say to each other, and what a gateway keeps: frames, codes, device identity and
//! proof, the documents of the pairing store, and JavaScript's view of their records. No I/O, no clock, no chance.
//!
//! The crate holds what is the same in every release, and imports none of our crates.

pub mod client;
pub mod codes;
pub mod connect;
pub mod frame;
pub mod identity;
pub mod ids;
pub mod js;
pub mod proof;
pub mod public_key;
pub mod scopes;
pub mod store;
