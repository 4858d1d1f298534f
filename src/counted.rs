//! A number with its noun.

/// `1 case`, `2 cases`. The plural of the noun must end in a plain `s`.
pub(crate) fn counted(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
