//! The files of a state directory: filled before a case, looked at after it.

use super::knowledge::Knowledge;
use super::seed::{Records, Seeder};
use crate::observe::{NoFile, StoreFiles, in_database};
use crate::rules::{Release, Rules};
use crate::scenario::store::{FileContent, KeptAs, Store};
use crate::store::{
    DATABASE, Document, Documents as _, SharedDocuments, SqliteDocuments, StoreFormat, WriteFault, json,
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Component, Path};
use std::sync::Arc;

/// The folders that belong to the pairing store: every file in them is looked at.
const FOLDERS: [&str; 2] = ["devices", "nodes"];
/// A file above this is not looked at, in bytes: the stores of real gateways take a thousandth of it.
const LARGEST: u64 = 16 << 20;

/// A state directory could not be filled or looked at.
#[derive(Debug, thiserror::Error)]
pub(super) enum FilesError {
    /// A file could not be read or written.
    #[error("cannot {act} {path}: {source}")]
    Io {
        /// What was tried.
        act: &'static str,
        /// Below the state directory.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A path leads out of the state directory.
    #[error("`{0}` leads out of the state directory")]
    Outside(String),
    /// A symbol has no value.
    #[error("{0}")]
    Symbol(String),
    /// A document could not be written into the database or the memory.
    #[error("cannot write the store: {0}")]
    Document(#[from] WriteFault),
}

/// How the records of a store are kept: as a release keeps them, unless the scenario says.
pub(super) fn format(store: &Store, release: Release) -> StoreFormat {
    match store.kept_as {
        Some(KeptAs::Files) => StoreFormat::Files,
        // Before the history begins there were files.
        None => Rules::of(release).map_or(StoreFormat::Files, |rules| rules.pairing.format),
    }
}

/// Puts into a state directory what a scenario says: the folder first, then the records, then the files.
///
/// Where the store is a database, so are the records in it, but for those that cannot be rows: they stand in the files
/// that the release imports.
pub(super) fn write(
    directory: &Path,
    store: &Store,
    folder: Option<&BTreeMap<String, Vec<u8>>>,
    seeder: &Seeder<'_>,
    format: StoreFormat,
) -> Result<(), FilesError> {
    for (path, bytes) in folder.into_iter().flatten() {
        put(directory, path, bytes)?;
    }
    for (document, mut records) in seeder.records(store).map_err(FilesError::Symbol)? {
        if format == StoreFormat::Sqlite {
            records = into_database(directory, document, records)?;
        }
        if !records.is_empty() {
            let mut whole = read_document(directory, document)?;
            whole.extend(records);
            put(directory, document.path(), json::stringify(&Value::Object(whole)).as_bytes())?;
        }
    }
    for (path, content) in &store.files {
        write_content(directory, path, content, seeder.knowledge)?;
    }
    Ok(())
}

/// Adds records to those in the database. Gives back those that cannot be rows.
fn into_database(directory: &Path, document: Document, records: Records) -> Result<Records, FilesError> {
    let (fitting, other): (Records, Records) =
        records.into_iter().partition(|(_, record)| SqliteDocuments::fits(document, record));
    if !fitting.is_empty() {
        let mut database = SqliteDocuments::new(directory, false);
        let mut whole = match database.read(document).as_deref() {
            Some(Value::Object(records)) => records.clone(),
            _ => Records::new(),
        };
        whole.extend(fitting);
        database.write(&[(document, &Arc::new(Value::Object(whole)))])?;
    }
    Ok(other)
}

/// Whether a store is records and nothing else, for which no file is needed.
pub(super) fn is_records(store: &Store) -> bool {
    store.from.is_none() && store.files.is_empty() && store.kept_as.is_none()
}

/// Puts the records of a store into documents in memory. They are then what they would be in files.
pub(super) fn write_records(
    documents: &mut SharedDocuments,
    store: &Store,
    seeder: &Seeder<'_>,
) -> Result<(), FilesError> {
    for (document, records) in seeder.records(store).map_err(FilesError::Symbol)? {
        let mut whole = match documents.read(document).as_deref() {
            Some(Value::Object(found)) => found.clone(),
            _ => Map::new(),
        };
        whole.extend(records);
        // A file has no two ways to write a number.
        let text = json::stringify(&Value::Object(whole));
        let read = json::parse(text.as_bytes()).unwrap_or_default();
        documents.write(&[(document, &Arc::new(read))])?;
    }
    Ok(())
}

/// Documents in memory as the files that they would be.
pub(super) fn in_memory(documents: &SharedDocuments) -> StoreFiles {
    documents.files().into_iter().map(|(document, bytes)| (document.path().to_owned(), Ok(bytes))).collect()
}

/// A document as it stands, so that records can be added to it; what is no object is replaced.
fn read_document(directory: &Path, document: Document) -> Result<Map<String, Value>, FilesError> {
    match fs::read(directory.join(document.path())) {
        Ok(bytes) => Ok(match json::parse(&bytes) {
            Some(Value::Object(records)) => records,
            _ => Map::new(),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Map::new()),
        Err(source) => Err(FilesError::Io { act: "read", path: document.path().to_owned(), source }),
    }
}

fn put(directory: &Path, path: &str, bytes: &[u8]) -> Result<(), FilesError> {
    let file = inside(directory, path)?;
    let fault = |source| FilesError::Io { act: "write", path: path.to_owned(), source };
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent).map_err(fault)?;
    }
    fs::write(&file, bytes).map_err(fault)
}

fn write_content(directory: &Path, path: &str, content: &FileContent, knowledge: &Knowledge) -> Result<(), FilesError> {
    let file = inside(directory, path)?;
    let fault = |act| move |source| FilesError::Io { act, path: path.to_owned(), source };
    match content {
        FileContent::Text(text) => {
            put(directory, path, knowledge.fill_text(text).map_err(FilesError::Symbol)?.as_bytes())
        }
        FileContent::Base64(bytes) => put(directory, path, &bytes.0),
        FileContent::Json(value) => {
            let filled = knowledge.fill(value).map_err(FilesError::Symbol)?;
            put(directory, path, json::stringify(&filled).as_bytes())
        }
        FileContent::Directory => {
            clear(&file).map_err(fault("remove"))?;
            fs::create_dir_all(&file).map_err(fault("make"))
        }
        FileContent::Missing => clear(&file).map_err(fault("remove")),
        FileContent::TruncateTo(length) => {
            fs::OpenOptions::new().write(true).open(&file).and_then(|file| file.set_len(*length)).map_err(fault("cut"))
        }
        FileContent::Mode(mode) => set_mode(&file, mode.0).map_err(fault("set the mode of")),
    }
}

#[cfg(unix)]
fn set_mode(file: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) -> io::Result<()> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

fn clear(file: &Path) -> io::Result<()> {
    match fs::symlink_metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(file),
        Ok(_) => fs::remove_file(file),
    }
}

