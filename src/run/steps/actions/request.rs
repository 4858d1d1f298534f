//! Calls on held connections: any method, and the actions for pairing and tokens.

use crate::gateway::GatewayKind;
use crate::observe::{RawFrame, RawMessage, Received, StepEvidence};
use crate::run::steps::approval_ids;
use crate::run::steps::context::CaseContext;
use crate::run::steps::received::{is_ok, is_over, note, own, received};
use crate::run::steps::session;
use crate::run::timeouts::Wait;
use crate::scenario::Step;
use crate::scenario::step::{Call, TokenStep};
use serde_json::{Value, json};

impl CaseContext<'_> {
    pub(crate) async fn call(&self, step: &Step, call: &Call) -> StepEvidence {
        let mut params = match call.params.as_ref().map(|params| self.bindings.fill(params)).transpose() {
            Ok(params) => params,
            Err(why) => return note(why),
        };
        if let (Some(template), Some(params), GatewayKind::Attached) =
            (&call.params, &mut params, self.gateway.profile().kind)
        {
            approval_ids::add(&call.method, template, params, &self.approval_prefix());
        }
        let on = call.on.as_str();
        if call.wait {
            return self.ask(step, on, &call.method, params.unwrap_or(Value::Null)).await;
        }
        let Some(session) = self.session(on) else { return is_over(on) };
        let mut session = session.lock().await;
        if let Ok(pending) = self.request(&mut session, &call.method, params.unwrap_or(Value::Null)).await {
            session.named(&pending, step.known_as().map(|name| name.as_str()));
        }
        StepEvidence::default()
    }

    /// Calls a method on a held connection and waits for the answer.
    pub(crate) async fn ask(&self, step: &Step, on: &str, method: &str, params: Value) -> StepEvidence {
        let Some(session) = self.session(on) else { return is_over(on) };
        let name = step.known_as().map(|name| name.as_str());
        let mut guard = session.lock().await;
        if guard.is_over() {
            return is_over(on);
        }
        let pending = match self.request(&mut guard, method, params).await {
            Ok(pending) => pending,
            Err(_) => return received(self.listen(&mut guard, &Wait::Refusal, |_| false).await),
        };
        guard.named(&pending, name);
        drop(guard);
        // Parallel steps on one connection all send before any of them receives.
        tokio::task::yield_now().await;
        let mut guard = session.lock().await;
        let messages = self.answer_to_call(&mut guard, &pending, method).await;
        session::learn(&self.bindings, name, None, &messages);
        received(messages)
    }

    /// Approves or rejects the newest pending request of a device.
    pub(crate) async fn decide(&self, step: &Step, by: &str, method: &str, device: &str) -> StepEvidence {
        let id = self.bindings.identities.device(device).device_id();
        let listed = self.ask(step, by, "device.pair.list", json!({})).await;
        let answer = listed.received.iter().find_map(|received| match &received.message {
            RawMessage::Frame(RawFrame::Regular { json, method: Some(method) })
                if method == "device.pair.list" && is_ok(&received.message) =>
            {
                Some(json)
            }
            _ => None,
        });
        let Some(answer) = answer else { return listed };
        let Some(pending) = answer.pointer("/payload/pending").and_then(Value::as_array) else {
            // The answer to the list must not pass for the answer to the decision.
            let mut evidence = others(listed);
            evidence
                .received
                .push(own(RawMessage::Note("device.pair.list answered without a list `pending`".to_owned())));
            return evidence;
        };
        let newest = pending
            .iter()
            .filter(|request| request.get("deviceId").and_then(Value::as_str) == Some(&id))
            .max_by_key(|request| request.get("ts").and_then(Value::as_i64));
        let Some(request) = newest.and_then(|request| request.get("requestId")).cloned() else {
            let mut evidence = others(listed);
            evidence.received.push(own(RawMessage::NothingPending(device.to_owned())));
            return evidence;
        };
        if let Some(request) = request.as_str() {
            self.bindings.requested(device, request);
        }
        let decided = self.ask(step, by, method, json!({ "requestId": request })).await;
        let mut evidence = others(listed);
        evidence.received.extend(decided.received);
        evidence
    }

    pub(crate) fn token_params(&self, kind: &TokenStep) -> Value {
        let mut params = json!({
            "deviceId": self.bindings.identities.device(kind.device.as_str()).device_id(),
            "role": kind.role,
        });
        if let (Some(scopes), Some(object)) = (&kind.scopes, params.as_object_mut()) {
            object.insert("scopes".to_owned(), json!(scopes));
        }
        params
    }

    pub(crate) fn learn_rotated(&self, step: &Step, device: &str, role: &str, received: &[Received<RawFrame>]) {
        for received in received {
            if let Some(frame) = received.message.frame()
                && let Some(token) = frame.pointer("/payload/token").and_then(Value::as_str)
            {
                self.bindings.given(step.known_as().map(|name| name.as_str()), device, role, token);
            }
        }
    }
}

/// The received messages without the answer.
fn others(mut evidence: StepEvidence) -> StepEvidence {
    evidence
        .received
        .retain(|received| received.message.frame().is_none_or(|frame| frame.get("type") != Some(&"res".into())));
    evidence
}
