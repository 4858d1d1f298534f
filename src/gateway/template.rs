//! Placeholders in a description, and their values at a launch.

use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Placeholders that each launch replaces.
pub(crate) const AT_LAUNCH: [&str; 16] = [
    "port",
    "state-dir",
    "config",
    "home",
    "temp",
    "token",
    "password",
    "port+1",
    "port+2",
    "port+3",
    "port+4",
    "port+5",
    "port+6",
    "port+7",
    "port+8",
    "port+9",
];

/// The placeholder of an additional port, and its offset from the gateway's port.
pub(crate) fn further_ports() -> impl Iterator<Item = (&'static str, u16)> {
    AT_LAUNCH.into_iter().filter_map(|name| Some((name, name.strip_prefix("port+")?.parse().ok()?)))
}

/// The values of placeholders, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Placeholders(BTreeMap<&'static str, String>);

impl Placeholders {
    /// Sets the value of a placeholder.
    pub(crate) fn set(&mut self, name: &'static str, value: String) {
        self.0.insert(name, value);
    }

    /// Returns the text with every placeholder replaced, in one pass. Placeholders in values are not replaced.
    pub(crate) fn fill(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, value, after)) = self.next(rest) {
            out.push_str(before);
            out.push_str(value);
            rest = after;
        }
        out.push_str(rest);
        out
    }

    /// Returns a JSON value with the placeholders in its strings replaced.
    pub(crate) fn fill_json(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.fill(text)),
            Value::Array(items) => items.iter().map(|item| self.fill_json(item)).collect(),
            Value::Object(entries) => {
                Value::Object(entries.iter().map(|(key, item)| (key.clone(), self.fill_json(item))).collect())
            }
            plain => plain.clone(),
        }
    }

    /// The text before the next placeholder, its value, and the text after it. Other braces are text, which JSON has
    /// many of.
    fn next<'a>(&'a self, text: &'a str) -> Option<(&'a str, &'a str, &'a str)> {
        text.match_indices('{').find_map(|(at, _)| {
            self.0.iter().find_map(|(name, value)| {
                let after = text[at + 1..].strip_prefix(name)?.strip_prefix('}')?;
                Some((&text[..at], value.as_str(), after))
            })
        })
    }
}

/// The words in braces that look like placeholders.
pub(crate) fn words_in_braces(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').skip(1).filter_map(|inside| {
        let (name, _) = inside.split_once('}')?;
        let is_word = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+'));
        (is_word && name.starts_with(|c: char| c.is_ascii_alphabetic())).then_some(name)
    })
}

/// Adds the members that `target` does not have.
pub(crate) fn merge_defaults(target: &mut Value, defaults: &Value) {
    if target.is_null() {
        *target = defaults.clone();
        return;
    }
    let (Value::Object(target), Value::Object(defaults)) = (target, defaults) else { return };
    for (key, value) in defaults {
        match target.get_mut(key) {
            Some(present) => merge_defaults(present, value),
            None => drop(target.insert(key.clone(), value.clone())),
        }
    }
}

/// Settings that every OpenClaw needs to start.
pub(super) fn gateway_defaults() -> Value {
    json!({ "gateway": { "mode": "local", "bind": "loopback" } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn values() -> Placeholders {
        let values = [("port", "4711"), ("home", "/h"), ("token", "{port}"), ("password", "")];
        Placeholders(values.map(|(name, value)| (name, value.to_owned())).into())
    }

    #[test]
    fn fills_placeholders_once() {
        assert_eq!(
            values().fill(r#"{"p":{port},"t":"{token}","u":"{{password}}","x":{"y":{}}}"#),
            r#"{"p":4711,"t":"{port}","u":"{}","x":{"y":{}}}"#
        );
    }

    #[test]
    fn fills_strings_in_json() {
        let filled = values().fill_json(&json!({"a": ["{home}/x", 1], "b": {"c": "{port}"}}));
        assert_eq!(filled, json!({"a": ["/h/x", 1], "b": {"c": "4711"}}));
    }

    #[test]
    fn finds_misspelled_placeholder() {
        let known = |name: &str| AT_LAUNCH.contains(&name);
        let unknown = |text: &'static str| words_in_braces(text).find(|name| !known(name));
        assert_eq!(unknown("--dir={state_dir}"), Some("state_dir"));
        assert_eq!(unknown("{port+1}{port+10}"), Some("port+10"));
        assert_eq!(unknown(r#"{"a":{port}} {}"#), None);
    }

    #[test]
    fn defaults_give_way() {
        let mut config = json!({"gateway": {"bind": "lan"}, "update": null});
        merge_defaults(&mut config, &json!({"gateway": {"bind": "loopback", "mode": "local"}, "update": {"x": 1}}));
        assert_eq!(config, json!({"gateway": {"bind": "lan", "mode": "local"}, "update": {"x": 1}}));
    }
}
