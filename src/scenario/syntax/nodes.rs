//! YAML as a tree of nodes with positions.

use super::problems::SpannedError;
use super::spans::{Span, Spanned};
use crate::scenario::syntax::source::Source;
use crate::yaml::{Explanation, explain};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::{Location, Options};
use std::fmt;

/// A value and its position.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// The position. For a list or a map, it reaches from the first item to the last.
    pub span: Span,
    /// The value.
    pub kind: NodeKind,
}

/// A YAML value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum NodeKind {
    /// No value, or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A whole number greater than the maximum of `i64`.
    Natural(u64),
    /// Any other number.
    Float(f64),
    /// A string.
    Text(String),
    /// A list of values.
    List(Vec<Node>),
    /// A map, in the order of the file.
    Map(Vec<Entry>),
}

/// One entry of a map.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// The key and its position.
    pub key: Spanned<String>,
    /// The value of the entry.
    pub value: Node,
}

/// Maximum size of a scenario file, in bytes.
pub(crate) const MAX_FILE_SIZE: u64 = 1024 * 1024;

impl Node {
    /// The value under a key. `None` if the node is not a map or has no such key.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| entry.key.value == key).map(|entry| &entry.value)
    }

    /// The entries of a map. Empty if the node is not a map.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.kind {
            NodeKind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The narrowest position for an error about the whole node: the first key of a map or the first item of a list.
    pub(crate) fn head(&self) -> Span {
        match &self.kind {
            NodeKind::Map(entries) => entries.first().map_or(self.span, |entry| entry.key.span),
            NodeKind::List(items) => items.first().map_or(self.span, Self::head),
            _ => self.span,
        }
    }

    /// The kind of the node, for an error message.
    pub(crate) fn what(&self) -> String {
        match &self.kind {
            NodeKind::Null => "nothing".to_owned(),
            NodeKind::Bool(value) => format!("`{value}`"),
            NodeKind::Integer(value) => format!("the number {value}"),
            NodeKind::Natural(value) => format!("the number {value}"),
            NodeKind::Float(value) => format!("the number {value}"),
            NodeKind::Text(text) => format!("the string `{}`", short(text)),
            NodeKind::List(_) => "a list".to_owned(),
            NodeKind::Map(_) => "a map".to_owned(),
        }
    }
}

/// The beginning of a text, for an error message.
pub(crate) fn short(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Parses the text of a file.
///
/// # Errors
/// Returns an error if the text is not YAML or is nested too deeply.
pub(crate) fn parse(text: &str) -> Result<Node, SpannedError> {
    let mut options = Options::default();
    options.strict_booleans = true;
    options.with_snippet = false;
    options.merge_keys = serde_saphyr::options::MergeKeyPolicy::Error;
    options.reject_unsupported_tags = true;
    options.alias_limits.max_total_replayed_events = 10_000;
    options.alias_limits.max_replay_stack_depth = 16;
    if let Some(budget) = &mut options.budget {
        // Each level uses about 40 KiB of stack in an unoptimized build.
        budget.max_depth = 32;
        budget.max_events = 200_000;
        budget.max_nodes = 100_000;
        budget.max_documents = 1;
    }
    if let Some(tab) = leading_tab(text) {
        let help = "indent with spaces";
        return Err(SpannedError::at(tab, "a tab is not allowed in the indentation", "this is a tab").help(help));
    }
    let read: ParsedNode =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| yaml_fault(text, &error))?;
    Ok(read.0)
}

fn leading_tab(text: &str) -> Option<Span> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let blank = line.len() - line.trim_start_matches(' ').len();
        if line[blank..].starts_with('\t') && !line.trim().is_empty() && !line.trim_start().starts_with('#') {
            return Some(Span { start: start + blank, end: start + blank + 1 });
        }
        start += line.len();
    }
    None
}

fn yaml_fault(text: &str, error: &serde_saphyr::Error) -> SpannedError {
    use serde_saphyr::Error;
    let error = error.without_snippet();
    let span = error.location().map_or(Span::default(), |location| place(text, location));
    match error {
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().map(short).unwrap_or_default();
            SpannedError::at(span, format!("duplicate key `{key}`"), "second occurrence")
        }
        Error::MergeKeyNotAllowed { .. } => {
            SpannedError::at(span, "merge keys (`<<`) are not supported", "write the keys out, or use a matrix")
        }
        Error::Budget { .. } => {
            SpannedError::at(span, "the file contains more YAML than a scenario may have", "the limit is reached here")
                .help("write one document, with little nesting and few aliases")
        }
        _ => {
            let Explanation { message, help } = explain(error);
            SpannedError { help: bare_reference(text, span).or(help), ..SpannedError::at(span, message, "here") }
        }
    }
}

