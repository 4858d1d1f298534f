//! The welcome: device token, presence and `hello-ok`.

use super::attempt::Attempt;
use super::credentials::Standing;
use super::handed_out::{always_auth, connection_auth, is_linked_page, issued_profile, settle_bootstrap, tokens};
use super::limits::Credential;
use super::pairing::Paired;
use super::refusal::{End, Refusal};
use super::secret::{self, Method};
use super::{HandshakeRules, capabilities, device, origin_check, unauthorised};
use crate::protocol::client::{self, mode};
use crate::protocol::frame::ServerFrame;
use crate::rules::act::{ConnectionId, Effect, Environment, Outcome};
use crate::rules::broadcast::TICK_INTERVAL_MS;
use crate::rules::model::{ConnectedClient, Model};
use crate::rules::origin::Origin;
use crate::rules::pairing::Fault;
use crate::rules::{AuthMode, GatewayConfig, address, nodes, rpc};
use crate::store::record::{self, Record};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// Most bytes of a message after the welcome.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 26_214_400;
const MAX_BUFFERED_BYTES: usize = 52_428_800;
/// Most bytes of an attachment that fits into a message, as 2026.9.6 tells them.
const MAX_ATTACHMENT_BYTES: usize = 19_464_192;
const MAX_IMAGE_BYTES: usize = 6_291_456;
/// The profile of the gateway's owner, whom every client stands for that no proxy has named.
const OWNER: &str = "gateway-owner";
/// The method that only a browser on the gateway's own machine is told of (2026.9.6 on, `resolveBrowserAuthOrigin`).
const BROWSER_LOGIN: &str = "mcp.authLogin";
/// The one port that a `Host` header's port may stand in for in the canvas URL.
const DEFAULT_PORT: u16 = 18_789;

