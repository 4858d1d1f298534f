//! Translates a scenario's store to the records that a release would have written.

use crate::run::bindings::Bindings;
use crate::scenario::store::{
    BootstrapRecord, KeyForm, PairedField, PairedRecord, PendingField, PendingRecord, PendingRecordKey, RecordClient,
    Store, TokenField, TokenRecord, Tokens,
};
use crate::scenario::text::TimeSpan;
use openclaw_model::facts::seed::SeedFacts;
use openclaw_model::pairing::expanded_scopes;
use openclaw_model::{Facts, Release};
use openclaw_protocol::store::Document;
use serde_json::{Map, Value, json};

/// The age of a record without `age`, in milliseconds. It is well before the case and well within the five-minute
/// lifetime of a pending request.
const DEFAULT_AGE_MS: u64 = 60_000;

/// The records of a document, by key.
pub(crate) type Records = Map<String, Value>;

/// Creates records for a case, a time and a release.
pub(crate) struct Seeder<'a> {
    pub(crate) bindings: &'a Bindings,
    /// The current time of the gateway's clock, in milliseconds since 1970.
    pub(crate) now: i64,
    /// The release whose default bootstrap tokens are used.
    pub(crate) release: Release,
    /// Whether the tokens are those of the gateway's own store, which the scenario calls `seeded`.
    pub(crate) own: bool,
}

