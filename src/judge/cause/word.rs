//! The words that differ between two lines.

use super::{abbreviate, parse};
use std::collections::BTreeSet;

/// The maximum length of a quoted message text in a sentence, in characters.
const TEXT: usize = 50;

/// A word that occurs in only one of two lines, or has another value in the other line.
pub(super) enum DiffWord<'t> {
    /// The word occurs only in the actual line.
    More(&'t str),
    /// The word occurs only in the expected line.
    Less(&'t str),
    /// The word occurs in both lines: the expected and the actual word.
    Other(&'t str, &'t str),
}

impl DiffWord<'_> {
    /// The topic of the word. Quoted text has the topic `"`.
    pub(super) fn topic(&self) -> &str {
        match self {
            Self::More(word) | Self::Less(word) | Self::Other(_, word) => topic(word),
        }
    }

    /// The difference as a sentence about the line, without structured values.
    pub(super) fn sentence(&self, subject: &str) -> String {
        match self {
            Self::Other(expected, seen) if self.topic() == "\"" => says(subject, expected, seen),
            Self::More(_) if self.topic() == "\"" => format!("{subject} also has a text"),
            Self::Less(_) if self.topic() == "\"" => format!("{subject} lacks its text"),
            Self::More(word) if word.starts_with("no ") => format!("{subject} has {word}"),
            Self::More(word) => format!("{subject} also has {}", short(word)),
            Self::Less(word) => format!("{subject} lacks {}", short(word)),
            Self::Other(expected, seen) if is_plain(expected) && is_plain(seen) => {
                format!("{subject} has {} instead of {}", short(seen), short(expected))
            }
            Self::Other(..) => format!("{subject} has another {}", self.topic()),
        }
    }
}

/// The sentence about two message texts, with the part that differs.
pub(super) fn says(subject: &str, expected: &str, seen: &str) -> String {
    let (expected, seen) = (parse::unnumbered(expected), parse::unnumbered(seen));
    let (expected, seen) = abbreviate::shown(&expected, &seen, TEXT);
    format!("{subject} says {seen} instead of {expected}")
}

/// The names of the fields in a line: `payload, seq` of `payload={n: 1}  seq=4`.
pub(super) fn names(line: &str) -> String {
    parse::words(line).map(topic).collect::<Vec<_>>().join(", ")
}

fn topic(word: &str) -> &str {
    if word.starts_with('"') { "\"" } else { parse::label(word) }
}

fn is_plain(word: &str) -> bool {
    !word.contains(['{', '[', '"'])
}

fn short(word: &str) -> String {
    if is_plain(word) { parse::unnumbered(word.strip_prefix("with ").unwrap_or(word)) } else { topic(word).to_owned() }
}

/// The words after the first one that differ between two lines. Numbers of symbols are ignored.
pub(super) fn differing<'t>(expected: &'t str, seen: &'t str) -> Vec<DiffWord<'t>> {
    let behind_first = |line: &'t str| parse::words(line).skip(1).collect::<Vec<_>>();
    let keys = |words: &[&str]| words.iter().map(|word| parse::unnumbered(word)).collect::<BTreeSet<_>>();
    let (expected, seen) = (behind_first(expected), behind_first(seen));
    let (known, found) = (keys(&expected), keys(&seen));
    let mut less = expected.into_iter().filter(|word| !found.contains(&parse::unnumbered(word))).collect::<Vec<_>>();
    let mut words = Vec::new();
    for word in seen.into_iter().filter(|word| !known.contains(&parse::unnumbered(word))) {
        match less.iter().position(|other| topic(other) == topic(word)) {
            Some(at) => words.push(DiffWord::Other(less.remove(at), word)),
            None => words.push(DiffWord::More(word)),
        }
    }
    words.extend(less.into_iter().map(DiffWord::Less));
    words
}
