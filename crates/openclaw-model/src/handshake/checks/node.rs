//! The connect of a node: the limit on its requests, its approved surface, and its names in the node store.

use crate::handshake::attempt::Attempt;
use crate::handshake::auth::credentials::browser;
use crate::handshake::auth::limits::Credential;
use crate::handshake::refusal::HandshakeEnd;
use crate::handshake::{auth::secret, auth::unauthorised};
use crate::input::{Effect, Environment, Outcome};
use crate::model::Model;
use crate::nodes;
use crate::pairing::StoreError;
use openclaw_protocol::js;
use serde_json::{Value, json};

/// Admits a node: counts its request, and limits its commands to those that it can have.
///
/// # Errors
/// Returns the refusal of an address with too many requests, or an error that the release throws.
pub(in crate::handshake) fn admit(
    model: &mut Model,
    environment: &mut Environment<'_>,
    attempt: &mut Attempt,
    has_device: bool,
    outcome: &mut Outcome,
) -> Result<nodes::Reconciliation, HandshakeEnd> {
    check_limit(model, environment, attempt, has_device)?;
    let node = reconcile(model, environment, attempt, outcome)?;
    if node.needs_approval_first {
        count_request(model, environment.now, attempt);
    }
    Ok(node)
}

/// Updates the store of a node after `hello-ok`.
///
/// # Errors
/// Returns an error if the store cannot be written.
pub(in crate::handshake) fn welcomed(
    model: &mut Model,
    environment: &mut Environment<'_>,
    node: &nodes::Reconciliation,
    instance: Option<&str>,
    outcome: &mut Outcome,
) -> Result<(), StoreError> {
    let now = environment.now;
    if node.drops_pending {
        for request in nodes::reject_all(&model.rules.nodes, environment.store, now, &node.node_id)? {
            let payload = json!({"requestId": request, "nodeId": node.node_id, "decision": "rejected", "ts": now});
            model.broadcast("node.pair.resolved", payload, outcome);
        }
    }
    for node_id in node_ids(&node.node_id, instance) {
        if let Err(fault) = nodes::record_connect(&model.rules.nodes, environment.store, now, node_id) {
            let text = fault.for_answer();
            outcome.effects.push(Effect::Log(format!("failed to record last connect for {node_id}: {text}")));
        }
    }
    Ok(())
}

/// Limits the approval requests of new nodes from one address.
///
/// # Errors
/// Returns the refusal if the limit is exceeded.
fn check_limit(
    model: &mut Model,
    environment: &Environment<'_>,
    attempt: &Attempt,
    has_device: bool,
) -> Result<(), HandshakeEnd> {
    let client = attempt.client();
    let node_id = attempt.params.device.as_ref().map_or(&client.id, |device| &device.id);
    let (now, address) = (environment.now, attempt.limit_address.as_deref());
    if !model.rules.handshake.always_limited
        || nodes::find_paired(&model.rules.nodes, environment.store, now, node_id)?.is_some()
    {
        return Ok(());
    }
    let Some(limiter) = model.limits.of(browser(&model.rules, attempt)) else { return Ok(()) };
    if limiter.allows(now, address, Credential::NodePairing) {
        return Ok(());
    }
    let failure = secret::SecretFailure::rate_limited(limiter.retry_after(now, address, Credential::NodePairing));
    Err(unauthorised::refusal(&model.rules.handshake, attempt, &failure, has_device).into())
}

fn count_request(model: &mut Model, now: i64, attempt: &Attempt) {
    let browser = browser(&model.rules, attempt);
    if let Some(limiter) = model.limits.of(browser).filter(|_| model.rules.handshake.always_limited) {
        limiter.fail(now, attempt.limit_address.as_deref(), Credential::NodePairing);
    }
}

/// Reconciles a node with the node store, announces its request, and limits it to what it can have.
fn reconcile(
    model: &mut Model,
    environment: &mut Environment<'_>,
    attempt: &mut Attempt,
    outcome: &mut Outcome,
) -> Result<nodes::Reconciliation, StoreError> {
    let ip = attempt.locality.reported_ip.as_deref();
    let node = nodes::reconcile_on_connect(&model.rules, &model.config, &attempt.params, ip, environment)?;
    if let Some(requested) = node.requested.as_ref().filter(|requested| requested.created) {
        for replaced in &requested.superseded {
            let payload =
                json!({"requestId": replaced, "nodeId": node.node_id, "decision": "rejected", "ts": environment.now});
            model.broadcast("node.pair.resolved", payload, outcome);
        }
        model.broadcast("node.pair.requested", Value::Object(requested.request.clone()), outcome);
    }
    if let Some(approved) = &node.approved {
        let payload =
            json!({"requestId": approved, "nodeId": node.node_id, "decision": "approved", "ts": environment.now});
        model.broadcast("node.pair.resolved", payload, outcome);
    }
    attempt.params.commands = Some(node.commands.clone());
    if let Some(surfaces) = &node.surfaces {
        attempt.params.caps = Some(surfaces.effective.caps.clone());
        attempt.params.permissions = surfaces.effective.permissions.clone();
    }
    Ok(node)
}

/// The ids under which a node can be approved: its device id and its instance id.
fn node_ids<'n>(node_id: &'n str, instance: Option<&'n str>) -> impl Iterator<Item = &'n str> {
    let instance = instance.map(js::trim).filter(move |instance| !instance.is_empty() && *instance != node_id);
    std::iter::once(node_id).chain(instance)
}
