//! `clawcheck record`: the proxy changes nothing, and the recording replays with the same answers and without secrets.

use crate::harness::{SCENARIO, Serving, TestFolder, serve};
use nix::sys::signal::Signal;
use rstest::rstest;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio_tungstenite::tungstenite::{self, Message, client::IntoClientRequest as _};

const TOKEN: &str = "Canary-8sk20fjx71-shared";

/// A gateway with a state directory below `test_folder`.
fn gateway(test_folder: &TestFolder, release: &str) -> Serving {
    let config = json!({ "gateway": { "mode": "local", "auth": { "mode": "token", "token": TOKEN } } });
    gateway_with(test_folder, release, &config)
}

fn gateway_with(test_folder: &TestFolder, release: &str, config: &Value) -> Serving {
    let state = test_folder.path("state");
    std::fs::create_dir_all(&state).unwrap();
    // A replay checks only expectations, not snapshots.
    std::fs::remove_dir(test_folder.path("snapshots")).unwrap();
    std::fs::write(state.join("openclaw.json"), config.to_string()).unwrap();
    let mut command = serve(&test_folder.path("home"));
    command.args(["--release", release, "--port", "0", "--state-dir"]).arg(&state);
    Serving::start(command)
}

/// A proxy in front of a gateway. Its port is that of [`Serving::port`].
fn record(test_folder: &TestFolder, gateway: &Serving, more: &[&str]) -> Serving {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("clawcheck"));
    command
        .args(["record", "--upstream", &format!("ws://127.0.0.1:{}", gateway.port)])
        .args(if more.contains(&"-o") { &[][..] } else { &["-o", "recorded.yaml"] })
        .args(more);
    command.current_dir(test_folder.path("")).env_clear().env("HOME", test_folder.path("home")).stdin(Stdio::null());
    command.env("TMPDIR", test_folder.path("tmp"));
    Serving::start(command)
}

/// Ends the recording and returns the scenario file.
fn recorded(test_folder: &TestFolder, mut proxy: Serving) -> String {
    let status = proxy.signal(Signal::SIGINT);
    assert_eq!(status.code(), Some(0));
    std::fs::read_to_string(test_folder.path("recorded.yaml")).unwrap()
}

fn replay(test_folder: &TestFolder, release: &str) -> crate::harness::ProgramOutput {
    // A method that clawcheck does not know needs trust.
    test_folder.clawcheck(&["run", "recorded.yaml", "--trust", "--gateway", &format!("embedded@{release}")])
}

/// Plays built-in cases through the proxy with the client of clawcheck.
fn play(test_folder: &TestFolder, port: u16, release: &str, cases: &[&str]) {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("clawcheck"));
    command.arg("run").args(cases).args(["--gateway", &format!("ws://127.0.0.1:{port}"), "--release", release]);
    // The folder of the test has no snapshots of these cases.
    command
        .args(["--allow-writes", "--min-played", "1", "--jobs", "1"])
        .current_dir(test_folder.path("home"))
        .env("CLAWCHECK_TOKEN", TOKEN);
    command.env("HOME", test_folder.path("home")).env("TMPDIR", test_folder.path("tmp"));
    let output = command.output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{out}");
}

#[rstest]
#[case("2026.3.31", &["role-upgrade", "authority", "handshake", "scope-upgrade"], 60)]
#[case("2026.9.6", &["role-upgrade", "control-ui", "authority"], 30)]
fn recording_replays(#[case] release: &str, #[case] cases: &[&str], #[case] least: usize) {
    let test_folder = TestFolder::new(SCENARIO);
    let gateway = gateway(&test_folder, release);
    let proxy = record(&test_folder, &gateway, &[]);
    play(&test_folder, proxy.port, release, cases);
    let text = recorded(&test_folder, proxy);
    let replayed = replay(&test_folder, release);
    assert_eq!(replayed.code, Some(0), "{}{}", replayed.out, replayed.err);
    let expectations = text.matches("expect:").count();
    assert!(expectations > least, "{expectations} expectations in {text}");
    assert!(text.contains("NOT_PAIRED") && text.contains("hello"), "{text}");
    // With a different expectation, the replay deviates. This shows that it checks something.
    std::fs::write(
        test_folder.path("recorded.yaml"),
        text.replacen("hello: { ", "hello: { role: nobody, ", 1).replacen(
            "role: nobody, role: operator",
            "role: nobody",
            1,
        ),
    )
    .unwrap();
    let changed = replay(&test_folder, release);
    assert_eq!(changed.code, Some(1), "{}{}", changed.out, changed.err);
}

