//! Marks the differences between an expected and an actual line.
//!
//! If at least half of the text is the same, both lines are merged into one line, as with `git diff --word-diff`:
//! `close [-1008-]{+1002+}`. Otherwise, the lines are printed one below the other.

use owo_colors::OwoColorize as _;
use similar::{ChangeTag, TextDiff};
use untrusted_data::cut;
use untrusted_data::printable;

/// The number of unchanged characters that are printed next to a change. The rest of a long line is omitted.
const CONTEXT: usize = 40;
/// The maximum size of two lines whose words are compared, in bytes.
const COMPARED: usize = 4 << 10;

/// The lines that show a difference, each with at most about `width` characters. An empty line stands for a missing
/// line.
pub(super) fn marked(expected: &str, seen: &str, colour: bool, width: usize) -> Vec<String> {
    let (expected, seen) = (printable::line(expected), printable::line(seen));
    if expected.len() + seen.len() <= COMPARED {
        let diff = TextDiff::from_words(&*expected, &*seen);
        if alike(&diff) * 2 >= letters(&expected).max(letters(&seen)) {
            return vec![inline(&changes(&diff), colour, width)];
        }
    }
    let sides = [(ChangeTag::Delete, "-", &expected), (ChangeTag::Insert, "+", &seen)];
    let sides = sides.into_iter().filter(|(_, _, text)| !text.is_empty());
    sides.map(|(tag, sign, text)| paint(tag, &format!("{sign} {}", cut::line(text, width)), colour)).collect()
}

/// The number of characters in the words that both lines have.
fn alike<'t>(diff: &TextDiff<'t, 't, '_, str>) -> usize {
    diff.iter_all_changes()
        .filter(|change| change.tag() == ChangeTag::Equal)
        .map(|change| letters(change.value()))
        .sum()
}

fn letters(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

/// The parts of both lines, with adjacent parts of the same kind combined. Deleted text comes before inserted text, and
/// spaces between two changed words also count as changed.
fn changes<'t>(diff: &TextDiff<'t, 't, '_, str>) -> Vec<(ChangeTag, String)> {
    let (mut parts, mut old, mut new): (Vec<(ChangeTag, String)>, _, _) = (Vec::new(), String::new(), String::new());
    let all = diff.iter_all_changes().map(|change| (change.tag(), change.value())).collect::<Vec<_>>();
    for (at, (tag, text)) in all.iter().enumerate() {
        let follows = all.get(at + 1).is_some_and(|(tag, _)| *tag != ChangeTag::Equal);
        let between = follows && text.trim().is_empty() && !(old.is_empty() && new.is_empty());
        match tag {
            ChangeTag::Delete => old.push_str(text),
            ChangeTag::Insert => new.push_str(text),
            ChangeTag::Equal if between => [&mut old, &mut new].into_iter().for_each(|side| side.push_str(text)),
            ChangeTag::Equal => {
                take(&mut parts, &mut old, &mut new);
                parts.push((ChangeTag::Equal, (*text).to_owned()));
            }
        }
    }
    take(&mut parts, &mut old, &mut new);
    parts
}

fn take(parts: &mut Vec<(ChangeTag, String)>, old: &mut String, new: &mut String) {
    for (tag, side) in [(ChangeTag::Delete, old), (ChangeTag::Insert, new)] {
        if !side.trim().is_empty() {
            parts.push((tag, std::mem::take(side)));
        }
        side.clear();
    }
}

fn inline(parts: &[(ChangeTag, String)], colour: bool, width: usize) -> String {
    let mut joined: Vec<(ChangeTag, String)> = Vec::new();
    for (tag, text) in parts {
        match joined.last_mut() {
            Some((last, line)) if last == tag => line.push_str(text),
            _ => joined.push((*tag, text.clone())),
        }
    }
    let last = joined.len().saturating_sub(1);
    let mut left = width;
    let mut line = String::new();
    for (at, (tag, text)) in joined.iter().enumerate() {
        let text = match tag {
            ChangeTag::Equal => around(text, at == 0, at == last),
            _ => cut::line(text, width / 2).into_owned(),
        };
        let length = text.chars().count();
        if length > left {
            line.push('…');
            break;
        }
        left -= length;
        line.push_str(&paint_part(*tag, &text, colour));
    }
    line
}

