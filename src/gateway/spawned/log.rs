//! The output of a gateway's process, within limits.

use crate::gateway::launch::LogTail;
use crate::locked::locked;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use untrusted_data::limits::{LOG_BYTES, LOG_LINE_BYTES};

/// The number of lines that an error shows.
const TAIL: usize = 12;
/// The number of these lines that come from the end of the log, if not all fit.
const LAST: usize = 4;
/// The maximum wait for the end of the output after the exit of a process. A child of the process can hold the pipe
/// open forever.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(500);

#[derive(Debug, Default)]
struct LogLines {
    kept: VecDeque<String>,
    bytes: usize,
    dropped: usize,
}

/// A bounded log. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    lines: Arc<Mutex<LogLines>>,
    changed: watch::Sender<()>,
}

/// Whether a line is the beginning of the message about an error.
fn names_an_error(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    ["error", "fatal", "panic", "exception", "cannot ", "failed", "invalid"].iter().any(|word| line.contains(word))
}

impl Log {
    pub(crate) fn new() -> Self {
        Self { lines: Arc::default(), changed: watch::Sender::new(()) }
    }

    /// The kept lines, one string.
    pub(crate) fn all(&self) -> String {
        let lines = self.lock();
        let mut text = String::new();
        if lines.dropped > 0 {
            text.push_str(&format!("({} earlier lines are not kept)\n", lines.dropped));
        }
        for line in &lines.kept {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// The lines about an error: from the first one that names an error on, or the last ones. If these are too many lines,
    /// those in the middle are left out.
    pub(crate) fn tail(&self) -> LogTail {
        let lines = self.lock();
        let kept = &lines.kept;
        let last = kept.len().saturating_sub(TAIL);
        let from = kept.iter().position(|line| names_an_error(line)).map_or(last, |error| error.min(last));
        let mut tail = kept.range(from..).take(TAIL).cloned().collect::<Vec<_>>();
        if from < last {
            tail.truncate(TAIL - LAST - 1);
            tail.push(format!("({} lines)", kept.len() - from - tail.len() - LAST));
            tail.extend(kept.range(kept.len() - LAST..).cloned());
        }
        LogTail(tail.join("\n"))
    }

    /// Whether a line contains one of these texts.
    pub(crate) fn contains(&self, texts: &[&str]) -> bool {
        self.lock().kept.iter().any(|line| texts.iter().any(|text| line.contains(text)))
    }

    /// Returns when a line contains this text.
    pub(crate) async fn wait_for(&self, text: &str) {
        let mut changed = self.changed.subscribe();
        while !self.contains(&[text]) {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    /// Reads a stream to its end, in a separate task.
    pub(crate) fn read(&self, stream: impl AsyncRead + Send + Unpin + 'static) -> LogReader {
        let log = self.clone();
        LogReader(tokio::spawn(log.follow(stream)))
    }

    async fn follow(self, mut stream: impl AsyncRead + Unpin) {
        let mut pending = Vec::new();
        let mut chunk = [0_u8; 8 * 1024];
        while let Ok(read @ 1..) = stream.read(&mut chunk).await {
            pending.extend_from_slice(&chunk[..read]);
            while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = pending.drain(..=end).collect();
                self.push(&line[..end]);
            }
            if pending.len() > LOG_LINE_BYTES {
                self.push(&std::mem::take(&mut pending));
            }
        }
        if !pending.is_empty() {
            self.push(&pending);
        }
    }

    fn push(&self, line: &[u8]) {
        let line = printable(&String::from_utf8_lossy(line));
        let mut lines = self.lock();
        lines.bytes += line.len() + 1;
        lines.kept.push_back(line);
        while lines.bytes > LOG_BYTES {
            let Some(oldest) = lines.kept.pop_front() else { break };
            lines.bytes -= oldest.len() + 1;
            lines.dropped += 1;
        }
        drop(lines);
        self.changed.send_replace(());
    }

    fn lock(&self) -> MutexGuard<'_, LogLines> {
        locked(&self.lines)
    }
}

/// A task that reads one stream. It ends with the stream.
#[derive(Debug)]
pub(crate) struct LogReader(JoinHandle<()>);

impl LogReader {
    /// Waits a short time for the end of the stream.
    pub(crate) async fn finish(&mut self) {
        if !self.0.is_finished() {
            let _ = tokio::time::timeout(DRAIN_TIMEOUT, &mut self.0).await;
        }
    }
}

impl Drop for LogReader {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Returns a line without escape sequences and control characters, because terminals will show it.
fn printable(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match c {
            // A control sequence ends at its first letter.
            '\u{1b}' if rest.as_str().starts_with('[') => drop(rest.by_ref().find(|c| c.is_ascii_alphabetic())),
            '\t' => out.push(' '),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn log_without_line_ends_is_bounded() {
        let log = Log::new();
        let flood = std::io::Cursor::new(vec![b'x'; 4 * LOG_BYTES]);
        log.read(flood).finish().await;
        let all = log.all();
        assert!(all.len() < LOG_BYTES + LOG_LINE_BYTES, "{}", all.len());
        assert!(all.contains("earlier lines are not kept"));
    }

    #[tokio::test]
    async fn finds_existing_line_immediately() {
        let log = Log::new();
        log.read(std::io::Cursor::new(b"one\nready now".to_vec())).finish().await;
        log.wait_for("ready").await;
        assert_eq!(log.tail(), LogTail("one\nready now".to_owned()));
    }

    /// A stack trace is longer than what is shown, and the cause is its first line.
    #[tokio::test]
    async fn tail_of_log_begins_with_error() {
        let tail = async |before: usize, after: usize| {
            let lines = |name: &'static str, many| (0..many).map(move |line| format!("{name} {line}\n"));
            let cause = std::iter::once("FATAL: no licence\n".to_owned());
            let text = lines("hello", before).chain(cause).chain(lines("  at", after)).collect::<String>();
            let log = Log::new();
            log.read(std::io::Cursor::new(text.into_bytes())).finish().await;
            log.tail().0
        };
        let long = tail(30, 40).await;
        assert!(long.starts_with("FATAL: no licence\n  at 0\n"), "{long}");
        assert!(long.ends_with("  at 5\n(30 lines)\n  at 36\n  at 37\n  at 38\n  at 39"), "{long}");
        assert_eq!(long.lines().count(), TAIL);
        let short = tail(30, 2).await;
        assert!(short.starts_with("hello 21\n") && short.ends_with("FATAL: no licence\n  at 0\n  at 1"), "{short}");
    }

    #[test]
    fn escapes_log_lines() {
        assert_eq!(printable("\u{1b}[31mred\u{1b}[0m\u{7} \u{1b}]0;title\r"), "red ]0;title");
    }
}
