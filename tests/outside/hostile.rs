//! Gateway processes that fail in every possible way, and the messages that distinguish them.
//!
//! The hostile gateway is this test binary, run again with `HOSTILE` set. [`serve`] is then a server instead of a test.

use clawcheck::{
    Capability, Gateway, GatewaySpec, Guard, Launch, LaunchError, Preparation, Running, Sandbox, Workspace,
};
use rstest::rstest;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant as StdInstant};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{Message, accept};

/// As a child process: the gateway. As a test: nothing.
#[test]
fn serve() {
    let Ok(manner) = std::env::var("HOSTILE") else { return };
    eprintln!("a hostile gateway, {manner}, home {}", std::env::var("HOME").unwrap_or_default());
    match manner.as_str() {
        "exit" => std::process::exit(7),
        "in-use" => {
            eprintln!("Error: listen EADDRINUSE: address already in use");
            std::process::exit(1);
        }
        "deaf" => std::thread::sleep(Duration::from_secs(120)),
        _ => {}
    }
    let port: u16 = std::env::var("PORT").unwrap().parse().unwrap();
    let port = if manner == "another-port" { 0 } else { port };
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    for stream in listener.incoming().flatten() {
        let manner = manner.clone();
        // The connection stays open until the process ends.
        std::thread::spawn(move || std::mem::forget(answer(&manner, stream)));
    }
}

