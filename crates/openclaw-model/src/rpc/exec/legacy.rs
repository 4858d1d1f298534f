//! The parameters and output of the two oldest forms of approval requests for commands (`exec-approval.ts`,
//! `system-run-approval-context.ts`).

use crate::rpc::exec::request::{environment, environment_hash, stripped, texts};
use crate::rpc::schemas::OPTIONAL_TEXT;
use crate::schema::{NON_EMPTY, STRING, Schema, array, at_least, object, optional, required, within};
use openclaw_protocol::js::{self, Record};
use serde_json::{Value, json};

const NUMBER: Schema = Schema::Number(crate::schema::Bounds { minimum: None, maximum: None });

const PLAN: Schema = object(&[
    required("version", within(2, 2)),
    required("argv", array(&STRING)),
    required("cwd", OPTIONAL_TEXT),
    required("rawCommand", OPTIONAL_TEXT),
    required("agentId", OPTIONAL_TEXT),
    required("sessionKey", OPTIONAL_TEXT),
]);

/// `exec.approval.request` with a plan of the run.
pub(in crate::rpc) static REQUEST: Schema = object(&[
    optional("id", NON_EMPTY),
    required("command", NON_EMPTY),
    optional("commandArgv", array(&STRING)),
    optional("systemRunPlanV2", PLAN),
    optional("env", Schema::Record(&STRING)),
    optional("cwd", OPTIONAL_TEXT),
    optional("nodeId", Schema::Union(&[NON_EMPTY, Schema::Null])),
    optional("host", OPTIONAL_TEXT),
    optional("security", OPTIONAL_TEXT),
    optional("ask", OPTIONAL_TEXT),
    optional("agentId", OPTIONAL_TEXT),
    optional("resolvedPath", OPTIONAL_TEXT),
    optional("sessionKey", OPTIONAL_TEXT),
    optional("turnSourceChannel", OPTIONAL_TEXT),
    optional("turnSourceTo", OPTIONAL_TEXT),
    optional("turnSourceAccountId", OPTIONAL_TEXT),
    optional("turnSourceThreadId", Schema::Union(&[STRING, NUMBER, Schema::Null])),
    optional("timeoutMs", at_least(1)),
    optional("twoPhase", Schema::Boolean),
]);

/// `exec.approval.request` in its first form.
pub(in crate::rpc) static FIRST_REQUEST: Schema = object(&[
    optional("id", NON_EMPTY),
    required("command", NON_EMPTY),
    optional("cwd", OPTIONAL_TEXT),
    optional("host", OPTIONAL_TEXT),
    optional("security", OPTIONAL_TEXT),
    optional("ask", OPTIONAL_TEXT),
    optional("agentId", OPTIONAL_TEXT),
    optional("resolvedPath", OPTIONAL_TEXT),
    optional("sessionKey", OPTIONAL_TEXT),
    optional("timeoutMs", at_least(1)),
    optional("twoPhase", Schema::Boolean),
]);

/// The first form of the request in events: unchanged.
pub(in crate::rpc) fn first_announced(params: &Value) -> Record {
    let mut request = Record::new();
    js::set(&mut request, "command", params.get("command").cloned());
    for key in ["cwd", "host", "security", "ask", "agentId", "resolvedPath", "sessionKey"] {
        js::set(&mut request, key, Some(params.get(key).cloned().unwrap_or(Value::Null)));
    }
    request
}

/// The plan of a node's run.
struct Plan {
    argv: Vec<String>,
    cwd: Option<String>,
    raw_command: Option<String>,
    agent_id: Option<String>,
    session_key: Option<String>,
}

impl Plan {
    fn read(plan: Option<&Value>) -> Option<Self> {
        let plan = plan.filter(|plan| plan.is_object())?;
        let argv = texts(plan.get("argv"));
        (!argv.is_empty()).then(|| Self {
            argv,
            cwd: stripped(plan.get("cwd")),
            raw_command: stripped(plan.get("rawCommand")),
            agent_id: stripped(plan.get("agentId")),
            session_key: stripped(plan.get("sessionKey")),
        })
    }

    fn shown(&self) -> Value {
        json!({
            "version": 2,
            "argv": self.argv,
            "cwd": self.cwd,
            "rawCommand": self.raw_command,
            "agentId": self.agent_id,
            "sessionKey": self.session_key
        })
    }

    fn command(&self) -> String {
        self.raw_command
            .clone()
            .unwrap_or_else(|| self.argv.iter().map(|arg| quoted(arg)).collect::<Vec<_>>().join(" "))
    }
}

