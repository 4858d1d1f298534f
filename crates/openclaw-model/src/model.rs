//! The model of one gateway process.

use super::approvals::Approvals;
use super::broadcast::TICK_INTERVAL_MS;
use super::handshake::{self, RateLimits};
use super::input::{ConnectionId, Effect, Environment, Input, Outcome, Peer};
use super::locality::{self, Locality};
use super::node_work::NodeWork;
use super::nodes::{self, NodeSurface};
use super::rpc;
use super::scope_upgrades::ScopeUpgrades;
use super::surface::presence::{Person, Presence};
use super::trace::{AnswerFinding, Check, HANDSHAKE_TIMEOUT, UpgradeFinding, fact};
use super::{Facts, GatewayConfig};
use indexmap::IndexMap;
use openclaw_protocol::codes::{close, error};
use openclaw_protocol::connect::ConnectParams;
use openclaw_protocol::frame::{ErrorShape, ServerFrame};
use openclaw_protocol::ids;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Number of consecutive calls that a connection can make without the role. The next one closes the connection.
const UNAUTHORISED_CALLS: u32 = 10;

/// One gateway process: the rules of its release, its settings and its memory (connections, approvals, rate limits,
/// presence). It accesses its files through [`Environment::store`].
#[derive(Clone)]
pub struct Model {
    pub(crate) rules: Facts,
    pub(crate) config: GatewayConfig,
    /// Open connections by id. Ids increase, so the order is that of their arrival.
    pub(crate) connections: BTreeMap<ConnectionId, Connection>,
    /// Number of clients that received `hello-ok`. It is the [`ConnectedClient::order`] of the next one.
    pub(crate) welcomed: u64,
    /// The `seq` of the last event to all clients.
    pub(crate) event_seq: u64,
    /// Approval requests for commands.
    pub(crate) exec_approvals: Approvals,
    /// Approval requests of plugins.
    pub(crate) plugin_approvals: Approvals,
    /// Scope upgrades that connected devices requested.
    pub(crate) scope_upgrades: ScopeUpgrades,
    /// Commands and pending work for nodes.
    pub(crate) node_work: NodeWork,
    /// The time of the next sign of life to clients, in milliseconds since 1970. `None` before the first input.
    pub(crate) next_tick: Option<i64>,
    /// The presence list.
    pub(crate) presence: Presence,
    /// Profiles of users by the name from the reverse proxy, in lower case, oldest first. The owner's profile has an
    /// empty name. Profiles without an open connection are limited to the maximum number of presence entries.
    pub(crate) people: IndexMap<String, Person>,
    /// Number of changes of the health summary.
    pub(crate) health_version: u64,
    /// The failed attempts to authenticate, by address.
    pub(crate) limits: RateLimits,
    /// The time of the first input, in milliseconds since 1970.
    pub(crate) started_at: Option<i64>,
    /// The id of this run of the gateway, a UUID. Empty before the first input.
    pub(crate) boot_id: String,
}

/// One WebSocket connection.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    /// The gateway's id of the connection, a UUID: `server.connId`.
    pub(crate) conn_id: String,
    /// The peer and its upgrade request.
    pub(crate) peer: Peer,
    /// The origin of the connection.
    pub(crate) locality: Locality,
    /// The nonce of the challenge.
    pub(crate) nonce: String,
    /// The time of the handshake timeout, in milliseconds since 1970. `None` after the handshake.
    pub(crate) handshake_deadline: Option<i64>,
    /// Whether the gateway has closed the connection. It reads no further messages and sends no further events.
    pub(crate) closing: bool,
    /// The client, after `hello-ok`.
    pub(crate) client: Option<ConnectedClient>,
    /// Number of consecutive calls without the role.
    pub(crate) unauthorised_calls: u32,
}

/// A client that received `hello-ok`.
#[derive(Debug, Clone)]
pub(crate) struct ConnectedClient {
    /// Its position among all clients. Events are sent in this order.
    pub(crate) order: u64,
    /// The parameters of its connect. The gateway may have changed scopes, commands, platform and device family.
    pub(crate) connect: ConnectParams,
    /// The role that the client connected with.
    pub(crate) role: String,
    /// Its current scopes.
    pub(crate) scopes: Vec<String>,
    /// The key of its presence entry, if it has one.
    pub(crate) presence_key: Option<String>,
    /// Its address, if the gateway reports one.
    pub(crate) client_ip: Option<String>,
    /// Its surface as a node, if the release checks more than commands.
    pub(crate) declared: Option<NodeSurface>,
    /// Number of events that it received, if the release counts them for each client.
    pub(crate) events: u64,
    /// Whether it authenticated with a device token.
    pub(crate) by_device_token: bool,
    /// The time of `hello-ok`, in milliseconds since 1970.
    pub(crate) connected_at: i64,
    /// The user that it acts for. Its events name the user.
    pub(crate) person: Option<Person>,
    /// The time since which the user is present with any client, in milliseconds since 1970.
    pub(crate) online_since: Option<i64>,
    /// Whether the node is registered with this connection and not with a later one (`node-registry.ts` `nodesById`).
    pub(crate) stands_for_node: bool,
    /// Whether its pairing as a node has ended while its connection is still open.
    pub(crate) retired: bool,
}

