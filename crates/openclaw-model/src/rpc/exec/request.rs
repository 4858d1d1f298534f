//! The output of approval requests for commands (`exec-approval.ts`, `system-run-approval-binding.ts`).

use crate::facts::rpc::RpcRules;
use crate::rpc::exec::command_summary;
use crate::rpc::exec::prompts;
use openclaw_protocol::js::{self, Record};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The only decision that a request can exclude.
const ALLOW_ALWAYS: &str = "allow-always";

/// A command to be approved, from the parameters and, on a node, the plan of its run.
pub(in crate::rpc) struct ExecRequest {
    host: String,
    node_id: String,
    plan: Option<Plan>,
    argv: Option<Vec<String>>,
    command: String,
    cwd: Option<String>,
    agent_id: Option<String>,
    session_key: Option<String>,
}

/// The plan of a node's run.
struct Plan {
    argv: Vec<String>,
    cwd: Option<String>,
    command_text: String,
    command_preview: Option<String>,
    agent_id: Option<String>,
    session_key: Option<String>,
    file_operand: Option<Value>,
}

impl ExecRequest {
    /// Reads the parameters.
    ///
    /// # Errors
    /// The message of the refusal.
    pub(in crate::rpc) fn read(params: &Value) -> Result<Self, &'static str> {
        let text = |key: &str| stripped(params.get(key));
        let host = text("host").unwrap_or_default();
        let node_id = text("nodeId").unwrap_or_default();
        let fallback = params.get("command").and_then(Value::as_str).unwrap_or_default();
        let plan = if host == "node" { Plan::read(params.get("systemRunPlan"), fallback) } else { None };
        if host == "node" && node_id.is_empty() {
            return Err("nodeId is required for host=node");
        }
        if host == "node" && plan.is_none() {
            return Err("systemRunPlan is required for host=node");
        }
        let command = plan.as_ref().map_or_else(|| fallback.to_owned(), |plan| plan.command_text.clone());
        if command.is_empty() {
            return Err("command is required");
        }
        let of_plan =
            |field: fn(&Plan) -> Option<String>, key: &str| plan.as_ref().and_then(field).or_else(|| text(key));
        let given = Some(texts(params.get("commandArgv"))).filter(|argv| !argv.is_empty());
        Ok(Self {
            argv: plan.as_ref().map(|plan| plan.argv.clone()).or(given),
            cwd: of_plan(|plan| plan.cwd.clone(), "cwd"),
            agent_id: of_plan(|plan| plan.agent_id.clone(), "agentId"),
            session_key: of_plan(|plan| plan.session_key.clone(), "sessionKey"),
            host,
            node_id,
            plan,
            command,
        })
    }

    /// A command must contain more than blanks.
    ///
    /// # Errors
    /// The message of the refusal.
    pub(in crate::rpc) fn check_blank(&self, rules: &RpcRules) -> Result<(), &'static str> {
        match rules.exec.blank_refused && js::trim(&self.command).is_empty() {
            true => Err("command is required"),
            false => Ok(()),
        }
    }

    /// A node runs arguments and not a string.
    ///
    /// # Errors
    /// The message of the refusal.
    pub(in crate::rpc) fn check_argv(&self) -> Result<(), &'static str> {
        match self.host == "node" && self.argv.as_ref().is_none_or(Vec::is_empty) {
            true => Err("commandArgv is required for host=node"),
            false => Ok(()),
        }
    }

    /// Whether a part of the command cannot be shown.
    pub(in crate::rpc) fn is_too_long(&self, rules: &RpcRules) -> bool {
        visible(rules, &self.command).chars().count() > SHOWN || self.command.len() > MAX_LENGTH
    }

    /// The request as events and lists show it.
    pub(in crate::rpc) fn announced(&self, rules: &RpcRules, params: &Value) -> Record {
        let on_node = self.host == "node";
        let kept = |key: &str| js::present(params.get(key)).cloned().unwrap_or(Value::Null);
        let env = environment(params.get("env"));
        let mut request = Record::new();
        js::set(&mut request, "command", Some(visible(rules, &self.command)));
        js::set(&mut request, "commandArgv", self.argv.clone().filter(|_| !on_node));
        let keys: Vec<&str> = env.iter().map(|(key, _)| key.as_str()).collect();
        let named = !keys.is_empty() && (on_node || rules.exec.env_named_everywhere);
        js::set(&mut request, "envKeys", named.then(|| json!(keys)));
        js::set(&mut request, "systemRunBinding", Some(self.binding(&env)));
        js::set(&mut request, "systemRunPlan", Some(self.plan.as_ref().map_or(Value::Null, Plan::shown)));
        js::set(&mut request, "cwd", Some(json!(self.cwd)));
        js::set(&mut request, "nodeId", Some(json!(on_node.then_some(&self.node_id))));
        js::set(&mut request, "host", Some(json!(Some(&self.host).filter(|host| !host.is_empty()))));
        let known = |key: &str, words: &[&str]| match rules.exec.runs_named {
            true => json!(one_of(params.get(key), words)),
            false => kept(key),
        };
        js::set(&mut request, "security", Some(known("security", &["deny", "allowlist", "full"])));
        js::set(&mut request, "ask", Some(known("ask", &["off", "on-miss", "always"])));
        if rules.approvals_show_analysis {
            let warning = stripped(params.get("warningText")).map(|text| warning(&text));
            js::set(&mut request, "warningText", Some(json!(warning)));
            js::set(&mut request, "commandAnalysis", Some(self.analysis(rules)));
        }
        let taken = rules.exec.decisions_can_be_excluded && !texts(params.get("unavailableDecisions")).is_empty();
        js::set(&mut request, "unavailableDecisions", taken.then(|| json!([ALLOW_ALWAYS])));
        let allowed = prompts::allowed(&request, params.get("ask").and_then(Value::as_str));
        js::set(&mut request, "allowedDecisions", rules.decisions_bounded.then(|| json!(allowed)));
        js::set(&mut request, "agentId", Some(json!(self.agent_id)));
        js::set(&mut request, "resolvedPath", Some(kept("resolvedPath")));
        js::set(&mut request, "sessionKey", Some(json!(self.session_key)));
        for key in ["turnSourceChannel", "turnSourceTo", "turnSourceAccountId"] {
            js::set(&mut request, key, Some(json!(stripped(params.get(key)))));
        }
        js::set(&mut request, "turnSourceThreadId", Some(kept("turnSourceThreadId")));
        if rules.exec.runs_named {
            for key in ["sessionId", "runId", "toolCallId"] {
                js::set(&mut request, key, Some(json!(stripped(params.get(key)))));
            }
            js::set(&mut request, "scope", Some(kept("scope")));
            // Only the cron scheduler sends these members, and it is not emulated.
            for key in ["cronExecutionSource", "cronOperationBinding"] {
                js::set(&mut request, key, Some(Value::Null));
            }
        }
        request
    }

    /// The parts of the command.
    fn analysis(&self, rules: &RpcRules) -> Value {
        match self.host.as_str() {
            "node" => command_summary::of_arguments(&rules.exec, self.argv.as_deref().unwrap_or_default()),
            _ => command_summary::of_shell(&rules.exec, &self.command),
        }
    }

    /// The values that bind the approval to the run on a node.
    fn binding(&self, env: &[(String, String)]) -> Value {
        if self.host != "node" {
            return Value::Null;
        }
        json!({
            "argv": self.argv,
            "cwd": self.cwd,
            "agentId": self.agent_id,
            "sessionKey": self.session_key,
            "envHash": environment_hash(env)
        })
    }
}

