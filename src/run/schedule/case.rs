//! Plays one case, from an empty sandbox to its report.

use super::breaker::Dead;
use super::failed_start;
use crate::gateway::{Capability, Gateway, GatewaySpec, IgnoredField, Kind, Preparation, Sandbox, Workspace};
use crate::judge::{Finding, FrameFinding, Judgement, Level, Verdict, judge};
use crate::known::CaseSeen;
use crate::machine;
use crate::observe::snapshot::{History, LibraryError, Origin, Proposed};
use crate::observe::{Evidence, Observation, RawMessage, StepEvidence, normalise_redacted};
use crate::run::attached;
use crate::run::outcome::{Boot, CaseReport};
use crate::run::redaction;
use crate::run::sharing::view;
use crate::run::state_dir;
use crate::run::steps::context::{CaseContext, CaseError};
use crate::run::steps::frames::Frames;
use crate::run::{Options, Shared};
use crate::scenario::connect::SharedSecret;
use crate::scenario::gateway::GatewaySettings;
use crate::scenario::{Case, Step, StepKind};
use crate::shell::quoted;
use openclaw_model::Release;
use openclaw_protocol::store::StoreFormat;
use serde_json::Value;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use untrusted_data::Redactions;
use untrusted_data::cut;
use untrusted_data::limits::{Budget, CASE_BYTES, RECORD_BYTES};

/// Maximum time to remove what a case wrote after the run was told to stop. A signal leaves ten seconds for everything.
const CLEARING: Duration = Duration::from_secs(8);

