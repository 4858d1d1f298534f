//! Approves a pending request, which becomes a paired device.

use super::devices::LABEL;
use super::roles::{merge_roles, normalise_role};
use super::scopes::{OPERATOR_PREFIX, merge_scopes};
use super::tokens::{TokenToMint, mint};
use super::{
    AccessMetadata, BootstrapProfile, ChangedDocuments, DocumentFamily, PairingRules, PairingState, StoreError,
    missing_scope, normalise_scopes, role_scoped, scopes_allow,
};
use crate::Entropy;
use openclaw_protocol::js::{self, Record};
use openclaw_protocol::store::Documents;
use serde_json::{Value, json};

const OPERATOR: &str = "operator";

/// The result of an approval.
#[derive(Debug, Clone, PartialEq)]
pub enum Approval {
    /// The pending request does not exist.
    Unknown,
    /// The approver's grant does not fit this request: another key, another role, or a repair.
    NotGranted,
    /// Nobody, or not this approver, can grant the requested access.
    Forbidden(ApprovalRefusal),
    /// The device is paired.
    Approved {
        /// The written record.
        device: Record,
    },
}

impl Approval {
    /// The record, if the device is now paired.
    pub fn device(&self) -> Option<&Record> {
        match self {
            Self::Approved { device } => Some(device),
            Self::Unknown | Self::NotGranted | Self::Forbidden(_) => None,
        }
    }
}

/// The reason why a pending request is not approved, in the wording of the releases.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalRefusal {
    /// The approver, or the profile of a bootstrap token, lacks this scope or role.
    #[error("missing scope: {0}")]
    Missing(String),
    /// The request contains this scope, which belongs to none of its roles.
    #[error("invalid scope for requested roles: {0}")]
    OutsideRoles(String),
}

/// The approver of a request.
#[derive(Debug, Clone, Copy)]
pub struct Approver<'a> {
    /// The approver's scopes.
    pub scopes: &'a [String],
    /// The kind of approval.
    pub kind: ApprovalKind,
    /// The device itself, if its own connect approves the request.
    pub metadata: Option<&'a AccessMetadata>,
    /// The scopes that a new operator device, or one with the same key, gets instead of the requested ones.
    pub grants: Option<&'a [String]>,
}

impl<'a> Approver<'a> {
    /// A caller of the method.
    pub fn owner(scopes: &'a [String]) -> Self {
        Self { scopes, kind: ApprovalKind::Owner, metadata: None, grants: None }
    }
}

/// How a device was approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApprovalKind {
    /// By a caller with the necessary scopes.
    Owner,
    /// Silently, because the client is local.
    Silent,
    /// Silently, because it is a new node from a configured network.
    TrustedCidr,
    /// Silently, because a reverse proxy authenticates its user.
    TrustedProxy,
    /// With a bootstrap token.
    Bootstrap,
}

impl ApprovalKind {
    fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Silent => "silent",
            Self::TrustedCidr => "trusted-cidr",
            Self::TrustedProxy => "trusted-proxy",
            Self::Bootstrap => "bootstrap",
        }
    }

    /// The kind in a record that was approved before (`mergeApprovalKind`).
    fn over(self, existing: Option<&Value>) -> Option<Value> {
        let Some(existing) = existing.filter(|_| self != Self::Owner) else { return Some(json!(self.name())) };
        match js::present(existing.get("approvedVia")) {
            None => (self == Self::Bootstrap).then(|| json!(self.name())),
            Some(had) if had == "owner" || had == "bootstrap" => Some(had.clone()),
            Some(_) => Some(json!(self.name())),
        }
    }
}

