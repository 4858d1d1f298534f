//! Calls to nodes and calls of nodes: `node.invoke`, `node.event`, `node.pending.*` (`server-methods/nodes.ts`,
//! `nodes-pending.ts`).

use crate::input::{ConnectionId, Environment, Outcome};
use crate::model::Model;
use crate::node_work::{PendingInvoke, WorkRequest};
use crate::nodes;
use crate::pairing;
use crate::rpc::nodes::reported_programs;
use crate::rpc::nodes::schemas::{
    ACK, DRAIN, ENQUEUE, EVENT, PROGRESS, RESULT, SKILLS, TOOLS, invoke as invoke_schema,
};
use crate::rpc::schemas::NOTHING;
use crate::rpc::{Call, HandlerResult, Refusal, Reply, invalid, not_implemented, refuse, shape};
use openclaw_protocol::codes::error;
use openclaw_protocol::frame::ErrorShape;
use openclaw_protocol::ids;
use openclaw_protocol::js::{self, Record};
use serde_json::{Value, json};

/// The default timeout of a command, in milliseconds.
const DEFAULT_TIMEOUT_MS: i64 = 30_000;

pub(in crate::rpc) fn invoke(call: &mut Call<'_, '_>) -> HandlerResult {
    let rules = call.model.rules.rpc.node_calls;
    let params = call.params(invoke_schema(&rules))?;
    let (node_id, command) = (trimmed(&params, "nodeId"), trimmed(&params, "command"));
    if node_id.is_empty() || command.is_empty() {
        return Err(invalid("nodeId and command required"));
    }
    call.refuse_command(&command, &params)?;
    if rules.need_approval && !call.is_approved_node(&node_id)? {
        return Err(pairing_changed("invocation"));
    }
    let Some(node) = call.node_connection(&node_id) else {
        let mut details = json!({"code": "NOT_CONNECTED"});
        if rules.errors_detailed {
            details["nodeError"] = json!({"code": "NOT_CONNECTED", "message": "node not connected"});
            details["nodeCommandDispatched"] = json!(false);
        }
        return Err(unavailable("node not connected", details));
    };
    call.judge_command(node, &command)?;
    let mut forwarded = params.get("params").cloned();
    if let (true, Some(Value::Object(run))) = (command == "system.run", &mut forwarded) {
        call.sanitise_run(run)?;
    }
    let command = DispatchedCommand {
        node_id,
        node,
        command,
        params: forwarded,
        timeout: params.get("timeoutMs").and_then(Value::as_i64),
        idempotency_key: params.get("idempotencyKey").cloned(),
        requester: Some((call.connection, call.request.id.clone())),
    };
    dispatch(call.model, command, call.environment, call.outcome);
    Ok(Reply::Answered)
}

/// A command that goes to a node.
pub(in crate::rpc) struct DispatchedCommand {
    /// The node's id.
    pub node_id: String,
    /// The node's connection.
    pub node: ConnectionId,
    /// The command that the node must perform.
    pub command: String,
    /// Its parameters.
    pub params: Option<Value>,
    /// The time limit for the node, in milliseconds, if there is one.
    pub timeout: Option<i64>,
    /// The idempotency key of a caller's command.
    pub idempotency_key: Option<Value>,
    /// The caller and the id of its request. `None` for a command of the gateway itself, which asks for a Mac's
    /// programs.
    pub requester: Option<(ConnectionId, String)>,
}

