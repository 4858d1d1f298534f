//! Locked-out clients from reports of users, as state directories.

use super::advice::Remedy;
use super::client::{Client, PASSWORD, Secret, TOKEN, key};
use openclaw_model::Facts;
use openclaw_protocol::store::StoreFormat;
use serde_json::{Map, Value, json};
use std::fs;
use tempfile::TempDir;

/// The token of the device `admin`, which is paired in every lock-out.
pub(super) const ADMIN_TOKEN: &str = "t0ken-of-the-admin-91cc";
/// All scopes of the device `admin`.
pub(super) const EVERY_SCOPE: [&str; 5] =
    ["operator.admin", "operator.read", "operator.write", "operator.approvals", "operator.pairing"];
const FOUR: &[&str] = &["2026.3.31", "2026.4.2", "2026.6.11", "2026.9.6"];
const THREE: &[&str] = &["2026.3.31", "2026.4.2", "2026.6.11"];
const READ: &[&str] = &["operator.read"];
const FORWARDED: (&str, &str) = ("X-Forwarded-For", "203.0.113.7");

/// A client that is locked out, and the state directory of its gateway.
pub(super) struct LockOut {
    pub name: &'static str,
    /// The releases that refuse the client.
    pub on: &'static [&'static str],
    /// Whether the gateway starts.
    pub starts: bool,
    pub client: Client,
    gateway: Value,
    paired: Map<String, Value>,
    /// The text of `devices/paired.json`, if it differs from the records.
    damaged: Option<&'static str>,
    /// The beginnings of the remedies that are tried in every run on a real release: listed ones and unlisted ones.
    sample: (&'static [&'static str], &'static [&'static str]),
}

/// A paired device with a token for its role.
fn record(name: &str, client: (&str, &str), role: &str, scopes: &[&str], token: &str) -> Value {
    let key = key(name);
    json!({
        "deviceId": key.device_id(), "publicKey": key.public_key(), "displayName": name, "platform": "linux",
        "clientId": client.0, "clientMode": client.1, "role": role, "roles": [role], "scopes": scopes,
        "approvedScopes": scopes, "createdAtMs": 1_774_000_000_000_u64, "approvedAtMs": 1_774_000_000_000_u64,
        "tokens": { role: { "token": token, "role": role, "scopes": scopes, "createdAtMs": 1_774_000_000_000_u64 } },
    })
}

impl LockOut {
    fn new(name: &'static str, on: &'static [&'static str], client: Client) -> Self {
        let gateway = json!({ "mode": "local", "auth": { "mode": "token", "token": TOKEN } });
        let empty =
            Self { name, on, starts: true, client, gateway, paired: Map::new(), damaged: None, sample: (&[], &[]) };
        empty.paired(record("admin", ("cli", "cli"), "operator", &EVERY_SCOPE, ADMIN_TOKEN))
    }

    fn paired(mut self, record: Value) -> Self {
        self.paired.insert(record["deviceId"].as_str().unwrap().to_owned(), record);
        self
    }

    fn with(mut self, settings: &Value) -> Self {
        self.gateway.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        self
    }

    fn sample(mut self, listed: &'static [&'static str], unlisted: &'static [&'static str]) -> Self {
        self.sample = (listed, unlisted);
        self
    }

    /// Whether a remedy is tried in every run on a real release.
    pub(super) fn sampled(&self, remedy: &Remedy, listed: bool) -> bool {
        let (helps, fails) = self.sample;
        let sentences = if listed { helps } else { fails };
        sentences.iter().any(|sentence| remedy.what.starts_with(sentence))
    }

    /// The token in the record of the client's device.
    pub(super) fn token(&self) -> Option<String> {
        let record = self.paired.get(&key(self.client.device?).device_id())?;
        record["tokens"][self.client.role]["token"].as_str().map(str::to_owned)
    }

    /// A new copy of the state directory.
    ///
    /// A release with a database creates its own device: it imports an older key only if a native module of OpenClaw is
    /// installed.
    pub(super) fn state(&self, release: &str) -> TempDir {
        let folder = TempDir::new().unwrap();
        let write = |path: &str, text: String| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let paired = Value::Object(self.paired.clone()).to_string();
        write("devices/paired.json", self.damaged.map_or(paired, str::to_owned));
        write("openclaw.json", json!({ "gateway": self.gateway }).to_string());
        let own = key("server");
        let identity = json!({
            "version": 1, "deviceId": own.device_id(), "publicKeyPem": own.public_key_pem(),
            "privateKeyPem": crate::lockout::state_dir::PEM, "createdAtMs": 1_774_000_000_000_u64,
        });
        if keeps_files(release) {
            write("identity/device.json", identity.to_string());
        }
        folder
    }
}

