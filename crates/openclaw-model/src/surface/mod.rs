//! What no scenario is about, and what real clients call all the same. `docs/fidelity.md` says how it was compared.

mod plugin;
pub(crate) mod presence;
mod setup;
mod skills;
pub(crate) mod status;
mod system_event;

use crate::rpc::Handler;

/// The handler of a method that belongs here.
pub(crate) fn handler(method: &str) -> Option<Handler> {
    Some(match method {
        "device.pair.setupCode" => setup::code,
        "device.pair.setupStatus" => setup::status,
        "plugin.approval.request" => plugin::request,
        "plugin.approval.waitDecision" => plugin::wait,
        "plugin.approval.resolve" => plugin::resolve,
        "plugin.approval.list" => plugin::list,
        "health" => status::health_method,
        "status" => status::status,
        "system-presence" => status::presence,
        "system-event" => system_event::event,
        "last-heartbeat" => status::last_heartbeat,
        "set-heartbeats" => status::set_heartbeats,
        "config.get" => status::config,
        "sessions.list" => status::sessions,
        "models.list" => status::models,
        "agents.list" => status::agents,
        "logs.tail" => status::logs,
        "cron.list" => status::cron,
        "exec.approvals.get" => status::exec_policy,
        "exec.approvals.set" => status::set_exec_policy,
        "skills.bins" => skills::bins,
        _ => return None,
    })
}
