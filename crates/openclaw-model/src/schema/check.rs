//! Holding a value against a schema, with AJV's errors in AJV's order.

use super::{Bounds, Property, Schema, Text};
use serde_json::{Map, Value};
use std::fmt;

impl Schema {
    /// Checks a value; `None` is JavaScript's `undefined`.
    ///
    /// # Errors
    /// The sentence that a release answers with, after its own prefix.
    pub fn check(&self, value: Option<&Value>) -> Result<(), String> {
        let mut errors = Errors::default();
        self.visit(value, &Path::Root, &mut errors);
        if errors.0.is_empty() { Ok(()) } else { Err(errors.0.join("; ")) }
    }

    /// Adds every error of the value. What is of the wrong type is not looked into, but constants are compared all the
    /// same; that is AJV's way.
    fn visit(&self, value: Option<&Value>, path: &Path<'_>, errors: &mut Errors) {
        match self {
            Self::Any => {}
            Self::Boolean => errors.expect(matches!(value, Some(Value::Bool(_))), path, "must be boolean"),
            Self::Null => errors.expect(matches!(value, Some(Value::Null)), path, "must be null"),
            Self::String(text) => visit_text(text, value, path, errors),
            Self::Enum(words) => {
                let word = value.and_then(Value::as_str);
                errors.expect(word.is_some(), path, "must be string");
                let known = word.is_some_and(|word| words.contains(&word));
                errors.expect(known, path, "must be equal to one of the allowed values");
            }
            Self::OneOf(words) => {
                let known = value.and_then(Value::as_str).is_some_and(|word| words.contains(&word));
                errors.expect(known, path, "must be equal to one of the allowed values");
            }
            Self::True => {
                Self::Boolean.visit(value, path, errors);
                errors.expect(value == Some(&Value::Bool(true)), path, "must be equal to constant");
            }
            Self::Literal(word) => visit_literal(word, value, path, errors),
            Self::Number(bounds) => {
                let number = value.and_then(Value::as_f64);
                errors.expect(number.is_some(), path, "must be number");
                visit_bounds(bounds, number, path, errors);
            }
            Self::Integer(bounds) => {
                let number = value.and_then(Value::as_f64);
                errors.expect(number.is_some_and(|number| number.fract() == 0.0), path, "must be integer");
                visit_bounds(bounds, number, path, errors);
            }
            Self::Union(choices) => visit_union(choices, value, path, errors),
            Self::Literals(words) => visit_literals(words, value, path, errors),
            Self::Array { items, min_items, max_items } => {
                visit_array((items, *min_items, *max_items), value, path, errors);
            }
            Self::Unique(list) => {
                list.visit(value, path, errors);
                let items = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                let twice = items.iter().enumerate().any(|(at, item)| items[..at].contains(item));
                errors.expect(!twice, path, "must NOT have duplicate items");
            }
            Self::Object { properties, open } => visit_object(properties, *open, value, path, errors),
            Self::Record(values) => match value {
                Some(Value::Object(fields)) => {
                    for (key, value) in fields {
                        values.visit(Some(value), &Path::Key(path, key), errors);
                    }
                }
                _ => errors.add(path, "must be object"),
            },
        }
    }
}

fn visit_text(text: &Text, value: Option<&Value>, path: &Path<'_>, errors: &mut Errors) {
    let Some(Value::String(string)) = value else { return errors.add(path, "must be string") };
    let Text { min_length, max_length, pattern } = text;
    // A string has at most as many characters as bytes: no need to count most of them.
    if string.len() < *min_length || (*min_length > 1 && string.chars().count() < *min_length) {
        errors.add(path, &format!("must NOT have fewer than {min_length} characters"));
    }
    if string.len() > *max_length && string.chars().count() > *max_length {
        errors.add(path, &format!("must NOT have more than {max_length} characters"));
    }
    if let Some(pattern) = pattern.as_ref().filter(|pattern| !(pattern.matches)(string)) {
        errors.add(path, &format!("must match pattern \"{}\"", pattern.source));
    }
}

fn visit_literal(word: &str, value: Option<&Value>, path: &Path<'_>, errors: &mut Errors) {
    let found = value.and_then(Value::as_str);
    errors.expect(found.is_some(), path, "must be string");
    errors.expect(found == Some(word), path, "must be equal to constant");
}

