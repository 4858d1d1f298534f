//! Observations of a case in normal form. Two runs with the same behavior have equal observations.
//!
//! [`Evidence`] holds the raw observations from the wire and the disk, and [`normalise`] makes an [`Observation`] of
//! it:
//!
//! - Symbols replace accidental values and keep their identity (`<token-1>`, `<request-2>`, or a device's name for its
//!   id).
//! - Relations replace times.
//! - Messages of schema validators keep only their first words.
//! - Method lists, health, presence, sequence numbers and versions are omitted, because they describe the gateway and
//!   its machine and not its answer.
//! - Everything else stays, including unknown members.
//!
//! An observation is compared, stored and read as text ([`Observation::text`]): see [`snapshot`].

pub mod diff;
mod evidence;
mod fields;
mod frame;
mod frame_kind;
mod message;
#[cfg(test)]
mod mutants;
mod observation;
mod observed_store;
mod redacted;
mod size_limit;
pub(crate) mod snapshot;
mod store;
mod symbol;
mod text;
mod time;

use untrusted_data::limits::SHOWN_BYTES;

pub use evidence::Evidence;
pub(crate) use evidence::{KnownValue, StepEvidence};
#[cfg(test)]
pub(crate) use message::Hello;
pub(crate) use message::{Frame, Message, RawFrame, RawMessage, Received};
pub(crate) use observation::{Observation, StepObservation};
pub use observed_store::ObservedStore;
pub(crate) use observed_store::{FileContents, NoFile, StoredDocument};
pub(crate) use store::NormalizedStore;

/// Normalizes the raw observations of a case.
pub fn normalise(evidence: &Evidence) -> Observation {
    normalise_redacted(evidence, &str::to_owned)
}

