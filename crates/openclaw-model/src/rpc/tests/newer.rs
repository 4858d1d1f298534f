//! Tests of device names, scope upgrades, calls to nodes and calls of nodes.

use super::{ADMIN, TestGateway};
use crate::config::AuthMode;
use openclaw_protocol::store::{Document, MemoryDocuments};
use rstest::rstest;
use serde_json::{Value, json};

const DEVICE: &str = "laptop";

/// A gateway of the newest release with a paired device, and the id of the device.
fn gateway_with_device(role: &str, scopes: &[&str]) -> TestGateway {
    let mut gateway = TestGateway::new("2026.9.6");
    let record = json!({
        "deviceId": DEVICE, "publicKey": "k", "role": role, "roles": [role], "scopes": scopes, "approvedScopes": scopes,
        "tokens": {role: {"token": "t", "role": role, "scopes": scopes, "createdAtMs": 1}},
        "createdAtMs": 1, "approvedAtMs": 1
    });
    gateway.store = MemoryDocuments::new().with(Document::DevicesPaired, json!({DEVICE: record}));
    gateway
}

fn field(gateway: &TestGateway, document: Document, id: &str, key: &str) -> Value {
    use openclaw_protocol::store::Documents as _;
    gateway.store.read(document).unwrap()[id][key].clone()
}

