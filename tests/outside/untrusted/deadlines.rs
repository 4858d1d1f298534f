//! The cost of gateways that do not answer as expected: each gets a verdict, and clawcheck does not repeat long waits.
//!
//! The upper bounds are much longer than a run takes, and much shorter than a run with a wait in every step.

use crate::harness::hostile::SERVE;
use crate::harness::{ProgramOutput, TestFolder};
use rstest::rstest;
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::{Message, WebSocket, accept};

/// Two connects that write nothing.
const TWO_CONNECTS: &str = "\
scenario: Two connects
steps:
  - connect: { device: none, role: operator, scopes: [], auth: { token: wrong } }
  - connect: { device: none, role: operator, scopes: [], auth: { token: wrong } }
";
/// Less than four answer timeouts, the former cost of a gateway that left out one message in two connects.
const BOUND: Duration = Duration::from_secs(60);

/// How a gateway answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum GatewayBehaviour {
    /// Correctly.
    Right,
    /// It sends no challenge.
    NoChallenge,
    /// It sends no challenge, and disconnects clients that send nothing within half a second.
    NoChallengeNoPatience,
    /// It answers the connect and then reads nothing: it sends no pong and no close frame.
    Deaf,
    /// It refuses the client and leaves the connection open.
    LeavesOpen,
    /// Every message arrives later than the wait for a missing challenge.
    Late,
}

/// A gateway in this process, and the number of its connections.
struct Server {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl Server {
    fn start(manner: GatewayBehaviour) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&connections);
        // The thread ends with the test process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counted.fetch_add(1, Ordering::Relaxed);
                std::thread::spawn(move || answer(manner, stream));
            }
        });
        Self { port, connections }
    }

    fn run(&self, test_folder: &TestFolder, options: &[&str]) -> ProgramOutput {
        let url = format!("ws://127.0.0.1:{}", self.port);
        test_folder.clawcheck(&[&["run", "scenarios", "--gateway", &url, "--release", "2026.4.2"], options].concat())
    }
}

fn answer(manner: GatewayBehaviour, stream: TcpStream) -> Option<()> {
    let mut socket = accept(stream).ok()?;
    if manner == GatewayBehaviour::NoChallengeNoPatience {
        socket.get_ref().set_read_timeout(Some(Duration::from_millis(500))).ok()?;
    }
    if !matches!(manner, GatewayBehaviour::NoChallenge | GatewayBehaviour::NoChallengeNoPatience) {
        let challenge = json!({ "type": "event", "event": "connect.challenge", "payload": { "nonce": "n-1", "ts": 1_760_000_000_000_i64 } });
        say(manner, &mut socket, &challenge)?;
    }
    loop {
        let message = match socket.read() {
            Err(tokio_tungstenite::tungstenite::Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                return None;
            }
            message => message.ok()?,
        };
        let Message::Text(text) = message else { continue };
        let request: Value = serde_json::from_str(&text).ok()?;
        let probed = request["params"]["minProtocol"].as_i64().is_some_and(|protocol| protocol > 100);
        if probed || manner == GatewayBehaviour::LeavesOpen {
            let error = json!({ "code": "INVALID_REQUEST", "message": "no" });
            say(manner, &mut socket, &json!({ "type": "res", "id": request["id"], "ok": false, "error": error }))?;
            if manner != GatewayBehaviour::LeavesOpen {
                return None;
            }
            continue;
        }
        let hello = json!({ "type": "hello-ok", "protocol": 3, "auth": { "role": "operator", "scopes": [] } });
        say(manner, &mut socket, &json!({ "type": "res", "id": request["id"], "ok": true, "payload": hello }))?;
        if manner == GatewayBehaviour::Deaf {
            // The connection stays open until the test process ends.
            std::mem::forget(socket);
            return None;
        }
    }
}

fn say(manner: GatewayBehaviour, socket: &mut WebSocket<TcpStream>, frame: &Value) -> Option<()> {
    if manner == GatewayBehaviour::Late {
        std::thread::sleep(Duration::from_millis(1500));
    }
    socket.send(Message::text(frame.to_string())).ok()
}

