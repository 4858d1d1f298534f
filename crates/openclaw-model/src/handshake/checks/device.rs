//! Determines whether a client needs a device, and checks the device proof (`connect-policy.ts`,
//! `handshake-auth-helpers.ts`).

use crate::handshake::attempt::Attempt;
use crate::handshake::auth::credentials::AuthResult;
use crate::handshake::auth::verdict::AuthMethod;
use crate::handshake::refusal::Refusal;
use crate::handshake::{HandshakeRules, ProofForm, UnboundScopes, auth::unauthorised};
use crate::{AuthMode, GatewayConfig};
use openclaw_protocol::connect::DeviceProof;
use openclaw_protocol::js;
use openclaw_protocol::proof::{Proof, ProofVersion};
use openclaw_protocol::public_key::PublicKey;
use serde_json::{Value, json};

/// The answer to a client without a device that needs one.
pub const DEVICE_REQUIRED: &str = "device identity required";
/// The answer to a page without a device. Browsers give a page a device only in a secure context.
pub const PAGE_NEEDS_DEVICE: &str = "control ui requires device identity (use HTTPS or localhost secure context)";
/// The same answer of the oldest releases.
pub const PAGE_NEEDS_SECURE_CONTEXT: &str = "control ui requires HTTPS or localhost (secure context)";

/// Whether the configuration admits this client without a device: the Control UI with
/// `gateway.controlUi.dangerouslyDisableDeviceAuth`.
pub(in crate::handshake) fn is_disregarded(rules: &HandshakeRules, config: &GatewayConfig, attempt: &Attempt) -> bool {
    attempt.is_operator_ui() && config.control_ui_disable_device_auth && !rules.flags_replace_no_device
}

/// Whether a reverse proxy vouched for this Control UI.
pub(in crate::handshake) fn is_vouched_control_ui(
    rules: &HandshakeRules,
    config: &GatewayConfig,
    attempt: &Attempt,
    auth_result: &AuthResult,
) -> bool {
    rules.device_tokens_known
        && attempt.is_operator_ui()
        && attempt.role == "operator"
        && config.auth_mode == AuthMode::TrustedProxy
        && auth_result.verdict == Ok(AuthMethod::TrustedProxy)
}

/// Checks a client without a device. Some are admitted, most of them without scopes.
///
/// # Errors
/// Returns the refusal. If the credentials are wrong, the refusal names them.
pub(in crate::handshake) fn admit_without_device(
    rules: &HandshakeRules,
    config: &GatewayConfig,
    attempt: &mut Attempt,
    auth_result: &AuthResult,
) -> Result<String, Refusal> {
    let why = may_omit_device(rules, config, attempt, auth_result)?;
    let keeps_scopes = match rules.unbound_scopes {
        UnboundScopes::ControlUiByFlag => {
            attempt.is_control_ui() && (config.control_ui_allow_insecure_auth || config.control_ui_disable_device_auth)
        }
        UnboundScopes::WithSecret => auth_result.has_secret || is_disregarded(rules, config, attempt),
        UnboundScopes::ControlUi => attempt.is_control_ui(),
        UnboundScopes::WithoutSecret => keeps_unbound_scopes(rules, config, attempt, auth_result),
    };
    if keeps_scopes {
        return Ok(format!("none, {why}; the scopes stay"));
    }
    attempt.scopes.clear();
    Ok(format!("none, {why}; the scopes are taken away, since no device vouches for them"))
}

/// Whether a client keeps its scopes without a device.
fn keeps_unbound_scopes(
    rules: &HandshakeRules,
    config: &GatewayConfig,
    attempt: &Attempt,
    auth_result: &AuthResult,
) -> bool {
    let insecure_local = attempt.is_operator_ui()
        && !rules.flags_replace_no_device
        && config.control_ui_allow_insecure_auth
        && attempt.locality.direct
        && matches!(auth_result.method, AuthMethod::Token | AuthMethod::Password);
    let loses_scopes = match auth_result.method {
        AuthMethod::Token | AuthMethod::Password => true,
        AuthMethod::TrustedProxy => {
            rules.proxy_user_scopes_need_device || is_vouched_control_ui(rules, config, attempt, auth_result)
        }
        AuthMethod::None | AuthMethod::BootstrapToken | AuthMethod::DeviceToken => false,
    };
    let backend = rules.backend_keeps_scopes && attempt.is_local_backend() && auth_result.has_matching_secret();
    let cli = rules.cli_keeps_scopes && attempt.is_local_cli() && auth_result.has_matching_secret();
    let unasked = rules.flags_replace_no_device && attempt.is_local_backend();
    is_disregarded(rules, config, attempt) || insecure_local || backend || cli || unasked || !loses_scopes
}

