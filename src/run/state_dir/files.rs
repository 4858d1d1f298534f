//! The files of a state directory: written before a case and read after it.

use super::seed::{Records, Seeder};
use crate::beneath::{Beneath, BeneathError};
use crate::observe::{FileContents, NoFile, ObservedStore, StoredDocument};
use crate::run::steps::bindings::Bindings;
use crate::scenario::store::{DocumentPath, FileContent, KeptAs, Store};
use indexmap::IndexMap;
use openclaw_emulator::store::{SharedDocuments, SqliteDocuments, SqliteError};
use openclaw_model::{Facts, Release};
use openclaw_protocol::store::{DATABASE, Document, Documents as _, StoreFormat, WriteError, json};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use untrusted_data::cut;
use untrusted_data::limits::{DATABASE_BYTES, DOCUMENT_VALUES, LOOK_BYTES, LOOK_FILES};
use untrusted_data::plain_file::{self, Links, OtherKind, PlainFileError};

/// The folders of the pairing store. Every file in them is observed.
const FOLDERS: [&str; 2] = ["devices", "nodes"];

/// An error while writing or reading a state directory.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FilesError {
    /// A file could not be written.
    #[error("cannot {kind} {path}: {source}")]
    Io {
        /// What was attempted.
        kind: &'static str,
        /// The path below the state directory.
        path: String,
        /// The cause.
        source: BeneathError,
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
    Directory(BeneathError),
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
        Some(KeptAs::Files) => StoreFormat::Files,
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
        write_content(directory, &beneath, path, content, seeder.bindings)?;
    }
    Ok(())
}

/// Adds records to the database. Returns the records that cannot be rows.
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

/// Replaces the database with one that contains these documents.
fn write_database(
    directory: &Path,
    beneath: &Beneath,
    documents: &IndexMap<DocumentPath, Map<String, Value>>,
    bindings: &Bindings,
) -> Result<(), FilesError> {
    for file in SqliteDocuments::files(Path::new("")) {
        let path = file.to_string_lossy().into_owned();
        beneath.remove(&file).map_err(|source| FilesError::Io { kind: "remove", path, source })?;
    }
    let filled = |(path, records): (&DocumentPath, &Map<String, Value>)| {
        let records = bindings.fill(&Value::Object(records.clone())).map_err(FilesError::Symbol)?;
        Ok((path.0, Arc::new(records)))
    };
    let mut filled = documents.iter().map(filled).collect::<Result<Vec<_>, FilesError>>()?;
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
) -> Result<(), FilesError> {
    for (document, records) in seeder.records(store).map_err(FilesError::Symbol)? {
        let mut whole = match documents.read(document).as_deref() {
            Some(Value::Object(found)) => found.clone(),
            _ => Map::new(),
        };
        whole.extend(records);
        // Normalize numbers as a file would.
        let text = json::stringify(&Value::Object(whole));
        let read = json::parse(text.as_bytes()).unwrap_or_default();
        documents.write(&[(document, &Arc::new(read))])?;
    }
    Ok(())
}

/// The store in memory.
pub(crate) fn in_memory(documents: &SharedDocuments) -> ObservedStore {
    let stored = Document::ALL.into_iter().filter_map(|document| Some((document, documents.read(document)?)));
    ObservedStore::of_documents(stored)
}

/// The current document, so that records can be added to it. A document that is not an object is replaced.
fn read_document(directory: &Path, document: Document) -> Result<Map<String, Value>, FilesError> {
    match plain_file::read(&directory.join(document.path()), LOOK_BYTES, Links::Refuse) {
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
        kind: "write",
        path: path.to_owned(),
        source,
    })
}

fn write_content(
    directory: &Path,
    beneath: &Beneath,
    path: &str,
    content: &FileContent,
    bindings: &Bindings,
) -> Result<(), FilesError> {
    let file = Path::new(path);
    let fault = |kind| move |source| FilesError::Io { kind, path: path.to_owned(), source };
    match content {
        FileContent::Text(text) => put(beneath, path, bindings.fill_text(text).map_err(FilesError::Symbol)?.as_bytes()),
        FileContent::Base64(bytes) => put(beneath, path, &bytes.0),
        FileContent::Json(value) => {
            let filled = bindings.fill(value).map_err(FilesError::Symbol)?;
            put(beneath, path, json::stringify(&filled).as_bytes())
        }
        FileContent::Database(documents) => write_database(directory, beneath, documents, bindings),
        FileContent::Directory => {
            beneath.remove(file).map_err(fault("remove"))?;
            beneath.make_directory(file).map_err(fault("make"))
        }
        FileContent::Missing => beneath.remove(file).map_err(fault("remove")),
        FileContent::TruncateTo(length) => beneath.set_length(file, *length).map_err(fault("cut")),
        FileContent::Mode(mode) => beneath.set_mode(file, mode.0).map_err(fault("set the mode of")),
    }
}

