//! Compares the observation of a case with its expectations and its snapshot. The result is a verdict.
//!
//! The expectations are checked first. If one is not met, the case has not tested what it claims, and the difference
//! from the snapshot is no finding. Each failed check is a [`Finding`]. The differences decide the verdict.

pub(crate) mod cause;
mod expectation;
mod finding;
pub(crate) mod frame_schema;
mod level;
mod verdict;

pub(crate) use cause::Difference;
pub(crate) use expectation::describe;
pub(crate) use finding::{Finding, FrameFinding};
pub use level::Level;
pub use verdict::Verdict;

use crate::observe::snapshot::{History, Variant};
use crate::observe::{Observation, StepObservation};
use crate::scenario::Case;
use openclaw_model::Release;
use serde::Serialize;
use untrusted_data::cut;
use untrusted_data::limits::SHOWN_STRING;

/// A verdict with its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judgement {
    /// The result that the findings lead to.
    pub verdict: Verdict,
    /// The findings against the case.
    pub findings: Vec<Finding>,
    /// The differences by cause, in the order of the steps. Differences beyond the level of the run do not change the
    /// verdict.
    pub differences: Vec<Difference>,
    /// The notes of the steps with a difference, in the order of play.
    pub notes: Vec<StepNote>,
}

/// The `note` of a step with a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepNote {
    /// The title of the step.
    pub step: String,
    /// Its line in the scenario file, counted from 1.
    pub line: usize,
    /// The text of the step's `note`.
    pub note: String,
}

/// Judges the observation of a case on a gateway that is compared with `release`. The case conforms if no difference
/// counts at `level`. If `history` is absent, there are no snapshots for the gateway and only the expectations count. A
/// case without expectations then deviates. `frames` are the frames that violate the published schema, if the run
/// validates them.
pub(crate) fn judge(
    case: &Case,
    observation: &Observation,
    release: Release,
    history: Option<&History>,
    frames: Vec<FrameFinding>,
    level: Level,
) -> Judgement {
    let (mut findings, unmet) = unmet(case, observation);
    let snapshot = match history {
        Some(history) => against_snapshot(observation, release, history),
        None if case.steps().any(|step| step.expect.is_some()) => None,
        None => Some(Finding::NoSnapshot { later: None, seen: observation.text().to_owned() }),
    };
    let mut differences = match &snapshot {
        Some(Finding::Snapshot { expected, seen, .. }) => cause::differences(expected, seen),
        _ => Vec::new(),
    };
    requirements(&mut differences, case, observation);
    add_unmet(&mut differences, unmet);
    if findings.is_empty() {
        findings.extend(snapshot);
    }
    findings.extend(frames.into_iter().map(Finding::Frame));
    differences.extend(findings.iter().filter_map(Difference::of_finding));
    let counts = |difference: &Difference| difference.kind.level() <= level;
    let verdict = if differences.iter().any(counts) { Verdict::Deviates } else { Verdict::Conforms };
    let notes = notes(case, observation, &differences);
    Judgement { verdict, findings, differences, notes }
}

/// Adds the expectations that were not met to what differs from the snapshot. The snapshot shows the same difference with the
/// lines themselves, unless it is from before the expectation.
fn add_unmet(differences: &mut Vec<Difference>, unmet: Vec<Difference>) {
    let is_reported = |place: &str| differences.iter().any(|difference| difference.is_at(place));
    let most_serious = differences.iter().map(|difference| difference.kind).min();
    let graver = |kind| most_serious.is_none_or(|most_serious| kind < most_serious);
    // The snapshot can show only a difference that counts at a stricter level than the expectation.
    let level = differences.iter().map(|difference| difference.kind.level()).min();
    let counts_before = |kind: cause::CauseKind| level.is_none_or(|level| kind.level() < level);
    let unmet = cause::without_consequences(unmet).into_iter();
    let unmet = unmet
        .filter(|one| counts_before(one.kind) || (!is_reported(&one.place) && graver(one.kind)))
        .collect::<Vec<_>>();
    differences.extend(unmet);
}

/// Adds the requirements of the steps to the differences in them.
fn requirements(differences: &mut [Difference], case: &Case, observation: &Observation) {
    let required = case.steps().filter_map(|step| Some((step.number, step.requires.as_ref()?)));
    for (number, requirement) in required {
        let played = all(&observation.steps).find(|played| played.number == number);
        let Some(played) = played else { continue };
        for difference in differences.iter_mut().filter(|one| one.is_at(&played.step)) {
            difference.requires.get_or_insert_with(|| requirement.value.clone());
        }
    }
}

/// The notes of the steps with a difference.
fn notes(case: &Case, observation: &Observation, differences: &[Difference]) -> Vec<StepNote> {
    let with_notes = case.steps().filter_map(|step| Some((step, step.note.as_ref()?)));
    let notes = with_notes.filter_map(|(step, note)| {
        let played = all(&observation.steps).find(|played| played.number == step.number)?;
        let differs = differences.iter().any(|difference| difference.is_at(&played.step));
        differs.then(|| StepNote { step: played.step.clone(), line: case.line(step.span), note: note.clone() })
    });
    notes.collect()
}

/// All steps, each followed by its parallel steps.
fn all(steps: &[StepObservation]) -> impl Iterator<Item = &StepObservation> {
    let mut open = steps.iter().rev().collect::<Vec<_>>();
    std::iter::from_fn(move || {
        let next = open.pop()?;
        open.extend(next.parallel.iter().rev());
        Some(next)
    })
}

/// The expectations that were not met, and the differences from them.
fn unmet(case: &Case, observation: &Observation) -> (Vec<Finding>, Vec<Difference>) {
    let steps = case.steps().collect::<Vec<_>>();
    let (mut findings, mut differences) = (Vec::new(), Vec::new());
    let mut seen = observation.steps.iter().collect::<Vec<_>>();
    while !seen.is_empty() {
        let mut branches: Vec<&StepObservation> = Vec::new();
        for saw in seen {
            branches.extend(&saw.parallel);
            let Some(step) = steps.get(saw.number) else { continue };
            let Some(expectation) = &step.expect else { continue };
            if !expectation::is_met(expectation, saw) {
                let (words, requires) = (in_words(saw), step.requires.as_ref().map(|id| id.value.clone()));
                differences.push(cause::unmet::difference(expectation, saw, &words, requires.clone()));
                findings.push(Finding::Expectation {
                    step: saw.step.clone(),
                    line: case.line(step.span),
                    expected: describe(expectation),
                    seen: words,
                    requires,
                });
            }
        }
        seen = branches;
    }
    (findings, differences)
}

/// The messages that a step received on its own connection, in one line.
pub(crate) fn in_words(step: &StepObservation) -> String {
    let own = step.seen.iter().filter(|seen| seen.on.is_none());
    let lines =
        own.map(|seen| seen.line().trim_start_matches("<- ").trim_start_matches("-- ").to_owned()).collect::<Vec<_>>();
    if lines.is_empty() {
        return "nothing".to_owned();
    }
    cut::text(&lines.join(", then "), SHOWN_STRING).into_owned()
}

fn against_snapshot(observation: &Observation, release: Release, history: &History) -> Option<Finding> {
    let seen = observation.text();
    let Some((variant, Variant { text, seen: real })) = history.serving(release) else {
        let later = history.variants.keys().next().copied();
        return Some(Finding::NoSnapshot { later, seen: seen.to_owned() });
    };
    let expected = observation.comparable(text);
    (expected != seen).then(|| Finding::Snapshot {
        variant,
        draft: real.is_empty(),
        expected: expected.to_owned(),
        seen: seen.to_owned(),
    })
}
