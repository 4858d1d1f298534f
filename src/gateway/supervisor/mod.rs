//! Nothing that a gateway starts outlives it: every process that clawcheck starts runs below a supervisor of its own.
//!
//! A supervisor is clawcheck itself, run again as `clawcheck __supervise`. It becomes the *child subreaper* of everything
//! below it (`PR_SET_CHILD_SUBREAPER`, Linux) and only then starts the command, as the leader of a process group. From then
//! on the kernel hands every orphan below the supervisor to it, whatever the orphan did to its group, session and
//! environment (`env -i setsid ...`): no descendant can leave, and every one of them leads to its supervisor by its chain of
//! parents.
//!
//! Why this needs no luck:
//!
//! - **No process number is used after it was given back.** The supervisor signals its own children only, and nobody else can
//!   reap those. What is deeper becomes its child when the parent dies; the supervisor kills and reaps until the kernel says
//!   that it has no child left (`ECHILD`).
//! - **No end is missed.** Supervisor and clawcheck talk over one socket pair, of which clawcheck's end is in no other process.
//!   When that end is shut, by a request or by a `kill -9` of clawcheck, the supervisor clears up and exits; when the
//!   supervisor's end is shut, nothing is left. The supervisor has a process group of its own, so that Ctrl-C does not reach it.
//! - **Gateways that run side by side are told apart.** Were clawcheck the subreaper, nothing would tell whose an orphan is.
//! - **The exit statuses of clawcheck's own children are not touched**: strangers are reaped in the supervisor alone.
//!
//! What remains: a gateway that runs as our user can kill its supervisor, as it can kill us. Its processes are then found by
//! the mark in their environment, and its group by the [guard](super::guard). A process that the user may not signal (a
//! set-user-ID program) is waited for for ten seconds. On systems without subreapers a supervisor ends the process
//! group, and nothing more.

mod descendants;
mod protocol;
mod serve;

pub(super) use protocol::SpawnRequest;
pub(crate) use serve::serve_if_asked;

use super::launch::Exit;
use protocol::{Report, Request};
use std::io::{self, Read as _};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as DirectStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout, timeout_at};

/// The hidden subcommand that a supervisor runs.
const SUBCOMMAND: &str = "__supervise";
/// How long a supervisor may take to start its command.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a supervisor kills what is below it before it gives up what cannot be killed.
const KILL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long is waited for a supervisor to clear up and exit.
const EXIT_TIMEOUT: Duration = Duration::from_secs(12);

/// A supervisor and the command below it. Dropping it ends both.
#[derive(Debug)]
pub(super) struct Supervisor {
    process: Child,
    stream: UnixStream,
    /// The same socket, for where nothing can be awaited.
    direct: DirectStream,
    /// The beginning of a report whose end is not here yet.
    partial: Vec<u8>,
    leader: Option<u32>,
    failed: Option<i32>,
    /// How the command ended, and whether anything that it started was left then.
    leader_ended: Option<(Exit, bool)>,
    /// How the last process ended that the command had left.
    all_ended: Option<Exit>,
    /// Whether the supervisor is gone.
    closed: bool,
    /// Whether nothing is left, once all was ended.
    all_gone: Option<bool>,
}

impl Supervisor {
    /// Starts a supervisor and has it start the command. Gives what the command prints, too.
    ///
    /// # Errors
    /// When the supervisor cannot be started; when the command cannot be, with the system's own error.
    pub(super) async fn start(
        program: &Path,
        request: SpawnRequest,
    ) -> io::Result<(Self, Option<ChildStdout>, Option<ChildStderr>)> {
        let (ours, theirs) = DirectStream::pair()?;
        ours.set_nonblocking(true)?;
        let mut command = Command::new(program);
        command.arg(SUBCOMMAND).env_clear().current_dir("/").process_group(0);
        command.stdin(OwnedFd::from(theirs)).stdout(Stdio::piped()).stderr(Stdio::piped());
        let direct = ours.try_clone()?;
        let stream = UnixStream::from_std(ours)?;
        let mut process = command.spawn().map_err(supervisor_error)?;
        // With it goes our copy of the supervisor's end, without which its death would not be seen.
        drop(command);
        let (out, err) = (process.stdout.take(), process.stderr.take());
        let mut supervisor = Self {
            process,
            stream,
            direct,
            partial: Vec::new(),
            leader: None,
            failed: None,
            leader_ended: None,
            all_ended: None,
            closed: false,
            all_gone: None,
        };
        supervisor.request(request).await?;
        Ok((supervisor, out, err))
    }

    async fn request(&mut self, request: SpawnRequest) -> io::Result<()> {
        let lost = || io::Error::other("the process that supervises the gateway ended before it started it");
        let late = || io::Error::other("the process that supervises the gateway did not start it in time");
        let deadline = Instant::now() + START_TIMEOUT;
        let line = Request::Start(request).line()?;
        timeout_at(deadline, self.stream.write_all(line.as_bytes())).await.map_err(|_| late())?.map_err(|_| lost())?;
        let answered = |this: &Self| this.leader.is_some() || this.failed.is_some();
        timeout_at(deadline, self.read_until(answered)).await.map_err(|_| late())?;
        match (self.leader, self.failed) {
            (_, Some(errno)) => Err(io::Error::from_raw_os_error(errno)),
            (None, None) => Err(lost()),
            (Some(_), None) => Ok(()),
        }
    }

