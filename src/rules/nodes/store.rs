//! Node requests and approved nodes (`nodes/pending.json`, `nodes/paired.json`).

use super::NodeRules;
use super::commands::RUN_COMMANDS;
use super::surface::Surface;
use crate::protocol::ids;
use crate::rules::Entropy;
use crate::rules::pairing::{
    Changed, Family, Fault, PairingList, PairingRules, State, missing_scope, newest, reject_pending, same_secret,
};
use crate::store::record::{self, Record};
use crate::store::{Document, Documents, sqlite};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// What a node asks to be approved for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodeRequest {
    /// Node id.
    pub node_id: String,
    /// Its name for people.
    pub display_name: Option<String>,
    /// Its platform.
    pub platform: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Version of its core.
    pub core_version: Option<String>,
    /// Version of its interface.
    pub ui_version: Option<String>,
    /// Its device family.
    pub device_family: Option<String>,
    /// Its model.
    pub model_identifier: Option<String>,
    /// What it can do.
    pub caps: Option<Vec<String>>,
    /// Commands it offers.
    pub commands: Option<Vec<String>>,
    /// Permissions of its operating system.
    pub permissions: Option<Map<String, Value>>,
    /// Its address.
    pub remote_ip: Option<String>,
    /// Whether it may be approved at once.
    pub silent: Option<bool>,
}

/// The pending request that came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeRequested {
    /// The pending request as written.
    pub request: Record,
    /// Whether it is a new one.
    pub created: bool,
    /// The requests that it replaces, where that is told.
    pub superseded: Vec<String>,
}

/// What came of an approval.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeApproval {
    /// No such pending request.
    Unknown,
    /// The approver lacks a scope.
    Forbidden {
        /// The first one.
        missing_scope: String,
    },
    /// The node is approved.
    Approved {
        /// Its record as written, with its token.
        node: Record,
    },
}

/// Everything in the node store, newest first.
///
/// # Errors
/// An odd record.
pub fn list(rules: &NodeRules, documents: &dyn Documents, now: i64) -> Result<PairingList, Fault> {
    let state = State::load(rules.state, Family::Nodes, documents, now)?;
    let mut pending: Vec<Value> = newest(&state.pending, "ts")?;
    if rules.approval_needs_pairing {
        for entry in &mut pending {
            let mut shown = record::spread(Some(entry));
            shown.shift_remove("revision");
            record::set(&mut shown, "requiredApproveScopes", Some(required_scopes(rules, entry)));
            if rules.requests_of_devices {
                add_device(documents, &mut shown);
            }
            *entry = Value::Object(shown);
        }
    }
    let mut paired = newest(&state.paired, "approvedAtMs")?;
    for node in paired.iter_mut().filter(|_| rules.part_of_device) {
        *node = Value::Object(projected(documents, record::spread(Some(node))));
    }
    Ok(PairingList { pending, paired })
}

/// An approved node as it is shown where it is a part of its device: with what the device's record says
/// (`device-pairing-node.records.ts toPairedNode`).
pub fn projected(documents: &dyn Documents, mut node: Record) -> Record {
    let devices = documents.read(Document::DevicesPaired);
    let id = node.get("nodeId").and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(device) = devices.as_ref().and_then(|devices| devices.get(&id)) else { return node };
    let own = |key: &str| record::present(device.get(key)).cloned();
    let name = record::present(node.get("displayName")).cloned().or_else(|| own("displayName"));
    record::set(&mut node, "displayName", name);
    for key in ["clientId", "clientMode", "platform", "deviceFamily", "remoteIp", "lastSeenAtMs", "lastSeenReason"] {
        node.shift_remove(key);
        record::set(&mut node, key, own(key));
    }
    node
}

