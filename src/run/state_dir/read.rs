//! Reads the pairing store from a state directory or from memory.

use crate::observe::{FileContents, NoFile, ObservedStore, StoredDocument};
use crate::scenario::store::Store;
use openclaw_emulator::store::{SharedDocuments, SqliteDocuments, SqliteError};
use openclaw_protocol::store::{DATABASE, Document, Documents as _};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use untrusted_data::cut;
use untrusted_data::limits::{DATABASE_BYTES, DOCUMENT_VALUES, STORE_BYTES, STORE_FILES};
use untrusted_data::plain_file::{self, Links, OtherKind, PlainFileError};

/// The folders of the pairing store. Every file in them is observed.
const FOLDERS: [&str; 2] = ["devices", "nodes"];

/// The store in memory.
pub(crate) fn in_memory(documents: &SharedDocuments) -> ObservedStore {
    let stored = Document::ALL.into_iter().filter_map(|document| Some((document, documents.read(document)?)));
    ObservedStore::of_documents(stored)
}

/// The pairing store in a state directory, and the other files that the scenario wrote there. A gateway can write
/// anything to its state directory, so at most [`STORE_BYTES`] are read, the documents of the store first.
pub(crate) fn read(directory: &Path, store: &Store) -> ObservedStore {
    let mut reader = StateDirReader { directory, left: STORE_BYTES, files: BTreeMap::new() };
    let (mut paths, mut folders) = (BTreeSet::new(), Vec::new());
    for folder in FOLDERS {
        match names(&directory.join(folder)) {
            Some(FolderNames { first, more }) => {
                paths.extend(first.into_iter().map(|name| format!("{folder}/{name}")));
                folders.extend((more > 0).then_some((folder, more)));
            }
            None => drop(paths.insert(folder.to_owned())),
        }
    }
    // A missing file means that the document does not exist.
    for document in Document::ALL.iter().filter(|document| !is_behind_link(directory, document.path())) {
        reader.read_file(document.path());
    }
    let database = database(directory);
    // The moment at which a release moves rows from its journal to the database file is arbitrary. The rows show the
    // contents.
    let is_read = matches!(&database, Ok(Some(_)));
    let shown = |path: &str| FOLDERS.contains(&path) || (is_read && path == DATABASE);
    let written = store.files.keys().map(|path| path.as_str()).filter(|path| !shown(path));
    paths.iter().map(String::as_str).chain(written).for_each(|path| reader.read_file(path));
    reader.files.extend(folders.into_iter().map(|(folder, more)| (folder.to_owned(), Err(NoFile::MoreFiles(more)))));
    match database {
        Ok(Some(documents)) | Err(documents) => ObservedStore::of_database(documents, reader.files),
        Ok(None) => ObservedStore::of_files(reader.files),
    }
}

/// The first [`STORE_FILES`] names in a folder, and the number of other names.
struct FolderNames {
    first: BTreeSet<String>,
    more: u64,
}

fn names(folder: &Path) -> Option<FolderNames> {
    let mut names = FolderNames { first: BTreeSet::new(), more: 0 };
    for entry in entries(folder)?.flatten() {
        names.first.insert(entry.file_name().to_string_lossy().into_owned());
        if names.first.len() > STORE_FILES {
            names.first.pop_last();
            names.more += 1;
        }
    }
    Some(names)
}

/// Temporary files of the pairing store, each with its size and modification time.
pub(crate) type UnfinishedWrites = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

/// The files of the pairing store that are being written. Releases write to a file with the extension `.tmp` and then
/// rename it. A killed release leaves this file behind permanently.
pub(crate) fn unfinished(directory: &Path) -> UnfinishedWrites {
    let entries = FOLDERS.iter().filter_map(|folder| entries(&directory.join(folder))).flatten().flatten();
    entries
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "tmp"))
        .take(STORE_FILES)
        .filter_map(|entry| entry.metadata().ok().map(|found| (entry.path(), (found.len(), found.modified().ok()))))
        .collect()
}

/// The contents of a folder of the store. Nothing if the folder is a link.
fn entries(folder: &Path) -> Option<fs::ReadDir> {
    if folder.is_symlink() { None } else { fs::read_dir(folder).ok() }
}

/// Reads the files of one state directory, up to a total size.
struct StateDirReader<'a> {
    directory: &'a Path,
    /// Number of bytes that can still be read.
    left: u64,
    files: BTreeMap<String, FileContents>,
}

impl StateDirReader<'_> {
    fn read_file(&mut self, path: &str) {
        let file = self.directory.join(path);
        if self.files.contains_key(path) || fs::symlink_metadata(&file).is_err() {
            return;
        }
        let found = if is_behind_link(self.directory, path) { Err(NoFile::NotPlain) } else { self.contents(&file) };
        let is_document = Document::ALL.iter().any(|document| document.path() == path);
        self.files.insert(path.to_owned(), if is_document { found.and_then(within_value_limit) } else { found });
    }

    /// The bytes of a regular file. A gateway can put other things there, such as a pipe without an end or a link to
    /// another place.
    fn contents(&mut self, path: &Path) -> Result<Vec<u8>, NoFile> {
        let bytes = plain_file::read(path, self.left, Links::Refuse).map_err(no_file)?;
        self.left -= bytes.len() as u64;
        Ok(bytes)
    }
}

/// Documents of a database.
type Stored = BTreeMap<Document, StoredDocument>;

/// The documents in the database, if it is the store. If the database cannot be read, `Err` contains data that shows
/// whether it has changed.
fn database(directory: &Path) -> Result<Option<Stored>, Stored> {
    let found = match SqliteDocuments::read_store(directory, Links::Refuse) {
        Ok(documents) => {
            let stored = |(document, json)| (document, StoredDocument::Json(Arc::new(json)));
            return Ok(documents.map(|documents| documents.into_iter().map(stored).collect()));
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
fn within_value_limit(document: Vec<u8>) -> Result<Vec<u8>, NoFile> {
    match cut::json::count(&document) {
        values if values > DOCUMENT_VALUES => Err(NoFile::TooMany(values as u64)),
        _ => Ok(document),
    }
}
