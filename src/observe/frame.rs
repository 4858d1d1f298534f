//! The normal form of the messages on a connection.

use super::evidence::StepEvidence;
use super::frame_kind::{FrameKind, frame_kind, kind, other_members};
use super::message::{Frame, Hello, Message, RawFrame, RawMessage, Received};
use super::observation::{Rounds, StepObservation};
use super::size_limit::SizeLimit;
use super::symbol::Symbols;
use super::text::STANDARD_KEYS;
use super::time;
use openclaw_protocol::connect::MAX_NONCE_BYTES;
use serde_json::Value;
use untrusted_data::cut;
use untrusted_data::limits::{SHOWN_IN_STEP, SHOWN_STRING};

/// Events about the gateway's host, its timers or its start, which say nothing about the case.
const OMITTED_EVENTS: [&str; 9] = [
    "tick",
    "health",
    "presence",
    "heartbeat",
    "update.available",
    "voicewake.changed",
    "voicewake.routing.changed",
    "cron",
    "sessions.changed",
];

/// Members of `hello-ok.snapshot` that depend on the network and on the update check.
const UPDATES: [&str; 2] = ["updateAvailable", "updateSchedule"];

/// Methods whose answers describe the gateway's host. The observation keeps that they were answered, but not the
/// answers.
const OMITTED_ANSWERS: [&str; 4] = ["health", "status", "system-presence", "config.get"];

/// Number of items shown for a step after the size limit is reached.
const ITEMS_BEYOND_LIMIT: usize = 8;

/// Members of `hello-ok` whose own members are listed by name.
const LISTED: [&str; 3] = ["server", "features", "snapshot"];

/// Records the accidental values in a step's frames.
pub(super) fn learn(step: &StepEvidence, symbols: &mut Symbols) {
    for received in &step.received {
        let Some(frame) = received.message.json() else { continue };
        symbols.learn(frame);
        for name in approval_ids(frame) {
            symbols.learn_approval(name);
        }
    }
    step.parallel.iter().for_each(|step| learn(step, symbols));
}

/// The `id` members of exec approvals, in the payloads of `exec.approval.*` events and in similar answers.
fn approval_ids(frame: &Value) -> impl Iterator<Item = &str> {
    let payload = frame.get("payload");
    let about_approval = frame.get("event").and_then(Value::as_str).is_some_and(|event| event.contains(".approval."))
        || payload.is_some_and(|payload| payload.get("decision").is_some() || payload.get("expiresAtMs").is_some());
    payload.filter(|_| about_approval).and_then(|payload| payload.get("id")?.as_str()).into_iter()
}

/// The inputs of the normal form other than the message.
pub(super) struct FrameContext<'a> {
    pub(super) symbols: &'a Symbols,
    pub(super) started_at: i64,
    /// The size limit for all messages.
    pub(super) room: &'a SizeLimit,
}

impl FrameContext<'_> {
    fn normal(&self, value: &Value) -> Value {
        let mut value = self.symbols.mark(&self.room.fit(value), "");
        time::replace(&mut value, self.started_at);
        value
    }

    fn text(&self, text: &str) -> String {
        self.symbols.mark_text(&cut::text(text, SHOWN_STRING))
    }
}

/// The normal form of one step, with its values still marked.
pub(super) fn step(step: &StepEvidence, context: &FrameContext<'_>) -> StepObservation {
    let mut received = step.received.iter().collect::<Vec<_>>();
    // Connections are independent, so only the order within each connection has a meaning.
    received.sort_by_key(|received| received.on.as_deref());
    let own_frame = received.iter().find(|received| received.on.is_none());
    let challenged = own_frame.is_some_and(|received| is_plain_challenge(received));
    let missing =
        step.opens && own_frame.and_then(|received| received.message.json()).is_some_and(|frame| !is_challenge(frame));
    received.drain(..usize::from(step.opens && challenged));
    let mut seen = received
        .chunk_by(|one, other| one.on == other.on)
        .flat_map(|received| on_one_connection(received, context))
        .collect::<Vec<_>>();
    if step.shows_features {
        show_features(&mut seen, &step.received, context);
    }
    if missing {
        seen.insert(0, Received { on: None, message: Message::NoChallenge });
    }
    StepObservation {
        number: step.number,
        step: step.title.clone(),
        rounds: step.round.map(|(first, of)| Rounds { first, last: first, of }),
        seen,
        parallel: step.parallel.iter().map(|step| self::step(step, context)).collect(),
        expected: step.expected.as_ref().map(|expected| {
            let mut expected = context.symbols.mark(expected, "");
            time::replace(&mut expected, context.started_at);
            expected
        }),
    }
}

