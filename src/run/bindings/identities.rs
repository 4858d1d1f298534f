//! The keys, secrets, tokens and ids of a case. All are derived from the id of the case and a name, so two cases never
//! share one, and a case has the same ones in every run.

use crate::locked::locked;
use crate::observe::KnownValue;
use crate::scenario::gateway::SHARED_SECRET;
use openclaw_protocol::identity::DeviceKey;
use openclaw_protocol::ids;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// The identities of one case.
pub(crate) struct Identities {
    case: String,
    /// The name that the gateway's secrets are derived from: the case, or a group of cases that share a gateway.
    group: String,
    devices: Mutex<BTreeMap<String, DeviceKey>>,
    /// The devices that use the key of a copied state directory.
    real: Mutex<BTreeSet<String>>,
    secrets: Mutex<BTreeMap<String, String>>,
    /// The generated tokens: stored tokens, bootstrap tokens, and tokens that nobody has.
    tokens: Mutex<BTreeSet<String>>,
}

impl Identities {
    pub(crate) fn new(case: &str) -> Self {
        Self::in_group(case, case)
    }

    /// Identities whose shared tokens and passwords are derived from the name of a group. The gateway gets the same
    /// ones.
    pub(crate) fn in_group(case: &str, group: &str) -> Self {
        let (case, group) = (case.to_owned(), group.to_owned());
        Self {
            case,
            group,
            devices: Mutex::default(),
            real: Mutex::default(),
            secrets: Mutex::default(),
            tokens: Mutex::default(),
        }
    }

    /// Identities with the shared secret of a gateway at a URL.
    pub(crate) fn with_shared_secret(case: &str, secret: &str) -> Self {
        let identities = Self::new(case);
        let mut secrets = locked(&identities.secrets);
        secrets.insert(SHARED_SECRET.to_owned(), secret.to_owned());
        drop(secrets);
        identities
    }

    /// The devices used so far: id and name.
    pub(crate) fn device_names(&self) -> Vec<(String, String)> {
        let devices = locked(&self.devices);
        devices.iter().map(|(name, key)| (key.device_id(), name.clone())).collect()
    }

    fn digest(&self, kind: &str, name: &str) -> [u8; 32] {
        digest(kind, &self.case, name)
    }

    /// A device's key.
    pub(crate) fn device(&self, name: &str) -> DeviceKey {
        let mut devices = locked(&self.devices);
        let key = || DeviceKey::from_name(&format!("{}/{name}", self.case));
        devices.entry(name.to_owned()).or_insert_with(key).clone()
    }

    /// Gives a device the key of a copied state directory instead of a derived key.
    pub(crate) fn use_own_key(&self, name: &str, key: DeviceKey) {
        locked(&self.devices).insert(name.to_owned(), key);
        locked(&self.real).insert(name.to_owned());
    }

    /// Whether a device uses the key of a copied state directory.
    pub(crate) fn uses_own_key(&self, name: &str) -> bool {
        locked(&self.real).contains(name)
    }

    /// A shared token or password, by its name in the scenario.
    pub(crate) fn secret(&self, name: &str) -> String {
        let mut secrets = locked(&self.secrets);
        let secret = || {
            let mut digest = digest("secret", &self.group, name);
            // Without the highest bit, the secret begins with a letter. A program that gets it as an argument would take `-x`
            // for an option.
            digest[0] &= 0x7f;
            ids::token(digest)
        };
        secrets.entry(name.to_owned()).or_insert_with(secret).clone()
    }

    /// The device token in a stored record.
    pub(crate) fn token(&self, device: &str, role: &str) -> String {
        self.made_up("token", &format!("{device}/{role}"))
    }

    /// The bootstrap token in the store.
    pub(crate) fn bootstrap(&self, name: &str) -> String {
        self.made_up("bootstrap", name)
    }

    /// A secret of the correct form that nobody has.
    pub(crate) fn wrong(&self, kind: &str) -> String {
        self.made_up("wrong", kind)
    }

    fn made_up(&self, kind: &str, name: &str) -> String {
        let token = ids::token(self.digest(kind, name));
        locked(&self.tokens).insert(token.clone());
        token
    }

    /// The tokens generated so far.
    pub(crate) fn tokens(&self) -> Vec<String> {
        locked(&self.tokens).iter().cloned().collect()
    }

    /// The id of a pending request in the store.
    pub(crate) fn request(&self, label: &str) -> String {
        let digest = self.digest("request", label);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        ids::uuid(bytes)
    }

    /// All ids and secrets used so far, with their symbols in an observation.
    pub(crate) fn known(&self) -> Vec<KnownValue> {
        let devices = locked(&self.devices);
        let secrets = locked(&self.secrets);
        let known = |value: String, symbol: String| KnownValue { value, symbol };
        let mut all = Vec::new();
        for (name, key) in devices.iter() {
            all.push(known(key.device_id(), name.clone()));
            all.push(known(key.public_key(), format!("<key of {name}>")));
            all.push(known(key.public_key_pem(), format!("<PEM key of {name}>")));
        }
        all.extend(secrets.iter().map(|(name, secret)| known(secret.clone(), format!("<secret {name}>"))));
        all
    }

    /// The secrets used so far, by name.
    pub(crate) fn secrets(&self) -> BTreeMap<String, String> {
        locked(&self.secrets).clone()
    }
}

fn digest(kind: &str, whose: &str, name: &str) -> [u8; 32] {
    Sha256::digest(format!("clawcheck {kind} {whose}/{name}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn group_shares_only_secrets() {
        let (one, other) = (Identities::in_group("a/b", "shared"), Identities::in_group("a/c", "shared"));
        assert_eq!(one.secret("shared"), other.secret("shared"));
        assert_ne!(one.secret("shared"), Identities::new("a/b").secret("shared"));
        assert_ne!(one.device("laptop").device_id(), other.device("laptop").device_id());
        assert_eq!(one.token("laptop", "node"), Identities::new("a/b").token("laptop", "node"));
    }

    #[test]
    fn secrets_never_look_like_options() {
        for number in 0..500 {
            let secret = Identities::new(&number.to_string()).secret(SHARED_SECRET);
            assert!(secret.starts_with(|c: char| c.is_ascii_alphabetic()), "{secret}");
        }
    }

    #[test]
    fn names_are_unique_per_case() {
        let (one, other) = (Identities::new("a/b"), Identities::new("a/c"));
        assert_ne!(one.device("laptop").device_id(), other.device("laptop").device_id());
        assert_eq!(one.token("laptop", "node"), Identities::new("a/b").token("laptop", "node"));
        assert_ne!(one.token("laptop", "node"), one.token("laptop", "operator"));
        assert_ne!(one.request("laptop"), one.request("phone"));
    }

    #[test]
    fn lists_requested_names() {
        let identities = Identities::new("a/b");
        let id = identities.device("laptop").device_id();
        let secret = identities.secret("shared");
        let symbol =
            |value: &str| identities.known().into_iter().find(|known| known.value == value).map(|known| known.symbol);
        assert_eq!(symbol(&id).as_deref(), Some("laptop"));
        assert_eq!(symbol(&secret).as_deref(), Some("<secret shared>"));
        assert_eq!(symbol(&Identities::new("a/b").device("phone").device_id()), None);
    }
}
