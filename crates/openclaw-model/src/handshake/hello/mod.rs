//! The welcome: what a client is handed out, and the payload of `hello-ok`.

pub(super) mod capabilities;
pub(super) mod payload;
pub(super) mod tokens;
pub(super) mod welcome;
