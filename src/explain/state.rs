//! Reads a state directory and an `openclaw.json`. This module writes no file and runs no program.

use super::StoreBeforeStart;
use super::client_tokens::{self, CLIENT_TOKENS, StoredToken};
use super::environment::{self, Environment};
use super::text::NO_START;
use crate::gateway_files::{
    CONFIGS, GatewayFile, IDENTITY, USUAL_PLACE, below, is_state_directory, named, not_a_state_directory,
    read_unchanged,
};
use crate::release_ranges;
use openclaw_emulator::settings::{ConfigFileError, read_config, redactions};
use openclaw_emulator::store::SqliteDocuments;
use openclaw_emulator::stored_state::{StoredFile, StoredState, StoredStateError};
use openclaw_model::{Facts, Release, known_releases, releases};
use openclaw_protocol::identity::DeviceKey;
use openclaw_protocol::store::{DATABASE, Document, StoreFormat};
use serde_json::{Value, json};
use std::fmt;
use std::path::{Path, PathBuf};
use untrusted_data::Redactions;
use untrusted_data::plain_file::{self, Links};

/// The maximum size of `identity/device.json`, in bytes.
const MAX_IDENTITY_BYTES: u64 = 256 << 10;
/// The source of the release if nothing names one.
const ASSUMED: &str = "assumed, because it is the newest known one";
/// The fields of the store's documents that contain tokens.
const SECRETS: [&str; 3] = ["token", "deviceToken", "bootstrapToken"];

/// The files to read.
#[derive(Debug, Clone, Default)]
pub(crate) struct StatePaths {
    /// The state directory, if the user specified one.
    pub state_dir: Option<PathBuf>,
    /// The configuration file, if the user specified one.
    pub config: Option<PathBuf>,
    /// The environment, which determines the files that `openclaw` itself would use.
    pub env: Vec<(String, String)>,
}

/// The contents of a state directory.
#[derive(Clone)]
pub(crate) struct StateDirectory {
    /// The store.
    pub stored: StoreBeforeStart,
    /// The configuration. Without a file, the smallest configuration that a gateway starts with.
    pub config: Value,
    /// The path of the configuration file, if it exists.
    pub config_path: Option<PathBuf>,
    /// The path of a configuration file that cannot be used, and the problem.
    pub unread_config: Option<(PathBuf, String)>,
    /// The environment of the gateway: the environment of this process for the default directory, otherwise empty.
    pub env: Vec<(String, String)>,
    /// Whether this is the default directory of `openclaw`, because the user specified none.
    pub is_default: bool,
    /// The key in `identity/device.json` or in the database.
    pub own_key: Option<DeviceKey>,
    /// The id in `identity/device.json`, if the key in it cannot be read.
    pub own_id: Option<String>,
    /// The device tokens that the `openclaw` command keeps.
    pub client_tokens: Vec<StoredToken>,
    /// The problems, one sentence each.
    pub notes: Vec<String>,
    /// The installed release, or the release that wrote the configuration, and the source of this information.
    pub release: Option<(Release, &'static str)>,
}

/// A state directory or a configuration that cannot be read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum StateError {
    /// The state directory is not known.
    #[error("no state directory is specified, and HOME is not set")]
    #[diagnostic(help("name another folder, or set OPENCLAW_STATE_DIR"))]
    NoDirectory,
    /// The store cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] StoredStateError),
    /// The path is not that of a state directory.
    #[error("{message}")]
    #[diagnostic(help("{help}"))]
    Foreign {
        /// What the path is.
        message: String,
        /// What to pass in its place.
        help: String,
    },
    /// The configuration is a file of the store.
    #[error("{} is {}, not a configuration", path.display(), kind.words())]
    #[diagnostic(help("--config takes an openclaw.json; pass the directory of this file with --state-dir"))]
    NotAConfig {
        /// The file.
        path: PathBuf,
        /// What the file is.
        kind: GatewayFile,
    },
    /// The configuration cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Config(#[from] ConfigFileError),
    /// A file keeps changing while it is read.
    #[error("{0} keeps changing, so no consistent copy of the state directory can be read")]
    #[diagnostic(help("try again, stop the gateway, or pass a copy of the state directory"))]
    KeepsChanging(PathBuf),
    /// The specified configuration file does not exist.
    #[error("the configuration {0} does not exist")]
    NoConfig(PathBuf),
}

