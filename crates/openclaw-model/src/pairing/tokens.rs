//! Device tokens: verify, ensure, rotate, revoke.

use super::{
    ChangedDocuments, DocumentFamily, PairingRules, PairingState, StoreError, approved_roles, missing_scope,
    normalise_scopes, scopes_allow_values,
};
use crate::Entropy;
use openclaw_protocol::ids;
use openclaw_protocol::js::{self, Record, TypeError};
use openclaw_protocol::store::{Documents, StoreFormat};
use serde_json::{Value, json};
use std::cmp::Ordering;

/// The reason why a device token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenRefusal {
    /// There is no record of the device.
    DeviceNotPaired,
    /// The connect contains no role.
    RoleMissing,
    /// The record has no token for the role.
    TokenMissing,
    /// The role's token is revoked.
    TokenRevoked,
    /// The token is a different one.
    TokenMismatch,
    /// The token is bound to another shared secret, or a browser's token is bound to none.
    IssuerStale,
    /// The token has more scopes than were approved, or does not cover the requested scopes.
    ScopeMismatch,
}

impl TokenRefusal {
    /// The name of the reason in the release.
    pub fn reason(self) -> &'static str {
        match self {
            Self::DeviceNotPaired => "device-not-paired",
            Self::RoleMissing => "role-missing",
            Self::TokenMissing => "token-missing",
            Self::TokenRevoked => "token-revoked",
            Self::TokenMismatch => "token-mismatch",
            Self::IssuerStale => "issuer-generation-stale",
            Self::ScopeMismatch => "scope-mismatch",
        }
    }
}

/// The result of a rotation.
#[derive(Debug, Clone, PartialEq)]
pub enum TokenRotation {
    /// The entry of the new token.
    Rotated(Record),
    /// A refusal, with its name in the release.
    Refused(&'static str),
}

/// A device token in a connect.
#[derive(Debug, Clone, Copy)]
pub struct ShownToken<'a> {
    /// The device token that the client presents.
    pub token: &'a str,
    /// The requested role.
    pub role: &'a str,
    /// The requested scopes.
    pub scopes: &'a [String],
    /// The digest that tokens from the current shared secret are bound to.
    pub bound: Option<&'a str>,
}

/// Checks a device token and records its use if it is accepted. Returns what it is bound to, if anything.
///
/// # Errors
/// Returns an error of the store or for an invalid record.
pub fn verify_token(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    now: i64,
    device_id: &str,
    shown: ShownToken<'_>,
) -> Result<Result<Option<String>, TokenRefusal>, StoreError> {
    let mut state = PairingState::load(rules.state, DocumentFamily::Devices, documents, now)?;
    let device_id = js::trim(device_id);
    let Some(device) = state.paired.get_truthy(device_id).cloned() else {
        return Ok(Err(TokenRefusal::DeviceNotPaired));
    };
    let role = js::trim(shown.role);
    if role.is_empty() {
        return Ok(Err(TokenRefusal::RoleMissing));
    }
    let entry = js::optional_property(device.get("tokens"), role).filter(|entry| js::truthy(Some(entry)));
    let Some(entry) = entry.cloned() else { return Ok(Err(TokenRefusal::TokenMissing)) };
    if js::truthy(entry.get("revokedAtMs")) {
        return Ok(Err(TokenRefusal::TokenRevoked));
    }
    if !same_secret(shown.token, entry.get("token"))? {
        return Ok(Err(TokenRefusal::TokenMismatch));
    }
    let issuer = entry.get("issuer").filter(|issuer| rules.tokens_bound && js::truthy(Some(issuer)));
    let bound_to = issuer.and_then(bound_generation).map(str::to_owned);
    let stale = match issuer {
        Some(_) => bound_to.is_some() && bound_to.as_deref() != shown.bound,
        None => rules.tokens_bound && shown.bound.is_some() && is_browser(&device),
    };
    if stale {
        return Ok(Err(TokenRefusal::IssuerStale));
    }
    let requested = json!(super::normalised_scopes(rules, shown.scopes));
    let covered = within_baseline(rules, role, entry.get("scopes"), &device)?
        && scopes_allow_values(rules, role, Some(&requested), entry.get("scopes"))?;
    if !covered {
        return Ok(Err(TokenRefusal::ScopeMismatch));
    }
    let mut used = js::spread(Some(&entry));
    js::set(&mut used, "lastUsedAtMs", Some(now));
    let mut device = js::spread(Some(&device));
    if rules.last_seen {
        js::set(&mut device, "lastSeenAtMs", Some(now));
        js::set(&mut device, "lastSeenReason", Some("device-token-auth"));
    }
    store_entry(&mut state, device_id, &Value::Object(device), role, used)?;
    state.persist(documents, ChangedDocuments::Paired)?;
    Ok(Ok(bound_to))
}

