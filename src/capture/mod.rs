//! `capture`: a state directory and its configuration become a scenario without secrets.
//!
//! The scenario contains the documents of the store with every value replaced ([`value_replacer`]), the settings that affect a
//! connect ([`settings`]), and the connects that the records imply ([`connects`]). Each connect expects the answer that the
//! model gives for the original.

mod aliases;
mod connects;
mod scenario_folder;
mod settings;
mod substitution;
#[cfg(test)]
mod tests;
mod value_replacer;

pub(crate) use connects::Connect;
pub(crate) use scenario_folder::{SaveError, save};
pub(crate) use substitution::Substitution;

use crate::counted::counted;
use crate::explain::{ChosenRelease, StateDirectory, Verdict};
use crate::scenario::nodes::MAX_FILE_SIZE;
use crate::scenario::writer;
use aliases::{Aliases, ValueKind};
use connects::Device;
use openclaw_emulator::stored_state::StoredFile;
use openclaw_model::{Facts, Release, UnknownRelease};
use openclaw_protocol::identity::DeviceKey;
use openclaw_protocol::store::{DATABASE, Document};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Files and folders of a state directory that the output can name.
const ENTRIES: &[&str] = &[
    "agents",
    "browser",
    "canvas",
    "completions",
    "credentials",
    "cron",
    "extensions",
    "hooks",
    "logs",
    "media",
    "memory",
    "plugins",
    "sandbox",
    "sandboxes",
    "sessions",
    "settings",
    "skills",
    "subagents",
    "tasks",
    "workspace",
    ".env",
    "exec-approvals.json",
    "restart-sentinel.json",
    "update-check.json",
    "openclaw.json.bak",
];
/// The parts of a state directory that a capture reads.
const CAPTURED: [&str; 5] = ["devices", "identity", "nodes", "state", "openclaw.json"];

/// The maximum number of connects in a scenario.
const MAX_CONNECTS: usize = 500;
/// The usual size of the connects of one device in a scenario, in bytes.
const STEP_SIZE: usize = 200;
/// The maximum size of a scenario, in bytes.
const MAX_SIZE: usize = MAX_FILE_SIZE as usize;

/// A captured state directory.
pub(crate) struct Capture {
    /// The release whose answers the scenario expects.
    pub(crate) release: Release,
    /// Where this release comes from.
    pub(crate) chosen: ChosenRelease,
    /// The connects, in the order of the steps.
    pub(crate) connects: Vec<Connect>,
    /// The number of devices.
    pub(crate) devices: usize,
    /// What the scenario does not contain, one sentence each.
    pub(crate) left_out: Vec<String>,
    /// The number of devices whose records are left out.
    pub(crate) left_out_devices: usize,
    /// The names of the devices in the scenario, with their ids.
    pub(crate) names: Vec<(String, String)>,
    /// The setup codes of the store, with the texts that replace them.
    pub(crate) setup_codes: Vec<(String, String)>,
    /// Whether the user of the gateway has no access to some files of the store.
    pub(crate) is_locked: bool,
    scenario: Value,
}

impl Capture {
    /// Captures a state directory. `release` overrides the release of the directory. `now` is in milliseconds since the
    /// epoch. `named` gives names to devices, by id; other devices are named after their clients.
    ///
    /// If the scenario is too large to be read again, it contains fewer devices: those with names first, then the
    /// gateway's own, then the others in the order of their records.
    ///
    /// # Errors
    /// The release is older than the oldest known one.
    pub(crate) fn of(
        state: &StateDirectory,
        release: Option<Release>,
        named: &[(String, String)],
        now: i64,
    ) -> Result<Self, UnknownRelease> {
        let mut devices = devices(state);
        let all = devices.len();
        let of =
            |devices: &[Device], with_connects| Self::of_devices(state, release, named, now, devices, with_connects);
        // Computing the answers takes most of the time, so the number of devices that fit is determined without the
        // answers.
        let mut with_connects = false;
        let mut capture = of(&devices, with_connects)?;
        let sort = |devices: &mut [Device]| devices.sort_by_key(|device| !named.iter().any(|(id, _)| *id == device.id));
        loop {
            let steps = if with_connects { 0 } else { MAX_CONNECTS.min(devices.len()) * STEP_SIZE };
            let size = capture.text().len() + steps;
            if size <= MAX_SIZE || devices.is_empty() {
                if with_connects {
                    return Ok(capture);
                }
                with_connects = true;
            } else {
                sort(&mut devices);
                // Most records have a similar size. The factor reserves space for the list of omitted devices.
                let fits = devices.len() * MAX_SIZE / size * 19 / 20;
                devices.truncate(fits.min(devices.len() - 1));
            }
            capture = of(&devices, with_connects)?;
            capture.left_out_devices = all - devices.len();
            if capture.left_out_devices > 0 {
                capture.left_out.push(format!(
                    "the records of {}; a scenario has at most {} KiB",
                    counted(capture.left_out_devices, "device"),
                    MAX_SIZE / 1024
                ));
            }
        }
    }

