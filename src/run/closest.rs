//! Finds the known release whose answers are closest to those of a gateway, from the observations of a run.
//!
//! The observation of each case is compared with the approved snapshot of every known release. If all cases conform, no
//! observation is compared. For a conforming case, only its id and the snapshot that it conforms to are needed. They
//! are read at the end of a run in which another case deviates.

use super::outcome::CaseReport;
use crate::judge::cause::differences;
use crate::judge::{Level, Verdict};
use crate::observe::snapshot::{History, Library, LibraryError};
use crate::observe::{RawFrame, RawMessage, StepEvidence};
use openclaw_model::{Release, releases};
use openclaw_protocol::connect::is_hello;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use untrusted_data::cut;
use untrusted_data::limits::LINE;

/// The maximum number of different versions that are kept. A gateway should have one.
const MOST_VERSIONS: usize = 16;
/// Separates the steps of a snapshot's text from the store.
const STORE: &str = "\n\n";

/// How close the answers of a gateway are to those of each known release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosestRelease {
    /// The release that the run compared the gateway with.
    pub release: Release,
    /// `server.version` in the gateway's hello-ok, if it has one.
    pub version: Option<String>,
    /// All cases with an approved snapshot.
    pub overall: EqualSnapshots,
    /// The same by family.
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
    fn add(&mut self, id: &str, releases: &BTreeSet<Release>) {
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

/// The results of the cases so far.
#[derive(Debug, Default)]
pub(super) struct Collector {
    /// The ids of the conforming cases, and whether the store was observed.
    conforming: Vec<(String, bool)>,
    /// The ids of the deviating cases, and the releases whose snapshot they equal.
    deviating: Vec<(String, BTreeSet<Release>)>,
    /// Whether a case fails. Known deviations do not count.
    fails: bool,
    /// How often the gateway named each version in a hello-ok.
    versions: BTreeMap<String, usize>,
}

impl Collector {
    /// Records the versions in the hello-ok messages of a case.
    pub(super) fn note_versions(&mut self, steps: &[StepEvidence]) {
        for version in steps.iter().flat_map(versions) {
            if self.versions.len() < MOST_VERSIONS || self.versions.contains_key(&version) {
                *self.versions.entry(version).or_default() += 1;
            }
        }
    }

    /// Adds a judged case.
    ///
    /// # Errors
    /// A snapshot could not be read.
    pub(super) fn add(&mut self, case: &CaseReport, library: &Library, level: Level) -> Result<(), LibraryError> {
        let Some(observation) = &case.observation else { return Ok(()) };
        self.fails |= case.verdict.is_failure();
        if case.verdict == Verdict::Conforms {
            self.conforming.push((case.id.clone(), observation.store.is_some()));
            return Ok(());
        }
        let history = library.history(&case.id)?;
        if !history.variants.is_empty() {
            let equal = |text: &str| is_same(observation.comparable(text), observation.text(), level);
            self.deviating.push((case.id.clone(), releases_with(&history, equal)));
        }
        Ok(())
    }

    /// The result for a gateway that was compared with `release`. `None` if no case fails, or if neither the answers
    /// nor the gateway's version indicate another release.
    ///
    /// # Errors
    /// A snapshot could not be read.
    pub(super) fn finish(
        self,
        release: Release,
        library: &Library,
        level: Level,
    ) -> Result<Option<ClosestRelease>, LibraryError> {
        if !self.fails {
            return Ok(None);
        }
        let mut closest = ClosestRelease { release, version: self.version(), ..ClosestRelease::default() };
        for (id, with_store) in &self.conforming {
            let history = library.history(id)?;
            let Some((_, own)) = history.serving(release) else { continue };
            let own = comparable(&own.text, *with_store);
            let equal = |text: &str| is_same(own, comparable(text, *with_store), level);
            closest.add(id, &releases_with(&history, equal));
        }
        for (id, releases) in &self.deviating {
            closest.add(id, releases);
        }
        Ok((closest.fits_better() || closest.misnamed().is_some()).then_some(closest))
    }

    /// The version that the gateway named most often.
    fn version(&self) -> Option<String> {
        self.versions.iter().max_by_key(|(_, times)| **times).map(|(version, _)| version.clone())
    }
}

/// The known releases whose snapshot meets a condition.
fn releases_with(history: &History, equal: impl Fn(&str) -> bool) -> BTreeSet<Release> {
    let variants = history.variants.iter().filter(|(_, variant)| equal(&variant.text));
    let variants = variants.map(|(from, _)| *from).collect::<BTreeSet<_>>();
    let known = releases::known_releases();
    known.filter(|release| history.serving(*release).is_some_and(|(from, _)| variants.contains(&from))).collect()
}

/// Whether two observations have no difference that counts at a level.
fn is_same(expected: &str, seen: &str, level: Level) -> bool {
    expected == seen || !differences(expected, seen).iter().any(|difference| difference.kind.level() <= level)
}

/// The part of a snapshot that an observation without the store can be compared with.
fn comparable(text: &str, with_store: bool) -> &str {
    match text.find(STORE) {
        Some(end) if !with_store => &text[..=end],
        _ => text,
    }
}

/// The versions in the hello-oks that a step received.
fn versions(step: &StepEvidence) -> Vec<String> {
    let own = step.received.iter().filter_map(|received| version(&received.message));
    own.chain(step.parallel.iter().flat_map(versions)).collect()
}

fn version(message: &RawMessage) -> Option<String> {
    let RawMessage::Frame(RawFrame::Regular { json, method }) = message else { return None };
    let payload = json.get("payload")?;
    let version = payload.pointer("/server/version").and_then(Value::as_str)?;
    is_hello(payload, method.as_deref() == Some("connect")).then(|| cut::line(version, LINE).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
    fn another_release_must_fit_better_than_the_claimed_one() {
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
    fn a_family_that_is_closest_to_another_release_is_named() {
        let mixed = closest(&[("a/x", &["2026.3.31"]), ("a/y", &["2026.3.31"]), ("b/z", &["2026.4.8"])]);
        let named = mixed.differing_families().map(|(family, _)| family).collect::<Vec<_>>();
        assert_eq!(named, ["b"]);
    }

    #[test]
    fn only_the_version_of_another_known_release_is_a_mismatch() {
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

    #[test]
    fn a_version_is_taken_from_a_hello_ok_and_nothing_else() {
        let of = |payload: Value| {
            let json = json!({ "type": "res", "ok": true, "payload": payload });
            version(&RawMessage::Frame(RawFrame::Regular { json, method: Some("connect".to_owned()) }))
        };
        let server = json!({ "version": "2026.4.2" });
        assert_eq!(of(json!({ "type": "hello-ok", "server": server })).as_deref(), Some("2026.4.2"));
        assert_eq!(of(json!({ "protocol": 3, "server": server })).as_deref(), Some("2026.4.2"));
        assert_eq!(of(json!({ "server": server })), None);
        assert_eq!(of(json!({ "type": "hello-ok", "server": {} })), None);
    }

    #[test]
    fn the_store_counts_only_where_it_was_observed() {
        let text = "connect\n  <- close\n\npaired\n  none\n";
        assert_eq!((comparable(text, false), comparable(text, true)), ("connect\n  <- close\n", text));
    }
}
