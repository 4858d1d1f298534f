//! The effect of a node's connect on its commands.

use super::node_surface::{NodeSurface, same_set, sorted_permissions};
use super::request::{NodeRequest, NodeRequestOutcome, published, request as ask, same_pending};
use super::store::{self, NodeApproval};
use super::{NodeDescription, NodeReconnect, declared_commands, permitted_commands};
use crate::pairing::StoreError;
use crate::{Environment, Facts, GatewayConfig};
use openclaw_protocol::connect::ConnectParams;
use openclaw_protocol::js;
use openclaw_protocol::store::Document;
use serde_json::{Map, Value};

/// The commands of a node, and its request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reconciliation {
    /// The id of the node: its device's id, or its client's.
    pub node_id: String,
    /// The commands that it has now.
    pub commands: Vec<String>,
    /// The pending request. A new one is announced as `node.pair.requested`.
    pub requested: Option<NodeRequestOutcome>,
    /// The offered and the available surface, in releases that check more than commands.
    pub surfaces: Option<NodeSurfaces>,
    /// Its earlier requests, which are dropped after `hello-ok`.
    pub drops_pending: bool,
    /// A node that is not approved requests approval, for the first time or again.
    pub needs_approval_first: bool,
    /// The request that was approved at once because a setup code paired the device.
    pub approved: Option<String>,
}

/// The offered and the available surface of a node.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeSurfaces {
    /// The surface that the node offers.
    pub declared: NodeSurface,
    /// The surface that the node has now.
    pub effective: NodeSurface,
}

/// Reconciles an admitted node with the node store.
///
/// # Errors
/// Returns an error of the store or for an invalid record.
pub fn reconcile_on_connect(
    rules: &Facts,
    config: &GatewayConfig,
    connect: &ConnectParams,
    remote_ip: Option<&str>,
    environment: &mut Environment<'_>,
) -> Result<Reconciliation, StoreError> {
    if rules.nodes.reconnect == NodeReconnect::AskForSurface {
        return reconcile_surface(rules, config, connect, remote_ip, environment);
    }
    let client = &connect.client;
    let node_id = connect.device.as_ref().map_or(&client.id, |device| &device.id).clone();
    let family = client.device_family.as_deref();
    let allowed = |commands: &[String]| declared_commands(&rules.nodes, config, &client.platform, family, commands);
    let offered = connect.commands.clone().unwrap_or_default();
    if rules.nodes.reconnect == NodeReconnect::CutToPlatform {
        let commands = cut_down(rules, config, connect, None);
        return Ok(Reconciliation { node_id, commands, needs_approval_first: true, ..Reconciliation::default() });
    }
    let paired = store::find_paired(&rules.nodes, environment.store, environment.now, &node_id)?;
    let approved = paired.as_ref().map(approved_commands).transpose()?;
    let (commands, asks) = match (rules.nodes.reconnect, approved) {
        (NodeReconnect::CutToPlatform | NodeReconnect::CutDown, approved) => {
            (cut_down(rules, config, connect, approved.as_deref()), false)
        }
        (NodeReconnect::AskAndWithhold, None) => (Vec::new(), true),
        (NodeReconnect::AskAndWithhold, approved) => (cut_down(rules, config, connect, approved.as_deref()), false),
        (_, None) => (allowed(&offered), true),
        (NodeReconnect::AskWhenUnpaired, Some(_)) => (allowed(&offered), false),
        (_, Some(approved)) => {
            let (declared, approved) = (allowed(&offered), allowed(&approved));
            let more = declared.iter().any(|command| !approved.contains(command));
            (if more { approved } else { declared }, more)
        }
    };
    let requested = match asks {
        true => {
            let requested_commands = match rules.nodes.reconnect {
                NodeReconnect::CutToPlatform | NodeReconnect::CutDown | NodeReconnect::AskAndWithhold => {
                    cut_down(rules, config, connect, None)
                }
                _ => allowed(&offered),
            };
            let request =
                NodeRequest { commands: Some(requested_commands), ..node_request(connect, &node_id, remote_ip) };
            Some(ask(&rules.nodes, environment.store, environment.entropy, environment.now, &request)?)
        }
        false => None,
    };
    Ok(Reconciliation { node_id, commands, requested, ..Reconciliation::default() })
}

fn node_request(connect: &ConnectParams, node_id: &str, remote_ip: Option<&str>) -> NodeRequest {
    let client = &connect.client;
    NodeRequest {
        node_id: node_id.to_owned(),
        display_name: client.display_name.clone(),
        platform: Some(client.platform.clone()),
        version: Some(client.version.clone()),
        device_family: client.device_family.clone(),
        model_identifier: client.model_identifier.clone(),
        caps: connect.caps.clone(),
        remote_ip: remote_ip.map(str::to_owned),
        ..NodeRequest::default()
    }
}

