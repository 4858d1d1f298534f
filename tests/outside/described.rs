//! Gateways that a description starts: what they need, and what they may lack.

use super::run::{Ended, TestFolder};
use rstest::rstest;
use serde_json::Value;
use std::collections::BTreeMap;

const CONNECT: &str = "scenario: A device connects\nsteps:\n  - connect: { device: laptop }\n    expect: hello\n";
const REFUSED: &str = "scenario: A wrong token is refused\nsteps:\n  - connect: { device: none, auth: { token: wrong } }\n    expect: refused\n";
const SEEDED: &str =
    "scenario: A paired device connects\nstore: { paired: { laptop: {} } }\nsteps:\n  - connect: { device: laptop }\n";
const FORGED: &str = "scenario: A forged proof is refused\nsteps:\n  - connect: { device: laptop, proof: { signature: damaged } }\n    expect: refused\n";

/// A folder with these scenarios, by name, and a description of `clawcheck serve` with these lines more.
pub(crate) fn described(scenarios: &[(&str, &str)], more: &str) -> TestFolder {
    let test_folder = TestFolder::new(CONNECT);
    for (name, scenario) in scenarios {
        std::fs::write(test_folder.path(&format!("scenarios/family/{name}.yaml")), scenario).unwrap();
    }
    let binary = assert_cmd::cargo::cargo_bin!("clawcheck");
    let description = format!(
        "gateway: ours\nabout: clawcheck serve\nclaims: 2026.4.2\ncommand: {}\n\
         args: [serve, --release, 2026.4.2, --port, '{{port}}', --state-dir, '{{state-dir}}', --config, '{{config}}']\n{more}",
        binary.display()
    );
    std::fs::write(test_folder.path("ours.yaml"), description).unwrap();
    test_folder
}

/// Plays everything, and gives the verdict and the reason of each case by its name.
fn play(test_folder: &TestFolder) -> (Ended, BTreeMap<String, (String, String)>) {
    let ended = test_folder.clawcheck(&["run", "scenarios", "--gateway", "ours.yaml", "--report", "json=report.json"]);
    let report = std::fs::read_to_string(test_folder.path("report.json")).unwrap_or_default();
    let report: Value = serde_json::from_str(&report).unwrap_or_default();
    let word = |case: &Value, key: &str| case[key].as_str().unwrap_or_default().to_owned();
    let cases = report["cases"].as_array().cloned().unwrap_or_default();
    let of = |case: &Value| (word(case, "id").replace("family/", ""), (word(case, "verdict"), word(case, "reason")));
    (ended, cases.iter().map(of).collect())
}

#[rstest]
#[case::everything("[]", &[])]
#[case::pairing("[pairing]", &[("case", "pairing"), ("seeded", "pairing")])]
#[case::store("[store]", &[("seeded", "store")])]
#[case::proofs("[proofs]", &[("forged", "proofs")])]
#[case::proofs_as_earlier("[device-proof]", &[("forged", "proofs")])]
#[case::tokens("[tokens]", &[("case", "tokens"), ("seeded", "tokens")])]
fn only_what_a_gateway_lacks_is_left_out(#[case] lacks: &str, #[case] left_out: &[(&str, &str)]) {
    let scenarios = [("refused", REFUSED), ("seeded", SEEDED), ("forged", FORGED)];
    let test_folder = described(&scenarios, &format!("lacks: {lacks}\n"));
    // The approved snapshots show who is paired and gets a token.
    let approve = ["run", "scenarios", "--gateway", "embedded@2026.4.2"];
    test_folder.clawcheck(&approve);
    assert_eq!(test_folder.clawcheck(&["accept", "--snapshots", "snapshots", "--all"]).code, Some(0));

    let (ended, cases) = play(&test_folder);
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    assert_eq!(cases.len(), 4);
    for (name, (verdict, reason)) in &cases {
        let lacked = left_out.iter().find(|(case, _)| case == name).map(|(_, lacked)| *lacked);
        let expected = lacked.map_or("conforms", |_| "not-applicable");
        assert_eq!(verdict, expected, "{name}: {reason}");
        assert!(lacked.is_none_or(|lacked| reason.contains(&format!("`{lacked}` under `lacks`"))), "{name}: {reason}");
    }
    test_folder.leaves_nothing();
}

#[test]
fn list_says_what_a_case_needs_and_whether_it_is_played() {
    let test_folder = described(&[("refused", REFUSED), ("forged", FORGED)], "lacks: [proofs]\n");
    let listed = test_folder.clawcheck(&["list", "scenarios", "--gateway", "ours.yaml"]);
    assert_eq!(listed.code, Some(0), "{}", listed.err);
    let line = |name: &str| listed.out.lines().find(|line| line.starts_with(&format!("family/{name}"))).unwrap();
    assert!(line("forged").ends_with("not-applicable  needs proofs"), "{}", listed.out);
    assert!(line("refused").ends_with("played"), "{}", listed.out);
    assert!(listed.out.contains("2 of 3 cases are played\n    1  not-applicable: the description"), "{}", listed.out);

    let listed = test_folder.clawcheck(&["list", "scenarios", "--gateway", "ours.yaml", "--format", "json"]);
    let document: Value = serde_json::from_str(&listed.out).unwrap();
    let forged = document["cases"].as_array().unwrap().iter().find(|case| case["name"] == "forged").unwrap();
    assert_eq!((&forged["plan"], &forged["features"]), (&"not-applicable".into(), &serde_json::json!(["proofs"])));
}

#[test]
fn an_unknown_feature_is_answered_with_the_list() {
    let test_folder = described(&[], "lacks: [pairng]\n");
    let (ended, _) = play(&test_folder);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    for part in ["unknown value `pairng`", "did you mean `pairing`?", "approvals", "rate-limit"] {
        assert!(ended.err.contains(part), "{part}: {}", ended.err);
    }
}
