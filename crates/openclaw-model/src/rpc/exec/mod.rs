//! Approvals of commands.

mod calls;
mod early;
pub(crate) mod prompts;
mod request;
mod shape;
mod words;

use crate::rpc::Handler;

/// The handler of a method that belongs here.
pub(in crate::rpc) fn handler(method: &str) -> Option<Handler> {
    Some(match method {
        "exec.approval.request" => calls::request,
        "exec.approval.waitDecision" => calls::wait,
        "exec.approval.resolve" => calls::resolve,
        "exec.approval.get" => calls::get,
        "exec.approval.list" => calls::list,
        _ => return None,
    })
}
