use super::*;
use crate::rules::{Entropy, Rules};
use crate::store::record::{self, Record};
use crate::store::{Document, Documents, MemoryDocuments};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

const NOW: i64 = 1_700_000_000_000;

struct Counter(u8);

impl Entropy for Counter {
    fn uuid(&mut self) -> [u8; 16] {
        self.0 += 1;
        [self.0; 16]
    }

    fn token(&mut self) -> [u8; 32] {
        self.0 += 1;
        [self.0; 32]
    }
}

fn of(release: &str) -> PairingRules {
    Rules::of(release.parse().unwrap()).unwrap().pairing
}

fn v2026_2_19() -> PairingRules {
    of("2026.2.19")
}

fn v2026_2_26() -> PairingRules {
    of("2026.2.26")
}

fn v2026_3_13() -> PairingRules {
    of("2026.3.13")
}

fn v2026_3_28() -> PairingRules {
    of("2026.3.28")
}

fn v2026_3_31() -> PairingRules {
    of("2026.3.31")
}

fn v2026_4_2() -> PairingRules {
    of("2026.4.2")
}

fn v2026_4_5() -> PairingRules {
    of("2026.4.5")
}

fn laptop(role: &str, scopes: &[&str], silent: bool) -> PairingRequest {
    PairingRequest {
        device_id: "laptop".to_owned(),
        public_key: "key".to_owned(),
        platform: Some("linux".to_owned()),
        client_id: Some("cli".to_owned()),
        client_mode: Some("cli".to_owned()),
        role: role.to_owned(),
        scopes: texts(scopes),
        silent,
        ..PairingRequest::default()
    }
}

fn texts(items: &[&str]) -> Vec<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

fn keys(record: &Record) -> String {
    record.keys().cloned().collect::<Vec<_>>().join(" ")
}

fn paired(store: &MemoryDocuments) -> Value {
    store.read(Document::DevicesPaired).map_or_else(|| json!({}), |value| (*value).clone())
}

