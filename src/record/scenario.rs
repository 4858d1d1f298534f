//! A recording as a scenario.

use super::connects::{ConnectStep, upgrade};
use super::drafts::{self, ClientAction, Draft, Drafts};
use super::expectations::expected;
use super::frames::Message;
use super::initial_state::InitialState;
use super::recording::Recorded;
use super::redaction;
use super::symbols::{Symbols, step_name};
use crate::counted::counted;
use crate::scenario::gateway::SHARED_SECRET;
use crate::scenario::{Corpus, writer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openclaw_model::{Facts, Release};
use serde_json::{Map, Value, json};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use untrusted_data::{Redactions, printable};

/// The number of steps of the first attempt to write a scenario.
const FIRST_ATTEMPT: usize = 256;
/// The maximum number of names in a comment, and the maximum length of a name, in characters.
const MAX_LISTED: usize = 12;
const MAX_NAME_LENGTH: usize = 60;

/// A recording that can be written as a scenario file.
pub(crate) struct RecordedScenario {
    /// The number of WebSocket connections.
    pub(crate) connections: usize,
    /// Why the gateway was not reachable for any client.
    pub(crate) unreachable: Option<String>,
    /// The number of steps.
    pub(crate) steps: usize,
    /// What the scenario does not contain, one sentence each.
    pub(crate) left_out: Vec<String>,
    /// Whether the scenario contains only the first steps of the recording.
    pub(crate) is_cut: bool,
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
        let initial_state = initial_state.for_release(drafts.release());
        let whole =
            Whole { secrets: Symbols::of(&drafts, &initial_state.devices).secrets, recorded, drafts, upstream, proxy };
        whole.longest_valid(initial_state)
    }
}

/// Why a scenario is invalid.
///
/// # Errors
/// Returns the first problem.
fn check(text: &str) -> Result<(), String> {
    let corpus = Corpus::written(Path::new("recorded.yaml"), text);
    corpus.map(drop).map_err(|errors| errors.0.first().map(|problem| problem.message().to_owned()).unwrap_or_default())
}

impl InitialState {
    /// Whether a scenario can contain this state.
    ///
    /// # Errors
    /// Returns the reason if it cannot.
    pub(crate) fn check(&self) -> Result<(), String> {
        let drafts = Drafts::default();
        check(
            &Whole { drafts, secrets: Redactions::default(), recorded: Recorded::default(), upstream: "", proxy: "" }
                .first(0, self.clone(), None)
                .text,
        )
    }
}

/// A recording with all its steps.
struct Whole<'a> {
    recorded: Recorded,
    drafts: Drafts,
    /// The secrets in all steps.
    secrets: Redactions,
    upstream: &'a str,
    proxy: &'a str,
}

