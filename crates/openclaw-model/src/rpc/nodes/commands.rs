//! Determines which commands can be sent to which node, and in which form (`node-command-policy.ts`,
//! `node-invoke-sanitize.ts`).

use crate::facts::rpc::node_calls::NodeCallRules;
use crate::input::ConnectionId;
use crate::nodes::{self, NodeDescription};
use crate::rpc::{Call, Refusal, invalid, invalid_with, not_implemented};
use openclaw_protocol::ids;
use openclaw_protocol::js::{self, Record};
use serde_json::{Value, json};

/// Commands that read and write a node's own approvals. They have their own methods.
const OWN_APPROVALS: [&str; 2] = ["system.execApprovals.get", "system.execApprovals.set"];
/// The browser command that every release knows.
const BROWSER: &str = "browser.proxy";

impl Call<'_, '_> {
    /// Commands that are refused for every node.
    pub(in crate::rpc) fn refuse_command(&mut self, command: &str, params: &Value) -> Result<(), Refusal> {
        let rules = self.model.rules.rpc.node_calls;
        let details = || json!({"command": command});
        if rules.private.contains(&command) {
            return Err(invalid_with("node.invoke does not allow private node controls", details()));
        }
        if OWN_APPROVALS.contains(&command) {
            let message = "node.invoke does not allow system.execApprovals.*; use exec.approvals.node.*";
            return Err(invalid_with(message, details()));
        }
        if rules.agent_runs_refused && command == "agent.cli.claude.run.v1" {
            let message = "node.invoke does not allow Claude agent runs; use sessions.catalog.continue";
            return Err(invalid_with(message, details()));
        }
        let browser = rules.browser_commands.contains(&command);
        if rules.profiles_protected && browser && changes_profiles(params.get("params")) {
            let message = format!("node.invoke cannot mutate persistent browser profiles via {command}");
            return Err(invalid_with(&message, details()));
        }
        if rules.proxy_takes_admin && command == BROWSER && !self.holds("operator.admin") {
            return Err(invalid("missing scope: operator.admin"));
        }
        Ok(())
    }

    /// Keeps only the parameters of a program's run that go to its node. For a run that names an approval, only the
    /// checks before the use of the approval are implemented.
    pub(in crate::rpc) fn sanitise_run(&mut self, run: &mut Record) -> Result<(), Refusal> {
        const KEPT: [&str; 11] = [
            "command",
            "rawCommand",
            "systemRunPlan",
            "cwd",
            "env",
            "timeoutMs",
            "needsScreenRecording",
            "agentId",
            "sessionKey",
            "runId",
            "suppressNotifyOnExit",
        ];
        let rules = self.model.rules.rpc.node_calls;
        let decided = run.get("approvalDecision").and_then(Value::as_str).map(js::trim);
        let approved =
            run.get("approved") == Some(&json!(true)) || matches!(decided, Some("allow-once" | "allow-always"));
        if approved {
            let id = run.get("runId").and_then(Value::as_str).map(js::trim).unwrap_or_default().to_owned();
            if id.is_empty() {
                let details = json!({"code": "MISSING_RUN_ID"});
                return Err(invalid_with("approval override requires params.runId", details));
            }
            let now = self.now();
            if self.model.exec_approvals.get(&id, now).is_none() {
                let details = json!({"code": "UNKNOWN_APPROVAL_ID", "runId": id});
                return Err(invalid_with("unknown or expired approval id", details));
            }
            return Err(not_implemented("node.invoke of an approved system.run"));
        }
        if !says_the_same(run)? {
            return Err(not_implemented("node.invoke of a system.run with such a rawCommand"));
        }
        let mut kept = Record::new();
        for key in KEPT {
            if let Some(value) = run.get(key) {
                kept.insert(key.to_owned(), value.clone());
            }
        }
        if rules.runs_have_ids && !kept.contains_key("runId") {
            kept.insert("runId".to_owned(), json!(ids::uuid(self.environment.entropy.uuid())));
        }
        *run = kept;
        Ok(())
    }

