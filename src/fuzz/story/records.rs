//! Generates the device records of a story's store, with the anomalies that bug reports describe.

use super::rng::Rng;
use serde_json::{Map, Value, json};

/// The properties of a device that its connects use.
#[derive(Debug, Clone)]
pub(super) struct Device {
    /// The name of the device.
    pub(super) name: &'static str,
    /// The role that the device is or would be paired for.
    pub(super) role: &'static str,
    /// The scopes that the device is or would be paired for.
    pub(super) scopes: Vec<&'static str>,
    /// The client of the device.
    pub(super) client: (&'static str, &'static str),
    /// The platform that the record pins the device to.
    pub(super) platform: Option<&'static str>,
}

/// Sets of scopes from bug reports.
pub(super) fn scopes(rng: &mut Rng) -> Vec<&'static str> {
    rng.pick(&[
        (6, vec!["operator.read"]),
        (4, vec!["operator.admin"]),
        (4, vec![]),
        (3, vec!["operator.approvals"]),
        (3, vec!["operator.pairing"]),
        (3, vec!["operator.write"]),
        (3, vec!["operator.read", "operator.write"]),
        (2, vec!["operator.write", "operator.read"]),
        (2, vec!["operator.read", "operator.pairing"]),
        (2, vec!["operator.admin", "operator.approvals", "operator.pairing"]),
        (2, vec!["operator.read", "operator.admin"]),
        (1, vec!["operator.talk.secrets"]),
        (1, vec!["operator.unheard-of"]),
        (1, vec!["node.invoke"]),
    ])
}

/// Returns a device, and its record if the device is in the store.
pub(super) fn device(rng: &mut Rng, name: &'static str) -> (Device, Option<Value>) {
    let role = rng.pick(&[(3, "operator"), (1, "node")]);
    let scopes = if role == "operator" || rng.chance(15) { scopes(rng) } else { Vec::new() };
    let client = match role {
        "node" => rng.pick(&[(4, ("node-host", "node")), (1, ("openclaw-ios", "node")), (1, ("cli", "cli"))]),
        _ => rng.pick(&[
            (6, ("cli", "cli")),
            (3, ("gateway-client", "backend")),
            (1, ("openclaw-control-ui", "webchat")),
            (1, ("openclaw-tui", "ui")),
        ]),
    };
    let mut device = Device { name, role, scopes, client, platform: None };
    if !rng.chance(72) {
        return (device, None);
    }
    let record = paired(rng, &mut device);
    (device, Some(Value::Object(record)))
}

fn paired(rng: &mut Rng, device: &mut Device) -> Map<String, Value> {
    let mut record = Map::new();
    let mut without = Vec::new();
    record.insert("role".to_owned(), json!(device.role));
    let roles = rng.pick(&[
        (10, None),
        (3, Some(vec!["operator", "node"])),
        (1, Some(vec!["node", "operator"])),
        (1, Some(vec!["node"])),
        (1, Some(vec!["operator"])),
        (1, Some(vec![])),
    ]);
    if let Some(roles) = &roles {
        record.insert("roles".to_owned(), json!(roles));
    }
    record.insert("scopes".to_owned(), json!(device.scopes));
    if rng.chance(18) {
        record.insert("approved-scopes".to_owned(), json!(scopes(rng)));
    }
    if device.client != ("cli", "cli") {
        record.insert("client".to_owned(), json!({ "id": device.client.0, "mode": device.client.1 }));
    }
    tokens(rng, device, &mut record, &mut without);
    pinned(rng, device, &mut record, &mut without);
    if rng.chance(12) {
        for _ in 0..rng.between(1, 3) {
            without.push(rng.any(&["role", "roles", "scopes", "approved-scopes", "client-id", "client-mode"]));
        }
        // Releases sort lists by these fields, so such a record cannot share a gateway with other stories.
        if rng.chance(6) {
            without.push(rng.any(&["created-at", "approved-at"]));
        }
    }
    match rng.between(0, 99) {
        0..4 => drop(record.insert("key".to_owned(), json!("stranger"))),
        4..7 => drop(record.insert("key-form".to_owned(), json!("pem"))),
        7..12 => drop(record.insert("display-name".to_owned(), json!("Kitchen Pi"))),
        12..16 => drop(record.insert("remote-ip".to_owned(), json!("203.0.113.7"))),
        16..19 => drop(record.insert("age".to_owned(), json!("40d"))),
        _ => {}
    }
    without.sort_unstable();
    without.dedup();
    if !without.is_empty() {
        record.insert("without".to_owned(), json!(without));
    }
    record
}

