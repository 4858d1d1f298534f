//! What would change the answer: everything that a person could do is tried on a copy of the gateway, and what lets this
//! client in, also after a restart, is listed.
//!
//! The client has just been refused when somebody begins to do something about it, and the request that this left can keep the
//! client out in another attempt. So everything is tried after a refused connect.

use super::client::{Client, Credential, Who};
use super::world::{Answer, Gateway, Verdict, World};
use openclaw_emulator::at_rest::Kept;
use openclaw_model::pairing::{self, Approver, TokenRotation};
use openclaw_model::{AuthMode, Facts, Release, known_releases};
use openclaw_protocol::store::{Document, Documents as _, StoreFormat};
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// How many combinations are listed.
const MOST_TOGETHER: usize = 4;

/// How much is changed by a remedy; the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Risk {
    /// The client asks for less, or comes in another way.
    Client,
    /// Somebody approves this device.
    Approval,
    /// The device's record or token is replaced.
    Record,
    /// A setting that lets in only what it names.
    Setting,
    /// Files of the store are repaired or moved away.
    Files,
    /// Another release.
    Release,
    /// It lets in more than this client.
    Opens,
}

impl Risk {
    /// Its name in the JSON report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Approval => "approval",
            Self::Record => "record",
            Self::Setting => "setting",
            Self::Files => "files",
            Self::Release => "release",
            Self::Opens => "opens-more",
        }
    }
}

/// One thing that can be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Approve the request that the refused connect leaves.
    Approve,
    /// Reject the request that the refused connect has left.
    Reject,
    /// Ask for these scopes only.
    Scopes(Vec<String>),
    /// Use a device identity where there was none.
    UseDevice,
    /// Connect to loopback on the gateway's machine, without a proxy.
    Direct,
    /// Send this.
    Credential(Credential),
    /// Set `gateway.` this.
    Setting(&'static str, Value),
    /// Give the device's role a new token.
    Rotate,
    /// Remove the device.
    Remove,
    /// Move a file of the store away.
    MoveAway(Document),
    /// Move the database away.
    MoveDatabaseAway,
    /// Give the files to the gateway's user.
    Unlock,
    /// Run another release of OpenClaw.
    Release(Release),
    /// Use a client of the gateway's release.
    UpdateClient,
    /// Copy the pending request into the paired devices by hand.
    CopyPending,
    /// Write an active token into the device's record by hand.
    WriteToken,
}

/// A remedy: what is to be done, and what it costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Remedy {
    /// What is done, in the order in which it is done.
    pub changes: Vec<Change>,
    /// A sentence.
    pub what: String,
    /// What to type or set, one line each.
    pub how: Vec<String>,
    /// How much it changes.
    pub risk: Risk,
    /// What it opens beside what is asked for.
    pub opens: Option<&'static str>,
}

/// What was tried.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tried {
    /// What lets the client in, the least risky first.
    pub helps: Vec<Remedy>,
    /// What does not, although people advise it.
    pub fails: Vec<Remedy>,
    /// Releases that let the client in as things are.
    pub releases: Vec<Release>,
}

/// Tries everything.
pub fn tried(world: &World) -> Tried {
    let mut result = Tried { releases: releases(world), ..Tried::default() };
    let candidates = candidates(world);
    let mut alone = Vec::new();
    for remedy in &candidates {
        match works(world, &remedy.changes) {
            true => alone.push(remedy.clone()),
            false if advised(remedy) => result.fails.push(remedy.clone()),
            false => {}
        }
    }
    let helps = |changes: &[Change]| alone.iter().any(|remedy| remedy.changes == changes);
    let (approve, reject) = (approve(), reject());
    let mut pairs = Vec::new();
    for remedy in candidates.iter().filter(|remedy| combines(remedy) && !helps(&remedy.changes)) {
        let after_reject = || Some(reject.and(remedy));
        let then_approve = || (!helps(&approve.changes)).then(|| remedy.and(&approve));
        let ways = [after_reject(), then_approve()];
        pairs.extend(ways.into_iter().flatten().find(|both| works(world, &both.changes)));
    }
    // Who comes through a proxy mostly has to: that the way around it is open is not enough.
    let stays = |remedy: &Remedy| !remedy.changes.contains(&Change::Direct);
    if !alone.iter().chain(&pairs).any(stays) {
        let nothing = alone.is_empty() && pairs.is_empty();
        let parts = candidates.iter().filter(|remedy| combines(remedy) && (nothing || stays(remedy)));
        pairs.extend(together(world, &parts.collect::<Vec<_>>(), &approve));
    }
    let part_of = |failed: &Remedy| pairs.iter().any(|pair| pair.changes.contains(&failed.changes[0]));
    result.fails.retain(|failed| !part_of(failed));
    result.helps = alone;
    result.helps.extend(pairs);
    result.helps.sort_by_key(|remedy| (remedy.risk, remedy.changes.len()));
    result
}

