//! `plugin.approval.*` (`server-methods/plugin-approval.ts`).

use crate::approvals::Approval;
use crate::rpc::exec::prompts::{self, PromptKind, PromptOptions};
use crate::rpc::schemas::plugin_request;
use crate::rpc::{Call, HandlerResult, Reply};
use openclaw_protocol::ids;
use openclaw_protocol::js::{self, Record};
use serde_json::{Value, json};

/// The default timeout of a plugin's approval request, in milliseconds.
const TIMEOUT_MS: i64 = 120_000;
const MAX_TIMEOUT_MS: i64 = 600_000;

pub(in crate::rpc) fn request(call: &mut Call<'_, '_>) -> HandlerResult {
    let params = call.params(plugin_request(&call.model.rules.rpc))?;
    let mut request = Record::new();
    let kept = |key: &str| js::present(params.get(key)).cloned().unwrap_or(Value::Null);
    for key in ["pluginId", "title", "description", "severity", "toolName", "toolCallId"] {
        js::set(&mut request, key, Some(kept(key)));
    }
    let rules = call.model.rules.rpc.plugin;
    let newest = rules.detailed;
    let listed = js::present(params.get("allowedDecisions")).is_some() || !newest;
    if rules.request_lists_decisions && params.get("allowedDecisions").is_some() && listed {
        let mut decisions = prompts::plugin_decisions(&params);
        if newest && !decisions.contains(&json!("deny")) {
            decisions.push(json!("deny"));
        }
        js::set(&mut request, "allowedDecisions", Some(decisions));
    }
    let (agent, session) = match newest {
        true => session_of(&params),
        false => (kept("agentId"), kept("sessionKey")),
    };
    js::set(&mut request, "agentId", Some(agent));
    js::set(&mut request, "sessionKey", Some(session));
    if newest {
        js::set(&mut request, "scope", Some(kept("scope")));
        js::set(&mut request, "detail", Some(kept("detail")));
        js::set(&mut request, "runId", Some(Value::Null));
    }
    for key in ["turnSourceChannel", "turnSourceTo", "turnSourceAccountId"] {
        let text = params.get(key).and_then(Value::as_str).map(js::trim).filter(|text| !text.is_empty());
        js::set(&mut request, key, Some(json!(text)));
    }
    js::set(&mut request, "turnSourceThreadId", Some(kept("turnSourceThreadId")));
    let timeout = params.get("timeoutMs").and_then(Value::as_i64).unwrap_or(TIMEOUT_MS).min(MAX_TIMEOUT_MS);
    let id = format!("plugin:{}", ids::uuid(call.environment.entropy.uuid()));
    let approval = Approval::new(id, request, call.requester(), call.now(), timeout);
    let two_phase = params.get("twoPhase") == Some(&Value::Bool(true));
    prompts::ask(call, PromptKind::Plugin, approval, PromptOptions { two_phase, ..PromptOptions::default() })
}

/// The agent and the session of an approval request. A session without an agent belongs to the named agent.
fn session_of(params: &Value) -> (Value, Value) {
    let text = |key: &str| {
        let text = params.get(key).and_then(Value::as_str).map(js::trim).filter(|text| !text.is_empty());
        text.map(str::to_owned)
    };
    let agent = text("agentId");
    let Some(session) = text("sessionKey") else { return (json!(agent), Value::Null) };
    if let Some(named) = session.strip_prefix("agent:").and_then(|rest| rest.split(':').next()) {
        return (json!(agent.as_deref().unwrap_or(named)), json!(session));
    }
    let agent = agent.unwrap_or_else(|| "main".to_owned());
    (json!(agent), json!(format!("agent:{agent}:{session}")))
}

pub(in crate::rpc) fn wait(call: &mut Call<'_, '_>) -> HandlerResult {
    prompts::wait(call, PromptKind::Plugin)
}

pub(in crate::rpc) fn resolve(call: &mut Call<'_, '_>) -> HandlerResult {
    prompts::resolve(call, PromptKind::Plugin)
}

pub(in crate::rpc) fn list(call: &mut Call<'_, '_>) -> HandlerResult {
    Ok(Reply::Answer(prompts::pending(call, PromptKind::Plugin)))
}
