//! Contents of the state directory, where clawcheck looks for the pairing store.

use crate::row::Row;
use nix::sys::stat::Mode;
use serde_json::json;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

const FILE: &str = "devices/paired.json";
const DATABASE: &str = "state/openclaw.sqlite";

/// The scenario only expects the end of the connection. Its store is not compared with a snapshot.
const CONNECT: &str = "scenario: One connect
steps:
  - connect: { device: laptop }
";

/// The path of a file in the state directory. Creates its folder.
fn place(state: &Path, name: &str) -> PathBuf {
    let path = state.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    path
}

fn write(state: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    std::fs::write(place(state, name), bytes).unwrap();
}

/// A row whose gateway keeps its store where OpenClaw keeps it.
fn row(name: &'static str, boot: crate::row::BeforeListening) -> Row {
    Row::spawned(name, boot).described("").scenario(CONNECT).drafts()
}

/// A device record as text.
fn record(id: &str) -> String {
    json!({ "deviceId": id, "publicKey": "k", "role": "operator", "scopes": [], "createdAtMs": 1, "approvedAtMs": 1 })
        .to_string()
}

fn kinds() -> Vec<Row> {
    vec![
        row("store-right", |gateway| write(&gateway.state, FILE, "{}")),
        row("store-fifo", |gateway| nix::unistd::mkfifo(&place(&gateway.state, FILE), Mode::S_IRWXU).unwrap()),
        row("store-database-fifo", |gateway| {
            nix::unistd::mkfifo(&place(&gateway.state, DATABASE), Mode::S_IRWXU).unwrap();
        }),
        row("store-wal-fifo", |gateway| {
            write(&gateway.state, DATABASE, "");
            nix::unistd::mkfifo(&place(&gateway.state, "state/openclaw.sqlite-wal"), Mode::S_IRWXU).unwrap();
        }),
        row("store-directory", |gateway| std::fs::create_dir_all(place(&gateway.state, FILE)).unwrap()),
        row("store-database-directory", |gateway| std::fs::create_dir_all(place(&gateway.state, DATABASE)).unwrap()),
        row("store-socket", |gateway| {
            std::mem::forget(std::os::unix::net::UnixListener::bind(place(&gateway.state, FILE)));
        }),
        row("store-link-to-a-device", |gateway| symlink("/dev/zero", place(&gateway.state, FILE)).unwrap()),
        row("store-database-link-to-a-device", |gateway| {
            symlink("/dev/zero", place(&gateway.state, DATABASE)).unwrap()
        }),
        row("store-link-elsewhere", |gateway| symlink("/etc/passwd", place(&gateway.state, FILE)).unwrap())
            .never("root:"),
        row("store-link-to-itself", |gateway| {
            symlink(place(&gateway.state, FILE), place(&gateway.state, FILE)).unwrap()
        }),
        row("store-folder-link", |gateway| symlink("/proc/self", gateway.state.join("devices")).unwrap()),
        row("store-unreadable", |gateway| {
            write(&gateway.state, FILE, "{}");
            std::fs::set_permissions(gateway.state.join(FILE), std::fs::Permissions::from_mode(0o0)).unwrap();
        }),
        row("store-folder-shut", |gateway| {
            write(&gateway.state, FILE, "{}");
            std::fs::set_permissions(gateway.state.join("devices"), std::fs::Permissions::from_mode(0o0)).unwrap();
        }),
        row("store-state-directory-gone", |gateway| std::fs::remove_dir_all(&gateway.state).unwrap()),
        row("store-stale-tmp", |gateway| {
            for at in 0..20 {
                write(&gateway.state, &format!("devices/.paired.{at}.tmp"), "{");
                write(&gateway.state, &format!("devices/paired.json.{at}.tmp"), "{");
            }
        }),
    ]
}

