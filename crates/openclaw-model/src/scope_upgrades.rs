//! Scope upgrades that connected devices request and wait for (`device-scope-upgrade.ts`).

use super::input::ConnectionId;
use indexmap::IndexMap;
use serde_json::{Value, json};

/// How long a finished upgrade remains available, in milliseconds.
const GRACE_MS: i64 = 15_000;

/// The owner of an upgrade: the device's id, and its key as the client sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UpgradeOwner {
    /// The device's id.
    pub device_id: String,
    /// Its key.
    pub public_key: String,
}

/// How a call on this gateway decided a pending request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UpgradeDecision {
    /// The request was approved.
    Approved,
    /// The request was rejected or replaced.
    Rejected,
}

/// One requested upgrade.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ScopeUpgrade {
    /// The device that requested it.
    pub owner: UpgradeOwner,
    /// The requested scopes.
    pub scopes: Vec<String>,
    /// The device's token at the time of the request.
    pub initial_token: Option<Value>,
    /// The time of the device's last approval before the request, from its record.
    pub initial_approval: Option<Value>,
    /// The time at which it expires, in milliseconds since 1970.
    pub expires_at: i64,
    /// The decision.
    pub decided: Option<UpgradeDecision>,
    /// The answer for waiting clients, and its time.
    result: Option<(Value, i64)>,
    waiters: Vec<(ConnectionId, String)>,
}

impl ScopeUpgrade {
    /// A new upgrade.
    pub(crate) fn new(
        owner: UpgradeOwner,
        scopes: Vec<String>,
        before: (Option<Value>, Option<Value>),
        expires_at: i64,
    ) -> Self {
        let (initial_token, initial_approval) = before;
        Self {
            owner,
            scopes,
            initial_token,
            initial_approval,
            expires_at,
            decided: None,
            result: None,
            waiters: Vec::new(),
        }
    }
}

/// The known upgrades, by the id of their pending request.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ScopeUpgrades {
    entries: IndexMap<String, ScopeUpgrade>,
}

impl ScopeUpgrades {
    /// Records an upgrade. If it is requested again under its id, the waiting clients and the device's earlier state
    /// are kept.
    pub(crate) fn register(&mut self, request_id: &str, upgrade: ScopeUpgrade, now: i64) {
        self.forget_old(now);
        match self.entries.get_mut(request_id) {
            Some(known) => {
                known.scopes = upgrade.scopes;
                known.expires_at = upgrade.expires_at;
                (known.decided, known.result) = (None, None);
            }
            None => {
                self.entries.insert(request_id.to_owned(), upgrade);
            }
        }
    }

    /// Records the decision about a pending request.
    pub(crate) fn decide(&mut self, request_id: &str, decided: UpgradeDecision) {
        if let Some(upgrade) = self.entries.get_mut(request_id) {
            upgrade.decided = Some(decided);
        }
    }

    /// Lets the owner wait for an upgrade. `false` if it has no such upgrade.
    pub(crate) fn wait(
        &mut self,
        request_id: &str,
        owner: &UpgradeOwner,
        waiter: (ConnectionId, String),
        now: i64,
    ) -> bool {
        self.forget_old(now);
        let theirs = self.entries.get_mut(request_id).filter(|upgrade| upgrade.owner == *owner);
        theirs.map(|upgrade| upgrade.waiters.push(waiter)).is_some()
    }

    /// The upgrades that clients wait for, with their ids.
    pub(crate) fn awaited(&self) -> Vec<(String, ScopeUpgrade)> {
        let awaited = self.entries.iter().filter(|(_, upgrade)| !upgrade.waiters.is_empty());
        awaited.map(|(id, upgrade)| (id.clone(), upgrade.clone())).collect()
    }

    /// Records the result of an upgrade. Returns the waiting clients.
    pub(crate) fn finish(&mut self, request_id: &str, result: &Value, now: i64) -> Vec<(ConnectionId, String)> {
        let Some(upgrade) = self.entries.get_mut(request_id) else { return Vec::new() };
        upgrade.result.get_or_insert_with(|| (result.clone(), now));
        std::mem::take(&mut upgrade.waiters)
    }

