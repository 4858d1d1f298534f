//! `clawcheck capture` of a state directory that a real release writes while it runs. The captured scenario expects the
//! answers that the real release gives to the original devices, and contains no private values of the directory. For every
//! `openclaw@RELEASE` in `CLAWCHECK_LIVE`.

use crate::harness::{SCENARIO, TestFolder};
use crate::live::client_libraries::reached;
use crate::lockout::remedies::client::{as_sent, call, device, open, within};
use crate::lockout::remedies::gateway::{Operator, StartableGateway};
use crate::lockout::state_dir::tree;
use clawcheck::Running;
use clawcheck::internal::{Auth, ConnectRequest, Connection, Upgrade};
use openclaw_emulator::store::SqliteDocuments;
use openclaw_model::Facts;
use openclaw_protocol::identity::DeviceKey;
use openclaw_protocol::store::{Document, Documents as _, StoreFormat};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A marker in every text that a user or a client chooses.
const CANARY: &str = "Canary-4fj29sKq81";
const TOKEN: &str = "Canary-4fj29sKq81-shared";
const ADDRESS: &str = "198.51.100.77";
const EVERY_SCOPE: [&str; 5] =
    ["operator.admin", "operator.read", "operator.write", "operator.approvals", "operator.pairing"];
const READ: &[&str] = &["operator.read"];

/// The devices of the directory: the name that `capture` gives to the device, client id, mode, role and platform.
const DEVICES: [(&str, &str, &str, &str, &str); 5] = [
    ("cli", "cli", "cli", "operator", "linux"),
    ("tui", "openclaw-tui", "ui", "operator", "linux"),
    ("iphone", "openclaw-ios", "node", "node", "iOS 26.1"),
    ("mac", "openclaw-macos", "ui", "operator", "macOS 26.1"),
    ("android", "openclaw-android", "ui", "operator", "android"),
];

fn config() -> Value {
    json!({
        "gateway": {
            "mode": "local",
            "auth": { "mode": "token", "token": TOKEN },
            "trustedProxies": ["127.0.0.1"],
            "controlUi": { "allowedOrigins": ["https://canary-4fj29skq81.example"] },
        },
        "messages": { "responsePrefix": CANARY },
        "env": { "vars": { "CANARY_4FJ29SKQ81": CANARY } },
        "agents": { "list": [{ "id": "main", "name": CANARY, "workspace": format!("~/{CANARY}/4fj29sKq81@example.com") }] },
        "ui": { "assistant": { "name": CANARY } },
    })
}

fn facts(release: &str) -> Facts {
    Facts::of(release.parse().unwrap()).unwrap()
}

/// The connect of a device.
fn request(release: &str, name: &str, scopes: &[&str], token: Option<&str>) -> ConnectRequest {
    let (_, id, mode, role, platform) = DEVICES.into_iter().find(|device| device.0 == name).unwrap();
    let facts = facts(release);
    let protocol = i64::from(facts.handshake.protocol);
    let secret = match token {
        Some(token) => Auth { device_token: Some(token.to_owned()), ..Auth::default() },
        None => Auth { token: Some(TOKEN.to_owned()), ..Auth::default() },
    };
    let mut request = ConnectRequest {
        protocol: (protocol, protocol),
        role: Some(role.to_owned()),
        scopes: Some(scopes.iter().map(|scope| (*scope).to_owned()).collect()),
        auth: as_sent(&facts, secret),
        device: Some(device(&facts, name)),
        ..ConnectRequest::default()
    };
    request.client.id = id.to_owned();
    request.client.mode = mode.to_owned();
    request.client.platform = platform.to_owned();
    request.client.display_name = Some(format!("{CANARY} of Anna"));
    request.client.model_identifier = Some(format!("{CANARY}1,2"));
    request
}

/// The upgrade of a client on another machine, behind a trusted proxy.
fn from_elsewhere(running: &Running) -> Upgrade {
    Upgrade { headers: vec![("X-Forwarded-For".to_owned(), ADDRESS.to_owned())], ..running.upgrade() }
}

