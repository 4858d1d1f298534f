//! Calls about devices: pairing, tokens and scope upgrades.

pub(in crate::rpc) mod calls;
pub(in crate::rpc) mod scope_upgrades;

use crate::rpc::Handler;

/// The handler of a method that belongs here.
pub(in crate::rpc) fn handler(method: &str) -> Option<Handler> {
    Some(match method {
        "device.pair.list" => calls::list,
        "device.pair.approve" => calls::approve,
        "device.pair.reject" => calls::reject,
        "device.pair.remove" => calls::remove,
        "device.pair.rename" => calls::rename,
        "device.scopes.requestUpgrade" => scope_upgrades::request,
        "device.scopes.waitUpgrade" => scope_upgrades::wait,
        "device.token.rotate" => calls::rotate,
        "device.token.revoke" => calls::revoke,
        _ => return None,
    })
}
