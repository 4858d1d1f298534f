//! Tests of the lines of real gateways and of `clawcheck serve --verbose`.

use super::*;
use crate::explain::Credential;
use crate::explain::client::WRONG;
use crate::gateway_files::log_lines::CLOSED;
use openclaw_emulator::stored_state::StoredState;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

const LOG: &str = "\
2026-04-02T10:00:00Z [gateway] security audit: device access upgrade requested reason=scope-upgrade device=abcd ip=unknown-ip auth=token \
roleFrom=operator roleTo=operator scopesFrom=operator.read scopesTo=operator.admin,operator.write client=gateway-client conn=c1
2026-04-02T10:00:00Z [ws] closed before connect conn=c1 remote=127.0.0.1 fwd=203.0.113.7 origin=n/a host=gateway.example:443 \
ua=n/a code=1008 reason=pairing required
";

/// The words of the line about a requested upgrade.
const UPGRADE: &str = "device access upgrade requested ";

#[test]
fn last_refused_connect() {
    let mut description = ClientDescription { role: Some("node".to_owned()), ..ClientDescription::default() };
    let logged = LoggedRefusal::parse(LOG, None).unwrap();
    logged.complete(&mut description, &Value::Null);
    assert_eq!(description.device.as_deref(), Some("abcd"));
    assert_eq!(description.role.as_deref(), Some("node"), "what the user says stays");
    assert_eq!(description.scopes.unwrap(), ["operator.admin", "operator.write"]);
    assert_eq!(description.headers, [("x-forwarded-for".to_owned(), "203.0.113.7".to_owned())]);
    assert_eq!((description.host.as_deref(), description.origin), (Some("gateway.example:443"), None));
    assert_eq!(description.preset.unwrap().name, "backend");
    assert_eq!(logged.says().unwrap(), "the log says close 1008 \"pairing required\", after a scope-upgrade request");
}

/// Two upgrades can be refused with the same text.
#[rstest]
#[case::same_kind(json!({ "reason": "scope-upgrade" }), true)]
#[case::another_kind(json!({ "reason": "role-upgrade" }), false)]
#[case::no_kind(json!({}), true)]
fn answer_with_other_kind_of_upgrade_does_not_agree(#[case] details: Value, #[case] agrees: bool) {
    let message = "pairing required".to_owned();
    let error = json!({ "code": "NOT_PAIRED", "message": message, "details": details });
    let error = Some(Box::new(serde_json::from_value(error).unwrap()));
    let verdict = Verdict::Refused { error, close: Some((1008, message)) };
    let answer = Answer { verdict, trace: Vec::new(), withheld: Vec::new(), announced: None };
    assert_eq!(LoggedRefusal::parse(LOG, None).unwrap().agrees(&answer), agrees);
}

/// Without a reason, only the close code can agree.
#[rstest]
#[case::same_code("1009", true)]
#[case::another_code("1008", false)]
fn log_without_reason_does_not_match(#[case] code: &str, #[case] agrees: bool) {
    let line =
        LOG[LOG.find("[ws] closed").unwrap()..].replace("code=1008 reason=pairing required", "code=1009 reason=n/a");
    let logged = LoggedRefusal::parse(&line, None).unwrap();
    let close = Some((code.parse().unwrap(), String::new()));
    let verdict = Verdict::Refused { error: None, close };
    let answer = Answer { verdict, trace: Vec::new(), withheld: Vec::new(), announced: None };
    assert_eq!(logged.agrees(&answer), agrees);
}