impl Seeder<'_> {
    /// The records of a store by document, in the order of the scenario. Documents without records are left out.
    ///
    /// # Errors
    /// Returns an error if a symbol has no value.
    pub(crate) fn records(&self, store: &Store) -> Result<Vec<(Document, Records)>, String> {
        let mut paired = Map::new();
        for (name, record) in &store.paired {
            let device = self.bindings.identities.device(name.as_str());
            paired.insert(device.device_id(), self.paired(name.as_str(), record)?);
        }
        // A copied request is among the paired records, under the key that the user filed it under.
        for (label, record) in &store.copied_pending {
            let (key, record) = self.pending(label.as_str(), record)?;
            paired.insert(key, record);
        }
        let mut pending = Map::new();
        for (label, record) in &store.pending {
            let (key, record) = self.pending(label.as_str(), record)?;
            pending.insert(key, record);
        }
        let mut bootstrap = Map::new();
        for (name, record) in &store.bootstrap {
            bootstrap.insert(self.bindings.identities.bootstrap(name.as_str()), self.bootstrap(name.as_str(), record)?);
        }
        let mut nodes_paired = Map::new();
        for (name, record) in &store.nodes.paired {
            let id = self.bindings.identities.device(name.as_str()).device_id();
            nodes_paired.insert(id, self.bindings.fill(&Value::Object(record.clone()))?);
        }
        let mut nodes_pending = Map::new();
        for (label, record) in &store.nodes.pending {
            let id = self.bindings.identities.request(label.as_str());
            nodes_pending.insert(id, self.bindings.fill(&Value::Object(record.clone()))?);
        }
        let documents = [
            (Document::DevicesPaired, paired),
            (Document::DevicesPending, pending),
            (Document::DevicesBootstrap, bootstrap),
            (Document::NodesPaired, nodes_paired),
            (Document::NodesPending, nodes_pending),
        ];
        Ok(documents.into_iter().filter(|(_, records)| !records.is_empty()).collect())
    }

    fn paired(&self, name: &str, spec: &PairedRecord) -> Result<Value, String> {
        let (role, roles) = roles(spec.role.as_ref(), spec.roles.as_ref());
        let scopes = spec.scopes.clone().unwrap_or_default();
        let created = self.ago(spec.age);
        let mut record = Map::new();
        self.who(&mut record, name, spec.key.as_ref().map_or(name, |key| key.as_str()), spec.key_form);
        client(
            &mut record,
            &spec.client,
            spec.display_name.as_ref(),
            spec.platform.as_ref(),
            spec.device_family.as_ref(),
        );
        record.insert("role".to_owned(), json!(role));
        record.insert("roles".to_owned(), json!(roles));
        record.insert("scopes".to_owned(), json!(scopes));
        record.insert("approvedScopes".to_owned(), json!(spec.approved_scopes.as_ref().unwrap_or(&scopes)));
        if let Some(address) = &spec.remote_ip {
            record.insert("remoteIp".to_owned(), json!(address));
        }
        record.insert("tokens".to_owned(), self.tokens(name, &spec.tokens, &roles, &scopes, created)?);
        record.insert("createdAtMs".to_owned(), json!(created));
        record.insert("approvedAtMs".to_owned(), json!(created));
        for field in &spec.without {
            record.shift_remove(paired_field(*field));
        }
        self.set(&mut record, &spec.set)?;
        Ok(Value::Object(record))
    }

    fn tokens(
        &self,
        device: &str,
        spec: &Tokens,
        roles: &[String],
        scopes: &[String],
        created: i64,
    ) -> Result<Value, String> {
        let plain = TokenRecord::default();
        let mut tokens = Map::new();
        match spec {
            Tokens::Null => return Ok(Value::Null),
            Tokens::Minted => {
                for role in roles {
                    tokens.insert(role.clone(), self.token(device, role, &plain, scopes, created)?);
                }
            }
            Tokens::Map(map) => {
                for (role, token) in map {
                    let token = match token {
                        Some(token) => self.token(device, role, token, scopes, created)?,
                        None => Value::Null,
                    };
                    tokens.insert(role.clone(), token);
                }
            }
        }
        Ok(Value::Object(tokens))
    }

    fn token(
        &self,
        device: &str,
        role: &str,
        spec: &TokenRecord,
        scopes: &[String],
        created: i64,
    ) -> Result<Value, String> {
        let mut token = Map::new();
        token.insert("token".to_owned(), json!(self.bindings.identities.token(device, role)));
        token.insert("role".to_owned(), json!(spec.role.as_deref().unwrap_or(role)));
        let scopes = spec.scopes.clone().unwrap_or_else(|| expanded_scopes(scopes));
        token.insert("scopes".to_owned(), json!(scopes));
        token.insert("createdAtMs".to_owned(), json!(created));
        // A release writes these times after the creation, and none of them can be in the future.
        let later = [
            (spec.rotated, "rotatedAtMs", 1000),
            (spec.revoked, "revokedAtMs", 3000),
            (spec.used, "lastUsedAtMs", 2000),
        ];
        for (_, field, after) in later.into_iter().filter(|(spec, ..)| *spec) {
            token.insert(field.to_owned(), json!((created + after).min(self.now - 1)));
        }
        for field in &spec.without {
            token.shift_remove(match field {
                TokenField::Token => "token",
                TokenField::Role => "role",
                TokenField::Scopes => "scopes",
                TokenField::CreatedAt => "createdAtMs",
            });
        }
        self.set(&mut token, &spec.set)?;
        if let Some(text) = token.get("token").and_then(Value::as_str).filter(|_| self.own) {
            self.bindings.seeded(device, role, text);
        }
        Ok(Value::Object(token))
    }

    /// A pending request and the key that it is filed under.
    fn pending(&self, label: &str, spec: &PendingRecord) -> Result<(String, Value), String> {
        let device = spec.device.as_ref().map_or(label, |device| device.as_str());
        let request = self.bindings.identities.request(label);
        let (role, roles) = roles(spec.role.as_ref(), spec.roles.as_ref());
        let mut record = Map::new();
        record.insert("requestId".to_owned(), json!(request));
        self.who(&mut record, device, spec.key.as_ref().map_or(device, |key| key.as_str()), None);
        client(
            &mut record,
            &spec.client,
            spec.display_name.as_ref(),
            spec.platform.as_ref(),
            spec.device_family.as_ref(),
        );
        record.insert("role".to_owned(), json!(role));
        record.insert("roles".to_owned(), json!(roles));
        record.insert("scopes".to_owned(), json!(spec.scopes.clone().unwrap_or_default()));
        if let Some(address) = &spec.remote_ip {
            record.insert("remoteIp".to_owned(), json!(address));
        }
        record.insert("silent".to_owned(), json!(spec.silent.unwrap_or(false)));
        record.insert("isRepair".to_owned(), json!(spec.repair.unwrap_or(false)));
        record.insert("ts".to_owned(), json!(self.ago(spec.age)));
        for field in &spec.without {
            record.shift_remove(pending_field(*field));
        }
        self.set(&mut record, &spec.set)?;
        self.bindings.requested(device, &request);
        let key = match spec.filed_under {
            None | Some(PendingRecordKey::Request) => request,
            Some(PendingRecordKey::Device) => self.bindings.identities.device(device).device_id(),
        };
        Ok((key, Value::Object(record)))
    }

    fn bootstrap(&self, name: &str, spec: &BootstrapRecord) -> Result<Value, String> {
        let issued = self.ago(spec.age);
        let SeedFacts { setup_code_roles: roles, setup_code_scopes: scopes } = Facts::nearest(self.release).seed;
        let mut record = Map::new();
        record.insert("token".to_owned(), json!(self.bindings.identities.bootstrap(name)));
        record.insert("ts".to_owned(), json!(issued));
        let roles = spec.roles.as_ref().map_or(json!(roles), |roles| json!(roles));
        let scopes = spec.scopes.as_ref().map_or(json!(scopes), |scopes| json!(scopes));
        record.insert("profile".to_owned(), json!({ "roles": roles, "scopes": scopes }));
        if let Some(device) = &spec.device {
            let key = self.bindings.identities.device(device.as_str());
            record.insert("deviceId".to_owned(), json!(key.device_id()));
            record.insert("publicKey".to_owned(), json!(key.public_key()));
        }
        record.insert("issuedAtMs".to_owned(), json!(issued));
        self.set(&mut record, &spec.set)?;
        Ok(Value::Object(record))
    }

    fn who(&self, record: &mut Map<String, Value>, device: &str, key_of: &str, form: Option<KeyForm>) {
        let key = self.bindings.identities.device(key_of);
        let public_key = match form {
            None | Some(KeyForm::Raw) => key.public_key(),
            Some(KeyForm::Pem) => key.public_key_pem(),
        };
        record.insert("deviceId".to_owned(), json!(self.bindings.identities.device(device).device_id()));
        record.insert("publicKey".to_owned(), json!(public_key));
    }

    /// The time that lies this age in the past.
    fn ago(&self, age: Option<TimeSpan>) -> i64 {
        let ms = age.map_or(DEFAULT_AGE_MS, |age| age.milliseconds);
        self.now - i64::try_from(ms).unwrap_or(i64::MAX / 2)
    }

    fn set(&self, record: &mut Map<String, Value>, spec: &Map<String, Value>) -> Result<(), String> {
        for (field, value) in spec {
            record.insert(field.clone(), self.bindings.fill(value)?);
        }
        Ok(())
    }
}