/// What stands in a device's record about the node that it is: its approved surface and the one that it asks for (2026.9.6).
///
/// # Errors
/// An odd record.
pub fn surfaces_of_device(
    rules: &NodeRules,
    documents: &dyn Documents,
    now: i64,
    device_id: &str,
) -> Result<Record, Fault> {
    let mut surfaces = Record::new();
    if !rules.part_of_device {
        return Ok(surfaces);
    }
    let state = State::load(rules.state, Family::Nodes, documents, now)?;
    if let Some(approved) = state.paired.get_truthy(device_id) {
        let mut kept = record::spread(Some(approved));
        kept.retain(|field, _| sqlite::SURFACE_FIELDS.contains(&field.as_str()));
        record::set(&mut surfaces, "nodeSurface", Some(Value::Object(kept)));
    }
    let asks = |pending: &&Value| pending.get("nodeId").and_then(Value::as_str) == Some(device_id);
    let pending = newest(&state.pending, "ts")?;
    if let Some(pending) = pending.iter().find(asks) {
        let mut kept = record::spread(Some(pending));
        kept.shift_remove("nodeId");
        record::set(&mut surfaces, "pendingNodeSurface", Some(Value::Object(kept)));
    }
    Ok(surfaces)
}

/// A request as it is announced: with the client of its device and the scopes that approving takes, where the release says so.
pub(super) fn published(rules: &NodeRules, documents: &dyn Documents, mut requested: NodeRequested) -> NodeRequested {
    if rules.requests_of_devices {
        let scopes = required_scopes(rules, &Value::Object(requested.request.clone()));
        record::set(&mut requested.request, "requiredApproveScopes", Some(scopes));
        add_device(documents, &mut requested.request);
    }
    requested
}

/// What a request does not say its device's record says.
fn add_device(documents: &dyn Documents, request: &mut Record) {
    let devices = documents.read(Document::DevicesPaired);
    let node_id = record::key_text(request.get("nodeId"));
    let Some(device) = devices.as_ref().and_then(|devices| devices.get(&node_id)) else { return };
    for key in ["clientId", "clientMode", "displayName", "platform", "deviceFamily", "remoteIp"] {
        if record::present(request.get(key)).is_none() {
            record::set(request, key, record::present(device.get(key)).cloned());
        }
    }
}

/// The record of an approved node.
///
/// # Errors
/// A pending request that is `null`: both documents are read.
pub fn find_paired(
    rules: &NodeRules,
    documents: &dyn Documents,
    now: i64,
    node_id: &str,
) -> Result<Option<Value>, Fault> {
    let state = State::load(rules.state, Family::Nodes, documents, now)?;
    Ok(state.paired.get_truthy(record::trim(node_id)).cloned())
}

/// Writes down that a node asks to be approved.
///
/// # Errors
/// The store, an odd record, or a blank id.
pub fn request(
    rules: &NodeRules,
    documents: &mut dyn Documents,
    entropy: &mut dyn Entropy,
    now: i64,
    incoming: &NodeRequest,
) -> Result<NodeRequested, Fault> {
    let mut state = State::load(rules.state, Family::Nodes, documents, now)?;
    let node_id = record::trim(&incoming.node_id);
    if node_id.is_empty() {
        return Err(Fault::Refused("nodeId required"));
    }
    let mut existing = state.pending.values()?;
    existing.retain(|pending| pending.get("nodeId").and_then(Value::as_str) == Some(node_id));
    if !rules.request_refreshes {
        if let Some(first) = existing.first() {
            return Ok(NodeRequested { request: record::spread(Some(first)), created: false, superseded: Vec::new() });
        }
        let is_repair = state.paired.get_truthy(node_id).is_some();
        let request = first_form(incoming, node_id, is_repair, ids::uuid(entropy.uuid()), now);
        return store_request(&mut state, documents, request, true);
    }
    let existing: Vec<Value> = record::newest_first(existing, "ts")?.into_iter().map(Cow::into_owned).collect();
    if rules.request_by_surface {
        return request_by_surface(rules, state, documents, entropy, now, incoming, &existing);
    }
    if let [single] = existing.as_slice() {
        let request = refreshed(single, incoming, now);
        return store_request(&mut state, documents, request, false);
    }
    for pending in &existing {
        state.pending.remove(&record::key_text(pending.get("requestId")));
    }
    let all_silent = existing.iter().all(|pending| pending.get("silent") == Some(&Value::Bool(true)));
    let silent = incoming.silent == Some(true) && all_silent;
    let request = second_form(incoming, node_id, silent, ids::uuid(entropy.uuid()), now);
    store_request(&mut state, documents, request, true)
}

