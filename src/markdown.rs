//! Texts of gateways and files in Markdown.

use untrusted_data::printable;

/// Text as a code span, in which markup has no effect.
pub(crate) fn code(text: &str) -> String {
    let text = printable::line(text);
    if text.is_empty() {
        return String::new();
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    // Markdown removes one space at each end, if the text between them is not blank.
    let strips = |end: Option<char>| end.is_some_and(|end| end == '`' || end == ' ');
    let room = if strips(text.chars().next()) || strips(text.chars().next_back()) { " " } else { "" };
    format!("{fence}{room}{text}{room}{fence}")
}

/// The link of a scenario, such as `https://...` or `owner/repository#12`, as a link with its text in a code span. Only the
/// code span if it contains characters that could end the link.
pub(crate) fn linked(link: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/:.-_~#?&=%+".contains(c);
    let shown = code(link);
    match link.split_once('#') {
        _ if !link.chars().all(is_plain) => shown,
        _ if link.starts_with("https://") => format!("[{shown}]({link})"),
        Some((repository, number)) => format!("[{shown}](https://github.com/{repository}/issues/{number})"),
        None => shown,
    }
}

/// Text as a code span in a cell of a table. A bar ends a cell even in a code span, unless it is escaped.
pub(crate) fn cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}

/// The length of the longest run of backticks.
pub(crate) fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("a/b#12", "[`a/b#12`](https://github.com/a/b/issues/12)")]
    #[case("https://a.example/b?c=d#e", "[`https://a.example/b?c=d#e`](https://a.example/b?c=d#e)")]
    #[case("https://a.example/)[b](javascript:c)", "`https://a.example/)[b](javascript:c)`")]
    #[case("javascript:c", "`javascript:c`")]
    fn only_links_of_scenarios_become_links(#[case] link: &str, #[case] expected: &str) {
        assert_eq!(linked(link), expected);
    }

    #[rstest]
    #[case("", "")]
    #[case("<img src=x onerror=y>", "`<img src=x onerror=y>`")]
    #[case("[a](javascript:b) @everyone <!--", "`[a](javascript:b) @everyone <!--`")]
    #[case("a`b``c", "```a`b``c```")]
    #[case("`", "`` ` ``")]
    #[case("a\n# b", "`a\\n# b`")]
    #[case("a|b", "`a\\|b`")]
    fn escapes_markup_in_cell(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(cell(text), expected);
    }
}
