//! Checks the gateway's secret: token, password, none, or authentication by a reverse proxy (`authorizeGatewayConnect`
//! in `auth.ts`).

use crate::config::TrustedProxy;
use crate::handshake::HandshakeRules;
use crate::handshake::auth::limits::{Credential, RateLimiter};
use crate::locality::joined;
use crate::{AuthMode, GatewayConfig, Peer, address};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;

/// The method that admitted a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::handshake) enum AuthMethod {
    None,
    Token,
    Password,
    TrustedProxy,
    BootstrapToken,
    DeviceToken,
}

impl AuthMethod {
    /// The method in words, for people.
    pub(in crate::handshake) fn words(self) -> &'static str {
        match self {
            Self::None => "auth mode none, which needs no credentials",
            Self::Token => "the gateway's token",
            Self::Password => "the gateway's password",
            Self::TrustedProxy => "a trusted proxy",
            Self::BootstrapToken => "a bootstrap token",
            Self::DeviceToken => "the device's own token",
        }
    }

    /// Its name in `hello-ok`.
    pub(in crate::handshake) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Token => "token",
            Self::Password => "password",
            Self::TrustedProxy => "trusted-proxy",
            Self::BootstrapToken => "bootstrap-token",
            Self::DeviceToken => "device-token",
        }
    }
}

/// The reason why a client was not admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::handshake) struct SecretFailure {
    /// `details.authReason`.
    pub reason: Cow<'static, str>,
    /// Whether the rate limit caused the refusal.
    pub rate_limited: bool,
    /// The time until the next attempt, if the rate limit knows it.
    pub retry_after_ms: Option<u64>,
}

/// The reason for a user whose reverse proxy does not name the address of the client.
pub(super) const NO_CLIENT_ADDRESS: &str = "proxy_attribution_required";

impl SecretFailure {
    /// The reason in words, for people.
    pub(in crate::handshake) fn words(&self) -> Cow<'static, str> {
        let words = match self.reason.as_ref() {
            "token_missing_config" => "the gateway requires a token, but has none configured",
            "token_missing" => "the client sent no token",
            "token_mismatch" => "the client's token is not the gateway's token",
            "password_missing_config" => "the gateway requires a password, but has none configured",
            "password_missing" => "the client sent no password",
            "password_mismatch" => "the client's password is not the gateway's password",
            "bootstrap_token_invalid" => "the bootstrap token is unknown, used or expired",
            "device_token_mismatch" => "the device token is not valid for this device and role",
            "scope_mismatch" => "the device token has fewer scopes than the client requests",
            "rate_limited" => "too many failed attempts from this address",
            "trusted_proxy_untrusted_source" => "gateway.trustedProxies does not name the peer",
            "trusted_proxy_loopback_source" => "a proxy on loopback cannot authenticate users",
            "trusted_proxy_user_missing" => "the proxy names no user",
            "trusted_proxy_user_not_allowed" => "gateway.auth.trustedProxy.allowUsers does not list the user",
            "trusted_proxy_no_proxies_configured" => "gateway.trustedProxies is empty",
            "trusted_proxy_config_missing" => "gateway.auth.trustedProxy is not set",
            NO_CLIENT_ADDRESS => "the proxy names a user, but not the address of the client",
            _ => return self.reason.clone(),
        };
        Cow::Borrowed(words)
    }

    pub(in crate::handshake) fn rate_limited(retry_after_ms: Option<u64>) -> Self {
        Self { reason: Cow::Borrowed("rate_limited"), rate_limited: true, retry_after_ms }
    }

    pub(in crate::handshake) fn new(reason: &'static str) -> Self {
        Self { reason: Cow::Borrowed(reason), rate_limited: false, retry_after_ms: None }
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
                return Err(SecretFailure::new(NO_CLIENT_ADDRESS));
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
        compare_secret(config.token.as_deref(), token, ["token_missing_config", "token_missing", "token_mismatch"])
            .map(|()| AuthMethod::Token)
    } else {
        let reasons = ["password_missing_config", "password_missing", "password_mismatch"];
        compare_secret(config.password.as_deref(), password, reasons).map(|()| AuthMethod::Password)
    };
    if let Some(limiter) = counter.limiter {
        match &verdict {
            Ok(_) => limiter.clear(address, Credential::SharedSecret),
            Err(_) if counter.later => {}
            Err(failure)
                if failure.reason.ends_with("_mismatch")
                    || (failure.reason.ends_with("_missing") && !rules.missing_secret_not_counted) =>
            {
                limiter.fail(counter.now, address, Credential::SharedSecret);
            }
            Err(_) => {}
        }
    }
    verdict
}

fn compare_secret(
    expected: Option<&str>,
    given: Option<&str>,
    reasons: [&'static str; 3],
) -> Result<(), SecretFailure> {
    let [not_configured, missing, mismatch] = reasons;
    match (expected.filter(|secret| !secret.is_empty()), given) {
        (None, _) => Err(SecretFailure::new(not_configured)),
        (_, None) => Err(SecretFailure::new(missing)),
        (Some(expected), Some(given)) if expected == given => Ok(()),
        _ => Err(SecretFailure::new(mismatch)),
    }
}

fn vouched(rules: &HandshakeRules, config: &GatewayConfig, peer: &Peer) -> Result<AuthMethod, SecretFailure> {
    let Some(proxy) = &config.trusted_proxy else { return Err(SecretFailure::new("trusted_proxy_config_missing")) };
    if config.trusted_proxies.is_empty() {
        return Err(SecretFailure::new("trusted_proxy_no_proxies_configured"));
    }
    if !address::is_listed(peer.address, &config.trusted_proxies) {
        return Err(SecretFailure::new("trusted_proxy_untrusted_source"));
    }
    let allowed = rules.loopback_proxy_may_be_allowed && proxy.allow_loopback;
    if rules.loopback_proxy_cannot_authenticate && address::is_loopback(peer.address) && !allowed {
        return Err(SecretFailure::new("trusted_proxy_loopback_source"));
    }
    vouched_user(proxy, peer).map(|()| AuthMethod::TrustedProxy)
}

fn vouched_user(proxy: &TrustedProxy, peer: &Peer) -> Result<(), SecretFailure> {
    let value = |header: &str| joined(peer, &header.to_lowercase()).filter(|value| !value.trim().is_empty());
    if let Some(missing) = proxy.required_headers.iter().find(|header| value(header).is_none()) {
        let reason = Cow::Owned(format!("trusted_proxy_missing_header_{missing}"));
        return Err(SecretFailure { reason, rate_limited: false, retry_after_ms: None });
    }
    let Some(user) = value(&proxy.user_header) else { return Err(SecretFailure::new("trusted_proxy_user_missing")) };
    if !proxy.allow_users.is_empty() && !proxy.allow_users.iter().any(|allowed| allowed == user.trim()) {
        return Err(SecretFailure::new("trusted_proxy_user_not_allowed"));
    }
    Ok(())
}
