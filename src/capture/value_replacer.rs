//! Replaces the values in the documents of a pairing store. The structure does not change: a value keeps its type, and
//! a record keeps its fields and their order.

use super::aliases::{Aliases, ValueKind};
use openclaw_protocol::scopes::ROLES;
use openclaw_protocol::store::Document;
use serde_json::{Map, Number, Value};

/// Larger numbers are times in milliseconds since 1970. The limit is in the year 2001.
const FIRST_TIME: i64 = 1_000_000_000_000;
/// The latest and the earliest time relative to the capture that a scenario can contain: ninety years.
const MAX_TIME: i64 = 90 * 365 * 24 * 3600 * 1000;

/// The fields that releases write, with the kind of their texts. A list or a map has the kind of its field.
const FIELDS: &[(&str, ValueKind)] = &[
    ("deviceId", ValueKind::Device),
    ("nodeId", ValueKind::Device),
    ("publicKey", ValueKind::Key),
    ("requestId", ValueKind::Request),
    ("token", ValueKind::Secret),
    ("tokenKey", ValueKind::Secret),
    ("tokens", ValueKind::Role),
    ("setupId", ValueKind::Text),
    ("role", ValueKind::Role),
    ("roles", ValueKind::Role),
    ("scopes", ValueKind::Scope),
    ("approvedScopes", ValueKind::Scope),
    ("requestedScopes", ValueKind::Scope),
    ("requiredApproveScopes", ValueKind::Scope),
    ("callerScopes", ValueKind::Scope),
    ("platform", ValueKind::Platform),
    ("deviceFamily", ValueKind::Family),
    ("modelIdentifier", ValueKind::Text),
    ("clientId", ValueKind::Client),
    ("clientMode", ValueKind::Mode),
    ("displayName", ValueKind::Text),
    ("operatorLabel", ValueKind::Text),
    ("browserOrigin", ValueKind::Origin),
    ("remoteIp", ValueKind::Address),
    ("approvedVia", ValueKind::Word),
    ("lastSeenReason", ValueKind::Word),
    ("kind", ValueKind::Issuer),
    ("purpose", ValueKind::Purpose),
    ("version", ValueKind::Version),
    ("coreVersion", ValueKind::Version),
    ("uiVersion", ValueKind::Version),
    ("caps", ValueKind::Ability),
    ("commands", ValueKind::Ability),
    ("permissions", ValueKind::Ability),
    ("bins", ValueKind::Text),
    ("sessionHost", ValueKind::Text),
    ("lastHostStats", ValueKind::Text),
    ("profile", ValueKind::Text),
    ("redeemedProfile", ValueKind::Text),
    ("pendingProfile", ValueKind::Text),
    ("issuer", ValueKind::Text),
    ("silent", ValueKind::Text),
    ("isRepair", ValueKind::Text),
    ("generation", ValueKind::Text),
    ("revision", ValueKind::Text),
    ("ts", ValueKind::Text),
    ("createdAtMs", ValueKind::Text),
    ("approvedAtMs", ValueKind::Text),
    ("issuedAtMs", ValueKind::Text),
    ("refreshedAtMs", ValueKind::Text),
    ("rotatedAtMs", ValueKind::Text),
    ("revokedAtMs", ValueKind::Text),
    ("lastUsedAtMs", ValueKind::Text),
    ("lastSeenAtMs", ValueKind::Text),
    ("lastConnectedAtMs", ValueKind::Text),
    ("lastDisconnectedAtMs", ValueKind::Text),
];

/// The kind of a field. `None` if no known release writes the field.
fn kind_of(field: &str) -> Option<ValueKind> {
    FIELDS.iter().find(|(name, _)| *name == field).map(|(_, kind)| *kind)
}

