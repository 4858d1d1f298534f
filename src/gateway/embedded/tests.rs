//! Tests of the whole embedded gateway, through pipes and TCP.

use crate::client::{Connection, Incoming, Link, Reply, Transcript, Upgrade};
use openclaw_emulator::{Clock, EmbeddedGateway, EmbeddedOptions, StartError};
use openclaw_model::Release;
use openclaw_protocol::identity::DeviceKey;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::time::Instant;

const RELEASE: Release = Release::new(2026, 4, 2);
const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn options(state: &TempDir) -> EmbeddedOptions {
    let config = json!({ "gateway": { "mode": "local", "auth": { "mode": "token", "token": "t" } } });
    EmbeddedOptions { clock: Clock::manual(), ..EmbeddedOptions::new(RELEASE, config, state.path()) }
}

fn in_ten_seconds() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

fn pipe(gateway: &EmbeddedGateway, peer: IpAddr) -> Link {
    Link::Pipe { stream: Box::new(gateway.connect(peer)), authority: "127.0.0.1:18789".to_owned() }
}

async fn open(link: Link) -> Connection {
    Connection::open(link, &Upgrade::default(), Transcript::new().recorder("client"), in_ten_seconds()).await.unwrap()
}

async fn event(connection: &mut Connection, name: &str) -> Value {
    match connection.next(in_ten_seconds()).await {
        Incoming::Text(frame) if frame.event() == Some(name) => frame.payload().cloned().unwrap(),
        other => panic!("{other:?}"),
    }
}

