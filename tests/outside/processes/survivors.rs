//! No process of a gateway survives the run, even if it changes its process group, session or environment, and however
//! the run ends.
//!
//! The gateway is a script that starts stray processes and then becomes `clawcheck serve`. The test recognizes a stray
//! process by the unusual number of seconds that it sleeps for.

use crate::harness::hostile::SERVE;
use crate::harness::{HostileFolder, ProgramOutput, STAYS, TestFolder};
use clawcheck::{Exit, LaunchError};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rstest::rstest;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const LOOKS: &str = "scenario: Looks\nsteps:\n  - connect: { device: laptop }\n    expect: hello\n";
/// Starts the gateway four times and ends it in every way.
const COMES_AND_GOES: &str = "\
scenario: Comes and goes
steps:
  - connect: { device: laptop }
    expect: hello
  - restart: {}
  - connect: { device: laptop }
    expect: hello
  - kill: {}
  - start: {}
  - stop: {}
  - start: {}
";

/// A gateway that starts stray processes.
struct StrayGateway {
    test_folder: TestFolder,
    /// The number of seconds that a stray process sleeps for.
    seconds: String,
}

impl StrayGateway {
    /// `after`: the commands of the script after the start of its stray process. Empty means `serve`.
    fn new(scenario: &str, after: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let wild =
            Self { test_folder: TestFolder::new(scenario), seconds: format!("4000.{}{number:04}", std::process::id()) };
        let Self { test_folder, seconds } = &wild;
        let serve = format!(
            "exec {} serve --release 2026.4.2 --port $1 --state-dir $2 --config $3",
            env!("CARGO_BIN_EXE_clawcheck")
        );
        // No shell may have the number in its own arguments, because `grep` searches for stray processes of earlier
        // starts.
        wild.write(
            "stray.sh",
            &format!("echo >> {0}/strays\nsleep {seconds} &\nexec sleep {seconds}", test_folder.path("").display()),
        );
        let script = format!(
            "if cat /proc/[0-9]*/cmdline 2>/dev/null | grep -aq '[4]{}'; then echo >> $4/met; fi\n\
             (env -i PATH=\"$PATH\" setsid sh $4/stray.sh > /dev/null 2>&1 &)\n\
             until [ -s $4/strays ]; do :; done\n{}",
            &seconds[1..],
            if after.is_empty() { &serve } else { after }
        );
        wild.write("gateway.sh", &script);
        wild.describe("\"{here}/gateway.sh\"", "");
        wild
    }

    fn write(&self, name: &str, script: &str) {
        let path = self.test_folder.path(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn describe(&self, command: &str, first: &str) {
        let text = format!(
            "gateway: wild\nabout: starts strays\nclaims: 2026.4.2\ncommand: {command}\n\
             args: [{first}\"{{port}}\", \"{{state-dir}}\", \"{{config}}\", \"{{here}}\"]\nready: connect\n"
        );
        std::fs::write(self.test_folder.path("gateway.yaml"), text).unwrap();
    }

    fn run(&self) -> ProgramOutput {
        self.test_folder.clawcheck(&["run", "scenarios", "--gateway", "gateway.yaml", "--start-timeout", "60"])
    }

    /// Starts a run and returns when a stray process exists.
    fn begin(&self) -> Child {
        // Under `nohup`, the tests ignore SIGHUP, and child processes inherit that.
        let mut command = Command::new("env");
        command.arg("--default-signal=HUP").arg(assert_cmd::cargo::cargo_bin("clawcheck"));
        command.args(["run", "scenarios", "--gateway", "gateway.yaml"]).current_dir(self.test_folder.path(""));
        command.env("HOME", self.test_folder.path("home")).env("TMPDIR", self.test_folder.path("tmp"));
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        eventually("no stray was ever started", || self.strays().len() >= 2);
        child
    }

    /// The living stray processes.
    fn strays(&self) -> Vec<String> {
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
        let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
        lines.filter(|line| line.contains(&self.seconds)).collect()
    }

    /// The number of stray processes that were started.
    fn started(&self) -> usize {
        std::fs::read_to_string(self.test_folder.path("strays")).unwrap_or_default().lines().count()
    }
}

fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[rstest]
#[case::at_the_end_of_the_run(LOOKS, 1)]
#[case::between_starts(COMES_AND_GOES, 4)]
fn stray_process_ends_with_gateway(#[case] scenario: &str, #[case] starts: usize) {
    let wild = StrayGateway::new(scenario, "");
    let ran = wild.run();
    assert!(!ran.out.contains("error"), "{}{}", ran.out, ran.err);
    assert_eq!(wild.started(), starts, "{}{}", ran.out, ran.err);
    assert_eq!(wild.strays(), Vec::<String>::new());
    assert!(!wild.test_folder.path("met").exists(), "a gateway met what the one before it had left");
    wild.test_folder.leaves_nothing();
}

#[rstest]
#[case::it_ends("exit 7", "ended with exit code 7 before it was ready")]
#[case::it_goes_and_nothing_listens(
    "exit 0",
    "its command exited with code 0, and the processes that it left running do not listen"
)]
#[case::it_never_listens("exec sleep 4000", "did not listen on port")]
#[case::its_supervisor_is_killed("kill -9 $PPID; exec sleep 4000", "ended with an unknown status")]
fn failed_start_leaves_no_process(#[case] script: &str, #[case] says: &str) {
    let wild = StrayGateway::new(LOOKS, script);
    let ran = wild.test_folder.clawcheck(&["run", "scenarios", "--gateway", "gateway.yaml", "--start-timeout", "2"]);
    assert_eq!(ran.code, Some(3), "{}{}", ran.out, ran.err);
    // A supervisor that is killed immediately reports nothing about the command.
    let is_killed = script.starts_with("kill");
    assert!(
        ran.out.contains(says) || is_killed && ran.out.contains("exited before it started the gateway"),
        "{}",
        ran.out
    );
    // The second start uses the default configuration. It decides that the gateway cannot start.
    assert!((1..=2).contains(&wild.started()), "{}", wild.started());
    // Without its supervisor, a stray process without a mark cannot be found. A process with the mark is still found.
    if is_killed {
        for process in std::fs::read_dir("/proc").unwrap().flatten() {
            let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
            if String::from_utf8_lossy(&line).contains(&wild.seconds) {
                let process = process.file_name().to_str().unwrap().parse().unwrap();
                kill(Pid::from_raw(process), Signal::SIGKILL).unwrap();
            }
        }
    } else {
        assert_eq!(wild.strays(), Vec::<String>::new());
    }
    wild.test_folder.leaves_nothing();
}

