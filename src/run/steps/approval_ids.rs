//! The ids of exec and plugin approvals on a gateway that plays several cases: every case has ids of its own, so that an
//! approval of an earlier case is never in the way. An observation shows the ids of the scenario.

use crate::observe::StepEvidence;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::path::Path;

/// The methods whose `id` is chosen by the caller.
const FAMILIES: [&str; 2] = ["exec.approval.", "plugin.approval."];
/// The parameter with the id.
const ID: &str = "id";

/// The prefix of the ids of a case in a sandbox. No other case has this sandbox, and no other run. The prefix consists of
/// digits and a hyphen, so upper case and prefixes of ids keep their meaning.
pub(crate) fn prefix(sandbox: &Path) -> String {
    let digest: [u8; 32] = Sha256::digest(format!("clawcheck approvals {}", sandbox.display())).into();
    let number = digest.iter().take(4).fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
    format!("{number:010}-")
}

/// Adds the prefix to the id in the parameters of a call. `template` are the parameters in the scenario: an id that is not
/// in them comes from the gateway and has the prefix already.
pub(crate) fn add(method: &str, template: &Value, params: &mut Value, prefix: &str) {
    if !FAMILIES.iter().any(|family| method.starts_with(family)) || template.get(ID) != params.get(ID) {
        return;
    }
    if let Some(Value::String(id)) = params.get_mut(ID)
        && !id.trim().is_empty()
    {
        id.insert_str(0, prefix);
    }
}

/// Removes the prefix from everything that the steps received.
pub(crate) fn remove(steps: &mut [StepEvidence], prefix: &str) {
    for step in steps {
        for received in &mut step.received {
            if let Some(frame) = received.message.json_mut() {
                without(frame, prefix);
            }
        }
        remove(&mut step.parallel, prefix);
    }
}

fn without(value: &mut Value, prefix: &str) {
    match value {
        Value::String(text) if text.contains(prefix) => *text = text.replace(prefix, ""),
        Value::Array(items) => items.iter_mut().for_each(|item| without(item, prefix)),
        Value::Object(members) => members.values_mut().for_each(|member| without(member, prefix)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{RawFrame, RawMessage, Received};
    use serde_json::json;

    #[test]
    fn adds_and_removes_prefix() {
        let prefix = prefix(Path::new("/tmp/clawcheck-a/1"));
        let added = |method: &str, template: &str, id: &str| {
            let mut params = json!({"id": id, "command": "exec-1"});
            add(method, &json!({"id": template}), &mut params, &prefix);
            params
        };
        let params = added("exec.approval.request", "exec-1", "exec-1");
        assert_eq!(params, json!({"id": format!("{prefix}exec-1"), "command": "exec-1"}));
        assert_eq!(added("exec.approval.resolve", "<answer a payload.id>", "x")["id"], "x", "an id of the gateway");
        assert_eq!(added("exec.approval.request", " ", " ")["id"], " ", "no id");
        assert_eq!(added("sessions.list", "exec-1", "exec-1")["id"], "exec-1", "another method");
        let json =
            json!({"payload": {"ids": [params["id"]], "text": format!("matches: {prefix}exec-1, {prefix}exec-2")}});
        let message = RawMessage::Frame(RawFrame::Regular { json, method: None });
        let mut steps = [StepEvidence { received: vec![Received { on: None, message }], ..StepEvidence::default() }];
        remove(&mut steps, &prefix);
        let frame = steps[0].received[0].message.frame().unwrap();
        assert_eq!(frame, &json!({"payload": {"ids": ["exec-1"], "text": "matches: exec-1, exec-2"}}));
    }

    #[test]
    fn prefix_differs_by_case_and_run() {
        let sandboxes = ["/tmp/clawcheck-a/1", "/tmp/clawcheck-a/2", "/tmp/clawcheck-b/1"];
        let [first, case, run] = sandboxes.map(|sandbox| prefix(Path::new(sandbox)));
        assert!(first != case && first != run);
        assert_eq!((first.len(), first.len()), (case.len(), run.len()));
    }
}
