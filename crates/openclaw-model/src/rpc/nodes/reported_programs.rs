//! The programs that a Mac has reported (`skills-remote.ts`).

use crate::input::{Effect, Environment, Outcome};
use crate::model::Model;
use crate::nodes;
use crate::rpc::nodes::skills::announce_skills_changed;
use openclaw_protocol::js;
use serde_json::Value;

/// Stores the programs in a Mac's answer. Errors are only logged, because no client waits for the answer.
pub(in crate::rpc) fn note(
    model: &mut Model,
    environment: &mut Environment<'_>,
    node_id: &str,
    result: &Value,
    outcome: &mut Outcome,
) {
    let programs = reported_programs(result, model.rules.rpc.programs_have_paths);
    let (rules, now) = (&model.rules.nodes, environment.now);
    match nodes::note_programs(rules, environment.store, now, node_id, &programs) {
        Ok(true) => announce_skills_changed(model, outcome),
        Ok(false) => {}
        Err(fault) => {
            outcome.effects.push(Effect::Log(format!("remote bin probe error ({node_id}): {}", fault.for_answer())));
        }
    }
}

/// The programs in a Mac's answer (`parseBinProbePayload`): a list, a map to their paths (with `with_paths`), or
/// the lines of a shell.
fn reported_programs(result: &Value, with_paths: bool) -> Vec<String> {
    let parsed = match result.get("payloadJSON").filter(|text| js::truthy(Some(text))).and_then(Value::as_str) {
        Some(text) => serde_json::from_str(text).unwrap_or_default(),
        None => result.get("payload").cloned().unwrap_or_default(),
    };
    let has_path = |path: &Value| path.as_str().is_some_and(|path| !js::trim(path).is_empty());
    let named: Vec<String> = match (parsed.get("bins"), parsed.get("stdout")) {
        (Some(Value::Array(bins)), _) => bins.iter().map(|bin| js::key_text(Some(bin))).collect(),
        (Some(Value::Object(paths)), _) if with_paths => {
            paths.iter().filter(|(_, path)| has_path(path)).map(|(bin, _)| bin.clone()).collect()
        }
        (_, Some(Value::String(lines))) => lines.split('\n').map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    named.iter().map(|bin| js::trim(bin).to_owned()).filter(|bin| !bin.is_empty()).collect()
}
