//! A serde deserializer from the tree to the types. Every error has a position.
//!
//! It differs from other deserializers in two ways. A variant whose fields are all optional can be a word (`expect:
//! hello` is `expect: { hello: {} }`), and a key without a value is an error instead of a default.

use super::nodes::{Entry, Node, NodeKind, short};
use super::problems::SpannedError;
use super::spans::{SPANNED, Span};
use crate::suggestions::{choices, missing_key};
use crate::yaml::type_in_words as in_words;
use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, EnumAccess, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected, VariantAccess,
    Visitor,
};
use serde::{Deserialize, Deserializer, forward_to_deserialize_any};
use std::fmt;

/// Reads a tree into a type.
pub(crate) fn from_node<'de, T: Deserialize<'de>>(node: &'de Node) -> Result<T, SpannedError> {
    T::deserialize(NodeDeserializer(node)).map_err(|error| *error.at(node.head()).0)
}

/// An error that may not have a position yet. It is boxed because it passes through many calls.
#[derive(Debug)]
struct Error(Box<SpannedError>);

impl Error {
    fn new(message: String, label: String, help: Option<String>) -> Self {
        Self(Box::new(SpannedError { span: None, message, label, help, is_warning: false }))
    }

    /// Adds a position to an error that has none.
    fn at(mut self, span: Span) -> Self {
        self.0.span.get_or_insert(span);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    /// An error from a type of the model, in the form `what is wrong; expected something`.
    fn custom<T: fmt::Display>(message: T) -> Self {
        let message = message.to_string();
        match message.split_once("; ") {
            // A long list does not fit next to a caret.
            Some((message, all)) if all.len() > 70 => {
                Self::new(message.to_owned(), String::new(), Some(all.to_owned()))
            }
            Some((message, label)) => Self::new(message.to_owned(), label.to_owned(), None),
            None => Self::new(message, String::new(), None),
        }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = in_words(&expected.to_string());
        let scalar = matches!(found, Unexpected::Signed(_) | Unexpected::Unsigned(_) | Unexpected::Float(_));
        let help = (expected == "a string" && (scalar || matches!(found, Unexpected::Bool(_))))
            .then(|| "quote the value to make it a string".to_owned());
        let message = match found {
            Unexpected::Unit | Unexpected::Option => "the value is missing".to_owned(),
            _ => format!("{} is not valid here", found_in_words(&found)),
        };
        Self::new(message, format!("expected {expected}"), help)
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = in_words(&expected.to_string());
        Self::new(format!("{} is not valid here", found_in_words(&found)), format!("expected {expected}"), None)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        let expected = in_words(&expected.to_string());
        Self::new(format!("a list of {length} is not valid here"), format!("expected {expected}"), None)
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("unknown key `{}`", short(field)), "unknown key".to_owned(), Some(choices(field, expected)))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(
            format!("unknown value `{}`", short(variant)),
            "unknown value".to_owned(),
            Some(choices(variant, expected)),
        )
    }

    fn missing_field(field: &'static str) -> Self {
        let (message, label) = (format!("the key `{field}` is missing"), format!("`{field}` is required"));
        Self::new(message, label, Some(missing_key(field)))
    }
}

fn found_in_words(found: &Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(value) => format!("the number {value}"),
        Unexpected::Signed(value) => format!("the number {value}"),
        Unexpected::Float(value) => format!("the number {value}"),
        Unexpected::Str(text) => format!("the string `{}`", short(text)),
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a map".to_owned(),
        other => other.to_string(),
    }
}

/// A node to deserialize.
#[derive(Clone, Copy)]
struct NodeDeserializer<'de>(&'de Node);

