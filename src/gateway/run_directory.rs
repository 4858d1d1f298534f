//! The directory of a run. A run writes its temporary files only there.

use super::guard::{Guard, Readers, remove};
use crate::no_follow::NoFollowDir;
use openclaw_emulator::store::SharedDocuments;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The name of [`Sandbox::own_state_dir`].
const OWN_STATE: &str = "own-state";
/// A file system in memory, if the system has one.
const MEMORY: &str = "/dev/shm";
/// The free space that it must have, in bytes. This is far more than the stores of all cases that run at the same
/// time need.
const MIN_FREE_BYTES: u64 = 32 << 20;

/// The directory of a run. A drop removes it, or the guard does if clawcheck was killed. Clones share it.
#[derive(Debug, Clone)]
pub struct RunDirectory {
    root: Arc<Root>,
}

#[derive(Debug)]
struct Root {
    directory: PathBuf,
    guard: Guard,
    places: AtomicU64,
}

impl RunDirectory {
    /// Creates the run's directory in the system's temporary directory and registers it with the guard.
    ///
    /// # Errors
    /// Returns an error if the directory cannot be created or the guard cannot be started.
    pub fn new(guard: &Guard) -> io::Result<Self> {
        Self::within(&std::env::temp_dir(), guard)
    }

    /// Creates the directory in memory if possible. This is for gateways whose files no other program reads. On a
    /// disk, creating and removing small files takes longer than all other work of a case in this process. If
    /// `TMPDIR` is set, the directory is created there.
    ///
    /// # Errors
    /// Returns an error if the directory cannot be created or the guard cannot be started.
    pub fn in_memory(guard: &Guard) -> io::Result<Self> {
        if std::env::var_os("TMPDIR").is_none()
            && has_room(Path::new(MEMORY))
            && let Ok(run_directory) = Self::within(Path::new(MEMORY), guard)
        {
            return Ok(run_directory);
        }
        Self::new(guard)
    }

    fn within(parent: &Path, guard: &Guard) -> io::Result<Self> {
        let directory = guard.create_directory(parent, "clawcheck-", Readers::Owner)?;
        let root = Root { directory, guard: guard.clone(), places: AtomicU64::new(0) };
        Ok(Self { root: Arc::new(root) })
    }

    /// The run's directory.
    pub fn root(&self) -> &Path {
        &self.root.directory
    }

    /// The guard that cleans up after the run.
    pub fn guard(&self) -> &Guard {
        &self.root.guard
    }

    /// Creates the directories of one gateway: an empty HOME, an empty state directory, and a place for a
    /// configuration.
    ///
    /// # Errors
    /// Returns an error if the directories cannot be created.
    pub fn sandbox(&self) -> io::Result<Sandbox> {
        let sandbox = Sandbox { directory: self.unused(), run_directory: self.clone(), documents: None };
        std::fs::create_dir(&sandbox.directory)?;
        std::fs::create_dir(sandbox.state_dir())?;
        Ok(sandbox)
    }

    /// Returns the directories of an embedded gateway whose files are never read. Its store is in memory, and the
    /// directories are not created.
    pub fn sandbox_in_memory(&self) -> Sandbox {
        Sandbox { directory: self.unused(), run_directory: self.clone(), documents: Some(SharedDocuments::default()) }
    }

    fn unused(&self) -> PathBuf {
        let number = self.root.places.fetch_add(1, Ordering::Relaxed);
        self.root.directory.join(number.to_string())
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        remove(&self.directory);
        // If the removal fails, the directory stays registered with the guard, which tries again after the run.
        if self.directory.try_exists().is_ok_and(|there| !there) {
            self.guard.forget_directory(&self.directory);
        }
    }
}

/// The directories of one gateway, through all its restarts. A drop removes them.
#[derive(Debug)]
pub struct Sandbox {
    directory: PathBuf,
    run_directory: RunDirectory,
    /// The store, if it is not in the state directory.
    documents: Option<SharedDocuments>,
}

impl Sandbox {
    /// The gateway's state directory.
    pub fn state_dir(&self) -> PathBuf {
        self.directory.join("state")
    }

    /// The gateway's store, if it is in memory.
    pub fn documents(&self) -> Option<&SharedDocuments> {
        self.documents.as_ref()
    }

    /// The gateway's HOME. It is created on demand, because the embedded gateway needs none.
    ///
    /// # Errors
    /// Returns an error if the directory cannot be created, or if its path is a link.
    pub fn home(&self) -> io::Result<PathBuf> {
        self.create("home")
    }

    /// The gateway's directory for temporary files. It is created on demand.
    ///
    /// # Errors
    /// Returns an error if the directory cannot be created, or if its path is a link.
    pub fn temp(&self) -> io::Result<PathBuf> {
        self.create("tmp")
    }

    /// Creates a directory in the sandbox. Does not follow a link that an earlier gateway process put in its place.
    fn create(&self, name: &str) -> io::Result<PathBuf> {
        NoFollowDir::open(&self.directory)?.make_directory(Path::new(name))?;
        Ok(self.directory.join(name))
    }

    /// The state directory of a gateway whose store commands convert. It may not exist.
    pub(crate) fn own_state_dir(&self) -> PathBuf {
        self.directory.join(OWN_STATE)
    }

    /// The HOME directory, which is created on demand.
    ///
    /// # Errors
    /// Returns an error if the directory cannot be created, or if its path is a link.
    pub(super) fn make_own_state_dir(&self) -> io::Result<PathBuf> {
        self.create(OWN_STATE)
    }

    /// Removes everything from the state directory.
    ///
    /// # Errors
    /// Returns an error if the directory cannot be removed or created again.
    pub(super) fn empty_state_dir(&self) -> io::Result<()> {
        remove(&self.state_dir());
        std::fs::create_dir(self.state_dir())
    }

    /// The gateway's configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.directory.join("openclaw.json")
    }

    /// The parent of these directories. It can contain a second state directory.
    pub fn root(&self) -> &Path {
        &self.directory
    }

    /// The run's guard.
    pub fn guard(&self) -> &Guard {
        self.run_directory.guard()
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
    nix::sys::statvfs::statvfs(directory).is_ok_and(|file_system| {
        file_system.blocks_available().saturating_mul(file_system.fragment_size()) >= MIN_FREE_BYTES
    })
}
