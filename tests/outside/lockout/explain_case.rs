//! `clawcheck explain CASE[:STEP]` and `run --explain`: the reasons for the answer to a step.

use crate::harness::{ProgramOutput, SCENARIO, TestFolder};
use openclaw_model::releases::known_releases;
use rstest::rstest;
use serde_json::Value;

const APPROVE: &str = "role-upgrade/approve";

fn explain(arguments: &[&str]) -> ProgramOutput {
    let test_folder = TestFolder::new(SCENARIO);
    let ended = test_folder.clawcheck(&[&["explain"], arguments].concat());
    test_folder.leaves_nothing();
    ended
}

fn json_of(ended: &ProgramOutput) -> Value {
    serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{}{}", ended.out, ended.err))
}

#[test]
fn explains_steps_of_case() {
    let ended = explain(&[APPROVE, "--release", "2026.3.31"]);
    assert_eq!(ended.code, Some(1), "{}{}", ended.out, ended.err);
    let lines = ended.out.lines().collect::<Vec<_>>();
    assert_eq!(lines[0], "role-upgrade/approve on embedded@2026.3.31");
    // The connects of the case, each with its answer. Step 3 is an approval.
    let numbers = lines.iter().filter_map(|line| line.trim().split_once("  ")?.0.parse::<u32>().ok());
    assert_eq!(numbers.collect::<Vec<_>>(), [1, 2, 4, 5], "{}", ended.out);
    assert!(ended.out.contains("let in as node [operator.read]"), "{}", ended.out);
    // `explain` selects the first refused connect.
    let explained = ended.out.split_once("\nStep 1, line 14 of scenarios/role-upgrade/approve.yaml: ").unwrap().1;
    for line in [
        "refused: NOT_PAIRED PAIRING_REQUIRED role-upgrade",
        "locality    not local: header X-Forwarded-For is present, and trustedProxies does not change that (since 2026.3.31)",
        "the effective roles of the record: operator",
    ] {
        assert!(explained.contains(line), "{line} in {}", ended.out);
    }
}

/// An earlier connect through a proxy can have left a request that the gateway does not approve automatically.
#[test]
fn pending_request_prevents_automatic_approval() {
    let connect = "connect: { device: phone, role: operator, scopes: [operator.read]";
    let scenario = format!("scenario: S\nsteps:\n- {connect}, via: nginx }}\n- {connect} }}\n");
    let test_folder = TestFolder::new(&scenario);
    let ended = test_folder.clawcheck(&["explain", "scenarios/family/case.yaml:2", "--release", "2026.4.2"]);
    let line =
        "not approved automatically, because an earlier request of the device, which needs an approval, is pending";
    assert!(ended.out.contains(line), "{}{}", ended.out, ended.err);
}

#[test]
fn selects_step_by_number_or_name() {
    let (by_number, by_name) = (explain(&[&format!("{APPROVE}:2")]), explain(&[&format!("{APPROVE}:admin")]));
    assert_eq!((by_number.code, &by_number.out), (Some(0), &by_name.out));
    assert!(by_number.out.contains("\nStep 2, line 15 "), "{}", by_number.out);
    assert!(!by_number.out.contains("\nStep 1, "), "{}", by_number.out);
    let call = explain(&["authority/no-scope:2", "--release", "2026.3.31", "--format", "json"]);
    assert_eq!(call.code, Some(1), "{}{}", call.out, call.err);
    let step = &json_of(&call)["step"];
    assert_eq!(step["title"], "list by reader");
    // The trace of a step has no checks of another step, such as those of the connect.
    let checks = step["trace"].as_array().unwrap().iter().map(|line| line["check"].clone()).collect::<Vec<_>>();
    assert_eq!(checks, ["call"], "{step}");
    assert!(step["trace"][0]["found"].as_str().unwrap().contains("device.pair.list takes operator.pairing"), "{step}");
}

#[test]
fn explains_step_on_every_release() {
    let ended = explain(&["role-upgrade/operator-to-node#direct,token:2", "--releases", "all", "--format", "json"]);
    assert_eq!(ended.code, Some(1), "{}{}", ended.out, ended.err);
    let rows = json_of(&ended)["releases"].as_array().unwrap().clone();
    let refused = |release: &str| {
        let row = rows.iter().find(|row| row["release"] == release).unwrap();
        row["refused"].as_bool().unwrap()
    };
    assert_eq!(rows.len(), known_releases().count());
    assert!(refused("2026.3.31") && !refused("2026.4.2") && refused("2026.6.11"), "{rows:#?}");
}

#[rstest]
#[case(&["role-upgrade/aprove"], "did you mean `role-upgrade/approve`?")]
#[case(&["role-upgrade"], "`role-upgrade` names 1")]
#[case(&["role-upgrade/approve:99"], "has no step `99`")]
#[case(&["role-upgrade/approve:99"], "1, 2 (admin), 3, 4, 5")]
#[case(&["role-upgrade/approve", "--device", "new"], "--device does not apply to a case")]
#[case(&["role-upgrade/approve", "--release", "2026.1.1"], "2026.2.19")]
fn unexplainable_cases(#[case] arguments: &[&str], #[case] message: &str) {
    let ended = explain(arguments);
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{}", ended.err);
    let text = ended.err.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
    assert!(text.contains(message), "{text}");
}

#[test]
fn run_explains_failing_step() {
    let test_folder = TestFolder::new(&format!("{SCENARIO}    expect: hello\n"));
    let run = |more: &[&str]| {
        test_folder.clawcheck(&[&["run", "scenarios", "--gateway", "embedded@2026.3.31"], more].concat())
    };
    let ended = run(&["--explain"]);
    assert_eq!(ended.code, Some(1), "{}{}", ended.out, ended.err);
    let explanation =
        ended.out.split_once("the model of 2026.3.31 answers `connect laptop as node via nginx` (line ").unwrap().1;
    assert!(explanation.contains("refused: NOT_PAIRED PAIRING_REQUIRED"), "{explanation}");
    assert!(explanation.contains("frame       ") && explanation.contains("device laptop, with"), "{explanation}");
    assert!(explanation.contains("locality    not local: header X-Forwarded-For is present"), "{explanation}");
    let ended = run(&[]);
    assert!(!ended.out.contains("the model of"), "{}", ended.out);
}

#[test]
fn explains_expected_answer_of_other_gateway() {
    let test_folder = TestFolder::new(
        "scenario: Rejects\nsteps:\n  - connect: { device: laptop, auth: { token: wrong } }\n    expect: hello\n",
    );
    let serving = crate::harness::somebody_elses(&test_folder, "2026.4.2", "token");
    let url = format!("ws://127.0.0.1:{}", serving.port);
    let ended = test_folder.clawcheck(&[
        "run",
        "scenarios",
        "--gateway",
        &url,
        "--release",
        "2026.3.31",
        "--explain",
        "--allow-writes",
    ]);
    assert_eq!(ended.code, Some(1), "{}{}", ended.out, ended.err);
    let explanation = ended.out.split_once("the model of 2026.3.31 answers `connect laptop").unwrap().1;
    assert!(explanation.contains("credentials ") && explanation.contains("refused"), "{explanation}");
}
