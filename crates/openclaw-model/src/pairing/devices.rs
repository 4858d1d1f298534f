//! Operations on paired devices and pending requests: list, find, reject, remove, and the update after a connect.

use super::bootstrap::forget_device_tokens;
use super::request::shown_pending;
use super::roles::merge_roles;
use super::scopes::merge_scopes;
use super::state::RecordMap;
use super::{
    ChangedDocuments, DocumentFamily, PairingRules, PairingState, StoreError, approved_roles, role_scoped,
    summarise_tokens,
};
use crate::facts::pairing::StateRules;
use openclaw_protocol::js::{self, Record, TypeError};
use openclaw_protocol::store::{Documents, StoreFormat};
use serde_json::{Value, json};
use std::borrow::Cow;

/// The contents of the device store, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct PairingList {
    /// Pending requests.
    pub pending: Vec<Value>,
    /// Paired records, with their tokens.
    pub paired: Vec<Value>,
}

/// Lists the device store.
///
/// # Errors
/// Returns an error for an invalid record.
pub fn list(rules: &PairingRules, documents: &dyn Documents, now: i64) -> Result<PairingList, StoreError> {
    let state = PairingState::load(rules.state, DocumentFamily::Devices, documents, now)?;
    check_tokens(rules, &state)?;
    let mut pending = newest(&state.pending, "ts")?;
    if rules.pending_covers {
        for request in &mut pending {
            *request = Value::Object(shown_pending(js::spread(Some(request))));
        }
    }
    Ok(PairingList { pending, paired: newest(&state.paired, "approvedAtMs")? })
}

/// In the database, listing the records reads the tokens of every record (`device-pairing-identity.ts`).
fn check_tokens(rules: &PairingRules, state: &PairingState) -> Result<(), StoreError> {
    if rules.format == StoreFormat::Sqlite {
        for device in state.paired.values()? {
            super::effective_roles(rules, &device)?;
        }
    }
    Ok(())
}

/// A table's records, the latest by this time first.
pub(crate) fn newest(table: &RecordMap, key: &str) -> Result<Vec<Value>, TypeError> {
    Ok(js::newest_first(table.values()?, key)?.into_iter().map(Cow::into_owned).collect())
}

/// The record of a device, valid or not. `null` counts as none.
///
/// # Errors
/// Returns an error for a pending request that is `null`, because both documents are read.
pub fn find_paired(
    rules: &PairingRules,
    documents: &dyn Documents,
    now: i64,
    device_id: &str,
) -> Result<Option<Value>, StoreError> {
    let state = PairingState::load(rules.state, DocumentFamily::Devices, documents, now)?;
    Ok(js::present(state.paired.get(js::trim(device_id))).cloned())
}

/// The id of a device's pending request: this one if it still exists, or the newest one with the same key.
///
/// # Errors
/// Returns an error for an invalid record.
pub fn live_request_id(
    rules: &PairingRules,
    documents: &dyn Documents,
    now: i64,
    request_id: &str,
    device_id: &str,
    public_key: &str,
) -> Result<Option<String>, StoreError> {
    let state = PairingState::load(rules.state, DocumentFamily::Devices, documents, now)?;
    let pending = js::newest_first(state.pending.values()?, "ts")?;
    // The releases make the whole list for this, and stumble over what they would stumble over there.
    js::newest_first(state.paired.values()?, "approvedAtMs")?;
    check_tokens(rules, &state)?;
    let is = |entry: &Value, key: &str, text: &str| entry.get(key).and_then(Value::as_str) == Some(text);
    let exact = pending.iter().find(|entry| is(entry, "requestId", request_id));
    let found = exact.or_else(|| {
        pending.iter().find(|entry| is(entry, "deviceId", device_id) && is(entry, "publicKey", public_key))
    });
    Ok(found.and_then(|entry| entry.get("requestId")).map(|id| js::key_text(Some(id))))
}

/// A pending request, valid or not. A value that JavaScript treats as false counts as none.
///
/// # Errors
/// Returns an error of the store, or for a pending request that is `null`.
pub fn find_pending(
    rules: &PairingRules,
    documents: &dyn Documents,
    now: i64,
    request_id: &str,
) -> Result<Option<Value>, StoreError> {
    let state = PairingState::load(rules.state, DocumentFamily::Devices, documents, now)?;
    Ok(state.pending.get_truthy(request_id).cloned())
}

