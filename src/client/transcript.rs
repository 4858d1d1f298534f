//! The messages of all connections of one case, in the order of their occurrence.

use crate::locked::locked;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;
use untrusted_data::Redactions;
use untrusted_data::limits::{ENTRIES, ENTRY_BYTES, TRANSCRIPT_BYTES};
use untrusted_data::redact::CUT;

/// The direction of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the gateway.
    Sent,
    /// From the gateway to the client.
    Received,
    /// Neither: an event or an action of the harness.
    Note,
}

/// One line of a transcript.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Time since the start of the transcript, in microseconds.
    pub at_us: u64,
    /// The name of the connection.
    pub connection: Arc<str>,
    /// Whether the client or the gateway sent it.
    pub direction: Direction,
    /// The text, including secrets. Show it only through [`Transcript::render`]. A text that was too long ends with a
    /// mark.
    pub text: String,
}

#[derive(Debug, Default)]
struct TranscriptEntries {
    entries: VecDeque<Entry>,
    bytes: usize,
    dropped: usize,
}

/// The transcript of one case with all its connections. Clones share it. Its size is limited, and omitted entries are
/// counted and shown.
#[derive(Debug, Clone)]
pub struct Transcript {
    began: Instant,
    kept: Arc<Mutex<TranscriptEntries>>,
}

impl Default for Transcript {
    fn default() -> Self {
        Self::new()
    }
}

impl Transcript {
    /// An empty transcript that starts now.
    pub fn new() -> Self {
        Self { began: Instant::now(), kept: Arc::default() }
    }

    /// A recorder for a connection.
    pub fn recorder(&self, connection: &str) -> Recorder {
        Recorder { transcript: self.clone(), connection: connection.into() }
    }

    /// The kept entries, oldest first.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().entries.iter().cloned().collect()
    }

    /// The text for people: one line per entry, times in milliseconds, without secrets.
    pub fn render(&self, redactions: &Redactions) -> String {
        let kept = self.lock();
        let mut out = String::new();
        if kept.dropped > 0 {
            let _ = writeln!(out, "({} earlier entries are not kept)", kept.dropped);
        }
        for entry in &kept.entries {
            let arrow = match entry.direction {
                Direction::Sent => "->",
                Direction::Received => "<-",
                Direction::Note => "--",
            };
            let text = redactions.apply(&entry.text);
            let (ms, us) = (entry.at_us / 1000, entry.at_us % 1000);
            let mut lines = text.trim_end().lines();
            let _ = writeln!(out, "{ms:>6}.{us:03} {} {arrow} {}", entry.connection, lines.next().unwrap_or_default());
            for line in lines {
                let _ = writeln!(out, "{:>10} {:width$}    {line}", "", "", width = entry.connection.chars().count());
            }
        }
        out
    }

    fn lock(&self) -> MutexGuard<'_, TranscriptEntries> {
        locked(&self.kept)
    }

    fn push(&self, entry: Entry) {
        let mut kept = self.lock();
        kept.bytes += entry.text.len();
        kept.entries.push_back(entry);
        while kept.entries.len() > ENTRIES || kept.bytes > TRANSCRIPT_BYTES {
            let Some(oldest) = kept.entries.pop_front() else { break };
            kept.bytes -= oldest.text.len();
            kept.dropped += 1;
        }
    }
}

/// Writes the entries of one connection into a [`Transcript`].
#[derive(Debug, Clone)]
pub struct Recorder {
    transcript: Transcript,
    connection: Arc<str>,
}

impl Recorder {
    /// Writes one entry.
    pub fn record(&self, direction: Direction, text: &str) {
        let at_us = u64::try_from(self.transcript.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let connection = Arc::clone(&self.connection);
        self.transcript.push(Entry { at_us, connection, direction, text: cut(text) });
    }
}

fn cut(text: &str) -> String {
    if text.len() <= ENTRY_BYTES {
        return text.to_owned();
    }
    let end = (0..=ENTRY_BYTES).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}{CUT}", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flood_is_bounded_and_counted() {
        let transcript = Transcript::new();
        let recorder = transcript.recorder("flood");
        for _ in 0..1000 {
            recorder.record(Direction::Received, &"x ".repeat(ENTRY_BYTES));
        }
        let bytes: usize = transcript.entries().iter().map(|entry| entry.text.len()).sum();
        assert!(bytes <= TRANSCRIPT_BYTES);
        assert!(transcript.render(&Redactions::default()).contains("earlier entries are not kept"));
    }

    #[test]
    fn cuts_between_characters() {
        let text = cut(&"ü".repeat(ENTRY_BYTES));
        assert!(text.ends_with(CUT) && text.len() <= ENTRY_BYTES + CUT.len());
    }

    #[test]
    fn renders_multi_line_upgrade() {
        let transcript = Transcript::new();
        transcript.recorder("a").record(Direction::Sent, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        let shown = transcript.render(&Redactions::default());
        assert_eq!(shown.lines().count(), 2);
        assert!(shown.contains("a -> GET / HTTP/1.1"), "{shown}");
    }
}
