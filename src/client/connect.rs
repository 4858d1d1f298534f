//! The parameters of a `connect` request, as a correct client sends them or with every error that a scenario can
//! request.

use openclaw_protocol::connect::MAX_NONCE_BYTES;
use openclaw_protocol::identity::DeviceKey;
use openclaw_protocol::proof::ProofVersion;
use serde_json::{Map, Value, json};

/// The contents of the gateway's challenge. Both fields are absent if the gateway sent none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Challenge {
    /// `payload.nonce`, if it was a string of at most [`MAX_NONCE_BYTES`] bytes.
    pub nonce: Option<String>,
    /// `payload.ts` in milliseconds since the epoch, if it was a number.
    pub ts: Option<i64>,
}

impl Challenge {
    /// Reads a `connect.challenge` payload, even if it is invalid.
    pub fn from_payload(payload: &Value) -> Self {
        let nonce = payload.get("nonce").and_then(Value::as_str);
        Self {
            nonce: nonce.filter(|nonce| nonce.len() <= MAX_NONCE_BYTES).map(str::to_owned),
            ts: payload.get("ts").and_then(Value::as_i64),
        }
    }
}

/// The `client` object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientInfo {
    /// `cli`, `gateway-client`, `openclaw-control-ui`, ...
    pub id: String,
    /// `cli`, `backend`, `ui`, `webchat`, `node`, `probe`, `test`.
    pub mode: String,
    /// The client's version. Any text.
    pub version: String,
    /// `linux`, `macos`, ... It is signed in a v3 proof and pinned in the record.
    pub platform: String,
    /// The device family. It is signed in a v3 proof and pinned in the record.
    pub device_family: Option<String>,
    /// The name shown to the approver.
    pub display_name: Option<String>,
    /// The hardware model.
    pub model_identifier: Option<String>,
    /// Distinguishes two programs on one device.
    pub instance_id: Option<String>,
}

impl Default for ClientInfo {
    fn default() -> Self {
        Self {
            id: "cli".to_owned(),
            mode: "cli".to_owned(),
            version: "1.0.0".to_owned(),
            platform: "linux".to_owned(),
            device_family: None,
            display_name: None,
            model_identifier: None,
            instance_id: None,
        }
    }
}

/// The `auth` object. If all fields are absent, there is no `auth`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Auth {
    /// The gateway's shared token (or, for old clients, a device token).
    pub token: Option<String>,
    /// The gateway's shared password.
    pub password: Option<String>,
    /// A device token that the gateway issued.
    pub device_token: Option<String>,
    /// `auth.bootstrapToken`.
    pub bootstrap_token: Option<String>,
}

/// The nonce that is sent and signed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SentNonce {
    /// The nonce of the challenge.
    #[default]
    Challenge,
    /// No nonce is sent, and an empty one is signed.
    Absent,
    /// This nonce, whatever the challenge contains.
    Other(String),
}

/// The form of `device.publicKey`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyForm {
    /// The raw key in unpadded base64url.
    #[default]
    Raw,
    /// An SPKI PEM.
    Pem,
}

/// The `device` object: the device, and the errors in its proof.
#[derive(Clone)]
pub struct Device {
    /// The device's key.
    pub key: DeviceKey,
    /// The format of the signed line.
    pub version: ProofVersion,
    /// The nonce that is sent and signed.
    pub nonce: SentNonce,
    /// Added to the current time for `signedAt`, in milliseconds.
    pub offset_ms: i64,
    /// The key that signs instead of `key`.
    pub signed_by: Option<DeviceKey>,
    /// Whether the signature is damaged after signing.
    pub damaged: bool,
    /// The id that is sent and signed instead of the key's own id.
    pub id: Option<String>,
    /// The form of the public key.
    pub form: KeyForm,
    /// The token that is signed instead of the token in `auth`.
    pub signed_token: Option<String>,
}

impl Device {
    /// A device without errors.
    pub fn new(key: DeviceKey) -> Self {
        Self {
            key,
            version: ProofVersion::V3,
            nonce: SentNonce::default(),
            offset_ms: 0,
            signed_by: None,
            damaged: false,
            id: None,
            form: KeyForm::default(),
            signed_token: None,
        }
    }
}

