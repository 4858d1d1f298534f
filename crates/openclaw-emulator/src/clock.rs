//! The clock of the embedded gateway: the machine's clock, or a clock that the harness moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The source of a gateway's time.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    Real,
    /// A clock that stands still until it is moved. Gateways and clients can share one.
    Manual(Arc<ManualClock>),
}

impl Clock {
    /// A manual clock that starts at the machine's time.
    pub fn manual() -> Self {
        Self::Manual(Arc::new(ManualClock::starting_at(real_now())))
    }

    /// The current time, in milliseconds since 1970.
    pub fn now(&self) -> i64 {
        match self {
            Self::Real => real_now(),
            Self::Manual(clock) => clock.now(),
        }
    }
}

/// A clock that stands still until it is moved, and never goes back.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock with this time, in milliseconds since 1970.
    pub fn starting_at(now: i64) -> Self {
        Self(AtomicI64::new(now))
    }

    /// The current time, in milliseconds since 1970.
    pub fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Moves the clock to this time. An earlier time has no effect. A gateway is notified only by
    /// [`EmbeddedGateway::advance`](super::EmbeddedGateway::advance), which calls this.
    pub fn move_to(&self, now: i64) {
        self.0.fetch_max(now, Ordering::SeqCst);
    }
}

/// The duration until a time on the machine's clock. Zero if it has passed.
pub(super) fn real_delay(until: i64) -> Duration {
    Duration::from_millis(until.saturating_sub(real_now()).try_into().unwrap_or(0))
}

fn real_now() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manual_clock_is_monotonic() {
        let clock = ManualClock::starting_at(1000);
        clock.move_to(1500);
        clock.move_to(1200);
        assert_eq!(clock.now(), 1500);
    }

    #[test]
    fn past_time_has_no_delay() {
        assert_eq!(real_delay(0), Duration::ZERO);
        assert!(real_delay(real_now() + 60_000) > Duration::from_secs(59));
    }
}