fn may_omit_device(
    rules: &HandshakeRules,
    config: &GatewayConfig,
    attempt: &Attempt,
    auth_result: &AuthResult,
) -> Result<&'static str, Refusal> {
    if is_vouched_control_ui(rules, config, attempt, auth_result) {
        return Ok("a reverse proxy vouches for the Control UI");
    }
    if attempt.is_operator_ui() {
        let bypass = is_disregarded(rules, config, attempt);
        if bypass && attempt.role == "operator" && rules.bypass_needs_no_secret {
            return Ok("the Control UI needs none: dangerouslyDisableDeviceAuth is set");
        }
        let local_enough = attempt.locality.direct || !rules.insecure_auth_bounded;
        let insecure_allowed = config.control_ui_allow_insecure_auth && local_enough && !rules.flags_replace_no_device;
        if !(bypass || insecure_allowed) {
            let details = detailed(rules, json!({ "code": "CONTROL_UI_DEVICE_IDENTITY_REQUIRED" }));
            let message = match details {
                Some(_) => PAGE_NEEDS_DEVICE,
                None => PAGE_NEEDS_SECURE_CONTEXT,
            };
            return Err(Refusal::invalid(message, details));
        }
    }
    if attempt.role == "operator" && rules.none_admits_backend && is_backend_without_auth(attempt, auth_result) {
        return Ok("auth mode none admits a local backend");
    }
    if (attempt.role == "operator" || !rules.nodes_need_device) && auth_result.has_secret {
        return Ok("who has the gateway's secret needs none");
    }
    let auth = attempt.params.auth.as_ref();
    let given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
    let sent_secret = auth.is_some_and(|auth| given(&auth.token) || given(&auth.password));
    match &auth_result.verdict {
        Err(failure) if sent_secret => Err(unauthorised::refusal(rules, attempt, failure, false)),
        _ => {
            let details = detailed(rules, json!({ "code": "DEVICE_IDENTITY_REQUIRED" }));
            Err(Refusal::not_paired(DEVICE_REQUIRED, details))
        }
    }
}

/// The details, if the release has details.
fn detailed(rules: &HandshakeRules, details: Value) -> Option<Value> {
    (rules.refusals_detailed).then_some(details)
}

/// Whether the client is a local backend that auth mode `none` admits.
pub(in crate::handshake) fn is_backend_without_auth(attempt: &Attempt, auth_result: &AuthResult) -> bool {
    attempt.is_local_backend() && auth_result.verdict == Ok(AuthMethod::None)
}

/// Limits the scopes to those that the reverse proxy names, if it names any.
pub(in crate::handshake) fn bound_by_proxy(attempt: &mut Attempt) {
    let mut scopes = std::mem::take(&mut attempt.scopes);
    bound_scopes(attempt, &mut scopes);
    attempt.scopes = scopes;
}

/// The same for other scopes.
pub(in crate::handshake) fn bound_scopes(attempt: &Attempt, scopes: &mut Vec<String>) {
    let named = attempt
        .peer
        .header("x-openclaw-scopes")
        .map(|header| header.split(',').map(|scope| js::trim(scope).to_owned()).collect::<Vec<_>>());
    if let Some(named) = named {
        scopes.retain(|scope| named.contains(scope));
    }
}

/// Checks a device proof: the id, the signing time, the nonce and the signature. Returns the public key in the form of
/// the store.
///
/// # Errors
/// Returns the refusal for the first error.
pub(in crate::handshake) fn check_proof(
    rules: &HandshakeRules,
    attempt: &Attempt,
    device: &DeviceProof,
    now: i64,
) -> Result<(String, ProofVersion), Refusal> {
    let refused = |code, reason, message| refused(rules, code, reason, message);
    let key = PublicKey::parse(&device.public_key).filter(|key| key.device_id() == device.id);
    // A key that has an id can be written, so the releases' last check, of the form of the key, never fails.
    let key =
        key.ok_or_else(|| refused("DEVICE_AUTH_DEVICE_ID_MISMATCH", "device-id-mismatch", "device identity mismatch"))?;
    #[allow(clippy::cast_precision_loss)]
    if (now as f64 - device.signed_at).abs() > rules.proof_form.tolerance_ms() as f64 {
        return Err(refused("DEVICE_AUTH_SIGNATURE_EXPIRED", "device-signature-stale", "device signature expired"));
    }
    let nonce = js::trim(&device.nonce);
    let local_v1 = rules.proof_form == ProofForm::V2 && attempt.locality.direct;
    if nonce.is_empty() && !local_v1 {
        return Err(refused("DEVICE_AUTH_NONCE_REQUIRED", "device-nonce-missing", "device nonce required"));
    }
    if !nonce.is_empty() && nonce != attempt.nonce {
        return Err(refused("DEVICE_AUTH_NONCE_MISMATCH", "device-nonce-mismatch", "device nonce mismatch"));
    }
    let proof = proof_of(attempt, device, nonce);
    let versions: &[ProofVersion] = match rules.proof_form {
        ProofForm::V2 if nonce.is_empty() => &[ProofVersion::V1],
        ProofForm::V2 => &[ProofVersion::V2],
        ProofForm::V3 => &[ProofVersion::V3, ProofVersion::V2],
    };
    versions
        .iter()
        .copied()
        .find(|version| key.verifies(&proof.payload(*version), &device.signature))
        .map(|version| (key.to_base64url(), version))
        .ok_or_else(|| refused("DEVICE_AUTH_SIGNATURE_INVALID", "device-signature", "device signature invalid"))
}

fn proof_of<'a>(attempt: &'a Attempt, device: &'a DeviceProof, nonce: &'a str) -> Proof<'a> {
    let params = &attempt.params;
    let auth = params.auth.as_ref();
    let token = auth
        .and_then(|auth| auth.token.as_deref().or(auth.device_token.as_deref()).or(auth.bootstrap_token.as_deref()));
    #[allow(clippy::cast_possible_truncation)]
    let signed_at_ms = device.signed_at as i64;
    Proof {
        device_id: &device.id,
        client_id: &params.client.id,
        client_mode: &params.client.mode,
        role: attempt.role,
        scopes: &attempt.scopes,
        signed_at_ms,
        token: token.unwrap_or_default(),
        nonce,
        platform: Some(&params.client.platform),
        device_family: params.client.device_family.as_deref(),
    }
}

fn refused(rules: &HandshakeRules, code: &str, reason: &str, message: &str) -> Refusal {
    let code = if rules.refusals_specific { code } else { "DEVICE_AUTH_INVALID" };
    let details = json!({ "code": code, "reason": reason });
    Refusal::invalid(message, (rules.refusals_detailed).then_some(details))
}
