//! A store in `state/openclaw.sqlite`, as in the releases from 2026.8 on.
//!
//! The database of a release has about three hundred tables. These are the three tables that pairing uses
//! (`device-pairing-store.ts` of 2026.9.6). A release completes a database with only these tables, because it migrates
//! a database without a schema version. The node store has no table of its own: two columns of a device's row contain
//! what the device does as a node and what it requests. As documents, they have the earlier form: `nodes/paired.json`
//! by device and `nodes/pending.json` by request.

#[cfg(test)]
mod mutants;
mod table;

pub(super) use table::Unfit;

use nix::unistd::{AccessFlags, access};
use openclaw_protocol::store::{DATABASE, Document, Documents, ReadError, SURFACE_FIELDS, WriteError};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, params};
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use table::{BOOTSTRAP, Cells, NODE_SURFACE, PAIRED, PENDING, PENDING_NODE_SURFACE, TABLES, Table};
use untrusted_data::cut;
use untrusted_data::limits::{DOCUMENT_VALUES, STORE_BYTES};
use untrusted_data::plain_file::{self, Links, OtherKind, PlainFileError};

/// What SQLite adds to the name of the database for the files that it reads beside it; the database itself first.
const SUFFIXES: [&str; 4] = ["", "-wal", "-shm", "-journal"];
/// Maximum wait for the lock of another process (`OPENCLAW_SQLITE_BUSY_TIMEOUT_MS`).
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The same for reading.
const LOOK_TIMEOUT: Duration = Duration::from_millis(500);
/// A table over the limit is counted up to this multiple of the limit.
const COUNTED: usize = 20;

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
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// A record cannot be a row.
    #[error(transparent)]
    Unfit(#[from] Unfit),
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
            | Self::Unfit(_)
            | Self::TooLarge
            | Self::TooMany(_)
            | Self::NoTable(_) => None,
        };
        matches!(code, Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
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
            | Self::Unfit(_)
            | Self::TooLarge
            | Self::TooMany(_)
            | Self::NoTable(_) => false,
        }
    }
}

/// The documents of a state directory whose store is the database. The first write creates the database.
#[derive(Debug)]
pub struct SqliteDocuments {
    path: PathBuf,
    durable: bool,
    links: Links,
    open: RefCell<Option<Open>>,
}

#[derive(Debug)]
struct Open {
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
        Self::exists(state_dir) && !matches!(knows_nodes(&state_dir.join(DATABASE)), Ok(false))
    }

    /// The paths of the database's files in a state directory, whether or not they exist.
    pub fn files(state_dir: &Path) -> impl Iterator<Item = PathBuf> {
        SUFFIXES.into_iter().map(move |suffix| state_dir.join(format!("{DATABASE}{suffix}")))
    }

    /// Reads all documents that are not empty, without writing to the database, even if another process has it open. A
    /// gateway can write any amount of data, so at most the limits are kept.
    ///
    /// # Errors
    /// Returns an error of SQLite (not a database, missing tables), or an error if the data exceeds the limits.
    pub fn look(state_dir: &Path, links: Links) -> Result<Vec<(Document, Value)>, SqliteError> {
        let connection = open_to_read(&state_dir.join(DATABASE), links)?;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, i32::try_from(STORE_BYTES).unwrap_or(i32::MAX))?;
        TABLES.into_iter().try_for_each(|table| is_plain(&connection, table))?;
        let read = |document| {
            let records = read(&connection, document, Cells::AsTheyAre, &mut Size::limited())?;
            Ok((document, Value::Object(records)))
        };
        let read = Document::ALL.into_iter().map(read).collect::<Result<Vec<_>, SqliteError>>();
        read.map_err(|fault| match fault {
            SqliteError::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::TooBig) => SqliteError::TooLarge,
            other => other,
        })
    }

    /// The private key of the gateway's own device, in PEM, where the database keeps it (2026.9.6).
    ///
    /// # Errors
    /// What SQLite says. A table of that name that is no plain one.
    pub fn own_key(state_dir: &Path, links: Links) -> Result<Option<String>, SqliteError> {
        let connection = open_to_read(&state_dir.join(DATABASE), links)?;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, i32::try_from(STORE_BYTES).unwrap_or(i32::MAX))?;
        let sql =
            "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 AND name = 'device_identities'";
        let found: i64 = connection.query_row(sql, [], |row| row.get(0))?;
        let sql = "SELECT count(*) FROM pragma_table_xinfo('device_identities') WHERE hidden <> 0";
        let computed: i64 = connection.query_row(sql, [], |row| row.get(0))?;
        if found == 0 {
            return Ok(None);
        }
        if computed > 0 {
            return Err(SqliteError::NoTable("device_identities"));
        }
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
        let documents = [Document::DevicesPaired, Document::DevicesPending];
        documents
            .into_iter()
            .try_for_each(|document| read(&connection, document, Cells::Parsed, &mut Size::default()).map(drop))
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
        act: impl FnOnce(&mut Open) -> Result<T, SqliteError>,
    ) -> Result<Option<T>, SqliteError> {
        let mut open = self.open.borrow_mut();
        if open.is_none() {
            if !make && fs::symlink_metadata(&self.path).is_err() {
                return Ok(None);
            }
            *open = Some(Open::new(&self.path, self.durable, self.links)?);
        }
        open.as_mut().map(act).transpose()
    }
}

