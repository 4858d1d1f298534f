//! The owners of the records on a shared gateway, what each case observes, and whether anything changed a record that
//! does not belong to the current case.

use crate::observe::ObservedStore;
use crate::run::tenant_view::{self, Records};
use openclaw_protocol::store::Document;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The owner of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RecordOwner {
    /// A sentinel, whose device never connects.
    Sentinel,
    /// The case with this index, in the order of play.
    Tenant(usize),
}

/// An error: a record that no case may change has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the record of {whose} in {document} changed {after}")]
pub(crate) struct IsolationViolation {
    whose: &'static str,
    document: &'static str,
    after: String,
}

/// The owners of the records in a store.
#[derive(Debug, Default)]
pub(crate) struct Tenancy {
    /// The records that were written before the start.
    seeded: BTreeMap<(Document, String), RecordOwner>,
    /// The known devices of each owner.
    devices: BTreeMap<RecordOwner, BTreeSet<String>>,
}

impl Tenancy {
    /// Records the owner of seeded records.
    pub(crate) fn set_owner(&mut self, document: Document, keys: impl IntoIterator<Item = String>, owner: RecordOwner) {
        self.seeded.extend(keys.into_iter().map(|key| ((document, key), owner)));
    }

    /// Records the devices of an owner.
    pub(crate) fn set_devices(&mut self, owner: RecordOwner, devices: BTreeSet<String>) {
        self.devices.insert(owner, devices);
    }

    /// Whether a device belongs to an owner other than this tenant.
    pub(crate) fn belongs_to_another(&self, tenant: usize, device: &str) -> bool {
        self.devices.iter().any(|(owner, devices)| *owner != RecordOwner::Tenant(tenant) && devices.contains(device))
    }

    /// The store as a tenant observes it: its own records, and the records that appeared after `before`. It omits files
    /// that a release derived from a document with records of other owners.
    pub(crate) fn view(&self, tenant: usize, before: &ObservedStore, now: &ObservedStore) -> ObservedStore {
        let tenant = RecordOwner::Tenant(tenant);
        let was_there = tenant_view::records(before).unwrap_or_default();
        let is_mine = |id: &str| self.devices.get(&tenant).is_some_and(|devices| devices.contains(id));
        let is_record_seen = |document, key: &str, record: &Value| {
            let place = (document, key.to_owned());
            match self.seeded.get(&place) {
                Some(owner) => *owner == tenant,
                None => {
                    !was_there.contains_key(&place) || is_mine(key) || tenant_view::device(record).is_some_and(is_mine)
                }
            }
        };
        let has_filled =
            |document: Document| self.seeded.iter().any(|((other, _), owner)| *other == document && *owner == tenant);
        let is_file_seen = |path: &str| {
            let made_of = Document::ALL.into_iter().find(|document| path.starts_with(document.path()));
            let is_others = before.files().contains_key(path) && made_of.is_some_and(|document| !has_filled(document));
            !is_others
        };
        now.filtered(is_record_seen, is_file_seen)
    }

    /// Whether the sentinels still exist after the gateway started.
    pub(crate) fn check_sentinels(&self, at_start: &Records) -> Result<(), IsolationViolation> {
        let gone = |(place, owner): &(&(Document, String), &RecordOwner)| {
            **owner == RecordOwner::Sentinel && !at_start.contains_key(*place)
        };
        self.seeded.iter().find(gone).map_or(Ok(()), |((document, _), owner)| {
            Err(IsolationViolation::of(*owner, *document, "after the start of the gateway".to_owned()))
        })
    }

    /// Whether the records of the sentinels and of the later tenants are unchanged since the gateway started. Without a
    /// tenant: all sentinels, at the end.
    pub(crate) fn check(
        &self,
        at_start: &Records,
        now: &Records,
        tenant: Option<(usize, &str)>,
    ) -> Result<(), IsolationViolation> {
        let is_protected = |owner: RecordOwner| match (owner, tenant) {
            (RecordOwner::Sentinel, _) => true,
            (RecordOwner::Tenant(other), Some((tenant, _))) => other > tenant,
            (RecordOwner::Tenant(_), None) => false,
        };
        let changed = |(place, owner): &(&(Document, String), &RecordOwner)| {
            is_protected(**owner) && at_start.get(*place) != now.get(*place)
        };
        self.seeded.iter().find(changed).map_or(Ok(()), |((document, _), owner)| {
            let after = tenant.map_or("at the end".to_owned(), |(_, case)| format!("after {case}"));
            Err(IsolationViolation::of(*owner, *document, after))
        })
    }
}