/// Sends a command to a node and records it as running (`node-registry.ts` invoke).
pub(in crate::rpc) fn dispatch(
    model: &mut Model,
    command: DispatchedCommand,
    environment: &mut Environment<'_>,
    outcome: &mut Outcome,
) {
    let DispatchedCommand { node_id, node, command, params, timeout, idempotency_key, requester } = command;
    let id = ids::uuid(environment.entropy.uuid());
    let mut payload = Record::new();
    js::set(&mut payload, "id", Some(id.as_str()));
    js::set(&mut payload, "nodeId", Some(node_id.as_str()));
    js::set(&mut payload, "command", Some(command.as_str()));
    payload.insert("paramsJSON".to_owned(), params.map_or(Value::Null, |params| json!(params.to_string())));
    let tells_default = model.rules.rpc.node_calls.always_sends_timeout;
    js::set(&mut payload, "timeoutMs", timeout.or(tells_default.then_some(DEFAULT_TIMEOUT_MS)));
    js::set(&mut payload, "idempotencyKey", idempotency_key);
    let expires_at = environment.now.saturating_add(timeout.unwrap_or(DEFAULT_TIMEOUT_MS));
    model.node_work.send(id, PendingInvoke { node_id, node, command, requester, expires_at });
    model.send_event_to_node(node, "node.invoke.request", Value::Object(payload), outcome);
}

/// Answers the caller of a command, unless it is the gateway.
fn answer(model: &mut Model, invoke: &PendingInvoke, answer: Result<Value, ErrorShape>, outcome: &mut Outcome) {
    if let Some((connection, request)) = &invoke.requester {
        model.respond(*connection, request, answer, outcome);
    }
}

/// The result of a command from a node.
pub(in crate::rpc) fn invoke_result(call: &mut Call<'_, '_>) -> HandlerResult {
    if let Some(Value::Object(params)) = &mut call.request.params {
        normalise_result(params);
    }
    let params = call.params(&RESULT)?;
    call.is_own_id(&params)?;
    let (id, node_id) = (text(&params, "id"), text(&params, "nodeId"));
    let Some(invoke) = call.model.node_work.answered(id, node_id, call.connection) else {
        return Ok(Reply::Answer(json!({"ok": true, "ignored": true})));
    };
    let failed = params.get("error").filter(|_| params.get("ok") != Some(&json!(true))).cloned();
    let result = match params.get("ok") {
        Some(Value::Bool(true)) => Ok(done(&invoke, &params)),
        _ => Err(node_error(call.model, failed.unwrap_or(Value::Null))),
    };
    let own = call.request.id.clone();
    call.model.respond(call.connection, &own, Ok(json!({"ok": true})), call.outcome);
    if invoke.requester.is_none() && result.is_ok() {
        reported_programs::note(call.model, call.environment, &invoke.node_id, &params, call.outcome);
    }
    answer(call.model, &invoke, result, call.outcome);
    Ok(Reply::Answered)
}

/// A payload that is not a string is returned as it is, and `null` counts as none.
fn normalise_result(params: &mut Record) {
    match params.get("payloadJSON") {
        Some(Value::String(_)) | None => {}
        Some(other) => {
            let other = other.clone();
            params.shift_remove("payloadJSON");
            if !other.is_null() && !params.contains_key("payload") {
                params.insert("payload".to_owned(), other);
            }
        }
    }
    if params.get("error").is_some_and(Value::is_null) {
        params.shift_remove("error");
    }
}

fn done(invoke: &PendingInvoke, params: &Value) -> Value {
    let json = params.get("payloadJSON").and_then(Value::as_str);
    let parsed = json.map(str::trim).filter(|json| !json.is_empty());
    let parsed = parsed.map(|json| serde_json::from_str(json).unwrap_or_else(|_| json!({"payloadJSON": json})));
    let mut payload = Record::new();
    js::set(&mut payload, "ok", Some(true));
    js::set(&mut payload, "nodeId", Some(invoke.node_id.as_str()));
    js::set(&mut payload, "command", Some(invoke.command.as_str()));
    js::set(
        &mut payload,
        "payload",
        if json.is_some_and(|json| !json.is_empty()) { parsed } else { params.get("payload").cloned() },
    );
    payload.insert("payloadJSON".to_owned(), json.map_or(Value::Null, Value::from));
    Value::Object(payload)
}