/// Users often copy a line without its beginning.
#[rstest]
#[case("unauthorized conn=c1 remote=192.0.2.7 client=cli cli v1.0.0 reason=token_mismatch", "token_mismatch")]
#[case("handshake timeout conn=c1 remote=192.0.2.7", "handshake timeout")]
#[case("protocol mismatch conn=c1 remote=192.0.2.7", "protocol mismatch")]
#[case("closed before connect conn=c1 remote=192.0.2.7 code=1008 reason=pairing required", "pairing required")]
#[case("code=1008 reason=pairing required", "pairing required")]
fn line_without_its_beginning(#[case] line: &str, #[case] reason: &str) {
    assert_eq!(LoggedRefusal::parse(line, None).unwrap().reason(), reason);
    LoggedRefusal::parse("an unauthorized connection, see conn=c1; the handshake timeout is 10 s", None).unwrap_err();
}

#[test]
fn ignores_upgrade_of_other_connection() {
    let other = LOG.replace("conn=c1 remote", "conn=c2 remote");
    let mut description = ClientDescription::default();
    LoggedRefusal::parse(&other, None).unwrap().complete(&mut description, &Value::Null);
    assert_eq!((description.device, description.peer.is_some()), (None, true));
    LoggedRefusal::parse("[ws] webchat connected conn=c1\n", None).unwrap_err();
}

/// Lines of real releases, with other ids.
#[rstest]
#[case::a_wrong_token(
    "[ws] unauthorized conn=c1 remote=127.0.0.1 client=cli cli v1.0.0 reason=token_mismatch",
    "cli",
    Some(Credential::Token(Some(WRONG.to_owned()))),
    None
)]
#[case::a_device_token_on_2026_9_6(
    "[ws] unauthorized conn=c1 peer=127.0.0.1:58546->127.0.0.1:46635 remote=127.0.0.1 client=gateway-client backend v1.0.0 \
     role=operator scopes=1 auth=device-token device=yes platform=linux instance=n/a host=127.0.0.1:46635 origin=n/a ua=n/a \
     reason=device_token_mismatch guidance=unauthorized: device token mismatch (rotate/reissue device token)",
    "backend",
    Some(Credential::DeviceToken(Some(WRONG.to_owned()))),
    Some("linux")
)]
#[case::another_platform(
    "[gateway] security audit: device metadata upgrade requested reason=metadata-upgrade device=abcd ip=unknown-ip auth=token \
     payload=v3 claimedPlatform=macos pinnedPlatform=linux claimedDeviceFamily=<none> pinnedDeviceFamily=<none> client=cli conn=c1",
    "cli",
    Some(Credential::Token(None)),
    Some("macos")
)]
fn details_describe_client(
    #[case] line: &str,
    #[case] client: &str,
    #[case] credential: Option<Credential>,
    #[case] platform: Option<&str>,
) {
    // A probe that leaves afterwards is not refused.
    let left =
        "[ws] closed before connect conn=c2 remote=127.0.0.1 fwd=n/a origin=n/a host=a ua=n/a code=1000 reason=n/a";
    let mut description = ClientDescription::default();
    let logged = LoggedRefusal::parse(&format!("{line}\n{left}\n"), None).unwrap();
    logged.complete(&mut description, &Value::Null);
    assert_eq!(description.preset.unwrap().name, client);
    assert_eq!((description.credential, description.platform.as_deref()), (credential, platform));
    assert!(description.device.is_none_or(|device| device == "abcd"));
    LoggedRefusal::parse(left, None).unwrap_err();
}

#[test]
fn later_upgrade_keeps_refused_connect() {
    let closed = "[ws] closed before connect conn=c1 remote=192.0.2.1 code=1008 reason=pairing required";
    let open = "device metadata upgrade requested reason=metadata-upgrade device=abcd claimedPlatform=macos client=cli conn=c2";
    let unauthorized = "[ws] unauthorized conn=c3 remote=192.0.2.3 client=cli cli v1.0.0 reason=token_mismatch";
    let peer = |lines: &[&str]| {
        let mut description = ClientDescription::default();
        LoggedRefusal::parse(&lines.join("\n"), None).unwrap().complete(&mut description, &Value::Null);
        (description.peer.map(|peer| peer.to_string()), description.device)
    };
    assert_eq!(peer(&[closed, open]), (Some("192.0.2.1".to_owned()), None));
    assert_eq!(peer(&[open]), (None, Some("abcd".to_owned())), "there is no refused connect");
    assert_eq!(peer(&[closed, unauthorized, open]).0.unwrap(), "192.0.2.3", "refused credentials are a refusal");
}

