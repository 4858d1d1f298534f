//! The single remedies that are tried for a client, each with a sentence and with commands for the user.

use super::change::{is_proxy_header, pending};
use super::configuration::{config_set, token_mode};
use super::record::{remove, rotate, secret, with_secret};
use super::{Change, Remedy, Risk};
use crate::explain::client::{Assumption, Client, ClientDevice, Credential, ELSEWHERE};
use crate::explain::simulated_gateway::{SimulatedGateway, address};
use crate::shell::quoted;
use openclaw_emulator::store::SqliteDocuments;
use openclaw_emulator::stored_state::StoredFile;
use openclaw_model::{AuthMode, pairing};
use openclaw_protocol::identity::DeviceKey;
use openclaw_protocol::store::{DATABASE, Document, Documents as _, StoreFormat};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::path::Path;

/// An approval. `None` if nobody can type the commands.
pub(super) fn approve(simulated: &SimulatedGateway) -> Option<Remedy> {
    let lines = ["openclaw devices list".to_owned(), "openclaw devices approve <request-id>".to_owned()];
    let what = "Connect, then approve the pending request within five minutes";
    let how = match simulated.facts.client.local_fallback {
        true if needs_administrator(simulated) => by_another_device(simulated, &lines)?,
        true => lines.to_vec(),
        false => typed(simulated, &lines)?,
    };
    let is_typed_here = how == lines;
    let replaces = is_typed_here && replaces_request(simulated);
    let again = replaces.then(|| {
        "openclaw devices approve <new-request-id>, if the first `approve` fails; do not connect the client before this command".to_owned()
    });
    let opens = (is_typed_here && (replaces || extends_request(simulated)))
        .then_some("the request then also contains the scopes of the `openclaw` command");
    let how = how.into_iter().chain(again).collect::<Vec<_>>();
    Some(Remedy::new(Change::Approve, Risk::Approval, what, &how).granting(opens))
}

/// Whether `openclaw devices approve` itself replaces the pending request of the client before it approves the request: the
/// command sends the device of the client, and requests the scopes of the request in addition to `operator.pairing`.
fn replaces_request(simulated: &SimulatedGateway) -> bool {
    let here = simulated.command_here();
    let is_same = here.client.who.id().is_some() && here.client.who.id() == simulated.client.who.id();
    if !is_same || !simulated.facts.client.narrows_scopes {
        return false;
    }
    let with = |scopes: Vec<String>| {
        let mut here = here.clone();
        here.client.scopes = scopes;
        here
    };
    let pairing = || vec!["operator.pairing".to_owned()];
    let Ok(mut gateway) = simulated.start() else { return false };
    gateway.connect(simulated);
    gateway.connect(&with(pairing()));
    let Some((request, scopes)) = pending(simulated, &gateway) else { return false };
    gateway.connect(&with([pairing(), scopes].concat()));
    pending(simulated, &gateway).is_some_and(|(latest, _)| latest != request)
}

/// Whether `openclaw devices list` adds its own scopes to the pending request of the client. On the gateway's machine,
/// the `openclaw` command can use the device of the client, and the gateway can refuse this command as well.
fn extends_request(simulated: &SimulatedGateway) -> bool {
    let id = |who: &ClientDevice| who.key().map(DeviceKey::device_id);
    let here = simulated.command_here();
    if id(&simulated.client.who) != id(&here.client.who) || simulated.client.id == here.client.id {
        return false;
    }
    let needed = [
        &simulated.client.scopes[..],
        &simulated.record().map(|record| pairing::access_scopes(&record)).unwrap_or_default(),
    ]
    .concat();
    let Ok(mut gateway) = simulated.start() else { return false };
    gateway.connect(simulated);
    gateway.connect(&here);
    pending(simulated, &gateway).is_some_and(|(_, scopes)| scopes.iter().any(|scope| !needed.contains(scope)))
}

