//! Creates, refreshes or replaces the pending request of a device.

use super::roles::{merge_roles, normalise_role};
use super::scopes::merge_scopes;
use super::state::REFRESHED;
use super::{
    ChangedDocuments, DocumentFamily, PairingRules, PairingState, PendingRepeat, StoreError, normalise_scopes,
};
use crate::Entropy;
use openclaw_protocol::ids;
use openclaw_protocol::js::{self, Record, TypeError};
use openclaw_protocol::store::Documents;
use serde_json::{Value, json};
use std::borrow::Cow;

/// The request of a connecting device.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PairingRequest {
    /// Device id.
    pub device_id: String,
    /// The public key in the form of the store.
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
    /// The requested role.
    pub role: String,
    /// All requested roles, if there are several.
    pub roles: Vec<String>,
    /// The requested scopes, in their order.
    pub scopes: Vec<String>,
    /// The client's address, if the gateway reports one.
    pub remote_ip: Option<String>,
    /// Whether the request can be approved silently.
    pub silent: bool,
}

/// The resulting pending request.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestOutcome {
    /// The pending request as it was written.
    pub request: Record,
    /// Whether it is new. A new request is announced to the approvers.
    pub created: bool,
    /// The ids of the requests that it replaced.
    pub superseded: Vec<String>,
}

impl RequestOutcome {
    /// The id of the pending request.
    pub fn request_id(&self) -> String {
        js::key_text(self.request.get("requestId"))
    }

    /// Whether it can be approved silently. A silent request that meets a pending request which is not silent is no
    /// longer silent.
    pub fn silent(&self) -> bool {
        self.request.get("silent") == Some(&Value::Bool(true))
    }
}

/// Writes a device's request to the store.
///
/// In the newer rule, a request with the same key, role and scopes as the pending request refreshes it under its id. Any
/// other request replaces all pending requests of the device under a new id, with merged roles and scopes. In the
/// older rule, a request is merged into the first pending one. In the oldest rule, it does not change the pending one.
///
/// # Errors
/// Returns an error of the store or for an invalid record.
pub fn request(
    rules: &PairingRules,
    documents: &mut dyn Documents,
    entropy: &mut dyn Entropy,
    now: i64,
    incoming: &PairingRequest,
) -> Result<RequestOutcome, StoreError> {
    let mut state = PairingState::load(rules.state, DocumentFamily::Devices, documents, now)?;
    let device_id = js::trim(&incoming.device_id);
    if device_id.is_empty() {
        return Err(StoreError::Refused("deviceId required"));
    }
    // Every request of a device with a record is a repair, whatever the device requests.
    let is_repair = state.paired.get_truthy(device_id).is_some();
    let mut existing = state.pending.values()?;
    existing.retain(|pending| pending.get("deviceId").and_then(Value::as_str) == Some(device_id));
    if rules.pending_repeat != PendingRepeat::Superseded {
        let existing = existing.into_iter().next().map(Cow::into_owned);
        let requested = match existing {
            Some(existing) if rules.pending_repeat == PendingRepeat::Kept => {
                return Ok(RequestOutcome {
                    request: js::spread(Some(&existing)),
                    created: false,
                    superseded: Vec::new(),
                });
            }
            Some(existing) => RequestOutcome {
                request: merged(rules, &existing, incoming, is_repair, now)?,
                created: false,
                superseded: Vec::new(),
            },
            None => RequestOutcome {
                request: first(incoming, device_id, is_repair, ids::uuid(entropy.uuid()), now),
                created: true,
                superseded: Vec::new(),
            },
        };
        return store_request(state, documents, requested);
    }
    let existing: Vec<Value> = js::newest_first(existing, "ts")?.into_iter().map(Cow::into_owned).collect();
    let requested = match existing.as_slice() {
        [single]
            if same_request(rules, single, incoming)? || rules.pending_covers && covered(rules, single, incoming)? =>
        {
            let request = refreshed(rules, single, incoming, is_repair, now);
            RequestOutcome { request, created: false, superseded: Vec::new() }
        }
        _ => {
            // An approval must not grant more than the approver saw, so a different request gets a new id.
            for pending in &existing {
                state.pending.remove(&js::key_text(pending.get("requestId")));
            }
            let request_id = ids::uuid(entropy.uuid());
            let request = replacement(rules, &existing, incoming, device_id, is_repair, request_id, now)?;
            let superseded = existing.iter().map(|pending| js::key_text(pending.get("requestId"))).collect();
            RequestOutcome { request, created: true, superseded }
        }
    };
    store_request(state, documents, requested)
}

