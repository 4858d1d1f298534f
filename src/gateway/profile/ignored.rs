//! Fields of a gateway's frames that a run ignores, because their values differ in every run.

use serde_json::Value;
use std::str::FromStr;

/// Fields of OpenClaw on which a verdict depends. Additional fields inside them can be ignored.
const TESTED: [&str; 16] = [
    "error.code",
    "error.details",
    "error.details.code",
    "error.details.reason",
    "error.details.requestId",
    "error.message",
    "payload.auth",
    "payload.auth.deviceToken",
    "payload.auth.role",
    "payload.auth.scopes",
    "payload.features",
    "payload.policy",
    "payload.protocol",
    "payload.server",
    "payload.snapshot",
    "payload.type",
];

/// A field inside the payload or the error of a frame, such as `payload.snapshot.trace`. If a part of the path is a
/// list, the field is found in each item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredField(Vec<String>);

impl FromStr for IgnoredField {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split('.').map(str::to_owned).collect::<Vec<_>>();
        let is_inside = matches!(parts[0].as_str(), "payload" | "error") && parts.len() > 1;
        if !is_inside || parts.iter().any(String::is_empty) {
            return Err(format!("`{text}` is not a field inside `payload` or `error`, such as payload.traceId"));
        }
        if TESTED.contains(&text) {
            let message = "is a field of OpenClaw, which the cases test; `ignore` is for additional fields, such as payload.traceId";
            return Err(format!("`{text}` {message}"));
        }
        Ok(Self(parts))
    }
}

impl IgnoredField {
    /// Removes the field from a frame.
    pub fn remove_from(&self, frame: &mut Value) {
        remove(frame, &self.0);
    }
}

fn remove(value: &mut Value, path: &[String]) {
    match (value, path) {
        (Value::Array(items), path) => items.iter_mut().for_each(|item| remove(item, path)),
        (Value::Object(object), [last]) => {
            object.shift_remove(last);
        }
        (Value::Object(object), [first, rest @ ..]) => {
            object.get_mut(first).into_iter().for_each(|value| remove(value, rest));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case("payload.trace", json!({ "trace": 1, "payload": { "list": [{ "id": 3, "n": 4 }], "last": 5 } }))]
    #[case("payload.list.id", json!({ "trace": 1, "payload": { "trace": 2, "list": [{ "n": 4 }], "last": 5 } }))]
    #[case("payload.none.id", json!({ "trace": 1, "payload": { "trace": 2, "list": [{ "id": 3, "n": 4 }], "last": 5 } }))]
    fn removes_field_by_path(#[case] field: &str, #[case] expected: Value) {
        let mut frame = json!({ "trace": 1, "payload": { "trace": 2, "list": [{ "id": 3, "n": 4 }], "last": 5 } });
        field.parse::<IgnoredField>().unwrap().remove_from(&mut frame);
        assert_eq!(frame.to_string(), expected.to_string());
    }

    #[rstest]
    #[case("payload")]
    #[case("type")]
    #[case("payload..x")]
    #[case("error.code")]
    #[case("error.details")]
    #[case("payload.auth")]
    #[case("payload.server")]
    #[case("")]
    fn rejects_fields_that_decide_verdict(#[case] field: &str) {
        assert!(field.parse::<IgnoredField>().is_err());
    }
}
