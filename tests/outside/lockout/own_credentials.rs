//! The credentials that the `openclaw` command takes from its own files and its environment, for `explain` and `doctor`.

use crate::harness::{ProgramOutput, SCENARIO, TestFolder, ended};
use crate::lockout::state_dir::{json_of, put, state};
use openclaw_emulator::store::SqliteDocuments;
use openclaw_protocol::store::{DATABASE, Document, Documents as _};
use rstest::rstest;
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use std::fs;
use std::process::Command;
use std::sync::Arc;

/// The token in the record of the gateway's own device.
const RECORDED: &str = "Canary-4fj29sKq81-server-operator";
const READ: &[&str] = &["operator.read"];

/// A command for the state directory that `openclaw` uses.
fn clawcheck(test_folder: &TestFolder, arguments: &[&str], token: Option<&str>) -> ProgramOutput {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("clawcheck"));
    command.args(arguments).args(["--format", "json"]).current_dir(test_folder.path("")).env_clear();
    command.env("HOME", test_folder.path("home")).env("OPENCLAW_STATE_DIR", test_folder.path("state"));
    command.envs(token.map(|token| ("OPENCLAW_GATEWAY_TOKEN", token)));
    ended(command)
}

fn explained(test_folder: &TestFolder, release: &str, token: Option<&str>) -> Value {
    let found = clawcheck(test_folder, &["explain", "--release", release, "--scopes", "operator.read"], token);
    assert!(!found.out.contains("4fj29sKq81"), "{}", found.out);
    json_of(&found)
}

/// A state directory whose `openclaw` command has no secret of the gateway: the secret is only in the environment of the
/// gateway. Returns the id of the device.
fn without_secret(test_folder: &TestFolder) -> String {
    let (own, _) = state(test_folder);
    put(
        test_folder,
        "openclaw.json",
        &json!({ "gateway": { "mode": "local", "auth": { "mode": "token" } } }).to_string(),
    );
    own.device_id()
}

/// A state directory whose record of the gateway's own device is changed. Returns the id of the device.
fn change_record(test_folder: &TestFolder, change: impl FnOnce(&mut Value)) -> String {
    let device = state(test_folder).0.device_id();
    let mut paired: Value =
        serde_json::from_slice(&fs::read(test_folder.path("state/devices/paired.json")).unwrap()).unwrap();
    change(&mut paired[&device]);
    put(test_folder, "devices/paired.json", &paired.to_string());
    device
}

fn keep_token(test_folder: &TestFolder, device: &str, role: &str, token: &str, scopes: &[&str]) {
    let tokens = json!({ role: { "token": token, "role": role, "scopes": scopes, "updatedAtMs": 1 } });
    let stored = json!({ "version": 1, "deviceId": device, "tokens": tokens });
    put(test_folder, "identity/device-auth.json", &stored.to_string());
}

/// The findings about a place, with the first and the last release of each.
fn findings(test_folder: &TestFolder, place: &str, token: Option<&str>) -> Vec<(String, String, String)> {
    let found = clawcheck(test_folder, &["doctor"], token);
    assert!(!found.out.contains("4fj29sKq81"), "{}", found.out);
    let found = json_of(&found);
    let about = found["findings"].as_array().unwrap().iter().filter(|finding| finding["place"] == place);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let finding = |finding: &Value| {
        let releases = finding["releases"].as_array().unwrap();
        (text(&finding["what"]), text(&releases[0]), text(releases.last().unwrap()))
    };
    about.map(finding).collect()
}

