//! A node's request for approval, as it is written and announced (`node-pairing.ts` `requestNodePairing`).

use super::NodeRules;
use super::node_surface::NodeSurface;
use super::store::{DESCRIPTION, add_device, required_scopes};
use crate::Entropy;
use crate::pairing::{ChangedDocuments, DocumentFamily, PairingState, StoreError};
use openclaw_protocol::ids;
use openclaw_protocol::js::{self, Record};
use openclaw_protocol::store::Documents;
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// A node's request for approval.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodeRequest {
    /// Node id.
    pub node_id: String,
    /// The name of the node for people.
    pub display_name: Option<String>,
    /// The platform that the node reports.
    pub platform: Option<String>,
    /// The version of the node's program.
    pub version: Option<String>,
    /// The version of its core.
    pub core_version: Option<String>,
    /// The version of its user interface.
    pub ui_version: Option<String>,
    /// The device family that the node reports.
    pub device_family: Option<String>,
    /// Its model.
    pub model_identifier: Option<String>,
    /// Its capabilities.
    pub caps: Option<Vec<String>>,
    /// The commands that it offers.
    pub commands: Option<Vec<String>>,
    /// Permissions of its operating system.
    pub permissions: Option<Map<String, Value>>,
    /// Its address.
    pub remote_ip: Option<String>,
    /// Whether it can be approved silently.
    pub silent: Option<bool>,
}

/// The resulting pending request.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeRequestOutcome {
    /// The pending request as it was written.
    pub request: Record,
    /// Whether it is new.
    pub created: bool,
    /// The requests that it replaces, in releases that announce them.
    pub superseded: Vec<String>,
}

/// Writes a node's request to the store.
///
/// # Errors
/// Returns an error of the store, or for an invalid record or a blank id.
pub fn request(
    rules: &NodeRules,
    documents: &mut dyn Documents,
    entropy: &mut dyn Entropy,
    now: i64,
    incoming: &NodeRequest,
) -> Result<NodeRequestOutcome, StoreError> {
    let mut state = PairingState::load(rules.state, DocumentFamily::Nodes, documents, now)?;
    let node_id = js::trim(&incoming.node_id);
    if node_id.is_empty() {
        return Err(StoreError::Refused("nodeId required"));
    }
    let mut existing = state.pending.values()?;
    existing.retain(|pending| pending.get("nodeId").and_then(Value::as_str) == Some(node_id));
    if !rules.request_refreshes {
        if let Some(first) = existing.first() {
            return Ok(NodeRequestOutcome { request: js::spread(Some(first)), created: false, superseded: Vec::new() });
        }
        let is_repair = state.paired.get_truthy(node_id).is_some();
        let request = first_form(incoming, node_id, is_repair, ids::uuid(entropy.uuid()), now);
        return store_request(&mut state, documents, request, true);
    }
    let existing: Vec<Value> = js::newest_first(existing, "ts")?.into_iter().map(Cow::into_owned).collect();
    if rules.request_by_surface {
        return request_by_surface(rules, state, documents, entropy, now, incoming, &existing);
    }
    if let [single] = existing.as_slice() {
        let request = refreshed(single, incoming, now);
        return store_request(&mut state, documents, request, false);
    }
    for pending in &existing {
        state.pending.remove(&js::key_text(pending.get("requestId")));
    }
    let all_silent = existing.iter().all(|pending| pending.get("silent") == Some(&Value::Bool(true)));
    let silent = incoming.silent == Some(true) && all_silent;
    let request = second_form(incoming, node_id, silent, ids::uuid(entropy.uuid()), now);
    store_request(&mut state, documents, request, true)
}