impl Open {
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
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", if durable { "full" } else { "off" })?;
        let transaction = connection.transaction()?;
        for table in TABLES {
            transaction.execute_batch(&table.create())?;
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
        let value = Arc::new(Value::Object(read(&self.connection, document, Cells::Parsed, &mut Size::default())?));
        self.read.insert(document, Arc::clone(&value));
        Ok(value)
    }

    fn write(&mut self, documents: &[(Document, &Arc<Value>)]) -> Result<(), SqliteError> {
        let transaction = self.connection.transaction()?;
        for (document, value) in documents {
            // A mutation starts from the current contents, so unreadable contents are not overwritten.
            read(&transaction, *document, Cells::Parsed, &mut Size::default())?;
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
            .map_err(|fault| ReadError { what: "read", path: format!("{DATABASE}: {fault}") })
    }

    fn write(&mut self, documents: &[(Document, &Arc<Value>)]) -> Result<(), WriteError> {
        let written = self.with(true, |open| open.write(documents));
        written.map(drop).map_err(|fault| WriteError(format!("Error: {fault}")))
    }
}

/// Opens a database without writing to it, even if another process has it open.
fn open_to_read(path: &Path, links: Links) -> Result<Connection, SqliteError> {
    only_plain(path, links)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = if is_unchanging(path) {
        // SQLite would create a journal even for reading.
        let name = percent_encode(path.as_os_str().as_bytes(), NON_ALPHANUMERIC);
        Connection::open_with_flags(format!("file:{name}?immutable=1"), flags | OpenFlags::SQLITE_OPEN_URI)?
    } else {
        Connection::open_with_flags(path, flags)?
    };
    // Readers of a release's database do not wait. If a gateway holds a lock for longer, the read fails.
    connection.busy_timeout(LOOK_TIMEOUT)?;
    Ok(connection)
}

/// Whether no process can be writing to the database: it has no journal, and this user cannot create one.
fn is_unchanging(path: &Path) -> bool {
    let locked = path.parent().is_some_and(|directory| access(directory, AccessFlags::W_OK).is_err());
    locked && fs::symlink_metadata(beside(path, "-wal")).is_err()
}

/// A file that SQLite uses with a database, or the database itself for an empty suffix.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Checks that SQLite, which opens files by path, finds no file that it would wait for forever.
fn only_plain(database: &Path, links: Links) -> Result<(), SqliteError> {
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
fn knows_nodes(path: &Path) -> Result<bool, SqliteError> {
    let connection = open_to_read(path, Links::Refuse)?;
    let sql = "SELECT count(*) FROM pragma_table_info(?) WHERE name = ?";
    let found: i64 = connection.query_row(sql, params![PAIRED.name, NODE_SURFACE], |row| row.get(0))?;
    Ok(found > 0)
}

fn columns(transaction: &Transaction<'_>, table: &Table) -> rusqlite::Result<Vec<String>> {
    let mut statement = transaction.prepare("SELECT name FROM pragma_table_info(?)")?;
    statement.query_map([table.name], |row| row.get(0))?.collect()
}

/// Whether a table stores its rows. A view can have an unlimited number of rows, and a generated column (`hidden`) can
/// take any time to compute.
fn is_plain(connection: &Connection, table: &Table) -> Result<(), SqliteError> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 AND name = ?";
    let found: i64 = connection.query_row(sql, [table.name], |row| row.get(0))?;
    let sql = "SELECT count(*) FROM pragma_table_xinfo(?) WHERE hidden <> 0";
    let computed: i64 = connection.query_row(sql, [table.name], |row| row.get(0))?;
    if found == 1 && computed == 0 { Ok(()) } else { Err(SqliteError::NoTable(table.name)) }
}

/// The amount of data that was read from a table.
#[derive(Debug, Default)]
struct Size {
    is_limited: bool,
    bytes: u64,
    values: usize,
}

impl Size {
    fn limited() -> Self {
        Self { is_limited: true, ..Self::default() }
    }

