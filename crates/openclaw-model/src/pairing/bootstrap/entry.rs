//! The document of bootstrap tokens in the form of the releases.

use super::BootstrapProfile;
use crate::pairing::tokens::same_secret;
use crate::pairing::{PairingRules, StoreError};
use openclaw_protocol::js::{self, Record, TypeError};
use openclaw_protocol::store::{Document, Documents};
use serde_json::{Value, json};
use std::sync::Arc;

/// The lifetime of a bootstrap token, in milliseconds.
const TTL_MS: f64 = 600_000.0;

/// How an entry is written back.
enum EntryForm {
    /// As it was read, with its token and its times.
    AsRead(Record),
    /// As it was read, with the changes of the operation: the presented values and what was redeemed.
    Changed(Record),
    /// From the fields that the release knows. Other fields are lost.
    Rebuilt,
}

/// One entry, as the releases read it whenever they load the file.
pub(super) struct Entry {
    written: EntryForm,
    /// Whether it was presented and accepted.
    pub(super) used: bool,
    /// Whether a part of it was redeemed.
    pub(super) redeems: bool,
    pub(super) token: String,
    pub(super) profile: BootstrapProfile,
    pub(super) redeemed: Option<BootstrapProfile>,
    /// The request of its device, until it is redeemed.
    pub(super) pending: Option<BootstrapProfile>,
    pub(super) pending_is_new: bool,
    pub(super) device_id: Option<String>,
    pub(super) public_key: Option<String>,
    issued_at: Value,
    ts: Value,
    pub(super) last_used: Option<Value>,
}

impl Entry {
    fn read(rules: &PairingRules, key: &str, entry: &Value) -> Result<Self, StoreError> {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
        let stamp = |key: &str| entry.get(key).filter(|value| value.is_number()).cloned();
        let issued_at = stamp("issuedAtMs").unwrap_or_else(|| json!(0));
        Ok(Self {
            written: match (rules.bootstrap_profiles, rules.bootstrap_keeps_others) {
                (false, _) => EntryForm::AsRead(js::spread(Some(entry))),
                (true, true) => EntryForm::Changed(js::spread(Some(entry))),
                (true, false) => EntryForm::Rebuilt,
            },
            used: false,
            redeems: false,
            token: text("token").filter(|token| !js::trim(token).is_empty()).unwrap_or_else(|| key.to_owned()),
            profile: match rules.bootstrap_profiles {
                true => BootstrapProfile::read(rules, js::present(entry.get("profile")).or(Some(entry)))?,
                false => BootstrapProfile::default(),
            },
            redeemed: match rules.bootstrap_records_redeemed {
                true if rules.bootstrap_asks_questions && !js::truthy(entry.get("redeemedProfile")) => None,
                true => Some(BootstrapProfile::read(rules, entry.get("redeemedProfile"))?),
                false => None,
            },
            pending: match entry.get("pendingProfile").filter(|pending| js::truthy(Some(pending))) {
                Some(pending) if rules.bootstrap_stores_request => Some(BootstrapProfile::read(rules, Some(pending))?),
                _ => None,
            },
            pending_is_new: false,
            device_id: text("deviceId"),
            public_key: text("publicKey"),
            ts: stamp("ts").unwrap_or_else(|| issued_at.clone()),
            issued_at,
            last_used: stamp("lastUsedAtMs"),
        })
    }

    fn to_record(&self) -> Record {
        match &self.written {
            EntryForm::AsRead(entry) => {
                let mut entry = entry.clone();
                js::set(&mut entry, "token", Some(self.token.as_str()));
                js::set(&mut entry, "issuedAtMs", Some(self.issued_at.clone()));
                js::set(&mut entry, "ts", Some(self.ts.clone()));
                entry
            }
            EntryForm::Changed(entry) => self.changed(entry.clone()),
            EntryForm::Rebuilt => self.rebuilt(),
        }
    }