/// What helps only together: two changes, else three, each time also with an approval.
fn together(world: &World, parts: &[&Remedy], approve: &Remedy) -> Vec<Remedy> {
    let helps = |all: &Remedy| [all.clone(), all.and(approve)].into_iter().find(|way| works(world, &way.changes));
    let two = combined(&parts.iter().map(|part| (*part).clone()).collect::<Vec<_>>(), parts);
    let mut found = two.iter().filter_map(helps).collect::<Vec<_>>();
    if found.is_empty() {
        found = combined(&two, parts).iter().filter_map(helps).collect();
    }
    found.sort_by_key(|remedy| (remedy.changes.len(), remedy.risk));
    found.truncate(MOST_TOGETHER);
    found
}

/// Each of these with each later part: no combination comes twice.
fn combined(firsts: &[Remedy], parts: &[&Remedy]) -> Vec<Remedy> {
    let place = |change: &Change| parts.iter().position(|part| part.changes[0] == *change);
    let later = |first: &Remedy| first.changes.last().and_then(place).map_or(0, |at| at + 1);
    firsts.iter().flat_map(|first| parts[later(first)..].iter().map(|part| first.and(part))).collect()
}

/// Whether the client is let in after these changes, and again after a restart.
pub fn works(world: &World, changes: &[Change]) -> bool {
    let Some((world, mut gateway)) = after(world, changes) else { return false };
    gateway.connect(&world).succeeds() && gateway.connect(&world).succeeds()
}

/// The gateway and the client after these changes; `None` where one of them cannot be made.
pub fn after(world: &World, changes: &[Change]) -> Option<(World, Gateway)> {
    let refused = refused(world, changes);
    let mut world = world.clone();
    for change in changes {
        change.prepare(&mut world)?;
    }
    let mut gateway = world.start().ok()?;
    if let Some(refused) = refused {
        gateway.store = refused.store;
    }
    for change in changes {
        change.perform(&world, &mut gateway)?;
    }
    Some((world, gateway))
}

/// The gateway as it is, after the client was refused. `None` where it does not start, or where another store is made: another
/// release or repaired files take longer than a pending request lives.
fn refused(world: &World, changes: &[Change]) -> Option<Gateway> {
    let other_store = |change: &Change| {
        matches!(change, Change::Release(_) | Change::MoveAway(_) | Change::MoveDatabaseAway | Change::Unlock)
    };
    if changes.iter().any(other_store) {
        return None;
    }
    let mut gateway = world.start().ok()?;
    gateway.connect(world);
    Some(gateway)
}

/// Releases that let the client in as things are, oldest first.
fn releases(world: &World) -> Vec<Release> {
    let lets_in = |release: &Release| works(world, &[Change::Release(*release)]);
    known_releases().filter(|release| *release != world.facts.described()).filter(lets_in).collect()
}

/// The answers of all known releases, oldest first.
pub fn by_release(world: &World) -> Vec<(Release, Answer)> {
    let answer = |release| {
        let mut world = world.clone();
        Change::Release(release).prepare(&mut world)?;
        Some((release, world.answer()))
    };
    known_releases().filter_map(answer).collect()
}

