//! Bootstrap tokens (`devices/bootstrap.json`): what a setup code lets a new device do once.

use super::tokens::same_secret;
use super::{Fault, PairingRules, normalise_scopes, normalised_scopes, role_scoped, scopes_allow};
use crate::store::record::{self, Record, TypeFault};
use crate::store::{Document, Documents};
use serde_json::{Value, json};
use std::sync::Arc;

/// How long a bootstrap token lives, in milliseconds.
const TTL_MS: f64 = 600_000.0;

/// The operator scopes that a bootstrap token may hand on (2026.4.5 on).
const HANDOFF_SCOPES: [&str; 4] = ["operator.approvals", "operator.read", "operator.talk.secrets", "operator.write"];

/// Those of the releases that know questions (2026.9.6).
const HANDOFF_SCOPES_WITH_QUESTIONS: [&str; 5] =
    ["operator.approvals", "operator.questions", "operator.read", "operator.talk.secrets", "operator.write"];

/// Those that a code for a phone with full access hands on (`MOBILE_FULL_ACCESS_OPERATOR_SCOPES`, 2026.9.6).
const FULL_SCOPES: [&str; 6] = [
    "operator.admin",
    "operator.approvals",
    "operator.questions",
    "operator.read",
    "operator.talk.secrets",
    "operator.write",
];
/// Those of the owner's Control UI (`CONTROL_UI_OWNER_BOOTSTRAP_OPERATOR_SCOPES`).
const OWNER_SCOPES: [&str; 7] = [
    "operator.admin",
    "operator.approvals",
    "operator.pairing",
    "operator.questions",
    "operator.read",
    "operator.talk.secrets",
    "operator.write",
];
/// Those of a voice node (`VOICE_NODE_OPERATOR_SCOPE_SET`).
const VOICE_SCOPES: [&str; 2] = ["operator.read", "operator.talk"];

/// What a bootstrap token was issued for (2026.9.6 on).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A Control UI.
    ControlUi,
    /// The Control UI of the gateway's owner.
    ControlUiOwner,
    /// A phone with full access.
    MobileFull,
    /// A node that listens and speaks.
    VoiceNode,
    /// A node in a cloud.
    CloudWorker,
}

impl Purpose {
    const ALL: [(&'static str, Self); 5] = [
        ("control-ui", Self::ControlUi),
        ("control-ui-owner", Self::ControlUiOwner),
        ("mobile-full", Self::MobileFull),
        ("voice-node", Self::VoiceNode),
        ("cloud-worker", Self::CloudWorker),
    ];

    fn read(name: Option<&Value>) -> Option<Self> {
        let name = name.and_then(Value::as_str)?;
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, purpose)| purpose)
    }

    fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, purpose)| *purpose == self).map_or("", |(name, _)| name)
    }
}

/// The operator scopes that may be handed on for a purpose.
fn handoff_scope_list(rules: &PairingRules, purpose: Option<Purpose>) -> &'static [&'static str] {
    match purpose {
        Some(Purpose::ControlUiOwner) => &OWNER_SCOPES,
        Some(Purpose::MobileFull) => &FULL_SCOPES,
        Some(Purpose::VoiceNode) => &VOICE_SCOPES,
        _ if rules.bootstrap_asks_questions => &HANDOFF_SCOPES_WITH_QUESTIONS,
        _ => &HANDOFF_SCOPES,
    }
}

/// Roles and scopes that a bootstrap token stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BootstrapProfile {
    /// Roles, sorted.
    pub roles: Vec<String>,
    /// Scopes, in the form a token keeps.
    pub scopes: Vec<String>,
    /// What the token was issued for.
    pub purpose: Option<Purpose>,
}

impl BootstrapProfile {
    /// Trimmed, unique and sorted.
    #[must_use]
    pub fn normalised(mut self, rules: &PairingRules) -> Self {
        self.roles = self.roles.iter().map(|role| record::trim(role).to_owned()).filter(|r| !r.is_empty()).collect();
        self.roles.sort();
        self.roles.dedup();
        self.scopes = normalised_scopes(rules, &self.scopes);
        self
    }

    /// What a device token minted from this profile may carry for a role.
    pub fn handoff_scopes(&self, rules: &PairingRules, role: &str) -> Vec<String> {
        handed_on(rules, role, &self.scopes, self.purpose)
    }

