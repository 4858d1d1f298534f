//! Cases on a gateway at a URL: what a case would leave there, which records belong to it, and how they are removed.

use super::schedule::breaker::GatewayFailure;
use super::schedule::failed_start;
use super::sharing::view;
use super::steps::connect::Connecting;
use super::steps::connections;
use super::steps::context::{CaseContext, CaseError};
use super::steps::frames::Frames;
use super::steps::session::Session;
use super::timeouts::{Timeouts, Wait};
use super::{RunError, Shared};
use crate::gateway::{Gateway, Launch, Sandbox, Workspace};
use crate::observe::{ObservedStore, StepEvidence, StoredDocument};
use crate::scenario::connect::Connect;
use crate::scenario::gateway::AuthMode;
use crate::scenario::{Case, Corpus, Step, StepKind};
use openclaw_model::{Facts, Release};
use openclaw_protocol::store::Document;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::time::Instant;
use untrusted_data::cut;
use untrusted_data::limits::{Budget, CASE_BYTES};

/// The device that removes what a case left behind.
pub(super) const CLEANER: &str = "clawcheck-cleaner";

/// The maximum length of a version in a note, in characters.
const VERSION: usize = 40;

/// A connect without a device and without scopes, with every protocol of the known releases. `auth` is empty, which
/// sends the shared token, or `, auth: none`.
fn knock(auth: &str) -> String {
    let connect = format!("{{ device: none, role: operator, scopes: [], protocol: [3, 4]{auth} }}");
    format!("scenario: Knock\nsteps:\n  - connect: {connect}\n")
}

/// Whether the gateway accepts a connection. The client sends nothing on it.
pub(super) async fn is_there(gateway: &Gateway, workspace: &Workspace, timeouts: &Timeouts) -> Result<(), RunError> {
    let sandbox = workspace.sandbox().map_err(RunError::Workspace)?;
    let launch = Launch {
        sandbox: &sandbox,
        state_dir: None,
        openclaw_json: Value::Null,
        environment: BTreeMap::new(),
        clock: None,
        trace: None,
        deadline: Instant::now() + timeouts.limit(&Wait::Start),
    };
    gateway.launch(launch).await?;
    Ok(())
}

/// The answer of the gateway to a connect that leaves no record.
#[derive(Debug, Default)]
pub(super) struct Greeting {
    /// Whether the gateway reports that its shared token differs from the token of the run.
    pub(super) turns_token_down: bool,
    /// `server.version` of its hello-ok.
    pub(super) version: Option<String>,
}

impl Greeting {
    fn of(steps: &[StepEvidence]) -> Self {
        let received = steps.iter().flat_map(|step| &step.received);
        let frames = received.filter_map(|received| received.message.frame()).collect::<Vec<_>>();
        let first = |pointer: &str| frames.iter().find_map(|frame| frame.pointer(pointer)?.as_str().map(str::to_owned));
        Self {
            turns_token_down: first("/error/details/code").as_deref() == Some("AUTH_TOKEN_MISMATCH"),
            version: first("/payload/server/version"),
        }
    }

    /// A note about the release that the gateway is compared with, and the version in its hello-ok.
    pub(super) fn note(&self, compared: Option<Release>) -> Option<String> {
        let version = self.version.as_deref()?;
        match (self.release(), compared) {
            (None, None) => {
                Some(format!("its hello-ok says version {}, which is not a known release", cut::line(version, VERSION)))
            }
            (None, Some(_)) => None,
            (Some(release), compared) if compared == Some(release) => Some(format!(
                "its hello-ok says version {release}, so its answers are compared with those of {release}"
            )),
            // A mismatch is reported with the release that the answers are closest to.
            (Some(_), _) => None,
        }
    }

    /// The release in `server.version` of the gateway, if its rules are known.
    pub(super) fn release(&self) -> Option<Release> {
        let release = self.version.as_deref()?.parse::<Release>().ok()?;
        Facts::of(release).is_ok().then_some(release)
    }
}

/// Connects once to read the version of the gateway. The connect leaves no record. The cases report an unexpected or
/// missing answer.
pub(super) async fn greeting(gateway: &Gateway, release: Release, shared: &Shared<'_>) -> io::Result<Greeting> {
    let token = shared.options.token.as_deref();
    let sandbox = shared.workspace.sandbox()?;
    let knock = knock(if token.is_some() { "" } else { ", auth: none" });
    let corpus = Corpus::written(Path::new("clawcheck/knock.yaml"), &knock).map_err(io::Error::other)?;
    let [case] = corpus.cases() else { return Ok(Greeting::default()) };
    let mut context = CaseContext::new(case, gateway, sandbox, release, token);
    context.timeouts = shared.timeouts.clone();
    let steps = context.perform().await;
    context.end().await;
    match &steps {
        Err(CaseError::Launch(error)) => failed_start::failed(error, &case.scenario.gateway, gateway, shared).await,
        Err(error) => GatewayFailure::of(error).iter().for_each(|dead| shared.breaker.failed(dead)),
        Ok(_) => {}
    }
    Ok(Greeting::of(&steps.unwrap_or_default()))
}

