//! The options with which cases play on a copy of a state directory.

use super::CommandError;
use super::command::explain::now;
use super::terminal::console;
use crate::capture::{Capture, Substitution};
use crate::explain::{self, Places, QuestionError, StateDirectory};
use crate::scenario::{Case, StepKind};
use crate::shell::quoted;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use untrusted_data::printable;

/// How many names a message lists.
const MOST_NAMES: usize = 10;

/// A device of a state directory and its name in the scenario.
#[derive(Debug, Clone)]
pub(super) struct NamedDevice {
    name: String,
    device: String,
}

impl FromStr for NamedDevice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, device) = text.split_once('=').ok_or("expected NAME=DEVICE, for example laptop=\"My laptop\"")?;
        match crate::scenario::is_name(name) {
            true => Ok(Self { name: name.to_owned(), device: device.to_owned() }),
            false => Err(format!("`{name}` is not a name; expected lower-case letters, digits and hyphens")),
        }
    }
}

/// The options that belong to `--state-dir`.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct CopiedState {
    /// Configuration that replaces the settings of the cases [default: openclaw.json in --state-dir]
    ///
    /// clawcheck uses only the settings that affect a connect, and replaces the secrets.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Name for a device of --state-dir in the cases (repeatable)
    ///
    /// DEVICE is a name, an id or the first letters of an id, as in `explain --device`. Without this option, the
    /// devices have the same names as in `capture`.
    #[arg(long, value_name = "NAME=DEVICE")]
    device: Vec<NamedDevice>,
}

impl CopiedState {
    /// The first of these options that was given.
    pub(super) fn given(&self) -> Option<&'static str> {
        match (&self.config, self.device.as_slice()) {
            (Some(_), _) => Some("--config"),
            (None, [_, ..]) => Some("--device"),
            (None, []) => None,
        }
    }

    /// The options for a command that repeats this one.
    pub(super) fn arguments(&self) -> String {
        let config = self.config.iter().map(|path| format!(" --config {}", quoted(&path.to_string_lossy())));
        let device = self
            .device
            .iter()
            .map(|NamedDevice { name, device }| format!(" --device {}", quoted(&format!("{name}={device}"))));
        config.chain(device).collect()
    }

    /// The cases on a copy of this state directory and configuration. `None` without these options.
    ///
    /// # Errors
    /// The directory, the configuration or a device cannot be used.
    pub(super) fn cases(&self, state_dir: Option<&Path>, cases: &[&Case]) -> Result<Option<Vec<Case>>, CommandError> {
        let state = match (state_dir, &self.config) {
            (Some(directory), config) => {
                let places = Places { state_dir: Some(directory.to_owned()), config: config.clone(), env: Vec::new() };
                StateDirectory::read(&places)
            }
            (None, Some(config)) => StateDirectory::of_config(config),
            (None, None) if self.device.is_empty() => return Ok(None),
            (None, None) => {
                let error = miette::miette!(help = "pass --state-dir DIR", "--device names a device of --state-dir");
                return Err(CommandError::usage(error));
            }
        };
        let state = state.map_err(CommandError::usage)?;
        let mut named = Vec::new();
        for NamedDevice { name, device } in &self.device {
            let id = explain::device_id(&state, device).map_err(|error| not_named(error, name))?;
            named.extend(id.map(|id| (id, name.clone())));
        }
        let capture = Capture::of(&state, None, &named, now())
            .map_err(|error| CommandError::usage(miette::Report::msg(error.to_string())))?;
        if capture.is_locked {
            let error = miette::miette!(
                help =
                    "pass a copy of the directory with files that you can read and write, or use `clawcheck capture`",
                "the gateway cannot use all files in {}",
                state.at_rest.directory().display()
            );
            return Err(CommandError::usage(error));
        }
        if state_dir.is_some() {
            self.check_names(&capture, cases)?;
        }
        let substitution = Substitution::of(&capture, state_dir.is_some(), state.config_path.is_some());
        let substitution = substitution.map_err(CommandError::usage)?;
        let _ = console::stderr().write_all(note(&capture, &state, state_dir).as_bytes());
        Ok(Some(cases.iter().map(|case| substitution.apply(case)).collect()))
    }
}

impl CopiedState {
    /// A case whose device is not in the copy connects as a new device, so its answer does not depend on the copy.
    fn check_names(&self, capture: &Capture, cases: &[&Case]) -> Result<(), CommandError> {
        let connected = cases.iter().flat_map(|case| devices(case)).collect::<BTreeSet<_>>();
        let known = || listed(connected.iter().copied());
        let unused = self.device.iter().find(|named| !connected.contains(named.name.as_str()));
        if let Some(NamedDevice { name, device }) = unused {
            let help = format!("the cases connect {}", known());
            let error = miette::miette!(help = help, "--device {name}={device}: no case connects a device `{name}`");
            return Err(CommandError::usage(error));
        }
        let is_used = capture.names.iter().any(|(name, _)| connected.contains(name.as_str()));
        if is_used || capture.names.is_empty() || connected.is_empty() {
            return Ok(());
        }
        let names = listed(capture.names.iter().map(|(name, _)| name.as_str()));
        let first = connected.first().copied().unwrap_or_default();
        let help =
            format!("pass --device {first}=DEVICE, where DEVICE is one of {names}; the cases connect {}", known());
        let error = miette::miette!(help = help, "no case connects a device of the state directory");
        Err(CommandError::usage(error))
    }
}

/// The names of the devices that a case connects.
fn devices(case: &Case) -> impl Iterator<Item = &str> {
    case.steps().filter_map(|step| match &step.kind {
        StepKind::Connect(connect) => connect.device.name().map(|name| name.as_str()),
        _ => None,
    })
}

/// The first names of a list.
fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names = names.map(|name| format!("`{}`", printable::line(name))).collect::<Vec<_>>();
    let more = if names.len() > MOST_NAMES { ", …" } else { "" };
    format!("{}{more}", names[..names.len().min(MOST_NAMES)].join(", "))
}

/// The error of a device that is unknown or ambiguous, with advice in the form that these commands accept.
fn not_named(error: QuestionError, name: &str) -> CommandError {
    let QuestionError::Device { problem, known } = error else { return CommandError::usage(error) };
    let help = match known.as_str() {
        "" => "the store of the state directory has no devices".to_owned(),
        known => format!("pass --device {name}=DEVICE, where DEVICE is one of {known}"),
    };
    CommandError::usage(miette::miette!(help = help, "{problem}"))
}

/// The store and the settings that the cases play on.
fn note(capture: &Capture, state: &StateDirectory, state_dir: Option<&Path>) -> String {
    let show = |path: &Path| printable::line(&path.display().to_string()).into_owned();
    let mut parts = Vec::new();
    parts.extend(state_dir.map(|directory| format!("a copy of {}", show(directory))));
    parts.extend(state.config_path.as_deref().map(|config| format!("the settings of {}", show(config))));
    let mut note = format!("the cases play on {}; secrets are replaced\n", parts.join(" and "));
    if state_dir.is_some() {
        let device = |(name, id): &(String, String)| {
            let id = printable::line(id).chars().take(12).collect::<String>();
            format!("{name} ({id})")
        };
        let devices = capture.names.iter().map(device).collect::<Vec<_>>();
        let devices = if devices.is_empty() { "none".to_owned() } else { devices.join(", ") };
        note.push_str(&format!("devices of the copy: {devices}\n"));
    }
    note
}
