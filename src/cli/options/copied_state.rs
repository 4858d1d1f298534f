//! The options with which cases play on a copy of a state directory.

use crate::capture::{Capture, Substitution};
use crate::cli::CommandError;
use crate::cli::help::STATE_DIR;
use crate::cli::terminal::console;
use crate::enumeration::enumeration;
use crate::explain::{self, ClientDescriptionError, StateDirectory, StatePaths};
use crate::gateway::GatewaySpec;
use crate::machine::now;
use crate::scenario::{Case, StepKind, first_problem};
use crate::shell::quoted;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use untrusted_data::printable;

/// The maximum number of names in a message.
const MAX_NAMES: usize = 10;
/// The maximum number of printed reasons why cases are not played.
const MAX_REASONS: usize = 4;

/// A device of a state directory and its name in the scenario.
#[derive(Debug, Clone)]
pub(in crate::cli) struct NamedDevice {
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
pub(in crate::cli) struct CopiedState {
    /// Configuration that replaces the settings of the cases [default: openclaw.json in --state-dir]
    ///
    /// clawcheck uses only the settings that affect a connect, and replaces the secrets.
    #[arg(long, value_name = "FILE", help_heading = STATE_DIR)]
    config: Option<PathBuf>,
    /// Name for a device of --state-dir in the cases (repeatable)
    ///
    /// DEVICE is a name, a part of a name, an id or the first characters of an id, as in `explain --device`. Without this option, the
    /// devices have the same names as in `capture`.
    #[arg(long, value_name = "NAME=DEVICE", help_heading = STATE_DIR)]
    device: Vec<NamedDevice>,
}

impl CopiedState {
    /// The first of these options that was given.
    pub(in crate::cli) fn given(&self) -> Option<&'static str> {
        match (&self.config, self.device.as_slice()) {
            (Some(_), _) => Some("--config"),
            (None, [_, ..]) => Some("--device"),
            (None, []) => None,
        }
    }

    /// The options for a command that repeats this one.
    pub(in crate::cli) fn arguments(&self) -> String {
        let config = self.config.iter().map(|path| format!(" --config {}", quoted(&path.to_string_lossy())));
        let device = self
            .device
            .iter()
            .map(|NamedDevice { name, device }| format!(" --device {}", quoted(&format!("{name}={device}"))));
        config.chain(device).collect()
    }

    /// Reads the state directory to copy, or only the configuration. `None` if the user names neither.
    ///
    /// # Errors
    /// The directory or the configuration cannot be read.
    pub(in crate::cli) fn read(&self, state_dir: Option<&Path>) -> Result<Option<StateDirectory>, CommandError> {
        let state = match (state_dir, &self.config) {
            (Some(directory), config) => {
                let places =
                    StatePaths { state_dir: Some(directory.to_owned()), config: config.clone(), env: Vec::new() };
                StateDirectory::read(&places)
            }
            (None, Some(config)) => StateDirectory::of_config(config),
            (None, None) if self.device.is_empty() => return Ok(None),
            (None, None) => {
                let error = miette::miette!(help = "pass --state-dir DIR", "--device names a device of --state-dir");
                return Err(CommandError::usage(error));
            }
        };
        state.map(Some).map_err(CommandError::usage)
    }

    /// The cases on a copy of this state directory and configuration.
    ///
    /// # Errors
    /// The directory or a device cannot be used, or no case can be played.
    pub(in crate::cli) fn cases(
        &self,
        state: &StateDirectory,
        state_dir: Option<&Path>,
        cases: &[&Case],
        verdicts: Verdicts,
    ) -> Result<Vec<Case>, CommandError> {
        let named = self.named_devices(state)?;
        let capture = Capture::of(state, None, &named, now())
            .map_err(|error| CommandError::usage(miette::Report::msg(error.to_string())))?;
        if capture.is_locked {
            let error = miette::miette!(
                help =
                    "pass a copy of the directory with files that you can read and write, or use `clawcheck capture`",
                "the gateway cannot use all files in {}",
                state.stored.directory().display()
            );
            return Err(CommandError::usage(error));
        }
        if state_dir.is_some() {
            self.check_names(cases)?;
        }
        let copied = state_dir.map(|_| capture.names.iter().map(|(name, _)| name.as_str()).collect::<BTreeSet<_>>());
        let substitution = Substitution::of(&capture, state_dir.is_some(), state.config_path.is_some());
        let substitution = substitution.map_err(CommandError::usage)?;
        let reason = |case: &&Case| {
            let invalid = || first_problem(&substitution.apply(case)).map(Unplayable::Invalid);
            Unplayable::of(case, copied.as_ref(), verdicts).or_else(invalid)
        };
        let reasons = cases.iter().map(reason).collect::<Vec<_>>();
        let unplayable = cases.iter().zip(&reasons).filter_map(|(case, reason)| Some((*case, reason.as_ref()?)));
        let unplayable = unplayable.collect::<Vec<_>>();
        if let Some((case, first)) = unplayable.first().filter(|_| unplayable.len() == cases.len()) {
            // The built-in cases are not about this directory. Cases of the user can be.
            let state_dir = state_dir.filter(|_| case.source.embedded);
            return Err(CommandError::usage(first.error(&explain::device_list(state), state_dir)));
        }
        let playable = cases.iter().zip(&reasons).filter(|(_, reason)| reason.is_none()).map(|(case, _)| *case);
        let _ = console::stderr().write_all(note(&capture, state, state_dir).as_bytes());
        let _ = console::stderr().write_all(not_played(&unplayable).as_bytes());
        Ok(playable.map(|case| substitution.apply(case)).collect())
    }
}

