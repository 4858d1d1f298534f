//! Paired devices and pending requests as they stand: list, find, reject, remove, and what a connect writes down.

use super::bootstrap::forget_device_tokens;
use super::request::shown_pending;
use super::roles::merge_roles;
use super::scopes::merge_scopes;
use super::state::Table;
use super::{Changed, Family, Fault, PairingRules, State, approved_roles, role_scoped, summarise_tokens};
use crate::facts::pairing::StateRules;
use openclaw_protocol::js::{self, Record, TypeFault};
use openclaw_protocol::store::{Documents, StoreFormat};
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
    bear_tokens(rules, &state)?;
    let mut pending = newest(&state.pending, "ts")?;
    if rules.pending_covers {
        for request in &mut pending {
            *request = Value::Object(shown_pending(js::spread(Some(request))));
        }
    }
    Ok(PairingList { pending, paired: newest(&state.paired, "approvedAtMs")? })
}

/// From 2026.9.6 on every record's tokens are looked at whenever the records are listed (`device-pairing-identity.ts`).
fn bear_tokens(rules: &PairingRules, state: &State) -> Result<(), Fault> {
    if rules.format == StoreFormat::Sqlite {
        for device in state.paired.values()? {
            super::effective_roles(rules, &device)?;
        }
    }
    Ok(())
}

/// A table's records, the latest by this time first.
pub(crate) fn newest(table: &Table, key: &str) -> Result<Vec<Value>, TypeFault> {
    Ok(js::newest_first(table.values()?, key)?.into_iter().map(Cow::into_owned).collect())
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
    Ok(js::present(state.paired.get(js::trim(device_id))).cloned())
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
    let pending = js::newest_first(state.pending.values()?, "ts")?;
    // The releases make the whole list for this, and stumble over what they would stumble over there.
    js::newest_first(state.paired.values()?, "approvedAtMs")?;
    bear_tokens(rules, &state)?;
    let is = |entry: &Value, key: &str, text: &str| entry.get(key).and_then(Value::as_str) == Some(text);
    let exact = pending.iter().find(|entry| is(entry, "requestId", request_id));
    let found = exact.or_else(|| {
        pending.iter().find(|entry| is(entry, "deviceId", device_id) && is(entry, "publicKey", public_key))
    });
    Ok(found.and_then(|entry| entry.get("requestId")).map(|id| js::key_text(Some(id))))
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
    let pending = find_pending(rules, documents, now, request_id)?;
    let owner = reject_pending(rules.state, Family::Devices, "deviceId", documents, now, request_id)?;
    if let Some(pending) = pending.filter(|_| rules.bootstrap_pends) {
        forget_device_tokens(rules, documents, now, &pending)?;
    }
    Ok(owner)
}

