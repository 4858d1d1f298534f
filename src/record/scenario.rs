//! A recording as a scenario.

use super::connects::{ConnectStep, upgrade};
use super::drafts::{ClientAction, Connection, Draft, Drafts};
use super::frames::Message;
use super::initial_state::InitialState;
use super::recording::Recorded;
use super::redaction;
use super::symbols::{Symbols, pattern, step_name};
use crate::counted::counted;
use crate::scenario::gateway::SHARED_SECRET;
use crate::scenario::writer;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openclaw_model::{Facts, Release};
use serde_json::{Map, Value, json};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use untrusted_data::printable;

/// The maximum length of a raw message in the scenario, in bytes.
const MAX_TEXT_BYTES: usize = 64 << 10;
/// The maximum number of names in a comment, and the maximum length of a name, in characters.
const MAX_LISTED: usize = 12;
const MAX_NAME_LENGTH: usize = 60;

/// A recording that can be written as a scenario file.
pub(crate) struct RecordedScenario {
    /// The number of WebSocket connections.
    pub(crate) connections: usize,
    /// The number of steps.
    pub(crate) steps: usize,
    /// What the scenario does not contain, one sentence each.
    pub(crate) left_out: Vec<String>,
    /// The release of the gateway, if it is known and the embedded gateway can have it.
    pub(crate) release: Option<Release>,
    text: String,
}

impl RecordedScenario {
    /// The text of the scenario file.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The scenario of a recording. `proxy` is the proxy's own address.
    pub(super) fn of(mut recorded: Recorded, upstream: &str, proxy: &str, initial_state: InitialState) -> Self {
        let drafts = Drafts::of(&mut recorded);
        let seen = drafts.release();
        let initial_state = initial_state.for_release(seen);
        let release = if drafts.version.is_some() { seen } else { initial_state.release() };
        let mut writer = Writer::new(&drafts, proxy, initial_state);
        let steps = writer.steps();
        let mut scenario = Map::new();
        scenario.insert("scenario".to_owned(), json!("Recorded connections"));
        if !writer.initial_state.gateway.is_empty() {
            scenario.insert("gateway".to_owned(), Value::Object(std::mem::take(&mut writer.initial_state.gateway)));
        }
        if !writer.initial_state.store.is_empty() {
            scenario.insert("store".to_owned(), Value::Object(std::mem::take(&mut writer.initial_state.store)));
        }
        let count = steps.len();
        scenario.insert("steps".to_owned(), Value::Array(steps));
        let mut left_out = left_out(&recorded, &drafts, &writer);
        let mut about = vec![format!(
            "Recorded by clawcheck record {} on {upstream}{}.",
            env!("CARGO_PKG_VERSION"),
            drafts.version.as_ref().map(|version| format!(", OpenClaw {version}")).unwrap_or_default()
        )];
        about.push(
            "The private keys of the clients are unknown: each device has a stand-in key with the same record."
                .to_owned(),
        );
        about.push("The gateway saw every client at 127.0.0.1, the address of the proxy.".to_owned());
        about.extend(writer.initial_state.notes.iter().cloned());
        if !left_out.is_empty() {
            about.push("Not in this scenario:".to_owned());
            about.extend(left_out.iter().map(|line| format!("- {line}")));
        }
        // A secret can occur in a step before the one that shows that it is a secret.
        let secrets = &writer.symbols.secrets;
        if let Some(steps) = scenario.get_mut("steps").and_then(Value::as_array_mut) {
            steps.iter_mut().for_each(|step| redaction::step(step, secrets));
        }
        about.iter_mut().for_each(|line| *line = secrets.apply_known(line));
        left_out.iter_mut().for_each(|line| *line = secrets.apply_known(line));
        let text = writer::yaml(&Value::Object(scenario), &about);
        let release = release.filter(|release| Facts::of(*release).is_ok());
        Self { connections: recorded.connections, steps: count, left_out, release, text }
    }
}

struct Writer<'a> {
    drafts: &'a Drafts,
    proxy: &'a str,
    initial_state: InitialState,
    symbols: Symbols,
    lost: BTreeSet<String>,
    /// The methods whose answers have no expectation.
    unexpected: BTreeSet<String>,
    /// The steps of each connection, by its number.
    spans: BTreeMap<usize, Span>,
}

