//! Compares the observation of a case with its snapshots, and saves the observation for approval if it is new.

use super::report::is_worth_showing;
use crate::gateway::{Gateway, GatewayKind};
use crate::judge::{Finding, FrameFinding, Judgement, Level, Verdict, judge};
use crate::known::PlayedCase;
use crate::machine;
use crate::observe::Observation;
use crate::observe::snapshot::{History, LibraryError, Origin, Proposed};
use crate::run::outcome::CaseReport;
use crate::run::run_state::RunState;
use crate::scenario::Case;
use openclaw_model::Release;
use untrusted_data::limits::Budget;

/// The observation of a case before it is judged.
pub(crate) struct CaseResult {
    pub(crate) observation: Observation,
    /// The frames that violate the published schema.
    pub(crate) frames: Vec<FrameFinding>,
    /// The report without a verdict.
    pub(crate) report: CaseReport,
    /// The share of the run's memory that the result occupies until its report is made.
    pub(crate) kept: Option<Budget>,
}

impl CaseResult {
    /// Reserves memory of the run for the result. `false` if there is not enough.
    pub(crate) fn is_kept(&mut self, shared: &RunState<'_>) -> bool {
        let records = self.report.transcript.iter().chain(&self.report.log).map(String::len).sum::<usize>();
        let kept = shared.kept.part("one case", usize::MAX);
        let has_room = kept.take(self.observation.weight() + records).is_ok();
        self.kept = Some(kept);
        has_room
    }

    /// The verdict that [`conclude`] would reach at the level `exact` and without the published schema. Sharing a
    /// gateway must not change the result, and a frame that violates the schema does so on every gateway.
    pub(crate) fn verdict(&self, case: &Case, release: Release, shared: &RunState<'_>) -> Verdict {
        match kept(case, release, shared) {
            Ok(Approved { history, .. }) => {
                judge(case, &self.observation, release, history.as_ref(), Vec::new(), Level::Exact).verdict
            }
            Err(_) => Verdict::Error,
        }
    }
}

/// The approved snapshots that a case is compared with.
struct Approved {
    /// The snapshots that apply to the release. `None` if they cannot be stored: a user's scenario without a snapshot folder.
    history: Option<History>,
    /// The snapshots of the release, if `history` is that of the gateway itself.
    of_release: Option<History>,
}

/// The approved snapshots of a case.
fn kept(case: &Case, release: Release, shared: &RunState<'_>) -> Result<Approved, LibraryError> {
    let history = shared.library.serving(&case.id, release)?;
    if let Some(own) = &shared.own_library {
        let own = own.serving(&case.id, release)?;
        if own.serving(release).is_some() {
            return Ok(Approved {
                history: Some(own),
                of_release: Some(history).filter(|history| history.serving(release).is_some()),
            });
        }
    }
    let keeps_own = shared.own_library.is_some();
    let nowhere = match shared.library.origin() {
        Origin::Nowhere => true,
        Origin::BuiltIn => !case.source.embedded && !keeps_own,
        Origin::Folder(_) => false,
    };
    let history = if nowhere && history.variants.is_empty() { None } else { Some(history) };
    Ok(Approved { history, of_release: None })
}

/// Compares a case with a snapshot of the gateway itself also with the snapshot of the release. The score counts only what
/// conforms to the release.
fn compare_with_release(
    report: &mut CaseReport,
    case: &Case,
    observation: &Observation,
    release: Release,
    of_release: &History,
    level: Level,
) {
    if !matches!(report.verdict, Verdict::Conforms | Verdict::Deviates) {
        return;
    }
    report.release_differences = judge(case, observation, release, Some(of_release), Vec::new(), level).differences;
    if let Some(worst) = report.own_difference(level) {
        let (title, what) = (worst.kind.title(), &worst.what);
        report.reason = Some(format!("only by the gateway's own snapshot; compared with {release}: {title}: {what}"));
    }
}

/// Notes in the report where an observation was written for approval, or why not.
fn note_proposal(proposed: Result<Option<Proposed>, LibraryError>, report: &mut CaseReport, shared: &RunState<'_>) {
    match proposed {
        Ok(Some(Proposed::Written(path))) => report.proposed = Some(path),
        Ok(Some(Proposed::Kept(path))) => {
            let path = path.display();
            report.reason = Some(format!(
                "an observation of a real release already waits in {path}; clawcheck did not overwrite it"
            ));
        }
        Ok(None) | Err(LibraryError::BuiltIn | LibraryError::Frozen) => {}
        Err(error) => shared.note_error(error),
    }
}

