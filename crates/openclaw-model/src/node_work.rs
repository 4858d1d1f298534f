//! Commands and pending work for nodes (`node-registry.ts`, `node-pending-work.ts`).

use super::input::ConnectionId;
use indexmap::IndexMap;
use openclaw_protocol::js::{self, Record};
use serde_json::{Value, json};
use std::cmp::Reverse;

/// The default lifetime of pending work that expires, in milliseconds.
const DEFAULT_TTL_MS: i64 = 86_400_000;
/// The default number of work items that a node fetches at once.
const DEFAULT_FETCHED: usize = 4;
/// The work item of a node without others of its kind: it has to report its status.
const BASELINE: &str = "baseline-status";
const STATUS: &str = "status.request";

/// A command that was sent to a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PendingInvoke {
    /// The node's id.
    pub node_id: String,
    /// The node's connection.
    pub node: ConnectionId,
    /// The command that the node must perform.
    pub command: String,
    /// The caller and the id of its request. `None` for a command of the gateway itself, which asks for a Mac's
    /// programs.
    pub requester: Option<(ConnectionId, String)>,
    /// The time at which the command expires, in milliseconds since 1970.
    pub expires_at: i64,
}

/// A work item that waits for its node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Work {
    id: String,
    kind: String,
    priority: String,
    created_at: i64,
    expires_at: Option<i64>,
}

impl Work {
    fn shown(&self) -> Value {
        let mut shown = Record::new();
        js::set(&mut shown, "id", Some(self.id.as_str()));
        js::set(&mut shown, "type", Some(self.kind.as_str()));
        js::set(&mut shown, "priority", Some(self.priority.as_str()));
        js::set(&mut shown, "createdAtMs", Some(self.created_at));
        shown.insert("expiresAtMs".to_owned(), json!(self.expires_at));
        Value::Object(shown)
    }

    fn rank(&self) -> u8 {
        match self.priority.as_str() {
            "high" => 3,
            "normal" => 2,
            _ => 1,
        }
    }
}

/// The pending work of one node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct NodeQueue {
    revision: u64,
    work: Vec<Work>,
}

impl NodeQueue {
    fn forget_old(&mut self, now: i64) {
        let before = self.work.len();
        self.work.retain(|work| work.expires_at.is_none_or(|at| now < at));
        if self.work.len() < before {
            self.revision += 1;
        }
    }
}

/// A work item that an operator requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WorkRequest<'a> {
    /// The kind of work.
    pub kind: &'a str,
    /// The requested priority. `None` for the default priority.
    pub priority: Option<&'a str>,
    /// The lifetime, in milliseconds.
    pub expires_in_ms: Option<i64>,
    /// Whether work expires after one day by default and is deleted once it is fetched.
    pub consumed: bool,
}

/// The commands and pending work for all nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NodeWork {
    invokes: IndexMap<String, PendingInvoke>,
    queues: IndexMap<String, NodeQueue>,
    /// The time of the last stored sign of life, by device.
    last_alive_at: IndexMap<String, i64>,
}

/// Minimum interval between two stored signs of life of a node, in milliseconds.
const LAST_SEEN_INTERVAL_MS: i64 = 60_000;

impl NodeWork {
    /// Records a sent command.
    pub(crate) fn send(&mut self, id: String, invoke: PendingInvoke) {
        self.invokes.insert(id, invoke);
    }

    /// The command that a node answers. `None` if this node did not get such a command.
    pub(crate) fn answered(&mut self, id: &str, node_id: &str, node: ConnectionId) -> Option<PendingInvoke> {
        self.invokes.get(id).filter(|invoke| invoke.node_id == node_id && invoke.node == node)?;
        self.invokes.shift_remove(id)
    }

    /// The expired commands.
    pub(crate) fn expire(&mut self, now: i64) -> Vec<(String, PendingInvoke)> {
        self.take(|invoke| invoke.expires_at <= now)
    }

    /// The commands that were sent to a closed connection.
    pub(crate) fn fail_commands(&mut self, node: ConnectionId) -> Vec<(String, PendingInvoke)> {
        self.take(|invoke| invoke.node == node)
    }

    fn take(&mut self, which: impl Fn(&PendingInvoke) -> bool) -> Vec<(String, PendingInvoke)> {
        let ids: Vec<String> =
            self.invokes.iter().filter(|(_, invoke)| which(invoke)).map(|(id, _)| id.clone()).collect();
        ids.into_iter().filter_map(|id| Some((id.clone(), self.invokes.shift_remove(&id)?))).collect()
    }

    /// The time at which the next command expires.
    pub(crate) fn next_expiry(&self) -> Option<i64> {
        self.invokes.values().map(|invoke| invoke.expires_at).min()
    }

    /// Adds work for a node, at most one item of each kind. Returns the revision of the queue and the waiting item.
    pub(crate) fn enqueue(
        &mut self,
        node_id: &str,
        wanted: WorkRequest<'_>,
        id: impl FnOnce() -> String,
        now: i64,
    ) -> (u64, Value) {
        let queue = self.queues.entry(node_id.to_owned()).or_default();
        queue.forget_old(now);
        if let Some(same) = queue.work.iter().find(|work| work.kind == wanted.kind) {
            return (queue.revision, same.shown());
        }
        let ttl = wanted.expires_in_ms.or(wanted.consumed.then_some(DEFAULT_TTL_MS));
        let work = Work {
            id: id(),
            kind: wanted.kind.to_owned(),
            priority: wanted.priority.unwrap_or("normal").to_owned(),
            created_at: now,
            expires_at: ttl.map(|ttl| now.saturating_add(ttl)),
        };
        let shown = work.shown();
        queue.work.push(work);
        queue.revision += 1;
        (queue.revision, shown)
    }

