//! Gateway processes that fail in every possible way, and the messages that distinguish them.

use crate::harness::HostileFolder;
use clawcheck::LaunchError;
use rstest::rstest;
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant as StdInstant};
use tokio::time::Instant;

async fn failure(manner: &str, patience: u64) -> LaunchError {
    let folder = HostileFolder::new();
    let sandbox = folder.run_directory.sandbox().unwrap();
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
    let sandbox = folder.run_directory.sandbox().unwrap();
    let text = std::fs::read_to_string(folder.description("silent")).unwrap();
    let description = folder.write(&format!("{text}ready: {{ log: it is up }}\n"));
    let error = folder.launch(&description, &sandbox, 2).await.err().expect("it must not count as running");
    let message = error.to_string();
    assert!(message.starts_with("the gateway did not log a line with `it is up` in time"), "{message}");
    assert!(message.contains("a hostile gateway, silent"), "{message}");
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
    let sandbox = folder.run_directory.sandbox().unwrap();
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
    let sandbox = folder.run_directory.sandbox().unwrap();
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
