//! The changes that a user can make, and their effect on a copy of the gateway.

use crate::explain::client::{Client, ClientDevice, Credential};
use crate::explain::simulated_gateway::{Gateway, SimulatedGateway, Verdict};
use openclaw_emulator::stored_state::{StoredFile, StoredState};
use openclaw_model::pairing::{self, Approver, TokenRotation};
use openclaw_model::{Facts, Release};
use openclaw_protocol::scopes::OPERATOR_SCOPES;
use openclaw_protocol::store::{Document, Documents as _};
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// The token in a new setup code.
const NEW_SETUP_CODE: &str = "the-token-of-a-new-setup-code";

/// A change to the configuration, the store or the client.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    /// Connect again.
    Again,
    /// Approve the pending request of the refused connect.
    Approve,
    /// Reject the pending request of the refused connect.
    Reject,
    /// Request only these scopes.
    Scopes(Vec<String>),
    /// Use a device identity instead of none.
    UseDevice,
    /// Connect to loopback on the gateway's machine, without a proxy.
    Direct,
    /// Send these credentials.
    Credential(Credential),
    /// Create a setup code, and send its token.
    SetupCode,
    /// Set the configuration key with this path below `gateway` to this value.
    Setting(&'static str, Value),
    /// Delete the configuration keys with these paths.
    Delete(Vec<String>),
    /// Give the device's role a new token.
    Rotate,
    /// Send the token that a rotation gave the device.
    SendNewToken,
    /// Remove the device.
    Remove,
    /// Move a file of the store away.
    MoveAway(Document),
    /// Move the database away.
    MoveDatabaseAway,
    /// Make the gateway's user the owner of the files.
    Unlock,
    /// Run another release of OpenClaw.
    Release(Release),
    /// Update the client to the gateway's release.
    UpdateClient,
    /// Copy the pending request to the paired devices by hand.
    CopyPending,
    /// Write an active token into the device's record by hand.
    WriteToken,
}

impl Change {
    /// Makes the part of the change that takes place before the gateway starts.
    pub(super) fn prepare(&self, simulated: &mut SimulatedGateway) -> Option<()> {
        match self {
            Self::Scopes(scopes) => simulated.client.scopes.clone_from(scopes),
            Self::UseDevice => use_device(simulated),
            Self::Direct => direct(&mut simulated.client),
            Self::Credential(credential) => send(simulated, credential.clone()),
            Self::SetupCode => send(simulated, Credential::Bootstrap(NEW_SETUP_CODE.to_owned())),
            Self::Setting(path, value) => set(&mut simulated.config, path, value.clone())?,
            Self::Delete(paths) => paths.iter().rev().for_each(|path| delete(&mut simulated.config, path)),
            Self::MoveAway(document) => simulated.stored.change(|store| store.set_file(*document, StoredFile::Absent)),
            Self::MoveDatabaseAway => simulated.stored.change(StoredState::drop_database),
            Self::Unlock => simulated.stored.change(StoredState::unlock),
            Self::Release(release) => move_to(simulated, Facts::of(*release).ok()?),
            Self::UpdateClient => update_client(simulated),
            Self::Again
            | Self::Approve
            | Self::Reject
            | Self::Rotate
            | Self::SendNewToken
            | Self::Remove
            | Self::CopyPending
            | Self::WriteToken => {}
        }
        simulated.send_usual_device();
        Some(())
    }

