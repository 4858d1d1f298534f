//! The import of an older release's files into the database (`device-pairing-migration.ts` and
//! `node-pairing-migration.ts` of 2026.9.6). Pending requests and bootstrap tokens are not imported.

use openclaw_protocol::js::{self, Record};
use serde_json::{Value, json};

/// The result of an import.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The document with the imported records.
    pub document: Record,
    /// Number of imported records.
    pub imported: usize,
    /// Number of records that already existed. They do not change.
    pub kept: usize,
    /// Number of records that cannot be imported.
    pub invalid: usize,
    /// Number of fields that cannot be imported, in records that can.
    pub omitted: usize,
}

/// Fields that are omitted if they are not strings.
const TEXTS: [&str; 11] = [
    "displayName",
    "operatorLabel",
    "platform",
    "deviceFamily",
    "clientId",
    "clientMode",
    "browserOrigin",
    "role",
    "remoteIp",
    "approvedVia",
    "lastSeenReason",
];

/// Imports paired devices. A document that is not an object has no records.
pub fn import_devices(legacy: Option<&Value>, paired: &Record) -> Imported {
    let mut result = Imported { document: paired.clone(), imported: 0, kept: 0, invalid: 0, omitted: 0 };
    for (key, record) in legacy.and_then(Value::as_object).into_iter().flatten() {
        let device = js::trim(key);
        if device.is_empty() {
            result.invalid += 1;
        } else if result.document.contains_key(device) {
            result.kept += 1;
        } else if let Some((mut record, omitted)) = importable(record) {
            js::set(&mut record, "deviceId", Some(device));
            result.omitted += omitted;
            result.imported += 1;
            result.document.insert(device.to_owned(), Value::Object(record));
        } else {
            result.invalid += 1;
        }
    }
    result
}

/// An importable record, and the number of its fields that are not.
fn importable(record: &Value) -> Option<(Record, usize)> {
    let mut record = record.as_object()?.clone();
    let key = record.get("publicKey")?.as_str()?;
    if js::trim(key).is_empty() || !is_time(record.get("createdAtMs")) || !is_time(record.get("approvedAtMs")) {
        return None;
    }
    let before = record.len();
    record.retain(|field, value| match field.as_str() {
        "lastSeenAtMs" => is_time(Some(value)),
        field if TEXTS.contains(&field) => value.is_string(),
        _ => true,
    });
    let omitted = before - record.len();
    Some((record, omitted))
}

/// `Number.isSafeInteger(value)`.
fn is_time(value: Option<&Value>) -> bool {
    value.and_then(Value::as_i64).is_some_and(|number| number.unsigned_abs() < 1 << 53)
}

/// Imports the approvals of nodes, for paired devices that can be nodes. The others count as invalid.
pub fn import_nodes(legacy: Option<&Value>, paired: &Record, nodes: &Record, now: i64) -> Imported {
    let mut result = Imported { document: nodes.clone(), imported: 0, kept: 0, invalid: 0, omitted: 0 };
    for (key, row) in legacy.and_then(Value::as_object).into_iter().flatten() {
        let node = js::trim(key);
        if !paired.get(node).is_some_and(is_node) {
            result.invalid += 1;
        } else if result.document.contains_key(node) {
            result.kept += 1;
        } else {
            result.imported += 1;
            result.document.insert(node.to_owned(), Value::Object(surface(node, row, now)));
        }
    }
    result
}

fn is_node(device: &Value) -> bool {
    let named = |value: &Value| value.as_str().map(js::trim) == Some("node");
    let roles = device.get("roles").and_then(Value::as_array);
    device.get("role").is_some_and(named) || roles.is_some_and(|roles| roles.iter().any(named))
}

fn surface(node: &str, row: &Value, now: i64) -> Record {
    let mut surface = Record::from_iter([("nodeId".to_owned(), json!(node))]);
    for field in ["displayName", "version", "coreVersion", "uiVersion", "modelIdentifier"] {
        js::set(&mut surface, field, row.get(field).cloned());
    }
    for field in ["caps", "commands", "bins"] {
        js::set(&mut surface, field, row.get(field).filter(|list| list.is_array()).cloned());
    }
    js::set(&mut surface, "permissions", row.get("permissions").cloned());
    for field in ["createdAtMs", "approvedAtMs"] {
        let time = row.get(field).filter(|time| time.is_number()).cloned();
        js::set(&mut surface, field, Some(time.unwrap_or_else(|| json!(now))));
    }
    let connected = row.get("lastConnectedAtMs").filter(|time| time.is_number()).cloned();
    js::set(&mut surface, "lastConnectedAtMs", connected);
    surface
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Record {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn import_skips_existing_and_invalid_records() {
        let paired = object(json!({"a": {"deviceId": "a", "publicKey": "ours"}}));
        let legacy = json!({
            "a": {"publicKey": "theirs", "createdAtMs": 1, "approvedAtMs": 1},
            " b ": {"publicKey": "K", "createdAtMs": 1, "approvedAtMs": 2, "platform": 7, "lastSeenAtMs": "x", "odd": 1},
            "c": {"publicKey": "K", "createdAtMs": 1},
            "d": {"publicKey": " ", "createdAtMs": 1, "approvedAtMs": 1},
            "e": null,
            " ": {"publicKey": "K", "createdAtMs": 1, "approvedAtMs": 2},
        });
        let result = import_devices(Some(&legacy), &paired);
        assert_eq!((result.imported, result.kept, result.invalid, result.omitted), (1, 1, 4, 2));
        assert_eq!(result.document["a"]["publicKey"], "ours");
        let taken = json!({"publicKey": "K", "createdAtMs": 1, "approvedAtMs": 2, "odd": 1, "deviceId": "b"});
        assert_eq!(result.document["b"], taken);
        assert_eq!(import_devices(Some(&json!([legacy])), &paired).document, paired);
    }

    #[test]
    fn imports_node_of_device() {
        let paired = object(json!({"n": {"roles": ["operator", "node"]}, "o": {"role": "operator"}}));
        let legacy = json!({"n": {"token": "t", "commands": ["x"], "caps": "odd", "createdAtMs": 5}, "o": {}, "p": {}});
        let result = import_nodes(Some(&legacy), &paired, &Record::new(), 9);
        assert_eq!((result.imported, result.invalid), (1, 2));
        let node = json!({"nodeId": "n", "commands": ["x"], "createdAtMs": 5, "approvedAtMs": 9});
        assert_eq!(result.document["n"], node);
        assert_eq!(import_nodes(Some(&legacy), &paired, &result.document, 9).kept, 1);
    }
}