/// Removes a pending request and returns its device. `None` if it does not exist, and `Some(None)` if it names no
/// device.
///
/// # Errors
/// Returns an error of the store or for an invalid record.
pub fn reject(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    now: i64,
    request_id: &str,
) -> Result<Option<Option<Value>>, StoreError> {
    let pending = find_pending(rules, documents, now, request_id)?;
    let owner = reject_pending(rules.state, DocumentFamily::Devices, "deviceId", documents, now, request_id)?;
    if let Some(pending) = pending.filter(|_| rules.bootstrap_stores_request) {
        forget_device_tokens(rules, documents, now, &pending)?;
    }
    Ok(owner)
}

/// [`reject`] for either family.
pub(crate) fn reject_pending(
    rules: StateRules,
    family: DocumentFamily,
    id_key: &str,
    documents: &mut dyn Documents,
    now: i64,
    request_id: &str,
) -> Result<Option<Option<Value>>, StoreError> {
    let mut state = PairingState::load(rules, family, documents, now)?;
    let Some(pending) = state.pending.get_truthy(request_id) else { return Ok(None) };
    let owner = pending.get(id_key).cloned();
    state.pending.remove(request_id);
    state.persist(documents, ChangedDocuments::Pending)?;
    Ok(Some(owner))
}

/// Removes a paired device. Returns its normalized id, or `None` if it was not paired.
///
/// # Errors
/// Returns an error of the store or for an invalid record.
pub fn remove(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    now: i64,
    device_id: &str,
) -> Result<Option<String>, StoreError> {
    let mut state = PairingState::load(rules.state, DocumentFamily::Devices, documents, now)?;
    let device_id = js::trim(device_id);
    if device_id.is_empty() || state.paired.get_truthy(device_id).is_none() {
        return Ok(None);
    }
    state.paired.remove(device_id);
    if rules.remove_drops_pending {
        let theirs = |pending: &Value| pending.get("deviceId").and_then(Value::as_str) == Some(device_id);
        state.pending.remove_where(theirs);
    }
    state.persist(documents, ChangedDocuments::Both)?;
    Ok(Some(device_id.to_owned()))
}

/// Removes a role from a paired device and from its requests. A device without another role is removed. Returns its
/// normalized id, or `None` if it had no such role (`removePairedDeviceRole`).
///
/// # Errors
/// Returns an error of the store or for an invalid record.
pub fn remove_role(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    now: i64,
    device_id: &str,
    role: &str,
) -> Result<Option<String>, StoreError> {
    let mut state = PairingState::load(rules.state, DocumentFamily::Devices, documents, now)?;
    let device_id = js::trim(device_id);
    let Some(device) = state.paired.get_truthy(device_id).cloned() else { return Ok(None) };
    let roles = approved_roles(rules, &device)?;
    if !roles.iter().any(|have| have == role) {
        return Ok(None);
    }
    let remaining: Vec<String> = roles.into_iter().filter(|have| have != role).collect();
    let theirs = |pending: &Value| pending.get("deviceId").and_then(Value::as_str) == Some(device_id);
    if remaining.is_empty() {
        state.paired.remove(device_id);
        state.pending.remove_where(theirs);
        state.persist(documents, ChangedDocuments::Both)?;
        return Ok(Some(device_id.to_owned()));
    }
    for pending in
        state.pending.values()?.into_iter().filter(|pending| theirs(pending)).map(Cow::into_owned).collect::<Vec<_>>()
    {
        let requested_roles = approved_roles(rules, &pending)?;
        if !requested_roles.iter().any(|have| have == role) {
            continue;
        }
        let key = js::key_text(pending.get("requestId"));
        let left: Vec<String> = requested_roles.into_iter().filter(|have| have != role).collect();
        let Some(first) = left.first().cloned() else {
            state.pending.remove(&key);
            continue;
        };
        let mut next = js::spread(Some(&pending));
        let scopes = pending.get("scopes").filter(|scopes| scopes.is_array());
        js::set(&mut next, "role", Some(first));
        js::set(&mut next, "scopes", scopes.map(|scopes| scopes_of(&left, scopes)));
        js::set(&mut next, "roles", Some(left));
        state.pending.set(&key, Value::Object(next))?;
    }
    let mut next = js::spread(Some(&device));
    let baseline = js::present(device.get("approvedScopes")).or_else(|| device.get("scopes"));
    if let Some(baseline) = baseline.filter(|baseline| baseline.is_array()) {
        let kept = scopes_of(&remaining, baseline);
        js::set(&mut next, "scopes", Some(kept.clone()));
        js::set(&mut next, "approvedScopes", Some(kept));
    }
    let mut tokens = js::spread(device.get("tokens"));
    tokens.shift_remove(role);
    js::set(&mut next, "role", remaining.first().cloned());
    js::set(&mut next, "roles", Some(remaining));
    js::set(&mut next, "tokens", Some(tokens).filter(|tokens| !tokens.is_empty()));
    state.paired.set(device_id, Value::Object(next))?;
    state.persist(documents, ChangedDocuments::Both)?;
    Ok(Some(device_id.to_owned()))
}

