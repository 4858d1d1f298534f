//! Generates the connects of a story's devices. Most match the pairing of the device, and some have the errors that
//! bug reports describe.

use super::records::{Device, scopes};
use super::rng::Rng;
use super::settings::PANEL;
use serde_json::{Map, Value, json};

/// The names that a connect can refer to, in addition to its own device.
pub(super) struct ConnectContext<'a> {
    /// The devices that are in the store or have connected before.
    pub(super) known: &'a [&'static str],
    /// The authentication mode of the gateway: `token`, `password` or `none`.
    pub(super) mode: &'a str,
    /// Whether the gateway has a second secret.
    pub(super) has_password: bool,
    /// The names of the bootstrap tokens in the store.
    pub(super) bootstrap: &'a [&'static str],
}

/// Generates a `connect` of a device.
pub(super) fn connect(rng: &mut Rng, device: &Device, context: &ConnectContext<'_>) -> Value {
    let mut fields = Map::new();
    let with_device = !rng.chance(6);
    fields.insert("device".to_owned(), json!(if with_device { device.name } else { "none" }));
    let role = rng.pick(&[
        (70, Some(device.role)),
        (20, Some(if device.role == "operator" { "node" } else { "operator" })),
        (6, None),
        (1, Some("wizard")),
    ]);
    if let Some(role) = role {
        fields.insert("role".to_owned(), json!(role));
    }
    if let Some(requested_scopes) = requested_scopes(rng, device, role) {
        fields.insert("scopes".to_owned(), json!(requested_scopes));
    }
    let browser = client(rng, device, role, &mut fields);
    if let Some(auth) = auth(rng, device, context, with_device) {
        fields.insert("auth".to_owned(), auth);
    }
    network_path(rng, browser, &mut fields);
    if role == Some("node") && rng.chance(25) {
        node_surface(rng, &mut fields);
    }
    if with_device && rng.chance(7) {
        fields.insert("proof".to_owned(), proof(rng, context, device));
    }
    match rng.between(0, 99) {
        0..3 => drop(fields.insert("protocol".to_owned(), rng.any(&PROTOCOLS.map(|range| json!(range))))),
        3..7 => drop(fields.insert("params".to_owned(), invalid_params(rng))),
        _ => {}
    }
    Value::Object(fields)
}

/// Protocol ranges that match no release, or more than one.
const PROTOCOLS: [[u32; 2]; 6] = [[1, 1], [1, 3], [2, 9], [3, 4], [4, 3], [9, 9]];

fn requested_scopes(rng: &mut Rng, device: &Device, role: Option<&str>) -> Option<Vec<&'static str>> {
    if role == Some("node") && !rng.chance(20) {
        return rng.chance(30).then(Vec::new);
    }
    match rng.between(0, 99) {
        0..48 => Some(device.scopes.clone()),
        48..58 => Some(device.scopes.iter().copied().take(1).collect()),
        58..90 => Some(scopes(rng)),
        _ => None,
    }
}