impl Change {
    /// What is done before the gateway is started.
    fn prepare(&self, world: &mut World) -> Option<()> {
        match self {
            Self::Scopes(scopes) => world.client.scopes.clone_from(scopes),
            Self::UseDevice => world.client.who = Who::unknown(),
            Self::Direct => direct(&mut world.client),
            Self::Credential(credential) => world.client.credential = credential.clone(),
            Self::Setting(path, value) => set(&mut world.config, path, value.clone())?,
            Self::MoveAway(document) => world.at_rest.set_file(*document, Kept::Absent),
            Self::MoveDatabaseAway => world.at_rest.drop_database(),
            Self::Unlock => world.at_rest.unlock(),
            Self::Release(release) => world.facts = Facts::of(*release).ok()?,
            Self::UpdateClient => world.client_facts = None,
            Self::Approve | Self::Reject | Self::Rotate | Self::Remove | Self::CopyPending | Self::WriteToken => {}
        }
        Some(())
    }

    /// What is done to the store of the gateway.
    fn perform(&self, world: &World, gateway: &mut Gateway) -> Option<()> {
        let rules = gateway.facts.pairing.clone();
        let (id, now, role) = (world.client.who.key().map(|key| key.device_id()), world.now, world.client.role.clone());
        match self {
            Self::Approve => {
                let request = asked(world, gateway)?;
                let scopes = approver_scopes(&world.client);
                let (store, entropy) = gateway.parts();
                pairing::approve(&rules, store, entropy, now, &request, Approver::owner(&scopes)).ok()?.device()?;
            }
            Self::Reject => {
                let request = pending(world, gateway)?;
                let (store, _) = gateway.parts();
                pairing::reject(&rules, store, now, &request).ok()??;
            }
            Self::Rotate => {
                let (store, entropy) = gateway.parts();
                let id = id?;
                let rotated = pairing::rotate_token(&rules, store, entropy, now, &id, &role, None).ok()?;
                matches!(rotated, TokenRotation::Rotated(_)).then_some(())?;
            }
            Self::Remove => {
                let (store, _) = gateway.parts();
                pairing::remove(&rules, store, now, &id?).ok()??;
            }
            Self::CopyPending => {
                let request = asked(world, gateway)?;
                let (store, _) = gateway.parts();
                let pending = store.read(Document::DevicesPending)?.get(&request)?.clone();
                let mut paired = store.read(Document::DevicesPaired).map_or_else(|| json!({}), |all| (*all).clone());
                paired.as_object_mut()?.insert(id?, pending);
                store.write(&[(Document::DevicesPaired, &Arc::new(paired))]).ok()?;
            }
            Self::WriteToken => {
                let id = id?;
                let (store, _) = gateway.parts();
                let mut paired = (*store.read(Document::DevicesPaired)?).clone();
                let record = paired.get_mut(&id)?.as_object_mut()?;
                let scopes = record.get("scopes").cloned().unwrap_or_else(|| json!([]));
                let token = json!({"token": "x", "role": role, "scopes": scopes, "createdAtMs": now});
                record.insert("tokens".to_owned(), json!({ role: token }));
                store.write(&[(Document::DevicesPaired, &Arc::new(paired))]).ok()?;
            }
            _ => {}
        }
        Some(())
    }
}

/// The request that is pending for the client after it was refused once more, by the gateway as it is now.
fn asked(world: &World, gateway: &mut Gateway) -> Option<String> {
    let refused = gateway.connect(world);
    matches!(refused.verdict, Verdict::Refused { .. }).then(|| pending(world, gateway)).flatten()
}

/// The newest request that is pending for the client's device.
fn pending(world: &World, gateway: &Gateway) -> Option<String> {
    let id = world.client.who.key()?.device_id();
    let pending = gateway.store.read(Document::DevicesPending)?;
    let requests = pending.as_object()?;
    let ours = |request: &Value| request.get("deviceId").and_then(Value::as_str) == Some(id.as_str());
    requests.iter().rev().find(|(_, request)| ours(request)).map(|(request, _)| request.clone())
}

/// Whoever runs the gateway holds every scope.
fn approver_scopes(client: &Client) -> Vec<String> {
    let mut scopes = ["operator.admin", "operator.pairing", "operator.approvals", "operator.read", "operator.write"]
        .map(str::to_owned)
        .to_vec();
    scopes.extend(client.scopes.iter().cloned());
    scopes
}

