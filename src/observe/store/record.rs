//! The normal form of one record of the store, and its text.

use crate::observe::fields::{self, FieldWriter};
use crate::observe::size_limit::SizeLimit;
use crate::observe::symbol::{SymbolNumbers, Symbols};
use crate::observe::time::{self, Relation, StepTimes};
use openclaw_protocol::store::Document;
use serde::Serialize;
use serde_json::{Map, Value};
use std::cmp::Ordering;
use untrusted_data::cut;
use untrusted_data::limits::{SHOWN_RECORDS, SHOWN_STRING};

/// One normalized record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NormalizedRecord {
    /// The name of the device, or the symbol of the record's key.
    pub name: String,
    /// The complete record, with symbols for accidental values and relations for times.
    pub record: Value,
    /// The lines of text.
    #[serde(skip)]
    pub(in crate::observe) lines: Vec<String>,
}

/// Normalizes the records of a document up to the size limit, sorts them by their text, and numbers their symbols.
pub(super) fn normalise(
    document: Document,
    records: &Map<String, Value>,
    symbols: &Symbols,
    moments: StepTimes<'_>,
    room: &SizeLimit,
    numbers: &mut SymbolNumbers,
) -> Vec<NormalizedRecord> {
    let mut seen = records
        .iter()
        .take(SHOWN_RECORDS)
        .take_while(|_| !room.is_used_up())
        .map(|(key, record)| {
            let name = symbols.mark_text(&cut::text(key, SHOWN_STRING));
            let mut record = symbols.mark(&room.fit(record), "");
            relate_times(&mut record, moments);
            let lines = lines(document, &name, &record);
            NormalizedRecord { name, record, lines }
        })
        .collect::<Vec<_>>();
    seen.sort_by_cached_key(|seen| numbers.resolve(&seen.lines.join("\n")));
    for record in &mut seen {
        record.lines.iter().for_each(|line| numbers.assign(line));
        record.lines.iter_mut().for_each(|line| *line = numbers.resolve(line));
        record.name = numbers.resolve(&record.name);
        numbers.assign_value(&record.record);
        numbers.resolve_value(&mut record.record);
    }
    seen
}

/// Replaces the times of a record and of its tokens by their relations.
fn relate_times(record: &mut Value, moments: StepTimes<'_>) {
    let Some(record) = record.as_object_mut() else { return };
    let created = record.get("createdAtMs").cloned();
    if let Some(tokens) = record.get_mut("tokens").and_then(Value::as_object_mut) {
        for token in tokens.values_mut().filter_map(Value::as_object_mut) {
            let minted = token.get("createdAtMs").cloned();
            for (name, value) in token.iter_mut() {
                let anchor = if name == "createdAtMs" { created.as_ref() } else { minted.as_ref() };
                replace_time(name, value, anchor, moments);
            }
        }
    }
    for (name, value) in record.iter_mut().filter(|(name, _)| *name != "tokens") {
        let anchor = created.as_ref().filter(|_| name != "createdAtMs");
        replace_time(name, value, anchor, moments);
    }
}

/// The fields whose equality with the creation time is kept, because one reading of the clock gives both. All other
/// events happen at the creation or later, and whether they fall into the same millisecond is accidental.
fn is_exact(name: &str) -> bool {
    matches!(name, "createdAtMs" | "approvedAtMs")
}

fn replace_time(name: &str, value: &mut Value, anchor: Option<&Value>, moments: StepTimes<'_>) {
    let Some(Relation { order, before }) = time::relate(Some(value), anchor, moments) else {
        time::replace(value, moments.started_at);
        return;
    };
    let relation = match order {
        None => "time",
        Some(Ordering::Less) => "earlier",
        Some(Ordering::Equal) if is_exact(name) => "created",
        Some(_) => "later",
    };
    *value = Value::String(if before { format!("<{relation} before>") } else { format!("<{relation}>") });
}

