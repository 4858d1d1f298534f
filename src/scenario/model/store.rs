//! The `store` part of a scenario: what stands in a state directory.
//!
//! A record says only what is odd about it. What it does not say is what a release writes for a command line client that it has
//! paired silently: client `cli`/`cli` on `linux`, role `operator`, one token for each role, `approved-scopes` and the
//! tokens' scopes as `scopes`, a moment ago.

use super::text::TimeSpan;
use crate::scenario::syntax::spans::{Name, Spanned};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::de::{MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::fmt;

/// What is put into a state directory. The folder goes first, then the records, then the files.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Store {
    /// A folder beside the scenario file whose content is copied in.
    pub from: Option<Spanned<String>>,
    /// The name under which the device of that folder's `identity/device.json` plays, with its own key.
    pub identity: Option<Name>,
    /// How the records are kept; as the release keeps them unless said otherwise.
    pub kept_as: Option<KeptAs>,
    /// Paired devices, by the device's name.
    pub paired: IndexMap<Name, PairedRecord>,
    /// Pending requests, by a label; it is the device's name unless the record names another.
    pub pending: IndexMap<Name, PendingRecord>,
    /// Pending requests that somebody copied into paired.json by hand, in the shape of a request. The same label under
    /// `pending` is the same request.
    pub copied_pending: IndexMap<Name, PendingRecord>,
    /// Bootstrap tokens that the gateway has issued, by a name for each.
    pub bootstrap: IndexMap<Name, BootstrapRecord>,
    /// The node side of the store.
    pub nodes: Nodes,
    /// Raw files, by their path below the state directory, after the records are written.
    pub files: IndexMap<Spanned<String>, FileContent>,
}

impl Store {
    /// How many records it has by name.
    pub(crate) fn records(&self) -> usize {
        let devices = self.paired.len() + self.pending.len() + self.copied_pending.len() + self.bootstrap.len();
        devices + self.nodes.paired.len() + self.nodes.pending.len()
    }
}

/// How records are kept, whatever the release does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeptAs {
    /// In JSON files. A release whose store is a database imports them when it starts.
    Files,
}

/// `nodes/paired.json` and `nodes/pending.json`: raw records, in which symbols such as `<device laptop>` stand for ids.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Nodes {
    /// Approved nodes, by device name.
    pub paired: IndexMap<Name, Map<String, Value>>,
    /// Nodes that wait for approval, by a label.
    pub pending: IndexMap<Name, Map<String, Value>>,
}

/// A device in devices/paired.json.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct PairedRecord {
    /// The role of the last pairing; `operator` unless said otherwise.
    pub role: Option<String>,
    /// All roles; the one role unless said otherwise.
    pub roles: Option<Vec<String>>,
    /// Scopes of the last pairing; none unless said otherwise.
    pub scopes: Option<Vec<String>>,
    /// Scopes that were approved; `scopes` unless said otherwise.
    pub approved_scopes: Option<Vec<String>>,
    /// The platform to which the device is pinned; `linux` unless said otherwise.
    pub platform: Option<String>,
    /// The device family to which the device is pinned; not written unless said.
    pub device_family: Option<String>,
    /// The client that paired.
    pub client: RecordClient,
    /// The name shown to people; not written unless said.
    pub display_name: Option<String>,
    /// The address from which the device paired; not written unless said.
    pub remote_ip: Option<String>,
    /// The device tokens by role: `{}` is an empty map, `null` is null; unsaid, each role has one in order.
    pub tokens: Tokens,
    /// How long ago the device was paired; a moment unless said otherwise.
    pub age: Option<TimeSpan>,
    /// The device whose public key stands here, under this device's id.
    pub key: Option<Name>,
    /// How the public key is written; raw unless said otherwise.
    pub key_form: Option<KeyForm>,
    /// Fields left out altogether.
    pub without: Vec<PairedField>,
    /// Fields written as they are given, in the store's own words, over everything else.
    pub set: Map<String, Value>,
}

/// A request in devices/pending.json.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct PendingRecord {
    /// The device that asks; the label unless said otherwise.
    pub device: Option<Name>,
    /// The role asked for; `operator` unless said otherwise.
    pub role: Option<String>,
    /// All roles asked for; the one role unless said otherwise.
    pub roles: Option<Vec<String>>,
    /// The scopes asked for; none unless said otherwise.
    pub scopes: Option<Vec<String>>,
    /// The platform that the client claims; `linux` unless said otherwise.
    pub platform: Option<String>,
    /// The device family that the client claims; not written unless said.
    pub device_family: Option<String>,
    /// The client that asks.
    pub client: RecordClient,
    /// The name shown to people; not written unless said.
    pub display_name: Option<String>,
    /// The address from which the device asks; not written unless said.
    pub remote_ip: Option<String>,
    /// Whether the release meant to approve it by itself; no unless said.
    pub silent: Option<bool>,
    /// Whether the device is paired already; no unless said.
    pub repair: Option<bool>,
    /// How long ago the request was made; a moment unless said otherwise. Releases drop it after five minutes.
    pub age: Option<TimeSpan>,
    /// The device whose public key stands here, under this device's id.
    pub key: Option<Name>,
    /// What the record is filed under; the request id unless said otherwise.
    pub filed_under: Option<FiledUnder>,
    /// Fields left out altogether.
    pub without: Vec<PendingField>,
    /// Fields written as they are given, in the store's own words, over everything else.
    pub set: Map<String, Value>,
}

