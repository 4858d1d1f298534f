//! Stores that connections and approvals create, because clawcheck cannot write the store of the gateway.

use crate::gateways::described::described;
use crate::harness::in_process::stand_in;
use crate::harness::in_process::{ok, sending};
use crate::harness::{Serving, TOKEN, TestFolder, somebody_elses};
use openclaw_emulator::stored_state::StoredState;
use openclaw_model::Facts;
use openclaw_protocol::store::{Document, Documents as _};
use rstest::rstest;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A device whose stored token is rotated, used and revoked, and a device that waits for approval.
const SEEDED: &str = "\
scenario: A store of several records
store:
  paired:
    admin: { scopes: [operator.admin] }
    laptop: { scopes: [operator.read], tokens: { operator: { rotated: true, used: true } } }
    phone: { role: node, tokens: { node: { revoked: true } } }
  pending:
    tablet: { scopes: [operator.read] }
steps:
  - connect: { device: laptop, role: operator, scopes: [operator.read], auth: { device-token: seeded } }
    expect: hello
  - connect: { device: phone, role: node, auth: { device-token: seeded } }
    expect: refused
  - connect: { device: admin, role: operator, scopes: [operator.admin] }
    as: admin
    expect: hello
  - approve: { device: tablet, by: admin }
    expect: ok
  - connect: { device: tablet, role: operator, scopes: [operator.read], via: nginx }
    expect: hello
";
/// A record that no connection creates.
const EMPTY: &str = "\
scenario: A record without tokens
store: { paired: { laptop: { tokens: {} } } }
steps:
  - connect: { device: laptop }
    expect: hello
";

/// Runs cases on the gateway at a URL and returns the exit code, the output and the report.
fn run(test_folder: &TestFolder, serving: &Serving, arguments: &[&str]) -> (Option<i32>, String, Value) {
    let mut command = test_folder.command(&["run", "--gateway", &format!("ws://127.0.0.1:{}", serving.port)]);
    command.args(["--release", "2026.4.2", "--allow-writes", "--min-played", "1", "--report", "json=report.json"]);
    let output = command.args(arguments).env("CLAWCHECK_TOKEN", TOKEN).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let says = text(output.stdout) + &text(output.stderr);
    assert!(!says.contains(TOKEN), "{says}");
    let report = std::fs::read(test_folder.path("report.json")).unwrap();
    (output.status.code(), says, serde_json::from_slice(&report).unwrap())
}

fn count(report: &Value, verdict: &str) -> usize {
    let cases = report["cases"].as_array().unwrap();
    cases.iter().filter(|case| case["verdict"] == verdict).count()
}

#[test]
fn creates_store_by_connections() {
    let test_folder = TestFolder::new(EMPTY);
    std::fs::remove_dir(test_folder.path("snapshots")).unwrap();
    let families = [
        "revoked-tokens",
        "role-upgrade",
        "authority/approve-twice",
        "exec-approvals/same-id",
        "exec-approvals/one-phase",
    ];
    let serving = somebody_elses(&test_folder, "2026.4.2", "token");
    let (code, says, report) = run(&test_folder, &serving, &families);
    assert_eq!(code, Some(0), "{says}");
    assert!(count(&report, "conforms") >= 24, "{says}");
    // No record of the cases is left, and no record of the device that approved them.
    let paired = std::fs::read_to_string(test_folder.path("state/devices/paired.json")).unwrap();
    assert_eq!(paired.trim(), "{}", "{paired}");
    drop(serving);
    // Another release deviates in the same cases, in messages that clients receive.
    std::fs::remove_dir_all(test_folder.path("state")).unwrap();
    let serving = somebody_elses(&test_folder, "2026.3.31", "token");
    let (code, says, report) = run(&test_folder, &serving, &families);
    assert_eq!(code, Some(1), "{says}");
    assert!(count(&report, "deviates") >= 5 && count(&report, "error") == 0, "{says}");
    assert!(says.contains("refused instead of let in: NOT_PAIRED PAIRING_REQUIRED role-upgrade"), "{says}");
}

