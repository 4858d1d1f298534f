//! `clawcheck capture`: the scenario conforms on the release that it names, and contains nothing of the original.

use crate::harness::{ProgramOutput, SCENARIO, TestFolder, ended};
use crate::lockout::state_dir::{PEM, put, record, state, tree};
use openclaw_emulator::store::SqliteDocuments;
use openclaw_model::Facts;
use openclaw_model::handshake::secret_generation;
use openclaw_protocol::identity::DeviceKey;
use openclaw_protocol::store::{Document, Documents as _, StoreFormat};
use rstest::rstest;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

fn clawcheck(test_folder: &TestFolder, arguments: &[&str]) -> ProgramOutput {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("clawcheck"));
    command.args(arguments).current_dir(test_folder.path(""));
    command.env_clear().env("HOME", test_folder.path("home")).env("TMPDIR", test_folder.path("tmp"));
    ended(command)
}

/// All bytes of a folder.
fn contents(folder: &Path) -> String {
    tree(folder).values().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
}

/// Moves the documents of the state directory to a database, as a release with a database does at its start.
fn into_database(test_folder: &TestFolder) -> SqliteDocuments {
    let directory = test_folder.path("state");
    let mut database = SqliteDocuments::new(&directory, true);
    for document in Document::ALL {
        let Ok(bytes) = fs::read(directory.join(document.path())) else { continue };
        let mut records: Value = serde_json::from_slice(&bytes).unwrap();
        for (_, record) in records.as_object_mut().unwrap() {
            for time in ["ts", "issuedAtMs"].iter().filter(|_| document == Document::DevicesBootstrap) {
                record.as_object_mut().unwrap().entry(*time).or_insert(json!(1_790_000_000_000_i64));
            }
        }
        database.write(&[(document, &Arc::new(records))]).unwrap();
        fs::remove_file(directory.join(document.path())).unwrap();
    }
    database
}

/// A state directory with devices, a pending request and a node.
fn filled(test_folder: &TestFolder) {
    let (own, phone) = state(test_folder);
    let request = json!({"9f0c1d2e-0000-4000-8000-00000000aaaa": {
        "requestId": "9f0c1d2e-0000-4000-8000-00000000aaaa", "deviceId": own.device_id(), "publicKey": own.public_key(),
        "displayName": "Canary-4fj29sKq81 laptop", "platform": "linux", "clientId": "cli", "clientMode": "cli",
        "role": "operator", "roles": ["operator"], "scopes": ["operator.admin"], "remoteIp": "198.51.100.77", "ts": 1,
    }});
    put(test_folder, "devices/pending.json", &request.to_string());
    let node = json!({phone.device_id(): {
        "nodeId": phone.device_id(), "token": "Canary-4fj29sKq81-node", "displayName": "Canary-4fj29sKq81", "caps": ["camera"],
        "commands": ["camera.snap", "Canary-4fj29sKq81"], "permissions": {"Canary-4fj29sKq81": true}, "platform": "ios",
    }});
    put(test_folder, "nodes/paired.json", &node.to_string());
    fs::remove_dir_all(test_folder.path("snapshots")).unwrap();
    fs::write(test_folder.path("state/Canary-4fj29sKq81.txt"), "Canary-4fj29sKq81").unwrap();
}

