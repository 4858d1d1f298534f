//! `clawcheck explain --log`: the client and the cause in the log of a gateway.

use crate::harness::{SCENARIO, TestFolder};
use crate::lockout::state_dir::{explain, json_of, state};
use serde_json::{Value, json};
use std::fs;

#[test]
fn client_from_log() {
    let test_folder = TestFolder::new(SCENARIO);
    let (_, phone) = state(&test_folder);
    let line = format!(
        "[gateway] security audit: device access upgrade requested reason=role-upgrade device={} ip=unknown-ip auth=token \
         roleFrom=node roleTo=operator scopesFrom=<none> scopesTo=operator.read client=openclaw-ios conn=c1\n\
         [ws] closed before connect conn=c1 remote=127.0.0.1 fwd=203.0.113.7 origin=n/a host=gateway.example ua=n/a \
         code=1008 reason=pairing required\n",
        phone.device_id()
    );
    fs::write(test_folder.path("gateway.log"), line).unwrap();
    let found = json_of(&explain(&test_folder, &["state", "--log", "gateway.log", "--format", "json"]));
    assert_eq!(
        (&found["device"], &found["details"]["reason"]),
        (&json!(phone.device_id()), &json!("role-upgrade")),
        "{found:#}"
    );
    assert!(found["notes"].to_string().contains("the log says close 1008"), "{found:#}");
    fs::write(test_folder.path("gateway.log"), "all is well\n").unwrap();
    assert_eq!(explain(&test_folder, &["state", "--log", "gateway.log"]).code, Some(2));
}

/// Clocks, versions and durations are not in a state directory: the log is the answer.
#[test]
fn logged_reason_differs_from_answer() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    let say = |line: &str| {
        fs::write(test_folder.path("g.log"), line).unwrap();
        explain(&test_folder, &["state", "--log", "g.log", "--scopes", "operator.read"])
    };
    let closed = "[ws] closed before connect conn=c1 remote=127.0.0.1 fwd=n/a origin=n/a host=127.0.0.1:18789 ua=n/a";
    let clock = say(&format!("{closed} code=1008 reason=device signature expired"));
    let begins = "log       the log says close 1008 \"device signature expired\"\ncause     the clocks of the client and of the \
                  gateway differ by more than 2 minutes\nremedy    set both clocks";
    assert!(clock.code == Some(1) && clock.out.starts_with(begins), "{}", clock.out);
    // The gateway closes with 1000, as a client does that leaves.
    let late = say(&format!("[ws] handshake timeout conn=c1 remote=127.0.0.1\n{closed} code=1000 reason=n/a"));
    assert!(late.out.contains("cause     the client did not send its connect request within 10 s"), "{}", late.out);
    let other = say(&format!("{closed} code=1008 reason=unauthorized: something new"));
    assert!(other.out.contains("note      the answer below differs from the logged answer"), "{}", other.out);
    fs::write(test_folder.path("g.log"), format!("{closed} code=1008 reason=pairing required (requestId: 1)")).unwrap();
    let same = explain(&test_folder, &["state", "--log", "g.log", "--device", "new", "--peer", "192.0.2.1"]);
    assert!(same.out.starts_with("refused: NOT_PAIRED"), "{}", same.out);
}

/// A gateway writes colors to the console, and JSON to a file.
#[test]
fn reads_both_forms_of_log() {
    let test_folder = TestFolder::new(SCENARIO);
    let (_, phone) = state(&test_folder);
    let device = phone.device_id();
    let close = "closed before connect conn=c1 remote=127.0.0.1 fwd=203.0.113.7 origin=n/a host=gateway.example ua=n/a code=1008 \
                 reason=pairing required";
    let upgrade = format!(
        "security audit: device access upgrade requested reason=role-upgrade device={device} ip=unknown-ip auth=token \
         roleFrom=node roleTo=operator scopesFrom=<none> scopesTo=operator.read client=openclaw-ios conn=c1"
    );
    let left = "closed before connect conn=c2 remote=127.0.0.1 host=127.0.0.1:18789 code=1000 reason=n/a";
    let colored =
        [&upgrade, close, left].map(|text| format!("\u{1b}[35m[ws]\u{1b}[39m \u{1b}[33m{text}\u{1b}[39m\n")).concat();
    let details = json!({ "cause": "pairing-required", "deviceId": device, "reason": "role-upgrade" });
    let lines = [
        json!({ "0": "{\"subsystem\":\"gateway\"}", "1": upgrade, "_meta": { "runtime": "node" } }),
        json!({ "0": "{\"subsystem\":\"gateway/ws\"}", "1": details, "2": close, "_meta": { "runtime": "node" } }),
        json!({ "0": "{\"subsystem\":\"gateway/ws\"}", "1": { "handshake": "pending" }, "2": left, "_meta": {} }),
    ];
    let json_lines = lines.map(|line| format!("{line}\n")).concat();
    for log in [colored, json_lines] {
        fs::write(test_folder.path("gateway.log"), &log).unwrap();
        let found = json_of(&explain(&test_folder, &["state", "--log", "gateway.log", "--format", "json"]));
        assert_eq!((&found["device"], &found["details"]["reason"]), (&json!(device), &json!("role-upgrade")), "{log}");
        assert_eq!((&found["log"]["agrees"], &found["let_in"]), (&json!(true), &json!(false)), "{found:#}");
    }
}