#[rstest]
#[case::right(GatewayBehaviour::Right, "<- hello-ok", 2, "no connect.challenge", 0)]
#[case::no_challenge(GatewayBehaviour::NoChallenge, "<- no connect.challenge\n      <- hello-ok", 2, "nothing came", 0)]
#[case::deaf(GatewayBehaviour::Deaf, "<- hello-ok", 2, "nothing came", 0)]
#[case::leaves_open(
    GatewayBehaviour::LeavesOpen,
    "<- error INVALID_REQUEST  \"no\"\n      -- nothing came",
    2,
    "hello-ok",
    0
)]
fn waits_once_for_missing_events(
    #[case] manner: GatewayBehaviour,
    #[case] shows: &str,
    #[case] times: usize,
    #[case] other: &str,
    #[case] other_times: usize,
) {
    let (test_folder, server) = (TestFolder::new(TWO_CONNECTS), Server::start(manner));
    let began = Instant::now();
    let ran = server.run(&test_folder, &[]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    assert_eq!(ran.out.matches(shows).count(), times, "{}", ran.out);
    assert_eq!(ran.out.matches(other).count(), other_times, "{}", ran.out);
    assert!(began.elapsed() < BOUND, "{:?}", began.elapsed());
}

/// clawcheck misses a late challenge once, when it identifies the gateway. The cases then wait for it.
#[test]
fn late_challenge_is_always_missed() {
    let (test_folder, server) = (TestFolder::new(TWO_CONNECTS), Server::start(GatewayBehaviour::Late));
    let ran = server.run(&test_folder, &["--answer-timeout", "20"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    assert!(!ran.out.contains("<- no connect.challenge"), "{}", ran.out);
    assert_eq!(ran.out.matches("<- hello-ok").count(), 2, "{}", ran.out);
}

#[test]
fn no_wait_without_challenge() {
    let test_folder = TestFolder::new(TWO_CONNECTS);
    let server = Server::start(GatewayBehaviour::NoChallengeNoPatience);
    // The started command only keeps a port open. The connections go to the server in this process.
    let described = |lacks: &str, command: &[&str]| {
        let text = format!(
            "gateway: impatient\nabout: x\nclaims: 2026.4.2\n{lacks}command: {}\n\
             args: [\"{SERVE}\", --exact, --nocapture]\n\
             env: {{ HOSTILE: \"forward {}\", PORT: \"{{port}}\" }}\nconfig: none\nstore: none\nready: websocket\n",
            std::env::current_exe().unwrap().display(),
            server.port
        );
        std::fs::write(test_folder.path("gateway.yaml"), text).unwrap();
        test_folder.clawcheck(command)
    };
    let run = ["run", "scenarios", "--gateway", "gateway.yaml"];
    let ran = described("lacks: [challenge]\n", &run);
    assert_eq!(ran.out.matches("<- hello-ok").count(), 2, "{}{}", ran.out, ran.err);
    assert!(!ran.out.contains("no connect.challenge"), "a declared lack is no deviation: {}", ran.out);
    // A client that waits for the challenge is disconnected. This shows that the check above can fail.
    let ran = described("", &run);
    assert_eq!(ran.out.matches("<- hello-ok").count(), 0, "{}{}", ran.out, ran.err);
    let compare = |lacks: &str| {
        let command =
            ["compare", "embedded@2026.4.2", "./gateway.yaml", "--scenarios", "scenarios", "--format", "json"];
        let ran = described(lacks, &command);
        let document: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}{}", ran.out, ran.err));
        document["differing"][0]["gateways"][1]["line"].as_str().unwrap().to_owned()
    };
    assert!(compare("lacks: [challenge]\n").starts_with("<- hello-ok"));
    assert!(!compare("").starts_with("<- hello-ok"), "the comparison can fail");
}

#[rstest]
#[case(&["--start-timeout", "1"])]
#[case(&["--answer-timeout", "1"])]
fn silent_attached_gateway_stops_run(#[case] options: &[&str]) {
    let test_folder = TestFolder::new(TWO_CONNECTS);
    std::fs::copy(test_folder.path("scenarios/family/case.yaml"), test_folder.path("scenarios/family/other.yaml"))
        .unwrap();
    // The listener accepts connections that nothing reads.
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let server = Server { port: listener.local_addr().unwrap().port(), connections: Arc::default() };
    let began = Instant::now();
    let ran = server.run(&test_folder, options);
    assert_eq!(ran.code, Some(3), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("no answer to the upgrade"), "{}", ran.out);
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    listener.set_nonblocking(true).unwrap();
    assert_eq!(std::iter::from_fn(|| listener.accept().ok()).count(), 1, "it was asked once");
}

#[test]
fn late_answers_stop_run() {
    let connects = TWO_CONNECTS.lines().last().unwrap();
    let test_folder = TestFolder::new(&format!("{TWO_CONNECTS}{}\n", [connects; 8].join("\n")));
    let server = Server::start(GatewayBehaviour::Late);
    // Each answer takes more than a quarter of the timeout. A few of them exceed the limit for late answers.
    let ran = server.run(&test_folder, &["--answer-timeout", "4"]);
    assert_eq!(ran.code, Some(3), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("the gateway is too slow") && ran.out.contains("--answer-timeout"), "{}", ran.out);
    let taken = server.connections.load(Ordering::Relaxed);
    assert!(taken < 10, "{taken} connections were taken, and nobody stopped");
}

/// A case with settings of the Control UI, and a case without them.
const CONTROL_UI: &str = "\
scenario: A case
gateway: { control-ui: { allowed-origins: [https://a.example] } }
steps:
  - connect: { device: laptop, role: operator, scopes: [] }
    expect: hello
";

/// A gateway behind a shell script that first refuses some of its settings.
fn refusing(test_folder: &TestFolder, script: &str) -> ProgramOutput {
    let text = format!(
        "gateway: refusing\nabout: x\nclaims: 2026.4.2\ncommand: sh\nargs:\n  - -c\n  - |\n    {script}\n    \
         exec {} serve --release 2026.4.2 --port {{port}} --config {{config}} --state-dir {{state-dir}}\n",
        env!("CARGO_BIN_EXE_clawcheck")
    );
    std::fs::write(test_folder.path("gateway.yaml"), text).unwrap();
    test_folder.clawcheck(&["run", "scenarios", "--gateway", "gateway.yaml", "--report", "json=report.json"])
}

fn verdicts(test_folder: &TestFolder) -> Vec<(String, String, String)> {
    let report: Value = serde_json::from_slice(&std::fs::read(test_folder.path("report.json")).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let cases = report["cases"].as_array().unwrap().iter();
    cases.map(|case| (text(&case["id"]), text(&case["verdict"]), text(&case["reason"]))).collect()
}

#[test]
fn refused_setting_affects_only_its_cases() {
    let test_folder = TestFolder::new(CONTROL_UI);
    let write = |name: &str, text: &str| {
        std::fs::write(test_folder.path(&format!("scenarios/family/{name}.yaml")), text).unwrap()
    };
    // More starts are refused than clawcheck tries on a dead gateway, each with another configuration.
    for number in 0..7 {
        write(&format!("refused-{number}"), &CONTROL_UI.replace("a.example", &format!("b{number}.example")));
    }
    let plain = CONTROL_UI.lines().filter(|line| !line.starts_with("gateway:")).collect::<Vec<_>>().join("\n");
    write("plain", &plain);
    // A gateway that is started by hand prints the refusal.
    write(
        "started",
        &CONTROL_UI
            .replace("steps:\n", "steps:\n  - start: {}\n    expect: { start-refused: { exit: 1 } }\n")
            .replace("  - connect: { device: laptop, role: operator, scopes: [] }\n    expect: hello\n", ""),
    );
    let ran = refusing(
        &test_folder,
        r#"if grep -q allowedOrigins {config}; then echo 'gateway.controlUi: Unrecognized key: "allowedOrigins"'; exit 1; fi"#,
    );
    let refused = "the gateway refuses gateway.controlUi.allowedOrigins";
    for (id, verdict, reason) in verdicts(&test_folder) {
        match id.as_str() {
            "family/plain" => {
                assert_eq!((verdict.as_str(), reason.as_str()), ("deviates", ""), "{id}: it has no snapshot yet")
            }
            "family/started" => assert_eq!(verdict, "deviates", "{id}: {reason}"),
            _ => assert_eq!((verdict.as_str(), reason.as_str()), ("not-applicable", refused), "{id}"),
        }
    }
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    assert!(!ran.out.contains("is broken: expected"), "{}", ran.out);
}

#[test]
fn gateway_that_never_starts() {
    let test_folder = TestFolder::new(CONTROL_UI);
    for number in 0..5 {
        let other = CONTROL_UI.replace("a.example", &format!("b{number}.example"));
        std::fs::write(test_folder.path(&format!("scenarios/family/other-{number}.yaml")), other).unwrap();
    }
    let ran = refusing(&test_folder, "echo broken; exit 7");
    assert_eq!(ran.code, Some(3), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("gateway starts: 2 made"), "{}", ran.out);
    assert!(ran.out.contains("not even with the default configuration"), "{}", ran.out);
    assert!(verdicts(&test_folder).iter().all(|(_, verdict, _)| verdict == "error"), "{:?}", verdicts(&test_folder));
}
