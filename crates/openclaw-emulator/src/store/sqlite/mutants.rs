//! Mutation tests of databases: each mutant is read, and the read changes none of them.

use super::SqliteDocuments;
use input_mutants::{folder, play};
use openclaw_protocol::store::{DATABASE, Document, Documents as _};
use rusqlite::Connection;
use serde_json::json;
use std::sync::Arc;
use untrusted_data::plain_file::Links;

/// A database in one file, as a release leaves it when it stops.
fn seed(folder: &std::path::Path) -> Vec<u8> {
    let record = json!({ "d": { "deviceId": "d", "publicKey": "k", "role": "operator", "scopes": ["operator.read"],
        "createdAtMs": 1, "approvedAtMs": 1, "tokens": { "operator": { "token": "t", "role": "operator", "scopes": [],
        "createdAtMs": 1 } } } });
    let pending =
        json!({ "r": { "requestId": "r", "deviceId": "e", "publicKey": "k", "role": "node", "scopes": [], "ts": 1 } });
    let mut store = SqliteDocuments::new(folder, false);
    store
        .write(&[(Document::DevicesPaired, &Arc::new(record)), (Document::DevicesPending, &Arc::new(pending))])
        .unwrap();
    drop(store);
    let connection = Connection::open(folder.join(DATABASE)).unwrap();
    connection.pragma_update(None, "journal_mode", "delete").unwrap();
    drop(connection);
    std::fs::read(folder.join(DATABASE)).unwrap()
}

#[test]
fn database_mutants() {
    let directory = folder();
    let seeds = [seed(directory.path())];
    let path = directory.path().join(DATABASE);
    let words =
        ["CREATE TABLE", "device_id", "STRICT", "SQLite format 3\0", "{\"a\":", "WITHOUT ROWID", "VIEW", "TRIGGER"];
    play("databases", &seeds, &words, |input| {
        std::fs::write(&path, input).unwrap();
        if let Ok(Some(found)) = SqliteDocuments::read_store(directory.path(), Links::Refuse) {
            assert!(found.iter().all(|(_, document)| document.is_object()), "{found:?}");
        }
        SqliteDocuments::is_store(directory.path());
        assert_eq!(std::fs::read(&path).unwrap(), input, "looking wrote");
    });
}
