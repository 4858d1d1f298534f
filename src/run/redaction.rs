//! Removes secrets from all output of a run, as the last step before the output, regardless of the origin of the text.

use crate::judge::{Difference, Finding, FrameFinding};
use crate::run::outcome::{CaseReport, FrameTally, RunInfo, RunReport};
use untrusted_data::Redactions;

/// Redacts the report of a case. The observation contains no secrets: see [`crate::observe::normalise_redacted`].
pub(super) fn case(report: &mut CaseReport, secrets: &Redactions) {
    let redact = |text: &mut String| *text = secrets.apply_known(text);
    [&mut report.title, &mut report.rerun].into_iter().for_each(redact);
    report.reason.iter_mut().chain(&mut report.transcript).chain(&mut report.log).for_each(redact);
    report.about.iter_mut().chain(&mut report.links).for_each(redact);
    report.findings.iter_mut().for_each(|finding| self::finding(finding, secrets));
    let differences = report.differences.iter_mut().chain(&mut report.release_differences);
    differences.for_each(|difference| self::difference(difference, secrets));
    report.notes.iter_mut().flat_map(|note| [&mut note.step, &mut note.note]).for_each(redact);
    report.frames.iter_mut().for_each(|tally| frames(tally, secrets));
}

/// Redacts the data that is known when a run begins.
pub(super) fn info(info: &mut RunInfo, secrets: &Redactions) {
    let gateway = &mut info.gateway;
    for text in [&mut gateway.name, &mut gateway.program]
        .into_iter()
        .chain(&mut gateway.notes)
        .chain(&mut gateway.notes_on_verdicts)
    {
        *text = secrets.apply_known(text);
    }
}

/// Redacts the report of a run.
pub(super) fn run(report: &mut RunReport, secrets: &Redactions) {
    let given_up = report.boots.iter_mut().flat_map(|boots| &mut boots.given_up);
    for text in report.left_behind.iter_mut().chain(given_up) {
        *text = secrets.apply(text);
    }
    report.frames.iter_mut().for_each(|tally| frames(tally, secrets));
    if let Some(version) = report.closest.as_mut().and_then(|closest| closest.version.as_mut()) {
        *version = secrets.apply(version);
    }
}

fn finding(finding: &mut Finding, secrets: &Redactions) {
    let redact = |text: &mut String| *text = secrets.apply_known(text);
    match finding {
        Finding::Expectation { step, expected, seen, .. } => [step, expected, seen].into_iter().for_each(redact),
        Finding::Frame(FrameFinding { connection, frame, pointer, message, text, .. }) => {
            [connection, frame, pointer, message, text].into_iter().for_each(redact);
        }
        // Both are derived from observations.
        Finding::Snapshot { .. } | Finding::NoSnapshot { .. } => {}
    }
}

/// Redacts a difference, because an expectation can contain a secret.
fn difference(difference: &mut Difference, secrets: &Redactions) {
    let Difference { kind: _, what, place, expected, seen, requires: _ } = difference;
    [what, place, expected, seen].into_iter().for_each(|text| *text = secrets.apply_known(text));
}

fn frames(tally: &mut FrameTally, secrets: &Redactions) {
    let names = std::mem::take(&mut tally.payload_not_described);
    tally.payload_not_described = names.iter().map(|name| secrets.apply_known(name)).collect();
}
