//! One case, from an empty corner of the disk to its report.

use super::attached;
use super::breaker::Dead;
use super::files;
use super::frames::Frames;
use super::own;
use super::shown;
use super::stage::{Stage, StageError};
use super::start;
use super::{Options, Shared};
use crate::gateway::{Capability, Gateway, GatewaySpec, Kind, Place, Preparation};
use crate::judge::{self, Finding, FrameFinding, Judgement, Verdict, judge};
use crate::machine;
use crate::observe::snapshot::{History, LibraryError, Origin, Proposed};
use crate::observe::{Evidence, Observation, Sound, StepEvidence, normalise_redacted};
use crate::report::terminal::quoted;
use crate::report::{Boot, CaseReport};
use crate::scenario::connect::SharedSecret;
use crate::scenario::gateway::GatewaySettings;
use crate::scenario::{Act, Case, Step};
use openclaw_model::Release;
use openclaw_protocol::store::StoreFormat;
use serde_json::Value;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use untrusted_data::Redactions;
use untrusted_data::cut;
use untrusted_data::limits::{Budget, CASE_BYTES, RECORD_BYTES};

/// How long what a case has written may take to be taken away once the run is told to stop. A signal leaves ten seconds for all.
const CLEARING: Duration = Duration::from_secs(8);
/// What is said of a gateway that was not stopped and is gone.
const ENDED: &str = "the gateway ended by itself";

/// Plays a case and judges it.
pub(super) async fn play(case: &Case, gateway: &Gateway, release: Release, shared: &Shared<'_>) -> CaseReport {
    let began = Instant::now();
    let mut report = blank(case, shared.options);
    let settings = &case.scenario.gateway;
    if let Some(reason) = shared.breaker.open(settings) {
        return given_up(case, reason, shared);
    }
    let place = match place(case, gateway, release, shared) {
        Ok(place) => place,
        Err(error) => return failed(report, StageError::Disk(error), settings, gateway, began),
    };
    if let Some(reason) = kept_from(case, gateway, release, shared).await {
        report.reason = Some(reason);
        return report;
    }
    let attached = gateway.profile().kind == Kind::Attached;
    let secret = shared.options.token.as_deref().filter(|_| attached);
    let mut stage = Stage::new(case, gateway, place, release, secret);
    stage.timeouts = shared.timeouts.clone();
    stage.frames = Arc::new(Frames::new(shared.options.schema.clone()));
    stage.budget = shared.heard.part("one case", CASE_BYTES);
    let played = tokio::select! {
        played = stage.perform() => played,
        () = super::stopped(shared.stop.clone()), if shared.cleans_up() => Err(StageError::BrokenOff),
    };
    let was_reached = played.as_ref().ok().is_none_or(|steps| steps.iter().all(was_reached));
    let observed = played.map(|steps| observe(&stage, steps, gateway, &shared.options.secrets));
    if shared.cleans_up() {
        shared.left_behind(clean_up(&stage, shared).await);
    }
    let ended = stage.exited(was_reached).await;
    let log = stage.end().await;
    shared.booted(stage.boots());
    let redactions = redactions(&stage);
    if matches!(observed, Err(StageError::BrokenOff)) {
        report.reason = Some(StageError::BrokenOff.to_string());
        return report;
    }
    if observed.is_err() || ended.is_some() {
        shared.keep_secret(&redactions);
    }
    match &observed {
        Err(StageError::Launch(error)) => start::failed(error, settings, gateway, shared).await,
        Err(error) => Dead::of(error).iter().for_each(|dead| shared.breaker.failed(dead)),
        Ok(_) if ended.is_some() => shared.breaker.failed(&Dead::Ended(ENDED.to_owned())),
        Ok(_) => shared.breaker.played(settings),
    }
    match observed {
        Err(error) => report = failed(report, error, settings, gateway, began),
        // Whatever it answered before: a gateway that nobody stopped has to be there at the end.
        Ok(_) if ended.is_some() => {
            report.verdict = Verdict::Error;
            report.reason = Some(ENDED.to_owned());
        }
        Ok(observation) => {
            report.frames = stage.frames.tally();
            let seen = Seen { observation, frames: stage.frames.findings(&redactions), report, kept: None };
            report = conclude(seen, case, release, gateway, shared);
        }
    }
    if is_worth_showing(&report, shared) {
        keep_records(&mut report, &stage, &log);
    }
    report.reason = report.reason.map(|reason| redactions.apply(&reason));
    shown::case(&mut report, &redactions);
    report.duration = began.elapsed();
    report
}