/// Lets the client in.
///
/// # Errors
/// What a release throws on the way.
pub(super) fn welcome(
    model: &mut Model,
    environment: &mut Environment<'_>,
    mut attempt: Attempt,
    standing: &Standing,
    device_id: Option<String>,
    paired: Paired,
    outcome: &mut Outcome,
) -> Result<(), End> {
    let profile = issued_profile(model, environment, standing)?;
    let linked = is_linked_page(model, &attempt, standing, profile.as_ref());
    let auth = match &device_id {
        Some(device_id) if paired.issues_token => {
            tokens(model, environment, &attempt, standing, device_id, (paired.handed_off.as_ref(), linked))?
        }
        _ => None,
    };
    if model.rules.handshake.header_bounds_all {
        device::bound_by_proxy(&mut attempt);
    }
    let node = match attempt.role {
        "node" => {
            check_node_limit(model, environment, &attempt, device_id.is_some())?;
            let node = reconcile_node(model, environment, &mut attempt, outcome)?;
            if node.asks_first {
                count_node_request(model, environment.now, &attempt);
            }
            Some(node)
        }
        _ => None,
    };
    let by_token = auth.is_some() || standing.method == Method::DeviceToken;
    if model.rules.handshake.nodes_need_token && attempt.role == "node" && !(device_id.is_some() && by_token) {
        return Err(Refusal::not_paired("authenticated node pairing identity unavailable", None).into());
    }
    if let Some(refusal) = unproven_run(&attempt) {
        return Err(refusal.into());
    }
    if let Some(refusal) = outdated_page(model, &attempt) {
        return Err(refusal.into());
    }
    if model.rules.handshake.hello_of_connection {
        let mut seen = std::collections::HashSet::new();
        attempt.scopes.retain(|scope| seen.insert(scope.clone()));
    }
    let declared = node.as_ref().and_then(|node| node.surfaces.as_ref()).map(|surfaces| surfaces.declared.clone());
    let drops_pending = node.as_ref().is_some_and(|node| node.drops_pending);
    let node_id = node.map(|node| node.node_id);
    let connection = attempt.connection;
    let is_node = node_id.is_some();
    let now = environment.now;
    let instance = attempt.client().instance_id.clone();
    let presence_key = presence_key(&model.rules.handshake, &attempt, device_id.as_deref());
    let owner = model.rules.handshake.presence_per_connection && presence_key.is_some() && attempt.role == "operator";
    let shown_as = (owner && standing.method != Method::TrustedProxy).then_some(OWNER);
    if let Some(key) = &presence_key {
        let ip = attempt.locality.reported_ip.as_deref();
        model.presence.joined(key, &attempt.params, attempt.role, &attempt.scopes, ip, now);
    }
    let hello = hello(model, environment, &attempt, standing, auth);
    attempt.params.role = Some(attempt.role.to_owned());
    attempt.params.scopes = Some(attempt.scopes.clone());
    let client = ConnectedClient {
        order: model.welcomed,
        stands_for_node: attempt.role == "node",
        role: attempt.role.to_owned(),
        scopes: attempt.scopes.clone(),
        presence_key,
        client_ip: attempt.locality.reported_ip.clone(),
        events: 0,
        by_device_token: standing.method == Method::DeviceToken,
        connected_at: now,
        profile: shown_as,
        declared,
        connect: attempt.params,
    };
    model.welcomed += 1;
    if client.stands_for_node {
        model.forget_node(client.node_id());
    }
    if let Some(open) = model.connections.get_mut(&attempt.connection) {
        open.handshake_deadline = None;
        open.client = Some(client);
    }
    if let Some(node_id) = &node_id {
        rpc::ask_welcomed_mac(model, connection, node_id, environment, outcome);
    }
    let redeems = standing.method == Method::BootstrapToken && (paired.handed_off.is_some() || profile.is_some());
    let wakes_early = is_node && redeems && model.rules.handshake.redeems_before_hello;
    if wakes_early {
        tell_wake_words(model, connection, outcome);
    }
    let frame = ServerFrame::Res { id: Value::from(attempt.frame_id), ok: true, payload: Some(hello), error: None };
    outcome.effects.push(Effect::Send { connection: attempt.connection, frame });
    if let Some(node_id) = node_id.as_deref().filter(|_| drops_pending) {
        for request in nodes::reject_all(&model.rules.nodes, environment.store, now, node_id)? {
            let payload = json!({"requestId": request, "nodeId": node_id, "decision": "rejected", "ts": now});
            model.broadcast("node.pair.resolved", payload, outcome);
        }
    }
    for node_id in node_ids(node_id, instance.as_deref()) {
        if let Err(fault) = nodes::record_connect(&model.rules.nodes, environment.store, now, &node_id) {
            let text = fault.for_answer();
            outcome.effects.push(Effect::Log(format!("failed to record last connect for {node_id}: {text}")));
        }
    }
    if let Some(fault) = settle_bootstrap(model, environment, standing, &attempt.scopes, attempt.role, &paired, profile)
    {
        outcome.effects.push(Effect::Log(format!("bootstrap token post-connect bookkeeping failed: {fault}")));
    }
    if is_node && !wakes_early {
        tell_wake_words(model, connection, outcome);
    }
    Ok(())
}

/// Under which name a client is in the presence list; `None` where it is not in it.
fn presence_key(rules: &HandshakeRules, attempt: &Attempt, device_id: Option<&str>) -> Option<String> {
    let client = attempt.client();
    let of_device = || device_id.map(str::to_owned).or_else(|| client.instance_id.clone());
    if !rules.presence_per_connection {
        return (!attempt.is_cli()).then(|| of_device().unwrap_or_else(|| attempt.conn_id.clone()));
    }
    let calls_only = [mode::CLI, mode::BACKEND, mode::PROBE].contains(&client.mode.as_str());
    let of_node = || of_device().filter(|_| attempt.role == "node");
    (!calls_only).then(|| of_node().unwrap_or_else(|| attempt.conn_id.clone()))
}

