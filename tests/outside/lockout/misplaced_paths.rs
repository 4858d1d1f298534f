//! A folder or a file that is not a state directory, and a state directory without a pairing store.

use crate::harness::{SCENARIO, TestFolder};
use crate::lockout::state_dir::{put, state};
use rstest::rstest;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

/// The words of a message, which is wrapped.
fn words(text: &str) -> String {
    text.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}

#[rstest]
#[case::explain(&["explain"])]
#[case::doctor(&["doctor"])]
#[case::capture(&["capture", "-o", "out"])]
#[case::run(&["run", "scenarios"])]
#[case::compare(&["compare", "embedded", "embedded@2026.4.2", "--scenarios", "scenarios"])]
fn error_names_state_directory(#[case] command: &[&str]) {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    fs::create_dir(test_folder.path("backup")).unwrap();
    fs::rename(test_folder.path("state"), test_folder.path("backup/monday")).unwrap();
    let inside = "pass the state directory: backup/monday";
    for (path, help) in [
        ("backup", "pass backup/monday"),
        ("backup/monday/devices", inside),
        ("backup/monday/devices/paired.json", inside),
        ("backup/monday/openclaw.json", inside),
        ("home", "its service sets in OPENCLAW_STATE_DIR"),
        ("nowhere", "its service sets in OPENCLAW_STATE_DIR"),
    ] {
        let ended = test_folder.clawcheck(&[command, &["--state-dir", path]].concat());
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{path}: {}", ended.err);
        assert!(words(&ended.err).contains(help), "{path}: {}", ended.err);
    }
}

/// A path that leads nowhere, and a path that leads out of a state directory.
#[test]
fn error_names_reason_of_unusable_path() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    std::os::unix::fs::symlink("nowhere", test_folder.path("link")).unwrap();
    fs::create_dir(test_folder.path("locked")).unwrap();
    fs::set_permissions(test_folder.path("locked"), fs::Permissions::from_mode(0o000)).unwrap();
    let mut cases = vec![
        ("link", "link is a symbolic link to a path that does not exist"),
        ("state/..", "pass state/../state"),
        (
            "state/devices/paired.json/more",
            "cannot read the state directory state/devices/paired.json/more: Not a directory",
        ),
    ];
    // Permissions do not stop root.
    if fs::read_dir(test_folder.path("locked")).is_err() {
        cases.push(("locked/.openclaw", "cannot read the state directory locked/.openclaw: Permission denied"));
    }
    for (path, message) in cases {
        let ended = test_folder.clawcheck(&["doctor", path]);
        assert_eq!(ended.code, Some(2), "{path}: {}", ended.err);
        assert!(words(&ended.err).contains(message), "{path}: {}", ended.err);
    }
    fs::set_permissions(test_folder.path("locked"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[rstest]
#[case::config(
    "state/openclaw.json",
    "this is the configuration of a gateway",
    "`clawcheck run --config state/openclaw.json`"
)]
#[case::store("state/devices/paired.json", "this is a file of a gateway's pairing store", "")]
#[case::database("state/state/openclaw.sqlite", "this is the database of a gateway", "")]
#[case::identity("state/identity/device.json", "this is the key of a gateway's own device", "")]
fn file_of_gateway_in_place_of_scenario(#[case] file: &str, #[case] kind: &str, #[case] more: &str) {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    put(&test_folder, "state/openclaw.sqlite", "SQLite format 3\0 and more");
    for command in ["run", "lint", "list"] {
        let ended = test_folder.clawcheck(&[command, file]);
        let says = words(&ended.err);
        assert_eq!(ended.code, Some(2), "{says}");
        assert!(says.contains(kind) && says.contains("`clawcheck explain --state-dir state` reads it"), "{says}");
        assert!(says.contains(more), "{says}");
    }
}

#[test]
fn file_of_store_in_place_of_configuration() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    for arguments in [&["explain", "state"][..], &["run", "scenarios"], &["doctor", "state"]] {
        let ended = test_folder.clawcheck(&[arguments, &["--config", "state/devices/paired.json"]].concat());
        let says = words(&ended.err);
        assert!(ended.code == Some(2) && says.contains("pairing store, not a configuration"), "{says}");
    }
}

/// Without a store, no device is refused or admitted because of its record.
#[test]
fn configuration_without_store_is_reported() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    fs::create_dir(test_folder.path("alone")).unwrap();
    fs::copy(test_folder.path("state/openclaw.json"), test_folder.path("alone/openclaw.json")).unwrap();
    for (arguments, code) in
        [(&["doctor", "alone"][..], 1), (&["explain", "alone"], 0), (&["capture", "alone", "-o", "out"], 0)]
    {
        let ended = test_folder.clawcheck(arguments);
        assert_eq!(ended.code, Some(code), "{}{}", ended.out, ended.err);
        assert!(ended.out.contains("there is no pairing store here"), "{}", ended.out);
        assert!(ended.out.contains("~/.openclaw of the user who runs it"), "{}", ended.out);
    }
    // The store is one level below.
    fs::rename(test_folder.path("state"), test_folder.path("alone/.openclaw")).unwrap();
    let ended = test_folder.clawcheck(&["doctor", "alone"]);
    assert!(ended.out.contains("a store is in alone/.openclaw"), "{}", ended.out);
}

/// Only the contents tell whether a file is a configuration.
#[test]
fn configuration_has_any_name() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    fs::copy(test_folder.path("state/openclaw.json"), test_folder.path("device.json")).unwrap();
    let explained = |config: &str| test_folder.clawcheck(&["explain", "state", "--config", config, "--format", "json"]);
    let (usual, renamed) = (explained("state/openclaw.json"), explained("device.json"));
    assert_eq!((usual.code, usual.err.as_str()), (renamed.code, renamed.err.as_str()));
    assert_ne!(renamed.code, Some(2), "{}", renamed.err);
}