/// Approves a pending request for an approver.
///
/// # Errors
/// Returns an error of the store or for an invalid record.
pub fn approve(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    entropy: &mut dyn Entropy,
    now: i64,
    request_id: &str,
    by: Approver<'_>,
) -> Result<Approval, StoreError> {
    let caller_scopes = by.scopes;
    let mut state = PairingState::load(rules.state, DocumentFamily::Devices, documents, now)?;
    let Some(mut pending) = state.pending.get_truthy(request_id).cloned() else { return Ok(Approval::Unknown) };
    let existing = existing_record(&state, &pending);
    let existing = existing.as_ref();
    if let Some(grants) = by.grants {
        match granted_request(rules, &pending, existing, grants)? {
            Some(granted) => pending = granted,
            None => return Ok(Approval::NotGranted),
        }
    }
    if let Some(denial) = denial(rules, &pending, caller_scopes)? {
        return Ok(Approval::Forbidden(denial));
    }
    let scopes = merge_scopes(rules, &[approved_or_scopes(rules, existing), pending.get("scopes")])?;
    let scopes_value = scopes.as_ref().map(|scopes| json!(scopes));
    let fallback = scopes_value.as_ref().or_else(|| approved_or_scopes(rules, existing));
    let mut tokens = existing_tokens(existing);
    let mut granted = Vec::new();
    for role in roles_with_token(rules, &pending)? {
        let old = tokens.get(&role).filter(|old| js::truthy(Some(old))).cloned();
        let scopes = token_scopes(rules, &role, &pending, old.as_ref(), fallback)?;
        let scopes = match rules.approval_adds_scopes {
            true => added_scopes(rules, &role, &pending, existing, old.as_ref(), scopes)?,
            false => scopes,
        };
        if let Some(missing) = missing_for_token(rules, &role, &pending, &scopes, caller_scopes)? {
            return Ok(Approval::Forbidden(ApprovalRefusal::Missing(missing)));
        }
        granted.push((role, old, scopes));
    }
    for (role, old, scopes) in granted {
        let minted = TokenToMint { role: &role, scopes, rotated_at: old.is_some().then_some(now), issuer: None };
        tokens.insert(role.clone(), Value::Object(mint(entropy, now, minted, old.as_ref())));
    }
    let roles = merged_roles(rules, existing, &pending, None)?;
    let granted = ApprovedValues { roles, scopes, tokens, kind: by.kind };
    let device = paired_record(rules, &pending, existing, granted, now, by.metadata);
    store_device(&mut state, documents, request_id, device)
}

/// The request with the scopes of the approver's grant. `None` if the grant does not fit the request.
fn granted_request(
    rules: &PairingRules,
    pending: &Value,
    existing: Option<&Value>,
    grants: &[String],
) -> Result<Option<Value>, StoreError> {
    let same_key = existing.is_some_and(|device| device.get("publicKey") == pending.get("publicKey"));
    let new = existing.is_none() && !js::truthy(pending.get("isRepair"));
    if !(new || same_key) || requested_roles(rules, pending)? != [OPERATOR] {
        return Ok(None);
    }
    let mut granted = js::spread(Some(pending));
    js::set(&mut granted, "scopes", Some(grants.to_vec()));
    Ok(Some(Value::Object(granted)))
}

/// The roles for which an approval issues a token.
fn roles_with_token(rules: &PairingRules, pending: &Value) -> Result<Vec<String>, StoreError> {
    if rules.mint_every_role {
        return requested_roles(rules, pending);
    }
    Ok(normalise_role(pending.get("role"))?.into_iter().collect())
}

/// The scope of a new token that the approver lacks.
fn missing_for_token(
    rules: &PairingRules,
    role: &str,
    pending: &Value,
    scopes: &[String],
    caller_scopes: &[String],
) -> Result<Option<String>, StoreError> {
    let mut measured = scopes.to_vec();
    if rules.approval_adds_scopes {
        let requested_scopes = role_scoped(role, normalise_scopes(rules, pending.get("scopes"))?);
        measured = requested_scopes.into_iter().chain(measured).collect();
    }
    let is_measured = rules.approval_measures_token && role == OPERATOR && !scopes.is_empty();
    let missing = missing_scope(rules, OPERATOR, &measured, caller_scopes);
    Ok(missing.filter(|_| is_measured).cloned())
}