    /// Makes the part of the change that affects the store of the gateway, or that follows from it.
    pub(super) fn perform(&self, simulated: &mut SimulatedGateway, gateway: &mut Gateway) -> Option<()> {
        let rules = gateway.facts.pairing.clone();
        let (id, now, role) =
            (simulated.client.who.key().map(|key| key.device_id()), simulated.now, simulated.client.role.clone());
        match self {
            Self::Approve => {
                let request = pending_request(simulated, gateway)?;
                let scopes = approver_scopes(&simulated.client);
                let (store, entropy) = gateway.parts();
                pairing::approve(&rules, store, entropy, now, &request, Approver::owner(&scopes)).ok()?.device()?;
            }
            Self::Reject => {
                let (request, _) = pending(simulated, gateway)?;
                let (store, _) = gateway.parts();
                pairing::reject(&rules, store, now, &request).ok()??;
            }
            Self::Rotate => {
                let (store, entropy) = gateway.parts();
                let id = id?;
                let rotated = pairing::rotate_token(&rules, store, entropy, now, &id, &role, None).ok()?;
                matches!(rotated, TokenRotation::Rotated(_)).then_some(())?;
            }
            Self::SendNewToken => {
                let token = gateway.device_token(&simulated.client)?;
                send(simulated, Credential::DeviceToken(Some(token)));
            }
            Self::Remove => {
                let (store, _) = gateway.parts();
                pairing::remove(&rules, store, now, &id?).ok()??;
            }
            Self::CopyPending => {
                let request = pending_request(simulated, gateway)?;
                let (store, _) = gateway.parts();
                let pending = store.read(Document::DevicesPending)?.get(&request)?.clone();
                let mut paired = store.read(Document::DevicesPaired).map_or_else(|| json!({}), |all| (*all).clone());
                paired.as_object_mut()?.insert(id?, pending);
                store.write(&[(Document::DevicesPaired, &Arc::new(paired))]).ok()?;
            }
            Self::SetupCode => {
                let profile = json!({"roles": gateway.facts.seed.setup_code_roles, "scopes": gateway.facts.seed.setup_code_scopes});
                let entry = json!({"token": NEW_SETUP_CODE, "ts": now, "profile": profile, "issuedAtMs": now});
                let (store, _) = gateway.parts();
                let mut all = store.read(Document::DevicesBootstrap).map_or_else(|| json!({}), |all| (*all).clone());
                all.as_object_mut()?.insert(NEW_SETUP_CODE.to_owned(), entry);
                store.write(&[(Document::DevicesBootstrap, &Arc::new(all))]).ok()?;
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

/// The pending request of the client after another refused connect to the gateway in its current state.
fn pending_request(simulated: &SimulatedGateway, gateway: &mut Gateway) -> Option<String> {
    let refused = gateway.connect(simulated);
    matches!(refused.verdict, Verdict::Refused { .. }).then(|| Some(pending(simulated, gateway)?.0)).flatten()
}

/// The id and the scopes of the newest pending request of the client's device.
pub(super) fn pending(simulated: &SimulatedGateway, gateway: &Gateway) -> Option<(String, Vec<String>)> {
    let id = simulated.client.who.key()?.device_id();
    let pending = gateway.store.read(Document::DevicesPending)?;
    let requests = pending.as_object()?;
    let ours = |request: &Value| request.get("deviceId").and_then(Value::as_str) == Some(id.as_str());
    let (id, request) = requests.iter().rev().find(|(_, request)| ours(request))?;
    let scopes = request.get("scopes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Some((id.clone(), scopes.iter().filter_map(Value::as_str).map(str::to_owned).collect()))
}

/// The scopes of the gateway's owner, who holds every scope.
fn approver_scopes(client: &Client) -> Vec<String> {
    let all = OPERATOR_SCOPES.iter().map(|scope| (*scope).to_owned());
    all.chain(client.scopes.iter().cloned()).collect()
}

/// Gives the client a new device, which it sends to every gateway.
fn use_device(simulated: &mut SimulatedGateway) {
    simulated.usual_device = None;
    simulated.client.who = ClientDevice::unknown();
}

/// Gives the client these credentials in place of its own.
fn send(simulated: &mut SimulatedGateway, credential: Credential) {
    simulated.sends_own_credentials = false;
    simulated.client.credential = credential;
    simulated.client.credential_source = None;
}

/// Gives the gateway another release, and a client of the same release, too. If the client requested its default scopes, it
/// requests the new ones.
fn move_to(simulated: &mut SimulatedGateway, facts: Facts) {
    let had_defaults = simulated.client.scopes == simulated.usual_scopes();
    simulated.facts = facts;
    if simulated.other_client.is_none() {
        use_release(simulated, had_defaults);
    }
}

/// Gives the client the gateway's release. If it requested its default scopes, it requests the new ones.
fn update_client(simulated: &mut SimulatedGateway) {
    let had_defaults = simulated.client.scopes == simulated.usual_scopes();
    simulated.other_client = None;
    use_release(simulated, had_defaults);
}

/// Gives the client the credentials and, if it `had_defaults`, the scopes of its release.
fn use_release(simulated: &mut SimulatedGateway, had_defaults: bool) {
    simulated.send_own_credentials();
    if had_defaults {
        simulated.client.scopes = simulated.usual_scopes();
    }
}

fn direct(client: &mut Client) {
    client.peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
    client.host = None;
    if client.is_page {
        client.origin = None;
    }
    let assumed = std::mem::take(&mut client.assumed_headers);
    client.headers.retain(|(name, _)| !is_proxy_header(name) && !assumed.contains(name));
}

pub(in crate::explain) fn is_proxy_header(name: &str) -> bool {
    name.starts_with("x-forwarded-") || name.starts_with("tailscale-") || ["forwarded", "x-real-ip"].contains(&name)
}

/// Sets a value below `gateway`. `None` if a part of the path is not an object.
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

/// Deletes the value with this path. Names in the path can contain dots.
fn delete(config: &mut Value, path: &str) {
    let Some(members) = config.as_object_mut() else {
        let (place, rest) = path.split_once('.').map_or((path, None), |(place, rest)| (place, Some(rest)));
        let (Some(items), Ok(place)) = (config.as_array_mut(), place.parse::<usize>()) else { return };
        match rest {
            Some(rest) => items.get_mut(place).into_iter().for_each(|item| delete(item, rest)),
            None if place < items.len() => drop(items.remove(place)),
            None => {}
        }
        return;
    };
    if members.remove(path).is_some() {
        return;
    }
    for (name, member) in members {
        if let Some(rest) = path.strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix('.')) {
            delete(member, rest);
        }
    }
}
