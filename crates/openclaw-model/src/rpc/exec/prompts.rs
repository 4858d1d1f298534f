//! The common part of approvals for commands and plugins: announce, wait, decide.

use crate::approvals::{Approval, ApprovalMatch, Approvals, Waiter};
use crate::facts::rpc::{NoApprover, RpcRules};
use crate::input::{ConnectionId, Outcome};
use crate::model::{ConnectedClient, Model};
use crate::rpc::schemas::RESOLVE;
use crate::rpc::{Call, HandlerResult, Refusal, Reply, invalid, invalid_with};
use indexmap::IndexSet;
use openclaw_protocol::client;
use openclaw_protocol::js::{self, Record};
use serde_json::{Value, json};

/// The kind of approval.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::rpc) enum PromptKind {
    /// Approvals of commands.
    Exec,
    /// Approvals of plugins.
    Plugin,
}

impl PromptKind {
    fn of(self, model: &mut Model) -> &mut Approvals {
        match self {
            Self::Exec => &mut model.exec_approvals,
            Self::Plugin => &mut model.plugin_approvals,
        }
    }

    /// Whether a client shows approvals of this kind (`canDeliverApprovals`).
    fn is_shown_by(self, client: &ConnectedClient) -> bool {
        let (clients, cap): (&[&str], _) = match self {
            Self::Exec => (&[client::MACOS_APP, client::IOS_APP, client::ANDROID_APP], "exec-approvals"),
            Self::Plugin => (&[client::TUI], "plugin-approvals"),
        };
        let id = client.connect.client.id.as_str();
        let says = |cap: &str| client.connect.caps.iter().flatten().any(|listed| listed == cap);
        id == client::CONTROL_UI || clients.contains(&id) || says("approvals") || says(cap)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Plugin => "plugin",
        }
    }

    fn event(self, what: &str) -> String {
        format!("{}.approval.{what}", self.name())
    }
}

/// All decisions.
const ALL_DECISIONS: [&str; 3] = ["allow-once", "allow-always", "deny"];

/// The options of an approval request.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::rpc) struct PromptOptions {
    /// Whether the response `accepted` comes first.
    pub two_phase: bool,
    /// Whether the request is not announced. No client then counts as an approver.
    pub is_unannounced: bool,
    /// Whether the request waits even if there is no approver.
    pub waits_without_approver: bool,
}

/// Registers an approval and announces it. If no client can decide it, answers immediately without a decision.
/// Otherwise, answers after the decision.
pub(in crate::rpc) fn ask(
    call: &mut Call<'_, '_>,
    kind: PromptKind,
    approval: Approval,
    asking: PromptOptions,
) -> HandlerResult {
    let id = approval.id.clone();
    let requester = call.connection;
    let mut viewers = viewers(call, kind, &approval);
    // Nobody learns of a request that is not announced, so nobody counts as its approver.
    viewers.retain(|_| !asking.is_unannounced);
    let notified: Vec<ConnectionId> = viewers.iter().copied().filter(|viewer| *viewer != requester).collect();
    let approvers = if call.model.rules.rpc.requester_cannot_approve { notified.len() } else { viewers.len() };
    match call.model.rules.rpc.approvals_private {
        true => {
            let mut announcement = approval.announcement();
            if call.model.rules.rpc.exec.kind_named {
                announcement["approvalKind"] = json!(kind.name());
            }
            call.model.send_event_to(&notified, &kind.event("requested"), &announcement, call.outcome);
        }
        false => call.broadcast(&kind.event("requested"), approval.announcement()),
    }
    let route = call.model.rules.rpc.turn_source_route
        && approval
            .request
            .get("turnSourceChannel")
            .and_then(Value::as_str)
            .is_some_and(|channel| contains_channel(channel, call.model.rules.rpc.turn_sources));
    let by = if notified.is_empty() { "turn-source" } else { "approval-client" };
    let acceptance = approval.acceptance(call.model.rules.rpc.acceptance_names_route.then_some(by));
    kind.of(call.model).register(approval);
    let no_approver = call.model.rules.rpc.no_approver;
    let waits = asking.waits_without_approver || no_approver == NoApprover::Waits;
    // A messaging channel can decide the request, too, so a request with a route waits without an approver.
    let expires = !route && approvers == 0 && !waits;
    if asking.two_phase && (!expires || no_approver == NoApprover::ExpiresOnceAccepted) {
        let request_id = call.request.id.clone();
        call.model.respond(call.connection, &request_id, Ok(acceptance), call.outcome);
    }
    if expires {
        call.reason("nobody who may approve is connected".to_owned());
        let now = call.now();
        let expired = kind.of(call.model).resolve(&id, None, now);
        return Ok(expired.map_or(Reply::Answered, |(approval, _)| Reply::Answer(approval.decision())));
    }
    let waiter = Waiter { connection: call.connection, request_id: call.request.id.clone(), is_requester: true };
    kind.of(call.model).wait(&id, waiter);
    Ok(Reply::Answered)
}

