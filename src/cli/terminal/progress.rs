//! The progress bar. It appears only on a terminal.

use super::console;
use crate::gateway::PrepareEvent;
use crate::locked::locked;
use crate::report::Listener;
use crate::run::outcome::Event;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The interval at which the bar is drawn if no event occurs.
const TICK: Duration = Duration::from_millis(120);

/// The interval between the lines in a log.
const LINE_INTERVAL: Duration = Duration::from_secs(60);

/// Shows the progress of a run. Clones share the bar.
#[derive(Clone)]
pub(crate) struct Progress {
    bar: ProgressBar,
    failed: Arc<Mutex<usize>>,
    /// The time of the last line, if the progress is printed as lines.
    last_line: Option<Arc<Mutex<Instant>>>,
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
        Self { bar, failed: Arc::default(), last_line: None }
    }

    /// Prints a line about every minute if standard error is not a terminal, so that there is no bar. Without output, a
    /// CI system can end the job, and a person cannot see whether the job is still running.
    pub(crate) fn in_lines(&mut self) {
        self.last_line = self.bar.is_hidden().then(|| Arc::new(Mutex::new(Instant::now())));
    }

    /// The line at this moment, if one is due.
    fn line(&self, now: Instant) -> Option<String> {
        let mut last = locked(self.last_line.as_ref()?);
        if now.duration_since(*last) < LINE_INTERVAL {
            return None;
        }
        *last = now;
        let failed = *locked(&self.failed);
        let failed = if failed == 0 { String::new() } else { format!(", {failed} failed") };
        Some(format!("{} of {} cases done{failed}", self.bar.position(), self.bar.length().unwrap_or_default()))
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
            Event::Finished(_) => {
                self.finish();
                return Ok(());
            }
        }
        if let Some(line) = self.line(Instant::now()) {
            self.note(&line);
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

    #[test]
    fn line_each_minute() {
        let mut progress = Progress::new(279);
        let start = Instant::now();
        assert_eq!(progress.line(start + 2 * LINE_INTERVAL), None);
        progress.bar.set_draw_target(ProgressDrawTarget::hidden());
        progress.in_lines();
        let start = start.max(*locked(progress.last_line.as_ref().unwrap()));
        progress.bar.inc(120);
        assert_eq!(progress.line(start + LINE_INTERVAL / 2), None);
        assert_eq!(progress.line(start + LINE_INTERVAL).as_deref(), Some("120 of 279 cases done"));
        *locked(&progress.failed) += 1;
        assert_eq!(progress.line(start + LINE_INTERVAL), None);
        assert_eq!(progress.line(start + 2 * LINE_INTERVAL).as_deref(), Some("120 of 279 cases done, 1 failed"));
    }
}