/// [`request`] of the releases that compare what is asked for.
fn request_by_surface(
    rules: &NodeRules,
    mut state: State,
    documents: &mut dyn Documents,
    entropy: &mut dyn Entropy,
    now: i64,
    incoming: &NodeRequest,
    existing: &[Value],
) -> Result<NodeRequested, Fault> {
    let node_id = record::trim(&incoming.node_id);
    let shown = |mut requested: NodeRequested, superseded: Vec<String>| {
        requested.request.shift_remove("revision");
        NodeRequested { superseded, ..requested }
    };
    if let [single] = existing
        && incoming.surface_over(single).same(&Surface::of(single))
    {
        let mut request = refreshed(single, incoming, now);
        record::set(&mut request, "revision", Some(ids::uuid(entropy.uuid())));
        return Ok(shown(store_request(&mut state, documents, request, false)?, Vec::new()));
    }
    let replaced: Vec<String> = existing.iter().map(|pending| record::key_text(pending.get("requestId"))).collect();
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
        record::set(&mut form, "silent", incoming.silent);
    }
    let mut request = Record::new();
    for (key, value) in form {
        record::set(&mut request, &key, Some(value));
        if key == "requestId" {
            record::set(&mut request, "revision", Some(ids::uuid(entropy.uuid())));
        }
    }
    Ok(shown(store_request(&mut state, documents, request, true)?, replaced))
}

/// The request that is pending for a node already, where another one would change nothing of it.
///
/// # Errors
/// The store, or an odd record.
pub fn same_pending(
    rules: &NodeRules,
    documents: &dyn Documents,
    now: i64,
    incoming: &NodeRequest,
) -> Result<Option<NodeRequested>, Fault> {
    let state = State::load(rules.state, Family::Nodes, documents, now)?;
    let node_id = record::trim(&incoming.node_id);
    let mut existing = state.pending.values()?;
    existing.retain(|pending| pending.get("nodeId").and_then(Value::as_str) == Some(node_id));
    let [single] = existing.as_slice() else { return Ok(None) };
    let described = DESCRIPTION.iter().zip(incoming.description());
    let mut same = described
        .map(|(key, value)| value.is_none_or(|value| single.get(*key).and_then(Value::as_str) == Some(value.as_str())));
    let address = incoming.remote_ip.as_ref();
    let unchanged = same.all(|same| same)
        && address.is_none_or(|ip| single.get("remoteIp").and_then(Value::as_str) == Some(ip.as_str()))
        && (incoming.silent == Some(true) || !record::truthy(single.get("silent")))
        && incoming.surface_over(single).same(&Surface::of(single));
    let mut request = record::spread(Some(single));
    request.shift_remove("revision");
    Ok(unchanged.then_some(NodeRequested { request, created: false, superseded: Vec::new() }))
}

/// Drops every request of a node, the newest first. Their ids.
///
/// # Errors
/// The store, or an odd record.
pub fn reject_all(
    rules: &NodeRules,
    documents: &mut dyn Documents,
    now: i64,
    node_id: &str,
) -> Result<Vec<String>, Fault> {
    let mut state = State::load(rules.state, Family::Nodes, documents, now)?;
    let node_id = record::trim(node_id);
    let mut theirs = state.pending.values()?;
    theirs.retain(|pending| pending.get("nodeId").and_then(Value::as_str) == Some(node_id));
    let newest = record::newest_first(theirs, "ts")?;
    let ids: Vec<String> = newest.iter().map(|pending| record::key_text(pending.get("requestId"))).collect();
    drop(newest);
    if ids.is_empty() {
        return Ok(ids);
    }
    ids.iter().for_each(|id| state.pending.remove(id));
    state.persist(documents, Changed::Both)?;
    Ok(ids)
}

