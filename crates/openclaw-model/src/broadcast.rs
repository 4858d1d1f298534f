//! Events: which client can see which event, and their sequence numbers (`server-broadcast.ts`).

use super::input::{ConnectionId, Effect, Outcome};
use super::model::{ConnectedClient, Model};
use openclaw_protocol::frame::ServerFrame;
use serde_json::{Value, json};

/// The interval of tick events, in milliseconds (`policy.tickIntervalMs`).
pub(crate) const TICK_INTERVAL_MS: i64 = 30_000;

impl Model {
    /// Sends an event to every client that can see it. The event uses a sequence number even if no client can see it,
    /// but not if there is no client.
    pub(crate) fn broadcast(&mut self, event: &str, payload: Value, outcome: &mut Outcome) {
        self.broadcast_state(event, payload, None, outcome);
    }

    /// [`Self::broadcast`] for an event with the versions of presence and health.
    pub(crate) fn broadcast_state(
        &mut self,
        event: &str,
        payload: Value,
        state_version: Option<Value>,
        outcome: &mut Outcome,
    ) {
        if self.clients().is_empty() {
            return;
        }
        self.event_seq += 1;
        let restricted = self.rules.rpc.events_restricted;
        let may = self.clients().into_iter().filter(|(_, client)| may_see(client, event, restricted));
        for connection in may.map(|(connection, _)| connection).collect::<Vec<_>>() {
            let seq = Some(self.next_seq(connection));
            let frame = ServerFrame::Event {
                event: event.to_owned(),
                payload: Some(payload.clone()),
                seq,
                state_version: state_version.clone(),
                recipient: self.recipient(connection),
            };
            outcome.effects.push(Effect::Send { connection, frame });
        }
    }

    /// The sequence number of an event for a client: counted for this client or for all clients, depending on the
    /// release.
    fn next_seq(&mut self, connection: ConnectionId) -> u64 {
        let client = self.connections.get_mut(&connection).and_then(|open| open.client.as_mut());
        match client.filter(|_| self.rules.rpc.seq_per_client) {
            Some(client) => {
                client.events += 1;
                client.events
            }
            None => self.event_seq,
        }
    }

    /// Sends an event to these clients only. It has a sequence number if every event of the release has one.
    pub(crate) fn send_event_to(&mut self, to: &[ConnectionId], event: &str, payload: &Value, outcome: &mut Outcome) {
        for connection in to {
            let recipient = self.recipient(*connection);
            let seq = self.rules.rpc.events_restricted.then(|| self.next_seq(*connection));
            let frame = ServerFrame::Event {
                event: event.to_owned(),
                payload: Some(payload.clone()),
                seq,
                state_version: None,
                recipient,
            };
            outcome.effects.push(Effect::Send { connection: *connection, frame });
        }
    }

    /// Sends an event to one node, without a sequence number.
    pub(crate) fn send_event_to_node(&self, node: ConnectionId, event: &str, payload: Value, outcome: &mut Outcome) {
        if self.connections.get(&node).is_some_and(|open| !open.closing) {
            let frame = ServerFrame::Event {
                event: event.to_owned(),
                payload: Some(payload),
                seq: None,
                state_version: None,
                recipient: None,
            };
            outcome.effects.push(Effect::Send { connection: node, frame });
        }
    }

    /// Announces the stop of the gateway and closes every client as in a restart.
    pub(crate) fn announce_stop(&mut self, reason: &str, outcome: &mut Outcome) {
        let payload = match self.rules.rpc.stop_without_restart_silent {
            true => json!({"reason": reason}),
            false => json!({"reason": reason, "restartExpectedMs": null}),
        };
        self.broadcast("shutdown", payload, outcome);
        let open: Vec<_> = self.clients().into_iter().map(|(connection, _)| connection).collect();
        for connection in open {
            self.close(connection, openclaw_protocol::codes::close::RESTART, "service restart", outcome);
        }
    }
}

/// The scope that an event needs. Newer releases require a scope for more events.
fn required_scope(event: &str, restricted: bool) -> Option<&'static str> {
    match event {
        "presence" | "skills.changed" | "chat.metadata.changed" if restricted => Some("operator.read"),
        "exec.approval.requested"
        | "exec.approval.resolved"
        | "plugin.approval.requested"
        | "plugin.approval.resolved" => Some("operator.approvals"),
        "device.pair.requested" | "device.pair.resolved" | "node.pair.requested" | "node.pair.resolved" => {
            Some("operator.pairing")
        }
        _ => None,
    }
}

/// Whether a client can see an event: an operator with the scope. `operator.admin` implies every scope, and
/// `operator.write` implies `operator.read`.
fn may_see(client: &ConnectedClient, event: &str, restricted: bool) -> bool {
    let Some(scope) = required_scope(event, restricted) else { return true };
    let has = |wanted: &str| client.scopes.iter().any(|have| have == wanted);
    client.role == "operator"
        && (has("operator.admin") || has(scope) || (scope == "operator.read" && has("operator.write")))
}
