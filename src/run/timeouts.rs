//! How long a run waits for a gateway, and what it has learned about that.
//!
//! All cases of a run share one memory. The first good answer shows how fast the gateway is, and the limits adapt to it. What
//! did not come once is waited for briefly from then on, until it comes after all: a gateway that never does something costs
//! the run one deadline for it and not one in every step.

use crate::gateway::{Challenges, Gateway, Kind};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// An answer may take this many times as long as the slowest good one so far.
const TIMES_THE_SLOWEST: u32 = 10;
/// The same for what was missed before.
const TIMES_BRIEFLY: u32 = 4;
/// No limit that adapts is shorter.
const LEAST: Duration = Duration::from_secs(2);
/// The same for a program whose manners are known. It always answers in the end: where it is slow, its machine is.
const LEAST_OF_KNOWN: Duration = Duration::from_secs(10);
/// The limits of what was missed before.
const BRIEFEST: Duration = Duration::from_millis(100);
const BRIEF_AT_MOST: Duration = LEAST;
/// For a challenge of a gateway that has not sent one in this run. Real clients of the time waited 750 ms before they spoke.
const CHALLENGE: Duration = Duration::from_secs(1);
/// What was missed so often in a row is waited for briefly although it came before.
const MISSES: u32 = 2;
/// What may be lost to waits for nothing: so many times the limit of an answer.
const BUDGET: u32 = 2;
/// An answer is late that takes more than this part of its limit.
const LATE: u32 = 4;
/// What an answer in time makes up for of those that were late.
const FORGIVEN: Duration = Duration::from_secs(1);

/// What a run waits for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Wait {
    /// The answer to an upgrade.
    Upgrade,
    /// The challenge on a new connection.
    Challenge,
    /// The answer to a connect.
    Connect,
    /// The answer to a call of this method.
    Call(String),
    /// The answer to a frame that a scenario has made.
    Answer,
    /// Another answer to a call that was answered already or was not waited for.
    LaterAnswer,
    /// An event of this name.
    Event(String),
    /// The end of a connection on which the gateway has refused something.
    Refusal,
    /// The end of a connection that a scenario waits for.
    Close,
    /// The answer to our own close frame.
    Goodbye,
    /// The answer to a ping.
    Pong,
    /// That the gateway takes what is sent.
    Sent,
    /// The answer to the question whether the gateway is there at all.
    Probe,
    /// That the gateway ends after SIGTERM.
    Stop,
    /// That the gateway is ready after a start.
    Start,
}

impl Wait {
    /// Whether its time tells how fast the gateway works.
    fn measures(&self) -> bool {
        matches!(self, Self::Connect | Self::Call(_) | Self::Answer | Self::Probe)
    }

    /// Whether a gateway owes it, and can be late with it.
    fn is_owed(&self) -> bool {
        self.measures() || self.is_of_the_library() || matches!(self, Self::Upgrade | Self::Challenge | Self::Refusal)
    }

    /// Whether a WebSocket library does it by itself, whatever the gateway works at.
    fn is_of_the_library(&self) -> bool {
        matches!(self, Self::Pong | Self::Goodbye)
    }
}

/// How long a run waits for what. Clones share what was learned.
#[derive(Debug, Clone)]
pub(super) struct Timeouts {
    limits: Limits,
    learned: Arc<Mutex<Learned>>,
}

/// The limits that a run begins with.
#[derive(Debug, Clone, Copy)]
struct Limits {
    answer: Duration,
    start: Duration,
    stop: Duration,
    /// No limit of an answer that adapts is shorter.
    least: Duration,
    challenges: Challenges,
    /// Whether the gateway is a program whose manners are known: nothing of what it does is waited for less than `least`.
    known: bool,
}

#[derive(Debug, Default)]
struct Learned {
    habits: HashMap<Wait, Habit>,
    /// The slowest good answer.
    slowest: Option<Duration>,
    /// What waits have lost that brought nothing.
    lost: Duration,
    /// What answers took that were late; an answer in time takes off a little.
    late: Duration,
}

/// What is known of one kind of wait.
#[derive(Debug, Clone, Copy, Default)]
struct Habit {
    /// The longest after which it came.
    slowest: Option<Duration>,
    /// How often in a row it did not come.
    missed: u32,
}

impl Habit {
    /// Whether it is not expected to come.
    fn is_missing(self) -> bool {
        self.missed > 0 && (self.slowest.is_none() || self.missed >= MISSES)
    }
}

