//! A store in `state/openclaw.sqlite`, for the releases whose facts name `StoreFormat::Sqlite`.
//!
//! The database of a release has about three hundred tables. These are the three tables that pairing uses
//! (`device-pairing-store.ts` of 2026.9.6). A release completes a database with only these tables, because it migrates
//! a database without a schema version. The node store has no table of its own: two columns of a device's row contain
//! what the device does as a node and what it requests. As documents, they have the earlier form: `nodes/paired.json`
//! by device and `nodes/pending.json` by request.

mod client_tokens;
mod error;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod mutants;
mod open;
mod rows;
mod table;
#[cfg(test)]
mod tests;

pub use client_tokens::ClientToken;
pub use error::SqliteError;

use open::{SUFFIXES, beside, has_node_columns, has_table, is_plain, only_plain, open_to_read, restrict};
use openclaw_protocol::store::{DATABASE, Document, Documents, ReadError, WriteError};
use rows::{ReadSize, keyed, read, write};
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction};
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use table::{BOOTSTRAP, CellParsing, PAIRED, PENDING, TABLES, Table};
use untrusted_data::plain_file::Links;

/// Maximum wait for the lock of another process (`OPENCLAW_SQLITE_BUSY_TIMEOUT_MS`).
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The documents of a state directory whose store is the database. The first write creates the database.
#[derive(Debug)]
pub struct SqliteDocuments {
    path: PathBuf,
    durable: bool,
    links: Links,
    open: RefCell<Option<OpenDatabase>>,
}

#[derive(Debug)]
struct OpenDatabase {
    connection: Connection,
    /// The contents of the tables at the last read, with the version of the database, because other processes write
    /// too.
    version: i64,
    read: HashMap<Document, Arc<Value>>,
}

impl SqliteDocuments {
    /// The store below this state directory, which does not have to exist yet. With `durable`, a write returns only
    /// after the data is on disk.
    pub fn new(state_dir: &Path, durable: bool) -> Self {
        Self { path: state_dir.join(DATABASE), durable, links: Links::Follow, open: RefCell::default() }
    }

    /// The same store in a directory that can contain links of another program. Links are not followed.
    #[must_use]
    pub fn refusing_links(self) -> Self {
        Self { links: Links::Refuse, ..self }
    }

    /// Whether a state directory contains the database.
    pub fn exists(state_dir: &Path) -> bool {
        fs::symlink_metadata(state_dir.join(DATABASE)).is_ok()
    }

    /// Whether the database is the store. In 2026.6.11, the tables of devices exist but are not used. The releases that
    /// use them also have the columns for nodes. A file that cannot be read counts as the store.
    pub fn is_store(state_dir: &Path) -> bool {
        Self::exists(state_dir) && !matches!(Self::open_store(state_dir, Links::Refuse), Ok(None))
    }

    /// A connection to a database that is the store. `None` if the release of the database keeps its store in files.
    fn open_store(state_dir: &Path, links: Links) -> Result<Option<Connection>, SqliteError> {
        let connection = open_to_read(&state_dir.join(DATABASE), links)?;
        Ok(has_node_columns(&connection)?.then_some(connection))
    }

    /// The paths of the database's files in a state directory, whether or not they exist.
    pub fn files(state_dir: &Path) -> impl Iterator<Item = PathBuf> {
        SUFFIXES.into_iter().map(move |suffix| state_dir.join(format!("{DATABASE}{suffix}")))
    }

    /// Reads all documents if the database is the store ([`Self::is_store`]), without writing to it, even if another
    /// process has it open. A gateway can write any amount of data, so at most the limits are kept. `None` if the
    /// database does not exist or is not the store.
    ///
    /// # Errors
    /// Returns an error of SQLite (not a database, missing tables), or an error if the data exceeds the limits.
    pub fn read_store(state_dir: &Path, links: Links) -> Result<Option<Vec<(Document, Value)>>, SqliteError> {
        if !Self::exists(state_dir) {
            return Ok(None);
        }
        Self::open_store(state_dir, links)?.map(|connection| read_documents(&connection)).transpose()
    }

    /// The private key of the gateway's own device, in PEM, where the database keeps it (2026.9.6).
    ///
    /// # Errors
    /// Returns an error of SQLite, or an error if the table is not an ordinary table.
    pub fn own_key(state_dir: &Path, links: Links) -> Result<Option<String>, SqliteError> {
        let connection = open_to_read(&state_dir.join(DATABASE), links)?;
        if !has_table(&connection, "device_identities")? {
            return Ok(None);
        }
        is_plain(&connection, "device_identities")?;
        let sql = "SELECT private_key_pem FROM device_identities WHERE identity_key = 'primary'";
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        rows.next()?.map(|row| row.get(0)).transpose().map_err(SqliteError::from)
    }

    /// Checks whether a release could read the devices in the database, without writing to it.
    ///
    /// # Errors
    /// Returns an error of SQLite, or an error for a cell that does not parse.
    pub fn check(state_dir: &Path, links: Links) -> Result<(), SqliteError> {
        let connection = open_to_read(&state_dir.join(DATABASE), links)?;
        [(Document::DevicesPaired, &PAIRED), (Document::DevicesPending, &PENDING)].into_iter().try_for_each(
            |(document, table)| {
                is_plain(&connection, table.name)?;
                read(&connection, document, CellParsing::Parsed, &mut ReadSize::limited()).map(drop)
            },
        )
    }

