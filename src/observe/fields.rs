//! The fields of a JSON object on one line of an observation.

use serde_json::{Map, Value};

/// The remaining fields of a record. The caller writes fields with a special form, and the others follow as
/// `name=value`.
pub(super) struct FieldWriter<'a> {
    parts: Vec<String>,
    rest: Vec<(&'a str, &'a Value)>,
}

impl<'a> FieldWriter<'a> {
    pub(super) fn new(name: &str, object: &'a Map<String, Value>) -> Self {
        let mut rest = object.iter().map(|(name, value)| (name.as_str(), value)).collect::<Vec<_>>();
        rest.sort_by_key(|(name, _)| *name);
        Self { parts: vec![name.to_owned()], rest }
    }

    /// Removes a field, so that the caller can write it in another form.
    pub(super) fn take(&mut self, field: &str) -> Option<&'a Value> {
        let at = self.rest.iter().position(|(name, _)| *name == field)?;
        Some(self.rest.remove(at).1)
    }

    fn get(&self, field: &str) -> Option<&'a Value> {
        self.rest.iter().find(|(name, _)| *name == field).map(|(_, value)| *value)
    }

    /// Writes a field if `write` returns a text. Otherwise the field stays for the end. An absent `required` field is
    /// written as `no WORD`.
    fn put(&mut self, field: &str, word: &str, required: bool, write: impl Fn(&'a Value) -> Option<String>) {
        match self.get(field).map(write) {
            Some(Some(words)) => {
                self.take(field);
                if !words.is_empty() {
                    self.parts.push(words);
                }
            }
            None if required => self.parts.push(format!("no {word}")),
            Some(None) | None => {}
        }
    }

    /// Omits a field with its standard value. A field with another value stays for the end.
    pub(super) fn hide(&mut self, field: &str, expected: &str) {
        self.put(field, field, true, |value| (value.as_str() == Some(expected)).then(String::new));
    }

    /// Hides a field that has the expected value or is absent.
    pub(super) fn hide_optional(&mut self, field: &str, expected: &str) {
        self.put(field, field, false, |value| (value.as_str() == Some(expected)).then(String::new));
    }

    /// Writes a value without the name of its field.
    pub(super) fn bare(&mut self, field: &str) {
        self.put(field, field, true, bare);
    }

    /// Removes a field if its value can be written without quotes.
    pub(super) fn take_bare(&mut self, field: &str) -> Option<String> {
        let text = bare(self.get(field)?)?;
        self.take(field);
        Some(text)
    }

    pub(super) fn quoted(&mut self, field: &str) {
        self.put(field, field, true, |value| value.as_str().map(quoted));
    }

    pub(super) fn word(&mut self, field: &str, word: &str) {
        self.put(field, word, true, |value| bare(value).map(|value| format!("{word} {value}")));
    }

    pub(super) fn optional(&mut self, field: &str, word: &str) {
        self.put(field, word, false, |value| value.is_string().then(|| format!("{word} {}", inline(value))));
    }

    pub(super) fn list(&mut self, field: &str, word: &str) {
        self.put(field, word, true, |value| match value.as_array()?.as_slice() {
            [] => Some(format!("{word} none")),
            items => Some(format!("{word} {}", items.iter().map(bare).collect::<Option<Vec<_>>>()?.join(","))),
        });
    }

    pub(super) fn flag(&mut self, field: &str, table: &[(&str, &str)]) {
        self.put(field, field, true, |value| look_up(value, table));
    }

    pub(super) fn optional_flag(&mut self, field: &str, table: &[(&str, &str)]) {
        self.put(field, field, false, |value| look_up(value, table));
    }

    /// Writes two fields as one: `cli/cli`.
    pub(super) fn pair(&mut self, first: &str, second: &str) {
        match (self.get(first).and_then(bare), self.get(second).and_then(bare)) {
            (Some(a), Some(b)) => {
                self.take(first);
                self.take(second);
                self.parts.push(format!("{a}/{b}"));
            }
            _ => {
                self.word(first, first);
                self.word(second, second);
            }
        }
    }

    pub(super) fn finish(mut self) -> String {
        let rest = std::mem::take(&mut self.rest);
        self.parts.extend(rest.into_iter().map(|(name, value)| format!("{name}={}", inline(value))));
        self.parts.join("  ")
    }
}

fn look_up(value: &Value, table: &[(&str, &str)]) -> Option<String> {
    let text = match value {
        Value::String(text) if text.starts_with('<') => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        _ => return None,
    };
    table.iter().find(|(known, _)| *known == text).map(|(_, word)| (*word).to_owned())
}

/// Whether a string can be written without quotes and is not ambiguous.
fn bare(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let plain =
        |c: char| c.is_ascii_alphanumeric() || "._:/@+<>-".contains(c) || ('\u{E000}'..='\u{E002}').contains(&c);
    let symbol = text.starts_with('<') && text.ends_with('>');
    let ok = !text.is_empty() && (symbol || text.chars().all(plain)) && !["none", "no"].contains(&text);
    (ok && serde_json::from_str::<Value>(text).is_err()).then(|| text.to_owned())
}

pub(super) fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

/// Writes a value on one line: simple strings without quotes, lists in brackets, objects in braces with sorted
/// members.
pub(super) fn inline(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Object(object) => {
            let mut members = object.iter().collect::<Vec<_>>();
            members.sort_by_key(|(name, _)| name.as_str());
            let members = members.into_iter().map(|(name, value)| format!("{name}: {}", inline(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        other => bare(other).unwrap_or_else(|| other.to_string()),
    }
}
