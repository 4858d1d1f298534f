//! The messages about gateways that cannot be played: each names the actual cause and the next step.

use crate::harness::{HostileFolder, SCENARIO, TestFolder};
use clawcheck::LaunchError;
use rstest::rstest;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

const LOOKS: &str = "scenario: Looks\nsteps:\n  - connect: { device: laptop, auth: { token: wrong } }\n";
/// The TLS alert that OpenSSL sends if it does not understand a client.
const ALERT: &[u8] = b"\x15\x03\x03\x00\x02\x02\x46";

/// Listens until the test ends. `answer` gets the first byte from the client.
fn listening(answer: impl Fn(u8) -> Vec<u8> + Send + 'static) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 1024];
            if stream.read(&mut request).is_ok_and(|read| read > 0) {
                let _ = stream.write_all(&answer(request[0]));
            }
        }
    });
    port
}

/// The output without line breaks.
fn without_line_breaks(err: &str) -> String {
    err.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}

fn http(head: &str) -> Vec<u8> {
    format!("HTTP/1.1 {head}\r\nContent-Length: 4\r\n\r\nbody").into_bytes()
}

#[rstest]
#[case::a_redirect(http("307 Temporary Redirect\r\nLocation: https://gate.example/ws"), &["it redirects to \"https://gate.example/ws\"", "does not follow redirects"])]
#[case::no_such_path(http("404 Not Found"), &["HTTP 404", "is the path correct? clawcheck requested `/ws`"])]
#[case::an_upgrade_is_wanted(http("426 Upgrade Required"), &["HTTP 426", "is the path correct?"])]
#[case::a_web_server(http("200 OK"), &["HTTP 200", "like a web server"])]
#[case::behind_nginx(b"HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port".to_vec(), &["HTTP 400", "terminate TLS in front of it"])]
#[case::an_alert(ALERT.to_vec(), &["it uses TLS", "gateway.tls.enabled: false", "socat"])]
fn advice_for_wrong_urls(#[case] answer: Vec<u8>, #[case] says: &[&str]) {
    let test_folder = TestFolder::new(LOOKS);
    let port = listening(move |_| answer.clone());
    let ran =
        test_folder.clawcheck(&["run", "scenarios", "--gateway", &format!("ws://127.0.0.1:{port}/ws?token=secret")]);
    assert_eq!(ran.code, Some(3), "{}{}", ran.out, ran.err);
    let out = without_line_breaks(&format!("{}{}", ran.out, ran.err));
    for says in says {
        assert!(out.contains(says), "{out}");
    }
    assert!(!out.contains("secret"), "{out}");
}

/// With TLS, Node closes plain HTTP connections without an answer.
#[test]
fn tls_only_gateway() {
    let test_folder = TestFolder::new(LOOKS);
    let error = |tls: bool| {
        let port = listening(move |first| if tls && first == 0x16 { ALERT.to_vec() } else { Vec::new() });
        let ran = test_folder.clawcheck(&["run", "scenarios", "--gateway", &format!("ws://127.0.0.1:{port}")]);
        assert_eq!(ran.code, Some(3), "{}{}", ran.out, ran.err);
        without_line_breaks(&ran.out)
    };
    assert!(error(true).contains("it uses TLS"));
    assert!(error(false).contains("closed before the upgrade was answered"));
}

/// The scenario needs its own configuration, which clawcheck cannot set on a gateway at a URL.
#[test]
fn missing_gateway_is_error_despite_skips() {
    let test_folder = TestFolder::new(&format!("gateway: {{ auth: {{ mode: none }} }}\n{LOOKS}"));
    let ran = test_folder.clawcheck(&["run", "scenarios", "--gateway", "ws://127.0.0.1:9"]);
    assert_eq!(ran.code, Some(3), "{}{}", ran.out, ran.err);
    assert!(
        without_line_breaks(&ran.err).contains("no gateway at ws://127.0.0.1:9: connection to 127.0.0.1:9 refused"),
        "{}",
        ran.err
    );
    let port = listening(|_| http("101 Switching Protocols"));
    let ran = test_folder.clawcheck(&["run", "scenarios", "--gateway", &format!("ws://127.0.0.1:{port}")]);
    assert!(without_line_breaks(&ran.err).contains("HTTP 101 without `Upgrade: websocket`"), "{}", ran.err);
}

async fn failure(manner: &str, ready: &str, patience: u64) -> LaunchError {
    let folder = HostileFolder::new();
    let sandbox = folder.run_directory.sandbox().unwrap();
    let description = folder.description(manner);
    let text = std::fs::read_to_string(&description).unwrap() + ready;
    folder.launch(&folder.write(&text), &sandbox, patience).await.err().unwrap()
}

