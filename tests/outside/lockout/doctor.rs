//! `clawcheck doctor`: what it finds in a state directory.

use crate::harness::{SCENARIO, TestFolder, ended};
use crate::lockout::state_dir::{json_of, put, state};
use openclaw_model::known_releases;
use openclaw_protocol::identity::DeviceKey;
use serde_json::{Value, json};
use std::fs;
use std::process::Command;

#[test]
fn doctor_findings() {
    let test_folder = TestFolder::new(SCENARIO);
    let (own, phone) = state(&test_folder);
    fs::remove_file(test_folder.path("state/devices/bootstrap.json")).unwrap();
    let doctor = |arguments: &[&str]| {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("clawcheck"));
        command
            .args([&["doctor", "state"], arguments].concat())
            .current_dir(test_folder.path(""))
            .env("HOME", test_folder.path("home"));
        ended(command)
    };
    let clean = doctor(&[]);
    assert_eq!(clean.code, Some(0), "{}", clean.out);
    let mut paired: Value =
        serde_json::from_slice(&fs::read(test_folder.path("state/devices/paired.json")).unwrap()).unwrap();
    paired[own.device_id()]["tokens"] = json!({});
    paired[phone.device_id()]["requestId"] = json!("copied by hand");
    put(&test_folder, "devices/paired.json", &paired.to_string());
    put(&test_folder, "devices/pending.json", "{");
    let odd = doctor(&["--format", "json"]);
    assert_eq!(odd.code, Some(1));
    let found = json_of(&odd);
    let has = |record: Option<&str>, what: &str, release: &str| {
        let findings = found["findings"].as_array().unwrap();
        let about = findings.iter().filter(|finding| finding["what"].as_str().unwrap().contains(what));
        let mut about = about.filter(|finding| finding["record"].as_str() == record);
        about.any(|finding| release.is_empty() || finding["releases"].as_array().unwrap().contains(&json!(release)))
    };
    let (own, phone) = (own.device_id(), phone.device_id());
    assert!(has(Some(&own), "has no role in effect: `tokens` is empty", "2026.3.31"), "{found:#}");
    assert!(!has(Some(&own), "has no role in effect", "2026.4.2"), "{found:#}");
    assert!(has(Some(&phone), "looks like a pending request", ""), "{found:#}");
    // A release with a database drops pending requests, so nothing reads them before.
    assert!(!has(None, "does not start", "2026.9.6"), "{found:#}");
    assert!(has(None, "overwritten", "2026.4.2") && has(None, "closes every connection", "2026.6.11"), "{found:#}");
    assert!(!odd.out.contains("4fj29sKq81"), "{}", odd.out);
    put(&test_folder, "devices/paired.json", "{");
    let found = json_of(&doctor(&["--format", "json"]));
    let refuses = |release: &str| {
        let findings = found["findings"].as_array().unwrap();
        let mut starts =
            findings.iter().filter(|finding| finding["what"].as_str().unwrap().starts_with("does not start"));
        starts.any(|finding| finding["releases"].as_array().unwrap().contains(&json!(release)))
    };
    assert!(refuses("2026.9.6") && !refuses("2026.4.2"), "{found:#}");
    // The other files are still looked at.
    put(&test_folder, "openclaw.json", "{ gateway: { mode: 'local' ");
    let broken = doctor(&[]);
    let config = "  openclaw.json: does not start: invalid JSON5 at line 1, column ";
    assert!(broken.code == Some(1) && broken.out.contains(config), "{}{}", broken.out, broken.err);
    assert!(broken.out.contains("  devices/paired.json: "), "{}", broken.out);
}

