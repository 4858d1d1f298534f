//! The end of a handshake: the tokens for the client, and the payload of `hello-ok`.

pub(super) mod capabilities;
pub(super) mod payload;
pub(super) mod tokens;
pub(super) mod welcome;
