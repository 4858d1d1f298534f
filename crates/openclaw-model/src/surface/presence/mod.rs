//! The presence list (`system-presence.ts`).

use crate::facts::presence::PresenceRules;
mod broadcast;
mod people;

pub(crate) use people::{NewEntry, Person};

use crate::config::Host;
use crate::release::Release;
use indexmap::IndexMap;
use openclaw_protocol::connect::ConnectParams;
use openclaw_protocol::js::{self, Record};
use serde_json::{Value, json};

/// The lifetime of an entry after its last update, in milliseconds.
const TTL_MS: i64 = 300_000;
/// The maximum number of entries.
const MAX: usize = 200;
/// The maximum number of roles and of scopes of an entry. A release has no limit, but no client has as many.
const MAX_NAMES: usize = 1_000;
/// The key of the gateway's own entry. No client can have this key, because client keys do not start with white
/// space.
const OWN: &str = " self";
/// The interval at which an open connection renews its entry, in milliseconds (`websocket-keepalive.ts`).
const KEEPALIVE_INTERVAL_MS: i64 = 25_000;

/// The presence list and its version. `null` marks a member that a release knows to be missing, so that the member
/// keeps its position.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Presence {
    rules: PresenceRules,
    own_key: String,
    own: Record,
    entries: IndexMap<String, Record>,
    version: u64,
}

impl Presence {
    /// The list of a gateway that has just started: only the gateway, with the release if it is known.
    pub(crate) fn new(rules: PresenceRules, host: &Host, release: Option<Release>) -> Self {
        let version = release.map_or_else(|| "unknown".to_owned(), |release| release.to_string());
        let address = host.address.as_deref().unwrap_or(&host.name);
        let text = format!("Gateway: {} ({address}) · app {version} · mode gateway · reason self", host.name);
        let shows_clients = rules.shows_clients;
        let model = if shows_clients { host.model.as_deref() } else { Some(host.arch.as_str()) };
        let own = entry([
            ("host", json!(host.name)),
            ("ip", json!(address)),
            ("version", json!(version)),
            ("platform", json!(host.platform)),
            ("deviceFamily", json!("Linux")),
            ("modelIdentifier", json!(model)),
            ("mode", json!("gateway")),
            ("reason", json!("self")),
            ("instanceId", Value::Null),
            ("text", json!(text)),
            ("ts", Value::Null),
        ]);
        let own_key = if shows_clients { OWN.to_owned() } else { host.name.to_lowercase() };
        let entries = IndexMap::from([(own_key.clone(), own.clone())]);
        Self { rules, own_key, own, entries, version: 1 }
    }

    /// Records the start of the gateway. `id` is the id of this run, a UUID.
    pub(crate) fn begin(&mut self, now: i64, id: impl FnOnce() -> String) {
        self.own.insert("ts".to_owned(), json!(now));
        if self.rules.names_run {
            self.own.insert("instanceId".to_owned(), json!(id()));
        }
        self.entries.insert(self.own_key.clone(), self.own.clone());
    }

    /// The version of the list, which counts the changes that clients are notified of.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Increments the version, because the list is sent.
    pub(crate) fn increment_version(&mut self) {
        self.version += 1;
    }

    /// Adds a client that was admitted.
    pub(crate) fn joined(&mut self, key: &str, new_entry: NewEntry<'_>, now: i64) {
        let NewEntry { connect: ConnectParams { client, device, .. }, role, scopes, ip, person } = new_entry;
        let shows_clients = self.rules.shows_clients;
        let device_id = device.as_ref().map(|device| device.id.as_str());
        let by_device = !shows_clients || role == "node";
        let instance_id = device_id.filter(|_| by_device).or(client.instance_id.as_deref());
        let mut update = entry([("host", json!(client.display_name.as_deref().unwrap_or(&client.id)))]);
        if shows_clients {
            update.insert("clientId".to_owned(), json!(client.id));
        }
        update.extend(entry([
            ("ip", json!(ip)),
            ("version", json!(client.version)),
            ("platform", json!(client.platform)),
            ("deviceFamily", json!(client.device_family)),
            ("modelIdentifier", json!(client.model_identifier)),
            ("timeZone", json!(client.time_zone)),
            ("mode", json!(client.mode)),
            ("deviceId", json!(device_id)),
            ("roles", json!([role])),
            ("scopes", json!(scopes)),
            ("instanceId", json!(instance_id)),
        ]));
        if let Some(person) = person {
            update.insert("user".to_owned(), person.shown());
        }
        update.insert("reason".to_owned(), json!("connect"));
        self.update(key, update, now);
    }

    /// Records that a person is present with this client since this time.
    pub(crate) fn stands_for(&mut self, key: &str, client: (&str, &str), person: &Person, since: i64, now: i64) {
        let (client_id, mode) = client;
        let update = entry([
            ("clientId", json!(client_id)),
            ("mode", json!(mode)),
            ("user", person.shown()),
            ("onlineSince", json!(since)),
        ]);
        self.update(key, update, now);
    }

    /// Marks a client as disconnected.
    pub(crate) fn left(&mut self, key: &str, now: i64) {
        self.update(key, entry([("reason", json!("disconnect"))]), now);
    }

    /// Renews the entry of a connection that is still open. The time is that of its last sign of life.
    pub(crate) fn keep(&mut self, key: &str, opened_at: i64, now: i64) {
        let last_alive_at = now - (now - opened_at).rem_euclid(KEEPALIVE_INTERVAL_MS);
        let Some(entry) = self.entries.get_mut(&normal(key)).filter(|entry| stamp(entry) < last_alive_at) else {
            return;
        };
        if last_alive_at > opened_at {
            entry.insert("ts".to_owned(), json!(last_alive_at));
        }
    }

