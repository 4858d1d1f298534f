//! The words that clawcheck prints to everybody: those of its help, of the built-in scenarios, and of the approved
//! snapshots.

use crate::built_in;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Shorter words are never replaced.
const SHORTEST: usize = 4;

/// Whether a text is such a word or a part of one. Letter case is ignored.
pub(super) fn contain(text: &str) -> bool {
    static WORDS: LazyLock<String> = LazyLock::new(|| collect().into_iter().collect::<Vec<_>>().join("\n"));
    !text.contains('\n') && WORDS.contains(&text.to_ascii_lowercase())
}

fn collect() -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    add(&super::all_help(), &mut words);
    for files in [built_in::scenarios(), built_in::snapshots()] {
        for (path, contents) in files {
            add(path, &mut words);
            add(&String::from_utf8_lossy(contents), &mut words);
        }
    }
    words
}

fn add(text: &str, words: &mut BTreeSet<String>) {
    let in_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let found = text.split(|c| !in_word(c)).map(|word| word.trim_matches('-'));
    let found = found.filter(|word| word.len() >= SHORTEST && word.bytes().any(|byte| byte.is_ascii_alphabetic()));
    words.extend(found.map(str::to_ascii_lowercase));
}

#[cfg(test)]
mod tests {
    use super::contain;
    use rstest::rstest;

    #[rstest]
    #[case::message("token", true)]
    #[case::message_part("pair", true)]
    #[case::upper_case("PAIRING_REQUIRED", true)]
    #[case::reason("role-upgrade", true)]
    #[case::family("empty-tokens", true)]
    #[case::help("gateway", true)]
    #[case::of_a_test("hunter", false)]
    #[case::two_words("token gateway", false)]
    #[case::drawn("q3vd", false)]
    #[case::usual_password("letmein", false)]
    #[case::name_in_code("letters_only_x", false)]
    fn words_of_clawcheck(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(contain(text), expected);
    }
}
