//! Line-by-line differences between two texts, with the changed words of a line marked.

use owo_colors::OwoColorize as _;
use similar::{ChangeTag, DiffOp, TextDiff};
use std::fmt::Write as _;
use untrusted_data::cut;

/// Number of unchanged lines shown around a change.
const CONTEXT: usize = 3;

/// Maximum number of lines of a text that are compared.
const LINES: usize = 2000;
/// If the replaced lines have more bytes than this, no words are marked, because the reader sees only a part of each
/// line.
const MARKED: usize = 16 << 10;

/// Shows the expected (`-`) and the observed (`+`) lines. Empty if the texts are equal. `colour` adds terminal colors.
/// Lines are shown whole.
pub fn render(expected: &str, seen: &str, colour: bool) -> String {
    render_within(expected, seen, colour, usize::MAX)
}

/// Shows the difference as [`render`], with at most `width` characters of each line. Of two long lines, the part that
/// differs is shown.
pub fn render_within(expected: &str, seen: &str, colour: bool, width: usize) -> String {
    let differ = expected != seen;
    let (expected, seen) = (cut::lines(expected, LINES, 0), cut::lines(seen, LINES, 0));
    let diff = TextDiff::from_lines(&*expected, &*seen);
    let mut out = String::new();
    if diff.ratio() >= 1.0 {
        if differ {
            let _ = writeln!(out, "  … the first {} lines are equal …", cut::number(LINES as u64));
        }
        return out;
    }
    for (at, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if at > 0 {
            out.push_str("  ...\n");
        }
        for op in group {
            let parting = FirstDifference::of(&diff, op, width);
            let bytes = parting.bytes;
            if colour && bytes <= MARKED {
                for change in diff.iter_inline_changes(op) {
                    let parts = change.iter_strings_lossy().collect::<Vec<_>>();
                    let parts = parts.iter().map(|(changed, text)| (*changed, &**text));
                    let start = parting.start(change.old_index(), change.new_index());
                    line(change.tag(), parts, start, width, colour, &mut out);
                }
            } else {
                for change in diff.iter_changes(op) {
                    let start = parting.start(change.old_index(), change.new_index());
                    line(change.tag(), [(false, change.value())].into_iter(), start, width, colour, &mut out);
                }
            }
        }
    }
    out
}

/// The first shown character of long lines that replace each other.
struct FirstDifference {
    /// The numbers of the first lines, before and after.
    first: (usize, usize),
    starts: Vec<usize>,
    /// The size of all lines, in bytes.
    bytes: usize,
}

/// The first shown character of two long lines that replace each other. It is 0 if the lines differ within the first
/// half of `width` characters, or if the mark would be longer than the text that it replaces.
pub(crate) fn start(old: &str, new: &str, width: usize) -> usize {
    let common = old.chars().zip(new.chars()).take_while(|(old, new)| old == new).count();
    let start = if common > width / 2 { common - width / 4 } else { 0 };
    if start > omitted_start(start).chars().count() { start } else { 0 }
}

/// The mark in place of the first characters of two lines, which are equal.
pub(crate) fn omitted_start(characters: usize) -> String {
    format!("… {characters} equal characters … ")
}

impl FirstDifference {
    fn of(diff: &TextDiff<'_, '_, '_, str>, op: &DiffOp, width: usize) -> Self {
        let (old, new) = (op.old_range(), op.new_range());
        let old_lines = diff.old_slices().get(old.clone()).unwrap_or_default();
        let new_lines = diff.new_slices().get(new.clone()).unwrap_or_default();
        let start = |(old, new): (&&str, &&str)| start(old, new, width);
        Self {
            first: (old.start, new.start),
            starts: old_lines.iter().zip(new_lines).map(start).collect(),
            bytes: old_lines.iter().chain(new_lines).map(|line| line.len()).sum(),
        }
    }

