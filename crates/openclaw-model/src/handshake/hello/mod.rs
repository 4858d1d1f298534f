//! The welcome: what a client is handed out, and the payload of `hello-ok`.

pub(super) mod capabilities;
pub(super) mod handed_out;
pub(super) mod payload;
pub(super) mod welcome;