/// Connects from this machine or through the proxy.
async fn connect(running: &Running, upgrade: &Upgrade, request: &ConnectRequest) -> Result<Connection, String> {
    open(|| running.link(None).unwrap(), upgrade, request, running.now()).await
}

/// The pending requests of the gateway.
async fn pending(admin: &mut Connection) -> Vec<Value> {
    let list = call(admin, "device.pair.list", json!({})).await.unwrap();
    list["pending"].as_array().unwrap().clone()
}

/// Pairs devices, revokes a token, and leaves requests. Returns the connection of the administrator.
async fn filled(running: &Running, release: &str) -> Connection {
    let here = running.upgrade();
    let there = from_elsewhere(running);
    let mut admin = connect(running, &here, &request(release, "cli", &EVERY_SCOPE, None)).await.unwrap();
    connect(running, &here, &request(release, "tui", READ, None)).await.unwrap().abort();
    for (name, scopes) in [("iphone", &[][..]), ("mac", READ)] {
        let asks = request(release, name, scopes, None);
        let refused = connect(running, &there, &asks).await.err().unwrap();
        assert!(refused.contains("NOT_PAIRED"), "{release} {name}: {refused}");
        let id = asks.device.as_ref().unwrap().key.device_id();
        let ours = pending(&mut admin).await.into_iter().find(|request| request["deviceId"] == json!(id)).unwrap();
        call(&mut admin, "device.pair.approve", json!({ "requestId": ours["requestId"] })).await.unwrap();
        connect(running, &there, &asks).await.unwrap().abort();
    }
    let mac = DeviceKey::from_name("mac").device_id();
    call(&mut admin, "device.token.revoke", json!({ "deviceId": mac, "role": "operator" })).await.unwrap();
    for (name, scopes) in [("tui", &EVERY_SCOPE[..]), ("android", &["operator.read", "operator.write"])] {
        let refused = connect(running, &there, &request(release, name, scopes, None)).await.err().unwrap();
        assert!(refused.contains("NOT_PAIRED"), "{release} {name}: {refused}");
    }
    assert_eq!(pending(&mut admin).await.len(), 2, "{release}");
    admin
}

/// The device documents of a stopped gateway.
fn documents(state: &Path, release: &str) -> BTreeMap<&'static str, Value> {
    let is_database = facts(release).pairing.format == StoreFormat::Sqlite;
    let mut database = is_database.then(|| SqliteDocuments::new(state, true));
    let mut read = |document: Document| match &mut database {
        Some(database) => database.read(document).map(|value| (*value).clone()),
        None => serde_json::from_slice(&std::fs::read(state.join(document.path())).ok()?).ok(),
    };
    [Document::DevicesPaired, Document::DevicesPending, Document::NodesPaired, Document::NodesPending]
        .into_iter()
        .filter_map(|document| Some((document.path(), read(document)?)))
        .collect()
}

/// The values of these documents that identify a device or its owner.
fn private(value: &Value, found: &mut Vec<String>) {
    const FIELDS: [&str; 7] =
        ["deviceId", "nodeId", "publicKey", "requestId", "token", "displayName", "modelIdentifier"];
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str() {
                    Some(text) if FIELDS.contains(&name.as_str()) => found.push(text.to_owned()),
                    _ => private(member, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| private(item, found)),
        _ => {}
    }
}

/// Captures the directory of a running gateway. The gateway can write to it in between, so there are several attempts.
fn captured(test_folder: &TestFolder, release: &str) -> String {
    let before_and_after = |number: usize| {
        let folder = format!("captured-{number}");
        let files = || {
            let mut files = tree(&test_folder.path("state"));
            // A reader of a database marks its position in `-shm`. A started gateway unpacks its pages into `cache`.
            files.retain(|path, _| !path.ends_with("-shm") && !path.contains("/state/cache/"));
            files
        };
        let before = files();
        let captured = test_folder.clawcheck(&["capture", "state", "-o", &folder, "--release", release]);
        assert_eq!(captured.code, Some(0), "{release}: {}{}", captured.out, captured.err);
        let after = files();
        let paths = before.keys().chain(after.keys()).collect::<BTreeSet<_>>();
        let changed = paths.into_iter().filter(|path| before.get(*path) != after.get(*path)).cloned();
        let changed = changed.collect::<Vec<_>>();
        (changed, captured.out + &captured.err, folder)
    };
    let mut changed = Vec::new();
    for number in 0..5 {
        let (files, output, folder) = before_and_after(number);
        if files.is_empty() {
            let written = std::fs::read_to_string(test_folder.path(&folder).join("captured.yaml")).unwrap();
            std::fs::rename(test_folder.path(&folder), test_folder.path("captured")).unwrap();
            std::fs::write(test_folder.path("said"), output).unwrap();
            return written;
        }
        changed = files;
    }
    panic!("{release}: `capture` changes {changed:?}")
}

