//! Determines the maximum wait for each answer.

use std::cell::Cell;
use std::time::Duration;
use tokio::time::Instant;

/// The wait for a kind of answer that did not arrive before.
const SHORT_WAIT: Duration = Duration::from_millis(250);
/// The minimum wait for a gateway that has answered, and the maximum wait as a multiple of its slowest answer.
const MIN_TIMEOUT: Duration = Duration::from_secs(2);
const SLOWEST_ANSWER_FACTOR: u32 = 10;
/// The minimum wait for a gateway that answers some questions and gives no answer to others.
const LONGER: Duration = Duration::from_secs(10);
/// After this number of longer waits without an answer, the waits are not extended again.
const LONGER_WAITS: u32 = 2;
/// After this number of waits, the wait for a gateway that never answered becomes short.
const MISSES_BEFORE_SHORT_WAIT: u32 = 3;

/// The waits of one probe. The wait is longer for a gateway that answers slowly, and short for a gateway that never
/// answers.
#[derive(Debug)]
pub(super) struct AnswerTimeouts {
    most: Duration,
    /// The end of the whole probe.
    end: Instant,
    slowest: Cell<Option<Duration>>,
    /// The waits that timed out before the first answer. The order of questions has no effect on their number.
    silent: Cell<u32>,
    /// The consecutive waits without an answer.
    missed: TimeoutStreak,
    /// The consecutive waits after an answer in which the gateway did not close the connection.
    left_open: TimeoutStreak,
    /// Whether questions are asked at the same time.
    at_once: Cell<bool>,
    /// Whether the last wait for a challenge timed out.
    challenge_missed: Cell<bool>,
    /// The minimum wait for a gateway that has answered.
    least: Cell<Duration>,
    /// The number of longer waits without an answer.
    longer_waits: Cell<u32>,
}

/// The number of consecutive timeouts. Questions that are asked at the same time end in a random order, so they count
/// as one wait when all of them have ended. That wait timed out if all of them did.
#[derive(Debug, Default)]
struct TimeoutStreak {
    count: Cell<u32>,
    /// Whether all waits at the same time timed out. `None` if there were none.
    together: Cell<Option<bool>>,
}

impl TimeoutStreak {
    fn note(&self, timed_out: bool, at_once: bool) {
        if at_once {
            self.together.set(Some(timed_out && self.together.get().unwrap_or(true)));
        } else {
            self.count.set(if timed_out { self.count.get() + 1 } else { 0 });
        }
    }

    /// Applies the results of waits that ran at the same time, after all of them have ended.
    fn end_stage(&self) {
        if let Some(timed_out) = self.together.take() {
            self.note(timed_out, false);
        }
    }
}

impl AnswerTimeouts {
    pub(super) fn new(most: Duration, total: Duration) -> Self {
        Self {
            most,
            end: Instant::now() + total,
            slowest: Cell::new(None),
            silent: Cell::new(0),
            missed: TimeoutStreak::default(),
            left_open: TimeoutStreak::default(),
            at_once: Cell::new(false),
            challenge_missed: Cell::new(false),
            least: Cell::new(MIN_TIMEOUT),
            longer_waits: Cell::new(0),
        }
    }

    /// Begins a stage, whose questions are asked at the same time or in order. The previous stage has ended.
    pub(super) fn stage(&self, at_once: bool) {
        self.missed.end_stage();
        self.left_open.end_stage();
        self.at_once.set(at_once);
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
        if self.challenge_missed.get() { (Instant::now() + SHORT_WAIT).min(self.end) } else { self.deadline() }
    }

    /// The deadline of a wait for the end of a connection after an answer.
    pub(super) fn close_deadline(&self) -> Instant {
        (Instant::now() + self.limit_after(self.left_open.count.get())).min(self.end)
    }

    fn limit(&self) -> Duration {
        self.limit_after(self.missed.count.get())
    }

    /// The wait after this number of consecutive waits that timed out.
    fn limit_after(&self, missed: u32) -> Duration {
        match self.slowest.get() {
            None if self.silent.get() >= MISSES_BEFORE_SHORT_WAIT => SHORT_WAIT,
            None => self.most,
            // If several consecutive waits time out, the next ones will probably time out as well.
            Some(slowest) if missed >= MISSES_BEFORE_SHORT_WAIT => {
                (slowest * SLOWEST_ANSWER_FACTOR).clamp(SHORT_WAIT, self.most)
            }
            Some(slowest) => (slowest * SLOWEST_ANSWER_FACTOR).clamp(self.least.get().min(self.most), self.most),
        }
    }

    /// Makes the next waits longer, because a gateway that has answered gave no answer. Returns `false` if this has no
    /// effect or did not help before.
    pub(super) fn wait_longer(&self) -> bool {
        let is_useful = self.slowest.get().is_some() && self.longer_waits.get() < LONGER_WAITS && !self.is_over();
        if is_useful {
            self.least.set(LONGER);
            self.challenge_missed.set(false);
        }
        is_useful
    }

