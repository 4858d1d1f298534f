//! `node.pair.*`, `node.rename`, `node.list`, `node.describe` (`server-methods/nodes.ts`).

use crate::ConnectionId;
use crate::nodes::{self, NodeApproval, NodeDescription, NodeReconnect, NodeRequest, NodeSurface};
use crate::pairing;
use crate::rpc::devices::calls::has_other_role;
use crate::rpc::nodes::catalogue::catalogue;
use crate::rpc::schemas::{NODE_ID, NODE_RENAME, NODE_VERIFY, NOTHING, REQUEST_ID, node_request};
use crate::rpc::{Call, HandlerResult, Refusal, Reply, invalid, missing};
use openclaw_protocol::js::{self, Record};
use serde_json::{Value, json};

pub(in crate::rpc) fn request(call: &mut Call<'_, '_>) -> HandlerResult {
    let params = call.params(node_request(&call.model.rules.nodes))?;
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
        permissions: params.get("permissions").and_then(Value::as_object).cloned(),
        remote_ip: text("remoteIp"),
        silent: params.get("silent").and_then(Value::as_bool),
    };
    let now = call.now();
    let environment = &mut *call.environment;
    let (store, entropy) = (&mut *environment.store, &mut *environment.entropy);
    let requested = nodes::request(&call.model.rules.nodes, store, entropy, now, &incoming)?;
    let request = Value::Object(requested.request);
    if requested.created {
        for replaced in &requested.superseded {
            call.node_resolved(replaced, request.get("nodeId").cloned(), "rejected");
        }
        call.broadcast("node.pair.requested", request.clone());
    }
    let mut payload = Record::new();
    js::set(&mut payload, "status", Some("pending"));
    js::set(&mut payload, "request", Some(request.clone()));
    js::set(&mut payload, "created", Some(requested.created));
    let replaced = |id: &String| json!({"requestId": id, "nodeId": request.get("nodeId")});
    let superseded: Vec<Value> = requested.superseded.iter().map(replaced).collect();
    js::set(&mut payload, "superseded", Some(superseded).filter(|list| !list.is_empty()));
    Ok(Reply::Answer(Value::Object(payload)))
}

pub(in crate::rpc) fn list_pairing(call: &mut Call<'_, '_>) -> HandlerResult {
    call.params(&NOTHING)?;
    let mut list = nodes::list(&call.model.rules.nodes, call.environment.store, call.now())?;
    let bounded = call.model.rules.nodes.part_of_device;
    if let Some(own) = call.own_device_only().filter(|_| bounded) {
        let theirs = |node: &Value| node.get("nodeId").and_then(Value::as_str).map(js::trim) == Some(own.as_str());
        list.pending.retain(theirs);
        list.paired.retain(theirs);
    }
    Ok(Reply::Answer(json!({"pending": list.pending, "paired": list.paired})))
}

pub(in crate::rpc) fn approve(call: &mut Call<'_, '_>) -> HandlerResult {
    let params = call.params(&REQUEST_ID)?;
    let request_id = params.get("requestId").and_then(Value::as_str).unwrap_or_default();
    call.decides_own_node(request_id, "approval")?;
    let now = call.now();
    let rules = &call.model.rules;
    let environment = &mut *call.environment;
    let (store, entropy) = (&mut *environment.store, &mut *environment.entropy);
    match nodes::approve(&rules.nodes, &rules.pairing, store, entropy, now, request_id, &call.client.scopes)? {
        NodeApproval::Unknown => Err(invalid("unknown requestId")),
        NodeApproval::Forbidden { missing_scope } => {
            call.reason(format!("the node's commands take {missing_scope} of who approves them"));
            let mut takes = vec!["operator.pairing"];
            takes.extend(Some(missing_scope.as_str()).filter(|scope| *scope != "operator.pairing"));
            Err(missing(&call.model.rules.rpc, &missing_scope, &takes))
        }
        NodeApproval::Approved { node } => {
            let of_device = rules.nodes.part_of_device;
            let node = if of_device { nodes::projected(call.environment.store, node) } else { node };
            if call.model.rules.nodes.reconnect == NodeReconnect::AskForSurface {
                let skilled = crate::rpc::mac_skills(call.model);
                let live = call.grant_surface(&Value::Object(node.clone()));
                let node_id = node.get("nodeId").and_then(Value::as_str).unwrap_or_default().to_owned();
                crate::rpc::announce_skills_if_changed(call.model, &skilled, call.outcome);
                if of_device {
                    let resolved = call.resolution(request_id, node.get("nodeId").cloned(), "approved");
                    for connection in &live {
                        call.model.send_event_to_node(
                            *connection,
                            "node.pair.resolved",
                            resolved.clone(),
                            call.outcome,
                        );
                    }
                }
                for connection in live {
                    crate::rpc::ask_mac(call.model, connection, &node_id, call.environment, call.outcome);
                }
            }
            call.node_resolved(request_id, node.get("nodeId").cloned(), "approved");
            Ok(Reply::Answer(json!({"requestId": request_id, "node": node})))
        }
    }
}

