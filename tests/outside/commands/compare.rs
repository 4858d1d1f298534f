//! `clawcheck compare`: what gateways answer differently.

use crate::harness::TestFolder;
use openclaw_model::releases::DEFAULT;
use serde_json::{Value, json};

const SCENARIO: &str = "\
scenario: The lock-out of 2026.3.31
store:
  paired:
    laptop: { role: operator, scopes: [operator.read], tokens: {} }
steps:
  - connect: { device: laptop, role: operator, scopes: [operator.read] }
";

#[test]
fn shows_first_different_line() {
    let test_folder = TestFolder::new(SCENARIO);
    let same = ["compare", "embedded@2026.4.2", "embedded@2026.4.2", "--scenarios", "scenarios"];
    let ran = test_folder.clawcheck(&same);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "0 differ, 1 equal\n"), "{}", ran.err);

    let three =
        ["compare", "embedded@2026.3.28", "embedded@2026.3.31", "embedded@2026.4.2", "--scenarios", "scenarios"];
    let ran = test_folder.clawcheck(&[&three[..], &["--format", "json"]].concat());
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    let row = &document["differing"][0];
    assert_eq!(row["case"], "family/case");
    assert_eq!(row["step"], "connect laptop as operator [operator.read]");
    let cells = row["gateways"].as_array().unwrap();
    let starts = |cell: usize, words: &str| cells[cell]["line"].as_str().unwrap().starts_with(words);
    assert_eq!((&cells[0]["group"], &cells[1]["group"]), (&"A".into(), &"B".into()));
    assert!(starts(0, "<- hello-ok") && starts(1, "<- error NOT_PAIRED") && starts(2, "<- hello-ok"), "{row}");

    let ran = test_folder.clawcheck(&[&three[..], &["--format", "markdown"]].concat());
    assert!(ran.out.starts_with("| case") && ran.out.ends_with("1 differ, 0 equal\n"), "{}", ran.out);
    test_folder.leaves_nothing();
}

#[test]
fn many_differences_by_cause() {
    let test_folder = TestFolder::new(SCENARIO);
    for n in 0..4 {
        std::fs::write(test_folder.path(&format!("scenarios/family/more-{n}.yaml")), SCENARIO).unwrap();
    }
    let both = ["compare", "embedded@2026.3.31", "embedded@2026.4.2", "--scenarios", "scenarios"];
    let ran = test_folder.clawcheck(&both);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let lines = ran.out.lines().collect::<Vec<_>>();
    assert_eq!(
        lines[..3],
        [
            "embedded@2026.3.31 (-) and embedded@2026.4.2 (+): 5 cases differ. The cause:",
            "5 cases  let in instead of refused: hello-ok instead of NOT_PAIRED PAIRING_REQUIRED role-upgrade",
            "      family/{case,more-0,more-1,more-2,more-3}",
        ]
    );
    let again =
        "show one: clawcheck compare embedded@2026.3.31 embedded@2026.4.2 --scenarios scenarios --filter family/case";
    assert!(lines[6].trim() == again && ran.out.ends_with("\n\n5 differ, 0 equal\n"), "{}", ran.out);
    let ran = test_folder.clawcheck(&[&both[..], &["--format", "json"]].concat());
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["causes"][0]["gateway"], "embedded@2026.4.2");
    assert_eq!(document["causes"][0]["causes"][0]["kind"], "let-in");
    let ran = test_folder.clawcheck(&[&both[..], &["--format", "markdown"]].concat());
    assert!(ran.out.starts_with("```text\nembedded@") && ran.out.contains("\n| `family/more-3`"), "{}", ran.out);
    test_folder.leaves_nothing();
}

