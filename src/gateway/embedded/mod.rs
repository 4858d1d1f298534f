//! The embedded gateway, which runs in this process.

#[cfg(test)]
mod tests;

use super::control_error::ControlError;
use super::launch::{Exit, Launch, LaunchError};
use super::profile::{GatewayKind, Profile};
use super::template::gateway_defaults;
use super::template::merge_defaults;
use crate::client::Link;
use openclaw_emulator::{Clock, EmbeddedGateway, EmbeddedOptions, ManualClock, StartError};
use openclaw_model::Release;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The port that the gateway reports. Nobody listens on this port. A scenario cannot name the port of a spawned
/// gateway in an Origin or Host header, and the same must hold here. The default port is the worst choice: 2026.9.6
/// treats a page from the gateway's own port differently.
const PORT: u16 = 40_189;

/// A gateway that runs in this process.
pub(super) struct Embedded {
    /// `None` after the gateway was stopped.
    gateway: Option<EmbeddedGateway>,
    clock: Clock,
    state_dir: PathBuf,
    /// The log of the gateway when it was stopped.
    last_log: String,
}

pub(super) fn profile(name: String, release: Release) -> Profile {
    Profile { claims: Some(release), ..Profile::new(GatewayKind::Embedded, name, "clawcheck".to_owned()) }
}

pub(super) fn launch(release: Release, launch: &Launch<'_>) -> Result<Embedded, LaunchError> {
    let state_dir = launch.state_dir.clone().unwrap_or_else(|| launch.sandbox.state_dir());
    let mut config = launch.openclaw_json.clone();
    merge_defaults(&mut config, &gateway_defaults());
    let mut options = EmbeddedOptions::new(release, config, &state_dir);
    options.port = Some(PORT);
    options.env = launch.environment.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let documents = launch.sandbox.documents().filter(|_| launch.state_dir.is_none()).cloned();
    options.documents = documents.map(|documents| Box::new(documents) as Box<_>);
    let clock = launch.clock.map_or(Clock::Real, |now| Clock::Manual(Arc::new(ManualClock::starting_at(now))));
    options.clock = clock.clone();
    options.trace.clone_from(&launch.trace);
    let gateway = EmbeddedGateway::start(options).map_err(refusal)?;
    Ok(Embedded { gateway: Some(gateway), clock, state_dir, last_log: String::new() })
}

fn refusal(error: StartError) -> LaunchError {
    match error {
        StartError::Refused(refusal) => {
            LaunchError::Refused { code: refusal.exit_code, reason: refusal.lines.join("\n") }
        }
        other => LaunchError::Harness(other.to_string()),
    }
}

impl Embedded {
    pub(super) fn link(&self, peer: Option<IpAddr>) -> Result<Link, ControlError> {
        let gateway = self.gateway.as_ref().ok_or(ControlError::Down)?;
        let stream = Box::new(gateway.connect(peer.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))));
        Ok(Link::Pipe { stream, authority: format!("{}:{}", Ipv4Addr::LOCALHOST, PORT) })
    }

    pub(super) fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    pub(super) fn logs(&self) -> String {
        self.gateway.as_ref().map_or_else(|| self.last_log.clone(), |gateway| gateway.logs().join("\n"))
    }

    pub(super) fn now(&self) -> i64 {
        self.clock.now()
    }

    pub(super) async fn advance(&self, by: Duration) -> Result<(), ControlError> {
        let gateway = self.gateway.as_ref().ok_or(ControlError::Down)?;
        if matches!(self.clock, Clock::Real) {
            return Err(ControlError::Clock);
        }
        gateway.advance(by).await;
        Ok(())
    }

    pub(super) async fn written(&self) {
        if let Some(gateway) = &self.gateway {
            gateway.written().await;
        }
    }

    pub(super) async fn stop(&mut self, deadline: Instant) -> Exit {
        self.last_log = self.logs();
        if let Some(gateway) = self.gateway.take() {
            // After the deadline, the unfinished stop is dropped, which cuts the remaining connections.
            let _ = timeout_at(deadline, gateway.stop()).await;
        }
        Exit { code: Some(0), signal: None }
    }

    pub(super) fn kill(&mut self) {
        self.last_log = self.logs();
        drop(self.gateway.take());
    }
}
