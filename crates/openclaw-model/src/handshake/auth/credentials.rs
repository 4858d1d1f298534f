//! Checks a client's credentials (`auth-context.ts`).

use crate::handshake::attempt::Attempt;
use crate::handshake::auth::limits::{Credential, RateLimiter, RateLimits};
use crate::handshake::auth::secret::{self, FailureCounter, SecretFailure, SentSecrets};
use crate::handshake::auth::verdict::{AuthFailure, AuthMethod, CredentialsFinding};
use crate::pairing::{self, BootstrapRequest, ShownToken, StoreError, TokenRefusal};
use crate::{AuthMode, Environment, Facts, GatewayConfig};
use openclaw_protocol::js;

/// The result of a client's authentication.
pub(in crate::handshake) struct AuthResult {
    /// The method that admitted the client, or the reason for its refusal.
    pub verdict: Result<AuthMethod, SecretFailure>,
    /// The method that admitted the client. For a refused client, the method of the auth mode.
    pub method: AuthMethod,
    /// Whether the client sent the gateway's secret or was authenticated by a reverse proxy.
    pub has_secret: bool,
    /// Whether the client sent a token or password that is not blank.
    sent_secret: bool,
    /// Whether the client's token or password is wrong and does not count yet.
    wrong_secret: bool,
    bootstrap_token: Option<String>,
    device_token: Option<DeviceToken>,
    /// The shared secret that the device token is bound to.
    bound_to: Option<String>,
    /// The reason why the device token was refused, if it was checked.
    token_refusal: Option<TokenRefusal>,
}

struct DeviceToken {
    token: String,
    /// Whether the token came as `auth.deviceToken` or the release makes no difference. Otherwise, it is an
    /// `auth.token` that can be a device token.
    explicit: bool,
}

impl AuthResult {
    pub(in crate::handshake) fn authorised(&self) -> bool {
        self.verdict.is_ok()
    }

    /// The verdict, for a trace.
    pub(in crate::handshake) fn finding(&self) -> CredentialsFinding {
        match &self.verdict {
            Ok(_) => CredentialsFinding::Admitted(self.method),
            Err(refused) => CredentialsFinding::Refused {
                failure: refused.reason,
                header: refused.header.clone(),
                as_device_token: self.token_refusal.map(|refusal| refusal.reason().to_owned()),
            },
        }
    }

    /// Whether the gateway's own secret admitted the client.
    pub(in crate::handshake) fn has_matching_secret(&self) -> bool {
        self.has_secret && matches!(self.method, AuthMethod::Token | AuthMethod::Password)
    }

    /// The shared secret that the accepted device token is bound to.
    pub(in crate::handshake) fn bound_to(&self) -> Option<&str> {
        self.bound_to.as_deref()
    }

    /// The bootstrap token that was given beside a device.
    pub(in crate::handshake) fn bootstrap_token(&self) -> Option<&str> {
        self.bootstrap_token.as_deref()
    }
}

/// Looks at the gateway's secret. Bootstrap and device tokens are only noted, and only where there is a device.
pub(in crate::handshake) fn check_shared_secret(
    rules: &Facts,
    config: &GatewayConfig,
    limits: &mut RateLimits,
    now: i64,
    attempt: &Attempt,
    has_device: bool,
) -> AuthResult {
    let auth = attempt.params.auth.as_ref();
    let known = rules.handshake.device_tokens_known;
    let text = |text| if known { not_blank(text) } else { not_empty(text) };
    let given = SentSecrets {
        token: auth.and_then(|auth| text(auth.token.as_deref())),
        password: auth.and_then(|auth| text(auth.password.as_deref())),
    };
    let sent_secret = given.token.is_some() || given.password.is_some();
    let device_token = auth.filter(|_| has_device).and_then(|auth| {
        let explicit = not_blank(auth.device_token.as_deref()).map(|token| (token, true));
        let (token, explicit) = explicit.or(given.token.map(|token| (token, !known)))?;
        Some(DeviceToken { token: token.to_owned(), explicit })
    });
    let bootstrap_token =
        auth.filter(|_| has_device).and_then(|auth| not_blank(auth.bootstrap_token.as_deref())).map(str::to_owned);
    let handshake = &rules.handshake;
    let shielded = handshake.device_token_shields_secret;
    let counted = if shielded { device_token.is_none() } else { sent_secret };
    let address = attempt.limit_address.as_deref();
    let limiter = limits.of(browser(rules, attempt)).filter(|_| counted);
    let later = handshake.secret_failure_counts_on_refusal && device_token.is_some();
    let mut verdict = secret::authorise(
        handshake,
        config,
        (&attempt.peer, attempt.locality.direct),
        given,
        FailureCounter { now, address, limiter, later },
    );
    if shielded && device_token.is_some() && matches!(verdict, Ok(AuthMethod::Token | AuthMethod::Password)) {
        verdict = meets_limit(limits.of(browser(rules, attempt)), now, attempt, verdict);
    }
    let uncounted = FailureCounter { now, address, limiter: None, later };
    let secret = sent_secret
        .then(|| secret::authorise(handshake, config, (&attempt.peer, attempt.locality.direct), given, uncounted));
    let has_secret = matches!(secret, Some(Ok(AuthMethod::Token | AuthMethod::Password)))
        || (known && verdict == Ok(AuthMethod::TrustedProxy));
    let expected = if config.auth_mode == AuthMode::Password { AuthMethod::Password } else { AuthMethod::Token };
    let method = *verdict.as_ref().unwrap_or(&expected);
    let wrong_secret = later && verdict.as_ref().is_err_and(|failure| failure.reason.is_wrong_secret());
    AuthResult {
        verdict,
        method,
        has_secret,
        sent_secret,
        wrong_secret,
        bootstrap_token,
        device_token,
        bound_to: None,
        token_refusal: None,
    }
}

