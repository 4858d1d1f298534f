//! The gateway's log, and the lines about its checks.

use openclaw_model::{Check, TraceLine};
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Number of lines that are kept.
const MAX_LINES: usize = 1000;

/// A function that receives every line when it is written.
pub type LogListener = Arc<dyn Fn(&str) + Send + Sync>;

/// A function that receives the explanation of every answer: the number of the connection, and one line of the trace.
/// The log itself does not contain it, as the release's log does not.
pub type TraceListener = Arc<dyn Fn(u64, &TraceLine) + Send + Sync>;

/// The word before the number of a connection.
const CONNECTION: &str = "connection ";

/// A line about a check of a connection: `connection 0: locality: local: the peer 127.0.0.1 is loopback`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckLine<'a> {
    /// The number of the connection.
    pub connection: u64,
    /// The check.
    pub check: Check,
    /// The result of the check, in words.
    pub sentence: &'a str,
}

impl<'a> CheckLine<'a> {
    /// The line about a check.
    pub fn new(connection: u64, line: &'a TraceLine) -> Self {
        Self { connection, check: line.check, sentence: &line.sentence }
    }

    /// Recognizes a line, also after a time or the name of a program.
    pub fn read(line: &'a str) -> Option<Self> {
        let (number, rest) = line.split_once(CONNECTION)?.1.split_once(": ")?;
        let (name, sentence) = rest.split_once(": ")?;
        let check = Check::ALL.into_iter().find(|check| check.name() == name)?;
        Some(Self { connection: number.parse().ok()?, check, sentence })
    }
}

impl fmt::Display for CheckLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{CONNECTION}{}: {}: {}", self.connection, self.check.name(), self.sentence)
    }
}

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
    fn line_of_every_check_is_read_back() {
        for check in Check::ALL {
            let line = CheckLine { connection: 7, check, sentence: "found: connection 1: 2" };
            assert_eq!(CheckLine::read(&format!("12:00 serve[9]: {line}")), Some(line));
        }
        assert_eq!(CheckLine::read("connection x: frame: a"), None);
    }

    #[test]
    fn keeps_only_last_lines() {
        let logs = Logs::default();
        (0..MAX_LINES + 5).for_each(|number| logs.push(number.to_string()));
        assert_eq!(logs.lines().len(), MAX_LINES);
        assert_eq!(logs.lines()[0], "5");
    }
}
