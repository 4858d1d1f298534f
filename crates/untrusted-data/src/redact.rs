//! Redacts secrets in text for output.

mod decoded;
mod known;
mod names;
mod url;

use known::{Finder, RequiredContext};
pub use names::{is_count_name, is_secret_name};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// Ends a text of a transcript that was cut.
pub const CUT: &str = " …cut";
/// The prefix of the secret in the canvas URL of a node (2026.4.2, `canvas-capability`).
const BEFORE_CAPABILITY: &str = "/cap/";

/// Shorter secrets occur everywhere.
const MIN_LENGTH: usize = 4;
/// A sequence of base64url characters with this length is a token, a key or a signature: 32 bytes have 43 characters.
const LONG_RUN: usize = 40;
/// Device ids and digests have 64 lower-case hex digits and are not secret.
const DIGEST: usize = 64;

/// Whether a text is a word of the program itself.
type IsPrintedWord = fn(&str) -> bool;
/// The function that recognizes the words of the running program.
static PRINTED_WORDS: OnceLock<IsPrintedWord> = OnceLock::new();
/// A longer secret is never a word of the program.
const MAX_PRINTED_WORD_LENGTH: usize = 16;

/// Sets the function that recognizes the program's own words. Only the first call has an effect.
///
/// If a secret is such a word (`token`, `pairing`), a replacement hides nothing: the program prints the word to
/// everybody. It makes the output unreadable, and it tells the reader what the secret is.
pub fn set_printed_words(is_printed_word: IsPrintedWord) {
    let _ = PRINTED_WORDS.set(is_printed_word);
}

/// The secrets of a case, with their replacements.
///
/// There are three methods, because the gateway mints secrets that the harness does not know: the strings from the
/// caller, the values of keys that contain secrets, and everything with the form of a token.
///
/// The strings from the caller are found in every form in which a gateway can return them: escaped for JSON, a URL or
/// HTML, in hex or base64, in other letter case, wrapped over several lines, or truncated.
#[derive(Clone, Default)]
pub struct Redactions {
    known: BTreeMap<String, Symbol>,
    /// Recognizes the program's own words. `None`: the function of [`set_printed_words`].
    printed_words: Option<IsPrintedWord>,
    /// Built on first use, because most cases have nothing to show.
    finder: Arc<OnceLock<Option<Finder>>>,
}

/// The replacement of a secret.
#[derive(Clone)]
struct Symbol {
    text: String,
    /// The context that the secret needs, which depends on whether it is one of the program's own words.
    needed: RequiredContext,
}

/// Shows only the number of secrets.
impl fmt::Debug for Redactions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactions").field("known", &self.known.len()).finish_non_exhaustive()
    }
}

impl Redactions {
    /// Replaces `secret` with `<name>`. Strings of less than four characters are ignored, because they occur
    /// everywhere, and so are words of the program ([`set_printed_words`]).
    pub fn add(&mut self, secret: &str, name: &str) {
        if !self.is_ordinary(secret) {
            self.insert(secret, name, RequiredContext::Nothing);
        }
    }

    fn insert(&mut self, secret: &str, name: &str, needed: RequiredContext) {
        self.known.insert(secret.to_owned(), Symbol { text: format!("<{name}>"), needed });
        self.finder = Arc::default();
    }

    /// Whether a secret occurs in texts without being the secret: it is very short, or a word of the program.
    fn is_ordinary(&self, secret: &str) -> bool {
        let is_printed_word = || {
            self.printed_words.as_ref().or(PRINTED_WORDS.get()).is_some_and(|is_printed_word| is_printed_word(secret))
        };
        secret.len() < MIN_LENGTH || (secret.len() <= MAX_PRINTED_WORD_LENGTH && is_printed_word())
    }

    /// Redacts the secrets in a URL: a user and a password, secret parameters, and random path segments.
    pub fn add_url(&mut self, url: &str) {
        for url::Secret { value, with_name } in url::secrets(url) {
            // A word that occurs everywhere is a secret only next to its name: `code=1`, but not in `code=1008`.
            match self.is_ordinary(&value) {
                true => self.insert(&with_name, "secret of the URL", RequiredContext::Delimiters),
                false => self.insert(&value, "secret of the URL", RequiredContext::Nothing),
            }
        }
    }

    /// Adds the secrets of others.
    pub fn extend(&mut self, others: &Self) {
        for (secret, symbol) in &others.known {
            if !self.known.contains_key(secret) {
                self.known.insert(secret.clone(), symbol.clone());
                self.finder = Arc::default();
            }
        }
    }