#[test]
fn merges_lines_of_one_connection() {
    let unauthorized = "[ws] unauthorized conn=c1 remote=127.0.0.1 client=cli cli v1.0.0 role=operator scopes=1 auth=n/a \
                        device=yes platform=n/a reason=token_mismatch";
    let (upgrade, closed) = LOG.split_once('\n').unwrap();
    for log in [format!("{upgrade}\n{unauthorized}\n{closed}"), format!("{upgrade}\n{unauthorized}\n")] {
        let mut description = ClientDescription::default();
        LoggedRefusal::parse(&log, None).unwrap().complete(&mut description, &Value::Null);
        assert_eq!(description.scopes.unwrap(), ["operator.admin", "operator.write"]);
        assert_eq!((description.device.as_deref(), description.role.as_deref()), (Some("abcd"), Some("operator")));
        assert_eq!(description.preset.unwrap().name, "cli", "the later value counts");
        assert_eq!(description.credential, Some(Credential::Token(Some(WRONG.to_owned()))));
    }
}

#[test]
fn unknown_proxy_and_rate_limit() {
    let mut description = ClientDescription::default();
    let proxy =
        "[gateway] observed unattributable proxy-shaped traffic from 127.0.0.1; Gateway-authenticated routes reject it";
    LoggedRefusal::parse(proxy, None).unwrap().complete(&mut description, &Value::Null);
    assert_eq!(description.peer, Some("127.0.0.1".parse().unwrap()));
    assert_eq!(description.headers, [("x-forwarded-for".to_owned(), "203.0.113.7".to_owned())]);
    let limited = "[ws] unauthorized conn=c1 remote=192.0.2.2 client=cli cli v1.0.0 reason=rate_limited";
    assert!(LoggedRefusal::parse(limited, None).unwrap().says().unwrap().contains("restart the gateway"));
}

#[test]
fn interleaved_connections_keep_upgrades() {
    let line = |conn: &str, word: &str| {
        let line = LOG.lines().find(|line| line.contains(word)).unwrap();
        line.replace("conn=c1", &format!("conn={conn}")).replace("device=abcd", &format!("device=of-{conn}"))
    };
    let log = [line("c1", UPGRADE), line("c2", UPGRADE), line("c2", CLOSED), line("c1", CLOSED)].join("\n");
    let mut description = ClientDescription::default();
    LoggedRefusal::read_from(log.as_bytes(), None).unwrap().complete(&mut description, &Value::Null);
    assert_eq!(description.device.as_deref(), Some("of-c1"));
    let endless = io::repeat(b'x');
    assert!(matches!(LoggedRefusal::read_from(endless, None), Err(LogError::Unread(_, PlainFileError::TooLarge(_)))));
}

/// The lines about a connection that the gateway accepts, as a real gateway and as `serve --verbose` write them.
const ACCEPTED: [&str; 8] = [
    "connection 1: upgrade: from 192.0.2.66, Host: \"accepted.example\"",
    "connection 1: frame: node-host/node on accepted as node [accepted.scope], device new, with password",
    "connection 1: locality: not local: the peer 192.0.2.66 is not loopback",
    "connection 1: credentials: admitted by the gateway's password",
    "connection 1: answer: let in as node [accepted.scope]",
    "connection 1: call: refused: accepted",
    "[ws] webchat connected conn=a remote=192.0.2.66 client=node-host node v1",
    r#"{"0":"{\"subsystem\":\"gateway/ws\"}","1":{"deviceId":"accepted","reason":"x"},"2":"connected conn=c"}"#,
];
/// The lines about connections that a gateway refuses.
const REFUSED: [&str; 8] = [
    "connection 2: upgrade: from 192.0.2.7, Host: \"gateway.example\"",
    "connection 2: frame: cli/cli on linux as operator [operator.read], device new, with token",
    "connection 2: credentials: the client's token is not the gateway's token",
    "connection 2: answer: refused: unauthorized",
    "\u{1b}[35m[ws]\u{1b}[39m closed before connect conn=d remote=192.0.2.7 code=1008 reason=pairing required",
    "[ws] unauthorized conn=e client=cli cli v1.0.0 reason=token_mismatch",
    r#"{"0":"{\"subsystem\":\"gateway/ws\"}","1":{"cause":"pairing-required","deviceId":"abcd"},"2":"closed before connect conn=f code=1008 reason=x"}"#,
    r#"{"0":7,"1":{"cause":[],"deviceId":{},"reason":null,"client":1},"2":["closed before connect"],"3":"closed before connect code=1008 reason="}"#,
];

