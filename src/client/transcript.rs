//! What went over the wires of one case, in the order in which it happened.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use untrusted_data::Redactions;
use untrusted_data::limits::{ENTRIES, ENTRY_BYTES, TRANSCRIPT_BYTES};
use untrusted_data::redact::CUT;

/// Which way something went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From us to the gateway.
    Sent,
    /// From the gateway to us.
    Received,
    /// Neither: something that the harness saw or did.
    Note,
}

/// What kind of thing it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// The upgrade request or the HTTP answer to it.
    Http,
    /// A text frame.
    Text,
    /// A binary frame, or bytes below the WebSocket layer.
    Bytes,
    /// A ping or a pong.
    Ping,
    /// A close frame.
    Close,
    /// The end of the connection.
    End,
    /// A remark of the harness.
    Remark,
}

/// One line of a transcript.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Microseconds since the transcript began.
    pub at_us: u64,
    /// The connection's name.
    pub connection: Arc<str>,
    /// Which way.
    pub direction: Direction,
    /// What kind.
    pub kind: EntryKind,
    /// The text, secrets included: never show it but through [`Transcript::render`]. Cut visibly where it was too long.
    pub text: String,
}

#[derive(Debug, Default)]
struct Kept {
    entries: VecDeque<Entry>,
    bytes: usize,
    dropped: usize,
}

/// The transcript of one case: all its connections. Clones share it. Bounded; what was dropped is counted and shown.
#[derive(Debug, Clone)]
pub struct Transcript {
    began: Instant,
    kept: Arc<Mutex<Kept>>,
}

impl Default for Transcript {
    fn default() -> Self {
        Self::new()
    }
}

impl Transcript {
    /// An empty transcript that begins now.
    pub fn new() -> Self {
        Self { began: Instant::now(), kept: Arc::default() }
    }

    /// Writes under a connection's name.
    pub fn recorder(&self, connection: &str) -> Recorder {
        Recorder { transcript: self.clone(), connection: connection.into() }
    }

    /// What is kept, oldest first.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().entries.iter().cloned().collect()
    }

    /// For a person: one line per entry, times in milliseconds, secrets taken out.
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

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
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

/// One connection's way to write into a [`Transcript`].
#[derive(Debug, Clone)]
pub struct Recorder {
    transcript: Transcript,
    connection: Arc<str>,
}

impl Recorder {
    /// Writes one entry.
    pub fn record(&self, direction: Direction, kind: EntryKind, text: &str) {
        let at_us = u64::try_from(self.transcript.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let connection = Arc::clone(&self.connection);
        self.transcript.push(Entry { at_us, connection, direction, kind, text: cut(text) });
    }

    /// Writes a remark of the harness.
    pub fn remark(&self, text: &str) {
        self.record(Direction::Note, EntryKind::Remark, text);
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
    fn a_flood_stays_bounded_and_says_what_it_dropped() {
        let transcript = Transcript::new();
        let recorder = transcript.recorder("flood");
        for _ in 0..1000 {
            recorder.record(Direction::Received, EntryKind::Text, &"x ".repeat(ENTRY_BYTES));
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
    fn renders_the_lines_of_an_upgrade_below_each_other() {
        let transcript = Transcript::new();
        transcript.recorder("a").record(Direction::Sent, EntryKind::Http, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        let shown = transcript.render(&Redactions::default());
        assert_eq!(shown.lines().count(), 2);
        assert!(shown.contains("a -> GET / HTTP/1.1"), "{shown}");
    }
}