/// Takes away what a case has written. Once the run is told to stop, for [`CLEARING`] at most: the report has to be written.
async fn clean_up(stage: &Stage<'_>, shared: &Shared<'_>) -> Vec<String> {
    let hurried = async {
        super::stopped(shared.stop.clone()).await;
        tokio::time::sleep(CLEARING).await;
    };
    tokio::select! {
        left = stage.clean_up() => left,
        () = hurried => stage.perhaps_left(),
    }
}

/// Where a case is played. In this process nobody needs files but a case that writes some itself, or has a release play
/// in it that keeps a database.
fn place(case: &Case, gateway: &Gateway, release: Release, shared: &Shared<'_>) -> io::Result<Place> {
    match gateway.profile().kind {
        Kind::Embedded if is_played_on_records(case, release) => Ok(shared.workspace.place_without_files()),
        _ => shared.workspace.place(),
    }
}

/// Whether every store of a case is documents, in which it puts records and nothing else.
fn is_played_on_records(case: &Case, release: Release) -> bool {
    let scenario = &case.scenario;
    let edits = judge::steps(case).into_iter().filter_map(|step| match &step.act {
        Act::Edit(store) => Some(store.as_ref()),
        _ => None,
    });
    let earlier = scenario.written_by.as_ref().map(|earlier| earlier.release.0);
    let keeps_files = |release| files::format(&scenario.store, release) == StoreFormat::Files;
    scenario.other_store.is_none()
        && edits.chain([&scenario.store]).all(files::is_records)
        && earlier.into_iter().chain([release]).all(keeps_files)
}

/// What a case saw, before it is judged.
pub(super) struct Seen {
    pub(super) observation: Observation,
    /// The frames that break the published schema.
    pub(super) frames: Vec<FrameFinding>,
    /// All that is known without a verdict.
    pub(super) report: CaseReport,
    /// What it takes of the run's memory until its report is made, where it waits for that.
    pub(super) kept: Option<Budget>,
}

impl Seen {
    /// Has room kept for it in the run's memory. `false` where there is none.
    pub(super) fn is_kept(&mut self, shared: &Shared<'_>) -> bool {
        let records = self.report.transcript.iter().chain(&self.report.log).map(String::len).sum::<usize>();
        let kept = shared.kept.part("one case", usize::MAX);
        let has_room = kept.take(self.observation.weight() + records).is_ok();
        self.kept = Some(kept);
        has_room
    }

    /// The verdict that [`conclude`] would come to but for the published schema: a frame that breaks it breaks it on every gateway.
    pub(super) fn verdict(&self, case: &Case, release: Release, shared: &Shared<'_>) -> Verdict {
        match kept(case, release, shared) {
            Ok(history) => judge(case, &self.observation, release, history.as_ref(), Vec::new()).verdict,
            Err(_) => Verdict::Error,
        }
    }
}

/// Keeps what went over the wire and what the gateway logged.
pub(super) fn keep_records(report: &mut CaseReport, stage: &Stage<'_>, log: &str) {
    let redactions = redactions(stage);
    let kept = |text: &str| cut::middle(text, RECORD_BYTES).into_owned();
    let transcript = abridged(&stage.transcript.render(&redactions));
    report.transcript = Some(kept(&transcript)).filter(|text| !text.is_empty());
    report.log = Some(kept(&redactions.apply(log))).filter(|text| !text.trim().is_empty());
}

/// Whether every connection of a step and of those side by side under it came to be.
fn was_reached(step: &StepEvidence) -> bool {
    let unreachable = step.heard.iter().any(|heard| matches!(heard.sound, Sound::Unreachable(_)));
    !unreachable && step.parallel.iter().all(was_reached)
}

/// Whether what went over the wire helps anybody.
fn is_worth_showing(report: &CaseReport, shared: &Shared<'_>) -> bool {
    shared.options.trace || matches!(report.verdict, Verdict::Deviates | Verdict::UnexpectedlyConforms | Verdict::Error)
}

/// What the embedded gateway, asked by itself, shows of a case at this release: what the rules predict. `None` where they
/// cannot tell.
pub(super) async fn predicted(case: &Case, release: Release, shared: &Shared<'_>) -> Option<String> {
    let rules = GatewaySpec::Embedded(Some(release));
    let rules = Gateway::prepare(&rules, &Preparation::default(), &|_| {}).await.ok()?;
    let release = super::release_of(&rules);
    let mut stage = Stage::new(case, &rules, place(case, &rules, release, shared).ok()?, release, None);
    let steps = stage.perform().await.ok()?;
    let observation = observe(&stage, steps, &rules, &shared.options.secrets);
    stage.end().await;
    Some(observation.text().to_owned())
}

/// The report of a case in which the gateway or the harness could not do its part.
pub(super) fn not_done(case: &Case, reason: String, shared: &Shared<'_>) -> CaseReport {
    CaseReport { verdict: Verdict::Error, reason: Some(reason), ..blank(case, shared.options) }
}

