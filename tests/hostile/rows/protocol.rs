//! OpenClaw's own protocol: challenge, hello, errors, ids, events.

use crate::peer::{Done, Peer, challenge, event, hello, refusal, right};
use crate::row::{Row, Timeouts};
use serde_json::{Value, json};
use std::time::Duration;

/// Sends this frame instead of the challenge, and continues.
fn first(peer: &mut Peer, frame: &Value) -> Done {
    peer.upgrade()?;
    peer.json(frame)?;
    peer.go_on()
}

/// Answers the connect with a changed hello-ok, and continues.
fn changed(peer: &mut Peer, change: fn(&mut Value)) -> Done {
    let id = peer.connect_request()?;
    let mut frame = hello(&id);
    change(&mut frame);
    peer.json(&frame)?;
    peer.go_on()
}

/// Answers every connect with this error, and disconnects like OpenClaw.
fn error(peer: &mut Peer, error: Value) -> Done {
    let id = peer.connect_request()?;
    peer.json(&json!({ "type": "res", "id": id, "ok": false, "error": error }))?;
    peer.close(1008, "no")?;
    peer.read_until_disconnect()
}

/// Control characters that a terminal interprets.
const CONTROL: &str = "\u{1b}[2J\u{7}\u{1b}]0;t\u{7}\u{9b}31m\u{7f}\r\n\t\u{0}\u{202e}\u{2066}\u{2028}\u{85}";

fn challenges() -> Vec<Row> {
    vec![
        Row::attached("challenge-absent", |peer| {
            peer.upgrade()?;
            peer.go_on()
        })
        .cost(Timeouts::OneDeadline)
        .says("challenge")
        .drafts(),
        Row::attached("challenge-late", |peer| {
            peer.upgrade()?;
            std::thread::sleep(Duration::from_millis(600));
            peer.challenge()?;
            peer.go_on()
        })
        .conforms(),
        Row::attached("challenge-twice", |peer| {
            peer.open()?;
            peer.challenge()?;
            peer.go_on()
        })
        .conforms(),
        Row::attached("challenge-nonce-4mb", |peer| first(peer, &challenge(&"n".repeat(4 << 20)))).any(),
        Row::attached("challenge-nonce-number", |peer| {
            first(peer, &event("connect.challenge", json!({ "nonce": 7, "ts": 1 })))
        })
        .conforms(),
        Row::attached("challenge-nonce-empty", |peer| first(peer, &challenge(""))).conforms(),
        Row::attached("challenge-nonce-of-control-characters", |peer| first(peer, &challenge(CONTROL))).drafts(),
        Row::attached("challenge-without-payload", |peer| {
            first(peer, &json!({ "type": "event", "event": "connect.challenge" }))
        })
        .conforms(),
        Row::attached("challenge-ts-far-away", |peer| {
            first(peer, &event("connect.challenge", json!({ "nonce": "n", "ts": i64::MAX })))
        })
        .conforms(),
        Row::attached("challenge-ts-text", |peer| {
            first(peer, &event("connect.challenge", json!({ "nonce": "n", "ts": "now" })))
        })
        .conforms(),
        Row::attached("challenge-by-another-name", |peer| {
            first(peer, &event("connect.riddle", json!({ "nonce": "n" })))
        })
        .cost(Timeouts::OneDeadline)
        .says("connect.riddle")
        .drafts(),
    ]
}

