//! `run`, `review` and `accept`: verdicts, exit codes and files on disk.

use crate::harness::{SCENARIO, Serving, TestFolder, serve, snapshot_file};
use openclaw_model::releases::DEFAULT;
use rstest::rstest;
use serde_json::Value;

#[test]
fn propose_and_accept() {
    let test_folder = TestFolder::new(SCENARIO);
    let first = test_folder.clawcheck(&["run", "scenarios"]);
    assert_eq!(first.code, Some(1), "{}", first.err);
    assert!(first.out.contains("no snapshot is approved for this case"), "{}", first.out);
    assert!(first.out.contains("<- hello-ok") && first.out.contains("clawcheck accept family/case"), "{}", first.out);
    assert_eq!(test_folder.files("snapshots"), [format!("family/{}.new", snapshot_file())]);

    let review = test_folder.clawcheck(&["review"]);
    let shown = format!("[1 of 1] family/case for {DEFAULT}, not seen on the real release");
    assert!(review.out.contains(&shown), "{}", review.out);
    let accepted = test_folder.clawcheck(&["accept", "nope"]);
    assert_eq!(accepted.code, Some(4));
    assert!(
        accepted.err.contains("`nope`") && accepted.err.contains("waiting for approval: family/case"),
        "{}",
        accepted.err
    );
    assert_eq!(test_folder.clawcheck(&["accept", "family/case"]).code, Some(0));
    assert_eq!(test_folder.files("snapshots"), [format!("family/{}", snapshot_file())]);
    let accepted = test_folder.clawcheck(&["accept", "--all"]);
    assert_eq!(accepted.code, Some(4), "nothing is left to accept");
    let warning = accepted.err;
    assert!(
        warning.contains("nothing waits for approval in snapshots") && warning.contains("`clawcheck run`"),
        "{warning}"
    );

    let second = test_folder.clawcheck(&["run", "scenarios"]);
    assert_eq!((second.code, second.err.as_str()), (Some(0), ""), "{}", second.out);
    assert!(second.out.contains("1 case: 1 conforms"), "{}", second.out);

    let changed = SCENARIO.replace("role: node, via: nginx", "role: node");
    std::fs::write(test_folder.path("scenarios/family/case.yaml"), changed).unwrap();
    let third = test_folder.clawcheck(&["run", "scenarios/family/case.yaml", "--gateway", "embedded"]);
    assert_eq!(third.code, Some(1));
    for line in
        ["\n    - connect laptop as node via nginx\n", "\n    + connect laptop as node\n", "rerun: clawcheck run"]
    {
        assert!(third.out.contains(line), "{line:?} is not in {}", third.out);
    }
    test_folder.leaves_nothing();
}

#[test]
fn other_release_gets_variant() {
    let test_folder = TestFolder::new(&SCENARIO.replace(", via: nginx", ""));
    for release in ["2026.3.31", "2026.4.2"] {
        let gateway = format!("embedded@{release}");
        assert_eq!(test_folder.clawcheck(&["run", "scenarios", "--gateway", &gateway]).code, Some(1));
        assert_eq!(test_folder.clawcheck(&["accept", "--all"]).code, Some(0));
        assert_eq!(test_folder.clawcheck(&["run", "scenarios", "--gateway", &gateway]).code, Some(0));
    }
    assert_eq!(test_folder.files("snapshots"), ["family/case@2026.3.31.snap", "family/case@2026.4.2.snap"]);
    for release in ["2026.3.31", "2026.4.1", "2026.4.2"] {
        let ran = test_folder.clawcheck(&["run", "scenarios", "--gateway", &format!("embedded@{release}")]);
        assert_eq!(ran.code, Some(0), "{release}: {}", ran.out);
    }
    let older = test_folder.clawcheck(&["run", "scenarios", "--gateway", "embedded@2026.3.28"]);
    assert!(older.out.contains("no snapshot is approved for this case before release 2026.3.31"), "{}", older.out);
}

#[test]
fn unmet_expectation() {
    let test_folder = TestFolder::new(&format!("{SCENARIO}    expect: hello\n"));
    let ran = test_folder.clawcheck(&["run", "--gateway", "embedded@2026.4.2", "scenarios"]);
    assert_eq!(ran.code, Some(1));
    let sentence =
        "`connect laptop as node via nginx` (line 8): expected hello-ok; saw error NOT_PAIRED PAIRING_REQUIRED";
    assert!(ran.out.contains(sentence), "{}", ran.out);
    assert!(ran.out.contains("rerun: clawcheck run"), "{}", ran.out);
    assert_eq!(test_folder.files("snapshots"), Vec::<String>::new());
}