    /// Opens an existing database for writing, as a release does at its start.
    ///
    /// # Errors
    /// Returns an error if the database cannot be written: permissions, or not a database.
    pub fn open(&self) -> Result<(), SqliteError> {
        self.with(false, |_| Ok(())).map(drop)
    }

    /// Whether a record can be a row. Only records from JSON files may not fit.
    pub fn fits(document: Document, record: &Value) -> bool {
        let Value::Object(record) = record else { return false };
        match document {
            Document::DevicesPaired => PAIRED.row(record).is_ok(),
            Document::DevicesPending => PENDING.row(record).is_ok(),
            Document::DevicesBootstrap => BOOTSTRAP.row(&keyed(&BOOTSTRAP, "", record)).is_ok(),
            Document::NodesPaired | Document::NodesPending => true,
        }
    }

    /// Runs an operation on the open database. `None` if there is none and none is created.
    fn with<T>(
        &self,
        make: bool,
        act: impl FnOnce(&mut OpenDatabase) -> Result<T, SqliteError>,
    ) -> Result<Option<T>, SqliteError> {
        let mut open = self.open.borrow_mut();
        if open.is_none() {
            if !make && fs::symlink_metadata(&self.path).is_err() {
                return Ok(None);
            }
            *open = Some(OpenDatabase::new(&self.path, self.durable, self.links)?);
        }
        open.as_mut().map(act).transpose()
    }
}

impl OpenDatabase {
    fn new(path: &Path, durable: bool, links: Links) -> Result<Self, SqliteError> {
        only_plain(path, links)?;
        if let Some(directory) = path.parent() {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
            made.map_err(|error| SqliteError::Io(directory.to_owned(), error))?;
        }
        // The releases make their own files writable again.
        for file in [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")] {
            let _ = fs::set_permissions(file, fs::Permissions::from_mode(0o600));
        }
        // SQLite creates its files with the mode of the database.
        let made = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        made.map_err(|error| SqliteError::Io(path.to_owned(), error))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        restrict(&connection)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", if durable { "full" } else { "off" })?;
        let transaction = connection.transaction()?;
        for table in TABLES {
            transaction.execute_batch(&table.create())?;
            is_plain(&transaction, table.name)?;
            let there = columns(&transaction, table)?;
            transaction.execute_batch(&table.complete(&there))?;
        }
        transaction.commit()?;
        Ok(Self { connection, version: 0, read: HashMap::new() })
    }

    fn read(&mut self, document: Document) -> Result<Arc<Value>, SqliteError> {
        let version = self.connection.pragma_query_value(None, "data_version", |row| row.get(0))?;
        if version != self.version {
            self.read.clear();
            self.version = version;
        }
        if let Some(value) = self.read.get(&document) {
            return Ok(Arc::clone(value));
        }
        let value =
            Arc::new(Value::Object(read(&self.connection, document, CellParsing::Parsed, &mut ReadSize::default())?));
        self.read.insert(document, Arc::clone(&value));
        Ok(value)
    }

    fn write(&mut self, documents: &[(Document, &Arc<Value>)]) -> Result<(), SqliteError> {
        let transaction = self.connection.transaction()?;
        for (document, value) in documents {
            // A mutation starts from the current contents, so unreadable contents are not overwritten.
            read(&transaction, *document, CellParsing::Parsed, &mut ReadSize::default())?;
            let empty = Map::new();
            write(&transaction, *document, value.as_object().unwrap_or(&empty))?;
        }
        transaction.commit()?;
        // A row contains parts of two documents.
        self.read.clear();
        Ok(())
    }
}

impl Documents for SqliteDocuments {
    fn try_read(&self, document: Document) -> Result<Option<Arc<Value>>, ReadError> {
        self.with(false, |open| open.read(document))
            .map_err(|error| ReadError { what: "read", path: format!("{DATABASE}: {error}") })
    }

    fn write(&mut self, documents: &[(Document, &Arc<Value>)]) -> Result<(), WriteError> {
        let written = self.with(true, |open| open.write(documents));
        written.map(drop).map_err(|error| WriteError(format!("Error: {error}")))
    }
}

/// All documents of a database, within the limits.
fn read_documents(connection: &Connection) -> Result<Vec<(Document, Value)>, SqliteError> {
    // All documents are of the same moment, even if another process writes between two of the statements.
    let moment = connection.unchecked_transaction()?;
    TABLES.into_iter().try_for_each(|table| is_plain(&moment, table.name))?;
    let read = |document| {
        let records = read(&moment, document, CellParsing::AsTheyAre, &mut ReadSize::limited())?;
        Ok((document, Value::Object(records)))
    };
    let read = Document::ALL.into_iter().map(read).collect::<Result<Vec<_>, SqliteError>>();
    read.map_err(|error| match error {
        SqliteError::Sqlite(sqlite) if sqlite.sqlite_error_code() == Some(ErrorCode::TooBig) => SqliteError::TooLarge,
        other => other,
    })
}

fn columns(transaction: &Transaction<'_>, table: &Table) -> rusqlite::Result<Vec<String>> {
    let mut statement = transaction.prepare_cached("SELECT name FROM pragma_table_info(?)")?;
    statement.query_map([table.name], |row| row.get(0))?.collect()
}