/// Whether an observation that deviates can be approved. If a step did not meet its expectation, it cannot. If only the
/// schema is violated, it is the approved one. Without its store, it can only be a snapshot of the gateway itself.
fn is_candidate(findings: &[Finding], observation: &Observation, shared: &RunState<'_>) -> bool {
    let about_snapshot =
        findings.iter().any(|finding| matches!(finding, Finding::Snapshot { .. } | Finding::NoSnapshot { .. }));
    about_snapshot && (observation.store.is_some() || shared.own_library.is_some())
}

/// Writes the observation of a judged case for approval if it is new. Otherwise, removes the one that waits for approval.
fn save(
    report: &CaseReport,
    observation: &Observation,
    history: &History,
    release: Release,
    gateway: &Gateway,
    shared: &RunState<'_>,
) -> Result<Option<Proposed>, LibraryError> {
    let known = shared.options.known.judge(PlayedCase {
        id: &report.id,
        requirements: &report.requirements,
        verdict: report.verdict,
        level: shared.options.level,
        differences: &report.differences,
        observation: Some(observation.text()),
    });
    let is_known = known.is_some_and(|known| known.verdict == Verdict::KnownDeviation);
    let real = gateway.profile().kind == GatewayKind::Spawned && gateway.profile().program == "openclaw";
    let is_new = match report.verdict {
        Verdict::Deviates => !is_known && is_candidate(&report.findings, observation, shared),
        Verdict::Conforms => {
            let seen = history.serving(release).is_some_and(|(_, variant)| variant.seen.contains(&release));
            real && shared.options.mark_seen && !seen
        }
        _ => false,
    };
    let library = shared.own_library.as_ref().unwrap_or(shared.library);
    if is_new {
        return library.propose(&report.id, release, observation.text(), real).map(Some);
    }
    if report.verdict == Verdict::Conforms && !report.differences.is_empty() {
        // A saved observation can still be approved, because it differs from the snapshot.
        return Ok(None);
    }
    library.withdraw(&report.id, release, real).map(|()| None)
}

/// Judges the observation of a case and writes it for approval if it is new.
pub(crate) fn conclude(
    seen: CaseResult,
    case: &Case,
    release: Release,
    gateway: &Gateway,
    shared: &RunState<'_>,
) -> CaseReport {
    let CaseResult { observation, frames, mut report, kept: _kept } = seen;
    let Approved { history, of_release } = match kept(case, release, shared) {
        Ok(approved) => approved,
        Err(error) => {
            report.verdict = Verdict::Error;
            report.reason = Some(error.to_string());
            return report;
        }
    };
    let level = shared.options.level;
    let Judgement { verdict, findings, differences, notes } =
        judge(case, &observation, release, history.as_ref(), frames, level);
    if matches!(verdict, Verdict::Deviates | Verdict::UnexpectedlyConforms)
        && let Some(why) = machine::exhausted(shared.run_directory.root())
    {
        // The gateway runs on the same machine, so this observation does not show how it behaves elsewhere.
        report.verdict = Verdict::Error;
        report.reason = Some(format!("the observation is not conclusive: {why}"));
        report.observation = Some(observation);
        return report;
    }
    report.verdict = verdict;
    if history.is_none() && verdict == Verdict::Conforms {
        report.reason =
            Some("only the expectations were checked: there is no snapshot folder (--snapshots)".to_owned());
    }
    (report.findings, report.differences, report.notes) = (findings, differences, notes);
    if let Some(of_release) = &of_release {
        compare_with_release(&mut report, case, &observation, release, of_release, level);
    }
    let proposed = save(&report, &observation, &history.unwrap_or_default(), release, gateway, shared);
    note_proposal(proposed, &mut report, shared);
    report.observation = Some(observation);
    if !is_worth_showing(&report, shared) {
        report.transcript = None;
        report.log = None;
    }
    report
}

/// Judges a case whose store the gateway did not create. `setup` is the case with the step that failed.
pub(super) fn conclude_setup(seen: CaseResult, setup: &Case, release: Release, shared: &RunState<'_>) -> CaseReport {
    let CaseResult { observation, frames, mut report, kept: _kept } = seen;
    let Judgement { verdict, findings, differences, notes } =
        judge(setup, &observation, release, None, frames, shared.options.level);
    (report.findings, report.differences, report.notes) = (findings, differences, notes);
    let why = "the gateway did not create the store of the case, so its steps were not played";
    (report.verdict, report.reason) = match machine::exhausted(shared.run_directory.root()) {
        Some(exhausted) => (Verdict::Error, Some(format!("the observation is not conclusive: {exhausted}"))),
        // A case that was not played conforms to nothing, whatever the step of the setup saw.
        None if verdict == Verdict::Conforms => (Verdict::Error, Some(why.to_owned())),
        None => (verdict, Some(why.to_owned())),
    };
    report
}
