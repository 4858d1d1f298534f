//! A store with many devices, before and after a case.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clawcheck::internal::{Evidence, ObservedStore};
use openclaw_protocol::identity::DeviceKey;
use openclaw_protocol::store::{Document, json};
use serde_json::{Map, Value, json};

/// The start of the case by the gateway's clock.
const START: i64 = 1_775_000_000_000;

/// The evidence of a case that changed nothing in a store with this number of paired devices.
pub(crate) fn evidence(devices: usize) -> Evidence {
    let records = (0..devices).map(record).collect::<Map<_, _>>();
    let file = json::stringify(&Value::Object(records)).into_bytes();
    let files: ObservedStore = [(Document::DevicesPaired.path().to_owned(), Ok(file))].into();
    Evidence { started_at: START, before: files.clone(), after: Some(files), ..Evidence::default() }
}

fn record(number: usize) -> (String, Value) {
    let key = DeviceKey::from_name(&format!("device {number}"));
    let token = URL_SAFE_NO_PAD.encode(<[u8; 32]>::from(sha2::Digest::finalize(
        <sha2::Sha256 as sha2::Digest>::new_with_prefix(number.to_be_bytes()),
    )));
    let created = START - 3_600_000;
    let record = json!({
        "deviceId": key.device_id(),
        "publicKey": key.public_key(),
        "platform": "linux",
        "clientId": "cli",
        "clientMode": "cli",
        "role": "operator",
        "roles": ["operator"],
        "scopes": ["operator.read", "operator.write"],
        "approvedScopes": ["operator.read", "operator.write"],
        "tokens": {
            "operator": {
                "token": token,
                "role": "operator",
                "scopes": ["operator.read", "operator.write"],
                "createdAtMs": created,
                "lastUsedAtMs": created + 2000,
            },
        },
        "createdAtMs": created,
        "approvedAtMs": created,
    });
    (key.device_id(), record)
}