/// Setup codes that are still valid, and a token of a browser that is bound to the current or to an earlier secret.
#[rstest]
#[case::files("2026.4.2", true)]
#[case::current_secret("2026.9.6", true)]
#[case::earlier_secret("2026.9.6", false)]
fn captured_codes_and_bindings_decide(#[case] release: &str, #[case] is_current: bool) {
    let test_folder = TestFolder::new(SCENARIO);
    let (_, phone) = state(&test_folder);
    let path = test_folder.path("state/devices/paired.json");
    let mut paired: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let mut page = record(&phone, "page", &["operator"], &["operator.read"]);
    for (name, value) in [("clientId", "openclaw-control-ui"), ("clientMode", "webchat")] {
        page[name] = json!(value);
    }
    let secret = if is_current { "Canary-4fj29sKq81-shared" } else { "an earlier secret" };
    let generation = secret_generation("token", secret);
    page["tokens"]["operator"]["issuer"] = json!({ "kind": "shared-gateway-auth", "generation": generation });
    paired[phone.device_id()] = page;
    put(&test_folder, "devices/paired.json", &paired.to_string());
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let facts = Facts::of(release.parse().unwrap()).unwrap();
    let profile = json!({ "roles": facts.seed.setup_code_roles, "scopes": facts.seed.setup_code_scopes });
    let code = json!({ "token": "Canary-4fj29sKq81-code", "ts": now, "issuedAtMs": now, "profile": profile });
    let scopes = [
        "operator.admin",
        "operator.approvals",
        "operator.pairing",
        "operator.questions",
        "operator.read",
        "operator.talk.secrets",
        "operator.write",
    ];
    let mut of_page = code.clone();
    of_page["token"] = json!("Canary-4fj29sKq81-page");
    of_page["profile"] = json!({ "roles": ["operator"], "scopes": scopes, "purpose": "control-ui-owner" });
    // A device has used this code, so that no other device can use it.
    let (used_by, mut used) = (DeviceKey::from_name("used"), code.clone());
    used["token"] = json!("Canary-4fj29sKq81-used");
    (used["deviceId"], used["publicKey"]) = (json!(used_by.device_id()), json!(used_by.public_key()));
    let codes = json!({
        "Canary-4fj29sKq81-code": code, "Canary-4fj29sKq81-page": of_page, "Canary-4fj29sKq81-used": used
    });
    put(&test_folder, "devices/bootstrap.json", &codes.to_string());
    let held = (facts.pairing.format == StoreFormat::Sqlite).then(|| into_database(&test_folder));
    fs::remove_dir_all(test_folder.path("snapshots")).unwrap();
    let captured = clawcheck(&test_folder, &["capture", "state", "-o", "mine/captured", "--release", release]);
    assert_eq!(captured.code, Some(0), "{}{}", captured.out, captured.err);
    drop(held);
    let scenario = fs::read_to_string(test_folder.path("mine/captured/captured.yaml")).unwrap();
    assert!(!scenario.contains("4fj29sKq81"), "{scenario}");
    assert_eq!(scenario.contains("<generation token shared>"), is_current, "{scenario}");
    let step = |device: &str| {
        let found = scenario.split_once(&format!("connect:\n      device: {device}\n"));
        let (_, step) = found.unwrap_or_else(|| panic!("{scenario}"));
        step.split("- connect:").next().unwrap()
    };
    for device in ["iphone", "iphone-2"] {
        assert!(step(device).contains("bootstrap-token") && step(device).contains("hello"), "{scenario}");
    }
    assert!(scenario.contains("<public-key iphone-2>"), "{scenario}");
    // The code of the owner's page lets in only a client with exactly its scopes.
    assert!(release == "2026.4.2" || step("browser-2").contains("hello"), "{scenario}");
    let is_stale = release == "2026.9.6" && !is_current;
    assert_eq!(step("browser").contains("AUTH_DEVICE_TOKEN_MISMATCH"), is_stale, "{scenario}");
    let ran = clawcheck(&test_folder, &["run", "mine/captured", "--gateway", &format!("embedded@{release}")]);
    assert_eq!(ran.code, Some(0), "{}{scenario}", ran.out);
}