    /// The text without secrets.
    pub fn apply(&self, text: &str) -> String {
        hide_runs(&hide_capabilities(&hide_values(&self.apply_known(text))))
    }

    /// The text without the strings from the caller, for texts in which other secrets already have symbols.
    pub fn apply_known(&self, text: &str) -> String {
        let shortest = self.known.keys().map(String::len).min().unwrap_or(usize::MAX).min(known::PART);
        if text.len() < shortest && !text.ends_with('…') && !text.ends_with(CUT) {
            return text.to_owned();
        }
        let finder = self
            .finder
            .get_or_init(|| Finder::new(self.known.iter().map(|(secret, symbol)| (secret.as_str(), symbol.needed))));
        let Some(finder) = finder else { return text.to_owned() };
        let cut = [CUT, "…"].into_iter().find_map(|mark| text.strip_suffix(mark));
        let symbols = self.known.values().collect::<Vec<_>>();
        let body = cut.unwrap_or(text);
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for found in finder.find(body, cut.is_some()) {
            out.push_str(&body[done..found.start]);
            out.push_str(&symbols[found.secret].text);
            done = found.end;
        }
        out.push_str(&text[done..]);
        out
    }
}

/// Replaces the string values of secret keys: in complete or truncated JSON, in `Name: value` header lines, and in a
/// URL's query.
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

/// `text` starts after an opening quote. If it is a secret key with a string value, returns the start of the value.
fn json_value(text: &str) -> Option<usize> {
    let end = text.find('"')?;
    let after = &text[end + 1..];
    let colon = after.trim_start().strip_prefix(':')?.trim_start();
    let value = colon.strip_prefix('"')?;
    is_secret_name(&text[..end]).then_some(text.len() - value.len())
}

/// `text` starts at the beginning of a line. If it is a header with a secret, returns the start of its value.
fn header_value(text: &str) -> Option<usize> {
    let (name, _) = text.split_once('\n').map_or(text, |(line, _)| line).split_once(": ")?;
    // Other lines with a colon are prose or an error code.
    let is_header = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (is_header && is_secret_name(name)).then_some(name.len() + 2)
}

/// `text` starts after `?` or `&`. If it is a secret parameter, returns the start of its value.
fn query_value(text: &str) -> Option<usize> {
    let (name, _) = text.split_once('=')?;
    let is_parameter = !name.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '&' | '?'));
    (is_parameter && is_secret_name(name)).then_some(name.len() + 1)
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

/// Replaces the path segment that gives access to a node's canvas.
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

