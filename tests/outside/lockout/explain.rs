//! `clawcheck explain`: its answers, and that it only reads.

use crate::harness::{SCENARIO, TestFolder, ended};
use crate::lockout::state_dir::{PEM, explain, json_of, put, record, state, tree};
use openclaw_emulator::store::SqliteDocuments;
use openclaw_model::releases::DEFAULT;
use openclaw_protocol::identity::DeviceKey;
use openclaw_protocol::store::{Document, Documents as _};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::Arc;

#[test]
fn refused_connect_and_remedies() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    let refused = explain(&test_folder, &["state", "--header", "X-Forwarded-For: 203.0.113.7", "--format", "json"]);
    let found = json_of(&refused);
    assert_eq!(refused.code, Some(1), "{}", refused.out);
    assert_eq!((&found["release"], &found["let_in"]), (&json!("2026.4.2"), &json!(false)));
    assert_eq!((&found["details"]["reason"], &found["close"]["code"]), (&json!("scope-upgrade"), &json!(1008)));
    let locality = found["trace"].as_array().unwrap().iter().find(|line| line["check"] == "locality").unwrap();
    assert_eq!(
        locality["found"],
        "not local: header X-Forwarded-For is present, and trustedProxies does not change that"
    );
    assert_eq!((&locality["check"], &locality["since"]), (&json!("locality"), &json!("2026.3.31")));
    let whats = |list: &str| {
        found[list].as_array().unwrap().iter().map(|remedy| remedy["what"].to_string()).collect::<Vec<_>>()
    };
    assert!(whats("remedies").iter().any(|what| what.contains("approve the pending request")), "{found:#}");
    // A client with fewer scopes is let in but cannot do its work, so this is no first advice.
    let place = whats("remedies").iter().position(|what| what.contains("Request only the scopes")).unwrap();
    assert!(place > 0 && found["remedies"][place]["risk"] == "limits-client", "{found:#}");
    assert!(found["remedies"][place]["lost"].as_str().unwrap().contains("operator.admin"), "{found:#}");
    assert!(whats("does_not_help").iter().any(|what| what.contains("gateway.trustedProxies")), "{found:#}");
    let let_in = explain(&test_folder, &["state", "--scopes", "operator.read"]);
    assert_eq!(let_in.code, Some(0), "{}", let_in.out);
    assert!(let_in.out.starts_with("let in as operator [operator.read]"), "{}", let_in.out);
    let says = "  --auth token=wrong  with a wrong token: INVALID_REQUEST AUTH_TOKEN_MISMATCH";
    assert!(
        let_in.out.contains("the client must differ from the description above. Refused variants:\n")
            && let_in.out.contains(says),
        "{}",
        let_in.out
    );
}

/// Each printed option leads to the printed answer.
#[test]
fn options_of_refused_variants_reproduce_answers() {
    let test_folder = TestFolder::new(SCENARIO);
    let (_, phone) = state(&test_folder);
    let device = phone.device_id();
    let config = test_folder.path("state/openclaw.json");
    let mut value: Value = serde_json::from_str(&fs::read_to_string(&config).unwrap()).unwrap();
    value.as_object_mut().unwrap().remove("meta");
    fs::write(&config, value.to_string()).unwrap();
    let mut options = 0;
    for arguments in
        [&["state", "--scopes", "operator.read"][..], &["state", "--as", "exec"], &["state", "--device", &device]]
    {
        let found = json_of(&explain(&test_folder, &[arguments, &["--format", "json"]].concat()));
        assert_eq!(found["let_in"], true, "{found:#}");
        for variant in found["refused_variants"].as_array().unwrap() {
            let option = variant["option"].as_str().unwrap().split(' ').collect::<Vec<_>>();
            let refused = explain(&test_folder, &[arguments, &option].concat());
            let expected = variant["answer"].as_str().unwrap();
            assert!(refused.code == Some(1) && refused.out.contains(expected), "{variant} {}", refused.out);
            options += 1;
        }
    }
    assert!(options > 5, "{options}");
}

