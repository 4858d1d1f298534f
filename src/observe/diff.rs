//! Differences between two texts, line by line, the changed words of a line marked.

use owo_colors::OwoColorize as _;
use similar::{ChangeTag, TextDiff};
use std::fmt::Write as _;

/// Unchanged lines shown around a change.
const CONTEXT: usize = 3;

/// Shows what is expected (`-`) against what was seen (`+`). Empty where nothing differs. `colour` adds terminal colours;
/// without it the signs alone tell the lines apart.
pub fn render(expected: &str, seen: &str, colour: bool) -> String {
    let diff = TextDiff::from_lines(expected, seen);
    let mut out = String::new();
    if diff.ratio() >= 1.0 {
        return out;
    }
    for (at, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if at > 0 {
            out.push_str("  ...\n");
        }
        for change in group.iter().flat_map(|op| diff.iter_inline_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            let mut line = String::new();
            for (changed, text) in change.iter_strings_lossy() {
                line.push_str(&paint(change.tag(), changed, text.trim_end_matches('\n'), colour));
            }
            let sign = paint(change.tag(), false, &sign.to_string(), colour);
            let _ = writeln!(out, "{sign} {line}");
        }
    }
    out
}

fn paint(tag: ChangeTag, changed: bool, text: &str, colour: bool) -> String {
    match (colour, tag, changed) {
        (false, ..) | (true, ChangeTag::Equal, _) => text.to_owned(),
        (true, ChangeTag::Delete, false) => text.red().to_string(),
        (true, ChangeTag::Delete, true) => text.red().bold().underline().to_string(),
        (true, ChangeTag::Insert, false) => text.green().to_string(),
        (true, ChangeTag::Insert, true) => text.green().bold().underline().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_changed_line_between_its_neighbours() {
        insta::assert_snapshot!(render("a\nclose 1000 \"\"\nb\n", "a\nclose 1008 \"no\"\nb\n", false), @r#"
          a
        - close 1000 ""
        + close 1008 "no"
          b
        "#);
    }

    #[test]
    fn equal_texts_have_no_difference() {
        assert_eq!(render("a\nb\n", "a\nb\n", true), "");
    }

    #[test]
    fn colours_only_where_asked() {
        assert!(render("a\n", "b\n", true).contains('\u{1b}'));
        assert!(!render("a\n", "b\n", false).contains('\u{1b}'));
    }
}
