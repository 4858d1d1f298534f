//! The refusal of wrong credentials (`auth-messages.ts`, `connect-error-details.ts`).

use crate::handshake::HandshakeRules;
use crate::handshake::attempt::Attempt;
use crate::handshake::auth::secret::SecretFailure;
use crate::handshake::auth::verdict::AuthFailure;
use crate::handshake::refusal::Refusal;
use openclaw_protocol::client::mode;
use openclaw_protocol::connect::Credentials;
use openclaw_protocol::js::{self, Record};
use serde_json::Value;

/// The refusal that names what was wrong.
pub(in crate::handshake) fn refusal(
    rules: &HandshakeRules,
    attempt: &Attempt,
    failure: &SecretFailure,
    has_device: bool,
) -> Refusal {
    let auth = attempt.params.auth.as_ref();
    let provided = provided(auth);
    let has_device_token = auth.and_then(|auth| auth.device_token.as_deref()).is_some_and(|token| !token.is_empty());
    let can_retry = failure.reason == AuthFailure::TokenMismatch
        && has_device
        && provided == ProvidedCredential::Token
        && !has_device_token;
    let mut details = Record::new();
    let header_missing = rules.refusals_have_advice && failure.reason == AuthFailure::ProxyHeaderMissing;
    let code = if header_missing { "AUTH_IDENTITY_HEADER_REQUIRED" } else { detail_code(failure.reason) };
    js::set(&mut details, "code", Some(code));
    js::set(&mut details, "authReason", Some(failure.auth_reason()));
    if rules.refusals_specific {
        let step = if can_retry { "retry_with_device_token" } else { next_step(failure.reason) };
        js::set(&mut details, "canRetryWithDeviceToken", Some(can_retry));
        js::set(&mut details, "recommendedNextStep", Some(step));
    }
    let details = Value::Object(details);
    let has_details = rules.refusals_detailed;
    let message = match rules.refusals_have_advice {
        true => newer_message(attempt, failure.reason, provided),
        false => message(attempt, failure.reason, provided),
    };
    let refusal = Refusal::invalid(message, has_details.then_some(details));
    match failure.retry_after_ms.filter(|_| rules.refusals_have_advice && failure.rate_limited) {
        Some(retry_after_ms) => refusal.retryable_after(retry_after_ms),
        None => refusal,
    }
}

/// The credential that the client sent. If it sent several, the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ProvidedCredential {
    Password,
    Token,
    BootstrapToken,
    DeviceToken,
    Nothing,
}

fn provided(auth: Option<&Credentials>) -> ProvidedCredential {
    let Some(auth) = auth else { return ProvidedCredential::Nothing };
    let came = |credential: &Option<String>| credential.as_deref().is_some_and(|text| !text.is_empty());
    match auth {
        auth if came(&auth.password) => ProvidedCredential::Password,
        auth if came(&auth.token) => ProvidedCredential::Token,
        auth if came(&auth.bootstrap_token) => ProvidedCredential::BootstrapToken,
        auth if came(&auth.device_token) => ProvidedCredential::DeviceToken,
        _ => ProvidedCredential::Nothing,
    }
}

fn detail_code(reason: AuthFailure) -> &'static str {
    match reason {
        AuthFailure::TokenMissing => "AUTH_TOKEN_MISSING",
        AuthFailure::TokenMismatch => "AUTH_TOKEN_MISMATCH",
        AuthFailure::TokenMissingConfig => "AUTH_TOKEN_NOT_CONFIGURED",
        AuthFailure::PasswordMissing => "AUTH_PASSWORD_MISSING",
        AuthFailure::PasswordMismatch => "AUTH_PASSWORD_MISMATCH",
        AuthFailure::PasswordMissingConfig => "AUTH_PASSWORD_NOT_CONFIGURED",
        AuthFailure::BootstrapTokenInvalid => "AUTH_BOOTSTRAP_TOKEN_INVALID",
        AuthFailure::RateLimited => "AUTH_RATE_LIMITED",
        AuthFailure::DeviceTokenMismatch => "AUTH_DEVICE_TOKEN_MISMATCH",
        AuthFailure::ScopeMismatch => "AUTH_SCOPE_MISMATCH",
        _ => "AUTH_UNAUTHORIZED",
    }
}

fn next_step(reason: AuthFailure) -> &'static str {
    match reason {
        AuthFailure::TokenMissing
        | AuthFailure::TokenMissingConfig
        | AuthFailure::PasswordMissing
        | AuthFailure::PasswordMissingConfig => "update_auth_configuration",
        AuthFailure::TokenMismatch | AuthFailure::PasswordMismatch | AuthFailure::DeviceTokenMismatch => {
            "update_auth_credentials"
        }
        AuthFailure::RateLimited => "wait_then_retry",
        _ => "review_auth_configuration",
    }
}

