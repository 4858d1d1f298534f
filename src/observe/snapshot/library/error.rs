//! Errors in a folder of snapshots.

use crate::observe::snapshot::SnapshotError;
use std::io;
use std::path::PathBuf;
use untrusted_data::plain_file::PlainFileError;

/// An error in a folder of snapshots.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// The folder cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file cannot be read, or is not a regular file.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: PlainFileError,
    },
    /// The path cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file is not a snapshot.
    #[error("{} is not a valid snapshot: {source}", path.display())]
    Snapshot {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: SnapshotError,
    },
    /// The name of a `.snap` file does not contain a case and a release.
    #[error("{}: invalid name of a snapshot; expected FAMILY/NAME@RELEASE.snap or FAMILY/NAME#POINT@RELEASE.snap", path.display())]
    Name {
        /// The file.
        path: PathBuf,
    },
    /// The snapshots are compiled into the binary.
    #[error("clawcheck cannot change its built-in snapshots; name a folder with --snapshots")]
    BuiltIn,
    /// The folder is read-only for this run.
    #[error("this run cannot write to the snapshot folder")]
    Frozen,
}
