//! How to start a gateway as a process, and the process that was started.

use super::commands::StopCommand;
use super::process::{InheritedEnvironment, Invocation, Process};
use super::readiness::{LOOPBACK, Probe, Readiness};
use super::start_error::{cannot_start, harness};
use super::store_access::StoreAccess;
use super::{commands, port};
use crate::client::Link;
use crate::gateway::control_error::ControlError;
use crate::gateway::launch::{Exit, Launch, LaunchError};
use crate::gateway::profile::flags::{Flags, SettingValues};
use crate::gateway::template::{Placeholders, further_ports, gateway_defaults, merge_defaults};
use crate::no_follow::NoFollowDir;
use serde_json::Value;
use std::ffi::OsString;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The number of attempts to start if another program takes the port first.
const PORT_ATTEMPTS: u32 = 5;

/// The source of the settings that the gateway reads.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::gateway) enum ConfigTemplate {
    /// `openclaw.json`, with the settings of the scenario and the harness.
    OpenClaw,
    /// None. Arguments and environment contain all settings.
    None,
    /// This text, with its placeholders replaced.
    Literal(String),
}

/// How to start one kind of gateway. Each launch replaces the placeholders in the texts.
#[derive(Debug, Clone)]
pub(in crate::gateway) struct Program {
    pub(in crate::gateway) command: String,
    pub(in crate::gateway) arguments: Vec<String>,
    /// Arguments for the settings of the scenario. They follow the others.
    pub(in crate::gateway) flags: Flags,
    pub(in crate::gateway) environment: Vec<(String, String)>,
    pub(in crate::gateway) config: ConfigTemplate,
    /// Defaults for `openclaw.json`.
    pub(in crate::gateway) defaults: Value,
    /// Text files to write before each start, by path.
    pub(in crate::gateway) files: Vec<(String, String)>,
    /// A command to run before each start, with its arguments.
    pub(in crate::gateway) before: Vec<String>,
    /// The command that stops the gateway, with its arguments. If empty, SIGTERM stops it.
    pub(in crate::gateway) stop: Vec<String>,
    /// The offsets of the additional ports from the gateway's port.
    pub(in crate::gateway) further_ports: Vec<u16>,
    /// The placeholders whose values are known before a launch.
    pub(in crate::gateway) placeholders: Placeholders,
    pub(in crate::gateway) readiness: Readiness,
    pub(in crate::gateway) path: String,
    pub(in crate::gateway) store: StoreAccess,
    /// The directory of jiti's cache of translated plugins. The default is the temporary directory, which is empty at
    /// each start.
    pub(in crate::gateway) jiti_cache: Option<PathBuf>,
    /// The maximum time that the gateway may leave a connection unanswered while it starts. It is shorter than the
    /// time for the start, because the slow part of a start is over when the gateway listens.
    pub(in crate::gateway) answer: Duration,
}

/// The default of [`Program::answer`].
pub(in crate::gateway) const DEFAULT_ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A running process that was ready.
#[derive(Debug)]
pub(in crate::gateway) struct Spawned {
    process: Process,
    port: u16,
    path: String,
    state_dir: Option<PathBuf>,
    stop: Option<StopCommand>,
}

impl Program {
    /// Returns the same program with another time limit for answers, if there is one.
    pub(in crate::gateway) fn with_answer_timeout(self, answer: Option<Duration>) -> Self {
        Self { answer: answer.unwrap_or(self.answer), ..self }
    }

