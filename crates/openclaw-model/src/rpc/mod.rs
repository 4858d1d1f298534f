//! Requests of clients that have been welcomed: who may call what, and the answer.

mod command_shape;
mod command_words;
mod devices;
mod events;
mod exec;
mod exec_early;
mod exec_request;
mod mac_programs;
mod mac_skills;
mod method_tables;
mod methods;
#[cfg(test)]
mod newer_tests;
mod node_calls;
mod node_catalogue;
mod node_commands;
mod node_schemas;
mod nodes;
mod plugin;
mod prompts;
mod schemas;
mod scope_upgrades;
mod setup;
mod skills;
mod status;
mod system_event;
#[cfg(test)]
mod tests;

pub use crate::facts::rpc::{ExecForm, MethodSet, NoApprover, NodeCalls, PluginForm, RpcRules};
pub use events::events;
pub(crate) use mac_programs::{ask_mac, ask_welcomed_mac};
pub(crate) use mac_skills::{mac_skills, runs_mac_skills, tell_if_skills_changed, tell_skills_changed};
pub use methods::listed as listed_methods;
pub(crate) use node_calls::{lose as lose_node, retire as retire_node};
pub(crate) use scope_upgrades::settle;
pub(crate) use status::health;

use super::act::{ConnectionId, Effect, Environment, Outcome};
use super::model::{ConnectedClient, Model, RequestFrame};
use super::pairing::Fault;
use super::schema::Schema;
use super::trace::Check;
use methods::Access;
use openclaw_protocol::codes::{close, error};
use openclaw_protocol::frame::ErrorShape;
use openclaw_protocol::js::TypeFault;
use serde_json::{Value, json};

/// One request on its way through its handler.
struct Call<'a, 'e> {
    model: &'a mut Model,
    connection: ConnectionId,
    client: ConnectedClient,
    request: RequestFrame,
    environment: &'a mut Environment<'e>,
    outcome: &'a mut Outcome,
}

/// What a handler ends in.
enum Reply {
    /// The answer.
    Answer(Value),
    /// The answer, and then the device's live connections are closed, those of one role or all.
    AnswerThenDisconnect {
        /// The answer.
        payload: Value,
        /// Whose connections.
        device_id: String,
        /// Of this role only.
        role: Option<String>,
    },
    /// All that there is to answer now has been answered.
    Answered,
}

