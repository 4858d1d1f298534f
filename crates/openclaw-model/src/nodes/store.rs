//! Requests and approvals of nodes (`nodes/pending.json`, `nodes/paired.json`).

use super::NodeRules;
use super::commands::RUN_COMMANDS;
use crate::Entropy;
use crate::pairing::{
    ChangedDocuments, DocumentFamily, PairingList, PairingRules, PairingState, StoreError, missing_scope, newest,
    reject_pending, same_secret,
};
use openclaw_protocol::ids;
use openclaw_protocol::js::{self, Record};
use openclaw_protocol::store::{Document, Documents, SURFACE_FIELDS};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The result of an approval.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeApproval {
    /// The pending request does not exist.
    Unknown,
    /// The approver lacks a scope.
    Forbidden {
        /// The first missing scope.
        missing_scope: String,
    },
    /// The node is approved.
    Approved {
        /// Its record as it was written, with its token.
        node: Record,
    },
}

/// The contents of the node store, newest first.
///
/// # Errors
/// Returns an error for an invalid record.
pub fn list(rules: &NodeRules, documents: &dyn Documents, now: i64) -> Result<PairingList, StoreError> {
    let state = PairingState::load(rules.state, DocumentFamily::Nodes, documents, now)?;
    let mut pending: Vec<Value> = newest(&state.pending, "ts")?;
    if rules.approval_needs_pairing {
        for entry in &mut pending {
            let mut shown = js::spread(Some(entry));
            shown.shift_remove("revision");
            js::set(&mut shown, "requiredApproveScopes", Some(required_scopes(rules, entry)));
            if rules.requests_of_devices {
                add_device(documents, &mut shown);
            }
            *entry = Value::Object(shown);
        }
    }
    let mut paired = newest(&state.paired, "approvedAtMs")?;
    for node in paired.iter_mut().filter(|_| rules.part_of_device) {
        *node = Value::Object(projected(documents, js::spread(Some(node))));
    }
    Ok(PairingList { pending, paired })
}

/// An approved node in releases that store it with its device, in its public form: with the fields of the device's
/// record (`device-pairing-node.records.ts` `toPairedNode`).
pub fn projected(documents: &dyn Documents, mut node: Record) -> Record {
    let devices = documents.read(Document::DevicesPaired);
    let id = node.get("nodeId").and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(device) = devices.as_ref().and_then(|devices| devices.get(&id)) else { return node };
    let own = |key: &str| js::present(device.get(key)).cloned();
    let name = js::present(node.get("displayName")).cloned().or_else(|| own("displayName"));
    js::set(&mut node, "displayName", name);
    for key in ["clientId", "clientMode", "platform", "deviceFamily", "remoteIp", "lastSeenAtMs", "lastSeenReason"] {
        node.shift_remove(key);
        js::set(&mut node, key, own(key));
    }
    node
}

/// The node in a device's record: its approved surface and the requested one.
///
/// # Errors
/// Returns an error for an invalid record.
pub fn surfaces_of_device(
    rules: &NodeRules,
    documents: &dyn Documents,
    now: i64,
    device_id: &str,
) -> Result<Record, StoreError> {
    let mut surfaces = Record::new();
    if !rules.part_of_device {
        return Ok(surfaces);
    }
    let state = PairingState::load(rules.state, DocumentFamily::Nodes, documents, now)?;
    if let Some(approved) = state.paired.get_truthy(device_id) {
        let mut kept = js::spread(Some(approved));
        kept.retain(|field, _| SURFACE_FIELDS.contains(&field.as_str()));
        js::set(&mut surfaces, "nodeSurface", Some(Value::Object(kept)));
    }
    let asks = |pending: &&Value| pending.get("nodeId").and_then(Value::as_str) == Some(device_id);
    let pending = newest(&state.pending, "ts")?;
    if let Some(pending) = pending.iter().find(asks) {
        let mut kept = js::spread(Some(pending));
        kept.shift_remove("nodeId");
        js::set(&mut surfaces, "pendingNodeSurface", Some(Value::Object(kept)));
    }
    Ok(surfaces)
}