fn direct(client: &mut Client) {
    client.peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
    client.host = None;
    if client.is_page {
        client.origin = None;
    }
    client.headers.retain(|(name, _)| !is_proxy_header(name));
}

fn is_proxy_header(name: &str) -> bool {
    name.starts_with("x-forwarded-") || name.starts_with("tailscale-") || ["forwarded", "x-real-ip"].contains(&name)
}

/// Sets a value below `gateway`; `None` where something else than an object is in the way.
fn set(config: &mut Value, path: &str, value: Value) -> Option<()> {
    let mut at = config.as_object_mut()?.entry("gateway").or_insert_with(|| json!({}));
    let mut names = path.split('.').peekable();
    while let Some(name) = names.next() {
        let members = at.as_object_mut()?;
        if names.peek().is_none() {
            members.insert(name.to_owned(), value);
            return Some(());
        }
        at = members.entry(name).or_insert_with(|| json!({}));
    }
    None
}

/// What is listed among that which does not help, since people advise it.
fn advised(remedy: &Remedy) -> bool {
    matches!(
        remedy.changes.as_slice(),
        [Change::Setting(..)
            | Change::CopyPending
            | Change::Approve
            | Change::Rotate
            | Change::Remove
            | Change::Direct]
    )
}

/// What may follow a rejection, or be followed by an approval.
fn combines(remedy: &Remedy) -> bool {
    let decides = [Change::Approve, Change::CopyPending, Change::WriteToken, Change::Rotate];
    let proxies = matches!(remedy.changes[0], Change::Setting("trustedProxies", _));
    !decides.contains(&remedy.changes[0]) && (remedy.risk != Risk::Opens || proxies)
}

fn approve() -> Remedy {
    let how = ["openclaw devices list".to_owned(), "openclaw devices approve REQUEST-ID".to_owned()];
    let what = "Connect, and approve the request that this leaves, within five minutes";
    Remedy::new(Change::Approve, Risk::Approval, what, &how)
}

fn reject() -> Remedy {
    let how = ["openclaw devices list".to_owned(), "openclaw devices reject REQUEST-ID".to_owned()];
    Remedy::new(Change::Reject, Risk::Client, "Reject the pending request, or wait five minutes until it expires", &how)
}

impl Remedy {
    fn new(change: Change, risk: Risk, what: impl Into<String>, how: &[String]) -> Self {
        Self { changes: vec![change], what: what.into(), how: how.to_vec(), risk, opens: None }
    }

    fn opening(self, opens: &'static str) -> Self {
        Self { opens: Some(opens), risk: Risk::Opens, ..self }
    }

    fn and(&self, then: &Self) -> Self {
        let decapitalised = |text: &str| {
            let mut chars = text.chars();
            chars.next().map(|first| first.to_lowercase().collect::<String>() + chars.as_str()).unwrap_or_default()
        };
        Self {
            changes: [self.changes.as_slice(), &then.changes].concat(),
            what: format!("{}, then {}", self.what, decapitalised(&then.what)),
            how: [self.how.as_slice(), &then.how].concat(),
            risk: self.risk.max(then.risk),
            opens: self.opens.or(then.opens),
        }
    }
}

/// What could be done by itself.
fn candidates(world: &World) -> Vec<Remedy> {
    let mut all = Vec::new();
    of_the_client(world, &mut all);
    of_the_device(world, &mut all);
    of_the_settings(world, &mut all);
    of_the_files(world, &mut all);
    all
}