pub(in crate::rpc) fn reject(call: &mut Call<'_, '_>) -> HandlerResult {
    let params = call.params(&REQUEST_ID)?;
    let request_id = params.get("requestId").and_then(Value::as_str).unwrap_or_default();
    call.decides_own_node(request_id, "rejection")?;
    let now = call.now();
    let Some(node_id) = nodes::reject(&call.model.rules.nodes, call.environment.store, now, request_id)? else {
        return Err(invalid("unknown requestId"));
    };
    call.node_resolved(request_id, node_id.clone(), "rejected");
    let mut payload = Record::new();
    js::set(&mut payload, "requestId", Some(request_id));
    js::set(&mut payload, "nodeId", node_id);
    Ok(Reply::Answer(Value::Object(payload)))
}

pub(in crate::rpc) fn remove(call: &mut Call<'_, '_>) -> HandlerResult {
    let params = call.params(&NODE_ID)?;
    let node_id = params.get("nodeId").and_then(Value::as_str).unwrap_or_default();
    let now = call.now();
    let device = call.remove_node_role(node_id)?;
    let rules = &call.model.rules.nodes;
    let removed = nodes::remove(rules, call.environment.store, now, device.as_deref().unwrap_or(node_id))?;
    let removed = removed.or_else(|| device.clone());
    let node_id = removed.ok_or_else(|| invalid("unknown nodeId"))?;
    // This must happen before the decision is announced, because `AnswerThenDisconnect` finds the node already gone.
    if device.is_some() {
        call.model.retire_nodes(&node_id, Some("node"), now, call.outcome);
    }
    if call.model.rules.rpc.node_removal_takes_role {
        call.grant_surface(&json!({"nodeId": node_id}));
        call.model.node_work.forget(&node_id);
    }
    call.node_resolved("", Some(json!(node_id)), "removed");
    let payload = json!({"nodeId": node_id});
    match device {
        Some(device_id) => Ok(Reply::AnswerThenDisconnect { payload, device_id, role: Some("node".to_owned()) }),
        None => Ok(Reply::Answer(payload)),
    }
}

pub(in crate::rpc) fn verify(call: &mut Call<'_, '_>) -> HandlerResult {
    let params = call.params(&NODE_VERIFY)?;
    let text = |key: &str| params.get(key).and_then(Value::as_str).unwrap_or_default();
    let node =
        nodes::verify(&call.model.rules.nodes, call.environment.store, call.now(), text("nodeId"), text("token"))?;
    Ok(Reply::Answer(node.map_or_else(|| json!({"ok": false}), |node| json!({"ok": true, "node": node}))))
}

pub(in crate::rpc) fn rename(call: &mut Call<'_, '_>) -> HandlerResult {
    let params = call.params(&NODE_RENAME)?;
    let text = |key: &str| params.get(key).and_then(Value::as_str).unwrap_or_default();
    if call.model.rules.nodes.part_of_device && call.manages_another(text("nodeId")) {
        call.log(format!("node rename denied node={}", js::trim(text("nodeId"))));
        return Err(invalid("node rename denied"));
    }
    let name = js::trim(text("displayName"));
    if name.is_empty() {
        return Err(invalid("displayName required"));
    }
    let now = call.now();
    let renamed = nodes::rename(&call.model.rules.nodes, call.environment.store, now, text("nodeId"), name)?;
    let node = renamed.ok_or_else(|| invalid("unknown nodeId"))?;
    let mut payload = Record::new();
    js::set(&mut payload, "nodeId", node.get("nodeId").cloned());
    js::set(&mut payload, "displayName", node.get("displayName").cloned());
    Ok(Reply::Answer(Value::Object(payload)))
}

pub(in crate::rpc) fn list(call: &mut Call<'_, '_>) -> HandlerResult {
    call.params(&NOTHING)?;
    let now = call.now();
    let nodes = call.known_nodes()?;
    Ok(Reply::Answer(json!({"ts": now, "nodes": nodes})))
}

pub(in crate::rpc) fn describe(call: &mut Call<'_, '_>) -> HandlerResult {
    let params = call.params(&NODE_ID)?;
    let node_id = js::trim(params.get("nodeId").and_then(Value::as_str).unwrap_or_default());
    if node_id.is_empty() {
        return Err(invalid("nodeId required"));
    }
    let now = call.now();
    let nodes = call.known_nodes()?;
    let is = |node: &&Record| node.get("nodeId").and_then(Value::as_str) == Some(node_id);
    let node = nodes.iter().find(is).ok_or_else(|| invalid("unknown nodeId"))?;
    let mut payload = Record::new();
    js::set(&mut payload, "ts", Some(now));
    payload.extend(node.clone());
    Ok(Reply::Answer(Value::Object(payload)))
}

