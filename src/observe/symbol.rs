//! Symbols replace values that differ accidentally between runs.
//!
//! There are three passes. [`Symbols::learn`] reads everything once and records which values are tokens, request ids
//! and so on, by the fields that contain them. [`Symbols::mark`] then wraps every accidental value, also inside prose,
//! in a mark that still contains the value. Finally, [`SymbolNumbers`] turns marks into `<token-1>` and `<request-2>` in
//! reading order. Numbers come last because parallel steps and records are sorted in between, and a number from before
//! the sort would be accidental itself.

use super::evidence::KnownValue;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use untrusted_data::cut;
use untrusted_data::limits::{SEARCHED, SHOWN_STRING};

const OPEN: char = '\u{E000}';
const SPLIT: char = '\u{E001}';
const SHUT: char = '\u{E002}';
/// In place of a kind: the text in this mark is final.
const FINAL: &str = "=";
/// The length of a UUID. No shorter word has a [`shape`].
const MIN_SHAPE_LENGTH: usize = 36;
/// A shorter part of a truncated value is not unique.
const MIN_BEGINNING_LENGTH: usize = 12;

/// The kind of an accidental value. A value in fields of two kinds has the first kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum ValueKind {
    Device,
    Key,
    Request,
    Approval,
    Token,
    Nonce,
    Connection,
    Id,
}

impl ValueKind {
    const fn word(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Key => "key",
            Self::Request => "request",
            Self::Approval => "approval",
            Self::Token => "token",
            Self::Nonce => "nonce",
            Self::Connection => "connection",
            Self::Id => "id",
        }
    }

    /// The kind of value that a field with this name contains.
    fn of_field(name: &str) -> Option<Self> {
        Some(match name {
            "deviceId" | "nodeId" => Self::Device,
            "publicKey" => Self::Key,
            "requestId" => Self::Request,
            "approvalId" => Self::Approval,
            "token" | "deviceToken" | "bootstrapToken" | "recoveryScope" => Self::Token,
            "nonce" => Self::Nonce,
            "connId" | "connectionId" => Self::Connection,
            _ => return None,
        })
    }
}

/// The accidental values of one case.
#[derive(Debug)]
pub(super) struct Symbols {
    known: Vec<KnownValue>,
    kinds: BTreeMap<String, ValueKind>,
    /// Learned values without a shape, which are searched literally, the longest first. Every text is searched for each
    /// of them, so there are at most [`SEARCHED`]. Other values are recognized in their fields only.
    without_shape: Vec<String>,
    /// A shorter text contains nothing to mark. This covers most texts: names, roles and scopes.
    shortest: usize,
}

impl Symbols {
    pub(super) fn new(known: &[KnownValue]) -> Self {
        let mut known = known.iter().filter(|known| !known.value.is_empty()).cloned().collect::<Vec<_>>();
        // Longest first: a path must be replaced before the directory that it begins with.
        known.sort_by(|a, b| b.value.len().cmp(&a.value.len()).then_with(|| a.value.cmp(&b.value)));
        known.dedup_by(|a, b| a.value == b.value);
        let shortest = known.last().map_or(MIN_BEGINNING_LENGTH, |known| known.value.len().min(MIN_BEGINNING_LENGTH));
        Self { known, kinds: BTreeMap::new(), without_shape: Vec::new(), shortest }
    }

    /// Records the kinds of the values of a document by their fields.
    pub(super) fn learn(&mut self, value: &Value) {
        match value {
            Value::Object(object) => {
                for (name, member) in object {
                    match (ValueKind::of_field(name), member) {
                        (Some(kind), Value::String(text)) => self.note(text, kind),
                        _ => self.learn(member),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.learn(item)),
            _ => {}
        }
    }

    /// Records the id of an exec approval, whose field is just `id`.
    pub(super) fn learn_approval(&mut self, id: &str) {
        self.note(id, ValueKind::Approval);
    }

    fn note(&mut self, text: &str, kind: ValueKind) {
        // The id as the observation shows it.
        let text = &*cut::text(text, SHOWN_STRING);
        if text.trim().is_empty() || is_symbol(text) || self.is_known(text) {
            return;
        }
        match self.kinds.get_mut(text) {
            Some(known) => *known = kind.min(*known),
            None => {
                self.kinds.insert(text.to_owned(), kind);
                if text.len() >= 6 && self.without_shape.len() < SEARCHED && shape(text).is_none() {
                    let at = self.without_shape.partition_point(|longer| longer.len() >= text.len());
                    self.without_shape.insert(at, text.to_owned());
                    self.shortest = self.shortest.min(text.len());
                }
            }
        }
    }

    fn is_known(&self, text: &str) -> bool {
        self.known.iter().any(|known| known.value == text)
    }

    /// Wraps every accidental value of a document in a mark. `field` is the name of the field.
    pub(super) fn mark(&self, value: &Value, field: &str) -> Value {
        match value {
            Value::String(text) => Value::String(self.mark_field(text, field)),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.mark(item, field)).collect()),
            Value::Object(object) => Value::Object(self.mark_object(object)),
            other => other.clone(),
        }
    }

