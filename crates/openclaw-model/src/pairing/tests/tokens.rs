//! Tests of device tokens: verified, minted, rotated, revoked.

use super::*;
use rstest::rstest;

#[rstest]
#[case(json!({"token": "t", "role": "operator", "scopes": ["operator.read"]}), &["operator.read"], "ok")]
#[case(json!({"token": "t", "role": "operator", "scopes": ["operator.read"]}), &["operator.admin"], "scope-mismatch")]
#[case(json!({"token": "t", "role": "operator", "scopes": ["operator.admin"]}), &[], "scope-mismatch")]
#[case(json!({"token": "t", "role": "operator", "scopes": [], "revokedAtMs": 1}), &[], "token-revoked")]
#[case(json!({"token": "u", "role": "operator", "scopes": []}), &[], "token-mismatch")]
#[case(json!(null), &[], "token-missing")]
fn verifies_device_token(#[case] token: Value, #[case] scopes: &[&str], #[case] expected: &str) {
    let mut store = store_with(operator_record(token));
    let before = store.clone();
    let verdict = verify_token(&v2026_4_2(), &mut store, NOW, "laptop", shown(&texts(scopes))).unwrap();
    assert_eq!(verdict.map_or_else(TokenRefusal::reason, |_| "ok"), expected);
    assert_eq!(store == before, expected != "ok", "only a use is written down");
}

#[test]
fn malformed_token_is_type_error() {
    let mut store = store_with(operator_record(json!({"role": "operator"})));
    let fault = verify_token(&v2026_4_2(), &mut store, NOW, "laptop", shown(&[])).unwrap_err();
    assert_eq!(fault.for_answer(), "TypeError: Cannot read properties of undefined (reading 'trim')");
}

#[test]
fn rotation_ends_revocation() {
    let token = json!({"token": "t", "role": "operator", "scopes": ["operator.read"], "createdAtMs": 5});
    let mut store = store_with(operator_record(token));
    let revoked = revoke_token(&v2026_4_2(), &mut store, NOW, "laptop", " operator ", &[]).unwrap();
    let TokenRevocation::Revoked(entry) = revoked else { panic!("{revoked:?}") };
    assert_eq!(entry["revokedAtMs"], json!(NOW));
    let rotated =
        rotate_token(&v2026_4_2(), &mut store, &mut CountingEntropy(0), NOW, "laptop", "operator", None).unwrap();
    let TokenRotation::Rotated(entry) = rotated else { panic!("{rotated:?}") };
    assert_eq!(keys(&entry), "token role scopes createdAtMs rotatedAtMs");
    assert_eq!(entry["createdAtMs"], json!(5));
}

#[rstest]
#[case(v2026_4_2(), true)]
#[case(v2026_4_5(), false)]
fn token_for_unlisted_role(#[case] rules: PairingRules, #[case] minted: bool) {
    let mut store = store_with(operator_record(json!({"token": "t", "role": "operator", "scopes": []})));
    let wanted = TokenRequest { role: "node", scopes: &[], bound: None };
    let token = ensure_token(&rules, &mut store, &mut CountingEntropy(0), NOW, "laptop", wanted).unwrap();
    assert_eq!(token.is_some(), minted);
}

#[rstest]
#[case::set(v2026_2_19(), &["operator.admin"], Some(&["operator.admin"][..]))]
#[case::implied(v2026_2_26(), &["operator.read"], Some(&["operator.write"][..]))]
#[case::beyond(v2026_2_26(), &["operator.admin"], None)]
#[case::bounded(v2026_3_13(), &["operator.read"], Some(&["operator.write"][..]))]
fn rotation_is_bounded_since_2026_2_26(
    #[case] rules: PairingRules,
    #[case] requested: &[&str],
    #[case] scopes: Option<&[&str]>,
) {
    let row = json!({"deviceId": "laptop", "role": "operator", "scopes": ["operator.write"]});
    let mut store = store_with(row);
    let requested = json!(requested);
    let rotation =
        rotate_token(&rules, &mut store, &mut CountingEntropy(0), NOW, "laptop", "operator", Some(&requested)).unwrap();
    match scopes {
        None => assert_eq!(rotation, TokenRotation::Refused("scope-outside-approved-baseline")),
        Some(scopes) => {
            assert!(matches!(rotation, TokenRotation::Rotated(_)));
            assert_eq!(paired(&store)["laptop"]["scopes"], json!(scopes));
        }
    }
}

#[rstest]
#[case("2026.4.15", "node", None)]
#[case("2026.5.7", "node", Some(TokenRevocation::Unknown))]
#[case("2026.4.15", "operator", None)]
#[case("2026.5.7", "operator", Some(TokenRevocation::MissingScope("operator.read".to_owned())))]
fn revocation_removes_role_since_2026_5_7(
    #[case] release: &str,
    #[case] role: &str,
    #[case] refusal: Option<TokenRevocation>,
) {
    let mut record = operator_record(json!({"token": "t", "role": "operator", "scopes": ["operator.read"]}));
    record["tokens"]["node"] = json!({"token": "n", "role": "node", "scopes": []});
    let mut store = store_with(record);
    let pairing = ["operator.pairing".to_owned()];
    let revoked = revoke_token(&of(release), &mut store, NOW, "laptop", role, &pairing).unwrap();
    match refusal {
        Some(refusal) => assert_eq!(revoked, refusal),
        None => assert!(matches!(revoked, TokenRevocation::Revoked(_))),
    }
}

#[rstest]
#[case(json!({"kind": "shared-gateway-auth", "generation": "g"}), "cli", Some("g"), "ok")]
#[case(json!({"kind": "shared-gateway-auth", "generation": "g"}), "cli", Some("h"), "issuer-generation-stale")]
#[case(json!(null), "webchat", Some("g"), "issuer-generation-stale")]
#[case(json!(null), "webchat", None, "ok")]
#[case(json!(null), "cli", Some("g"), "ok")]
fn browser_token_bound_to_secret_since_2026_6_11(
    #[case] issuer: Value,
    #[case] mode: &str,
    #[case] bound: Option<&str>,
    #[case] expected: &str,
) {
    let mut record = operator_record(json!({"token": "t", "role": "operator", "scopes": [], "issuer": issuer}));
    record["clientMode"] = json!(mode);
    let mut store = store_with(record);
    let verdict =
        verify_token(&of("2026.6.11"), &mut store, NOW, "laptop", ShownToken { bound, ..shown(&[]) }).unwrap();
    assert_eq!(verdict.as_ref().map_or_else(|refusal| refusal.reason(), |_| "ok"), expected);
    assert_eq!(paired(&store)["laptop"]["lastSeenReason"] == json!("device-token-auth"), expected == "ok");
}
