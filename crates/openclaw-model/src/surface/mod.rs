//! Parts of the gateway that no scenario covers but real clients use. `docs/fidelity.md` describes how they were
//! compared.

pub(crate) mod control_ui;
pub(crate) mod presence;
mod skills;
pub(crate) mod status;

use crate::rpc::Handler;

/// The handler of a method that belongs here.
pub(crate) fn handler(method: &str) -> Option<Handler> {
    Some(match method {
        "health" => status::health_method,
        "status" => status::status,
        "system-presence" => status::presence,
        "last-heartbeat" => status::last_heartbeat,
        "config.get" => status::config,
        "exec.approvals.get" => status::exec_policy,
        "skills.bins" => skills::bins,
        _ => return None,
    })
}