/// YAML reads a reference to an axis without quotes as a map, if it is inside a map or a list in one line.
fn bare_reference(text: &str, span: Span) -> Option<String> {
    let (before, rest) = text.split_at_checked(span.start)?;
    let (name, _) = rest.strip_prefix('{')?.split_once(['}', '\n'])?;
    before.ends_with('$').then(|| format!("quote a reference inside braces or brackets: \"${{{}}}\"", short(name)))
}

/// The bytes at a location. If the parser did not count bytes, they are found by line and column.
fn place(text: &str, location: Location) -> Span {
    let known = bytes(location);
    if location.span().byte_offset().is_some() && text.is_char_boundary(known.start) && text.is_char_boundary(known.end)
    {
        return known;
    }
    let line = usize::try_from(location.line()).unwrap_or(usize::MAX).saturating_sub(1);
    let column = usize::try_from(location.column()).unwrap_or(usize::MAX).saturating_sub(1);
    let line_start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let start = text[line_start..].char_indices().nth(column).map_or(text.len(), |(at, _)| line_start + at);
    let end = start + text[start..].chars().next().filter(|&next| next != '\n').map_or(0, char::len_utf8);
    Span { start, end }
}

/// A node from the parser.
struct ParsedNode(Node);

impl<'de> Deserialize<'de> for ParsedNode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = serde_saphyr::Spanned::<ReadKind>::deserialize(deserializer)?;
        let mut span = bytes(read.defined);
        match &read.value.0 {
            NodeKind::List(items) => span.end = items.last().map_or(span.end, |item| item.span.end.max(span.end)),
            NodeKind::Map(entries) => {
                span.end = entries.last().map_or(span.end, |entry| entry.value.span.end.max(span.end))
            }
            _ => {}
        }
        Ok(Self(Node { span, kind: read.value.0 }))
    }
}

fn bytes(location: Location) -> Span {
    let span = location.span();
    let start = span.byte_offset().and_then(|start| usize::try_from(start).ok()).unwrap_or_default();
    let length = span.byte_len().and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
    Span { start, end: start + length }
}

struct ReadKind(NodeKind);

impl<'de> Deserialize<'de> for ReadKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NodeKindVisitor;

        impl<'de> Visitor<'de> for NodeKindVisitor {
            type Value = NodeKind;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any YAML value")
            }
            fn visit_unit<E>(self) -> Result<NodeKind, E> {
                Ok(NodeKind::Null)
            }
            fn visit_none<E>(self) -> Result<NodeKind, E> {
                Ok(NodeKind::Null)
            }
            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<NodeKind, D::Error> {
                deserializer.deserialize_any(self)
            }
            fn visit_bool<E>(self, value: bool) -> Result<NodeKind, E> {
                Ok(NodeKind::Bool(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<NodeKind, E> {
                Ok(NodeKind::Integer(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<NodeKind, E> {
                Ok(i64::try_from(value).map_or(NodeKind::Natural(value), NodeKind::Integer))
            }
            fn visit_f64<E>(self, value: f64) -> Result<NodeKind, E> {
                Ok(NodeKind::Float(value))
            }
            fn visit_str<E>(self, text: &str) -> Result<NodeKind, E> {
                Ok(NodeKind::Text(text.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<NodeKind, A::Error> {
                let mut items = Vec::new();
                while let Some(ParsedNode(item)) = seq.next_element()? {
                    items.push(item);
                }
                Ok(NodeKind::List(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NodeKind, A::Error> {
                let mut entries = Vec::new();
                while let Some(key) = map.next_key::<serde_saphyr::Spanned<String>>()? {
                    let key = Spanned { span: bytes(key.defined), value: key.value };
                    let ParsedNode(value) = map.next_value()?;
                    entries.push(Entry { key, value });
                }
                Ok(NodeKind::Map(entries))
            }
        }

        deserializer.deserialize_any(NodeKindVisitor).map(ReadKind)
    }
}

impl Source {
    /// Line and column of a position, counted from 1, in characters.
    pub(crate) fn position(&self, span: Span) -> (usize, usize) {
        let before = self.text.get(..span.start).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (self.line(span), 1 + before[line_start..].chars().count())
    }

    /// The length of the line at a position, in bytes.
    pub(crate) fn line_length(&self, span: Span) -> usize {
        let (before, after) = self.text.split_at_checked(span.start).unwrap_or((&self.text, ""));
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        before.len() - line_start + after.find('\n').unwrap_or(after.len())
    }
}
