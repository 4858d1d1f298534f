//! Remedies that replace the token or the record of a device. `typed` says where to type commands, if anybody can.

use super::{Change, Remedy, Risk};
use crate::explain::client::Credential;
use crate::explain::simulated_gateway::SimulatedGateway;
use crate::shell::quoted;
use openclaw_model::AuthMode;
use openclaw_protocol::store::StoreFormat;
use serde_json::json;

/// A new token. A client that sends its device token also needs the new one, which newer releases give only to the device
/// itself.
pub(super) fn rotate(
    simulated: &SimulatedGateway,
    id: &str,
    typed: impl Fn(&[String]) -> Option<Vec<String>>,
) -> Option<Remedy> {
    let role = &simulated.client.role;
    let rotate = [format!("openclaw devices rotate --device {} --role {}", quoted(id), quoted(role))];
    let how = typed(&rotate)?;
    let rotate = Remedy::new(Change::Rotate, Risk::Record, "Give the device a new token", &how);
    match simulated.client.credential {
        Credential::DeviceToken(_) if simulated.facts.rpc.device_token_sessions => None,
        Credential::DeviceToken(_) => {
            let how = ["the new token is `token` in the output of `openclaw devices rotate`".to_owned()];
            let send = Remedy::new(Change::SendNewToken, Risk::Record, "Give the client the new token", &how);
            Some(rotate.and(&send))
        }
        _ => Some(rotate),
    }
}

/// The removal of a device.
pub(super) fn remove(
    simulated: &SimulatedGateway,
    id: &str,
    typed: impl Fn(&[String]) -> Option<Vec<String>>,
) -> Option<Remedy> {
    let remove = [format!("openclaw devices remove {}", quoted(id))];
    let what = "Remove the device, then pair it again";
    match typed(&remove) {
        Some(how) => Some(Remedy::new(Change::Remove, Risk::Record, what, &how)),
        None if simulated.facts.pairing.format == StoreFormat::Files => {
            let what = "Stop the gateway, then delete the record of the device by hand, and pair it again";
            let how = [format!("in devices/paired.json: delete the entry {}", json!(id))];
            Some(Remedy::new(Change::Remove, Risk::Files, what, &how))
        }
        None => None,
    }
}

/// The removal of a device that then pairs with the gateway's secret, because its device token is gone.
pub(super) fn with_secret(simulated: &SimulatedGateway, remove: &Remedy) -> Option<Remedy> {
    let secret = secret(simulated)?;
    if !matches!(simulated.client.credential, Credential::DeviceToken(_)) {
        return None;
    }
    let changes = vec![Change::Remove, Change::Credential(Credential::Shared)];
    let what = format!("{} with the gateway's {secret}", remove.what);
    let how = [&remove.how[..], &[format!("gateway.auth.{secret} of openclaw.json")]].concat();
    Some(Remedy { changes, what, how, ..remove.clone() })
}

/// The kind of secret that the gateway requires.
pub(super) fn secret(simulated: &SimulatedGateway) -> Option<&'static str> {
    match simulated.settings()?.auth_mode {
        AuthMode::Token => Some("token"),
        AuthMode::Password => Some("password"),
        AuthMode::None | AuthMode::TrustedProxy => None,
    }
}