impl Plan {
    fn read(plan: Option<&Value>, fallback: &str) -> Option<Self> {
        let plan = plan.filter(|plan| plan.is_object())?;
        let argv = texts(plan.get("argv"));
        let command_text = stripped(plan.get("commandText"))?;
        let operand = plan.get("mutableFileOperand");
        let file_operand = operand.and_then(file_operand);
        if argv.is_empty() || (operand.is_some() && file_operand.is_none()) {
            return None;
        }
        let preview = stripped(plan.get("commandPreview")).or_else(|| stripped(Some(&json!(fallback))));
        Some(Self {
            argv,
            cwd: stripped(plan.get("cwd")),
            command_preview: preview.filter(|preview| *preview != command_text),
            command_text,
            agent_id: stripped(plan.get("agentId")),
            session_key: stripped(plan.get("sessionKey")),
            file_operand,
        })
    }

    fn shown(&self) -> Value {
        let mut plan = Record::new();
        js::set(&mut plan, "argv", Some(self.argv.clone()));
        js::set(&mut plan, "cwd", Some(json!(self.cwd)));
        js::set(&mut plan, "commandText", Some(self.command_text.as_str()));
        js::set(&mut plan, "commandPreview", Some(json!(self.command_preview)));
        js::set(&mut plan, "agentId", Some(json!(self.agent_id)));
        js::set(&mut plan, "sessionKey", Some(json!(self.session_key)));
        js::set(&mut plan, "mutableFileOperand", self.file_operand.clone());
        Value::Object(plan)
    }
}

