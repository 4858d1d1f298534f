//! Symbols in raw texts. `<device laptop>` stands for an id that is known only during the run.

use serde_json::Value;
use std::fmt;
use std::ops::Range;

/// The meaning of a symbol. The names are those of the scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Symbol {
    /// `<device NAME>`: the id of a device.
    Device(String),
    /// `<public-key NAME>`: the public key of a device, raw in unpadded base64url.
    PublicKey(String),
    /// `<request NAME>`: the id of the newest pending request of a device that the case knows.
    Request(String),
    /// `<pending LABEL>`: the id of a pending request in the scenario's store.
    Pending(String),
    /// `<token DEVICE ROLE>`: the newest token that the device received for the role, or the stored token.
    Token(String, String),
    /// `<seeded-token DEVICE ROLE>`: the token in the scenario's store.
    SeededToken(String, String),
    /// `<bootstrap NAME>`: a bootstrap token in the scenario's store.
    Bootstrap(String),
    /// `<secret NAME>`: a shared secret.
    Secret(String),
    /// `<generation MODE NAME>`: the digest of a shared secret, which binds a device token to the secret. MODE is the auth
    /// mode, `token` or `password`.
    Generation(String, String),
    /// `<answer STEP PATH>`: a part of the answer to a step, or of the event that the step awaited, such as `<answer
    /// ask payload.id>`.
    Answer(String, String),
    /// `<now>`, `<now -10m>`: milliseconds since 1970. A number if the symbol is the whole text.
    Now(i64),
}

/// A text in angle brackets that is not a symbol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a symbol; {expected}")]
pub(crate) struct SymbolError {
    /// The text, with its brackets.
    pub text: String,
    /// The symbols that are valid there.
    pub expected: String,
    /// The range of the text, in bytes.
    pub range: Range<usize>,
}

const FORMS: [(&str, &str); 11] = [
    ("device", "<device NAME>"),
    ("public-key", "<public-key NAME>"),
    ("request", "<request DEVICE>"),
    ("pending", "<pending LABEL>"),
    ("token", "<token DEVICE ROLE>"),
    ("seeded-token", "<seeded-token DEVICE ROLE>"),
    ("bootstrap", "<bootstrap NAME>"),
    ("secret", "<secret NAME>"),
    ("generation", "<generation token NAME> or <generation password NAME>"),
    ("answer", "<answer STEP PATH>"),
    ("now", "<now> or <now -10m>"),
];

impl Symbol {
    fn parse(inside: &str) -> Result<Self, String> {
        let words: Vec<_> = inside.split(' ').collect();
        let one = |symbol: fn(String) -> Self| match words[1..] {
            [name] if !name.is_empty() => Some(symbol(name.to_owned())),
            _ => None,
        };
        let two = |symbol: fn(String, String) -> Self| match words[1..] {
            [first, second] if !first.is_empty() && !second.is_empty() => {
                Some(symbol(first.to_owned(), second.to_owned()))
            }
            _ => None,
        };
        let symbol = match words[0] {
            "device" => one(Self::Device),
            "public-key" => one(Self::PublicKey),
            "request" => one(Self::Request),
            "pending" => one(Self::Pending),
            "token" => two(Self::Token),
            "seeded-token" => two(Self::SeededToken),
            "bootstrap" => one(Self::Bootstrap),
            "secret" => one(Self::Secret),
            "generation" => two(Self::Generation)
                .filter(|symbol| matches!(symbol, Self::Generation(mode, _) if mode == "token" || mode == "password")),
            "answer" => two(Self::Answer),
            "now" => match words[1..] {
                [] => Some(Self::Now(0)),
                [offset] => {
                    super::text::Offset::try_from(offset.to_owned()).ok().map(|offset| Self::Now(offset.milliseconds))
                }
                _ => None,
            },
            _ => {
                let forms: Vec<_> = FORMS.iter().map(|(_, form)| *form).collect();
                return Err(format!("expected one of {}, or `<<` for a literal `<`", forms.join(", ")));
            }
        };
        symbol.ok_or_else(|| {
            let form = FORMS.iter().find(|(word, _)| *word == words[0]).map_or("", |(_, form)| *form);
            format!("expected {form}")
        })
    }
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TextPart {
    /// Literal characters.
    Text(String),
    /// A symbol, which stands for a value of the run.
    Symbol(Symbol),
}

/// Splits a text into its parts. `<<` is the character `<`.
///
/// # Errors
/// Returns an error if the text in angle brackets is not a symbol.
pub(crate) fn parts(text: &str) -> Result<Vec<TextPart>, SymbolError> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut at = 0;
    while let Some(open) = text[at..].find('<').map(|open| at + open) {
        plain.push_str(&text[at..open]);
        let rest = &text[open + 1..];
        let end = rest.find('>').filter(|_| rest.starts_with(|first: char| first.is_ascii_lowercase()));
        at = match end {
            Some(end) => {
                let range = open..open + end + 2;
                let symbol = Symbol::parse(&rest[..end]).map_err(|expected| SymbolError {
                    text: text[range.clone()].to_owned(),
                    expected,
                    range: range.clone(),
                })?;
                if !plain.is_empty() {
                    parts.push(TextPart::Text(std::mem::take(&mut plain)));
                }
                parts.push(TextPart::Symbol(symbol));
                range.end
            }
            None => {
                plain.push('<');
                open + 1 + usize::from(rest.starts_with('<'))
            }
        };
    }
    plain.push_str(&text[at..]);
    if !plain.is_empty() {
        parts.push(TextPart::Text(plain));
    }
    Ok(parts)
}