fn of_the_client(world: &World, all: &mut Vec<Remedy>) {
    let client = &world.client;
    if world.client_facts.is_some() {
        let what = format!("Update the client to {}", world.facts.release);
        all.push(Remedy::new(Change::UpdateClient, Risk::Client, what, &[]));
    }
    if !client.peer.is_loopback()
        || client.headers.iter().any(|(name, _)| is_proxy_header(name))
        || client.host.is_some()
    {
        let port = world.start().map_or(18789, |gateway| gateway.config.port);
        let how = [format!("ssh -N -L {port}:127.0.0.1:{port} GATEWAY-HOST, and connect to ws://127.0.0.1:{port}")];
        let what = "Connect to the gateway's loopback address, without the proxy";
        all.push(Remedy::new(Change::Direct, Risk::Client, what, &how));
    }
    if matches!(client.who, Who::Nobody) {
        let what = match client.is_page {
            true => "Open the page over HTTPS or on localhost, where the browser gives it a device identity",
            false => "Let the client use a device identity",
        };
        all.push(Remedy::new(Change::UseDevice, Risk::Client, what, &[]));
    }
    let narrower = narrower(world);
    if !narrower.is_empty() {
        let what = format!("Ask for no more than the device was approved for: {}", narrower.join(", "));
        all.push(Remedy::new(Change::Scopes(narrower), Risk::Client, what, &[]));
    }
    let Ok(gateway) = world.start() else { return };
    let secret = match gateway.config.auth_mode {
        AuthMode::Token => Some("token"),
        AuthMode::Password => Some("password"),
        AuthMode::None | AuthMode::TrustedProxy => None,
    };
    if let Some(secret) = secret.filter(|_| client.credential != Credential::Shared) {
        let what = format!("Let the client send the gateway's {secret}");
        let how = [format!("gateway.auth.{secret} of openclaw.json, or --{secret} of the openclaw command")];
        all.push(Remedy::new(Change::Credential(Credential::Shared), Risk::Client, what, &how));
    }
    if client.credential != Credential::DeviceToken(None) && gateway.device_token(client).is_some() {
        let what = format!("Let the client send its own device token for {}", client.role);
        all.push(Remedy::new(Change::Credential(Credential::DeviceToken(None)), Risk::Client, what, &[]));
    }
}

/// The scopes that the record grants, of those that are asked for or else all.
fn narrower(world: &World) -> Vec<String> {
    let Some(record) = world.start().ok().and_then(|gateway| gateway.record(&world.client)) else { return Vec::new() };
    let granted = pairing::access_scopes(&record);
    let asked = &world.client.scopes;
    let rules = &world.facts.pairing;
    let covered =
        |scope: &&String| pairing::scopes_allow(rules, &world.client.role, std::slice::from_ref(*scope), &granted);
    let kept = asked.iter().filter(covered).cloned().collect::<Vec<_>>();
    if kept.len() == asked.len() {
        Vec::new()
    } else if kept.is_empty() {
        granted
    } else {
        kept
    }
}

fn of_the_device(world: &World, all: &mut Vec<Remedy>) {
    let Some(id) = world.client.who.id() else { return };
    all.push(approve());
    let copy =
        Remedy::new(Change::CopyPending, Risk::Files, "Copy the pending request into the paired devices by hand", &[])
            .opening("the record has no token and no approval; other releases treat it in other ways");
    all.push(copy);
    let Some(record) = world.start().ok().and_then(|gateway| gateway.record(&world.client)) else { return };
    // Newer releases hand the new token over to nobody but the device: it helps only those that do not send it.
    if !matches!(world.client.credential, Credential::DeviceToken(_)) {
        let rotate = [format!("openclaw devices rotate --device {id} --role {}", world.client.role)];
        all.push(Remedy::new(Change::Rotate, Risk::Record, "Give the device a new token", &rotate));
    }
    let remove = [format!("openclaw devices remove {id}")];
    all.push(Remedy::new(Change::Remove, Risk::Record, "Remove the device, and let it pair again", &remove));
    let tokenless = record.get("tokens").and_then(Value::as_object).is_none_or(serde_json::Map::is_empty);
    if tokenless && world.facts.pairing.format == StoreFormat::Files {
        let role = &world.client.role;
        let what = format!("Stop the gateway and give the record a token for {role} by hand");
        let token = format!("{{ \"token\": RANDOM, \"role\": \"{role}\", \"scopes\": SCOPES, \"createdAtMs\": 1 }}");
        let how = [format!("in devices/paired.json: \"tokens\": {{ \"{role}\": {token} }}")];
        all.push(Remedy::new(Change::WriteToken, Risk::Files, what, &how));
    }
}

