//! Every command of the README behaves as the README says.

use crate::harness::Serving;
use nix::sys::signal::Signal;
use openclaw_model::releases::{DEFAULT, known_releases};
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const README: &str = include_str!("../../../README.md");

/// The result of a command according to the README.
enum CommandCheck {
    /// The command exits with this code.
    Exits(i32),
    /// The command exits with this code on a real release, which needs a download.
    ExitsLive(i32),
    /// The command exits with this code while a gateway listens at the URL.
    ExitsBeside(&'static str, i32),
    /// The command prints a line when it listens, and stops on SIGTERM.
    Serves,
    /// The command runs this test.
    RunsThis,
}

/// Explains a lock-out.
const LOCKED_OUT: &str = "clawcheck explain --state-dir examples/locked-out --as exec";

/// The results, in the order of the README. The test fails if a command is missing here or in the README.
const PROMISES: &[(&str, CommandCheck)] = &[
    ("cargo run --release -- run", CommandCheck::Exits(0)),
    ("cargo test", CommandCheck::RunsThis),
    ("clawcheck run examples/exec-after-upgrade.yaml --gateway embedded@2026.3.31", CommandCheck::Exits(1)),
    ("clawcheck run examples/exec-after-upgrade.yaml --gateway embedded@2026.4.2", CommandCheck::Exits(0)),
    ("clawcheck run empty-tokens", CommandCheck::Exits(0)),
    ("clawcheck run empty-tokens --gateway embedded@2026.3.31", CommandCheck::Exits(0)),
    ("clawcheck run empty-tokens --gateway openclaw@2026.3.31", CommandCheck::ExitsLive(0)),
    (LOCKED_OUT, CommandCheck::Exits(1)),
    ("clawcheck explain --state-dir examples/locked-out --as exec --releases all", CommandCheck::Exits(1)),
    ("clawcheck capture examples/locked-out -o lockout", CommandCheck::Exits(0)),
    ("clawcheck compare embedded@2026.3.31 embedded@2026.4.2 --scenarios lockout", CommandCheck::Exits(1)),
    ("clawcheck releases", CommandCheck::Exits(0)),
    ("clawcheck releases 2026.3.28..2026.4.2", CommandCheck::Exits(0)),
    ("clawcheck compare embedded@2026.3.31 embedded@2026.4.2 --filter empty-tokens", CommandCheck::Exits(1)),
    ("clawcheck list", CommandCheck::Exits(0)),
    ("clawcheck list --filter role-upgrade", CommandCheck::Exits(0)),
    ("clawcheck lint examples/exec-after-upgrade.yaml", CommandCheck::Exits(0)),
    ("clawcheck schema", CommandCheck::Exits(0)),
    ("clawcheck review", CommandCheck::Exits(0)),
    (
        "clawcheck serve --release 2026.4.2 --port 0 --state-dir STATE --config examples/openclaw.json",
        CommandCheck::Serves,
    ),
    // The cases deviate. Without installed packages, a run would download them.
    ("clawcheck run --gateway gateways/pyclaw.yaml", CommandCheck::ExitsLive(1)),
    (
        "clawcheck run --gateway ws://127.0.0.1:18789 --min-played 1",
        CommandCheck::ExitsBeside("ws://127.0.0.1:18789", 0),
    ),
    ("clawcheck probe ws://127.0.0.1:18789", CommandCheck::ExitsBeside("ws://127.0.0.1:18789", 0)),
    ("clawcheck run requirements/scenarios --gateway embedded@2026.9.6", CommandCheck::Exits(0)),
    ("clawcheck run --gateway gateways/pyclaw.yaml --level decisions", CommandCheck::ExitsLive(1)),
    ("clawcheck list --gateway gateways/pyclaw.yaml", CommandCheck::Exits(0)),
    ("clawcheck fuzz --gateway openclaw@2026.4.2 --seed 7 --cases 40", CommandCheck::ExitsLive(0)),
    (
        "clawcheck run --gateway openclaw@2026.4.2 --filter role-upgrade --deny skipped --report json=report.json",
        CommandCheck::ExitsLive(0),
    ),
    (
        "clawcheck run --filter issue:59045 --exclude family:exec-approvals --report junit=junit.xml",
        CommandCheck::Exits(0),
    ),
];

fn commands() -> Vec<&'static str> {
    README.lines().filter_map(|line| line.strip_prefix("$ ")).collect()
}

