//! The handshake from the first message to `hello-ok` or the close: every check, in the order of the releases
//! (`ws-connection/message-handler.ts`). Each check's own file names its source.

mod attempt;
mod auth;
mod checks;
mod hello;
mod pairing;
mod refusal;

pub use crate::facts::handshake::{
    AllowedOrigins, BackendPairing, BootstrapPairing, HandshakeRules, ProofForm, UnboundScopes,
};
pub(crate) use auth::limits::RateLimits;
pub use auth::secret::secret_generation;
pub use auth::verdict::{AuthFailure, AuthMethod, CredentialsFinding};
pub use checks::device::{DEVICE_REQUIRED, PAGE_NEEDS_DEVICE, PAGE_NEEDS_SECURE_CONTEXT};
pub(crate) use hello::capabilities::challenge;
pub(crate) use hello::payload::MAX_PAYLOAD_BYTES;

use self::attempt::Attempt;
use self::auth::{credentials, unauthorised};
use self::checks::{device, origin};
use self::hello::welcome;
use self::pairing::pinned_metadata;
use self::pairing::{PairingCheck, PairingResult};
use self::refusal::{HandshakeEnd, Refusal};
use crate::input::{ConnectionId, Effect, Environment, Outcome};
use crate::model::Model;
use crate::pairing::StoreError;
use crate::schema::frames;
use crate::trace::{AnswerFinding, Check, ConnectFinding, fact, is_bare_origin};
use openclaw_protocol::client::mode;
use openclaw_protocol::codes::close;
use openclaw_protocol::connect::ConnectParams;
use openclaw_protocol::frame::ServerFrame;
use serde_json::{Value, json};

/// Maximum size of a message before `hello-ok`, in bytes, in releases with this limit. The WebSocket layer closes a
/// longer message with 1009 and no reason.
const MAX_PREAUTH_PAYLOAD_BYTES: usize = 65_536;

/// Processes messages from a client before `hello-ok`: all messages of one read.
///
/// The releases check each message up to its origin when it arrives, before they check the credentials of the first.
/// A call directly after a connect therefore counts as an invalid first message. The connect still changes the store,
/// although it gets no answer.
pub(crate) fn receive(
    model: &mut Model,
    connection: ConnectionId,
    messages: &[Vec<u8>],
    environment: &mut Environment<'_>,
    outcome: &mut Outcome,
) {
    let mut attempts = Vec::new();
    for data in messages {
        if !is_open(model, connection) {
            break;
        }
        let Some(frame) = read_json(model, connection, data, outcome) else { break };
        let id = frame.get("id").cloned().unwrap_or_default();
        match look_at(model, connection, frame, outcome) {
            Ok(attempt) => attempts.push((id, attempt)),
            Err(refusal) => refuse(model, connection, id, refusal, outcome),
        }
    }
    for (id, attempt) in attempts {
        let before = outcome.effects.len();
        let unheard = !is_open(model, connection);
        if let Err(end) = admit(model, attempt, environment, outcome) {
            match end {
                HandshakeEnd::Refused(refusal) => refuse(model, connection, id, refusal, outcome),
                HandshakeEnd::Threw(fault) => throw(model, connection, &fault, outcome),
            }
        }
        if unheard {
            let mut at = 0;
            outcome.effects.retain(|effect| {
                at += 1;
                at <= before || !matches!(effect, Effect::Send { connection: to, .. } if *to == connection)
            });
        }
    }
}

/// Maximum size of a message before `hello-ok` in this release, in bytes.
pub fn most_early_bytes(rules: &HandshakeRules) -> usize {
    if rules.early_messages_limited { MAX_PREAUTH_PAYLOAD_BYTES } else { MAX_PAYLOAD_BYTES }
}

fn is_open(model: &Model, connection: ConnectionId) -> bool {
    model.connections.get(&connection).is_some_and(|open| !open.closing)
}

/// Parses a message as JSON. A message that is too long or not JSON ends the connection.
fn read_json(model: &mut Model, connection: ConnectionId, data: &[u8], outcome: &mut Outcome) -> Option<Value> {
    if data.len() > most_early_bytes(&model.rules.handshake) {
        trace_size(model, connection, outcome);
        model.close(connection, close::TOO_BIG, "", outcome);
        return None;
    }
    // Binary messages are read as text too, and invalid UTF-8 becomes U+FFFD.
    let frame = serde_json::from_str::<Value>(&String::from_utf8_lossy(data)).ok();
    if frame.is_none() {
        outcome.trace_line(Check::Frame, "the message is not JSON");
        model.trace_locality(connection, outcome);
        trace_close(close::NORMAL, "the message is not JSON", outcome);
        model.close(connection, close::NORMAL, "", outcome);
    }
    frame
}

