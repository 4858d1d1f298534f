//! Plans the cases, plays their steps on a gateway, gathers what was seen and has it judged.
//!
//! Each case has keys and tokens of its own, and a gateway that is started for it and ended with it, unless it can share one
//! with others ([`Isolation`]). Gateways are started side by side, as many as there are jobs, those with the most cases first; a
//! gateway that cannot be started at all is found so once and not once per case.

mod attached;
pub mod outcome;
mod redaction;
mod schedule;
mod sharing;
mod state_dir;
mod steps;
mod timeouts;

use crate::client::Redactions;
use crate::gateway::{Gateway, Guard, Kind, LaunchError, Workspace};
use crate::judge::Finding;
use crate::judge::frame_schema::FrameSchema;
use crate::limits::{Budget, KEPT_BYTES, RUN_BYTES};
use crate::observe::snapshot::{Library, LibraryError};
use crate::rules::releases;
use crate::rules::{Facts, Release};
use crate::run::outcome::{Boots, CaseReport, Event, GatewayInfo, RunInfo, RunReport};
use crate::scenario::Case;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use schedule::breaker::Breaker;
use schedule::{Schedule, Trust, case, plan};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use timeouts::Timeouts;
use tokio::sync::{mpsc, watch};

/// Whether cases share gateways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Isolation {
    /// Every case has a gateway of its own.
    #[default]
    Case,
    /// Cases share one where that changes nothing of what they see.
    Shared,
}

impl Isolation {
    /// What is usual for a kind of gateway: a process takes long to start.
    pub fn usual(kind: Kind) -> Self {
        match kind {
            Kind::Spawned => Self::Shared,
            Kind::Embedded | Kind::Attached => Self::Case,
        }
    }

    /// Its name in reports and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Case => "case",
            Self::Shared => "shared",
        }
    }
}

/// How a run goes about its work.
#[derive(Clone, Default)]
pub struct Options {
    /// Whether cases share gateways; a gateway that somebody else runs is the one that it is.
    pub isolation: Isolation,
    /// Whether what a case sees on a gateway that it shares is taken as it is, also where it deviates: whoever asked looks again.
    pub trusting: bool,
    /// How many cases are played at once; at least one.
    pub jobs: usize,
    /// Whether every case keeps its transcript.
    pub trace: bool,
    /// Whether a conforming case on a real release that its snapshot has not been seen on leaves that for approval.
    pub mark_seen: bool,
    /// The shared token of a gateway that somebody else runs.
    pub token: Option<String>,
    /// Whether the run may write to a gateway that somebody else runs.
    pub allow_writes: bool,
    /// What every frame is held to that the gateway sends.
    pub schema: Option<Arc<FrameSchema>>,
    /// The arguments that play a case the same way again: ` --gateway openclaw@2026.3.31`.
    pub rerun: String,
    /// What the caller knows to be secret: it is in nothing that the run tells.
    pub secrets: Redactions,
}

/// Why a run could not be brought to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The run's corner of the disk could not be had.
    #[error("not enough disk space for the run: {0}")]
    Workspace(io::Error),
    /// A gateway that somebody else runs is not there, or is none.
    #[error(transparent)]
    NoGateway(#[from] LaunchError),
    /// A gateway that somebody else runs has another shared token.
    #[error("the gateway does not accept CLAWCHECK_TOKEN")]
    Token,
    /// The snapshots could not be read or written.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// A report could not be written.
    #[error("cannot write the report: {0}")]
    Report(io::Error),
}

/// What the cases of a run share.
struct Shared<'a> {
    workspace: Workspace,
    library: &'a Library,
    options: &'a Options,
    breaker: Breaker,
    timeouts: Timeouts,
    error: Mutex<Option<LibraryError>>,
    left_behind: Mutex<Vec<String>>,
    boots: Mutex<Boots>,
    /// Secrets that may be in what is told of more than one case.
    secrets: Mutex<Redactions>,
    trust: Trust,
    /// What the cases that are being played keep of what the gateway sends.
    received: Budget,
    /// What is kept of cases whose report is not told yet.
    kept: Budget,
    /// Hears what happens while something is played.
    progress: mpsc::UnboundedSender<ProgressEvent>,
    /// Whether what is written has to be taken away again.
    attached: bool,
    /// Turns true when the run shall stop.
    stop: watch::Receiver<bool>,
}

/// What happens while something is played.
enum ProgressEvent {
    /// A case of a group begins.
    Playing(String),
    /// A gateway is ready: others may be started, too.
    Ready,
}