    /// Which of these scopes may be handed on for any of the profile's roles.
    pub fn all_handoff_scopes(&self, rules: &PairingRules, scopes: &[String]) -> Vec<String> {
        let handed =
            self.roles.iter().flat_map(|role| handed_on(rules, role, scopes, self.purpose)).collect::<Vec<_>>();
        normalised_scopes(rules, &handed)
    }

    /// Whether this is what a setup code of the apps stands for.
    pub fn is_setup_code(&self, rules: &PairingRules) -> bool {
        self.is(rules, &["node", "operator"], handoff_scope_list(rules, None), None)
            || self.is(rules, &["node", "operator"], &FULL_SCOPES, Some(Purpose::MobileFull))
    }

    /// Whether this is what a voice node's setup code stands for.
    pub fn is_voice_node(&self, rules: &PairingRules) -> bool {
        self.is(rules, &["node", "operator"], &VOICE_SCOPES, Some(Purpose::VoiceNode))
    }

    /// Whether this is what the link to the owner's Control UI stands for, and these scopes are all that it gives.
    pub fn is_owners_page(&self, rules: &PairingRules, asked: &[String]) -> bool {
        self.is(rules, &["operator"], &OWNER_SCOPES, Some(Purpose::ControlUiOwner))
            && normalised_scopes(rules, asked) == OWNER_SCOPES
    }

    /// Whether this is what a link to a Control UI stands for, and these scopes are within it.
    pub fn is_page(&self, rules: &PairingRules, asked: &[String]) -> bool {
        let usual = handoff_scope_list(rules, None);
        self.purpose == Some(Purpose::ControlUi)
            && self.roles == ["operator"]
            && self.scopes.iter().all(|scope| usual.contains(&scope.as_str()))
            && scopes_allow(rules, "operator", asked, &self.scopes)
    }

    fn is(&self, rules: &PairingRules, roles: &[&str], scopes: &[&str], purpose: Option<Purpose>) -> bool {
        let profile = self.clone().normalised(rules);
        profile.roles == roles && profile.scopes == scopes && profile.purpose == purpose
    }

    /// Whether this is what a setup code of a node without operator stands for.
    pub fn is_node_alone(&self, rules: &PairingRules) -> bool {
        let worker = Some(Purpose::CloudWorker);
        rules.bootstrap_asks_questions
            && [None, worker].into_iter().any(|purpose| self.is(rules, &["node"], &[], purpose))
    }

    fn read(rules: &PairingRules, record: Option<&Value>) -> Result<Self, Fault> {
        let mut roles = Vec::new();
        if let Some(Value::Array(list)) = record::optional_property(record, "roles") {
            for role in list {
                roles.push(record::trimmed(Some(role), "role")?.to_owned());
            }
        }
        let scopes = record::optional_property(record, "scopes").filter(|scopes| record::truthy(Some(scopes)));
        let scopes = match scopes {
            Some(scopes) => {
                let spread = Value::Array(record::iterate(Some(scopes), "input.scopes")?);
                normalise_scopes(rules, Some(&spread))?
            }
            None => Vec::new(),
        };
        let purpose = record::optional_property(record, "purpose").filter(|_| rules.bootstrap_purposes);
        Ok(Self { roles, scopes, purpose: Purpose::read(purpose) }.normalised(rules))
    }

    fn to_value(&self) -> Value {
        let mut value = json!({"roles": self.roles, "scopes": self.scopes});
        if let Some(purpose) = self.purpose {
            value["purpose"] = json!(purpose.name());
        }
        value
    }

    fn allows(&self, rules: &PairingRules, role: &str, scopes: &[String]) -> bool {
        self.roles.iter().any(|have| have == role) && scopes_allow(rules, role, scopes, &self.scopes)
    }

    fn satisfies(&self, rules: &PairingRules, required: &Self) -> bool {
        required.roles.iter().all(|role| {
            let scopes = match rules.bootstrap_hands_on_only {
                true => required.handoff_scopes(rules, role),
                false => role_scoped(role, required.scopes.clone()),
            };
            self.roles.contains(role) && (scopes.is_empty() || self.allows(rules, role, &scopes))
        })
    }
}

/// Which of these scopes a bootstrap token may hand on for a role.
fn handed_on(rules: &PairingRules, role: &str, scopes: &[String], purpose: Option<Purpose>) -> Vec<String> {
    let mut scopes = if role == "operator" { normalised_scopes(rules, scopes) } else { Vec::new() };
    scopes.retain(|scope| handoff_scope_list(rules, purpose).contains(&scope.as_str()));
    scopes
}

