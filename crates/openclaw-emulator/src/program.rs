//! The embedded gateway as a program: paths and port from arguments and environment as in the release, TCP listeners,
//! and durable writes.

use super::clock::Clock;
use super::gateway::{EmbeddedGateway, EmbeddedOptions, StartError};
use super::logs::{CheckLine, LogListener, TraceListener};
use super::machine::this_machine;
use super::settings::{ConfigFileError, Settings, StartRefusal, read_config, redactions};
use crate::store::SqliteDocuments;
use miette::Diagnostic;
use openclaw_model::{Facts, Release, TraceLine};
use openclaw_protocol::store::{Document, json};
use serde_json::{Value, json};
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use untrusted_data::atomic_file;
use untrusted_data::disk;
use untrusted_data::plain_file::{self, Links, OtherKind, PlainFileError};

/// The options of a gateway program. Missing values come from the environment, the configuration, or the release's
/// defaults, in this order.
pub struct ProgramOptions {
    /// The release to emulate.
    pub release: Release,
    /// The port. 0 selects a free one.
    pub port: Option<u16>,
    /// The state directory. There is no default, so the user's own directory is only used if it is named.
    pub state_dir: Option<PathBuf>,
    /// The configuration file.
    pub config: Option<PathBuf>,
    /// The bind mode. It overrides `gateway.bind`.
    pub bind: Option<String>,
    /// The environment.
    pub env: Vec<(String, String)>,
    /// Receives each line of the log.
    pub log: Option<LogListener>,
}

/// A gateway that listens.
pub struct Program {
    /// The gateway, which runs until it is stopped.
    pub gateway: EmbeddedGateway,
    /// The address that it listens on. `::1` can be added to `127.0.0.1`.
    pub address: SocketAddr,
    /// Its state directory.
    pub state_dir: PathBuf,
    /// The file that a new gateway token was written to, if one was generated.
    pub token_saved: Option<PathBuf>,
}

/// The reason why a gateway program does not start.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum ProgramError {
    /// No state directory is given.
    #[error("the state directory is missing")]
    #[diagnostic(help(
        "pass --state-dir DIR or set OPENCLAW_STATE_DIR; `serve` does not use ~/.openclaw unless you name it"
    ))]
    NoStateDir,
    /// The given configuration file does not exist.
    #[error("the configuration {0} does not exist")]
    NoConfig(PathBuf),
    /// The configuration file cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Config(#[from] ConfigFileError),
    /// The release refuses these settings.
    #[error("openclaw {release} does not start with {}:\n{refusal}", config.display())]
    #[diagnostic(help("this is the message of the release"))]
    Refused {
        /// The release that refuses the settings.
        release: Release,
        /// The configuration file.
        config: PathBuf,
        /// The output of the release.
        refusal: StartRefusal,
    },
    /// The state directory cannot be used.
    #[error("cannot use the state directory {path}: {error}")]
    StateDir {
        /// The directory.
        path: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },
    /// A path of the store is not a regular file.
    #[error("cannot use {path} in the store: {error}")]
    #[diagnostic(help("move the file, or use another state directory"))]
    Store {
        /// The path that cannot be used.
        path: PathBuf,
        /// What is at the path.
        error: PlainFileError,
    },
    /// The new token cannot be written.
    #[error("cannot save a new gateway token in {path}: {error}")]
    #[diagnostic(help("set gateway.auth.token in the configuration, or OPENCLAW_GATEWAY_TOKEN"))]
    TokenNotSaved {
        /// The configuration file.
        path: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },
    /// The port is in use, or the address does not belong to this host.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address that the gateway cannot listen on.
        address: SocketAddr,
        /// The error of the operating system.
        error: io::Error,
    },
    /// The embedded gateway did not start.
    #[error(transparent)]
    Start(#[from] StartError),
}

impl ProgramError {
    /// Whether the user has to change the arguments, or a file or directory that they name.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::NoStateDir | Self::NoConfig(_) | Self::Config(_) | Self::Refused { .. } | Self::Store { .. } => true,
            Self::StateDir { error, .. } | Self::TokenNotSaved { error, .. } => !disk::is_full(error.kind()),
            Self::Start(error) => matches!(error, StartError::Refused(_) | StartError::UnknownRelease(_)),
            Self::Listen { .. } => false,
        }
    }
}

impl ProgramOptions {
    /// The state directory that the arguments or the environment name.
    pub fn named_state_dir(&self) -> Option<PathBuf> {
        self.state_dir.clone().or_else(|| self.path("OPENCLAW_STATE_DIR"))
    }

