//! `clawcheck serve` as the gateway of a test.

use super::TestFolder;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A command without the caller's environment, with a temporary HOME.
pub(crate) fn serve(home: &Path) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("clawcheck"));
    command.arg("serve").env_clear().env("HOME", home).stdin(Stdio::null());
    command
}

/// The token of [`somebody_elses`].
pub(crate) const TOKEN: &str = "a-token-of-somebody-else-5f3a";

/// `clawcheck serve` at a release, with the auth mode `none` or [`TOKEN`]. Its state directory is `state` in the folder.
pub(crate) fn somebody_elses(test_folder: &TestFolder, release: &str, mode: &str) -> Serving {
    let config = json!({ "gateway": { "mode": "local", "auth": { "mode": mode, "token": TOKEN } } });
    std::fs::write(test_folder.path("openclaw.json"), config.to_string()).unwrap();
    let mut command = serve(&test_folder.path("home"));
    command.args(["--release", release, "--port", "0", "--state-dir"]).arg(test_folder.path("state"));
    command.arg("--config").arg(test_folder.path("openclaw.json"));
    Serving::start(command)
}

/// A listening gateway. It ends with the test.
pub(crate) struct Serving {
    pub child: Child,
    pub line: String,
    pub port: u16,
}

impl Serving {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let port = line.split("127.0.0.1:").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
        let port = port.unwrap_or_else(|| panic!("no port in {line:?}"));
        Self { child, line, port }
    }

    pub(crate) fn signal(&mut self, signal: Signal) -> ExitStatus {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("still there ten seconds after {signal}")
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