/// The scopes of a token after another approval: its current scopes, and the requested scopes that are new to the
/// record.
fn added_scopes(
    rules: &PairingRules,
    role: &str,
    pending: &Value,
    existing: Option<&Value>,
    old: Option<&Value>,
    otherwise: Vec<String>,
) -> Result<Vec<String>, StoreError> {
    let requested_scopes = role_scoped(role, normalise_scopes(rules, pending.get("scopes"))?);
    if requested_scopes.is_empty() {
        return Ok(otherwise);
    }
    let baseline = role_scoped(role, normalise_scopes(rules, approved_or_scopes(rules, existing))?);
    let new: Vec<String> = match old {
        Some(_) if !baseline.is_empty() => {
            requested_scopes.into_iter().filter(|scope| !baseline.contains(scope)).collect()
        }
        _ => requested_scopes,
    };
    let had = js::optional_property(old, "scopes");
    if new.is_empty() && old.is_some() {
        return Ok(role_scoped(role, normalise_scopes(rules, had)?));
    }
    let merged = merge_scopes(rules, &[had, Some(&json!(new))])?.unwrap_or_default();
    Ok(role_scoped(role, normalise_scopes(rules, Some(&json!(merged)))?))
}

/// Approves the request of a device with a bootstrap token, within the profile of the token. Every role of the profile
/// gets a token (`approveBootstrapDevicePairing`).
///
/// # Errors
/// Returns an error of the store or for an invalid record.
pub fn approve_bootstrap(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    entropy: &mut dyn Entropy,
    now: i64,
    request_id: &str,
    profile: &BootstrapProfile,
    metadata: Option<&AccessMetadata>,
) -> Result<Approval, StoreError> {
    let profile = profile.clone().normalised(rules);
    let mut state = PairingState::load(rules.state, DocumentFamily::Devices, documents, now)?;
    let Some(pending) = state.pending.get_truthy(request_id).cloned() else { return Ok(Approval::Unknown) };
    let foreign = requested_roles(rules, &pending)?.into_iter().find(|role| !profile.roles.contains(role));
    let wanted = operator_scopes(rules, &pending)?;
    let approved = match rules.bootstrap_hands_on_only {
        true => profile.all_handoff_scopes(rules, &profile.scopes),
        false => profile.scopes.clone(),
    };
    let refused = foreign.or_else(|| missing_scope(rules, OPERATOR, &wanted, &approved).cloned());
    if let Some(missing) = refused {
        return Ok(Approval::Forbidden(ApprovalRefusal::Missing(missing)));
    }
    let existing = existing_record(&state, &pending);
    let existing = existing.as_ref();
    let approved = json!(approved);
    let requested = requested_roles(rules, &pending)?;
    let requested_scopes = normalise_scopes(rules, pending.get("scopes"))?;
    let mut scopes =
        merge_scopes(rules, &[approved_or_scopes(rules, existing), pending.get("scopes"), Some(&approved)])?;
    if rules.bootstrap_grants_requested {
        let granted = BootstrapProfile { roles: requested.clone(), scopes: Vec::new(), purpose: profile.purpose }
            .all_handoff_scopes(rules, &requested_scopes);
        scopes =
            merge_scopes(rules, &[Some(&json!(kept_scopes(rules, existing, &requested)?)), Some(&json!(granted))])?;
    } else if rules.bootstrap_hands_on_only {
        scopes = Some(profile.all_handoff_scopes(rules, &scopes.unwrap_or_default()));
    }
    let mut tokens = existing_tokens(existing);
    let granted = match rules.bootstrap_grants_requested {
        true => BootstrapProfile { roles: requested, scopes: requested_scopes, purpose: profile.purpose },
        false => profile.clone(),
    };
    for role in &granted.roles {
        let old = tokens.get(role).filter(|old| js::truthy(Some(old))).cloned();
        let scopes = granted.handoff_scopes(rules, role);
        let minted = TokenToMint { role, scopes, rotated_at: old.is_some().then_some(now), issuer: None };
        tokens.insert(role.clone(), Value::Object(mint(entropy, now, minted, old.as_ref())));
    }
    let profile_roles = json!(profile.roles);
    let roles =
        merged_roles(rules, existing, &pending, Some(&profile_roles).filter(|_| !rules.bootstrap_grants_requested))?;
    let device = paired_record(
        rules,
        &pending,
        existing,
        ApprovedValues { roles, scopes, tokens, kind: ApprovalKind::Bootstrap },
        now,
        metadata,
    );
    store_device(&mut state, documents, request_id, device)
}

