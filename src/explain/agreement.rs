//! `doctor` and `explain` say the same about damaged files.

use super::doctor::{CLOSES, Finding, findings};
use super::remedies::try_all;
use super::text::NO_START;
use super::{ClientDescription, StateDirectory, StatePaths, Verdict, simulated};
use openclaw_emulator::store::SqliteDocuments;
use openclaw_model::{Facts, known_releases};
use openclaw_protocol::identity::DeviceKey;
use openclaw_protocol::store::{Document, Documents as _, StoreFormat};
use rstest::rstest;
use serde_json::{Value, json};
use std::sync::Arc;

const NOW: i64 = 1_800_000_000_000;
const CONFIG: &str =
    r#"{ "gateway": { "mode": "local", "auth": { "mode": "token", "token": "s3cr3t-of-this-test" } } }"#;

/// A state directory with these texts in `paired.json` and `openclaw.json`.
fn state(paired: &str, config: &str) -> StateDirectory {
    state_with_pending(paired, "{}", config)
}

fn state_with_pending(paired: &str, pending: &str, config: &str) -> StateDirectory {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("devices")).unwrap();
    std::fs::write(folder.path().join("devices/paired.json"), paired).unwrap();
    std::fs::write(folder.path().join("devices/pending.json"), pending).unwrap();
    std::fs::write(folder.path().join("openclaw.json"), config).unwrap();
    StateDirectory::read(&StatePaths { state_dir: Some(folder.path().to_owned()), ..StatePaths::default() }).unwrap()
}

/// A store with one device, which has these tokens.
fn with_tokens(tokens: &Value) -> String {
    let (id, record) = device("agreement", "operator", tokens);
    json!({ id: record }).to_string()
}

/// The id and the record of a device.
fn device(name: &str, role: &str, tokens: &Value) -> (String, Value) {
    let key = DeviceKey::from_name(name);
    let record = json!({
        "deviceId": key.device_id(), "publicKey": key.public_key(), "clientId": "cli", "clientMode": "cli",
        "platform": "linux", "role": role, "roles": [role], "scopes": ["operator.read"],
        "approvedScopes": ["operator.read"], "tokens": tokens, "createdAtMs": 1, "approvedAtMs": 1,
    });
    (key.device_id(), record)
}

/// Whether `doctor` reports this for a release.
fn says(found: &[Finding], what: &str, release: openclaw_model::Release) -> bool {
    let mut about = found.iter().filter(|finding| finding.what.contains(what));
    about.any(|finding| finding.releases.is_empty() || finding.releases.contains(&release))
}

#[rstest]
#[case::text_for_tokens(&with_tokens(&json!("x")), CONFIG)]
#[case::number_for_tokens(&with_tokens(&json!(5)), CONFIG)]
#[case::list_for_tokens(&with_tokens(&json!([1])), CONFIG)]
#[case::null_for_tokens(&with_tokens(&json!(null)), CONFIG)]
#[case::text_for_a_token(&with_tokens(&json!({ "operator": "x" })), CONFIG)]
#[case::null_for_a_token(&with_tokens(&json!({ "operator": null })), CONFIG)]
#[case::number_in_a_token(&with_tokens(&json!({ "operator": { "token": 5, "role": "operator", "scopes": [] } })), CONFIG)]
#[case::text_for_paired(r#""x""#, CONFIG)]
#[case::number_for_paired("5", CONFIG)]
#[case::list_for_paired("[]", CONFIG)]
#[case::null_for_paired("null", CONFIG)]
#[case::no_json_in_paired("{", CONFIG)]
#[case::empty_paired("", CONFIG)]
#[case::list_for_config("{}", "[1]")]
#[case::text_for_config("{}", r#""x""#)]
#[case::null_for_config("{}", "null")]
#[case::invalid_config("{}", r#"{ "gateway": { "mode": 7 } }"#)]
#[case::empty_tokens(&with_tokens(&json!({})), CONFIG)]
#[case::sound("{}", CONFIG)]
fn doctor_agrees_with_explain(#[case] paired: &str, #[case] config: &str) {
    let state = state(paired, config);
    let found = findings(&state, NOW);
    for release in known_releases() {
        let description = ClientDescription {
            release: Some(release),
            sends_device: true,
            role: Some("operator".to_owned()),
            scopes: Some(vec!["operator.read".to_owned()]),
            ..ClientDescription::default()
        };
        let verdict = simulated(&state, &description, NOW).unwrap().answer().verdict;
        let no_start = matches!(verdict, Verdict::NoStart(_));
        assert_eq!(says(&found, NO_START, release), no_start, "{release}: {verdict:?} {found:#?}");
        let silent = matches!(verdict, Verdict::Refused { error: None, .. });
        assert_eq!(says(&found, CLOSES, release), silent, "{release}: {verdict:?} {found:#?}");
    }
}