fn file_operand(operand: &Value) -> Option<Value> {
    let index = operand.get("argvIndex").filter(|index| index.as_u64().is_some())?;
    let (path, sha256) = (stripped(operand.get("path"))?, stripped(operand.get("sha256"))?);
    Some(json!({"argvIndex": index, "path": path, "sha256": sha256}))
}

/// One of these words, in any letter case.
fn one_of(value: Option<&Value>, words: &[&str]) -> Option<String> {
    let word = stripped(value)?.to_lowercase();
    words.contains(&word.as_str()).then_some(word)
}

/// A trimmed text. `None` if it is empty.
pub(in crate::rpc) fn stripped(value: Option<&Value>) -> Option<String> {
    let text = value.and_then(Value::as_str).map(js::trim)?;
    (!text.is_empty()).then(|| text.to_owned())
}

pub(in crate::rpc) fn texts(list: Option<&Value>) -> Vec<String> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Maximum number of characters of a shown command, in releases with a limit.
const SHOWN: usize = 16 * 1024;
/// The maximum length of a command. A longer command is refused because it cannot be shown.
const MAX_LENGTH: usize = 256 * 1024;

/// Escapes invisible characters, so that the approver sees what is approved.
pub(in crate::rpc) fn visible(rules: &RpcRules, text: &str) -> String {
    if !rules.exec.escapes_fillers {
        return escape_characters(text, is_format);
    }
    if !rules.escapes_all_invisible {
        return escape_characters(text, is_invisible);
    }
    if text.encode_utf16().count() > MAX_LENGTH {
        return "[exec approval command exceeds display size limit; full text suppressed]".to_owned();
    }
    cut(escape_characters(text, is_invisible_or_blank))
}

/// The same for a warning, which keeps its line breaks.
fn warning(text: &str) -> String {
    let lines = text.replace("\r\n", "\n").replace(['\r', '\u{2028}', '\u{2029}'], "\n");
    cut(escape_characters(&lines, |c| c != '\n' && is_invisible_or_blank(c)))
}

fn escape_characters(text: &str, invisible: fn(char) -> bool) -> String {
    use std::fmt::Write as _;
    text.chars().fold(String::with_capacity(text.len()), |mut shown, c| {
        if invisible(c) {
            let _ = write!(shown, "\\u{{{:X}}}", u32::from(c));
        } else {
            shown.push(c);
        }
        shown
    })
}

fn cut(text: String) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…[truncated]", &text[..end]),
        None => text,
    }
}

