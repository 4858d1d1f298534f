//! A difference between the rules and a gateway, and the kind of the difference.

use std::collections::BTreeSet;
use std::fmt;

/// The two observations of a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoryDifference {
    /// The observation on the embedded gateway.
    pub predicted: String,
    /// The observation on the gateway under test, in the same form.
    pub seen: String,
    /// The kind of the difference.
    pub kind: DifferenceKind,
}

impl StoryDifference {
    /// Compares two observations. `None` if they are equal.
    pub(super) fn between(predicted: &str, seen: &str) -> Option<Self> {
        (predicted != seen).then(|| Self {
            predicted: predicted.to_owned(),
            seen: seen.to_owned(),
            kind: DifferenceKind::of(predicted, seen),
        })
    }
}

/// The kind of a difference: what differs in the first lines that are not equal, without values and names.
/// Differences of one kind usually have one cause.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct DifferenceKind {
    /// The part of the observation: `steps`, or a section of the store.
    part: String,
    /// The predicted part of the line that the gateway does not show.
    predicted: String,
    /// The part that the gateway shows instead.
    seen: String,
}

impl DifferenceKind {
    fn of(predicted: &str, seen: &str) -> Self {
        let mut part = "steps".to_owned();
        let (mut left, mut right) = (predicted.lines(), seen.lines());
        loop {
            let (a, b) = (left.next(), right.next());
            if a == b && a.is_some() {
                // After the first empty line, the observation contains the sections of the store, each below its
                // name.
                match a {
                    Some("") => part.clear(),
                    Some(name) if part != "steps" && !name.starts_with(' ') => name.clone_into(&mut part),
                    _ => {}
                }
                continue;
            }
            let (predicted, seen) = differing(a.unwrap_or_default(), b.unwrap_or_default());
            return Self { part, predicted, seen };
        }
    }
}

impl fmt::Display for DifferenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_nothing = |text: &'_ str| if text.is_empty() { "nothing".to_owned() } else { text.to_owned() };
        write!(f, "{}: {} instead of {}", self.part, or_nothing(&self.seen), or_nothing(&self.predicted))
    }
}

/// Returns the words that occur in only one of the two lines.
fn differing(predicted: &str, seen: &str) -> (String, String) {
    let (a, b) = (words(predicted), words(seen));
    if a.first() != b.first() {
        // The two events have different types, so their details do not matter.
        return (a.first().cloned().unwrap_or_default(), b.first().cloned().unwrap_or_default());
    }
    let only = |words: &[String], others: &[String]| {
        let only = words.iter().filter(|word| !others.contains(word)).map(|word| label(word));
        only.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
    };
    (only(&a, &b), only(&b, &a))
}

/// Splits a line into its parts, which two spaces separate. The first part of a record is a name.
fn words(line: &str) -> Vec<String> {
    let unnumbered = |word: &str| word.chars().filter(|letter| !letter.is_ascii_digit()).collect::<String>();
    let mut words = line.trim().split("  ").map(unnumbered).filter(|word| !word.is_empty()).collect::<Vec<_>>();
    if !line.trim_start().starts_with("<-")
        && !line.trim_start().starts_with("->")
        && let Some(first) = words.first_mut()
    {
        "record".clone_into(first);
    }
    words
}

/// The topic of a word: `scopes` for `scopes operator.read`.
fn label(word: &str) -> String {
    word.split([' ', '=']).next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const STEPS: &str = "connect laptop\n  <- hello-ok  role operator  scopes none\n";

    #[rstest]
    #[case::another_answer(
        "connect laptop\n  <- hello-ok  role node\n",
        "connect laptop\n  <- error NOT_PAIRED\n  <- close 1008\n",
        "steps: <- error NOT_PAIRED instead of <- hello-ok"
    )]
    #[case::another_word(
        STEPS,
        "connect laptop\n  <- hello-ok  role operator  scopes operator.read\n",
        "steps: scopes instead of scopes"
    )]
    #[case::one_more(STEPS, &format!("{STEPS}  <- close 4001 \"x\"\n"), "steps: <- close  \"x\" instead of nothing")]
    #[case::in_the_store(&format!("{STEPS}\npaired\n  phone  cli/cli  silent\npending\n  none\n"), &format!("{STEPS}\npaired\n  phone  cli/cli\npending\n  none\n"), "paired: nothing instead of silent")]
    fn kind_ignores_names(#[case] predicted: &str, #[case] seen: &str, #[case] kind: &str) {
        assert_eq!(StoryDifference::between(predicted, seen).unwrap().kind.to_string(), kind);
    }

    #[test]
    fn equal_observations_have_no_kind() {
        assert_eq!(StoryDifference::between(STEPS, STEPS), None);
    }
}