/// Replaces everything with the form of a token, a key or a signature.
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
    // Prose and identifiers with dashes or underscores are long too. Random text has digits and both cases.
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
    #[case(r#"{"apiKey":"abc","accessToken":"abc"}"#, r#"{"apiKey":"<secret>","accessToken":"<secret>"}"#)]
    #[case("x\nTOKEN_MISMATCH: abc\nno token here: abc", "x\nTOKEN_MISMATCH: abc\nno token here: abc")]
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
    fn hides_secrets(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(redactions().apply(text), shown);
    }

    #[test]
    fn hides_token_shapes() {
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
    fn truncation_does_not_leave_partial_secret() {
        let cut = format!("say hunte{}", CUT);
        assert_eq!(redactions().apply(&cut), format!("say <password>{}", CUT));
        assert_eq!(redactions().apply("a gateway cut it: \"hunt"), "a gateway cut it: \"hunt");
    }

    #[rstest]
    #[case::upper("HUNTER2")]
    #[case::json(r"hu\u006eter2")]
    #[case::json_whole(r"\u0068\u0075\u006E\u0074\u0065\u0072\u0032")]
    #[case::json_in_json(r"\\u0068unter2")]
    #[case::rust(r"h\u{75}nter\x32")]
    #[case::percent("hunte%722")]
    #[case::percent_twice("hunte%25722")]
    #[case::html("&#104;unter&#x32;")]
    #[case::hex("68756e74657232")]
    #[case::hex_upper("68756E74657232")]
    #[case::wrapped("hun\n   │ ter2")]
    #[case::zero_width("hun\u{200b}ter\u{1b}2")]
    #[case::escaped_line_break(r"hun\nter2")]
    #[case::escaped_wrap(r"hun\n      ter2")]
    fn finds_secret_in_every_encoding(#[case] encoded: &str) {
        let mut known = Redactions::default();
        known.add("hunter2", "password");
        assert_eq!(known.apply(&format!("<{encoded}>")), "<<password>>", "{encoded}");
    }

    #[rstest]
    fn finds_base64_at_every_offset(#[values(0, 1, 2, 3, 4, 5)] before: usize, #[values(0, 1, 2)] after: usize) {
        use base64::Engine as _;
        use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
        let secret = "?>hunter2<?~~";
        let mut known = Redactions::default();
        known.add(secret, "password");
        let text = format!("{}{secret}{}", "x".repeat(before), "y".repeat(after));
        for encoded in
            [STANDARD.encode(&text), URL_SAFE_NO_PAD.encode(&text), STANDARD.encode(&text).replace('/', r"\/")]
        {
            let shown = known.apply(&encoded);
            assert!(shown.contains("<password>"), "{encoded}: {shown}");
            // At most a part of one character of the secret remains at either end.
            let left = shown.replace("<password>", "");
            assert!(left.len() <= (before + after) * 2 + 8, "{encoded}: {shown}");
        }
    }

    #[test]
    fn hides_overlapping_secrets() {
        let mut known = Redactions::default();
        known.add("abcdefgh", "one");
        known.add("efghijklmn", "other");
        assert_eq!(known.apply("-abcdefghijklmn-"), "-<other>-");
    }

    #[test]
    fn hides_part_of_long_secret() {
        let mut known = Redactions::default();
        known.add(TOKEN, "token");
        assert_eq!(known.apply_known(&format!("say {}", &TOKEN[..14])), "say <token>");
        assert_eq!(
            known.apply_known(&format!("\"{}\" {} said", &TOKEN[..20], &TOKEN[20..])),
            "\"<token>\" <token> said"
        );
    }

    #[test]
    fn printed_words_are_hidden_only_in_context() {
        let printed_words = Some((|text| ["pairing", "required", "token", "tokens"].contains(&text)) as IsPrintedWord);
        let mut known = Redactions { printed_words, ..Redactions::default() };
        ["token", "tokens hunter2", "hunter2"].into_iter().for_each(|secret| known.add(secret, "password"));
        known.add_url("ws://me:pairing@h:1/ws?token=token&x=1");
        let text = r#"pairing required, tokens: hunter2, ws://me:pairing@h:1/ws?token=token&x=1, {"token":"token"}"#;
        assert_eq!(
            known.apply(text),
            r#"pairing required, tokens: <password>, ws://<secret of the URL>h:1/ws?<secret of the URL>&x=1, {"token":"<secret>"}"#
        );
    }

    #[rstest]
    #[case::short("ws://h:1/ws?code=1", "code=1008 ?code=1&x=2", "code=1008 ?<secret of the URL>&x=2")]
    #[case::part_of_a_name("ws://h:1/ws?code=1", "error_code=1 xcode=1", "error_code=1 xcode=1")]
    #[case::escaped("ws://h:1/ws?code=1", r"/ws\u003fcode=1\u0026x", r"/ws\u003f<secret of the URL>\u0026x")]
    #[case::truncated("ws://h:1/ws?code=1", "a code…", "a code…")]
    #[case::part_of_a_word("ws://h:1/ws?design=a", "?design=a b", "?design=a b")]
    #[case::empty("ws://h:1/ws?token=", "token= none", "token= none")]
    #[case::no_password("ws://me:@h:1/ws", "ws://me:@h:1/ws", "ws://me:@h:1/ws")]
    #[case::short_password("ws://me:x@h:1/ws", "ws://me:x@h:1 some:x@h", "ws://<secret of the URL>h:1 some:x@h")]
    fn short_url_value_is_hidden_as_parameter(#[case] url: &str, #[case] text: &str, #[case] shown: &str) {
        let mut known = Redactions::default();
        known.add_url(url);
        assert_eq!(known.apply_known(text), shown);
    }

    #[test]
    fn empty_url_value_hides_nothing_else() {
        let mut known = Redactions::default();
        known.add_url("ws://h/ws?token=");
        assert_eq!(known.apply("GET /ws?token=abc"), "GET /ws?token=<secret>");
    }

    #[test]
    fn hides_secrets_of_url() {
        let mut known = Redactions::default();
        known.add_url("ws://me:pass-word@h:1/ws?token=to%2Fken1&x=1");
        assert_eq!(
            known.apply_known("Pass-Word to/ken1 TO%2fKEN1 x=1"),
            "<secret of the URL> <secret of the URL> <secret of the URL> x=1"
        );
    }
}
