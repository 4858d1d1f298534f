//! The words in which two lines differ.

use super::{parting, read};
use std::collections::BTreeSet;

/// How much of a text for people is in a sentence, in characters.
const TEXT: usize = 50;

/// A word that only one of two lines has, or that has another value.
pub(super) enum Word<'t> {
    /// Only what was seen has it.
    More(&'t str),
    /// Only what was expected has it.
    Less(&'t str),
    /// Both have it: the expected one, the one that was seen.
    Other(&'t str, &'t str),
}

impl Word<'_> {
    /// What it is about. Texts are about nothing: `"`.
    pub(super) fn topic(&self) -> &str {
        match self {
            Self::More(word) | Self::Less(word) | Self::Other(_, word) => topic(word),
        }
    }

    /// What it says of its line, without values that are structures.
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

/// The sentence about two texts for people: the part in which they differ.
pub(super) fn says(subject: &str, expected: &str, seen: &str) -> String {
    let (expected, seen) = (read::unnumbered(expected), read::unnumbered(seen));
    let (expected, seen) = parting::shown(&expected, &seen, TEXT);
    format!("{subject} says {seen} instead of {expected}")
}

fn topic(word: &str) -> &str {
    if word.starts_with('"') { "\"" } else { read::label(word) }
}

fn is_plain(word: &str) -> bool {
    !word.contains(['{', '[', '"'])
}

fn short(word: &str) -> String {
    if is_plain(word) { read::unnumbered(word.strip_prefix("with ").unwrap_or(word)) } else { topic(word).to_owned() }
}

/// The words behind the first one in which two lines differ. Numbers of symbols do not count.
pub(super) fn differing<'t>(expected: &'t str, seen: &'t str) -> Vec<Word<'t>> {
    let behind_first = |line: &'t str| read::words(line).skip(1).collect::<Vec<_>>();
    let keys = |words: &[&str]| words.iter().map(|word| read::unnumbered(word)).collect::<BTreeSet<_>>();
    let (expected, seen) = (behind_first(expected), behind_first(seen));
    let (known, found) = (keys(&expected), keys(&seen));
    let mut less = expected.into_iter().filter(|word| !found.contains(&read::unnumbered(word))).collect::<Vec<_>>();
    let mut words = Vec::new();
    for word in seen.into_iter().filter(|word| !known.contains(&read::unnumbered(word))) {
        match less.iter().position(|other| topic(other) == topic(word)) {
            Some(at) => words.push(Word::Other(less.remove(at), word)),
            None => words.push(Word::More(word)),
        }
    }
    words.extend(less.into_iter().map(Word::Less));
    words
}