fn store_request(
    mut state: PairingState,
    documents: &mut dyn Documents,
    requested: RequestOutcome,
) -> Result<RequestOutcome, StoreError> {
    state.pending.set(&requested.request_id(), Value::Object(requested.request.clone()))?;
    state.persist(documents, ChangedDocuments::Pending)?;
    Ok(RequestOutcome { request: shown_pending(requested.request), ..requested })
}

fn same_request(rules: &PairingRules, existing: &Value, incoming: &PairingRequest) -> Result<bool, StoreError> {
    if existing.get("publicKey").and_then(Value::as_str) != Some(incoming.public_key.as_str()) {
        return Ok(false);
    }
    let role = json!(incoming.role);
    if normalise_role(existing.get("role"))? != normalise_role(Some(&role))? {
        return Ok(false);
    }
    let roles = merge_roles(rules, &[existing.get("roles"), existing.get("role")])?.unwrap_or_default();
    if !same_set(&roles, &merge_roles(rules, &[Some(&json!(incoming.roles)), Some(&role)])?.unwrap_or_default()) {
        return Ok(false);
    }
    Ok(same_set(&normalise_scopes(rules, existing.get("scopes"))?, &super::normalised_scopes(rules, &incoming.scopes)))
}

/// Whether the pending request covers everything in this request.
fn covered(rules: &PairingRules, existing: &Value, incoming: &PairingRequest) -> Result<bool, StoreError> {
    if existing.get("publicKey").and_then(Value::as_str) != Some(incoming.public_key.as_str()) {
        return Ok(false);
    }
    let role = json!(incoming.role);
    if normalise_role(existing.get("role"))? != normalise_role(Some(&role))? {
        return Ok(false);
    }
    let requested_roles = merge_roles(rules, &[Some(&json!(incoming.roles)), Some(&role)])?.unwrap_or_default();
    let pending = merge_roles(rules, &[existing.get("roles"), existing.get("role")])?.unwrap_or_default();
    let granted = normalise_scopes(rules, existing.get("scopes"))?;
    let is_granted = |scope: &String| {
        requested_roles.iter().any(|role| super::scopes_allow(rules, role, std::slice::from_ref(scope), &granted))
    };
    Ok(requested_roles.iter().all(|role| pending.contains(role))
        && super::normalised_scopes(rules, &incoming.scopes).iter().all(is_granted))
}

/// A pending request in its public form: without the time of its last repetition.
pub(super) fn shown_pending(mut request: Record) -> Record {
    request.shift_remove(REFRESHED);
    request
}

fn same_set(left: &[String], right: &[String]) -> bool {
    left.len() == right.len() && left.iter().all(|value| right.contains(value))
}

fn refreshed(rules: &PairingRules, existing: &Value, incoming: &PairingRequest, is_repair: bool, now: i64) -> Record {
    let mut request = js::spread(Some(existing));
    js::set(&mut request, "publicKey", Some(incoming.public_key.as_str()));
    renew_description(&mut request, incoming);
    renew_standing(rules, &mut request, existing, incoming, is_repair, now);
    request
}

/// The older rule for a request that meets a pending request of its device. The pending request keeps its key and its
/// role.
fn merged(
    rules: &PairingRules,
    existing: &Value,
    incoming: &PairingRequest,
    is_repair: bool,
    now: i64,
) -> Result<Record, TypeError> {
    let (own_role, own_scopes) = (json!(incoming.role), json!(incoming.scopes));
    let role = match normalise_role(existing.get("role"))? {
        Some(role) => Some(role),
        None => normalise_role(Some(&own_role))?,
    };
    let roles = merge_roles(rules, &[existing.get("roles"), existing.get("role"), Some(&own_role)])?;
    let scopes = merge_scopes(rules, &[existing.get("scopes"), Some(&own_scopes)])?;
    let mut request = js::spread(Some(existing));
    renew_description(&mut request, incoming);
    js::set(&mut request, "role", role);
    js::set(&mut request, "roles", roles);
    js::set(&mut request, "scopes", scopes);
    renew_standing(rules, &mut request, existing, incoming, is_repair, now);
    Ok(request)
}