    fn start(&self, old: Option<usize>, new: Option<usize>) -> usize {
        let at = match (old, new) {
            (Some(old), None) => old - self.first.0,
            (None, Some(new)) => new - self.first.1,
            _ => return 0,
        };
        self.starts.get(at).copied().unwrap_or(0)
    }
}

/// Writes a line from a character on, with marks for omitted parts on both sides.
fn line<'a>(
    tag: ChangeTag,
    parts: impl Iterator<Item = (bool, &'a str)>,
    start: usize,
    width: usize,
    colour: bool,
    out: &mut String,
) {
    let sign = match tag {
        ChangeTag::Equal => ' ',
        ChangeTag::Delete => '-',
        ChangeTag::Insert => '+',
    };
    let mut line = if start > 0 { omitted_start(start) } else { String::new() };
    let parts = parts.map(|(changed, text)| (changed, text.trim_end_matches('\n'))).collect::<Vec<_>>();
    let all = parts.iter().map(|(_, text)| text.chars().count()).sum::<usize>();
    let more = all.saturating_sub(start.saturating_add(width));
    let mark = format!("… {} more characters", cut::number(more as u64));
    // A mark that is longer than the text that it replaces is not written.
    let (width, more) = if more <= mark.chars().count() { (usize::MAX, 0) } else { (width, more) };
    let mut at = 0;
    for (changed, text) in parts {
        let characters = text.chars().count();
        let (from, to) = (start.saturating_sub(at), start.saturating_add(width).saturating_sub(at));
        let shown = text.chars().skip(from).take(to.saturating_sub(from)).collect::<String>();
        if !shown.is_empty() {
            line.push_str(&paint(tag, changed, &shown, colour));
        }
        at += characters;
    }
    if more > 0 {
        line.push_str(&mark);
    }
    let sign = paint(tag, false, &sign.to_string(), colour);
    let _ = writeln!(out, "{sign} {line}");
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
    fn shows_context_lines() {
        insta::assert_snapshot!(render("a\nclose 1000 \"\"\nb\n", "a\nclose 1008 \"no\"\nb\n", false), @r#"
          a
        - close 1000 ""
        + close 1008 "no"
          b
        "#);
    }

    #[test]
    fn shows_differing_part_of_long_lines() {
        let long = |word: &str| format!("{}{word} {}\n", "same ".repeat(100), "more ".repeat(100));
        for colour in [false, true] {
            let shown = render_within(&long("one"), &long("other"), colour, 40);
            let plain = strip(&shown);
            let expected = "- … 491 equal characters … ame same one more more more more more mo… 473 more characters\n\
                + … 491 equal characters … ame same other more more more more more … 475 more characters\n";
            assert_eq!(plain, expected);
        }
        assert!(
            render(&long("one"), &long("other"), false).contains(&long("one")),
            "lines are whole unless asked otherwise"
        );
    }

    /// The difference without colors.
    fn strip(text: &str) -> String {
        let mut parts = text.split('\u{1b}');
        let first = parts.next().unwrap_or_default().to_owned();
        first + &parts.map(|part| part.split_once('m').map_or("", |(_, rest)| rest)).collect::<String>()
    }

    #[test]
    fn comparison_of_huge_texts_is_bounded() {
        let text = |word: &str| (0..20_000).map(|n| format!("{word} {n} {}\n", "x y ".repeat(20))).collect::<String>();
        let shown = render_within(&text("one"), &text("other"), true, 100);
        assert!(shown.len() < 2 << 20 && shown.contains("… 18,000 more lines …"), "{}", shown.len());
    }

    #[test]
    fn equal_texts_have_no_diff() {
        assert_eq!(render("a\nb\n", "a\nb\n", true), "");
        let text = |last: &str| format!("{}{last}\n", "line\n".repeat(LINES + 9));
        assert_eq!(render(&text("a"), &text("b"), false), "  … the first 2,000 lines are equal …\n");
    }

    #[test]
    fn colours_only_where_asked() {
        assert!(render("a\n", "b\n", true).contains('\u{1b}'));
        assert!(!render("a\n", "b\n", false).contains('\u{1b}'));
    }
}
