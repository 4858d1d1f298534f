//! The pairing store in a state directory. It is read without changes. [`StoredState::start`] then computes, in memory, the
//! store that a release has after its start.

use super::import::{ImportError, LegacyFiles, import_all};
use super::settings::StartRefusal;
use super::stored_documents::StoredDocuments;
use crate::store::{SqliteDocuments, SqliteError};
use openclaw_protocol::store::{DATABASE, Document, StoreFormat, json};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use untrusted_data::cut;
use untrusted_data::limits::DOCUMENT_VALUES;
use untrusted_data::plain_file::{self, Links, PlainFileError};

/// The longest file that is read, in bytes.
const MAX_LENGTH: u64 = 16 << 20;

/// The data about devices and nodes in a state directory.
#[derive(Debug, Clone)]
pub struct StoredState {
    directory: PathBuf,
    files: BTreeMap<Document, StoredFile>,
    database: Database,
    /// The folders that the gateway cannot write to, with a message for the user.
    locked: BTreeMap<&'static str, String>,
    /// The contents of files and of a database that the gateway's user may not open, but the user of clawcheck may.
    forbidden_files: BTreeMap<Document, StoredFile>,
    forbidden_database: Option<Database>,
}

/// One file of the store.
#[derive(Debug, Clone, PartialEq)]
pub enum StoredFile {
    /// The file does not exist.
    Absent,
    /// The contents of the file.
    Json(Arc<Value>),
    /// The file exists, but a gateway cannot use it.
    Unusable {
        /// `read` or `parse`.
        what: &'static str,
        /// The reason, as a message for the user.
        why: String,
    },
}

/// The database file of the state directory.
#[derive(Debug, Clone)]
enum Database {
    Absent,
    /// The database exists, but does not contain a pairing store yet.
    Unused,
    Holds(BTreeMap<Document, Arc<Value>>),
    /// No release starts with the database.
    Refused(StartRefusal, String),
}

/// A state directory that cannot be read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum StoredStateError {
    /// The directory does not exist, or is not a directory.
    #[error("cannot read the state directory {path}: {error}")]
    #[diagnostic(help("a state directory is the folder that contains devices/paired.json or state/openclaw.sqlite"))]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },
    /// The operating system denies this user access to a file, but not the owner of the state directory.
    #[error("cannot read {path}: {error}")]
    #[diagnostic(help("run clawcheck as the user who owns the state directory, or pass a copy that you can read"))]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },
    /// A file exceeds a limit.
    #[error("{path} has more than {limit}; clawcheck does not read a store of this size")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The exceeded limit, for the message.
        limit: String,
    },
    /// This user cannot read the database at the moment.
    #[error("cannot read {path}: {fault}")]
    #[diagnostic(help("{}", advice(fault)))]
    Database {
        /// The database.
        path: PathBuf,
        /// The reason.
        fault: SqliteError,
    },
}

/// What a user can do about a database that cannot be read.
fn advice(fault: &SqliteError) -> &'static str {
    match fault {
        fault if fault.is_busy() => "another program holds the database: try again, or stop the gateway",
        SqliteError::TooLarge | SqliteError::TooMany(_) => "clawcheck does not read a store of this size",
        SqliteError::NoTable(_) => "no release writes such a database: restore a backup, or move the file away",
        _ => "run clawcheck as the user who owns the state directory, or pass a copy that you can read",
    }
}

impl StoredState {
    /// An empty state directory.
    pub fn empty(directory: impl Into<PathBuf>) -> Self {
        let files = Document::ALL.into_iter().map(|document| (document, StoredFile::Absent)).collect();
        Self {
            directory: directory.into(),
            files,
            database: Database::Absent,
            locked: BTreeMap::new(),
            forbidden_files: BTreeMap::new(),
            forbidden_database: None,
        }
    }

    /// A state directory that contains only this document: in its file, or in the database.
    pub fn of_document(directory: &Path, document: Document, value: Arc<Value>, format: StoreFormat) -> Self {
        let mut stored = Self::empty(directory);
        match format {
            StoreFormat::Files => stored.set_file(document, StoredFile::Json(value)),
            StoreFormat::Sqlite => stored.database = Database::Holds(BTreeMap::from([(document, value)])),
        }
        stored
    }

    /// Reads a state directory. The gateway is assumed to run as the owner of the directory.
    ///
    /// # Errors
    /// The directory does not exist, or exceeds a limit.
    pub fn read(directory: &Path) -> Result<Self, StoredStateError> {
        let failed = |error| StoredStateError::Directory { path: directory.to_owned(), error };
        let root = fs::metadata(directory).map_err(failed)?;
        if !root.is_dir() {
            return Err(failed(io::ErrorKind::NotADirectory.into()));
        }
        let mut stored = Self::empty(directory);
        for document in Document::ALL {
            stored.read_file(document, &root)?;
        }
        stored.read_database(&root)?;
        for folder in ["devices", "nodes"] {
            if let Ok(found) = fs::metadata(directory.join(folder))
                && !allows(&root, &found, 0o3)
            {
                stored
                    .locked
                    .insert(folder, format!("the gateway cannot write to {folder}: {}", owners(&root, &found)));
            }
        }
        Ok(stored)
    }