/// A device that shows a bootstrap token.
#[derive(Debug, Clone, Copy)]
pub struct BootstrapRequest<'a> {
    /// The token.
    pub token: &'a str,
    /// Device id.
    pub device_id: &'a str,
    /// Public key.
    pub public_key: &'a str,
    /// Role asked for.
    pub role: &'a str,
    /// Scopes asked for.
    pub scopes: &'a [String],
}

/// Whether a bootstrap token admits this device with this role and these scopes. Where it does, the token is consumed
/// (up to 2026.3.28) or bound to the device.
///
/// # Errors
/// The store, or an odd entry.
pub fn verify_bootstrap_token(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    now: i64,
    request: BootstrapRequest<'_>,
) -> Result<bool, Fault> {
    let mut state = Tokens::load(rules, documents, now)?;
    let Some(at) = state.find(request.token)? else { return Ok(false) };
    let device_id = record::trim(request.device_id);
    let public_key = comparable_key(rules, request.public_key);
    let role = record::trim(request.role);
    if device_id.is_empty() || public_key.is_empty() || role.is_empty() {
        return Ok(false);
    }
    if !rules.bootstrap_profiles {
        // The entry is looked for under its token, and stays where it stands under another key.
        let key = state.entries[at].1.token.clone();
        state.entries.retain(|(name, _)| *name != key);
        state.persist(documents)?;
        return Ok(true);
    }
    let entry = &mut state.entries[at].1;
    if entry.profile.roles.is_empty() {
        return Ok(false);
    }
    if !rules.bootstrap_binds {
        let asked = BootstrapProfile { roles: vec![role.to_owned()], scopes: request.scopes.to_vec(), purpose: None };
        let asked = asked.normalised(rules);
        if asked != entry.profile {
            return Ok(false);
        }
        state.entries.remove(at);
        state.persist(documents)?;
        return Ok(true);
    }
    let owners = entry.profile.is_owners_page(rules, &OWNER_SCOPES.map(str::to_owned));
    if owners && !(role == "operator" && entry.profile.is_owners_page(rules, request.scopes)) {
        return Ok(false);
    }
    if !entry.profile.allows(rules, role, request.scopes) || !entry.admits(rules, device_id, &public_key) {
        return Ok(false);
    }
    if rules.bootstrap_pends {
        let purpose = entry.profile.purpose;
        let scopes = handed_on(rules, role, request.scopes, purpose);
        let asked = BootstrapProfile { roles: vec![role.to_owned()], scopes, purpose }.normalised(rules);
        let bound = entry.device_id.as_deref().is_some_and(|id| !record::trim(id).is_empty())
            || entry.public_key.as_deref().is_some_and(|key| !record::trim(key).is_empty());
        if bound && entry.pending.as_ref().is_some_and(|pending| *pending != asked) {
            return Ok(false);
        }
        // What is remembered for the first time is written last.
        entry.pending_is_new = entry.pending.is_none();
        let pending = if bound { entry.pending.take() } else { None };
        entry.pending = Some(pending.unwrap_or(asked));
    }
    entry.device_id = Some(device_id.to_owned());
    entry.public_key = Some(public_key);
    entry.last_used = Some(json!(now));
    state.persist(documents)?;
    Ok(true)
}

/// Forgets a bootstrap token. Whether there was one.
///
/// # Errors
/// The store, or an odd entry.
pub fn revoke_bootstrap_token(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    now: i64,
    token: &str,
) -> Result<bool, Fault> {
    let mut state = Tokens::load(rules, documents, now)?;
    let Some(at) = state.find(token)? else { return Ok(false) };
    state.entries.remove(at);
    state.persist(documents)?;
    Ok(true)
}

