//! Several things in a sentence.

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn enumeration(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(&[], "")]
    #[case(&["a"], "a")]
    #[case(&["a", "b"], "a and b")]
    #[case(&["a", "b", "c"], "a, b and c")]
    fn commas_and_final_and(#[case] items: &[&str], #[case] expected: &str) {
        let items = items.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>();
        assert_eq!(enumeration(&items), expected);
    }
}
