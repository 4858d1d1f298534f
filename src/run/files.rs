//! The files of a state directory: filled before a case, looked at after it.

use super::beneath::{Beneath, BeneathError};
use super::knowledge::Knowledge;
use super::seed::{Records, Seeder};
use crate::observe::{NoFile, StoreFiles, in_database};
use crate::plain_file::{self, Links, OtherKind, PlainFileError};
use crate::rules::{Release, Rules};
use crate::scenario::store::{FileContent, KeptAs, Store};
use crate::store::{
    DATABASE, Document, Documents as _, SharedDocuments, SqliteDocuments, StoreFormat, WriteFault, json,
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// The folders that belong to the pairing store: every file in them is looked at.
const FOLDERS: [&str; 2] = ["devices", "nodes"];
/// A file above this is not looked at, in bytes: the stores of real gateways take a thousandth of it.
const LARGEST: u64 = 16 << 20;

/// A state directory could not be filled or looked at.
#[derive(Debug, thiserror::Error)]
pub(super) enum FilesError {
    /// A file could not be written.
    #[error("cannot {act} {path}: {source}")]
    Io {
        /// What was tried.
        act: &'static str,
        /// Below the state directory.
        path: String,
        /// Why.
        source: BeneathError,
    },
    /// A file that records are to be added to could not be read.
    #[error("cannot read {path}: {source}")]
    Unread {
        /// Below the state directory.
        path: String,
        /// Why.
        source: PlainFileError,
    },
    /// The state directory itself is not there, or is something else.
    #[error("cannot open it: {0}")]
    Directory(BeneathError),
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
    let beneath = Beneath::open(directory).map_err(FilesError::Directory)?;
    for (path, bytes) in folder.into_iter().flatten() {
        put(&beneath, path, bytes)?;
    }
    for (document, mut records) in seeder.records(store).map_err(FilesError::Symbol)? {
        if format == StoreFormat::Sqlite {
            records = into_database(directory, document, records)?;
        }
        if !records.is_empty() {
            let mut whole = read_document(directory, document)?;
            whole.extend(records);
            put(&beneath, document.path(), json::stringify(&Value::Object(whole)).as_bytes())?;
        }
    }
    for (path, content) in &store.files {
        write_content(&beneath, path, content, seeder.knowledge)?;
    }
    Ok(())
}

/// Adds records to those in the database. Gives back those that cannot be rows.
fn into_database(directory: &Path, document: Document, records: Records) -> Result<Records, FilesError> {
    let (fitting, other): (Records, Records) =
        records.into_iter().partition(|(_, record)| SqliteDocuments::fits(document, record));
    if !fitting.is_empty() {
        let mut database = SqliteDocuments::new(directory, false).refusing_links();
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
    match plain_file::read(&directory.join(document.path()), LARGEST, Links::Refuse) {
        Ok(bytes) => Ok(match json::parse(&bytes) {
            Some(Value::Object(records)) => records,
            _ => Map::new(),
        }),
        Err(error) if error.is_not_found() => Ok(Map::new()),
        Err(source) => Err(FilesError::Unread { path: document.path().to_owned(), source }),
    }
}

fn put(beneath: &Beneath, path: &str, bytes: &[u8]) -> Result<(), FilesError> {
    beneath.write(Path::new(path), bytes).map_err(|source| FilesError::Io {
        act: "write",
        path: path.to_owned(),
        source,
    })
}

fn write_content(
    beneath: &Beneath,
    path: &str,
    content: &FileContent,
    knowledge: &Knowledge,
) -> Result<(), FilesError> {
    let file = Path::new(path);
    let fault = |act| move |source| FilesError::Io { act, path: path.to_owned(), source };
    match content {
        FileContent::Text(text) => {
            put(beneath, path, knowledge.fill_text(text).map_err(FilesError::Symbol)?.as_bytes())
        }
        FileContent::Base64(bytes) => put(beneath, path, &bytes.0),
        FileContent::Json(value) => {
            let filled = knowledge.fill(value).map_err(FilesError::Symbol)?;
            put(beneath, path, json::stringify(&filled).as_bytes())
        }
        FileContent::Directory => {
            beneath.remove(file).map_err(fault("remove"))?;
            beneath.make_directory(file).map_err(fault("make"))
        }
        FileContent::Missing => beneath.remove(file).map_err(fault("remove")),
        FileContent::TruncateTo(length) => beneath.set_length(file, *length).map_err(fault("cut")),
        FileContent::Mode(mode) => beneath.set_mode(file, mode.0).map_err(fault("set the mode of")),
    }
}

/// The pairing store in a state directory, and the other files that the scenario put there.
pub(super) fn read(directory: &Path, store: &Store) -> StoreFiles {
    let mut files = StoreFiles::new();
    for folder in FOLDERS {
        match entries(&directory.join(folder)) {
            Some(entries) => {
                for entry in entries.flatten() {
                    let name = entry.file_name();
                    let path = format!("{folder}/{}", name.to_string_lossy());
                    files.insert(path, contents(&entry.path()));
                }
            }
            None => look(directory, folder, &mut files),
        }
    }
    if SqliteDocuments::is_store(directory) {
        read_database(directory, &mut files);
    }
    for path in store.files.keys().filter(|path| !FOLDERS.contains(&path.as_str())) {
        look(directory, path, &mut files);
    }
    files
}

/// Files of the pairing store that wait to be renamed, each with its size and the time of its last change.
pub(super) type Unfinished = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

/// The files of the pairing store that are being written: releases write beside a file, under a name that ends in `.tmp`, and
/// rename. A release that was killed leaves such a file behind for ever.
pub(super) fn unfinished(directory: &Path) -> Unfinished {
    let entries = FOLDERS.iter().filter_map(|folder| entries(&directory.join(folder))).flatten().flatten();
    entries
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "tmp"))
        .filter_map(|entry| entry.metadata().ok().map(|found| (entry.path(), (found.len(), found.modified().ok()))))
        .collect()
}

