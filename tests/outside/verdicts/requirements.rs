//! The requirements that every gateway must meet, whatever its release.

use crate::harness::TestFolder;
use crate::harness::in_process::{hello, ok, refused, sending, stand_in, write_description};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

const PAGE: &str = include_str!("../../../requirements/README.md");

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("requirements")
}

/// The ids in the table of the page.
fn ids() -> BTreeSet<String> {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    rows.map(|(id, _)| id.to_owned()).collect()
}

/// Plays the requirements on a gateway. Returns the exit code, the output and the report.
fn play(gateway: &str, arguments: &[&str]) -> (Option<i32>, String, Value) {
    let test_folder = TestFolder::new("");
    let scenarios = folder().join("scenarios").display().to_string();
    let run = ["run", &scenarios, "--gateway", gateway, "--report", "json=report.json", "--deny", "skipped"];
    let ran = test_folder.clawcheck(&[&run[..], arguments].concat());
    let report = std::fs::read(test_folder.path("report.json")).unwrap();
    (ran.code, ran.out + &ran.err, serde_json::from_slice(&report).unwrap())
}

/// The requirements that the gateway breaks.
fn broken(report: &Value) -> BTreeSet<String> {
    let causes = report["causes"].as_array().unwrap().iter();
    let ids = causes.flat_map(|cause| cause["requirements"].as_array().unwrap());
    ids.map(|id| id.as_str().unwrap().to_owned()).collect()
}

#[test]
fn releases_meet_requirements() {
    let listed = TestFolder::new("").clawcheck(&["releases", "--format", "json"]);
    let releases: Value = serde_json::from_str(&listed.out).unwrap();
    let mut with_deviations = 0;
    for release in releases["releases"].as_array().unwrap() {
        let release = release["release"].as_str().unwrap();
        let known = folder().join(format!("known/openclaw-{release}.yaml"));
        let (path, gateway) = (known.display().to_string(), format!("embedded@{release}"));
        let arguments = if known.is_file() { vec!["--known", &path] } else { vec![] };
        let (code, out, _) = play(&gateway, &arguments);
        assert_eq!(code, Some(0), "{release}: {out}");
        if known.is_file() {
            with_deviations += 1;
            let (code, out, report) = play(&gateway, &[]);
            assert_eq!(code, Some(1), "{release}: {out}");
            let text = std::fs::read_to_string(&known).unwrap();
            let listed = text.lines().filter_map(|line| line.trim().strip_prefix("requirement: "));
            assert_eq!(broken(&report), listed.map(str::to_owned).collect(), "{release}");
        }
    }
    let files = std::fs::read_dir(folder().join("known")).unwrap().count();
    assert_eq!(with_deviations, files, "a file for each release that has deviations, and no other");
}

/// The first request on a connection is the connect.
fn is_connect(id: &str) -> bool {
    id == "1"
}

#[test]
fn each_requirement_can_fail() {
    let test_folder = TestFolder::new("");
    let mut found = BTreeSet::new();
    let mut try_out = |gateway: &str, arguments: &[&str]| {
        let (code, out, report) = play(gateway, arguments);
        assert_eq!((code, &report["summary"]["error"]), (Some(1), &Value::from(0)), "{out}");
        found.extend(broken(&report));
    };
    let lets_in_all = sending(|id| vec![if is_connect(id) { hello(id, "\"n\":1") } else { ok(id, "{}") }]);
    try_out(&stand_in(&test_folder, &lets_in_all), &[]);
    let refuses_all = sending(|id| vec![refused(id, "{}", "no")]);
    try_out(&stand_in(&test_folder, &refuses_all), &[]);
    // The first client is refused, and the second one finds no request to approve.
    let connects = AtomicUsize::new(0);
    let leaves_no_request = sending(move |id| match is_connect(id) {
        true if connects.fetch_add(1, Ordering::Relaxed) == 0 => vec![refused(id, "{}", "no")],
        true => vec![hello(id, "\"n\":1")],
        false => vec![ok(id, "{}")],
    });
    try_out(&stand_in(&test_folder, &leaves_no_request), &["--filter", "requirement:APPROVABLE"]);
    let forgets_at_a_restart = format!(
        "gateway: forgetful\nabout: Loses its store.\nclaims: 2026.4.2\ncommand: {}\n\
         args: [serve, --release, 2026.4.2, --port, '{{port}}', --state-dir, '{{state-dir}}', --config, '{{config}}']\n\
         before: [rm, -rf, '{{state-dir}}/devices']\n",
        assert_cmd::cargo::cargo_bin!("clawcheck").display()
    );
    let forgetful = write_description(&test_folder, &forgets_at_a_restart);
    try_out(&forgetful, &["--filter", "requirement:PAIRED-SURVIVES-RESTART"]);
    try_out("embedded@2026.2.26", &["--filter", "requirement:PLATFORM-UPDATE-KEEPS-PAIRED"]);
    assert_eq!(found, ids());
}