/// A device token that does not match the record is a usual cause of a lock-out.
#[rstest]
#[case::same(RECORDED, READ, None)]
#[case::rotated("Canary-4fj29sKq81-old", READ, Some("that is not the one in the record of the device"))]
#[case::more_scopes(RECORDED, &["operator.admin"], Some("with scopes that the record of the device does not contain: operator.admin"))]
fn stored_token_differs(#[case] token: &str, #[case] scopes: &[&str], #[case] difference: Option<&str>) {
    let test_folder = TestFolder::new(SCENARIO);
    let device = without_secret(&test_folder);
    keep_token(&test_folder, &device, "operator", token, scopes);
    let found = explained(&test_folder, "2026.4.8", None);
    let source = "with the device token in identity/device-auth.json";
    assert!(found["client"].as_str().unwrap().contains(source), "{found:#}");
    assert_eq!(found["let_in"], token == RECORDED, "{found:#}");
    let notes = found["notes"].to_string();
    let says = difference.map(|difference| {
        format!("the `openclaw` command of 2026.4.8 sends the device token in identity/device-auth.json, a token {difference}")
    });
    assert_eq!(notes.contains("identity/device-auth.json"), says.is_some(), "{notes}");
    assert!(says.is_none_or(|says| notes.contains(&says)), "{notes}");
    let found = findings(&test_folder, "identity/device-auth.json", None);
    assert_eq!(found.iter().any(|(what, ..)| what.contains("has a device token for operator")), difference.is_some());
    assert!(difference.is_none_or(|difference| found.iter().all(|(what, ..)| what.contains(difference))), "{found:?}");
    if token != RECORDED {
        let refused = found.iter().find(|(what, ..)| what.ends_with("sends it and is refused")).unwrap();
        // 2026.9.6 does not read the file.
        assert_eq!((refused.1.as_str(), refused.2.as_str()), ("2026.2.19", "2026.7.35"));
    }
}

/// Every known release prefers a secret to the device token.
#[test]
fn secret_takes_precedence_over_stored_token() {
    let test_folder = TestFolder::new(SCENARIO);
    let (own, _) = state(&test_folder);
    keep_token(&test_folder, &own.device_id(), "operator", "Canary-4fj29sKq81-old", READ);
    let found = explained(&test_folder, "2026.4.8", None);
    assert!(found["client"].as_str().unwrap().contains("with the gateway's own secret"), "{found:#}");
    assert_eq!(found["let_in"], true);
    assert!(found["notes"].to_string().contains("does not send it, because it has the gateway's secret"), "{found:#}");
    let found = findings(&test_folder, "identity/device-auth.json", None);
    assert!(found.len() == 1 && found[0].0.ends_with("has the gateway's secret and does not send it"), "{found:?}");
    // The releases that read this file also prefer the variable.
    let found = findings(&test_folder, "identity/device-auth.json", Some("Canary-4fj29sKq81-other"));
    assert!(
        found.len() == 1 && found[0].0.ends_with("sends the secret in OPENCLAW_GATEWAY_TOKEN instead"),
        "{found:?}"
    );
    // The tokens of a node host and of another device are not those of the command.
    keep_token(&test_folder, &own.device_id(), "node", "Canary-4fj29sKq81-node", &[]);
    let found = findings(&test_folder, "identity/device-auth.json", None);
    assert_eq!(found[0].0, "has a device token for node that the record of the device does not contain");
    keep_token(&test_folder, "another", "operator", RECORDED, READ);
    let found = findings(&test_folder, "identity/device-auth.json", None);
    assert_eq!(found[0].0, "has a device token for a device other than the one in identity/device.json");
}

/// Seen in the packages: 2026.9.6 is the first release whose command prefers the configuration.
#[test]
fn variable_with_another_secret() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    let token = Some("Canary-4fj29sKq81-other");
    let refused = explained(&test_folder, "2026.4.8", token);
    assert_eq!((&refused["let_in"], &refused["details"]["code"]), (&json!(false), &json!("AUTH_TOKEN_MISMATCH")));
    assert!(refused["client"].as_str().unwrap().contains("with the secret in OPENCLAW_GATEWAY_TOKEN"), "{refused:#}");
    assert!(refused["notes"].to_string().contains("which is not the gateway's secret"), "{refused:#}");
    assert_eq!(explained(&test_folder, "2026.9.6", token)["let_in"], true);
    let found = findings(&test_folder, "environment", token);
    assert!(found.len() == 1 && found[0].0.ends_with("the `openclaw` command sends it and is refused"), "{found:?}");
    assert_eq!((found[0].1.as_str(), found[0].2.as_str()), ("2026.2.19", "2026.7.35"));
    assert_eq!(findings(&test_folder, "environment", Some("Canary-4fj29sKq81-shared")), []);
}

/// Some releases request the scopes of the stored token. The answer of each release is that of the release alone.
#[test]
fn scopes_of_stored_token() {
    let test_folder = TestFolder::new(SCENARIO);
    let device = without_secret(&test_folder);
    keep_token(&test_folder, &device, "operator", RECORDED, READ);
    let client = |release: &str| json_of(&clawcheck(&test_folder, &["explain", "--release", release], None));
    let all = json_of(&clawcheck(&test_folder, &["explain", "--releases", "all"], None));
    for row in all["releases"].as_array().unwrap() {
        assert_eq!(row["answer"], client(row["release"].as_str().unwrap())["answer"], "{row}");
    }
    let is_read = |release: &str| client(release)["client"].as_str().unwrap().contains("[operator.read]");
    assert_eq!(["2026.4.2", "2026.4.5", "2026.7.35", "2026.9.6"].map(is_read), [false, true, true, false]);
}

