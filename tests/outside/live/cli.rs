//! The real `openclaw` CLI gets the same results from `clawcheck serve` and from the real release, for every
//! `openclaw@RELEASE` in `CLAWCHECK_LIVE`. `CLAWCHECK_CACHE` names the cache. The tests are ignored by default.

use crate::live::client_libraries::{TOKEN, on_both, reached};
use clawcheck::internal::{Auth, Challenge, Device};
use clawcheck::internal::{ConnectRequest, Connection, Incoming, Link, Transcript, Upgrade};
use openclaw_model::Facts;
use openclaw_protocol::identity::DeviceKey;
use serde_json::{Map, Value, json};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::time::Instant;

/// The cache with the installed releases.
pub(crate) fn cache() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let platform = || variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    variable("CLAWCHECK_CACHE").or_else(|| Some(platform()?.join("clawcheck"))).unwrap()
}

/// A Node that clawcheck installed, or the Node on PATH.
pub(crate) fn node(cache: &Path) -> PathBuf {
    let installed = std::fs::read_dir(cache.join("node")).into_iter().flatten().flatten();
    let mut found =
        installed.map(|entry| entry.path().join("node_modules/node/bin/node")).filter(|node| node.is_file());
    found.next().unwrap_or_else(|| "node".into())
}

/// The command line client of a release, with its own home directory.
pub(crate) struct Cli {
    node: PathBuf,
    entry: PathBuf,
    pub home: TempDir,
    pub port: u16,
}

impl Cli {
    pub(crate) fn of(release: &str, port: u16) -> Self {
        let entry = cache().join("openclaw").join(release).join("node_modules/openclaw/openclaw.mjs");
        Self { node: node(&cache()), entry, home: TempDir::new().unwrap(), port }
    }

    /// A shell command that runs the client.
    pub(crate) fn command_line(&self, arguments: &[&str]) -> String {
        let (node, entry) = (self.node.to_string_lossy(), self.entry.to_string_lossy());
        [&[&*node, &*entry][..], arguments].concat().join(" ")
    }

    /// Runs the client. Returns its standard output, or the error.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = assert_cmd::Command::new(&self.node);
        command.arg(&self.entry).args(arguments).args(["--url", &format!("ws://127.0.0.1:{}", self.port)]);
        command.args(["--token", TOKEN]).env_clear().env("NO_COLOR", "1").env("HOME", self.home.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("OPENCLAW_STATE_DIR", self.home.path().join(".openclaw")).timeout(Duration::from_secs(90));
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let failed = || format!("{}: {}{}", output.status, text(&output.stdout), text(&output.stderr));
        output.status.success().then(|| text(&output.stdout)).ok_or_else(failed)
    }

    fn ask(&self, arguments: &[&str]) -> Value {
        match self.run(&[arguments, &["--json"]].concat()) {
            Ok(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
            Err(failed) => json!({ "failed": failed }),
        }
    }
}

/// The names of devices on other machines.
fn name_of(id: &str) -> &'static str {
    let known = ["phone", "tablet"].into_iter().find(|name| DeviceKey::from_name(name).device_id() == id);
    known.unwrap_or("the client itself")
}

/// The output of the CLI without values that differ between runs.
fn plain(value: &Value) -> Value {
    const ACCIDENTAL: [&str; 8] =
        ["publicKey", "token", "requestId", "ts", "remoteIp", "durationMs", "issuer", "tokenBinding"];
    match value {
        Value::Object(object) => {
            let kept = object.iter().filter(|(key, _)| !ACCIDENTAL.contains(&key.as_str()) && !key.ends_with("AtMs"));
            kept.map(|(key, value)| match (key.as_str(), value.as_str()) {
                ("deviceId", Some(id)) => (key.clone(), name_of(id).into()),
                _ => (key.clone(), plain(value)),
            })
            .collect::<Map<_, _>>()
            .into()
        }
        Value::Array(items) => items.iter().map(plain).collect(),
        other => other.clone(),
    }
}

