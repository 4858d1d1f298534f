//! A folder for one test, and the program that runs in it.

use assert_cmd::Command;
use openclaw_model::releases::DEFAULT;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

pub(crate) const SCENARIO: &str = "\
scenario: An operator becomes a node
store:
  paired:
    laptop: { scopes: [operator.read] }
steps:
  - connect: { device: laptop, role: operator, scopes: [operator.read] }
    expect: hello
  - connect: { device: laptop, role: node, via: nginx }
";

/// A client that was admitted and stays connected until the gateway disconnects it.
pub(crate) const STAYS: &str = "\
scenario: Stays
steps:
  - connect: { device: laptop }
    as: laptop
  - await: { close: laptop }
";

/// The file of the snapshot of [`SCENARIO`] on the default release, in its family's folder. The observation that waits for approval
/// has the extension `new`.
pub(crate) fn snapshot_file() -> String {
    format!("case@{DEFAULT}.snap")
}

/// A folder with one scenario, a folder for snapshots, a HOME and a folder for temporary files.
pub(crate) struct TestFolder(pub tempfile::TempDir);

pub(crate) struct ProgramOutput {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl TestFolder {
    pub(crate) fn new(scenario: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["scenarios/family", "snapshots", "home", "tmp"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        std::fs::write(folder.path().join("scenarios/family/case.yaml"), scenario).unwrap();
        Self(folder)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::cargo_bin("clawcheck").unwrap();
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"));
        command.env_remove("CLAWCHECK_TOKEN");
        command
    }

    pub(crate) fn clawcheck(&self, arguments: &[&str]) -> ProgramOutput {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        ProgramOutput { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Writes `silent.yaml`: a gateway that never listens. A case on the embedded gateway could end before a signal.
    pub(crate) fn describe_silent_gateway(&self) {
        let description = "gateway: silent\nabout: Never listens.\nclaims: 2026.4.2\ncommand: sleep\nargs: ['600']\n\
            config: none\nstore: none\nready: tcp\n";
        std::fs::write(self.path("silent.yaml"), description).unwrap();
    }

    /// Sends SIGINT as soon as the run has created its workspace.
    #[cfg(unix)]
    pub(crate) fn interrupted(&self, arguments: &[&str]) -> ProgramOutput {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("clawcheck"));
        command.args(arguments).current_dir(self.0.path()).env("HOME", self.path("home"));
        command.env("TMPDIR", self.path("tmp")).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let began = Instant::now();
        while std::fs::read_dir(self.path("tmp")).unwrap().count() == 0 {
            if let Some(status) = child.try_wait().unwrap() {
                let output = child.wait_with_output().unwrap();
                panic!("it ended before the signal: {status} {}", String::from_utf8_lossy(&output.stderr));
            }
            assert!(began.elapsed() < Duration::from_secs(60), "nothing was ever begun");
            std::thread::yield_now();
        }
        let id = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
        nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGINT).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        ProgramOutput { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Everything below a folder.
    pub(crate) fn files(&self, folder: &str) -> Vec<String> {
        fn walk(folder: &Path, root: &Path, found: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, root, found);
                } else {
                    found.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.path(folder), &self.path(folder), &mut found);
        found.sort();
        found
    }

    pub(crate) fn leaves_nothing(&self) {
        assert_eq!(std::fs::read_dir(self.path("tmp")).unwrap().count(), 0, "a directory outlived the run");
        assert_eq!(std::fs::read_dir(self.path("home")).unwrap().count(), 0, "HOME was written to");
    }
}
