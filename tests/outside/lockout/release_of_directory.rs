//! Every command that takes a state directory uses the same release, and says where it comes from.

use crate::harness::{SCENARIO, Serving, TestFolder, serve};
use crate::lockout::state_dir::{put, state};
use nix::sys::signal::Signal;
use openclaw_model::releases::DEFAULT;
use rstest::rstest;
use std::fs;
use std::io::Read as _;

/// A scenario that connects the device of the state directory.
const OWN_DEVICE: &str = "scenario: The gateway's own device\nsteps:\n  - connect: { device: cli, role: operator, scopes: [operator.read] }\n    expect: hello\n";

fn test_folder() -> TestFolder {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    fs::write(test_folder.path("scenarios/family/own.yaml"), OWN_DEVICE).unwrap();
    test_folder
}

#[rstest]
#[case::explain(&["explain", "state"])]
#[case::doctor(&["doctor", "state"])]
#[case::capture(&["capture", "state", "-o", "out"])]
#[case::run(&["run", "scenarios/family/own.yaml", "--state-dir", "state"])]
#[case::run_config(&["run", "scenarios/family/own.yaml", "--config", "state/openclaw.json"])]
#[case::list(&["list", "scenarios/family/own.yaml", "--gateway", "embedded", "--state-dir", "state"])]
#[case::compare(&["compare", "embedded", "embedded@2026.4.2", "--scenarios", "scenarios/family/own.yaml", "--state-dir", "state"])]
fn release_and_its_source(#[case] arguments: &[&str]) {
    let test_folder = test_folder();
    let ended = test_folder.clawcheck(arguments);
    let says = format!("{}{}", ended.out, ended.err);
    assert!(ended.code.is_some_and(|code| code < 2), "{says}");
    assert!(says.contains("2026.4.2 (from openclaw.json)"), "{says}");
    // Without a release in the configuration, the newest one.
    put(&test_folder, "openclaw.json", "{ gateway: { mode: 'local', auth: { mode: 'token', token: 'abcdefgh' } } }");
    let _ = fs::remove_dir_all(test_folder.path("out"));
    let ended = test_folder.clawcheck(arguments);
    let says = format!("{}{}", ended.out, ended.err);
    assert!(says.contains(&format!("{DEFAULT} (assumed, because it is the newest known one)")), "{says}");
}

#[test]
fn named_release_is_used() {
    let test_folder = test_folder();
    let arguments = ["run", "scenarios/family/own.yaml", "--state-dir", "state", "--gateway", "embedded@2026.6.11"];
    let ended = test_folder.clawcheck(&arguments);
    assert!(ended.out.contains("on embedded@2026.6.11"), "{}{}", ended.out, ended.err);
    assert!(!ended.err.contains("from openclaw.json"), "{}", ended.err);
}

#[test]
fn serve_uses_release_of_directory() {
    let test_folder = test_folder();
    for (arguments, expected, source) in [
        (&["--state-dir", "state"][..], "openclaw 2026.4.2 on", "the release is 2026.4.2 (from openclaw.json)"),
        (&["--state-dir", "state", "--release", "2026.6.11"][..], "openclaw 2026.6.11 on", ""),
        (&["--state-dir", "fresh"][..], &format!("openclaw {DEFAULT} on"), ""),
    ] {
        let mut command = serve(&test_folder.path("home"));
        command.args(arguments).args(["--port", "0"]).current_dir(test_folder.path(""));
        let mut serving = Serving::start(command);
        assert!(serving.line.contains(expected), "{}", serving.line);
        serving.signal(Signal::SIGTERM);
        let mut log = String::new();
        serving.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        assert!(log.contains(source) && (!source.is_empty() || !log.contains("the release is")), "{log}");
    }
}

/// The built-in cases connect other devices.
#[test]
fn run_names_next_commands() {
    let test_folder = test_folder();
    let ended = test_folder.clawcheck(&["run", "--state-dir", "state"]);
    assert_eq!(ended.code, Some(2), "{}{}", ended.out, ended.err);
    for part in ["`clawcheck explain state`", "`clawcheck capture state -o lockout`", "--device"] {
        assert!(ended.err.contains(part), "{}", ended.err);
    }
}