/// The scopes that belong to these roles, without duplicates.
fn scopes_of(roles: &[String], scopes: &Value) -> Vec<String> {
    let texts = scopes.as_array().into_iter().flatten().filter_map(Value::as_str).map(js::trim);
    let texts: Vec<String> = texts.filter(|text| !text.is_empty()).map(str::to_owned).collect();
    let mut kept: Vec<String> = Vec::new();
    for scope in roles.iter().flat_map(|role| role_scoped(role, texts.clone())) {
        if !kept.contains(&scope) {
            kept.push(scope);
        }
    }
    kept
}

/// The time after its approval during which a silent pairing is not removed, in milliseconds
/// (`PRUNE_RECENT_APPROVAL_GRACE_MS`).
const PRUNE_GRACE_MS: f64 = 60_000.0;

/// Removes the silent pairings of other devices with a similar client, unless they are new or connected. Returns their
/// ids and roles (`pruneSupersededSilentPairedDevices`).
///
/// # Errors
/// Returns an error of the store or for an invalid record.
pub fn prune_silent(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    now: i64,
    device_id: &str,
    connected: &[String],
) -> Result<Vec<(String, Vec<String>)>, StoreError> {
    let mut state = PairingState::load(rules.state, DocumentFamily::Devices, documents, now)?;
    let silent = |device: &Value| device.get("approvedVia").and_then(Value::as_str) == Some("silent");
    let Some(anchor) = state.paired.get_truthy(js::trim(device_id)).filter(|anchor| silent(anchor)) else {
        return Ok(Vec::new());
    };
    let Some(key) = similarity_key(anchor) else { return Ok(Vec::new()) };
    let mut gone = Vec::new();
    for device in state.paired.values()?.iter().filter(|device| silent(device)) {
        let id = js::key_text(device.get("deviceId"));
        // Exact for every time of this millennium.
        #[allow(clippy::cast_precision_loss)]
        let age = now as f64 - js::number(device.get("approvedAtMs"));
        let spared = id == js::trim(device_id) || age < PRUNE_GRACE_MS || connected.contains(&id);
        if !spared && similarity_key(device).as_ref() == Some(&key) {
            gone.push((id, approved_roles(rules, device)?));
        }
    }
    if gone.is_empty() {
        return Ok(gone);
    }
    for (id, _) in &gone {
        state.paired.remove(id);
        state.pending.remove_where(|pending| pending.get("deviceId").and_then(Value::as_str) == Some(id));
    }
    state.persist(documents, ChangedDocuments::Both)?;
    Ok(gone)
}

/// The fields that make clients similar: id, mode and name. `None` if a record has none of them.
fn similarity_key(device: &Value) -> Option<[String; 3]> {
    let text = |key: &str| {
        device.get(key).and_then(Value::as_str).map(|text| js::trim(text).to_lowercase()).unwrap_or_default()
    };
    let look = ["clientId", "clientMode", "displayName"].map(text);
    look.iter().any(|part| !part.is_empty()).then_some(look)
}

/// The values that a successful connect writes to its record. Absent values are removed from the record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccessMetadata {
    /// `client.displayName`.
    pub display_name: Option<String>,
    /// `client.id`.
    pub client_id: Option<String>,
    /// `client.mode`.
    pub client_mode: Option<String>,
    /// The role of the connect.
    pub role: String,
    /// The scopes of the connect.
    pub scopes: Vec<String>,
    /// The client's address, if the gateway reports one.
    pub remote_ip: Option<String>,
    /// The platform to store in the record.
    pub refreshed_platform: Option<String>,
    /// The reason for the last contact, if it was not a connect.
    pub reason: Option<&'static str>,
}

