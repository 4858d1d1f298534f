//! Plans the cases, plays their steps on a gateway, records the observations and has them judged.
//!
//! Each case has its own keys and tokens. It also has its own gateway, which is started and stopped for it, unless it
//! can share a gateway with other cases ([`Isolation`]). The run starts as many gateways at the same time as there are
//! jobs, those with the most cases first. If a gateway cannot start at all, the run finds out once and not once for
//! each case.

mod attached;
mod bindings;
mod breaker;
mod case;
mod closest;
pub(crate) mod explanation;
mod options;
pub(crate) mod outcome;
pub(crate) mod plan;
mod redaction;
mod release;
mod reporter;
mod rerun_policy;
mod run_state;
mod schedule;
mod sharing;
mod state_dir;
mod steps;
mod store_recipe;
mod tenant_view;
#[cfg(test)]
mod tests;
mod timeouts;

use crate::gateway::{Gateway, Guard};
use crate::observe::snapshot::Library;
use crate::run::outcome::{Event, GatewayStarts};
use crate::scenario::Case;
use attached::Greeting;
pub(crate) use case::playable::{AttachedAccess, why_not_playable};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use openclaw_model::Release;
pub(crate) use options::Isolation;
pub use options::{Options, RunError};
pub(crate) use plan::lacked;
pub(crate) use release::{release_of, release_of_profile};
use reporter::Reporter;
pub use reporter::RunEnd;
pub(crate) use run_state::own_library;
use run_state::{ProgressEvent, RunState, stopped};
use schedule::Schedule;
use std::io;
use tokio::sync::{mpsc, watch};

