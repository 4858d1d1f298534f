//! Gateways that send or write more data than fits into memory. Each gets a verdict that names the amount, with bounded
//! memory and output.
//!
//! The sending gateways run in this process. The gateways that write a store are this test binary, run again with
//! `HEAVY` set.

use crate::harness::TestFolder;
use crate::harness::in_process::{converse, hello, ok, refused, sending};
use openclaw_emulator::store::SqliteDocuments;
use openclaw_protocol::store::{DATABASE, Document, Documents as _};
use rstest::rstest;
use rusqlite::Connection;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The maximum memory of a run, in MB.
const MEMORY: u64 = 100;
/// The maximum output in bytes, and the maximum length of a line in characters.
const OUTPUT: usize = 200_000;
const LINE: usize = 350;
/// The maximum number of lines for a case.
const SCREEN: usize = 70;

/// The result of a run.
struct HeavyRun {
    code: Option<i32>,
    out: String,
    /// The peak memory, in MB.
    peak: u64,
    report: Value,
}

impl HeavyRun {
    fn observed(&self, case: usize) -> String {
        let text = self.report["cases"][case]["observation"]["text"].as_array().cloned().unwrap_or_default();
        text.iter().filter_map(Value::as_str).map(|line| format!("{line}\n")).collect()
    }

    fn is_bounded(&self) {
        assert!(self.peak < MEMORY, "{} MB: {}", self.peak, self.beginning());
        assert!(self.out.len() < OUTPUT, "{} bytes are shown", self.out.len());
        let longest = self.out.lines().filter(|line| !line.contains("rerun: ")).map(|line| line.chars().count()).max();
        assert!(longest < Some(LINE), "{longest:?}: {}", self.beginning());
    }

    fn beginning(&self) -> String {
        self.out.chars().take(4000).collect()
    }
}

