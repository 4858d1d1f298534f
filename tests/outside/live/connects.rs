//! The `openclaw` command of a real release requests the default scopes of its facts, and sends its device where they say so.
//! For every `openclaw@RELEASE` in `CLAWCHECK_LIVE`.

use crate::live::cli::Cli;
use crate::live::client_libraries::{TOKEN, reached};
use openclaw_model::Facts;
use openclaw_model::facts::client::DeviceRule;
use serde_json::{Value, json};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use tokio_tungstenite::tungstenite::{Message, accept};

/// The time until a client has sent its first connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(60);

/// A gateway that refuses every connect.
struct RefusingGateway {
    port: u16,
    connects: Receiver<Value>,
}

impl RefusingGateway {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, connects) = channel();
        // The thread ends with the test program.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sender = sender.clone();
                std::thread::spawn(move || refuse(stream, &sender));
            }
        });
        Self { port, connects }
    }

    /// The first connect in this mode after a client has started. Earlier connects are discarded.
    fn connect_after(&self, start: impl FnOnce(), mode: &str) -> Value {
        while self.connects.try_recv().is_ok() {}
        start();
        loop {
            let connect = self.connects.recv_timeout(CONNECT_TIMEOUT).expect("a connect");
            if connect["client"]["mode"] == mode {
                return connect;
            }
        }
    }
}

/// Sends a challenge, passes the parameters of the connect on, and refuses it.
fn refuse(stream: TcpStream, connects: &Sender<Value>) -> Option<()> {
    let mut socket = accept(stream).ok()?;
    let challenge = json!({"type": "event", "event": "connect.challenge", "payload": {"nonce": "nonce", "ts": 0}});
    socket.send(Message::text(challenge.to_string())).ok()?;
    let request: Value = serde_json::from_str(socket.read().ok()?.to_text().ok()?).ok()?;
    connects.send(request["params"].clone()).ok()?;
    let error = json!({"code": "INVALID_REQUEST", "message": "refused"});
    let answer = json!({"type": "res", "id": request["id"], "ok": false, "error": error});
    socket.send(Message::text(answer.to_string())).ok()?;
    socket.close(None).ok()
}

/// Opens the terminal user interface in a terminal of its own, and ends it after its connect.
fn terminal_connect(gateway: &RefusingGateway, cli: &Cli) -> Option<Value> {
    let command = cli.command_line(&["tui", "--url", &format!("ws://127.0.0.1:{}", gateway.port), "--token", TOKEN]);
    let mut script = Command::new("script");
    script.args(["--quiet", "--command", &command, "/dev/null"]).env_clear().env("TERM", "xterm");
    script.env("HOME", cli.home.path()).env("PATH", std::env::var_os("PATH")?);
    let mut child = None;
    let start = || child = script.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok();
    Command::new("script").arg("--version").output().ok()?;
    let connect = gateway.connect_after(start, "ui");
    let mut child = child?;
    // `script` ends its terminal, and with it the program in it.
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id().try_into().unwrap()), nix::sys::signal::SIGTERM)
        .unwrap();
    child.wait().unwrap();
    Some(connect)
}

#[test]
#[ignore = "needs real clients: CLAWCHECK_LIVE"]
fn connects_like_client_of_release() {
    for release in reached() {
        let client = Facts::of(release.parse().unwrap()).unwrap().client;
        let gateway = RefusingGateway::start();
        let cli = Cli::of(&release, gateway.port);
        let connect = |arguments: &[&str], mode: &str| gateway.connect_after(|| drop(cli.run(arguments)), mode);
        // The command does not know which scopes a method of another program needs.
        let unknown = connect(&["gateway", "call", "clawcheck.unknown"], "cli");
        assert_eq!(unknown["scopes"], json!(client.scopes.command), "{release}");
        let listing = connect(&["devices", "list"], "cli");
        let needed = if client.narrows_scopes { &["operator.pairing"][..] } else { client.scopes.command };
        assert_eq!(listing["scopes"], json!(needed), "{release}");
        assert_eq!(listing["device"].is_null(), omits_device(client.sends_device.command), "{release}");
        let probe = connect(&["gateway", "probe"], "probe");
        assert_eq!(probe["scopes"], json!(client.scopes.probe), "{release}");
        assert_eq!(probe["device"].is_null(), omits_device(client.sends_device.probe), "{release}");
        match terminal_connect(&gateway, &cli) {
            Some(terminal) => {
                assert_eq!(terminal["scopes"], json!(client.scopes.terminal), "{release}");
                assert!(!terminal["device"].is_null(), "{release}");
            }
            None => println!("`script` is not installed, so the terminal user interface is not run"),
        }
    }
}

/// Whether a client without a stored device token sends no device to a gateway on its own machine, whose secret it has.
fn omits_device(rule: DeviceRule) -> bool {
    match rule {
        DeviceRule::Always | DeviceRule::UnlessLocalWithoutSecret => false,
        DeviceRule::UnlessLocal | DeviceRule::UnlessLocalWithSecret | DeviceRule::WithStoredToken => true,
    }
}
