//! Finds known secrets in every form in which a gateway can return them.

use super::decoded::DecodedText;
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::collections::HashMap;

/// Number of nested escapes that are decoded: a frame as a JSON string in an error as a JSON string.
const MAX_DEPTH: usize = 3;
/// Shorter parts of base64 occur in ordinary words.
const SHORTEST_BASE64: usize = 6;
/// Minimum length of a secret's beginning at the end of a truncated text.
const MIN_CUT_SECRET_LENGTH: usize = 4;
/// Minimum length of a secret's beginning or end anywhere in a text, because many programs truncate texts.
pub(super) const PART: usize = 12;
/// A long text is searched in windows of this many bytes, because decoding needs many times the memory of its text.
const WINDOW: usize = 256 * 1024;
/// The overlap of two windows: more than the length of a secret with every byte escaped.
const OVERLAP: usize = 32 * 1024;

/// The characters that must surround a secret in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequiredContext {
    /// Nothing: the secret is hidden everywhere, also in part.
    Nothing,
    /// Something other than a word on both sides. The secret is hidden only as a whole.
    Delimiters,
}

/// A form of a secret, and the secret that it belongs to.
struct Needle {
    form: Vec<u8>,
    secret: usize,
    needed: RequiredContext,
}

impl Needle {
    /// Whether bytes that match at `start` up to `end` are this needle or a part of it that must be hidden.
    fn fits(&self, bytes: &[u8], start: usize, end: usize) -> bool {
        let in_word =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'%') || !byte.is_ascii();
        let joined = |one: Option<&u8>, other: Option<&u8>| one.is_some_and(in_word) && other.is_some_and(in_word);
        let before = start.checked_sub(1).and_then(|before| bytes.get(before));
        self.needed == RequiredContext::Nothing
            || (end - start == self.form.len()
                && !joined(before, self.form.first())
                && !joined(self.form.last(), bytes.get(end)))
    }
}

/// Searches for secrets and their parts. Letter case is ignored.
pub(super) struct Finder {
    needles: Vec<Needle>,
    /// Finds the beginnings and the ends of needles. A match shows which needle it belongs to.
    automaton: AhoCorasick,
    /// For each pattern of the automaton: the needle, and whether the pattern is its end.
    patterns: Vec<(usize, bool)>,
    /// Needles by their first bytes, for truncated texts.
    heads: HashMap<[u8; MIN_CUT_SECRET_LENGTH], Vec<usize>>,
    longest: usize,
}

/// A range of a text that contains a secret, and the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SecretMatch {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) secret: usize,
}

