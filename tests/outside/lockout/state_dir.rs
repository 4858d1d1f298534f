//! A state directory with secrets in every place that can contain one, and `explain` for it.

use crate::harness::{ProgramOutput, TestFolder, ended};
use openclaw_protocol::identity::DeviceKey;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The private key of RFC 8410, section 10.3.
pub(super) const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";

pub(super) fn explain(test_folder: &TestFolder, arguments: &[&str]) -> ProgramOutput {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("clawcheck"));
    command.arg("explain").args(arguments).current_dir(test_folder.path(""));
    command.env_clear().env("HOME", test_folder.path("home")).env("TMPDIR", test_folder.path("tmp"));
    ended(command)
}

pub(super) fn put(test_folder: &TestFolder, path: &str, text: &str) {
    let path = test_folder.path("state").join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A record of a device, with a token for each role.
pub(super) fn record(key: &DeviceKey, name: &str, roles: &[&str], scopes: &[&str]) -> Value {
    let token = |role: &&str| {
        let token = format!("Canary-4fj29sKq81-{name}-{role}");
        ((*role).to_owned(), json!({"token": token, "role": role, "scopes": scopes, "createdAtMs": 1}))
    };
    json!({
        "deviceId": key.device_id(), "publicKey": key.public_key(), "displayName": name, "platform": "linux",
        "clientId": "cli", "clientMode": "cli", "role": roles[0], "roles": roles, "scopes": scopes,
        "approvedScopes": scopes, "tokens": roles.iter().map(token).collect::<serde_json::Map<_, _>>(),
        "createdAtMs": 1, "approvedAtMs": 1,
    })
}

/// A state directory with the gateway's own device, a phone, and secrets in every place that can contain one.
pub(super) fn state(test_folder: &TestFolder) -> (DeviceKey, DeviceKey) {
    let (own, phone) = (DeviceKey::from_pem(PEM).unwrap(), DeviceKey::from_name("phone"));
    let mut paired = serde_json::Map::new();
    paired.insert(own.device_id(), record(&own, "server", &["operator"], &["operator.read"]));
    let mut theirs = record(&phone, "Phone \u{1b}[31m", &["node"], &[]);
    theirs["clientId"] = json!("openclaw-ios");
    theirs["clientMode"] = json!("node");
    theirs["platform"] = json!("ios");
    theirs["deviceFamily"] = json!("iPhone");
    paired.insert(phone.device_id(), theirs);
    put(test_folder, "devices/paired.json", &Value::Object(paired).to_string());
    put(
        test_folder,
        "devices/bootstrap.json",
        &json!({"Canary-4fj29sKq81-code": {"token": "Canary-4fj29sKq81-code"}}).to_string(),
    );
    put(test_folder, "identity/device.json", &json!({"deviceId": own.device_id(), "privateKeyPem": PEM}).to_string());
    let config = json!({
        "gateway": {"mode": "local", "auth": {"mode": "token", "token": "Canary-4fj29sKq81-shared"}},
        "channels": {"telegram": {"botToken": "Canary-4fj29sKq81-bot"}},
        "meta": {"lastTouchedVersion": "2026.4.2"},
    });
    put(test_folder, "openclaw.json", &config.to_string());
    (own, phone)
}

pub(super) fn json_of(ended: &ProgramOutput) -> Value {
    serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{}{}", ended.out, ended.err))
}

/// Every file below a folder, with its bytes.
pub(crate) fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(tree(&path)),
            false => match fs::read(&path) {
                // A running gateway can remove a temporary file.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                read => drop(found.insert(path.display().to_string(), read.unwrap())),
            },
        }
    }
    found
}
