//! The reports of a run: who is notified of its events, and how reports reach their readers.

use super::arguments::Run;
use crate::cli::CommandError;
use crate::cli::options::reports::{Listeners, Reports};
use crate::cli::terminal::console;
use crate::cli::terminal::progress::Progress;
use crate::gateway::GatewaySpec;
use crate::report::terminal::{DisplayOptions, Verbosity};
use crate::report::{Delivery, Terminal};
use crate::run::RunError;
use crate::run::outcome::{Event, RunReport};
use std::io;
use std::time::Duration;
use tokio::sync::watch;

/// The maximum time for readers to read the reports of an interrupted run.
const AFTER_SIGNAL: Duration = Duration::from_millis(500);

/// The minimum number of cases for a score without `--score`.
const SCORED: usize = 20;

impl Run {
    /// The listeners of the run, and the reports that are written to streams.
    ///
    /// # Errors
    /// A report cannot be written. This is detected before the first case.
    pub(super) fn listeners(
        &self,
        progress: &Progress,
        cases: usize,
    ) -> Result<(Listeners, Vec<Delivery>), CommandError> {
        let reports = Reports::find(&self.report).map_err(no_report)?;
        let to_stderr = reports.use_stdout()?;
        let display = DisplayOptions {
            colour: if to_stderr { console::colour_of_stderr() } else { console::colour() },
            detail: match self {
                Self { trace: true, .. } => Verbosity::Trace,
                Self { verbose: true, .. } => Verbosity::EachCase,
                Self { quiet: true, .. } => Verbosity::Failures,
                _ => Verbosity::Usual,
            },
            // The score of a few cases is not meaningful.
            score: self.score || (self.is_of_others() && cases >= SCORED),
            every_failure: self.explain,
            slow_after: match self.gateway {
                GatewaySpec::Embedded(_) => Duration::from_millis(500),
                _ => Duration::from_secs(45),
            },
        };
        let out = || if to_stderr { progress.stderr() } else { progress.stdout() };
        let mut listeners: Listeners = vec![Box::new(progress.clone()), Box::new(Terminal::new(out(), display))];
        let (others, deliveries) = reports.open(out()).map_err(no_report)?;
        listeners.extend(others);
        Ok((listeners, deliveries))
    }
}

/// The error for a report that cannot be written, before the first case.
fn no_report(error: io::Error) -> CommandError {
    CommandError::of_file(error.kind(), miette::Report::msg(RunError::Report(error).to_string()))
}

/// Notifies every listener, even if one of them fails. If the reader of standard output exits (`clawcheck run | head`),
/// the run continues without that output, because the verdict and the other reports are still needed.
pub(super) fn notify(listeners: &mut Listeners, event: Event<'_>) -> io::Result<()> {
    let mut notified = Ok(());
    listeners.retain_mut(|listener| match listener.on_event(event) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => false,
        Err(error) => {
            notified = Err(error);
            true
        }
        Ok(()) => true,
    });
    notified
}

/// Waits until the reports in streams are written. A signal ends the wait, because a reader may never appear. If the
/// reader has exited, this is not an error.
pub(super) async fn deliver(
    deliveries: Vec<Delivery>,
    report: &mut RunReport,
    stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let broken_off = *stop.borrow();
    let deadline = tokio::time::Instant::now() + AFTER_SIGNAL;
    for delivery in deliveries {
        tokio::select! {
            written = delivery.finish() => match written {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                written => written?,
            },
            () = tokio::time::sleep_until(deadline), if broken_off => {
                report.interrupted.get_or_insert(0);
                break;
            }
            () = crate::cli::signals::stop_requested(stop.clone()), if !broken_off => {
                report.interrupted.get_or_insert(0);
                break;
            }
        }
    }
    Ok(())
}