impl Shared<'_> {
    /// Whether a case takes away what it has left on the gateway, also when it is broken off.
    fn cleans_up(&self) -> bool {
        self.attached && self.options.allow_writes
    }

    /// Notes the first thing that went wrong with the snapshots: the run's result cannot be kept.
    fn note_error(&self, error: LibraryError) {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    /// Notes what could not be taken away again from a gateway that somebody else runs.
    fn left_behind(&self, left: Vec<String>) {
        self.left_behind.lock().unwrap_or_else(PoisonError::into_inner).extend(left);
    }

    /// Notes the secrets of a case whose failure may be told as the reason of others.
    fn keep_secret(&self, secrets: &Redactions) {
        self.secrets().extend(secrets);
    }

    fn secrets(&self) -> MutexGuard<'_, Redactions> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_library_error(&self) -> Option<LibraryError> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Counts gateways that were started.
    fn booted(&self, boots: usize) {
        self.boots().made += boots;
    }

    fn boots(&self) -> MutexGuard<'_, Boots> {
        self.boots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn playing(&self, case: &str) {
        // Nobody hears it any more when the run is being broken off.
        let _ = self.progress.send(ProgressEvent::Playing(case.to_owned()));
    }

    fn ready(&self) {
        let _ = self.progress.send(ProgressEvent::Ready);
    }
}

/// A run as far as it came.
pub struct RunEnd {
    /// What became of it.
    pub report: RunReport,
    /// Why it could not be brought to its end; what was played until then was told, and is in the report.
    pub error: Option<RunError>,
}

/// Plays cases on a gateway and tells `listen` what happens. When `stop` turns true, what is being played is broken off and
/// everything that was started is ended.
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
    let release = release_of(gateway);
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
        attached,
        stop: broken_off,
    };
    let mut info = RunInfo {
        gateway: info(gateway, options),
        cases: cases.len(),
        jobs: options.jobs,
        schema: options.schema.as_deref().map(|schema| schema.package().to_owned()),
        isolation: (!attached).then(|| schedule::possible(options.isolation, gateway).name()),
    };
    redaction::info(&mut info, &shared.secrets());
    listen(Event::Started(&info)).map_err(RunError::Report)?;
    let mut report = RunReport::default();
    let mut dead = None;
    if attached {
        // Also where nothing will be played: whoever names a gateway wants to know that it is not there.
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
    if attached && dead.is_none() {
        let turned_down = tokio::select! {
            turned_down = attached::turns_token_down(gateway, release, &shared) => turned_down.map_err(RunError::Workspace)?,
            () = stopped(stop.clone()) => {
                report.interrupted = Some(cases.len());
                report.duration = began.elapsed();
                return Ok(RunEnd { report, error: None });
            }
        };
        if turned_down {
            report.duration = began.elapsed();
            return Ok(RunEnd { report, error: Some(RunError::Token) });
        }
    }
    let permissions_bind = plan::permissions_bind(shared.workspace.root()).map_err(RunError::Workspace)?;
    let mut waiting = Vec::new();
    for case in cases {
        match plan::not_played(case, gateway.profile(), release, permissions_bind) {
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
        let side_by_side = if shared.breaker.undecided() { 1 } else { options.jobs.max(1) };
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
        // What is still being played takes away what it has left on the gateway, within deadlines of its own. A second Ctrl-C
        // does not wait for it.
        break_off.send_replace(true);
        while playing.next().await.is_some() {}
    }
    // What was broken off goes with its gateways and directories.
    drop(playing);
    report.left_behind = std::mem::take(&mut *shared.left_behind.lock().unwrap_or_else(PoisonError::into_inner));
    report.boots = (!attached).then(|| Boots { saved: schedule.saved(), ..shared.boots().clone() });
    report.duration = began.elapsed();
    redaction::run(&mut report, &shared.secrets());
    Ok(RunEnd { report, error: ended.err() })
}

/// Tells of every case that was to be played that the gateway is not there. Where there is none, the run itself fails.
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

/// Waits until the run shall stop; for ever when nobody can say so any more.
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
    report.summary.add(done.verdict);
    let new = |finding: &Finding| matches!(finding, Finding::Snapshot { .. } | Finding::NoSnapshot { .. });
    report.unkept += usize::from(done.proposed.is_none() && done.findings.iter().any(new));
    if let Some(frames) = &done.frames {
        report.frames.get_or_insert_default().add(frames);
    }
    listen(Event::Case(&done)).map_err(RunError::Report)
}

fn info(gateway: &Gateway, options: &Options) -> GatewayInfo {
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
        notes: profile.notes.iter().cloned().chain(profile.claims.and_then(stands_in)).chain(no_token).collect(),
    }
}

/// Says so where a release is not known of its own: it is held to what an older one answers.
fn stands_in(release: Release) -> Option<String> {
    let rules = Facts::of(release).ok()?;
    let known = rules.described();
    (known != release)
        .then(|| format!("{release} has no history of its own; its answers are compared with those of {known}"))
}

/// The release that a gateway is held to: the default one where nobody said which it is.
pub fn release_of(gateway: &Gateway) -> Release {
    played_as(gateway, gateway.profile().claims.unwrap_or(releases::DEFAULT))
}

/// The release that a gateway is when it is asked to be this one. The embedded gateway has the rules of known releases alone:
/// for a release between two of them it is the earlier one, in everything, or its cases would ask of it what it has not.
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
    #[case("2026.4.3", Some("2026.4.3 has no history of its own; its answers are compared with those of 2026.4.2"))]
    fn a_release_between_two_known_ones_is_held_to_the_older_and_says_so(
        #[case] release: &str,
        #[case] said: Option<&str>,
    ) {
        assert_eq!(stands_in(release.parse().unwrap()).as_deref(), said);
    }
}