/// The role and the roles of a record, where one of them may be left out: an operator's, if both are.
fn roles(role: Option<&String>, roles: Option<&Vec<String>>) -> (String, Vec<String>) {
    let role = role.or_else(|| roles?.first()).cloned().unwrap_or_else(|| "operator".to_owned());
    let roles = roles.cloned().unwrap_or_else(|| vec![role.clone()]);
    (role, roles)
}

fn client(
    record: &mut Map<String, Value>,
    client: &RecordClient,
    display_name: Option<&String>,
    platform: Option<&String>,
    device_family: Option<&String>,
) {
    if let Some(name) = display_name {
        record.insert("displayName".to_owned(), json!(name));
    }
    record.insert("platform".to_owned(), json!(platform.map_or("linux", String::as_str)));
    if let Some(family) = device_family {
        record.insert("deviceFamily".to_owned(), json!(family));
    }
    record.insert("clientId".to_owned(), json!(client.id.as_deref().unwrap_or("cli")));
    record.insert("clientMode".to_owned(), json!(client.mode.as_deref().unwrap_or("cli")));
}

fn paired_field(field: PairedField) -> &'static str {
    match field {
        PairedField::DeviceId => "deviceId",
        PairedField::PublicKey => "publicKey",
        PairedField::Role => "role",
        PairedField::Roles => "roles",
        PairedField::Scopes => "scopes",
        PairedField::ApprovedScopes => "approvedScopes",
        PairedField::Platform => "platform",
        PairedField::ClientId => "clientId",
        PairedField::ClientMode => "clientMode",
        PairedField::Tokens => "tokens",
        PairedField::CreatedAt => "createdAtMs",
        PairedField::ApprovedAt => "approvedAtMs",
    }
}

