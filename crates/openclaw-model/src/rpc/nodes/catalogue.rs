//! The nodes that a gateway knows, merged from paired devices with the node role, approved nodes and live connections
//! (`node-catalog.ts`).

use crate::model::{ConnectedClient, Model};
use crate::nodes::{self, NodeRules, NodeSurface, same_set};
use crate::pairing::{self, StoreError};
use indexmap::IndexMap;
use openclaw_protocol::js::{self, Record};
use openclaw_protocol::store::Documents;
use serde_json::{Value, json};
use std::cmp::Ordering;

/// The data about one node from each source.
#[derive(Default)]
struct NodeSources {
    device: Option<Value>,
    node: Option<Value>,
    pending: Option<Value>,
    live: Option<Record>,
    /// The commands and capabilities that the live node offers.
    declared: Option<NodeSurface>,
}

/// Every known node, connected ones first, then by name.
pub(in crate::rpc) fn catalogue(model: &Model, documents: &dyn Documents, now: i64) -> Result<Vec<Record>, StoreError> {
    let rules = &model.rules;
    let mut known: IndexMap<String, NodeSources> = IndexMap::new();
    for device in pairing::list(&rules.pairing, documents, now)?.paired {
        let is_node = match rules.nodes.catalogue {
            true => pairing::has_effective_role(&rules.pairing, &device, "node")?,
            false => recorded_node(&device)?,
        };
        if is_node {
            let id = js::key_text(device.get("deviceId"));
            known.entry(id).or_default().device = Some(device);
        }
    }
    if rules.nodes.list_knows_nodes {
        let listed = nodes::list(&rules.nodes, documents, now)?;
        for node in listed.paired {
            let id = js::key_text(js::property(Some(&node), "nodeId")?);
            known.entry(id).or_default().node = Some(node);
        }
        for pending in listed.pending.into_iter().filter(|_| rules.rpc.node_approval_state) {
            let id = js::key_text(js::property(Some(&pending), "nodeId")?);
            known.entry(id).or_default().pending.get_or_insert(pending);
        }
    }
    for (_, client) in model.clients().into_iter().filter(|(_, client)| client.stands_for_node) {
        let live = live_node(client);
        let id = js::key_text(live.get("nodeId"));
        let sides = known.entry(id).or_default();
        sides.live = Some(live);
        sides.declared = client.declared.clone();
    }
    let entry = |(id, sides): (&String, &NodeSources)| match rules.nodes.catalogue {
        true => entry(id, sides, &rules.nodes, rules.rpc.node_approval_state),
        false => old_entry(id, sides),
    };
    let mut nodes: Vec<Record> = known.iter().map(entry).collect();
    nodes.sort_by(compare);
    Ok(nodes)
}

/// Whether the record's role or roles include `node`, whatever its tokens contain.
fn recorded_node(device: &Value) -> Result<bool, StoreError> {
    let role = js::property(Some(device), "role")?;
    let listed = device.get("roles").and_then(Value::as_array).is_some_and(|roles| roles.contains(&json!("node")));
    Ok(role.and_then(Value::as_str) == Some("node") || listed)
}

fn live_node(client: &ConnectedClient) -> Record {
    let connect = &client.connect;
    let info = &connect.client;
    let mut live = Record::new();
    js::set(&mut live, "nodeId", Some(client.node_id()));
    js::set(&mut live, "clientId", Some(info.id.as_str()));
    js::set(&mut live, "clientMode", Some(info.mode.as_str()));
    js::set(&mut live, "displayName", info.display_name.as_deref());
    js::set(&mut live, "platform", Some(info.platform.as_str()));
    js::set(&mut live, "version", Some(info.version.as_str()));
    js::set(&mut live, "deviceFamily", info.device_family.as_deref());
    js::set(&mut live, "modelIdentifier", info.model_identifier.as_deref());
    js::set(&mut live, "remoteIp", client.client_ip.as_deref());
    js::set(&mut live, "caps", Some(connect.caps.clone().unwrap_or_default()));
    js::set(&mut live, "commands", Some(connect.commands.clone().unwrap_or_default()));
    js::set(&mut live, "permissions", connect.permissions.clone());
    js::set(&mut live, "pathEnv", connect.path_env.as_deref());
    js::set(&mut live, "connectedAtMs", Some(client.connected_at));
    live
}

