//! Records as JavaScript sees them: `undefined` and `null`, truthiness, and property access that throws on `null`.
//!
//! The releases read the store without validation, so JavaScript determines the effect of an invalid record.
//! `Option<&Value>` stands for a value that can be `undefined`.

use serde_json::{Map, Value};
use std::borrow::Cow;

/// A record: an object with its keys in the order of the file.
pub type Record = Map<String, Value>;

/// The `TypeError` that a release throws for an invalid record, with V8's message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("TypeError: {0}")]
pub struct TypeError(pub String);

/// `value.key`. Only objects have properties here.
///
/// # Errors
/// Returns an error for `null` and `undefined`, which have no properties.
pub fn property<'a>(value: Option<&'a Value>, key: &str) -> Result<Option<&'a Value>, TypeError> {
    match value {
        None => Err(TypeError(format!("Cannot read properties of undefined (reading '{key}')"))),
        Some(Value::Null) => Err(TypeError(format!("Cannot read properties of null (reading '{key}')"))),
        Some(other) => Ok(other.get(key)),
    }
}

/// `value?.key`.
pub fn optional_property<'a>(value: Option<&'a Value>, key: &str) -> Option<&'a Value> {
    value.and_then(|value| value.get(key))
}

/// `value ?? undefined`: a value that is neither `null` nor `undefined`.
pub fn present(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

/// `Boolean(value)`.
pub fn truthy(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => false,
        Some(Value::Bool(bool)) => *bool,
        Some(Value::Number(number)) => number.as_f64().is_some_and(|float| float != 0.0),
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(_) | Value::Object(_)) => true,
    }
}

/// `Number(value)`, as in arithmetic and comparisons. NaN for a value that is not a number.
pub fn number(value: Option<&Value>) -> f64 {
    match value {
        Some(Value::Number(number)) => number.as_f64().unwrap_or(f64::NAN),
        Some(Value::Null) => 0.0,
        Some(Value::Bool(bool)) => f64::from(u8::from(*bool)),
        Some(Value::String(text)) if trim(text).is_empty() => 0.0,
        Some(Value::String(text)) => trim(text).parse().unwrap_or(f64::NAN),
        Some(Value::Array(items)) if items.is_empty() => 0.0,
        None | Some(Value::Array(_) | Value::Object(_)) => f64::NAN,
    }
}

/// `String(value)`, as for the name of a property.
pub fn key_text(value: Option<&Value>) -> String {
    match value {
        None => "undefined".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Object(_)) => "[object Object]".to_owned(),
        Some(Value::Array(items)) => {
            let part = |item: &Value| if item.is_null() { String::new() } else { key_text(Some(item)) };
            items.iter().map(part).collect::<Vec<_>>().join(",")
        }
        Some(other) => other.to_string(),
    }
}

/// `text.trim()`. JavaScript's white space includes U+FEFF and excludes U+0085.
pub fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| (c.is_whitespace() && c != '\u{85}') || c == '\u{feff}')
}

/// `value.trim()`. `name` is the name of the value in the release's code.
///
/// # Errors
/// Returns an error if the value is not a string.
pub fn trimmed<'a>(value: Option<&'a Value>, name: &str) -> Result<&'a str, TypeError> {
    match value {
        Some(Value::String(text)) => Ok(trim(text)),
        None | Some(Value::Null) => property(value, "trim").map(|_| ""),
        Some(_) => Err(TypeError(format!("{name}.trim is not a function"))),
    }
}

/// `Object.values(value)`.
///
/// # Errors
/// Returns an error for `null` and `undefined`, which cannot be converted to an object.
pub fn values(value: Option<&Value>) -> Result<Vec<Cow<'_, Value>>, TypeError> {
    match value {
        None | Some(Value::Null) => Err(TypeError("Cannot convert undefined or null to object".to_owned())),
        Some(Value::Object(fields)) => Ok(fields.values().map(Cow::Borrowed).collect()),
        Some(Value::Array(items)) => Ok(items.iter().map(Cow::Borrowed).collect()),
        Some(Value::String(text)) => Ok(characters(text).into_iter().map(Cow::Owned).collect()),
        Some(Value::Bool(_) | Value::Number(_)) => Ok(Vec::new()),
    }
}

