//! Tests of requests, approvals and tokens in each release.

mod approvals;
mod bootstrap;
mod properties;
mod records;
mod requests;
mod roles_and_scopes;
mod tokens;

use super::*;
use crate::Facts;
use crate::counting_entropy::CountingEntropy;
use openclaw_protocol::js::{self, Record};
use openclaw_protocol::store::{Document, Documents, MemoryDocuments};
use serde_json::{Value, json};

const NOW: i64 = 1_700_000_000_000;

fn of(release: &str) -> PairingRules {
    Facts::of(release.parse().unwrap()).unwrap().pairing
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

fn store_with(device: Value) -> MemoryDocuments {
    MemoryDocuments::new().with(Document::DevicesPaired, json!({"laptop": device}))
}

fn shown(scopes: &[String]) -> ShownToken<'_> {
    ShownToken { token: "t", role: "operator", scopes, bound: None }
}

fn operator_record(token: Value) -> Value {
    json!({"deviceId": "laptop", "publicKey": "key", "role": "operator", "scopes": ["operator.read"],
        "approvedScopes": ["operator.read"], "tokens": {"operator": token}, "x-unknown": 1})
}
