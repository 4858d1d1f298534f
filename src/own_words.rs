//! The words that clawcheck itself prints: those of its messages, of the release rules, of the built-in scenarios and of
//! the approved snapshots. `build.rs` collects them.

use std::sync::LazyLock;

/// Whether a text is such a word or a part of one. Letter case is ignored.
pub(crate) fn contain(text: &str) -> bool {
    static WORDS: LazyLock<String> = LazyLock::new(|| {
        let packed = include_bytes!(concat!(env!("OUT_DIR"), "/words.packed"));
        let plain = miniz_oxide::inflate::decompress_to_vec(packed).unwrap_or_default();
        String::from_utf8(plain).unwrap_or_default()
    });
    // The words are separated by line breaks.
    !text.contains('\n') && WORDS.contains(&text.to_ascii_lowercase())
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
