//! Tests of the changes in 2026.7.35 and 2026.9.6.

use super::*;
use crate::config::RateLimit;
use openclaw_protocol::codes::close;
use rstest::rstest;

const OLD: &str = "2026.7.35";
const NEW: &str = "2026.9.6";

/// A connect with protocol 4.
pub(super) fn newer(connect: Connect) -> Connect {
    connect.tampered(|params| params["maxProtocol"] = json!(4))
}

#[rstest]
#[case("2026.6.11", cli().client("openclaw-probe", "probe"), "PROTOCOL_MISMATCH")]
#[case(OLD, cli().client("openclaw-probe", "probe"), "hello")]
#[case(OLD, cli().client("node-host", "node").role("node").scopes(&[]), "hello")]
#[case(OLD, cli().client("node-host", "node"), "PROTOCOL_MISMATCH")]
#[case(OLD, cli(), "PROTOCOL_MISMATCH")]
fn probes_and_nodes_may_use_previous_protocol(#[case] release: &str, #[case] connect: Connect, #[case] expected: &str) {
    assert_eq!(gateway(release).connect(&connect).verdict(), expected);
}

#[rstest]
#[case("2026.6.11", json!([]))]
#[case(OLD, json!(["operator.read"]))]
fn cli_keeps_scopes_without_device(#[case] release: &str, #[case] scopes: Value) {
    let answer = gateway(release).connect(&newer(cli().without_device()));
    assert_eq!(answer.payload["auth"]["scopes"], scopes);
}

#[rstest]
#[case::secret(OLD, json!({"token": TOKEN}), "PAIRING_REQUIRED scope-upgrade")]
#[case::secret(NEW, json!({"token": TOKEN}), "hello")]
#[case::device_token(NEW, json!({"deviceToken": "tok"}), "AUTH_SCOPE_MISMATCH")]
fn shared_secret_grants_more_scopes(#[case] release: &str, #[case] auth: Value, #[case] expected: &str) {
    let mut gateway = gateway(release).with(Document::DevicesPaired, paired("d", &["operator.read"]));
    let answer = gateway.connect(&newer(cli().scopes(&["operator.admin"]).auth(auth)));
    assert_eq!(answer.verdict(), expected, "{}", answer.reasons);
}

#[test]
fn disabled_silent_pairing() {
    let mut gateway = gateway_with(NEW, |config| config.auto_approve_local = false);
    let answer = gateway.connect(&newer(cli()));
    assert_eq!(answer.verdict(), "PAIRING_REQUIRED not-paired", "{}", answer.reasons);
}

#[rstest]
#[case::no_proxy(&[], &[], 101)]
#[case::untrusted(&[("x-forwarded-for", "203.0.113.7")], &[], 403)]
#[case::trusted(&[("x-forwarded-for", "203.0.113.7")], &["127.0.0.1"], 101)]
#[case::loopback_client(&[("x-forwarded-for", "127.0.0.1")], &["127.0.0.1"], 403)]
#[case::nameless(&[("x-forwarded-proto", "https")], &["127.0.0.1"], 403)]
#[case::tailscale(&[("tailscale-user-login", "a@b")], &[], 403)]
#[case::trusted_but_direct(&[], &["127.0.0.1"], 101)]
fn scope_upgrade_needs_connection(
    #[case] headers: &[(&'static str, &'static str)],
    #[case] proxies: &[&str],
    #[case] status: u16,
) {
    let mut gateway =
        gateway_with(NEW, |config| config.trusted_proxies = proxies.iter().map(|ip| (*ip).to_owned()).collect());
    let connect = headers.iter().fold(cli(), |connect, (name, value)| connect.header(name, value));
    let outcome = gateway.handle(Input::Open { connection: ConnectionId(7), peer: connect.peer() });
    let answered_status = match outcome.effects.first() {
        Some(Effect::RefuseUpgrade { status, .. }) => *status,
        _ => 101,
    };
    assert_eq!(answered_status, status, "{:?}", outcome.trace);
}

#[test]
fn hello_auth_describes_connection() {
    let mut gateway = gateway(NEW).with(Document::DevicesPaired, paired("d", &["operator.admin"]));
    let auth = gateway.connect(&newer(cli())).payload["auth"].clone();
    assert_eq!((&auth["method"], &auth["scopes"]), (&json!("token"), &json!(["operator.read"])));
    assert_eq!((&auth["deviceToken"], &auth["recoveryMigrationAllowed"]), (&json!("tok"), &json!(true)));
    assert_eq!(auth["recoveryScope"].as_str().map(str::len), Some(43));
}