/// Sets the client's identity. Returns whether the client is a browser.
fn client(rng: &mut Rng, device: &Device, role: Option<&str>, fields: &mut Map<String, Value>) -> bool {
    let (id, mode) = if rng.chance(60) {
        device.client
    } else {
        rng.pick(&[
            (5, ("cli", "cli")),
            (6, ("gateway-client", "backend")),
            (if role == Some("node") { 8 } else { 1 }, ("node-host", "node")),
            (4, ("openclaw-control-ui", "webchat")),
            (1, ("openclaw-control-ui", "ui")),
            (1, ("webchat-ui", "webchat")),
            (2, ("openclaw-tui", "ui")),
            (2, ("openclaw-probe", "probe")),
            (1, ("openclaw-macos", "ui")),
            (1, ("openclaw-android", "node")),
            (1, ("gateway-client", "cli")),
            (1, ("cli", "backend")),
            (1, ("test", "test")),
        ])
    };
    let mut client = Map::new();
    if (id, mode) != ("cli", "cli") {
        client.insert("id".to_owned(), json!(id));
        client.insert("mode".to_owned(), json!(mode));
    }
    match (device.platform, rng.between(0, 99)) {
        (Some(platform), 0..60) => drop(client.insert("platform".to_owned(), json!(platform))),
        (_, 60..66) => {
            client.insert("platform".to_owned(), json!(rng.any(&["darwin", "LINUX", "linux ", "ios", "iOS 26.1"])));
        }
        (_, 66..70) => drop(client.insert("device-family".to_owned(), json!(rng.any(&["Mac", "iPhone", "mac "])))),
        (_, 70..74) => drop(client.insert("display-name".to_owned(), json!(rng.any(&["Kitchen Pi", " ", "Büro"])))),
        (_, 74..76) => drop(client.insert("instance-id".to_owned(), json!("instance-1"))),
        (_, 76..78) => drop(client.insert("version".to_owned(), json!(rng.any(&["dev", "2026.2.19", "0"])))),
        _ => {}
    }
    if !client.is_empty() {
        fields.insert("client".to_owned(), Value::Object(client));
    }
    id == "openclaw-control-ui" || id == "webchat-ui"
}

fn auth(rng: &mut Rng, device: &Device, context: &ConnectContext<'_>, with_device: bool) -> Option<Value> {
    let right = match context.mode {
        "token" => Some("token"),
        "password" => Some("password"),
        _ => None,
    };
    let own = |rng: &mut Rng| json!(rng.any(&["last", "seeded", "seeded"]));
    let wrong_kind = rng.any(&["token", "password"]);
    Some(match rng.between(0, 99) {
        0..46 => return None,
        46..51 => json!("none"),
        51..60 => json!({ wrong_kind: "wrong" }),
        60..74 if with_device => json!({ "device-token": own(rng) }),
        74..78 if with_device => json!({ "token": "wrong", "device-token": own(rng) }),
        78..82 => json!({ "device-token": "wrong" }),
        82..85 if with_device => json!({ "token": { "device-token": own(rng) } }),
        85..88 => match right {
            Some(right) => json!({ right: "right", "device-token": "wrong" }),
            None => return None,
        },
        88..91 if with_device => {
            let role = rng.any(&["operator", "node"]);
            let owner = if context.known.is_empty() { device.name } else { rng.any(context.known) };
            json!({ "device-token": { "of": { "device": owner, "role": role } } })
        }
        91..93 if context.has_password => json!({ "token": "wrong", "password": "right" }),
        93..95 => json!({ "bootstrap-token": "wrong" }),
        95..100 => match context.bootstrap {
            [] => json!({ "token": { "text": rng.any(&["", " ", "x"]) } }),
            known => json!({ "bootstrap-token": { "seeded": rng.any(known) } }),
        },
        _ => return None,
    })
}

/// Sets the address of the client and the headers that report an address.
fn network_path(rng: &mut Rng, browser: bool, fields: &mut Map<String, Value>) {
    let via = rng.pick(&[
        (58, None),
        (18, Some("nginx")),
        (5, Some("caddy")),
        (4, Some("tailscale-serve")),
        (4, Some("cloudflared")),
        (3, Some("ssh-tunnel")),
    ]);
    if let Some(via) = via {
        fields.insert("via".to_owned(), json!(via));
    }
    if rng.chance(12) {
        let (name, value) = header(rng);
        fields.insert("headers".to_owned(), json!({ name: value }));
    }
    if rng.chance(6) {
        let host =
            rng.any(&["gateway.example", "localhost", "localhost.:18789", "[::1]:18789", "box.tail1234.ts.net", ""]);
        fields.insert("host".to_owned(), json!(host));
    }
    if rng.chance(if browser { 85 } else { 4 }) {
        let origin = rng.pick(&[
            (8, PANEL),
            (4, "http://127.0.0.1:18789"),
            (2, "http://localhost:3000"),
            (2, "https://gateway.example"),
            (2, "https://other.example"),
            (1, "null"),
            (1, "panel"),
        ]);
        fields.insert("origin".to_owned(), json!(origin));
    }
}

