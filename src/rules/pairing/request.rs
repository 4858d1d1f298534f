//! A device asks to be paired: a new pending request, a refreshed one, or one that replaces what was pending.

use super::roles::{merge_roles, normalise_role};
use super::scopes::merge_scopes;
use super::{Changed, Family, Fault, PairingRules, State, normalise_scopes};
use crate::protocol::ids;
use crate::rules::Entropy;
use crate::store::Documents;
use crate::store::record::{self, Record, TypeFault};
use serde_json::{Value, json};
use std::borrow::Cow;

/// What a connecting device asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PairingRequest {
    /// Device id.
    pub device_id: String,
    /// Public key as the gateway keeps it.
    pub public_key: String,
    /// `client.displayName`.
    pub display_name: Option<String>,
    /// `client.platform`.
    pub platform: Option<String>,
    /// `client.deviceFamily`.
    pub device_family: Option<String>,
    /// `client.id`.
    pub client_id: Option<String>,
    /// `client.mode`.
    pub client_mode: Option<String>,
    /// The role asked for.
    pub role: String,
    /// All roles asked for, where they are more than the one.
    pub roles: Vec<String>,
    /// The scopes asked for, in the order they came in.
    pub scopes: Vec<String>,
    /// The client's address where the gateway reports one.
    pub remote_ip: Option<String>,
    /// Whether it may be approved at once.
    pub silent: bool,
}

/// The pending request that came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Requested {
    /// The pending request as written.
    pub request: Record,
    /// Whether it is a new one, which is announced to the approvers.
    pub created: bool,
    /// The ids of the requests that it replaced.
    pub superseded: Vec<String>,
}

impl Requested {
    /// Its id.
    pub fn request_id(&self) -> String {
        record::key_text(self.request.get("requestId"))
    }

    /// Whether it may be approved at once. A silent request that meets one waiting for a person is not silent any more.
    pub fn silent(&self) -> bool {
        self.request.get("silent") == Some(&Value::Bool(true))
    }
}

/// Writes down that a device asks to be paired.
///
/// The same key, role and scopes as the one pending request refresh it under its id; anything else replaces all pending
/// requests of the device under a new id with merged roles and scopes.
///
/// # Errors
/// The store, or an odd record.
pub fn request(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    entropy: &mut dyn Entropy,
    now: i64,
    incoming: &PairingRequest,
) -> Result<Requested, Fault> {
    let mut state = State::load(rules.state, Family::Devices, documents, now)?;
    let device_id = record::trim(&incoming.device_id);
    if device_id.is_empty() {
        return Err(Fault::Refused("deviceId required"));
    }
    let is_repair = state.paired.get_truthy(device_id).is_some();
    let mut existing = state.pending.values()?;
    existing.retain(|pending| pending.get("deviceId").and_then(Value::as_str) == Some(device_id));
    let existing: Vec<Value> = record::newest_first(existing, "ts")?.into_iter().map(Cow::into_owned).collect();
    let requested = match existing.as_slice() {
        [single] if same_request(single, incoming)? || rules.pending_covers && covered(rules, single, incoming)? => {
            let request = refreshed(rules, single, incoming, is_repair, now);
            Requested { request, created: false, superseded: Vec::new() }
        }
        _ => {
            for pending in &existing {
                state.pending.remove(&record::key_text(pending.get("requestId")));
            }
            let request_id = ids::uuid(entropy.uuid());
            let request = replacement(rules, &existing, incoming, device_id, is_repair, request_id, now)?;
            let superseded = existing.iter().map(|pending| record::key_text(pending.get("requestId"))).collect();
            Requested { request, created: true, superseded }
        }
    };
    state.pending.set(&requested.request_id(), Value::Object(requested.request.clone()))?;
    state.persist(documents, Changed::Pending)?;
    Ok(Requested { request: shown_pending(requested.request), ..requested })
}

fn same_request(existing: &Value, incoming: &PairingRequest) -> Result<bool, Fault> {
    if existing.get("publicKey").and_then(Value::as_str) != Some(incoming.public_key.as_str()) {
        return Ok(false);
    }
    let role = json!(incoming.role);
    if normalise_role(existing.get("role"))? != normalise_role(Some(&role))? {
        return Ok(false);
    }
    let roles = merge_roles(&[existing.get("roles"), existing.get("role")])?.unwrap_or_default();
    if !same_set(&roles, &merge_roles(&[Some(&json!(incoming.roles)), Some(&role)])?.unwrap_or_default()) {
        return Ok(false);
    }
    Ok(same_set(&normalise_scopes(existing.get("scopes"))?, &super::normalised_scopes(&incoming.scopes)))
}

