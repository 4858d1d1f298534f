//! A gateway that is up.

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

/// A gateway that is up, whatever its kind. Dropping it ends it at once.
pub struct Running {
    pub(super) inner: Inner,
    /// The path at which it takes WebSockets.
    pub(super) path: String,
}

pub(super) enum Inner {
    Embedded(Box<Embedded>),
    Spawned(Box<Spawned>),
    Attached(Attached),
}

impl Running {
    /// A fresh way to it. `peer` is the address that the connection shall come from; `None` is plain loopback.
    ///
    /// # Errors
    /// When it is down, or cannot be reached from that address.
    pub fn link(&self, peer: Option<IpAddr>) -> Result<Link, ControlError> {
        match &self.inner {
            Inner::Embedded(embedded) => embedded.link(peer),
            Inner::Spawned(spawned) => spawned.link(peer),
            Inner::Attached(attached) => attached.link(peer),
        }
    }

    /// An upgrade request as a plain client sends it to this gateway: its WebSocket path, nothing else.
    pub fn upgrade(&self) -> Upgrade {
        Upgrade { path: self.path.clone(), ..Upgrade::default() }
    }

    /// Its state directory, if it is within reach.
    pub fn state_dir(&self) -> Option<&Path> {
        match &self.inner {
            Inner::Embedded(embedded) => Some(embedded.state_dir()),
            Inner::Spawned(spawned) => spawned.state_dir(),
            Inner::Attached(attached) => attached.state_dir(),
        }
    }

    /// The port that it listens on; `None` for a gateway in this process.
    pub fn port(&self) -> Option<u16> {
        match &self.inner {
            Inner::Embedded(_) => None,
            Inner::Spawned(spawned) => Some(spawned.port()),
            Inner::Attached(attached) => Some(attached.port()),
        }
    }

    /// What it has logged, as far as it is kept. Not redacted.
    pub fn logs(&self) -> String {
        match &self.inner {
            Inner::Embedded(embedded) => embedded.logs(),
            Inner::Spawned(spawned) => spawned.logs(),
            Inner::Attached(_) => String::new(),
        }
    }

    /// The time by its clock, milliseconds since the epoch.
    pub fn now(&self) -> i64 {
        match &self.inner {
            Inner::Embedded(embedded) => embedded.now(),
            Inner::Spawned(_) | Inner::Attached(_) => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
            }
        }
    }

    /// Moves its clock on; what comes due happens before this returns.
    ///
    /// # Errors
    /// When its clock is not ours.
    pub async fn advance(&mut self, by: Duration) -> Result<(), ControlError> {
        match &self.inner {
            Inner::Embedded(embedded) => embedded.advance(by).await,
            Inner::Spawned(_) | Inner::Attached(_) => Err(ControlError::Clock),
        }
    }

    /// Waits until an embedded gateway has written to its store what came before. Any other does not say when.
    pub(crate) async fn written(&self) {
        if let Inner::Embedded(embedded) = &self.inner {
            embedded.written().await;
        }
    }

    /// Stops it as its operator would (SIGTERM), and after the deadline by force. What it was told to keep is on disk then.
    ///
    /// # Errors
    /// When it is not ours to stop.
    pub async fn stop(&mut self, deadline: Instant) -> Result<Exit, ControlError> {
        match &mut self.inner {
            Inner::Embedded(embedded) => Ok(embedded.stop(deadline).await),
            Inner::Spawned(spawned) => Ok(spawned.stop(deadline).await),
            Inner::Attached(_) => Err(ControlError::NotOurs),
        }
    }

    /// Ends it at once, as a crash does.
    ///
    /// # Errors
    /// When it is not ours to end.
    pub async fn kill(&mut self) -> Result<(), ControlError> {
        match &mut self.inner {
            Inner::Embedded(embedded) => {
                embedded.kill();
                Ok(())
            }
            Inner::Spawned(spawned) => {
                spawned.kill().await;
                Ok(())
            }
            Inner::Attached(_) => Err(ControlError::NotOurs),
        }
    }

    /// How it ended, if it does so by itself until the deadline: the system tells of a process's end after that of its
    /// connections.
    pub async fn wait_for_exit(&mut self, deadline: Instant) -> Option<Exit> {
        match &mut self.inner {
            Inner::Spawned(spawned) => spawned.wait_for_exit(deadline).await,
            Inner::Embedded(_) | Inner::Attached(_) => None,
        }
    }

    /// How it ended, if it did so by itself.
    pub fn exited(&mut self) -> Option<Exit> {
        match &mut self.inner {
            Inner::Spawned(spawned) => spawned.exited(),
            Inner::Embedded(_) | Inner::Attached(_) => None,
        }
    }
}
