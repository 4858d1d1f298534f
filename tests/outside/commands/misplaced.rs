//! Arguments of the wrong kind: the error names the command that accepts them.

use crate::harness::{SCENARIO, TestFolder};
use rstest::rstest;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

const LOG: &str = "[ws] closed before connect conn=1 remote=127.0.0.1 fwd=n/a origin=n/a host=h ua=n/a code=1008 reason=pairing required";

/// The text without white space, because error reports are wrapped.
fn squeezed(text: &str) -> String {
    text.split_whitespace().filter(|word| *word != "│").collect()
}

/// A folder with a scenario, a state directory of each format, and a log.
fn test_folder() -> TestFolder {
    let test_folder = TestFolder::new(SCENARIO);
    for path in [
        "files/devices/paired.json",
        "database/state/openclaw.sqlite",
        "files/openclaw.json",
        "gateway.log",
        "notes.txt",
        "files/logs/gateway.log.1",
        "state.tar.gz",
        "case@2026.4.2.snap",
        "mixed/docker-compose.yaml",
    ] {
        let path = test_folder.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "{}").unwrap();
    }
    fs::write(test_folder.path("gateway.log"), LOG).unwrap();
    fs::write(test_folder.path("mixed/docker-compose.yaml"), "services: {}\n").unwrap();
    test_folder
}

#[rstest]
#[case::run_json(&["run", "files"], "clawcheck explain --state-dir files")]
#[case::run_sqlite(&["run", "database"], "clawcheck explain --state-dir database")]
#[case::lint(&["lint", "files"], "clawcheck explain --state-dir files")]
#[case::list(&["list", "database"], "clawcheck explain --state-dir database")]
#[case::compare(&["compare", "embedded@2026.4.1", "embedded@2026.4.2", "--scenarios", "files"], "clawcheck explain --state-dir files")]
#[case::run_log_file(&["run", "gateway.log"], "clawcheck explain --log gateway.log")]
#[case::run_log_line(&["run", LOG], "| clawcheck explain --log -`")]
#[case::explain_log_line(&["explain", LOG], "| clawcheck explain --log -`")]
#[case::explain_log_option(&["explain", "--log", LOG], "| clawcheck explain --log -`")]
#[case::audit_line(&["explain", "security audit: device access upgrade requested reason=role-upgrade"], "| clawcheck explain --log -`")]
#[case::unauthorized_line(&["run", "[ws] unauthorized conn=1 remote=127.0.0.1 reason=token_mismatch"], "| clawcheck explain --log -`")]
#[case::line_with_time(&["run", "2026-04-02T10:00:00Z [ws] invalid handshake conn=c1 remote=127.0.0.1"], "| clawcheck explain --log -`")]
#[case::other_line(&["run", "[ws] webchat connected conn=c1"], "the argument is a line of a gateway's log")]
#[case::client_message(&["run", "gateway closed (1008): pairing required"], "`clawcheck explain --state-dir DIR --log FILE`")]
#[case::client_message_as_log(&["explain", "--log", "gateway connect failed: pairing required"], "a message about a refused connect")]
#[case::release_of_doctor(&["doctor", "files", "--release", "2026.4.2"], "`clawcheck explain DIR --release RELEASE`")]
#[case::state_directory_of_probe(&["probe", "ws://127.0.0.1:1", "--state-dir", "files"], "`clawcheck doctor DIR` read a state directory")]
#[case::option_of_other_command(&["lint", "files", "--gateway=embedded"], "`lint` has no --gateway; it is an option of `run`, `list`")]
#[case::incomplete_list(&["accept", "--known", "k.yaml", "--all"], "--known also needs --report FILE (the JSON report of the run: `clawcheck run --report json=FILE`), --reason TEXT")]
#[case::incomplete_pruning(&["accept", "--known", "k.yaml", "--prune"], "--known also needs --report FILE")]
#[case::explain_log_file(&["explain", "notes.txt"], "clawcheck explain --log notes.txt")]
#[case::explain_log_in_state(&["explain", "files/logs/gateway.log.1"], "clawcheck explain --log files/logs/gateway.log.1; to explain the state directory that contains the file: clawcheck explain files")]
#[case::explain_paired(&["explain", "files/devices/paired.json"], "clawcheck explain files")]
#[case::explain_config(&["explain", "files/openclaw.json"], "clawcheck explain files")]
#[case::explain_sqlite(&["explain", "database/state/openclaw.sqlite"], "clawcheck explain database")]
#[case::explain_scenarios(&["explain", "scenarios"], "to explain a case, pass its id or its file")]
#[case::run_archive(&["run", "state.tar.gz"], "mkdir unpacked && tar -xf state.tar.gz -C unpacked")]
#[case::doctor_archive(&["doctor", "state.tar.gz"], "state.tar.gz is an archive, not a state directory")]
#[case::archive_as_log(&["explain", "--log", "state.tar.gz"], "--log: state.tar.gz is an archive, not a log")]
#[case::archive_as_gateway(&["probe", "state.tar.gz"], "is an archive, not a gateway description")]
#[case::lint_message(&["lint", "gateway closed (1008): pairing required"], "this is a message about a refused connect, not a scenario")]
#[case::doctor_message(&["doctor", "gateway closed (1008): pairing required"], "`clawcheck explain --state-dir DIR`")]
#[case::snapshot(&["run", "case@2026.4.2.snap"], "this is a snapshot, not a scenario")]
#[case::text(&["run", "notes.txt"], "`clawcheck list` prints the built-in cases")]
#[case::missing_file(&["lint", "nosuch.yaml"], "`clawcheck list` prints the built-in cases")]
#[case::other_yaml(&["run", "mixed"], "move it out of the folder, or pass the scenario files by name")]
#[case::folder_as_log(&["explain", "--log", "files"], "clawcheck explain --state-dir files")]
#[case::state_directory_as_gateway(&["run", "--gateway", "files"], "clawcheck run --state-dir files")]
#[case::configuration_as_gateway(&["probe", "files/openclaw.json"], "is the configuration of a gateway, not a gateway description")]
#[case::state_directory_as_snapshots(&["run", "role-upgrade/approve", "--snapshots", "files"], "--snapshots: files is a state directory")]
#[case::state_directory_of_accept(&["accept", "--all", "--snapshots", "files"], "--snapshots: files is a state directory")]
#[case::file_as_filter(&["run", "--filter", "files/devices/paired.json"], "explain the directory: clawcheck explain files")]
#[case::scenario_as_filter(&["list", "--filter", "scenarios/family/case.yaml"], "pass the file without the option")]
#[case::address_of_gateway(&["probe", "127.0.0.1:18789"], "did you mean `ws://127.0.0.1:18789`?")]
#[case::explain_nothing(&["explain", "nosuch"], "`clawcheck list` prints all cases")]
fn error_names_correct_command(#[case] arguments: &[&str], #[case] help: &str) {
    let test_folder = test_folder();
    let ended = test_folder.clawcheck(arguments);
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{}", ended.err);
    assert!(squeezed(&ended.err).contains(&squeezed(help)), "{}", ended.err);
}

