//! `hello-ok`: the description of the gateway for the client (`buildGatewaySnapshot` in `health-state.ts`).

use crate::broadcast::TICK_INTERVAL_MS;
use crate::handshake::attempt::Attempt;
use crate::handshake::auth::credentials::AuthResult;
use crate::handshake::hello::tokens::{always_auth, connection_auth};
use crate::handshake::{HandshakeRules, checks::origin};
use crate::input::Environment;
use crate::model::Model;
use crate::origin::Origin;
use crate::surface::{control_ui, status};
use crate::{AuthMode, GatewayConfig, address};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openclaw_protocol::js::{self, Record};
use serde_json::{Value, json};

/// Maximum size of a message after `hello-ok`, in bytes.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 26_214_400;
const MAX_BUFFERED_BYTES: usize = 52_428_800;
/// Maximum size of an attachment in a message, as hello-ok reports it, in bytes.
const MAX_ATTACHMENT_BYTES: usize = 19_464_192;
const MAX_IMAGE_BYTES: usize = 6_291_456;
/// The method that is listed only for a browser on the gateway's own host (`resolveBrowserAuthOrigin`).
const BROWSER_LOGIN: &str = "mcp.authLogin";
/// The only port that the port of a `Host` header replaces in the canvas URL.
const DEFAULT_PORT: u16 = 18_789;

/// The payload of `hello-ok`. `token` is the token of the device, if it got one.
pub(in crate::handshake) fn hello(
    model: &mut Model,
    environment: &mut Environment<'_>,
    attempt: &Attempt,
    auth_result: &AuthResult,
    token: Option<Record>,
) -> Value {
    let snapshot = snapshot(model, environment.now, attempt);
    let handshake = &model.rules.handshake;
    let mut hello = Record::new();
    js::set(&mut hello, "type", Some("hello-ok"));
    js::set(&mut hello, "protocol", Some(handshake.protocol));
    js::set(&mut hello, "server", Some(server(model, attempt)));
    js::set(&mut hello, "features", Some(features(model, attempt)));
    js::set(&mut hello, "snapshot", Some(snapshot));
    if handshake.hello_of_connection && operator_reads(attempt) {
        js::set(&mut hello, "controlUiWidgetKinds", Some(control_ui::widget_kinds(is_admin(attempt))));
        js::set(&mut hello, "controlUiLinkReaders", Some(control_ui::link_readers()));
    }
    let canvas = canvas(handshake, &model.config, attempt, environment);
    match handshake.plugin_surfaces {
        true => js::set(&mut hello, "pluginSurfaceUrls", canvas.map(|url| json!({ "canvas": url }))),
        false => js::set(&mut hello, "canvasHostUrl", canvas),
    }
    js::set(&mut hello, "auth", auth(model, attempt, auth_result, token));
    js::set(&mut hello, "policy", Some(policy(handshake)));
    Value::Object(hello)
}

/// The gateway and its id of the connection.
fn server(model: &Model, attempt: &Attempt) -> Record {
    let handshake = &model.rules.handshake;
    let version = if handshake.names_release { model.rules.release.to_string() } else { "dev".to_owned() };
    let mut server = Record::new();
    js::set(&mut server, "version", Some(version));
    if handshake.hello_of_connection {
        js::set(&mut server, "buildId", handshake.control_ui_build);
        js::set(&mut server, "bootId", Some(model.boot_id.as_str()));
        js::set(&mut server, "controlUiBuildSource", Some("bundled"));
    }
    js::set(&mut server, "host", handshake.hello_names_host.then(|| model.config.host.name.clone()));
    js::set(&mut server, "connId", Some(attempt.conn_id.as_str()));
    server
}

/// The methods and events for the client.
fn features(model: &Model, attempt: &Attempt) -> Value {
    let mut methods: Vec<&str> = model.rules.rpc.methods.listed().collect();
    methods.retain(|method| *method != BROWSER_LOGIN || origin::is_on_this_machine(&model.rules, attempt));
    let mut features = json!({ "methods": methods, "events": model.rules.rpc.events.listed().collect::<Vec<_>>() });
    if !model.rules.handshake.capabilities.is_empty() {
        features["capabilities"] = json!(model.rules.handshake.capabilities);
    }
    features
}

/// The URL of the canvas host for this client, if it can show a canvas.
fn canvas(
    rules: &HandshakeRules,
    config: &GatewayConfig,
    attempt: &Attempt,
    environment: &mut Environment<'_>,
) -> Option<String> {
    let node = attempt.role == "node";
    let shows =
        !node || !rules.node_surfaces_by_caps || attempt.params.caps.iter().flatten().any(|cap| cap == "canvas");
    let url = canvas_url(rules, config, attempt).filter(|_| shows)?;
    let scoped = node || rules.canvas_capability_for_all;
    Some(if scoped { with_capability(url, environment) } else { url })
}

/// The effective role and scopes of the client.
fn auth(model: &Model, attempt: &Attempt, auth_result: &AuthResult, token: Option<Record>) -> Option<Value> {
    match model.rules.handshake.hello_always_has_auth {
        true if model.rules.handshake.hello_of_connection => {
            Some(connection_auth(&model.config, attempt, auth_result, token))
        }
        true => Some(always_auth(attempt, token)),
        false => token.map(Value::Object),
    }
}