/// In the older rule, a correct secret with a device token still fails while its address is locked out.
fn meets_limit(
    limiter: Option<&mut RateLimiter>,
    now: i64,
    attempt: &Attempt,
    verdict: Result<AuthMethod, SecretFailure>,
) -> Result<AuthMethod, SecretFailure> {
    let Some(limiter) = limiter else { return verdict };
    let address = attempt.limit_address.as_deref();
    if !limiter.allows(now, address, Credential::SharedSecret) {
        return Err(SecretFailure::rate_limited(None));
    }
    limiter.clear(address, Credential::SharedSecret);
    verdict
}

/// Checks bootstrap and device tokens if the secret was not sufficient or the release checks them anyway.
///
/// # Errors
/// The store.
pub(in crate::handshake) fn decide(
    rules: &Facts,
    config: &GatewayConfig,
    limits: &mut RateLimits,
    environment: &mut Environment<'_>,
    attempt: &Attempt,
    auth_result: &mut AuthResult,
) -> Result<(), StoreError> {
    if attempt.params.device.is_none() {
        return Ok(());
    }
    let wrong = decide_by_bootstrap_token(rules, limits, environment, attempt, auth_result)?;
    if let (Err(failure), Some(_)) = (&auth_result.verdict, &auth_result.device_token) {
        let blocked = failure.rate_limited && rules.handshake.secret_lockout_blocks_device_token;
        decide_by_device_token(rules, config, limits, environment, attempt, auth_result, blocked)?;
    }
    if wrong
        && !auth_result.authorised()
        && let Some(limiter) = limits.of(attempt.origin.is_some())
    {
        limiter.fail(environment.now, attempt.limit_address.as_deref(), Credential::BootstrapToken);
    }
    if !auth_result.authorised() {
        count_wrong_secret(limits, environment.now, attempt, auth_result);
    }
    Ok(())
}

/// Counts a wrong token or password that has not been counted yet, of a client that nothing else has let in.
pub(in crate::handshake) fn count_wrong_secret(
    limits: &mut RateLimits,
    now: i64,
    attempt: &Attempt,
    auth_result: &AuthResult,
) {
    if auth_result.wrong_secret
        && let Some(limiter) = limits.of(attempt.origin.is_some())
    {
        let peer = attempt.peer.address.to_string();
        let address = attempt.limit_address.as_deref().or(Some(peer.as_str()));
        limiter.fail(now, address, Credential::SharedSecret);
    }
}

