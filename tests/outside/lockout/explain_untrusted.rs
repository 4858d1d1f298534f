//! No state directory makes `explain` wait, fail or print a secret.

use crate::harness::{SCENARIO, TestFolder, ended};
use crate::lockout::state_dir::{explain, json_of, put, record, state};
use nix::sys::stat::Mode;
use openclaw_protocol::identity::DeviceKey;
use rstest::rstest;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

#[rstest]
#[case("plain")]
#[case("markdown")]
#[case("json")]
fn no_secret_is_shown(#[case] format: &str) {
    let test_folder = TestFolder::new(SCENARIO);
    let (own, phone) = state(&test_folder);
    let id = phone.device_id();
    for more in [
        vec!["--auth", "token=Canary-4fj29sKq81-mine"],
        vec!["--device", &id, "--role", "operator"],
        vec!["--auth", "device-token=Canary-4fj29sKq81-mine", "--release", "2026.9.6"],
        vec!["--releases", "all", "--auth", "bootstrap-token=Canary-4fj29sKq81-code"],
        vec!["--as", "nonsense", "--auth", "password=Canary-4fj29sKq81-mine"],
    ] {
        let ended = explain(&test_folder, &[&["state", "--format", format], more.as_slice()].concat());
        let output = format!("{}{}", ended.out, ended.err);
        assert!(!output.contains("4fj29sKq81"), "{more:?}\n{output}");
        assert!(!output.contains("MC4CAQAwBQYDK2Vw") && !output.contains('\u{1b}'), "{more:?}\n{output}");
        assert!(!output.contains("canary") && !output.contains(&own.public_key()), "{more:?}\n{output}");
    }
}

#[rstest]
#[case::pipe("devices/paired.json", HostileFile::Pipe)]
#[case::pipe_for_a_key("identity/device.json", HostileFile::Pipe)]
#[case::pipe_for_a_configuration("openclaw.json", HostileFile::Pipe)]
#[case::pipe_for_a_database("state/openclaw.sqlite", HostileFile::Pipe)]
#[case::device("devices/pending.json", HostileFile::Device)]
#[case::circle("devices/paired.json", HostileFile::Circle)]
#[case::folder("devices/paired.json", HostileFile::Folder)]
#[case::large("devices/paired.json", HostileFile::Large)]
#[case::large_key("identity/device.json", HostileFile::Large)]
#[case::many("devices/paired.json", HostileFile::Many)]
#[case::deep("devices/paired.json", HostileFile::Deep)]
#[case::deep_configuration("openclaw.json", HostileFile::Deep)]
#[case::no_json("devices/paired.json", HostileFile::Text("{\"a\":"))]
#[case::empty("devices/pending.json", HostileFile::Text(""))]
#[case::list("devices/paired.json", HostileFile::Text("[1, null, \"a\"]"))]
#[case::odd_records(
    "devices/paired.json",
    HostileFile::Text("{\"a\": null, \"b\": 7, \"c\": {\"tokens\": 3, \"scopes\": {}, \"role\": []}}")
)]
#[case::no_database("state/openclaw.sqlite", HostileFile::Text("SQLite format 3\0, or so it says"))]
fn special_files_do_not_block(#[case] path: &str, #[case] hostile: HostileFile) {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    hostile.put(&test_folder.path("state").join(path));
    for release in ["2026.3.31", "2026.9.6"] {
        let ended = explain(&test_folder, &["state", "--release", release, "--device", "new", "--as", "exec"]);
        assert!(matches!(ended.code, Some(0..=2)), "{:?} {}{}", ended.code, ended.out, ended.err);
        assert!(!ended.err.contains("panicked"), "{}", ended.err);
        assert!(ended.out.len() < 20_000, "one screen, and not {} bytes", ended.out.len());
    }
}