/// The WebSocket layer ended the connection. No timeout is announced for it afterwards.
pub(crate) fn broken(model: &mut Model, connection: ConnectionId, code: u16, why: &str, outcome: &mut Outcome) {
    let waiting = model.connections.get_mut(&connection).filter(|open| open.client.is_none());
    if waiting.and_then(|open| open.handshake_deadline.take()).is_none() {
        return;
    }
    if code == close::TOO_BIG {
        return trace_size(model, connection, outcome);
    }
    outcome.trace_line(Check::Frame, why);
    model.trace_locality(connection, outcome);
    trace_close(code, why, outcome);
}

/// Traces the close because of a message that is too long.
fn trace_size(model: &Model, connection: ConnectionId, outcome: &mut Outcome) {
    let most = most_early_bytes(&model.rules.handshake);
    let why = format!("a message before hello-ok has more than {most} bytes");
    outcome.trace_line_of(Check::Frame, fact!(handshake.early_messages_limited), why.clone());
    model.trace_locality(connection, outcome);
    trace_close(close::TOO_BIG, &why, outcome);
}

/// Traces a close without a reason.
fn trace_close(code: u16, why: &str, outcome: &mut Outcome) {
    let answer = AnswerFinding::Closed { code, why: why.to_owned() };
    outcome.trace_line(Check::Answer, answer.to_string());
}

fn refuse(model: &mut Model, connection: ConnectionId, id: Value, refusal: Refusal, outcome: &mut Outcome) {
    let Refusal { error, code, reason } = refusal;
    outcome.trace_line(Check::Answer, AnswerFinding::Refused(reason.clone()).to_string());
    outcome.effects.push(Effect::Log(format!("handshake refused: {reason}")));
    if let Some(error) = error {
        let frame = ServerFrame::Res { id, ok: false, payload: None, error: Some(*error) };
        outcome.effects.push(Effect::Send { connection, frame });
    }
    model.close(connection, code, &reason, outcome);
}

fn throw(model: &mut Model, connection: ConnectionId, fault: &StoreError, outcome: &mut Outcome) {
    trace_close(close::NORMAL, &format!("the release throws an error: {fault}"), outcome);
    outcome.effects.push(Effect::Log(format!("parse/handle error: {fault}")));
    model.close(connection, close::NORMAL, "", outcome);
}

/// The checks that a release makes as soon as a message arrives: frame, protocol, role and origin.
fn look_at(model: &Model, connection: ConnectionId, frame: Value, outcome: &mut Outcome) -> Result<Attempt, Refusal> {
    // Also an invalid connect names its client.
    let connect = ConnectFinding::of_params(&frame["params"]);
    connect.iter().for_each(|connect| outcome.trace_line(Check::Frame, connect.to_string()));
    model.trace_locality(connection, outcome);
    let (frame_id, params) = read_connect(&model.rules.handshake, frame)?;
    let role = check_protocol_and_role(&model.rules.handshake, &params)?;
    let open = model.connections.get(&connection).ok_or_else(|| Refusal::silent("invalid handshake"))?;
    let attempt = Attempt::new(&model.rules.handshake, connection, open, frame_id, params, role);
    origin::check_copilot(&attempt)?;
    let origin = origin::check(&model.rules, &model.config, &attempt);
    let refused = || match &attempt.origin {
        Some(origin) if is_bare_origin(origin) => format!("`{origin}` is not allowed"),
        Some(_) => "the Origin header is not an origin, which has only a scheme, a host and a port".to_owned(),
        None => "no Origin header was sent, and this client needs one".to_owned(),
    };
    let why = origin.clone().unwrap_or_else(|_| refused());
    outcome.trace_line_of(Check::Origin, fact!(handshake.origins), why);
    origin?;
    Ok(attempt)
}

