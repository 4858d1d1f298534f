//! Determines the maximum wait for each answer.
//!
//! Questions of a stage are asked at the same time and end in a random order. What one of them shows about the gateway
//! therefore applies from the next stage on, so that the order has no effect on the answers.

use std::cell::Cell;
use std::time::Duration;
use tokio::time::Instant;

/// The wait for a kind of answer that did not arrive before.
const SHORT_WAIT: Duration = Duration::from_millis(250);
/// The minimum wait for a gateway that has answered, and the maximum wait as a multiple of its slowest answer.
const MIN_TIMEOUT: Duration = Duration::from_secs(2);
const SLOWEST_ANSWER_FACTOR: u32 = 10;
/// The minimum wait for a question that is asked again.
const LONGER: Duration = Duration::from_secs(10);
/// After this number of stages whose repeated questions got no answer, questions are not repeated.
const SILENT_STAGES: u32 = 2;
/// After this number of waits, the wait for a gateway that never answered becomes short. After the same number of stages
/// without an answer, the wait for any other gateway does.
const MISSES_BEFORE_SHORT_WAIT: u32 = 3;

/// How long a question waits for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WaitLength {
    /// As long as the answers so far suggest.
    Usual,
    /// Longer, because the gateway gave no answer before. It may be slow at the moment.
    Longer,
}

/// The waits of one probe. The wait is longer for a gateway that answers slowly, and short for a gateway that never
/// answers.
#[derive(Debug)]
pub(super) struct AnswerTimeouts {
    most: Duration,
    /// The end of the whole probe.
    end: Instant,
    slowest: Cell<Option<Duration>>,
    /// The waits that timed out before the first answer.
    silent: Cell<u32>,
    /// The stages without an answer.
    missed: TimeoutStreak,
    /// The stages in which the gateway never closed the connection after an answer.
    left_open: TimeoutStreak,
    /// The stages without a challenge.
    without_challenge: TimeoutStreak,
    /// Whether a challenge has come on a connection.
    challenges: Cell<bool>,
    /// The stages in which no repeated question got an answer.
    silent_again: TimeoutStreak,
}

/// The number of consecutive stages in which every wait timed out.
#[derive(Debug, Default)]
struct TimeoutStreak {
    stages: Cell<u32>,
    /// Whether all waits of this stage timed out. `None` if there were none.
    all: Cell<Option<bool>>,
}

impl TimeoutStreak {
    fn note(&self, timed_out: bool) {
        self.all.set(Some(timed_out && self.all.get().unwrap_or(true)));
    }

    fn end_stage(&self) {
        match self.all.take() {
            Some(true) => self.stages.set(self.stages.get() + 1),
            Some(false) => self.stages.set(0),
            None => {}
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
            without_challenge: TimeoutStreak::default(),
            challenges: Cell::new(false),
            silent_again: TimeoutStreak::default(),
        }
    }

    /// Begins a stage. The previous stage has ended.
    pub(super) fn stage(&self) {
        let streaks = [&self.missed, &self.left_open, &self.without_challenge, &self.silent_again];
        streaks.into_iter().for_each(TimeoutStreak::end_stage);
    }

