//! Mutation tests of pairing stores and frames: every release answers a connect to a store that it did not write, and a
//! frame that no client sends.

use super::*;
use crate::releases::KNOWN;
use input_mutants::play;
use openclaw_protocol::store::json as store_json;

const DOCUMENTS: [Document; 5] = Document::ALL;

/// Stores after one device has paired, one is pending, and a node has connected.
fn stores() -> Vec<Vec<u8>> {
    let mut stores = Vec::new();
    for known in KNOWN {
        let mut gateway = gateway(&known.release.to_string());
        for connect in
            [cli(), cli().role("node").client("node-host", "node"), cli().scopes(&["operator.admin"]).from("10.0.0.9")]
        {
            gateway.connect(&connect);
        }
        let found = DOCUMENTS.iter().map(|document| gateway.document(*document)).filter(|document| !document.is_null());
        stores.extend(found.map(|document| store_json::stringify(&document).into_bytes()));
    }
    stores
}

fn release_for(input: &[u8]) -> String {
    KNOWN[input.iter().fold(input.len(), |sum, byte| sum + usize::from(*byte)) % KNOWN.len()].release.to_string()
}

#[test]
fn store_mutants() {
    let words =
        ["operator.admin", "node", "tokens", "__proto__", "1970-01-01T00:00:00Z", "null", "approvedScopes", "roles"];
    play("stores", &stores(), &words, |input| {
        let Some(document) = store_json::parse(input) else { return };
        let written = store_json::stringify(&document);
        assert_eq!(store_json::parse(written.as_bytes()).as_ref(), Some(&document), "{written}");
        let place = DOCUMENTS[input.len() % DOCUMENTS.len()];
        let mut gateway =
            gateway(&release_for(input)).with(place, document.clone()).with(Document::DevicesPaired, document);
        for connect in [
            cli(),
            cli().role("node").client("node-host", "node"),
            cli().scopes(&["operator.pairing", "operator.admin"]),
        ] {
            let (connection, nonce) = gateway.open(connect.peer());
            let frame = connect.frame(&nonce, gateway.now);
            gateway.handle(Input::Message { connection, data: frame.to_string().into_bytes() });
            for method in ["device.pair.list", "node.pair.list", "node.list"] {
                let request = json!({ "type": "req", "id": method, "method": method, "params": {} });
                gateway.handle(Input::Message { connection, data: request.to_string().into_bytes() });
            }
            gateway.handle(Input::Closed { connection });
            gateway.now += 1;
        }
    });
}

#[test]
fn frame_mutants() {
    let mut seeds: Vec<Vec<u8>> = [cli(), cli().role("node").client("node-host", "node")]
        .iter()
        .map(|connect| connect.frame("NONCE", NOW).to_string().into_bytes())
        .collect();
    for (method, params) in [
        ("device.pair.approve", json!({ "requestId": "r" })),
        ("device.token.rotate", json!({ "deviceId": "d", "role": "operator", "scopes": ["operator.read"] })),
        (
            "node.invoke",
            json!({ "nodeId": "n", "command": "system.run", "params": { "command": ["uname"] }, "idempotencyKey": "k" }),
        ),
        ("exec.approval.request", json!({ "command": "uname -a", "timeoutMs": 1000 })),
        ("node.pair.request", json!({ "nodeId": "n", "displayName": "N", "commands": ["system.run"] })),
    ] {
        seeds.push(json!({ "type": "req", "id": "1", "method": method, "params": params }).to_string().into_bytes());
    }
    play("frames", &seeds, &["operator.admin", "node", "__proto__", "device.pair.list", "connect"], |input| {
        let mut gateway = gateway(&release_for(input));
        let (connection, _) = gateway.open(cli().peer());
        gateway.handle(Input::Message { connection, data: input.to_vec() });
        let connect = cli().scopes(&["operator.admin", "operator.pairing", "operator.approvals", "operator.write"]);
        let (connection, nonce) = gateway.open(connect.peer());
        let frame = connect.frame(&nonce, gateway.now);
        gateway.handle(Input::Message { connection, data: frame.to_string().into_bytes() });
        gateway.handle(Input::Message { connection, data: input.to_vec() });
        gateway.handle(Input::Wake);
    });
}
