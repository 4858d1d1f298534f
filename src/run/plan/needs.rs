//! Determines which features of a gateway a case needs: from its settings, its store, its steps, and from the approved
//! snapshot, which shows what the case expects to see.

use crate::gateway::Capability;
use crate::run::state_dir::{self, openclaw_json};
use crate::scenario::connect::{Connect, Nonce, Proof, SharedSecret, Via};
use crate::scenario::expect::Expectation;
use crate::scenario::gateway::GatewaySettings;
use crate::scenario::step::{Await, Call, Frame, Start};
use crate::scenario::store::{Store, Tokens};
use crate::scenario::{Case, Need, Step, StepKind};
use serde_json::Value;
use std::collections::BTreeSet;

/// The client id of the Control UI, which has rules of its own.
const CONTROL_UI: &str = "openclaw-control-ui";
/// Headers that only a proxy sends, in lower case.
const PROXY_HEADERS: [&str; 4] = ["x-forwarded-", "x-real-ip", "forwarded", "tailscale-"];

/// The features that a case needs. `expected` is the approved snapshot of the release, if there is one. `is_created`
/// states whether connections create the store of the case, so that clawcheck does not write it.
pub(crate) fn of(case: &Case, expected: Option<&str>, is_created: bool) -> BTreeSet<Capability> {
    let mut needs = BTreeSet::new();
    for need in case.needs() {
        needs.extend(match need {
            Need::ReadableStore => Some(Capability::StoreRead),
            Need::WritableStore if is_created => Some(Capability::Pairing),
            Need::WritableStore => Some(Capability::StoreWrite),
            Need::Restart => Some(Capability::Restart),
            Need::Clock => Some(Capability::Clock),
            Need::OtherHost => Some(Capability::PeerAddress),
            // This is a property of the user who runs clawcheck, not of the gateway.
            Need::Unprivileged => None,
        });
    }
    settings(&case.scenario.gateway, &mut needs);
    if case.scenario.written_by.is_some() {
        needs.insert(Capability::OtherRelease);
    }
    if case.scenario.other_store.is_some() || !case.scenario.stores().all(state_dir::is_records) {
        needs.insert(Capability::StoreFiles);
    }
    case.scenario.stores().for_each(|records| store(records, &mut needs));
    case.steps().for_each(|each| step(each, &mut needs));
    expected.into_iter().for_each(|text| snapshot(text, &mut needs));
    complete(&mut needs);
    needs
}

/// Adds the features that other features require.
fn complete(needs: &mut BTreeSet<Capability>) {
    use Capability::{Approvals, BootstrapTokens, Pairing, Restart, Store, StoreFiles, StoreRead, StoreWrite, Tokens};
    let any = |needs: &BTreeSet<Capability>, of: &[Capability]| of.iter().any(|one| needs.contains(one));
    // Paired devices must still be paired after a restart.
    if any(needs, &[StoreRead, StoreWrite, StoreFiles]) || (needs.contains(&Restart) && any(needs, &[Pairing, Tokens]))
    {
        needs.insert(Store);
    }
    if any(needs, &[Store, Approvals, Tokens, BootstrapTokens]) {
        needs.insert(Pairing);
    }
}

fn settings(settings: &GatewaySettings, needs: &mut BTreeSet<Capability>) {
    if !openclaw_json::is_plain(settings) {
        needs.insert(Capability::Config);
    }
    if !settings.env.is_empty() || settings.handshake_timeout.is_some() {
        needs.insert(Capability::Environment);
    }
    if settings.control_ui.allow_insecure_auth.is_some() || settings.control_ui.disable_device_auth.is_some() {
        needs.insert(Capability::ControlUi);
    }
    if settings.control_ui.allowed_origins.is_some() || settings.control_ui.host_header_origin_fallback.is_some() {
        needs.insert(Capability::Origins);
    }
    if settings.trusted_proxies.is_some() || settings.real_ip_fallback.is_some() {
        needs.insert(Capability::Proxies);
    }
    if settings.rate_limit.is_some() {
        needs.insert(Capability::RateLimit);
    }
}

fn store(store: &Store, needs: &mut BTreeSet<Capability>) {
    if !store.nodes.paired.is_empty() || !store.nodes.pending.is_empty() {
        needs.insert(Capability::Nodes);
    }
    if !store.bootstrap.is_empty() {
        needs.insert(Capability::BootstrapTokens);
    }
    if store.paired.values().any(|record| record.tokens != Tokens::Minted) {
        needs.insert(Capability::Tokens);
    }
}

