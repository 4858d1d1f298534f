//! The destinations of reports: regular files are replaced as a whole, and other files are written to.

use crate::harness::{SCENARIO, TestFolder, snapshot_file};
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
fn report_on_stdout() {
    let test_folder = TestFolder::new(SCENARIO);
    for report in ["-", "/dev/stdout", "/proc/self/fd/1"] {
        // A pipe is written to, not replaced.
        let output = command(&test_folder, report).output().unwrap();
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert!(is_report(&out), "{report}: {out}");
        assert!(err.contains("1 case: 1 deviates"), "{report}: {err}");
    }
    test_folder.leaves_nothing();
}

#[test]
fn report_on_other_descriptor() {
    let test_folder = TestFolder::new(SCENARIO);
    std::fs::write(test_folder.path("err"), "before\n").unwrap();
    let file = std::fs::OpenOptions::new().append(true).open(test_folder.path("err")).unwrap();
    let status = command(&test_folder, "/dev/stderr").stdout(Stdio::null()).stderr(file).status().unwrap();
    assert_eq!(status.code(), Some(1));
    let text = std::fs::read_to_string(test_folder.path("err")).unwrap();
    assert!(text.strip_prefix("before\n").is_some_and(is_report), "{text}");
}

#[test]
fn report_file_mode_and_link() {
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
fn report_to_pipe() {
    let test_folder = TestFolder::new(SCENARIO);
    mkfifo(&test_folder.path("pipe"), Mode::S_IRWXU).unwrap();
    let child = command(&test_folder, "pipe").stdout(Stdio::null()).spawn().unwrap();
    let text = std::fs::read_to_string(test_folder.path("pipe")).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(1));
    assert!(is_report(&text), "{text}");
    assert!(std::fs::symlink_metadata(test_folder.path("pipe")).unwrap().file_type().is_fifo());
}

