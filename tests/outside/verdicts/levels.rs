//! `--level` compares only decisions, the messages on the wire, or everything.

use crate::harness::TestFolder;
use crate::verdicts::causes::old_gateway;
use rstest::rstest;
use serde_json::Value;

/// `clawcheck serve` at 2026.4.2 with this configuration.
fn gateway(test_folder: &TestFolder, name: &str, config: &str) {
    let program = assert_cmd::cargo::cargo_bin("clawcheck").display().to_string();
    let description = format!(
        "gateway: {name}\nabout: Another gateway.\nclaims: 2026.4.2\ncommand: {program}\n\
         args: [serve, --release, 2026.4.2, --port, '{{port}}', --state-dir, '{{state-dir}}', --config, '{{config}}']\n\
         config: {config}\nready: connect\nstore: openclaw\n"
    );
    std::fs::write(test_folder.path(&format!("{name}.yaml")), description).unwrap();
}

/// Runs the arguments with a JSON report. Returns the exit code, the standard output and the report.
fn run(test_folder: &TestFolder, arguments: &[&str]) -> (Option<i32>, String, Value) {
    let ran = test_folder.clawcheck(&[&["run", "--report", "json=report.json"], arguments].concat());
    let report = std::fs::read(test_folder.path("report.json")).unwrap();
    (ran.code, ran.out + &ran.err, serde_json::from_slice(&report).unwrap())
}

/// The number of cases with a verdict.
fn count(report: &Value, verdict: &str) -> u64 {
    report["summary"][verdict].as_u64().unwrap()
}

#[test]
fn stricter_level_counts_more() {
    let test_folder = old_gateway();
    let mut deviating = Vec::new();
    for level in ["decisions", "wire", "exact"] {
        let families = ["empty-tokens", "authority", "fresh-install"];
        let arguments = [&families[..], &["--gateway", "old.yaml", "--level", level]].concat();
        let (code, out, report) = run(&test_folder, &arguments);
        assert_eq!((code, report["level"].as_str()), (Some(1), Some(level)), "{out}");
        let causes = report["causes"].as_array().unwrap();
        assert_eq!(causes[0]["kind"], "refused", "the lock-out comes first at every level");
        let levels = ["decisions", "wire", "exact"];
        let rank = |cause: &Value| levels.iter().position(|name| cause["level"] == *name).unwrap();
        let chosen = levels.iter().position(|name| *name == level).unwrap();
        assert!(causes.iter().all(|cause| rank(cause) <= chosen), "{causes:#?}");
        let slight = report["slight"]["causes"].as_array().unwrap();
        assert!(slight.iter().all(|cause| rank(cause) > chosen), "{slight:#?}");
        let fields = "hello-ok also has snapshot.authMode, snapshot.configPath, snapshot.stateDir";
        assert_eq!(out.matches(fields).count(), 1, "{out}");
        let note = format!(" cases have differences that count only at a stricter level than {level}");
        let counted = out.split_once(&note).map(|(before, _)| before.rsplit('\n').next().unwrap().parse().unwrap());
        assert_eq!(counted.is_some(), level != "exact", "{out}");
        // No cause has more cases than there are.
        let most = slight.iter().map(|cause| cause["cases"].as_array().unwrap().len()).max();
        assert!(most <= counted, "{most:?}, {counted:?}: {out}");
        deviating.push(count(&report, "deviates"));
        // The level of each case does not depend on the level of the run.
        let cases = report["cases"].as_array().unwrap();
        let here = |case: &&Value| case["verdict"] == "conforms";
        let enough = |case: &&Value| case["conforms_at"].as_str().is_some_and(|_| level_of(case) >= chosen);
        assert_eq!(cases.iter().filter(here).count(), cases.iter().filter(enough).count());
    }
    assert!(deviating[0] >= 10, "the lock-out has many cases: {deviating:?}");
    assert!(deviating[0] < deviating[1] && deviating[1] < 20 && deviating[2] > 35, "{deviating:?}");
    test_folder.leaves_nothing();
}

fn level_of(case: &Value) -> usize {
    ["decisions", "wire", "exact"].iter().position(|name| case["conforms_at"] == *name).unwrap()
}

#[test]
fn let_in_counts_at_every_level() {
    let test_folder = TestFolder::new("scenario: Nothing\nsteps: [{ open: {} }]\n");
    std::fs::remove_dir(test_folder.path("snapshots")).unwrap();
    gateway(&test_folder, "open", r#"{ text: '{ gateway: { mode: "local", auth: { mode: "none" } } }' }"#);
    let (code, out, report) =
        run(&test_folder, &["fresh-install/auth-token", "--gateway", "open.yaml", "--level", "decisions"]);
    assert_eq!(code, Some(1), "{out}");
    let cause = &report["causes"][0];
    assert_eq!((cause["kind"].as_str(), cause["level"].as_str()), (Some("let-in"), Some("decisions")), "{out}");
    assert_eq!(report["cases"][0]["conforms_at"], Value::Null);
}

/// The approved text, the text that replaces it in the snapshot, and the strictest level at which both are equal.
#[rstest]
#[case::text(r#""pairing required"  request"#, r#""pair first"  request"#, "wire")]
#[case::field("  issued before", "", "wire")]
#[case::field_of_a_record("  not silent", "", "wire")]
#[case::reason("role-upgrade  ", "scope-upgrade  ", "decisions")]
#[case::detail("  request <request-1>\n", "  request <request-1>  retryable\n", "decisions")]
#[case::close("close 1008", "close 1002", "decisions")]
fn slight_differences_do_not_fail(#[case] approved: &str, #[case] demanded: &str, #[case] conforms_at: &str) {
    let test_folder = TestFolder::new(crate::harness::SCENARIO);
    gateway(&test_folder, "other", "openclaw");
    let embedded = ["run", "scenarios", "--gateway", "embedded@2026.4.2"];
    assert_eq!(test_folder.clawcheck(&embedded).code, Some(1));
    assert_eq!(test_folder.clawcheck(&["accept", "--all"]).code, Some(0));
    let folder = test_folder.path("snapshots/family");
    let snapshot = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(&snapshot).unwrap();
    let other = text.replace(approved, demanded);
    assert_ne!(text, other, "{text}");
    std::fs::write(&snapshot, other).unwrap();
    for level in ["decisions", "wire", "exact"] {
        let (code, out, report) = run(&test_folder, &["scenarios", "--gateway", "other.yaml", "--level", level]);
        let conforms = level == "decisions" || (level == "wire" && conforms_at == "wire");
        assert_eq!(code, Some(i32::from(!conforms)), "{level}: {out}");
        assert_eq!(report["cases"][0]["conforms_at"], conforms_at, "{out}");
        let note = format!("1 case has differences that count only at a stricter level than {level}:");
        assert_eq!(out.contains(&note), conforms, "{out}");
    }
    // The default level of another gateway is `wire`, and that of the embedded gateway is `exact`.
    let (code, out, report) = run(&test_folder, &["scenarios", "--gateway", "other.yaml"]);
    assert_eq!((code == Some(0), report["level"].as_str()), (conforms_at == "wire", Some("wire")), "{out}");
    let (code, out, report) = run(&test_folder, &["scenarios", "--gateway", "embedded@2026.4.2"]);
    assert_eq!((code, report["level"].as_str()), (Some(1), Some("exact")), "{out}");
}
