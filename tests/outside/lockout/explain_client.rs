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

/// The settings of a gateway with these allowed origins.
fn with_origins(test_folder: &TestFolder, origins: &[&str]) {
    state(test_folder);
    let auth = json!({ "mode": "token", "token": "t" });
    let config = json!({ "gateway": { "mode": "local", "auth": auth, "controlUi": { "allowedOrigins": origins } } });
    put(test_folder, "openclaw.json", &config.to_string());
}

/// The page of a browser is on the first allowed host that another machine can open in this way.
#[rstest]
#[case::http(&["--peer", "192.168.1.20"], "the host is nas.lan:18789, from gateway.controlUi.allowedOrigins (--host)")]
#[case::https(&["--via", "nginx"], "the host is claw.example, from gateway.controlUi.allowedOrigins (--host)")]
#[case::named_host(&["--via", "nginx", "--host", "other.example"], "")]
#[case::named_origin(&["--peer", "192.168.1.20", "--origin", "http://other.lan"], "")]
fn host_of_allowed_origin(#[case] options: &[&str], #[case] assumed: &str) {
    let test_folder = TestFolder::new(SCENARIO);
    let local = ["*", "http://localhost:18789", "https://127.0.0.1:8443", "https://*.example"];
    with_origins(&test_folder, &[&local[..], &["http://nas.lan:18789", "https://claw.example"]].concat());
    let page = ["state", "--as", "control-ui", "--release", "2026.7.35", "--format", "json"];
    let found = json_of(&explain(&test_folder, &[&page, options].concat()));
    let said = found["assumed"].as_array().unwrap().iter().filter_map(Value::as_str);
    let hosts = said.filter(|said| said.contains("the host is")).collect::<Vec<_>>().join("");
    assert_eq!(hosts, assumed, "{found:#}");
}

/// Browsers give no device to a page over plain http from another machine. On localhost, the page has one.
#[rstest]
#[case::plain_http(&["--peer", "192.168.1.20"], true)]
#[case::named_device(&["--peer", "192.168.1.20", "--device", "new"], false)]
#[case::https(&["--peer", "192.168.1.20", "--origin", "https://nas.lan:18789"], false)]
#[case::localhost(&[], false)]
fn page_over_plain_http_has_no_device(#[case] options: &[&str], #[case] is_insecure: bool) {
    let test_folder = TestFolder::new(SCENARIO);
    with_origins(&test_folder, &["http://nas.lan:18789"]);
    let page = ["state", "--as", "control-ui", "--release", "2026.7.35", "--format", "json"];
    let found = json_of(&explain(&test_folder, &[&page, options].concat()));
    let says = found["assumed"].to_string().contains("browsers give none to a page over plain http");
    assert_eq!((says, found["device"].is_null()), (is_insecure, is_insecure), "{found:#}");
    if is_insecure {
        let first = &found["remedies"][0];
        assert!(
            first["what"].as_str().unwrap().starts_with("Open the page on localhost through an SSH tunnel"),
            "{first}"
        );
        assert!(first["how"][0].as_str().unwrap().ends_with("open http://127.0.0.1:18789/"), "{first}");
        let fails = found["does_not_help"].to_string();
        assert!(!fails.contains("SSH tunnel") && !found.to_string().contains("ws://"), "{found:#}");
    }
}

