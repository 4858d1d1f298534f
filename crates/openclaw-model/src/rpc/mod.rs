//! Requests of admitted clients, by subject.

mod call;
mod devices;
mod dispatch;
mod exec;
mod nodes;
pub(crate) mod schemas;
#[cfg(test)]
mod tests;

pub use crate::facts::rpc::{NoApprover, RpcRules};
pub(crate) use call::{Call, Handler, HandlerResult, Refusal, Reply};
pub(crate) use call::{invalid, invalid_with, missing, not_implemented, refuse, shape};
pub(crate) use devices::scope_upgrades::answer_finished_upgrades;
pub use dispatch::is_implemented;
pub(crate) use dispatch::{handle, wake, wake_at};
pub(crate) use nodes::calls::{fail_commands as fail_node_commands, retire as retire_node};
pub(crate) use nodes::programs::{ask_mac, ask_welcomed_mac};
pub(crate) use nodes::skills::{announce_skills_changed, announce_skills_if_changed, mac_skills, runs_mac_skills};
