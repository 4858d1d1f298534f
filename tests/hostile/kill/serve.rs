//! `clawcheck serve`: a device that received hello-ok is paired, even if the gateway is killed immediately afterwards.

use super::{KillMoments, WorkFolder, ended, listing};
use clawcheck::internal::{Auth, Challenge, Device};
use clawcheck::internal::{ConnectRequest, Connection, Incoming, Link, Reply, Transcript, Upgrade};
use nix::sys::signal::Signal;
use openclaw_protocol::identity::DeviceKey;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

const TOKEN: &str = "a-token-of-the-tests";
/// How long clients pair, unless the gateway ends earlier.
const PAIRING: Duration = Duration::from_millis(600);

pub(super) fn with_files(moments: &KillMoments) {
    play(moments, "2026.4.2");
}

pub(super) fn with_a_database(moments: &KillMoments) {
    play(moments, "2026.9.6");
}

fn play(moments: &KillMoments, release: &str) {
    let mut paired = 0;
    for (after, signal) in moments.within(PAIRING) {
        let folder = WorkFolder::new();
        let auth = json!({ "gateway": { "mode": "local", "auth": { "mode": "token", "token": TOKEN } } });
        fs::write(folder.path("openclaw.json"), auth.to_string()).unwrap();
        let (child, port) = start(&folder, release);
        let paired_devices = Arc::<Mutex<Vec<String>>>::default();
        let client = {
            let paired_devices = Arc::clone(&paired_devices);
            std::thread::spawn(move || pair(port, &paired_devices))
        };
        let status = ended(child, after, signal);
        client.join().unwrap();
        let moment = format!("{signal} after {after:?}: {status}");
        folder.check_nothing_left();
        let torn: Vec<_> = listing(&folder.path("state"))
            .into_iter()
            .filter(|name| name.ends_with(".json"))
            .filter(|name| {
                serde_json::from_slice::<Value>(&fs::read(folder.path("state").join(name)).unwrap()).is_err()
            })
            .collect();
        assert!(torn.is_empty(), "{moment}: {torn:?} is torn");
        // The next gateway starts with this store and knows every device.
        let (child, port) = start(&folder, release);
        let known = known(port);
        ended(child, Duration::ZERO, Signal::SIGTERM);
        let paired_devices = paired_devices.lock().unwrap();
        let lost: Vec<_> = paired_devices.iter().filter(|device| !known.contains(device)).collect();
        assert!(lost.is_empty(), "{moment}: of {} paired {} are lost: {lost:?}", paired_devices.len(), lost.len());
        paired += paired_devices.len();
    }
    println!("{release}: {paired} pairings");
    assert!(paired > 0, "nobody ever paired");
}

fn start(folder: &WorkFolder, release: &str) -> (Child, u16) {
    let mut command = folder.clawcheck(&[
        "serve",
        "--release",
        release,
        "--port",
        "0",
        "--state-dir",
        "state",
        "--config",
        "openclaw.json",
    ]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let port = line.split("127.0.0.1:").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
    (child, port.unwrap_or_else(|| panic!("no port in {line:?}")))
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Pairs one device after the other until the gateway ends. Records each device that received hello-ok.
fn pair(port: u16, paired_devices: &Mutex<Vec<String>>) {
    block(async {
        for number in 0..10_000 {
            let key = DeviceKey::from_name(&format!("device {number}"));
            match connect(port, &key, &["operator.read"]).await {
                Some(_) => paired_devices.lock().unwrap().push(key.device_id()),
                None => return,
            }
        }
    });
}

/// The devices that the gateway has paired.
fn known(port: u16) -> Vec<String> {
    block(async {
        let key = DeviceKey::from_name("who asks");
        let mut connection = connect(port, &key, &["operator.admin", "operator.pairing"]).await.unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        let pending = connection.request("device.pair.list", json!({}), deadline).await.unwrap();
        let Reply::Response(response) = connection.response(&pending, deadline).await else { panic!("no list") };
        let paired = response["payload"]["paired"].as_array().cloned().unwrap_or_default();
        paired.iter().filter_map(|record| record["deviceId"].as_str().map(str::to_owned)).collect()
    })
}

/// Connects a device like the CLI. `None` if the gateway sent no hello-ok.
async fn connect(port: u16, key: &DeviceKey, scopes: &[&str]) -> Option<Connection> {
    let deadline = Instant::now() + Duration::from_secs(20);
    let link = Link::Tcp { host: "127.0.0.1".to_owned(), port };
    let recorder = Transcript::new().recorder("client");
    let mut connection = Connection::open(link, &Upgrade::default(), recorder, deadline).await.ok()?;
    let Incoming::Text(first) = connection.next(deadline).await else { return None };
    let challenge = Challenge::from_payload(first.json.as_ref()?.get("payload")?);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let request = ConnectRequest {
        protocol: (3, 4),
        role: Some("operator".to_owned()),
        scopes: Some(scopes.iter().map(|scope| (*scope).to_owned()).collect()),
        auth: Auth { token: Some(TOKEN.to_owned()), ..Auth::default() },
        device: Some(Device::new(key.clone())),
        ..ConnectRequest::default()
    };
    let params = request.params(&challenge, i64::try_from(now).unwrap());
    let pending = connection.request("connect", params, deadline).await.ok()?;
    match connection.response(&pending, deadline).await {
        Reply::Response(response) if response["ok"] == true => Some(connection),
        Reply::Response(response) => panic!("refused: {response}"),
        Reply::Closed(_) | Reply::Deadline => None,
    }
}