/// Updates a paired record after a connect. Does nothing if there is no record.
///
/// # Errors
/// Returns an error of the store or for an invalid record.
pub fn update_metadata(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    now: i64,
    device_id: &str,
    metadata: &AccessMetadata,
) -> Result<(), StoreError> {
    let mut state = PairingState::load(rules.state, DocumentFamily::Devices, documents, now)?;
    let Some(existing) = state.paired.get_truthy(js::trim(device_id)).cloned() else { return Ok(()) };
    let mut device = js::spread(Some(&existing));
    js::set(&mut device, "displayName", metadata.display_name.as_deref());
    if let Some(platform) = &metadata.refreshed_platform {
        js::set(&mut device, "platform", Some(platform.as_str()));
    }
    if !rules.last_seen {
        js::set(&mut device, "clientId", metadata.client_id.as_deref());
        js::set(&mut device, "clientMode", metadata.client_mode.as_deref());
    }
    if rules.connect_leaves_access {
        js::set(&mut device, "remoteIp", metadata.remote_ip.as_deref());
        if rules.last_seen {
            js::set(&mut device, "lastSeenAtMs", Some(now));
            js::set(&mut device, "lastSeenReason", Some("connect"));
        }
    } else {
        let (role, scopes) = (json!(metadata.role), json!(metadata.scopes));
        let roles = merge_roles(rules, &[existing.get("roles"), existing.get("role"), Some(&role)])?;
        let merged = merge_scopes(rules, &[existing.get("scopes"), Some(&scopes)])?;
        js::set(&mut device, "role", Some(role));
        js::set(&mut device, "scopes", merged);
        js::set(&mut device, "remoteIp", metadata.remote_ip.as_deref());
        js::set(&mut device, "roles", roles);
    }
    state.paired.set(device_id, Value::Object(device))?;
    state.persist(documents, ChangedDocuments::Paired)
}

/// Sets the owner's name for a paired device. `false` if it is not paired (`updatePairedDeviceMetadata`).
///
/// # Errors
/// Returns an error of the store or for an invalid record.
pub fn rename(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    now: i64,
    device_id: &str,
    label: &str,
) -> Result<bool, StoreError> {
    change(rules, documents, now, device_id, |device| js::set(device, LABEL, Some(label)))
}

/// Records that a paired device reported as a node that it is alive. `false` if it is not paired.
///
/// # Errors
/// Returns an error of the store or for an invalid record.
pub fn note_life(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    now: i64,
    device_id: &str,
    reason: &str,
) -> Result<bool, StoreError> {
    change(rules, documents, now, device_id, |device| {
        js::set(device, "lastSeenAtMs", Some(now));
        js::set(device, "lastSeenReason", Some(reason));
    })
}

fn change(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    now: i64,
    device_id: &str,
    apply: impl FnOnce(&mut Record),
) -> Result<bool, StoreError> {
    let mut state = PairingState::load(rules.state, DocumentFamily::Devices, documents, now)?;
    let device_id = js::trim(device_id);
    let Some(device) = state.paired.get_truthy(device_id) else { return Ok(false) };
    let mut device = js::spread(Some(device));
    apply(&mut device);
    state.paired.set(device_id, Value::Object(device))?;
    state.persist(documents, ChangedDocuments::Paired)?;
    Ok(true)
}

/// The field with the owner's name for a device.
pub(super) const LABEL: &str = "operatorLabel";

/// A record as an answer shows it: with summaries of tokens and, in most releases, without the approved scopes.
///
/// # Errors
/// Returns an error for a record or a token that is `null`.
pub fn redact_paired(rules: &PairingRules, device: &Value) -> Result<Record, StoreError> {
    if device.is_null() {
        return Err(TypeError("Cannot destructure 'device' as it is null.".to_owned()).into());
    }
    let mut shown = js::spread(Some(device));
    let tokens = shown.shift_remove("tokens");
    if rules.approved_scopes_kept {
        shown.shift_remove("approvedScopes");
    }
    js::set(&mut shown, "tokens", summarise_tokens(tokens.as_ref())?);
    Ok(shown)
}
