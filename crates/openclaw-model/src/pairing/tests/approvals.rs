//! Tests of what an approval writes and refuses.

use super::*;
use rstest::rstest;

#[test]
fn role_upgrade_mints_operator_scopes_until_2026_4_2() {
    for (rules, node_scopes) in [(v2026_4_2(), json!(["operator.read"])), (v2026_4_5(), json!([]))] {
        let (mut store, mut entropy) = (MemoryDocuments::new(), CountingEntropy(0));
        for role in ["operator", "node"] {
            let scopes: &[&str] = if role == "operator" { &["operator.read"] } else { &[] };
            let requested = request(&rules, &mut store, &mut entropy, NOW, &laptop(role, scopes, true)).unwrap();
            approve(&rules, &mut store, &mut entropy, NOW, &requested.request_id(), Approver::owner(&texts(scopes)))
                .unwrap();
        }
        assert_eq!(paired(&store)["laptop"]["tokens"]["node"]["scopes"], node_scopes);
        assert_eq!(paired(&store)["laptop"]["roles"], json!(["operator", "node"]));
    }
}

#[test]
fn approver_without_scope_is_refused() {
    let (mut store, mut entropy, rules) = (MemoryDocuments::new(), CountingEntropy(0), v2026_4_2());
    let requested =
        request(&rules, &mut store, &mut entropy, NOW, &laptop("operator", &["operator.admin"], false)).unwrap();
    let before = store.clone();
    let approval = approve(
        &rules,
        &mut store,
        &mut entropy,
        NOW,
        &requested.request_id(),
        Approver::owner(&texts(&["operator.pairing"])),
    )
    .unwrap();
    assert_eq!(approval, Approval::Forbidden(ApprovalRefusal::Missing("operator.admin".to_owned())));
    assert_eq!(store, before);
}

#[rstest]
#[case("2026.4.15", true, 1)]
#[case("2026.5.7", false, 0)]
fn remove_and_approve_since_2026_5_7(#[case] release: &str, #[case] approved: bool, #[case] pending: usize) {
    let (rules, mut entropy) = (of(release), CountingEntropy(0));
    let mut store = store_with(operator_record(json!({"token": "t", "role": "operator", "scopes": ["operator.read"]})));
    let id = request(&rules, &mut store, &mut entropy, NOW, &laptop("operator", &[], false)).unwrap().request_id();
    // The request asks for nothing, but the resulting token keeps its scopes.
    let mut copy = store.clone();
    let approval =
        approve(&rules, &mut copy, &mut entropy, NOW, &id, Approver::owner(&["operator.pairing".to_owned()])).unwrap();
    assert_eq!(approval.device().is_some(), approved);
    remove(&rules, &mut store, NOW, "laptop").unwrap();
    assert_eq!(list(&rules, &store, NOW).unwrap().pending.len(), pending);
}

#[test]
fn approval_source_in_record() {
    let (mut store, mut entropy, rules) = (MemoryDocuments::new(), CountingEntropy(0), of("2026.9.6"));
    let mut via = |silent: bool, scopes: &[&str]| {
        let requested = request(&rules, &mut store, &mut entropy, NOW, &laptop("operator", scopes, silent)).unwrap();
        let held = texts(&["operator.admin"]);
        let by = match silent {
            true => Approver { kind: ApprovalKind::Silent, ..Approver::owner(&held) },
            false => Approver::owner(&held),
        };
        let approval = approve(&rules, &mut store, &mut entropy, NOW, &requested.request_id(), by).unwrap();
        approval.device().unwrap()["approvedVia"].clone()
    };
    assert_eq!(via(true, &["operator.read"]), "silent");
    assert_eq!(via(true, &["operator.write"]), "silent");
    assert_eq!(via(false, &["operator.approvals"]), "owner");
    assert_eq!(via(true, &["operator.pairing"]), "owner");
}

#[test]
fn generated_token_pairs_cli_once() {
    let (mut store, mut entropy, rules) = (MemoryDocuments::new(), CountingEntropy(0), of("2026.9.6"));
    for _ in 0..2 {
        pair_local_cli(&rules, &mut store, &mut entropy, NOW).unwrap();
    }
    let listed = list(&rules, &store, NOW).unwrap();
    assert_eq!((listed.pending.len(), listed.paired.len()), (0, 1));
    let device = &listed.paired[0];
    assert_eq!(device["lastSeenReason"], json!("runtime-token-startup"));
    assert_eq!(device["approvedVia"], json!("silent"));
    assert_eq!(device["tokens"]["operator"]["scopes"], json!(["operator.admin", "operator.read", "operator.write"]));
    assert!(rules.pairs_local_cli && !of("2026.7.35").pairs_local_cli);
}