/// The refused connect itself can change the record: a release that approves a role automatically does so before it
/// refuses the scopes.
pub(super) fn connect_again() -> Remedy {
    Remedy::new(Change::Again, Risk::Client, "Connect again: the refused connect changed the record", &[])
}

pub(super) fn reject(simulated: &SimulatedGateway) -> Remedy {
    let lines = ["openclaw devices list".to_owned(), "openclaw devices reject <request-id>".to_owned()];
    let (what, how) = match typed(simulated, &lines) {
        Some(how) => ("Reject the pending request, or wait five minutes until it expires", how),
        None => ("Wait five minutes until the pending request expires", Vec::new()),
    };
    Remedy::new(Change::Reject, Risk::Client, what, &how)
}

/// Commands that need a client that is let in, with a line that says where to type them. `None` if no such client is
/// known. With a local fallback, `devices list` and `approve` also work for a refused `openclaw` on the gateway's machine.
fn typed(simulated: &SimulatedGateway, commands: &[String]) -> Option<Vec<String>> {
    let here = simulated.command_here();
    // The pending request of the refused client can be that of the same device.
    let is_let_in = simulated.start().is_ok_and(|mut gateway| {
        gateway.connect(simulated);
        gateway.connect(&here).succeeds()
    });
    if is_let_in {
        return Some(commands.to_vec());
    }
    by_another_device(simulated, commands)
}

/// The commands with a line that says to type them on another device. `None` if no other device may decide.
fn by_another_device(simulated: &SimulatedGateway, commands: &[String]) -> Option<Vec<String>> {
    let place = "on another device that is let in, because the `openclaw` of this machine is refused, too:";
    has_another_approver(simulated).then(|| [&[place.to_owned()], commands].concat())
}

/// Whether only an administrator can approve the client, and the `openclaw` of the gateway's machine is none: the first
/// command, which lists the requests, pairs it with `operator.pairing`, and the second one requests `operator.admin`. For a
/// device with scopes of an operator, the second one requests these scopes, and uses the local fallback if it is refused.
fn needs_administrator(simulated: &SimulatedGateway) -> bool {
    let approved = simulated.record().map(|record| pairing::access_scopes(&record)).unwrap_or_default();
    let is_operator = simulated.client.scopes.iter().chain(&approved).any(|scope| scope.starts_with("operator."));
    if is_operator || !simulated.facts.client.repeats_approval_as_admin {
        return false;
    }
    let with = |scope: &str| {
        let mut here = simulated.command_here();
        here.client.scopes = vec![scope.to_owned()];
        here
    };
    simulated.start().is_ok_and(|mut gateway| {
        gateway.connect(&with("operator.pairing"));
        !gateway.connect(&with("operator.admin")).succeeds()
    })
}

/// Whether a device other than the client and the machine of the gateway may decide about devices.
fn has_another_approver(simulated: &SimulatedGateway) -> bool {
    let Ok(gateway) = simulated.start() else { return false };
    let Some(paired) = gateway.store.read(Document::DevicesPaired) else { return false };
    let refused = [&simulated.client.who, &simulated.own].map(|who| who.key().map(DeviceKey::device_id));
    let rules = &simulated.facts.pairing;
    let may_decide = |(id, record): (&String, &Value)| {
        let roles = pairing::effective_roles(rules, record).unwrap_or_default();
        let scopes = pairing::access_scopes(record);
        let decides = |scope: &String| scope == "operator.admin" || scope == "operator.pairing";
        !refused.contains(&Some(id.clone()))
            && roles.iter().any(|role| role == "operator")
            && scopes.iter().any(decides)
    };
    paired.as_object().is_some_and(|all| all.iter().any(may_decide))
}

/// All single remedies.
pub(super) fn candidates(simulated: &SimulatedGateway) -> Vec<Remedy> {
    let mut all = Vec::new();
    of_the_client(simulated, &mut all);
    of_the_device(simulated, &mut all);
    of_the_settings(simulated, &mut all);
    of_the_proxy(simulated, &mut all);
    of_the_files(simulated, &mut all);
    all.retain(|remedy| !remedy.changes.iter().all(|change| is_made(simulated, change)));
    all
}

