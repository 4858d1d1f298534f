//! `clawcheck explain`: the client that the user describes.

use crate::harness::{SCENARIO, TestFolder};
use crate::lockout::state_dir::{explain, json_of, put, record, state};
use openclaw_protocol::identity::DeviceKey;
use rstest::rstest;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;

#[test]
fn device_by_part_of_its_name() {
    let test_folder = TestFolder::new(SCENARIO);
    let (_, phone) = state(&test_folder);
    let path = test_folder.path("state/devices/paired.json");
    let mut paired: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let tablet = DeviceKey::from_name("tablet");
    paired[tablet.device_id()] = record(&tablet, "Big phone", &["operator"], &["operator.read"]);
    put(&test_folder, "devices/paired.json", &paired.to_string());
    let device = |name: &str| explain(&test_folder, &["state", "--device", name, "--format", "json"]);
    assert_eq!(json_of(&device("bIG"))["device"], tablet.device_id());
    let several = device("hone");
    let listed = |key: &DeviceKey| several.err.contains(&key.device_id()[..12]);
    assert!(several.code == Some(2) && several.err.contains("2 devices match `hone`"), "{}", several.err);
    assert!(listed(&phone) && listed(&tablet) && !several.err.contains("(server)"), "{}", several.err);
    // The whole name of one device is a part of the name of another one.
    paired[phone.device_id()]["displayName"] = json!("Phone");
    put(&test_folder, "devices/paired.json", &paired.to_string());
    assert_eq!(json_of(&device("phone"))["device"], phone.device_id());
    assert!(device("").err.contains("no device is named ``"));
}

/// The settings of a gateway whose proxy authenticates users.
fn with_proxy(test_folder: &TestFolder, proxy: &Value) {
    state(test_folder);
    let auth = json!({ "mode": "trusted-proxy", "trustedProxy": proxy });
    let config = json!({ "gateway": { "mode": "local", "auth": auth, "trustedProxies": ["10.0.0.1"] } });
    put(test_folder, "openclaw.json", &config.to_string());
}

/// A proxy that authenticates users adds the headers that the configuration names.
#[rstest]
#[case::any_user(json!({ "userHeader": "X-User" }), "x-user: user@example.com", "")]
#[case::listed_user(json!({ "userHeader": "X-User", "allowUsers": ["ann", "bob"] }), "x-user: ann", "")]
#[case::more_headers(json!({ "userHeader": "X-User", "requiredHeaders": ["X-Auth"] }), "x-user: user@example.com, x-auth: 1", "")]
#[case::named_user(json!({ "userHeader": "X-User", "allowUsers": ["ann"] }), "", "X-User: eve")]
fn proxy_adds_configured_headers(#[case] proxy: Value, #[case] assumed: &str, #[case] header: &str) {
    let test_folder = TestFolder::new(SCENARIO);
    with_proxy(&test_folder, &proxy);
    let mut arguments =
        vec!["state", "--via", "nginx", "--peer", "10.0.0.1", "--device", "new", "--release", "2026.4.2"];
    arguments.extend(["--format", "json"]);
    arguments.extend(if header.is_empty() { vec![] } else { vec!["--header", header] });
    let found = json_of(&explain(&test_folder, &arguments));
    let checks = found["trace"].as_array().unwrap().iter().filter(|line| line["check"] == "credentials");
    let checks = checks.map(|line| line["found"].as_str().unwrap()).collect::<Vec<_>>();
    let said = found["assumed"].to_string();
    if assumed.is_empty() {
        assert_eq!(checks, ["gateway.auth.trustedProxy.allowUsers does not list the user"]);
        assert!(!said.contains("the proxy adds"), "{said}");
    } else {
        assert_eq!(checks, ["admitted by a trusted proxy"], "{found:#}");
        assert!(said.contains(&format!("the proxy adds {assumed} (--header)")), "{said}");
    }
    // A client that does not use the proxy has no such header.
    let direct =
        json_of(&explain(&test_folder, &["state", "--peer", "10.0.0.1", "--release", "2026.4.2", "--format", "json"]));
    assert!(!direct["trace"].to_string().contains("admitted by a trusted proxy"), "{direct:#}");
}

/// The same changes in another order are the same remedy.
#[test]
fn remedies_are_distinct() {
    let test_folder = TestFolder::new(SCENARIO);
    with_proxy(&test_folder, &json!({ "userHeader": "x-user" }));
    let path = test_folder.path("state/openclaw.json");
    let config = fs::read_to_string(&path).unwrap().replace("10.0.0.1", "127.0.0.1");
    fs::write(&path, config).unwrap();
    let arguments = ["state", "--as", "control-ui", "--via", "nginx", "--release", "2026.3.31", "--format", "json"];
    let found = json_of(&explain(&test_folder, &arguments));
    let remedies = found["remedies"].as_array().unwrap();
    let parts = |remedy: &Value| {
        let what = remedy["what"].as_str().unwrap().to_lowercase();
        what.split(", then ").map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let distinct = remedies.iter().map(parts).collect::<BTreeSet<_>>();
    assert!(remedies.len() > 1 && distinct.len() == remedies.len(), "{found:#}");
}

/// The device of a record can have several clients, so the client is an assumption unless the user names it.
#[test]
fn client_of_record_is_assumed() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    let assumed = |arguments: &[&str]| {
        let found = explain(&test_folder, &[&["state", "--format", "json"], arguments].concat());
        json_of(&found)["assumed"].to_string()
    };
    assert!(assumed(&[]).contains("the client is the openclaw command (--as)"));
    assert!(!assumed(&["--as", "exec"]).contains("--as"));
}

/// A setting that the configuration already contains is no remedy, and no remedy that fails.
#[test]
fn settings_that_are_made_are_not_listed() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    let listed = |proxies: Value| {
        let auth = json!({ "mode": "token", "token": "t" });
        let config = json!({ "gateway": { "mode": "local", "auth": auth, "trustedProxies": proxies } });
        put(&test_folder, "openclaw.json", &config.to_string());
        let arguments = ["state", "--as", "exec", "--via", "nginx", "--release", "2026.4.2", "--device", "new"];
        explain(&test_folder, &arguments).out.contains("Name the proxy in gateway.trustedProxies")
    };
    assert!(listed(json!(["10.0.0.1"])));
    assert!(!listed(json!(["127.0.0.1"])));
}

/// `explain` does not start the release. What the release would log is marked as such.
#[test]
fn log_of_start_names_its_release() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    let found = json_of(&explain(&test_folder, &["state", "--release", "2026.9.6", "--format", "json"]));
    let notes = found["notes"].to_string();
    assert!(notes.contains("\"2026.9.6 logs at its start: device pairing store migrated to SQLite"), "{notes}");
}