/// An app connects in the role of its record and with the scopes of its token. A phone is another machine.
#[test]
fn app_connects_as_in_its_record() {
    let test_folder = TestFolder::new(SCENARIO);
    let (_, phone) = state(&test_folder);
    let path = test_folder.path("state/devices/paired.json");
    let mut paired: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let mac = DeviceKey::from_name("mac");
    paired[mac.device_id()] = record(&mac, "Mac", &["node"], &[]);
    paired[mac.device_id()]["clientId"] = json!("openclaw-macos");
    paired[phone.device_id()]["tokens"]["operator"] =
        json!({ "token": "Canary-4fj29sKq81-more", "role": "operator", "scopes": ["operator.read"], "createdAtMs": 1 });
    put(&test_folder, "devices/paired.json", &paired.to_string());
    let of = |options: &[&str]| json_of(&explain(&test_folder, &[&["state", "--format", "json"], options].concat()));
    assert!(of(&["--as", "macos"])["client"].as_str().unwrap().contains("as node []"));
    let (operator, seen) = (of(&["--as", "ios", "--role", "operator"]), "192.0.2.7");
    assert!(operator["client"].as_str().unwrap().contains("as operator [operator.read]"), "{operator:#}");
    let said = operator["assumed"].to_string();
    let words =
        ["the app requests the scopes of its device token (--scopes)", "another machine, 192.0.2.7 (--peer, --via)"];
    assert!(words.iter().all(|words| said.contains(words)) && operator["client"].to_string().contains(seen), "{said}");
    assert!(of(&["--as", "ios", "--peer", "127.0.0.1"])["client"].as_str().unwrap().ends_with("127.0.0.1"));
    let new = of(&["--as", "ios", "--device", "new"]).to_string();
    assert!(new.contains("<client-address>/32") && !new.contains("ssh -N") && !new.contains("\"192.0.2.7/32"), "{new}");
    paired[phone.device_id()]["remoteIp"] = json!("198.51.100.4");
    put(&test_folder, "devices/paired.json", &paired.to_string());
    assert!(of(&["--as", "ios"])["client"].as_str().unwrap().ends_with("198.51.100.4"));
}

/// A removed device that pairs again as a node is refused as the `openclaw` command.
#[test]
fn remedy_names_command_that_it_locks_out() {
    let test_folder = TestFolder::new(SCENARIO);
    let (own, _) = state(&test_folder);
    let every = ["admin", "read", "write", "approvals", "pairing"].map(|scope| format!("operator.{scope}"));
    let paired =
        json!({ own.device_id(): record(&own, "server", &["operator"], &every.each_ref().map(String::as_str)) });
    put(&test_folder, "devices/paired.json", &paired.to_string());
    let arguments = ["state", "--as", "node", "--release", "2026.3.31", "--format", "json"];
    let found = json_of(&explain(&test_folder, &arguments));
    let remedies = found["remedies"].as_array().unwrap();
    let locks_out = |part: &str| {
        let remedy = remedies.iter().find(|remedy| remedy["what"].as_str().unwrap().contains(part)).unwrap();
        (remedy["locks_out_command"].as_bool().unwrap(), remedy["risk"].as_str().unwrap())
    };
    assert_eq!(locks_out("then remove the device"), (true, "limits-client"), "{found:#}");
    assert_eq!(locks_out("Connect, then approve"), (false, "approval"), "{found:#}");
    let text = explain(&test_folder, &arguments[..5]).out;
    assert!(text.contains("the gateway then refuses the `openclaw` command of its machine"), "{text}");
}

/// A word that users have for a client, a proxy or a secret leads to the value.
#[rstest]
#[case("--as", "cron", "a cron job is `backend`")]
#[case("--as", "iPhone", "an iPhone is `ios`")]
#[case("--as", "exce", "did you mean `exec`?")]
#[case("--via", "docker", "omit --via")]
#[case("--via", "traefik", "as `nginx`")]
#[case("--auth", "setup-code", "bootstrap-token=VALUE")]
fn other_name_leads_to_value(#[case] option: &str, #[case] word: &str, #[case] said: &str) {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    let refused = explain(&test_folder, &["state", option, word]);
    assert!(refused.code == Some(2) && refused.err.contains(said), "{}", refused.err);
    let unknown = explain(&test_folder, &["state", "--device", "mac"]).err;
    let unknown = unknown.replace(['\n', '│'], " ").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(unknown.contains("(server; cli on linux)") && unknown.contains("openclaw-ios on ios)"), "{unknown}");
}
