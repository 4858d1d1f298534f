//! The context of one case: a gateway, its sandbox and the open connections.

use super::bindings::Bindings;
use super::frames::Frames;
use super::identities::Identities;
use super::session::{Awaited, Session};
use super::silence::{Silence, There};
use super::traces::Traces;
use crate::client::Transcript;
use crate::gateway::{ControlError, Exit, Gateway, Kind, Launch, LaunchError, PrepareError, Running, Sandbox};
use crate::observe::{Known, ObservedStore, RawFrame, RawMessage, Received};
use crate::run::attached;
use crate::run::state_dir::copied;
use crate::run::state_dir::files::{self, FilesError, Unfinished};
use crate::run::state_dir::openclaw_json::{Configuration, configuration};
use crate::run::state_dir::seed::Seeder;
use crate::run::timeouts::{Timeouts, Wait};
use crate::run::wire_store::{Recipe, SetupFailure};
use crate::scenario::Case;
use crate::scenario::gateway::GatewaySettings;
use crate::scenario::store::Store;
use futures_util::future::join_all;
use openclaw_emulator::TraceListener;
use openclaw_emulator::settings::secret_values;
use openclaw_model::Release;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;
use untrusted_data::cut;
use untrusted_data::limits::{Budget, CASE_BYTES, LOG_BYTES};

/// The start of the embedded gateway's clock. It is a fixed day, so a case is the same every time.
const EMBEDDED_START: i64 = 1_775_000_000_000;
/// The time that the clock advances between steps, in milliseconds, so that events in two steps have different times.
const TICK_MS: u64 = 5;
/// Maximum time to wait for the exit of a gateway that was not reachable.
const ENDING: Duration = Duration::from_secs(1);
/// Maximum time for the machine's clock to advance by the same time.
const TICKING: Duration = Duration::from_secs(1);
/// Maximum time for a store file to be written.
const WRITING: Duration = Duration::from_secs(2);

