//! The documents of the pairing store, and how they are read and written. No files here: who drives a model brings them.

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

/// A document under a state directory that the handshake and the pairing life read and write.
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

    /// Its path below the state directory.
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

/// How a release keeps its documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreFormat {
    /// Each in a JSON file of its own: [`Document::path`].
    Files,
    /// All in one database: [`DATABASE`]. Files of older releases are imported at the start.
    Sqlite,
}

/// Where documents are kept: files, a database, or memory. The rules read and write through it and know no files.
pub trait Documents {
    /// A document as it is at this moment; `None` where there is none.
    ///
    /// Shared, since one connect reads the same document several times and changes little of it.
    ///
    /// # Errors
    /// A file that is there but cannot be read, or does not parse.
    fn try_read(&self, document: Document) -> Result<Option<Arc<Value>>, ReadFault>;

    /// A document as it is at this moment. `None` is what a release makes of a file that is absent, cannot be read or
    /// does not parse: up to 2026.4.15 these are all the same to it (`readJsonFile` in `json-files-*.js`).
    fn read(&self, document: Document) -> Option<Arc<Value>> {
        self.try_read(document).ok().flatten()
    }

    /// Writes documents whole. All are tried; the first failure is returned.
    ///
    /// # Errors
    /// The operating system's message as Node words it (`EACCES: permission denied, open '...'`).
    fn write(&mut self, documents: &[(Document, &Arc<Value>)]) -> Result<(), WriteFault>;
}

/// A file that is there but is of no use (`JsonFileReadError` in `json-files-*.js`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Failed to {what} JSON file: {path}")]
pub struct ReadFault {
    /// `read` or `parse`.
    pub what: &'static str,
    /// The file.
    pub path: String,
}

/// Why a document could not be written, as Node words it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WriteFault(pub String);