/// [`reject`] for either family.
pub(crate) fn reject_pending(
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
    let device_id = js::trim(device_id);
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

/// Takes a role from a paired device and from what it asks for; a device without any other is forgotten. Its normalised id,
/// or `None` where it had no such role (`removePairedDeviceRole`, 2026.6.11 on).
///
/// # Errors
/// The store, or an odd record.
pub fn remove_role(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    now: i64,
    device_id: &str,
    role: &str,
) -> Result<Option<String>, Fault> {
    let mut state = State::load(rules.state, Family::Devices, documents, now)?;
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
        state.persist(documents, Changed::Both)?;
        return Ok(Some(device_id.to_owned()));
    }
    for pending in
        state.pending.values()?.into_iter().filter(|pending| theirs(pending)).map(Cow::into_owned).collect::<Vec<_>>()
    {
        let asked = approved_roles(rules, &pending)?;
        if !asked.iter().any(|have| have == role) {
            continue;
        }
        let key = js::key_text(pending.get("requestId"));
        let left: Vec<String> = asked.into_iter().filter(|have| have != role).collect();
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
    state.persist(documents, Changed::Both)?;
    Ok(Some(device_id.to_owned()))
}

/// The scopes that belong to these roles, once each.
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

/// How long a silent pairing is spared after its approval, in milliseconds (`PRUNE_RECENT_APPROVAL_GRACE_MS`).
const SPARED_MS: f64 = 60_000.0;

/// Takes away the silent pairings of other devices whose client looks like that of this one, unless they are new or connected.
/// Their ids and roles (`pruneSupersededSilentPairedDevices`, 2026.9.6 on).
///
/// # Errors
/// The store, or an odd record.
pub fn prune_silent(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    now: i64,
    device_id: &str,
    connected: &[String],
) -> Result<Vec<(String, Vec<String>)>, Fault> {
    let mut state = State::load(rules.state, Family::Devices, documents, now)?;
    let silent = |device: &Value| device.get("approvedVia").and_then(Value::as_str) == Some("silent");
    let Some(anchor) = state.paired.get_truthy(js::trim(device_id)).filter(|anchor| silent(anchor)) else {
        return Ok(Vec::new());
    };
    let Some(look) = look(anchor) else { return Ok(Vec::new()) };
    let mut gone = Vec::new();
    for device in state.paired.values()?.iter().filter(|device| silent(device)) {
        let id = js::key_text(device.get("deviceId"));
        // Exact for every time of this millennium.
        #[allow(clippy::cast_precision_loss)]
        let age = now as f64 - js::number(device.get("approvedAtMs"));
        let spared = id == js::trim(device_id) || age < SPARED_MS || connected.contains(&id);
        if !spared && self::look(device).as_ref() == Some(&look) {
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
    state.persist(documents, Changed::Both)?;
    Ok(gone)
}

/// What makes clients look alike: id, mode and name. `None` where a record says none of them.
fn look(device: &Value) -> Option<[String; 3]> {
    let text = |key: &str| {
        device.get(key).and_then(Value::as_str).map(|text| js::trim(text).to_lowercase()).unwrap_or_default()
    };
    let look = ["clientId", "clientMode", "displayName"].map(text);
    look.iter().any(|part| !part.is_empty()).then_some(look)
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
    /// The platform that the record is to name from now on.
    pub refreshed_platform: Option<String>,
    /// What it was seen at, where that is no connect.
    pub reason: Option<&'static str>,
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
    let Some(existing) = state.paired.get_truthy(js::trim(device_id)).cloned() else { return Ok(()) };
    let mut device = js::spread(Some(&existing));
    js::set(&mut device, "displayName", seen.display_name.as_deref());
    if let Some(platform) = &seen.refreshed_platform {
        js::set(&mut device, "platform", Some(platform.as_str()));
    }
    if !rules.last_seen {
        js::set(&mut device, "clientId", seen.client_id.as_deref());
        js::set(&mut device, "clientMode", seen.client_mode.as_deref());
    }
    if rules.connect_leaves_access {
        js::set(&mut device, "remoteIp", seen.remote_ip.as_deref());
        if rules.last_seen {
            js::set(&mut device, "lastSeenAtMs", Some(now));
            js::set(&mut device, "lastSeenReason", Some("connect"));
        }
    } else {
        let (role, scopes) = (json!(seen.role), json!(seen.scopes));
        let roles = merge_roles(rules, &[existing.get("roles"), existing.get("role"), Some(&role)])?;
        let merged = merge_scopes(rules, &[existing.get("scopes"), Some(&scopes)])?;
        js::set(&mut device, "role", Some(role));
        js::set(&mut device, "scopes", merged);
        js::set(&mut device, "remoteIp", seen.remote_ip.as_deref());
        js::set(&mut device, "roles", roles);
    }
    state.paired.set(device_id, Value::Object(device))?;
    state.persist(documents, Changed::Paired)
}

/// Gives a paired device the name that its owner chose. `false` where it is not paired
/// (`updatePairedDeviceMetadata`, 2026.9.6 on).
///
/// # Errors
/// The store, or an odd record.
pub fn rename(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    now: i64,
    device_id: &str,
    label: &str,
) -> Result<bool, Fault> {
    change(rules, documents, now, device_id, |device| js::set(device, LABEL, Some(label)))
}

/// Notes that a paired device has said as a node that it is alive. `false` where it is not paired (2026.5.7 on).
///
/// # Errors
/// The store, or an odd record.
pub fn note_life(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    now: i64,
    device_id: &str,
    reason: &str,
) -> Result<bool, Fault> {
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
) -> Result<bool, Fault> {
    let mut state = State::load(rules.state, Family::Devices, documents, now)?;
    let device_id = js::trim(device_id);
    let Some(device) = state.paired.get_truthy(device_id) else { return Ok(false) };
    let mut device = js::spread(Some(device));
    apply(&mut device);
    state.paired.set(device_id, Value::Object(device))?;
    state.persist(documents, Changed::Paired)?;
    Ok(true)
}

/// The name that its owner gave a device.
pub(super) const LABEL: &str = "operatorLabel";

/// A record as an answer shows it: tokens only as summaries, mostly without the approved scopes.
///
/// # Errors
/// A record that is `null`, or a token that is.
pub fn redact_paired(rules: &PairingRules, device: &Value) -> Result<Record, Fault> {
    if device.is_null() {
        return Err(TypeFault("Cannot destructure 'device' as it is null.".to_owned()).into());
    }
    let mut shown = js::spread(Some(device));
    let tokens = shown.shift_remove("tokens");
    if rules.approved_scopes_kept {
        shown.shift_remove("approvedScopes");
    }
    js::set(&mut shown, "tokens", summarise_tokens(tokens.as_ref())?);
    Ok(shown)
}
