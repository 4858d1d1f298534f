//! Values with the position in the file that they came from.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::{Borrow, Cow};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::ops::Deref;

/// A range of bytes in a scenario file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One after the last byte.
    pub end: usize,
}

impl From<Span> for miette::SourceSpan {
    fn from(span: Span) -> Self {
        (span.start, span.end.saturating_sub(span.start)).into()
    }
}

/// A value and its position. The comparison ignores the position.
#[derive(Clone, Copy, Default)]
pub struct Spanned<T> {
    /// The value without its position.
    pub value: T,
    /// The position. Empty if the value did not come from a file.
    pub span: Span,
}

/// The newtype name that requests the span of a [`Spanned`] from the scenario deserializer.
pub(crate) const SPANNED: &str = "$clawcheck::Spanned";

impl<T> Deref for Spanned<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Spanned<T> {}

impl<T: Hash> Hash for Spanned<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.hash(state);
    }
}

impl<T: fmt::Debug> fmt::Debug for Spanned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T> From<T> for Spanned<T> {
    fn from(value: T) -> Self {
        Self { value, span: Span::default() }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SpannedVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for SpannedVisitor<T> {
            type Value = Spanned<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            /// Any other deserializer: the value without a position.
            fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
                T::deserialize(deserializer).map(Spanned::from)
            }

            /// The scenario deserializer: start, end, value.
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let missing = || A::Error::custom("a span is start, end and value");
                let start = seq.next_element()?.ok_or_else(missing)?;
                let end = seq.next_element()?.ok_or_else(missing)?;
                let value = seq.next_element()?.ok_or_else(missing)?;
                Ok(Spanned { value, span: Span { start, end } })
            }
        }

        deserializer.deserialize_newtype_struct(SPANNED, SpannedVisitor(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A name that the scenario gives to a device, a connection, a step or a secret. It consists of lower-case letters,
/// digits and hyphens, so that it can be part of ids and snapshots.
#[derive(Clone, Deserialize)]
#[serde(try_from = "Spanned<String>")]
pub struct Name {
    text: String,
    /// The position of the name.
    pub span: Span,
}

/// The word that means "no name". It is not a valid name.
pub(crate) const NONE: &str = "none";

impl Name {
    /// The name as a string.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// A name that clawcheck gives to a device of its own.
    pub(crate) fn fixed(text: &'static str, span: Span) -> Self {
        debug_assert!(Self::is_valid(text));
        Self { text: text.to_owned(), span }
    }

    /// Whether a text is a valid name.
    pub fn is_valid(text: &str) -> bool {
        text != NONE
            && !text.is_empty()
            && text.len() <= 64
            && !text.starts_with('-')
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    }
}

impl TryFrom<Spanned<String>> for Name {
    type Error = String;

    fn try_from(Spanned { value: text, span }: Spanned<String>) -> Result<Self, String> {
        if text == NONE {
            return Err("`none` is not a valid name: it stands for no device".to_owned());
        }
        if Self::is_valid(&text) {
            return Ok(Self { text, span });
        }
        Err(format!("`{text}` is not a valid name; expected lower-case letters, digits and hyphens"))
    }
}

impl Deref for Name {
    type Target = str;
    fn deref(&self) -> &str {
        &self.text
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Name {}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.text == other
    }
}

impl Hash for Name {
    /// Hashes like its text, because maps of names are also searched by text.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl JsonSchema for Name {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Name".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[a-z0-9][a-z0-9-]*$", "maxLength": 64 })
    }
}

/// A name, or the word `none`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Spanned<String>")]
pub enum NameOrNone {
    /// `none`.
    None,
    /// A name of a device, a connection, a step or a secret.
    Name(Name),
}

impl NameOrNone {
    /// The name, if there is one.
    pub fn name(&self) -> Option<&Name> {
        match self {
            Self::None => None,
            Self::Name(name) => Some(name),
        }
    }
}

impl TryFrom<Spanned<String>> for NameOrNone {
    type Error = String;

    fn try_from(text: Spanned<String>) -> Result<Self, String> {
        if text.value == NONE { Ok(Self::None) } else { Name::try_from(text).map(Self::Name) }
    }
}

impl JsonSchema for NameOrNone {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "NameOrNone".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Name::json_schema(generator)
    }
}