/// What a pending record is filed under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FiledUnder {
    /// The id of the request.
    Request,
    /// The id of the device.
    Device,
}

/// How a public key is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyForm {
    /// Raw, unpadded base64url.
    Raw,
    /// PEM.
    Pem,
}

/// The client that a record remembers.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct RecordClient {
    /// The client's id; `cli` unless said otherwise.
    pub id: Option<String>,
    /// The client's mode; `cli` unless said otherwise.
    pub mode: Option<String>,
}

/// A field of a paired record, by its portable name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PairedField {
    DeviceId,
    PublicKey,
    Role,
    Roles,
    Scopes,
    ApprovedScopes,
    Platform,
    ClientId,
    ClientMode,
    Tokens,
    CreatedAt,
    ApprovedAt,
}

/// A field of a pending record, by its portable name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PendingField {
    RequestId,
    DeviceId,
    PublicKey,
    Role,
    Roles,
    Scopes,
    Platform,
    ClientId,
    ClientMode,
    Silent,
    Repair,
    Time,
}

/// The device tokens of a record.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Tokens {
    /// Not said: one for each role, as the release mints them.
    #[default]
    Minted,
    /// JSON null.
    Null,
    /// These, by role; a null token is JSON null.
    Map(IndexMap<String, Option<TokenRecord>>),
}

impl<'de> Deserialize<'de> for Tokens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TokensVisitor;

        impl<'de> Visitor<'de> for TokensVisitor {
            type Value = Tokens;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of tokens by role, or null")
            }
            fn visit_unit<E>(self) -> Result<Tokens, E> {
                Ok(Tokens::Null)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Tokens, A::Error> {
                let tokens = IndexMap::<String, TokenOrNull>::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Tokens::Map(tokens.into_iter().map(|(role, token)| (role, token.0)).collect()))
            }
        }

        deserializer.deserialize_any(TokensVisitor)
    }
}

/// A token, or null.
struct TokenOrNull(Option<TokenRecord>);

impl<'de> Deserialize<'de> for TokenOrNull {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TokenVisitor;

        impl<'de> Visitor<'de> for TokenVisitor {
            type Value = Option<TokenRecord>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a token (a map; `{}` for a valid token), or null")
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(None)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                TokenRecord::deserialize(MapAccessDeserializer::new(map)).map(Some)
            }
        }

        deserializer.deserialize_any(TokenVisitor).map(TokenOrNull)
    }
}

impl JsonSchema for Tokens {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Tokens".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let token = generator.subschema_for::<TokenRecord>();
        schemars::json_schema!({
            "anyOf": [
                { "type": "object", "additionalProperties": { "anyOf": [token, { "const": null }] } },
                { "const": null }
            ]
        })
    }
}

/// A device token of a record. Its text comes from the case, the device and the role.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct TokenRecord {
    /// The role written in it; the role it is filed under unless said otherwise.
    pub role: Option<String>,
    /// Its scopes; those of the record, with the implied ones, unless said otherwise.
    pub scopes: Option<Vec<String>>,
    /// Whether it was revoked.
    pub revoked: bool,
    /// Whether it was rotated.
    pub rotated: bool,
    /// Whether it was used.
    pub used: bool,
    /// Fields left out altogether.
    pub without: Vec<TokenField>,
    /// Fields written as they are given, in the store's own words, over everything else.
    pub set: Map<String, Value>,
}

/// A field of a token, by its portable name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TokenField {
    Token,
    Role,
    Scopes,
    CreatedAt,
}

/// A bootstrap token that the gateway has issued.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct BootstrapRecord {
    /// Roles that it may pair; what the release issues unless said otherwise.
    pub roles: Option<Vec<String>>,
    /// Scopes that it may pair; what the release issues unless said otherwise.
    pub scopes: Option<Vec<String>>,
    /// The device to which it is bound already.
    pub device: Option<Name>,
    /// How long ago it was issued; a moment unless said otherwise.
    pub age: Option<TimeSpan>,
    /// Fields written as they are given, in the store's own words, over everything else.
    pub set: Map<String, Value>,
}

/// What stands at a path of the state directory.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FileContent {
    /// This text; symbols such as `<device laptop>` stand for ids.
    Text(String),
    /// These bytes.
    Base64(Base64),
    /// This document; symbols stand for ids.
    Json(Value),
    /// An empty directory, in the place of what was there.
    Directory,
    /// Nothing: what was there is removed.
    Missing,
    /// What was there, cut to so many bytes.
    TruncateTo(u64),
    /// What was there, with these permissions, in octal: `"0400"`.
    Mode(Mode),
}

/// Bytes, written in base64.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Base64(pub Vec<u8>);

impl TryFrom<String> for Base64 {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        use base64::Engine as _;
        let text: String = text.split_whitespace().collect();
        base64::engine::general_purpose::STANDARD
            .decode(text)
            .map(Self)
            .map_err(|error| format!("this is not base64: {error}"))
    }
}

/// Permission bits of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Mode(pub u32);

impl TryFrom<String> for Mode {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        u32::from_str_radix(&text, 8)
            .ok()
            .filter(|&mode| mode <= 0o7777 && text.len() >= 3)
            .map(Self)
            .ok_or_else(|| format!("`{text}` is not a file mode; expected for example \"0400\""))
    }
}

impl JsonSchema for Base64 {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Base64".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "contentEncoding": "base64" })
    }
}

impl JsonSchema for Mode {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Mode".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-7]{3,4}$" })
    }
}