/// Why a handler does not answer with a payload.
enum Refusal {
    /// An error for the caller.
    Error(Box<ErrorShape>),
    /// An exception.
    Fault(Fault),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<TypeFault> for Refusal {
    fn from(fault: TypeFault) -> Self {
        Self::Fault(fault.into())
    }
}

type Handled = Result<Reply, Refusal>;
type Handler = fn(&mut Call<'_, '_>) -> Handled;

/// Answers a request of a welcomed client.
pub(crate) fn handle(
    model: &mut Model,
    connection: ConnectionId,
    request: RequestFrame,
    environment: &mut Environment<'_>,
    outcome: &mut Outcome,
) {
    let open = model.connections.get(&connection).filter(|open| !open.closing);
    let Some(client) = open.and_then(|open| open.client.clone()) else { return };
    let id = request.id.clone();
    let mut call = Call { model, connection, client, request, environment, outcome };
    match call.run() {
        Ok(Reply::Answer(payload)) => call.model.respond(connection, &id, Ok(payload), call.outcome),
        Ok(Reply::AnswerThenDisconnect { payload, device_id, role }) => {
            let now = call.environment.now;
            call.model.retire_nodes(&device_id, role.as_deref(), now, call.outcome);
            call.model.respond(connection, &id, Ok(payload), call.outcome);
            disconnect_device(call.model, &device_id, role.as_deref(), call.outcome);
        }
        Ok(Reply::Answered) => {}
        Err(Refusal::Error(shape)) => call.model.respond(connection, &id, Err(*shape), call.outcome),
        Err(Refusal::Fault(fault)) => {
            let text = fault.for_answer();
            call.outcome.effects.push(Effect::Log(format!("request handler failed: {text}")));
            call.model.respond(connection, &id, Err(shape(error::UNAVAILABLE, text)), call.outcome);
        }
    }
}

/// Lets time pass: approvals expire, and clients hear that the gateway is alive.
pub(crate) fn wake(model: &mut Model, now: i64, outcome: &mut Outcome) {
    let expired = model.exec_approvals.expire(now).into_iter().chain(model.plugin_approvals.expire(now));
    for (approval, waiters) in expired.collect::<Vec<_>>() {
        prompts::answer_waiters(model, &approval, waiters, outcome);
    }
    node_calls::expire(model, now, outcome);
    if model.next_tick.is_some_and(|due| due <= now) {
        model.next_tick = Some(now + super::broadcast::TICK_INTERVAL_MS);
        model.broadcast("tick", json!({"ts": now}), outcome);
    }
}

/// When [`wake`] has something to do next.
pub(crate) fn wake_at(model: &Model) -> Option<i64> {
    let tick = model.next_tick.filter(|_| !model.clients().is_empty());
    let upgrades = model.scope_upgrades.next_expiry();
    let approvals = [model.exec_approvals.next_expiry(), model.plugin_approvals.next_expiry()];
    approvals.into_iter().chain([tick, upgrades, model.node_work.next_expiry()]).flatten().min()
}

impl Call<'_, '_> {
    fn run(&mut self) -> Handled {
        let method = self.request.method.clone();
        let access = methods::access(&self.model.rules.rpc, &method);
        self.authorise(&method, access)?;
        match handler(&method) {
            Some(handler) if access.is_some() => handler(self),
            _ if access.is_some() => Err(not_implemented(&method)),
            _ => Err(invalid(format!("unknown method: {method}"))),
        }
    }

    /// Who may call what: `health` everybody, nodes the nodes' methods only, operators the others by scope. A method
    /// that no list knows takes `operator.admin`, so that only an admin learns that it does not exist.
    fn authorise(&mut self, method: &str, access: Option<Access>) -> Result<(), Refusal> {
        if method == "health" && self.model.rules.rpc.health_for_all {
            return Ok(());
        }
        let mut access = access.unwrap_or(Access::Admin);
        let by_command = self.model.rules.rpc.node_calls >= NodeCalls::V2026_9_6 && method == "node.invoke";
        if by_command && node_commands::takes_admin(self.request.params.as_ref()) {
            access = Access::Admin;
        }
        let node = self.client.role == "node";
        if node != (access == Access::Node) {
            self.reason(format!("{method} is not for the role {}", self.client.role));
            return Err(invalid(format!("unauthorized role: {}", self.client.role)));
        }
        let scope = access.scope();
        if node || access == Access::Operator || self.client.scopes.iter().any(|held| access.given_by(held)) {
            return Ok(());
        }
        self.reason(format!("{method} takes {scope}; this client holds [{}]", self.client.scopes.join(", ")));
        Err(missing(&self.model.rules.rpc, scope, &[scope]))
    }

    /// The parameters after their schema has been checked; absent ones are an empty object.
    fn params(&self, schema: &Schema) -> Result<Value, Refusal> {
        let params = self.raw_params();
        schema
            .check(Some(&params))
            .map_err(|sentence| self.model.rules.handshake.wording.of(sentence))
            .map_err(|sentence| invalid(format!("invalid {} params: {sentence}", self.request.method)))?;
        Ok(params)
    }

    /// The parameters unchecked.
    fn raw_params(&self) -> Value {
        self.request.params.clone().filter(|params| !params.is_null()).unwrap_or_else(|| json!({}))
    }

    /// Whether the caller holds this very scope.
    fn holds(&self, scope: &str) -> bool {
        self.client.scopes.iter().any(|held| held == scope)
    }

    fn now(&self) -> i64 {
        self.environment.now
    }

    fn broadcast(&mut self, event: &str, payload: Value) {
        self.model.broadcast(event, payload, self.outcome);
    }

    fn reason(&mut self, reason: String) {
        self.outcome.because(Check::Call, reason);
    }