    /// Whether the time of the whole probe is over.
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.end
    }

    /// The deadline of a wait that begins now.
    pub(super) fn deadline(&self, wait_length: WaitLength) -> Instant {
        self.end_of(self.limit(wait_length))
    }

    /// The deadline of a wait for a challenge.
    pub(super) fn challenge_deadline(&self, wait_length: WaitLength) -> Instant {
        let is_short = wait_length == WaitLength::Usual && self.without_challenge.stages.get() > 0;
        self.end_of(if is_short { SHORT_WAIT } else { self.limit(wait_length) })
    }

    /// The deadline of a wait for the end of a connection after an answer.
    pub(super) fn close_deadline(&self, wait_length: WaitLength) -> Instant {
        self.end_of(self.limit_after(&self.left_open, wait_length))
    }

    fn end_of(&self, wait: Duration) -> Instant {
        (Instant::now() + wait).min(self.end)
    }

    /// The maximum wait for an answer.
    fn limit(&self, wait_length: WaitLength) -> Duration {
        self.limit_after(&self.missed, wait_length)
    }

    fn limit_after(&self, missed: &TimeoutStreak, wait_length: WaitLength) -> Duration {
        let Some(slowest) = self.slowest.get() else {
            return if self.silent.get() >= MISSES_BEFORE_SHORT_WAIT { SHORT_WAIT } else { self.most };
        };
        let least = match wait_length {
            WaitLength::Longer => LONGER,
            // The next waits will probably time out as well.
            WaitLength::Usual if missed.stages.get() >= MISSES_BEFORE_SHORT_WAIT => SHORT_WAIT,
            WaitLength::Usual => MIN_TIMEOUT,
        };
        (slowest * SLOWEST_ANSWER_FACTOR).clamp(least.min(self.most), self.most)
    }

    /// Whether a question without an answer within this time is asked again: the gateway answers other questions, the next
    /// wait is longer, and repeated questions got answers before.
    pub(super) fn can_wait_longer(&self, waited: Duration) -> bool {
        let has_answered = self.slowest.get().is_some() && self.silent_again.stages.get() < SILENT_STAGES;
        has_answered && !self.is_over() && self.limit(WaitLength::Longer) > waited
    }

    /// Whether a repeated question got an answer.
    pub(super) fn waited_longer(&self, answered: bool) {
        self.silent_again.note(!answered);
    }

    /// Something came after this time.
    pub(super) fn answered(&self, after: Duration) {
        self.slowest.set(Some(self.slowest.get().unwrap_or_default().max(after)));
        self.missed.note(false);
    }

    /// Nothing came.
    pub(super) fn missed(&self) {
        self.silent.set(self.silent.get() + u32::from(self.slowest.get().is_none()));
        self.missed.note(true);
    }

    /// Whether the gateway closed the connection after an answer.
    pub(super) fn closed(&self, closed: bool) {
        self.left_open.note(!closed);
    }

    /// Whether a challenge came.
    pub(super) fn challenge(&self, came: bool) {
        self.without_challenge.note(!came);
        self.challenges.set(self.challenges.get() || came);
    }

    /// Whether a challenge that did not come within this time can come later: it came on other connections, and the question
    /// can be asked again.
    pub(super) fn can_challenge_come_after(&self, waited: Duration) -> bool {
        self.challenges.get() && self.can_wait_longer(waited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const MAX: Duration = Duration::from_secs(5);

    /// The waits for a gateway that has answered quickly.
    fn quick() -> AnswerTimeouts {
        let timeouts = AnswerTimeouts::new(MAX, MAX * 12);
        timeouts.answered(Duration::from_millis(2));
        timeouts.stage();
        timeouts
    }

    /// As many stages as make the next wait short, each with this in it.
    fn stages(timeouts: &AnswerTimeouts, of: impl Fn()) {
        for _ in 0..MISSES_BEFORE_SHORT_WAIT {
            of();
            timeouts.stage();
        }
    }

    #[test]
    fn short_waits_for_silent_gateway() {
        let timeouts = AnswerTimeouts::new(MAX, MAX * 12);
        let waited = (0..50).map(|_| {
            let limit = timeouts.limit(WaitLength::Usual);
            timeouts.missed();
            limit
        });
        assert_eq!(waited.sum::<Duration>(), MAX * MISSES_BEFORE_SHORT_WAIT + SHORT_WAIT * 47);
    }

    #[test]
    fn short_waits_for_missing_close() {
        let timeouts = quick();
        stages(&timeouts, || timeouts.closed(false));
        assert!(timeouts.close_deadline(WaitLength::Usual) <= Instant::now() + SHORT_WAIT);
        // The wait for answers does not change, and a gateway that closes gets the whole time again.
        assert_eq!(timeouts.limit(WaitLength::Usual), MIN_TIMEOUT);
        timeouts.closed(true);
        timeouts.stage();
        assert!(timeouts.close_deadline(WaitLength::Usual) > Instant::now() + SHORT_WAIT);
    }

    #[test]
    fn short_waits_for_missing_challenge() {
        let timeouts = quick();
        timeouts.challenge(false);
        // Another connection of the stage can still get its challenge.
        assert!(timeouts.challenge_deadline(WaitLength::Usual) > Instant::now() + SHORT_WAIT);
        timeouts.stage();
        assert!(timeouts.challenge_deadline(WaitLength::Usual) <= Instant::now() + SHORT_WAIT);
        assert!(timeouts.challenge_deadline(WaitLength::Longer) > Instant::now() + MIN_TIMEOUT);
    }

    /// The timeouts of a stage count as one.
    #[test]
    fn waits_do_not_change_within_stage() {
        let timeouts = quick();
        let miss_all = || {
            for _ in 0..MISSES_BEFORE_SHORT_WAIT + 5 {
                timeouts.missed();
                timeouts.closed(false);
                timeouts.waited_longer(false);
            }
        };
        miss_all();
        assert_eq!(timeouts.limit(WaitLength::Usual), MIN_TIMEOUT);
        assert!(timeouts.close_deadline(WaitLength::Usual) > Instant::now() + SHORT_WAIT);
        assert!(timeouts.can_wait_longer(MIN_TIMEOUT));
        stages(&timeouts, miss_all);
        assert_eq!(timeouts.limit(WaitLength::Usual), SHORT_WAIT);
        assert!(timeouts.close_deadline(WaitLength::Usual) <= Instant::now() + SHORT_WAIT);
        assert!(!timeouts.can_wait_longer(SHORT_WAIT));
    }

    /// One of the questions of a stage gets an answer.
    #[rstest]
    fn order_of_answers_does_not_matter(#[values(0, 1, 2, 3, 4)] answered_at: u32) {
        let timeouts = quick();
        stages(&timeouts, || {
            for at in 0..5 {
                let is_answered = at == answered_at;
                if is_answered {
                    timeouts.answered(Duration::from_millis(2))
                } else {
                    timeouts.missed()
                }
                // Every other question of the stage can still be repeated.
                assert!(timeouts.can_wait_longer(MIN_TIMEOUT));
                timeouts.waited_longer(is_answered);
            }
        });
        assert_eq!(timeouts.limit(WaitLength::Usual), MIN_TIMEOUT);
        assert!(timeouts.can_wait_longer(MIN_TIMEOUT));
    }

    #[test]
    fn timeout_adapts_to_speed() {
        let timeouts = quick();
        assert_eq!(timeouts.limit(WaitLength::Usual), MIN_TIMEOUT);
        timeouts.answered(Duration::from_millis(300));
        assert_eq!(timeouts.limit(WaitLength::Usual), Duration::from_secs(3));
        timeouts.answered(Duration::from_secs(4));
        assert_eq!(timeouts.limit(WaitLength::Usual), MAX);
    }

    #[test]
    fn waits_longer_only_if_wait_gets_longer() {
        let timeouts = AnswerTimeouts::new(MAX, MAX * 12);
        assert!(!timeouts.can_wait_longer(MAX), "the gateway never answered");
        timeouts.answered(Duration::from_millis(2));
        assert!(timeouts.can_wait_longer(MIN_TIMEOUT));
        assert_eq!(timeouts.limit(WaitLength::Longer), MAX);
        assert!(!timeouts.can_wait_longer(MAX));
        let patient = AnswerTimeouts::new(MAX * 12, MAX * 12);
        patient.answered(Duration::from_millis(2));
        assert_eq!(patient.limit(WaitLength::Longer), LONGER);
        // The user allows no longer wait.
        let brief = AnswerTimeouts::new(Duration::from_secs(1), MAX * 12);
        brief.answered(Duration::from_millis(2));
        assert!(!brief.can_wait_longer(brief.limit(WaitLength::Usual)));
    }
}
