//! Two long texts, cut so that the part is left in which they differ.

use crate::observe::diff;
use untrusted_data::cut;

/// Both texts with at most `width` characters, and the marks of what is left out. They begin at the same character, before
/// the first one that differs.
pub(super) fn shown(expected: &str, seen: &str, width: usize) -> (String, String) {
    let start = diff::start(expected, seen, width);
    let from = |text: &str| {
        let rest = text.char_indices().nth(start).map_or("", |(at, _)| &text[at..]);
        let before = if start > 0 { format!("… {start} characters alike … ") } else { String::new() };
        format!("{before}{}", cut::line(rest, width))
    };
    (from(expected), from(seen))
}
