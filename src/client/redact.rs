//! Takes secrets out of text that is about to be shown.

use std::collections::BTreeMap;

/// JSON keys and header names whose string values are never shown.
const SECRET_KEYS: [&str; 10] = [
    "token",
    "deviceToken",
    "bootstrapToken",
    "password",
    "authorization",
    "cookie",
    "privateKey",
    "privateKeyPem",
    "signature",
    "canvasCapability",
];

/// What stands before the secret in the URL that a node gets for its canvas (2026.4.2 dist, `canvas-capability`).
const BEFORE_CAPABILITY: &str = "/cap/";

/// A run of base64url characters this long is a token, a key or a signature: 32 bytes take 43 characters.
const LONG_RUN: usize = 40;
/// Device ids and digests are 64 lower-case hex digits, and no secret.
const DIGEST: usize = 64;

/// The secrets of a case, and what is shown in their place.
///
/// Three nets, since the gateway mints secrets that nobody told us of: the strings given by the caller, the values of
/// keys that hold secrets, and whatever has the shape of a token.
#[derive(Debug, Clone, Default)]
pub struct Redactions {
    /// Longest first where one contains the other: ordered by falling length when applied.
    known: BTreeMap<String, String>,
}

impl Redactions {
    /// Hides `secret` behind `<name>`. Strings under four characters are left alone: they would hide half the text.
    pub fn add(&mut self, secret: &str, name: &str) {
        if secret.len() >= 4 {
            self.known.insert(secret.to_owned(), format!("<{name}>"));
        }
    }

    /// The text without secrets.
    pub fn apply(&self, text: &str) -> String {
        let mut known: Vec<_> = self.known.iter().collect();
        known.sort_by_key(|(secret, _)| std::cmp::Reverse(secret.len()));
        let mut text = text.to_owned();
        for (secret, symbol) in known {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), symbol);
            }
            text = without_cut_secret(text, secret);
        }
        hide_runs(&hide_capabilities(&hide_values(&text)))
    }
}

/// A text that was cut may end in the first part of a secret.
fn without_cut_secret(mut text: String, secret: &str) -> String {
    let Some(body) = text.strip_suffix(super::transcript::CUT) else { return text };
    let ends: Vec<usize> = secret.char_indices().map(|(at, _)| at).skip(4).collect();
    if let Some(end) = ends.into_iter().rev().find(|end| body.ends_with(&secret[..*end])) {
        let keep = body.len() - end;
        text.truncate(keep);
        text.push_str("<secret>");
        text.push_str(super::transcript::CUT);
    }
    text
}

/// Replaces the string values of secret keys: in JSON whole or cut, in `Name: value` header lines and in a URL's query.
fn hide_values(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, value)) = next_secret_value(rest) {
        out.push_str(before);
        let (length, empty) = value_length(value);
        if !empty {
            out.push_str("<secret>");
        }
        rest = &value[length..];
    }
    out.push_str(rest);
    out
}

/// Splits at the first character of the next secret string value.
fn next_secret_value(text: &str) -> Option<(&str, &str)> {
    let mut from = 0;
    while let Some(found) = text[from..].find(['"', '\n', '?', '&']) {
        let at = from + found + 1;
        let value = match text.as_bytes()[at - 1] {
            b'"' => json_value(&text[at..]),
            b'\n' => header_value(&text[at..]),
            _ => query_value(&text[at..]),
        };
        if let Some(offset) = value {
            return Some(text.split_at(at + offset));
        }
        from = at;
    }
    None
}

/// `text` starts after an opening quote. If it is a secret key with a string value: where the value starts.
fn json_value(text: &str) -> Option<usize> {
    let end = text.find('"')?;
    if !is_secret_key(&text[..end]) {
        return None;
    }
    let after = &text[end + 1..];
    let colon = after.trim_start().strip_prefix(':')?.trim_start();
    let value = colon.strip_prefix('"')?;
    Some(text.len() - value.len())
}

/// `text` starts at the beginning of a line. If it is a header with a secret: where its value starts.
fn header_value(text: &str) -> Option<usize> {
    let (name, _) = text.split_once('\n').map_or(text, |(line, _)| line).split_once(": ")?;
    is_secret_key(name).then_some(name.len() + 2)
}

/// `text` starts after `?` or `&`. If it is a secret parameter: where its value starts.
fn query_value(text: &str) -> Option<usize> {
    let (name, _) = text.split_once('=')?;
    is_secret_key(name).then_some(name.len() + 1)
}

fn is_secret_key(name: &str) -> bool {
    SECRET_KEYS.iter().any(|key| key.eq_ignore_ascii_case(name))
}

