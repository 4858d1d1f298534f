//! The connecting client: its kind, role, address, credentials and device.

mod assumption;
mod description;

pub(crate) use description::ClientDescription;

use PresetScopes::{Browser, Command, Fixed, Probe, Terminal};
use openclaw_model::facts::client::ClientFacts;
use openclaw_protocol::client::{self, mode};
use openclaw_protocol::identity::DeviceKey;
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

/// The default scopes of the apps (`defaultOperatorConnectScopes` of OpenClawKit). The scopes come from the source
/// code, because no test runs an app. No known release has other scopes.
const APP_SCOPES: &[&str] =
    &["operator.admin", "operator.read", "operator.write", "operator.approvals", "operator.pairing"];

/// A kind of client that `--as` names, with its default values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Preset {
    /// The name of the client on the command line.
    pub name: &'static str,
    /// The client in words.
    pub what: &'static str,
    id: &'static str,
    mode: &'static str,
    role: &'static str,
    scopes: PresetScopes,
    platform: &'static str,
    family: Option<&'static str>,
}

/// The default scopes of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PresetScopes {
    /// The scopes of the `openclaw` command of a release.
    Command,
    /// The scopes of the probe of a release.
    Probe,
    /// The scopes of the terminal user interface of a release.
    Terminal,
    /// The scopes of the Control UI of a release.
    Browser,
    /// Scopes that are equal in every release.
    Fixed(&'static [&'static str]),
}

impl PresetScopes {
    /// The scopes of the client of a release.
    fn of(self, release: &ClientFacts) -> &'static [&'static str] {
        match self {
            Self::Command => release.scopes.command,
            Self::Probe => release.scopes.probe,
            Self::Terminal => release.scopes.terminal,
            Self::Browser => release.scopes.browser,
            Self::Fixed(scopes) => scopes,
        }
    }
}

/// All clients that `--as` accepts.
pub(crate) const PRESETS: &[Preset] = &[
    preset("cli", "the openclaw command", client::CLI, mode::CLI, "operator", Command),
    preset("probe", "the probe of openclaw gateway status", client::CLI, mode::PROBE, "operator", Probe),
    preset("tui", "the terminal user interface", client::TUI, mode::UI, "operator", Terminal),
    preset("exec", "the exec tool", client::GATEWAY_CLIENT, mode::BACKEND, "operator", Fixed(&["operator.approvals"])),
    preset(
        "backend",
        "a tool of the gateway",
        client::GATEWAY_CLIENT,
        mode::BACKEND,
        "operator",
        Fixed(&["operator.write"]),
    ),
    preset("control-ui", "the Control UI", client::CONTROL_UI, mode::WEBCHAT, "operator", Browser),
    preset("webchat", "the chat in a browser", client::WEBCHAT_UI, mode::WEBCHAT, "operator", Browser),
    preset("node", "a node host", client::NODE_HOST, mode::NODE, "node", Fixed(&[])),
    app("macos", "the app for macOS", client::MACOS_APP, mode::UI, ("operator", APP_SCOPES), ("macos", "Mac")),
    app("ios", "the app for iOS", client::IOS_APP, mode::NODE, ("node", &[]), ("ios", "iPhone")),
    app("android", "the app for Android", client::ANDROID_APP, mode::NODE, ("node", &[]), ("android", "Android")),
];

/// Other names of clients, and what to pass instead.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("cron", "a cron job is `backend`"),
    ("agent", "a tool of an agent is `backend`, and the exec tool is `exec`"),
    ("browser", "the page of the gateway in a browser is `control-ui`"),
    ("dashboard", "the dashboard is `control-ui`"),
    ("iphone", "an iPhone is `ios`"),
    ("ipad", "an iPad is `ios`"),
    ("phone", "a phone is `ios` or `android`"),
    ("mac", "the app for macOS is `macos`"),
    ("docker", "the openclaw command in a container is `cli`; pass the address of the container with --peer"),
    ("openclaw", "the openclaw command is `cli`"),
];

