//! `openclaw.json` as a file: JSON5, which allows comments, trailing commas and bare keys.

use crate::excerpt::excerpt;
use miette::{Diagnostic, NamedSource, SourceSpan};
use serde_json::Value;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Far more than any configuration needs; a file above it is none.
const MAX_SIZE: u64 = 4 * 1024 * 1024;
/// Nesting above which a file is no configuration either. The parser takes one stack frame for each level.
const MAX_DEPTH: usize = 128;

/// Why a configuration file could not be read.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum ConfigFileError {
    /// The operating system does not give it.
    #[error("cannot read the configuration {path}: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
    /// Too long to be one.
    #[error("{0} is longer than 4 MiB; that is no openclaw.json")]
    TooBig(PathBuf),
    /// Nested too deep to be one.
    #[error("{0} is nested deeper than 128 levels; that is no openclaw.json")]
    TooDeep(PathBuf),
    /// Not text.
    #[error("{0} is not UTF-8 text; expected an openclaw.json (JSON5)")]
    NotText(PathBuf),
    /// Not JSON5.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Syntax(Box<SyntaxError>),
}

/// A file that is no JSON5, with the place where it stops being it.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{}: JSON5 parse failed: {message}", text.name())]
#[diagnostic(help("openclaw.json is JSON5: JSON with comments, trailing commas and unquoted keys allowed"))]
pub struct SyntaxError {
    /// What the parser expected.
    message: String,
    /// The file's text, secrets blotted out.
    #[source_code]
    text: NamedSource<String>,
    /// Where it is wrong.
    #[label("{message}")]
    at: SourceSpan,
}

/// Reads a configuration file; `None` if there is none.
///
/// # Errors
/// A file that cannot be read or is no JSON5.
pub fn read_config(path: &Path) -> Result<Option<Value>, ConfigFileError> {
    let unreadable = |error| ConfigFileError::Unreadable { path: path.to_owned(), error };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_SIZE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(ConfigFileError::TooBig(path.to_owned()));
    }
    let text = String::from_utf8(bytes).map_err(|_| ConfigFileError::NotText(path.to_owned()))?;
    if depth(&text) > MAX_DEPTH {
        return Err(ConfigFileError::TooDeep(path.to_owned()));
    }
    json5::from_str(&text).map(Some).map_err(|error| syntax(path, text, &error))
}

/// How deep brackets nest outside strings and comments.
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

/// The text with the values of `token` and `password` blotted out byte for byte: it is shown around the fault.
fn without_secrets(text: &str) -> String {
    let lines = text.split_inclusive('\n').map(|line| {
        let lower = line.to_ascii_lowercase();
        let secret = ["token", "password", "secret", "key"].iter().filter_map(|name| lower.find(name)).min();
        let Some(colon) = secret.and_then(|at| Some(at + line[at..].find(':')?)) else { return line.to_owned() };
        let blot = |at: char| if at.is_ascii_punctuation() || at.is_whitespace() { at } else { '*' };
        let blotted = line[colon..].chars().flat_map(|at| std::iter::repeat_n(blot(at), at.len_utf8().max(1)));
        line[..colon].chars().chain(blotted).collect()
    });
    lines.collect()
}

fn syntax(path: &Path, text: String, error: &json5::Error) -> ConfigFileError {
    let at = error.position().map_or(text.len(), |position| offset(&text, position.line, position.column));
    let message = error.code().map_or_else(|| error.to_string(), |code| code.to_string());
    let length = text[at..].chars().next().map_or(0, char::len_utf8);
    let (shown, place) = excerpt(&without_secrets(&text), at..at + length);
    let text = NamedSource::new(path.display().to_string(), shown);
    ConfigFileError::Syntax(Box::new(SyntaxError { message, text, at: place.into() }))
}

/// The byte at a line and a column, both counted from 0, the column in characters.
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
    fn comments_and_trailing_commas_are_fine() {
        let read = read(b"// mine\n{ gateway: { port: 0x10, mode: 'local', }, }").unwrap();
        assert_eq!(read, Some(serde_json::json!({ "gateway": { "port": 16, "mode": "local" } })));
    }

    #[test]
    fn no_file_is_no_error() {
        assert!(matches!(read_config(Path::new("/nonexistent/openclaw.json")), Ok(None)));
    }

    #[test]
    fn a_syntax_error_points_at_its_place() {
        let text = "{\n  gateway: {\n    mode: local,\n  },\n}";
        match read(text.as_bytes()) {
            Err(ConfigFileError::Syntax(error)) => assert_eq!(error.at.offset(), text.find("local").unwrap()),
            other => panic!("{other:?}"),
        }
    }

    #[rstest]
    #[case::binary(b"\x00\xff\xfe".to_vec(), "not UTF-8")]
    #[case::cut_off(b"{ gateway: {".to_vec(), "JSON5 parse failed")]
    #[case::empty(Vec::new(), "JSON5 parse failed")]
    #[case::long(vec![b' '; 5 * 1024 * 1024], "longer than 4 MiB")]
    #[case::deep(vec![b'['; 100_000], "nested deeper")]
    fn what_is_no_configuration_is_said_to_be_none(#[case] bytes: Vec<u8>, #[case] says: &str) {
        let error = read(&bytes).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }

    #[test]
    fn brackets_in_strings_and_comments_do_not_nest() {
        let text = "{ a: ']]]', /* [[[ */ b: [\"\\\"[[\"], // {{{\n c: {} }";
        assert_eq!(depth(text), 2);
    }

    #[test]
    fn secrets_are_not_shown_around_a_fault() {
        let text = "{ auth: { token: \"abc-\u{e9}\", },\n  port: oops }";
        let shown = without_secrets(text);
        assert_eq!(shown, "{ auth: { token: \"***-**\", },\n  port: oops }");
        assert_eq!(shown.len(), text.len());
    }

    #[test]
    fn a_directory_in_its_place_is_unreadable() {
        let directory = tempfile::tempdir().unwrap();
        assert!(matches!(read_config(directory.path()), Err(ConfigFileError::Unreadable { .. })));
    }
}
