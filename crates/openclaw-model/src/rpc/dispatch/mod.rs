//! Requests of clients after `hello-ok`: who can call which method, and the answers.

mod access;
pub(crate) mod schemas;

use crate::facts::rpc::RpcRules;
use crate::input::{ConnectionId, Effect, Environment, Outcome};
use crate::model::{ConnectedClient, Model, RequestFrame};
use crate::pairing::StoreError;
use crate::rpc::exec::prompts;
use crate::rpc::nodes::{calls, commands};
use crate::rpc::{devices, exec, nodes};
use crate::schema::Schema;
use crate::surface;
use crate::trace::Check;
use access::MethodAccess;
use openclaw_protocol::codes::{close, error};
use openclaw_protocol::frame::ErrorShape;
use openclaw_protocol::js::TypeError;
use serde_json::{Value, json};

/// One request and its context.
pub(crate) struct Call<'a, 'e> {
    pub(crate) model: &'a mut Model,
    pub(crate) connection: ConnectionId,
    pub(crate) client: ConnectedClient,
    pub(crate) request: RequestFrame,
    pub(crate) environment: &'a mut Environment<'e>,
    pub(crate) outcome: &'a mut Outcome,
}

/// The result of a handler.
pub(crate) enum Reply {
    /// The answer.
    Answer(Value),
    /// An answer, after which the device's live connections are closed: those of one role, or all.
    AnswerThenDisconnect {
        /// The answer.
        payload: Value,
        /// The device.
        device_id: String,
        /// The role. `None` for all roles.
        role: Option<String>,
    },
    /// The handler has already answered, or answers later.
    Answered,
}

/// The reason why a handler returns no payload.
pub(crate) enum Refusal {
    /// An error for the caller.
    Error(Box<ErrorShape>),
    /// An error that the release throws.
    StoreError(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(fault: StoreError) -> Self {
        Self::StoreError(fault)
    }
}

impl From<TypeError> for Refusal {
    fn from(fault: TypeError) -> Self {
        Self::StoreError(fault.into())
    }
}

pub(crate) type Handled = Result<Reply, Refusal>;
pub(crate) type Handler = fn(&mut Call<'_, '_>) -> Handled;

/// Answers a request of a client after `hello-ok`.
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
        Err(Refusal::StoreError(fault)) => {
            let text = fault.for_answer();
            call.outcome.effects.push(Effect::Log(format!("request handler failed: {text}")));
            call.model.respond(connection, &id, Err(shape(error::UNAVAILABLE, text)), call.outcome);
        }
    }
}

/// Processes the passage of time: approvals expire, and clients receive tick events.
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

/// The time at which [`wake`] has to run next.
pub(crate) fn wake_at(model: &Model) -> Option<i64> {
    let tick = model.next_tick.filter(|_| !model.clients().is_empty());
    let upgrades = model.scope_upgrades.next_expiry();
    let approvals = [model.exec_approvals.next_expiry(), model.plugin_approvals.next_expiry()];
    approvals.into_iter().chain([tick, upgrades, model.node_work.next_expiry()]).flatten().min()
}

impl Call<'_, '_> {
    fn run(&mut self) -> Handled {
        let method = self.request.method.clone();
        let access = MethodAccess::of(&self.model.rules.rpc.methods, &method);
        self.authorise(&method, access)?;
        match handler(&method) {
            Some(handler) if access.is_some() => handler(self),
            _ if access.is_some() => Err(not_implemented(&method)),
            _ => Err(invalid(format!("unknown method: {method}"))),
        }
    }

    /// Checks whether the client can call a method: every client can call `health`, nodes can call the methods of
    /// nodes, and operators can call the others with the necessary scope. An unknown method needs `operator.admin`, so
    /// only an administrator learns that it does not exist.
    fn authorise(&mut self, method: &str, access: Option<MethodAccess>) -> Result<(), Refusal> {
        if method == "health" && self.model.rules.rpc.health_for_all {
            return Ok(());
        }
        let mut access = access.unwrap_or(MethodAccess::Admin);
        let rules = &self.model.rules.rpc.node_calls;
        if method == "node.invoke" && commands::takes_admin(rules, self.request.params.as_ref()) {
            access = MethodAccess::Admin;
        }
        let node = self.client.role == "node";
        if node != (access == MethodAccess::Node) {
            self.reason(format!("{method} is not for the role {}", self.client.role));
            return Err(invalid(format!("unauthorized role: {}", self.client.role)));
        }
        let scope = access.scope();
        if node || access == MethodAccess::Operator || self.client.scopes.iter().any(|held| access.given_by(held)) {
            return Ok(());
        }
        self.reason(format!("{method} takes {scope}; this client holds [{}]", self.client.scopes.join(", ")));
        Err(missing(&self.model.rules.rpc, scope, &[scope]))
    }

    /// The parameters, validated against their schema. Absent parameters count as an empty object.
    pub(crate) fn params(&self, schema: &Schema) -> Result<Value, Refusal> {
        let params = self.raw_params();
        schema
            .check(Some(&params))
            .map_err(|sentence| self.model.rules.handshake.wording.of(sentence))
            .map_err(|sentence| invalid(format!("invalid {} params: {sentence}", self.request.method)))?;
        Ok(params)
    }

    /// The parameters without validation.
    pub(crate) fn raw_params(&self) -> Value {
        self.request.params.clone().filter(|params| !params.is_null()).unwrap_or_else(|| json!({}))
    }

    /// Whether the caller has exactly this scope.
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
        self.outcome.trace_line(Check::Call, reason);
    }

    pub(crate) fn log(&mut self, line: String) {
        self.outcome.effects.push(Effect::Log(line));
    }
}

/// Whether the model answers a method as OpenClaw does. It refuses the others, which are about chats, agents and channels.
pub fn is_implemented(method: &str) -> bool {
    handler(method).is_some()
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

/// The refusal of a caller without the necessary scope.
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
