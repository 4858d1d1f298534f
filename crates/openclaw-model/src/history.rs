//! The history of the rules: what changed in which release, and how that is known.

use super::changes::CHANGES;
use super::handshake::HandshakeRules;
use super::locality::LocalityRules;
use super::nodes::NodeRules;
use super::pairing::PairingRules;
use super::release::Release;
use super::rpc::RpcRules;
use super::versions::{
    V2026_2_19, V2026_2_26, V2026_3_13, V2026_3_28, V2026_3_31, V2026_4_1, V2026_4_2, V2026_4_5, V2026_4_8, V2026_4_15,
    V2026_5_7, V2026_6_11, V2026_7_35, V2026_9_6,
};

/// What one release does, as data: the oldest known release's rules with every [`Change`] up to this one applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// The release that was asked for. Its rules are those of the newest known release at or before it.
    pub release: Release,
    /// Who counts as local.
    pub locality: LocalityRules,
    /// The checks between the upgrade and `hello-ok`, and `hello-ok` itself.
    pub handshake: HandshakeRules,
    /// The device store.
    pub pairing: PairingRules,
    /// The node store.
    pub nodes: NodeRules,
    /// The calls of welcomed clients.
    pub rpc: RpcRules,
}

/// One change of behaviour between two releases.
pub struct Change {
    /// The release in which it was seen.
    pub seen: Release,
    /// The newest release in which it was looked for and not yet there.
    pub not_yet: Release,
    /// One sentence for a reader.
    pub what: &'static str,
    /// Issue or pull request numbers, or the release's file and function.
    pub sources: &'static [&'static str],
    /// What it does to the rules.
    pub apply: fn(&mut Rules),
}

/// Releases whose behaviour was read and seen, oldest first. The first one's rules are the ground that every
/// [`Change`] builds on.
pub const KNOWN: [Release; 14] = [
    V2026_2_19, V2026_2_26, V2026_3_13, V2026_3_28, V2026_3_31, V2026_4_1, V2026_4_2, V2026_4_5, V2026_4_8, V2026_4_15,
    V2026_5_7, V2026_6_11, V2026_7_35, V2026_9_6,
];

/// Newer releases whose rules are not complete, or not held against the real release yet, and what is missing.
pub const IN_PART: [(Release, &str); 0] = [];

/// The release that is meant where nobody names one.
pub const DEFAULT: Release = V2026_9_6;

/// A release older than every one whose rules are known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the rules of {0} are not known: the oldest known release is {oldest}", oldest = KNOWN[0])]
pub struct UnknownRelease(pub Release);

impl Rules {
    /// The rules of a release: those of the newest known release at or before it.
    ///
    /// # Errors
    /// A release before the first known one.
    pub fn of(release: Release) -> Result<Self, UnknownRelease> {
        if release < KNOWN[0] {
            return Err(UnknownRelease(release));
        }
        let mut rules = Self {
            release,
            locality: LocalityRules::oldest(),
            handshake: HandshakeRules::oldest(),
            pairing: PairingRules::oldest(),
            nodes: NodeRules::oldest(),
            rpc: RpcRules::oldest(),
        };
        for change in CHANGES.iter().copied().filter(|change| change.seen <= release) {
            (change.apply)(&mut rules);
        }
        Ok(rules)
    }

    /// The newest known release at or before this one: the one whose behaviour these rules describe.
    pub fn described(&self) -> Release {
        let encoded = KNOWN.into_iter().chain(IN_PART.map(|(release, _)| release)).rev();
        encoded.into_iter().find(|known| *known <= self.release).unwrap_or(KNOWN[0])
    }

    /// What is missing of the release that these rules describe; `None` where nothing is known to be.
    pub fn missing(&self) -> Option<&'static str> {
        IN_PART.into_iter().find(|(release, _)| *release == self.described()).map(|(_, missing)| missing)
    }
}

/// Releases whose behaviour was read and seen, oldest first.
pub fn known_releases() -> &'static [Release] {
    &KNOWN
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("2026.2.19", "2026.2.19")]
    #[case("2026.2.25", "2026.2.19")]
    #[case("2026.2.26", "2026.2.26")]
    #[case("2026.3.12", "2026.2.26")]
    #[case("2026.3.13", "2026.3.13")]
    #[case("2026.3.24", "2026.3.13")]
    #[case("2026.3.28", "2026.3.28")]
    #[case("2026.3.30", "2026.3.28")]
    #[case("2026.4.3", "2026.4.2")]
    #[case("2026.8.2", "2026.7.35")]
    #[case("2026.7.1", "2026.6.11")]
    fn an_unknown_release_has_the_rules_of_the_one_before(#[case] release: &str, #[case] described: &str) {
        let rules = Rules::of(release.parse().unwrap()).unwrap();
        assert_eq!(rules.described().to_string(), described);
        let known = Rules::of(described.parse().unwrap()).unwrap();
        assert_eq!(Rules { release: known.release, ..rules }, known);
    }

    #[test]
    fn the_default_release_is_known() {
        assert!(KNOWN.contains(&DEFAULT));
    }

    #[test]
    fn what_came_before_the_history_is_unknown() {
        let error = Rules::of(Release::new(2026, 2, 18)).unwrap_err();
        assert_eq!(error.to_string(), "the rules of 2026.2.18 are not known: the oldest known release is 2026.2.19");
    }

    #[test]
    fn every_change_lies_between_two_known_releases_and_changes_something() {
        for change in CHANGES.iter() {
            assert!(change.not_yet < change.seen, "{}", change.what);
            let encoded = |known: &Release| KNOWN.contains(known) || IN_PART.iter().any(|(part, _)| part == known);
            assert!(encoded(&change.not_yet) && encoded(&change.seen), "{}", change.what);
            let before = Rules::of(change.not_yet).unwrap();
            let mut after = before.clone();
            (change.apply)(&mut after);
            assert_ne!(before, after, "{}", change.what);
        }
    }
}