/// The record of a client that is always an operator can be damaged.
#[test]
fn role_of_fixed_client_is_not_recorded_role() {
    let test_folder = TestFolder::new(SCENARIO);
    let (laptop, _) = state(&test_folder);
    let path = test_folder.path("state/devices/paired.json");
    let mut paired: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let record = paired[laptop.device_id()].as_object_mut().unwrap();
    assert_eq!(record["clientId"], "cli");
    for (name, value) in [("role", json!("node")), ("roles", json!(["node"]))] {
        record.insert(name.to_owned(), value);
    }
    fs::write(&path, paired.to_string()).unwrap();
    let found = json_of(&explain(&test_folder, &["state", "--format", "json"]));
    assert!(found["client"].as_str().unwrap().contains("(cli/cli) as operator "), "{found:#}");
}

/// A state directory with the device of the app for macOS, whose key is elsewhere. Returns the id of the device.
fn with_mac(test_folder: &TestFolder) -> String {
    let (mac, path) = (DeviceKey::from_name("mac"), test_folder.path("state/devices/paired.json"));
    let mut paired: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let mut theirs = record(&mac, "mac", &["operator"], &["operator.admin"]);
    let fields =
        [("clientId", "openclaw-macos"), ("clientMode", "ui"), ("platform", "macOS 26.3.1"), ("deviceFamily", "Mac")];
    for (name, value) in fields {
        theirs[name] = json!(value);
    }
    paired[mac.device_id()] = theirs;
    fs::write(&path, paired.to_string()).unwrap();
    mac.device_id()
}

/// The device token of the client is the one that the record contained before the approval. Seen on the real 2026.3.13: this
/// token is refused after the approval.
#[test]
fn approval_replaces_device_token() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    let device = with_mac(&test_folder);
    let client =
        ["state", "--device", &device, "--platform", "macOS 26.4.0", "--peer", "192.0.2.7", "--release", "2026.3.13"];
    let found = json_of(&explain(&test_folder, &[&client[..], &["--format", "json"]].concat()));
    assert!(found["client"].as_str().unwrap().contains("with the device token in its record"), "{found:#}");
    assert_eq!(found["details"]["reason"], "metadata-upgrade", "{found:#}");
    let whats = found["remedies"].as_array().unwrap().iter().map(|remedy| remedy["what"].as_str().unwrap());
    let whats = whats.collect::<Vec<_>>();
    assert!(!whats.iter().any(|what| what.starts_with("Connect, then approve")), "{whats:?}");
    assert!(
        whats.iter().any(|what| what.starts_with("Give the client the gateway's token, then connect, then approve"))
    );
}

/// A client that requests its default scopes requests those of the release.
#[test]
fn releases_answer_as_each_release_alone() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    let device = with_mac(&test_folder);
    for client in [&["state"][..], &["state", "--device", &device], &["state", "--as", "probe"]] {
        let all = json_of(&explain(&test_folder, &[client, &["--releases", "all", "--format", "json"]].concat()));
        for row in all["releases"].as_array().unwrap() {
            let release = row["release"].as_str().unwrap();
            let alone =
                json_of(&explain(&test_folder, &[client, &["--release", release, "--format", "json"]].concat()));
            assert_eq!(row["answer"], alone["answer"], "{client:?} {release}");
        }
    }
}

/// The exec tool uses the device of the `openclaw` command, which extends the pending request.
#[test]
fn approval_of_shared_device_grants_more() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    let arguments = ["state", "--as", "exec", "--release", "2026.3.31", "--format", "json"];
    let found = json_of(&explain(&test_folder, &arguments));
    let approval = found["remedies"].as_array().unwrap().iter().find(|remedy| remedy["risk"] == "approval").unwrap();
    assert!(approval["opens"].as_str().unwrap().contains("the scopes of the `openclaw` command"), "{found:#}");
    let alone = json_of(&explain(&test_folder, &["state", "--release", "2026.3.31", "--format", "json"]));
    let approval = alone["remedies"].as_array().unwrap().iter().find(|remedy| remedy["risk"] == "approval").unwrap();
    assert_eq!(approval["opens"], Value::Null, "{alone:#}");
}

