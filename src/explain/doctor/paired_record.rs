//! The problems of the record of a paired device.

use super::answers::{CLOSES, answering, answers};
use super::finding::Finding;
use crate::explain::platform::{LOCAL_PLATFORM, next_version};
use crate::explain::text::short;
use crate::explain::{Client, ClientDescription, ClientDevice, StateDirectory, Verdict};
use openclaw_emulator::store::SqliteDocuments;
use openclaw_model::{Facts, Release, pairing};
use openclaw_protocol::public_key::PublicKey;
use openclaw_protocol::store::{DATABASE, Document};
use serde_json::{Map, Value};
use std::net::{IpAddr, Ipv4Addr};

/// The part of an effect that says that a client is refused.
const REFUSED: &str = "refused (role-upgrade)";
/// The address of a device on another machine, which is reserved for documentation.
const REMOTE_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));

/// A device record of a store, and what `doctor` compares the record with.
pub(super) struct PairedRecord<'a> {
    pub(super) state: &'a StateDirectory,
    /// The file of the record.
    pub(super) place: &'static str,
    pub(super) key: &'a str,
    pub(super) value: &'a Value,
    /// The releases that read the file.
    pub(super) releases: &'a [Facts],
    /// Milliseconds since the epoch.
    pub(super) now: i64,
}