/// The token of a device in the documents, for a role.
fn token(documents: &BTreeMap<&str, Value>, name: &str, role: &str) -> Option<String> {
    let record = &documents[Document::DevicesPaired.path()][DeviceKey::from_name(name).device_id()];
    record["tokens"][role]["token"].as_str().map(str::to_owned)
}

/// Checks that the device tokens are symbols. The answers do not show it: a step with an invented text as its token gets the
/// same answer, because clawcheck sends the token of the stored record.
fn names_tokens(text: &str, release: &str, documents: &BTreeMap<&str, Value>) {
    let tokens = DEVICES.iter().filter(|(name, _, _, role, _)| token(documents, name, role).is_some());
    let symbols = tokens.map(|(name, _, _, role, _)| format!("<seeded-token {name} {role}>")).collect::<Vec<_>>();
    assert!(symbols.len() > 2, "{release}: {symbols:?}");
    for symbol in symbols {
        assert!(text.contains(&symbol), "{release}: {symbol}\n{text}");
    }
}

/// Plays a step of the captured scenario with the original device. Returns the answer of the real release as an expectation.
async fn original(
    running: &Running,
    release: &str,
    step: &Map<String, Value>,
    documents: &BTreeMap<&str, Value>,
) -> Value {
    let name = step["device"].as_str().unwrap();
    let texts = |value: &Value| {
        value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut asks = request(release, "cli", &[], None);
    let facts = facts(release);
    let role = step["role"].as_str().unwrap().to_owned();
    asks.device = Some(device(&facts, name));
    asks.scopes = Some(texts(&step["scopes"]));
    let client = |field: &str, default: &str| match step.get("client").and_then(|client| client.get(field)) {
        Some(value) => value.as_str().unwrap().to_owned(),
        None => default.to_owned(),
    };
    asks.client.id = client("id", "cli");
    asks.client.mode = client("mode", "cli");
    asks.client.platform = client("platform", "linux");
    match step.get("auth") {
        None => {}
        Some(auth) if auth["device-token"] == "last" => {
            let token = token(documents, name, &role);
            assert!(token.is_some(), "{release}: {name} has no token for {role}");
            asks.auth = as_sent(&facts, Auth { device_token: token, ..Auth::default() });
        }
        Some(auth) if *auth == json!("none") => asks.auth = Auth::default(),
        Some(auth) => panic!("{release}: {auth}"),
    }
    asks.role = Some(role);
    let recorder = clawcheck::internal::Transcript::new().recorder("original");
    let mut connection =
        Connection::open(running.link(None).unwrap(), &running.upgrade(), recorder, within(20)).await.unwrap();
    let clawcheck::internal::Incoming::Text(frame) = connection.next(within(20)).await else {
        panic!("{release}: no challenge")
    };
    let challenge = clawcheck::internal::Challenge::from_payload(&frame.json.as_ref().unwrap()["payload"]);
    let answer = call(&mut connection, "connect", asks.params(&challenge, running.now())).await;
    connection.abort();
    match answer {
        Ok(hello) => {
            let mut scopes = texts(&hello["auth"]["scopes"]);
            scopes.sort();
            json!({ "hello": { "role": hello["auth"]["role"], "scopes": scopes } })
        }
        Err(error) => {
            let error: Value = serde_json::from_str(&error).unwrap();
            let mut refused = json!({ "code": error["code"] });
            for (name, field) in [("detail", "code"), ("reason", "reason")] {
                if let Some(text) = error["details"].get(field) {
                    refused[name] = text.clone();
                }
            }
            json!({ "refused": refused })
        }
    }
}

/// The expectation of a step, without the close code.
fn expected(step: &Value) -> Value {
    let mut expected = step["expect"].clone();
    if let Some(refused) = expected.get_mut("refused").and_then(Value::as_object_mut) {
        refused.remove("close");
    }
    if let Some(scopes) = expected.pointer_mut("/hello/scopes").and_then(Value::as_array_mut) {
        scopes.sort_by_key(ToString::to_string);
    }
    expected
}

/// Copies a folder.
fn copy(from: &Path, to: &Path) {
    let status = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(status.success());
}

/// Checks that the scenario and the output contain nothing of the original.
fn contains_nothing_private(test_folder: &TestFolder, release: &str, documents: &BTreeMap<&str, Value>) {
    let mut secrets = vec!["4fj29sKq81".to_owned(), ADDRESS.to_owned(), "BEGIN PRIVATE KEY".to_owned()];
    documents.values().for_each(|document| private(document, &mut secrets));
    assert!(secrets.len() > 20, "{release}: {secrets:?}");
    let mut written = std::fs::read_to_string(test_folder.path("said")).unwrap();
    for (path, bytes) in tree(&test_folder.path("captured")) {
        written.push_str(&path);
        written.push_str(&String::from_utf8(bytes).unwrap());
    }
    let written = written.to_lowercase();
    for secret in secrets {
        assert!(!written.contains(&secret.to_lowercase()), "{release}: {secret}\n{written}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs real gateways: CLAWCHECK_LIVE"]
async fn captured_scenario_has_answers_of_running_gateway() {
    for release in reached() {
        let test_folder = TestFolder::new(SCENARIO);
        std::fs::remove_dir_all(test_folder.path("snapshots")).unwrap();
        let state = test_folder.path("state");
        std::fs::create_dir(&state).unwrap();
        std::fs::write(state.join("openclaw.json"), config().to_string()).unwrap();
        let startable = StartableGateway::new(&format!("openclaw@{release}"), &release, Operator::Client).await;
        let sandbox = startable.sandbox();
        let mut running = startable.start(&sandbox, &state).await.unwrap();
        let mut admin = filled(&running, &release).await;
        let before = pending(&mut admin).await;
        let text = captured(&test_folder, &release);
        assert_eq!(pending(&mut admin).await, before, "{release}: the gateway still answers");
        connect(&running, &running.upgrade(), &request(&release, "cli", &EVERY_SCOPE, None)).await.unwrap().abort();
        admin.abort();
        running.stop(within(20)).await.unwrap();

        copy(&state, &test_folder.path("copy"));
        let documents = documents(&state, &release);
        contains_nothing_private(&test_folder, &release, &documents);
        names_tokens(&text, &release, &documents);
        let scenario: Value = serde_saphyr::from_str(&text).unwrap();
        let steps = scenario["steps"].as_array().unwrap();
        let mut running = startable.start(&sandbox, &test_folder.path("copy")).await.unwrap();
        let mut answers = Vec::new();
        for step in steps {
            let answer = original(&running, &release, step["connect"].as_object().unwrap(), &documents).await;
            assert_eq!(answer, expected(step), "{release}: {step}\n{text}");
            answers.push(answer);
        }
        running.stop(within(20)).await.unwrap();
        let admitted = answers.iter().filter(|answer| answer.get("hello").is_some()).count();
        println!("{release}: {} connects of the original devices, {admitted} let in", steps.len());
        assert!(admitted > 2 && answers.len() - admitted > 1, "{release}: {answers:?}");
        for name in DEVICES.map(|device| device.0) {
            assert!(steps.iter().any(|step| step["connect"]["device"] == name), "{release}: {name}\n{text}");
        }
        for gateway in [format!("embedded@{release}"), format!("openclaw@{release}")] {
            let played = test_folder.clawcheck(&["run", "captured", "--gateway", &gateway]);
            assert_eq!(played.code, Some(0), "{gateway}: {}{}\n{text}", played.out, played.err);
        }
    }
}
