//! Approval requests for commands: registered, awaited, decided, expired (`exec-approval-manager.ts`).

use super::input::ConnectionId;
use indexmap::IndexMap;
use openclaw_protocol::js::{self, Record};
use serde_json::{Value, json};

/// How long a decided approval remains available, in milliseconds.
const GRACE_MS: i64 = 15_000;

/// An open request that is answered with the decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiter {
    /// The connection of the request.
    pub connection: ConnectionId,
    /// The id of the request.
    pub request_id: String,
    /// Whether the request registered the approval. Otherwise, it only waits for the decision.
    pub is_requester: bool,
}

/// One approval request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Approval {
    /// The id of the approval.
    pub id: String,
    /// The requested approval, as the event shows it.
    pub request: Record,
    /// The connection that requested the approval, and its device if it has one.
    pub requester: (ConnectionId, Option<String>),
    /// The time of the registration, in milliseconds since 1970.
    pub created_at: i64,
    /// The time at which the approval expires, in milliseconds since 1970.
    pub expires_at: i64,
    /// The time of the decision or expiry, and the decision. The decision is `None` if the approval expired.
    resolved: Option<(i64, Option<String>)>,
    waiters: Vec<Waiter>,
}

impl Approval {
    /// A new approval request.
    pub(crate) fn new(
        id: String,
        request: Record,
        requester: (ConnectionId, Option<String>),
        now: i64,
        timeout_ms: i64,
    ) -> Self {
        let expires_at = now.saturating_add(timeout_ms);
        Self { id, request, requester, created_at: now, expires_at, resolved: None, waiters: Vec::new() }
    }

    /// The event that announces the approval.
    pub(crate) fn announcement(&self) -> Value {
        json!({"id": self.id, "request": self.request, "createdAtMs": self.created_at, "expiresAtMs": self.expires_at})
    }

    /// The first of two answers.
    pub(crate) fn acceptance(&self, route: Option<&str>) -> Value {
        let mut acceptance = Record::new();
        js::set(&mut acceptance, "status", Some("accepted"));
        js::set(&mut acceptance, "id", Some(self.id.as_str()));
        js::set(&mut acceptance, "deliveryRoute", route);
        js::set(&mut acceptance, "createdAtMs", Some(self.created_at));
        js::set(&mut acceptance, "expiresAtMs", Some(self.expires_at));
        Value::Object(acceptance)
    }

    /// The answer with the decision.
    pub(crate) fn decision(&self) -> Value {
        let decision = self.resolved.as_ref().and_then(|(_, decision)| decision.clone());
        json!({
            "id": self.id,
            "decision": decision,
            "createdAtMs": self.created_at,
            "expiresAtMs": self.expires_at
        })
    }

    /// How the approval ended: it was decided, it expired, or nobody could be asked.
    pub(crate) fn terminal_reason(&self) -> &'static str {
        match &self.resolved {
            Some((_, Some(_))) => "user",
            Some((at, None)) if *at < self.expires_at => "no-route",
            _ => "timeout",
        }
    }

    /// The decision.
    pub(crate) fn decided(&self) -> Option<&str> {
        self.resolved.as_ref().and_then(|(_, decision)| decision.as_deref())
    }

    /// Whether the approval is decided or expired.
    pub(crate) fn is_resolved(&self) -> bool {
        self.resolved.is_some()
    }
}

/// The approvals that an id or a prefix identifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ApprovalMatch {
    /// No undecided approval.
    Nothing,
    /// One approval.
    One(String),
    /// Several approvals, in the order of their registration.
    Several(Vec<String>),
}

/// The approvals of one kind.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Approvals {
    entries: IndexMap<String, Approval>,
}

impl Approvals {
    /// The approval with this id. Decided approvals remain available for a while.
    pub(crate) fn get(&mut self, id: &str, now: i64) -> Option<&Approval> {
        self.forget_old(now);
        self.entries.get(id)
    }

    /// Registers an approval.
    pub(crate) fn register(&mut self, approval: Approval) {
        self.entries.insert(approval.id.clone(), approval);
    }

    /// Adds a request that waits for the decision. `false` if the approval does not exist or is already decided.
    pub(crate) fn wait(&mut self, id: &str, waiter: Waiter) -> bool {
        let open = self.entries.get_mut(id).filter(|approval| !approval.is_resolved());
        open.map(|approval| approval.waiters.push(waiter)).is_some()
    }

    /// Decides an approval, or expires it without a decision. Returns the approval and the waiting requests.
    pub(crate) fn resolve(&mut self, id: &str, decision: Option<&str>, now: i64) -> Option<(Approval, Vec<Waiter>)> {
        let approval = self.entries.get_mut(id).filter(|approval| !approval.is_resolved())?;
        approval.resolved = Some((now, decision.map(str::to_owned)));
        let waiters = std::mem::take(&mut approval.waiters);
        Some((approval.clone(), waiters))
    }

