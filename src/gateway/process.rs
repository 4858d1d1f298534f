//! A gateway's process and everything that it starts in turn. Unix.

use super::guard::{self, Guard, MARK};
use super::launch::{Exit, LogTail};
use super::log::{Log, Reader};
use super::port::Owner;
use futures_util::FutureExt as _;
use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop, ProcessGroup};
use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use tokio::time::{Instant, timeout_at};

/// The variables of [`Inherited::Little`].
const INHERITED: [&str; 5] = ["PATH", "LANG", "LC_ALL", "LC_CTYPE", "SSL_CERT_FILE"];

/// What to run.
#[derive(Debug, Clone)]
pub(super) struct Invocation {
    pub(super) command: OsString,
    pub(super) arguments: Vec<OsString>,
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) directory: PathBuf,
    pub(super) inherited: Inherited,
}

/// What of the user's environment a process gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inherited {
    /// What it needs to find programs and to speak the user's language.
    Little,
    /// All of it.
    Everything,
}

/// A running process that leads a group of its own. Dropping it ends the group.
#[derive(Debug)]
pub(super) struct Process {
    child: Box<dyn ChildWrapper>,
    leader: u32,
    log: Log,
    readers: Vec<Reader>,
    exit: Option<Exit>,
    /// Whether the group and what left it was ended.
    ended: bool,
    mark: String,
    guard: Guard,
}

impl Process {
    /// Starts it: nothing on its standard input, its output kept, its environment clean, watched by the guard.
    pub(super) fn start(invocation: &Invocation, guard: &Guard) -> io::Result<Self> {
        let mark = guard.mark();
        let mut command = CommandWrap::with_new(&invocation.command, |command| {
            command.args(&invocation.arguments).current_dir(&invocation.directory);
            if invocation.inherited == Inherited::Little {
                command.env_clear();
                command.envs(INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
            }
            command.envs(invocation.environment.iter().map(|(name, value)| (name, value)));
            command.env(MARK, &mark);
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        });
        let mut child = command.wrap(ProcessGroup::leader()).wrap(KillOnDrop).spawn()?;
        let log = Log::new();
        let mut readers = Vec::new();
        readers.extend(child.stdout().take().map(|stream| log.read(stream)));
        readers.extend(child.stderr().take().map(|stream| log.read(stream)));
        let leader = child.id().unwrap_or_default();
        let process = Self { child, leader, log, readers, exit: None, ended: false, mark, guard: guard.clone() };
        process.guard.watch_group(leader)?;
        Ok(process)
    }

    /// Its group, as the owner of a port.
    pub(super) fn owner(&self) -> Owner {
        Owner::new(self.leader)
    }

    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    /// Its log once it has ended: waits for the last lines.
    pub(super) async fn last_words(&mut self) -> LogTail {
        for reader in &mut self.readers {
            reader.finish().await;
        }
        self.log.tail()
    }

    /// Waits until it ends.
    pub(super) async fn wait(&mut self) -> Exit {
        if let Some(exit) = &self.exit {
            return exit.clone();
        }
        let exit = match self.child.wait().await {
            Ok(status) => exit_of(status),
            Err(_) => Exit { code: None, signal: None },
        };
        self.exit = Some(exit.clone());
        exit
    }

    /// How it ended, if it has.
    pub(super) fn exited(&mut self) -> Option<Exit> {
        self.wait().now_or_never()
    }

    /// Asks its group to end, and after the deadline ends it.
    pub(super) async fn stop(&mut self, deadline: Instant) -> Exit {
        if self.exited().is_none() {
            let _ = self.child.signal(nix::sys::signal::Signal::SIGTERM as i32);
        }
        if let Ok(exit) = timeout_at(deadline, self.wait()).await {
            self.end();
            return exit;
        }
        self.kill().await
    }

    /// Ends it at once.
    pub(super) async fn kill(&mut self) -> Exit {
        self.end();
        self.wait().await
    }

    /// Ends the group and what has left it.
    fn end(&mut self) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        // A leader that was waited for has given its number back: what is left of its group is known by the mark alone.
        if self.exited().is_none() {
            let _ = self.child.start_kill();
        }
        guard::end_marked(&self.mark);
        self.guard.forget_group(self.leader);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

fn exit_of(status: ExitStatus) -> Exit {
    Exit { code: status.code(), signal: status.signal() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn shell(script: &str) -> Process {
        let invocation = Invocation {
            command: "sh".into(),
            arguments: vec!["-c".into(), script.into()],
            environment: vec![("GIVEN".into(), "yes".into())],
            directory: std::env::temp_dir(),
            inherited: Inherited::Little,
        };
        Process::start(&invocation, &Guard::absent()).unwrap()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    fn alive(process: &str) -> bool {
        // A process that was killed and not yet waited for by its new parent has no environment any more.
        std::fs::read(format!("/proc/{process}/environ")).is_ok_and(|environment| !environment.is_empty())
    }

    #[tokio::test]
    async fn its_exit_and_its_last_words_are_told() {
        let mut process = shell("echo out; echo err >&2; exit 7");
        assert_eq!(process.wait().await, Exit { code: Some(7), signal: None });
        let words = process.last_words().await.0;
        assert!(words.contains("out") && words.contains("err"));
    }

    #[tokio::test]
    async fn its_environment_holds_nothing_of_the_users() {
        let mut process = shell("env");
        process.wait().await;
        process.last_words().await;
        let all = process.log().all();
        assert!(all.contains("GIVEN=yes"));
        assert!(!all.lines().any(|line| line.starts_with("HOME=") || line.starts_with("CARGO")), "{all}");
    }

    #[tokio::test]
    async fn a_child_that_left_the_group_ends_with_it() {
        let mut process = shell("setsid sh -c 'echo $$; sleep 60' & wait");
        let log = process.log().clone();
        tokio::time::timeout_at(soon(), log.wait_for("")).await.unwrap();
        let stray = log.all().trim().to_owned();
        assert!(alive(&stray));
        process.kill().await;
        while alive(&stray) {
            assert!(Instant::now() < soon());
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn what_ignores_sigterm_is_killed_at_the_deadline() {
        let mut process = shell("trap '' TERM; echo up; while :; do sleep 0.1; done");
        process.log().clone().wait_for("up").await;
        let exit = process.stop(Instant::now() + Duration::from_millis(200)).await;
        assert_eq!(exit, Exit { code: None, signal: Some(9) });
    }
}
