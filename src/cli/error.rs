//! How a command ends when it cannot do what it was asked.

use super::exit;
use super::snapshots;
use super::terminal::console;
use crate::gateway::{PrepareError, SchemaError};
use crate::run::RunError;
use miette::{MietteHandlerOpts, Report, ReportHandler};
use std::fmt;
use std::io::{self, Write as _};

/// What went wrong and the exit code it deserves.
#[derive(Debug)]
pub(crate) struct CommandError {
    code: u8,
    /// Absent where there is nobody left to read it: the pipe that we printed into is closed.
    report: Option<Report>,
}

impl CommandError {
    /// The user's part is wrong: arguments, a scenario, a configuration file. Ends with [`exit::USAGE`].
    pub(crate) fn usage(report: impl Into<Report>) -> Self {
        Self { code: exit::USAGE, report: Some(report.into()) }
    }

    /// A gateway or the harness could not do its part. Ends with [`exit::FAILED`].
    pub(crate) fn failed(report: impl Into<Report>) -> Self {
        Self { code: exit::FAILED, report: Some(report.into()) }
    }

    /// The same with this message.
    pub(crate) fn message(text: &str) -> Self {
        Self::failed(Report::msg(text.to_owned()))
    }

    /// What we stand in for refuses to do it, and ends with a code of its own.
    pub(crate) fn refused(code: u8, report: impl Into<Report>) -> Self {
        Self { code, report: Some(report.into()) }
    }

    /// Nothing to do. Ends with [`exit::NOTHING_PLAYED`].
    pub(crate) fn nothing_selected(report: impl Into<Report>) -> Self {
        Self { code: exit::NOTHING_PLAYED, report: Some(report.into()) }
    }

    /// Writing the command's own output failed. A reader that has left (`clawcheck list | head`) is no failure and
    /// nothing is said; anything else is a fault.
    pub(crate) fn output(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { code: exit::OK, report: None };
        }
        Self::failed(Report::msg(format!("cannot write the output: {error}")))
    }

    /// Prints the failure to standard error, with the source under a caret where there is one; gives the exit code.
    pub(crate) fn report(self) -> u8 {
        if let Some(report) = self.report {
            let plain = Plain(&report).to_string();
            let sanitize = console::sanitize(&plain);
            // Colours only where nothing had to be taken out: they would hide a secret from the search for it.
            let text = if sanitize == plain { format!("{report:?}") } else { sanitize };
            // Standard error may be closed too; the exit code is then all that is left to say.
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
        match error {
            RunError::Token => Self::failed(miette::miette!(
                help = "set CLAWCHECK_TOKEN to the token of the gateway (gateway.auth.token, OPENCLAW_GATEWAY_TOKEN)",
                "{error}"
            )),
            RunError::Library(error) => Self::failed(snapshots::report(error)),
            other => Self::message(&other.to_string()),
        }
    }
}

/// A report without colours.
struct Plain<'a>(&'a Report);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        MietteHandlerOpts::new().color(false).build().debug(&**self.0, f)
    }
}

/// Prints what is wrong with the arguments, or the help that was asked for; gives the exit code.
pub(super) fn wrong_arguments(error: &clap::Error) -> u8 {
    let plain = error.render().to_string();
    let sanitize = console::sanitize(&plain);
    // Whoever is to read it may have left.
    let _ = if sanitize == plain { error.print() } else { console::stderr().write_all(sanitize.as_bytes()) };
    if error.use_stderr() { exit::USAGE } else { exit::OK }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_left_is_quiet_and_no_failure() {
        let error = CommandError::output(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(error.report.is_none());
        assert_eq!(error.code, exit::OK);
    }

    #[test]
    fn a_full_disk_is_a_fault() {
        let error = CommandError::output(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(error.code, exit::FAILED);
        assert!(error.report.is_some());
    }
}