/// A node hears which words wake it and where they lead: the defaults, since nobody can set others here
/// (`voicewake.ts`, `voicewake-routing.ts`).
fn tell_wake_words(model: &mut Model, connection: ConnectionId, outcome: &mut Outcome) {
    let triggers = json!({"triggers": ["openclaw", "claude", "computer"]});
    model.tell(&[connection], "voicewake.changed", &triggers, outcome);
    if model.rules.handshake.voice_routing {
        let target = json!({"mode": "current"});
        let routing = json!({"version": 1, "defaultTarget": target, "routes": [], "updatedAtMs": 0});
        model.tell(&[connection], "voicewake.routing.changed", &json!({"config": routing}), outcome);
    }
}

/// Who says to be the run of an agent (from 2026.7.35 on): only the local backend may, and nobody here can prove it.
fn unproven_run(attempt: &Attempt) -> Option<Refusal> {
    attempt.params.auth.as_ref()?.agent_runtime_identity_token.as_ref()?;
    let client = attempt.client();
    let backend = (client.id.as_str(), client.mode.as_str()) == (client::GATEWAY_CLIENT, mode::BACKEND);
    let message = match backend && attempt.locality.direct {
        true => "invalid agent runtime identity token",
        false => "agent runtime identity token is only accepted from local backend gateway clients",
    };
    Some(Refusal::invalid(message, None))
}

/// A page that the gateway itself has served, and that is not the one it serves now.
fn outdated_page(model: &Model, attempt: &Attempt) -> Option<Refusal> {
    let build = model.rules.handshake.control_ui_build.filter(|_| attempt.is_control_ui())?;
    let origin = attempt.origin.as_deref().and_then(Origin::parse)?;
    let ours = attempt.host().is_some_and(|host| record::trim(host).to_lowercase() == origin.host);
    let details = json!({ "code": "PROTOCOL_MISMATCH", "gatewayBuildId": build, "reloadRequired": true });
    let message = "protocol mismatch: Control UI updated; reload this page to continue";
    let own = attempt.client().build_id.as_deref().map(record::trim);
    let current = own == Some(build) || own == Some("dev");
    (ours && !current).then(|| Refusal::outdated(message, details))
}

/// New nodes of one address may ask for their approval only so often (from 2026.6.11 on).
///
/// # Errors
/// The refusal of one more.
fn check_node_limit(
    model: &mut Model,
    environment: &Environment<'_>,
    attempt: &Attempt,
    has_device: bool,
) -> Result<(), End> {
    let client = attempt.client();
    let node_id = attempt.params.device.as_ref().map_or(&client.id, |device| &device.id);
    let (now, address) = (environment.now, attempt.limit_address.as_deref());
    if !model.rules.handshake.always_limited
        || nodes::find_paired(&model.rules.nodes, environment.store, now, node_id)?.is_some()
    {
        return Ok(());
    }
    let Some(limiter) = model.limits.of(is_browser(&model.rules.handshake, attempt)) else { return Ok(()) };
    if limiter.allows(now, address, Credential::NodePairing) {
        return Ok(());
    }
    let failure = secret::Failure::rate_limited(limiter.retry_after(now, address, Credential::NodePairing));
    Err(unauthorised::refusal(&model.rules.handshake, attempt, &failure, has_device).into())
}

fn count_node_request(model: &mut Model, now: i64, attempt: &Attempt) {
    let browser = is_browser(&model.rules.handshake, attempt);
    if let Some(limiter) = model.limits.of(browser).filter(|_| model.rules.handshake.always_limited) {
        limiter.fail(now, attempt.limit_address.as_deref(), Credential::NodePairing);
    }
}

fn is_browser(rules: &HandshakeRules, attempt: &Attempt) -> bool {
    rules.browsers_limited && attempt.origin.is_some()
}