/// The operator that approves the devices of a case is an administrator, so its record must not stay on a gateway that
/// clawcheck did not start.
#[rstest]
fn removes_devices_afterwards(#[values("2026.2.19", "2026.3.13", "2026.3.31", "2026.6.11", "2026.9.6")] release: &str) {
    let test_folder = TestFolder::new(EMPTY);
    std::fs::remove_dir(test_folder.path("snapshots")).unwrap();
    let serving = somebody_elses(&test_folder, release, "token");
    let mut command = test_folder.command(&["run", "role-upgrade", "--allow-writes", "--min-played", "1"]);
    command.args(["--release", release, "--gateway", &format!("ws://127.0.0.1:{}", serving.port)]);
    let output = command.env("CLAWCHECK_TOKEN", TOKEN).output().unwrap();
    let says = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{says}");
    drop(serving);
    let at_rest = StoredState::read(&test_folder.path("state")).unwrap();
    let format = Facts::of(release.parse().unwrap()).unwrap().pairing.format;
    let (store, _) = at_rest.start(format, 0).unwrap();
    for document in [Document::DevicesPaired, Document::DevicesPending] {
        let left = store.read(document).map_or_else(|| json!({}), |value| (*value).clone());
        assert_eq!(left, json!({}), "{says}");
    }
}

#[test]
fn skips_stores_without_recipe() {
    let test_folder = TestFolder::new(EMPTY);
    let serving = somebody_elses(&test_folder, "2026.4.2", "token");
    let (code, says, report) = run(&test_folder, &serving, &["scenarios"]);
    assert_eq!((code, count(&report, "skipped")), (Some(4), 1), "{says}");
    assert!(says.contains("no connection creates a record without tokens"), "{says}");
    // A description with `store: none` declares that there is no store in this format.
    let test_folder = described(&[("case", EMPTY)], "store: none\n");
    let ran = test_folder.clawcheck(&["run", "scenarios", "--gateway", "ours.yaml"]);
    assert!(ran.out.contains("1 not-applicable"), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("no connection creates a record without tokens"), "{}", ran.out);
}

#[test]
fn created_records_have_same_age() {
    let test_folder = described(&[("case", SEEDED)], "");
    let written = test_folder.clawcheck(&["run", "scenarios", "--gateway", "ours.yaml", "--trace"]);
    let steps = |out: &str| {
        let from = out.find("connect laptop as operator").unwrap_or_else(|| panic!("{out}"));
        let lines = out[from..].lines().enumerate();
        let step = |line: &str| line.starts_with("    ") && !line.trim().is_empty();
        let steps = lines.take_while(|(at, line)| *at == 0 || step(line)).map(|(_, line)| line.trim());
        steps.collect::<Vec<_>>().join("\n")
    };
    let expected = steps(&written.out);
    let test_folder = described(&[("case", SEEDED)], "store: none\n");
    let created = test_folder.clawcheck(&["run", "scenarios", "--gateway", "ours.yaml", "--trace"]);
    assert!(expected.contains("device-token <token-1>  issued before"), "{}", written.out);
    assert_eq!(steps(&created.out), expected, "{}", created.out);
}

