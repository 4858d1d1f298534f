//! The programs that the bundled skills need, which a gateway asks its Macs for (`skills-remote.ts`).
//!
//! The lists are those of the releases' own `skills` folders, in its order: what a skill for another system than macOS needs
//! is left out. Skills that a user has put into the workspace are not looked at.

use super::node_calls::{Dispatched, dispatch};
use super::schemas::NOTHING;
use super::{Call, Handled, Reply};
use crate::rules::act::{ConnectionId, Environment, Outcome};
use crate::rules::model::{ConnectedClient, Model};
use crate::store::record;
use serde_json::json;

/// 2026.2.19.
pub(super) const V2026_2_19: &str = "\
     op memo remindctl grizzly blogwatcher blu camsnap clawhub claude codex opencode pi eightctl \
     gemini curl git gh gifgrep gog goplaces himalaya imsg mcporter codexbar uv nano-pdf obsidian-cli \
     python3 whisper openhue oracle ordercli peekaboo sag jq rg songsee sonos spogo spotify_player summarize \
     things tmux ffmpeg wacli";
/// 2026.2.26.
pub(super) const V2026_2_26: &str = "\
     op memo remindctl grizzly blogwatcher blu camsnap clawhub claude codex opencode pi eightctl gemini \
     curl git gh gifgrep gog goplaces himalaya imsg mcporter codexbar uv nano-pdf obsidian-cli python3 \
     whisper openhue oracle ordercli peekaboo sag jq rg songsee sonos spogo spotify_player summarize \
     things tmux ffmpeg wacli xurl";
/// 2026.3.28 to 2026.5.7.
pub(super) const V2026_3_28: &str = "\
     op memo remindctl grizzly blogwatcher blu camsnap clawhub claude codex opencode pi eightctl gemini \
     curl git gh gifgrep gog goplaces himalaya imsg mcporter codexbar nano-pdf obsidian-cli whisper \
     openhue oracle ordercli peekaboo sag jq rg songsee sonos spogo spotify_player summarize things tmux \
     ffmpeg wacli xurl";
/// 2026.6.11.
pub(super) const V2026_6_11: &str = "\
     op memo remindctl grizzly blogwatcher blu camsnap claude codex opencode eightctl gemini git gh \
     gifgrep gog goplaces himalaya imsg mcporter node codexbar nano-pdf ntn curl obsidian whisper openhue \
     oracle ordercli peekaboo python3 sag jq rg songsee sonos spogo spotify_player summarize things tmux \
     ffmpeg xurl";
/// 2026.7.35.
pub(super) const V2026_7_35: &str = "\
     op memo remindctl grizzly blogwatcher blu camsnap claude codex opencode eightctl gemini git gh \
     gifgrep gog goplaces himalaya mcporter node codexbar nano-pdf ntn curl obsidian whisper openhue \
     oracle ordercli peekaboo python3 sag jq rg songsee sonos spogo spotify_player summarize things tmux \
     ffmpeg xurl";
/// 2026.9.6.
pub(super) const V2026_9_6: &str = "\
     op memo remindctl grizzly blogwatcher blu camsnap claude codex opencode eightctl gemini git gh \
     gifgrep gog goplaces himalaya mcporter node codexbar nano-pdf ntn curl obsidian whisper openhue \
     oracle ordercli peekaboo python3 sag songsee sonos spogo spotify_player summarize things tmux jq \
     xurl";

/// How long a Mac may take to say which of them it has, in milliseconds.
const PATIENCE_MS: i64 = 15_000;

/// `skills.bins`: the programs that skills need.
pub(super) fn bins(call: &mut Call<'_, '_>) -> Handled {
    call.params(&NOTHING)?;
    let mut bins: Vec<&str> = call.model.rules.rpc.skill_bins.split_whitespace().collect();
    bins.sort_unstable();
    Ok(Reply::Answer(json!({"bins": bins})))
}

/// Asks a Mac that has just been welcomed which of the programs it has.
pub(crate) fn ask_welcomed_mac(
    model: &mut Model,
    connection: ConnectionId,
    node_id: &str,
    environment: &mut Environment<'_>,
    outcome: &mut Outcome,
) {
    if model.rules.rpc.asks_macs {
        ask_mac(model, connection, node_id, environment, outcome);
    }
}

/// Whether the gateway counts on this client for skills that need a Mac (`remote.ts` isRemoteSkillEligibilityNode).
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

/// Asks a Mac which of the programs it has, where it lets itself be asked.
pub(crate) fn ask_mac(
    model: &mut Model,
    connection: ConnectionId,
    node_id: &str,
    environment: &mut Environment<'_>,
    outcome: &mut Outcome,
) {
    let Some(client) = model.connections.get(&connection).and_then(|open| open.client.as_ref()) else { return };
    let info = &client.connect.client;
    if !is_mac(&info.platform, info.device_family.as_deref()) {
        return;
    }
    let offers = |command: &str| client.connect.commands.iter().flatten().any(|offered| offered == command);
    let bins: Vec<&str> = model.rules.rpc.skill_bins.split_whitespace().collect();
    let (command, params) = match (offers("system.which"), offers("system.run")) {
        (true, _) => ("system.which", json!({"bins": bins})),
        (false, true) => ("system.run", json!({"command": ["/bin/sh", "-lc", script(&bins)]})),
        (false, false) => return,
    };
    let command = Dispatched {
        node_id: node_id.to_owned(),
        node: connection,
        command: command.to_owned(),
        params: Some(params),
        timeout: Some(PATIENCE_MS),
        idempotency_key: None,
        asked: None,
    };
    dispatch(model, command, environment, outcome);
}

fn is_mac(platform: &str, family: Option<&str>) -> bool {
    let platform = record::trim(platform).to_lowercase();
    let family = family.map(|family| record::trim(family).to_lowercase());
    platform.contains("mac") || platform.contains("darwin") || family.as_deref() == Some("mac")
}

/// A shell's way to tell which of the programs there are.
fn script(bins: &[&str]) -> String {
    let quoted: Vec<String> = bins.iter().map(|bin| format!("'{bin}'")).collect();
    let list = quoted.join(" ");
    format!("for b in {list}; do if command -v \"$b\" >/dev/null 2>&1; then echo \"$b\"; fi; done")
}