/// The release of a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChosenRelease {
    /// The release.
    pub release: Release,
    /// The source of the release. `None` if the user named the release.
    pub source: Option<&'static str>,
}

impl ChosenRelease {
    /// Whether neither the user nor a file names the release.
    pub(crate) fn is_assumed(&self) -> bool {
        self.source == Some(ASSUMED)
    }
}

impl fmt::Display for ChosenRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            Some(source) => write!(f, "{} ({source})", self.release),
            None => write!(f, "{}", self.release),
        }
    }
}

/// The error for a path that is not that of a state directory.
fn foreign(path: &Path) -> StateError {
    let (message, help) = not_a_state_directory(path);
    StateError::Foreign { message, help }
}

/// Reads a configuration. `None` if it does not exist.
fn config_file(path: &Path) -> Result<Result<Option<Value>, ConfigFileError>, StateError> {
    let found = read_config(path);
    let is_other = match &found {
        Ok(None) => false,
        // A configuration can have any name.
        Ok(Some(config)) => config.get("gateway").is_none() && config.get("meta").is_none(),
        Err(_) => true,
    };
    match GatewayFile::of(path, b"") {
        Some(kind) if is_other && kind != GatewayFile::Config => {
            Err(StateError::NotAConfig { path: path.to_owned(), kind })
        }
        _ => Ok(found),
    }
}

/// The problem of a configuration that cannot be used, with its place in the file.
fn problem(error: &ConfigFileError) -> String {
    match error.place() {
        Some((message, (line, column))) => {
            format!("{NO_START}: invalid JSON5 at line {line}, column {column}: {message}")
        }
        None => error.to_string(),
    }
}

/// The release that wrote a configuration last.
fn written_by(config: &Value) -> Option<Release> {
    config["meta"]["lastTouchedVersion"].as_str()?.parse().ok()
}

/// A note about a version in a configuration that is not that of a release. Any text can be in its place, so the note does
/// not repeat it.
fn unknown_writer(config: &Value) -> Option<String> {
    let version = config["meta"]["lastTouchedVersion"].as_str()?;
    let note = "meta.lastTouchedVersion in openclaw.json is not a release; use --release to select a release";
    version.parse::<Release>().is_err().then(|| note.to_owned())
}

/// Whether a release reads the store. If a newer release has moved the store into a database, the configuration can still
/// name the older one.
fn reads(stored: &StoredState, release: Release, notes: &mut Vec<String>) -> bool {
    let format = Facts::nearest(release).pairing.format;
    let reads = !stored.has_database() || format == StoreFormat::Sqlite;
    if !reads {
        notes.push(format!("openclaw.json names {release}, which does not read {DATABASE}"));
    }
    reads
}

impl StateDirectory {
    /// Reads a state directory and its configuration.
    ///
    /// # Errors
    /// The directory or the configuration cannot be read.
    pub(crate) fn read(places: &StatePaths) -> Result<Self, StateError> {
        let (state, error) = Self::read_store(places)?;
        error.map_or(Ok(state), |error| Err(error.into()))
    }

    /// Reads a state directory even if its configuration cannot be used. The problem is in
    /// [`unread_config`](Self::unread_config).
    ///
    /// # Errors
    /// The directory cannot be read.
    pub(crate) fn read_despite_config(places: &StatePaths) -> Result<Self, StateError> {
        Self::read_store(places).map(|(state, _)| state)
    }