/// Adds to the hello-ok of a step what it lists.
fn show_features(seen: &mut [Received<Frame>], received: &[Received<RawFrame>], context: &FrameContext<'_>) {
    let messages = received.iter().map(|received| &received.message);
    let features = messages
        .filter(|message| frame_kind(message) == Some(FrameKind::Hello))
        .find_map(|message| message.frame()?["payload"].get("features"));
    for observed in seen {
        if let Message::Frame(Frame::Hello(hello)) = &mut observed.message {
            hello.features = features.map(|features| Box::new(context.normal(features)));
        }
    }
}

/// The messages of one connection. Of a long list, this keeps the first and the last messages, and the first message
/// of each kind between them. The message that a step waits for is therefore visible even in a flood.
fn on_one_connection(received: &[&Received<RawFrame>], context: &FrameContext<'_>) -> Vec<Received<Frame>> {
    let received = received.iter().filter(|received| !is_left_out(&received.message)).collect::<Vec<_>>();
    let most = if context.room.is_used_up() { ITEMS_BEYOND_LIMIT } else { SHOWN_IN_STEP };
    let between = if received.len() > most { most / 2..received.len() - most / 2 } else { 0..0 };
    let (mut seen, mut kinds, mut left_out) = (Vec::new(), Vec::new(), 0);
    for (at, received) in received.into_iter().enumerate() {
        let kind = kind(&received.message);
        if !between.contains(&at) || !kinds.contains(&kind) {
            seen.push(Received { on: received.on.clone(), message: message(&received.message, context) });
            seen.extend(other_members(&received.message).map(|members| {
                let members = context.normal(&Value::Object(members));
                Received { on: received.on.clone(), message: Message::Frame(Frame::Members(members)) }
            }));
            kinds.extend((!kinds.contains(&kind)).then_some(kind));
        } else {
            left_out += 1;
        }
        if at + 1 == between.end && left_out > 0 {
            seen.push(Received { on: received.on.clone(), message: Message::Note(cut::more(left_out)) });
        }
    }
    seen
}

/// Whether the frame is an event that says nothing about the case.
fn is_left_out(message: &RawMessage) -> bool {
    let Some(frame) = message.frame() else { return false };
    let event = frame.get("event").and_then(Value::as_str);
    event.is_some_and(|event| OMITTED_EVENTS.contains(&event))
        && frame_kind(message) == Some(FrameKind::Event)
        && other_members(message).is_none()
}

fn is_challenge(frame: &Value) -> bool {
    frame.get("event").and_then(Value::as_str) == Some("connect.challenge")
}

/// A challenge with `nonce` and `ts`, and a list of capabilities in newer releases, comes first on every connection of
/// every release. It is not shown.
fn is_plain_challenge(received: &Received<RawFrame>) -> bool {
    let Some(frame) = received.message.frame() else { return false };
    let Some(payload) = frame.get("payload").and_then(Value::as_object) else { return false };
    let capabilities = payload.get("capabilities");
    is_challenge(frame)
        && payload.len() == if capabilities.is_some_and(Value::is_array) { 3 } else { 2 }
        && payload
            .get("nonce")
            .is_some_and(|nonce| nonce.as_str().is_some_and(|nonce| (1..=MAX_NONCE_BYTES).contains(&nonce.len())))
        && payload.get("ts").is_some_and(|ts| time::time(ts).is_some())
}

