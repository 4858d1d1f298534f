//! A gateway that is a process of its own.

mod commands;
mod log;
mod port;
pub(super) mod process;
pub(super) mod readiness;
pub(super) mod store_commands;
pub(super) mod template;

use super::control_error::ControlError;
use super::launch::{Exit, Launch, LaunchError};
use crate::client::Link;
use crate::machine;
use crate::no_follow::NoFollowDir;
use commands::StopCommand;
use process::{InheritedEnvironment, Invocation, Process};
use readiness::{LOOPBACK, Probe, Readiness};
use serde_json::{Value, json};
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use store_commands::StoreCommand;
use template::{Placeholders, further_ports, merge_defaults};
use tokio::time::{Instant, timeout_at};

/// How often a start is tried again when somebody else got the port first.
const PORT_ATTEMPTS: u32 = 5;

/// What the gateway reads its settings from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ConfigTemplate {
    /// `openclaw.json`, as the scenario and the harness fill it.
    OpenClaw,
    /// None: its arguments and its environment say it all.
    None,
    /// This text, placeholders filled in.
    Literal(String),
}

/// How clawcheck accesses the pairing store of a gateway.
#[derive(Debug, Clone)]
pub(super) enum StoreAccess {
    /// The store is in the state directory, in the layout of OpenClaw.
    StateDirectory,
    /// Not at all.
    None,
    /// Commands convert the store. At least one of them is there.
    Commands {
        /// Writes the store to `{store}`.
        read: Option<StoreCommand>,
        /// Replaces the store with the one in `{store}`.
        write: Option<StoreCommand>,
    },
}

/// How to start one kind of gateway. Placeholders in its texts are filled in at each launch.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) command: String,
    pub(super) arguments: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) config: ConfigTemplate,
    /// Added to an `openclaw.json` that does not say otherwise.
    pub(super) defaults: Value,
    /// Text files to write before each start, by path.
    pub(super) files: Vec<(String, String)>,
    /// A command to run before each start, with its arguments.
    pub(super) before: Vec<String>,
    /// The command that stops the gateway, with its arguments; empty: SIGTERM does.
    pub(super) stop: Vec<String>,
    /// The offsets of the additional ports from the gateway's port.
    pub(super) further_ports: Vec<u16>,
    /// The placeholders that have their value before a launch.
    pub(super) placeholders: Placeholders,
    pub(super) readiness: Readiness,
    pub(super) path: String,
    pub(super) store: StoreAccess,
    /// Where jiti keeps the plugins that it has translated. It would do so in the temporary directory, and start from
    /// nothing each time.
    pub(super) jiti_cache: Option<PathBuf>,
    /// How long it may leave a connection unanswered while it starts. Less than the start may take: the slow part of a start
    /// is over when it listens.
    pub(super) answer: Duration,
}

/// [`Program::answer`] where nobody says otherwise.
pub(super) const DEFAULT_ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A process that answered.
#[derive(Debug)]
pub(super) struct Spawned {
    process: Process,
    port: u16,
    path: String,
    state_dir: Option<PathBuf>,
    stop: Option<StopCommand>,
}

impl Program {
    /// The same with another time to answer in, where one is said.
    pub(super) fn with_answer_timeout(self, answer: Option<Duration>) -> Self {
        Self { answer: answer.unwrap_or(self.answer), ..self }
    }

    /// Starts it and waits until it is ready.
    pub(super) async fn launch(&self, launch: &Launch<'_>) -> Result<Spawned, LaunchError> {
        let mut port = 0;
        for _ in 0..PORT_ATTEMPTS {
            port = port::free(&self.further_ports).map_err(|error| harness("find a free port", &error))?;
            match self.launch_on(port, launch).await {
                Err(LaunchError::PortInUse { .. }) => {}
                Err(LaunchError::Exited { log, .. }) if port::IN_USE.iter().any(|text| log.0.contains(text)) => {}
                other => return other,
            }
        }
        Err(LaunchError::PortInUse { port, attempts: PORT_ATTEMPTS })
    }