/// The report of a case whose settings the gateway refuses.
pub(super) fn not_applicable(case: &Case, reason: String, shared: &Shared<'_>) -> CaseReport {
    CaseReport { verdict: Verdict::NotApplicable, reason: Some(reason), ..blank(case, shared.options) }
}

/// The report of a case that was not begun, because the gateway had been found dead before.
pub(super) fn given_up(case: &Case, reason: String, shared: &Shared<'_>) -> CaseReport {
    CaseReport { verdict: Verdict::Error, reason: Some(reason), given_up: true, ..blank(case, shared.options) }
}

/// Why a case must not be played on a gateway that somebody else runs; `None` when it may.
async fn kept_from(case: &Case, gateway: &Gateway, release: Release, shared: &Shared<'_>) -> Option<String> {
    if gateway.profile().kind != Kind::Attached {
        return None;
    }
    if shared.options.token.is_none() && judge::steps(case).into_iter().any(knows_the_secret) {
        return Some("the gateway's shared token is not known: set CLAWCHECK_TOKEN".to_owned());
    }
    if shared.options.allow_writes {
        return None;
    }
    let predicted = async {
        let rules = GatewaySpec::Embedded(Some(release));
        let rules = Gateway::prepare(&rules, &Preparation::default(), &|_| {}).await?;
        let release = super::release_of(&rules);
        attached::leaves_no_trace(case, &rules, &shared.workspace, release).await
    };
    match predicted.await {
        Ok(true) => None,
        Ok(false) => Some("it would leave traces on a gateway that is not ours: --allow-writes lets it".to_owned()),
        Err(error) => Some(format!("what it would leave on a gateway that is not ours is not known: {error}")),
    }
}

/// Whether a step uses the gateway's own shared secret.
fn knows_the_secret(step: &Step) -> bool {
    let Act::Connect(connect) = &step.act else { return false };
    let right = |secret: &Option<SharedSecret>| matches!(secret, Some(SharedSecret::Right | SharedSecret::Secret(_)));
    connect.auth.as_ref().is_none_or(|auth| right(&auth.token) || right(&auth.password))
}

fn observe(stage: &Stage<'_>, mut steps: Vec<StepEvidence>, gateway: &Gateway, secrets: &Redactions) -> Observation {
    if gateway.profile().kind == Kind::Attached {
        let devices = stage.knowledge.cast.device_names();
        own::hear(&mut steps, &|id: &str| devices.iter().any(|(own, _)| own == id));
    }
    let reachable = gateway.profile().can(Capability::StoreRead);
    let mut redactions = redactions(stage);
    redactions.extend(secrets);
    let evidence = Evidence {
        known: stage.known(),
        started_at: stage.started_at(),
        steps_began: stage.steps_began().to_vec(),
        steps,
        before: stage.before().clone(),
        after: reachable.then(|| stage.files()),
    };
    normalise_redacted(&evidence, &|text| redactions.apply_known(text))
}

/// The approved snapshots of a case that concern a release; `None` where they could not be kept: a scenario of the user's
/// own, with no folder of snapshots beside it.
fn kept(case: &Case, release: Release, shared: &Shared<'_>) -> Result<Option<History>, LibraryError> {
    let history = shared.library.serving(&case.id, release)?;
    let nowhere = *shared.library.origin() == Origin::BuiltIn && !case.source.embedded;
    Ok(if nowhere && history.variants.is_empty() { None } else { Some(history) })
}

