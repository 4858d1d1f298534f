//! The run's own corner of the disk. Nothing of a run is written anywhere else.

use super::guard::Guard;
use openclaw_emulator::store::SharedDocuments;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A file system in memory, where the system has one.
const MEMORY: &str = "/dev/shm";
/// What must be free there, in bytes: far more than the stores of all cases that are played at once.
const ROOM: u64 = 32 << 20;

/// One directory per run, removed when dropped, or by the guard when there is nobody left to drop it. Clones share it.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: Arc<Root>,
}

#[derive(Debug)]
struct Root {
    directory: PathBuf,
    guard: Guard,
    places: AtomicU64,
}

impl Workspace {
    /// Makes the run's directory under the system's temporary directory and registers it with the guard.
    ///
    /// # Errors
    /// When the directory cannot be made or the guard not started.
    pub fn new(guard: &Guard) -> io::Result<Self> {
        Self::within(&std::env::temp_dir(), guard)
    }

    /// The same in memory, where that can be had: for gateways whose state nobody but this run looks at. Making and
    /// removing small files takes a disk longer than all else that a case does in this process. Where `TMPDIR` is set, it
    /// is meant.
    ///
    /// # Errors
    /// When the directory cannot be made or the guard not started.
    pub fn in_memory(guard: &Guard) -> io::Result<Self> {
        if std::env::var_os("TMPDIR").is_none()
            && has_room(Path::new(MEMORY))
            && let Ok(workspace) = Self::within(Path::new(MEMORY), guard)
        {
            return Ok(workspace);
        }
        Self::new(guard)
    }

    fn within(parent: &Path, guard: &Guard) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("clawcheck-").tempdir_in(parent)?;
        guard.watch_directory(directory.path())?;
        let root = Root { directory: directory.keep(), guard: guard.clone(), places: AtomicU64::new(0) };
        Ok(Self { root: Arc::new(root) })
    }

    /// The run's directory.
    pub fn root(&self) -> &Path {
        &self.root.directory
    }

    /// The guard that watches over it.
    pub fn guard(&self) -> &Guard {
        &self.root.guard
    }

    /// A corner for one gateway: a HOME, a state directory and room for a configuration, all empty.
    ///
    /// # Errors
    /// When the directories cannot be made.
    pub fn sandbox(&self) -> io::Result<Sandbox> {
        let sandbox = Sandbox { directory: self.unused(), workspace: self.clone(), documents: None };
        std::fs::create_dir(&sandbox.directory)?;
        std::fs::create_dir(sandbox.state_dir())?;
        Ok(sandbox)
    }

    /// A corner for an embedded gateway of which nobody looks at a file: its store is in memory, and its directories have
    /// names and are not there.
    pub fn sandbox_in_memory(&self) -> Sandbox {
        Sandbox { directory: self.unused(), workspace: self.clone(), documents: Some(SharedDocuments::default()) }
    }

    fn unused(&self) -> PathBuf {
        let number = self.root.places.fetch_add(1, Ordering::Relaxed);
        self.root.directory.join(number.to_string())
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        remove(&self.directory);
        // What could not be removed stays with the guard, which tries again when we are gone.
        if self.directory.try_exists().is_ok_and(|there| !there) {
            self.guard.forget_directory(&self.directory);
        }
    }
}

/// Where one gateway lives through all its restarts. Removed when dropped.
#[derive(Debug)]
pub struct Sandbox {
    directory: PathBuf,
    workspace: Workspace,
    /// The store, where it is not in the state directory.
    documents: Option<SharedDocuments>,
}

impl Sandbox {
    /// The gateway's state directory.
    pub fn state_dir(&self) -> PathBuf {
        self.directory.join("state")
    }

    /// The gateway's store, where it is in memory.
    pub fn documents(&self) -> Option<&SharedDocuments> {
        self.documents.as_ref()
    }

    /// The gateway's HOME, made on demand: the embedded gateway needs none.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn home(&self) -> io::Result<PathBuf> {
        let home = self.directory.join("home");
        std::fs::create_dir_all(&home)?;
        Ok(home)
    }

    /// The gateway's temporary directory, made on demand.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn temp(&self) -> io::Result<PathBuf> {
        let temp = self.directory.join("tmp");
        std::fs::create_dir_all(&temp)?;
        Ok(temp)
    }

    /// The state directory of a gateway whose store commands convert. Not made.
    pub(crate) fn own_state_dir(&self) -> PathBuf {
        self.directory.join("own-state")
    }

    /// Removes everything from the state directory.
    ///
    /// # Errors
    /// When it cannot be removed or made again.
    pub(super) fn empty_state_dir(&self) -> io::Result<()> {
        remove(&self.state_dir());
        std::fs::create_dir(self.state_dir())
    }

    /// The gateway's configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.directory.join("openclaw.json")
    }

    /// The directory of all these; room for a second state directory.
    pub fn root(&self) -> &Path {
        &self.directory
    }

    /// The run's guard.
    pub fn guard(&self) -> &Guard {
        self.workspace.guard()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if self.documents.is_none() {
            remove(&self.directory);
        }
    }
}

fn has_room(directory: &Path) -> bool {
    nix::sys::statvfs::statvfs(directory)
        .is_ok_and(|file_system| file_system.blocks_available().saturating_mul(file_system.fragment_size()) >= ROOM)
}

/// Removes a tree that a gateway may still be writing into, and in which a scenario may have locked a directory.
pub(super) fn remove(directory: &Path) {
    for _ in 0..3 {
        match std::fs::remove_dir_all(directory) {
            Ok(()) => return,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(_) => unlock(directory),
        }
    }
}

fn unlock(directory: &Path) {
    let Ok(metadata) = std::fs::symlink_metadata(directory) else { return };
    if !metadata.is_dir() {
        return;
    }
    super::guard::make_removable(directory);
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        unlock(&entry.path());
    }
}