fn answers() -> Vec<Row> {
    vec![
        Row::attached("hello-before-connect", |peer| {
            peer.upgrade()?;
            peer.hello("1")?;
            peer.challenge()?;
            peer.go_on()
        })
        .cost(Timeouts::OneDeadline)
        .drafts(),
        Row::attached("answer-wrong-id", |peer| {
            peer.connect_request()?;
            peer.hello("another")?;
            peer.go_on()
        })
        .cost(Timeouts::TwoDeadlines)
        .says("another")
        .error_or_deviates()
        .never("is silent"),
        Row::attached("answer-wrong-id-then-closes", |peer| {
            peer.connect_request()?;
            peer.hello("another")?;
            peer.close(1008, "no")?;
            peer.read_until_disconnect()
        })
        .says("another"),
        Row::attached("answer-number-id-then-closes", |peer| {
            let id = peer.connect_request()?;
            let mut frame = hello(&id);
            frame["id"] = json!(1);
            peer.json(&frame)?;
            peer.close(1008, "no")?;
            peer.read_until_disconnect()
        }),
        Row::attached("answer-number-id", |peer| {
            let id = peer.connect_request()?;
            let mut frame = hello(&id);
            frame["id"] = json!(1);
            peer.json(&frame)?;
            peer.go_on()
        })
        .cost(Timeouts::TwoDeadlines)
        .error_or_deviates()
        .never("is silent"),
        Row::attached("answer-without-id", |peer| {
            changed(peer, |frame| {
                frame.as_object_mut().unwrap().remove("id");
            })
        })
        .cost(Timeouts::TwoDeadlines)
        .error_or_deviates()
        .never("is silent"),
        Row::attached("answer-with-another-type", |peer| changed(peer, |frame| frame["type"] = "response".into()))
            .cost(Timeouts::TwoDeadlines)
            .error_or_deviates()
            .never("is silent"),
        Row::attached("answer-twice", |peer| {
            let id = peer.connect_request()?;
            peer.hello(&id)?;
            peer.hello(&id)?;
            peer.go_on()
        })
        .conforms(),
        Row::attached("answer-ok-as-text", |peer| changed(peer, |frame| frame["ok"] = "true".into())),
        Row::attached("answer-ok-absent", |peer| {
            changed(peer, |frame| {
                frame.as_object_mut().unwrap().remove("ok");
            })
        }),
        Row::attached("answers-nothing", |peer| {
            peer.connect_request()?;
            peer.read_until_disconnect()
        })
        .error()
        .cost(Timeouts::TwoDeadlines),
        Row::attached("answers-late", |peer| {
            let id = peer.connect_request()?;
            std::thread::sleep(Duration::from_millis(1500));
            peer.hello(&id)?;
            peer.go_on()
        })
        .conforms(),
        Row::attached("connect-sent-back", |peer| {
            peer.open()?;
            let (id, method, params) = peer.request()?;
            peer.json(&json!({ "type": "req", "id": id, "method": method, "params": params }))?;
            peer.go_on()
        })
        .cost(Timeouts::TwoDeadlines)
        .error_or_deviates()
        .never("is silent"),
        Row::attached("request-from-the-gateway", |peer| {
            let id = peer.connect_request()?;
            peer.json(&json!({ "type": "req", "id": "g", "method": "exec.run", "params": { "command": "id" } }))?;
            peer.hello(&id)?;
            peer.go_on()
        })
        .conforms(),
        Row::attached("type-absent", |peer| first(peer, &json!({}))).cost(Timeouts::OneDeadline).drafts(),
        Row::attached("type-unknown", |peer| first(peer, &json!({ "type": "CONTROL", "x": 1 })))
            .cost(Timeouts::OneDeadline)
            .drafts(),
        Row::attached("events-only", |peer| {
            peer.connect_request()?;
            for at in 0..5 {
                peer.json(&event("tick", json!({ "ts": at })))?;
            }
            peer.read_until_disconnect()
        })
        .cost(Timeouts::TwoDeadlines)
        .says("tick")
        .error_or_deviates()
        .never("is silent"),
        Row::attached("upgrade-and-then-nothing", |peer| {
            peer.upgrade()?;
            peer.read_until_disconnect()
        })
        .error()
        .cost(Timeouts::TwoDeadlines),
        Row::attached("answers-only-the-first-connection", |peer| match peer.number {
            1..=3 => right(peer),
            _ => {
                peer.open()?;
                peer.read_until_disconnect()
            }
        })
        .error_or_deviates()
        .cost(Timeouts::TwoDeadlines),
    ]
}

fn hellos() -> Vec<Row> {
    vec![
        Row::attached("hello-payload-null", |peer| changed(peer, |frame| frame["payload"] = Value::Null)),
        Row::attached("hello-payload-empty", |peer| changed(peer, |frame| frame["payload"] = json!({}))),
        Row::attached("hello-payload-array", |peer| changed(peer, |frame| frame["payload"] = json!([1, 2]))),
        Row::attached("hello-payload-text", |peer| changed(peer, |frame| frame["payload"] = "hello-ok".into())),
        Row::attached("hello-protocol-999", |peer| changed(peer, |frame| frame["payload"]["protocol"] = json!(999)))
            .conforms(),
        Row::attached("hello-protocol-text", |peer| {
            changed(peer, |frame| frame["payload"]["protocol"] = "three".into())
        })
        .conforms(),
        Row::attached("hello-role-of-control-characters", |peer| {
            changed(peer, |frame| frame["payload"]["auth"]["role"] = CONTROL.into())
        })
        .drafts(),
        Row::attached("hello-scopes-not-a-list", |peer| {
            changed(peer, |frame| frame["payload"]["auth"]["scopes"] = json!({ "operator.admin": true }))
        })
        .conforms(),
        Row::attached("hello-scopes-100000", |peer| {
            changed(peer, |frame| {
                frame["payload"]["auth"]["scopes"] = (0..100_000).map(|at| json!(format!("operator.s{at}"))).collect();
            })
        })
        .drafts(),
        Row::attached("hello-token-of-1-mb", |peer| {
            changed(peer, |frame| frame["payload"]["auth"]["deviceToken"] = "d".repeat(1 << 20).into())
        })
        .conforms(),
        Row::attached("hello-token-not-text", |peer| {
            changed(peer, |frame| frame["payload"]["auth"]["deviceToken"] = json!([1, { "a": null }]))
        })
        .conforms(),
        Row::attached("hello-token-short", |peer| {
            changed(peer, |frame| frame["payload"]["auth"]["deviceToken"] = "e".into())
        })
        .conforms(),
        Row::attached("hello-and-an-error", |peer| {
            changed(peer, |frame| frame["error"] = json!({ "code": "BOTH", "message": "both" }))
        }),
        Row::attached("hello-then-hangs-up", |peer| {
            let id = peer.connect_request()?;
            peer.hello(&id)
        })
        .conforms(),
        Row::attached("hello-then-1008", |peer| {
            let id = peer.connect_request()?;
            peer.hello(&id)?;
            peer.close(1008, "changed my mind")?;
            peer.read_until_disconnect()
        })
        .conforms(),
        Row::attached("hello-then-reads-nothing", |peer| {
            let id = peer.connect_request()?;
            peer.hello(&id)?;
            std::thread::sleep(Duration::from_secs(100));
            Ok(())
        })
        .conforms()
        .cost(Timeouts::TwoDeadlines),
    ]
}