#[rstest]
#[case::files("2026.3.31", false)]
#[case::files_of_a_later_release("2026.4.2", false)]
#[case::files_that_are_imported("2026.9.6", false)]
#[case::database("2026.9.6", true)]
fn captured_scenario_has_same_answers(#[case] release: &str, #[case] database: bool) {
    let test_folder = TestFolder::new(SCENARIO);
    filled(&test_folder);
    let held = database.then(|| into_database(&test_folder));
    let before = tree(&test_folder.path("state"));
    let captured = clawcheck(&test_folder, &["capture", "state", "-o", "mine/captured", "--release", release]);
    assert_eq!(captured.code, Some(0), "{}{}", captured.out, captured.err);
    assert!(captured.out.contains("2 devices, 5 connects"), "{}", captured.out);
    let after = tree(&test_folder.path("state"));
    let changed = |path: &&String| before.get(*path) != after.get(*path) && !path.ends_with("-shm");
    assert_eq!(after.keys().filter(changed).collect::<Vec<_>>(), Vec::<&String>::new(), "the files keep their bytes");
    drop(held);
    let linted = clawcheck(&test_folder, &["lint", "mine/captured"]);
    assert_eq!(linted.code, Some(0), "{}{}", linted.out, linted.err);
    let gateway = format!("embedded@{release}");
    let ran = clawcheck(&test_folder, &["run", "mine/captured", "--gateway", &gateway]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    // The usual client of each device is the one whose answer `explain` computes.
    let text = fs::read_to_string(test_folder.path("mine/captured/captured.yaml")).unwrap();
    for (device, what) in [("server", "cli"), ("Phone", "iphone")] {
        let id = if device == "server" { vec![] } else { vec!["--device", "Phone \u{1b}[31m"] };
        let arguments = [&["explain", "state", "--release", release, "--format", "json"], id.as_slice()].concat();
        let found: Value = serde_json::from_str(&clawcheck(&test_folder, &arguments).out).unwrap();
        let expected = match found["let_in"] == true || found["answer"].as_str().unwrap().starts_with("let in") {
            true => "hello: ",
            false => "refused: ",
        };
        let step = text.split("\n  - connect:").skip(1).filter(|step| step.contains(&format!("device: {what}")));
        assert!(step.clone().any(|step| step.contains(expected)), "{device}: {expected}\n{text}");
    }
}

/// A connect can pair a device or leave a request, and the next connect of the device then gets another answer.
#[rstest]
#[case("2026.3.31")]
#[case("2026.4.2")]
#[case("2026.9.6")]
fn expectations_follow_earlier_steps(#[case] release: &str) {
    let test_folder = TestFolder::new(SCENARIO);
    let (own, _) = state(&test_folder);
    let text = fs::read(test_folder.path("state/devices/paired.json")).unwrap();
    let mut paired: Value = serde_json::from_slice(&text).unwrap();
    let record = &mut paired[own.device_id()];
    (record["role"], record["roles"]) = (json!("node"), json!(["node"]));
    record.as_object_mut().unwrap().remove("tokens");
    put(&test_folder, "devices/paired.json", &paired.to_string());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let request = json!({ "9f0c1d2e-0000-4000-8000-00000000aaaa": {
        "requestId": "9f0c1d2e-0000-4000-8000-00000000aaaa", "deviceId": own.device_id(), "publicKey": own.public_key(),
        "platform": "linux", "clientId": "cli", "clientMode": "cli", "role": "operator", "roles": ["operator"],
        "scopes": ["operator.admin"], "remoteIp": "198.51.100.77", "ts": now,
    } });
    put(&test_folder, "devices/pending.json", &request.to_string());
    fs::remove_dir_all(test_folder.path("snapshots")).unwrap();
    let captured = clawcheck(&test_folder, &["capture", "state", "-o", "mine/captured", "--release", release]);
    assert_eq!(captured.code, Some(0), "{}{}", captured.out, captured.err);
    let gateway = format!("embedded@{release}");
    let ran = clawcheck(&test_folder, &["run", "mine/captured", "--gateway", &gateway]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
}

/// Replaces one text or key of a document.
fn with_canary(value: &Value, at: &mut usize, canary: &str) -> Value {
    let mut hit = || {
        let hit = *at == 0;
        *at = at.wrapping_sub(1);
        hit
    };
    match value {
        Value::String(_) if hit() => json!(canary),
        Value::Array(items) => items.iter().map(|item| with_canary(item, at, canary)).collect(),
        Value::Object(members) => {
            let mut changed = serde_json::Map::new();
            for (name, member) in members {
                let hit = *at == 0;
                *at = at.wrapping_sub(1);
                let name = if hit { canary } else { name };
                changed.insert(name.to_owned(), with_canary(member, at, canary));
            }
            Value::Object(changed)
        }
        other => other.clone(),
    }
}

/// A canary in every text and in every key, one after the other, appears nowhere.
#[rstest]
#[case::paired("devices/paired.json", false)]
#[case::pending("devices/pending.json", false)]
#[case::bootstrap("devices/bootstrap.json", false)]
#[case::nodes("nodes/paired.json", false)]
#[case::configuration("openclaw.json", false)]
#[case::identity("identity/device.json", false)]
#[case::database("devices/paired.json", true)]
fn captured_scenario_contains_no_original_values(#[case] path: &str, #[case] database: bool) {
    let test_folder = TestFolder::new(SCENARIO);
    filled(&test_folder);
    let original: Value = serde_json::from_slice(&fs::read(test_folder.path("state").join(path)).unwrap()).unwrap();
    let canary = "Canary4fj29sKq81";
    for number in 0..200 {
        let mut at = number;
        let changed = with_canary(&original, &mut at, canary);
        if changed == original {
            assert!(number > 2, "{path} has texts");
            break;
        }
        put(&test_folder, path, &changed.to_string());
        if database {
            // Not every record fits into a row.
            let mut rows = SqliteDocuments::new(&test_folder.path("state"), true);
            if rows.write(&[(Document::DevicesPaired, &Arc::new(changed.clone()))]).is_err() {
                continue;
            }
        }
        let folder = format!("captured-{number}");
        let captured = clawcheck(&test_folder, &["capture", "state", "-o", &folder]);
        let wrong_release = captured.code == Some(2) && path == "openclaw.json";
        assert!(captured.code == Some(0) || wrong_release, "{changed:#}\n{}{}", captured.out, captured.err);
        let written = if wrong_release { String::new() } else { contents(&test_folder.path(&folder)) };
        let all = format!("{}{}{written}", captured.out, captured.err);
        for secret in ["4fj29sKq81", "198.51.100.77", "9f0c1d2e", "MC4CAQAwBQYDK2Vw", "Phone \u{1b}", "server"] {
            assert!(!all.contains(secret), "{secret}\n{changed:#}\n{all}");
        }
        if !wrong_release {
            let linted = clawcheck(&test_folder, &["lint", &folder]);
            assert_eq!(linted.code, Some(0), "{changed:#}\n{}{}\n{written}", linted.out, linted.err);
        }
    }
    assert!(PEM.contains("MC4CAQAwBQYDK2Vw"));
}

#[rstest]
#[case::no_json("devices/paired.json", "{\"a\":")]
#[case::empty("devices/pending.json", "")]
#[case::list("devices/paired.json", "[1, null, \"Canary-4fj29sKq81\"]")]
#[case::odd_records(
    "devices/paired.json",
    "{\"a\": null, \"b\": 7, \"c\": {\"tokens\": 3, \"scopes\": {}, \"role\": []}}"
)]
#[case::no_database("state/openclaw.sqlite", "SQLite format 3\0, or so it says")]
fn captures_damaged_file(#[case] path: &str, #[case] text: &str) {
    let test_folder = TestFolder::new(SCENARIO);
    filled(&test_folder);
    put(&test_folder, path, text);
    for release in ["2026.3.31", "2026.9.6"] {
        let folder = format!("captured-{release}");
        let captured = clawcheck(&test_folder, &["capture", "state", "-o", &folder, "--release", release]);
        assert_eq!(captured.code, Some(0), "{}{}", captured.out, captured.err);
        let ran = clawcheck(&test_folder, &["run", &folder, "--gateway", &format!("embedded@{release}")]);
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    }
}