    /// Captures these devices of a state directory, with or without their connects.
    fn of_devices(
        state: &StateDirectory,
        release: Option<Release>,
        named: &[(String, String)],
        now: i64,
        devices: &[Device],
        with_connects: bool,
    ) -> Result<Self, UnknownRelease> {
        let chosen = state.choose_release(release);
        let ChosenRelease { release, .. } = chosen;
        Facts::of(release)?;
        let mut aliases = Aliases::default();
        named.iter().for_each(|(id, name)| aliases.name_device(id, name));
        for device in devices {
            aliases.name_device(&device.id, connects::base_name(device));
        }
        for (document, value) in all_documents(state) {
            value_replacer::learn_tokens(document, &value, &mut aliases);
        }
        let settings = settings::translated(release, &state.config, &state.env, &mut aliases);
        let (mut connects, without) = match with_connects {
            false => (Vec::new(), 0),
            true => connects_of(state, devices, release, &aliases, now),
        };
        if with_connects {
            let most = MAX_CONNECTS - connects.len();
            let codes = setup_code_documents(state);
            connects.extend(connects::of_setup_codes(state, &codes, release, &mut aliases, now).take(most));
        }
        let ids = devices.iter().map(|device| device.id.as_str()).collect::<BTreeSet<_>>();
        let (files, modes) = files(state, now, &ids, &mut aliases);
        let setup_codes = setup_codes(state, &mut aliases);
        let steps = steps(&connects, &modes, &settings.gateway, &mut aliases);
        let mut scenario = Map::new();
        scenario.insert("scenario".to_owned(), json!("A captured state directory"));
        if !modes.is_empty() {
            scenario.insert("needs".to_owned(), json!(["unprivileged"]));
        }
        scenario.insert("gateway".to_owned(), Value::Object(settings.gateway));
        if !files.is_empty() {
            scenario.insert("store".to_owned(), json!({ "files": files }));
        }
        scenario.insert("steps".to_owned(), Value::Array(steps));
        let mut left_out = left_out(state, settings.left_out, &aliases);
        if without > 0 {
            let devices = counted(without, "device");
            left_out.push(format!("connects of {devices}; a scenario has at most {MAX_CONNECTS} connects"));
        }
        let name = |device: &Device| (aliases.device(&device.id).unwrap_or_default().to_owned(), device.id.clone());
        Ok(Self {
            release,
            chosen,
            connects,
            devices: devices.len(),
            left_out,
            left_out_devices: 0,
            names: devices.iter().map(name).collect(),
            setup_codes,
            is_locked: !modes.is_empty(),
            scenario: Value::Object(scenario),
        })
    }

    /// The scenario as a document, before it is written.
    pub(crate) fn scenario(&self) -> &Value {
        &self.scenario
    }

    /// The text of the scenario file.
    pub(crate) fn text(&self) -> String {
        let mut about = vec![
            format!("Captured by clawcheck {} from a state directory.", env!("CARGO_PKG_VERSION")),
            format!("The answers are those of the model of {}.", self.release),
            "Not in this scenario:".to_owned(),
        ];
        about.extend(self.left_out.iter().map(|line| format!("- {line}")));
        writer::yaml(&self.scenario, &about)
    }
}

/// The connects of these devices, at most [`MAX_CONNECTS`], and the number of devices whose connects are missing. Without
/// devices, a new device connects.
fn connects_of(
    state: &StateDirectory,
    devices: &[Device],
    release: Release,
    aliases: &Aliases,
    now: i64,
) -> (Vec<Connect>, usize) {
    let description = connects::of_scenario(release);
    let (mut connects, mut without) = (Vec::new(), 0);
    for device in devices {
        if connects.len() >= MAX_CONNECTS {
            without += 1;
            continue;
        }
        let name = aliases.device(&device.id).unwrap_or_default();
        let mut of_device = connects::of_device(state, device, name, &description, now);
        connects.extend(of_device.by_ref().take(MAX_CONNECTS - connects.len()));
        without += usize::from(connects.len() >= MAX_CONNECTS && of_device.next().is_some());
    }
    if devices.is_empty() {
        connects.extend(connects::of_new_device(state, &description, now));
    }
    (connects, without)
}

