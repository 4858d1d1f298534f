//! Tests of what is written to paired records, and of invalid files.

use super::*;
use openclaw_protocol::store::{ReadError, WriteError};
use rstest::rstest;
use std::sync::Arc;

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
fn a_list_as_paired_json_takes_nothing() {
    let (mut entropy, rules) = (CountingEntropy(0), v2026_4_2());
    let mut store = MemoryDocuments::new().with(Document::DevicesPaired, json!([]));
    let asked = request(&rules, &mut store, &mut entropy, NOW, &laptop("node", &[], true)).unwrap();
    approve(&rules, &mut store, &mut entropy, NOW, &asked.request_id(), Approver::owner(&[])).unwrap();
    assert_eq!(paired(&store), json!([]));
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
fn a_file_that_does_not_parse_ends_everything_from_2026_5_7_on(#[case] release: &str, #[case] borne: bool) {
    let listed = list(&of(release), &Unparsable, NOW).map_err(|fault| fault.for_answer());
    let fault = "JsonFileReadError: Failed to parse JSON file: /state/devices/pending.json".to_owned();
    assert_eq!(listed.is_ok(), borne);
    assert!(borne || listed == Err(fault), "the fault names the file");
}

#[rstest]
#[case("2026.4.15", true)]
#[case("2026.5.7", false)]
fn only_the_file_that_changed_is_written_from_2026_5_7_on(#[case] release: &str, #[case] both: bool) {
    let mut store = MemoryDocuments::new();
    request(&of(release), &mut store, &mut CountingEntropy(0), NOW, &laptop("node", &[], false)).unwrap();
    assert_eq!(store.read(Document::DevicesPaired).is_some(), both);
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
