//! Collects the report of a run and passes its events to the caller.

use super::attached::Greeting;
use super::case;
use super::options::{Options, RunError};
use super::outcome::{CaseReport, Event, GatewayInfo, RunInfo, RunReport};
use super::plan::NotPlayed;
use super::run_state::RunState;
use super::{redaction, schedule};
use crate::gateway::{Gateway, GatewayKind};
use crate::judge::{Difference, Finding, Verdict};
use crate::known::{KnownVerdict, PlayedCase};
use crate::observe::Observation;
use crate::scenario::Case;
use openclaw_model::{Facts, Release, releases};
use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::time::Instant;

/// The result of a run, complete or not.
pub struct RunEnd {
    /// The report. It contains all cases that were played.
    pub report: RunReport,
    /// Why the run ended early. The report contains the cases until then.
    pub error: Option<RunError>,
}

/// The report of a run while it grows, and the receiver of its events.
pub(super) struct Reporter<'r, 's> {
    shared: &'r RunState<'s>,
    began: Instant,
    pub(super) report: RunReport,
    listen: &'r mut (dyn FnMut(Event<'_>) -> io::Result<()> + Send),
}

impl<'r, 's> Reporter<'r, 's> {
    pub(super) fn new(
        shared: &'r RunState<'s>,
        listen: &'r mut (dyn FnMut(Event<'_>) -> io::Result<()> + Send),
    ) -> Self {
        Self { shared, began: Instant::now(), report: RunReport::default(), listen }
    }

    /// Reports the beginning of the run.
    pub(super) fn started(
        &mut self,
        cases: &[&Case],
        gateway: &Gateway,
        greeting: &Greeting,
        is_reachable: bool,
    ) -> Result<(), RunError> {
        let options = self.shared.options;
        let isolation = schedule::possible_isolation(options.isolation, gateway).name();
        let mut info = RunInfo {
            gateway: info(gateway, options, greeting),
            cases: cases.len(),
            jobs: options.jobs,
            schema: options.schema.as_deref().map(|schema| schema.package().to_owned()),
            isolation: (!self.shared.attached).then_some(isolation),
            level: options.level,
        };
        if !is_reachable {
            // Only the cause matters.
            info.gateway.notes.clear();
            info.gateway.notes_on_verdicts.clear();
        }
        redaction::info(&mut info, &self.shared.secrets());
        (self.listen)(Event::Started(&info)).map_err(RunError::Report)
    }

    /// Reports that a case starts.
    pub(super) fn playing(&mut self, case: &str) -> Result<(), RunError> {
        (self.listen)(Event::Playing { case }).map_err(RunError::Report)
    }

    /// Reports a case that is done.
    pub(super) fn case(&mut self, mut done: CaseReport) -> Result<(), RunError> {
        let (shared, report) = (self.shared, &mut self.report);
        redaction::case(&mut done, &shared.secrets());
        report.obsolete_known.extend(known_deviations(&mut done, shared.options));
        report.summary.add(done.verdict);
        // A snapshot of the gateway itself shows no similarity to a release.
        if shared.own_library.is_none()
            && let Err(error) = shared.collected().add(&done, shared.library, shared.options.level)
        {
            shared.note_error(error);
        }
        if let (Verdict::Skipped, Some(reason)) = (done.verdict, &done.reason) {
            report.count_skipped(reason);
        }
        let new = |finding: &Finding| matches!(finding, Finding::Snapshot { .. } | Finding::NoSnapshot { .. });
        let fails = done.verdict == Verdict::Deviates;
        let is_approvable = done.findings.iter().any(new);
        report.unsaved += usize::from(fails && done.proposed.is_none() && is_approvable);
        report.not_approvable += usize::from(fails && shared.own_library.is_some() && !is_approvable);
        if let Some(frames) = &done.frames {
            report.frames.get_or_insert_default().add(frames);
        }
        (self.listen)(Event::Case(&done)).map_err(RunError::Report)
    }

    /// Reports a case that is not played.
    pub(super) fn not_played(&mut self, case: &Case, not_played: NotPlayed) -> Result<(), RunError> {
        self.case(case::not_played(case::blank(case, self.shared.options), not_played))
    }

    /// Reports for every planned case that the gateway is not reachable. Without planned cases, the run itself fails.
    pub(super) fn not_reachable(mut self, planned: &[&Case], error: RunError) -> Result<RunEnd, RunError> {
        let reason = format!("not tried: {error}");
        for case in planned {
            self.case(case::given_up(case, reason.clone(), self.shared))?;
        }
        Ok(self.end(planned.is_empty().then_some(error)))
    }

    /// The end of a run that was interrupted before its first case.
    pub(super) fn interrupted(mut self, cases: usize) -> RunEnd {
        self.report.interrupted = Some(cases);
        self.end(None)
    }

    /// The end of the run, without secrets.
    pub(super) fn end(mut self, error: Option<RunError>) -> RunEnd {
        self.report.duration = self.began.elapsed();
        self.report.left_behind = self.shared.take_left_behind();
        self.report.own_protected.clone_from(&self.shared.own_protected);
        redaction::run(&mut self.report, &self.shared.secrets());
        RunEnd { report: self.report, error }
    }
}