impl<'a> Writer<'a> {
    fn new(drafts: &'a Drafts, proxy: &'a str, mut initial_state: InitialState) -> Self {
        let mut symbols = Symbols::of(drafts, &initial_state.devices);
        for (token, (device, role)) in &initial_state.tokens {
            symbols.stored_token(token, device, role);
        }
        for (_, secret) in &initial_state.secrets {
            symbols.secrets.add(secret, "secret of the gateway");
        }
        for code in initial_state.setup_codes.keys() {
            symbols.secrets.add(code, "setup code");
        }
        initial_state.derive(drafts, &symbols);
        symbols.has_shared_secret =
            ["token", "password"].into_iter().any(|kind| initial_state.secret_name(kind) == Some(SHARED_SECRET));
        Self {
            drafts,
            proxy,
            initial_state,
            symbols,
            lost: BTreeSet::new(),
            unexpected: BTreeSet::new(),
            spans: Span::of(&drafts.steps),
        }
    }

    fn steps(&mut self) -> Vec<Value> {
        let actions = (0..self.drafts.steps.len()).map(|index| self.action(index)).collect::<Vec<_>>();
        let mut steps = Vec::new();
        for (index, action) in actions.into_iter().enumerate() {
            let Some(mut step) = action else { continue };
            let draft = &self.drafts.steps[index];
            // Only now is it known whether a later step refers to the step that opened the connection.
            self.name_connection(&mut step, draft.connection);
            let opens = matches!(draft.action, ClientAction::Connect(_) | ClientAction::Open);
            if opens && self.is_held(draft.connection) {
                step.insert("as".to_owned(), json!(connection_name(draft.connection)));
            }
            // The name of a held connection is the name of its step, as for every other kind of step.
            let waits = step.get("call").is_none_or(|call| call.get("wait").is_none());
            if self.symbols.used.contains(&index) || !waits {
                if step.contains_key("as") {
                    step.insert("as".to_owned(), json!(step_name(index)));
                } else {
                    step.insert("name".to_owned(), json!(step_name(index)));
                }
            }
            let known = self.drafts.connections.get(&draft.connection);
            let expect = known.and_then(|known| expected(draft, known));
            match (expect, self.unimplemented(draft)) {
                (Some(expect), None) => drop(step.insert("expect".to_owned(), expect)),
                (Some(_), Some(method)) => drop(self.unexpected.insert(method)),
                (None, _) => {}
            }
            step.insert("note".to_owned(), json!(format!("after {:.3} s", draft.at.as_secs_f64())));
            steps.push(Value::Object(step));
        }
        if steps.is_empty() {
            steps.push(json!({ "open": {} }));
            self.initial_state.notes.push("Nothing was recorded; the step is an example.".to_owned());
        }
        steps
    }

    /// The action of a step. `None` if it has no step of its own in the scenario.
    fn action(&mut self, index: usize) -> Option<Map<String, Value>> {
        let draft = &self.drafts.steps[index];
        let connection = self.drafts.connections.get(&draft.connection)?;
        let on = connection_name(draft.connection);
        let mut step = Map::new();
        let mut put = |name: &str, value: Value| drop(step.insert(name.to_owned(), value));
        match &draft.action {
            ClientAction::Connect(params) => {
                let connect = ConnectStep { params, draft, connection, index };
                self.symbols.used.extend(connect.uses(&self.symbols));
                let auth = connect.auth(&self.symbols, &self.initial_state, &mut self.lost);
                let members = connect.members(self.proxy, auth, &mut self.symbols, &mut self.lost);
                put("connect", Value::Object(members));
            }
            ClientAction::Open => {
                let mut members = upgrade(&connection.head, self.proxy, &mut self.lost);
                if connection.head.path != "/" {
                    members.insert("path".to_owned(), json!(connection.head.path));
                }
                put("open", Value::Object(members));
            }
            ClientAction::Call { method, params, waits } => {
                let mut call = Map::new();
                call.insert("on".to_owned(), json!(on));
                call.insert("method".to_owned(), json!(method));
                if let Some(params) = params {
                    call.insert("params".to_owned(), self.symbols.fill(index, params, &mut self.lost));
                }
                let is_answered = draft.answer.is_some() || draft.close.is_some();
                if !waits || !is_answered {
                    call.insert("wait".to_owned(), json!(false));
                }
                put("call", Value::Object(call));
            }
            ClientAction::Send(message) => put("send", json!({ "on": on, "frame": self.frame(index, message)? })),
            ClientAction::Disconnect if self.is_held(draft.connection) => put("disconnect", json!(on)),
            // A connection that is not held is closed at the end of its step.
            ClientAction::Disconnect => return None,
            ClientAction::Answer(call) => put("await", json!({ "answer": step_name(*call) })),
            ClientAction::Closed { after_silence: true } => put("await", json!({ "handshake-timeout": on })),
            ClientAction::Closed { .. } => put("await", json!({ "close": on })),
        }
        Some(step)
    }