/// The record of an approved node.
///
/// # Errors
/// Returns an error for a pending request that is `null`, because both documents are read.
pub fn find_paired(
    rules: &NodeRules,
    documents: &dyn Documents,
    now: i64,
    node_id: &str,
) -> Result<Option<Value>, StoreError> {
    let state = PairingState::load(rules.state, DocumentFamily::Nodes, documents, now)?;
    Ok(state.paired.get_truthy(js::trim(node_id)).cloned())
}

/// The id of the node of a pending request.
///
/// # Errors
/// Returns an error of the store or for an invalid record.
pub fn find_pending(
    rules: &NodeRules,
    documents: &dyn Documents,
    now: i64,
    request_id: &str,
) -> Result<Option<String>, StoreError> {
    let state = PairingState::load(rules.state, DocumentFamily::Nodes, documents, now)?;
    let pending = state.pending.get_truthy(request_id);
    Ok(pending.and_then(|pending| pending.get("nodeId")?.as_str()).map(str::to_owned))
}

/// Removes all requests of a node, newest first. Returns their ids.
///
/// # Errors
/// Returns an error of the store or for an invalid record.
pub fn reject_all(
    rules: &NodeRules,
    documents: &mut dyn Documents,
    now: i64,
    node_id: &str,
) -> Result<Vec<String>, StoreError> {
    let mut state = PairingState::load(rules.state, DocumentFamily::Nodes, documents, now)?;
    let node_id = js::trim(node_id);
    let mut theirs = state.pending.values()?;
    theirs.retain(|pending| pending.get("nodeId").and_then(Value::as_str) == Some(node_id));
    let newest = js::newest_first(theirs, "ts")?;
    let ids: Vec<String> = newest.iter().map(|pending| js::key_text(pending.get("requestId"))).collect();
    drop(newest);
    if ids.is_empty() {
        return Ok(ids);
    }
    ids.iter().for_each(|id| state.pending.remove(id));
    state.persist(documents, ChangedDocuments::Both)?;
    Ok(ids)
}

/// Approves a pending node for an approver with these scopes.
///
/// # Errors
/// Returns an error of the store or for an invalid record.
pub fn approve(
    rules: &NodeRules,
    scope_rules: &PairingRules,
    documents: &mut dyn Documents,
    entropy: &mut dyn Entropy,
    now: i64,
    request_id: &str,
    caller_scopes: &[String],
) -> Result<NodeApproval, StoreError> {
    let mut state = PairingState::load(rules.state, DocumentFamily::Nodes, documents, now)?;
    let Some(pending) = state.pending.get_truthy(request_id).cloned() else { return Ok(NodeApproval::Unknown) };
    let required = required_scopes(rules, &pending);
    if let Some(missing_scope) = missing_scope(scope_rules, "operator", &required, caller_scopes) {
        return Ok(NodeApproval::Forbidden { missing_scope: missing_scope.clone() });
    }
    let key = js::key_text(pending.get("nodeId"));
    let created = js::present(js::optional_property(state.paired.get(&key), "createdAtMs")).cloned();
    let mut node = Record::new();
    js::set(&mut node, "nodeId", pending.get("nodeId").cloned());
    let had = |field: &str| js::optional_property(state.paired.get(&key), field).cloned();
    if rules.part_of_device {
        let name = had("displayName").or_else(|| pending.get("displayName").cloned());
        js::set(&mut node, "displayName", name);
        for field in OWN.iter().chain(&SURFACE[..3]) {
            js::set(&mut node, field, pending.get(*field).cloned());
        }
        js::set(&mut node, "bins", had("bins"));
        js::set(&mut node, "lastConnectedAtMs", had("lastConnectedAtMs"));
    } else {
        js::set(&mut node, "token", Some(ids::token(entropy.token())));
        for field in DESCRIPTION.iter().chain(&SURFACE) {
            js::set(&mut node, field, pending.get(*field).cloned());
        }
    }
    js::set(&mut node, "createdAtMs", Some(created.unwrap_or_else(|| json!(now))));
    js::set(&mut node, "approvedAtMs", Some(now));
    state.pending.remove(request_id);
    state.paired.set(&key, Value::Object(node.clone()))?;
    state.persist(documents, ChangedDocuments::Both)?;
    Ok(NodeApproval::Approved { node })
}

