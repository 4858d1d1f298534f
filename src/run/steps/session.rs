//! An open connection and the messages that it received.

use super::frames::ConnectionFrames;
use crate::client::{Closed, Connection, Ending, Incoming, RequestId, TextFrame};
use crate::observe::{RawFrame, RawMessage};
use crate::run::bindings::Bindings;
use crate::run::timeouts::{Timeouts, Wait};
use openclaw_protocol::connect::is_hello;
use serde_json::{Map, Value};
use std::collections::HashMap;
use tokio::task::yield_now;
use tokio::time::Instant;
use untrusted_data::cut;
use untrusted_data::limits::{
    Budget, CONNECTION_BYTES, CONNECTION_MESSAGES, FLOOD_BYTES, FLOOD_MESSAGES, SHOWN_OF_NO_JSON,
};

/// How often all tasks of this process are scheduled before a gateway with its own clock has certainly sent everything.
const SCHEDULER_TURNS: u32 = 40;

/// An open connection.
pub(crate) struct Session {
    pub(crate) connection: Connection,
    /// The device that connected on this connection.
    pub(crate) device: Option<String>,
    /// Validates the received frames against the published schema.
    frames: ConnectionFrames,
    /// Whether the gateway answered the connect with `hello-ok`.
    pub(crate) admitted: bool,
    /// Number of pongs when one did not arrive. The gateway is not pinged again until another pong arrives.
    missing_pong_at: Option<usize>,
    /// The methods of the sent requests, by request id.
    methods: HashMap<String, String>,
    /// Whether a raw frame of the scenario was sent. The ids in the gateway's answers to it are not known.
    sent_raw: bool,
    /// The ids of named calls.
    calls: HashMap<String, RequestId>,
    /// Received messages that a later step waits for.
    kept: Vec<RawMessage>,
    /// How the connection ended.
    over: Option<RawMessage>,
    /// Number of received messages and their bytes.
    taken: (usize, usize),
    /// The memory for received messages.
    budget: Budget,
    /// Whether the connection ended because the gateway sent too much.
    exceeded_memory: bool,
    /// Whether the gateway did not answer on this connection before a timeout.
    pub(crate) unanswered: bool,
}

/// What a step waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// The end of the connection.
    Close,
    /// Another answer to the call with this name.
    Answer(String),
    /// An event with this name.
    Event(String),
}

