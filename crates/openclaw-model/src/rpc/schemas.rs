//! The parameters of the supported methods. They are the same in all releases, unless a function selects them
//! (`method-scopes.ts`, `protocol/schema/*.ts`).

use crate::facts::rpc::RpcRules;
use crate::facts::rpc::plugin::PluginRules;
use crate::nodes::NodeRules;
use crate::schema::{
    NATURAL, NON_EMPTY, Property, STRING, Schema, array, at_least, object, optional, required, text, within,
};

pub(in crate::rpc) const OPTIONAL_TEXT: Schema = Schema::Union(&[STRING, Schema::Null]);
const NUMBER: Schema = Schema::Number(crate::schema::Bounds { minimum: None, maximum: None });

/// No parameters.
pub(crate) static NOTHING: Schema = object(&[]);
/// `requestId`.
pub(in crate::rpc) static REQUEST_ID: Schema = object(&[required("requestId", NON_EMPTY)]);
/// `deviceId`.
pub(in crate::rpc) static DEVICE_ID: Schema = object(&[required("deviceId", NON_EMPTY)]);
/// `device.pair.rename`.
pub(in crate::rpc) static RENAME: Schema = object(&[required("deviceId", NON_EMPTY), required("label", text(1, 64))]);
/// `device.scopes.requestUpgrade`.
pub(in crate::rpc) static SCOPES: Schema =
    object(&[required("scopes", Schema::Unique(&Schema::Array { items: &NON_EMPTY, min_items: 1, max_items: 8 }))]);
/// `device.token.rotate`.
pub(in crate::rpc) static ROTATE: Schema =
    object(&[required("deviceId", NON_EMPTY), required("role", NON_EMPTY), optional("scopes", array(&NON_EMPTY))]);
/// `device.token.revoke`.
pub(in crate::rpc) static REVOKE: Schema = object(&[required("deviceId", NON_EMPTY), required("role", NON_EMPTY)]);
/// `node.pair.request`.
pub(in crate::rpc) fn node_request(rules: &NodeRules) -> &'static Schema {
    if rules.request_by_surface { &NODE_REQUEST_WITH_SURFACE } else { &NODE_REQUEST }
}

/// The parameters of a node's pairing request. A node that asks with its surface sends permissions after its commands.
macro_rules! node_request {
    ($($permissions:expr)?) => {
        object(&[
            required("nodeId", NON_EMPTY),
            optional("displayName", NON_EMPTY),
            optional("platform", NON_EMPTY),
            optional("version", NON_EMPTY),
            optional("coreVersion", NON_EMPTY),
            optional("uiVersion", NON_EMPTY),
            optional("deviceFamily", NON_EMPTY),
            optional("modelIdentifier", NON_EMPTY),
            optional("caps", array(&NON_EMPTY)),
            optional("commands", array(&NON_EMPTY)),
            $($permissions,)?
            optional("remoteIp", NON_EMPTY),
            optional("silent", Schema::Boolean),
        ])
    };
}

static NODE_REQUEST: Schema = node_request!();
static NODE_REQUEST_WITH_SURFACE: Schema = node_request!(optional("permissions", Schema::Record(&Schema::Boolean)));
/// `node.pair.verify`.
pub(in crate::rpc) static NODE_VERIFY: Schema = object(&[required("nodeId", NON_EMPTY), required("token", NON_EMPTY)]);
/// `node.rename`.
pub(in crate::rpc) static NODE_RENAME: Schema =
    object(&[required("nodeId", NON_EMPTY), required("displayName", NON_EMPTY)]);
/// `nodeId`.
pub(in crate::rpc) static NODE_ID: Schema = object(&[required("nodeId", NON_EMPTY)]);
/// `id`.
pub(in crate::rpc) static ID: Schema = object(&[required("id", NON_EMPTY)]);
/// `exec.approval.resolve`, `plugin.approval.resolve`.
pub(in crate::rpc) static RESOLVE: Schema = object(&[required("id", NON_EMPTY), required("decision", NON_EMPTY)]);

const FILE_OPERAND: Schema =
    object(&[required("argvIndex", NATURAL), required("path", STRING), required("sha256", STRING)]);
