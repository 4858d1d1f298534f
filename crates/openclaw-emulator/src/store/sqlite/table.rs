//! The tables of the pairing store, by column, and the conversion between rows and records.

use super::SqliteError;
use rusqlite::types::{Value as Cell, ValueRef};
use serde_json::{Map, Value};

/// How to treat a cell that should be JSON and is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cells {
    /// As an error, like the releases: nothing is read or written.
    Parsed,
    /// As a string, for readers that only show the store.
    AsTheyAre,
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
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
    kind: Kind,
}

const fn column(name: &'static str, field: &'static str, kind: Kind) -> Column {
    Column { name, field, kind }
}

/// A table of records. The first column is its primary key.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    columns: &'static [Column],
    indexes: &'static [(&'static str, &'static str)],
}

/// The reason why a record cannot be a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` cannot be the column {table}.{column}")]
pub struct Unfit {
    table: &'static str,
    column: &'static str,
    field: &'static str,
}

/// Paired devices.
pub(super) const PAIRED: Table = Table {
    name: "device_pairing_paired",
    columns: &[
        column("device_id", "deviceId", Kind::Key),
        column("public_key", "publicKey", Kind::Key),
        column("display_name", "displayName", Kind::Text),
        column("operator_label", "operatorLabel", Kind::Text),
        column("platform", "platform", Kind::Text),
        column("device_family", "deviceFamily", Kind::Text),
        column("client_id", "clientId", Kind::Text),
        column("client_mode", "clientMode", Kind::Text),
        column("browser_origin", "browserOrigin", Kind::Text),
        column("role", "role", Kind::Text),
        column("roles_json", "roles", Kind::Json),
        column("scopes_json", "scopes", Kind::Json),
        column("approved_scopes_json", "approvedScopes", Kind::Json),
        column("remote_ip", "remoteIp", Kind::Text),
        column("tokens_json", "tokens", Kind::Json),
        column("approved_via", "approvedVia", Kind::Text),
        column(NODE_SURFACE, NODE_SURFACE, Kind::Json),
        column(PENDING_NODE_SURFACE, PENDING_NODE_SURFACE, Kind::Json),
        column("created_at_ms", "createdAtMs", Kind::Time),
        column("approved_at_ms", "approvedAtMs", Kind::Time),
        column("last_seen_at_ms", "lastSeenAtMs", Kind::Integer),
        column("last_seen_reason", "lastSeenReason", Kind::Text),
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
        column("request_id", "requestId", Kind::Key),
        column("device_id", "deviceId", Kind::Key),
        column("public_key", "publicKey", Kind::Key),
        column("display_name", "displayName", Kind::Text),
        column("platform", "platform", Kind::Text),
        column("device_family", "deviceFamily", Kind::Text),
        column("client_id", "clientId", Kind::Text),
        column("client_mode", "clientMode", Kind::Text),
        column("browser_origin", "browserOrigin", Kind::Text),
        column("role", "role", Kind::Text),
        column("roles_json", "roles", Kind::Json),
        column("scopes_json", "scopes", Kind::Json),
        column("remote_ip", "remoteIp", Kind::Text),
        column("silent", "silent", Kind::Flag),
        column("is_repair", "isRepair", Kind::Flag),
        column("ts", "ts", Kind::Time),
        column("refreshed_at_ms", "refreshedAtMs", Kind::Integer),
    ],
    indexes: &[("idx_device_pairing_pending_device", "device_id, ts DESC")],
};

/// Issued bootstrap tokens.
pub(super) const BOOTSTRAP: Table = Table {
    name: "device_bootstrap_tokens",
    columns: &[
        column("token_key", "tokenKey", Kind::Key),
        column("token", "token", Kind::Key),
        column("setup_id", "setupId", Kind::Text),
        column("ts", "ts", Kind::Time),
        column("device_id", "deviceId", Kind::Text),
        column("public_key", "publicKey", Kind::Text),
        column("profile_json", "profile", Kind::Json),
        column("redeemed_profile_json", "redeemedProfile", Kind::Json),
        column("pending_profile_json", "pendingProfile", Kind::Json),
        column("issued_at_ms", "issuedAtMs", Kind::Time),
        column("last_used_at_ms", "lastUsedAtMs", Kind::Integer),
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
    pub(super) fn row(&self, record: &Map<String, Value>) -> Result<Vec<Cell>, Unfit> {
        let unfit = |column: &Column| Unfit { table: self.name, column: column.name, field: column.field };
        self.columns.iter().map(|column| column.cell(record.get(column.field)).ok_or_else(|| unfit(column))).collect()
    }

    /// A row as a record. NULL means that the field is absent.
    ///
    /// # Errors
    /// Returns an error for a cell that does not parse, unless such cells are allowed.
    pub(super) fn record(&self, row: &rusqlite::Row<'_>, cells: Cells) -> Result<Map<String, Value>, SqliteError> {
        let mut record = Map::new();
        for (at, column) in self.columns.iter().enumerate() {
            let cell = row.get_ref(at)?;
            if cells == Cells::Parsed && !column.parses(cell) {
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
            Kind::Key => "TEXT NOT NULL",
            Kind::Text | Kind::Json => "TEXT",
            Kind::Time => "INTEGER NOT NULL",
            Kind::Integer | Kind::Flag => "INTEGER",
        }
    }

    fn cell(&self, value: Option<&Value>) -> Option<Cell> {
        let required = matches!(self.kind, Kind::Key | Kind::Time);
        match (self.kind, value) {
            (Kind::Json, Some(value)) => Some(Cell::Text(value.to_string())),
            (_, None | Some(Value::Null)) => (!required).then_some(Cell::Null),
            (Kind::Key | Kind::Text, Some(Value::String(text))) => Some(Cell::Text(text.clone())),
            (Kind::Time | Kind::Integer, Some(Value::Number(number))) => number.as_i64().map(Cell::Integer),
            (Kind::Flag, Some(Value::Bool(flag))) => Some(Cell::Integer(i64::from(*flag))),
            _ => None,
        }
    }

    /// Whether every JSON cell parses.
    fn parses(&self, cell: ValueRef<'_>) -> bool {
        match (self.kind, cell) {
            (Kind::Json, ValueRef::Text(bytes)) => openclaw_protocol::store::json::parse(bytes).is_some(),
            _ => true,
        }
    }

    fn value(&self, cell: ValueRef<'_>) -> Option<Value> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match (self.kind, cell) {
            (_, ValueRef::Null) => None,
            (Kind::Flag, ValueRef::Integer(number)) => Some(Value::Bool(number != 0)),
            (_, ValueRef::Integer(number)) => Some(Value::from(number)),
            (_, ValueRef::Real(number)) => Some(Value::from(number)),
            (Kind::Json, ValueRef::Text(bytes)) => {
                Some(openclaw_protocol::store::json::parse(bytes).unwrap_or_else(|| Value::String(text(bytes))))
            }
            (_, ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => Some(Value::String(text(bytes))),
        }
    }
}
