//! The connects that follow from the records of a state directory: each device with its usual client, with each of its
//! roles, with the scopes of its record, and with the parameters of its pending requests.

use super::aliases::{Aliases, ValueKind};
use crate::explain::{
    self, Answer, Client, ClientDescription, ClientDevice, Credential, SimulatedGateway, StateDirectory, Verdict,
};
use openclaw_model::facts::client::ClientFacts;
use openclaw_model::{AuthMode, Release};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// A connect of the captured scenario.
pub(crate) struct Connect {
    /// The name of the device in the scenario.
    pub(crate) device: String,
    /// The gateway and the client of the original.
    pub(crate) simulated: SimulatedGateway,
    /// The answer of the original.
    pub(crate) answer: Answer,
}

/// A device that connects.
pub(super) struct Device {
    /// The id of the device.
    pub(super) id: String,
    /// The record of the device.
    pub(super) paired: Option<Value>,
    /// The pending requests of the device.
    pub(super) pending: Vec<Value>,
}

/// The kind of a device, as a name.
pub(super) fn base_name(device: &Device) -> &'static str {
    let record = device.paired.as_ref().or(device.pending.first());
    name_of_client(record.and_then(|record| record.get("clientId")).and_then(Value::as_str))
}

/// The name of a device with this client.
fn name_of_client(client_id: Option<&str>) -> &'static str {
    match client_id {
        Some("openclaw-control-ui" | "webchat-ui" | "webchat" | "openclaw-browser-copilot") => "browser",
        Some("cli") => "cli",
        Some("openclaw-tui") => "tui",
        Some("gateway-client") => "backend",
        Some("node-host" | "openclaw-worker") => "node",
        Some("openclaw-macos") => "mac",
        Some("openclaw-ios") => "iphone",
        Some("openclaw-watchos") => "watch",
        Some("openclaw-android") => "android",
        Some("openclaw-linux") => "linux",
        _ => "device",
    }
}

/// A client of a scenario. Each of its clients connects from the machine of the gateway.
pub(super) fn of_scenario(release: Release) -> ClientDescription {
    let peer = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    ClientDescription { release: Some(release), peer, ..ClientDescription::default() }
}

/// The connects of a device. Connects that request fewer rights come first. The original answers them one after the other,
/// because a connect can pair the device or leave a request. The iterator computes each answer when it returns the connect.
pub(super) fn of_device(
    state: &StateDirectory,
    device: &Device,
    name: &str,
    description: &ClientDescription,
    now: i64,
) -> impl Iterator<Item = Connect> + use<> {
    let name = name.to_owned();
    clients(state, device, description, now).into_iter().flat_map(move |(simulated, clients)| {
        let mut gateway = simulated.start();
        let name = name.clone();
        clients.into_iter().map(move |client| {
            let simulated = SimulatedGateway { client, ..simulated.clone() };
            Connect { device: name.clone(), answer: simulated.answer_after(&mut gateway), simulated }
        })
    })
}

/// The connect of a new device, for a store without devices.
pub(super) fn of_new_device(state: &StateDirectory, description: &ClientDescription, now: i64) -> Option<Connect> {
    let description = ClientDescription { device: Some("new".to_owned()), ..description.clone() };
    let simulated = explain::simulated(state, &description, now).ok()?;
    Some(Connect { device: "new".to_owned(), answer: simulated.answer(), simulated })
}

/// The clients that a setup code can be for: a preset, and whether the client requests the scopes of the code.
const CLIENTS_OF_CODES: [(&str, bool); 4] =
    [("ios", false), ("node", false), ("control-ui", false), ("control-ui", true)];

/// The connects with the setup codes of these documents: of the device that a code is bound to, or else of a new device. The
/// iterator computes each answer when it returns the connect.
pub(super) fn of_setup_codes<'a>(
    state: &'a StateDirectory,
    documents: &'a [Arc<Value>],
    release: Release,
    aliases: &'a mut Aliases,
    now: i64,
) -> impl Iterator<Item = Connect> + use<'a> {
    let description = of_scenario(release);
    let codes = documents.iter().flat_map(|codes| codes.as_object().into_iter().flatten());
    codes.filter_map(move |(key, code)| {
        let token = code.get("token").and_then(Value::as_str).unwrap_or(key);
        let text = |name: &str| code.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let bound = text("deviceId").filter(|_| text("publicKey").is_some());
        let profile = code.get("profile").unwrap_or(&Value::Null);
        let connect = of_setup_code(state, (token, profile), bound, &description, now)?;
        // No device of the store has the id of a new device.
        let id = bound.map_or_else(|| format!("new device with {token}"), str::to_owned);
        aliases.name_device(&id, name_of_client(Some(&connect.simulated.client.id)));
        let device = aliases.device(&id).unwrap_or_default().to_owned();
        Some(Connect { device, ..connect })
    })
}

