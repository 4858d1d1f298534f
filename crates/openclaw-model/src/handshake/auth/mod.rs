//! Credentials: which of them let a client in, how many failures are allowed, and how a refusal is worded.

pub(super) mod credentials;
pub(super) mod limits;
pub(super) mod secret;
pub(super) mod unauthorised;
pub(super) mod verdict;
