//! The steps of a recording: the actions of the clients, with the answers.

use super::frames::Message;
use super::recording::{Entry, Event, Head, Recorded};
use openclaw_model::Release;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The minimum pause after which a close counts as a handshake timeout.
const MIN_SILENCE: Duration = Duration::from_secs(5);
/// The maximum length of a client's message in the scenario, in bytes.
const MAX_MESSAGE_BYTES: usize = 64 << 10;
/// The maximum nesting of a message. A message with more nesting is a text.
const MAX_DEPTH: usize = 20;

/// An action of a client, or an event that the client waited for.
#[derive(Debug, Clone)]
pub(super) enum ClientAction {
    /// A connect. Holds its parameters.
    Connect(Map<String, Value>),
    /// A connection without a connect.
    Open,
    /// A request. Holds its method, its parameters, and whether the answer arrived before the next action.
    Call { method: String, params: Option<Value>, waits: bool },
    /// A message that is not a request.
    Send(Message),
    /// The client closed the connection.
    Disconnect,
    /// The answer to an earlier request arrived. Holds the index of the request's step.
    Answer(usize),
    /// The gateway closed the connection. Holds whether the connection was silent for a long time before.
    Closed { after_silence: bool },
}

/// A step.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// The number of the connection.
    pub(super) connection: usize,
    /// The time since the start of the recording.
    pub(super) at: Duration,
    /// What the client did in the step.
    pub(super) action: ClientAction,
    /// The response frame, if one arrived.
    pub(super) answer: Option<Value>,
    /// The close code and the reason of the gateway, if it closed the connection in the step.
    pub(super) close: Option<(Option<u16>, String)>,
}

/// A connection of the recording.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    /// The upgrade request.
    pub(super) head: Head,
    /// The HTTP status with which the gateway refused the upgrade.
    pub(super) refused: Option<u16>,
    /// The nonce and the time of the challenge.
    pub(super) challenge: Option<(String, i64)>,
    opened_at: Duration,
    is_open_step: bool,
    is_over: bool,
    /// Whether the scenario does not contain all messages of the client.
    is_incomplete: bool,
    first: Option<usize>,
    /// The steps of the requests without an answer, by their ids.
    waiting: BTreeMap<String, usize>,
    /// The step of the last message without an answer that is not a request.
    sent: Option<usize>,
}

/// The steps and the connections of a recording.
#[derive(Debug, Default)]
pub(super) struct Drafts {
    /// The steps, in the order of the clients' actions.
    pub(super) steps: Vec<Draft>,
    /// The connections by number.
    pub(super) connections: BTreeMap<usize, Connection>,
    /// The names of the events that the gateway sent.
    pub(super) events: BTreeSet<String>,
    /// The messages that are too long for the scenario.
    pub(super) too_long: usize,
    /// The connections whose first message is too long for the scenario.
    pub(super) connections_without_first: usize,
    /// The last server version in a `hello-ok`.
    pub(super) version: Option<String>,
}

impl Drafts {
    /// The release of the gateway, if a `hello-ok` names one.
    pub(super) fn release(&self) -> Option<Release> {
        self.version.as_deref().and_then(|version| version.parse().ok())
    }

    /// The same recording, but only its first steps.
    pub(super) fn first(&self, count: usize) -> Self {
        let steps = self.steps.iter().take(count).cloned().collect();
        let (connections, events) = (self.connections.clone(), self.events.clone());
        Self { steps, connections, events, version: self.version.clone(), ..*self }
    }

    /// The steps of a recording.
    pub(super) fn of(recorded: &mut Recorded) -> Self {
        let mut drafts = Self::default();
        for entry in std::mem::take(&mut recorded.entries) {
            drafts.entry(entry);
        }
        // Clients that sent nothing.
        let silent = drafts.connections.iter().filter(|(_, known)| known.first.is_none() && !known.is_over);
        for (connection, at) in silent.map(|(number, known)| (*number, known.opened_at)).collect::<Vec<_>>() {
            drafts.open_without_connect(connection, at);
        }
        drafts
    }