/// The normal form of a message, with its values still marked.
fn message(message: &RawMessage, context: &FrameContext<'_>) -> Message<Frame> {
    match message {
        Message::Frame(RawFrame::Regular { json, method }) => Message::Frame(frame(json, method.as_deref(), context)),
        Message::Frame(RawFrame::Stray(json)) => Message::Frame(Frame::Other(context.normal(json))),
        Message::NotJson { bytes, begins } => Message::NotJson { bytes: *bytes, begins: context.text(begins) },
        Message::Close { code, reason, clean } => {
            Message::Close { code: *code, reason: context.text(&prose(reason)), clean: *clean }
        }
        Message::Http(status) => Message::Http(*status),
        Message::Unreachable(why) => Message::Unreachable(context.text(why)),
        Message::NoChallenge => Message::NoChallenge,
        Message::Silence => Message::Silence,
        Message::Exit { code, line } => {
            Message::Exit { code: *code, line: line.as_ref().map(|line| context.text(&prose(line))) }
        }
        Message::Started => Message::Started,
        Message::NothingPending(device) => Message::NothingPending(device.clone()),
        Message::Note(note) => Message::Note(context.text(note)),
    }
}

fn frame(frame: &Value, method: Option<&str>, context: &FrameContext<'_>) -> Frame {
    let member = |name: &str| frame.get(name).filter(|value| !value.is_null());
    let normal = |value: &Value| context.normal(value);
    match FrameKind::of(frame, method) {
        FrameKind::Hello => Frame::Hello(hello(&frame["payload"], normal)),
        FrameKind::Response => Frame::Response {
            method: method.map(str::to_owned),
            payload: member("payload")
                .filter(|_| method.is_none_or(|method| !OMITTED_ANSWERS.contains(&method)))
                .map(normal),
        },
        FrameKind::Error => Frame::Error(error(normal(&frame["error"]))),
        FrameKind::Event => {
            let event = member("event").and_then(Value::as_str).unwrap_or_default();
            Frame::Event { event: cut::text(event, SHOWN_STRING).into_owned(), payload: member("payload").map(normal) }
        }
        FrameKind::Odd => Frame::Other(normal(frame)),
    }
}

fn error(mut error: Value) -> Value {
    if let Some(Value::String(message)) = error.get_mut("message") {
        *message = prose(message);
    }
    error
}

fn hello(payload: &Value, normal: impl Fn(&Value) -> Value) -> Hello {
    let mut keys = Vec::new();
    for (name, member) in payload.as_object().into_iter().flatten() {
        keys.push(name.clone());
        if let Some(member) = member.as_object().filter(|_| LISTED.contains(&name.as_str())) {
            let kept = member.keys().filter(|key| !UPDATES.contains(&key.as_str()));
            keys.extend(kept.map(|key| format!("{name}.{key}")));
        }
    }
    keys.sort();
    Hello {
        protocol: payload.get("protocol").map_or(Value::Null, &normal),
        auth: payload.get("auth").map(&normal),
        policy: payload.get("policy").map(&normal),
        features: None,
        keys: short_list(keys),
    }
}

/// Unknown members are named, up to a maximum number.
fn short_list(keys: Vec<String>) -> Vec<String> {
    let mut unknown = 0;
    let mut short = Vec::new();
    for key in keys {
        unknown += usize::from(!STANDARD_KEYS.contains(&key.as_str()));
        if unknown <= SHOWN_IN_STEP || STANDARD_KEYS.contains(&key.as_str()) {
            short.push(cut::text(&key, SHOWN_IN_STEP).into_owned());
        }
    }
    let left_out = unknown.saturating_sub(SHOWN_IN_STEP);
    short.extend((left_out > 0).then(|| cut::more(left_out as u64)));
    short
}

