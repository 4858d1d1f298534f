//! The possible forms of a text: with its escapes decoded, and without invisible characters and line wraps.

use crate::printable::is_printable;

/// A text with its escapes decoded, and the origin of each byte.
#[derive(Debug, Clone, Default)]
pub(super) struct DecodedText {
    /// The bytes. They are not UTF-8 if an escape encodes other bytes.
    pub(super) bytes: Vec<u8>,
    /// For each byte, the start and the end of its range in the original text.
    places: Vec<(usize, usize)>,
}

impl DecodedText {
    /// The text without invisible characters, line breaks and the indentation of the next line.
    pub(super) fn plain(text: &str) -> Self {
        let mut decoded = Self::default();
        let mut indenting = false;
        for (at, c) in text.char_indices() {
            let margin = c.is_whitespace() || matches!(c, '\u{2500}'..='\u{257f}' | '|' | '×');
            indenting = c == '\n' || (indenting && margin);
            if is_printable(c) && !indenting {
                let place = (at, at + c.len_utf8());
                let mut utf8 = [0; 4];
                c.encode_utf8(&mut utf8).bytes().for_each(|byte| decoded.push(byte, place));
            }
        }
        decoded
    }

    /// The same with its escapes decoded once. `None` if it has none.
    pub(super) fn decoded(&self) -> Option<Self> {
        let mut decoded = Self::default();
        let (mut at, mut found, mut indenting) = (0, false, false);
        while at < self.bytes.len() {
            let rest = &self.bytes[at..];
            let escape = matches!(rest[0], b'\\' | b'%' | b'&').then(|| escape(rest)).flatten();
            let Some((length, spelled)) = escape else {
                indenting &= rest[0].is_ascii_whitespace();
                if !indenting {
                    decoded.push(self.bytes[at], self.places[at]);
                }
                at += 1;
                continue;
            };
            found = true;
            indenting = matches!(spelled, EscapeValue::Byte(b'\n') | EscapeValue::Char('\n'));
            let place = (self.places[at].0, self.places[at + length - 1].1);
            match spelled {
                EscapeValue::Byte(byte) if byte.is_ascii_control() => {}
                EscapeValue::Byte(byte) => decoded.push(byte, place),
                EscapeValue::Char(c) if !is_printable(c) => {}
                EscapeValue::Char(c) => c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| decoded.push(byte, place)),
            }
            at += length;
        }
        found.then_some(decoded)
    }

    /// The range in the original text of a range of bytes that is not empty.
    pub(super) fn place(&self, start: usize, end: usize) -> (usize, usize) {
        (self.places[start].0, self.places[end - 1].1)
    }

    fn push(&mut self, byte: u8, place: (usize, usize)) {
        self.bytes.push(byte);
        self.places.push(place);
    }
}

/// The meaning of an escape.
enum EscapeValue {
    Char(char),
    Byte(u8),
}

/// The escape at the start of the bytes, with its length: in JSON and program sources (`\u0041`, `\u{41}`, `\x41`,
/// `\/`), in URLs (`%41`) and in HTML (`&#65;`, `&#x41;`, `&amp;`).
fn escape(bytes: &[u8]) -> Option<(usize, EscapeValue)> {
    match bytes {
        [b'%', hex @ ..] => Some((3, EscapeValue::Byte(u8::try_from(number(hex.get(..2)?, 16)?).ok()?))),
        [b'&', b'#', b'x' | b'X', rest @ ..] => entity(rest, 3, 16),
        [b'&', b'#', rest @ ..] => entity(rest, 2, 10),
        [b'&', rest @ ..] => {
            let named = [("amp;", '&'), ("lt;", '<'), ("gt;", '>'), ("quot;", '"'), ("apos;", '\'')];
            let (name, c) = named.into_iter().find(|(name, _)| rest.starts_with(name.as_bytes()))?;
            Some((1 + name.len(), EscapeValue::Char(c)))
        }
        [b'\\', b'x', hex @ ..] => Some((4, EscapeValue::Byte(u8::try_from(number(hex.get(..2)?, 16)?).ok()?))),
        [b'\\', b'u', b'{', rest @ ..] => {
            let length = rest.iter().take(7).position(|byte| *byte == b'}')?;
            Some((4 + length, EscapeValue::Char(char::from_u32(number(&rest[..length], 16)?)?)))
        }
        [b'\\', b'u', rest @ ..] => unit(rest),
        [b'\\', b'n', ..] => Some((2, EscapeValue::Byte(b'\n'))),
        // The characters of these escapes are invisible.
        [b'\\', b'b' | b'f' | b'r' | b't', ..] => Some((2, EscapeValue::Byte(0))),
        [b'\\', c, ..] if c.is_ascii_punctuation() => Some((2, EscapeValue::Byte(*c))),
        _ => None,
    }
}

fn entity(rest: &[u8], before: usize, base: u32) -> Option<(usize, EscapeValue)> {
    let length = rest.iter().take(8).position(|byte| *byte == b';')?;
    Some((before + length + 1, EscapeValue::Char(char::from_u32(number(&rest[..length], base)?)?)))
}

/// `XXXX` after `\u`, with the second half if it is the first half of a surrogate pair.
fn unit(rest: &[u8]) -> Option<(usize, EscapeValue)> {
    let half = |at: usize| u16::try_from(number(rest.get(at..at + 4)?, 16)?).ok();
    let first = half(0)?;
    if let Some(c) = char::from_u32(first.into()) {
        return Some((6, EscapeValue::Char(c)));
    }
    let second = half(6).filter(|_| rest[4..].starts_with(b"\\u"))?;
    let c = char::decode_utf16([first, second]).next()?.ok()?;
    Some((12, EscapeValue::Char(c)))
}

fn number(digits: &[u8], base: u32) -> Option<u32> {
    let text = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?;
    u32::from_str_radix(text, base).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(r"s\u0065\u{63}\x72%65t", "secret")]
    #[case(r"a\/b\\c\n", r"a/b\c")]
    #[case("&#115;&#x65;c&amp;", "sec&")]
    #[case(r"\ud83e\udd9e%zz\u12&#;", r"🦞%zz\u12&#;")]
    #[case("%c3%a9%00x", "éx")]
    fn decodes(#[case] text: &str, #[case] meant: &str) {
        let decoded = DecodedText::plain(text).decoded().unwrap();
        assert_eq!(String::from_utf8(decoded.bytes).unwrap(), meant);
    }

    #[test]
    fn tracks_byte_offsets() {
        let text = "say \\u0041B\n  │ C%44.";
        let decoded = DecodedText::plain(text).decoded().unwrap();
        assert_eq!(decoded.bytes, b"say ABCD.");
        let (start, end) = decoded.place(4, 8);
        assert_eq!(&text[start..end], "\\u0041B\n  │ C%44");
    }

    #[test]
    fn plain_text_is_not_decoded() {
        assert!(DecodedText::plain("100% plain \\d & more").decoded().is_none());
    }
}