/// From 2026.4.15 on, a client on the gateway's machine is let in although its record has no role.
#[test]
fn record_without_role_names_affected_clients() {
    let test_folder = TestFolder::new(SCENARIO);
    let (own, _) = state(&test_folder);
    let path = test_folder.path("state/devices/paired.json");
    let mut paired: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    paired[own.device_id()]["tokens"] = json!({});
    put(&test_folder, "devices/paired.json", &paired.to_string());
    let found = json_of(&test_folder.clawcheck(&["doctor", "state", "--format", "json"]));
    let about = |release: &str| {
        let mut findings = found["findings"].as_array().unwrap().iter();
        let is_about = |finding: &&Value| {
            finding["what"].as_str().unwrap().starts_with("has no role in effect")
                && finding["releases"].as_array().unwrap().contains(&json!(release))
        };
        findings.find(is_about).map(|finding| finding["what"].as_str().unwrap().to_owned())
    };
    assert!(about("2026.3.31").unwrap().ends_with("; its clients are refused (role-upgrade)"), "{found:#}");
    assert!(about("2026.4.2").is_none(), "{found:#}");
    for (release, arguments, code) in [
        ("2026.3.31", &[][..], 1),
        ("2026.4.15", &[], 0),
        ("2026.4.15", &["--via", "nginx"], 1),
        ("2026.6.11", &[], 0),
        ("2026.6.11", &["--peer", "203.0.113.7"], 1),
    ] {
        if code == 0 {
            let what = about(release).unwrap();
            assert!(what.contains("on other machines are refused (role-upgrade)"), "{what}");
        }
        let client = ["explain", "state", "--scopes", "operator.read", "--release", release];
        let explained = test_folder.clawcheck(&[&client[..], arguments].concat());
        assert_eq!(explained.code, Some(code), "{release} {arguments:?} {}", explained.out);
    }
}

/// The `openclaw` command is always an operator, and the directory of a gateway can come from another platform.
#[test]
fn record_differs_from_its_client() {
    let test_folder = TestFolder::new(SCENARIO);
    let (own, phone) = state(&test_folder);
    let path = test_folder.path("state/devices/paired.json");
    let mut paired: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    paired[own.device_id()]["platform"] = json!("darwin");
    paired[phone.device_id()]["clientId"] = json!("cli");
    paired[phone.device_id()]["clientMode"] = json!("cli");
    put(&test_folder, "devices/paired.json", &paired.to_string());
    let found = json_of(&test_folder.clawcheck(&["doctor", "state", "--format", "json"]));
    let releases = |key: &DeviceKey, what: &str| {
        let findings = found["findings"].as_array().unwrap().iter();
        let about = findings.filter(|finding| finding["record"] == key.device_id());
        let mut about = about.filter(|finding| finding["what"].as_str().unwrap().contains(what));
        let finding = about.next().unwrap_or_else(|| panic!("{found:#}"));
        let releases = finding["releases"].as_array().unwrap().iter().map(|release| release.as_str().unwrap());
        releases.map(str::to_owned).collect::<Vec<_>>()
    };
    let on = |client: &[&str], release: &str, reason: &str| {
        let arguments = [&["explain", "state", "--format", "json", "--release", release], client].concat();
        json_of(&test_folder.clawcheck(&arguments))["details"]["reason"] == reason
    };
    let roles = releases(&phone, "lacks the role operator, which its client cli requests; its clients are refused");
    let platforms = releases(&own, "has the platform `darwin`: on this machine (linux)");
    let (own, phone) = (own.device_id(), phone.device_id());
    for release in known_releases().map(|release| release.to_string()) {
        let is_refused = on(&["--device", &phone], &release, "role-upgrade");
        assert_eq!(roles.contains(&release), is_refused, "{release} {found:#}");
        let client = ["--device", &own, "--platform", "linux", "--scopes", "operator.read"];
        let is_refused = on(&client, &release, "metadata-upgrade");
        assert_eq!(platforms.contains(&release), is_refused, "{release} {found:#}");
    }
}

/// The advice of a gateway is at the end of a long line.
#[test]
fn doctor_shows_complete_advice() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    put(&test_folder, "state/openclaw.sqlite", "no database");
    fs::write(test_folder.path("other.json"), "{gateway: {mode: 'local'}}").unwrap();
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("clawcheck"));
    command
        .args(["doctor", "--state-dir", "state", "--config", "other.json"])
        .current_dir(test_folder.path(""))
        .env_clear();
    let found = ended(command);
    assert_eq!(found.code, Some(1), "{}{}", found.out, found.err);
    assert!(found.out.contains("then start it again with openclaw gateway start. (2026.9.6"), "{}", found.out);
    assert!(found.out.ends_with(": clawcheck explain --state-dir state --config other.json\n"), "{}", found.out);
}