/// Invisible characters, control characters and every blank except the space. Some releases escape all of these.
fn is_invisible_or_blank(c: char) -> bool {
    is_invisible(c)
        || c.is_control()
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{a0}' | '\u{1680}' | '\u{2000}'
                ..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
        )
}

/// Unicode's format characters and the Hangul fillers.
fn is_invisible(c: char) -> bool {
    is_format(c) || matches!(c, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}')
}

/// Unicode's format characters (category Cf).
fn is_format(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}' | '\u{8e2}'
        | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}'
        | '\u{2066}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0001}'
        | '\u{e0020}'..='\u{e007f}')
}

/// The environment's portable entries by name.
pub(in crate::rpc) fn environment(env: Option<&Value>) -> Vec<(String, String)> {
    let portable = |key: &str| {
        let mut characters = key.chars();
        characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '(' | ')'))
    };
    let entries = env.and_then(Value::as_object).into_iter().flatten();
    let mut kept: Vec<(String, String)> = entries
        .filter_map(|(key, value)| Some((js::trim(key).to_owned(), value.as_str()?.to_owned())))
        .filter(|(key, _)| portable(key))
        .collect();
    kept.sort_by(|left, right| left.0.to_lowercase().cmp(&right.0.to_lowercase()).then_with(|| right.0.cmp(&left.0)));
    kept
}

pub(in crate::rpc) fn environment_hash(env: &[(String, String)]) -> Option<String> {
    if env.is_empty() {
        return None;
    }
    let digest = Sha256::digest(json!(env).to_string().as_bytes());
    Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Facts;
    use rstest::rstest;

    fn of(release: &str) -> RpcRules {
        Facts::of(release.parse().unwrap()).unwrap().rpc
    }

    #[rstest]
    #[case(json!({"command": "ls"}), None)]
    #[case(json!({}), Some("command is required"))]
    #[case(json!({"host": "node"}), Some("nodeId is required for host=node"))]
    #[case(json!({"host": " node ", "nodeId": "n", "command": "ls"}), Some("systemRunPlan is required for host=node"))]
    fn missing_fields_in_order(#[case] params: Value, #[case] refusal: Option<&str>) {
        assert_eq!(ExecRequest::read(&params).err(), refusal);
    }

    #[test]
    fn escapes_invisible_characters() {
        let first = RpcRules::oldest();
        assert_eq!(visible(&first, "a\u{202e}b\u{3164}"), "a\\u{202E}b\u{3164}");
        let old = of("2026.3.28");
        assert_eq!(visible(&old, "a\u{202e}b\u{3164}\t"), "a\\u{202E}b\\u{3164}\t");
        let new = RpcRules { escapes_all_invisible: true, ..old };
        assert_eq!(visible(&new, "a\u{a0}b\tc d"), "a\\u{A0}b\\u{9}c d");
        assert!(visible(&new, &"x".repeat(SHOWN + 1)).ends_with("x…[truncated]"));
        assert_eq!(warning("a\r\nb\u{7}"), "a\nb\\u{7}");
    }

    #[test]
    fn node_plan_determines_command() {
        let params = json!({"host": "node", "nodeId": "n", "command": "x", "env": {"B": "2", "a-b": "", "A": "1"},
            "systemRunPlan": {"argv": ["ls", "-l"], "cwd": null, "commandText": " ls -l ", "agentId": null,
                "sessionKey": "s"}});
        let request = ExecRequest::read(&params).unwrap();
        request.check_argv().unwrap();
        let shown = request.announced(&RpcRules { decisions_bounded: true, ..of("2026.3.28") }, &params);
        assert_eq!(shown["command"], json!("ls -l"));
        assert_eq!(shown.get("commandArgv"), None);
        assert_eq!(shown["envKeys"], json!(["A", "B"]));
        assert_eq!(shown["systemRunBinding"]["argv"], json!(["ls", "-l"]));
        assert_eq!(shown["systemRunPlan"]["commandPreview"], json!("x"));
        assert_eq!(shown["sessionKey"], json!("s"));
    }
}
