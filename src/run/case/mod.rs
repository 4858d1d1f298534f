//! Plays one case, from an empty sandbox to its report.

mod conclude;
pub(super) mod failed_start;
mod observe;
pub(in crate::run) mod playable;
mod read_only;
mod recipe_check;
mod refused_config;
mod report;
mod sandbox;

use crate::gateway::{Gateway, GatewayKind, Sandbox};
use crate::judge::Verdict;
use crate::observe::{Observation, RawMessage, StepEvidence};
use crate::run::breaker::GatewayFailure;
use crate::run::outcome::CaseReport;
use crate::run::redaction;
use crate::run::run_state::{RunState, stopped};
use crate::run::steps::context::{CaseContext, CaseError};
use crate::run::steps::frames::Frames;
use crate::scenario::Case;
use conclude::conclude_setup;
pub(crate) use conclude::{CaseResult, conclude};
pub(crate) use observe::{observe, predicted};
use openclaw_model::Release;
use playable::{AttachedAccess, why_not_playable};
pub(crate) use report::{blank, given_up, keep_records, not_applicable, not_done, not_played, redactions};
use report::{failed, is_worth_showing};
pub(crate) use sandbox::sandbox;
use std::sync::Arc;
use std::time::{Duration, Instant};
use untrusted_data::limits::CASE_BYTES;

/// Maximum time to remove the records of a case after a signal. A signal leaves ten seconds for everything.
const CLEAN_UP_TIMEOUT: Duration = Duration::from_secs(8);

/// Plays a case and judges its observation.
pub(crate) async fn play(case: &Case, gateway: &Gateway, release: Release, shared: &RunState<'_>) -> CaseReport {
    let began = Instant::now();
    let mut report = blank(case, shared.options);
    let settings = &case.scenario.gateway;
    if let Some(reason) = shared.breaker.open(settings) {
        return given_up(case, reason, shared);
    }
    let sandbox = match sandbox(case, gateway, release, &shared.run_directory) {
        Ok(sandbox) => sandbox,
        Err(error) => return failed(report, CaseError::Disk(error), settings, gateway, began),
    };
    let (options, run_directory) = (shared.options, &shared.run_directory);
    let access =
        AttachedAccess { has_token: options.token.is_some(), allow_writes: options.allow_writes, run_directory };
    if let Some(not_played) = why_not_playable(case, gateway.profile(), release, &access).await {
        return self::not_played(report, not_played);
    }
    let mut context = context(case, gateway, sandbox, release, shared);
    context.recipe = playable::created_store(case, gateway.profile());
    let Played { observed, setup, exit, log } = perform(&mut context, case, gateway, shared).await;
    let redactions = redactions(&context);
    if matches!(observed, Err(CaseError::BrokenOff)) {
        report.reason = Some(CaseError::BrokenOff.to_string());
        return report;
    }
    if observed.is_err() || exit.is_some() {
        shared.keep_secret(&redactions);
    }
    match (&observed, &exit) {
        (Err(CaseError::Launch(error)), _) => failed_start::failed(error, settings, gateway, shared).await,
        (Err(error), _) => GatewayFailure::of(error).iter().for_each(|dead| shared.breaker.failed(dead)),
        (Ok(_), Some(why)) => shared.breaker.failed(&GatewayFailure::Ended(why.clone())),
        (Ok(_), None) => shared.breaker.played(settings),
    }
    match observed {
        Err(error) => report = failed(report, error, settings, gateway, began),
        // A gateway that no step stopped must run at the end, whatever it answered before.
        Ok(_) if exit.is_some() => (report.verdict, report.reason) = (Verdict::Error, exit),
        Ok(observation) => {
            report.frames = context.frames.tally();
            let frames = context.frames.findings(&redactions);
            let seen = CaseResult { observation, frames, report, kept: None };
            report = match setup {
                Some(setup) => conclude_setup(seen, &setup, release, shared),
                None => conclude(seen, case, release, gateway, shared),
            };
        }
    }
    if is_worth_showing(&report, shared) {
        keep_records(&mut report, &context, &log);
    }
    report.reason = report.reason.map(|reason| redactions.apply(&reason));
    redaction::case(&mut report, &redactions);
    report.duration = began.elapsed();
    report
}

/// The context of a case that runs alone.
fn context<'a>(
    case: &'a Case,
    gateway: &'a Gateway,
    sandbox: Sandbox,
    release: Release,
    shared: &RunState<'_>,
) -> CaseContext<'a> {
    let attached = gateway.profile().kind == GatewayKind::Attached;
    let secret = shared.options.token.as_deref().filter(|_| attached);
    let mut context = CaseContext::new(case, gateway, sandbox, release, secret);
    context.timeouts = shared.timeouts.clone();
    context.frames = Arc::new(Frames::new(shared.options.schema.clone()));
    context.budget = shared.received.part("one case", CASE_BYTES);
    context
}

/// The records of a case that remain after its gateway was stopped.
struct Played {
    observed: Result<Observation, CaseError>,
    /// The case that failed to create its store over the wire, in place of the case.
    setup: Option<Case>,
    /// The exit of the gateway before the case stopped it.
    exit: Option<String>,
    log: String,
}

/// Plays the steps, observes the store, removes what the case wrote to a gateway at a URL, and stops the gateway.
async fn perform(context: &mut CaseContext<'_>, case: &Case, gateway: &Gateway, shared: &RunState<'_>) -> Played {
    let played = tokio::select! {
        played = context.perform() => played,
        () = stopped(shared.stop.clone()), if shared.cleans_up() => Err(CaseError::BrokenOff),
    };
    let (played, setup) = match played {
        Err(CaseError::Setup(failure)) => {
            let setup = failure.case(case);
            (Ok(vec![failure.evidence]), Some(setup))
        }
        played => (played, None),
    };
    let was_reached = played.as_ref().ok().is_none_or(|steps| steps.iter().all(was_reached));
    if let Ok(steps) = &played {
        shared.note_versions(case, steps);
    }
    let observed = played.map(|steps| observe(context, steps, gateway, &shared.options.secrets));
    if shared.cleans_up() {
        shared.left_behind(clean_up(context, shared).await);
    }
    let exit = context.exited(was_reached).await.map(|exit| format!("the gateway exited unexpectedly ({exit})"));
    let log = context.end().await;
    shared.booted(context.boots());
    Played { observed, setup, exit, log }
}

/// Removes the records of the case. After a signal, it takes at most [`CLEAN_UP_TIMEOUT`], because the report must still be
/// written.
async fn clean_up(context: &CaseContext<'_>, shared: &RunState<'_>) -> Vec<String> {
    let hurried = async {
        stopped(shared.stop.clone()).await;
        tokio::time::sleep(CLEAN_UP_TIMEOUT).await;
    };
    tokio::select! {
        left = context.clean_up() => left,
        () = hurried => context.possible_leftovers(),
    }
}

/// Whether every connection of a step, including the steps in `parallel`, was opened.
fn was_reached(step: &StepEvidence) -> bool {
    let unreachable = step.received.iter().any(|received| matches!(received.message, RawMessage::Unreachable(_)));
    !unreachable && step.parallel.iter().all(was_reached)
}
