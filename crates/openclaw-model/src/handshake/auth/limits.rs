//! Rate limits for failed credentials, by address and kind of credential (`auth-rate-limit.ts`).

use crate::GatewayConfig;
use crate::address;
use crate::config::RateLimit;
use crate::handshake::attempt::BROWSER_ORIGIN_PREFIX;
use std::collections::HashMap;

/// Records are looked through for outdated ones at most this often, in milliseconds.
const PRUNE_INTERVAL_MS: i64 = 60_000;

/// The kind of the failed credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::handshake) enum Credential {
    /// Token or password of the gateway.
    SharedSecret,
    /// A device's own token.
    DeviceToken,
    /// A bootstrap token, which has a limit of its own.
    BootstrapToken,
    /// No credential: a new node's request for approval.
    NodePairing,
}

/// The rate limits of one gateway. Browsers always have one. Clients without an `Origin` have one if the configuration
/// sets it, and in newer releases always.
#[derive(Debug, Clone)]
pub(crate) struct RateLimits {
    plain: Option<RateLimiter>,
    browser: RateLimiter,
}

impl RateLimits {
    /// The rate limits of a configuration. For browsers, no loopback address is exempt.
    pub(crate) fn new(config: &GatewayConfig, always: bool) -> Self {
        let default = RateLimit { max_attempts: 10, window_ms: 60_000, lockout_ms: 300_000, exempt_loopback: true };
        let plain = config.rate_limit.clone().or_else(|| always.then(|| default.clone())).map(RateLimiter::new);
        let browser = RateLimit { exempt_loopback: false, ..config.rate_limit.clone().unwrap_or(default) };
        Self { plain, browser: RateLimiter::new(browser) }
    }

    /// The limit for a connection with or without an `Origin`.
    pub(in crate::handshake) fn of(&mut self, browser: bool) -> Option<&mut RateLimiter> {
        if browser { Some(&mut self.browser) } else { self.plain.as_mut() }
    }
}

/// Counts failures in a sliding window, and locks out an address with too many.
#[derive(Debug, Clone)]
pub(in crate::handshake) struct RateLimiter {
    limit: RateLimit,
    records: HashMap<(Credential, String), Record>,
    pruned_at: i64,
}

#[derive(Debug, Clone, Default)]
struct Record {
    failures: Vec<i64>,
    locked_until: Option<i64>,
}

impl RateLimiter {
    fn new(limit: RateLimit) -> Self {
        Self { limit, records: HashMap::new(), pruned_at: 0 }
    }

    /// Whether another attempt may be made.
    pub(in crate::handshake) fn allows(&mut self, now: i64, address: Option<&str>, credential: Credential) -> bool {
        let (key, exempt) = self.key(address, credential);
        let window = self.window();
        let most = self.limit.max_attempts as usize;
        let Some(record) = self.records.get_mut(&key).filter(|_| !exempt) else { return true };
        match record.locked_until {
            Some(until) if now < until => return false,
            Some(_) => *record = Record::default(),
            None => {}
        }
        record.drop_old_failures(now, window);
        record.failures.len() < most
    }

    /// How long an address is locked out still.
    pub(in crate::handshake) fn retry_after(
        &self,
        now: i64,
        address: Option<&str>,
        credential: Credential,
    ) -> Option<u64> {
        let (key, _) = self.key(address, credential);
        let until = self.records.get(&key).and_then(|record| record.locked_until)?;
        u64::try_from(until - now).ok()
    }

    /// Counts a failure.
    pub(in crate::handshake) fn fail(&mut self, now: i64, address: Option<&str>, credential: Credential) {
        let (key, exempt) = self.key(address, credential);
        if exempt {
            return;
        }
        self.prune(now);
        let window = self.window();
        let lockout = i64::try_from(self.limit.lockout_ms).unwrap_or(i64::MAX);
        let most = self.limit.max_attempts as usize;
        let record = self.records.entry(key).or_default();
        if record.locked_until.is_some_and(|until| now < until) {
            return;
        }
        record.drop_old_failures(now, window);
        record.failures.push(now);
        if record.failures.len() >= most {
            record.locked_until = Some(now.saturating_add(lockout));
        }
    }

    /// Forgets the failures of an address.
    pub(in crate::handshake) fn clear(&mut self, address: Option<&str>, credential: Credential) {
        let (key, _) = self.key(address, credential);
        self.records.remove(&key);
    }

    /// The bucket of an address, and whether the address is exempt.
    fn key(&self, address: Option<&str>, credential: Credential) -> ((Credential, String), bool) {
        let origin = address.filter(|address| address.starts_with(BROWSER_ORIGIN_PREFIX));
        let parsed = address.filter(|_| origin.is_none()).and_then(address::parse);
        let exempt = self.limit.exempt_loopback && parsed.is_some_and(address::is_loopback);
        let name = origin.map(str::to_owned).or(parsed.map(|ip| ip.to_string()));
        ((credential, name.unwrap_or_else(|| "unknown".to_owned())), exempt)
    }

    fn window(&self) -> i64 {
        i64::try_from(self.limit.window_ms).unwrap_or(i64::MAX)
    }

    fn prune(&mut self, now: i64) {
        if now - self.pruned_at < PRUNE_INTERVAL_MS {
            return;
        }
        self.pruned_at = now;
        let window = self.window();
        self.records.retain(|_, record| {
            let locked = record.locked_until.is_some_and(|until| now < until);
            if !locked {
                record.drop_old_failures(now, window);
            }
            locked || !record.failures.is_empty()
        });
    }
}

impl Record {
    fn drop_old_failures(&mut self, now: i64, window: i64) {
        self.failures.retain(|at| *at > now.saturating_sub(window));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(exempt_loopback: bool) -> RateLimiter {
        RateLimiter::new(RateLimit { max_attempts: 3, window_ms: 100, lockout_ms: 1_000, exempt_loopback })
    }

    #[test]
    fn lock_out_and_expiry() {
        let mut limiter = limiter(false);
        let address = Some("10.0.0.1");
        for _ in 0..3 {
            assert!(limiter.allows(5, address, Credential::SharedSecret));
            limiter.fail(5, address, Credential::SharedSecret);
        }
        assert!(!limiter.allows(1_004, address, Credential::SharedSecret));
        assert!(limiter.allows(1_005, address, Credential::SharedSecret));
        assert!(limiter.allows(6, address, Credential::DeviceToken));
        assert!(limiter.allows(6, Some("10.0.0.2"), Credential::SharedSecret));
    }

    #[test]
    fn sliding_window_and_reset() {
        let mut limiter = limiter(false);
        for now in [0, 60, 120] {
            limiter.fail(now, None, Credential::SharedSecret);
        }
        assert!(limiter.allows(121, None, Credential::SharedSecret));
        limiter.fail(130, None, Credential::SharedSecret);
        assert!(!limiter.allows(131, None, Credential::SharedSecret));
        limiter.clear(None, Credential::SharedSecret);
        assert!(limiter.allows(131, None, Credential::SharedSecret));
    }

    #[test]
    fn loopback_exemption() {
        for (exempt, allowed) in [(true, true), (false, false)] {
            let mut limiter = limiter(exempt);
            for _ in 0..3 {
                limiter.fail(0, Some("::ffff:127.0.0.1"), Credential::SharedSecret);
            }
            assert_eq!(limiter.allows(0, Some("127.0.0.1"), Credential::SharedSecret), allowed);
        }
    }
}