impl<'de> Deserializer<'de> for NodeDeserializer<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.0.kind {
            NodeKind::Null => visitor.visit_unit(),
            NodeKind::Bool(value) => visitor.visit_bool(*value),
            NodeKind::Integer(value) => visitor.visit_i64(*value),
            NodeKind::Natural(value) => visitor.visit_u64(*value),
            NodeKind::Float(value) => visitor.visit_f64(*value),
            NodeKind::Text(text) => visitor.visit_borrowed_str(text),
            NodeKind::List(items) => visitor.visit_seq(Items(items.iter())),
            NodeKind::Map(entries) => visitor.visit_map(Entries { rest: entries.iter(), value: None }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        if name == SPANNED {
            return visitor.visit_seq(SpannedParts { node: self.0, next: 0 });
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let access = match &self.0.kind {
            // The name of a secret in place of a value that names it.
            NodeKind::Text(word) if variants.contains(&"secret") && !variants.contains(&word.as_str()) => {
                let word = short(word);
                let help = format!("a secret with a name is `{{ secret: {word} }}`; {}", choices("", variants));
                let message = format!("unknown value `{word}`");
                return Err(Error::new(message, "unknown value".to_owned(), Some(help)).at(self.0.span));
            }
            NodeKind::Text(word) => Variant { word, span: self.0.span, value: None },
            NodeKind::Map(entries) => match entries.as_slice() {
                [Entry { key, value }] => Variant { word: &key.value, span: key.span, value: Some(value) },
                [first, second, ..]
                    if variants.contains(&first.key.as_str()) && variants.contains(&second.key.as_str()) =>
                {
                    let (first, second) = (&first.key, &second.key);
                    let message = format!("expected one of `{}` and `{}`, not both", short(first), short(second));
                    return Err(Error::new(message, "remove one of the keys".to_owned(), None).at(second.span));
                }
                _ => {
                    let message = format!("a map of {} keys is not valid here", entries.len());
                    return Err(Error::new(message, String::new(), Some(choices("", variants))).at(self.0.head()));
                }
            },
            _ => {
                let message = match &self.0.kind {
                    NodeKind::Null => "the value is missing".to_owned(),
                    _ => format!("{} is not valid here", self.0.what()),
                };
                return Err(Error::new(message, String::new(), Some(choices("", variants))));
            }
        };
        visitor.visit_enum(access)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// The items of a list.
struct Items<'de>(std::slice::Iter<'de, Node>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some(node) = self.0.next() else { return Ok(None) };
        seed.deserialize(NodeDeserializer(node)).map(Some).map_err(|error| error.at(node.head()))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// The entries of a map.
struct Entries<'de> {
    rest: std::slice::Iter<'de, Entry>,
    value: Option<&'de Entry>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(entry) = self.rest.next() else { return Ok(None) };
        self.value = Some(entry);
        seed.deserialize(Key(entry)).map(Some).map_err(|error| error.at(entry.key.span))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some(Entry { key, value }) = self.value.take() else {
            return Err(Error::new("a value without a key".to_owned(), String::new(), None));
        };
        seed.deserialize(NodeDeserializer(value)).map_err(|error| {
            // For a missing key, point to the key that the map belongs to.
            let whole = matches!(value.kind, NodeKind::Map(_) | NodeKind::List(_) | NodeKind::Null);
            error.at(if whole { key.span } else { value.span })
        })
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// The key of an entry.
#[derive(Clone, Copy)]
struct Key<'de>(&'de Entry);

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(&self.0.key.value)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        if name == SPANNED {
            return visitor.visit_seq(SpannedKey { entry: self.0, next: 0 });
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(Variant { word: &self.0.key.value, span: self.0.key.span, value: None })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq
        tuple tuple_struct map struct identifier ignored_any
    }
}

/// Start, end and value of a node, for [`Spanned`](super::spans::Spanned).
struct SpannedParts<'de> {
    node: &'de Node,
    next: u8,
}

impl<'de> SeqAccess<'de> for SpannedParts<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.next += 1;
        match self.next {
            1 => seed.deserialize(self.node.span.start.into_deserializer()).map(Some),
            2 => seed.deserialize(self.node.span.end.into_deserializer()).map(Some),
            3 => seed.deserialize(NodeDeserializer(self.node)).map(Some),
            _ => Ok(None),
        }
    }
}

/// Start, end and text of a key.
struct SpannedKey<'de> {
    entry: &'de Entry,
    next: u8,
}

impl<'de> SeqAccess<'de> for SpannedKey<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.next += 1;
        match self.next {
            1 => seed.deserialize(self.entry.key.span.start.into_deserializer()).map(Some),
            2 => seed.deserialize(self.entry.key.span.end.into_deserializer()).map(Some),
            3 => seed.deserialize(Key(self.entry)).map(Some),
            _ => Ok(None),
        }
    }
}

/// A variant name and its contents.
struct Variant<'de> {
    word: &'de str,
    span: Span,
    value: Option<&'de Node>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let word: StrDeserializer<'_, Error> = self.word.into_deserializer();
        let value = seed.deserialize(word).map_err(|error| error.at(self.span))?;
        Ok((value, self))
    }
}

impl Variant<'_> {
    fn needs_a_value(&self) -> Error {
        let message = format!("`{}` needs a value", self.word);
        Error::new(message, format!("write `{}: ...`", self.word), None).at(self.span)
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.value {
            None => Ok(()),
            Some(_) => {
                let message = format!("`{}` takes no value", self.word);
                Err(Error::new(message, format!("write `{}` alone", self.word), None).at(self.span))
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        match self.value {
            Some(value) => seed.deserialize(NodeDeserializer(value)).map_err(|error| {
                let whole = matches!(value.kind, NodeKind::Map(_) | NodeKind::List(_) | NodeKind::Null);
                error.at(if whole { self.span } else { value.span })
            }),
            // A variant without contents whose fields are all optional.
            None => seed.deserialize(NoFields).map_err(|_| self.needs_a_value()),
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Error> {
        Err(self.needs_a_value())
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Some(value) => NodeDeserializer(value).deserialize_any(visitor),
            None => NoFields.deserialize_struct("", &[], visitor).map_err(|_| self.needs_a_value()),
        }
    }
}

/// A struct without contents. Only a struct or a map accepts it.
struct NoFields;

impl<'de> Deserializer<'de> for NoFields {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(de::Error::custom("needs a value"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_map(Entries { rest: [].iter(), value: None })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
