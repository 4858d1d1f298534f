//! Named pipes, links and other special files in place of regular files: clawcheck does not wait for them and does not
//! follow them.

use crate::harness::{ProgramOutput, SCENARIO, TestFolder, ended, serve, snapshot_file};
use nix::sys::stat::Mode;
use rstest::rstest;
use std::os::unix::fs::{FileTypeExt as _, symlink};
use std::path::Path;
use std::process::Command;

fn pipe(path: &Path) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    nix::unistd::mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
}

fn clawcheck(test_folder: &TestFolder, arguments: &[&str]) -> ProgramOutput {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("clawcheck"));
    command.args(arguments).current_dir(test_folder.path(""));
    command.env("HOME", test_folder.path("home")).env("TMPDIR", test_folder.path("tmp"));
    ended(command)
}

#[rstest]
#[case::run("run")]
#[case::lint("lint")]
#[case::list("list")]
fn pipe_as_scenario(#[case] command: &str) {
    let test_folder = TestFolder::new(SCENARIO);
    pipe(&test_folder.path("scenarios/family/pipe.yaml"));
    let ended = clawcheck(&test_folder, &[command, "scenarios"]);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(ended.err.contains("scenarios/family/pipe.yaml: this is a named pipe, not a file"), "{}", ended.err);
}

#[test]
fn pipe_as_description() {
    let test_folder = TestFolder::new(SCENARIO);
    pipe(&test_folder.path("gateway.yaml"));
    let ended = clawcheck(&test_folder, &["run", "scenarios", "--gateway", "gateway.yaml"]);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    let message = "the gateway description `gateway.yaml` cannot be read: this is a named pipe, not a file";
    assert!(ended.err.contains(message), "{}", ended.err);
}

/// Every command that reads the folder refuses the file, and leaves it as it is.
#[rstest]
fn pipe_as_snapshot(
    #[values(&["run", "scenarios"], &["list", "scenarios", "--gateway", "embedded"], &["review"], &["accept", "--all"])]
    arguments: &[&str],
    #[values("", ".new")] suffix: &str,
) {
    let file = format!("snapshots/family/{}{suffix}", snapshot_file());
    let test_folder = TestFolder::new(SCENARIO);
    pipe(&test_folder.path(&file));
    let ended = clawcheck(&test_folder, arguments);
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{}", ended.err);
    let says = ended.err.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
    assert!(says.contains(&file) && says.contains("this is a named pipe, not a file"), "{}", ended.err);
    assert!(says.contains("correct the file, or remove it and run again"), "{}", ended.err);
    assert!(std::fs::symlink_metadata(test_folder.path(&file)).unwrap().file_type().is_fifo());
}

/// A snapshot that is no snapshot is not a failure of the gateway either.
#[rstest]
#[case::run(&["run", "scenarios"], "")]
#[case::list(&["list", "scenarios", "--gateway", "embedded"], "")]
#[case::review(&["review"], ".new")]
#[case::accept(&["accept", "--all"], ".new")]
fn text_that_is_no_snapshot(#[case] arguments: &[&str], #[case] suffix: &str) {
    let file = format!("snapshots/family/{}{suffix}", snapshot_file());
    let test_folder = TestFolder::new(SCENARIO);
    std::fs::create_dir_all(test_folder.path("snapshots/family")).unwrap();
    std::fs::write(test_folder.path(&file), "nonsense").unwrap();
    let ended = clawcheck(&test_folder, arguments);
    assert_eq!(ended.code, Some(2), "{}{}", ended.out, ended.err);
    let says = ended.err.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
    assert!(says.contains(&format!("{file} is not a valid snapshot")), "{}", ended.err);
    assert!(says.contains("correct the file, or remove it and run again"), "{}", ended.err);
}