/// Runs the scenarios of a folder and measures the memory. The address space is limited to 4 GiB, so that a regression
/// cannot exhaust the machine.
fn run(test_folder: &TestFolder, gateway: &str) -> HeavyRun {
    let mut command = Command::new("sh");
    command.args(["-c", r#"ulimit -v 4194304; exec "$0" "$@""#, env!("CARGO_BIN_EXE_clawcheck"), "run", "scenarios"]);
    command.args(["--gateway", gateway, "--snapshots", "snapshots", "--report", "json=report.json"]);
    if gateway.starts_with("ws:") {
        command.args(["--allow-writes", "--release", "2026.4.2"]).env("CLAWCHECK_TOKEN", "of-somebody-else");
    }
    let out = fs::File::create(test_folder.path("out")).unwrap();
    command
        .current_dir(test_folder.path(""))
        .env("HOME", test_folder.path("home"))
        .env("TMPDIR", test_folder.path("tmp"));
    let mut child = command.stdout(out.try_clone().unwrap()).stderr(out).stdin(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let (began, mut peak) = (Instant::now(), 0);
    let exit = loop {
        let status = fs::read_to_string(&status).unwrap_or_default();
        let now = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(now.unwrap_or(0));
        if let Some(exit) = child.try_wait().unwrap() {
            break exit;
        }
        assert!(began.elapsed() < Duration::from_secs(240), "no end");
        std::thread::sleep(Duration::from_millis(2));
    };
    let report = fs::read(test_folder.path("report.json")).map(|bytes| serde_json::from_slice(&bytes).unwrap());
    let out = fs::read_to_string(test_folder.path("out")).unwrap();
    HeavyRun { code: exit.code(), out, peak: peak / 1000, report: report.unwrap_or_default() }
}

const CONNECTS: &str = "scenario: A connect\nsteps:\n  - connect: { device: laptop }\n    expect: EXPECTED\n";

fn connects(expected: &str) -> TestFolder {
    TestFolder::new(&CONNECTS.replace("EXPECTED", expected))
}

/// `[0,0,...]` with this number of bytes.
fn zeros(bytes: usize) -> String {
    format!("[{}0]", "0,".repeat(bytes / 2 - 1))
}

/// `"k0":{},"k1":{},...` with this number of bytes.
fn keys(bytes: usize) -> String {
    let mut keys = String::from("\"k\":{}");
    for number in 0.. {
        if keys.len() > bytes {
            break;
        }
        keys.push_str(&format!(",\"k{number}\":{{}}"));
    }
    keys
}

const LARGE: usize = 1_900_000;

const REFUSED: &str = "{ refused: { code: NOT_PAIRED, close: 1008 } }";

/// The frames that this kind of gateway sends for a request.
fn answers(manner: &str, id: &str) -> Vec<String> {
    match manner {
        "values" => vec![ok(id, &zeros(LARGE))],
        "values before the id" => {
            vec![format!(r#"{{"payload":{},"type":"res","id":"{id}","ok":true}}"#, zeros(LARGE))]
        }
        "above the limit" => vec![ok(id, &zeros(8 << 20))],
        "members" => vec![ok(id, &format!("{{{}}}", keys(LARGE)))],
        "a welcome" => vec![hello(id, &keys(LARGE / 3))],
        "details" => vec![refused(id, &format!("{{{}}}", keys(LARGE)), "m")],
        "a message" => vec![refused(id, "{}", &"no ".repeat(LARGE / 3))],
        "many events" => (0..15_000).map(|n| event(&n.to_string())).chain([hello(id, "\"n\":1")]).collect(),
        "long events" => (0..40).map(|_| event(&zeros(LARGE))).chain([hello(id, "\"n\":1")]).collect(),
        other => panic!("{other}"),
    }
}

#[rstest]
#[case("values", "hello", false, "<- ok connect  [0, 0, 0, ")]
#[case("values before the id", "hello", false, "<- ok connect  [0, 0, 0, ")]
#[case(
    "above the limit",
    "hello",
    false,
    "<- connection lost: the gateway sent too much: a message of 8,388,653 bytes, more than 2,097,152"
)]
#[case("members", "hello", false, "<- ok connect  k={}  k0={}  k1={}")]
#[case("a welcome", "hello", true, "<- hello-ok  protocol 3  role operator  scopes operator.read")]
#[case("details", REFUSED, true, "<- error NOT_PAIRED  \"m\"  k={}  k0={}")]
#[case("a message", REFUSED, true, "no … 1,895,904 more bytes")]
#[case("many events", "hello", true, "-- … 14,901 more\n")]
#[case("long events", "hello", false, "<- connection lost: the gateway sent too much: more than 20 MiB in one case")]
fn sent_data_is_bounded(
    #[case] manner: &'static str,
    #[case] expected: &str,
    #[case] is_met: bool,
    #[case] says: &str,
) {
    let ran = run(&connects(expected), &sending(move |id| answers(manner, id)));
    ran.is_bounded();
    assert!(ran.out.lines().count() < SCREEN, "{}", ran.beginning());
    assert!(ran.observed(0).contains(says), "{}", ran.observed(0).chars().take(2000).collect::<String>());
    // The case has no approved snapshot, so it deviates even if its expectations are met.
    assert_eq!((ran.code, ran.out.contains("no snapshot is approved")), (Some(1), is_met), "{}", ran.beginning());
}

fn event(payload: &str) -> String {
    format!(r#"{{"type":"event","event":"noise","payload":{payload}}}"#)
}

#[test]
fn counts_omitted_members() {
    let ran = run(&connects("hello"), &sending(|id| answers("values", id)));
    let text = ran.observed(0);
    let payload = text.lines().find(|line| line.contains("[0, 0")).unwrap();
    let (shown, more) = payload.split_once("\"… ").unwrap();
    let more: usize = more.strip_suffix(" more\"]").unwrap().replace(',', "").parse().unwrap();
    assert_eq!(shown.matches("0, ").count() + more, LARGE / 2);
}

const MANY: &str = "\
scenario: Many that fail
matrix:
  n: [NUMBERS]
steps:
  - connect: { device: laptop, client: { version: \"1.0.${n}\" } }
    expect: hello
";

#[test]
fn failing_run_is_bounded() {
    let numbers = (0..67).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    let test_folder = TestFolder::new(&MANY.replace("NUMBERS", &numbers));
    let gateway = writing(&test_folder, "details", "2026.4.2");
    let ran = run(&test_folder, &gateway);
    ran.is_bounded();
    assert_eq!(ran.code, Some(1), "{}", ran.beginning());
    assert!(ran.out.contains("67 cases: 67 deviates"), "{}", ran.beginning());
    let cases = ran.report["cases"].as_array().unwrap();
    let ids = cases.iter().map(|case| case["id"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len(), ids.is_sorted()), (67, 67, true));
    assert!(cases.iter().all(|case| case["observation"]["text"].to_string().contains("error NOT_PAIRED")));
}

/// As a child process: a gateway that writes its store. As a test: nothing.
#[test]
fn serve() {
    let Ok(manner) = std::env::var("HEAVY") else { return };
    let state = std::env::var("STATE").unwrap();
    let listener = TcpListener::bind(format!("127.0.0.1:{}", std::env::var("PORT").unwrap())).unwrap();
    let details = format!("{{{}}}", if manner == "details" { keys(LARGE) } else { String::new() });
    let answer = move |id: &str, _: &Value| {
        write_store(Path::new(&state), &manner);
        vec![refused(id, &details, "m")]
    };
    for stream in listener.incoming().flatten() {
        converse(stream, &answer);
    }
}

/// Writes a store that exceeds a limit, unless it exists already.
fn write_store(state: &Path, manner: &str) {
    let devices = state.join("devices");
    fs::create_dir_all(&devices).unwrap();
    let paired = devices.join("paired.json");
    let record = |n: usize| (format!("id-{n:06}"), json!({ "deviceId": format!("id-{n:06}") }));
    let records = |number: usize| (0..number).map(record).collect::<Map<_, _>>();
    match manner {
        "files" => {
            for number in 0..60 {
                fs::File::create(devices.join(format!("f{number}"))).unwrap().set_len(15 << 20).unwrap();
            }
        }
        "many-files" if !devices.join("f00000").exists() => {
            (0..30_000).for_each(|n| fs::write(devices.join(format!("f{n:05}")), "x").unwrap());
        }
        "array" => fs::write(paired, zeros(15 << 20)).unwrap(),
        "short-array" => fs::write(paired, zeros(3_000_000)).unwrap(),
        "records" => fs::write(paired, Value::Object(records(330_000)).to_string()).unwrap(),
        "some-records" => fs::write(paired, Value::Object(records(5000)).to_string()).unwrap(),
        "cell" => {
            database(state, vec![("d".to_owned(), json!({ "name": "n" }))]);
            // clawcheck's own connections refuse such a cell.
            let connection = Connection::open(state.join(DATABASE)).unwrap();
            let grown =
                "UPDATE device_pairing_paired SET display_name = hex(zeroblob(?1)) WHERE length(display_name) = 1";
            connection.execute(grown, [16 << 20]).unwrap();
        }
        "rows" => database(state, (0..60_000).map(|n| (format!("d{n}"), json!({ "name": "n" }))).collect()),
        _ => {}
    }
}

fn database(state: &Path, devices: Vec<(String, Value)>) {
    if SqliteDocuments::exists(state) {
        return;
    }
    let record = |(id, device): (String, Value)| {
        let record = json!({ "deviceId": id, "publicKey": "k", "displayName": device["name"], "createdAtMs": 1, "approvedAtMs": 1 });
        (id, record)
    };
    let records = Value::Object(devices.into_iter().map(record).collect());
    SqliteDocuments::new(state, false).write(&[(Document::DevicesPaired, &Arc::new(records))]).unwrap();
}

/// The description of this test binary as a gateway that writes its store.
fn writing(test_folder: &TestFolder, manner: &str, claims: &str) -> String {
    let text = format!(
        "gateway: heavy\nabout: writes too much\nclaims: {claims}\ncommand: {}\n\
         args: [\"untrusted::heavy::serve\", --exact, --nocapture]\n\
         env: {{ HEAVY: {manner}, PORT: \"{{port}}\", STATE: \"{{state-dir}}\" }}\nconfig: none\n",
        std::env::current_exe().unwrap().display()
    );
    fs::write(test_folder.path("heavy.yaml"), text).unwrap();
    "heavy.yaml".to_owned()
}

#[rstest]
#[case::files("files", "2026.4.2", "devices/f9\n  too large: clawcheck reads at most 4 MiB of a store\n")]
#[case::many_files("many-files", "2026.4.2", "other files\n  … 901 more files, not read\n")]
#[case::an_array("array", "2026.4.2", "paired\n  too large: clawcheck reads at most 4 MiB of a store\n")]
#[case::a_short_array("short-array", "2026.4.2", "paired\n  too large: 1,500,001 JSON values, more than 100,000\n")]
#[case::records("records", "2026.4.2", "paired\n  too large: clawcheck reads at most 4 MiB of a store\n")]
#[case::some_records("some-records", "2026.4.2", "\n  … 4,000 more records\npending\n")]
#[case::a_cell("cell", "2026.9.6", "paired\n  too large: clawcheck reads at most 4 MiB of a store\n")]
#[case::rows("rows", "2026.9.6", "paired\n  too large: 300,000 JSON values, more than 100,000\n")]
fn written_data_is_bounded(#[case] manner: &str, #[case] claims: &str, #[case] says: &str) {
    let test_folder = connects("{ refused: { code: NOT_PAIRED, close: 1008 } }");
    let gateway = writing(&test_folder, manner, claims);
    let ran = run(&test_folder, &gateway);
    ran.is_bounded();
    assert!(ran.out.lines().count() < SCREEN, "{}", ran.beginning());
    assert!(ran.observed(0).contains(says), "{}", ran.observed(0).chars().take(3000).collect::<String>());
    assert_eq!(ran.code, Some(1), "{}", ran.beginning());
    assert!(ran.out.contains("no snapshot is approved for this case yet"), "{}", ran.beginning());
}

/// A correct gateway does not exceed a limit, even if a scenario connects very often.
#[rstest]
fn connects_up_to_repeat_limit(#[values("2026.4.2", "2026.9.6")] release: &str) {
    let connects = "scenario: Many\nsteps:\n  - connect: { device: laptop }\n    expect: hello\n    repeat: 1000\n";
    let test_folder = TestFolder::new(connects);
    let ran = test_folder.clawcheck(&["run", "scenarios", "--gateway", &format!("embedded@{release}")]);
    assert!(ran.out.contains("(1 to 1000 of 1000)") && !ran.out.contains("flooded"), "{}{}", ran.out, ran.err);
}
