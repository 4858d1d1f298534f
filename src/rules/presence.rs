//! Who is there: the presence list (`system-presence.ts`).

use super::Release;
use super::config::Host;
use crate::protocol::connect::ConnectParams;
use crate::store::record::{self, Record};
use indexmap::IndexMap;
use serde_json::{Value, json};

/// How long an entry stays after its last update, in milliseconds.
const TTL_MS: i64 = 300_000;
/// Most entries.
const MOST: usize = 200;

/// The presence list and its version.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Presence {
    own_key: String,
    own: Record,
    entries: IndexMap<String, Record>,
    version: u64,
}

impl Presence {
    /// The list of a gateway that has just started: the gateway alone, of this release where it knows it.
    pub(crate) fn new(host: &Host, release: Option<Release>) -> Self {
        let version = release.map_or_else(|| "unknown".to_owned(), |release| release.to_string());
        let address = host.address.as_deref().unwrap_or(&host.name);
        let text = format!("Gateway: {} ({address}) · app {version} · mode gateway · reason self", host.name);
        let mut own = Record::new();
        record::set(&mut own, "host", Some(host.name.as_str()));
        record::set(&mut own, "ip", Some(address));
        record::set(&mut own, "version", Some(version));
        record::set(&mut own, "platform", Some(host.platform.as_str()));
        record::set(&mut own, "deviceFamily", Some("Linux"));
        record::set(&mut own, "modelIdentifier", Some(host.arch.as_str()));
        record::set(&mut own, "mode", Some("gateway"));
        record::set(&mut own, "reason", Some("self"));
        record::set(&mut own, "text", Some(text));
        Self { own_key: host.name.to_lowercase(), own, entries: IndexMap::new(), version: 1 }
    }

    /// Counts the changes that are told to clients.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// A client has been welcomed. `ip` is its address where it is not local.
    pub(crate) fn joined(
        &mut self,
        key: &str,
        connect: &ConnectParams,
        role: &str,
        scopes: &[String],
        ip: Option<&str>,
        now: i64,
    ) {
        let client = &connect.client;
        let device_id = connect.device.as_ref().map(|device| device.id.as_str());
        let mut entry = Record::new();
        let host = client.display_name.as_deref().unwrap_or(&client.id);
        record::set(&mut entry, "host", Some(host));
        record::set(&mut entry, "ip", ip);
        record::set(&mut entry, "version", Some(client.version.as_str()));
        record::set(&mut entry, "platform", Some(client.platform.as_str()));
        record::set(&mut entry, "deviceFamily", client.device_family.as_deref());
        record::set(&mut entry, "modelIdentifier", client.model_identifier.as_deref());
        record::set(&mut entry, "timeZone", client.time_zone.as_deref());
        record::set(&mut entry, "mode", Some(client.mode.as_str()));
        record::set(&mut entry, "deviceId", device_id);
        record::set(&mut entry, "roles", Some(vec![role]));
        record::set(&mut entry, "scopes", Some(scopes.to_vec()));
        record::set(&mut entry, "instanceId", device_id.or(client.instance_id.as_deref()));
        record::set(&mut entry, "reason", Some("connect"));
        self.update(key, entry, now);
        self.version += 1;
    }

    /// A client has gone.
    pub(crate) fn left(&mut self, key: &str, now: i64) {
        let mut entry = Record::new();
        record::set(&mut entry, "reason", Some("disconnect"));
        self.update(key, entry, now);
        self.version += 1;
    }

    /// Everybody, the latest first.
    pub(crate) fn list(&mut self, now: i64) -> Vec<Value> {
        self.entries.retain(|_, entry| now - stamp(entry) <= TTL_MS);
        while self.entries.len() > MOST {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| stamp(entry)).map(|(key, _)| key.clone());
            oldest.and_then(|key| self.entries.shift_remove(&key));
        }
        let mut own = self.own.clone();
        record::set(&mut own, "ts", Some(now));
        self.entries.insert(self.own_key.clone(), own);
        let mut everybody: Vec<&Record> = self.entries.values().collect();
        everybody.sort_by_key(|entry| std::cmp::Reverse(stamp(entry)));
        everybody.into_iter().cloned().map(Value::Object).collect()
    }

    fn update(&mut self, key: &str, update: Record, now: i64) {
        let key = record::trim(key).to_lowercase();
        let old = self.entries.get(&key).cloned().unwrap_or_default();
        let roles = merged(old.get("roles"), update.get("roles"));
        let scopes = merged(old.get("scopes"), update.get("scopes"));
        let mut entry = old;
        entry.extend(update);
        record::set(&mut entry, "roles", roles);
        record::set(&mut entry, "scopes", scopes);
        record::set(&mut entry, "ts", Some(now));
        if !record::truthy(entry.get("text")) {
            let said = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or("unknown").to_owned();
            let text = format!("Node: {} · mode {}", said("host"), said("mode"));
            record::set(&mut entry, "text", Some(text));
        }
        self.entries.insert(key, entry);
    }
}

fn stamp(entry: &Record) -> i64 {
    entry.get("ts").and_then(Value::as_i64).unwrap_or_default()
}

fn merged(old: Option<&Value>, new: Option<&Value>) -> Option<Value> {
    let mut all: Vec<&str> = Vec::new();
    for text in [old, new].into_iter().flatten().filter_map(Value::as_array).flatten().filter_map(Value::as_str) {
        let text = record::trim(text);
        if !text.is_empty() && !all.contains(&text) {
            all.push(text);
        }
    }
    (!all.is_empty()).then(|| json!(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateway_is_there_and_departures_stay_for_five_minutes() {
        let mut presence = Presence::new(&Host::default(), Some("2026.4.2".parse().unwrap()));
        presence.left("Phone", 1_000);
        let reasons =
            |list: Vec<Value>| list.iter().map(|e| e["reason"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(reasons(presence.list(2_000)), ["self", "disconnect"]);
        assert_eq!(reasons(presence.list(1_001 + TTL_MS)), ["self"]);
        assert_eq!(presence.version(), 2);
    }
}
