//! Who connects: which client, as what, from where, with which credentials, with which device.

use openclaw_protocol::client::{self, mode};
use openclaw_protocol::identity::DeviceKey;
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

/// What the command line asks for where a command needs no less (`CLI_DEFAULT_OPERATOR_SCOPES`), the Control UI and the apps, too.
/// The releases before 2026.2.26 leave out two of them, and those from 2026.5.7 on also ask for `operator.talk.secrets`.
const ALL_SCOPES: &[&str] =
    &["operator.admin", "operator.read", "operator.write", "operator.approvals", "operator.pairing"];

/// A client that OpenClaw has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Preset {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is, for a person.
    pub what: &'static str,
    id: &'static str,
    mode: &'static str,
    role: &'static str,
    scopes: &'static [&'static str],
    platform: &'static str,
    family: Option<&'static str>,
}

/// Every client that can be named.
pub(crate) const PRESETS: &[Preset] = &[
    preset("cli", "the openclaw command", client::CLI, mode::CLI, "operator", ALL_SCOPES),
    preset("probe", "the probe of openclaw gateway status", client::CLI, mode::PROBE, "operator", &["operator.read"]),
    preset("tui", "the terminal user interface", client::TUI, mode::UI, "operator", ALL_SCOPES),
    preset("exec", "the exec tool", client::GATEWAY_CLIENT, mode::BACKEND, "operator", &["operator.approvals"]),
    preset("backend", "a tool of the gateway", client::GATEWAY_CLIENT, mode::BACKEND, "operator", &["operator.write"]),
    preset("control-ui", "the Control UI", client::CONTROL_UI, mode::WEBCHAT, "operator", ALL_SCOPES),
    preset("webchat", "the chat in a browser", client::WEBCHAT_UI, mode::WEBCHAT, "operator", ALL_SCOPES),
    preset("node", "a node host", client::NODE_HOST, mode::NODE, "node", &[]),
    app("macos", "the app for macOS", client::MACOS_APP, mode::UI, ("operator", ALL_SCOPES), ("macos", "Mac")),
    app("ios", "the app for iOS", client::IOS_APP, mode::NODE, ("node", &[]), ("ios", "iPhone")),
    app("android", "the app for Android", client::ANDROID_APP, mode::NODE, ("node", &[]), ("android", "Android")),
];

const fn preset(
    name: &'static str,
    what: &'static str,
    id: &'static str,
    mode: &'static str,
    role: &'static str,
    scopes: &'static [&'static str],
) -> Preset {
    Preset { name, what, id, mode, role, scopes, platform: "linux", family: None }
}

const fn app(
    name: &'static str,
    what: &'static str,
    id: &'static str,
    mode: &'static str,
    (role, scopes): (&'static str, &'static [&'static str]),
    (platform, family): (&'static str, &'static str),
) -> Preset {
    Preset { name, what, id, mode, role, scopes, platform, family: Some(family) }
}

impl FromStr for Preset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = PRESETS.iter().map(|preset| preset.name).collect::<Vec<_>>();
        let found = PRESETS.iter().find(|preset| preset.name == text);
        found.copied().ok_or_else(|| crate::words::choices(text, &names))
    }
}

/// Which credentials a client sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    /// The gateway's own secret, whatever its mode asks for; nothing where it asks for nothing.
    Shared,
    /// This token, or the gateway's.
    Token(Option<String>),
    /// This password, or the gateway's.
    Password(Option<String>),
    /// This device token, or the one in the device's record.
    DeviceToken(Option<String>),
    /// This bootstrap token.
    Bootstrap(String),
    /// Nothing.
    None,
}

impl FromStr for Credential {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, value) = text.split_once('=').map_or((text, None), |(kind, value)| (kind, Some(value.to_owned())));
        match (kind, value) {
            ("shared", None) => Ok(Self::Shared),
            ("token", value) => Ok(Self::Token(value)),
            ("password", value) => Ok(Self::Password(value)),
            ("device-token", value) => Ok(Self::DeviceToken(value)),
            ("bootstrap-token", Some(value)) => Ok(Self::Bootstrap(value)),
            ("bootstrap-token", None) => Err("bootstrap-token needs a value: bootstrap-token=VALUE".to_owned()),
            ("none", None) => Ok(Self::None),
            ("shared" | "none", Some(_)) => Err(format!("{kind} takes no value; use token=VALUE or password=VALUE")),
            _ => Err(crate::words::choices(
                kind,
                &["shared", "token", "password", "device-token", "bootstrap-token", "none"],
            )),
        }
    }
}

impl Credential {
    /// What it is, for a person; never the secret.
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Self::Shared => "the gateway's own secret",
            Self::Token(None) => "the gateway's token",
            Self::Token(Some(_)) => "a token of yours",
            Self::Password(None) => "the gateway's password",
            Self::Password(Some(_)) => "a password of yours",
            Self::DeviceToken(None) => "the device token of its record",
            Self::DeviceToken(Some(_)) => "a device token of yours",
            Self::Bootstrap(_) => "a bootstrap token",
            Self::None => "no credentials",
        }
    }

    /// The secret that the user gave.
    pub(crate) fn given(&self) -> Option<&str> {
        match self {
            Self::Token(text) | Self::Password(text) | Self::DeviceToken(text) => text.as_deref(),
            Self::Bootstrap(text) => Some(text),
            Self::Shared | Self::None => None,
        }
    }
}