    /// Adds a row. `false` if there is no room for it.
    fn add(&mut self, row: &rusqlite::Row<'_>, columns: usize) -> rusqlite::Result<bool> {
        if !self.is_limited {
            return Ok(true);
        }
        for at in 0..columns {
            match row.get_ref(at)? {
                ValueRef::Null => {}
                ValueRef::Integer(_) | ValueRef::Real(_) => self.values += 1,
                ValueRef::Text(cell) | ValueRef::Blob(cell) => {
                    self.bytes += cell.len() as u64;
                    self.values += cut::json::count(cell);
                }
            }
        }
        Ok(self.bytes <= STORE_BYTES && self.values <= DOCUMENT_VALUES)
    }

    fn is_endless(&self) -> bool {
        self.bytes > STORE_BYTES * COUNTED as u64 || self.values > DOCUMENT_VALUES * COUNTED
    }

    fn check(&self) -> Result<(), SqliteError> {
        match self {
            Self { is_limited: true, values, .. } if *values > DOCUMENT_VALUES => {
                Err(SqliteError::TooMany(*values as u64))
            }
            Self { is_limited: true, bytes, .. } if *bytes > STORE_BYTES => Err(SqliteError::TooLarge),
            _ => Ok(()),
        }
    }
}

/// A complete document. If it exceeds the limit, it is still read to its end to determine its size.
fn read(
    connection: &Connection,
    document: Document,
    cells: Cells,
    size: &mut Size,
) -> Result<Map<String, Value>, SqliteError> {
    let table = match document {
        Document::DevicesPending => &PENDING,
        Document::DevicesBootstrap => &BOOTSTRAP,
        Document::DevicesPaired | Document::NodesPaired | Document::NodesPending => &PAIRED,
    };
    let mut statement = connection.prepare(&table.select())?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let mut records = Map::new();
    while let Some(row) = rows.next()? {
        if !size.add(row, columns)? {
            records.clear();
            if size.is_endless() {
                break;
            }
            continue;
        }
        let mut record = table.record(row, cells)?;
        let surface = record.shift_remove(NODE_SURFACE);
        let pending = record.shift_remove(PENDING_NODE_SURFACE);
        let key = record.get(table.key_field()).and_then(Value::as_str).unwrap_or_default().to_owned();
        match document {
            Document::NodesPaired => records.extend(surface.map(|surface| (key.clone(), node(&key, surface)))),
            Document::NodesPending => records.extend(pending.map(|pending| {
                let request = pending.get("requestId").and_then(Value::as_str).unwrap_or_default().to_owned();
                (request, node(&key, pending))
            })),
            Document::DevicesBootstrap => {
                record.shift_remove(table.key_field());
                records.insert(key, Value::Object(record));
            }
            Document::DevicesPaired | Document::DevicesPending => {
                records.insert(key, Value::Object(record));
            }
        }
    }
    size.check()?;
    Ok(records)
}

/// The node in a device's row, as a separate record.
fn node(device: &str, surface: Value) -> Value {
    match surface {
        Value::Object(fields) => {
            let mut record = Map::from_iter([("nodeId".to_owned(), Value::from(device))]);
            record.extend(fields);
            Value::Object(record)
        }
        other => other,
    }
}

/// Writes a complete document as the releases do: deletes every row and inserts every record.
fn write(transaction: &Transaction<'_>, document: Document, records: &Map<String, Value>) -> Result<(), SqliteError> {
    match document {
        Document::DevicesPaired => replace_paired(transaction, records),
        Document::DevicesPending => replace(transaction, &PENDING, records),
        Document::DevicesBootstrap => replace(transaction, &BOOTSTRAP, records),
        Document::NodesPaired => {
            let mut surfaces = HashMap::new();
            for (key, record) in records {
                let mut kept = record.clone();
                if let Value::Object(fields) = &mut kept {
                    fields.retain(|field, _| SURFACE_FIELDS.contains(&field.as_str()));
                }
                surfaces.insert(key.clone(), kept.to_string());
            }
            set_column(transaction, NODE_SURFACE, &surfaces)
        }
        Document::NodesPending => {
            let mut surfaces = HashMap::new();
            for record in records.values() {
                let Some(device) = record.get("nodeId").and_then(Value::as_str) else { continue };
                let mut kept = record.clone();
                if let Value::Object(fields) = &mut kept {
                    fields.shift_remove("nodeId");
                }
                surfaces.insert(device.to_owned(), kept.to_string());
            }
            set_column(transaction, PENDING_NODE_SURFACE, &surfaces)
        }
    }
}

fn replace(transaction: &Transaction<'_>, table: &Table, records: &Map<String, Value>) -> Result<(), SqliteError> {
    transaction.execute(&format!("DELETE FROM {}", table.name), [])?;
    let mut insert = transaction.prepare(&table.insert())?;
    for (key, record) in records {
        let Value::Object(record) = record else { continue };
        insert.execute(rusqlite::params_from_iter(table.row(&keyed(table, key, record))?))?;
    }
    Ok(())
}

/// A record with its key, if its table has a column for the key.
fn keyed(table: &Table, key: &str, record: &Map<String, Value>) -> Map<String, Value> {
    let mut record = record.clone();
    if table.name == BOOTSTRAP.name {
        record.insert(table.key_field().to_owned(), Value::from(key));
    }
    record
}

/// Writes the rows of devices and keeps their nodes.
fn replace_paired(transaction: &Transaction<'_>, records: &Map<String, Value>) -> Result<(), SqliteError> {
    let mut nodes = HashMap::new();
    let sql = format!("SELECT {}, {NODE_SURFACE}, {PENDING_NODE_SURFACE} FROM {}", PAIRED.key_column(), PAIRED.name);
    let mut statement = transaction.prepare(&sql)?;
    let cells = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)));
    for row in statement.query_map([], cells)? {
        let (device, columns): (String, (Option<String>, Option<String>)) = row?;
        nodes.insert(device, columns);
    }
    replace(transaction, &PAIRED, records)?;
    let sql = format!(
        "UPDATE {} SET {NODE_SURFACE} = ?, {PENDING_NODE_SURFACE} = ? WHERE {} = ?",
        PAIRED.name,
        PAIRED.key_column()
    );
    let mut update = transaction.prepare(&sql)?;
    for (device, (surface, pending)) in nodes.into_iter().filter(|(_, (a, b))| a.is_some() || b.is_some()) {
        update.execute(params![surface, pending, device])?;
    }
    Ok(())
}

/// Sets a column for every device. Devices that are not listed lose its value.
fn set_column(
    transaction: &Transaction<'_>,
    column: &str,
    by_device: &HashMap<String, String>,
) -> Result<(), SqliteError> {
    transaction.execute(&format!("UPDATE {} SET {column} = NULL", PAIRED.name), [])?;
    let sql = format!("UPDATE {} SET {column} = ? WHERE {} = ?", PAIRED.name, PAIRED.key_column());
    let mut update = transaction.prepare(&sql)?;
    for (device, surface) in by_device {
        update.execute(params![surface, device])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