fn step(step: &Step, needs: &mut BTreeSet<Capability>) {
    match &step.kind {
        StepKind::Connect(sent) => connect(sent, needs),
        StepKind::Approve(_) | StepKind::Reject(_) | StepKind::Remove(_) | StepKind::List(_) => {
            needs.insert(Capability::Approvals);
        }
        StepKind::Rotate(_) | StepKind::Revoke(_) => {
            needs.insert(Capability::Tokens);
        }
        StepKind::Call(Call { method: name, .. }) => method(name, needs),
        StepKind::Send(sent) => {
            if let Frame::Json(frame) = &sent.frame {
                method(frame.get("method").and_then(Value::as_str).unwrap_or_default(), needs);
            }
        }
        StepKind::Await(Await::Event(event)) => method(&event.name, needs),
        StepKind::Start(Start { release: Some(_) }) => {
            needs.insert(Capability::OtherRelease);
        }
        _ => {}
    }
    if step.expect == Some(Expectation::Open) {
        needs.insert(Capability::Challenge);
    }
}

fn connect(connect: &Connect, needs: &mut BTreeSet<Capability>) {
    proof(&connect.proof, needs);
    if connect.role.as_deref() == Some("node") {
        needs.insert(Capability::Nodes);
    }
    if connect.client.id.as_deref() == Some(CONTROL_UI) {
        needs.insert(Capability::ControlUi);
    }
    let has_header =
        |matches: &dyn Fn(&str) -> bool| connect.headers.keys().any(|name| matches(name.to_ascii_lowercase().as_str()));
    if connect.origin.is_some() || has_header(&|name| name == "origin") {
        needs.insert(Capability::Origins);
    }
    let from_proxy = has_header(&|name| PROXY_HEADERS.iter().any(|header| name.starts_with(header)));
    // An SSH tunnel adds no header, and a connection from another host needs only another address.
    if from_proxy || !matches!(connect.via, Via::Direct | Via::SshTunnel | Via::OtherHost) {
        needs.insert(Capability::Proxies);
    }
    let Some(auth) = &connect.auth else { return };
    let is_device_token = |secret: &Option<SharedSecret>| matches!(secret, Some(SharedSecret::DeviceToken(_)));
    if auth.device_token.is_some() || is_device_token(&auth.token) || is_device_token(&auth.password) {
        needs.insert(Capability::Tokens);
    }
    if auth.bootstrap_token.is_some() {
        needs.insert(Capability::BootstrapTokens);
    }
}

/// A proof with a mistake, or in a form that differs from the usual form of the client.
fn proof(proof: &Proof, needs: &mut BTreeSet<Capability>) {
    if *proof != Proof::default() {
        needs.insert(Capability::Proofs);
    }
    if matches!(proof.nonce, Nonce::Wrong | Nonce::Absent | Nonce::Empty | Nonce::Of(_)) {
        needs.insert(Capability::Challenge);
    }
}

/// The feature that a method or an event belongs to.
fn method(name: &str, needs: &mut BTreeSet<Capability>) {
    let families = [
        ("device.pair.", Capability::Approvals),
        ("device.token.", Capability::Tokens),
        ("node.", Capability::Nodes),
        ("exec.approval.", Capability::ExecApprovals),
    ];
    needs.extend(families.into_iter().filter(|(prefix, _)| name.starts_with(prefix)).map(|(_, family)| family));
}

/// Texts in snapshots that only a gateway with a feature can produce.
const SHOWN: [(&str, Capability); 9] = [
    (" NOT_PAIRED ", Capability::Pairing),
    ("\"pairing required", Capability::Pairing),
    ("  device-token ", Capability::Tokens),
    (" DEVICE_AUTH_", Capability::Proofs),
    ("\"device signature ", Capability::Proofs),
    ("\"device nonce ", Capability::Challenge),
    ("\"origin not allowed", Capability::Origins),
    ("\"control ui requires ", Capability::ControlUi),
    ("\"unauthorized: too many ", Capability::RateLimit),
];

fn snapshot(text: &str, needs: &mut BTreeSet<Capability>) {
    needs.extend(SHOWN.into_iter().filter(|(shown, _)| text.contains(shown)).map(|(_, capability)| capability));
    if leaves_records(text) {
        needs.insert(Capability::Pairing);
    }
}

/// Whether the store has a record at the end: the sections after the steps list other things than `none`.
fn leaves_records(text: &str) -> bool {
    let mut section = "";
    text.lines().any(|line| {
        if !line.starts_with(' ') {
            section = line;
            return false;
        }
        matches!(section, "paired" | "pending") && line.trim() != "none"
    })
}