impl ConnectedClient {
    /// The id of its device, if it proved one.
    pub(crate) fn device_id(&self) -> Option<&str> {
        self.connect.device.as_ref().map(|device| device.id.as_str())
    }

    /// The id of the node.
    pub(crate) fn node_id(&self) -> &str {
        self.device_id().unwrap_or(&self.connect.client.id)
    }
}

/// A request with a valid frame.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RequestFrame {
    /// The id of the request. Never empty.
    pub(crate) id: String,
    /// The method. Never empty.
    pub(crate) method: String,
    /// The parameters.
    pub(crate) params: Option<Value>,
}

impl Model {
    /// A gateway that has just started.
    pub fn new(rules: Facts, config: GatewayConfig) -> Self {
        let presence = Presence::new(
            rules.handshake.presence,
            &config.host,
            Some(rules.release).filter(|_| rules.handshake.names_release),
        );
        let limits = RateLimits::new(&config, rules.handshake.always_limited);
        Self {
            rules,
            config,
            connections: BTreeMap::new(),
            welcomed: 0,
            event_seq: 0,
            exec_approvals: Approvals::default(),
            plugin_approvals: Approvals::default(),
            scope_upgrades: ScopeUpgrades::default(),
            node_work: NodeWork::default(),
            next_tick: None,
            presence,
            people: IndexMap::new(),
            health_version: 1,
            limits,
            started_at: None,
            boot_id: String::new(),
        }
    }

    /// Processes one input.
    pub fn handle(&mut self, input: Input, environment: &mut Environment<'_>) -> Outcome {
        if self.started_at.is_none() {
            self.started_at = Some(environment.now);
            self.presence.begin(environment.now, || ids::uuid(environment.entropy.uuid()));
        }
        self.next_tick.get_or_insert(environment.now.saturating_add(TICK_INTERVAL_MS));
        if self.boot_id.is_empty() && self.rules.handshake.hello_of_connection {
            self.boot_id = ids::uuid(environment.entropy.uuid());
        }
        let mut outcome = Outcome { about: input.connection(), ..Outcome::default() };
        match input {
            Input::Open { connection, peer } => self.open(connection, peer, environment, &mut outcome),
            Input::Message { connection, data } => self.messages(connection, &[data], environment, &mut outcome),
            Input::Burst { connection, messages } => self.messages(connection, &messages, environment, &mut outcome),
            Input::NotUpgraded { connection: _, peer, status, why } => {
                self.trace_upgrade(&peer, &mut outcome);
                outcome.trace_line(Check::Upgrade, why);
                let locality = Locality::of(&self.rules.locality, &self.config, &peer);
                locality.trace(&mut outcome);
                outcome.trace_line(Check::Answer, AnswerFinding::NoUpgrade(status).to_string());
            }
            Input::Broken { connection, code, why } => handshake::broken(self, connection, code, &why, &mut outcome),
            Input::Closed { connection } => self.closed(connection, environment, &mut outcome),
            Input::Wake => {
                self.time_out(environment.now, &mut outcome);
                rpc::wake(self, environment.now, &mut outcome);
            }
            Input::Stop => self.announce_stop("gateway stopping", &mut outcome),
        }
        rpc::answer_finished_upgrades(self, environment, &mut outcome);
        let handshakes = self.connections.values().filter_map(|open| open.handshake_deadline).min();
        outcome.wake_at = [handshakes, rpc::wake_at(self)].into_iter().flatten().min();
        outcome
    }

