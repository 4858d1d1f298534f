//! The end of a successful handshake: device token, presence and `hello-ok`, in the order of the releases
//! (`message-handler.ts`).

use crate::handshake::attempt::Attempt;
use crate::handshake::auth::credentials::AuthResult;
use crate::handshake::auth::verdict::AuthMethod;
use crate::handshake::hello::payload::hello;
use crate::handshake::hello::tokens::{is_linked_page, issued_profile, settle_bootstrap, tokens, vouched_user};
use crate::handshake::pairing::PairingResult;
use crate::handshake::refusal::{HandshakeEnd, Refusal};
use crate::handshake::{HandshakeRules, checks::device, checks::node};
use crate::input::{ConnectionId, Effect, Environment, Outcome};
use crate::model::{ConnectedClient, Model};
use crate::origin::Origin;
use crate::surface::presence::{NewEntry, Person};
use crate::trace::{AnswerFinding, Check};
use crate::{nodes, rpc};
use openclaw_protocol::client::{self, mode};
use openclaw_protocol::frame::ServerFrame;
use openclaw_protocol::js;
use serde_json::{Value, json};

/// Admits the client.
///
/// # Errors
/// A late refusal, or what a release throws on the way.
pub(in crate::handshake) fn welcome(
    model: &mut Model,
    environment: &mut Environment<'_>,
    mut attempt: Attempt,
    auth_result: &AuthResult,
    device_id: Option<String>,
    paired: PairingResult,
    outcome: &mut Outcome,
) -> Result<(), HandshakeEnd> {
    let profile = issued_profile(model, environment, auth_result)?;
    let linked = is_linked_page(model, &attempt, auth_result, profile.as_ref());
    let token = match &device_id {
        Some(device_id) if paired.issues_token => {
            tokens(model, environment, &attempt, auth_result, device_id, (paired.handed_off.as_ref(), linked))?
        }
        _ => None,
    };
    if model.rules.handshake.header_bounds_all {
        device::bound_by_proxy(&mut attempt);
    }
    let node = match attempt.role {
        "node" => Some(node::admit(model, environment, &mut attempt, device_id.is_some(), outcome)?),
        _ => None,
    };
    let known_by_token = device_id.is_some() && (token.is_some() || auth_result.method == AuthMethod::DeviceToken);
    refuse_late(model, &attempt, known_by_token)?;
    if model.rules.handshake.hello_of_connection {
        let mut seen = std::collections::HashSet::new();
        attempt.scopes.retain(|scope| seen.insert(scope.clone()));
    }
    let connection = attempt.connection;
    let answer = AnswerFinding::LetIn { role: attempt.role.to_owned(), scopes: Some(attempt.scopes.clone()) };
    if model.connections.get(&connection).is_some_and(|open| !open.closing) {
        outcome.trace_line(Check::Answer, answer.to_string());
    }
    let presence = show(model, environment, &attempt, auth_result, device_id.as_deref());
    let hello = hello(model, environment, &attempt, auth_result, token);
    let is_announced = presence.presence_key.is_some() && model.rules.handshake.presence.shows_clients;
    let skills_before = rpc::mac_skills(model);
    register_client(model, &attempt, auth_result, presence, node.as_ref(), environment.now);
    rpc::announce_skills_if_changed(model, &skills_before, outcome);
    if let Some(node) = &node {
        rpc::ask_welcomed_mac(model, connection, &node.node_id, environment, outcome);
    }
    let redeems =
        auth_result.method == AuthMethod::BootstrapToken && (paired.handed_off.is_some() || profile.is_some());
    let wakes_early = redeems && model.rules.handshake.redeems_before_hello;
    if node.is_some() && wakes_early {
        send_wake_words(model, connection, outcome);
    }
    let id = Value::from(attempt.frame_id.as_str());
    let frame = ServerFrame::Res { id, ok: true, payload: Some(hello), error: None };
    outcome.effects.push(Effect::Send { connection, frame });
    if let Some(node) = &node {
        let instance = attempt.client().instance_id.as_deref();
        node::welcomed(model, environment, node, instance, outcome)?;
    }
    if let Some(fault) =
        settle_bootstrap(model, environment, auth_result, &attempt.scopes, attempt.role, &paired, profile)
    {
        outcome.effects.push(Effect::Log(format!("bootstrap token post-connect bookkeeping failed: {fault}")));
    }
    if node.is_some() && !wakes_early {
        send_wake_words(model, connection, outcome);
    }
    if is_announced {
        model.announce_presence(environment.now, outcome);
    }
    Ok(())
}

