//! The errors that end a command, and their exit codes.

use super::exit;
use super::terminal::console;
use crate::gateway::{PrepareError, SchemaError};
use crate::gateway_files::{USUAL_PLACE, is_state_directory, not_a_state_directory};
use crate::observe::snapshot::LibraryError;
use crate::run::RunError;
use miette::{Report, ReportHandler};
use nix::unistd::{AccessFlags, access};
use std::fmt;
use std::io::{self, Write as _};
use std::path::Path;
use untrusted_data::disk;

/// An error and its exit code.
#[derive(Debug)]
pub(crate) struct CommandError {
    code: u8,
    /// The error report. `None` if nobody can read it, because the output pipe is closed.
    report: Option<Report>,
}

impl CommandError {
    /// The input is invalid: arguments, a scenario, a configuration file or an environment variable. The exit code is
    /// [`exit::USAGE`].
    pub(crate) fn usage(report: impl Into<Report>) -> Self {
        Self { code: exit::USAGE, report: Some(report.into()) }
    }

    /// A gateway or the harness failed. The exit code is [`exit::FAILED`].
    pub(crate) fn failed(report: impl Into<Report>) -> Self {
        Self { code: exit::FAILED, report: Some(report.into()) }
    }

    /// A file or folder that the user named cannot be used. The user has to name another one, unless the disk is full.
    pub(crate) fn of_file(kind: io::ErrorKind, report: impl Into<Report>) -> Self {
        if disk::is_full(kind) { Self::failed(report) } else { Self::usage(report) }
    }

    /// As [`Self::failed`], with this message.
    pub(crate) fn message(text: &str) -> Self {
        Self::failed(Report::msg(text.to_owned()))
    }

    /// The emulated program refuses the operation and exits with its own code.
    pub(crate) fn refused(code: u8, report: impl Into<Report>) -> Self {
        Self { code, report: Some(report.into()) }
    }

    /// No case is selected. The exit code is [`exit::NOTHING_PLAYED`].
    pub(crate) fn nothing_selected(report: impl Into<Report>) -> Self {
        Self { code: exit::NOTHING_PLAYED, report: Some(report.into()) }
    }

    /// The output of the command could not be written. If the reader has exited (`clawcheck list | head`), this is not
    /// an error and nothing is printed. Everything else is an error.
    pub(crate) fn output(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { code: exit::OK, report: None };
        }
        Self::failed(Report::msg(format!("cannot write to standard output: {error}")))
    }

    /// Prints the error to standard error, with the source line and a caret if available. Returns the exit code.
    pub(crate) fn report(self) -> u8 {
        if let Some(report) = self.report {
            let plain = PlainReport(&report).to_string();
            let sanitize = console::sanitize(&plain);
            // Use colours only if nothing was redacted, because colour codes could hide a secret from the search.
            let text = if sanitize == plain { format!("{report:?}") } else { sanitize };
            // If standard error is closed too, the exit code is the only remaining output.
            let _ = writeln!(console::stderr(), "{text}");
        }
        self.code
    }
}

impl From<PrepareError> for CommandError {
    fn from(error: PrepareError) -> Self {
        if error.is_usage() { Self::usage(error) } else { Self::failed(error) }
    }
}

impl From<SchemaError> for CommandError {
    fn from(error: SchemaError) -> Self {
        if error.is_usage() { Self::usage(error) } else { Self::failed(error) }
    }
}

