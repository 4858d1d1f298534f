//! Supervisors: no process that a gateway starts outlives the gateway. Every process that clawcheck starts runs below
//! its own supervisor.
//!
//! A supervisor is clawcheck itself, started as `clawcheck __supervise`. It becomes the *child subreaper* of its
//! descendants (`PR_SET_CHILD_SUBREAPER`, Linux). Only then does it start the command, as the leader of a process
//! group. From then on, the kernel makes every orphan below the supervisor a child of the supervisor, whatever the
//! orphan did to its group, session and environment (`env -i setsid ...`). No descendant can escape, and the chain of
//! parents of each leads to its supervisor.
//!
//! Why this is reliable:
//!
//! - **No process id is used after it was freed.** The supervisor sends signals only to its own children, and no
//!   other process can reap these. A deeper descendant becomes a child when its parent dies. The supervisor kills and
//!   reaps until the kernel reports that no child is left (`ECHILD`).
//! - **No exit is missed.** The supervisor and clawcheck communicate over one socket pair. No other process has
//!   clawcheck's end. When that end closes, on request or after a `kill -9` of clawcheck, the supervisor cleans up and
//!   exits. When the supervisor's end closes, no descendant is left. The supervisor has its own process group, so
//!   Ctrl-C does not reach it.
//! - **The processes of two gateways are never confused.** If clawcheck were the subreaper, an orphan would not show
//!   which gateway started it.
//! - **The exit statuses of clawcheck's own children are not affected.** Only the supervisor reaps orphans.
//!
//! Limits: a gateway runs as the same user, so it can kill its supervisor and clawcheck. Its processes are then found
//! by the mark in their environment, and its group by the [guard](super::guard). The supervisor waits ten seconds for
//! a process that the user may not signal (a set-user-ID program). On systems without subreapers, a supervisor ends
//! only the process group.

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
/// The maximum time for a supervisor to start its command.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// The maximum time for a supervisor to kill its descendants. After it, the supervisor gives up.
const KILL_TIMEOUT: Duration = Duration::from_secs(10);
/// The maximum wait for a supervisor to clean up and exit.
const EXIT_TIMEOUT: Duration = Duration::from_secs(12);

/// A supervisor and the command below it. A drop ends both.
#[derive(Debug)]
pub(super) struct Supervisor {
    process: Child,
    stream: UnixStream,
    /// The socket for code that cannot await.
    direct: DirectStream,
    /// The beginning of a report whose end has not arrived yet.
    partial: Vec<u8>,
    leader: Option<u32>,
    failed: Option<i32>,
    /// The exit status of the command, and whether a descendant was left then.
    leader_ended: Option<(Exit, bool)>,
    /// The exit status of the last descendant.
    all_ended: Option<Exit>,
    /// Whether the supervisor has closed the socket.
    closed: bool,
    /// Whether no descendant is left, after [`Supervisor::end`].
    all_gone: Option<bool>,
}

impl Supervisor {
    /// Starts a supervisor, which starts the command. Also returns the output of the command.
    ///
    /// # Errors
    /// Returns an error if the supervisor cannot be started, or the system's error if the command cannot be started.
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
        // This closes our copy of the supervisor's end. With an open copy, the socket would not show the end of the
        // supervisor.
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
        let lost = || io::Error::other("the supervisor process exited before it started the gateway");
        let late = || io::Error::other("the supervisor process did not start the gateway in time");
        let deadline = Instant::now() + START_TIMEOUT;
        let line = Request::Start(request).to_line()?;
        timeout_at(deadline, self.stream.write_all(line.as_bytes())).await.map_err(|_| late())?.map_err(|_| lost())?;
        let answered = |this: &Self| this.leader.is_some() || this.failed.is_some();
        timeout_at(deadline, self.read_until(answered)).await.map_err(|_| late())?;
        match (self.leader, self.failed) {
            (_, Some(errno)) => Err(io::Error::from_raw_os_error(errno)),
            (None, None) => Err(lost()),
            (Some(_), None) => Ok(()),
        }
    }

    /// The id of the command's process, which leads the group.
    pub(super) fn leader(&self) -> u32 {
        self.leader.unwrap_or_default()
    }

    /// The id of the supervisor's process, whose descendants all belong to the command.
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until the command's process ends.
    pub(super) async fn leader_ended(&mut self) -> Exit {
        self.read_until(|this| this.leader_ended.is_some()).await;
        self.exit()
    }

    /// Waits until the command's process and all its descendants have ended. Returns the exit status of the last one.
    pub(super) async fn all_ended(&mut self) -> Exit {
        self.read_until(|this| this.all_ended.is_some() || matches!(this.leader_ended, Some((_, false)))).await;
        self.all_ended.clone().unwrap_or_else(|| self.exit())
    }

    /// The exit status of the command's process, if it has ended. Reads the pending reports without waiting.
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

    /// Whether descendants were left when the command's process ended, and one of them still runs.
    pub(super) fn has_descendants(&self) -> bool {
        !self.closed && self.all_ended.is_none() && matches!(self.leader_ended, Some((_, true)))
    }

    /// Sends SIGTERM to the command's group. If the leader has ended, sends SIGTERM to the remaining descendants.
    pub(super) async fn terminate(&mut self) {
        if let Ok(line) = Request::Terminate.to_line() {
            // A supervisor that has ended has nothing left to terminate.
            let _ = timeout(EXIT_TIMEOUT, self.stream.write_all(line.as_bytes())).await;
        }
    }

    /// Kills all descendants and waits until they are gone. `false` if the supervisor does not confirm that.
    pub(super) async fn end(&mut self) -> bool {
        if let Some(all_gone) = self.all_gone {
            return all_gone;
        }
        // The closed socket is the request to clean up. The supervisor answers with the last reports and then closes
        // its end.
        let _ = self.stream.shutdown().await;
        let _ = timeout(EXIT_TIMEOUT, self.read_until(|_| false)).await;
        self.reap()
    }

    /// The same as [`Supervisor::end`], for code that cannot await.
    pub(super) fn end_blocking(&mut self) -> bool {
        if let Some(all_gone) = self.all_gone {
            return all_gone;
        }
        let _ = self.direct.shutdown(Shutdown::Write);
        let deadline = std::time::Instant::now() + EXIT_TIMEOUT;
        let mut bytes = [0; 1024];
        while !self.closed {
            // A timeout of zero is an error here, which ends the wait like the timeout itself.
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

    /// Reaps the supervisor. If its end of the socket is closed, it is exiting. If the end is still open, the
    /// supervisor was stopped (SIGSTOP). It is then killed without a further wait.
    fn reap(&mut self) -> bool {
        // `closed` means that the supervisor has closed its end and is about to exit, so `wait` below does not block.
        let exits = std::mem::replace(&mut self.closed, true);
        if !exits {
            let _ = self.process.kill();
        }
        let all_gone = exits && self.process.wait().is_ok_and(|status| status.success());
        *self.all_gone.insert(all_gone)
    }

    /// Reads reports until the condition holds or the supervisor has ended.
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

    /// The exit status of the command's process. Both fields are `None` if the supervisor was killed before it
    /// reported the status.
    fn exit(&self) -> Exit {
        self.leader_ended.as_ref().map_or(Exit { code: None, signal: None }, |(exit, _)| exit.clone())
    }
}

/// A failed start of the supervisor must not look like a missing command. An error about a resource of the machine is
/// returned unchanged.
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