#[rstest]
#[case(Signal::SIGINT)]
#[case(Signal::SIGTERM)]
#[case(Signal::SIGHUP)]
fn signal_leaves_no_process(#[case] signal: Signal) {
    let wild = StrayGateway::new(STAYS, "");
    let mut run = wild.begin();
    kill(Pid::from_raw(run.id().try_into().unwrap()), signal).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(130));
    assert_eq!(wild.strays(), Vec::<String>::new());
    wild.test_folder.leaves_nothing();
}

#[test]
fn killed_run_leaves_no_process() {
    let wild = StrayGateway::new(STAYS, "");
    let mut run = wild.begin();
    run.kill().unwrap();
    run.wait().unwrap();
    eventually("a stray outlived the run", || wild.strays().is_empty());
    eventually("a directory outlived the run", || {
        std::fs::read_dir(wild.test_folder.path("tmp")).unwrap().count() == 0
    });
}

/// Each process of a chain starts the next one in a new session and exits. The kill loop must find the next one each
/// time.
#[test]
fn chain_of_strays_ends() {
    let wild = StrayGateway::new(LOOKS, "");
    wild.write(
        "stray.sh",
        &format!("echo >> {}/strays\n(setsid sh \"$0\" {} &)", wild.test_folder.path("").display(), wild.seconds),
    );
    let ran = wild.run();
    assert!(!ran.out.contains("error"), "{}{}", ran.out, ran.err);
    let started = wild.started();
    assert!(started > 10, "{started}");
    assert_eq!(wild.strays(), Vec::<String>::new());
    assert_eq!(wild.started(), started, "the chain goes on");
}

/// `setsid` alone runs in the background and exits with 0. With `--wait`, it does not forward signals.
#[rstest]
#[case("")]
#[case("--wait, ")]
fn gateway_below_setsid(#[case] option: &str) {
    let wild = StrayGateway::new(COMES_AND_GOES, "");
    wild.describe("setsid", &format!("{option}\"{{here}}/gateway.sh\", "));
    let ran = wild.run();
    assert!(!ran.out.contains("error"), "{}{}", ran.out, ran.err);
    assert_eq!(wild.started(), 4, "{}{}", ran.out, ran.err);
    assert_eq!(wild.strays(), Vec::<String>::new());
    wild.test_folder.leaves_nothing();
}

#[tokio::test]
async fn environment_is_isolated() {
    let folder = HostileFolder::new();
    let sandbox = folder.run_directory.sandbox().unwrap();
    let description = folder.write(
        "gateway: x\nabout: x\nclaims: 2026.4.2\ncommand: sh\nargs: [-c, 'env; echo in $PWD; exit 7']\nenv: { GIVEN: yes }\n\
         config: none\nstore: none\n",
    );
    let LaunchError::Exited { log, .. } = folder.launch(&description, &sandbox, 60).await.err().unwrap() else {
        panic!()
    };
    assert!(log.0.contains("GIVEN=yes") && log.0.contains(&format!("in {}", sandbox.root().display())), "{log}");
    assert!(!log.0.lines().any(|line| line.starts_with("CARGO")), "{log}");
}

#[tokio::test]
async fn placeholders_in_path() {
    let folder = HostileFolder::new();
    let sandbox = folder.run_directory.sandbox().unwrap();
    let program = std::env::current_exe().unwrap();
    let description = folder.write(&format!(
        "gateway: x\nabout: x\nclaims: 2026.4.2\ncommand: {}\nargs: [\"{SERVE}\", --exact, --nocapture]\n\
         env: {{ HOSTILE: right, PORT: \"{{port}}\" }}\npath: \"/{{port}}/{{token}}x\"\nconfig: none\nstore: none\n",
        program.display()
    ));
    let running = folder.launch(&description, &sandbox, 60).await.unwrap();
    assert_eq!(running.upgrade().path, format!("/{}/x", running.port().unwrap()));
}

#[tokio::test]
async fn sigkill_after_stop_timeout() {
    let folder = HostileFolder::new();
    let sandbox = folder.run_directory.sandbox().unwrap();
    let program = std::env::current_exe().unwrap();
    let description = folder.write(&format!(
        "gateway: x\nabout: x\nclaims: 2026.4.2\ncommand: sh\n\
         args: [-c, 'trap \"\" TERM; exec \"$0\" {SERVE} --exact --nocapture', '{}']\n\
         env: {{ HOSTILE: right, PORT: \"{{port}}\" }}\nconfig: none\nstore: none\n",
        program.display()
    ));
    let mut running = folder.launch(&description, &sandbox, 60).await.unwrap();
    let port = running.port().unwrap();
    let exit = running.stop(tokio::time::Instant::now() + Duration::from_millis(200)).await.unwrap();
    assert_eq!(exit, Exit { code: None, signal: Some(9) });
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}
