//! The order of the tasks: first the groups, then the cases with their own gateway, and last the cases that a group did
//! not answer conclusively.

use super::case::{self, CaseResult, failed_start};
use super::explanation;
use super::options::Isolation;
use super::run_state::RunState;
use super::sharing::eligibility;
use super::sharing::group::{self, GroupError};
use super::steps::context::CaseError;
use crate::counted::counted;
use crate::gateway::{Capability, Gateway, GatewayKind, one_line};
use crate::judge::Verdict;
use crate::run::outcome::{CaseReport, GatewayUse};
use crate::scenario::Case;
use openclaw_model::Release;
use std::collections::VecDeque;

/// Minimum number of cases that can be played again, however few starts were planned.
const MIN_RERUNS: usize = 8;
/// Number of cases that justify an additional shared gateway.
const LARGE_GROUP: usize = 8;

/// A task on one gateway.
pub(super) enum Task<'a> {
    /// One case with its own gateway.
    Alone(&'a Case),
    /// Cases that share a gateway.
    Group(Vec<&'a Case>),
    /// A case with its own gateway, after it was played in a group. Contains the result from the group, if that result
    /// counts.
    Rerun(&'a Case, Option<Box<CaseResult>>),
}

impl<'a> Task<'a> {
    /// The case that starts together with the task. A group reports the start of each of its cases itself.
    pub(super) fn case(&self) -> Option<&'a Case> {
        match self {
            Self::Alone(case) | Self::Rerun(case, _) => Some(case),
            Self::Group(_) => None,
        }
    }

    fn cases(&self) -> Vec<&'a Case> {
        match self {
            Self::Alone(case) | Self::Rerun(case, _) => vec![case],
            Self::Group(cases) => cases.clone(),
        }
    }
}

/// The result of a task.
#[derive(Default)]
pub(super) struct TaskResult<'a> {
    reports: Vec<CaseReport>,
    rerun: Vec<Task<'a>>,
    /// Whether a gateway was started for several cases.
    shared: bool,
}

/// The remaining tasks.
pub(super) struct Schedule<'a> {
    waiting: VecDeque<Task<'a>>,
    reported: usize,
    /// Number of cases whose accepted observation comes from a shared gateway, and number of shared gateways.
    on_shared: usize,
    shared: usize,
}

impl<'a> Schedule<'a> {
    pub(super) fn new(cases: &[&'a Case], gateway: &Gateway, shared: &RunState<'_>) -> Self {
        let groups = match possible_isolation(shared.options.isolation, gateway) {
            Isolation::Shared => eligibility::together(cases),
            Isolation::Case => cases.iter().map(|case| vec![*case]).collect(),
        };
        shared.rerun_policy.begin(groups.len().max(MIN_RERUNS));
        let task = |group: Vec<&'a Case>| match group.as_slice() {
            [case] => Task::Alone(case),
            _ => Task::Group(group),
        };
        Self { waiting: groups.into_iter().map(task).collect(), reported: 0, on_shared: 0, shared: 0 }
    }

    /// Returns the next task.
    pub(super) fn next(&mut self) -> Option<Task<'a>> {
        self.waiting.pop_front()
    }

    /// Records the result of a task and returns the reports that are final.
    pub(super) fn take(&mut self, done: TaskResult<'a>) -> Vec<CaseReport> {
        self.waiting.extend(done.rerun);
        self.reported += done.reports.len();
        self.on_shared += done.reports.iter().filter(|report| report.boot == GatewayUse::Shared).count();
        self.shared += usize::from(done.shared);
        done.reports
    }

    /// Number of reported cases.
    pub(super) fn reported(&self) -> usize {
        self.reported
    }

    /// Number of additional starts that the run would have needed without sharing.
    pub(super) fn saved(&self) -> usize {
        self.on_shared.saturating_sub(self.shared)
    }
}

/// The isolation that is possible on a gateway. If clawcheck cannot access the store itself, it cannot tell which
/// records belong to which case.
pub(super) fn possible_isolation(wanted: Isolation, gateway: &Gateway) -> Isolation {
    let profile = gateway.profile();
    let access = [Capability::StoreRead, Capability::StoreWrite, Capability::StoreFiles];
    let store = access.iter().all(|access| profile.can(*access));
    if profile.kind != GatewayKind::Attached && store { wanted } else { Isolation::Case }
}

/// Performs a task.
pub(super) async fn perform<'a>(
    task: Task<'a>,
    gateway: &Gateway,
    release: Release,
    shared: &RunState<'_>,
) -> TaskResult<'a> {
    let cases = task.cases();
    let mut done = play(task, gateway, release, shared).await;
    if shared.options.explain {
        for report in &mut done.reports {
            if let Some(case) = cases.iter().find(|case| case.id == report.id) {
                explanation::add(report, case, release, shared).await;
            }
        }
    }
    done
}