/// The steps of the scenario: restore the modes of files, start the gateway, and connect, unless the gateway does not
/// start.
fn steps(
    connects: &[Connect],
    modes: &Map<String, Value>,
    gateway: &Map<String, Value>,
    aliases: &mut Aliases,
) -> Vec<Value> {
    let mut steps = Vec::new();
    if !modes.is_empty() {
        steps.push(json!({ "edit": { "files": modes } }));
    }
    let refused = connects.iter().find_map(|connect| match &connect.answer.verdict {
        Verdict::NoStart(refusal) => Some(refusal.exit_code),
        _ => None,
    });
    match refused {
        Some(exit) => steps.push(json!({ "start": {}, "expect": { "start-refused": { "exit": exit } } })),
        None => {
            if !modes.is_empty() {
                steps.push(json!({ "start": {} }));
            }
            let usual = default_secret(gateway);
            steps.extend(connects.iter().map(|connect| connects::step(connect, usual, aliases)));
        }
    }
    steps
}

/// The devices that can play: those of the store, and the gateway's own.
fn devices(state: &StateDirectory) -> Vec<Device> {
    let (mut ids, mut seen) = (Vec::<String>::new(), BTreeSet::new());
    let (mut paired, mut pending) = (BTreeMap::new(), BTreeMap::<String, Vec<Value>>::new());
    let own = state.own_key.as_ref().map(DeviceKey::device_id).or(state.own_id.clone());
    seen.extend(own.clone());
    ids.extend(own);
    // The documents of the database come last and take precedence.
    for (document, value) in all_documents(state) {
        for (key, record) in value.as_object().into_iter().flatten() {
            let Some(id) = device_of(document, key, record) else { continue };
            match document {
                Document::DevicesPaired => drop(paired.insert(id.clone(), record.clone())),
                Document::DevicesPending => pending.entry(id.clone()).or_default().push(record.clone()),
                _ => {}
            }
            if seen.insert(id.clone()) {
                ids.push(id);
            }
        }
    }
    let device =
        |id: String| Device { paired: paired.remove(&id), pending: pending.remove(&id).unwrap_or_default(), id };
    ids.into_iter().map(device).collect()
}

/// The id of the device that a record is about.
fn device_of(document: Document, key: &str, record: &Value) -> Option<String> {
    let text = |field: &str| record.get(field).and_then(Value::as_str).map(str::to_owned);
    let id = match document {
        // A request that was copied into the paired devices.
        Document::DevicesPaired if text("requestId").is_some_and(|id| id == *key) => text("deviceId"),
        Document::DevicesPaired => Some(key.to_owned()),
        Document::DevicesPending => text("deviceId"),
        Document::NodesPaired | Document::NodesPending => text("nodeId"),
        Document::DevicesBootstrap => None,
    };
    id.filter(|id| !id.trim().is_empty())
}

/// A document with only the records of these devices, and those of no device.
fn records_of<'v>(document: Document, value: &'v Value, ids: &BTreeSet<&str>) -> Cow<'v, Value> {
    let is_kept =
        |key: &String, record: &Value| device_of(document, key, record).is_none_or(|id| ids.contains(id.as_str()));
    match value.as_object() {
        Some(records) if !records.iter().all(|(key, record)| is_kept(key, record)) => {
            let kept = records.iter().filter(|(key, record)| is_kept(key, record));
            Cow::Owned(Value::Object(kept.map(|(key, record)| (key.clone(), record.clone())).collect()))
        }
        _ => Cow::Borrowed(value),
    }
}

/// Every document that can be read: those of the files, then those of the database.
fn all_documents(state: &StateDirectory) -> Vec<(Document, Arc<Value>)> {
    let of_file = |document| match state.stored.file(document) {
        StoredFile::Json(value) => Some((document, Arc::clone(value))),
        StoredFile::Absent | StoredFile::Unusable { .. } => None,
    };
    let of_database = state.stored.database().map(|(document, value)| (document, Arc::clone(value)));
    Document::ALL.into_iter().filter_map(of_file).chain(of_database).collect()
}

/// The setup codes of the store, with their replacements. The key of an entry is the code.
fn setup_codes(state: &StateDirectory, aliases: &mut Aliases) -> Vec<(String, String)> {
    let documents = setup_code_documents(state);
    let codes = documents.iter().flat_map(|codes| codes.as_object().into_iter().flat_map(Map::keys));
    codes.map(|code| (code.clone(), aliases.text(ValueKind::Secret, code))).collect()
}

/// The documents with setup codes, from the files and from the database.
fn setup_code_documents(state: &StateDirectory) -> Vec<Arc<Value>> {
    let documents = all_documents(state).into_iter().filter(|(document, _)| *document == Document::DevicesBootstrap);
    documents.map(|(_, codes)| codes).collect()
}

