//! Databases whose schema attacks the program that reads them.

use super::open::{open_to_read, restrict};
use super::table::PAIRED;
use super::{SqliteDocuments, SqliteError};
use openclaw_protocol::store::{DATABASE, Document, Documents as _};
use rstest::rstest;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use untrusted_data::limits::STORE_BYTES;
use untrusted_data::plain_file::Links;

/// No read of a hostile database takes this long. Without the checks, some never end.
const LONG: Duration = Duration::from_secs(20);
/// A query that never ends.
const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";

/// A store with one device, changed by these statements.
fn hostile(statements: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let device = json!({ "deviceId": "a", "publicKey": "K", "createdAtMs": 1, "approvedAtMs": 2 });
    let mut store = SqliteDocuments::new(folder.path(), false);
    store.write(&[(Document::DevicesPaired, &Arc::new(json!({ "a": device })))]).unwrap();
    drop(store);
    let connection = Connection::open(folder.path().join(DATABASE)).unwrap();
    connection.pragma_update(None, "journal_mode", "delete").unwrap();
    connection.execute_batch(statements).unwrap();
    folder
}

fn read(folder: &Path) -> Result<Vec<(Document, Value)>, SqliteError> {
    SqliteDocuments::read_store(folder, Links::Refuse).map(Option::unwrap_or_default)
}

/// A table that is a view with endless rows, for each way to read the database.
#[rstest]
#[case::read(|folder: &Path| read(folder).map(drop))]
#[case::check(|folder: &Path| SqliteDocuments::check(folder, Links::Refuse))]
#[case::own_key(|folder: &Path| SqliteDocuments::own_key(folder, Links::Refuse).map(drop))]
#[case::client_tokens(|folder: &Path| SqliteDocuments::client_tokens(folder, Links::Refuse).map(drop))]
#[case::write(|folder: &Path| SqliteDocuments::new(folder, false).open())]
fn rejects_endless_view(#[case] act: fn(&Path) -> Result<(), SqliteError>) {
    let columns = "device_id, public_key, tokens_json, node_surface_json";
    let folder = hostile(&format!(
        "DROP TABLE device_pairing_paired;
         CREATE VIEW device_pairing_paired({columns}) AS {ENDLESS} SELECT i, 'K', '{{}}', '{{}}' FROM n;
         CREATE VIEW device_identities(identity_key, private_key_pem) AS {ENDLESS} SELECT 'secondary', i FROM n;
         CREATE VIEW device_auth_tokens(device_id, role, token, scopes_json) AS {ENDLESS} SELECT i, 'operator', i, 1 FROM n;"
    ));
    let began = Instant::now();
    let error = act(folder.path()).unwrap_err().to_string();
    assert!(["is not a plain table", "views may not be indexed"].iter().any(|part| error.contains(part)), "{error}");
    assert!(began.elapsed() < LONG, "{:?}", began.elapsed());
}

#[test]
fn runs_no_trigger() {
    let mut triggers = String::new();
    for event in ["INSERT", "UPDATE", "DELETE"] {
        triggers.push_str(&format!(
            "CREATE TRIGGER on_{event} AFTER {event} ON device_pairing_paired BEGIN
                 INSERT INTO seen VALUES ('{event}');
             END;"
        ));
    }
    let folder = hostile(&format!("CREATE TABLE seen (event); {triggers}"));
    read(folder.path()).unwrap();
    let mut store = SqliteDocuments::new(folder.path(), false);
    store.write(&[(Document::DevicesPaired, &Arc::new(json!({})))]).unwrap();
    drop(store);
    let connection = Connection::open(folder.path().join(DATABASE)).unwrap();
    let seen: i64 = connection.query_row("SELECT count(*) FROM seen", [], |row| row.get(0)).unwrap();
    assert_eq!(seen, 0);
    connection.execute("INSERT INTO device_pairing_paired (device_id, public_key, created_at_ms, approved_at_ms) VALUES ('b', 'K', 1, 2)", []).unwrap();
    let seen: i64 = connection.query_row("SELECT count(*) FROM seen", [], |row| row.get(0)).unwrap();
    assert_eq!(seen, 1, "the trigger works");
}

/// SQLite returns such a cell only as an error, before it allocates memory for it.
#[rstest]
#[case::cell("UPDATE device_pairing_paired SET tokens_json = hex(zeroblob(20000000))")]
#[case::cells(
    "UPDATE device_pairing_paired SET tokens_json = hex(zeroblob(1500000)), display_name = hex(zeroblob(1500000))"
)]
#[case::key(
    "INSERT INTO device_pairing_pending (request_id, device_id, public_key, ts) VALUES (hex(zeroblob(5000000)), 'a', 'K', 1)"
)]
fn rejects_enormous_cell(#[case] statement: &str) {
    let folder = hostile(statement);
    let began = Instant::now();
    let error = read(folder.path()).unwrap_err();
    assert!(matches!(error, SqliteError::TooLarge), "{error}");
    assert!(SqliteDocuments::check(folder.path(), Links::Refuse).is_err());
    assert!(began.elapsed() < LONG, "{:?}", began.elapsed());
}

/// What a connection allows, whatever the build of SQLite allows by default.
#[rstest]
#[case::extension("SELECT load_extension('x')", &["no such function", "not authorized"])]
#[case::other_database("ATTACH ':memory:' AS other", &["too many attached databases"])]
#[case::schema("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = ''", &["may not be modified", "readonly"])]
#[case::view("CREATE VIEW v AS SELECT 1; SELECT * FROM v", &["access to view"])]
#[case::long("SELECT zeroblob(10000000)", &["too big"])]
#[case::deep("SELECT 1{}", &["maximum depth"])]
fn connection_is_restricted(#[case] statements: &str, #[case] reasons: &[&str]) {
    let folder = hostile("");
    let statements = statements.replace("{}", &"+1".repeat(200));
    let connection = Connection::open(folder.path().join(DATABASE)).unwrap();
    restrict(&connection).unwrap();
    let run = |connection: &Connection| {
        for sql in statements.split("; ") {
            let mut statement = connection.prepare(sql)?;
            let mut rows = statement.query([])?;
            while rows.next()?.is_some() {}
        }
        Ok::<(), rusqlite::Error>(())
    };
    let error = run(&connection).unwrap_err().to_string();
    assert!(reasons.iter().any(|reason| error.contains(reason)), "{error}");
    let reader = open_to_read(&folder.path().join(DATABASE), Links::Refuse).unwrap();
    run(&reader).unwrap_err();
    assert!(reader.execute("DELETE FROM device_pairing_paired", []).is_err(), "a reader does not write");
}

#[test]
fn limit_of_cell_is_that_of_store() {
    let folder = hostile(&format!("UPDATE {} SET display_name = hex(zeroblob(1000000))", PAIRED.name));
    let read = read(folder.path()).unwrap();
    let name = read[0].1["a"]["displayName"].as_str().unwrap();
    assert!(name.len() == 2_000_000 && 2_000_000 < STORE_BYTES, "{}", name.len());
}
