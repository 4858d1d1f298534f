//! Finds strings that are known to be secret, in every form in which a gateway could send them back.

use super::reading::Reading;
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::collections::HashMap;

/// Escapes within escapes are decoded so often: a frame as a JSON string in an error as a JSON string.
const DEEPEST: usize = 3;
/// Shorter pieces of base64 would be found in ordinary words.
const SHORTEST_BASE64: usize = 6;
/// How much of a secret must stand at the end of a text that was cut there, and says so.
const CUT: usize = 4;
/// The same where a text begins or ends with a part of a secret and no mark says that it was cut.
pub(super) const UNMARKED: usize = 12;
/// A long text is searched in windows of so many bytes, as a reading takes many times the memory of its text.
const WINDOW: usize = 256 * 1024;
/// How much of a window is in the next one, too: more than a secret takes when every byte of it is an escape.
const OVERLAP: usize = 32 * 1024;

/// A form of a secret: what is looked for, and whose it is.
struct Needle {
    form: Vec<u8>,
    secret: usize,
}

/// Looks for secrets. Upper and lower case are the same.
pub(super) struct Finder {
    needles: Vec<Needle>,
    automaton: AhoCorasick,
    /// Needles by their first bytes, for texts that were cut.
    heads: HashMap<[u8; CUT], Vec<usize>>,
    /// Needles by their last bytes.
    tails: HashMap<[u8; CUT], Vec<usize>>,
    longest: usize,
}

/// A place in a text where a secret stands, and which one it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) secret: usize,
}

impl Finder {
    /// Looks for these secrets; `None` where there are none.
    pub(super) fn new<'a>(secrets: impl Iterator<Item = &'a str>) -> Option<Self> {
        let needles = secrets.enumerate().flat_map(|(secret, text)| {
            forms(text).into_iter().map(move |form| Needle { form: form.to_ascii_lowercase(), secret })
        });
        let needles = needles.collect::<Vec<_>>();
        if needles.is_empty() {
            return None;
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            // The quickest to build: every case has secrets of its own and little to search.
            .kind(Some(AhoCorasickKind::NoncontiguousNFA))
            .ascii_case_insensitive(true)
            .build(needles.iter().map(|needle| &needle.form))
            .ok()?;
        let (mut heads, mut tails) = (HashMap::<_, Vec<usize>>::new(), HashMap::<_, Vec<usize>>::new());
        for (at, Needle { form, .. }) in needles.iter().enumerate() {
            if let (Some(head), Some(tail)) = (form.first_chunk::<CUT>(), form.last_chunk::<CUT>()) {
                heads.entry(*head).or_default().push(at);
                tails.entry(*tail).or_default().push(at);
            }
        }
        let longest = needles.iter().map(|needle| needle.form.len()).max().unwrap_or_default();
        Some(Self { needles, automaton, heads, tails, longest })
    }

    /// Where secrets stand in a text, in order and apart from one another. `cut` says that the text goes on behind its end.
    pub(super) fn find(&self, text: &str, cut: bool) -> Vec<Found> {
        let mut found = Vec::new();
        let mut from = 0_usize;
        loop {
            let to = boundary(text, from.saturating_add(WINDOW));
            let mut reading = Some(Reading::plain(&text[from..to]));
            for _ in 0..=DEEPEST {
                let Some(read) = reading else { break };
                self.find_in(&read, from, cut && to == text.len(), &mut found);
                reading = read.decoded();
            }
            if to == text.len() {
                return joined(found);
            }
            from = boundary(text, to - OVERLAP);
        }
    }

    /// Looks in a reading of what begins at `from`.
    fn find_in(&self, reading: &Reading, from: usize, cut: bool, found: &mut Vec<Found>) {
        let bytes = reading.bytes.to_ascii_lowercase();
        let mut add = |start, end, needle: usize| {
            let (start, end) = reading.place(start, end);
            found.push(Found { start: from + start, end: from + end, secret: self.needles[needle].secret });
        };
        for hit in self.automaton.find_overlapping_iter(&bytes) {
            add(hit.start(), hit.end(), hit.pattern().as_usize());
        }
        if let Some((length, needle)) = self.beginning_at_end(&bytes, if cut { CUT } else { UNMARKED }) {
            add(bytes.len() - length, bytes.len(), needle);
        }
        if let Some((length, needle)) = self.end_at_beginning(&bytes) {
            add(0, length, needle);
        }
    }

    /// The longest part of a needle, from its beginning, that bytes end with.
    fn beginning_at_end(&self, bytes: &[u8], least: usize) -> Option<(usize, usize)> {
        let longest = self.longest.min(bytes.len());
        (least..=longest).rev().find_map(|length| {
            let end = &bytes[bytes.len() - length..];
            let fits = |needle: &&usize| self.needles[**needle].form.starts_with(end);
            self.heads.get(end.first_chunk::<CUT>()?)?.iter().find(fits).map(|needle| (length, *needle))
        })
    }

    /// The longest part of a needle, to its end, that bytes begin with.
    fn end_at_beginning(&self, bytes: &[u8]) -> Option<(usize, usize)> {
        let longest = self.longest.min(bytes.len());
        (UNMARKED..=longest).rev().find_map(|length| {
            let start = &bytes[..length];
            let fits = |needle: &&usize| self.needles[**needle].form.ends_with(start);
            self.tails.get(start.last_chunk::<CUT>()?)?.iter().find(fits).map(|needle| (length, *needle))
        })
    }
}

/// The last boundary of a character up to a byte.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

/// Places that touch none of the others: overlapping ones become one, of the secret whose place was the longest.
fn joined(mut found: Vec<Found>) -> Vec<Found> {
    found.sort_by_key(|found| (found.start, std::cmp::Reverse(found.end)));
    let mut joined: Vec<(Found, usize)> = Vec::new();
    for next in found {
        let length = next.end - next.start;
        match joined.last_mut() {
            Some((last, longest)) if next.start < last.end => {
                if length > *longest {
                    (last.secret, *longest) = (next.secret, length);
                }
                last.end = last.end.max(next.end);
            }
            _ => joined.push((next, length)),
        }
    }
    joined.into_iter().map(|(found, _)| found).collect()
}

/// The forms that are looked for: the secret itself, in hex, and in both alphabets of base64 wherever it begins in what is
/// encoded. Escapes need no forms: they are decoded.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let bytes = secret.as_bytes();
    let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut forms = vec![bytes.to_vec(), hex.into_bytes()];
    for before in 0..3 {
        // The characters in which no bit of a neighbour is.
        let start = (before * 8_usize).div_ceil(6);
        let end = (before + bytes.len()) * 8 / 6;
        if end < start + SHORTEST_BASE64 {
            continue;
        }
        let padded = [&[0; 2][..before], bytes].concat();
        for encoded in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            let form = encoded.as_bytes()[start..end].to_vec();
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
    }
    forms
}
