//! Cases on a shared gateway observe the same as on their own gateway. Unreliable observations are made again.
//!
//! The gateway is `clawcheck serve` as an ordinary program, either directly or behind a script that disturbs it. The
//! script disturbs the gateway only if several cases have records in the store.

use crate::harness::TestFolder;
use serde_json::Value;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

/// One case whose client is admitted, one that leaves a pending request, and one that lists the requests.
const THREE: &str = "\
scenario: Three that can share
matrix:
  via: [direct, nginx, ssh-tunnel]
steps:
  - connect: { device: laptop, role: operator, scopes: [operator.admin] }
    as: laptop
    expect: hello
  - connect: { device: phone, role: node, via: '${via}' }
  - list: { by: laptop }
";

/// A gateway whose script runs these lines before `serve`.
fn description(test_folder: &TestFolder, before: &str) -> String {
    let serve = env!("CARGO_BIN_EXE_clawcheck");
    let script = test_folder.path("gateway.sh");
    let run = format!("exec {serve} serve --release 2026.4.2 --port $1 --state-dir $2 --config $3");
    std::fs::write(&script, format!("#!/bin/sh\nPAIRED=$2/devices/paired.json\n{before}\n{run}\n")).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let file = test_folder.path("gateway.yaml");
    let text = "gateway: spoilt\nabout: serve behind a script\nclaims: 2026.4.2\ncommand: \"{here}/gateway.sh\"\n\
                args: [\"{port}\", \"{state-dir}\", \"{config}\"]\nready: connect\n";
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

struct Report(Value);

impl Report {
    /// Plays scenarios and reads the report.
    fn of(test_folder: &TestFolder, arguments: &[&str]) -> (Self, String) {
        let file = test_folder.path("report.json");
        let report = format!("json={}", file.to_str().unwrap());
        let ran = test_folder.clawcheck(&[&["run", "--report", &report], arguments].concat());
        let text = std::fs::read_to_string(file).unwrap_or_else(|_| panic!("{}{}", ran.out, ran.err));
        (Self(serde_json::from_str(&text).unwrap()), ran.out)
    }

    fn observations(&self) -> BTreeMap<String, Value> {
        let cases = self.0["cases"].as_array().unwrap().iter();
        cases.map(|case| (case["id"].as_str().unwrap().to_owned(), case["observation"].clone())).collect()
    }

    fn on(&self, boot: &str) -> u64 {
        let cases = self.0["cases"].as_array().unwrap().iter();
        cases.filter(|case| case["boot"] == boot && !case["observation"].is_null()).count() as u64
    }

    fn boots(&self, what: &str) -> u64 {
        self.0["boots"][what].as_u64().unwrap()
    }
}

#[test]
fn shared_corpus_equals_isolated_corpus() {
    let test_folder = TestFolder::new(THREE);
    let served = description(&test_folder, "");
    let (shared, out) = Report::of(&test_folder, &["--gateway", &served]);
    let (alone, _) = Report::of(&test_folder, &["--gateway", "embedded@2026.4.2", "--isolation", "case"]);
    assert_eq!((&shared.0["isolation"], &alone.0["isolation"]), (&"shared".into(), &"case".into()));
    let (together, apart) = (shared.observations(), alone.observations());
    for (id, observation) in together.iter().filter(|(_, observation)| !observation.is_null()) {
        assert_eq!(observation, &apart[id], "{id}");
    }
    assert_eq!(shared.on("rerun"), 0, "no case had to be played again");
    assert!(shared.0["boots"]["given_up"].as_array().unwrap().is_empty(), "{}", shared.0["boots"]);
    // Sharing saves all starts but a few for each configuration. The starts made and saved add up to the number without
    // sharing.
    let (made, saved, on_shared) = (shared.boots("made"), shared.boots("saved"), shared.on("shared"));
    assert!(on_shared > 100 && saved > 100 && saved < on_shared, "{on_shared} {}", shared.0["boots"]);
    let (once, _) =
        Report::of(&test_folder, &["--gateway", &served, "--isolation", "case", "--filter", "proxied-loopback"]);
    assert_eq!((once.boots("saved"), once.boots("made")), (0, once.on("own")));
    assert!(out.contains(&format!("gateway starts: {made} made, {saved} saved")), "{out}");
}

#[test]
fn shared_starts_and_reruns() {
    let test_folder = TestFolder::new(THREE);
    let good = description(&test_folder, "");
    let (shared, _) = Report::of(&test_folder, &["scenarios", "--gateway", &good]);
    assert_eq!((shared.boots("made"), shared.boots("saved"), shared.on("shared")), (1, 2, 3), "{}", shared.0);
    // Before the start, the store contains only two sentinel records. The script uses this to recognize a shared
    // gateway.
    for (spoil, says) in [
        ("grep -q node-host $PAIRED && echo '{}' > $PAIRED", "the record of a sentinel"),
        ("grep -q node-host $PAIRED && exit 3", "ended with exit code 3"),
        ("grep -q node-host $PAIRED && echo '[]' > $PAIRED", "something other than records"),
    ] {
        let spoilt = description(&test_folder, spoil);
        let (again, out) = Report::of(&test_folder, &["scenarios", "--gateway", &spoilt]);
        assert_eq!((again.boots("made"), again.boots("saved"), again.on("rerun")), (4, 0, 3), "{spoil}: {}", again.0);
        assert!(again.0["boots"]["given_up"][0].as_str().unwrap().contains(says), "{}", again.0["boots"]);
        assert!(out.contains("cases of a shared gateway played again alone: 3 cases"), "{out}");
        assert_eq!(again.observations(), shared.observations(), "{spoil}");
    }
}

#[test]
fn crash_of_shared_gateway() {
    let test_folder = TestFolder::new(THREE);
    let good = description(&test_folder, "");
    let (shared, _) = Report::of(&test_folder, &["scenarios", "--gateway", &good]);
    // The gateway ends as soon as the first case has left its request, and before that only if the store contains only
    // sentinel records.
    let dies = "if grep -q node-host $PAIRED; then\n\
                (until grep -q deviceId $2/devices/pending.json 2>/dev/null; do :; done; kill -9 $$) &\nfi";
    let (again, out) = Report::of(&test_folder, &["scenarios", "--gateway", &description(&test_folder, dies)]);
    assert_eq!(again.on("rerun"), 3, "{}", again.0);
    assert!(
        out.contains(
            "cases of a shared gateway played again alone: 3 cases, since the shared gateway exited unexpectedly ("
        ),
        "{out}"
    );
    assert_eq!(again.observations(), shared.observations());
}

#[test]
fn deviating_case_is_rerun_alone() {
    let locked_out = "store: { paired: { laptop: { scopes: [operator.read], tokens: {} } } }\n";
    let test_folder =
        TestFolder::new(&THREE.replace("steps:", &format!("{locked_out}steps:")).replace("    expect: hello\n", ""));
    // A release that does not know a role of such a record behind one that does: the observation is neither approved
    // nor predicted.
    let file = description(&test_folder, "");
    let script = std::fs::read_to_string(test_folder.path("gateway.sh")).unwrap();
    std::fs::write(test_folder.path("gateway.sh"), script.replace("2026.4.2", "2026.3.31")).unwrap();
    let (report, _) = Report::of(&test_folder, &["scenarios", "--gateway", &file]);
    assert_eq!((report.on("rerun"), report.boots("made"), report.boots("saved")), (3, 4, 0), "{}", report.0);
    assert_eq!(report.0["summary"]["deviates"], 3);
}

#[test]
fn attached_gateway_rejects_isolation() {
    let test_folder = TestFolder::new(THREE);
    let ran = test_folder.clawcheck(&["run", "scenarios", "--gateway", "ws://127.0.0.1:1", "--isolation", "case"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("--isolation applies only to gateways that clawcheck starts"), "{}", ran.err);
}

#[test]
fn failed_start_is_reported_once() {
    let test_folder = TestFolder::new(THREE);
    let file = description(&test_folder, "echo the port has no name; exit 3");
    let (report, out) = Report::of(&test_folder, &["scenarios", "--gateway", &file, "--isolation", "shared"]);
    assert_eq!(out.matches("the port has no name").count(), 1, "{out}");
    assert!(out.contains("starts in a row failed the same way: the gateway ended with exit code 3"), "{out}");
    let cases = report.0["cases"].as_array().unwrap();
    let explained = cases.iter().filter(|case| case["reason"].as_str().unwrap().contains("the port has no name"));
    assert_eq!((cases.len(), explained.count()), (3, 1), "{cases:#?}");
    // No case was played, and none was played again.
    assert!(!out.contains("played again alone"), "{out}");
}
