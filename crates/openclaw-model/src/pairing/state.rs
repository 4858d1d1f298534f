//! The documents between one read and one write: pending requests by id, and paired records by device or node.

use super::{PENDING_TTL_MS, StoreError};
use crate::facts::pairing::StateRules;
use openclaw_protocol::js::{self, Record, TypeError};
use openclaw_protocol::store::{Document, Documents};
use serde_json::Value;
use std::borrow::Cow;
use std::sync::Arc;

/// The field with the time of the last repetition of a request.
pub(super) const REFRESHED: &str = "refreshedAtMs";

/// A pair of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentFamily {
    /// `devices/`.
    Devices,
    /// `nodes/`.
    Nodes,
}

impl DocumentFamily {
    fn pending(self) -> Document {
        match self {
            Self::Devices => Document::DevicesPending,
            Self::Nodes => Document::NodesPending,
        }
    }

    fn paired(self) -> Document {
        match self {
            Self::Devices => Document::DevicesPaired,
            Self::Nodes => Document::NodesPaired,
        }
    }
}

/// The documents that an operation changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangedDocuments {
    /// The pending requests.
    Pending,
    /// The paired records.
    Paired,
    /// Both.
    Both,
}

/// Both documents of a family.
pub(crate) struct PairingState {
    rules: StateRules,
    family: DocumentFamily,
    /// By request id.
    pub pending: RecordMap,
    /// By device or node id.
    pub paired: RecordMap,
}

impl PairingState {
    /// Reads both documents and drops expired requests.
    ///
    /// # Errors
    /// Returns an error for a pending request that is `null`, or for an unreadable file in releases that need it.
    pub(crate) fn load(
        rules: StateRules,
        family: DocumentFamily,
        documents: &dyn Documents,
        now: i64,
    ) -> Result<Self, StoreError> {
        let mut pending = RecordMap::load(rules, documents, family.pending())?;
        let paired = RecordMap::load(rules, documents, family.paired())?;
        pending.prune(now, PENDING_TTL_MS, rules.refresh_keeps_alive)?;
        Ok(Self { rules, family, pending, paired })
    }

    /// Writes the changed documents, or both in releases that always write both.
    ///
    /// # Errors
    /// Returns the error of the first document that could not be written. The other one is still tried.
    pub(crate) fn persist(&self, documents: &mut dyn Documents, changed: ChangedDocuments) -> Result<(), StoreError> {
        let pending = (self.family.pending(), &self.pending.0);
        let paired = (self.family.paired(), &self.paired.0);
        match changed {
            ChangedDocuments::Pending if self.rules.writes_what_changed => documents.write(&[pending])?,
            ChangedDocuments::Paired if self.rules.writes_what_changed => documents.write(&[paired])?,
            _ => documents.write(&[pending, paired])?,
        }
        Ok(())
    }
}

/// A document used as a JavaScript object, whatever it is.
pub(crate) struct RecordMap(Arc<Value>);

impl RecordMap {
    fn load(rules: StateRules, documents: &dyn Documents, document: Document) -> Result<Self, StoreError> {
        let read = match rules.unreadable_ends {
            true => documents.try_read(document)?,
            false => documents.read(document),
        };
        Ok(Self::new(read.filter(|value| value.is_object() || !rules.objects_only)))
    }

    /// The document as it was read. An absent document and `null` become an empty object.
    pub(crate) fn new(document: Option<Arc<Value>>) -> Self {
        let document = document.filter(|value| !value.is_null());
        Self(document.unwrap_or_else(|| Arc::new(Value::Object(Record::new()))))
    }

    /// `table[key]`.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        match &*self.0 {
            Value::Object(fields) => fields.get(key),
            Value::Array(items) => array_index(key).and_then(|at| items.get(at)),
            _ => None,
        }
    }

    /// `table[key]` if JavaScript treats it as true: not absent, `null`, `0`, `""` or `false`.
    pub(crate) fn get_truthy(&self, key: &str) -> Option<&Value> {
        self.get(key).filter(|value| js::truthy(Some(value)))
    }

    /// `Object.values(table)`.
    pub(crate) fn values(&self) -> Result<Vec<Cow<'_, Value>>, TypeError> {
        js::values(Some(&self.0))
    }

    /// `table[key] = value`. A list loses it, because JSON writes only the items of a list.
    ///
    /// # Errors
    /// Returns an error for a document that is a string, a number or a boolean.
    pub(crate) fn set(&mut self, key: &str, value: Value) -> Result<(), TypeError> {
        let kind = match Arc::make_mut(&mut self.0) {
            Value::Object(fields) => {
                fields.insert(key.to_owned(), value);
                return Ok(());
            }
            Value::Array(items) => {
                if let Some(slot) = array_index(key).and_then(|at| items.get_mut(at)) {
                    *slot = value;
                }
                return Ok(());
            }
            Value::String(_) => "string",
            Value::Number(_) => "number",
            Value::Bool(_) | Value::Null => "boolean",
        };
        let shown = js::key_text(Some(&self.0));
        Err(TypeError(format!("Cannot create property '{key}' on {kind} '{shown}'")))
    }

    /// `delete table[key]`.
    pub(crate) fn remove(&mut self, key: &str) {
        match Arc::make_mut(&mut self.0) {
            Value::Object(fields) => {
                fields.shift_remove(key);
            }
            Value::Array(items) => {
                if let Some(slot) = array_index(key).and_then(|at| items.get_mut(at)) {
                    *slot = Value::Null;
                }
            }
            _ => {}
        }
    }

    /// Deletes every entry for which the function returns true.
    pub(crate) fn remove_where(&mut self, dead: impl Fn(&Value) -> bool) {
        if let Value::Object(fields) = Arc::make_mut(&mut self.0) {
            fields.retain(|_, entry| !dead(entry));
        }
    }

    /// Replaces the record at `key` and at the record's own `idKey`. The releases change the record in place and then
    /// store it under the id in it, which can differ from the key.
    ///
    /// # Errors
    /// As [`Self::set`].
    pub(crate) fn set_both(&mut self, key: &str, id_key: &str, device: Record) -> Result<(), TypeError> {
        let own_key = js::key_text(device.get(id_key));
        if own_key != key {
            self.set(&own_key, Value::Object(device.clone()))?;
        }
        self.set(key, Value::Object(device))
    }

    fn prune(&mut self, now: i64, ttl: i64, refresh_counts: bool) -> Result<(), TypeError> {
        // Exact for every time of this millennium.
        #[allow(clippy::cast_precision_loss)]
        let expired = |entry: &Value| -> Result<bool, TypeError> {
            // Only releases that write this time use it. No other release keeps this time in a file.
            let refreshed = js::present(js::property(Some(entry), REFRESHED)?);
            let since = refreshed.filter(|_| refresh_counts).or(js::property(Some(entry), "ts")?);
            Ok(now as f64 - js::number(since) > ttl as f64)
        };
        match &*self.0 {
            Value::Object(fields) => {
                let mut dead = Vec::new();
                for (key, entry) in fields {
                    if expired(entry)? {
                        dead.push(key.clone());
                    }
                }
                dead.iter().for_each(|key| self.remove(key));
            }
            Value::Array(items) => {
                let mut dead = Vec::new();
                for (at, item) in items.iter().enumerate() {
                    if expired(item)? {
                        dead.push(at.to_string());
                    }
                }
                dead.iter().for_each(|at| self.remove(at));
            }
            _ => {}
        }
        Ok(())
    }
}

fn array_index(key: &str) -> Option<usize> {
    key.parse().ok().filter(|at: &usize| at.to_string() == key)
}