/// The findings about a document or about a record.
fn about(state: &StateDirectory, place: &str, record: Option<&str>) -> Vec<Finding> {
    let found = findings(state, NOW).into_iter();
    found.filter(|finding| finding.place == place && finding.record.as_deref() == record).collect()
}

#[rstest]
#[case::list("[]")]
#[case::number("5")]
fn damaged_document_affects_only_its_findings(#[case] pending: &str) {
    let both = state_with_pending("5", pending, CONFIG);
    let only_paired = state_with_pending("5", "{}", CONFIG);
    let only_pending = state_with_pending("{}", pending, CONFIG);
    let (paired_json, pending_json) = ("devices/paired.json", "devices/pending.json");
    assert_eq!(about(&both, paired_json, None), about(&only_paired, paired_json, None));
    assert_eq!(about(&both, pending_json, None), about(&only_pending, pending_json, None));
    let release = "2026.4.2".parse().unwrap();
    assert!(says(&about(&both, paired_json, None), CLOSES, release));
    assert_eq!(says(&about(&both, pending_json, None), CLOSES, release), pending != "[]");
}

#[test]
fn damage_that_prevents_start() {
    let config = r#"{ "gateway": { "mode": 7 } }"#;
    let found = findings(&state("5", config), NOW);
    let tokens = findings(&state(&with_tokens(&json!("x")), config), NOW);
    for release in known_releases() {
        assert!(says(&found, NO_START, release), "{release}: {found:#?}");
        assert!(says(&found, "devices/paired.json is not an object", release), "{release}: {found:#?}");
        assert!(says(&tokens, "tokens is text, not an object", release), "{release}: {tokens:#?}");
    }
}

/// The same damage matters only for some clients: the role of a record decides which token a release reads.
#[test]
fn tries_each_record_with_damaged_tokens() {
    let damaged = json!({ "operator": "x" });
    let (node, operator) = (device("a", "node", &damaged), device("b", "operator", &damaged));
    let both = state(&json!({ &node.0: node.1, &operator.0: operator.1 }).to_string(), CONFIG);
    let answers = [node, operator].map(|(id, record)| {
        let alone = about(&state(&json!({ &id: record }).to_string(), CONFIG), "devices/paired.json", Some(&id));
        assert_eq!(about(&both, "devices/paired.json", Some(&id)), alone);
        alone.into_iter().map(|finding| (finding.what, finding.releases)).collect::<Vec<_>>()
    });
    assert_ne!(answers[0], answers[1], "the answers of the releases differ");
}

/// A platform with a version changes with each update of the system. Some releases require an approval then.
#[rstest]
#[case::app("openclaw-ios", "iOS 17.1", &["2026.2.26", "2026.4.2"], &["2026.2.19", "2026.9.6"])]
#[case::command("cli", "darwin 24.1.0", &["2026.4.2", "2026.9.6"], &["2026.2.19"])]
#[case::no_version("openclaw-ios", "ios", &[], &["2026.4.2"])]
fn warns_about_platform_with_version(
    #[case] client: &str,
    #[case] platform: &str,
    #[case] refusing: &[&str],
    #[case] others: &[&str],
) {
    let (id, mut record) = device(
        "pin",
        "operator",
        &json!({ "operator": { "token": "t", "role": "operator", "scopes": ["operator.read"] } }),
    );
    record["clientId"] = json!(client);
    record["platform"] = json!(platform);
    let found = findings(&state(&json!({ id: record }).to_string(), CONFIG), NOW);
    let about = |release: &&str| says(&found, "an update of the system", release.parse().unwrap());
    assert!(refusing.iter().all(&about), "{found:#?}");
    assert!(!others.iter().any(&about), "{found:#?}");
}

