//! Runs on a gateway that the user started leave it unchanged.

use super::wire_store::not_played;
use crate::harness::in_process::{answering, hello, refused, without_pairing};
use crate::harness::{STAYS, Serving, TOKEN, TestFolder, somebody_elses};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use openclaw_model::releases::DEFAULT;
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// With token authentication, the gateway refuses the device without a trace. Without authentication, it pairs the
/// device.
const KNOCKS: &str = "scenario: Knocks\nsteps:\n  - connect: { device: laptop, auth: { token: wrong } }\n";
fn store(state: &Path) -> String {
    let read = |name: &str| std::fs::read_to_string(state.join("devices").join(name)).unwrap_or_default();
    read("paired.json") + &read("pending.json")
}

#[test]
fn no_writes_without_authentication() {
    let test_folder = TestFolder::new(KNOCKS);
    let serving = somebody_elses(&test_folder, "2026.4.2", "none");
    let url = format!("ws://127.0.0.1:{}", serving.port);
    let ran = test_folder.clawcheck(&["run", "scenarios", "--gateway", &url, "--release", "2026.4.2"]);
    assert_eq!(ran.code, Some(4), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("writes to a gateway that clawcheck did not start"), "{}", ran.out);
    assert_eq!(store(&test_folder.path("state")), "");
    // With --allow-writes, the same case writes to the store. This shows that the check above can fail.
    let state = test_folder.path("state");
    let arguments = ["run", "scenarios", "--gateway", &url, "--release", "2026.4.2", "--allow-writes", "--state-dir"];
    let ran = test_folder.clawcheck(&[&arguments[..], &[state.to_str().unwrap()]].concat());
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("paired"), "{}", ran.out);
    assert!(!store(&state).contains("laptop") && store(&state).starts_with("{}"), "{}", store(&state));
}

#[test]
fn cleans_up_after_ctrl_c() {
    let test_folder = TestFolder::new(STAYS);
    let serving = somebody_elses(&test_folder, "2026.4.2", "token");
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("clawcheck"));
    command.args(["run", "scenarios", "--gateway", &format!("ws://127.0.0.1:{}", serving.port), "--allow-writes"]);
    command.args(["--release", "2026.4.2"]).current_dir(test_folder.path("")).env("CLAWCHECK_TOKEN", TOKEN);
    command.env("HOME", test_folder.path("home")).env("TMPDIR", test_folder.path("tmp"));
    let mut child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    while !store(&test_folder.path("state")).contains("deviceId") {
        assert!(began.elapsed() < Duration::from_secs(30), "the case never paired its device");
        std::thread::yield_now();
    }
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!store(&test_folder.path("state")).contains("deviceId"), "{}", store(&test_folder.path("state")));
    test_folder.leaves_nothing();
}

#[test]
fn wrong_token_stops_run() {
    let test_folder = TestFolder::new(KNOCKS);
    let serving = somebody_elses(&test_folder, "2026.4.2", "token");
    let url = format!("ws://127.0.0.1:{}", serving.port);
    let run = |token: &str| {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("clawcheck"));
        command
            .args(["run", "scenarios", "--release", "2026.4.2", "--gateway", &url])
            .current_dir(test_folder.path(""));
        command
            .env("CLAWCHECK_TOKEN", token)
            .env("HOME", test_folder.path("home"))
            .env("TMPDIR", test_folder.path("tmp"));
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap())
    };
    let (code, says) = run("another");
    assert_eq!(code, Some(2), "{says}");
    assert_eq!(says.matches("does not accept CLAWCHECK_TOKEN").count(), 1, "{says}");
    assert!(says.contains("set CLAWCHECK_TOKEN") && !says.contains("family/case"), "{says}");
    let (code, says) = run(TOKEN);
    assert_eq!(code, Some(4), "{says}");
    assert!(says.contains("family/case") && !says.contains("does not accept CLAWCHECK_TOKEN"), "{says}");
}

