//! A gateway that clawcheck did not start.

use super::control_error::ControlError;
use super::launch::LaunchError;
use super::profile::{Capability, GatewayKind, Profile};
use super::spawned::readiness::TLS_CHECK_TIMEOUT;
use crate::client::{Connection, Link, OpenError, Transcript, Upgrade, UrlError};
use openclaw_model::Release;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use tokio::time::Instant;

/// A URL, and the properties of its gateway that the user specified.
#[derive(Debug, Clone)]
pub(super) struct Attached {
    url: String,
    host: String,
    port: u16,
    path: String,
    state_dir: Option<PathBuf>,
}

impl Attached {
    pub(super) fn new(url: &str, state_dir: Option<PathBuf>) -> Result<Self, UrlError> {
        let (link, path) = Link::from_url(url)?;
        let Link::Tcp { host, port } = link else { return Err(UrlError::Scheme(url.to_owned())) };
        Ok(Self { url: url.to_owned(), host, port, path, state_dir })
    }

    pub(super) fn profile(&self, claims: Option<Release>) -> Profile {
        let unavailable_reason = [
            Capability::StoreRead,
            Capability::StoreWrite,
            Capability::StoreFiles,
            Capability::Config,
            Capability::Environment,
            Capability::Restart,
            Capability::OtherRelease,
            Capability::PeerAddress,
            Capability::Clock,
            Capability::Logs,
        ];
        let mut can: BTreeSet<_> =
            Capability::ALL.iter().copied().filter(|capability| !unavailable_reason.contains(capability)).collect();
        let mut notes =
            vec!["clawcheck cannot change its configuration or clock, read its log or restart it".to_owned()];
        if self.state_dir.is_some() {
            can.insert(Capability::StoreRead);
        } else {
            notes.push(
                "clawcheck cannot read its pairing store (--state-dir names it) and does not observe what it writes"
                    .into(),
            );
        }
        Profile { claims, can, notes, ..Profile::new(GatewayKind::Attached, self.shown(), self.shown()) }
    }

    /// Tries one upgrade, so that a missing gateway is reported once and not once per case.
    pub(super) async fn check(&self, deadline: Instant) -> Result<(), LaunchError> {
        let upgrade = Upgrade { path: self.path.clone(), ..Upgrade::default() };
        let recorder = Transcript::new().recorder("probe");
        if let Err(error) = Connection::open(self.tcp(), &upgrade, recorder, deadline).await {
            let soon = deadline.min(Instant::now() + TLS_CHECK_TIMEOUT);
            return Err(self.unreachable(&Connection::diagnose(error, self.tcp(), soon).await));
        }
        Ok(())
    }

    fn unreachable(&self, error: &OpenError) -> LaunchError {
        if let OpenError::Machine(why) = error {
            return LaunchError::Harness((*why).to_owned());
        }
        let path = self.path.split('?').next().unwrap_or_default();
        let advice = error.advice(path, "at the end of the URL");
        let reason = advice.map_or_else(|| error.to_string(), |advice| format!("{error}; {advice}"));
        LaunchError::Unreachable { url: self.shown(), reason }
    }

    pub(super) fn link(&self, peer: Option<IpAddr>) -> Result<Link, ControlError> {
        peer.map_or_else(|| Ok(self.tcp()), |peer| Err(ControlError::PeerAddress(peer)))
    }

    pub(super) fn state_dir(&self) -> Option<&Path> {
        self.state_dir.as_deref()
    }

    /// The URL path for WebSockets.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The URL without its query, which may hold a secret.
    fn shown(&self) -> String {
        self.url.split(['?', '#']).next().unwrap_or_default().to_owned()
    }

    fn tcp(&self) -> Link {
        Link::Tcp { host: self.host.clone(), port: self.port }
    }
}
