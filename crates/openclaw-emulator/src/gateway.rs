//! A gateway inside this process.

use super::actor::{Actor, Event};
use super::clock::Clock;
use super::connection::{ConnectionContext, HttpContext, serve};
use super::entropy::SeededEntropy;
use super::import::import;
use super::listen;
use super::logs::{LogListener, Logs, TraceListener};
use super::settings::{Settings, StartRefusal};
use crate::store::{DirectoryDocuments, SqliteDocuments};
use openclaw_model::config::Host;
use openclaw_model::handshake::most_early_bytes;
use openclaw_model::pairing;
use openclaw_model::{ConnectionId, Facts, Model, Release, UnknownRelease};
use openclaw_protocol::store::{Documents, StoreFormat};
use serde_json::Value;
use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::DuplexStream;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout};

/// Maximum number of queued events for the actor. Senders wait if the queue is full.
const EVENTS: usize = 32;
/// Maximum number of bytes in transit in each direction of a pipe.
const PIPE: usize = 64 * 1024;
/// The time that TCP peers have to answer the close frames of a stop (`WEBSOCKET_CLOSE_GRACE_MS` of 2026.4.5).
const CLOSE_GRACE: Duration = Duration::from_secs(1);
/// An upper bound for the end of all connections after a stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// The options of an embedded gateway.
pub struct EmbeddedOptions {
    /// The release to emulate.
    pub release: Release,
    /// The contents of `openclaw.json`.
    pub openclaw_json: Value,
    /// The environment variables that the gateway sees. The environment of the process is not used.
    pub env: Vec<(String, String)>,
    /// The state directory. It does not have to exist. Nothing is written before a device requests pairing.
    pub state_dir: PathBuf,
    /// The store, if it is not in the state directory.
    pub documents: Option<Box<dyn Documents + Send>>,
    /// The source of the gateway's time.
    pub clock: Clock,
    /// Whether a write returns only after the data is on disk, as in the release.
    pub durable: bool,
    /// The path of the configuration that clients see. Default: `openclaw.json` in the state directory.
    pub config_path: Option<PathBuf>,
    /// The host that clients see.
    pub host: Host,
    /// The port that the gateway reports, if it is not the one in its settings.
    pub port: Option<u16>,
    /// Whether the token in the configuration was generated for this start.
    pub token_is_new: bool,
    /// Receives each line of the log.
    pub log: Option<LogListener>,
    /// Receives the explanation of each answer.
    pub trace: Option<TraceListener>,
}

impl EmbeddedOptions {
    /// A release with a configuration and a state directory, without an environment, with the machine's clock and
    /// without fsync.
    pub fn new(release: Release, openclaw_json: Value, state_dir: impl Into<PathBuf>) -> Self {
        Self {
            release,
            openclaw_json,
            env: Vec::new(),
            state_dir: state_dir.into(),
            documents: None,
            clock: Clock::Real,
            durable: false,
            config_path: None,
            host: Host::default(),
            port: None,
            token_is_new: false,
            log: None,
            trace: None,
        }
    }
}

