//! Truncates long values. A mark shows how much is missing.

pub mod json;

use std::borrow::Cow;

/// The maximum number of bytes that a cut moves back to the start of a word. Half a token would be a secret without
/// its symbol.
const WORD: usize = 128;

/// Returns the text, or its beginning and the number of missing bytes. The result has at most `bytes` bytes, without
/// the mark.
pub fn text(text: &str, bytes: usize) -> Cow<'_, str> {
    if text.len() <= bytes {
        return Cow::Borrowed(text);
    }
    let end = boundary(text, bytes);
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let word = if text[end..].starts_with(inside) { end - text[..end].trim_end_matches(inside).len() } else { 0 };
    let end = if word <= WORD.min(end / 2) { end - word } else { end };
    Cow::Owned(format!("{}… {} more bytes", &text[..end], number((text.len() - end) as u64)))
}

/// Returns the last character boundary up to this byte.
fn boundary(text: &str, byte: usize) -> usize {
    (0..=byte).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// Returns the line, or its first characters and the number of missing ones. A line is not cut if the mark would be
/// longer than the text that it replaces.
pub fn line(line: &str, characters: usize) -> Cow<'_, str> {
    let Some((end, _)) = line.char_indices().nth(characters) else { return Cow::Borrowed(line) };
    let hidden = line[end..].chars().count();
    let mark = format!("… {} more characters", number(hidden as u64));
    if hidden <= mark.chars().count() { Cow::Borrowed(line) } else { Cow::Owned(format!("{}{mark}", &line[..end])) }
}

/// Returns the lines, or the first and the last of them and the number of missing lines between them.
pub fn lines(text: &str, first: usize, last: usize) -> Cow<'_, str> {
    let all = text.lines().count();
    if all <= first + last + 1 {
        return Cow::Borrowed(text);
    }
    let mut shown = text.lines().take(first).map(str::to_owned).collect::<Vec<_>>();
    shown.push(format!("… {} more lines …", number((all - first - last) as u64)));
    shown.extend(text.lines().skip(all - last).map(str::to_owned));
    Cow::Owned(shown.join("\n"))
}

/// Returns the text, or complete lines of its beginning and its end, half of `bytes` each, and the number of missing
/// lines between them.
pub fn middle(text: &str, bytes: usize) -> Cow<'_, str> {
    if text.len() <= bytes {
        return Cow::Borrowed(text);
    }
    let half = bytes / 2;
    let start = text[..boundary(text, half)].rfind('\n').map_or(0, |at| at + 1);
    let from = text.len() - half;
    let end = text.as_bytes()[from..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| from + at + 1);
    let between = text[start..end].lines().count();
    let noun = if between == 1 { "line" } else { "lines" };
    Cow::Owned(format!("{}… {} more {noun} …\n{}", &text[..start], number(between as u64), &text[end..]))
}

/// The mark after the last shown item: `… 4,990 more`.
pub fn more(left_out: u64) -> String {
    format!("… {} more", number(left_out))
}

/// The number in a mark. `None` if the text is not a mark.
fn left_out(mark: &str) -> Option<u64> {
    mark.strip_prefix("… ")?.strip_suffix(" more")?.replace(',', "").parse().ok()
}

/// `8,388,608`.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("short", 5, "short")]
    #[case("three words here", 11, "three words… 5 more bytes")]
    #[case("three words here", 10, "three … 10 more bytes")]
    #[case("ääää", 5, "ää… 4 more bytes")]
    #[case(&"x".repeat(2000), 1000, &format!("{}… 1,000 more bytes", "x".repeat(1000)))]
    fn cuts_between_words(#[case] long: &str, #[case] bytes: usize, #[case] cut: &str) {
        assert_eq!(text(long, bytes), cut);
    }

    #[test]
    fn never_splits_token() {
        let token = "q3Jv0nY8mXc2Zr5Tt7Wb1Kd4Lf6Hg9Ps_Ae-Ui0OyVx";
        let long = format!("{} token={token} {}", "word ".repeat(20), "word ".repeat(20));
        for bytes in 60..long.len() {
            let cut = text(&long, bytes);
            assert!(!cut.contains("q3Jv") || cut.contains(token), "{cut}");
        }
    }

    #[rstest]
    #[case("abc", 3, "abc")]
    #[case("äöüß", 3, "äöüß")]
    #[case("äöü and eighteen more", 3, "äöü and eighteen more")]
    #[case("äöü and this sentence as well", 3, "äöü… 26 more characters")]
    fn cuts_line_by_characters(#[case] long: &str, #[case] characters: usize, #[case] cut: &str) {
        assert_eq!(line(long, characters), cut);
    }

    #[rstest]
    #[case("a\nb\nc\nd", "a\nb\nc\nd")]
    #[case("a\nb\nc\nd\ne", "a\n… 2 more lines …\nd\ne")]
    fn keeps_first_and_last_lines(#[case] long: &str, #[case] cut: &str) {
        assert_eq!(lines(long, 1, 2), cut);
    }

    #[test]
    fn keeps_whole_lines_at_both_ends() {
        let long = (0..1000).map(|n| format!("line {n}\n")).collect::<String>();
        let cut = middle(&long, 100);
        assert!(cut.starts_with("line 0\n") && cut.ends_with("line 999\n") && cut.len() < 140, "{cut}");
        let shown = cut.lines().filter(|line| line.starts_with("line ")).count();
        assert!(cut.contains(&format!("\n… {} more lines …\n", 1000 - shown)), "{cut}");
        assert_eq!(middle("short", 100), "short");
        assert_eq!(middle(&"x".repeat(200), 100), "… 1 more line …\n");
    }

    #[rstest]
    #[case(0, "0")]
    #[case(999, "999")]
    #[case(1000, "1,000")]
    #[case(8_388_608, "8,388,608")]
    fn groups_digits_and_parses_marks(#[case] value: u64, #[case] written: &str) {
        assert_eq!(number(value), written);
        assert_eq!(left_out(&more(value)), Some(value));
    }
}
