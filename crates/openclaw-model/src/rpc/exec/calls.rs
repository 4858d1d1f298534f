//! `exec.approval.*` (`server-methods/exec-approval.ts`).

use crate::approvals::Approval;
use crate::facts::rpc::RpcRules;
use crate::facts::rpc::exec::ExecRequestForm;
use crate::rpc::exec::legacy;
use crate::rpc::exec::prompts::{self, PromptKind, PromptOptions};
use crate::rpc::exec::request::{ExecRequest, visible};
use crate::rpc::schemas::{ID, exec_request as exec_request_schema};
use crate::rpc::{Call, HandlerResult, Reply, invalid, invalid_with};
use openclaw_protocol::ids;
use openclaw_protocol::js;
use serde_json::{Value, json};

/// The refusal of a command that is too long to be shown to the approver.
const TOO_LONG: &str = "command exceeds exec approval display limit";

pub(in crate::rpc) fn request(call: &mut Call<'_, '_>) -> HandlerResult {
    let form = call.model.rules.rpc.exec.form;
    let params = call.params(match form {
        ExecRequestForm::Command => &legacy::FIRST_REQUEST,
        ExecRequestForm::Arguments => &legacy::REQUEST,
        ExecRequestForm::PlanText => exec_request_schema(&call.model.rules.rpc),
    })?;
    let request = match form {
        ExecRequestForm::Command => Ok(legacy::first_announced(&params)),
        ExecRequestForm::Arguments => legacy::announced(&params),
        ExecRequestForm::PlanText => ExecRequest::read(&params).and_then(|request| {
            request.check_blank(&call.model.rules.rpc)?;
            request.check_argv()?;
            // This check comes first: no approval is requested for a command that cannot be shown.
            if call.model.rules.rpc.approvals_display_limit && request.is_too_long(&call.model.rules.rpc) {
                return Err(TOO_LONG);
            }
            Ok(request.announced(&call.model.rules.rpc, &params))
        }),
    };
    let request = request.map_err(|message| match message {
        TOO_LONG => invalid_with(TOO_LONG, json!({"reason": "EXEC_APPROVAL_COMMAND_DISPLAY_LIMIT"})),
        other => invalid(other),
    })?;
    let rules = &call.model.rules.rpc;
    let plain = rules.exec.ids_restricted;
    let given = params.get("id").and_then(Value::as_str).unwrap_or_default();
    let id = if plain { given } else { js::trim(given) }.to_owned();
    if rules.plugin_ids_reserved && id.starts_with("plugin:") {
        return Err(invalid("approval ids starting with plugin: are reserved"));
    }
    let timeout = params.get("timeoutMs").and_then(Value::as_f64).map_or(rules.exec_timeout_ms, whole);
    let now = call.now();
    if !id.is_empty() && call.model.exec_approvals.get(&id, now).is_some() {
        return Err(invalid("approval id already pending"));
    }
    if plain && !id.is_empty() && !is_plain_id(&id) {
        let message = "approval id must be 1-128 characters using only letters, numbers, '.', '_', ':', or '-', and cannot be \
                       '.' or '..'";
        let details = json!({"code": "EXEC_APPROVAL_ID_INVALID", "reason": "INVALID_APPROVAL_ID"});
        return Err(invalid_with(message, details));
    }
    let id = if id.is_empty() { ids::uuid(call.environment.entropy.uuid()) } else { id };
    let approval = Approval::new(id, request, call.requester(), now, timeout);
    let has_flag = |key: &str, value: bool| params.get(key) == Some(&Value::Bool(value));
    let delivers = call.model.rules.rpc.exec.delivery_chosen;
    let asking = PromptOptions {
        two_phase: has_flag("twoPhase", true),
        is_unannounced: delivers && has_flag("suppressDelivery", true),
        waits_without_approver: delivers && has_flag("requireDeliveryRoute", false),
    };
    prompts::ask(call, PromptKind::Exec, approval, asking)
}

/// Whether an approval can have this id where ids are checked (`exec-approval-registration.ts`).
fn is_plain_id(id: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
    id.len() <= 128 && id != "." && id != ".." && id.chars().all(plain)
}

pub(in crate::rpc) fn wait(call: &mut Call<'_, '_>) -> HandlerResult {
    prompts::wait(call, PromptKind::Exec)
}

pub(in crate::rpc) fn resolve(call: &mut Call<'_, '_>) -> HandlerResult {
    prompts::resolve(call, PromptKind::Exec)
}

pub(in crate::rpc) fn get(call: &mut Call<'_, '_>) -> HandlerResult {
    let params = call.params(&ID)?;
    let id = prompts::find(call, PromptKind::Exec, params.get("id").and_then(Value::as_str).unwrap_or_default())?;
    let now = call.now();
    let Some(approval) = call.model.exec_approvals.get(&id, now) else {
        return Err(invalid("unknown or expired approval id"));
    };
    let request = approval.request.clone();
    let expires_at = approval.expires_at;
    let rules = &call.model.rules.rpc;
    let ask = request.get("ask").and_then(Value::as_str);
    Ok(Reply::Answer(json!({
        "id": id,
        "commandText": request.get("command"),
        "commandPreview": preview(rules, &request),
        "allowedDecisions": prompts::allowed(&request, ask),
        "host": request.get("host"),
        "nodeId": request.get("nodeId"),
        "agentId": request.get("agentId"),
        "expiresAtMs": expires_at
    })))
}

pub(in crate::rpc) fn list(call: &mut Call<'_, '_>) -> HandlerResult {
    Ok(Reply::Answer(prompts::pending(call, PromptKind::Exec)))
}

/// The preview, if it differs from the command: the request's own, or that of a node's plan.
fn preview(rules: &RpcRules, request: &js::Record) -> Option<String> {
    let of_plan = || request.get("systemRunPlan").and_then(|plan| plan.get("commandPreview"));
    let preview = js::present(request.get("commandPreview")).or_else(of_plan).and_then(Value::as_str)?;
    let preview = visible(rules, js::trim(preview));
    let command = request.get("command").and_then(Value::as_str);
    Some(preview).filter(|preview| !preview.is_empty() && Some(preview.as_str()) != command)
}

/// A timeout in whole milliseconds. The schema accepts no other number.
fn whole(timeout: f64) -> i64 {
    #[allow(clippy::cast_possible_truncation)]
    let whole = timeout as i64;
    whole
}
