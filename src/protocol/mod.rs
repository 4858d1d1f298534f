//! Facts of the wire: frames, codes, device identity and proof. No I/O.

pub mod client;
pub mod codes;
pub mod connect;
pub mod frame;
pub mod identity;
pub mod ids;
pub mod proof;
pub mod public_key;
pub mod scopes;