/// Collects the device tokens of a document before values are replaced.
pub(super) fn learn_tokens(document: Document, value: &Value, aliases: &mut Aliases) {
    if document != Document::DevicesPaired {
        return;
    }
    for (id, record) in value.as_object().into_iter().flatten() {
        for (role, token) in record.get("tokens").and_then(Value::as_object).into_iter().flatten() {
            let token = token.get("token").and_then(Value::as_str).filter(|token| !token.trim().is_empty());
            if let Some(token) = token.filter(|_| ROLES.contains(&role.as_str())) {
                aliases.name_token(token, id, role);
            }
        }
    }
}

/// A document with its values replaced. Times become relative to `now`.
pub(super) fn replaced(document: Document, value: &Value, now: i64, aliases: &mut Aliases) -> Value {
    let Value::Object(records) = value else {
        return ValueReplacer { now, aliases }.value(value, ValueKind::Text, true);
    };
    let kind = match document {
        Document::DevicesPaired | Document::NodesPaired => ValueKind::Device,
        Document::DevicesPending | Document::NodesPending => ValueKind::Request,
        Document::DevicesBootstrap => ValueKind::Secret,
    };
    let mut walk = ValueReplacer { now, aliases };
    let record = |(key, record): (&String, &Value)| {
        // A request that a user copied into the paired devices has its own id as the key.
        let own = record.get("requestId").is_some_and(|id| id == key.as_str());
        let kind = if own { ValueKind::Request } else { kind };
        (walk.aliases.text(kind, key), walk.value(record, ValueKind::Text, true))
    };
    Value::Object(records.iter().map(record).collect())
}

struct ValueReplacer<'a> {
    now: i64,
    aliases: &'a mut Aliases,
}

impl ValueReplacer<'_> {
    /// Replaces a value. `known`: whether known releases write the field that contains the value.
    fn value(&mut self, value: &Value, kind: ValueKind, known: bool) -> Value {
        match value {
            Value::Null | Value::Bool(_) => value.clone(),
            Value::Number(number) if known => self.number(number),
            Value::Number(_) => Value::from(1),
            Value::String(text) => Value::String(self.aliases.text(kind, text)),
            Value::Array(items) => items.iter().map(|item| self.value(item, kind, known)).collect(),
            Value::Object(members) => Value::Object(self.members(members, kind, known)),
        }
    }

    fn members(&mut self, members: &Map<String, Value>, kind: ValueKind, known: bool) -> Map<String, Value> {
        let mut replaced = Map::new();
        for (name, member) in members {
            let (name, member) = match (kind_of(name), kind) {
                // The keys of `tokens` are roles, and the keys of `permissions` are abilities.
                (_, ValueKind::Role | ValueKind::Ability) if known => {
                    (self.aliases.text(kind, name), self.value(member, ValueKind::Text, known))
                }
                (Some(kind), _) => (name.clone(), self.value(member, kind, true)),
                (None, _) => (self.aliases.text(ValueKind::Field, name), self.value(member, ValueKind::Text, false)),
            };
            replaced.insert(name, member);
        }
        replaced
    }

    /// A number. A time becomes a time relative to the start of the case.
    fn number(&self, number: &Number) -> Value {
        let time = number.as_i64().filter(|time| *time > FIRST_TIME).map(|time| time.saturating_sub(self.now));
        match time {
            Some(0) => Value::from("<now>"),
            Some(offset) if offset.abs() < MAX_TIME => Value::from(format!("<now {}>", shift(offset))),
            _ => Value::Number(number.clone()),
        }
    }
}

