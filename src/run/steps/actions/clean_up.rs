//! Removes what a case left on a gateway at a URL.

use crate::run::steps::actions::connections;
use crate::run::steps::connect::Connecting;
use crate::run::steps::context::CaseContext;
use crate::run::steps::frames::Frames;
use crate::run::steps::session::Session;
use crate::run::tenant_view;
use crate::run::timeouts::Wait;
use crate::scenario::connect::Connect;
use openclaw_model::Facts;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::time::Instant;
use untrusted_data::limits::{Budget, CASE_BYTES};

/// The device that removes what a case left behind.
pub(super) const CLEANER: &str = "clawcheck-cleaner";

impl CaseContext<'_> {
    /// Removes what the case's devices left on the gateway. Returns a sentence for each thing that it could not remove.
    pub(crate) async fn clean_up(&self) -> Vec<String> {
        let devices = self.bindings.identities.device_names();
        if devices.is_empty() {
            return Vec::new();
        }
        let Some(mut session) = self.administrator().await else { return self.possible_leftovers() };
        let answer = self.answer_to(&mut session, "device.pair.list", json!({})).await;
        let Some(listed) = answer.as_ref().and_then(accepted) else {
            // A gateway that knows no such method and issued no token pairs no devices.
            let pairs = self.bindings.has_learned_token() || !answer.as_ref().is_some_and(is_unknown_method);
            return if pairs { self.possible_leftovers() } else { Vec::new() };
        };
        let mut left = Vec::new();
        let entries = |list: &str| listed.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
        for request in entries("pending") {
            let Some(name) = named(&request, &devices) else { continue };
            let params = json!({ "requestId": request.get("requestId") });
            if self.ask_plainly(&mut session, "device.pair.reject", params).await.is_none() {
                left.push(format!("{}: a pending request of the device {name}", self.case.id));
            }
        }
        for record in entries("paired") {
            let Some(name) = named(&record, &devices) else { continue };
            let params = json!({ "deviceId": record.get("deviceId") });
            if self.ask_plainly(&mut session, "device.pair.remove", params).await.is_none() {
                left.push(format!("{}: the paired device {name}", self.case.id));
            }
        }
        for request in self.pending_nodes(&mut session).await {
            let Some(name) = named(&request, &devices) else { continue };
            let params = json!({ "requestId": request.get("requestId") });
            if self.ask_plainly(&mut session, "node.pair.reject", params).await.is_none() {
                left.push(format!("{}: a pending request of the node {name}", self.case.id));
            }
        }
        // Remove the admin device last, because its connection ends with it.
        left.extend(self.remove_administrator(&mut session).await);
        left
    }

    /// Removes the device of [`Self::administrator`]. Returns a sentence if that is not possible.
    pub(super) async fn remove_administrator(&self, session: &mut Session) -> Option<String> {
        let own = json!({ "deviceId": self.bindings.identities.device(CLEANER).device_id() });
        let removed = self.ask_plainly(session, "device.pair.remove", own).await;
        removed.is_none().then(|| format!("{}: the paired device {CLEANER}", self.case.id))
    }

    /// The records that the case may have left on the gateway, if clawcheck cannot check it.
    pub(crate) fn possible_leftovers(&self) -> Vec<String> {
        let devices = self.bindings.identities.device_names();
        devices.iter().map(|(_, name)| format!("{}: possibly the device {name}", self.case.id)).collect()
    }

    async fn pending_nodes(&self, session: &mut Session) -> Vec<Value> {
        let listed = self.ask_plainly(session, "node.pair.list", json!({})).await.unwrap_or_default();
        listed.get("pending").and_then(Value::as_array).cloned().unwrap_or_default()
    }

    /// An administrator on the gateway. It is paired as the device [`CLEANER`].
    pub(super) async fn administrator(&self) -> Option<Session> {
        let running = self.running().ok()?;
        let (link, upgrade, began) = (running.link(None).ok()?, running.upgrade(), Instant::now());
        // Messages that arrive during the cleanup are not part of the case.
        let (frames, budget) = (Arc::<Frames>::default().on(CLEANER), Budget::new("the cleanup", CASE_BYTES));
        let mut session = self.connection(link, &upgrade, CLEANER, frames, budget).await.ok()?;
        let first = self.challenge(&mut session, began.elapsed()).await;
        let challenge = connections::challenge(first.as_slice());
        let connect: Connect = serde_json::from_value(json!({
            "device": CLEANER, "role": "operator", "scopes": ["operator.admin", "operator.pairing"],
        }))
        .ok()?;
        let settings = &self.case.scenario.gateway;
        let offers = Facts::nearest(self.release).client;
        let connecting = Connecting { bindings: &self.bindings, settings, offers, proof: None };
        let params = connecting.params(&connect, &challenge, self.now()).ok()?;
        self.ask_plainly(&mut session, "connect", params).await?;
        Some(session)
    }

    /// The payload of a successful answer.
    pub(super) async fn ask_plainly(&self, session: &mut Session, method: &str, params: Value) -> Option<Value> {
        accepted(&self.answer_to(session, method, params).await?)
    }

    /// The frame of an answer.
    async fn answer_to(&self, session: &mut Session, method: &str, params: Value) -> Option<Value> {
        let pending = self.request(session, method, params).await.ok()?;
        let answer = self.answer(session, &pending, &Wait::Call(method.to_owned())).await.pop()?;
        answer.frame().cloned()
    }
}

/// The payload of a successful answer.
fn accepted(frame: &Value) -> Option<Value> {
    let is_ok = frame.get("ok") == Some(&Value::Bool(true));
    is_ok.then(|| frame.get("payload").cloned().unwrap_or_default())
}

/// Whether an answer says that the gateway does not have the method. Every gateway has its own words for this.
fn is_unknown_method(frame: &Value) -> bool {
    let error = frame.get("error").map(Value::to_string).unwrap_or_default().to_lowercase().replace('_', " ");
    let words = ["unknown", "not found", "unsupported", "not supported", "not implemented", "no such"];
    error.contains("method") && words.iter().any(|word| error.contains(word))
}

/// The name of the device that a record is about. `None` if it is not one of these devices.
fn named<'a>(record: &Value, devices: &'a [(String, String)]) -> Option<&'a str> {
    let id = tenant_view::device(record)?;
    devices.iter().find(|(known, name)| known == id && name != CLEANER).map(|(_, name)| name.as_str())
}