    /// Starts the gateway and waits until it is ready.
    pub(in crate::gateway) async fn launch(&self, launch: &Launch<'_>) -> Result<Spawned, LaunchError> {
        let mut port = 0;
        // Another program can take a free port before the gateway listens on it, so a port in use is tried again with
        // another port.
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
        // These come last, so that no setting can lead the gateway into the user's own directories.
        environment.push(("HOME".into(), directories.home.into()));
        environment.push(("TMPDIR".into(), directories.temp.into()));
        self.write_files(&values, launch).map_err(|error| harness("write its files", &error))?;
        let (command, path) = (values.fill(&self.command), values.fill(&self.path));
        let invocation = Invocation {
            command: command.clone().into(),
            arguments: self.arguments(&values, launch),
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
        // Kill before the error is returned, so that the next attempt cannot meet this process.
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

    fn arguments(&self, values: &Placeholders, launch: &Launch<'_>) -> Vec<OsString> {
        let settings = SettingValues::of(&launch.openclaw_json, &launch.environment);
        let flags = self.flags.arguments(&settings, values);
        self.arguments.iter().map(|argument| values.fill(argument)).chain(flags).map(OsString::from).collect()
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

/// Writes a file below the directory of a gateway. Links are not followed, because the gateway may have created them.
fn write_config(root: &Path, file: &Path, text: &str) -> io::Result<()> {
    let path = file.strip_prefix(root).unwrap_or(file);
    let written = NoFollowDir::open(root).and_then(|root| root.write(path, text.as_bytes()));
    written.map_err(|error| {
        let error = io::Error::from(error);
        // The original error of the system is kept, because it can mean a full disk.
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

/// The directories where a launch keeps its files.
struct Directories {
    state_dir: String,
    config: String,
    home: String,
    temp: String,
}

impl Directories {
    /// Returns the directories of a launch. Creates the directories that only a process needs.
    fn new(launch: &Launch<'_>, store: &StoreAccess) -> io::Result<Self> {
        let sandbox = launch.sandbox;
        let state_dir = match (&launch.state_dir, store) {
            (Some(other), _) => other.clone(),
            (None, StoreAccess::StateDirectory | StoreAccess::None) => sandbox.state_dir(),
            (None, StoreAccess::Commands { .. }) => sandbox.make_own_state_dir()?,
        };
        Ok(Self {
            state_dir: text(&state_dir)?,
            config: text(&sandbox.config_file())?,
            home: text(&sandbox.home()?)?,
            temp: text(&sandbox.temp()?)?,
        })
    }
}

/// Makes `link` a symbolic link to a directory. Errors are ignored, because a gateway also starts without the link,
/// only more slowly.
fn link_directory(directory: &Path, link: &Path) {
    let exists = std::fs::create_dir_all(directory).is_ok();
    if exists && !link.exists() {
        let _ = std::os::unix::fs::symlink(directory, link);
    }
}

pub(super) fn text(path: &Path) -> io::Result<String> {
    let unspeakable =
        || io::Error::new(io::ErrorKind::InvalidInput, "the name of the temporary directory is not UTF-8");
    path.to_str().map(str::to_owned).ok_or_else(unspeakable)
}

impl Spawned {
    pub(in crate::gateway) fn link(&self, peer: Option<IpAddr>) -> Result<Link, ControlError> {
        match peer {
            None => Ok(Link::Tcp { host: LOOPBACK.to_owned(), port: self.port }),
            Some(peer) => Err(ControlError::PeerAddress(peer)),
        }
    }

    pub(in crate::gateway) fn state_dir(&self) -> Option<&Path> {
        self.state_dir.as_deref()
    }

    /// The URL path for WebSockets.
    pub(in crate::gateway) fn path(&self) -> &str {
        &self.path
    }

    pub(in crate::gateway) fn port(&self) -> u16 {
        self.port
    }

    pub(in crate::gateway) fn logs(&self) -> String {
        self.process.log().all()
    }

    pub(in crate::gateway) async fn stop(&mut self, deadline: Instant) -> Exit {
        // The description's command comes first. SIGTERM follows if the command does not end the gateway.
        if let Some(stop) = &self.stop
            && let Some(exit) = stop.run(&mut self.process, self.port, deadline).await
        {
            return exit;
        }
        self.process.stop(self.port, deadline).await
    }

    pub(in crate::gateway) async fn kill(&mut self) {
        self.process.kill().await;
    }

    /// Waits until the deadline, and returns the exit status if the gateway exits.
    pub(in crate::gateway) async fn wait_for_exit(&mut self, deadline: Instant) -> Option<Exit> {
        let _ = timeout_at(deadline, self.process.wait()).await;
        self.exited()
    }

    pub(in crate::gateway) fn exited(&mut self) -> Option<Exit> {
        self.process.exited(self.port)
    }
}
