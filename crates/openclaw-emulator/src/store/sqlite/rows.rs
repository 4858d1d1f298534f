//! The rows of the tables, as the records of documents.

use super::error::SqliteError;
use super::table::{BOOTSTRAP, CellParsing, NODE_SURFACE, PAIRED, PENDING, PENDING_NODE_SURFACE, Table};
use openclaw_protocol::store::{Document, SURFACE_FIELDS};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Transaction, params};
use serde_json::{Map, Value};
use std::collections::HashMap;
use untrusted_data::cut;
use untrusted_data::limits::{DOCUMENT_VALUES, STORE_BYTES};

/// A table over the limit is counted up to this multiple of the limit.
const COUNT_LIMIT_FACTOR: usize = 20;

/// The amount of data that was read from a table.
#[derive(Debug, Default)]
pub(super) struct ReadSize {
    is_limited: bool,
    bytes: u64,
    values: usize,
}

impl ReadSize {
    pub(super) fn limited() -> Self {
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

    fn exceeds_limits(&self) -> bool {
        self.bytes > STORE_BYTES * COUNT_LIMIT_FACTOR as u64 || self.values > DOCUMENT_VALUES * COUNT_LIMIT_FACTOR
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
pub(super) fn read(
    connection: &Connection,
    document: Document,
    cells: CellParsing,
    size: &mut ReadSize,
) -> Result<Map<String, Value>, SqliteError> {
    let table = match document {
        Document::DevicesPending => &PENDING,
        Document::DevicesBootstrap => &BOOTSTRAP,
        Document::DevicesPaired | Document::NodesPaired | Document::NodesPending => &PAIRED,
    };
    let mut statement = connection.prepare_cached(&table.select())?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let mut records = Map::new();
    while let Some(row) = rows.next()? {
        // Above the limit, the records are dropped, but the rows are still counted for the error.
        if !size.add(row, columns)? {
            records.clear();
            if size.exceeds_limits() {
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
pub(super) fn write(
    transaction: &Transaction<'_>,
    document: Document,
    records: &Map<String, Value>,
) -> Result<(), SqliteError> {
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
    transaction.prepare_cached(&format!("DELETE FROM {}", table.name))?.execute([])?;
    let mut insert = transaction.prepare_cached(&table.insert())?;
    for (key, record) in records {
        let Value::Object(record) = record else { continue };
        insert.execute(rusqlite::params_from_iter(table.row(&keyed(table, key, record))?))?;
    }
    Ok(())
}

/// A record with its key, if its table has a column for the key.
pub(super) fn keyed(table: &Table, key: &str, record: &Map<String, Value>) -> Map<String, Value> {
    let mut record = record.clone();
    if table.name == BOOTSTRAP.name {
        record.insert(table.key_field().to_owned(), Value::from(key));
    }
    record
}

/// Writes the rows of devices and keeps their nodes.
fn replace_paired(transaction: &Transaction<'_>, records: &Map<String, Value>) -> Result<(), SqliteError> {
    // `replace` deletes the rows, and the columns of the nodes with them. They are restored afterwards.
    let mut nodes = HashMap::new();
    let sql = format!("SELECT {}, {NODE_SURFACE}, {PENDING_NODE_SURFACE} FROM {}", PAIRED.key_column(), PAIRED.name);
    let mut statement = transaction.prepare_cached(&sql)?;
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
    let mut update = transaction.prepare_cached(&sql)?;
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
    transaction.prepare_cached(&format!("UPDATE {} SET {column} = NULL", PAIRED.name))?.execute([])?;
    let sql = format!("UPDATE {} SET {column} = ? WHERE {} = ?", PAIRED.name, PAIRED.key_column());
    let mut update = transaction.prepare_cached(&sql)?;
    for (device, surface) in by_device {
        update.execute(params![surface, device])?;
    }
    Ok(())
}