impl Finder {
    /// Creates a search for these secrets. `None` if there are none.
    pub(super) fn new<'a>(secrets: impl Iterator<Item = (&'a str, RequiredContext)>) -> Option<Self> {
        let needles = secrets.enumerate().flat_map(|(secret, (text, needed))| {
            // An encoded text has no delimiters.
            let forms = if needed == RequiredContext::Nothing { forms(text) } else { vec![text.as_bytes().to_vec()] };
            forms.into_iter().map(move |form| Needle { form: form.to_ascii_lowercase(), secret, needed })
        });
        let needles = needles.collect::<Vec<_>>();
        if needles.is_empty() {
            return None;
        }
        let mut patterns = Vec::new();
        let mut heads = HashMap::<_, Vec<usize>>::new();
        for (at, Needle { form, needed, .. }) in needles.iter().enumerate() {
            patterns.push((at, false));
            if *needed == RequiredContext::Delimiters {
                continue;
            }
            if form.len() > PART {
                patterns.push((at, true));
            }
            if let Some(head) = form.first_chunk::<MIN_CUT_SECRET_LENGTH>() {
                heads.entry(*head).or_default().push(at);
            }
        }
        let piece = |(needle, is_end): &(usize, bool)| {
            let form = &needles[*needle].form;
            if *is_end { &form[form.len() - PART..] } else { &form[..form.len().min(PART)] }
        };
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            // The fastest to build: every case has its own secrets and little text to search. Needles and texts are in
            // lower case.
            .kind(Some(AhoCorasickKind::NoncontiguousNFA))
            .build(patterns.iter().map(piece))
            .ok()?;
        let longest = needles.iter().map(|needle| needle.form.len()).max().unwrap_or_default();
        Some(Self { needles, automaton, patterns, heads, longest })
    }

    /// The ranges of secrets in a text, in order and without overlaps. `cut` states that the text is truncated at its
    /// end.
    pub(super) fn find(&self, text: &str, cut: bool) -> Vec<SecretMatch> {
        let mut found = Vec::new();
        let mut from = 0_usize;
        loop {
            let to = boundary(text, from.saturating_add(WINDOW));
            let mut decoded = Some(DecodedText::plain(&text[from..to]));
            for _ in 0..=MAX_DEPTH {
                let Some(read) = decoded else { break };
                self.find_in(&read, from, cut && to == text.len(), &mut found);
                decoded = read.decoded();
            }
            if to == text.len() {
                return joined(found);
            }
            from = boundary(text, to - OVERLAP);
        }
    }

    /// Searches a decoded form of the text that begins at `from`.
    fn find_in(&self, decoded: &DecodedText, from: usize, cut: bool, found: &mut Vec<SecretMatch>) {
        let bytes = decoded.bytes.to_ascii_lowercase();
        let mut add = |start, end, needle: usize| {
            let (start, end) = decoded.place(start, end);
            found.push(SecretMatch { start: from + start, end: from + end, secret: self.needles[needle].secret });
        };
        for hit in self.automaton.find_overlapping_iter(&bytes) {
            let (needle, is_end) = self.patterns[hit.pattern().as_usize()];
            let form = &self.needles[needle].form;
            if is_end {
                let same = bytes[..hit.end()].iter().rev().zip(form.iter().rev()).take_while(|(a, b)| a == b).count();
                add(hit.end() - same, hit.end(), needle);
            } else {
                let same = bytes[hit.start()..].iter().zip(form).take_while(|(a, b)| a == b).count();
                if self.needles[needle].fits(&bytes, hit.start(), hit.start() + same) {
                    add(hit.start(), hit.start() + same, needle);
                }
            }
        }
        if let Some((length, needle)) = cut.then(|| self.beginning_at_end(&bytes)).flatten() {
            add(bytes.len() - length, bytes.len(), needle);
        }
    }

    /// The longest beginning of a needle at the end of the bytes.
    fn beginning_at_end(&self, bytes: &[u8]) -> Option<(usize, usize)> {
        let longest = self.longest.min(bytes.len());
        (MIN_CUT_SECRET_LENGTH..=longest).rev().find_map(|length| {
            let end = &bytes[bytes.len() - length..];
            let fits = |needle: &&usize| self.needles[**needle].form.starts_with(end);
            self.heads
                .get(end.first_chunk::<MIN_CUT_SECRET_LENGTH>()?)?
                .iter()
                .find(fits)
                .map(|needle| (length, *needle))
        })
    }
}

/// The last character boundary up to a byte.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

/// Merges overlapping ranges. A merged range belongs to the secret with the longest range.
fn joined(mut found: Vec<SecretMatch>) -> Vec<SecretMatch> {
    found.sort_by_key(|found| (found.start, std::cmp::Reverse(found.end)));
    let mut joined: Vec<(SecretMatch, usize)> = Vec::new();
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

/// The searched forms: the secret itself, in hex, and in both alphabets of base64 at every offset. Escapes need no
/// forms, because they are decoded.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let bytes = secret.as_bytes();
    let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut forms = vec![bytes.to_vec(), hex.into_bytes()];
    for before in 0..3 {
        // The characters that contain no bit of the neighbouring bytes.
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
