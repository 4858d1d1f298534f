//! The context of one case: a gateway, its sandbox and the open connections.

mod clock;
mod error;
mod first_moment;
mod lifecycle;
mod store;

use super::approval_ids;
use super::close::close_session;
use super::frames::Frames;
use super::liveness::Liveness;
use super::session::{Awaited, Session};
use super::traces::Traces;
use crate::client::Transcript;
use crate::gateway::{ControlError, Gateway, Running, Sandbox};
use crate::locked::locked;
use crate::machine;
use crate::observe::{KnownValue, ObservedStore, RawFrame, Received};
use crate::run::bindings::Bindings;
use crate::run::bindings::identities::Identities;
use crate::run::state_dir::{self, UnfinishedWrites};
use crate::run::store_recipe::Recipe;
use crate::run::timeouts::Timeouts;
use crate::scenario::Case;
pub(crate) use error::CaseError;
pub(crate) use first_moment::first_moment;
pub(crate) use lifecycle::{GatewayStart, stop};
use openclaw_emulator::settings::secret_values;
use openclaw_model::Release;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::sync::Mutex as AsyncMutex;
use untrusted_data::limits::{Budget, CASE_BYTES};

/// The context of one case.
pub(crate) struct CaseContext<'a> {
    pub(crate) case: &'a Case,
    pub(crate) bindings: Bindings,
    pub(crate) transcript: Transcript,
    pub(crate) timeouts: Timeouts,
    pub(crate) release: Release,
    /// The release that was started last. It determines what a client offers.
    pub(crate) speaking: Release,
    /// Validates the gateway's frames against the published schema.
    pub(crate) frames: Arc<Frames>,
    /// Memory for what is kept of the gateway's messages.
    pub(crate) budget: Budget,
    /// Collects the explanations of the embedded gateway's answers, if the caller requests them.
    pub(crate) traces: Option<Traces>,
    /// The connections that create the store, if clawcheck cannot write it.
    pub(crate) recipe: Option<Recipe>,
    pub(crate) gateway: &'a Gateway,
    sandbox: Sandbox,
    running: Option<Running>,
    /// The logs of gateways that were stopped.
    logged: String,
    sessions: Mutex<BTreeMap<String, Arc<AsyncMutex<Session>>>>,
    /// The time of the gateway's clock at the first start, and how far the embedded gateway's clock was moved.
    started_at: i64,
    steps_began: Vec<i64>,
    clock: i64,
    before: ObservedStore,
    /// Temporary files that existed before the case. The case does not wait for them.
    unfinished: UnfinishedWrites,
    /// Ports and paths of the case, with their symbols.
    places: Vec<KnownValue>,
    /// Number of gateway starts.
    boots: usize,
    /// Whether a probe in this step found the gateway silent.
    pub(crate) there: Mutex<Option<Liveness>>,
}

/// A running gateway with its sandbox, on which one case after another is played.
pub(crate) struct SharedGateway {
    pub(crate) sandbox: Sandbox,
    pub(crate) running: Running,
    /// The time of the gateway's clock when the store was written.
    pub(crate) started_at: i64,
}

impl<'a> CaseContext<'a> {
    /// The context of a case. `secret` is the shared secret of a gateway at a URL.
    pub(crate) fn new(
        case: &'a Case,
        gateway: &'a Gateway,
        sandbox: Sandbox,
        release: Release,
        secret: Option<&str>,
    ) -> Self {
        let identities =
            secret.map_or_else(|| Identities::new(&case.id), |secret| Identities::with_shared_secret(&case.id, secret));
        // The records of a copied state directory have real dates, so the embedded gateway uses the real date too.
        let real = case.identities().next().is_some();
        let first = if real { machine::now() } else { first_moment(gateway) };
        Self::with(case, gateway, sandbox, release, Bindings::new(identities), first)
    }

    /// The context of a case on a running gateway that played other cases before. Its store is already written.
    pub(crate) fn on_shared_gateway(
        case: &'a Case,
        gateway: &'a Gateway,
        release: Release,
        bindings: Bindings,
        shared_gateway: SharedGateway,
    ) -> Self {
        let SharedGateway { sandbox, running, started_at } = shared_gateway;
        let mut context = Self::with(case, gateway, sandbox, release, bindings, started_at);
        context.set_running(running);
        context.unfinished = state_dir::unfinished(&context.state_dir());
        context
    }

