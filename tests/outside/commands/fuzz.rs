//! `fuzz`: it detects a gateway that claims another release than it implements, and the saved scenario shows the
//! difference again.

use crate::harness::TestFolder;
use std::path::PathBuf;

/// A gateway at 2026.3.31 that claims 2026.4.2, with additional lines in its description.
fn planted(test_folder: &TestFolder, more: &str) -> String {
    let program = assert_cmd::cargo::cargo_bin("clawcheck").display().to_string();
    let description = format!(
        "gateway: planted\nabout: An old release that claims to be a newer one.\nclaims: 2026.4.2\ncommand: {program}\n\
         args: [serve, --release, 2026.3.31, --port, '{{port}}', --state-dir, '{{state-dir}}', --config, '{{config}}']\n\
         config: openclaw\nready: challenge\nstore: openclaw\n{more}"
    );
    std::fs::write(test_folder.path("planted.yaml"), description).unwrap();
    "./planted.yaml".to_owned()
}

fn kept(test_folder: &TestFolder) -> Vec<PathBuf> {
    let mut kept = std::fs::read_dir(test_folder.path("kept"))
        .map(|entries| entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect::<Vec<_>>())
        .unwrap_or_default();
    kept.sort();
    kept
}

#[test]
fn release_matches_its_rules() {
    let test_folder = TestFolder::new("scenario: Nothing\nsteps: [{ open: {} }]\n");
    let ran =
        test_folder.clawcheck(&["fuzz", "--gateway", "embedded@2026.4.2", "--seed", "1", "-n", "60", "--keep", "kept"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{}", ran.out);
    assert!(ran.out.contains("seed 1: 60 stories compared"), "{}", ran.out);
    assert_eq!(kept(&test_folder), Vec::<PathBuf>::new());
    test_folder.leaves_nothing();
}

#[test]
fn finds_and_shrinks_difference() {
    let test_folder = TestFolder::new("scenario: Nothing\nsteps: [{ open: {} }]\n");
    let gateway = planted(&test_folder, "");
    let ran = test_folder.clawcheck(&["fuzz", "--gateway", &gateway, "--seed", "1", "-n", "30", "--keep", "kept"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), ""), "{}", ran.out);
    let upgrade = "differs  refused instead of let in: NOT_PAIRED PAIRING_REQUIRED role-upgrade instead of hello-ok";
    assert!(ran.out.contains(upgrade), "{}", ran.out);
    let file = kept(&test_folder).into_iter().find(|file| {
        let text = std::fs::read_to_string(file).unwrap();
        text.contains("+   <- error NOT_PAIRED PAIRING_REQUIRED role-upgrade")
    });
    let file = file.expect("the role upgrade is kept").display().to_string();
    let scenario = std::fs::read_to_string(&file).unwrap();
    let lines = scenario.lines().filter(|line| !line.starts_with('#')).count();
    assert!(lines <= 8, "one record and one connect are enough:\n{scenario}");
    assert_eq!(test_folder.clawcheck(&["lint", &file]).code, Some(0));
    let rules = test_folder.clawcheck(&["run", &file, "--gateway", "embedded@2026.4.2"]);
    assert_eq!(rules.code, Some(0), "{}", rules.out);
    let again = test_folder.clawcheck(&["run", &file, "--gateway", &gateway]);
    assert_eq!(again.code, Some(1), "{}", again.out);
    assert!(again.out.contains("the observation differs from the draft for 2026.4.2"), "{}", again.out);
    test_folder.leaves_nothing();
}

#[test]
fn lacked_features_are_no_difference() {
    let test_folder = TestFolder::new("scenario: Nothing\nsteps: [{ open: {} }]\n");
    let gateway = planted(&test_folder, "lacks: [tokens]\n");
    let ran = test_folder.clawcheck(&["fuzz", "--gateway", &gateway, "--seed", "1", "-n", "30", "--keep", "kept"]);
    let reason = "the description of the gateway lists `tokens` under `lacks`";
    let not_played = ran.out.lines().find(|line| line.starts_with("not played  ") && line.ends_with(reason));
    let stories = not_played.and_then(|line| line.split(' ').nth(3)?.parse::<usize>().ok());
    assert!(stories.is_some_and(|stories| stories > 5), "{}{}", ran.out, ran.err);
    // The rules, not only the scenario, show which device gets a token. The other stories are compared.
    assert!(!ran.out.contains("device-token <token") && !ran.out.contains(" 0 stories compared"), "{}", ran.out);
    test_folder.leaves_nothing();
}

#[test]
fn failed_start_is_error() {
    let test_folder = TestFolder::new("scenario: Nothing\nsteps: [{ open: {} }]\n");
    let description = "gateway: broken\nabout: Nothing.\nclaims: 2026.4.2\ncommand: /bin/false\nready: tcp\n";
    std::fs::write(test_folder.path("broken.yaml"), description).unwrap();
    let ran = test_folder.clawcheck(&["fuzz", "--gateway", "./broken.yaml", "--seed", "3", "-n", "4"]);
    assert_eq!(ran.code, Some(3), "{}", ran.out);
    assert!(ran.out.contains("failed  story 0: "), "{}", ran.out);
    test_folder.leaves_nothing();
}

#[cfg(unix)]
#[test]
fn ctrl_c_prints_number_of_stories() {
    let test_folder = TestFolder::new("scenario: Nothing\nsteps: [{ open: {} }]\n");
    let ran = test_folder.interrupted(&["fuzz", "--gateway", "embedded@2026.4.2", "--seed", "1", "-n", "2000"]);
    assert_eq!(ran.code, Some(130), "{}{}", ran.out, ran.err);
    let is_reported =
        ran.out.lines().any(|line| line.starts_with("interrupted after ") && line.ends_with(" of 2000 stories"));
    assert!(is_reported, "{}", ran.out);
    test_folder.leaves_nothing();
}

#[test]
fn rejects_gateway_at_url() {
    let test_folder = TestFolder::new("scenario: Nothing\nsteps: [{ open: {} }]\n");
    let ran = test_folder.clawcheck(&["fuzz", "--gateway", "ws://127.0.0.1:1"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("clawcheck did not start this gateway"), "{}", ran.err);
}
