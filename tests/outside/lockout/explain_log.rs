//! `clawcheck explain --log`: the client and the cause in the log of a gateway.

use crate::harness::{SCENARIO, TestFolder};
use crate::lockout::state_dir::{explain, json_of, state};
use serde_json::json;
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
    assert!(clock.code == Some(0) && clock.out.starts_with(begins), "{}", clock.out);
    // The gateway closes with 1000, as a client does that leaves.
    let late = say(&format!("[ws] handshake timeout conn=c1 remote=127.0.0.1\n{closed} code=1000 reason=n/a"));
    assert!(late.out.contains("cause     the client did not send its connect request within 10 s"), "{}", late.out);
    let other = say(&format!("{closed} code=1008 reason=unauthorized: something new"));
    assert!(other.out.contains("note      the answer below differs from the logged answer"), "{}", other.out);
    fs::write(test_folder.path("g.log"), format!("{closed} code=1008 reason=pairing required (requestId: 1)")).unwrap();
    let same = explain(&test_folder, &["state", "--log", "g.log", "--device", "new", "--peer", "192.0.2.1"]);
    assert!(same.out.starts_with("refused: NOT_PAIRED"), "{}", same.out);
}