    fn with(
        case: &'a Case,
        gateway: &'a Gateway,
        sandbox: Sandbox,
        release: Release,
        bindings: Bindings,
        started_at: i64,
    ) -> Self {
        bindings.set_now(started_at);
        bindings.keep_secret(secret_values(&Value::Object(case.scenario.gateway.base.clone())));
        case.identities().for_each(|(name, key)| bindings.identities.use_own_key(name.as_str(), key));
        let known = |path: PathBuf, symbol: &str| KnownValue {
            value: path.to_string_lossy().into_owned(),
            symbol: symbol.to_owned(),
        };
        let places = vec![
            known(sandbox.state_dir(), "<state>"),
            known(sandbox.own_state_dir(), "<state>"),
            known(sandbox.root().join("home"), "<home>"),
            known(sandbox.root().to_owned(), "<case>"),
        ];
        Self {
            case,
            bindings,
            transcript: Transcript::new(),
            timeouts: Timeouts::of(gateway),
            release,
            speaking: release,
            frames: Arc::default(),
            budget: Budget::new("one case", CASE_BYTES),
            traces: None,
            recipe: None,
            gateway,
            sandbox,
            running: None,
            logged: String::new(),
            sessions: Mutex::default(),
            started_at,
            steps_began: Vec::new(),
            clock: started_at,
            before: ObservedStore::default(),
            unfinished: UnfinishedWrites::new(),
            places,
            boots: 0,
            there: Mutex::default(),
        }
    }

    fn set_running(&mut self, running: Running) {
        if let Some(port) = running.port() {
            self.places.push(KnownValue { value: format!(":{port}"), symbol: ":<port>".to_owned() });
        }
        self.running = Some(running);
    }

    /// Closes every connection, waits until the gateway has seen it, and returns the gateway for the next case. `None`
    /// if the gateway is stopped.
    pub(crate) async fn end_sharing(mut self) -> Option<SharedGateway> {
        let session = std::mem::take(&mut *locked(&self.sessions));
        for session in session.into_values() {
            close_session(&mut *session.lock().await, &self.timeouts).await;
        }
        let running = self.running.take()?;
        Some(SharedGateway { sandbox: self.sandbox, running, started_at: self.started_at })
    }

    pub(crate) fn before(&self) -> &ObservedStore {
        &self.before
    }

    pub(crate) fn started_at(&self) -> i64 {
        self.started_at
    }

    pub(crate) fn steps_began(&self) -> &[i64] {
        &self.steps_began
    }

    /// The prefix of the ids of exec and plugin approvals on a gateway at a URL.
    pub(crate) fn approval_prefix(&self) -> String {
        approval_ids::prefix(self.sandbox.root())
    }

    /// All values that have a symbol in the observation.
    pub(crate) fn known(&self) -> Vec<KnownValue> {
        let mut known = self.bindings.known();
        known.extend(self.places.iter().cloned());
        known.push(KnownValue { value: super::connect::OTHER_HOST.to_string(), symbol: "<other-host>".to_owned() });
        known
    }

    pub(crate) fn running(&self) -> Result<&Running, ControlError> {
        self.running.as_ref().ok_or(ControlError::Down)
    }

    pub(crate) fn all_sessions(&self) -> Vec<Arc<AsyncMutex<Session>>> {
        locked(&self.sessions).values().cloned().collect()
    }

    pub(crate) fn session(&self, name: &str) -> Option<Arc<AsyncMutex<Session>>> {
        locked(&self.sessions).get(name).cloned()
    }

    pub(crate) fn hold(&self, name: &str, session: Session) {
        let mut all = locked(&self.sessions);
        all.insert(name.to_owned(), Arc::new(AsyncMutex::new(session)));
    }

    pub(crate) fn take_session(&self, name: &str) -> Option<Arc<AsyncMutex<Session>>> {
        locked(&self.sessions).remove(name)
    }

    /// The messages on held connections since the last call, those of the step first. `later` lists what later steps
    /// wait for, by connection.
    pub(crate) async fn catch_up(&self, own: Option<&str>, later: &[(String, Awaited)]) -> Vec<Received<RawFrame>> {
        let all = locked(&self.sessions).clone();
        let mut received = Vec::new();
        for (name, session) in all {
            let awaited =
                later.iter().filter(|(on, _)| *on == name).map(|(_, awaited)| awaited.clone()).collect::<Vec<_>>();
            let messages = session.lock().await.catch_up(&self.timeouts, &awaited).await;
            let on = (own != Some(name.as_str())).then_some(name);
            received.extend(messages.into_iter().map(|message| Received { on: on.clone(), message }));
        }
        received
    }
}
