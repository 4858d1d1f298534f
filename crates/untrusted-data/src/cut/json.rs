//! Parses JSON and keeps only a limited number of values.
//!
//! One byte of JSON text can need seventy bytes of memory (`[0,0,0]`), so a limit on the text is not enough.

use super::{left_out, more, text};
use crate::limits::VALUE_BYTES;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// The name of the member that states how many members of an object are left out.
const MORE: &str = "…";
/// The first members of the outer objects are always kept, because they identify the message.
const KEPT_OUTER_MEMBERS: usize = 3;
const FIRST: usize = 16;
/// The depth of a message's payload. None of its members gets more than half of the remaining budget. The description
/// of the gateway (`snapshot`) therefore leaves space for its answer (`auth`).
const PAYLOAD: usize = 1;

/// The result of parsing.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The value, with a mark in place of everything that is left out.
    pub value: Value,
    /// The number of values in the text.
    pub values: usize,
    /// Whether something is left out.
    pub is_cut: bool,
}

/// Parses JSON text and keeps about `most` of its values: the first items of an array, and the first members of an
/// object. `None` if the text is not JSON, also in the part that is left out.
pub fn parse(json: &[u8], most: usize) -> Option<Parsed> {
    let mut budget = ValueBudget { most, values: 0, is_cut: false };
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = Bounded { budget: &mut budget, depth: 0 }.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    Some(Parsed { value, values: budget.values, is_cut: budget.is_cut })
}

/// The approximate number of values in a JSON text. For any other text, the result is arbitrary.
pub fn count(json: &[u8]) -> usize {
    let mut values = 1;
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b',' => values += 1,
            b'[' | b'{' => values += 1,
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => drop(bytes.next()),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    values
}

/// The number of values that may still be read.
struct ValueBudget {
    most: usize,
    values: usize,
    is_cut: bool,
}

impl ValueBudget {
    fn is_used_up(&self) -> bool {
        self.values >= self.most
    }
}

/// A value that is read within a budget.
struct Bounded<'a> {
    budget: &'a mut ValueBudget,
    depth: usize,
}

impl Bounded<'_> {
    fn inner(&mut self) -> Bounded<'_> {
        Bounded { budget: &mut *self.budget, depth: self.depth + 1 }
    }
}

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.budget.values += 1;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        let mut kept = Vec::new();
        while !self.budget.is_used_up() {
            match items.next_element_seed(self.inner())? {
                Some(item) => kept.push(item),
                None => return Ok(Value::Array(kept)),
            }
        }
        let mut left = 0;
        while items.next_element::<IgnoredAny>()?.is_some() {
            left += 1;
        }
        if left > 0 {
            self.budget.is_cut = true;
            kept.push(Value::String(more(left)));
        }
        Ok(Value::Array(kept))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Value, A::Error> {
        let mut kept = Map::new();
        let mut left = 0;
        while let Some(name) = next_name(&mut members, self.budget.is_used_up() && !self.is_outer(kept.len()))? {
            match name {
                Some(name) => {
                    let most = self.budget.most;
                    if self.depth == PAYLOAD {
                        self.budget.most -= most.saturating_sub(self.budget.values) / 2;
                    }
                    let value = members.next_value_seed(self.inner());
                    self.budget.most = most;
                    kept.insert(name, value?);
                }
                None => {
                    members.next_value::<IgnoredAny>()?;
                    left += 1;
                }
            }
        }
        if left > 0 {
            self.budget.is_cut = true;
            kept.insert(MORE.to_owned(), Value::String(more(left)));
        }
        Ok(Value::Object(kept))
    }
}

impl Bounded<'_> {
    /// Whether the next member of an object with this many members is one that is always kept.
    fn is_outer(&self, members: usize) -> bool {
        self.depth < KEPT_OUTER_MEMBERS && members < FIRST
    }
}

