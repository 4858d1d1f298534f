//! The release whose answers are closest to those of a gateway.

use openclaw_model::{Release, releases};
use std::collections::{BTreeMap, BTreeSet};

/// How close the answers of a gateway are to those of each known release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosestRelease {
    /// The release that the run compared the gateway with.
    pub release: Release,
    /// `server.version` in the gateway's hello-ok, if it has one.
    pub version: Option<String>,
    /// All cases with an approved snapshot.
    pub overall: EqualSnapshots,
    /// The cases of each family with an approved snapshot.
    pub families: BTreeMap<String, EqualSnapshots>,
}

/// How many cases equal the approved snapshot of each release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EqualSnapshots {
    /// The number of cases.
    pub cases: usize,
    /// For each release, the number of cases whose observation equals its snapshot. Releases without equal cases are
    /// absent.
    pub equal: BTreeMap<Release, usize>,
}

impl EqualSnapshots {
    fn add(&mut self, releases: &BTreeSet<Release>) {
        self.cases += 1;
        for release in releases {
            *self.equal.entry(*release).or_default() += 1;
        }
    }

    /// The number of cases whose observation equals the snapshot of a release.
    pub fn of(&self, release: Release) -> usize {
        releases::described(release).and_then(|known| self.equal.get(&known)).copied().unwrap_or_default()
    }

    /// The releases with the most equal cases, oldest first. Empty if no case equals a snapshot.
    pub fn best(&self) -> Vec<Release> {
        let most = self.equal.values().max().copied();
        let best = self.equal.iter().filter(|(_, equal)| Some(**equal) == most);
        best.map(|(release, _)| *release).collect()
    }
}

impl Default for ClosestRelease {
    fn default() -> Self {
        let release = releases::DEFAULT;
        Self { release, version: None, overall: EqualSnapshots::default(), families: BTreeMap::new() }
    }
}

impl ClosestRelease {
    pub(in crate::run) fn add(&mut self, id: &str, releases: &BTreeSet<Release>) {
        let family = id.split_once('/').map_or(id, |(family, _)| family);
        self.overall.add(releases);
        self.families.entry(family.to_owned()).or_default().add(releases);
    }

    /// Whether another release has more equal cases than the one that the gateway was compared with.
    pub fn fits_better(&self) -> bool {
        self.overall.best().first().is_some_and(|best| self.overall.of(*best) > self.overall.of(self.release))
    }

    /// The gateway's version, if it is an OpenClaw version with other answers than the release that the gateway was
    /// compared with. Versions of other gateways have another form.
    pub fn misnamed(&self) -> Option<&str> {
        let version = self.version.as_deref()?;
        let named = version.parse::<Release>().ok()?;
        (releases::described(named) != releases::described(self.release)).then_some(version)
    }

    /// The families whose closest releases differ from those of all cases.
    pub fn differing_families(&self) -> impl Iterator<Item = (&str, &EqualSnapshots)> {
        let overall = self.overall.best();
        let differs = move |likeness: &EqualSnapshots| {
            let best = likeness.best();
            !best.is_empty() && !overall.iter().any(|release| best.contains(release))
        };
        self.families.iter().filter(move |(_, likeness)| differs(likeness)).map(|(name, all)| (name.as_str(), all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(text: &str) -> Release {
        text.parse().unwrap()
    }

    fn closest(equal: &[(&str, &[&str])]) -> ClosestRelease {
        let mut closest = ClosestRelease { release: release("2026.4.2"), ..ClosestRelease::default() };
        for (id, releases) in equal {
            closest.add(id, &releases.iter().map(|text| release(text)).collect());
        }
        closest
    }

    #[test]
    fn closest_must_exceed_claimed_release() {
        let equal = closest(&[("a/x", &["2026.4.2", "2026.3.31"]), ("a/y", &[])]);
        assert!(!equal.fits_better());
        let better = closest(&[("a/x", &["2026.4.2", "2026.3.31"]), ("a/y", &["2026.3.31"]), ("b/z", &["2026.4.2"])]);
        assert!(!better.fits_better(), "two cases each");
        let better = closest(&[("a/x", &["2026.3.31"]), ("b/y", &["2026.4.1", "2026.3.31"])]);
        assert!(better.fits_better());
        assert_eq!((better.overall.best(), better.overall.of(release("2026.4.2"))), (vec![release("2026.3.31")], 0));
        assert_eq!(better.differing_families().count(), 0, "2026.3.31 is among the best of both");
    }

    #[test]
    fn names_differing_family() {
        let mixed = closest(&[("a/x", &["2026.3.31"]), ("a/y", &["2026.3.31"]), ("b/z", &["2026.4.8"])]);
        let named = mixed.differing_families().map(|(family, _)| family).collect::<Vec<_>>();
        assert_eq!(named, ["b"]);
    }

    #[test]
    fn mismatch_only_for_known_release() {
        let says = |version: &str| {
            let closest = ClosestRelease { version: Some(version.to_owned()), ..closest(&[]) };
            closest.misnamed().map(str::to_owned)
        };
        assert_eq!(says("2026.4.2"), None);
        assert_eq!(says("2026.4.3"), None, "it answers like 2026.4.2");
        assert_eq!((says("dev"), says("0.3.0")), (None, None));
        assert_eq!(says("2026.3.31").as_deref(), Some("2026.3.31"));
        assert_eq!(says("2026.1.31").as_deref(), Some("2026.1.31"), "older than all known releases");
    }
}