/// The connect of a device, or else of a new device, with a setup code: the first client that the code lets in, or else the first one with a role of
/// the code.
fn of_setup_code(
    state: &StateDirectory,
    (token, profile): (&str, &Value),
    bound: Option<&str>,
    description: &ClientDescription,
    now: i64,
) -> Option<Connect> {
    let profile_texts = |name: &str| profile.get(name).and_then(texts).unwrap_or_default();
    let (roles, scopes) = (profile_texts("roles"), profile_texts("scopes"));
    let connect = |(preset, has_scopes): (&str, bool)| {
        let description = ClientDescription {
            preset: preset.parse().ok(),
            device: Some("new".to_owned()),
            scopes: has_scopes.then(|| scopes.clone()),
            credential: Some(Credential::Bootstrap(token.to_owned())),
            ..description.clone()
        };
        let mut simulated = explain::simulated(state, &description, now).ok()?;
        if let Some(id) = bound {
            simulated.client.who = ClientDevice::with_stand_in_key(id);
        }
        Some(Connect { device: String::new(), answer: simulated.answer(), simulated })
    };
    let mut connects = CLIENTS_OF_CODES.into_iter().filter_map(connect).collect::<Vec<_>>();
    let is_let_in = |connect: &Connect| matches!(connect.answer.verdict, Verdict::LetIn(_));
    let has_role = |connect: &Connect| roles.contains(&connect.simulated.client.role);
    let chosen = connects.iter().position(is_let_in).or_else(|| connects.iter().position(has_role)).unwrap_or_default();
    (chosen < connects.len()).then(|| connects.swap_remove(chosen))
}

/// The clients of a device, and the gateway. `None` if the model cannot build the gateway.
fn clients(
    state: &StateDirectory,
    device: &Device,
    description: &ClientDescription,
    now: i64,
) -> Option<(SimulatedGateway, Vec<Client>)> {
    let of = |device: &str| ClientDescription { device: Some(device.to_owned()), ..description.clone() };
    // `explain` does not know the id of a node without a device.
    let node = || {
        let mut simulated = explain::simulated(state, &of("new"), now).ok()?;
        simulated.client.who = ClientDevice::with_stand_in_key(&device.id);
        Some(simulated)
    };
    let simulated = explain::simulated(state, &of(&device.id), now).ok().or_else(node)?;
    let mut clients = Vec::new();
    let usual = match (&device.paired, device.pending.first()) {
        (None, Some(request)) => of_request(&simulated.client, simulated.client_facts(), request),
        _ => simulated.client.clone(),
    };
    if let Some(record) = &device.paired {
        for role in roles(record).into_iter().filter(|role| *role != usual.role) {
            let mut client = usual.clone();
            client.request_role(&role, simulated.client_facts());
            if !has_token(record, &role) && matches!(client.credential, Credential::DeviceToken(_)) {
                client.credential = Credential::Shared;
            }
            clients.push(client);
        }
        let scopes = ["approvedScopes", "scopes"].into_iter().find_map(|field| texts(record.get(field)?));
        if let Some(scopes) = scopes.filter(|scopes| !scopes.is_empty() && usual.role == "operator") {
            clients.insert(0, Client { scopes, ..usual.clone() });
        }
    }
    clients.push(usual.clone());
    clients.extend(device.pending.iter().map(|request| of_request(&usual, simulated.client_facts(), request)));
    let mut distinct = BTreeSet::new();
    clients.retain(|client| {
        distinct.insert((client.role.clone(), client.scopes.clone(), client.id.clone(), client.mode.clone()))
    });
    Some((simulated, clients))
}

/// The client that sent a pending request.
fn of_request(like: &Client, release: &ClientFacts, request: &Value) -> Client {
    let mut client = Client::of_record(request, release, like.who.clone()).unwrap_or_else(|| like.clone());
    client.credential = match &like.credential {
        Credential::DeviceToken(_) if like.role != client.role => Credential::Shared,
        other => other.clone(),
    };
    client.on_machine_of(request);
    if let Some(role) = request.get("role").and_then(Value::as_str) {
        client.request_role(role, release);
    }
    if let Some(scopes) = request.get("scopes").and_then(texts) {
        client.scopes = scopes;
    }
    client
}

fn roles(record: &Value) -> Vec<String> {
    let mut roles = record.get("roles").and_then(texts).unwrap_or_default();
    let of_tokens = record.get("tokens").and_then(Value::as_object).into_iter().flat_map(Map::keys);
    roles.extend(of_tokens.cloned());
    let mut seen = BTreeSet::new();
    roles.retain(|role| seen.insert(role.clone()));
    roles
}