    /// The command's process: it leads the group.
    pub(super) fn leader(&self) -> u32 {
        self.leader.unwrap_or_default()
    }

    /// The supervisor's own process: everything below it belongs to the command.
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until the command's process ends.
    pub(super) async fn leader_ended(&mut self) -> Exit {
        self.read_until(|this| this.leader_ended.is_some()).await;
        self.exit()
    }

    /// Waits until the command's process and all that it started have ended. Gives how the last one ended.
    pub(super) async fn all_ended(&mut self) -> Exit {
        self.read_until(|this| this.all_ended.is_some() || matches!(this.leader_ended, Some((_, false)))).await;
        self.all_ended.clone().unwrap_or_else(|| self.exit())
    }

    /// How the command's process ended, if it has; asked of the system itself, without waiting.
    pub(super) fn has_ended(&mut self) -> Option<Exit> {
        let mut bytes = [0; 1024];
        while !self.closed {
            match self.direct.read(&mut bytes) {
                Ok(0) => self.closed = true,
                Ok(read) => self.take(&bytes[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => self.closed = true,
            }
        }
        (self.leader_ended.is_some() || self.closed).then(|| self.exit())
    }

    /// Whether processes were left when the command's own ended, and one of them still runs.
    pub(super) fn has_descendants(&self) -> bool {
        !self.closed && self.all_ended.is_none() && matches!(self.leader_ended, Some((_, true)))
    }

    /// Sends SIGTERM to the command's group; where its leader has ended, to what that has left.
    pub(super) async fn terminate(&mut self) {
        if let Ok(line) = Request::Terminate.line() {
            // A supervisor that is gone has nothing left to terminate.
            let _ = timeout(EXIT_TIMEOUT, self.stream.write_all(line.as_bytes())).await;
        }
    }

    /// Kills everything that is left, and waits until it is gone. `false` where the supervisor cannot vouch for that.
    pub(super) async fn end(&mut self) -> bool {
        if let Some(all_gone) = self.all_gone {
            return all_gone;
        }
        let _ = self.stream.shutdown().await;
        let _ = timeout(EXIT_TIMEOUT, self.read_until(|_| false)).await;
        self.reap()
    }

    /// The same where nothing can be awaited.
    pub(super) fn end_blocking(&mut self) -> bool {
        if let Some(all_gone) = self.all_gone {
            return all_gone;
        }
        let _ = self.direct.shutdown(Shutdown::Write);
        let deadline = std::time::Instant::now() + EXIT_TIMEOUT;
        let mut bytes = [0; 1024];
        while !self.closed {
            // No time left is an error here, and ends the wait as its end does.
            let left = deadline.saturating_duration_since(std::time::Instant::now());
            let waits = self.direct.set_nonblocking(false).and_then(|()| self.direct.set_read_timeout(Some(left)));
            match waits.and_then(|()| self.direct.read(&mut bytes)) {
                Ok(0) => self.closed = true,
                Ok(read) => self.take(&bytes[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.reap()
    }

    /// Takes the exit status of a supervisor whose end of the socket is shut: it is exiting. One whose end is open still was
    /// stopped by somebody (SIGSTOP): it is killed, and nothing more of it is waited for.
    fn reap(&mut self) -> bool {
        let exits = std::mem::replace(&mut self.closed, true);
        if !exits {
            let _ = self.process.kill();
        }
        let all_gone = exits && self.process.wait().is_ok_and(|status| status.success());
        *self.all_gone.insert(all_gone)
    }

    /// Reads reports until this holds, or the supervisor is gone.
    async fn read_until(&mut self, holds: impl Fn(&Self) -> bool) {
        let mut bytes = [0; 1024];
        while !self.closed && !holds(self) {
            match self.stream.read(&mut bytes).await {
                Ok(0) | Err(_) => self.closed = true,
                Ok(read) => self.take(&bytes[..read]),
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.partial.extend_from_slice(bytes);
        while let Some(end) = self.partial.iter().position(|byte| *byte == b'\n') {
            let line = self.partial.drain(..=end).collect::<Vec<_>>();
            match serde_json::from_slice(&line) {
                Ok(Report::Started { process }) => self.leader = Some(process),
                Ok(Report::Failed { errno }) => self.failed = Some(errno),
                Ok(Report::Ended { exit, left }) => self.leader_ended = Some((exit.into(), left)),
                Ok(Report::AllEnded { exit }) => self.all_ended = Some(exit.into()),
                Err(_) => {}
            }
        }
    }

    /// How the command's process ended, as far as is known: a supervisor that was killed did not say it.
    fn exit(&self) -> Exit {
        self.leader_ended.as_ref().map_or(Exit { code: None, signal: None }, |(exit, _)| exit.clone())
    }
}

/// That the supervisor cannot be started must not be taken for the command's not being there. What the machine lacks is told as
/// it is.
fn supervisor_error(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => {
            io::Error::other(format!("cannot start the supervisor of the gateway: {error}"))
        }
        _ => error,
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.end_blocking();
    }
}