/// Reconciles a node with the node store, announces what it asks for, and leaves it what it may have.
fn reconcile_node(
    model: &mut Model,
    environment: &mut Environment<'_>,
    attempt: &mut Attempt,
    outcome: &mut Outcome,
) -> Result<nodes::Reconciliation, Fault> {
    let ip = attempt.locality.reported_ip.as_deref();
    let node = nodes::reconcile_on_connect(&model.rules, &model.config, &attempt.params, ip, environment)?;
    if let Some(requested) = node.requested.as_ref().filter(|requested| requested.created) {
        for replaced in &requested.superseded {
            let payload =
                json!({"requestId": replaced, "nodeId": node.node_id, "decision": "rejected", "ts": environment.now});
            model.broadcast("node.pair.resolved", payload, outcome);
        }
        model.broadcast("node.pair.requested", Value::Object(requested.request.clone()), outcome);
    }
    if let Some(approved) = &node.approved {
        let payload =
            json!({"requestId": approved, "nodeId": node.node_id, "decision": "approved", "ts": environment.now});
        model.broadcast("node.pair.resolved", payload, outcome);
    }
    attempt.params.commands = Some(node.commands.clone());
    if let Some(surfaces) = &node.surfaces {
        attempt.params.caps = Some(surfaces.effective.caps.clone());
        attempt.params.permissions = surfaces.effective.permissions.clone();
    }
    Ok(node)
}

/// The names under which a node may have been approved: its id and its instance.
fn node_ids(node_id: Option<String>, instance: Option<&str>) -> Vec<String> {
    let Some(node_id) = node_id else { return Vec::new() };
    let instance = instance.map(record::trim).filter(|instance| !instance.is_empty() && *instance != node_id);
    let instance = instance.map(str::to_owned);
    std::iter::once(node_id).chain(instance).collect()
}

fn hello(
    model: &mut Model,
    environment: &mut Environment<'_>,
    attempt: &Attempt,
    standing: &Standing,
    token: Option<Record>,
) -> Value {
    let snapshot = snapshot(model, environment.now, attempt);
    let mut methods = rpc::listed_methods(&model.rules.rpc);
    methods.retain(|method| *method != BROWSER_LOGIN || origin_check::is_on_this_machine(&model.rules, attempt));
    let mut hello = Record::new();
    record::set(&mut hello, "type", Some("hello-ok"));
    record::set(&mut hello, "protocol", Some(model.rules.handshake.protocol));
    let handshake = &model.rules.handshake;
    let host = handshake.hello_names_host.then(|| model.config.host.name.clone());
    let mut server = Record::new();
    let version = if handshake.names_release { model.rules.release.to_string() } else { "dev".to_owned() };
    record::set(&mut server, "version", Some(version));
    if handshake.hello_of_connection {
        record::set(&mut server, "buildId", handshake.control_ui_build);
        record::set(&mut server, "bootId", Some(model.boot_id.as_str()));
        record::set(&mut server, "controlUiBuildSource", Some("bundled"));
    }
    record::set(&mut server, "host", host);
    record::set(&mut server, "connId", Some(attempt.conn_id.as_str()));
    record::set(&mut hello, "server", Some(server));
    let mut features = json!({ "methods": methods, "events": rpc::events(&model.rules.rpc) });
    if !handshake.capabilities.is_empty() {
        features["capabilities"] = json!(handshake.capabilities);
    }
    record::set(&mut hello, "features", Some(features));
    record::set(&mut hello, "snapshot", Some(snapshot));
    if model.rules.handshake.hello_of_connection && attempt.role == "operator" && reads(&attempt.scopes) {
        let admin = attempt.scopes.iter().any(|scope| scope == "operator.admin");
        record::set(&mut hello, "controlUiWidgetKinds", Some(capabilities::widget_kinds(admin)));
        record::set(&mut hello, "controlUiLinkReaders", Some(capabilities::link_readers()));
    }
    let scoped = attempt.role == "node" || model.rules.handshake.canvas_capability_for_all;
    let shows = attempt.role != "node"
        || !model.rules.handshake.node_surfaces_by_caps
        || attempt.params.caps.iter().flatten().any(|cap| cap == "canvas");
    let canvas = canvas_url(&model.rules.handshake, &model.config, attempt).filter(|_| shows).map(|url| match scoped {
        true => with_capability(url, environment),
        false => url,
    });
    match model.rules.handshake.plugin_surfaces {
        true => record::set(&mut hello, "pluginSurfaceUrls", canvas.map(|url| json!({ "canvas": url }))),
        false => record::set(&mut hello, "canvasHostUrl", canvas),
    }
    let auth = match model.rules.handshake.hello_always_has_auth {
        true if model.rules.handshake.hello_of_connection => {
            Some(connection_auth(&model.config, attempt, standing, token))
        }
        true => Some(always_auth(attempt, token)),
        false => token.map(Value::Object),
    };
    record::set(&mut hello, "auth", auth);
    let mut policy = json!({
        "maxPayload": MAX_PAYLOAD_BYTES,
        "maxBufferedBytes": MAX_BUFFERED_BYTES,
        "tickIntervalMs": TICK_INTERVAL_MS,
    });
    if model.rules.handshake.hello_of_connection {
        policy["attachments"] = json!({ "maxBytes": MAX_ATTACHMENT_BYTES, "maxImageBytes": MAX_IMAGE_BYTES });
        policy["allowedSessionVisibilities"] = json!(["shared", "read-only", "suggest", "draft"]);
        policy["hasMultipleSessionSharingIdentities"] = json!(false);
    }
    record::set(&mut hello, "policy", Some(policy));
    Value::Object(hello)
}

