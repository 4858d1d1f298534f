//! Shrinks a story that shows a difference, so that the shrunk story still shows it.
//!
//! The tree of the scenario determines what can be removed: steps, records, fields. One round tries every removal at
//! the same time, each in a separate scenario, because one start of a gateway can run hundreds of scenarios. Then the
//! successful removals are combined. The ordinary parser decides whether a result is a valid scenario.

use serde_json::Value;
use std::collections::BTreeSet;

/// The position of a node in a tree.
pub(super) type NodePath = Vec<PathSegment>;

/// One segment of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PathSegment {
    /// The key of a map entry.
    Key(String),
    /// The index of a list item.
    Item(usize),
}

/// A set of nodes that are removed together.
pub(super) type Removal = BTreeSet<NodePath>;

/// Returns every possible removal, the largest first. A step is removed together with the later steps that use its
/// connection.
pub(super) fn cuts(scenario: &Value) -> Vec<Removal> {
    let mut cuts = Vec::new();
    let steps = scenario.get("steps").and_then(Value::as_array).cloned().unwrap_or_default();
    for at in 0..steps.len() {
        let mut gone = BTreeSet::from([at]);
        // A step that uses a removed connection can itself hold a connection, so later steps are checked against all
        // removed steps.
        for later in at + 1..steps.len() {
            let names = gone.iter().filter_map(|step: &usize| steps[*step].get("as")?.as_str());
            if names.into_iter().any(|name| mentions(&steps[later], name)) {
                gone.insert(later);
            }
        }
        let path = |step: usize| vec![PathSegment::Key("steps".to_owned()), PathSegment::Item(step)];
        cuts.push(gone.into_iter().map(path).collect());
    }
    for part in ["store", "gateway", "steps"] {
        let mut path = vec![PathSegment::Key(part.to_owned())];
        if let Some(value) = scenario.get(part) {
            cuts_inside(value, &mut path, &mut cuts);
        }
    }
    // Large removals come first, because a round tries only a limited number.
    cuts.sort_by_key(|cut| std::cmp::Reverse(size(scenario) - size(&without(scenario, cut))));
    cuts.dedup();
    cuts
}

/// Whether a step contains the name of a connection.
fn mentions(step: &Value, name: &str) -> bool {
    match step {
        Value::String(text) => text == name,
        Value::Array(items) => items.iter().any(|item| mentions(item, name)),
        Value::Object(entries) => entries.values().any(|value| mentions(value, name)),
        _ => false,
    }
}

fn cuts_inside(value: &Value, path: &mut NodePath, cuts: &mut Vec<Removal>) {
    let mut try_without = |at: PathSegment, value: &Value| {
        path.push(at);
        cuts.push(Removal::from([path.clone()]));
        cuts_inside(value, path, cuts);
        path.pop();
    };
    match value {
        Value::Object(entries) => {
            entries.iter().for_each(|(key, value)| try_without(PathSegment::Key(key.clone()), value))
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| try_without(PathSegment::Item(at), value))
        }
        _ => {}
    }
}

/// Returns a scenario without the removed nodes, and without sections that become empty.
pub(super) fn without(scenario: &Value, cut: &Removal) -> Value {
    let mut scenario = scenario.clone();
    // Remove the last nodes first, so that the indexes of the earlier ones stay valid.
    cut.iter().rev().for_each(|path| remove(&mut scenario, path));
    for part in ["store", "gateway"] {
        if let Some(Value::Object(entries)) = scenario.get_mut(part) {
            entries.retain(|_, value| value.as_object().is_none_or(|entries| !entries.is_empty()));
            if entries.is_empty()
                && let Value::Object(parts) = &mut scenario
            {
                parts.shift_remove(part);
            }
        }
    }
    scenario
}

fn remove(value: &mut Value, path: &[PathSegment]) {
    match (value, path) {
        (Value::Object(entries), [PathSegment::Key(key)]) => drop(entries.shift_remove(key)),
        (Value::Array(items), [PathSegment::Item(at)]) if *at < items.len() => drop(items.remove(*at)),
        (Value::Object(entries), [PathSegment::Key(key), rest @ ..]) => {
            if let Some(value) = entries.get_mut(key) {
                remove(value, rest);
            }
        }
        (Value::Array(items), [PathSegment::Item(at), rest @ ..]) => {
            if let Some(value) = items.get_mut(*at) {
                remove(value, rest);
            }
        }
        _ => {}
    }
}

/// The number of nodes in a tree.
pub(super) fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(entries) => 1 + entries.values().map(size).sum::<usize>(),
        _ => 1,
    }
}

/// Combines removals that succeeded separately: all of them, then half as many, down to the largest one alone.
/// Together they can hide the difference, so the caller tries each combination and uses the first that still shows
/// it.
pub(super) fn merged(good: &[Removal]) -> Vec<Removal> {
    let mut tried = Vec::new();
    let mut many = good.len();
    while many > 0 {
        let cut = good[..many].iter().flatten().cloned().collect::<Removal>();
        if tried.last() != Some(&cut) {
            tried.push(cut);
        }
        many /= 2;
    }
    tried
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn scenario() -> Value {
        json!({
            "scenario": "Story",
            "gateway": { "auth": { "mode": "none" } },
            "store": { "paired": { "laptop": { "scopes": ["operator.read"] } } },
            "steps": [
                { "connect": { "device": "laptop", "role": "operator" }, "as": "line-0" },
                { "list": { "by": "line-0" } },
                { "connect": { "device": "laptop" } },
            ],
        })
    }

    #[test]
    fn removes_dependent_steps() {
        let scenario = scenario();
        let shorter = without(&scenario, &cuts(&scenario)[0]);
        assert_eq!(shorter["steps"], json!([{ "connect": { "device": "laptop" } }]));
    }

    #[test]
    fn tries_everything_except_title() {
        let scenario = scenario();
        let results = cuts(&scenario).iter().map(|cut| without(&scenario, cut)).collect::<Vec<_>>();
        assert!(results.iter().all(|result| size(result) < size(&scenario) && result.get("scenario").is_some()));
        assert!(results.iter().any(|result| result.get("gateway").is_none()));
        assert!(results.iter().any(|result| result.get("store").is_none()));
        assert!(results.iter().any(|result| result["store"]["paired"]["laptop"]["scopes"] == json!([])));
        assert!(results.iter().any(|result| result["steps"][0]["connect"] == json!({ "device": "laptop" })));
    }

    #[test]
    fn merges_overlapping_cuts() {
        let scenario = scenario();
        let all = merged(&cuts(&scenario));
        let shrunk = without(&scenario, &all[0]);
        assert_eq!(shrunk, json!({ "scenario": "Story", "steps": [] }));
        assert_eq!(all.last(), cuts(&scenario).first());
    }
}
