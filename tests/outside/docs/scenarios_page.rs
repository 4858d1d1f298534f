//! The contents of `docs/scenarios.md` are correct: its examples play, its commands exit with the stated codes, its
//! mistakes give the stated errors, and it names every word of the language.

use openclaw_protocol::identity::DeviceKey;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

const PAGE: &str = include_str!("../../../docs/scenarios.md");

/// The first scenario, at the path that the page gives.
const FIRST: &str = "mine/scenarios/lockout/agent.yaml";

/// The page's commands in their order, and their exit codes. The test fails if a command is missing here or on the
/// page.
const COMMANDS: &[(&str, i32)] = &[
    ("clawcheck lint mine/scenarios", 0),
    ("clawcheck compare embedded@2026.3.31 embedded@2026.4.2 --scenarios mine/scenarios", 1),
    ("clawcheck run mine/scenarios --gateway embedded@2026.3.31", 1),
    ("clawcheck run mine/scenarios --gateway embedded@2026.4.2", 0),
    ("mkdir mine/snapshots", 0),
    ("clawcheck run mine/scenarios --gateway embedded@2026.4.2", 1),
    ("clawcheck review --snapshots mine/snapshots", 0),
    ("clawcheck accept lockout/agent --snapshots mine/snapshots", 0),
    ("clawcheck run mine/scenarios --gateway embedded@2026.4.2", 0),
];

