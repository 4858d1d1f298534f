//! The places of secrets in messages of clients: names of headers and members, JSON in texts, and assignments in texts.

use serde_json::Value;
use std::ops::Range;
use untrusted_data::redact::is_count_name;
use untrusted_data::redact::is_secret_name as is_secret;

/// The maximum depth of JSON in a text that is searched by its structure.
const MAX_DEPTH: usize = 64;
/// The minimum length of a word after `Bearer` that is a secret.
const MIN_BEARER_LENGTH: usize = 8;

/// A text that is or can be JSON.
pub(super) enum Document {
    /// An object or a list.
    Read(Value),
    /// The text has the form of JSON, but the places of its secrets are not known.
    Unclear,
    /// Another text.
    Absent,
}

/// A text as JSON or JSON5.
pub(super) fn document(text: &str) -> Document {
    let trimmed = text.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '\u{feff}');
    // JSON5 can begin with a comment.
    if !trimmed.starts_with(['{', '[', '/', '"']) {
        return Document::Absent;
    }
    let depth = trimmed.bytes().fold((0_usize, 0_usize), |(depth, deepest), byte| match byte {
        b'{' | b'[' => (depth + 1, deepest.max(depth + 1)),
        b'}' | b']' => (depth.saturating_sub(1), deepest),
        _ => (depth, deepest),
    });
    let value = match serde_json::from_str::<Value>(trimmed) {
        Ok(value) => Some(value),
        Err(_) if depth.1 <= MAX_DEPTH => json5::from_str::<Value>(trimmed).ok(),
        Err(_) => None,
    };
    match value {
        Some(value) => Document::Read(value),
        // An escape can hide the name of a member.
        None if trimmed.starts_with(['{', '[']) && (trimmed.contains('\\') || is_secret(trimmed)) => Document::Unclear,
        None => Document::Absent,
    }
}

/// Whether a text contains a secret in one of these places.
pub(super) fn are_in(text: &str) -> bool {
    let is_document = || !matches!(document(text), Document::Absent) && (text.contains('\\') || is_secret(text));
    !values(text).is_empty() || is_document()
}

/// The values of assignments to secret names (`token=…`, `password: …`, `--token …`), of `Bearer …`, and of users in
/// URLs. In order, without overlaps.
pub(super) fn values(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(is_name).map(|start| at + start) {
        let end = end_of(text, start, |letter| !is_name(letter));
        at = end;
        let name = &text[start..end];
        if let Some(value) = value_of(text, name, end) {
            at = value.end.max(end);
            found.push(value);
        }
    }
    found
}

fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.')
}

/// The first position from `from` on with such a character, or the end.
fn end_of(text: &str, from: usize, is_end: impl Fn(char) -> bool) -> usize {
    text[from..].find(is_end).map_or(text.len(), |length| from + length)
}

/// The value that follows a name, if it is a secret. `end` is the end of the name.
fn value_of(text: &str, name: &str, end: usize) -> Option<Range<usize>> {
    let rest = &text[end..];
    if rest.starts_with("://") {
        let authority = end_of(text, end + 3, |letter| letter.is_whitespace() || matches!(letter, '/' | '?' | '#'));
        return text[end + 3..authority].rfind('@').map(|length| end + 3..end + 3 + length);
    }
    if ["bearer", "basic"].contains(&name.to_ascii_lowercase().as_str()) {
        let start = end_of(text, end, |letter| !letter.is_whitespace());
        let value = start..end_of(text, start, is_end_of_value);
        return (start > end && value.len() >= MIN_BEARER_LENGTH).then_some(value);
    }
    if !is_secret(name) {
        return None;
    }
    let separator = end_of(text, end, |letter| !matches!(letter, '"' | '\'' | '`' | '\\' | ' ' | '\t' | ']' | ')'));
    let start = match text[separator..].chars().next() {
        Some('=' | ':') => end_of(text, separator, |letter| !matches!(letter, '=' | ':' | '>' | ' ' | '\t')),
        _ if name.starts_with('-') && separator > end => separator,
        _ => return None,
    };
    let value = start..value_end(text, start);
    let is_count = is_count_name(name) && text[value.clone()].bytes().all(|byte| byte.is_ascii_digit());
    (!value.is_empty() && !is_count).then_some(value)
}

fn value_end(text: &str, start: usize) -> usize {
    let value = &text[start..];
    match value.chars().next() {
        // A list or a map, or the next lines. Its end depends on the language.
        Some('{' | '[' | '\n' | '\r' | '|' | '\\') => text.len(),
        Some(quote @ ('"' | '\'' | '`')) => {
            let mut is_escaped = false;
            let end = value.char_indices().skip(1).find(|(_, letter)| {
                let is_end = *letter == quote && !is_escaped;
                is_escaped = *letter == '\\' && !is_escaped;
                is_end
            });
            end.map_or(text.len(), |(at, letter)| start + at + letter.len_utf8())
        }
        _ => {
            let end = end_of(text, start, is_end_of_value);
            if !["bearer", "basic"].contains(&text[start..end].to_ascii_lowercase().as_str()) {
                return end;
            }
            let next = end_of(text, end, |letter| !matches!(letter, ' ' | '\t'));
            end_of(text, next, is_end_of_value)
        }
    }
}

fn is_end_of_value(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '&' | ',' | ';' | '"' | '\'' | '`')
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("token=XX", "token=_")]
    #[case("a&token=XX&b=1", "a&token=_&b=1")]
    #[case("Authorization: Bearer XXXX rest", "Authorization: _ rest")]
    #[case("say Bearer XXXXXXXX!", "say Bearer _")]
    #[case("openclaw --token XX --port 1", "openclaw --token _ --port 1")]
    #[case("see http://me:XX@h/p", "see http://_@h/p")]
    #[case(r#"x {"botToken": {"v": "XX"}}"#, r#"x {"botToken": _"#)]
    #[case(r#"'password' : "X\"X" y"#, r#"'password' : _ y"#)]
    #[case("token:\n  - XX", "token:_")]
    #[case("maxTokens: 4096, token: 4096", "maxTokens: 4096, token: _")]
    #[case("maxTokens=XX", "maxTokens=_")]
    #[case("hello: world, a token for ping: 1", "hello: world, a token for ping: 1")]
    fn assignments_in_texts(#[case] text: &str, #[case] expected: &str) {
        let mut shown = text.to_owned();
        for value in values(text).into_iter().rev() {
            shown.replace_range(value, "_");
        }
        assert_eq!(shown, expected);
    }

    #[test]
    fn json_inside_text() {
        assert!(matches!(document("{a: 1, /* c */ 'token': 'x'}"), Document::Read(_)));
        assert!(matches!(document("{\"to\\u006ben\": x y"), Document::Unclear));
        assert!(matches!(document(&"[".repeat(1 << 20)), Document::Absent));
        assert!(matches!(document(&format!("{}token", "[".repeat(1 << 20))), Document::Unclear));
        assert!(matches!(document("hello"), Document::Absent));
    }
}
