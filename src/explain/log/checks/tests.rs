//! The log of `clawcheck serve --verbose` describes the client: the described client gets the same answer.

use super::*;
use crate::client::Proxy;
use crate::explain::log::LoggedRefusal;
use crate::explain::{Answer, Client, ClientDevice, SimulatedGateway, StateDirectory, simulated};
use openclaw_emulator::CheckLine;
use proptest::collection::vec;
use proptest::prelude::*;
use rstest::rstest;
use untrusted_data::printable;

/// A gateway with a token, and a client.
fn gateway(client: &ClientDescription, release: &str) -> SimulatedGateway {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), r#"{ gateway: { mode: "local", auth: { mode: "token", token: "t-of-test" } } }"#)
        .unwrap();
    let state = StateDirectory::of_config(file.path()).unwrap();
    simulated(&state, &ClientDescription { release: release.parse().ok(), ..client.clone() }, 0).unwrap()
}

/// The lines about a connect, as `serve --verbose` writes them.
fn lines(answer: &Answer, connection: u64) -> String {
    let line = |line| format!("serve[7]: {}\n", printable::line(&CheckLine::new(connection, line).to_string()));
    answer.trace.iter().map(line).collect()
}

/// What the log of a refused connect says about the client.
fn described(log: &str) -> (LoggedRefusal, ClientDescription) {
    let (logged, mut description) = (LoggedRefusal::parse(log, None).unwrap(), ClientDescription::default());
    logged.complete(&mut description, &serde_json::Value::Null);
    (logged, description)
}

fn of(preset: &str) -> ClientDescription {
    ClientDescription { preset: preset.parse().ok(), ..ClientDescription::default() }
}

fn sends(credential: Credential) -> ClientDescription {
    ClientDescription { credential: Some(credential), ..of("cli") }
}

#[rstest]
#[case::new_device("2026.4.2", ClientDescription { peer: "192.0.2.7".parse().ok(), ..of("cli") })]
#[case::wrong_token("2026.4.2", sends(Credential::Token(Some("x".to_owned()))))]
#[case::no_token("2026.4.2", ClientDescription { credential: Some(Credential::None), ..of("probe") })]
#[case::password("2026.4.2", sends(Credential::Password(Some("x".to_owned()))))]
#[case::device_token("2026.4.2", sends(Credential::DeviceToken(Some("x".to_owned()))))]
#[case::bootstrap_token("2026.4.2", sends(Credential::Bootstrap("x".to_owned())))]
#[case::password_without_device("2026.4.2", ClientDescription { device: Some("none".to_owned()), ..sends(Credential::Password(Some("x".to_owned()))) })]
#[case::no_device("2026.9.6", ClientDescription { device: Some("none".to_owned()), ..of("control-ui") })]
#[case::no_origin("2026.9.6", ClientDescription { origin: Some(String::new()), ..of("control-ui") })]
#[case::no_host("2026.3.31", ClientDescription { host: Some(String::new()), ..sends(Credential::Token(Some("x".to_owned()))) })]
#[case::no_scopes("2026.4.2", ClientDescription { scopes: Some(Vec::new()), peer: "192.0.2.7".parse().ok(), ..of("cli") })]
#[case::unknown_proxy("2026.9.6", ClientDescription { via: Some(Proxy::Nginx), ..of("backend") })]
#[case::header("2026.4.2", ClientDescription { via: Some(Proxy::Nginx), scopes: Some(vec!["operator.read".to_owned()]), ..of("cli") })]
#[case::hidden_header("2026.9.6", ClientDescription { headers: vec![("x-forwarded-access-token".to_owned(), "t".to_owned())], ..of("cli") })]
#[case::invalid_role("2026.4.2", ClientDescription { role: Some("worker".to_owned()), ..of("node") })]
fn log_gives_same_answer(#[case] release: &str, #[case] client: ClientDescription) {
    let sent = gateway(&client, release);
    let refused = sent.answer();
    assert!(!refused.succeeds(), "{refused:?}");
    let earlier = "connection 12: frame: node-host/node on linux as node [], device abcd, without credentials\n";
    let (logged, description) = described(&format!("{earlier}{}", lines(&refused, 12)));
    let read = gateway(&description, release);
    assert_eq!(read.answer().verdict, refused.verdict, "{description:?}");
    assert!(logged.agrees(&refused) && logged.says().is_some(), "{logged:?}");
    assert_eq!(connection(&read), connection(&sent));
    if !matches!(refused.verdict, crate::explain::Verdict::NoUpgrade { .. }) {
        let device = |client: &Client| client.who.id();
        let of = |client: &Client| {
            (
                client.id.clone(),
                client.mode.clone(),
                client.platform.clone(),
                client.role.clone(),
                client.scopes.clone(),
            )
        };
        assert_eq!((of(&read.client), device(&read.client)), (of(&sent.client), device(&sent.client)));
    }
}

