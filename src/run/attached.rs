//! The first contact with a gateway at a URL: whether it answers, and the version that it names.

use super::breaker::GatewayFailure;
use super::case::failed_start;
use super::steps::actions::store_place::StorePlace;
use super::steps::context::{CaseContext, CaseError};
use super::timeouts::{Timeouts, Wait};
use super::{RunError, RunState};
use crate::gateway::{Capability, Gateway, Launch, RunDirectory};
use crate::observe::StepEvidence;
use crate::scenario::{Case, Corpus};
use openclaw_model::{Facts, Release};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use tokio::sync::watch;
use tokio::time::Instant;
use untrusted_data::cut;

/// The maximum length of a version in a note, in characters.
const VERSION: usize = 40;

/// A connect without a device and without scopes, with every protocol of the known releases. It sends the shared token, if
/// there is one.
fn probe(token: Option<&str>) -> io::Result<Corpus> {
    let auth = if token.is_some() { "" } else { ", auth: none" };
    let connect = format!("{{ device: none, role: operator, scopes: [], protocol: [3, 4]{auth} }}");
    let text = format!("scenario: Knock\nsteps:\n  - connect: {connect}\n");
    Corpus::written(Path::new("clawcheck/probe.yaml"), &text).map_err(io::Error::other)
}

fn context<'a>(
    case: &'a Case,
    gateway: &'a Gateway,
    release: Release,
    shared: &RunState<'_>,
) -> io::Result<CaseContext<'a>> {
    let (sandbox, token) = (shared.run_directory.sandbox()?, shared.options.token.as_deref());
    let mut context = CaseContext::new(case, gateway, sandbox, release, token);
    context.timeouts = shared.timeouts.clone();
    Ok(context)
}

/// Whether the gateway accepts a connection. The client sends nothing on it.
pub(super) async fn is_there(
    gateway: &Gateway,
    run_directory: &RunDirectory,
    timeouts: &Timeouts,
) -> Result<(), RunError> {
    let sandbox = run_directory.sandbox().map_err(RunError::RunDirectory)?;
    let launch = Launch {
        sandbox: &sandbox,
        state_dir: None,
        openclaw_json: Value::Null,
        environment: BTreeMap::new(),
        clock: None,
        trace: None,
        deadline: Instant::now() + timeouts.limit(&Wait::Start),
    };
    gateway.launch(launch).await?;
    Ok(())
}

/// The answer of the gateway to a connect that leaves no record.
#[derive(Debug, Default)]
pub(super) struct Greeting {
    /// Whether the gateway reports that its shared token differs from the token of the run.
    pub(super) rejects_token: bool,
    /// `server.version` of its hello-ok.
    pub(super) version: Option<String>,
}

impl Greeting {
    fn of(steps: &[StepEvidence]) -> Self {
        let received = steps.iter().flat_map(|step| &step.received);
        let frames = received.filter_map(|received| received.message.frame()).collect::<Vec<_>>();
        let first = |pointer: &str| frames.iter().find_map(|frame| frame.pointer(pointer)?.as_str().map(str::to_owned));
        Self {
            rejects_token: first("/error/details/code").as_deref() == Some("AUTH_TOKEN_MISMATCH"),
            version: first("/payload/server/version"),
        }
    }

    /// A note about the release that the gateway is compared with, and the version in its hello-ok.
    pub(super) fn note(&self, compared: Option<Release>) -> Option<String> {
        let version = self.version.as_deref()?;
        match (self.release(), compared) {
            (None, None) => {
                Some(format!("its hello-ok says version {}, which is not a known release", cut::line(version, VERSION)))
            }
            (None, Some(_)) => None,
            (Some(release), compared) if compared == Some(release) => Some(format!(
                "its hello-ok says version {release}, so its answers are compared with those of {release}"
            )),
            // A mismatch is reported with the release that the answers are closest to.
            (Some(_), _) => None,
        }
    }

    /// The release in `server.version` of the gateway, if its rules are known.
    pub(super) fn release(&self) -> Option<Release> {
        let release = self.version.as_deref()?.parse::<Release>().ok()?;
        Facts::of(release).is_ok().then_some(release)
    }
}

/// Connects once to read the version of the gateway. The connect leaves no record. The cases report an unexpected or
/// missing answer.
pub(super) async fn greeting(gateway: &Gateway, release: Release, shared: &RunState<'_>) -> io::Result<Greeting> {
    let corpus = probe(shared.options.token.as_deref())?;
    let [case] = corpus.cases() else { return Ok(Greeting::default()) };
    let mut context = context(case, gateway, release, shared)?;
    let steps = context.perform().await;
    context.end().await;
    match &steps {
        Err(CaseError::Launch(error)) => failed_start::failed(error, &case.scenario.gateway, gateway, shared).await,
        Err(error) => GatewayFailure::of(error).iter().for_each(|dead| shared.breaker.failed(dead)),
        Ok(_) => {}
    }
    Ok(Greeting::of(&steps.unwrap_or_default()))
}

/// Checks that the gateway keeps its pairing store in the directory that the user named. The run must be allowed to write
/// to the gateway: the check pairs a device and removes it.
///
/// # Errors
/// The store of the gateway is in another directory, or cannot be read.
pub(super) async fn check_state_dir(
    gateway: &Gateway,
    release: Release,
    greeting: &Greeting,
    shared: &RunState<'_>,
    stop: &watch::Receiver<bool>,
) -> Result<(), RunError> {
    let is_read = gateway.profile().can(Capability::StoreRead);
    // A gateway that refuses this client would also count a second attempt.
    if !shared.cleans_up() || !is_read || greeting.version.is_none() {
        return Ok(());
    }
    let corpus = probe(shared.options.token.as_deref()).map_err(RunError::RunDirectory)?;
    let [case] = corpus.cases() else { return Ok(()) };
    let mut context = context(case, gateway, release, shared).map_err(RunError::RunDirectory)?;
    // The cases report an error.
    let (place, left) = match context.perform().await {
        Ok(_) => context.store_place(stop).await,
        Err(_) => (StorePlace::Plausible, Vec::new()),
    };
    context.end().await;
    shared.left_behind(left);
    match place {
        StorePlace::Plausible => Ok(()),
        StorePlace::Elsewhere(directory, waited) => Err(RunError::OtherStore { directory, waited }),
        StorePlace::Unreadable(path) => Err(RunError::UnreadableStore(path)),
    }
}