/// Approves a pending node on behalf of somebody who holds these scopes.
///
/// # Errors
/// The store, or an odd record.
pub fn approve(
    rules: &NodeRules,
    scope_rules: &PairingRules,
    documents: &mut dyn Documents,
    entropy: &mut dyn Entropy,
    now: i64,
    request_id: &str,
    caller_scopes: &[String],
) -> Result<NodeApproval, Fault> {
    let mut state = State::load(rules.state, Family::Nodes, documents, now)?;
    let Some(pending) = state.pending.get_truthy(request_id).cloned() else { return Ok(NodeApproval::Unknown) };
    let required = required_scopes(rules, &pending);
    if let Some(missing_scope) = missing_scope(scope_rules, "operator", &required, caller_scopes) {
        return Ok(NodeApproval::Forbidden { missing_scope: missing_scope.clone() });
    }
    let key = record::key_text(pending.get("nodeId"));
    let created = record::present(record::optional_property(state.paired.get(&key), "createdAtMs")).cloned();
    let mut node = Record::new();
    record::set(&mut node, "nodeId", pending.get("nodeId").cloned());
    let had = |field: &str| record::optional_property(state.paired.get(&key), field).cloned();
    if rules.part_of_device {
        let name = had("displayName").or_else(|| pending.get("displayName").cloned());
        record::set(&mut node, "displayName", name);
        for field in OWN.iter().chain(&SURFACE[..3]) {
            record::set(&mut node, field, pending.get(*field).cloned());
        }
        record::set(&mut node, "bins", had("bins"));
        record::set(&mut node, "lastConnectedAtMs", had("lastConnectedAtMs"));
    } else {
        record::set(&mut node, "token", Some(ids::token(entropy.token())));
        for field in DESCRIPTION.iter().chain(&SURFACE) {
            record::set(&mut node, field, pending.get(*field).cloned());
        }
    }
    record::set(&mut node, "createdAtMs", Some(created.unwrap_or_else(|| json!(now))));
    record::set(&mut node, "approvedAtMs", Some(now));
    state.pending.remove(request_id);
    state.paired.set(&key, Value::Object(node.clone()))?;
    state.persist(documents, Changed::Both)?;
    Ok(NodeApproval::Approved { node })
}

/// Drops a pending node request and says whose it was.
///
/// # Errors
/// The store, or an odd record.
pub fn reject(
    rules: &NodeRules,
    documents: &mut dyn Documents,
    now: i64,
    request_id: &str,
) -> Result<Option<Option<Value>>, Fault> {
    reject_pending(rules.state, Family::Nodes, "nodeId", documents, now, request_id)
}

/// Forgets an approved node. Its id, or `None` where there is none.
///
/// # Errors
/// The store, or an odd record.
pub fn remove(
    rules: &NodeRules,
    documents: &mut dyn Documents,
    now: i64,
    node_id: &str,
) -> Result<Option<String>, Fault> {
    let mut state = State::load(rules.state, Family::Nodes, documents, now)?;
    let node_id = record::trim(node_id);
    if node_id.is_empty() || state.paired.get_truthy(node_id).is_none() {
        return Ok(None);
    }
    state.paired.remove(node_id);
    state.persist(documents, Changed::Both)?;
    Ok(Some(node_id.to_owned()))
}

/// The record of a node whose token this is.
///
/// # Errors
/// An odd record.
pub fn verify(
    rules: &NodeRules,
    documents: &dyn Documents,
    now: i64,
    node_id: &str,
    token: &str,
) -> Result<Option<Value>, Fault> {
    let Some(node) = find_paired(rules, documents, now, node_id)? else { return Ok(None) };
    Ok(same_secret(token, node.get("token"))?.then_some(node))
}