    /// The next expiry of an upgrade that clients wait for.
    pub(crate) fn next_expiry(&self) -> Option<i64> {
        self.entries.values().filter(|upgrade| !upgrade.waiters.is_empty()).map(|upgrade| upgrade.expires_at).min()
    }

    fn forget_old(&mut self, now: i64) {
        let until =
            |upgrade: &ScopeUpgrade| upgrade.result.as_ref().map_or(upgrade.expires_at, |(_, at)| *at) + GRACE_MS;
        self.entries.retain(|_, upgrade| now < until(upgrade));
    }
}

impl ScopeUpgrade {
    /// The result, if it is already known.
    pub(crate) fn result(&self) -> Option<Value> {
        self.result.as_ref().map(|(result, _)| result.clone())
    }
}

/// The answer for an upgrade that was not approved.
pub(crate) fn ended(request_id: &str, status: &str) -> Value {
    json!({"status": status, "requestId": request_id})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(device: &str) -> UpgradeOwner {
        UpgradeOwner { device_id: device.to_owned(), public_key: "key".to_owned() }
    }

    fn waiter(id: &str) -> (ConnectionId, String) {
        (ConnectionId(1), id.to_owned())
    }

    #[test]
    fn owner_and_all_waiters_get_answer() {
        let mut upgrades = ScopeUpgrades::default();
        upgrades.register("r", ScopeUpgrade::new(owner("a"), Vec::new(), (None, None), 100), 0);
        assert!(!upgrades.wait("r", &owner("b"), waiter("1"), 1));
        assert!(!upgrades.wait("x", &owner("a"), waiter("1"), 1));
        assert!(upgrades.wait("r", &owner("a"), waiter("1"), 1) && upgrades.wait("r", &owner("a"), waiter("2"), 1));
        assert_eq!((upgrades.awaited().len(), upgrades.next_expiry()), (1, Some(100)));
        assert_eq!(upgrades.finish("r", &ended("r", "rejected"), 5), [waiter("1"), waiter("2")]);
        assert_eq!((upgrades.awaited().len(), upgrades.next_expiry()), (0, None));
    }

    #[test]
    fn result_is_kept_for_15_seconds() {
        let mut upgrades = ScopeUpgrades::default();
        upgrades.register("r", ScopeUpgrade::new(owner("a"), Vec::new(), (None, None), 100), 0);
        upgrades.finish("r", &ended("r", "rejected"), 5);
        assert!(upgrades.wait("r", &owner("a"), waiter("1"), 5 + GRACE_MS - 1));
        assert_eq!(upgrades.awaited()[0].1.result().unwrap()["status"], "rejected");
        assert!(!upgrades.wait("r", &owner("a"), waiter("2"), 5 + GRACE_MS));
    }

    #[test]
    fn forgets_upgrade_without_waiters() {
        let mut upgrades = ScopeUpgrades::default();
        upgrades.register("r", ScopeUpgrade::new(owner("a"), Vec::new(), (None, None), 100), 0);
        assert!(!upgrades.wait("r", &owner("a"), waiter("1"), 100 + GRACE_MS));
    }

    #[test]
    fn forgotten_upgrade_can_be_requested_again() {
        let mut upgrades = ScopeUpgrades::default();
        let new = |expires_at| ScopeUpgrade::new(owner("a"), Vec::new(), (None, None), expires_at);
        for n in 0..100 {
            upgrades.register(&format!("r{n}"), new(n * 1_000), n * 1_000);
        }
        assert_eq!(upgrades.entries.len(), 15);
        upgrades.register("again", new(200_000), 199_000);
        upgrades.finish("again", &ended("again", "expired"), 200_000);
        upgrades.register("again", new(300_000), 200_001);
        assert_eq!(upgrades.entries["again"].result(), None);
    }
}
