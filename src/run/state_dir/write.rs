//! Writes the pairing store of a scenario to a state directory, to its database, or to memory.

use super::seed::{Records, Seeder};
use crate::no_follow::{NoFollowDir, NoFollowError};
use crate::run::bindings::Bindings;
use crate::scenario::store::{DocumentPath, FileContent, Store, StoreFormatSetting};
use indexmap::IndexMap;
use openclaw_emulator::store::{SharedDocuments, SqliteDocuments};
use openclaw_model::{Facts, Release};
use openclaw_protocol::store::{Document, Documents as _, StoreFormat, WriteError, json};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use untrusted_data::limits::STORE_BYTES;
use untrusted_data::plain_file::{self, Links, PlainFileError};

/// An error while writing or reading a state directory.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateDirError {
    /// A file could not be written.
    #[error("cannot {kind} {path}: {source}")]
    Io {
        /// What was attempted.
        kind: &'static str,
        /// The path below the state directory.
        path: String,
        /// The cause.
        source: NoFollowError,
    },
    /// A file that records are added to could not be read.
    #[error("cannot read {path}: {source}")]
    Unread {
        /// The path below the state directory.
        path: String,
        /// The cause.
        source: PlainFileError,
    },
    /// The state directory does not exist or is not a directory.
    #[error("cannot open it: {0}")]
    Directory(NoFollowError),
    /// A symbol has no value.
    #[error("{0}")]
    Symbol(String),
    /// A document could not be written to the database or to memory.
    #[error("cannot write the store: {0}")]
    Document(#[from] WriteError),
}

/// The storage format of a store: the format of the release, unless the scenario specifies one.
pub(crate) fn format(store: &Store, release: Release) -> StoreFormat {
    match store.kept_as {
        Some(StoreFormatSetting::Files) => StoreFormat::Files,
        // Releases before the known ones used files.
        None => Facts::nearest(release).pairing.format,
    }
}

/// Writes the contents of a scenario's store to a state directory: first the folder, then the records, then the files.
///
/// If the store is a database, its records are written to the database. Records that cannot be rows are written to the
/// files that the release imports.
pub(crate) fn write(
    directory: &Path,
    store: &Store,
    folder: Option<&BTreeMap<String, Vec<u8>>>,
    seeder: &Seeder<'_>,
    format: StoreFormat,
) -> Result<(), StateDirError> {
    let root = NoFollowDir::open(directory).map_err(StateDirError::Directory)?;
    for (path, bytes) in folder.into_iter().flatten() {
        put(&root, path, bytes)?;
    }
    for (document, mut records) in seeder.records(store).map_err(StateDirError::Symbol)? {
        if format == StoreFormat::Sqlite {
            records = into_database(directory, document, records)?;
        }
        if !records.is_empty() {
            let mut merged = read_document(directory, document)?;
            merged.extend(records);
            put(&root, document.path(), json::stringify(&Value::Object(merged)).as_bytes())?;
        }
    }
    for (path, content) in &store.files {
        write_content(directory, &root, path, content, seeder.bindings)?;
    }
    Ok(())
}

/// Adds records to the database. Returns the records that cannot be rows.
fn into_database(directory: &Path, document: Document, records: Records) -> Result<Records, StateDirError> {
    let (fitting, other): (Records, Records) =
        records.into_iter().partition(|(_, record)| SqliteDocuments::fits(document, record));
    if !fitting.is_empty() {
        let mut database = SqliteDocuments::new(directory, false).refusing_links();
        let mut merged = match database.read(document).as_deref() {
            Some(Value::Object(records)) => records.clone(),
            _ => Records::new(),
        };
        merged.extend(fitting);
        database.write(&[(document, &Arc::new(Value::Object(merged)))])?;
    }
    Ok(other)
}

