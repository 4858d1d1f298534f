//! The tables of the pairing store, by column, and the conversion between rows and records.

use super::error::{RowError, SqliteError};
use rusqlite::types::{Value as Cell, ValueRef};
use serde_json::{Map, Value};

/// How to treat a cell that should be JSON and is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CellParsing {
    /// As an error, like the releases: nothing is read or written.
    Parsed,
    /// As a string, for readers that only show the store.
    AsTheyAre,
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ColumnType {
    /// A string that is never NULL.
    Key,
    /// A string.
    Text,
    /// A whole number that is never NULL.
    Time,
    /// A whole number.
    Integer,
    /// True or false, as 1 or 0.
    Flag,
    /// A list or a map, as JSON text.
    Json,
}

/// A column and the field of a record that it contains.
#[derive(Debug, Clone, Copy)]
struct Column {
    name: &'static str,
    field: &'static str,
    kind: ColumnType,
}

const fn column(name: &'static str, field: &'static str, kind: ColumnType) -> Column {
    Column { name, field, kind }
}

/// A table of records. The first column is its primary key.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    columns: &'static [Column],
    indexes: &'static [(&'static str, &'static str)],
}

/// Paired devices.
pub(super) const PAIRED: Table = Table {
    name: "device_pairing_paired",
    columns: &[
        column("device_id", "deviceId", ColumnType::Key),
        column("public_key", "publicKey", ColumnType::Key),
        column("display_name", "displayName", ColumnType::Text),
        column("operator_label", "operatorLabel", ColumnType::Text),
        column("platform", "platform", ColumnType::Text),
        column("device_family", "deviceFamily", ColumnType::Text),
        column("client_id", "clientId", ColumnType::Text),
        column("client_mode", "clientMode", ColumnType::Text),
        column("browser_origin", "browserOrigin", ColumnType::Text),
        column("role", "role", ColumnType::Text),
        column("roles_json", "roles", ColumnType::Json),
        column("scopes_json", "scopes", ColumnType::Json),
        column("approved_scopes_json", "approvedScopes", ColumnType::Json),
        column("remote_ip", "remoteIp", ColumnType::Text),
        column("tokens_json", "tokens", ColumnType::Json),
        column("approved_via", "approvedVia", ColumnType::Text),
        column(NODE_SURFACE, NODE_SURFACE, ColumnType::Json),
        column(PENDING_NODE_SURFACE, PENDING_NODE_SURFACE, ColumnType::Json),
        column("created_at_ms", "createdAtMs", ColumnType::Time),
        column("approved_at_ms", "approvedAtMs", ColumnType::Time),
        column("last_seen_at_ms", "lastSeenAtMs", ColumnType::Integer),
        column("last_seen_reason", "lastSeenReason", ColumnType::Text),
    ],
    indexes: &[("idx_device_pairing_paired_approved", "approved_at_ms DESC, device_id")],
};

/// The column of [`PAIRED`] with the approved node.
pub(super) const NODE_SURFACE: &str = "node_surface_json";
/// The column of [`PAIRED`] with the node's request.
pub(super) const PENDING_NODE_SURFACE: &str = "pending_node_surface_json";

/// Pending requests.
pub(super) const PENDING: Table = Table {
    name: "device_pairing_pending",
    columns: &[
        column("request_id", "requestId", ColumnType::Key),
        column("device_id", "deviceId", ColumnType::Key),
        column("public_key", "publicKey", ColumnType::Key),
        column("display_name", "displayName", ColumnType::Text),
        column("platform", "platform", ColumnType::Text),
        column("device_family", "deviceFamily", ColumnType::Text),
        column("client_id", "clientId", ColumnType::Text),
        column("client_mode", "clientMode", ColumnType::Text),
        column("browser_origin", "browserOrigin", ColumnType::Text),
        column("role", "role", ColumnType::Text),
        column("roles_json", "roles", ColumnType::Json),
        column("scopes_json", "scopes", ColumnType::Json),
        column("remote_ip", "remoteIp", ColumnType::Text),
        column("silent", "silent", ColumnType::Flag),
        column("is_repair", "isRepair", ColumnType::Flag),
        column("ts", "ts", ColumnType::Time),
        column("refreshed_at_ms", "refreshedAtMs", ColumnType::Integer),
    ],
    indexes: &[("idx_device_pairing_pending_device", "device_id, ts DESC")],
};

/// Issued bootstrap tokens.
pub(super) const BOOTSTRAP: Table = Table {
    name: "device_bootstrap_tokens",
    columns: &[
        column("token_key", "tokenKey", ColumnType::Key),
        column("token", "token", ColumnType::Key),
        column("setup_id", "setupId", ColumnType::Text),
        column("ts", "ts", ColumnType::Time),
        column("device_id", "deviceId", ColumnType::Text),
        column("public_key", "publicKey", ColumnType::Text),
        column("profile_json", "profile", ColumnType::Json),
        column("redeemed_profile_json", "redeemedProfile", ColumnType::Json),
        column("pending_profile_json", "pendingProfile", ColumnType::Json),
        column("issued_at_ms", "issuedAtMs", ColumnType::Time),
        column("last_used_at_ms", "lastUsedAtMs", ColumnType::Integer),
    ],
    indexes: &[("idx_device_bootstrap_tokens_ts", "ts")],
};

