//! The explanation of an answer: the checks that a release made, in order, and the facts that they depend on.

mod answer;
mod connect;
mod quoted;
mod upgrade;

pub use answer::{AnswerFinding, HANDSHAKE_TIMEOUT};
pub use connect::{ConnectFinding, SentCredential};
pub use upgrade::UpgradeFinding;
pub(crate) use upgrade::is_bare_origin;

use super::facts::Facts;
use super::input::ConnectionId;
use super::model::Model;
use super::release::Release;
use super::releases::{KNOWN, OLDEST, Source};
use std::fmt;

/// A check of the handshake. The variants are in the order in which the releases make the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// The HTTP upgrade.
    Upgrade,
    /// The first message: size, form, protocol version, role.
    Frame,
    /// Whether the client counts as local.
    Locality,
    /// The `Origin` header of a browser.
    Origin,
    /// The device's proof, or the lack of a device.
    Device,
    /// Shared secret, device token, bootstrap token, or the authentication by a reverse proxy.
    Credentials,
    /// The access that the device was approved for.
    Pairing,
    /// The resulting answer.
    Answer,
    /// A call of an admitted client.
    Call,
}

impl Check {
    /// Every check, in the order in which a gateway makes them.
    pub const ALL: [Self; 9] = [
        Self::Upgrade,
        Self::Frame,
        Self::Locality,
        Self::Origin,
        Self::Device,
        Self::Credentials,
        Self::Pairing,
        Self::Answer,
        Self::Call,
    ];

    /// The name of the check, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Upgrade => "upgrade",
            Self::Frame => "frame",
            Self::Locality => "locality",
            Self::Origin => "origin",
            Self::Device => "device",
            Self::Credentials => "credentials",
            Self::Pairing => "pairing",
            Self::Answer => "answer",
            Self::Call => "call",
        }
    }
}

/// One line of a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceLine {
    /// The check that produced the line.
    pub check: Check,
    /// The result of the check, in words. It contains no secret, but it can contain text from a client or a record.
    pub sentence: String,
    /// The fact of the release that determined the result, if there is one.
    pub fact: Option<Fact>,
    /// The connection that the check is about.
    pub connection: Option<ConnectionId>,
}

impl fmt::Display for TraceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check.name(), self.sentence)
    }
}

/// One of the [`Facts`], identified by its path.
#[derive(Clone, Copy)]
pub struct Fact {
    name: &'static str,
    value: fn(&Facts) -> String,
}

/// The fact at a path of [`Facts`]: `fact!(handshake.silent_role_upgrade)`.
macro_rules! fact {
    ($area:ident . $name:ident) => {
        $crate::trace::Fact::new(concat!(stringify!($area), ".", stringify!($name)), |facts| {
            format!("{:?}", facts.$area.$name)
        })
    };
}
pub(crate) use fact;

impl Fact {
    /// A fact with this path. `value` returns its value as text.
    pub(crate) const fn new(name: &'static str, value: fn(&Facts) -> String) -> Self {
        Self { name, value }
    }

    /// The path of the fact below [`Facts`].
    pub fn name(self) -> &'static str {
        self.name
    }

    /// The last change of this fact up to a release. `None` if the fact is the same as in the oldest known release.
    pub fn since(self, release: Release) -> Option<FactChange> {
        self.changes().into_iter().take_while(|change| change.release <= release).last()
    }

    /// The first change of this fact after a release. `None` if no known release changes it.
    pub fn until(self, release: Release) -> Option<FactChange> {
        self.changes().into_iter().find(|change| change.release > release)
    }

    /// Every change of this fact, the oldest first.
    fn changes(self) -> Vec<FactChange> {
        let mut facts = Facts::nearest(OLDEST);
        let (mut value, mut changes) = ((self.value)(&facts), Vec::new());
        for known in KNOWN.iter().filter(|known| OLDEST < known.release) {
            for change in known.changes {
                (change.apply)(&mut facts);
                let now = (self.value)(&facts);
                if now != value {
                    value = now;
                    changes.push(FactChange { release: known.release, what: change.what, sources: change.sources });
                }
            }
        }
        changes
    }
}

impl PartialEq for Fact {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The change that starts or ends a fact, and the release of the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FactChange {
    /// The first known release with the change.
    pub release: Release,
    /// The change as a sentence.
    pub what: &'static str,
    /// The sources of the change.
    pub sources: &'static [Source],
}

/// The role and scopes of an admitted client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The role that the client was admitted with.
    pub role: String,
    /// The scopes that the client was admitted with.
    pub scopes: Vec<String>,
}

impl Model {
    /// The role and scopes of a connection's client. `None` if no client was admitted on it.
    pub fn access(&self, connection: ConnectionId) -> Option<Access> {
        let client = self.connections.get(&connection).filter(|open| !open.closing)?.client.as_ref()?;
        Some(Access { role: client.role.clone(), scopes: client.scopes.clone() })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    #[rstest]
    #[case("2026.2.19", None)]
    #[case("2026.3.28", None)]
    #[case("2026.3.31", Some("2026.3.31"))]
    #[case("2026.4.1", Some("2026.3.31"))]
    #[case("2026.4.2", Some("2026.4.2"))]
    fn fact_starts_at_last_change(#[case] release: &str, #[case] since: Option<&str>) {
        let roles = fact!(pairing.effective_roles);
        let found = roles.since(release.parse().unwrap()).map(|since| since.release.to_string());
        assert_eq!((roles.name(), found.as_deref()), ("pairing.effective_roles", since));
        let newest = roles.since("2026.9.6".parse().unwrap()).unwrap();
        assert_eq!(roles.until(newest.release), None, "the last change has no end");
    }

    #[test]
    fn release_between_known_ones_has_earlier_facts() {
        let since = fact!(locality.host_and_trusted_proxies_count).since("2026.4.1".parse().unwrap()).unwrap();
        assert_eq!(since.release.to_string(), "2026.3.31");
        assert!(!since.what.is_empty() && !since.sources.is_empty());
    }
}