#[rstest]
#[case("2026.7.35", "PAIRING_REQUIRED scope-upgrade")]
#[case(NEW, "hello")]
fn local_backend_ignores_its_record(#[case] release: &str, #[case] expected: &str) {
    let record = paired_with("d", &["operator.read"], |record| record["tokens"] = json!({}));
    let mut gateway = gateway(release).with(Document::DevicesPaired, record);
    let connect = newer(cli().client("gateway-client", "backend").scopes(&["operator.approvals"]));
    let answer = gateway.connect(&connect);
    assert_eq!(answer.verdict(), expected, "{}", answer.reasons);
}

#[rstest]
#[case(OLD, "hello")]
#[case(NEW, "CONTROL_UI_DEVICE_IDENTITY_REQUIRED")]
fn control_ui_flag_does_not_replace_device(#[case] release: &str, #[case] expected: &str) {
    let mut gateway = gateway_with(release, |config| config.control_ui_disable_device_auth = true);
    let connect = cli().client("openclaw-control-ui", "webchat").without_device();
    let connect = newer(connect.header("origin", "http://localhost:3000"));
    assert_eq!(gateway.connect(&connect).verdict(), expected);
}

#[test]
fn page_of_other_build_must_reload() {
    let connect = newer(cli().client("openclaw-control-ui", "webchat").header("origin", "http://127.0.0.1:18789"));
    let answer = gateway(NEW).connect(&connect);
    assert_eq!((answer.verdict().as_str(), answer.close_code()), ("PROTOCOL_MISMATCH", Some(close::POLICY)));
    let elsewhere = connect.header("origin", "http://localhost:3000");
    assert_eq!(gateway(NEW).connect(&elsewhere).verdict(), "hello");
}

#[test]
fn worker_connect_closes_silently() {
    let answer = gateway(NEW).connect(&newer(cli().role("worker")));
    assert_eq!((answer.payload.clone(), answer.verdict().as_str()), (Value::Null, "close 1008 invalid-handshake"));
}

#[test]
fn silent_pairing_removes_similar_devices() {
    let mut gateway = gateway(NEW);
    let ids = || ["a", "b", "c"].map(|name| DeviceKey::from_name(name).device_id());
    let here = |gateway: &TestGateway| ids().map(|id| gateway.document(Document::DevicesPaired).get(&id).is_some());
    let device = |name| newer(Connect { device: Some(name), ..cli() });
    for (name, later) in [("a", 0), ("b", 59_999), ("c", 1)] {
        gateway.now += later;
        let answer = gateway.connect(&device(name));
        assert_eq!(answer.verdict(), "hello", "{}", answer.reasons);
        let _ = gateway.handle(Input::Closed { connection: answer.connection });
    }
    assert_eq!(here(&gateway), [false, true, true], "a is a minute old when c comes, b is not");
}

#[rstest]
#[case::unproven(cli().client("gateway-client", "backend"), OLD, "invalid agent runtime identity token")]
#[case::from_elsewhere(cli(), NEW, "agent runtime identity token is only accepted from local backend gateway clients")]
#[case::unknown(cli(), "2026.6.11", "invalid connect params")]
fn agent_run_needs_token(#[case] connect: Connect, #[case] release: &str, #[case] expected: &str) {
    let connect = connect.tampered(|params| {
        params["maxProtocol"] = json!(4);
        params["auth"]["agentRuntimeIdentityToken"] = json!("x");
    });
    let answer = gateway(release).connect(&connect);
    let reason = answer.close_reason();
    assert!(reason.starts_with(expected), "{reason}");
}

#[rstest]
#[case::no_caps(&[], "chrome-extension://abcdefghijklmnopabcdefghijklmnop", "browser copilot requires ui mode")]
#[case::a_page(&["run-tool-bindings", "session-scoped-events"], "https://a.example", "browser copilot requires a canonical")]
#[case::extension(
    &["run-tool-bindings", "session-scoped-events"],
    "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
    "pairing required"
)]
fn copilot_needs_extension_origin(
    #[case] caps: &'static [&'static str],
    #[case] origin: &'static str,
    #[case] expected: &str,
) {
    let connect = newer(cli().client("openclaw-browser-copilot", "ui").header("origin", origin));
    let connect = match caps {
        [] => connect,
        _ => connect.tampered(|params| {
            params["maxProtocol"] = json!(4);
            params["caps"] = json!(["run-tool-bindings", "session-scoped-events"]);
        }),
    };
    let answer = gateway(NEW).connect(&connect);
    let reason = answer.close_reason();
    assert!(reason.starts_with(expected), "{reason}");
}