/// [`request`] in releases that compare the requested surface.
fn request_by_surface(
    rules: &NodeRules,
    mut state: PairingState,
    documents: &mut dyn Documents,
    entropy: &mut dyn Entropy,
    now: i64,
    incoming: &NodeRequest,
    existing: &[Value],
) -> Result<NodeRequestOutcome, StoreError> {
    let node_id = js::trim(&incoming.node_id);
    let shown = |mut requested: NodeRequestOutcome, superseded: Vec<String>| {
        requested.request.shift_remove("revision");
        NodeRequestOutcome { superseded, ..requested }
    };
    if let [single] = existing
        && incoming.surface_over(single).same(&NodeSurface::of(single))
    {
        let mut request = refreshed(single, incoming, now);
        js::set(&mut request, "revision", Some(ids::uuid(entropy.uuid())));
        return Ok(shown(store_request(&mut state, documents, request, false)?, Vec::new()));
    }
    let replaced: Vec<String> = existing.iter().map(|pending| js::key_text(pending.get("requestId"))).collect();
    replaced.iter().for_each(|id| state.pending.remove(id));
    let all_silent = existing.iter().all(|pending| pending.get("silent") == Some(&Value::Bool(true)));
    let silent = incoming.silent == Some(true) && all_silent;
    let merged = match rules.part_of_device {
        true => incoming.clone(),
        false => incoming.over(existing.first()),
    };
    let request_id = ids::uuid(entropy.uuid());
    let mut form = second_form(&merged, node_id, silent, request_id, now);
    if rules.part_of_device {
        js::set(&mut form, "silent", incoming.silent);
    }
    let mut request = Record::new();
    for (key, value) in form {
        js::set(&mut request, &key, Some(value));
        if key == "requestId" {
            js::set(&mut request, "revision", Some(ids::uuid(entropy.uuid())));
        }
    }
    Ok(shown(store_request(&mut state, documents, request, true)?, replaced))
}

/// The pending request of a node, if another request would not change it.
///
/// # Errors
/// Returns an error of the store or for an invalid record.
pub(super) fn same_pending(
    rules: &NodeRules,
    documents: &dyn Documents,
    now: i64,
    incoming: &NodeRequest,
) -> Result<Option<NodeRequestOutcome>, StoreError> {
    let state = PairingState::load(rules.state, DocumentFamily::Nodes, documents, now)?;
    let node_id = js::trim(&incoming.node_id);
    let mut existing = state.pending.values()?;
    existing.retain(|pending| pending.get("nodeId").and_then(Value::as_str) == Some(node_id));
    let [single] = existing.as_slice() else { return Ok(None) };
    let described = DESCRIPTION.iter().zip(incoming.description());
    let mut same = described
        .map(|(key, value)| value.is_none_or(|value| single.get(*key).and_then(Value::as_str) == Some(value.as_str())));
    let address = incoming.remote_ip.as_ref();
    let unchanged = same.all(|same| same)
        && address.is_none_or(|ip| single.get("remoteIp").and_then(Value::as_str) == Some(ip.as_str()))
        && (incoming.silent == Some(true) || !js::truthy(single.get("silent")))
        && incoming.surface_over(single).same(&NodeSurface::of(single));
    let mut request = js::spread(Some(single));
    request.shift_remove("revision");
    Ok(unchanged.then_some(NodeRequestOutcome { request, created: false, superseded: Vec::new() }))
}

fn store_request(
    state: &mut PairingState,
    documents: &mut dyn Documents,
    request: Record,
    created: bool,
) -> Result<NodeRequestOutcome, StoreError> {
    state.pending.set(&js::key_text(request.get("requestId")), Value::Object(request.clone()))?;
    state.persist(documents, ChangedDocuments::Both)?;
    Ok(NodeRequestOutcome { request, created, superseded: Vec::new() })
}

/// A request as it is announced. In newer releases, it contains the client of its device and the scopes that an
/// approval needs.
pub(super) fn published(
    rules: &NodeRules,
    documents: &dyn Documents,
    mut requested: NodeRequestOutcome,
) -> NodeRequestOutcome {
    if rules.requests_of_devices {
        let scopes = required_scopes(rules, &Value::Object(requested.request.clone()));
        js::set(&mut requested.request, "requiredApproveScopes", Some(scopes));
        add_device(documents, &mut requested.request);
    }
    requested
}

impl NodeRequest {
    /// The requested surface. Missing parts are taken from a pending request.
    fn surface_over(&self, pending: &Value) -> NodeSurface {
        let old = NodeSurface::of(pending);
        NodeSurface {
            caps: trimmed_list(self.caps.as_deref()).unwrap_or(old.caps),
            commands: trimmed_list(self.commands.as_deref()).unwrap_or(old.commands),
            permissions: self.permissions.clone().or(old.permissions),
        }
    }