/// The checks that can still refuse an admitted client. `known_by_token` states whether the device has a token.
fn refuse_late(model: &Model, attempt: &Attempt, known_by_token: bool) -> Result<(), Refusal> {
    if model.rules.handshake.nodes_need_token && attempt.role == "node" && !known_by_token {
        return Err(Refusal::not_paired("authenticated node pairing identity unavailable", None));
    }
    unproven_run(attempt).or_else(|| outdated_page(model, attempt)).map_or(Ok(()), Err)
}

/// A client's entry in the presence list.
struct PresenceEntry {
    /// Its key in the presence list, if it has an entry.
    presence_key: Option<String>,
    /// The user that it acts for.
    person: Option<Person>,
    /// The time since which the user is present.
    online_since: Option<i64>,
}

/// Adds the client to the presence list, if it belongs there.
fn show(
    model: &mut Model,
    environment: &mut Environment<'_>,
    attempt: &Attempt,
    auth_result: &AuthResult,
    device_id: Option<&str>,
) -> PresenceEntry {
    let presence_key = presence_key(&model.rules.handshake, attempt, device_id);
    let shows_people = model.rules.handshake.presence.shows_clients;
    let user = (auth_result.method == AuthMethod::TrustedProxy).then(|| vouched_user(&model.config, attempt)).flatten();
    let by_owner = shows_people && presence_key.is_some() && attempt.role == "operator";
    let person = match user.map(str::to_owned) {
        Some(user) if shows_people => Some(model.vouched_user(&user, environment)),
        None if by_owner => Some(model.owner(environment.now)),
        _ => None,
    };
    let entry = NewEntry {
        connect: &attempt.params,
        role: attempt.role,
        scopes: &attempt.scopes,
        ip: attempt.locality.reported_ip.as_deref(),
        person: person.as_ref(),
    };
    let online_since = presence_key.as_deref().and_then(|key| model.add_presence(key, entry, environment));
    PresenceEntry { presence_key, person, online_since }
}

/// Turns the connection into that of a client.
fn register_client(
    model: &mut Model,
    attempt: &Attempt,
    auth_result: &AuthResult,
    presence: PresenceEntry,
    node: Option<&nodes::Reconciliation>,
    now: i64,
) {
    let mut connect = attempt.params.clone();
    connect.role = Some(attempt.role.to_owned());
    connect.scopes = Some(attempt.scopes.clone());
    let client = ConnectedClient {
        order: model.welcomed,
        stands_for_node: node.is_some(),
        role: attempt.role.to_owned(),
        scopes: attempt.scopes.clone(),
        presence_key: presence.presence_key,
        person: presence.person,
        online_since: presence.online_since,
        retired: false,
        client_ip: attempt.locality.reported_ip.clone(),
        events: 0,
        by_device_token: auth_result.method == AuthMethod::DeviceToken,
        connected_at: now,
        declared: node.and_then(|node| node.surfaces.as_ref()).map(|surfaces| surfaces.declared.clone()),
        connect,
    };
    model.welcomed += 1;
    if client.stands_for_node {
        model.forget_node(client.node_id());
    }
    if let Some(open) = model.connections.get_mut(&attempt.connection) {
        open.handshake_deadline = None;
        open.client = Some(client);
    }
}

/// The key of a client in the presence list. `None` if it has no entry.
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

/// Sends a node its wake words and their routing. These are the defaults, because nothing in the model changes them
/// (`voicewake.ts`, `voicewake-routing.ts`).
fn send_wake_words(model: &mut Model, connection: ConnectionId, outcome: &mut Outcome) {
    let triggers = json!({"triggers": ["openclaw", "claude", "computer"]});
    model.send_event_to_node(connection, "voicewake.changed", triggers, outcome);
    if model.rules.handshake.voice_routing {
        let target = json!({"mode": "current"});
        let routing = json!({"version": 1, "defaultTarget": target, "routes": [], "updatedAtMs": 0});
        model.send_event_to_node(connection, "voicewake.routing.changed", json!({"config": routing}), outcome);
    }
}

/// Checks a client that claims to be an agent run. Only the local backend can, and no client of the
/// model can prove it.
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

/// Whether the client is a page that the gateway itself served, with another build than the current one.
fn outdated_page(model: &Model, attempt: &Attempt) -> Option<Refusal> {
    let build = model.rules.handshake.control_ui_build.filter(|_| attempt.is_control_ui())?;
    let origin = attempt.origin.as_deref().and_then(Origin::parse)?;
    let ours = attempt.host().is_some_and(|host| js::trim(host).to_lowercase() == origin.host);
    let details = json!({ "code": "PROTOCOL_MISMATCH", "gatewayBuildId": build, "reloadRequired": true });
    let message = "protocol mismatch: Control UI updated; reload this page to continue";
    let own = attempt.client().build_id.as_deref().map(js::trim);
    // A development build of the page is never outdated.
    let current = own == Some(build) || own == Some("dev");
    (ours && !current).then(|| Refusal::outdated(message, details))
}
