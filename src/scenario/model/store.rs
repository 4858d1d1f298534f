//! The `store` part of a scenario: the contents of a state directory.
//!
//! A record contains only the fields that differ from the default. The default is the record that a release writes for
//! a command line client that it has just paired silently: client `cli`/`cli` on `linux`, role `operator`, one token
//! for each role, and `approved-scopes` and the scopes of the tokens equal to `scopes`.

use super::text::TimeSpan;
use crate::scenario::syntax::spans::{Name, Spanned};
use indexmap::IndexMap;
use openclaw_protocol::store::Document;
use schemars::JsonSchema;
use serde::de::{MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::fmt;

/// The contents of a state directory. clawcheck copies the folder first, then writes the records, then the files.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Store {
    /// A folder next to the scenario file. Its contents are copied to the state directory.
    pub from: Option<Spanned<String>>,
    /// A name for the device of the folder's `identity/device.json`. The device uses its own key.
    pub identity: Option<Name>,
    /// The storage format of the records. Default: the format of the release.
    pub kept_as: Option<StoreFormatSetting>,
    /// Paired devices, by the device's name.
    pub paired: IndexMap<Name, PairedRecord>,
    /// Pending requests by label. The label is the name of the device unless the record has `device`.
    pub pending: IndexMap<Name, PendingRecord>,
    /// Pending requests that a user copied into paired.json by hand. They keep the form of a request. The same label
    /// under `pending` is the same request.
    pub copied_pending: IndexMap<Name, PendingRecord>,
    /// Bootstrap tokens that the gateway issued, by name.
    pub bootstrap: IndexMap<Name, BootstrapRecord>,
    /// The records of nodes.
    pub nodes: Nodes,
    /// Raw files by path below the state directory. They are written after the records.
    pub files: IndexMap<Spanned<String>, FileContent>,
}

impl Store {
    /// Number of records with a name.
    pub(crate) fn records(&self) -> usize {
        let devices = self.paired.len() + self.pending.len() + self.copied_pending.len() + self.bootstrap.len();
        devices + self.nodes.paired.len() + self.nodes.pending.len()
    }
}

/// A storage format that does not depend on the release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StoreFormatSetting {
    /// JSON files. A release that uses a database imports them at its start.
    Files,
}

/// `nodes/paired.json` and `nodes/pending.json` as raw records. Symbols such as `<device laptop>` stand for ids.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Nodes {
    /// Approved nodes, by device name.
    pub paired: IndexMap<Name, Map<String, Value>>,
    /// Nodes that wait for approval, by label.
    pub pending: IndexMap<Name, Map<String, Value>>,
}

/// A record in devices/paired.json.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct PairedRecord {
    /// The role of the last pairing. Default: `operator`.
    pub role: Option<String>,
    /// All roles. Default: only `role`.
    pub roles: Option<Vec<String>>,
    /// The scopes of the last pairing. Default: none.
    pub scopes: Option<Vec<String>>,
    /// The approved scopes. Default: `scopes`.
    pub approved_scopes: Option<Vec<String>>,
    /// The platform that the device is pinned to. Default: `linux`.
    pub platform: Option<String>,
    /// The device family that the device is pinned to. Not written by default.
    pub device_family: Option<String>,
    /// The client that paired.
    pub client: RecordClient,
    /// The display name. Not written by default.
    pub display_name: Option<String>,
    /// The address that the device paired from. Not written by default.
    pub remote_ip: Option<String>,
    /// The device tokens by role. `{}` is an empty map, and `null` is null. Default: one valid token for each role.
    pub tokens: Tokens,
    /// Time since the pairing. Default: the device was paired just before the case.
    pub age: Option<TimeSpan>,
    /// The device whose public key is in the record, under the id of this device.
    pub key: Option<Name>,
    /// The format of the public key. Default: `raw`.
    pub key_form: Option<KeyForm>,
    /// Fields to leave out.
    pub without: Vec<PairedField>,
    /// Other fields, written unchanged. They override all others.
    pub set: Map<String, Value>,
}

