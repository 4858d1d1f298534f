//! Determines the maximum wait for each answer.

use std::cell::Cell;
use std::time::Duration;
use tokio::time::Instant;

/// The wait for a kind of answer that did not arrive before.
const BRIEF: Duration = Duration::from_millis(250);
/// The minimum wait for a gateway that has answered, and the maximum wait as a multiple of its slowest answer.
const LEAST: Duration = Duration::from_secs(2);
const TIMES_THE_SLOWEST: u32 = 10;
/// After this number of waits, the wait for a gateway that never answered becomes short.
const MISSES: u32 = 3;

/// The waits of one probe. The wait is longer for a gateway that answers slowly, and short for a gateway that never
/// answers.
#[derive(Debug)]
pub(super) struct AnswerTimeouts {
    most: Duration,
    /// The end of the whole probe.
    end: Instant,
    slowest: Cell<Option<Duration>>,
    /// The number of consecutive waits without an answer.
    missed: Cell<u32>,
    /// The number of consecutive waits after an answer in which the gateway did not close the connection.
    left_open: Cell<u32>,
    /// Whether the last wait for a challenge timed out.
    challenge_missed: Cell<bool>,
}

impl AnswerTimeouts {
    pub(super) fn new(most: Duration, total: Duration) -> Self {
        Self {
            most,
            end: Instant::now() + total,
            slowest: Cell::new(None),
            missed: Cell::new(0),
            left_open: Cell::new(0),
            challenge_missed: Cell::new(false),
        }
    }

    /// Whether the time of the whole probe is over.
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.end
    }

    /// The deadline of a wait that begins now.
    pub(super) fn deadline(&self) -> Instant {
        (Instant::now() + self.limit()).min(self.end)
    }

    /// The deadline of a wait for a challenge.
    pub(super) fn challenge_deadline(&self) -> Instant {
        if self.challenge_missed.get() { (Instant::now() + BRIEF).min(self.end) } else { self.deadline() }
    }

    /// The deadline of a wait for the end of a connection after an answer.
    pub(super) fn close_deadline(&self) -> Instant {
        (Instant::now() + self.limit_after(self.left_open.get())).min(self.end)
    }

    fn limit(&self) -> Duration {
        self.limit_after(self.missed.get())
    }

    /// The wait after this number of consecutive waits that timed out.
    fn limit_after(&self, missed: u32) -> Duration {
        match self.slowest.get() {
            None if missed >= MISSES => BRIEF,
            None => self.most,
            // If several consecutive waits time out, the next ones will probably time out too.
            Some(slowest) if missed >= MISSES => (slowest * TIMES_THE_SLOWEST).clamp(BRIEF, self.most),
            Some(slowest) => (slowest * TIMES_THE_SLOWEST).clamp(LEAST.min(self.most), self.most),
        }
    }

    /// Something came after this time.
    pub(super) fn answered(&self, after: Duration) {
        self.slowest.set(Some(self.slowest.get().unwrap_or_default().max(after)));
        self.missed.set(0);
    }

    /// Nothing came.
    pub(super) fn missed(&self) {
        self.missed.set(self.missed.get() + 1);
    }

    /// Whether the gateway closed the connection after an answer.
    pub(super) fn closed(&self, closed: bool) {
        self.left_open.set(if closed { 0 } else { self.left_open.get() + 1 });
    }

    /// Whether a challenge came.
    pub(super) fn challenge(&self, came: bool) {
        self.challenge_missed.set(!came);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Duration = Duration::from_secs(5);

    #[test]
    fn a_gateway_that_never_answers_is_soon_waited_for_only_briefly() {
        let timeouts = AnswerTimeouts::new(MOST, MOST * 12);
        let waited = (0..50).map(|_| {
            let limit = timeouts.limit();
            timeouts.missed();
            limit
        });
        assert_eq!(waited.sum::<Duration>(), MOST * MISSES + BRIEF * 47);
    }

    #[test]
    fn a_gateway_that_never_closes_is_soon_waited_for_only_briefly() {
        let timeouts = AnswerTimeouts::new(MOST, MOST * 12);
        timeouts.answered(Duration::from_millis(2));
        (0..MISSES).for_each(|_| timeouts.closed(false));
        assert!(timeouts.close_deadline() <= Instant::now() + BRIEF);
        // The wait for answers does not change, and a gateway that closes gets the whole time again.
        assert_eq!(timeouts.limit(), LEAST);
        timeouts.closed(true);
        assert!(timeouts.close_deadline() > Instant::now() + BRIEF);
    }

    #[test]
    fn a_slow_gateway_is_waited_for_longer_and_a_fast_one_never_less_than_two_seconds() {
        let timeouts = AnswerTimeouts::new(MOST, MOST * 12);
        timeouts.answered(Duration::from_millis(2));
        assert_eq!(timeouts.limit(), LEAST);
        timeouts.answered(Duration::from_millis(300));
        assert_eq!(timeouts.limit(), Duration::from_secs(3));
        timeouts.answered(Duration::from_secs(4));
        assert_eq!(timeouts.limit(), MOST);
    }
}
