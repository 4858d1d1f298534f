//! `clawcheck record` between real clients and the real release: the recording has no secrets, and replays with the same
//! answers on the embedded gateway and on the real release. For every `openclaw@RELEASE` in `CLAWCHECK_LIVE`.

use crate::live_clients::{TOKEN, on_real, reached};
use crate::run::{SCENARIO, TestFolder};
use crate::serve::Serving;
use nix::sys::signal::Signal;
use std::process::Stdio;

/// Records what a look through the proxy sees, and gives the scenario.
fn recorded(test_folder: &TestFolder, upstream: u16, look: impl Fn(u16)) -> String {
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("clawcheck"));
    command.args(["record", "--upstream", &format!("ws://127.0.0.1:{upstream}"), "-o", "recorded.yaml"]);
    command.current_dir(test_folder.path("")).env("HOME", test_folder.path("home")).stdin(Stdio::null());
    let mut proxy = Serving::start(command);
    look(proxy.port);
    assert_eq!(proxy.signal(Signal::SIGINT).code(), Some(0));
    std::fs::read_to_string(test_folder.path("recorded.yaml")).unwrap()
}

/// The recording of a look at the real release replays, and has no secrets.
async fn replays(name: &str, release: &str, look: fn(&str, u16), least: usize) {
    let test_folder = TestFolder::new(SCENARIO);
    // A replay is held to its expectations, not to snapshots.
    std::fs::remove_dir(test_folder.path("snapshots")).unwrap();
    let of_release = release.to_owned();
    let (text, test_folder) = on_real(release, move |port| {
        (recorded(&test_folder, port, |port| look(&of_release, port)), test_folder)
    })
    .await;
    if let Ok(keep) = std::env::var("CLAWCHECK_RECORDINGS") {
        std::fs::write(format!("{keep}/{name}-{release}.yaml"), &text).unwrap();
    }
    for secret in [TOKEN, "BEGIN PRIVATE KEY"] {
        assert!(!text.contains(secret), "{name} {release}: {text}");
    }
    let expectations = text.matches("expect:").count();
    assert!(expectations > least, "{name} {release}: {expectations} expectations in {text}");
    for gateway in [format!("embedded@{release}"), format!("openclaw@{release}")] {
        let replayed = test_folder.clawcheck(&["run", "recorded.yaml", "--trust", "--gateway", &gateway]);
        assert_eq!(replayed.code, Some(0), "{name} on {gateway}: {}{}\n{text}", replayed.out, replayed.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs real gateways: CLAWCHECK_LIVE"]
async fn a_recording_of_the_real_cli_replays_on_both_gateways() {
    for release in reached() {
        replays("cli", &release, |release, port| drop(crate::live_cli::session(release, port)), 20).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs real gateways: CLAWCHECK_LIVE"]
async fn a_recording_of_client_libraries_replays_on_both_gateways() {
    for release in reached() {
        replays("library", &release, |release, port| drop(crate::live_clients::seen(release, port)), 3).await;
    }
}
