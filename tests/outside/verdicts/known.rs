//! `run --known` and `accept --known`: accepted deviations do not fail a run, and a run reports changes to them.

use crate::harness::{ProgramOutput, TestFolder};
use serde_json::Value;

/// Since 2026.3.31 or earlier, the second connect needs an approval, so this expectation is not met.
const SCENARIO: &str = "\
scenario: An operator becomes a node
store:
  paired:
    laptop: { scopes: [operator.read] }
steps:
  - connect: { device: laptop, role: node, via: nginx }
    expect: hello
";

fn run(test_folder: &TestFolder, arguments: &[&str]) -> ProgramOutput {
    test_folder.clawcheck(&[&["run", "scenarios"], arguments].concat())
}

/// A folder whose `known.yaml` lists the deviations of the scenario.
fn accepted() -> TestFolder {
    let test_folder = TestFolder::new(SCENARIO);
    let failed = run(&test_folder, &["--report", "json=report.json"]);
    assert_eq!(failed.code, Some(1), "{}{}", failed.out, failed.err);
    let arguments = ["--known", "known.yaml", "--report", "report.json", "--all", "--reason", "waits for issue 12"];
    let accepted = test_folder.clawcheck(&[&["accept"], &arguments[..]].concat());
    assert_eq!(accepted.out, "wrote known.yaml: added 1 entry for 1 case\n", "{}", accepted.err);
    test_folder
}

fn edit(test_folder: &TestFolder, from: &str, to: &str) {
    let text = std::fs::read_to_string(test_folder.path("known.yaml")).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(test_folder.path("known.yaml"), text.replace(from, to)).unwrap();
}

#[test]
fn accepted_deviation_in_every_report() {
    let test_folder = accepted();
    let reports = ["--known", "known.yaml", "--report", "json=report.json", "--report", "junit=junit.xml"];
    let ran = run(&test_folder, &reports);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("known-deviation: waits for issue 12\n    family/case"), "{}", ran.out);
    let read = |name: &str| std::fs::read_to_string(test_folder.path(name)).unwrap();
    let report: Value = serde_json::from_str(&read("report.json")).unwrap();
    assert_eq!(report["cases"][0]["verdict"], "known-deviation");
    assert_eq!(report["summary"]["known-deviation"], 1);
    assert_eq!(report["causes"].as_array().unwrap().len(), 0);
    assert!(read("junit.xml").contains("<skipped message=\"waits for issue 12\""), "{}", read("junit.xml"));
    // Nothing waits for approval, because the answer must not become the snapshot.
    assert!(!test_folder.path("snapshots/family").exists());
    let again = ["accept", "--known", "known.yaml", "--report", "report.json", "--all", "--reason", "x"];
    assert_eq!(test_folder.clawcheck(&again).code, Some(4));
}

#[test]
fn fixed_deviation_fails_until_removed() {
    let test_folder = accepted();
    std::fs::write(
        test_folder.path("scenarios/family/case.yaml"),
        SCENARIO.replace("role: node, via: nginx", "role: operator"),
    )
    .unwrap();
    std::fs::remove_dir_all(test_folder.path("snapshots")).unwrap();
    for quiet in [&[][..], &["-q"]] {
        let ran = run(&test_folder, &[&["--known", "known.yaml"], quiet].concat());
        assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
        assert!(ran.out.contains("unexpectedly-conforms: known.yaml:3 no longer holds"), "{}", ran.out);
        assert_eq!(
            ran.out.contains("accept --known known.yaml --report REPORT --prune"),
            quiet.is_empty(),
            "{}",
            ran.out
        );
    }
    run(&test_folder, &["--known", "known.yaml", "--report", "json=report.json"]);
    let pruned = test_folder.clawcheck(&["accept", "--known", "known.yaml", "--report", "report.json", "--prune"]);
    assert_eq!(pruned.out, "wrote known.yaml: removed 1 entry\n", "{}", pruned.err);
    assert_eq!(run(&test_folder, &["--known", "known.yaml"]).code, Some(0));
}

