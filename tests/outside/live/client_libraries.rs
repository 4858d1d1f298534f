//! Published clients get the same results from `clawcheck serve` and from the real release: they pair, store their
//! tokens, and reconnect with them. For every `openclaw@RELEASE` in `CLAWCHECK_LIVE`. The clients come from npm and
//! PyPI and are installed into the cache.

use crate::harness::{Serving, serve};
use crate::live::cli::{Cli, cache, node};
use clawcheck::{Gateway, GatewaySpec, Guard, Launch, Preparation, RunDirectory, Running, Sandbox};
use openclaw_model::Facts;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::Instant;

/// A trusted proxy can set the address of a client. The test of the CLI needs a client from another address.
fn config() -> Value {
    json!({ "gateway": {
        "mode": "local", "trustedProxies": ["127.0.0.1"], "auth": { "mode": "token", "token": TOKEN },
    } })
}
/// The shared token of the gateways.
pub(crate) const TOKEN: &str = "t0ken-7f3a91c2";
const NPM_CLIENTS: [(&str, &str); 2] = [("@openclaw/gateway-client", "2026.9.1"), ("openclaw-node", "0.14.0")];
const PYPI_CLIENT: &str = "openclaw-sdk==2.1.0";

fn speaks_protocol_4(release: &str) -> bool {
    Facts::of(release.parse().unwrap()).unwrap().handshake.protocol == 4
}

fn driver(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/outside/live/clients").join(name)
}

