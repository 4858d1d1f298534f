//! Text of others in one line.

use untrusted_data::printable;

/// The maximum length of a sentence, in characters.
const LONGEST: usize = 240;

/// Text from a file or a client, as one printable line of limited length.
pub(super) fn short(text: &str) -> String {
    let line = printable::line(text);
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.into_owned(),
    }
}
