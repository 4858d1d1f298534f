//! Cleans up after the run, however the run ends. A second process, the guard, outlives clawcheck and does the work.
//!
//! The guard is clawcheck itself, started as `clawcheck __guard` when the run registers its first process or
//! directory. The guard has its own process group, so Ctrl-C does not reach it. It holds the read end of a pipe. The
//! run registers process groups and directories through the pipe, and removes the registration through the same pipe.
//! The pipe closes when clawcheck ends, even after a `kill -9`. The guard then ends the registered groups, removes
//! the registered directories, and exits.

mod record;
mod registry;
mod remove;
mod serve;
mod system;

pub(super) use remove::remove;
pub(crate) use serve::serve_if_asked;

use crate::locked::locked;
use record::Record;
use std::fs::DirBuilder;
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// The hidden subcommand that the guard process runs.
const SUBCOMMAND: &str = "__guard";
/// The environment variable that marks every process of a run. It finds processes that have left their process group
/// or session.
pub(super) const MARK: &str = "CLAWCHECK_RUN";
/// The number of random characters in the name of a directory. A directory of another run never has the same name.
const NAME_LENGTH: usize = 12;

/// Who can read a directory that the guard creates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Only the user who runs clawcheck: the directory contains keys and tokens.
    Owner,
    /// Whoever the umask allows: the directory contains public packages.
    Umask,
}

impl Readers {
    fn mode(self) -> u32 {
        match self {
            Self::Owner => 0o700,
            Self::Umask => 0o777,
        }
    }
}

/// The run's guard. Clones share it. The process starts with the first registration.
#[derive(Debug, Clone)]
pub struct Guard {
    shared: Arc<GuardState>,
}

#[derive(Debug)]
struct GuardState {
    /// The program that accepts [`SUBCOMMAND`]. `None`: the run has no guard process.
    program: Option<PathBuf>,
    /// A value that is unique to the run.
    run: String,
    launches: AtomicU64,
    process: Mutex<Option<Process>>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    /// `None` once the guard is ending.
    pipe: Option<ChildStdin>,
}

impl Default for Guard {
    fn default() -> Self {
        Self::of_this_program()
    }
}

impl Guard {
    /// Creates a guard that runs this program again. `main` must call `serve_if_asked` first.
    pub fn of_this_program() -> Self {
        // A new build may have replaced the file. The link still leads to the program that runs.
        let link = Path::new("/proc/self/exe");
        let program = if link.exists() { Some(link.to_owned()) } else { std::env::current_exe().ok() };
        Self::new(program)
    }

    /// Creates a guard that runs this clawcheck binary.
    pub fn of_program(program: PathBuf) -> Self {
        Self::new(Some(program))
    }

    /// Creates a guard without a process. A drop clears what is registered, but a `kill -9` leaves it. Such a run
    /// cannot spawn gateways. This is for tests of this library, whose test program is not clawcheck.
    pub fn absent() -> Self {
        Self::new(None)
    }

    fn new(program: Option<PathBuf>) -> Self {
        // Two runs cannot have the same time and the same process id.
        let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        let run = format!("{:x}-{:x}", std::process::id(), since.as_nanos());
        let shared = GuardState { program, run, launches: AtomicU64::new(0), process: Mutex::new(None) };
        Self { shared: Arc::new(shared) }
    }

    /// Creates a directory with an unused name in `parent`, and returns its absolute path. The prefix must contain
    /// `clawcheck`: the guard removes nothing else.
    ///
    /// The path is registered before the directory exists. Otherwise, a `kill -9` between the two steps would leave the
    /// directory behind.
    ///
    /// # Errors
    /// Returns an error if the guard cannot be started or has ended, or if the directory cannot be created.
    pub fn create_directory(&self, parent: &Path, prefix: &str, readers: Readers) -> io::Result<PathBuf> {
        let created = tempfile::Builder::new().prefix(prefix).rand_bytes(NAME_LENGTH).make_in(parent, |path| {
            self.send(&Record::watch_directory(path))?;
            let created = DirBuilder::new().mode(readers.mode()).create(path);
            created.inspect_err(|_| self.forget_directory(path)).map_err(|error| at_path(&error, path))
        })?;
        // `keep` changes nothing on Unix. Without it, a drop would try to remove the path as a file.
        Ok(created.into_temp_path().keep()?)
    }

