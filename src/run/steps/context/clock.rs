//! The clock of a case's gateway: the embedded gateway's own clock, or the clock of the machine.

use super::{CaseContext, CaseError};
use crate::gateway::{GatewayKind, Running};
use crate::machine;
use std::time::Duration;
use tokio::time::Instant;

/// The time that the clock advances between steps, in milliseconds, so that events in two steps have different times.
const TICK_MS: u64 = 5;
/// Maximum time for the machine's clock to advance by the same time.
const TICKING: Duration = Duration::from_secs(1);

impl CaseContext<'_> {
    /// The current time of the gateway's clock.
    pub(crate) fn now(&self) -> i64 {
        self.running.as_ref().map_or_else(
            || if self.gateway.profile().kind == GatewayKind::Embedded { self.clock } else { machine::now() },
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
            let (before, deadline) = (machine::now(), Instant::now() + TICKING);
            while machine::now() <= before + 1 && Instant::now() < deadline {
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
