//! The stores of the embedded gateway: JSON files, a database, or shared memory.

mod directory;
mod shared;
mod sqlite;

pub use directory::DirectoryDocuments;
pub use shared::SharedDocuments;
pub use sqlite::{ClientToken, SqliteDocuments, SqliteError};

/// The maximum length of a file of the store, in bytes. Files of real gateways have a thousandth of it.
pub const MAX_FILE_BYTES: u64 = 64 << 20;
