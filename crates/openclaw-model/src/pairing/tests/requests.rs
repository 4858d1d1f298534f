//! Tests of requests and repeated requests.

use super::*;
use rstest::rstest;

#[test]
fn field_order_of_request_and_approval() {
    let (mut store, mut entropy, rules) = (MemoryDocuments::new(), CountingEntropy(0), v2026_4_2());
    let requested =
        request(&rules, &mut store, &mut entropy, NOW, &laptop("operator", &["operator.write"], true)).unwrap();
    assert!(requested.created && requested.silent());
    assert_eq!(
        keys(&requested.request),
        "requestId deviceId publicKey platform clientId clientMode role roles scopes silent isRepair ts"
    );
    let id = requested.request_id();
    let approval =
        approve(&rules, &mut store, &mut entropy, NOW, &id, Approver::owner(&texts(&["operator.write"]))).unwrap();
    let device = approval.device().unwrap();
    assert_eq!(
        keys(device),
        "deviceId publicKey platform clientId clientMode role roles scopes approvedScopes tokens createdAtMs approvedAtMs"
    );
    assert_eq!(device["scopes"], json!(["operator.write"]));
    assert_eq!(device["tokens"]["operator"]["scopes"], json!(["operator.read", "operator.write"]));
    assert_eq!(keys(device["tokens"]["operator"].as_object().unwrap()), "token role scopes createdAtMs");
    assert_eq!(store.read(Document::DevicesPending).as_deref(), Some(&json!({})));
}

#[rstest]
#[case(&["operator.read"], false, true)]
#[case(&["operator.read"], true, true)]
#[case(&["operator.admin"], false, false)]
fn repeat_refreshes_and_wider_replaces(#[case] scopes: &[&str], #[case] silent: bool, #[case] refreshes: bool) {
    let (mut store, mut entropy, rules) = (MemoryDocuments::new(), CountingEntropy(0), v2026_4_2());
    let first = request(&rules, &mut store, &mut entropy, NOW, &laptop("operator", &["operator.read"], false)).unwrap();
    let second = request(&rules, &mut store, &mut entropy, NOW + 5, &laptop("operator", scopes, silent)).unwrap();
    assert_eq!(second.created, !refreshes);
    assert_eq!(first.request_id() == second.request_id(), refreshes);
    assert!(!second.silent(), "one that waits for a person keeps the device waiting");
    assert_eq!(second.request["ts"], json!(NOW + 5));
    let pending = store.read(Document::DevicesPending).unwrap();
    assert_eq!(pending.as_object().unwrap().len(), 1);
    if !refreshes {
        assert_eq!(second.request["scopes"], json!(["operator.read", "operator.admin"]));
    }
}

#[rstest]
#[case(v2026_3_28(), None)]
#[case(v2026_3_31(), Some(json!([])))]
fn omits_empty_scopes_until_2026_3_28(#[case] rules: PairingRules, #[case] scopes: Option<Value>) {
    let (mut store, mut entropy) = (MemoryDocuments::new(), CountingEntropy(0));
    let requested = request(&rules, &mut store, &mut entropy, NOW, &laptop("node", &[], true)).unwrap();
    assert_eq!(requested.request.get("scopes"), scopes.as_ref());
}

#[test]
fn request_expires_after_five_minutes() {
    let (mut store, mut entropy, rules) = (MemoryDocuments::new(), CountingEntropy(0), v2026_4_2());
    let requested = request(&rules, &mut store, &mut entropy, NOW, &laptop("node", &[], false)).unwrap();
    let id = requested.request_id();
    assert!(list(&rules, &store, NOW + PENDING_TTL_MS).unwrap().pending.len() == 1);
    let late = NOW + PENDING_TTL_MS + 1;
    assert_eq!(approve(&rules, &mut store, &mut entropy, late, &id, Approver::owner(&[])).unwrap(), Approval::Unknown);
}

#[rstest]
#[case::kept(v2026_2_19(), false, "operator", &["operator"], &["operator.read"])]
#[case::merged(v2026_2_26(), false, "operator", &["operator", "node"], &["operator.read", "node.x"])]
#[case::merged(v2026_3_13(), false, "operator", &["operator", "node"], &["operator.read", "node.x"])]
#[case::superseded(v2026_3_28(), true, "node", &["operator", "node"], &["operator.read", "node.x"])]
fn wider_repeat_merges_or_replaces(
    #[case] rules: PairingRules,
    #[case] created: bool,
    #[case] role: &str,
    #[case] roles: &[&str],
    #[case] scopes: &[&str],
) {
    let (mut store, mut entropy) = (MemoryDocuments::new(), CountingEntropy(0));
    let first = laptop("operator", &["operator.read"], false);
    let first = request(&rules, &mut store, &mut entropy, NOW, &first).unwrap();
    let second = request(&rules, &mut store, &mut entropy, NOW + 1, &laptop("node", &["node.x"], false)).unwrap();
    assert_eq!(second.created, created);
    assert_eq!(second.request_id() == first.request_id(), !created);
    assert_eq!(second.request["role"], json!(role));
    assert_eq!(second.request["roles"], json!(roles));
    assert_eq!(second.request["scopes"], json!(scopes));
    assert_eq!(store.read(Document::DevicesPending).unwrap().as_object().unwrap().len(), 1);
}

#[rstest]
#[case(v2026_3_13(), Some(json!([])))]
#[case(v2026_3_28(), None)]
fn first_request_without_scopes(#[case] rules: PairingRules, #[case] scopes: Option<Value>) {
    let requested =
        request(&rules, &mut MemoryDocuments::new(), &mut CountingEntropy(0), NOW, &laptop("node", &[], true)).unwrap();
    assert_eq!(requested.request.get("scopes").cloned(), scopes);
}

#[rstest]
#[case("2026.4.8", NOW + 1)]
#[case("2026.4.15", NOW)]
fn repeat_keeps_time_since_2026_4_15(#[case] release: &str, #[case] ts: i64) {
    let rules = of(release);
    let (mut store, mut entropy) = (MemoryDocuments::new(), CountingEntropy(0));
    let asks = laptop("operator", &["operator.read"], false);
    request(&rules, &mut store, &mut entropy, NOW, &asks).unwrap();
    let again = request(&rules, &mut store, &mut entropy, NOW + 1, &asks).unwrap();
    assert_eq!((again.created, &again.request["ts"]), (false, &json!(ts)));
}

#[rstest]
#[case("2026.6.11", &["operator.read"], false)]
#[case("2026.7.35", &["operator.read"], true)]
#[case("2026.7.35", &["operator.pairing"], false)]
fn covered_request_keeps_pending_one(#[case] release: &str, #[case] scopes: &[&str], #[case] kept: bool) {
    let (mut store, mut entropy, rules) = (MemoryDocuments::new(), CountingEntropy(0), of(release));
    let first =
        request(&rules, &mut store, &mut entropy, NOW, &laptop("operator", &["operator.write"], false)).unwrap();
    let later = NOW + 200_000;
    let again = request(&rules, &mut store, &mut entropy, later, &laptop("operator", scopes, false)).unwrap();
    assert_eq!(again.created, !kept);
    assert_eq!(again.superseded, if kept { Vec::new() } else { vec![first.request_id()] });
    assert_eq!(again.request.get("refreshedAtMs"), None);
    let alive = list(&rules, &store, later + 200_000).unwrap().pending;
    assert_eq!(alive.len(), 1, "repeated or new, it lives five minutes from then on");
}
