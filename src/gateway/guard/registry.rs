//! What is registered, and clearing it.

use super::record::Record;
use super::system;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often what would not go is tried again, and how long the processes get to die in between: 3 s in all.
const ROUNDS: u32 = 60;
const PAUSE: Duration = Duration::from_millis(50);

/// What the guard would have to clear.
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

    /// Ends the groups and whatever else carries the run's mark, then removes the directories.
    pub(super) fn clear(&self, mark: &str) {
        for (leader, started) in &self.groups {
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
            // A killed process still holds its files for a moment, and nothing tells a stranger when it is gone.
            std::thread::sleep(PAUSE);
        }
    }
}

/// A safety belt: a guard that is told nonsense removes nothing that is not clawcheck's.
fn removable(path: &Path) -> bool {
    let ours = path.file_name().is_some_and(|name| name.to_string_lossy().contains("clawcheck"));
    ours && path.is_absolute() && path.components().count() > 2
}

fn removed(path: &Path) -> bool {
    crate::gateway::workspace::remove(path);
    !path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_what_is_registered_and_nothing_else() {
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