/// 2026.9.6 keeps its device token in the database.
#[test]
fn stored_token_in_database() {
    let test_folder = TestFolder::new(SCENARIO);
    let device = without_secret(&test_folder);
    let path = test_folder.path("state/devices/paired.json");
    let paired: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    fs::remove_dir_all(test_folder.path("state/devices")).unwrap();
    let mut store = SqliteDocuments::new(&test_folder.path("state"), false);
    store.write(&[(Document::DevicesPaired, &Arc::new(paired))]).unwrap();
    drop(store);
    let database = Connection::open(test_folder.path("state").join(DATABASE)).unwrap();
    database
        .execute_batch("CREATE TABLE device_auth_tokens (device_id, role, token, scopes_json, updated_at_ms)")
        .unwrap();
    let row = params![device, "operator", "Canary-4fj29sKq81-old", "[\"operator.read\"]", 1];
    // The command ignores a row that contains no token. The row hides no other one.
    let odd = params![device, "node", "Canary-4fj29sKq81-node", rusqlite::types::Null, 1];
    for row in [odd, row] {
        database.execute("INSERT INTO device_auth_tokens VALUES (?, ?, ?, ?, ?)", row).unwrap();
    }
    drop(database);
    let found = explained(&test_folder, "2026.9.6", None);
    assert!(found["client"].as_str().unwrap().contains("with the device token in state/openclaw.sqlite"), "{found:#}");
    assert_eq!(found["let_in"], false);
    let found = findings(&test_folder, DATABASE, None);
    assert!(found.iter().any(|(what, first, _)| what.ends_with("is refused") && first == "2026.9.6"), "{found:?}");
}

/// A file that cannot be read is no missing file: the answer is for a command without a token, and says so.
#[test]
fn unreadable_token_is_named() {
    let test_folder = TestFolder::new(SCENARIO);
    without_secret(&test_folder);
    assert!(!explained(&test_folder, "2026.4.8", None)["notes"].to_string().contains("device-auth"));
    fs::create_dir(test_folder.path("state/identity/device-auth.json")).unwrap();
    let notes = explained(&test_folder, "2026.4.8", None)["notes"].to_string();
    assert!(notes.contains("identity/device-auth.json is ignored: this is a folder, not a file"), "{notes}");
}

/// Without the key of its device, the command is another device.
#[test]
fn token_without_own_device_has_no_effect() {
    let test_folder = TestFolder::new(SCENARIO);
    let device = without_secret(&test_folder);
    keep_token(&test_folder, &device, "operator", "Canary-4fj29sKq81-old", READ);
    fs::remove_file(test_folder.path("state/identity/device.json")).unwrap();
    let found = findings(&test_folder, "identity/device-auth.json", None);
    assert!(found[0].0.ends_with("that is not the one in the record of the device"), "{found:?}");
}

/// Seen on the real clients: the `openclaw` command sends no device from 2026.7.35 on, and the exec tool from 2026.5.7 on.
#[test]
fn client_that_sends_no_device() {
    let test_folder = TestFolder::new(SCENARIO);
    let device = state(&test_folder).0.device_id();
    let explained = |arguments: &[&str]| json_of(&clawcheck(&test_folder, &[&["explain"], arguments].concat(), None));
    let sent = |arguments: &[&str]| {
        let found = explained(arguments);
        let is_assumed = found["assumed"].to_string().contains("the client sends no device to this gateway (--device)");
        assert_eq!(found["device"].is_null(), is_assumed, "{found:#}");
        !is_assumed
    };
    assert!(sent(&["--release", "2026.6.11"]) && !sent(&["--release", "2026.7.35"]));
    assert!(sent(&["--as", "exec", "--release", "2026.4.15"]) && !sent(&["--as", "exec", "--release", "2026.5.7"]));
    for others in [&["--peer", "203.0.113.7"][..], &["--via", "nginx"], &["--as", "tui"], &["--device", &device]] {
        assert!(sent(&[&["--release", "2026.9.6"], others].concat()), "{others:?}");
    }
    // A wrong secret is a secret, too. The device would be refused: its record has another scope.
    assert!(!sent(&["--release", "2026.9.6", "--auth", "token=wrong"]));
    let found = explained(&["--as", "cli", "--release", "2026.7.35", "--scopes", "operator.admin"]);
    let variant = found["refused_variants"].as_array().unwrap().iter();
    let variant = variant.filter(|variant| variant["what"] == "with its device").collect::<Vec<_>>();
    assert_eq!(variant.len(), 1, "{found:#}");
    assert_eq!(variant[0]["option"], format!("--device {}", &device[..12]), "{found:#}");
    let rows = explained(&["--releases", "all"])["releases"].clone();
    let omitting = rows.as_array().unwrap().iter().filter(|row| row["omits_device"] == true);
    assert_eq!(omitting.map(|row| &row["release"]).collect::<Vec<_>>(), ["2026.7.35", "2026.9.6"]);
    let probe = ["--as", "probe", "--release", "2026.6.11"];
    assert!(!sent(&probe));
    keep_token(&test_folder, &device, "operator", RECORDED, READ);
    assert!(sent(&probe));
    without_secret(&test_folder);
    assert!(sent(&["--release", "2026.9.6"]));
}

