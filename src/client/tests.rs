//! Tests of everything that a gateway can do to a connection, and of how the results differ.

use super::connection::Limits;
use super::link::Stream;
use super::*;
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use untrusted_data::limits::FRAME_VALUES;

fn in_ten_seconds() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn in_a_moment() -> Instant {
    Instant::now() + Duration::from_millis(100)
}

/// Answers an upgrade by hand. The test determines what follows.
async fn upgrade(stream: &mut (impl Stream + ?Sized)) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        assert!(stream.read_buf(&mut request).await.unwrap() > 0);
    }
    let request = String::from_utf8(request).unwrap();
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    let accept = derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await.unwrap();
}

async fn pair(limits: Limits) -> (Connection, DuplexStream) {
    let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
    let link = Link::Pipe { stream: Box::new(ours), authority: "127.0.0.1:18789".to_owned() };
    let (default, recorder) = (Upgrade::default(), Transcript::new().recorder("a"));
    let opening = Connection::open_with(link, &default, recorder, limits, in_ten_seconds());
    let (connection, ()) = tokio::join!(opening, upgrade(&mut theirs));
    (connection.unwrap(), theirs)
}

/// An unmasked frame, as from a server.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match u8::try_from(payload.len()) {
        Ok(length) if length < 126 => bytes.push(length),
        _ if payload.len() > usize::from(u16::MAX) => {
            bytes.push(127);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
        _ => {
            bytes.push(126);
            bytes.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
    }
    bytes.extend(payload);
    bytes
}

fn text(payload: &str) -> Vec<u8> {
    frame(0x81, payload.as_bytes())
}

/// The events of the connection if the gateway sends these bytes and disconnects.
async fn ending(bytes: &[u8]) -> Closed {
    let (mut connection, mut gateway) = pair(Limits::default()).await;
    gateway.write_all(bytes).await.unwrap();
    drop(gateway);
    let Incoming::Closed(closed) = connection.next(in_ten_seconds()).await else { panic!("not closed") };
    assert_eq!(connection.next(in_ten_seconds()).await, Incoming::Closed(closed.clone()), "it stays closed");
    closed
}

#[tokio::test]
async fn distinguishes_endings() {
    let with_code = ending(&frame(0x88, &[&1008_u16.to_be_bytes()[..], b"pairing required"].concat())).await;
    assert_eq!((with_code.code, with_code.reason.as_str(), with_code.clean()), (Some(1008), "pairing required", true));
    let without_code = ending(&frame(0x88, b"")).await;
    assert_eq!((without_code.code, without_code.clean(), without_code.browser_code()), (None, true, 1005));
    let without_frame = ending(b"").await;
    assert_eq!((&without_frame.how, without_frame.browser_code()), (&Ending::Eof, 1006));
    let half_a_frame = ending(&[0x81, 10, b'x']).await;
    assert_eq!(half_a_frame.how, Ending::Eof);
    for broken in [&[0x81, 0x80, 0, 0, 0, 0][..], &[0xf1, 0], &[0x81, 1, 0xff], &[0x83, 0]] {
        assert!(matches!(ending(broken).await.how, Ending::Violation(_)), "{broken:x?}");
    }
}

#[tokio::test]
async fn reports_invalid_close_code() {
    for code in [0_u16, 1005, 1006, 1015] {
        let closed = ending(&frame(0x88, &[&code.to_be_bytes()[..], b"odd"].concat())).await;
        assert_eq!((closed.code, closed.reason.as_str(), closed.clean()), (Some(code), "odd", false));
    }
    let honest = ending(&frame(0x88, &[&1002_u16.to_be_bytes()[..], b"Protocol violation"].concat())).await;
    assert_eq!((honest.code, honest.clean()), (Some(1002), true));
}

