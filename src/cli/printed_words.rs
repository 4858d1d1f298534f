//! The words that clawcheck prints in every output: those of the README with its samples of output, of the built-in
//! scenarios, and of the approved snapshots. The words of the help are not included, because rendering it would take 4
//! MB in each run.

use crate::built_in;
use crate::locked::locked;
use aho_corasick::AhoCorasick;
use std::collections::BTreeMap;
use std::sync::Mutex;

const README: &str = include_str!("../../README.md");
/// Shorter words are never replaced.
const MIN_LENGTH: usize = 4;
/// The maximum number of answers that are kept: the secrets of each case are the same.
const MAX_ANSWERS: usize = 32;

/// Whether a text is such a word, or several with a hyphen or an underscore between them. Letter case is ignored. A part of
/// a word does not count, because most short passwords are a part of some word.
pub(super) fn contain(text: &str) -> bool {
    static ANSWERS: Mutex<BTreeMap<String, bool>> = Mutex::new(BTreeMap::new());
    // Nearly every secret has a digit, so that a run seldom searches.
    if !is_word(text) {
        return false;
    }
    let mut answers = locked(&ANSWERS);
    if let Some(answer) = answers.get(text) {
        return *answer;
    }
    if answers.len() >= MAX_ANSWERS {
        answers.clear();
    }
    let answer = Word::new(text).is_some_and(|word| word.is_in_output());
    answers.insert(text.to_owned(), answer);
    answer
}

/// A search for one word.
struct Word(AhoCorasick);

impl Word {
    fn new(word: &str) -> Option<Self> {
        Some(Self(AhoCorasick::builder().ascii_case_insensitive(true).build([word]).ok()?))
    }

    fn is_in_output(&self) -> bool {
        let files = || built_in::scenarios().iter().chain(built_in::snapshots());
        self.is_in(README.as_bytes())
            || files().any(|(path, contents)| self.is_in(path.as_bytes()) || self.is_in(contents))
    }

    /// Whether the word is in a text. `upgrade` is in `role-upgrade`, but not in `upgrades`.
    fn is_in(&self, text: &[u8]) -> bool {
        let ends = |at: Option<&u8>| at.is_none_or(|byte| !byte.is_ascii_alphanumeric());
        self.0.find_overlapping_iter(text).any(|found| {
            let before = found.start().checked_sub(1).and_then(|at| text.get(at));
            ends(before) && ends(text.get(found.end()))
        })
    }
}

/// Words with digits are left out: they are names, numbers or sample secrets.
fn is_word(text: &str) -> bool {
    let joins = |byte: u8| matches!(byte, b'-' | b'_');
    text.len() >= MIN_LENGTH
        && text.bytes().all(|byte| byte.is_ascii_alphabetic() || joins(byte))
        && !text.starts_with(['-', '_'])
        && !text.ends_with(['-', '_'])
}

#[cfg(test)]
mod tests {
    use super::{Word, contain, is_word};
    use rstest::rstest;

    #[rstest]
    #[case::message("token", true)]
    #[case::message_part("airin", false)]
    #[case::two_parts("pairing-requ", false)]
    #[case::part_of_a_reason("upgrade", true)]
    #[case::part_of_a_name("iphon", false)]
    #[case::year("2026", false)]
    #[case::digits_of_a_name("1234", false)]
    #[case::name_with_digits("tail1234", false)]
    #[case::upper_case("PAIRING_REQUIRED", true)]
    #[case::reason("role-upgrade", true)]
    #[case::family("empty-tokens", true)]
    #[case::readme("deviates", true)]
    #[case::of_a_test("hunter", false)]
    #[case::two_words("token gateway", false)]
    #[case::drawn("q3vd", false)]
    #[case::usual_password("letmein", false)]
    #[case::name_in_code("letters_only_x", false)]
    fn words_of_clawcheck(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(contain(text), expected);
    }

    /// In `role-upgrade -> operator.admins, PAIRING_REQUIRED: iphone15 of tail1234-host 2026`.
    #[rstest]
    #[case::word("operator", true)]
    #[case::part_before_a_hyphen("role", true)]
    #[case::both_parts("role-upgrade", true)]
    #[case::other_case("pairing_Required", true)]
    #[case::last_part("host", true)]
    #[case::before_digits("iphone", false)]
    #[case::shortened("admin", false)]
    #[case::end_of_a_word("grade", false)]
    fn finds_whole_words(#[case] word: &str, #[case] expected: bool) {
        let text = b"role-upgrade -> operator.admins, PAIRING_REQUIRED: iphone15 of tail1234-host 2026";
        assert_eq!(Word::new(word).unwrap().is_in(text), expected);
    }

    #[rstest]
    fn rejects_texts_with_other_characters(
        #[values("abc", "tail1234", "two words", "-role", "role_", "größe")] text: &str,
    ) {
        assert!(!is_word(text));
    }
}
