//! Plans the cases, plays their steps on a gateway, records the observations and has them judged.
//!
//! Each case has its own keys and tokens. It also has its own gateway, which is started and stopped for it, unless it
//! can share a gateway with other cases ([`Isolation`]). The run starts as many gateways at the same time as there are
//! jobs, those with the most cases first. If a gateway cannot start at all, the run finds out once and not once for
//! each case.

mod attached;
#[cfg(test)]
mod captured;
pub(crate) mod closest;
#[cfg(test)]
mod explained;
pub(crate) mod explanation;
pub(crate) mod needs;
pub(crate) mod outcome;
mod redaction;
mod schedule;
mod sharing;
mod state_dir;
mod steps;
mod timeouts;
mod wire_store;

use crate::gateway::{Gateway, Guard, Kind, LaunchError, Workspace};
use crate::judge::frame_schema::FrameSchema;
use crate::judge::{Difference, Finding, Level, Verdict};
use crate::known::{CaseSeen, Known, KnownVerdict};
use crate::observe::snapshot::{Library, LibraryError};
use crate::observe::{Observation, StepEvidence};
use crate::run::closest::Collector;
use crate::run::outcome::{Boots, CaseReport, Event, GatewayInfo, RunInfo, RunReport};
use crate::scenario::Case;
use attached::Greeting;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use openclaw_model::releases;
use openclaw_model::{Facts, Release};
use schedule::breaker::Breaker;
use schedule::{Schedule, Trust, case, plan};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use timeouts::Timeouts;
use tokio::sync::{mpsc, watch};
use untrusted_data::Redactions;
use untrusted_data::limits::{Budget, KEPT_BYTES, RUN_BYTES};

/// Whether cases share gateways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Isolation {
    /// Every case has its own gateway.
    #[default]
    Case,
    /// Cases share a gateway if sharing does not change what they observe.
    Shared,
}

impl Isolation {
    /// The default for a kind of gateway. Processes are shared because they take long to start.
    pub fn usual(kind: Kind) -> Self {
        match kind {
            Kind::Spawned => Self::Shared,
            Kind::Embedded | Kind::Attached => Self::Case,
        }
    }

    /// The name in reports and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Case => "case",
            Self::Shared => "shared",
        }
    }
}

/// The options of a run.
#[derive(Clone, Default)]
pub struct Options {
    /// Whether cases share gateways. It has no effect on a gateway at a URL.
    pub isolation: Isolation,
    /// Whether an observation on a shared gateway is final even if the case deviates. `false` plays such a case again
    /// on its own gateway.
    pub trusting: bool,
    /// Number of gateways that run at the same time. At least 1.
    pub jobs: usize,
    /// How strictly the gateway is compared with the snapshots.
    pub level: Level,
    /// Whether every case keeps its transcript.
    pub trace: bool,
    /// Whether the model explains the failing steps of each failing case.
    pub explain: bool,
    /// Whether a conforming case on a real release proposes a snapshot if its snapshot was only seen on the embedded
    /// gateway.
    pub mark_seen: bool,
    /// The shared token of a gateway at a URL.
    pub token: Option<String>,
    /// Whether the run may write to a gateway at a URL.
    pub allow_writes: bool,
    /// The schema that every frame from the gateway is validated against.
    pub schema: Option<Arc<FrameSchema>>,
    /// The arguments that play a case the same way again: ` --gateway openclaw@2026.3.31`.
    pub rerun: String,
    /// The known deviations of the gateway.
    pub known: Arc<Known>,
    /// What the caller knows to be secret: it is in nothing that the run tells.
    pub secrets: Redactions,
}

/// The reason why a run could not be completed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The temporary directory of the run could not be created.
    #[error("not enough disk space for the run: {0}")]
    Workspace(io::Error),
    /// The gateway at the URL is not reachable, or it is not a gateway.
    #[error(transparent)]
    NoGateway(#[from] LaunchError),
    /// The gateway at the URL has a different shared token.
    #[error("the gateway does not accept CLAWCHECK_TOKEN")]
    Token,
    /// The snapshots could not be read or written.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// A report could not be written.
    #[error("cannot write the report: {0}")]
    Report(io::Error),
}