/// Whether these scopes read.
fn reads(scopes: &[String]) -> bool {
    scopes.iter().any(|scope| ["operator.read", "operator.write", "operator.admin"].contains(&scope.as_str()))
}

/// What the gateway looks like at this moment (`buildGatewaySnapshot` in `health-state.ts`).
fn snapshot(model: &mut Model, now: i64, attempt: &Attempt) -> Value {
    let admin = attempt.scopes.iter().any(|scope| scope == "operator.admin");
    let only_for_admin = model.rules.handshake.paths_for_admin_only;
    let config = &model.config;
    let auth_mode = match config.auth_mode {
        AuthMode::None => "none",
        AuthMode::Token => "token",
        AuthMode::Password => "password",
        AuthMode::TrustedProxy => "trusted-proxy",
    };
    let paths = [("configPath", config.config_path.clone()), ("stateDir", config.state_dir.clone())];
    let newer = model.rules.handshake.hello_of_connection;
    let defaults = match newer {
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
    };
    let health = rpc::health(model, now);
    let present = match model.rules.rpc.events_restricted && !(attempt.role == "operator" && reads(&attempt.scopes)) {
        true => Vec::new(),
        false => model.presence.list(now),
    };
    let mut snapshot = Record::new();
    let mut put = |key: &str, value: Value| record::set(&mut snapshot, key, Some(value));
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
    // The order of keys changed with who may see them.
    if only_for_admin {
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
    Value::Object(snapshot)
}

/// Where a client finds the canvas host: this gateway's port at the host that the client itself named
/// (`canvas-host-url.ts`).
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
    // An IPv6 address has its brackets already; the releases put on a second pair.
    let host = if named.hostname.contains(':') { format!("[{}]", named.hostname) } else { named.hostname };
    Some(format!("{scheme}://{host}:{port}"))
}

/// A URL of the client's own. One with doubled brackets is no URL, and stays as it is.
fn with_capability(url: String, environment: &mut Environment<'_>) -> String {
    let capability = URL_SAFE_NO_PAD.encode(&environment.entropy.token()[..18]);
    if url.contains("[[") { url } else { format!("{url}/__openclaw__/cap/{capability}") }
}
