//! JSON as Node.js reads and writes it: `JSON.parse` of a file's text, and `JSON.stringify(value, null, 2)`.

use serde_json::{Number, Value};

/// Parses the bytes of a file. Invalid UTF-8 becomes U+FFFD, as in `fs.readFile(path, "utf8")`.
///
/// Numbers get the form of JavaScript: `1.0` becomes `1`, so that the written text equals that of Node.js.
pub fn parse(bytes: &[u8]) -> Option<Value> {
    let mut value = serde_json::from_str(&String::from_utf8_lossy(bytes)).ok()?;
    normalise_numbers(&mut value);
    Some(value)
}

/// The text of a document: two spaces of indentation, no newline at the end.
pub fn stringify(value: &Value) -> String {
    // The pretty form of serde_json equals that of JSON.stringify: `{}`, `[]`, the same escapes, and `": "` after a
    // key.
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn normalise_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(whole_number) = whole_number(number) {
                *number = whole_number;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(normalise_numbers),
        Value::Object(fields) => fields.values_mut().for_each(normalise_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// A float that is a whole number within the exact range of doubles.
fn whole_number(number: &Number) -> Option<Number> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let float = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() <= EXACT)?;
    // The filter above guarantees the range, so the conversion is exact.
    #[allow(clippy::cast_possible_truncation)]
    Some(Number::from(float as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(r#"{"b":1.0,"a":[],"c":{}}"#, "{\n  \"b\": 1,\n  \"a\": [],\n  \"c\": {}\n}")]
    #[case(r#"[1.5,-0.0,"\u0008\u001f/\u007f"]"#, "[\n  1.5,\n  0,\n  \"\\b\\u001f/\u{7f}\"\n]")]
    #[case("null", "null")]
    fn stringifies_like_node(#[case] read: &str, #[case] written: &str) {
        assert_eq!(stringify(&parse(read.as_bytes()).unwrap()), written);
    }

    #[rstest]
    #[case(b"")]
    #[case(b"{")]
    #[case(b"\xef\xbb\xbf{}")]
    fn invalid_json_is_none(#[case] read: &[u8]) {
        assert_eq!(parse(read), None);
    }
}
