//! `node.pair.*`, `node.rename`, `node.list`, `node.describe` (`server-methods/nodes.ts`).

use super::node_catalogue::catalogue;
use super::schemas::{NODE_ID, NODE_RENAME, NODE_REQUEST, NODE_VERIFY, NOTHING, REQUEST_ID};
use super::{Call, Handled, Reply, invalid};
use crate::rules::nodes::{self, NodeApproval, NodeRequest};
use crate::store::record::{self, Record};
use serde_json::{Value, json};

pub(super) fn request(call: &mut Call<'_, '_>) -> Handled {
    let params = call.params(&NODE_REQUEST)?;
    let text = |key: &str| params.get(key).and_then(Value::as_str).map(str::to_owned);
    let incoming = NodeRequest {
        node_id: text("nodeId").unwrap_or_default(),
        display_name: text("displayName"),
        platform: text("platform"),
        version: text("version"),
        core_version: text("coreVersion"),
        ui_version: text("uiVersion"),
        device_family: text("deviceFamily"),
        model_identifier: text("modelIdentifier"),
        caps: texts(params.get("caps")),
        commands: texts(params.get("commands")),
        permissions: None,
        remote_ip: text("remoteIp"),
        silent: params.get("silent").and_then(Value::as_bool),
    };
    let now = call.now();
    let environment = &mut *call.environment;
    let (store, entropy) = (&mut *environment.store, &mut *environment.entropy);
    let requested = nodes::request(&call.model.rules.nodes, store, entropy, now, &incoming)?;
    let request = Value::Object(requested.request);
    if requested.created {
        call.broadcast("node.pair.requested", request.clone());
    }
    Ok(Reply::Answer(json!({"status": "pending", "request": request, "created": requested.created})))
}

pub(super) fn list_pairing(call: &mut Call<'_, '_>) -> Handled {
    call.params(&NOTHING)?;
    let list = nodes::list(&call.model.rules.nodes, call.environment.store, call.now())?;
    Ok(Reply::Answer(json!({"pending": list.pending, "paired": list.paired})))
}

pub(super) fn approve(call: &mut Call<'_, '_>) -> Handled {
    let params = call.params(&REQUEST_ID)?;
    let request_id = params.get("requestId").and_then(Value::as_str).unwrap_or_default();
    let now = call.now();
    let rules = &call.model.rules;
    let environment = &mut *call.environment;
    let (store, entropy) = (&mut *environment.store, &mut *environment.entropy);
    match nodes::approve(&rules.nodes, &rules.pairing, store, entropy, now, request_id, &call.client.scopes)? {
        NodeApproval::Unknown => Err(invalid("unknown requestId")),
        NodeApproval::Forbidden { missing_scope } => {
            call.reason(format!("the node's commands take {missing_scope} of who approves them"));
            Err(invalid(format!("missing scope: {missing_scope}")))
        }
        NodeApproval::Approved { node } => {
            call.node_resolved(request_id, node.get("nodeId").cloned(), "approved");
            Ok(Reply::Answer(json!({"requestId": request_id, "node": node})))
        }
    }
}

pub(super) fn reject(call: &mut Call<'_, '_>) -> Handled {
    let params = call.params(&REQUEST_ID)?;
    let request_id = params.get("requestId").and_then(Value::as_str).unwrap_or_default();
    let now = call.now();
    let Some(node_id) = nodes::reject(&call.model.rules.nodes, call.environment.store, now, request_id)? else {
        return Err(invalid("unknown requestId"));
    };
    call.node_resolved(request_id, node_id.clone(), "rejected");
    let mut payload = Record::new();
    record::set(&mut payload, "requestId", Some(request_id));
    record::set(&mut payload, "nodeId", node_id);
    Ok(Reply::Answer(Value::Object(payload)))
}

pub(super) fn remove(call: &mut Call<'_, '_>) -> Handled {
    let params = call.params(&NODE_ID)?;
    let node_id = params.get("nodeId").and_then(Value::as_str).unwrap_or_default();
    let now = call.now();
    let Some(node_id) = nodes::remove(&call.model.rules.nodes, call.environment.store, now, node_id)? else {
        return Err(invalid("unknown nodeId"));
    };
    call.node_resolved("", Some(json!(node_id)), "removed");
    Ok(Reply::Answer(json!({"nodeId": node_id})))
}

pub(super) fn verify(call: &mut Call<'_, '_>) -> Handled {
    let params = call.params(&NODE_VERIFY)?;
    let text = |key: &str| params.get(key).and_then(Value::as_str).unwrap_or_default();
    let node =
        nodes::verify(&call.model.rules.nodes, call.environment.store, call.now(), text("nodeId"), text("token"))?;
    Ok(Reply::Answer(node.map_or_else(|| json!({"ok": false}), |node| json!({"ok": true, "node": node}))))
}

pub(super) fn rename(call: &mut Call<'_, '_>) -> Handled {
    let params = call.params(&NODE_RENAME)?;
    let text = |key: &str| params.get(key).and_then(Value::as_str).unwrap_or_default();
    let name = record::trim(text("displayName"));
    if name.is_empty() {
        return Err(invalid("displayName required"));
    }
    let now = call.now();
    let renamed = nodes::rename(&call.model.rules.nodes, call.environment.store, now, text("nodeId"), name)?;
    let node = renamed.ok_or_else(|| invalid("unknown nodeId"))?;
    let mut payload = Record::new();
    record::set(&mut payload, "nodeId", node.get("nodeId").cloned());
    record::set(&mut payload, "displayName", node.get("displayName").cloned());
    Ok(Reply::Answer(Value::Object(payload)))
}

pub(super) fn list(call: &mut Call<'_, '_>) -> Handled {
    call.params(&NOTHING)?;
    let now = call.now();
    let nodes = catalogue(call.model, call.environment.store, now)?;
    Ok(Reply::Answer(json!({"ts": now, "nodes": nodes})))
}

pub(super) fn describe(call: &mut Call<'_, '_>) -> Handled {
    let params = call.params(&NODE_ID)?;
    let node_id = record::trim(params.get("nodeId").and_then(Value::as_str).unwrap_or_default());
    if node_id.is_empty() {
        return Err(invalid("nodeId required"));
    }
    let now = call.now();
    let nodes = catalogue(call.model, call.environment.store, now)?;
    let is = |node: &&Record| node.get("nodeId").and_then(Value::as_str) == Some(node_id);
    let node = nodes.iter().find(is).ok_or_else(|| invalid("unknown nodeId"))?;
    let mut payload = Record::new();
    record::set(&mut payload, "ts", Some(now));
    payload.extend(node.clone());
    Ok(Reply::Answer(Value::Object(payload)))
}

impl Call<'_, '_> {
    fn node_resolved(&mut self, request_id: &str, node_id: Option<Value>, decision: &str) {
        let mut payload = Record::new();
        record::set(&mut payload, "requestId", Some(request_id));
        record::set(&mut payload, "nodeId", node_id);
        record::set(&mut payload, "decision", Some(decision));
        record::set(&mut payload, "ts", Some(self.now()));
        self.broadcast("node.pair.resolved", Value::Object(payload));
    }
}

fn texts(list: Option<&Value>) -> Option<Vec<String>> {
    let items = list?.as_array()?;
    Some(items.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}
