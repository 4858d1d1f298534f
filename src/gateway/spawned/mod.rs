//! Gateways that run as separate processes.

mod commands;
mod log;
mod port;
pub(super) mod process;
mod program;
pub(super) mod readiness;
mod start_error;
mod store_access;
mod store_check;
pub(super) mod store_commands;

pub(super) use program::{ConfigTemplate, DEFAULT_ANSWER_TIMEOUT, Program, Spawned};
pub(super) use store_access::{StoreAccess, StoreCommand};