/// A refused client can close before the gateway does. Its reason says nothing about the refusal.
#[test]
fn close_of_client_has_no_reason() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    let line =
        "[ws] closed before connect conn=c1 remote=127.0.0.1 host=127.0.0.1:18789 code=1008 reason=connect failed\n";
    fs::write(test_folder.path("g.log"), line).unwrap();
    let arguments = ["state", "--log", "g.log", "--release", "2026.4.2", "--header", "X-Forwarded-For: 203.0.113.7"];
    let found = json_of(&explain(&test_folder, &[&arguments[..], &["--format", "json"]].concat()));
    assert_eq!(found["log"]["agrees"], true, "{found:#}");
}

/// If the log says that the client was refused, the exit code is that of a refusal, and the releases that refuse it are named.
#[test]
fn computed_answer_differs_from_log() {
    let test_folder = TestFolder::new(SCENARIO);
    let (laptop, _) = state(&test_folder);
    let path = test_folder.path("state/devices/paired.json");
    let mut paired: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    paired[laptop.device_id()]["tokens"] = json!({});
    fs::write(&path, paired.to_string()).unwrap();
    let line =
        "[ws] closed before connect conn=c1 remote=127.0.0.1 host=127.0.0.1:18789 code=1008 reason=pairing required\n";
    fs::write(test_folder.path("g.log"), line).unwrap();
    let found =
        explain(&test_folder, &["state", "--log", "g.log", "--scopes", "operator.read", "--release", "2026.4.2"]);
    assert_eq!(found.code, Some(1), "{}", found.out);
    assert!(found.out.contains("\nlet in as operator"), "{}", found.out);
    let says = "these releases give the logged answer (--release): 2026.3.31, 2026.4.1";
    assert!(found.out.contains(says), "{}", found.out);
    assert_eq!(found.out.matches("the log says").count(), 1, "{}", found.out);
    let found = explain(&test_folder, &["state", "--log", "g.log", "--scopes", "operator.read", "--releases", "all"]);
    assert!(found.out.contains("; releases with this answer: 2026.3.31, 2026.4.1\n"), "{}", found.out);
}

/// All releases let the client in, but the log says that it was refused.
#[test]
fn no_release_gives_logged_answer() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    let line =
        "[ws] closed before connect conn=c1 remote=127.0.0.1 host=127.0.0.1:18789 code=1008 reason=pairing required\n";
    fs::write(test_folder.path("g.log"), line).unwrap();
    let arguments = ["state", "--scopes", "operator.read", "--releases", "all"];
    assert_eq!(explain(&test_folder, &arguments).code, Some(0));
    let found = explain(&test_folder, &[&arguments[..], &["--log", "g.log"]].concat());
    assert_eq!(found.code, Some(1), "{}", found.out);
    let says = "\nthe log says close 1008 \"pairing required\"; releases with this answer: none\n";
    assert!(found.out.contains(says), "{}", found.out);
}

/// The message of a client does not describe the client. It also stands in the logs of the tools of a gateway.
#[test]
fn message_of_client_is_not_log() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    fs::write(test_folder.path("g.log"), "[exec] failed: gateway closed (1008): pairing required\n").unwrap();
    let found = explain(&test_folder, &["state", "--log", "g.log"]);
    assert!(
        found.code == Some(2) && found.err.contains("omit --log") && found.err.contains("--as exec"),
        "{}",
        found.err
    );
}

/// A client can drop its connection as soon as it is refused.
#[test]
fn json_line_names_refusal_of_client_that_left() {
    let test_folder = TestFolder::new(SCENARIO);
    let (_, phone) = state(&test_folder);
    let details = json!({ "cause": "pairing-required", "deviceId": phone.device_id(), "reason": "not-paired" });
    let close = "closed before connect conn=c1 remote=127.0.0.1 host=127.0.0.1:18789 code=1006 reason=n/a";
    let line = json!({ "0": "{\"subsystem\":\"gateway/ws\"}", "1": details, "2": close });
    fs::write(test_folder.path("g.log"), line.to_string()).unwrap();
    let found = json_of(&explain(&test_folder, &["state", "--log", "g.log", "--format", "json"]));
    assert_eq!(found["device"], phone.device_id(), "{found:#}");
}

/// The log of a gateway without a refused connect is still the log of a gateway.
#[test]
fn gateway_log_is_no_message_of_client() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    fs::write(test_folder.path("g.log"), "[gateway] a note: pairing required\n[ws] connected conn=c1\n").unwrap();
    let found = explain(&test_folder, &["state", "--log", "g.log"]);
    assert!(found.code == Some(2) && found.err.contains("no line about a refused connect"), "{}", found.err);
}
