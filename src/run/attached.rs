//! A gateway that somebody else runs: what a case would leave behind there, which records are its own, and how they are
//! taken away again.

use super::schedule::breaker::Dead;
use super::schedule::failed_start;
use super::sharing::view;
use super::steps::connect::Connecting;
use super::steps::connections;
use super::steps::context::{CaseContext, CaseError};
use super::steps::frames::Frames;
use super::steps::session::Session;
use super::timeouts::{Timeouts, Wait};
use super::{RunError, Shared};
use crate::gateway::{Gateway, Launch, Place, Workspace};
use crate::observe::{RawMessage, StoreFiles, stored};
use crate::scenario::connect::Connect;
use crate::scenario::gateway::AuthMode;
use crate::scenario::{Case, Corpus, Step, StepKind};
use openclaw_model::{Facts, Release};
use openclaw_protocol::store::{Document, json as store_json};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::time::Instant;
use untrusted_data::limits::{Budget, CASE_BYTES};

/// The device that takes away what a case has left behind.
const CLEANER: &str = "clawcheck-cleaner";

/// Asks for nothing with the shared token, and as nobody who could be paired.
const KNOCK: &str = "scenario: Knock\nsteps:\n  - connect: { device: none, role: operator, scopes: [] }\n";

/// Whether the gateway takes a connection at all. Nothing is said on it.
pub(super) async fn is_there(gateway: &Gateway, workspace: &Workspace, timeouts: &Timeouts) -> Result<(), RunError> {
    let place = workspace.place().map_err(RunError::Workspace)?;
    let launch = Launch {
        place: &place,
        state_dir: None,
        openclaw_json: Value::Null,
        environment: BTreeMap::new(),
        clock: None,
        deadline: Instant::now() + timeouts.limit(&Wait::Start),
    };
    gateway.launch(launch).await?;
    Ok(())
}

/// Whether the gateway says that the shared token is another one than the run was given. It is asked once, in a way that leaves
/// nothing behind; what else it says to that, or that it says nothing, is for the cases.
pub(super) async fn turns_token_down(gateway: &Gateway, release: Release, shared: &Shared<'_>) -> io::Result<bool> {
    let Some(token) = shared.options.token.as_deref() else { return Ok(false) };
    let place = shared.workspace.place()?;
    let corpus = Corpus::written(Path::new("clawcheck/knock.yaml"), KNOCK).map_err(io::Error::other)?;
    let [case] = corpus.cases() else { return Ok(false) };
    let mut context = CaseContext::new(case, gateway, place, release, Some(token));
    context.timeouts = shared.timeouts.clone();
    let steps = context.perform().await;
    context.end().await;
    match &steps {
        Err(CaseError::Launch(error)) => failed_start::failed(error, &case.scenario.gateway, gateway, shared).await,
        Err(error) => Dead::of(error).iter().for_each(|dead| shared.breaker.failed(dead)),
        Ok(_) => {}
    }
    let steps = steps.unwrap_or_default();
    let code = |frame: &Value| frame.pointer("/error/details/code").and_then(Value::as_str).map(str::to_owned);
    Ok(steps.iter().flat_map(|step| &step.received).any(
        |received| matches!(&received.message, RawMessage::Frame { frame, .. } if code(frame).as_deref() == Some("AUTH_TOKEN_MISMATCH")),
    ))
}

