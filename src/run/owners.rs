//! Whose the records in the store of a shared gateway are, what each case sees of it, and whether anybody has touched what is
//! not theirs.

use super::own::{self, Records};
use crate::observe::{StoreFiles, place};
use openclaw_protocol::store::Document;
use std::collections::{BTreeMap, BTreeSet};

/// Whose a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    /// Somebody's who never comes.
    Bystander,
    /// The case's of this number, in the order in which they are played.
    Guest(usize),
}

/// A record that nobody may touch is another one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the record of {whose} in {document} is another one {after}")]
pub(super) struct Trespass {
    whose: &'static str,
    document: &'static str,
    after: String,
}

/// Who has records in a store.
#[derive(Debug, Default)]
pub(super) struct Owners {
    /// The records that were there before the start.
    seeded: BTreeMap<(Document, String), Owner>,
    /// The devices that are known so far.
    devices: BTreeMap<Owner, BTreeSet<String>>,
}

impl Owners {
    /// Notes records that are seeded.
    pub(super) fn own(&mut self, document: Document, keys: impl IntoIterator<Item = String>, owner: Owner) {
        self.seeded.extend(keys.into_iter().map(|key| ((document, key), owner)));
    }

    /// Notes somebody's devices.
    pub(super) fn know(&mut self, owner: Owner, devices: BTreeSet<String>) {
        self.devices.insert(owner, devices);
    }

    /// Whether a device is somebody else's than this guest's.
    pub(super) fn is_anothers(&self, guest: usize, device: &str) -> bool {
        self.devices.iter().any(|(owner, devices)| *owner != Owner::Guest(guest) && devices.contains(device))
    }

    /// What a guest sees of a store that was `before` when it came: its own records, and what came while it was played. Of
    /// other files it does not see those that a release has made of a document which others have filled.
    pub(super) fn view(&self, guest: usize, before: &StoreFiles, now: &StoreFiles) -> StoreFiles {
        let guest = Owner::Guest(guest);
        let was_there = own::records(before).unwrap_or_default();
        let is_mine = |id: &str| self.devices.get(&guest).is_some_and(|devices| devices.contains(id));
        let mut view = own::documents(now, |document, key, record| {
            let place = (document, key.to_owned());
            match self.seeded.get(&place) {
                Some(owner) => *owner == guest,
                None => !was_there.contains_key(&place) || is_mine(key) || own::device(record).is_some_and(is_mine),
            }
        });
        let has_filled =
            |document: Document| self.seeded.iter().any(|((other, _), owner)| *other == document && *owner == guest);
        let is_document = |path: &str| Document::ALL.into_iter().any(|document| place(now, document) == path);
        for (path, content) in now.iter().filter(|(path, _)| !is_document(path)) {
            let made_of = Document::ALL.into_iter().find(|document| path.starts_with(document.path()));
            let is_others = before.contains_key(path) && made_of.is_some_and(|document| !has_filled(document));
            if !is_others {
                view.insert(path.clone(), content.clone());
            }
        }
        view
    }

    /// Whether the bystanders are still there once the gateway has started.
    pub(super) fn check_bystanders(&self, at_start: &Records) -> Result<(), Trespass> {
        let gone = |(place, owner): &(&(Document, String), &Owner)| {
            **owner == Owner::Bystander && !at_start.contains_key(*place)
        };
        self.seeded.iter().find(gone).map_or(Ok(()), |((document, _), owner)| {
            Err(Trespass::of(*owner, *document, "after the start of the gateway".to_owned()))
        })
    }

    /// Whether the records of the bystanders, and of those guests who come after this one, are what they were when the gateway had
    /// started. Without a guest: at the end.
    pub(super) fn check(
        &self,
        at_start: &Records,
        now: &Records,
        guest: Option<(usize, &str)>,
    ) -> Result<(), Trespass> {
        let untouchable = |owner: Owner| match (owner, guest) {
            (Owner::Bystander, _) => true,
            (Owner::Guest(other), Some((guest, _))) => other > guest,
            (Owner::Guest(_), None) => false,
        };
        let changed = |(place, owner): &(&(Document, String), &Owner)| {
            untouchable(**owner) && at_start.get(*place) != now.get(*place)
        };
        self.seeded.iter().find(changed).map_or(Ok(()), |((document, _), owner)| {
            let after = guest.map_or("at the end".to_owned(), |(_, case)| format!("after {case}"));
            Err(Trespass::of(*owner, *document, after))
        })
    }
}

