//! Texts of clients in a sentence of a trace. [`Sentence`] reads them back.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The maximum length of a text, in characters.
const MAX_LENGTH: usize = 200;
/// The mark of a text that was cut, and of the rest of a list that was omitted.
pub(super) const CUT: char = '…';

/// The text as it is if it is one plain word. Otherwise, the text in quotes.
pub(super) fn word(text: &str) -> Cow<'_, str> {
    let is_plain = !text.is_empty() && text.len() <= MAX_LENGTH && text.bytes().all(is_plain);
    if is_plain { Cow::Borrowed(text) } else { Cow::Owned(quoted(text)) }
}

/// The text in quotes, in printable ASCII, with the escapes of JSON. A long text is cut.
pub(super) fn quoted(text: &str) -> String {
    let mut out = "\"".to_owned();
    let mark = text.chars().nth(MAX_LENGTH).map(|_| CUT);
    for c in text.chars().take(MAX_LENGTH).chain(mark) {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out + "\""
}

/// The texts, without the brackets of a list. If the list is too long, a mark replaces its last texts.
pub(super) fn list(texts: Option<&[String]>) -> String {
    let mut length = 0;
    let is_shown = |text: &&String| {
        length += word(text).chars().count() + 2;
        length <= MAX_LENGTH
    };
    let all = texts.unwrap_or_default();
    let mut shown = all.iter().take_while(is_shown).map(|text| word(text)).collect::<Vec<_>>();
    if texts.is_none() || shown.len() < all.len() {
        shown.push(Cow::Owned(CUT.to_string()));
    }
    shown.join(", ")
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._:@+-".contains(&byte)
}

/// The rest of a sentence that is being read.
pub(super) struct Sentence<'a>(pub(super) &'a str);

impl Sentence<'_> {
    /// Reads these words. `None` if others follow.
    pub(super) fn words(&mut self, words: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(words)?;
        Some(())
    }

    /// Whether these words follow. If so, they are read.
    pub(super) fn has(&mut self, words: &str) -> bool {
        self.words(words).is_some()
    }

    /// Reads a text of [`word`] or [`quoted`]. A symbol such as `<gateway token>`, in place of a secret, is a text, too.
    pub(super) fn text(&mut self) -> Option<String> {
        let mut is_escaped = false;
        let length = match self.0.chars().next()? {
            '"' => {
                let is_end = |(_, c): &(usize, char)| {
                    let ends = *c == '"' && !is_escaped;
                    is_escaped = *c == '\\' && !is_escaped;
                    ends
                };
                self.0.char_indices().skip(1).find(is_end)?.0 + 1
            }
            '<' => self.0.find('>')? + 1,
            _ => self.0.bytes().position(|byte| !is_plain(byte)).unwrap_or(self.0.len()),
        };
        let (text, rest) = self.0.split_at_checked(length).filter(|(text, _)| !text.is_empty())?;
        self.0 = rest;
        if text.starts_with('"') { serde_json::from_str(text).ok() } else { Some(text.to_owned()) }
    }

    /// Reads a [`list`] and the bracket after it. `None` inside if the end of the list is omitted.
    pub(super) fn list(&mut self) -> Option<Option<Vec<String>>> {
        let (mut texts, mut is_cut) = (Vec::new(), false);
        while !self.has("]") {
            if !texts.is_empty() {
                self.words(", ")?;
            }
            match self.0.strip_prefix(CUT) {
                Some(rest) => (self.0, is_cut) = (rest, true),
                None => texts.push(self.text()?),
            }
        }
        Some((!is_cut).then_some(texts))
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_is_read_back(text in "\\PC{0,20}|.{0,20}|[a-z.]{0,20}", rest in "[, \\]\"].{0,5}") {
            for written in [word(&text).into_owned(), quoted(&text)] {
                prop_assert!(written.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{}", written);
                let line = format!("{written}{rest}");
                let mut sentence = Sentence(&line);
                prop_assert_eq!((sentence.text(), sentence.0), (Some(text.clone()), rest.as_str()));
            }
        }
    }

    #[test]
    fn long_list_is_cut() {
        let texts = vec!["operator.approvals".to_owned(); 20];
        assert!(list(Some(&texts)).ends_with("operator.approvals, …"));
        for omitted in [list(Some(&texts)), list(None), list(Some(&["é".repeat(MAX_LENGTH)]))] {
            assert_eq!(Sentence(&(omitted + "]")).list(), Some(None));
        }
    }

    #[test]
    fn long_text_is_cut() {
        let long = "é".repeat(MAX_LENGTH + 1);
        let read = Sentence(&word(&long)).text().unwrap();
        assert_eq!(read, "é".repeat(MAX_LENGTH) + "…");
        assert_eq!(Sentence("<gateway token>, x").text().unwrap(), "<gateway token>");
        assert_eq!([Sentence("").text(), Sentence("\"a").text(), Sentence(", x").text()], [None, None, None]);
    }
}