    fn read_file(&mut self, document: Document, root: &Metadata) -> Result<(), StoredStateError> {
        let (path, name) = (self.directory.join(document.path()), document.path());
        let found = fs::metadata(&path);
        let denied = match &found {
            Ok(found) if found.is_file() && !allows(root, found, 0o4) => Some(owners(root, found)),
            _ => None,
        };
        let folder = path.parent().filter(|_| found.is_err()).and_then(|folder| fs::metadata(folder).ok());
        let is_folder_denied = folder.is_some_and(|folder| !allows(root, &folder, 0o1));
        let kept = match file(&path, document) {
            // If only this user may not read the file, clawcheck does not know what the gateway reads.
            Err(StoredStateError::File { error, .. }) if denied.is_some() || is_folder_denied => {
                StoredFile::Unusable { what: "read", why: format!("{name}: {error}") }
            }
            kept => kept?,
        };
        // The contents are kept, because a remedy can make the file readable (`unlock`).
        let kept = match denied {
            None => kept,
            Some(owners) => {
                self.forbidden_files.insert(document, kept);
                StoredFile::Unusable { what: "read", why: format!("the gateway cannot read {name}: {owners}") }
            }
        };
        self.files.insert(document, kept);
        Ok(())
    }

    fn read_database(&mut self, root: &Metadata) -> Result<(), StoredStateError> {
        let path = self.directory.join(DATABASE);
        let found = match fs::metadata(&path) {
            Ok(found) => found,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(());
            }
            Err(error) => return Err(StoredStateError::File { path, error }),
        };
        self.database = database(&self.directory)?;
        if !allows(root, &found, 0o6) {
            let why = format!("the gateway cannot write to {DATABASE}: {}", owners(root, &found));
            let refused = Database::Refused(StartRefusal::at_read_only_database(), why);
            self.forbidden_database = Some(std::mem::replace(&mut self.database, refused));
        }
        Ok(())
    }

    /// The path of the state directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// One of its files.
    pub fn file(&self, document: Document) -> &StoredFile {
        self.files.get(&document).unwrap_or(&StoredFile::Absent)
    }

    /// Replaces a file, in memory.
    pub fn set_file(&mut self, document: Document, kept: StoredFile) {
        self.files.insert(document, kept);
    }

    /// The documents in the database.
    pub fn database(&self) -> impl Iterator<Item = (Document, &Arc<Value>)> {
        let documents = match &self.database {
            Database::Holds(documents) => Some(documents),
            _ => None,
        };
        documents.into_iter().flatten().map(|(document, value)| (*document, value))
    }

    /// Whether the database already is the store.
    pub fn has_database(&self) -> bool {
        !matches!(self.database, Database::Absent | Database::Unused)
    }

    /// The reason why no release starts with the database, if there is one.
    pub fn damaged_database(&self) -> Option<&str> {
        match &self.database {
            Database::Refused(_, why) => Some(why),
            _ => None,
        }
    }

    /// Removes the database, in memory, as if a user had moved the file away.
    pub fn drop_database(&mut self) {
        self.database = Database::Absent;
    }

    /// The messages about folders that the gateway cannot write to.
    pub fn locked(&self) -> impl Iterator<Item = &str> {
        self.locked.values().map(String::as_str)
    }

    /// Whether the gateway's user may not use something in the directory that belongs to another user or has another mode.
    pub fn is_locked(&self) -> bool {
        !self.locked.is_empty() || !self.forbidden_files.is_empty() || self.forbidden_database.is_some()
    }

    /// Whether a file is unusable only because the gateway's user may not read it.
    pub fn is_forbidden(&self, document: Document) -> bool {
        self.forbidden_files.contains_key(&document)
    }

    /// Whether the database is refused only because the gateway's user may not write to it.
    pub fn is_database_forbidden(&self) -> bool {
        self.forbidden_database.is_some()
    }

    /// Makes everything accessible, in memory, as if the gateway's user had become the owner of the directory.
    pub fn unlock(&mut self) {
        self.locked.clear();
        self.files.append(&mut self.forbidden_files);
        if let Some(database) = self.forbidden_database.take() {
            self.database = database;
        }
    }

    /// The store after the start of a release with this format, and the log lines about the store.
    ///
    /// # Errors
    /// The release does not start on this store.
    pub fn start(&self, format: StoreFormat, now: i64) -> Result<(StoredDocuments, Vec<String>), StartRefusal> {
        let mut store = StoredDocuments { directory: self.directory.clone(), ..StoredDocuments::default() };
        if format == StoreFormat::Files {
            store.locked = self.locked.clone();
            for (document, kept) in &self.files {
                match kept {
                    StoredFile::Absent => {}
                    StoredFile::Json(value) => drop(store.documents.insert(*document, Ok(Arc::clone(value)))),
                    StoredFile::Unusable { what, .. } => drop(store.documents.insert(*document, Err(what))),
                }
            }
            return Ok((store, Vec::new()));
        }
        match &self.database {
            Database::Absent | Database::Unused => {}
            Database::Refused(refusal, _) => return Err(refusal.clone()),
            Database::Holds(documents) => {
                store.documents =
                    documents.iter().map(|(document, value)| (*document, Ok(Arc::clone(value)))).collect();
            }
        }
        let log = import_all(self, &mut store, now)?;
        Ok((store, log))
    }
}