/// Removes a pending request and returns its node.
///
/// # Errors
/// Returns an error of the store or for an invalid record.
pub fn reject(
    rules: &NodeRules,
    documents: &mut dyn Documents,
    now: i64,
    request_id: &str,
) -> Result<Option<Option<Value>>, StoreError> {
    reject_pending(rules.state, DocumentFamily::Nodes, "nodeId", documents, now, request_id)
}

/// Removes an approved node. Returns its id, or `None` if it does not exist.
///
/// # Errors
/// Returns an error of the store or for an invalid record.
pub fn remove(
    rules: &NodeRules,
    documents: &mut dyn Documents,
    now: i64,
    node_id: &str,
) -> Result<Option<String>, StoreError> {
    let mut state = PairingState::load(rules.state, DocumentFamily::Nodes, documents, now)?;
    let node_id = js::trim(node_id);
    if node_id.is_empty() || state.paired.get_truthy(node_id).is_none() {
        return Ok(None);
    }
    state.paired.remove(node_id);
    state.persist(documents, ChangedDocuments::Both)?;
    Ok(Some(node_id.to_owned()))
}

/// The record of the node that a token belongs to.
///
/// # Errors
/// Returns an error for an invalid record.
pub fn verify(
    rules: &NodeRules,
    documents: &dyn Documents,
    now: i64,
    node_id: &str,
    token: &str,
) -> Result<Option<Value>, StoreError> {
    let Some(node) = find_paired(rules, documents, now, node_id)? else { return Ok(None) };
    Ok(same_secret(token, node.get("token"))?.then_some(node))
}

/// Renames an approved node. Returns its record, or `None` if it does not exist.
///
/// # Errors
/// Returns an error of the store or for an invalid record.
pub fn rename(
    rules: &NodeRules,
    documents: &mut dyn Documents,
    now: i64,
    node_id: &str,
    display_name: &str,
) -> Result<Option<Record>, StoreError> {
    change(rules, documents, now, node_id, |node| js::set(node, "displayName", Some(js::trim(display_name))))
}

/// Records the last connect of an approved node. Does nothing if it does not exist.
///
/// # Errors
/// Returns an error of the store or for an invalid record.
pub fn record_connect(
    rules: &NodeRules,
    documents: &mut dyn Documents,
    now: i64,
    node_id: &str,
) -> Result<(), StoreError> {
    change(rules, documents, now, node_id, |node| {
        js::set(node, "lastConnectedAtMs", Some(now));
        let gone = node.get(DEPARTED).map(|gone| js::number(Some(gone)));
        // Exact for every time of this millennium.
        #[allow(clippy::cast_precision_loss)]
        if rules.notes_departures && gone.is_some_and(|gone| now as f64 > gone) {
            node.shift_remove(DEPARTED);
        }
    })
    .map(|_| ())
}

/// Records that an approved node reported that it is alive. Returns whether the node exists.
///
/// # Errors
/// Returns an error of the store or for an invalid record.
pub fn note_life(
    rules: &NodeRules,
    documents: &mut dyn Documents,
    now: i64,
    node_id: &str,
    reason: &str,
) -> Result<bool, StoreError> {
    let recorded = change(rules, documents, now, node_id, |node| {
        js::set(node, "lastSeenAtMs", Some(now));
        js::set(node, "lastSeenReason", Some(reason));
    })?;
    Ok(recorded.is_some())
}

/// Records the programs of an approved node if they have changed (`updatePairedNodeMetadata`). Returns whether they
/// have.
///
/// # Errors
/// Returns an error of the store or for an invalid record.
pub fn note_programs(
    rules: &NodeRules,
    documents: &mut dyn Documents,
    now: i64,
    node_id: &str,
    programs: &[String],
) -> Result<bool, StoreError> {
    let Some(node) = find_paired(rules, documents, now, node_id)? else { return Ok(false) };
    let known = node.get("bins").and_then(Value::as_array).into_iter().flatten();
    let known: BTreeSet<&str> = known.filter_map(Value::as_str).collect();
    let others = known != programs.iter().map(String::as_str).collect();
    if others {
        change(rules, documents, now, node_id, |node| js::set(node, "bins", Some(json!(programs))))?;
    }
    Ok(others)
}

/// The field with the time of the disconnect.
const DEPARTED: &str = "lastDisconnectedAtMs";