/// Whether the request names one of these channels.
fn contains_channel(channel: &str, channels: &str) -> bool {
    let channel = js::trim(channel).to_lowercase();
    channels.split_whitespace().any(|name| name == channel)
}

/// The clients that can decide an approval: those with the scope. If approvals are private, only administrators and the
/// device that requested it.
fn viewers(call: &Call<'_, '_>, kind: PromptKind, approval: &Approval) -> Vec<ConnectionId> {
    let approves = |scope: &String| scope == "operator.admin" || scope == "operator.approvals";
    let clients = call.model.clients().into_iter();
    let rules = &call.model.rules.rpc;
    let clients = clients.filter(|(_, client)| {
        client.scopes.iter().any(approves) && (!rules.approvals_need_client || kind.is_shown_by(client))
    });
    let viewers = clients.filter(|(connection, client)| is_shown(rules, approval, *connection, client));
    viewers.map(|(connection, _)| connection).collect()
}

/// Whether a client can see an approval.
fn is_shown(rules: &RpcRules, approval: &Approval, connection: ConnectionId, client: &ConnectedClient) -> bool {
    let (requester, device) = &approval.requester;
    !rules.approvals_private
        || client.scopes.iter().any(|scope| scope == "operator.admin")
        || match device {
            Some(device) => client.device_id() == Some(device),
            None => connection == *requester,
        }
}

impl Call<'_, '_> {
    /// Whether the caller can see an approval.
    pub(in crate::rpc) fn shown(&self) -> impl Fn(&Approval) -> bool + use<> {
        let (rules, connection, client) = (self.model.rules.rpc.clone(), self.connection, self.client.clone());
        move |approval| is_shown(&rules, approval, connection, &client)
    }

    /// The requester of an approval.
    pub(in crate::rpc) fn requester(&self) -> (ConnectionId, Option<String>) {
        (self.connection, self.client.device_id().map(str::to_owned))
    }
}

/// `waitDecision`.
pub(in crate::rpc) fn wait(call: &mut Call<'_, '_>, kind: PromptKind) -> HandlerResult {
    let params = call.raw_params();
    let id = js::trim(params.get("id").and_then(Value::as_str).unwrap_or_default()).to_owned();
    if id.is_empty() {
        return Err(invalid("id is required"));
    }
    let now = call.now();
    let shown = call.shown();
    let approvals = kind.of(call.model);
    let Some(approval) = approvals.get(&id, now).filter(|approval| shown(approval)) else {
        return Err(invalid("approval expired or not found"));
    };
    if approval.is_resolved() {
        let (decision, reason) = (approval.decision(), approval.terminal_reason());
        return Ok(Reply::Answer(ended(&call.model.rules.rpc, decision, reason)));
    }
    approvals
        .wait(&id, Waiter { connection: call.connection, request_id: call.request.id.clone(), is_requester: false });
    Ok(Reply::Answered)
}

