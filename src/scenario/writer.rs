//! Writes a scenario as YAML in the style of a person.

use serde_json::{Map, Value};
use untrusted_data::printable;

/// The maximum length of a line with a map or a list.
const WIDTH: usize = 140;

/// The text of a scenario file. Each line of `about` becomes a comment at its start.
pub(crate) fn yaml(scenario: &Value, about: &[String]) -> String {
    let mut out = String::new();
    for line in about {
        // A line break inside would end the comment.
        let line = line.replace(|letter: char| letter.is_control(), " ");
        out.push_str(format!("# {}", printable::line(&line)).trim_end());
        out.push('\n');
    }
    if let Value::Object(parts) = scenario {
        block(parts, 0, &mut out);
    }
    out
}

/// A map with one line for each entry. An entry that is too long for a line goes below its key.
fn block(entries: &Map<String, Value>, depth: usize, out: &mut String) {
    for (key, value) in entries {
        out.push_str(&" ".repeat(depth));
        out.push_str(&name(key));
        out.push(':');
        below(value, depth, out);
    }
}

/// The value after or below a key.
fn below(value: &Value, depth: usize, out: &mut String) {
    let line = flow(value);
    match value {
        Value::Object(entries)
            if !entries.is_empty() && (is_block_style(entries, depth) || depth + line.len() > WIDTH) =>
        {
            out.push('\n');
            block(entries, depth + 2, out);
        }
        Value::Array(items) if !items.is_empty() && items.iter().any(Value::is_object) => {
            out.push('\n');
            for item in items {
                item_of_list(item, depth + 2, out);
            }
        }
        _ => {
            out.push(' ');
            out.push_str(&line);
            out.push('\n');
        }
    }
}

/// Whether a map always has one line for each entry: the parts of a scenario, and records.
fn is_block_style(entries: &Map<String, Value>, depth: usize) -> bool {
    depth == 0 || (depth == 2 && entries.values().all(Value::is_object))
}

fn item_of_list(item: &Value, depth: usize, out: &mut String) {
    let mut text = String::new();
    match item {
        Value::Object(entries) if !entries.is_empty() => block(entries, depth + 2, &mut text),
        _ => text = format!("{}{}\n", " ".repeat(depth + 2), flow(item)),
    }
    out.push_str(&" ".repeat(depth));
    out.push_str("- ");
    out.push_str(text.trim_start());
}

/// A value in one line.
fn flow(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => scalar(text),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) if entries.is_empty() => "{}".to_owned(),
        Value::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{}: {}", name(key), flow(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

/// A key. A key is always a text, except if it has no value.
fn name(key: &str) -> String {
    let is_text = is_plain(key) && !key.eq_ignore_ascii_case("null");
    if is_text || is_symbol(key) { key.to_owned() } else { scalar(key) }
}

fn is_plain(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_./".contains(letter))
}

/// A text. It is quoted if YAML could read it as something else. The quoted form of JSON is also valid in YAML.
pub(crate) fn scalar(text: &str) -> String {
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf", "infinity"];
    let is_word = is_plain(text) && !words.contains(&text.to_ascii_lowercase().as_str());
    if is_word || is_sentence(text) || is_symbol(text) {
        text.to_owned()
    } else {
        printable::json(&Value::String(text.to_owned()).to_string()).into_owned()
    }
}

/// Whether a text consists of several words without punctuation.
fn is_sentence(text: &str) -> bool {
    text.contains(' ')
        && text.split(' ').all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
}

/// Whether a text is one symbol, such as `<device laptop>`.
fn is_symbol(text: &str) -> bool {
    let inside = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    inside.is_some_and(|inside| {
        inside.starts_with(|first: char| first.is_ascii_lowercase())
            && inside.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" -+.".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case("null")]
    #[case("Null")]
    #[case("NULL")]
    #[case("True")]
    #[case("~")]
    #[case("NaN")]
    #[case("Infinity")]
    #[case("\u{202e}")]
    fn quotes_ambiguous_texts(#[case] text: &str) {
        let written = scalar(text);
        assert!(written.starts_with('"') && written.chars().all(printable::is_printable), "{written}");
        assert_eq!(serde_saphyr::from_str::<String>(&written).unwrap(), text);
    }

    #[test]
    fn readable_layout() {
        let scenario = json!({
            "scenario": "Story 3 of seed 7",
            "gateway": { "auth": { "mode": "none" }, "trusted-proxies": ["127.0.0.1"] },
            "store": { "paired": { "laptop": { "scopes": [], "tokens": {}, "set": { "null": "no", "<device a>": "yes: it is" } } } },
            "steps": [
                { "connect": { "device": "laptop", "role": "operator" }, "as": "line-0" },
                { "call": { "on": "line-0", "method": "health", "params": { "id": "<device laptop>" } } },
            ],
        });
        insta::assert_snapshot!(yaml(&scenario, &["Two\nlines".to_owned()]), @r#"
        # Two lines
        scenario: Story 3 of seed 7
        gateway:
          auth: { mode: none }
          trusted-proxies: ["127.0.0.1"]
        store:
          paired:
            laptop: { scopes: [], tokens: {}, set: { "null": "no", <device a>: "yes: it is" } }
        steps:
          - connect: { device: laptop, role: operator }
            as: line-0
          - call: { on: line-0, method: health, params: { id: <device laptop> } }
        "#);
    }
}