/// An offset in the largest unit that is exact.
fn shift(offset: i64) -> String {
    let units = [("d", 24 * 3600 * 1000), ("h", 3600 * 1000), ("m", 60 * 1000), ("s", 1000), ("ms", 1)];
    let (unit, length) = units.into_iter().find(|(_, length)| offset % length == 0).unwrap_or(("ms", 1));
    format!("{}{}{unit}", if offset < 0 { '-' } else { '+' }, offset.abs() / length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_790_000_000_000;

    fn replace(document: Document, value: &Value) -> Value {
        let mut aliases = Aliases::default();
        aliases.name_device("phone-id", "iphone");
        learn_tokens(document, value, &mut aliases);
        replaced(document, value, NOW, &mut aliases)
    }

    #[test]
    fn record_keeps_keys_only() {
        let record = json!({
            "deviceId": "phone-id", "publicKey": "key", "displayName": "Anna's iPhone", "platform": "iOS 26.1",
            "role": "node", "roles": ["node", "anna"], "scopes": [], "remoteIp": "192.168.1.20",
            "tokens": {"node": {"token": "secret", "role": "node", "createdAtMs": NOW - 86_400_000, "x": 4477}, "anna": null},
            "createdAtMs": NOW - 1500, "approvedAtMs": 5, "phoneNumber": {"anna": [4477, "x"]},
        });
        let found = replace(Document::DevicesPaired, &json!({"phone-id": record, "other-id": []}));
        assert_eq!(
            found["<device iphone>"],
            json!({
                "deviceId": "<device iphone>", "publicKey": "captured-key-1", "displayName": "text-1", "platform": "iOS 26.1",
                "role": "node", "roles": ["node", "role-1"], "scopes": [], "remoteIp": "192.168.77.2",
                "tokens": {
                    "node": {"token": "<seeded-token iphone node>", "role": "node", "createdAtMs": "<now -1d>", "field-1": 1},
                    "role-1": null,
                },
                "createdAtMs": "<now -1500ms>", "approvedAtMs": 5, "field-2": {"field-3": [1, "text-2"]},
            })
        );
        let other = found.as_object().unwrap().keys().nth(1).unwrap();
        assert!(other.len() == 64 && found[other] == json!([]), "{found:#}");
    }

    /// With another purpose, the code would pair other clients.
    #[test]
    fn setup_code_keeps_what_it_grants() {
        let profile = json!({"roles": ["node", "operator"], "scopes": ["operator.read"], "purpose": "mobile-full"});
        let code = json!({"secret": {"token": "secret", "setupId": "s-1", "ts": NOW - 60_000, "profile": profile}});
        let kept = json!({"token": "captured-secret-1", "setupId": "text-1", "ts": "<now -1m>", "profile": profile});
        assert_eq!(replace(Document::DevicesBootstrap, &code), json!({ "captured-secret-1": kept }));
    }

    /// Without its binding, a token of a browser would be valid, or one that is valid would not be.
    #[test]
    fn token_keeps_its_binding() {
        let mut aliases = Aliases::default();
        aliases.name_secret("token", "the secret", "shared");
        let issuer = |generation: &str| json!({ "kind": "shared-gateway-auth", "generation": generation });
        let tokens = |new: &str, old: &str| json!({ "id": { "tokens": { "operator": { "issuer": issuer(new) }, "node": { "issuer": issuer(old) } } } });
        let current = openclaw_model::handshake::secret_generation("token", "the secret");
        let found = replaced(Document::DevicesPaired, &tokens(&current, "that of an old secret"), NOW, &mut aliases);
        let record = &found.as_object().unwrap().values().next().unwrap();
        assert_eq!(**record, tokens("<generation token shared>", "text-1")["id"]);
    }

    #[test]
    fn request_id_is_consistent() {
        let request = json!({"r-1": {"requestId": "r-1", "deviceId": "phone-id", "ts": NOW}});
        for document in [Document::DevicesPending, Document::DevicesPaired] {
            let found = replace(document, &request);
            let (key, record) = found.as_object().unwrap().iter().next().unwrap();
            assert_eq!((&record["requestId"], &record["ts"]), (&json!(key), &json!("<now>")));
            assert_eq!(key.len(), 36);
        }
    }

    #[test]
    fn keeps_document_that_is_not_object() {
        assert_eq!(replace(Document::NodesPaired, &json!(["anna", 4477])), json!(["text-1", 4477]));
        assert_eq!(replace(Document::NodesPaired, &json!("anna")), json!("text-1"));
    }

    #[test]
    fn offsets_are_exact() {
        let offsets = [-1, 60_000, -7_200_000, 172_800_000].map(shift);
        assert_eq!(offsets, ["-1ms", "+1m", "-2h", "+2d"]);
    }
}