/// Runs a program that must succeed. Returns its standard output.
fn output(command: &mut assert_cmd::Command) -> String {
    let output = command.timeout(Duration::from_secs(600)).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// The npm packages. They are installed once.
fn npm_clients(node: &Path) -> PathBuf {
    let directory = cache().join("clients/npm");
    let packages = NPM_CLIENTS.map(|(name, version)| format!("{name}@{version}"));
    if !directory.join("installed").is_file() {
        std::fs::create_dir_all(&directory).unwrap();
        let path = std::env::var_os("PATH").unwrap();
        let beside = node.parent().into_iter().map(Path::to_owned).chain(std::env::split_paths(&path));
        let mut npm = assert_cmd::Command::new("npm");
        npm.arg("install").arg("--prefix").arg(&directory).args(["--ignore-scripts", "--no-audit", "--no-fund"]);
        output(npm.args(packages).env("PATH", std::env::join_paths(beside).unwrap()));
        std::fs::write(directory.join("installed"), "").unwrap();
    }
    directory.join("node_modules")
}

/// A Python environment with the package. It is installed once.
fn python() -> PathBuf {
    let directory = cache().join("clients/python");
    if !directory.join("installed").is_file() {
        output(assert_cmd::Command::new("python3").args(["-m", "venv"]).arg(&directory));
        let mut pip = assert_cmd::Command::new(directory.join("bin/pip"));
        // The client uses `cryptography` but does not declare it as a dependency.
        output(pip.args(["install", "--quiet", PYPI_CLIENT, "cryptography"]));
        std::fs::write(directory.join("installed"), "").unwrap();
    }
    directory.join("bin/python")
}

/// The result of the client of the Node packages.
fn node_client(node: &Path, driver_file: &str, entry: &Path, port: u16) -> Value {
    let home = TempDir::new().unwrap();
    let mut command = assert_cmd::Command::new(node);
    command.arg(driver(driver_file)).arg(entry).arg(format!("ws://127.0.0.1:{port}")).arg(TOKEN);
    command.arg(home.path().join("device.json")).env("HOME", home.path());
    serde_json::from_str(&output(&mut command)).unwrap()
}

fn node_clients(node: &Path, packages: &Path, port: u16) -> Value {
    let reference = packages.join("@openclaw/gateway-client/dist/index.mjs");
    let other = packages.join("openclaw-node/dist/index.mjs");
    json!({
        "gateway-client": node_client(node, "gateway-client.mjs", &reference, port),
        "openclaw-node": node_client(node, "openclaw-node.mjs", &other, port),
    })
}

/// The Python client uses the key and the token that the CLI received when it paired.
fn python_client(python: &Path, cli: &Cli) -> Value {
    cli.run(&["devices", "list"]).unwrap();
    let mut command = assert_cmd::Command::new(python);
    command.arg(driver("openclaw-sdk.py")).arg(format!("ws://127.0.0.1:{}", cli.port)).env("HOME", cli.home.path());
    serde_json::from_str(output(&mut command).trim()).unwrap()
}

/// The results of all clients that support the release, on one gateway.
pub(crate) fn seen(release: &str, port: u16) -> Value {
    if speaks_protocol_4(release) {
        let node = node(&cache());
        return node_clients(&node, &npm_clients(&node), port);
    }
    python_client(&python(), &Cli::of(release, port))
}

fn serving(release: &str, home: &Path) -> Serving {
    let config = home.join("openclaw.json");
    std::fs::write(&config, self::config().to_string()).unwrap();
    let mut command = serve(home);
    command.args(["--release", release, "--port", "0", "--config"]).arg(&config);
    command.arg("--state-dir").arg(home.join("gateway"));
    Serving::start(command)
}

async fn real(gateway: &Gateway, sandbox: &Sandbox) -> Running {
    let launch = Launch {
        sandbox,
        state_dir: None,
        openclaw_json: config(),
        environment: BTreeMap::new(),
        clock: None,
        trace: None,
        deadline: Instant::now() + Duration::from_secs(120),
    };
    gateway.launch(launch).await.unwrap()
}

/// The expected results: the clients pair with the shared token and reconnect with the device token.
fn expected(release: &str) -> Value {
    if !speaks_protocol_4(release) {
        return json!({"paired": 1, "pending": 0});
    }
    let scopes = json!(["operator.pairing", "operator.read"]);
    let visit = json!({"role": "operator", "scopes": scopes, "protocol": 4, "paired": [true]});
    json!({
        "gateway-client": {"first": visit, "remembered": scopes, "second": visit},
        "openclaw-node": [
            {"error": "WebSocket closed before handshake completed"},
            {"connected": true, "kept": true},
            {"connected": true, "kept": true},
        ],
    })
}

/// The releases in `CLAWCHECK_LIVE`.
pub(crate) fn reached() -> Vec<String> {
    let named = std::env::var("CLAWCHECK_LIVE").expect("CLAWCHECK_LIVE names the gateways");
    named.split(',').filter_map(|name| name.strip_prefix("openclaw@")).map(str::to_owned).collect()
}

/// The results on `serve` and on the real gateway.
pub(crate) async fn on_both(release: &str, look: fn(&str, u16) -> Value) -> (Value, Value) {
    let home = TempDir::new().unwrap();
    let serving = serving(release, home.path());
    let (ours, of_release) = (serving.port, release.to_owned());
    on_real(release, move |theirs| (look(&of_release, ours), look(&of_release, theirs))).await
}

/// The results on the real gateway.
pub(crate) async fn on_real<T: Send + 'static>(release: &str, look: impl FnOnce(u16) -> T + Send + 'static) -> T {
    let spec: GatewaySpec = format!("openclaw@{release}").parse().unwrap();
    let guard = Guard::of_program(env!("CARGO_BIN_EXE_clawcheck").into());
    let run_directory = RunDirectory::new(&guard).unwrap();
    let gateway = Gateway::prepare(&spec, &Preparation { guard, ..Preparation::default() }, &|_| {}).await.unwrap();
    let sandbox = run_directory.sandbox().unwrap();
    let mut running = real(&gateway, &sandbox).await;
    let port = running.port().unwrap();
    let seen = tokio::task::spawn_blocking(move || look(port)).await.unwrap();
    running.stop(Instant::now() + Duration::from_secs(20)).await.unwrap();
    seen
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs real gateways: CLAWCHECK_LIVE"]
async fn client_libraries_on_serve_and_real_gateway() {
    for release in reached() {
        let (on_serve, on_real) = on_both(&release, seen).await;
        assert_eq!(on_serve, expected(&release), "{release}: clawcheck serve");
        assert_eq!(on_real, expected(&release), "{release}: the real gateway");
    }
}
