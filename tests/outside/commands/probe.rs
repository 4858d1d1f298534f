//! `clawcheck probe` on different gateways, and on programs that are not gateways.

use crate::harness::forger::forwarding;
use crate::harness::hostile::SERVE;
use crate::harness::in_process::{refused, sending, without_pairing};
use crate::harness::{ProgramOutput, TOKEN, TestFolder, somebody_elses};
use rstest::rstest;
use serde_json::{Value, json};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::{Message, WebSocket, accept};

fn folder() -> TestFolder {
    TestFolder::new("scenario: Nothing\nsteps: [{ open: {} }]\n")
}

fn probe(test_folder: &TestFolder, token: Option<&str>, arguments: &[&str]) -> ProgramOutput {
    let mut command = test_folder.command(&[&["probe"], arguments].concat());
    token.map(|token| command.env("CLAWCHECK_TOKEN", token));
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    ProgramOutput { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

#[test]
fn recognizes_attached_gateway_without_writing() {
    let test_folder = folder();
    let serving = somebody_elses(&test_folder, "2026.3.13", "token");
    let url = format!("ws://127.0.0.1:{}", serving.port);
    let ran = probe(&test_folder, Some(TOKEN), &[&url]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let lines = ran.out.lines().collect::<Vec<_>>();
    assert!(lines.len() <= 45, "one screen: {}", ran.out);
    assert!(lines[0] == url && lines[1].starts_with("closest to    2026.3.13: "), "{}", ran.out);
    assert!(ran.out.contains("says it is    2026.3.13 (server.version)"), "{}", ran.out);
    assert!(ran.out.contains("a client that sends nothing: close 1000 after 3"), "{}", ran.out);
    assert!(ran.out.contains("(--allow-writes): a new device, "), "{}", ran.out);
    assert!(!ran.out.contains(TOKEN) && !test_folder.path("state/devices/paired.json").exists(), "{}", ran.out);
    // With --allow-writes, records appear. This shows that the check above can fail.
    let ran = probe(&test_folder, Some(TOKEN), &[&url, "--allow-writes"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(test_folder.path("state/devices/paired.json").exists());
    test_folder.leaves_nothing();
}

#[test]
fn wrong_token_is_error() {
    let test_folder = folder();
    let serving = somebody_elses(&test_folder, "2026.4.2", "token");
    let url = format!("ws://127.0.0.1:{}", serving.port);
    let ran = probe(&test_folder, Some("wrong"), &[&url]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{}", ran.err);
    assert!(ran.err.contains("the gateway does not accept CLAWCHECK_TOKEN"), "{}", ran.err);
}

#[test]
fn wrong_claim() {
    let test_folder = folder();
    let program = assert_cmd::cargo::cargo_bin("clawcheck").display().to_string();
    let description = format!(
        "gateway: old\nabout: An old release that claims to be a newer one.\nclaims: 2026.4.2\ncommand: {program}\n\
         args: [serve, --release, 2026.2.19, --port, '{{port}}', --state-dir, '{{state-dir}}', --config, '{{config}}']\n"
    );
    std::fs::write(test_folder.path("old.yaml"), description).unwrap();
    let ran = probe(&test_folder, None, &["old.yaml", "--format", "json"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    let json = serde_json::from_str::<Value>(&ran.out).unwrap();
    assert_eq!((&json["claims"], &json["closest"]), (&Value::from("2026.4.2"), &serde_json::json!(["2026.2.19"])));
    assert_eq!(json["equal"], json["compared"]);
    let v1 = json["answers"].as_array().unwrap().iter().find(|answer| answer["id"] == "proof-v1").unwrap();
    assert!(
        v1["answer"].as_str().unwrap().starts_with("let in") && v1["as"] == serde_json::json!(["2026.2.19"]),
        "{v1}"
    );
    let ran = probe(&test_folder, None, &["old.yaml", "--format", "markdown"]);
    assert!(
        ran.out.contains("- claims 2026.4.2: ") && ran.out.contains("| connection | a new connection | "),
        "{}",
        ran.out
    );
    test_folder.leaves_nothing();
}

/// A server that upgrades every connection and then calls this function.
fn websockets(answer: impl Fn(WebSocket<TcpStream>) + Send + Sync + Copy + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                if let Ok(socket) = accept(stream) {
                    answer(socket);
                }
            });
        }
    });
    url
}

#[test]
fn silent_server_matches_no_release() {
    static OPEN: AtomicUsize = AtomicUsize::new(0);
    static MAX: AtomicUsize = AtomicUsize::new(0);
    let url = websockets(|mut socket| {
        MAX.fetch_max(OPEN.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        while socket.read().is_ok() {}
        OPEN.fetch_sub(1, Ordering::SeqCst);
    });
    none(&url);
    // Questions are asked at the same time, but not all of them. The server notices the end of a connection late.
    let most = MAX.load(Ordering::SeqCst);
    assert!((3..=24).contains(&most), "{most} connections at the same time");
}

/// A machine can be busy for a moment. Which questions meet that moment depends on the order of the answers.
#[rstest]
#[case::first_questions(0..8)]
#[case::proofs(42..46)]
fn slow_moment_does_not_change_release(#[case] slow: Range<usize>) {
    let test_folder = folder();
    let serving = somebody_elses(&test_folder, "2026.4.8", "token");
    let wait = move |connection| {
        // Longer than the usual wait for an answer, and shorter than the wait for a question that is asked again.
        if slow.contains(&connection) {
            std::thread::sleep(Duration::from_millis(2500));
        }
    };
    let url = forwarding(serving.port, wait, |_| None);
    let ran = probe(&test_folder, Some(TOKEN), &[&url, "--answer-timeout", "20", "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let json = serde_json::from_str::<Value>(&ran.out).unwrap();
    assert_eq!(json["equal"], json["compared"], "{}", ran.out);
    assert_eq!(json["closest"], json!(["2026.4.8"]));
}

/// Without the secret, such a gateway refuses valid and invalid proofs alike. A release that accepts more proofs is no closer.
#[test]
fn gateway_that_checks_secret_before_proof() {
    let test_folder = folder();
    let serving = somebody_elses(&test_folder, "2026.4.8", "token");
    let secret_first = |frame: &Value| {
        let code = frame.pointer("/error/details/code")?.as_str()?;
        let details = r#"{"code":"AUTH_TOKEN_MISSING"}"#;
        let refusal = refused(frame["id"].as_str()?, details, "no").replace("NOT_PAIRED", "INVALID_REQUEST");
        code.starts_with("DEVICE_AUTH_").then_some(refusal)
    };
    let url = forwarding(serving.port, |_| {}, secret_first);
    let ran = probe(&test_folder, Some(TOKEN), &[&url]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let lines = ran.out.lines().collect::<Vec<_>>();
    assert!(lines[1].starts_with("closest to    2026.4.8: "), "{}", ran.out);
    assert!(!ran.out.contains("differences from"), "{}", ran.out);
    let why =
        "without the secret, the gateway refuses valid and invalid proofs alike: INVALID_REQUEST AUTH_TOKEN_MISSING";
    let says = format!("\nnot compared  device proof: {why}, close 1008\n");
    assert!(ran.out.contains(&says), "{}", ran.out);
    assert!(ran.out.ends_with("              --allow-writes sends CLAWCHECK_TOKEN with the proofs\n"), "{}", ran.out);
}

#[test]
fn nonsense_server_matches_no_release() {
    let url = websockets(|mut socket| {
        while socket.read().is_ok() {
            let _ = socket.send(Message::text("\u{1b}[2J{\"type\":\"res\",\"ok\":7,\"id\":[]}"));
        }
    });
    none(&url);
}

#[test]
fn flooding_server_matches_no_release() {
    let text = r#"{"type":"event","event":"connect.challenge","payload":{"nonce":"n"}}"#;
    let url = websockets(move |mut socket| while socket.send(Message::text(text)).is_ok() {});
    none(&url);
}

#[track_caller]
fn none(url: &str) {
    let test_folder = folder();
    let began = Instant::now();
    let ran = probe(&test_folder, Some(TOKEN), &[url, "--answer-timeout", "1"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("closest to    none: at most "), "{}", ran.out);
    assert!(ran.out.len() < 16 << 10 && !ran.out.contains('\u{1b}'), "{}", ran.out);
    assert!(began.elapsed() < Duration::from_secs(150), "{:?}", began.elapsed());
    test_folder.leaves_nothing();
}

#[test]
fn rejects_other_servers() {
    let test_folder = folder();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    drop(listener);
    let ran = probe(&test_folder, None, &[&url]);
    assert!(ran.code == Some(3) && ran.err.contains("no gateway at"), "{}{}", ran.out, ran.err);
    let ran = probe(&test_folder, None, &["wss://gateway.example"]);
    assert!(ran.code == Some(2) && ran.err.contains("wss://"), "{}{}", ran.out, ran.err);
}

/// `clawcheck init` with this test program as the command of a gateway.
fn init(test_folder: &TestFolder, arguments: &[&str]) -> ProgramOutput {
    let program = assert_cmd::cargo::cargo_bin("clawcheck").display().to_string();
    let command = [program.as_str(), "serve", "--release", "2026.4.8", "--port", "{port}", "--config", "{config}"];
    test_folder.clawcheck(&[&["init"], arguments, &command[..], &["--state-dir", "{state-dir}"]].concat())
}

#[test]
fn init_writes_working_description() {
    let test_folder = folder();
    let ran = init(&test_folder, &["--name", "mine"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("wrote mine.yaml\nclosest to 2026.4.8: "), "{}", ran.out);
    let text = std::fs::read_to_string(test_folder.path("mine.yaml")).unwrap();
    let lines = ["claims: 2026.4.8\n", "lacks: []\n", "config: openclaw\n", "ready: challenge\n", "store: openclaw\n"];
    lines.iter().for_each(|line| assert!(text.contains(line), "{text}"));
    // The cases conform with the release that `init` found.
    std::fs::remove_dir(test_folder.path("snapshots")).unwrap();
    let ran = test_folder.clawcheck(&["run", "fresh-install", "--gateway", "mine.yaml", "--level", "exact"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    // An existing file is never overwritten.
    let ran = init(&test_folder, &["--output", "mine.yaml"]);
    assert!(ran.code == Some(2) && ran.err.contains("does not overwrite"), "{}{}", ran.out, ran.err);
    assert_eq!(std::fs::read_to_string(test_folder.path("mine.yaml")).unwrap(), text);
    test_folder.leaves_nothing();
}

#[test]
fn init_with_url() {
    let test_folder = folder();
    let url = websockets(|mut socket| while socket.read().is_ok() {});
    let ran = test_folder.clawcheck(&["init", "--answer-timeout", "1", &format!("{url}/ws"), "--name", "silent"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let text = std::fs::read_to_string(test_folder.path("silent.yaml")).unwrap();
    assert!(text.contains("lacks: [challenge]\n") && text.contains("ready: websocket\n"), "{text}");
    assert!(text.contains("# No known release is close.") && text.contains("path: \"/ws\"\n"), "{text}");
    for says in [
        "\nlacks challenge: it sends no",
        "\nif the gateway should have one of these features, ",
        ": no known release is close, so set",
    ] {
        assert!(ran.out.contains(says), "{says}: {}", ran.out);
    }
}

/// The gateway runs in another folder than the user.
#[test]
fn init_finds_files_of_command() {
    let test_folder = folder();
    std::fs::write(test_folder.path("gw.sh"), "echo 'the script runs' >&2; exit 1\n").unwrap();
    let ran = test_folder.clawcheck(&["init", "--start-timeout", "10", "sh", "gw.sh", "{port}"]);
    assert_eq!(ran.code, Some(3), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("the script runs"), "{}", ran.err);
    test_folder.leaves_nothing();
}

#[test]
fn init_lists_untested_features() {
    let test_folder = folder();
    let serving = somebody_elses(&test_folder, "2026.4.2", "token");
    let ran = test_folder.clawcheck(&["init", "--name", "theirs", &format!("ws://127.0.0.1:{}", serving.port)]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let text = std::fs::read_to_string(test_folder.path("theirs.yaml")).unwrap();
    assert!(!text.contains("lacks:"), "{text}");
    for says in ["hello-ok, secrets", "needs the secret of the gateway (CLAWCHECK_TOKEN)", "(--allow-writes)"] {
        let is_reported = |text: &str| text.lines().any(|line| line.contains("not tested: ") && line.contains(says));
        assert!(is_reported(&text) && is_reported(&ran.out), "{says}: {text}{}", ran.out);
    }
    assert!(ran.err.contains("about 60 questions, at most 60 s\n"), "{}", ran.err);
}

/// clawcheck starts this gateway, so it sends the secret with each proof.
#[test]
fn init_of_gateway_that_refuses_all_proofs() {
    let test_folder = folder();
    let url = sending(|id| vec![refused(id, r#"{"code":"AUTH_TOKEN_MISSING"}"#, "no")]);
    let forward = format!("HOSTILE=forward {}", url.rsplit(':').next().unwrap());
    let program = std::env::current_exe().unwrap().display().to_string();
    let command = [&program, SERVE, "--exact", "--nocapture"];
    let options = ["init", "--name", "closed", "--env", &forward, "--env", "PORT={port}"];
    let ran = test_folder.clawcheck(&[&options[..], &command].concat());
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let text = std::fs::read_to_string(test_folder.path("closed.yaml")).unwrap();
    let says = "not tested: device proof: with the secret, the gateway refuses valid and invalid proofs alike: \
                NOT_PAIRED AUTH_TOKEN_MISSING, close 1008";
    assert!(ran.out.contains(&format!("\n{says}\n")) && text.contains(&format!("# {says}.\n")), "{}{text}", ran.out);
}

#[test]
fn init_with_url_of_gateway_without_pairing() {
    let test_folder = folder();
    let url = without_pairing();
    let mut command = test_folder.command(&["init", "--name", "open", "--allow-writes", &url]);
    let output = command.env("CLAWCHECK_TOKEN", TOKEN).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{out}{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(test_folder.path("open.yaml")).unwrap();
    assert!(
        text.contains("# pairing: it lets new devices in without approval and issues no device tokens\n"),
        "{text}"
    );
    assert!(text.contains("\nlacks: [proofs, pairing]\n"), "{text}");
}

#[test]
fn init_requires_port() {
    let test_folder = folder();
    let ran = test_folder.clawcheck(&["init", "my-gateway", "serve"]);
    assert!(ran.code == Some(2) && ran.err.contains("--port {port}"), "{}{}", ran.out, ran.err);
    let ran = test_folder.clawcheck(&["init", "ws://127.0.0.1:1", "no-such-option"]);
    assert!(ran.code == Some(2) && ran.err.contains("`no-such-option` is neither the URL"), "{}", ran.err);
    let ran = test_folder.clawcheck(&["init", "no-such-gateway", "--port", "{port}", "--dir={state_dir}"]);
    assert!(ran.code == Some(2) && ran.err.contains("unknown placeholder"), "{}{}", ran.out, ran.err);
    let ran = test_folder.clawcheck(&["init", "no-such-gateway", "--port", "{port}"]);
    assert!(ran.code == Some(2) && ran.err.contains("was not found"), "{}{}", ran.out, ran.err);
    assert!(!test_folder.path("no-such-gateway.yaml").exists());
    test_folder.leaves_nothing();
}
