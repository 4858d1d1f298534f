//! The progress bar. It appears only on a terminal.

use super::console;
use crate::gateway::PrepareEvent;
use crate::locked::locked;
use crate::report::Listener;
use crate::run::outcome::Event;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::future::Future;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// The interval at which the bar is drawn if no event occurs.
const TICK: Duration = Duration::from_millis(120);

/// The interval between the lines in a log.
const LINE_INTERVAL: Duration = Duration::from_secs(60);

/// Shows the progress of a run. Clones share the bar.
#[derive(Clone)]
pub(crate) struct Progress {
    bar: ProgressBar,
    failed: Arc<Mutex<usize>>,
}

impl Progress {
    /// Creates a bar for this number of cases. The bar appears on standard error, if that is a terminal.
    pub(crate) fn new(cases: usize) -> Self {
        let target =
            if console::stderr_is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(u64::try_from(cases).unwrap_or(u64::MAX)), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {prefix} {wide_msg}") {
            bar.set_style(style);
        }
        Self { bar, failed: Arc::default() }
    }

    /// Does the work of a run. If standard error is not a terminal, so that there is no bar, prints a line each minute, also
    /// while one case takes longer. Without output, a CI system can end the job, and a person cannot see whether the job is
    /// still running.
    pub(crate) async fn with_lines<T>(&self, work: impl Future<Output = T>) -> T {
        if self.bar.is_hidden() { self.lines_during(work, |line| self.note(line)).await } else { work.await }
    }

    async fn lines_during<T>(&self, work: impl Future<Output = T>, mut print: impl FnMut(&str)) -> T {
        let mut work = std::pin::pin!(work);
        let mut minutes = interval_at(Instant::now() + LINE_INTERVAL, LINE_INTERVAL);
        minutes.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                done = &mut work => return done,
                _ = minutes.tick() => print(&self.line()),
            }
        }
    }

    /// The line at this moment.
    fn line(&self) -> String {
        let failed = *locked(&self.failed);
        let failed = if failed == 0 { String::new() } else { format!(", {failed} failed") };
        format!("{} of {} cases done{failed}", self.bar.position(), self.bar.length().unwrap_or_default())
    }

    /// Shows the work before the first case.
    pub(crate) fn preparing(&self, event: &PrepareEvent) {
        let words = match event {
            PrepareEvent::Waiting { package } => format!("waiting for another clawcheck that installs {package}"),
            PrepareEvent::Installing { package, directory } => {
                format!("installing {package} into {}", directory.display())
            }
            PrepareEvent::Progress { packages } => {
                self.bar.set_message(format!("{packages} packages"));
                return;
            }
            PrepareEvent::Installed { package } => format!("installed {package}"),
        };
        self.note(&words);
    }

    /// Prints a line about the work of a command on standard error.
    pub(crate) fn note(&self, words: &str) {
        self.bar.suspend(|| {
            // Standard error may be closed. Then nobody can read the message.
            let _ = writeln!(console::stderr(), "{}", console::sanitize_line(words));
        });
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Standard output. The bar is hidden during a write.
    pub(crate) fn stdout(&self) -> ProgressWriter {
        ProgressWriter { bar: self.bar.clone(), to_stderr: false, waiting: Vec::new() }
    }

    /// Standard error. The bar is hidden during a write.
    pub(crate) fn stderr(&self) -> ProgressWriter {
        ProgressWriter { to_stderr: true, ..self.stdout() }
    }
}

impl Listener for Progress {
    fn on_event(&mut self, event: Event<'_>) -> io::Result<()> {
        match event {
            Event::Started(_) if self.bar.is_hidden() => {}
            Event::Started(_) => self.bar.enable_steady_tick(TICK),
            Event::Playing { case } => self.bar.set_message(console::sanitize_line(case)),
            Event::Case(case) => {
                self.bar.inc(1);
                if case.verdict.is_failure() {
                    let mut failed = locked(&self.failed);
                    *failed += 1;
                    self.bar.set_prefix(format!("{failed} failed"));
                }
            }
            Event::Finished(_) => self.finish(),
        }
        Ok(())
    }
}

/// Standard output or error of a command with a progress bar. Each flush hides the bar and writes the data.
pub(crate) struct ProgressWriter {
    bar: ProgressBar,
    to_stderr: bool,
    waiting: Vec<u8>,
}

impl Write for ProgressWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let waiting = std::mem::take(&mut self.waiting);
        self.bar.suspend(|| {
            let mut out: Box<dyn Write> =
                if self.to_stderr { Box::new(console::stderr()) } else { Box::new(console::stdout()) };
            out.write_all(&waiting)?;
            out.flush()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::sleep;

    /// A case can take minutes in which no event occurs.
    #[tokio::test(start_paused = true)]
    async fn line_each_minute() {
        let progress = Progress::new(279);
        let mut lines = Vec::new();
        let work = async {
            progress.bar.inc(120);
            sleep(LINE_INTERVAL * 5 / 2).await;
            progress.bar.inc(1);
            *locked(&progress.failed) += 1;
            sleep(LINE_INTERVAL).await;
            "done"
        };
        assert_eq!(progress.lines_during(work, |line| lines.push(line.to_owned())).await, "done");
        let (first, last) = ("120 of 279 cases done", "121 of 279 cases done, 1 failed");
        assert_eq!(lines, [first, first, last]);
    }
}