/// The reason why a gateway did not start.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum StartError {
    /// The release refuses these settings.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Refused(#[from] StartRefusal),
    /// The release is older than the oldest known one.
    #[error(transparent)]
    UnknownRelease(#[from] UnknownRelease),
    /// The operating system has no random bytes.
    #[error("no random bytes from the operating system: {0}")]
    Entropy(getrandom::Error),
    /// The caller is not in a Tokio runtime.
    #[error("the embedded gateway needs a running Tokio runtime: {0}")]
    NoRuntime(#[from] tokio::runtime::TryCurrentError),
}

/// The pairing store in a state directory, in the format of the release.
fn store(state_dir: &Path, durable: bool, rules: &Facts) -> Box<dyn Documents + Send> {
    match rules.pairing.format {
        StoreFormat::Files => {
            let store = DirectoryDocuments::new(state_dir, durable);
            let store = store.leaving_failures(rules.pairing.failed_files_stay);
            Box::new(store.unlocking_directories(rules.pairing.unlocks_directories))
        }
        StoreFormat::Sqlite => Box::new(SqliteDocuments::new(state_dir, durable)),
    }
}

/// A gateway of a given release inside this process. Dropping it cuts every connection, like [`EmbeddedGateway::kill`].
pub struct EmbeddedGateway {
    runtime: Handle,
    actor: JoinHandle<()>,
    events: mpsc::Sender<Event>,
    stopping: watch::Receiver<bool>,
    started: Instant,
    ids: Arc<AtomicU64>,
    http_context: Arc<HttpContext>,
    pipes: Mutex<JoinSet<()>>,
    listeners: JoinSet<()>,
    pub(super) clock: Clock,
    logs: Logs,
    settings: Settings,
}

impl EmbeddedGateway {
    /// Starts a gateway on the current Tokio runtime. The gateway is ready when this returns.
    ///
    /// # Errors
    /// Returns the refusal of the release in its own words, or an error for an unknown release.
    pub fn start(options: EmbeddedOptions) -> Result<Self, StartError> {
        let runtime = Handle::try_current()?;
        let rules = Facts::of(options.release)?;
        let mut settings = Settings::resolve(options.release, &options.openclaw_json, &options.env)?;
        let config_path = options.config_path.unwrap_or_else(|| options.state_dir.join("openclaw.json"));
        let gateway = &mut settings.gateway;
        gateway.port = options.port.unwrap_or(gateway.port);
        gateway.config_path = config_path.to_string_lossy().into_owned();
        gateway.state_dir = options.state_dir.to_string_lossy().into_owned();
        gateway.host = options.host;
        let logs = Logs::new(options.log);
        settings.warnings.iter().for_each(|line| logs.push(line.clone()));
        let mut store = options.documents.unwrap_or_else(|| store(&options.state_dir, options.durable, &rules));
        if rules.pairing.format == StoreFormat::Sqlite {
            let imported = import(&options.state_dir, &mut *store, options.clock.now())?;
            imported.into_iter().for_each(|line| logs.push(line));
        }
        let mut entropy = SeededEntropy::new().map_err(StartError::Entropy)?;
        let made_up = options.token_is_new || settings.generated_token.is_some();
        if rules.pairing.pairs_local_cli && made_up && settings.bind.host.is_loopback() {
            let now = options.clock.now();
            if let Err(fault) = pairing::pair_local_cli(&rules.pairing, &mut *store, &mut entropy, now) {
                logs.push(format!("the command line client of this machine is not paired: {fault}"));
            }
        }
        let http_context = Arc::new(HttpContext {
            locality: rules.locality.clone(),
            config: settings.gateway.clone(),
            most_early_bytes: most_early_bytes(&rules.handshake),
        });
        let (events, received) = mpsc::channel(EVENTS);
        let (stopping_sender, stopping) = watch::channel(false);
        let actor = Actor {
            model: Model::new(rules, settings.gateway.clone()),
            store,
            entropy,
            clock: options.clock.clone(),
            logs: logs.clone(),
            trace: options.trace,
            events: received,
            stopping: stopping_sender,
            outboxes: HashMap::new(),
            wake_at: None,
        };
        Ok(Self {
            actor: runtime.spawn(actor.run()),
            runtime,
            events,
            stopping,
            started: Instant::now(),
            ids: Arc::default(),
            http_context,
            pipes: Mutex::default(),
            listeners: JoinSet::new(),
            clock: options.clock,
            logs,
            settings,
        })
    }

    /// The settings that the release derived from its configuration.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Connects to the gateway without a network. The gateway sees a TCP peer with this address. The caller sends the
    /// bytes of a TCP connection, starting with the HTTP upgrade.
    pub fn connect(&self, peer: IpAddr) -> DuplexStream {
        let (client, server) = tokio::io::duplex(PIPE);
        let connection = ConnectionId(self.ids.fetch_add(1, Ordering::Relaxed));
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        while pipes.try_join_next().is_some() {}
        pipes.spawn_on(serve(server, connection, peer, self.context(Duration::ZERO)), &self.runtime);
        client
    }

    /// Serves a listening socket too.
    #[must_use]
    pub fn listening(mut self, listener: TcpListener) -> Self {
        let accept = listen::accept(listener, self.context(CLOSE_GRACE), Arc::clone(&self.ids));
        self.listeners.spawn_on(accept, &self.runtime);
        self
    }

    fn context(&self, goodbye: Duration) -> ConnectionContext {
        ConnectionContext {
            events: self.events.clone(),
            stopping: self.stopping.clone(),
            goodbye,
            started: self.started,
            http_context: Arc::clone(&self.http_context),
        }
    }

    /// Moves a manual clock, and returns when everything that became due has happened. The resulting frames are then in
    /// transit. It has no effect on a gateway with the machine's clock.
    pub async fn advance(&self, by: Duration) {
        let to = self.clock.now().saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
        let (done, advanced) = oneshot::channel();
        if self.events.send(Event::Advance { to, done }).await.is_ok() {
            let _ = advanced.await;
        }
    }

    /// Waits until every message that the gateway has read is handled: what it writes to the store for them is written, or has
    /// failed.
    pub async fn written(&self) {
        let (done, written) = oneshot::channel();
        if self.events.send(Event::Written { done }).await.is_ok() {
            let _ = written.await;
        }
    }

    /// The last lines of its log.
    pub fn logs(&self) -> Vec<String> {
        self.logs.lines()
    }

    /// Stops like the release on SIGTERM: it sends its last frames and close frames, then everything ends.
    pub async fn stop(mut self) {
        let (done, is_done) = oneshot::channel();
        let goodbye = async {
            if self.events.send(Event::Stop { done }).await.is_ok() {
                let _ = is_done.await;
            }
            let mut pipes = std::mem::take(self.pipes.get_mut().unwrap_or_else(PoisonError::into_inner));
            while pipes.join_next().await.is_some() {}
            while self.listeners.join_next().await.is_some() {}
        };
        // The drop cuts the connections that remain after the deadline.
        let _ = timeout(STOP_TIMEOUT, goodbye).await;
    }

    /// Ends immediately like a killed process: every connection is cut without a message.
    pub fn kill(self) {
        drop(self);
    }
}

impl Drop for EmbeddedGateway {
    fn drop(&mut self) {
        self.actor.abort();
    }
}