/// The pairing store in a state directory, and the other files that the scenario wrote there. A gateway can write
/// anything to its state directory, so at most [`LOOK_BYTES`] are read, the documents of the store first.
pub(crate) fn read(directory: &Path, store: &Store) -> ObservedStore {
    let mut look = Look { directory, left: LOOK_BYTES, files: BTreeMap::new() };
    let (mut paths, mut folders) = (BTreeSet::new(), Vec::new());
    for folder in FOLDERS {
        match names(&directory.join(folder)) {
            Some(Names { first, more }) => {
                paths.extend(first.into_iter().map(|name| format!("{folder}/{name}")));
                folders.extend((more > 0).then_some((folder, more)));
            }
            None => drop(paths.insert(folder.to_owned())),
        }
    }
    // A missing file means that the document does not exist.
    for document in Document::ALL.iter().filter(|document| !is_behind_link(directory, document.path())) {
        look.at(document.path());
    }
    let database = SqliteDocuments::is_store(directory).then(|| database(directory));
    // The moment at which a release moves rows from its journal to the database file is arbitrary. The rows show the
    // contents.
    let is_read = matches!(&database, Some(Ok(_)));
    let shown = |path: &str| FOLDERS.contains(&path) || (is_read && path == DATABASE);
    let said = store.files.keys().map(|path| path.as_str()).filter(|path| !shown(path));
    paths.iter().map(String::as_str).chain(said).for_each(|path| look.at(path));
    look.files.extend(folders.into_iter().map(|(folder, more)| (folder.to_owned(), Err(NoFile::MoreFiles(more)))));
    match database {
        Some(documents) => ObservedStore::of_database(documents.unwrap_or_else(|error| error), look.files),
        None => ObservedStore::of_files(look.files),
    }
}

/// The first [`LOOK_FILES`] names in a folder, and the number of other names.
struct Names {
    first: BTreeSet<String>,
    more: u64,
}

fn names(folder: &Path) -> Option<Names> {
    let mut names = Names { first: BTreeSet::new(), more: 0 };
    for entry in entries(folder)?.flatten() {
        names.first.insert(entry.file_name().to_string_lossy().into_owned());
        if names.first.len() > LOOK_FILES {
            names.first.pop_last();
            names.more += 1;
        }
    }
    Some(names)
}

/// Temporary files of the pairing store, each with its size and modification time.
pub(crate) type Unfinished = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

/// The files of the pairing store that are being written. Releases write to a file with the extension `.tmp` and then
/// rename it. A killed release leaves this file behind permanently.
pub(crate) fn unfinished(directory: &Path) -> Unfinished {
    let entries = FOLDERS.iter().filter_map(|folder| entries(&directory.join(folder))).flatten().flatten();
    entries
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "tmp"))
        .take(LOOK_FILES)
        .filter_map(|entry| entry.metadata().ok().map(|found| (entry.path(), (found.len(), found.modified().ok()))))
        .collect()
}

/// The contents of a folder of the store. Nothing if the folder is a link.
fn entries(folder: &Path) -> Option<fs::ReadDir> {
    if folder.is_symlink() { None } else { fs::read_dir(folder).ok() }
}

/// One pass over a state directory.
struct Look<'a> {
    directory: &'a Path,
    /// Number of bytes that can still be read.
    left: u64,
    files: BTreeMap<String, FileContents>,
}

impl Look<'_> {
    fn at(&mut self, path: &str) {
        let file = self.directory.join(path);
        if self.files.contains_key(path) || fs::symlink_metadata(&file).is_err() {
            return;
        }
        let found = if is_behind_link(self.directory, path) { Err(NoFile::NotPlain) } else { self.contents(&file) };
        let is_document = Document::ALL.iter().any(|document| document.path() == path);
        self.files.insert(path.to_owned(), if is_document { found.and_then(of_a_fair_number) } else { found });
    }

    /// The bytes of a regular file. A gateway can put other things there, such as a pipe without an end or a link to
    /// another place.
    fn contents(&mut self, path: &Path) -> Result<Vec<u8>, NoFile> {
        let bytes = plain_file::read(path, self.left, Links::Refuse).map_err(no_file)?;
        self.left -= bytes.len() as u64;
        Ok(bytes)
    }
}

