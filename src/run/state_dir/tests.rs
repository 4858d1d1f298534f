//! Tests of writing and reading state directories.

use super::seed::Seeder;
use super::write::put;
use super::{StateDirError, read, unfinished, write};
use crate::no_follow::{NoFollowDir, NoFollowError};
use crate::observe::{NoFile, StoredDocument};
use crate::run::bindings::Bindings;
use crate::run::bindings::identities::Identities;
use crate::scenario::store::Store;
use openclaw_emulator::store::SqliteDocuments;
use openclaw_model::Release;
use openclaw_protocol::store::{DATABASE, Document, Documents as _, StoreFormat};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use untrusted_data::limits::{DOCUMENT_VALUES, STORE_BYTES, STORE_FILES};
use untrusted_data::plain_file::Links;

fn store(spec: Value) -> Store {
    serde_json::from_value(spec).unwrap()
}

fn fill(directory: &Path, spec: Value, folder: Option<&BTreeMap<String, Vec<u8>>>) -> Result<(), StateDirError> {
    let bindings = Bindings::new(Identities::new("a/b"));
    let seeder = Seeder { bindings: &bindings, now: 0, release: Release::new(2026, 4, 2), own: true };
    write(directory, &store(spec), folder, &seeder, StoreFormat::Files)
}

#[test]
fn detects_unfinished_writes() {
    let directory = tempfile::tempdir().unwrap();
    assert!(unfinished(directory.path()).is_empty());
    let root = NoFollowDir::open(directory.path()).unwrap();
    put(&root, "devices/paired.json", b"{}").unwrap();
    assert!(unfinished(directory.path()).is_empty());
    put(&root, "devices/paired.json.5e0a.tmp", b"{").unwrap();
    let before = unfinished(directory.path());
    assert_eq!(before.len(), 1);
    assert_eq!(unfinished(directory.path()), before);
    put(&root, "devices/paired.json.5e0a.tmp", b"{}").unwrap();
    assert_ne!(unfinished(directory.path()), before);
}