/// Checks the bootstrap token. Returns whether it is wrong and counts.
fn decide_by_bootstrap_token(
    rules: &Facts,
    limits: &mut RateLimits,
    environment: &mut Environment<'_>,
    attempt: &Attempt,
    auth_result: &mut AuthResult,
) -> Result<bool, StoreError> {
    let (Some(device), Some(token)) = (&attempt.params.device, &auth_result.bootstrap_token) else { return Ok(false) };
    if auth_result.authorised() && !rules.handshake.bootstrap_precedes_secret {
        return Ok(false);
    }
    let (now, address) = (environment.now, attempt.limit_address.as_deref());
    let mut limiter = limits.of(attempt.origin.is_some()).filter(|_| rules.handshake.bootstrap_limited);
    if limiter.as_deref_mut().is_some_and(|limiter| !limiter.allows(now, address, Credential::BootstrapToken)) {
        let retry = limiter.and_then(|limiter| limiter.retry_after(now, address, Credential::BootstrapToken));
        if !auth_result.authorised() {
            auth_result.verdict = Err(SecretFailure::rate_limited(retry));
        }
        return Ok(false);
    }
    let request = BootstrapRequest {
        token,
        device_id: &device.id,
        public_key: &device.public_key,
        role: attempt.role,
        scopes: &attempt.scopes,
    };
    if pairing::verify_bootstrap_token(&rules.pairing, environment.store, now, request)? {
        auth_result.verdict = Ok(AuthMethod::BootstrapToken);
        auth_result.method = AuthMethod::BootstrapToken;
        if let Some(limiter) = limiter {
            limiter.clear(address, Credential::BootstrapToken);
        }
        return Ok(false);
    }
    if !auth_result.authorised() {
        auth_result.verdict = Err(SecretFailure::new(AuthFailure::BootstrapTokenInvalid));
    }
    Ok(limiter.is_some())
}

fn decide_by_device_token(
    rules: &Facts,
    config: &GatewayConfig,
    limits: &mut RateLimits,
    environment: &mut Environment<'_>,
    attempt: &Attempt,
    auth_result: &mut AuthResult,
    blocked: bool,
) -> Result<(), StoreError> {
    let (Some(device), Some(given)) = (&attempt.params.device, &auth_result.device_token) else { return Ok(()) };
    let (now, address) = (environment.now, attempt.limit_address.as_deref());
    let mut limiter = limits.of(browser(rules, attempt));
    if limiter.as_deref_mut().is_some_and(|limiter| !limiter.allows(now, address, Credential::DeviceToken)) {
        let retry = limiter.and_then(|limiter| limiter.retry_after(now, address, Credential::DeviceToken));
        auth_result.verdict = Err(SecretFailure::rate_limited(retry));
        return Ok(());
    }
    if blocked {
        return Ok(());
    }
    let bound = if rules.handshake.browser_tokens_bound { secret::generation(config) } else { None };
    let shown =
        ShownToken { token: &given.token, role: attempt.role, scopes: &attempt.scopes, bound: bound.as_deref() };
    let verified = pairing::verify_token(&rules.pairing, environment.store, now, &device.id, shown)?;
    auth_result.token_refusal = verified.as_ref().err().copied();
    if let Ok(bound_to) = verified {
        auth_result.verdict = Ok(AuthMethod::DeviceToken);
        auth_result.method = AuthMethod::DeviceToken;
        auth_result.bound_to = bound_to;
        if let Some(limiter) = limiter {
            limiter.clear(address, Credential::DeviceToken);
            let clears = rules.handshake.device_token_clears_secret_failures
                && !rules.handshake.secret_failure_counts_on_refusal;
            if auth_result.sent_secret && clears {
                limiter.clear(address, Credential::SharedSecret);
            }
        }
    } else {
        if rules.handshake.scope_mismatch_named && verified == Err(TokenRefusal::ScopeMismatch) {
            auth_result.verdict = Err(SecretFailure::new(AuthFailure::ScopeMismatch));
        } else if given.explicit {
            auth_result.verdict = Err(SecretFailure::new(AuthFailure::DeviceTokenMismatch));
        } else if let Err(failure) = &mut auth_result.verdict {
            // The token was checked: the reason stays, but not that the rate limit caused it (observed on 2026.6.11;
            // `auth-context.ts` of 2026.3.31 and 2026.4.2 creates a new result, too).
            (failure.rate_limited, failure.retry_after_ms) = (false, None);
        }
        if let Some(limiter) = limiter {
            limiter.fail(now, address, Credential::DeviceToken);
        }
    }
    Ok(())
}

/// Whether the client is counted by the limits of browsers.
pub(in crate::handshake) fn browser(rules: &Facts, attempt: &Attempt) -> bool {
    rules.handshake.browsers_limited && attempt.origin.is_some()
}

fn not_empty(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

fn not_blank(text: Option<&str>) -> Option<&str> {
    text.map(js::trim).filter(|text| !text.is_empty())
}
