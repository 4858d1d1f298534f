//! The store of a state directory, together with the stores that the releases have after their start on it. A start reads
//! every record, and `explain` starts a gateway for each remedy and each release. Therefore, each start is computed once.

use super::client::ClientDevice;
use crate::locked::locked;
use openclaw_emulator::settings::StartRefusal;
use openclaw_emulator::stored_documents::StoredDocuments;
use openclaw_emulator::stored_state::StoredState;
use openclaw_protocol::identity::DeviceKey;
use openclaw_protocol::public_key::PublicKey;
use openclaw_protocol::store::StoreFormat;
use serde_json::Value;
use std::ops::Deref;
use std::sync::{Arc, Mutex};

/// The result of a start: the store and the log lines.
type Outcome = Result<(StoredDocuments, Vec<String>), StartRefusal>;

/// A store before the start of a gateway. Copies share the computed starts until one of them changes.
#[derive(Debug, Clone)]
pub(crate) struct StoreBeforeStart {
    stored: StoredState,
    started: Arc<Mutex<Vec<Started>>>,
}

/// A computed start. The release matters only through the format of its store.
#[derive(Debug)]
struct Started {
    format: StoreFormat,
    now: i64,
    /// The device that a stand-in replaces, by its id.
    device: Option<String>,
    outcome: Outcome,
}

impl From<StoredState> for StoreBeforeStart {
    fn from(stored: StoredState) -> Self {
        Self { stored, started: Arc::default() }
    }
}

impl Deref for StoreBeforeStart {
    type Target = StoredState;

    fn deref(&self) -> &StoredState {
        &self.stored
    }
}

impl StoreBeforeStart {
    /// Changes the store, in memory. The other copies do not change.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut StoredState)) {
        change(&mut self.stored);
        self.started = Arc::default();
    }

    /// The store after the start of a gateway with this format, and the log lines of the start. If the client is a
    /// stand-in, its key replaces that of the device.
    ///
    /// # Errors
    /// The gateway does not start on this store.
    pub(super) fn started(&self, format: StoreFormat, now: i64, who: &ClientDevice) -> Outcome {
        let ClientDevice::StandIn { id, key } = who else {
            return self.once(format, now, None, || self.stored.start(format, now));
        };
        self.once(format, now, Some(id), || {
            let (mut store, log) = self.started(format, now, &ClientDevice::Nobody)?;
            stand_in(&mut store, id, key);
            Ok((store, log))
        })
    }

    /// A start that was computed before, or else `compute`. Of the stores with a stand-in, which are copies of all records,
    /// only those for the latest device are kept.
    fn once(&self, format: StoreFormat, now: i64, device: Option<&str>, compute: impl FnOnce() -> Outcome) -> Outcome {
        let lock = || locked(&self.started);
        let is_this = |start: &&Started| (start.format, start.now, start.device.as_deref()) == (format, now, device);
        if let Some(start) = lock().iter().find(is_this) {
            return start.outcome.clone();
        }
        let outcome = compute();
        let mut started = lock();
        started.retain(|start| {
            start.now == now && (device.is_none() || start.device.is_none() || start.device.as_deref() == device)
        });
        started.push(Started { format, now, device: device.map(str::to_owned), outcome: outcome.clone() });
        outcome
    }
}

/// Replaces a device with a stand-in in every document: its id, and its public key if the key belongs to the id. If the
/// encoding of the key differs from the one that releases use, so does that of the new key. Other keys do not change.
fn stand_in(store: &mut StoredDocuments, id: &str, stand_in: &DeviceKey) {
    let (new_id, key, pem) = (stand_in.device_id(), stand_in.public_key(), stand_in.public_key_pem());
    store.change(|document| {
        exchanged(document, &|text| {
            if text == id {
                return Some(new_id.clone());
            }
            let parsed =
                (text.len() >= 40).then(|| PublicKey::parse(text)).flatten().filter(|found| found.device_id() == id)?;
            Some(if parsed.to_base64url() == text { key.clone() } else { pem.clone() })
        })
    });
}

fn exchanged(value: &Value, exchange: &dyn Fn(&str) -> Option<String>) -> Value {
    match value {
        Value::String(text) => exchange(text).map_or_else(|| value.clone(), Value::String),
        Value::Array(items) => items.iter().map(|item| exchanged(item, exchange)).collect(),
        Value::Object(members) => {
            let member = |(name, member): (&String, &Value)| {
                (exchange(name).unwrap_or_else(|| name.clone()), exchanged(member, exchange))
            };
            Value::Object(members.iter().map(member).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openclaw_emulator::stored_state::StoredFile;
    use openclaw_protocol::store::{Document, Documents as _};
    use serde_json::json;
    use std::cell::Cell;

    fn store() -> StoreBeforeStart {
        let mut stored = StoredState::empty("/state");
        let key = DeviceKey::from_name("laptop");
        let (id, key) = (key.device_id(), key.public_key());
        let paired = json!({ id.clone(): { "deviceId": id, "publicKey": key } });
        stored.set_file(Document::DevicesPaired, StoredFile::Json(Arc::new(paired)));
        stored.into()
    }

    fn computed(store: &StoreBeforeStart) -> usize {
        store.started.lock().unwrap().len()
    }

    #[test]
    fn caches_start_until_change() {
        let (store, starts) = (store(), Cell::new(0));
        let start = |store: &StoreBeforeStart, format| {
            let compute = || {
                starts.set(starts.get() + 1);
                store.stored.start(format, 0)
            };
            store.once(format, 0, None, compute).unwrap()
        };
        let (first, _) = start(&store, StoreFormat::Files);
        let mut copy = store.clone();
        assert_eq!(
            start(&copy, StoreFormat::Files).0.read(Document::DevicesPaired),
            first.read(Document::DevicesPaired)
        );
        start(&copy, StoreFormat::Sqlite);
        start(&store, StoreFormat::Sqlite);
        assert_eq!(starts.get(), 2, "one for each format");
        copy.change(|stored| stored.set_file(Document::DevicesPaired, StoredFile::Absent));
        assert_eq!(start(&copy, StoreFormat::Files).0.read(Document::DevicesPaired), None);
        assert_eq!(
            start(&store, StoreFormat::Files).0.read(Document::DevicesPaired),
            first.read(Document::DevicesPaired)
        );
        assert_eq!(starts.get(), 3);
    }

    #[test]
    fn stand_in_affects_only_its_device() {
        let store = store();
        let laptop = DeviceKey::from_name("laptop").device_id();
        let ids = |who: &ClientDevice| {
            let (documents, _) = store.started(StoreFormat::Files, 0, who).unwrap();
            let paired = documents.read(Document::DevicesPaired).unwrap();
            let (id, record) = paired.as_object().unwrap().iter().next().unwrap();
            (
                id.clone(),
                record["deviceId"].as_str().unwrap().to_owned(),
                record["publicKey"].as_str().unwrap().to_owned(),
            )
        };
        let own = ids(&ClientDevice::Nobody);
        let who = ClientDevice::with_stand_in_key(&laptop);
        let stand_in = who.key().unwrap();
        assert_eq!(ids(&who), (stand_in.device_id(), stand_in.device_id(), stand_in.public_key()));
        assert_eq!((ids(&ClientDevice::Nobody), own.0.as_str()), (own.clone(), laptop.as_str()));
        assert_eq!(computed(&store), 2);
        // Another device takes the place of the stand-in.
        assert_eq!(ids(&ClientDevice::with_stand_in_key("another")), own);
        assert_eq!(computed(&store), 2);
    }
}
