//! Random traffic as a scenario: the file is valid, contains no secret, and can be replayed.

use super::frames::Message;
use super::initial_state::InitialState;
use super::recording::{Event, Head, Recording};
use super::scenario::RecordedScenario;
use crate::gateway::{Gateway, GatewaySpec, Guard, Preparation};
use crate::judge::Verdict;
use crate::observe::snapshot::Library;
use crate::run::{Options, run};
use crate::scenario::{Case, Corpus, lint};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use std::path::Path;

/// The part of every secret in the traffic.
const CANARY: &str = "Canary8sk20fjx71";
const IDS: [&str; 4] = ["1", "2", "same", "\u{0}<device x>"];
const UUIDS: [&str; 3] = [
    "11111111-2222-3333-4444-555555555555",
    "aaaaaaaa-2222-3333-4444-555555555555",
    "bbbbbbbb-2222-3333-4444-555555555555",
];
const CODES: [Option<u16>; 9] =
    [None, Some(0), Some(999), Some(1000), Some(1005), Some(1006), Some(1008), Some(4321), Some(65_535)];

/// Texts that mean something in YAML, in scenarios or to a terminal.
fn text() -> BoxedStrategy<String> {
    let odd = [
        "",
        " ",
        "a: b",
        "- x",
        "# no comment",
        "<device x>",
        "<<",
        "<",
        "${a}",
        "$${",
        "null",
        "~",
        "1e5",
        "0x1f",
        "'",
        "\"",
        "\\",
        "\u{0}",
        "\u{1b}[31m",
        "\u{7f}",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "\u{202e}",
        "\u{fffe}",
        "é\u{301}",
        "🦀",
        "a\tb\r\nc",
        "none",
        "right",
        "<answer step-1 id>",
        "operator",
        "operator.admin",
        "connect",
        "{broken",
        "[1, {\"token\": 1}",
        "***",
        "a*b",
    ];
    prop_oneof![
        4 => prop::sample::select(odd.map(str::to_owned).to_vec()),
        2 => prop::sample::select(UUIDS.map(str::to_owned).to_vec()),
        2 => any::<String>(),
        1 => (0..9_u8).prop_map(|device| device_id(device % 3)),
        1 => Just(format!("token={CANARY}-text")),
        1 => Just(format!("{{\"password\": \"{CANARY}-json\"}}")),
        1 => prop::sample::select(vec![500_usize, 70_000]).prop_map(|length| "x".repeat(length)),
    ]
    .boxed()
}

