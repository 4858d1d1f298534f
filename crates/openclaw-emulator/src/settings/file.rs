//! Reads the file `openclaw.json`: JSON5, which allows comments, trailing commas and unquoted keys.

use super::secrets::masked;
use json5::ErrorCode;
use miette::{Diagnostic, NamedSource, SourceSpan};
use serde_json::Value;
use std::io;
use std::path::{Path, PathBuf};
use untrusted_data::excerpt;
use untrusted_data::plain_file::{self, Links, PlainFileError};

/// Maximum size of a configuration file, far more than any configuration needs.
const MAX_SIZE: u64 = 4 * 1024 * 1024;
/// Maximum nesting of a configuration file. The parser uses one stack frame for each level.
const MAX_DEPTH: usize = 128;

/// The reason why a configuration file could not be read.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum ConfigFileError {
    /// The operating system refuses it.
    #[error("cannot read the configuration {path}: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },
    /// The file is too large.
    #[error("{0} is larger than 4 MiB, the limit for an openclaw.json")]
    TooBig(PathBuf),
    /// The file is nested too deeply.
    #[error("{0} is nested deeper than 128 levels, the limit for an openclaw.json")]
    TooDeep(PathBuf),
    /// The file is not text.
    #[error("{0} is not UTF-8 text; expected an openclaw.json (JSON5)")]
    NotText(PathBuf),
    /// The file is not JSON5.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Syntax(Box<SyntaxError>),
}

impl ConfigFileError {
    /// The message of a syntax error, and its line and column, counted from 1.
    pub fn place(&self) -> Option<(&str, (usize, usize))> {
        match self {
            Self::Syntax(error) => Some((&error.message, error.line)),
            _ => None,
        }
    }
}

/// A file that is not JSON5, with the position of the error.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{}: invalid JSON5: {message}", text.name())]
#[diagnostic(help("openclaw.json is JSON5: JSON that may contain comments, trailing commas and unquoted keys"))]
pub struct SyntaxError {
    /// The expected syntax.
    message: String,
    /// Line and column, counted from 1.
    line: (usize, usize),
    /// The text of the file, with everything masked that can be a secret.
    #[source_code]
    text: NamedSource<String>,
    /// The position of the error.
    #[label("{message}")]
    at: SourceSpan,
}

/// Reads a configuration file. `None` if it does not exist.
///
/// # Errors
/// Returns an error if the file cannot be read or is not JSON5.
pub fn read_config(path: &Path) -> Result<Option<Value>, ConfigFileError> {
    Ok(read_config_with_text(path)?.map(|(config, _)| config))
}

/// The same, with the text of the file, which can contain secrets.
///
/// # Errors
/// Returns an error if the file cannot be read or is not JSON5.
pub fn read_config_with_text(path: &Path) -> Result<Option<(Value, String)>, ConfigFileError> {
    let bytes = match plain_file::read(path, MAX_SIZE, Links::Follow) {
        Ok(bytes) => bytes,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(PlainFileError::TooLarge(_)) => return Err(ConfigFileError::TooBig(path.to_owned())),
        Err(error) => return Err(ConfigFileError::Unreadable { path: path.to_owned(), error: error.into() }),
    };
    let text = String::from_utf8(bytes).map_err(|_| ConfigFileError::NotText(path.to_owned()))?;
    if depth(&text) > MAX_DEPTH {
        return Err(ConfigFileError::TooDeep(path.to_owned()));
    }
    match json5::from_str(&text) {
        Ok(config) => Ok(Some((config, text))),
        Err(error) => Err(syntax(path, text, &error)),
    }
}

/// The nesting depth of brackets outside strings and comments.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut rest) = (0_usize, 0, text.as_bytes());
    while let [byte, after @ ..] = rest {
        rest = match byte {
            b'"' | b'\'' => after_string(after, *byte),
            b'/' if after.starts_with(b"/") => after_mark(after, b"\n"),
            b'/' if after.starts_with(b"*") => after_mark(&after[1..], b"*/"),
            _ => after,
        };
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn after_string(mut bytes: &[u8], quote: u8) -> &[u8] {
    loop {
        match bytes {
            [b'\\', _, rest @ ..] => bytes = rest,
            [byte, rest @ ..] if *byte == quote => return rest,
            [_, rest @ ..] => bytes = rest,
            [] => return &[],
        }
    }
}

fn after_mark<'a>(bytes: &'a [u8], mark: &[u8]) -> &'a [u8] {
    bytes.windows(mark.len()).position(|window| window == mark).map_or(&[], |at| &bytes[at + mark.len()..])
}

fn syntax(path: &Path, text: String, error: &json5::Error) -> ConfigFileError {
    let at = error.position().map_or(text.len(), |position| offset(&text, position.line, position.column));
    let message = match error.code() {
        Some(ErrorCode::EofParsingValue) if text.trim().is_empty() => "the file is empty",
        code => code.map_or("invalid syntax", in_words),
    };
    let message = message.to_owned();
    let before = &text[..at];
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    let line = (1 + before.matches('\n').count(), 1 + column);
    let length = text[at..].chars().next().map_or(0, char::len_utf8);
    let (shown, place) = excerpt(&masked(&text), at..at + length);
    let text = NamedSource::new(path.display().to_string(), shown);
    ConfigFileError::Syntax(Box::new(SyntaxError { message, line, text, at: place.into() }))
}