impl PairedRecord<'_> {
    /// The fields of the record that are missing or wrong, regardless of the release.
    pub(super) fn wrong_fields(&self, found: &mut Vec<Finding>) {
        let mut note = |what: &str| found.push(self.finding(what.to_owned(), Vec::new()));
        let Value::Object(fields) = self.value else { return note("is not an object") };
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        if text("deviceId").is_some_and(|id| id != self.key) {
            note("deviceId differs from the key of the record");
        }
        match text("publicKey").map(|text| (text, PublicKey::parse(text))) {
            None => note("publicKey is missing"),
            Some((_, None)) => note("publicKey is not a valid key"),
            Some((_, Some(parsed))) if parsed.device_id() != self.key => {
                note("publicKey belongs to another device");
            }
            Some((text, Some(parsed))) if parsed.to_base64url() != text => {
                note("publicKey does not have the encoding that the releases compare");
            }
            Some(_) => {}
        }
        if fields.contains_key("requestId") || !fields.contains_key("approvedAtMs") {
            note("looks like a pending request: it was never approved");
        }
        if self.place != DATABASE && !SqliteDocuments::fits(Document::DevicesPaired, self.value) {
            note("cannot be imported into a database");
        }
    }

    /// A record without a role in effect, and the clients of the device that a release refuses for this reason. A release can
    /// let in a client on the gateway's machine, but not the same client elsewhere.
    pub(super) fn without_role(&self, found: &mut Vec<Finding>) {
        let Value::Object(fields) = self.value else { return };
        let roleless =
            |facts: &&Facts| pairing::effective_roles(&facts.pairing, self.value).is_ok_and(|roles| roles.is_empty());
        let without = self.releases.iter().filter(roleless).cloned().collect::<Vec<_>>();
        for (effect, releases) in self.by_effect(&client_of(self.key, self.value), &without) {
            let what = format!("has no role in effect: {}{effect}", missing_role(fields));
            found.push(self.finding(what, releases));
        }
    }

    /// A record without the role that its own client requests, and the releases that refuse the client for this reason.
    pub(super) fn role_of_client(&self, found: &mut Vec<Finding>) {
        let requested = |facts: &Facts| Client::of_record(self.value, &facts.client, ClientDevice::Nobody);
        let Some(Client { id, role, .. }) = self.releases.first().and_then(requested) else { return };
        let is_other = |facts: &&Facts| {
            pairing::effective_roles(&facts.pairing, self.value)
                .is_ok_and(|roles| !roles.is_empty() && !roles.contains(&role))
        };
        let others = self.releases.iter().filter(is_other).cloned().collect::<Vec<_>>();
        let client = ClientDescription { device: Some(self.key.to_owned()), ..ClientDescription::default() };
        let groups = self.by_effect(&client, &others).into_iter().filter(|(effect, _)| effect.contains(REFUSED));
        for (effect, releases) in groups {
            let what = format!("lacks the role {}, which its client {} requests{effect}", short(&role), short(&id));
            found.push(self.finding(what, releases));
        }
    }

    /// The releases by how they answer a client of the record, on the gateway's machine and elsewhere.
    fn by_effect(&self, client: &ClientDescription, releases: &[Facts]) -> Vec<(&'static str, Vec<Release>)> {
        let answered = |peer: Option<IpAddr>| {
            let client = ClientDescription { peer, ..client.clone() };
            self.answers(&client, releases)
        };
        let mut groups: Vec<(&'static str, Vec<Release>)> = Vec::new();
        for ((release, here), (_, elsewhere)) in answered(None).into_iter().zip(answered(Some(REMOTE_ADDRESS))) {
            let effect = match (here.as_ref().map(RecordEffect::of), elsewhere.as_ref().map(RecordEffect::of)) {
                (Some(RecordEffect::RoleUpgrade), Some(RecordEffect::RoleUpgrade)) => {
                    "; its clients are refused (role-upgrade)"
                }
                (Some(RecordEffect::LetIn), Some(RecordEffect::RoleUpgrade)) => {
                    "; its clients on other machines are refused (role-upgrade), but a client that connects directly on the \
                     gateway's machine is let in"
                }
                (Some(RecordEffect::LetIn), Some(RecordEffect::LetIn)) => "; its clients are let in",
                _ => "",
            };
            match groups.iter_mut().find(|(known, _)| *known == effect) {
                Some((_, releases)) => releases.push(release),
                None => groups.push((effect, vec![release])),
            }
        }
        groups
    }

    /// The damaged tokens of a record, and the releases that cannot process them.
    pub(super) fn damaged_tokens(&self, found: &mut Vec<Finding>) {
        let what = match self.value.get("tokens") {
            None | Some(Value::Null) => return,
            Some(Value::Object(tokens)) => {
                let damaged = tokens.iter().find_map(|(role, token)| Some((role, damaged_token(token)?)));
                let Some((role, what)) = damaged else { return };
                format!("the token for {} {what}", short(role))
            }
            Some(Value::String(_)) => "tokens is text, not an object".to_owned(),
            Some(Value::Array(_)) => "tokens is a list, not an object".to_owned(),
            Some(other) => format!("tokens is {}, not an object", short(&other.to_string())),
        };
        // The answer depends on the whole record, not only on its tokens.
        let client = client_of(self.key, self.value);
        let answering = answering(self.answers(&client, self.releases));
        let mut others = [answering.others, answering.not_starting].concat();
        others.sort();
        let ways = [(format!("{what}: a gateway {CLOSES}"), answering.silent), (what, others)];
        let ways = ways.into_iter().filter(|(_, releases)| !releases.is_empty());
        found.extend(ways.map(|(what, releases)| self.finding(what, releases)));
    }

    /// Finds a platform that can change, such as one with a version. A device with another platform has to be approved
    /// again.
    pub(super) fn pinned_platform(&self, found: &mut Vec<Finding>) {
        let Some(platform) = self.value.get("platform").and_then(Value::as_str) else { return };
        let is_own = self.state.own_key.as_ref().is_some_and(|own| own.device_id() == self.key);
        let mut client = client_of(self.key, self.value);
        let what = match next_version(platform) {
            Some(next) => {
                (client.platform, client.peer) = (Some(next), Some(REMOTE_ADDRESS));
                "an update of the system requires another approval"
            }
            // The directory of the gateway, or a copy that a gateway on this machine would use.
            None if is_own && platform != LOCAL_PLATFORM => {
                client.platform = Some(LOCAL_PLATFORM.to_owned());
                "on this machine (linux), a client that sends this device requires another approval"
            }
            None => return,
        };
        let answers = self.answers(&client, self.releases);
        let refuses = |(release, verdict): (Release, Option<Verdict>)| match verdict {
            Some(Verdict::Refused { error: Some(error), .. }) => {
                error.details.is_some_and(|details| details["reason"] == "metadata-upgrade").then_some(release)
            }
            _ => None,
        };
        let releases = answers.into_iter().filter_map(refuses).collect::<Vec<_>>();
        if !releases.is_empty() {
            let what = format!("has the platform `{}`: {what}", short(platform));
            found.push(self.finding(what, releases));
        }
    }

    /// How releases answer a client if the store contains only this record.
    fn answers(&self, client: &ClientDescription, releases: &[Facts]) -> Vec<(Release, Option<Verdict>)> {
        let records = Value::Object(Map::from_iter([(self.key.to_owned(), self.value.clone())]));
        answers(self.state, (Document::DevicesPaired, self.place), records, client, releases, self.now)
    }

    fn finding(&self, what: String, releases: Vec<Release>) -> Finding {
        Finding { place: self.place.to_owned(), record: Some(self.key.to_owned()), what, releases }
    }
}