#[test]
fn new_deviation_of_case_fails() {
    let test_folder = accepted();
    std::fs::write(test_folder.path("scenarios/family/case.yaml"), SCENARIO.replace(", via: nginx", "")).unwrap();
    let ran = run(&test_folder, &["--known", "known.yaml"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("not a known deviation: "), "{}", ran.out);
}

#[test]
fn changed_digest_fails() {
    let test_folder = accepted();
    // A second step: differences after a refusal are usually consequences of it, so they are not compared.
    let more = format!("{SCENARIO}  - connect: {{ device: tablet }}\n");
    std::fs::write(test_folder.path("scenarios/family/case.yaml"), more).unwrap();
    let ran = run(&test_folder, &["--known", "known.yaml"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("the observation differs from the accepted one"), "{}", ran.out);
}

#[test]
fn list_errors_have_carets() {
    let test_folder = accepted();
    edit(&test_folder, "- case: family/case", "- case: family/cases");
    let wrong = run(&test_folder, &["--known", "known.yaml"]);
    assert_eq!(wrong.code, Some(2), "{}", wrong.out);
    for says in ["no case matches `family/cases`", "known.yaml:3:", "did you mean `family/case`?"] {
        assert!(wrong.err.contains(says), "{says}: {}", wrong.err);
    }
    edit(&test_folder, "- case: family/cases", "- expires: 2026-01-31\n    case: family/case");
    // The digest of an expired entry is not an error.
    let expired = run(&test_folder, &["--known", "known.yaml"]);
    assert_eq!(expired.code, Some(1), "{}", expired.err);
    assert!(expired.err.contains("expired on 2026-01-31, and no longer applies"), "{}", expired.err);
}

#[test]
fn excluded_case_is_counted() {
    let test_folder = TestFolder::new(SCENARIO);
    let list = "known:\n  - { case: family/case, exclude: true, reason: it hangs }\n  - { case: empty-tokens/*, exclude: true, reason: of others }\n";
    std::fs::write(test_folder.path("known.yaml"), list).unwrap();
    let ran = run(&test_folder, &["--known", "known.yaml"]);
    assert_eq!(ran.code, Some(4), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("not-applicable: excluded: it hangs\n    family/case"), "{}", ran.out);
    assert!(ran.out.contains("1 case: 1 not-applicable"), "{}", ran.out);
}

#[test]
fn list_in_description() {
    let test_folder = accepted();
    let list = std::fs::read_to_string(test_folder.path("known.yaml")).unwrap();
    let program = assert_cmd::cargo::cargo_bin!("clawcheck").display().to_string();
    let args = "[serve, --port, \"{port}\", --state-dir, \"{state-dir}\", --config, \"{config}\"]";
    let description =
        format!("gateway: mine\nabout: an emulator\nclaims: 2026.9.6\ncommand: {program}\nargs: {args}\n{list}");
    std::fs::write(test_folder.path("gateway.yaml"), &description).unwrap();
    let ran = run(&test_folder, &["--gateway", "gateway.yaml"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("1 known-deviation"), "{}", ran.out);
    std::fs::write(test_folder.path("gateway.yaml"), description.replace("family/case\n", "family/cse\n")).unwrap();
    let wrong = run(&test_folder, &["--gateway", "gateway.yaml"]);
    assert_eq!(wrong.code, Some(2), "{}{}", wrong.out, wrong.err);
    assert!(wrong.err.contains("gateway.yaml:8:"), "{}", wrong.err);
}

#[test]
fn errors_need_name_and_reason() {
    let test_folder = TestFolder::new(SCENARIO);
    let report = r#"{"cases":[{"id":"family/case","verdict":"error","reason":"the gateway exited"}]}"#;
    std::fs::write(test_folder.path("report.json"), report).unwrap();
    let accept = |arguments: &[&str]| {
        test_folder.clawcheck(&[&["accept", "--known", "known.yaml", "--report", "report.json"], arguments].concat())
    };
    assert_eq!(accept(&["--all"]).code, Some(2));
    assert_eq!(accept(&["--all", "--reason", " "]).code, Some(2));
    let all = accept(&["--all", "--reason", "crash"]);
    assert!(all.code == Some(4) && all.err.contains("no selected case deviates"), "{}", all.err);
    assert_eq!(accept(&["family/case", "--reason", "crash"]).code, Some(0));
    let list = std::fs::read_to_string(test_folder.path("known.yaml")).unwrap();
    assert!(list.contains("kind: error\n    seen: \"the gateway exited\""), "{list}");
}

#[test]
fn ignored_fields() {
    let test_folder = TestFolder::new(SCENARIO);
    let program = assert_cmd::cargo::cargo_bin!("clawcheck").display().to_string();
    let args =
        "[serve, --release, 2026.3.31, --port, \"{port}\", --state-dir, \"{state-dir}\", --config, \"{config}\"]";
    let played = |ignore: &str| {
        let text =
            format!("gateway: old\nabout: an emulator\nclaims: 2026.4.2\ncommand: {program}\nargs: {args}\n{ignore}");
        std::fs::write(test_folder.path("gateway.yaml"), text).unwrap();
        // Without scenarios in the folder, the built-in snapshots are used.
        std::fs::create_dir_all(test_folder.path("elsewhere")).unwrap();
        let arguments = ["run", "empty-tokens/odd-token", "--gateway", "../gateway.yaml", "--level", "exact"];
        let output = test_folder.command(&arguments).current_dir(test_folder.path("elsewhere")).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let differs = played("");
    assert!(differs.0 == Some(1) && differs.1.contains("differs from the snapshot"), "{}", differs.1);
    let fields = ["authMode", "configPath", "stateDir"].map(|field| format!("payload.snapshot.{field}")).join(", ");
    let ignored = played(&format!("ignore: [{fields}]\n"));
    assert_eq!(ignored.0, Some(0), "{}", ignored.1);
}