fn node_error(model: &Model, failed: Value) -> ErrorShape {
    const DEFAULT_MESSAGE: &str = "node invoke failed";
    let text = |key: &str| failed.get(key).and_then(Value::as_str);
    let field = |key: &str| text(key).map(js::trim).filter(|text| !text.is_empty());
    let message = match (model.rules.rpc.node_calls.passes_error_codes, field("code")) {
        (false, _) => text("message").unwrap_or(DEFAULT_MESSAGE).to_owned(),
        (true, None) => field("message").unwrap_or(DEFAULT_MESSAGE).to_owned(),
        (true, Some(code)) => format!("{code}: {}", field("message").unwrap_or(DEFAULT_MESSAGE)),
    };
    let mut details = json!({"nodeError": failed});
    if model.rules.rpc.node_calls.errors_detailed {
        details["nodeCommandDispatched"] = json!(true);
    }
    ErrorShape { details: Some(details), ..shape(error::UNAVAILABLE, message) }
}

/// Output of a command that a node sends while it runs.
pub(in crate::rpc) fn progress(call: &mut Call<'_, '_>) -> HandlerResult {
    let params = call.params(&PROGRESS)?;
    call.is_own_id(&params)?;
    Ok(Reply::Answer(json!({"ok": true, "ignored": true})))
}

pub(in crate::rpc) fn event(call: &mut Call<'_, '_>) -> HandlerResult {
    let params = call.params(&EVENT)?;
    let rules = call.model.rules.rpc.node_calls;
    let node_id = call.own_node_id();
    if rules.need_approval && !call.is_approved_node(&node_id)? {
        return Err(pairing_changed("invocation"));
    }
    let name = text(&params, "event");
    let payload = match params.get("payloadJSON").and_then(Value::as_str) {
        Some(json) => serde_json::from_str(json).ok(),
        None => params.get("payload").cloned(),
    };
    let payload = payload.filter(Value::is_object);
    let answer = |handled: bool, reason: &str| json!({"ok": true, "event": name, "handled": handled, "reason": reason});
    match name {
        "node.presence.alive" if rules.alive_reports => {
            let Some(payload) = payload else { return Ok(Reply::Answer(answer(false, "invalid_payload"))) };
            let (handled, reason) = call.note_sign_of_life(&payload)?;
            Ok(Reply::Answer(answer(handled, reason)))
        }
        // The gateway sends no such command, so a node has nothing to report.
        "exec.started" | "exec.finished" | "exec.denied" if rules.explains_unmatched_runs && payload.is_some() => {
            Ok(Reply::Answer(answer(false, "unmatched_exec_event")))
        }
        _ if !rules.events.is_empty() && !rules.events.contains(&name) => {
            Ok(Reply::Answer(answer(false, "unsupported_event")))
        }
        _ => Ok(Reply::Answer(json!({"ok": true}))),
    }
}

pub(in crate::rpc) fn enqueue(call: &mut Call<'_, '_>) -> HandlerResult {
    let params = call.params(&ENQUEUE)?;
    let rules = call.model.rules.rpc.node_calls;
    let node_id = trimmed(&params, "nodeId");
    if rules.need_approval && !call.is_approved_node(&node_id)? {
        return Err(pairing_changed("pending work"));
    }
    if node_id.is_empty() {
        return Err(refuse(error::UNAVAILABLE, "Error: nodeId required"));
    }
    let wanted = WorkRequest {
        kind: text(&params, "type"),
        priority: params.get("priority").and_then(Value::as_str),
        expires_in_ms: params.get("expiresInMs").and_then(Value::as_i64),
        consumed: rules.work_is_consumed,
    };
    let now = call.now();
    let entropy = &mut *call.environment.entropy;
    let (revision, queued) = call.model.node_work.enqueue(&node_id, wanted, || ids::uuid(entropy.uuid()), now);
    let shown = if rules.ids_trimmed { node_id.as_str() } else { text(&params, "nodeId") };
    Ok(Reply::Answer(json!({"nodeId": shown, "revision": revision, "queued": queued, "wakeTriggered": false})))
}

