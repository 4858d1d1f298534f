//! Tests of `hello-ok`, the presence list and the end of a connection.

use super::*;
use rstest::rstest;

#[test]
fn first_connect_gets_token() {
    let mut gateway = gateway("2026.4.2");
    let hello = gateway.connect(&cli()).payload;
    let keys: Vec<&str> = hello.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["type", "protocol", "server", "features", "snapshot", "canvasHostUrl", "auth", "policy"]);
    let record = &gateway.document(Document::DevicesPaired)[DeviceKey::from_name("d").device_id()];
    assert_eq!(
        hello["auth"],
        json!({ "deviceToken": record["tokens"]["operator"]["token"], "role": "operator", "scopes": ["operator.read"],
                "issuedAtMs": NOW })
    );
    assert_eq!(hello["server"]["version"], "2026.4.2");
}

#[rstest]
#[case("2026.4.1", &["operator.read"], true)]
#[case("2026.4.2", &["operator.read"], false)]
#[case("2026.4.2", &["operator.admin"], true)]
fn paths_only_for_administrators_since_2026_4_2(
    #[case] release: &str,
    #[case] scopes: &[&'static str],
    #[case] shown: bool,
) {
    let hello = gateway(release).connect(&cli().scopes(scopes)).payload;
    assert_eq!(hello["snapshot"].get("stateDir").is_some(), shown);
}

#[rstest]
#[case("127.0.0.1:19001", &[], "http://127.0.0.1:19000")]
#[case("[::1]:19001", &[], "http://[[::1]]:19000")]
#[case("Box.lan", &[("x-forwarded-proto", "https")], "https://box.lan:19000")]
fn canvas_url_uses_client_host(
    #[case] host: &'static str,
    #[case] headers: &[(&'static str, &'static str)],
    #[case] url: &str,
) {
    let mut gateway = gateway_with("2026.4.5", |config| config.port = 19_000);
    let connect = headers
        .iter()
        .fold(cli().without_device().header("host", host), |connect, (name, value)| connect.header(name, value));
    let answer = gateway.connect(&connect);
    assert_eq!(answer.payload["canvasHostUrl"], url, "{}", answer.reasons);
}

#[test]
fn client_port_replaces_default_port() {
    let hello = gateway("2026.4.2").connect(&cli().header("host", "localhost:8080")).payload;
    assert_eq!(hello["canvasHostUrl"], "http://localhost:8080");
}

#[test]
fn presence_of_clients_other_than_cli() {
    let mut gateway = gateway("2026.4.2");
    gateway.connect(&cli());
    let answer = gateway.connect(&Connect { device: Some("e"), ..cli() }.client("openclaw-tui", "ui"));
    let present = |list: &Value| list.as_array().unwrap().iter().map(|e| e["reason"].clone()).collect::<Vec<_>>();
    assert_eq!(present(&answer.payload["snapshot"]["presence"]), ["self", "connect"]);
    let gone = Answer::of(answer.connection, gateway.handle(Input::Closed { connection: answer.connection }));
    assert_eq!(gone.events[0].0, "presence");
    assert_eq!(present(&gone.events[0].1["presence"]), ["self", "disconnect"]);
}

#[test]
fn stop_sends_shutdown_event() {
    let mut gateway = gateway("2026.4.2");
    let welcomed = gateway.connect(&cli()).connection;
    let (waiting, _) = gateway.open(cli().peer());
    let outcome = gateway.handle(Input::Stop);
    let bye = Answer::of(welcomed, outcome.clone());
    assert_eq!(
        bye.events,
        [("shutdown".to_owned(), json!({ "reason": "gateway stopping", "restartExpectedMs": null }))]
    );
    assert_eq!(bye.close, Some((1012, "service restart".to_owned())));
    assert_eq!(Answer::of(waiting, outcome).close, None);
}
