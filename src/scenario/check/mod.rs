//! Checks that types cannot express: names that must be known, paths that must stay inside a folder, and settings that
//! belong to the harness.

mod flow;
#[cfg(test)]
mod invalid;
#[cfg(test)]
mod mutants;
mod names;
mod store;
pub(super) mod trust;

use super::model::case::Case;
use super::model::document::Scenario;
use super::model::step::StepKind;
use super::model::store::Store;
use super::syntax::nodes::{Node, NodeKind};
use super::syntax::problems::SpannedError;
use crate::suggestions::nearest;
use flow::Flow;
use names::{KnownNames, known};
use std::path::Path;
pub(super) use store::stays_below;
use store::store;

/// Checks that a file is a scenario.
pub(super) fn is_scenario(root: &Node, path: &Path) -> Result<(), SpannedError> {
    match &root.kind {
        NodeKind::Map(_) if is_gateway_description(root) => {
            let help = format!("to use it, pass `--gateway {}`", path.display());
            Err(SpannedError::at(root.head(), "this is a gateway description, not a scenario", "expected a scenario")
                .help(help))
        }
        NodeKind::Map(_) if ["scenario", "steps", "store", "gateway"].iter().all(|key| root.get(key).is_none()) => {
            let help = "a scenario starts with `scenario: TITLE` and has `steps`; if the file is something else, move it out of \
                        the folder, or pass the scenario files by name";
            Err(SpannedError::at(root.head(), "this YAML file is not a scenario", "expected `scenario`").help(help))
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

/// The first error of a case whose store or settings were replaced.
pub(crate) fn first_problem(case: &Case) -> Option<String> {
    let errors = scenario(&case.scenario).err()?;
    errors.into_iter().find(|error| !error.is_warning).map(|error| error.message)
}

/// Maximum number of steps in a scenario, including the steps in `parallel`.
const MAX_STEPS: usize = 1000;
/// Maximum number of named records in the stores of a scenario. `from` and `files` can add more records.
const MAX_RECORDS: usize = 2000;

/// The check compares names with names, and the output reports every step for each name, so unreasonably large
/// scenarios are refused.
fn size(scenario: &Scenario) -> Result<(), Vec<SpannedError>> {
    let steps = scenario.all_steps().count();
    let records: usize = scenario.stores().map(Store::records).sum();
    let limits = [("steps", steps, MAX_STEPS), ("records in its stores", records, MAX_RECORDS)];
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
        if let Some(near) = near.filter(|near| !is_mentioned(near, scenario, known)) {
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
fn is_mentioned(device: &str, scenario: &Scenario, known: &KnownNames<'_>) -> bool {
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