/// Whether a setting already has the value that the change would give it.
fn is_made(simulated: &SimulatedGateway, change: &Change) -> bool {
    let Change::Setting(path, value) = change else { return false };
    simulated.config.pointer(&format!("/gateway/{}", path.replace('.', "/"))) == Some(value)
}

fn of_the_client(simulated: &SimulatedGateway, all: &mut Vec<Remedy>) {
    let client = &simulated.client;
    if !simulated.client_facts().connects_like(&simulated.facts.client) {
        let what = format!("Update the client to {}", simulated.facts.release);
        all.push(Remedy::new(Change::UpdateClient, Risk::Client, what, &[]));
    }
    all.extend(direct(simulated));
    all.extend(use_device(simulated));
    let narrower = narrower(simulated);
    if !narrower.is_empty() {
        let what = format!("Request only the scopes that the device was approved for: {}", narrower.join(", "));
        let lost = client.scopes.iter().filter(|scope| !narrower.contains(scope)).cloned().collect::<Vec<_>>();
        all.push(Remedy::new(Change::Scopes(narrower), Risk::Limits, what, &[]).losing(&lost));
    }
    let Ok(gateway) = simulated.start() else { return };
    let shared = Client { credential: Credential::Shared, ..client.clone() };
    if let Some(secret) = secret(simulated).filter(|_| gateway.auth(client) != gateway.auth(&shared)) {
        let what = format!("Give the client the gateway's {secret}");
        let how = match simulated.variable().filter(|_| simulated.sends_own_credentials) {
            Some((name, _)) => [format!("unset {name}, and remove it from the shell profile or service that sets it")],
            None if client.is_phone() => [format!("gateway.auth.{secret} of openclaw.json")],
            None => [format!("gateway.auth.{secret} of openclaw.json, or --{secret} of the openclaw command")],
        };
        all.push(Remedy::new(Change::Credential(Credential::Shared), Risk::Client, what, &how));
    }
    if matches!(client.credential, Credential::Bootstrap(_)) {
        let bind = simulated.config["gateway"]["bind"].as_str().unwrap_or("loopback");
        let url = if bind == "loopback" { " --url <url>" } else { "" };
        let what = "Create a new setup code, and give it to the client within ten minutes";
        all.push(Remedy::new(Change::SetupCode, Risk::Approval, what, &[format!("openclaw qr{url}")]));
    }
    if client.credential != Credential::DeviceToken(None) && gateway.device_token(client).is_some() {
        let what = format!("Give the client its own device token for {}", client.role);
        let place = match simulated.facts.pairing.format {
            StoreFormat::Files => Document::DevicesPaired.path(),
            StoreFormat::Sqlite => DATABASE,
        };
        let how = [format!("tokens.{}.token in the record of the device, in {place}", client.role)];
        all.push(Remedy::new(Change::Credential(Credential::DeviceToken(None)), Risk::Client, what, &how));
    }
}

/// A connection without a proxy or from the gateway's machine. A page on localhost also gets a device from the browser. A phone
/// has no SSH.
fn direct(simulated: &SimulatedGateway) -> Option<Remedy> {
    let client = &simulated.client;
    let is_direct = is_loopback(client.peer) && !is_proxied(client) && client.host.is_none();
    if is_direct || client.is_phone() {
        return None;
    }
    let port = simulated.start().map_or(18789, |gateway| gateway.config.port);
    let tunnel = format!("ssh -N -L {port}:127.0.0.1:{port} <gateway-host>, and");
    let way = if is_proxied(client) { ", without the proxy" } else { " through an SSH tunnel" };
    if !client.is_page {
        let what = format!("Connect to the gateway's loopback address{way}");
        let how = [format!("{tunnel} connect to ws://127.0.0.1:{port}")];
        return Some(Remedy::new(Change::Direct, Risk::Client, what, &how));
    }
    let how = [format!("{tunnel} open http://127.0.0.1:{port}/")];
    let what = format!("Open the page on localhost{way}");
    let remedy = Remedy::new(Change::Direct, Risk::Client, what, &how);
    if !lacks_device(simulated) {
        return Some(remedy);
    }
    let what = format!("{}, where the browser gives it a device identity", remedy.what);
    Some(Remedy { changes: vec![Change::Direct, Change::UseDevice], what, ..remedy })
}