fn errors() -> Vec<Row> {
    vec![
        Row::attached("error-plain", |peer| error(peer, json!({ "code": "NO", "message": "not today" })))
            .says("not today"),
        Row::attached("error-empty", |peer| error(peer, json!({}))),
        Row::attached("error-text", |peer| error(peer, json!("no"))),
        Row::attached("error-null", |peer| error(peer, Value::Null)),
        Row::attached("error-code-number", |peer| error(peer, json!({ "code": 42, "message": "m" }))),
        Row::attached("error-message-object", |peer| error(peer, json!({ "code": "NO", "message": { "deep": [1] } }))),
        Row::attached("error-message-1mb", |peer| {
            error(peer, json!({ "code": "NO", "message": "long ".repeat(1 << 18) }))
        })
        .drafts(),
        Row::attached("error-code-1mb", |peer| error(peer, json!({ "code": "C".repeat(1 << 20), "message": "m" })))
            .drafts(),
        Row::attached("error-request-id-of-control-characters", |peer| {
            error(peer, json!({ "code": "NOT_PAIRED", "message": "m", "details": { "requestId": CONTROL } }))
        })
        .drafts(),
        Row::attached("control-characters-in-messages", |peer| {
            error(peer, json!({ "code": "NO", "message": CONTROL }))
        })
        .drafts(),
        Row::attached("control-characters-in-codes", |peer| error(peer, json!({ "code": CONTROL, "message": "m" })))
            .drafts(),
        Row::attached("control-characters-in-keys", |peer| {
            error(peer, json!({ "code": "NO", "message": "m", "details": { CONTROL: { CONTROL: CONTROL } } }))
        })
        .drafts(),
        Row::attached("control-characters-in-event-names", |peer| {
            let id = peer.connect_request()?;
            peer.json(&event(CONTROL, json!({ CONTROL: CONTROL })))?;
            peer.json(&refusal(&id, "NO", "no"))?;
            peer.read_until_disconnect()
        })
        .cost(Timeouts::TwoDeadlines)
        .drafts(),
        Row::attached("error-then-hello", |peer| {
            let id = peer.connect_request()?;
            peer.refuse(&id, "NO", "first")?;
            peer.hello(&id)?;
            peer.go_on()
        })
        .cost(Timeouts::TwoDeadlines)
        .any(),
        Row::attached("retry-after-far-away", |peer| {
            error(peer, json!({ "code": "UNAVAILABLE", "message": "m", "retryable": true, "retryAfterMs": u64::MAX }))
        }),
    ]
}

fn events() -> Vec<Row> {
    vec![
        Row::attached("event-without-name", |peer| {
            let id = peer.connect_request()?;
            peer.json(&json!({ "type": "event", "payload": {} }))?;
            peer.hello(&id)?;
            peer.go_on()
        })
        .conforms(),
        Row::attached("event-name-1mb", |peer| {
            let id = peer.connect_request()?;
            peer.json(&event(&"e".repeat(1 << 20), json!({})))?;
            peer.refuse(&id, "NO", "no")?;
            peer.close(1008, "no")?;
            peer.read_until_disconnect()
        })
        .drafts(),
        Row::attached("sequence-goes-back", |peer| {
            let id = peer.connect_request()?;
            peer.hello(&id)?;
            for seq in [5_i64, 3, -1, i64::MIN] {
                peer.json(&json!({ "type": "event", "event": "tick", "payload": {}, "seq": seq }))?;
            }
            peer.go_on()
        })
        .conforms(),
        Row::attached("told-to-shut-down-and-lives-on", |peer| {
            let id = peer.connect_request()?;
            peer.hello(&id)?;
            peer.json(&event("shutdown", json!({ "reason": "x", "restartExpectedMs": u64::MAX })))?;
            peer.go_on()
        })
        .conforms(),
    ]
}

pub(super) fn rows() -> Vec<Row> {
    [challenges(), answers(), hellos(), errors(), events()].into_iter().flatten().collect()
}