fn quoted(arg: &str) -> String {
    if arg.is_empty() || arg.contains(|c: char| c.is_whitespace() || c == '"') {
        return format!("\"{}\"", arg.replace('"', "\\\""));
    }
    arg.to_owned()
}

/// The form with a plan in events.
///
/// # Errors
/// The message of the refusal.
pub(in crate::rpc) fn announced(params: &Value) -> Result<Record, &'static str> {
    let host = stripped(params.get("host"));
    let on_node = host.as_deref() == Some("node");
    let node_id = stripped(params.get("nodeId"));
    let plan = params.get("systemRunPlanV2").filter(|_| on_node);
    let plan = Plan::read(plan);
    let given = Some(texts(params.get("commandArgv"))).filter(|argv| !argv.is_empty());
    let argv = plan.as_ref().map(|plan| plan.argv.clone()).or(given);
    if on_node && node_id.is_none() {
        return Err("nodeId is required for host=node");
    }
    if on_node && argv.is_none() {
        return Err("commandArgv is required for host=node");
    }
    let of_plan = |field: fn(&Plan) -> Option<String>, key: &str| {
        json!(plan.as_ref().and_then(field).or_else(|| stripped(params.get(key))))
    };
    let (cwd, agent_id) = (of_plan(|plan| plan.cwd.clone(), "cwd"), of_plan(|plan| plan.agent_id.clone(), "agentId"));
    let session_key = of_plan(|plan| plan.session_key.clone(), "sessionKey");
    let env = environment(params.get("env").filter(|_| on_node));
    let binding = json!({
        "version": 1,
        "argv": argv,
        "cwd": cwd,
        "agentId": agent_id,
        "sessionKey": session_key,
        "envHash": environment_hash(&env)
    });
    let given = params.get("command").and_then(Value::as_str).unwrap_or_default().to_owned();
    let kept = |key: &str| js::present(params.get(key)).cloned().unwrap_or(Value::Null);
    let mut request = Record::new();
    js::set(&mut request, "command", Some(plan.as_ref().map_or(given, Plan::command)));
    js::set(&mut request, "commandArgv", argv);
    let keys: Vec<&str> = env.iter().map(|(key, _)| key.as_str()).collect();
    js::set(&mut request, "envKeys", (!keys.is_empty()).then(|| json!(keys)));
    js::set(&mut request, "systemRunBindingV1", Some(if on_node { binding } else { Value::Null }));
    js::set(&mut request, "systemRunPlanV2", Some(plan.as_ref().map_or(Value::Null, Plan::shown)));
    js::set(&mut request, "cwd", Some(cwd));
    js::set(&mut request, "nodeId", Some(json!(node_id.filter(|_| on_node))));
    js::set(&mut request, "host", Some(json!(host)));
    js::set(&mut request, "security", Some(kept("security")));
    js::set(&mut request, "ask", Some(kept("ask")));
    js::set(&mut request, "agentId", Some(agent_id));
    js::set(&mut request, "resolvedPath", Some(kept("resolvedPath")));
    js::set(&mut request, "sessionKey", Some(session_key));
    for key in ["turnSourceChannel", "turnSourceTo", "turnSourceAccountId"] {
        js::set(&mut request, key, Some(json!(stripped(params.get(key)))));
    }
    js::set(&mut request, "turnSourceThreadId", Some(kept("turnSourceThreadId")));
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(json!({"command": "ls"}), None)]
    #[case(json!({"command": "ls", "host": "node"}), Some("nodeId is required for host=node"))]
    #[case(json!({"command": "ls", "host": "node", "nodeId": "n"}), Some("commandArgv is required for host=node"))]
    #[case(json!({"command": "ls", "host": "node", "nodeId": "n", "commandArgv": ["ls"]}), None)]
    fn host_node_needs_arguments(#[case] params: Value, #[case] refusal: Option<&str>) {
        assert_eq!(announced(&params).err(), refusal);
    }

    #[test]
    fn quotes_plan_without_text() {
        let plan = json!({"version": 2, "argv": ["ls", "a b", "", "c\"d"], "cwd": " ", "rawCommand": null,
            "agentId": "m", "sessionKey": null});
        let params = json!({"command": "x", "host": "node", "nodeId": "n", "systemRunPlanV2": plan});
        let request = announced(&params).unwrap();
        assert_eq!(request["command"], json!("ls \"a b\" \"\" \"c\\\"d\""));
        assert_eq!(request["systemRunBindingV1"]["agentId"], json!("m"));
        assert_eq!(request["cwd"], Value::Null);
    }
}
