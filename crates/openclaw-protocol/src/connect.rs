//! The parameters of `connect`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Maximum length of an accepted challenge nonce, in bytes. The releases send 36. A client signs the nonce and sends it
/// back, so a gateway must not make it send megabytes.
pub const MAX_NONCE_BYTES: usize = 1024;

/// `connect` parameters that match the schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectParams {
    /// The oldest protocol version that the client supports.
    pub min_protocol: f64,
    /// The newest protocol version that the client supports.
    pub max_protocol: f64,
    /// The client's description of itself.
    pub client: ClientInfo,
    /// The capabilities of a node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caps: Option<Vec<String>>,
    /// The commands that a node offers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commands: Option<Vec<String>>,
    /// Permissions of a node's operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Map<String, Value>>,
    /// A node's `PATH`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_env: Option<String>,
    /// The requested role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The requested scopes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// The device and its proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceProof>,
    /// Credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Credentials>,
    /// The client's language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// The client's user agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

/// `connect.client`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientInfo {
    /// Which client it is, one of [`client::ALL`](crate::client::ALL).
    pub id: String,
    /// The name of the client for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The version of the client's program.
    pub version: String,
    /// Its platform, `linux`, `darwin`, `ios`.
    pub platform: String,
    /// `iPhone`, `iPad` and similar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_family: Option<String>,
    /// Its model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_identifier: Option<String>,
    /// The kind of client: one of [`mode`](crate::client::mode).
    pub mode: String,
    /// The id of the running instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    /// Its build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
    /// The IANA name of the client's time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

/// `connect.device`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceProof {
    /// Lower-case hex SHA-256 of the raw public key.
    pub id: String,
    /// Raw key in base64url, or PEM.
    pub public_key: String,
    /// Ed25519 signature over the proof payload, base64url.
    pub signature: String,
    /// The time of the signature, in milliseconds since 1970.
    pub signed_at: f64,
    /// The nonce of the challenge. Empty if it is omitted, which the oldest releases allow for local clients.
    #[serde(default)]
    pub nonce: String,
}

/// `connect.auth`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// The shared token or, in older clients, a device token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The token of a setup code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bootstrap_token: Option<String>,
    /// The device's own token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_token: Option<String>,
    /// The shared password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The proof that an agent run belongs to the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_runtime_identity_token: Option<String>,
}
/// Whether the payload of a successful response is a hello-ok. Some gateways leave out `type`. Then it is one if the
/// response answers a `connect` (`to_connect`) and names the protocol.
pub fn is_hello(payload: &Value, to_connect: bool) -> bool {
    match payload.get("type") {
        None => to_connect && payload.get("protocol").is_some(),
        Some(kind) => kind == "hello-ok",
    }
}