    /// Expires every approval that is due.
    pub(crate) fn expire(&mut self, now: i64) -> Vec<(Approval, Vec<Waiter>)> {
        self.forget_old(now);
        let due = |approval: &&Approval| !approval.is_resolved() && approval.expires_at <= now;
        let due: Vec<String> = self.entries.values().filter(due).map(|approval| approval.id.clone()).collect();
        due.iter().filter_map(|id| self.resolve(id, None, now)).collect()
    }

    /// The time at which the next approval expires.
    pub(crate) fn next_expiry(&self) -> Option<i64> {
        self.entries.values().filter(|approval| !approval.is_resolved()).map(|approval| approval.expires_at).min()
    }

    /// The undecided approvals that are shown, in the order of their registration.
    pub(crate) fn pending(&self, shown: impl Fn(&Approval) -> bool) -> Vec<Value> {
        let open = self.entries.values().filter(|approval| !approval.is_resolved() && shown(approval));
        open.map(Approval::announcement).collect()
    }

    /// The approvals that an id or a prefix identifies, regardless of letter case. Approvals that are not shown are
    /// ignored.
    pub(crate) fn named(&mut self, input: &str, now: i64, shown: impl Fn(&Approval) -> bool) -> ApprovalMatch {
        self.find(input, now, |approval| !approval.is_resolved() && shown(approval))
    }

    /// The same, including the decided approvals that are still available.
    pub(crate) fn named_ever(&mut self, input: &str, now: i64, shown: impl Fn(&Approval) -> bool) -> ApprovalMatch {
        self.find(input, now, shown)
    }

    fn find(&mut self, input: &str, now: i64, counts: impl Fn(&Approval) -> bool) -> ApprovalMatch {
        self.forget_old(now);
        let input = js::trim(input);
        if input.is_empty() {
            return ApprovalMatch::Nothing;
        }
        if let Some(exact) = self.entries.get(input) {
            return if counts(exact) { ApprovalMatch::One(exact.id.clone()) } else { ApprovalMatch::Nothing };
        }
        let prefix = input.to_lowercase();
        let matches = |approval: &&Approval| counts(approval) && approval.id.to_lowercase().starts_with(&prefix);
        let mut ids: Vec<String> = self.entries.values().filter(matches).map(|approval| approval.id.clone()).collect();
        match ids.len() {
            0 => ApprovalMatch::Nothing,
            1 => ApprovalMatch::One(ids.remove(0)),
            _ => ApprovalMatch::Several(ids),
        }
    }

    fn forget_old(&mut self, now: i64) {
        self.entries.retain(|_, approval| approval.resolved.as_ref().is_none_or(|(at, _)| now - at < GRACE_MS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(ids: &[&str]) -> Approvals {
        let mut approvals = Approvals::default();
        for id in ids {
            approvals.register(Approval::new((*id).to_owned(), Record::new(), (ConnectionId(1), None), 0, 100));
        }
        approvals
    }

    #[test]
    fn finds_id_by_prefix() {
        let mut approvals = with(&["Abc", "abd", "x"]);
        assert_eq!(approvals.named("X", 1, |_| true), ApprovalMatch::One("x".to_owned()));
        assert_eq!(
            approvals.named("ab", 1, |_| true),
            ApprovalMatch::Several(vec!["Abc".to_owned(), "abd".to_owned()])
        );
        assert_eq!(approvals.named(" ", 1, |_| true), ApprovalMatch::Nothing);
        approvals.resolve("x", Some("deny"), 2).unwrap();
        assert_eq!(approvals.named("x", 3, |_| true), ApprovalMatch::Nothing);
    }

    #[test]
    fn decision_is_kept_for_15_seconds() {
        let mut approvals = with(&["a"]);
        let waiter = Waiter { connection: ConnectionId(1), request_id: "r".to_owned(), is_requester: false };
        assert!(approvals.wait("a", waiter.clone()));
        let (approval, waiters) = approvals.resolve("a", Some("deny"), 50).unwrap();
        assert_eq!((approval.decision()["decision"].as_str(), waiters), (Some("deny"), vec![waiter]));
        assert!(approvals.resolve("a", Some("allow-once"), 51).is_none());
        assert!(approvals.get("a", 50 + GRACE_MS - 1).is_some());
        assert!(approvals.get("a", 50 + GRACE_MS).is_none());
    }

    #[test]
    fn undecided_request_expires() {
        let mut approvals = with(&["a"]);
        assert_eq!(approvals.next_expiry(), Some(100));
        assert!(approvals.expire(99).is_empty());
        assert_eq!(approvals.expire(100)[0].0.decision()["decision"], Value::Null);
        assert_eq!(approvals.next_expiry(), None);
    }
}
