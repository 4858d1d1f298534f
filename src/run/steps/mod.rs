//! Plays the steps of one case against a running gateway and records what each step receives.

pub(super) mod actions;
pub(super) mod approval_ids;
pub(super) mod close;
pub(super) mod connect;
pub(super) mod context;
pub(super) mod frames;
pub(super) mod liveness;
pub(super) mod play;
pub(super) mod received;
pub(super) mod session;
pub(super) mod setup_failure;
pub(super) mod silence;
pub(super) mod title;
pub(super) mod traces;
pub(super) mod waiting;