/// The reason why a value could not be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FillError<E: fmt::Display> {
    /// The text in angle brackets is not a symbol.
    #[error(transparent)]
    NoSymbol(#[from] SymbolError),
    /// The symbol has no value yet.
    #[error("{0}")]
    Unknown(E),
}

/// Replaces every symbol in a text with the result of `value`.
///
/// # Errors
/// Returns an error if a text in angle brackets is not a symbol or has no value.
pub(crate) fn fill_text<E: fmt::Display>(
    text: &str,
    value: &mut dyn FnMut(&Symbol) -> Result<Value, E>,
) -> Result<String, FillError<E>> {
    let mut filled = String::with_capacity(text.len());
    for part in parts(text)? {
        match part {
            TextPart::Text(text) => filled.push_str(&text),
            TextPart::Symbol(symbol) => match value(&symbol).map_err(FillError::Unknown)? {
                Value::String(text) => filled.push_str(&text),
                other => filled.push_str(&other.to_string()),
            },
        }
    }
    Ok(filled)
}

/// Replaces every symbol in the texts and keys of a value. If a symbol is the whole text, its value replaces the text,
/// whatever the type of the value.
///
/// # Errors
/// Returns an error if a text in angle brackets is not a symbol or has no value.
pub(crate) fn fill<E: fmt::Display>(
    template: &Value,
    value: &mut dyn FnMut(&Symbol) -> Result<Value, E>,
) -> Result<Value, FillError<E>> {
    Ok(match template {
        Value::String(text) => match parts(text)?.as_slice() {
            [TextPart::Symbol(symbol)] => value(symbol).map_err(FillError::Unknown)?,
            _ => Value::String(fill_text(text, value)?),
        },
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| fill(item, value)).collect::<Result<_, FillError<E>>>()?)
        }
        Value::Object(entries) => Value::Object(
            entries
                .iter()
                .map(|(key, entry)| Ok((fill_text(key, value)?, fill(entry, value)?)))
                .collect::<Result<_, FillError<E>>>()?,
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) => template.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::{Symbol, fill, parts};
    use rstest::rstest;
    use serde_json::{Value, json};

    /// Replaces every symbol with its debug form, and the time with a number.
    fn named(symbol: &Symbol) -> Result<Value, String> {
        match symbol {
            Symbol::Now(offset) => Ok(json!(1000 + offset)),
            Symbol::Pending(label) => Err(format!("no request {label}")),
            other => Ok(json!(format!("{other:?}"))),
        }
    }

    #[rstest]
    #[case(json!("<device laptop>"), json!("Device(\"laptop\")"))]
    #[case(json!("a <token laptop node> b"), json!("a Token(\"laptop\", \"node\") b"))]
    #[case(json!("<now -1s>"), json!(0))]
    #[case(json!("at <now>"), json!("at 1000"))]
    #[case(json!({ "<device a>": ["<answer ask payload.id>"] }), json!({ "Device(\"a\")": ["Answer(\"ask\", \"payload.id\")"] }))]
    #[case(json!("<<device laptop>"), json!("<device laptop>"))]
    #[case(json!("1 < 2 and 3 > 2"), json!("1 < 2 and 3 > 2"))]
    #[case(json!(5), json!(5))]
    fn symbols_are_filled_in(#[case] template: Value, #[case] filled: Value) {
        assert_eq!(fill(&template, &mut named).unwrap(), filled);
    }

    #[rstest]
    #[case("<devise laptop>")]
    #[case("<device>")]
    #[case("<device a b>")]
    #[case("<token laptop>")]
    #[case("<now 5m>")]
    #[case("<generation none shared>")]
    fn rejects_other_symbols(#[case] text: &str) {
        assert!(parts(text).is_err());
    }

    #[test]
    fn symbol_without_value() {
        assert_eq!(fill(&json!(["<pending gone>"]), &mut named).unwrap_err().to_string(), "no request gone");
    }
}
