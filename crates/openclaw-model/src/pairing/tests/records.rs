//! Tests of what is written to paired records, and of invalid files.

use super::*;
use openclaw_protocol::store::{ReadError, WriteError};
use rstest::rstest;
use std::sync::Arc;

#[test]
fn record_under_foreign_key() {
    let mut store = MemoryDocuments::new().with(
        Document::DevicesPaired,
        json!({"other": operator_record(json!({"token": "t", "role": "operator", "scopes": []}))}),
    );
    verify_token(&v2026_4_2(), &mut store, NOW, "other", shown(&[])).unwrap().unwrap();
    assert_eq!(paired(&store)["other"], paired(&store)["laptop"]);
    assert_eq!(paired(&store)["laptop"]["x-unknown"], json!(1));
}

#[test]
fn list_in_place_of_paired_records() {
    let (mut entropy, rules) = (CountingEntropy(0), v2026_4_2());
    let mut store = MemoryDocuments::new().with(Document::DevicesPaired, json!([]));
    let requested = request(&rules, &mut store, &mut entropy, NOW, &laptop("node", &[], true)).unwrap();
    approve(&rules, &mut store, &mut entropy, NOW, &requested.request_id(), Approver::owner(&[])).unwrap();
    assert_eq!(paired(&store), json!([]));
}

#[test]
fn connect_updates_metadata_only() {
    let mut store =
        store_with(json!({"deviceId": "laptop", "displayName": "old", "zz": 1, "scopes": ["operator.read"],
        "role": "operator", "approvedAtMs": 3}));
    let metadata =
        AccessMetadata { client_id: Some("cli".to_owned()), role: "node".to_owned(), ..AccessMetadata::default() };
    update_metadata(&v2026_4_2(), &mut store, NOW, "laptop", &metadata).unwrap();
    let device = &paired(&store)["laptop"];
    assert_eq!(
        device,
        &json!({"deviceId": "laptop", "zz": 1, "scopes": ["operator.read"], "role": "node", "approvedAtMs": 3,
            "clientId": "cli", "roles": ["operator", "node"]})
    );
}

/// A store whose files do not parse.
struct Unparsable;

impl Documents for Unparsable {
    fn try_read(&self, document: Document) -> Result<Option<Arc<Value>>, ReadError> {
        Err(ReadError { what: "parse", path: format!("/state/{}", document.path()) })
    }

    fn write(&mut self, _: &[(Document, &Arc<Value>)]) -> Result<(), WriteError> {
        Ok(())
    }
}

#[rstest]
#[case("2026.4.15", true)]
#[case("2026.5.7", false)]
fn unparsable_file_fails_since_2026_5_7(#[case] release: &str, #[case] borne: bool) {
    let listed = list(&of(release), &Unparsable, NOW).map_err(|fault| fault.for_answer());
    let fault = "JsonFileReadError: Failed to parse JSON file: /state/devices/pending.json".to_owned();
    assert_eq!(listed.is_ok(), borne);
    assert!(borne || listed == Err(fault), "the fault names the file");
}

#[rstest]
#[case("2026.4.15", true)]
#[case("2026.5.7", false)]
fn writes_only_changed_file_since_2026_5_7(#[case] release: &str, #[case] both: bool) {
    let mut store = MemoryDocuments::new();
    request(&of(release), &mut store, &mut CountingEntropy(0), NOW, &laptop("node", &[], false)).unwrap();
    assert_eq!(store.read(Document::DevicesPaired).is_some(), both);
}

#[test]
fn removing_last_role_removes_device() {
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
