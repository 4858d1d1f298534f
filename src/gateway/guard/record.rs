//! What goes through the guard's pipe: one JSON object per line.

use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

/// One thing to know or to forget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Record {
    WatchDirectory(Vec<u8>),
    ForgetDirectory(Vec<u8>),
    WatchGroup {
        leader: u32,
        /// When the leader started, in the kernel's clock ticks: a process id that was given out again has another one.
        started: Option<u64>,
    },
    ForgetGroup {
        leader: u32,
    },
}

impl Record {
    pub(super) fn watch_directory(path: &Path) -> Self {
        Self::WatchDirectory(super::system::path_bytes(path))
    }

    pub(super) fn forget_directory(path: &Path) -> Self {
        Self::ForgetDirectory(super::system::path_bytes(path))
    }

    pub(super) fn is_forget(&self) -> bool {
        matches!(self, Self::ForgetDirectory(_) | Self::ForgetGroup { .. })
    }

    pub(super) fn line(&self) -> io::Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }

    pub(super) fn path(bytes: Vec<u8>) -> PathBuf {
        super::system::path_from(bytes)
    }
}
