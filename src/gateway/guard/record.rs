//! The records in the guard's pipe, one JSON object per line.

use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

/// One registration, or the removal of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Record {
    WatchDirectory(Vec<u8>),
    ForgetDirectory(Vec<u8>),
    WatchGroup {
        leader: u32,
        /// The start time of the leader, in the kernel's clock ticks. It distinguishes two processes that had the
        /// same id.
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

    /// The record as a line of JSON.
    pub(super) fn to_line(&self) -> io::Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }

    pub(super) fn path(bytes: Vec<u8>) -> PathBuf {
        super::system::path_from(bytes)
    }
}