/// The documents that stand in the database. One that cannot be read is what its file holds.
fn read_database(directory: &Path, files: &mut StoreFiles) {
    match SqliteDocuments::look(directory, Links::Refuse) {
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
}

/// What is in a folder of the store; nothing where it is a link to somewhere else.
fn entries(folder: &Path) -> Option<fs::ReadDir> {
    if folder.is_symlink() { None } else { fs::read_dir(folder).ok() }
}

fn look(directory: &Path, path: &str, files: &mut StoreFiles) {
    let file = directory.join(path);
    let above = Path::new(path).ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
    let through_link = above.into_iter().any(|above| directory.join(above).is_symlink());
    if fs::symlink_metadata(&file).is_ok() {
        let found = if through_link { Err(NoFile::NotPlain) } else { contents(&file) };
        files.insert(path.to_owned(), found);
    }
}

/// The bytes of a plain file. A gateway may put anything there: a pipe that never ends, a link to somewhere else.
fn contents(path: &Path) -> Result<Vec<u8>, NoFile> {
    plain_file::read(path, LARGEST, Links::Refuse).map_err(|error| match error {
        PlainFileError::Kind(OtherKind::Directory) => NoFile::Directory,
        PlainFileError::Kind(_) => NoFile::NotPlain,
        PlainFileError::TooLarge(_) => NoFile::TooLarge,
        PlainFileError::Io(_) | PlainFileError::NotText(_) => NoFile::Unread,
    })
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
    fn a_file_that_waits_to_be_renamed_is_unfinished_and_changes_with_what_is_written() {
        let directory = tempfile::tempdir().unwrap();
        assert!(unfinished(directory.path()).is_empty());
        let beneath = Beneath::open(directory.path()).unwrap();
        put(&beneath, "devices/paired.json", b"{}").unwrap();
        assert!(unfinished(directory.path()).is_empty());
        put(&beneath, "devices/paired.json.5e0a.tmp", b"{").unwrap();
        let before = unfinished(directory.path());
        assert_eq!(before.len(), 1);
        assert_eq!(unfinished(directory.path()), before);
        put(&beneath, "devices/paired.json.5e0a.tmp", b"{}").unwrap();
        assert_ne!(unfinished(directory.path()), before);
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
            assert!(matches!(error, FilesError::Io { source: BeneathError::Outside, .. }), "{path}: {error}");
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

    #[test]
    fn pipes_in_place_of_the_store_are_looked_at_and_not_opened() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = |path: &str| {
            let path = directory.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        };
        pipe("devices/paired.json");
        pipe("state/openclaw.sqlite");
        let found = read(directory.path(), &Store::default());
        assert!(found.values().all(|found| *found == Err(NoFile::NotPlain)), "{found:?}");
        assert_eq!(found.len(), 3, "{found:?}");
        let said = json!({"paired": {"laptop": {}}});
        let error = fill(directory.path(), said.clone(), None).unwrap_err().to_string();
        assert_eq!(error, "cannot read devices/paired.json: this is a named pipe, and no file");
        let knowledge = Knowledge::new(Cast::new("a/b"));
        let seeder = Seeder { knowledge: &knowledge, now: 0, release: Release::new(2026, 9, 6), own: true };
        let error = write(directory.path(), &store(said), None, &seeder, StoreFormat::Sqlite).unwrap_err().to_string();
        assert!(error.ends_with("openclaw.sqlite: this is a named pipe, and no file"), "{error}");
    }

    #[rstest::rstest]
    #[case::beside("-wal")]
    #[case::index("-shm")]
    #[case::journal("-journal")]
    fn a_pipe_beside_the_database_is_not_opened_by_it(#[case] suffix: &str) {
        let directory = tempfile::tempdir().unwrap();
        let knowledge = Knowledge::new(Cast::new("a/b"));
        let seeder = Seeder { knowledge: &knowledge, now: 0, release: Release::new(2026, 9, 6), own: true };
        let said = store(json!({"paired": {"laptop": {}}}));
        write(directory.path(), &said, None, &seeder, StoreFormat::Sqlite).unwrap();
        let pipe = directory.path().join(format!("{DATABASE}{suffix}"));
        let _ = fs::remove_file(&pipe);
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let fault = SqliteDocuments::look(directory.path(), Links::Refuse).unwrap_err();
        assert_eq!(fault.to_string(), format!("{}: this is a named pipe, and no file", pipe.display()));
        write(directory.path(), &said, None, &seeder, StoreFormat::Sqlite).unwrap_err();
    }

    #[test]
    fn a_store_that_is_a_link_to_somewhere_else_is_not_read() {
        let directory = tempfile::tempdir().unwrap();
        let theirs = tempfile::tempdir().unwrap();
        fs::write(theirs.path().join("paired.json"), "{}").unwrap();
        std::os::unix::fs::symlink(theirs.path(), directory.path().join("devices")).unwrap();
        std::os::unix::fs::symlink(theirs.path(), directory.path().join("other")).unwrap();
        let said = store(json!({"files": {"other/paired.json": {"text": ""}}}));
        let expected = ["devices", "other/paired.json"].map(|path| (path.to_owned(), Err(NoFile::NotPlain)));
        assert_eq!(read(directory.path(), &said), expected.into());
    }
}