/// The kind of issuer that binds a token to the shared secret.
pub const SHARED_SECRET: &str = "shared-gateway-auth";

fn bound_generation(issuer: &Value) -> Option<&str> {
    let shared = issuer.get("kind").and_then(Value::as_str) == Some(SHARED_SECRET);
    issuer.get("generation").and_then(Value::as_str).filter(|_| shared)
}

/// Whether a record belongs to a browser.
fn is_browser(device: &Value) -> bool {
    let text = |key: &str| device.get(key).and_then(Value::as_str).map(|text| js::trim(text).to_lowercase());
    text("clientMode").as_deref() == Some("webchat")
        || text("clientId").is_some_and(|id| ["openclaw-control-ui", "webchat-ui"].contains(&id.as_str()))
}

/// A device token to issue.
#[derive(Debug, Clone, Copy)]
pub struct TokenRequest<'a> {
    /// The role that the token is for.
    pub role: &'a str,
    /// The scopes that it must cover.
    pub scopes: &'a [String],
    /// The digest to bind it to.
    pub bound: Option<&'a str>,
}

/// The token for a successful connect: the existing one if it is sufficient, or a new one. `None` if the record does
/// not allow one.
///
/// # Errors
/// Returns an error of the store or for an invalid record.
pub fn ensure_token(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    entropy: &mut dyn Entropy,
    now: i64,
    device_id: &str,
    wanted: TokenRequest<'_>,
) -> Result<Option<Record>, StoreError> {
    let mut state = PairingState::load(rules.state, DocumentFamily::Devices, documents, now)?;
    let Some(context) = MintContext::find(rules, &state, device_id, wanted.role)? else { return Ok(None) };
    let scopes = super::normalised_scopes(rules, wanted.scopes);
    let requested = json!(scopes);
    if !within_baseline(rules, &context.role, Some(&requested), &context.device)? {
        return Ok(None);
    }
    if let Some(old) = context.old.as_ref().filter(|old| !js::truthy(old.get("revokedAtMs"))) {
        let bound = old.get("issuer").filter(|issuer| js::truthy(Some(issuer)));
        let same_issuer = match wanted.bound {
            _ if !rules.tokens_bound => true,
            None => bound.is_none(),
            Some(_) => bound.and_then(bound_generation) == wanted.bound,
        };
        let suffices = same_issuer
            && within_baseline(rules, &context.role, old.get("scopes"), &context.device)?
            && scopes_allow_values(rules, &context.role, Some(&requested), old.get("scopes"))?;
        if suffices {
            return Ok(Some(js::spread(Some(old))));
        }
    }
    let rotated_at = context.old.is_some().then_some(now);
    let issuer = wanted.bound.map(|generation| json!({"kind": SHARED_SECRET, "generation": generation}));
    let next =
        mint(entropy, now, TokenToMint { role: &context.role, scopes, rotated_at, issuer }, context.old.as_ref());
    store_entry(&mut state, js::trim(device_id), &context.device, &context.role, next.clone())?;
    state.persist(documents, ChangedDocuments::Paired)?;
    Ok(Some(next))
}

