//! Removes known secrets from the texts of finished steps. The words of scenarios and of the protocol stay, even if a
//! secret is such a word: a password can be `connect`.

use openclaw_protocol::client::{self, mode};
use openclaw_protocol::scopes::{OPERATOR_SCOPES, ROLES};
use serde_json::{Map, Value};
use untrusted_data::Redactions;

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
                texts.for_each(|(name, text)| match text.get_mut("json").filter(|_| name == "frame") {
                    Some(json) => value(json, secrets, true),
                    None => value(text, secrets, name == "params"),
                });
            }
            Value::Object(words) if name == "expect" => words.values_mut().for_each(|word| patterns(word, secrets)),
            _ => {}
        }
    }
}

/// `names` is true if clients chose the names of the members.
fn value(value: &mut Value, secrets: &Redactions, names: bool) {
    match value {
        Value::String(text) => *text = redacted(text, secrets),
        Value::Array(items) => items.iter_mut().for_each(|item| self::value(item, secrets, names)),
        Value::Object(members) => {
            let taken = std::mem::take(members);
            *members = taken
                .into_iter()
                .map(|(name, mut member)| {
                    self::value(&mut member, secrets, names);
                    (if names { redacted(&name, secrets) } else { name }, member)
                })
                .collect::<Map<_, _>>();
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

/// The conditions of an expectation. A text with a secret matches any text.
fn patterns(conditions: &mut Value, secrets: &Redactions) {
    for name in ["message", "close-reason", "reason"] {
        if let Some(Value::String(text)) = conditions.get_mut(name)
            && secrets.apply_known(text) != *text
        {
            *text = "*".to_owned();
        }
    }
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