    fn log(&mut self, line: String) {
        self.outcome.effects.push(Effect::Log(line));
    }
}

fn handler(method: &str) -> Option<Handler> {
    Some(match method {
        "connect" => connect_again,
        "device.pair.list" => devices::list,
        "device.pair.approve" => devices::approve,
        "device.pair.reject" => devices::reject,
        "device.pair.remove" => devices::remove,
        "device.pair.rename" => devices::rename,
        "device.pair.setupCode" => setup::code,
        "device.pair.setupStatus" => setup::status,
        "device.scopes.requestUpgrade" => scope_upgrades::request,
        "device.scopes.waitUpgrade" => scope_upgrades::wait,
        "device.token.rotate" => devices::rotate,
        "device.token.revoke" => devices::revoke,
        "node.pair.request" => nodes::request,
        "node.pair.list" => nodes::list_pairing,
        "node.pair.approve" => nodes::approve,
        "node.pair.reject" => nodes::reject,
        "node.pair.remove" => nodes::remove,
        "node.pair.verify" => nodes::verify,
        "node.rename" => nodes::rename,
        "node.list" => nodes::list,
        "node.invoke" => node_calls::invoke,
        "node.invoke.result" => node_calls::invoke_result,
        "node.invoke.progress" => node_calls::progress,
        "node.event" => node_calls::event,
        "node.pending.enqueue" => node_calls::enqueue,
        "node.pending.drain" => node_calls::drain,
        "node.pending.pull" => node_calls::pull,
        "node.pending.ack" => node_calls::ack,
        "node.pluginTools.update" | "node.skills.update" | "node.runnerInventory.update" => {
            node_calls::update_catalogue
        }
        "node.canvas.capability.refresh" => node_calls::refresh_canvas,
        "node.pluginSurface.refresh" => node_calls::refresh_surface,
        "node.describe" => nodes::describe,
        "exec.approval.request" => exec::request,
        "exec.approval.waitDecision" => exec::wait,
        "exec.approval.resolve" => exec::resolve,
        "exec.approval.get" => exec::get,
        "exec.approval.list" => exec::list,
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

fn connect_again(_: &mut Call<'_, '_>) -> Handled {
    Err(invalid("connect is only valid as the first request"))
}

fn shape(code: &str, message: impl Into<String>) -> ErrorShape {
    ErrorShape { code: code.to_owned(), message: message.into(), details: None, retryable: None, retry_after_ms: None }
}

/// The refusal for want of a scope.
fn missing(rules: &RpcRules, scope: &str, takes: &[&str]) -> Refusal {
    let message = format!("missing scope: {scope}");
    if !rules.scopes_forbidden {
        return invalid(message);
    }
    let details = json!({"code": "MISSING_SCOPE", "missingScope": scope, "requiredScopes": takes});
    Refusal::Error(Box::new(ErrorShape { details: Some(details), ..shape(error::FORBIDDEN, message) }))
}

fn refuse(code: &str, message: impl Into<String>) -> Refusal {
    Refusal::Error(Box::new(shape(code, message)))
}

fn not_implemented(method: &str) -> Refusal {
    refuse(error::UNAVAILABLE, format!("{method} is not implemented by this reference gateway"))
}

fn invalid(message: impl Into<String>) -> Refusal {
    refuse(error::INVALID_REQUEST, message)
}

fn invalid_with(message: &str, details: Value) -> Refusal {
    Refusal::Error(Box::new(ErrorShape { details: Some(details), ..shape(error::INVALID_REQUEST, message) }))
}

/// Closes the live connections of a device.
fn disconnect_device(model: &mut Model, device_id: &str, role: Option<&str>, outcome: &mut Outcome) {
    let hit =
        |client: &ConnectedClient| client.device_id() == Some(device_id) && role.is_none_or(|role| client.role == role);
    let clients = model.clients().into_iter().filter(|(_, client)| hit(client));
    for connection in clients.map(|(connection, _)| connection).collect::<Vec<_>>() {
        model.close(connection, close::DEVICE_REMOVED, "device removed", outcome);
    }
}