    fn variable(&self, name: &str) -> Option<&str> {
        let found = self.env.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// A path from the environment. `~` is `HOME`, as in the release (`resolveUserPath`).
    fn path(&self, name: &str) -> Option<PathBuf> {
        let text = self.variable(name)?;
        match (text.strip_prefix('~'), self.variable("HOME")) {
            (Some(""), Some(home)) => Some(PathBuf::from(home)),
            (Some(rest), Some(home)) if rest.starts_with('/') => Some(Path::new(home).join(&rest[1..])),
            _ => Some(PathBuf::from(text)),
        }
    }
}

/// Starts a gateway that listens.
///
/// # Errors
/// See [`ProgramError`]. On an error, nothing listens and no task runs.
pub async fn start(options: ProgramOptions) -> Result<Program, ProgramError> {
    // Check this before anything is written.
    Facts::of(options.release).map_err(StartError::from)?;
    let state_dir = absolute(options.named_state_dir().ok_or(ProgramError::NoStateDir)?)?;
    check_directory(&state_dir)?;
    check_store(&state_dir)?;
    let explicit = options.config.clone().or_else(|| options.path("OPENCLAW_CONFIG_PATH"));
    let config_path = absolute(explicit.clone().unwrap_or_else(|| state_dir.join("openclaw.json")))?;
    let found = read_config(&config_path)?;
    if found.is_none() && explicit.is_some() {
        return Err(ProgramError::NoConfig(config_path));
    }
    // Without a configuration, the release requires a setup, which nobody can do in a harness.
    let mut document = found.unwrap_or_else(|| json!({ "gateway": { "mode": "local" } }));
    let secrets = redactions(&document, &options.env);
    let refused = |mut refusal: StartRefusal| {
        refusal.lines.iter_mut().for_each(|line| *line = secrets.apply(line));
        ProgramError::Refused { release: options.release, config: config_path.clone(), refusal }
    };
    let settings = Settings::resolve(options.release, &with_bind(&document, options.bind.as_deref()), &options.env)
        .map_err(refused)?;
    make_directory(&state_dir)?;
    let port = options.port.unwrap_or(settings.gateway.port);
    let (listeners, address) = listen(IpAddr::V4(settings.bind.host), port).await?;
    let token_saved = settings.generated_token.is_some().then(|| config_path.clone());
    if let Some(token) = &settings.generated_token {
        document["gateway"]["auth"]["mode"] = json!("token");
        document["gateway"]["auth"]["token"] = json!(token);
        atomic_file::replace_private(&config_path, json::stringify(&document).as_bytes())
            .map_err(|error| ProgramError::TokenNotSaved { path: config_path.clone(), error })?;
    }
    let secrets = redactions(&document, &options.env);
    let log = options.log.map(|log| Arc::new(move |line: &str| log(&secrets.apply_known(line))) as LogListener);
    let trace = log.clone().map(|log| {
        Arc::new(move |connection: u64, line: &TraceLine| log(&CheckLine::new(connection, line).to_string()))
            as TraceListener
    });
    let gateway = EmbeddedGateway::start(EmbeddedOptions {
        release: options.release,
        openclaw_json: with_bind(&document, options.bind.as_deref()),
        env: options.env,
        state_dir: state_dir.clone(),
        documents: None,
        clock: Clock::Real,
        durable: true,
        config_path: Some(config_path),
        host: this_machine(),
        port: Some(address.port()),
        token_is_new: settings.generated_token.is_some(),
        log,
        trace,
    })?;
    let gateway = listeners.into_iter().fold(gateway, EmbeddedGateway::listening);
    Ok(Program { gateway, address, state_dir, token_saved })
}

fn with_bind(document: &Value, bind: Option<&str>) -> Value {
    let mut document = document.clone();
    let gateway = document.get_mut("gateway").and_then(Value::as_object_mut);
    if let (Some(bind), Some(gateway)) = (bind, gateway) {
        gateway.insert("bind".to_owned(), json!(bind));
    }
    document
}

/// Clients see the path and can have another working directory, so it must be absolute.
fn absolute(path: PathBuf) -> Result<PathBuf, ProgramError> {
    std::path::absolute(&path).map_err(|error| ProgramError::StateDir { path, error })
}

/// Checks that the state directory is a directory or does not exist yet.
fn check_directory(path: &Path) -> Result<(), ProgramError> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(io::Error::from(io::ErrorKind::NotADirectory)),
        Err(error) => Err(error),
    }
    .map_err(|error| ProgramError::StateDir { path: path.to_owned(), error })
}

/// Pipes, sockets and devices are refused as files of a store, because a gateway would block on them or lose its
/// writes. A directory is allowed, because the release's reaction to it is known.
fn check_store(state_dir: &Path) -> Result<(), ProgramError> {
    let documents = Document::ALL.into_iter().map(|document| state_dir.join(document.path()));
    for path in documents.chain(SqliteDocuments::files(state_dir)) {
        match plain_file::check(&path, Links::Follow) {
            Err(error @ PlainFileError::Kind(kind)) if kind != OtherKind::Directory => {
                return Err(ProgramError::Store { path, error });
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn make_directory(path: &Path) -> Result<(), ProgramError> {
    let made =
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).and_then(|()| fs::read_dir(path).map(drop));
    made.map_err(|error| ProgramError::StateDir { path: path.to_owned(), error })
}

/// Listens on the address, and on `::1` in addition to `127.0.0.1` if the machine has it (`resolveGatewayListenHosts`).
async fn listen(host: IpAddr, port: u16) -> Result<(Vec<TcpListener>, SocketAddr), ProgramError> {
    let wanted = SocketAddr::new(host, port);
    let failed = |error| ProgramError::Listen { address: wanted, error };
    let first = TcpListener::bind(wanted).await.map_err(failed)?;
    let address = first.local_addr().map_err(failed)?;
    let mut listeners = vec![first];
    if host.is_loopback() {
        let alias = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), address.port());
        listeners.extend(TcpListener::bind(alias).await);
    }
    Ok((listeners, address))
}
