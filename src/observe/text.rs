//! The text of an observation, as a reviewer reads it.
//!
//! The text loses nothing. It omits what all releases do alike (the standard policy, the standard members of
//! `hello-ok`, the role of a token), and it states what is absent (`no scopes`) or unusual (`scopes="operator.read"`).

use super::fields::{FieldWriter, inline, quoted};
use super::message::{Frame, Hello, Message, Received};
use super::observation::{Rounds, StepObservation};
use super::store::{Change, DocumentContents, NormalizedStore};
use super::symbol::SymbolNumbers;
use serde_json::{Map, Value};
use std::fmt::Write as _;
use untrusted_data::cut;
use untrusted_data::printable::{self, line};

/// The members of `hello-ok` on every known release.
pub(super) const STANDARD_KEYS: [&str; 17] = [
    "auth",
    "features",
    "features.events",
    "features.methods",
    "policy",
    "protocol",
    "server",
    "server.connId",
    "server.version",
    "snapshot",
    "snapshot.health",
    "snapshot.presence",
    "snapshot.sessionDefaults",
    "snapshot.stateVersion",
    "snapshot.uptimeMs",
    "type",
    "canvasHostUrl",
];

/// The policy on every known release: 25 MiB per frame, 50 MiB of buffer, a tick every 30 s.
const STANDARD_POLICY: [(&str, u64); 3] =
    [("maxBufferedBytes", 52_428_800), ("maxPayload", 26_214_400), ("tickIntervalMs", 30_000)];

/// Sorts parallel steps, numbers the accidental values, and merges repetitions with the same observation.
pub(super) fn number(steps: Vec<StepObservation>, numbers: &mut SymbolNumbers) -> Vec<StepObservation> {
    let mut numbered: Vec<StepObservation> = Vec::with_capacity(steps.len());
    for mut step in steps {
        if !step.parallel.is_empty() {
            step.seen.sort_by_cached_key(|seen| (seen.on.clone(), numbers.resolve(&seen_line(seen))));
        }
        for seen in &mut step.seen {
            numbers.assign(&seen_line(seen));
            resolve(&mut seen.message, numbers);
        }
        step.parallel.sort_by_cached_key(|branch| numbers.resolve(&masked(branch)));
        step.parallel = number(step.parallel, numbers);
        if let Some(expected) = &mut step.expected {
            numbers.resolve_value(expected);
        }
        match numbered.last_mut() {
            Some(last) if follows(last, &step) => {
                last.rounds = last.rounds.map(|rounds| Rounds { last: rounds.last + 1, ..rounds })
            }
            _ => numbered.push(step),
        }
    }
    numbered
}

/// Whether a step is the next repetition of a step and has the same observation.
fn follows(last: &StepObservation, next: &StepObservation) -> bool {
    let (Some(a), Some(b)) = (last.rounds, next.rounds) else { return false };
    a.last + 1 == b.first
        && (last.number, &last.step, &last.seen, &last.parallel, &last.expected)
            == (next.number, &next.step, &next.seen, &next.parallel, &next.expected)
}

/// Writes steps whose values are already symbols.
pub(super) fn steps(steps: &[StepObservation], depth: usize, out: &mut String) {
    let margin = "  ".repeat(depth);
    for step in steps {
        let request = line(&step.step);
        let _ = match step.rounds {
            None => writeln!(out, "{margin}{request}"),
            Some(Rounds { first, last, of }) if first == last => {
                writeln!(out, "{margin}{request}  ({first} of {of})")
            }
            Some(Rounds { first, last, of }) => writeln!(out, "{margin}{request}  ({first} to {last} of {of})"),
        };
        for seen in &step.seen {
            let _ = writeln!(out, "{margin}  {}", line(&seen_line(seen)));
        }
        self::steps(&step.parallel, depth + 1, out);
    }
}

fn masked(step: &StepObservation) -> String {
    let mut text = step.step.clone();
    for seen in &step.seen {
        let _ = write!(text, "\n{}", seen_line(seen));
    }
    step.parallel.iter().for_each(|branch| text.push_str(&masked(branch)));
    text
}