impl Timeouts {
    /// Those of a run on a gateway.
    pub(super) fn of(gateway: &Gateway) -> Self {
        let said = gateway.limits();
        let kind = gateway.profile().kind;
        let (answer, start, stop) = match kind {
            Kind::Embedded => (10, 10, 10),
            Kind::Spawned | Kind::Attached => (30, 120, 30),
        };
        let answer = said.answer.unwrap_or(Duration::from_secs(answer));
        // A gateway that somebody else runs is up already: it has to answer, and not to start.
        let start = if kind == Kind::Attached { answer } else { Duration::from_secs(start) };
        // Longer than any timeout of the embedded gateway itself, whose time stands still meanwhile.
        let known = if kind == Kind::Embedded { answer } else { LEAST_OF_KNOWN };
        let least = if gateway.is_known() { known } else { LEAST };
        Self::with(Limits {
            answer,
            start: said.start.unwrap_or(start),
            stop: said.stop.unwrap_or(Duration::from_secs(stop)),
            least: least.min(answer),
            challenges: gateway.challenges(),
            known: gateway.is_known(),
        })
    }

    fn with(limits: Limits) -> Self {
        Self { limits, learned: Arc::default() }
    }

    fn learned(&self) -> MutexGuard<'_, Learned> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The longest that an answer is ever waited for.
    pub(super) fn answer(&self) -> Duration {
        self.limits.answer
    }

    /// Whether the gateway declares that it sends no challenge.
    pub(super) fn without_challenge(&self) -> bool {
        self.limits.challenges == Challenges::Absent
    }

    /// Whether anything was answered in this run.
    pub(super) fn was_answered(&self) -> bool {
        self.learned().slowest.is_some()
    }

    /// How long to wait for this now.
    pub(super) fn limit(&self, wait: &Wait) -> Duration {
        let learned = self.learned();
        let habit = learned.habits.get(wait).copied().unwrap_or_default();
        let limits = self.limits;
        let brief = match learned.slowest {
            _ if limits.known => limits.least,
            Some(slowest) => (slowest * TIMES_BRIEFLY).clamp(BRIEFEST, BRIEF_AT_MOST).min(limits.answer),
            None => CHALLENGE.min(limits.answer),
        };
        match wait {
            Wait::Stop if habit.is_missing() => return brief.min(limits.stop),
            Wait::Stop => return limits.stop,
            Wait::Start if habit.is_missing() => {
                let usual = habit.slowest.map(|slowest| (slowest * TIMES_THE_SLOWEST).max(LEAST_OF_KNOWN));
                return usual.unwrap_or(limits.start).min(limits.start);
            }
            Wait::Start => return limits.start,
            _ if habit.is_missing() => return brief,
            _ => {}
        }
        let adapted = |slowest: Duration, times: u32| (slowest * times).clamp(limits.least, limits.answer);
        let usual = learned.slowest.map_or(limits.answer, |slowest| adapted(slowest, TIMES_THE_SLOWEST));
        let usual = match wait {
            Wait::Challenge if limits.challenges == Challenges::Absent => return Duration::ZERO,
            Wait::Challenge if limits.challenges == Challenges::Unknown && habit.slowest.is_none() => {
                CHALLENGE.min(limits.answer)
            }
            // What a connection waits for before anything was asked, and how long it takes to read a long frame, is another
            // matter than an answer.
            Wait::Challenge | Wait::Sent | Wait::Probe => limits.answer,
            wait if wait.is_of_the_library() && !limits.known => {
                adapted(habit.slowest.unwrap_or_default(), TIMES_BRIEFLY)
            }
            _ => usual,
        };
        let left = (limits.answer * BUDGET).saturating_sub(learned.lost);
        usual.min(left.max(brief))
    }

    /// Whether this may come although it did not within so long: an answer that every gateway owes, waited for less than the
    /// longest.
    pub(super) fn is_in_doubt(&self, wait: &Wait, within: Duration) -> bool {
        let missing = self.learned().habits.get(wait).copied().unwrap_or_default().is_missing();
        within < self.limits.answer && (!missing || wait.measures())
    }

    /// Notes that it came, after so long.
    pub(super) fn came(&self, wait: &Wait, after: Duration) {
        let mut learned = self.learned();
        let habit = learned.habits.entry(wait.clone()).or_default();
        habit.slowest = Some(habit.slowest.unwrap_or_default().max(after));
        habit.missed = 0;
        if wait.measures() {
            learned.slowest = Some(learned.slowest.unwrap_or_default().max(after));
        }
        let late = wait.is_owed() && !self.limits.known && after > self.limits.answer / LATE;
        if late {
            learned.late += after;
        } else if wait.measures() {
            learned.late = learned.late.saturating_sub(FORGIVEN);
        }
    }

