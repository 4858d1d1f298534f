//! Two documents in memory between one read and one write: pending requests by id, paired records by device or node.

use super::{Fault, PENDING_TTL_MS};
use crate::facts::pairing::StateRules;
use openclaw_protocol::js::{self, Record, TypeFault};
use openclaw_protocol::store::{Document, Documents};
use serde_json::Value;
use std::borrow::Cow;
use std::sync::Arc;

/// Which pair of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `devices/`.
    Devices,
    /// `nodes/`.
    Nodes,
}

impl Family {
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

/// Which documents an operation changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Changed {
    /// The pending requests.
    Pending,
    /// The paired records.
    Paired,
    /// Both.
    Both,
}

/// Both documents of a family.
pub(crate) struct State {
    rules: StateRules,
    family: Family,
    /// By request id.
    pub pending: Table,
    /// By device or node id.
    pub paired: Table,
}

impl State {
    /// Reads both documents and forgets the requests that are too old.
    ///
    /// # Errors
    /// A pending request that is `null`, or a file that the release cannot do without.
    pub fn load(rules: StateRules, family: Family, documents: &dyn Documents, now: i64) -> Result<Self, Fault> {
        let mut pending = Table::load(rules, documents, family.pending())?;
        let paired = Table::load(rules, documents, family.paired())?;
        pending.prune(now, PENDING_TTL_MS, rules.refresh_keeps_alive)?;
        Ok(Self { rules, family, pending, paired })
    }

    /// Writes what was changed, or both documents where the release knows no difference.
    ///
    /// # Errors
    /// The first document that could not be written; the other one is tried all the same.
    pub fn persist(&self, documents: &mut dyn Documents, changed: Changed) -> Result<(), Fault> {
        let pending = (self.family.pending(), &self.pending.0);
        let paired = (self.family.paired(), &self.paired.0);
        match changed {
            Changed::Pending if self.rules.writes_what_changed => documents.write(&[pending])?,
            Changed::Paired if self.rules.writes_what_changed => documents.write(&[paired])?,
            _ => documents.write(&[pending, paired])?,
        }
        Ok(())
    }
}

/// A document used as a JavaScript object, whatever it is.
pub(crate) struct Table(Arc<Value>);

impl Table {
    fn load(rules: StateRules, documents: &dyn Documents, document: Document) -> Result<Self, Fault> {
        let read = match rules.unreadable_ends {
            true => documents.try_read(document)?,
            false => documents.read(document),
        };
        Ok(Self::new(read.filter(|value| value.is_object() || !rules.objects_only)))
    }

    /// A document as it was read; nothing and `null` become an empty object.
    pub fn new(document: Option<Arc<Value>>) -> Self {
        let document = document.filter(|value| !value.is_null());
        Self(document.unwrap_or_else(|| Arc::new(Value::Object(Record::new()))))
    }

    /// `table[key]`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match &*self.0 {
            Value::Object(fields) => fields.get(key),
            Value::Array(items) => array_index(key).and_then(|at| items.get(at)),
            _ => None,
        }
    }

    /// `table[key]`, where it is true of JavaScript: neither absent nor `null`, `0`, `""` or `false`.
    pub fn get_truthy(&self, key: &str) -> Option<&Value> {
        self.get(key).filter(|value| js::truthy(Some(value)))
    }

    /// `Object.values(table)`.
    pub fn values(&self) -> Result<Vec<Cow<'_, Value>>, TypeFault> {
        js::values(Some(&self.0))
    }

    /// `table[key] = value`. A list takes it and forgets it: JSON writes a list's items only.
    ///
    /// # Errors
    /// A document that is a bare text, number or boolean.
    pub fn set(&mut self, key: &str, value: Value) -> Result<(), TypeFault> {
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
        Err(TypeFault(format!("Cannot create property '{key}' on {kind} '{shown}'")))
    }

    /// `delete table[key]`.
    pub fn remove(&mut self, key: &str) {
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

    /// Deletes every entry for which this is true.
    pub fn remove_where(&mut self, dead: impl Fn(&Value) -> bool) {
        if let Value::Object(fields) = Arc::make_mut(&mut self.0) {
            fields.retain(|_, entry| !dead(entry));
        }
    }

    /// Replaces the record at `key`, and the one under the record's own `idKey` too: the releases change the record in
    /// place and then store it under the id it carries, which need not be the key it was found under.
    ///
    /// # Errors
    /// As [`Self::set`].
    pub fn set_both(&mut self, key: &str, id_key: &str, device: Record) -> Result<(), TypeFault> {
        let own_key = js::key_text(device.get(id_key));
        if own_key != key {
            self.set(&own_key, Value::Object(device.clone()))?;
        }
        self.set(key, Value::Object(device))
    }

    fn prune(&mut self, now: i64, ttl: i64, heeds_refresh: bool) -> Result<(), TypeFault> {
        // Exact for every time of this millennium.
        #[allow(clippy::cast_precision_loss)]
        let expired = |entry: &Value| -> Result<bool, TypeFault> {
            // Written by releases since 2026.7.35, and heeded by them alone: no other one leaves it in a file.
            let refreshed = js::present(js::property(Some(entry), super::request::REFRESHED)?);
            let since = refreshed.filter(|_| heeds_refresh).or(js::property(Some(entry), "ts")?);
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
