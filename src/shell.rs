//! Commands that are printed for a shell.

use std::borrow::Cow;

/// An argument as a POSIX shell needs it: a case id with a point has a `#` in it.
pub(crate) fn quoted(argument: &str) -> Cow<'_, str> {
    // Only a NUL cannot be quoted, and no argument contains one.
    shlex::try_quote(argument).unwrap_or(Cow::Borrowed(argument))
}

#[cfg(test)]
mod tests {
    use super::quoted;
    use rstest::rstest;

    #[rstest]
    #[case("a/b", "a/b")]
    #[case("openclaw@2026.4.2", "openclaw@2026.4.2")]
    #[case("", "''")]
    #[case("a/b#c=d", "'a/b#c=d'")]
    #[case("it's $HOME", r#""it's "'$HOME'"#)]
    fn quotes_only_if_necessary(#[case] argument: &str, #[case] expected: &str) {
        assert_eq!(quoted(argument), expected);
    }
}