const fn preset(
    name: &'static str,
    what: &'static str,
    id: &'static str,
    mode: &'static str,
    role: &'static str,
    scopes: PresetScopes,
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
    Preset { name, what, id, mode, role, scopes: Fixed(scopes), platform, family: Some(family) }
}

impl Preset {
    /// Whether the client has a device of its own, instead of that of the gateway's machine.
    pub(crate) fn has_own_device(&self) -> bool {
        self.mode == mode::WEBCHAT || self.is_node_host() || self.is_app()
    }

    /// Whether the client is a node host, which can also run on the gateway's machine.
    pub(crate) fn is_node_host(&self) -> bool {
        self.id == client::NODE_HOST
    }

    /// Whether both are the same program: they send the same id and mode. The exec tool and the other tools of the gateway do. An
    /// app has two modes.
    pub(crate) fn is_same_client(&self, other: Self) -> bool {
        self.id == other.id && (self.mode == other.mode || self.is_app())
    }

    /// Whether the client connects as a node by default.
    pub(crate) fn is_node(&self) -> bool {
        self.role == "node"
    }

    /// Whether the client is an app for a desktop or a phone.
    pub(super) fn is_app(&self) -> bool {
        client::NATIVE_APPS.contains(&self.id)
    }

    /// Whether a record was created for this client.
    pub(crate) fn is_client_of(&self, record: &Value) -> bool {
        record.get("clientId").and_then(Value::as_str) == Some(self.id)
    }
}

impl FromStr for Preset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = PRESETS.iter().map(|preset| preset.name).collect::<Vec<_>>();
        let found = PRESETS.iter().find(|preset| preset.name == text);
        found.copied().ok_or_else(|| crate::suggestions::choices_or_synonym(text, &names, OTHER_NAMES))
    }
}

/// The preset of a client, or one with the same id.
fn preset_of(id: &str, mode: &str, role: &str) -> Option<Preset> {
    let fits = |preset: &&Preset| preset.id == id && preset.mode == mode && preset.role == role;
    let similar = || PRESETS.iter().find(|preset| preset.id == id);
    PRESETS.iter().find(fits).or_else(similar).copied()
}

fn owned(scopes: &[&str]) -> Vec<String> {
    scopes.iter().map(|scope| (*scope).to_owned()).collect()
}

/// The host name that a proxy sees. The name is reserved for documentation.
pub(super) const PUBLIC_HOST: &str = "gateway.example";
/// The address of another machine. The address is reserved for documentation.
pub(super) const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

/// The name from which the key of a new device is derived.
const NEW_DEVICE: &str = "explain/new device";

/// A secret that no gateway has, in place of a refused one that is not known.
pub(crate) const WRONG: &str = "a wrong secret";

/// The credentials that a client sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    /// The gateway's own secret, according to its auth mode. Nothing if the mode needs no secret.
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
            _ => Err(crate::suggestions::choices_or_synonym(
                kind,
                &["shared", "token", "password", "device-token", "bootstrap-token", "none"],
                &[("setup-code", "a setup code contains a bootstrap token: bootstrap-token=VALUE")],
            )),
        }
    }
}

impl Credential {
    /// The kind of credentials in words, without the secret.
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Self::Shared => "the gateway's own secret",
            Self::Token(None) => "the gateway's token",
            Self::Token(Some(text)) if text == WRONG => "a wrong token",
            Self::Password(Some(text)) if text == WRONG => "a wrong password",
            Self::DeviceToken(Some(text)) if text == WRONG => "a wrong device token",
            Self::Bootstrap(text) if text == WRONG => "a wrong bootstrap token",
            Self::Token(Some(_)) => "a token from the command line",
            Self::Password(None) => "the gateway's password",
            Self::Password(Some(_)) => "a password from the command line",
            Self::DeviceToken(None) => "the device token in its record",
            Self::DeviceToken(Some(_)) => "a device token from the command line",
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
pub(crate) enum ClientDevice {
    /// None.
    Nobody,
    /// A device whose key is known: the key in `identity/device.json`, or the key of a new device.
    Holder(DeviceKey),
    /// A device whose key is elsewhere. A stand-in key connects instead. In the copy of the store, the records of the
    /// device have the id of the stand-in.
    StandIn {
        /// The device's own id.
        id: String,
        /// The stand-in key.
        key: DeviceKey,
    },
}

impl ClientDevice {
    /// A device with a stand-in key.
    pub(crate) fn with_stand_in_key(id: &str) -> Self {
        Self::StandIn { id: id.to_owned(), key: DeviceKey::from_name(&format!("explain/{id}")) }
    }