/// The device of a client.
#[derive(Clone)]
pub(crate) enum Who {
    /// None.
    Nobody,
    /// Its key is known: that of `identity/device.json`, or one that no gateway knows.
    Holder(DeviceKey),
    /// Its key is somewhere else. The gateway is shown a stand-in, under whose id the records of the device are put.
    StandIn {
        /// The device's own id.
        id: String,
        /// The key that stands for its own.
        key: DeviceKey,
    },
}

impl Who {
    /// A device whose key is not here.
    pub(crate) fn elsewhere(id: &str) -> Self {
        Self::StandIn { id: id.to_owned(), key: DeviceKey::from_name(&format!("explain/{id}")) }
    }

    /// A device that no gateway knows.
    pub(crate) fn unknown() -> Self {
        Self::Holder(DeviceKey::from_name("explain/new device"))
    }

    /// Its key, own or stand-in.
    pub(crate) fn key(&self) -> Option<&DeviceKey> {
        match self {
            Self::Nobody => None,
            Self::Holder(key) | Self::StandIn { key, .. } => Some(key),
        }
    }

    /// The id that its user knows.
    pub(crate) fn id(&self) -> Option<String> {
        match self {
            Self::Nobody => None,
            Self::Holder(key) => Some(key.device_id()),
            Self::StandIn { id, .. } => Some(id.clone()),
        }
    }
}

/// A client and its connection.
#[derive(Clone)]
pub(crate) struct Client {
    /// What it is, for a person.
    pub what: String,
    /// `client.id`.
    pub id: String,
    /// `client.mode`.
    pub mode: String,
    /// `client.platform`.
    pub platform: String,
    /// `client.deviceFamily`.
    pub family: Option<String>,
    /// The role that it asks for.
    pub role: String,
    /// The scopes that it asks for.
    pub scopes: Vec<String>,
    /// What it sends as credentials.
    pub credential: Credential,
    /// Its device.
    pub who: Who,
    /// Where the gateway sees it come from.
    pub peer: IpAddr,
    /// The `Host` header; the gateway's address where not given.
    pub host: Option<String>,
    /// The `Origin` header.
    pub origin: Option<String>,
    /// More headers, names in small letters.
    pub headers: Vec<(String, String)>,
    /// Whether it is a page of the gateway's own, whose origin follows `Host`.
    pub is_page: bool,
}

impl Client {
    /// A client as OpenClaw has it, with a device, on the gateway's machine.
    pub(crate) fn of(preset: Preset, who: Who) -> Self {
        Self {
            what: preset.what.to_owned(),
            id: preset.id.to_owned(),
            mode: preset.mode.to_owned(),
            platform: preset.platform.to_owned(),
            family: preset.family.map(str::to_owned),
            role: preset.role.to_owned(),
            scopes: preset.scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            credential: Credential::Shared,
            who,
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            host: None,
            origin: None,
            headers: Vec::new(),
            is_page: preset.mode == mode::WEBCHAT,
        }
    }

    /// The client that a record was made for.
    pub(crate) fn of_record(record: &Value, who: Who) -> Option<Self> {
        let text = |name: &str| record.get(name).and_then(Value::as_str);
        let (id, mode) = (text("clientId")?, text("clientMode")?);
        let role = text("role").unwrap_or("operator");
        let fits = |preset: &&Preset| preset.id == id && preset.mode == mode && preset.role == role;
        let similar = || PRESETS.iter().find(|preset| preset.id == id);
        let preset = PRESETS.iter().find(fits).or_else(similar)?;
        let mut client = Self::of(*preset, who);
        mode.clone_into(&mut client.mode);
        client.ask_as(role);
        Some(client)
    }

    /// Asks for another role, with the scopes that go with it.
    pub(crate) fn ask_as(&mut self, role: &str) {
        if self.role == role {
            return;
        }
        role.clone_into(&mut self.role);
        self.scopes = match role {
            "operator" => ALL_SCOPES.iter().map(|scope| (*scope).to_owned()).collect(),
            _ => Vec::new(),
        };
        if client::NATIVE_APPS.contains(&self.id.as_str()) {
            self.mode = if role == "node" { mode::NODE.to_owned() } else { mode::UI.to_owned() };
        }
    }

    /// Takes platform and family over from the record of its device: it is the same machine.
    pub(crate) fn on_machine_of(&mut self, record: &Value) {
        let text = |name: &str| record.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        if let Some(platform) = text("platform") {
            platform.clone_into(&mut self.platform);
        }
        if record.get("platform").is_some() {
            self.family = text("deviceFamily").map(str::to_owned).or_else(|| self.family.take());
        }
    }
}