/// Without a release in `openclaw.json`, the answers of the other releases can differ.
#[test]
fn assumed_release_names_refusing_releases() {
    let test_folder = TestFolder::new(SCENARIO);
    let (laptop, _) = state(&test_folder);
    let config = test_folder.path("state/openclaw.json");
    let mut value: Value = serde_json::from_str(&fs::read_to_string(&config).unwrap()).unwrap();
    value.as_object_mut().unwrap().remove("meta");
    fs::write(&config, value.to_string()).unwrap();
    let path = test_folder.path("state/devices/paired.json");
    let mut paired: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    paired[laptop.device_id()]["tokens"] = json!({});
    fs::write(&path, paired.to_string()).unwrap();
    let found = explain(&test_folder, &["state", "--scopes", "operator.read"]);
    assert!(found.out.starts_with("let in ") && found.out.contains("(assumed,"), "{}", found.out);
    assert!(found.out.contains("on 2026.3.31, 2026.4.1: NOT_PAIRED PAIRING_REQUIRED role-upgrade"), "{}", found.out);
    let named =
        explain(&test_folder, &["state", "--scopes", "operator.read", "--release", DEFAULT.to_string().as_str()]);
    assert!(named.out.starts_with("let in ") && !named.out.contains("on 2026.3.31"), "{}", named.out);
}

/// A page without a device behind an unknown proxy needs two changes.
#[test]
fn combined_remedies() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    let header = "X-Forwarded-For: 203.0.113.7";
    let arguments = ["state", "--as", "control-ui", "--device", "none", "--header", header, "--release", "2026.9.6"];
    let found = json_of(&explain(&test_folder, &[arguments.as_slice(), &["--format", "json"]].concat()));
    let has = |parts: &[&str]| {
        let remedies = found["remedies"].as_array().unwrap();
        remedies.iter().any(|remedy| parts.iter().all(|part| remedy["what"].as_str().unwrap().contains(part)))
    };
    assert!(has(&["device identity", "without the proxy"]), "{found:#}");
}

/// A connection without the proxy does not help a client that must use the proxy.
#[test]
fn remedies_behind_proxy() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    let arguments =
        ["state", "--as", "control-ui", "--device", "new", "--via", "tailscale-serve", "--release", "2026.9.6"];
    let found = json_of(&explain(&test_folder, &[arguments.as_slice(), &["--format", "json"]].concat()));
    let remedies = found["remedies"].as_array().unwrap();
    let through =
        remedies.iter().find(|remedy| !remedy["what"].as_str().unwrap().contains("without the proxy")).unwrap();
    let what = through["what"].as_str().unwrap();
    for part in ["gateway.trustedProxies", "allow the origin of the page", "approve the pending request"] {
        assert!(what.contains(part), "{found:#}");
    }
    assert_eq!(through["risk"], "opens-more");
}

#[test]
fn explicit_headers_override_via() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    let client = |arguments: &[&str]| {
        let found = json_of(&explain(&test_folder, &[&["state", "--format", "json", "--via"], arguments].concat()));
        (found["client"].as_str().unwrap().to_owned(), found["trace"].to_string())
    };
    let (nginx, _) = client(&["nginx"]);
    assert!(
        nginx.ends_with("Host gateway.example, header x-real-ip, header x-forwarded-for, header x-forwarded-proto"),
        "{nginx}"
    );
    let (page, trace) = client(&["tailscale-serve", "--as", "control-ui"]);
    assert!(
        page.contains("Origin https://gateway.example") && trace.contains("`https://gateway.example`"),
        "{page} {trace}"
    );
    let (_, tunnel) = client(&["ssh-tunnel", "--scopes", "operator.read"]);
    assert!(tunnel.contains("local: the peer 127.0.0.1 is loopback"), "{tunnel}");
    let wrong = explain(&test_folder, &["state", "--via", "ngnix"]);
    assert!(wrong.code == Some(2) && wrong.err.contains("did you mean `nginx`?"), "{}", wrong.err);
}