    fn read_store(places: &StatePaths) -> Result<(Self, Option<ConfigFileError>), StateError> {
        let env = Environment(&places.env);
        let directory = places.state_dir.clone().or_else(|| env.state_dir()).ok_or(StateError::NoDirectory)?;
        let is_default = places.state_dir.is_none();
        if !directory.is_dir() {
            return Err(foreign(&directory));
        }
        let named = places.config.clone().or_else(|| env.path("OPENCLAW_CONFIG_PATH").filter(|_| is_default));
        let path = named.clone().unwrap_or_else(|| {
            let [newer, older] = CONFIGS.map(|name| directory.join(name));
            if !newer.exists() && older.exists() { older } else { newer }
        });
        // SQLite itself returns a consistent state of the database.
        let mut files = Document::ALL.map(|document| directory.join(document.path())).to_vec();
        files.extend([path.clone(), directory.join(IDENTITY), directory.join(CLIENT_TOKENS)]);
        read_unchanged(&files, || Self::read_files(places, &directory, named.is_some(), &path))
            .map_err(StateError::KeepsChanging)?
    }

    /// Reads the files of a state directory once.
    fn read_files(
        places: &StatePaths,
        directory: &Path,
        is_config_named: bool,
        path: &Path,
    ) -> Result<(Self, Option<ConfigFileError>), StateError> {
        let env = Environment(&places.env);
        let is_default = places.state_dir.is_none();
        let stored = StoredState::read(directory)?;
        let (found, error) = match config_file(path)? {
            Ok(found) => (found, None),
            Err(error) => (None, Some(error)),
        };
        let mut notes = odd(&stored);
        notes.extend(is_default.then(|| env.other_directories(directory)).flatten());
        notes.extend(without_store(&stored));
        if found.is_none() && error.is_none() {
            if is_config_named {
                return Err(StateError::NoConfig(path.to_owned()));
            }
            if !is_state_directory(directory) {
                return Err(foreign(directory));
            }
            notes.push("there is no openclaw.json: token authentication on loopback is assumed".to_owned());
        }
        let config_path = (found.is_some() || error.is_some()).then(|| path.to_owned());
        let unread_config = error.as_ref().map(|error| (path.to_owned(), problem(error)));
        let config = found.unwrap_or_else(|| json!({ "gateway": { "mode": "local" } }));
        let (own_key, own_id) = own_device(directory, &mut notes);
        notes.extend(environment::remote_gateway(&config));
        notes.extend(unknown_writer(&config));
        let written = written_by(&config).filter(|release| reads(&stored, *release, &mut notes));
        let written = || Some((written?, "from openclaw.json"));
        let installed = || Some((env.installed()?, "installed on this machine"));
        let release = if is_default { installed().or_else(written) } else { written() };
        let env = if is_default { places.env.clone() } else { Vec::new() };
        let (stored, client_tokens) = (stored.into(), client_tokens::read(directory, &mut notes));
        let state = Self {
            stored,
            config,
            config_path,
            unread_config,
            env,
            is_default,
            own_key,
            own_id,
            client_tokens,
            notes,
            release,
        };
        Ok((state, error))
    }

    /// An empty state directory with this configuration.
    ///
    /// # Errors
    /// The configuration does not exist or cannot be read.
    pub(crate) fn of_config(path: &Path) -> Result<Self, StateError> {
        let config = config_file(path)??.ok_or_else(|| StateError::NoConfig(path.to_owned()))?;
        let release = written_by(&config).map(|release| (release, "from openclaw.json"));
        Ok(Self {
            stored: StoredState::empty("").into(),
            config,
            config_path: Some(path.to_owned()),
            unread_config: None,
            env: Vec::new(),
            is_default: false,
            own_key: None,
            own_id: None,
            client_tokens: Vec::new(),
            notes: Vec::new(),
            release,
        })
    }

    /// The release of the gateway: the one that the user names, that of the directory, or the newest known one. Every
    /// command that reads a state directory uses this rule.
    pub(crate) fn choose_release(&self, given: Option<Release>) -> ChosenRelease {
        let found = self.release.map(|(release, source)| ChosenRelease { release, source: Some(source) });
        let newest = ChosenRelease { release: releases::DEFAULT, source: Some(ASSUMED) };
        given.map_or(found.unwrap_or(newest), |release| ChosenRelease { release, source: None })
    }

