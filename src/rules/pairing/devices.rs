//! Paired devices and pending requests as they stand: list, find, reject, remove, and what a connect writes down.

use super::roles::merge_roles;
use super::scopes::merge_scopes;
use super::state::{StateRules, Table};
use super::{Changed, Family, Fault, PairingRules, State, summarise_tokens};
use crate::store::Documents;
use crate::store::record::{self, Record, TypeFault};
use serde_json::{Value, json};
use std::borrow::Cow;

/// Everything in the device store, newest first.
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
/// An odd record.
pub fn list(rules: &PairingRules, documents: &dyn Documents, now: i64) -> Result<PairingList, Fault> {
    let state = State::load(rules.state, Family::Devices, documents, now)?;
    Ok(PairingList { pending: newest(&state.pending, "ts")?, paired: newest(&state.paired, "approvedAtMs")? })
}

/// A table's records, the latest by this time first.
pub(in crate::rules) fn newest(table: &Table, key: &str) -> Result<Vec<Value>, TypeFault> {
    Ok(record::newest_first(table.values()?, key)?.into_iter().map(Cow::into_owned).collect())
}

/// The record of a device, whatever it looks like. `null` is none.
///
/// # Errors
/// A pending request that is `null`: both documents are read.
pub fn find_paired(
    rules: &PairingRules,
    documents: &dyn Documents,
    now: i64,
    device_id: &str,
) -> Result<Option<Value>, Fault> {
    let state = State::load(rules.state, Family::Devices, documents, now)?;
    Ok(record::present(state.paired.get(record::trim(device_id))).cloned())
}

/// The id under which a device's request is pending now: this one where it still stands, else the newest one with the
/// same key.
///
/// # Errors
/// An odd record.
pub fn live_request_id(
    rules: &PairingRules,
    documents: &dyn Documents,
    now: i64,
    request_id: &str,
    device_id: &str,
    public_key: &str,
) -> Result<Option<String>, Fault> {
    let state = State::load(rules.state, Family::Devices, documents, now)?;
    let pending = record::newest_first(state.pending.values()?, "ts")?;
    // The releases make the whole list for this, and stumble over what they would stumble over there.
    record::newest_first(state.paired.values()?, "approvedAtMs")?;
    let is = |entry: &Value, key: &str, text: &str| entry.get(key).and_then(Value::as_str) == Some(text);
    let exact = pending.iter().find(|entry| is(entry, "requestId", request_id));
    let found = exact.or_else(|| {
        pending.iter().find(|entry| is(entry, "deviceId", device_id) && is(entry, "publicKey", public_key))
    });
    Ok(found.and_then(|entry| entry.get("requestId")).map(|id| record::key_text(Some(id))))
}

/// A pending request, whatever it looks like. What is not true of JavaScript is none.
///
/// # Errors
/// The store, or a pending request that is `null`.
pub fn find_pending(
    rules: &PairingRules,
    documents: &dyn Documents,
    now: i64,
    request_id: &str,
) -> Result<Option<Value>, Fault> {
    let state = State::load(rules.state, Family::Devices, documents, now)?;
    Ok(state.pending.get_truthy(request_id).cloned())
}

/// Drops a pending request and says whose it was. `None` where there is none; `Some(None)` where it names no device.
///
/// # Errors
/// The store, or an odd record.
pub fn reject(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    now: i64,
    request_id: &str,
) -> Result<Option<Option<Value>>, Fault> {
    reject_pending(rules.state, Family::Devices, "deviceId", documents, now, request_id)
}

/// [`reject`] for either family.
pub(in crate::rules) fn reject_pending(
    rules: StateRules,
    family: Family,
    id_key: &str,
    documents: &mut dyn Documents,
    now: i64,
    request_id: &str,
) -> Result<Option<Option<Value>>, Fault> {
    let mut state = State::load(rules, family, documents, now)?;
    let Some(pending) = state.pending.get_truthy(request_id) else { return Ok(None) };
    let owner = pending.get(id_key).cloned();
    state.pending.remove(request_id);
    state.persist(documents, Changed::Pending)?;
    Ok(Some(owner))
}

/// Forgets a paired device. Its normalised id, or `None` where it was not paired.
///
/// # Errors
/// The store, or an odd record.
pub fn remove(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    now: i64,
    device_id: &str,
) -> Result<Option<String>, Fault> {
    let mut state = State::load(rules.state, Family::Devices, documents, now)?;
    let device_id = record::trim(device_id);
    if device_id.is_empty() || state.paired.get_truthy(device_id).is_none() {
        return Ok(None);
    }
    state.paired.remove(device_id);
    if rules.remove_drops_pending {
        let theirs = |pending: &Value| pending.get("deviceId").and_then(Value::as_str) == Some(device_id);
        state.pending.remove_where(theirs);
    }
    state.persist(documents, Changed::Both)?;
    Ok(Some(device_id.to_owned()))
}

/// What a connect that was let in writes into its record. What is absent here is taken out of the record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccessMetadata {
    /// `client.displayName`.
    pub display_name: Option<String>,
    /// `client.id`.
    pub client_id: Option<String>,
    /// `client.mode`.
    pub client_mode: Option<String>,
    /// The role connected as.
    pub role: String,
    /// The scopes connected with.
    pub scopes: Vec<String>,
    /// The client's address where the gateway reports one.
    pub remote_ip: Option<String>,
}

/// Updates a paired record after a connect. Nothing happens where there is none.
///
/// # Errors
/// The store, or an odd record.
pub fn update_metadata(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    now: i64,
    device_id: &str,
    seen: &AccessMetadata,
) -> Result<(), Fault> {
    let mut state = State::load(rules.state, Family::Devices, documents, now)?;
    let Some(existing) = state.paired.get_truthy(record::trim(device_id)).cloned() else { return Ok(()) };
    let mut device = record::spread(Some(&existing));
    record::set(&mut device, "displayName", seen.display_name.as_deref());
    record::set(&mut device, "clientId", seen.client_id.as_deref());
    record::set(&mut device, "clientMode", seen.client_mode.as_deref());
    if rules.connect_leaves_access {
        record::set(&mut device, "remoteIp", seen.remote_ip.as_deref());
    } else {
        let (role, scopes) = (json!(seen.role), json!(seen.scopes));
        let roles = merge_roles(&[existing.get("roles"), existing.get("role"), Some(&role)])?;
        let merged = merge_scopes(rules, &[existing.get("scopes"), Some(&scopes)])?;
        record::set(&mut device, "role", Some(role));
        record::set(&mut device, "scopes", merged);
        record::set(&mut device, "remoteIp", seen.remote_ip.as_deref());
        record::set(&mut device, "roles", roles);
    }
    state.paired.set(device_id, Value::Object(device))?;
    state.persist(documents, Changed::Paired)
}

/// A record as an answer shows it: tokens only as summaries, without the approved scopes.
///
/// # Errors
/// A record that is `null`, or a token that is.
pub fn redact_paired(device: &Value) -> Result<Record, Fault> {
    if device.is_null() {
        return Err(TypeFault("Cannot destructure 'device' as it is null.".to_owned()).into());
    }
    let mut shown = record::spread(Some(device));
    let tokens = shown.shift_remove("tokens");
    shown.shift_remove("approvedScopes");
    record::set(&mut shown, "tokens", summarise_tokens(tokens.as_ref())?);
    Ok(shown)
}
