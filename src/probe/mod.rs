//! Tests a gateway with about 60 short questions, without scenarios, and finds the known release with the most equal
//! answers.
//!
//! Each question is one short connection ([`questions`]). To get the answers of the known releases, the same questions
//! are sent to the embedded gateway at each release ([`known`]). Answers are compared in their normal form
//! ([`answer`]), which contains codes and decisions but no message texts.
//!
//! Questions that could leave a record in the pairing store of a gateway are asked only if the user allows it, or if
//! clawcheck started the gateway.

mod answer;
mod ask;
mod connect;
mod context;
mod describe;
mod known;
mod question;
mod questions;
mod reference;
mod render;
mod report;
mod settings;
mod silence;
mod stages;
#[cfg(test)]
mod tests;

pub(crate) use describe::{Described, Start, describe, to_check};
pub(crate) use known::ReleaseAnswersError;
pub(crate) use report::ProbeReport;
pub(crate) use settings::{SILENCE_WAIT, Secret, Settings};

use crate::gateway::{RunDirectory, Running};
use ask::Asker;
use context::ProbeContext;

/// Asks a gateway all questions that its state allows.
pub(crate) async fn probe(running: &Running, settings: &Settings) -> ProbeReport {
    // The silent client waits while the other questions are asked.
    let asker = Asker::new(running, ProbeContext::new(running, settings), settings);
    let (mut report, silence) = tokio::join!(
        stages::ask(&asker, |question, so_far| asker.reason_not_to_ask(question, so_far)),
        silence::by_waiting(running, settings)
    );
    report.add(&questions::SILENCE, silence);
    report.version = asker.version();
    report.methods = asker.methods();
    report.issued = asker.issued();
    report.proof_secret = settings.proof_secret();
    report
}

/// Compares a portrait with the answers of all known releases.
///
/// # Errors
/// An embedded gateway could not be started.
pub(crate) async fn compare(
    report: &mut ProbeReport,
    settings: &Settings,
    run_directory: &RunDirectory,
) -> Result<(), ReleaseAnswersError> {
    report.references = known::answers(report, settings, run_directory).await?;
    Ok(())
}