#[rstest]
#[case("2026.4.15", "PAIRING_REQUIRED not-paired")]
#[case("2026.5.7", "hello")]
fn pairs_node_of_listed_network(#[case] release: &str, #[case] expected: &str) {
    let mut gateway = gateway_with(release, |config| config.auto_approve_cidrs = vec!["192.168.0.0/16".to_owned()]);
    let connect = Connect { address: "192.168.1.9", ..cli().client("node-host", "node").role("node").scopes(&[]) };
    let answer = gateway.connect(&connect);
    assert_eq!(answer.verdict(), expected, "{}", answer.reasons);
    let elsewhere = Connect { address: "10.0.0.9", device: Some("e"), ..connect };
    assert_eq!(gateway.connect(&elsewhere).verdict(), "PAIRING_REQUIRED not-paired");
}

#[rstest]
#[case("2026.5.7", "hello")]
#[case("2026.6.11", "AUTH_RATE_LIMITED")]
fn rate_limit_without_configuration(#[case] release: &str, #[case] expected: &str) {
    let mut gateway = gateway_with(release, |config| config.trusted_proxies = vec!["127.0.0.1".to_owned()]);
    let speaks = |params: &mut Value| (params["minProtocol"], params["maxProtocol"]) = (json!(3), json!(4));
    let far = cli().without_device().header("x-forwarded-for", "203.0.113.7").tampered(speaks);
    for _ in 0..10 {
        assert_eq!(gateway.connect(&far.clone().auth(json!({"token": "wrong"}))).verdict(), "AUTH_TOKEN_MISMATCH");
    }
    assert_eq!(gateway.connect(&far).verdict(), expected);
}

#[rstest]
#[case("2026.5.7", "hello")]
#[case(OLD, "AUTH_RATE_LIMITED")]
fn limit_of_new_nodes_per_address(#[case] release: &str, #[case] expected: &str) {
    let limit = RateLimit { max_attempts: 2, window_ms: 60_000, lockout_ms: 60_000, exempt_loopback: false };
    let mut gateway = gateway_with(release, |config| config.rate_limit = Some(limit));
    let node = |device| {
        let connect = Connect { device: Some(device), ..cli().client("node-host", "node").role("node").scopes(&[]) };
        connect.tampered(|params| (params["minProtocol"], params["maxProtocol"]) = (json!(3), json!(4)))
    };
    assert_eq!(gateway.connect(&node("a")).verdict(), "hello");
    assert_eq!(gateway.connect(&node("b")).verdict(), "hello");
    assert_eq!(gateway.connect(&node("c")).verdict(), expected);
}

#[test]
fn earlier_scope_upgrade_counts() {
    let record = paired_with("d", &["operator.read"], |record| {
        record["role"] = json!("node");
        record["roles"] = json!(["node"]);
        record["tokens"] = json!({"node": {"token": "t", "role": "node", "scopes": [], "createdAtMs": 1}});
        record["scopes"] = json!([]);
        record["approvedScopes"] = json!([]);
    });
    let mut gateway = gateway_with(NEW, |_| {}).with(Document::DevicesPaired, record);
    let connect = newer(cli().auth(json!({"deviceToken": "t"})));
    assert_eq!(gateway.connect(&connect).verdict(), "AUTH_DEVICE_TOKEN_MISMATCH");
    assert_eq!(gateway.connect(&newer(cli())).verdict(), "hello");
}

#[rstest]
#[case::either("2026.5.7", cli(), 0)]
#[case::later("2026.6.11", newer(cli()), 1)]
fn node_with_two_connections_disconnects(
    #[case] release: &str,
    #[case] client: Connect,
    #[case] left_by_earlier: usize,
) {
    for (goes, left) in [(0, left_by_earlier), (1, 0)] {
        let mut gateway = gateway(release);
        let node = || Connect { role: "node", scopes: Vec::new(), ..client.clone() };
        let connections = [gateway.connect(&node()).connection, gateway.connect(&node()).connection];
        let known =
            |gateway: &TestGateway| gateway.model.clients().iter().filter(|(_, client)| client.stands_for_node).count();
        assert_eq!(known(&gateway), 1);
        gateway.handle(Input::Closed { connection: connections[goes] });
        assert_eq!(known(&gateway), left, "{release}: {goes} goes");
    }
}