#[test]
fn json_report_contents() {
    let test_folder = TestFolder::new(SCENARIO);
    let ran = test_folder.clawcheck(&["run", "scenarios", "--trace", "--report", "json=report.json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let text = std::fs::read_to_string(test_folder.path("report.json")).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&report["schema"], &report["gateway"]["kind"]), (&1.into(), &"embedded".into()));
    assert_eq!(report["gateway"]["release"], DEFAULT.to_string());
    assert_eq!(report["summary"]["deviates"], 1);
    let case = &report["cases"][0];
    assert_eq!((&case["id"], &case["verdict"]), (&"family/case".into(), &"deviates".into()));
    assert_eq!(case["findings"][0]["kind"], "no-snapshot");
    assert!(case["duration_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(case["observation"]["steps"][0]["seen"][0]["what"]["hello"]["auth"]["deviceToken"], "<token-1>");
    assert!(case["transcript"].as_array().unwrap().len() > 4);
    for text in [&text, &ran.out] {
        let run = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')).find(|word| {
            // Device ids have 64 characters and are not secret. Tokens and keys have 43.
            word.len() == 43
        });
        assert_eq!(run, None, "something looks like a token");
    }
}

#[rstest]
#[case("2026.2.19")]
#[case("2026.2.26")]
#[case("2026.3.13")]
#[case("2026.3.28")]
#[case("2026.3.31")]
#[case("2026.4.1")]
#[case("2026.4.2")]
#[case("2026.4.5")]
#[case("2026.4.8")]
fn embedded_corpus(#[case] release: &str) {
    // In another working directory, the scenarios and snapshots are the built-in ones.
    let elsewhere = tempfile::tempdir().unwrap();
    for folder in ["home", "tmp"] {
        std::fs::create_dir(elsewhere.path().join(folder)).unwrap();
    }
    let test_folder = TestFolder(elsewhere);
    let ran = test_folder.clawcheck(&["run", "--gateway", &format!("embedded@{release}"), "--deny", "unused"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{}", ran.out);
    test_folder.leaves_nothing();
}

#[test]
fn unwritable_report_fails_early() {
    let test_folder = TestFolder::new(SCENARIO);
    let ran = test_folder.clawcheck(&["run", "scenarios", "--report", "json=nowhere/report.json"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("nowhere/report.json: No such file or directory"), "{}", ran.err);
    assert!(!ran.err.contains(".tmp"), "{}", ran.err);
    assert!(!ran.out.contains("deviates"), "{}", ran.out);
    test_folder.leaves_nothing();
}

#[test]
fn skips_and_empty_selection_exit_codes() {
    let test_folder = TestFolder::new(SCENARIO);
    assert_eq!(test_folder.clawcheck(&["run", "scenarios", "--filter", "no-such-case"]).code, Some(4));
    // The run must not write to the store of a gateway that it did not start.
    let mut command = serve(&test_folder.path("home"));
    command.args(["--release", "2026.4.2", "--port", "0", "--state-dir"]).arg(test_folder.path("state"));
    let serving = Serving::start(command);
    let ran = test_folder.clawcheck(&["run", "scenarios", "--gateway", &format!("ws://127.0.0.1:{}", serving.port)]);
    assert_eq!(ran.code, Some(4), "{}", ran.out);
    assert!(ran.out.contains("the case sends the gateway's shared token; set CLAWCHECK_TOKEN"), "{}", ran.out);
}

#[test]
fn usage_error_exit_code() {
    let test_folder = TestFolder::new(SCENARIO);
    for wrong in [
        &["run", "--gateway", "openclaw"][..],
        &["run", "--report", "xml=x"],
        &["run", "--report", "json="],
        &["accept", "--all", "--snapshots", "scenarios/family/case.yaml"],
        &["run", "--jobs", "0"],
        &["run", "missing.yaml"],
        &["run", "scenarios", "--gateway", "embedded@2025.1.1"],
    ] {
        assert_eq!(test_folder.clawcheck(wrong).code, Some(2), "{wrong:?}");
    }
}

#[test]
fn unwritable_snapshot_folder() {
    let test_folder = TestFolder::new(SCENARIO);
    std::fs::write(test_folder.path("file"), "").unwrap();
    for place in ["file", "file/below", "/proc/self/fdinfo"] {
        let ran = test_folder.clawcheck(&["run", "scenarios", "--snapshots", place]);
        assert_eq!(ran.code, Some(2), "{place}: {}", ran.err);
        assert!(ran.err.contains(place) && ran.err.contains("--snapshots"), "{place}: {}", ran.err);
    }
    test_folder.leaves_nothing();
}

#[test]
fn missing_gateway_is_reported_once() {
    let test_folder = TestFolder::new(SCENARIO);
    for n in 0..8 {
        std::fs::write(test_folder.path(&format!("scenarios/family/more-{n}.yaml")), SCENARIO).unwrap();
    }
    let description = "gateway: nobody\nabout: Nobody.\nclaims: 2026.4.2\ncommand: /does/not/exist\nstore: openclaw\nready: challenge\n";
    std::fs::write(test_folder.path("nobody.yaml"), description).unwrap();
    let ran = test_folder.clawcheck(&["run", "scenarios", "--gateway", "nobody.yaml", "--jobs", "8"]);
    assert_eq!(ran.code, Some(3), "{}{}", ran.out, ran.err);
    let count = ran.out.matches("`/does/not/exist` was not found").count();
    assert!(ran.out.contains("9 cases: 9 error"), "{}", ran.out);
    assert_eq!(count, 2, "once where it was tried, once for all others: {}", ran.out);
    test_folder.leaves_nothing();
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_run() {
    let test_folder = TestFolder::new(SCENARIO);
    test_folder.describe_silent_gateway();
    let ran =
        test_folder.interrupted(&["run", "scenarios", "--gateway", "silent.yaml", "--report", "json=report.json"]);
    assert_eq!(ran.code, Some(130), "{}", ran.err);
    assert!(ran.out.contains("interrupted: 1 case not played"), "{}", ran.out);
    let report: Value =
        serde_json::from_str(&std::fs::read_to_string(test_folder.path("report.json")).unwrap()).unwrap();
    assert_eq!((&report["interrupted"], &report["not_played"]), (&true.into(), &1.into()));
    test_folder.leaves_nothing();
}

/// The handshake timeout can also be in `config`. Releases that do not know the setting do not start with it.
#[test]
fn handshake_timeout_from_settings() {
    let scenario = "scenario: Waits\ngateway: { config: { gateway: { handshakeTimeoutMs: 30000 } } }\nsteps:\n\
        \x20 - open: {}\n    as: idle\n  - await: { handshake-timeout: idle }\n    expect: close\n";
    let test_folder = TestFolder::new(scenario);
    std::fs::remove_dir(test_folder.path("snapshots")).unwrap();
    let ran = test_folder.clawcheck(&["run", "scenarios", "--gateway", "embedded@2026.6.11"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
}

/// Without a snapshot folder, only the expectations of the scenario are checked.
#[test]
fn expectations_without_snapshots() {
    let test_folder = TestFolder::new(SCENARIO);
    std::fs::remove_dir(test_folder.path("snapshots")).unwrap();
    let ran = test_folder.clawcheck(&["run", "scenarios"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("conforms: only the expectations were checked"), "{}", ran.out);
    std::fs::write(
        test_folder.path("scenarios/family/case.yaml"),
        SCENARIO.replace("expect: hello", "expect: { refused: { code: NOT_PAIRED } }"),
    )
    .unwrap();
    assert_eq!(test_folder.clawcheck(&["run", "scenarios"]).code, Some(1));
    // A scenario without expectations would pass with any answer.
    std::fs::write(test_folder.path("scenarios/family/case.yaml"), SCENARIO.replace("    expect: hello\n", ""))
        .unwrap();
    let ran = test_folder.clawcheck(&["run", "scenarios"]);
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(ran.out.contains("no snapshot is approved for this case yet"), "{}", ran.out);
    assert!(ran.err.contains("create a folder `snapshots` next to `scenarios`"), "{}", ran.err);
    assert!(!ran.err.contains("built-in"), "{}", ran.err);
}

#[test]
fn accept_warns_about_replaced_observation() {
    let test_folder = TestFolder::new(SCENARIO);
    assert_eq!(test_folder.clawcheck(&["accept"]).code, Some(2));
    test_folder.clawcheck(&["run", "scenarios", "--gateway", "embedded@2026.4.2"]);
    assert_eq!(test_folder.clawcheck(&["accept", "--all"]).code, Some(0));
    let snapshot = test_folder.path("snapshots/family/case@2026.4.2.snap");
    let seen = std::fs::read_to_string(&snapshot).unwrap().replace("seen: []", "seen: [\"2026.4.2\"]");
    std::fs::write(&snapshot, seen.replace("hello-ok", "hello-no")).unwrap();
    let ran = test_folder.clawcheck(&["run", "scenarios", "--gateway", "embedded@2026.4.2"]);
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    let accepted = test_folder.clawcheck(&["accept", "--all"]);
    assert!(accepted.out.contains("the real 2026.4.2 answered differently"), "{}", accepted.out);
}

/// A run that plays no case proves nothing, so it must not pass.
#[test]
fn run_without_played_cases() {
    let test_folder = TestFolder::new(&SCENARIO.replace("steps:", "releases: \">=2026.4.2\"\nsteps:"));
    let ran = test_folder.clawcheck(&["run", "scenarios", "--gateway", "embedded@2026.3.31"]);
    assert_eq!(ran.code, Some(4), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("1 case: 1 not-applicable"), "{}", ran.out);
    assert!(
        ran.err.starts_with("no case was played: every selected case was not applicable on embedded@2026.3.31"),
        "{}",
        ran.err
    );
}

#[test]
fn argument_must_be_complete_name() {
    let test_folder = TestFolder::new(SCENARIO);
    for word in ["ci", "node", "empty"] {
        let ran = test_folder.clawcheck(&["run", word]);
        assert_eq!(ran.code, Some(2), "{word}: {}{}", ran.out, ran.err);
        let message = format!("there is no file or folder `{word}`");
        assert!(ran.err.contains(&message) && ran.err.contains(&format!("--filter {word}")), "{}", ran.err);
    }
    for (word, help) in [
        ("role-upgrade/clinet", "did you mean `role-upgrade/client`?"),
        ("embedded@2026.4.2", "--gateway embedded@2026.4.2"),
        ("ws://127.0.0.1:9", "--gateway ws://127.0.0.1:9"),
    ] {
        let ran = test_folder.clawcheck(&["run", word]);
        assert!(ran.code == Some(2) && ran.err.contains(help), "{}", ran.err);
    }
    let ran = test_folder.clawcheck(&["run", "--schema", "2026.9.1"]);
    assert!(ran.err.contains("--schema=2026.9.1"), "{}", ran.err);
    for arguments in [&["run", "empty-tokens"][..], &["run", "--filter", "empty-tok"]] {
        let ran = test_folder.clawcheck(arguments);
        assert!(ran.code == Some(0) && ran.out.contains("17 cases: 17 conforms"), "{}", ran.out);
    }
}

/// The folders `scenarios` and `snapshots` of a user are not about the built-in scenarios.
#[test]
fn built_in_case_in_folder_with_own_snapshots() {
    let test_folder = TestFolder::new(SCENARIO);
    let ran = test_folder.clawcheck(&["run", "empty-tokens/node"]);
    assert_eq!(ran.code, Some(0), "{}", ran.out);
    assert_eq!(std::fs::read_dir(test_folder.path("snapshots")).unwrap().count(), 0);
}

#[test]
fn missing_snapshot_folder() {
    let test_folder = TestFolder::new(SCENARIO);
    for command in [&["review"][..], &["accept", "--all"]] {
        let ran = test_folder.clawcheck(&[command, &["--snapshots", "nosuch"]].concat());
        assert_eq!(ran.code, Some(2), "{}{}", ran.out, ran.err);
        assert!(ran.err.contains("the folder nosuch does not exist") && ran.err.contains("--snapshots"), "{}", ran.err);
    }
}

#[test]
fn filter_narrows_selection() {
    let test_folder = TestFolder::new(SCENARIO);
    let ran = test_folder.clawcheck(&["run", "handshake", "--filter", "nope"]);
    assert_eq!(ran.code, Some(4), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("--filter: no case matches `nope`"), "{}", ran.err);
    let ran = test_folder.clawcheck(&["run", "handshake", "--filter", "empty-tokens"]);
    assert_eq!(ran.code, Some(4), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("no case of `handshake` matches `empty-tokens`"), "{}", ran.err);
    let ran = test_folder.clawcheck(&["run", "-v", "empty-tokens", "handshake", "--filter", "empty-tokens"]);
    assert!(!ran.out.contains("handshake/") && ran.out.contains("empty-tokens/"), "{}", ran.out);
}

#[test]
fn unused_snapshot_in_folder() {
    let test_folder = TestFolder::new(SCENARIO);
    test_folder.clawcheck(&["run", "scenarios"]);
    assert_eq!(test_folder.clawcheck(&["accept", "--all"]).code, Some(0));
    let approved = test_folder.path("snapshots/family").join(snapshot_file());
    let approved = std::fs::read_to_string(approved).unwrap();
    std::fs::create_dir(test_folder.path("snapshots/other")).unwrap();
    for gone in ["family/gone@2026.4.2.snap", "other/case@2026.4.2.snap"] {
        std::fs::write(test_folder.path("snapshots").join(gone), &approved).unwrap();
    }
    let denied = ["run", "--deny", "unused"];
    for folder in ["scenarios", "scenarios/family"] {
        let ran = test_folder.clawcheck(&[&denied[..], &[folder]].concat());
        assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
        assert!(ran.out.contains("unused snapshot: no case has the id family/gone\n"), "{}", ran.out);
        assert!(!ran.out.contains("other/case"), "{}", ran.out);
    }
    let ran = test_folder.clawcheck(&[&denied[..], &["scenarios/family/case.yaml"]].concat());
    assert_eq!(ran.code, Some(2), "{}{}", ran.out, ran.err);
    assert!(
        ran.err.contains("cannot determine the unused snapshots") && ran.err.contains("name the folder"),
        "{}",
        ran.err
    );
    assert_eq!(test_folder.clawcheck(&["run", "scenarios/family/case.yaml"]).code, Some(0));
}
