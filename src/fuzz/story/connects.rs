//! How the devices of a story connect: mostly as they were paired, and now and then as the reports have it.

use super::dice::Dice;
use super::records::{Subject, scopes};
use super::settings::PANEL;
use serde_json::{Map, Value, json};

/// What a connect may speak of besides its own device.
pub(super) struct Scene<'a> {
    /// The devices that are in the store or have connected before.
    pub(super) known: &'a [&'static str],
    /// `token`, `password` or `none`: what the gateway asks for.
    pub(super) mode: &'a str,
    /// Whether it has a second secret.
    pub(super) has_password: bool,
    /// Names of bootstrap tokens in the store.
    pub(super) bootstrap: &'a [&'static str],
}

/// A `connect` of a device.
pub(super) fn connect(dice: &mut Dice, subject: &Subject, scene: &Scene<'_>) -> Value {
    let mut said = Map::new();
    let with_device = !dice.chance(6);
    said.insert("device".to_owned(), json!(if with_device { subject.name } else { "none" }));
    let role = dice.pick(&[
        (70, Some(subject.role)),
        (20, Some(if subject.role == "operator" { "node" } else { "operator" })),
        (6, None),
        (1, Some("wizard")),
    ]);
    if let Some(role) = role {
        said.insert("role".to_owned(), json!(role));
    }
    if let Some(asked) = asked(dice, subject, role) {
        said.insert("scopes".to_owned(), json!(asked));
    }
    let browser = client(dice, subject, role, &mut said);
    if let Some(auth) = auth(dice, subject, scene, with_device) {
        said.insert("auth".to_owned(), auth);
    }
    way(dice, browser, &mut said);
    if role == Some("node") && dice.chance(25) {
        surface(dice, &mut said);
    }
    if with_device && dice.chance(7) {
        said.insert("proof".to_owned(), proof(dice, scene, subject));
    }
    match dice.between(0, 99) {
        0..3 => drop(said.insert("protocol".to_owned(), dice.any(&PROTOCOLS.map(|range| json!(range))))),
        3..7 => drop(said.insert("params".to_owned(), oddity(dice))),
        _ => {}
    }
    Value::Object(said)
}

/// Ranges of protocol versions that fit no release, or more than one.
const PROTOCOLS: [[u32; 2]; 6] = [[1, 1], [1, 3], [2, 9], [3, 4], [4, 3], [9, 9]];

fn asked(dice: &mut Dice, subject: &Subject, role: Option<&str>) -> Option<Vec<&'static str>> {
    if role == Some("node") && !dice.chance(20) {
        return dice.chance(30).then(Vec::new);
    }
    match dice.between(0, 99) {
        0..48 => Some(subject.scopes.clone()),
        48..58 => Some(subject.scopes.iter().copied().take(1).collect()),
        58..90 => Some(scopes(dice)),
        _ => None,
    }
}