/// Forgets the bootstrap tokens that are bound to the device of a rejected request.
///
/// # Errors
/// The store, or an odd entry.
pub(super) fn forget_device_tokens(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    now: i64,
    rejected: &Value,
) -> Result<(), Fault> {
    let device_id = record::trimmed(rejected.get("deviceId"), "deviceId")?;
    let public_key = comparable_key(rules, record::trimmed(rejected.get("publicKey"), "publicKey")?);
    if device_id.is_empty() || public_key.is_empty() {
        return Ok(());
    }
    let mut state = Tokens::load(rules, documents, now)?;
    let before = state.entries.len();
    state.entries.retain(|(_, entry)| {
        entry.device_id.as_deref().map(record::trim) != Some(device_id)
            || entry.public_key.as_deref().map(|key| comparable_key(rules, key)).as_ref() != Some(&public_key)
    });
    if state.entries.len() == before { Ok(()) } else { state.persist(documents) }
}

/// What a bootstrap token stands for, whoever shows it (2026.4.5 on).
///
/// # Errors
/// An odd entry.
pub fn bootstrap_profile(
    rules: &PairingRules,
    documents: &dyn Documents,
    now: i64,
    token: &str,
) -> Result<Option<BootstrapProfile>, Fault> {
    let state = Tokens::load(rules, documents, now)?;
    Ok(state.find(token)?.map(|at| state.entries[at].1.profile.clone()))
}

/// What a bootstrap token stands for, where it is bound to this very device (2026.4.5 on).
///
/// # Errors
/// An odd entry.
pub fn bound_bootstrap_profile(
    rules: &PairingRules,
    documents: &dyn Documents,
    now: i64,
    token: &str,
    device_id: &str,
    public_key: &str,
) -> Result<Option<BootstrapProfile>, Fault> {
    let state = Tokens::load(rules, documents, now)?;
    let Some(at) = state.find(token)? else { return Ok(None) };
    let entry = &state.entries[at].1;
    let (device_id, public_key) = (record::trim(device_id), comparable_key(rules, public_key));
    let bound = !device_id.is_empty()
        && !public_key.is_empty()
        && entry.device_id.as_deref().map(record::trim) == Some(device_id)
        && entry.public_key.as_deref().map(|key| comparable_key(rules, key)) == Some(public_key);
    Ok(bound.then(|| entry.profile.clone()))
}

/// Counts a role and its scopes as redeemed (2026.4.5 on). Whether the whole profile is redeemed now; `false` too where
/// there is no such token.
///
/// # Errors
/// The store, or an odd entry.
pub fn redeem_bootstrap_profile(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    now: i64,
    token: &str,
    role: &str,
    scopes: &[String],
) -> Result<bool, Fault> {
    let mut state = Tokens::load(rules, documents, now)?;
    let Some(at) = state.find(token)? else { return Ok(false) };
    let entry = &mut state.entries[at].1;
    let mut redeemed = entry.redeemed.clone().unwrap_or_default();
    redeemed.purpose = entry.profile.purpose;
    redeemed.roles.push(role.to_owned());
    redeemed.scopes.extend(match rules.bootstrap_hands_on_only {
        true => handed_on(rules, role, scopes, redeemed.purpose),
        false => role_scoped(role, scopes.to_vec()),
    });
    let redeemed = redeemed.normalised(rules);
    let whole = redeemed.satisfies(rules, &entry.profile);
    if entry.pending.as_ref().is_some_and(|pending| redeemed.satisfies(rules, pending)) {
        entry.pending = None;
    }
    entry.redeemed = Some(redeemed);
    state.persist(documents)?;
    Ok(whole)
}

/// A public key in the form in which two of them are compared. A PEM or padded base64 is brought to unpadded base64url
/// where the release does so.
fn comparable_key(rules: &PairingRules, key: &str) -> String {
    let key = record::trim(key);
    let foreign_form = key.contains("BEGIN") || key.contains(['+', '/', '=']);
    if rules.bootstrap_redeems && foreign_form {
        return crate::protocol::public_key::normalise(key).unwrap_or_else(|| key.to_owned());
    }
    key.to_owned()
}

/// One entry, as the releases rebuild it whenever the file is loaded: other fields are lost at the next write, except
/// where a token has no profile.
struct Entry {
    /// What was read, where all of it is kept.
    raw: Option<Record>,
    token: String,
    profile: BootstrapProfile,
    redeemed: Option<BootstrapProfile>,
    /// What its device asks for, until it is redeemed.
    pending: Option<BootstrapProfile>,
    pending_is_new: bool,
    device_id: Option<String>,
    public_key: Option<String>,
    issued_at: Value,
    ts: Value,
    last_used: Option<Value>,
}

