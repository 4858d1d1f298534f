//! Tests of pairing: which client gets what without approval, in which release.

use super::*;
use rstest::rstest;

const NOT_PAIRED: &str = "PAIRING_REQUIRED not-paired";
const ROLE: &str = "PAIRING_REQUIRED role-upgrade";
const SCOPE: &str = "PAIRING_REQUIRED scope-upgrade";
const METADATA: &str = "PAIRING_REQUIRED metadata-upgrade";

#[rstest]
#[case::direct("2026.2.19", &[], "hello")]
#[case::whole_loopback("2026.2.19", &[("host", "127.0.0.2")], "pairing required")]
#[case::whole_loopback("2026.2.26", &[("host", "127.0.0.2")], "hello")]
#[case::direct("2026.2.26", &[], "hello")]
#[case::direct("2026.3.13", &[], "hello")]
#[case::direct("2026.3.28", &[], "hello")]
#[case::direct("2026.3.31", &[], "hello")]
#[case::host_of_others("2026.3.28", &[("host", "box.lan")], NOT_PAIRED)]
#[case::host_of_others("2026.3.31", &[("host", "box.lan")], "hello")]
#[case::tailnet_name("2026.3.28", &[("host", "box.tail1234.ts.net")], "hello")]
#[case::forwarded("2026.3.31", &[("forwarded", "for=1.2.3.4")], NOT_PAIRED)]
#[case::forwarded("2026.3.28", &[("forwarded", "for=1.2.3.4")], "hello")]
#[case::proto("2026.3.28", &[("x-forwarded-proto", "https")], "hello")]
#[case::proto("2026.4.2", &[("x-forwarded-proto", "https")], NOT_PAIRED)]
#[case::proto("2026.4.5", &[("x-forwarded-proto", "https")], "hello")]
#[case::real_ip("2026.4.8", &[("x-real-ip", "127.0.0.1")], NOT_PAIRED)]
#[case::empty_header("2026.4.2", &[("x-forwarded-for", "")], "hello")]
fn local_client_is_paired_silently(
    #[case] release: &str,
    #[case] headers: &[(&'static str, &'static str)],
    #[case] verdict: &str,
) {
    let connect = headers.iter().fold(cli(), |connect, (name, value)| connect.header(name, value));
    let answer = gateway(release).connect(&connect);
    assert_eq!(answer.verdict(), verdict, "{}", answer.reasons);
}

#[rstest]
#[case("2026.3.28", None, NOT_PAIRED)]
#[case("2026.2.19", Some("127.0.0.1"), "hello")]
#[case("2026.2.19", Some("127.0.0.2, 10.0.0.1"), "hello")]
#[case("2026.2.26", Some("127.0.0.1"), NOT_PAIRED)]
#[case("2026.3.13", Some("10.0.0.1, 127.0.0.1"), NOT_PAIRED)]
#[case("2026.3.13", Some("127.0.0.2"), "hello")]
#[case("2026.3.28", Some("127.0.0.2"), NOT_PAIRED)]
#[case("2026.3.28", Some("127.0.0.1"), NOT_PAIRED)]
#[case("2026.3.31", None, "hello")]
#[case("2026.3.31", Some("127.0.0.1"), NOT_PAIRED)]
fn loopback_in_trusted_proxies(#[case] release: &str, #[case] forwarded: Option<&'static str>, #[case] verdict: &str) {
    let mut gateway = gateway_with(release, |config| config.trusted_proxies = vec!["127.0.0.1".to_owned()]);
    let connect = forwarded.into_iter().fold(cli(), |connect, value| connect.header("x-forwarded-for", value));
    let answer = gateway.connect(&connect);
    assert_eq!(answer.verdict(), verdict, "{}", answer.reasons);
}

#[test]
fn refusal_names_header() {
    let mut gateway = gateway_with("2026.4.2", |config| config.trusted_proxies = vec!["127.0.0.1".to_owned()]);
    let answer = gateway.connect(&cli().header("x-forwarded-for", "203.0.113.7"));
    let sentence = "not local: header X-Forwarded-For is present, and trustedProxies does not change that";
    assert!(answer.reasons.contains(sentence), "{}", answer.reasons);
    let pending = gateway.document(Document::DevicesPending);
    assert_eq!(pending.as_object().unwrap().values().next().unwrap()["remoteIp"], "203.0.113.7");
}

#[test]
fn remote_client_leaves_request() {
    let mut gateway = gateway("2026.4.2");
    let answer = gateway.connect(&cli().from("10.0.0.5"));
    assert_eq!(answer.close, Some((1008, "pairing required".to_owned())));
    assert_eq!(answer.payload["code"], "NOT_PAIRED");
    let pending = gateway.document(Document::DevicesPending);
    let (id, request) = pending.as_object().unwrap().iter().next().unwrap();
    assert_eq!(answer.payload["details"]["requestId"], *id);
    assert_eq!((&request["silent"], &request["isRepair"]), (&json!(false), &json!(false)));
    assert_eq!(gateway.document(Document::DevicesPaired), json!({}));
}

#[rstest]
#[case("2026.3.28", "127.0.0.1", ROLE)]
#[case("2026.4.1", "127.0.0.1", ROLE)]
#[case("2026.4.2", "127.0.0.1", "hello")]
#[case("2026.4.2", "10.0.0.5", ROLE)]
fn operator_becomes_node(#[case] release: &str, #[case] address: &'static str, #[case] verdict: &str) {
    let mut gateway = gateway(release).with(Document::DevicesPaired, paired("d", &["operator.read"]));
    let answer = gateway.connect(&cli().role("node").scopes(&[]).from(address));
    assert_eq!(answer.verdict(), verdict, "{}", answer.reasons);
}