    pub(super) fn mark_object(&self, object: &Map<String, Value>) -> Map<String, Value> {
        object.iter().map(|(name, member)| (self.mark_text(name), self.mark(member, name))).collect()
    }

    fn mark_field(&self, text: &str, field: &str) -> String {
        if let Some(known) = self.known.iter().find(|known| known.value == text) {
            return known.symbol.clone();
        }
        match (ValueKind::of_field(field), self.kinds.get(text)) {
            (Some(_), Some(kind)) => wrap(*kind, text),
            _ => self.mark_text(text),
        }
    }

    /// Wraps the accidental values in a text.
    pub(super) fn mark_text(&self, text: &str) -> String {
        if text.len() < self.shortest && !text.contains(OPEN) {
            return text.to_owned();
        }
        let completed = self.completed(text);
        let text = completed.as_deref().unwrap_or(text);
        let mut marked = Cow::Borrowed(text);
        for known in self.known.iter().filter(|known| text.contains(&known.value)) {
            marked = Cow::Owned(replace_outside_marks(&marked, &known.value, |_| {
                format!("{OPEN}{FINAL}{SPLIT}{}{SHUT}", known.symbol)
            }));
        }
        for value in self.without_shape.iter().filter(|value| text.contains(*value)) {
            marked = Cow::Owned(replace_outside_marks(&marked, value, |value| wrap(self.kinds[value], value)));
        }
        if marked.len() >= MIN_SHAPE_LENGTH {
            marked = Cow::Owned(self.mark_shapes(&marked));
        }
        if marked.contains(OPEN) { without_marks_of_final_text(&marked) } else { marked.into_owned() }
    }

    /// Completes a value that is cut at the end of a text. Close reasons are truncated, sometimes in the middle of an
    /// id.
    fn completed(&self, text: &str) -> Option<String> {
        let start =
            text.rfind(|c: char| !is_word(c)).map_or(0, |at| at + text[at..].chars().next().map_or(0, char::len_utf8));
        let rest = &text[start..];
        if rest.len() < MIN_BEGINNING_LENGTH || shape(rest).is_some() {
            return None;
        }
        let longer = self.kinds.range::<str, _>((Bound::Excluded(rest), Bound::Unbounded));
        let mut whole = longer.map(|(value, _)| value).take_while(|value| value.starts_with(rest));
        let value = whole.next().filter(|_| whole.next().is_none())?;
        Some(format!("{}{value}…", &text[..start]))
    }