/// Judges what a case saw, and keeps what waits for approval.
pub(super) fn conclude(
    seen: Seen,
    case: &Case,
    release: Release,
    gateway: &Gateway,
    shared: &Shared<'_>,
) -> CaseReport {
    let Seen { observation, frames, mut report, kept: _kept } = seen;
    let history = match kept(case, release, shared) {
        Ok(history) => history,
        Err(error) => {
            report.verdict = Verdict::Error;
            report.reason = Some(error.to_string());
            return report;
        }
    };
    let Judgement { verdict, findings } = judge(case, &observation, release, history.as_ref(), frames);
    if matches!(verdict, Verdict::Deviates | Verdict::UnexpectedlyConforms)
        && let Some(why) = machine::exhausted(shared.workspace.root())
    {
        // The gateway runs on it, too: what it did then says nothing about it elsewhere.
        report.verdict = Verdict::Error;
        report.reason = Some(format!("the observation is not conclusive: {why}"));
        report.observation = Some(observation);
        return report;
    }
    report.verdict = verdict;
    if history.is_none() && verdict == Verdict::Conforms {
        report.reason =
            Some("held to its expectations alone: no folder keeps snapshots for it (--snapshots)".to_owned());
    }
    let history = history.unwrap_or_default();
    let real = gateway.profile().kind == Kind::Spawned && gateway.profile().program == "openclaw";
    let seen = history.serving(release).is_some_and(|(_, variant)| variant.seen.contains(&release));
    // Where a step did not see what it must, the observation is no candidate for approval; what breaks the schema alone is seen
    // as it was approved.
    let about_snapshot =
        findings.iter().any(|finding| matches!(finding, Finding::Snapshot { .. } | Finding::NoSnapshot { .. }));
    let propose = match verdict {
        Verdict::Deviates => about_snapshot && observation.store.is_some(),
        Verdict::Conforms => real && shared.options.mark_seen && !seen,
        _ => false,
    };
    report.findings = findings;
    let proposed = if propose {
        shared.library.propose(&case.id, release, observation.text(), real).map(Some)
    } else {
        shared.library.withdraw(&case.id, release, real).map(|()| None)
    };
    match proposed {
        Ok(Some(Proposed::Left(path))) => report.proposed = Some(path),
        Ok(Some(Proposed::Waits(path))) => {
            let path = path.display();
            report.reason = Some(format!("what a real release has shown waits in {path} already, and stays there"));
        }
        Ok(None) => {}
        Err(LibraryError::BuiltIn | LibraryError::Frozen) => {}
        Err(error) => shared.fault(error),
    }
    report.observation = Some(observation);
    if !is_worth_showing(&report, shared) {
        report.transcript = None;
        report.log = None;
    }
    report
}

/// A case that could not be played.
fn failed(
    mut report: CaseReport,
    error: StageError,
    settings: &GatewaySettings,
    gateway: &Gateway,
    began: Instant,
) -> CaseReport {
    report.verdict = match &error {
        // The release that wrote the store must be had, or there is nothing to ask.
        StageError::OtherRelease(_) => Verdict::NotApplicable,
        StageError::Launch(launch) if start::not_applicable(launch, settings).is_some() => Verdict::NotApplicable,
        StageError::Link(_) if gateway.profile().kind == Kind::Attached => Verdict::Skipped,
        _ => Verdict::Error,
    };
    report.reason = Some(match error {
        StageError::Launch(error) => start::not_applicable(&error, settings).unwrap_or_else(|| error.to_string()),
        other => other.to_string(),
    });
    report.duration = began.elapsed();
    report
}

/// A report with nothing in it yet.
pub(super) fn blank(case: &Case, options: &Options) -> CaseReport {
    let mut again = format!("clawcheck run {}", quoted(&case.id));
    if !case.source.embedded {
        again = format!("clawcheck run {} --filter {}", quoted(&case.source.path.to_string_lossy()), quoted(&case.id));
    }
    again.push_str(&options.again);
    CaseReport {
        id: case.id.clone(),
        title: case.title().to_owned(),
        file: case.source.path.clone(),
        verdict: Verdict::Skipped,
        reason: None,
        given_up: false,
        boot: Boot::Own,
        findings: Vec::new(),
        frames: None,
        observation: None,
        duration: Duration::ZERO,
        transcript: None,
        log: None,
        again,
        proposed: None,
    }
}

/// What must not be shown.
pub(super) fn redactions(stage: &Stage<'_>) -> Redactions {
    let mut redactions = Redactions::default();
    for (name, secret) in stage.knowledge.cast.secrets() {
        redactions.add(&secret, &format!("secret {name}"));
    }
    for token in stage.knowledge.tokens() {
        redactions.add(&token, "token");
    }
    redactions
}

/// A transcript without what a reader never looks for: round trips, the state of the gateway's machine, and in `hello-ok`
/// the lists of methods and events.
fn abridged(transcript: &str) -> String {
    let dull = [
        "-> ping",
        "<- pong",
        "<- ping",
        r#"<- {"type":"event","event":"health""#,
        r#"<- {"type":"event","event":"tick""#,
    ];
    let mut out = String::with_capacity(transcript.len());
    for line in transcript.lines().filter(|line| !dull.iter().any(|dull| line.contains(dull))) {
        match line.split_once(r#"<- {"type":"res""#).filter(|(_, rest)| rest.contains(r#""type":"hello-ok""#)) {
            Some((before, rest)) => {
                let text = format!(r#"{{"type":"res"{rest}"#);
                let shortened = serde_json::from_str::<Value>(&text).map(|frame| without_lists(frame).to_string());
                out.push_str(&format!("{before}<- {}", shortened.unwrap_or(text)));
            }
            None => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

fn without_lists(mut frame: Value) -> Value {
    for path in ["/payload/features", "/payload/snapshot"] {
        if let Some(value) = frame.pointer_mut(path) {
            *value = Value::String("...".to_owned());
        }
    }
    frame
}
