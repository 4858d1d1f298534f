//! Opens a database that another process may own, and checks its files and tables first.

use super::error::SqliteError;
use super::table::{NODE_SURFACE, PAIRED};
use nix::unistd::{AccessFlags, access};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags, params};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use untrusted_data::limits::STORE_BYTES;
use untrusted_data::plain_file::{self, Links, OtherKind, PlainFileError};

/// The suffixes of the files that SQLite reads next to a database. The database itself (the empty suffix) is first.
pub(super) const SUFFIXES: [&str; 4] = ["", "-wal", "-shm", "-journal"];
/// Maximum wait for the lock of another process when reading.
const READ_TIMEOUT: Duration = Duration::from_millis(500);

/// What a connection may do with a database of another program. The schema is data of that program, and SQLite would
/// run the code in the schema: triggers, views, and functions in indexes and constraints. The tables of a pairing store
/// contain no such code. The options are set for each connection, because the defaults depend on how SQLite was built.
const CONFIG: [(DbConfig, bool); 6] = [
    (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
    (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false),
    (DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, false),
];

/// The limits of a connection. The schema of a release needs less.
const LIMITS: [(Limit, i32); 6] = [
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 256 << 10),
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 50),
    (Limit::SQLITE_LIMIT_VDBE_OP, 100_000),
    (Limit::SQLITE_LIMIT_ATTACHED, 0),
    (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
];

/// Restricts what a database can make a connection do.
pub(super) fn restrict(connection: &Connection) -> rusqlite::Result<()> {
    for (config, value) in CONFIG {
        connection.set_db_config(config, value)?;
    }
    for (limit, value) in LIMITS {
        connection.set_limit(limit, value)?;
    }
    // The longest cell and row.
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, i32::try_from(STORE_BYTES).unwrap_or(i32::MAX))?;
    // SQLite checks the size of each cell before it follows it, and a file that shrinks is an error instead of a signal.
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "mmap_size", 0)
}

/// Opens a database without writing to it, even if another process has it open.
pub(super) fn open_to_read(path: &Path, links: Links) -> Result<Connection, SqliteError> {
    only_plain(path, links)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = if is_immutable(path) {
        // SQLite would create a journal even for reading.
        let name = percent_encode(path.as_os_str().as_bytes(), NON_ALPHANUMERIC);
        Connection::open_with_flags(format!("file:{name}?immutable=1"), flags | OpenFlags::SQLITE_OPEN_URI)
    } else {
        Connection::open_with_flags(path, flags)
    };
    let connection = opened.map_err(|error| not_opened(path, error))?;
    restrict(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    // Readers of a release's database do not wait. If a gateway holds a lock for longer, the read fails.
    connection.busy_timeout(READ_TIMEOUT)?;
    Ok(connection)
}

/// The error if SQLite cannot open a database. SQLite's message contains a URI but no reason, so it is replaced.
fn not_opened(path: &Path, error: rusqlite::Error) -> SqliteError {
    match (error, fs::File::open(path)) {
        (rusqlite::Error::SqliteFailure(code, _), Err(reason)) => {
            SqliteError::Sqlite(rusqlite::Error::SqliteFailure(code, Some(reason.to_string())))
        }
        (rusqlite::Error::SqliteFailure(code, Some(_)), Ok(_)) => {
            SqliteError::Sqlite(rusqlite::Error::SqliteFailure(code, None))
        }
        (error, _) => error.into(),
    }
}

/// Whether no process can be writing to the database: it has no journal, and this user cannot create one.
fn is_immutable(path: &Path) -> bool {
    let locked = path.parent().is_some_and(|directory| access(directory, AccessFlags::W_OK).is_err());
    locked && fs::symlink_metadata(beside(path, "-wal")).is_err()
}

/// A file that SQLite uses with a database, or the database itself for an empty suffix.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Checks that SQLite, which opens files by path, finds no file that it would wait for forever.
pub(super) fn only_plain(database: &Path, links: Links) -> Result<(), SqliteError> {
    if links == Links::Refuse
        && let Some(directory) = database.parent()
        && fs::symlink_metadata(directory).is_ok_and(|found| found.is_symlink())
    {
        return Err(SqliteError::NotPlain(directory.to_owned(), PlainFileError::Kind(OtherKind::Link)));
    }
    for suffix in SUFFIXES {
        let path = beside(database, suffix);
        // SQLite reports missing and inaccessible files itself.
        if let Err(error @ PlainFileError::Kind(_)) = plain_file::check(&path, links) {
            return Err(SqliteError::NotPlain(path, error));
        }
    }
    Ok(())
}

/// Whether a device's row has the columns for a node.
pub(super) fn has_node_columns(connection: &Connection) -> Result<bool, SqliteError> {
    let sql = "SELECT count(*) FROM pragma_table_info(?) WHERE name = ?";
    let found: i64 = connection.query_row(sql, params![PAIRED.name, NODE_SURFACE], |row| row.get(0))?;
    Ok(found > 0)
}

/// Whether the database has a table or a view of this name.
pub(super) fn has_table(connection: &Connection, name: &str) -> Result<bool, SqliteError> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE name = ?";
    let found: i64 = connection.query_row(sql, [name], |row| row.get(0))?;
    Ok(found > 0)
}

/// Whether a table stores its rows. A view can have an unlimited number of rows, and a generated column (`hidden`) can
/// take any time to compute.
pub(super) fn is_plain(connection: &Connection, table: &'static str) -> Result<(), SqliteError> {
    let sql = "SELECT (SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 AND name = ?1),
        (SELECT count(*) FROM pragma_table_xinfo(?1) WHERE hidden <> 0)";
    let mut statement = connection.prepare_cached(sql)?;
    let (found, computed): (i64, i64) = statement.query_row([table], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if found == 1 && computed == 0 { Ok(()) } else { Err(SqliteError::NoTable(table)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The message of SQLite would contain a URI or the path, which the caller names.
    #[test]
    fn error_of_unopened_database_has_reason_without_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing.sqlite");
        let error = open_to_read(&path, Links::Follow).unwrap_err();
        assert_eq!(error.to_string(), "No such file or directory (os error 2)");
        assert!(error.is_read_only(), "the kind of the error is kept");
    }
}
