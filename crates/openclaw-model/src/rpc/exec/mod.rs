//! Approvals of commands and of plugins' actions.

mod calls;
mod command_summary;
mod legacy;
mod plugin;
pub(in crate::rpc) mod prompts;
mod request;
mod shell_words;

use crate::rpc::Handler;

/// The handler of a method that belongs here.
pub(in crate::rpc) fn handler(method: &str) -> Option<Handler> {
    Some(match method {
        "exec.approval.request" => calls::request,
        "exec.approval.waitDecision" => calls::wait,
        "exec.approval.resolve" => calls::resolve,
        "exec.approval.get" => calls::get,
        "exec.approval.list" => calls::list,
        "plugin.approval.request" => plugin::request,
        "plugin.approval.waitDecision" => plugin::wait,
        "plugin.approval.resolve" => plugin::resolve,
        "plugin.approval.list" => plugin::list,
        _ => return None,
    })
}
