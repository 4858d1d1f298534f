//! The names and the contents of snapshot files.

use super::LibraryError;
use crate::observe::snapshot::Snapshot;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::io;
use std::path::Path;
use untrusted_data::atomic_file;
use untrusted_data::limits::SNAPSHOT_BYTES;
use untrusted_data::plain_file::{self, Links};

/// Characters of a case id that are escaped in file names.
const ESCAPED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b',').remove(b'=').remove(b'+').remove(b'#');

/// A case id as a path. The first slash separates family and name, and characters that are not allowed in file names
/// are escaped.
pub(super) fn escape(case: &str) -> String {
    let (family, rest) = case.split_once('/').unwrap_or(("", case));
    format!("{family}/{}", utf8_percent_encode(rest, ESCAPED))
}

pub(super) fn unescape(name: &str) -> String {
    percent_decode_str(name).decode_utf8_lossy().into_owned()
}

/// Whether this file contains an observation of a real release.
pub(super) fn is_of_real_release(path: &Path) -> bool {
    let snapshot = read(path).ok().and_then(|text| Snapshot::parse(&text).ok());
    snapshot.is_some_and(|snapshot| !snapshot.seen.is_empty())
}

/// Checks that a path is a regular file or a link to one.
pub(super) fn check(path: &Path) -> Result<(), LibraryError> {
    plain_file::check(path, Links::Follow).map_err(|source| LibraryError::File { path: path.to_owned(), source })
}

/// The text of a file. Another file may have replaced it since [`check`].
pub(super) fn read(path: &Path) -> Result<String, LibraryError> {
    plain_file::read_text(path, SNAPSHOT_BYTES, Links::Follow)
        .map_err(|source| LibraryError::File { path: path.to_owned(), source })
}

/// Writes a file atomically.
pub(super) fn write(path: &Path, text: &str) -> Result<(), LibraryError> {
    let error = |source| LibraryError::Write { path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(error)?;
    atomic_file::replace(path, text.as_bytes()).map_err(error)
}

pub(super) fn remove(path: &Path) -> Result<(), LibraryError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(LibraryError::Write { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}
