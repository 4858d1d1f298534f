//! What is filled in when a gateway is launched.

use serde_json::Value;

/// The values of one launch.
#[derive(Debug, Clone)]
pub(crate) struct Values {
    pub(crate) port: u16,
    pub(crate) state_dir: String,
    pub(crate) config: String,
    pub(crate) home: String,
    pub(crate) temp: String,
    /// The shared token that the configuration names; empty where it names none.
    pub(crate) token: String,
    /// The shared password that the configuration names; empty where it names none.
    pub(crate) password: String,
}

impl Values {
    /// The placeholders of a launch.
    pub(crate) const NAMES: [&str; 7] = ["port", "state-dir", "config", "home", "temp", "token", "password"];

    /// The text with every placeholder filled in, in one pass: what a value contains is not looked at again.
    pub(crate) fn fill(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, name, after)) = next_placeholder(rest) {
            out.push_str(before);
            out.push_str(&self.value(name));
            rest = after;
        }
        out.push_str(rest);
        out
    }

    /// A JSON value with the placeholders in its strings filled in.
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

    fn value(&self, name: &str) -> String {
        match name {
            "port" => self.port.to_string(),
            "state-dir" => self.state_dir.clone(),
            "config" => self.config.clone(),
            "home" => self.home.clone(),
            "temp" => self.temp.clone(),
            "token" => self.token.clone(),
            _ => self.password.clone(),
        }
    }
}

/// What is before the next placeholder, its name, and what is after it. Braces around anything else are text: JSON has many.
fn next_placeholder(text: &str) -> Option<(&str, &'static str, &str)> {
    let mut from = 0;
    while let Some(found) = text[from..].find('{') {
        let at = from + found;
        let inside = &text[at + 1..];
        let name =
            Values::NAMES.into_iter().find(|name| inside.strip_prefix(name).is_some_and(|rest| rest.starts_with('}')));
        if let Some(name) = name {
            return Some((&text[..at], name, &inside[name.len() + 1..]));
        }
        from = at + 1;
    }
    None
}

/// The first `{word}` that looks like a placeholder and is none.
pub(crate) fn unknown_placeholder(text: &str, known: impl Fn(&str) -> bool) -> Option<&str> {
    text.split('{').skip(1).find_map(|inside| {
        let (name, _) = inside.split_once('}')?;
        let word = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c == '_');
        (word && !known(name)).then_some(name)
    })
}

/// Adds what `target` does not say.
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn values() -> Values {
        Values {
            port: 4711,
            state_dir: "/s".into(),
            config: "/c".into(),
            home: "/h".into(),
            temp: "/t".into(),
            token: "{port}".into(),
            password: String::new(),
        }
    }

    #[test]
    fn fills_placeholders_once_and_leaves_other_braces() {
        assert_eq!(
            values().fill(r#"{"p":{port},"t":"{token}","x":{"y":{}}}"#),
            r#"{"p":4711,"t":"{port}","x":{"y":{}}}"#
        );
    }

    #[test]
    fn fills_the_strings_of_a_json_value() {
        let filled = values().fill_json(&json!({"a": ["{home}/x", 1], "b": {"c": "{port}"}}));
        assert_eq!(filled, json!({"a": ["/h/x", 1], "b": {"c": "4711"}}));
    }

    #[test]
    fn a_misspelt_placeholder_is_found() {
        let known = |name: &str| Values::NAMES.contains(&name);
        assert_eq!(unknown_placeholder("--dir={state_dir}", known), Some("state_dir"));
        assert_eq!(unknown_placeholder(r#"{"a":{port}} {}"#, known), None);
    }

    #[test]
    fn defaults_give_way() {
        let mut config = json!({"gateway": {"bind": "lan"}, "update": null});
        merge_defaults(&mut config, &json!({"gateway": {"bind": "loopback", "mode": "local"}, "update": {"x": 1}}));
        assert_eq!(config, json!({"gateway": {"bind": "lan", "mode": "local"}, "update": {"x": 1}}));
    }
}