    /// Whether the node of a connection may run a command.
    pub(in crate::rpc) fn judge_command(&mut self, node: ConnectionId, command: &str) -> Result<(), Refusal> {
        let (rules, config) = (&self.model.rules, &self.model.config);
        let Some(client) = self.model.connections.get(&node).and_then(|open| open.client.as_ref()) else {
            return Ok(());
        };
        let info = &client.connect.client;
        let (caps, offered) = (client.connect.caps.as_deref(), client.connect.commands.as_deref().unwrap_or_default());
        let family = info.device_family.as_deref();
        let wanted = [command.to_owned()];
        let listed = match client.declared {
            Some(_) => {
                let judged = NodeDescription {
                    platform: &info.platform,
                    family,
                    caps: caps.unwrap_or_default(),
                    commands: offered,
                    approved: Some(offered),
                };
                !nodes::permitted_commands(&rules.nodes, config, judged, &wanted).is_empty()
            }
            None => nodes::platform_allows(&rules.nodes, config, &info.platform, family, command),
        };
        let reason = match listed {
            false => "command not allowlisted",
            true if offered.is_empty() => "node did not declare commands",
            true if !offered.iter().any(|have| have == command) => "command not declared by node",
            true => return Ok(()),
        };
        let declared = client.declared.as_ref().is_some_and(|all| all.commands.iter().any(|have| have == command));
        let hint = hint(&rules.rpc.node_calls, reason, command, &info.platform, declared, &config.node_deny_commands);
        self.reason(format!("the command is not allowed: {reason}"));
        Err(invalid_with(&hint, json!({"reason": reason, "command": command})))
    }
}

/// Whether the text of a command equals its arguments. Texts with anything but plain words are not compared.
///
/// # Errors
/// The refusal of a text without arguments.
fn says_the_same(run: &Record) -> Result<bool, Refusal> {
    let Some(raw) = run.get("rawCommand").and_then(Value::as_str).map(js::trim).filter(|raw| !raw.is_empty()) else {
        return Ok(true);
    };
    let words: Vec<&str> =
        run.get("command").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    if words.is_empty() {
        return Err(invalid_with("rawCommand requires params.command", json!({"code": "MISSING_COMMAND"})));
    }
    let plain = |word: &&str| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
    Ok(words.iter().all(plain) && words.join(" ") == raw)
}

/// The refusal of a command that is not allowed.
fn hint(
    rules: &NodeCallRules,
    reason: &str,
    command: &str,
    platform: &str,
    declared: bool,
    denied: &[String],
) -> String {
    const NOT_ALLOWED: &str = "node command not allowed";
    if !rules.refusals_explained {
        return NOT_ALLOWED.to_owned();
    }
    let (deny, allow) = rules.command_keys;
    let why = match reason {
        "command not declared by node" => format!("the node (platform: {platform}) does not support \"{command}\""),
        "node did not declare commands" if rules.explains_pending_surface && declared => {
            "the node's declared command surface is pending approval; run `openclaw nodes pending`, then \
             `openclaw nodes approve <requestId>`"
                .to_owned()
        }
        "node did not declare commands" => "the node did not declare any supported commands".to_owned(),
        _ if rules.explains_talk_refusal && command.starts_with("talk.") => {
            format!("\"{command}\" requires a trusted Talk-capable node")
        }
        _ if rules.explains_configured_denial && denied.iter().any(|entry| js::trim(entry) == command) => {
            format!("\"{command}\" is blocked by {deny}")
        }
        _ if rules.dangerous.contains(&command) => format!("\"{command}\" requires explicit {allow} opt-in"),
        _ => format!("\"{command}\" is not in the allowlist for platform \"{platform}\""),
    };
    format!("{NOT_ALLOWED}: {why}")
}

/// The scope that a command needs in addition to the scope of the method.
pub(in crate::rpc) fn takes_admin(rules: &NodeCallRules, params: Option<&Value>) -> bool {
    let command = params.and_then(|params| params.get("command")).and_then(Value::as_str).unwrap_or_default();
    let changes =
        rules.browser_commands.contains(&command) && changes_profiles(params.and_then(|params| params.get("params")));
    rules.admin_commands.contains(&command) && !changes
}

/// Whether a request to a node's browser changes its persistent profiles.
fn changes_profiles(params: Option<&Value>) -> bool {
    let field = |key: &str| params.and_then(|params| params.get(key)).and_then(Value::as_str).map(js::trim);
    let (method, path) = (field("method").unwrap_or_default().to_uppercase(), field("path").unwrap_or_default());
    let path = format!("/{}", path.trim_start_matches('/').trim_end_matches('/'));
    match method.as_str() {
        "POST" => path == "/profiles/create" || path == "/reset-profile",
        "DELETE" => path.strip_prefix("/profiles/").is_some_and(|name| !name.is_empty() && !name.contains('/')),
        _ => false,
    }
}
