//! Prepares a file for an error message: long lines are truncated around the position of the error.

use std::ops::Range;

/// The maximum length of a line that is shown in full, in bytes.
const MAX_LINE_LENGTH: usize = 400;
/// The number of bytes that are shown before the error in a longer line.
const BEFORE: usize = 100;
/// The mark for a truncated part.
const CUT_MARK: &str = "…";

/// Returns the text with its long lines truncated, and the new position of `place`. The lines keep their numbers.
pub fn excerpt(text: &str, place: Range<usize>) -> (String, Range<usize>) {
    let (mut shown, mut found, mut start) = (String::new(), None, 0);
    for line in text.split_inclusive('\n') {
        let end = start + line.len();
        let within = (start..end).contains(&place.start).then(|| place.start - start);
        let kept = kept(line, within.unwrap_or_default());
        let cut = |is: bool| if is { CUT_MARK } else { "" };
        shown.push_str(cut(kept.start > 0));
        if let Some(at) = within {
            let from = shown.len() + at.saturating_sub(kept.start);
            found = Some(from..from + place.len().min(kept.end.saturating_sub(at)));
        }
        shown.push_str(&line[kept.clone()]);
        if kept.end < line.len() {
            shown.push_str(CUT_MARK);
            shown.push_str(if line.ends_with('\n') { "\n" } else { "" });
        }
        start = end;
    }
    let found = found.unwrap_or(shown.len()..shown.len());
    (shown, found)
}

/// The shown part of a line around a position.
fn kept(line: &str, at: usize) -> Range<usize> {
    if line.len() <= MAX_LINE_LENGTH {
        return 0..line.len();
    }
    let from = boundary(line, at.saturating_sub(BEFORE));
    from..boundary(line, from + MAX_LINE_LENGTH)
}

/// Returns the last character boundary up to this byte.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn excerpt_keeps_line_numbers() {
        let text = format!("a\n{}HERE{}\nb\n", "ü".repeat(5000), "x".repeat(5000));
        let at = text.find("HERE").unwrap();
        let (shown, place) = excerpt(&text, at..at + 4);
        assert_eq!(&shown[place], "HERE");
        let lines: Vec<&str> = shown.lines().collect();
        assert!(
            lines.len() == 3 && lines[1].len() < 420 && lines[1].starts_with('…') && lines[1].ends_with('…'),
            "{shown}"
        );
        let (shown, place) = excerpt("a\nHERE\n", 2..6);
        assert_eq!((shown.as_str(), &shown[place]), ("a\nHERE\n", "HERE"));
    }

    proptest! {
        #[test]
        fn excerpt_keeps_position(lines in prop::collection::vec("[aü\n]{0,900}", 0..4), at in 0_usize..3000, length in 0_usize..9) {
            let text = lines.concat();
            let at = boundary(&text, at);
            let (shown, place) = excerpt(&text, at..boundary(&text, at + length));
            prop_assert!(shown.get(place).is_some());
            prop_assert_eq!(shown.matches('\n').count(), text.matches('\n').count());
            prop_assert!(shown.lines().all(|line| line.len() <= MAX_LINE_LENGTH + 2 * CUT_MARK.len()));
        }
    }
}
