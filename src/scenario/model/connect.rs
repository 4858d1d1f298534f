//! The `connect` action: which client connects, with which role, from where and with which proof.

use super::text::Offset;
use crate::scenario::syntax::spans::{Name, NameOrNone};
use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Error, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;

/// Opens a WebSocket, waits for the challenge and sends `connect`. Other values default to those of OpenClaw's command
/// line client. Role and scopes are not sent unless they are given.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Connect {
    /// The device that connects: a name of your choice, or `none` for a client without a device identity. The key is
    /// derived from the case and the name.
    pub device: NameOrNone,
    /// The requested role. Not sent by default.
    #[serde(default)]
    pub role: Option<String>,
    /// The requested scopes. Not sent by default.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// The client's description of itself.
    #[serde(default)]
    pub client: Client,
    /// The credentials. Default: the shared secret of the gateway. `none` sends no credentials.
    #[serde(default)]
    pub auth: Option<Credentials>,
    /// The lowest and the highest protocol version that the client offers, such as `[3, 3]`. Default: the versions that
    /// the release under test supports.
    #[serde(default)]
    pub protocol: Option<(u32, u32)>,
    /// The origin of the connection.
    #[serde(default)]
    pub via: Via,
    /// Additional headers of the upgrade request. They override the headers of `via`.
    #[serde(default)]
    pub headers: IndexMap<String, String>,
    /// The Origin header, as a browser sends it. Not sent by default.
    #[serde(default)]
    pub origin: Option<String>,
    /// The Host header. Default: the address of the gateway.
    #[serde(default)]
    pub host: Option<String>,
    /// The device proof.
    #[serde(default)]
    pub proof: Proof,
    /// The capabilities that a node offers.
    #[serde(default)]
    pub caps: Option<Vec<String>>,
    /// The commands that a node offers.
    #[serde(default)]
    pub commands: Option<Vec<String>>,
    /// The permissions of a node.
    #[serde(default)]
    pub permissions: Option<IndexMap<String, bool>>,
    /// The connect parameter `userAgent`. Not sent by default.
    #[serde(default)]
    pub user_agent: Option<String>,
    /// The connect parameter `locale`. Not sent by default.
    #[serde(default)]
    pub locale: Option<String>,
    /// Whether the observation shows the methods and events that hello-ok lists.
    #[serde(default)]
    pub show_features: bool,
    /// Raw parameters, merged over all others (JSON Merge Patch: null removes) after the proof is made.
    #[serde(default)]
    pub params: Map<String, Value>,
}

impl Connect {
    /// The connect of a device with the default values.
    pub(crate) fn of(device: Name) -> Self {
        Self {
            device: NameOrNone::Name(device),
            role: None,
            scopes: None,
            client: Client::default(),
            auth: None,
            protocol: None,
            via: Via::default(),
            headers: IndexMap::new(),
            origin: None,
            host: None,
            proof: Proof::default(),
            caps: None,
            commands: None,
            permissions: None,
            user_agent: None,
            locale: None,
            show_features: false,
            params: Map::new(),
        }
    }
}

/// The client's description of itself.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Client {
    /// The client's id. Default: `cli`.
    pub id: Option<String>,
    /// The client's mode. Default: `cli`.
    pub mode: Option<String>,
    /// The client's platform. Default: `linux`.
    pub platform: Option<String>,
    /// The client's device family. Not sent by default.
    pub device_family: Option<String>,
    /// The client's model identifier. Not sent by default.
    pub model_identifier: Option<String>,
    /// The client's version.
    pub version: Option<String>,
    /// The client's display name. Not sent by default.
    pub display_name: Option<String>,
    /// The client's instance id. Not sent by default.
    pub instance_id: Option<String>,
}

/// The credentials of a connect: any combination of the four kinds, or `none`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Credentials {
    /// `auth.token`.
    pub token: Option<SharedSecret>,
    /// `auth.password`.
    pub password: Option<SharedSecret>,
    /// `auth.deviceToken`.
    pub device_token: Option<DeviceToken>,
    /// `auth.bootstrapToken`.
    pub bootstrap_token: Option<BootstrapToken>,
}

/// The map form of [`Credentials`].
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[derive(Default)]
struct CredentialFields {
    /// The shared token.
    token: Option<SharedSecret>,
    /// `auth.password`.
    password: Option<SharedSecret>,
    /// `auth.deviceToken`.
    device_token: Option<DeviceToken>,
    /// `auth.bootstrapToken`.
    bootstrap_token: Option<BootstrapToken>,
}

impl<'de> Deserialize<'de> for Credentials {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CredentialsVisitor;

