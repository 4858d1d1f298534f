//! The supervisor process.

use super::descendants::Descendants;
use super::protocol::{Report, Request, SpawnRequest};
use super::{KILL_TIMEOUT, SUBCOMMAND};
use nix::errno::Errno;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, timeout};

/// The maximum length of a request, in bytes. Linux allows 2 MiB of arguments and environment, and JSON needs up to
/// four characters for each byte.
const LINE_BYTES: u64 = 16 << 20;
/// The interval of the search for orphans of a process that cannot be killed. The system sends no event when a
/// process becomes our child.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Returns the exit code of the supervisor if this process is one. `main` calls this before it parses arguments.
pub(crate) fn serve_if_asked() -> Option<ExitCode> {
    (std::env::args_os().nth(1)? == SUBCOMMAND).then(|| match serve() {
        Ok(true) => ExitCode::SUCCESS,
        // Nobody reads a supervisor's output. The exit code shows whether the supervisor has cleaned up.
        Ok(false) | Err(_) => ExitCode::FAILURE,
    })
}

/// Runs a supervisor with the socket that is its standard input. Returns whether no descendant is left.
fn serve() -> io::Result<bool> {
    let socket = std::os::unix::net::UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    socket.set_nonblocking(true)?;
    // This must precede the start of the command, so that no descendant can escape.
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_child_subreaper(true);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { supervise(UnixStream::from_std(socket)?).await })
}

async fn supervise(socket: UnixStream) -> io::Result<bool> {
    let (reading, mut writing) = socket.into_split();
    let mut requests = BufReader::new(reading);
    let mut children = signal(SignalKind::child())?;
    let mut ends = TerminationSignals::new()?;
    let Some(Request::Start(request)) = request(&mut requests).await else { return Ok(true) };
    let leader = match start(request) {
        Ok(leader) => leader,
        Err(error) => {
            report(&mut writing, &Report::Failed { errno: error.raw_os_error().unwrap_or(Errno::EINVAL as i32) }).await;
            return Ok(true);
        }
    };
    let mut descendants = Descendants::new(leader);
    report(&mut writing, &Report::Started { process: leader }).await;
    close_output();
    let mut requested = std::pin::pin!(next(requests));
    loop {
        tokio::select! {
            _ = children.recv() => {
                if let Some(news) = descendants.reap() {
                    report(&mut writing, &news).await;
                }
            }
            (word, requests) = &mut requested => match word {
                Some(Request::Terminate) => {
                    descendants.terminate();
                    requested.set(next(requests));
                }
                // clawcheck has closed its end or has ended.
                Some(Request::Start(_)) | None => break,
            },
            () = ends.any() => break,
        }
    }
    Ok(clear(&mut descendants, &mut children, &mut writing).await)
}

/// Kills and reaps until no child is left. Returns `false` after [`KILL_TIMEOUT`].
async fn clear(descendants: &mut Descendants, children: &mut Signal, writing: &mut OwnedWriteHalf) -> bool {
    let deadline = Instant::now() + KILL_TIMEOUT;
    loop {
        // Repeat the kill: each death can make new orphans our children.
        descendants.kill();
        if let Some(news) = descendants.reap() {
            report(writing, &news).await;
        }
        if descendants.is_empty() || Instant::now() > deadline {
            return descendants.is_empty();
        }
        let _ = timeout(POLL_INTERVAL, children.recv()).await;
    }
}

/// Returns the next request and the reader. The future owns the reader, so another branch of `select!` does not lose
/// a partly read request.
async fn next<R: AsyncRead + Unpin>(mut requests: BufReader<R>) -> (Option<Request>, BufReader<R>) {
    (request(&mut requests).await, requests)
}

/// `None` if clawcheck has closed its end or has ended.
async fn request<R: AsyncRead + Unpin>(requests: &mut BufReader<R>) -> Option<Request> {
    let mut line = Vec::new();
    requests.take(LINE_BYTES).read_until(b'\n', &mut line).await.ok()?;
    serde_json::from_slice(&line).ok()
}

async fn report(writing: &mut OwnedWriteHalf, report: &Report) {
    if let Ok(line) = report.to_line() {
        // If clawcheck has ended, nobody needs the report. The loop that reads requests detects the end.
        let _ = writing.write_all(line.as_bytes()).await;
    }
}

fn start(request: SpawnRequest) -> io::Result<u32> {
    let SpawnRequest { command, arguments, environment, directory, descriptors } = request;
    if let Some(descriptors) = descriptors {
        crate::machine::lower_descriptors(descriptors);
    }
    let text = OsString::from;
    let mut command = Command::new(text(command));
    command.args(arguments.into_iter().map(text)).current_dir(text(directory));
    // The supervisor has an empty environment, so the variables come from the request only.
    command.env_clear().envs(environment.into_iter().map(|(name, value)| (text(name), text(value))));
    // The command inherits our output, which goes to clawcheck. Its own process group makes one signal reach its
    // descendants.
    command.stdin(Stdio::null()).process_group(0);
    // `waitpid` for all children reaps this child, so the handle is not needed.
    Ok(command.spawn()?.id())
}

/// Closes our copies of the gateway's output. clawcheck sees the end of the output when the last writer has closed
/// it.
fn close_output() {
    if let Ok(nothing) = File::options().write(true).open("/dev/null") {
        let _ = nix::unistd::dup2_stdout(&nothing);
        let _ = nix::unistd::dup2_stderr(&nothing);
    }
}

/// The signals that end a process by default. A supervisor cleans up before it exits.
struct TerminationSignals([Signal; 3]);

impl TerminationSignals {
    fn new() -> io::Result<Self> {
        Ok(Self([signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?]))
    }

    async fn any(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => (),
            _ = terminate.recv() => (),
            _ = hangup.recv() => (),
        }
    }
}