impl Whole<'_> {
    /// The scenario of all steps, or of as many first steps as a scenario can have.
    fn longest_valid(&self, initial_state: InitialState) -> RecordedScenario {
        let all = self.drafts.steps.len();
        let (mut valid, mut next, mut invalid) = (0, FIRST_ATTEMPT.min(all), None);
        // A recording can be much larger than a scenario, so the number of steps grows from the lower end.
        loop {
            let scenario = self.first(next, initial_state.clone(), None);
            match check(&scenario.text) {
                Ok(()) if next == all => return scenario,
                Ok(()) => valid = next,
                Err(problem) => invalid = Some((next, problem)),
            }
            next = match &invalid {
                Some((least, problem)) if least - valid <= 1 => {
                    return self.first(valid, initial_state, Some(problem.clone()));
                }
                Some((least, _)) => valid.midpoint(*least),
                None => all.min(next * 2),
            };
        }
    }

    /// The scenario of the first steps. `problem` is the reason why it does not contain the others.
    fn first(&self, count: usize, initial_state: InitialState, problem: Option<String>) -> RecordedScenario {
        let drafts = self.drafts.first(count);
        let seen = drafts.release();
        let release = if drafts.version.is_some() { seen } else { initial_state.release() };
        let mut writer = Writer::new(&drafts, self.proxy, initial_state, &self.secrets);
        let steps = writer.steps();
        let mut scenario = Map::new();
        scenario.insert("scenario".to_owned(), json!("Recorded connections"));
        for (name, part) in [("gateway", &mut writer.initial_state.gateway), ("store", &mut writer.initial_state.store)]
        {
            if !part.is_empty() {
                scenario.insert(name.to_owned(), Value::Object(std::mem::take(part)));
            }
        }
        let written = steps.len();
        scenario.insert("steps".to_owned(), Value::Array(steps));
        let cut = problem.map(|problem| {
            let (all, first) = (self.drafts.steps.len(), drafts.steps.len());
            format!(
                "the last {} of {}, because a scenario with more steps is not valid: {problem}",
                counted(all - first, "step"),
                all
            )
        });
        let mut left_out = left_out(&self.recorded, &drafts, &writer);
        left_out.splice(0..0, cut.clone());
        let mut about = self.about(&writer);
        if !left_out.is_empty() {
            about.push("Not in this scenario:".to_owned());
            about.extend(left_out.iter().map(|line| format!("- {line}")));
        }
        // A secret can occur in a step before the one that shows that it is a secret.
        let secrets = &writer.symbols.secrets;
        if let Some(steps) = scenario.get_mut("steps").and_then(Value::as_array_mut) {
            for step in steps {
                redaction::step(step, secrets);
                redaction::escape(step);
            }
        }
        about.iter_mut().for_each(|line| *line = secrets.apply_known(line));
        left_out.iter_mut().for_each(|line| *line = secrets.apply_known(line));
        let text = writer::yaml(&Value::Object(scenario), &about);
        let release = release.filter(|release| Facts::of(*release).is_ok());
        let (count, reason) = &self.recorded.unreachable;
        RecordedScenario {
            unreachable: (*count > 0 && self.recorded.connections == 0).then(|| reason.clone()),
            connections: self.recorded.connections,
            steps: written,
            left_out,
            is_cut: cut.is_some(),
            release,
            text,
        }
    }

    /// The comments at the start of the file, without those about what the scenario does not contain.
    fn about(&self, writer: &Writer<'_>) -> Vec<String> {
        let version = self.drafts.version.as_ref().map(|version| format!(", OpenClaw {}", writer.shown(version)));
        let mut about = vec![
            format!(
                "Recorded by clawcheck record {} on {}{}.",
                env!("CARGO_PKG_VERSION"),
                self.upstream,
                version.unwrap_or_default()
            ),
            "The private keys of the clients are unknown: each device has a stand-in key with the same record."
                .to_owned(),
            "The gateway saw every client at 127.0.0.1, the address of the proxy.".to_owned(),
        ];
        about.extend(writer.initial_state.notes.iter().cloned());
        about
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
    fn new(drafts: &'a Drafts, proxy: &'a str, mut initial_state: InitialState, secrets: &Redactions) -> Self {
        let mut symbols = Symbols::of(drafts, &initial_state.devices);
        symbols.secrets.extend(secrets);
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
        match message {
            Message::Text(text) => Some(match drafts::frame(text).filter(Value::is_object) {
                Some(value) => json!({ "json": self.symbols.fill(index, &value, &mut self.lost) }),
                None => json!({ "text": self.symbols.text(index, text, &mut self.lost) }),
            }),
            Message::Binary(bytes) if self.symbols.has_secrets(index, &String::from_utf8_lossy(bytes)) => {
                self.lost.insert("a binary message with secrets".to_owned());
                self.symbols.forget(index);
                None
            }
            Message::Binary(bytes) => Some(json!({ "base64": STANDARD.encode(bytes) })),
            Message::TooLong | Message::Close(..) => None,
        }
    }

    /// The method that a step calls or waits for, if the embedded gateway does not implement it.
    fn unimplemented(&self, draft: &Draft) -> Option<String> {
        let call = match &draft.action {
            ClientAction::Answer(call) => &self.drafts.steps[*call].action,
            action => action,
        };
        let ClientAction::Call { method, .. } = call else { return None };
        (draft.answer.is_some() && !openclaw_model::rpc::is_implemented(method)).then(|| self.shown(method))
    }

    /// A word of a message, as one printable line of limited length without secrets.
    fn shown(&self, word: &str) -> String {
        printable::line(&redaction::plain(word, &self.symbols.secrets)).chars().take(MAX_NAME_LENGTH).collect()
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

fn connection_name(connection: usize) -> String {
    format!("connection-{connection}")
}

fn left_out(recorded: &Recorded, drafts: &Drafts, writer: &Writer<'_>) -> Vec<String> {
    let mut lines = writer.lost.iter().cloned().collect::<Vec<_>>();
    let missing = [
        (recorded.other_requests, "connection", "without a WebSocket, such as those of a web page"),
        (recorded.refused_connection, "connection", "beyond the limit of open connections"),
        (recorded.left_out, "event", "beyond the size limit of the recording"),
        (drafts.too_long, "message", "beyond the size limit of a message"),
        (drafts.connections_without_first, "connection", "whose first message is beyond the size limit of a message"),
    ];
    let missing = missing.into_iter().filter(|(count, ..)| *count > 0);
    lines.extend(missing.map(|(count, noun, which)| format!("{} {which}", counted(count, noun))));
    if let (count @ 1.., reason) = &recorded.unreachable {
        let connections = counted(*count, "connection");
        lines.push(format!("{connections}, because the gateway was not reachable ({reason})"));
    }
    let without_status = drafts.connections.values().filter(|known| known.refused == Some(0)).count();
    if without_status > 0 {
        let requests = counted(without_status, "upgrade request");
        lines.push(format!("the answers to {requests}, because the gateway did not answer with HTTP"));
    }
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
        let events = listed(&drafts.events.iter().map(|event| writer.shown(event)).collect());
        lines.push(format!("the events of the gateway ({events}): the replay shows those that arrive"));
    }
    lines
}