fn pending_field(field: PendingField) -> &'static str {
    match field {
        PendingField::RequestId => "requestId",
        PendingField::DeviceId => "deviceId",
        PendingField::PublicKey => "publicKey",
        PendingField::Role => "role",
        PendingField::Roles => "roles",
        PendingField::Scopes => "scopes",
        PendingField::Platform => "platform",
        PendingField::ClientId => "clientId",
        PendingField::ClientMode => "clientMode",
        PendingField::Silent => "silent",
        PendingField::Repair => "isRepair",
        PendingField::Time => "ts",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::bindings::identities::Identities;

    const NOW: i64 = 1_775_000_000_000;

    fn records(store: Value) -> Value {
        let bindings = Bindings::new(Identities::new("a/b"));
        let seeder = Seeder { bindings: &bindings, now: NOW, release: Release::new(2026, 4, 2), own: true };
        let records = seeder.records(&serde_json::from_value(store).unwrap()).unwrap();
        records
            .into_iter()
            .map(|(document, records)| (document.path().to_owned(), Value::Object(records)))
            .collect::<Map<_, _>>()
            .into()
    }

    fn only(records: &Value, document: &str) -> Value {
        records[document].as_object().unwrap().values().next().unwrap().clone()
    }

    #[test]
    fn default_record() {
        let record =
            only(&records(json!({"paired": {"laptop": {"scopes": ["operator.write"]}}})), "devices/paired.json");
        let key = Identities::new("a/b").device("laptop");
        let created = NOW - 60_000;
        assert_eq!(
            record,
            json!({
                "deviceId": key.device_id(), "publicKey": key.public_key(), "platform": "linux", "clientId": "cli", "clientMode": "cli",
                "role": "operator", "roles": ["operator"], "scopes": ["operator.write"], "approvedScopes": ["operator.write"],
                "tokens": {"operator": {"token": Identities::new("a/b").token("laptop", "operator"), "role": "operator",
                    "scopes": ["operator.read", "operator.write"], "createdAtMs": created}},
                "createdAtMs": created, "approvedAtMs": created,
            })
        );
    }

    #[test]
    fn unusual_record_fields() {
        let store = json!({"paired": {"laptop": {
            "roles": ["node", "operator"], "without": ["scopes", "client-id"], "key": "phone", "age": "2d",
            "tokens": {"node": null, "operator": {"revoked": true, "without": ["role"], "set": {"token": 7}}},
            "set": {"surprise": "<device laptop>"},
        }}});
        let record = only(&records(store), "devices/paired.json");
        assert_eq!((record.get("scopes"), record.get("clientId"), &record["role"]), (None, None, &json!("node")));
        assert_eq!(record["publicKey"], json!(Identities::new("a/b").device("phone").public_key()));
        assert_eq!(record["createdAtMs"], json!(NOW - 172_800_000));
        assert_eq!(record["surprise"], record["deviceId"]);
        let token = &record["tokens"]["operator"];
        assert_eq!((&record["tokens"]["node"], &token["token"], token.get("role")), (&Value::Null, &json!(7), None));
        assert!(token["revokedAtMs"].as_i64() > token["createdAtMs"].as_i64());
    }

    #[test]
    fn token_map_variants() {
        let tokens = |spec: Value| {
            only(&records(json!({"paired": {"laptop": spec}})), "devices/paired.json").get("tokens").cloned()
        };
        assert_eq!(tokens(json!({"tokens": {}})), Some(json!({})));
        assert_eq!(tokens(json!({"tokens": null})), Some(Value::Null));
        assert_eq!(tokens(json!({"without": ["tokens"]})), None);
    }

    #[test]
    fn copied_pending_request() {
        let store =
            json!({"pending": {"laptop": {"repair": true}}, "copied-pending": {"laptop": {"filed-under": "device"}}});
        let records = records(store);
        let (pending, copied) = (only(&records, "devices/pending.json"), only(&records, "devices/paired.json"));
        assert_eq!(pending["requestId"], copied["requestId"]);
        assert_eq!(
            (&pending["isRepair"], &pending["silent"], &pending["ts"]),
            (&json!(true), &json!(false), &json!(NOW - 60_000))
        );
        assert!(records["devices/paired.json"].get(copied["deviceId"].as_str().unwrap()).is_some());
    }

    #[test]
    fn setup_code_defaults() {
        let profile = |release| Facts::nearest(release).seed.setup_code_scopes.len();
        assert_eq!(
            [(2026, 3, 28), (2026, 4, 2), (2026, 4, 8)].map(|(y, m, d)| profile(Release::new(y, m, d))),
            [0, 3, 4]
        );
        let record = only(&records(json!({"bootstrap": {"code": {"device": "phone"}}})), "devices/bootstrap.json");
        assert_eq!(record["profile"]["roles"], json!(["node", "operator"]));
        assert_eq!(record["deviceId"], json!(Identities::new("a/b").device("phone").device_id()));
    }
}
