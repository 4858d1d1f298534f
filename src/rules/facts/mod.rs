//! What differs among the releases, area by area: plain data that the handlers read. `oldest()` is what 2026.2.19 does.

pub mod handshake;
pub mod nodes;
pub mod pairing;
pub mod rpc;