/// The state that the cases of a run share.
struct Shared<'a> {
    workspace: Workspace,
    library: &'a Library,
    options: &'a Options,
    breaker: Breaker,
    timeouts: Timeouts,
    error: Mutex<Option<LibraryError>>,
    left_behind: Mutex<Vec<String>>,
    boots: Mutex<Boots>,
    /// Secrets that can occur in the output of more than one case.
    secrets: Mutex<Redactions>,
    trust: Trust,
    /// Memory for what running cases keep of the gateway's messages.
    received: Budget,
    /// Memory for cases whose reports are not printed yet.
    kept: Budget,
    /// Receives events while a task runs.
    progress: mpsc::UnboundedSender<ProgressEvent>,
    /// The closest release of the gateway, collected from the cases.
    closest: Mutex<Collector>,
    /// Whether the run has to remove what it writes.
    attached: bool,
    /// Becomes true when the run must stop.
    stop: watch::Receiver<bool>,
}

/// Events while a task runs.
enum ProgressEvent {
    /// A case of a group starts.
    Playing(String),
    /// A gateway is ready, so other gateways can be started too.
    Ready,
}

impl Shared<'_> {
    /// Whether a case removes what it left on the gateway, also if it is interrupted.
    fn cleans_up(&self) -> bool {
        self.attached && self.options.allow_writes
    }

    /// Notes the first thing that went wrong with the snapshots: the run's result cannot be kept.
    fn note_error(&self, error: LibraryError) {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    /// Records what could not be removed from a gateway at a URL.
    fn left_behind(&self, left: Vec<String>) {
        self.left_behind.lock().unwrap_or_else(PoisonError::into_inner).extend(left);
    }

    /// Records the secrets of a case whose failure can be the reason of other cases.
    fn keep_secret(&self, secrets: &Redactions) {
        self.secrets().extend(secrets);
    }

    fn secrets(&self) -> MutexGuard<'_, Redactions> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_library_error(&self) -> Option<LibraryError> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Counts started gateways.
    fn booted(&self, boots: usize) {
        self.boots().made += boots;
    }

    fn boots(&self) -> MutexGuard<'_, Boots> {
        self.boots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn collected(&self) -> MutexGuard<'_, Collector> {
        self.closest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the versions that the gateway names. A case in which another release plays a part is ignored.
    fn note_versions(&self, case: &Case, steps: &[StepEvidence]) {
        if case.scenario.written_by.is_none() {
            self.collected().note_versions(steps);
        }
    }

    fn playing(&self, case: &str) {
        // The receiver is gone if the run is being interrupted.
        let _ = self.progress.send(ProgressEvent::Playing(case.to_owned()));
    }

    fn ready(&self) {
        let _ = self.progress.send(ProgressEvent::Ready);
    }
}

/// The result of a run, complete or not.
pub struct RunEnd {
    /// The report. It contains all cases that were played.
    pub report: RunReport,
    /// Why it could not be brought to its end; what was played until then was told, and is in the report.
    pub error: Option<RunError>,
}

