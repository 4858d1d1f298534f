//! `clawcheck record` between real clients and the real release: the recording contains no secrets, and replays with
//! the same answers on the embedded gateway and on the real release. For every `openclaw@RELEASE` in `CLAWCHECK_LIVE`.

use crate::harness::{SCENARIO, Serving, TestFolder};
use crate::live::cli::Cli;
use crate::live::client_libraries::{TOKEN, on_real, reached};
use nix::sys::signal::Signal;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Records a session through the proxy and returns the scenario.
fn recorded(test_folder: &TestFolder, upstream: u16, look: impl Fn(u16)) -> String {
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("clawcheck"));
    command.args(["record", "--upstream", &format!("ws://127.0.0.1:{upstream}"), "-o", "recorded.yaml"]);
    command.current_dir(test_folder.path("")).env("HOME", test_folder.path("home")).stdin(Stdio::null());
    let mut proxy = Serving::start(command);
    look(proxy.port);
    assert_eq!(proxy.signal(Signal::SIGINT).code(), Some(0));
    std::fs::read_to_string(test_folder.path("recorded.yaml")).unwrap()
}

/// Records a session on the real release, replays it, and checks that it contains no secrets.
async fn replays(name: &str, release: &str, look: impl Fn(&str, u16, u16) + Send + 'static, least: usize) {
    let test_folder = TestFolder::new(SCENARIO);
    // A replay checks only expectations, not snapshots.
    std::fs::remove_dir(test_folder.path("snapshots")).unwrap();
    let of_release = release.to_owned();
    let (text, test_folder) = on_real(release, move |port| {
        (recorded(&test_folder, port, |proxy| look(&of_release, port, proxy)), test_folder)
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
async fn replays_recording_of_cli() {
    for release in reached() {
        replays("cli", &release, |release, _, proxy| drop(crate::live::cli::session(release, proxy)), 20).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs real gateways: CLAWCHECK_LIVE"]
async fn replays_recording_of_client_libraries() {
    for release in reached() {
        replays("library", &release, |release, _, proxy| drop(crate::live::client_libraries::seen(release, proxy)), 3)
            .await;
    }
}

/// A browser in the folder of a test. It ends with the test.
struct Browser(std::process::Child);

impl Browser {
    /// Opens a page in a headless browser. The flags disable connections to the browser's vendor.
    fn open(program: &Path, url: &str, profile: &Path) -> Self {
        let quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
        let alone = ["--disable-background-networking", "--disable-component-update", "--disable-sync"];
        let mut command = std::process::Command::new(program);
        command.args(quiet).args(alone).arg(format!("--user-data-dir={}", profile.display()));
        // Without a debugging port, a headless browser exits after loading the page.
        command.args(["--remote-debugging-port=0", url]).env("HOME", profile);
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let id = nix::unistd::Pid::from_raw(self.0.id().try_into().unwrap());
        // On SIGTERM, the browser ends its own processes.
        let _ = nix::sys::signal::kill(id, Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

/// Debian's Chromium, if it is installed.
fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("chromium")).find(|program| program.is_file())
}

/// Opens the Control UI through the proxy and waits until the gateway has paired the browser.
fn visit(release: &str, upstream: u16, proxy: u16, browser: &Path) {
    let profile = tempfile::TempDir::new().unwrap();
    let _browser = Browser::open(browser, &format!("http://127.0.0.1:{proxy}/#token={TOKEN}"), profile.path());
    let cli = Cli::of(release, upstream);
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let devices = cli.run(&["devices", "list", "--json"]).unwrap();
        if devices.contains("openclaw-control-ui") {
            return;
        }
        assert!(Instant::now() < deadline, "{release}: the Control UI did not connect: {devices}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs real gateways: CLAWCHECK_LIVE"]
async fn replays_recording_of_control_ui() {
    let Some(browser) = chromium() else {
        println!("chromium is not installed, so the Control UI is not recorded");
        return;
    };
    // Without the install scripts of its dependencies, 2026.3.31 answers each page with 500, also without the recorder.
    for release in reached().into_iter().filter(|release| release.as_str() != "2026.3.31") {
        let browser = browser.clone();
        let look = move |release: &str, upstream: u16, proxy: u16| visit(release, upstream, proxy, &browser);
        // The page can still wait for the answers to its calls when the recording ends.
        replays("control-ui", &release, look, 0).await;
    }
}