fn resolve(message: &mut Message<Frame>, numbers: &mut SymbolNumbers) {
    if let Some(text) = message.text_mut() {
        *text = numbers.resolve(text);
    }
    let mut value = |value: &mut Value| {
        numbers.assign_value(value);
        numbers.resolve_value(value);
    };
    let Message::Frame(frame) = message else { return };
    match frame {
        Frame::Hello(hello) => {
            value(&mut hello.protocol);
            hello.auth.iter_mut().chain(&mut hello.policy).for_each(&mut value);
            hello.features.as_deref_mut().into_iter().for_each(value);
        }
        Frame::Response { payload, .. } | Frame::Event { payload, .. } => payload.iter_mut().for_each(value),
        Frame::Error(whole) | Frame::Members(whole) | Frame::Other(whole) => value(whole),
    }
}

impl Received<Frame> {
    /// The line in the text of an observation.
    pub fn line(&self) -> String {
        printable::line(&seen_line(self)).into_owned()
    }
}

/// The line of one message.
pub(super) fn seen_line(seen: &Received<Frame>) -> String {
    let line = message_line(&seen.message);
    seen.on.as_ref().map_or(line.clone(), |on| format!("{on} {line}"))
}

fn message_line(message: &Message<Frame>) -> String {
    match message {
        Message::Frame(frame) => frame_line(frame),
        Message::NoChallenge => "<- no connect.challenge".to_owned(),
        Message::NotJson { bytes, begins } => format!("<- not JSON, {bytes} bytes: {}", quoted(begins)),
        Message::Close { code: Some(code), reason, clean } => {
            format!("<- close {code} {}  {}", quoted(reason), if *clean { "clean" } else { "not clean" })
        }
        Message::Close { code: None, clean: true, .. } => "<- close without a code  clean".to_owned(),
        Message::Close { code: None, reason, .. } if reason.is_empty() => {
            "<- connection lost without a close frame".to_owned()
        }
        Message::Close { code: None, reason, .. } => format!("<- connection lost: {reason}"),
        Message::Http(status) => format!("<- HTTP {status}"),
        Message::Unreachable(why) => format!("-- no connection: {why}"),
        Message::Silence => "-- nothing came".to_owned(),
        Message::Exit { code, line } => {
            let code = code.map_or("a signal".to_owned(), |code| format!("exit code {code}"));
            format!(
                "-- gateway ended: {code}{}",
                line.as_ref().map(|line| format!("  {}", quoted(line))).unwrap_or_default()
            )
        }
        Message::Started => "-- gateway started".to_owned(),
        Message::NothingPending(device) => format!("-- nothing pending for {device}"),
        Message::Note(note) => format!("-- {note}"),
    }
}

fn frame_line(frame: &Frame) -> String {
    match frame {
        Frame::Hello(hello) => format!("<- hello-ok{}", hello_words(hello)),
        Frame::Response { method, payload } => {
            let method = method.as_ref().map(|method| format!(" {method}")).unwrap_or_default();
            format!("<- ok{method}{}", payload.as_ref().map(members).unwrap_or_default())
        }
        Frame::Error(error) => format!("<- error{}", error_words(error)),
        Frame::Event { event, payload } => {
            format!("<- event {event}{}", payload.as_ref().map(members).unwrap_or_default())
        }
        Frame::Members(others) => format!("-- the frame also has {}", members(others).trim_start()),
        Frame::Other(frame) => format!("<- frame {frame}"),
    }
}