impl CopiedState {
    /// The ids of the devices of --device, and their names in the cases.
    fn named_devices(&self, state: &StateDirectory) -> Result<Vec<(String, String)>, CommandError> {
        let mut named = Vec::<(String, String)>::new();
        for NamedDevice { name, device } in &self.device {
            let id = explain::device_id(state, device).map_err(|error| not_named(error, name))?;
            if let Some((_, other)) = named.iter().find(|(known, _)| Some(known) == id.as_ref()) {
                let error = miette::miette!("--device {name}={device}: this device already has the name `{other}`");
                return Err(CommandError::usage(error));
            }
            named.extend(id.map(|id| (id, name.clone())));
        }
        Ok(named)
    }

    /// Each name of --device must be that of a device that a case connects.
    fn check_names(&self, cases: &[&Case]) -> Result<(), CommandError> {
        let connected = cases.iter().flat_map(|case| devices(case)).collect::<BTreeSet<_>>();
        let unused = self.device.iter().find(|named| !connected.contains(named.name.as_str()));
        let Some(NamedDevice { name, device }) = unused else { return Ok(()) };
        let help = format!("the cases connect {}", listed(connected.iter().copied()));
        let error = miette::miette!(help = help, "--device {name}={device}: no case connects a device `{name}`");
        Err(CommandError::usage(error))
    }
}

/// What the verdicts of a command depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Verdicts {
    /// The expectations, because the snapshots belong to other stores.
    Expectations,
    /// The answers of other gateways.
    Answers,
}

/// Why a case does not test the copy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Unplayable {
    /// The store of the case has a record of this device, which the copy does not have.
    Record(String),
    /// The case connects no device of the copy, but new devices. This is the first of them.
    Devices(Option<String>),
    /// The case expects nothing.
    Expectation,
    /// The case is not valid with the copy, for this reason. For example, the case uses a secret of its own settings.
    Invalid(String),
}

impl Unplayable {
    /// Compares a case with the names of the devices in the copy, if the store is copied.
    fn of(case: &Case, copied: Option<&BTreeSet<&str>>, verdicts: Verdicts) -> Option<Self> {
        if let Some(copied) = copied {
            let store = &case.scenario.store;
            let records = store.paired.keys().chain(store.pending.keys()).chain(store.copied_pending.keys());
            let own = records.map(|name| name.as_str()).collect::<BTreeSet<_>>();
            let missing = devices(case).filter(|name| !copied.contains(name)).collect::<Vec<_>>();
            if let Some(name) = missing.iter().find(|name| own.contains(*name)) {
                return Some(Self::Record((*name).to_owned()));
            }
            let is_used = copied.is_empty() || devices(case).any(|name| copied.contains(name));
            if !is_used {
                return Some(Self::Devices(missing.first().map(|name| (*name).to_owned())));
            }
        }
        let expects = case.steps().any(|step| step.expect.is_some());
        (verdicts == Verdicts::Expectations && !expects).then_some(Self::Expectation)
    }

    /// The reason for the user, without the name of the case.
    fn reason(&self) -> String {
        match self {
            Self::Record(name) => format!("the copy has no device `{name}`; pass --device {name}=DEVICE"),
            Self::Devices(_) => "no step connects a device of the copy".to_owned(),
            Self::Expectation => "no step has an `expect`, and the snapshots are those of another store".to_owned(),
            Self::Invalid(problem) => format!("it does not fit the copy: {problem}"),
        }
    }