/// With [`NodeReconnect::AskForSurface`], capabilities, commands and permissions are approved together.
fn reconcile_surface(
    rules: &Facts,
    config: &GatewayConfig,
    connect: &ConnectParams,
    remote_ip: Option<&str>,
    environment: &mut Environment<'_>,
) -> Result<Reconciliation, StoreError> {
    let client = &connect.client;
    let node_id = connect.device.as_ref().map_or(&client.id, |device| &device.id).clone();
    let (caps, offered) = (connect.caps.clone().unwrap_or_default(), connect.commands.clone().unwrap_or_default());
    let judged = NodeDescription {
        platform: &client.platform,
        family: client.device_family.as_deref(),
        caps: &caps,
        commands: &offered,
        approved: None,
    };
    let declared = declared_surface(rules, config, connect, judged);
    let request = NodeRequest {
        caps: Some(declared.caps.clone()),
        commands: Some(declared.commands.clone()),
        permissions: declared.permissions.clone(),
        ..node_request(connect, &node_id, remote_ip)
    };
    if rules.nodes.part_of_device {
        // The release searches all devices for the nodes. An invalid record of one device ends the search.
        crate::pairing::list(&rules.pairing, environment.store, environment.now)?;
    }
    let Some(paired) = store::find_paired(&rules.nodes, environment.store, environment.now, &node_id)? else {
        return ask_first(rules, environment, node_id, declared, request);
    };
    let recorded = NodeSurface::of(&paired);
    let of_record = NodeDescription { approved: Some(&recorded.commands), ..judged };
    let approved = NodeSurface {
        commands: permitted_commands(&rules.nodes, config, of_record, &recorded.commands),
        ..recorded.clone()
    };
    if is_approved(rules, &declared, &recorded, &approved) {
        return Ok(Reconciliation { drops_pending: true, ..granted(node_id, declared) });
    }
    let other_permissions = differ_in_permissions(rules, &declared, &recorded);
    let permissions = request.permissions.clone().or_else(|| other_permissions.then(Map::new));
    let request = NodeRequest { permissions, ..request };
    let requested = match same_pending(&rules.nodes, environment.store, environment.now, &request)? {
        Some(same) => same,
        None => ask(&rules.nodes, environment.store, environment.entropy, environment.now, &request)?,
    };
    let requested = Some(published(&rules.nodes, environment.store, requested));
    let effective = declared.within(&approved);
    let commands = effective.commands.clone();
    let surfaces = Some(NodeSurfaces { declared, effective });
    Ok(Reconciliation { node_id, commands, requested, surfaces, ..Reconciliation::default() })
}

/// The part of the offered surface that the platform permits.
fn declared_surface(
    rules: &Facts,
    config: &GatewayConfig,
    connect: &ConnectParams,
    judged: NodeDescription<'_>,
) -> NodeSurface {
    let caps = judged.caps.iter().map(|cap| js::trim(cap).to_owned()).filter(|cap| !cap.is_empty());
    let mut declared = NodeSurface {
        caps: caps.collect(),
        commands: permitted_commands(&rules.nodes, config, judged, judged.commands),
        permissions: sorted_permissions(connect.permissions.as_ref()),
    };
    if rules.nodes.requests_of_devices {
        declared.caps.retain(|cap| keeps_capability(cap, &declared.commands, judged.commands));
    }
    declared
}

/// A node without a record requests the approval of its surface. A setup code approves it at once.
fn ask_first(
    rules: &Facts,
    environment: &mut Environment<'_>,
    node_id: String,
    declared: NodeSurface,
    request: NodeRequest,
) -> Result<Reconciliation, StoreError> {
    if rules.nodes.requests_of_devices && !is_paired_device(environment, &node_id) {
        return Err(StoreError::Refused("node pairing requires a paired device"));
    }
    let silent = approved_by_itself(rules, environment, &node_id).then_some(true);
    let request = NodeRequest { silent, ..request };
    let requested = ask(&rules.nodes, environment.store, environment.entropy, environment.now, &request)?;
    if let Some(approved) = approve_at_once(rules, environment, &node_id, &requested)? {
        let approved = Some(approved);
        return Ok(Reconciliation {
            drops_pending: true,
            needs_approval_first: true,
            approved,
            ..granted(node_id, declared)
        });
    }
    let requested = Some(published(&rules.nodes, environment.store, requested));
    let surfaces = Some(NodeSurfaces { declared, effective: NodeSurface::default() });
    Ok(Reconciliation { node_id, requested, surfaces, needs_approval_first: true, ..Reconciliation::default() })
}

/// A node that has everything that it offers.
fn granted(node_id: String, declared: NodeSurface) -> Reconciliation {
    let commands = declared.commands.clone();
    let surfaces = Some(NodeSurfaces { declared: declared.clone(), effective: declared });
    Reconciliation { node_id, commands, surfaces, ..Reconciliation::default() }
}