#[test]
fn missing_record_deviates() {
    let config =
        "config: { text: '{ gateway: { mode: \"local\", auth: { mode: \"token\", token: \"another\" } } }' }\n";
    let test_folder = described(&[("case", SEEDED)], &format!("store: none\n{config}"));
    let ran = test_folder.clawcheck(&["run", "scenarios", "--gateway", "ours.yaml", "--report", "json=report.json"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    let report = std::fs::read(test_folder.path("report.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    let case = &report["cases"][0];
    assert_eq!(case["verdict"], "deviates", "{case}");
    assert_eq!(
        case["reason"], "the gateway did not create the store of the case, so its steps were not played",
        "{case}"
    );
    assert_eq!(case["differences"][0]["kind"], "refused", "{case}");
    let message = case["findings"][0]["message"].as_str().unwrap();
    assert!(
        message.starts_with("`set up the store: connect admin as operator [operator.admin]` (line 4): "),
        "{message}"
    );
    assert!(
        message.contains(
            "expected hello-ok with role operator, a device token; saw error INVALID_REQUEST AUTH_TOKEN_MISMATCH"
        ),
        "{message}"
    );
}

/// A case whose store was not created is never played, and never conforms.
#[rstest]
#[case::no_role(r#"{"type":"hello-ok","protocol":3,"auth":{"deviceToken":"of-nobody-1"}}"#)]
#[case::another_role(r#"{"type":"hello-ok","protocol":3,"auth":{"role":"node","deviceToken":"of-nobody-1"}}"#)]
#[case::no_type_and_no_token(r#"{"protocol":3,"auth":{"role":"operator"}}"#)]
fn gateway_without_pairing_deviates(#[case] hello: &'static str) {
    let test_folder = TestFolder::new(SEEDED);
    let url = sending(move |id| vec![ok(id, if id == "1" { hello } else { "{}" })]);
    let description = stand_in(&test_folder, &url);
    let text = std::fs::read_to_string(&description).unwrap() + "store: none\nconfig: none\n";
    std::fs::write(&description, text).unwrap();
    let arguments = ["run", "scenarios", "--gateway", "gateway.yaml", "--report", "json=report.json"];
    let ran = test_folder.clawcheck(&arguments);
    let report = std::fs::read(test_folder.path("report.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!((ran.code, count(&report, "deviates")), (Some(1), 1), "{}{}", ran.out, ran.err);
    let reason = report["cases"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("the gateway did not create the store of the case"), "{reason}");
}

/// Without tokens, a hello-ok is all that a gateway says about a pairing.
#[test]
fn gateway_without_tokens() {
    let test_folder = TestFolder::new(
        "scenario: A paired device is let in\nstore: { paired: { laptop: { scopes: [operator.read] } } }\nsteps:\n  \
         - connect: { device: laptop, role: operator, scopes: [operator.read] }\n    expect: hello\n",
    );
    let url = sending(|id| vec![ok(id, r#"{"type":"hello-ok","protocol":3,"auth":{"role":"operator"}}"#)]);
    let description = stand_in(&test_folder, &url);
    let text = std::fs::read_to_string(&description).unwrap() + "store: none\nconfig: none\n";
    let ran = |lacks: &str| {
        std::fs::write(&description, format!("{text}{lacks}")).unwrap();
        test_folder.clawcheck(&["run", "scenarios", "--gateway", "gateway.yaml"])
    };
    let without = ran("lacks: [tokens]\n");
    assert!(without.out.contains("all expectations are met, but no snapshot is approved"), "{}", without.out);
    let with = ran("");
    assert!(
        with.out.contains("set up the store: connect laptop") && with.out.contains("a device token"),
        "{}",
        with.out
    );
}

/// The cases of a list or a report that are not played, with the reasons.
pub(crate) fn not_played(document: &Value, key: &str) -> BTreeMap<String, (String, String)> {
    let is_played = |case: &&Value| !matches!(case[key].as_str(), Some("not-applicable" | "skipped"));
    let cases = document["cases"].as_array().unwrap().iter().filter(|case| !is_played(case));
    cases.map(|case| (case["id"].to_string(), (case[key].to_string(), case["reason"].to_string()))).collect()
}

/// A list says what a run does, also where only the rules of the release show that connections do not replace a store.
#[test]
fn list_matches_run() {
    let test_folder = described(&[], "store: none\n");
    std::fs::remove_dir(test_folder.path("snapshots")).unwrap();
    let families = ["role-upgrade", "scope-upgrade", "metadata-upgrade"];
    let ran = test_folder
        .clawcheck(&[&["run", "--gateway", "ours.yaml", "--report", "json=report.json"], &families[..]].concat());
    let listed =
        test_folder.clawcheck(&[&["list", "--gateway", "ours.yaml", "--format", "json"], &families[..]].concat());
    let report: Value = serde_json::from_slice(&std::fs::read(test_folder.path("report.json")).unwrap()).unwrap();
    let list: Value = serde_json::from_str(&listed.out).unwrap();
    assert_eq!(not_played(&list, "plan"), not_played(&report, "verdict"), "{}{}", ran.out, ran.err);
    assert!(listed.out.contains("the records that connections create lead to other answers"), "{}", listed.out);
}