fn visit_literals(words: &[&str], value: Option<&Value>, path: &Path<'_>, errors: &mut Errors) {
    if value.and_then(Value::as_str).is_some_and(|found| words.contains(&found)) {
        return;
    }
    // The same two errors from every choice; repeated ones are said once.
    errors.expect(matches!(value, Some(Value::String(_))), path, "must be string");
    errors.add(path, "must be equal to constant");
    errors.add(path, "must match a schema in anyOf");
}

fn visit_bounds(bounds: &Bounds, number: Option<f64>, path: &Path<'_>, errors: &mut Errors) {
    let Some(number) = number else { return };
    // The bounds of every schema are small enough to be exact as floating point numbers.
    #[allow(clippy::cast_precision_loss)]
    let exact = |bound: i64| bound as f64;
    if let Some(maximum) = bounds.maximum.filter(|maximum| number > exact(*maximum)) {
        errors.add(path, &format!("must be <= {maximum}"));
    }
    if let Some(minimum) = bounds.minimum.filter(|minimum| number < exact(*minimum)) {
        errors.add(path, &format!("must be >= {minimum}"));
    }
}

fn visit_union(choices: &[Schema], value: Option<&Value>, path: &Path<'_>, errors: &mut Errors) {
    let mut tried = Errors::default();
    for choice in choices {
        let mut found = Errors::default();
        choice.visit(value, path, &mut found);
        if found.0.is_empty() {
            return;
        }
        found.0.into_iter().for_each(|error| tried.push(error));
    }
    tried.0.into_iter().for_each(|error| errors.push(error));
    errors.add(path, "must match a schema in anyOf");
}

fn visit_array(
    (items, min_items, max_items): (&Schema, usize, usize),
    value: Option<&Value>,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    let Some(Value::Array(list)) = value else { return errors.add(path, "must be array") };
    if list.len() > max_items {
        errors.add(path, &format!("must NOT have more than {max_items} items"));
    }
    if list.len() < min_items {
        errors.add(path, &format!("must NOT have fewer than {min_items} items"));
    }
    for (index, item) in list.iter().enumerate() {
        items.visit(Some(item), &Path::Index(path, index), errors);
    }
}

fn visit_object(properties: &[Property], open: bool, value: Option<&Value>, path: &Path<'_>, errors: &mut Errors) {
    let Some(Value::Object(fields)) = value else { return errors.add(path, "must be object") };
    for Property { name, .. } in properties.iter().filter(|wanted| wanted.required && !fields.contains_key(wanted.name))
    {
        errors.add(path, &format!("must have required property '{name}'"));
    }
    if !open {
        visit_unknown(properties, fields, path, errors);
    }
    for property in properties {
        if let Some(value) = fields.get(property.name) {
            property.schema.visit(Some(value), &Path::Key(path, property.name), errors);
        }
    }
}

fn visit_unknown(properties: &[Property], fields: &Map<String, Value>, path: &Path<'_>, errors: &mut Errors) {
    for key in fields.keys().filter(|key| properties.iter().all(|property| property.name != key.as_str())) {
        match (key.trim().is_empty(), path) {
            (true, _) => errors.add(path, "must NOT have additional properties"),
            (false, Path::Root) => errors.push(format!("at root: unexpected property '{key}'")),
            (false, _) => errors.push(format!("at {path}: unexpected property '{key}'")),
        }
    }
}

/// Where in the value: AJV's `instancePath`, a JSON pointer. Built on the way down and written only where an error is.
enum Path<'a> {
    Root,
    Key(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(parent, key) => write!(f, "{parent}/{}", key.replace('~', "~0").replace('/', "~1")),
            Self::Index(parent, index) => write!(f, "{parent}/{index}"),
        }
    }
}

/// Error sentences, each once.
#[derive(Default)]
struct Errors(Vec<String>);

impl Errors {
    fn expect(&mut self, holds: bool, path: &Path<'_>, message: &str) {
        if !holds {
            self.add(path, message);
        }
    }

    fn add(&mut self, path: &Path<'_>, message: &str) {
        match path {
            Path::Root => self.push(message.to_owned()),
            _ => self.push(format!("at {path}: {message}")),
        }
    }

    fn push(&mut self, error: String) {
        if !self.0.contains(&error) {
            self.0.push(error);
        }
    }
}
