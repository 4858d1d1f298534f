//! Translates the errors of the YAML reader for users.
//!
//! The same library reads scenarios, gateway descriptions and the headers of snapshots. Its messages name its own types and
//! options, which users do not know.

use crate::suggestions::{choices, missing_key};
use serde_saphyr::Error;
use serde_saphyr::granit_parser::ErrorKind;
use serde_saphyr::localizer::ExternalMessageSource;

/// An error in a YAML file, for a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Explanation {
    /// The error in one line, without its position.
    pub(crate) message: String,
    /// A suggestion to correct the error.
    pub(crate) help: Option<String>,
}

impl Explanation {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Explains an error of the YAML reader.
pub(crate) fn explain(error: &Error) -> Explanation {
    match error.without_snippet() {
        Error::AliasError { error, .. } => explain(error),
        Error::ExternalMessage { source, .. } => match source.as_ref() {
            ExternalMessageSource::Parser(error) => syntax(error.kind()),
            _ => Explanation::new("this is not valid YAML"),
        },
        // Messages of clawcheck's own types.
        Error::Message { msg, .. } | Error::SerdeVariantId { msg, .. } => Explanation::new(msg.replace('\n', " ")),
        Error::SerdeUnknownField { field, expected, .. } => {
            Explanation::new(format!("unknown key `{field}`")).help(choices(field, expected))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            Explanation::new(format!("unknown value `{variant}`")).help(choices(variant, expected))
        }
        Error::SerdeMissingField { field, .. } => {
            Explanation::new(format!("the key `{field}` is missing")).help(missing_key(field))
        }
        Error::SerdeInvalidType { unexpected, expected, .. }
        | Error::SerdeInvalidValue { unexpected, expected, .. } => {
            Explanation::new(format!("expected {}, found {}", type_in_words(expected), found_in_words(unexpected)))
        }
        Error::SerdeInvalidLength { len, expected, .. } => {
            Explanation::new(format!("expected {}, found a list of {len}", type_in_words(expected)))
        }
        Error::IOError { cause } => Explanation::new(format!("the file cannot be read: {cause}")),
        error => structure(error),
    }
}

/// Errors about the structure of a document and the type of a value.
fn structure(error: &Error) -> Explanation {
    match error {
        Error::Eof { .. } => Explanation::new("expected a value, found the end of the file"),
        Error::MultipleDocuments { .. } => Explanation::new("the file contains more than one YAML document")
            .help("remove the line `---`, or split the file"),
        Error::Unexpected { expected, .. } => Explanation::new(match *expected {
            "sequence start" => "expected a list",
            "mapping start" => "expected a map",
            "string scalar" => "expected a string",
            "scalar" | "value" => "expected a single value",
            _ => "the value has the wrong type",
        }),
        Error::MergeKeyNotAllowed { .. } | Error::MergeValueNotMapOrSeqOfMaps { .. } => {
            Explanation::new("merge keys (`<<`) are not supported").help("write the keys out")
        }
        Error::DuplicateMappingKey { key: Some(key), .. } => duplicate_key(&format!("duplicate key `{key}`")),
        Error::DuplicateMappingKey { key: None, .. } => duplicate_key("duplicate key"),
        Error::UnknownAnchor { .. } => Explanation::new("the alias refers to an anchor that does not exist")
            .help("quote a string that starts with `*`"),
        Error::UnsupportedTag { .. }
        | Error::TaggedScalarCannotDeserializeIntoString { .. }
        | Error::TaggedEnumMismatch { .. }
        | Error::InvalidBinaryBase64 { .. }
        | Error::BinaryNotUtf8 { .. }
        | Error::UnsupportedIncludeForm { .. }
        | Error::ResolverError { .. } => tag(),
        Error::InvalidBooleanStrict { .. } => Explanation::new("expected true or false"),
        Error::NullIntoString { .. } | Error::InvalidCharNull { .. } => {
            Explanation::new("expected a string, found no value").help("add a value, or `\"\"` for an empty string")
        }
        Error::InvalidScalar { ty, .. } => Explanation::new(format!("expected {}", type_in_words(ty))),
        Error::NonFiniteFloat { value, .. } => Explanation::new(format!("`{value}` is not a finite number")),
        Error::ExpectedStringKeyForExternallyTaggedEnum { .. }
        | Error::ExternallyTaggedEnumExpectedScalarOrMapping { .. }
        | Error::UnexpectedValueForUnitEnumVariant { .. }
        | Error::ExpectedMappingEndAfterEnumVariantValue { .. } => {
            Explanation::new("expected a single word, or a map with one key")
        }
        Error::UnexpectedSequenceEnd { .. } => Explanation::new("the list ends too early"),
        Error::UnexpectedMappingEnd { .. } => Explanation::new("the map ends too early"),
        Error::FoldedBlockScalarMustIndentContent { .. } | Error::IndentationError { .. } => indentation(),
        Error::InvalidUtf8Input => Explanation::new("the file is not UTF-8 text"),
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::RecursiveReferencesRequireWeakTypes { .. } => too_large(),
        _ => Explanation::new("this is not valid YAML"),
    }
}

fn duplicate_key(message: &str) -> Explanation {
    Explanation::new(message).help("remove or rename one of the keys")
}

fn indentation() -> Explanation {
    Explanation::new("wrong indentation")
        .help("indent the line like the other lines of its block, and close every quoted string")
}

fn tag() -> Explanation {
    Explanation::new("tags (`!name`) are not supported").help("quote a string that starts with `!`")
}

fn too_large() -> Explanation {
    Explanation::new("the YAML is too large or too deeply nested")
}

/// Errors of the syntax.
fn syntax(kind: &ErrorKind) -> Explanation {
    use ErrorKind as Kind;
    match kind {
        Kind::UnexpectedEof
        | Kind::UnexpectedEofFlowSequence
        | Kind::UnexpectedEofFlowMapping
        | Kind::UnexpectedEofImplicitFlowMapping
        | Kind::UnexpectedEofBlockSequence
        | Kind::UnexpectedEofBlockMapping
        | Kind::UnexpectedEndOfPlainScalar => Explanation::new("the file ends too early"),
        Kind::UnclosedFlowCollection { open } => Explanation::new(format!("the bracket `{open}` is not closed")),
        Kind::MismatchedFlowCollectionEnd { open, close } => {
            Explanation::new(format!("the bracket `{open}` is closed by `{close}`"))
        }
        Kind::MisplacedFlowCollectionEnd => Explanation::new("the bracket is closed but was not opened"),
        Kind::ExpectedFlowSequenceSeparator => Explanation::new("expected `,` or `]` in a list"),
        Kind::ExpectedFlowMappingSeparator => Explanation::new("expected `,` or `}` in a map"),
        Kind::TabNotAllowed
        | Kind::TabInBlockIndentation
        | Kind::TabInIndentation
        | Kind::TabAtBlockScalarStart
        | Kind::TabInPlainScalar => Explanation::new("a tab is not allowed here").help("indent with spaces"),
        Kind::InvalidIndentation
        | Kind::InvalidBlockScalarIndent
        | Kind::InvalidQuotedScalarIndent
        | Kind::InvalidFlowScalarIndent => indentation(),
        Kind::InvalidBlockScalarHeader | Kind::ZeroBlockScalarIndent => {
            Explanation::new("unexpected text after `|` or `>`").help("start the text on the next line")
        }
        Kind::ExpectedNodeContent => Explanation::new("expected a value"),
        Kind::RecursionLimitExceeded | Kind::AnchorCountOverflow => too_large(),
        kind => keys(kind),
    }
}

/// Errors about keys, list items, comments and strings.
fn keys(kind: &ErrorKind) -> Explanation {
    use ErrorKind as Kind;
    match kind {
        Kind::MappingValueNotAllowed | Kind::InvalidColonPlacement => Explanation::new("`:` is not allowed here")
            .help("quote a string that contains `: `, and start each key on its own line"),
        Kind::InvalidMappingValueWhitespace | Kind::FlowMappingValueAdjacentCollection => {
            Explanation::new("expected a space after `:`")
        }
        Kind::MappingKeyNotAllowed => Explanation::new("a key is not allowed here"),
        Kind::SimpleKeyExpected | Kind::InvalidSimpleKey | Kind::ExpectedBlockMappingKey => {
            Explanation::new("expected a key and `:`").help("indent the line like the other keys of its map")
        }
        Kind::ExpectedBlockSequenceEntry => {
            Explanation::new("expected `- `").help("start each item of the list with `- `")
        }
        Kind::BlockEntryInFlowCollection
        | Kind::BlockSequenceEntryNotAllowed
        | Kind::PlainScalarStartsWithDashFlowIndicator => {
            Explanation::new("`-` is not allowed here").help("start each item of a list on its own line")
        }
        Kind::InvalidBlockEntryWhitespace => Explanation::new("expected a space after `-`"),
        Kind::ExpectedWhitespace => Explanation::new("expected a space"),
        Kind::CommentNotSeparated => Explanation::new("expected a space before the comment"),
        Kind::CommentInterceptedScalar => {
            Explanation::new("a comment is not allowed inside a string").help("move the comment, or quote the string")
        }
        Kind::UnclosedQuotedScalar => Explanation::new("the quoted string is not closed"),
        Kind::InvalidTrailingSingleQuotedScalar | Kind::InvalidTrailingDoubleQuotedScalar => {
            Explanation::new("unexpected text after the closing quote")
        }
        Kind::DocumentIndicatorInQuotedScalar => {
            Explanation::new("`---` and `...` are not allowed at the start of a line in a quoted string")
        }
        Kind::UnknownQuotedScalarEscape
        | Kind::InvalidQuotedScalarHexEscape
        | Kind::InvalidLowSurrogateHexEscape
        | Kind::InvalidLowSurrogate
        | Kind::MissingLowSurrogate
        | Kind::UnpairedLowSurrogate
        | Kind::InvalidUnicodeEscape => Explanation::new("invalid escape sequence in a double-quoted string")
            .help(r"write a backslash as `\\`, or use single quotes"),
        Kind::UnexpectedCharacter { character } => {
            Explanation::new(format!("unexpected character `{}`", character.escape_default()))
                .help("quote a string that starts with this character")
        }
        kind => marks(kind),
    }
}

/// Errors about tags, anchors, directives and the marks around documents.
fn marks(kind: &ErrorKind) -> Explanation {
    use ErrorKind as Kind;
    match kind {
        Kind::ExpectedTagBang
        | Kind::ExpectedTagDirectiveBang
        | Kind::InvalidGlobalTagCharacter
        | Kind::UndeclaredTagHandle
        | Kind::InvalidTagTerminator
        | Kind::MissingTagUri
        | Kind::UnclosedVerbatimTag
        | Kind::InvalidTagEscape
        | Kind::InvalidTagUtf8LeadingByte
        | Kind::InvalidTagUtf8TrailingByte
        | Kind::InvalidTagUtf8
        | Kind::MissingIncludeResolver => tag(),
        Kind::MissingAnchorOrAliasName => {
            Explanation::new("expected a name after `&` or `*`").help("quote a string that starts with `&` or `*`")
        }
        Kind::DuplicateVersionDirective
        | Kind::UnsupportedYamlMajorVersion
        | Kind::DuplicateTagDirective
        | Kind::MissingDocumentEndBeforeDirective
        | Kind::InvalidDirectiveTerminator
        | Kind::DirectiveDisallowed
        | Kind::MissingYamlVersionSeparator
        | Kind::MissingDirectiveName
        | Kind::InvalidDirectiveName
        | Kind::DirectiveByteLimitExceeded { .. }
        | Kind::TooManyReservedDirectiveParams { .. }
        | Kind::YamlVersionTooLong
        | Kind::MissingYamlVersion
        | Kind::InvalidTagDirectiveTerminator => Explanation::new("a line that starts with `%` is not allowed here")
            .help("quote a string that starts with `%`"),
        Kind::ExpectedDocumentStart | Kind::InvalidDocumentEnd => {
            Explanation::new("unexpected text after the end of the document")
        }
        Kind::BomInsideDocument => {
            Explanation::new("a byte order mark (U+FEFF) is allowed only at the start of the file")
        }
        _ => Explanation::new("this is not valid YAML"),
    }
}

/// Translates the name of a type in serde.
pub(crate) fn type_in_words(expected: &str) -> String {
    match expected {
        "string" => "a string".to_owned(),
        "a boolean" | "boolean" | "bool" => "true or false".to_owned(),
        "a sequence" | "sequence" | "seq" => "a list".to_owned(),
        "map" => "a map".to_owned(),
        "u8" => "a whole number from 0 to 255".to_owned(),
        "u16" => "a whole number from 0 to 65535".to_owned(),
        "u32" | "u64" | "usize" => "a whole number, 0 or greater".to_owned(),
        "i32" | "i64" | "integer" | "an integer" => "a whole number".to_owned(),
        "f32" | "f64" | "float" => "a number".to_owned(),
        "a tuple of size 2" => "a list of two".to_owned(),
        _ if expected.starts_with("struct ") => "a map".to_owned(),
        _ => expected.to_owned(),
    }
}

/// Translates the description of a value in serde.
fn found_in_words(found: &str) -> String {
    let named =
        [("integer ", "the number "), ("floating point ", "the number "), ("string ", "the string "), ("boolean ", "")];
    match found {
        "sequence" => "a list".to_owned(),
        "map" => "a map".to_owned(),
        "unit value" | "Option value" | "null" => "no value".to_owned(),
        _ => named
            .iter()
            .find_map(|(name, word)| found.strip_prefix(name).map(|value| format!("{word}{value}")))
            .unwrap_or_else(|| found.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    /// One field of each type that a file of clawcheck has.
    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct File {
        text: String,
        number: u16,
        flag: bool,
        list: Vec<String>,
        map: BTreeMap<String, String>,
        pair: (u8, u8),
        word: Option<Word>,
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    #[expect(dead_code, reason = "only read")]
    enum Word {
        One,
        Two(String),
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read")]
    struct Inner {
        must: String,
    }

    /// Words of serde, of the YAML library and of Rust.
    const LIBRARY: [&str; 21] = [
        "scalar",
        "mapping",
        "Policy",
        "Options",
        "Option<",
        "deserialize",
        "enum",
        "variant",
        "field",
        "node",
        "EOF",
        "eof",
        "stream",
        "token",
        "simple key",
        "surrogate",
        "flow",
        "unit",
        "struct",
        "invalid type",
        "tuple",
    ];

    /// Every kind of mistake that a file can contain, and the message about it.
    #[rstest]
    #[case::list_open("list: [a", "the bracket `[` is not closed")]
    #[case::map_open("map: { a: b", "the bracket `{` is not closed")]
    #[case::brackets_mixed("list: [a}", "the bracket `[` is closed by `}`")]
    #[case::bracket_stray("text: a\n]", "the bracket is closed but was not opened")]
    #[case::quote_open("text: 'a", "the quoted string is not closed")]
    #[case::after_quote("text: 'a' b", "unexpected text after the closing quote")]
    #[case::after_double_quote("text: \"a\" b", "unexpected text after the closing quote")]
    #[case::escape("text: \"\\q\"", "invalid escape sequence in a double-quoted string")]
    #[case::hex("text: \"\\xzz\"", "invalid escape sequence in a double-quoted string")]
    #[case::surrogate("text: \"\\ud800\"", "invalid escape sequence in a double-quoted string")]
    #[case::colon("text: a: b", "`:` is not allowed here")]
    #[case::colon_tight("map: {a:[b]}", "expected a space after `:`")]
    #[case::no_key("text: a\nb", "expected a key and `:`")]
    #[case::dash("list: - a", "`-` is not allowed here")]
    #[case::dash_in_brackets("list: [- a]", "`-` is not allowed here")]
    #[case::character("text: @a", "unexpected character `@`")]
    #[case::tab("map:\n\ta: b", "a tab is not allowed here")]
    #[case::block_header("text: | a\n  b", "unexpected text after `|` or `>`")]
    #[case::comment("text: 'a'#b", "expected a space before the comment")]
    #[case::anchor_name("text: & a", "expected a name after `&` or `*`")]
    #[case::alias("text: *a", "the alias refers to an anchor that does not exist")]
    #[case::directive("%YAML 3.0\n---\ntext: a", "a line that starts with `%` is not allowed here")]
    #[case::two_documents("text: a\n---\ntext: b", "the file contains more than one YAML document")]
    #[case::document_mark("'a\n---\nb'", "`---` and `...` are not allowed at the start of a line in a quoted string")]
    #[case::duplicate("text: a\ntext: b", "duplicate key `text`")]
    #[case::unknown_key("txet: a", "unknown key `txet`")]
    #[case::unknown_word("word: onne", "unknown value `onne`")]
    #[case::missing_key("inner: {}", "the key `must` is missing")]
    #[case::text_for_list("list: a", "expected a list")]
    #[case::list_for_text("text: [a]", "expected a string")]
    #[case::text_for_map("map: a", "expected a map")]
    #[case::text_for_number("number: a", "expected a whole number from 0 to 65535")]
    #[case::number_too_large("number: 70000", "expected a whole number from 0 to 65535")]
    #[case::text_for_flag("flag: maybe", "expected true or false")]
    #[case::nothing_for_text("text: null", "expected a string, found no value")]
    #[case::pair_short("pair: [1]", "expected a list of two, found a list of 1")]
    #[case::word_is_list("word: [one]", "expected a single word, or a map with one key")]
    #[case::whole_is_list("- a", "expected a map")]
    fn message_for_each_mistake(#[case] text: &str, #[case] expected: &str) {
        let error = serde_saphyr::from_str::<File>(text).unwrap_err();
        let explanation = explain(&error);
        assert_eq!(explanation.message, expected, "{error:?}");
        for word in LIBRARY {
            assert!(!explanation.message.contains(word), "`{word}` in `{}`", explanation.message);
        }
    }

    #[test]
    fn missing_key_says_what_to_add() {
        let error = serde_saphyr::from_str::<File>("inner: {}").unwrap_err();
        assert_eq!(explain(&error).help.as_deref(), Some("add `must: MUST`"));
    }

    #[test]
    fn suggests_key() {
        let error = serde_saphyr::from_str::<File>("txet: a").unwrap_err();
        assert!(explain(&error).help.unwrap().starts_with("did you mean `text`?"));
    }
}
