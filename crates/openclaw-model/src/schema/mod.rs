//! Schemas of request parameters as data, and the errors of a release for values that do not match.
//!
//! A release compiles TypeBox schemas with AJV (`allErrors`) and joins the errors into one message
//! (`formatValidationErrors`). The message is in the answer and, during the handshake, in the close reason, so its text
//! and order are part of the protocol.

mod check;
pub mod frames;

pub use crate::facts::handshake::Wording;

/// The form of a value. Schemas are `static` values.
#[derive(Debug)]
pub enum Schema {
    /// Any value.
    Any,
    /// `true` or `false`.
    Boolean,
    /// Null.
    Null,
    /// A string with at least this many characters.
    String(Text),
    /// One of these strings, with the keyword `enum`.
    Enum(&'static [&'static str]),
    /// One of these strings, with the keyword `enum` alone: there is no error about the type.
    OneOf(&'static [&'static str]),
    /// The value true.
    True,
    /// Exactly this string.
    Literal(&'static str),
    /// A JSON number within these bounds.
    Number(Bounds),
    /// A number without a fraction.
    Integer(Bounds),
    /// Any of these schemas.
    Union(&'static [Schema]),
    /// One of these strings, as a union of literals. Its errors differ from those of [`Self::Enum`].
    Literals(&'static [&'static str]),
    /// A list.
    Array {
        /// The schema of every item.
        items: &'static Schema,
        /// Minimum number of items.
        min_items: usize,
        /// Maximum number of items.
        max_items: usize,
    },
    /// A list without duplicates.
    Unique(&'static Schema),
    /// An object with only these properties, unless it is open.
    Object {
        /// The properties, in the order of the release.
        properties: &'static [Property],
        /// Whether other properties are allowed.
        open: bool,
    },
    /// An object with any keys and values of this schema.
    Record(&'static Schema),
}

impl Wording {
    /// Adapts an error message to this wording.
    pub fn of(self, sentence: String) -> String {
        match self {
            Self::Ajv => sentence,
            Self::TypeBox => first_of_each_kind(&sentence).replace("must NOT have ", "must not have "),
        }
    }
}

/// An error message with only the first missing and the first unknown property of each object.
fn first_of_each_kind(sentence: &str) -> String {
    let mut named: Vec<(&str, &str)> = Vec::new();
    let kept = sentence.split("; ").filter(|error| {
        let kinds = ["must have required property ", "unexpected property "];
        let found = kinds.into_iter().find_map(|kind| Some((kind, error.split_once(kind)?.0)));
        let Some(found) = found else { return true };
        let first = !named.contains(&found);
        named.push(found);
        first
    });
    kept.collect::<Vec<_>>().join("; ")
}

/// The conditions for a string.
#[derive(Debug)]
pub struct Text {
    /// Minimum number of characters.
    pub min_length: usize,
    /// Maximum number of characters.
    pub max_length: usize,
    /// The pattern that the string must match.
    pub pattern: Option<Pattern>,
}

/// A regular expression as a function.
#[derive(Debug)]
pub struct Pattern {
    /// The expression in the error.
    pub source: &'static str,
    /// Whether a string matches.
    pub matches: fn(&str) -> bool,
}

/// The bounds of a number, inclusive.
#[derive(Debug)]
pub struct Bounds {
    /// The smallest allowed value.
    pub minimum: Option<i64>,
    /// The largest allowed value.
    pub maximum: Option<i64>,
}

/// A property of an object.
#[derive(Debug)]
pub struct Property {
    /// The key of the property.
    pub name: &'static str,
    /// Whether it is required.
    pub required: bool,
    /// The schema of the property's value.
    pub schema: Schema,
}

/// Any string.
pub const STRING: Schema = text(0, usize::MAX);
/// A non-empty string.
pub const NON_EMPTY: Schema = text(1, usize::MAX);
/// A whole number, 0 or greater.
pub const NATURAL: Schema = at_least(0);

/// A string with a length between two bounds, in characters.
pub const fn text(min_length: usize, max_length: usize) -> Schema {
    Schema::String(Text { min_length, max_length, pattern: None })
}

/// A whole number with a minimum.
pub const fn at_least(minimum: i64) -> Schema {
    Schema::Integer(Bounds { minimum: Some(minimum), maximum: None })
}

/// A whole number between two bounds.
pub const fn within(minimum: i64, maximum: i64) -> Schema {
    Schema::Integer(Bounds { minimum: Some(minimum), maximum: Some(maximum) })
}

/// A required property.
pub const fn required(name: &'static str, schema: Schema) -> Property {
    Property { name, required: true, schema }
}

/// An optional property.
pub const fn optional(name: &'static str, schema: Schema) -> Property {
    Property { name, required: false, schema }
}

/// An object without other properties.
pub const fn object(properties: &'static [Property]) -> Schema {
    Schema::Object { properties, open: false }
}

/// A list of any length.
pub const fn array(items: &'static Schema) -> Schema {
    Schema::Array { items, min_items: 0, max_items: usize::MAX }
}

#[cfg(test)]
mod tests;
