//! Checks the gateway's secret: token, password, none, or authentication by a reverse proxy (`authorizeGatewayConnect`
//! in `auth.ts`).

use crate::config::TrustedProxy;
use crate::handshake::HandshakeRules;
use crate::handshake::auth::limits::{Credential, RateLimiter};
use crate::handshake::auth::verdict::{AuthFailure, AuthMethod};
use crate::locality::joined;
use crate::{AuthMode, GatewayConfig, Peer, address};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// The reason why a client was not admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::handshake) struct SecretFailure {
    pub reason: AuthFailure,
    /// The name of the missing header, if there is one.
    pub header: Option<String>,
    /// Whether the rate limit caused the refusal.
    pub rate_limited: bool,
    /// The time until the next attempt, if the rate limit knows it.
    pub retry_after_ms: Option<u64>,
}

impl SecretFailure {
    /// `details.authReason`.
    pub(in crate::handshake) fn auth_reason(&self) -> String {
        self.reason.name().to_owned() + self.header.as_deref().unwrap_or_default()
    }

    pub(in crate::handshake) fn rate_limited(retry_after_ms: Option<u64>) -> Self {
        Self { rate_limited: true, retry_after_ms, ..Self::new(AuthFailure::RateLimited) }
    }

    pub(in crate::handshake) fn new(reason: AuthFailure) -> Self {
        Self { reason, header: None, rate_limited: false, retry_after_ms: None }
    }
}

/// The token and password from a client, trimmed. Blank ones count as absent.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::handshake) struct SentSecrets<'a> {
    pub token: Option<&'a str>,
    pub password: Option<&'a str>,
}

/// The scope and the address of the failure count.
pub(in crate::handshake) struct FailureCounter<'a> {
    pub now: i64,
    pub address: Option<&'a str>,
    pub limiter: Option<&'a mut RateLimiter>,
    /// Whether the caller counts a wrong secret later, if nothing else admits the client.
    pub later: bool,
}

/// The digest of the shared secret that tokens are bound to, if the client got in with it.
pub(in crate::handshake) fn generation(config: &GatewayConfig) -> Option<String> {
    let (mode, secret) = match config.auth_mode {
        AuthMode::Token => ("token", config.token.as_deref()?),
        AuthMode::Password => ("password", config.password.as_deref()?),
        AuthMode::None | AuthMode::TrustedProxy => return None,
    };
    Some(secret_generation(mode, secret))
}

/// The digest of a shared secret that binds a device token to this secret. `mode` is the auth mode: `token` or `password`.
pub fn secret_generation(mode: &str, secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{mode}\0{secret}")))
}

/// The digest of the shared secret that the connection is bound to, with or without a reverse proxy.
pub(in crate::handshake) fn of_connection(config: &GatewayConfig) -> Option<String> {
    let beside_proxy = || {
        let password = config.password.as_deref().filter(|_| config.auth_mode == AuthMode::TrustedProxy)?;
        Some(URL_SAFE_NO_PAD.encode(Sha256::digest(format!("trusted-proxy\0{password}"))))
    };
    generation(config).or_else(beside_proxy)
}

