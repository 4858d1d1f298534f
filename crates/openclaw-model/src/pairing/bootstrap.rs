//! Bootstrap tokens (`devices/bootstrap.json`): what a setup code allows a new device to do once.

mod entry;
mod profile;

use self::entry::{Entry, Tokens, comparable_key};
pub use self::profile::{BootstrapProfile, Purpose};
use self::profile::{OWNER_SCOPES, handed_off_scopes};
use super::{PairingRules, StoreError, role_scoped};
use openclaw_protocol::js;
use openclaw_protocol::store::Documents;
use serde_json::{Value, json};

/// A device that presents a bootstrap token.
#[derive(Debug, Clone, Copy)]
pub struct BootstrapRequest<'a> {
    /// The bootstrap token that the device presents.
    pub token: &'a str,
    /// Device id.
    pub device_id: &'a str,
    /// Public key.
    pub public_key: &'a str,
    /// The requested role.
    pub role: &'a str,
    /// The requested scopes.
    pub scopes: &'a [String],
}

/// Whether a bootstrap token admits this device with this role and these scopes. If it does, the token is consumed or
/// bound to the device, depending on the release.
///
/// # Errors
/// Returns an error of the store or for an invalid entry.
pub fn verify_bootstrap_token(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    now: i64,
    request: BootstrapRequest<'_>,
) -> Result<bool, StoreError> {
    let mut state = Tokens::load(rules, documents, now)?;
    let Some(at) = state.find(request.token)? else { return Ok(false) };
    let device_id = js::trim(request.device_id);
    let public_key = comparable_key(rules, request.public_key);
    let role = js::trim(request.role);
    if device_id.is_empty() || public_key.is_empty() || role.is_empty() {
        return Ok(false);
    }
    if !rules.bootstrap_profiles {
        // The entry is found by its token, and keeps its key even if the key differs.
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
        let requested =
            BootstrapProfile { roles: vec![role.to_owned()], scopes: request.scopes.to_vec(), purpose: None };
        let requested = requested.normalised(rules);
        if requested != entry.profile {
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
    if rules.bootstrap_stores_request && !keep_request(rules, entry, role, request.scopes) {
        return Ok(false);
    }
    entry.device_id = Some(device_id.to_owned());
    entry.public_key = Some(public_key);
    entry.last_used = Some(json!(now));
    entry.used = true;
    state.persist(documents)?;
    Ok(true)
}

/// Keeps the first request of a token for its approval. Returns whether the request is the one that a token bound to a
/// device keeps.
fn keep_request(rules: &PairingRules, entry: &mut Entry, role: &str, scopes: &[String]) -> bool {
    let purpose = entry.profile.purpose;
    let scopes = handed_off_scopes(rules, role, scopes, purpose);
    let requested = BootstrapProfile { roles: vec![role.to_owned()], scopes, purpose }.normalised(rules);
    let bound = entry.device_id.as_deref().is_some_and(|id| !js::trim(id).is_empty())
        || entry.public_key.as_deref().is_some_and(|key| !js::trim(key).is_empty());
    if bound && entry.pending.as_ref().is_some_and(|pending| *pending != requested) {
        return false;
    }
    // The first stored request is written last.
    entry.pending_is_new = entry.pending.is_none();
    let pending = if bound { entry.pending.take() } else { None };
    entry.pending = Some(pending.unwrap_or(requested));
    true
}

/// Deletes a bootstrap token. Returns whether it existed.
///
/// # Errors
/// Returns an error of the store or for an invalid entry.
pub fn revoke_bootstrap_token(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    now: i64,
    token: &str,
) -> Result<bool, StoreError> {
    let mut state = Tokens::load(rules, documents, now)?;
    let Some(at) = state.find(token)? else { return Ok(false) };
    state.entries.remove(at);
    state.persist(documents)?;
    Ok(true)
}

/// Deletes the bootstrap tokens that are bound to the device of a rejected request.
///
/// # Errors
/// Returns an error of the store or for an invalid entry.
pub(super) fn forget_device_tokens(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    now: i64,
    rejected: &Value,
) -> Result<(), StoreError> {
    let device_id = js::trimmed(rejected.get("deviceId"), "deviceId")?;
    let public_key = comparable_key(rules, js::trimmed(rejected.get("publicKey"), "publicKey")?);
    if device_id.is_empty() || public_key.is_empty() {
        return Ok(());
    }
    let mut state = Tokens::load(rules, documents, now)?;
    let before = state.entries.len();
    state.entries.retain(|(_, entry)| {
        entry.device_id.as_deref().map(js::trim) != Some(device_id)
            || entry.public_key.as_deref().map(|key| comparable_key(rules, key)).as_ref() != Some(&public_key)
    });
    if state.entries.len() == before { Ok(()) } else { state.persist(documents) }
}

/// The profile of a bootstrap token, regardless of the device that presents it.
///
/// # Errors
///
/// Returns an error for an invalid entry.
pub fn bootstrap_profile(
    rules: &PairingRules,
    documents: &dyn Documents,
    now: i64,
    token: &str,
) -> Result<Option<BootstrapProfile>, StoreError> {
    let state = Tokens::load(rules, documents, now)?;
    Ok(state.find(token)?.map(|at| state.entries[at].1.profile.clone()))
}

/// The profile of a bootstrap token that is bound to this device.
///
/// # Errors
/// Returns an error for an invalid entry.
pub fn bound_bootstrap_profile(
    rules: &PairingRules,
    documents: &dyn Documents,
    now: i64,
    token: &str,
    device_id: &str,
    public_key: &str,
) -> Result<Option<BootstrapProfile>, StoreError> {
    let state = Tokens::load(rules, documents, now)?;
    let Some(at) = state.find(token)? else { return Ok(None) };
    let entry = &state.entries[at].1;
    let (device_id, public_key) = (js::trim(device_id), comparable_key(rules, public_key));
    let bound = !device_id.is_empty()
        && !public_key.is_empty()
        && entry.device_id.as_deref().map(js::trim) == Some(device_id)
        && entry.public_key.as_deref().map(|key| comparable_key(rules, key)) == Some(public_key);
    Ok(bound.then(|| entry.profile.clone()))
}

/// Records a role and its scopes as redeemed. Returns whether the whole profile is redeemed. `false`
/// also if the token does not exist.
///
/// # Errors
/// Returns an error of the store or for an invalid entry.
pub fn redeem_bootstrap_profile(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    now: i64,
    token: &str,
    role: &str,
    scopes: &[String],
) -> Result<bool, StoreError> {
    let mut state = Tokens::load(rules, documents, now)?;
    let Some(at) = state.find(token)? else { return Ok(false) };
    let entry = &mut state.entries[at].1;
    let mut redeemed = entry.redeemed.clone().unwrap_or_default();
    redeemed.purpose = entry.profile.purpose;
    redeemed.roles.push(role.to_owned());
    redeemed.scopes.extend(match rules.bootstrap_hands_on_only {
        true => handed_off_scopes(rules, role, scopes, redeemed.purpose),
        false => role_scoped(role, scopes.to_vec()),
    });
    let redeemed = redeemed.normalised(rules);
    let whole = redeemed.satisfies(rules, &entry.profile);
    if entry.pending.as_ref().is_some_and(|pending| redeemed.satisfies(rules, pending)) {
        entry.pending = None;
    }
    entry.redeemed = Some(redeemed);
    (entry.used, entry.redeems) = (true, true);
    state.persist(documents)?;
    Ok(whole)
}
