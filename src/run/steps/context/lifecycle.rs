//! Starts and stops the gateway of a case.

use super::{CaseContext, CaseError};
use crate::gateway::{ControlError, Exit, Gateway, GatewayKind, Launch, LaunchError, Running, Sandbox};
use crate::locked::locked;
use crate::observe::{RawFrame, RawMessage, Received};
use crate::run::bindings::identities::Identities;
use crate::run::state_dir::openclaw_json::{Configuration, configuration};
use crate::run::steps::traces::Traces;
use crate::run::timeouts::{Timeouts, Wait};
use crate::scenario::gateway::GatewaySettings;
use futures_util::future::join_all;
use openclaw_emulator::TraceListener;
use openclaw_model::Release;
use std::borrow::Cow;
use std::time::Duration;
use tokio::time::Instant;
use untrusted_data::cut;
use untrusted_data::limits::LOG_BYTES;

/// Maximum time to wait for the exit of a gateway that was not reachable.
const ENDING: Duration = Duration::from_secs(1);

impl CaseContext<'_> {
    /// Starts the gateway under test, or another release of it, on the state directory of the case.
    pub(crate) async fn launch(&mut self, release: Option<Release>) -> Result<(), CaseError> {
        let other;
        self.speaking = release
            .map_or(self.release, |release| crate::run::release::compared_release(self.gateway.profile(), release));
        let gateway = match release {
            Some(release) => {
                other = self.gateway.at_release(release, &|_| {}).await?;
                &other
            }
            None => self.gateway,
        };
        self.boots += 1;
        let trace = self.traces.as_ref().map(Traces::listener);
        let start = GatewayStart { sandbox: &self.sandbox, clock: self.clock, timeouts: &self.timeouts, trace };
        let running = start.start_gateway(gateway, &self.case.scenario.gateway, &self.bindings.identities).await?;
        self.set_running(running);
        Ok(())
    }

    /// How the gateway exited, if it exited on its own. A gateway that was not reachable in a step may be about to
    /// exit.
    pub(crate) async fn exited(&mut self, was_reached: bool) -> Option<Exit> {
        let running = self.running.as_mut()?;
        if was_reached { running.exited() } else { running.wait_for_exit(Instant::now() + ENDING).await }
    }

    /// Number of gateway starts.
    pub(crate) fn boots(&self) -> usize {
        self.boots
    }

    /// Stops or kills the gateway and receives the ends of the held connections. An exit code other than 0 after a
    /// graceful stop is part of the result.
    pub(crate) async fn stop(&mut self, politely: bool) -> Result<Vec<Received<RawFrame>>, CaseError> {
        let Some(mut running) = self.running.take() else { return Ok(Vec::new()) };
        // A gateway that stops sends close frames and waits for the answers, so the connections are read meanwhile.
        let session = std::mem::take(&mut *locked(&self.sessions));
        let until = Instant::now() + self.timeouts.limit(&Wait::Stop) + self.timeouts.answer();
        let listening = session.into_iter().map(|(name, session)| async move {
            let messages = session.lock().await.listen(until, |_| false).await;
            messages.into_iter().map(move |message| Received { on: Some(name.clone()), message }).collect::<Vec<_>>()
        });
        let stopping = async {
            if politely {
                let exit = stop(&mut running, &self.timeouts).await?;
                Ok((exit.code != Some(0)).then_some(RawMessage::Exit { code: exit.code, line: None }))
            } else {
                running.kill().await.map(|()| None)
            }
        };
        let (exit, received): (Result<_, ControlError>, Vec<_>) = tokio::join!(stopping, join_all(listening));
        self.clock = running.now();
        self.log(&running.logs());
        let exit = exit?.map(|message| Received { on: None, message });
        Ok(exit.into_iter().chain(received.into_iter().flatten()).collect())
    }

    /// Adds the log of a stopped gateway. After many starts, the first and the last logs remain.
    fn log(&mut self, lines: &str) {
        self.logged.push_str(lines);
        if let Cow::Owned(cut) = cut::middle(&self.logged, LOG_BYTES) {
            self.logged = cut;
        }
    }

    /// Stops the running gateways and returns all logs.
    pub(crate) async fn end(&mut self) -> String {
        // Drop the connections first: nobody reads them any more, and the gateway would wait for their close frames.
        locked(&self.sessions).clear();
        if self.gateway.profile().kind != GatewayKind::Attached
            && let Some(running) = &mut self.running
        {
            let _ = stop(running, &self.timeouts).await;
        }
        if let Some(running) = self.running.take() {
            self.log(&running.logs());
        }
        std::mem::take(&mut self.logged)
    }
}

/// One start of a gateway, for one or more cases.
pub(crate) struct GatewayStart<'a> {
    pub(crate) sandbox: &'a Sandbox,
    /// Where the embedded gateway's clock starts.
    pub(crate) clock: i64,
    pub(crate) timeouts: &'a Timeouts,
    /// Receives the explanations of the embedded gateway's answers.
    pub(crate) trace: Option<TraceListener>,
}

impl GatewayStart<'_> {
    /// Starts a gateway with the settings of a scenario and the secrets of its identities.
    pub(crate) async fn start_gateway(
        &self,
        gateway: &Gateway,
        settings: &GatewaySettings,
        identities: &Identities,
    ) -> Result<Running, LaunchError> {
        let Configuration { openclaw_json, environment } = configuration(settings, identities);
        let launch = Launch {
            sandbox: self.sandbox,
            state_dir: None,
            openclaw_json,
            environment,
            clock: (gateway.profile().kind == GatewayKind::Embedded).then_some(self.clock),
            trace: self.trace.clone(),
            deadline: Instant::now() + self.timeouts.limit(&Wait::Start),
        };
        let began = Instant::now();
        let launched = gateway.launch(launch).await;
        match &launched {
            Ok(_) => self.timeouts.came(&Wait::Start, began.elapsed()),
            Err(LaunchError::NeverListened { .. }) => self.timeouts.missed(&Wait::Start, began.elapsed()),
            Err(_) => {}
        }
        launched
    }
}

/// Stops a gateway as its operator would, and kills it after the deadline.
pub(crate) async fn stop(running: &mut Running, timeouts: &Timeouts) -> Result<Exit, ControlError> {
    let (began, limit) = (Instant::now(), timeouts.limit(&Wait::Stop));
    let exit = running.stop(began + limit).await?;
    match began.elapsed() {
        took if took < limit => timeouts.came(&Wait::Stop, took),
        took => timeouts.missed(&Wait::Stop, took),
    }
    Ok(exit)
}
