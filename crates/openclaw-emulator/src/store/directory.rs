//! A store in a state directory, written in the same way as the releases do (`json-files.ts`, `writeTextAtomic`).

use super::MAX_FILE_BYTES;
use nix::fcntl::OFlag;
use openclaw_protocol::ids;
use openclaw_protocol::store::{Document, Documents, ReadError, WriteError, json};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use untrusted_data::plain_file::{self, Links};

/// Mode of a document's file.
const FILE_MODE: u32 = 0o600;
/// Mode that a write gives the directory.
const DIRECTORY_MODE: u32 = 0o700;

/// The documents of one state directory.
#[derive(Debug)]
pub struct DirectoryDocuments {
    root: PathBuf,
    durable: bool,
    /// Whether a temporary file that cannot be renamed remains.
    leaves_failures: bool,
    /// Whether a write first makes the directory writable.
    unlocks_directories: bool,
    /// The bytes of each document at its last read or write. A file is read every time, because other programs can edit
    /// it, but it is only parsed if its bytes changed.
    last: RefCell<HashMap<Document, Parsed>>,
}

/// The bytes of a file and its parsed form.
type Parsed = (Vec<u8>, Arc<Value>);

impl DirectoryDocuments {
    /// The store below this state directory, which does not have to exist yet. With `durable`, a write returns only
    /// after the data is on disk, as in the releases. Without it, only the order is kept, and existing files are
    /// overwritten in place, because every rename over another file waits for the disk on a journaling file system.
    pub fn new(root: impl Into<PathBuf>, durable: bool) -> Self {
        Self {
            root: root.into(),
            durable,
            leaves_failures: false,
            unlocks_directories: false,
            last: RefCell::default(),
        }
    }

    /// Sets whether a temporary file that cannot be renamed remains, as in the oldest releases.
    #[must_use]
    pub fn leaving_failures(self, leaves_failures: bool) -> Self {
        Self { leaves_failures, ..self }
    }

    /// Sets whether each write first gives its directory the mode 0700, as in newer releases.
    #[must_use]
    pub fn unlocking_directories(self, unlocks_directories: bool) -> Self {
        Self { unlocks_directories, ..self }
    }

    fn write_one(&self, document: Document, value: &Arc<Value>) -> Result<(), WriteError> {
        let text = json::stringify(value);
        self.write_text(document, &text)?;
        self.last.borrow_mut().insert(document, (text.into_bytes(), Arc::clone(value)));
        Ok(())
    }