    fn mark_shapes(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(|c: char| c == OPEN || is_word(c)) {
            out.push_str(&rest[..start]);
            rest = &rest[start..];
            let end = if rest.starts_with(OPEN) {
                rest.find(SHUT).map_or(rest.len(), |end| end + SHUT.len_utf8())
            } else {
                rest.find(|c| !is_word(c)).unwrap_or(rest.len())
            };
            let (word, after) = rest.split_at(end);
            match shape(word) {
                Some(shape) => out.push_str(&wrap(self.kinds.get(word).copied().unwrap_or(shape), word)),
                None => out.push_str(word),
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }
}

/// Removes the marks that only protected final text.
fn without_marks_of_final_text(text: &str) -> String {
    let opening = format!("{OPEN}{FINAL}{SPLIT}");
    let mut parts = text.split(&opening);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (inside, after) = part.split_once(SHUT).unwrap_or((part, ""));
        out.push_str(inside);
        out.push_str(after);
    }
    out
}

/// Replaces a value unless it is part of a mark or of a longer word.
fn replace_outside_marks(text: &str, value: &str, with: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (at, _) in text.match_indices(value) {
        let (before, after) = (&text[..at], &text[at + value.len()..]);
        let inside = before.rfind(OPEN).is_some_and(|open| before.rfind(SHUT).is_none_or(|shut| shut < open));
        let alone =
            value.len() >= 4 || !(before.ends_with(char::is_alphanumeric) || after.starts_with(char::is_alphanumeric));
        if !inside && alone {
            out.push_str(&text[done..at]);
            out.push_str(&with(value));
            done = at + value.len();
        }
    }
    out.push_str(&text[done..]);
    out
}

/// Whether a text is already a symbol. Normalized text stays as it is.
fn is_symbol(text: &str) -> bool {
    text.starts_with('<') && text.ends_with('>')
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

/// The kind of a value with a recognizable shape: a UUID, a hex SHA-256, or 32 bytes in base64url.
fn shape(word: &str) -> Option<ValueKind> {
    let bytes = word.as_bytes();
    let hex = |range: &[u8]| range.iter().all(u8::is_ascii_hexdigit);
    match bytes.len() {
        36 if [8, 13, 18, 23].iter().all(|&at| bytes[at] == b'-')
            && hex(&bytes[..8])
            && hex(&bytes[9..13])
            && hex(&bytes[14..18])
            && hex(&bytes[19..23])
            && hex(&bytes[24..]) =>
        {
            Some(ValueKind::Id)
        }
        64 if hex(bytes) => Some(ValueKind::Device),
        43 if looks_random(bytes) => Some(ValueKind::Token),
        _ => None,
    }
}

/// Whether 43 characters of base64url are random and not words: they contain both cases and a digit. One random text in
/// 1,500 has no digit, but it has more capitals than any name that people write.
fn looks_random(bytes: &[u8]) -> bool {
    let count = |of: fn(&u8) -> bool| bytes.iter().filter(|&byte| of(byte)).count();
    let (upper, lower) = (count(u8::is_ascii_uppercase), count(u8::is_ascii_lowercase));
    upper.min(lower) >= 10 || upper.min(lower) > 0 && count(u8::is_ascii_digit) > 0
}

fn wrap(kind: ValueKind, value: &str) -> String {
    format!("{OPEN}{}{SPLIT}{value}{SHUT}", kind.word())
}

/// The numbers of symbols so far.
#[derive(Debug, Default)]
pub(super) struct SymbolNumbers {
    symbols: HashMap<String, String>,
    last: HashMap<String, usize>,
}

impl SymbolNumbers {
    /// Numbers every new mark, in the order of the text.
    pub(super) fn assign(&mut self, text: &str) {
        for (kind, value) in marks(text) {
            if !self.symbols.contains_key(value) {
                let last = self.last.entry(kind.to_owned()).or_default();
                *last += 1;
                self.symbols.insert(value.to_owned(), format!("<{kind}-{last}>"));
            }
        }
    }

    /// Numbers the marks in a document. See [`Self::assign`].
    pub(super) fn assign_value(&mut self, value: &Value) {
        if is_marked(value) {
            self.assign(&value.to_string());
        }
    }

    /// The text with symbols in place of marks. A value without a number is `<kind>`, so that texts can be sorted.
    pub(super) fn resolve(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, mark)) = rest.split_once(OPEN) {
            out.push_str(before);
            let (mark, after) = mark.split_once(SHUT).unwrap_or((mark, ""));
            let (kind, value) = mark.split_once(SPLIT).unwrap_or((mark, ""));
            match self.symbols.get(value) {
                Some(symbol) => out.push_str(symbol),
                None => out.push_str(&format!("<{kind}>")),
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }

    /// Replaces the marks of a whole document.
    pub(super) fn resolve_value(&self, value: &mut Value) {
        match value {
            Value::String(text) if text.contains(OPEN) => *text = self.resolve(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.resolve_value(item)),
            Value::Object(object) => {
                if object.keys().any(|key| key.contains(OPEN)) {
                    *object =
                        std::mem::take(object).into_iter().map(|(key, member)| (self.resolve(&key), member)).collect();
                }
                object.values_mut().for_each(|member| self.resolve_value(member));
            }
            _ => {}
        }
    }
}

/// Whether a document contains a mark.
fn is_marked(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(OPEN),
        Value::Array(items) => items.iter().any(is_marked),
        Value::Object(object) => object.iter().any(|(name, member)| name.contains(OPEN) || is_marked(member)),
        _ => false,
    }
}

fn marks(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split(OPEN).skip(1).filter_map(|mark| mark.split_once(SHUT)?.0.split_once(SPLIT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const UUID: &str = "0b0e7c3a-5a5e-4a6b-9f57-2f1d8a3c9e10";
    const TOKEN: &str = "q3Jv0nY8mXc2Zr5Tt7Wb1Kd4Lf6Hg9Ps_Ae-Ui0OyVx";

    fn symbolise(symbols: &mut Symbols, value: &Value) -> Value {
        symbols.learn(value);
        let mut marked = symbols.mark(value, "");
        let mut numbers = SymbolNumbers::default();
        numbers.assign(&marked.to_string());
        numbers.resolve_value(&mut marked);
        marked
    }

    #[test]
    fn field_determines_symbol_in_prose() {
        let value =
            json!({"message": format!("unknown requestId: {UUID}"), "details": {"requestId": UUID}, "token": TOKEN});
        assert_eq!(
            symbolise(&mut Symbols::new(&[]), &value),
            json!({"message": "unknown requestId: <request-1>", "details": {"requestId": "<request-1>"}, "token": "<token-1>"})
        );
    }

    #[rstest::rstest]
    #[case::drawn("q3Jv0nY8mXc2Zr5Tt7Wb1Kd4Lf6Hg9Ps_Ae-Ui0OyVx", true)]
    #[case::without_a_digit("MoQcmQybYgfQWIsybHsUUzxC_qUPWuadIdPCXSTAswc", true)]
    #[case::camel_case("assistantMessageAppearancePreferencesChange", false)]
    #[case::capitals("GATEWAY_CLOSED_BECAUSE_PAIRING_WAS_REQUIRED", false)]
    #[case::small_letters("gateway-closed-because-pairing-was-required", false)]
    fn distinguishes_random_values_from_words(#[case] word: &str, #[case] drawn: bool) {
        assert_eq!(word.len(), 43);
        assert_eq!(shape(word).is_some(), drawn);
    }

    #[test]
    fn recovery_scope_is_token() {
        let value = json!({"recoveryScope": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"});
        assert_eq!(symbolise(&mut Symbols::new(&[]), &value), json!({"recoveryScope": "<token-1>"}));
    }

    #[test]
    fn finds_unusual_id_in_prose() {
        let value = json!({"requestId": "req_41x", "message": "see req_41x"});
        assert_eq!(
            symbolise(&mut Symbols::new(&[]), &value),
            json!({"requestId": "<request-1>", "message": "see <request-1>"})
        );
    }

    #[test]
    fn known_value_as_whole_word_only() {
        let known = [("/tmp/x/state", "<state>"), ("/tmp/x", "<home>"), ("80", "<port>")]
            .map(|(value, symbol)| KnownValue { value: value.to_owned(), symbol: symbol.to_owned() });
        let value = json!(["/tmp/x/state/devices", "/tmp/x", "127.0.0.1:80", "1800"]);
        assert_eq!(
            symbolise(&mut Symbols::new(&known), &value),
            json!(["<state>/devices", "<home>", "127.0.0.1:<port>", "1800"])
        );
    }

    #[test]
    fn keeps_names_of_scenario() {
        let known = [KnownValue { value: UUID.to_owned(), symbol: UUID.to_owned() }];
        let value = json!({"requestId": UUID, "message": format!("unknown {UUID}")});
        assert_eq!(symbolise(&mut Symbols::new(&known), &value), value);
    }

    #[test]
    fn keeps_ordinary_sentence() {
        let value =
            json!({"message": "unauthorized: device token mismatch (rotate/reissue device token)", "token": ""});
        assert_eq!(symbolise(&mut Symbols::new(&[]), &value), value);
    }

    proptest! {
        #[test]
        fn equal_values_share_symbol(picks in prop::collection::vec(0usize..6, 1..30)) {
            let pool = (0..6).map(|n| format!("{n}{}", &UUID[1..])).collect::<Vec<_>>();
            let value = Value::Array(picks.iter().map(|&pick| json!({"requestId": pool[pick]})).collect());
            let seen = symbolise(&mut Symbols::new(&[]), &value);
            for (i, a) in picks.iter().enumerate() {
                for (j, b) in picks.iter().enumerate() {
                    prop_assert_eq!(a == b, seen[i] == seen[j]);
                }
            }
        }

        #[test]
        fn normalization_is_idempotent(text in "[a-zA-Z0-9_<>:. -]{0,60}") {
            let value = json!({"requestId": text, "message": format!("{text} {UUID}"), "deviceId": "a".repeat(64)});
            let once = symbolise(&mut Symbols::new(&[]), &value);
            prop_assert_eq!(symbolise(&mut Symbols::new(&[]), &once), once);
        }
    }
}
