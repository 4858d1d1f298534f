//! Finds the known release whose answers are closest to those of a gateway, from the observations of a run.
//!
//! The observation of each case is compared with the approved snapshot of every known release. If all cases conform, no
//! observation is compared. For a conforming case, only its id and the snapshot that it conforms to are needed. They
//! are read at the end of a run in which another case deviates.

use super::outcome::{CaseReport, ClosestRelease};
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
const MAX_VERSIONS: usize = 16;
/// Separates the steps of a snapshot's text from the store.
const STORE: &str = "\n\n";

/// The results of the cases so far.
#[derive(Debug, Default)]
pub(super) struct ClosestReleaseCollector {
    /// The ids of the conforming cases, and whether the store was observed.
    conforming: Vec<(String, bool)>,
    /// The ids of the deviating cases, and the releases whose snapshot they equal.
    deviating: Vec<(String, BTreeSet<Release>)>,
    /// Whether a case fails. Known deviations do not count.
    fails: bool,
    /// How often the gateway named each version in a hello-ok.
    versions: BTreeMap<String, usize>,
}

impl ClosestReleaseCollector {
    /// Records the versions in the hello-ok messages of a case.
    pub(super) fn note_versions(&mut self, steps: &[StepEvidence]) {
        for version in steps.iter().flat_map(versions) {
            if self.versions.len() < MAX_VERSIONS || self.versions.contains_key(&version) {
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

    #[test]
    fn version_only_from_hello() {
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
    fn store_counts_only_if_observed() {
        let text = "connect\n  <- close\n\npaired\n  none\n";
        assert_eq!((comparable(text, false), comparable(text, true)), ("connect\n  <- close\n", text));
    }
}