/// The message of the newer releases. On the gateway's own host, it names the place of the secret.
fn newer_message(attempt: &Attempt, reason: AuthFailure, provided: ProvidedCredential) -> String {
    let browser = attempt.is_operator_ui() || attempt.is_webchat();
    let local_cli = attempt.is_cli() && attempt.locality.direct;
    let setup_code = "unauthorized: setup code invalid, expired, revoked, or already used (create a new code; review \
                      `openclaw devices list`)";
    match reason {
        _ if attempt.client().mode == mode::NODE && reason == AuthFailure::ProxyHeaderMissing => {
            "gateway rejected this node: trusted-proxy identity-header authentication is required and no usable machine \
             credential was accepted; run `openclaw doctor` on the Gateway"
                .to_owned()
        }
        AuthFailure::TokenMissing if browser => {
            "unauthorized: gateway token missing (paste in Control UI settings or openclaw doctor \
             --generate-gateway-token; restart)"
                .to_owned()
        }
        AuthFailure::TokenMissing | AuthFailure::TokenMismatch if local_cli => {
            let what = if reason == AuthFailure::TokenMissing { "missing" } else { "mismatch" };
            format!("unauthorized: gateway token {what} (use this gateway's gateway.auth.token or pair the device)")
        }
        AuthFailure::PasswordMissing | AuthFailure::PasswordMismatch if local_cli => {
            let what = if reason == AuthFailure::PasswordMissing { "missing" } else { "mismatch" };
            format!("unauthorized: gateway password {what} (use this gateway's gateway.auth.password)")
        }
        AuthFailure::BootstrapTokenInvalid => setup_code.to_owned(),
        AuthFailure::NoClientAddress => "unauthorized: proxy client attribution is required (configure gateway.trustedProxies narrowly and make \
                              the proxy overwrite or safely rebuild forwarded client headers)"
            .to_owned(),
        _ => message(attempt, reason, provided)
            .replace("unauthorized: bootstrap token invalid or expired (scan a fresh setup code)", setup_code),
    }
}

/// The message for people.
fn message(attempt: &Attempt, reason: AuthFailure, provided: ProvidedCredential) -> String {
    let bootstrap = "unauthorized: bootstrap token invalid or expired (scan a fresh setup code)";
    let constant = match reason {
        AuthFailure::TokenMissing => return with_token_hint(attempt, "missing"),
        AuthFailure::TokenMismatch => return with_token_hint(attempt, "mismatch"),
        AuthFailure::PasswordMissing => return with_password_hint(attempt, "missing"),
        AuthFailure::PasswordMismatch => return with_password_hint(attempt, "mismatch"),
        AuthFailure::TokenMissingConfig => {
            "unauthorized: gateway token not configured on gateway (set gateway.auth.token)"
        }
        AuthFailure::PasswordMissingConfig => {
            "unauthorized: gateway password not configured on gateway (set gateway.auth.password)"
        }
        AuthFailure::BootstrapTokenInvalid => bootstrap,
        AuthFailure::RateLimited => "unauthorized: too many failed authentication attempts (retry later)",
        AuthFailure::DeviceTokenMismatch => "unauthorized: device token mismatch (rotate/reissue device token)",
        AuthFailure::ScopeMismatch => "unauthorized: device token scope mismatch (re-pair or approve scope upgrade)",
        // The remaining reasons come from a reverse proxy and have no message of their own.
        _ if provided == ProvidedCredential::BootstrapToken => bootstrap,
        _ => "unauthorized",
    };
    constant.to_owned()
}

fn with_token_hint(attempt: &Attempt, what: &str) -> String {
    let hint = if attempt.is_cli() {
        "set gateway.remote.token to match gateway.auth.token"
    } else if attempt.is_operator_ui() || attempt.is_webchat() {
        "open the dashboard URL and paste the token in Control UI settings"
    } else {
        "provide gateway auth token"
    };
    format!("unauthorized: gateway token {what} ({hint})")
}

fn with_password_hint(attempt: &Attempt, what: &str) -> String {
    let hint = if attempt.is_cli() {
        "set gateway.remote.password to match gateway.auth.password"
    } else if attempt.is_operator_ui() || attempt.is_webchat() {
        "enter the password in Control UI settings"
    } else {
        "provide gateway auth password"
    };
    format!("unauthorized: gateway password {what} ({hint})")
}