#[test]
fn rejects_non_empty_folder() {
    let test_folder = TestFolder::new(SCENARIO);
    filled(&test_folder);
    let refused = |arguments: &[&str], says: &str| {
        let ended = clawcheck(&test_folder, &[&["capture"], arguments].concat());
        assert_eq!(ended.code, Some(2), "{arguments:?} {}{}", ended.out, ended.err);
        assert!(ended.err.contains(says), "{arguments:?} {}", ended.err);
    };
    let before = tree(&test_folder.path(""));
    refused(&["nowhere", "-o", "out"], "the state directory nowhere does not exist");
    refused(&["scenarios", "-o", "out"], "is not a state directory");
    refused(&["state", "-o", "scenarios"], "the folder scenarios is not empty");
    refused(&["state", "-o", "state/captured"], "is inside the state directory");
    refused(&["state", "-o", "state/new/captured"], "is inside the state directory");
    refused(&["state", "-o", "out", "--config", "nowhere.json"], "the configuration nowhere.json does not exist");
    refused(&["state", "-o", "out", "--release", "2025.1.1"], "2025.1.1");
    fs::write(test_folder.path("broken.json"), "{ gateway: { auth: { token: 'Canary-4fj29sKq81' ").unwrap();
    refused(&["state", "-o", "out", "--config", "broken.json"], "invalid JSON5");
    fs::remove_file(test_folder.path("broken.json")).unwrap();
    assert_eq!(tree(&test_folder.path("")), before);
    fs::create_dir(test_folder.path("locked")).unwrap();
    fs::set_permissions(test_folder.path("locked"), fs::Permissions::from_mode(0o500)).unwrap();
    if !nix::unistd::geteuid().is_root() {
        let ended = clawcheck(&test_folder, &["capture", "state", "-o", "locked/out"]);
        assert!(ended.code == Some(2) && ended.err.contains("cannot write"), "{}", ended.err);
    }
    fs::set_permissions(test_folder.path("locked"), fs::Permissions::from_mode(0o700)).unwrap();
}