#[test]
fn device_by_name_id_or_prefix() {
    let test_folder = TestFolder::new(SCENARIO);
    let (_, phone) = state(&test_folder);
    let id = phone.device_id();
    for name in [id.as_str(), &id[..6], "phone \u{1b}[31M"] {
        let found = json_of(&explain(&test_folder, &["state", "--device", name, "--format", "json"]));
        assert_eq!((&found["device"], &found["let_in"]), (&json!(id), &json!(true)), "{found:#}");
        assert!(found["client"].as_str().unwrap().starts_with("the app for iOS"), "{found:#}");
    }
    let unknown = explain(&test_folder, &["state", "--device", "tablet"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.err.contains("no device is named `tablet`") && unknown.err.contains(&id[..12]), "{}", unknown.err);
}

#[test]
fn default_directory_is_read_only() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    fs::rename(test_folder.path("state"), test_folder.path("home/.openclaw")).unwrap();
    let before = tree(&test_folder.path("home"));
    let ended = explain(&test_folder, &["--as", "control-ui", "--origin", "https://elsewhere.example"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.out.contains("the one that openclaw uses here, read-only"), "{}", ended.out);
    assert!(
        ended.out.contains("openclaw config set gateway.controlUi.allowedOrigins '[\"https://elsewhere.example\"]'"),
        "{}",
        ended.out
    );
    assert_eq!(tree(&test_folder.path("home")), before);
}

#[test]
fn one_line_per_release() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    let ended = explain(
        &test_folder,
        &["state", "--releases", "all", "--format", "json", "--header", "X-Forwarded-For: 203.0.113.7"],
    );
    let found = json_of(&ended);
    let line = |release: &str| {
        found["releases"].as_array().unwrap().iter().find(|line| line["release"] == release).unwrap().clone()
    };
    assert!(line("2026.9.6")["answer"].as_str().unwrap().contains("HTTP 403"), "{found:#}");
    assert_eq!((&line("2026.9.6")["flips"], &line("2026.2.19")["flips"]), (&json!(true), &json!(false)));
    assert_eq!(ended.code, Some(1));
    let wrong = explain(&test_folder, &["state", "--releases", "all", "--auth", "token=wrong"]);
    assert_eq!(wrong.code, Some(1), "no release lets it in: {}", wrong.out);
}