/// A device for a client that has none. Browsers give none to a page that another machine serves over plain http.
fn use_device(simulated: &SimulatedGateway) -> Option<Remedy> {
    let client = &simulated.client;
    let is_secure = is_loopback(client.peer) || client.origin.as_ref().is_some_and(|it| it.starts_with("https://"));
    if !lacks_device(simulated) || client.is_page && !is_secure {
        return None;
    }
    let what = match client.is_page {
        true => "Open the page in a browser that gives it a device identity",
        false => "Give the client a device identity",
    };
    Some(Remedy::new(Change::UseDevice, Risk::Client, what, &[]))
}

/// Whether the client has no device.
fn lacks_device(simulated: &SimulatedGateway) -> bool {
    matches!(simulated.client.who, ClientDevice::Nobody) && !simulated.omits_device()
}

/// The requested scopes that the record grants. If it grants none of them, all scopes of the record.
fn narrower(simulated: &SimulatedGateway) -> Vec<String> {
    let Some(record) = simulated.start().ok().and_then(|gateway| gateway.record(&simulated.client)) else {
        return Vec::new();
    };
    let granted = pairing::access_scopes(&record);
    let requested = &simulated.client.scopes;
    let rules = &simulated.facts.pairing;
    let covered =
        |scope: &&String| pairing::scopes_allow(rules, &simulated.client.role, std::slice::from_ref(*scope), &granted);
    let kept = requested.iter().filter(covered).cloned().collect::<Vec<_>>();
    if kept.len() == requested.len() {
        Vec::new()
    } else if kept.is_empty() {
        granted
    } else {
        kept
    }
}

fn of_the_device(simulated: &SimulatedGateway, all: &mut Vec<Remedy>) {
    let Some(id) = simulated.client.who.id() else { return };
    all.extend(approve(simulated));
    if simulated.facts.pairing.format == StoreFormat::Files {
        let what = "Stop the gateway, then copy the pending request to the paired devices by hand";
        let how =
            ["in devices/paired.json: the entry of the device in devices/pending.json, under the id of the device"];
        let copy = Remedy::new(Change::CopyPending, Risk::Files, what, &how.map(str::to_owned))
            .opening("the record has no token and no approval; other releases treat it differently");
        all.push(copy);
    }
    let Some(record) = simulated.start().ok().and_then(|gateway| gateway.record(&simulated.client)) else { return };
    let typed = |commands: &[String]| typed(simulated, commands);
    all.extend(rotate(simulated, &id, typed));
    if let Some(remove) = remove(simulated, &id, typed) {
        all.extend(with_secret(simulated, &remove));
        all.push(remove);
    }
    let tokenless = record.get("tokens").and_then(Value::as_object).is_none_or(serde_json::Map::is_empty);
    if tokenless && simulated.facts.pairing.format == StoreFormat::Files {
        let role = &simulated.client.role;
        let what = format!("Stop the gateway, then add a token for {role} to the record by hand");
        let name = json!(role);
        let token = format!("{{ \"token\": <token>, \"role\": {name}, \"scopes\": <scopes>, \"createdAtMs\": 1 }}");
        let how = [format!("in devices/paired.json: \"tokens\": {{ {name}: {token} }}")];
        all.push(Remedy::new(Change::WriteToken, Risk::Files, what, &how));
    }
}

