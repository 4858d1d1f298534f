//! The tokens that a client gets with `hello-ok`, and `hello-ok.auth`.

use crate::GatewayConfig;
use crate::handshake::attempt::Attempt;
use crate::handshake::auth::credentials::AuthResult;
use crate::handshake::auth::secret;
use crate::handshake::auth::verdict::AuthMethod;
use crate::handshake::pairing::PairingResult;
use crate::input::Environment;
use crate::model::Model;
use crate::pairing::{self, BootstrapProfile, StoreError, TokenRequest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openclaw_protocol::js::{self, Record};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The profile of the bootstrap token that admitted the client.
pub(in crate::handshake) fn issued_profile(
    model: &Model,
    environment: &Environment<'_>,
    auth_result: &AuthResult,
) -> Result<Option<BootstrapProfile>, StoreError> {
    match auth_result.bootstrap_token().filter(|_| auth_result.method == AuthMethod::BootstrapToken) {
        Some(token) if model.rules.handshake.bootstrap_pairing.hands_off() => {
            pairing::bootstrap_profile(&model.rules.pairing, environment.store, environment.now, token)
        }
        _ => Ok(None),
    }
}

/// `hello-ok.auth`: the device's token, which is created if necessary, and the tokens of every role that a bootstrap
/// token hands off.
pub(in crate::handshake) fn tokens(
    model: &Model,
    environment: &mut Environment<'_>,
    attempt: &Attempt,
    auth_result: &AuthResult,
    device_id: &str,
    (handed_off, linked): (Option<&BootstrapProfile>, bool),
) -> Result<Option<Record>, StoreError> {
    let bound = bound_to(model, attempt, auth_result, linked);
    let mut ensure = |role: &str, scopes: &[String], bound: Option<&str>| {
        let Environment { now, store, entropy } = environment;
        let wanted = TokenRequest { role, scopes, bound };
        pairing::ensure_token(&model.rules.pairing, *store, *entropy, *now, device_id, wanted)
    };
    let own = ensure(attempt.role, &attempt.scopes, bound.as_deref())?;
    let mut others = Vec::new();
    for role in handed_off.map(|profile| profile.roles.as_slice()).unwrap_or_default() {
        let known = |token: &Record| token.get("role").and_then(Value::as_str) == Some(role);
        // Each role gets one token, even if the profile names the role twice.
        if own.as_ref().is_some_and(known) || others.iter().any(known) {
            continue;
        }
        let scopes = handed_off.map(|profile| profile.handoff_scopes(&model.rules.pairing, role)).unwrap_or_default();
        others.extend(ensure(role, &scopes, None)?);
    }
    let mut shown = own.iter().chain(&others).map(shown_token);
    let Some(mut auth) = shown.next().filter(|_| own.is_some()) else { return Ok(None) };
    let others: Vec<Value> = shown.map(Value::Object).collect();
    if !others.is_empty() {
        js::set(&mut auth, "deviceTokens", Some(others));
    }
    Ok(Some(auth))
}

/// `hello-ok.auth` of the releases that always send it. Role and scopes come first. If there is a token, they are
/// those of the token.
pub(in crate::handshake) fn always_auth(attempt: &Attempt, token: Option<Record>) -> Value {
    let token = token.unwrap_or_default();
    let scopes = token.get("scopes").cloned().unwrap_or_else(|| json!(attempt.scopes));
    let mut auth = Record::new();
    js::set(&mut auth, "role", Some(attempt.role));
    js::set(&mut auth, "scopes", Some(scopes));
    for key in ["deviceToken", "issuedAtMs", "deviceTokens"] {
        js::set(&mut auth, key, token.get(key).cloned());
    }
    Value::Object(auth)
}

/// The user whom a reverse proxy names.
pub(in crate::handshake) fn vouched_user<'a>(config: &GatewayConfig, attempt: &'a Attempt) -> Option<&'a str> {
    let proxy = config.trusted_proxy.as_ref()?;
    attempt.peer.header(&proxy.user_header.to_lowercase())
}