/// `--filter` is advice only if it selects a case.
#[rstest]
#[case::part_of_id("operato", true)]
#[case::part_of_none("nosuch", false)]
fn filter_is_advised_if_it_matches(#[case] id: &str, #[case] matches: bool) {
    let test_folder = test_folder();
    let ended = test_folder.clawcheck(&["run", id]);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(squeezed(&ended.err).contains(&squeezed("`clawcheck list`")), "{}", ended.err);
    assert_eq!(ended.err.contains(&format!("`--filter {id}`")), matches, "{}", ended.err);
}

/// Only a folder that the user names is an argument.
#[rstest]
#[case::accept(&["accept", "--all"])]
#[case::accept_case(&["accept", "role"])]
#[case::review(&["review"])]
fn without_snapshot_folder(#[case] arguments: &[&str]) {
    let test_folder = test_folder();
    fs::remove_dir(test_folder.path("snapshots")).unwrap();
    let ended = test_folder.clawcheck(arguments);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    let err = squeezed(&ended.err);
    assert!(err.contains(&squeezed("no run has saved observations here")), "{err}");
    assert!(err.contains(&squeezed("run first: mkdir snapshots")) && !err.contains("--snapshots"), "{err}");
    let named = test_folder.clawcheck(&[arguments, &["--snapshots", "snapshots"]].concat());
    assert_eq!(named.code, Some(2), "{}", named.err);
    assert!(
        squeezed(&named.err).contains(&squeezed("--snapshots: the folder snapshots does not exist")),
        "{}",
        named.err
    );
}

