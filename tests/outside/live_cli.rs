//! The real `openclaw` CLI against `clawcheck serve`: for every `openclaw@RELEASE` in `CLAWCHECK_LIVE`. `CLAWCHECK_CACHE` names
//! the cache. Ignored otherwise.

use crate::serve::{Serving, serve};
use clawcheck::gateway::{Gateway, GatewaySpec, Guard, Preparation};
use clawcheck::protocol::identity::DeviceKey;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

const REQUEST: &str = "11111111-1111-4111-8111-111111111111";

/// Where the harness keeps installed releases.
pub fn cache() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let platform = || variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    variable("CLAWCHECK_CACHE").or_else(|| Some(platform()?.join("clawcheck"))).unwrap()
}

/// A Node that the harness installed, else the one on PATH.
pub fn node(cache: &Path) -> PathBuf {
    let installed = std::fs::read_dir(cache.join("node")).into_iter().flatten().flatten();
    let mut found =
        installed.map(|entry| entry.path().join("node_modules/node/bin/node")).filter(|node| node.is_file());
    found.next().unwrap_or_else(|| "node".into())
}

pub struct Cli {
    pub node: PathBuf,
    pub entry: PathBuf,
    pub home: TempDir,
    pub port: u16,
}

impl Cli {
    /// Runs the CLI; gives what it wrote to standard output.
    pub fn run(&self, arguments: &[&str]) -> String {
        let mut command = assert_cmd::Command::new(&self.node);
        command.arg(&self.entry).args(arguments).args(["--url", &format!("ws://127.0.0.1:{}", self.port)]);
        command.args(["--token", "t0ken"]).env_clear().env("NO_COLOR", "1").env("HOME", self.home.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("OPENCLAW_STATE_DIR", self.home.path().join(".openclaw")).timeout(Duration::from_secs(90));
        let output = command.output().unwrap();
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{arguments:?}: {}{}", said(&output.stdout), said(&output.stderr));
        said(&output.stdout)
    }

    fn run_json(&self, arguments: &[&str]) -> Value {
        let text = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
    }
}

/// A request to pair that somebody else left behind just now.
fn pending(device: &DeviceKey) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    json!({ REQUEST: {
        "requestId": REQUEST, "deviceId": device.device_id(), "publicKey": device.public_key(), "platform": "linux",
        "clientId": "cli", "clientMode": "cli", "role": "operator", "roles": ["operator"], "scopes": ["operator.read"],
        "silent": false, "isRepair": false, "ts": u64::try_from(now).unwrap(),
    } })
}

async fn works_against_serve(release: &str) {
    let cache = cache();
    let entry = cache.join("openclaw").join(release).join("node_modules/openclaw/openclaw.mjs");
    let home = TempDir::new().unwrap();
    let state = home.path().join("gateway");
    let config = home.path().join("openclaw.json");
    std::fs::write(&config, r#"{ gateway: { mode: "local", auth: { mode: "token", token: "t0ken" } } }"#).unwrap();
    let mut command = serve(home.path());
    command.args(["--release", release, "--port", "0", "--config"]).arg(&config).arg("--state-dir").arg(&state);
    let mut serving = Serving::start(command);
    let cli = Cli { node: node(&cache), entry, home: TempDir::new().unwrap(), port: serving.port };

    let list = cli.run_json(&["devices", "list"]);
    assert_eq!(list["paired"].as_array().map(Vec::len), Some(1), "{list}");
    let device = DeviceKey::from_name("live-cli");
    std::fs::write(state.join("devices/pending.json"), pending(&device).to_string()).unwrap();
    cli.run(&["devices", "approve", REQUEST]);
    let list = cli.run_json(&["devices", "list"]);
    let paired = list["paired"].as_array().unwrap();
    assert!(paired.iter().any(|paired| paired["deviceId"] == device.device_id()), "{list}");
    assert_eq!(cli.run_json(&["gateway", "call", "health"])["ok"], true);
    assert!(cli.run(&["gateway", "probe"]).contains("RPC: ok"));
    assert_eq!(serving.signal(Signal::SIGTERM).code(), Some(0));
}

#[tokio::test]
#[ignore = "needs real gateways: CLAWCHECK_LIVE"]
async fn the_real_cli_works_against_serve() {
    let named = std::env::var("CLAWCHECK_LIVE").expect("CLAWCHECK_LIVE names the gateways");
    for name in named.split(',') {
        let Some(release) = name.strip_prefix("openclaw@") else { continue };
        let spec: GatewaySpec = name.parse().unwrap();
        let guard = Guard::of_program(env!("CARGO_BIN_EXE_clawcheck").into());
        let preparation = Preparation { guard, ..Preparation::default() };
        Gateway::prepare(&spec, &preparation, &|_| {}).await.unwrap();
        works_against_serve(release).await;
    }
}