/// The part of unchanged text that is next to a change.
fn around(text: &str, first: bool, last: bool) -> String {
    let all = text.chars().count();
    let (before, after) = match (first, last) {
        // The beginning of a line contains its topic.
        (true, _) => (CONTEXT / 2, CONTEXT),
        (false, true) => (CONTEXT, 0),
        (false, false) => (CONTEXT, CONTEXT),
    };
    if all <= before + after + 1 || (first && last) {
        return text.to_owned();
    }
    let start = text.chars().take(before).collect::<String>();
    let end = text.chars().skip(all - after).collect::<String>();
    // Do not split a word.
    let start = start.rfind(' ').map_or(&*start, |at| &start[..=at]);
    let end = end.find(' ').map_or(&*end, |at| &end[at..]);
    format!("{start}…{end}")
}

fn paint_part(tag: ChangeTag, text: &str, colour: bool) -> String {
    match (tag, colour) {
        (ChangeTag::Equal, _) => text.to_owned(),
        (ChangeTag::Delete, false) => format!("[-{text}-]"),
        (ChangeTag::Insert, false) => format!("{{+{text}+}}"),
        (ChangeTag::Delete, true) => text.red().strikethrough().to_string(),
        (ChangeTag::Insert, true) => text.green().bold().to_string(),
    }
}

/// A whole line.
fn paint(tag: ChangeTag, text: &str, colour: bool) -> String {
    match (tag, colour) {
        (ChangeTag::Delete, true) => text.red().to_string(),
        (ChangeTag::Insert, true) => text.green().to_string(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("<- close 1008 \"no\"  clean", "<- close 1002 \"no\"  clean", &["<- close [-1008-]{+1002+} \"no\"  clean"])]
    #[case("<- hello-ok  protocol 3", "<- hello-ok  protocol 3  with a", &["<- hello-ok  protocol 3{+  with a+}"])]
    #[case("<- hello-ok  protocol 3", "<- error NOT_PAIRED", &["- <- hello-ok  protocol 3", "+ <- error NOT_PAIRED"])]
    #[case("", "<- event tick", &["+ <- event tick"])]
    #[case("<- event tick", "", &["- <- event tick"])]
    #[case("", "", &[""])]
    fn marks_difference_inside_line(#[case] expected: &str, #[case] seen: &str, #[case] lines: &[&str]) {
        assert_eq!(marked(expected, seen, false, 120), lines);
    }

    #[test]
    fn colors_replace_marks() {
        let lines = marked("<- close 1008 \"no\"", "<- close 1002 \"no\"", true, 120);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].contains('\u{1b}') && !lines[0].contains("[-"), "{lines:?}");
    }

    #[test]
    fn shows_changed_part_of_long_lines() {
        let line = |word: &str| format!("<- ok  {}{word} {}", "same ".repeat(40), "more ".repeat(20));
        let shown = marked(&line("one"), &line("other"), false, 120).remove(0);
        assert!(shown.contains("[-one-]{+other+}") && shown.starts_with("<- ok  same"), "{shown}");
        assert!(shown.chars().count() < 140, "{shown}");
    }

    #[test]
    fn escapes_control_characters() {
        for (expected, seen) in [("<- a \u{1b}[2J", "<- a \u{7}"), ("a", "\u{202e}b\nc"), ("x y \u{9b}31m z", "x y z")]
        {
            for line in marked(expected, seen, false, 120) {
                assert!(line.chars().all(printable::is_printable), "{line:?}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn lines_stay_within_bounds(a in ".{0,600}", b in ".{0,600}", width in 20_usize..200) {
            let lines = marked(&a, &b, false, width);
            proptest::prop_assert!(lines.len() <= 2);
            proptest::prop_assert!(lines.iter().all(|line| line.chars().count() < 6 * width + 40));
        }
    }
}