/// Gives an approved node another name. Its record, or `None` where there is none.
///
/// # Errors
/// The store, or an odd record.
pub fn rename(
    rules: &NodeRules,
    documents: &mut dyn Documents,
    now: i64,
    node_id: &str,
    display_name: &str,
) -> Result<Option<Record>, Fault> {
    change(rules, documents, now, node_id, |node| record::set(node, "displayName", Some(record::trim(display_name))))
}

/// Writes down when an approved node last connected. Nothing happens where there is none.
///
/// # Errors
/// The store, or an odd record.
pub fn record_connect(rules: &NodeRules, documents: &mut dyn Documents, now: i64, node_id: &str) -> Result<(), Fault> {
    change(rules, documents, now, node_id, |node| {
        record::set(node, "lastConnectedAtMs", Some(now));
        let gone = node.get(DEPARTED).map(|gone| record::number(Some(gone)));
        // Exact for every time of this millennium.
        #[allow(clippy::cast_precision_loss)]
        if rules.notes_departures && gone.is_some_and(|gone| now as f64 > gone) {
            node.shift_remove(DEPARTED);
        }
    })
    .map(|_| ())
}

/// Notes that an approved node has said that it is alive. Whether there is such a node (2026.5.7 on).
///
/// # Errors
/// The store, or an odd record.
pub fn note_life(
    rules: &NodeRules,
    documents: &mut dyn Documents,
    now: i64,
    node_id: &str,
    reason: &str,
) -> Result<bool, Fault> {
    let noted = change(rules, documents, now, node_id, |node| {
        record::set(node, "lastSeenAtMs", Some(now));
        record::set(node, "lastSeenReason", Some(reason));
    })?;
    Ok(noted.is_some())
}

/// When a node has gone.
const DEPARTED: &str = "lastDisconnectedAtMs";

/// Notes that the node that came at this time has gone, unless it has come again since (2026.9.6 on).
///
/// # Errors
/// The store, or an odd record.
pub fn record_departure(
    rules: &NodeRules,
    documents: &mut dyn Documents,
    now: i64,
    node_id: &str,
    connected_at: i64,
) -> Result<(), Fault> {
    let still = find_paired(rules, documents, now, node_id)?
        .is_some_and(|node| node.get("lastConnectedAtMs") == Some(&json!(connected_at)));
    if still && rules.notes_departures {
        change(rules, documents, now, node_id, |node| record::set(node, DEPARTED, Some(now)))?;
    }
    Ok(())
}

fn change(
    rules: &NodeRules,
    documents: &mut dyn Documents,
    now: i64,
    node_id: &str,
    apply: impl FnOnce(&mut Record),
) -> Result<Option<Record>, Fault> {
    let mut state = State::load(rules.state, Family::Nodes, documents, now)?;
    let node_id = record::trim(node_id);
    let Some(existing) = state.paired.get_truthy(node_id) else { return Ok(None) };
    let mut node = record::spread(Some(existing));
    apply(&mut node);
    state.paired.set(node_id, Value::Object(node.clone()))?;
    state.persist(documents, Changed::Both)?;
    Ok(Some(node))
}

/// The scopes that approving takes: `operator.admin` where programs can be run, `operator.write` for any other command.
fn required_scopes(rules: &NodeRules, pending: &Value) -> Vec<String> {
    if !rules.approval_needs_scopes {
        return Vec::new();
    }
    let commands: Vec<&str> = match pending.get("commands") {
        Some(Value::Array(commands)) => commands.iter().map(|command| command.as_str().unwrap_or_default()).collect(),
        _ => Vec::new(),
    };
    let run =
        |command: &&str| RUN_COMMANDS.contains(command) || rules.browser_needs_admin && *command == "browser.proxy";
    let by_commands = match commands.iter().any(run) {
        true => Some("operator.admin"),
        false if commands.is_empty() => None,
        false => Some("operator.write"),
    };
    let pairing = rules.approval_needs_pairing.then_some("operator.pairing");
    pairing.into_iter().chain(by_commands).map(str::to_owned).collect()
}

