//! A recorded connect as a step of a scenario.

use super::drafts::{Connection, Draft};
use super::initial_state::InitialState;
use super::recording::Head;
use super::symbols::{Symbols, is_list_of_texts, pointer_of, step_name};
use crate::proxy_headers;
use openclaw_protocol::proof::{Proof, ProofVersion};
use openclaw_protocol::public_key::PublicKey;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use untrusted_data::redact::is_secret_name as is_secret;

/// A difference between the clocks of the client and the gateway above which the step has a clock offset, in milliseconds.
const SKEW_MS: i64 = 60_000;
/// The maximum clock offset of a step, in milliseconds: a year. A gateway refuses a proof with a far smaller offset.
const MAX_SKEW_MS: i64 = 365 * 24 * 3600 * 1000;
/// Headers of the upgrade itself, and headers of browsers that no release reads.
const ORDINARY_HEADERS: &[&str] = &[
    "connection",
    "upgrade",
    "host",
    "origin",
    "content-length",
    "user-agent",
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "pragma",
    "dnt",
];
/// Prefixes of such headers.
const ORDINARY_PREFIXES: [&str; 2] = ["sec-", "x-clawcheck-"];
/// The members of `auth` and `device`.
const AUTH: [&str; 4] = ["token", "password", "deviceToken", "bootstrapToken"];
const DEVICE: [&str; 5] = ["id", "publicKey", "signature", "signedAt", "nonce"];

/// The headers of an upgrade request as members of a step. Reports what is left out.
pub(super) fn upgrade(head: &Head, proxy: &str, lost: &mut BTreeSet<String>) -> Map<String, Value> {
    let mut members = Map::new();
    let value = |name: &str| {
        let found = head.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim().to_owned())
    };
    let origin = value("origin");
    if let Some(host) = value("host").filter(|host| host != proxy || origin.is_some()) {
        members.insert("host".to_owned(), json!(host));
    }
    if let Some(origin) = origin {
        members.insert("origin".to_owned(), json!(origin));
    }
    let mut headers = Map::new();
    for (name, value) in &head.headers {
        let lower = name.to_ascii_lowercase();
        let is_ordinary = ORDINARY_HEADERS.contains(&lower.as_str())
            || ORDINARY_PREFIXES.iter().any(|prefix| lower.starts_with(prefix));
        if is_ordinary {
            continue;
        }
        if is_secret(&lower) {
            lost.insert(format!("the header {lower}, a secret"));
        } else if !proxy_headers::has_no_secret(&lower) {
            lost.insert(format!("the header {lower}, because it is unknown whether it is a secret"));
        } else {
            if headers.contains_key(name) {
                lost.insert(format!("a second header {lower}"));
            }
            headers.insert(name.clone(), json!(value));
        }
    }
    if !headers.is_empty() {
        members.insert("headers".to_owned(), Value::Object(headers));
    }
    members
}

/// The members of a connect step.
pub(super) struct ConnectStep<'a> {
    /// The recorded parameters.
    pub(super) params: &'a Map<String, Value>,
    /// The recorded step.
    pub(super) draft: &'a Draft,
    /// The connection of the connect.
    pub(super) connection: &'a Connection,
    /// The index of the step.
    pub(super) index: usize,
}