    fn open(&mut self, connection: ConnectionId, peer: Peer, environment: &mut Environment<'_>, outcome: &mut Outcome) {
        self.trace_upgrade(&peer, outcome);
        if let Some(why) = locality::unattributable(&self.rules.locality, &self.config, &peer) {
            outcome.trace_line_of(Check::Upgrade, fact!(locality.attribution_required), why);
            let body = json!({"error": {"type": "proxy_attribution_required", "message": "Proxy client attribution is required."}});
            return refuse_upgrade(connection, 403, body.to_string(), outcome);
        }
        let locality = Locality::of(&self.rules.locality, &self.config, &peer);
        let waiting = |open: &&Connection| {
            open.client.is_none() && !open.closing && open.locality.client_ip == locality.client_ip
        };
        let already = self.connections.values().filter(waiting).count();
        let most = self.config.max_preauth_connections_per_ip as usize;
        if self.rules.handshake.waiting_limited && already >= most {
            let why = format!("{already} connections of this address wait for their connect");
            outcome.trace_line_of(Check::Upgrade, fact!(handshake.waiting_limited), why);
            locality.trace(outcome);
            let body = "Too many unauthenticated sockets".to_owned();
            return refuse_upgrade(connection, 503, body, outcome);
        }
        let conn_id = ids::uuid(environment.entropy.uuid());
        let nonce = ids::uuid(environment.entropy.uuid());
        let timeout = self.config.handshake_timeout_ms.unwrap_or(self.rules.handshake.timeout_ms);
        let deadline = environment.now.saturating_add(i64::try_from(timeout).unwrap_or(i64::MAX));
        let frame = ServerFrame::Event {
            event: "connect.challenge".to_owned(),
            payload: Some(handshake::challenge(&self.rules.handshake, &nonce, environment.now)),
            seq: None,
            state_version: None,
            recipient: None,
        };
        outcome.effects.push(Effect::Send { connection, frame });
        let open = Connection {
            conn_id,
            peer,
            locality,
            nonce,
            handshake_deadline: Some(deadline),
            closing: false,
            client: None,
            unauthorised_calls: 0,
        };
        self.connections.insert(connection, open);
    }

    fn trace_upgrade(&self, peer: &Peer, outcome: &mut Outcome) {
        outcome.trace_line(Check::Upgrade, UpgradeFinding::of(peer, &self.config).to_string());
    }

    fn messages(
        &mut self,
        connection: ConnectionId,
        messages: &[Vec<u8>],
        environment: &mut Environment<'_>,
        outcome: &mut Outcome,
    ) {
        if self.connections.get(&connection).is_some_and(|open| !open.closing && open.client.is_none()) {
            return handshake::receive(self, connection, messages, environment, outcome);
        }
        for data in messages {
            if self.connections.get(&connection).is_some_and(|open| !open.closing) {
                self.request(connection, data, environment, outcome);
            }
        }
    }

    /// Processes a message from a client after `hello-ok`.
    fn request(
        &mut self,
        connection: ConnectionId,
        data: &[u8],
        environment: &mut Environment<'_>,
        outcome: &mut Outcome,
    ) {
        if data.len() > handshake::MAX_PAYLOAD_BYTES {
            return self.close(connection, close::TOO_BIG, "", outcome);
        }
        // A message that is not JSON is logged and not answered.
        let Ok(mut frame) = serde_json::from_str::<Value>(&String::from_utf8_lossy(data)) else {
            return outcome.effects.push(Effect::Log("parse/handle error: a message is not JSON".to_owned()));
        };
        if let Err(errors) = self.rules.handshake.connect_form.request().check(Some(&frame)) {
            let id = frame.get("id").filter(|id| !id.is_null()).cloned().unwrap_or_else(|| Value::from("invalid"));
            let errors = self.rules.handshake.wording.of(errors);
            let error = invalid_request(format!("invalid request frame: {errors}"));
            let frame = ServerFrame::Res { id, ok: false, payload: None, error: Some(error) };
            return outcome.effects.push(Effect::Send { connection, frame });
        }
        let text = |frame: &Value, key: &str| frame[key].as_str().unwrap_or_default().to_owned();
        let request = RequestFrame {
            id: text(&frame, "id"),
            method: text(&frame, "method"),
            params: frame.get_mut("params").map(Value::take),
        };
        rpc::handle(self, connection, request, environment, outcome);
    }

    fn closed(&mut self, connection: ConnectionId, environment: &mut Environment<'_>, outcome: &mut Outcome) {
        let Some(gone) = self.connections.remove(&connection) else { return };
        rpc::fail_node_commands(self, connection, outcome);
        if let Some(client) = gone.client.as_ref().filter(|client| client.role == "node")
            && !self.rules.nodes.gone_with_later_connection
        {
            self.forget_node(client.node_id());
        }
        if let Some(client) =
            gone.client.as_ref().filter(|client| client.role == "node" && self.rules.nodes.notes_departures)
            && let Some(node_id) = client.device_id()
        {
            let Environment { now, store, .. } = environment;
            let recorded = nodes::record_departure(&self.rules.nodes, *store, *now, node_id, client.connected_at);
            if let Err(fault) = recorded {
                outcome.effects.push(Effect::Log(format!("failed to record last disconnect for {node_id}: {fault}")));
            }
        }
        if let Some(client) = &gone.client {
            self.handle_departure(client, environment.now, outcome);
        }
    }