#[test]
fn reads_database_in_use() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    let (own, text) =
        (DeviceKey::from_pem(PEM).unwrap(), fs::read(test_folder.path("state/devices/paired.json")).unwrap());
    fs::remove_dir_all(test_folder.path("state/devices")).unwrap();
    let mut database = SqliteDocuments::new(&test_folder.path("state"), true);
    database.write(&[(Document::DevicesPaired, &Arc::new(serde_json::from_slice(&text).unwrap()))]).unwrap();
    let before = tree(&test_folder.path("state"));
    let client = ["--device", &own.device_id(), "--scopes", "operator.read"];
    let ended = explain(&test_folder, &[&["state", "--release", "2026.9.6", "--format", "json"], &client[..]].concat());
    let found = json_of(&ended);
    assert_eq!((&found["let_in"], &found["device"]), (&json!(true), &json!(own.device_id())), "{found:#}");
    let after = tree(&test_folder.path("state"));
    let only = |tree: &BTreeMap<String, Vec<u8>>| {
        tree.iter()
            .filter(|(path, _)| !path.ends_with("-shm"))
            .map(|(path, bytes)| (path.clone(), bytes.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(only(&after), only(&before), "what the gateway wrote keeps its bytes");
    drop(database);
}

/// The configuration still names 2026.4.2, which keeps its store in files.
#[test]
fn only_database_releases_read_database() {
    let test_folder = TestFolder::new(SCENARIO);
    let (_, phone) = state(&test_folder);
    let text = fs::read(test_folder.path("state/devices/paired.json")).unwrap();
    let mut paired: Value = serde_json::from_slice(&text).unwrap();
    fs::remove_dir_all(test_folder.path("state/devices")).unwrap();
    for (field, nothing) in [("role", Value::Null), ("roles", json!([])), ("tokens", json!({}))] {
        paired[phone.device_id()][field] = nothing;
    }
    let mut database = SqliteDocuments::new(&test_folder.path("state"), true);
    database.write(&[(Document::DevicesPaired, &Arc::new(paired))]).unwrap();
    drop(database);
    let found = json_of(&explain(&test_folder, &["state", "--scopes", "operator.read", "--format", "json"]));
    assert_eq!((&found["let_in"], &found["release"]), (&json!(true), &json!(DEFAULT.to_string())), "{found:#}");
    let notes = found["notes"].to_string();
    assert!(notes.contains("openclaw.json names 2026.4.2, which does not read state/openclaw.sqlite"), "{notes}");
    let doctor = test_folder.clawcheck(&["doctor", "state"]);
    let line = doctor.out.lines().find(|line| line.contains("has no role in effect")).unwrap();
    assert!(line.contains(&DEFAULT.to_string()) && !line.contains("2026.4.2"), "{}", doctor.out);
}

#[test]
fn quotes_shell_arguments() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    let origin = "https://x'; touch spoilt #";
    let ended = explain(&test_folder, &["state", "--as", "control-ui", "--origin", origin, "--format", "json"]);
    let text = json_of(&ended)["remedies"].to_string() + &json_of(&ended)["does_not_help"].to_string();
    assert!(text.contains("openclaw config set gateway.controlUi.allowedOrigins"), "{text}");
    let found = json_of(&ended);
    let remedies = ["remedies", "does_not_help"].map(|list| found[list].as_array().unwrap().clone()).concat();
    let lines = remedies.iter().flat_map(|remedy| remedy["how"].as_array().unwrap());
    let line = lines.map(|line| line.as_str().unwrap()).find(|line| line.contains("allowedOrigins")).unwrap();
    let words = shlex::split(line.split(", and restart").next().unwrap()).unwrap();
    assert_eq!(words[4..], [json!([origin]).to_string()], "{line}");
}

/// `config set` replaces a whole list, so a remedy must contain the existing items.
#[test]
fn remedies_keep_list_items() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    let config = json!({"gateway": {"mode": "local", "auth": {"mode": "token", "token": "t"},
        "controlUi": {"allowedOrigins": ["https://one.example"]}}});
    put(&test_folder, "openclaw.json", &config.to_string());
    let remedies = |origin: &str| {
        let ended = explain(&test_folder, &["state", "--as", "control-ui", "--origin", origin]);
        ended.out
    };
    let both = r#"gateway.controlUi.allowedOrigins '["https://one.example","https://two.example"]'"#;
    assert!(remedies("https://two.example").contains(both), "{}", remedies("https://two.example"));
    assert!(!remedies("https://one.example").contains(r#"one.example","https://one"#));
}

#[test]
fn warns_about_overwritten_devices() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    let warns = |release: &str| {
        let ended = explain(&test_folder, &["state", "--release", release, "--as", "exec"]);
        ended.out.contains("copy the file first")
    };
    assert!(!warns("2026.3.31"));
    put(&test_folder, "devices/paired.json", "{");
    assert!(warns("2026.3.31"));
    assert!(!warns("2026.6.11") && !warns("2026.9.6"), "these releases do not overwrite the file");
}

#[test]
fn approves_ipv6_node() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    let node = ["state", "--as", "node", "--device", "new", "--peer", "2001:db8::7", "--release", "2026.9.6"];
    let ended = explain(&test_folder, &node);
    assert!(ended.out.contains("2001:db8::7/128") && !ended.out.contains("/32"), "{}", ended.out);
}

#[test]
fn rejects_other_folder() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    for (folder, message, help) in [
        ("state/devices", "state/devices is a folder inside a state directory", "pass the state directory: state"),
        ("home", "home is not a state directory: it is empty", "~/.openclaw"),
        ("", " is not a state directory, but contains one", "pass ./state"),
    ] {
        let folder = if folder.is_empty() { "." } else { folder };
        let ended = explain(&test_folder, &[folder]);
        assert_eq!(ended.code, Some(2), "{}{}", ended.out, ended.err);
        assert!(ended.err.contains(message) && ended.err.contains(help), "{}", ended.err);
    }
}

#[test]
fn dead_ends_point_on() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    fs::write(
        test_folder.path("gateway.log"),
        "[ws] closed before connect conn=c1 code=1008 reason=pairing required\n",
    )
    .unwrap();
    for (argument, help) in
        [("state", "clawcheck explain --state-dir state"), ("gateway.log", "clawcheck explain --log gateway.log")]
    {
        for command in ["run", "lint"] {
            let mut process = Command::new(assert_cmd::cargo::cargo_bin!("clawcheck"));
            process.args([command, argument]).current_dir(test_folder.path(""));
            let ended = ended(process);
            assert_eq!(ended.code, Some(2), "{command} {argument}: {}", ended.err);
            // miette wraps the help text.
            let message = ended.err.replace(' ', "");
            assert!(message.contains(&help.replace(' ', "")), "{command} {argument}: {}", ended.err);
        }
    }
}