impl ConnectStep<'_> {
    /// The step. [`super::credentials`] derives `auth` from the credentials.
    pub(super) fn members(
        &self,
        proxy: &str,
        auth: Option<Value>,
        symbols: &mut Symbols,
        lost: &mut BTreeSet<String>,
    ) -> Map<String, Value> {
        let mut members = Map::new();
        let mut raw = Map::new();
        let device = pointer_of(self.params, "device/id").and_then(Value::as_str);
        let name = device.and_then(|id| symbols.device(id)).map_or("none", |name| name).to_owned();
        members.insert("device".to_owned(), json!(name));
        for (name, value) in self.params {
            match name.as_str() {
                "role" if value.is_string() => drop(members.insert(name.clone(), value.clone())),
                "scopes" | "caps" | "commands" if is_list_of_texts(value) => {
                    drop(members.insert(name.clone(), value.clone()))
                }
                "permissions" if value.as_object().is_some_and(|map| map.values().all(Value::is_boolean)) => {
                    members.insert(name.clone(), value.clone());
                }
                "locale" if value.is_string() => drop(members.insert(name.clone(), value.clone())),
                "userAgent" if value.is_string() => drop(members.insert("user-agent".to_owned(), value.clone())),
                "client" => self.client(value, &mut members, &mut raw, symbols, lost),
                "auth" | "device" => {
                    let others = self.unusual(name, value, symbols, lost);
                    if !others.is_empty() {
                        raw.insert(name.clone(), Value::Object(others));
                    }
                }
                "minProtocol" | "maxProtocol" => {}
                _ => {
                    let value = symbols.fill_member(self.index, name, value, lost);
                    raw.insert(symbols.text(self.index, name, lost), value);
                }
            }
        }
        let version = |name: &str| self.params.get(name).and_then(Value::as_u64).and_then(|v| u32::try_from(v).ok());
        match (version("minProtocol"), version("maxProtocol")) {
            (Some(low), Some(high)) => drop(members.insert("protocol".to_owned(), json!([low, high]))),
            _ => ["minProtocol", "maxProtocol"].into_iter().for_each(|name| {
                raw.insert(name.to_owned(), self.params.get(name).cloned().unwrap_or_default());
            }),
        }
        if let Some(auth) = auth {
            members.insert("auth".to_owned(), auth);
        }
        members.extend(upgrade(&self.connection.head, proxy, lost));
        let proof = self.proof();
        if device.is_some() && !proof.is_empty() {
            members.insert("proof".to_owned(), Value::Object(proof));
        }
        if !raw.is_empty() {
            members.insert("params".to_owned(), Value::Object(raw));
        }
        members
    }

    /// The members of `auth` or `device` that no client sends, and values that are not strings or are empty. Unknown
    /// members of `auth` are left out, because they are secrets.
    fn unusual(
        &self,
        part: &str,
        value: &Value,
        symbols: &mut Symbols,
        lost: &mut BTreeSet<String>,
    ) -> Map<String, Value> {
        let known = if part == "auth" { &AUTH[..] } else { &DEVICE[..] };
        let usual = |name: &str, value: &Value| {
            known.contains(&name)
                && (name == "signedAt" || value.as_str().is_some_and(|text| !text.is_empty() || name == "nonce"))
        };
        let mut others = Map::new();
        for (name, value) in value.as_object().into_iter().flatten().filter(|(name, value)| !usual(name, value)) {
            if part == "auth" && !known.contains(&name.as_str()) {
                lost.insert("an unknown member of `auth`, a secret".to_owned());
                continue;
            }
            let value = symbols.fill_member(self.index, name, value, lost);
            others.insert(symbols.text(self.index, name, lost), value);
        }
        others
    }

    fn client(
        &self,
        value: &Value,
        members: &mut Map<String, Value>,
        raw: &mut Map<String, Value>,
        symbols: &mut Symbols,
        lost: &mut BTreeSet<String>,
    ) {
        let Some(client) = value.as_object() else {
            raw.insert("client".to_owned(), symbols.fill(self.index, value, lost));
            return;
        };
        let (mut known, mut others) = (Map::new(), Map::new());
        for (name, value) in client {
            let written = match name.as_str() {
                "id" | "mode" | "platform" | "version" => name.as_str(),
                "deviceFamily" => "device-family",
                "modelIdentifier" => "model-identifier",
                "displayName" => "display-name",
                "instanceId" => "instance-id",
                _ => "",
            };
            match (written, value.is_string()) {
                // Names of people and machines.
                ("display-name" | "instance-id", true) => drop(known.insert(written.to_owned(), json!("recorded"))),
                ("", _) | (_, false) => {
                    let value = symbols.fill_member(self.index, name, value, lost);
                    others.insert(symbols.text(self.index, name, lost), value);
                }
                (written, true) => drop(known.insert(written.to_owned(), value.clone())),
            }
        }
        members.insert("client".to_owned(), Value::Object(known));
        if !others.is_empty() {
            raw.insert("client".to_owned(), Value::Object(others));
        }
    }

    /// The unusual properties of the proof: its version, nonce, key and signature.
    fn proof(&self) -> Map<String, Value> {
        let mut proof = Map::new();
        let text = |pointer: &str| pointer_of(self.params, pointer).and_then(Value::as_str);
        let Some(id) = text("device/id") else { return proof };
        let challenge = self.connection.challenge.as_ref();
        match (text("device/nonce"), challenge) {
            (None, Some(_)) => drop(proof.insert("nonce".to_owned(), json!("absent"))),
            (Some(""), _) => drop(proof.insert("nonce".to_owned(), json!("empty"))),
            (Some(nonce), Some((expected, _))) if nonce != expected => {
                proof.insert("nonce".to_owned(), json!("wrong"));
            }
            _ => {}
        }
        let key = text("device/publicKey").and_then(PublicKey::parse);
        if key.as_ref().is_some_and(|key| key.device_id() != id) {
            proof.insert("id".to_owned(), json!("wrong"));
        }
        match self.version(key.as_ref()) {
            _ if text("device/signature").is_none() => drop(proof.insert("signature".to_owned(), json!("absent"))),
            Some(ProofVersion::V3) => {}
            Some(ProofVersion::V2) => drop(proof.insert("version".to_owned(), json!("v2"))),
            Some(ProofVersion::V1) => drop(proof.insert("version".to_owned(), json!("v1"))),
            None => drop(proof.insert("signature".to_owned(), json!("damaged"))),
        }
        let signed_at = pointer_of(self.params, "device/signedAt").and_then(Value::as_i64);
        if let (Some(signed_at), Some((_, now))) = (signed_at, challenge) {
            let skew = signed_at.saturating_sub(*now).clamp(-MAX_SKEW_MS, MAX_SKEW_MS);
            if skew.abs() > SKEW_MS {
                proof.insert("clock-offset".to_owned(), json!(format!("{:+}s", skew / 1000)));
            }
        }
        proof
    }

    /// The form of the proof for which the signature is valid.
    fn version(&self, key: Option<&PublicKey>) -> Option<ProofVersion> {
        let text = |pointer: &str| pointer_of(self.params, pointer).and_then(Value::as_str);
        let scopes = self.params.get("scopes").and_then(Value::as_array);
        let scopes = scopes.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>();
        let token = ["auth/token", "auth/deviceToken", "auth/bootstrapToken"].into_iter().find_map(text);
        let proof = Proof {
            device_id: text("device/id")?,
            client_id: text("client/id").unwrap_or_default(),
            client_mode: text("client/mode").unwrap_or_default(),
            role: text("role").unwrap_or("operator"),
            scopes: &scopes,
            signed_at_ms: pointer_of(self.params, "device/signedAt").and_then(Value::as_i64).unwrap_or_default(),
            token: token.unwrap_or_default(),
            nonce: text("device/nonce").unwrap_or_default(),
            platform: text("client/platform"),
            device_family: text("client/deviceFamily"),
        };
        let (key, signature) = (key?, text("device/signature")?);
        let fits = |version: &ProofVersion| key.verifies(&proof.payload(*version), signature);
        [ProofVersion::V3, ProofVersion::V2, ProofVersion::V1].into_iter().find(fits)
    }

    /// The credentials of the step, by their recorded values and the answer. Absent if they are what a client sends by
    /// default.
    pub(super) fn auth(&self, symbols: &Symbols, gateway: &InitialState, lost: &mut BTreeSet<String>) -> Option<Value> {
        let mut auth = Map::new();
        for kind in ["token", "password"] {
            let Some(value) = self.credential(kind) else { continue };
            let word = match self.device_token(value, symbols) {
                Some(token) if kind == "token" => json!({ "device-token": token }),
                _ => self.shared_secret(kind, value, gateway),
            };
            auth.insert(kind.to_owned(), word);
        }
        if let Some(value) = self.credential("deviceToken") {
            let token = self.device_token(value, symbols);
            let is_wrong = self.is_mismatch() || pointer_of(self.params, "device/id").is_none_or(|id| !id.is_string());
            let usual = || if is_wrong { json!("wrong") } else { json!("seeded") };
            auth.insert("device-token".to_owned(), token.unwrap_or_else(usual));
        }
        if let Some(value) = self.credential("bootstrapToken") {
            auth.insert("bootstrap-token".to_owned(), self.setup_code(value, gateway, lost));
        }
        let usual = gateway.default_secret();
        match auth.len() {
            0 => usual.map(|_| json!("none")),
            1 if usual.is_some_and(|kind| auth.get(kind) == Some(&json!("right"))) => None,
            _ => Some(Value::Object(auth)),
        }
    }

    /// A member of `auth` that is not empty.
    fn credential(&self, kind: &str) -> Option<&str> {
        self.params.get("auth")?.get(kind)?.as_str().filter(|text| !text.is_empty())
    }

    /// The word for a shared secret. A client can send the gateway's token as a password, as the Control UI does. `right`
    /// is only possible for a kind of secret that the gateway has.
    fn shared_secret(&self, kind: &str, value: &str, gateway: &InitialState) -> Value {
        let kinds = [kind, if kind == "token" { "password" } else { "token" }];
        let is_own = |own: &&str| match gateway.secrets.as_slice() {
            // The secrets are not known: the answer tells.
            [] => {
                !self.is_mismatch()
                    && gateway.secret_name(own).is_some()
                    && (*own == kind || self.credential(own) == Some(value))
            }
            secrets => secrets.iter().any(|(of, secret)| of == own && secret == value),
        };
        let own = kinds.into_iter().find(is_own);
        match own.and_then(|own| Some((own, gateway.secret_name(own)?))) {
            Some((own, _)) if own == kind => json!("right"),
            Some((_, name)) => json!({ "secret": name }),
            None => json!("wrong"),
        }
    }

    /// The word for a setup code. A code of a state directory has another text in the scenario.
    fn setup_code(&self, value: &str, gateway: &InitialState, lost: &mut BTreeSet<String>) -> Value {
        if let Some(text) = gateway.setup_codes.get(value) {
            return json!({ "text": text });
        }
        let is_accepted = self.draft.answer.as_ref().is_some_and(|answer| answer["ok"] == true);
        if is_accepted && gateway.store.contains_key("bootstrap") {
            return json!({ "seeded": "code" });
        }
        if is_accepted {
            lost.insert("a setup code that was created during the recording".to_owned());
        }
        json!("wrong")
    }

    fn device_token(&self, value: &str, symbols: &Symbols) -> Option<Value> {
        let (device, role, step) = symbols.token(value)?;
        let own = pointer_of(self.params, "device/id").and_then(Value::as_str).and_then(|id| symbols.device(id));
        let own_role = self.params.get("role").and_then(Value::as_str).unwrap_or("operator");
        Some(match step {
            Some(step) if *step < self.index => json!({ "from": step_name(*step) }),
            _ if own == Some(device.as_str()) && role == own_role => json!("seeded"),
            _ => json!({ "of": { "device": device, "role": role } }),
        })
    }

    /// Whether the gateway refused the credentials.
    pub(super) fn is_mismatch(&self) -> bool {
        let Some(answer) = &self.draft.answer else { return false };
        let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        text("/error/details/code").contains("MISMATCH")
            || text("/error/details/authReason").contains("mismatch")
            || text("/error/message").contains("mismatch")
            || text("/error/message").contains("unauthorized")
    }

    /// The step whose answer issued the token that this connect sends.
    pub(super) fn uses(&self, symbols: &Symbols) -> Vec<usize> {
        let text = |pointer: &str| pointer_of(self.params, pointer).and_then(Value::as_str);
        let tokens = ["auth/token", "auth/deviceToken"].into_iter().filter_map(text);
        tokens.filter_map(|token| symbols.token(token)?.2).filter(|step| *step < self.index).collect()
    }
}