fn of_the_settings(simulated: &SimulatedGateway, all: &mut Vec<Remedy>) {
    let client = &simulated.client;
    let mut setting = |path: &'static str, (value, shown): (Value, Value), what: &str, opens: Option<&'static str>| {
        let remedy = Remedy::new(Change::Setting(path, value), Risk::Setting, what, &[config_set(path, &shown)]);
        all.push(match opens {
            Some(opens) => remedy.opening(opens),
            None => remedy,
        });
    };
    if is_proxied(client) {
        let what = "Name the proxy in gateway.trustedProxies";
        let opens = is_loopback(client.peer).then_some("every process on this machine can claim any client address");
        let proxies = with(simulated, "trustedProxies", &client.peer.to_string());
        setting("trustedProxies", same(proxies), what, opens);
    }
    if client.role == "node" && !is_loopback(client.peer) {
        let path = "nodes.pairing.autoApproveCidrs";
        let is_assumed = client.assumed.contains(&Assumption::Peer) && client.peer == ELSEWHERE;
        let shown = if is_assumed { "<client-address>/32".to_owned() } else { alone(client.peer) };
        let networks = [alone(client.peer), shown].map(|network| with(simulated, path, &network)).into();
        setting(path, networks, "Approve new nodes from this address automatically", None);
    }
    if let Some((origin, shown)) = origin(simulated) {
        let [origins, shown] = [origin, shown].map(|origin| with(simulated, "controlUi.allowedOrigins", &origin));
        setting("controlUi.allowedOrigins", (origins, shown), "Allow the origin of the page", None);
        let opens = Some("every page whose origin equals the Host header that it sends");
        let what = "Allow every origin that equals Host";
        setting("controlUi.dangerouslyAllowHostHeaderOriginFallback", same(json!(true)), what, opens);
    }
    if client.is_page || client.id == "openclaw-control-ui" {
        let opens = Some("a Control UI without a device, with the shared secret alone");
        setting(
            "controlUi.allowInsecureAuth",
            same(json!(true)),
            "Allow the Control UI without a device (break-glass)",
            opens,
        );
        let opens = Some("a Control UI without any device, for everyone who can reach the gateway");
        let what = "Turn off the device check of the Control UI (break-glass)";
        setting("controlUi.dangerouslyDisableDeviceAuth", same(json!(true)), what, opens);
    }
    let auth = &simulated.config["gateway"]["auth"];
    if auth["mode"] != "none" {
        let opens = Some("everyone who can reach the gateway's address");
        setting("auth.mode", same(json!("none")), "Turn off authentication", opens);
    }
    if simulated.config["gateway"]["nodes"]["pairing"]["autoApproveLocal"] == false {
        let what = "Approve local clients automatically (the default)";
        setting("nodes.pairing.autoApproveLocal", same(json!(true)), what, None);
    }
}

/// Settings for a gateway whose proxy names or authenticates its clients.
fn of_the_proxy(simulated: &SimulatedGateway, all: &mut Vec<Remedy>) {
    let client = &simulated.client;
    let mut setting = |path: &'static str, value: Value, what: &str, opens: Option<&'static str>| {
        let remedy =
            Remedy::new(Change::Setting(path, value.clone()), Risk::Setting, what, &[config_set(path, &value)]);
        all.push(match opens {
            Some(opens) => remedy.opening(opens),
            None => remedy,
        });
    };
    let (only, listed) = (json!([client.peer.to_string()]), &simulated.config["gateway"]["trustedProxies"]);
    let lists_others = listed.as_array().is_some_and(|listed| !listed.is_empty()) && *listed != only;
    if lists_others && is_proxied(client) {
        let opens = is_loopback(client.peer).then_some("every process on this machine can claim any client address");
        setting("trustedProxies", only, "Name only this proxy in gateway.trustedProxies", opens);
    }
    if simulated.settings().is_none_or(|settings| settings.auth_mode != AuthMode::TrustedProxy) {
        return;
    }
    if is_loopback(client.peer) {
        let opens = Some("every process on this machine can claim to be any user");
        let what = "Let a proxy on this machine authenticate users";
        setting("auth.trustedProxy.allowLoopback", json!(true), what, opens);
    }
    let give = Change::Credential(Credential::Shared);
    let give = Remedy::new(give, Risk::Client, "Give the client this token", &[]);
    all.push(token_mode().and(&give));
}

