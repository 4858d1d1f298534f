//! The Macs that the gateway uses for skills, and the clients that are notified when these Macs change
//! (`skills/runtime/remote.ts`).

use crate::input::Outcome;
use crate::model::{ConnectedClient, Model};
use openclaw_protocol::js;
use serde_json::json;

/// Whether the gateway uses this client for skills that need a Mac (`isRemoteSkillEligibilityNode`).
pub(crate) fn runs_mac_skills(client: &ConnectedClient) -> bool {
    let info = &client.connect.client;
    let known = client.stands_for_node && !client.retired && is_mac(&info.platform, info.device_family.as_deref());
    known && client.connect.commands.iter().flatten().any(|command| command == "system.run")
}

/// The nodes that the gateway uses for skills that need a Mac.
pub(crate) fn mac_skills(model: &Model) -> Vec<String> {
    let clients = model.connections.values().filter_map(|open| open.client.as_ref());
    let mut nodes: Vec<String> =
        clients.filter(|client| runs_mac_skills(client)).map(|client| client.node_id().to_owned()).collect();
    nodes.sort_unstable();
    nodes
}

/// Notifies clients that can read skills, if the available skills differ from those with these nodes.
pub(crate) fn announce_skills_if_changed(model: &mut Model, before: &[String], outcome: &mut Outcome) {
    if mac_skills(model) != before {
        announce_skills_changed(model, outcome);
    }
}

/// Notifies clients that can read skills that the available skills have changed.
pub(crate) fn announce_skills_changed(model: &mut Model, outcome: &mut Outcome) {
    if model.rules.rpc.announces_skills {
        model.broadcast("skills.changed", json!({"reason": "remote-node"}), outcome);
        model.broadcast("chat.metadata.changed", json!({}), outcome);
    }
}

/// Whether a platform or a device family is that of a Mac.
pub(super) fn is_mac(platform: &str, family: Option<&str>) -> bool {
    let platform = js::trim(platform).to_lowercase();
    let family = family.map(|family| js::trim(family).to_lowercase());
    platform.contains("mac") || platform.contains("darwin") || family.as_deref() == Some("mac")
}