impl Session {
    pub(crate) fn new(connection: Connection, frames: ConnectionFrames, budget: Budget) -> Self {
        Self {
            connection,
            device: None,
            frames,
            admitted: false,
            missing_pong_at: None,
            methods: HashMap::new(),
            sent_raw: false,
            calls: HashMap::new(),
            kept: Vec::new(),
            over: None,
            taken: (0, 0),
            budget,
            exceeded_memory: false,
            unanswered: false,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.is_some()
    }

    /// Records a sent request. An answer to no recorded request is a [`RawFrame::Stray`].
    pub(crate) fn sent(&mut self, pending: &RequestId, method: &str) {
        self.methods.insert(pending.0.clone(), method.to_owned());
    }

    /// Records the name of the step that sent a request.
    pub(crate) fn named(&mut self, pending: &RequestId, name: Option<&str>) {
        if let Some(name) = name {
            self.calls.insert(name.to_owned(), pending.clone());
        }
    }

    /// Records that a raw frame of the scenario is sent.
    pub(crate) fn sends_raw(&mut self) {
        self.sent_raw = true;
    }

    /// Receives messages until `last` accepts one, the connection ends or the timeout expires. Returns all messages in
    /// order. Without an answer, the last item is [`RawMessage::Silence`].
    pub(crate) async fn listen(
        &mut self,
        deadline: Instant,
        mut last: impl FnMut(&RawMessage) -> bool,
    ) -> Vec<RawMessage> {
        let mut received = Vec::new();
        if self.is_over() {
            return received;
        }
        loop {
            let message = self.next(deadline).await;
            self.unanswered |= message == RawMessage::Silence;
            let over = matches!(message, RawMessage::Silence | RawMessage::Close { .. }) || last(&message);
            received.push(message);
            if over {
                return self.shown(received);
            }
        }
    }

    /// The same for a gateway in this process with its own clock. No time passes: it answers a ping after everything that it
    /// was sent before, and steps that are played side by side get [`SCHEDULER_TURNS`] to send more.
    pub(crate) async fn listen_briefly(
        &mut self,
        timeouts: &Timeouts,
        mut last: impl FnMut(&RawMessage) -> bool,
    ) -> Vec<RawMessage> {
        let (unanswered, mut received) = (self.unanswered, Vec::new());
        for _ in 0..2 {
            self.round_trip(timeouts).await;
            received.extend(self.listen(Instant::now(), &mut last).await);
            if received.last() != Some(&RawMessage::Silence) {
                self.unanswered = unanswered;
                return received;
            }
            received.pop();
            for _ in 0..SCHEDULER_TURNS {
                yield_now().await;
            }
        }
        received.push(RawMessage::Silence);
        received
    }

    /// Waits until the gateway has read everything that was sent on this connection.
    pub(crate) async fn round_trip(&mut self, timeouts: &Timeouts) {
        if !self.is_over() && self.missing_pong_at != Some(self.connection.pongs()) {
            self.ping(timeouts).await;
        }
    }

    /// Proves with a round trip that no further message was sent. Returns the messages up to that point. `later` lists
    /// what later steps wait for on this connection. Such messages are kept for these steps.
    pub(crate) async fn catch_up(&mut self, timeouts: &Timeouts, later: &[Awaited]) -> Vec<RawMessage> {
        if self.is_over() {
            return Vec::new();
        }
        self.round_trip(timeouts).await;
        let mut received = Vec::new();
        loop {
            // Messages before the pong have already arrived, so there is no wait.
            let message = self.next(Instant::now()).await;
            if message == RawMessage::Silence {
                break;
            }
            let over = matches!(message, RawMessage::Close { .. });
            received.push(message);
            if over {
                break;
            }
        }
        received = self.shown(received);
        let mut later = later.to_vec();
        received.retain(|message| match later.iter().position(|awaited| self.is_awaited(message, awaited)) {
            Some(at) => {
                later.remove(at);
                self.keep(message.clone());
                false
            }
            None => true,
        });
        received
    }

    /// Sends a ping and waits for the pong.
    async fn ping(&mut self, timeouts: &Timeouts) {
        let (began, limit) = (Instant::now(), timeouts.limit(&Wait::Pong));
        let came = self.connection.ping(began + limit).await;
        self.missing_pong_at = (!came).then(|| self.connection.pongs());
        match began.elapsed() {
            took if came => timeouts.came(&Wait::Pong, took),
            // A failure before the timeout means that the connection ended.
            took if took >= limit => timeouts.missed(&Wait::Pong, took),
            _ => {}
        }
    }

    /// The message that a step waits for, if it arrived earlier.
    pub(crate) fn take_kept(&mut self, awaited: &Awaited) -> Option<RawMessage> {
        if let Some(at) = self.kept.iter().position(|message| self.is_awaited(message, awaited)) {
            return Some(self.kept.remove(at));
        }
        self.over.clone().filter(|_| *awaited == Awaited::Close)
    }

    /// Separates the messages that later steps wait for from the others.
    pub(crate) fn wanted(&self, awaited: &Awaited) -> impl FnMut(&RawMessage) -> bool + Send + use<> {
        let (awaited, ids) = (awaited.clone(), self.calls.clone());
        move |message| is_awaited(message, &awaited, &ids)
    }

    /// Keeps a message for the step that waits for it.
    pub(crate) fn keep(&mut self, message: RawMessage) {
        self.kept.push(message);
    }

    pub(crate) fn is_awaited(&self, message: &RawMessage, awaited: &Awaited) -> bool {
        is_awaited(message, awaited, &self.calls)
    }

    /// The next message. A gateway that exceeds the limit loses its connection, so every loop over this ends.
    async fn next(&mut self, deadline: Instant) -> RawMessage {
        let incoming = self.connection.next(deadline).await;
        let (bytes, weight) = match &incoming {
            Incoming::Text(frame) => (frame.text.len(), frame.weight),
            Incoming::Binary(bytes) => (bytes.len(), 0),
            Incoming::Closed(_) | Incoming::Deadline => return self.message(incoming),
        };
        self.taken = (self.taken.0 + 1, self.taken.1.saturating_add(bytes));
        let why = match self.taken {
            (messages, _) if messages > CONNECTION_MESSAGES => {
                format!("more than {CONNECTION_MESSAGES} messages on one connection")
            }
            (_, bytes) if bytes > CONNECTION_BYTES => {
                format!("more than {} MiB on one connection", CONNECTION_BYTES >> 20)
            }
            _ => match self.budget.take(weight) {
                Ok(()) => return self.message(incoming),
                Err(over) => over.to_string(),
            },
        };
        let closed = self.connection.give_up(why);
        self.message(closed)
    }

    /// Empties the members of a hello-ok that describe the gateway's machine (methods, events, presence). They take most of
    /// the memory of a case, and nothing reads them after the schema check. The names of the members stay.
    pub(crate) fn drop_large_members(&self, messages: &mut [RawMessage], keeps_features: bool) {
        for message in messages {
            let RawMessage::Frame(RawFrame::Regular { json: frame, method }) = message else { continue };
            let to_connect = method.as_deref() == Some("connect");
            if !frame.get("payload").is_some_and(|payload| is_hello(payload, to_connect)) {
                continue;
            }
            let before = cut::json::weight(frame);
            let payload = frame.pointer_mut("/payload").and_then(Value::as_object_mut);
            for (name, member) in payload.into_iter().flatten() {
                match (name.as_str(), member) {
                    ("auth" | "policy", _) => {}
                    ("features", _) if keeps_features => {}
                    // The names of their members are shown.
                    ("server" | "features" | "snapshot", Value::Object(members)) => {
                        members.values_mut().for_each(empty);
                    }
                    (_, member) => empty(member),
                }
            }
            self.budget.give_back(before - cut::json::weight(frame));
        }
    }

    /// Keeps the beginning and the end of a flood, and everything else.
    fn shown(&self, mut received: Vec<RawMessage>) -> Vec<RawMessage> {
        if !self.exceeded_memory {
            return received;
        }
        let end = received.pop();
        let mut room = FLOOD_BYTES;
        let fits = |message: &&RawMessage| {
            let Some(frame) = message.json() else { return true };
            let left = room.checked_sub(frame.to_string().len());
            room = left.unwrap_or_default();
            left.is_some()
        };
        let shown = received.iter().take(FLOOD_MESSAGES).take_while(fits).count();
        received.truncate(shown);
        received.extend(end);
        received
    }

    fn message(&mut self, incoming: Incoming) -> RawMessage {
        match incoming {
            Incoming::Text(TextFrame { json: Some(frame), is_cut, .. }) => {
                let is_response = frame.get("type") == Some(&"res".into());
                let id = frame.get("id").and_then(Value::as_str).filter(|_| is_response);
                let method = id.and_then(|id| self.methods.get(id)).cloned();
                // The mark for omitted messages does not come from the gateway.
                if !is_cut {
                    self.frames.check(&frame, method.as_deref());
                }
                if is_response && method.is_none() && !is_cut && !self.sent_raw {
                    return RawMessage::Frame(RawFrame::Stray(frame));
                }
                RawMessage::Frame(RawFrame::Regular { json: frame, method })
            }
            Incoming::Text(TextFrame { text, .. }) => {
                RawMessage::NotJson { bytes: text.len(), begins: text.chars().take(SHOWN_OF_NO_JSON).collect() }
            }
            Incoming::Binary(bytes) => RawMessage::NotJson { bytes: bytes.len(), begins: "(binary)".to_owned() },
            Incoming::Closed(closed) => {
                self.exceeded_memory = matches!(closed.how, Ending::TooMuch(_));
                let message = close(closed);
                self.over = Some(message.clone());
                message
            }
            Incoming::Deadline => RawMessage::Silence,
        }
    }
}

/// Removes the contents of a value.
fn empty(value: &mut Value) {
    match value {
        Value::Array(items) => *items = Vec::new(),
        Value::Object(members) => *members = Map::new(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_awaited(message: &RawMessage, awaited: &Awaited, calls: &HashMap<String, RequestId>) -> bool {
    match (awaited, message) {
        (Awaited::Close, RawMessage::Close { .. }) => true,
        (Awaited::Answer(name), message) => calls.get(name).is_some_and(|pending| answers(message, &pending.0)),
        (Awaited::Event(name), message) => message.frame().is_some_and(|frame| is_event(frame, name)),
        _ => false,
    }
}

/// Whether a frame is an event with this name.
pub(crate) fn is_event(frame: &Value, name: &str) -> bool {
    frame.get("type") == Some(&"event".into()) && frame.get("event").and_then(Value::as_str) == Some(name)
}

/// Whether a message answers the request with this id.
pub(crate) fn answers(message: &RawMessage, id: &str) -> bool {
    let Some(frame) = message.frame() else { return false };
    frame.get("type") == Some(&"res".into()) && frame.get("id").and_then(Value::as_str) == Some(id)
}

fn close(closed: Closed) -> RawMessage {
    let clean = closed.clean();
    let reason = match closed.how {
        Ending::CloseFrame | Ending::Eof | Ending::Reset => closed.reason,
        Ending::Violation(why) => why,
        Ending::TooMuch(why) => format!("the gateway sent too much: {why}"),
    };
    RawMessage::Close { code: closed.code, reason, clean }
}

/// Records the device token or the request id in the answer to a connect.
pub(crate) fn learn(bindings: &Bindings, step: Option<&str>, device: Option<&str>, received: &[RawMessage]) {
    for message in received {
        let Some(frame) = message.frame() else { continue };
        if frame.get("type") != Some(&"res".into()) {
            continue;
        }
        if let Some(step) = step {
            bindings.answered(step, frame);
        }
        let text = |path: &str| frame.pointer(path).and_then(Value::as_str);
        let Some(device) = device else { continue };
        if let Some(request) = text("/error/details/requestId") {
            bindings.requested(device, request);
        }
        let extra = frame.pointer("/payload/auth/deviceTokens").and_then(Value::as_array);
        for given in extra.into_iter().flatten().chain(frame.pointer("/payload/auth")) {
            let text = |name: &str| given.get(name).and_then(Value::as_str);
            if let (Some(role), Some(token)) = (text("role"), text("deviceToken")) {
                bindings.given(step, device, role, token);
            }
        }
    }
}
