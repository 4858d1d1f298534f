//! Settings of `openclaw.json` that a gateway gets as arguments of its command.

use crate::gateway::template::gateway_defaults;
use crate::gateway::template::{Placeholders, merge_defaults};
use openclaw_emulator::settings::HANDSHAKE_TIMEOUT_VARIABLE;
use serde_json::Value;
use std::collections::BTreeMap;

/// The placeholder of the value of a setting.
pub(in crate::gateway) const VALUE: &str = "value";
/// The setting that scenarios write as a variable, because older releases know only the variable.
const HANDSHAKE_TIMEOUT: (&str, &str) = (HANDSHAKE_TIMEOUT_VARIABLE, "gateway.handshakeTimeoutMs");

/// The settings that a gateway gets as arguments, in the order of the arguments.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Flags(pub(in crate::gateway) Vec<Flag>);

/// The arguments that stand for one setting.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::gateway) struct Flag {
    /// The path of the setting: `gateway.auth.mode`.
    pub(in crate::gateway) setting: String,
    pub(in crate::gateway) arguments: Arguments,
}

/// How the arguments depend on the value of a setting. A setting that is absent has no arguments.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::gateway) enum Arguments {
    /// The arguments contain `{value}`. A list has these arguments once for each of its items.
    WithValue(Vec<String>),
    /// The arguments stand for `true`. `false` cannot be expressed, because the setting can be `true` by default.
    IfTrue(Vec<String>),
    /// The arguments of each possible value. The gateway cannot have other values.
    ByValue(Vec<(String, Vec<String>)>),
}

impl Arguments {
    fn allow(&self, value: &Value) -> bool {
        match self {
            Self::WithValue(_) => match value {
                Value::Array(items) => items.iter().all(|item| text(item).is_some()),
                single => text(single).is_some(),
            },
            Self::IfTrue(_) => *value == Value::Bool(true),
            Self::ByValue(values) => text(value).is_some_and(|text| values.iter().any(|(key, _)| *key == text)),
        }
    }

    fn for_value(&self, value: &Value, placeholders: &Placeholders) -> Vec<String> {
        match (self, value) {
            (Self::WithValue(_), Value::Array(items)) => {
                items.iter().flat_map(|item| self.for_value(item, placeholders)).collect()
            }
            (Self::WithValue(words), single) => {
                let mut placeholders = placeholders.clone();
                placeholders.set(VALUE, text(single).unwrap_or_default());
                words.iter().map(|word| placeholders.fill(word)).collect()
            }
            (Self::IfTrue(words), Value::Bool(true)) => words.iter().map(|word| placeholders.fill(word)).collect(),
            (Self::IfTrue(_), _) => Vec::new(),
            (Self::ByValue(values), value) => {
                let named = text(value);
                let words = values.iter().find(|(key, _)| Some(key) == named.as_ref()).map(|(_, words)| words);
                let mut placeholders = placeholders.clone();
                placeholders.set(VALUE, named.unwrap_or_default());
                words.into_iter().flatten().map(|word| placeholders.fill(word)).collect()
            }
        }
    }
}

/// A value as it is written in an argument. `None` for lists, objects and null.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl Flags {
    /// The paths of the settings.
    pub(in crate::gateway) fn settings(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|flag| flag.setting.as_str())
    }

    /// The arguments for these settings.
    pub(in crate::gateway) fn arguments(&self, settings: &SettingValues, placeholders: &Placeholders) -> Vec<String> {
        let given = |flag: &Flag| Some(flag.arguments.for_value(settings.0.get(&flag.setting)?, placeholders));
        self.0.iter().filter_map(given).flatten().collect()
    }

    /// What differs between two configurations and cannot be expressed by these arguments: paths of settings, with the
    /// value if other values of the setting can be expressed.
    pub(crate) fn inexpressible(&self, settings: &SettingValues, plain: &SettingValues) -> Vec<String> {
        let paths = settings.0.keys().chain(plain.0.keys().filter(|path| !settings.0.contains_key(*path)));
        let differs = |path: &&String| settings.0.get(*path) != plain.0.get(*path);
        let inexpressible = |path: &String| {
            let value = settings.0.get(path);
            match self.0.iter().find(|flag| flag.setting == *path) {
                None => Some(path.clone()),
                Some(flag) if value.is_none_or(|value| flag.arguments.allow(value)) => None,
                Some(_) => Some(format!("{path}: {}", value.and_then(text).unwrap_or_default())),
            }
        };
        paths.filter(differs).filter_map(inexpressible).collect()
    }
}

/// The settings of a configuration, by path. Objects are not values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SettingValues(BTreeMap<String, Value>);

impl SettingValues {
    /// The settings in an `openclaw.json`, with those that every gateway has, and the environment variables.
    pub(crate) fn of(openclaw_json: &Value, environment: &BTreeMap<String, String>) -> Self {
        let mut config = openclaw_json.clone();
        merge_defaults(&mut config, &gateway_defaults());
        let mut values = BTreeMap::new();
        collect(&config, "", &mut values);
        for (name, value) in environment {
            let (variable, setting) = HANDSHAKE_TIMEOUT;
            let path = if name == variable { setting } else { name };
            values.insert(path.to_owned(), value.clone().into());
        }
        Self(values)
    }
}

