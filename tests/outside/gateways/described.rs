//! Gateways that a description starts: what they need, and which features they can lack.

use crate::harness::{ProgramOutput, TestFolder};
use rstest::rstest;
use serde_json::Value;
use std::collections::BTreeMap;

const CONNECT: &str = "scenario: A device connects\nsteps:\n  - connect: { device: laptop }\n    expect: hello\n";
const REFUSED: &str = "scenario: A wrong token is refused\nsteps:\n  - connect: { device: none, auth: { token: wrong } }\n    expect: refused\n";
const SEEDED: &str =
    "scenario: A paired device connects\nstore: { paired: { laptop: {} } }\nsteps:\n  - connect: { device: laptop }\n";
const FORGED: &str = "scenario: A forged proof is refused\nsteps:\n  - connect: { device: laptop, proof: { signature: damaged } }\n    expect: refused\n";

/// A folder with these scenarios, by name, and a description of `clawcheck serve` with additional lines.
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

/// A folder with a gateway whose command is this shell script, and additional lines. `$SERVE` starts `clawcheck serve`.
fn scripted(script: &str, more: &str) -> TestFolder {
    let test_folder = TestFolder::new(CONNECT);
    let binary = assert_cmd::cargo::cargo_bin!("clawcheck").display().to_string();
    let serve = "serve --release 2026.4.2 --port {port} --state-dir {state-dir} --config {config}";
    let description = format!(
        "gateway: ours\nabout: clawcheck serve\nclaims: 2026.4.2\ncommand: sh\nargs: [-c, '{script}']\n\
         env: {{ SERVE: \"{binary} {serve}\", HERE: \"{{here}}\" }}\n{more}"
    );
    std::fs::write(test_folder.path("ours.yaml"), description).unwrap();
    test_folder
}