/// Whether a release keeps its store in JSON files.
pub(super) fn keeps_files(release: &str) -> bool {
    Facts::of(release.parse().unwrap()).unwrap().pairing.format == StoreFormat::Files
}

/// All lock-outs.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn lockouts() -> Vec<LockOut> {
    let cli = ("cli", "cli");
    let exec = ("gateway-client", "backend");
    let server = |scopes: &[&str]| record("server", cli, "operator", scopes, "t0ken-of-the-server-18ab");
    let laptop = |scopes: &[&str]| record("laptop", cli, "operator", scopes, "t0ken-of-the-laptop-4d02");
    let tokenless = |mut record: Value| {
        record["tokens"] = json!({});
        record
    };
    let revoked = |mut record: Value, role: &str| {
        record["tokens"][role]["revokedAtMs"] = json!(1_774_000_000_001_u64);
        record
    };
    let through = |client: &mut Client| client.headers.push(FORWARDED);
    let behind_nginx = |client: &mut Client| {
        client.headers.extend([FORWARDED, ("X-Real-IP", "203.0.113.7"), ("X-Forwarded-Proto", "https")]);
        client.host = Some("gateway.example");
    };
    let copied = json!({
        "requestId": "0f3d6f6e-3a4e-4c5e-9d3b-0d5f0c8f4a11", "deviceId": key("laptop").device_id(),
        "publicKey": key("laptop").public_key(), "platform": "linux", "clientId": "cli", "clientMode": "cli",
        "role": "operator", "roles": ["operator"], "scopes": READ, "silent": false, "isRepair": false,
        "ts": 1_774_000_000_000_u64,
    });
    vec![
        LockOut::new(
            "empty tokens, local exec",
            &["2026.3.31"],
            Client::new("exec", Some("server"), &["operator.approvals"]),
        )
        .paired(tokenless(record("server", exec, "operator", &["operator.approvals"], "")))
        .sample(&["Give the device a new token"], &["Turn off authentication"]),
        LockOut::new(
            "empty tokens, proxied",
            &["2026.3.31", "2026.6.11", "2026.9.6"],
            Client::new("cli", Some("laptop"), READ).with(through),
        )
        .paired(tokenless(laptop(READ))),
        LockOut::new("migrated state directory", FOUR, Client::new("cli", Some("laptop"), READ).with(behind_nginx))
            .sample(&["Connect, then approve"], &["Name the proxy in gateway.trustedProxies"]),
        LockOut::new(
            "revoked token",
            FOUR,
            Client::new("cli", Some("laptop"), READ).with(|client| client.secret = Secret::Device),
        )
        .paired(revoked(laptop(READ), "operator")),
        LockOut::new("proxied loopback", FOUR, Client::new("cli", Some("laptop"), &EVERY_SCOPE).with(through))
            .paired(laptop(READ))
            .sample(&["Request only the scopes"], &[]),
        LockOut::new("role upgrade, proxied", FOUR, Client::new("node", Some("laptop"), &[]).with(through))
            .paired(laptop(READ)),
        LockOut::new("role upgrade, local", &["2026.3.31"], Client::new("node", Some("laptop"), &[]))
            .paired(laptop(READ)),
        LockOut::new("scope upgrade, local", THREE, Client::new("cli", Some("laptop"), &EVERY_SCOPE))
            .paired(laptop(READ)),
        LockOut::new("trustedProxies on loopback", FOUR, Client::new("cli", Some("laptop"), READ).with(through))
            .with(&json!({ "trustedProxies": ["127.0.0.1"] })),
        LockOut::new("pending copied into paired", THREE, Client::new("cli", Some("laptop"), &EVERY_SCOPE))
            .paired(copied),
        LockOut::new(
            "bound to the network",
            FOUR,
            Client::new("cli", Some("laptop"), READ).with(|client| client.elsewhere = true),
        )
        .with(&json!({ "bind": "lan", "controlUi": { "dangerouslyAllowHostHeaderOriginFallback": true } })),
        LockOut::new(
            "wrong token",
            FOUR,
            Client::new("cli", Some("server"), READ).with(|client| client.secret = Secret::Wrong),
        )
        .paired(server(READ))
        .sample(&["Give the client the gateway's token"], &[]),
        LockOut::new(
            "no secret",
            FOUR,
            Client::new("cli", Some("laptop"), READ).with(|client| client.secret = Secret::None),
        )
        .paired(laptop(READ)),
        LockOut::new(
            "token for a password",
            FOUR,
            Client::new("cli", Some("laptop"), READ).with(|client| client.secret = Secret::Wrong),
        )
        .paired(laptop(READ))
        .with(&json!({ "auth": { "mode": "password", "password": PASSWORD } })),
        LockOut::new(
            "another platform",
            FOUR,
            Client::new("cli", Some("laptop"), READ).with(|client| client.platform = "macos"),
        )
        .paired(laptop(READ)),
        LockOut::new(
            "origin of the Control UI",
            FOUR,
            Client::new("control-ui", Some("browser"), READ)
                .with(|client| client.origin = Some("https://elsewhere.example")),
        ),
        LockOut::new(
            "Control UI without a device",
            FOUR,
            Client::new("control-ui", None, READ).with(|client| {
                behind_nginx(client);
                client.origin = Some("https://gateway.example");
            }),
        ),
        LockOut::new(
            "Control UI without a device, allowed origin",
            FOUR,
            Client::new("control-ui", None, READ).with(|client| {
                behind_nginx(client);
                client.origin = Some("https://gateway.example");
            }),
        )
        .with(
            &json!({ "controlUi": { "allowedOrigins": ["https://gateway.example"] }, "trustedProxies": ["127.0.0.1"] }),
        )
        .sample(&["Turn off the device check of the Control UI"], &["Allow the Control UI without a device"]),
        LockOut::new(
            "Control UI behind a proxy",
            FOUR,
            Client::new("control-ui", Some("browser"), READ).with(|client| {
                behind_nginx(client);
                client.origin = Some("https://gateway.example");
            }),
        )
        .sample(&["Allow the origin of the page, then connect"], &[]),
        LockOut {
            starts: false,
            ..LockOut::new("unknown setting", FOUR, Client::new("cli", Some("laptop"), READ))
                .paired(laptop(READ))
                .with(&json!({ "trustdProxies": ["127.0.0.1"] }))
                .sample(&["Correct the setting"], &["Set gateway.auth.mode"])
        },
        LockOut {
            damaged: Some("{\"a"),
            ..LockOut::new(
                "damaged paired.json",
                &["2026.3.31", "2026.4.2"],
                Client::new("exec", Some("server"), READ).with(through),
            )
        },
        LockOut {
            damaged: Some("{\"a"),
            starts: false,
            ..LockOut::new("damaged paired.json, import", &["2026.9.6"], Client::new("cli", Some("laptop"), READ))
        },
    ]
}