/// Normalizes the raw observations of a case, and applies `redact` to every string of the normal form. No snapshot and no
/// report then contains an encoded secret from a gateway.
pub(crate) fn normalise_redacted(evidence: &Evidence, redact: &dyn Fn(&str) -> String) -> Observation {
    let documents = evidence.after.as_ref().map(|after| store::Documents::new(&evidence.before, after));
    let mut symbols = symbol::Symbols::new(&evidence.known);
    evidence.steps.iter().for_each(|step| frame::learn(step, &mut symbols));
    if let Some(documents) = &documents {
        documents.learn(&mut symbols);
    }
    let mut numbers = symbol::SymbolNumbers::default();
    let room = size_limit::SizeLimit::new(SHOWN_BYTES);
    let context = frame::FrameContext { symbols: &symbols, started_at: evidence.started_at, room: &room };
    let steps = evidence.steps.iter().map(|step| frame::step(step, &context)).collect::<Vec<_>>();
    let mut steps = text::number(steps, &mut numbers);
    redacted::steps(&mut steps, redact);
    let mut text = String::new();
    text::steps(&steps, 0, &mut text);
    let store = documents.map(|documents| {
        let moments = time::StepTimes { started_at: evidence.started_at, steps: &evidence.steps_began };
        let mut seen = documents.normalise(&symbols, moments, &mut numbers);
        redacted::store(&mut seen, redact);
        text::store(&seen, &mut text);
        seen
    });
    Observation { steps, store, text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const START: i64 = 1_760_000_000_000;
    const UUID: &str = "0b0e7c3a-5a5e-4a6b-9f57-2f1d8a3c9e10";
    const TOKEN: &str = "q3Jv0nY8mXc2Zr5Tt7Wb1Kd4Lf6Hg9Ps_Ae-Ui0OyVx";

    fn known(value: &str, symbol: &str) -> KnownValue {
        KnownValue { value: value.to_owned(), symbol: symbol.to_owned() }
    }

    fn received(json: Value) -> Received<RawFrame> {
        Received { on: None, message: Message::Frame(RawFrame::Regular { json, method: None }) }
    }

    fn hello() -> Value {
        json!({"type": "res", "id": "1", "ok": true, "payload": {
            "type": "hello-ok", "protocol": 3, "server": {"version": "2026.4.2", "connId": UUID},
            "features": {"methods": [], "events": []}, "canvasHostUrl": "http://127.0.0.1:1",
            "snapshot": {"presence": [], "health": {}, "stateVersion": {}, "uptimeMs": 1, "sessionDefaults": {}},
            "auth": {"role": "operator", "scopes": ["operator.read"], "deviceToken": TOKEN, "issuedAtMs": START - 5},
            "policy": {"maxPayload": 26_214_400, "maxBufferedBytes": 52_428_800, "tickIntervalMs": 30_000}}})
    }

    fn role_upgrade() -> Evidence {
        let id = "a".repeat(64);
        let error = json!({"code": "NOT_PAIRED", "message": "pairing required",
            "details": {"code": "PAIRING_REQUIRED", "requestId": UUID, "reason": "role-upgrade"}});
        let paired = json!({id.clone(): {"deviceId": id, "publicKey": "KEY", "platform": "linux", "clientId": "cli",
            "clientMode": "cli", "role": "operator", "roles": ["operator"], "scopes": ["operator.read"],
            "approvedScopes": ["operator.read"], "createdAtMs": START - 9, "approvedAtMs": START - 9,
            "tokens": {"operator": {"token": TOKEN, "role": "operator", "scopes": ["operator.read"],
                "createdAtMs": START - 5, "lastUsedAtMs": START + 3}}}});
        let pending = json!({UUID: {"requestId": UUID, "deviceId": id, "publicKey": "KEY", "platform": "linux",
            "clientId": "cli", "clientMode": "cli", "role": "node", "roles": ["node"], "scopes": [], "silent": false,
            "isRepair": true, "ts": START + 7}});
        let file = |value: &Value| Ok(value.to_string().into_bytes());
        let step =
            |title: &str, received| StepEvidence { title: title.to_owned(), received, ..StepEvidence::default() };
        Evidence {
            known: vec![known(&id, "laptop"), known("KEY", "<key of laptop>")],
            started_at: START,
            steps_began: vec![START, START + 5],
            steps: vec![
                step("connect laptop as operator [operator.read]", vec![received(hello())]),
                step(
                    "connect laptop as node",
                    vec![
                        received(json!({"type": "res", "id": "2", "ok": false, "error": error})),
                        Received {
                            on: None,
                            message: RawMessage::Close {
                                code: Some(1008),
                                reason: "pairing required".to_owned(),
                                clean: true,
                            },
                        },
                    ],
                ),
            ],
            before: ObservedStore::default(),
            after: Some(
                [
                    ("devices/paired.json".to_owned(), file(&paired)),
                    ("devices/pending.json".to_owned(), file(&pending)),
                ]
                .into(),
            ),
        }
    }

    #[test]
    fn example_from_documentation() {
        insta::assert_snapshot!(normalise(&role_upgrade()).text(), @r#"
        connect laptop as operator [operator.read]
          <- hello-ok  protocol 3  role operator  scopes operator.read  device-token <token-1>  issued before
        connect laptop as node
          <- error NOT_PAIRED PAIRING_REQUIRED role-upgrade  "pairing required"  request <request-1>
          <- close 1008 "pairing required"  clean

        paired
          laptop  cli/cli  linux  role operator  roles operator  scopes operator.read  approved operator.read
            operator  <token-1>  scopes operator.read  minted before  used
        pending
          <request-1>  laptop  cli/cli  linux  role node  roles node  scopes none  not silent  repair
        "#);
    }

    #[test]
    fn unexpected_and_missing_fields() {
        let mut evidence = role_upgrade();
        let paired = br#"{"ddddddd": {"deviceId": "ddddddd", "publicKey": "kkkkkk", "scopes": "operator.read", "tokens": {}, "surprise": {"a": [1]}}}"#;
        evidence.after = Some([("devices/paired.json".to_owned(), Ok(paired.to_vec()))].into());
        let text = normalise(&evidence).text().to_owned();
        let store = text.split_once("\npaired\n").map(|(_, store)| store).unwrap_or_default();
        insta::assert_snapshot!(store, @r"
          <device-1>  no createdAtMs  no clientId  no clientMode  no platform  no role  no roles  no approved  no approvedAtMs  publicKey=<key-1>  scopes=operator.read  surprise={a: [1]}
            tokens {}
        pending
          none
        ");
    }

    #[test]
    fn distinguishes_damage_before_and_after() {
        let mut evidence = role_upgrade();
        let files = |bytes: &[u8]| -> ObservedStore { [("devices/paired.json".to_owned(), Ok(bytes.to_vec()))].into() };
        evidence.before = files(b"{\"a");
        evidence.after = Some(files(b"{\"a"));
        assert!(normalise(&evidence).text().contains("paired\n  does not parse; byte for byte as before\n"));
        evidence.after = Some(files(b"{\"b"));
        assert!(normalise(&evidence).text().contains("paired\n  does not parse; not what it was before\n"));
    }

    #[test]
    fn names_special_files() {
        let files = [("devices/paired.json", NoFile::TooLarge), ("devices/pipe", NoFile::NotPlain)];
        let after = files.map(|(path, what)| (path.to_owned(), Err(what)));
        let seen = normalise(&Evidence { after: Some(after.into()), ..Evidence::default() });
        assert!(
            seen.text().contains("paired\n  too large: clawcheck reads at most 4 MiB of a store\n"),
            "{}",
            seen.text()
        );
        assert!(seen.text().contains("devices/pipe\n  not a plain file\n"), "{}", seen.text());
    }

    #[test]
    fn counts_records_beyond_limit() {
        let record = |n: usize| (format!("record {n:04}"), json!({"deviceId": "d"}));
        let records = (0..1500).map(record).collect::<serde_json::Map<_, _>>();
        let file = Ok(Value::from(records).to_string().into_bytes());
        let after = Some([("devices/paired.json".to_owned(), file)].into());
        let seen = normalise(&Evidence { after, ..Evidence::default() });
        assert!(seen.text().contains("\n  record 0999 ") && !seen.text().contains("record 1000"), "{}", seen.text());
        assert!(seen.text().contains("\n  … 500 more records\npending\n"), "{}", seen.text());
    }

    #[test]
    fn observation_is_bounded() {
        let long = "word ".repeat(400_000);
        let error = |message: &str| {
            json!({"type": "res", "id": "1", "ok": false, "error": {"details": {"all": vec![0; 10_000]},
            "token": long, "code": "NOT_PAIRED", "message": message}})
        };
        let step = |_| StepEvidence { received: vec![received(error(&long)); 5], ..StepEvidence::default() };
        let seen = normalise(&Evidence { steps: (0..10).map(step).collect(), ..Evidence::default() });
        assert!(seen.text().len() < 800_000, "{}", seen.text().len());
        assert_eq!(seen.text().matches("<- error NOT_PAIRED ").count(), 50, "the code of each is seen");
        assert_eq!(seen.text().matches("token=<token-1>").count(), 50, "a secret is a symbol however long it is");
    }

    #[test]
    fn sorts_parallel_steps_before_numbering() {
        let branch = |code: &str, id: &str| StepEvidence {
            title: "connect".to_owned(),
            received: vec![received(
                json!({"type": "res", "id": "1", "ok": false, "error": {"code": code, "message": "m", "details": {"requestId": id}}}),
            )],
            ..StepEvidence::default()
        };
        let observe = |parallel| {
            let step = StepEvidence { title: "side by side".to_owned(), parallel, ..StepEvidence::default() };
            normalise(&Evidence { steps: vec![step], ..Evidence::default() }).text().to_owned()
        };
        let other = format!("1{}", &UUID[1..]);
        assert_eq!(
            observe(vec![branch("B", UUID), branch("A", &other)]),
            observe(vec![branch("A", UUID), branch("B", &other)])
        );
    }

    #[test]
    fn merges_equal_rounds() {
        let round = |n, code: &str| StepEvidence {
            title: "connect laptop".to_owned(),
            round: Some((n, 4)),
            received: vec![received(
                json!({"type": "res", "id": "1", "ok": false, "error": {"code": code, "message": "m"}}),
            )],
            ..StepEvidence::default()
        };
        let steps = vec![round(1, "A"), round(2, "A"), round(3, "A"), round(4, "B")];
        insta::assert_snapshot!(normalise(&Evidence { steps, ..Evidence::default() }).text(), @r#"
        connect laptop  (1 to 3 of 4)
          <- error A  "m"
        connect laptop  (4 of 4)
          <- error B  "m"
        "#);
    }

    #[test]
    fn inaccessible_store_keeps_steps() {
        let mut evidence = role_upgrade();
        let whole = normalise(&evidence);
        evidence.after = None;
        let part = normalise(&evidence);
        assert_eq!(part.comparable(whole.text()), part.text());
        assert_eq!(whole.comparable(whole.text()), whole.text());
    }

    #[test]
    fn no_random_values_remain() {
        let observation = normalise(&role_upgrade());
        let json = serde_json::to_string(&observation).unwrap_or_default();
        for secret in [TOKEN, UUID, "aaaaaaaa", "KEY", "17600000"] {
            assert!(!json.contains(secret) && !observation.text().contains(secret), "{secret} in {json}");
        }
        assert!(!json.contains(['\u{E000}', '\u{E001}', '\u{E002}']), "a mark was left in {json}");
    }
}
