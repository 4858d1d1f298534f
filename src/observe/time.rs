//! Removes times and keeps the relations between them.

use serde_json::{Map, Value};
use std::cmp::Ordering;

/// Milliseconds since 1970 that can be a time of a gateway: 2017 to 2096. Other numbers are not times.
const EPOCH_MS: std::ops::Range<i64> = 1_500_000_000_000..4_000_000_000_000;

/// The time in a field, if it is a time.
pub(super) fn time(value: &Value) -> Option<i64> {
    value
        .as_i64()
        .or_else(|| value.as_f64().filter(|ms| ms.fract() == 0.0).map(|ms| ms as i64))
        .filter(|ms| EPOCH_MS.contains(ms))
}

/// Replaces the times in a document: `<time>` for a time during the case, `<time before>` for a time before it, and
/// `<createdAtMs+120000>` for a deadline, whose distance the gateway determined.
pub(super) fn replace(value: &mut Value, started_at: i64) {
    match value {
        Value::Object(object) => replace_members(object, started_at),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, started_at)),
        other => {
            if let Some(ms) = time(other) {
                *other = Value::String(phase(ms, started_at).to_owned());
            }
        }
    }
}

fn replace_members(object: &mut Map<String, Value>, started_at: i64) {
    let begin = ["createdAtMs", "ts"].into_iter().find_map(|name| Some((name, time(object.get(name)?)?)));
    if let (Some((name, begin)), Some(expires)) = (begin, object.get_mut("expiresAtMs"))
        && let Some(end) = time(expires)
    {
        *expires = Value::String(format!("<{name}{:+}>", end - begin));
    }
    // In some releases, the time limit that a node receives is what the gateway's own work has left of it.
    let for_node = object.contains_key("paramsJSON");
    for (name, member) in object.iter_mut() {
        let passes = matches!(name.as_str(), "retryAfterMs" | "uptimeMs" | "ageMs") || for_node && name == "timeoutMs";
        // Ages and remaining times are accidental. Only whether they are present is kept.
        if passes && member.as_f64().is_some_and(|ms| ms > 0.0) {
            *member = Value::String("<duration>".to_owned());
        } else {
            replace(member, started_at);
        }
    }
}

fn phase(ms: i64, started_at: i64) -> &'static str {
    if ms < started_at { "<time before>" } else { "<time>" }
}

/// The moments of a case: one before it and one for each step. A gateway reads its clock more than once in an action,
/// and the distance between the readings only depends on the load of the machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct StepTimes<'a> {
    /// The start of the case.
    pub(super) started_at: i64,
    /// The start of each step, in order.
    pub(super) steps: &'a [i64],
}

impl StepTimes<'_> {
    /// The relation between two times. They are equal if both are within one step. Times before the case are compared
    /// as seeded.
    fn compare(&self, ms: i64, anchor: i64) -> Ordering {
        if ms < self.started_at || anchor < self.started_at {
            return ms.cmp(&anchor);
        }
        let step = |ms: i64| self.steps.partition_point(|began| *began <= ms);
        step(ms).cmp(&step(anchor))
    }
}

/// The relation between a time of a record and its reference time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Relation {
    /// Earlier, equal or later. `None` if the reference is not a time.
    pub(super) order: Option<Ordering>,
    /// Whether the time is before the case.
    pub(super) before: bool,
}

/// Compares a time of a record with another. `None` if it is absent or not a time.
pub(super) fn relate(value: Option<&Value>, anchor: Option<&Value>, moments: StepTimes<'_>) -> Option<Relation> {
    let ms = time(value?)?;
    let order = anchor.and_then(time).map(|anchor| moments.compare(ms, anchor));
    Some(Relation { order, before: ms < moments.started_at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn relative_deadlines_and_times() {
        let mut value = json!({"createdAtMs": 1_760_000_000_500_i64, "expiresAtMs": 1_760_000_120_500_i64,
            "old": [1_750_000_000_000_i64], "timeoutMs": 120_000, "retryAfterMs": 299_871,
            "told": {"paramsJSON": "{}", "timeoutMs": 29_993}});
        replace(&mut value, 1_760_000_000_000);
        assert_eq!(
            value,
            json!({"createdAtMs": "<time>", "expiresAtMs": "<createdAtMs+120000>", "old": ["<time before>"],
                "timeoutMs": 120_000, "retryAfterMs": "<duration>",
                "told": {"paramsJSON": "{}", "timeoutMs": "<duration>"}})
        );
    }

    #[test]
    fn times_within_one_step_are_equal() {
        let start = 1_760_000_000_000_i64;
        let moments = StepTimes { started_at: start, steps: &[start, start + 100] };
        let order = |ms: i64, anchor: i64| {
            relate(Some(&json!(start + ms)), Some(&json!(start + anchor)), moments).and_then(|relation| relation.order)
        };
        assert_eq!(order(60, 7), Some(Ordering::Equal));
        assert_eq!(order(7, 60), Some(Ordering::Equal));
        assert_eq!(order(100, 99), Some(Ordering::Greater));
        assert_eq!(order(99, 100), Some(Ordering::Less));
        assert_eq!(order(-5, -6), Some(Ordering::Greater));
        assert_eq!(order(1, -1), Some(Ordering::Greater));
    }

    #[test]
    fn invalid_time_has_no_relation() {
        let moments = StepTimes { started_at: 0, steps: &[] };
        assert_eq!(relate(Some(&json!("yesterday")), None, moments), None);
        assert_eq!(relate(Some(&json!(3)), None, moments), None);
    }
}
