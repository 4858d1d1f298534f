//! A running gateway.

use super::attached::Attached;
use super::control_error::ControlError;
use super::embedded::Embedded;
use super::launch::Exit;
use super::spawned::Spawned;
use crate::client::{Link, Upgrade};
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// A running gateway of any kind. A drop ends it immediately.
pub struct Running {
    pub(super) inner: RunningKind,
    /// The URL path for WebSockets.
    pub(super) path: String,
}

pub(super) enum RunningKind {
    Embedded(Box<Embedded>),
    Spawned(Box<Spawned>),
    Attached(Attached),
}

impl Running {
    /// Returns a new link to the gateway. `peer` is the address that the connection comes from. `None` is plain
    /// loopback.
    ///
    /// # Errors
    /// Returns an error if the gateway does not run, or cannot be reached from this address.
    pub fn link(&self, peer: Option<IpAddr>) -> Result<Link, ControlError> {
        match &self.inner {
            RunningKind::Embedded(embedded) => embedded.link(peer),
            RunningKind::Spawned(spawned) => spawned.link(peer),
            RunningKind::Attached(attached) => attached.link(peer),
        }
    }

    /// Returns the upgrade request of a plain client: the gateway's WebSocket path without further headers.
    pub fn upgrade(&self) -> Upgrade {
        Upgrade { path: self.path.clone(), ..Upgrade::default() }
    }

    /// The state directory, if clawcheck can access it.
    pub fn state_dir(&self) -> Option<&Path> {
        match &self.inner {
            RunningKind::Embedded(embedded) => Some(embedded.state_dir()),
            RunningKind::Spawned(spawned) => spawned.state_dir(),
            RunningKind::Attached(attached) => attached.state_dir(),
        }
    }

    /// The port that the gateway listens on. `None` for a gateway in this process.
    pub fn port(&self) -> Option<u16> {
        match &self.inner {
            RunningKind::Embedded(_) => None,
            RunningKind::Spawned(spawned) => Some(spawned.port()),
            RunningKind::Attached(attached) => Some(attached.port()),
        }
    }

    /// The kept part of the gateway's log. It is not redacted.
    pub fn logs(&self) -> String {
        match &self.inner {
            RunningKind::Embedded(embedded) => embedded.logs(),
            RunningKind::Spawned(spawned) => spawned.logs(),
            RunningKind::Attached(_) => String::new(),
        }
    }

    /// The time of the gateway's clock, in milliseconds since 1970.
    pub fn now(&self) -> i64 {
        match &self.inner {
            RunningKind::Embedded(embedded) => embedded.now(),
            RunningKind::Spawned(_) | RunningKind::Attached(_) => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
            }
        }
    }

    /// Moves the gateway's clock. Everything that becomes due happens before this returns.
    ///
    /// # Errors
    /// Returns an error if clawcheck does not control the clock.
    pub async fn advance(&mut self, by: Duration) -> Result<(), ControlError> {
        match &self.inner {
            RunningKind::Embedded(embedded) => embedded.advance(by).await,
            RunningKind::Spawned(_) | RunningKind::Attached(_) => Err(ControlError::Clock),
        }
    }

    /// Waits until an embedded gateway has written everything from earlier messages to its store. Other gateways do
    /// not report this, so for them this returns immediately.
    pub(crate) async fn written(&self) {
        if let RunningKind::Embedded(embedded) = &self.inner {
            embedded.written().await;
        }
    }

    /// Stops the gateway with SIGTERM, as an operator would, and kills it after the deadline. Its store is then on
    /// disk.
    ///
    /// # Errors
    /// Returns an error if clawcheck did not start the gateway.
    pub async fn stop(&mut self, deadline: Instant) -> Result<Exit, ControlError> {
        match &mut self.inner {
            RunningKind::Embedded(embedded) => Ok(embedded.stop(deadline).await),
            RunningKind::Spawned(spawned) => Ok(spawned.stop(deadline).await),
            RunningKind::Attached(_) => Err(ControlError::NotOurs),
        }
    }

    /// Ends the gateway immediately, like a crash.
    ///
    /// # Errors
    /// Returns an error if clawcheck did not start the gateway.
    pub async fn kill(&mut self) -> Result<(), ControlError> {
        match &mut self.inner {
            RunningKind::Embedded(embedded) => {
                embedded.kill();
                Ok(())
            }
            RunningKind::Spawned(spawned) => {
                spawned.kill().await;
                Ok(())
            }
            RunningKind::Attached(_) => Err(ControlError::NotOurs),
        }
    }

    /// Waits for the exit of the gateway until the deadline, and returns its exit status if it exits by itself. The
    /// wait is necessary because the system reports the end of a process after the end of its connections.
    pub async fn wait_for_exit(&mut self, deadline: Instant) -> Option<Exit> {
        match &mut self.inner {
            RunningKind::Spawned(spawned) => spawned.wait_for_exit(deadline).await,
            RunningKind::Embedded(_) | RunningKind::Attached(_) => None,
        }
    }

    /// Returns the exit status if the gateway has exited by itself.
    pub fn exited(&mut self) -> Option<Exit> {
        match &mut self.inner {
            RunningKind::Spawned(spawned) => spawned.exited(),
            RunningKind::Embedded(_) | RunningKind::Attached(_) => None,
        }
    }
}