impl Entry {
    fn read(rules: &PairingRules, key: &str, entry: &Value) -> Result<Self, Fault> {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
        let stamp = |key: &str| entry.get(key).filter(|value| value.is_number()).cloned();
        let issued_at = stamp("issuedAtMs").unwrap_or_else(|| json!(0));
        Ok(Self {
            raw: (!rules.bootstrap_profiles).then(|| record::spread(Some(entry))),
            token: text("token").filter(|token| !record::trim(token).is_empty()).unwrap_or_else(|| key.to_owned()),
            profile: match rules.bootstrap_profiles {
                true => BootstrapProfile::read(rules, record::present(entry.get("profile")).or(Some(entry)))?,
                false => BootstrapProfile::default(),
            },
            redeemed: match rules.bootstrap_redeems {
                true if rules.bootstrap_asks_questions && !record::truthy(entry.get("redeemedProfile")) => None,
                true => Some(BootstrapProfile::read(rules, entry.get("redeemedProfile"))?),
                false => None,
            },
            pending: match entry.get("pendingProfile").filter(|pending| record::truthy(Some(pending))) {
                Some(pending) if rules.bootstrap_pends => Some(BootstrapProfile::read(rules, Some(pending))?),
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
        if let Some(mut entry) = self.raw.clone() {
            record::set(&mut entry, "token", Some(self.token.as_str()));
            record::set(&mut entry, "issuedAtMs", Some(self.issued_at.clone()));
            record::set(&mut entry, "ts", Some(self.ts.clone()));
            return entry;
        }
        let mut entry = Record::new();
        record::set(&mut entry, "token", Some(self.token.as_str()));
        record::set(&mut entry, "profile", Some(self.profile.to_value()));
        record::set(&mut entry, "redeemedProfile", self.redeemed.as_ref().map(BootstrapProfile::to_value));
        let pending = self.pending.as_ref().map(BootstrapProfile::to_value);
        record::set(&mut entry, "pendingProfile", pending.clone().filter(|_| !self.pending_is_new));
        record::set(&mut entry, "deviceId", self.device_id.as_deref());
        record::set(&mut entry, "publicKey", self.public_key.as_deref());
        record::set(&mut entry, "issuedAtMs", Some(self.issued_at.clone()));
        record::set(&mut entry, "ts", Some(self.ts.clone()));
        record::set(&mut entry, "lastUsedAtMs", self.last_used.clone());
        record::set(&mut entry, "pendingProfile", pending);
        entry
    }

    /// Whether it is bound to nobody or to this device.
    fn admits(&self, rules: &PairingRules, device_id: &str, public_key: &str) -> bool {
        let bound_device = self.device_id.as_deref().map(record::trim).filter(|id| !id.is_empty());
        let bound_key = self.public_key.as_deref().map(|key| comparable_key(rules, key)).filter(|key| !key.is_empty());
        match (bound_device, bound_key) {
            (None, None) => true,
            (device, key) => device == Some(device_id) && key.as_deref() == Some(public_key),
        }
    }
}

/// The whole document.
struct Tokens {
    entries: Vec<(String, Entry)>,
}

impl Tokens {
    fn load(rules: &PairingRules, documents: &dyn Documents, now: i64) -> Result<Self, Fault> {
        let document = documents.read(Document::DevicesBootstrap);
        let Some(Value::Object(raw)) = document.as_deref() else { return Ok(Self { entries: Vec::new() }) };
        let mut entries = Vec::new();
        for (key, value) in raw.iter().filter(|(_, value)| value.is_object()) {
            entries.push((key.clone(), Entry::read(rules, key, value)?));
        }
        // Exact for every time of this millennium.
        #[allow(clippy::cast_precision_loss)]
        entries.retain(|(_, entry)| now as f64 - record::number(Some(&entry.ts)) <= TTL_MS);
        Ok(Self { entries })
    }

    fn find(&self, token: &str) -> Result<Option<usize>, TypeFault> {
        let token = record::trim(token);
        for (at, (_, entry)) in self.entries.iter().enumerate() {
            if same_secret(token, Some(&json!(entry.token)))? {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    fn persist(&self, documents: &mut dyn Documents) -> Result<(), Fault> {
        let document: Record =
            self.entries.iter().map(|(key, entry)| (key.clone(), Value::Object(entry.to_record()))).collect();
        documents.write(&[(Document::DevicesBootstrap, &Arc::new(Value::Object(document)))])?;
        Ok(())
    }
}
