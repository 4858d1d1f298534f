//! Where the embedded gateway keeps its documents: JSON files, a database, or memory that it shares.

mod directory;
mod shared;
mod sqlite;

pub use directory::DirectoryDocuments;
pub use shared::SharedDocuments;
pub use sqlite::{SqliteDocuments, SqliteError};

/// The longest file of a store that is read, in bytes. Those of real gateways take a thousandth of it.
pub const LONGEST_FILE: u64 = 64 << 20;
