//! Shortens two long texts to the part that differs.

use crate::observe::diff;
use untrusted_data::cut;

/// Both texts with at most `width` characters, plus marks for omitted text. Both begin at the same character, before
/// the first difference.
pub(super) fn shown(expected: &str, seen: &str, width: usize) -> (String, String) {
    let start = diff::start(expected, seen, width);
    let from = |text: &str| {
        let rest = text.char_indices().nth(start).map_or("", |(at, _)| &text[at..]);
        let before = if start > 0 { diff::omitted_start(start) } else { String::new() };
        format!("{before}{}", cut::line(rest, width))
    };
    (from(expected), from(seen))
}