/// Replaces the token of a role, revoked or not, with these scopes. Without scopes, the new token has those of the old
/// one.
///
/// # Errors
/// Returns an error of the store or for an invalid record.
pub fn rotate_token(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    entropy: &mut dyn Entropy,
    now: i64,
    device_id: &str,
    role: &str,
    requested_scopes: Option<&Value>,
) -> Result<TokenRotation, StoreError> {
    let mut state = PairingState::load(rules.state, DocumentFamily::Devices, documents, now)?;
    let Some(mut context) = MintContext::find(rules, &state, device_id, role)? else {
        return Ok(TokenRotation::Refused("unknown-device-or-role"));
    };
    let scopes = normalise_scopes(rules, rotation_scopes(requested_scopes, context.old.as_ref(), &context.device))?;
    if rules.tokens_bounded && baseline(rules, &context.device)?.is_none() {
        return Ok(TokenRotation::Refused("missing-approved-scope-baseline"));
    }
    let within = match rules.tokens_bounded {
        true => within_baseline(rules, &context.role, Some(&json!(scopes)), &context.device)?,
        false => !rules.rotation_bounded || within_recorded(rules, &scopes, &context)?,
    };
    if !within {
        return Ok(TokenRotation::Refused("scope-outside-approved-baseline"));
    }
    if rules.format == StoreFormat::Sqlite {
        // The release reads the previous node, and every token with it.
        super::effective_roles(rules, &context.device)?;
    }
    if !rules.rotation_bounded && requested_scopes.is_some() {
        // The tokens come first, so that a record without any gets them before its scopes.
        let mut device = js::spread(Some(&context.device));
        let tokens = js::spread(device.get("tokens"));
        js::set(&mut device, "tokens", Some(tokens));
        js::set(&mut device, "scopes", Some(scopes.clone()));
        context.device = Value::Object(device);
    }
    let issuer = js::optional_property(context.old.as_ref(), "issuer").filter(|_| rules.tokens_bound).cloned();
    let minted = TokenToMint { role: &context.role, scopes, rotated_at: Some(now), issuer };
    let next = mint(entropy, now, minted, context.old.as_ref());
    store_entry(&mut state, js::trim(device_id), &context.device, &context.role, next.clone())?;
    state.persist(documents, ChangedDocuments::Paired)?;
    Ok(TokenRotation::Rotated(next))
}

/// `scopes ?? existing?.scopes ?? device.scopes`: what a rotation asks for.
pub(crate) fn rotation_scopes<'a>(
    scopes: Option<&'a Value>,
    old: Option<&'a Value>,
    device: &'a Value,
) -> Option<&'a Value> {
    js::present(scopes).or_else(|| js::present(js::optional_property(old, "scopes"))).or_else(|| device.get("scopes"))
}

/// The result of a revocation.
#[derive(Debug, Clone, PartialEq)]
pub enum TokenRevocation {
    /// The entry of the revoked token.
    Revoked(Record),
    /// There is no such token or, in releases that check it, the record does not list its role.
    Unknown,
    /// The caller lacks this scope of the token.
    MissingScope(String),
}