/// Behaviour of real clients: a later connection uses a token from an earlier one that is still open, and answers are
/// awaited in a different order from the requests.
const AS_REAL_CLIENTS: &str = "\
scenario: As real clients
steps:
  - connect: { device: laptop, role: operator, scopes: [operator.read, operator.pairing] }
    as: first
  - call: { on: first, method: device.pair.list, params: {} }
  - call: { on: first, method: node.list, params: {}, wait: false }
    name: nodes
  - call: { on: first, method: health, params: {}, wait: false }
    name: health
  - await: { answer: health }
    expect: ok
  - await: { answer: nodes }
    expect: ok
  - connect: { device: laptop, role: operator, scopes: [operator.read], auth: { device-token: { from: first } } }
    as: second
    expect: hello
  - call: { on: first, method: node.list, params: {} }
    expect: ok
  - disconnect: first
";

#[rstest]
#[case("2026.4.2")]
#[case("2026.9.6")]
fn replays_token_of_open_connection(#[case] release: &str) {
    let test_folder = TestFolder::new(SCENARIO);
    let gateway = gateway(&test_folder, release);
    std::fs::write(test_folder.path("home/clients.yaml"), AS_REAL_CLIENTS).unwrap();
    let proxy = record(&test_folder, &gateway, &[]);
    play(&test_folder, proxy.port, release, &["clients.yaml"]);
    let text = recorded(&test_folder, proxy);
    let replayed = replay(&test_folder, release);
    assert_eq!(replayed.code, Some(0), "{text}{}{}", replayed.out, replayed.err);
    assert!(text.contains("from: step-"), "{text}");
}

/// A recording waits for answers in the order of the recording. Another gateway can answer in a different order.
#[rstest]
#[case("embedded@2026.4.2")]
#[case("embedded@2026.9.6")]
fn answers_in_other_order(#[case] gateway: &str) {
    let test_folder = TestFolder::new(SCENARIO);
    std::fs::remove_dir(test_folder.path("snapshots")).unwrap();
    std::fs::write(test_folder.path("recorded.yaml"), AS_REAL_CLIENTS).unwrap();
    let replayed = test_folder.clawcheck(&["run", "recorded.yaml", "--gateway", gateway]);
    assert_eq!(replayed.code, Some(0), "{}{}", replayed.out, replayed.err);
}

/// A release that refuses connections of unknown proxies accepted one, so it trusts the proxy.
#[rstest]
#[case("2026.9.6", &[("x-forwarded-for", "203.0.113.7")], true)]
#[case("2026.9.6", &[], false)]
#[case("2026.4.2", &[("x-forwarded-for", "203.0.113.7")], false)]
fn derives_trusted_proxy(#[case] release: &str, #[case] headers: &[(&'static str, &str)], #[case] is_trusted: bool) {
    let test_folder = TestFolder::new(SCENARIO);
    let auth = json!({ "mode": "token", "token": TOKEN });
    let config = json!({ "gateway": { "mode": "local", "auth": auth, "trustedProxies": ["127.0.0.1"] } });
    let gateway = gateway_with(&test_folder, release, &config);
    let proxy = record(&test_folder, &gateway, &[]);
    let protocol = if release == "2026.9.6" { 4 } else { 3 };
    let mut introduction = introduction(TOKEN);
    introduction["minProtocol"] = json!(protocol);
    introduction["maxProtocol"] = json!(protocol);
    let answer = ask(&mut connect(proxy.port, headers), "1", "connect", introduction);
    assert_eq!(answer["type"], "res", "{answer}");
    let text = recorded(&test_folder, proxy);
    assert_eq!(text.contains("trusted-proxies: [\"127.0.0.1\"]"), is_trusted, "{text}");
    let replayed = replay(&test_folder, release);
    assert_eq!(replayed.code, Some(0), "{text}{}{}", replayed.out, replayed.err);
}

type Client = tungstenite::WebSocket<TcpStream>;