#[test]
fn reports_every_kind_of_damage() {
    let devices = (0..40).map(|number| {
        let role = format!("role-{number}");
        device(&role, "operator", &json!({ &role: "x" }))
    });
    let found = findings(&state(&Value::Object(devices.collect()).to_string(), CONFIG), NOW);
    for number in 0..40 {
        let what = format!("the token for role-{number} is not an object");
        assert!(known_releases().all(|release| says(&found, &what, release)), "{what}: {found:#?}");
    }
}

#[test]
fn two_stores_finding_by_release() {
    let mut sqlite =
        known_releases().filter(|release| Facts::of(*release).unwrap().pairing.format == StoreFormat::Sqlite);
    let first = sqlite.next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("devices")).unwrap();
    std::fs::write(folder.path().join("devices/paired.json"), "{}").unwrap();
    std::fs::write(folder.path().join("openclaw.json"), CONFIG).unwrap();
    SqliteDocuments::new(folder.path(), false).write(&[(Document::DevicesPaired, &Arc::new(json!({})))]).unwrap();
    let state =
        StateDirectory::read(&StatePaths { state_dir: Some(folder.path().to_owned()), ..StatePaths::default() })
            .unwrap();
    let note = state.notes.iter().find(|note| note.contains("two stores")).unwrap();
    let last = known_releases().take_while(|release| *release != first).last().unwrap();
    assert!(note.contains(&format!("to {last}, and state/openclaw.sqlite, for {first}")), "{note}");
}

/// A phone or a browser does not have the device of the gateway's machine.
#[rstest]
#[case::own("cli", "own", false)]
#[case::phone("ios", "phone", true)]
#[case::no_browser("control-ui", "new", true)]
#[case::node_on_this_machine("node", "own", false)]
fn device_belongs_to_kind_of_client(#[case] client: &str, #[case] expected: &str, #[case] assumed: bool) {
    let tokens = json!({});
    let ((own, record), (phone, mut theirs)) = (device("own", "operator", &tokens), device("phone", "node", &tokens));
    theirs["clientId"] = json!("openclaw-ios");
    let mut state = state(&json!({ &own: record, &phone: theirs }).to_string(), CONFIG);
    state.own_key = Some(DeviceKey::from_name("own"));
    let (preset, release) = (Some(client.parse().unwrap()), Some("2026.4.2".parse().unwrap()));
    let description = ClientDescription { preset, release, ..ClientDescription::default() };
    let client = simulated(&state, &description, NOW).unwrap().client;
    let found = match client.who.id() {
        Some(id) if id == own => "own",
        Some(id) if id == phone => "phone",
        _ if client.who.is_new() => "new",
        _ => "another",
    };
    assert_eq!((found, client.assumptions()[0].contains("--device")), (expected, assumed));
}

#[rstest]
#[case::waiting(NOW - 1000, "waits for an approval: openclaw devices approve r1")]
#[case::expired(NOW - 600_000, "has expired")]
fn pending_request_is_reported(#[case] ts: i64, #[case] what: &str) {
    let pending = json!({ "r1": { "requestId": "r1", "deviceId": "d", "role": "operator", "ts": ts } });
    let found = about(&state_with_pending("{}", &pending.to_string(), CONFIG), "devices/pending.json", Some("r1"));
    assert!(found.len() == 1 && found[0].what.contains(what), "{found:#?}");
}