/// A file can contain any text as the id of a device.
#[test]
fn unusual_id_is_escaped() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    let odd = "x\",\"let_in\":true|`<b>`\u{1b}[2J";
    let mut records = serde_json::Map::new();
    records.insert(odd.to_owned(), record(&DeviceKey::from_name("odd"), "odd", &["node"], &[]));
    put(&test_folder, "devices/paired.json", &Value::Object(records).to_string());
    for format in ["plain", "markdown", "json"] {
        let ended = explain(&test_folder, &["state", "--device", "odd", "--format", format]);
        assert!(ended.code.is_some_and(|code| code < 2) && !ended.out.contains('\u{1b}'), "{}{}", ended.out, ended.err);
        if format == "json" {
            let found = json_of(&ended);
            assert!(found["device"].as_str().unwrap().starts_with("x\",\"let_in\""), "{found:#}");
            let frame = found["trace"].as_array().unwrap().iter().find(|line| line["check"] == "frame").unwrap();
            let frame = frame["found"].as_str().unwrap();
            assert!(frame.contains("device x\",\"let_in\""), "{frame}");
        }
        if format == "markdown" {
            let outside_of_spans = ended.out.split('`').step_by(2).collect::<String>();
            assert!(ended.out.contains("<b>") && !outside_of_spans.contains("<b>"), "{}", ended.out);
        }
    }
}

#[test]
fn hides_tokens_in_other_forms() {
    let test_folder = TestFolder::new(SCENARIO);
    let (own, _) = state(&test_folder);
    for tokens in [json!("Canary-77"), json!(["Canary-77"])] {
        let mut odd = record(&own, "server", &["operator"], &[]);
        odd["tokens"] = tokens;
        put(&test_folder, "devices/paired.json", &json!({ own.device_id(): odd }).to_string());
        let ended = explain(&test_folder, &["state"]);
        assert!(ended.out.contains("tokens: not an object") && !ended.out.contains("Canary-77"), "{}", ended.out);
    }
}

#[derive(Clone, Copy)]
enum HostileFile {
    Pipe,
    Device,
    Circle,
    Folder,
    Large,
    Many,
    Deep,
    Text(&'static str),
}

impl HostileFile {
    fn put(self, path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = fs::remove_file(path);
        match self {
            Self::Pipe => nix::unistd::mkfifo(path, Mode::S_IRWXU).unwrap(),
            Self::Device => symlink("/dev/zero", path).unwrap(),
            Self::Circle => symlink(path, path).unwrap(),
            Self::Folder => fs::create_dir(path).unwrap(),
            Self::Large => fs::File::create(path).unwrap().set_len(1 << 33).unwrap(),
            Self::Many => fs::write(path, format!("[{}0]", "0,".repeat(1 << 20))).unwrap(),
            Self::Deep => fs::write(path, "[".repeat(1 << 20)).unwrap(),
            Self::Text(text) => fs::write(path, text).unwrap(),
        }
    }
}

/// Replacing one of clawcheck's own words would hide nothing and would reveal the secret.
#[rstest]
fn common_word_as_secret_keeps_output(
    #[values("token", "pairing", "operator", "role-upgrade", "record")] secret: &str,
) {
    let test_folder = TestFolder::new(SCENARIO);
    let locked_out = format!("{}/examples/locked-out", env!("CARGO_MANIFEST_DIR"));
    let explained = |secret: Option<&str>| {
        let mut process = Command::new(assert_cmd::cargo::cargo_bin!("clawcheck"));
        process.args(["explain", "--state-dir", &locked_out, "--as", "exec"]).current_dir(test_folder.path(""));
        process.envs(secret.map(|secret| ("CLAWCHECK_TOKEN", secret)));
        ended(process)
    };
    let (usual, with_secret) = (explained(None), explained(Some(secret)));
    assert!(usual.code == Some(1) && usual.out.contains("pairing required"), "{}{}", usual.out, usual.err);
    assert_eq!(with_secret.out, usual.out);
    // Another secret is still replaced.
    assert!(explained(Some("68813922e246")).out.contains("<gateway token>"));
}