#[test]
fn signal_ends_wait_for_pipe() {
    let test_folder = TestFolder::new(SCENARIO);
    mkfifo(&test_folder.path("pipe"), Mode::S_IRWXU).unwrap();
    let mut child = command(&test_folder, "pipe").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The run has ended and waits for the reader.
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
fn missing_snapshot_folder_is_not_created() {
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

/// The output and the exit code of a run of the scenario, which deviates.
fn ran(test_folder: &TestFolder, args: &[&str]) -> (String, String) {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("clawcheck"));
    command.args(["run", "scenarios"]).args(args).current_dir(test_folder.path("")).stdin(Stdio::null());
    command.env("HOME", test_folder.path("home")).env("TMPDIR", test_folder.path("tmp"));
    command.env("GITHUB_WORKSPACE", test_folder.path("")).env("GITHUB_STEP_SUMMARY", test_folder.path("summary.md"));
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn junit_parses() {
    let test_folder = TestFolder::new(SCENARIO);
    let (out, err) = ran(&test_folder, &["--report", "junit=-"]);
    assert!(err.contains("1 case: 1 deviates"), "{err}");
    let report = quick_junit::Report::deserialize_from_str(&out).unwrap();
    assert_eq!((report.tests, report.failures, report.errors), (1, 1, 0));
    let case = &report.test_suites[0].test_cases[0];
    assert_eq!(case.name.as_str(), "family/case");
}

#[test]
fn github_annotation_names_line() {
    let test_folder = TestFolder::new(SCENARIO);
    let (out, _) = ran(&test_folder, &["--report", "github"]);
    let annotation = out.lines().find(|line| line.starts_with("::error ")).unwrap_or_else(|| panic!("{out}"));
    let file = annotation.split_once("file=").unwrap().1.split(',').next().unwrap();
    assert!(test_folder.path(file).is_file(), "{annotation}");
    let token = out.lines().find_map(|line| line.strip_prefix("::stop-commands::")).unwrap();
    let on_again = out.find(&format!("::{token}::\n")).unwrap();
    assert!(out.find("deviates  family/case").unwrap() < on_again && on_again < out.find("::error ").unwrap(), "{out}");
    let summary = std::fs::read_to_string(test_folder.path("summary.md")).unwrap();
    assert!(summary.starts_with("### clawcheck: 1 of 1 case fail"), "{summary}");
}

#[test]
fn markdown_report_is_summary() {
    let test_folder = TestFolder::new(SCENARIO);
    ran(&test_folder, &["--report", "markdown=report.md", "--report", "github"]);
    let read = |name: &str| std::fs::read_to_string(test_folder.path(name)).unwrap();
    assert_eq!(read("report.md"), read("summary.md"));
}

#[test]
fn rejects_two_reports_on_stdout() {
    let test_folder = TestFolder::new(SCENARIO);
    let ran = test_folder.clawcheck(&["run", "scenarios", "--report", "json=-", "--report", "junit=-"]);
    assert_eq!(ran.code, Some(2), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("only one report can go to standard output") && ran.out.is_empty(), "{}", ran.err);
}

#[test]
fn colors_are_a_choice() {
    let test_folder = TestFolder::new(SCENARIO);
    let (out, _) = ran(&test_folder, &["--color", "always"]);
    assert!(out.contains("\u{1b}["), "{out}");
    for never in [&["--color", "never"][..], &[]] {
        assert!(!ran(&test_folder, never).0.contains('\u{1b}'));
    }
    // The help and the errors of the argument parser, too.
    for arguments in [&["run", "--help"][..], &["run", "--no-such-option"], &["list", "--format", "x"]] {
        for (color, shows) in
            [(&["--color", "always"][..], true), (&["--color=always"], true), (&["--color=never"], false)]
        {
            let ran = test_folder.clawcheck(&[arguments, color].concat());
            assert_eq!((ran.out + &ran.err).contains('\u{1b}'), shows, "{arguments:?} {color:?}");
        }
    }
    let ran = test_folder.clawcheck(&["run", "--color", "purple"]);
    assert!(ran.code == Some(2) && ran.err.contains("invalid value 'purple'"), "{}", ran.err);
}

#[test]
fn commands_select_same_cases() {
    let test_folder = TestFolder::new(SCENARIO);
    let selections: [&[&str]; 5] = [
        &["--filter", "tag:original-report"],
        &["--filter", "issue:59045", "--exclude", "*#*"],
        &["--filter", "family:empty-tokens"],
        &["--filter", "empty-tokens/node", "--filter", "role-upgrade/approve"],
        &["--exclude", "family:handshake", "--exclude", "family:store-import", "--filter", "upgrade"],
    ];
    for selection in selections {
        let listed = test_folder.clawcheck(&[&["list"], selection].concat());
        let listed = listed.out.lines().map(|line| line.split("  ").next().unwrap().to_owned()).collect::<Vec<_>>();
        assert!(!listed.is_empty(), "{selection:?}");
        let run = ["run", "--gateway", "embedded@2026.4.2", "--report", "json=-"];
        let report = test_folder.clawcheck(&[&run, selection].concat());
        let report: Value = serde_json::from_str(&report.out).unwrap();
        let mut ids = listed.clone();
        ids.sort();
        let ran = report["cases"].as_array().unwrap().iter().map(|case| case["id"].as_str().unwrap().to_owned());
        assert_eq!(ran.collect::<Vec<_>>(), ids, "{selection:?}");
    }
    for selection in &selections[2..] {
        let listed = test_folder.clawcheck(&[&["list"], *selection].concat()).out.lines().count();
        let compare = ["compare", "embedded@2026.4.2", "embedded@2026.4.2"];
        let compared = test_folder.clawcheck(&[&compare, *selection].concat());
        let alike = format!("0 differ, {listed} equal");
        assert!(
            compared.out.contains(&alike) || compared.out.contains("not played on every gateway"),
            "{}",
            compared.out
        );
    }
    let nothing = test_folder.clawcheck(&["run", "--filter", "issue:1"]);
    assert_eq!(nothing.code, Some(4), "{}", nothing.err);
    let excluded = test_folder.clawcheck(&["list", "empty-tokens", "--exclude", "family:empty-tokens"]);
    assert_eq!(excluded.code, Some(4), "{}", excluded.err);
    assert!(excluded.err.contains("every selected case is excluded by `family:empty-tokens`"), "{}", excluded.err);
    for (selection, code, says) in [
        (["--exclude", "empty-tokens/noed"], 2, "did you mean `empty-tokens/node`?"),
        (["--exclude", "label:x"], 2, "the prefixes are family:, tag:, issue: and requirement:"),
        (["--filter", "tag:original-reprot"], 4, "did you mean `tag:original-report`?"),
    ] {
        let listed =
            test_folder.clawcheck(&[&["list", "empty-tokens", "--filter", "empty-tokens"], &selection[..]].concat());
        assert_eq!(listed.code, Some(code), "{}", listed.err);
        assert!(listed.err.contains(says), "{}", listed.err);
    }
}

#[test]
fn list_accepts_same_names_as_run() {
    let test_folder = TestFolder::new(SCENARIO);
    for name in ["empty-tokens", "empty-tokens/node", "tag:original-report", "scenarios"] {
        let listed = test_folder.clawcheck(&["list", name]);
        assert_eq!(listed.code, Some(0), "{name}: {}", listed.err);
    }
    let unknown = test_folder.clawcheck(&["list", "empty-token"]);
    assert_eq!(unknown.code, Some(2), "{}", unknown.err);
    assert!(unknown.err.contains("there is no file or folder `empty-token`"), "{}", unknown.err);
}

/// Only the second step differs, so only its note is printed.
#[test]
fn step_note_in_every_report() {
    let scenario = "scenario: A laptop connects
steps:
  - connect: { device: laptop, role: operator }
    note: The first step.
    expect: hello
  - connect: { device: laptop, role: operator, auth: { token: wrong } }
    note: A wrong token is refused.
    expect: hello
";
    let test_folder = TestFolder::new(scenario);
    let ended =
        test_folder.clawcheck(&["run", "scenarios", "--report", "json=report.json", "--report", "junit=junit.xml"]);
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    let line = "  note on `connect laptop as operator, wrong token` (line 6): A wrong token is refused.\n";
    assert!(ended.out.contains(line) && !ended.out.contains("The first step"), "{}", ended.out);
    let json = std::fs::read_to_string(test_folder.path("report.json")).unwrap();
    let json = serde_json::from_str::<Value>(&json).unwrap();
    let note = serde_json::json!({
        "step": "connect laptop as operator, wrong token", "line": 6, "note": "A wrong token is refused."
    });
    assert_eq!(json["cases"][0]["notes"], serde_json::json!([note]));
    let junit = std::fs::read_to_string(test_folder.path("junit.xml")).unwrap();
    assert!(junit.contains("(line 6): A wrong token is refused.") && !junit.contains("The first step"), "{junit}");
}