    /// The work that a node fetches, the most urgent first. `consumed` deletes it from the queue.
    pub(crate) fn drain(&mut self, node_id: &str, most: Option<usize>, consumed: bool, now: i64) -> Value {
        let queue = self.queues.entry(node_id.to_owned()).or_default();
        // The older releases return the revision before expired work was deleted.
        let before = queue.revision;
        queue.forget_old(now);
        let mut work = queue.work.clone();
        work.sort_by_key(|work| (Reverse(work.rank()), work.created_at, work.id.clone()));
        let most = most.unwrap_or(DEFAULT_FETCHED);
        let fetched: Vec<Work> = work.iter().take(most).cloned().collect();
        let mut items: Vec<Value> = fetched.iter().map(Work::shown).collect();
        let wants_status = work.iter().all(|work| work.kind != STATUS);
        let says_status = wants_status && items.len() < most;
        if says_status {
            items.push(
                json!({"id": BASELINE, "type": STATUS, "priority": "default", "createdAtMs": now, "expiresAtMs": null}),
            );
        }
        if consumed && !fetched.is_empty() {
            queue.work.retain(|work| !fetched.contains(work));
            queue.revision += 1;
        }
        let revision = if consumed { queue.revision } else { before };
        let more = work.len() > fetched.len() || (wants_status && !says_status);
        if queue.work.is_empty() && consumed {
            self.queues.shift_remove(node_id);
        }
        json!({"nodeId": node_id, "revision": revision, "items": items, "hasMore": more})
    }

    /// Deletes the pending work of a node.
    pub(crate) fn forget(&mut self, node_id: &str) {
        self.queues.shift_remove(node_id);
    }

    /// Whether a sign of life can be stored now.
    pub(crate) fn may_note(&self, device_id: &str, now: i64) -> bool {
        self.last_alive_at.get(device_id).is_none_or(|at| now - at >= LAST_SEEN_INTERVAL_MS)
    }

    /// Records that a sign of life was stored.
    pub(crate) fn record_sign_of_life(&mut self, device_id: &str, now: i64) {
        self.last_alive_at.insert(device_id.to_owned(), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(kind: &'static str, priority: Option<&'static str>, consumed: bool) -> WorkRequest<'static> {
        WorkRequest { kind, priority, expires_in_ms: None, consumed }
    }

    #[test]
    fn work_order_by_priority() {
        let mut work = NodeWork::default();
        let (first, _) = work.enqueue("n", wanted(STATUS, None, true), || "1".to_owned(), 5);
        let (second, _) = work.enqueue("n", wanted("location.request", Some("high"), true), || "2".to_owned(), 5);
        let (again, shown) = work.enqueue("n", wanted(STATUS, Some("high"), true), || "3".to_owned(), 6);
        assert_eq!((first, second, again, &shown["id"]), (1, 2, 2, &json!("1")));
        let fetched = work.drain("n", Some(1), true, 7);
        assert_eq!(
            (&fetched["items"][0]["id"], &fetched["revision"], &fetched["hasMore"]),
            (&json!("2"), &json!(3), &json!(true))
        );
        let fetched = work.drain("n", None, true, 7);
        assert_eq!(
            (&fetched["items"][0]["id"], &fetched["revision"], &fetched["hasMore"]),
            (&json!("1"), &json!(4), &json!(false))
        );
        assert_eq!(work.drain("n", None, true, 7)["items"][0]["id"], BASELINE);
    }

    #[test]
    fn work_does_not_expire_before_2026_6_11() {
        let mut work = NodeWork::default();
        let (_, shown) = work.enqueue("n", wanted("location.request", None, false), || "1".to_owned(), 5);
        assert_eq!(shown["expiresAtMs"], Value::Null);
        for _ in 0..2 {
            let fetched = work.drain("n", None, false, i64::MAX);
            assert_eq!((fetched["items"].as_array().unwrap().len(), &fetched["revision"]), (2, &json!(1)));
        }
    }

    #[test]
    fn only_the_node_can_answer() {
        let mut work = NodeWork::default();
        let invoke = PendingInvoke {
            node_id: "n".to_owned(),
            node: ConnectionId(1),
            command: "x".to_owned(),
            requester: Some((ConnectionId(2), "r".to_owned())),
            expires_at: 10,
        };
        work.send("a".to_owned(), invoke.clone());
        assert_eq!(work.next_expiry(), Some(10));
        assert_eq!(work.answered("a", "n", ConnectionId(1)), Some(invoke.clone()));
        work.send("b".to_owned(), invoke.clone());
        assert_eq!(work.fail_commands(ConnectionId(1)), [("b".to_owned(), invoke.clone())]);
        work.send("c".to_owned(), invoke);
        assert!(work.expire(9).is_empty() && work.expire(10).len() == 1);
    }
}
