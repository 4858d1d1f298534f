//! The credentials of the `openclaw` command that differ from those of the gateway.

use super::finding::Finding;
use crate::explain::client_tokens::StoredToken;
use crate::explain::text::short;
use crate::explain::{ClientDescription, SimulatedGateway, StateDirectory, Verdict, own_id, simulated};
use openclaw_model::Facts;
use openclaw_protocol::client;

/// The place of a finding about a variable.
const ENVIRONMENT: &str = "environment";

/// Finds device tokens and variables of the `openclaw` command that do not match the gateway.
pub(super) fn own_credentials(state: &StateDirectory, releases: &[Facts], now: i64, found: &mut Vec<Finding>) {
    for stored in &state.client_tokens {
        let (_, device) = stored.role_and_device();
        let what = |facts: &Facts| of_token(state, stored, facts, now);
        let readers = releases.iter().filter(|facts| stored.is_read_by(&facts.client));
        grouped(readers, what, (stored.place(), Some(device)), found);
    }
    grouped(releases.iter(), |facts| of_variable(state, facts, now), (ENVIRONMENT, None), found);
}

/// Adds a finding for each different text, with the releases that it is about.
fn grouped<'f>(
    releases: impl Iterator<Item = &'f Facts>,
    what: impl Fn(&Facts) -> Option<String>,
    (place, record): (&str, Option<&str>),
    found: &mut Vec<Finding>,
) {
    let mut groups = Vec::<Finding>::new();
    for facts in releases {
        let Some(what) = what(facts) else { continue };
        match groups.iter_mut().find(|finding| finding.what == what) {
            Some(same) => same.releases.push(facts.release),
            None => groups.push(Finding {
                place: place.to_owned(),
                record: record.map(str::to_owned),
                what,
                releases: vec![facts.release],
            }),
        }
    }
    found.extend(groups);
}

fn of_token(state: &StateDirectory, stored: &StoredToken, facts: &Facts, now: i64) -> Option<String> {
    let (role, device) = stored.role_and_device();
    if own_id(state).is_some_and(|own| own != device) {
        return Some("has a device token for a device other than the one in identity/device.json".to_owned());
    }
    let description = ClientDescription { device: Some(device.to_owned()), ..command(facts) };
    let simulated = simulated(state, &description, now).ok()?;
    let difference = short(&stored.difference(simulated.record().as_ref())?);
    let effect = effect(&simulated, stored);
    Some(format!("has a device token for {} {difference}{effect}", short(role)))
}

/// The effect of the difference on the `openclaw` command. Empty for a directory without the key of its device, because the
/// command then has another device, and for a token with a role other than that of the command.
fn effect(simulated: &SimulatedGateway, stored: &StoredToken) -> String {
    if !simulated.sends_own_credentials || stored.role_and_device().0 != simulated.client.role {
        return String::new();
    }
    let does = match simulated.variable() {
        _ if simulated.sends(stored) && matches!(simulated.answer().verdict, Verdict::LetIn(_)) => {
            "sends it and is let in"
        }
        _ if simulated.sends(stored) => "sends it and is refused",
        Some((name, _)) => return format!("; the `openclaw` command sends the secret in {name} instead"),
        None => "has the gateway's secret and does not send it",
    };
    format!("; the `openclaw` command {does}")
}

fn of_variable(state: &StateDirectory, facts: &Facts, now: i64) -> Option<String> {
    let simulated = simulated(state, &command(facts), now).ok()?;
    let (name, _) = simulated.variable().filter(|_| simulated.sends_own_credentials)?;
    let effect = if simulated.answer().succeeds() { "" } else { " and is refused" };
    Some(format!("{name} is not the secret in openclaw.json; the `openclaw` command sends it{effect}"))
}

/// The `openclaw` command of this machine and of a release.
fn command(facts: &Facts) -> ClientDescription {
    ClientDescription {
        preset: client::CLI.parse().ok(),
        release: Some(facts.release),
        with_own_credentials: true,
        ..ClientDescription::default()
    }
}