fn hello_words(hello: &Hello) -> String {
    let mut out = format!("  protocol {}", inline(&hello.protocol));
    match &hello.auth {
        Some(Value::Object(auth)) => {
            let mut words = FieldWriter::new("", auth);
            words.word("role", "role");
            words.list("scopes", "scopes");
            words.word("deviceToken", "device-token");
            words.flag("issuedAtMs", &[("<time>", "issued now"), ("<time before>", "issued before")]);
            out.push_str(&words.finish());
        }
        Some(odd) => out.push_str(&format!("  auth={}", inline(odd))),
        None => {}
    }
    let standard_policy = hello.policy.as_ref().and_then(Value::as_object).is_some_and(|policy| {
        policy.len() == STANDARD_POLICY.len()
            && STANDARD_POLICY.iter().all(|(name, value)| policy.get(*name).and_then(Value::as_u64) == Some(*value))
    });
    if let Some(policy) = hello.policy.as_ref().filter(|_| !standard_policy) {
        out.push_str(&format!("  policy={}", inline(policy)));
    }
    let has = |key: &str| hello.keys.iter().any(|known| known == key);
    for key in STANDARD_KEYS.iter().filter(|key| !has(key) && **key != "auth") {
        out.push_str(&format!("  no {key}"));
    }
    if hello.auth.is_none() {
        out.push_str("  no auth");
    }
    for key in hello.keys.iter().filter(|key| !STANDARD_KEYS.contains(&key.as_str())) {
        out.push_str(&format!("  with {key}"));
    }
    if let Some(features) = &hello.features {
        out.push_str(&members(features));
    }
    out
}

/// `NOT_PAIRED PAIRING_REQUIRED role-upgrade  "pairing required"  request <request-1>`: the code, the code and the
/// reason of the details, the message, the other details, and the rest of the error.
fn error_words(error: &Value) -> String {
    let Some(object) = error.as_object() else { return format!("={}", inline(error)) };
    let mut words = FieldWriter::new("", object);
    let details = words.take("details");
    let none = Map::new();
    let mut more = FieldWriter::new("", details.and_then(Value::as_object).unwrap_or(&none));
    let mut line = words.take_bare("code").map_or("  no code".to_owned(), |code| format!(" {code}"));
    if let Some(code) = more.take_bare("code") {
        let _ = write!(line, " {code}");
        if let Some(reason) = more.take_bare("reason") {
            let _ = write!(line, " {reason}");
        }
    }
    words.quoted("message");
    words.optional_flag("retryable", &[("true", "retryable"), ("false", "not retryable")]);
    words.optional("retryAfterMs", "retry after");
    more.optional("requestId", "request");
    line.push_str(&words.finish());
    line.push_str(&more.finish());
    match details {
        Some(Value::Object(details)) if details.is_empty() => line.push_str("  details={}"),
        Some(Value::Object(_)) | None => {}
        Some(odd) => line.push_str(&format!("  details={}", inline(odd))),
    }
    line
}

/// The members of an answer's payload, sorted by name.
fn members(payload: &Value) -> String {
    match payload {
        Value::Object(object) => FieldWriter::new("", object).finish(),
        other => format!("  {}", inline(other)),
    }
}

/// Writes the store.
pub(super) fn store(store: &NormalizedStore, out: &mut String) {
    out.push('\n');
    for section in &store.sections {
        let name = line(&section.name);
        let _ = match &section.holds {
            DocumentContents::Records(records) => {
                let _ = writeln!(out, "{name}");
                if records.is_empty() && section.more == 0 {
                    let _ = writeln!(out, "  none");
                }
                let lines = records.iter().flat_map(|record| &record.lines);
                lines.for_each(|words| _ = writeln!(out, "  {}", line(words)));
                match section.more {
                    0 => Ok(()),
                    more => writeln!(out, "  {} records", cut::more(more as u64)),
                }
            }
            DocumentContents::Unreadable { unchanged: true } => {
                writeln!(out, "{name}\n  does not parse; byte for byte as before")
            }
            DocumentContents::Unreadable { unchanged: false } => {
                writeln!(out, "{name}\n  does not parse; not what it was before")
            }
            DocumentContents::Other(value) => writeln!(out, "{name}\n  {}", line(&inline(value))),
            DocumentContents::NoFile(what) => writeln!(out, "{name}\n  {}", what.words()),
            DocumentContents::File(Change::New) => writeln!(out, "new file {name}"),
            DocumentContents::File(Change::Gone) => writeln!(out, "gone file {name}"),
            DocumentContents::File(Change::Changed) => writeln!(out, "changed file {name}"),
        };
    }
}