/// Who the client says it is. Gives whether that is a browser.
fn client(dice: &mut Dice, subject: &Subject, role: Option<&str>, said: &mut Map<String, Value>) -> bool {
    let (id, mode) = if dice.chance(60) {
        subject.client
    } else {
        dice.pick(&[
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
    match (subject.platform, dice.between(0, 99)) {
        (Some(platform), 0..60) => drop(client.insert("platform".to_owned(), json!(platform))),
        (_, 60..66) => {
            client.insert("platform".to_owned(), json!(dice.any(&["darwin", "LINUX", "linux ", "ios", "iOS 26.1"])));
        }
        (_, 66..70) => drop(client.insert("device-family".to_owned(), json!(dice.any(&["Mac", "iPhone", "mac "])))),
        (_, 70..74) => drop(client.insert("display-name".to_owned(), json!(dice.any(&["Kitchen Pi", " ", "Büro"])))),
        (_, 74..76) => drop(client.insert("instance-id".to_owned(), json!("instance-1"))),
        (_, 76..78) => drop(client.insert("version".to_owned(), json!(dice.any(&["dev", "2026.2.19", "0"])))),
        _ => {}
    }
    if !client.is_empty() {
        said.insert("client".to_owned(), Value::Object(client));
    }
    id == "openclaw-control-ui" || id == "webchat-ui"
}

fn auth(dice: &mut Dice, subject: &Subject, scene: &Scene<'_>, with_device: bool) -> Option<Value> {
    let right = match scene.mode {
        "token" => Some("token"),
        "password" => Some("password"),
        _ => None,
    };
    let own = |dice: &mut Dice| json!(dice.any(&["last", "seeded", "seeded"]));
    let wrong_kind = dice.any(&["token", "password"]);
    Some(match dice.between(0, 99) {
        0..46 => return None,
        46..51 => json!("none"),
        51..60 => json!({ wrong_kind: "wrong" }),
        60..74 if with_device => json!({ "device-token": own(dice) }),
        74..78 if with_device => json!({ "token": "wrong", "device-token": own(dice) }),
        78..82 => json!({ "device-token": "wrong" }),
        82..85 if with_device => json!({ "token": { "device-token": own(dice) } }),
        85..88 => match right {
            Some(right) => json!({ right: "right", "device-token": "wrong" }),
            None => return None,
        },
        88..91 if with_device => {
            let role = dice.any(&["operator", "node"]);
            let owner = if scene.known.is_empty() { subject.name } else { dice.any(scene.known) };
            json!({ "device-token": { "of": { "device": owner, "role": role } } })
        }
        91..93 if scene.has_password => json!({ "token": "wrong", "password": "right" }),
        93..95 => json!({ "bootstrap-token": "wrong" }),
        95..100 => match scene.bootstrap {
            [] => json!({ "token": { "text": dice.any(&["", " ", "x"]) } }),
            known => json!({ "bootstrap-token": { "seeded": dice.any(known) } }),
        },
        _ => return None,
    })
}

/// Where the connection comes from, and the headers that say so.
fn way(dice: &mut Dice, browser: bool, said: &mut Map<String, Value>) {
    let via = dice.pick(&[
        (58, None),
        (18, Some("nginx")),
        (5, Some("caddy")),
        (4, Some("tailscale-serve")),
        (4, Some("cloudflared")),
        (3, Some("ssh-tunnel")),
    ]);
    if let Some(via) = via {
        said.insert("via".to_owned(), json!(via));
    }
    if dice.chance(12) {
        let (name, value) = header(dice);
        said.insert("headers".to_owned(), json!({ name: value }));
    }
    if dice.chance(6) {
        let host =
            dice.any(&["gateway.example", "localhost", "localhost.:18789", "[::1]:18789", "box.tail1234.ts.net", ""]);
        said.insert("host".to_owned(), json!(host));
    }
    if dice.chance(if browser { 85 } else { 4 }) {
        let origin = dice.pick(&[
            (8, PANEL),
            (4, "http://127.0.0.1:18789"),
            (2, "http://localhost:3000"),
            (2, "https://gateway.example"),
            (2, "https://other.example"),
            (1, "null"),
            (1, "panel"),
        ]);
        said.insert("origin".to_owned(), json!(origin));
    }
}

fn header(dice: &mut Dice) -> (&'static str, &'static str) {
    let name = dice.pick(&[
        (6, "X-Forwarded-For"),
        (3, "X-Real-IP"),
        (2, "Forwarded"),
        (2, "X-Forwarded-Proto"),
        (2, "X-Forwarded-Host"),
    ]);
    let value = match name {
        "X-Forwarded-For" => dice.any(&[
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
        "X-Real-IP" => dice.any(&["203.0.113.9", "127.0.0.1", "::1", "nobody"]),
        "Forwarded" => dice.any(&["for=203.0.113.9", "for=127.0.0.1;proto=https"]),
        "X-Forwarded-Proto" => dice.any(&["https", "http"]),
        _ => dice.any(&["gateway.example", "localhost"]),
    };
    (name, value)
}

/// What a node says that it can do.
fn surface(dice: &mut Dice, said: &mut Map<String, Value>) {
    said.insert("caps".to_owned(), json!(dice.any(&[vec!["camera"], vec!["canvas", "screen"], vec![]])));
    let commands = dice.any(&[
        vec!["camera.snap"],
        vec!["canvas.present", "canvas.hide"],
        vec!["system.run", "system.which"],
        vec!["made.up"],
        vec![],
    ]);
    said.insert("commands".to_owned(), json!(commands));
    if dice.chance(30) {
        said.insert("permissions".to_owned(), json!({ "screenRecording": dice.chance(50) }));
    }
}

fn proof(dice: &mut Dice, scene: &Scene<'_>, subject: &Subject) -> Value {
    let other = scene.known.iter().find(|other| **other != subject.name).copied().unwrap_or("stranger");
    dice.pick(&[
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

/// Parameters that no right client sends.
fn oddity(dice: &mut Dice) -> Value {
    dice.any(&[
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