/// The client of a record, which requests what was approved.
fn client_of(key: &str, record: &Value) -> ClientDescription {
    let scopes = ["approvedScopes", "scopes"].iter().find_map(|name| record.get(name)?.as_array());
    let scopes = scopes.map(|scopes| scopes.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    let role = record.get("role").and_then(Value::as_str).map(str::to_owned);
    ClientDescription { device: Some(key.to_owned()), role, scopes, ..ClientDescription::default() }
}

/// The effect of a record on its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RecordEffect {
    LetIn,
    RoleUpgrade,
    Other,
}

impl RecordEffect {
    fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::LetIn(_) => Self::LetIn,
            Verdict::Refused { error: Some(error), .. }
                if error.details.as_ref().is_some_and(|details| details["reason"] == "role-upgrade") =>
            {
                Self::RoleUpgrade
            }
            _ => Self::Other,
        }
    }
}

/// The problem of a token in a record.
fn damaged_token(token: &Value) -> Option<&'static str> {
    let Value::Object(fields) = token else { return Some("is not an object") };
    match (fields.get("token"), fields.get("scopes")) {
        (None, _) => Some("has no `token`"),
        (Some(token), _) if !token.is_string() => Some("has a `token` that is not text"),
        (_, Some(scopes)) if !scopes.is_array() => Some("has `scopes` that are not a list"),
        _ => None,
    }
}

/// Why a record has no role in effect, without its tokens.
fn missing_role(fields: &Map<String, Value>) -> &'static str {
    match fields.get("tokens") {
        _ if ["role", "roles"].iter().all(|name| fields.get(*name).is_none_or(Value::is_null)) => {
            "`role` and `roles` are missing"
        }
        None => "`tokens` is missing",
        Some(Value::Object(tokens)) if tokens.is_empty() => "`tokens` is empty",
        Some(Value::Object(tokens)) if tokens.values().any(|token| !token.is_object()) => "`tokens` is damaged",
        Some(Value::Object(_)) => "each token is revoked or belongs to another role",
        Some(_) => "`tokens` is not an object",
    }
}

#[cfg(test)]
mod tests {
    use super::missing_role;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::no_role(json!({"tokens": {"operator": {"role": "operator"}}}), "`role` and `roles` are missing")]
    #[case::no_tokens(json!({"role": "operator"}), "`tokens` is missing")]
    #[case::empty(json!({"roles": ["operator"], "tokens": {}}), "`tokens` is empty")]
    #[case::damaged(json!({"role": "operator", "tokens": {"operator": 1}}), "`tokens` is damaged")]
    #[case::revoked(json!({"role": "operator", "tokens": {"operator": {"revokedAtMs": 1}}}), "each token is revoked")]
    fn reason_of_missing_role(#[case] record: serde_json::Value, #[case] says: &str) {
        assert!(missing_role(record.as_object().unwrap()).starts_with(says));
    }
}