fn collect(value: &Value, path: &str, values: &mut BTreeMap<String, Value>) {
    match value {
        Value::Null => {}
        Value::Object(members) => {
            for (name, member) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                collect(member, &path, values);
            }
        }
        leaf => drop(values.insert(path.to_owned(), leaf.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn flags() -> Flags {
        let by_value = |values: &[(&str, &[&str])]| {
            Arguments::ByValue(values.iter().map(|(key, list)| ((*key).to_owned(), words(list))).collect())
        };
        let flag = |setting: &str, arguments| Flag { setting: format!("gateway.{setting}"), arguments };
        Flags(vec![
            flag(
                "bind",
                by_value(&[
                    ("loopback", &["--host", "127.0.0.1"]),
                    ("lan", &["--host", "0.0.0.0"]),
                    ("auto", &["--host={value}"]),
                ]),
            ),
            flag("auth.mode", by_value(&[("token", &[]), ("none", &["--open"])])),
            flag("auth.token", Arguments::WithValue(words(&["--token={value}", "{port}"]))),
            flag("trustedProxies", Arguments::WithValue(words(&["--proxy", "{value}"]))),
            flag("allowRealIpFallback", Arguments::IfTrue(words(&["--real-ip"]))),
            flag("handshakeTimeoutMs", Arguments::WithValue(words(&["--timeout", "{value}"]))),
        ])
    }

    fn settings(gateway: Value, environment: &[(&str, &str)]) -> SettingValues {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        SettingValues::of(&json!({ "gateway": gateway }), &environment)
    }

    fn plain() -> SettingValues {
        settings(json!({ "auth": { "mode": "token", "token": "s" } }), &[])
    }

    #[rstest]
    #[case::plain(json!({ "auth": { "mode": "token", "token": "s{value}" } }), &["--host", "127.0.0.1", "--token=s{value}", "1"])]
    #[case::no_token(json!({ "bind": "lan", "auth": { "mode": "none" } }), &["--host", "0.0.0.0", "--open"])]
    #[case::value_of_a_map(json!({ "bind": "auto" }), &["--host=auto"])]
    #[case::list(json!({ "trustedProxies": ["a", "b c"] }), &["--host", "127.0.0.1", "--proxy", "a", "--proxy", "b c"])]
    #[case::empty_list(json!({ "trustedProxies": [] }), &["--host", "127.0.0.1"])]
    #[case::true_flag(json!({ "allowRealIpFallback": true }), &["--host", "127.0.0.1", "--real-ip"])]
    #[case::false_flag(json!({ "allowRealIpFallback": false, "bind": null }), &["--host", "127.0.0.1"])]
    fn arguments_for_each_setting(#[case] gateway: Value, #[case] expected: &[&str]) {
        let mut placeholders = Placeholders::default();
        placeholders.set("port", "1".to_owned());
        assert_eq!(flags().arguments(&settings(gateway, &[]), &placeholders), expected);
    }

    #[test]
    fn handshake_timeout_variable_is_setting() {
        let settings = settings(json!({}), &[("OPENCLAW_HANDSHAKE_TIMEOUT_MS", "500"), ("A", "b")]);
        let arguments = flags().arguments(&settings, &Placeholders::default());
        assert_eq!(arguments, ["--host", "127.0.0.1", "--timeout", "500"]);
        assert_eq!(Flags::default().inexpressible(&settings, &plain())[..2], ["A", "gateway.handshakeTimeoutMs"]);
    }

    #[rstest]
    #[case::plain(json!({ "auth": { "mode": "token", "token": "s" } }), &[])]
    #[case::another_token(json!({ "auth": { "mode": "token", "token": "t" } }), &[])]
    #[case::without_token(json!({ "auth": { "mode": "none" } }), &[])]
    #[case::another_value(json!({ "bind": "tailnet", "auth": { "mode": "none" } }), &["gateway.bind: tailnet"])]
    #[case::not_mapped(json!({ "x": { "y": 1 }, "auth": { "mode": "none" } }), &["gateway.x.y"])]
    #[case::maybe_true_by_default(json!({ "allowRealIpFallback": false, "auth": { "mode": "none" } }), &["gateway.allowRealIpFallback: false"])]
    #[case::wrong_kind(json!({ "allowRealIpFallback": "yes", "auth": { "mode": "none" } }), &["gateway.allowRealIpFallback: yes"])]
    fn names_inexpressible_settings(#[case] gateway: Value, #[case] expected: &[&str]) {
        assert_eq!(flags().inexpressible(&settings(gateway, &[]), &plain()), expected);
    }

    #[test]
    fn default_settings_need_flags() {
        let without_token = settings(json!({ "auth": { "mode": "token" } }), &[]);
        assert_eq!(Flags::default().inexpressible(&without_token, &plain()), ["gateway.auth.token"]);
    }
}
