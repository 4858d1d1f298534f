//! The commands of a description that convert the pairing store of a gateway: `read` writes it to a directory in the layout
//! of OpenClaw, and `write` takes it from there. They run whether or not the gateway runs.

use super::process::{InheritedEnvironment, Invocation, Process};
use super::program::{Program, text};
use super::start_error::cannot_start;
use super::store_access::{StoreAccess, StoreCommand};
use super::store_check;
use crate::gateway::launch::{Exit, LaunchError, LogTail, ended_with_log};
use crate::gateway::run_directory::Sandbox;
use crate::gateway::template::{AT_LAUNCH, Placeholders, words_in_braces};
use std::io;
use tokio::time::{Instant, timeout_at};

/// Placeholders that have a value only while the gateway runs.
const RUNTIME_PLACEHOLDERS: [&str; 3] = ["port", "token", "password"];

/// Whether a placeholder has a value while the gateway is stopped.
pub(crate) fn is_known_before_a_start(name: &str) -> bool {
    !RUNTIME_PLACEHOLDERS.contains(&name) && !name.starts_with("port+")
}

/// Why the store could not be converted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreCommandError {
    /// A command could not be started.
    #[error("the `{key}` command ({place}) cannot be started: {reason}")]
    NotStarted {
        /// The key in the description.
        key: &'static str,
        /// The file and the line.
        place: String,
        /// The reason why the command could not be run.
        reason: String,
    },
    /// A command failed, or did not exit in time.
    #[error("the `{key}` command `{command}` ({place}) {}", ended_with_log(exit.as_ref(), log))]
    Failed {
        /// The key in the description.
        key: &'static str,
        /// The program.
        command: String,
        /// The file and the line.
        place: String,
        /// How the command ended; `None` if it did not exit in time.
        exit: Option<Exit>,
        /// The last lines of the command's output.
        log: LogTail,
    },
    /// A command wrote something else than a store.
    #[error("the `{key}` command `{command}` ({place}) {problem}")]
    NoStore {
        /// The key in the description.
        key: &'static str,
        /// The program.
        command: String,
        /// The file and the line.
        place: String,
        /// What is wrong with the output, and how the output begins.
        problem: String,
    },
    /// The directories of the case could not be created.
    #[error("cannot create the directory for the store: {0}")]
    Directory(#[from] io::Error),
}

impl Program {
    /// Runs the command that writes the gateway's store to the state directory of the sandbox. What was there is removed
    /// first, so that a record that the command does not write is missing. Nothing happens without such a command.
    ///
    /// # Errors
    /// The command cannot be started, fails, does not exit before the deadline, or does not write a store.
    pub(in crate::gateway) async fn read_store(
        &self,
        sandbox: &Sandbox,
        deadline: Instant,
    ) -> Result<(), StoreCommandError> {
        let StoreAccess::Commands { read: Some(command), .. } = &self.store else { return Ok(()) };
        sandbox.empty_state_dir()?;
        let printed = self.convert(command, sandbox, deadline).await?;
        let Some(problem) = store_check::problem(&sandbox.state_dir(), &printed) else { return Ok(()) };
        let StoreCommand { words, key, place } = command;
        let command = self.store_invocation(words, sandbox)?.command.to_string_lossy().into_owned();
        Err(StoreCommandError::NoStore { key, command, place: place.clone(), problem })
    }

    /// Runs the command that replaces the gateway's store with the one in the state directory of the sandbox. Nothing
    /// happens without such a command.
    ///
    /// # Errors
    /// As [`Program::read_store`].
    pub(in crate::gateway) async fn write_store(
        &self,
        sandbox: &Sandbox,
        deadline: Instant,
    ) -> Result<(), StoreCommandError> {
        let StoreAccess::Commands { write: Some(command), .. } = &self.store else { return Ok(()) };
        self.convert(command, sandbox, deadline).await.map(drop)
    }

    /// Runs a command and returns the last lines of its output.
    async fn convert(
        &self,
        command: &StoreCommand,
        sandbox: &Sandbox,
        deadline: Instant,
    ) -> Result<String, StoreCommandError> {
        let StoreCommand { words, key, place } = command;
        let invocation = self.store_invocation(words, sandbox)?;
        let name = invocation.command.to_string_lossy().into_owned();
        let mut process = Process::start(&invocation, sandbox.guard()).await.map_err(|error| {
            let reason = match cannot_start(&name, &error) {
                LaunchError::CommandNotFound { command } => format!("`{command}` was not found"),
                other => other.to_string(),
            };
            StoreCommandError::NotStarted { key, place: place.clone(), reason }
        })?;
        let exit = timeout_at(deadline, process.wait()).await.ok();
        if exit.is_none() {
            process.kill().await;
        }
        let log = process.final_log().await;
        match exit {
            Some(exit) if exit.code == Some(0) => Ok(log.0),
            exit => Err(StoreCommandError::Failed { key, command: name, place: place.clone(), exit, log }),
        }
    }

    /// The command with the environment of the gateway, as far as it is known while the gateway is stopped.
    fn store_invocation(&self, words: &[String], sandbox: &Sandbox) -> io::Result<Invocation> {
        let own_state = sandbox.make_own_state_dir()?;
        let (home, temp) = (sandbox.home()?, sandbox.temp()?);
        let mut values: Placeholders = self.placeholders.clone();
        values.set("store", text(&sandbox.state_dir())?);
        values.set("state-dir", text(&own_state)?);
        values.set("config", text(&sandbox.config_file())?);
        values.set("home", text(&home)?);
        values.set("temp", text(&temp)?);
        let is_known = |value: &str| {
            words_in_braces(value).all(|name| !AT_LAUNCH.contains(&name) || is_known_before_a_start(name))
        };
        let environment = self.environment.iter().filter(|(_, value)| is_known(value));
        let mut environment: Vec<_> =
            environment.map(|(name, value)| (name.into(), values.fill(value).into())).collect();
        environment.push(("HOME".into(), home.into()));
        environment.push(("TMPDIR".into(), temp.into()));
        let mut words = words.iter().map(|word| values.fill(word));
        Ok(Invocation {
            command: words.next().unwrap_or_default().into(),
            arguments: words.map(Into::into).collect(),
            environment,
            directory: sandbox.root().to_owned(),
            inherited: InheritedEnvironment::Minimal,
        })
    }
}