impl LegacyFiles for StoredState {
    fn read(&self, document: Document) -> Result<Option<Value>, ImportError> {
        match self.file(document) {
            StoredFile::Absent => Ok(None),
            StoredFile::Json(value) => Ok(Some((**value).clone()).filter(|value| !value.is_null())),
            StoredFile::Unusable { what, .. } => {
                Err(ImportError::Unreadable(self.directory.join(document.path()), what))
            }
        }
    }

    fn has(&self, document: Document) -> bool {
        *self.file(document) != StoredFile::Absent
    }

    fn archive(&self, _: &[Document]) {}
}

/// The contents of a file of the store, whoever is allowed to read it.
fn file(path: &Path, document: Document) -> Result<StoredFile, StoredStateError> {
    let name = document.path();
    match fs::metadata(path) {
        Ok(_) => {}
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(StoredFile::Absent);
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(StoredStateError::File { path: path.to_owned(), error });
        }
        Err(error) => return Ok(StoredFile::Unusable { what: "read", why: format!("{name}: {error}") }),
    }
    let too_large = |limit: String| StoredStateError::TooLarge { path: path.to_owned(), limit };
    let bytes = match plain_file::read(path, MAX_LENGTH, Links::Follow) {
        Ok(bytes) => bytes,
        Err(PlainFileError::TooLarge(_)) => return Err(too_large(format!("{} MiB", MAX_LENGTH >> 20))),
        Err(PlainFileError::Io(error)) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(StoredStateError::File { path: path.to_owned(), error });
        }
        Err(error) => return Ok(StoredFile::Unusable { what: "read", why: format!("{name}: {error}") }),
    };
    if cut::json::count(&bytes) > DOCUMENT_VALUES {
        return Err(too_large(format!("{DOCUMENT_VALUES} JSON values")));
    }
    Ok(match json::parse(&bytes) {
        Some(value) => StoredFile::Json(Arc::new(value)),
        None if bytes.is_empty() => StoredFile::Unusable { what: "parse", why: format!("{name} is empty") },
        None => StoredFile::Unusable { what: "parse", why: format!("{name} is not valid JSON") },
    })
}

/// The contents of an existing database, even if clawcheck cannot write to it.
fn database(directory: &Path) -> Result<Database, StoredStateError> {
    let path = directory.join(DATABASE);
    match SqliteDocuments::check(directory, Links::Follow) {
        Err(fault) if fault.is_no_database() => {
            let why = format!("{DATABASE} is not a database, or is damaged");
            return Ok(Database::Refused(StartRefusal::at_database(&path), why));
        }
        Err(fault @ SqliteError::Cell { .. }) => {
            let why = format!("{DATABASE}: {fault}");
            return Ok(Database::Refused(StartRefusal::at_cell(&fault.to_string()), why));
        }
        Err(fault) if fault.is_busy() => return Err(StoredStateError::Database { path, fault }),
        // Other errors are not about the contents. They are reported when the database is read.
        Ok(()) | Err(_) => {}
    }
    let documents = SqliteDocuments::read_store(directory, Links::Follow);
    let Some(documents) = documents.map_err(|fault| StoredStateError::Database { path, fault })? else {
        return Ok(Database::Unused);
    };
    Ok(Database::Holds(documents.into_iter().map(|(document, value)| (document, Arc::new(value))).collect()))
}

/// Whether the owner of the state directory has this access (mode bits as for others) to a file or a folder in it.
fn allows(root: &Metadata, found: &Metadata, bits: u32) -> bool {
    let mode = match found {
        _ if root.uid() == 0 => return true,
        found if found.uid() == root.uid() => found.mode() >> 6,
        found if found.gid() == root.gid() => found.mode() >> 3,
        found => found.mode(),
    };
    mode & bits == bits
}