    /// A new device, which no gateway knows.
    pub(crate) fn unknown() -> Self {
        Self::Holder(DeviceKey::from_name(NEW_DEVICE))
    }

    /// Whether this is the new device.
    pub(crate) fn is_new(&self) -> bool {
        matches!(self, Self::Holder(key) if key.device_id() == DeviceKey::from_name(NEW_DEVICE).device_id())
    }

    /// The device's key or the stand-in key.
    pub(crate) fn key(&self) -> Option<&DeviceKey> {
        match self {
            Self::Nobody => None,
            Self::Holder(key) | Self::StandIn { key, .. } => Some(key),
        }
    }

    /// The device's own id, even if a stand-in key connects.
    pub(crate) fn id(&self) -> Option<String> {
        match self {
            Self::Nobody => None,
            Self::Holder(key) => Some(key.device_id()),
            Self::StandIn { id, .. } => Some(id.clone()),
        }
    }
}

/// A part of the client that neither the user nor a file specifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Assumption {
    /// The device, among those in the store.
    Device,
    /// The device, which no record describes.
    NewDevice,
    /// The client of its release does not send its device to this gateway.
    OmitsDevice,
    /// The page has no device.
    InsecurePage,
    /// The kind of client.
    Client,
    /// The kind and the value of the client's credentials.
    Credential,
    /// The client has the platform of the record.
    Platform,
    /// The machine that the client connects from.
    Peer,
    /// The host that the client requests.
    Host,
    /// The headers that a proxy adds to authenticate a user.
    Headers,
    /// The client requests all its default scopes, although most methods need fewer.
    Scopes,
    /// The app requests the scopes of its device token.
    TokenScopes,
    /// The proof of a device whose private key is elsewhere.
    Proof,
}

/// A client and its connection.
#[derive(Clone)]
pub(crate) struct Client {
    /// The client in words.
    pub what: String,
    /// `client.id`.
    pub id: String,
    /// `client.mode`.
    pub mode: String,
    /// `client.platform`.
    pub platform: String,
    /// `client.deviceFamily`.
    pub family: Option<String>,
    /// The requested role.
    pub role: String,
    /// The requested scopes.
    pub scopes: Vec<String>,
    /// The credentials that the client sends.
    pub credential: Credential,
    /// The file or the variable that the client takes the credentials from, in words, if it is not the configuration.
    pub credential_source: Option<String>,
    /// The device of the client.
    pub who: ClientDevice,
    /// The peer address that the gateway sees.
    pub peer: IpAddr,
    /// The `Host` header. By default, the gateway's address.
    pub host: Option<String>,
    /// The `Origin` header.
    pub origin: Option<String>,
    /// Additional headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The names of the headers that the proxy is assumed to add, because the configuration requires them.
    pub assumed_headers: Vec<String>,
    /// Whether the client is a page that the gateway serves. The default origin of such a page follows `Host`.
    pub is_page: bool,
    /// What is assumed about the client.
    pub assumed: Vec<Assumption>,
}