fn of_the_settings(world: &World, all: &mut Vec<Remedy>) {
    let client = &world.client;
    let mut setting = |path: &'static str, value: Value, what: &str, opens: Option<&'static str>| {
        let how = [format!("openclaw config set gateway.{path} '{value}', and restart the gateway")];
        let remedy = Remedy::new(Change::Setting(path, value), Risk::Setting, what, &how);
        all.push(match opens {
            Some(opens) => remedy.opening(opens),
            None => remedy,
        });
    };
    let proxied = client.headers.iter().any(|(name, _)| is_proxy_header(name));
    if proxied || !client.peer.is_loopback() {
        let what = "Name the proxy in gateway.trustedProxies";
        let opens = client.peer.is_loopback().then_some("every process of this machine can say where it comes from");
        setting("trustedProxies", json!([client.peer.to_string()]), what, opens);
    }
    if client.role == "node" && !client.peer.is_loopback() {
        let network = json!([format!("{}/32", client.peer)]);
        setting("nodes.pairing.autoApproveCidrs", network, "Pair new nodes from its address without asking", None);
    }
    if let Some(origin) = origin(world) {
        setting("controlUi.allowedOrigins", json!([origin]), "Allow the origin of the page", None);
        let opens = Some("every page whose origin equals the Host header that it sends");
        let what = "Allow every origin that equals Host";
        setting("controlUi.dangerouslyAllowHostHeaderOriginFallback", json!(true), what, opens);
    }
    if client.is_page || client.id == "openclaw-control-ui" {
        let opens = Some("a Control UI without a device, with the shared secret alone");
        setting(
            "controlUi.allowInsecureAuth",
            json!(true),
            "Let the Control UI do without a device (break-glass)",
            opens,
        );
        let opens = Some("a Control UI without any device, for whoever reaches the gateway");
        let what = "Switch the device check of the Control UI off (break-glass)";
        setting("controlUi.dangerouslyDisableDeviceAuth", json!(true), what, opens);
    }
    let auth = &world.config["gateway"]["auth"];
    if auth["mode"] != "none" {
        let opens = Some("everybody who reaches the gateway's address");
        setting("auth.mode", json!("none"), "Switch authentication off", opens);
    }
    if world.config["gateway"]["nodes"]["pairing"]["autoApproveLocal"] == false {
        let what = "Approve local clients at once, as by default";
        setting("nodes.pairing.autoApproveLocal", json!(true), what, None);
    }
}

/// The origin that the client's page has.
fn origin(world: &World) -> Option<String> {
    let client = &world.client;
    client.origin.clone().or_else(|| {
        let port = world.start().map_or(18789, |gateway| gateway.config.port);
        let host = client.host.clone().unwrap_or_else(|| super::world::address(client.peer, port));
        client.is_page.then(|| format!("http://{host}"))
    })
}

fn of_the_files(world: &World, all: &mut Vec<Remedy>) {
    let directory = world.at_rest.directory().display();
    for document in Document::ALL {
        if let Kept::Unusable { why, .. } = world.at_rest.file(document) {
            let path = document.path();
            let what = format!("Stop the gateway and move {path} away ({why})");
            let how = [format!("mv {directory}/{path} {directory}/{path}.damaged")];
            let remedy = Remedy::new(Change::MoveAway(document), Risk::Files, what, &how);
            all.push(remedy);
        }
    }
    if let Some(why) = world.at_rest.damaged_database() {
        let what = format!("Stop the gateway and restore the database from a backup, or move it away ({why})");
        let how = [format!("mv {directory}/state/openclaw.sqlite {directory}/state/openclaw.sqlite.damaged")];
        all.push(Remedy::new(Change::MoveDatabaseAway, Risk::Files, what, &how));
    }
    if world.at_rest.locked().next().is_some() {
        let how = [format!("sudo chown -R USER {directory}, where USER is the user of the gateway")];
        all.push(Remedy::new(Change::Unlock, Risk::Files, "Give the store back to the gateway's user", &how));
    }
}
