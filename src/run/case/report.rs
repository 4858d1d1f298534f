//! The report of a case: without a result, with the reason why it was not played, and with its records.

use super::failed_start;
use crate::gateway::{Gateway, GatewayKind};
use crate::judge::Verdict;
use crate::run::outcome::{CaseReport, GatewayUse};
use crate::run::plan::NotPlayed;
use crate::run::steps::context::{CaseContext, CaseError};
use crate::run::{Options, RunState};
use crate::scenario::Case;
use crate::scenario::gateway::GatewaySettings;
use crate::shell::quoted;
use serde_json::Value;
use std::time::{Duration, Instant};
use untrusted_data::Redactions;
use untrusted_data::cut;
use untrusted_data::limits::RECORD_BYTES;

/// The report of a case that could not be played.
pub(super) fn failed(
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
        CaseError::Link(_) if gateway.profile().kind == GatewayKind::Attached => Verdict::Skipped,
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
        obstacle: None,
        given_up: false,
        boot: GatewayUse::Own,
        about: case.scenario.about.clone(),
        links: case.scenario.links.iter().map(|link| link.value.clone()).collect(),
        requirements: requirements(case),
        findings: Vec::new(),
        differences: Vec::new(),
        release_differences: Vec::new(),
        notes: Vec::new(),
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

/// The report of a case that is not played.
pub(crate) fn not_played(blank: CaseReport, not_played: NotPlayed) -> CaseReport {
    let NotPlayed { verdict, reason, obstacle } = not_played;
    CaseReport { verdict, reason: Some(reason), obstacle, ..blank }
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

/// The report of a case in which the gateway or the harness failed.
pub(crate) fn not_done(case: &Case, reason: String, shared: &RunState<'_>) -> CaseReport {
    CaseReport { verdict: Verdict::Error, reason: Some(reason), ..blank(case, shared.options) }
}

/// The report of a case whose settings the gateway refuses.
pub(crate) fn not_applicable(case: &Case, reason: String, shared: &RunState<'_>) -> CaseReport {
    CaseReport { verdict: Verdict::NotApplicable, reason: Some(reason), ..blank(case, shared.options) }
}

/// The report of a case that did not start because the gateway had stopped working.
pub(crate) fn given_up(case: &Case, reason: String, shared: &RunState<'_>) -> CaseReport {
    CaseReport { verdict: Verdict::Error, reason: Some(reason), given_up: true, ..blank(case, shared.options) }
}

/// Whether the transcript and the log help the reader.
pub(super) fn is_worth_showing(report: &CaseReport, shared: &RunState<'_>) -> bool {
    shared.options.trace || report.verdict.is_failure()
}

/// Adds the transcript and the log of the gateway.
pub(crate) fn keep_records(report: &mut CaseReport, context: &CaseContext<'_>, log: &str) {
    let redactions = redactions(context);
    let kept = |text: &str| cut::middle(text, RECORD_BYTES).into_owned();
    let transcript = abridged(&context.transcript.render(&redactions));
    report.transcript = Some(kept(&transcript)).filter(|text| !text.is_empty());
    report.log = Some(kept(&redactions.apply(log))).filter(|text| !text.trim().is_empty());
}

/// The secrets of a case, which no output shows.
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
    let frequent = [
        "-> ping",
        "<- pong",
        "<- ping",
        r#"<- {"type":"event","event":"health""#,
        r#"<- {"type":"event","event":"tick""#,
    ];
    let mut out = String::with_capacity(transcript.len());
    for line in transcript.lines().filter(|line| !frequent.iter().any(|text| line.contains(text))) {
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
