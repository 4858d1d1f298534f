//! The import of an older release's files at the start of a release with a database. It imports what it can and renames
//! the files (`state-migrations.pairing.ts` of 2026.9.6).

use super::settings::StartRefusal;
use crate::store::{MAX_FILE_BYTES, SqliteDocuments, SqliteError};
use openclaw_model::pairing::{Imported, import_devices, import_nodes};
use openclaw_protocol::js::Record;
use openclaw_protocol::store::{DATABASE, Document, Documents, WriteError, json};
use serde_json::Value;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use untrusted_data::plain_file::{self, Links, PlainFileError};

/// The files that an older release has left.
pub(crate) trait LegacyFiles {
    /// The contents of a file; `None` if it is absent or contains `null`.
    ///
    /// # Errors
    /// The file cannot be read or does not parse.
    fn read(&self, document: Document) -> Result<Option<Value>, ImportError>;
    /// Whether the file exists.
    fn has(&self, document: Document) -> bool;
    /// Renames files. The release ignores files that cannot be renamed.
    fn archive(&self, documents: &[Document]);
}

/// The files of a state directory.
struct FilesOnDisk<'a>(&'a Path);

/// The reason why the files are not imported.
pub(crate) enum ImportError {
    /// A file that cannot be read, or does not parse.
    Unreadable(PathBuf, &'static str),
    /// The database cannot be written.
    Write(WriteError),
}

impl From<WriteError> for ImportError {
    fn from(fault: WriteError) -> Self {
        Self::Write(fault)
    }
}

/// Imports the files below a state directory, whose store must be a database. Returns lines for the log.
///
/// # Errors
/// Returns an error for a file that does not parse or a database that cannot be written. The release does not start in
/// these cases.
pub(super) fn import(state_dir: &Path, store: &mut dyn Documents, now: i64) -> Result<Vec<String>, StartRefusal> {
    if SqliteDocuments::exists(state_dir) {
        check_database(state_dir, store)?;
    }
    import_all(&FilesOnDisk(state_dir), store, now)
}

/// Imports the files. Returns lines for the log.
///
/// # Errors
/// Returns an error for a file that does not parse or a store that cannot be written.
pub(crate) fn import_all(
    files: &dyn LegacyFiles,
    store: &mut dyn Documents,
    now: i64,
) -> Result<Vec<String>, StartRefusal> {
    if !Document::ALL.iter().any(|document| files.has(*document)) {
        return Ok(Vec::new());
    }
    let mut log = Vec::new();
    // The database exists before the import, and remains if the import fails.
    store.write(&[]).map_err(|fault| StartRefusal::at_import(&fault.to_string()))?;
    devices(files, store, &mut log)
        .and_then(|()| nodes(files, store, now, &mut log))
        .map_err(|fault| StartRefusal::at_import(&fault.to_string()))?;
    Ok(log)
}

/// Checks that an existing database meets the release's needs.
fn check_database(state_dir: &Path, store: &mut dyn Documents) -> Result<(), StartRefusal> {
    match SqliteDocuments::check(state_dir, Links::Follow) {
        Err(fault) if fault.is_no_database() => return Err(StartRefusal::at_database(&state_dir.join(DATABASE))),
        Err(fault @ SqliteError::Cell { .. }) => return Err(StartRefusal::at_cell(&fault.to_string())),
        // Other errors appear when the database is used.
        Err(_) | Ok(()) => {}
    }
    // Every start writes to the database.
    let writable = store.write(&[]).is_ok();
    let opened = || SqliteDocuments::new(state_dir, false).open();
    if !writable && opened().is_err_and(|fault| fault.is_read_only()) {
        return Err(StartRefusal::at_read_only_database());
    }
    Ok(())
}

impl std::fmt::Display for ImportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreadable(path, why) => write!(f, "Failed to {why} JSON file: {}", path.display()),
            Self::Write(fault) => fault.fmt(f),
        }
    }
}

fn devices(files: &dyn LegacyFiles, store: &mut dyn Documents, log: &mut Vec<String>) -> Result<(), ImportError> {
    let transient = [Document::DevicesPending, Document::DevicesBootstrap];
    let legacy = files.read(Document::DevicesPaired)?;
    if legacy.is_none() && !transient.iter().any(|document| files.has(*document)) {
        return Ok(());
    }
    let result = import_devices(legacy.as_ref(), &records(store, Document::DevicesPaired));
    take(store, Document::DevicesPaired, &result)?;
    if result.invalid > 0 {
        log.push(format!("device pairing store migration skipped {} invalid paired record(s)", result.invalid));
    }
    if result.omitted > 0 {
        log.push(format!("device pairing store migration omitted {} invalid optional field(s)", result.omitted));
    }
    files.archive(&[Document::DevicesPaired, Document::DevicesPending, Document::DevicesBootstrap]);
    log.push(format!(
        "device pairing store migrated to SQLite: imported {} paired device(s), kept {} existing record(s)",
        result.imported, result.kept
    ));
    Ok(())
}

fn nodes(
    files: &dyn LegacyFiles,
    store: &mut dyn Documents,
    now: i64,
    log: &mut Vec<String>,
) -> Result<(), ImportError> {
    let (paired, pending) = (files.read(Document::NodesPaired)?, files.read(Document::NodesPending)?);
    if paired.is_none() && pending.is_none() {
        return Ok(());
    }
    let (devices, known) = (records(store, Document::DevicesPaired), records(store, Document::NodesPaired));
    let result = import_nodes(paired.as_ref(), &devices, &known, now);
    take(store, Document::NodesPaired, &result)?;
    files.archive(&[Document::NodesPaired, Document::NodesPending]);
    log.push(format!(
        "node pairing store migrated: folded {} node surface(s) into device records, dropped {} orphan row(s)",
        result.imported, result.invalid
    ));
    Ok(())
}

impl LegacyFiles for FilesOnDisk<'_> {
    fn read(&self, document: Document) -> Result<Option<Value>, ImportError> {
        let path = self.0.join(document.path());
        let bytes = match plain_file::read(&path, MAX_FILE_BYTES, Links::Follow) {
            Ok(bytes) => bytes,
            Err(PlainFileError::Io(error))
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
            {
                return Ok(None);
            }
            Err(_) => return Err(ImportError::Unreadable(path, "read")),
        };
        match json::parse(&bytes) {
            Some(value) => Ok(Some(value).filter(|value| !value.is_null())),
            None => Err(ImportError::Unreadable(path, "parse")),
        }
    }

    fn has(&self, document: Document) -> bool {
        fs::metadata(self.0.join(document.path())).is_ok()
    }

    fn archive(&self, documents: &[Document]) {
        for document in documents {
            let path = self.0.join(document.path());
            let mut archived = path.clone().into_os_string();
            archived.push(".migrated");
            let _ = fs::rename(&path, archived);
        }
    }
}

fn records(store: &dyn Documents, document: Document) -> Record {
    store.read(document).and_then(|value| value.as_object().cloned()).unwrap_or_default()
}

fn take(store: &mut dyn Documents, document: Document, result: &Imported) -> Result<(), WriteError> {
    if result.imported == 0 {
        return Ok(());
    }
    store.write(&[(document, &Arc::new(Value::Object(result.document.clone())))])
}