/// Generates a value for the device tokens of a record. Most bug reports concern this value.
fn tokens(rng: &mut Rng, device: &Device, record: &mut Map<String, Value>, without: &mut Vec<&'static str>) {
    let own = device.role;
    let other = if own == "operator" { "node" } else { "operator" };
    let mut map = Map::new();
    match rng.between(0, 99) {
        0..40 => return,
        40..54 => {}
        54..62 => {
            without.push("tokens");
            return;
        }
        62..65 => {
            record.insert("tokens".to_owned(), Value::Null);
            return;
        }
        65..76 => {
            map.insert(own.to_owned(), json!({ "revoked": true }));
        }
        76..82 => {
            map.insert(own.to_owned(), json!({ "revoked": true }));
            map.insert(other.to_owned(), json!({ "scopes": [] }));
        }
        82..87 => {
            map.insert(own.to_owned(), json!({}));
            map.insert(other.to_owned(), token(rng));
        }
        87..91 => {
            map.insert(other.to_owned(), token(rng));
        }
        _ => {
            map.insert(own.to_owned(), token(rng));
        }
    }
    record.insert("tokens".to_owned(), Value::Object(map));
}

fn token(rng: &mut Rng) -> Value {
    let mut token = Map::new();
    if rng.chance(60) {
        token.insert("scopes".to_owned(), json!(scopes(rng)));
    }
    for state in ["revoked", "rotated", "used"] {
        if rng.chance(20) {
            token.insert(state.to_owned(), json!(true));
        }
    }
    // Every list reads these tokens, so such a token cannot share a gateway with other stories.
    if rng.chance(3) {
        token.insert("without".to_owned(), json!([rng.any(&["token", "role", "scopes", "created-at"])]));
    }
    Value::Object(token)
}

/// Sets the properties that the record pins the device to.
fn pinned(rng: &mut Rng, device: &mut Device, record: &mut Map<String, Value>, without: &mut Vec<&'static str>) {
    match rng.between(0, 99) {
        0..8 => {
            device.platform = Some("darwin");
            record.insert("platform".to_owned(), json!("darwin"));
        }
        8..11 => drop(record.insert("platform".to_owned(), json!(" Linux "))),
        11..14 => drop(record.insert("platform".to_owned(), json!(""))),
        14..19 => without.push("platform"),
        19..24 => drop(record.insert("device-family".to_owned(), json!(rng.any(&["Mac", "iPhone", ""])))),
        _ => {}
    }
}

/// Generates a pending request that existed before the start.
pub(super) fn pending(rng: &mut Rng, device: &Device) -> Value {
    let mut record = Map::new();
    if rng.chance(50) {
        record.insert("role".to_owned(), json!(device.role));
        record.insert("scopes".to_owned(), json!(device.scopes));
    } else {
        record.insert("role".to_owned(), json!(rng.any(&["operator", "node"])));
        record.insert("scopes".to_owned(), json!(scopes(rng)));
    }
    for flag in ["silent", "repair"] {
        if rng.chance(25) {
            record.insert(flag.to_owned(), json!(true));
        }
    }
    if rng.chance(20) {
        record.insert("age".to_owned(), json!(rng.any(&["6m", "2h"])));
    }
    if rng.chance(15) {
        let fields = ["role", "roles", "scopes", "platform", "silent", "repair"];
        record.insert("without".to_owned(), json!([rng.any(&fields)]));
    }
    Value::Object(record)
}