/// Plays cases on a gateway and passes events to `listen`. If `stop` becomes true, the run interrupts its tasks and
/// stops everything that it started.
///
/// # Errors
/// Returns an error if the run cannot begin: no disk space, or a report cannot be written. [`RunEnd::error`] has later
/// errors.
pub async fn run(
    cases: &[&Case],
    gateway: &Gateway,
    library: &Library,
    guard: &Guard,
    options: &Options,
    stop: watch::Receiver<bool>,
    listen: &mut (dyn FnMut(Event<'_>) -> io::Result<()> + Send),
) -> Result<RunEnd, RunError> {
    let (progress, progress_events) = mpsc::unbounded_channel();
    let (break_off, broken_off) = watch::channel(false);
    let shared = RunState::new(gateway, library, guard, options, progress, broken_off)?;
    let mut reporter = Reporter::new(&shared, listen);

    // A gateway at a URL is contacted even if no case will be played: a user who names a gateway wants to know that it
    // is not reachable.
    let contact = tokio::select! {
        contact = greet(gateway, &shared) => contact?,
        () = stopped(stop.clone()) => return Ok(reporter.interrupted(cases.len())),
    };
    let (greeting, unreachable) = match contact {
        Ok(greeting) => (greeting, None),
        Err(error) => (Greeting::default(), Some(error)),
    };
    let gateway = &with_named_release(gateway, &greeting);
    reporter.started(cases, gateway, &greeting, unreachable.is_none())?;
    if greeting.rejects_token {
        return Ok(reporter.end(Some(RunError::Token)));
    }
    let checked = attached::check_state_dir(gateway, release_of(gateway), &greeting, &shared, &stop).await;
    if *stop.borrow() {
        return Ok(reporter.interrupted(cases.len()));
    }
    if let Err(error) = checked {
        return Ok(reporter.end(Some(error)));
    }
    let planned = match planned(cases, gateway, &shared, &mut reporter) {
        Ok(planned) => planned,
        Err(error) => return Ok(reporter.end(Some(error))),
    };
    if let Some(error) = unreachable {
        return reporter.not_reachable(&planned, error);
    }
    let (ended, saved) = play(&planned, gateway, &shared, &mut reporter, progress_events, stop, &break_off).await;
    let boots = (!shared.attached).then(|| GatewayStarts { saved, ..shared.boots().clone() });
    Ok(finish(ended, boots, release_of(gateway), &shared, reporter))
}

/// Plays cases until all are done, the caller stops the run, or the run fails. Returns this with the number of starts that
/// sharing saved.
async fn play(
    planned: &[&Case],
    gateway: &Gateway,
    shared: &RunState<'_>,
    reporter: &mut Reporter<'_, '_>,
    mut progress_events: mpsc::UnboundedReceiver<ProgressEvent>,
    stop: watch::Receiver<bool>,
    break_off: &watch::Sender<bool>,
) -> (Result<(), RunError>, usize) {
    let release = release_of(gateway);
    let mut schedule = Schedule::new(planned, gateway, shared);
    let mut playing = FuturesUnordered::new();
    let ended = loop {
        // Until the first gateway has started, only one is started, because the others could fail in the same way. Cases
        // that write to one gateway would see each other: an approval request goes to every approver.
        let one_by_one = shared.breaker.undecided() || shared.cleans_up();
        let at_once = if one_by_one { 1 } else { shared.options.jobs.max(1) };
        let mut started = Ok(());
        while started.is_ok()
            && playing.len() < at_once
            && let Some(task) = schedule.next()
        {
            started = task.case().map_or(Ok(()), |case| reporter.playing(&case.id));
            playing.push(schedule::perform(task, gateway, release, shared));
        }
        if started.is_err() || playing.is_empty() {
            break started;
        }
        let reported = tokio::select! {
            Some(done) = playing.next() => {
                schedule.take(done).into_iter().try_for_each(|done| reporter.case(done))
            }
            Some(event) = progress_events.recv() => match event {
                ProgressEvent::Playing(case) => reporter.playing(&case),
                ProgressEvent::Ready => Ok(()),
            },
            () = stopped(stop.clone()) => {
                reporter.report.interrupted = Some(planned.len() - schedule.reported());
                break Ok(());
            }
        };
        let error = shared.take_library_error().map(RunError::Library);
        if let Some(error) = reported.err().or(error) {
            break Err(error);
        }
    };
    if shared.cleans_up() {
        // Interrupted tasks remove what they left on the gateway, with their own timeouts. A second Ctrl-C does not
        // wait for them.
        break_off.send_replace(true);
        while playing.next().await.is_some() {}
    }
    // Dropping an interrupted task stops its gateways and removes its directories.
    drop(playing);
    (ended, schedule.saved())
}

/// Contacts a gateway at a URL. The inner error means that it is not reachable. Other gateways are not contacted.
async fn greet(gateway: &Gateway, shared: &RunState<'_>) -> Result<Result<Greeting, RunError>, RunError> {
    if !shared.attached {
        return Ok(Ok(Greeting::default()));
    }
    if let Err(error) = attached::is_there(gateway, &shared.run_directory, &shared.timeouts).await {
        return Ok(Err(error));
    }
    let greeting = attached::greeting(gateway, release_of(gateway), shared).await;
    greeting.map(Ok).map_err(RunError::RunDirectory)
}

/// The gateway, compared with the release that its hello-ok names. A release that the user names takes precedence.
fn with_named_release(gateway: &Gateway, greeting: &Greeting) -> Gateway {
    match greeting.release().filter(|_| gateway.profile().claims.is_none()) {
        Some(named) => gateway.with_release(named),
        None => gateway.clone(),
    }
}

/// The cases that will be played. The others are reported at once, with the reason.
fn planned<'c>(
    cases: &[&'c Case],
    gateway: &Gateway,
    shared: &RunState<'_>,
    reporter: &mut Reporter<'_, '_>,
) -> Result<Vec<&'c Case>, RunError> {
    let release = release_of(gateway);
    let snapshots = (shared.own_library.as_ref(), shared.library);
    let known = &shared.options.known;
    let planner = plan::Planner::new(gateway.profile(), release, snapshots, known, shared.run_directory.root());
    let planner = planner.map_err(RunError::RunDirectory)?;
    let mut planned = Vec::new();
    for case in cases {
        match planner.not_played(case) {
            Some(not_played) => reporter.not_played(case, not_played)?,
            None => {
                planner.check_snapshots(case)?;
                planned.push(*case);
            }
        }
    }
    Ok(planned)
}

/// Completes the report with what only the whole run shows.
fn finish(
    ended: Result<(), RunError>,
    boots: Option<GatewayStarts>,
    release: Release,
    shared: &RunState<'_>,
    mut reporter: Reporter<'_, '_>,
) -> RunEnd {
    reporter.report.boots = boots;
    let collected = std::mem::take(&mut *shared.collected());
    let ended = match collected.finish(release, shared.library, shared.options.level) {
        Ok(closest) => {
            reporter.report.closest = closest;
            ended
        }
        Err(error) => ended.and(Err(RunError::Library(error))),
    };
    reporter.end(ended.err())
}