fn connect(port: u16, headers: &[(&'static str, &str)]) -> Client {
    let mut request = format!("ws://127.0.0.1:{port}/?token={TOKEN}-query").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    tungstenite::client(request, stream).unwrap().0
}

fn ask(client: &mut Client, id: &str, method: &str, params: Value) -> Value {
    let request = json!({ "type": "req", "id": id, "method": method, "params": params });
    client.send(Message::text(request.to_string())).unwrap();
    loop {
        let text = client.read().unwrap().into_text().unwrap();
        let frame = serde_json::from_str::<Value>(&text).unwrap_or_default();
        if frame["id"] == id {
            return frame;
        }
    }
}

fn introduction(token: &str) -> Value {
    json!({
        "minProtocol": 3, "maxProtocol": 3, "role": "operator", "scopes": ["operator.read"],
        "client": { "id": "cli", "version": "1", "platform": "linux", "mode": "cli", "displayName": "Canary-8sk20fjx71-name" },
        "auth": { "token": token },
    })
}

/// Parameters with `CANARY` in every place that can contain a secret.
fn places() -> Value {
    json!({
        "botToken": { "value": "CANARY", "source": { "deep": ["CANARY"] } },
        "tokens": ["CANARY", { "CANARY": 1 }],
        "jwt": "CANARY", "bearer": "CANARY", "passphrase": "CANARY", "passcode": "CANARY", "userPin": "CANARY",
        "secret": 71829304, "pin": [71829304],
        "raw": "{\"a\": {\"token\": \"CANARY\"}}",
        "raw5": "// mine\n{a: [{botToken: {value: 'CANARY'}}], b: \"{\\\"secret\\\": 71829304}\"}",
        "broken": "{\"to\\u006ben\": \"CANARY\"",
        "text": "token=CANARY&a=1", "line": "openclaw --token CANARY", "url": "ws://a:CANARY@127.0.0.1/",
        "header": "Authorization: Bearer CANARY", "yaml": "token:\n  CANARY",
    })
}

/// One value for each place of a canary. Each canary is different, so that every leaked one is found.
fn with_canaries(places: &Value) -> Vec<Value> {
    let members = places.as_object().unwrap();
    let each = members.iter().enumerate().map(|(number, (name, value))| {
        let canary = format!("Canary{number}8sk20fjx71");
        let text = json!({ name: value }).to_string().replace("CANARY", &canary);
        serde_json::from_str(&text).unwrap()
    });
    each.collect()
}

/// Headers with secrets, and one that the recording keeps.
const SECRET_HEADERS: [(&str, &str); 6] = [
    ("authorization", "Bearer Canary-8sk20fjx71-bearer"),
    ("cookie", "a=Canary-8sk20fjx71-cookie"),
    ("x-openclaw-token", "Canary-8sk20fjx71-header"),
    ("cf-access-jwt-assertion", "Canary-8sk20fjx71-jwt"),
    ("x-mine", "Canary-8sk20fjx71-mine"),
    ("x-real-ip", "192.0.2.7"),
];

#[test]
fn recording_hides_secrets_and_lists_omissions() {
    let test_folder = TestFolder::new(SCENARIO);
    let gateway = gateway(&test_folder, "2026.4.2");
    let proxy = record(&test_folder, &gateway, &[]);
    let mut client = connect(proxy.port, &SECRET_HEADERS);
    assert_eq!(ask(&mut client, "1", "connect", introduction(TOKEN))["ok"], true);
    for (number, params) in with_canaries(&places()).into_iter().enumerate() {
        ask(&mut client, &format!("canary-{number}"), "nosuch.method", params);
    }
    let params =
        json!({ "apiKey": "Canary-8sk20fjx71-key", "text": format!("so {TOKEN} is it"), "less": "a < b ${c}" });
    assert_eq!(ask(&mut client, "2", "nosuch.method", params)["ok"], false);
    client.close(None).unwrap();
    while client.read().is_ok() {}
    let mut wrong = connect(proxy.port, &[]);
    assert_eq!(ask(&mut wrong, "1", "connect", introduction("Canary-8sk20fjx71-wrong"))["ok"], false);
    while wrong.read().is_ok() {}
    let mut odd = connect(proxy.port, &[]);
    let mut more = introduction(TOKEN);
    more["auth"]["passcode"] = json!("Canary-8sk20fjx71-passcode");
    more["client"]["passphrase"] = json!(["Canary-8sk20fjx71-passphrase"]);
    assert_eq!(ask(&mut odd, "1", "connect", more)["ok"], false);
    while odd.read().is_ok() {}
    let mut frame = connect(proxy.port, &[]);
    frame.send(Message::text("token=Canary-8sk20fjx71-frame")).unwrap();
    while frame.read().is_ok() {}
    let mut binary = connect(proxy.port, &[]);
    binary.send(Message::binary(b"token=Canary-8sk20fjx71-binary".to_vec())).unwrap();
    while binary.read().is_ok() {}
    // The proxy forwards a page, but the page is not a step.
    let mut page = TcpStream::connect(("127.0.0.1", proxy.port)).unwrap();
    page.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    page.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with(r#"{"ok":true,"status":"live"}"#), "{answer}");
    let text = recorded(&test_folder, proxy);
    assert!(!text.contains("Canary") && !text.contains("8sk20fjx71") && !text.contains("71829304"), "{text}");
    for part in [
        "# - the header authorization, a secret",
        "# - the header cookie, a secret",
        "# - the value of `apiKey`, a secret",
        "# - 1 connection without a WebSocket, such as those of a web page",
        "stand-in key",
        "# - the header x-openclaw-token, a secret",
        "# - the header cf-access-jwt-assertion, a secret",
        "# - the header x-mine",
        "# - an unknown member of `auth`, a secret",
        "# - a binary message with secrets",
        "x-real-ip: \"192.0.2.7\"",
        "token: wrong",
        "OpenClaw 2026.4.2",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let replayed = replay(&test_folder, "2026.4.2");
    assert_eq!(replayed.code, Some(0), "{text}{}{}", replayed.out, replayed.err);
}

/// The release that the gateway names decides about the file and the printed command, not the guess from its directory.
#[rstest]
#[case::other_than_default("2026.3.31", &["--state-dir", "state"])]
#[case::other_than_argument("2026.3.31", &["--state-dir", "state", "--release", "2026.4.2"])]
#[case::without_directory("2026.4.2", &[])]
fn release_of_hello_wins(#[case] release: &str, #[case] arguments: &[&str]) {
    let test_folder = TestFolder::new(SCENARIO);
    let gateway = gateway(&test_folder, release);
    let mut proxy = record(&test_folder, &gateway, arguments);
    let mut client = connect(proxy.port, &[]);
    assert_eq!(ask(&mut client, "1", "connect", introduction(TOKEN))["ok"], true);
    let mut stdout = proxy.child.stdout.take().unwrap();
    let text = recorded(&test_folder, proxy);
    let about = text.lines().filter(|line| line.starts_with('#')).collect::<String>();
    assert!(about.contains(&format!(", OpenClaw {release}.")), "{about}");
    assert_eq!(about.contains(&format!("without secrets ({release})")), !arguments.is_empty(), "{about}");
    let mut out = String::new();
    stdout.read_to_string(&mut out).unwrap();
    assert!(out.ends_with(&format!("run recorded.yaml --gateway embedded@{release}\n")), "{out}");
    let replayed = replay(&test_folder, release);
    assert_eq!(replayed.code, Some(0), "{text}{}{}", replayed.out, replayed.err);
}

/// The setup code of the state directory in [`scenario_is_valid`].
const CODE: &str = "Canary-8sk20fjx71-code";

/// Secrets that a client sends in another place than the gateway expects, and secrets that the gateway does not have.
#[rstest]
#[case::token_as_password(json!({ "mode": "token", "token": TOKEN }), json!({ "password": TOKEN }), "password: { secret: shared }")]
#[case::wrong_password(json!({ "mode": "token", "token": TOKEN }), json!({ "password": "Canary-8sk20fjx71-other" }), "password: wrong")]
#[case::password_as_token(json!({ "mode": "password", "password": TOKEN }), json!({ "token": TOKEN }), "token: { secret: shared }")]
#[case::token_and_password(json!({ "mode": "password", "password": TOKEN, "token": "Canary-8sk20fjx71-token" }), json!({ "password": TOKEN }), "password: right")]
#[case::no_secret(json!({ "mode": "none" }), json!({ "token": TOKEN, "password": TOKEN }), "token: wrong")]
#[case::setup_code(json!({ "mode": "token", "token": TOKEN }), json!({ "bootstrapToken": CODE }), "bootstrap-token: { text: captured-secret-1 }")]
fn scenario_is_valid(
    #[case] auth: Value,
    #[case] sent: Value,
    #[case] written: &str,
    #[values(true, false)] with_directory: bool,
) {
    let test_folder = TestFolder::new(SCENARIO);
    let codes = json!({ CODE: { "token": CODE, "ts": 1_790_000_000_000_u64, "issuedAtMs": 1_790_000_000_000_u64 } });
    std::fs::create_dir_all(test_folder.path("state/devices")).unwrap();
    std::fs::write(test_folder.path("state/devices/bootstrap.json"), codes.to_string()).unwrap();
    let gateway = gateway_with(&test_folder, "2026.4.2", &json!({ "gateway": { "mode": "local", "auth": auth } }));
    let directory = &["--state-dir", "state"][..];
    let proxy = record(&test_folder, &gateway, if with_directory { directory } else { &[] });
    let mut params = introduction(TOKEN);
    params["auth"] = sent;
    // A secret in another place needs a replacement, too.
    params["client"]["passphrase"] = json!("Canary-8sk20fjx71-passphrase");
    ask(&mut connect(proxy.port, &[]), "1", "connect", params.clone());
    params["client"].as_object_mut().unwrap().remove("passphrase");
    ask(&mut connect(proxy.port, &[]), "1", "connect", params);
    let text = recorded(&test_folder, proxy);
    assert!(!text.contains("8sk20fjx71"), "{text}");
    assert!(!with_directory || text.contains(written), "{written} in {text}");
    let linted = test_folder.clawcheck(&["lint", "recorded.yaml"]);
    assert_eq!(linted.code, Some(0), "{text}{}{}", linted.out, linted.err);
    let replayed = replay(&test_folder, "2026.4.2");
    assert_eq!(replayed.code, Some(0), "{text}{}{}", replayed.out, replayed.err);
}

/// A recording with more steps than a scenario can have: the file is valid and contains the first steps.
#[test]
fn too_long_recording_is_cut() {
    let test_folder = TestFolder::new(SCENARIO);
    let gateway = gateway(&test_folder, "2026.4.2");
    let mut proxy = record(&test_folder, &gateway, &[]);
    let mut client = connect(proxy.port, &[]);
    assert_eq!(ask(&mut client, "0", "connect", introduction(TOKEN))["ok"], true);
    (1..=1001).for_each(|number| drop(ask(&mut client, &number.to_string(), "health", json!({}))));
    let status = proxy.signal(Signal::SIGINT);
    let (mut out, mut err) = (String::new(), String::new());
    proxy.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    proxy.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!(status.code(), Some(2), "{out}{err}");
    let err = err.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
    for part in ["recorded.yaml does not contain the last 2 steps of 1002", "the limit is 1000", "--max-time"] {
        assert!(err.contains(part), "{part} in {err}");
    }
    let replayed = replay(&test_folder, "2026.4.2");
    assert_eq!(replayed.code, Some(0), "{}{}", replayed.out, replayed.err);
}

/// The state directory provides a paired device and the settings of the gateway.
#[test]
fn includes_initial_state_directory() {
    let test_folder = TestFolder::new(SCENARIO);
    let gateway = gateway(&test_folder, "2026.4.2");
    // Pairs a device, without the proxy.
    play(&test_folder, gateway.port, "2026.4.2", &["role-upgrade/fresh#operator"]);
    let state = test_folder.path("state");
    let proxy = record(&test_folder, &gateway, &["--state-dir", state.to_str().unwrap(), "--release", "2026.4.2"]);
    play(&test_folder, proxy.port, "2026.4.2", &["role-upgrade/fresh"]);
    let text = recorded(&test_folder, proxy);
    assert!(text.contains("devices/paired.json") && !text.contains("Canary"), "{text}");
    let replayed = replay(&test_folder, "2026.4.2");
    assert_eq!(replayed.code, Some(0), "{text}{}{}", replayed.out, replayed.err);
}

#[rstest]
#[case(&["--upstream", "ws://192.0.2.1:18789"], "is not this machine")]
#[case(&["--upstream", "ws://gateway.example:18789"], "is not this machine")]
#[case(&["--upstream", "ws://127.0.0.1:1", "--listen", "0.0.0.0:0"], "is not a loopback address")]
#[case(&["--upstream", "ws://127.0.0.1:1", "-o", "scenarios/family/case.yaml"], "overwrites nothing")]
#[case(&["--upstream", "ws://127.0.0.1:1", "-o", "nowhere/recorded.yaml"], "cannot write nowhere/recorded.yaml")]
#[case(&["--upstream", "ws://127.0.0.1:1", "-o", "recorded.yml"], "must end in .yaml")]
#[case(&["--upstream", "ws://127.0.0.1:1", "-o", "My recording.yaml"], "`My recording` is not valid in a case id")]
#[case(&["--upstream", "ws://127.0.0.1:1/ws"], "--upstream: the path /ws has no effect")]
#[case(&["--upstream", "http://127.0.0.1:1"], "--upstream")]
#[case(&["--upstream", "ws://127.0.0.1:1", "--state-dir", "scenarios"], "is not a state directory")]
fn start_errors(#[case] arguments: &[&str], #[case] message: &str) {
    let test_folder = TestFolder::new(SCENARIO);
    let ended = test_folder.clawcheck(&[&["record"], arguments].concat());
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{}", ended.err);
    assert!(ended.err.split_whitespace().collect::<Vec<_>>().join(" ").contains(message), "{}", ended.err);
    assert!(!Path::new(&test_folder.path("recorded.yaml")).exists());
}

#[test]
fn unreachable_upstream() {
    let test_folder = TestFolder::new(SCENARIO);
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("clawcheck"));
    command.args(["record", "--upstream", "ws://127.0.0.1:1", "--max-time", "2"]).current_dir(test_folder.path(""));
    let proxy = Serving::start({
        command.env_clear().env("HOME", test_folder.path("home")).stdin(Stdio::null());
        command
    });
    let mut client = TcpStream::connect(("127.0.0.1", proxy.port)).unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    let mut proxy = proxy;
    let mut err = String::new();
    proxy.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!(proxy.child.wait().unwrap().code(), Some(3), "{err}");
    assert!(err.contains("nothing was recorded") && err.contains("Connection refused"), "{err}");
    assert!(!test_folder.path("recorded.yaml").exists());
}

/// The folder disappears during the recording. The recording does not.
#[test]
fn saves_recording_elsewhere() {
    let test_folder = TestFolder::new(SCENARIO);
    let gateway = gateway(&test_folder, "2026.4.2");
    std::fs::create_dir(test_folder.path("gone")).unwrap();
    let mut proxy = record(&test_folder, &gateway, &["-o", "gone/saved.yaml"]);
    std::fs::remove_dir_all(test_folder.path("gone")).unwrap();
    ask(&mut connect(proxy.port, &[]), "1", "connect", introduction(TOKEN));
    let status = proxy.signal(Signal::SIGTERM);
    let mut err = String::new();
    proxy.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!(status.code(), Some(2), "{err}");
    assert!(err.contains("cannot write gone/saved.yaml") && err.contains("the recording is in"), "{err}");
    let saved = std::fs::read_to_string(test_folder.path("tmp/saved.yaml")).unwrap();
    assert!(saved.contains("expect: { hello"), "{saved}");
}

#[test]
fn keeps_file_created_meanwhile() {
    use std::os::unix::fs::PermissionsExt as _;
    let test_folder = TestFolder::new(SCENARIO);
    let gateway = gateway(&test_folder, "2026.4.2");
    let proxy = record(&test_folder, &gateway, &[]);
    std::fs::write(test_folder.path("recorded.yaml"), "mine").unwrap();
    // A link without a target exists, too.
    std::os::unix::fs::symlink("nowhere", test_folder.path("recorded-2.yaml")).unwrap();
    assert_eq!(recorded(&test_folder, proxy), "mine");
    let written = test_folder.path("recorded-3.yaml");
    assert!(std::fs::read_to_string(&written).unwrap().contains("scenario: Recorded connections"));
    assert_eq!(std::fs::metadata(&written).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!test_folder.path("nowhere").exists());
}