fn store_request(
    state: &mut State,
    documents: &mut dyn Documents,
    request: Record,
    created: bool,
) -> Result<NodeRequested, Fault> {
    state.pending.set(&record::key_text(request.get("requestId")), Value::Object(request.clone()))?;
    state.persist(documents, Changed::Both)?;
    Ok(NodeRequested { request, created, superseded: Vec::new() })
}

const DESCRIPTION: [&str; 7] =
    ["displayName", "platform", "version", "coreVersion", "uiVersion", "deviceFamily", "modelIdentifier"];
/// What a node says of itself beside its device.
const OWN: [&str; 4] = ["version", "coreVersion", "uiVersion", "modelIdentifier"];
const SURFACE: [&str; 4] = ["caps", "commands", "permissions", "remoteIp"];

impl NodeRequest {
    /// What it asks for; what it does not say is taken from a pending request.
    fn surface_over(&self, pending: &Value) -> Surface {
        let old = Surface::of(pending);
        Surface {
            caps: trimmed_list(self.caps.as_deref()).unwrap_or(old.caps),
            commands: trimmed_list(self.commands.as_deref()).unwrap_or(old.commands),
            permissions: self.permissions.clone().or(old.permissions),
        }
    }

    /// The same with what it does not say from a pending request.
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
    record::set(&mut request, "requestId", Some(request_id));
    record::set(&mut request, "nodeId", Some(node_id));
    for (key, value) in DESCRIPTION.iter().zip(incoming.description()) {
        record::set(&mut request, key, value.map(String::as_str));
    }
    request
}

/// A new request up to 2026.3.31: lists as they came, and whether the node was approved before.
fn first_form(incoming: &NodeRequest, node_id: &str, is_repair: bool, request_id: String, now: i64) -> Record {
    let mut request = described(incoming, node_id, request_id);
    record::set(&mut request, "caps", incoming.caps.clone());
    record::set(&mut request, "commands", incoming.commands.clone());
    record::set(&mut request, "permissions", incoming.permissions.clone());
    record::set(&mut request, "remoteIp", incoming.remote_ip.as_deref());
    record::set(&mut request, "silent", incoming.silent);
    record::set(&mut request, "isRepair", Some(is_repair));
    record::set(&mut request, "ts", Some(now));
    request
}

/// A new request from 2026.4.1 on: lists trimmed.
fn second_form(incoming: &NodeRequest, node_id: &str, silent: bool, request_id: String, now: i64) -> Record {
    let mut request = described(incoming, node_id, request_id);
    record::set(&mut request, "caps", trimmed_list(incoming.caps.as_deref()));
    record::set(&mut request, "commands", trimmed_list(incoming.commands.as_deref()));
    record::set(&mut request, "permissions", incoming.permissions.clone());
    record::set(&mut request, "remoteIp", incoming.remote_ip.as_deref());
    record::set(&mut request, "silent", Some(silent));
    record::set(&mut request, "ts", Some(now));
    request
}

fn refreshed(existing: &Value, incoming: &NodeRequest, now: i64) -> Record {
    let mut request = record::spread(Some(existing));
    for (key, value) in DESCRIPTION.iter().zip(incoming.description()) {
        renew(&mut request, key, value.map(|text| json!(text)));
    }
    renew(&mut request, "caps", trimmed_list(incoming.caps.as_deref()).map(Value::from));
    renew(&mut request, "commands", trimmed_list(incoming.commands.as_deref()).map(Value::from));
    renew(&mut request, "permissions", incoming.permissions.clone().map(Value::Object));
    renew(&mut request, "remoteIp", incoming.remote_ip.clone().map(Value::from));
    let silent = record::truthy(existing.get("silent")) && incoming.silent == Some(true);
    record::set(&mut request, "silent", Some(silent));
    record::set(&mut request, "ts", Some(now));
    request
}

