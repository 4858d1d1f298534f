//! Why a process could not be started.

use crate::gateway::launch::LaunchError;
use crate::machine;
use std::io;
use std::path::Path;

pub(super) fn harness(what: &str, error: &io::Error) -> LaunchError {
    let why = machine::shortage(error).map_or_else(|| error.to_string(), str::to_owned);
    LaunchError::Harness(format!("{what}: {why}"))
}

/// Whether a command exists: a path, or a name in a folder of PATH that this user can read.
fn is_there(command: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.contains('/') || std::env::split_paths(&path).any(|folder| folder.join(command).exists())
}

pub(super) fn cannot_start(command: &str, error: &io::Error) -> LaunchError {
    let command = command.to_owned();
    if let Some(why) = machine::shortage(error) {
        return LaunchError::Harness(why.to_owned());
    }
    match error.kind() {
        // The system reports the same error for a script whose interpreter is missing.
        io::ErrorKind::NotFound if Path::new(&command).exists() => {
            let reason = "the interpreter in its first line (`#!`) does not exist".to_owned();
            LaunchError::CannotRun { command, reason }
        }
        io::ErrorKind::NotFound => LaunchError::CommandNotFound { command },
        // The system also reports this error for a name that is in no folder of PATH, if this user cannot read one of
        // the folders.
        io::ErrorKind::PermissionDenied if !is_there(&command) => LaunchError::CommandNotFound { command },
        io::ErrorKind::WouldBlock => {
            let why = "the user cannot start more processes (EAGAIN); raise `ulimit -u` or lower --jobs";
            LaunchError::Harness(why.to_owned())
        }
        // The error has nothing to do with the command.
        io::ErrorKind::Other | io::ErrorKind::Unsupported => LaunchError::Harness(error.to_string()),
        io::ErrorKind::PermissionDenied => {
            let reason = format!("{error}; is it an executable file (chmod +x)?");
            LaunchError::CannotRun { command, reason }
        }
        _ => LaunchError::CannotRun { command, reason: error.to_string() },
    }
}