    fn write_text(&self, document: Document, text: &str) -> Result<(), WriteError> {
        let path = self.root.join(document.path());
        let directory = path.parent().unwrap_or(&self.root);
        make_directory(directory)?;
        if self.unlocks_directories {
            // The release ignores a failure, because the directory can belong to another user.
            let _ = fs::set_permissions(directory, fs::Permissions::from_mode(DIRECTORY_MODE));
        }
        if !self.durable && overwrite(&path, text).is_ok() {
            return Ok(());
        }
        let temporary = temporary_path(&path)?;
        let written = self.replace(&path, &temporary, directory, text);
        if written.is_err() && !self.leaves_failures {
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    fn replace(&self, path: &Path, temporary: &Path, directory: &Path, text: &str) -> Result<(), WriteError> {
        let opened = OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(temporary);
        let mut file = opened.map_err(|error| fault(&error, "open", temporary, None))?;
        file.write_all(text.as_bytes()).map_err(|error| fault(&error, "write", temporary, None))?;
        if self.durable {
            file.sync_all().map_err(|error| fault(&error, "fsync", temporary, None))?;
        }
        drop(file);
        // The release ignores a failing chmod, before and after the rename.
        let _ = fs::set_permissions(temporary, fs::Permissions::from_mode(FILE_MODE));
        fs::rename(temporary, path).map_err(|error| fault(&error, "rename", temporary, Some(path)))?;
        if self.durable {
            // The release also ignores a directory that cannot be synced.
            let _ = fs::File::open(directory).and_then(|handle| handle.sync_all());
        }
        Ok(())
    }
}

impl Documents for DirectoryDocuments {
    fn try_read(&self, document: Document) -> Result<Option<Arc<Value>>, ReadError> {
        let path = self.root.join(document.path());
        let fault = |what| ReadError { what, path: path.display().to_string() };
        let bytes = match plain_file::read(&path, MAX_FILE_BYTES, Links::Follow) {
            Err(error) if error.is_not_found() => return Ok(None),
            read => read.map_err(|_| fault("read"))?,
        };
        let mut last = self.last.borrow_mut();
        if let Some((_, value)) = last.get(&document).filter(|(same, _)| *same == bytes) {
            return Ok(Some(Arc::clone(value)));
        }
        let value = Arc::new(json::parse(&bytes).ok_or_else(|| fault("parse"))?);
        last.insert(document, (bytes, Arc::clone(&value)));
        Ok(Some(value))
    }

    fn write(&mut self, documents: &[(Document, &Arc<Value>)]) -> Result<(), WriteError> {
        let mut first = Ok(());
        for (document, value) in documents {
            first = first.and(self.write_one(*document, value));
        }
        first
    }
}

/// Overwrites a regular file, or creates it. Anything else at the path is left for the rename to fail.
fn overwrite(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    // Do not wait for the reader of a named pipe.
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    options.write(true).create(true).truncate(false).mode(FILE_MODE).custom_flags(flags.bits());
    let mut file = options.open(path)?;
    let found = file.metadata()?;
    if !found.is_file() || found.permissions().mode() & 0o7777 != FILE_MODE || found.nlink() != 1 {
        return Err(io::ErrorKind::Unsupported.into());
    }
    file.write_all(text.as_bytes())?;
    file.set_len(text.len() as u64)
}

fn make_directory(directory: &Path) -> Result<(), WriteError> {
    fs::create_dir_all(directory).map_err(|error| fault(&error, "mkdir", directory, None))
}

fn temporary_path(path: &Path) -> Result<PathBuf, WriteError> {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random).map_err(|error| WriteError(format!("Error: {error}")))?;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", ids::uuid(random)));
    Ok(name.into())
}

/// Node.js's message for a failed system call: `EACCES: permission denied, open '/path'`.
fn fault(error: &io::Error, call: &str, path: &Path, target: Option<&Path>) -> WriteError {
    let errno = nix::errno::Errno::from_raw(error.raw_os_error().unwrap_or_default());
    // The messages of libuv that users of the releases see. Other messages come from the system and differ at most in
    // capitals.
    let words = match errno {
        nix::errno::Errno::EISDIR => "illegal operation on a directory".to_owned(),
        nix::errno::Errno::EEXIST => "file already exists".to_owned(),
        nix::errno::Errno::EROFS => "read-only file system".to_owned(),
        nix::errno::Errno::ELOOP => "too many symbolic links encountered".to_owned(),
        nix::errno::Errno::ENAMETOOLONG => "name too long".to_owned(),
        nix::errno::Errno::EMFILE => "too many open files".to_owned(),
        other => other.desc().to_lowercase(),
    };
    let target = target.map(|target| format!(" -> '{}'", target.display())).unwrap_or_default();
    WriteError(format!("{errno:?}: {words}, {call} '{}'{target}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn round_trip_keeps_unknown_fields_and_order() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = DirectoryDocuments::new(directory.path(), true);
        let value = Arc::new(json!({"zeta": {"x-unknown": [1, {"b": null, "a": 1.5}]}, "alpha": {}}));
        store.write(&[(Document::DevicesPaired, &value)]).unwrap();
        assert_eq!(
            json::stringify(&store.read(Document::DevicesPaired).unwrap()),
            fs::read_to_string(directory.path().join("devices/paired.json")).unwrap()
        );
        assert_eq!(json::stringify(&value), json::stringify(&store.read(Document::DevicesPaired).unwrap()));
        let file = fs::metadata(directory.path().join("devices/paired.json")).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, FILE_MODE);
        assert_eq!(fs::read_dir(directory.path().join("devices")).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn sees_external_edit() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = DirectoryDocuments::new(directory.path(), false);
        store.write(&[(Document::DevicesPaired, &Arc::new(json!({"a": 1})))]).unwrap();
        assert_eq!(store.read(Document::DevicesPaired), Some(Arc::new(json!({"a": 1}))));
        for (text, seen) in [("{\"a\": 2}", Some(Arc::new(json!({"a": 2})))), ("{", None)] {
            fs::write(directory.path().join("devices/paired.json"), text).unwrap();
            assert_eq!(store.read(Document::DevicesPaired), seen);
        }
        let fault = store.try_read(Document::DevicesPaired).unwrap_err();
        assert_eq!((fault.what, fault.path.ends_with("devices/paired.json")), ("parse", true));
        fs::remove_file(directory.path().join("devices/paired.json")).unwrap();
        assert_eq!(store.read(Document::DevicesPaired), None);
    }

    #[test]
    fn shorter_document_replaces_longer() {
        let directory = tempfile::tempdir().unwrap();
        for durable in [true, false] {
            let mut store = DirectoryDocuments::new(directory.path(), durable);
            for value in [json!({"a": "long".repeat(100)}), json!({"a": 1})].map(Arc::new) {
                store.write(&[(Document::DevicesPaired, &value)]).unwrap();
                assert_eq!(store.read(Document::DevicesPaired), Some(value));
            }
        }
    }

    #[test]
    fn replaces_links() {
        let directory = tempfile::tempdir().unwrap();
        let (devices, elsewhere) = (directory.path().join("devices"), directory.path().join("elsewhere"));
        fs::create_dir(&devices).unwrap();
        fs::write(&elsewhere, "theirs").unwrap();
        std::os::unix::fs::symlink(&elsewhere, devices.join("paired.json")).unwrap();
        fs::hard_link(&elsewhere, devices.join("pending.json")).unwrap();
        let mut store = DirectoryDocuments::new(directory.path(), false);
        let value = Arc::new(json!({}));
        store.write(&[(Document::DevicesPaired, &value), (Document::DevicesPending, &value)]).unwrap();
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "theirs");
        assert_eq!(store.read(Document::DevicesPending), Some(value));
    }

    #[test]
    fn write_unlocks_directory() {
        let directory = tempfile::tempdir().unwrap();
        let devices = directory.path().join("devices");
        for (unlocks, mode) in [(false, 0o500), (true, 0o700)] {
            fs::create_dir_all(&devices).unwrap();
            fs::set_permissions(&devices, fs::Permissions::from_mode(0o500)).unwrap();
            let mut store = DirectoryDocuments::new(directory.path(), true).unlocking_directories(unlocks);
            let _ = store.write(&[(Document::DevicesPaired, &Arc::new(json!({})))]);
            assert_eq!(fs::metadata(&devices).unwrap().permissions().mode() & 0o777, mode);
        }
    }

    #[test]
    fn file_in_place_of_directory_error() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("devices"), "in the way").unwrap();
        let mut store = DirectoryDocuments::new(directory.path(), false);
        let error = store.write(&[(Document::DevicesPaired, &Arc::new(json!({})))]).unwrap_err();
        let devices = directory.path().join("devices");
        assert_eq!(error.0, format!("EEXIST: file already exists, mkdir '{}'", devices.display()));
        assert_eq!(store.read(Document::DevicesPaired), None);
    }

    #[test]
    fn state_directory_below_file_error() {
        let directory = tempfile::tempdir().unwrap();
        let below = directory.path().join("file");
        fs::write(&below, "").unwrap();
        let mut store = DirectoryDocuments::new(&below, false);
        let error = store.write(&[(Document::NodesPaired, &Arc::new(json!({})))]).unwrap_err();
        assert_eq!(error.0, format!("ENOTDIR: not a directory, mkdir '{}/nodes'", below.display()));
    }

    #[test]
    fn directory_in_place_of_file_error() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("devices/pending.json")).unwrap();
        let mut store = DirectoryDocuments::new(directory.path(), false);
        let value = Arc::new(json!({}));
        let error = store.write(&[(Document::DevicesPending, &value), (Document::DevicesPaired, &value)]).unwrap_err();
        assert!(error.0.starts_with("EISDIR: illegal operation on a directory, rename '"), "{error}");
        assert_eq!(store.read(Document::DevicesPaired), Some(Arc::clone(&value)));
        assert_eq!(fs::read_dir(directory.path().join("devices")).unwrap().count(), 2, "no temporary file stays");
        let mut older = store.leaving_failures(true);
        older.write(&[(Document::DevicesPending, &value)]).unwrap_err();
        assert_eq!(fs::read_dir(directory.path().join("devices")).unwrap().count(), 3, "it stays");
    }
}