/// Whether the pending request asks for all that this one asks for, and more (2026.7.35 on).
fn covered(rules: &PairingRules, existing: &Value, incoming: &PairingRequest) -> Result<bool, Fault> {
    if existing.get("publicKey").and_then(Value::as_str) != Some(incoming.public_key.as_str()) {
        return Ok(false);
    }
    let role = json!(incoming.role);
    if normalise_role(existing.get("role"))? != normalise_role(Some(&role))? {
        return Ok(false);
    }
    let asked = merge_roles(&[Some(&json!(incoming.roles)), Some(&role)])?.unwrap_or_default();
    let pending = merge_roles(&[existing.get("roles"), existing.get("role")])?.unwrap_or_default();
    let granted = normalise_scopes(existing.get("scopes"))?;
    let borne = |scope: &String| {
        asked.iter().any(|role| super::scopes_allow(rules, role, std::slice::from_ref(scope), &granted))
    };
    Ok(asked.iter().all(|role| pending.contains(role)) && super::normalised_scopes(&incoming.scopes).iter().all(borne))
}

/// A pending request as everybody sees it: without the time of its last repetition.
pub(super) fn shown_pending(mut request: Record) -> Record {
    request.shift_remove(REFRESHED);
    request
}

/// When a pending request was last repeated.
pub(super) const REFRESHED: &str = "refreshedAtMs";

fn same_set(left: &[String], right: &[String]) -> bool {
    left.len() == right.len() && left.iter().all(|value| right.contains(value))
}

fn refreshed(rules: &PairingRules, existing: &Value, incoming: &PairingRequest, is_repair: bool, now: i64) -> Record {
    let mut request = record::spread(Some(existing));
    record::set(&mut request, "publicKey", Some(incoming.public_key.as_str()));
    let renewed = [
        ("displayName", &incoming.display_name),
        ("platform", &incoming.platform),
        ("deviceFamily", &incoming.device_family),
        ("clientId", &incoming.client_id),
        ("clientMode", &incoming.client_mode),
        ("remoteIp", &incoming.remote_ip),
    ];
    for (key, value) in renewed {
        if let Some(value) = value {
            record::set(&mut request, key, Some(value.as_str()));
        }
    }
    let silent = record::truthy(existing.get("silent")) && incoming.silent;
    record::set(&mut request, "silent", Some(silent));
    if !record::truthy(existing.get("isRepair")) {
        record::set(&mut request, "isRepair", Some(is_repair));
    }
    if !rules.repeat_keeps_time {
        record::set(&mut request, "ts", Some(now));
    }
    if rules.pending_covers {
        record::set(&mut request, REFRESHED, Some(now));
    }
    request
}

fn replacement(
    rules: &PairingRules,
    existing: &[Value],
    incoming: &PairingRequest,
    device_id: &str,
    is_repair: bool,
    request_id: String,
    now: i64,
) -> Result<Record, TypeFault> {
    let (own_roles, own_role, own_scopes) = (json!(incoming.roles), json!(incoming.role), json!(incoming.scopes));
    let latest = existing.first().and_then(|pending| pending.get("role"));
    let role = match normalise_role(Some(&own_role))? {
        Some(role) => Some(role),
        None => normalise_role(latest)?,
    };
    let mut role_items: Vec<Option<&Value>> =
        existing.iter().flat_map(|pending| [pending.get("roles"), pending.get("role")]).collect();
    let role_value = role.as_deref().map(Value::from);
    role_items.extend([Some(&own_roles), Some(&own_role), role_value.as_ref()]);
    let mut scope_items: Vec<Option<&Value>> = existing.iter().map(|pending| pending.get("scopes")).collect();
    scope_items.push(Some(&own_scopes));
    let waiting_for_a_person = existing.iter().any(|pending| pending.get("silent") != Some(&Value::Bool(true)));

    let mut request = Record::new();
    record::set(&mut request, "requestId", Some(request_id));
    record::set(&mut request, "deviceId", Some(device_id));
    record::set(&mut request, "publicKey", Some(incoming.public_key.as_str()));
    record::set(&mut request, "displayName", incoming.display_name.as_deref());
    record::set(&mut request, "platform", incoming.platform.as_deref());
    record::set(&mut request, "deviceFamily", incoming.device_family.as_deref());
    record::set(&mut request, "clientId", incoming.client_id.as_deref());
    record::set(&mut request, "clientMode", incoming.client_mode.as_deref());
    record::set(&mut request, "role", role.as_deref());
    record::set(&mut request, "roles", merge_roles(&role_items)?);
    record::set(&mut request, "scopes", merge_scopes(rules, &scope_items)?);
    record::set(&mut request, "remoteIp", incoming.remote_ip.as_deref());
    record::set(&mut request, "silent", Some(incoming.silent && !waiting_for_a_person));
    record::set(&mut request, "isRepair", Some(is_repair));
    record::set(&mut request, "ts", Some(now));
    Ok(request)
}
