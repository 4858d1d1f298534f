//! The registrations of a run, and the cleanup.

use super::record::Record;
use super::system;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The number of attempts to end a process or remove a directory, and the pause between two attempts. Together they
/// last 3 s.
const ROUNDS: u32 = 60;
const PAUSE: Duration = Duration::from_millis(50);

/// The processes and directories that the guard would have to clean up.
#[derive(Debug, Default)]
pub(super) struct Registry {
    directories: BTreeSet<PathBuf>,
    groups: BTreeMap<u32, Option<u64>>,
}

impl Registry {
    pub(super) fn apply(&mut self, record: Record) {
        match record {
            Record::WatchDirectory(path) => {
                let path = Record::path(path);
                if removable(&path) {
                    self.directories.insert(path);
                }
            }
            Record::ForgetDirectory(path) => {
                self.directories.remove(&Record::path(path));
            }
            Record::WatchGroup { leader, started } => {
                self.groups.insert(leader, started);
            }
            Record::ForgetGroup { leader } => {
                self.groups.remove(&leader);
            }
        }
    }

    /// Ends the registered groups and every process with the run's mark. Then removes the directories.
    pub(super) fn clear(&self, mark: &str) {
        for (leader, started) in &self.groups {
            // Another start time means that the id was reused by an unrelated process.
            if system::start_time(*leader).is_none_or(|now| started.is_none_or(|then| then == now)) {
                system::kill_group(*leader);
            }
        }
        for _ in 0..ROUNDS {
            let killed = system::kill_marked(mark, true);
            let left = self.directories.iter().filter(|path| !removed(path)).count();
            if killed == 0 && left == 0 {
                return;
            }
            // A killed process still holds its files for a moment. The guard gets no event when a process that is not
            // its child has ended.
            std::thread::sleep(PAUSE);
        }
    }
}

/// A safety check: the guard removes only directories of clawcheck, even if a record is wrong.
fn removable(path: &Path) -> bool {
    let ours = path.file_name().is_some_and(|name| name.to_string_lossy().contains("clawcheck"));
    ours && path.is_absolute() && path.components().count() > 2
}

fn removed(path: &Path) -> bool {
    super::remove::remove(path);
    !path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_only_registered_paths() {
        let temp = tempfile::Builder::new().prefix("outer-").tempdir().unwrap();
        let path = |name: &str| {
            let path = temp.path().join(name);
            std::fs::create_dir_all(path.join("inner")).unwrap();
            path
        };
        let (ours, forgotten, foreign) = (path("clawcheck-a"), path("clawcheck-b"), path("home"));
        let mut registry = Registry::default();
        for directory in [&ours, &forgotten, &foreign] {
            registry.apply(Record::watch_directory(directory));
        }
        registry.apply(Record::watch_directory(Path::new("clawcheck-relative")));
        registry.apply(Record::forget_directory(&forgotten));
        registry.clear("CLAWCHECK_RUN=no-such-run.");
        assert!(!ours.exists() && forgotten.exists() && foreign.exists());
    }
}