    fn changed(&self, mut entry: Record) -> Record {
        if self.used {
            js::set(&mut entry, "profile", Some(self.profile.to_value()));
            js::set(&mut entry, "pendingProfile", self.pending.as_ref().map(BootstrapProfile::to_value));
            js::set(&mut entry, "deviceId", self.device_id.as_deref());
            js::set(&mut entry, "publicKey", self.public_key.as_deref());
            js::set(&mut entry, "lastUsedAtMs", self.last_used.clone());
        }
        if self.redeems {
            let redeemed = self.redeemed.as_ref().map(BootstrapProfile::to_value);
            js::set(&mut entry, "redeemedProfile", redeemed);
        }
        entry
    }

    fn rebuilt(&self) -> Record {
        let mut entry = Record::new();
        js::set(&mut entry, "token", Some(self.token.as_str()));
        js::set(&mut entry, "profile", Some(self.profile.to_value()));
        js::set(&mut entry, "redeemedProfile", self.redeemed.as_ref().map(BootstrapProfile::to_value));
        let pending = self.pending.as_ref().map(BootstrapProfile::to_value);
        js::set(&mut entry, "pendingProfile", pending.clone().filter(|_| !self.pending_is_new));
        js::set(&mut entry, "deviceId", self.device_id.as_deref());
        js::set(&mut entry, "publicKey", self.public_key.as_deref());
        js::set(&mut entry, "issuedAtMs", Some(self.issued_at.clone()));
        js::set(&mut entry, "ts", Some(self.ts.clone()));
        js::set(&mut entry, "lastUsedAtMs", self.last_used.clone());
        js::set(&mut entry, "pendingProfile", pending);
        entry
    }

    /// Whether it is bound to no device or to this one.
    pub(super) fn admits(&self, rules: &PairingRules, device_id: &str, public_key: &str) -> bool {
        let bound_device = self.device_id.as_deref().map(js::trim).filter(|id| !id.is_empty());
        let bound_key = self.public_key.as_deref().map(|key| comparable_key(rules, key)).filter(|key| !key.is_empty());
        match (bound_device, bound_key) {
            (None, None) => true,
            (device, key) => device == Some(device_id) && key.as_deref() == Some(public_key),
        }
    }
}

/// The whole document.
pub(super) struct Tokens {
    pub(super) entries: Vec<(String, Entry)>,
}

impl Tokens {
    pub(super) fn load(rules: &PairingRules, documents: &dyn Documents, now: i64) -> Result<Self, StoreError> {
        let document = documents.read(Document::DevicesBootstrap);
        let Some(Value::Object(raw)) = document.as_deref() else { return Ok(Self { entries: Vec::new() }) };
        let mut entries = Vec::new();
        for (key, value) in raw.iter().filter(|(_, value)| value.is_object()) {
            entries.push((key.clone(), Entry::read(rules, key, value)?));
        }
        // Exact for every time of this millennium.
        #[allow(clippy::cast_precision_loss)]
        entries.retain(|(_, entry)| now as f64 - js::number(Some(&entry.ts)) <= TTL_MS);
        Ok(Self { entries })
    }

    pub(super) fn find(&self, token: &str) -> Result<Option<usize>, TypeError> {
        let token = js::trim(token);
        for (at, (_, entry)) in self.entries.iter().enumerate() {
            if same_secret(token, Some(&json!(entry.token)))? {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    pub(super) fn persist(&self, documents: &mut dyn Documents) -> Result<(), StoreError> {
        let document: Record =
            self.entries.iter().map(|(key, entry)| (key.clone(), Value::Object(entry.to_record()))).collect();
        documents.write(&[(Document::DevicesBootstrap, &Arc::new(Value::Object(document)))])?;
        Ok(())
    }
}

/// A public key in the form that is compared. In releases that normalize keys, a PEM or padded base64 becomes unpadded
/// base64url.
pub(super) fn comparable_key(rules: &PairingRules, key: &str) -> String {
    let key = js::trim(key);
    let foreign_form = key.contains("BEGIN") || key.contains(['+', '/', '=']);
    if rules.bootstrap_records_redeemed && foreign_form {
        return openclaw_protocol::public_key::normalise(key).unwrap_or_else(|| key.to_owned());
    }
    key.to_owned()
}