/// Checks the secret that a client sent.
///
/// `gateway.auth.allowTailscale` has no effect here: it relies on a Tailscale daemon that no case has, and without one
/// the releases behave as if it were off.
///
/// # Errors
/// Returns the reason why the client is not admitted.
pub(in crate::handshake) fn authorise(
    rules: &HandshakeRules,
    config: &GatewayConfig,
    (peer, direct): (&Peer, bool),
    given: SentSecrets<'_>,
    mut counter: FailureCounter<'_>,
) -> Result<AuthMethod, SecretFailure> {
    let mut mode = config.auth_mode.clone();
    match mode {
        AuthMode::TrustedProxy => {
            let vouched = vouched(rules, config, peer);
            // A direct connection has no proxy header, so nothing names the client.
            if vouched.is_ok() && rules.user_needs_address && direct {
                return Err(SecretFailure::new(AuthFailure::NoClientAddress));
            }
            let password = config.password.as_deref().is_some_and(|password| !password.is_empty());
            if vouched.is_ok() || !(rules.password_beside_proxy && direct && password && given.password.is_some()) {
                return vouched;
            }
            mode = AuthMode::Password;
        }
        AuthMode::None => return Ok(AuthMethod::None),
        AuthMode::Token | AuthMode::Password => {}
    }
    let either = rules.either_secret && config.auth_mode != AuthMode::TrustedProxy;
    let (token, password) = match either {
        true => (given.token.or(given.password), given.password.or(given.token)),
        false => (given.token, given.password),
    };
    // If the client address is unknown, the peer's address counts, for the secret only.
    let peer_address = peer.address.to_string();
    let address = counter.address.or(Some(peer_address.as_str()));
    if let Some(limiter) = counter.limiter.as_deref_mut()
        && !limiter.allows(counter.now, address, Credential::SharedSecret)
    {
        return Err(SecretFailure::rate_limited(limiter.retry_after(counter.now, address, Credential::SharedSecret)));
    }
    let verdict = if mode == AuthMode::Token {
        compare_secret(
            config.token.as_deref(),
            token,
            [AuthFailure::TokenMissingConfig, AuthFailure::TokenMissing, AuthFailure::TokenMismatch],
        )
        .map(|()| AuthMethod::Token)
    } else {
        let reasons = [AuthFailure::PasswordMissingConfig, AuthFailure::PasswordMissing, AuthFailure::PasswordMismatch];
        compare_secret(config.password.as_deref(), password, reasons).map(|()| AuthMethod::Password)
    };
    if let Some(limiter) = counter.limiter {
        match &verdict {
            Ok(_) => limiter.clear(address, Credential::SharedSecret),
            Err(_) if counter.later => {}
            Err(failure)
                if failure.reason.is_wrong_secret()
                    || (failure.reason.is_missing_secret() && !rules.missing_secret_not_counted) =>
            {
                limiter.fail(counter.now, address, Credential::SharedSecret);
            }
            Err(_) => {}
        }
    }
    verdict
}

fn compare_secret(expected: Option<&str>, given: Option<&str>, reasons: [AuthFailure; 3]) -> Result<(), SecretFailure> {
    let [not_configured, missing, mismatch] = reasons;
    match (expected.filter(|secret| !secret.is_empty()), given) {
        (None, _) => Err(SecretFailure::new(not_configured)),
        (_, None) => Err(SecretFailure::new(missing)),
        (Some(expected), Some(given)) if expected == given => Ok(()),
        _ => Err(SecretFailure::new(mismatch)),
    }
}

fn vouched(rules: &HandshakeRules, config: &GatewayConfig, peer: &Peer) -> Result<AuthMethod, SecretFailure> {
    let Some(proxy) = &config.trusted_proxy else { return Err(SecretFailure::new(AuthFailure::ProxyConfigMissing)) };
    if config.trusted_proxies.is_empty() {
        return Err(SecretFailure::new(AuthFailure::NoTrustedProxies));
    }
    if !address::is_listed(peer.address, &config.trusted_proxies) {
        return Err(SecretFailure::new(AuthFailure::ProxyUntrusted));
    }
    let allowed = rules.loopback_proxy_may_be_allowed && proxy.allow_loopback;
    if rules.loopback_proxy_cannot_authenticate && address::is_loopback(peer.address) && !allowed {
        return Err(SecretFailure::new(AuthFailure::ProxyOnLoopback));
    }
    vouched_user(proxy, peer).map(|()| AuthMethod::TrustedProxy)
}

fn vouched_user(proxy: &TrustedProxy, peer: &Peer) -> Result<(), SecretFailure> {
    let value = |header: &str| joined(peer, &header.to_lowercase()).filter(|value| !value.trim().is_empty());
    if let Some(missing) = proxy.required_headers.iter().find(|header| value(header).is_none()) {
        let failure = SecretFailure::new(AuthFailure::ProxyHeaderMissing);
        return Err(SecretFailure { header: Some(missing.clone()), ..failure });
    }
    let Some(user) = value(&proxy.user_header) else { return Err(SecretFailure::new(AuthFailure::ProxyUserMissing)) };
    if !proxy.allow_users.is_empty() && !proxy.allow_users.iter().any(|allowed| allowed == user.trim()) {
        return Err(SecretFailure::new(AuthFailure::ProxyUserNotAllowed));
    }
    Ok(())
}