/// A path below the directory, and nowhere else.
fn inside(directory: &Path, path: &str) -> Result<std::path::PathBuf, FilesError> {
    let relative = Path::new(path);
    if relative.components().all(|component| matches!(component, Component::Normal(_))) && !path.is_empty() {
        Ok(directory.join(relative))
    } else {
        Err(FilesError::Outside(path.to_owned()))
    }
}

/// The pairing store in a state directory, and the other files that the scenario put there.
pub(super) fn read(directory: &Path, store: &Store) -> StoreFiles {
    let mut files = StoreFiles::new();
    for folder in FOLDERS {
        match fs::read_dir(directory.join(folder)) {
            Ok(entries) => {
                for entry in entries.flatten() {
                    let name = entry.file_name();
                    let path = format!("{folder}/{}", name.to_string_lossy());
                    files.insert(path, contents(&entry.path()));
                }
            }
            Err(_) => look(directory, folder, &mut files),
        }
    }
    let database = SqliteDocuments::is_store(directory) && read_database(directory, &mut files);
    // When a release moves rows from its journal into the database's file is an accident: the rows say what is in it.
    let shown = |path: &str| FOLDERS.contains(&path) || (database && path == DATABASE);
    for path in store.files.keys().filter(|path| !shown(path)) {
        look(directory, path, &mut files);
    }
    files
}

/// Whether a file of the pairing store is being written this moment: releases write beside it, under a name that ends like
/// this, and rename.
pub(super) fn being_written(directory: &Path) -> bool {
    let entries = FOLDERS.iter().filter_map(|folder| fs::read_dir(directory.join(folder)).ok()).flatten().flatten();
    entries.into_iter().any(|entry| entry.path().extension().is_some_and(|extension| extension == "tmp"))
}

/// The documents that stand in the database; whether it could be read. One that cannot be is what its file holds.
fn read_database(directory: &Path, files: &mut StoreFiles) -> bool {
    let found = SqliteDocuments::look(directory);
    let readable = found.is_ok();
    match found {
        Ok(documents) => {
            for (document, value) in documents {
                files.insert(in_database(document), Ok(json::stringify(&value).into_bytes()));
            }
        }
        Err(_) => {
            let found = contents(&directory.join(DATABASE));
            for document in [Document::DevicesPaired, Document::DevicesPending] {
                files.insert(in_database(document), found.clone());
            }
        }
    }
    readable
}

fn look(directory: &Path, path: &str, files: &mut StoreFiles) {
    let file = directory.join(path);
    if fs::symlink_metadata(&file).is_ok() {
        files.insert(path.to_owned(), contents(&file));
    }
}

/// The bytes of a plain file. A gateway may put anything there: a pipe that never ends, a link to somewhere else.
fn contents(path: &Path) -> Result<Vec<u8>, NoFile> {
    let metadata = fs::symlink_metadata(path).map_err(|_| NoFile::Unread)?;
    if metadata.is_dir() {
        return Err(NoFile::Directory);
    }
    if !metadata.is_file() {
        return Err(NoFile::NotPlain);
    }
    let mut bytes = Vec::new();
    // One byte more than is taken tells that there is more, whatever size the file had a moment ago.
    let file = fs::File::open(path).map_err(|_| NoFile::Unread)?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|_| NoFile::Unread)?;
    if bytes.len() as u64 > LARGEST { Err(NoFile::TooLarge) } else { Ok(bytes) }
}