#[test]
fn rejects_incomparable_gateways() {
    let test_folder = TestFolder::new(SCENARIO);
    let attached = test_folder.clawcheck(&["compare", "embedded", "ws://127.0.0.1:9", "--scenarios", "scenarios"]);
    assert_eq!(attached.code, Some(2));
    assert!(attached.err.contains("cannot compare ws://127.0.0.1:9"), "{}", attached.err);
    assert_eq!(test_folder.clawcheck(&["compare", "embedded"]).code, Some(2), "one alone is not compared");
    let nothing = ["compare", "embedded", "embedded@2026.4.2", "--scenarios", "scenarios", "--filter", "no-such"];
    assert_eq!(test_folder.clawcheck(&nothing).code, Some(4));
}

#[test]
fn suggests_gateway_with_release() {
    let test_folder = TestFolder::new(SCENARIO);
    let both = ["compare", "embedded", "embedded@2026.3.31", "--scenarios", "scenarios", "--format"];
    let names = [format!("embedded@{DEFAULT}"), "embedded@2026.3.31".to_owned()];
    let ran = test_folder.clawcheck(&[&both[..], &["json"]].concat());
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&document["gateways"], &document["interrupted"]), (&json!(names), &false.into()));
    let ran = test_folder.clawcheck(&[&both[..], &["markdown"]].concat());
    let header = ran.out.lines().next().unwrap();
    assert!(names.iter().all(|name| header.contains(name.as_str())), "{}", ran.out);
}

/// The other gateway shows which features the case needs, because no approved snapshot does.
#[test]
fn excludes_cases_with_lacked_features() {
    let connect = "scenario: A device connects\nsteps:\n  - connect: { device: laptop }\n";
    let refused = "steps:\n  - connect: { device: none, auth: { token: wrong } }\n";
    let test_folder = TestFolder::new(connect);
    let file = test_folder.path("scenarios/family/refused.yaml");
    std::fs::write(file, format!("scenario: A wrong token\n{refused}")).unwrap();
    let compare = |lacks: &str, format: &str| {
        let program = assert_cmd::cargo::cargo_bin!("clawcheck").display().to_string();
        let description = format!(
            "gateway: old\nabout: An older release.\nclaims: 2026.4.2\ncommand: {program}\n\
             args: [serve, --release, 2026.3.31, --port, '{{port}}', --state-dir, '{{state-dir}}', --config, '{{config}}']\n\
             lacks: {lacks}\n"
        );
        std::fs::write(test_folder.path("old.yaml"), description).unwrap();
        let compare = ["compare", "./old.yaml", "embedded@2026.4.2", "--scenarios", "scenarios", "--format", format];
        test_folder.clawcheck(&compare)
    };
    let ran = compare("[]", "plain");
    assert!(ran.code == Some(1) && ran.out.ends_with("\n1 differ, 1 equal\n"), "{}{}", ran.out, ran.err);
    let ran = compare("[tokens]", "plain");
    let reason = "the description of the gateway lists `tokens` under `lacks`";
    let out = format!("not played on ./old.yaml: 1 case: {reason}\n0 differ, 1 equal, 1 not played on every gateway\n");
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), out.as_str()), "{}", ran.err);
    let document: Value = serde_json::from_str(&compare("[tokens]", "json").out).unwrap();
    assert_eq!(document["not_played"], json!([{ "gateway": "./old.yaml", "cases": 1, "reason": reason }]));
    test_folder.leaves_nothing();
}