/// The reason why the approver cannot grant the requested access. `None` if it can.
fn denial(rules: &PairingRules, pending: &Value, caller: &[String]) -> Result<Option<ApprovalRefusal>, StoreError> {
    if !rules.approver_bounded {
        return Ok(None);
    }
    let wanted = operator_scopes(rules, pending)?;
    let missing = |scope: &String| Some(ApprovalRefusal::Missing(scope.clone()));
    if rules.scopes_within_roles {
        let roles = requested_roles(rules, pending)?;
        let requested_scopes = normalise_scopes(rules, pending.get("scopes"))?;
        let belongs = |scope: &String| roles.iter().any(|role| scope_belongs(rules, role, scope));
        if let Some(stray) = requested_scopes.iter().find(|scope| !belongs(scope)) {
            return Ok(Some(ApprovalRefusal::OutsideRoles(stray.clone())));
        }
        if rules.approval_measures_token {
            return Ok(None);
        }
        return Ok(missing_scope(rules, OPERATOR, &wanted, caller).and_then(missing));
    }
    if rules.operator_scopes_need_operator {
        let Some(first) = wanted.first() else { return Ok(None) };
        if !requested_roles(rules, pending)?.iter().any(|role| role == OPERATOR) {
            return Ok(missing(first));
        }
        return Ok(missing_scope(rules, OPERATOR, &wanted, caller).and_then(missing));
    }
    let Some(role) = approval_role(pending)? else { return Ok(None) };
    Ok(missing_scope(rules, &role, &wanted, caller).and_then(missing))
}

/// Whether this role can have a scope at all.
fn scope_belongs(rules: &PairingRules, role: &str, scope: &String) -> bool {
    scopes_allow(rules, role, std::slice::from_ref(scope), std::slice::from_ref(scope))
}

/// The role of the request, or the first of its roles.
fn approval_role(pending: &Value) -> Result<Option<String>, StoreError> {
    if let Some(role) = normalise_role(pending.get("role"))? {
        return Ok(Some(role));
    }
    if let Some(Value::Array(roles)) = pending.get("roles") {
        for role in roles {
            if let Some(role) = normalise_role(Some(role))? {
                return Ok(Some(role));
            }
        }
    }
    Ok(None)
}

fn requested_roles(rules: &PairingRules, pending: &Value) -> Result<Vec<String>, StoreError> {
    Ok(merge_roles(rules, &[pending.get("roles"), pending.get("role")])?.unwrap_or_default())
}

fn operator_scopes(rules: &PairingRules, pending: &Value) -> Result<Vec<String>, StoreError> {
    let mut scopes = normalise_scopes(rules, pending.get("scopes"))?;
    scopes.retain(|scope| scope.starts_with(OPERATOR_PREFIX));
    Ok(scopes)
}

/// The scopes of a minted token: the requested ones, or those of the old token, or those of the record.
fn token_scopes(
    rules: &PairingRules,
    role: &str,
    pending: &Value,
    old: Option<&Value>,
    fallback: Option<&Value>,
) -> Result<Vec<String>, StoreError> {
    let scoped = |scopes| if rules.mint_every_role { role_scoped(role, scopes) } else { scopes };
    let requested = scoped(normalise_scopes(rules, pending.get("scopes"))?);
    if !requested.is_empty() || !rules.approved_scopes_kept {
        return Ok(requested);
    }
    let kept = js::present(js::optional_property(old, "scopes")).or(fallback);
    Ok(scoped(normalise_scopes(rules, kept)?))
}

fn existing_record(state: &PairingState, pending: &Value) -> Option<Value> {
    js::present(state.paired.get(&js::key_text(pending.get("deviceId")))).cloned()
}

/// The scopes of a record that are strings.
pub fn access_scopes(record: &Value) -> Vec<String> {
    let scopes = ["approvedScopes", "scopes"].into_iter().find_map(|key| record.get(key).and_then(Value::as_array));
    scopes.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// `existing?.approvedScopes ?? existing?.scopes`. Only `scopes` if the release keeps no approved scopes.
fn approved_or_scopes<'a>(rules: &PairingRules, existing: Option<&'a Value>) -> Option<&'a Value> {
    js::present(js::optional_property(existing, "approvedScopes"))
        .filter(|_| rules.approved_scopes_kept)
        .or_else(|| js::optional_property(existing, "scopes"))
}