async fn closed(connection: &mut Connection) -> (Option<u16>, String, bool) {
    loop {
        match connection.next(in_ten_seconds()).await {
            Incoming::Closed(closed) => return (closed.code, closed.reason.clone(), closed.clean()),
            Incoming::Text(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Connects a device as an operator and returns the answer.
async fn connect(connection: &mut Connection, clock: &Clock, device: &str) -> Value {
    let nonce = event(connection, "connect.challenge").await["nonce"].as_str().unwrap().to_owned();
    let (key, signed_at) = (DeviceKey::from_name(device), clock.now());
    let proof = format!("v2|{}|cli|cli|operator|operator.read|{signed_at}|t|{nonce}", key.device_id());
    let params = json!({
        "minProtocol": 3, "maxProtocol": 3, "role": "operator", "scopes": ["operator.read"], "auth": { "token": "t" },
        "client": { "id": "cli", "mode": "cli", "version": "1", "platform": "linux" },
        "device": { "id": key.device_id(), "publicKey": key.public_key(), "signature": key.sign(&proof),
                    "signedAt": signed_at, "nonce": nonce },
    });
    let pending = connection.request("connect", params, in_ten_seconds()).await.unwrap();
    match connection.response(&pending, in_ten_seconds()).await {
        Reply::Response(response) => response,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn handshake_over_pipe() {
    let state = TempDir::new().unwrap();
    let options = options(&state);
    let clock = options.clock.clone();
    let gateway = EmbeddedGateway::start(options).unwrap();
    let mut connection = open(pipe(&gateway, LOCAL)).await;
    let hello = connect(&mut connection, &clock, "laptop").await;
    assert_eq!(hello["payload"]["type"], "hello-ok", "{hello}");
    let paired = std::fs::read_to_string(state.path().join("devices/paired.json")).unwrap();
    assert!(paired.contains(&DeviceKey::from_name("laptop").device_id()), "{paired}");
    // After `hello-ok`, a message can be longer than 64 KiB.
    let pending =
        connection.request("no-such-method", json!({ "x": "x".repeat(100_000) }), in_ten_seconds()).await.unwrap();
    assert!(
        matches!(connection.response(&pending, in_ten_seconds()).await, Reply::Response(answer) if answer["ok"] == false)
    );
}

#[tokio::test]
async fn injected_address_is_peer() {
    let state = TempDir::new().unwrap();
    let options = options(&state);
    let clock = options.clock.clone();
    let gateway = EmbeddedGateway::start(options).unwrap();
    let mut connection = open(pipe(&gateway, [192, 168, 1, 9].into())).await;
    let refused = connect(&mut connection, &clock, "laptop").await;
    assert_eq!(refused["error"]["code"], "NOT_PAIRED", "{refused}");
    assert_eq!(closed(&mut connection).await, (Some(1008), "pairing required".to_owned(), true));
}

#[tokio::test]
async fn handshake_and_stop_over_tcp() {
    let state = TempDir::new().unwrap();
    let options = options(&state);
    let clock = options.clock.clone();
    let listener = TcpListener::bind((LOCAL, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let gateway = EmbeddedGateway::start(options).unwrap().listening(listener);
    let (mut first, mut second) = (open(Link::tcp(address)).await, open(Link::tcp(address)).await);
    assert_eq!(connect(&mut first, &clock, "one").await["ok"], true);
    assert_eq!(connect(&mut second, &clock, "two").await["ok"], true);
    let (first, second, ()) = tokio::join!(closed(&mut first), closed(&mut second), gateway.stop());
    assert_eq!(first, (Some(1012), "service restart".to_owned(), true));
    assert_eq!(second, first);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn handshake_timeout_without_delay() {
    let state = TempDir::new().unwrap();
    let gateway = EmbeddedGateway::start(options(&state)).unwrap();
    let mut connection = open(pipe(&gateway, LOCAL)).await;
    event(&mut connection, "connect.challenge").await;
    let began = Instant::now();
    gateway.advance(Duration::from_millis(9_999)).await;
    assert_eq!(connection.next(Instant::now() + Duration::from_millis(20)).await, Incoming::Deadline);
    gateway.advance(Duration::from_millis(1)).await;
    assert_eq!(closed(&mut connection).await, (Some(1000), String::new(), true));
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn handshake_timeout_with_system_clock() {
    let state = TempDir::new().unwrap();
    let env = vec![("OPENCLAW_HANDSHAKE_TIMEOUT_MS".to_owned(), "50".to_owned())];
    let gateway = EmbeddedGateway::start(EmbeddedOptions { env, clock: Clock::Real, ..options(&state) }).unwrap();
    let mut connection = open(pipe(&gateway, LOCAL)).await;
    event(&mut connection, "connect.challenge").await;
    assert_eq!(closed(&mut connection).await, (Some(1000), String::new(), true));
}

#[tokio::test]
async fn kill_sends_no_close() {
    let state = TempDir::new().unwrap();
    let gateway = EmbeddedGateway::start(options(&state)).unwrap();
    let mut connection = open(pipe(&gateway, LOCAL)).await;
    event(&mut connection, "connect.challenge").await;
    gateway.kill();
    assert_eq!(closed(&mut connection).await, (None, String::new(), false));
}

/// Waits until no more tasks are alive than at the start of the test.
async fn wait_for_tasks(before: usize) {
    let deadline = in_ten_seconds();
    while Handle::current().metrics().num_alive_tasks() > before {
        assert!(Instant::now() < deadline, "{} tasks left", Handle::current().metrics().num_alive_tasks());
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn tasks_end_with_gateway() {
    let before = Handle::current().metrics().num_alive_tasks();
    for end in [EmbeddedGateway::kill, drop] {
        let state = TempDir::new().unwrap();
        let listener = TcpListener::bind((LOCAL, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let gateway = EmbeddedGateway::start(options(&state)).unwrap().listening(listener);
        let half_open = gateway.connect(LOCAL);
        let (piped, tcp) = (open(pipe(&gateway, LOCAL)).await, open(Link::tcp(address)).await);
        end(gateway);
        wait_for_tasks(before).await;
        drop((half_open, piped, tcp));
    }
    let state = TempDir::new().unwrap();
    let gateway = EmbeddedGateway::start(options(&state)).unwrap();
    let (mut half_open, piped) = (gateway.connect(LOCAL), open(pipe(&gateway, LOCAL)).await);
    gateway.stop().await;
    wait_for_tasks(before).await;
    assert_eq!(half_open.read(&mut [0; 16]).await.unwrap(), 0);
    drop(piped);
}

#[tokio::test]
async fn forgets_closed_connections() {
    let state = TempDir::new().unwrap();
    let gateway = EmbeddedGateway::start(options(&state)).unwrap();
    let before = Handle::current().metrics().num_alive_tasks();
    for _ in 0..50 {
        let mut connection = open(pipe(&gateway, LOCAL)).await;
        event(&mut connection, "connect.challenge").await;
        drop(connection);
    }
    wait_for_tasks(before).await;
}

#[tokio::test]
async fn invalid_configuration_prevents_start() {
    let state = TempDir::new().unwrap();
    let refused = EmbeddedOptions { openclaw_json: json!({}), ..options(&state) };
    match EmbeddedGateway::start(refused).err() {
        Some(StartError::Refused(refusal)) => assert_eq!(refusal.exit_code, 1),
        other => panic!("{other:?}"),
    }
}

/// The real 2026.9.6 does the same: its parser reports the position of the error.
#[tokio::test]
async fn invalid_json_cell_prevents_start() {
    use openclaw_emulator::store::SqliteDocuments;
    use openclaw_protocol::store::{DATABASE, Document, Documents as _};
    let state = TempDir::new().unwrap();
    let device = json!({"deviceId": "a", "publicKey": "k", "createdAtMs": 1, "approvedAtMs": 1});
    let paired = std::sync::Arc::new(json!({ "a": device }));
    SqliteDocuments::new(state.path(), false).write(&[(Document::DevicesPaired, &paired)]).unwrap();
    let connection = rusqlite::Connection::open(state.path().join(DATABASE)).unwrap();
    connection.execute("UPDATE device_pairing_paired SET roles_json = '[broken'", []).unwrap();
    let refused = EmbeddedOptions { release: Release::new(2026, 9, 6), ..options(&state) };
    match EmbeddedGateway::start(refused).err() {
        Some(StartError::Refused(refusal)) => {
            assert_eq!(refusal.exit_code, 1);
            let line = "Gateway failed to start: device_pairing_paired.roles_json is not JSON. Run openclaw gateway \
                        status --deep for diagnostics.";
            assert_eq!(refusal.lines, [line]);
        }
        other => panic!("{other:?}"),
    }
    let cell = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
    let cell = connection.query_row("SELECT roles_json FROM device_pairing_paired", [], cell).unwrap();
    assert_eq!(cell, "[broken");
}
