//! `clawcheck serve --verbose` says for each connect who the client is, where it is and why it got its answer, and
//! `explain --log` reads this back.

use crate::harness::{SCENARIO, Serving, TestFolder, serve};
use crate::lockout::state_dir::{explain, json_of, state};
use nix::sys::signal::Signal;
use rstest::rstest;
use serde_json::{Value, json};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

/// The token of the gateway in the state directory.
const TOKEN: &str = "Canary-4fj29sKq81-shared";

/// `serve --verbose` with the state directory of [`state`].
struct Verbose {
    test_folder: TestFolder,
    serving: Serving,
}

impl Verbose {
    fn start(release: &str, change: impl FnOnce(&mut Value)) -> Self {
        let test_folder = TestFolder::new(SCENARIO);
        state(&test_folder);
        let path = test_folder.path("state/openclaw.json");
        let mut config: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        change(&mut config["gateway"]);
        fs::write(path, config.to_string()).unwrap();
        let mut command = serve(&test_folder.path("home"));
        command.args(["--release", release, "--port", "0", "--state-dir", "state", "--verbose"]);
        command.env("OPENCLAW_HANDSHAKE_TIMEOUT_MS", "300").current_dir(test_folder.path(""));
        let serving = Serving::start(command);
        Self { test_folder, serving }
    }