/// The parameters of a `connect`.
#[derive(Clone)]
pub struct ConnectRequest {
    /// `minProtocol` and `maxProtocol`.
    pub protocol: (i64, i64),
    /// The `client` object.
    pub client: ClientInfo,
    /// `role`. If absent, the gateway uses `operator`.
    pub role: Option<String>,
    /// `scopes`. No release treats absent scopes like empty ones.
    pub scopes: Option<Vec<String>>,
    /// `auth`.
    pub auth: Auth,
    /// `device`. Absent for a client without an identity.
    pub device: Option<Device>,
    /// Merged over the finished parameters as a JSON merge patch (RFC 7396), for other members and for values that no
    /// correct client sends. The proof does not include it.
    pub patch: Option<Value>,
}

impl Default for ConnectRequest {
    /// The defaults of the `openclaw` CLI: protocol 3, client `cli`, no role, no scopes, no secret, no device.
    fn default() -> Self {
        Self {
            protocol: (3, 3),
            client: ClientInfo::default(),
            role: None,
            scopes: None,
            auth: Auth::default(),
            device: None,
            patch: None,
        }
    }
}

impl ConnectRequest {
    /// The `params` of the request at the time `now` (milliseconds since 1970, by the gateway's clock).
    pub fn params(&self, challenge: &Challenge, now: i64) -> Value {
        let mut params = Map::new();
        params.insert("minProtocol".to_owned(), self.protocol.0.into());
        params.insert("maxProtocol".to_owned(), self.protocol.1.into());
        params.insert("client".to_owned(), self.client_object());
        insert(&mut params, "role", self.role.as_deref());
        if let Some(scopes) = &self.scopes {
            params.insert("scopes".to_owned(), json!(scopes));
        }
        if let Some(device) = &self.device {
            params.insert("device".to_owned(), self.device_object(device, challenge, now));
        }
        let mut auth = Map::new();
        insert(&mut auth, "token", self.auth.token.as_deref());
        insert(&mut auth, "password", self.auth.password.as_deref());
        insert(&mut auth, "deviceToken", self.auth.device_token.as_deref());
        insert(&mut auth, "bootstrapToken", self.auth.bootstrap_token.as_deref());
        if !auth.is_empty() {
            params.insert("auth".to_owned(), Value::Object(auth));
        }
        let mut params = Value::Object(params);
        if let Some(patch) = &self.patch {
            merge_patch(&mut params, patch);
        }
        params
    }

    fn client_object(&self) -> Value {
        let client = &self.client;
        let mut object = Map::new();
        insert(&mut object, "id", Some(&client.id));
        insert(&mut object, "displayName", client.display_name.as_deref());
        insert(&mut object, "version", Some(&client.version));
        insert(&mut object, "platform", Some(&client.platform));
        insert(&mut object, "deviceFamily", client.device_family.as_deref());
        insert(&mut object, "modelIdentifier", client.model_identifier.as_deref());
        insert(&mut object, "mode", Some(&client.mode));
        insert(&mut object, "instanceId", client.instance_id.as_deref());
        Value::Object(object)
    }

    fn device_object(&self, device: &Device, challenge: &Challenge, now: i64) -> Value {
        let id = device.id.clone().unwrap_or_else(|| device.key.device_id());
        let signed_at = now.saturating_add(device.offset_ms);
        let nonce = match &device.nonce {
            SentNonce::Challenge => challenge.nonce.clone(),
            SentNonce::Absent => None,
            SentNonce::Other(nonce) => Some(nonce.clone()),
        };
        let line = self.proof_line(device, &id, signed_at, nonce.as_deref().unwrap_or_default());
        let mut signature = device.signed_by.as_ref().unwrap_or(&device.key).sign(&line);
        if device.damaged {
            // Damage the first character: the last one of an unpadded base64url text has unused bits.
            let first = if signature.starts_with('A') { "B" } else { "A" };
            signature.replace_range(..1, first);
        }
        let public_key = match device.form {
            KeyForm::Raw => device.key.public_key(),
            KeyForm::Pem => device.key.public_key_pem(),
        };
        let mut object = Map::new();
        insert(&mut object, "id", Some(&id));
        insert(&mut object, "publicKey", Some(&public_key));
        insert(&mut object, "signature", Some(&signature));
        object.insert("signedAt".to_owned(), signed_at.into());
        insert(&mut object, "nonce", nonce.as_deref());
        Value::Object(object)
    }

