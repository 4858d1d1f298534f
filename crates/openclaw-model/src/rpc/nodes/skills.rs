//! The Macs on which a gateway counts for skills that need one, and who hears when they change (`skills/runtime/remote.ts`).

use crate::input::Outcome;
use crate::model::{ConnectedClient, Model};
use crate::rpc::nodes::programs::is_mac;
use serde_json::json;

/// Whether the gateway counts on this client for skills that need a Mac (isRemoteSkillEligibilityNode).
pub(crate) fn runs_mac_skills(client: &ConnectedClient) -> bool {
    let info = &client.connect.client;
    let known = client.stands_for_node && !client.retired && is_mac(&info.platform, info.device_family.as_deref());
    known && client.connect.commands.iter().flatten().any(|command| command == "system.run")
}

/// The nodes on which the gateway counts for skills that need a Mac.
pub(crate) fn mac_skills(model: &Model) -> Vec<String> {
    let clients = model.connections.values().filter_map(|open| open.client.as_ref());
    let mut nodes: Vec<String> =
        clients.filter(|client| runs_mac_skills(client)).map(|client| client.node_id().to_owned()).collect();
    nodes.sort_unstable();
    nodes
}

/// Tells who may read that other skills can be used now than with these nodes, if that is so (2026.9.6 on).
pub(crate) fn tell_if_skills_changed(model: &mut Model, before: &[String], outcome: &mut Outcome) {
    if mac_skills(model) != before {
        tell_skills_changed(model, outcome);
    }
}

/// Tells who may read that other skills can be used now (2026.9.6 on).
pub(crate) fn tell_skills_changed(model: &mut Model, outcome: &mut Outcome) {
    if model.rules.rpc.skills_told {
        model.broadcast("skills.changed", json!({"reason": "remote-node"}), outcome);
        model.broadcast("chat.metadata.changed", json!({}), outcome);
    }
}