/// `for (const item of value)`. `name` is the name of the value in the release's code.
///
/// # Errors
/// Returns an error if the value is neither an array nor a string.
pub fn iterate(value: Option<&Value>, name: &str) -> Result<Vec<Value>, TypeError> {
    match value {
        Some(Value::Array(items)) => Ok(items.clone()),
        Some(Value::String(text)) => Ok(characters(text)),
        _ => Err(TypeError(format!("{name} is not iterable"))),
    }
}

/// `{...value}`.
pub fn spread(value: Option<&Value>) -> Record {
    let indexed = |items: Vec<Value>| items.into_iter().enumerate().map(|(at, item)| (at.to_string(), item)).collect();
    match value {
        Some(Value::Object(fields)) => fields.clone(),
        Some(Value::Array(items)) => indexed(items.clone()),
        Some(Value::String(text)) => indexed(characters(text)),
        _ => Record::new(),
    }
}

/// Sets a field. `undefined` removes it, because `JSON.stringify` omits it.
pub fn set(record: &mut Record, key: &str, value: Option<impl Into<Value>>) {
    match value {
        Some(value) => {
            record.insert(key.to_owned(), value.into());
        }
        None => {
            record.shift_remove(key);
        }
    }
}

/// `items.toSorted((a, b) => key(b) - key(a))`, newest first. A comparison with NaN counts as equal, so the order
/// depends on the sorting algorithm. This is V8's algorithm for short arrays: binary insertion.
pub fn newest_first<'a>(items: Vec<Cow<'a, Value>>, key: &str) -> Result<Vec<Cow<'a, Value>>, TypeError> {
    let mut sorted: Vec<(f64, Cow<'a, Value>)> = Vec::with_capacity(items.len());
    let many = items.len() > 1;
    for item in items {
        let stamp = if many { number(property(Some(&item), key)?) } else { 0.0 };
        let (mut low, mut high) = (0, sorted.len());
        while low < high {
            let middle = low + (high - low) / 2;
            // A negative result places the new item before the middle one.
            if sorted[middle].0 - stamp < 0.0 { high = middle } else { low = middle + 1 }
        }
        sorted.insert(low, (stamp, item));
    }
    Ok(sorted.into_iter().map(|(_, item)| item).collect())
}

fn characters(text: &str) -> Vec<Value> {
    text.chars().map(|c| Value::String(c.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case(json!(null), false, 0.0)]
    #[case(json!(""), false, 0.0)]
    #[case(json!(0), false, 0.0)]
    #[case(json!([]), true, 0.0)]
    #[case(json!({}), true, f64::NAN)]
    #[case(json!(" 12 "), true, 12.0)]
    #[case(json!(true), true, 1.0)]
    fn truthiness_and_numbers(#[case] value: Value, #[case] truth: bool, #[case] float: f64) {
        assert_eq!(truthy(Some(&value)), truth);
        assert_eq!(number(Some(&value)).to_bits(), float.to_bits());
    }

    #[test]
    fn null_has_no_properties() {
        assert_eq!(
            property(Some(&Value::Null), "ts").unwrap_err().to_string(),
            "TypeError: Cannot read properties of null (reading 'ts')"
        );
        assert_eq!(property(Some(&json!(5)), "ts"), Ok(None));
    }

    #[test]
    fn newest_first_is_stable() {
        let items = [json!({"ts": 1}), json!({"ts": 3, "k": 1}), json!({"ts": 3, "k": 2}), json!({"ts": 2})];
        let items = items.iter().map(Cow::Borrowed).collect();
        let order: Vec<_> = newest_first(items, "ts").unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(order, [r#"{"ts":3,"k":1}"#, r#"{"ts":3,"k":2}"#, r#"{"ts":2}"#, r#"{"ts":1}"#]);
    }
}
