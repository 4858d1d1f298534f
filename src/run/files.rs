//! The files of a state directory: filled before a case, looked at after it.

use super::knowledge::Knowledge;
use super::seed::{Records, Seeder};
use crate::cut;
use crate::limits::{DATABASE_BYTES, DOCUMENT_VALUES, LOOK_BYTES, LOOK_FILES};
use crate::observe::{NoFile, StoreFiles, in_database};
use crate::rules::{Release, Rules};
use crate::scenario::store::{FileContent, KeptAs, Store};
use crate::store::{
    DATABASE, Document, Documents as _, SharedDocuments, SqliteDocuments, SqliteFault, StoreFormat, WriteFault, json,
};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Component, Path};
use std::sync::Arc;

/// The folders that belong to the pairing store: every file in them is looked at.
const FOLDERS: [&str; 2] = ["devices", "nodes"];

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

/// The pairing store in a state directory, and the other files that the scenario put there. A gateway may have put anything there
/// that is its to write: no more is read than [`LOOK_BYTES`], the documents of the store first.
pub(super) fn read(directory: &Path, store: &Store) -> StoreFiles {
    let mut look = Look { directory, left: LOOK_BYTES, files: StoreFiles::new() };
    let (mut paths, mut folders) = (BTreeSet::new(), Vec::new());
    for folder in FOLDERS {
        match names(&directory.join(folder)) {
            Ok(Names { first, more }) => {
                paths.extend(first.into_iter().map(|name| format!("{folder}/{name}")));
                folders.extend((more > 0).then_some((folder, more)));
            }
            Err(_) => drop(paths.insert(folder.to_owned())),
        }
    }
    // One that has no file is not there.
    Document::ALL.iter().for_each(|document| look.at(document.path()));
    if SqliteDocuments::is_store(directory) {
        look.at_database();
    }
    let said = store.files.keys().map(|path| path.as_str()).filter(|path| !FOLDERS.contains(path));
    paths.iter().map(String::as_str).chain(said).for_each(|path| look.at(path));
    look.files.extend(folders.into_iter().map(|(folder, more)| (folder.to_owned(), Err(NoFile::MoreFiles(more)))));
    look.files
}

/// The names in a folder: the first [`LOOK_FILES`] of them, and how many more there are.
struct Names {
    first: BTreeSet<String>,
    more: u64,
}

fn names(folder: &Path) -> io::Result<Names> {
    let mut names = Names { first: BTreeSet::new(), more: 0 };
    for entry in fs::read_dir(folder)?.flatten() {
        names.first.insert(entry.file_name().to_string_lossy().into_owned());
        if names.first.len() > LOOK_FILES {
            names.first.pop_last();
            names.more += 1;
        }
    }
    Ok(names)
}

/// Whether a file of the pairing store is being written this moment: releases write beside it, under a name that ends like
/// this, and rename.
pub(super) fn being_written(directory: &Path) -> bool {
    let entries = FOLDERS.iter().filter_map(|folder| fs::read_dir(directory.join(folder)).ok()).flatten().flatten();
    entries.into_iter().any(|entry| entry.path().extension().is_some_and(|extension| extension == "tmp"))
}

/// One look at a state directory.
struct Look<'a> {
    directory: &'a Path,
    /// How many bytes are still read.
    left: u64,
    files: StoreFiles,
}

impl Look<'_> {
    fn at(&mut self, path: &str) {
        let file = self.directory.join(path);
        if !self.files.contains_key(path) && fs::symlink_metadata(&file).is_ok() {
            let found = self.contents(&file);
            let is_document = Document::ALL.iter().any(|document| document.path() == path);
            self.files.insert(path.to_owned(), if is_document { found.and_then(of_a_fair_number) } else { found });
        }
    }

    /// The documents that stand in the database. One that cannot be read is what its file holds.
    fn at_database(&mut self) {
        let found = match SqliteDocuments::look(self.directory) {
            Ok(documents) => {
                for (document, value) in documents {
                    self.files.insert(in_database(document), Ok(json::stringify(&value).into_bytes()));
                }
                return;
            }
            Err(SqliteFault::TooLarge) => Err(NoFile::TooLarge),
            Err(SqliteFault::TooMany(values)) => Err(NoFile::TooMany(values)),
            Err(_) => digest(&self.directory.join(DATABASE)),
        };
        for document in [Document::DevicesPaired, Document::DevicesPending] {
            self.files.insert(in_database(document), found.clone());
        }
    }

    /// The bytes of a plain file. A gateway may put anything there: a pipe that never ends, a link to somewhere else.
    fn contents(&mut self, path: &Path) -> Result<Vec<u8>, NoFile> {
        let file = plain(path, self.left)?;
        let mut bytes = Vec::new();
        // One byte more than is taken tells that there is more, whatever size the file had a moment ago.
        file.take(self.left + 1).read_to_end(&mut bytes).map_err(|_| NoFile::Unread)?;
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or(NoFile::TooLarge)?;
        Ok(bytes)
    }
}