fn renew_description(request: &mut Record, incoming: &PairingRequest) {
    let renewed = [
        ("displayName", &incoming.display_name),
        ("platform", &incoming.platform),
        ("deviceFamily", &incoming.device_family),
        ("clientId", &incoming.client_id),
        ("clientMode", &incoming.client_mode),
    ];
    for (key, value) in renewed {
        if let Some(value) = value {
            js::set(request, key, Some(value.as_str()));
        }
    }
}

fn renew_standing(
    rules: &PairingRules,
    request: &mut Record,
    existing: &Value,
    incoming: &PairingRequest,
    is_repair: bool,
    now: i64,
) {
    if let Some(remote_ip) = &incoming.remote_ip {
        js::set(request, "remoteIp", Some(remote_ip.as_str()));
    }
    // If one of the two requests needs a person, the merged request needs one.
    let silent = js::truthy(existing.get("silent")) && incoming.silent;
    js::set(request, "silent", Some(silent));
    if !js::truthy(existing.get("isRepair")) {
        js::set(request, "isRepair", Some(is_repair));
    }
    if !rules.repeat_keeps_time {
        js::set(request, "ts", Some(now));
    }
    if rules.pending_covers {
        js::set(request, REFRESHED, Some(now));
    }
}

fn replacement(
    rules: &PairingRules,
    existing: &[Value],
    incoming: &PairingRequest,
    device_id: &str,
    is_repair: bool,
    request_id: String,
    now: i64,
) -> Result<Record, TypeError> {
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
    // A silent request must not take over a request that waits for a person.
    let waiting_for_a_person = existing.iter().any(|pending| pending.get("silent") != Some(&Value::Bool(true)));

    let mut request = described(incoming, device_id, request_id);
    js::set(&mut request, "role", role.as_deref());
    js::set(&mut request, "roles", merge_roles(rules, &role_items)?);
    js::set(&mut request, "scopes", merge_scopes(rules, &scope_items)?);
    let silent = incoming.silent && !waiting_for_a_person;
    close_request(&mut request, incoming, silent, is_repair, now);
    Ok(request)
}

/// A new request in the older rule, with unchanged scopes.
fn first(incoming: &PairingRequest, device_id: &str, is_repair: bool, request_id: String, now: i64) -> Record {
    let mut request = described(incoming, device_id, request_id);
    js::set(&mut request, "role", Some(incoming.role.as_str()));
    js::set(&mut request, "roles", Some(vec![incoming.role.as_str()]));
    js::set(&mut request, "scopes", Some(incoming.scopes.clone()));
    close_request(&mut request, incoming, incoming.silent, is_repair, now);
    request
}

/// The fields of a request up to its role.
fn described(incoming: &PairingRequest, device_id: &str, request_id: String) -> Record {
    let mut request = Record::new();
    js::set(&mut request, "requestId", Some(request_id));
    js::set(&mut request, "deviceId", Some(device_id));
    js::set(&mut request, "publicKey", Some(incoming.public_key.as_str()));
    js::set(&mut request, "displayName", incoming.display_name.as_deref());
    js::set(&mut request, "platform", incoming.platform.as_deref());
    js::set(&mut request, "deviceFamily", incoming.device_family.as_deref());
    js::set(&mut request, "clientId", incoming.client_id.as_deref());
    js::set(&mut request, "clientMode", incoming.client_mode.as_deref());
    request
}

/// The fields of a request after its scopes.
fn close_request(request: &mut Record, incoming: &PairingRequest, silent: bool, is_repair: bool, now: i64) {
    js::set(request, "remoteIp", incoming.remote_ip.as_deref());
    js::set(request, "silent", Some(silent));
    js::set(request, "isRepair", Some(is_repair));
    js::set(request, "ts", Some(now));
}