/// Records that the node with this connect time has disconnected, unless it has connected again.
///
/// # Errors
/// Returns an error of the store or for an invalid record.
pub fn record_departure(
    rules: &NodeRules,
    documents: &mut dyn Documents,
    now: i64,
    node_id: &str,
    connected_at: i64,
) -> Result<(), StoreError> {
    let still = find_paired(rules, documents, now, node_id)?
        .is_some_and(|node| node.get("lastConnectedAtMs") == Some(&json!(connected_at)));
    if still && rules.notes_departures {
        change(rules, documents, now, node_id, |node| js::set(node, DEPARTED, Some(now)))?;
    }
    Ok(())
}

fn change(
    rules: &NodeRules,
    documents: &mut dyn Documents,
    now: i64,
    node_id: &str,
    apply: impl FnOnce(&mut Record),
) -> Result<Option<Record>, StoreError> {
    let mut state = PairingState::load(rules.state, DocumentFamily::Nodes, documents, now)?;
    let node_id = js::trim(node_id);
    let Some(existing) = state.paired.get_truthy(node_id) else { return Ok(None) };
    let mut node = js::spread(Some(existing));
    apply(&mut node);
    state.paired.set(node_id, Value::Object(node.clone()))?;
    state.persist(documents, ChangedDocuments::Both)?;
    Ok(Some(node))
}

/// The scopes that an approval needs: `operator.admin` for commands that run programs, `operator.write` for any other
/// command.
pub(super) fn required_scopes(rules: &NodeRules, pending: &Value) -> Vec<String> {
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

/// Fields that a request does not contain are taken from the record of its device.
pub(super) fn add_device(documents: &dyn Documents, request: &mut Record) {
    let devices = documents.read(Document::DevicesPaired);
    let node_id = js::key_text(request.get("nodeId"));
    let Some(device) = devices.as_ref().and_then(|devices| devices.get(&node_id)) else { return };
    for key in ["clientId", "clientMode", "displayName", "platform", "deviceFamily", "remoteIp"] {
        if js::present(request.get(key)).is_none() {
            js::set(request, key, js::present(device.get(key)).cloned());
        }
    }
}

/// The fields of a node's description.
pub(super) const DESCRIPTION: [&str; 7] =
    ["displayName", "platform", "version", "coreVersion", "uiVersion", "deviceFamily", "modelIdentifier"];
/// The fields of a node's description, with those of its device.
const OWN: [&str; 4] = ["version", "coreVersion", "uiVersion", "modelIdentifier"];
const SURFACE: [&str; 4] = ["caps", "commands", "permissions", "remoteIp"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Facts;
    use crate::nodes::{NodeRequest, request};
    use openclaw_protocol::store::{Document, MemoryDocuments};
    use rstest::rstest;

    const NOW: i64 = 1_700_000_000_000;

    struct ZeroEntropy;

    impl Entropy for ZeroEntropy {
        fn uuid(&mut self) -> [u8; 16] {
            [0; 16]
        }

        fn token(&mut self) -> [u8; 32] {
            [0; 32]
        }
    }

    fn of(release: &str) -> Facts {
        Facts::of(release.parse().unwrap()).unwrap()
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
    fn repeat_refreshes_since_2026_4_1(#[case] release: &str, #[case] keys: &str, #[case] refreshes: bool) {
        let (rules, mut store) = (of(release).nodes, MemoryDocuments::new());
        let first = request(&rules, &mut store, &mut ZeroEntropy, NOW, &phone(&["a"])).unwrap();
        assert_eq!(first.request.keys().map(String::as_str).collect::<Vec<_>>().join(" "), keys);
        let second = request(&rules, &mut store, &mut ZeroEntropy, NOW + 1, &phone(&["b"])).unwrap();
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
        let requested = request(&rules.nodes, &mut store, &mut ZeroEntropy, NOW, &phone(commands)).unwrap();
        let id = js::key_text(requested.request.get("requestId"));
        let caller: Vec<String> = caller.iter().map(|scope| (*scope).to_owned()).collect();
        let approval = approve(&rules.nodes, &rules.pairing, &mut store, &mut ZeroEntropy, NOW, &id, &caller).unwrap();
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