impl Client {
    /// A client of a release with its default values and this device, on the gateway's machine.
    pub(crate) fn of(preset: Preset, release: &ClientFacts, who: ClientDevice) -> Self {
        Self {
            what: preset.what.to_owned(),
            id: preset.id.to_owned(),
            mode: preset.mode.to_owned(),
            platform: preset.platform.to_owned(),
            family: preset.family.map(str::to_owned),
            role: preset.role.to_owned(),
            scopes: owned(preset.scopes.of(release)),
            credential: Credential::Shared,
            credential_source: None,
            who,
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            host: None,
            origin: None,
            headers: Vec::new(),
            assumed_headers: Vec::new(),
            is_page: preset.mode == mode::WEBCHAT,
            assumed: Vec::new(),
        }
    }

    /// The client of a release that a record was created for.
    pub(crate) fn of_record(record: &Value, release: &ClientFacts, who: ClientDevice) -> Option<Self> {
        let text = |name: &str| record.get(name).and_then(Value::as_str);
        let (id, mode) = (text("clientId")?, text("clientMode")?);
        let recorded = text("role").unwrap_or("operator");
        let preset = preset_of(id, mode, recorded)?;
        // The role of most clients is fixed, whatever the record says.
        let role = if client::NATIVE_APPS.contains(&id) || mode == mode::NODE { recorded } else { preset.role };
        let mut client = Self::of(preset, release, who);
        mode.clone_into(&mut client.mode);
        client.request_role(role, release);
        Some(client)
    }

    /// Sets the requested role and the default scopes of that role.
    pub(crate) fn request_role(&mut self, role: &str, release: &ClientFacts) {
        if self.role == role {
            return;
        }
        role.clone_into(&mut self.role);
        if self.is_app() {
            self.mode = if role == "node" { mode::NODE.to_owned() } else { mode::UI.to_owned() };
        }
        self.scopes = self.default_scopes(release);
    }

    /// Lets an app that sends the device token of its record request the scopes of this token. Returns whether it does.
    pub(super) fn request_scopes_of_token(&mut self, record: &Value) -> bool {
        let token = record.get("tokens").and_then(|tokens| tokens.get(&self.role)?.get("scopes")?.as_array());
        let is_sent = self.is_app() && self.credential == Credential::DeviceToken(None);
        let Some(scopes) = token.filter(|_| is_sent) else { return false };
        let scopes = scopes.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        std::mem::replace(&mut self.scopes, scopes) != self.scopes
    }

    /// Whether the client is an app for a desktop or a phone.
    fn is_app(&self) -> bool {
        client::NATIVE_APPS.contains(&self.id.as_str())
    }

    /// Whether the client is an app for a phone, which cannot run on the gateway's machine.
    pub(crate) fn is_phone(&self) -> bool {
        [client::IOS_APP, client::ANDROID_APP].contains(&self.id.as_str())
    }

    /// Whether the client is the `openclaw` command as an operator.
    pub(crate) fn is_command(&self) -> bool {
        self.id == client::CLI && self.mode == mode::CLI && self.role == "operator"
    }

    /// The scopes that the client of a release requests by default.
    pub(crate) fn default_scopes(&self, release: &ClientFacts) -> Vec<String> {
        let preset = preset_of(&self.id, &self.mode, &self.role).filter(|preset| preset.role == self.role);
        match (preset, self.role.as_str()) {
            (Some(preset), _) => owned(preset.scopes.of(release)),
            (None, "operator") if self.is_app() => owned(APP_SCOPES),
            (None, "operator") => owned(release.scopes.command),
            (None, _) => Vec::new(),
        }
    }

    /// Sets platform and device family to those in the device's record.
    pub(crate) fn on_machine_of(&mut self, record: &Value) {
        let text = |name: &str| record.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        if let Some(platform) = text("platform") {
            platform.clone_into(&mut self.platform);
        }
        if record.get("platform").is_some() {
            self.family = text("deviceFamily").map(str::to_owned).or_else(|| self.family.take());
        }
    }

    /// The credentials in words, without the secret.
    pub(crate) fn credential_words(&self) -> &str {
        self.credential_source.as_deref().unwrap_or_else(|| self.credential.words())
    }
}
