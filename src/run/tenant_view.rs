//! Filters the store and the received messages for one case if other cases have records on the same gateway.

use crate::observe::{ObservedStore, StepEvidence, StoredDocument};
use openclaw_protocol::store::Document;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The records of a store, by document and key.
pub(crate) type Records = BTreeMap<(Document, String), Value>;

/// The records of a store. `None` if a document is not an object of records.
pub(crate) fn records(store: &ObservedStore) -> Option<Records> {
    let mut records = Records::new();
    for (document, stored) in store.documents() {
        let StoredDocument::Json(json) = stored else { return None };
        let found = json.as_object()?;
        records.extend(found.iter().map(|(key, record)| ((*document, key.clone()), record.clone())));
    }
    Some(records)
}

/// Removes messages about other devices: events about them and their entries in lists.
pub(crate) fn retain_received(steps: &mut [StepEvidence], own: &impl Fn(&str) -> bool) {
    for step in steps {
        step.received.retain_mut(|received| {
            let Some(frame) = received.message.json_mut() else { return true };
            for list in ["/payload/pending", "/payload/paired", "/payload/nodes"] {
                if let Some(Value::Array(entries)) = frame.pointer_mut(list) {
                    entries.retain(|entry| device(entry).is_none_or(own));
                }
            }
            frame.get("event").is_none() || frame.get("payload").and_then(device).is_none_or(own)
        });
        retain_received(&mut step.parallel, own);
    }
}

/// The device that a record or an event is about.
pub(crate) fn device(record: &Value) -> Option<&str> {
    ["deviceId", "nodeId"].into_iter().find_map(|field| record.get(field)?.as_str())
}

/// The records of a store that belong to these devices. clawcheck ignores all other records.
pub(crate) fn with_records_of(store: &ObservedStore, devices: &BTreeSet<String>) -> ObservedStore {
    let mine = |id: &str| devices.contains(id);
    store.filtered(|_, key, record| mine(key) || device(record).is_some_and(mine), |_| false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{RawFrame, RawMessage, Received};
    use serde_json::json;

    fn files(documents: &[(&str, &str)]) -> ObservedStore {
        documents.iter().map(|(path, text)| ((*path).to_owned(), Ok(text.as_bytes().to_vec()))).collect()
    }

    #[test]
    fn invalid_document_has_no_records() {
        assert_eq!(records(&files(&[("devices/paired.json", "[]")])), None);
        assert_eq!(records(&files(&[("devices/paired.json", "{")])), None);
        assert_eq!(records(&files(&[("devices/paired.json", "{}")])), Some(Records::new()));
    }

    #[test]
    fn removes_messages_about_other_devices() {
        let message =
            |json: Value| Received { on: None, message: RawMessage::Frame(RawFrame::Regular { json, method: None }) };
        let event =
            |id: &str| message(json!({"type": "event", "event": "device.pair.requested", "payload": {"deviceId": id}}));
        let list = message(
            json!({"payload": {"pending": [{"deviceId": "mine"}, {"deviceId": "theirs"}], "nodes": [{"nodeId": "theirs"}]}}),
        );
        let mut steps =
            [StepEvidence { received: vec![event("mine"), event("theirs"), list], ..StepEvidence::default() }];
        retain_received(&mut steps, &|id| id == "mine");
        let left = message(json!({"payload": {"pending": [{"deviceId": "mine"}], "nodes": []}}));
        assert_eq!(steps[0].received, [event("mine"), left]);
    }
}