fn renew(request: &mut Record, key: &str, value: Option<Value>) {
    if value.is_some() {
        record::set(request, key, value);
    }
}

fn trimmed_list(list: Option<&[String]>) -> Option<Vec<String>> {
    let trimmed =
        |list: &[String]| list.iter().map(|item| record::trim(item).to_owned()).filter(|i| !i.is_empty()).collect();
    list.map(trimmed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Rules;
    use crate::store::{Document, MemoryDocuments};
    use rstest::rstest;

    const NOW: i64 = 1_700_000_000_000;

    struct Zero;

    impl Entropy for Zero {
        fn uuid(&mut self) -> [u8; 16] {
            [0; 16]
        }

        fn token(&mut self) -> [u8; 32] {
            [0; 32]
        }
    }

    fn of(release: &str) -> Rules {
        Rules::of(release.parse().unwrap()).unwrap()
    }

    fn phone(commands: &[&str]) -> NodeRequest {
        NodeRequest {
            node_id: "phone".to_owned(),
            platform: Some("ios".to_owned()),
            commands: Some(commands.iter().map(|command| (*command).to_owned()).collect()),
            ..NodeRequest::default()
        }
    }

    #[rstest]
    #[case("2026.3.31", "requestId nodeId platform commands isRepair ts", false)]
    #[case("2026.4.1", "requestId nodeId platform commands silent ts", true)]
    fn a_repeat_refreshes_from_2026_4_1_on(#[case] release: &str, #[case] keys: &str, #[case] refreshes: bool) {
        let (rules, mut store) = (of(release).nodes, MemoryDocuments::new());
        let first = request(&rules, &mut store, &mut Zero, NOW, &phone(&["a"])).unwrap();
        assert_eq!(first.request.keys().map(String::as_str).collect::<Vec<_>>().join(" "), keys);
        let second = request(&rules, &mut store, &mut Zero, NOW + 1, &phone(&["b"])).unwrap();
        assert!(!second.created);
        assert_eq!(second.request["commands"], if refreshes { json!(["b"]) } else { json!(["a"]) });
    }

    #[rstest]
    #[case("2026.4.2", &[], &[], None)]
    #[case("2026.4.2", &["x"], &["operator.pairing"], Some("operator.write"))]
    #[case("2026.4.2", &["system.run"], &["operator.write"], Some("operator.admin"))]
    #[case("2026.4.5", &[], &["operator.write"], Some("operator.pairing"))]
    #[case("2026.4.5", &["x"], &["operator.pairing"], Some("operator.write"))]
    #[case("2026.4.5", &["x"], &["operator.pairing", "operator.write"], None)]
    #[case("2026.4.5", &["system.which"], &["operator.admin"], None)]
    fn approving_takes_scopes(
        #[case] release: &str,
        #[case] commands: &[&str],
        #[case] caller: &[&str],
        #[case] missing: Option<&str>,
    ) {
        let (rules, mut store) = (of(release), MemoryDocuments::new());
        let asked = request(&rules.nodes, &mut store, &mut Zero, NOW, &phone(commands)).unwrap();
        let id = record::key_text(asked.request.get("requestId"));
        let caller: Vec<String> = caller.iter().map(|scope| (*scope).to_owned()).collect();
        let approval = approve(&rules.nodes, &rules.pairing, &mut store, &mut Zero, NOW, &id, &caller).unwrap();
        match missing {
            Some(scope) => assert_eq!(approval, NodeApproval::Forbidden { missing_scope: scope.to_owned() }),
            None => {
                assert!(matches!(approval, NodeApproval::Approved { .. }));
                let token = store.read(Document::NodesPaired).unwrap()["phone"]["token"].clone();
                assert!(verify(&rules.nodes, &store, NOW, " phone", token.as_str().unwrap()).unwrap().is_some());
                assert!(verify(&rules.nodes, &store, NOW, "phone", "other").unwrap().is_none());
            }
        }
    }
}