/// `hello-ok.auth` of the releases that describe the connection: its scopes, and who can take over its work.
pub(in crate::handshake) fn connection_auth(
    config: &GatewayConfig,
    attempt: &Attempt,
    auth_result: &AuthResult,
    token: Option<Record>,
) -> Value {
    let token = token.unwrap_or_default();
    let device = attempt.params.device.as_ref().map(|device| device.id.as_str());
    let by_secret = matches!(auth_result.method, AuthMethod::Token | AuthMethod::Password);
    let bound =
        auth_result.bound_to().map(str::to_owned).or_else(|| secret::of_connection(config).filter(|_| by_secret));
    let vouched = (auth_result.method == AuthMethod::TrustedProxy).then(|| vouched_user(config, attempt)).flatten();
    let owner = match (token.get("deviceToken").and_then(Value::as_str), bound, device) {
        _ if vouched.is_some() => Some(json!(["principal", vouched, device.unwrap_or_default()])),
        (Some(token), ..) => Some(json!(["device-token", token])),
        (None, Some(bound), device) => Some(json!(["shared-auth", bound, device.unwrap_or_default()])),
        (None, None, Some(device)) => Some(json!(["device", device])),
        (None, None, None) => None,
    };
    let mut auth = Record::new();
    js::set(&mut auth, "method", Some(auth_result.method.name()));
    js::set(&mut auth, "role", Some(attempt.role));
    js::set(&mut auth, "scopes", Some(json!(attempt.scopes)));
    if let Some(owner) = owner.filter(|_| attempt.role == "operator") {
        let scope = URL_SAFE_NO_PAD.encode(Sha256::digest(owner.to_string()));
        js::set(&mut auth, "recoveryScope", Some(scope));
        js::set(&mut auth, "recoveryMigrationAllowed", (!token.is_empty() && vouched.is_none()).then_some(true));
    }
    for key in ["deviceToken", "issuedAtMs", "deviceTokens"] {
        js::set(&mut auth, key, token.get(key).cloned());
    }
    Value::Object(auth)
}

/// The shared secret that the token is bound to: the one that admitted a browser, or the one that the presented token
/// was bound to.
///
/// A page that a link admitted counts like one that presented the secret.
fn bound_to(model: &Model, attempt: &Attempt, auth_result: &AuthResult, linked: bool) -> Option<String> {
    let browser = attempt.is_control_ui() || attempt.is_webchat();
    let by_secret = linked || matches!(auth_result.method, AuthMethod::Token | AuthMethod::Password);
    match auth_result.bound_to() {
        Some(bound) => Some(bound.to_owned()),
        None if model.rules.handshake.browser_tokens_bound && browser && by_secret => secret::generation(&model.config),
        None => None,
    }
}

/// Whether a link admitted this page: the Control UI with a bootstrap token that was issued for it.
pub(in crate::handshake) fn is_linked_page(
    model: &Model,
    attempt: &Attempt,
    auth_result: &AuthResult,
    profile: Option<&BootstrapProfile>,
) -> bool {
    let rules = &model.rules.pairing;
    auth_result.method == AuthMethod::BootstrapToken
        && attempt.is_control_ui()
        && attempt.role == "operator"
        && profile.is_some_and(|profile| {
            profile.is_owners_page(rules, &attempt.scopes) || profile.is_page(rules, &attempt.scopes)
        })
}

fn shown_token(token: &Record) -> Record {
    let mut shown = Record::new();
    js::set(&mut shown, "deviceToken", token.get("token").cloned());
    js::set(&mut shown, "role", token.get("role").cloned());
    js::set(&mut shown, "scopes", token.get("scopes").cloned());
    let issued = js::present(token.get("rotatedAtMs")).or(token.get("createdAtMs"));
    js::set(&mut shown, "issuedAtMs", issued.cloned());
    shown
}

/// Revokes a bootstrap token that has handed off or whose profile is used up. Errors are only logged, because the
/// client is already admitted.
pub(in crate::handshake) fn settle_bootstrap(
    model: &Model,
    environment: &mut Environment<'_>,
    auth_result: &AuthResult,
    scopes: &[String],
    role: &str,
    paired: &PairingResult,
    profile: Option<BootstrapProfile>,
) -> Option<StoreError> {
    let (rules, now) = (&model.rules.pairing, environment.now);
    let token = auth_result.bootstrap_token().filter(|_| auth_result.method == AuthMethod::BootstrapToken)?;
    if !model.rules.handshake.bootstrap_pairing.hands_off() {
        return None;
    }
    let spent = match (&paired.handed_off, profile) {
        (Some(_), _) => Ok(true),
        (None, Some(_)) => pairing::redeem_bootstrap_profile(rules, environment.store, now, token, role, scopes),
        (None, None) => Ok(false),
    };
    // A token that is not used up stays valid for the other roles of its profile.
    let settled = spent.and_then(|spent| match spent {
        true => pairing::revoke_bootstrap_token(rules, environment.store, now, token).map(|_| ()),
        false => Ok(()),
    });
    settled.err()
}