/// The connects of a case on a copy of a state directory, with a key for each of its devices.
#[rstest]
#[case::files("2026.4.2", false)]
#[case::database("2026.9.6", true)]
fn plays_copy_of_state_directory(#[case] release: &str, #[case] database: bool) {
    let test_folder = TestFolder::new(
        "scenario: My devices\ngateway: { bind: lan }\nstore: { paired: { phone: {} } }\nsteps:\n\
         \x20 - connect: { device: phone, role: node, client: { id: openclaw-ios, mode: node, platform: ios, device-family: iPhone }, auth: { device-token: seeded } }\n\
         \x20   expect: { hello: { role: node } }\n\
         \x20 - connect: { device: cli, role: operator, scopes: [operator.read] }\n\
         \x20   expect: { hello: { role: operator } }\n\
         \x20 - connect: { device: cli, role: operator, scopes: [operator.read], auth: { token: wrong } }\n\
         \x20   expect: refused\n",
    );
    filled(&test_folder);
    let held = database.then(|| into_database(&test_folder));
    let before = tree(&test_folder.path("state"));
    let gateway = format!("embedded@{release}");
    let arguments =
        ["run", "scenarios", "--gateway", &gateway, "--state-dir", "state", "--device", "phone=Phone \u{1b}[31m"];
    let ran = clawcheck(&test_folder, &arguments);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(
        ran.err.contains("the cases play on a copy of state and the settings of state/openclaw.json"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("devices of the copy: cli (") && ran.err.contains("phone ("), "{}", ran.err);
    assert!(!format!("{}{}", ran.out, ran.err).contains("4fj29sKq81"), "{}{}", ran.out, ran.err);
    let after = tree(&test_folder.path("state"));
    let changed = after.keys().filter(|path| before.get(*path) != after.get(*path) && !path.ends_with("-shm"));
    assert_eq!(changed.collect::<Vec<_>>(), Vec::<&String>::new());
    drop(held);
    let named = &arguments[6..];
    let compare = ["compare", &gateway, "embedded@2026.3.31", "--scenarios", "scenarios", "--state-dir", "state"];
    let compared = clawcheck(&test_folder, &[&compare[..], named].concat());
    assert!(
        matches!(compared.code, Some(0 | 1)) && compared.err.contains("a copy of state"),
        "{}{}",
        compared.out,
        compared.err
    );
}

#[test]
fn config_option_replaces_settings() {
    let scenario = "scenario: Title\ngateway: { auth: { mode: none } }\nsteps:\n\
        \x20 - connect: { device: me, role: operator, scopes: [operator.read], auth: none }\n\
        \x20   expect: { refused: { detail: AUTH_TOKEN_MISSING } }\n";
    let test_folder = TestFolder::new(scenario);
    state(&test_folder);
    let arguments = ["run", "scenarios", "--gateway", "embedded@2026.4.2", "--config", "state/openclaw.json"];
    let ran = clawcheck(&test_folder, &arguments);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert_eq!(clawcheck(&test_folder, &arguments[..4]).code, Some(1));
    let beside = scenario.replace("gateway: { auth: { mode: none } }", "gateway: { from: openclaw.json }");
    let put = |path: &str, text: &str| fs::write(test_folder.path("scenarios/family").join(path), text).unwrap();
    put("case.yaml", &beside);
    put("openclaw.json", "{ gateway: { mode: 'local', auth: { mode: 'token', token: 'Canary-4fj29sKq81' } } }");
    fs::remove_dir_all(test_folder.path("snapshots")).unwrap();
    let ran = clawcheck(&test_folder, &[&arguments[..4], &["--trace"]].concat());
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(!format!("{}{}", ran.out, ran.err).contains("4fj29sKq81"), "{}{}", ran.out, ran.err);
    put("openclaw.json", "{\n  \"plugins\": {\"x\": \"Canary-4fj29sKq81\"}\n}");
    let linted = clawcheck(&test_folder, &["lint", "scenarios"]);
    assert_eq!(linted.code, Some(2), "{}{}", linted.out, linted.err);
    let says = format!("{}{}", linted.out, linted.err);
    assert!(says.contains("openclaw.json:2:3") && says.contains("--trust") && !says.contains("4fj29sKq81"), "{says}");
}

#[test]
fn rejects_unusable_state_directory() {
    let test_folder = TestFolder::new(SCENARIO);
    filled(&test_folder);
    for (arguments, says) in [
        (["--state-dir", "nowhere"], "the state directory nowhere does not exist"),
        (["--state-dir", "scenarios"], "is not a state directory"),
        (["--config", "nowhere.json"], "the configuration nowhere.json does not exist"),
        (["--device", "laptop=phone"], "--device names a device of --state-dir"),
        (["--device", "My Laptop=phone"], "`My Laptop` is not a name"),
        (["--device", "laptop"], "expected NAME=DEVICE"),
    ] {
        let ran = clawcheck(&test_folder, &[&["run", "scenarios"], &arguments[..]].concat());
        assert_eq!(ran.code, Some(2), "{arguments:?} {}{}", ran.out, ran.err);
        assert!(ran.err.contains(says), "{arguments:?} {}", ran.err);
    }
    let ran = clawcheck(&test_folder, &["run", "scenarios", "--state-dir", "state", "--device", "laptop=nobody"]);
    assert!(ran.code == Some(2) && ran.err.contains("no device is named `nobody`"), "{}", ran.err);
    assert!(ran.err.contains("pass --device laptop=DEVICE, where DEVICE is"), "{}", ran.err);
    let ran = clawcheck(&test_folder, &["run", "scenarios", "--state-dir", "state", "--device", "nobody=server"]);
    assert!(ran.code == Some(2) && ran.err.contains("no case connects a device `nobody`"), "{}", ran.err);
    assert!(ran.err.contains("the cases connect `laptop`"), "{}", ran.err);
    // The device of the case would be unknown, and the verdict would not depend on the copy.
    let ran = clawcheck(&test_folder, &["run", "scenarios", "--state-dir", "state"]);
    assert!(ran.code == Some(2) && ran.err.contains("the cases need records of their own stores"), "{}", ran.err);
    assert!(ran.err.contains("pass --device laptop=DEVICE, where DEVICE is one of 0d9cb1aa7d93"), "{}", ran.err);
    let twice = ["run", "scenarios", "--state-dir", "state", "--device", "laptop=server", "--device", "admin=server"];
    let ran = clawcheck(&test_folder, &twice);
    assert!(ran.code == Some(2) && ran.err.contains("already has the name `laptop`"), "{}", ran.err);
    let ran =
        clawcheck(&test_folder, &["compare", "embedded", "embedded", "--state-dir", "state", "--device", "a=none"]);
    assert!(ran.code == Some(2) && ran.err.contains("`none` is not a device of the state directory"), "{}", ran.err);
}

/// Without devices, a new device connects.
#[rstest]
#[case::truncated("2026.3.31", "{\"x")]
#[case::truncated_import("2026.9.6", "{\"x")]
#[case::list("2026.4.2", "[]")]
fn captures_store_without_records(#[case] release: &str, #[case] text: &str) {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    fs::remove_dir_all(test_folder.path("state/identity")).unwrap();
    fs::remove_dir_all(test_folder.path("snapshots")).unwrap();
    put(&test_folder, "devices/paired.json", text);
    let captured =
        clawcheck(&test_folder, &["capture", "--state-dir", "state", "-o", "mine/captured", "--release", release]);
    assert_eq!(captured.code, Some(0), "{}{}", captured.out, captured.err);
    let next = captured.out.lines().find(|line| line.contains("--gateway embedded")).unwrap().trim();
    let ran = clawcheck(&test_folder, &next.split(' ').skip(1).collect::<Vec<_>>());
    assert!(ran.code == Some(0) && ran.out.contains("1 conforms"), "{}{}", ran.out, ran.err);
}

#[test]
fn skips_cases_that_do_not_test_copy() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    fs::remove_dir_all(test_folder.path("snapshots")).unwrap();
    let write = |name: &str, text: &str| {
        fs::write(test_folder.path("scenarios/family").join(name), format!("scenario: Title\n{text}")).unwrap();
    };
    let connect = |device: &str, expect: &str| {
        format!("steps:\n  - connect: {{ device: {device}, role: operator, scopes: [operator.read] }}\n{expect}")
    };
    let hello = "    expect: hello\n";
    write("case.yaml", &connect("cli", hello));
    write("own-record.yaml", &format!("store: {{ paired: {{ laptop: {{}} }} }}\n{}", connect("laptop", hello)));
    write("new-device.yaml", &connect("stranger", hello));
    write("no-expectation.yaml", &connect("cli", ""));
    write("nobody.yaml", &connect("none", hello));
    let arguments = ["run", "scenarios", "--gateway", "embedded@2026.4.2", "--state-dir", "state"];
    let ran = clawcheck(&test_folder, &arguments);
    assert!(ran.code == Some(0) && ran.out.contains("1 case: 1 conforms"), "{}{}", ran.out, ran.err);
    for line in [
        "family/own-record is not played: the copy has no device `laptop`; pass --device laptop=DEVICE",
        "2 cases are not played: no step connects a device of the copy (for example family/new-device)",
        "family/no-expectation is not played: no step has an `expect`, and the snapshots are those of another store",
    ] {
        assert!(ran.err.contains(line), "{}", ran.err);
    }
    // The expectation would be met because the copy does not have the token.
    write(
        "own-setup-code.yaml",
        "store: { bootstrap: { setup: { roles: [node] } } }\nsteps:\n  - connect: { device: cli, role: node, \
         auth: { bootstrap-token: { seeded: setup } } }\n    expect: refused\n",
    );
    let own_secret = clawcheck(&test_folder, &[&arguments[..], &["--filter", "family/own-setup-code"]].concat());
    let says = "no case fits the copy: the store has no bootstrap token `setup`";
    assert!(own_secret.code == Some(2) && own_secret.err.contains(says), "{}{}", own_secret.out, own_secret.err);
    let alone = clawcheck(&test_folder, &[&arguments[..], &["--filter", "family/own-record"]].concat());
    let says = "--device laptop=DEVICE, where DEVICE is one of 0d9cb1aa7d93";
    assert!(alone.code == Some(2) && alone.err.contains(says), "{}", alone.err);
    // A case without devices tests the settings, but not the store.
    let built_in = ["run", "handshake/first-frame", "--gateway", "embedded"];
    let ran = clawcheck(&test_folder, &[&built_in[..], &["--state-dir", "state"]].concat());
    let says = "pass --config FILE without --state-dir";
    assert!(ran.code == Some(2) && ran.err.contains(says), "{}{}", ran.out, ran.err);
    // The built-in snapshots are those of other settings, too.
    let ran = clawcheck(&test_folder, &[&built_in[..], &["--config", "state/openclaw.json"]].concat());
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
}
