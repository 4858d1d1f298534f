//! Requests of clients after `hello-ok`: who can call which method, and the answers.

mod access;

use crate::input::{ConnectionId, Effect, Environment, Outcome};
use crate::model::{ConnectedClient, Model, RequestFrame};
use crate::rpc::call::{Call, Handler, HandlerResult, Refusal, Reply, invalid, missing, not_implemented, shape};
use crate::rpc::exec::prompts;
use crate::rpc::nodes::{calls, commands};
use crate::rpc::{devices, exec, nodes};
use crate::surface;
use access::MethodAccess;
use openclaw_protocol::codes::{close, error};
use serde_json::json;

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
    fn run(&mut self) -> HandlerResult {
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

fn connect_again(_: &mut Call<'_, '_>) -> HandlerResult {
    Err(invalid("connect is only valid as the first request"))
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
