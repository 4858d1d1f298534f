//! `clawcheck serve` as a process.

use crate::harness::{Serving, serve};
use nix::sys::signal::Signal;
use rstest::rstest;
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Output};
use std::time::Duration;
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::{self, Message};

fn refused(mut command: Command) -> (Option<i32>, String) {
    let Output { status, stderr, stdout } = command.output().unwrap();
    assert!(stdout.is_empty());
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[rstest]
#[case(Signal::SIGTERM)]
#[case(Signal::SIGINT)]
fn listens_answers_and_stops(#[case] signal: Signal) {
    let home = TempDir::new().unwrap();
    let state = home.path().canonicalize().unwrap().join("state");
    let mut command = serve(home.path());
    command.args(["--release", "2026.4.2", "--port", "0", "--state-dir", "state"]).current_dir(home.path());
    let mut serving = Serving::start(command);
    let expected =
        format!("clawcheck serve: openclaw 2026.4.2 on ws://127.0.0.1:{} (state {})\n", serving.port, state.display());
    assert_eq!(serving.line, expected);
    let mut socket = TcpStream::connect(("127.0.0.1", serving.port)).unwrap();
    socket.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with(r#"{"ok":true,"status":"live"}"#), "{answer}");
    // An idle connection must not prevent the gateway from stopping.
    let _idle = TcpStream::connect(("127.0.0.1", serving.port)).unwrap();
    assert_eq!(serving.signal(signal).code(), Some(0));
    assert!(TcpStream::connect(("127.0.0.1", serving.port)).is_err());
}

#[test]
fn verbose_log_shows_checks() {
    let home = TempDir::new().unwrap();
    let mut command = serve(home.path());
    command
        .args(["--release", "2026.4.2", "--port", "0", "--state-dir", "state", "--verbose"])
        .current_dir(home.path());
    let mut serving = Serving::start(command);
    let url = format!("ws://127.0.0.1:{}", serving.port);
    let stream = TcpStream::connect(("127.0.0.1", serving.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let (mut client, _) = tungstenite::client(url, stream).unwrap();
    let connect = json!({"type": "req", "id": "1", "method": "connect", "params": {
        "minProtocol": 3, "maxProtocol": 3, "role": "operator", "scopes": ["operator.read"],
        "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"},
    }});
    client.send(Message::text(connect.to_string())).unwrap();
    while client.read().is_ok_and(|message| !message.is_close()) {}
    serving.signal(Signal::SIGTERM);
    let mut log = String::new();
    serving.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    for line in [
        "connection 0: upgrade: from 127.0.0.1, Host: \"127.0.0.1:",
        "connection 0: frame: cli/cli on linux as operator [operator.read], no device, without credentials",
        "connection 0: locality: local: the peer 127.0.0.1 is loopback",
        "connection 0: device: no device identity was sent",
    ] {
        assert!(log.contains(line), "{log}");
    }
}

#[test]
fn damaged_store_exit_code() {
    let home = TempDir::new().unwrap();
    std::fs::create_dir_all(home.path().join("state/devices")).unwrap();
    std::fs::write(home.path().join("state/devices/paired.json"), "{").unwrap();
    let mut command = serve(home.path());
    command.current_dir(home.path()).args(["--release", "2026.9.6", "--port", "0", "--state-dir", "state"]);
    let (code, message) = refused(command);
    assert_eq!(code, Some(78), "{message}");
    assert!(message.contains("Failed to parse JSON file"), "{message}");
}

#[test]
fn user_state_needs_option() {
    let home = TempDir::new().unwrap();
    let own = home.path().join(".openclaw");
    std::fs::create_dir(&own).unwrap();
    let (code, message) = refused(serve(home.path()));
    assert_eq!(code, Some(2));
    assert!(message.contains("--state-dir"), "{message}");
    assert_eq!(std::fs::read_dir(&own).unwrap().count(), 0);
}

#[test]
fn unknown_and_intermediate_releases() {
    let home = TempDir::new().unwrap();
    let mut command = serve(home.path());
    command.current_dir(home.path()).args(["--release", "2026.1.1", "--port", "0", "--state-dir", "state"]);
    let (code, message) = refused(command);
    assert_eq!(code, Some(2), "{message}");
    let message = message.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
    assert!(message.contains("the nearest known release is the oldest one, 2026.2.19"), "{message}");
    assert!(!home.path().join("state").exists());

    let mut command = serve(home.path());
    command.current_dir(home.path()).args(["--release", "2026.4.3", "--port", "0", "--state-dir", "state"]);
    let mut serving = Serving::start(command);
    serving.signal(Signal::SIGTERM);
    let mut stderr = String::new();
    serving.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert!(stderr.contains("2026.4.3 has no rules of its own; it uses the rules of 2026.4.2"), "{stderr}");
}

#[test]
fn generates_and_saves_token() {
    let home = TempDir::new().unwrap();
    let mut saved = Vec::new();
    for _ in 0..2 {
        let mut command = serve(home.path());
        command.env("OPENCLAW_STATE_DIR", "~/state").args(["--port", "0"]);
        let mut serving = Serving::start(command);
        serving.signal(Signal::SIGTERM);
        saved.push(std::fs::read_to_string(home.path().join("state/openclaw.json")).unwrap());
    }
    assert!(saved[0].contains("\"token\""));
    assert_eq!(saved[0], saved[1]);
}

/// `serve` would write a configuration and a store into the folder of something else.
#[rstest]
#[case::other("notes", "is not a state directory: it has no devices/")]
#[case::inside("state/devices", "is a folder inside a state directory")]
#[case::above(".", "is not a state directory, but contains one")]
fn folder_of_something_else(#[case] folder: &str, #[case] says: &str) {
    let home = TempDir::new().unwrap();
    for file in ["notes/notes.txt", "state/devices/paired.json"] {
        let file = home.path().join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, "{}").unwrap();
    }
    for by_variable in [false, true] {
        let mut command = serve(home.path());
        command.current_dir(home.path()).args(["--port", "0"]);
        match by_variable {
            true => command.env("OPENCLAW_STATE_DIR", folder),
            false => command.args(["--state-dir", folder]),
        };
        let (code, message) = refused(command);
        assert_eq!(code, Some(2), "{message}");
        let message = message.split_whitespace().collect::<Vec<_>>().join(" ").replace("│ ", "");
        assert!(message.contains(says) && message.contains("name a new or an empty directory, or "), "{message}");
        assert!(!message.contains("explain"), "advice for another command: {message}");
        assert!(!home.path().join(folder).join("openclaw.json").exists());
    }
}

#[rstest]
#[case::empty(&[])]
#[case::only_config(&["openclaw.json"])]
#[case::store(&["devices/paired.json", "notes.txt"])]
fn usable_state_directory(#[case] files: &[&str]) {
    let home = TempDir::new().unwrap();
    let state = home.path().join("state");
    std::fs::create_dir(&state).unwrap();
    for file in files {
        std::fs::create_dir_all(state.join(file).parent().unwrap()).unwrap();
        let text = if *file == "openclaw.json" { r#"{"gateway": {"mode": "local"}}"# } else { "{}" };
        std::fs::write(state.join(file), text).unwrap();
    }
    // The second start finds what the first one wrote.
    for _ in 0..2 {
        let mut command = serve(home.path());
        command.current_dir(home.path()).args(["--port", "0", "--state-dir", "state"]);
        let mut serving = Serving::start(command);
        assert_eq!(serving.signal(Signal::SIGTERM).code(), Some(0));
    }
}

#[test]
fn configuration_that_cannot_be_read() {
    let home = TempDir::new().unwrap();
    std::fs::create_dir_all(home.path().join("state/openclaw.json")).unwrap();
    let mut command = serve(home.path());
    command.current_dir(home.path()).args(["--port", "0", "--state-dir", "state"]);
    let (code, message) = refused(command);
    assert_eq!(code, Some(2), "{message}");
    assert!(message.contains("cannot read the configuration"), "{message}");
}

#[test]
fn port_in_use() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let home = TempDir::new().unwrap();
    let mut command = serve(home.path());
    command.arg("--port").arg(taken.local_addr().unwrap().port().to_string());
    command.arg("--state-dir").arg(home.path().join("state"));
    let (code, message) = refused(command);
    assert_eq!(code, Some(3));
    assert!(message.contains("cannot listen on 127.0.0.1:") && message.contains("in use"), "{message}");
}

#[rstest]
#[case::syntax("{ gateway: ", 2, "invalid JSON5")]
#[case::binary("\u{0}\u{1}", 2, "invalid JSON5")]
#[case::refused("{ gateway: { mode: 'local', port: 'x' } }", 1, "gateway.port: Invalid input: expected number")]
#[case::unset("{}", 1, "gateway.mode")]
fn invalid_configuration(#[case] text: &str, #[case] code: i32, #[case] says: &str) {
    let home = TempDir::new().unwrap();
    let config = home.path().join("openclaw.json");
    std::fs::write(&config, text).unwrap();
    let mut command = serve(home.path());
    command.arg("--config").arg(&config).arg("--state-dir").arg(home.path().join("state"));
    let (found, message) = refused(command);
    assert_eq!(found, Some(code), "{message}");
    assert!(message.contains(says), "{message}");
    assert!(!home.path().join("state").exists());
}

#[test]
fn missing_configuration() {
    let home = TempDir::new().unwrap();
    let mut command = serve(home.path());
    command.env("OPENCLAW_STATE_DIR", home.path().join("state")).env("OPENCLAW_CONFIG_PATH", "~/none.json");
    let (code, message) = refused(command);
    assert_eq!(code, Some(2));
    assert!(message.contains("none.json"), "{message}");
}

#[test]
fn file_in_place_of_state_directory() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("file");
    std::fs::write(&file, "").unwrap();
    let mut command = serve(home.path());
    command.arg("--state-dir").arg(&file);
    let (code, message) = refused(command);
    assert_eq!(code, Some(2));
    assert!(message.contains("is not a directory"), "{message}");
}