/// `resolve`.
pub(in crate::rpc) fn resolve(call: &mut Call<'_, '_>, kind: PromptKind) -> HandlerResult {
    let params = call.params(&RESOLVE)?;
    let text = |key: &str| params.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let decision = text("decision");
    if !ALL_DECISIONS.contains(&decision.as_str()) {
        return Err(invalid("invalid decision"));
    }
    let now = call.now();
    let id = match find(call, kind, &text("id")) {
        Ok(id) => id,
        Err(refusal) => return repeated_decision(call, kind, &text("id"), &decision).unwrap_or(Err(refusal)),
    };
    if kind == PromptKind::Plugin && call.model.rules.rpc.plugin.request_lists_decisions {
        let request = kind.of(call.model).get(&id, now).map(|approval| Value::Object(approval.request.clone()));
        let allowed = plugin_decisions(&request.unwrap_or_default());
        if !allowed.iter().any(|allowed| *allowed == decision) {
            let message = format!("{decision} is unavailable for this plugin approval");
            return Err(invalid_with(&message, json!({"allowedDecisions": allowed})));
        }
    }
    if kind == PromptKind::Exec {
        let allowed = kind.of(call.model).get(&id, now).is_none_or(|approval| allows(&approval.request, &decision));
        if call.model.rules.rpc.decisions_bounded && !allowed {
            return Err(not_allowed(&call.model.rules.rpc));
        }
    }
    let Some((approval, waiters)) = kind.of(call.model).resolve(&id, Some(&decision), now) else {
        return Err(unknown(&call.model.rules.rpc));
    };
    let info = &call.client.connect.client;
    let resolved_by = info.display_name.clone().unwrap_or_else(|| info.id.clone());
    let mut event = Record::new();
    js::set(&mut event, "id", Some(id.as_str()));
    js::set(&mut event, "decision", Some(decision.as_str()));
    js::set(&mut event, "resolvedBy", Some(resolved_by));
    js::set(&mut event, "ts", Some(now));
    let shown = call.model.rules.rpc.exec.decisions_show_request;
    js::set(&mut event, "request", shown.then(|| json!(approval.request)));
    let event = Value::Object(event);
    match call.model.rules.rpc.approvals_private {
        true => {
            let notified = viewers(call, kind, &approval);
            call.model.send_event_to(&notified, &kind.event("resolved"), &event, call.outcome);
        }
        false => call.broadcast(&kind.event("resolved"), event),
    }
    let taken = json!({"ok": true});
    if call.model.rules.rpc.waiters_first {
        answer_waiters(call.model, &approval, waiters, call.outcome);
        return Ok(Reply::Answer(taken));
    }
    let request_id = call.request.id.clone();
    call.model.respond(call.connection, &request_id, Ok(taken), call.outcome);
    answer_waiters(call.model, &approval, waiters, call.outcome);
    Ok(Reply::Answered)
}

/// Sends the decision to all clients that wait for it.
pub(in crate::rpc) fn answer_waiters(
    model: &mut Model,
    approval: &Approval,
    mut waiters: Vec<Waiter>,
    outcome: &mut Outcome,
) {
    if model.rules.rpc.waiters_first {
        // `false` sorts first: clients that called `waitDecision` come before the requester.
        waiters.sort_by_key(|waiter| waiter.is_requester);
    }
    for waiter in waiters {
        let decision = match waiter.is_requester {
            true => approval.decision(),
            false => ended(&model.rules.rpc, approval.decision(), approval.terminal_reason()),
        };
        model.respond(waiter.connection, &waiter.request_id, Ok(decision), outcome);
    }
}

/// The answer to a client that waits for a decision. With `explains_decision`, it states how the decision was made.
fn ended(rules: &RpcRules, mut decision: Value, reason: &str) -> Value {
    if rules.exec.explains_decision {
        decision["terminalReason"] = json!(reason);
    }
    decision
}

/// The undecided approval with this id.
pub(in crate::rpc) fn find(call: &mut Call<'_, '_>, kind: PromptKind, input: &str) -> Result<String, Refusal> {
    let now = call.now();
    let rules = call.model.rules.rpc.clone();
    let by_prefix = match kind {
        PromptKind::Exec => rules.exec_prefix,
        PromptKind::Plugin => rules.plugin_prefix,
    };
    if !by_prefix {
        // The releases trim only the ids of plugin approvals.
        let id = if kind == PromptKind::Exec { input } else { js::trim(input) };
        let open = kind.of(call.model).get(id, now).is_some_and(|approval| !approval.is_resolved());
        return if open { Ok(id.to_owned()) } else { Err(unknown(&rules)) };
    }
    let shown = call.shown();
    match kind.of(call.model).named(input, now, shown) {
        ApprovalMatch::One(id) => Ok(id),
        ApprovalMatch::Several(ids) if kind == PromptKind::Exec => Err(ambiguous(&ids, rules.approval_errors_brief)),
        ApprovalMatch::Nothing | ApprovalMatch::Several(_) => Err(unknown(&rules)),
    }
}

fn ambiguous(ids: &[String], terse: bool) -> Refusal {
    if terse {
        return invalid("ambiguous approval id prefix; use the full id");
    }
    let named = ids.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    let more = if ids.len() > 3 { format!(" (+{} more)", ids.len() - 3) } else { String::new() };
    invalid(format!("ambiguous approval id prefix; matches: {named}{more}. Use the full id."))
}

