//! Why the database cannot be used.

use rusqlite::ErrorCode;
use std::io;
use std::path::PathBuf;
use untrusted_data::limits::STORE_BYTES;
use untrusted_data::plain_file::PlainFileError;

/// The reason why a record cannot be a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the value of `{field}` does not fit the column {table}.{column}")]
pub struct RowError {
    pub(super) table: &'static str,
    pub(super) column: &'static str,
    pub(super) field: &'static str,
}

/// The database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SqliteError {
    /// An error of SQLite.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// The directory or the file cannot be created.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// The database, or a file that SQLite would read with it, is not a regular file.
    #[error("{0}: {1}")]
    NotPlain(PathBuf, PlainFileError),
    /// A cell is not JSON.
    #[error("{table}.{column} is not JSON")]
    Cell {
        /// The name of the table.
        table: &'static str,
        /// The name of the column.
        column: &'static str,
    },
    /// A record does not fit into a row.
    #[error(transparent)]
    Row(#[from] RowError),
    /// The database exceeds the limit of bytes.
    #[error("more than {} MiB", STORE_BYTES >> 20)]
    TooLarge,
    /// The database exceeds the limit of JSON values. Holds their number.
    #[error("{0} JSON values")]
    TooMany(u64),
    /// One of its tables is a view or has computed columns.
    #[error("{0} is not a plain table")]
    NoTable(&'static str),
}

impl SqliteError {
    /// Whether the file is not a database or is damaged.
    pub fn is_no_database(&self) -> bool {
        let code = match self {
            Self::Sqlite(error) => error.sqlite_error_code(),
            Self::Io(..)
            | Self::NotPlain(..)
            | Self::Cell { .. }
            | Self::Row(_)
            | Self::TooLarge
            | Self::TooMany(_)
            | Self::NoTable(_) => None,
        };
        matches!(code, Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
    }

    /// Whether another program holds the database.
    pub fn is_busy(&self) -> bool {
        let Self::Sqlite(error) = self else { return false };
        matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
    }

    /// Whether the user cannot write to the file or its directory.
    pub fn is_read_only(&self) -> bool {
        match self {
            // A database in a read-only directory cannot be opened without its journal.
            Self::Sqlite(error) => {
                matches!(error.sqlite_error_code(), Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen))
            }
            Self::Io(_, error) => error.kind() == io::ErrorKind::PermissionDenied,
            Self::NotPlain(..)
            | Self::Cell { .. }
            | Self::Row(_)
            | Self::TooLarge
            | Self::TooMany(_)
            | Self::NoTable(_) => false,
        }
    }
}
