//! Tests of a socket with a scripted actor, without a model and with paused time.

mod client;

use super::super::outbox::Outbox;
use super::*;
use client::{Client, ClientEvent, NoUpgrade};
use rstest::rstest;
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;

struct TestGateway {
    client: Option<DuplexStream>,
    events: mpsc::Receiver<Event>,
    stopping: watch::Sender<bool>,
    task: JoinHandle<()>,
}

fn scene(goodbye: Duration) -> TestGateway {
    let (client, server) = tokio::io::duplex(4 * 1024);
    let (sender, events) = mpsc::channel(4);
    let (stopping, stopped) = watch::channel(false);
    let http_context =
        HttpContext { locality: LocalityRules::oldest(), config: GatewayConfig::default(), most_early_bytes: 65_536 };
    let (started, http_context) = (Instant::now(), Arc::new(http_context));
    let context = ConnectionContext { events: sender, stopping: stopped, goodbye, started, http_context };
    let task = tokio::spawn(serve(server, ConnectionId(7), [127, 0, 0, 1].into(), context));
    TestGateway { client: Some(client), events, stopping, task }
}

impl TestGateway {
    /// Sends an upgrade request, and makes the actor give this answer.
    async fn upgrade(&mut self, answer: Admission) -> (Result<Client, NoUpgrade>, Outbox) {
        let opening = Client::open(self.client.take().unwrap(), ("x-real-ip", "1.2.3.4"));
        let owner = async {
            let Some(Event::Open { connection: ConnectionId(7), peer, outbox, admission }) = self.events.recv().await
            else {
                panic!("no upgrade came")
            };
            assert_eq!((peer.header("host"), peer.header("x-real-ip")), (Some("gateway.test"), Some("1.2.3.4")));
            assert!(admission.send(answer).is_ok());
            outbox
        };
        tokio::join!(opening, owner)
    }

    async fn open(&mut self) -> (Client, Outbox) {
        let (client, outbox) = self.upgrade(Admission::Accepted).await;
        (client.unwrap_or_else(|answer| panic!("{answer:?}")), outbox)
    }

    async fn closed_event(&mut self) {
        assert!(matches!(self.events.recv().await, Some(Event::Closed { connection: ConnectionId(7) })));
        (&mut self.task).await.unwrap();
    }
}

/// Returns when no task has anything left to do, because a paused clock only moves then.
async fn all_tasks_wait() {
    tokio::time::advance(Duration::ZERO).await;
    tokio::time::timeout(Duration::from_millis(1), std::future::pending::<()>()).await.unwrap_err();
}

fn text(text: &str) -> OutboxCommand {
    OutboxCommand::Text(text.to_owned())
}

fn goodbye(code: u16, reason: &str) -> OutboxCommand {
    OutboxCommand::Close { code, reason: reason.to_owned() }
}

async fn read_text(client: &mut Client) -> String {
    match client.next().await {
        ClientEvent::Text(text) => text,
        other => panic!("{other:?}"),
    }
}