/// The asynchronous checks, and `hello-ok`.
fn admit(
    model: &mut Model,
    mut attempt: Attempt,
    environment: &mut Environment<'_>,
    outcome: &mut Outcome,
) -> Result<(), HandshakeEnd> {
    let disregarded = device::is_disregarded(&model.rules.handshake, &model.config, &attempt);
    let has_device = attempt.params.device.is_some() && !disregarded;
    let now = environment.now;
    let mut auth_result =
        credentials::check_shared_secret(&model.rules, &model.config, &mut model.limits, now, &attempt, has_device);
    let proven = match attempt.params.device.as_ref().filter(|_| has_device) {
        None => {
            let allowed =
                device::admit_without_device(&model.rules.handshake, &model.config, &mut attempt, &auth_result);
            let why = allowed.as_ref().map_or("no device identity was sent, and this client needs one", String::as_str);
            outcome.trace_line_of(Check::Device, fact!(handshake.unbound_scopes), why);
            if allowed.is_err() {
                outcome.trace_line(Check::Credentials, auth_result.finding().to_string());
            }
            allowed?;
            None
        }
        Some(device) => {
            let proof = device::check_proof(&model.rules.handshake, &attempt, device, now);
            if let Err(refusal) = &proof {
                let why = format!("the proof is invalid: {}", refusal.reason);
                outcome.trace_line_of(Check::Device, fact!(handshake.proof_form), why);
                credentials::count_wrong_secret(&mut model.limits, now, &attempt, &auth_result);
            }
            let (key, version) = proof?;
            outcome.trace_line_of(
                Check::Device,
                fact!(handshake.proof_form),
                format!("the proof is valid ({version:?})"),
            );
            Some((device.id.clone(), key))
        }
    };
    credentials::decide(&model.rules, &model.config, &mut model.limits, environment, &attempt, &mut auth_result)?;
    outcome.trace_line(Check::Credentials, auth_result.finding().to_string());
    if let Err(failure) = &auth_result.verdict {
        return Err(unauthorised::refusal(&model.rules.handshake, &attempt, failure, has_device).into());
    }
    if model.rules.handshake.proxy_users_must_pair
        && device::is_vouched_control_ui(&model.rules.handshake, &model.config, &attempt, &auth_result)
    {
        device::bound_by_proxy(&mut attempt);
    }
    let mut paired = PairingResult::default();
    if model.rules.handshake.node_host_named {
        pinned_metadata::name_node_host(&mut attempt.params.client);
    }
    if let Some((device_id, public_key)) = &proven {
        let claimed = (attempt.client().platform.clone(), attempt.client().device_family.clone());
        let check = PairingCheck { attempt: &mut attempt, auth_result: &auth_result, public_key, device_id, claimed };
        paired = check.run(model, environment, outcome)?;
    }
    welcome::welcome(model, environment, attempt, &auth_result, proven.map(|(id, _)| id), paired, outcome)
}

/// Checks the frame: a request with the method `connect` and parameters that match the schema.
fn read_connect(rules: &HandshakeRules, mut frame: Value) -> Result<(String, ConnectParams), Refusal> {
    if rules.workers_have_endpoint && claims_to_be_a_worker(&frame["params"]) {
        return Err(Refusal::silent("invalid-handshake"));
    }
    let form = rules.connect_form;
    form.request().check(Some(&frame)).map_err(|_| Refusal::silent("invalid request frame"))?;
    if frame["method"] != "connect" {
        return Err(Refusal::invalid("invalid handshake: first request must be connect", None));
    }
    let invalid =
        |errors: String| Refusal::invalid(format!("invalid connect params: {}", rules.wording.of(errors)), None);
    frames::connect(form).check(frame.get("params")).map_err(invalid)?;
    let id = frame["id"].as_str().unwrap_or_default().to_owned();
    let params = serde_json::from_value(frame["params"].take()).map_err(|error| invalid(error.to_string()))?;
    Ok((id, params))
}

fn claims_to_be_a_worker(params: &Value) -> bool {
    let client = &params["client"];
    params["role"] == "worker" || client["id"] == "openclaw-worker" || client["mode"] == "worker"
}

fn check_protocol_and_role(rules: &HandshakeRules, params: &ConnectParams) -> Result<&'static str, Refusal> {
    let spoken = f64::from(rules.protocol);
    let least = if rules.previous_protocol { spoken - 1.0 } else { spoken };
    if !(params.max_protocol >= spoken && params.min_protocol <= spoken || is_previous(rules, params, least)) {
        let details = match rules.protocol_range_named {
            true => json!({
                "code": "PROTOCOL_MISMATCH",
                "clientMinProtocol": whole(params.min_protocol),
                "clientMaxProtocol": whole(params.max_protocol),
                "expectedProtocol": rules.protocol,
                "minimumProbeProtocol": whole(least)
            }),
            false => json!({ "expectedProtocol": rules.protocol }),
        };
        return Err(Refusal::invalid("protocol mismatch", Some(details)).closing_with(close::PROTOCOL));
    }
    match params.role.as_deref().unwrap_or("operator") {
        "operator" => Ok("operator"),
        "node" => Ok("node"),
        _ => Err(Refusal::invalid("invalid role", None)),
    }
}

/// Whether the client is a probe or a node with the previous protocol version.
fn is_previous(rules: &HandshakeRules, params: &ConnectParams, least: f64) -> bool {
    let reaches = rules.previous_protocol && params.max_protocol >= least;
    let node = params.role.as_deref() == Some("node") && params.client.mode == mode::NODE;
    let probe = params.client.mode == mode::PROBE && params.min_protocol <= least + 1.0;
    reaches && (probe || node && params.min_protocol <= least)
}

/// A number that the schema has validated as whole.
fn whole(number: f64) -> i64 {
    #[allow(clippy::cast_possible_truncation)]
    let whole = number as i64;
    whole
}

#[cfg(test)]
mod tests;