/// The reason why a case could not be played.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CaseError {
    /// The gateway did not start.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// The gateway started but answered nothing, neither in a step nor to a probe.
    #[error("{0}")]
    Silent(Silence),
    /// The machine that runs clawcheck lacks a resource.
    #[error("this machine: {0}")]
    Machine(&'static str),
    /// The gateway answers, but too many answers are late.
    #[error(
        "the gateway is too slow: its late answers took {} s in all, each more than a quarter of the {} s that an answer may \
         take (--answer-timeout)", .late.as_secs(), .answer.as_secs()
    )]
    TooSlow {
        /// The total time of late answers.
        late: Duration,
        /// The answer timeout.
        answer: Duration,
    },
    /// The run was told to stop.
    #[error("interrupted")]
    BrokenOff,
    /// The release that the case needs is not available.
    #[error(transparent)]
    OtherRelease(#[from] PrepareError),
    /// The gateway does not support what a step needs.
    #[error(transparent)]
    Link(#[from] ControlError),
    /// The state directory could not be filled.
    #[error("the state directory: {0}")]
    Files(#[from] FilesError),
    /// A connection or an approval did not create its part of the store.
    #[error("{0}")]
    Setup(Box<SetupFailure>),
    /// The sandbox could not be created.
    #[error("not enough disk space for the case: {0}")]
    Disk(#[from] std::io::Error),
}

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
    unfinished: Unfinished,
    /// Ports and paths of the case, with their symbols.
    places: Vec<Known>,
    /// Number of gateway starts.
    boots: usize,
    /// Whether a probe in this step found the gateway silent.
    pub(crate) there: Mutex<Option<There>>,
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
        let first = if real { real_now() } else { first_moment(gateway) };
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
        context.unfinished = files::unfinished(&context.state_dir());
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
        case.identities().for_each(|(name, key)| bindings.identities.plays_itself(name.as_str(), key));
        let known = |path: PathBuf, symbol: &str| Known {
            value: path.to_string_lossy().into_owned(),
            symbol: symbol.to_owned(),
        };
        let places = vec![
            known(sandbox.state_dir(), "<state>"),
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
            unfinished: Unfinished::new(),
            places,
            boots: 0,
            there: Mutex::default(),
        }
    }

    fn set_running(&mut self, running: Running) {
        if let Some(port) = running.port() {
            self.places.push(Known { value: format!(":{port}"), symbol: ":<port>".to_owned() });
        }
        self.running = Some(running);
    }

    /// Closes every connection, waits until the gateway has seen it, and returns the gateway for the next case. `None`
    /// if the gateway is stopped.
    pub(crate) async fn end_sharing(mut self) -> Option<SharedGateway> {
        let session = std::mem::take(&mut *self.sessions.lock().unwrap_or_else(PoisonError::into_inner));
        for session in session.into_values() {
            super::connections::close_session(&mut *session.lock().await, &self.timeouts).await;
        }
        let running = self.running.take()?;
        Some(SharedGateway { sandbox: self.sandbox, running, started_at: self.started_at })
    }

    /// Writes the state directories of the scenario.
    pub(crate) fn fill(&mut self) -> Result<(), CaseError> {
        let scenario = &self.case.scenario;
        self.write(&scenario.store, self.sandbox.state_dir(), true)?;
        if let Some(other) = &scenario.other_store {
            let directory = self.other_directory();
            std::fs::create_dir_all(&directory)?;
            // If the gateway's own store has no record, `seeded` means the record in `other-store`.
            self.write(other, directory, true)?;
        }
        self.before = self.files();
        self.unfinished = files::unfinished(&self.state_dir());
        Ok(())
    }

    /// Writes to the gateway's state directory while the case is played.
    pub(crate) fn edit(&self, store: &Store) -> Result<(), CaseError> {
        self.write(store, self.sandbox.state_dir(), false)
    }

    fn write(&self, store: &Store, directory: PathBuf, own: bool) -> Result<(), CaseError> {
        let folder = store.from.as_ref().and_then(|from| self.case.folders.get(&from.value)).map(Arc::as_ref);
        let seeder = Seeder { bindings: &self.bindings, now: self.now(), release: self.release, own };
        if let Some(documents) = self.sandbox.documents() {
            return Ok(files::write_records(&mut documents.clone(), store, &seeder)?);
        }
        // The first release that started on the directory determines the format of its store.
        let first = self.case.scenario.written_by.as_ref().map_or(self.release, |earlier| earlier.release.0);
        files::write(&directory, store, folder, &seeder, files::format(store, first))?;
        if folder.is_some() {
            self.bindings.keep_secret(copied::secrets(&directory));
        }
        if folder.is_some() || !store.files.is_empty() {
            for (device, name) in self.bindings.identities.device_names() {
                for (role, token) in copied::tokens_of(&directory, &device) {
                    self.bindings.seeded(&name, &role, &token);
                }
            }
        }
        Ok(())
    }

    fn other_directory(&self) -> PathBuf {
        self.sandbox.root().join("other-state")
    }

    /// The state directory of the running gateway, or of the sandbox if no gateway runs.
    fn state_dir(&self) -> PathBuf {
        let of_running = self.running.as_ref().and_then(|running| running.state_dir().map(PathBuf::from));
        of_running.unwrap_or_else(|| self.sandbox.state_dir())
    }

    /// The current store.
    pub(crate) fn files(&self) -> ObservedStore {
        let scenario = &self.case.scenario;
        if let Some(documents) = self.sandbox.documents() {
            return files::in_memory(documents);
        }
        let mut found = files::read(&self.state_dir(), &scenario.store);
        if self.gateway.profile().kind == Kind::Attached {
            let devices = self.bindings.identities.device_names().into_iter().map(|(id, _)| id).collect();
            found = attached::with_records_of(&found, &devices);
        }
        if let Some(other) = &scenario.other_store {
            found.add_files_of(files::read(&self.other_directory(), other), "other store");
        }
        found
    }

    /// Waits until the gateway has finished its writes. It can answer, or close the connection after a failed write,
    /// while it still writes another file of the store. What is unfinished after [`WRITING`] is part of the
    /// observation. Temporary files that existed before the case and are unchanged are ignored.
    pub(crate) async fn wait_for_writes(&self) {
        if self.has_own_clock() {
            // The embedded gateway writes before it goes on: what is unfinished then was left so.
            if let Some(running) = &self.running {
                running.written().await;
            }
            return;
        }
        let deadline = Instant::now() + WRITING;
        let of_case = |(path, now): (&PathBuf, &_)| self.unfinished.get(path) != Some(now);
        // The end of a rename cannot be awaited in a directory that belongs to another process, so the directory is
        // polled.
        while files::unfinished(&self.state_dir()).iter().any(of_case) && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
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

    /// The current time of the gateway's clock.
    pub(crate) fn now(&self) -> i64 {
        self.running.as_ref().map_or_else(
            || if self.gateway.profile().kind == Kind::Embedded { self.clock } else { real_now() },
            Running::now,
        )
    }

    /// All values that have a symbol in the observation.
    pub(crate) fn known(&self) -> Vec<Known> {
        let mut known = self.bindings.known();
        known.extend(self.places.iter().cloned());
        known.push(Known { value: super::connect::OTHER_HOST.to_string(), symbol: "<other-host>".to_owned() });
        known
    }

    /// Starts the gateway under test, or another release of it, on the state directory of the case.
    pub(crate) async fn launch(&mut self, release: Option<Release>) -> Result<(), CaseError> {
        let other;
        self.speaking = release.map_or(self.release, |release| crate::run::played_as(self.gateway, release));
        let gateway = match release {
            Some(release) => {
                other = self.gateway.at_release(release, &|_| {}).await?;
                &other
            }
            None => self.gateway,
        };
        self.boots += 1;
        let trace = self.traces.as_ref().map(Traces::listener);
        let boot = Boot { sandbox: &self.sandbox, clock: self.clock, timeouts: &self.timeouts, trace };
        let running = boot.of(gateway, &self.case.scenario.gateway, &self.bindings.identities).await?;
        self.set_running(running);
        Ok(())
    }

    /// How the gateway exited, if it exited on its own. A gateway that was not reachable in a step may be about to
    /// exit.
    pub(crate) async fn exited(&mut self, was_reached: bool) -> Option<Exit> {
        let running = self.running.as_mut()?;
        if was_reached { running.exited() } else { running.wait_for_exit(Instant::now() + ENDING).await }
    }

    /// Number of gateway starts.
    pub(crate) fn boots(&self) -> usize {
        self.boots
    }

    /// Stops or kills the gateway and receives the ends of the held connections. An exit code other than 0 after a
    /// graceful stop is part of the result.
    pub(crate) async fn stop(&mut self, politely: bool) -> Result<Vec<Received<RawFrame>>, CaseError> {
        let Some(mut running) = self.running.take() else { return Ok(Vec::new()) };
        // A gateway that stops sends close frames and waits for the answers, so the connections are read meanwhile.
        let session = std::mem::take(&mut *self.sessions.lock().unwrap_or_else(PoisonError::into_inner));
        let until = Instant::now() + self.timeouts.limit(&Wait::Stop) + self.timeouts.answer();
        let listening = session.into_iter().map(|(name, session)| async move {
            let messages = session.lock().await.listen(until, |_| false).await;
            messages.into_iter().map(move |message| Received { on: Some(name.clone()), message }).collect::<Vec<_>>()
        });
        let stopping = async {
            if politely {
                let exit = stop(&mut running, &self.timeouts).await?;
                Ok((exit.code != Some(0)).then_some(RawMessage::Exit { code: exit.code, line: None }))
            } else {
                running.kill().await.map(|()| None)
            }
        };
        let (exit, received): (Result<_, ControlError>, Vec<_>) = tokio::join!(stopping, join_all(listening));
        self.clock = running.now();
        self.log(&running.logs());
        let exit = exit?.map(|message| Received { on: None, message });
        Ok(exit.into_iter().chain(received.into_iter().flatten()).collect())
    }

    /// Adds the log of a stopped gateway. After many starts, the first and the last logs remain.
    fn log(&mut self, lines: &str) {
        self.logged.push_str(lines);
        if let Cow::Owned(cut) = cut::middle(&self.logged, LOG_BYTES) {
            self.logged = cut;
        }
    }

    /// Stops the running gateways and returns all logs.
    pub(crate) async fn end(&mut self) -> String {
        // Drop the connections first: nobody reads them any more, and the gateway would wait for their close frames.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).clear();
        if self.gateway.profile().kind != Kind::Attached
            && let Some(running) = &mut self.running
        {
            let _ = stop(running, &self.timeouts).await;
        }
        if let Some(running) = self.running.take() {
            self.log(&running.logs());
        }
        std::mem::take(&mut self.logged)
    }

    /// Advances the clock between two steps.
    pub(crate) async fn tick(&mut self) {
        if self.gateway.profile().kind == Kind::Embedded {
            let _ = self.advance(Duration::from_millis(TICK_MS)).await;
        } else {
            // Two steps in the same millisecond could not be distinguished in the store. The machine's clock cannot be
            // awaited, so it is polled. If the clock is set back meanwhile, the loop ends at its deadline.
            let (before, deadline) = (real_now(), Instant::now() + TICKING);
            while real_now() <= before + 1 && Instant::now() < deadline {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        self.bindings.set_now(self.now());
        self.steps_began.push(self.now());
    }

    /// Lets the case begin now: what connections created before is as old as a written store.
    pub(crate) async fn begin_after_setup(&mut self) {
        self.tick().await;
        self.steps_began.clear();
        self.started_at = self.now();
    }

    /// Moves the gateway's clock.
    pub(crate) async fn advance(&mut self, by: Duration) -> Result<(), CaseError> {
        match &mut self.running {
            Some(running) => running.advance(by).await?,
            None => self.clock = self.clock.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)),
        }
        self.bindings.set_now(self.now());
        Ok(())
    }

    pub(crate) fn has_own_clock(&self) -> bool {
        self.gateway.profile().kind == Kind::Embedded
    }

    pub(crate) fn running(&self) -> Result<&Running, ControlError> {
        self.running.as_ref().ok_or(ControlError::Down)
    }

    pub(crate) fn all_sessions(&self) -> Vec<Arc<AsyncMutex<Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub(crate) fn session(&self, name: &str) -> Option<Arc<AsyncMutex<Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    pub(crate) fn hold(&self, name: &str, session: Session) {
        let mut all = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(name.to_owned(), Arc::new(AsyncMutex::new(session)));
    }

    pub(crate) fn let_go(&self, name: &str) -> Option<Arc<AsyncMutex<Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).remove(name)
    }

    /// The messages on held connections since the last call, those of the step first. `later` lists what later steps
    /// wait for, by connection.
    pub(crate) async fn catch_up(&self, own: Option<&str>, later: &[(String, Awaited)]) -> Vec<Received<RawFrame>> {
        let all = self.sessions.lock().unwrap_or_else(PoisonError::into_inner).clone();
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

/// One start of a gateway, for one or more cases.
pub(crate) struct Boot<'a> {
    pub(crate) sandbox: &'a Sandbox,
    /// Where the embedded gateway's clock starts.
    pub(crate) clock: i64,
    pub(crate) timeouts: &'a Timeouts,
    /// Receives the explanations of the embedded gateway's answers.
    pub(crate) trace: Option<TraceListener>,
}

impl Boot<'_> {
    /// Starts a gateway with the settings of a scenario and the secrets of its identities.
    pub(crate) async fn of(
        &self,
        gateway: &Gateway,
        settings: &GatewaySettings,
        identities: &Identities,
    ) -> Result<Running, LaunchError> {
        let Configuration { openclaw_json, environment } = configuration(settings, identities);
        let launch = Launch {
            sandbox: self.sandbox,
            state_dir: None,
            openclaw_json,
            environment,
            clock: (gateway.profile().kind == Kind::Embedded).then_some(self.clock),
            trace: self.trace.clone(),
            deadline: Instant::now() + self.timeouts.limit(&Wait::Start),
        };
        let began = Instant::now();
        let launched = gateway.launch(launch).await;
        match &launched {
            Ok(_) => self.timeouts.came(&Wait::Start, began.elapsed()),
            Err(LaunchError::NeverListened { .. }) => self.timeouts.missed(&Wait::Start, began.elapsed()),
            Err(_) => {}
        }
        launched
    }
}

/// Stops a gateway as its operator would, and by force where it does not go in time.
pub(crate) async fn stop(running: &mut Running, timeouts: &Timeouts) -> Result<Exit, ControlError> {
    let (began, limit) = (Instant::now(), timeouts.limit(&Wait::Stop));
    let exit = running.stop(began + limit).await?;
    match began.elapsed() {
        took if took < limit => timeouts.came(&Wait::Stop, took),
        took => timeouts.missed(&Wait::Stop, took),
    }
    Ok(exit)
}

/// The time of the gateway's clock before it is started.
pub(crate) fn first_moment(gateway: &Gateway) -> i64 {
    match gateway.profile().kind {
        Kind::Embedded => EMBEDDED_START,
        Kind::Spawned | Kind::Attached => real_now(),
    }
}

fn real_now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