/// Replaces the database with one that contains these documents.
fn write_database(
    directory: &Path,
    root: &NoFollowDir,
    documents: &IndexMap<DocumentPath, Map<String, Value>>,
    bindings: &Bindings,
) -> Result<(), StateDirError> {
    for file in SqliteDocuments::files(Path::new("")) {
        let path = file.to_string_lossy().into_owned();
        root.remove(&file).map_err(|source| StateDirError::Io { kind: "remove", path, source })?;
    }
    let filled = |(path, records): (&DocumentPath, &Map<String, Value>)| {
        let records = bindings.fill(&Value::Object(records.clone())).map_err(StateDirError::Symbol)?;
        Ok((path.0, Arc::new(records)))
    };
    let mut filled = documents.iter().map(filled).collect::<Result<Vec<_>, StateDirError>>()?;
    // The records of a node are columns of its device's row.
    filled.sort_by_key(|(document, _)| *document);
    let filled = filled.iter().map(|(document, records)| (*document, records)).collect::<Vec<_>>();
    Ok(SqliteDocuments::new(directory, false).refusing_links().write(&filled)?)
}

/// Whether a store consists of records only, so that it needs no files.
pub(crate) fn is_records(store: &Store) -> bool {
    store.from.is_none() && store.files.is_empty() && store.kept_as.is_none()
}

/// Adds the records of a store to documents in memory. The documents are then the same as in files.
pub(crate) fn write_records(
    documents: &mut SharedDocuments,
    store: &Store,
    seeder: &Seeder<'_>,
) -> Result<(), StateDirError> {
    for (document, records) in seeder.records(store).map_err(StateDirError::Symbol)? {
        let mut merged = match documents.read(document).as_deref() {
            Some(Value::Object(found)) => found.clone(),
            _ => Map::new(),
        };
        merged.extend(records);
        // Normalize numbers as a file would.
        let text = json::stringify(&Value::Object(merged));
        let read = json::parse(text.as_bytes()).unwrap_or_default();
        documents.write(&[(document, &Arc::new(read))])?;
    }
    Ok(())
}

/// The current document, so that records can be added to it. A document that is not an object is replaced.
fn read_document(directory: &Path, document: Document) -> Result<Map<String, Value>, StateDirError> {
    match plain_file::read(&directory.join(document.path()), STORE_BYTES, Links::Refuse) {
        Ok(bytes) => Ok(match json::parse(&bytes) {
            Some(Value::Object(records)) => records,
            _ => Map::new(),
        }),
        Err(error) if error.is_not_found() => Ok(Map::new()),
        Err(source) => Err(StateDirError::Unread { path: document.path().to_owned(), source }),
    }
}

pub(super) fn put(root: &NoFollowDir, path: &str, bytes: &[u8]) -> Result<(), StateDirError> {
    root.write(Path::new(path), bytes).map_err(|source| StateDirError::Io {
        kind: "write",
        path: path.to_owned(),
        source,
    })
}

fn write_content(
    directory: &Path,
    root: &NoFollowDir,
    path: &str,
    content: &FileContent,
    bindings: &Bindings,
) -> Result<(), StateDirError> {
    let file = Path::new(path);
    let error = |kind| move |source| StateDirError::Io { kind, path: path.to_owned(), source };
    match content {
        FileContent::Text(text) => put(root, path, bindings.fill_text(text).map_err(StateDirError::Symbol)?.as_bytes()),
        FileContent::Base64(bytes) => put(root, path, &bytes.0),
        FileContent::Json(value) => {
            let filled = bindings.fill(value).map_err(StateDirError::Symbol)?;
            put(root, path, json::stringify(&filled).as_bytes())
        }
        FileContent::Database(documents) => write_database(directory, root, documents, bindings),
        FileContent::Directory => {
            root.remove(file).map_err(error("remove"))?;
            root.make_directory(file).map_err(error("make"))
        }
        FileContent::Missing => root.remove(file).map_err(error("remove")),
        FileContent::TruncateTo(length) => root.set_length(file, *length).map_err(error("cut")),
        FileContent::Mode(mode) => root.set_mode(file, mode.0).map_err(error("set the mode of")),
    }
}