#[tokio::test]
async fn reset_is_not_end_of_stream() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let link = Link::tcp(listener.local_addr().unwrap());
    let gateway = async {
        let (mut stream, _): (TcpStream, _) = listener.accept().await.unwrap();
        upgrade(&mut stream).await;
        stream.set_zero_linger().unwrap();
    };
    let (default, recorder) = (Upgrade::default(), Transcript::new().recorder("a"));
    let (connection, ()) = tokio::join!(Connection::open(link, &default, recorder, in_ten_seconds()), gateway);
    let Incoming::Closed(closed) = connection.unwrap().next(in_ten_seconds()).await else { panic!() };
    assert_eq!((closed.how, closed.code), (Ending::Reset, None));
}

#[tokio::test]
async fn closed_port_is_refused() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let recorder = Transcript::new().recorder("a");
    let error = Connection::open(Link::tcp(address), &Upgrade::default(), recorder, in_ten_seconds()).await.err();
    assert_eq!(error, Some(OpenError::Refused(address.to_string())));
}

#[tokio::test]
async fn rejects_message_above_limit() {
    let limits = Limits { message_bytes: 1000, ..Limits::default() };
    let (mut connection, mut gateway) = pair(limits).await;
    gateway.write_all(&text(&"x".repeat(1001))).await.unwrap();
    let Incoming::Closed(Closed { how: Ending::TooMuch(why), .. }) = connection.next(in_ten_seconds()).await else {
        panic!()
    };
    assert_eq!(why, "a message of 1,001 bytes, more than 1,000");
    // A length that exceeds every memory is refused because of its header.
    let (mut connection, mut gateway) = pair(Limits::default()).await;
    gateway.write_all(&[0x81, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).await.unwrap();
    assert!(matches!(
        connection.next(in_ten_seconds()).await,
        Incoming::Closed(Closed { how: Ending::TooMuch(_), .. })
    ));
}

#[tokio::test]
async fn event_flood_ends_connection() {
    let (mut connection, mut gateway) = pair(Limits { unread: 100, ..Limits::default() }).await;
    let flood = tokio::spawn(async move { while gateway.write_all(&text("{}")).await.is_ok() {} });
    let reply = connection.response(&RequestId("1".to_owned()), in_ten_seconds()).await;
    assert!(matches!(reply, Reply::Closed(Closed { how: Ending::TooMuch(_), .. })), "{reply:?}");
    drop(connection);
    flood.await.unwrap();
}

#[rstest::rstest]
#[case::pongs(frame(0x8a, b""), "more than 4096 pongs")]
#[case::pings(frame(0x89, b""), "more than 4096 pings")]
#[case::fragments(frame(0x00, b""), "a message has more than 8192 fragments")]
#[tokio::test]
async fn empty_frames_end_connection(#[case] frame: Vec<u8>, #[case] why: &str) {
    let (mut connection, mut gateway) = pair(Limits::default()).await;
    // The first fragment of a message that never ends. The fragment itself is complete.
    let first = if frame[0] == 0 { vec![0x01, 0] } else { text("{}") };
    let flood = tokio::spawn(async move {
        gateway.write_all(&first).await.unwrap();
        let (frames, mut answers) = (frame.repeat(1000), Vec::new());
        let (mut reads, mut writes) = tokio::io::split(gateway);
        let reading = tokio::spawn(async move { reads.read_to_end(&mut answers).await });
        while writes.write_all(&frames).await.is_ok() {}
        drop(writes);
        reading.await.unwrap().unwrap();
    });
    let reply = connection.response(&RequestId("1".to_owned()), in_ten_seconds()).await;
    let expected = Closed { code: None, reason: String::new(), how: Ending::TooMuch(why.to_owned()) };
    assert_eq!(reply, Reply::Closed(expected));
    drop(connection);
    flood.await.unwrap();
}

#[tokio::test]
async fn parsed_size_counts_toward_limit() {
    let (mut connection, mut gateway) = pair(Limits { unread_bytes: 1 << 20, ..Limits::default() }).await;
    let zeros = format!("[{}0]", "0,".repeat(4000));
    let flood = tokio::spawn(async move { while gateway.write_all(&text(&zeros)).await.is_ok() {} });
    let reply = connection.response(&RequestId("1".to_owned()), in_ten_seconds()).await;
    let Reply::Closed(Closed { how: Ending::TooMuch(why), .. }) = reply else { panic!("{reply:?}") };
    assert_eq!(why, "more than 1 MiB of unread messages");
    assert!(matches!(connection.next(in_ten_seconds()).await, Incoming::Text(_)), "one takes half a MiB");
    assert!(matches!(connection.next(in_ten_seconds()).await, Incoming::Closed(_)));
    drop(connection);
    flood.await.unwrap();
}

#[tokio::test]
async fn huge_answer_is_truncated() {
    let (mut connection, mut gateway) = pair(Limits::default()).await;
    let zeros = format!("[{}0]", "0,".repeat(499_999));
    let frame = format!(r#"{{"payload":{zeros},"type":"res","id":"1","ok":true}}"#);
    let write = async { gateway.write_all(&text(&frame)).await.unwrap() };
    let pending = RequestId("1".to_owned());
    let (reply, ()) = tokio::join!(connection.response(&pending, in_ten_seconds()), write);
    let Reply::Response(response) = reply else { panic!("{reply:?}") };
    let items = response["payload"].as_array().unwrap();
    assert!(items.len() < FRAME_VALUES + 10, "{}", items.len());
    assert_eq!(items.last().unwrap(), &format!("… {} more", untrusted_data::cut::number(500_001 - items.len() as u64)));
}

#[tokio::test]
async fn finds_response_among_events() {
    let (mut connection, mut gateway) = pair(Limits::default()).await;
    let pending = connection.request("health", json!({}), in_ten_seconds()).await.unwrap();
    let lines = [
        r#"{"type":"event","event":"a"}"#,
        r#"{"type":"res","id":"other","ok":true}"#,
        "not json",
        r#"{"type":"res","id":"1","ok":true,"payload":7}"#,
        r#"{"type":"event","event":"b"}"#,
    ];
    for line in lines {
        gateway.write_all(&text(line)).await.unwrap();
    }
    let Reply::Response(response) = connection.response(&pending, in_ten_seconds()).await else { panic!() };
    assert_eq!(response["payload"], 7);
    for expected in [lines[0], lines[1], lines[2], lines[4]] {
        let Incoming::Text(frame) = connection.next(in_ten_seconds()).await else { panic!() };
        assert_eq!(frame.text.as_str(), expected);
    }
    assert_eq!(connection.next(in_a_moment()).await, Incoming::Deadline);
}

#[tokio::test]
async fn delivers_messages_before_end() {
    let (mut connection, mut gateway) = pair(Limits::default()).await;
    gateway.write_all(&text(r#"{"type":"event","event":"last"}"#)).await.unwrap();
    gateway.write_all(&frame(0x88, &1000_u16.to_be_bytes())).await.unwrap();
    assert!(matches!(connection.response(&RequestId("1".to_owned()), in_ten_seconds()).await, Reply::Closed(_)));
    assert!(matches!(connection.next(in_ten_seconds()).await, Incoming::Text(_)));
    assert!(matches!(connection.next(in_ten_seconds()).await, Incoming::Closed(_)));
}

#[tokio::test]
async fn reads_early_answer() {
    let (mut connection, mut gateway) = pair(Limits::default()).await;
    gateway.write_all(&frame(0x88, &1009_u16.to_be_bytes())).await.unwrap();
    // Four times the capacity of the pipe, and nobody reads it.
    let sent = connection.send_text("x".repeat(256 * 1024), in_ten_seconds()).await;
    assert_eq!(sent, Err(SendError::Ended));
    assert!(matches!(connection.next(in_ten_seconds()).await, Incoming::Closed(Closed { code: Some(1009), .. })));
}

#[tokio::test]
async fn blocked_send_ends_at_deadline() {
    let (mut connection, gateway) = pair(Limits::default()).await;
    assert_eq!(connection.send_text("x".repeat(256 * 1024), in_a_moment()).await, Err(SendError::Deadline));
    drop(gateway);
}

#[tokio::test]
async fn close_with_and_without_answer() {
    let (mut connection, mut gateway) = pair(Limits::default()).await;
    connection.close(Some(1000), "bye", in_ten_seconds()).await.unwrap();
    assert_eq!(connection.next(in_a_moment()).await, Incoming::Deadline, "a gateway that never closes");
    gateway.write_all(&frame(0x88, &1000_u16.to_be_bytes())).await.unwrap();
    assert!(matches!(connection.next(in_ten_seconds()).await, Incoming::Closed(Closed { code: Some(1000), .. })));
}

/// Reads what the client still sends until its half of the connection ends, while `connection` stays open.
async fn until_our_half_ends(gateway: &mut DuplexStream) -> Vec<u8> {
    let mut rest = Vec::new();
    tokio::time::timeout_at(in_ten_seconds(), gateway.read_to_end(&mut rest))
        .await
        .expect("our half is still open")
        .unwrap();
    rest
}

#[tokio::test]
async fn closes_own_half_of_closed_connection() {
    let close = frame(0x88, &1008_u16.to_be_bytes());
    // A test reads the close alone, after a ping, and after a request.
    let (mut connection, mut gateway) = pair(Limits::default()).await;
    gateway.write_all(&close).await.unwrap();
    assert!(matches!(connection.next(in_ten_seconds()).await, Incoming::Closed(_)));
    let answer = until_our_half_ends(&mut gateway).await;
    assert_eq!(answer[..2], [0x88, 0x82], "the close frame is answered first");
    drop(connection);

    let (mut connection, mut gateway) = pair(Limits::default()).await;
    gateway.write_all(&close).await.unwrap();
    assert!(!connection.ping(in_ten_seconds()).await);
    until_our_half_ends(&mut gateway).await;
    drop(connection);

    // The data exceeds the capacity of the pipe, so the client reads the close while it still writes the request.
    let (mut connection, mut gateway) = pair(Limits::default()).await;
    gateway.write_all(&close).await.unwrap();
    let sent = connection.send_text("x".repeat(1 << 20), in_ten_seconds()).await;
    assert_eq!(sent, Err(SendError::Ended));
    until_our_half_ends(&mut gateway).await;
    drop(connection);
}

#[tokio::test]
async fn open_connection_keeps_own_half() {
    let (mut connection, mut gateway) = pair(Limits::default()).await;
    gateway.write_all(&text("{}")).await.unwrap();
    assert!(matches!(connection.next(in_ten_seconds()).await, Incoming::Text(_)));
    connection.send_text("last".to_owned(), in_ten_seconds()).await.unwrap();
    let mut byte = [0; 10];
    gateway.read_exact(&mut byte).await.unwrap();
    assert_eq!(byte[0], 0x81);
    let more = tokio::time::timeout_at(in_a_moment(), gateway.read(&mut byte)).await;
    assert!(more.is_err(), "the client neither sends nor ends: {more:?}");
}

#[tokio::test]
async fn sends_raw_bytes_and_answers_pings() {
    let (mut connection, mut gateway) = pair(Limits::default()).await;
    connection.send_raw_bytes(&[0x81, 0x01, b'x'], in_ten_seconds()).await.unwrap();
    let mut read = [0; 3];
    gateway.read_exact(&mut read).await.unwrap();
    assert_eq!(read, [0x81, 0x01, b'x']);
    gateway.write_all(&frame(0x8a, b"clawcheck")).await.unwrap();
    assert!(connection.ping(in_ten_seconds()).await);
    assert!(!connection.ping(in_a_moment()).await);
}

#[tokio::test]
async fn ping_flood_ends_connection() {
    let (mut connection, mut gateway) = pair(Limits { pings: 100, ..Limits::default() }).await;
    let flood = tokio::spawn(async move { while gateway.write_all(&[0x89, 0]).await.is_ok() {} });
    let heard = connection.next(in_ten_seconds()).await;
    assert!(matches!(heard, Incoming::Closed(Closed { how: Ending::TooMuch(_), .. })), "{heard:?}");
    drop(connection);
    flood.await.unwrap();
}
