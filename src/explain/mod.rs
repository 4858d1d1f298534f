//! `explain`: the reasons for the answer to a connect, and the changes that would lead to another answer.
//!
//! [`StateDirectory`] is the contents of a state directory. [`SimulatedGateway`] combines it with a client. The model of a release computes
//! the answer ([`SimulatedGateway::answer`]). [`remedies`] tries changes on copies. The module writes no file and opens no socket.

#[cfg(test)]
mod agreement;
pub(crate) mod client;
mod client_tokens;
mod connection;
pub(crate) mod doctor;
mod environment;
mod log;
mod own_credentials;
mod own_device;
mod platform;
pub(crate) mod remedies;
mod render;
mod simulated_gateway;
mod state;
mod store_before_start;
mod text;
pub(crate) mod trace;
mod variants;

pub(crate) use client::{Assumption, Client, ClientDescription, ClientDevice, Credential, Preset};
pub(crate) use log::LoggedRefusal;
pub(crate) use render::Explanation;
pub(crate) use simulated_gateway::{Answer, SimulatedGateway, Verdict};
pub(crate) use state::{ChosenRelease, StateDirectory, StateError, StatePaths};
pub(crate) use store_before_start::StoreBeforeStart;
pub(crate) use variants::{AdmittedClient, RefusedVariant};

use crate::client::Proxy;
use connection::BEHIND_PROXY;
use openclaw_emulator::stored_state::{StoredFile, StoredState};
use openclaw_model::facts::client::ClientFacts;
use openclaw_model::{AuthMode, Facts, UnknownRelease};
use openclaw_protocol::identity::DeviceKey;
use openclaw_protocol::store::Document;
use platform::LOCAL_PLATFORM;
use serde_json::Value;
use std::collections::BTreeMap;
use untrusted_data::printable;

/// The minimum length of an id prefix that identifies a device.
const MIN_ID_LENGTH: usize = 4;
/// The user that a proxy authenticates, if the configuration names none.
const SOME_USER: &str = "user@example.com";
/// The maximum number of devices in the message about an unknown or ambiguous device.
const MAX_LISTED: usize = 12;

/// A description of a client that does not fit the state directory or the known releases.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum ClientDescriptionError {
    /// The device is unknown or ambiguous.
    #[error("{problem}")]
    #[diagnostic(help("{}", device_option(known)))]
    Device {
        /// The problem with the device, as a sentence.
        problem: String,
        /// The known devices.
        known: String,
    },
    /// A release before the first known one.
    #[error(transparent)]
    Release(#[from] UnknownRelease),
}

/// Combines the state directory and the description of the client into a gateway and a client. `now` is in milliseconds since the epoch.
///
/// # Errors
/// The device is unknown or ambiguous, or the release is older than the oldest known one.
pub(crate) fn simulated(
    state: &StateDirectory,
    description: &ClientDescription,
    now: i64,
) -> Result<SimulatedGateway, ClientDescriptionError> {
    let release = state.choose_release(description.release).release;
    let facts = Facts::of(release)?;
    let other_client = description.client_release.map(Facts::of).transpose()?;
    let devices = devices(&state.stored);
    let who = match description.device.as_deref() {
        Some(device) => find_device(state, &devices, device)?,
        None => usual_device(state, &devices, description.preset),
    };
    let record = who.id().and_then(|id| devices.get(&id)?.paired.clone());
    let (config, env) = (state.config.clone(), state.env.clone());
    let own = state.own_key.clone().map_or_else(ClientDevice::unknown, ClientDevice::Holder);
    let is_elsewhere = description.peer.is_some_and(|peer| !peer.to_canonical().is_loopback());
    // A client on another machine is unlikely to have the device of the gateway's machine.
    let is_own = who.id().is_none() || who.id() == own_id(state) && !is_elsewhere;
    let is_usual = |record: &Value| {
        description.preset.is_none_or(|preset| !preset.has_own_device() || preset.is_client_of(record))
    };
    let is_only = devices.len() == 1 && record.as_ref().is_some_and(is_usual);
    let of_client = &other_client.as_ref().unwrap_or(&facts).client;
    let mut client = client(description, of_client, who, record.as_ref(), &config);
    let names_no_device = description.device.is_none() && !description.sends_device;
    let is_insecure_page = names_no_device && connection::is_insecure_page(&client, &config);
    if is_insecure_page {
        connection::drop_device(&mut client);
    }
    if description.device.is_none() && !is_own && !is_only {
        client.assumed.insert(0, if record.is_some() { Assumption::Device } else { Assumption::NewDevice });
    }
    let stored = state.stored.clone();
    let sends_own = description.with_own_credentials && description.credential.is_none() && client.is_command();
    let is_own_device = matches!(client.who, ClientDevice::Holder(_)) && client.who.id() == own_id(state);
    // A moved directory still has the platform of its former machine.
    if state.is_default && is_own_device && !is_elsewhere && description.platform.is_none() {
        LOCAL_PLATFORM.clone_into(&mut client.platform);
    }
    let own_tokens = if is_own_device { state.client_tokens.clone() } else { Vec::new() };
    let sends_own_credentials = sends_own && is_own_device;
    let usual_device = (names_no_device && !is_insecure_page).then(|| client.who.clone());
    let mut simulated = SimulatedGateway {
        facts,
        config,
        env,
        stored,
        client,
        usual_device,
        own,
        own_tokens,
        sends_own_credentials,
        other_client,
        now,
    };
    simulated.send_own_credentials();
    if description.scopes.is_none() && simulated.sends_own_credentials {
        simulated.client.scopes = simulated.usual_scopes();
    }
    simulated.send_usual_device();
    if description.via.is_some_and(Proxy::adds_headers) {
        assume_user(&mut simulated);
    }
    Ok(simulated)
}

