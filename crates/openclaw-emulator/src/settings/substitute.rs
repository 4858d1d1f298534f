//! Replaces `${NAME}` in the strings of a configuration (`src/config/env-substitution.ts`).

use super::environment::Env;
use serde_json::Value;

/// The meaning of `${...}` in a string.
enum Reference<'a> {
    /// `${NAME}`.
    Variable(&'a str),
    /// `$${NAME}`: the text `${NAME}`.
    Escaped(&'a str),
}

/// The configuration with every `${NAME}` in its strings replaced from the environment, and a warning for each variable
/// that is absent or empty. Its reference remains unchanged.
pub(super) fn variables(config: &Value, env: Env<'_>) -> (Value, Vec<String>) {
    let mut warnings = Vec::new();
    let replaced = replace(config, "", env, &mut warnings);
    (replaced, warnings)
}

fn replace(value: &Value, path: &str, env: Env<'_>, warnings: &mut Vec<String>) -> Value {
    match value {
        Value::String(text) => Value::from(in_text(text, path, env, warnings)),
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.map(|(index, item)| replace(item, &format!("{path}[{index}]"), env, warnings)).collect()
        }
        Value::Object(members) => {
            let members = members.iter().map(|(key, member)| {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                (key.clone(), replace(member, &path, env, warnings))
            });
            Value::Object(members.collect())
        }
        other => other.clone(),
    }
}

fn in_text(text: &str, path: &str, env: Env<'_>, warnings: &mut Vec<String>) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(start) = rest.find('$') {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let Some((reference, length)) = reference(rest) else {
            out.push('$');
            rest = &rest[1..];
            continue;
        };
        match reference {
            Reference::Escaped(name) => out.push_str(&format!("${{{name}}}")),
            Reference::Variable(name) => match env.get(name).filter(|value| !value.is_empty()) {
                Some(value) => out.push_str(value),
                None => {
                    out.push_str(&format!("${{{name}}}"));
                    warnings.push(format!(
                        "missing env var \"{name}\" at {path} - feature using this value will be unavailable"
                    ));
                }
            },
        }
        rest = &rest[length..];
    }
    out + rest
}

/// Whether a string still contains a `${NAME}`.
pub(super) fn has_reference(text: &str) -> bool {
    text.match_indices('$').any(|(at, _)| {
        matches!(reference(&text[at..]), Some((Reference::Variable(_), _))) && !text[..at].ends_with('$')
    })
}

/// The name in a string that consists of one `${NAME}` only.
pub(super) fn sole_reference(text: &str) -> Option<&str> {
    match reference(text.trim()) {
        Some((Reference::Variable(name), length)) if length == text.trim().len() => Some(name),
        _ => None,
    }
}

/// The reference at the start of a text, and its length.
fn reference(text: &str) -> Option<(Reference<'_>, usize)> {
    let (body, escaped) = match text.strip_prefix("$${") {
        Some(body) => (body, true),
        None => (text.strip_prefix("${")?, false),
    };
    let name = &body[..body.find('}')?];
    let is_valid =
        |(at, byte): (usize, u8)| byte.is_ascii_uppercase() || byte == b'_' || (at > 0 && byte.is_ascii_digit());
    if name.is_empty() || !name.bytes().enumerate().all(is_valid) {
        return None;
    }
    let length = name.len() + if escaped { 4 } else { 3 };
    Some((if escaped { Reference::Escaped(name) } else { Reference::Variable(name) }, length))
}
