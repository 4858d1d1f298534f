//! Generates requests on open connections: decisions about devices, tokens and nodes, and calls with invalid
//! parameters.

use super::records::{Device, scopes};
use super::rng::Rng;
use serde_json::{Map, Value, json};

/// Generates a request of an open connection about one of the devices.
pub(super) fn request(rng: &mut Rng, on: &str, devices: &[Device]) -> Value {
    let device = rng.any(devices);
    let role = rng.pick(&[(12, device.role), (3, "operator"), (3, "node"), (1, "wizard")]);
    match rng.between(0, 99) {
        0..22 => json!({ "approve": { "device": device.name, "by": on } }),
        22..29 => json!({ "reject": { "device": device.name, "by": on } }),
        29..38 => json!({ "remove": { "device": device.name, "by": on } }),
        38..53 => token_request(rng, "rotate", device.name, role, on),
        53..68 => json!({ "revoke": { "device": device.name, "role": role, "by": on } }),
        68..80 => json!({ "list": { "by": on } }),
        80..88 => node_call(rng, on, device.name),
        _ => invalid_call(rng, on, device.name),
    }
}

fn token_request(rng: &mut Rng, request: &str, device: &str, role: &str, on: &str) -> Value {
    let mut fields = Map::new();
    fields.insert("device".to_owned(), json!(device));
    fields.insert("role".to_owned(), json!(role));
    if rng.chance(45) {
        fields.insert("scopes".to_owned(), json!(scopes(rng)));
    }
    fields.insert("by".to_owned(), json!(on));
    json!({ request: fields })
}

fn node_call(rng: &mut Rng, on: &str, device: &str) -> Value {
    let (method, params) = rng.any(&[
        ("node.pair.list", json!({})),
        ("node.pair.approve", json!({ "requestId": format!("<request {device}>") })),
        ("node.pair.reject", json!({ "requestId": "nothing" })),
        ("node.describe", json!({ "nodeId": format!("<device {device}>") })),
        ("node.pair.verify", json!({ "nodeId": format!("<device {device}>"), "token": "x" })),
    ]);
    json!({ "call": { "on": on, "method": method, "params": params } })
}

/// Generates calls with missing parameters, parameters of a wrong type, or values that belong to no device or request.
fn invalid_call(rng: &mut Rng, on: &str, device: &str) -> Value {
    let id = format!("<device {device}>");
    let (method, params) = rng.any(&[
        ("device.pair.approve", json!({ "requestId": "nothing" })),
        ("device.pair.approve", json!({ "requestId": "" })),
        ("device.pair.approve", json!({})),
        ("device.pair.reject", json!({ "requestId": "nothing" })),
        ("device.pair.reject", json!({ "requestId": 7 })),
        ("device.pair.remove", json!({ "deviceId": "nobody" })),
        ("device.pair.remove", json!({ "deviceId": format!(" {id} ") })),
        ("device.pair.list", json!({ "surprise": 1 })),
        ("device.token.rotate", json!({ "deviceId": id, "role": "" })),
        ("device.token.rotate", json!({ "deviceId": id, "role": " operator " })),
        ("device.token.rotate", json!({ "deviceId": id, "role": "operator", "scopes": "operator.read" })),
        ("device.token.rotate", json!({ "deviceId": "nobody", "role": "operator" })),
        ("device.token.revoke", json!({ "deviceId": id })),
        ("device.token.revoke", json!({ "deviceId": "nobody", "role": "operator" })),
        ("exec.approval.resolve", json!({ "id": "nowhere", "decision": "deny" })),
        ("connect", json!({})),
        ("health", json!({})),
    ]);
    json!({ "call": { "on": on, "method": method, "params": params } })
}
