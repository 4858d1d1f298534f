//! Finds the changes that would let a client in. Each change that a user could make is tried on a copy of the gateway.
//! The result lists the changes after which the client is admitted, also after a restart.
//!
//! A user looks for a remedy after the client was refused. The pending request from that refusal can cause the next
//! connect to fail, too. Therefore, every change is tried after a refused connect.

mod candidates;
mod change;
mod configuration;
mod record;
mod remedy;

pub(crate) use change::Change;
pub(super) use change::is_proxy_header;
pub(crate) use remedy::{Remedy, Risk};

use super::client::Credential;
use super::simulated_gateway::{Answer, Gateway, SimulatedGateway};
use candidates::{approve, candidates, connect_again, reject};
use openclaw_model::{Release, known_releases};

/// The maximum number of combinations that are listed.
const MAX_TOTAL: usize = 4;

/// The placeholders of the printed commands.
const PLACEHOLDERS: [(&str, &str); 10] = [
    ("<request-id>", "the id of the pending request in the output of `openclaw devices list`"),
    ("<new-request-id>", "the id in the error of the first `approve`, which replaced the request"),
    ("<host>", "the host name in the address of the page; with --host or --origin, explain prints it"),
    ("<gateway-host>", "the SSH name of the machine that runs the gateway"),
    ("<client-address>", "the address from which the client connects; with --peer, explain prints it"),
    ("<url>", "the address at which the client reaches the gateway, such as wss://gateway.example"),
    ("<user>", "the user that the gateway runs as"),
    ("<token>", "a new random token, in quotation marks"),
    ("<scopes>", "the list `scopes` of the same record"),
    ("<secret>", "a new random secret, which the clients also need"),
];

/// The results of all remedies.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct RemedyResults {
    /// The remedies that let the client in, the least risky first.
    pub helps: Vec<Remedy>,
    /// Common advice that does not let the client in.
    pub fails: Vec<Remedy>,
    /// Releases that let the client in without a change.
    pub releases: Vec<Release>,
}

/// The placeholders in the commands of these remedies, with their meanings.
pub(crate) fn placeholders(remedies: &[Remedy]) -> Vec<(&'static str, &'static str)> {
    let lines = || remedies.iter().flat_map(|remedy| &remedy.how);
    PLACEHOLDERS.into_iter().filter(|(name, _)| lines().any(|line| line.contains(name))).collect()
}

/// Tries all remedies.
pub(crate) fn try_all(simulated: &SimulatedGateway) -> RemedyResults {
    let corrections = configuration::corrections(simulated);
    let Some(first) = corrections.first() else { return try_at_start(simulated) };
    let helps = corrections
        .iter()
        .filter(|correction| admits_client(simulated, &correction.changes))
        .cloned()
        .collect::<Vec<_>>();
    let releases = releases(simulated);
    if !helps.is_empty() {
        return RemedyResults { helps, fails: Vec::new(), releases };
    }
    let mut result =
        configuration::corrected(simulated, first).map(|simulated| try_at_start(&simulated)).unwrap_or_default();
    result.helps = distinct(result.helps.iter().map(|remedy| first.and(remedy)));
    RemedyResults { releases, ..result }
}

