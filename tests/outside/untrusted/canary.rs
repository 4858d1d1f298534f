//! Gateways that send back every secret, in every encoding and at every position, mixed with control characters. No
//! output and no file of clawcheck may contain a secret or a control character.

use crate::harness::{ProgramOutput, TestFolder, serve};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rstest::rstest;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Message, accept_hdr};

const TOKEN: &str = "Canary-7f3kQ9wZ-gateway";
const IN_URL: &str = "Canary-2b8mX4vT-in-url";
/// Characters that a terminal interprets, and characters that reorder or hide text.
const CONTROL: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\r\u{7f}\u{9b}31m\u{202e}\u{200b}\u{2028}\u{feff}";
/// Two steps, and records with their own tokens.
const SCENARIO: &str = "\
scenario: \"Shows its \\e[31msecrets\\u202e\"
store:
  paired:
    laptop: { scopes: [operator.read], tokens: { operator: {} } }
steps:
  - connect: { device: laptop, role: operator, scopes: [operator.read] }
  - connect: { device: phone, role: node, auth: { token: right, device-token: seeded } }
";
/// A scenario that can be played on a gateway that clawcheck did not start.
const WITHOUT_STORE: &str = "\
scenario: Shows its secrets
steps:
  - connect: { device: laptop, role: operator, scopes: [operator.read] }
  - connect: { device: phone, role: node }
";

/// The secrets that a gateway received.
#[derive(Default)]
struct ShownSecrets(Mutex<BTreeSet<String>>);

impl ShownSecrets {
    fn learn(&self, text: &str) {
        match serde_json::from_str::<Value>(text) {
            Ok(value) => self.walk(&value),
            Err(_) => {
                let values = text.split("token=").skip(1);
                values.for_each(|value| self.add(value.split(['&', ' ', '\r']).next().unwrap()));
            }
        }
    }

    fn walk(&self, value: &Value) {
        match value {
            Value::Object(members) => members.iter().for_each(|(name, member)| match member {
                Value::String(text) if name.to_lowercase().contains("token") || name == "password" => self.add(text),
                member => self.walk(member),
            }),
            Value::Array(items) => items.iter().for_each(|item| self.walk(item)),
            _ => {}
        }
    }

    fn add(&self, secret: &str) {
        // The auth mode is also called `token`.
        if secret.len() >= 8 {
            self.0.lock().unwrap().insert(secret.to_owned());
        }
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().cloned().collect()
    }

    /// Every secret in every encoding.
    fn echo(&self) -> Vec<String> {
        self.all().iter().flat_map(|secret| encodings(secret)).map(|text| format!("{CONTROL}{text}")).collect()
    }
}

fn encodings(secret: &str) -> Vec<String> {
    let each = |escape: &dyn Fn(u8) -> String| secret.bytes().map(escape).collect::<String>();
    let (start, end) = secret.split_at(secret.len() / 2);
    let mut all = vec![
        secret.to_owned(),
        secret.to_uppercase(),
        secret.to_lowercase(),
        each(&|byte| format!("\\u{byte:04x}")),
        each(&|byte| format!("\\u{byte:04X}")),
        each(&|byte| format!("%{byte:02x}")),
        each(&|byte| format!("%{byte:02X}")),
        each(&|byte| format!("{byte:02x}")),
        each(&|byte| format!("{byte:02X}")),
        format!("{start}\n      {end}"),
        format!("{start}\u{200b}{end}"),
        format!("ws://user:{secret}@host/?token={secret}"),
    ];
    for before in ["", "x", "xx"] {
        all.push(STANDARD.encode(format!("{before}{secret}yz")));
        all.push(URL_SAFE_NO_PAD.encode(format!("{before}{secret}")));
    }
    all
}

