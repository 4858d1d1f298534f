//! The options that several commands share, and what they select.

pub(super) mod copied_state;
pub(super) mod corpus;
pub(super) mod jobs;
pub(super) mod known;
pub(super) mod plan_options;
pub(super) mod reports;
pub(super) mod selection;
pub(super) mod snapshots;
pub(super) mod state_directory;
pub(super) mod timeouts;
