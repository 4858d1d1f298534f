//! The names of a scenario, and the symbols that refer to them.

use crate::scenario::model::document::Scenario;
use crate::scenario::model::step::{Step, StepKind};
use crate::scenario::model::store::{FileContent, Store};
use crate::scenario::model::symbol::{self, Symbol};
use crate::scenario::syntax::problems::{MAX_FILE_ERRORS, SpannedError};
use crate::scenario::syntax::spans::{Name, Span};
use crate::suggestions::choices;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// All names that a symbol can refer to.
#[derive(Clone, Default)]
pub(super) struct KnownNames<'a> {
    /// Devices that connect, sign or are in a store.
    pub(super) devices: BTreeSet<&'a str>,
    /// Labels of pending requests in a store.
    pending: BTreeSet<&'a str>,
    /// Bootstrap tokens in a store.
    bootstrap: BTreeSet<&'a str>,
    /// Shared secrets of the gateway.
    secrets: BTreeSet<&'a str>,
    /// Steps.
    pub(super) steps: BTreeSet<&'a str>,
}

pub(super) fn known(scenario: &Scenario) -> KnownNames<'_> {
    let auth = &scenario.gateway.auth;
    let mut known = KnownNames::default();
    known.secrets.extend(auth.token_secret().into_iter().chain(auth.password_secret()));
    for store in [Some(&scenario.store), scenario.other_store.as_ref()].into_iter().flatten() {
        known.add_store(store);
    }
    scenario.all_steps().for_each(|step| known.add_step(step));
    known
}

impl<'a> KnownNames<'a> {
    /// The names before the first step. A step adds its answers.
    pub(super) fn before_the_first_step(&self) -> Self {
        Self { steps: BTreeSet::new(), ..self.clone() }
    }

    pub(super) fn add_store(&mut self, store: &'a Store) {
        let paired = store.paired.keys().chain(store.nodes.paired.keys());
        let pending = store.pending.iter().chain(&store.copied_pending);
        self.devices.extend(paired.chain(&store.identity).map(Name::as_str));
        self.devices.extend(pending.map(|(label, record)| record.device.as_ref().unwrap_or(label).as_str()));
        self.pending.extend(store.pending.keys().chain(store.copied_pending.keys()).map(Name::as_str));
        self.bootstrap.extend(store.bootstrap.keys().map(Name::as_str));
        for content in store.files.values() {
            match content {
                FileContent::Json(Value::Object(records)) => self.add_raw(records),
                FileContent::Database(documents) => documents.values().for_each(|records| self.add_raw(records)),
                _ => {}
            }
        }
    }

    /// The devices that raw records belong to.
    pub(super) fn add_raw(&mut self, records: &'a Map<String, Value>) {
        let device = |text: &'a str| text.strip_prefix("<device ")?.strip_suffix('>');
        for (key, record) in records {
            self.devices.extend(device(key));
            let ids = ["deviceId", "nodeId"].into_iter().filter_map(|field| record.get(field)?.as_str());
            self.devices.extend(ids.filter_map(device));
        }
    }

    pub(super) fn add_step(&mut self, step: &'a Step) {
        self.steps.extend(step.known_as().map(Name::as_str));
        match &step.kind {
            StepKind::Connect(connect) => {
                self.devices.extend(connect.device.name().map(Name::as_str));
                self.devices.extend(connect.proof.key.as_ref().map(Name::as_str));
            }
            StepKind::Edit(store) => self.add_store(store),
            _ => {}
        }
    }

    /// A symbol that refers to an unknown name: its kind, the name and the known names.
    pub(super) fn unknown_name<'s>(&self, symbol: &'s Symbol) -> Option<(&'static str, &'s str, &BTreeSet<&'a str>)> {
        let (kind, name, known) = match symbol {
            Symbol::Device(name)
            | Symbol::PublicKey(name)
            | Symbol::Request(name)
            | Symbol::Token(name, _)
            | Symbol::SeededToken(name, _) => ("device", name, &self.devices),
            Symbol::Pending(name) => ("pending request", name, &self.pending),
            Symbol::Bootstrap(name) => ("bootstrap token", name, &self.bootstrap),
            Symbol::Secret(name) | Symbol::Generation(_, name) => ("secret", name, &self.secrets),
            Symbol::Answer(name, _) => ("earlier step", name, &self.steps),
            Symbol::Now(_) => return None,
        };
        (!known.contains(name.as_str())).then_some((kind, name.as_str(), known))
    }
}

pub(super) fn symbols_in_map(
    map: &Map<String, Value>,
    known: &KnownNames<'_>,
    place: Span,
    errors: &mut Vec<SpannedError>,
) {
    for (key, value) in map {
        symbols_in_text(key, known, place, errors);
        symbols_in(value, known, place, errors);
    }
}

/// Checks every symbol in the texts and keys of a value.
pub(super) fn symbols_in(value: &Value, known: &KnownNames<'_>, place: Span, errors: &mut Vec<SpannedError>) {
    match value {
        Value::String(text) => symbols_in_text(text, known, place, errors),
        Value::Array(items) => items.iter().for_each(|item| symbols_in(item, known, place, errors)),
        Value::Object(map) => symbols_in_map(map, known, place, errors),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Checks every symbol in a text.
pub(super) fn symbols_in_text(text: &str, known: &KnownNames<'_>, place: Span, errors: &mut Vec<SpannedError>) {
    // A scenario with this many errors repeats one of them.
    if errors.len() >= MAX_FILE_ERRORS {
        return;
    }
    let parts = match symbol::parts(text) {
        Ok(parts) => parts,
        Err(error) => {
            errors.push(
                SpannedError::at(place, format!("`{}` is not a symbol", error.text), "in this string")
                    .help(error.expected),
            );
            return;
        }
    };
    for part in parts {
        let symbol::TextPart::Symbol(symbol) = part else { continue };
        if errors.len() >= MAX_FILE_ERRORS {
            return;
        }
        if let Some((kind, name, names)) = known.unknown_name(&symbol) {
            errors.push(unknown(kind, name, place, names));
        }
    }
}

/// An error for a name that the scenario does not define.
pub(super) fn unknown(kind: &str, name: &str, place: Span, known: &BTreeSet<&str>) -> SpannedError {
    let message = match kind {
        "device" => format!("the device `{name}` does not exist: it does not connect and is not in the store"),
        _ => format!("the scenario has no {kind} `{name}`"),
    };
    let error = SpannedError::at(place, message, format!("unknown {kind}"));
    let known: Vec<_> = known.iter().copied().collect();
    if known.is_empty() { error } else { error.help(choices(name, &known)) }
}
