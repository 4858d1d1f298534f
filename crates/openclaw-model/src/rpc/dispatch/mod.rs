//! Requests of clients that have been welcomed: who may call what, and the answer.

pub(in crate::rpc) mod access;
pub(in crate::rpc) mod events;
mod method_tables;
pub(crate) mod schemas;

use crate::act::{ConnectionId, Effect, Environment, Outcome};
use crate::facts::rpc::{NodeCalls, RpcRules};
use crate::model::{ConnectedClient, Model, RequestFrame};
use crate::pairing::Fault;
use crate::rpc::exec::prompts;
use crate::rpc::nodes::{calls, commands};
use crate::rpc::{devices, exec, nodes};
use crate::schema::Schema;
use crate::surface;
use crate::trace::Check;
use access::Access;
use openclaw_protocol::codes::{close, error};
use openclaw_protocol::frame::ErrorShape;
use openclaw_protocol::js::TypeFault;
use serde_json::{Value, json};

/// One request on its way through its handler.
pub(crate) struct Call<'a, 'e> {
    pub(crate) model: &'a mut Model,
    pub(crate) connection: ConnectionId,
    pub(crate) client: ConnectedClient,
    pub(crate) request: RequestFrame,
    pub(crate) environment: &'a mut Environment<'e>,
    pub(crate) outcome: &'a mut Outcome,
}

/// What a handler ends in.
pub(crate) enum Reply {
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
pub(crate) enum Refusal {
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

pub(crate) type Handled = Result<Reply, Refusal>;
pub(crate) type Handler = fn(&mut Call<'_, '_>) -> Handled;

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
    calls::expire(model, now, outcome);
    if model.next_tick.is_some_and(|due| due <= now) {
        model.next_tick = Some(now + crate::broadcast::TICK_INTERVAL_MS);
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
        let access = access::access(&self.model.rules.rpc, &method);
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
        if by_command && commands::takes_admin(self.request.params.as_ref()) {
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
    pub(crate) fn params(&self, schema: &Schema) -> Result<Value, Refusal> {
        let params = self.raw_params();
        schema
            .check(Some(&params))
            .map_err(|sentence| self.model.rules.handshake.wording.of(sentence))
            .map_err(|sentence| invalid(format!("invalid {} params: {sentence}", self.request.method)))?;
        Ok(params)
    }

    /// The parameters unchecked.
    pub(crate) fn raw_params(&self) -> Value {
        self.request.params.clone().filter(|params| !params.is_null()).unwrap_or_else(|| json!({}))
    }

    /// Whether the caller holds this very scope.
    pub(crate) fn holds(&self, scope: &str) -> bool {
        self.client.scopes.iter().any(|held| held == scope)
    }

    pub(crate) fn now(&self) -> i64 {
        self.environment.now
    }

    pub(crate) fn broadcast(&mut self, event: &str, payload: Value) {
        self.model.broadcast(event, payload, self.outcome);
    }

    pub(crate) fn reason(&mut self, reason: String) {
        self.outcome.because(Check::Call, reason);
    }

    pub(crate) fn log(&mut self, line: String) {
        self.outcome.effects.push(Effect::Log(line));
    }
}

fn handler(method: &str) -> Option<Handler> {
    if method == "connect" {
        return Some(connect_again);
    }
    let own = devices::handler(method).or_else(|| nodes::handler(method)).or_else(|| exec::handler(method));
    own.or_else(|| surface::handler(method))
}

fn connect_again(_: &mut Call<'_, '_>) -> Handled {
    Err(invalid("connect is only valid as the first request"))
}

pub(crate) fn shape(code: &str, message: impl Into<String>) -> ErrorShape {
    ErrorShape { code: code.to_owned(), message: message.into(), details: None, retryable: None, retry_after_ms: None }
}

/// The refusal for want of a scope.
pub(crate) fn missing(rules: &RpcRules, scope: &str, takes: &[&str]) -> Refusal {
    let message = format!("missing scope: {scope}");
    if !rules.scopes_forbidden {
        return invalid(message);
    }
    let details = json!({"code": "MISSING_SCOPE", "missingScope": scope, "requiredScopes": takes});
    Refusal::Error(Box::new(ErrorShape { details: Some(details), ..shape(error::FORBIDDEN, message) }))
}

pub(crate) fn refuse(code: &str, message: impl Into<String>) -> Refusal {
    Refusal::Error(Box::new(shape(code, message)))
}

pub(crate) fn not_implemented(method: &str) -> Refusal {
    refuse(error::UNAVAILABLE, format!("{method} is not implemented by this reference gateway"))
}

pub(crate) fn invalid(message: impl Into<String>) -> Refusal {
    refuse(error::INVALID_REQUEST, message)
}

pub(crate) fn invalid_with(message: &str, details: Value) -> Refusal {
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
