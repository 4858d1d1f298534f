//! Removes known secrets from the texts of finished steps. The words of scenarios and of the protocol stay, even if a
//! secret is such a word: a password can be `connect`.

use super::secrets;
use openclaw_protocol::client::{self, mode};
use openclaw_protocol::scopes::{OPERATOR_SCOPES, ROLES};
use serde_json::{Map, Value};
use untrusted_data::Redactions;

/// The replacement of a text with a secret.
const HIDDEN: &str = "hidden";
/// Words in frames.
const WORDS: [&str; 6] = ["connect", "req", "res", "event", "method", "params"];
/// The actions of steps that contain texts of clients.
const ACTIONS: [&str; 4] = ["connect", "open", "call", "send"];
/// The members of these actions that refer to other steps, or that contain only words of scenarios.
const WITHOUT_TEXTS: [&str; 6] = ["on", "device", "auth", "proof", "protocol", "wait"];

/// Whether a text is a word of the protocol.
pub(super) fn is_term(text: &str) -> bool {
    WORDS.contains(&text)
        || ROLES.contains(&text)
        || OPERATOR_SCOPES.contains(&text)
        || client::IDS_WITH_COPILOT.contains(&text)
        || mode::WITH_WORKER.contains(&text)
}

/// Removes the secrets from a step.
pub(super) fn step(step: &mut Value, secrets: &Redactions) {
    for (name, member) in step.as_object_mut().into_iter().flatten() {
        match member {
            Value::Object(members) if ACTIONS.contains(&name.as_str()) => {
                let texts = members.iter_mut().filter(|(name, _)| !WITHOUT_TEXTS.contains(&name.as_str()));
                texts.for_each(|(name, text)| match (name.as_str(), text.get_mut("json")) {
                    ("params", _) => value(text, secrets, Words::Raw),
                    ("frame", Some(json)) => value(json, secrets, Words::Raw),
                    ("frame", None) => text
                        .as_object_mut()
                        .into_iter()
                        .flatten()
                        .for_each(|(_, text)| value(text, secrets, Words::Raw)),
                    ("permissions", _) => value(text, secrets, Words::Names),
                    _ => value(text, secrets, Words::Plain),
                });
            }
            Value::Object(words) if name == "expect" => words.values_mut().for_each(|word| conditions(word, secrets)),
            _ => {}
        }
    }
}

/// The texts that clients chose.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Words {
    /// Values and the names of members, with symbols.
    Raw,
    /// Values and the names of members.
    Names,
    /// Values.
    Plain,
}

fn value(value: &mut Value, secrets: &Redactions, words: Words) {
    let redacted = |text: &str| if words == Words::Raw { redacted(text, secrets) } else { plain(text, secrets) };
    match value {
        Value::String(text) => *text = redacted(text),
        Value::Array(items) => items.iter_mut().for_each(|item| self::value(item, secrets, words)),
        Value::Object(members) => {
            let taken = std::mem::take(members);
            *members = taken
                .into_iter()
                .map(|(name, mut member)| {
                    self::value(&mut member, secrets, words);
                    (if words == Words::Plain { name } else { redacted(&name) }, member)
                })
                .collect::<Map<_, _>>();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether a text without symbols contains a secret.
pub(super) fn is_secret(text: &str, secrets: &Redactions) -> bool {
    !is_term(text) && (secrets::are_in(text) || secrets.apply_known(text) != text)
}

/// A text without symbols. It is hidden if it contains a secret that only its place shows.
pub(super) fn plain(text: &str, secrets: &Redactions) -> String {
    if !is_term(text) && secrets::are_in(text) { HIDDEN.to_owned() } else { redacted(text, secrets) }
}

/// Removes the secrets from settings or records that were derived from messages.
pub(super) fn derived(part: &mut Map<String, Value>, secrets: &Redactions) {
    for text in part.values_mut() {
        value(text, secrets, Words::Plain);
        escape(text);
    }
}

/// `$${` is a literal `${`.
pub(super) fn escape(value: &mut Value) {
    let escaped = |text: &str| text.replace("${", "$${");
    match value {
        Value::String(text) => *text = escaped(text),
        Value::Array(items) => items.iter_mut().for_each(escape),
        Value::Object(members) => {
            members.values_mut().for_each(escape);
            if members.keys().any(|name| name.contains("${")) {
                *members = std::mem::take(members).into_iter().map(|(name, member)| (escaped(&name), member)).collect();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn redacted(text: &str, secrets: &Redactions) -> String {
    if is_term(text) {
        return text.to_owned();
    }
    match secrets.apply_known(text) {
        same if same == text => same,
        // `<<` is a literal `<`.
        changed if !text.contains('<') => changed.replace('<', "<<"),
        // Symbols cannot be distinguished from the names of secrets.
        _ => "redacted".to_owned(),
    }
}

/// Removes the conditions of an expectation that contain a secret. A text with a secret becomes `*`, which matches any text.
fn conditions(conditions: &mut Value, secrets: &Redactions) {
    let is_secret = |text: &Value| text.as_str().is_some_and(|text| is_secret(text, secrets));
    let Some(conditions) = conditions.as_object_mut() else { return };
    for (name, text) in &mut *conditions {
        if ["message", "close-reason"].contains(&name.as_str()) && is_secret(text) {
            *text = "*".into();
        }
    }
    conditions.retain(|_, text| !is_secret(text) && !text.as_array().is_some_and(|texts| texts.iter().any(is_secret)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn word_secret_is_replaced_in_client_texts() {
        let mut secrets = Redactions::default();
        secrets.add("connect", "password");
        let original = json!({
            "connect": { "device": "connect", "role": "operator", "auth": { "password": "right" }, "locale": "x connect" },
            "as": "connection-1",
            "expect": { "refused": { "code": "NOT_PAIRED", "message": "connect first" } },
        });
        let mut changed = original.clone();
        step(&mut changed, &secrets);
        let mut expected = original;
        expected["connect"]["locale"] = json!("x <<password>");
        expected["expect"]["refused"]["message"] = json!("*");
        assert_eq!(changed, expected);
        let mut frame = json!({ "send": { "on": "connection-1", "frame": { "json": { "method": "connect", "text": "a connect" } } } });
        step(&mut frame, &secrets);
        assert_eq!(frame["send"]["frame"]["json"], json!({ "method": "connect", "text": "a <<password>" }));
        assert_eq!(frame["send"]["on"], "connection-1");
    }
}
