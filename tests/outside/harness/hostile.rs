//! A gateway that does one thing wrong. It is this test binary, run again with `HOSTILE` set: [`serve`] is then a server
//! instead of a test.

use clawcheck::{
    Capability, Gateway, GatewaySpec, Guard, Launch, LaunchError, Preparation, RunDirectory, Running, Sandbox,
};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{Message, accept};

/// The argument that selects [`serve`] in this binary.
pub(crate) const SERVE: &str = "harness::hostile::serve";

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
    pub run_directory: RunDirectory,
}

impl HostileFolder {
    pub(crate) fn new() -> Self {
        let guard = Guard::of_program(env!("CARGO_BIN_EXE_clawcheck").into());
        Self { directory: tempfile::tempdir().unwrap(), run_directory: RunDirectory::new(&guard).unwrap() }
    }

    /// The description of this kind of gateway.
    pub(crate) fn description(&self, manner: &str) -> PathBuf {
        let program = std::env::current_exe().unwrap();
        self.write(&format!(
            "gateway: hostile\nabout: does it all wrong\nclaims: 2026.4.2\ncommand: {}\n\
             args: [\"{SERVE}\", --exact, --nocapture]\n\
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
        let preparation = Preparation { guard: self.run_directory.guard().clone(), ..Preparation::default() };
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
