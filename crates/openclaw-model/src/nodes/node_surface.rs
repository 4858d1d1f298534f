//! The approved surface of a node: capabilities, commands and permissions (`node-pairing-surface.ts`).

use openclaw_protocol::js;
use serde_json::{Map, Value, json};

/// The capabilities, commands and permissions of a node.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodeSurface {
    /// Its capabilities.
    pub caps: Vec<String>,
    /// The commands that it offers.
    pub commands: Vec<String>,
    /// Permissions of its operating system.
    pub permissions: Option<Map<String, Value>>,
}

impl NodeSurface {
    /// The surface in a request or a record.
    pub fn of(record: &Value) -> Self {
        Self {
            caps: trimmed(record.get("caps")),
            commands: trimmed(record.get("commands")),
            permissions: record.get("permissions").and_then(Value::as_object).cloned(),
        }
    }

    /// Whether two surfaces are the same, in any order.
    pub fn same(&self, other: &Self) -> bool {
        same_set(&self.caps, &other.caps) && same_set(&self.commands, &other.commands) && self.same_permissions(other)
    }

    /// Whether the permissions are the same.
    pub fn same_permissions(&self, other: &Self) -> bool {
        let none = Map::new();
        let (left, right) = (self.permissions.as_ref().unwrap_or(&none), other.permissions.as_ref().unwrap_or(&none));
        left.len() == right.len() && left.iter().all(|(key, value)| right.get(key) == Some(value))
    }

    /// The part of the surface that was approved.
    #[must_use]
    pub fn within(&self, approved: &Self) -> Self {
        let both = |own: &[String], theirs: &[String]| {
            own.iter().filter(|entry| theirs.contains(entry)).cloned().collect::<Vec<_>>()
        };
        let granted = |key: &String, value: &Value| {
            let approved = approved.permissions.as_ref().and_then(|permissions| permissions.get(key));
            match (value, approved) {
                (Value::Bool(true), Some(Value::Bool(approved))) => Some((key.clone(), json!(approved))),
                (Value::Bool(true), _) => None,
                _ => Some((key.clone(), json!(false))),
            }
        };
        let permissions: Map<String, Value> =
            self.permissions.iter().flatten().filter_map(|(key, value)| granted(key, value)).collect();
        Self {
            caps: both(&self.caps, &approved.caps),
            commands: both(&self.commands, &approved.commands),
            permissions: Some(permissions).filter(|permissions| !permissions.is_empty()),
        }
    }
}

/// Whether two lists have the same entries, in any order and with any duplicates.
pub fn same_set(left: &[String], right: &[String]) -> bool {
    left.iter().all(|entry| right.contains(entry)) && right.iter().all(|entry| left.contains(entry))
}

/// The entries of a map by name. Empty if the map is empty.
pub(super) fn sorted_permissions(permissions: Option<&Map<String, Value>>) -> Option<Map<String, Value>> {
    let mut entries: Vec<(String, Value)> =
        permissions.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
    entries
        .sort_by(|left, right| left.0.to_lowercase().cmp(&right.0.to_lowercase()).then_with(|| right.0.cmp(&left.0)));
    (!entries.is_empty()).then(|| entries.into_iter().collect())
}

fn trimmed(list: Option<&Value>) -> Vec<String> {
    let items = list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(js::trim);
    items.filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surface(caps: &[&str], permissions: Value) -> NodeSurface {
        let caps = caps.iter().map(|cap| (*cap).to_owned()).collect();
        NodeSurface { caps, commands: Vec::new(), permissions: permissions.as_object().cloned() }
    }

    #[test]
    fn ignores_order_and_duplicates() {
        assert!(surface(&["a", "b", "a"], Value::Null).same(&surface(&["b", "a"], json!({}))));
        assert!(!surface(&["a"], Value::Null).same(&surface(&[], Value::Null)));
        assert!(!surface(&[], json!({"x": true})).same(&surface(&[], json!({"x": false}))));
    }

    #[test]
    fn removes_unapproved_entries() {
        let offered = surface(&["a", "b"], json!({"x": true, "y": true, "z": false}));
        let left = offered.within(&surface(&["b"], json!({"x": true})));
        assert_eq!(left, surface(&["b"], json!({"x": true, "z": false})));
    }
}
