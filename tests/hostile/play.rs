//! Plays a row and checks the output, the verdict and the cost of clawcheck.

use super::measure::HUNG;
use super::row::{Row, Server, Timeouts};
use super::server::{Attached, ENV};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The shared token of an attached gateway. JSON, URLs and base64 encode it in different ways.
pub(crate) const CANARY: &str = "canary/9f\"7c+2ü";

/// The maximum output of a run on both streams, in bytes.
const MAX_OUTPUT: usize = 200 << 10;
/// The maximum memory of a run, in KiB.
const MAX_MEMORY: u64 = 100 << 10;
/// The answer timeout in rows that wait for it.
const ANSWER: Duration = Duration::from_secs(6);

/// The output and the cost of clawcheck.
#[derive(Debug)]
pub(crate) struct PlayOutput {
    pub code: i32,
    pub out: String,
    pub err: String,
    pub report: Option<Value>,
    pub report_text: String,
    pub memory: u64,
}

/// Plays a row. The error lists everything that is wrong.
pub(crate) fn play(row: &Row) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let (ran, secret) = run(row, folder.path());
    let wrong = held(row, &ran, &secret, folder.path());
    if wrong.is_empty() { Ok(()) } else { Err(describe(&wrong, &ran)) }
}

fn describe(wrong: &[String], ran: &PlayOutput) -> String {
    let mut text = wrong.join("\n");
    let cut =
        |text: &str| text.chars().take(3000).flat_map(char::escape_debug).collect::<String>().replace("\\n", "\n");
    let _ = write!(
        text,
        "\n-- {} KiB, exit {}, stdout:\n{}\n-- stderr:\n{}",
        ran.memory,
        ran.code,
        cut(&ran.out),
        cut(&ran.err)
    );
    text
}

/// Runs clawcheck on the gateway of a row. Also returns the secret of the gateway.
fn run(row: &Row, folder: &Path) -> (PlayOutput, String) {
    for name in ["home", "tmp", "family", "drafts"] {
        std::fs::create_dir(folder.join(name)).unwrap();
    }
    std::fs::write(folder.join("family/case.yaml"), row.scenario).unwrap();
    let this = std::env::current_exe().unwrap();
    let mut command = Command::new(&this);
    command.arg("measure").arg(folder.join("memory")).arg(clawcheck());
    command.args(["run", "family/case.yaml", "--report", "json=report.json"]);
    if row.drafts {
        command.args(["--snapshots", "drafts"]);
    }
    let server = Attached::start(&row.server);
    if matches!(row.server, Server::Spawned { .. }) {
        std::fs::write(folder.join("gateway.yaml"), description(row, &this, folder)).unwrap();
        // A gateway that writes thousands of files before it listens starts slowly on a busy disk.
        let start_timeout = if row.name.starts_with("store-") { "30" } else { "8" };
        command.args(["--gateway", "gateway.yaml", "--start-timeout", start_timeout]);
    } else {
        command
            .args(["--gateway", &server.url(), "--release", "2026.4.2", "--allow-writes"])
            .env("CLAWCHECK_TOKEN", CANARY);
    }
    if row.cost != Timeouts::Instant {
        command.args(["--answer-timeout", &ANSWER.as_secs().to_string()]);
    }
    command.current_dir(folder).env("HOME", folder.join("home")).env("TMPDIR", folder.join("tmp")).stdin(Stdio::null());
    let ran = ended(command, folder);
    let secret = std::fs::read_to_string(folder.join("told")).unwrap_or_else(|_| CANARY.to_owned());
    (ran, secret)
}

fn description(row: &Row, this: &Path, folder: &Path) -> String {
    let env = ENV.replace("TOLD_FILE", &folder.join("told").to_string_lossy());
    let Row { name, described, .. } = row;
    let this = this.display();
    format!(
        "gateway: hostile\nabout: does it all wrong\nclaims: 2026.4.2\ncommand: {this}\nargs: [gateway, {name}]\n\
         config: none\n{env}{described}"
    )
}

/// The program under test: the one that was just built, or the one that `CLAWCHECK_BIN` names.
pub(crate) fn clawcheck() -> PathBuf {
    std::env::var_os("CLAWCHECK_BIN").map_or_else(|| env!("CARGO_BIN_EXE_clawcheck").into(), PathBuf::from)
}

fn ended(mut command: Command, folder: &Path) -> PlayOutput {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let stderr = std::thread::spawn(move || kept(&mut err));
    let out = kept(&mut out);
    let err = stderr.join().unwrap();
    let code = child.wait().unwrap().code().unwrap_or(HUNG);
    let report_text = std::fs::read_to_string(folder.join("report.json")).unwrap_or_default();
    let memory = std::fs::read_to_string(folder.join("memory")).unwrap_or_default();
    let memory = memory.parse().unwrap_or(u64::MAX);
    PlayOutput { code, out, err, report: serde_json::from_str(&report_text).ok(), report_text, memory }
}

