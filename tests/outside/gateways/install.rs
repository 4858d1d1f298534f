//! Installing a release: complete or not at all, once, and with a clear message if it fails. npm and Node are scripts
//! here.
//!
//! The installer is this test binary, run again with `INSTALL` set, so that it has its own PATH.

use clawcheck::{Gateway, GatewaySpec, Guard, Preparation, PrepareEvent};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// As a child process: installs, and prints the result. As a test: nothing.
#[tokio::test]
async fn installer() {
    let Ok(cache) = std::env::var("INSTALL") else { return };
    let guard = Guard::of_program(env!("CARGO_BIN_EXE_clawcheck").into());
    let install = std::env::var("INSTALL_LIMIT").ok().map(|seconds| Duration::from_secs(seconds.parse().unwrap()));
    let preparation = Preparation { cache: Some(cache.into()), guard, install, ..Preparation::default() };
    let spec: GatewaySpec = "openclaw@2026.4.2".parse().unwrap();
    let on_event = |event: PrepareEvent| match event {
        PrepareEvent::Waiting { package } => println!("\nsaid: waiting for {package}"),
        PrepareEvent::Progress { packages } if packages > 0 => println!("\nsaid: progress"),
        _ => {}
    };
    match Gateway::prepare(&spec, &preparation, &on_event).await {
        Ok(gateway) => println!("\nsaid: have {}", gateway.profile().name),
        Err(error) => println!("\nsaid: {}", error.to_string().lines().next().unwrap()),
    }
}

struct InstallMachine {
    directory: tempfile::TempDir,
}

impl InstallMachine {
    /// A machine whose npm records each call and then runs this script.
    fn with_npm(npm: &str) -> Self {
        let machine = Self::without_npm();
        let runs = machine.path("runs");
        machine.program("npm", &format!("echo run >>{}\n{npm}", runs.display()));
        machine
    }

    fn without_npm() -> Self {
        let machine = Self { directory: tempfile::tempdir().unwrap() };
        std::fs::create_dir(machine.path("bin")).unwrap();
        machine.program("node", "echo v24.21.0");
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        std::fs::write(&path, format!("#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn install(&self) -> Child {
        self.install_command().spawn().unwrap()
    }

    fn install_command(&self) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["gateways::install::installer", "--exact", "--nocapture"])
            .env("INSTALL", self.path("cache"))
            .env("PATH", self.path("bin"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        command
    }

    /// Waits until no partial installation and no installer is left.
    fn becomes_empty(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.cached().is_empty() || works_in(&self.path("cache")) {
            assert!(Instant::now() < deadline, "{:?}", self.cached());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn runs(&self) -> usize {
        std::fs::read_to_string(self.path("runs")).unwrap_or_default().lines().count()
    }

    /// The contents of the cache, except the lock file.
    fn cached(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path("cache/openclaw")).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| !name.ends_with(".lock")).collect()
    }
}

fn output_lines(child: Child) -> Vec<String> {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.strip_prefix("said: ").map(str::to_owned)).collect()
}

const INSTALLS: &str = "mkdir -p node_modules/openclaw && sleep 0.6 && \
    echo '{\"engines\":{\"node\":\">=22.14.0\"}}' >node_modules/openclaw/package.json";

#[test]
fn parallel_installs() {
    let machine = InstallMachine::with_npm(INSTALLS);
    let children = [machine.install(), machine.install()];
    for child in children {
        assert_eq!(output_lines(child).last().map(String::as_str), Some("have openclaw@2026.4.2"));
    }
    assert_eq!((machine.runs(), machine.cached()), (1, vec!["2026.4.2".to_owned()]));
    // Other users can use the package, as far as the umask allows it.
    let mode = |name: &str| std::fs::metadata(machine.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("cache/openclaw/2026.4.2"), mode("bin"));
    assert_eq!(output_lines(machine.install()), ["have openclaw@2026.4.2"], "what is there is not installed again");
    assert_eq!(machine.runs(), 1);
}

#[test]
fn failed_install_leaves_nothing() {
    let machine = InstallMachine::with_npm(
        "mkdir node_modules; echo 'npm error code ETARGET' >&2; \
         echo 'npm error notarget No matching version found for openclaw@2026.4.2.' >&2; exit 1",
    );
    let last = output_lines(machine.install()).pop().unwrap();
    assert!(last.contains("openclaw@2026.4.2 does not exist on npm"), "{last}");
    assert!(machine.cached().is_empty());
    let last = output_lines(InstallMachine::with_npm("exit 0").install()).pop().unwrap();
    assert!(last.contains("but the package has no"), "{last}");
    let last = output_lines(InstallMachine::without_npm().install()).pop().unwrap();
    assert!(last.contains("npm was not found"), "{last}");
}

#[test]
fn kill_leaves_no_partial_install() {
    let machine = InstallMachine::with_npm("mkdir -p node_modules/openclaw; exec sleep 600");
    let mut child = machine.install();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.into_iter().any(|line| line == "said: progress"));
    assert_eq!(machine.cached().len(), 1);
    child.kill().unwrap();
    child.wait().unwrap();
    machine.becomes_empty();
}

/// npm can wait for a registry that never answers. A process that it started must end with it.
#[test]
fn hanging_installer_ends_at_its_time_limit() {
    let machine = InstallMachine::with_npm(
        "mkdir -p node_modules/openclaw; echo 'npm warn waiting for the registry' >&2; sleep 600 & sleep 600",
    );
    let began = Instant::now();
    let lines = output_lines(machine.install_command().env("INSTALL_LIMIT", "2").spawn().unwrap());
    let last = lines.last().map(String::as_str);
    let expected = "npm did not install openclaw@2026.4.2 within 2 s; check the network and the registry, and try again; \
                    its last output: npm warn waiting for the registry";
    assert_eq!(last, Some(expected));
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    machine.becomes_empty();
    // The next installation works.
    machine.program("npm", INSTALLS);
    assert_eq!(output_lines(machine.install()).last().map(String::as_str), Some("have openclaw@2026.4.2"));
}

/// Whether a process has its working directory below this directory.
fn works_in(directory: &Path) -> bool {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|process| std::fs::read_link(process.path().join("cwd")).ok())
        .any(|cwd| cwd.starts_with(directory))
}