/// A request in devices/pending.json.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct PendingRecord {
    /// The device that sent the request. Default: the label.
    pub device: Option<Name>,
    /// The requested role. Default: `operator`.
    pub role: Option<String>,
    /// All requested roles. Default: only `role`.
    pub roles: Option<Vec<String>>,
    /// The requested scopes. Default: none.
    pub scopes: Option<Vec<String>>,
    /// The platform that the client reports. Default: `linux`.
    pub platform: Option<String>,
    /// The device family that the client reports. Not written by default.
    pub device_family: Option<String>,
    /// The client that sent the request.
    pub client: RecordClient,
    /// The display name. Not written by default.
    pub display_name: Option<String>,
    /// The address that the request came from. Not written by default.
    pub remote_ip: Option<String>,
    /// Whether the release intended to approve the request silently. Default: false.
    pub silent: Option<bool>,
    /// Whether the device is already paired. Default: false.
    pub repair: Option<bool>,
    /// Time since the request. Default: the request was sent just before the case. Releases drop a request after five minutes.
    pub age: Option<TimeSpan>,
    /// The device whose public key is in the record, under the id of this device.
    pub key: Option<Name>,
    /// The key of the record in the file. Default: the id of the request.
    pub filed_under: Option<PendingRecordKey>,
    /// Fields to leave out.
    pub without: Vec<PendingField>,
    /// Other fields, written unchanged. They override all others.
    pub set: Map<String, Value>,
}

/// The key of a pending record in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PendingRecordKey {
    /// The id of the request.
    Request,
    /// The id of the device.
    Device,
}

/// The format of a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyForm {
    /// Raw unpadded base64url.
    Raw,
    /// PEM.
    Pem,
}

/// The client in a record.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct RecordClient {
    /// The client's id. Default: `cli`.
    pub id: Option<String>,
    /// The client's mode. Default: `cli`.
    pub mode: Option<String>,
}

/// A field of a paired record.
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

/// A field of a pending record.
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
    /// The default: one token for each role, as the release mints them.
    #[default]
    Minted,
    /// JSON null.
    Null,
    /// Tokens by role. A null token is JSON null.
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

/// A device token of a record. Its value is derived from the case, the device and the role.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct TokenRecord {
    /// The role in the token. Default: the role that the token belongs to.
    pub role: Option<String>,
    /// The scopes of the token. Default: the scopes of the record, with the implied scopes.
    pub scopes: Option<Vec<String>>,
    /// Whether the token was revoked.
    pub revoked: bool,
    /// Whether the token was rotated.
    pub rotated: bool,
    /// Whether the token was used.
    pub used: bool,
    /// Fields to leave out.
    pub without: Vec<TokenField>,
    /// Other fields, written unchanged. They override all others.
    pub set: Map<String, Value>,
}

/// A field of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TokenField {
    Token,
    Role,
    Scopes,
    CreatedAt,
}

/// A bootstrap token that the gateway issued.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct BootstrapRecord {
    /// The roles that the token can pair. Default: the roles that the release issues.
    pub roles: Option<Vec<String>>,
    /// The scopes that the token can pair. Default: the scopes that the release issues.
    pub scopes: Option<Vec<String>>,
    /// The device that the token is bound to.
    pub device: Option<Name>,
    /// Time since the token was issued. Default: the token was issued just before the case.
    pub age: Option<TimeSpan>,
    /// Other fields, written unchanged. They override all others.
    pub set: Map<String, Value>,
}

/// The contents of a path in the state directory.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FileContent {
    /// A file with this text. Symbols such as `<device laptop>` stand for ids.
    Text(String),
    /// A file with these bytes.
    Base64(Base64),
    /// A file with this JSON document. Symbols stand for ids.
    Json(Value),
    /// A database with these documents, such as `devices/paired.json`. It replaces the existing database. Only for
    /// `state/openclaw.sqlite`. clawcheck writes the records unchanged, except that it replaces symbols.
    Database(IndexMap<DocumentPath, Map<String, Value>>),
    /// An empty directory, which replaces the existing file.
    Directory,
    /// No file: the existing file is removed.
    Missing,
    /// The existing file, truncated to this many bytes.
    TruncateTo(u64),
    /// The existing file, with these permissions in octal, such as `"0400"`.
    Mode(Mode),
}

/// A document of the pairing store, by its path in releases that use files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct DocumentPath(pub Document);

impl TryFrom<String> for DocumentPath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let found = Document::ALL.into_iter().find(|document| document.path() == text);
        found.map(Self).ok_or_else(|| crate::suggestions::choices(&text, &Document::ALL.map(Document::path)))
    }
}

impl JsonSchema for DocumentPath {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DocumentPath".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "enum": Document::ALL.map(Document::path) })
    }
}

/// Bytes, in base64.
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
