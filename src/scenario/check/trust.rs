//! Determines what a scenario can do by default, and what it can do only with `--trust`.
//!
//! A scenario configures a gateway that runs with the user's permissions. Some scenario features can start code in the
//! gateway (a variable such as `NODE_OPTIONS`, a plugin, a hook, a method that runs an agent), read files of the user
//! (a link, `$include`), or publish the gateway. Each list names what is harmless, and everything else needs `--trust`.
//! A list of dangerous features would miss the features of future releases. `SECURITY.md` contains the same lists for
//! users.

use crate::scenario::model::document::Scenario;
use crate::scenario::model::identity::Folder;
use crate::scenario::model::step::{Call, Frame, Send, Step, StepKind};
use crate::scenario::model::store::{FileContent, Store};
use crate::scenario::syntax::nodes::{Node, NodeKind, short};
use crate::scenario::syntax::problems::SpannedError;
use crate::scenario::syntax::spans::Span;
use crate::scenario::unknown_words::method_like;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Whether the user trusts a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// The scenario can use features that can run code.
    Given,
    /// The scenario cannot use these features.
    Withheld,
}

/// Variables that set the gateway's credentials, limits and language.
const VARIABLES: [&str; 14] = [
    "CLAWDBOT_GATEWAY_PASSWORD",
    "CLAWDBOT_GATEWAY_TOKEN",
    "LANG",
    "LANGUAGE",
    "NO_COLOR",
    "OPENCLAW_ALLOW_INSECURE_PRIVATE_WS",
    "OPENCLAW_GATEWAY_PASSWORD",
    "OPENCLAW_GATEWAY_TOKEN",
    "OPENCLAW_LOG_LEVEL",
    "OPENCLAW_MAX_PREAUTH_CONNECTIONS_PER_IP",
    "OPENCLAW_NIX_MODE",
    "OPENCLAW_NO_RESPAWN",
    "TERM",
    "TZ",
];
/// Prefixes of variables that only disable a feature or set a language.
const VARIABLE_PREFIXES: [&str; 3] = ["LC_", "OPENCLAW_DISABLE_", "OPENCLAW_SKIP_"];

/// Settings of `openclaw.json` about connections. The settings below each of them are also allowed.
const SETTINGS: [&str; 4] = ["discovery", "gateway", "logging", "update.checkOnStart"];
/// The section in which OpenClaw records the last change of the file, and the keys of the section.
const META: (&str, [&str; 2]) = ("meta", ["lastTouchedAt", "lastTouchedVersion"]);
/// Exceptions below these settings: settings that serve, read or write files, or publish the gateway.
const OTHER_SETTINGS: [&str; 5] =
    ["gateway.controlUi.root", "gateway.remote", "gateway.tailscale", "gateway.tls", "logging.file"];
/// Maximum number of settings that are found in one configuration. Far fewer are reported.
const MAX_SETTINGS: usize = 1000;
/// A key that makes OpenClaw include another file.
const INCLUDE: &str = "$include";

/// Folders of the state directory that contain only pairing records and keys, and no code.
const FOLDERS: [&str; 3] = ["devices", "identity", "nodes"];
/// The first bytes of a database. A database that comes with a scenario can contain plugins and jobs in addition to
/// pairing records.
const DATABASE_MAGIC: &[u8] = b"SQLite format 3";

/// Prefixes of methods about pairing, nodes and approvals, and of methods that only read.
const METHOD_PREFIXES: [&str; 5] = ["device.", "exec.approval.", "node.pair.", "no.such.", "plugin.approval."];
/// The full names of such methods.
const METHODS: [&str; 10] = [
    "connect",
    "health",
    "last-heartbeat",
    "models.list",
    "node.describe",
    "node.invoke.result",
    "node.list",
    "node.rename",
    "status",
    "system-presence",
];
/// The method that makes a node run a command. It is plain only for a node that the scenario itself plays.
const INVOKE: &str = "node.invoke";
/// How a scenario refers to one of its own devices.
const OWN_DEVICE: &str = "<device ";

