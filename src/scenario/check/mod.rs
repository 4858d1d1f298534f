//! Checks that types cannot express: names that must be known, paths that must stay inside a folder, and settings that
//! belong to the harness.

mod flow;
#[cfg(test)]
mod invalid;
pub(crate) mod lint;
#[cfg(test)]
mod mutants;
pub(super) mod needs;
pub(super) mod trust;
mod words_of_releases;

use super::corpus::files::stays_below;
use super::model::document::Scenario;
use super::model::step::{Step, StepKind};
use super::model::store::{FileContent, Store, Tokens};
use super::model::symbol::{self, Symbol};
use super::syntax::nodes::{Node, NodeKind};
use super::syntax::problems::{MOST_OF_A_FILE, SpannedError};
use super::syntax::spans::{Name, Span};
use crate::suggestions::{choices, nearest};
use flow::Flow;
use openclaw_protocol::store::DATABASE;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::path::Path;

/// Checks that a file is a scenario.
pub(super) fn is_scenario(root: &Node, path: &Path) -> Result<(), SpannedError> {
    match &root.kind {
        NodeKind::Map(_) if is_gateway_description(root) => {
            let help = format!("to use it, pass `--gateway {}`", path.display());
            Err(SpannedError::at(root.head(), "this is a gateway description, not a scenario", "expected a scenario")
                .help(help))
        }
        NodeKind::Map(_) => Ok(()),
        NodeKind::Null => {
            let help = Some("a scenario starts with `scenario: TITLE` and has `steps`".to_owned());
            Err(SpannedError {
                span: None,
                message: "the file is empty".to_owned(),
                label: String::new(),
                help,
                is_warning: false,
            })
        }
        _ => Err(SpannedError::at(root.head(), format!("{} is not a scenario", root.what()), "expected a map")
            .help("a scenario starts with `scenario: TITLE` and has `steps`")),
    }
}

/// In a gateway description, `gateway` is a name. In a scenario, it is a map of settings.
fn is_gateway_description(root: &Node) -> bool {
    let named = root.get("gateway").is_some_and(|gateway| matches!(gateway.kind, NodeKind::Text(_)));
    named && ["scenario", "steps"].iter().all(|key| root.get(key).is_none())
}

/// Checks a scenario at one point of its matrix.
pub(super) fn scenario(scenario: &Scenario) -> Result<(), Vec<SpannedError>> {
    let mut errors = Vec::new();
    let title = &scenario.scenario;
    if title.trim().is_empty() {
        errors.push(SpannedError::at(title.span, "the title is empty", "expected a few words"));
    }
    size(scenario)?;
    environment(scenario, &mut errors);
    let known = known(scenario);
    store(&scenario.store, &known, &mut errors);
    if let Some(other) = &scenario.other_store {
        store(other, &known, &mut errors);
    }
    misspelt_devices(scenario, &known, &mut errors);
    Flow::new(scenario, &known, &mut errors).check();
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// Maximum number of steps in a scenario, including the steps in `parallel`.
const MOST_STEPS: usize = 1000;
/// Maximum number of named records in the stores of a scenario. `from` and `files` can add more records.
const MOST_RECORDS: usize = 2000;

/// The check compares names with names, and the output reports every step for each name, so unreasonably large
/// scenarios are refused.
fn size(scenario: &Scenario) -> Result<(), Vec<SpannedError>> {
    let steps = scenario.all_steps().count();
    let records: usize = scenario.stores().map(Store::records).sum();
    let limits = [("steps", steps, MOST_STEPS), ("records in its stores", records, MOST_RECORDS)];
    match limits.into_iter().find(|(_, count, most)| count > most) {
        None => Ok(()),
        Some((what, count, most)) => {
            let message = format!("the scenario has {count} {what}; the limit is {most}");
            Err(vec![SpannedError::at(scenario.scenario.span, message, "split the scenario")])
        }
    }
}

/// Finds a device that connects but is not in a store. It can be new. If its name resembles that of a stored device
/// that no step uses, the name is probably a misspelling.
fn misspelt_devices(scenario: &Scenario, known: &KnownNames<'_>, errors: &mut Vec<SpannedError>) {
    let (mut stored, mut acting) = (KnownNames::default(), KnownNames::default());
    for store in [Some(&scenario.store), scenario.other_store.as_ref()].into_iter().flatten() {
        stored.add_store(store);
    }
    let mut connecting = Vec::new();
    for step in scenario.all_steps() {
        acting.add_step(step);
        if let StepKind::Connect(connect) = &step.kind {
            connecting.extend(connect.device.name());
        }
    }
    for device in connecting.into_iter().filter(|device| !stored.devices.contains(device.as_str())) {
        let unused = stored.devices.difference(&acting.devices).copied();
        let near = nearest(device, unused.filter(|other| looks_misspelt(device, other)));
        if let Some(near) = near.filter(|near| !is_spoken_of(near, scenario, known)) {
            let message = format!("the store has no device `{device}`, and no step uses its device `{near}`");
            let error = SpannedError::at(device.span, message, "unknown device");
            errors
                .push(error.help(format!("did you mean `{near}`? Otherwise, give the new device a less similar name")));
        }
    }
}

/// Names as short as `a` and `b`, and names such as `node`, `node-1` and `node-2`, resemble each other on purpose.
fn looks_misspelt(name: &str, other: &str) -> bool {
    let stem = |name: &str| name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-').to_owned();
    name.chars().count() >= 4 && stem(name) != stem(other)
}

/// Whether a step needs this device to be known.
fn is_spoken_of(device: &str, scenario: &Scenario, known: &KnownNames<'_>) -> bool {
    let mut without = known.clone();
    without.devices.remove(device);
    let errors = |known: &KnownNames<'_>| {
        let mut errors = Vec::new();
        Flow::new(scenario, known, &mut errors).check();
        errors.len()
    };
    errors(&without) > errors(known)
}

