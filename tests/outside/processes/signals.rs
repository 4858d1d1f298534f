//! The first signal ends every command.

use crate::harness::{SCENARIO, TestFolder};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rstest::rstest;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A command usually ends within a second. On a busy machine, it can take longer. A command that ignores the signal
/// never ends.
const AT_MOST: Duration = Duration::from_secs(30);

/// A full pipe without a reader. A writer waits forever.
fn full_pipe() -> (std::io::PipeReader, std::io::PipeWriter) {
    let (reader, writer) = std::io::pipe().unwrap();
    // The same pipe, opened again. Only this end does not block.
    let path = format!("/proc/self/fd/{}", writer.as_raw_fd());
    let mut filling: File =
        OpenOptions::new().write(true).custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits()).open(path).unwrap();
    while filling.write(&[b'x'; 4096]).is_ok() {}
    while filling.write(b"x").is_ok() {}
    (reader, writer)
}

/// Waits until a process catches a signal.
fn until_it_catches(child: &Child, signal: Signal) {
    let began = Instant::now();
    loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        if u64::from_str_radix(caught.trim(), 16).unwrap() >> (signal as u32 - 1) & 1 == 1 {
            return;
        }
        assert!(began.elapsed() < AT_MOST, "{signal} is never caught");
        std::thread::yield_now();
    }
}

fn signalled(mut child: Child, signal: Signal) -> ExitStatus {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if began.elapsed() > AT_MOST {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("still there after {signal}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Every command that prints stops while it waits for a reader that does not read.
#[rstest]
#[case::run(&["run", "scenarios", "--trace"])]
#[case::compare(&["compare", "embedded@2026.4.2", "embedded@2026.9.6", "--scenarios", "scenarios"])]
#[case::fuzz(&["fuzz", "--gateway", "embedded@2026.4.2", "-n", "1", "--seed", "1"])]
#[case::lint(&["lint"])]
#[case::list(&["list"])]
#[case::releases(&["releases"])]
#[case::review(&["review"])]
#[case::schema(&["schema"])]
#[case::serve(&["serve", "--port", "0", "--state-dir", "state"])]
fn signal_ends_blocked_output(#[case] arguments: &[&str], #[values(Signal::SIGINT, Signal::SIGTERM)] signal: Signal) {
    let test_folder = TestFolder::new(SCENARIO);
    let (_reader, writer) = full_pipe();
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("clawcheck"));
    command.args(arguments).current_dir(test_folder.path(""));
    command.env("HOME", test_folder.path("home")).env("TMPDIR", test_folder.path("tmp"));
    let child = command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::null()).spawn().unwrap();
    until_it_catches(&child, signal);
    let status = signalled(child, signal);
    assert_eq!(status.code(), Some(130), "{status:?}");
}

#[test]
fn nohup_ignores_hangup() {
    let test_folder = TestFolder::new(SCENARIO);
    let (_reader, writer) = full_pipe();
    let mut command = Command::new("nohup");
    command.arg(assert_cmd::cargo::cargo_bin!("clawcheck")).arg("list").current_dir(test_folder.path(""));
    let mut child = command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::null()).spawn().unwrap();
    until_it_catches(&child, Signal::SIGTERM);
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGHUP).unwrap();
    assert!(child.try_wait().unwrap().is_none());
    assert_eq!(signalled(child, Signal::SIGTERM).code(), Some(130));
}