/// Revokes the token of a role for a caller with these scopes.
///
/// # Errors
/// Returns an error of the store or for an invalid record.
pub fn revoke_token(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    now: i64,
    device_id: &str,
    role: &str,
    caller_scopes: &[String],
) -> Result<TokenRevocation, StoreError> {
    let mut state = PairingState::load(rules.state, DocumentFamily::Devices, documents, now)?;
    let (device_id, role) = (js::trim(device_id), js::trim(role));
    let Some(device) = state.paired.get_truthy(device_id).cloned() else { return Ok(TokenRevocation::Unknown) };
    let old = js::optional_property(device.get("tokens"), role).filter(|old| js::truthy(Some(old)));
    let Some(old) = old.filter(|_| !role.is_empty()) else { return Ok(TokenRevocation::Unknown) };
    if rules.revocation_needs_rotation_scopes {
        if !approved_roles(rules, &device)?.iter().any(|have| have == role) {
            return Ok(TokenRevocation::Unknown);
        }
        let scopes = old.get("scopes").filter(|scopes| scopes.is_array()).or_else(|| device.get("scopes"));
        if let Some(missing) = missing_scope(rules, role, &normalise_scopes(rules, scopes)?, caller_scopes) {
            return Ok(TokenRevocation::MissingScope(missing.clone()));
        }
    }
    let mut entry = js::spread(Some(old));
    js::set(&mut entry, "revokedAtMs", Some(now));
    store_entry(&mut state, device_id, &device, role, entry.clone())?;
    state.persist(documents, ChangedDocuments::Paired)?;
    Ok(TokenRevocation::Revoked(entry))
}

/// The tokens of a record without their secrets, by role. `None` if there are none.
///
/// # Errors
/// Returns an error for a token that is `null`, or for several tokens of which one has no role.
pub fn summarise_tokens(tokens: Option<&Value>) -> Result<Option<Vec<Value>>, StoreError> {
    if !js::truthy(tokens) {
        return Ok(None);
    }
    let mut summaries = Vec::new();
    for token in js::values(tokens)? {
        js::property(Some(&token), "role")?;
        let mut summary = Record::new();
        for key in ["role", "scopes", "createdAtMs", "rotatedAtMs", "revokedAtMs", "lastUsedAtMs"] {
            js::set(&mut summary, key, token.get(key).cloned());
        }
        summaries.push(Value::Object(summary));
    }
    if summaries.len() > 1 {
        for summary in &summaries {
            comparable_role(summary.get("role"))?;
        }
        summaries.sort_by(by_role);
    }
    Ok(Some(summaries).filter(|summaries| !summaries.is_empty()))
}

fn comparable_role(role: Option<&Value>) -> Result<(), TypeError> {
    match js::present(role) {
        Some(Value::String(_)) => Ok(()),
        Some(_) => Err(TypeError("a.role.localeCompare is not a function".to_owned())),
        None => js::property(role, "localeCompare").map(|_| ()),
    }
}

/// `localeCompare` for role names: letters before case.
fn by_role(left: &Value, right: &Value) -> Ordering {
    let text = |value: &Value| value.get("role").and_then(Value::as_str).unwrap_or_default().to_owned();
    let (left, right) = (text(left), text(right));
    left.to_lowercase().cmp(&right.to_lowercase()).then_with(|| right.cmp(&left))
}

/// The values from which a token is created.
pub(super) struct TokenToMint<'a> {
    /// The role that the token is for.
    pub role: &'a str,
    /// The scopes of the token.
    pub scopes: Vec<String>,
    /// The time of the rotation, if it replaced another token.
    pub rotated_at: Option<i64>,
    /// The shared secret that it is bound to.
    pub issuer: Option<Value>,
}

/// The entry of a new token. It keeps the times of the old one's creation and last use, but not its revocation.
pub(super) fn mint(entropy: &mut dyn Entropy, now: i64, minted: TokenToMint<'_>, old: Option<&Value>) -> Record {
    let mut entry = Record::new();
    js::set(&mut entry, "token", Some(ids::token(entropy.token())));
    js::set(&mut entry, "role", Some(minted.role));
    js::set(&mut entry, "scopes", Some(minted.scopes));
    js::set(&mut entry, "issuer", minted.issuer);
    let created = js::present(js::optional_property(old, "createdAtMs")).cloned();
    js::set(&mut entry, "createdAtMs", Some(created.unwrap_or_else(|| json!(now))));
    js::set(&mut entry, "rotatedAtMs", minted.rotated_at);
    js::set(&mut entry, "lastUsedAtMs", js::optional_property(old, "lastUsedAtMs").cloned());
    entry
}