/// The files of the store with the records of these devices, and the modes of the files that a gateway cannot read.
fn files(
    state: &StateDirectory,
    now: i64,
    ids: &BTreeSet<&str>,
    aliases: &mut Aliases,
) -> (Map<String, Value>, Map<String, Value>) {
    let mut replaced =
        |document, value: &Value| value_replacer::replaced(document, &records_of(document, value, ids), now, aliases);
    let (mut files, mut modes) = (Map::new(), Map::new());
    for document in Document::ALL {
        let content = match state.stored.file(document) {
            StoredFile::Absent => continue,
            StoredFile::Json(value) => json!({ "json": replaced(document, value) }),
            StoredFile::Unusable { what: "parse", why } if why.ends_with("is empty") => json!({ "text": "" }),
            StoredFile::Unusable { what: "parse", .. } => json!({ "text": "{" }),
            StoredFile::Unusable { .. } if state.stored.directory().join(document.path()).is_dir() => {
                json!("directory")
            }
            StoredFile::Unusable { .. } => {
                modes.insert(document.path().to_owned(), json!({ "mode": "0000" }));
                json!({ "text": "{}" })
            }
        };
        files.insert(document.path().to_owned(), content);
    }
    if state.stored.damaged_database().is_some() {
        files.insert(DATABASE.to_owned(), json!({ "text": "not a database" }));
    } else if state.stored.has_database() {
        let documents =
            state.stored.database().map(|(document, value)| (document.path().to_owned(), replaced(document, value)));
        let documents = documents.collect::<Map<_, _>>();
        files.insert(DATABASE.to_owned(), json!({ "database": documents }));
    }
    for folder in ["devices", "nodes"] {
        let why = format!("the gateway cannot write to {folder}:");
        if state.stored.locked().any(|line| line.starts_with(&why)) {
            // An empty folder is not in the scenario otherwise, and its mode could not be set.
            if !files.keys().any(|path| path.strip_prefix(folder).is_some_and(|below| below.starts_with('/'))) {
                files.insert(folder.to_owned(), json!("directory"));
            }
            modes.insert(folder.to_owned(), json!({ "mode": "0500" }));
        }
    }
    (files, modes)
}

/// The kind of secret that the clients of a scenario send if it does not name one.
fn default_secret(gateway: &Map<String, Value>) -> Option<&'static str> {
    let auth = &gateway["auth"];
    let has = |field: &str| match auth[field].as_str() {
        Some(name) => name != "none",
        None => auth["mode"] == field,
    };
    ["token", "password"].into_iter().find(|field| has(field))
}

/// What the scenario does not contain, one sentence each.
fn left_out(state: &StateDirectory, settings: Vec<String>, aliases: &Aliases) -> Vec<String> {
    let mut left_out = Vec::new();
    if !settings.is_empty() {
        left_out.push(format!("settings of openclaw.json that do not affect a connect: {}", settings.join(", ")));
    }
    let directory = state.stored.directory();
    let names = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect::<Vec<_>>();
    let mut known = ENTRIES.iter().filter(|name| names.iter().any(|found| found == *name)).copied().collect::<Vec<_>>();
    let other =
        names.iter().filter(|name| !ENTRIES.contains(&name.as_str()) && !CAPTURED.contains(&name.as_str())).count();
    let others = if other == 1 { "1 other entry".to_owned() } else { format!("{other} other entries") };
    if other > 0 {
        known.push(&others);
    }
    if !known.is_empty() {
        left_out.push(format!("files of the state directory: {}", known.join(", ")));
    }
    if state.stored.has_database() {
        left_out.push(format!("all tables of {DATABASE} that do not contain devices or nodes"));
    }
    if state.own_key.is_some() {
        left_out
            .push("the private key of the gateway's own device; the scenario gives each device its own key".to_owned());
    }
    if state.stored.damaged_database().is_some() {
        left_out.push(format!("the contents of the damaged {DATABASE}"));
    }
    for document in Document::ALL {
        if let StoredFile::Unusable { .. } = state.stored.file(document) {
            left_out.push(format!("the contents of {}, which a gateway cannot use", document.path()));
        }
    }
    let replaced = [
        (ValueKind::Text, "names and other texts"),
        (ValueKind::Address, "addresses"),
        (ValueKind::Origin, "origins of pages"),
        (ValueKind::Secret, "secrets of nodes and setup codes"),
        (ValueKind::Field, "names of unknown fields"),
        (ValueKind::Platform, "unknown platforms"),
        (ValueKind::Role, "unknown roles"),
        (ValueKind::Scope, "unknown scopes"),
        (ValueKind::Ability, "unknown node commands"),
        (ValueKind::Device, "devices that do not connect"),
    ];
    let replaced = replaced.iter().filter(|(kind, _)| aliases.replaced().contains(kind)).map(|(_, what)| *what);
    let replaced = replaced.collect::<Vec<_>>();
    if !replaced.is_empty() {
        left_out.push(format!("the originals of replaced values: {}", replaced.join(", ")));
    }
    left_out
}