/// Finds everything that needs trust. `node` is the scenario as a tree, and `folders` are the folders of its stores.
pub(crate) fn check(
    node: &Node,
    scenario: &Scenario,
    folders: &BTreeMap<String, Arc<Folder>>,
) -> Result<(), Vec<SpannedError>> {
    let mut errors = Vec::new();
    for name in scenario.gateway.env.keys().filter(|name| !is_plain_variable(name)) {
        let message = format!("the variable `{}` may run code in the gateway", short(name));
        errors.push(needs_trust(name.span, message));
    }
    let config = node.get("gateway").and_then(|gateway| gateway.get("config"));
    errors.extend(check_config(&scenario.gateway.config, config));
    for store in scenario.stores() {
        files(store, folders, &mut errors);
    }
    scenario.all_steps().for_each(|step| methods(step, &mut errors));
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// An error for a feature that needs `--trust`.
pub(crate) fn needs_trust(span: Span, message: String) -> SpannedError {
    SpannedError::at(span, message, "needs --trust")
        .help("if you trust the author of the scenario, use --trust; SECURITY.md describes what that allows")
}

fn is_plain_variable(name: &str) -> bool {
    let milliseconds = name.starts_with("OPENCLAW_") && name.ends_with("_MS");
    milliseconds || VARIABLES.contains(&name) || VARIABLE_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Finds the settings of a configuration that need trust. The check reads the values that the gateway gets. `node`, the
/// same configuration as a tree, gives only the positions: without it, or where it differs, an error has none.
pub(crate) fn check_config(config: &Map<String, Value>, node: Option<&Node>) -> Vec<SpannedError> {
    let mut found = Vec::new();
    members(config, "", &mut Vec::new(), &mut found);
    let error = |(route, path): (Vec<RouteStep<'_>>, String)| {
        let message = format!("the setting `{}` may run code in the gateway or reach outside it", short(&path));
        let span = node.and_then(|node| position(node, &route));
        SpannedError { span, ..needs_trust(Span::default(), message) }
    };
    found.into_iter().map(error).collect()
}

/// One step from a configuration to a setting.
#[derive(Debug, Clone, Copy)]
enum RouteStep<'a> {
    Key(&'a str),
    Item(usize),
}

/// Settings that need trust: how to get to each, and its name.
type TrustedSettings<'a> = Vec<(Vec<RouteStep<'a>>, String)>;

/// Checks the settings recursively, as deep as the lists go.
fn settings<'a>(value: &'a Value, above: &str, route: &mut Vec<RouteStep<'a>>, found: &mut TrustedSettings<'a>) {
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                route.push(RouteStep::Item(at));
                settings(item, above, route, found);
                route.pop();
            }
        }
        Value::Object(map) => members(map, above, route, found),
        _ => {}
    }
}

fn members<'a>(
    map: &'a Map<String, Value>,
    above: &str,
    route: &mut Vec<RouteStep<'a>>,
    found: &mut TrustedSettings<'a>,
) {
    // Null removes a setting.
    for (key, value) in map.iter().filter(|(_, value)| !value.is_null()) {
        if found.len() >= MAX_SETTINGS {
            return;
        }
        let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        let allowed = SETTINGS.iter().any(|known| is_at_or_below(&path, known));
        let allowed = allowed && !OTHER_SETTINGS.iter().any(|known| is_at_or_below(&path, known));
        let on_the_way = value.is_object() && SETTINGS.iter().any(|known| is_at_or_below(known, &path));
        if above.is_empty() && is_last_change(key, value) {
            continue;
        }
        route.push(RouteStep::Key(key));
        if key == INCLUDE || !(allowed || on_the_way) {
            found.push((route.clone(), path));
        } else {
            settings(value, &path, route, found);
        }
        route.pop();
    }
}

/// Whether a section only records the last change of the file.
fn is_last_change(key: &str, value: &Value) -> bool {
    let (meta, keys) = META;
    let is_note =
        |(key, value): (&String, &Value)| keys.contains(&key.as_str()) && !(value.is_object() || value.is_array());
    key == meta && value.as_object().is_some_and(|members| members.iter().all(is_note))
}