/// Parts of ten characters of a secret in every encoding: those that count in any letter case, and those of base64.
fn pieces(secret: &str) -> (Vec<String>, Vec<String>) {
    const PIECE: usize = 10;
    let cut = |form: &str, size: usize| {
        let pieces = form.as_bytes().chunks_exact(size).map(|piece| String::from_utf8(piece.to_vec()).unwrap());
        pieces.collect::<Vec<_>>()
    };
    let mut folded = cut(&secret.to_lowercase(), PIECE);
    for escape in [|byte: u8| format!("\\u{byte:04x}"), |byte| format!("%{byte:02x}"), |byte| format!("{byte:02x}")] {
        for secret in [secret, &secret.to_lowercase()] {
            let form = secret.bytes().map(escape).collect::<String>();
            folded.extend(cut(&form, form.len() / secret.len() * PIECE));
        }
    }
    let mut encoded = Vec::new();
    for before in ["", "x", "xx"] {
        let form = STANDARD.encode(format!("{before}{secret}"));
        // Without the characters that depend on their neighbours.
        let stable = 3..form.len() - 4;
        encoded.extend(cut(&form[stable.clone()], 12));
        encoded.extend(cut(&URL_SAFE_NO_PAD.encode(format!("{before}{secret}"))[stable], 12));
    }
    (folded, encoded)
}

/// The part of a secret that a text contains.
fn leaked_part(text: &str, secrets: &[String]) -> Option<String> {
    let folded = text.to_lowercase();
    // A reader still recognizes a word that is split by line breaks, margins or escapes of invisible characters.
    let joined = folded.replace("\\u{200b}", "").replace("\\u200b", "").replace("\\n", "");
    let joined = joined.split_whitespace().collect::<String>();
    secrets.iter().find_map(|secret| {
        let (in_any_case, encoded) = pieces(secret);
        let found = in_any_case.into_iter().find(|piece| folded.contains(piece) || joined.contains(piece));
        found.or_else(|| encoded.into_iter().find(|piece| text.contains(piece)))
    })
}

/// Checks every output and every written file for secrets and control characters.
fn is_clean(test_folder: &TestFolder, ran: &[&ProgramOutput], secrets: &[String]) {
    let mut texts = ran
        .iter()
        .flat_map(|ended| [("standard output", &ended.out), ("standard error", &ended.err)])
        .map(|(name, text)| (name.to_owned(), text.clone()))
        .collect::<Vec<_>>();
    for folder in
        ["snapshots", "reports", "fuzz"].map(|name| test_folder.path(name)).iter().filter(|path| path.is_dir())
    {
        let files = walk(folder);
        texts.extend(files.iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())));
        texts.extend(files.into_iter().map(|path| ("the name of a file".to_owned(), path)));
    }
    for (name, text) in &texts {
        let bad = text.chars().find(|c| *c != '\n' && !untrusted_data::printable::is_printable(*c));
        assert_eq!(bad, None, "in {name}: {text:?}");
        if let Some(piece) = leaked_part(text, secrets) {
            let at = text.to_lowercase().find(&piece.to_lowercase());
            let near = at.map(|at| text.chars().skip(at.saturating_sub(200)).take(400).collect::<String>());
            panic!("`{piece}` in {name}: {}", near.unwrap_or_else(|| text.clone()));
        }
    }
}

fn walk(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path.to_string_lossy().into_owned()] })
        .collect()
}

/// Answers the request of an upgrade with a page or without HTTP.
fn answer_without_upgrade(manner: &str, mut stream: TcpStream, shown: &ShownSecrets) -> Option<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        request.push(byte[0]);
    }
    shown.learn(&String::from_utf8_lossy(&request));
    let echo = shown.echo().join("\n");
    if manner == "garbage" {
        return stream.write_all(echo.as_bytes()).ok();
    }
    let head = echo.replace(['\r', '\n'], " ");
    let length = echo.len();
    let answer = format!("HTTP/1.1 403 No\r\nX-Echo: {head}\r\nContent-Length: {length}\r\n\r\n{echo}");
    stream.write_all(answer.as_bytes()).ok()
}

