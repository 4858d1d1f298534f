//! The answers of the known releases: the embedded gateway is asked the same questions at each release.

use super::Settings;
use super::answer::{Answer, Decision};
use super::ask::Asker;
use super::context::ProbeContext;
use super::question::Question;
use super::questions::{NO_SECRET, SILENCE};
use super::reference::{ReleaseAnswers, Similarity};
use super::report::ProbeReport;
use super::settings::Secret;
use super::{silence, stages};
use crate::gateway::{Gateway, GatewaySpec, Launch, LaunchError, Preparation, PrepareError, RunDirectory};
use crate::machine;
use futures_util::future::try_join_all;
use openclaw_model::{Release, releases};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::time::Duration;
use tokio::time::Instant;

/// The maximum wait for the start of an embedded gateway, and for its stop.
const START: Duration = Duration::from_secs(30);
/// The secret of an embedded gateway if that of the gateway under test is unknown.
const OTHER_SECRET: &str = "clawcheck-probe-secret";

/// The reason why the known releases could not be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReleaseAnswersError {
    /// The disk has no space for their state directories.
    #[error("not enough disk space for the embedded gateways: {0}")]
    RunDirectory(#[from] io::Error),
    /// A release is not known.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// An embedded gateway does not start.
    #[error("the embedded gateway does not start: {0}")]
    Launch(#[from] LaunchError),
}

/// Asks every known release the questions of a portrait, all releases at once.
pub(super) async fn answers(
    report: &ProbeReport,
    settings: &Settings,
    run_directory: &RunDirectory,
) -> Result<Vec<ReleaseAnswers>, ReleaseAnswersError> {
    let references = releases::known_releases().map(|release| reference(release, report, settings, run_directory));
    try_join_all(references).await
}

async fn reference(
    release: Release,
    report: &ProbeReport,
    settings: &Settings,
    run_directory: &RunDirectory,
) -> Result<ReleaseAnswers, ReleaseAnswersError> {
    let gateway = Gateway::prepare(&GatewaySpec::Embedded(Some(release)), &Preparation::default(), &|_| {}).await?;
    let sandbox = run_directory.sandbox()?;
    let launch = Launch {
        sandbox: &sandbox,
        state_dir: None,
        openclaw_json: configuration(report, &settings.secret),
        environment: BTreeMap::new(),
        // Its clock is stopped, so the question about the silent client needs no wait.
        clock: Some(machine::now()),
        trace: None,
        deadline: Instant::now() + START,
    };
    let mut running = gateway.launch(launch).await?;
    let asker = Asker::new(&running, ProbeContext::new(&running, settings), settings);
    let was_not_asked = |question: &Question, _: &ProbeReport| {
        report.answer(question.id).is_none().then_some("the gateway was not asked")
    };
    let questioned = stages::ask(&asker, was_not_asked).await;
    drop(asker);
    let mut answers =
        questioned.answers.into_iter().map(|(question, answer)| (question.id, answer)).collect::<HashMap<_, _>>();
    if report.answer(SILENCE.id).is_some() {
        answers.insert(SILENCE.id, silence::by_clock(&mut running, settings).await);
    }
    // An embedded gateway always stops, so the result is ignored.
    let _ = running.stop(Instant::now() + START).await;
    let similarity = similarity(report, &answers);
    Ok(ReleaseAnswers { release, answers, similarity })
}

fn similarity(report: &ProbeReport, answers: &HashMap<&'static str, Answer>) -> Similarity {
    let comparable = report.answers.iter().filter(|(question, _)| report.is_comparable(question));
    let compared = comparable.filter_map(|(question, answer)| Some((answer, answers.get(question.id)?)));
    compared.fold(Similarity::default(), |similarity, (one, other)| similarity.with(one.equals(other)))
}

/// The `openclaw.json` of a reference release. It has the same kind of secret as the gateway under test, or no secret
/// if the gateway lets clients in without one.
fn configuration(report: &ProbeReport, secret: &Secret) -> Value {
    let is_open = report.answer(NO_SECRET).is_some_and(|answer| answer.decision == Decision::Granted);
    let auth = match secret {
        Secret::Token(token) => json!({ "mode": "token", "token": token }),
        Secret::Password(password) => json!({ "mode": "password", "password": password }),
        Secret::Unknown if is_open => json!({ "mode": "none" }),
        Secret::Unknown => json!({ "mode": "token", "token": OTHER_SECRET }),
    };
    json!({ "gateway": { "mode": "local", "bind": "loopback", "auth": auth } })
}
