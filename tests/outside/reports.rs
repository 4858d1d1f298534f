//! Where reports go: files are replaced whole, everything else is written to.

use super::run::{Bench, SCENARIO};
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

fn command(bench: &Bench, report: &str) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("clawcheck"));
    command.args(["run", "scenarios", "--report", &format!("json={report}")]).current_dir(bench.path(""));
    command.env("HOME", bench.path("home")).env("TMPDIR", bench.path("tmp")).stdin(Stdio::null());
    command
}

#[test]
fn standard_output_has_the_report_and_nothing_else() {
    let bench = Bench::new(SCENARIO);
    for report in ["-", "/dev/stdout", "/proc/self/fd/1"] {
        // A pipe: nothing here could be replaced by mistake.
        let output = command(&bench, report).output().unwrap();
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert!(is_report(&out), "{report}: {out}");
        assert!(err.contains("1 case: 1 deviates"), "{report}: {err}");
    }
    bench.leaves_nothing();
}

#[test]
fn another_descriptor_is_written_to() {
    let bench = Bench::new(SCENARIO);
    std::fs::write(bench.path("err"), "before\n").unwrap();
    let file = std::fs::OpenOptions::new().append(true).open(bench.path("err")).unwrap();
    let status = command(&bench, "/dev/stderr").stdout(Stdio::null()).stderr(file).status().unwrap();
    assert_eq!(status.code(), Some(1));
    let text = std::fs::read_to_string(bench.path("err")).unwrap();
    assert!(text.strip_prefix("before\n").is_some_and(is_report), "{text}");
}

#[test]
fn a_file_has_the_usual_mode_and_a_link_stays_one() {
    let bench = Bench::new(SCENARIO);
    std::fs::write(bench.path("usual"), "").unwrap();
    std::fs::create_dir(bench.path("real")).unwrap();
    symlink("real/report.json", bench.path("link.json")).unwrap();
    for _ in 0..2 {
        assert_eq!(command(&bench, "link.json").stdout(Stdio::null()).status().unwrap().code(), Some(1));
    }
    assert!(std::fs::symlink_metadata(bench.path("link.json")).unwrap().is_symlink());
    let mode = |name: &str| std::fs::metadata(bench.path(name)).unwrap().permissions().mode();
    assert_eq!(mode("real/report.json"), mode("usual"));
    assert!(is_report(&std::fs::read_to_string(bench.path("real/report.json")).unwrap()));
    assert_eq!(std::fs::read_dir(bench.path("real")).unwrap().count(), 1);
}

#[test]
fn a_pipe_is_written_to_and_stays_a_pipe() {
    let bench = Bench::new(SCENARIO);
    mkfifo(&bench.path("pipe"), Mode::S_IRWXU).unwrap();
    let child = command(&bench, "pipe").stdout(Stdio::null()).spawn().unwrap();
    let text = std::fs::read_to_string(bench.path("pipe")).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(1));
    assert!(is_report(&text), "{text}");
    assert!(std::fs::symlink_metadata(bench.path("pipe")).unwrap().file_type().is_fifo());
}

#[test]
fn a_signal_ends_the_wait_for_the_reader_of_a_pipe() {
    let bench = Bench::new(SCENARIO);
    mkfifo(&bench.path("pipe"), Mode::S_IRWXU).unwrap();
    let mut child = command(&bench, "pipe").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
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
    let bench = Bench::new(SCENARIO);
    let ran = bench.clawcheck(&["run", "scenarios", "--snapshots", "snapshot"]);
    assert_eq!(ran.code, Some(2), "{}{}", ran.out, ran.err);
    for says in ["the folder snapshot does not exist", "did you mean `snapshots`?", "mkdir -p snapshot"] {
        assert!(ran.err.contains(says), "{}", ran.err);
    }
    assert!(!bench.path("snapshot").exists());
    std::fs::create_dir(bench.path("new")).unwrap();
    assert_eq!(bench.clawcheck(&["run", "scenarios", "--snapshots", "new"]).code, Some(1));
    assert!(bench.path("new/family/case@2026.9.6.snap.new").exists());
}