impl NodeSources {
    fn live(&self, key: &str) -> Option<&Value> {
        js::present(self.live.as_ref().and_then(|live| live.get(key)))
    }

    fn node(&self, key: &str) -> Option<&Value> {
        js::present(js::optional_property(self.node.as_ref(), key))
    }

    fn device(&self, key: &str) -> Option<&Value> {
        js::present(js::optional_property(self.device.as_ref(), key))
    }

    /// The pending request, unless the live node now offers something else.
    fn current_pending(&self) -> Option<&Value> {
        let pending = self.pending.as_ref()?;
        let Some(declared) = self.declared.as_ref() else { return Some(pending) };
        let requested = NodeSurface::of(pending);
        let has_no_data = self.node.is_none() && declared.permissions.is_none();
        let same = same_set(&requested.caps, &declared.caps)
            && same_set(&requested.commands, &declared.commands)
            && (has_no_data || requested.same_permissions(declared));
        same.then_some(pending)
    }

    fn approval_state(&self, pending: Option<&Value>) -> &'static str {
        match (pending, &self.node) {
            (Some(_), Some(_)) => "pending-reapproval",
            (Some(_), None) => "pending-approval",
            (None, Some(_)) => "approved",
            (None, None) => "unapproved",
        }
    }

    /// When and why the node was last seen.
    fn last_seen(&self) -> Option<(Value, Option<Value>)> {
        let connect = Some(json!("connect"));
        let of = |at: Option<&Value>, reason: Option<Value>| {
            at.filter(|at| js::truthy(Some(at))).map(|at| (at.clone(), reason))
        };
        let times = [
            of(self.live("connectedAtMs"), connect.clone()),
            of(self.node("lastSeenAtMs"), self.node("lastSeenReason").cloned()),
            of(self.node("lastConnectedAtMs"), connect),
            of(self.device("lastSeenAtMs"), self.device("lastSeenReason").cloned()),
        ];
        // If several times are equal, the first one counts.
        let newer = |(at, _): &(Value, Option<Value>), than: &Value| js::number(Some(at)) > js::number(Some(than));
        times.into_iter().flatten().fold(None, |best, next| match best {
            Some((at, reason)) if !newer(&next, &at) => Some((at, reason)),
            _ => Some(next),
        })
    }

    /// The time of the last connect: the later one of its record and its connection.
    fn last_connected(&self) -> Option<Value> {
        let (recorded, live) = (self.node("lastConnectedAtMs"), self.live("connectedAtMs"));
        let later = recorded.zip(live).map(|(recorded, live)| js::number(Some(recorded)) > js::number(Some(live)));
        if later.unwrap_or(live.is_none()) { recorded.cloned() } else { live.cloned() }
    }

    /// The capabilities or commands of the live connection, or the approved ones without a connection. Sorted, without
    /// duplicates.
    fn surface(&self, key: &str) -> Vec<String> {
        sorted(if self.live.is_some() { self.live(key) } else { self.node(key) })
    }
}

/// The strings of a list, sorted, without duplicates.
fn sorted(list: Option<&Value>) -> Vec<String> {
    let items = list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let mut items: Vec<String> = items.map(|i| js::trim(i).to_owned()).filter(|i| !i.is_empty()).collect();
    items.sort_by(|left, right| by_locale(left, right));
    items.dedup();
    items
}