#[test]
fn rejects_options_for_other_gateways() {
    let test_folder = TestFolder::new(KNOCKS);
    for option in [&["--release", "2026.4.2"][..], &["--allow-writes"]] {
        let ran = test_folder.clawcheck(&[&["run", "scenarios"], option].concat());
        assert_eq!(ran.code, Some(2), "{option:?}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(&format!("{} applies only to a gateway at a URL", option[0])), "{}", ran.err);
    }
    let ran = test_folder.clawcheck(&["run", "scenarios", "--gateway", "ws://127.0.0.1:1", "--state-dir", "nosuch"]);
    assert_eq!(ran.code, Some(2), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("the state directory nosuch does not exist"), "{}", ran.err);
    for option in [["--config", "openclaw.json"], ["--device", "laptop=phone"]] {
        let ran =
            test_folder.clawcheck(&[&["run", "scenarios", "--gateway", "ws://127.0.0.1:1"], &option[..]].concat());
        assert_eq!(ran.code, Some(2), "{}{}", ran.out, ran.err);
        assert!(ran.err.contains("applies only to gateways that clawcheck starts"), "{}", ran.err);
    }
}

/// Runs the built-in cases on a gateway at 2026.4.2. Only a few of them can be played without writing.
fn run_built_in(serving: &Serving, test_folder: &TestFolder, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = test_folder.command(&["run", "--gateway", &format!("ws://127.0.0.1:{}", serving.port)]);
    let output = command.args(arguments).env("CLAWCHECK_TOKEN", TOKEN).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout) + &text(output.stderr))
}

#[test]
fn too_few_played_cases() {
    let test_folder = TestFolder::new(KNOCKS);
    std::fs::remove_dir(test_folder.path("snapshots")).unwrap();
    let serving = somebody_elses(&test_folder, "2026.4.2", "token");
    let (code, says) = run_built_in(&serving, &test_folder, &[]);
    assert_eq!(code, Some(4), "{says}");
    assert!(says.contains("too few cases were played: ") && says.contains("--min-played requires 22"), "{says}");
    // The output lists the missing permissions with the numbers of cases, the most frequent first.
    let reasons = says.split("why cases were skipped:").nth(1).unwrap().lines().skip(1).collect::<Vec<_>>();
    assert!(
        reasons[0]
            .ends_with(" cases  the case writes to a gateway that clawcheck did not start; --allow-writes allows this"),
        "{reasons:?}"
    );
    assert!(reasons.iter().any(|reason| reason.contains("cannot change the gateway's configuration")), "{reasons:?}");
    for (least, expected) in [("1", 0), ("1%", 0), ("50%", 4), ("200", 4)] {
        let (code, says) = run_built_in(&serving, &test_folder, &["--min-played", least]);
        assert_eq!(code, Some(expected), "{least}: {says}");
    }
    let (code, says) = run_built_in(&serving, &test_folder, &["--min-played", "many"]);
    assert_eq!(code, Some(2), "{says}");
}

/// A gateway at a URL cannot declare that it has no pairing. It plays what needs none, and nothing remains on it.
#[test]
fn gateway_without_pairing() {
    let connects = "scenario: Connects\nsteps:\n  - connect: { device: laptop }\n    expect: hello\n";
    let test_folder = TestFolder::new(connects);
    std::fs::remove_dir(test_folder.path("snapshots")).unwrap();
    let restarts = "scenario: Restarts\nneeds: [restart]\nsteps:\n  - restart: {}\n";
    std::fs::write(test_folder.path("scenarios/family/other.yaml"), restarts).unwrap();
    let url = without_pairing();
    for (least, code) in [("1", 0), ("50%", 0), ("51%", 4)] {
        let arguments = ["run", "scenarios", "--gateway", &url, "--allow-writes", "--min-played", least];
        let output = test_folder.command(&arguments).env("CLAWCHECK_TOKEN", TOKEN).output().unwrap();
        let out = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{least}: {out}");
        assert!(out.contains("2 cases: 1 conforms, 1 skipped") && !out.contains("remains on the gateway"), "{out}");
        assert_eq!(out.contains("too few cases were played: 1 of 2 applicable cases"), code == 4, "{out}");
    }
}

#[test]
fn release_from_hello_or_option() {
    let test_folder = TestFolder::new(KNOCKS);
    std::fs::remove_dir(test_folder.path("snapshots")).unwrap();
    let serving = somebody_elses(&test_folder, "2026.4.2", "token");
    let run = |more: &[&str]| {
        let arguments = [&["handshake/params", "--report", "json=report.json"], more].concat();
        let (code, says) = run_built_in(&serving, &test_folder, &arguments);
        let report = std::fs::read(test_folder.path("report.json")).unwrap();
        let report: Value = serde_json::from_slice(&report).unwrap();
        (code, says, report["gateway"]["release"].as_str().map(str::to_owned))
    };
    let (code, says, release) = run(&[]);
    assert_eq!((code, release.as_deref()), (Some(0), Some("2026.4.2")), "{says}");
    assert!(says.contains("its hello-ok says version 2026.4.2, so its answers are compared with those of 2026.4.2"));
    let (_, says, release) = run(&["--release", "2026.3.31"]);
    assert_eq!(release.as_deref(), Some("2026.3.31"), "{says}");
    assert_eq!(store(&test_folder.path("state")), "", "the question leaves nothing behind");
}