/// A proxy that authenticates users adds the configured headers. The user is one that the gateway lets in.
fn assume_user(simulated: &mut SimulatedGateway) {
    let settings = simulated.settings().filter(|settings| settings.auth_mode == AuthMode::TrustedProxy);
    let Some(proxy) = settings.and_then(|settings| settings.trusted_proxy) else { return };
    let user = proxy.allow_users.first().map_or(SOME_USER, String::as_str);
    let user = (proxy.user_header.to_ascii_lowercase(), user.to_owned());
    let others = proxy.required_headers.iter().map(|name| (name.to_ascii_lowercase(), "1".to_owned()));
    let client = &mut simulated.client;
    for (name, value) in std::iter::once(user).chain(others) {
        if client.headers.iter().all(|(known, _)| *known != name) {
            client.headers.push((name.clone(), value));
            client.assumed_headers.push(name);
        }
    }
    if !client.assumed_headers.is_empty() {
        client.assumed.push(Assumption::Headers);
    }
}

fn client(
    description: &ClientDescription,
    release: &ClientFacts,
    who: ClientDevice,
    record: Option<&Value>,
    config: &Value,
) -> Client {
    let with_stand_in_key = matches!(who, ClientDevice::StandIn { .. });
    let cli = client::PRESETS[0];
    // Apps connect in the role of their record. The role of every other client is fixed.
    let of_record =
        record.filter(|record| description.preset.is_none_or(|preset| preset.is_app() && preset.is_client_of(record)));
    let of_record = of_record.and_then(|record| Client::of_record(record, release, who.clone()));
    let mut client = of_record.unwrap_or_else(|| Client::of(description.preset.unwrap_or(cli), release, who));
    if let Some(record) = record {
        client.on_machine_of(record);
        let role = description.role.as_deref().unwrap_or(&client.role);
        let has_token = record.get("tokens").and_then(|tokens| tokens.get(role)?.get("token")).is_some();
        if with_stand_in_key && has_token {
            client.credential = Credential::DeviceToken(None);
        }
    }
    if let Some(role) = &description.role {
        client.request_role(role, release);
    }
    if let Some(platform) = &description.platform {
        client.platform.clone_from(platform);
    }
    if let Some(credential) = &description.credential {
        client.credential = credential.clone();
    }
    let of_token = record.is_some_and(|record| client.request_scopes_of_token(record));
    if let Some(scopes) = &description.scopes {
        client.scopes.clone_from(scopes);
    }
    connection::set(&mut client, description, config, record);
    client.assumed = assumed(description, release, &client, record.is_some());
    client.assume(Assumption::TokenScopes, of_token && description.scopes.is_none());
    client
}