/// The documents in the database. If the database cannot be read, `Err` contains data that shows whether it has changed.
fn database(directory: &Path) -> Result<BTreeMap<Document, StoredDocument>, BTreeMap<Document, StoredDocument>> {
    let found = match SqliteDocuments::look(directory, Links::Refuse) {
        Ok(documents) => {
            let documents = documents.into_iter();
            return Ok(documents.map(|(document, json)| (document, StoredDocument::Json(Arc::new(json)))).collect());
        }
        Err(SqliteError::TooLarge) => Err(NoFile::TooLarge),
        Err(SqliteError::TooMany(values)) => Err(NoFile::TooMany(values)),
        Err(_) => digest(&directory.join(DATABASE)),
    };
    let stored = StoredDocument::of(&found);
    Err([Document::DevicesPaired, Document::DevicesPending].map(|document| (document, stored.clone())).into())
}

/// Whether a folder on the way to a file is a link.
fn is_behind_link(directory: &Path, path: &str) -> bool {
    let above = Path::new(path).ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
    above.into_iter().any(|above| directory.join(above).is_symlink())
}

fn no_file(error: PlainFileError) -> NoFile {
    match error {
        PlainFileError::Kind(OtherKind::Directory) => NoFile::Directory,
        PlainFileError::Kind(_) => NoFile::NotPlain,
        PlainFileError::TooLarge(_) => NoFile::TooLarge,
        PlainFileError::Io(_) | PlainFileError::NotText(_) => NoFile::Unread,
    }
}

/// A fingerprint in place of the bytes of a database that cannot be read. It only shows whether the bytes changed,
/// because a real database can exceed the read limit of the store.
fn digest(path: &Path) -> Result<Vec<u8>, NoFile> {
    let file = plain_file::open(path, Links::Refuse).map_err(no_file)?;
    let mut reader = BufReader::new(file.take(DATABASE_BYTES + 1));
    let (mut hasher, mut read) = (Sha256::new(), 0);
    loop {
        let part = reader.fill_buf().map_err(|_| NoFile::Unread)?;
        let length = part.len();
        if length == 0 {
            break;
        }
        hasher.update(part);
        reader.consume(length);
        read += length as u64;
    }
    if read > DATABASE_BYTES {
        return Err(NoFile::TooLarge);
    }
    Ok([b"sha256 ".as_slice(), &hasher.finalize()].concat())
}

