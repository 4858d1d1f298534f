//! Mutation tests of messages and stores: the normal form of each mutant is text that parses again, and data that is
//! JSON.

use super::{Evidence, ObservedStore, RawFrame, RawMessage, Received, StepEvidence, normalise};
use input_mutants::play;
use serde_json::{Value, json};

fn seeds() -> Vec<Vec<u8>> {
    let id = "a".repeat(64);
    let frames = [
        json!({ "type": "res", "id": "1", "ok": true, "payload": { "type": "hello-ok", "protocol": 3,
            "server": { "version": "2026.4.2", "connId": "0b0e7c3a-5a5e-4a6b-9f57-2f1d8a3c9e10" },
            "features": { "methods": ["a"], "events": [] }, "auth": { "role": "operator", "scopes": ["operator.read"],
            "deviceToken": "q3Jv0nY8mXc2Zr5Tt7Wb1Kd4Lf6Hg9Ps_Ae-Ui0OyVx", "issuedAtMs": 1_760_000_000_000_i64 },
            "snapshot": { "presence": [], "health": {} }, "policy": { "maxPayload": 1 } } }),
        json!({ "type": "res", "id": "1", "ok": false, "error": { "code": "NOT_PAIRED", "message": "pairing required",
            "retryable": true, "retryAfterMs": 5, "details": { "code": "PAIRING_REQUIRED", "requestId": "r", "reason": "role-upgrade" } } }),
        json!({ "type": "event", "event": "device.pair.requested", "payload": { "requestId": "r", "deviceId": id, "ts": 1_760_000_000_001_i64 }, "seq": 4 }),
        json!({ id.clone(): { "deviceId": id, "publicKey": "KEY", "role": "operator", "roles": ["operator"], "scopes": [],
            "createdAtMs": 1_760_000_000_000_i64, "approvedAtMs": -1, "tokens": { "operator": { "token": "t", "scopes": [] } } } }),
        json!({ "r": { "requestId": "r", "deviceId": id, "ts": 1_760_000_000_000_i64, "silent": false } }),
    ];
    frames.iter().map(|frame| frame.to_string().into_bytes()).collect()
}

fn evidence(input: &[u8]) -> Evidence {
    let received = |message| vec![Received { on: None, message }];
    let text = String::from_utf8_lossy(input).into_owned();
    let first = match serde_json::from_slice::<Value>(input) {
        Ok(json) => RawMessage::Frame(RawFrame::Regular { json, method: Some("connect".to_owned()) }),
        Err(_) => RawMessage::NotJson { bytes: input.len(), begins: text.chars().take(40).collect() },
    };
    let step = |number, message| StepEvidence {
        number,
        title: "connect laptop".to_owned(),
        opens: true,
        received: received(message),
        ..StepEvidence::default()
    };
    let end = RawMessage::Close {
        code: u16::try_from(input.len()).ok(),
        reason: text.chars().take(120).collect(),
        clean: true,
    };
    let file = |bytes: &[u8]| {
        ObservedStore::from([
            ("devices/paired.json".to_owned(), Ok(bytes.to_vec())),
            ("devices/pending.json".to_owned(), Ok(b"{}".to_vec())),
        ])
    };
    Evidence {
        known: vec![super::KnownValue { value: "a".repeat(64), symbol: "laptop".to_owned() }],
        started_at: 1_760_000_000_000,
        steps_began: vec![1_760_000_000_000, 1_760_000_000_005],
        steps: vec![step(0, first), step(1, end)],
        before: file(b"{}"),
        after: Some(file(input)),
    }
}

#[test]
fn message_mutants() {
    let words = ["hello-ok", "res", "event", "__proto__", "deviceToken", "<token-1>", "pairing required"];
    play("observations", &seeds(), &words, |input| {
        let evidence = evidence(input);
        let observation = normalise(&evidence);
        let text = observation.text();
        assert!(text.ends_with('\n') && text.starts_with("connect laptop\n"), "{text}");
        assert_eq!(normalise(&evidence), observation, "the same is seen twice");
        let written = serde_json::to_string(&observation).unwrap();
        let read: Value = serde_json::from_str(&written).unwrap();
        assert_eq!(read["steps"].as_array().map(Vec::len), Some(2), "{written}");
        let snapshot = super::snapshot::Snapshot {
            case: "a/b".to_owned(),
            release: openclaw_model::releases::DEFAULT,
            seen: std::collections::BTreeSet::new(),
            text: text.to_owned(),
        };
        assert_eq!(super::snapshot::Snapshot::parse(&snapshot.render()).as_ref(), Ok(&snapshot), "{text:?}");
    });
}