/// The state directory does not say which device is that of the gateway's machine.
#[test]
fn device_of_machine_without_identity() {
    let tokens = json!({});
    let ((own, mut record), (phone, mut theirs)) =
        (device("own", "operator", &tokens), device("phone", "node", &tokens));
    (record["clientId"], theirs["clientId"]) = (json!("gateway-client"), json!("openclaw-ios"));
    let id = |paired: Value| {
        let release = Some("2026.4.2".parse().unwrap());
        let description = ClientDescription { release, ..ClientDescription::default() };
        let simulated = simulated(&state(&paired.to_string(), CONFIG), &description, NOW).unwrap();
        simulated.client.who.id().filter(|_| !simulated.client.who.is_new())
    };
    assert_eq!(id(json!({ &own: record, &phone: &theirs })), Some(own.clone()));
    assert_eq!(id(json!({ &own: &theirs, &phone: &theirs })), None, "two phones");
}

#[rstest]
#[case::oldest("cli", "2026.2.19", &["operator.admin", "operator.approvals", "operator.pairing"])]
#[case::secrets("cli", "2026.4.5", &["operator.admin", "operator.read", "operator.write", "operator.approvals", "operator.pairing", "operator.talk.secrets"])]
#[case::oldest_probe("probe", "2026.2.19", &["operator.admin"])]
#[case::probe("probe", "2026.2.26", &["operator.read"])]
#[case::terminal("tui", "2026.7.35", &["operator.admin"])]
#[case::newer_terminal("tui", "2026.9.6", &["operator.admin", "operator.read", "operator.write", "operator.approvals"])]
#[case::older_page("control-ui", "2026.3.13", &["operator.admin", "operator.approvals", "operator.pairing"])]
#[case::page("control-ui", "2026.3.28", &["operator.admin", "operator.read", "operator.write", "operator.approvals", "operator.pairing"])]
#[case::fixed("exec", "2026.2.19", &["operator.approvals"])]
fn default_scopes_by_release(#[case] client: &str, #[case] release: &str, #[case] scopes: &[&str]) {
    let state = state("{}", CONFIG);
    let description = ClientDescription {
        preset: Some(client.parse().unwrap()),
        client_release: Some(release.parse().unwrap()),
        ..ClientDescription::default()
    };
    let mut simulated = simulated(&state, &description, NOW).unwrap();
    assert_eq!(simulated.client.scopes, scopes);
    // An operator that becomes a node and an operator again requests the same scopes.
    let release = simulated.client_facts().clone();
    simulated.client.request_role("node", &release);
    assert_eq!(simulated.client.scopes, Vec::<String>::new());
    simulated.client.request_role("operator", &release);
    assert_eq!(simulated.client.scopes, scopes);
}

/// `openclaw devices approve` of 2026.6.11 ends without the local fallback if only an administrator can approve the client.
#[rstest]
#[case::node("2026.6.11", "ios", true)]
#[case::operator("2026.6.11", "cli", false)]
#[case::before("2026.4.15", "ios", false)]
#[case::after("2026.7.35", "ios", false)]
fn approval_by_another_device(#[case] release: &str, #[case] client: &str, #[case] by_another: bool) {
    let token = json!({ "token": "t", "role": "operator", "scopes": ["operator.admin"] });
    let (id, mut admin) = device("admin", "operator", &json!({ "operator": token }));
    admin["scopes"] = json!(["operator.admin"]);
    admin["approvedScopes"] = json!(["operator.admin"]);
    let state = state(&json!({ id: admin }).to_string(), CONFIG);
    let description = ClientDescription {
        preset: Some(client.parse().unwrap()),
        device: Some("new".to_owned()),
        release: Some(release.parse().unwrap()),
        headers: vec![("X-Forwarded-For".to_owned(), "203.0.113.7".to_owned())],
        ..ClientDescription::default()
    };
    let simulated = simulated(&state, &description, NOW).unwrap();
    let helps = try_all(&simulated).helps;
    let approval = helps.iter().find(|remedy| remedy.what.starts_with("Connect, then approve")).unwrap();
    assert_eq!(approval.how[0].starts_with("on another device"), by_another, "{:#?}", approval.how);
}