/// Every table.
pub(super) const TABLES: [&Table; 3] = [&PAIRED, &PENDING, &BOOTSTRAP];

impl Table {
    /// The field in the primary key.
    pub(super) fn key_field(&self) -> &'static str {
        self.columns[0].field
    }

    /// The column of the primary key.
    pub(super) fn key_column(&self) -> &'static str {
        self.columns[0].name
    }

    /// The statements that create the table if it does not exist.
    pub(super) fn create(&self) -> String {
        let columns = self.columns.iter().enumerate().map(|(at, column)| {
            let key = if at == 0 { " PRIMARY KEY" } else { "" };
            format!("{} {}{key}", column.name, column.sql_type())
        });
        let columns = columns.collect::<Vec<_>>().join(", ");
        let mut sql = format!("CREATE TABLE IF NOT EXISTS {} ({columns}) STRICT;", self.name);
        for (index, on) in self.indexes {
            sql.push_str(&format!("CREATE INDEX IF NOT EXISTS {index} ON {}({on});", self.name));
        }
        sql
    }

    /// The statements that add the columns that a table of an older release lacks.
    pub(super) fn complete(&self, there: &[String]) -> String {
        let missing = self.columns.iter().filter(|column| !there.iter().any(|name| name == column.name));
        missing
            .map(|column| format!("ALTER TABLE {} ADD COLUMN {} {};", self.name, column.name, column.sql_type()))
            .collect()
    }

    /// The statement that reads every row, in the order of insertion.
    pub(super) fn select(&self) -> String {
        format!("SELECT {} FROM {} ORDER BY rowid", self.names(), self.name)
    }

    /// The statement that writes one row.
    pub(super) fn insert(&self) -> String {
        let values = vec!["?"; self.columns.len()].join(", ");
        format!("INSERT INTO {} ({}) VALUES ({values})", self.name, self.names())
    }

    fn names(&self) -> String {
        self.columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
    }

    /// A record as a row. Fields without a column are left out, as in the releases.
    ///
    /// # Errors
    /// Returns an error for a field that does not fit its column.
    pub(super) fn row(&self, record: &Map<String, Value>) -> Result<Vec<Cell>, RowError> {
        let unfit = |column: &Column| RowError { table: self.name, column: column.name, field: column.field };
        self.columns.iter().map(|column| column.cell(record.get(column.field)).ok_or_else(|| unfit(column))).collect()
    }

    /// A row as a record. NULL means that the field is absent.
    ///
    /// # Errors
    /// Returns an error for a cell that does not parse, unless such cells are allowed.
    pub(super) fn record(
        &self,
        row: &rusqlite::Row<'_>,
        cells: CellParsing,
    ) -> Result<Map<String, Value>, SqliteError> {
        let mut record = Map::new();
        for (at, column) in self.columns.iter().enumerate() {
            let cell = row.get_ref(at)?;
            if cells == CellParsing::Parsed && !column.parses(cell) {
                return Err(SqliteError::Cell { table: self.name, column: column.name });
            }
            if let Some(value) = column.value(cell).filter(|value| !value.is_null()) {
                record.insert(column.field.to_owned(), value);
            }
        }
        Ok(record)
    }
}

impl Column {
    fn sql_type(&self) -> &'static str {
        match self.kind {
            ColumnType::Key => "TEXT NOT NULL",
            ColumnType::Text | ColumnType::Json => "TEXT",
            ColumnType::Time => "INTEGER NOT NULL",
            ColumnType::Integer | ColumnType::Flag => "INTEGER",
        }
    }

    fn cell(&self, value: Option<&Value>) -> Option<Cell> {
        let required = matches!(self.kind, ColumnType::Key | ColumnType::Time);
        match (self.kind, value) {
            (ColumnType::Json, Some(value)) => Some(Cell::Text(value.to_string())),
            (_, None | Some(Value::Null)) => (!required).then_some(Cell::Null),
            (ColumnType::Key | ColumnType::Text, Some(Value::String(text))) => Some(Cell::Text(text.clone())),
            (ColumnType::Time | ColumnType::Integer, Some(Value::Number(number))) => number.as_i64().map(Cell::Integer),
            (ColumnType::Flag, Some(Value::Bool(flag))) => Some(Cell::Integer(i64::from(*flag))),
            _ => None,
        }
    }

    /// Whether every JSON cell parses.
    fn parses(&self, cell: ValueRef<'_>) -> bool {
        match (self.kind, cell) {
            (ColumnType::Json, ValueRef::Text(bytes)) => openclaw_protocol::store::json::parse(bytes).is_some(),
            _ => true,
        }
    }

    fn value(&self, cell: ValueRef<'_>) -> Option<Value> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match (self.kind, cell) {
            (_, ValueRef::Null) => None,
            (ColumnType::Flag, ValueRef::Integer(number)) => Some(Value::Bool(number != 0)),
            (_, ValueRef::Integer(number)) => Some(Value::from(number)),
            (_, ValueRef::Real(number)) => Some(Value::from(number)),
            (ColumnType::Json, ValueRef::Text(bytes)) => {
                Some(openclaw_protocol::store::json::parse(bytes).unwrap_or_else(|| Value::String(text(bytes))))
            }
            (_, ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => Some(Value::String(text(bytes))),
        }
    }
}