fn has_token(record: &Value, role: &str) -> bool {
    record.get("tokens").and_then(|tokens| tokens.get(role)?.get("token")).is_some_and(Value::is_string)
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

/// The step of a connect. `usual` is the kind of secret that clients of the scenario send by default.
pub(super) fn step(connect: &Connect, usual: Option<&str>, aliases: &mut Aliases) -> Value {
    let Connect { device, simulated, answer } = connect;
    let client = &simulated.client;
    let mut fields = Map::new();
    let device = if matches!(client.who, ClientDevice::Nobody) { "none" } else { device };
    fields.insert("device".to_owned(), json!(device));
    fields.insert("role".to_owned(), json!(aliases.text(ValueKind::Role, &client.role)));
    fields.insert("scopes".to_owned(), scopes(&client.scopes, aliases));
    let mut info = Map::new();
    let mut put = |name: &str, value: String, default: &str| {
        if value != default {
            info.insert(name.to_owned(), json!(value));
        }
    };
    put("id", aliases.text(ValueKind::Client, &client.id), "cli");
    put("mode", aliases.text(ValueKind::Mode, &client.mode), "cli");
    put("platform", aliases.text(ValueKind::Platform, &client.platform), "linux");
    if let Some(family) = &client.family {
        put("device-family", aliases.text(ValueKind::Family, family), "");
    }
    if !info.is_empty() {
        fields.insert("client".to_owned(), Value::Object(info));
    }
    if let Some(auth) = auth(simulated, usual, aliases) {
        fields.insert("auth".to_owned(), auth);
    }
    if client.is_page {
        let host = simulated.host();
        fields.insert("origin".to_owned(), json!(format!("http://{host}")));
        fields.insert("host".to_owned(), json!(host));
        if let Some(build) = simulated.facts.handshake.control_ui_build {
            fields.insert("params".to_owned(), json!({ "client": { "buildId": build } }));
        }
    }
    json!({ "connect": fields, "expect": expected(answer, aliases) })
}

fn scopes(scopes: &[String], aliases: &mut Aliases) -> Value {
    scopes.iter().map(|scope| Value::String(aliases.text(ValueKind::Scope, scope))).collect()
}

/// The credentials. `None` if they are those that clients send by default.
fn auth(simulated: &SimulatedGateway, usual: Option<&str>, aliases: &mut Aliases) -> Option<Value> {
    let config = simulated.settings()?;
    let secret = match (&simulated.client.credential, config.auth_mode) {
        (Credential::Bootstrap(token), _) => {
            return Some(json!({ "bootstrap-token": { "text": aliases.text(ValueKind::Secret, token) } }));
        }
        (Credential::DeviceToken(_), _) => {
            let has_token = simulated.start().is_ok_and(|gateway| gateway.device_token(&simulated.client).is_some());
            return Some(if has_token { json!({ "device-token": "last" }) } else { json!("none") });
        }
        (_, AuthMode::Token) => config.token.map(|_| "token"),
        (_, AuthMode::Password) => config.password.map(|_| "password"),
        (_, AuthMode::None | AuthMode::TrustedProxy) => None,
    };
    match secret {
        secret if secret == usual => None,
        Some(secret) => Some(json!({ secret: "right" })),
        None => Some(json!("none")),
    }
}

/// Whether a part of an answer is a term of the protocol.
fn is_word(text: &&str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// The answer as an expectation.
fn expected(answer: &Answer, aliases: &mut Aliases) -> Value {
    match &answer.verdict {
        Verdict::LetIn(held) => {
            let mut hello = Map::new();
            if let Some(announced) = &answer.announced {
                hello.insert("role".to_owned(), json!(aliases.text(ValueKind::Role, &held.role)));
                hello.insert("scopes".to_owned(), scopes(announced, aliases));
            }
            json!({ "hello": hello })
        }
        Verdict::NoUpgrade { status, .. } => json!({ "http": status }),
        Verdict::NoStart(_) => json!("refused"),
        Verdict::Refused { error: Some(error), close } => {
            let mut refused = Map::from_iter([("code".to_owned(), json!(error.code))]);
            let details = error.details.as_ref();
            for (name, field) in [("detail", "code"), ("reason", "reason")] {
                if let Some(text) =
                    details.and_then(|details| details.get(field)).and_then(Value::as_str).filter(is_word)
                {
                    refused.insert(name.to_owned(), json!(text));
                }
            }
            if let Some((code, _)) = close {
                refused.insert("close".to_owned(), json!(code));
            }
            json!({ "refused": refused })
        }
        Verdict::Refused { error: None, close: Some((code, _)) } => json!({ "close": { "code": code } }),
        Verdict::Refused { error: None, close: None } => json!("refused"),
    }
}
