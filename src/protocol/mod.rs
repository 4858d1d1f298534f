//! The wire protocol: frames, codes, device identity and proof. This module has no I/O.

pub mod client;
pub mod codes;
pub mod connect;
pub mod frame;
pub mod identity;
pub mod ids;
pub mod proof;
pub mod public_key;
pub mod scopes;