/// An entry.
fn entry(id: &str, sides: &NodeSources, rules: &NodeRules, approval_state: bool) -> Record {
    let pending = sides.current_pending();
    let pending_field = |key: &str| js::present(js::optional_property(pending, key));
    let all = |key: &str| {
        let known = sides.live(key).or_else(|| sides.node(key)).or_else(|| sides.device(key));
        known.or_else(|| pending_field(key)).cloned()
    };
    let unpaired = |key: &str| sides.live(key).or_else(|| sides.node(key)).or_else(|| pending_field(key)).cloned();
    let unapproved = |key: &str| sides.live(key).or_else(|| sides.device(key)).or_else(|| pending_field(key)).cloned();
    let mut node = Record::new();
    js::set(&mut node, "nodeId", Some(id));
    let name = sides.node("displayName").filter(|_| rules.list_knows_sessions).cloned();
    js::set(&mut node, "displayName", name.or_else(|| all("displayName")));
    js::set(&mut node, "platform", all("platform"));
    js::set(&mut node, "version", unpaired("version"));
    js::set(&mut node, "coreVersion", unpaired("coreVersion"));
    js::set(&mut node, "uiVersion", unpaired("uiVersion"));
    js::set(&mut node, "clientId", unapproved("clientId"));
    js::set(&mut node, "clientMode", unapproved("clientMode"));
    js::set(&mut node, "deviceFamily", unpaired("deviceFamily"));
    js::set(&mut node, "modelIdentifier", unpaired("modelIdentifier"));
    js::set(&mut node, "remoteIp", all("remoteIp"));
    js::set(&mut node, "caps", Some(sides.surface("caps")));
    js::set(&mut node, "commands", Some(sides.surface("commands")));
    if rules.list_knows_sessions {
        js::set(&mut node, "sessionHost", Some(false));
        js::set(&mut node, "nodePluginTools", sides.live.as_ref().map(|_| json!([])));
    }
    js::set(&mut node, "pathEnv", sides.live("pathEnv").cloned());
    let permissions = sides.live("permissions").or_else(|| sides.node("permissions")).cloned();
    js::set(&mut node, "permissions", permissions);
    if approval_state {
        js::set(&mut node, "approvalState", Some(sides.approval_state(pending)));
        js::set(&mut node, "pendingRequestId", pending_field("requestId").cloned());
        let declared = |key: &str| pending.map(|pending| json!(sorted(pending.get(key))));
        js::set(&mut node, "pendingDeclaredCaps", declared("caps"));
        js::set(&mut node, "pendingDeclaredCommands", declared("commands"));
        js::set(&mut node, "pendingDeclaredPermissions", pending_field("permissions").cloned());
    }
    js::set(&mut node, "connectedAtMs", sides.live("connectedAtMs").cloned());
    if rules.list_knows_sessions {
        js::set(&mut node, "lastConnectedAtMs", sides.last_connected());
        let gone = sides.node("lastDisconnectedAtMs").filter(|_| sides.live.is_none());
        js::set(&mut node, "lastDisconnectedAtMs", gone.cloned());
    }
    if rules.list_knows_last_seen
        && let Some((at, reason)) = sides.last_seen()
    {
        js::set(&mut node, "lastSeenAtMs", Some(at));
        js::set(&mut node, "lastSeenReason", reason);
    }
    let approved =
        sides.node("approvedAtMs").filter(|_| rules.list_knows_nodes).or_else(|| sides.device("approvedAtMs"));
    js::set(&mut node, "approvedAtMs", approved.cloned());
    js::set(&mut node, "paired", Some(sides.device.is_some() || sides.node.is_some()));
    js::set(&mut node, "connected", Some(sides.live.is_some()));
    node
}

/// An entry in the older form, without the client and the time of approval.
fn old_entry(id: &str, sides: &NodeSources) -> Record {
    let mut node = entry(id, sides, &NodeRules::oldest(), false);
    for key in ["clientId", "clientMode", "approvedAtMs"] {
        node.shift_remove(key);
    }
    node
}

fn compare(left: &Record, right: &Record) -> Ordering {
    let connected = |node: &Record| node.get("connected") == Some(&Value::Bool(true));
    let text = |node: &Record, key: &str| node.get(key).and_then(Value::as_str).map(str::to_owned);
    let id = |node: &Record| text(node, "nodeId").unwrap_or_default();
    let name = |node: &Record| text(node, "displayName").unwrap_or_else(|| id(node)).to_lowercase();
    connected(right)
        .cmp(&connected(left))
        .then_with(|| name(left).cmp(&name(right)))
        .then_with(|| by_locale(&id(left), &id(right)))
}

/// `localeCompare`: letters before case.
fn by_locale(left: &str, right: &str) -> Ordering {
    left.to_lowercase().cmp(&right.to_lowercase()).then_with(|| right.cmp(left))
}