    fn entry(&mut self, Entry { connection, at, event }: Entry) {
        match event {
            Event::Opened(head) => self.open(connection, at, head, None),
            Event::NotOpened(head, status) => {
                self.open(connection, at, head, Some(status));
                self.push(connection, at, ClientAction::Open);
            }
            Event::FromClient(message) => self.client_sent(connection, at, message),
            Event::FromGateway(message) => self.gateway_sent(connection, at, message),
            Event::ClientEnded => self.client_ended(connection, at),
            Event::GatewayEnded => self.gateway_closed(connection, at, (None, String::new())),
        }
    }

    fn open(&mut self, connection: usize, at: Duration, head: Head, refused: Option<u16>) {
        let opened = Connection {
            head,
            refused,
            challenge: None,
            opened_at: at,
            is_open_step: false,
            is_over: refused.is_some(),
            is_incomplete: false,
            first: None,
            waiting: BTreeMap::new(),
            sent: None,
        };
        self.connections.insert(connection, opened);
    }

    fn push(&mut self, connection: usize, at: Duration, action: ClientAction) -> usize {
        self.steps.push(Draft { connection, at, action, answer: None, close: None });
        let index = self.steps.len() - 1;
        if let Some(connection) = self.connections.get_mut(&connection) {
            connection.first.get_or_insert(index);
        }
        index
    }

    /// Adds the step that opens a connection whose first message is not a connect.
    fn open_without_connect(&mut self, connection: usize, at: Duration) {
        let is_new = self.connections.get(&connection).is_some_and(|known| known.first.is_none());
        if is_new {
            self.push(connection, at, ClientAction::Open);
            if let Some(known) = self.connections.get_mut(&connection) {
                known.is_open_step = true;
            }
        }
    }

    fn client_sent(&mut self, connection: usize, at: Duration, message: Message) {
        let Some(known) = self.connections.get_mut(&connection).filter(|known| !known.is_over) else { return };
        let is_first = known.first.is_none();
        if message.length().is_none_or(|length| length > MAX_MESSAGE_BYTES) {
            // Without its first message, a connection means something else.
            (known.is_over, known.is_incomplete) = (is_first, true);
            let lost = if is_first { &mut self.connections_without_first } else { &mut self.too_long };
            *lost += 1;
            return;
        }
        let frame = match &message {
            Message::Text(text) => frame(text),
            _ => None,
        };
        let request = frame.as_ref().filter(|frame| frame["type"] == "req");
        let method = request.and_then(|frame| frame["method"].as_str().map(str::to_owned));
        let id = request.and_then(|frame| frame["id"].as_str().map(str::to_owned));
        match (message, method, id) {
            (Message::Close(..), _, _) => self.client_ended(connection, at),
            (_, Some(method), Some(id))
                if method == "connect" && is_first && frame.as_ref().is_some_and(is_complete) =>
            {
                let params = frame.and_then(|mut frame| frame["params"].as_object_mut().map(std::mem::take));
                let step = self.push(connection, at, ClientAction::Connect(params.unwrap_or_default()));
                self.wait(connection, id, step);
            }
            (_, Some(method), Some(id)) if method != "connect" => {
                self.open_without_connect(connection, at);
                let params = frame.and_then(|frame| frame.get("params").cloned());
                let step = self.push(connection, at, ClientAction::Call { method, params, waits: true });
                self.wait(connection, id, step);
            }
            (message, _, _) => {
                self.open_without_connect(connection, at);
                let step = self.push(connection, at, ClientAction::Send(message));
                if let Some(known) = self.connections.get_mut(&connection) {
                    known.sent = Some(step);
                }
            }
        }
    }

    fn wait(&mut self, connection: usize, id: String, step: usize) {
        if let Some(known) = self.connections.get_mut(&connection) {
            known.waiting.insert(id, step);
        }
    }