    async fn launch_on(&self, port: u16, launch: &Launch<'_>) -> Result<Spawned, LaunchError> {
        let directories =
            Directories::new(launch, &self.store).map_err(|error| harness("make its directories", &error))?;
        let values = self.values(port, &directories, launch);
        self.write_config(&values, port, launch).map_err(|error| harness("write its configuration", &error))?;
        let mut environment: Vec<_> =
            self.environment.iter().map(|(name, value)| (name.into(), values.fill(value).into())).collect();
        environment.extend(launch.environment.iter().map(|(name, value)| (name.into(), value.into())));
        // Last, so that nothing can lead it into the user's own.
        environment.push(("HOME".into(), directories.home.into()));
        environment.push(("TMPDIR".into(), directories.temp.into()));
        self.write_files(&values, launch).map_err(|error| harness("write its files", &error))?;
        let (command, path) = (values.fill(&self.command), values.fill(&self.path));
        let invocation = Invocation {
            command: command.clone().into(),
            arguments: self.arguments.iter().map(|argument| values.fill(argument).into()).collect(),
            environment,
            directory: launch.sandbox.root().to_owned(),
            inherited: InheritedEnvironment::Minimal,
        };
        let guard = launch.sandbox.guard();
        if let Some(before) = beside(&self.before, &values, &invocation) {
            commands::before(&before, guard, launch.deadline).await?;
        }
        let started = Process::start(&invocation, launch.sandbox.guard()).await;
        let mut process = started.map_err(|error| cannot_start(&command, &error))?;
        let probe =
            Probe { port, path: &path, readiness: &self.readiness, deadline: launch.deadline, answer: self.answer };
        if let Err(error) = probe.wait(&mut process).await {
            process.kill().await;
            return Err(error);
        }
        let is_shared = matches!(self.store, StoreAccess::StateDirectory);
        let state_dir = is_shared.then(|| PathBuf::from(directories.state_dir));
        let stop = beside(&self.stop, &values, &invocation);
        let stop = stop.map(|invocation| StopCommand { invocation, guard: guard.clone() });
        Ok(Spawned { process, port, path, state_dir, stop })
    }

    fn values(&self, port: u16, directories: &Directories, launch: &Launch<'_>) -> Placeholders {
        if let Some(jiti_cache) = &self.jiti_cache {
            link_directory(jiti_cache, &Path::new(&directories.temp).join("jiti"));
        }
        let auth = |key: &str| launch.openclaw_json["gateway"]["auth"][key].as_str().unwrap_or_default().to_owned();
        let mut values = self.placeholders.clone();
        values.set("port", port.to_string());
        values.set("state-dir", directories.state_dir.clone());
        values.set("config", directories.config.clone());
        for (name, above) in further_ports() {
            values.set(name, port.saturating_add(above).to_string());
        }
        values.set("home", directories.home.clone());
        values.set("temp", directories.temp.clone());
        values.set("token", auth("token"));
        values.set("password", auth("password"));
        values
    }

    fn write_files(&self, values: &Placeholders, launch: &Launch<'_>) -> io::Result<()> {
        for (path, text) in &self.files {
            write_config(launch.sandbox.root(), Path::new(&values.fill(path)), &values.fill(text))?;
        }
        Ok(())
    }

    fn write_config(&self, values: &Placeholders, port: u16, launch: &Launch<'_>) -> io::Result<()> {
        let text = match &self.config {
            ConfigTemplate::None => return Ok(()),
            ConfigTemplate::Literal(text) => values.fill(text),
            ConfigTemplate::OpenClaw => {
                let mut config = launch.openclaw_json.clone();
                merge_defaults(&mut config, &gateway_defaults());
                merge_defaults(&mut config, &values.fill_json(&self.defaults));
                if let Some(gateway) = config.get_mut("gateway").and_then(Value::as_object_mut) {
                    gateway.insert("port".to_owned(), port.into());
                }
                format!("{config:#}\n")
            }
        };
        write_config(launch.sandbox.root(), &launch.sandbox.config_file(), &text)
    }
}

/// Writes a file below the directory of a gateway. The gateway may have created links there, so links are not followed.
fn write_config(root: &Path, file: &Path, text: &str) -> io::Result<()> {
    let path = file.strip_prefix(root).unwrap_or(file);
    let written = NoFollowDir::open(root).and_then(|root| root.write(path, text.as_bytes()));
    written.map_err(|error| {
        let error = io::Error::from(error);
        // An error of the system is kept: it can mean a full disk.
        if error.raw_os_error().is_some() { error } else { io::Error::other(format!("{}: {error}", path.display())) }
    })
}

/// A command that runs in the directory of the gateway. `None` if the description has no such command.
fn beside(command: &[String], values: &Placeholders, gateway: &Invocation) -> Option<Invocation> {
    let (command, arguments) = command.split_first()?;
    Some(Invocation {
        command: values.fill(command).into(),
        arguments: arguments.iter().map(|argument| values.fill(argument).into()).collect(),
        ..gateway.clone()
    })
}

/// Where a launch keeps its files.
struct Directories {
    state_dir: String,
    config: String,
    home: String,
    temp: String,
}