/// Reads a stream to its end and returns its beginning. Bytes that are not UTF-8 become U+FFFD.
fn kept(stream: &mut impl Read) -> String {
    let mut kept = Vec::new();
    let _ = stream.take(4 * MAX_OUTPUT as u64).read_to_end(&mut kept);
    let _ = std::io::copy(stream, &mut std::io::sink());
    String::from_utf8_lossy(&kept).into_owned()
}

/// Everything that is wrong with the output and the cost of clawcheck.
fn held(row: &Row, ran: &PlayOutput, secret: &str, folder: &Path) -> Vec<String> {
    let output = format!("{}{}", ran.out, ran.err);
    let mut wrong = Vec::new();
    let mut check = |holds: bool, text: String| {
        if !holds {
            wrong.push(text);
        }
    };
    check(ran.code != HUNG, "it hangs".to_owned());
    check(row.codes.contains(&ran.code), format!("exit {}, expected one of {:?}", ran.code, row.codes));
    let unwrapped = [&output, &output.replace("\n  │ ", " "), &output.replace("\n  │ ", "")];
    for text in &row.says {
        check(unwrapped.iter().any(|output| output.contains(text)), format!("does not say {text:?}"));
    }
    for text in row.never.iter().chain(&["panicked", "RUST_BACKTRACE", "index out of bounds"]) {
        check(!output.contains(text), format!("says {text:?}"));
    }
    check(output.len() <= MAX_OUTPUT, format!("prints {} bytes or more", output.len()));
    check(ran.memory <= MAX_MEMORY, format!("takes {} KiB", ran.memory));
    if let Some(control) = control(&output) {
        check(false, format!("prints U+{:04X}", u32::from(control)));
    }
    check(ran.report.is_some(), "the report is not JSON".to_owned());
    wrong.extend(reported(row, ran));
    wrong.extend(leaks(&[("the output", &output), ("the report", &ran.report_text)], secret));
    wrong.extend(left(folder, secret));
    wrong
}

/// The first control character that a terminal would interpret.
fn control(text: &str) -> Option<char> {
    text.chars().find(|c| match c {
        '\n' => false,
        '\u{2028}' | '\u{2029}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => true,
        c => c.is_control(),
    })
}

/// Checks the verdicts and the waits in the report.
fn reported(row: &Row, ran: &PlayOutput) -> Vec<String> {
    let Some(report) = &ran.report else { return Vec::new() };
    let mut wrong = Vec::new();
    let cases = report["cases"].as_array().cloned().unwrap_or_default();
    for case in &cases {
        let verdict = case["verdict"].as_str().unwrap_or_default();
        if !row.verdicts.contains(&verdict) {
            wrong.push(format!("{} {verdict}, expected {:?}", case["id"], row.verdicts));
        }
    }
    // A gateway that does not exist is reported once, not for every case.
    if cases.is_empty() && ran.code != 3 {
        wrong.push("the report has no case".to_owned());
    }
    let took = Duration::from_secs_f64(report["duration_ms"].as_f64().unwrap_or_default() / 1000.0);
    // One answer timeout of tolerance. Rows that do not wait use the default timeout of 30 s.
    let most = match row.cost {
        Timeouts::Instant => Duration::from_secs(29),
        Timeouts::OneDeadline => 2 * ANSWER,
        Timeouts::TwoDeadlines => 3 * ANSWER,
    };
    if took > most {
        wrong.push(format!("took {took:?}, which is more than {:?} allows", row.cost));
    }
    wrong
}

/// The texts that contain the secret in any form.
fn leaks(texts: &[(&str, &str)], secret: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (form, written) in forms(secret) {
        for (place, text) in texts {
            if text.contains(&written) {
                wrong.push(format!("the secret is in {place}, {form}"));
            }
        }
    }
    wrong
}

/// The forms of a secret that a gateway can send back.
pub(crate) fn forms(secret: &str) -> Vec<(&'static str, String)> {
    let bytes = secret.as_bytes();
    let each = |write: &dyn Fn(&u8) -> String| bytes.iter().map(write).collect::<String>();
    let json = serde_json::to_string(secret).unwrap();
    let percent = |byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(*byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    vec![
        ("plain", secret.to_owned()),
        ("as JSON writes it", json.trim_matches('"').to_owned()),
        ("as JSON may write it", json.trim_matches('"').replace('/', "\\/")),
        ("in base64", STANDARD.encode(bytes).trim_end_matches('=').to_owned()),
        ("in base64url", URL_SAFE_NO_PAD.encode(bytes)),
        ("in hexadecimal", each(&|byte| format!("{byte:02x}"))),
        ("in percents", each(&percent)),
        ("in small percents", each(&|byte| percent(byte).to_lowercase())),
    ]
}

/// Checks the files that remain: only drafts, without secrets.
fn left(folder: &Path, secret: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for name in ["home", "tmp"] {
        for entry in std::fs::read_dir(folder.join(name)).unwrap().flatten() {
            wrong.push(format!("{name} has {:?}", entry.file_name()));
        }
    }
    let mut folders = vec![folder.join("drafts")];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let text = String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()).into_owned();
            wrong.extend(leaks(&[("a draft", &text)], secret));
            wrong.extend(control(&text).map(|control| format!("a draft has U+{:04X}", u32::from(control))));
        }
    }
    wrong
}