fn value() -> BoxedStrategy<Value> {
    let number = prop_oneof![
        any::<i64>().prop_map(|number| json!(number)),
        any::<u64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number,
        text().prop_map(Value::from),
        (1..80_usize).prop_map(|depth| (0..depth).fold(json!(1), |inner, _| json!([inner]))),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let members = prop::collection::btree_map(name(), inner.clone(), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            members.prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
    .boxed()
}

fn name() -> BoxedStrategy<String> {
    let known = ["token", "id", "deviceId", "requestId", "on", "method", "?", "a b", "y"];
    prop_oneof![prop::sample::select(known.map(str::to_owned).to_vec()), text()].boxed()
}

fn device_id(device: u8) -> String {
    format!("{device:064x}")
}

/// Values for members that a client usually sends in another form.
fn member<T: Into<Value> + Clone + std::fmt::Debug + 'static>(usual: &[T]) -> BoxedStrategy<Option<Value>> {
    let usual = usual.iter().cloned().map(Into::into).collect::<Vec<Value>>();
    prop_oneof![6 => prop::sample::select(usual).prop_map(Some), 1 => value().prop_map(Some), 2 => Just(None)].boxed()
}

fn object(members: Vec<(&str, Option<Value>)>) -> Value {
    members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn connect() -> BoxedStrategy<Value> {
    let secret = || member(&[format!("{CANARY}-shared"), format!("{CANARY}-issued"), String::new()]);
    let auth = (secret(), secret(), secret(), secret(), secret()).prop_map(|(token, password, device, code, other)| {
        object(vec![
            ("token", token),
            ("password", password),
            ("deviceToken", device),
            ("bootstrapToken", code),
            ("passcode", other),
        ])
    });
    let device = (0..3_u8, member(&["n"]), member(&[1_i64, i64::MAX, i64::MIN]), member(&["AAAA"]), member(&["sig"]))
        .prop_map(|(device, nonce, at, key, signature)| {
            let members = vec![("nonce", nonce), ("signedAt", at), ("publicKey", key), ("signature", signature)];
            let mut device_object = object(members);
            device_object["id"] = device_id(device).into();
            device_object
        });
    let client = (
        prop_oneof![4 => Just("cli".to_owned()), 1 => text()],
        member(&["cli"]),
        member(&["iPhone"]),
        member(&["x"]),
        text(),
    )
        .prop_map(|(id, mode, family, other, version)| {
            let mut client =
                object(vec![("mode", mode.filter(Value::is_string)), ("deviceFamily", family), ("displayName", other)]);
            for (name, usual) in
                [("id", json!(id)), ("platform", json!("linux")), ("version", json!(version)), ("mode", json!("cli"))]
            {
                client.as_object_mut().map(|client| client.entry(name).or_insert(usual));
            }
            client
        });
    let protocol = prop_oneof![4 => Just((3_u64, 3_u64)), 1 => any::<(u64, u64)>()];
    let more = prop::collection::btree_map(name(), value(), 0..3);
    let lists = member(&[json!(["operator.read"]), json!([]), json!({ "a": true })]);
    (auth, prop::option::of(device), client, protocol, more, member(&["operator", "node"]), lists)
        .prop_map(|(auth, device, client, (low, high), more, role, list)| {
            let mut params = object(vec![("auth", Some(auth)), ("device", device), ("role", role)]);
            for name in ["scopes", "caps", "permissions"] {
                params[name] = list.clone().unwrap_or_default();
            }
            for (name, value) in more {
                params[name] = value;
            }
            params["client"] = client;
            params["minProtocol"] = low.into();
            params["maxProtocol"] = high.into();
            params
        })
        .boxed()
}

fn close() -> BoxedStrategy<Message> {
    (prop::sample::select(CODES.to_vec()), text()).prop_map(|(code, reason)| Message::Close(code, reason)).boxed()
}

fn other_message() -> BoxedStrategy<Message> {
    prop_oneof![
        text().prop_map(Message::Text),
        value().prop_map(|value| Message::Text(value.to_string())),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Message::Binary),
        Just(Message::Binary(format!("token={CANARY}-binary").into_bytes())),
        Just(Message::TooLong),
        close(),
    ]
    .boxed()
}

fn from_client() -> BoxedStrategy<Event> {
    let id = || prop::sample::select(IDS.to_vec());
    let request = |id: &str, method: &str, params: Value| {
        Message::Text(json!({ "type": "req", "id": id, "method": method, "params": params }).to_string())
    };
    let method = prop_oneof![
        prop::sample::select(vec!["health".to_owned(), "connect".to_owned(), "device.pair.list".to_owned()]),
        text()
    ];
    let message = prop_oneof![
        3 => (id(), connect()).prop_map(move |(id, params)| request(id, "connect", params)),
        3 => (id(), method, value()).prop_map(move |(id, method, params)| request(id, &method, params)),
        1 => other_message(),
    ];
    message.prop_map(Event::FromClient).boxed()
}

fn from_gateway() -> BoxedStrategy<Event> {
    let id = || prop::sample::select(IDS.to_vec());
    let uuid = || prop::sample::select(UUIDS.to_vec());
    let message = prop_oneof![
        (text(), any::<i64>()).prop_map(|(nonce, ts)| json!({ "type": "event", "event": "connect.challenge", "payload": { "nonce": nonce, "ts": ts } })),
        (id(), member(&["operator", "node"]), member(&[json!(["operator.read"])]), text()).prop_map(|(id, role, scopes, version)| {
            let auth = object(vec![("role", role), ("scopes", scopes), ("deviceToken", Some(json!(format!("{CANARY}-issued"))))]);
            json!({ "type": "res", "id": id, "ok": true, "payload": { "auth": auth, "server": { "version": version } } })
        }),
        (id(), uuid(), value()).prop_map(|(id, uuid, value)| json!({ "type": "res", "id": id, "ok": true, "payload": { "requestId": uuid, "list": [value] } })),
        (id(), member(&["NOT_PAIRED", "INVALID_REQUEST"]), uuid(), text(), member(&["PAIRING_REQUIRED", "AUTH_PASSWORD_MISSING"]), member(&["role-upgrade"])).prop_map(
            |(id, code, uuid, message, detail, reason)| {
                let details = object(vec![("code", detail), ("reason", reason), ("requestId", Some(json!(uuid)))]);
                json!({ "type": "res", "id": id, "ok": false, "error": { "code": code, "message": message, "details": details } })
            },
        ),
        text().prop_map(|name| json!({ "type": "event", "event": name, "payload": {} })),
    ];
    let message = prop_oneof![5 => message.prop_map(|frame| Message::Text(frame.to_string())), 1 => other_message()];
    message.prop_map(Event::FromGateway).boxed()
}

fn event() -> BoxedStrategy<Event> {
    let header =
        ["Host", "Origin", "X-Forwarded-For", "x-forwarded-for", "Forwarded", "Cookie", "User-Agent", "X-Other"];
    let header = move || (prop::sample::select(header.to_vec()), text());
    let head = move || {
        let path = prop_oneof![3 => Just("/".to_owned()), 1 => text()];
        (path, prop::collection::vec(header(), 0..3)).prop_map(|(path, headers)| Head {
            path,
            headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        })
    };
    let status = prop::sample::select(vec![0, 100, 200, 302, 401, 403, 503, 999]);
    prop_oneof![
        3 => head().prop_map(Event::Opened),
        1 => (head(), status).prop_map(|(head, status)| Event::NotOpened(head, status)),
        8 => from_client(),
        8 => from_gateway(),
        1 => Just(Event::ClientEnded),
        1 => Just(Event::GatewayEnded),
    ]
    .boxed()
}

/// Events on a few connections, each after the start of its connection.
fn traffic() -> impl Strategy<Value = Vec<(usize, Event)>> {
    prop::collection::vec((any::<u8>(), event()), 0..24).prop_map(|events| {
        let mut opened = 0;
        let mut traffic = Vec::new();
        for (connection, event) in events {
            match event {
                Event::Opened(_) | Event::NotOpened(..) => {
                    opened += 1;
                    traffic.push((opened, event));
                }
                _ if opened > 0 => traffic.push((usize::from(connection) % opened + 1, event)),
                _ => {}
            }
        }
        traffic
    })
}

/// The valid scenario of the traffic.
fn case(traffic: &[(usize, Event)]) -> Result<Case, String> {
    let recording = Recording::new();
    traffic.iter().for_each(|(connection, event)| recording.add(*connection, event.clone()));
    let recorded = RecordedScenario::of(recording.take(), "ws://127.0.0.1:1", "127.0.0.1:2", InitialState::default());
    let text = recorded.text();
    // The traffic is not too large for a scenario.
    if recorded.is_cut {
        return Err(format!("{:?} in {text}", recorded.left_out));
    }
    if text.contains(CANARY) {
        return Err(format!("a secret in {text}"));
    }
    let corpus = Corpus::written(Path::new("family/recorded.yaml"), text);
    let case = corpus.map_err(|errors| format!("{errors:?} in {text}"))?.cases()[0].clone();
    let problem = lint::lint_file(&case).into_iter().find(|problem| !problem.is_warning());
    problem.map_or(Ok(case), |problem| Err(format!("{problem:?} in {text}")))
}

proptest! {
    #[test]
    fn recording_of_random_traffic_is_valid(traffic in traffic()) {
        let case = case(&traffic);
        prop_assert!(case.is_ok(), "{}", case.err().unwrap_or_default());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recording_of_random_traffic_replays() {
    let mut random = TestRunner::deterministic();
    let cases = (0..100).map(|number| {
        let traffic = traffic().new_tree(&mut random).unwrap().current();
        let case = case(&traffic).unwrap();
        Case { id: format!("{}-{number}", case.id), ..case }
    });
    let cases = cases.collect::<Vec<_>>();
    let preparation = Preparation { guard: Guard::absent(), ..Preparation::default() };
    let gateway = Gateway::prepare(&GatewaySpec::Embedded(None), &preparation, &|_| {}).await.unwrap();
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let (cases, library) = (cases.iter().collect::<Vec<_>>(), Library::built_in().unwrap());
    let (options, guard) = (Options { jobs: 16, ..Options::default() }, &preparation.guard);
    let end = run(&cases, &gateway, &library, guard, &options, stopped, &mut |_| Ok(())).await.unwrap();
    let summary = end.report.summary;
    assert_eq!(summary.count(Verdict::Conforms) + summary.count(Verdict::Deviates), cases.len(), "{summary:?}");
}