#[test]
fn description_reaches_gateway() {
    let more = "\
files: { \"{home}/.x/config.json\": '{\"port\": {port}, \"next\": {port+1}, \"brace\": {}}' }
before: [sh, -c, 'cp $HOME/.x/config.json $HERE/config; echo $PASSED $NOT_PASSED > $HERE/passed; echo $1 > $HERE/port', x, \"{port}\"]
stop: [sh, -c, 'echo asked > $HERE/stopped; kill $(cat $HERE/pid)']
ready: { http: /health }
pass-env: [PASSED, NEVER_SET]
";
    let test_folder = scripted("echo $$ > $HERE/pid; exec $SERVE", more);
    let mut command = test_folder.command(&["run", "scenarios", "--gateway", "ours.yaml", "--deny", "skipped"]);
    let output = command.env("PASSED", "a-secret-of-the-caller").env("NOT_PASSED", "x").output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    // The observation has no snapshot. This test does not check that.
    assert!(out.contains("no snapshot is approved"), "{out}{}", String::from_utf8_lossy(&output.stderr));
    let read = |name: &str| std::fs::read_to_string(test_folder.path(name)).unwrap();
    let config: Value = serde_json::from_str(&read("config").replace("{}", "null")).unwrap();
    let port: u64 = read("port").trim().parse().unwrap();
    assert_eq!((&config["port"], &config["next"]), (&port.into(), &(port + 1).into()));
    assert_eq!(read("passed"), "a-secret-of-the-caller\n", "only what is named is passed on");
    assert_eq!(read("stopped"), "asked\n");
    assert!(out.contains("`pass-env` lists NEVER_SET"), "{out}");
    test_folder.leaves_nothing();
}

#[rstest]
#[case::fails("before: [sh, -c, 'echo no room; exit 7']", "the `before` command `sh` ended with exit code 7")]
#[case::says_why("before: [sh, -c, 'echo no room; exit 7']", "no room")]
#[case::not_there("before: [\"{here}/missing\"]", "missing` was not found")]
#[case::hangs("before: [sleep, \"600\"]\ntimeouts: { start: 2s }", "did not exit in time")]
#[case::never_ready("ready: { http: /no-such-page }\ntimeouts: { start: 2s }", "HTTP 404 for GET /no-such-page")]
#[case::secret("pass-env: [PASSED]\nbefore: [sh, -c, 'echo key $PASSED; exit 7']", "key <PASSED>")]
fn failed_start_shows_reason(#[case] more: &str, #[case] says: &str) {
    let test_folder = scripted("exec $SERVE", &format!("{more}\n"));
    let mut command = test_folder.command(&["run", "scenarios", "--gateway", "ours.yaml"]);
    let output = command.env("PASSED", "a-secret-of-the-caller").output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(out.contains(says), "{out}{}", String::from_utf8_lossy(&output.stderr));
    assert!(!out.contains("a-secret-of-the-caller"), "{out}");
    test_folder.leaves_nothing();
}

#[rstest]
#[case::file("ln -sf $HERE/theirs $HOME/.x/config.json", "`home/.x/config.json` is a symbolic link")]
#[case::folder("rm -r $HOME/.x; ln -s $HERE $HOME/.x", "`home/.x` is a symbolic link")]
#[case::home("rm -r home; ln -s $HERE home", "`home` is a symbolic link")]
#[case::temporary_files("rm -r tmp; ln -s $HERE tmp", "`tmp` is a symbolic link")]
#[case::configuration("mv openclaw.json mine; ln -s mine openclaw.json", "`openclaw.json` is a symbolic link")]
fn restart_does_not_follow_links(#[case] replace: &str, #[case] says: &str) {
    let more = "files: { \"{home}/.x/config.json\": ours }\n";
    let test_folder = scripted(&format!("{replace}; exec $SERVE"), more);
    let restarted = "scenario: It restarts\nsteps:\n  - open: {}\n  - restart: {}\n  - open: {}\n";
    std::fs::write(test_folder.path("scenarios/family/case.yaml"), restarted).unwrap();
    for name in ["theirs", "config.json"] {
        std::fs::write(test_folder.path(name), "{}").unwrap();
    }
    let ended = test_folder.clawcheck(&["run", "scenarios", "--gateway", "ours.yaml"]);
    assert!(ended.out.contains(says), "{}{}", ended.out, ended.err);
    for name in ["theirs", "config.json"] {
        assert_eq!(std::fs::read_to_string(test_folder.path(name)).unwrap(), "{}", "{name}");
    }
    test_folder.leaves_nothing();
}

#[test]
fn probe_hides_passed_variables() {
    let test_folder = scripted("echo key $PASSED; exit 7", "pass-env: [PASSED]\n");
    let mut command = test_folder.command(&["probe", "ours.yaml"]);
    let output = command.env("PASSED", "a-secret-of-the-caller").output().unwrap();
    let out = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(out.contains("key <PASSED>") && !out.contains("a-secret-of-the-caller"), "{out}");
    test_folder.leaves_nothing();
}

#[rstest]
#[case::does_nothing("echo asked > $HERE/stopped", "6s")]
// The full stop timeout is ten minutes.
#[case::fails("echo asked > $HERE/stopped; exit 7", "10m")]
fn failed_stop_command_falls_back_to_signal(#[case] stop: &str, #[case] wait: &str) {
    let script = "$SERVE & p=$!; trap \"echo asked > $HERE/signalled; kill $p; exit 0\" TERM; wait";
    let test_folder = scripted(script, &format!("stop: [sh, -c, '{stop}']\ntimeouts: {{ stop: {wait} }}\n"));
    let began = std::time::Instant::now();
    let ended = test_folder.clawcheck(&["run", "scenarios", "--gateway", "ours.yaml"]);
    assert!(ended.out.contains("no snapshot is approved"), "{}{}", ended.out, ended.err);
    assert!(test_folder.path("stopped").exists() && test_folder.path("signalled").exists(), "{}", ended.out);
    assert!(began.elapsed() < std::time::Duration::from_secs(300));
    test_folder.leaves_nothing();
}

#[test]
fn proof_version_of_description() {
    let test_folder = described(&[], "proof: v1\n");
    let ended = test_folder.clawcheck(&["run", "scenarios", "--gateway", "ours.yaml"]);
    assert!(ended.out.contains("device signature invalid"), "2026.4.2 takes no v1: {}{}", ended.out, ended.err);
}

/// Plays all cases and returns the verdict and the reason of each case by its name.
fn play(test_folder: &TestFolder) -> (ProgramOutput, BTreeMap<String, (String, String)>) {
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
// Connections create the store of a gateway that keeps no store on disk.
#[case::store("[store]", &[])]
#[case::proofs("[proofs]", &[("forged", "proofs")])]
#[case::proofs_as_earlier("[device-proof]", &[("forged", "proofs")])]
#[case::tokens("[tokens]", &[("case", "tokens"), ("seeded", "tokens")])]
fn lacked_features_exclude_cases(#[case] lacks: &str, #[case] left_out: &[(&str, &str)]) {
    let scenarios = [("refused", REFUSED), ("seeded", SEEDED), ("forged", FORGED)];
    let test_folder = described(&scenarios, &format!("lacks: {lacks}\n"));
    // The approved snapshots show which device is paired and gets a token.
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
fn list_shows_needs_and_status() {
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
fn unknown_feature_lists_known_ones() {
    let test_folder = described(&[], "lacks: [pairng]\n");
    let (ended, _) = play(&test_folder);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    for part in ["unknown value `pairng`", "did you mean `pairing`?", "approvals", "rate-limit"] {
        assert!(ended.err.contains(part), "{part}: {}", ended.err);
    }
}