/// A message without the text of a schema validator, which changes with the version of the validator and says nothing
/// about the protocol: `invalid connect params: at /client/id: must be ...` becomes `invalid connect params: ...`.
fn prose(message: &str) -> String {
    if message.starts_with("invalid request frame: ") {
        return "invalid request frame: ...".to_owned();
    }
    let cut = message.strip_prefix("invalid ").and_then(|rest| rest.split_once(" params:")).map(|(method, _)| method);
    match cut {
        Some(method) if !method.contains(char::is_whitespace) => format!("invalid {method} params: ..."),
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::{Map, json};

    fn received(json: Value) -> Received<RawFrame> {
        Received { on: None, message: Message::Frame(RawFrame::Regular { json, method: None }) }
    }

    fn seen(opens: bool, received: Vec<Received<RawFrame>>) -> Vec<Received<Frame>> {
        let (symbols, room) = (Symbols::new(&[]), SizeLimit::new(1 << 20));
        let context = FrameContext { symbols: &symbols, started_at: 0, room: &room };
        step(&StepEvidence { opens, received, ..StepEvidence::default() }, &context).seen
    }

    fn challenge(payload: Value) -> Received<RawFrame> {
        received(json!({"type": "event", "event": "connect.challenge", "payload": payload}))
    }

    #[test]
    fn removes_only_plain_challenge() {
        let ts = 1_760_000_000_000_i64;
        assert_eq!(seen(true, vec![challenge(json!({"nonce": "n", "ts": ts}))]), []);
        assert_eq!(seen(true, vec![challenge(json!({"nonce": "n", "ts": ts, "more": 1}))]).len(), 1);
        assert_eq!(seen(true, vec![challenge(json!({"nonce": "n".repeat(4 << 20), "ts": ts}))]).len(), 1);
        assert_eq!(seen(false, vec![challenge(json!({"nonce": "n", "ts": ts}))]).len(), 1, "it came a second time");
    }

    #[test]
    fn reports_missing_challenge() {
        let seen = seen(true, vec![received(json!({"type": "res", "id": "1", "ok": true}))]);
        assert_eq!(seen[0].message, Message::NoChallenge);
        assert_eq!(seen[1].message, Message::Frame(Frame::Response { method: None, payload: None }));
    }

    #[test]
    fn late_challenge_stays_in_order() {
        let missing = Received { on: None, message: Message::NoChallenge };
        let late = challenge(json!({"nonce": "n", "ts": 1_760_000_000_000_i64}));
        let seen = seen(true, vec![missing, late]);
        assert_eq!(seen[0].message, Message::NoChallenge);
        assert!(
            matches!(&seen[1].message, Message::Frame(Frame::Event { event, .. }) if event == "connect.challenge"),
            "{seen:?}"
        );
        assert_eq!(seen.len(), 2);
    }

    #[test]
    fn keeps_unknown_frame() {
        let hello = json!({"type": "hello-ok", "protocol": 3});
        let both = json!({"type": "res", "id": "1", "ok": true, "payload": hello, "error": {"code": "NO"}});
        for odd in [json!({"type": "resp", "id": "1", "ok": true}), both] {
            assert_eq!(seen(false, vec![received(odd.clone())])[0].message, Message::Frame(Frame::Other(odd)));
        }
    }

    #[rstest]
    #[case::error(json!({"type": "res", "id": "1", "ok": false, "error": {"code": "NO"}, "payload": {"n": 1}}), ["<- error NO", "-- the frame also has payload={n: 1}"])]
    #[case::hello(json!({"type": "res", "id": "1", "ok": true, "payload": {"type": "hello-ok"}, "trace": "t"}), ["<- hello-ok", "-- the frame also has trace=t"])]
    #[case::left_out_event(json!({"type": "event", "event": "tick", "odd": null}), ["<- event tick", "-- the frame also has odd=null"])]
    fn unexpected_members_have_own_line(#[case] frame: Value, #[case] lines: [&str; 2]) {
        let seen = seen(false, vec![received(frame)]);
        let shown = seen.iter().map(Received::line).collect::<Vec<_>>();
        assert!(shown.len() == 2 && shown[0].starts_with(lines[0]) && shown[1] == lines[1], "{shown:?}");
    }

    #[rstest]
    #[case::answer_to_connect(json!({"protocol": 3}), Some("connect"), "<- hello-ok  protocol 3")]
    #[case::another_type(json!({"type": "welcome"}), Some("connect"), "<- ok connect  type=welcome")]
    #[case::no_protocol(json!({"server": "s"}), Some("connect"), "<- ok connect  server=s")]
    #[case::another_method(json!({"protocol": 3}), Some("status"), "<- ok status")]
    #[case::stray(json!({"protocol": 3}), None, "<- ok  protocol=3")]
    fn hello_without_type(#[case] payload: Value, #[case] method: Option<&str>, #[case] line: &str) {
        let json = json!({"type": "res", "id": "1", "ok": true, "payload": payload});
        let frame = RawFrame::Regular { json, method: method.map(str::to_owned) };
        let seen = seen(false, vec![Received { on: None, message: Message::Frame(frame) }]);
        assert!(seen[0].line().starts_with(line), "{}", seen[0].line());
        assert_eq!(seen[0].line().contains("  no type"), line.contains("hello-ok"));
    }

    #[test]
    fn omits_ticks_but_not_pairing_events() {
        let seen = seen(
            false,
            vec![
                received(json!({"type": "event", "event": "tick", "payload": {"ts": 1}, "seq": 4})),
                received(json!({"type": "event", "event": "device.pair.resolved", "seq": 5})),
            ],
        );
        assert_eq!(seen.len(), 1);
        assert_eq!(
            seen[0].message,
            Message::Frame(Frame::Event { event: "device.pair.resolved".to_owned(), payload: None })
        );
    }

    #[test]
    fn truncates_flood_of_messages() {
        let event = |n: usize| received(json!({"type": "event", "event": format!("noise.{n}")}));
        let mut flood = (0..300).map(event).collect::<Vec<_>>();
        flood[150] = received(json!({"type": "res", "id": "1", "ok": true, "payload": {"type": "hello-ok"}}));
        let seen = seen(false, flood);
        let name = |at: usize| match &seen[at].message {
            Message::Frame(Frame::Event { event, .. }) => event.clone(),
            other => format!("{other:?}"),
        };
        assert_eq!([name(0), name(49), name(52), name(101)], ["noise.0", "noise.49", "noise.250", "noise.299"]);
        assert!(matches!(seen[50].message, Message::Frame(Frame::Hello(_))), "{}", name(50));
        assert_eq!(seen[51].message, Message::Note("… 199 more".to_owned()));
        assert_eq!(seen.len(), 102);
    }

    #[test]
    fn counts_many_unknown_hello_members() {
        let payload = (0..1000).map(|n| (format!("odd{n:03}"), json!(n)));
        let payload = payload.chain([("type".to_owned(), json!("hello-ok"))]).collect::<Map<_, _>>();
        let seen = seen(false, vec![received(json!({"type": "res", "id": "1", "ok": true, "payload": payload}))]);
        let Message::Frame(Frame::Hello(hello)) = &seen[0].message else { panic!("{:?}", seen[0]) };
        assert_eq!(hello.keys[99..], ["odd099", "type", "… 900 more"]);
    }

    #[test]
    fn shows_features_on_request() {
        let features = json!({"methods": ["node.list", "connect"], "events": ["tick"]});
        let hello =
            json!({"type": "res", "id": "1", "ok": true, "payload": {"type": "hello-ok", "features": features}});
        let (symbols, room) = (Symbols::new(&[]), SizeLimit::new(1 << 20));
        let context = FrameContext { symbols: &symbols, started_at: 0, room: &room };
        let shown = |shows_features: bool| {
            let evidence =
                StepEvidence { shows_features, received: vec![received(hello.clone())], ..StepEvidence::default() };
            super::super::text::seen_line(&step(&evidence, &context).seen[0])
        };
        assert!(shown(true).ends_with("  events=[tick]  methods=[node.list, connect]"), "{}", shown(true));
        assert!(!shown(false).contains("node.list"), "{}", shown(false));
    }

    #[test]
    fn order_of_held_connections() {
        let on = |name: Option<&str>| Received { on: name.map(str::to_owned), message: Message::Silence };
        let seen = seen(false, vec![on(Some("phone")), on(Some("admin")), on(None)]);
        assert_eq!(
            seen.iter().map(|seen| seen.on.as_deref()).collect::<Vec<_>>(),
            [None, Some("admin"), Some("phone")]
        );
    }

    #[test]
    fn shortens_validator_texts() {
        assert_eq!(prose("invalid connect params: at /client: must be object"), "invalid connect params: ...");
        assert_eq!(prose(&prose("invalid connect params: at /client")), "invalid connect params: ...");
        assert_eq!(prose("invalid role"), "invalid role");
    }
}