    fn gateway_sent(&mut self, connection: usize, at: Duration, message: Message) {
        let text = match message {
            Message::Text(text) => text,
            Message::Close(code, reason) => return self.gateway_closed(connection, at, (code, reason)),
            Message::TooLong => {
                self.too_long += 1;
                return;
            }
            Message::Binary(_) => return,
        };
        let Ok(frame) = serde_json::from_str::<Value>(&text) else { return };
        let Some(known) = self.connections.get_mut(&connection) else { return };
        if frame["type"] == "event" {
            let payload = &frame["payload"];
            if frame["event"] == "connect.challenge" {
                let nonce = payload["nonce"].as_str().unwrap_or_default().to_owned();
                known.challenge = Some((nonce, payload["ts"].as_i64().unwrap_or_default()));
            } else if let Some(name) = frame["event"].as_str() {
                self.events.insert(name.to_owned());
            }
            return;
        }
        // The gateway chooses the id of its answer to an invalid request.
        let request = frame["id"].as_str().and_then(|id| known.waiting.remove(id));
        let Some(step) = request.or_else(|| known.sent.take()) else { return };
        if let Some(version) = frame.pointer("/payload/server/version").and_then(Value::as_str) {
            self.version = Some(version.to_owned());
        }
        let is_last = step + 1 == self.steps.len();
        match &mut self.steps[step].action {
            ClientAction::Call { waits, .. } if !is_last => {
                *waits = false;
                self.steps[step].answer = Some(frame.clone());
                let later = self.push(connection, at, ClientAction::Answer(step));
                self.steps[later].answer = Some(frame);
            }
            _ => self.steps[step].answer = Some(frame),
        }
    }

    fn client_ended(&mut self, connection: usize, at: Duration) {
        let Some(known) = self.connections.get(&connection).filter(|known| !known.is_over) else { return };
        if known.first.is_none() {
            self.open_without_connect(connection, at);
        }
        self.end(connection);
        self.push(connection, at, ClientAction::Disconnect);
    }

    fn gateway_closed(&mut self, connection: usize, at: Duration, close: (Option<u16>, String)) {
        let Some(known) = self.connections.get(&connection).filter(|known| !known.is_over) else { return };
        if known.is_incomplete {
            // The reason for the close can be a message that the scenario does not contain.
            return self.client_ended(connection, at);
        }
        let after_silence = known.first.is_none() && at.saturating_sub(known.opened_at) > MIN_SILENCE;
        self.open_without_connect(connection, at);
        self.end(connection);
        // The close belongs to the last action on this connection: a refused connect or a frame.
        let last = self.steps.iter().rposition(|step| step.connection == connection);
        let is_next = last.is_some_and(|last| last + 1 == self.steps.len());
        let closes = |step: &Draft| match &step.action {
            ClientAction::Connect(_) => step.answer.as_ref().is_none_or(|answer| answer["ok"] != true),
            ClientAction::Send(_) => step.answer.is_none() || is_next,
            ClientAction::Call { .. } => step.answer.is_none(),
            _ => false,
        };
        match last.filter(|last| closes(&self.steps[*last])) {
            Some(last) => self.steps[last].close = Some(close),
            None => {
                let step = self.push(connection, at, ClientAction::Closed { after_silence });
                self.steps[step].close = Some(close);
            }
        }
    }

    fn end(&mut self, connection: usize) {
        if let Some(known) = self.connections.get_mut(&connection) {
            known.is_over = true;
        }
    }
}

/// A text as JSON, if it can be a part of a scenario.
pub(super) fn frame(text: &str) -> Option<Value> {
    serde_json::from_str::<Value>(text).ok().filter(|frame| depth(frame) <= MAX_DEPTH)
}

/// The number of nested lists and maps.
fn depth(value: &Value) -> usize {
    let below = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(members) => members.values().map(depth).max(),
        _ => return 0,
    };
    1 + below.unwrap_or_default()
}

/// Whether a connect request has the parts that every client sends. Any other request is replayed as a raw message.
fn is_complete(frame: &Value) -> bool {
    let params = &frame["params"];
    let is_text = |name: &str| params["client"][name].is_string();
    let has_client = ["id", "mode", "platform", "version"].into_iter().all(is_text);
    has_client && params["minProtocol"].is_u64() && params["maxProtocol"].is_u64()
}
