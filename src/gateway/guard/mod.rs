//! Whatever ends the run, nothing of it is left: a second process that outlives us clears up.
//!
//! The first thing that must not outlive the run starts the guard: clawcheck itself, run again as `clawcheck __guard`,
//! in a process group of its own so that Ctrl-C does not reach it. It holds the read end of a pipe. Process groups and
//! directories are registered through the pipe and forgotten through it; when the pipe closes, be it by a `kill -9`, the
//! guard ends the groups and removes the directories that are still registered, and exits.

mod record;
mod registry;
mod serve;
mod system;

pub(crate) use serve::serve_if_asked;
pub(super) use system::make_removable;

use record::Record;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The hidden subcommand that the guard process runs.
const SUBCOMMAND: &str = "__guard";
/// The environment variable by which everything that a run started is known, however it detached itself.
pub(super) const MARK: &str = "CLAWCHECK_RUN";

/// The run's guard. Clones share it. The process starts with the first registration.
#[derive(Debug, Clone)]
pub struct Guard {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// The program that knows [`SUBCOMMAND`]; `None`: no guard process.
    program: Option<PathBuf>,
    /// Unique to the run.
    run: String,
    launches: AtomicU64,
    process: Mutex<Option<Process>>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    /// `None` once it is being ended.
    pipe: Option<ChildStdin>,
}

impl Default for Guard {
    fn default() -> Self {
        Self::of_this_program()
    }
}

impl Guard {
    /// A guard that runs this very program again; `main` must call `serve_if_asked` first.
    pub fn of_this_program() -> Self {
        // The file may have been replaced by a new build meanwhile: the link still leads to the one that runs.
        let link = Path::new("/proc/self/exe");
        let program = if link.exists() { Some(link.to_owned()) } else { std::env::current_exe().ok() };
        Self::new(program)
    }

    /// A guard that runs this clawcheck binary.
    pub fn of_program(program: PathBuf) -> Self {
        Self::new(Some(program))
    }

    /// No guard process: what is registered is cleared when it is dropped and not after a `kill -9`, and no gateway can be
    /// started that is a process. For tests of this library, whose program is not clawcheck.
    pub fn absent() -> Self {
        Self::new(None)
    }

    fn new(program: Option<PathBuf>) -> Self {
        // A time and a process id cannot be had twice together.
        let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        let run = format!("{:x}-{:x}", std::process::id(), since.as_nanos());
        let shared = Shared { program, run, launches: AtomicU64::new(0), process: Mutex::new(None) };
        Self { shared: Arc::new(shared) }
    }

    /// Registers a directory. Its name must contain `clawcheck`: the guard removes nothing else.
    ///
    /// # Errors
    /// When the guard cannot be started, or is gone.
    pub fn watch_directory(&self, directory: &Path) -> io::Result<()> {
        self.send(&Record::watch_directory(directory))
    }

    /// Forgets a directory that was removed or is to be kept.
    pub fn forget_directory(&self, directory: &Path) {
        // A guard that is gone has nothing to forget.
        let _ = self.send(&Record::forget_directory(directory));
    }

    /// Registers the process group of a child that leads it.
    pub(super) fn watch_group(&self, leader: u32) -> io::Result<()> {
        self.send(&Record::WatchGroup { leader, started: system::start_time(leader) })
    }

    /// Forgets a process group that is gone.
    pub(super) fn forget_group(&self, leader: u32) {
        let _ = self.send(&Record::ForgetGroup { leader });
    }

    /// A value of [`MARK`] for one child, unlike every other.
    pub(super) fn mark(&self) -> String {
        let number = self.shared.launches.fetch_add(1, Ordering::Relaxed);
        format!("{}.{number}", self.shared.run)
    }

    /// The program that knows the hidden subcommands.
    pub(super) fn program(&self) -> Option<&Path> {
        self.shared.program.as_deref()
    }

    fn send(&self, record: &Record) -> io::Result<()> {
        let Some(program) = &self.shared.program else { return Ok(()) };
        let mut process = self.shared.lock();
        if process.is_none() {
            if record.is_forget() {
                return Ok(());
            }
            *process = Some(Process::start(program, &self.shared.run)?);
        }
        let gone = || io::Error::new(io::ErrorKind::BrokenPipe, "the guard process is gone");
        let pipe = process.as_mut().and_then(|process| process.pipe.as_mut()).ok_or_else(gone)?;
        pipe.write_all(record.line()?.as_bytes()).map_err(|_| gone())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process {
    fn start(program: &Path, run: &str) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.arg(SUBCOMMAND).arg(run).env_clear().current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        system::detach(&mut command);
        let mut child = command.spawn()?;
        let pipe = child.stdin.take();
        Ok(Self { child, pipe })
    }
}

impl Drop for Process {
    /// Closes the pipe and waits until the guard has cleared what is left, which takes it a few seconds at most.
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.child.wait();
    }
}

/// Ends everything that carries this mark: children of a gateway that left its process group.
pub(super) fn kill_marked_as(mark: &str) {
    system::kill_marked(&format!("{MARK}={mark}"), false);
}