/// Without the token there is no hello-ok, and without --release nobody names the release.
#[test]
fn assumed_release_is_in_first_line() {
    let test_folder = TestFolder::new(KNOCKS);
    std::fs::remove_dir(test_folder.path("snapshots")).unwrap();
    let serving = somebody_elses(&test_folder, "2026.4.2", "token");
    let url = format!("ws://127.0.0.1:{}", serving.port);
    let first_line = |more: &[&str]| {
        let ran = test_folder.clawcheck(&[&["run", "handshake/params", "--gateway", &url], more].concat());
        ran.out.lines().next().unwrap_or_default().to_owned()
    };
    let assumed = format!("(assumed release: {DEFAULT}; use --release to select another release)");
    assert!(first_line(&[]).ends_with(&assumed), "{}", first_line(&[]));
    assert!(first_line(&["-q"]).ends_with(&assumed), "{}", first_line(&["-q"]));
    let named = ["--release", "2026.4.2"];
    assert!(first_line(&named).ends_with(" (2026.4.2)"), "{}", first_line(&named));
}

#[test]
fn list_matches_run_at_url() {
    let test_folder = TestFolder::new(KNOCKS);
    std::fs::remove_dir(test_folder.path("snapshots")).unwrap();
    let known = "known:\n  - { case: 'scope-upgrade/*', reason: no reason, exclude: true }\n";
    std::fs::write(test_folder.path("known.yaml"), known).unwrap();
    let serving = somebody_elses(&test_folder, "2026.4.2", "token");
    let url = format!("ws://127.0.0.1:{}", serving.port);
    for more in [&[][..], &["--allow-writes"]] {
        let options = ["handshake", "role-upgrade", "scope-upgrade", "--release", "2026.4.2", "--known", "known.yaml"];
        let options = [&options, more].concat();
        let (_, says) =
            run_built_in(&serving, &test_folder, &[&options[..], &["--report", "json=report.json"]].concat());
        let report: Value = serde_json::from_slice(&std::fs::read(test_folder.path("report.json")).unwrap()).unwrap();
        let mut list = test_folder.command(&[&["list", "--format", "json", "--gateway", &url], &options[..]].concat());
        let listed = list.env("CLAWCHECK_TOKEN", TOKEN).output().unwrap();
        let list: Value = serde_json::from_slice(&listed.stdout).unwrap();
        assert_eq!(not_played(&list, "plan"), not_played(&report, "verdict"), "{says}");
    }
    // Without the token, a run plays fewer cases. Without a gateway, there is no plan.
    let listed = test_folder.clawcheck(&["list", "handshake", "--gateway", &url]);
    assert!(listed.out.contains("skipped: the case sends the gateway's shared token"), "{}", listed.out);
    assert!(listed.err.contains(&format!("this list assumes {DEFAULT}")), "{}", listed.err);
    let listed = test_folder.clawcheck(&["list", "handshake", "--allow-writes"]);
    assert_eq!(listed.code, Some(2), "{}", listed.err);
    assert!(listed.err.contains("--allow-writes has no effect without --gateway"), "{}", listed.err);
}

/// A gateway remembers an approval for a minute, and its id with it.
#[test]
fn second_run_has_new_approval_ids() {
    let test_folder = TestFolder::new(KNOCKS);
    let serving = somebody_elses(&test_folder, "2026.4.2", "token");
    let url = format!("ws://127.0.0.1:{}", serving.port);
    // Where there is no folder of snapshots, the built-in ones apply.
    for run in ["first", "second"] {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("clawcheck"));
        command.args(["run", "exec-approvals/same-id", "--gateway", &url, "--release", "2026.4.2", "--allow-writes"]);
        command.arg("--state-dir").arg(test_folder.path("state")).current_dir(test_folder.path("home"));
        command.env("CLAWCHECK_TOKEN", TOKEN);
        command.env("HOME", test_folder.path("home")).env("TMPDIR", test_folder.path("tmp"));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{run} run: {}", String::from_utf8_lossy(&output.stdout));
    }
}