    /// The request, with missing fields from a pending request.
    fn over(&self, latest: Option<&Value>) -> Self {
        let Some(latest) = latest else { return self.clone() };
        let text = |own: &Option<String>, key: &str| {
            own.clone().or_else(|| latest.get(key).and_then(Value::as_str).map(str::to_owned))
        };
        let list = |own: &Option<Vec<String>>, key: &str| {
            own.clone().or_else(|| {
                let items = latest.get(key)?.as_array()?;
                Some(items.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            })
        };
        Self {
            node_id: self.node_id.clone(),
            display_name: text(&self.display_name, "displayName"),
            platform: text(&self.platform, "platform"),
            version: text(&self.version, "version"),
            core_version: text(&self.core_version, "coreVersion"),
            ui_version: text(&self.ui_version, "uiVersion"),
            device_family: text(&self.device_family, "deviceFamily"),
            model_identifier: text(&self.model_identifier, "modelIdentifier"),
            caps: list(&self.caps, "caps"),
            commands: list(&self.commands, "commands"),
            permissions: self.permissions.clone().or_else(|| latest.get("permissions")?.as_object().cloned()),
            remote_ip: text(&self.remote_ip, "remoteIp"),
            silent: self.silent,
        }
    }

    fn description(&self) -> [Option<&String>; 7] {
        [
            self.display_name.as_ref(),
            self.platform.as_ref(),
            self.version.as_ref(),
            self.core_version.as_ref(),
            self.ui_version.as_ref(),
            self.device_family.as_ref(),
            self.model_identifier.as_ref(),
        ]
    }
}

fn described(incoming: &NodeRequest, node_id: &str, request_id: String) -> Record {
    let mut request = Record::new();
    js::set(&mut request, "requestId", Some(request_id));
    js::set(&mut request, "nodeId", Some(node_id));
    for (key, value) in DESCRIPTION.iter().zip(incoming.description()) {
        js::set(&mut request, key, value.map(String::as_str));
    }
    request
}

/// A new request in the first form: with unchanged lists, and whether the node was approved before.
fn first_form(incoming: &NodeRequest, node_id: &str, is_repair: bool, request_id: String, now: i64) -> Record {
    let mut request = described(incoming, node_id, request_id);
    js::set(&mut request, "caps", incoming.caps.clone());
    js::set(&mut request, "commands", incoming.commands.clone());
    js::set(&mut request, "permissions", incoming.permissions.clone());
    js::set(&mut request, "remoteIp", incoming.remote_ip.as_deref());
    js::set(&mut request, "silent", incoming.silent);
    js::set(&mut request, "isRepair", Some(is_repair));
    js::set(&mut request, "ts", Some(now));
    request
}

/// A new request in the second form: with trimmed lists.
fn second_form(incoming: &NodeRequest, node_id: &str, silent: bool, request_id: String, now: i64) -> Record {
    let mut request = described(incoming, node_id, request_id);
    js::set(&mut request, "caps", trimmed_list(incoming.caps.as_deref()));
    js::set(&mut request, "commands", trimmed_list(incoming.commands.as_deref()));
    js::set(&mut request, "permissions", incoming.permissions.clone());
    js::set(&mut request, "remoteIp", incoming.remote_ip.as_deref());
    js::set(&mut request, "silent", Some(silent));
    js::set(&mut request, "ts", Some(now));
    request
}

fn refreshed(existing: &Value, incoming: &NodeRequest, now: i64) -> Record {
    let mut request = js::spread(Some(existing));
    for (key, value) in DESCRIPTION.iter().zip(incoming.description()) {
        renew(&mut request, key, value.map(|text| json!(text)));
    }
    renew(&mut request, "caps", trimmed_list(incoming.caps.as_deref()).map(Value::from));
    renew(&mut request, "commands", trimmed_list(incoming.commands.as_deref()).map(Value::from));
    renew(&mut request, "permissions", incoming.permissions.clone().map(Value::Object));
    renew(&mut request, "remoteIp", incoming.remote_ip.clone().map(Value::from));
    let silent = js::truthy(existing.get("silent")) && incoming.silent == Some(true);
    js::set(&mut request, "silent", Some(silent));
    js::set(&mut request, "ts", Some(now));
    request
}

fn renew(request: &mut Record, key: &str, value: Option<Value>) {
    if value.is_some() {
        js::set(request, key, value);
    }
}

fn trimmed_list(list: Option<&[String]>) -> Option<Vec<String>> {
    let trimmed =
        |list: &[String]| list.iter().map(|item| js::trim(item).to_owned()).filter(|i| !i.is_empty()).collect();
    list.map(trimmed)
}
