//! `doctor` and `explain` say the same about damaged files.

use super::doctor::{CLOSES, Finding, NO_START, findings};
use super::{Places, Question, State, Verdict, world};
use openclaw_model::known_releases;
use openclaw_protocol::identity::DeviceKey;
use rstest::rstest;
use serde_json::{Value, json};

const NOW: i64 = 1_800_000_000_000;
const CONFIG: &str =
    r#"{ "gateway": { "mode": "local", "auth": { "mode": "token", "token": "s3cr3t-of-this-test" } } }"#;

/// A state directory with these texts in `paired.json` and `openclaw.json`.
fn state(paired: &str, config: &str) -> State {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("devices")).unwrap();
    std::fs::write(folder.path().join("devices/paired.json"), paired).unwrap();
    std::fs::write(folder.path().join("openclaw.json"), config).unwrap();
    State::read(&Places { state_dir: Some(folder.path().to_owned()), ..Places::default() }).unwrap()
}

/// A store with one device, which has these tokens.
fn with_tokens(tokens: &Value) -> String {
    let key = DeviceKey::from_name("agreement");
    let record = json!({
        "deviceId": key.device_id(), "publicKey": key.public_key(), "clientId": "cli", "clientMode": "cli",
        "platform": "linux", "role": "operator", "roles": ["operator"], "scopes": ["operator.read"],
        "approvedScopes": ["operator.read"], "tokens": tokens, "createdAtMs": 1, "approvedAtMs": 1,
    });
    json!({ key.device_id(): record }).to_string()
}

/// Whether `doctor` says this about a release.
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
fn doctor_says_what_explain_says(#[case] paired: &str, #[case] config: &str) {
    let state = state(paired, config);
    let found = findings(&state, NOW);
    for release in known_releases() {
        let question = Question {
            release: Some(release),
            role: Some("operator".to_owned()),
            scopes: Some(vec!["operator.read".to_owned()]),
            ..Question::default()
        };
        let verdict = world(&state, &question, NOW).unwrap().answer().verdict;
        let no_start = matches!(verdict, Verdict::NoStart(_));
        assert_eq!(says(&found, NO_START, release), no_start, "{release}: {verdict:?} {found:#?}");
        let silent = matches!(verdict, Verdict::Refused { error: None, .. });
        assert_eq!(says(&found, CLOSES, release), silent, "{release}: {verdict:?} {found:#?}");
    }
}