    /// Notes that it did not come within so long.
    pub(super) fn missed(&self, wait: &Wait, within: Duration) {
        let mut learned = self.learned();
        let habit = learned.habits.entry(wait.clone()).or_default();
        let was_expected = !habit.is_missing();
        habit.missed = habit.missed.saturating_add(1);
        // What is waited for briefly is not waited for in vain, and a process is another matter than an answer.
        if was_expected && !matches!(wait, Wait::Start | Wait::Stop) {
            learned.lost += within;
        }
    }

    /// How long the late answers took in all, where that is more than a run waits for.
    pub(super) fn too_late(&self) -> Option<Duration> {
        let late = self.learned().late;
        (late > self.limits.answer * BUDGET).then_some(late)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const SECOND: Duration = Duration::from_secs(1);
    const LIMITS: Limits = Limits {
        answer: Duration::from_secs(30),
        start: Duration::from_secs(120),
        stop: Duration::from_secs(30),
        least: LEAST,
        challenges: Challenges::Unknown,
        known: false,
    };
    const KNOWN: Limits = Limits { least: LEAST_OF_KNOWN, challenges: Challenges::Sent, known: true, ..LIMITS };

    fn call(method: &str) -> Wait {
        Wait::Call(method.to_owned())
    }

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[rstest]
    #[case::fast(ms(20), 2 * SECOND)]
    #[case::slow(ms(700), 7 * SECOND)]
    #[case::slower(8 * SECOND, 30 * SECOND)]
    fn the_first_good_answer_sets_the_limit(#[case] took: Duration, #[case] limit: Duration) {
        let timeouts = Timeouts::with(LIMITS);
        assert_eq!(timeouts.limit(&Wait::Connect), 30 * SECOND);
        timeouts.came(&Wait::Connect, took);
        assert_eq!([timeouts.limit(&Wait::Connect), timeouts.limit(&call("health"))], [limit, limit]);
    }

    #[test]
    fn a_late_good_answer_lengthens_the_limit_again() {
        let timeouts = Timeouts::with(LIMITS);
        timeouts.came(&Wait::Connect, ms(20));
        timeouts.came(&Wait::Probe, 2 * SECOND);
        timeouts.came(&Wait::Connect, ms(20));
        assert_eq!(timeouts.limit(&Wait::Connect), 20 * SECOND);
    }

    #[test]
    fn what_was_missed_once_is_waited_for_briefly_until_it_comes() {
        let timeouts = Timeouts::with(LIMITS);
        timeouts.came(&Wait::Connect, ms(50));
        for wait in [Wait::Refusal, Wait::Pong, Wait::Goodbye, call("health"), Wait::LaterAnswer] {
            assert_eq!(timeouts.limit(&wait), 2 * SECOND, "{wait:?}");
            timeouts.missed(&wait, 2 * SECOND);
            assert_eq!(timeouts.limit(&wait), ms(200), "{wait:?}");
            timeouts.came(&wait, ms(40));
            assert_eq!(timeouts.limit(&wait), 2 * SECOND, "{wait:?}");
        }
        assert_eq!(timeouts.limit(&call("status")), 2 * SECOND, "another method was not missed");
    }

    #[test]
    fn what_came_before_is_missed_twice_before_it_is_waited_for_briefly() {
        let timeouts = Timeouts::with(LIMITS);
        timeouts.came(&Wait::Connect, ms(50));
        timeouts.missed(&Wait::Connect, 2 * SECOND);
        assert_eq!(timeouts.limit(&Wait::Connect), 2 * SECOND);
        timeouts.missed(&Wait::Connect, 2 * SECOND);
        assert_eq!(timeouts.limit(&Wait::Connect), ms(200));
    }

    #[test]
    fn a_gateway_that_never_answers_costs_two_deadlines() {
        let timeouts = Timeouts::with(LIMITS);
        let mut waited = Duration::ZERO;
        for wait in [Wait::Connect, Wait::Probe, Wait::Connect, Wait::Probe] {
            let limit = timeouts.limit(&wait);
            timeouts.missed(&wait, limit);
            waited += limit;
        }
        assert_eq!(waited, (2 * 30 + 2) * SECOND);
    }

    #[test]
    fn whatever_does_not_come_costs_two_deadlines_in_all() {
        let timeouts = Timeouts::with(LIMITS);
        timeouts.came(&Wait::Connect, 8 * SECOND);
        let waited = (0..50).map(|method| {
            let wait = call(&format!("method-{method}"));
            let limit = timeouts.limit(&wait);
            timeouts.missed(&wait, limit);
            limit
        });
        assert_eq!(waited.sum::<Duration>(), (2 * 30 + 48 * 2) * SECOND, "two whole ones, then briefly");
    }

    #[rstest]
    #[case::absent(Challenges::Absent, Duration::ZERO, Duration::ZERO)]
    #[case::unknown(Challenges::Unknown, SECOND, SECOND)]
    #[case::sent(Challenges::Sent, 30 * SECOND, SECOND)]
    fn a_challenge_is_waited_for_as_it_is_known(
        #[case] challenges: Challenges,
        #[case] first: Duration,
        #[case] once_missed: Duration,
    ) {
        let timeouts = Timeouts::with(Limits { challenges, ..LIMITS });
        assert_eq!(timeouts.limit(&Wait::Challenge), first);
        if challenges != Challenges::Absent {
            timeouts.missed(&Wait::Challenge, first);
        }
        assert_eq!(timeouts.limit(&Wait::Challenge), once_missed);
    }

    #[test]
    fn once_a_challenge_was_seen_the_next_is_not_missed_for_being_late() {
        let timeouts = Timeouts::with(LIMITS);
        timeouts.came(&Wait::Connect, ms(20));
        timeouts.missed(&Wait::Challenge, SECOND);
        timeouts.came(&Wait::Challenge, 8 * SECOND);
        assert_eq!(timeouts.limit(&Wait::Challenge), 30 * SECOND);
    }

    #[test]
    fn a_known_program_is_never_waited_for_less_than_ten_seconds() {
        let timeouts = Timeouts::with(KNOWN);
        timeouts.came(&Wait::Connect, ms(20));
        for wait in [Wait::Connect, Wait::Pong, Wait::Goodbye, Wait::Challenge, Wait::Stop, call("health")] {
            for _ in 0..9 {
                timeouts.missed(&wait, 10 * SECOND);
            }
            assert_eq!(timeouts.limit(&wait), 10 * SECOND, "{wait:?}");
        }
    }

    #[test]
    fn late_answers_are_too_late_together_unless_others_are_in_time() {
        let timeouts = Timeouts::with(LIMITS);
        for _ in 0..7 {
            timeouts.came(&Wait::Connect, 8 * SECOND);
        }
        assert_eq!(timeouts.too_late(), None);
        timeouts.came(&Wait::Connect, 8 * SECOND);
        assert_eq!(timeouts.too_late(), Some(64 * SECOND));
        (0..4).for_each(|_| timeouts.came(&call("health"), ms(20)));
        assert_eq!(timeouts.too_late(), None);
        timeouts.came(&Wait::Upgrade, 8 * SECOND);
        assert_eq!(timeouts.too_late(), Some(68 * SECOND), "an upgrade is late like an answer");
        let known = Timeouts::with(KNOWN);
        (0..50).for_each(|_| known.came(&Wait::Connect, 8 * SECOND));
        assert_eq!(known.too_late(), None, "its machine is slow");
    }

    #[test]
    fn a_stop_that_sigterm_did_not_bring_is_waited_for_briefly() {
        let timeouts = Timeouts::with(LIMITS);
        timeouts.came(&Wait::Connect, ms(20));
        assert_eq!(timeouts.limit(&Wait::Stop), 30 * SECOND);
        timeouts.missed(&Wait::Stop, 30 * SECOND);
        assert_eq!(timeouts.limit(&Wait::Stop), ms(100));
    }

    #[test]
    fn a_start_that_timed_out_twice_is_measured_by_those_that_did_not() {
        let timeouts = Timeouts::with(LIMITS);
        timeouts.missed(&Wait::Start, 120 * SECOND);
        assert_eq!(timeouts.limit(&Wait::Start), 120 * SECOND, "nothing tells how long it takes");
        timeouts.came(&Wait::Start, 4 * SECOND);
        timeouts.missed(&Wait::Start, 120 * SECOND);
        assert_eq!(timeouts.limit(&Wait::Start), 120 * SECOND);
        timeouts.missed(&Wait::Start, 120 * SECOND);
        assert_eq!(timeouts.limit(&Wait::Start), 40 * SECOND);
    }
}