fn existing_tokens(existing: Option<&Value>) -> Record {
    js::spread(js::optional_property(existing, "tokens"))
}

fn merged_roles(
    rules: &PairingRules,
    existing: Option<&Value>,
    pending: &Value,
    granted: Option<&Value>,
) -> Result<Option<Vec<String>>, StoreError> {
    Ok(merge_roles(
        rules,
        &[
            js::optional_property(existing, "roles"),
            js::optional_property(existing, "role"),
            pending.get("roles"),
            pending.get("role"),
            granted,
        ],
    )?)
}

/// The scopes of an existing record that belong to other roles than the granted ones.
fn kept_scopes(rules: &PairingRules, existing: Option<&Value>, granted: &[String]) -> Result<Vec<String>, StoreError> {
    let roles =
        merge_roles(rules, &[js::optional_property(existing, "roles"), js::optional_property(existing, "role")])?;
    let mut kept = Vec::new();
    for role in roles.unwrap_or_default().iter().filter(|role| !granted.contains(role)) {
        let scopes = approved_or_scopes(rules, existing).and_then(Value::as_array).into_iter().flatten();
        let scopes = scopes.filter_map(Value::as_str).map(|scope| js::trim(scope).to_owned());
        kept.extend(role_scoped(role, scopes.collect()));
    }
    Ok(kept)
}

/// The values that an approval writes to the record.
struct ApprovedValues {
    roles: Option<Vec<String>>,
    scopes: Option<Vec<String>>,
    tokens: Record,
    kind: ApprovalKind,
}

/// The record, with keys in the order of the releases. Other fields of the old record are lost.
fn paired_record(
    rules: &PairingRules,
    pending: &Value,
    existing: Option<&Value>,
    granted: ApprovedValues,
    now: i64,
    metadata: Option<&AccessMetadata>,
) -> Record {
    let mut device = Record::new();
    let copied = ["deviceId", "publicKey", "displayName", "platform", "deviceFamily", "clientId", "clientMode", "role"];
    for key in copied.into_iter().filter(|key| rules.approved_scopes_kept || *key != "deviceFamily") {
        js::set(&mut device, key, pending.get(key).cloned());
    }
    js::set(&mut device, "roles", granted.roles);
    js::set(&mut device, "scopes", granted.scopes.clone());
    js::set(&mut device, "approvedScopes", granted.scopes.filter(|_| rules.approved_scopes_kept));
    js::set(&mut device, "remoteIp", pending.get("remoteIp").cloned());
    js::set(&mut device, "tokens", Some(granted.tokens));
    if rules.approval_kinds {
        js::set(&mut device, "approvedVia", granted.kind.over(existing));
        let label = js::present(js::optional_property(existing, LABEL));
        js::set(&mut device, LABEL, label.filter(|label| js::truthy(Some(label))).cloned());
    }
    let created = js::present(js::optional_property(existing, "createdAtMs"));
    js::set(&mut device, "createdAtMs", Some(created.cloned().unwrap_or_else(|| json!(now))));
    js::set(&mut device, "approvedAtMs", Some(now));
    if rules.last_seen {
        // The names that a connect brings are those of its request already.
        let old = |key: &str| js::present(js::optional_property(existing, key)).cloned();
        let (at, reason) = match metadata {
            Some(metadata) => (Some(json!(now)), Some(json!(metadata.reason.unwrap_or("connect")))),
            None => (old("lastSeenAtMs"), old("lastSeenReason")),
        };
        js::set(&mut device, "lastSeenAtMs", at);
        js::set(&mut device, "lastSeenReason", reason);
    }
    device
}

fn store_device(
    state: &mut PairingState,
    documents: &mut dyn Documents,
    request_id: &str,
    device: Record,
) -> Result<Approval, StoreError> {
    state.pending.remove(request_id);
    state.paired.set(&js::key_text(device.get("deviceId")), Value::Object(device.clone()))?;
    state.persist(documents, ChangedDocuments::Both)?;
    Ok(Approval::Approved { device })
}