/// Whether a case changes nothing that outlives it: what it asks for is answered and told to nobody else, and the
/// rules, asked through the embedded gateway, keep the store as it was. How the gateway authenticates is not known before it
/// is asked, and asking can be enough to leave a trace: so they must keep it in every mode.
pub(super) async fn leaves_no_trace(
    case: &Case,
    rules: &Gateway,
    workspace: &Workspace,
    release: Release,
) -> Result<bool, CaseError> {
    if !crate::judge::steps(case).into_iter().all(only_looks) {
        return Ok(false);
    }
    for mode in [AuthMode::Token, AuthMode::Password, AuthMode::None] {
        let mut case = case.clone();
        case.scenario.gateway.auth.mode = mode;
        if !keeps_the_store(&case, rules, workspace.place()?, release).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn keeps_the_store(case: &Case, rules: &Gateway, place: Place, release: Release) -> Result<bool, CaseError> {
    let mut context = CaseContext::new(case, rules, place, release, None);
    context.perform().await?;
    let after = context.files();
    context.end().await;
    Ok(records(context.before()) == records(&after))
}

/// Whether a step asks for nothing but a look. Calls reach people (an approval prompts whoever may approve).
fn only_looks(step: &Step) -> bool {
    matches!(
        step.kind,
        StepKind::Connect(_)
            | StepKind::Open(_)
            | StepKind::List(_)
            | StepKind::Await(_)
            | StepKind::Disconnect(_)
            | StepKind::Parallel(_)
    )
}

/// The documents that hold something: an empty one says the same as none.
fn records(files: &StoreFiles) -> Vec<(Document, Value)> {
    let parsed = |document: Document| store_json::parse(stored(files, document)?.as_deref().ok()?);
    let documents = Document::ALL.into_iter().filter_map(|document| Some((document, parsed(document)?)));
    documents.filter(|(_, value)| value.as_object().is_none_or(|records| !records.is_empty())).collect()
}

/// The records of a store that belong to these devices. Everybody else's are nobody's business.
pub(super) fn own(files: &StoreFiles, devices: &BTreeSet<String>) -> StoreFiles {
    let mine = |id: &str| devices.contains(id);
    view::documents(files, |_, key, record| mine(key) || view::device(record).is_some_and(mine))
}

impl CaseContext<'_> {
    /// Takes away what the case's devices have left on the gateway. Gives what could not be taken away, in words.
    pub(super) async fn clean_up(&self) -> Vec<String> {
        let devices = self.bindings.identities.device_names();
        if devices.is_empty() {
            return Vec::new();
        }
        let Some(mut session) = self.cleaner().await else { return self.perhaps_left() };
        let Some(listed) = self.ask_plainly(&mut session, "device.pair.list", json!({})).await else {
            return self.perhaps_left();
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
        // Last itself: its connection ends with it.
        let own = json!({ "deviceId": self.bindings.identities.device(CLEANER).device_id() });
        if self.ask_plainly(&mut session, "device.pair.remove", own).await.is_none() {
            left.push(format!("{}: the paired device {CLEANER}", self.case.id));
        }
        left
    }

    /// What the case may have left on the gateway, where nobody can tell.
    pub(super) fn perhaps_left(&self) -> Vec<String> {
        let devices = self.bindings.identities.device_names();
        devices.iter().map(|(_, name)| format!("{}: perhaps the device {name}", self.case.id)).collect()
    }

    async fn pending_nodes(&self, session: &mut Session) -> Vec<Value> {
        let listed = self.ask_plainly(session, "node.pair.list", json!({})).await.unwrap_or_default();
        listed.get("pending").and_then(Value::as_array).cloned().unwrap_or_default()
    }

    async fn cleaner(&self) -> Option<Session> {
        let running = self.running().ok()?;
        let (link, upgrade, began) = (running.link(None).ok()?, running.upgrade(), Instant::now());
        // What is said to us while we clean up is no part of the case.
        let (frames, budget) = (Arc::<Frames>::default().on(CLEANER), Budget::new("the cleaning up", CASE_BYTES));
        let mut session = self.connection(link, &upgrade, CLEANER, frames, budget).await.ok()?;
        let challenge = connections::challenge(&[self.challenge(&mut session, began.elapsed()).await]);
        let connect: Connect = serde_json::from_value(json!({
            "device": CLEANER, "role": "operator", "scopes": ["operator.admin", "operator.pairing"],
        }))
        .ok()?;
        let settings = &self.case.scenario.gateway;
        let connecting = Connecting { bindings: &self.bindings, settings, offers: Facts::nearest(self.release).client };
        let params = connecting.params(&connect, &challenge, self.now()).ok()?;
        self.ask_plainly(&mut session, "connect", params).await?;
        Some(session)
    }

    /// The payload of an answer that is no error.
    async fn ask_plainly(&self, session: &mut Session, method: &str, params: Value) -> Option<Value> {
        let pending = self.request(session, method, params).await.ok()?;
        match self.answer(session, &pending, &Wait::Call(method.to_owned())).await.pop()? {
            RawMessage::Frame { frame, .. } if frame.get("ok") == Some(&Value::Bool(true)) => {
                Some(frame.get("payload").cloned().unwrap_or_default())
            }
            _ => None,
        }
    }
}

/// The name of the device that a record is about, if it is one of these.
fn named<'a>(record: &Value, devices: &'a [(String, String)]) -> Option<&'a str> {
    let id = view::device(record)?;
    devices.iter().find(|(known, name)| known == id && name != CLEANER).map(|(_, name)| name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_document_is_no_trace() {
        let files = |text: &str| StoreFiles::from([("devices/pending.json".to_owned(), Ok(text.as_bytes().to_vec()))]);
        assert_eq!(records(&StoreFiles::new()), records(&files("{}")));
        assert_ne!(records(&StoreFiles::new()), records(&files(r#"{"r": {}}"#)));
    }
}