#[test]
fn precedence_of_folder_records_and_files() {
    let directory = tempfile::tempdir().unwrap();
    let folder = BTreeMap::from([
        ("devices/paired.json".to_owned(), br#"{"old": {}}"#.to_vec()),
        ("devices/pending.json".to_owned(), b"{}".to_vec()),
        ("identity/device.json".to_owned(), b"{}".to_vec()),
    ]);
    let spec = json!({
        "paired": {"laptop": {}},
        "files": {
            "devices/pending.json": "directory",
            "devices/text": {"text": "<device laptop>"},
            "devices/cut": {"text": "whole"},
            "identity/device.json": "missing",
        },
    });
    fill(directory.path(), spec, Some(&folder)).unwrap();
    fill(directory.path(), json!({"files": {"devices/cut": {"truncate-to": 2}}}), None).unwrap();
    let found = read(directory.path(), &Store::default());
    let id = Identities::new("a/b").device("laptop").device_id();
    let paired: Value = serde_json::from_slice(found.files()["devices/paired.json"].as_ref().unwrap()).unwrap();
    assert_eq!(paired.as_object().unwrap().keys().collect::<Vec<_>>(), ["old", &id]);
    assert_eq!(found.files()["devices/pending.json"], Err(NoFile::Directory), "a directory is no file");
    assert_eq!(found.files()["devices/text"], Ok(id.into_bytes()));
    assert_eq!(found.files()["devices/cut"], Ok(b"wh".to_vec()));
    assert!(!directory.path().join("identity/device.json").exists());
}

#[test]
fn rejects_paths_outside_directory() {
    let directory = tempfile::tempdir().unwrap();
    for path in ["../x", "/tmp/x", "a/../../x", ""] {
        let error = fill(directory.path(), json!({"files": {path: {"text": ""}}}), None).unwrap_err();
        assert!(matches!(error, StateDirError::Io { source: NoFollowError::Outside, .. }), "{path}: {error}");
    }
}

#[test]
fn file_in_place_of_folder() {
    let directory = tempfile::tempdir().unwrap();
    let spec = json!({"files": {"devices": {"text": "in the way"}, "else/where": {"text": "x"}}});
    fill(directory.path(), spec.clone(), None).unwrap();
    let found = read(directory.path(), &store(spec));
    assert_eq!(found.files().keys().collect::<Vec<_>>(), ["devices", "else/where"]);
}

#[cfg(unix)]
#[test]
fn reads_only_small_regular_files() {
    let directory = tempfile::tempdir().unwrap();
    let devices = directory.path().join("devices");
    fs::create_dir_all(devices.join("folder")).unwrap();
    fs::write(devices.join("plain"), b"{}").unwrap();
    fs::File::create(devices.join("large")).unwrap().set_len(STORE_BYTES + 1).unwrap();
    std::os::unix::fs::symlink("/dev/zero", devices.join("link")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(devices.join("socket")).unwrap();
    let expected = [
        ("devices/folder", Err(NoFile::Directory)),
        ("devices/large", Err(NoFile::TooLarge)),
        ("devices/link", Err(NoFile::NotPlain)),
        ("devices/plain", Ok(b"{}".to_vec())),
        ("devices/socket", Err(NoFile::NotPlain)),
    ];
    let found = read(directory.path(), &Store::default());
    assert_eq!(found, expected.map(|(path, what)| (path.to_owned(), what)).into());
}

#[test]
fn does_not_open_pipes_in_store() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = |path: &str| {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    };
    pipe("devices/paired.json");
    pipe("state/openclaw.sqlite");
    let found = read(directory.path(), &Store::default());
    let not_plain = StoredDocument::NoFile(NoFile::NotPlain);
    let in_database = [Document::DevicesPaired, Document::DevicesPending].map(|name| (name, not_plain.clone()));
    assert_eq!(found.documents(), &BTreeMap::from(in_database));
    let files = BTreeMap::from([("devices/paired.json".to_owned(), Err(NoFile::NotPlain))]);
    assert_eq!(found.files(), &files);
    let spec = json!({"paired": {"laptop": {}}});
    let error = fill(directory.path(), spec.clone(), None).unwrap_err().to_string();
    assert_eq!(error, "cannot read devices/paired.json: this is a named pipe, not a file");
    let bindings = Bindings::new(Identities::new("a/b"));
    let seeder = Seeder { bindings: &bindings, now: 0, release: Release::new(2026, 9, 6), own: true };
    let error = write(directory.path(), &store(spec), None, &seeder, StoreFormat::Sqlite).unwrap_err().to_string();
    assert!(error.ends_with("openclaw.sqlite: this is a named pipe, not a file"), "{error}");
}

#[rstest::rstest]
#[case::beside("-wal")]
#[case::index("-shm")]
#[case::journal("-journal")]
fn does_not_open_pipe_next_to_database(#[case] suffix: &str) {
    let directory = tempfile::tempdir().unwrap();
    let bindings = Bindings::new(Identities::new("a/b"));
    let seeder = Seeder { bindings: &bindings, now: 0, release: Release::new(2026, 9, 6), own: true };
    let spec = store(json!({"paired": {"laptop": {}}}));
    write(directory.path(), &spec, None, &seeder, StoreFormat::Sqlite).unwrap();
    let pipe = directory.path().join(format!("{DATABASE}{suffix}"));
    let _ = fs::remove_file(&pipe);
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let fault = SqliteDocuments::read_store(directory.path(), Links::Refuse).unwrap_err();
    assert_eq!(fault.to_string(), format!("{}: this is a named pipe, not a file", pipe.display()));
    write(directory.path(), &spec, None, &seeder, StoreFormat::Sqlite).unwrap_err();
}

#[test]
fn ignores_linked_store() {
    let directory = tempfile::tempdir().unwrap();
    let theirs = tempfile::tempdir().unwrap();
    fs::write(theirs.path().join("paired.json"), "{}").unwrap();
    std::os::unix::fs::symlink(theirs.path(), directory.path().join("devices")).unwrap();
    std::os::unix::fs::symlink(theirs.path(), directory.path().join("other")).unwrap();
    let spec = store(json!({"files": {"other/paired.json": {"text": ""}}}));
    let expected = ["devices", "other/paired.json"].map(|path| (path.to_owned(), Err(NoFile::NotPlain)));
    assert_eq!(read(directory.path(), &spec), expected.into());
}

#[test]
fn total_size_limit() {
    let directory = tempfile::tempdir().unwrap();
    let root = NoFollowDir::open(directory.path()).unwrap();
    let half = usize::try_from(STORE_BYTES / 2).unwrap();
    for path in ["devices/a", "devices/b", "nodes/c"] {
        put(&root, path, &vec![b'x'; half]).unwrap();
    }
    put(&root, "devices/paired.json", b"{}").unwrap();
    let found = read(directory.path(), &Store::default());
    assert_eq!(found.files()["devices/paired.json"], Ok(b"{}".to_vec()));
    assert_eq!(found.files()["devices/a"].as_ref().map(Vec::len), Ok(half));
    assert_eq!(
        (&found.files()["devices/b"], &found.files()["nodes/c"]),
        (&Err(NoFile::TooLarge), &Err(NoFile::TooLarge))
    );
}

#[test]
fn file_count_limit() {
    let directory = tempfile::tempdir().unwrap();
    let root = NoFollowDir::open(directory.path()).unwrap();
    for n in 0..STORE_FILES + 7 {
        put(&root, &format!("devices/{n:05}"), b"").unwrap();
    }
    put(&root, "devices/paired.json", b"{}").unwrap();
    let found = read(directory.path(), &Store::default());
    assert_eq!(found.files()["devices"], Err(NoFile::MoreFiles(8)));
    assert_eq!(found.files()["devices/paired.json"], Ok(b"{}".to_vec()), "a document is looked at wherever it stands");
    assert!(found.files().contains_key("devices/00999") && !found.files().contains_key("devices/01000"));
}

#[test]
fn value_count_limit() {
    let directory = tempfile::tempdir().unwrap();
    let root = NoFollowDir::open(directory.path()).unwrap();
    put(&root, "devices/paired.json", format!("[{}0]", "0,".repeat(DOCUMENT_VALUES)).as_bytes()).unwrap();
    let found = read(directory.path(), &Store::default());
    assert_eq!(found.files()["devices/paired.json"], Err(NoFile::TooMany(100_002)));
}

#[test]
fn database_size_limit() {
    let row = |n: usize, name: &str| {
        (
            format!("d{n}"),
            json!({"deviceId": format!("d{n}"), "publicKey": "k",
        "displayName": name, "createdAtMs": 1, "approvedAtMs": 1}),
        )
    };
    for (rows, grown, expected) in [(40_000, false, NoFile::TooMany(200_000)), (1, true, NoFile::TooLarge)] {
        let directory = tempfile::tempdir().unwrap();
        let rows = (0..rows).map(|n| row(n, "n")).collect::<Map<_, _>>();
        let mut database = SqliteDocuments::new(directory.path(), false);
        database.write(&[(Document::DevicesPaired, &Arc::new(Value::Object(rows)))]).unwrap();
        if grown {
            // clawcheck's own connections refuse such a cell.
            let connection = rusqlite::Connection::open(directory.path().join(DATABASE)).unwrap();
            let bytes = i64::try_from(STORE_BYTES).unwrap();
            let grown = "UPDATE device_pairing_paired SET display_name = hex(zeroblob(?1))";
            connection.execute(grown, [bytes]).unwrap();
        }
        let found = read(directory.path(), &Store::default());
        assert_eq!(found.document(Document::DevicesPaired), Some(&StoredDocument::NoFile(expected)));
    }
}
