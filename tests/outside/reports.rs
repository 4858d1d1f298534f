//! Where reports go: files are replaced whole, everything else is written to.

use super::run::{SCENARIO, TestFolder, snapshot_file};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use serde_json::Value;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn is_report(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok_and(|report| report["cases"][0]["id"] == "family/case")
}

fn command(test_folder: &TestFolder, report: &str) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("clawcheck"));
    command.args(["run", "scenarios", "--report", &format!("json={report}")]).current_dir(test_folder.path(""));
    command.env("HOME", test_folder.path("home")).env("TMPDIR", test_folder.path("tmp")).stdin(Stdio::null());
    command
}

#[test]
fn standard_output_has_the_report_and_nothing_else() {
    let test_folder = TestFolder::new(SCENARIO);
    for report in ["-", "/dev/stdout", "/proc/self/fd/1"] {
        // A pipe: nothing here could be replaced by mistake.
        let output = command(&test_folder, report).output().unwrap();
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert!(is_report(&out), "{report}: {out}");
        assert!(err.contains("1 case: 1 deviates"), "{report}: {err}");
    }
    test_folder.leaves_nothing();
}

#[test]
fn another_descriptor_is_written_to() {
    let test_folder = TestFolder::new(SCENARIO);
    std::fs::write(test_folder.path("err"), "before\n").unwrap();
    let file = std::fs::OpenOptions::new().append(true).open(test_folder.path("err")).unwrap();
    let status = command(&test_folder, "/dev/stderr").stdout(Stdio::null()).stderr(file).status().unwrap();
    assert_eq!(status.code(), Some(1));
    let text = std::fs::read_to_string(test_folder.path("err")).unwrap();
    assert!(text.strip_prefix("before\n").is_some_and(is_report), "{text}");
}

#[test]
fn a_file_has_the_usual_mode_and_a_link_stays_one() {
    let test_folder = TestFolder::new(SCENARIO);
    std::fs::write(test_folder.path("usual"), "").unwrap();
    std::fs::create_dir(test_folder.path("real")).unwrap();
    symlink("real/report.json", test_folder.path("link.json")).unwrap();
    for _ in 0..2 {
        assert_eq!(command(&test_folder, "link.json").stdout(Stdio::null()).status().unwrap().code(), Some(1));
    }
    assert!(std::fs::symlink_metadata(test_folder.path("link.json")).unwrap().is_symlink());
    let mode = |name: &str| std::fs::metadata(test_folder.path(name)).unwrap().permissions().mode();
    assert_eq!(mode("real/report.json"), mode("usual"));
    assert!(is_report(&std::fs::read_to_string(test_folder.path("real/report.json")).unwrap()));
    assert_eq!(std::fs::read_dir(test_folder.path("real")).unwrap().count(), 1);
}

#[test]
fn a_pipe_is_written_to_and_stays_a_pipe() {
    let test_folder = TestFolder::new(SCENARIO);
    mkfifo(&test_folder.path("pipe"), Mode::S_IRWXU).unwrap();
    let child = command(&test_folder, "pipe").stdout(Stdio::null()).spawn().unwrap();
    let text = std::fs::read_to_string(test_folder.path("pipe")).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(1));
    assert!(is_report(&text), "{text}");
    assert!(std::fs::symlink_metadata(test_folder.path("pipe")).unwrap().file_type().is_fifo());
}

#[test]
fn a_signal_ends_the_wait_for_the_reader_of_a_pipe() {
    let test_folder = TestFolder::new(SCENARIO);
    mkfifo(&test_folder.path("pipe"), Mode::S_IRWXU).unwrap();
    let mut child = command(&test_folder, "pipe").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // All was told: what it waits for now is the reader.
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    while !text.contains("1 case: ") {
        assert!(std::io::BufRead::read_line(&mut out, &mut text).unwrap() > 0, "{text}");
    }
    let began = Instant::now();
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(began.elapsed() < Duration::from_secs(8), "it waited to the end");
}

#[test]
fn a_folder_of_snapshots_that_is_not_there_is_not_made() {
    let test_folder = TestFolder::new(SCENARIO);
    let ran = test_folder.clawcheck(&["run", "scenarios", "--snapshots", "snapshot"]);
    assert_eq!(ran.code, Some(2), "{}{}", ran.out, ran.err);
    for says in ["the folder snapshot does not exist", "did you mean `snapshots`?", "mkdir -p snapshot"] {
        assert!(ran.err.contains(says), "{}", ran.err);
    }
    assert!(!test_folder.path("snapshot").exists());
    std::fs::create_dir(test_folder.path("new")).unwrap();
    assert_eq!(test_folder.clawcheck(&["run", "scenarios", "--snapshots", "new"]).code, Some(1));
    assert!(test_folder.path("new/family").join(format!("{}.new", snapshot_file())).exists());
}