/// `compare` takes scenarios with an option, and `run` takes them as paths.
#[test]
fn scenario_path_as_gateway() {
    let test_folder = TestFolder::new(SCENARIO);
    for (named, is) in [("scenarios/family/case.yaml", "a scenario"), ("scenarios", "a folder")] {
        for command in [&["compare", "embedded@2026.4.2", named][..], &["run", "--gateway", named]] {
            let ran = test_folder.clawcheck(command);
            assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{}", ran.err);
            let message = ran.err.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(message.contains(&format!("`{named}` is {is}, not a gateway description")), "{}", ran.err);
            assert!(message.contains("--scenarios PATH"), "{}", ran.err);
        }
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_prints_completed_results() {
    let test_folder = TestFolder::new(SCENARIO);
    std::fs::write(test_folder.path("scenarios/family/another.yaml"), SCENARIO).unwrap();
    test_folder.describe_silent_gateway();
    let compare = ["compare", "embedded@2026.3.31", "silent.yaml", "--scenarios", "scenarios"];
    let ran = test_folder.interrupted(&compare);
    assert_eq!(ran.code, Some(130), "{}{}", ran.out, ran.err);
    let last = ran.out.lines().last().unwrap();
    assert!(last.starts_with("interrupted: of 2 cases, clawcheck played "), "{}", ran.out);
    assert!(last.ends_with(" on embedded@2026.3.31, 0 on silent.yaml"), "{}", ran.out);
    test_folder.leaves_nothing();
}

/// The first difference of a case can be the least serious one: a newer gateway has another protocol.
#[test]
fn most_serious_difference_comes_first() {
    let scenario = "scenario: S\nstore: { paired: { d: { scopes: [operator.read], tokens: { operator: { scopes: [operator.read] } } } } }\n\
        steps:\n- connect: { device: d, scopes: [operator.read] }\n- connect: { device: d, scopes: [operator.admin] }\n";
    let test_folder = TestFolder::new(scenario);
    let compared =
        test_folder.clawcheck(&["compare", "embedded@2026.4.2", "embedded@2026.9.6", "--scenarios", "scenarios"]);
    assert_eq!(compared.code, Some(1), "{}", compared.out);
    let first = compared.out.lines().nth(1).unwrap_or_default();
    assert!(first.starts_with("1 case   let in instead of refused"), "{}", compared.out);
    assert!(compared.out.contains("protocol 4 instead of protocol 3"), "{}", compared.out);
}

#[test]
fn prints_history() {
    let test_folder = TestFolder::new(SCENARIO);
    let whole: Value = serde_json::from_str(&test_folder.clawcheck(&["releases", "--format", "json"]).out).unwrap();
    let releases = whole["releases"].as_array().unwrap();
    let change = |release: &str, words: &str| {
        let release = releases.iter().find(|entry| entry["release"] == release).unwrap();
        let changes = release["changes"].as_array().unwrap();
        changes.iter().any(|change| change["what"].as_str().unwrap().contains(words) && change["not_yet"].is_string())
    };
    assert!(change("2026.3.31", "`tokens: {}` has no role") && change("2026.4.2", "falls back to the roles"));

    let upgrade = test_folder.clawcheck(&["releases", "2026.3.28..2026.4.2"]).out;
    let names = |release: &str| upgrade.contains(&format!("\n {release} "));
    assert!(names("2026.3.31") && names("2026.4.1") && names("2026.4.2"), "{upgrade}");
    assert!(!names("2026.3.28") && !names("2026.4.5"), "{upgrade}");
    let backwards = test_folder.clawcheck(&["releases", "2026.4.2..2026.3.28"]);
    assert_eq!(backwards.code, Some(2), "{}", backwards.err);
    let same = test_folder.clawcheck(&["releases", "2026.4.3..2026.4.4"]);
    assert_eq!((same.code, same.out.as_str()), (Some(0), "no change between 2026.4.3 and 2026.4.4 is known\n"));
    let between = test_folder.clawcheck(&["releases", "2026.4.3"]);
    assert_eq!(between.code, Some(0));
    assert!(
        between.out.starts_with("2026.4.3 has no rules of its own; it uses the rules of 2026.4.2\n"),
        "{}",
        between.out
    );
    assert!(between.out.contains("falls back to") && !between.out.contains("has no role"), "{}", between.out);

    let before = test_folder.clawcheck(&["releases", "2026.1.1"]);
    assert_eq!(before.code, Some(2));
    assert!(before.err.contains("the rules of 2026.1.1 are not known"), "{}", before.err);
}
