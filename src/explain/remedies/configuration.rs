//! Corrections of a configuration that prevents the start of the gateway.

use super::{Change, Remedy, Risk};
use crate::explain::simulated_gateway::SimulatedGateway;
use crate::shell::quoted;
use crate::suggestions::nearest;
use openclaw_emulator::settings::{RefusedSetting, Settings};
use serde_json::{Value, json};
use untrusted_data::printable;

/// A release reports unknown settings first, then a missing mode, and then other conflicts.
const MAX_REFUSALS: usize = 3;

/// The corrections with which the gateway starts. Empty if the configuration does not prevent the start.
pub(super) fn corrections(simulated: &SimulatedGateway) -> Vec<Remedy> {
    of_refusals(simulated, MAX_REFUSALS)
}

fn of_refusals(simulated: &SimulatedGateway, most: usize) -> Vec<Remedy> {
    let refused = Settings::resolve(simulated.facts.release, &simulated.config, &simulated.env);
    let Some(refusal) = refused.err().filter(|_| most > 0) else { return Vec::new() };
    let next = match refusal.settings.as_slice() {
        [] => set("mode", json!("local"), "Set gateway.mode to local"),
        refused => without(refused),
    };
    let Some(after) = corrected(simulated, &next) else { return Vec::new() };
    match Settings::resolve(after.facts.release, &after.config, &after.env) {
        Ok(_) => vec![next],
        Err(same) if same == refusal => values().into_iter().filter(|value| starts(simulated, value)).collect(),
        Err(_) => of_refusals(&after, most - 1).iter().map(|then| next.and(then)).collect(),
    }
}

/// The gateway and the client after a correction.
pub(super) fn corrected(simulated: &SimulatedGateway, correction: &Remedy) -> Option<SimulatedGateway> {
    let mut simulated = simulated.clone();
    correction.changes.iter().try_for_each(|change| change.prepare(&mut simulated))?;
    Some(simulated)
}

fn starts(simulated: &SimulatedGateway, correction: &Remedy) -> bool {
    corrected(simulated, correction).is_some_and(|simulated| simulated.settings().is_some())
}

/// Deletes settings that the release does not accept. `openclaw config` does not change a file with such settings.
fn without(refused: &[RefusedSetting]) -> Remedy {
    let line = |setting: &RefusedSetting| {
        let name = setting.path.rsplit('.').next().unwrap_or_default();
        let known = setting.known.as_deref().unwrap_or_default();
        let instead = match nearest(name, known.iter().copied()) {
            Some(near) => format!(", or correct its name to `{near}`"),
            None if setting.known.is_none() && !setting.values.is_empty() => {
                format!(", or set it to one of {}", setting.values.join(", "))
            }
            None => String::new(),
        };
        format!("in openclaw.json: delete {}{instead}", printable::line(&setting.path))
    };
    let what = match refused {
        [_] => "Correct the setting that this release does not accept",
        _ => "Correct the settings that this release does not accept",
    };
    let paths = refused.iter().map(|setting| setting.path.clone()).collect();
    let mut how = refused.iter().map(line).collect::<Vec<_>>();
    if refused.iter().all(|setting| setting.known.is_some()) {
        how.push("or: openclaw doctor --fix, which deletes unknown settings".to_owned());
    }
    Remedy::new(Change::Delete(paths), Risk::Setting, what, &how)
}

/// Authentication with a new token. No release starts with a token and another auth mode, so that both are set before the
/// restart.
pub(super) fn token_mode() -> Remedy {
    let mut mode = set("auth.mode", json!("token"), "Use token authentication");
    mode.how = vec!["openclaw config set gateway.auth.mode '\"token\"'".to_owned()];
    mode.and(&secret("auth.token", "Set a token"))
}

fn secret(path: &'static str, what: &str) -> Remedy {
    let change = Change::Setting(path, json!("a secret of the user's choice"));
    Remedy::new(change, Risk::Setting, what, &[config_set(path, &json!("<secret>"))])
}

/// Values of single settings that can resolve a conflict between accepted settings.
fn values() -> Vec<Remedy> {
    vec![
        secret("auth.token", "Set a token"),
        secret("auth.password", "Set a password"),
        set("bind", json!("loopback"), "Bind the gateway to loopback"),
        set("auth.mode", json!("token"), "Use token authentication"),
        set("auth.mode", json!("password"), "Use password authentication"),
        set("tailscale.mode", json!("off"), "Turn off gateway.tailscale"),
        set("trustedProxies", json!(["127.0.0.1"]), "Name the proxy in gateway.trustedProxies"),
    ]
}

/// The command that sets a value below `gateway`.
pub(super) fn config_set(path: &str, value: &Value) -> String {
    format!("openclaw config set gateway.{path} {}, and restart the gateway", quoted(&value.to_string()))
}

fn set(path: &'static str, value: Value, what: &str) -> Remedy {
    Remedy::new(Change::Setting(path, value.clone()), Risk::Setting, what, &[config_set(path, &value)])
}