#[rstest]
#[case("2026.3.28", json!({}), "hello")]
#[case("2026.3.31", json!({}), ROLE)]
#[case("2026.4.1", json!({}), ROLE)]
#[case("2026.4.2", json!({}), "hello")]
#[case("2026.3.31", Value::Null, "hello")]
fn empty_token_map_by_release(#[case] release: &str, #[case] tokens: Value, #[case] verdict: &str) {
    let record = paired_with("d", &["operator.read"], |record| record["tokens"] = tokens);
    let mut gateway = gateway(release).with(Document::DevicesPaired, record);
    let answer = gateway.connect(&cli().from("10.0.0.5"));
    assert_eq!(answer.verdict(), verdict, "{}", answer.reasons);
}

#[rstest]
#[case::narrower("2026.4.8", &["operator.read"], "hello")]
#[case::implied("2026.4.8", &["operator.write"], SCOPE)]
#[case::none("2026.4.8", &[], "hello")]
#[case::since("2026.3.28", &["operator.write"], SCOPE)]
#[case::before("2026.3.13", &["operator.write"], "hello")]
#[case::first("2026.2.26", &["operator.write"], "hello")]
#[case::not_yet("2026.2.19", &["operator.write"], "pairing required")]
fn silent_scope_upgrade_2026_2_26_to_2026_3_13(
    #[case] release: &str,
    #[case] scopes: &[&'static str],
    #[case] verdict: &str,
) {
    let mut gateway = gateway(release).with(Document::DevicesPaired, paired("d", &["operator.read"]));
    assert_eq!(gateway.connect(&cli().scopes(scopes)).verdict(), verdict);
}

#[rstest]
#[case("2026.4.2", "hello")]
#[case("2026.4.5", SCOPE)]
fn approved_scopes_take_precedence_since_2026_4_5(#[case] release: &str, #[case] verdict: &str) {
    let record = paired_with("d", &["operator.read"], |record| record["approvedScopes"] = json!(["operator.pairing"]));
    let mut gateway = gateway(release).with(Document::DevicesPaired, record);
    assert_eq!(gateway.connect(&cli()).verdict(), verdict);
}

#[rstest]
#[case::same("linux", Value::Null, "hello")]
#[case::case_differs("Linux", Value::Null, "hello")]
#[case::other("darwin", Value::Null, METADATA)]
#[case::family("linux", json!("Desktop"), METADATA)]
#[case::unknown("", Value::Null, "hello")]
fn pins_platform_and_family(#[case] platform: &str, #[case] family: Value, #[case] verdict: &str) {
    let record = paired_with("d", &["operator.read"], |record| {
        record["platform"] = json!(platform);
        record["deviceFamily"] = family;
    });
    let mut gateway = gateway("2026.4.2").with(Document::DevicesPaired, record);
    let answer = gateway.connect(&cli());
    assert_eq!(answer.verdict(), verdict, "{}", answer.reasons);
}

#[rstest]
#[case::paired("2026.2.26", &[], "hello", true)]
#[case::once("2026.3.13", &[], "hello", false)]
#[case::after("2026.3.28", &[], "hello", true)]
#[case::before("2026.4.2", &[], "hello", true)]
#[case::since("2026.4.5", &[], "hello", false)]
#[case::proxied("2026.4.5", &[("x-forwarded-for", "1.2.3.4")], NOT_PAIRED, false)]
fn local_backend_pairing_by_release(
    #[case] release: &str,
    #[case] headers: &[(&'static str, &'static str)],
    #[case] verdict: &str,
    #[case] pairs: bool,
) {
    let mut gateway = gateway(release);
    let backend = cli().client("gateway-client", "backend");
    let connect = headers.iter().fold(backend, |connect, (name, value)| connect.header(name, value));
    let answer = gateway.connect(&connect);
    assert_eq!(answer.verdict(), verdict, "{}", answer.reasons);
    let paired = gateway.document(Document::DevicesPaired);
    assert_eq!(paired.as_object().is_some_and(|all| !all.is_empty()), pairs);
}

#[rstest]
#[case("2026.4.5", NOT_PAIRED)]
#[case("2026.4.8", "hello")]
fn container_control_ui_is_local_since_2026_4_8(#[case] release: &str, #[case] verdict: &str) {
    let mut gateway =
        gateway_with(release, |config| config.allowed_origins = vec!["http://localhost:18789".to_owned()]);
    let connect = cli()
        .client("openclaw-control-ui", "webchat")
        .header("origin", "http://localhost:18789")
        .header("host", "localhost:18789")
        .from("172.17.0.1");
    let answer = gateway.connect(&connect);
    assert_eq!(answer.verdict(), verdict, "{}", answer.reasons);
}

#[test]
fn malformed_record_closes_silently() {
    let record = paired_with("d", &["operator.read"], |record| record["tokens"] = json!({ "operator": null }));
    let mut gateway = gateway("2026.4.2").with(Document::DevicesPaired, record);
    let answer = gateway.connect(&cli());
    assert_eq!(answer.verdict(), "close 1000 ");
    assert!(answer.reasons.contains("the release throws"), "{}", answer.reasons);
}

#[test]
fn approvers_receive_pairing_events() {
    let mut gateway = gateway("2026.4.2");
    gateway.connect(&Connect { device: Some("admin"), ..cli() }.scopes(&["operator.pairing"]));
    let answer = gateway.connect(&cli().from("10.0.0.5"));
    assert_eq!(answer.events[0].0, "device.pair.requested");
    assert_eq!(answer.events[0].1["requestId"], answer.payload["details"]["requestId"]);
    let approved = gateway.connect(&Connect { device: Some("e"), ..cli() });
    assert_eq!(
        (approved.events[0].0.as_str(), &approved.events[0].1["decision"]),
        ("device.pair.resolved", &json!("approved"))
    );
}
