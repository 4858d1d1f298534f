//! Makes text safe to show: characters that control a terminal or that a reader cannot see become visible escapes.
//!
//! Most of what clawcheck prints comes from a gateway: event names, keys, HTTP bodies, log lines, file names. Only this
//! module decides which characters are shown unchanged. All output for readers passes through it.

use std::borrow::Cow;
use std::fmt::Write as _;
use unicode_general_category::{GeneralCategory, get_general_category};

/// Whether a character is shown unchanged. Control characters, characters that reorder or hide text, and zero-width
/// characters other than combining marks are not.
pub fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    let unsafe_category = matches!(
        get_general_category(c),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::Surrogate
    );
    !unsafe_category && !is_invisible(c)
}

/// Characters of other categories that Unicode has renderers ignore, and noncharacters. The two variation selectors that
/// choose between text and emoji are not among them: emoji in logs have them.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{34f}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{2065}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0d}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{fdd0}'..='\u{fdef}'
            | '\u{e0000}'..='\u{e0fff}'
    ) || u32::from(c) & 0xfffe == 0xfffe
}

/// Text for one line: line breaks and tabs are escaped like every other control character.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, is_printable, |c, out| out.extend(c.escape_default()))
}

/// Text with several lines: line breaks stay, and `\r\n` becomes `\n`. Everything else is escaped as in [`line()`].
pub fn block(text: &str) -> Cow<'_, str> {
    if text.contains("\r\n") {
        return Cow::Owned(block(&text.replace("\r\n", "\n")).into_owned());
    }
    escaped(text, |c| c == '\n' || is_printable(c), |c, out| out.extend(c.escape_default()))
}

/// A JSON document with `\u` escapes for the characters that [`line()`] escapes. A parser reads the same values. Line
/// breaks between tokens stay.
pub fn json(document: &str) -> Cow<'_, str> {
    escaped(
        document,
        |c| c == '\n' || is_printable(c),
        |c, out| {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        },
    )
}

/// A double-quoted YAML scalar.
pub fn yaml(text: &str) -> String {
    let quoted = serde_json::Value::String(text.to_owned()).to_string();
    let escape = |c: char, out: &mut String| {
        let _ = match u32::from(c) {
            short @ ..=0xffff => write!(out, "\\u{short:04x}"),
            long => write!(out, "\\U{long:08x}"),
        };
    };
    escaped(&quoted, is_printable, escape).into_owned()
}

fn escaped(text: &str, keep: impl Fn(char) -> bool, escape: impl Fn(char, &mut String)) -> Cow<'_, str> {
    let Some(first) = text.find(|c| !keep(c)) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(&text[..first]);
    for c in text[first..].chars() {
        if keep(c) { out.push(c) } else { escape(c, &mut out) }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case::escape("a\u{1b}[31mb", r"a\u{1b}[31mb")]
    #[case::title("\u{1b}]0;owned\u{7}", r"\u{1b}]0;owned\u{7}")]
    #[case::line_breaks("a\r\n\tb", r"a\r\n\tb")]
    #[case::delete("\u{7f}", r"\u{7f}")]
    #[case::c1("\u{9b}31m\u{9d}0;x\u{9c}", r"\u{9b}31m\u{9d}0;x\u{9c}")]
    #[case::bidi("\u{202e}gpj.exe\u{2066}", r"\u{202e}gpj.exe\u{2066}")]
    #[case::separators("\u{2028}\u{2029}", r"\u{2028}\u{2029}")]
    #[case::zero_width("a\u{200b}\u{feff}b", r"a\u{200b}\u{feff}b")]
    #[case::tags("\u{e0041}\u{e0100}", r"\u{e0041}\u{e0100}")]
    #[case::fillers("\u{3164}\u{115f}", r"\u{3164}\u{115f}")]
    #[case::plain("schön <token-1> 漢字 é \\u{1b} ⚠\u{fe0f}", "schön <token-1> 漢字 é \\u{1b} ⚠\u{fe0f}")]
    fn escapes_control_and_invisible_characters(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(line(text), shown);
    }

    #[test]
    fn block_keeps_line_breaks() {
        assert_eq!(block("a\r\nb\n\tc\rd"), "a\nb\n\\tc\\rd");
    }

    /// Random characters, in which the dangerous ones are more frequent than by chance.
    fn texts() -> impl Strategy<Value = String> {
        let dangerous = "\u{1b}\u{7}\r\n\t\u{7f}\u{85}\u{9b}\u{9d}\u{ad}\u{200b}\u{200d}\u{202e}\u{2028}\u{2066}\u{feff}\u{e0001}\u{fffe}";
        let dangerous = prop::sample::select(dangerous.chars().collect::<Vec<_>>());
        let part = prop_oneof![any::<char>(), dangerous, prop::char::range(' ', '~')];
        prop::collection::vec(part, 0..60).prop_map(|chars| chars.into_iter().collect())
    }

    proptest! {
        #[test]
        fn output_is_printable(text in texts()) {
            prop_assert!(line(&text).chars().all(is_printable));
            prop_assert!(block(&text).chars().all(|c| c == '\n' || is_printable(c)));
            prop_assert!(yaml(&text).chars().all(is_printable));
        }

        #[test]
        fn escaping_is_idempotent(text in texts()) {
            let (once, block_once) = (line(&text), block(&text));
            prop_assert_eq!(line(&once), once.clone());
            prop_assert_eq!(block(&block_once), block_once.clone());
        }

        #[test]
        fn keeps_printable_text(text in texts()) {
            let text = text.chars().filter(|c| is_printable(*c)).collect::<String>();
            prop_assert_eq!(line(&text), text.clone());
            prop_assert_eq!(block(&text), text.clone());
        }

        #[test]
        fn escaped_json_is_equivalent(text in texts(), key in texts()) {
            let value = serde_json::json!({ key: [text] });
            let document = format!("{value:#}");
            let shown = json(&document);
            prop_assert!(shown.chars().all(|c| c == '\n' || is_printable(c)));
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        }

        #[test]
        fn escaped_yaml_is_equivalent(text in texts()) {
            prop_assert_eq!(serde_saphyr::from_str::<String>(&yaml(&text)).unwrap(), text);
        }
    }
}