/// Plays cases on a gateway and passes events to `listen`. If `stop` becomes true, the run interrupts its tasks and
/// stops everything that it started.
///
/// # Errors
/// The disk or a report are not to be had from the beginning. What goes wrong later is in [`RunEnd::error`].
pub async fn run(
    cases: &[&Case],
    gateway: &Gateway,
    library: &Library,
    guard: &Guard,
    options: &Options,
    stop: watch::Receiver<bool>,
    listen: &mut (dyn FnMut(Event<'_>) -> io::Result<()> + Send),
) -> Result<RunEnd, RunError> {
    let began = Instant::now();
    let mut release = release_of(gateway);
    let attached = gateway.profile().kind == Kind::Attached;
    let (progress, mut progress_events) = mpsc::unbounded_channel();
    let (break_off, broken_off) = watch::channel(false);
    let mut secrets = options.secrets.clone();
    if let Some(token) = &options.token {
        secrets.add(token, "gateway token");
    }
    let shared = Shared {
        workspace: match gateway.profile().kind {
            Kind::Embedded => Workspace::in_memory(guard),
            Kind::Spawned | Kind::Attached => Workspace::new(guard),
        }
        .map_err(RunError::Workspace)?,
        library,
        options,
        breaker: Breaker::default(),
        timeouts: Timeouts::of(gateway),
        error: Mutex::default(),
        left_behind: Mutex::default(),
        boots: Mutex::default(),
        secrets: Mutex::new(secrets),
        trust: Trust::default(),
        received: Budget::new("one run", RUN_BYTES),
        kept: Budget::new("one run", KEPT_BYTES),
        progress,
        closest: Mutex::default(),
        attached,
        stop: broken_off,
    };
    let mut report = RunReport::default();
    let mut dead = None;
    if attached {
        // Checked even if no case will be played: a user who names a gateway wants to know that it is not reachable.
        let asked = tokio::select! {
            asked = attached::is_there(gateway, &shared.workspace, &shared.timeouts) => asked,
            () = stopped(stop.clone()) => {
                report.interrupted = Some(cases.len());
                report.duration = began.elapsed();
                return Ok(RunEnd { report, error: None });
            }
        };
        dead = asked.err();
    }
    let mut greeting = Greeting::default();
    if attached && dead.is_none() {
        greeting = tokio::select! {
            greeting = attached::greeting(gateway, release, &shared) => greeting.map_err(RunError::Workspace)?,
            () = stopped(stop.clone()) => {
                report.interrupted = Some(cases.len());
                report.duration = began.elapsed();
                return Ok(RunEnd { report, error: None });
            }
        };
    }
    // The option of the user takes precedence over the version of the gateway.
    let named = gateway.profile().claims.is_none().then(|| greeting.release()).flatten();
    let gateway = &named.map_or_else(|| gateway.clone(), |named| gateway.with_release(named));
    release = named.unwrap_or(release);
    let mut info = RunInfo {
        gateway: info(gateway, options, &greeting),
        cases: cases.len(),
        jobs: options.jobs,
        schema: options.schema.as_deref().map(|schema| schema.package().to_owned()),
        isolation: (!attached).then(|| schedule::possible(options.isolation, gateway).name()),
        level: options.level,
    };
    redaction::info(&mut info, &shared.secrets());
    listen(Event::Started(&info)).map_err(RunError::Report)?;
    if greeting.turns_token_down {
        report.duration = began.elapsed();
        return Ok(RunEnd { report, error: Some(RunError::Token) });
    }
    let permissions_bind = plan::permissions_bind(shared.workspace.root()).map_err(RunError::Workspace)?;
    let mut waiting = Vec::new();
    for case in cases {
        // The snapshots are needed here only if the gateway lacks a feature.
        let lacks_nothing = gateway.profile().lacks.is_empty();
        let approved = if lacks_nothing { None } else { approved(case, library, release) };
        if let Some(reason) = options.known.excludes(case) {
            let verdict = Verdict::NotApplicable;
            let done = CaseReport { verdict, reason: Some(reason), ..case::blank(case, options) };
            tell(done, &shared, &mut report, listen)?;
            continue;
        }
        match plan::not_played(case, approved.as_deref(), gateway.profile(), release, permissions_bind) {
            Some(plan::NotPlayed { verdict, reason }) => {
                let done = CaseReport { verdict, reason: Some(reason), ..case::blank(case, options) };
                tell(done, &shared, &mut report, listen)?;
            }
            None => waiting.push(*case),
        }
    }
    if let Some(error) = dead {
        report.duration = began.elapsed();
        return not_there(&waiting, error, &shared, report, listen);
    }
    let mut schedule = Schedule::new(&waiting, gateway, &shared);
    let mut playing = FuturesUnordered::new();
    let ended = loop {
        // Cases that write would see each other on one gateway: an approval request goes to every approver.
        let one_by_one = shared.breaker.undecided() || shared.cleans_up();
        let side_by_side = if one_by_one { 1 } else { options.jobs.max(1) };
        let mut begun = Ok(());
        while begun.is_ok()
            && playing.len() < side_by_side
            && let Some(task) = schedule.next()
        {
            begun = task.case().map_or(Ok(()), |case| listen(Event::Playing { case: &case.id }));
            playing.push(schedule::perform(task, gateway, release, &shared));
        }
        if let Err(error) = begun {
            break Err(RunError::Report(error));
        }
        if playing.is_empty() {
            break Ok(());
        }
        let told = tokio::select! {
            Some(done) = playing.next() => {
                schedule.take(done).into_iter().try_for_each(|done| tell(done, &shared, &mut report, listen))
            }
            Some(word) = progress_events.recv() => match word {
                ProgressEvent::Playing(case) => listen(Event::Playing { case: &case }).map_err(RunError::Report),
                ProgressEvent::Ready => Ok(()),
            },
            () = stopped(stop.clone()) => {
                report.interrupted = Some(waiting.len() - schedule.told());
                break Ok(());
            }
        };
        let error = shared.take_library_error().map(RunError::Library);
        if let Some(error) = told.err().or(error) {
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
    report.left_behind = std::mem::take(&mut *shared.left_behind.lock().unwrap_or_else(PoisonError::into_inner));
    let collected = std::mem::take(&mut *shared.collected());
    let (closest, ended) = match collected.finish(release, library, options.level) {
        Ok(closest) => (closest, ended),
        Err(error) => (None, ended.and(Err(RunError::Library(error)))),
    };
    report.closest = closest;
    report.boots = (!attached).then(|| Boots { saved: schedule.saved(), ..shared.boots().clone() });
    report.duration = began.elapsed();
    redaction::run(&mut report, &shared.secrets());
    Ok(RunEnd { report, error: ended.err() })
}

/// The approved snapshot of a case, which shows what the case needs. A file that cannot be read is reported when the case
/// is judged.
fn approved(case: &Case, library: &Library, release: Release) -> Option<String> {
    let history = library.serving(&case.id, release).ok()?;
    history.serving(release).map(|(_, variant)| variant.text.clone())
}

/// Reports for every planned case that the gateway is not reachable. Without planned cases, the run itself fails.
fn not_there(
    waiting: &[&Case],
    error: RunError,
    shared: &Shared<'_>,
    mut report: RunReport,
    listen: &mut (dyn FnMut(Event<'_>) -> io::Result<()> + Send),
) -> Result<RunEnd, RunError> {
    let reason = format!("not tried: {error}");
    for case in waiting {
        tell(case::given_up(case, reason.clone(), shared), shared, &mut report, listen)?;
    }
    Ok(RunEnd { report, error: waiting.is_empty().then_some(error) })
}

/// Waits until the run must stop. Waits forever if the sender is gone.
async fn stopped(mut stop: watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn tell(
    mut done: CaseReport,
    shared: &Shared<'_>,
    report: &mut RunReport,
    listen: &mut (dyn FnMut(Event<'_>) -> io::Result<()> + Send),
) -> Result<(), RunError> {
    redaction::case(&mut done, &shared.secrets());
    known_deviations(&mut done, shared.options);
    report.summary.add(done.verdict);
    if let Err(error) = shared.collected().add(&done, shared.library, shared.options.level) {
        shared.note_error(error);
    }
    if let (Verdict::Skipped, Some(reason)) = (done.verdict, &done.reason) {
        report.count_skipped(reason);
    }
    let new = |finding: &Finding| matches!(finding, Finding::Snapshot { .. } | Finding::NoSnapshot { .. });
    let fails = done.verdict == Verdict::Deviates;
    report.unkept += usize::from(fails && done.proposed.is_none() && done.findings.iter().any(new));
    if let Some(frames) = &done.frames {
        report.frames.get_or_insert_default().add(frames);
    }
    listen(Event::Case(&done)).map_err(RunError::Report)
}

/// Replaces the verdict on a case that the list of known deviations covers. Differences are compared without
/// secrets, as they are printed.
fn known_deviations(done: &mut CaseReport, options: &Options) {
    let error = match (done.verdict, &done.reason) {
        (Verdict::Error, Some(reason)) if !done.given_up => vec![Difference::error(reason)],
        _ => Vec::new(),
    };
    let seen = CaseSeen {
        id: &done.id,
        requirements: &done.requirements,
        verdict: done.verdict,
        level: options.level,
        differences: if done.verdict == Verdict::Error { &error } else { &done.differences },
        observation: done.observation.as_ref().map(Observation::text),
    };
    let Some(KnownVerdict { verdict, reason }) = options.known.judge(seen) else { return };
    // The error is more useful than the note that it is not known.
    if verdict != Verdict::Error && (verdict != done.verdict || done.reason.is_none()) {
        done.reason = Some(reason);
    }
    done.verdict = verdict;
    if !verdict.is_failure() && !options.trace {
        (done.transcript, done.log) = (None, None);
    }
}

fn info(gateway: &Gateway, options: &Options, greeting: &Greeting) -> GatewayInfo {
    let profile = gateway.profile();
    let no_token = (profile.kind == Kind::Attached && options.token.is_none())
        .then(|| "clawcheck skips the cases that send the shared token (set CLAWCHECK_TOKEN to play them)".to_owned());
    GatewayInfo {
        kind: match profile.kind {
            Kind::Embedded => "embedded",
            Kind::Spawned => "spawned",
            Kind::Attached => "attached",
        },
        name: profile.name.clone(),
        program: profile.program.clone(),
        release: profile.claims,
        lacks: profile.lacks.iter().map(|capability| capability.name()).collect(),
        notes: profile
            .notes
            .iter()
            .cloned()
            .chain(profile.claims.and_then(stands_in))
            .chain(greeting.note(profile.claims))
            .chain(no_token)
            .collect(),
    }
}

/// A note if the release is not a known release, which names the known release that the gateway is compared with.
fn stands_in(release: Release) -> Option<String> {
    let rules = Facts::of(release).ok()?;
    let known = rules.described();
    (known != release)
        .then(|| format!("{release} has no rules of its own; its answers are compared with those of {known}"))
}

/// The release that a gateway is compared with. Default: the default release.
pub(crate) fn release_of(gateway: &Gateway) -> Release {
    played_as(gateway, gateway.profile().claims.unwrap_or(releases::DEFAULT))
}

/// The release that a gateway plays if this release is requested. The embedded gateway has the rules of known releases
/// only. A release between two known ones plays as the earlier one in every respect, including which cases apply.
pub(crate) fn played_as(gateway: &Gateway, release: Release) -> Release {
    match gateway.profile().kind {
        Kind::Embedded => Facts::of(release).map_or(release, |rules| rules.described()),
        Kind::Spawned | Kind::Attached => release,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[tokio::test]
    async fn an_embedded_release_between_two_known_ones_is_the_earlier_one_in_everything() {
        for (said, played) in [("2026.5.12", "2026.5.7"), ("2026.9.5", "2026.7.35"), ("2026.9.6", "2026.9.6")] {
            let said: Release = said.parse().unwrap();
            let spec = crate::gateway::GatewaySpec::Embedded(Some(said));
            let gateway = Gateway::prepare(&spec, &crate::gateway::Preparation::default(), &|_| {}).await.unwrap();
            assert_eq!(release_of(&gateway).to_string(), played);
        }
    }

    #[rstest]
    #[case("2026.4.2", None)]
    #[case("2026.4.3", Some("2026.4.3 has no rules of its own; its answers are compared with those of 2026.4.2"))]
    fn a_release_between_two_known_ones_is_held_to_the_older_and_says_so(
        #[case] release: &str,
        #[case] said: Option<&str>,
    ) {
        assert_eq!(stands_in(release.parse().unwrap()).as_deref(), said);
    }
}