/// Answers one connection.
fn answer(manner: &str, stream: TcpStream, shown: &ShownSecrets) -> Option<()> {
    if matches!(manner, "body" | "garbage") {
        return answer_without_upgrade(manner, stream, shown);
    }
    #[expect(clippy::result_large_err, reason = "the callback's type is not ours")]
    let learn = |request: &Request, response: Response| {
        shown.learn(&request.uri().to_string());
        Ok(response)
    };
    let mut socket = accept_hdr(stream, learn).ok()?;
    let challenge = json!({"type": "event", "event": "connect.challenge", "payload": {"nonce": "n", "ts": 1}});
    socket.send(Message::text(challenge.to_string())).ok()?;
    loop {
        let Message::Text(text) = socket.read().ok()? else { continue };
        shown.learn(&text);
        let request = serde_json::from_str::<Value>(&text).unwrap_or_default();
        let echo = shown.echo();
        let answers = |payload: Value| json!({"type": "res", "id": request["id"], "ok": true, "payload": payload});
        let keys = echo.iter().map(|text| (text.clone(), json!(text))).collect::<serde_json::Map<_, _>>();
        match manner {
            "error" => {
                let error = json!({"code": "INVALID_REQUEST", "message": echo.join(" "), "details": {"code": echo[0], "echo": echo}});
                let frame = json!({"type": "res", "id": request["id"], "ok": false, "error": error});
                socket.send(Message::text(frame.to_string())).ok()?;
                socket.close(None).ok()?;
            }
            "close" => {
                for text in &echo {
                    let event = json!({"type": "event", "event": "next", "payload": text});
                    socket.send(Message::text(event.to_string())).ok()?;
                }
                let reason = echo[0].chars().take(40).collect::<String>();
                socket.close(Some(CloseFrame { code: 1008.into(), reason: reason.into() })).ok()?;
            }
            "event" => {
                for text in &echo {
                    let event = json!({"type": "event", "event": text, "payload": {text: text}});
                    socket.send(Message::text(event.to_string())).ok()?;
                }
                socket.send(Message::text(answers(json!({"type": "hello-ok", "protocol": 3})).to_string())).ok()?;
            }
            "keys" => {
                // JSON escapes in the frame itself.
                let frame =
                    answers(json!({"type": "hello-ok", "protocol": 3, "auth": keys, "snapshot": keys, "policy": keys}));
                let frame = frame.to_string().replace('-', "\\u002d").replace('/', "\\/");
                socket.send(Message::text(frame)).ok()?;
            }
            _ => {
                socket.send(Message::text(echo.join("\n"))).ok()?;
                socket.send(Message::binary(echo.join("\n").into_bytes())).ok()?;
                socket.close(None).ok()?;
            }
        }
    }
}

#[rstest]
#[case::http_body("body")]
#[case::no_http("garbage")]
#[case::error("error")]
#[case::close_reason("close")]
#[case::event_name("event")]
#[case::keys("keys")]
#[case::no_json("text")]
fn attached_gateway_cannot_inject_output(#[case] manner: &'static str) {
    let test_folder = TestFolder::new(WITHOUT_STORE);
    std::fs::create_dir(test_folder.path("reports")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/gate?token={IN_URL}&access={IN_URL}", listener.local_addr().unwrap());
    let shown = Arc::new(ShownSecrets::default());
    let learned = Arc::clone(&shown);
    // The thread ends with the test process.
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let learned = Arc::clone(&learned);
            std::thread::spawn(move || answer(manner, stream, &learned));
        }
    });
    let arguments =
        ["run", "scenarios", "--gateway", &url, "--allow-writes", "--trace", "--report", "json=reports/report.json"];
    let output = test_folder.command(&arguments).env("CLAWCHECK_TOKEN", TOKEN).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let ran = ProgramOutput { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
    let secrets = shown.all();
    assert!(secrets.contains(&IN_URL.to_owned()), "it was never asked: {}{}", ran.out, ran.err);
    if !["body", "garbage"].contains(&manner) {
        assert!(secrets.contains(&TOKEN.to_owned()), "no token was shown: {}{}", ran.out, ran.err);
        assert!(ran.out.contains("<-"), "its answer is not in the output: {}", ran.out);
    }
    assert!(ran.out.contains("rerun: ") || ran.code != Some(1), "{}", ran.out);
    is_clean(&test_folder, &[&ran, &test_folder.clawcheck(&["review"])], &secrets);
}