async fn play<'a>(task: Task<'a>, gateway: &Gateway, release: Release, shared: &RunState<'_>) -> TaskResult<'a> {
    match task {
        Task::Alone(case) => {
            TaskResult { reports: vec![case::play(case, gateway, release, shared).await], ..TaskResult::default() }
        }
        Task::Group(cases) => together(cases, gateway, release, shared).await,
        Task::Rerun(case, seen) => {
            TaskResult { reports: vec![rerun(case, seen, gateway, release, shared).await], ..TaskResult::default() }
        }
    }
}

async fn together<'a>(
    cases: Vec<&'a Case>,
    gateway: &Gateway,
    release: Release,
    shared: &RunState<'_>,
) -> TaskResult<'a> {
    let mut done = TaskResult::default();
    let Some(settings) = cases.first().map(|case| &case.scenario.gateway) else { return done };
    if let Some(reason) = shared.breaker.open(settings) {
        done.reports.extend(cases.into_iter().map(|case| case::given_up(case, reason.clone(), shared)));
        return done;
    }
    done.shared = true;
    let played = group::play(&cases, gateway, release, shared).await;
    if let Err(GroupError::Case(CaseError::Launch(error))) = &played
        && let Some(reason) = failed_start::not_applicable(error, settings)
    {
        // All of them have the configuration that the gateway refuses.
        let refused = cases.into_iter().map(|case| case::not_applicable(case, reason.clone(), shared));
        done.reports.extend(refused);
        return done;
    }
    let results = match played {
        Ok(results) => results,
        Err(error) if shared.breaker.open(settings).is_some() => {
            // These cases are not played alone either. The first report contains what was tried and the gateway's last
            // output.
            let mut cases = cases.into_iter();
            done.reports.extend(cases.next().map(|case| case::not_done(case, error.to_string(), shared)));
            done.rerun.extend(cases.map(|case| Task::Rerun(case, None)));
            return done;
        }
        Err(error) => {
            let why = error.to_string();
            shared.boots().given_up.push(format!("{}, since {}", counted(cases.len(), "case"), one_line(&why)));
            done.rerun.extend(split_group(cases));
            return done;
        }
    };
    for (case, seen) in cases.into_iter().zip(results) {
        match seen {
            Some(seen) if shared.options.trusting || is_plain(&seen, case, release, shared).await => {
                done.reports.push(accepted(seen, case, gateway, release, shared));
            }
            seen => done.rerun.push(Task::Rerun(case, seen.map(Box::new))),
        }
    }
    done
}

/// The tasks for the cases of a group whose observations do not count. Usually, one of the cases is the cause, so a
/// large group is split into halves and a small group into single cases.
fn split_group(cases: Vec<&Case>) -> Vec<Task<'_>> {
    if cases.len() < LARGE_GROUP {
        return cases.into_iter().map(|case| Task::Rerun(case, None)).collect();
    }
    let (one, other) = cases.split_at(cases.len() / 2);
    vec![Task::Group(one.to_vec()), Task::Group(other.to_vec())]
}

/// Whether an observation is certainly not influenced by other cases, because it is approved or equals the prediction
/// of the rules for the case alone.
async fn is_plain(seen: &CaseResult, case: &Case, release: Release, shared: &RunState<'_>) -> bool {
    match seen.verdict(case, release, shared) {
        Verdict::Conforms | Verdict::KnownDeviation => true,
        _ => case::predicted(case, release, shared).await.as_deref() == Some(seen.observation.text()),
    }
}

async fn rerun(
    case: &Case,
    seen: Option<Box<CaseResult>>,
    gateway: &Gateway,
    release: Release,
    shared: &RunState<'_>,
) -> CaseReport {
    let seen = match seen {
        Some(seen) if shared.rerun_policy.is_trusted() || shared.breaker.open(&case.scenario.gateway).is_some() => {
            return accepted(*seen, case, gateway, release, shared);
        }
        seen => seen,
    };
    let report = case::play(case, gateway, release, shared).await;
    if let (Some(seen), Some(observation)) = (seen, &report.observation) {
        shared.rerun_policy.note(seen.observation.text() == observation.text());
    }
    CaseReport { boot: GatewayUse::Rerun, ..report }
}

fn accepted(seen: CaseResult, case: &Case, gateway: &Gateway, release: Release, shared: &RunState<'_>) -> CaseReport {
    CaseReport { boot: GatewayUse::Shared, ..case::conclude(seen, case, release, gateway, shared) }
}