fn contents() -> Vec<Row> {
    vec![
        row("store-not-json", |gateway| write(&gateway.state, FILE, "not json")),
        row("store-empty", |gateway| write(&gateway.state, FILE, "")),
        row("store-cut", |gateway| write(&gateway.state, FILE, r#"{"a":{"deviceId":"#)),
        row("store-invalid-utf8", |gateway| write(&gateway.state, FILE, b"{\"a\":\"\xff\xfe\"}")),
        row("store-nested-100000", |gateway| {
            write(&gateway.state, FILE, format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)));
        }),
        row("store-array", |gateway| write(&gateway.state, FILE, "[1,2,3]")),
        row("store-keys-of-control-characters", |gateway| {
            let key = "\u{1b}[2J\u{7}\u{9b}31m\u{202e}\u{2028}\r\n";
            write(&gateway.state, FILE, json!({ key: { key: key } }).to_string());
        }),
        row("store-numbers-at-the-edge", |gateway| {
            write(
                &gateway.state,
                FILE,
                r#"{"a":{"deviceId":1e308,"createdAtMs":-9223372036854775808,"approvedAtMs":18446744073709551615}}"#,
            );
        }),
        row("store-times-far-away", |gateway| {
            write(
                &gateway.state,
                FILE,
                r#"{"a":{"deviceId":"a","createdAtMs":9223372036854775807,"approvedAtMs":-1}}"#,
            );
        }),
        row("store-with-the-token", |gateway| {
            let token = &gateway.token;
            write(&gateway.state, FILE, json!({ token: { "deviceId": token, "x": format!("a{token}b") } }).to_string());
        }),
        row("store-name-of-control-characters", |gateway| {
            write(&gateway.state, "devices/\u{1b}[2J\u{7}\u{202e}.json", "{}")
        }),
        row("store-name-of-bytes", |gateway| {
            use std::os::unix::ffi::OsStrExt as _;
            let name = std::ffi::OsStr::from_bytes(b"\xff\xfe.json");
            std::fs::write(place(&gateway.state, "devices/x").with_file_name(name), "{}").unwrap();
        }),
        row("store-name-with-the-token", |gateway| {
            write(&gateway.state, &format!("devices/{}.json", gateway.token.replace('/', "_")), "{}");
        }),
        row("store-database-no-database", |gateway| write(&gateway.state, DATABASE, "no database at all".repeat(1000))),
        row("store-database-empty", |gateway| write(&gateway.state, DATABASE, "")),
        row("store-database-cut", |gateway| {
            let mut bytes = database("create table t (a); insert into t values (1);");
            bytes.truncate(bytes.len() / 2);
            write(&gateway.state, DATABASE, bytes);
        }),
        row("store-database-of-something-else", |gateway| {
            write(&gateway.state, DATABASE, database("create table t (a); insert into t values (randomblob(1000));"));
        }),
    ]
}

fn sizes() -> Vec<Row> {
    vec![
        row("store-15mb", |gateway| {
            write(&gateway.state, FILE, format!("{{\"a\":{{\"deviceId\":\"{}\"}}}}", "x".repeat(15 << 20)));
        }),
        row("store-20mb", |gateway| write(&gateway.state, FILE, " ".repeat(20 << 20))).says("too large"),
        row("store-sparse-terabyte", |gateway| {
            std::fs::File::create(place(&gateway.state, FILE)).unwrap().set_len(1 << 40).unwrap();
        })
        .says("too large"),
        row("store-array-of-15mb", |gateway| {
            write(&gateway.state, FILE, format!("{{\"a\":{{\"scopes\":[{}0]}}}}", "0,".repeat(7 << 20)));
        }),
        row("store-60-files-of-15mb", |gateway| {
            for at in 0..60 {
                let file = std::fs::File::create(place(&gateway.state, &format!("devices/{at}.json"))).unwrap();
                file.set_len(15 << 20).unwrap();
            }
        }),
        row("store-5000-records", |gateway| {
            let records: Vec<String> =
                (0..5_000).map(|at| format!("\"d{at}\":{}", record(&format!("d{at}")))).collect();
            write(&gateway.state, FILE, format!("{{{}}}", records.join(",")));
        }),
        row("store-2000-files", |gateway| {
            for at in 0..2_000 {
                write(&gateway.state, &format!("devices/{at}.json"), "{}");
            }
        }),
        row("store-folders-200-deep", |gateway| write(&gateway.state, &format!("devices/{}x", "d/".repeat(200)), "x")),
        row("store-cell-of-100mb", |gateway| {
            fill(&place(&gateway.state, DATABASE), "create table t (a); insert into t values (zeroblob(100000000));");
        }),
        row("store-cell-of-60mb", |gateway| {
            fill(&place(&gateway.state, DATABASE), "create table t (a); insert into t values (zeroblob(60000000));");
        }),
    ]
}

/// The bytes of a database after these statements.
fn database(statements: &str) -> Vec<u8> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fill(file.path(), statements);
    std::fs::read(file.path()).unwrap()
}

/// Runs statements on a database.
fn fill(path: &Path, statements: &str) {
    rusqlite::Connection::open(path).unwrap().execute_batch(statements).unwrap();
}

pub(super) fn rows() -> Vec<Row> {
    [kinds(), contents(), sizes()].into_iter().flatten().collect()
}