/// Whether a case changes nothing that outlives it. Its calls must not reach other clients, and the rules, played on
/// the embedded gateway, must leave the store unchanged. The auth mode of the gateway is not known at this point, and a
/// connect can already leave a record, so the store must stay unchanged in every mode.
pub(super) async fn leaves_no_trace(
    case: &Case,
    rules: &Gateway,
    workspace: &Workspace,
    release: Release,
) -> Result<bool, CaseError> {
    if !case.steps().all(only_looks) {
        return Ok(false);
    }
    for mode in [AuthMode::Token, AuthMode::Password, AuthMode::None] {
        let mut case = case.clone();
        case.scenario.gateway.auth.mode = mode;
        if !keeps_the_store(&case, rules, workspace.sandbox()?, release).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn keeps_the_store(case: &Case, rules: &Gateway, sandbox: Sandbox, release: Release) -> Result<bool, CaseError> {
    let mut context = CaseContext::new(case, rules, sandbox, release, None);
    context.perform().await?;
    let after = context.files();
    context.end().await;
    Ok(records(context.before()) == records(&after))
}

/// Whether a step only reads. Calls can reach people: an approval request prompts every approver.
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

/// The documents that are not empty. An empty document is equivalent to none.
fn records(store: &ObservedStore) -> Vec<(Document, &Value)> {
    let documents = store.documents().iter().filter_map(|(document, stored)| match stored {
        StoredDocument::Json(json) => Some((*document, json.as_ref())),
        StoredDocument::Unreadable(_) | StoredDocument::NoFile(_) => None,
    });
    documents.filter(|(_, value)| value.as_object().is_none_or(|records| !records.is_empty())).collect()
}

/// The records of a store that belong to these devices. clawcheck ignores all other records.
pub(super) fn with_records_of(store: &ObservedStore, devices: &BTreeSet<String>) -> ObservedStore {
    let mine = |id: &str| devices.contains(id);
    store.filtered(|_, key, record| mine(key) || view::device(record).is_some_and(mine), |_| false)
}

impl CaseContext<'_> {
    /// Removes what the case's devices left on the gateway. Returns a sentence for each thing that it could not remove.
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
        // Remove the admin device last, because its connection ends with it.
        let own = json!({ "deviceId": self.bindings.identities.device(CLEANER).device_id() });
        if self.ask_plainly(&mut session, "device.pair.remove", own).await.is_none() {
            left.push(format!("{}: the paired device {CLEANER}", self.case.id));
        }
        left
    }

    /// The records that the case may have left on the gateway, if clawcheck cannot check it.
    pub(super) fn perhaps_left(&self) -> Vec<String> {
        let devices = self.bindings.identities.device_names();
        devices.iter().map(|(_, name)| format!("{}: possibly the device {name}", self.case.id)).collect()
    }

    async fn pending_nodes(&self, session: &mut Session) -> Vec<Value> {
        let listed = self.ask_plainly(session, "node.pair.list", json!({})).await.unwrap_or_default();
        listed.get("pending").and_then(Value::as_array).cloned().unwrap_or_default()
    }

    async fn cleaner(&self) -> Option<Session> {
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
    async fn ask_plainly(&self, session: &mut Session, method: &str, params: Value) -> Option<Value> {
        let pending = self.request(session, method, params).await.ok()?;
        let answer = self.answer(session, &pending, &Wait::Call(method.to_owned())).await.pop()?;
        let frame = answer.frame().filter(|frame| frame.get("ok") == Some(&Value::Bool(true)))?;
        Some(frame.get("payload").cloned().unwrap_or_default())
    }
}

/// The name of the device that a record is about. `None` if it is not one of these devices.
fn named<'a>(record: &Value, devices: &'a [(String, String)]) -> Option<&'a str> {
    let id = view::device(record)?;
    devices.iter().find(|(known, name)| known == id && name != CLEANER).map(|(_, name)| name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_document_is_no_trace() {
        let files =
            |text: &str| ObservedStore::from([("devices/pending.json".to_owned(), Ok(text.as_bytes().to_vec()))]);
        assert_eq!(records(&ObservedStore::default()), records(&files("{}")));
        assert_ne!(records(&ObservedStore::default()), records(&files(r#"{"r": {}}"#)));
    }
}