    /// A sentence about a configuration that makes `openclaw` a client of a gateway on another machine.
    pub(crate) fn remote_gateway(&self) -> Option<String> {
        environment::remote_gateway(&self.config)
    }

    /// The configuration file, if it is not one in the state directory.
    pub(crate) fn named_config(&self) -> Option<&Path> {
        let own = CONFIGS.map(|name| self.stored.directory().join(name));
        self.config_path.as_deref().filter(|path| own.iter().all(|own| own != path))
    }

    /// The secrets, which must not be printed: secrets in the configuration and the environment, and all tokens in the
    /// store.
    pub(crate) fn secrets(&self) -> Redactions {
        let mut secrets = redactions(&self.config, &self.env);
        self.client_tokens.iter().for_each(|stored| secrets.add(stored.secret(), "token"));
        for document in Document::ALL {
            if let StoredFile::Json(value) = self.stored.file(document) {
                tokens(value, document, &mut secrets);
            }
        }
        for (document, value) in self.stored.database() {
            tokens(value, document, &mut secrets);
        }
        secrets
    }
}

/// Collects every token in a document. The key of a bootstrap token's entry is the token itself.
fn tokens(value: &Value, document: Document, secrets: &mut Redactions) {
    if document == Document::DevicesBootstrap {
        value.as_object().into_iter().flatten().for_each(|(key, _)| secrets.add(key, "bootstrap token"));
    }
    collect(value, secrets);
}

fn collect(value: &Value, secrets: &mut Redactions) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| match member {
            Value::String(text) if SECRETS.contains(&name.as_str()) => secrets.add(text, "token"),
            other => collect(other, secrets),
        }),
        Value::Array(items) => items.iter().for_each(|item| collect(item, secrets)),
        _ => {}
    }
}

/// The problems of a store, one sentence each.
fn odd(stored: &StoredState) -> Vec<String> {
    let mut notes = Vec::new();
    let mut files = 0;
    for document in Document::ALL {
        match stored.file(document) {
            StoredFile::Absent => {}
            StoredFile::Json(_) => files += 1,
            StoredFile::Unusable { why, .. } => notes.push(why.clone()),
        }
    }
    notes.extend(stored.damaged_database().map(str::to_owned));
    notes.extend(stored.locked().map(str::to_owned));
    if files > 0 && stored.has_database() {
        let of = |format: StoreFormat| {
            let facts = known_releases().filter_map(|release| Facts::of(release).ok());
            let same = facts.filter(|facts| facts.pairing.format == format).map(|facts| facts.release);
            release_ranges::list(&same.collect::<Vec<_>>())
        };
        notes.push(format!(
            "there are two stores: JSON files, for {}, and {DATABASE}, for {}; a gateway that uses the database imports \
             the files into it",
            of(StoreFormat::Files),
            of(StoreFormat::Sqlite)
        ));
    }
    notes
}

/// A note about a directory without a pairing store: nothing was ever paired, or the store is elsewhere.
fn without_store(stored: &StoredState) -> Option<String> {
    let has_file = Document::ALL.into_iter().any(|document| *stored.file(document) != StoredFile::Absent);
    let has_store = has_file || stored.has_database() || stored.is_locked();
    (!has_store).then(|| {
        let below = below(stored.directory());
        let hint = if below.is_empty() { USUAL_PLACE.to_owned() } else { format!("a store is in {}", named(&below)) };
        format!("there is no pairing store here (devices/paired.json or {DATABASE}), so no device is paired; {hint}")
    })
}