/// The length of a value up to its closing quote or the end of its line, and whether it is empty.
fn value_length(value: &str) -> (usize, bool) {
    let mut escaped = false;
    for (at, c) in value.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' | '\r' | '\n' => return (at, at == 0),
            _ => {}
        }
    }
    (value.len(), value.is_empty())
}

/// Replaces the path segment that lets whoever knows it use a node's canvas.
fn hide_capabilities(text: &str) -> String {
    let mut parts = text.split(BEFORE_CAPABILITY);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let in_segment = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~' | '%');
        let rest = part.trim_start_matches(in_segment);
        out.push_str(BEFORE_CAPABILITY);
        out.push_str(if rest.len() < part.len() { "<secret>" } else { "" });
        out.push_str(rest);
    }
    out
}

/// Replaces what has the shape of a token, a key or a signature.
fn hide_runs(text: &str) -> String {
    let in_run = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(in_run) {
        let (before, run) = rest.split_at(start);
        let length = run.find(|c| !in_run(c)).unwrap_or(run.len());
        let (run, after) = run.split_at(length);
        out.push_str(before);
        if looks_secret(run) {
            out.push_str(&format!("<{length} characters>"));
        } else {
            out.push_str(run);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

fn looks_secret(run: &str) -> bool {
    if run.len() < LONG_RUN {
        return false;
    }
    let hex = run.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let digest = hex && run.len() == DIGEST;
    // Prose and identifiers joined by dashes or underscores are long too; random text has digits and both cases.
    let digits = run.bytes().any(|b| b.is_ascii_digit());
    let lower = run.bytes().any(|b| b.is_ascii_lowercase());
    let upper = run.bytes().any(|b| b.is_ascii_uppercase());
    !digest && (hex || (lower && upper) || (digits && !run.contains(['-', '_'])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const TOKEN: &str = "q3Vd-0aZ_xY1mN8bR5tK2wL7sJ4hG6fD9pC0vB3nM1E";

    fn redactions() -> Redactions {
        let mut known = Redactions::default();
        known.add("hunter2", "password");
        known.add("hunter2-longer", "other");
        known
    }

    #[rstest]
    #[case(r#"x hunter2 y"#, "x <password> y")]
    #[case("hunter2-longer", "<other>")]
    #[case(r#"{"token":"abc","role":"node"}"#, r#"{"token":"<secret>","role":"node"}"#)]
    #[case(r#"{"auth":{"password" : "a\"b"}}"#, r#"{"auth":{"password" : "<secret>"}}"#)]
    #[case(r#"{"deviceToken":"abc"#, r#"{"deviceToken":"<secret>"#)]
    #[case(r#"{"token":""}"#, r#"{"token":""}"#)]
    #[case(r#"{"token":{"a":1}}"#, r#"{"token":{"a":1}}"#)]
    #[case("GET /ws?x=1&token=abc HTTP/1.1\r\nHost: h", "GET /ws?x=1&token=<secret>\r\nHost: h")]
    #[case("GET /\r\nAuthorization: Bearer abc\r\nHost: h", "GET /\r\nAuthorization: <secret>\r\nHost: h")]
    #[case(
        r#"{"canvasHostUrl":"http://h:1/__openclaw__/cap/Ab3-x_9QmN4rT7yU1oP5sD8f","x":"/cap/"}"#,
        r#"{"canvasHostUrl":"http://h:1/__openclaw__/cap/<secret>","x":"/cap/"}"#
    )]
    #[case("GET /__openclaw__/cap/abc/a2ui/?x=1 HTTP/1.1", "GET /__openclaw__/cap/<secret>/a2ui/?x=1 HTTP/1.1")]
    #[case(r#"{"canvasCapability":"abc"}"#, r#"{"canvasCapability":"<secret>"}"#)]
    fn hides(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(redactions().apply(text), shown);
    }

    #[test]
    fn hides_what_has_the_shape_of_a_token_wherever_it_is() {
        let shown = Redactions::default().apply(&format!("unknown key {TOKEN}, {}", "a1".repeat(24)));
        assert_eq!(shown, "unknown key <43 characters>, <48 characters>");
    }

    #[rstest]
    #[case("0c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee0")]
    #[case("6f9619ff-8b86-d011-b42d-00cf4fc964ff")]
    #[case("device-pairing-role-upgrade-over-loopback-direct-connect-2026")]
    fn shows_ids_and_prose(#[case] text: &str) {
        assert_eq!(Redactions::default().apply(text), text);
    }

    #[test]
    fn a_cut_text_does_not_end_in_part_of_a_secret() {
        let cut = format!("say hunte{}", super::super::transcript::CUT);
        assert_eq!(redactions().apply(&cut), format!("say <secret>{}", super::super::transcript::CUT));
    }
}