impl IsolationViolation {
    fn of(owner: RecordOwner, document: Document, after: String) -> Self {
        let whose = match owner {
            RecordOwner::Sentinel => "a sentinel",
            RecordOwner::Tenant(_) => "a later case",
        };
        Self { whose, document: document.path(), after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn files(paired: Value) -> ObservedStore {
        [("devices/paired.json".to_owned(), Ok(paired.to_string().into_bytes()))].into()
    }

    fn records(paired: Value) -> Records {
        tenant_view::records(&files(paired)).unwrap()
    }

    /// A sentinel and three tenants with one record each.
    fn tenancy() -> Tenancy {
        let mut tenancy = Tenancy::default();
        let everybody = [RecordOwner::Sentinel, RecordOwner::Tenant(0), RecordOwner::Tenant(1), RecordOwner::Tenant(2)];
        for (owner, name) in everybody.into_iter().zip(["by", "zero", "one", "two"]) {
            tenancy.set_owner(Document::DevicesPaired, [name.to_owned()], owner);
            tenancy.set_devices(owner, [name.to_owned()].into());
        }
        tenancy
    }

    fn seeded() -> Value {
        json!({"by": {"deviceId": "by"}, "zero": {"deviceId": "zero"}, "one": {"deviceId": "one"}, "two": {"deviceId": "two"}})
    }

    #[test]
    fn tenant_sees_own_and_new_records() {
        let (mut before, mut now) = (seeded(), seeded());
        before["zeros-second"] = json!({"deviceId": "zeros-second"});
        now["zeros-second"] = json!({"deviceId": "zeros-second"});
        now["new"] = json!({"deviceId": "new"});
        now["one"]["role"] = json!("node");
        let view = tenancy().view(1, &files(before), &files(now));
        let seen = tenant_view::records(&view).unwrap();
        let keys = seen.keys().map(|(_, key)| key.as_str()).collect::<Vec<_>>();
        assert_eq!(keys, ["new", "one"]);
        assert_eq!(seen[&(Document::DevicesPaired, "one".to_owned())]["role"], "node");
    }

    #[test]
    fn tenant_sees_own_and_new_files() {
        let named = |names: &[&str]| {
            names.iter().map(|name| ((*name).to_owned(), Ok(b"x".to_vec()))).collect::<ObservedStore>()
        };
        let old = ["devices/paired.json.migrated", "devices/bootstrap.json.migrated", "devices/lock"];
        let (before, now) = (named(&old), named(&[&old[..], &["devices/pending.json.bak"]].concat()));
        let view = tenancy().view(1, &before, &now);
        let expected = ["devices/lock", "devices/paired.json.migrated", "devices/pending.json.bak"];
        assert_eq!(view.files().keys().collect::<Vec<_>>(), expected);
    }

    #[rstest]
    #[case::nobody("new", Some(1), Ok(()))]
    #[case::the_tenant_itself("one", Some(1), Ok(()))]
    #[case::one_that_is_done("zero", Some(1), Ok(()))]
    #[case::one_to_come("two", Some(1), Err("the record of a later case in devices/paired.json changed after a/b"))]
    #[case::a_sentinel("by", Some(1), Err("the record of a sentinel in devices/paired.json changed after a/b"))]
    #[case::a_sentinel_at_the_end(
        "by",
        None,
        Err("the record of a sentinel in devices/paired.json changed at the end")
    )]
    #[case::a_tenant_at_the_end("two", None, Ok(()))]
    fn violations_of_isolation(
        #[case] touched: &str,
        #[case] tenant: Option<usize>,
        #[case] expected: Result<(), &str>,
    ) {
        for changed in [json!({"deviceId": touched, "role": "x"}), Value::Null] {
            let mut now = seeded();
            now[touched] = changed;
            let checked = tenancy().check(&records(seeded()), &records(now), tenant.map(|tenant| (tenant, "a/b")));
            assert_eq!(checked.map_err(|violation| violation.to_string()), expected.map_err(str::to_owned));
        }
    }

    #[test]
    fn sentinels_survive_start() {
        tenancy().check_sentinels(&records(seeded())).unwrap();
        let violation = tenancy().check_sentinels(&records(json!({"one": {}}))).unwrap_err();
        assert!(violation.to_string().ends_with("after the start of the gateway"), "{violation}");
    }

    #[test]
    fn owners_of_records() {
        let tenancy = tenancy();
        let others = ["by", "zero", "one", "two", "stranger"].map(|id| tenancy.belongs_to_another(1, id));
        assert_eq!(others, [true, true, false, true, false]);
    }
}