/// Translates the parser's expectation for users.
fn in_words(code: ErrorCode) -> &'static str {
    use ErrorCode as Code;
    match code {
        Code::EofParsingArray => "the file ends inside an array",
        Code::EofParsingObject => "the file ends inside an object",
        Code::EofParsingString | Code::EofParsingEscapeSequence => "the file ends inside a string",
        Code::EofParsingComment => "the file ends inside a comment",
        Code::EofParsingBool
        | Code::EofParsingIdentifier
        | Code::EofParsingNull
        | Code::EofParsingNumber
        | Code::EofParsingValue => "the file ends where a value is expected",
        Code::ExpectedBool => "expected true or false",
        Code::ExpectedNull => "expected null",
        Code::ExpectedNumber => "expected a number",
        Code::ExpectedString | Code::ExpectedStringOrObject => "expected a string",
        Code::ExpectedValue => "expected a value; a string needs quotes",
        Code::ExpectedIdentifier | Code::InvalidKey => "expected a key",
        Code::ExpectedColon => "expected `:` after the key",
        Code::ExpectedComma => "expected `,` or the closing bracket",
        Code::ExpectedClosingBrace => "expected `,` or `}`",
        Code::ExpectedClosingBracket => "expected `,` or `]`",
        Code::ExpectedOpeningBrace => "expected `{`",
        Code::ExpectedOpeningBracket => "expected `[`",
        Code::ExpectedComment => "expected a comment (`//` or `/*`)",
        Code::InvalidEscapeSequence | Code::InvalidBytes => "invalid escape sequence in a string",
        Code::LineTerminatorInString => "the string is not closed on its line",
        Code::LeadingZero => "a number must not start with 0",
        Code::OverflowParsingNumber => "the number is too large",
        Code::TrailingCharacters => "unexpected text after the end of the value",
    }
}

/// The byte at a line and a column, both counted from 0. The column is in characters.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    text[start..].char_indices().nth(column).map_or(text.len(), |(at, _)| start + at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn read(bytes: &[u8]) -> Result<Option<Value>, ConfigFileError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("openclaw.json");
        std::fs::write(&path, bytes).unwrap();
        read_config(&path)
    }

    #[test]
    fn accepts_comments_and_trailing_commas() {
        let read = read(b"// mine\n{ gateway: { port: 0x10, mode: 'local', }, }").unwrap();
        assert_eq!(read, Some(serde_json::json!({ "gateway": { "port": 16, "mode": "local" } })));
    }

    #[test]
    fn missing_file_is_not_an_error() {
        assert!(matches!(read_config(Path::new("/nonexistent/openclaw.json")), Ok(None)));
    }

    #[test]
    fn syntax_error_position() {
        let text = "{\n  gateway: {\n    mode: local,\n  },\n}";
        match read(text.as_bytes()) {
            Err(ConfigFileError::Syntax(error)) => assert_eq!(error.at.offset(), text.find("local").unwrap()),
            other => panic!("{other:?}"),
        }
    }

    #[rstest]
    #[case::binary(b"\x00\xff\xfe".to_vec(), "not UTF-8")]
    #[case::cut_off(b"{ gateway: {".to_vec(), "invalid JSON5: the file ends inside an object")]
    #[case::empty(Vec::new(), "invalid JSON5: the file is empty")]
    #[case::long(vec![b' '; 5 * 1024 * 1024], "larger than 4 MiB")]
    #[case::deep(vec![b'['; 100_000], "nested deeper")]
    fn rejects_non_object(#[case] bytes: Vec<u8>, #[case] says: &str) {
        let error = read(&bytes).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }

    #[rstest]
    #[case::array("[1", "the file ends inside an array")]
    #[case::string("{ a: 'b", "the file ends inside a string")]
    #[case::colon("{ a 1 }", "expected `:` after the key")]
    #[case::brace("{ a: 1 b: 2 }", "expected `,` or the closing bracket")]
    #[case::bracket("[1 2]", "expected `,` or the closing bracket")]
    #[case::value_missing("[1,", "the file ends where a value is expected")]
    #[case::bare_word("{ a: local }", "expected a value; a string needs quotes")]
    #[case::two_values("{} {}", "unexpected text after the end of the value")]
    fn syntax_error_text(#[case] text: &str, #[case] says: &str) {
        let error = read(text.as_bytes()).unwrap_err().to_string();
        assert!(error.ends_with(&format!("invalid JSON5: {says}")), "{error}");
    }

    #[test]
    fn ignores_brackets_in_strings_and_comments() {
        let text = "{ a: ']]]', /* [[[ */ b: [\"\\\"[[\"], // {{{\n c: {} }";
        assert_eq!(depth(text), 2);
    }

    #[test]
    fn directory_is_unreadable() {
        let directory = tempfile::tempdir().unwrap();
        assert!(matches!(read_config(directory.path()), Err(ConfigFileError::Unreadable { .. })));
    }
}