#[test]
fn a_request_and_its_approval_write_the_releases_fields_in_their_order() {
    let (mut store, mut entropy, rules) = (MemoryDocuments::new(), Counter(0), v2026_4_2());
    let asked = request(&rules, &mut store, &mut entropy, NOW, &laptop("operator", &["operator.write"], true)).unwrap();
    assert!(asked.created && asked.silent());
    assert_eq!(
        keys(&asked.request),
        "requestId deviceId publicKey platform clientId clientMode role roles scopes silent isRepair ts"
    );
    let id = asked.request_id();
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
fn a_repeated_request_refreshes_and_a_wider_one_replaces(
    #[case] scopes: &[&str],
    #[case] silent: bool,
    #[case] refreshes: bool,
) {
    let (mut store, mut entropy, rules) = (MemoryDocuments::new(), Counter(0), v2026_4_2());
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
fn an_empty_scope_list_is_left_out_up_to_2026_3_28(#[case] rules: PairingRules, #[case] scopes: Option<Value>) {
    let (mut store, mut entropy) = (MemoryDocuments::new(), Counter(0));
    let asked = request(&rules, &mut store, &mut entropy, NOW, &laptop("node", &[], true)).unwrap();
    assert_eq!(asked.request.get("scopes"), scopes.as_ref());
}

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
fn who_covers_what(#[case] role: &str, #[case] asked: &[&str], #[case] have: &[&str], #[case] expected: [bool; 2]) {
    let found = [v2026_4_2(), v2026_4_5()].map(|rules| scopes_allow(&rules, role, asked, have));
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
fn writing_covers_talk_and_sessions_since_2026_9_6(#[case] asked: &str, #[case] have: &str, #[case] expected: bool) {
    assert_eq!(scopes_allow(&of("2026.9.6"), "operator", &[asked], &[have]), expected);
    assert!(!scopes_allow(&of("2026.7.35"), "operator", &[asked], &[have]));
}

#[test]
fn a_role_upgrade_to_node_mints_with_operator_scopes_up_to_2026_4_2_only() {
    for (rules, node_scopes) in [(v2026_4_2(), json!(["operator.read"])), (v2026_4_5(), json!([]))] {
        let (mut store, mut entropy) = (MemoryDocuments::new(), Counter(0));
        for role in ["operator", "node"] {
            let scopes: &[&str] = if role == "operator" { &["operator.read"] } else { &[] };
            let asked = request(&rules, &mut store, &mut entropy, NOW, &laptop(role, scopes, true)).unwrap();
            approve(&rules, &mut store, &mut entropy, NOW, &asked.request_id(), Approver::owner(&texts(scopes)))
                .unwrap();
        }
        assert_eq!(paired(&store)["laptop"]["tokens"]["node"]["scopes"], node_scopes);
        assert_eq!(paired(&store)["laptop"]["roles"], json!(["operator", "node"]));
    }
}

#[test]
fn an_approver_without_the_scope_is_refused_and_nothing_changes() {
    let (mut store, mut entropy, rules) = (MemoryDocuments::new(), Counter(0), v2026_4_2());
    let asked =
        request(&rules, &mut store, &mut entropy, NOW, &laptop("operator", &["operator.admin"], false)).unwrap();
    let before = store.clone();
    let approval = approve(
        &rules,
        &mut store,
        &mut entropy,
        NOW,
        &asked.request_id(),
        Approver::owner(&texts(&["operator.pairing"])),
    )
    .unwrap();
    assert_eq!(approval, Approval::Forbidden(Denial::Missing("operator.admin".to_owned())));
    assert_eq!(store, before);
}

#[test]
fn a_request_older_than_five_minutes_is_unknown() {
    let (mut store, mut entropy, rules) = (MemoryDocuments::new(), Counter(0), v2026_4_2());
    let asked = request(&rules, &mut store, &mut entropy, NOW, &laptop("node", &[], false)).unwrap();
    let id = asked.request_id();
    assert!(list(&rules, &store, NOW + PENDING_TTL_MS).unwrap().pending.len() == 1);
    let late = NOW + PENDING_TTL_MS + 1;
    assert_eq!(approve(&rules, &mut store, &mut entropy, late, &id, Approver::owner(&[])).unwrap(), Approval::Unknown);
}

fn shown(scopes: &[String]) -> ShownToken<'_> {
    ShownToken { token: "t", role: "operator", scopes, bound: None }
}

fn store_with(device: Value) -> MemoryDocuments {
    MemoryDocuments::new().with(Document::DevicesPaired, json!({"laptop": device}))
}

fn operator_record(token: Value) -> Value {
    json!({"deviceId": "laptop", "publicKey": "key", "role": "operator", "scopes": ["operator.read"],
        "approvedScopes": ["operator.read"], "tokens": {"operator": token}, "x-unknown": 1})
}

#[rstest]
#[case(json!({"token": "t", "role": "operator", "scopes": ["operator.read"]}), &["operator.read"], "ok")]
#[case(json!({"token": "t", "role": "operator", "scopes": ["operator.read"]}), &["operator.admin"], "scope-mismatch")]
#[case(json!({"token": "t", "role": "operator", "scopes": ["operator.admin"]}), &[], "scope-mismatch")]
#[case(json!({"token": "t", "role": "operator", "scopes": [], "revokedAtMs": 1}), &[], "token-revoked")]
#[case(json!({"token": "u", "role": "operator", "scopes": []}), &[], "token-mismatch")]
#[case(json!(null), &[], "token-missing")]
fn a_device_token_is_verified(#[case] token: Value, #[case] scopes: &[&str], #[case] expected: &str) {
    let mut store = store_with(operator_record(token));
    let before = store.clone();
    let verdict = verify_token(&v2026_4_2(), &mut store, NOW, "laptop", shown(&texts(scopes))).unwrap();
    assert_eq!(verdict.map_or_else(TokenRefusal::reason, |_| "ok"), expected);
    assert_eq!(store == before, expected != "ok", "only a use is written down");
}

#[test]
fn a_record_stored_under_a_foreign_key_is_written_under_its_own_id_too() {
    let mut store = MemoryDocuments::new().with(
        Document::DevicesPaired,
        json!({"other": operator_record(json!({"token": "t", "role": "operator", "scopes": []}))}),
    );
    verify_token(&v2026_4_2(), &mut store, NOW, "other", shown(&[])).unwrap().unwrap();
    assert_eq!(paired(&store)["other"], paired(&store)["laptop"]);
    assert_eq!(paired(&store)["laptop"]["x-unknown"], json!(1));
}

#[test]
fn an_odd_token_is_a_type_error() {
    let mut store = store_with(operator_record(json!({"role": "operator"})));
    let fault = verify_token(&v2026_4_2(), &mut store, NOW, "laptop", shown(&[])).unwrap_err();
    assert_eq!(fault.for_answer(), "TypeError: Cannot read properties of undefined (reading 'trim')");
}

#[test]
fn a_list_as_paired_json_takes_nothing() {
    let (mut entropy, rules) = (Counter(0), v2026_4_2());
    let mut store = MemoryDocuments::new().with(Document::DevicesPaired, json!([]));
    let asked = request(&rules, &mut store, &mut entropy, NOW, &laptop("node", &[], true)).unwrap();
    approve(&rules, &mut store, &mut entropy, NOW, &asked.request_id(), Approver::owner(&[])).unwrap();
    assert_eq!(paired(&store), json!([]));
}

#[test]
fn rotation_ends_a_revocation_and_keeps_the_creation_time() {
    let token = json!({"token": "t", "role": "operator", "scopes": ["operator.read"], "createdAtMs": 5});
    let mut store = store_with(operator_record(token));
    let revoked = revoke_token(&v2026_4_2(), &mut store, NOW, "laptop", " operator ", &[]).unwrap();
    let TokenRevocation::Revoked(entry) = revoked else { panic!("{revoked:?}") };
    assert_eq!(entry["revokedAtMs"], json!(NOW));
    let rotated = rotate_token(&v2026_4_2(), &mut store, &mut Counter(0), NOW, "laptop", "operator", None).unwrap();
    let TokenRotation::Rotated(entry) = rotated else { panic!("{rotated:?}") };
    assert_eq!(keys(&entry), "token role scopes createdAtMs rotatedAtMs");
    assert_eq!(entry["createdAtMs"], json!(5));
}

#[rstest]
#[case(v2026_4_2(), true)]
#[case(v2026_4_5(), false)]
fn a_token_for_a_role_the_record_does_not_name(#[case] rules: PairingRules, #[case] minted: bool) {
    let mut store = store_with(operator_record(json!({"token": "t", "role": "operator", "scopes": []})));
    let wanted = WantedToken { role: "node", scopes: &[], bound: None };
    let token = ensure_token(&rules, &mut store, &mut Counter(0), NOW, "laptop", wanted).unwrap();
    assert_eq!(token.is_some(), minted);
}

#[test]
fn a_connect_rewrites_what_it_saw_and_keeps_the_rest() {
    let mut store =
        store_with(json!({"deviceId": "laptop", "displayName": "old", "zz": 1, "scopes": ["operator.read"],
        "role": "operator", "approvedAtMs": 3}));
    let seen =
        AccessMetadata { client_id: Some("cli".to_owned()), role: "node".to_owned(), ..AccessMetadata::default() };
    update_metadata(&v2026_4_2(), &mut store, NOW, "laptop", &seen).unwrap();
    let device = &paired(&store)["laptop"];
    assert_eq!(
        device,
        &json!({"deviceId": "laptop", "zz": 1, "scopes": ["operator.read"], "role": "node", "approvedAtMs": 3,
            "clientId": "cli", "roles": ["operator", "node"]})
    );
}

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
fn a_bootstrap_token_is_consumed_or_bound(#[case] rules: PairingRules, #[case] left: &str) {
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
fn a_bootstrap_profile_is_redeemed_role_by_role() {
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

#[rstest]
#[case::kept(v2026_2_19(), false, "operator", &["operator"], &["operator.read"])]
#[case::merged(v2026_2_26(), false, "operator", &["operator", "node"], &["operator.read", "node.x"])]
#[case::merged(v2026_3_13(), false, "operator", &["operator", "node"], &["operator.read", "node.x"])]
#[case::superseded(v2026_3_28(), true, "node", &["operator", "node"], &["operator.read", "node.x"])]
fn a_wider_repeat_is_merged_or_supersedes(
    #[case] rules: PairingRules,
    #[case] created: bool,
    #[case] role: &str,
    #[case] roles: &[&str],
    #[case] scopes: &[&str],
) {
    let (mut store, mut entropy) = (MemoryDocuments::new(), Counter(0));
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
fn a_request_without_scopes_said_so_once(#[case] rules: PairingRules, #[case] scopes: Option<Value>) {
    let asked = request(&rules, &mut MemoryDocuments::new(), &mut Counter(0), NOW, &laptop("node", &[], true)).unwrap();
    assert_eq!(asked.request.get("scopes").cloned(), scopes);
}

#[rstest]
#[case(v2026_3_13(), &["operator.admin"])]
#[case(v2026_3_28(), &["operator.admin", "operator.read", "operator.write"])]
fn admin_implies_since_2026_3_28(#[case] rules: PairingRules, #[case] scopes: &[&str]) {
    assert_eq!(normalised_scopes(&rules, &["operator.admin"]), texts(scopes));
}

#[rstest]
#[case::set(v2026_2_19(), &["operator.admin"], Some(&["operator.admin"][..]))]
#[case::implied(v2026_2_26(), &["operator.read"], Some(&["operator.write"][..]))]
#[case::beyond(v2026_2_26(), &["operator.admin"], None)]
#[case::bounded(v2026_3_13(), &["operator.read"], Some(&["operator.write"][..]))]
fn a_rotation_is_bounded_since_2026_2_26(
    #[case] rules: PairingRules,
    #[case] asked: &[&str],
    #[case] scopes: Option<&[&str]>,
) {
    let row = json!({"deviceId": "laptop", "role": "operator", "scopes": ["operator.write"]});
    let mut store = store_with(row);
    let asked = json!(asked);
    let rotation = rotate_token(&rules, &mut store, &mut Counter(0), NOW, "laptop", "operator", Some(&asked)).unwrap();
    match scopes {
        None => assert_eq!(rotation, TokenRotation::Refused("scope-outside-approved-baseline")),
        Some(scopes) => {
            assert!(matches!(rotation, TokenRotation::Rotated(_)));
            assert_eq!(paired(&store)["laptop"]["scopes"], json!(scopes));
        }
    }
}

#[test]
fn a_bootstrap_token_without_a_profile_admits_once_and_keeps_what_it_says() {
    let rules = v2026_3_13();
    let mut store = MemoryDocuments::new().with(
        Document::DevicesBootstrap,
        json!({"boot": {"ts": NOW, "x": 1}, "other": {"token": "o", "issuedAtMs": NOW}}),
    );
    let asked = |token| BootstrapRequest { token, device_id: "d", public_key: "k", role: "node", scopes: &[] };
    assert!(verify_bootstrap_token(&rules, &mut store, NOW, asked("boot")).unwrap());
    assert!(!verify_bootstrap_token(&rules, &mut store, NOW, asked("boot")).unwrap());
    // One that is not found under its own name stays.
    assert!(verify_bootstrap_token(&rules, &mut store, NOW, asked("o")).unwrap());
    let left = store.read(Document::DevicesBootstrap).unwrap();
    assert_eq!(*left, json!({"other": {"token": "o", "issuedAtMs": NOW, "ts": NOW}}));
}

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

#[rstest]
#[case("2026.4.8", json!({"tokens": {}}), &["operator"])]
#[case("2026.4.8", json!({}), &["operator"])]
#[case("2026.4.15", json!({"tokens": {}}), &[])]
#[case("2026.4.15", json!({}), &[])]
#[case("2026.4.15", json!({"tokens": {"operator": {"role": "operator"}}}), &["operator"])]
#[case("2026.4.15", json!({"tokens": {"node": {"role": "node"}}}), &[])]
fn only_an_active_token_gives_a_role_from_2026_4_15_on(
    #[case] release: &str,
    #[case] record: Value,
    #[case] roles: &[&str],
) {
    let rules = of(release);
    let mut device = record::spread(Some(&record));
    record::set(&mut device, "role", Some("operator"));
    assert_eq!(effective_roles(&rules, &Value::Object(device)).unwrap(), roles);
}

#[rstest]
#[case("2026.4.8", NOW + 1)]
#[case("2026.4.15", NOW)]
fn a_repeated_request_keeps_its_time_from_2026_4_15_on(#[case] release: &str, #[case] ts: i64) {
    let rules = of(release);
    let (mut store, mut entropy) = (MemoryDocuments::new(), Counter(0));
    let asks = laptop("operator", &["operator.read"], false);
    request(&rules, &mut store, &mut entropy, NOW, &asks).unwrap();
    let again = request(&rules, &mut store, &mut entropy, NOW + 1, &asks).unwrap();
    assert_eq!((again.created, &again.request["ts"]), (false, &json!(ts)));
}

#[rstest]
#[case("2026.4.8", "operator", "custom.x", None)]
#[case("2026.4.15", "operator", "custom.x", Some("invalid scope for requested roles: custom.x"))]
#[case("2026.4.8", "node", "operator.read", Some("missing scope: operator.read"))]
#[case("2026.4.15", "node", "operator.read", Some("invalid scope for requested roles: operator.read"))]
#[case("2026.4.15", "node", "node.x", None)]
fn a_scope_outside_the_roles_is_refused_by_name_from_2026_4_15_on(
    #[case] release: &str,
    #[case] role: &str,
    #[case] scope: &str,
    #[case] refusal: Option<&str>,
) {
    let rules = of(release);
    let (mut store, mut entropy) = (MemoryDocuments::new(), Counter(0));
    let id = request(&rules, &mut store, &mut entropy, NOW, &laptop(role, &[scope], false)).unwrap().request_id();
    let admin = ["operator.admin".to_owned()];
    let denial = match approve(&rules, &mut store, &mut entropy, NOW, &id, Approver::owner(&admin)).unwrap() {
        Approval::Forbidden(denial) => Some(denial.to_string()),
        _ => None,
    };
    assert_eq!(denial.as_deref(), refusal);
}

#[rstest]
#[case("2026.4.15", "node", None)]
#[case("2026.5.7", "node", Some(TokenRevocation::Unknown))]
#[case("2026.4.15", "operator", None)]
#[case("2026.5.7", "operator", Some(TokenRevocation::MissingScope("operator.read".to_owned())))]
fn revoking_takes_role_and_scopes_from_2026_5_7_on(
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
#[case("2026.4.15", true, 1)]
#[case("2026.5.7", false, 0)]
fn removing_and_approving_from_2026_5_7_on(#[case] release: &str, #[case] approved: bool, #[case] pending: usize) {
    let (rules, mut entropy) = (of(release), Counter(0));
    let mut store = store_with(operator_record(json!({"token": "t", "role": "operator", "scopes": ["operator.read"]})));
    let id = request(&rules, &mut store, &mut entropy, NOW, &laptop("operator", &[], false)).unwrap().request_id();
    // The request asks for nothing, but the token that comes of it keeps its scopes.
    let mut copy = store.clone();
    let approval =
        approve(&rules, &mut copy, &mut entropy, NOW, &id, Approver::owner(&["operator.pairing".to_owned()])).unwrap();
    assert_eq!(approval.device().is_some(), approved);
    remove(&rules, &mut store, NOW, "laptop").unwrap();
    assert_eq!(list(&rules, &store, NOW).unwrap().pending.len(), pending);
}

#[rstest]
#[case("2026.4.15", true)]
#[case("2026.5.7", false)]
fn a_file_that_does_not_parse_ends_everything_from_2026_5_7_on(#[case] release: &str, #[case] borne: bool) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("devices")).unwrap();
    let pending = directory.path().join("devices/pending.json");
    std::fs::write(&pending, "{oops").unwrap();
    let store = crate::store::DirectoryDocuments::new(directory.path(), false);
    let listed = list(&of(release), &store, NOW).map_err(|fault| fault.for_answer());
    let fault = format!("JsonFileReadError: Failed to parse JSON file: {}", pending.display());
    assert_eq!(listed.is_ok(), borne);
    assert!(borne || listed == Err(fault), "the fault names the file");
}

#[rstest]
#[case("2026.4.15", true)]
#[case("2026.5.7", false)]
fn only_the_file_that_changed_is_written_from_2026_5_7_on(#[case] release: &str, #[case] both: bool) {
    let mut store = MemoryDocuments::new();
    request(&of(release), &mut store, &mut Counter(0), NOW, &laptop("node", &[], false)).unwrap();
    assert_eq!(store.read(Document::DevicesPaired).is_some(), both);
}

#[rstest]
#[case(json!({"kind": "shared-gateway-auth", "generation": "g"}), "cli", Some("g"), "ok")]
#[case(json!({"kind": "shared-gateway-auth", "generation": "g"}), "cli", Some("h"), "issuer-generation-stale")]
#[case(json!(null), "webchat", Some("g"), "issuer-generation-stale")]
#[case(json!(null), "webchat", None, "ok")]
#[case(json!(null), "cli", Some("g"), "ok")]
fn a_browsers_token_is_good_for_one_secret_from_2026_6_11_on(
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

#[test]
fn a_device_loses_a_role_and_is_forgotten_with_the_last() {
    let rules = of("2026.6.11");
    let mut store = store_with(json!({"deviceId": "laptop", "roles": ["operator", "node"], "approvedScopes":
        ["operator.read", "node.x"], "tokens": {"node": {"role": "node"}, "operator": {"role": "operator"}}}));
    assert_eq!(remove_role(&rules, &mut store, NOW, " laptop ", "node").unwrap().as_deref(), Some("laptop"));
    let left = json!({"deviceId": "laptop", "roles": ["operator"], "approvedScopes": ["operator.read"],
        "tokens": {"operator": {"role": "operator"}}, "scopes": ["operator.read"], "role": "operator"});
    assert_eq!(paired(&store)["laptop"], left);
    assert_eq!(remove_role(&rules, &mut store, NOW, "laptop", "node").unwrap(), None);
    remove_role(&rules, &mut store, NOW, "laptop", "operator").unwrap();
    assert_eq!(paired(&store), json!({}));
}

proptest! {
    #[test]
    fn approving_never_widens_beyond_what_was_asked_and_what_was_there(
        rules in any_rules(),
        asked in prop::collection::vec(scope(), 0..4),
        had in prop::collection::vec(scope(), 0..4),
        caller in prop::collection::vec(scope(), 0..4),
    ) {
        let mut store = store_with(json!({"deviceId": "laptop", "role": "operator", "scopes": had}));
        let mut entropy = Counter(0);
        let asks = PairingRequest { scopes: asked.clone(), ..laptop("operator", &[], false) };
        let id = request(&rules, &mut store, &mut entropy, NOW, &asks).unwrap().request_id();
        let before = store.clone();
        let approval = approve(&rules, &mut store, &mut entropy, NOW, &id, Approver::owner(&caller)).unwrap();
        let Some(device) = approval.device() else {
            prop_assert_eq!(store, before);
            return Ok(());
        };
        let bound: Vec<String> = asked.iter().chain(&had).cloned().collect();
        let bound = normalised_scopes(&rules, &bound);
        let token = normalise_scopes(&rules, device["tokens"]["operator"].get("scopes")).unwrap();
        for scope in normalise_scopes(&rules, device.get("approvedScopes")).unwrap().into_iter().chain(token) {
            prop_assert!(bound.contains(&scope), "{} is neither asked nor held", scope);
        }
        let operator: Vec<_> =
            normalised_scopes(&rules, &asked).into_iter().filter(|s| s.starts_with("operator.")).collect();
        prop_assert!(!rules.approver_bounded || scopes_allow(&rules, "operator", &operator, &caller));
    }

    #[test]
    fn a_request_never_changes_paired_rows(
        rules in any_rules(),
        role in prop::sample::select(vec!["operator", "node"]),
        asked in prop::collection::vec(scope(), 0..4),
        silent in any::<bool>(),
    ) {
        let row = operator_record(json!({"token": "t", "role": "operator", "scopes": [], "x": [null]}));
        let mut store = store_with(row.clone());
        let asks = PairingRequest { scopes: asked, ..laptop(role, &[], silent) };
        for later in 0..2 {
            request(&rules, &mut store, &mut Counter(0), NOW + later, &asks).unwrap();
        }
        prop_assert_eq!(record::key_text(paired(&store).get("laptop")), record::key_text(Some(&row)));
        prop_assert_eq!(&paired(&store)["laptop"], &row);
    }
}

#[rstest]
#[case("2026.6.11", &["operator.read"], false)]
#[case("2026.7.35", &["operator.read"], true)]
#[case("2026.7.35", &["operator.pairing"], false)]
fn a_request_that_the_pending_one_covers_keeps_it(#[case] release: &str, #[case] scopes: &[&str], #[case] kept: bool) {
    let (mut store, mut entropy, rules) = (MemoryDocuments::new(), Counter(0), of(release));
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

#[test]
fn a_record_says_how_it_was_approved_and_an_owners_word_stays() {
    let (mut store, mut entropy, rules) = (MemoryDocuments::new(), Counter(0), of("2026.9.6"));
    let mut via = |silent: bool, scopes: &[&str]| {
        let asked = request(&rules, &mut store, &mut entropy, NOW, &laptop("operator", scopes, silent)).unwrap();
        let held = texts(&["operator.admin"]);
        let by = match silent {
            true => Approver { kind: ApprovalKind::Silent, ..Approver::owner(&held) },
            false => Approver::owner(&held),
        };
        let approval = approve(&rules, &mut store, &mut entropy, NOW, &asked.request_id(), by).unwrap();
        approval.device().unwrap()["approvedVia"].clone()
    };
    assert_eq!(via(true, &["operator.read"]), "silent");
    assert_eq!(via(true, &["operator.write"]), "silent");
    assert_eq!(via(false, &["operator.approvals"]), "owner");
    assert_eq!(via(true, &["operator.pairing"]), "owner");
}

#[test]
fn a_made_up_token_pairs_the_command_line_client_once() {
    let (mut store, mut entropy, rules) = (MemoryDocuments::new(), Counter(0), of("2026.9.6"));
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