#[rstest]
#[case("masked", "it violated the WebSocket protocol", "masked")]
#[case("not-utf8", "it violated the WebSocket protocol", "UTF-8")]
#[case("wrong-id", "it sent 2 messages, none of them the response to request \"1\"", "a response with the id \"99\"")]
#[case("not-json", "which is not the response", "text that is not JSON")]
#[case("deep", "which is not the response", "nested deeper than")]
#[case("tls", "it uses TLS", "gateway.tls.enabled")]
#[tokio::test]
async fn wrong_answer_is_not_silence(#[case] manner: &str, #[case] what: &str, #[case] more: &str) {
    let error = failure(manner, "ready: connect\n", 4).await;
    let LaunchError::Garbage { saw, .. } = &error else { panic!("{error}") };
    assert!(saw.contains(what) && saw.contains(more), "{saw}");
}

#[tokio::test]
async fn silent_gateway() {
    let error = failure("right", "ready: connect\n", 3).await;
    assert!(matches!(error, LaunchError::NeverAnswered { what: "a connect", .. }), "{error}");
}

#[tokio::test]
async fn wrong_log_line_and_wrong_port() {
    let error = failure("right", "ready: { log: ready for everything }\n", 2).await;
    assert!(matches!(&error, LaunchError::NeverLogged { line, .. } if line == "ready for everything"), "{error}");
    let LaunchError::NeverListened { instead, port, .. } = failure("another-port", "", 3).await else { panic!() };
    assert!(instead.len() == 1 && instead[0] != port, "{instead:?}");
}

#[test]
fn answer_to_other_request() {
    let folder = HostileFolder::new();
    let description = folder.description("wrong-id");
    let scenario = folder.directory.path().join("case.yaml");
    std::fs::write(&scenario, LOOKS).unwrap();
    let ran = Command::new(env!("CARGO_BIN_EXE_clawcheck"))
        .arg("run")
        .args([&scenario, Path::new("--gateway"), &description])
        .args(["--answer-timeout", "3"])
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&ran.stdout);
    assert_eq!(ran.status.code(), Some(3), "{out}");
    assert!(out.contains("the gateway does not answer") && out.contains("a response with the id \"99\""), "{out}");
    assert!(!out.contains("silent"), "{out}");
}

/// A soft limit and a hard limit that allow two gateways, also if the test program itself passes on some open files.
#[test]
fn jobs_are_limited_by_descriptors() {
    let test_folder = TestFolder::new(LOOKS);
    let run = |limit: &str| {
        let script = format!("ulimit {limit} && exec \"$0\" run scenarios --jobs 64");
        let mut command = Command::new("sh");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_clawcheck")]).current_dir(test_folder.path(""));
        let ran =
            command.env("HOME", test_folder.path("home")).env("TMPDIR", test_folder.path("tmp")).output().unwrap();
        (ran.status.code(), String::from_utf8(ran.stderr).unwrap())
    };
    let (code, err) = run("-n 95");
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("running 2 gateways instead of 64") && err.contains("raise `ulimit -n`"), "{err}");
    let (code, err) = run("-n 20");
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("more files, but a gateway needs up to") && err.contains("raise `ulimit -n`"), "{err}");
    // clawcheck can raise the soft limit.
    let (code, err) = run("-Sn 80");
    assert_eq!(code, Some(1), "{err}");
    assert!(!err.contains("gateways instead of"), "{err}");
}

/// `clawcheck compare ... | head`, and the same for commands that approve.
#[test]
fn broken_pipe_keeps_exit_code() {
    let test_folder = TestFolder::new(SCENARIO);
    let ended = |arguments: &[&str]| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(env!("CARGO_BIN_EXE_clawcheck"));
        command.args(arguments).current_dir(test_folder.path("")).env("HOME", test_folder.path("home"));
        let ended =
            command.env("TMPDIR", test_folder.path("tmp")).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
    };
    let compare = ["compare", "embedded@2026.2.19", "embedded@2026.9.6", "--scenarios", "scenarios"];
    assert_eq!(ended(&compare), (Some(1), String::new()));
    std::fs::write(test_folder.path("scenarios/family/other.yaml"), SCENARIO).unwrap();
    assert_eq!(ended(&["run", "scenarios"]), (Some(1), String::new()));
    assert_eq!(ended(&["accept", "--all"]), (Some(0), String::new()));
    assert_eq!(ended(&["run", "scenarios"]), (Some(0), String::new()));
}