impl From<RunError> for CommandError {
    fn from(error: RunError) -> Self {
        let message = error.to_string();
        match error {
            RunError::Token => Self::usage(miette::miette!(
                help = "set CLAWCHECK_TOKEN to the token of the gateway (gateway.auth.token, OPENCLAW_GATEWAY_TOKEN)",
                "{message}"
            )),
            RunError::OtherStore { directory, .. } => Self::usage(miette::miette!(
                help = format!(
                    "{}, or omit --state-dir: clawcheck then does not compare the store",
                    if is_state_directory(&directory) {
                        format!("pass that of the gateway: {USUAL_PLACE}")
                    } else {
                        not_a_state_directory(&directory).1
                    }
                ),
                "{message}"
            )),
            RunError::UnreadableStore(path) => Self::usage(miette::miette!(
                help = format!("{}, or omit --state-dir", advice_for_unreadable(&path)),
                "{message}"
            )),
            RunError::Library(error) => error.into(),
            _ => Self::message(&message),
        }
    }
}

/// What to do about a file or folder of a store that cannot be read: this user may not open it, or its contents are damaged.
fn advice_for_unreadable(path: &Path) -> &'static str {
    match access(path, AccessFlags::R_OK) {
        Err(_) => "run clawcheck as the user who runs the gateway",
        Ok(()) => "check the directory with `clawcheck doctor`",
    }
}

impl From<LibraryError> for CommandError {
    fn from(error: LibraryError) -> Self {
        match &error {
            LibraryError::Read { source, .. } | LibraryError::Write { source, .. } => {
                Self::of_file(source.kind(), library_report(&error))
            }
            _ => Self::usage(library_report(&error)),
        }
    }
}

/// Adds advice to an error of the library.
fn library_report(error: &LibraryError) -> miette::Report {
    let help = match error {
        LibraryError::Write { .. } | LibraryError::Read { .. } => Some("name another folder with --snapshots"),
        LibraryError::File { .. } | LibraryError::Snapshot { .. } => {
            Some("correct the file, or remove it and run again")
        }
        LibraryError::Name { .. } | LibraryError::BuiltIn | LibraryError::Frozen => None,
    };
    match help {
        Some(help) => miette::miette!(help = help, "{error}"),
        None => miette::Report::msg(error.to_string()),
    }
}

/// A report without colours.
struct PlainReport<'a>(&'a Report);

impl fmt::Display for PlainReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        console::error_reports().color(false).build().debug(&**self.0, f)
    }
}

/// Prints the error in the arguments, or the requested help. Returns the exit code.
pub(super) fn wrong_arguments(error: &clap::Error) -> u8 {
    let plain = error.render().to_string();
    let sanitize = console::sanitize(&plain);
    // The reader of the output may have exited.
    let _ = if sanitize == plain { error.print() } else { console::stderr().write_all(sanitize.as_bytes()) };
    if error.use_stderr() { exit::USAGE } else { exit::OK }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openclaw_emulator::program::ProgramError;
    use rstest::rstest;
    use std::path::PathBuf;

    /// `serve` and the commands that write files follow one rule.
    #[rstest]
    #[case::full(io::ErrorKind::StorageFull, exit::FAILED)]
    #[case::quota(io::ErrorKind::QuotaExceeded, exit::FAILED)]
    #[case::protected(io::ErrorKind::PermissionDenied, exit::USAGE)]
    #[case::other(io::ErrorKind::Other, exit::USAGE)]
    fn only_full_disk_is_no_usage_error(#[case] kind: io::ErrorKind, #[case] code: u8) {
        assert_eq!(CommandError::of_file(kind, Report::msg("cannot write")).code, code);
        let (path, error) = (PathBuf::from("state"), io::Error::from(kind));
        let state_dir = ProgramError::StateDir { path: path.clone(), error };
        let token = ProgramError::TokenNotSaved { path, error: io::Error::from(kind) };
        assert_eq!([state_dir.is_usage(), token.is_usage()], [code == exit::USAGE; 2]);
    }

    #[test]
    fn broken_pipe_is_not_an_error() {
        let error = CommandError::output(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(error.report.is_none());
        assert_eq!(error.code, exit::OK);
    }

    #[test]
    fn full_disk_is_an_error() {
        let error = CommandError::output(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(error.code, exit::FAILED);
        assert!(error.report.is_some());
    }
}