/// The texts between a fence and the next one.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    PAGE.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// An example as a complete file. The page leaves out titles, and steps where they do not matter.
fn whole(example: &str) -> String {
    let has = |key: &str| example.lines().any(|line| line.starts_with(key));
    let title = if has("scenario:") { "" } else { "scenario: An example\n" };
    let steps = if has("steps:") { "" } else { "steps:\n  - restart: {}\n" };
    format!("{title}{example}{steps}")
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn run(command: &str, folder: &Path) -> Output {
    let mut words = command.split(' ');
    let program = match words.next().unwrap() {
        "clawcheck" => assert_cmd::cargo::cargo_bin!("clawcheck"),
        other => Path::new(other),
    };
    Command::new(program).args(words).current_dir(folder).output().unwrap()
}

/// The private key of RFC 8410, section 10.3.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";

/// A state directory as a release writes it, with a device whose record has these tokens.
fn write_state(folder: &Path, tokens: &str) {
    let key = DeviceKey::from_pem(KEY).unwrap();
    let (id, public) = (key.device_id(), key.public_key());
    let identity = json!({ "version": 1, "deviceId": id, "privateKeyPem": KEY });
    write(&folder.join("identity/device.json"), &identity.to_string());
    let tokens: Value = serde_json::from_str(tokens).unwrap();
    let yesterday = SystemTime::now() - Duration::from_secs(86_400);
    let yesterday = u64::try_from(yesterday.duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let record = json!({ "deviceId": id, "publicKey": public, "platform": "linux", "clientId": "cli", "clientMode": "cli",
        "role": "operator", "roles": ["operator"], "scopes": ["operator.read"], "approvedScopes": ["operator.read"],
        "tokens": tokens, "createdAtMs": yesterday, "approvedAtMs": yesterday });
    write(&folder.join("devices/paired.json"), &json!({ id: record }).to_string());
}

/// A copied state directory shows the user's own lock-out, and no written file contains a token of the user.
#[test]
fn state_directory_with_own_device() {
    let folder = TempDir::new().unwrap();
    let example = blocks("yaml").into_iter().find(|example| example.contains("identity:")).unwrap();
    write(&folder.path().join("page/own.yaml"), &whole(example));
    fs::create_dir(folder.path().join("snapshots")).unwrap();
    let seen = |release: &str| {
        let play = format!("clawcheck run page --gateway embedded@{release} --snapshots snapshots");
        assert_eq!(run(&play, folder.path()).status.code(), Some(1), "nothing is approved");
        let waits = folder.path().join(format!("snapshots/page/own@{release}.snap.new"));
        fs::read_to_string(waits).unwrap()
    };
    let token = "n3y2xT42mAskDEEaOSsAHrQ5um2iKjS87w86GVUUlQc";
    let good =
        json!({ "operator": { "token": token, "role": "operator", "scopes": ["operator.read"], "createdAtMs": 1 } });
    write_state(&folder.path().join("page/my-state"), &good.to_string());
    let text = seen("2026.4.2");
    assert!(text.matches("<- hello-ok").count() == 2 && !text.contains(token), "{text}");
    assert!(text.contains("\n  me  ") && !text.contains("me  new"), "the record was there before: {text}");
    write_state(&folder.path().join("page/my-state"), "{}");
    let text = seen("2026.3.31");
    assert!(text.contains("PAIRING_REQUIRED role-upgrade") && text.contains("\n  me  "), "{text}");
}

/// The whole output of a command.
fn output_of(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn examples_can_be_played() {
    let folder = TempDir::new().unwrap();
    let examples = blocks("yaml");
    assert!(examples.len() > 10);
    for (number, example) in examples.iter().enumerate() {
        write(&folder.path().join(format!("page/example-{number}.yaml")), &whole(example));
    }
    write(&folder.path().join("page/old-state/devices/notes.txt"), "from an older life");
    let config = json!({ "gateway": { "mode": "local", "auth": { "mode": "token", "token": "from the file" } } });
    write(&folder.path().join("page/openclaw.json"), &config.to_string());
    write_state(&folder.path().join("page/my-state"), "{}");
    fs::create_dir(folder.path().join("snapshots")).unwrap();
    let play = || run("clawcheck run page --gateway embedded@2026.4.2 --snapshots snapshots", folder.path());
    for command in ["lint page", "list page"] {
        let output = run(&format!("clawcheck {command}"), folder.path());
        assert!(output.status.success(), "{}", output_of(&output));
    }
    // At first, no snapshot is approved. An observation that does not meet the expectations is not saved for approval.
    play();
    let accepted = run("clawcheck accept --all --snapshots snapshots", folder.path());
    assert!(accepted.status.success(), "{}", output_of(&accepted));
    let again = play();
    assert!(again.status.success(), "{}", output_of(&again));
}

#[test]
fn page_commands() {
    let commands: Vec<_> = PAGE.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    assert_eq!(commands, COMMANDS.iter().map(|(command, _)| *command).collect::<Vec<_>>());
    assert!(PAGE.contains(FIRST));
    let folder = TempDir::new().unwrap();
    write(&folder.path().join(FIRST), blocks("yaml")[0]);
    for (number, (command, code)) in COMMANDS.iter().enumerate() {
        let output = run(command, folder.path());
        assert_eq!(output.status.code(), Some(*code), "{command}\n{}", output_of(&output));
        if number == 1 {
            let table = output_of(&output);
            assert!(table.contains("A  <- error NOT_PAIRED") && table.contains("B  <- hello-ok"), "{table}");
        }
    }
}

#[test]
fn lint_messages() {
    let folder = TempDir::new().unwrap();
    let section = PAGE.split("## Lint messages").nth(1).unwrap();
    let rows: Vec<_> = section.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |")).collect();
    assert!(rows.len() > 10);
    for row in rows {
        let (mistake, answer) = row.split_once("` | ").unwrap();
        let example = if mistake.starts_with('-') { format!("steps:\n  {mistake}\n") } else { format!("{mistake}\n") };
        write(&folder.path().join("page/mistake.yaml"), &whole(&example));
        let output = run("clawcheck lint page", folder.path());
        let says = output_of(&output);
        // Help texts are wrapped at the width of the terminal.
        let says = says.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(output.status.code() == Some(2) && says.contains(answer), "{mistake}\n{says}");
    }
}

#[test]
fn page_covers_language() {
    let schema: Value = serde_json::from_str(include_str!("../../../schema/scenario.json")).unwrap();
    let mut language = BTreeSet::new();
    words(&schema, &mut language);
    assert!(language.contains("copied-pending") && language.contains("tailscale-serve"));
    // The code of the page: blocks, and text between backticks.
    let code: String = PAGE.split('`').skip(1).step_by(2).collect::<Vec<_>>().join("\n") + &blocks("yaml").join("\n");
    let shown: BTreeSet<_> =
        code.split(|letter: char| !(letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-')).collect();
    let missing: Vec<_> = language.iter().filter(|word| !shown.contains(word.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The keys and the words of a schema.
fn words(schema: &Value, found: &mut BTreeSet<String>) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        found.extend(properties.keys().cloned());
    }
    found.extend(schema.get("const").and_then(Value::as_str).map(str::to_owned));
    found.extend(
        schema.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned),
    );
    match schema {
        Value::Object(members) => members.values().for_each(|member| words(member, found)),
        Value::Array(items) => items.iter().for_each(|item| words(item, found)),
        _ => {}
    }
}
