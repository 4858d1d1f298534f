//! Requests of admitted clients, by subject.

mod devices;
mod dispatch;
mod exec;
mod nodes;
#[cfg(test)]
mod tests;

pub use crate::facts::rpc::{NoApprover, RpcRules};
pub(crate) use devices::scope_upgrades::settle;
pub use dispatch::is_implemented;
pub(crate) use dispatch::{Call, Handled, Handler, Refusal, Reply, handle, wake, wake_at};
pub(crate) use dispatch::{invalid, invalid_with, missing, not_implemented, refuse, schemas, shape};
pub(crate) use nodes::calls::{lose as lose_node, retire as retire_node};
pub(crate) use nodes::programs::{ask_mac, ask_welcomed_mac};
pub(crate) use nodes::skills::{mac_skills, runs_mac_skills, tell_if_skills_changed, tell_skills_changed};