async fn read_close(client: &mut Client) -> (Option<u16>, String, bool) {
    match client.next().await {
        ClientEvent::Closed(code, reason) => (code, reason, true),
        ClientEvent::Cut => (None, String::new(), false),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn no_frames_after_close() {
    let mut scene = scene(Duration::ZERO);
    let (mut client, mut outbox) = scene.open().await;
    for command in [text("one"), text("two"), goodbye(1008, "pairing required"), text("late")] {
        outbox.push(command);
    }
    assert_eq!((read_text(&mut client).await, read_text(&mut client).await), ("one".to_owned(), "two".to_owned()));
    assert_eq!(read_close(&mut client).await, (Some(1008), "pairing required".to_owned(), true));
    drop(client);
    scene.closed_event().await;
}

#[tokio::test(start_paused = true)]
async fn delivers_messages_until_close() {
    let mut scene = scene(Duration::ZERO);
    let (mut client, mut outbox) = scene.open().await;
    assert!(client.send_text("hi").await);
    let Some(Event::Message { data, .. }) = scene.events.recv().await else { panic!("no message came") };
    assert_eq!(data, b"hi");
    assert!(client.send_text("one").await);
    assert!(client.send(Message::Binary(vec![1, 2].into())).await);
    let Some(Event::Burst { messages, .. }) = scene.events.recv().await else { panic!("no burst came") };
    assert_eq!(messages, [b"one".to_vec(), vec![1, 2]]);
    outbox.push(goodbye(1008, ""));
    outbox.push(text("never"));
    all_tasks_wait().await;
    assert!(client.send_text("too late").await);
    assert_eq!(read_close(&mut client).await.0, Some(1008));
    drop(client);
    scene.closed_event().await;
}

#[rstest]
#[case(Some(4321), "mine")]
#[case(None, "")]
#[tokio::test(start_paused = true)]
async fn echoes_client_close(#[case] code: Option<u16>, #[case] reason: &'static str) {
    let mut scene = scene(Duration::ZERO);
    let (mut client, _outbox) = scene.open().await;
    assert!(client.close(code, reason).await);
    assert_eq!(read_close(&mut client).await, (code, reason.to_owned(), true));
    drop(client);
    scene.closed_event().await;
}

#[rstest]
#[case::limit(65_536, None)]
#[case::above(65_537, Some(1009))]
#[tokio::test(start_paused = true)]
async fn limit_applies_before_hello(#[case] size: usize, #[case] code: Option<u16>) {
    let mut scene = scene(Duration::ZERO);
    let (mut client, _outbox) = scene.open().await;
    let sending = client.send_text("x".repeat(size));
    match code {
        None => {
            let (sent, event) = tokio::join!(sending, scene.events.recv());
            assert!(sent);
            assert!(matches!(event, Some(Event::Message { data, .. }) if data.len() == size));
        }
        Some(_) => {
            // The gateway stops processing at the header, so it may or may not read the rest.
            let _ = sending.await;
            assert_eq!(read_close(&mut client).await, (code, String::new(), true));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn hello_raises_limit() {
    let mut scene = scene(Duration::ZERO);
    let (mut client, mut outbox) = scene.open().await;
    outbox.push(OutboxCommand::RaiseLimit);
    outbox.push(text("hello"));
    read_text(&mut client).await;
    let sending = client.send_text("x".repeat(1_000_000));
    let (sent, event) = tokio::join!(sending, scene.events.recv());
    assert!(sent);
    assert!(matches!(event, Some(Event::Message { data, .. }) if data.len() == 1_000_000));
}

#[rstest]
#[case::not_masked(b"\x81\x02hi", 1002)]
#[case::reserved_opcode(b"\x83\x80\0\0\0\0", 1002)]
#[case::no_utf8(b"\x81\x81\0\0\0\0\xff", 1007)]
#[tokio::test(start_paused = true)]
async fn broken_frame_close_codes(#[case] bytes: &[u8], #[case] code: u16) {
    let mut scene = scene(Duration::ZERO);
    let (mut client, _outbox) = scene.open().await;
    client.send_raw_bytes(bytes).await;
    assert_eq!(read_close(&mut client).await, (Some(code), String::new(), true));
}

#[tokio::test(start_paused = true)]
async fn answers_ping_in_actor_order() {
    let mut scene = scene(Duration::ZERO);
    let (mut client, mut outbox) = scene.open().await;
    let owner = async {
        let Some(Event::Ping { payload, .. }) = scene.events.recv().await else { panic!("no ping came") };
        outbox.push(text("before"));
        outbox.push(OutboxCommand::Pong(payload));
    };
    let (answered, ()) = tokio::join!(client.ping(), owner);
    assert!(answered);
    assert_eq!(read_text(&mut client).await, "before", "what was sent before the pong is here with it");
}

#[tokio::test(start_paused = true)]
async fn actor_learns_of_close_before_peer() {
    let mut scene = scene(Duration::ZERO);
    let (mut client, _outbox) = scene.open().await;
    assert!(client.close(Some(1000), "").await);
    assert_eq!(read_close(&mut client).await.0, Some(1000));
    assert!(matches!(scene.events.try_recv(), Ok(Event::Closed { connection: ConnectionId(7) })));
}

#[tokio::test(start_paused = true)]
async fn drops_peer_without_close_after_30s() {
    let mut scene = scene(Duration::ZERO);
    let (client, mut outbox) = scene.open().await;
    let began = Instant::now();
    outbox.push(goodbye(1008, "go"));
    scene.closed_event().await;
    assert_eq!(began.elapsed().as_secs(), 30);
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn disconnects_slow_reader() {
    let mut scene = scene(Duration::ZERO);
    let (mut client, mut outbox) = scene.open().await;
    // More than the pipe, the high-water mark and the queue hold together.
    for _ in 0..200 {
        for _ in 0..100 {
            outbox.push(text(&"x".repeat(1000)));
        }
        tokio::task::yield_now().await;
    }
    let mut frames = 0;
    let closed = loop {
        match client.next().await {
            ClientEvent::Text(_) => frames += 1,
            ClientEvent::Closed(code, reason) => break (code, reason),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(closed, (Some(1008), "slow consumer".to_owned()));
    assert!((100..2000).contains(&frames), "{frames} frames were held for it");
}

#[tokio::test(start_paused = true)]
async fn flushes_queue_on_stop() {
    let mut scene = scene(Duration::ZERO);
    let (mut client, mut outbox) = scene.open().await;
    outbox.push(text("last words"));
    outbox.push(goodbye(1012, "service restart"));
    scene.stopping.send_replace(true);
    scene.closed_event().await;
    assert_eq!(read_text(&mut client).await, "last words");
    assert_eq!(read_close(&mut client).await, (Some(1012), "service restart".to_owned(), true));
}

#[tokio::test(start_paused = true)]
async fn stop_cuts_socket_without_close() {
    let mut scene = scene(Duration::from_secs(1));
    let (mut client, _outbox) = scene.open().await;
    scene.stopping.send_replace(true);
    scene.closed_event().await;
    assert_eq!(read_close(&mut client).await, (None, String::new(), false));
}

#[tokio::test(start_paused = true)]
async fn refused_upgrade_gets_http_response() {
    let mut scene = scene(Duration::ZERO);
    let answer = Admission::Refused { status: 503, body: "Too many unauthenticated sockets".to_owned() };
    let (opened, _outbox) = scene.upgrade(answer).await;
    assert_eq!(opened.err(), Some((503, "Too many unauthenticated sockets".to_owned())));
    scene.task.await.unwrap();
}

#[rstest]
#[case("GET /health HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\n")]
#[case("GET /other HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 Not Found\r\n")]
#[case("\x16\x03\x01 no http\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n")]
#[tokio::test(start_paused = true)]
async fn plain_http_response(#[case] request: &str, #[case] status: &str) {
    let mut scene = scene(Duration::ZERO);
    let mut client = scene.client.take().unwrap();
    client.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with(status), "{answer}");
    scene.task.await.unwrap();
}

#[rstest]
#[case::local([127, 0, 0, 1], None, true)]
#[case::remote([10, 0, 0, 1], None, false)]
#[case::remote_with_the_secret([10, 0, 0, 1], Some("t"), true)]
#[case::remote_with_another([10, 0, 0, 1], Some("u"), false)]
fn readiness_details(#[case] address: [u8; 4], #[case] bearer: Option<&str>, #[case] shown: bool) {
    let config = GatewayConfig { token: Some("t".to_owned()), ..GatewayConfig::default() };
    let http_context = HttpContext { locality: LocalityRules::oldest(), config, most_early_bytes: 65_536 };
    let peer = Peer { address: address.into(), headers: vec![("host".to_owned(), "localhost".to_owned())] };
    assert_eq!(http_context.shows_details(&peer, bearer), shown);
}

#[tokio::test(start_paused = true)]
async fn drops_silent_socket() {
    let mut scene = scene(Duration::ZERO);
    let client = scene.client.take();
    let began = Instant::now();
    scene.task.await.unwrap();
    assert_eq!(began.elapsed(), HEAD_TIMEOUT);
    drop(client);
}