/// The check of the state directory pairs a device. A gateway that refuses the device keeps a request of it.
#[test]
fn refused_check_of_state_directory_names_its_device() {
    let test_folder = TestFolder::new("scenario: Looks\nsteps:\n  - open: {}\n");
    std::fs::create_dir_all(test_folder.path("state/devices")).unwrap();
    std::fs::write(test_folder.path("state/devices/paired.json"), "{}").unwrap();
    let url = answering(|id, request| match request.pointer("/params/device") {
        Some(_) => vec![refused(id, r#"{"code":"PAIRING_REQUIRED"}"#, "pairing required")],
        None => vec![hello(id, r#""server":{"version":"2026.4.2"}"#)],
    });
    let arguments = ["run", "scenarios", "--gateway", &url, "--release", "2026.4.2", "--state-dir", "state"];
    let remains = |more: &[&str]| {
        let ran = test_folder.clawcheck(&[&arguments[..], more].concat());
        let line = ran.out.lines().find(|line| line.starts_with("remains on the gateway: "));
        line.map(str::to_owned).ok_or(format!("{}{}", ran.out, ran.err))
    };
    let expected = "remains on the gateway: clawcheck/probe: possibly the device clawcheck-cleaner";
    assert_eq!(remains(&["--allow-writes"]).as_deref(), Ok(expected));
    // Without permission to write, the check is not made.
    assert!(remains(&[]).is_err());
}

/// The store of a gateway at a URL is read from --state-dir. Another directory would make every case that pairs deviate.
#[test]
fn state_directory_of_another_gateway() {
    let test_folder = TestFolder::new(KNOCKS);
    std::fs::remove_dir(test_folder.path("snapshots")).unwrap();
    let serving = somebody_elses(&test_folder, "2026.4.2", "token");
    let run = |directory: &str| {
        let arguments =
            ["fresh-install/first-connect", "--allow-writes", "--answer-timeout", "3", "--state-dir", directory];
        run_built_in(&serving, &test_folder, &arguments)
    };
    let (code, says) = run("state");
    assert_eq!(code, Some(0), "{says}");
    // A copy of the right one is another directory, too.
    std::fs::create_dir(test_folder.path("empty")).unwrap();
    std::fs::create_dir_all(test_folder.path("damaged/state")).unwrap();
    std::fs::write(test_folder.path("damaged/state/openclaw.sqlite"), "no database").unwrap();
    for folder in ["copy/devices", "above/.openclaw/devices", "broken/devices"] {
        std::fs::create_dir_all(test_folder.path(folder)).unwrap();
        let text = if folder.starts_with("broken") { "{" } else { "{}" };
        std::fs::write(test_folder.path(folder).join("paired.json"), text).unwrap();
    }
    let other = "is not the state directory of the gateway, or the gateway writes its store late: the gateway lists a \
                 device that it paired 3 s ago, and the directory does not contain this device";
    for (directory, message, help) in [
        ("empty", other, "pass the state directory"),
        ("copy", other, "pass that of the gateway"),
        ("above", other, "pass above/.openclaw, or omit --state-dir"),
        ("broken", "cannot read the pairing store of the gateway: broken/devices/paired.json", "`clawcheck doctor`"),
        ("damaged", "cannot read the pairing store of the gateway: damaged/state/openclaw.sqlite", "omit --state-dir"),
        ("openclaw.json", "is the configuration of a gateway, not a state directory", "pass the state directory"),
    ] {
        let (code, says) = run(directory);
        assert_eq!(code, Some(2), "{directory}: {says}");
        let line = says.split_whitespace().collect::<Vec<_>>().join(" ").replace("│ ", "");
        assert!(line.contains(message) && line.contains(help), "{directory}: {says}");
        assert!(!says.contains("deviates") && !says.contains("store differs"), "{directory}: {says}");
    }
    assert!(!store(&test_folder.path("state")).contains("deviceId"), "{}", store(&test_folder.path("state")));
    // Without --state-dir, the store is not compared.
    let (code, says) = run_built_in(&serving, &test_folder, &["fresh-install/first-connect", "--allow-writes"]);
    assert_eq!(code, Some(0), "{says}");
}