/// Seen on the real 2026.5.7 and 2026.6.11: `openclaw devices approve` requests more scopes with the device of the request, which
/// replaces the request.
#[rstest]
#[case::default_scopes("2026.4.15", false)]
#[case::needed_scopes("2026.6.11", true)]
#[case::no_device("2026.7.35", false)]
fn approval_replaces_own_request(#[case] release: &str, #[case] replaces: bool) {
    let test_folder = TestFolder::new(SCENARIO);
    let device = change_record(&test_folder, |record| {
        let pairing = json!(["operator.pairing"]);
        record["scopes"] = pairing.clone();
        record["approvedScopes"] = pairing.clone();
        record["tokens"]["operator"]["scopes"] = pairing;
    });
    let client = ["explain", "--release", release, "--device", &device, "--scopes", "operator.admin"];
    let found = json_of(&clawcheck(&test_folder, &client, None));
    let approval = &found["remedies"][0];
    assert!(approval["what"].as_str().unwrap().starts_with("Connect, then approve"), "{found:#}");
    assert_eq!(approval["how"].to_string().contains("approve <new-request-id>"), replaces, "{found:#}");
}

#[test]
fn remedy_unsets_variable() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    let found = explained(&test_folder, "2026.6.11", Some("Canary-4fj29sKq81-other"));
    let how = found["remedies"][0]["how"][0].as_str().unwrap();
    assert!(how.starts_with("unset OPENCLAW_GATEWAY_TOKEN"), "{found:#}");
}

/// Seen on the real 2026.4.8: the record has the platform of the former machine, and the client that of this one.
#[test]
fn moved_directory() {
    let test_folder = TestFolder::new(SCENARIO);
    change_record(&test_folder, |record| record["platform"] = json!("darwin"));
    let here = explained(&test_folder, "2026.4.8", None);
    assert_eq!(here["details"]["reason"], "metadata-upgrade", "{here:#}");
    let client = ["explain", "--state-dir", "state", "--release", "2026.4.8", "--scopes", "operator.read"];
    let copy = json_of(&clawcheck(&test_folder, &client, None));
    assert_eq!(copy["let_in"], true, "{copy:#}");
}

/// The directory of a machine whose `openclaw` uses a gateway on another machine.
#[test]
fn remote_gateway() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    let url = "wss://user:Canary-1-of-url@gateway.example:8443/?token=Canary-2-of-url";
    for (remote, address) in [
        (json!({ "url": url, "token": "the-token-of-the-gateway" }), "wss://gateway.example:8443"),
        (json!({}), "a gateway on another machine"),
    ] {
        put(&test_folder, "openclaw.json", &json!({ "gateway": { "mode": "remote", "remote": remote } }).to_string());
        let ended = clawcheck(&test_folder, &["explain"], None);
        assert_eq!(ended.code, Some(2), "{}", ended.out);
        let said = ended.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(&format!("a client of {address} (gateway.mode is remote)")), "{said}");
        assert!(said.contains("gateway.remote.token") && !said.contains("of-url"), "{said}");
        let found = clawcheck(&test_folder, &["doctor", "state"], None).out;
        assert!(found.contains(&format!("a client of {address}")) && !found.contains("of-url"), "{found}");
    }
}