impl Directories {
    /// The directories of a launch; those that only a process needs are made.
    fn new(launch: &Launch<'_>, store: &StoreAccess) -> io::Result<Self> {
        let sandbox = launch.sandbox;
        let state_dir = match (&launch.state_dir, store) {
            (Some(other), _) => other.clone(),
            (None, StoreAccess::StateDirectory | StoreAccess::None) => sandbox.state_dir(),
            (None, StoreAccess::Commands { .. }) => {
                std::fs::create_dir_all(sandbox.own_state_dir())?;
                sandbox.own_state_dir()
            }
        };
        Ok(Self {
            state_dir: text(&state_dir)?,
            config: text(&sandbox.config_file())?,
            home: text(&sandbox.home()?)?,
            temp: text(&sandbox.temp()?)?,
        })
    }
}

/// What every OpenClaw needs in order to start at all.
pub(super) fn gateway_defaults() -> Value {
    json!({ "gateway": { "mode": "local", "bind": "loopback" } })
}

/// Makes `link` a symbolic link to a directory. Without it a gateway starts all the same, only later.
fn link_directory(directory: &Path, link: &Path) {
    let exists = std::fs::create_dir_all(directory).is_ok();
    if exists && !link.exists() {
        let _ = std::os::unix::fs::symlink(directory, link);
    }
}

fn text(path: &Path) -> io::Result<String> {
    let unspeakable =
        || io::Error::new(io::ErrorKind::InvalidInput, "the name of the temporary directory is not UTF-8");
    path.to_str().map(str::to_owned).ok_or_else(unspeakable)
}

fn harness(what: &str, error: &io::Error) -> LaunchError {
    let why = machine::shortage(error).map_or_else(|| error.to_string(), str::to_owned);
    LaunchError::Harness(format!("{what}: {why}"))
}

/// Whether a command names something: a path, or a name in a folder of PATH that this user can look into.
fn is_there(command: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.contains('/') || std::env::split_paths(&path).any(|folder| folder.join(command).exists())
}

fn cannot_start(command: &str, error: &io::Error) -> LaunchError {
    let command = command.to_owned();
    if let Some(why) = machine::shortage(error) {
        return LaunchError::Harness(why.to_owned());
    }
    match error.kind() {
        // The system says the same of a script whose interpreter is missing.
        io::ErrorKind::NotFound if Path::new(&command).exists() => {
            let reason = "the interpreter in its first line (`#!`) does not exist".to_owned();
            LaunchError::CannotRun { command, reason }
        }
        io::ErrorKind::NotFound => LaunchError::CommandNotFound { command },
        // The system says so, too, of a name that no folder of PATH has, where this user cannot look into one of them.
        io::ErrorKind::PermissionDenied if !is_there(&command) => LaunchError::CommandNotFound { command },
        io::ErrorKind::WouldBlock => {
            let why = "the user cannot start more processes (EAGAIN); raise `ulimit -u` or lower --jobs";
            LaunchError::Harness(why.to_owned())
        }
        // Not about the command at all.
        io::ErrorKind::Other | io::ErrorKind::Unsupported => LaunchError::Harness(error.to_string()),
        io::ErrorKind::PermissionDenied => {
            let reason = format!("{error}; is it an executable file (chmod +x)?");
            LaunchError::CannotRun { command, reason }
        }
        _ => LaunchError::CannotRun { command, reason: error.to_string() },
    }
}

impl Spawned {
    pub(super) fn link(&self, peer: Option<IpAddr>) -> Result<Link, ControlError> {
        match peer {
            None => Ok(Link::Tcp { host: LOOPBACK.to_owned(), port: self.port }),
            Some(peer) => Err(ControlError::PeerAddress(peer)),
        }
    }

    pub(super) fn state_dir(&self) -> Option<&Path> {
        self.state_dir.as_deref()
    }

    /// The path at which it takes WebSockets.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn logs(&self) -> String {
        self.process.log().all()
    }

    pub(super) async fn stop(&mut self, deadline: Instant) -> Exit {
        if let Some(stop) = &self.stop
            && let Some(exit) = stop.run(&mut self.process, self.port, deadline).await
        {
            return exit;
        }
        self.process.stop(self.port, deadline).await
    }

    pub(super) async fn kill(&mut self) {
        self.process.kill().await;
    }

    /// How it ended, if it does until the deadline.
    pub(super) async fn wait_for_exit(&mut self, deadline: Instant) -> Option<Exit> {
        let _ = timeout_at(deadline, self.process.wait()).await;
        self.exited()
    }

    pub(super) fn exited(&mut self) -> Option<Exit> {
        self.process.exited(self.port)
    }
}