/// A copy of the folders that the README's commands name, so that the checkout stays unchanged.
fn checkout() -> TempDir {
    let folder = TempDir::new().unwrap();
    for name in ["examples", "gateways", "requirements", "scenarios", "snapshots"] {
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(name), &folder.path().join(name));
    }
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

fn clawcheck(command: &str, folder: &Path) -> Command {
    let arguments = command.strip_prefix("clawcheck ").or(command.strip_prefix("cargo run --release -- "));
    let mut process = Command::new(assert_cmd::cargo::cargo_bin!("clawcheck"));
    process.args(arguments.unwrap().split(' ')).current_dir(folder).env_remove("CLAWCHECK_TOKEN");
    process
}

fn ends(mut process: Command, code: i32) {
    let output = process.output().unwrap();
    let says = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{process:?}\n{}", &says[..says.len().min(4000)]);
}

#[test]
fn command_results() {
    assert_eq!(commands(), PROMISES.iter().map(|(command, _)| *command).collect::<Vec<_>>());
    let folder = checkout();
    for (command, promise) in PROMISES {
        match promise {
            CommandCheck::Exits(code) => ends(clawcheck(command, folder.path()), *code),
            CommandCheck::ExitsBeside(url, code) => {
                let (serve, _) = PROMISES.iter().find(|(_, promise)| matches!(promise, CommandCheck::Serves)).unwrap();
                let serving = Serving::start(clawcheck(serve, folder.path()));
                let command = command.replace(url, &format!("ws://127.0.0.1:{}", serving.port));
                let mut process = clawcheck(&command, folder.path());
                process.env("CLAWCHECK_TOKEN", "change-me");
                ends(process, *code);
            }
            CommandCheck::Serves => {
                let mut serving = Serving::start(clawcheck(command, folder.path()));
                assert!(serving.signal(Signal::SIGTERM).success());
            }
            CommandCheck::ExitsLive(..) | CommandCheck::RunsThis => {}
        }
    }
}

#[test]
#[ignore = "needs real releases, from the cache or npm, and pyclaw, from the cache or PyPI"]
fn commands_on_real_release() {
    let folder = checkout();
    for (command, promise) in PROMISES {
        if let CommandCheck::ExitsLive(code) = promise {
            ends(clawcheck(command, folder.path()), *code);
        }
    }
}

#[test]
fn sample_outputs() {
    let folder = checkout();
    let samples = README.split("```text\n").skip(1).map(|text| text.split("```").next().unwrap()).collect::<Vec<_>>();
    let commands = [
        "clawcheck run examples/exec-after-upgrade.yaml --gateway embedded@2026.3.31",
        "clawcheck explain --state-dir examples/locked-out --as exec",
        "clawcheck compare embedded@2026.3.31 embedded@2026.4.2 --filter empty-tokens",
    ];
    assert_eq!(samples.len(), commands.len());
    for (command, sample) in commands.into_iter().zip(samples) {
        assert!(PROMISES.iter().any(|(promised, _)| *promised == command), "{command}");
        let output = clawcheck(command, folder.path()).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(printed.contains(sample), "{printed}");
    }
}

/// A new release is added to both, with the result of its runs.
#[test]
fn readme_and_fidelity_page_list_known_releases() {
    let releases = known_releases().map(|release| release.to_string()).collect::<Vec<_>>();
    let (last, others) = releases.split_last().unwrap();
    let list = format!("{} and {last}. The default is {DEFAULT}.", others.join(", "));
    assert!(README.split_whitespace().collect::<Vec<_>>().join(" ").contains(&list), "README.md: {list}");
    let rows = include_str!("../../../docs/fidelity.md").lines().filter_map(|line| line.strip_prefix("| 20"));
    let rows = rows.map(|row| format!("20{}", row.split(' ').next().unwrap())).collect::<Vec<_>>();
    assert_eq!(rows, releases, "docs/fidelity.md");
}

#[test]
fn yaml_sample() {
    let example =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/exec-after-upgrade.yaml")).unwrap();
    let sample = README.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(example.contains(sample));
}
