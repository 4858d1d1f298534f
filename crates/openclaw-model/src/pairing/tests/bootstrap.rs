//! Tests of bootstrap tokens and their profiles.

use super::*;
use rstest::rstest;

fn bootstrap_store() -> MemoryDocuments {
    MemoryDocuments::new().with(
        Document::DevicesBootstrap,
        json!({"boot": {"token": "boot", "ts": NOW, "issuedAtMs": NOW,
            "profile": {"roles": ["node"], "scopes": []}, "x": 1}, "old": {"token": "old", "ts": 1, "roles": ["node"]}}),
    )
}

#[rstest]
#[case(v2026_3_28(), "")]
#[case(v2026_3_31(), "token profile deviceId publicKey issuedAtMs ts lastUsedAtMs")]
#[case(v2026_4_5(), "token profile redeemedProfile deviceId publicKey issuedAtMs ts lastUsedAtMs")]
fn bootstrap_token_is_consumed_or_bound(#[case] rules: PairingRules, #[case] left: &str) {
    let mut store = bootstrap_store();
    let shown = |device_id| BootstrapRequest { token: "boot", device_id, public_key: "key", role: "node", scopes: &[] };
    assert!(verify_bootstrap_token(&rules, &mut store, NOW, shown("laptop")).unwrap());
    let document = store.read(Document::DevicesBootstrap).unwrap();
    assert_eq!(document.get("old"), None, "expired entries go with the write");
    assert_eq!(document.get("boot").and_then(Value::as_object).map(keys).unwrap_or_default(), left);
    assert!(!verify_bootstrap_token(&rules, &mut store, NOW, shown("phone")).unwrap());
    assert_eq!(verify_bootstrap_token(&rules, &mut store, NOW, shown("laptop")).unwrap(), rules.bootstrap_binds);
}

#[test]
fn redeems_profile_by_role() {
    let rules = v2026_4_5();
    let mut store = MemoryDocuments::new().with(
        Document::DevicesBootstrap,
        json!({"boot": {"ts": NOW, "profile": {"roles": ["node", "operator"], "scopes": ["operator.read"]}}}),
    );
    assert!(!redeem_bootstrap_profile(&rules, &mut store, NOW, "boot", "node", &[]).unwrap());
    assert!(
        redeem_bootstrap_profile(&rules, &mut store, NOW, "boot", "operator", &texts(&["operator.write"])).unwrap()
    );
}

#[test]
fn token_without_profile_admits_once() {
    let rules = v2026_3_13();
    let mut store = MemoryDocuments::new().with(
        Document::DevicesBootstrap,
        json!({"boot": {"ts": NOW, "x": 1}, "other": {"token": "o", "issuedAtMs": NOW}}),
    );
    let request = |token| BootstrapRequest { token, device_id: "d", public_key: "k", role: "node", scopes: &[] };
    assert!(verify_bootstrap_token(&rules, &mut store, NOW, request("boot")).unwrap());
    assert!(!verify_bootstrap_token(&rules, &mut store, NOW, request("boot")).unwrap());
    // An entry that is not found under its own key remains.
    assert!(verify_bootstrap_token(&rules, &mut store, NOW, request("o")).unwrap());
    let left = store.read(Document::DevicesBootstrap).unwrap();
    assert_eq!(*left, json!({"other": {"token": "o", "issuedAtMs": NOW, "ts": NOW}}));
}

#[rstest]
#[case("2026.7.35", json!(["operator.read", "operator.write"]))]
#[case("2026.9.6", json!(["operator.write"]))]
fn use_of_token_keeps_others(#[case] release: &str, #[case] scopes: Value) {
    let rules = Facts::of(release.parse().unwrap()).unwrap().pairing;
    let token = |token: &str, scopes: &[&str]| {
        json!({"token": token, "setupId": "s", "ts": NOW, "issuedAtMs": NOW,
            "profile": {"roles": ["node", "operator"], "scopes": scopes}})
    };
    let mut store = MemoryDocuments::new().with(
        Document::DevicesBootstrap,
        json!({"boot": token("boot", &[]), "other": token("other", &["operator.write"])}),
    );
    let shown = BootstrapRequest { token: "boot", device_id: "d", public_key: "k", role: "node", scopes: &[] };
    assert!(verify_bootstrap_token(&rules, &mut store, NOW, shown).unwrap());
    let document = store.read(Document::DevicesBootstrap).unwrap();
    assert_eq!((&document["other"]["profile"]["scopes"], &document["boot"]["deviceId"]), (&scopes, &json!("d")));
    assert_eq!(document["boot"].get("setupId").is_some(), rules.bootstrap_keeps_others);
}