impl Call<'_, '_> {
    /// Where requests belong to their node, a device without `operator.admin` can decide only its own node's requests.
    ///
    /// # Errors
    /// Returns the refusal if the request belongs to another device or to none.
    fn decides_own_node(&mut self, request_id: &str, what: &str) -> Result<(), Refusal> {
        if !self.model.rules.nodes.part_of_device {
            return Ok(());
        }
        let pending = nodes::find_pending(&self.model.rules.nodes, self.environment.store, self.now(), request_id)?;
        let denied = match pending {
            Some(node_id) => self.manages_another(&node_id),
            None => self.own_device_only().is_some(),
        };
        if denied { Err(invalid(format!("node pairing {what} denied"))) } else { Ok(()) }
    }

    /// Limits a live node to the approved part of what it offers. Returns the node's connections.
    fn grant_surface(&mut self, node: &Value) -> Vec<ConnectionId> {
        let approved = NodeSurface::of(node);
        let node_id = node.get("nodeId").and_then(Value::as_str).unwrap_or_default();
        let (rules, config) = (&self.model.rules.nodes, &self.model.config);
        let mut live = Vec::new();
        for (connection, open) in self.model.connections.iter_mut().filter(|(_, open)| !open.closing) {
            let Some(client) = open.client.as_mut().filter(|client| client.role == "node") else { continue };
            let id = client.device_id().unwrap_or(&client.connect.client.id);
            let Some(declared) = client.declared.clone().filter(|_| id == node_id) else { continue };
            let judged = NodeDescription {
                platform: node.get("platform").and_then(Value::as_str).unwrap_or_default(),
                family: node.get("deviceFamily").and_then(Value::as_str),
                caps: &approved.caps,
                commands: &approved.commands,
                approved: Some(&approved.commands),
            };
            let commands = nodes::permitted_commands(rules, config, judged, &approved.commands);
            let granted = NodeSurface { commands, ..approved.clone() };
            let effective = declared.within(&granted);
            client.connect.caps = Some(granted.caps.into_iter().filter(|cap| declared.caps.contains(cap)).collect());
            let offered = |command: &String| declared.commands.contains(command);
            client.connect.commands = Some(granted.commands.into_iter().filter(offered).collect());
            client.connect.permissions = effective.permissions;
            live.push(*connection);
        }
        live
    }

    /// The nodes that the caller can see, with the fields that it can see.
    fn known_nodes(&mut self) -> Result<Vec<Record>, Refusal> {
        let mut nodes = catalogue(self.model, self.environment.store, self.now())?;
        let pairs = self.holds("operator.admin") || self.holds("operator.pairing");
        if self.model.rules.rpc.node_approval_state && !pairs {
            let flag = |node: &Record, key: &str| node.get(key) == Some(&Value::Bool(true));
            nodes.retain(|node| flag(node, "paired") || flag(node, "connected"));
            let tells = self.model.rules.rpc.shows_own_node_request;
            let own = self.client.device_id().filter(|_| tells).map(Value::from);
            for node in &mut nodes {
                let is_own = own.is_some() && node.get("nodeId") == own.as_ref();
                node.retain(|key, _| !key.starts_with("pending") || is_own && key == "pendingRequestId");
            }
        }
        Ok(nodes)
    }

    /// Removes the node role from the device of a node, if there is one. Returns its id.
    fn remove_node_role(&mut self, node_id: &str) -> Result<Option<String>, Refusal> {
        if !self.model.rules.rpc.node_removal_takes_role {
            return Ok(None);
        }
        let now = self.now();
        let rules = self.model.rules.pairing.clone();
        let paired = pairing::find_paired(&rules, self.environment.store, now, node_id)?;
        let Some(paired) = paired.filter(|paired| js::truthy(Some(paired))) else { return Ok(None) };
        if !pairing::approved_roles(&rules, &paired)?.iter().any(|role| role == "node") {
            return Ok(None);
        }
        let bounded = self.own_device_only().is_some() && has_other_role(&paired);
        if self.manages_another(node_id) || bounded {
            self.log(format!("node pairing removal denied node={node_id}"));
            return Err(invalid("node pairing removal denied"));
        }
        Ok(pairing::remove_role(&rules, self.environment.store, now, node_id, "node")?)
    }

    fn node_resolved(&mut self, request_id: &str, node_id: Option<Value>, decision: &str) {
        let resolved = self.resolution(request_id, node_id, decision);
        self.broadcast("node.pair.resolved", resolved);
    }

    fn resolution(&self, request_id: &str, node_id: Option<Value>, decision: &str) -> Value {
        let mut payload = Record::new();
        js::set(&mut payload, "requestId", Some(request_id));
        js::set(&mut payload, "nodeId", node_id);
        js::set(&mut payload, "decision", Some(decision));
        js::set(&mut payload, "ts", Some(self.now()));
        Value::Object(payload)
    }
}

fn texts(list: Option<&Value>) -> Option<Vec<String>> {
    let items = list?.as_array()?;
    Some(items.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}