#[rstest]
#[case::explain(&["explain", "files", "--release", "2026.1.1"])]
#[case::explain_case(&["explain", "role-upgrade/approve", "--release", "2026.1.1"])]
#[case::run(&["run", "role-upgrade/approve", "--gateway", "embedded@2026.1.1"])]
#[case::compare(&["compare", "embedded@2026.1.1", "embedded@2026.4.2"])]
#[case::releases(&["releases", "2026.1.1"])]
#[case::serve(&["serve", "--release", "2026.1.1", "--state-dir", "served"])]
fn release_before_oldest_names_nearest(#[case] arguments: &[&str]) {
    let ended = test_folder().clawcheck(arguments);
    assert_eq!(ended.code, Some(2), "{}{}", ended.out, ended.err);
    let says = squeezed(&ended.err);
    for part in ["the nearest known release is the oldest one, 2026.2.19", "`--gateway embedded@2026.2.19`"] {
        assert!(says.contains(&squeezed(part)), "{}", ended.err);
    }
}

#[rstest]
#[case::explain(&["explain", "files", "--release", "2026.4.3"], "2026.4.3, which uses the rules of 2026.4.2")]
#[case::explain_case(&["explain", "role-upgrade/approve", "--release", "2026.4.3"], "2026.4.3 has no rules of its own; it uses the rules of 2026.4.2")]
#[case::run(&["run", "role-upgrade/approve", "--gateway", "embedded@2026.4.3"], "2026.4.3 has no rules of its own; its answers are compared with those of 2026.4.2")]
#[case::compare(&["compare", "embedded@2026.4.3", "embedded@2026.4.2", "--filter", "role-upgrade/approve"], "2026.4.3 has no rules of its own")]
#[case::releases(&["releases", "2026.4.3"], "2026.4.3 has no rules of its own; it uses the rules of 2026.4.2")]
fn release_between_names_older(#[case] arguments: &[&str], #[case] says: &str) {
    let ended = test_folder().clawcheck(arguments);
    assert!(squeezed(&(ended.out.clone() + &ended.err)).contains(&squeezed(says)), "{}{}", ended.out, ended.err);
}

/// The cause is what matters.
#[test]
fn unreachable_gateway_has_no_notes() {
    let ended = test_folder().clawcheck(&["run", "role-upgrade", "--gateway", "ws://127.0.0.1:1"]);
    assert_eq!(ended.code, Some(3), "{}{}", ended.out, ended.err);
    let first = ended.out.lines().skip(1).find(|line| !line.is_empty()).unwrap_or_default();
    assert!(first.starts_with("error: ") && first.contains("no gateway at ws://127.0.0.1:1"), "{}", ended.out);
}

/// Quiet means less output, but not another meaning of the verdicts.
#[test]
fn quiet_run_names_compared_release() {
    let run = |release: &str| test_folder().clawcheck(&["run", "-q", "handshake/params", "--gateway", release]).out;
    assert!(run("embedded@2026.4.3").contains("its answers are compared with those of 2026.4.2"));
    assert_eq!(run("embedded@2026.4.2").lines().count(), 1);
}

#[rstest]
#[case("4.2", "did you mean 2026.4.2?")]
#[case("v2026.4.2", "did you mean 2026.4.2?")]
#[case("latest", "`clawcheck releases` lists the known releases")]
#[case("openclaw 2026.4.2", "did you mean 2026.4.2?")]
#[case("2026.4.3-beta.1", "did you mean 2026.4.3?")]
#[case("2025.1.1", "the first versions are from 2026; clawcheck knows the rules of 2026.2.19 to ")]
#[case("2025.1", "expected something like 2026.4.2")]
fn other_version_formats(#[case] text: &str, #[case] says: &str) {
    for arguments in
        [&["explain", "--release", text][..], &["run", "--gateway", &format!("embedded@{text}")], &["releases", text]]
    {
        let ended = test_folder().clawcheck(arguments);
        assert_eq!(ended.code, Some(2), "{}{}", ended.out, ended.err);
        assert!(squeezed(&ended.err).contains(&squeezed(says)), "{}", ended.err);
    }
}

#[test]
fn unknown_option_of_program_with_any_name() {
    let ran = Command::new(env!("CARGO_BIN_EXE_clawcheck"))
        .arg0(OsStr::from_bytes(b"\xff"))
        .args(["lint", "--gateway=embedded"])
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(2), "{err}");
    assert!(err.contains("`lint` has no --gateway"), "{err}");
}

#[test]
fn argument_of_any_bytes() {
    let ran = Command::new(env!("CARGO_BIN_EXE_clawcheck")).arg(OsStr::from_bytes(b"\xff")).output().unwrap();
    let err = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(2), "{err}");
    assert!(err.contains("unrecognized subcommand"), "{err}");
}