pub(in crate::rpc) fn drain(call: &mut Call<'_, '_>) -> HandlerResult {
    let params = call.params(&DRAIN)?;
    let rules = call.model.rules.rpc.node_calls;
    let node_id = call.own_node_id();
    if rules.need_approval && !call.is_approved_node(&node_id)? {
        return Err(pairing_changed("pending work"));
    }
    let most = params.get("maxItems").and_then(Value::as_u64).and_then(|most| usize::try_from(most).ok());
    let now = call.now();
    Ok(Reply::Answer(call.model.node_work.drain(&node_id, most, rules.work_is_consumed, now)))
}

pub(in crate::rpc) fn pull(call: &mut Call<'_, '_>) -> HandlerResult {
    call.params(&NOTHING)?;
    let node_id = call.current_node_id()?;
    Ok(Reply::Answer(json!({"nodeId": node_id, "actions": []})))
}

pub(in crate::rpc) fn ack(call: &mut Call<'_, '_>) -> HandlerResult {
    let params = call.params(&ACK)?;
    let node_id = call.current_node_id()?;
    let mut acknowledged: Vec<&str> = Vec::new();
    let ids = params.get("ids").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    for id in ids.map(js::trim).filter(|id| !id.is_empty()) {
        if !acknowledged.contains(&id) {
            acknowledged.push(id);
        }
    }
    Ok(Reply::Answer(json!({"nodeId": node_id, "ackedIds": acknowledged, "remainingCount": 0})))
}

/// Validates the report of a node's plugins, skills and programs. The report is not stored.
pub(in crate::rpc) fn update_catalogue(call: &mut Call<'_, '_>) -> HandlerResult {
    let method = call.request.method.clone();
    match method.as_str() {
        "node.pluginTools.update" => call.params(&TOOLS)?,
        "node.skills.update" => call.params(&SKILLS)?,
        _ if call.raw_params().as_object().is_some_and(|params| params.contains_key("runners")) => Value::Null,
        _ => return Err(invalid("invalid node runner inventory")),
    };
    Err(not_implemented(&method))
}

/// Renews the node's access to the canvas.
pub(in crate::rpc) fn refresh_canvas(call: &mut Call<'_, '_>) -> HandlerResult {
    call.params(&NOTHING)?;
    Err(not_implemented("node.canvas.capability.refresh"))
}

/// Renews the node's access to what a plugin of the gateway serves.
pub(in crate::rpc) fn refresh_surface(call: &mut Call<'_, '_>) -> HandlerResult {
    let params = call.raw_params();
    if trimmed(&params, "surface").is_empty() {
        return Err(invalid("surface required"));
    }
    Err(not_implemented("node.pluginSurface.refresh"))
}

impl Call<'_, '_> {
    /// The connection of a live node.
    fn node_connection(&self, node_id: &str) -> Option<ConnectionId> {
        let clients = self.model.clients();
        let is = |client: &crate::model::ConnectedClient| client.stands_for_node && client.node_id() == node_id;
        clients.into_iter().rev().find(|(_, client)| is(client)).map(|(connection, _)| connection)
    }

    /// Whether a node is paired and its commands were approved. 2026.9.6 calls this a pairing generation.
    pub(in crate::rpc) fn is_approved_node(&mut self, node_id: &str) -> Result<bool, Refusal> {
        let now = self.now();
        let rules = &self.model.rules;
        let device = pairing::find_paired(&rules.pairing, self.environment.store, now, node_id)?;
        let Some(device) = device.filter(|device| js::truthy(Some(device))) else { return Ok(false) };
        let is_node = pairing::has_effective_role(&rules.pairing, &device, "node")?;
        Ok(is_node && nodes::find_paired(&rules.nodes, self.environment.store, now, node_id)?.is_some())
    }

    /// The id of the calling node.
    fn own_node_id(&self) -> String {
        self.client.device_id().unwrap_or(&self.client.connect.client.id).to_owned()
    }

    /// The same, if the release still counts the node as paired.
    fn current_node_id(&mut self) -> Result<String, Refusal> {
        let node_id = js::trim(&self.own_node_id()).to_owned();
        let strict = self.model.rules.rpc.node_calls.need_approval;
        if strict && !self.is_approved_node(&node_id)? {
            return Err(pairing_changed("invocation"));
        }
        Ok(node_id)
    }