/// A line of a log: whole, cut, very long, or any text.
fn any_line() -> impl Strategy<Value = String> {
    let whole = prop::sample::select([ACCEPTED.as_slice(), &REFUSED].concat());
    let cut = (whole.clone(), any::<prop::sample::Index>()).prop_map(|(line, end)| {
        let end = line.floor_char_boundary(end.index(line.len() + 1));
        line[..end].to_owned()
    });
    let long = (prop::sample::select(REFUSED.to_vec()), 1..5_000_usize)
        .prop_map(|(line, times)| line.repeat(times % 90) + &"=".repeat(times));
    let hostile = "(connection [0-9]{1,22}: (upgrade|frame|answer|credentials): |\\[ws\\] |conn=|closed before connect |\\{\"0\":|\u{1b}\\[|.){0,12}";
    prop_oneof![4 => whole.prop_map(str::to_owned), 2 => cut, 1 => long, 2 => hostile]
}

proptest! {
    #[test]
    fn accepted_client_is_not_that_of_refusal(
        lines in prop::collection::vec(any_line(), 0..30),
        end in prop::sample::select(vec!["\n", "\r\n"]),
    ) {
        let Ok(logged) = LoggedRefusal::parse(&lines.join(end), None) else { return Ok(()) };
        let mut description = ClientDescription::default();
        logged.complete(&mut description, &json!({ "gateway": 7 }));
        prop_assert!(!format!("{description:?}").contains("accepted"), "{:?}", description);
        prop_assert_ne!(description.peer, "192.0.2.66".parse().ok());
        let _ = (logged.says(), logged.cause(&Facts::of("2026.4.2".parse().unwrap()).unwrap(), 1));
    }
}

/// Lines of the real 2026.7.35, with other ids. Only a page has an origin.
#[rstest]
#[case::page_without_device(
    "origin=http://192.0.2.2:1 host=192.0.2.2:1 ua=n/a code=1008 reason=control ui requires device identity (use HTTPS or localhost \
     secure context) phase=auth_credentials_received",
    Some("none")
)]
#[case::page(
    "origin=http://localhost:1 host=localhost:1 ua=n/a code=1008 reason=pairing required: device is not approved yet",
    None
)]
#[case::page_of_old_release(
    "origin=n/a host=a ua=n/a code=1008 reason=control ui requires HTTPS or localhost (secure context)",
    Some("none")
)]
#[case::reason_of_page(
    "origin=n/a host=a ua=n/a code=1008 reason=protocol mismatch: Control UI updated; reload this page",
    None
)]
fn page_is_recognized(#[case] closed: &str, #[case] device: Option<&str>) {
    let mut description = ClientDescription::default();
    let line = format!("[ws] closed before connect conn=c1 remote=192.0.2.2 fwd=n/a {closed}");
    LoggedRefusal::parse(&line, None).unwrap().complete(&mut description, &Value::Null);
    assert_eq!((description.preset.unwrap().name, description.device.as_deref()), ("control-ui", device));
}

