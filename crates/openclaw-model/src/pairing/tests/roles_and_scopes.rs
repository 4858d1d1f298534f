//! Tests of effective roles and of the coverage of scopes.

use super::*;
use rstest::rstest;

#[rstest]
#[case(json!({"role": "operator", "tokens": {}}), ["operator", "", "operator", "operator"])]
#[case(json!({"role": "operator"}), ["operator", "operator", "operator", "operator"])]
#[case(json!({"role": "operator", "tokens": null}), ["operator", "operator", "operator", "operator"])]
#[case(json!({"role": "operator", "tokens": {"operator": {"role": "operator", "revokedAtMs": 1}}}), ["operator", "", "", ""])]
#[case(json!({"role": "operator", "tokens": {"node": {"role": "node"}}}), ["operator", "node", "node", ""])]
#[case(json!({"roles": ["operator", "node"], "tokens": {"node": {"role": "node"}}}), ["operator,node", "node", "node", "node"])]
fn effective_roles_by_release(#[case] device: Value, #[case] expected: [&str; 4]) {
    let all = [v2026_3_28(), v2026_3_31(), v2026_4_2(), v2026_4_5()];
    let found: Vec<_> = all.iter().map(|rules| effective_roles(rules, &device).unwrap().join(",")).collect();
    assert_eq!(found, expected);
}

#[rstest]
#[case("operator", &["operator.read"], &["operator.write"], [true, true])]
#[case("operator", &["operator.pairing"], &["operator.admin"], [true, true])]
#[case("operator", &["operator.write"], &["operator.read"], [false, false])]
#[case("operator", &["x.y"], &["x.y"], [true, false])]
#[case("operator", &["x.y"], &["operator.admin"], [false, false])]
#[case("node", &["operator.read"], &["operator.read"], [true, false])]
#[case("node", &["operator.read"], &["operator.admin"], [false, false])]
#[case("node", &["node.x"], &["node.x"], [true, true])]
#[case("node", &[], &[], [true, true])]
fn scopes_cover_requested_scopes(
    #[case] role: &str,
    #[case] requested: &[&str],
    #[case] have: &[&str],
    #[case] expected: [bool; 2],
) {
    let found = [v2026_4_2(), v2026_4_5()].map(|rules| scopes_allow(&rules, role, requested, have));
    assert_eq!(found, expected);
}

#[rstest]
#[case("operator.talk", "operator.write", true)]
#[case("operator.sessions.write", "operator.write", true)]
#[case("operator.sessions.read", "operator.write", true)]
#[case("operator.sessions.read", "operator.read", true)]
#[case("operator.sessions.read", "operator.sessions.write", true)]
#[case("operator.sessions.write", "operator.read", false)]
#[case("operator.talk.secrets", "operator.write", false)]
#[case("operator.questions", "operator.write", false)]
fn write_implies_talk_and_sessions_since_2026_9_6(#[case] requested: &str, #[case] have: &str, #[case] expected: bool) {
    assert_eq!(scopes_allow(&of("2026.9.6"), "operator", &[requested], &[have]), expected);
    assert!(!scopes_allow(&of("2026.7.35"), "operator", &[requested], &[have]));
}

#[rstest]
#[case(v2026_3_13(), &["operator.admin"])]
#[case(v2026_3_28(), &["operator.admin", "operator.read", "operator.write"])]
fn admin_implies_scopes_since_2026_3_28(#[case] rules: PairingRules, #[case] scopes: &[&str]) {
    assert_eq!(normalised_scopes(&rules, &["operator.admin"]), texts(scopes));
}

#[rstest]
#[case("2026.4.8", json!({"tokens": {}}), &["operator"])]
#[case("2026.4.8", json!({}), &["operator"])]
#[case("2026.4.15", json!({"tokens": {}}), &[])]
#[case("2026.4.15", json!({}), &[])]
#[case("2026.4.15", json!({"tokens": {"operator": {"role": "operator"}}}), &["operator"])]
#[case("2026.4.15", json!({"tokens": {"node": {"role": "node"}}}), &[])]
fn role_needs_active_token_since_2026_4_15(#[case] release: &str, #[case] record: Value, #[case] roles: &[&str]) {
    let rules = of(release);
    let mut device = js::spread(Some(&record));
    js::set(&mut device, "role", Some("operator"));
    assert_eq!(effective_roles(&rules, &Value::Object(device)).unwrap(), roles);
}

#[rstest]
#[case("2026.4.8", "operator", "custom.x", None)]
#[case("2026.4.15", "operator", "custom.x", Some("invalid scope for requested roles: custom.x"))]
#[case("2026.4.8", "node", "operator.read", Some("missing scope: operator.read"))]
#[case("2026.4.15", "node", "operator.read", Some("invalid scope for requested roles: operator.read"))]
#[case("2026.4.15", "node", "node.x", None)]
fn names_scope_outside_roles_since_2026_4_15(
    #[case] release: &str,
    #[case] role: &str,
    #[case] scope: &str,
    #[case] refusal: Option<&str>,
) {
    let rules = of(release);
    let (mut store, mut entropy) = (MemoryDocuments::new(), CountingEntropy(0));
    let id = request(&rules, &mut store, &mut entropy, NOW, &laptop(role, &[scope], false)).unwrap().request_id();
    let admin = ["operator.admin".to_owned()];
    let denial = match approve(&rules, &mut store, &mut entropy, NOW, &id, Approver::owner(&admin)).unwrap() {
        Approval::Forbidden(denial) => Some(denial.to_string()),
        _ => None,
    };
    assert_eq!(denial.as_deref(), refusal);
}