/// As a child process: the gateway. As a test: nothing.
#[test]
fn gateway() {
    let Ok(manner) = std::env::var("CANARY") else { return };
    let variable = |name: &str| std::env::var(name).unwrap();
    let state = std::path::PathBuf::from(variable("CANARY_STATE"));
    let shown = Arc::new(ShownSecrets::default());
    shown.learn(&std::fs::read_to_string(variable("CANARY_CONFIG")).unwrap());
    shown.learn(&std::fs::read_to_string(state.join("devices/paired.json")).unwrap_or_default());
    let note = |shown: &ShownSecrets| {
        let mut notes = std::fs::OpenOptions::new().append(true).create(true).open(variable("CANARY_NOTES")).unwrap();
        notes.write_all((shown.all().join("\n") + "\n").as_bytes()).unwrap();
    };
    note(&shown);
    let echo = shown.echo();
    eprintln!("{}", echo.join("\n"));
    if manner == "dies" {
        std::process::exit(1);
    }
    if manner == "store" {
        for (at, text) in echo.iter().enumerate() {
            let name = text.chars().filter(|c| !['/', '\n'].contains(c)).take(60).collect::<String>();
            let _ = std::fs::write(state.join("devices").join(format!("{at}-{name}.json")), text);
        }
        let records = echo.iter().map(|text| (text.clone(), json!({"deviceId": text, text: [text]})));
        let records = Value::Object(records.collect());
        std::fs::write(state.join("devices/paired.json"), records.to_string()).unwrap();
        std::fs::write(state.join("devices/pending.json"), json!([echo]).to_string()).unwrap();
    }
    let listener = TcpListener::bind(("127.0.0.1", variable("PORT").parse().unwrap())).unwrap();
    let manner = if manner == "store" { "error".to_owned() } else { manner };
    for stream in listener.incoming().flatten() {
        let (manner, shown) = (manner.clone(), Arc::clone(&shown));
        std::thread::spawn(move || answer(&manner, stream, &shown));
    }
}

fn description(test_folder: &TestFolder, manner: &str) {
    let program = std::env::current_exe().unwrap();
    let notes = test_folder.path("notes");
    let text = format!(
        "gateway: canary\nabout: sends back what it is shown\nclaims: 2026.4.2\ncommand: {}\n\
         args: [\"untrusted::canary::gateway\", --exact, --nocapture]\n\
         env: {{ CANARY: {manner}, PORT: \"{{port}}\", CANARY_STATE: \"{{state-dir}}\", CANARY_CONFIG: \"{{config}}\", CANARY_NOTES: {} }}\n",
        program.display(),
        notes.display()
    );
    std::fs::write(test_folder.path("canary.yaml"), text).unwrap();
}

#[rstest]
#[case::log_of_one_that_dies("dies")]
#[case::store("store")]
#[case::event_name("event")]
#[case::keys("keys")]
#[case::no_json("text")]
fn spawned_gateway_cannot_inject_output(#[case] manner: &str, #[values("case", "shared")] isolation: &str) {
    let test_folder = TestFolder::new(SCENARIO);
    for n in 0..2 {
        std::fs::write(test_folder.path(&format!("scenarios/family/more-{n}.yaml")), SCENARIO).unwrap();
    }
    std::fs::create_dir(test_folder.path("reports")).unwrap();
    description(&test_folder, manner);
    let play = ["run", "scenarios", "--gateway", "canary.yaml", "--isolation", isolation, "--trace", "--jobs", "2"];
    let ran = test_folder.clawcheck(&[&play[..], &["--report", "json=reports/report.json"]].concat());
    assert!(test_folder.path("reports/report.json").exists(), "{}{}", ran.out, ran.err);
    let secrets = notes(&test_folder);
    assert!(!secrets.is_empty(), "{}{}", ran.out, ran.err);
    let mut others = vec![test_folder.clawcheck(&["review"]), test_folder.clawcheck(&["lint", "scenarios"])];
    others.push(test_folder.clawcheck(&["list", "scenarios"]));
    others.push(test_folder.clawcheck(&["accept", "--all"]));
    if isolation == "shared" {
        for format in ["plain", "markdown", "json"] {
            let arguments =
                ["compare", "canary.yaml", "embedded@2026.4.2", "--scenarios", "scenarios", "--format", format];
            others.push(test_folder.clawcheck(&arguments));
        }
    }
    // The fastest behaviour, because stories have many steps.
    if isolation == "shared" && manner == "event" {
        let fuzz = ["fuzz", "--gateway", "canary.yaml", "--seed", "1", "-n", "2", "--shrink-within", "0"];
        others.push(test_folder.clawcheck(&fuzz));
    }
    let secrets = [secrets, notes(&test_folder)].concat();
    is_clean(&test_folder, &[&[&ran][..], &others.iter().collect::<Vec<_>>()].concat(), &secrets);
}