    /// Whether an answer came after a longer wait. The waits stay longer for a gateway that is only slow.
    pub(super) fn waited_longer(&self, answered: bool) {
        if !answered {
            self.longer_waits.set(self.longer_waits.get() + 1);
            self.least.set(MIN_TIMEOUT);
        }
    }

    /// Something came after this time.
    pub(super) fn answered(&self, after: Duration) {
        self.slowest.set(Some(self.slowest.get().unwrap_or_default().max(after)));
        self.missed.note(false, self.at_once.get());
    }

    /// Nothing came.
    pub(super) fn missed(&self) {
        self.silent.set(self.silent.get() + u32::from(self.slowest.get().is_none()));
        self.missed.note(true, self.at_once.get());
    }

    /// Whether the gateway closed the connection after an answer.
    pub(super) fn closed(&self, closed: bool) {
        self.left_open.note(!closed, self.at_once.get());
    }

    /// Whether a challenge came.
    pub(super) fn challenge(&self, came: bool) {
        self.challenge_missed.set(!came);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: Duration = Duration::from_secs(5);

    #[test]
    fn short_waits_for_silent_gateway() {
        let timeouts = AnswerTimeouts::new(MAX, MAX * 12);
        let waited = (0..50).map(|_| {
            let limit = timeouts.limit();
            timeouts.missed();
            limit
        });
        assert_eq!(waited.sum::<Duration>(), MAX * MISSES_BEFORE_SHORT_WAIT + SHORT_WAIT * 47);
    }

    #[test]
    fn short_waits_for_missing_close() {
        let timeouts = AnswerTimeouts::new(MAX, MAX * 12);
        timeouts.answered(Duration::from_millis(2));
        (0..MISSES_BEFORE_SHORT_WAIT).for_each(|_| timeouts.closed(false));
        assert!(timeouts.close_deadline() <= Instant::now() + SHORT_WAIT);
        // The wait for answers does not change, and a gateway that closes gets the whole time again.
        assert_eq!(timeouts.limit(), MIN_TIMEOUT);
        timeouts.closed(true);
        assert!(timeouts.close_deadline() > Instant::now() + SHORT_WAIT);
    }

    #[test]
    fn parallel_timeouts_do_not_shorten_waits() {
        let timeouts = AnswerTimeouts::new(MAX, MAX * 12);
        timeouts.answered(Duration::from_millis(2));
        timeouts.stage(true);
        (0..MISSES_BEFORE_SHORT_WAIT + 5).for_each(|_| timeouts.missed());
        (0..MISSES_BEFORE_SHORT_WAIT + 5).for_each(|_| timeouts.closed(false));
        assert_eq!(timeouts.limit(), MIN_TIMEOUT);
        assert!(timeouts.close_deadline() > Instant::now() + SHORT_WAIT);
        // All of them are one wait that timed out.
        timeouts.stage(false);
        (1..MISSES_BEFORE_SHORT_WAIT - 1).for_each(|_| timeouts.missed());
        assert_eq!(timeouts.limit(), MIN_TIMEOUT);
        timeouts.missed();
        assert_eq!(timeouts.limit(), SHORT_WAIT);
    }

    #[test]
    fn order_of_parallel_answers_does_not_matter() {
        let limit_after = |answered_at: u32| {
            let timeouts = AnswerTimeouts::new(MAX, MAX * 12);
            timeouts.answered(Duration::from_millis(2));
            (1..MISSES_BEFORE_SHORT_WAIT).for_each(|_| timeouts.missed());
            timeouts.stage(true);
            for at in 0..5 {
                if at == answered_at { timeouts.answered(Duration::from_millis(2)) } else { timeouts.missed() }
            }
            timeouts.stage(false);
            timeouts.limit()
        };
        assert_eq!((0..5).map(limit_after).collect::<Vec<_>>(), [MIN_TIMEOUT; 5]);
        // Without any answer, the stage is the last timeout that is missing.
        assert_eq!(limit_after(5), SHORT_WAIT);
    }

    #[test]
    fn timeout_adapts_to_speed() {
        let timeouts = AnswerTimeouts::new(MAX, MAX * 12);
        timeouts.answered(Duration::from_millis(2));
        assert_eq!(timeouts.limit(), MIN_TIMEOUT);
        timeouts.answered(Duration::from_millis(300));
        assert_eq!(timeouts.limit(), Duration::from_secs(3));
        timeouts.answered(Duration::from_secs(4));
        assert_eq!(timeouts.limit(), MAX);
    }

    #[test]
    fn longer_waits_only_for_slow_gateway() {
        let timeouts = AnswerTimeouts::new(MAX * 12, MAX * 12);
        assert!(!timeouts.wait_longer(), "the gateway never answered");
        timeouts.answered(Duration::from_millis(2));
        assert!(timeouts.wait_longer());
        timeouts.waited_longer(true);
        assert_eq!(timeouts.limit(), LONGER);
        for _ in 0..LONGER_WAITS {
            assert!(timeouts.wait_longer());
            timeouts.waited_longer(false);
        }
        assert_eq!((timeouts.wait_longer(), timeouts.limit()), (false, MIN_TIMEOUT));
    }
}
