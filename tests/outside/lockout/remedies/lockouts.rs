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
    /// The texts of damaged files.
    damaged: &'static [(&'static str, &'static str)],
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
            Self { name, on, starts: true, client, gateway, paired: Map::new(), damaged: &[], sample: (&[], &[]) };
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
        write("devices/paired.json", paired);
        self.damaged.iter().for_each(|(path, text)| write(path, (*text).to_owned()));
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
pub(super) fn lockouts() -> Vec<LockOut> {
    [usual(), reported()].into_iter().flatten().collect()
}

/// Clients from the original reports, and combinations of their causes.
#[expect(clippy::too_many_lines, reason = "a table")]
fn usual() -> Vec<LockOut> {
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
        .paired(revoked(laptop(READ), "operator"))
        .sample(&["Give the device a new token, then give the client the new token"], &[]),
        LockOut::new(
            "revoked token, more scopes",
            FOUR,
            Client::new("cli", Some("laptop"), &EVERY_SCOPE).with(|client| client.secret = Secret::Device),
        )
        .paired(revoked(laptop(READ), "operator"))
        .sample(&["Remove the device, then pair it again with"], &[]),
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
            "Control UI over plain http",
            FOUR,
            Client::new("control-ui", None, READ).with(|client| {
                client.elsewhere = true;
                (client.host, client.origin) = (Some("192.0.2.2:18789"), Some("http://192.0.2.2:18789"));
            }),
        )
        .with(&json!({ "bind": "lan", "controlUi": { "allowedOrigins": ["http://192.0.2.2:18789"] } }))
        .sample(&["Open the page on localhost through"], &[]),
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
            damaged: &[("devices/paired.json", "{\"a")],
            ..LockOut::new(
                "damaged paired.json",
                &["2026.3.31", "2026.4.2"],
                Client::new("exec", Some("server"), READ).with(through),
            )
        },
        LockOut {
            damaged: &[("devices/paired.json", "{\"a")],
            starts: false,
            ..LockOut::new("damaged paired.json, import", &["2026.9.6"], Client::new("cli", Some("laptop"), READ))
        },
    ]
}

/// Clients from other reports.
#[expect(clippy::too_many_lines, reason = "a table")]
fn reported() -> Vec<LockOut> {
    let without = |mut record: Value, fields: &[&str]| {
        fields.iter().for_each(|field| drop(record.as_object_mut().unwrap().remove(*field)));
        record
    };
    let on_platform = |mut record: Value, platform: &str, family: &str| {
        record["platform"] = json!(platform);
        record["deviceFamily"] = json!(family);
        record
    };
    let server = |scopes: &[&str]| record("server", ("cli", "cli"), "operator", scopes, "t0ken-of-the-server-18ab");
    let phone = record("phone", ("openclaw-ios", "node"), "node", &[], "t0ken-of-the-phone-77fe");
    let mac = record("mac", ("openclaw-macos", "ui"), "operator", READ, "t0ken-of-the-mac-90d3");
    let proxied = |client: &mut Client| {
        client.headers.extend([FORWARDED, ("X-Forwarded-User", "me@example.com")]);
        (client.host, client.origin) = (Some("ui.example"), Some("https://ui.example"));
    };
    vec![
        // openclaw/openclaw#21236
        LockOut::new(
            "record without roles and scopes",
            &["2026.2.19"],
            Client::new("cli", Some("server"), &EVERY_SCOPE),
        )
        .paired(without(server(READ), &["roles", "scopes", "approvedScopes"])),
        // openclaw/openclaw#21470
        LockOut::new("read-only command line", &["2026.2.19"], Client::new("cli", Some("server"), &EVERY_SCOPE))
            .paired(server(READ)),
        // openclaw/openclaw#65690
        LockOut::new(
            "approvals of a read-only device",
            &["2026.4.2"],
            Client::new("exec", Some("server"), &["operator.approvals"]),
        )
        .paired(server(READ)),
        // openclaw/openclaw#83490
        LockOut::new(
            "update of iOS",
            &["2026.4.2"],
            Client::new("ios", Some("phone"), &[]).with(|client| client.platform = "iOS 17.2"),
        )
        .paired(on_platform(phone, "iOS 17.1", "iPhone")),
        // openclaw/openclaw#36973
        LockOut::new(
            "update of macOS",
            &["2026.3.31"],
            Client::new("macos", Some("mac"), READ).with(|client| client.platform = "macOS 26.4.0"),
        )
        .paired(on_platform(mac, "macOS 26.3.1", "Mac"))
        .sample(&["Connect, then approve"], &[]),
        // openclaw/openclaw#59167
        LockOut::new(
            "trusted proxy on loopback",
            THREE,
            Client::new("control-ui", Some("browser"), READ).with(proxied),
        )
        .with(&json!({
            "auth": { "mode": "trusted-proxy", "trustedProxy": { "userHeader": "x-forwarded-user" } },
            "trustedProxies": ["127.0.0.1"], "controlUi": { "allowedOrigins": ["https://ui.example"] },
        }))
        .sample(&["Use token authentication"], &[]),
        // openclaw/openclaw#75780
        LockOut::new(
            "tool without a device",
            &["2026.4.2"],
            Client::new("exec", None, READ).with(|client| client.secret = Secret::None),
        )
        .with(&json!({ "auth": { "mode": "none" } }))
        .sample(&["Give the client a device identity"], &[]),
        // openclaw/openclaw#98066
        LockOut::new(
            "spent setup code",
            FOUR,
            Client::new("ios", Some("phone"), &[])
                .with(|client| client.secret = Secret::Spent)
                .with(|client| client.headers.push(FORWARDED)),
        )
        .with(&json!({ "trustedProxies": ["127.0.0.1"] }))
        .sample(&["Create a new setup code"], &["Connect, then approve"]),
        // openclaw/openclaw#122822
        LockOut {
            damaged: &[("devices/pending.json", "")],
            ..LockOut::new("empty pending.json", &["2026.6.11"], Client::new("cli", Some("laptop"), READ))
                .sample(&["Stop the gateway, then move"], &[])
        },
        // openclaw/openclaw#119950
        LockOut::new(
            "every address is a proxy",
            &["2026.9.6"],
            Client::new("cli", Some("laptop"), READ).with(|client| client.headers.push(FORWARDED)),
        )
        .with(&json!({ "trustedProxies": ["0.0.0.0/0"] }))
        .sample(&["Name only this proxy"], &[]),
    ]
}