/// Replaces the verdict on a case that the list of known deviations covers. Differences are compared without
/// secrets, as they are printed. Returns the lists with entries that no longer hold.
fn known_deviations(done: &mut CaseReport, options: &Options) -> BTreeSet<PathBuf> {
    let error = match (done.verdict, &done.reason) {
        (Verdict::Error, Some(reason)) if !done.given_up => vec![Difference::error(reason)],
        _ => Vec::new(),
    };
    let seen = PlayedCase {
        id: &done.id,
        requirements: &done.requirements,
        verdict: done.verdict,
        level: options.level,
        differences: if done.verdict == Verdict::Error { &error } else { &done.differences },
        observation: done.observation.as_ref().map(Observation::text),
    };
    let Some(KnownVerdict { verdict, reason, obsolete_in }) = options.known.judge(seen) else { return BTreeSet::new() };
    // The error is more useful than the note that it is not known.
    if verdict != Verdict::Error && (verdict != done.verdict || done.reason.is_none()) {
        done.reason = Some(reason);
    }
    done.verdict = verdict;
    if !verdict.is_failure() && !options.trace {
        (done.transcript, done.log) = (None, None);
    }
    obsolete_in
}

fn info(gateway: &Gateway, options: &Options, greeting: &Greeting) -> GatewayInfo {
    let profile = gateway.profile();
    let no_token = (profile.kind == GatewayKind::Attached && options.token.is_none())
        .then(|| "clawcheck skips the cases that send the shared token (set CLAWCHECK_TOKEN to play them)".to_owned());
    let notes_on_verdicts = profile
        .claims
        .map_or_else(|| Some(assumes()), stands_in)
        .into_iter()
        .chain(greeting.note(profile.claims).filter(|_| profile.claims.is_none()))
        .collect::<Vec<_>>();
    GatewayInfo {
        kind: match profile.kind {
            GatewayKind::Embedded => "embedded",
            GatewayKind::Spawned => "spawned",
            GatewayKind::Attached => "attached",
        },
        name: profile.name.clone(),
        program: profile.program.clone(),
        release: profile.claims,
        lacks: profile.lacks.iter().map(|capability| capability.name()).collect(),
        notes: profile
            .notes
            .iter()
            .cloned()
            .chain(notes_on_verdicts.iter().cloned())
            .chain(greeting.note(profile.claims).filter(|_| profile.claims.is_some()))
            .chain(no_token)
            .collect(),
        notes_on_verdicts,
    }
}

/// The note about a gateway at a URL whose release is not known.
fn assumes() -> String {
    let newest = releases::DEFAULT;
    format!(
        "no hello-ok names a known release, so clawcheck assumes {newest} and reports correct answers of another release \
         as deviations (pass --release RELEASE, or set CLAWCHECK_TOKEN to the gateway's token to get a hello-ok)"
    )
}

/// A note if the release is not a known release, which names the known release that the gateway is compared with.
fn stands_in(release: Release) -> Option<String> {
    let rules = Facts::of(release).ok()?;
    let known = rules.described();
    (known != release)
        .then(|| format!("{release} has no rules of its own; its answers are compared with those of {known}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("2026.4.2", None)]
    #[case("2026.4.3", Some("2026.4.3 has no rules of its own; its answers are compared with those of 2026.4.2"))]
    fn notes_stand_in_release(#[case] release: &str, #[case] note: Option<&str>) {
        assert_eq!(stands_in(release.parse().unwrap()).as_deref(), note);
    }
}
