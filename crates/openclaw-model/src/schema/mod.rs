//! Schemas of request parameters as data, and what a release says of a value that does not fit.
//!
//! A release compiles TypeBox schemas with AJV (`allErrors`) and joins the errors into one sentence
//! (`formatValidationErrors` in `method-scopes-*.js`); the sentence is in the answer and, during the handshake, in the
//! close reason, so its wording and order are facts of the wire.

mod check;
pub mod frames;

pub use crate::facts::handshake::Wording;

/// The shape a value must have. Made to be written down as a `static`.
#[derive(Debug)]
pub enum Schema {
    /// Anything.
    Any,
    /// A boolean.
    Boolean,
    /// Null.
    Null,
    /// A string of at least this many characters.
    String(Text),
    /// One of these strings, by the keyword `enum`.
    Enum(&'static [&'static str]),
    /// One of these strings, by the keyword `enum` alone: nothing is said of the type.
    OneOf(&'static [&'static str]),
    /// Nothing but true.
    True,
    /// Exactly this string.
    Literal(&'static str),
    /// A number.
    Number(Bounds),
    /// A number without a fraction.
    Integer(Bounds),
    /// Any of these.
    Union(&'static [Schema]),
    /// One of these strings, written as a union of literals: its error texts differ from those of [`Self::Enum`].
    Literals(&'static [&'static str]),
    /// A list.
    Array {
        /// What every item must be.
        items: &'static Schema,
        /// Fewest items.
        min_items: usize,
        /// Most items.
        max_items: usize,
    },
    /// A list none of whose items is there twice.
    Unique(&'static Schema),
    /// An object that has no other properties than these, unless it is open.
    Object {
        /// Its properties, in the order in which the release declares them.
        properties: &'static [Property],
        /// Whether others may be there too.
        open: bool,
    },
    /// An object with any keys and these values.
    Record(&'static Schema),
}

impl Wording {
    /// The sentence in these words.
    pub fn of(self, sentence: String) -> String {
        match self {
            Self::Ajv => sentence,
            Self::TypeBox => first_of_each_kind(&sentence).replace("must NOT have ", "must not have "),
        }
    }
}

/// The sentence without every missing and every unknown property of an object but the first of each kind.
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

/// What a string must be.
#[derive(Debug)]
pub struct Text {
    /// Fewest characters.
    pub min_length: usize,
    /// Most characters.
    pub max_length: usize,
    /// The pattern it must match.
    pub pattern: Option<Pattern>,
}

/// A regular expression as code.
#[derive(Debug)]
pub struct Pattern {
    /// The expression as the error names it.
    pub source: &'static str,
    /// Whether a string matches it.
    pub matches: fn(&str) -> bool,
}

/// Bounds of a number, both included.
#[derive(Debug)]
pub struct Bounds {
    /// Least value.
    pub minimum: Option<i64>,
    /// Greatest value.
    pub maximum: Option<i64>,
}

/// One property of an object.
#[derive(Debug)]
pub struct Property {
    /// Its name.
    pub name: &'static str,
    /// Whether it must be there.
    pub required: bool,
    /// What it must be.
    pub schema: Schema,
}

/// Any string.
pub const STRING: Schema = text(0, usize::MAX);
/// A string that is not empty.
pub const NON_EMPTY: Schema = text(1, usize::MAX);
/// A whole number that is not negative.
pub const NATURAL: Schema = at_least(0);

/// A string whose length lies within bounds, in characters.
pub const fn text(min_length: usize, max_length: usize) -> Schema {
    Schema::String(Text { min_length, max_length, pattern: None })
}

/// A whole number of at least this much.
pub const fn at_least(minimum: i64) -> Schema {
    Schema::Integer(Bounds { minimum: Some(minimum), maximum: None })
}

/// A whole number within bounds.
pub const fn within(minimum: i64, maximum: i64) -> Schema {
    Schema::Integer(Bounds { minimum: Some(minimum), maximum: Some(maximum) })
}

/// A property that must be there.
pub const fn required(name: &'static str, schema: Schema) -> Property {
    Property { name, required: true, schema }
}

/// A property that may be there.
pub const fn optional(name: &'static str, schema: Schema) -> Property {
    Property { name, required: false, schema }
}

/// A closed object.
pub const fn object(properties: &'static [Property]) -> Schema {
    Schema::Object { properties, open: false }
}

/// A list of any length.
pub const fn array(items: &'static Schema) -> Schema {
    Schema::Array { items, min_items: 0, max_items: usize::MAX }
}

#[cfg(test)]
mod tests;