/// Plays a case and judges its observation.
pub(crate) async fn play(case: &Case, gateway: &Gateway, release: Release, shared: &Shared<'_>) -> CaseReport {
    let began = Instant::now();
    let mut report = blank(case, shared.options);
    let settings = &case.scenario.gateway;
    if let Some(reason) = shared.breaker.open(settings) {
        return given_up(case, reason, shared);
    }
    let sandbox = match sandbox(case, gateway, release, &shared.workspace) {
        Ok(sandbox) => sandbox,
        Err(error) => return failed(report, CaseError::Disk(error), settings, gateway, began),
    };
    if let Some(reason) = kept_from(case, gateway, release, shared).await {
        report.reason = Some(reason);
        return report;
    }
    let attached = gateway.profile().kind == Kind::Attached;
    let secret = shared.options.token.as_deref().filter(|_| attached);
    let mut context = CaseContext::new(case, gateway, sandbox, release, secret);
    context.timeouts = shared.timeouts.clone();
    context.frames = Arc::new(Frames::new(shared.options.schema.clone()));
    context.budget = shared.received.part("one case", CASE_BYTES);
    let played = tokio::select! {
        played = context.perform() => played,
        () = crate::run::stopped(shared.stop.clone()), if shared.cleans_up() => Err(CaseError::BrokenOff),
    };
    let was_reached = played.as_ref().ok().is_none_or(|steps| steps.iter().all(was_reached));
    if let Ok(steps) = &played {
        shared.note_versions(case, steps);
    }
    let observed = played.map(|steps| observe(&context, steps, gateway, &shared.options.secrets));
    if shared.cleans_up() {
        shared.left_behind(clean_up(&context, shared).await);
    }
    let ended = context.exited(was_reached).await.map(|exit| format!("the gateway exited unexpectedly ({exit})"));
    let log = context.end().await;
    shared.booted(context.boots());
    let redactions = redactions(&context);
    if matches!(observed, Err(CaseError::BrokenOff)) {
        report.reason = Some(CaseError::BrokenOff.to_string());
        return report;
    }
    if observed.is_err() || ended.is_some() {
        shared.keep_secret(&redactions);
    }
    match (&observed, &ended) {
        (Err(CaseError::Launch(error)), _) => failed_start::failed(error, settings, gateway, shared).await,
        (Err(error), _) => Dead::of(error).iter().for_each(|dead| shared.breaker.failed(dead)),
        (Ok(_), Some(why)) => shared.breaker.failed(&Dead::Ended(why.clone())),
        (Ok(_), None) => shared.breaker.played(settings),
    }
    match observed {
        Err(error) => report = failed(report, error, settings, gateway, began),
        // A gateway that no step stopped must run at the end, whatever it answered before.
        Ok(_) if ended.is_some() => {
            report.verdict = Verdict::Error;
            report.reason = ended;
        }
        Ok(observation) => {
            report.frames = context.frames.tally();
            let seen = CaseResult { observation, frames: context.frames.findings(&redactions), report, kept: None };
            report = conclude(seen, case, release, gateway, shared);
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

/// Removes what a case wrote. After the run was told to stop, it takes at most [`CLEARING`], because the report must
/// still be written.
async fn clean_up(context: &CaseContext<'_>, shared: &Shared<'_>) -> Vec<String> {
    let hurried = async {
        crate::run::stopped(shared.stop.clone()).await;
        tokio::time::sleep(CLEARING).await;
    };
    tokio::select! {
        left = context.clean_up() => left,
        () = hurried => context.perhaps_left(),
    }
}

/// Where a case is played. In this process nobody needs files but a case that writes some itself, or has a release play
/// in it that keeps a database.
pub(crate) fn sandbox(case: &Case, gateway: &Gateway, release: Release, workspace: &Workspace) -> io::Result<Sandbox> {
    match gateway.profile().kind {
        Kind::Embedded if is_played_on_records(case, release) => Ok(workspace.sandbox_in_memory()),
        _ => workspace.sandbox(),
    }
}

/// Whether every store of a case consists of documents with records only.
fn is_played_on_records(case: &Case, release: Release) -> bool {
    let scenario = &case.scenario;
    let edits = case.steps().filter_map(|step| match &step.kind {
        StepKind::Edit(store) => Some(store.as_ref()),
        _ => None,
    });
    let earlier = scenario.written_by.as_ref().map(|earlier| earlier.release.0);
    let keeps_files = |release| state_dir::format(&scenario.store, release) == StoreFormat::Files;
    scenario.other_store.is_none()
        && edits.chain([&scenario.store]).all(state_dir::is_records)
        && earlier.into_iter().chain([release]).all(keeps_files)
}

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
    pub(crate) fn is_kept(&mut self, shared: &Shared<'_>) -> bool {
        let records = self.report.transcript.iter().chain(&self.report.log).map(String::len).sum::<usize>();
        let kept = shared.kept.part("one case", usize::MAX);
        let has_room = kept.take(self.observation.weight() + records).is_ok();
        self.kept = Some(kept);
        has_room
    }

    /// The verdict that [`conclude`] would reach at the level `exact` and without the published schema. Sharing a
    /// gateway must not change the result, and a frame that violates the schema does so on every gateway.
    pub(crate) fn verdict(&self, case: &Case, release: Release, shared: &Shared<'_>) -> Verdict {
        match kept(case, release, shared) {
            Ok(history) => judge(case, &self.observation, release, history.as_ref(), Vec::new(), Level::Exact).verdict,
            Err(_) => Verdict::Error,
        }
    }
}

/// Adds the transcript and the log of the gateway.
pub(crate) fn keep_records(report: &mut CaseReport, context: &CaseContext<'_>, log: &str) {
    let redactions = redactions(context);
    let kept = |text: &str| cut::middle(text, RECORD_BYTES).into_owned();
    let transcript = abridged(&context.transcript.render(&redactions));
    report.transcript = Some(kept(&transcript)).filter(|text| !text.is_empty());
    report.log = Some(kept(&redactions.apply(log))).filter(|text| !text.trim().is_empty());
}

/// Whether every connection of a step, including the steps in `parallel`, was opened.
fn was_reached(step: &StepEvidence) -> bool {
    let unreachable = step.received.iter().any(|received| matches!(received.message, RawMessage::Unreachable(_)));
    !unreachable && step.parallel.iter().all(was_reached)
}

/// Whether the transcript and the log help the reader.
fn is_worth_showing(report: &CaseReport, shared: &Shared<'_>) -> bool {
    shared.options.trace || report.verdict.is_failure()
}

/// The observation of a case that the rules of a release predict, from a run on the embedded gateway. `None` if the
/// rules cannot predict it.
pub(crate) async fn predicted(case: &Case, release: Release, shared: &Shared<'_>) -> Option<String> {
    let rules = GatewaySpec::Embedded(Some(release));
    let rules = Gateway::prepare(&rules, &Preparation::default(), &|_| {}).await.ok()?;
    let release = crate::run::release_of(&rules);
    let mut context =
        CaseContext::new(case, &rules, sandbox(case, &rules, release, &shared.workspace).ok()?, release, None);
    let steps = context.perform().await.ok()?;
    let observation = observe(&context, steps, &rules, &shared.options.secrets);
    context.end().await;
    Some(observation.text().to_owned())
}

/// The report of a case in which the gateway or the harness failed.
pub(crate) fn not_done(case: &Case, reason: String, shared: &Shared<'_>) -> CaseReport {
    CaseReport { verdict: Verdict::Error, reason: Some(reason), ..blank(case, shared.options) }
}

/// The report of a case whose settings the gateway refuses.
pub(crate) fn not_applicable(case: &Case, reason: String, shared: &Shared<'_>) -> CaseReport {
    CaseReport { verdict: Verdict::NotApplicable, reason: Some(reason), ..blank(case, shared.options) }
}

/// The report of a case that did not start because the gateway had stopped working.
pub(crate) fn given_up(case: &Case, reason: String, shared: &Shared<'_>) -> CaseReport {
    CaseReport { verdict: Verdict::Error, reason: Some(reason), given_up: true, ..blank(case, shared.options) }
}

/// The reason why a case must not be played on a gateway at a URL. `None` if it can be played.
async fn kept_from(case: &Case, gateway: &Gateway, release: Release, shared: &Shared<'_>) -> Option<String> {
    if gateway.profile().kind != Kind::Attached {
        return None;
    }
    if shared.options.token.is_none() && case.steps().any(knows_the_secret) {
        return Some("the case sends the gateway's shared token; set CLAWCHECK_TOKEN".to_owned());
    }
    if shared.options.allow_writes {
        return None;
    }
    let predicted = async {
        let rules = GatewaySpec::Embedded(Some(release));
        let rules = Gateway::prepare(&rules, &Preparation::default(), &|_| {}).await?;
        let release = crate::run::release_of(&rules);
        attached::leaves_no_trace(case, &rules, &shared.workspace, release).await
    };
    match predicted.await {
        Ok(true) => None,
        Ok(false) => {
            Some("the case writes to a gateway that clawcheck did not start; --allow-writes allows this".to_owned())
        }
        Err(error) => Some(format!("clawcheck cannot determine what the case writes to the gateway: {error}")),
    }
}

/// Whether a step uses the shared secret of the gateway.
fn knows_the_secret(step: &Step) -> bool {
    let StepKind::Connect(connect) = &step.kind else { return false };
    let right = |secret: &Option<SharedSecret>| matches!(secret, Some(SharedSecret::Right | SharedSecret::Secret(_)));
    connect.auth.as_ref().is_none_or(|auth| right(&auth.token) || right(&auth.password))
}

pub(crate) fn observe(
    context: &CaseContext<'_>,
    mut steps: Vec<StepEvidence>,
    gateway: &Gateway,
    secrets: &Redactions,
) -> Observation {
    if gateway.profile().kind == Kind::Attached {
        let devices = context.bindings.identities.device_names();
        view::retain_received(&mut steps, &|id: &str| devices.iter().any(|(own, _)| own == id));
    }
    ignore(&mut steps, &gateway.profile().ignore);
    let reachable = gateway.profile().can(Capability::StoreRead);
    let mut redactions = redactions(context);
    redactions.extend(secrets);
    let evidence = Evidence {
        known: context.known(),
        started_at: context.started_at(),
        steps_began: context.steps_began().to_vec(),
        steps,
        before: context.before().clone(),
        after: reachable.then(|| context.files()),
    };
    normalise_redacted(&evidence, &|text| redactions.apply_known(text))
}

/// Removes the fields that the description of the gateway names.
fn ignore(steps: &mut [StepEvidence], fields: &[IgnoredField]) {
    for step in steps.iter_mut().filter(|_| !fields.is_empty()) {
        for received in &mut step.received {
            if let Some(frame) = received.message.json_mut() {
                fields.iter().for_each(|field| field.remove_from(frame));
            }
        }
        ignore(&mut step.parallel, fields);
    }
}

/// The approved snapshots of a case that apply to a release. `None` if they cannot be stored: a user's scenario without
/// a snapshot folder.
fn kept(case: &Case, release: Release, shared: &Shared<'_>) -> Result<Option<History>, LibraryError> {
    let history = shared.library.serving(&case.id, release)?;
    let nowhere = *shared.library.origin() == Origin::BuiltIn && !case.source.embedded;
    Ok(if nowhere && history.variants.is_empty() { None } else { Some(history) })
}

/// Judges the observation of a case and writes it for approval if it is new.
pub(crate) fn conclude(
    seen: CaseResult,
    case: &Case,
    release: Release,
    gateway: &Gateway,
    shared: &Shared<'_>,
) -> CaseReport {
    let CaseResult { observation, frames, mut report, kept: _kept } = seen;
    let history = match kept(case, release, shared) {
        Ok(history) => history,
        Err(error) => {
            report.verdict = Verdict::Error;
            report.reason = Some(error.to_string());
            return report;
        }
    };
    let level = shared.options.level;
    let Judgement { verdict, findings, differences } =
        judge(case, &observation, release, history.as_ref(), frames, level);
    if matches!(verdict, Verdict::Deviates | Verdict::UnexpectedlyConforms)
        && let Some(why) = machine::exhausted(shared.workspace.root())
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
    let history = history.unwrap_or_default();
    let real = gateway.profile().kind == Kind::Spawned && gateway.profile().program == "openclaw";
    let seen = history.serving(release).is_some_and(|(_, variant)| variant.seen.contains(&release));
    // If a step did not meet its expectation, the observation is not a candidate for approval. If only the schema is
    // violated, the observation is the approved one.
    let about_snapshot =
        findings.iter().any(|finding| matches!(finding, Finding::Snapshot { .. } | Finding::NoSnapshot { .. }));
    let known = shared.options.known.judge(CaseSeen {
        id: &case.id,
        requirements: &report.requirements,
        verdict,
        level,
        differences: &differences,
        observation: Some(observation.text()),
    });
    let is_known = known.is_some_and(|known| known.verdict == Verdict::KnownDeviation);
    let propose = match verdict {
        Verdict::Deviates => about_snapshot && observation.store.is_some() && !is_known,
        Verdict::Conforms => real && shared.options.mark_seen && !seen,
        _ => false,
    };
    (report.findings, report.differences) = (findings, differences);
    let proposed = if propose {
        shared.library.propose(&case.id, release, observation.text(), real).map(Some)
    } else if verdict == Verdict::Conforms && !report.differences.is_empty() {
        // A saved observation can still be approved, because it differs from the snapshot.
        Ok(None)
    } else {
        shared.library.withdraw(&case.id, release, real).map(|()| None)
    };
    match proposed {
        Ok(Some(Proposed::Left(path))) => report.proposed = Some(path),
        Ok(Some(Proposed::Waits(path))) => {
            let path = path.display();
            report.reason = Some(format!(
                "an observation of a real release already waits in {path}; clawcheck did not overwrite it"
            ));
        }
        Ok(None) => {}
        Err(LibraryError::BuiltIn | LibraryError::Frozen) => {}
        Err(error) => shared.note_error(error),
    }
    report.observation = Some(observation);
    if !is_worth_showing(&report, shared) {
        report.transcript = None;
        report.log = None;
    }
    report
}

/// The report of a case that could not be played.
fn failed(
    mut report: CaseReport,
    error: CaseError,
    settings: &GatewaySettings,
    gateway: &Gateway,
    began: Instant,
) -> CaseReport {
    report.verdict = match &error {
        // Without the release that writes the store, the case cannot be played.
        CaseError::OtherRelease(_) => Verdict::NotApplicable,
        CaseError::Launch(launch) if failed_start::not_applicable(launch, settings).is_some() => Verdict::NotApplicable,
        CaseError::Link(_) if gateway.profile().kind == Kind::Attached => Verdict::Skipped,
        _ => Verdict::Error,
    };
    report.reason = Some(match error {
        CaseError::Launch(error) => failed_start::not_applicable(&error, settings).unwrap_or_else(|| error.to_string()),
        other => other.to_string(),
    });
    report.duration = began.elapsed();
    report
}

/// An empty report.
pub(crate) fn blank(case: &Case, options: &Options) -> CaseReport {
    let mut rerun = format!("clawcheck run {}", quoted(&case.id));
    if !case.source.embedded {
        rerun = format!("clawcheck run {} --filter {}", quoted(&case.source.path.to_string_lossy()), quoted(&case.id));
    }
    rerun.push_str(&options.rerun);
    CaseReport {
        id: case.id.clone(),
        title: case.title().to_owned(),
        file: case.source.path.clone(),
        is_built_in: case.source.embedded,
        verdict: Verdict::Skipped,
        reason: None,
        given_up: false,
        boot: Boot::Own,
        about: case.scenario.about.clone(),
        links: case.scenario.links.iter().map(|link| link.value.clone()).collect(),
        requirements: requirements(case),
        findings: Vec::new(),
        differences: Vec::new(),
        frames: None,
        observation: None,
        duration: Duration::ZERO,
        transcript: None,
        log: None,
        rerun,
        proposed: None,
        explanation: None,
    }
}

/// The requirements that the case's expectations stand for, each once, in the order of the steps.
fn requirements(case: &Case) -> Vec<String> {
    let mut ids = Vec::new();
    for id in case.requirements() {
        if !ids.iter().any(|known| known == id) {
            ids.push(id.to_owned());
        }
    }
    ids
}

/// What must not be shown.
pub(crate) fn redactions(context: &CaseContext<'_>) -> Redactions {
    let mut redactions = Redactions::default();
    for (name, secret) in context.bindings.identities.secrets() {
        redactions.add(&secret, &format!("secret {name}"));
    }
    for token in context.bindings.tokens() {
        redactions.add(&token, "token");
    }
    redactions
}

/// The transcript without parts that readers do not need: pings and pongs, the state of the gateway's host, and the
/// lists of methods and events in `hello-ok`.
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