/// The same files under a prefix: another state directory beside the gateway's own.
pub(super) fn prefixed(prefix: &str, files: StoreFiles) -> impl Iterator<Item = (String, Result<Vec<u8>, NoFile>)> {
    files.into_iter().map(move |(path, bytes)| (format!("{prefix}/{path}"), bytes))
}

#[cfg(test)]
mod tests {
    use super::super::cast::Cast;
    use super::*;
    use crate::rules::Release;
    use serde_json::json;

    fn store(said: Value) -> Store {
        serde_json::from_value(said).unwrap()
    }

    fn fill(directory: &Path, said: Value, folder: Option<&BTreeMap<String, Vec<u8>>>) -> Result<(), FilesError> {
        let knowledge = Knowledge::new(Cast::new("a/b"));
        let seeder = Seeder { knowledge: &knowledge, now: 0, release: Release::new(2026, 4, 2), own: true };
        write(directory, &store(said), folder, &seeder, StoreFormat::Files)
    }

    #[test]
    fn a_file_that_is_not_renamed_yet_is_being_written() {
        let directory = tempfile::tempdir().unwrap();
        assert!(!being_written(directory.path()));
        put(directory.path(), "devices/paired.json", b"{}").unwrap();
        assert!(!being_written(directory.path()));
        put(directory.path(), "devices/paired.json.5e0a.tmp", b"{").unwrap();
        assert!(being_written(directory.path()));
    }

    #[test]
    fn folder_records_and_files_go_over_one_another_in_this_order() {
        let directory = tempfile::tempdir().unwrap();
        let folder = BTreeMap::from([
            ("devices/paired.json".to_owned(), br#"{"old": {}}"#.to_vec()),
            ("devices/pending.json".to_owned(), b"{}".to_vec()),
            ("identity/device.json".to_owned(), b"{}".to_vec()),
        ]);
        let said = json!({
            "paired": {"laptop": {}},
            "files": {
                "devices/pending.json": "directory",
                "devices/text": {"text": "<device laptop>"},
                "devices/cut": {"text": "whole"},
                "identity/device.json": "missing",
            },
        });
        fill(directory.path(), said, Some(&folder)).unwrap();
        fill(directory.path(), json!({"files": {"devices/cut": {"truncate-to": 2}}}), None).unwrap();
        let found = read(directory.path(), &Store::default());
        let id = Cast::new("a/b").device("laptop").device_id();
        let paired: Value = serde_json::from_slice(found["devices/paired.json"].as_ref().unwrap()).unwrap();
        assert_eq!(paired.as_object().unwrap().keys().collect::<Vec<_>>(), ["old", &id]);
        assert_eq!(found["devices/pending.json"], Err(NoFile::Directory), "a directory is no file");
        assert_eq!(found["devices/text"], Ok(id.into_bytes()));
        assert_eq!(found["devices/cut"], Ok(b"wh".to_vec()));
        assert!(!directory.path().join("identity/device.json").exists());
    }

    #[test]
    fn nothing_is_written_outside_the_directory() {
        let directory = tempfile::tempdir().unwrap();
        for path in ["../x", "/tmp/x", "a/../../x", ""] {
            let error = fill(directory.path(), json!({"files": {path: {"text": ""}}}), None).unwrap_err();
            assert!(matches!(error, FilesError::Outside(_)), "{path}: {error}");
        }
    }

    #[test]
    fn a_file_in_the_place_of_the_folder_is_looked_at() {
        let directory = tempfile::tempdir().unwrap();
        let said = json!({"files": {"devices": {"text": "in the way"}, "else/where": {"text": "x"}}});
        fill(directory.path(), said.clone(), None).unwrap();
        let found = read(directory.path(), &store(said));
        assert_eq!(found.keys().collect::<Vec<_>>(), ["devices", "else/where"]);
    }

    #[cfg(unix)]
    #[test]
    fn only_plain_files_of_a_fair_size_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let devices = directory.path().join("devices");
        fs::create_dir_all(devices.join("folder")).unwrap();
        fs::write(devices.join("plain"), b"{}").unwrap();
        fs::File::create(devices.join("large")).unwrap().set_len(LARGEST + 1).unwrap();
        std::os::unix::fs::symlink("/dev/zero", devices.join("link")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(devices.join("socket")).unwrap();
        let expected = [
            ("devices/folder", Err(NoFile::Directory)),
            ("devices/large", Err(NoFile::TooLarge)),
            ("devices/link", Err(NoFile::NotPlain)),
            ("devices/plain", Ok(b"{}".to_vec())),
            ("devices/socket", Err(NoFile::NotPlain)),
        ];
        let found = read(directory.path(), &Store::default());
        assert_eq!(found, expected.map(|(path, what)| (path.to_owned(), what)).into());
    }
}
