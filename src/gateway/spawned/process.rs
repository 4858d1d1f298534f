//! The process of a gateway and its descendants. Unix only.

use super::log::{Log, LogReader};
use super::port::ProcessTree;
use crate::gateway::guard::{self, Guard, MARK};
use crate::gateway::launch::{Exit, LogTail};
use crate::gateway::supervisor::{SpawnRequest, Supervisor};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use tokio::process::{ChildStderr, ChildStdout};
use tokio::time::{Instant, timeout_at};

/// The variables of [`InheritedEnvironment::Minimal`].
const INHERITED: [&str; 5] = ["PATH", "LANG", "LC_ALL", "LC_CTYPE", "SSL_CERT_FILE"];

/// The command to run.
#[derive(Debug, Clone)]
pub(crate) struct Invocation {
    pub(crate) command: OsString,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) directory: PathBuf,
    pub(crate) inherited: InheritedEnvironment,
}

/// The part of the user's environment that a process gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InheritedEnvironment {
    /// The variables that a program needs to find programs and to use the user's language.
    Minimal,
    /// All variables but those of clawcheck and OpenClaw, which can contain tokens and passwords. Build scripts of
    /// packages see them.
    ForInstaller,
}

impl Invocation {
    /// The complete environment of the command.
    fn environment(&self) -> Vec<(OsString, OsString)> {
        let inherited = std::env::vars_os().filter(|(name, _)| match self.inherited {
            InheritedEnvironment::Minimal => INHERITED.iter().any(|inherited| name == inherited),
            InheritedEnvironment::ForInstaller => {
                let name = name.to_string_lossy();
                !name.starts_with("CLAWCHECK_") && !name.starts_with("OPENCLAW_")
            }
        });
        inherited.chain(self.environment.iter().cloned()).collect()
    }
}

/// A running process below a [`Supervisor`]. A drop ends the process and its descendants.
#[derive(Debug)]
pub(crate) struct Process {
    supervisor: Supervisor,
    log: Log,
    readers: Vec<LogReader>,
    /// Whether the process and its descendants were ended.
    is_ended: bool,
    mark: String,
    guard: Guard,
}

impl Process {
    /// Starts the process with an empty standard input, a captured output and a clean environment. Registers it with
    /// the guard.
    pub(crate) async fn start(invocation: &Invocation, guard: &Guard) -> io::Result<Self> {
        let program = guard.program().ok_or_else(|| {
            io::Error::new(io::ErrorKind::Unsupported, "clawcheck cannot find its own program; is /proc mounted?")
        })?;
        let mark = guard.mark();
        let mut environment = invocation.environment();
        environment.push((MARK.into(), mark.clone().into()));
        let request = SpawnRequest {
            command: (&invocation.command).into(),
            arguments: invocation.arguments.iter().map(Into::into).collect(),
            environment: environment.iter().map(|(name, value)| (name.into(), value.into())).collect(),
            directory: (&invocation.directory).into(),
            descriptors: crate::machine::default_descriptors(),
        };
        let (supervisor, out, err) = Supervisor::start(program, request).await?;
        let log = Log::new();
        let mut process = Self { supervisor, log, readers: Vec::new(), is_ended: false, mark, guard: guard.clone() };
        if let Some(out) = out {
            process.readers.push(process.log.read(ChildStdout::from_std(out)?));
        }
        if let Some(err) = err {
            process.readers.push(process.log.read(ChildStderr::from_std(err)?));
        }
        // Register last: the process group exists only after the start. If registration fails, the drop of `process`
        // ends the process.
        process.guard.watch_group(process.supervisor.leader())?;
        Ok(process)
    }

    /// The process and its descendants, as the owner of a port.
    pub(crate) fn tree(&self) -> ProcessTree {
        ProcessTree::new(self.supervisor.id())
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// The log after the process has ended. Waits for the last lines.
    pub(crate) async fn final_log(&mut self) -> LogTail {
        for reader in &mut self.readers {
            reader.finish().await;
        }
        self.log.tail()
    }

    /// Waits until the process ends.
    pub(crate) async fn wait(&mut self) -> Exit {
        self.supervisor.leader_ended().await
    }

    /// Waits until the gateway ends. A process that exits with code 0 and leaves descendants has gone into the
    /// background, as `setsid` and other starters do. Such a gateway ends when its descendants have ended.
    pub(crate) async fn wait_for_all(&mut self) -> Exit {
        match self.supervisor.leader_ended().await {
            exit if exit.code == Some(0) && self.supervisor.has_descendants() => self.supervisor.all_ended().await,
            exit => exit,
        }
    }

    /// Whether the process has ended and left descendants that still run.
    pub(crate) fn has_descendants(&self) -> bool {
        self.supervisor.has_descendants()
    }

    /// The exit status, if the gateway has ended. A gateway in the background counts as running while a descendant
    /// listens on its port.
    pub(crate) fn exited(&mut self, port: u16) -> Option<Exit> {
        let exit = self.supervisor.has_ended()?;
        (exit.code != Some(0) || !self.is_in_background(port)).then_some(exit)
    }

    fn is_in_background(&self, port: u16) -> bool {
        self.supervisor.has_descendants() && self.tree().listens(port)
    }

    /// Sends SIGTERM, and kills the process after the deadline. A starter (`setsid --wait`) can end without passing
    /// the signal on. The process that listens on the port then gets a signal, too.
    pub(crate) async fn stop(&mut self, port: u16, deadline: Instant) -> Exit {
        if let Some(exit) = self.exited(port) {
            self.kill().await;
            return exit;
        }
        let mut exit = None;
        if self.supervisor.has_ended().is_none() {
            self.supervisor.terminate().await;
            exit = timeout_at(deadline, self.wait()).await.ok();
        }
        if self.is_in_background(port) {
            self.supervisor.terminate().await;
            exit = timeout_at(deadline, self.supervisor.all_ended()).await.ok();
        }
        // Always kill, also after a clean exit: descendants can be left.
        let killed = self.kill().await;
        exit.unwrap_or(killed)
    }

    /// Kills the process and its descendants. Returns the exit status of the process, or that of the last descendant
    /// if the process had ended before.
    pub(crate) async fn kill(&mut self) -> Exit {
        let had_ended = self.supervisor.has_ended().is_some();
        let all_gone = self.supervisor.end().await;
        self.unregister(all_gone);
        if had_ended { self.supervisor.all_ended().await } else { self.supervisor.leader_ended().await }
    }

    /// Removes the registration with the guard. `all_gone`: whether the supervisor confirms that no descendant is
    /// left.
    fn unregister(&mut self, all_gone: bool) {
        if std::mem::replace(&mut self.is_ended, true) {
            return;
        }
        // Without the supervisor's confirmation, search all processes for the mark. The search is the fallback
        // because it is slow and a process can remove its environment.
        if !all_gone {
            guard::kill_marked_as(&self.mark);
        }
        self.guard.forget_group(self.supervisor.leader());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let all_gone = self.supervisor.end_blocking();
        self.unregister(all_gone);
    }
}
