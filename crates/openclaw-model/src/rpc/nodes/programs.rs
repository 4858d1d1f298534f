//! Asks a Mac for the programs that skills need (`skills-remote.ts`). [`super::reported_programs`] stores the answer.

use crate::input::{ConnectionId, Environment, Outcome};
use crate::model::Model;
use crate::rpc::nodes::calls::{DispatchedCommand, dispatch};
use crate::rpc::nodes::skills::is_mac;
use openclaw_protocol::ids;
use serde_json::{Value, json};

/// The maximum wait for the answer of a Mac, in milliseconds.
const ANSWER_TIMEOUT_MS: i64 = 15_000;

/// Asks a Mac that has just connected for its programs.
pub(crate) fn ask_welcomed_mac(
    model: &mut Model,
    connection: ConnectionId,
    node_id: &str,
    environment: &mut Environment<'_>,
    outcome: &mut Outcome,
) {
    if model.rules.rpc.queries_mac_programs {
        ask_mac(model, connection, node_id, environment, outcome);
    }
}

/// Asks a Mac for its programs, if it supports the request.
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
        (false, true) => ("system.run", run(model.rules.rpc.node_calls.runs_have_ids, &bins, environment)),
        (false, false) => return,
    };
    let command = DispatchedCommand {
        node_id: node_id.to_owned(),
        node: connection,
        command: command.to_owned(),
        params: Some(params),
        timeout: Some(ANSWER_TIMEOUT_MS),
        idempotency_key: None,
        requester: None,
    };
    dispatch(model, command, environment, outcome);
}

/// The parameters of `system.run` that list the programs. With `has_id`, the run has an id (`node-registry.ts`).
fn run(has_id: bool, bins: &[&str], environment: &mut Environment<'_>) -> Value {
    let mut params = json!({"command": ["/bin/sh", "-lc", script(bins)]});
    if has_id {
        params["runId"] = json!(ids::uuid(environment.entropy.uuid()));
    }
    params
}

/// The shell command that lists the available programs.
fn script(bins: &[&str]) -> String {
    let quoted: Vec<String> = bins.iter().map(|bin| format!("'{bin}'")).collect();
    let list = quoted.join(" ");
    format!("for b in {list}; do if command -v \"$b\" >/dev/null 2>&1; then echo \"$b\"; fi; done")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counting_entropy::CountingEntropy;
    use openclaw_protocol::store::MemoryDocuments;

    #[test]
    fn run_id_by_release() {
        let (mut store, mut entropy) = (MemoryDocuments::new(), CountingEntropy(0));
        let mut environment = Environment { now: 0, store: &mut store, entropy: &mut entropy };
        for has_id in [false, true] {
            assert_eq!(run(has_id, &["op"], &mut environment).get("runId").is_some(), has_id);
        }
    }
}