/// A plain file that is not longer than this.
fn plain(path: &Path, longest: u64) -> Result<fs::File, NoFile> {
    let metadata = fs::symlink_metadata(path).map_err(|_| NoFile::Unread)?;
    if metadata.is_dir() {
        return Err(NoFile::Directory);
    }
    if !metadata.is_file() {
        return Err(NoFile::NotPlain);
    }
    if metadata.len() > longest {
        return Err(NoFile::TooLarge);
    }
    fs::File::open(path).map_err(|_| NoFile::Unread)
}

/// What stands for the bytes of a database that cannot be read: it is only asked whether they are other ones than before. The
/// database of a real gateway may be longer than what else is read of its store.
fn digest(path: &Path) -> Result<Vec<u8>, NoFile> {
    let mut hasher = Sha256::new();
    let mut file = plain(path, DATABASE_BYTES)?.take(DATABASE_BYTES);
    io::copy(&mut file, &mut hasher).map_err(|_| NoFile::Unread)?;
    Ok([b"sha256 ".as_slice(), &hasher.finalize()].concat())
}

/// A document, if memory holds what it is parsed to.
fn of_a_fair_number(document: Vec<u8>) -> Result<Vec<u8>, NoFile> {
    match cut::json::count(&document) {
        values if values > DOCUMENT_VALUES => Err(NoFile::TooMany(values as u64)),
        _ => Ok(document),
    }
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
        fs::File::create(devices.join("large")).unwrap().set_len(LOOK_BYTES + 1).unwrap();
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
    fn of_all_files_together_no_more_is_read_than_the_limit_and_documents_come_first() {
        let directory = tempfile::tempdir().unwrap();
        let half = usize::try_from(LOOK_BYTES / 2).unwrap();
        for path in ["devices/a", "devices/b", "nodes/c"] {
            put(directory.path(), path, &vec![b'x'; half]).unwrap();
        }
        put(directory.path(), "devices/paired.json", b"{}").unwrap();
        let found = read(directory.path(), &Store::default());
        assert_eq!(found["devices/paired.json"], Ok(b"{}".to_vec()));
        assert_eq!(found["devices/a"].as_ref().map(Vec::len), Ok(half));
        assert_eq!((&found["devices/b"], &found["nodes/c"]), (&Err(NoFile::TooLarge), &Err(NoFile::TooLarge)));
    }

    #[test]
    fn of_very_many_files_the_first_are_looked_at_and_the_others_counted() {
        let directory = tempfile::tempdir().unwrap();
        for n in 0..LOOK_FILES + 7 {
            put(directory.path(), &format!("devices/{n:05}"), b"").unwrap();
        }
        put(directory.path(), "devices/paired.json", b"{}").unwrap();
        let found = read(directory.path(), &Store::default());
        assert_eq!(found["devices"], Err(NoFile::MoreFiles(8)));
        assert_eq!(found["devices/paired.json"], Ok(b"{}".to_vec()), "a document is looked at wherever it stands");
        assert!(found.contains_key("devices/00999") && !found.contains_key("devices/01000"));
    }

    #[test]
    fn a_document_of_more_values_than_memory_should_hold_is_told_by_their_number() {
        let directory = tempfile::tempdir().unwrap();
        put(directory.path(), "devices/paired.json", format!("[{}0]", "0,".repeat(DOCUMENT_VALUES)).as_bytes())
            .unwrap();
        let found = read(directory.path(), &Store::default());
        assert_eq!(found["devices/paired.json"], Err(NoFile::TooMany(100_002)));
    }

    #[test]
    fn a_database_of_very_many_rows_or_with_a_very_long_cell_is_not_read() {
        let row = |n: usize, name: &str| {
            (
                format!("d{n}"),
                json!({"deviceId": format!("d{n}"), "publicKey": "k",
            "displayName": name, "createdAtMs": 1, "approvedAtMs": 1}),
            )
        };
        let long = "x".repeat(usize::try_from(LOOK_BYTES).unwrap() + 1);
        for (rows, expected) in [
            ((0..40_000).map(|n| row(n, "n")).collect::<Map<_, _>>(), NoFile::TooMany(200_000)),
            ([row(0, &long)].into_iter().collect(), NoFile::TooLarge),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let mut database = SqliteDocuments::new(directory.path(), false);
            database.write(&[(Document::DevicesPaired, &Arc::new(Value::Object(rows)))]).unwrap();
            let found = read(directory.path(), &Store::default());
            assert_eq!(found[&in_database(Document::DevicesPaired)], Err(expected));
        }
    }
}