/// The record and the role that a token is minted for.
struct MintContext {
    device: Value,
    role: String,
    old: Option<Value>,
}

impl MintContext {
    fn find(
        rules: &PairingRules,
        state: &PairingState,
        device_id: &str,
        role: &str,
    ) -> Result<Option<Self>, StoreError> {
        let device = state.paired.get_truthy(js::trim(device_id)).cloned();
        let role = js::trim(role).to_owned();
        let Some(device) = device.filter(|_| !role.is_empty()) else { return Ok(None) };
        if rules.token_needs_approved_role && !approved_roles(rules, &device)?.contains(&role) {
            return Ok(None);
        }
        let old = js::optional_property(device.get("tokens"), &role).filter(|old| js::truthy(Some(old)));
        let old = old.cloned();
        Ok(Some(Self { device, role, old }))
    }
}

/// Writes an entry to the record's tokens, and the record under its own id.
fn store_entry(
    state: &mut PairingState,
    key: &str,
    device: &Value,
    role: &str,
    entry: Record,
) -> Result<(), TypeError> {
    let mut tokens = js::spread(device.get("tokens"));
    js::set(&mut tokens, role, Some(entry));
    let mut device = js::spread(Some(device));
    js::set(&mut device, "tokens", Some(tokens));
    state.paired.set_both(key, "deviceId", device)
}

/// The approved scopes of a record. `None` if it has none.
fn baseline(rules: &PairingRules, device: &Value) -> Result<Option<Vec<String>>, StoreError> {
    let scopes = js::present(device.get("approvedScopes")).or_else(|| device.get("scopes"));
    match scopes {
        Some(Value::Array(_)) => Ok(Some(normalise_scopes(rules, scopes)?)),
        _ => Ok(None),
    }
}

fn within_baseline(
    rules: &PairingRules,
    role: &str,
    scopes: Option<&Value>,
    device: &Value,
) -> Result<bool, StoreError> {
    if !rules.tokens_bounded {
        return Ok(true);
    }
    match baseline(rules, device)? {
        Some(approved) => scopes_allow_values(rules, role, scopes, Some(&json!(approved))),
        None => Ok(false),
    }
}

/// Whether a rotation requests only scopes that the record's or the old token's scopes cover: the older rule.
fn within_recorded(rules: &PairingRules, scopes: &[String], context: &MintContext) -> Result<bool, StoreError> {
    let device = &context.device;
    let recorded = js::present(device.get("approvedScopes"))
        .or_else(|| js::present(device.get("scopes")))
        .or_else(|| js::optional_property(context.old.as_ref(), "scopes"));
    let recorded = implied(normalise_scopes(rules, recorded)?);
    Ok(implied(scopes.to_vec()).iter().all(|scope| recorded.contains(scope)))
}

/// Scopes with those that a rotation treats as implied by the older rule.
fn implied(mut scopes: Vec<String>) -> Vec<String> {
    let has = |scope: &str| scopes.iter().any(|have| have == scope);
    let more: &[&str] = match (has("operator.admin"), has("operator.write")) {
        (true, _) => &["operator.read", "operator.write", "operator.approvals", "operator.pairing"],
        (false, true) => &["operator.read"],
        (false, false) => &[],
    };
    scopes.extend(more.iter().map(|scope| (*scope).to_owned()));
    scopes
}

/// Whether a token is the expected one. Blank ones never are.
pub(crate) fn same_secret(provided: &str, expected: Option<&Value>) -> Result<bool, TypeError> {
    if js::trim(provided).is_empty() {
        return Ok(false);
    }
    let expected_text = js::trimmed(expected, "expected")?;
    Ok(!expected_text.is_empty() && expected.and_then(Value::as_str) == Some(provided))
}