/// The name of the next member. `None` if the name is left out.
fn next_name<'de, A: MapAccess<'de>>(members: &mut A, is_left_out: bool) -> Result<Option<Option<String>>, A::Error> {
    Ok(if is_left_out {
        members.next_key::<IgnoredAny>()?.map(|_| None)
    } else {
        members.next_key::<String>()?.map(Some)
    })
}

/// The approximate memory of a value, in bytes.
pub fn weight(value: &Value) -> usize {
    let inside = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(object) => object.iter().map(|(name, member)| name.len() + weight(member)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    VALUE_BYTES + inside
}

/// The approximate length of a value as text, in bytes. The count stops at `most`.
pub fn length(value: &Value, most: usize) -> usize {
    let mut sum: usize = 4;
    let mut add = |length: usize| {
        sum = sum.saturating_add(length);
        sum <= most
    };
    match value {
        Value::String(text) => drop(add(text.len())),
        Value::Array(items) => drop(items.iter().all(|item| add(length(item, most)))),
        Value::Object(object) => drop(object.iter().all(|(name, member)| add(name.len() + length(member, most)))),
        Value::Null | Value::Bool(_) | Value::Number(_) => drop(add(4)),
    }
    sum
}

/// The value, truncated to about `bytes` of text: strings to `string` bytes, and arrays and objects to the remaining
/// budget.
pub fn shorten(value: &Value, string: usize, bytes: usize) -> Value {
    let mut left = bytes;
    shortened(value, string, &mut left)
}

fn shortened(value: &Value, string: usize, left: &mut usize) -> Value {
    *left = left.saturating_sub(4);
    match value {
        Value::String(content) => {
            let content = text(content, string);
            *left = left.saturating_sub(content.len());
            Value::String(content.into_owned())
        }
        Value::Array(items) => {
            let mut kept = Vec::new();
            let mut rest = items.iter();
            while *left > 0
                && let Some(item) = rest.next()
            {
                kept.push(shortened(item, string, left));
            }
            let last = rest.as_slice().last().and_then(Value::as_str).and_then(left_out);
            mark(rest.len() as u64, last, |mark| kept.push(mark));
            Value::Array(kept)
        }
        Value::Object(members) => {
            let mut kept = Map::new();
            let mut rest = members.iter();
            // A long member leaves space for the simple members after it. For example, a code can follow its details.
            let mut plain = members.values().map(|member| plain_length(member, string)).sum::<usize>();
            while *left > 0
                && let Some((name, member)) = rest.next()
            {
                *left = left.saturating_sub(name.len());
                plain -= plain_length(member, string);
                let reserved = plain.min(*left / 2);
                *left -= reserved;
                kept.insert(text(name, string).into_owned(), shortened(member, string, left));
                *left += reserved;
            }
            let last =
                members.get(MORE).filter(|_| !kept.contains_key(MORE)).and_then(Value::as_str).and_then(left_out);
            mark(rest.len() as u64, last, |mark| drop(kept.insert(MORE.to_owned(), mark)));
            Value::Object(kept)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            *left = left.saturating_sub(4);
            value.clone()
        }
    }
}

/// The length of a member without nested values.
fn plain_length(member: &Value, string: usize) -> usize {
    match member {
        Value::String(content) => 8 + content.len().min(string),
        Value::Array(_) | Value::Object(_) => 0,
        Value::Null | Value::Bool(_) | Value::Number(_) => 16,
    }
}

/// Adds a mark for the left-out values. The count includes those of an earlier mark among them.
fn mark(rest: u64, earlier: Option<u64>, put: impl FnOnce(Value)) {
    if rest > 0 {
        put(Value::String(more(rest + earlier.map_or(0, |earlier| earlier.saturating_sub(1)))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::hash_map("\\PC{0,6}", inner, 0..8)
                    .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn keeps_values_within_limit(value in any_json()) {
            let text = value.to_string();
            let expected: Value = serde_json::from_str(&text).unwrap();
            let parsed = parse(text.as_bytes(), 10_000).unwrap();
            prop_assert!(!parsed.is_cut && parsed.values <= count(text.as_bytes()));
            prop_assert_eq!(&parsed.value, &expected);
            prop_assert_eq!(shorten(&expected, 1 << 20, 1 << 20), expected);
        }

        #[test]
        fn never_exceeds_limit(value in any_json(), most in 0usize..20) {
            let parsed = parse(value.to_string().as_bytes(), most).unwrap();
            prop_assert!(parsed.values <= most + FIRST * FIRST * FIRST);
        }

        #[test]
        fn invalid_json_is_none_at_any_limit(text in "[\\[\\]{}\",:0 ]{0,12}", most in 0usize..4) {
            prop_assert_eq!(parse(text.as_bytes(), most).is_some(), serde_json::from_str::<Value>(&text).is_ok());
        }
    }

    #[test]
    fn marks_count_omitted_values() {
        let zeros = format!("[{}0]", "0,".repeat(999));
        let frame = format!(r#"{{"payload":{zeros},"type":"res","id":"1","ok":true}}"#);
        let parsed = parse(frame.as_bytes(), 5).unwrap();
        assert!(parsed.is_cut);
        assert_eq!(parsed.value, json!({"payload": [0, 0, 0, "… 997 more"], "type": "res", "id": "1", "ok": true}));
        let keys = (0..100).map(|n| (format!("k{n}"), json!(n))).collect::<Map<_, _>>();
        let parsed = parse(Value::from(keys).to_string().as_bytes(), 4).unwrap();
        assert_eq!((parsed.value.as_object().unwrap().len(), &parsed.value["…"]), (FIRST + 1, &json!("… 84 more")));
    }

    #[test]
    fn long_payload_keeps_later_members() {
        let zeros = format!("[{}0]", "0,".repeat(999));
        let frame = format!(r#"{{"payload":{{"snapshot":{zeros},"features":{zeros},"auth":{{"scopes":["a","b"]}}}}}}"#);
        let payload = &parse(frame.as_bytes(), 100).unwrap().value["payload"];
        let items = |name: &str| payload[name].as_array().unwrap().len();
        assert_eq!((items("snapshot"), items("features")), (49, 25));
        assert_eq!(payload["auth"]["scopes"], json!(["a", "b"]));
    }

    #[test]
    fn repeated_truncation_adds_counts() {
        let parsed = parse(format!("[{}0]", "0,".repeat(999)).as_bytes(), 101).unwrap();
        assert_eq!(shorten(&parsed.value, 100, 28), json!([0, 0, 0, "… 997 more"]));
        let keys = (0..100).map(|n| (format!("k{n:02}"), json!(n))).collect::<Map<_, _>>();
        let once = shorten(&Value::from(keys), 100, 400);
        for value in [once.clone(), shorten(&once, 100, 30)] {
            let kept = value.as_object().unwrap().len() - 1;
            assert_eq!(value["…"], json!(more(100 - kept as u64)));
        }
    }

    #[test]
    fn long_object_keeps_later_members() {
        let error = json!({"details": {"all": vec![0; 1000]}, "code": "NOT_PAIRED", "message": "no"});
        let short = shorten(&error, 100, 100);
        assert_eq!((&short["code"], &short["message"]), (&json!("NOT_PAIRED"), &json!("no")));
        assert!(short["details"]["all"].as_array().unwrap().len() < 20, "{short}");
    }

    #[rstest]
    #[case(json!("a long text of many words"), json!("a long … 18 more bytes"))]
    #[case(json!([{"a": ["b", 1]}, null]), json!([{"a": ["b", 1]}, null]))]
    fn truncates_only_long_strings(#[case] value: Value, #[case] expected: Value) {
        assert_eq!(shorten(&value, 10, 1000), expected);
    }

    #[test]
    fn length_count_stops_at_limit() {
        assert_eq!(length(&json!("four"), 100), 8);
        assert!(length(&json!(vec![0; 1000]), 50) < 100);
    }
}