/// The properties of the client that neither the description nor a record specifies.
fn assumed(
    description: &ClientDescription,
    release: &ClientFacts,
    client: &Client,
    has_record: bool,
) -> Vec<Assumption> {
    let all = [
        // The device of a record can have other clients: the exec tool connects with the device of the `openclaw` command.
        (Assumption::Client, description.preset.is_none()),
        (Assumption::Credential, description.credential.is_none()),
        (Assumption::Platform, description.platform.is_none() && has_record),
        (Assumption::Peer, description.peer.is_none() && description.via.is_none()),
        (Assumption::Host, connection::is_host_assumed(client, description)),
        (Assumption::Scopes, description.scopes.is_none() && client.is_command() && release.narrows_scopes),
        (Assumption::Proof, matches!(client.who, ClientDevice::StandIn { .. })),
    ];
    all.into_iter().filter(|(_, is_assumed)| *is_assumed).map(|(assumed, _)| assumed).collect()
}

/// The id of a device of a state directory, by its name, a part of its name, its id or the first characters of the id.
///
/// # Errors
/// The device is unknown or ambiguous.
pub(crate) fn device_id(state: &StateDirectory, device: &str) -> Result<Option<String>, ClientDescriptionError> {
    let devices = devices(&state.stored);
    if ["none", "new"].contains(&device) {
        return Err(device_error(&format!("`{device}` is not a device of the state directory"), &devices));
    }
    find_device(state, &devices, device).map(|who| who.id())
}

/// The data about a device in a store.
#[derive(Debug, Clone, Default)]
struct DeviceData {
    paired: Option<Value>,
    name: Option<String>,
    /// The client and the platform, as the record or the request names them.
    kind: Option<String>,
}

/// The devices of a store by id, both paired and pending.
fn devices(stored: &StoredState) -> BTreeMap<String, DeviceData> {
    let mut devices = BTreeMap::<String, DeviceData>::new();
    let mut learn = |document: Document, value: &Value| {
        let paired = document == Document::DevicesPaired;
        if !paired && document != Document::DevicesPending {
            return;
        }
        for (key, record) in value.as_object().into_iter().flatten() {
            let id = if paired { Some(key.as_str()) } else { record.get("deviceId").and_then(Value::as_str) };
            let Some(id) = id else { continue };
            let known = devices.entry(id.to_owned()).or_default();
            if paired {
                known.paired = Some(record.clone());
            }
            let text = |key: &str| record.get(key).and_then(Value::as_str);
            let name = text("operatorLabel").or_else(|| text("displayName"));
            known.name = known.name.take().or_else(|| name.map(str::to_owned));
            let kind = text("clientId").into_iter().chain(text("platform")).collect::<Vec<_>>().join(" on ");
            known.kind = known.kind.take().or_else(|| (!kind.is_empty()).then_some(kind));
        }
    };
    for document in Document::ALL {
        if let StoredFile::Json(value) = stored.file(document) {
            learn(document, value);
        }
    }
    // If the database is the store, it takes precedence over the files.
    stored.database().for_each(|(document, value)| learn(document, value));
    devices
}

/// The id of the gateway's own device.
fn own_id(state: &StateDirectory) -> Option<String> {
    state.own_key.as_ref().map(DeviceKey::device_id).or_else(|| state.own_id.clone())
}

/// A device with its key. Devices other than the gateway's own have stand-in keys.
fn of_id(state: &StateDirectory, id: &str) -> ClientDevice {
    match &state.own_key {
        Some(key) if key.device_id() == id => ClientDevice::Holder(key.clone()),
        _ => ClientDevice::with_stand_in_key(id),
    }
}

/// The device of a client if the user names none. Apps and pages have their own devices, and so have most nodes. The
/// other clients use the device of the gateway's machine. If the directory does not name it, that is the device of such a client
/// that was approved last.
fn usual_device(
    state: &StateDirectory,
    devices: &BTreeMap<String, DeviceData>,
    preset: Option<Preset>,
) -> ClientDevice {
    let preset = preset.filter(Preset::has_own_device);
    if let Some(id) = preset.and_then(|preset| latest_of(devices, preset)) {
        return of_id(state, id);
    }
    if preset.is_some_and(|preset| !preset.is_node_host()) {
        return ClientDevice::unknown();
    }
    if let Some(id) = own_id(state) {
        return of_id(state, &id);
    }
    let of_machine = || {
        client::PRESETS.iter().filter(|preset| !preset.has_own_device()).find_map(|preset| latest_of(devices, *preset))
    };
    match devices.keys().collect::<Vec<_>>().as_slice() {
        [only] => of_id(state, only),
        _ => of_machine().map_or_else(ClientDevice::unknown, |id| of_id(state, id)),
    }
}