/// A misspelt setting prevents the start; the store is fine.
#[test]
fn corrects_invalid_setting() {
    let test_folder = TestFolder::new(SCENARIO);
    let (own, _) = state(&test_folder);
    let config = json!({"gateway": {"auth": {"mode": "token", "token": "Canary-4fj29sKq81-shared"}, "trustdProxies": ["Canary-4fj29sKq81"]}});
    put(&test_folder, "openclaw.json", &config.to_string());
    let arguments = ["state", "--release", "2026.4.2", "--scopes", "operator.read"];
    let refused = explain(&test_folder, &arguments);
    assert_eq!(refused.code, Some(1), "{}", refused.err);
    let device = format!("device   {} \"server\"", &own.device_id()[..12]);
    let wanted = [
        device.as_str(),
        "- gateway: Unrecognized key: \"trustdProxies\"",
        "1. Correct the setting that this release does not accept, then set gateway.mode to local\n",
        "in openclaw.json: delete gateway.trustdProxies, or correct its name to `trustedProxies`\n",
        "openclaw config set gateway.mode '\"local\"', and restart the gateway\n",
    ];
    wanted.iter().for_each(|text| assert!(refused.out.contains(text), "{text}: {}", refused.out));
    assert!(!refused.out.contains("4fj29sKq81"), "{}", refused.out);
    // A setting that is not the reason is not a remedy.
    put(&test_folder, "openclaw.json", r#"{"gateway": {"mode": "local", "bind": "lan", "auth": {"mode": "none"}}}"#);
    let whats = |arguments: &[&str]| {
        let found = json_of(&explain(&test_folder, &[arguments, &["--format", "json"]].concat()));
        found["remedies"].as_array().unwrap().iter().map(|remedy| remedy["what"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(whats(&arguments), ["Bind the gateway to loopback", "Use token authentication"]);
    put(&test_folder, "openclaw.json", r#"{"gateway": {"mode": "local", "auth": {"mode": "password"}}}"#);
    assert_eq!(whats(&arguments), ["Set a password", "Use token authentication"]);
}

#[test]
fn assumptions_and_placeholders() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    let page = ["state", "--as", "control-ui", "--via", "caddy", "--release", "2026.4.2"];
    let assumed = explain(&test_folder, &page).out;
    assert!(
        assumed.contains(
            "assumed  the device is new (--device); the client sends the gateway's own secret (--auth); the host is gateway.example (--host)\n"
        ),
        "{assumed}"
    );
    assert!(assumed.contains("allowedOrigins '[\"https://<host>\"]'"), "{assumed}");
    let (remedies, legend) = assumed.split_once("In the commands, replace:\n").unwrap();
    assert!(!remedies.split_once("Remedies").unwrap().1.contains("gateway.example"), "{remedies}");
    // Each placeholder of a command is explained, and no other.
    let words = remedies.split(['<', '>']).skip(1).step_by(2).map(|word| format!("<{word}>"));
    let used = words.collect::<std::collections::BTreeSet<_>>();
    let explained = legend.lines().take_while(|line| line.starts_with("  <"));
    let explained = explained.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect();
    assert_eq!(used, explained, "{assumed}");
    let message =
        explain(&test_folder, &[&page[..], &["--host", "ui.example", "--auth", "token", "--device", "new"]].concat())
            .out;
    assert!(
        !message.contains("assumed ") && message.contains("allowedOrigins '[\"https://ui.example\"]'"),
        "{message}"
    );
}

#[test]
fn rejects_misspelled_scope() {
    let test_folder = TestFolder::new(SCENARIO);
    state(&test_folder);
    for (option, wrong, meant) in [
        ("--scopes", "operator.raed", "operator.read"),
        ("--scopes", "read", "operator.read"),
        ("--role", "oprator", "operator"),
    ] {
        let refused = explain(&test_folder, &["state", option, wrong]);
        let says = format!("did you mean `{meant}`?");
        assert!(refused.code == Some(2) && refused.err.contains(&says), "{}", refused.err);
    }
    assert_eq!(explain(&test_folder, &["state", "--scopes", "custom.scope"]).code, Some(1));
}