fn owners(root: &Metadata, found: &Metadata) -> String {
    match found.uid() == root.uid() {
        true => format!("its mode is {:03o}", found.mode() & 0o777),
        false => format!("it belongs to user {}, but the state directory belongs to user {}", found.uid(), root.uid()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openclaw_protocol::store::Documents as _;
    use serde_json::json;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn reads_directory_without_changes() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("devices")).unwrap();
        fs::write(folder.path().join("devices/paired.json"), r#"{"a":{"deviceId":"a"}}"#).unwrap();
        fs::write(folder.path().join("devices/pending.json"), "{").unwrap();
        let stored = StoredState::read(folder.path()).unwrap();
        let (mut store, _) = stored.start(StoreFormat::Files, 0).unwrap();
        assert_eq!(*store.read(Document::DevicesPaired).unwrap(), json!({"a": {"deviceId": "a"}}));
        assert_eq!(store.try_read(Document::DevicesPending).unwrap_err().what, "parse");
        store.write(&[(Document::DevicesPending, &Arc::new(json!({})))]).unwrap();
        assert_eq!(*store.read(Document::DevicesPending).unwrap(), json!({}));
        assert_eq!(fs::read(folder.path().join("devices/pending.json")).unwrap(), b"{");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn start_imports_legacy_files() {
        let mut stored = StoredState::empty("/state");
        stored.set_file(Document::DevicesPaired, StoredFile::Unusable { what: "parse", why: String::new() });
        assert_eq!(stored.start(StoreFormat::Sqlite, 0).unwrap_err().exit_code, 78);
        stored.set_file(Document::DevicesPaired, StoredFile::Json(Arc::new(json!({}))));
        stored.set_file(Document::DevicesPending, StoredFile::Json(Arc::new(json!({"r": {"requestId": "r"}}))));
        let (store, log) = stored.start(StoreFormat::Sqlite, 0).unwrap();
        assert_eq!(store.read(Document::DevicesPending), None, "pending requests are not imported");
        assert!(log.iter().any(|line| line.contains("migrated to SQLite")), "{log:?}");
    }

    #[test]
    fn repaired_owner_restores_access() {
        let mut stored = StoredState::empty("/state");
        let paired = StoredFile::Json(Arc::new(json!({"a": {"deviceId": "a"}})));
        stored.set_file(Document::DevicesPaired, StoredFile::Unusable { what: "read", why: String::new() });
        stored.forbidden_files.insert(Document::DevicesPaired, paired.clone());
        assert!(stored.is_locked() && stored.is_forbidden(Document::DevicesPaired));
        stored.unlock();
        assert_eq!(*stored.file(Document::DevicesPaired), paired);
        assert!(!stored.is_locked());
    }

    #[test]
    fn file_that_only_this_user_cannot_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(Document::DevicesPaired.path());
        fs::create_dir(path.parent().unwrap()).unwrap();
        fs::write(&path, "{}").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        if fs::read(&path).is_ok() {
            // Root can read every file. An unprivileged user also runs this test in `.ci/run`.
            return;
        }
        let mut stored = StoredState::empty(folder.path());
        let of_root = fs::metadata("/").unwrap();
        let error = stored.read_file(Document::DevicesPaired, &of_root).unwrap_err();
        assert!(matches!(error, StoredStateError::File { .. }), "{error}");
        // The owner of this directory cannot read the file either.
        stored.read_file(Document::DevicesPaired, &fs::metadata(folder.path()).unwrap()).unwrap();
        assert!(matches!(stored.file(Document::DevicesPaired), StoredFile::Unusable { what: "read", .. }));
    }

    #[test]
    fn locked_directory_error() {
        let mut stored = StoredState::empty("/state");
        stored.locked.insert("devices", String::new());
        let (mut store, _) = stored.start(StoreFormat::Files, 0).unwrap();
        let fault = store.write(&[(Document::DevicesPaired, &Arc::new(json!({})))]).unwrap_err();
        assert_eq!(fault.0, "EACCES: permission denied, open '/state/devices/paired.json'");
    }

    #[test]
    fn database_that_another_program_holds() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = SqliteDocuments::new(folder.path(), false);
        store.write(&[(Document::DevicesPaired, &Arc::new(json!({})))]).unwrap();
        drop(store);
        let other = rusqlite::Connection::open(folder.path().join(DATABASE)).unwrap();
        other.pragma_update(None, "journal_mode", "delete").unwrap();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let error = StoredState::read(folder.path()).unwrap_err();
        assert!(error.to_string().ends_with("database is locked"), "{error}");
        let help = miette::Diagnostic::help(&error).unwrap().to_string();
        assert!(help.starts_with("another program holds the database"), "{help}");
    }
}
