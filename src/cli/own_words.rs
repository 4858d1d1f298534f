//! The words that clawcheck prints in every output: those of the README with its samples of output, of the built-in
//! scenarios, and of the approved snapshots. The words of the help are not included, because rendering it would take 4
//! MB in each run.

use crate::built_in;
use std::collections::BTreeSet;
use std::sync::LazyLock;

const README: &str = include_str!("../../README.md");
/// Shorter words are never replaced.
const MIN_LENGTH: usize = 4;

/// Whether a text is such a word. Letter case is ignored. A part of a word does not count, because most short passwords
/// are a part of some word.
pub(super) fn contain(text: &str) -> bool {
    static WORDS: LazyLock<BTreeSet<String>> = LazyLock::new(collect);
    // Nearly every secret has a digit, so that a run seldom needs the list.
    text.bytes().all(|byte| byte.is_ascii_alphabetic() || joins(byte.into()))
        && is_word(text)
        && WORDS.contains(&text.to_ascii_lowercase())
}

fn collect() -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    add(README, &mut words);
    for files in [built_in::scenarios(), built_in::snapshots()] {
        for (path, contents) in files {
            add(path, &mut words);
            add(&String::from_utf8_lossy(contents), &mut words);
        }
    }
    words
}

/// Adds the words of a text. A word with a hyphen or an underscore also adds its parts: `role-upgrade`, `role`,
/// `upgrade`.
fn add(text: &str, words: &mut BTreeSet<String>) {
    let found = text.split(|c: char| !c.is_ascii_alphanumeric() && !joins(c)).map(|word| word.trim_matches(joins));
    let found = found.flat_map(|word| std::iter::once(word).chain(word.split(joins)));
    words.extend(found.filter(|word| is_word(word)).map(str::to_ascii_lowercase));
}

fn joins(c: char) -> bool {
    matches!(c, '-' | '_')
}

/// Words with digits are left out: they are names, numbers or sample secrets.
fn is_word(word: &str) -> bool {
    word.len() >= MIN_LENGTH && !word.bytes().any(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::{add, contain};
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

    #[test]
    fn splits_words_at_hyphens_and_underscores() {
        let mut words = std::collections::BTreeSet::new();
        add("role-upgrade -> operator.admins, PAIRING_REQUIRED: iphone15 of tail1234-host 2026", &mut words);
        let expected = [
            "admins",
            "host",
            "operator",
            "pairing",
            "pairing_required",
            "required",
            "role",
            "role-upgrade",
            "upgrade",
        ];
        assert_eq!(words.into_iter().collect::<Vec<_>>(), expected);
    }
}