    /// The line that is signed.
    fn proof_line(&self, device: &Device, id: &str, signed_at: i64, nonce: &str) -> String {
        let auth = &self.auth;
        let carried = auth.token.as_ref().or(auth.device_token.as_ref()).or(auth.bootstrap_token.as_ref());
        let token = device.signed_token.as_ref().or(carried).map(String::as_str).unwrap_or_default();
        let scopes = self.scopes.as_deref().unwrap_or_default().join(",");
        let role = self.role.as_deref().unwrap_or("operator");
        let client = &self.client;
        let signed_at = signed_at.to_string();
        let fold = |text: &str| text.trim().to_ascii_lowercase();
        let (platform, family) = (fold(&client.platform), fold(client.device_family.as_deref().unwrap_or_default()));
        let mut parts = vec![id, &client.id, &client.mode, role, &scopes, &signed_at, token];
        let version = match device.version {
            ProofVersion::V1 => "v1",
            ProofVersion::V2 => {
                parts.push(nonce);
                "v2"
            }
            ProofVersion::V3 => {
                parts.extend([nonce, &platform, &family]);
                "v3"
            }
        };
        parts.insert(0, version);
        parts.join("|")
    }
}

fn insert(object: &mut Map<String, Value>, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        object.insert(key.to_owned(), value.into());
    }
}

/// RFC 7396: `null` removes a member, objects are merged, and everything else replaces.
pub(crate) fn merge_patch(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else { return };
    for (key, value) in patch {
        if value.is_null() {
            target.shift_remove(key);
        } else {
            merge_patch(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn request(device: Device) -> ConnectRequest {
        ConnectRequest {
            scopes: Some(vec!["operator.read".to_owned(), "operator.write".to_owned()]),
            auth: Auth { token: Some("t".to_owned()), ..Auth::default() },
            client: ClientInfo { platform: " Linux ".to_owned(), ..ClientInfo::default() },
            device: Some(device),
            ..ConnectRequest::default()
        }
    }

    fn challenge() -> Challenge {
        Challenge::from_payload(&json!({"nonce": "n", "ts": 5}))
    }

    #[test]
    fn huge_nonce_is_not_echoed() {
        let nonce = |length: usize| Challenge::from_payload(&json!({ "nonce": "n".repeat(length), "ts": 5 })).nonce;
        assert_eq!((nonce(MAX_NONCE_BYTES).map(|nonce| nonce.len()), nonce(4 << 20)), (Some(MAX_NONCE_BYTES), None));
    }

    #[rstest]
    #[case(ProofVersion::V1, "v1|ID|cli|cli|operator|operator.read,operator.write|1000|t")]
    #[case(ProofVersion::V2, "v2|ID|cli|cli|operator|operator.read,operator.write|1000|t|n")]
    #[case(ProofVersion::V3, "v3|ID|cli|cli|operator|operator.read,operator.write|1000|t|n|linux|")]
    fn signed_line_by_release(#[case] version: ProofVersion, #[case] line: &str) {
        let key = DeviceKey::from_name("a");
        let line = line.replace("ID", &key.device_id());
        let signature = key.sign(&line);
        let params = request(Device { version, ..Device::new(key) }).params(&challenge(), 1000);
        assert_eq!(params["device"]["signature"], signature);
        assert_eq!(params["device"]["nonce"], "n");
    }

    #[test]
    fn each_proof_error_changes_one_value() {
        let good = |change: &dyn Fn(&mut Device)| {
            let mut device = Device::new(DeviceKey::from_name("a"));
            change(&mut device);
            request(device).params(&challenge(), 1000)["device"].clone()
        };
        let right = good(&|_| {});
        let absent = good(&|device| device.nonce = SentNonce::Absent);
        assert!(absent.get("nonce").is_none());
        let damaged = good(&|device| device.damaged = true);
        assert_ne!(damaged["signature"], right["signature"]);
        assert_eq!(damaged["publicKey"], right["publicKey"]);
        let foreign = good(&|device| device.signed_by = Some(DeviceKey::from_name("b")));
        assert_ne!(foreign["signature"], right["signature"]);
        assert_eq!(foreign["id"], right["id"]);
        assert_eq!(good(&|device| device.offset_ms = -5000)["signedAt"], -4000);
        assert_eq!(good(&|device| device.id = Some("x".into()))["id"], "x");
        let pem = good(&|device| device.form = KeyForm::Pem);
        assert!(pem["publicKey"].as_str().unwrap().starts_with("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA"));
    }

    #[test]
    fn patch_adds_replaces_and_removes() {
        let patch = json!({"client": {"mode": null, "extra": 1}, "role": 7, "caps": ["a"]});
        let params =
            ConnectRequest { patch: Some(patch), ..ConnectRequest::default() }.params(&Challenge::default(), 0);
        assert!(params["client"].get("mode").is_none());
        assert_eq!(
            (&params["client"]["extra"], &params["role"], &params["caps"][0]),
            (&json!(1), &json!(7), &json!("a"))
        );
        assert!(params.get("auth").is_none() && params.get("device").is_none());
    }
}