    /// All entries, the latest first.
    pub(crate) fn list(&mut self, now: i64) -> Vec<Value> {
        let own_stays = self.rules.shows_clients;
        let own_key = self.own_key.clone();
        let is_kept = |key: &String| own_stays && *key == own_key;
        self.entries.retain(|key, entry| is_kept(key) || now - stamp(entry) <= TTL_MS);
        while self.entries.len() > MAX {
            let others = self.entries.iter().filter(|(key, _)| !is_kept(key));
            let oldest = others.min_by_key(|(_, entry)| stamp(entry)).map(|(key, _)| key.clone());
            oldest.and_then(|key| self.entries.shift_remove(&key));
        }
        let mut own = self.entries.get(&own_key).unwrap_or(&self.own).clone();
        own.insert("ts".to_owned(), json!(now));
        self.put(own_key, own);
        let mut everybody: Vec<&Record> = self.entries.values().rev().collect();
        everybody.sort_by_key(|entry| std::cmp::Reverse(stamp(entry)));
        let known = |entry: &Record| entry.iter().filter(|(_, value)| !value.is_null()).map(owned_pair).collect();
        everybody.into_iter().map(known).map(Value::Object).collect()
    }

    /// The entry that was written last comes last. On a release, some time passes between two writes.
    fn put(&mut self, key: String, entry: Record) {
        self.entries.shift_remove(&key);
        self.entries.insert(key, entry);
    }

    fn update(&mut self, key: &str, update: Record, now: i64) {
        let key = normal(key);
        let old = self.entries.get(&key).cloned().unwrap_or_default();
        let roles = merged(old.get("roles"), update.get("roles"));
        let scopes = merged(old.get("scopes"), update.get("scopes"));
        let mut entry = old;
        entry.extend(update);
        entry.insert("roles".to_owned(), roles);
        entry.insert("scopes".to_owned(), scopes);
        entry.insert("ts".to_owned(), json!(now));
        if !js::truthy(entry.get("text")) {
            let field = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or("unknown").to_owned();
            let text = format!("Node: {} · mode {}", field("host"), field("mode"));
            entry.insert("text".to_owned(), json!(text));
        }
        self.put(key, entry);
    }
}

fn entry<const N: usize>(fields: [(&str, Value); N]) -> Record {
    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn owned_pair((key, value): (&String, &Value)) -> (String, Value) {
    (key.clone(), value.clone())
}

fn normal(key: &str) -> String {
    js::trim(key).to_lowercase()
}

fn stamp(entry: &Record) -> i64 {
    entry.get("ts").and_then(Value::as_i64).unwrap_or_default()
}

/// The earlier and the new values, without duplicates.
fn merged(old: Option<&Value>, new: Option<&Value>) -> Value {
    let mut all: Vec<&str> = Vec::new();
    for text in [old, new].into_iter().flatten().filter_map(Value::as_array).flatten().filter_map(Value::as_str) {
        let text = js::trim(text);
        if all.len() == MAX_NAMES {
            break;
        }
        if !text.is_empty() && !all.contains(&text) {
            all.push(text);
        }
    }
    if all.is_empty() { Value::Null } else { json!(all) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Facts;

    fn presence(release: &str) -> Presence {
        let rules = Facts::of(release.parse().unwrap()).unwrap().handshake.presence;
        let mut presence = Presence::new(rules, &Host::default(), Some(Release::new(2026, 9, 6)));
        presence.begin(1_000, || "run".to_owned());
        presence
    }

    fn reasons(list: &[Value]) -> Vec<&str> {
        list.iter().map(|entry| entry["reason"].as_str().unwrap_or_default()).collect()
    }

    #[test]
    fn gateway_entry_and_departures() {
        let mut presence = presence("2026.2.19");
        presence.left("Phone", 1_000);
        assert_eq!(reasons(&presence.list(2_000)), ["self", "disconnect"]);
        assert_eq!(reasons(&presence.list(1_001 + TTL_MS)), ["self"]);
    }

    #[test]
    fn run_id_since_2026_6_11() {
        for (release, named) in [("2026.5.7", false), ("2026.6.11", true)] {
            assert_eq!(presence(release).list(2_000)[0].get("instanceId").is_some(), named, "{release}");
        }
    }

    #[test]
    fn open_connection_keeps_entry() {
        let mut presence = presence("2026.9.6");
        presence.left("phone", 1_000);
        presence.keep("phone", 1_000, 1_000 + TTL_MS + 1);
        let list = presence.list(1_000 + TTL_MS + 1);
        assert_eq!(list[1]["ts"], 1_000 + TTL_MS);
    }

    #[test]
    fn client_with_machine_name_since_2026_9_6() {
        for (release, entries) in [("2026.7.35", 1), ("2026.9.6", 2)] {
            let mut presence = presence(release);
            presence.left(&Host::default().name, 1_000);
            assert_eq!(presence.list(2_000).len(), entries, "{release}");
        }
    }

    #[test]
    fn entry_roles_are_unique_and_bounded() {
        let names = |count: usize| json!((0..count).map(|number| number.to_string()).collect::<Vec<_>>());
        assert_eq!(merged(Some(&json!(["a", " b"])), Some(&json!(["b ", "", "c", "a"]))), json!(["a", "b", "c"]));
        assert_eq!(merged(Some(&names(3)), Some(&names(2 * MAX_NAMES))), names(MAX_NAMES));
    }
}
