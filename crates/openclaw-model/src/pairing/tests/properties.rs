//! Properties of all requests and approvals.

use super::*;
use proptest::prelude::*;

fn scope() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "operator.admin",
        "operator.read",
        "operator.write",
        "operator.pairing",
        "operator.approvals",
        "node.x",
        " ",
    ])
    .prop_map(str::to_owned)
}

fn any_rules() -> impl Strategy<Value = PairingRules> {
    prop::sample::select(vec![
        v2026_2_19(),
        v2026_2_26(),
        v2026_3_13(),
        v2026_3_28(),
        v2026_3_31(),
        v2026_4_2(),
        v2026_4_5(),
    ])
}

proptest! {
    #[test]
    fn approval_never_widens_access(
        rules in any_rules(),
        requested in prop::collection::vec(scope(), 0..4),
        had in prop::collection::vec(scope(), 0..4),
        caller in prop::collection::vec(scope(), 0..4),
    ) {
        let mut store = store_with(json!({"deviceId": "laptop", "role": "operator", "scopes": had}));
        let mut entropy = CountingEntropy(0);
        let asks = PairingRequest { scopes: requested.clone(), ..laptop("operator", &[], false) };
        let id = request(&rules, &mut store, &mut entropy, NOW, &asks).unwrap().request_id();
        let before = store.clone();
        let approval = approve(&rules, &mut store, &mut entropy, NOW, &id, Approver::owner(&caller)).unwrap();
        let Some(device) = approval.device() else {
            prop_assert_eq!(store, before);
            return Ok(());
        };
        let bound: Vec<String> = requested.iter().chain(&had).cloned().collect();
        let bound = normalised_scopes(&rules, &bound);
        let token = normalise_scopes(&rules, device["tokens"]["operator"].get("scopes")).unwrap();
        for scope in normalise_scopes(&rules, device.get("approvedScopes")).unwrap().into_iter().chain(token) {
            prop_assert!(bound.contains(&scope), "{} is neither asked nor held", scope);
        }
        let operator: Vec<_> =
            normalised_scopes(&rules, &requested).into_iter().filter(|s| s.starts_with("operator.")).collect();
        prop_assert!(!rules.approver_bounded || scopes_allow(&rules, "operator", &operator, &caller));
    }

    #[test]
    fn request_never_changes_paired_records(
        rules in any_rules(),
        role in prop::sample::select(vec!["operator", "node"]),
        requested in prop::collection::vec(scope(), 0..4),
        silent in any::<bool>(),
    ) {
        let row = operator_record(json!({"token": "t", "role": "operator", "scopes": [], "x": [null]}));
        let mut store = store_with(row.clone());
        let asks = PairingRequest { scopes: requested, ..laptop(role, &[], silent) };
        for later in 0..2 {
            request(&rules, &mut store, &mut CountingEntropy(0), NOW + later, &asks).unwrap();
        }
        prop_assert_eq!(js::key_text(paired(&store).get("laptop")), js::key_text(Some(&row)));
        prop_assert_eq!(&paired(&store)["laptop"], &row);
    }
}