    /// A node can only report about itself.
    fn is_own_id(&self, params: &Value) -> Result<(), Refusal> {
        let own = self.own_node_id();
        if own.is_empty() || own == text(params, "nodeId") { Ok(()) } else { Err(invalid("nodeId mismatch")) }
    }

    /// Records that a node is alive. Returns whether anything was written, and why.
    fn note_sign_of_life(&mut self, payload: &Value) -> Result<(bool, &'static str), Refusal> {
        const REASONS: [&str; 6] =
            ["background", "silent_push", "bg_app_refresh", "significant_location", "manual", "connect"];
        let Some(device_id) = self.client.device_id().map(str::to_owned) else {
            return Ok((false, "missing_device_identity"));
        };
        let now = self.now();
        if !self.model.node_work.may_note(&device_id, now) {
            return Ok((true, "throttled"));
        }
        let trigger = payload.get("trigger").and_then(Value::as_str).map(|text| js::trim(text).to_lowercase());
        let reason = REASONS.into_iter().find(|reason| trigger.as_deref() == Some(reason)).unwrap_or(REASONS[0]);
        let rules = self.model.rules.clone();
        let store = &mut *self.environment.store;
        let node = nodes::note_life(&rules.nodes, store, now, &device_id, reason)?;
        let device = pairing::note_life(&rules.pairing, store, now, &device_id, reason)?;
        if !node && !device {
            return Ok((false, "unpaired"));
        }
        self.model.node_work.record_sign_of_life(&device_id, now);
        Ok((true, "persisted"))
    }
}

/// Expires the commands whose time limit has passed.
pub(in crate::rpc) fn expire(model: &mut Model, now: i64, outcome: &mut Outcome) {
    for (id, invoke) in model.node_work.expire(now) {
        let failed = json!({"code": "TIMEOUT", "message": "node invoke timed out"});
        let late = Err(node_error(model, failed));
        answer(model, &invoke, late, outcome);
        if model.rules.rpc.node_calls.late_commands_cancelled {
            let payload = json!({"invokeId": id, "nodeId": invoke.node_id});
            model.send_event_to_node(invoke.node, "node.invoke.cancel", payload, outcome);
        }
    }
}

/// Answers the running commands of a node whose pairing changed while its connection is open (
/// `server-methods/nodes.ts` `captureNodePairingGeneration`; observed with `device.pair.remove`).
pub(crate) fn retire(model: &mut Model, node: ConnectionId, outcome: &mut Outcome) {
    for (_, invoke) in model.node_work.fail_commands(node) {
        answer(model, &invoke, Err(pairing_changed_shape("invocation")), outcome);
    }
}

/// Answers the running commands of a node that has disconnected.
pub(crate) fn fail_commands(model: &mut Model, node: ConnectionId, outcome: &mut Outcome) {
    for (_, invoke) in model.node_work.fail_commands(node) {
        let text = format!("node disconnected ({})", invoke.command);
        let gone = match model.rules.rpc.node_calls.errors_detailed {
            true => node_error(model, json!({"code": "DISCONNECTED", "message": text})),
            false => shape(error::UNAVAILABLE, format!("Error: {text}")),
        };
        answer(model, &invoke, Err(gone), outcome);
    }
}

fn pairing_changed(what: &str) -> Refusal {
    Refusal::Error(Box::new(pairing_changed_shape(what)))
}

fn pairing_changed_shape(what: &str) -> ErrorShape {
    let message = format!("node pairing changed while {what} was active");
    let details = Some(json!({"code": "PAIRING_CHANGED"}));
    ErrorShape { details, retryable: Some(true), ..shape(error::UNAVAILABLE, message) }
}

fn unavailable(message: &str, details: Value) -> Refusal {
    Refusal::Error(Box::new(ErrorShape { details: Some(details), ..shape(error::UNAVAILABLE, message) }))
}

fn text<'a>(params: &'a Value, key: &str) -> &'a str {
    params.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn trimmed(params: &Value, key: &str) -> String {
    js::trim(text(params, key)).to_owned()
}
