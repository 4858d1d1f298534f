//! One line of a gateway's log. A gateway writes its log in two forms: to the console as text, which can have colors, and to a file
//! as JSON objects.

use super::log_lines::TAG;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A line as text, and what only the JSON form contains.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct LogLine<'a> {
    /// The text, without colors. It begins with `[ws] ` if the line is about a WebSocket connection.
    pub(crate) text: Cow<'a, str>,
    /// Fields that the JSON form adds, under the names that the text form uses.
    pub(crate) fields: BTreeMap<String, String>,
}

impl<'a> LogLine<'a> {
    /// Reads a line in either form.
    pub(crate) fn read(line: &'a str) -> Self {
        if line.trim_start().starts_with('{')
            && let Ok(object) = serde_json::from_str::<Map<String, Value>>(line)
        {
            return Self::of_object(&object);
        }
        let text = match line.contains('\u{1b}') {
            true => Cow::Owned(strip_ansi_escapes::strip_str(line)),
            false => Cow::Borrowed(line),
        };
        Self { text, fields: BTreeMap::new() }
    }

    /// The arguments of the log call have the names `0`, `1` and so on. The first one names the subsystem.
    fn of_object(object: &Map<String, Value>) -> Self {
        let mut line = Self::default();
        let arguments = (0..object.len()).map_while(|number| object.get(&number.to_string()));
        for argument in arguments {
            match argument {
                Value::String(text) if text.starts_with("{\"subsystem\":") => {
                    let tag = if text.contains("/ws\"") { TAG } else { "" };
                    line.text.to_mut().push_str(tag);
                }
                Value::String(text) => line.text.to_mut().push_str(text),
                Value::Object(details) => line.take(details),
                _ => {}
            }
        }
        line
    }

    fn take(&mut self, details: &Map<String, Value>) {
        let text = |name: &str| details.get(name).and_then(Value::as_str).map(str::to_owned);
        let is_pairing = text("cause").is_some_and(|cause| cause == "pairing-required");
        let upgrade = text("reason").filter(|_| is_pairing);
        let client =
            text("client").map(|client| client + &text("mode").map_or_else(String::new, |mode| format!(" {mode}")));
        let named =
            [("device", text("deviceId")), ("client", client), ("upgrade", upgrade), ("platform", text("platform"))];
        self.fields.extend(named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the real 2026.3.31 writes it, without most of `_meta`.
    const JSON: &str = r#"{"0":"{\"subsystem\":\"gateway/ws\"}","1":{"cause":"pairing-required","handshake":"failed","host":"127.0.0.1:1","deviceId":"abcd","reason":"role-upgrade"},"2":"closed before connect conn=c1 code=1008 reason=pairing required","_meta":{"runtime":"node"},"time":"2026-04-02T10:00:00Z"}"#;

    #[test]
    fn reads_json_form() {
        let line = LogLine::read(JSON);
        assert_eq!(line.text, "[ws] closed before connect conn=c1 code=1008 reason=pairing required");
        let fields: Vec<_> = line.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(fields, [("device", "abcd"), ("upgrade", "role-upgrade")]);
    }

    #[test]
    fn reads_text_form_without_colors() {
        let line = LogLine::read(
            "\u{1b}[35m[ws]\u{1b}[39m \u{1b}[33mclosed before connect code=1008 reason=pairing required\u{1b}[39m",
        );
        assert_eq!(line.text, "[ws] closed before connect code=1008 reason=pairing required");
        assert!(line.fields.is_empty());
    }

    #[test]
    fn keeps_other_lines() {
        for line in ["", "{", "{\"a\":1", "[ws] closed before connect {\"0\":1}"] {
            assert_eq!(LogLine::read(line).text, line);
        }
        assert_eq!(LogLine::read(r#"{"time":"now","0":7}"#), LogLine::default());
    }
}