fn notes(test_folder: &TestFolder) -> Vec<String> {
    let notes = std::fs::read_to_string(test_folder.path("notes")).unwrap_or_default();
    let secrets = notes.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect::<BTreeSet<_>>();
    secrets.into_iter().collect()
}

/// The checks above find a secret in a text that contains it.
#[test]
fn canary_detects_every_encoding() {
    for text in encodings(TOKEN) {
        assert!(leaked_part(&format!("<- {text}"), &[TOKEN.to_owned()]).is_some(), "{text}");
    }
    assert_eq!(leaked_part("<- <secret shared>", &[TOKEN.to_owned()]), None);
}

#[rstest]
#[case::no_colon(r#"{ "gateway": { "auth": { "token" "SECRET" } } }"#)]
#[case::on_the_next_line("{ gateway: { auth: { token:\n  'SECRET', mode: oops oops } } }")]
#[case::misspelt_name("{ gateway: { auth: { toekn: 'SECRET' } }")]
#[case::no_quotes("{ gateway: { auth: { token: SECRET } } }")]
#[case::in_a_comment("{ gateway: { // SECRET\n auth: [ } }")]
#[case::refused(r#"{ gateway: { bind: "SECRET", auth: { mode: "none", token: "SECRET" } } }"#)]
#[case::both(r#"{ gateway: { auth: { token: "SECRET", password: "SECRET" } } }"#)]
fn serve_errors_hide_secret(#[case] text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("openclaw.json");
    std::fs::write(&config, text.replace("SECRET", TOKEN)).unwrap();
    let mut command = serve(folder.path());
    command.args(["--release", "2026.4.2", "--port", "0", "--config"]).arg(&config);
    let output = command.arg("--state-dir").arg(folder.path().join("state")).output().unwrap();
    let shown = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && !shown.is_empty(), "{shown}");
    assert_eq!(leaked_part(&shown, &[TOKEN.to_owned()]), None, "{shown}");
}

#[rstest]
#[case(&["run", "--gateway", "wss://me:Canary-2b8mX4vT-in-url@host/?token=Canary-7f3kQ9wZ-gateway"])]
#[case(&["run", "--gateway", "http://host/?token=Canary-7f3kQ9wZ-gateway&k=Canary-2b8mX4vT-in-url"])]
#[case(&["compare", "ws://host/?token=Canary-7f3kQ9wZ-gateway", "embedded"])]
#[case(&["run", "--gateway", "ws://127.0.0.1:9/?token=Canary-7f3kQ9wZ-gateway", "--isolation", "case"])]
#[case(&["run", "no-\u{1b}[31m\u{202e}such", "--gateway", "embedded"])]
#[case(&["run", "--\u{1b}]0;x\u{7}\u{9b}"])]
fn usage_errors_hide_secrets(#[case] arguments: &[&str]) {
    let test_folder = TestFolder::new(WITHOUT_STORE);
    let ran = test_folder.clawcheck(arguments);
    assert_eq!(ran.code, Some(2), "{}{}", ran.out, ran.err);
    assert!(!ran.err.is_empty());
    is_clean(&test_folder, &[&ran], &[TOKEN.to_owned(), IN_URL.to_owned()]);
}