fn is_proxied(client: &Client) -> bool {
    client.headers.iter().any(|(name, _)| is_proxy_header(name))
}

/// The list at this path below `gateway` in the configuration, with one more item. `config set` replaces the whole list.
fn with(simulated: &SimulatedGateway, path: &str, item: &str) -> Value {
    let set = simulated.config.pointer(&format!("/gateway/{}", path.replace('.', "/")));
    let mut items = set.and_then(Value::as_array).cloned().unwrap_or_default();
    if !items.contains(&json!(item)) {
        items.push(json!(item));
    }
    Value::Array(items)
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// The network that holds this address and no other.
fn alone(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => format!("{address}/32"),
        IpAddr::V6(address) => format!("{address}/128"),
    }
}

/// A value, and the same value as it is shown.
fn same(value: Value) -> (Value, Value) {
    (value.clone(), value)
}

/// The origin of the client's page, and the origin to show: a host that nobody named is a placeholder.
fn origin(simulated: &SimulatedGateway) -> Option<(String, String)> {
    let client = &simulated.client;
    let port = || simulated.start().map_or(18789, |gateway| gateway.config.port);
    let is_assumed = client.assumed.contains(&Assumption::Host);
    match (&client.origin, &client.host) {
        (Some(origin), Some(host)) if is_assumed => Some((origin.clone(), origin.replace(host, "<host>"))),
        (Some(origin), _) => Some((origin.clone(), origin.clone())),
        (None, _) if !client.is_page => None,
        (None, Some(host)) => Some((format!("http://{host}"), format!("http://{host}"))),
        (None, None) if is_loopback(client.peer) => {
            let origin = format!("http://{}", address(client.peer, port()));
            Some((origin.clone(), origin))
        }
        (None, None) => {
            let port = port();
            Some((format!("http://{}", address(client.peer, port)), format!("http://<host>:{port}")))
        }
    }
}

fn of_the_files(simulated: &SimulatedGateway, all: &mut Vec<Remedy>) {
    let directory = simulated.stored.directory();
    let shown = |path: &Path| quoted(&path.to_string_lossy()).into_owned();
    let move_away = |path: &Path| {
        let mut damaged = path.as_os_str().to_owned();
        damaged.push(".damaged");
        format!("mv {} {}", shown(path), shown(Path::new(&damaged)))
    };
    for document in Document::ALL {
        if let StoredFile::Unusable { why, .. } = simulated.stored.file(document)
            && !simulated.stored.is_forbidden(document)
        {
            let path = document.path();
            let what = format!("Stop the gateway, then move {path} away ({why})");
            let how = [move_away(&directory.join(path))];
            let remedy = Remedy::new(Change::MoveAway(document), Risk::Files, what, &how);
            all.push(remedy);
        }
    }
    if let Some(why) = simulated.stored.damaged_database().filter(|_| !simulated.stored.is_database_forbidden()) {
        let what = format!("Stop the gateway, then restore the database from a backup or move it away ({why})");
        // What is in the write-ahead log belongs to the database: the files move together.
        let how = SqliteDocuments::files(directory)
            .filter(|path| path.exists())
            .map(|path| move_away(&path))
            .collect::<Vec<_>>();
        all.push(Remedy::new(Change::MoveDatabaseAway, Risk::Files, what, &how));
    }
    if simulated.stored.is_locked() {
        let directory = shown(directory);
        let how = [format!("sudo chown -R <user> {directory}"), format!("chmod -R u+rwX {directory}")];
        all.push(Remedy::new(Change::Unlock, Risk::Files, "Make the gateway's user the owner of the store", &how));
    }
}