/// Tries all remedies for a gateway whose configuration does not prevent its start.
fn try_at_start(simulated: &SimulatedGateway) -> RemedyResults {
    let mut result = RemedyResults { releases: releases(simulated), ..RemedyResults::default() };
    let connect_again = connect_again();
    if admits_client(simulated, &connect_again.changes) {
        // Each other change would seem to help, too.
        result.helps.push(connect_again);
        return result;
    }
    let candidates = candidates(simulated);
    let mut alone = Vec::new();
    for remedy in &candidates {
        match admits_client(simulated, &remedy.changes) {
            true => alone.push(remedy.clone()),
            false if advised(remedy) => result.fails.push(remedy.clone()),
            false => {}
        }
    }
    let helps = |changes: &[Change]| alone.iter().any(|remedy| remedy.changes == changes);
    let (approve, reject) = (approve(simulated), reject(simulated));
    let mut pairs = Vec::new();
    for remedy in candidates.iter().filter(|remedy| combines(remedy) && !helps(&remedy.changes)) {
        let after_reject = || Some(reject.and(remedy));
        let then_approve = || approve.as_ref().filter(|approve| !helps(&approve.changes)).map(|then| remedy.and(then));
        let ways = [after_reject(), then_approve()];
        pairs.extend(ways.into_iter().flatten().find(|both| admits_client(simulated, &both.changes)));
    }
    // Most clients behind a proxy cannot avoid the proxy, so a remedy that bypasses the proxy is not sufficient.
    let stays = |remedy: &Remedy| !remedy.changes.contains(&Change::Direct);
    if !alone.iter().chain(&pairs).any(stays) {
        let nothing = alone.is_empty() && pairs.is_empty();
        let parts = candidates.iter().filter(|remedy| combines(remedy) && (nothing || stays(remedy)));
        pairs.extend(together(simulated, &parts.collect::<Vec<_>>(), approve.as_ref()));
    }
    let found = [alone, pairs].concat();
    result.fails.retain(|failed| !found.iter().any(|remedy| failed.is_part_of(remedy)));
    let is_enough = |part: &Remedy, whole: &Remedy| part.risk <= whole.risk && part.is_part_of(whole);
    let needed = found.iter().filter(|whole| !found.iter().any(|part| is_enough(part, whole)));
    let mut helps = needed.map(|remedy| with_warning(simulated, remedy)).collect::<Vec<_>>();
    helps.sort_by_key(|remedy| (remedy.risk, remedy.changes.len()));
    result.helps = distinct(helps);
    result
}

/// A remedy that lets the client in, marked if the gateway then refuses the `openclaw` command of its machine.
fn with_warning(simulated: &SimulatedGateway, remedy: &Remedy) -> Remedy {
    match locks_out_command(simulated, &remedy.changes) {
        Some(true) => remedy.clone().locking_out_command(),
        _ => remedy.clone(),
    }
}

/// Whether the gateway refuses the `openclaw` command of its machine after these changes, but not before. `None` if the command
/// does not have the device of the client.
fn locks_out_command(simulated: &SimulatedGateway, changes: &[Change]) -> Option<bool> {
    let here = simulated.command_here();
    let is_shared = here.client.who.id() == simulated.client.who.id() && here.client.id != simulated.client.id;
    if !is_shared || here.client.who.id().is_none() {
        return None;
    }
    let mut before = refused(simulated, changes)?;
    let (after_changes, mut gateway) = after(simulated, changes)?;
    gateway.connect(&after_changes);
    Some(before.connect(&here).succeeds() && !gateway.connect(&after_changes.command_here()).succeeds())
}

/// The remedies, each set of changes once: two remedies can make the same changes in another order.
fn distinct(remedies: impl IntoIterator<Item = Remedy>) -> Vec<Remedy> {
    let is_part = |one: &Remedy, other: &Remedy| one.changes.iter().all(|change| other.changes.contains(change));
    let mut distinct = Vec::<Remedy>::new();
    for remedy in remedies {
        if !distinct.iter().any(|known| is_part(known, &remedy) && is_part(&remedy, known)) {
            distinct.push(remedy);
        }
    }
    distinct
}

/// Combinations of changes that help only together: first two changes, then three, each also followed by an approval.
fn together(simulated: &SimulatedGateway, parts: &[&Remedy], approve: Option<&Remedy>) -> Vec<Remedy> {
    let helps = |all: &Remedy| {
        let ways = [Some(all.clone()), approve.map(|approve| all.and(approve))];
        ways.into_iter().flatten().find(|way| admits_client(simulated, &way.changes))
    };
    let two = combined(&parts.iter().map(|part| (*part).clone()).collect::<Vec<_>>(), parts);
    let mut found = two.iter().filter_map(helps).collect::<Vec<_>>();
    if found.is_empty() {
        found = combined(&two, parts).iter().filter_map(helps).collect();
    }
    found.sort_by_key(|remedy| (remedy.changes.len(), remedy.risk));
    let mut found = distinct(found);
    found.truncate(MAX_TOTAL);
    found
}

/// Combines each remedy with each later part, so that no combination occurs twice.
fn combined(firsts: &[Remedy], parts: &[&Remedy]) -> Vec<Remedy> {
    let place = |change: &Change| parts.iter().position(|part| part.changes[0] == *change);
    let later = |first: &Remedy| first.changes.last().and_then(place).map_or(0, |at| at + 1);
    firsts.iter().flat_map(|first| parts[later(first)..].iter().map(|part| first.and(part))).collect()
}