#[rstest]
#[case("openclaw-macos node v2026.4.2", "macos", "node")]
#[case("openclaw-ios ui v2026.4.2", "ios", "operator")]
fn mode_of_app_is_its_role(#[case] client: &str, #[case] name: &str, #[case] role: &str) {
    let mut description = ClientDescription::default();
    let line = format!("[ws] unauthorized conn=c1 remote=127.0.0.1 client={client} reason=device_token_mismatch");
    LoggedRefusal::parse(&line, None).unwrap().complete(&mut description, &Value::Null);
    assert_eq!((description.preset.unwrap().name, description.role.as_deref()), (name, Some(role)));
}

/// With the gateway's secret, an operator needs no device, but a node can need one.
#[rstest]
#[case::command("client=cli cli", Some(Credential::None))]
#[case::node("client=node-host node", None)]
fn client_without_device_has_no_secret(#[case] client: &str, #[case] credential: Option<Credential>) {
    let mut description = ClientDescription::default();
    let line = format!("[ws] unauthorized conn=c1 remote=127.0.0.1 {client} v1 reason={DEVICE_REQUIRED}");
    LoggedRefusal::parse(&line, None).unwrap().complete(&mut description, &Value::Null);
    assert_eq!((description.device.as_deref(), description.credential), (Some("none"), credential));
}

/// The log can contain the connects of several clients.
#[test]
fn connect_of_named_client_is_preferred() {
    let line = |client: &str, conn: &str| {
        format!(
            "[ws] unauthorized conn={conn} remote=127.0.0.1 client={client} reason=token_mismatch\n\
             [ws] closed before connect conn={conn} remote=127.0.0.1 host={conn} code=1008 reason=unauthorized\n"
        )
    };
    let log = line("openclaw-android ui v1", "c1") + &line("cli cli v1", "c2") + &line("cli probe v1", "c3");
    let host = |client: Option<&str>| {
        let mut description = ClientDescription::default();
        let logged = LoggedRefusal::parse(&log, client.map(|client| client.parse().unwrap())).unwrap();
        logged.complete(&mut description, &Value::Null);
        description.host.unwrap()
    };
    assert_eq!([None, Some("android"), Some("cli"), Some("ios")].map(host), ["c3", "c1", "c2", "c3"]);
}

/// The pending request of a refused connect describes the client, and the line about the close does not.
#[test]
fn pending_request_describes_client() {
    let request = json!({
        "requestId": "r1", "deviceId": "abcd", "clientId": "openclaw-control-ui", "clientMode": "webchat", "platform": "MacIntel",
        "role": "operator", "scopes": ["operator.read"],
    });
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("devices")).unwrap();
    let pending = json!({ "r1": request }).to_string();
    std::fs::write(directory.path().join("devices/pending.json"), pending).unwrap();
    let stored = StoreBeforeStart::from(StoredState::read(directory.path()).unwrap());
    let completed = |id: &str, detail: &str| {
        let mut description = ClientDescription::default();
        let close = "[ws] closed before connect conn=c1 remote=127.0.0.1 host=a code=1008 reason=pairing required: device is not";
        let log = format!("{detail}{close} approved yet (requestId: {id})");
        let logged = LoggedRefusal::parse(&log, None).unwrap();
        logged.complete_from_store(&mut description, &stored);
        logged.complete(&mut description, &Value::Null);
        description
    };
    let known = completed("r1", "");
    assert_eq!((known.device.as_deref(), known.platform.as_deref()), (Some("abcd"), Some("MacIntel")));
    assert_eq!((known.preset.unwrap().name, known.scopes.unwrap()), ("control-ui", vec!["operator.read".to_owned()]));
    let unknown = completed("r2", "");
    assert_eq!((unknown.device, unknown.preset), (None, None));
    let told = completed("r1", &LOG[..LOG.find('\n').unwrap() + 1]);
    assert_eq!(told.scopes.unwrap(), ["operator.admin", "operator.write"], "what the log says is that connect");
}