    fn frame(&mut self, index: usize, message: &Message) -> Option<Value> {
        let (length, frame) = match message {
            Message::Text(text) => {
                let json = serde_json::from_str::<Value>(text).ok().filter(Value::is_object);
                let frame = match json {
                    Some(value) => json!({ "json": self.symbols.fill(index, &value, &mut self.lost) }),
                    None => json!({ "text": self.symbols.text(index, text, &mut self.lost) }),
                };
                (text.len(), frame)
            }
            Message::Binary(bytes) if self.symbols.has_secrets(index, &String::from_utf8_lossy(bytes)) => {
                self.lost.insert("a binary message with secrets".to_owned());
                return None;
            }
            Message::Binary(bytes) => (bytes.len(), json!({ "base64": STANDARD.encode(bytes) })),
            Message::TooLong | Message::Close(..) => return None,
        };
        if length > MAX_TEXT_BYTES {
            self.lost.insert(format!("a raw message of {length} bytes"));
            return None;
        }
        Some(frame)
    }

    /// The method that a step calls or waits for, if the embedded gateway does not implement it.
    fn unimplemented(&self, draft: &Draft) -> Option<String> {
        let call = match &draft.action {
            ClientAction::Answer(call) => &self.drafts.steps[*call].action,
            action => action,
        };
        let ClientAction::Call { method, .. } = call else { return None };
        (draft.answer.is_some() && !openclaw_model::rpc::is_implemented(method)).then(|| short(method))
    }

    /// Gives the connection of a step the name of the step that opened it, if another step refers to that step.
    fn name_connection(&self, step: &mut Map<String, Value>, connection: usize) {
        let first = self.spans.get(&connection).map(|span| span.first);
        let Some(first) = first.filter(|first| self.symbols.used.contains(first)) else { return };
        let members = [("call", "on"), ("send", "on"), ("await", "close"), ("await", "handshake-timeout")];
        for (kind, member) in members {
            if let Some(on) = step.get_mut(kind).and_then(|step| step.get_mut(member)) {
                *on = json!(step_name(first));
            }
        }
        if let Some(on) = step.get_mut("disconnect") {
            *on = json!(step_name(first));
        }
    }

    /// Whether later steps use the connection.
    fn is_held(&self, connection: usize) -> bool {
        self.spans.get(&connection).is_some_and(|span| span.is_held(&self.drafts.steps))
    }
}

/// The steps of a connection.
struct Span {
    first: usize,
    second: Option<usize>,
    /// Whether a step after the first one is not the disconnect.
    is_used: bool,
}

impl Span {
    /// The steps of each connection, by its number.
    fn of(steps: &[Draft]) -> BTreeMap<usize, Self> {
        let mut spans = BTreeMap::<usize, Self>::new();
        for (index, step) in steps.iter().enumerate() {
            match spans.entry(step.connection) {
                Entry::Vacant(place) => drop(place.insert(Self { first: index, second: None, is_used: false })),
                Entry::Occupied(span) => {
                    let span = span.into_mut();
                    span.second.get_or_insert(index);
                    span.is_used |= !matches!(step.action, ClientAction::Disconnect);
                }
            }
        }
        spans
    }

    fn is_held(&self, steps: &[Draft]) -> bool {
        let first = &steps[self.first];
        let is_error = first.answer.as_ref().is_some_and(|answer| answer["ok"] != true);
        let is_refused = first.close.is_some() || is_error;
        match self.second {
            _ if self.is_used => true,
            None => !is_refused && first.answer.is_some(),
            // Another client acted before this one disconnected.
            Some(end) => !is_refused && end > self.first + 1,
        }
    }
}

/// The first names of a set.
fn listed(names: &BTreeSet<String>) -> String {
    let mut shown = names.iter().take(MAX_LISTED).cloned().collect::<Vec<_>>();
    if names.len() > MAX_LISTED {
        shown.push(format!("{} more", names.len() - MAX_LISTED));
    }
    shown.join(", ")
}