/// Variables that determine where a gateway reads and writes. Only the harness sets them, so that a case never uses the
/// user's files.
const OWN_VARIABLES: [&str; 6] =
    ["HOME", "USERPROFILE", "OPENCLAW_HOME", "OPENCLAW_STATE_DIR", "OPENCLAW_CONFIG_PATH", "OPENCLAW_GATEWAY_PORT"];

fn environment(scenario: &Scenario, errors: &mut Vec<SpannedError>) {
    for name in scenario.gateway.env.keys() {
        if OWN_VARIABLES.contains(&name.as_str()) {
            let message = format!("a scenario cannot set `{}`", name.value);
            let error = SpannedError::at(name.span, message, "reserved variable");
            errors.push(error.help("clawcheck sets it so that each case has its own directories"));
        }
    }
}

/// All names that a symbol can refer to.
#[derive(Clone, Default)]
pub(super) struct KnownNames<'a> {
    /// Devices that connect, sign or are in a store.
    pub devices: BTreeSet<&'a str>,
    /// Labels of pending requests in a store.
    pending: BTreeSet<&'a str>,
    /// Bootstrap tokens in a store.
    bootstrap: BTreeSet<&'a str>,
    /// Shared secrets of the gateway.
    secrets: BTreeSet<&'a str>,
    /// Steps.
    pub steps: BTreeSet<&'a str>,
}

fn known(scenario: &Scenario) -> KnownNames<'_> {
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

    fn add_store(&mut self, store: &'a Store) {
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
    fn add_raw(&mut self, records: &'a Map<String, Value>) {
        let device = |text: &'a str| text.strip_prefix("<device ")?.strip_suffix('>');
        for (key, record) in records {
            self.devices.extend(device(key));
            let ids = ["deviceId", "nodeId"].into_iter().filter_map(|field| record.get(field)?.as_str());
            self.devices.extend(ids.filter_map(device));
        }
    }

    fn add_step(&mut self, step: &'a Step) {
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
    fn stranger<'s>(&self, symbol: &'s Symbol) -> Option<(&'static str, &'s str, &BTreeSet<&'a str>)> {
        let (kind, name, known) = match symbol {
            Symbol::Device(name)
            | Symbol::PublicKey(name)
            | Symbol::Request(name)
            | Symbol::Token(name, _)
            | Symbol::SeededToken(name, _) => ("device", name, &self.devices),
            Symbol::Pending(name) => ("pending request", name, &self.pending),
            Symbol::Bootstrap(name) => ("bootstrap token", name, &self.bootstrap),
            Symbol::Secret(name) => ("secret", name, &self.secrets),
            Symbol::Answer(name, _) => ("earlier step", name, &self.steps),
            Symbol::Now(_) => return None,
        };
        (!known.contains(name.as_str())).then_some((kind, name.as_str(), known))
    }
}

/// Checks the contents of a state directory.
pub(super) fn store(store: &Store, known: &KnownNames<'_>, errors: &mut Vec<SpannedError>) {
    if let Some(from) = &store.from
        && !stays_below(&from.value)
    {
        let message = format!("`{}` is not a folder next to the scenario", from.value);
        errors.push(SpannedError::at(from.span, message, "expected a relative path without `..`"));
    }
    if let (Some(name), None) = (&store.identity, &store.from) {
        let error = SpannedError::at(name.span, "`identity` needs a folder", "`from` is missing");
        errors.push(error.help("name the folder with `from`"));
    }
    for (path, content) in &store.files {
        if !stays_below(path) {
            let message = format!("`{}` is outside the state directory", path.value);
            errors.push(SpannedError::at(path.span, message, "expected a relative path without `..`"));
        }
        match content {
            FileContent::Text(text) => symbols_in_text(text, known, path.span, errors),
            FileContent::Json(value) => symbols_in(value, known, path.span, errors),
            FileContent::Database(documents) => {
                if path.value != DATABASE {
                    let message = format!("`{}` cannot be a database", path.value);
                    errors.push(SpannedError::at(path.span, message, format!("expected {DATABASE}")));
                }
                documents.values().for_each(|records| symbols_in_map(records, known, path.span, errors));
            }
            _ => {}
        }
    }
    for (name, record) in &store.paired {
        symbols_in_map(&record.set, known, name.span, errors);
        if let Tokens::Map(tokens) = &record.tokens {
            for token in tokens.values().flatten() {
                symbols_in_map(&token.set, known, name.span, errors);
            }
        }
    }
    for (label, record) in store.pending.iter().chain(&store.copied_pending) {
        symbols_in_map(&record.set, known, label.span, errors);
    }
    for (name, record) in &store.bootstrap {
        symbols_in_map(&record.set, known, name.span, errors);
    }
    for (name, record) in store.nodes.paired.iter().chain(&store.nodes.pending) {
        symbols_in_map(record, known, name.span, errors);
    }
}

fn symbols_in_map(map: &Map<String, Value>, known: &KnownNames<'_>, place: Span, errors: &mut Vec<SpannedError>) {
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
    if errors.len() >= MOST_OF_A_FILE {
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
        if errors.len() >= MOST_OF_A_FILE {
            return;
        }
        if let Some((kind, name, names)) = known.stranger(&symbol) {
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