fn header(rng: &mut Rng) -> (&'static str, &'static str) {
    let name = rng.pick(&[
        (6, "X-Forwarded-For"),
        (3, "X-Real-IP"),
        (2, "Forwarded"),
        (2, "X-Forwarded-Proto"),
        (2, "X-Forwarded-Host"),
    ]);
    let value = match name {
        "X-Forwarded-For" => rng.any(&[
            "203.0.113.9",
            "127.0.0.1",
            "203.0.113.9, 127.0.0.1",
            "10.1.2.3, 203.0.113.9",
            "unknown",
            "",
            "[2001:db8::1]:443",
            "203.0.113.9:5000",
            "::ffff:203.0.113.9",
        ]),
        "X-Real-IP" => rng.any(&["203.0.113.9", "127.0.0.1", "::1", "nobody"]),
        "Forwarded" => rng.any(&["for=203.0.113.9", "for=127.0.0.1;proto=https"]),
        "X-Forwarded-Proto" => rng.any(&["https", "http"]),
        _ => rng.any(&["gateway.example", "localhost"]),
    };
    (name, value)
}

/// Sets the commands and capabilities of a node.
fn node_surface(rng: &mut Rng, fields: &mut Map<String, Value>) {
    fields.insert("caps".to_owned(), json!(rng.any(&[vec!["camera"], vec!["canvas", "screen"], vec![]])));
    let commands = rng.any(&[
        vec!["camera.snap"],
        vec!["canvas.present", "canvas.hide"],
        vec!["system.run", "system.which"],
        vec!["made.up"],
        vec![],
    ]);
    fields.insert("commands".to_owned(), json!(commands));
    if rng.chance(30) {
        fields.insert("permissions".to_owned(), json!({ "screenRecording": rng.chance(50) }));
    }
}

fn proof(rng: &mut Rng, context: &ConnectContext<'_>, device: &Device) -> Value {
    let other = context.known.iter().find(|other| **other != device.name).copied().unwrap_or("stranger");
    rng.pick(&[
        (3, json!({ "version": "v2" })),
        (1, json!({ "version": "v1" })),
        (2, json!({ "nonce": "wrong" })),
        (1, json!({ "nonce": "absent" })),
        (1, json!({ "nonce": "empty" })),
        (1, json!({ "clock-offset": "-10m" })),
        (1, json!({ "clock-offset": "+3m" })),
        (1, json!({ "clock-offset": "-90s" })),
        (2, json!({ "signature": "damaged" })),
        (1, json!({ "signature": "absent" })),
        (2, json!({ "public-key": "pem" })),
        (1, json!({ "public-key": "wrong" })),
        (1, json!({ "id": "wrong" })),
        (2, json!({ "key": other })),
    ])
}

/// Parameters that no correct client sends.
fn invalid_params(rng: &mut Rng) -> Value {
    rng.any(&[
        json!({ "client": { "id": "somebody" } }),
        json!({ "client": { "mode": "sideways" } }),
        json!({ "client": { "version": "" } }),
        json!({ "client": { "platform": null } }),
        json!({ "client": { "surprise": 1 } }),
        json!({ "client": null }),
        json!({ "role": 7 }),
        json!({ "role": "" }),
        json!({ "scopes": "operator.read" }),
        json!({ "scopes": [""] }),
        json!({ "scopes": null }),
        json!({ "minProtocol": 0 }),
        json!({ "maxProtocol": "3" }),
        json!({ "surprise": true }),
        json!({ "auth": { "token": 5 } }),
        json!({ "auth": { "surprise": "x" } }),
        json!({ "auth": null }),
        json!({ "device": { "surprise": "x" } }),
        json!({ "device": { "signedAt": "now" } }),
        json!({ "device": { "publicKey": null } }),
        json!({ "caps": [7] }),
        json!({ "locale": "de-DE", "userAgent": "fuzz" }),
    ])
}