#[test]
fn pairing_scope_can_rename_devices() {
    let mut gateway = gateway_with_device("operator", &["operator.pairing"]);
    let pair = gateway.join(1, "operator", &["operator.pairing"], Some("other"));
    let answers = gateway.call(pair, "device.pair.rename", json!({"deviceId": DEVICE, "label": " Desk "}));
    assert_eq!(answers, ["1 event device.pair.changed 1", r#"1 ok {"deviceId":"laptop","label":"Desk"}"#]);
    assert_eq!(field(&gateway, Document::DevicesPaired, DEVICE, "operatorLabel"), "Desk");
    for (id, label, message) in [
        (DEVICE, "  ", "label required"),
        ("unknown", "x", "unknown deviceId"),
        (DEVICE, "", "invalid device.pair.rename params: at /label: must not have fewer than 1 characters"),
    ] {
        let answers = gateway.call(pair, "device.pair.rename", json!({"deviceId": id, "label": label}));
        assert_eq!(answers, [format!("1 INVALID_REQUEST {message}")]);
    }
}

#[test]
fn device_token_can_rename_only_itself() {
    let mut gateway = gateway_with_device("operator", &["operator.pairing"]);
    let own = gateway.join(1, "operator", &["operator.pairing"], Some("other"));
    gateway.by_device_token(own);
    let answers = gateway.call(own, "device.pair.rename", json!({"deviceId": DEVICE, "label": "x"}));
    assert_eq!(answers, ["1 INVALID_REQUEST device pairing rename denied"]);
}

#[rstest]
#[case("device.pair.approve", r#""status":"approved""#)]
#[case("device.pair.reject", r#""status":"rejected""#)]
fn upgrade_waiter_gets_decision(#[case] decision: &str, #[case] expected: &str) {
    let mut gateway = gateway_with_device("operator", &["operator.read"]);
    let admin = gateway.join(1, "operator", ADMIN, Some("admin"));
    let laptop = gateway.join(2, "operator", &["operator.read"], Some(DEVICE));
    let scopes = json!({"scopes": ["operator.read", "operator.pairing"]});
    let answer = gateway.call(laptop, "device.scopes.requestUpgrade", scopes);
    let answer = answer.iter().find_map(|line| line.strip_prefix("2 ok ")).unwrap();
    let id = serde_json::from_str::<Value>(answer).unwrap();
    assert_eq!(
        gateway.call(admin, "device.scopes.waitUpgrade", id.clone())[0],
        "1 INVALID_REQUEST scope upgrade expired or not found"
    );
    assert!(
        gateway.call(laptop, "device.scopes.waitUpgrade", id.clone()).is_empty()
            && gateway.answer_finished_upgrades().is_empty()
    );
    gateway.call(admin, decision, id.clone());
    let decision = gateway.answer_finished_upgrades();
    assert!(decision.len() == 1 && decision[0].starts_with("2 ok ") && decision[0].contains(expected), "{decision:?}");
    gateway.call(laptop, "device.scopes.waitUpgrade", id);
    assert_eq!(gateway.answer_finished_upgrades(), decision);
}

#[test]
fn upgrade_adds_to_own_scopes() {
    let mut gateway = gateway_with_device("operator", &["operator.read"]);
    let laptop = gateway.join(1, "operator", &["operator.read"], Some(DEVICE));
    let stranger = gateway.join(2, "operator", &[], Some("stranger"));
    for (client, scopes, message) in [
        (laptop, json!(["operator.pairing"]), "requested scopes must include the connection's current scopes"),
        (laptop, json!(["operator.fancy"]), "requested scopes contain an unknown operator scope"),
        (stranger, json!(["operator.read"]), "device scope upgrade requires a paired browser identity"),
        (laptop, json!(["a", "a"]), "at /scopes: must not have duplicate items"),
    ] {
        let answers = gateway.call(client, "device.scopes.requestUpgrade", json!({"scopes": scopes}));
        assert!(answers[0].contains(message), "{answers:?}");
    }
}

#[rstest]
#[case("2026.4.5", "browser.proxy", "UNAVAILABLE node not connected")]
#[case("2026.4.8", "browser.proxy", "INVALID_REQUEST node.invoke cannot mutate persistent browser profiles")]
#[case("2026.7.35", "fs.listDir", "UNAVAILABLE node not connected")]
#[case("2026.9.6", "fs.listDir", "FORBIDDEN missing scope: operator.admin")]
#[case("2026.9.6", "x", "UNAVAILABLE node pairing changed while invocation was active")]
#[case("2026.2.19", "system.execApprovals.get", "INVALID_REQUEST node.invoke does not allow")]
#[case("2026.2.19", " ", "INVALID_REQUEST nodeId and command required")]
fn command_for_absent_node(#[case] release: &str, #[case] command: &str, #[case] expected: &str) {
    let mut gateway = TestGateway::new(release);
    let writer = gateway.join(1, "operator", &["operator.write"], None);
    let browser = json!({"method": "post", "path": "profiles/create/"});
    let params = json!({"nodeId": "n", "command": command, "params": browser, "idempotencyKey": "k"});
    let answers = gateway.call(writer, "node.invoke", params);
    assert!(answers[0].starts_with(&format!("1 {expected}")), "{answers:?}");
}

#[rstest]
#[case(json!({"ok": true, "payloadJSON": "{\"a\":1}"}), r#"1 ok {"ok":true,"nodeId":"n","command":"system.which","payload":{"a":1},"payloadJSON":"{\"a\":1}"}"#)]
#[case(json!({"ok": true}), r#"1 ok {"ok":true,"nodeId":"n","command":"system.which","payloadJSON":null}"#)]
#[case(json!({"ok": false, "error": {"code": "BROKEN", "message": "it broke"}}), "1 UNAVAILABLE BROKEN: it broke")]
#[case(json!({"ok": false}), "1 UNAVAILABLE node invoke failed")]
fn command_and_answer_of_node(#[case] result: Value, #[case] expected: &str) {
    let mut gateway = TestGateway::new("2026.4.2");
    let writer = gateway.join(1, "operator", &["operator.write"], None);
    let node = gateway.join(2, "node", &[], Some("n"));
    gateway.offers(node, &["system.which"]);
    let params = json!({"nodeId": "n", "command": "system.which", "idempotencyKey": "k"});
    assert_eq!(gateway.call(writer, "node.invoke", params), ["2 event node.invoke.request 0"]);
    let mut answer = json!({"id": gateway.last_invoke(), "nodeId": "n"});
    answer.as_object_mut().unwrap().extend(result.as_object().unwrap().clone());
    let answers = gateway.call(node, "node.invoke.result", answer.clone());
    assert_eq!(answers, [r#"2 ok {"ok":true}"#, expected]);
    assert_eq!(gateway.call(node, "node.invoke.result", answer), [r#"2 ok {"ok":true,"ignored":true}"#]);
}

#[rstest]
#[case("2026.2.19", json!({"ok": true, "payloadJSON": r#"{"bins":[" gh ","",1]}"#}), json!(["gh", "1"]))]
#[case("2026.4.2", json!({"ok": true, "payload": {"stdout": "gh\r\n\njq\n"}}), json!(["gh", "jq"]))]
#[case("2026.4.15", json!({"ok": true, "payloadJSON": r#"{"bins":{"gh":"/bin/gh"}}"#}), json!([]))]
#[case("2026.5.7", json!({"ok": true, "payloadJSON": r#"{"bins":{"gh":"/bin/gh","jq":" "}}"#}), json!(["gh"]))]
#[case("2026.4.2", json!({"ok": true, "payloadJSON": "no JSON"}), json!([]))]
#[case("2026.4.2", json!({"ok": false, "error": {"message": "no"}}), json!(["old"]))]
#[case("2026.4.2", json!({"ok": true, "payload": {"bins": ["old"]}}), json!(["old"]))]
fn mac_reports_programs(#[case] release: &str, #[case] result: Value, #[case] expected: Value) {
    let mut gateway = TestGateway::new(release);
    gateway.store = MemoryDocuments::new().with(Document::NodesPaired, json!({"n": {"nodeId": "n", "bins": ["old"]}}));
    let node = gateway.join(2, "node", &[], Some("n"));
    gateway.offers(node, &["system.which"]);
    assert_eq!(gateway.asks_mac(node, "n"), ["2 event node.invoke.request 0"]);
    let mut answer = json!({"id": gateway.last_invoke(), "nodeId": "n"});
    answer.as_object_mut().unwrap().extend(result.as_object().unwrap().clone());
    assert_eq!(gateway.call(node, "node.invoke.result", answer.clone()), [r#"2 ok {"ok":true}"#]);
    assert_eq!(field(&gateway, Document::NodesPaired, "n", "bins"), expected);
    assert_eq!(gateway.call(node, "node.invoke.result", answer), [r#"2 ok {"ok":true,"ignored":true}"#]);
}

#[rstest]
#[case("2026.7.35", "gh", &[])]
#[case("2026.9.6", "old", &[])]
#[case("2026.9.6", "gh", &["1 event skills.changed 1", "1 event chat.metadata.changed 2"])]
fn readers_learn_of_new_mac_programs(#[case] release: &str, #[case] bin: &str, #[case] decision: &[&str]) {
    let mut gateway = TestGateway::new(release);
    let known = json!({DEVICE: {"nodeId": DEVICE, "bins": ["old"], "approvedAtMs": 1}});
    gateway.store = MemoryDocuments::new().with(Document::NodesPaired, known);
    gateway.join(1, "operator", &["operator.read"], None);
    let node = gateway.join(2, "node", &[], Some(DEVICE));
    gateway.offers(node, &["system.which"]);
    gateway.asks_mac(node, DEVICE);
    let answer = json!({"id": gateway.last_invoke(), "nodeId": DEVICE, "ok": true, "payload": {"bins": [bin]}});
    let mut expected = vec![r#"2 ok {"ok":true}"#];
    expected.extend(decision);
    assert_eq!(gateway.call(node, "node.invoke.result", answer), expected);
}

#[test]
fn node_only_events_have_no_number() {
    let mut gateway = TestGateway::new("2026.9.6");
    let admin = gateway.join(1, "operator", ADMIN, Some("admin"));
    let node = gateway.join(2, "node", &[], Some("n"));
    gateway.offers(node, &["system.which"]);
    gateway.is_of(admin, "ann");
    gateway.is_of(node, "ann");
    assert_eq!(gateway.asks_mac(node, "n"), ["2 event node.invoke.request 0"]);
    let decision = gateway.wake(gateway.now + 30_000);
    assert!(decision.contains(&"1 event tick 1 for ann".to_owned()), "{decision:?}");
}

#[test]
fn does_not_wait_for_silent_mac() {
    let mut gateway = TestGateway::new("2026.4.2");
    let node = gateway.join(2, "node", &[], Some("n"));
    gateway.offers(node, &["system.run"]);
    assert_eq!(gateway.asks_mac(node, "n"), ["2 event node.invoke.request 0"]);
    let late = json!({"id": gateway.last_invoke(), "nodeId": "n", "ok": true});
    assert!(gateway.wake(gateway.now + 15_000).is_empty());
    assert_eq!(gateway.call(node, "node.invoke.result", late), [r#"2 ok {"ok":true,"ignored":true}"#]);
}

#[test]
fn command_timeout_of_node() {
    let mut gateway = TestGateway::new("2026.4.2");
    let writer = gateway.join(1, "operator", &["operator.write"], None);
    let node = gateway.join(2, "node", &[], Some("n"));
    gateway.offers(node, &["system.which"]);
    let params = json!({"nodeId": "n", "command": "system.which", "idempotencyKey": "k", "timeoutMs": 100});
    gateway.call(writer, "node.invoke", params);
    assert!(gateway.wake(gateway.now + 99).is_empty());
    assert_eq!(gateway.wake(gateway.now + 1), ["1 UNAVAILABLE TIMEOUT: node invoke timed out"]);
}

#[rstest]
#[case("2026.2.19", "node command not allowed")]
#[case("2026.2.26", "node command not allowed: \"camera.snap\" is not in the allowlist for platform \"linux\"")]
#[case("2026.7.35", "node command not allowed: \"camera.snap\" requires explicit gateway.nodes.allowCommands opt-in")]
fn disallowed_command_names_reason(#[case] release: &str, #[case] expected: &str) {
    let mut gateway = TestGateway::new(release);
    let writer = gateway.join(1, "operator", &["operator.write"], None);
    let node = gateway.join(2, "node", &[], Some("n"));
    gateway.offers(node, &["camera.snap"]);
    let params = json!({"nodeId": "n", "command": "camera.snap", "idempotencyKey": "k"});
    assert_eq!(gateway.call(writer, "node.invoke", params), [format!("1 INVALID_REQUEST {expected}")]);
}

#[rstest]
#[case("2026.4.15", "node.presence.alive", r#"{"ok":true}"#)]
#[case(
    "2026.5.7",
    "node.presence.alive",
    r#"{"ok":true,"event":"node.presence.alive","handled":false,"reason":"unpaired"}"#
)]
#[case("2026.5.7", "exec.started", r#"{"ok":true}"#)]
#[case(
    "2026.6.11",
    "exec.started",
    r#"{"ok":true,"event":"exec.started","handled":false,"reason":"unmatched_exec_event"}"#
)]
#[case("2026.6.11", "what.ever", r#"{"ok":true}"#)]
fn effects_of_node_events(#[case] release: &str, #[case] event: &str, #[case] expected: &str) {
    let mut gateway = TestGateway::new(release);
    let node = gateway.join(1, "node", &[], Some("n"));
    let answers = gateway.call(node, "node.event", json!({"event": event, "payload": {}}));
    assert_eq!(answers, [format!("1 ok {expected}")]);
}

#[rstest]
#[case(json!({}), "Gateway is only bound to loopback.")]
#[case(json!({"publicUrl": "  "}), "Gateway is only bound to loopback.")]
#[case(json!({"publicUrl": "ws://a.example"}), "Tailscale and public mobile pairing require a secure gateway URL")]
#[case(json!({"joinUrl": true, "bootstrapProfile": "limited"}), "Join URLs require bootstrapProfile=node.")]
#[case(json!({"joinUrl": false}), "invalid device.pair.setupCode params: at /joinUrl: must be equal to constant")]
#[case(json!({"bootstrapProfile": "full"}), "invalid device.pair.setupCode params: at /bootstrapProfile: must be equal to one of")]
fn no_setup_code_on_loopback(#[case] params: Value, #[case] message: &str) {
    let mut gateway = configured("2026.9.6", AuthMode::None, json!({}));
    gateway.config().token = Some("t".to_owned());
    let admin = gateway.join(1, "operator", ADMIN, None);
    let answers = gateway.call(admin, "device.pair.setupCode", params);
    assert!(answers[0].starts_with(&format!("1 INVALID_REQUEST {message}")), "{answers:?}");
}

/// A gateway without a secret, with this mode and this configuration.
fn configured(release: &str, mode: AuthMode, document: Value) -> TestGateway {
    let mut gateway = TestGateway::new(release);
    gateway.config().auth_mode = mode;
    gateway.config().document = document;
    gateway
}

#[rstest]
#[case(AuthMode::Token, "Gateway auth is set to token, but no token is configured.")]
#[case(AuthMode::Password, "Gateway auth is set to password, but no password is configured.")]
#[case(AuthMode::None, r#"Pairing setup requires gateway.auth.mode "token" or "password"; current mode is "none"."#)]
#[case(AuthMode::TrustedProxy, "Gateway is only bound to loopback.")]
fn setup_code_needs_secret(#[case] mode: AuthMode, #[case] message: &str) {
    let mut gateway = configured("2026.9.6", mode, json!({}));
    let admin = gateway.join(1, "operator", ADMIN, None);
    let answers = gateway.call(admin, "device.pair.setupCode", json!({}));
    assert!(answers[0].starts_with(&format!("1 INVALID_REQUEST {message}")), "{answers:?}");
}

#[rstest]
#[case(json!({}), "UNAVAILABLE setup codes are not made")]
#[case(json!({"publicUrl": " "}), "INVALID_REQUEST Gateway is only bound to loopback.")]
#[case(json!({"preferRemoteUrl": true}), "INVALID_REQUEST Gateway is only bound to loopback.")]
#[case(json!({"preferRemoteUrl": true, "publicUrl": "wss://b.example"}), "UNAVAILABLE setup codes are not made")]
fn public_url_without_other_conditions(#[case] params: Value, #[case] expected: &str) {
    let plugins = json!({"plugins": {"entries": {"device-pair": {"config": {"publicUrl": "wss://a.example"}}}}});
    let mut gateway = configured("2026.9.6", AuthMode::TrustedProxy, plugins);
    let admin = gateway.join(1, "operator", ADMIN, None);
    let answers = gateway.call(admin, "device.pair.setupCode", params);
    assert!(answers[0].starts_with(&format!("1 {expected}")), "{answers:?}");
}

#[test]
fn no_setup_code_in_2026_7_35() {
    let mut gateway = configured("2026.7.35", AuthMode::None, json!({}));
    let admin = gateway.join(1, "operator", ADMIN, None);
    let answers = gateway.call(admin, "device.pair.setupCode", json!({"joinUrl": true, "bootstrapProfile": "limited"}));
    assert_eq!(answers, ["1 UNAVAILABLE device.pair.setupCode is not implemented by this reference gateway"]);
}

#[rstest]
#[case("operator.admin", json!({"setupId": "x"}), "ok {}")]
#[case("operator.admin", json!({"setupId": ""}), "INVALID_REQUEST invalid device.pair.setupStatus params: at /setupId: must not have fewer")]
#[case("operator.pairing", json!({"setupId": "x"}), "FORBIDDEN missing scope: operator.admin")]
fn setup_status_is_never_complete(#[case] scope: &str, #[case] params: Value, #[case] expected: &str) {
    let mut gateway = TestGateway::new("2026.9.6");
    let operator = gateway.join(1, "operator", &[scope], None);
    let answers = gateway.call(operator, "device.pair.setupStatus", params);
    assert!(answers[0].starts_with(&format!("1 {expected}")), "{answers:?}");
}

#[test]
fn removed_mac_is_absent_before_close() {
    let mut gateway = gateway_with_device("node", &[]);
    let admin = gateway.join(1, "operator", ADMIN, None);
    let mac = gateway.join(2, "node", &[], Some(DEVICE));
    gateway.is_mac(mac);
    gateway.offers(mac, &["system.run"]);
    let answers = gateway.call(admin, "device.pair.remove", json!({"deviceId": DEVICE}));
    let events: Vec<&str> = answers.iter().filter_map(|line| line.strip_prefix("1 event ")).collect();
    assert_eq!(events, ["skills.changed 1", "chat.metadata.changed 2"]);
    assert!(answers[2].starts_with("1 ok ") && answers[3].starts_with("2 close 4001"), "{answers:?}");
}

#[test]
fn node_removal_fails_waiting_calls() {
    let mut gateway = gateway_with_device("node", &[]);
    let admin = gateway.join(1, "operator", ADMIN, None);
    let node = gateway.join(2, "node", &[], Some(DEVICE));
    gateway.awaits(admin, node, DEVICE);
    let answers = gateway.call(admin, "device.pair.remove", json!({"deviceId": DEVICE}));
    assert_eq!(answers[0], "1 UNAVAILABLE node pairing changed while invocation was active");
    assert!(answers[1].starts_with("1 ok ") && answers[2].starts_with("2 close 4001"), "{answers:?}");
    let late = gateway.close(node);
    assert!(late.is_empty(), "{late:?}");
}