/// Whether the client is admitted after these changes, and again after a restart.
pub(crate) fn admits_client(simulated: &SimulatedGateway, changes: &[Change]) -> bool {
    let Some((mut simulated, mut gateway)) = after(simulated, changes) else { return false };
    if !gateway.connect(&simulated).succeeds() {
        return false;
    }
    // A setup code is valid once. Then the client sends the device token that it received. A hello-ok can also replace the
    // device token of a client.
    if matches!(simulated.client.credential, Credential::Bootstrap(_) | Credential::DeviceToken(_)) {
        simulated.client.credential = Credential::DeviceToken(None);
    }
    gateway.connect(&simulated).succeeds()
}

/// The gateway and the client after these changes. `None` if a change is not possible.
pub(crate) fn after(simulated: &SimulatedGateway, changes: &[Change]) -> Option<(SimulatedGateway, Gateway)> {
    let refused = refused(simulated, changes);
    let mut simulated = simulated.clone();
    for change in changes {
        change.prepare(&mut simulated)?;
    }
    let mut gateway = simulated.start().ok()?;
    keep_device_token(&mut simulated);
    if let Some(refused) = refused {
        gateway.continue_from(refused);
    }
    for change in changes {
        change.perform(&mut simulated, &mut gateway)?;
    }
    Some((simulated, gateway))
}

/// A client has the device token that its record contains before the changes. An approval or a rotation can put a new token into
/// the record, which the client does not have.
fn keep_device_token(simulated: &mut SimulatedGateway) {
    if simulated.client.credential == Credential::DeviceToken(None) {
        let role = simulated.client.role.as_str();
        let token = simulated
            .record()
            .and_then(|record| Some(record.get("tokens")?.get(role)?.get("token")?.as_str()?.to_owned()));
        simulated.client.credential = Credential::DeviceToken(token);
    }
}

/// The unchanged gateway, after it refused the client. `None` if it does not start, or if a change replaces the store:
/// an upgrade or a repair takes longer than the lifetime of a pending request.
fn refused(simulated: &SimulatedGateway, changes: &[Change]) -> Option<Gateway> {
    let other_store = |change: &Change| {
        matches!(change, Change::Release(_) | Change::MoveAway(_) | Change::MoveDatabaseAway | Change::Unlock)
    };
    if changes.iter().any(other_store) {
        return None;
    }
    let mut gateway = simulated.start().ok()?;
    gateway.connect(simulated);
    Some(gateway)
}

/// Releases that let the client in without a change, oldest first.
fn releases(simulated: &SimulatedGateway) -> Vec<Release> {
    let lets_in = |release: &Release| admits_client(simulated, &[Change::Release(*release)]);
    known_releases().filter(|release| *release != simulated.facts.described()).filter(lets_in).collect()
}

/// The answer of a release.
pub(crate) struct ReleaseAnswer {
    /// The release.
    pub release: Release,
    /// Its answer.
    pub answer: Answer,
    /// Whether the client of this release does not send its device.
    pub omits_device: bool,
}

/// The answers of all known releases, oldest first.
pub(crate) fn by_release(simulated: &SimulatedGateway) -> Vec<ReleaseAnswer> {
    let answer = |release| {
        let mut simulated = simulated.clone();
        Change::Release(release).prepare(&mut simulated)?;
        Some(ReleaseAnswer { release, answer: simulated.answer(), omits_device: simulated.omits_device() })
    };
    known_releases().filter_map(answer).collect()
}

/// Whether a remedy is common advice, which is listed even if it does not help.
fn advised(remedy: &Remedy) -> bool {
    matches!(
        remedy.changes.as_slice(),
        [Change::Setting(..)
            | Change::CopyPending
            | Change::Approve
            | Change::Rotate
            | Change::Remove
            | Change::Direct]
            | [Change::Direct, Change::UseDevice]
            | [Change::Rotate, Change::SendNewToken]
    )
}

/// Whether a remedy can be combined with a rejection before it or an approval after it.
fn combines(remedy: &Remedy) -> bool {
    let decides = [Change::Approve, Change::CopyPending, Change::WriteToken, Change::Rotate];
    let proxies = matches!(remedy.changes[0], Change::Setting("trustedProxies" | "auth.trustedProxy.allowLoopback", _));
    !decides.contains(&remedy.changes[0]) && (remedy.risk != Risk::Opens || proxies)
}