const SYSTEM_RUN_PLAN: Schema = object(&[
    required("argv", array(&STRING)),
    required("cwd", OPTIONAL_TEXT),
    required("commandText", STRING),
    optional("commandPreview", OPTIONAL_TEXT),
    required("agentId", OPTIONAL_TEXT),
    required("sessionKey", OPTIONAL_TEXT),
    optional("mutableFileOperand", Schema::Union(&[FILE_OPERAND, Schema::Null])),
]);

/// `exec.approval.request`.
pub(in crate::rpc) fn exec_request(rules: &RpcRules) -> &'static Schema {
    match (rules.approvals_private, rules.approvals_show_analysis) {
        _ if rules.exec.runs_named => &EXEC_REQUEST_WITH_RUN,
        (true, _) => &EXEC_REQUEST_WITH_DELIVERY,
        (_, true) => &EXEC_REQUEST_WITH_WARNING,
        _ => &EXEC_REQUEST,
    }
}

/// The parameters of a command's approval request, with the additions of newer releases after `ask`, after `sessionKey`
/// and after the source of the turn. Their order is that of the errors.
macro_rules! exec_request {
    ([$($decided:expr),*], [$($run:expr),*], [$($delivery:expr),*]) => {
        object(&[
            optional("id", NON_EMPTY),
            optional("command", NON_EMPTY),
            optional("commandArgv", array(&STRING)),
            optional("systemRunPlan", SYSTEM_RUN_PLAN),
            optional("env", Schema::Record(&STRING)),
            optional("cwd", OPTIONAL_TEXT),
            optional("nodeId", Schema::Union(&[NON_EMPTY, Schema::Null])),
            optional("host", OPTIONAL_TEXT),
            optional("security", OPTIONAL_TEXT),
            optional("ask", OPTIONAL_TEXT),
            $($decided,)*
            optional("agentId", OPTIONAL_TEXT),
            optional("resolvedPath", OPTIONAL_TEXT),
            optional("sessionKey", OPTIONAL_TEXT),
            $($run,)*
            optional("turnSourceChannel", OPTIONAL_TEXT),
            optional("turnSourceTo", OPTIONAL_TEXT),
            optional("turnSourceAccountId", OPTIONAL_TEXT),
            optional("turnSourceThreadId", Schema::Union(&[STRING, NUMBER, Schema::Null])),
            $($delivery,)*
            optional("timeoutMs", at_least(1)),
            optional("twoPhase", Schema::Boolean),
        ])
    };
}

const WARNING: Property = optional("warningText", OPTIONAL_TEXT);
const UNAVAILABLE_DECISIONS: Schema =
    Schema::Array { items: &Schema::Enum(&["allow-always"]), min_items: 1, max_items: 1 };
const COMMAND_SPAN: Schema = object(&[required("startIndex", NATURAL), required("endIndex", at_least(1))]);
const DECISIONS_TAKEN: Property = optional("unavailableDecisions", UNAVAILABLE_DECISIONS);
const SPANS: Property = optional("commandSpans", array(&COMMAND_SPAN));
const REVIEWERS: Property = optional("approvalReviewerDeviceIds", array(&NON_EMPTY));
const REQUIRE_DELIVERY_ROUTE: Property = optional("requireDeliveryRoute", Schema::Boolean);
const SUPPRESS_DELIVERY: Property = optional("suppressDelivery", Schema::Boolean);

static EXEC_REQUEST: Schema = exec_request!([], [], []);
static EXEC_REQUEST_WITH_WARNING: Schema = exec_request!([WARNING], [], []);
static EXEC_REQUEST_WITH_DELIVERY: Schema =
    exec_request!([WARNING, DECISIONS_TAKEN, SPANS], [], [REVIEWERS, REQUIRE_DELIVERY_ROUTE, SUPPRESS_DELIVERY]);
// The schema does not distinguish the kinds of scope.
static EXEC_REQUEST_WITH_RUN: Schema = exec_request!(
    [WARNING, optional("scope", Schema::Any), DECISIONS_TAKEN, SPANS],
    [optional("sessionId", OPTIONAL_TEXT), optional("runId", OPTIONAL_TEXT), optional("toolCallId", OPTIONAL_TEXT)],
    [REVIEWERS, REQUIRE_DELIVERY_ROUTE, SUPPRESS_DELIVERY, optional("deliverToApprovalClientsOnly", Schema::Boolean)]
);

