//! What goes through the socket between clawcheck and a supervisor: one JSON object per line.

use crate::gateway::launch::Exit;
use serde::{Deserialize, Serialize};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

/// What clawcheck says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Request {
    /// Start this. Said once, and first.
    Start(SpawnRequest),
    /// Send SIGTERM to it.
    Terminate,
}

/// A command to start. Nothing of it is in the supervisor's own arguments or environment: those can be seen by every user of
/// the machine, and would change how the supervisor itself runs.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::gateway) struct SpawnRequest {
    pub(in crate::gateway) command: Text,
    pub(in crate::gateway) arguments: Vec<Text>,
    /// All of it.
    pub(in crate::gateway) environment: Vec<(Text, Text)>,
    pub(in crate::gateway) directory: Text,
    /// How many descriptors it may open unless it asks for more (the soft RLIMIT_NOFILE); clawcheck's own is higher.
    pub(in crate::gateway) descriptors: Option<u64>,
}

/// A text of the operating system, which need not be UTF-8.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(in crate::gateway) struct Text(Vec<u8>);

impl<T: AsRef<OsStr>> From<T> for Text {
    fn from(text: T) -> Self {
        Self(text.as_ref().as_bytes().to_vec())
    }
}

impl From<Text> for OsString {
    fn from(text: Text) -> Self {
        Self::from_vec(text.0)
    }
}

/// What a supervisor says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Report {
    /// The command runs as this process.
    Started {
        /// Its number; it leads a group of the same number.
        process: u32,
    },
    /// The command cannot be started.
    Failed {
        /// The system's error.
        errno: i32,
    },
    /// The command's process ended.
    Ended {
        exit: Status,
        /// Whether something that it started still runs.
        left: bool,
    },
    /// The last process that the command had left ended.
    AllEnded { exit: Status },
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Status {
    pub(super) code: Option<i32>,
    pub(super) signal: Option<i32>,
}

impl From<Status> for Exit {
    fn from(status: Status) -> Self {
        Self { code: status.code, signal: status.signal }
    }
}

impl Request {
    pub(super) fn line(&self) -> io::Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }
}

impl Report {
    pub(super) fn line(&self) -> io::Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }
}
