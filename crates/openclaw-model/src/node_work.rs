//! What a gateway wants of its nodes: commands that are on their way, and work that waits until a node fetches it
//! (`node-registry.ts`, `node-pending-work.ts`).

use super::act::ConnectionId;
use indexmap::IndexMap;
use openclaw_protocol::js::{self, Record};
use serde_json::{Value, json};
use std::cmp::Reverse;

/// How long work waits that does not say so, from 2026.6.11 on, in milliseconds.
const DEFAULT_TTL_MS: i64 = 86_400_000;
/// How many pieces of work are fetched at once, unless the node says so.
const DEFAULT_FETCHED: usize = 4;
/// The work that every node is given which has nothing of the kind: it is to say how it is.
const BASELINE: &str = "baseline-status";
const STATUS: &str = "status.request";

/// A command on its way to a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invoke {
    /// The node's id.
    pub node_id: String,
    /// The node's connection.
    pub node: ConnectionId,
    /// The command.
    pub command: String,
    /// Who asked for it, and the id of the request; `None` for the gateway itself, which wants to know a Mac's programs.
    pub asked: Option<(ConnectionId, String)>,
    /// When it is given up, milliseconds since the epoch.
    pub expires_at: i64,
}

/// A piece of work that waits for its node.
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

/// What waits for one node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Queue {
    revision: u64,
    work: Vec<Work>,
}

impl Queue {
    fn forget_old(&mut self, now: i64) {
        let before = self.work.len();
        self.work.retain(|work| work.expires_at.is_none_or(|at| now < at));
        if self.work.len() < before {
            self.revision += 1;
        }
    }
}

/// What an operator wants done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// Its kind.
    pub kind: &'a str,
    /// How urgent it is.
    pub priority: Option<&'a str>,
    /// How long it waits, in milliseconds.
    pub expires_in_ms: Option<i64>,
    /// Whether work waits a day unless it says so, and is gone once it was fetched (2026.6.11 on).
    pub consumed: bool,
}

/// What a gateway wants of its nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NodeWork {
    invokes: IndexMap<String, Invoke>,
    queues: IndexMap<String, Queue>,
    /// When a node's last sign of life was written down, by device.
    heard_at: IndexMap<String, i64>,
}

/// How often a node's sign of life is written down at most, in milliseconds.
const HEARD_EVERY_MS: i64 = 60_000;

impl NodeWork {
    /// Notes a command that is on its way.
    pub(crate) fn send(&mut self, id: String, invoke: Invoke) {
        self.invokes.insert(id, invoke);
    }

    /// The command that a node answers, if it is one that this node was given.
    pub(crate) fn answered(&mut self, id: &str, node_id: &str, node: ConnectionId) -> Option<Invoke> {
        self.invokes.get(id).filter(|invoke| invoke.node_id == node_id && invoke.node == node)?;
        self.invokes.shift_remove(id)
    }

    /// The commands whose time is up.
    pub(crate) fn expire(&mut self, now: i64) -> Vec<(String, Invoke)> {
        self.take(|invoke| invoke.expires_at <= now)
    }

    /// The commands that were on their way to a connection that is gone.
    pub(crate) fn lose(&mut self, node: ConnectionId) -> Vec<(String, Invoke)> {
        self.take(|invoke| invoke.node == node)
    }

    fn take(&mut self, which: impl Fn(&Invoke) -> bool) -> Vec<(String, Invoke)> {
        let ids: Vec<String> =
            self.invokes.iter().filter(|(_, invoke)| which(invoke)).map(|(id, _)| id.clone()).collect();
        ids.into_iter().filter_map(|id| Some((id.clone(), self.invokes.shift_remove(&id)?))).collect()
    }

    /// When the next command is given up.
    pub(crate) fn next_expiry(&self) -> Option<i64> {
        self.invokes.values().map(|invoke| invoke.expires_at).min()
    }

    /// Lets work wait for a node; of each kind there is one piece at most. The queue's revision, and the piece that waits.
    pub(crate) fn enqueue(
        &mut self,
        node_id: &str,
        wanted: Wanted<'_>,
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

    /// What a node fetches: the most urgent first. `consumed` takes it from the queue.
    pub(crate) fn drain(&mut self, node_id: &str, most: Option<usize>, consumed: bool, now: i64) -> Value {
        let queue = self.queues.entry(node_id.to_owned()).or_default();
        // The older releases name the revision of before what has expired was dropped.
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

    /// Forgets what waits for a node.
    pub(crate) fn forget(&mut self, node_id: &str) {
        self.queues.shift_remove(node_id);
    }

    /// Whether a sign of life may be written down now.
    pub(crate) fn may_note(&self, device_id: &str, now: i64) -> bool {
        self.heard_at.get(device_id).is_none_or(|at| now - at >= HEARD_EVERY_MS)
    }

    /// Notes that a sign of life was written down.
    pub(crate) fn noted(&mut self, device_id: &str, now: i64) {
        self.heard_at.insert(device_id.to_owned(), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(kind: &'static str, priority: Option<&'static str>, consumed: bool) -> Wanted<'static> {
        Wanted { kind, priority, expires_in_ms: None, consumed }
    }

    #[test]
    fn work_is_fetched_by_its_urgency_and_gone_then() {
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
    fn before_2026_6_11_work_stays_and_never_expires() {
        let mut work = NodeWork::default();
        let (_, shown) = work.enqueue("n", wanted("location.request", None, false), || "1".to_owned(), 5);
        assert_eq!(shown["expiresAtMs"], Value::Null);
        for _ in 0..2 {
            let fetched = work.drain("n", None, false, i64::MAX);
            assert_eq!((fetched["items"].as_array().unwrap().len(), &fetched["revision"]), (2, &json!(1)));
        }
    }

    #[test]
    fn a_command_is_answered_by_its_node_alone() {
        let mut work = NodeWork::default();
        let invoke = Invoke {
            node_id: "n".to_owned(),
            node: ConnectionId(1),
            command: "x".to_owned(),
            asked: Some((ConnectionId(2), "r".to_owned())),
            expires_at: 10,
        };
        work.send("a".to_owned(), invoke.clone());
        assert_eq!(work.next_expiry(), Some(10));
        assert_eq!(work.answered("a", "n", ConnectionId(1)), Some(invoke.clone()));
        work.send("b".to_owned(), invoke.clone());
        assert_eq!(work.lose(ConnectionId(1)), [("b".to_owned(), invoke.clone())]);
        work.send("c".to_owned(), invoke);
        assert!(work.expire(9).is_empty() && work.expire(10).len() == 1);
    }
}