/// The position of the last key of a route, if the tree has this route.
fn position(node: &Node, route: &[RouteStep<'_>]) -> Option<Span> {
    let (mut here, mut span) = (node, None);
    for part in route {
        here = match (part, &here.kind) {
            (RouteStep::Key(key), NodeKind::Map(entries)) => {
                let entry = entries.iter().find(|entry| entry.key.value == *key)?;
                span = Some(entry.key.span);
                &entry.value
            }
            (RouteStep::Item(at), NodeKind::List(items)) => items.get(*at)?,
            _ => return None,
        };
    }
    span
}

/// Whether a setting equals the other setting or is below it.
fn is_at_or_below(path: &str, other: &str) -> bool {
    path.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn files(store: &Store, folders: &BTreeMap<String, Arc<Folder>>, errors: &mut Vec<SpannedError>) {
    for (path, content) in &store.files {
        let bytes = match content {
            FileContent::Text(text) => text.as_bytes(),
            FileContent::Base64(bytes) => bytes.0.as_slice(),
            FileContent::Json(_) => b"{}",
            // Pairing records, and removing or truncating a file, cannot start code.
            FileContent::Database(_)
            | FileContent::Directory
            | FileContent::Missing
            | FileContent::TruncateTo(_)
            | FileContent::Mode(_) => {
                continue;
            }
        };
        if !is_plain_file(path, bytes) {
            let message = format!("the gateway may run code from `{}`", short(path));
            errors.push(needs_trust(path.span, message));
        }
    }
    let Some(from) = &store.from else { return };
    let files = folders.get(&from.value).into_iter().flat_map(|folder| folder.iter());
    if let Some((path, _)) = files.into_iter().find(|(path, bytes)| !is_plain_file(path, bytes)) {
        let message = format!("the gateway may run code from `{}` of this folder", short(path));
        errors.push(needs_trust(from.span, message));
    }
}

/// Whether the path can only contain records.
fn is_plain_file(path: &str, bytes: &[u8]) -> bool {
    let first = Path::new(path).components().next();
    let folder = first.is_some_and(|first| FOLDERS.iter().any(|folder| first.as_os_str() == *folder));
    let database = path == openclaw_protocol::store::DATABASE && !bytes.starts_with(DATABASE_MAGIC);
    folder || database
}

fn methods(step: &Step, errors: &mut Vec<SpannedError>) {
    let method = match &step.kind {
        StepKind::Call(Call { method, params, .. }) if method == INVOKE && is_for_own_node(params) => None,
        StepKind::Call(Call { method, .. }) => Some(method.clone()),
        StepKind::Send(Send { frame: Frame::Json(frame), .. }) => named(frame),
        StepKind::Send(Send { frame: Frame::Text(text), .. }) => method_in(text.as_bytes()),
        StepKind::Send(Send { frame: Frame::Base64(bytes), .. }) => method_in(&bytes.0),
        _ => None,
    };
    if let Some(method) = method.filter(|method| !is_plain_method(method)) {
        let message = format!("the method `{}` may run code in the gateway or reach outside it", short(&method));
        let error = needs_trust(step.span, message);
        errors.push(match method_like(&method) {
            Some(near) => error.help(format!("no known release has this method; did you mean `{near}`?")),
            None => error,
        });
    }
}

fn is_for_own_node(params: &Option<Value>) -> bool {
    params
        .as_ref()
        .and_then(|params| params.get("nodeId"))
        .and_then(Value::as_str)
        .is_some_and(|node| node.starts_with(OWN_DEVICE))
}

fn named(frame: &Value) -> Option<String> {
    frame.get("method").map(|method| method.as_str().map_or_else(|| method.to_string(), str::to_owned))
}

/// The method that a frame calls. If the frame is not JSON yet and mentions a method, it can become any call when its
/// symbols are filled in.
fn method_in(frame: &[u8]) -> Option<String> {
    match serde_json::from_slice(frame) {
        Ok(frame) => named(&frame),
        Err(_) => frame.windows(6).any(|word| word == b"method").then(|| "in this frame".to_owned()),
    }
}

fn is_plain_method(method: &str) -> bool {
    METHODS.contains(&method) || METHOD_PREFIXES.iter().any(|prefix| method.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use crate::scenario::Corpus;
    use rstest::rstest;

    /// The errors of a scenario with this text after its title and a folder `state` next to it.
    fn refused(rest: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let put = |path: &str, bytes: &[u8]| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        };
        put("records/devices/paired.json", b"{}");
        put("plugin/extensions/x/index.ts", b"");
        put("database/state/openclaw.sqlite", b"SQLite format 3\0...");
        put("no-database/state/openclaw.sqlite", b"not a database");
        let steps = if rest.contains("steps:") { "" } else { "steps:\n  - restart: {}\n" };
        put("name.yaml", format!("scenario: Title\n{rest}\n{steps}").as_bytes());
        let file = [folder.path().join("name.yaml")];
        Corpus::trusting(&file).unwrap();
        let problems = Corpus::load(&file).err().map_or_else(Vec::new, |problems| problems.0);
        assert!(problems.iter().all(|problem| format!("{problem:?}").contains("needs --trust")), "{problems:?}");
        problems.iter().map(|problem| problem.message().to_owned()).collect()
    }

    #[rstest]
    #[case::libraries("LD_PRELOAD")]
    #[case::node("NODE_OPTIONS")]
    #[case::programs("PATH")]
    #[case::temporary("TMPDIR")]
    #[case::sqlite("OPENCLAW_SQLITE_LIBRARY")]
    #[case::plugins("OPENCLAW_BUNDLED_PLUGINS_DIR")]
    #[case::another_case("ld_preload")]
    #[case::nearly("OPENCLAW_GATEWAY_TOKEN2")]
    fn unknown_variable_needs_trust(#[case] name: &str) {
        let message = format!("the variable `{name}` may run code in the gateway");
        assert_eq!(refused(&format!("gateway: {{ env: {{ {name}: x }} }}")), [message]);
    }

    #[test]
    fn harmless_variables() {
        let env =
            "OPENCLAW_GATEWAY_TOKEN: x, OPENCLAW_SKIP_CHANNELS: '1', OPENCLAW_HANDSHAKE_TIMEOUT_MS: '5', LC_ALL: C";
        assert!(refused(&format!("gateway: {{ env: {{ {env} }} }}")).is_empty());
    }

    #[rstest]
    #[case::plugins("{ plugins: { load: { paths: [/tmp/x] } } }", "plugins")]
    #[case::hooks("{ hooks: { enabled: true } }", "hooks")]
    #[case::shell("{ env: { shellEnv: { enabled: true } } }", "env")]
    #[case::not_all_of_update("{ update: { auto: { enabled: true } } }", "update.auto")]
    #[case::not_all_of_meta("{ meta: { plugins: [x] } }", "meta")]
    #[case::include_in_meta("{ meta: { lastTouchedAt: { $include: /x } } }", "meta")]
    #[case::tailscale("{ gateway: { tailscale: { mode: funnel } } }", "gateway.tailscale")]
    #[case::served_files("{ gateway: { controlUi: { root: / } } }", "gateway.controlUi.root")]
    #[case::log_file("{ logging: { file: /tmp/x } }", "logging.file")]
    #[case::include("{ gateway: { auth: { $include: /etc/passwd } } }", "gateway.auth.$include")]
    #[case::include_in_a_list("{ gateway: { trustedProxies: [{ $include: /x }] } }", "gateway.trustedProxies.$include")]
    fn other_setting_needs_trust(#[case] config: &str, #[case] path: &str) {
        let message = format!("the setting `{path}` may run code in the gateway or reach outside it");
        assert_eq!(refused(&format!("gateway: {{ config: {config} }}")), [message]);
    }

    #[rstest]
    #[case::about_connecting(
        "{ gateway: { auth: { mode: none }, tls: null }, update: { checkOnStart: false }, plugins: null }"
    )]
    #[case::last_change("{ meta: { lastTouchedVersion: 2026.4.2, lastTouchedAt: 2026-04-02T00:00:00Z } }")]
    #[case::logging("{ logging: { level: debug }, discovery: { mdns: { mode: off } } }")]
    fn connection_setting_needs_no_trust(#[case] config: &str) {
        assert!(refused(&format!("gateway: {{ config: {config} }}")).is_empty());
    }

    #[rstest]
    #[case::plugin("store: { files: { extensions/x/index.ts: { text: x } } }", "extensions/x/index.ts")]
    #[case::dotenv("store: { files: { .env: { text: x } } }", ".env")]
    #[case::edited(
        "steps:\n  - parallel: [{ edit: { files: { exec-approvals.json: { json: {} } } } }]",
        "exec-approvals.json"
    )]
    #[case::other_store("other-store: { files: { hooks/x: { base64: eA== } } }", "hooks/x")]
    #[case::database("store: { files: { state/openclaw.sqlite: { text: SQLite format 3 } } }", "state/openclaw.sqlite")]
    fn executable_file_needs_trust(#[case] rest: &str, #[case] path: &str) {
        assert_eq!(refused(rest), [format!("the gateway may run code from `{path}`")]);
    }

    #[rstest]
    #[case::plugin("plugin", Some("extensions/x/index.ts"))]
    #[case::database("database", Some("state/openclaw.sqlite"))]
    #[case::records("records", None)]
    #[case::no_database("no-database", None)]
    fn folder_with_other_files_needs_trust(#[case] folder: &str, #[case] path: Option<&str>) {
        let message = path.map(|path| format!("the gateway may run code from `{path}` of this folder"));
        assert_eq!(refused(&format!("store: {{ from: {folder} }}")), message.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn removal_needs_no_trust() {
        let files =
            "{ extensions: missing, agents: directory, x: { truncate-to: 0 }, devices/paired.json: { text: x } }";
        assert!(refused(&format!("store: {{ files: {files} }}")).is_empty());
    }

    #[rstest]
    #[case::call("call: { on: held, method: config.patch }", Some("config.patch"))]
    #[case::approvals_of_the_host("call: { on: held, method: exec.approvals.set }", Some("exec.approvals.set"))]
    #[case::json("send: { on: held, frame: { json: { type: req, id: '9', method: agent } } }", Some("agent"))]
    #[case::text("send: { on: held, frame: { text: '{\"method\":\"cron.add\"}' } }", Some("cron.add"))]
    #[case::cut_text("send: { on: held, frame: { text: '{\"method\":' } }", Some("in this frame"))]
    #[case::binary("send: { on: held, frame: { base64: eyJtZXRob2QiOiJhZ2VudCJ9 } }", Some("agent"))]
    #[case::a_real_node(
        "call: { on: held, method: node.invoke, params: { nodeId: mac, command: system.run } }",
        Some("node.invoke")
    )]
    #[case::no_node("call: { on: held, method: node.invoke }", Some("node.invoke"))]
    #[case::its_own_node(
        "call: { on: held, method: node.invoke, params: { nodeId: <device laptop>, command: x } }",
        None
    )]
    #[case::an_event_of_a_node("call: { on: held, method: node.event }", Some("node.event"))]
    #[case::pairing("call: { on: held, method: device.pair.list }", None)]
    #[case::garbage("send: { on: held, frame: { text: '{' } }", None)]
    fn other_method_needs_trust(#[case] step: &str, #[case] method: Option<&str>) {
        let message =
            method.map(|method| format!("the method `{method}` may run code in the gateway or reach outside it"));
        let connect = "connect: { device: laptop, role: operator, scopes: [] }";
        let rest = format!("steps:\n  - {connect}\n    as: held\n  - {step}");
        assert_eq!(refused(&rest), message.into_iter().collect::<Vec<_>>());
    }
}