    /// Removes the registration of a directory that was removed or that the user keeps.
    pub fn forget_directory(&self, directory: &Path) {
        // A guard that has ended has no registrations, so the error is ignored.
        let _ = self.send(&Record::forget_directory(directory));
    }

    /// Registers the process group that a child leads.
    pub(super) fn watch_group(&self, leader: u32) -> io::Result<()> {
        self.send(&Record::WatchGroup { leader, started: system::start_time(leader) })
    }

    /// Removes the registration of a process group that has ended.
    pub(super) fn forget_group(&self, leader: u32) {
        let _ = self.send(&Record::ForgetGroup { leader });
    }

    /// Returns a value of [`MARK`] for one child. Each call returns another value.
    pub(super) fn mark(&self) -> String {
        let number = self.shared.launches.fetch_add(1, Ordering::Relaxed);
        format!("{}.{number}", self.shared.run)
    }

    /// Returns the program that accepts the hidden subcommands.
    pub(super) fn program(&self) -> Option<&Path> {
        self.shared.program.as_deref()
    }

    fn send(&self, record: &Record) -> io::Result<()> {
        let Some(program) = &self.shared.program else { return Ok(()) };
        let mut process = self.shared.lock();
        if process.is_none() {
            // Nothing was registered, so there is nothing to forget, and no guard is needed.
            if record.is_forget() {
                return Ok(());
            }
            *process = Some(Process::start(program, &self.shared.run)?);
        }
        let gone = || io::Error::new(io::ErrorKind::BrokenPipe, "the guard process is gone");
        let pipe = process.as_mut().and_then(|process| process.pipe.as_mut()).ok_or_else(gone)?;
        pipe.write_all(record.to_line()?.as_bytes()).map_err(|_| gone())
    }
}

/// The error of a directory that cannot be created, with its path. The kind is kept.
fn at_path(error: &io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{error} at path {path:?}"))
}

impl GuardState {
    fn lock(&self) -> MutexGuard<'_, Option<Process>> {
        locked(&self.process)
    }
}

impl Process {
    fn start(program: &Path, run: &str) -> io::Result<Self> {
        let mut command = Command::new(program);
        // The guard outlives the run, so it must not keep a directory of the run busy or hold its output pipes open.
        command.arg(SUBCOMMAND).arg(run).env_clear().current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        system::detach(&mut command);
        let mut child = command.spawn()?;
        let pipe = child.stdin.take();
        Ok(Self { child, pipe })
    }
}

impl Drop for Process {
    /// Closes the pipe and waits until the guard has cleaned up, which takes a few seconds at most.
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.child.wait();
    }
}

/// Ends every process with this mark: the descendants of a gateway that have left its process group.
pub(super) fn kill_marked_as(mark: &str) {
    system::kill_marked(&format!("{MARK}={mark}"), false);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    /// A guard process that writes the records to a file.
    fn recording(folder: &Path) -> (Guard, PathBuf) {
        let (program, records) = (folder.join("guard"), folder.join("records"));
        fs::write(&program, format!("#!/bin/sh\ncat >'{}'\n", records.display())).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        (Guard::of_program(program), records)
    }

    #[test]
    fn registers_directory_before_creation() {
        let folder = tempfile::tempdir().unwrap();
        let (guard, records) = recording(folder.path());
        guard.create_directory(&folder.path().join("missing"), "clawcheck-", Readers::Owner).unwrap_err();
        drop(guard);
        let records = fs::read_to_string(records).unwrap();
        let kinds: Vec<&str> = records.lines().map(|line| line.split('"').nth(1).unwrap()).collect();
        assert_eq!(kinds, ["watch_directory", "forget_directory"]);
    }

    #[test]
    fn readers_of_created_directory() {
        let folder = tempfile::tempdir().unwrap();
        // What the umask of this process leaves.
        fs::create_dir(folder.path().join("plain")).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let create = |readers| Guard::absent().create_directory(folder.path(), "clawcheck-", readers).unwrap();
        let (private, shared) = (create(Readers::Owner), create(Readers::Umask));
        assert_eq!(mode(&private), 0o700);
        assert_eq!(mode(&shared), mode(&folder.path().join("plain")));
        assert_eq!(private.parent(), Some(folder.path()));
    }
}