/// The device of this kind that was approved last.
fn latest_of(devices: &BTreeMap<String, DeviceData>, preset: Preset) -> Option<&str> {
    let paired = devices.iter().filter_map(|(id, known)| Some((id, known.paired.as_ref()?)));
    let of_preset = paired.filter(|(_, record)| preset.is_client_of(record));
    let latest = of_preset.max_by_key(|(_, record)| record.get("approvedAtMs").and_then(Value::as_i64));
    latest.map(|(id, _)| id.as_str())
}

fn find_device(
    state: &StateDirectory,
    devices: &BTreeMap<String, DeviceData>,
    device: &str,
) -> Result<ClientDevice, ClientDescriptionError> {
    let own = own_id(state);
    let known = || devices.keys().chain(&own);
    match device {
        "none" => return Ok(ClientDevice::Nobody),
        "new" => return Ok(ClientDevice::unknown()),
        _ => {}
    }
    if let Some(exact) = known().find(|id| *id == device) {
        return Ok(of_id(state, exact));
    }
    let matching = matching(devices, own.as_ref(), device);
    let shown = printable::line(device);
    match matching.keys().collect::<Vec<_>>().as_slice() {
        [only] => Ok(of_id(state, only)),
        [] if is_id(device) => Ok(of_id(state, device)),
        [] if device.len() < MIN_ID_LENGTH => {
            let problem = format!(
                "no device is named `{shown}`, no name contains it, and a prefix of an id has at least {MIN_ID_LENGTH} \
                 characters"
            );
            Err(device_error(&problem, devices))
        }
        [] => {
            let problem = format!("no device is named `{shown}`, no name contains it, and no id begins with it");
            Err(device_error(&problem, devices))
        }
        several => Err(device_error(&format!("{} devices match `{shown}`", several.len()), &matching)),
    }
}

/// The devices with this name. If there is none, the devices whose name contains the text or whose id begins with it.
fn matching(devices: &BTreeMap<String, DeviceData>, own: Option<&String>, text: &str) -> BTreeMap<String, DeviceData> {
    let lower = text.to_lowercase();
    let own = own.filter(|own| !devices.contains_key(*own)).map(|own| (own.clone(), DeviceData::default()));
    let known = || devices.iter().map(|(id, data)| (id.clone(), data.clone())).chain(own.clone());
    let name = |data: &DeviceData| data.name.as_deref().map(str::to_lowercase);
    let named = known().filter(|(_, data)| name(data).as_ref() == Some(&lower)).collect::<BTreeMap<_, _>>();
    if !named.is_empty() || lower.is_empty() {
        return named;
    }
    let is_part = |(id, data): &(String, DeviceData)| {
        name(data).is_some_and(|name| name.contains(&lower)) || lower.len() >= MIN_ID_LENGTH && id.starts_with(&lower)
    };
    known().filter(is_part).collect()
}

fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn device_error(problem: &str, devices: &BTreeMap<String, DeviceData>) -> ClientDescriptionError {
    ClientDescriptionError::Device { problem: problem.to_owned(), known: listed(devices) }
}

/// The first devices of a state directory: `68813922e246 (laptop; cli on linux)`, separated by commas.
pub(crate) fn device_list(state: &StateDirectory) -> String {
    listed(&devices(&state.stored))
}

fn listed(devices: &BTreeMap<String, DeviceData>) -> String {
    let device = |(id, known): (&String, &DeviceData)| {
        let words = known.name.iter().chain(&known.kind).map(|words| text::short(words)).collect::<Vec<_>>();
        match words.as_slice() {
            [] => text::short_id(id),
            words => format!("{} ({})", text::short_id(id), words.join("; ")),
        }
    };
    let mut listed = devices.iter().take(MAX_LISTED).map(device).collect::<Vec<_>>();
    if devices.len() > MAX_LISTED {
        listed.push(format!("{} more", devices.len() - MAX_LISTED));
    }
    listed.join(", ")
}

/// Advice about `explain --device`.
fn device_option(known: &str) -> String {
    match known {
        "" => {
            "--device accepts `none`, `new`, an id, a prefix of an id, a name, or a part of a name; the store has no devices"
                .to_owned()
        }
        known => format!("pass --device `none`, `new`, or one of {known}"),
    }
}