fn unknown(rules: &RpcRules) -> Refusal {
    let message = if rules.exec_prefix { "unknown or expired approval id" } else { "unknown approval id" };
    if !rules.unknown_approval_explained {
        return invalid(message);
    }
    let details = match rules.decisions_repeat {
        true => json!({
            "reason": "APPROVAL_NOT_FOUND",
            "remediation": "Re-request the action; pending approvals are cleared after expiry or restart."
        }),
        false => json!({"reason": "APPROVAL_NOT_FOUND"}),
    };
    invalid_with(message, details)
}

/// With `decisions_repeat`, a decision on a decided approval is accepted if it is the same, and otherwise refused as a
/// repetition.
fn repeated_decision(call: &mut Call<'_, '_>, kind: PromptKind, input: &str, decision: &str) -> Option<HandlerResult> {
    if !call.model.rules.rpc.decisions_repeat {
        return None;
    }
    let (now, shown) = (call.now(), call.shown());
    let approvals = kind.of(call.model);
    let ApprovalMatch::One(id) = approvals.named_ever(input, now, shown) else { return None };
    let decided = approvals.get(&id, now).filter(|approval| approval.is_resolved())?.decided();
    if decided == Some(decision) {
        return Some(Ok(Reply::Answer(json!({"ok": true}))));
    }
    Some(Err(invalid_with("approval already resolved", json!({"reason": "APPROVAL_ALREADY_RESOLVED"}))))
}

/// The decisions that a plugin's approval allows: those that it names, without duplicates, or all.
pub(in crate::rpc) fn plugin_decisions(request: &Value) -> Vec<Value> {
    let named = request.get("allowedDecisions").and_then(Value::as_array).into_iter().flatten();
    let decisions: IndexSet<Value> = named.cloned().collect();
    match decisions.is_empty() {
        true => ALL_DECISIONS.map(Value::from).to_vec(),
        false => decisions.into_iter().collect(),
    }
}

fn not_allowed(rules: &RpcRules) -> Refusal {
    let message = match rules.exec.refusal_by_command {
        true => "allow-always is unavailable for this command",
        false => "allow-always is unavailable because the effective policy requires approval every time",
    };
    match rules.approval_errors_brief {
        true => invalid_with(message, json!({"reason": "APPROVAL_ALLOW_ALWAYS_UNAVAILABLE"})),
        false => invalid(message),
    }
}

/// The decisions that a request allows.
pub(in crate::rpc) fn allowed_decisions(ask: Option<&str>) -> &'static [&'static str] {
    match ask.map(|ask| js::trim(ask).to_lowercase()).as_deref() {
        Some("always") => &["allow-once", "deny"],
        _ => &ALL_DECISIONS,
    }
}

/// The decisions that a request allows and does not exclude.
pub(in crate::rpc) fn allowed(request: &Record, ask: Option<&str>) -> Vec<&'static str> {
    let taken = |decision: &str| {
        let taken = request.get("unavailableDecisions").and_then(Value::as_array);
        taken.is_some_and(|taken| taken.iter().any(|taken| taken == decision))
    };
    allowed_decisions(ask).iter().copied().filter(|decision| !taken(decision)).collect()
}

fn allows(request: &Record, decision: &str) -> bool {
    allowed(request, request.get("ask").and_then(Value::as_str)).contains(&decision)
}

/// The undecided approvals that the caller can see.
pub(in crate::rpc) fn pending(call: &mut Call<'_, '_>, kind: PromptKind) -> Value {
    let shown = call.shown();
    let named = call.model.rules.rpc.exec.kind_named;
    let mut pending = kind.of(call.model).pending(shown);
    for approval in pending.iter_mut().filter(|_| named) {
        approval["approvalKind"] = json!(kind.name());
    }
    json!(pending)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Facts;
    use rstest::rstest;

    #[rstest]
    #[case("webchat", [true, true, false])]
    #[case("telegram", [true, false, false])]
    #[case(" Discord ", [true, true, true])]
    #[case("imessage", [true, false, true])]
    #[case("qqbot", [false, true, false])]
    #[case("reef", [false, false, true])]
    #[case("nope", [false, false, false])]
    fn available_channels(#[case] channel: &str, #[case] expected: [bool; 3]) {
        let by = ["2026.2.19", "2026.6.11", "2026.9.6"];
        let channels = |release: &str| Facts::of(release.parse().unwrap()).unwrap().rpc.turn_sources;
        assert_eq!(by.map(|release| contains_channel(channel, channels(release))), expected);
    }
}