/// A run compares a failed case also with the snapshots of other releases. All of them are checked before the first case.
#[test]
fn text_that_is_no_snapshot_of_another_release() {
    let test_folder = TestFolder::new(SCENARIO);
    let run = ["run", "scenarios", "--gateway", "embedded@2026.4.2"];
    clawcheck(&test_folder, &run);
    assert_eq!(clawcheck(&test_folder, &["accept", "--all"]).code, Some(0));
    assert_eq!(clawcheck(&test_folder, &run).code, Some(0));
    std::fs::write(test_folder.path(&format!("snapshots/family/{}", snapshot_file())), "nonsense").unwrap();
    let ended = clawcheck(&test_folder, &run);
    assert_eq!(ended.code, Some(2), "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("\n0 cases "), "{}", ended.out);
}

#[test]
fn pipe_as_configuration() {
    let test_folder = TestFolder::new(SCENARIO);
    pipe(&test_folder.path("state/openclaw.json"));
    let mut command = serve(&test_folder.path("home"));
    command.arg("--state-dir").arg(test_folder.path("state"));
    let ended = ended(command);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(ended.err.contains("openclaw.json") && ended.err.contains("this is a named pipe"), "{}", ended.err);
}

#[rstest]
fn pipe_in_store_of_serve(
    #[values("2026.4.2", "2026.9.6")] release: &str,
    #[values("devices/paired.json", "nodes/pending.json", "state/openclaw.sqlite", "state/openclaw.sqlite-wal")]
    file: &str,
) {
    let test_folder = TestFolder::new(SCENARIO);
    pipe(&test_folder.path("state").join(file));
    let mut command = serve(&test_folder.path("home"));
    command.args(["--release", release, "--port", "0", "--state-dir"]).arg(test_folder.path("state"));
    let ended = ended(command);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(ended.err.contains(file) && ended.err.contains("this is a named pipe, not a file"), "{}", ended.err);
}

#[rstest]
fn pipes_in_state_directory_of_gateway(
    #[values("devices/paired.json", "state/openclaw.sqlite", "state/openclaw.sqlite-journal")] file: &str,
) {
    let test_folder = TestFolder::new("scenario: Looks\nneeds: [readable-store]\nsteps:\n  - open: {}\n");
    pipe(&test_folder.path("state").join(file));
    let serving = crate::harness::Serving::start({
        let mut command = serve(&test_folder.path("home"));
        command.args(["--release", "2026.4.2", "--port", "0", "--state-dir"]).arg(test_folder.path("other"));
        command
    });
    let url = format!("ws://127.0.0.1:{}", serving.port);
    let state = test_folder.path("state").display().to_string();
    let arguments = ["run", "scenarios", "--gateway", &url, "--state-dir", &state, "--release", "2026.4.2"];
    let ended = clawcheck(&test_folder, &arguments);
    assert!(ended.out.contains("1 "), "{} {}", ended.out, ended.err);
}

#[test]
fn linked_folder_needs_trust() {
    let scenario = "scenario: Mine\nstore: { from: state }\nsteps:\n  - open: {}\n";
    let test_folder = TestFolder::new(scenario);
    std::fs::create_dir_all(test_folder.path("mine/devices")).unwrap();
    std::fs::write(test_folder.path("mine/devices/paired.json"), "{}").unwrap();
    symlink(test_folder.path("mine"), test_folder.path("scenarios/family/state")).unwrap();
    for command in ["run", "lint"] {
        let refused = clawcheck(&test_folder, &[command, "scenarios"]);
        assert_eq!(refused.code, Some(2), "{}", refused.err);
        assert!(refused.err.contains("`state` is a symbolic link to "), "{}", refused.err);
        assert!(refused.err.contains("needs --trust"), "{}", refused.err);
    }
    assert_eq!(clawcheck(&test_folder, &["lint", "scenarios", "--trust"]).code, Some(0));
    let ended = clawcheck(&test_folder, &["run", "scenarios", "--trust"]);
    assert!(ended.err.is_empty() || !ended.err.contains("link"), "{}", ended.err);
}

#[test]
fn links_in_folder() {
    let test_folder = TestFolder::new("scenario: Mine\nstore: { from: state }\nsteps:\n  - open: {}\n");
    let devices = test_folder.path("scenarios/family/state/devices");
    std::fs::create_dir_all(&devices).unwrap();
    std::fs::write(devices.join("real.json"), "{}").unwrap();
    symlink("real.json", devices.join("paired.json")).unwrap();
    std::fs::create_dir(test_folder.path("scenarios/family/state/agents")).unwrap();
    symlink("nowhere", test_folder.path("scenarios/family/state/agents/dangling")).unwrap();
    assert_eq!(clawcheck(&test_folder, &["lint", "scenarios"]).code, Some(0));
    symlink("/etc/hostname", devices.join("pending.json")).unwrap();
    let refused = clawcheck(&test_folder, &["lint", "scenarios"]);
    assert_eq!(refused.code, Some(2), "{}", refused.err);
    assert!(
        refused.err.contains("`state/devices/pending.json` is a symbolic link to /etc/hostname, outside `state`"),
        "{}",
        refused.err
    );
}

/// A scenario with a copy of the folder `mine`.
const COPIED: &str =
    "scenario: Copied\nstore: { from: mine }\nsteps:\n  - connect: { device: laptop }\n    expect: hello\n";

#[rstest]
#[case::a_pipe("devices/paired.json", "`devices/paired.json`: this is a named pipe, not a file")]
#[case::the_identity("identity/device.json", "`identity/device.json`: this is a named pipe, not a file")]
fn pipe_among_copied_records(#[case] path: &str, #[case] says: &str) {
    let test_folder = TestFolder::new(COPIED);
    pipe(&test_folder.path("scenarios/family/mine").join(path));
    let ended = clawcheck(&test_folder, &["lint", "scenarios"]);
    assert_eq!(ended.code, Some(2), "{}{}", ended.out, ended.err);
    assert!(ended.err.contains(says), "{}", ended.err);
}

#[rstest]
#[case::records("devices/paired.json", 2)]
#[case::something_else("agents/main/sessions", 0)]
fn dangling_link_in_copied_folder(#[case] path: &str, #[case] code: i32) {
    let test_folder = TestFolder::new(COPIED);
    let link = test_folder.path("scenarios/family/mine").join(path);
    std::fs::create_dir_all(link.parent().unwrap()).unwrap();
    symlink("/no/such/file", &link).unwrap();
    let ended = clawcheck(&test_folder, &["lint", "scenarios"]);
    assert_eq!(ended.code, Some(code), "{}{}", ended.out, ended.err);
    assert_eq!(ended.err.contains("is a symbolic link to a file that does not exist"), code == 2, "{}", ended.err);
}

#[test]
fn pipe_in_place_of_copied_folder() {
    let test_folder = TestFolder::new(COPIED);
    pipe(&test_folder.path("scenarios/family/mine"));
    let ended = clawcheck(&test_folder, &["lint", "scenarios"]);
    assert!(ended.err.contains("`mine` is not a folder"), "{}", ended.err);
}