/// The connection, without the values that the log hides.
fn connection(gateway: &SimulatedGateway) -> (std::net::IpAddr, String, Vec<&str>) {
    let client = &gateway.client;
    let host = client.host.clone().unwrap_or_else(|| gateway.host());
    (client.peer, host, client.headers.iter().map(|(name, _)| name.as_str()).collect())
}

const HOSTILE: &str =
    "[a-z .]{0,9}|.{0,12}|(\n|\u{1b}\\[31m|\\], device x|, …|\"|\\\\| as |connection 1: answer: refused: x){1,3}";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn texts_of_client_are_read_back(
        scopes in vec(HOSTILE, 0..4),
        platform in HOSTILE,
        host in HOSTILE,
        forwarded in HOSTILE,
        peer in any::<std::net::IpAddr>(),
    ) {
        let sent = ClientDescription {
            scopes: Some(scopes),
            platform: Some(platform),
            host: Some(host),
            headers: vec![("x-forwarded-for".to_owned(), forwarded), ("authorization".to_owned(), "Bearer x".to_owned())],
            peer: Some(peer),
            device: Some("none".to_owned()),
            credential: Some(Credential::Token(Some("another".to_owned()))),
            ..of("tui")
        };
        let simulated = gateway(&sent, "2026.4.2");
        let (_, read) = described(&lines(&simulated.answer(), 3));
        prop_assert!(matches!(simulated.client.who, ClientDevice::Nobody));
        prop_assert_eq!(read.preset, sent.preset);
        prop_assert_eq!((read.platform, read.host, read.peer), (sent.platform, sent.host, sent.peer));
        prop_assert_eq!(read.headers.as_slice(), &sent.headers[..1]);
        prop_assert_eq!(read.scopes, sent.scopes);
        prop_assert!(matches!(read.credential, Some(Credential::Token(_))));
    }
}

/// The same refusal of an upgrade has another reason if its status differs.
#[rstest]
#[case("refused: HTTP 403", true)]
#[case("refused: HTTP 503", false)]
#[case("closed with 1009: too large", false)]
fn status_of_refused_upgrade_agrees(#[case] answer: &str, #[case] agrees: bool) {
    let refused = gateway(&ClientDescription { via: Some(Proxy::Nginx), ..of("backend") }, "2026.9.6").answer();
    let (logged, _) = described(&format!("connection 0: answer: {answer}\n"));
    assert_eq!(logged.agrees(&refused), agrees, "{refused:?}");
}

#[test]
fn rate_limit_has_advice() {
    let (logged, _) = described("connection 0: answer: refused: unauthorized: too many failed authentication attempts");
    assert!(logged.says().unwrap().contains("restart the gateway"), "{logged:?}");
}

/// An absent header is not the default of the client, and an id that is no hash is not that of a record.
#[test]
fn absent_headers_and_unusual_device() {
    let id = "7a".repeat(32);
    for (sent, device) in [("laptop", "new"), (id.as_str(), id.as_str())] {
        let frame = format!("frame: openclaw-control-ui/webchat on web as operator [], device {sent}, with token");
        let lines = ["upgrade: from 127.0.0.1", &frame, "answer: refused: origin not allowed"];
        let (_, read) = described(&lines.map(|line| format!("connection 0: {line}\n")).concat());
        assert_eq!((read.host.as_deref(), read.origin.as_deref()), (Some(""), Some("")));
        assert_eq!((read.device.as_deref(), read.scopes.as_deref()), (Some(device), Some([].as_slice())));
    }
}

/// Connections that have their answer do not displace one that waits.
#[test]
fn waiting_connection_outlasts_refused_ones() {
    let refused =
        |number| format!("connection {number}: upgrade: from ::1\nconnection {number}: answer: refused: other\n");
    let others = (1..1100).map(refused).collect::<String>();
    let log =
        format!("connection 0: upgrade: from 192.0.2.7\n{others}connection 0: answer: refused: pairing required\n");
    let (_, read) = described(&log);
    assert_eq!(read.peer, "192.0.2.7".parse().ok());
}
