//! The documents of the pairing store, and how they are read and written. This module
//! reads and writes no files: its callers do.

pub mod json;
mod memory;

pub use memory::MemoryDocuments;

use serde_json::Value;
use std::sync::Arc;

/// The database below the state directory.
pub const DATABASE: &str = "state/openclaw.sqlite";

/// The fields that a row of [`DATABASE`] keeps of a node beside what its device's columns say.
pub const SURFACE_FIELDS: [&str; 15] = [
    "displayName",
    "version",
    "coreVersion",
    "uiVersion",
    "modelIdentifier",
    "caps",
    "commands",
    "permissions",
    "bins",
    "sessionHost",
    "createdAtMs",
    "approvedAtMs",
    "lastConnectedAtMs",
    "lastDisconnectedAtMs",
    "lastHostStats",
];

/// A document below a state directory that handshake and pairing use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Document {
    /// `devices/paired.json`.
    DevicesPaired,
    /// `devices/pending.json`.
    DevicesPending,
    /// `devices/bootstrap.json`.
    DevicesBootstrap,
    /// `nodes/paired.json`.
    NodesPaired,
    /// `nodes/pending.json`.
    NodesPending,
}

impl Document {
    /// Every document.
    pub const ALL: [Self; 5] =
        [Self::DevicesPaired, Self::DevicesPending, Self::DevicesBootstrap, Self::NodesPaired, Self::NodesPending];

    /// The path below the state directory.
    pub fn path(self) -> &'static str {
        match self {
            Self::DevicesPaired => "devices/paired.json",
            Self::DevicesPending => "devices/pending.json",
            Self::DevicesBootstrap => "devices/bootstrap.json",
            Self::NodesPaired => "nodes/paired.json",
            Self::NodesPending => "nodes/pending.json",
        }
    }
}

/// The storage format of a release's documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreFormat {
    /// Each document in its own JSON file: [`Document::path`].
    Files,
    /// All documents in one database: [`DATABASE`]. Files of older releases are imported at the start.
    Sqlite,
}

/// The storage of documents: files, a database or memory. The model reads and writes through this trait and does not
/// know about files.
pub trait Documents {
    /// The current document. `None` if it does not exist.
    ///
    /// The document is shared, because one connect reads it several times and changes little of it.
    ///
    /// # Errors
    /// Returns an error if the file exists but cannot be read or parsed.
    fn try_read(&self, document: Document) -> Result<Option<Arc<Value>>, ReadError>;

    /// The current document. `None` if a release that ignores damage treats the file as absent: it does not
    /// exist, cannot be read or does not parse (`readJsonFile` in `json-files.ts`).
    fn read(&self, document: Document) -> Option<Arc<Value>> {
        self.try_read(document).ok().flatten()
    }

    /// Writes complete documents. Tries all of them and returns the first error.
    ///
    /// # Errors
    /// Returns the operating system's message in the form of Node.js (`EACCES: permission denied, open '...'`).
    fn write(&mut self, documents: &[(Document, &Arc<Value>)]) -> Result<(), WriteError>;
}

/// A file that exists but is not usable (`JsonFileReadError` in `json-files.ts`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Failed to {what} JSON file: {path}")]
pub struct ReadError {
    /// Either `read` or `parse`.
    pub what: &'static str,
    /// The file.
    pub path: String,
}

/// The reason why a document could not be written, in the form of Node.js.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WriteError(pub String);