/// The text of a record.
fn lines(document: Document, name: &str, record: &Value) -> Vec<String> {
    let Some(object) = record.as_object() else { return vec![format!("{name}  {}", fields::inline(record))] };
    match document {
        Document::DevicesPaired => paired(name, object),
        Document::DevicesPending => vec![pending(name, object)],
        Document::DevicesBootstrap | Document::NodesPaired | Document::NodesPending => other(name, object),
    }
}

fn paired(name: &str, object: &Map<String, Value>) -> Vec<String> {
    let mut words = FieldWriter::new(name, object);
    words.hide("deviceId", name);
    words.hide("publicKey", &key_of(name));
    words.flag("createdAtMs", &[("<time>", "new"), ("<time before>", "")]);
    identity(&mut words);
    words.word("role", "role");
    words.list("roles", "roles");
    words.list("scopes", "scopes");
    words.list("approvedScopes", "approved");
    words.flag("approvedAtMs", &[("<created>", ""), ("<created before>", ""), ("<later>", "approved again")]);
    let tokens = words.take("tokens");
    let mut lines = vec![words.finish()];
    match tokens {
        None => lines.push("  tokens absent".to_owned()),
        Some(Value::Object(tokens)) if tokens.is_empty() => lines.push("  tokens {}".to_owned()),
        Some(Value::Object(tokens)) => {
            let mut tokens = tokens.iter().collect::<Vec<_>>();
            tokens.sort_by_key(|(role, _)| role.as_str());
            lines.extend(tokens.into_iter().map(|(role, token)| format!("  {}", self::token(role, token))));
        }
        Some(odd) => lines.push(format!("  tokens={}", fields::inline(odd))),
    }
    lines
}

fn token(role: &str, token: &Value) -> String {
    let Some(object) = token.as_object() else { return format!("{role}={}", fields::inline(token)) };
    let mut words = FieldWriter::new(role, object);
    words.bare("token");
    words.hide("role", role);
    words.list("scopes", "scopes");
    words.flag(
        "createdAtMs",
        &[
            ("<created>", ""),
            ("<created before>", ""),
            ("<later>", "minted later"),
            ("<later before>", "minted before"),
        ],
    );
    for (field, word) in [("rotatedAtMs", "rotated"), ("lastUsedAtMs", "used"), ("revokedAtMs", "revoked")] {
        let before = format!("{word} before");
        words.optional_flag(field, &[("<later>", word), ("<later before>", &before)]);
    }
    words.finish()
}

fn pending(name: &str, object: &Map<String, Value>) -> String {
    let mut words = FieldWriter::new(name, object);
    words.hide("requestId", name);
    let device = object.get("deviceId").and_then(Value::as_str).map(str::to_owned);
    words.bare("deviceId");
    words.hide("publicKey", &device.as_deref().map(key_of).unwrap_or_default());
    identity(&mut words);
    words.word("role", "role");
    words.list("roles", "roles");
    words.list("scopes", "scopes");
    words.flag("silent", &[("true", "silent"), ("false", "not silent")]);
    words.flag("isRepair", &[("true", "repair"), ("false", "first")]);
    words.flag("ts", &[("<time>", ""), ("<time before>", "from before")]);
    words.finish()
}

/// The client id and mode that the client reports: `cli/cli linux`.
fn identity(words: &mut FieldWriter<'_>) {
    words.pair("clientId", "clientMode");
    words.bare("platform");
    words.optional("deviceFamily", "family");
    words.optional("displayName", "name");
    words.optional("remoteIp", "from");
}

/// Records of the other documents list every field by name.
fn other(name: &str, object: &Map<String, Value>) -> Vec<String> {
    let mut words = FieldWriter::new(name, object);
    words.hide_optional("token", name);
    words.hide_optional("requestId", name);
    words.hide_optional("nodeId", name);
    vec![words.finish()]
}

/// The symbol of the public key that belongs to a named device.
pub(super) fn key_of(device: &str) -> String {
    format!("<key of {device}>")
}