/// The key and the id of the gateway's own device.
fn own_device(directory: &Path, notes: &mut Vec<String>) -> (Option<DeviceKey>, Option<String>) {
    let path = directory.join(IDENTITY);
    let pem = match plain_file::read(&path, MAX_IDENTITY_BYTES, Links::Follow) {
        Ok(bytes) => {
            let document = serde_json::from_slice::<Value>(&bytes).unwrap_or_default();
            let key = document["privateKeyPem"].as_str().and_then(DeviceKey::from_pem);
            let id = document["deviceId"].as_str().map(str::to_owned);
            if key.is_none() {
                notes.push("identity/device.json does not contain an Ed25519 key".to_owned());
            }
            return (key, id);
        }
        Err(error) if error.is_not_found() => SqliteDocuments::own_key(directory, Links::Follow).ok().flatten(),
        Err(error) => {
            notes.push(format!("identity/device.json: {error}"));
            None
        }
    };
    (pem.as_deref().and_then(DeviceKey::from_pem), None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn env(pairs: &[(&str, &Path)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.display().to_string())).collect()
    }

    #[test]
    fn default_directory_and_release() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join(".openclaw");
        fs::create_dir_all(&state).unwrap();
        fs::write(
            state.join("openclaw.json"),
            r#"{ gateway: { mode: "local" }, meta: { lastTouchedVersion: "2026.4.2" } }"#,
        )
        .unwrap();
        let package = folder.path().join("lib/openclaw");
        fs::create_dir_all(&package).unwrap();
        fs::write(package.join("openclaw.mjs"), "").unwrap();
        fs::write(package.join("package.json"), r#"{"name":"openclaw","version":"2026.4.5"}"#).unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        std::os::unix::fs::symlink(package.join("openclaw.mjs"), folder.path().join("bin/openclaw")).unwrap();
        let home = ("HOME", folder.path());
        let read = |places: StatePaths| StateDirectory::read(&places).unwrap();
        let found = read(StatePaths { env: env(&[home]), ..StatePaths::default() });
        assert_eq!(found.stored.directory(), state);
        assert_eq!((found.is_default, found.release.unwrap().0), (true, "2026.4.2".parse().unwrap()));
        // The directory of the former name and that of a profile.
        for other in [".clawdbot", ".openclaw-dev"] {
            fs::create_dir_all(folder.path().join(other).join("devices")).unwrap();
            fs::write(folder.path().join(other).join("devices/paired.json"), "{}").unwrap();
        }
        let found = read(StatePaths { env: env(&[home]), ..StatePaths::default() });
        let note = found.notes.iter().find(|note| note.contains("other state directories")).unwrap();
        assert!(note.contains("/.clawdbot, ") && note.ends_with("/.openclaw-dev"), "{note}");
        let bin = folder.path().join("bin");
        let found = read(StatePaths { env: env(&[home, ("PATH", &bin)]), ..StatePaths::default() });
        assert_eq!(found.release.unwrap().0, "2026.4.5".parse().unwrap());
        let named = StatePaths { state_dir: Some(state), env: env(&[home, ("PATH", &bin)]), ..StatePaths::default() };
        let found = read(named);
        assert_eq!((found.release.unwrap().0, found.env.len()), ("2026.4.2".parse().unwrap(), 0));
    }

    #[test]
    fn former_directory_is_used_without_newer_one() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join(".clawdbot");
        fs::create_dir_all(state.join("devices")).unwrap();
        fs::write(state.join("clawdbot.json"), r#"{ gateway: { mode: "local", port: 18790 } }"#).unwrap();
        let found = StateDirectory::read(&StatePaths { env: env(&[("HOME", folder.path())]), ..StatePaths::default() });
        let found = found.unwrap();
        assert_eq!((found.stored.directory(), &found.config["gateway"]["port"]), (&*state, &json!(18790)));
    }

    #[test]
    fn tokens_are_redacted() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("devices")).unwrap();
        fs::write(folder.path().join("devices/paired.json"), r#"{"a":{"tokens":{"operator":{"token":"canary-1"}}}}"#)
            .unwrap();
        fs::write(folder.path().join("devices/bootstrap.json"), r#"{"canary-2":{"ts":1}}"#).unwrap();
        fs::write(folder.path().join("openclaw.json"), r#"{"gateway":{"auth":{"token":"canary-3"}}}"#).unwrap();
        let places = StatePaths { state_dir: Some(folder.path().to_owned()), ..StatePaths::default() };
        let secrets = StateDirectory::read(&places).unwrap().secrets();
        let shown = secrets.apply_known("canary-1 canary-2 canary-3");
        assert!(!shown.contains("canary"), "{shown}");
    }
}