/// The name of a method, as one printable line of limited length.
fn short(method: &str) -> String {
    printable::line(method).chars().take(MAX_NAME_LENGTH).collect()
}

fn connection_name(connection: usize) -> String {
    format!("connection-{connection}")
}

/// The answer that the replay must get.
fn expected(draft: &Draft, connection: &Connection) -> Option<Value> {
    let text = |pointer: &str| draft.answer.as_ref().and_then(|answer| answer.pointer(pointer)).and_then(Value::as_str);
    let mut conditions = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            conditions.insert(name.to_owned(), value);
        }
    };
    let is_ok = draft.answer.as_ref().map(|answer| answer["ok"] == true);
    let close = draft.close.as_ref();
    let word = match (&draft.action, is_ok) {
        (ClientAction::Connect(_), Some(true)) => {
            put("role", text("/payload/auth/role").map(|role| json!(role)));
            put("scopes", draft.answer.as_ref().and_then(|answer| answer.pointer("/payload/auth/scopes")).cloned());
            put("device-token", Some(json!(text("/payload/auth/deviceToken").is_some())));
            "hello"
        }
        (ClientAction::Connect(_), _) if is_ok.is_some() || close.is_some() => {
            put("code", text("/error/code").map(|code| json!(code)));
            put("detail", text("/error/details/code").map(|code| json!(code)));
            put("reason", text("/error/details/reason").map(|reason| json!(reason)));
            put("message", text("/error/message").map(|message| json!(pattern(message))));
            put("close", close.and_then(|(code, _)| *code).map(|code| json!(code)));
            put("close-reason", close.filter(|(code, _)| code.is_some()).map(|(_, reason)| json!(pattern(reason))));
            "refused"
        }
        (ClientAction::Connect(_), _) => return None,
        (ClientAction::Open, _) => {
            return match connection.refused {
                Some(status) => Some(json!({ "http": status })),
                None => draft.close.is_none().then(|| json!("open")),
            };
        }
        (ClientAction::Call { waits: false, .. }, _) => return None,
        (ClientAction::Call { .. } | ClientAction::Answer(_), Some(true)) => "ok",
        (ClientAction::Call { .. } | ClientAction::Answer(_) | ClientAction::Send(_), Some(false))
            if close.is_none() =>
        {
            put("code", text("/error/code").map(|code| json!(code)));
            put("detail", text("/error/details/code").map(|code| json!(code)));
            "error"
        }
        (ClientAction::Call { .. } | ClientAction::Send(_) | ClientAction::Closed { .. }, _) if close.is_some() => {
            put("code", close.and_then(|(code, _)| *code).map(|code| json!(code)));
            put("reason", close.filter(|(code, _)| code.is_some()).map(|(_, reason)| json!(pattern(reason))));
            "close"
        }
        _ => return None,
    };
    Some(if conditions.is_empty() { json!(word) } else { json!({ word: conditions }) })
}

fn left_out(recorded: &Recorded, drafts: &Drafts, writer: &Writer<'_>) -> Vec<String> {
    let mut lines = writer.lost.iter().cloned().collect::<Vec<_>>();
    let missing = [
        (recorded.other_requests, "connection", "without a WebSocket, such as those of a web page"),
        (recorded.refused_connection, "connection", "beyond the limit of open connections"),
        (recorded.left_out, "event", "beyond the size limit of the recording"),
        (drafts.too_long, "message", "beyond the size limit of a message"),
    ];
    let missing = missing.into_iter().filter(|(count, ..)| *count > 0);
    lines.extend(missing.map(|(count, noun, which)| format!("{} {which}", counted(count, noun))));
    let unanswered = drafts.steps.iter().filter(|step| {
        matches!(step.action, ClientAction::Call { .. }) && step.answer.is_none() && step.close.is_none()
    });
    let unanswered = unanswered.count();
    if unanswered > 0 {
        let requests = counted(unanswered, "request");
        lines.push(format!("the answers to {requests}, because they did not arrive during the recording"));
    }
    if !writer.unexpected.is_empty() {
        let methods = listed(&writer.unexpected);
        lines.push(format!(
            "expectations about {methods}, because the embedded gateway refuses these methods; another gateway must only answer"
        ));
    }
    if !drafts.events.is_empty() {
        let events = listed(&drafts.events);
        lines.push(format!("the events of the gateway ({events}): the replay shows those that arrive"));
    }
    lines
}