/// The limits for the client.
fn policy(rules: &HandshakeRules) -> Value {
    let mut policy = json!({
        "maxPayload": MAX_PAYLOAD_BYTES,
        "maxBufferedBytes": MAX_BUFFERED_BYTES,
        "tickIntervalMs": TICK_INTERVAL_MS,
    });
    if rules.hello_of_connection {
        policy["attachments"] = json!({ "maxBytes": MAX_ATTACHMENT_BYTES, "maxImageBytes": MAX_IMAGE_BYTES });
        policy["allowedSessionVisibilities"] = json!(["shared", "read-only", "suggest", "draft"]);
        policy["hasMultipleSessionSharingIdentities"] = json!(false);
    }
    policy
}

fn is_admin(attempt: &Attempt) -> bool {
    attempt.scopes.iter().any(|scope| scope == "operator.admin")
}

/// Whether the client is an operator that can read.
fn operator_reads(attempt: &Attempt) -> bool {
    attempt.role == "operator" && reads(&attempt.scopes)
}

/// Whether these scopes include reading.
fn reads(scopes: &[String]) -> bool {
    scopes.iter().any(|scope| ["operator.read", "operator.write", "operator.admin"].contains(&scope.as_str()))
}

/// The current state of the gateway (`buildGatewaySnapshot` in `health-state.ts`).
fn snapshot(model: &mut Model, now: i64, attempt: &Attempt) -> Value {
    let newer = model.rules.handshake.hello_of_connection;
    let health = status::health(model, now);
    let present = match model.rules.rpc.events_restricted && !operator_reads(attempt) {
        true => Vec::new(),
        false => model.present(now),
    };
    let mut snapshot = Record::new();
    let mut put = |key: &str, value: Value| js::set(&mut snapshot, key, Some(value));
    if newer {
        put("suspension", json!({ "phase": "accepting" }));
    }
    put("presence", Value::Array(present));
    put("health", health);
    put("stateVersion", json!({ "presence": model.presence.version(), "health": model.health_version }));
    put("uptimeMs", Value::from(now - model.started_at.unwrap_or(now)));
    if newer {
        put("appliedConfigHash", json!(format!("hmac-sha256:v1:{}", model.boot_id)));
    }
    put_settings(&mut snapshot, &model.rules.handshake, &model.config, is_admin(attempt));
    Value::Object(snapshot)
}

/// Adds the gateway's settings. The order of the keys changed together with who can see them.
fn put_settings(snapshot: &mut Record, rules: &HandshakeRules, config: &GatewayConfig, admin: bool) {
    let auth_mode = match config.auth_mode {
        AuthMode::None => "none",
        AuthMode::Token => "token",
        AuthMode::Password => "password",
        AuthMode::TrustedProxy => "trusted-proxy",
    };
    let paths = [("configPath", config.config_path.as_str()), ("stateDir", config.state_dir.as_str())];
    let defaults = session_defaults(rules.hello_of_connection);
    let mut put = |key: &str, value: Value| js::set(snapshot, key, Some(value));
    if rules.paths_for_admin_only {
        put("sessionDefaults", defaults);
        if admin {
            paths.into_iter().for_each(|(key, path)| put(key, Value::from(path)));
            put("authMode", Value::from(auth_mode));
        }
    } else {
        paths.into_iter().for_each(|(key, path)| put(key, Value::from(path)));
        put("sessionDefaults", defaults);
        put("authMode", Value::from(auth_mode));
    }
}

/// The defaults of a session. Newer releases contain more about its agent.
fn session_defaults(newer: bool) -> Value {
    match newer {
        true => json!({
            "defaultAgentId": "main",
            "modelConfigured": false,
            "ownership": "sole",
            "selectionRequired": false,
            "mainKey": "main",
            "mainSessionKey": "agent:main:main",
            "scope": "per-sender",
        }),
        false => json!({
            "defaultAgentId": "main",
            "mainKey": "main",
            "mainSessionKey": "agent:main:main",
            "scope": "per-sender",
        }),
    }
}

/// The URL of the canvas host: this gateway's port at the host name that the client used (`canvas-host-url.ts`).
fn canvas_url(rules: &HandshakeRules, config: &GatewayConfig, attempt: &Attempt) -> Option<String> {
    if !config.canvas_host {
        return None;
    }
    let scheme = match attempt.peer.header("x-forwarded-proto").map(str::trim) {
        Some("https") if !rules.canvas_ignores_forwarded_proto => "https",
        _ => "http",
    };
    let forwarded = attempt.peer.header("x-forwarded-host").filter(|_| rules.plugin_surfaces);
    let forwarded = forwarded.and_then(|host| host.split(',').next()).filter(|host| !host.trim().is_empty());
    let named = forwarded.or(attempt.host()).and_then(|host| Origin::parse(&format!("http://{}", host.trim())));
    let Some(named) = named else {
        let local = attempt.peer.address.to_canonical();
        return address::is_loopback(local).then(|| format!("{scheme}://{local}:{}", config.port));
    };
    let port = match (config.port, named.port) {
        (DEFAULT_PORT, Some(port)) => port,
        (DEFAULT_PORT, None) if scheme == "https" => 443,
        (DEFAULT_PORT, None) => 80,
        (port, _) => port,
    };
    // An IPv6 address already has its brackets. The releases add a second pair.
    let host = if named.hostname.contains(':') { format!("[{}]", named.hostname) } else { named.hostname };
    Some(format!("{scheme}://{host}:{port}"))
}

/// The client's own URL. One with double brackets is not a valid URL and stays unchanged.
fn with_capability(url: String, environment: &mut Environment<'_>) -> String {
    let capability = URL_SAFE_NO_PAD.encode(&environment.entropy.token()[..18]);
    if url.contains("[[") { url } else { format!("{url}/__openclaw__/cap/{capability}") }
}
