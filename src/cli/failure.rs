//! How a command ends when it cannot do what it was asked.

use super::exit;
use super::terminal::console;
use miette::{MietteHandlerOpts, Report, ReportHandler};
use std::fmt;
use std::io::{self, Write as _};

/// What went wrong and the exit code it deserves.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    /// Absent where there is nobody left to read it: the pipe that we printed into is closed.
    report: Option<Report>,
}

impl Failure {
    /// The user's part is wrong: arguments, a scenario, a configuration file. Ends with [`exit::USAGE`].
    pub fn usage(report: impl Into<Report>) -> Self {
        Self { code: exit::USAGE, report: Some(report.into()) }
    }

    /// A gateway or the harness could not do its part. Ends with [`exit::FAULT`].
    pub fn fault(report: impl Into<Report>) -> Self {
        Self { code: exit::FAULT, report: Some(report.into()) }
    }

    /// What we stand in for refuses to do it, and ends with a code of its own.
    pub fn refused(code: u8, report: impl Into<Report>) -> Self {
        Self { code, report: Some(report.into()) }
    }

    /// Nothing to do. Ends with [`exit::NOTHING`].
    pub fn nothing(report: impl Into<Report>) -> Self {
        Self { code: exit::NOTHING, report: Some(report.into()) }
    }

    /// Writing the command's own output failed. A reader that has left (`clawcheck list | head`) is no failure and
    /// nothing is said; anything else is a fault.
    pub fn output(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { code: exit::OK, report: None };
        }
        Self::fault(Report::msg(format!("cannot write the output: {error}")))
    }

    /// Prints the failure to standard error, with the source under a caret where there is one; gives the exit code.
    pub fn report(self) -> u8 {
        if let Some(report) = self.report {
            let plain = Plain(&report).to_string();
            let fit = console::fit(&plain);
            // Colours only where nothing had to be taken out: they would hide a secret from the search for it.
            let text = if fit == plain { format!("{report:?}") } else { fit };
            // Standard error may be closed too; the exit code is then all that is left to say.
            let _ = writeln!(console::stderr(), "{text}");
        }
        self.code
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
    let fit = console::fit(&plain);
    // Whoever is to read it may have left.
    let _ = if fit == plain { error.print() } else { console::stderr().write_all(fit.as_bytes()) };
    if error.use_stderr() { exit::USAGE } else { exit::OK }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_left_is_quiet_and_no_failure() {
        let failure = Failure::output(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(failure.report.is_none());
        assert_eq!(failure.code, exit::OK);
    }

    #[test]
    fn a_full_disk_is_a_fault() {
        let failure = Failure::output(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(failure.code, exit::FAULT);
        assert!(failure.report.is_some());
    }
}