    /// The error if no case can be played. `known` lists the devices of the state directory. If
    /// `state_dir` is given, the help names commands that explain this directory.
    fn error(&self, known: &str, state_dir: Option<&Path>) -> miette::Report {
        let next = state_dir.map(next_commands).unwrap_or_default();
        let device = |name: &str| match known {
            "" => "the state directory has no devices".to_owned(),
            known => format!("pass --device {name}=DEVICE, where DEVICE is one of {known}; the case connects `{name}`"),
        };
        let help = |name: &str| format!("{next}{}", device(name));
        match self {
            Self::Record(name) => miette::miette!(
                help = help(name),
                "the cases need records of their own stores, which the state directory replaces"
            ),
            Self::Devices(name) => {
                let settings = || {
                    format!("{next}to play the cases with the settings alone, pass --config FILE without --state-dir")
                };
                let help = name.as_deref().map_or_else(settings, help);
                miette::miette!(help = help, "no case connects a device of the state directory")
            }
            Self::Expectation => miette::miette!(
                help = "add an `expect` to a step",
                "no case has an `expect`, and the snapshots are those of another store"
            ),
            Self::Invalid(problem) => miette::miette!("no case fits the copy: {}", printable::line(problem)),
        }
    }
}

/// The commands that answer questions about a state directory, which the built-in cases do not.
fn next_commands(state_dir: &Path) -> String {
    let directory = quoted(&state_dir.to_string_lossy()).into_owned();
    format!(
        "to see how the gateway answers the devices of this directory: `clawcheck explain {directory}`\n\
         to play their connects: `clawcheck capture {directory} -o lockout`, then `clawcheck run lockout`\n"
    )
}

/// Adds the release of the state directory to embedded gateways without a release. Other gateways do not change.
pub(in crate::cli) fn add_release_of(state: Option<&StateDirectory>, gateways: &mut [GatewaySpec]) {
    let Some(state) = state.filter(|_| gateways.contains(&GatewaySpec::Embedded(None))) else { return };
    let chosen = state.choose_release(None);
    let _ = writeln!(console::stderr(), "the release of the embedded gateway is {chosen}");
    for gateway in gateways.iter_mut().filter(|gateway| **gateway == GatewaySpec::Embedded(None)) {
        *gateway = GatewaySpec::Embedded(Some(chosen.release));
    }
}

/// The cases that are not played, by reason.
fn not_played(unplayable: &[(&Case, &Unplayable)]) -> String {
    let mut by_reason = BTreeMap::<String, Vec<&Case>>::new();
    for (case, reason) in unplayable {
        by_reason.entry(reason.reason()).or_default().push(case);
    }
    let mut reasons = by_reason.into_iter().collect::<Vec<_>>();
    reasons.sort_by_key(|(_, cases)| std::cmp::Reverse(cases.len()));
    let line = |(reason, cases): &(String, Vec<&Case>)| {
        let reason = printable::line(reason);
        match cases.as_slice() {
            [only] => format!("{} is not played: {reason}\n", only.id),
            all => format!("{} cases are not played: {reason} (for example {})\n", all.len(), all[0].id),
        }
    };
    let more = reasons.iter().skip(MAX_REASONS).map(|(_, cases)| cases.len()).sum::<usize>();
    let mut text = reasons.iter().take(MAX_REASONS).map(line).collect::<String>();
    if more > 0 {
        text.push_str(&format!("{more} more cases are not played for similar reasons\n"));
    }
    text
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
    let more = if names.len() > MAX_NAMES { ", …" } else { "" };
    format!("{}{more}", names[..names.len().min(MAX_NAMES)].join(", "))
}

/// The error of a device that is unknown or ambiguous, with advice in the form that these commands accept.
fn not_named(error: ClientDescriptionError, name: &str) -> CommandError {
    let ClientDescriptionError::Device { problem, known } = error else { return CommandError::usage(error) };
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
    let mut note = format!("the cases play on {}; secrets are replaced\n", enumeration(&parts));
    if state_dir.is_some() {
        let device = |(name, id): &(String, String)| {
            let id = printable::line(id).chars().take(12).collect::<String>();
            format!("{name} ({id})")
        };
        let mut devices = capture.names.iter().take(MAX_NAMES).map(device).collect::<Vec<_>>();
        if capture.names.len() > MAX_NAMES {
            devices.push(format!("{} more", capture.names.len() - MAX_NAMES));
        }
        let devices = if devices.is_empty() { "none".to_owned() } else { devices.join(", ") };
        note.push_str(&format!("devices of the copy: {devices}\n"));
        match capture.left_out_devices {
            0 => {}
            1 => note.push_str("1 device does not fit into the copy\n"),
            count => note.push_str(&format!("{count} devices do not fit into the copy\n")),
        }
    }
    note
}