    /// Unregisters a node that has no open connection left.
    pub(crate) fn forget_node(&mut self, node_id: &str) {
        let clients = self.connections.values_mut().filter_map(|open| open.client.as_mut());
        for client in clients.filter(|client| client.node_id() == node_id) {
            client.stands_for_node = false;
        }
    }

    /// Traces whether a connection counts as local.
    pub(crate) fn trace_locality(&self, connection: ConnectionId, outcome: &mut Outcome) {
        if let Some(open) = self.connections.get(&connection) {
            open.locality.trace(outcome);
        }
    }

    fn time_out(&mut self, now: i64, outcome: &mut Outcome) {
        let late: Vec<ConnectionId> = self
            .connections
            .iter()
            .filter(|(_, open)| open.handshake_deadline.is_some_and(|deadline| deadline <= now))
            .map(|(id, _)| *id)
            .collect();
        for connection in late {
            outcome.about = Some(connection);
            let fact = fact!(handshake.timeout_ms);
            outcome.trace_line_of(Check::Frame, fact, "no connect request before the timeout");
            self.trace_locality(connection, outcome);
            let answer = AnswerFinding::Closed { code: close::NORMAL, why: HANDSHAKE_TIMEOUT.to_owned() };
            outcome.trace_line(Check::Answer, answer.to_string());
            self.close(connection, close::NORMAL, "", outcome);
        }
    }

    /// Connections of clients that the gateway has not closed, in the order of their `hello-ok`.
    pub(crate) fn clients(&self) -> Vec<(ConnectionId, &ConnectedClient)> {
        let mut clients: Vec<_> = self
            .connections
            .iter()
            .filter(|(_, connection)| !connection.closing)
            .filter_map(|(id, connection)| Some((*id, connection.client.as_ref()?)))
            .collect();
        clients.sort_by_key(|(_, client)| client.order);
        clients
    }

    /// Answers a request, unless its connection is closed. Ten consecutive calls without the role are refused, and the
    /// next one closes the connection.
    pub(crate) fn respond(
        &mut self,
        connection: ConnectionId,
        id: &str,
        answer: Result<Value, ErrorShape>,
        outcome: &mut Outcome,
    ) {
        let Some(open) = self.connections.get_mut(&connection).filter(|open| !open.closing) else { return };
        let (ok, payload, error) = match answer {
            Ok(payload) => (true, Some(payload), None),
            Err(error) => (false, None, Some(error)),
        };
        let wrong_role = error.as_ref().is_some_and(|error| {
            error.code == error::INVALID_REQUEST && error.message.starts_with("unauthorized role:")
        });
        let frame = ServerFrame::Res { id: Value::from(id), ok, payload, error };
        outcome.effects.push(Effect::Send { connection, frame });
        open.unauthorised_calls = if wrong_role { open.unauthorised_calls + 1 } else { 0 };
        if self.rules.rpc.repeated_wrong_role_closes && open.unauthorised_calls > UNAUTHORISED_CALLS {
            self.close(connection, close::POLICY, "repeated unauthorized calls", outcome);
        }
    }

    /// Closes a connection unless it is already closed.
    pub(crate) fn close(&mut self, connection: ConnectionId, code: u16, reason: &str, outcome: &mut Outcome) {
        if let Some(open) = self.connections.get_mut(&connection).filter(|open| !open.closing) {
            open.closing = true;
            open.handshake_deadline = None;
            outcome.effects.push(Effect::Close { connection, code, reason: reason.to_owned() });
        }
    }
}

fn refuse_upgrade(connection: ConnectionId, status: u16, body: String, outcome: &mut Outcome) {
    outcome.trace_line(Check::Answer, AnswerFinding::NoUpgrade(status).to_string());
    outcome.effects.push(Effect::RefuseUpgrade { connection, status, body });
}

fn invalid_request(message: String) -> ErrorShape {
    ErrorShape {
        code: error::INVALID_REQUEST.to_owned(),
        message,
        details: None,
        retryable: None,
        retry_after_ms: None,
    }
}