/// `plugin.approval.request`.
pub(in crate::rpc) fn plugin_request(rules: &RpcRules) -> &'static Schema {
    match rules.plugin {
        PluginRules { detailed: true, .. } => &PLUGIN_REQUEST_WITH_DETAILS,
        PluginRules { reviewers_named: true, .. } => &PLUGIN_REQUEST_WITH_REVIEWERS,
        PluginRules { request_lists_decisions: true, .. } => &PLUGIN_REQUEST_WITH_DECISIONS,
        _ => &PLUGIN_REQUEST,
    }
}

/// The parameters of a plugin's approval request in its first form, with the additions of newer releases after
/// `toolCallId` and after `sessionKey`. Their order is that of the errors.
macro_rules! plugin_request {
    ($longest:literal, [$($decided:expr),*], [$($reviewed:expr),*]) => {
        object(&[
            optional("pluginId", NON_EMPTY),
            required("title", text(1, 80)),
            required("description", text(1, $longest)),
            optional("severity", Schema::Enum(&["info", "warning", "critical"])),
            optional("toolName", STRING),
            optional("toolCallId", STRING),
            $($decided,)*
            optional("agentId", STRING),
            optional("sessionKey", STRING),
            $($reviewed,)*
            optional("turnSourceChannel", STRING),
            optional("turnSourceTo", STRING),
            optional("turnSourceAccountId", STRING),
            optional("turnSourceThreadId", Schema::Union(&[STRING, NUMBER])),
            optional("timeoutMs", within(1, 600_000)),
            optional("twoPhase", Schema::Boolean),
        ])
    };
}

static PLUGIN_REQUEST: Schema = plugin_request!(256, [], []);
static PLUGIN_REQUEST_WITH_DECISIONS: Schema = plugin_request!(256, [optional("allowedDecisions", DECISIONS)], []);
static PLUGIN_REQUEST_WITH_REVIEWERS: Schema = plugin_request!(
    512,
    [optional("allowedDecisions", DECISIONS)],
    [optional("approvalReviewerDeviceIds", array(&NON_EMPTY))]
);
static PLUGIN_REQUEST_WITH_DETAILS: Schema = object(&[
    optional("pluginId", Schema::Union(&[NON_EMPTY, Schema::Null])),
    required("title", text(1, 80)),
    required("description", text(1, 512)),
    optional("detail", Schema::Union(&[text(1, 16_384), Schema::Null])),
    optional("severity", Schema::Union(&[Schema::Enum(&["info", "warning", "critical"]), Schema::Null])),
    // The contents of its scope are not checked here.
    optional("scope", Schema::Any),
    optional("toolName", Schema::Union(&[STRING, Schema::Null])),
    optional("toolCallId", Schema::Union(&[STRING, Schema::Null])),
    optional("mcpTool", object(&[required("server", NON_EMPTY), required("tool", NON_EMPTY)])),
    optional("allowedDecisions", Schema::Union(&[DECISIONS, Schema::Null])),
    optional("agentId", Schema::Union(&[STRING, Schema::Null])),
    optional("sessionKey", Schema::Union(&[STRING, Schema::Null])),
    optional("approvalReviewerDeviceIds", Schema::Union(&[array(&NON_EMPTY), Schema::Null])),
    optional("turnSourceChannel", Schema::Union(&[STRING, Schema::Null])),
    optional("turnSourceTo", Schema::Union(&[STRING, Schema::Null])),
    optional("turnSourceAccountId", Schema::Union(&[STRING, Schema::Null])),
    optional("turnSourceThreadId", Schema::Union(&[STRING, NUMBER, Schema::Null])),
    optional("timeoutMs", within(1, 600_000)),
    optional("twoPhase", Schema::Boolean),
]);

const DECISIONS: Schema =
    Schema::Array { items: &Schema::Enum(&["allow-once", "allow-always", "deny"]), min_items: 1, max_items: 3 };