/// A document, if its parsed form fits into memory.
fn of_a_fair_number(document: Vec<u8>) -> Result<Vec<u8>, NoFile> {
    match cut::json::count(&document) {
        values if values > DOCUMENT_VALUES => Err(NoFile::TooMany(values as u64)),
        _ => Ok(document),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::steps::identities::Identities;
    use openclaw_model::Release;
    use serde_json::json;

    fn store(said: Value) -> Store {
        serde_json::from_value(said).unwrap()
    }

    fn fill(directory: &Path, said: Value, folder: Option<&BTreeMap<String, Vec<u8>>>) -> Result<(), FilesError> {
        let bindings = Bindings::new(Identities::new("a/b"));
        let seeder = Seeder { bindings: &bindings, now: 0, release: Release::new(2026, 4, 2), own: true };
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
        let id = Identities::new("a/b").device("laptop").device_id();
        let paired: Value = serde_json::from_slice(found.files()["devices/paired.json"].as_ref().unwrap()).unwrap();
        assert_eq!(paired.as_object().unwrap().keys().collect::<Vec<_>>(), ["old", &id]);
        assert_eq!(found.files()["devices/pending.json"], Err(NoFile::Directory), "a directory is no file");
        assert_eq!(found.files()["devices/text"], Ok(id.into_bytes()));
        assert_eq!(found.files()["devices/cut"], Ok(b"wh".to_vec()));
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
        assert_eq!(found.files().keys().collect::<Vec<_>>(), ["devices", "else/where"]);
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
        let not_plain = StoredDocument::NoFile(NoFile::NotPlain);
        let in_database = [Document::DevicesPaired, Document::DevicesPending].map(|name| (name, not_plain.clone()));
        assert_eq!(found.documents(), &BTreeMap::from(in_database));
        let files = BTreeMap::from([("devices/paired.json".to_owned(), Err(NoFile::NotPlain))]);
        assert_eq!(found.files(), &files);
        let said = json!({"paired": {"laptop": {}}});
        let error = fill(directory.path(), said.clone(), None).unwrap_err().to_string();
        assert_eq!(error, "cannot read devices/paired.json: this is a named pipe, not a file");
        let bindings = Bindings::new(Identities::new("a/b"));
        let seeder = Seeder { bindings: &bindings, now: 0, release: Release::new(2026, 9, 6), own: true };
        let error = write(directory.path(), &store(said), None, &seeder, StoreFormat::Sqlite).unwrap_err().to_string();
        assert!(error.ends_with("openclaw.sqlite: this is a named pipe, not a file"), "{error}");
    }

    #[rstest::rstest]
    #[case::beside("-wal")]
    #[case::index("-shm")]
    #[case::journal("-journal")]
    fn a_pipe_beside_the_database_is_not_opened_by_it(#[case] suffix: &str) {
        let directory = tempfile::tempdir().unwrap();
        let bindings = Bindings::new(Identities::new("a/b"));
        let seeder = Seeder { bindings: &bindings, now: 0, release: Release::new(2026, 9, 6), own: true };
        let said = store(json!({"paired": {"laptop": {}}}));
        write(directory.path(), &said, None, &seeder, StoreFormat::Sqlite).unwrap();
        let pipe = directory.path().join(format!("{DATABASE}{suffix}"));
        let _ = fs::remove_file(&pipe);
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let fault = SqliteDocuments::look(directory.path(), Links::Refuse).unwrap_err();
        assert_eq!(fault.to_string(), format!("{}: this is a named pipe, not a file", pipe.display()));
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

    #[test]
    fn of_all_files_together_no_more_is_read_than_the_limit_and_documents_come_first() {
        let directory = tempfile::tempdir().unwrap();
        let beneath = Beneath::open(directory.path()).unwrap();
        let half = usize::try_from(LOOK_BYTES / 2).unwrap();
        for path in ["devices/a", "devices/b", "nodes/c"] {
            put(&beneath, path, &vec![b'x'; half]).unwrap();
        }
        put(&beneath, "devices/paired.json", b"{}").unwrap();
        let found = read(directory.path(), &Store::default());
        assert_eq!(found.files()["devices/paired.json"], Ok(b"{}".to_vec()));
        assert_eq!(found.files()["devices/a"].as_ref().map(Vec::len), Ok(half));
        assert_eq!(
            (&found.files()["devices/b"], &found.files()["nodes/c"]),
            (&Err(NoFile::TooLarge), &Err(NoFile::TooLarge))
        );
    }

    #[test]
    fn of_very_many_files_the_first_are_looked_at_and_the_others_counted() {
        let directory = tempfile::tempdir().unwrap();
        let beneath = Beneath::open(directory.path()).unwrap();
        for n in 0..LOOK_FILES + 7 {
            put(&beneath, &format!("devices/{n:05}"), b"").unwrap();
        }
        put(&beneath, "devices/paired.json", b"{}").unwrap();
        let found = read(directory.path(), &Store::default());
        assert_eq!(found.files()["devices"], Err(NoFile::MoreFiles(8)));
        assert_eq!(
            found.files()["devices/paired.json"],
            Ok(b"{}".to_vec()),
            "a document is looked at wherever it stands"
        );
        assert!(found.files().contains_key("devices/00999") && !found.files().contains_key("devices/01000"));
    }

    #[test]
    fn a_document_of_more_values_than_memory_should_hold_is_told_by_their_number() {
        let directory = tempfile::tempdir().unwrap();
        let beneath = Beneath::open(directory.path()).unwrap();
        put(&beneath, "devices/paired.json", format!("[{}0]", "0,".repeat(DOCUMENT_VALUES)).as_bytes()).unwrap();
        let found = read(directory.path(), &Store::default());
        assert_eq!(found.files()["devices/paired.json"], Err(NoFile::TooMany(100_002)));
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
            assert_eq!(found.document(Document::DevicesPaired), Some(&StoredDocument::NoFile(expected)));
        }
    }
}
