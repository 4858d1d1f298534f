//! Tests of the frame, its size, protocol and role, and of messages that come too late, too often or all at once.

use super::*;
use rstest::rstest;

fn first(gateway: &mut TestGateway, data: &[u8]) -> Answer {
    let (connection, _) = gateway.open(cli().peer());
    let outcome = gateway.handle(Input::Message { connection, data: data.to_vec() });
    Answer::of(connection, outcome)
}

#[rstest]
#[case(b"", "close 1000 ")]
#[case(b"garbage", "close 1000 ")]
#[case(b"\xff\xfe", "close 1000 ")]
#[case("\u{feff}{}".as_bytes(), "close 1000 ")]
#[case(b"null", "close 1008 invalid request frame")]
#[case(b"[]", "close 1008 invalid request frame")]
#[case(br#"{"type":"event","event":"x"}"#, "close 1008 invalid request frame")]
#[case(br#"{"type":"req","id":1,"method":"connect"}"#, "close 1008 invalid request frame")]
#[case(br#"{"type":"req","id":"1","method":"health"}"#, "invalid handshake: first request must be connect")]
#[case(br#"{"type":"req","id":"1","method":"connect"}"#, "invalid connect params: must be object")]
fn rejects_other_first_frames(#[case] data: &[u8], #[case] verdict: &str) {
    assert_eq!(first(&mut gateway("2026.4.2"), data).verdict(), verdict);
}

#[test]
fn close_reason_is_truncated_message() {
    let answer = first(&mut gateway("2026.4.2"), br#"{"type":"req","id":"1","method":"connect","params":{}}"#);
    let message = answer.payload["message"].as_str().unwrap();
    assert!(message.len() > 120);
    assert_eq!(answer.close, Some((1008, message[..120].to_owned())));
}

#[rstest]
#[case(65_536, "close 1000 ")]
#[case(65_537, "close 1009 ")]
fn limit_before_hello_is_64_kib(#[case] size: usize, #[case] verdict: &str) {
    assert_eq!(first(&mut gateway("2026.4.2"), &vec![b'x'; size]).verdict(), verdict);
}

#[rstest]
#[case(1, 3, "hello")]
#[case(3, 99, "hello")]
#[case(4, 5, "protocol mismatch")]
#[case(1, 2, "protocol mismatch")]
#[case(4, 3, "protocol mismatch")]
fn protocol_range_must_contain_3(#[case] min: u32, #[case] max: u32, #[case] verdict: &str) {
    let mut gateway = gateway("2026.4.2");
    let (connection, nonce) = gateway.open(cli().peer());
    let mut frame = cli().frame(&nonce, NOW);
    frame["params"]["minProtocol"] = json!(min);
    frame["params"]["maxProtocol"] = json!(max);
    let answer = Answer::of(connection, gateway.handle(Input::Message { connection, data: frame.to_string().into() }));
    assert_eq!(answer.verdict(), verdict);
    if verdict != "hello" {
        assert_eq!(answer.payload["details"], json!({ "expectedProtocol": 3 }));
        assert_eq!(answer.close, Some((1002, "protocol mismatch".to_owned())));
    }
}

#[rstest]
#[case("owner", "invalid role")]
#[case("Operator", "invalid role")]
#[case("operator", "hello")]
fn only_two_roles_exist(#[case] role: &'static str, #[case] verdict: &str) {
    assert_eq!(gateway("2026.4.2").connect(&cli().role(role)).verdict(), verdict);
}

#[test]
fn call_sent_with_connect_counts_as_first_message() {
    let mut gateway = gateway("2026.4.2");
    let (connection, nonce) = gateway.open(cli().peer());
    let connect = cli().frame(&nonce, NOW).to_string().into_bytes();
    let call = br#"{"type":"req","id":"2","method":"health"}"#.to_vec();
    let outcome = gateway.handle(Input::Burst { connection, messages: vec![connect, call] });
    let heard: Vec<&Effect> =
        outcome.effects.iter().filter(|effect| matches!(effect, Effect::Send { .. } | Effect::Close { .. })).collect();
    let [Effect::Send { frame: ServerFrame::Res { id, ok: false, .. }, .. }, Effect::Close { code: 1008, .. }] =
        heard[..]
    else {
        panic!("{heard:?}")
    };
    assert_eq!(id, "2");
    assert_eq!(gateway.document(Document::DevicesPaired).as_object().unwrap().len(), 1);
    assert!(gateway.model.clients().is_empty());
}

#[test]
fn silent_client_times_out() {
    let mut gateway = gateway_with("2026.4.2", |config| config.handshake_timeout_ms = Some(700));
    let (connection, _) = gateway.open(cli().peer());
    gateway.now = NOW + 699;
    assert_eq!(gateway.handle(Input::Wake).wake_at, Some(NOW + 700));
    gateway.now = NOW + 700;
    let answer = Answer::of(connection, gateway.handle(Input::Wake));
    assert_eq!(answer.verdict(), "close 1000 ");
    let late = gateway.handle(Input::Message { connection, data: b"{}".to_vec() });
    assert_eq!(late.effects, []);
}

#[test]
fn at_most_32_waiting_sockets_per_address() {
    let mut gateway = gateway("2026.4.2");
    for _ in 0..32 {
        gateway.open(cli().peer());
    }
    let outcome = gateway.handle(Input::Open { connection: ConnectionId(99), peer: cli().peer() });
    assert!(matches!(&outcome.effects[..], [Effect::RefuseUpgrade { status: 503, .. }]));
    gateway.handle(Input::Closed { connection: ConnectionId(1) });
    let outcome = gateway.handle(Input::Open { connection: ConnectionId(100), peer: cli().peer() });
    assert!(matches!(&outcome.effects[..], [Effect::Send { .. }]));
}
