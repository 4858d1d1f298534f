//! Calls about nodes: their pairing, the commands that they get, and their answers.

pub(in crate::rpc) mod calls;
mod catalogue;
pub(in crate::rpc) mod commands;
pub(in crate::rpc) mod pairing;
pub(in crate::rpc) mod programs;
mod reported_programs;
mod schemas;
pub(in crate::rpc) mod skills;

use crate::rpc::Handler;

/// The handler of a method that belongs here.
pub(in crate::rpc) fn handler(method: &str) -> Option<Handler> {
    Some(match method {
        "node.pair.request" => pairing::request,
        "node.pair.list" => pairing::list_pairing,
        "node.pair.approve" => pairing::approve,
        "node.pair.reject" => pairing::reject,
        "node.pair.remove" => pairing::remove,
        "node.pair.verify" => pairing::verify,
        "node.rename" => pairing::rename,
        "node.list" => pairing::list,
        "node.invoke" => calls::invoke,
        "node.invoke.result" => calls::invoke_result,
        "node.invoke.progress" => calls::progress,
        "node.event" => calls::event,
        "node.pending.enqueue" => calls::enqueue,
        "node.pending.drain" => calls::drain,
        "node.pending.pull" => calls::pull,
        "node.pending.ack" => calls::ack,
        "node.pluginTools.update" | "node.skills.update" | "node.runnerInventory.update" => calls::update_catalogue,
        "node.canvas.capability.refresh" => calls::refresh_canvas,
        "node.pluginSurface.refresh" => calls::refresh_surface,
        "node.describe" => pairing::describe,
        _ => return None,
    })
}
