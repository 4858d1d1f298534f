//! Tests a gateway with about 60 short questions, without scenarios, and finds the known release with the most equal
//! answers.
//!
//! Each question is one short connection ([`questions`]). To get the answers of the known releases, the same questions
//! are sent to the embedded gateway at each release ([`known`]). Answers are compared in their normal form
//! ([`answer`]), which contains codes and decisions but no message texts.
//!
//! Questions that could leave a record in the pairing store of a gateway are asked only if the user allows it, or if
//! clawcheck started the gateway ([`SideEffect`](question::Leaves)).

mod answer;
mod answer_timeouts;
mod ask;
mod context;
mod describe;
mod known;
mod question;
mod questions;
mod render;
mod report;
mod silence;
mod stages;
#[cfg(test)]
mod tests;

pub(crate) use context::Secret;
pub(crate) use describe::{Described, Start, describe};
pub(crate) use known::ReleaseAnswersError;
pub(crate) use render::Format;
pub(crate) use report::ProbeReport;

use crate::gateway::{Running, Workspace};
use ask::Asker;
use context::ProbeContext;
use std::net::IpAddr;
use std::time::Duration;

/// The default maximum wait for the gateway to close the connection of a silent client. It is longer than the shortest
/// handshake timeout of the known releases. An option of `probe` sets a longer wait.
pub(crate) const SILENCE_WAIT: Duration = Duration::from_secs(4);

/// How a gateway is asked.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The shared secret of the gateway, as far as it is known.
    pub(crate) secret: Secret,
    /// Whether questions may leave records in the gateway's pairing store.
    pub(crate) writes: bool,
    /// The address that the gateway sees. `None`: loopback.
    pub(crate) peer: Option<IpAddr>,
    /// The maximum wait for the gateway to give up on a silent client.
    pub(crate) silence: Duration,
    /// The maximum wait for one answer.
    pub(crate) answer: Duration,
    /// The maximum time for all questions together.
    pub(crate) total: Duration,
}

impl Settings {
    /// Settings for a gateway with this secret.
    pub(crate) fn new(secret: Secret, writes: bool) -> Self {
        Self {
            secret,
            writes,
            peer: None,
            silence: SILENCE_WAIT,
            answer: Duration::from_secs(5),
            total: Duration::from_secs(60),
        }
    }
}

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
    report
}

/// Compares a portrait with the answers of all known releases.
///
/// # Errors
/// An embedded gateway could not be started.
pub(crate) async fn compare(
    report: &mut ProbeReport,
    settings: &Settings,
    workspace: &Workspace,
) -> Result<(), ReleaseAnswersError> {
    report.references = known::answers(report, settings, workspace).await?;
    Ok(())
}
