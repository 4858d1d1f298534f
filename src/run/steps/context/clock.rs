//! The clock of a case's gateway: the embedded gateway's own clock, or the clock of the machine.

use super::{CaseContext, CaseError};
use crate::gateway::{Gateway, GatewayKind, Running};
use std::time::Duration;
use tokio::time::Instant;

/// The start of the embedded gateway's clock. It is a fixed day, so a case is the same every time.
const EMBEDDED_START: i64 = 1_775_000_000_000;
/// The time that the clock advances between steps, in milliseconds, so that events in two steps have different times.
const TICK_MS: u64 = 5;
/// Maximum time for the machine's clock to advance by the same time.
const TICKING: Duration = Duration::from_secs(1);

impl CaseContext<'_> {
    /// The current time of the gateway's clock.
    pub(crate) fn now(&self) -> i64 {
        self.running.as_ref().map_or_else(
            || if self.gateway.profile().kind == GatewayKind::Embedded { self.clock } else { real_now() },
            Running::now,
        )
    }

    /// Advances the clock between two steps.
    pub(crate) async fn tick(&mut self) {
        if self.gateway.profile().kind == GatewayKind::Embedded {
            let _ = self.advance(Duration::from_millis(TICK_MS)).await;
        } else {
            // Two steps in the same millisecond could not be distinguished in the store. The machine's clock cannot be
            // awaited, so it is polled. If the clock is set back meanwhile, the loop ends at its deadline.
            let (before, deadline) = (real_now(), Instant::now() + TICKING);
            while real_now() <= before + 1 && Instant::now() < deadline {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        self.bindings.set_now(self.now());
        self.steps_began.push(self.now());
    }

    /// Sets the start of the case to the current time. Records that connections created before then have the age of a
    /// written store.
    pub(crate) async fn begin_after_setup(&mut self) {
        self.tick().await;
        self.steps_began.clear();
        self.started_at = self.now();
    }

    /// Moves the gateway's clock.
    pub(crate) async fn advance(&mut self, by: Duration) -> Result<(), CaseError> {
        match &mut self.running {
            Some(running) => running.advance(by).await?,
            None => self.clock = self.clock.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)),
        }
        self.bindings.set_now(self.now());
        Ok(())
    }

    pub(crate) fn has_own_clock(&self) -> bool {
        self.gateway.profile().kind == GatewayKind::Embedded
    }
}

/// The time of the gateway's clock before it is started.
pub(crate) fn first_moment(gateway: &Gateway) -> i64 {
    match gateway.profile().kind {
        GatewayKind::Embedded => EMBEDDED_START,
        GatewayKind::Spawned | GatewayKind::Attached => real_now(),
    }
}

pub(super) fn real_now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