impl Trespass {
    fn of(owner: Owner, document: Document, after: String) -> Self {
        let whose = match owner {
            Owner::Bystander => "a bystander",
            Owner::Guest(_) => "a case still to come",
        };
        Self { whose, document: document.path(), after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::{Value, json};

    fn files(paired: Value) -> StoreFiles {
        [("devices/paired.json".to_owned(), Ok(paired.to_string().into_bytes()))].into()
    }

    fn records(paired: Value) -> Records {
        own::records(&files(paired)).unwrap()
    }

    /// A bystander, and three guests with one record each.
    fn owners() -> Owners {
        let mut owners = Owners::default();
        let everybody = [Owner::Bystander, Owner::Guest(0), Owner::Guest(1), Owner::Guest(2)];
        for (owner, name) in everybody.into_iter().zip(["by", "zero", "one", "two"]) {
            owners.own(Document::DevicesPaired, [name.to_owned()], owner);
            owners.know(owner, [name.to_owned()].into());
        }
        owners
    }

    fn seeded() -> Value {
        json!({"by": {"deviceId": "by"}, "zero": {"deviceId": "zero"}, "one": {"deviceId": "one"}, "two": {"deviceId": "two"}})
    }

    #[test]
    fn a_guest_sees_its_own_records_and_what_came_while_it_was_played() {
        let (mut before, mut now) = (seeded(), seeded());
        before["zeros-second"] = json!({"deviceId": "zeros-second"});
        now["zeros-second"] = json!({"deviceId": "zeros-second"});
        now["new"] = json!({"deviceId": "new"});
        now["one"]["role"] = json!("node");
        let view = owners().view(1, &files(before), &files(now));
        let seen = own::records(&view).unwrap();
        let keys = seen.keys().map(|(_, key)| key.as_str()).collect::<Vec<_>>();
        assert_eq!(keys, ["new", "one"]);
        assert_eq!(seen[&(Document::DevicesPaired, "one".to_owned())]["role"], "node");
    }

    #[test]
    fn of_other_files_a_guest_sees_what_is_new_what_comes_from_its_own_documents_and_what_belongs_to_nobody() {
        let bytes = || Ok(b"x".to_vec());
        let named = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), bytes())).collect::<StoreFiles>();
        let before = named(&["devices/paired.json.migrated", "devices/bootstrap.json.migrated", "devices/lock"]);
        let mut now = before.clone();
        now.insert("devices/pending.json.bak".to_owned(), bytes());
        let view = owners().view(1, &before, &now);
        let expected = ["devices/lock", "devices/paired.json.migrated", "devices/pending.json.bak"];
        assert_eq!(view.keys().collect::<Vec<_>>(), expected);
    }

    #[rstest]
    #[case::nobody("new", Some(1), Ok(()))]
    #[case::the_guest_itself("one", Some(1), Ok(()))]
    #[case::one_that_is_done("zero", Some(1), Ok(()))]
    #[case::one_to_come(
        "two",
        Some(1),
        Err("the record of a case still to come in devices/paired.json is another one after a/b")
    )]
    #[case::a_bystander(
        "by",
        Some(1),
        Err("the record of a bystander in devices/paired.json is another one after a/b")
    )]
    #[case::a_bystander_at_the_end(
        "by",
        None,
        Err("the record of a bystander in devices/paired.json is another one at the end")
    )]
    #[case::a_guest_at_the_end("two", None, Ok(()))]
    fn who_is_touched_decides_whether_a_group_counts(
        #[case] touched: &str,
        #[case] guest: Option<usize>,
        #[case] expected: Result<(), &str>,
    ) {
        for changed in [json!({"deviceId": touched, "role": "x"}), Value::Null] {
            let mut now = seeded();
            now[touched] = changed;
            let checked = owners().check(&records(seeded()), &records(now), guest.map(|guest| (guest, "a/b")));
            assert_eq!(checked.map_err(|trespass| trespass.to_string()), expected.map_err(str::to_owned));
        }
    }

    #[test]
    fn bystanders_must_have_survived_the_start() {
        owners().check_bystanders(&records(seeded())).unwrap();
        let trespass = owners().check_bystanders(&records(json!({"one": {}}))).unwrap_err();
        assert!(trespass.to_string().ends_with("after the start of the gateway"), "{trespass}");
    }

    #[test]
    fn other_guests_and_bystanders_are_others() {
        let owners = owners();
        let others = ["by", "zero", "one", "two", "stranger"].map(|id| owners.is_anothers(1, id));
        assert_eq!(others, [true, true, false, true, false]);
    }
}