        impl<'de> Visitor<'de> for CredentialsVisitor {
            type Value = Credentials;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`none`, or a map with token, password, device-token, bootstrap-token")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Credentials, E> {
                if text == crate::scenario::syntax::spans::NONE {
                    return Ok(Credentials::default());
                }
                Err(E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Credentials, A::Error> {
                let fields = CredentialFields::deserialize(MapAccessDeserializer::new(map))?;
                let CredentialFields { token, password, device_token, bootstrap_token } = fields;
                Ok(Credentials { token, password, device_token, bootstrap_token })
            }
        }

        deserializer.deserialize_any(CredentialsVisitor)
    }
}

impl JsonSchema for Credentials {
    fn schema_name() -> Cow<'static, str> {
        "Credentials".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let fields = generator.subschema_for::<CredentialFields>();
        schemars::json_schema!({
            "description": "The credentials that a connect carries: any mix of the four kinds, or `none`.",
            "anyOf": [{ "const": "none" }, fields]
        })
    }
}

/// A shared token or password.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SharedSecret {
    /// The gateway's secret.
    Right,
    /// A secret of the same form that the gateway does not have.
    Wrong,
    /// The secret with this name.
    Secret(Name),
    /// This text.
    Text(String),
    /// A device token in place of a shared secret.
    DeviceToken(DeviceToken),
}

/// A device token that a client sends.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceToken {
    /// The newest token that this device and role received, or the stored token if it received none.
    Last,
    /// The token that the scenario's store contains for this device and role.
    Seeded,
    /// A token of the same form that no device received.
    Wrong,
    /// The token that the device received in the step with this name.
    From(Name),
    /// The newest token of another device or role.
    Of(TokenOwner),
    /// This text.
    Text(String),
}

/// The device and the role that a token belongs to.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TokenOwner {
    /// The device that received the token.
    pub device: Name,
    /// The role of the token.
    pub role: String,
}

/// A bootstrap token that a client sends.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BootstrapToken {
    /// A token of the same form that the gateway did not issue.
    Wrong,
    /// The token that the scenario's store contains under this name.
    Seeded(Name),
    /// This text.
    Text(String),
}

/// The origin of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// Loopback, without a proxy.
    #[default]
    Direct,
    /// nginx on the same host, with the usual `proxy_set_header` lines.
    Nginx,
    /// Caddy on the same host.
    Caddy,
    /// Tailscale Serve on the same host.
    TailscaleServe,
    /// cloudflared on the same host.
    Cloudflared,
    /// An SSH tunnel that ends on the same host.
    SshTunnel,
    /// Another host, without a proxy.
    OtherHost,
}

/// A device proof. All parts are correct by default.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Proof {
    /// The format of the signed line. Default: the format that a client of the release under test signs.
    pub version: Option<ProofVersion>,
    /// The nonce that the client sends and signs.
    pub nonce: Nonce,
    /// The offset of the client's clock.
    pub clock_offset: Option<Offset>,
    /// The device whose key signs.
    pub key: Option<Name>,
    /// The change to the signature after signing.
    pub signature: Signature,
    /// The device id that the client sends.
    pub id: SentId,
    /// The public key that the client sends.
    pub public_key: SentKey,
}

/// The format of the signed line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProofVersion {
    /// Without a nonce.
    V1,
    /// With a nonce.
    V2,
    /// With a nonce, the platform and the device family. The oldest known release refuses it.
    V3,
}

impl From<ProofVersion> for openclaw_protocol::proof::ProofVersion {
    fn from(version: ProofVersion) -> Self {
        match version {
            ProofVersion::V1 => Self::V1,
            ProofVersion::V2 => Self::V2,
            ProofVersion::V3 => Self::V3,
        }
    }
}

/// The nonce of a proof.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Nonce {
    /// The nonce of the challenge.
    #[default]
    Right,
    /// A nonce that the gateway did not send.
    Wrong,
    /// No nonce: the client does not send the field.
    Absent,
    /// An empty string.
    Empty,
    /// The nonce from the challenge in the step with this name.
    Of(Name),
}

/// The signature of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Signature {
    /// The unchanged signature.
    #[default]
    Right,
    /// The signature with one bit flipped.
    Damaged,
    /// No signature: the client does not send the field.
    Absent,
}

/// The device id of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SentId {
    /// The hash of the public key.
    #[default]
    Right,
    /// The hash of other data.
    Wrong,
}

/// The public key of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SentKey {
    /// The device's key, as raw unpadded base64url.
    #[default]
    Raw,
    /// The device's key, as PEM.
    Pem,
    /// Bytes that are not a key, because their length is wrong.
    Wrong,
}