/// Answers one connection. The caller keeps a returned stream open.
fn answer(manner: &str, mut stream: TcpStream) -> Option<TcpStream> {
    if let Some(port) = manner.strip_prefix("forward ") {
        return forward(port.parse().ok()?, stream);
    }
    match manner {
        "silent" => return Some(stream),
        "garbage" => stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n").ok()?,
        "closing" => drop(stream),
        "tls" => {
            let mut first = [0];
            stream.read_exact(&mut first).ok()?;
            if first == [0x16] {
                stream.write_all(b"\x15\x03\x03\x00\x02\x02\x46").ok()?;
            }
        }
        "not-found" => {
            let _ = stream.read(&mut [0; 1024]).ok()?;
            stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope").ok()?;
        }
        first => {
            let mut socket = accept(stream).ok()?;
            let frame = match first {
                "no-challenge" => None,
                "chatty" => Some(r#"{"type":"event","event":"hello"}"#),
                _ => Some(r#"{"type":"event","event":"connect.challenge","payload":{"nonce":"n","ts":1}}"#),
            };
            if let Some(frame) = frame {
                socket.send(Message::text(frame)).ok()?;
            }
            if let Some(bytes) = broken(first) {
                socket.get_mut().write_all(bytes).ok()?;
            }
            if let Some(answer) = wrong(first) {
                while socket.read().is_ok_and(|message| message.is_text()) {
                    if first == "wrong-id" {
                        socket.send(Message::text(r#"{"type":"event","event":"tick"}"#)).ok()?;
                    }
                    socket.send(Message::text(answer.clone())).ok()?;
                }
                return None;
            }
            if let Some(message) = flood(first) {
                while socket.send(message.clone()).is_ok() {}
                return None;
            }
            return Some(socket.get_ref().try_clone().ok()?).filter(|_| socket.read().is_ok());
        }
    }
    None
}

/// Bytes after the challenge that are not a valid frame of a server.
fn broken(manner: &str) -> Option<&'static [u8]> {
    match manner {
        "masked" => Some(b"\x81\x82\x00\x00\x00\x00{}"),
        "not-utf8" => Some(b"\x81\x02\xc3\x28"),
        _ => None,
    }
}

/// The answer of this kind of gateway to every request.
fn wrong(manner: &str) -> Option<String> {
    match manner {
        "wrong-id" => Some(r#"{"type":"res","id":"99","ok":true,"payload":{}}"#.to_owned()),
        "not-json" => Some(r#"{"type":"res","id":"1","ok":true,"payload":NaN}"#.to_owned()),
        "deep" => {
            Some(format!(r#"{{"type":"res","id":"1","ok":true,"payload":{}{}}}"#, "[".repeat(500), "]".repeat(500)))
        }
        _ => None,
    }
}

/// Forwards all bytes to another port of this machine, and back.
fn forward(port: u16, stream: TcpStream) -> Option<TcpStream> {
    let other = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let (mut from, mut to) = (stream.try_clone().ok()?, other.try_clone().ok()?);
    std::thread::spawn(move || std::io::copy(&mut from, &mut to));
    let (mut from, mut to) = (other, stream);
    let _ = std::io::copy(&mut from, &mut to);
    to.shutdown(std::net::Shutdown::Both).ok()?;
    None
}

/// The message that this kind of gateway sends endlessly after its challenge.
fn flood(manner: &str) -> Option<Message> {
    let event = |padding: usize| {
        Message::text(format!(r#"{{"type":"event","event":"noise","payload":"{}"}}"#, "x".repeat(padding)))
    };
    match manner {
        "events" => Some(event(8)),
        "big" => Some(event(1 << 20)),
        "ping" => Some(Message::Ping("p".into())),
        _ => None,
    }
}

/// The folder with the description of a hostile gateway, and the resources that it needs.
pub(crate) struct HostileFolder {
    pub directory: tempfile::TempDir,
    pub workspace: Workspace,
}

impl HostileFolder {
    pub(crate) fn new() -> Self {
        let guard = Guard::of_program(env!("CARGO_BIN_EXE_clawcheck").into());
        Self { directory: tempfile::tempdir().unwrap(), workspace: Workspace::new(&guard).unwrap() }
    }

    /// The description of this kind of gateway.
    pub(crate) fn description(&self, manner: &str) -> PathBuf {
        let program = std::env::current_exe().unwrap();
        self.write(&format!(
            "gateway: hostile\nabout: does it all wrong\nclaims: 2026.4.2\ncommand: {}\n\
             args: [\"hostile::serve\", --exact, --nocapture]\n\
             env: {{ HOSTILE: {manner}, PORT: \"{{port}}\" }}\nconfig: none\nstore: none\n",
            program.display()
        ))
    }

    pub(crate) fn write(&self, text: &str) -> PathBuf {
        let path = self.directory.path().join("hostile.yaml");
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) async fn launch(
        &self,
        description: &Path,
        sandbox: &Sandbox,
        patience: u64,
    ) -> Result<Running, LaunchError> {
        let preparation = Preparation { guard: self.workspace.guard().clone(), ..Preparation::default() };
        let spec = GatewaySpec::Described(description.to_owned());
        let gateway = Gateway::prepare(&spec, &preparation, &|_| {}).await.unwrap();
        assert!(!gateway.profile().can(Capability::StoreRead));
        let launch = Launch {
            sandbox,
            state_dir: None,
            openclaw_json: json!({}),
            environment: BTreeMap::new(),
            clock: None,
            trace: None,
            deadline: Instant::now() + Duration::from_secs(patience),
        };
        gateway.launch(launch).await
    }
}

async fn failure(manner: &str, patience: u64) -> LaunchError {
    let folder = HostileFolder::new();
    let sandbox = folder.workspace.sandbox().unwrap();
    folder.launch(&folder.description(manner), &sandbox, patience).await.err().expect("it must not count as running")
}

#[tokio::test]
async fn exit_shows_code_and_log() {
    let LaunchError::Exited { exit, log } = failure("exit", 60).await else { panic!() };
    assert_eq!(exit.code, Some(7));
    assert!(log.0.contains("a hostile gateway, exit"), "{log}");
}

#[tokio::test]
async fn port_is_always_taken() {
    assert!(matches!(failure("in-use", 60).await, LaunchError::PortInUse { attempts: 5, .. }));
}

#[tokio::test]
async fn never_listens() {
    assert!(matches!(failure("deaf", 2).await, LaunchError::NeverListened { .. }));
}

#[tokio::test]
async fn never_logs_readiness() {
    let folder = HostileFolder::new();
    let sandbox = folder.workspace.sandbox().unwrap();
    let text = std::fs::read_to_string(folder.description("silent")).unwrap();
    let description = folder.write(&format!("{text}ready: {{ log: it is up }}\n"));
    let error = folder.launch(&description, &sandbox, 2).await.err().expect("it must not count as running");
    let told = error.to_string();
    assert!(told.starts_with("the gateway did not log a line with `it is up` in time"), "{told}");
    assert!(told.contains("a hostile gateway, silent"), "{told}");
}

#[rstest]
#[case("silent", "the upgrade")]
#[case("no-challenge", "with a challenge")]
#[tokio::test]
async fn never_answers(#[case] manner: &str, #[case] what: &str) {
    let error = failure(manner, 3).await;
    assert!(matches!(&error, LaunchError::NeverAnswered { what: found, .. } if *found == what), "{error}");
}

#[rstest]
#[case("garbage", "SSH-2.0")]
#[case("chatty", "hello")]
#[tokio::test]
async fn unknown_response_fails_immediately(#[case] manner: &str, #[case] says: &str) {
    let began = StdInstant::now();
    let error = failure(manner, 60).await;
    assert!(matches!(&error, LaunchError::Garbage { saw, .. } if saw.contains(says)), "{error}");
    assert!(began.elapsed() < Duration::from_secs(30), "the deadline was waited for");
}

#[rstest]
#[case("closing", "closed before")]
#[case("not-found", "404")]
#[tokio::test]
async fn starting_response_fails_at_deadline(#[case] manner: &str, #[case] says: &str) {
    let error = failure(manner, 2).await;
    let LaunchError::Garbage { saw, .. } = &error else { panic!("{error}") };
    assert!(saw.contains(says) || saw.contains("reset"), "{saw}");
}

#[tokio::test]
async fn missing_or_invalid_command() {
    let folder = HostileFolder::new();
    let sandbox = folder.workspace.sandbox().unwrap();
    let absent =
        folder.write("gateway: x\nabout: x\nclaims: 2026.4.2\ncommand: no-such-gateway\nconfig: none\nstore: none\n");
    let error = folder.launch(&absent, &sandbox, 5).await.err().unwrap();
    assert!(matches!(&error, LaunchError::CommandNotFound { command } if command == "no-such-gateway"), "{error}");
    let directory = folder.write("gateway: x\nabout: x\nclaims: 2026.4.2\ncommand: /tmp\nconfig: none\nstore: none\n");
    let error = folder.launch(&directory, &sandbox, 5).await.err().unwrap();
    assert!(matches!(error, LaunchError::CannotRun { .. }), "{error}");
}

#[tokio::test]
async fn clean_start_and_stop() {
    let folder = HostileFolder::new();
    let sandbox = folder.workspace.sandbox().unwrap();
    let mut running = folder.launch(&folder.description("right"), &sandbox, 60).await.unwrap();
    let port = running.port().unwrap();
    assert_eq!(running.exited(), None);
    assert!(running.logs().contains(&format!("home {}", sandbox.root().display())), "{}", running.logs());
    let exit = running.stop(Instant::now() + Duration::from_secs(20)).await.unwrap();
    assert_eq!(exit.signal, Some(15));
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    let root = sandbox.root().to_owned();
    drop(sandbox);
    assert!(!root.exists());
}

#[rstest]
#[case("events", "more than 16384 messages on one connection")]
#[case("big", "more than 20 MiB in one case")]
#[case("ping", "more than 4096 pings")]
fn flood_is_bounded(#[case] manner: &str, #[case] says: &str) {
    let folder = HostileFolder::new();
    let description = folder.description(manner);
    let scenario = folder.directory.path().join("case.yaml");
    std::fs::write(&scenario, "scenario: A flood\nsteps:\n  - connect: { device: laptop }\n").unwrap();
    let began = StdInstant::now();
    // With 2 GiB of address space, most of which its threads reserve, a run that keeps all received data is killed.
    let ran = std::process::Command::new("sh")
        .args(["-c", r#"ulimit -v 2097152; exec "$0" "$@""#, env!("CARGO_BIN_EXE_clawcheck"), "run"])
        .args([&scenario, Path::new("--gateway"), &description])
        .current_dir(folder.directory.path())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&ran.stdout);
    assert_eq!(ran.status.code(), Some(1), "{}{}", out, String::from_utf8_lossy(&ran.stderr));
    assert!(out.contains("the gateway sent too much") && out.contains(says), "{}", &out[..out.len().min(4000)]);
    assert!(out.len() < 200_000, "{} bytes are shown", out.len());
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}
