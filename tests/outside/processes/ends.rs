//! Runs that end early: the reader of the output exits, a folder cannot be written, or a signal arrives.

use crate::harness::{SCENARIO, TestFolder};
use serde_json::Value;
use std::process::Stdio;
use std::time::{Duration, Instant};

fn report(test_folder: &TestFolder) -> Value {
    serde_json::from_str(&std::fs::read_to_string(test_folder.path("report.json")).unwrap()).unwrap()
}

/// `clawcheck run ... | head`: the exit code and the report stay the same.
#[cfg(unix)]
#[test]
fn broken_pipe_keeps_verdict_and_report() {
    let test_folder = TestFolder::new(SCENARIO);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("clawcheck"));
    command.args(["run", "scenarios", "--report", "json=report.json"]).current_dir(test_folder.path(""));
    command.env("HOME", test_folder.path("home")).env("TMPDIR", test_folder.path("tmp"));
    let ended = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8(ended.stderr).unwrap().as_str()), (Some(1), ""));
    assert_eq!(report(&test_folder)["summary"]["deviates"], 1);
    test_folder.leaves_nothing();
}

/// clawcheck checks the folder before the first case.
#[test]
fn checks_snapshot_folder_before_playing() {
    let test_folder = TestFolder::new(SCENARIO);
    let ran = test_folder.clawcheck(&["run", "scenarios", "--snapshots", "/proc/self/fdinfo"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{}", ran.err);
    assert!(ran.err.contains("cannot write /proc/self/fdinfo") && ran.err.contains("--snapshots"), "{}", ran.err);
}

/// npm is a script that never ends.
#[cfg(unix)]
#[test]
fn ctrl_c_during_install() {
    use std::os::unix::fs::PermissionsExt as _;
    let test_folder = TestFolder::new(SCENARIO);
    std::fs::create_dir(test_folder.path("bin")).unwrap();
    let npm = format!("touch {}\nexec sleep 60", test_folder.path("begun").display());
    for (name, script) in [("node", "echo v24.21.0"), ("npm", npm.as_str())] {
        let path = test_folder.path("bin").join(name);
        std::fs::write(&path, format!("#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("clawcheck"));
    command.args(["run", "scenarios", "--gateway", "openclaw@2026.4.2", "--report", "json=report.json"]);
    command
        .env("HOME", test_folder.path("home"))
        .env("TMPDIR", test_folder.path("tmp"))
        .env("PATH", test_folder.path("bin"));
    command.env("CLAWCHECK_CACHE", test_folder.path("cache")).current_dir(test_folder.path(""));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    while !test_folder.path("begun").exists() {
        assert!(began.elapsed() < Duration::from_secs(30), "the installation never began");
        std::thread::yield_now();
    }
    let id = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGINT).unwrap();
    let ended = child.wait_with_output().unwrap();
    let out = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(ended.status.code(), Some(130), "{out}");
    assert!(out.contains("interrupted: 1 case not played"), "{out}");
    assert_eq!((&report(&test_folder)["interrupted"], &report(&test_folder)["gateway"]), (&true.into(), &Value::Null));
}
