//! The parameters of a node's own calls and of those that go to one (`protocol/schema/nodes.ts`).

use crate::facts::rpc::NodeCalls;
use crate::schema::{Bounds, NATURAL, NON_EMPTY, STRING, Schema, array, object, optional, required, text, within};

static INVOKE: Schema = object(&[
    required("nodeId", NON_EMPTY),
    required("command", NON_EMPTY),
    optional("params", Schema::Any),
    optional("timeoutMs", NATURAL),
    required("idempotencyKey", NON_EMPTY),
]);
static INVOKE_2026_9_6: Schema = object(&[
    required("nodeId", NON_EMPTY),
    required("command", NON_EMPTY),
    optional("params", Schema::Any),
    optional("timeoutMs", NATURAL),
    required("idempotencyKey", NON_EMPTY),
    optional("sessionKey", NON_EMPTY),
    optional("turnSourceChannel", STRING),
    optional("turnSourceTo", STRING),
    optional("turnSourceAccountId", STRING),
    optional("turnSourceThreadId", Schema::Union(&[STRING, NUMBER])),
]);
const NUMBER: Schema = Schema::Number(Bounds { minimum: None, maximum: None });

/// `node.invoke`.
pub(in crate::rpc) fn invoke(form: NodeCalls) -> &'static Schema {
    if form >= NodeCalls::V2026_9_6 { &INVOKE_2026_9_6 } else { &INVOKE }
}

/// `node.invoke.result`.
pub(in crate::rpc) static RESULT: Schema = object(&[
    required("id", NON_EMPTY),
    required("nodeId", NON_EMPTY),
    required("ok", Schema::Boolean),
    optional("payload", Schema::Any),
    optional("payloadJSON", STRING),
    optional("error", object(&[optional("code", NON_EMPTY), optional("message", NON_EMPTY)])),
]);
/// `node.invoke.progress`.
pub(in crate::rpc) static PROGRESS: Schema = object(&[
    required("invokeId", NON_EMPTY),
    required("nodeId", NON_EMPTY),
    required("seq", NATURAL),
    required("chunk", text(0, 16_384)),
]);
/// `node.event`.
pub(in crate::rpc) static EVENT: Schema =
    object(&[required("event", NON_EMPTY), optional("payload", Schema::Any), optional("payloadJSON", STRING)]);
/// `node.pending.drain`.
pub(in crate::rpc) static DRAIN: Schema = object(&[optional("maxItems", within(1, 10))]);
/// `node.pending.ack`.
pub(in crate::rpc) static ACK: Schema =
    object(&[required("ids", Schema::Array { items: &NON_EMPTY, min_items: 1, max_items: usize::MAX })]);
/// `node.pending.enqueue`.
pub(in crate::rpc) static ENQUEUE: Schema = object(&[
    required("nodeId", NON_EMPTY),
    required("type", Schema::Enum(&["status.request", "location.request"])),
    optional("priority", Schema::Enum(&["normal", "high"])),
    optional("expiresInMs", within(1_000, 86_400_000)),
    optional("wake", Schema::Boolean),
]);
/// `node.pluginTools.update`.
pub(in crate::rpc) static TOOLS: Schema = object(&[required("tools", array(&Schema::Any))]);
/// `node.skills.update`.
pub(in crate::rpc) static SKILLS: Schema = object(&[required("skills", array(&Schema::Any))]);
