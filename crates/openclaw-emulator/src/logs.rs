//! The gateway's log.

use openclaw_model::TraceLine;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Number of lines that are kept.
const MAX_LINES: usize = 1000;

/// A function that receives every line when it is written.
pub type LogListener = Arc<dyn Fn(&str) + Send + Sync>;

/// A function that receives the explanation of every answer: the number of the connection, and one line of the trace.
/// The log itself does not contain it, as the release's log does not.
pub type TraceListener = Arc<dyn Fn(u64, &TraceLine) + Send + Sync>;

/// The last lines of a gateway's log, shared by all writers.
#[derive(Clone, Default)]
pub(super) struct Logs {
    lines: Arc<Mutex<VecDeque<String>>>,
    listener: Option<LogListener>,
}

impl Logs {
    pub(super) fn new(listener: Option<LogListener>) -> Self {
        Self { lines: Arc::default(), listener }
    }

    pub(super) fn push(&self, line: String) {
        if let Some(listener) = &self.listener {
            listener(&line);
        }
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == MAX_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_only_last_lines() {
        let logs = Logs::default();
        (0..MAX_LINES + 5).for_each(|number| logs.push(number.to_string()));
        assert_eq!(logs.lines().len(), MAX_LINES);
        assert_eq!(logs.lines()[0], "5");
    }
}