/// Whether the record covers everything that the node offers. `approved` has the commands of the record that its platform
/// still permits.
fn is_approved(rules: &Facts, declared: &NodeSurface, recorded: &NodeSurface, approved: &NodeSurface) -> bool {
    let same_caps = match rules.nodes.part_of_device {
        true => declared.caps.iter().all(|cap| recorded.caps.contains(cap)),
        false => same_set(&recorded.caps, &declared.caps),
    };
    same_caps
        && declared.commands.iter().all(|command| approved.commands.contains(command))
        && !differ_in_permissions(rules, declared, recorded)
}

/// Whether the node offers a permission that its record lacks or, before nodes were part of their device, any other set of
/// permissions.
fn differ_in_permissions(rules: &Facts, declared: &NodeSurface, recorded: &NodeSurface) -> bool {
    if !rules.nodes.part_of_device {
        return !recorded.same_permissions(declared);
    }
    declared.permissions.iter().flatten().any(|(key, value)| {
        let approved = recorded.permissions.as_ref().and_then(|permissions| permissions.get(key));
        *value == Value::Bool(true) && approved != Some(&Value::Bool(true))
    })
}

/// Whether a capability has one of its commands left, or lost none.
fn keeps_capability(cap: &str, admitted: &[String], offered: &[String]) -> bool {
    let family: &[&str] = match cap {
        "camera" => &["camera.list", "camera.ptz.status", "camera.snap", "camera.clip", "camera.ptz.control"],
        "computer" => &["computer.act"],
        "location" => &["location.get"],
        "screen" => &["screen.snapshot", "desktop.stream", "screen.record"],
        _ => return true,
    };
    let is_of = |command: &str| family.contains(&command);
    let withheld = offered
        .iter()
        .map(|command| js::trim(command))
        .any(|command| is_of(command) && !admitted.iter().any(|admitted| admitted == command));
    !withheld || admitted.iter().any(|command| is_of(command))
}

fn is_paired_device(environment: &Environment<'_>, node_id: &str) -> bool {
    environment.store.read(Document::DevicesPaired).is_some_and(|devices| devices.get(node_id).is_some())
}

/// Whether the device of a node was approved without a person, which also applies to its surface.
fn approved_by_itself(rules: &Facts, environment: &Environment<'_>, node_id: &str) -> bool {
    matches!(approved_via(rules, environment, node_id).as_deref(), Some("silent" | "bootstrap"))
}

/// How the device of a node was approved, in releases that record it.
fn approved_via(rules: &Facts, environment: &Environment<'_>, node_id: &str) -> Option<String> {
    let devices = environment.store.read(Document::DevicesPaired).filter(|_| rules.nodes.part_of_device)?;
    devices.get(node_id)?.get("approvedVia")?.as_str().map(str::to_owned)
}

/// Approves the first surface of a node that a setup code paired (`connect-node-session.ts`). Returns the id
/// of the request.
fn approve_at_once(
    rules: &Facts,
    environment: &mut Environment<'_>,
    node_id: &str,
    requested: &NodeRequestOutcome,
) -> Result<Option<String>, StoreError> {
    if approved_via(rules, environment, node_id).as_deref() != Some("bootstrap") {
        return Ok(None);
    }
    let scopes = ["operator.admin", "operator.pairing", "operator.write"].map(str::to_owned);
    let (id, now) = (js::key_text(requested.request.get("requestId")), environment.now);
    let (store, entropy) = (&mut *environment.store, &mut *environment.entropy);
    let approval = store::approve(&rules.nodes, &rules.pairing, store, entropy, now, &id, &scopes)?;
    Ok(matches!(approval, NodeApproval::Approved { .. }).then_some(id))
}

/// The commands that the platform allows and that were approved if the node is paired. Duplicates remain.
fn cut_down(
    rules: &Facts,
    config: &GatewayConfig,
    connect: &ConnectParams,
    approved: Option<&[String]>,
) -> Vec<String> {
    let family = connect.client.device_family.as_deref();
    let platform = &connect.client.platform;
    let may = |command: &&str| {
        super::platform_allows(&rules.nodes, config, platform, family, command)
            && approved.is_none_or(|approved| approved.iter().any(|have| have == command))
    };
    let offered = connect.commands.iter().flatten().map(|command| js::trim(command));
    offered.filter(may).map(str::to_owned).collect()
}

fn approved_commands(node: &Value) -> Result<Vec<String>, StoreError> {
    let mut commands = Vec::new();
    if let Some(Value::Array(list)) = node.get("commands") {
        for command in list {
            commands.push(js::trimmed(Some(command), "value")?.to_owned());
        }
    }
    Ok(commands)
}
