//! A scenario's tree as the YAML that a person would have written.

use serde_json::{Map, Value};

/// Longest line that a map or list is written in.
const WIDTH: usize = 140;

/// Writes a scenario down. Each line of `about` becomes a comment at its head.
pub(in crate::fuzz) fn yaml(scenario: &Value, about: &[String]) -> String {
    let mut out = String::new();
    for line in about {
        // A line break inside would end the comment.
        let line = line.replace(|letter: char| letter.is_control(), " ");
        out.push_str(format!("# {line}").trim_end());
        out.push('\n');
    }
    if let Value::Object(parts) = scenario {
        block(parts, 0, &mut out);
    }
    out
}

/// A map, an entry to a line; what is too long for a line goes below its key.
fn block(entries: &Map<String, Value>, depth: usize, out: &mut String) {
    for (key, value) in entries {
        out.push_str(&" ".repeat(depth));
        out.push_str(&name(key));
        out.push(':');
        below(value, depth, out);
    }
}

/// What stands behind or below a key or a dash.
fn below(value: &Value, depth: usize, out: &mut String) {
    let line = flow(value);
    match value {
        Value::Object(entries)
            if !entries.is_empty() && (stands_below(entries, depth) || depth + line.len() > WIDTH) =>
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

/// Whether a map has a line for each entry though one would do for all: the parts of a scenario, and records.
fn stands_below(entries: &Map<String, Value>, depth: usize) -> bool {
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

/// A key. Unlike a value it is a text whatever it says.
fn name(key: &str) -> String {
    if is_plain(key) { key.to_owned() } else { scalar(key) }
}

fn is_plain(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_./".contains(letter))
}

/// A text, plain where nobody could take it for anything else. JSON's quoted form is YAML's, too.
fn scalar(text: &str) -> String {
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let sentence =
        text.starts_with("Story ") && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == ' ');
    if (is_plain(text) && !words.contains(&text.to_ascii_lowercase().as_str())) || sentence {
        text.to_owned()
    } else {
        Value::String(text.to_owned()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_scenario_reads_as_if_a_person_had_written_it() {
        let scenario = json!({
            "scenario": "Story 3 of seed 7",
            "gateway": { "auth": { "mode": "none" }, "trusted-proxies": ["127.0.0.1"] },
            "store": { "paired": { "laptop": { "scopes": [], "tokens": {}, "set": { "x": "no" } } } },
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
            laptop: { scopes: [], tokens: {}, set: { x: "no" } }
        steps:
          - connect: { device: laptop, role: operator }
            as: line-0
          - call: { on: line-0, method: health, params: { id: "<device laptop>" } }
        "#);
    }
}
