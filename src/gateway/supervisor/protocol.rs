//! The messages between clawcheck and a supervisor, one JSON object per line.

use crate::gateway::launch::Exit;
use serde::{Deserialize, Serialize};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

/// A message of clawcheck.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Request {
    /// Start this command. The first message, sent once.
    Start(SpawnRequest),
    /// Send SIGTERM to the command.
    Terminate,
}

/// A command to start. It is not in the supervisor's arguments or environment, because every user of the machine can
/// read the arguments, and the variables would affect the supervisor itself.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::gateway) struct SpawnRequest {
    pub(in crate::gateway) command: OsText,
    pub(in crate::gateway) arguments: Vec<OsText>,
    /// The complete environment.
    pub(in crate::gateway) environment: Vec<(OsText, OsText)>,
    pub(in crate::gateway) directory: OsText,
    /// The soft limit of open descriptors (RLIMIT_NOFILE). clawcheck's own limit is higher.
    pub(in crate::gateway) descriptors: Option<u64>,
}

/// A text of the operating system, which does not have to be UTF-8.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(in crate::gateway) struct OsText(Vec<u8>);

impl<T: AsRef<OsStr>> From<T> for OsText {
    fn from(text: T) -> Self {
        Self(text.as_ref().as_bytes().to_vec())
    }
}

impl From<OsText> for OsString {
    fn from(text: OsText) -> Self {
        Self::from_vec(text.0)
    }
}

/// A message of a supervisor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Report {
    /// The command runs.
    Started {
        /// The process id. It is also the id of the process group.
        process: u32,
    },
    /// The command cannot be started.
    Failed {
        /// The error number of the system.
        errno: i32,
    },
    /// The command's process has ended.
    Ended {
        exit: Status,
        /// Whether a descendant still runs.
        left: bool,
    },
    /// The last descendant has ended.
    AllEnded { exit: Status },
}

/// The exit status of a process.
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
    /// The request as a line of JSON.
    pub(super) fn to_line(&self) -> io::Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }
}

impl Report {
    /// The report as a line of JSON.
    pub(super) fn to_line(&self) -> io::Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }
}