    fn stream(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.serving.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    /// Sends bytes, and waits until the gateway closes the connection.
    fn raw(&self, bytes: &[u8]) {
        let mut stream = self.stream();
        stream.write_all(bytes).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    }

    /// Opens a WebSocket with these headers. `None` if the gateway refuses the upgrade.
    fn open(&self, target: &str, headers: &[(&'static str, &str)]) -> Option<WebSocket<TcpStream>> {
        let mut request = format!("ws://127.0.0.1:{}{target}", self.serving.port).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        Some(tungstenite::client(request, self.stream()).ok()?.0)
    }

    /// Sends a first message with these headers, and waits until the gateway closes the connection.
    fn first(&self, headers: &[(&'static str, &str)], message: Message) {
        let mut client = self.open("", headers).unwrap();
        client.send(message).unwrap();
        wait_for_close(client);
    }

    /// Ends the gateway and returns its log.
    fn log(mut self) -> (TestFolder, String) {
        self.serving.signal(Signal::SIGTERM);
        let mut log = String::new();
        self.serving.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (self.test_folder, log)
    }
}

fn wait_for_close(mut client: WebSocket<TcpStream>) {
    while client.read().is_ok() {}
}

/// A connect of a node without a device, with these credentials.
fn connect(auth: &Value) -> Value {
    json!({ "type": "req", "id": "1", "method": "connect", "params": {
        "minProtocol": 3, "maxProtocol": 3, "role": "node", "auth": auth,
        "client": { "id": "node-host", "version": "1", "platform": "linux", "mode": "node" },
    }})
}

fn text(value: &Value) -> Message {
    Message::text(value.to_string())
}

/// Each way in which a handshake ends names the client, as far as it is known, the locality and the reason.
#[test]
fn every_refusal_has_client_locality_and_reason() {
    let limit = json!({ "maxAttempts": 1, "windowMs": 60_000, "lockoutMs": 60_000, "exemptLoopback": false });
    let gateway = Verbose::start("2026.4.2", |gateway| gateway["auth"]["rateLimit"] = limit);
    let host = format!("from 127.0.0.1, Host: \"127.0.0.1:{}\"", gateway.serving.port);
    gateway.raw(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n");
    gateway.raw(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
    wait_for_close(gateway.open("", &[]).unwrap());
    gateway.first(&[], Message::text("{"));
    gateway.first(&[], Message::text("x".repeat(70_000)));
    let mut malformed = connect(&json!({}));
    malformed["params"]["client"].as_object_mut().unwrap().remove("version");
    gateway.first(&[("X-Forwarded-For", "203.0.113.9")], text(&malformed));
    gateway.first(&[], text(&json!({ "type": "req", "id": "1", "method": "status" })));
    gateway.first(&[], text(&connect(&json!({}))));
    gateway.first(&[], text(&connect(&json!({ "token": "wrong" }))));
    gateway.first(&[], text(&connect(&json!({ "token": "wrong" }))));
    let (_, log) = gateway.log();
    let client = "frame: node-host/node on linux as node [], no device, ";
    let expected: [&[&str]; 10] = [
        &["upgrade: from 127.0.0.1\n", "upgrade: the request is not HTTP", "answer: refused: HTTP 400"],
        &["upgrade: from 127.0.0.1, Host: \"h\"", "upgrade: Invalid Upgrade header", "answer: refused: HTTP 400"],
        &[&host, "frame: no connect request before the timeout", "answer: closed with 1000: handshake timeout"],
        &[&host, "frame: the message is not JSON", "answer: closed with 1000: the message is not JSON"],
        &[&host, "frame: a message before hello-ok has more than 65536 bytes", "answer: closed with 1009: "],
        &[
            "X-Forwarded-For: \"203.0.113.9\"",
            client,
            "locality: not local: ",
            "answer: refused: invalid connect params",
        ],
        &[&host, "answer: refused: invalid handshake: first request must be connect"],
        &[
            &host,
            client,
            "without credentials",
            "credentials: the client sent no token",
            "answer: refused: device identity",
        ],
        &[
            &host,
            client,
            "with token",
            "credentials: the client's token is not",
            "answer: refused: unauthorized: gateway token",
        ],
        &[&host, client, "credentials: too many failed", "answer: refused: unauthorized: too many failed"],
    ];
    for (number, words) in expected.iter().enumerate() {
        let own = format!("connection {number}: ");
        let lines = log.lines().filter_map(|line| line.strip_prefix(&own)).map(|line| format!("{line}\n"));
        let lines = lines.collect::<String>();
        assert!(words.iter().all(|words| lines.contains(words)), "connection {number}:\n{lines}\nin {log}");
        assert_eq!(lines.matches("locality: ").count(), 1, "connection {number}:\n{lines}");
    }
}

/// The values of the headers decide whether the client is local, and whether the origin is allowed.
#[test]
fn log_gives_answer_of_serve() {
    // This release does not only look at the names of the headers.
    let release = "2026.3.13";
    let headers: [&[(&str, &str)]; 4] = [
        &[("X-Forwarded-For", "203.0.113.9")],
        &[("X-Forwarded-For", "127.0.0.1"), ("Host", "gateway.example")],
        &[("Forwarded", "for=192.0.2.1"), ("X-Real-IP", "192.0.2.1")],
        &[("Origin", "https://other.example")],
    ];
    for headers in headers {
        let gateway = Verbose::start(release, |gateway| gateway["trustedProxies"] = json!(["127.0.0.1"]));
        let mut request = connect(&json!({ "token": TOKEN }));
        let is_page = headers[0].0 == "Origin";
        if is_page {
            request["params"]["client"] =
                json!({ "id": "openclaw-control-ui", "version": "1", "platform": "web", "mode": "webchat" });
            request["params"]["role"] = json!("operator");
        }
        gateway.first(headers, text(&request));
        let (test_folder, log) = gateway.log();
        fs::write(test_folder.path("g.log"), &log).unwrap();
        let arguments = ["state", "--release", release, "--log", "g.log", "--format", "json"];
        let found = json_of(&explain(&test_folder, &arguments));
        assert_eq!((&found["log"]["agrees"], &found["let_in"]), (&json!(true), &json!(false)), "{log}{found:#}");
        let of = |trace: &Value, check: &str| {
            let lines = trace.as_array().unwrap().iter().filter(|line| line["check"] == check);
            lines.map(|line| line["found"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let locality = of(&found["trace"], "locality");
        assert!(log.contains(&format!("connection 0: locality: {}\n", locality[0])), "{log}{locality:?}");
        let client = found["client"].as_str().unwrap();
        assert!(
            client.contains(if is_page { "openclaw-control-ui/webchat" } else { "node-host/node) as node" }),
            "{client}"
        );
        assert!(found["device"].is_null(), "{found:#}");
    }
}

/// A secret that the gateway does not know.
fn secret(name: &str) -> String {
    format!("Hidden-{name}-8Kd02jXqPz")
}

/// A connect with secrets in its credentials and in its texts.
fn telltale() -> Value {
    let names =
        [("token", "token"), ("password", "password"), ("deviceToken", "device"), ("bootstrapToken", "bootstrap")];
    let auth = names.map(|(member, name)| (member.to_owned(), json!(secret(name))));
    let mut request = connect(&Value::Object(auth.into_iter().collect()));
    // One secret is the beginning of another.
    request["params"]["auth"]["password"] = json!(secret("token") + "-Hidden-end");
    request["params"]["client"]["displayName"] = json!(secret("name"));
    request["params"]["client"]["platform"] = json!(format!("{} {TOKEN} {}", secret("token"), secret("device")));
    request["params"]["scopes"] = json!([secret("bootstrap"), secret("token") + "-Hidden-end"]);
    request
}

/// Secrets can be in the URL, in headers, in the texts of a client and in invalid requests.
#[rstest]
#[case("2026.4.2")]
#[case("2026.9.6")]
fn log_has_no_secrets(#[case] release: &str) {
    let gateway = Verbose::start(release, |_| {});
    let url = format!("/?token={}&password={}", secret("query"), secret("query"));
    let bearer = format!("Bearer {}", secret("bearer"));
    let (cookie, access) = (secret("cookie"), secret("access"));
    let origin = format!("https://user:{}@gateway.example/?token={}", secret("user"), secret("page"));
    let headers: &[(&str, &str)] = &[
        ("Authorization", &bearer),
        ("Cookie", &cookie),
        ("Sec-WebSocket-Protocol", &access),
        ("Tailscale-User-Login", &access),
        ("X-Forwarded-Access-Token", &access),
        ("X-Forwarded-Host", TOKEN),
        ("Origin", &origin),
    ];
    let path = format!("http://gateway.example/token/{}", secret("path"));
    for headers in [&[], headers, &[("Origin", &path)]] {
        // A release can refuse the upgrade because of these headers.
        if let Some(mut client) = gateway.open(&url, headers) {
            client.send(text(&telltale())).unwrap();
            wait_for_close(client);
        }
    }
    let error = json!(secret("error"));
    for params in [
        json!({ "auth": error }),
        error.clone(),
        json!({ "client": error }),
        json!({ "client": { "id": "cli", "secret": error } }),
    ] {
        let request = json!({ "type": "req", "id": error, "method": "connect", "params": params });
        gateway.first(&[], text(&request));
    }
    let upgrade = format!("GET {url} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: {error}\r\n\r\n");
    gateway.raw(upgrade.as_bytes());
    let (_, log) = gateway.log();
    assert!(log.contains("connection 0: frame: node-host/node on \"<secret> <secret of the configuration> <"), "{log}");
    for shown in [", Tailscale-User-Login", ", X-Forwarded-Access-Token", ", Origin", "connection 6: "] {
        assert!(log.contains(shown), "{shown}: {log}");
    }
    assert!(!log.contains("Canary") && !log.contains("Hidden"), "{log}");
}
