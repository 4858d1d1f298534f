//! Removes directories.

use super::system::make_removable;
use std::io;
use std::path::Path;

/// Removes a tree, even if a gateway still writes into it or a scenario has removed permissions.
pub(crate) fn remove(directory: &Path) {
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
    make_removable(directory);
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        unlock(&entry.path());
    }
}
