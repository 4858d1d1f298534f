//! The `connect` act: who connects, as what, from where, with which proof.

use super::text::Offset;
use crate::scenario::syntax::spans::{Name, NameOrNone};
use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Error, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;

/// Opens a WebSocket, waits for the challenge and sends `connect`. What is not said is what the command line client of
/// OpenClaw sends; role and scopes are not sent unless said.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Connect {
    /// The device that connects, by a name of your choice, or `none` for a client without a device identity. Its key
    /// comes from the case and the name.
    pub device: NameOrNone,
    /// The role asked for; not sent unless said.
    #[serde(default)]
    pub role: Option<String>,
    /// The scopes asked for; not sent unless said.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// What the client says about itself.
    #[serde(default)]
    pub client: Client,
    /// The credentials; the gateway's own shared secret unless said otherwise. `none` sends none.
    #[serde(default)]
    pub auth: Option<Credentials>,
    /// Lowest and highest protocol version offered, `[3, 3]`; what the release under test speaks unless said otherwise.
    #[serde(default)]
    pub protocol: Option<(u32, u32)>,
    /// Where the connection comes from.
    #[serde(default)]
    pub via: Via,
    /// More headers of the upgrade request; they go over those of `via`.
    #[serde(default)]
    pub headers: IndexMap<String, String>,
    /// The Origin header, as a browser sends it; not sent unless said.
    #[serde(default)]
    pub origin: Option<String>,
    /// The Host header; the gateway's address unless said otherwise.
    #[serde(default)]
    pub host: Option<String>,
    /// How the device proves itself.
    #[serde(default)]
    pub proof: Proof,
    /// Capabilities of a node.
    #[serde(default)]
    pub caps: Option<Vec<String>>,
    /// Commands of a node.
    #[serde(default)]
    pub commands: Option<Vec<String>>,
    /// Permissions of a node.
    #[serde(default)]
    pub permissions: Option<IndexMap<String, bool>>,
    /// The connect parameter `userAgent`; not sent unless said.
    #[serde(default)]
    pub user_agent: Option<String>,
    /// The connect parameter `locale`; not sent unless said.
    #[serde(default)]
    pub locale: Option<String>,
    /// Raw parameters, merged over all others (JSON Merge Patch: null removes) after the proof is made.
    #[serde(default)]
    pub params: Map<String, Value>,
}

/// What a client says about itself.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Client {
    /// `cli` unless said otherwise.
    pub id: Option<String>,
    /// `cli` unless said otherwise.
    pub mode: Option<String>,
    /// `linux` unless said otherwise.
    pub platform: Option<String>,
    /// Not sent unless said.
    pub device_family: Option<String>,
    /// Not sent unless said.
    pub model_identifier: Option<String>,
    /// The client's version.
    pub version: Option<String>,
    /// Not sent unless said.
    pub display_name: Option<String>,
    /// Not sent unless said.
    pub instance_id: Option<String>,
}

/// The credentials that a connect carries: any mix of the four kinds, or `none`.
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
    /// The password.
    password: Option<SharedSecret>,
    /// A device token.
    device_token: Option<DeviceToken>,
    /// A bootstrap token.
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
    /// The one that the gateway has.
    Right,
    /// One of the same shape that the gateway does not have.
    Wrong,
    /// The secret of this name.
    Secret(Name),
    /// This text.
    Text(String),
    /// The device's own device token, in the place of a shared one.
    DeviceToken(DeviceToken),
}

/// A device token.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceToken {
    /// The newest one that the gateway gave to this device for this role; the one in the store where it gave none.
    Last,
    /// The one that the scenario's store has for this device and role, whatever came later.
    Seeded,
    /// One of the same shape that nobody was given.
    Wrong,
    /// The one that the gateway gave in the step of this name.
    From(Name),
    /// Another device's or another role's newest one.
    Of(TokenOwner),
    /// This text.
    Text(String),
}

/// Whose device token.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TokenOwner {
    /// The device.
    pub device: Name,
    /// The role.
    pub role: String,
}

/// A bootstrap token.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BootstrapToken {
    /// One of the same shape that nobody was given.
    Wrong,
    /// The one that the scenario's store has under this name.
    Seeded(Name),
    /// This text.
    Text(String),
}

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// Loopback, nothing in between.
    #[default]
    Direct,
    /// nginx on the same host, with the usual proxy_set_header lines.
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

/// How a device proves that it has its key. What is not said is right.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Proof {
    /// The form of the signed line; what a client of the release under test signs unless said.
    pub version: Option<ProofVersion>,
    /// The nonce that is sent and signed.
    pub nonce: Nonce,
    /// How far the client's clock is off.
    pub clock_offset: Option<Offset>,
    /// The device whose key signs.
    pub key: Option<Name>,
    /// What happens to the signature on its way.
    pub signature: Signature,
    /// The device id that is sent.
    pub id: SentId,
    /// The public key that is sent.
    pub public_key: SentKey,
}

/// The form of the signed line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProofVersion {
    /// Without a nonce.
    V1,
    /// With a nonce.
    V2,
    /// With nonce, platform and device family; since 2026.2.26.
    V3,
}

/// A nonce in a proof.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Nonce {
    /// The challenge's.
    #[default]
    Right,
    /// One that nobody gave.
    Wrong,
    /// None: the field is not sent.
    Absent,
    /// An empty text.
    Empty,
    /// The one of the challenge in the step of this name.
    Of(Name),
}

/// A signature in a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Signature {
    /// As signed.
    #[default]
    Right,
    /// One bit is flipped.
    Damaged,
    /// None: the field is not sent.
    Absent,
}

/// A device id in a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SentId {
    /// The hash of the public key.
    #[default]
    Right,
    /// The hash of something else.
    Wrong,
}

/// A public key in a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SentKey {
    /// The device's, raw in unpadded base64url.
    #[default]
    Raw,
    /// The device's, as PEM.
    Pem,
    /// No key at all: bytes of another length.
    Wrong,
}
