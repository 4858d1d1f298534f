//! Misspelt words and their neighbours: what a file or an argument may have meant.

/// Words that are looked at for a neighbour, and words that are listed: a file may have thousands.
const MAX_COMPARED: usize = 500;
const MAX_LISTED: usize = 40;
/// Longer words are no misspelt ones.
const MAX_WORD_LENGTH: usize = 64;

/// The one of several words that a misspelt one was probably meant to be.
pub(crate) fn nearest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_within(1 + word.chars().count() / 4, word, words)
}

/// The one of several words that is at most so many letters away: added, dropped, changed or swapped with their neighbour.
pub(crate) fn nearest_within<'a>(
    letters: usize,
    word: &str,
    words: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if word.len() > MAX_WORD_LENGTH {
        return None;
    }
    words
        .into_iter()
        .take(MAX_COMPARED)
        .map(|candidate| (strsim::osa_distance(word, candidate), candidate))
        .filter(|&(distance, _)| distance <= letters)
        // The user may not have finished the word.
        .min_by_key(|&(distance, candidate)| (!candidate.starts_with(word), distance))
        .map(|(_, candidate)| candidate)
}

/// `one of a, b, c`, with the nearest first as a question where there is one.
pub(crate) fn choices(word: &str, words: &[&str]) -> String {
    let all = match words {
        [] => return "no value is allowed here".to_owned(),
        [only] => format!("expected {only}"),
        _ if words.len() > MAX_LISTED => {
            format!("expected one of {} and {} more", words[..MAX_LISTED].join(", "), words.len() - MAX_LISTED)
        }
        _ => format!("expected one of {}", words.join(", ")),
    };
    match nearest(word, words.iter().copied()) {
        Some(near) if words.len() == 1 => format!("did you mean `{near}`?"),
        Some(near) => format!("did you mean `{near}`? {}{}", all[..1].to_uppercase(), &all[1..]),
        None => all,
    }
}

/// The sentence about a word that is another name of one of several words, and the words. Otherwise, the same as [`choices`].
pub(crate) fn choices_or_synonym(word: &str, words: &[&str], synonyms: &[(&str, &str)]) -> String {
    let meant = synonyms.iter().find(|(other, _)| other.eq_ignore_ascii_case(word));
    match meant {
        Some((_, sentence)) => format!("{sentence}; expected one of {}", words.join(", ")),
        None => choices(word, words),
    }
}

/// What to do about a required key that is missing.
pub(crate) fn missing_key(key: &str) -> String {
    match key {
        // Only steps that use a held connection have this key.
        "on" => "name the connection: `on: NAME`, and `as: NAME` on its `connect`".to_owned(),
        "scenario" => "add `scenario: TITLE`".to_owned(),
        "steps" => "add `steps:` and a list of steps".to_owned(),
        key => format!("add `{key}: {}`", key.to_uppercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::{choices, nearest};
    use rstest::rstest;

    #[rstest]
    #[case("scoeps", Some("scopes"))]
    #[case("scope", Some("scopes"))]
    #[case("rol", Some("role"))]
    #[case("stor", Some("store"))]
    #[case("zzz", None)]
    #[case("", None)]
    fn finds_similar_word(#[case] word: &str, #[case] neighbour: Option<&str>) {
        assert_eq!(nearest(word, ["role", "roles", "scopes", "stop", "store", "device"]), neighbour);
    }

    #[test]
    fn lists_first_words() {
        let names: Vec<_> = (0..10_000).map(|n| format!("name-{n}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let all = choices("other", &names);
        assert!(all.starts_with("expected one of name-0, name-1, ") && all.ends_with("name-39 and 9960 more"), "{all}");
    }
}