/// A device of another machine requests pairing. Returns the answer.
async fn request_pairing(port: u16, name: &str, release: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(20);
    let headers = vec![("X-Forwarded-For".to_owned(), "203.0.113.7".to_owned())];
    let upgrade = Upgrade { headers, ..Upgrade::default() };
    let link = Link::tcp((Ipv4Addr::LOCALHOST, port).into());
    let mut connection = Connection::open(link, &upgrade, Transcript::new().recorder(name), deadline).await.unwrap();
    let Incoming::Text(frame) = connection.next(deadline).await else { panic!("no challenge for {name}") };
    let challenge = Challenge::from_payload(&frame.json.as_ref().unwrap()["payload"]);
    let protocol = i64::from(Facts::of(release.parse().unwrap()).unwrap().handshake.protocol);
    let request = ConnectRequest {
        protocol: (protocol, protocol),
        role: Some("operator".to_owned()),
        scopes: Some(vec!["operator.read".to_owned()]),
        auth: Auth { token: Some(TOKEN.to_owned()), ..Auth::default() },
        device: Some(Device::new(DeviceKey::from_name(name))),
        ..ConnectRequest::default()
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let params = request.params(&challenge, i64::try_from(now).unwrap());
    let pending = connection.request("connect", params, deadline).await.unwrap();
    let reply = connection.response(&pending, deadline).await;
    connection.abort();
    json!(format!("{reply:?}").contains("NOT_PAIRED"))
}

/// All operator commands, in the usual order.
pub(crate) fn session(release: &str, port: u16) -> Value {
    let cli = Cli::of(release, port);
    let knocks = |name: &str| Handle::current().block_on(request_pairing(port, name, release));
    let list = || cli.ask(&["devices", "list"]);
    let request = |list: &Value| list["pending"][0]["requestId"].as_str().unwrap_or("none").to_owned();
    let phone = DeviceKey::from_name("phone").device_id();
    let of_phone = |act: &'static str| ["devices", act, "--device", &phone, "--role", "operator"].map(str::to_owned);
    let ask = |arguments: &[String]| cli.ask(&arguments.iter().map(String::as_str).collect::<Vec<_>>());

    let mut seen = vec![list(), knocks("phone")];
    let pending = list();
    seen.extend([pending.clone(), cli.ask(&["devices", "approve", &request(&pending)]), list(), knocks("tablet")]);
    let pending = list();
    seen.extend([pending.clone(), cli.ask(&["devices", "reject", &request(&pending)]), list()]);
    let rotate = [of_phone("rotate").as_slice(), &["--scope".to_owned(), "operator.read".to_owned()]].concat();
    seen.extend([ask(&rotate), ask(&of_phone("revoke")), list()]);
    seen.extend([cli.ask(&["devices", "remove", &phone]), list()]);
    seen.push(cli.ask(&["gateway", "call", "health"])["ok"].clone());
    seen.push(
        cli.run(&["gateway", "health"])
            .map_or_else(|failed| json!({ "failed": failed }), |text| json!(text.contains("OK"))),
    );
    let connects = |text: String| json!(text.lines().find(|line| line.contains("Connect: ok")).is_some());
    seen.push(cli.run(&["gateway", "probe"]).map_or_else(|failed| json!({ "failed": failed }), connects));
    seen.iter().map(plain).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs real gateways: CLAWCHECK_LIVE"]
async fn real_cli_on_serve_and_real_gateway() {
    for release in reached() {
        let (on_serve, on_real) = on_both(&release, session).await;
        assert_eq!(on_serve, on_real, "{release}");
        let failed = |seen: &&Value| seen.get("failed").is_some() || **seen == false;
        assert_eq!(on_serve.as_array().unwrap().iter().find(failed), None, "{release}: {on_serve}");
        let pending = &on_serve[2]["pending"];
        assert_eq!(pending[0]["deviceId"], "phone", "{release}: nothing was pending: {on_serve}");
    }
}
