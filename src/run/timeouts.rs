//! The timeouts of a run, and how they adapt to the gateway.
//!
//! All cases of a run share what is learned. The first valid answer shows how fast the gateway is, and the timeouts
//! adapt to it. If something did not arrive once, the run waits only briefly for it until it arrives. A gateway that
//! does not support something therefore costs the run one timeout and not one timeout in every step.

use crate::gateway::{ChallengeSupport, Gateway, GatewayKind};
use crate::locked::locked;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// The timeout for an answer is this many times the slowest valid answer so far.
const SLOWEST_ANSWER_FACTOR: u32 = 10;
/// The factor for an answer if an answer of this kind did not arrive in time before.
const SHORT_WAIT_FACTOR: u32 = 4;
/// The minimum of an adapted timeout.
const MIN_TIMEOUT: Duration = Duration::from_secs(2);
/// The minimum of an adapted timeout for a known program. A known program always answers eventually. If the answer is
/// slow, the machine is slow.
const MIN_TIMEOUT_OF_KNOWN: Duration = Duration::from_secs(10);
/// The bounds of a timeout for an answer of a kind that did not arrive in time before.
const MIN_SHORT_WAIT: Duration = Duration::from_millis(100);
const MAX_SHORT_WAIT: Duration = MIN_TIMEOUT;
/// The timeout for a challenge if the gateway has not sent one in this run. Real clients of the time waited 750 ms
/// before they sent a request.
const CHALLENGE: Duration = Duration::from_secs(1);
/// After this many misses in a row, the run waits only briefly, even if the answer arrived before.
const MISSES_BEFORE_SHORT_WAIT: u32 = 2;
/// The maximum total of unsuccessful waits, as a multiple of the answer timeout.
const BUDGET: u32 = 2;
/// An answer is late if it takes more than this fraction (1/n) of the answer timeout.
const LATE_FRACTION: u32 = 4;
/// The time that an answer in time subtracts from the total of late answers.
const LATENESS_PER_ANSWER: Duration = Duration::from_secs(1);

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
    /// Another answer to a call that was already answered, or whose answer was not awaited.
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
    /// The gateway accepts what is sent.
    Sent,
    /// The answer to a probe of whether the gateway responds at all.
    Probe,
    /// The gateway exits after SIGTERM.
    Stop,
    /// The gateway is ready after a start.
    Start,
}

impl Wait {
    /// Whether the duration of this wait measures the speed of the gateway.
    fn measures(&self) -> bool {
        matches!(self, Self::Connect | Self::Call(_) | Self::Answer | Self::Probe)
    }

    /// Whether every gateway must answer this wait, so that the answer can be late.
    fn is_owed(&self) -> bool {
        self.measures() || self.is_of_the_library() || matches!(self, Self::Upgrade | Self::Challenge | Self::Refusal)
    }

    /// Whether a WebSocket library answers this wait on its own, independent of the gateway's load.
    fn is_of_the_library(&self) -> bool {
        matches!(self, Self::Pong | Self::Goodbye)
    }
}

/// The timeouts of a run. Clones share what was learned.
#[derive(Debug, Clone)]
pub(super) struct Timeouts {
    limits: Limits,
    learned: Arc<Mutex<MeasuredTimes>>,
}

/// The initial timeouts of a run.
#[derive(Debug, Clone, Copy)]
struct Limits {
    answer: Duration,
    start: Duration,
    stop: Duration,
    /// The minimum of an adapted answer timeout.
    minimum: Duration,
    challenges: ChallengeSupport,
    /// Whether the gateway is a known program. For a known program, no timeout is shorter than `minimum`.
    known: bool,
}

#[derive(Debug, Default)]
struct MeasuredTimes {
    histories: HashMap<Wait, WaitHistory>,
    /// The slowest valid answer.
    slowest: Option<Duration>,
    /// The total time of unsuccessful waits.
    lost: Duration,
    /// The total time of late answers; an answer in time reduces it by [`LATENESS_PER_ANSWER`].
    late: Duration,
}

/// The history of one kind of wait.
#[derive(Debug, Clone, Copy, Default)]
struct WaitHistory {
    /// The longest successful wait.
    slowest: Option<Duration>,
    /// The number of consecutive unsuccessful waits.
    missed: u32,
}

impl WaitHistory {
    /// Whether the next wait is expected to be unsuccessful.
    fn is_missing(self) -> bool {
        self.missed > 0 && (self.slowest.is_none() || self.missed >= MISSES_BEFORE_SHORT_WAIT)
    }
}

impl Timeouts {
    /// The timeouts for a run on a gateway.
    pub(super) fn of(gateway: &Gateway) -> Self {
        let limits = gateway.limits();
        let kind = gateway.profile().kind;
        let (answer, start, stop) = match kind {
            GatewayKind::Embedded => (10, 10, 10),
            GatewayKind::Spawned | GatewayKind::Attached => (30, 120, 30),
        };
        let answer = limits.answer.unwrap_or(Duration::from_secs(answer));
        // A gateway at a URL already runs, so it has to answer but does not start.
        let start = if kind == GatewayKind::Attached { answer } else { Duration::from_secs(start) };
        // Longer than every timeout of the embedded gateway, whose clock stands still meanwhile.
        let known = if kind == GatewayKind::Embedded { answer } else { MIN_TIMEOUT_OF_KNOWN };
        let minimum = if gateway.is_known() { known } else { MIN_TIMEOUT };
        Self::with(Limits {
            answer,
            start: limits.start.unwrap_or(start),
            stop: limits.stop.unwrap_or(Duration::from_secs(stop)),
            minimum: minimum.min(answer),
            challenges: gateway.challenges(),
            known: gateway.is_known(),
        })
    }

    fn with(limits: Limits) -> Self {
        Self { limits, learned: Arc::default() }
    }

    fn learned(&self) -> MutexGuard<'_, MeasuredTimes> {
        locked(&self.learned)
    }

    /// The maximum wait for an answer.
    pub(super) fn answer(&self) -> Duration {
        self.limits.answer
    }

    /// Whether the gateway declares that it sends no challenge.
    pub(super) fn without_challenge(&self) -> bool {
        self.limits.challenges == ChallengeSupport::Absent
    }

    /// Whether the gateway has answered anything in this run.
    pub(super) fn was_answered(&self) -> bool {
        self.learned().slowest.is_some()
    }

    /// The current timeout for this wait.
    pub(super) fn limit(&self, wait: &Wait) -> Duration {
        let learned = self.learned();
        let history = learned.histories.get(wait).copied().unwrap_or_default();
        let limits = self.limits;
        let brief = match learned.slowest {
            _ if limits.known => limits.minimum,
            Some(slowest) => (slowest * SHORT_WAIT_FACTOR).clamp(MIN_SHORT_WAIT, MAX_SHORT_WAIT).min(limits.answer),
            None => CHALLENGE.min(limits.answer),
        };
        match wait {
            Wait::Stop if history.is_missing() => return brief.min(limits.stop),
            Wait::Stop => return limits.stop,
            Wait::Start if history.is_missing() => {
                let usual = history.slowest.map(|slowest| (slowest * SLOWEST_ANSWER_FACTOR).max(MIN_TIMEOUT_OF_KNOWN));
                return usual.unwrap_or(limits.start).min(limits.start);
            }
            Wait::Start => return limits.start,
            _ if history.is_missing() => return brief,
            _ => {}
        }
        let adapted = |slowest: Duration, times: u32| (slowest * times).clamp(limits.minimum, limits.answer);
        let usual = learned.slowest.map_or(limits.answer, |slowest| adapted(slowest, SLOWEST_ANSWER_FACTOR));
        let usual = match wait {
            Wait::Challenge if limits.challenges == ChallengeSupport::Absent => return Duration::ZERO,
            Wait::Challenge if limits.challenges == ChallengeSupport::Unknown && history.slowest.is_none() => {
                CHALLENGE.min(limits.answer)
            }
            // The time of unrequested messages and the time to read a long frame do not measure the speed of answers.
            Wait::Challenge | Wait::Sent | Wait::Probe => limits.answer,
            wait if wait.is_of_the_library() && !limits.known => {
                adapted(history.slowest.unwrap_or_default(), SHORT_WAIT_FACTOR)
            }
            _ => usual,
        };
        let left = (limits.answer * BUDGET).saturating_sub(learned.lost);
        usual.min(left.max(brief))
    }

    /// Whether the answer can still arrive after an unsuccessful wait of `within`, because the wait was shorter than
    /// the maximum.
    pub(super) fn can_still_arrive(&self, wait: &Wait, within: Duration) -> bool {
        let missing = self.learned().histories.get(wait).copied().unwrap_or_default().is_missing();
        within < self.limits.answer && (!missing || wait.measures())
    }

    /// Records a successful wait that took `after`.
    pub(super) fn came(&self, wait: &Wait, after: Duration) {
        let mut learned = self.learned();
        let history = learned.histories.entry(wait.clone()).or_default();
        history.slowest = Some(history.slowest.unwrap_or_default().max(after));
        history.missed = 0;
        if wait.measures() {
            learned.slowest = Some(learned.slowest.unwrap_or_default().max(after));
        }
        let late = wait.is_owed() && !self.limits.known && after > self.limits.answer / LATE_FRACTION;
        if late {
            learned.late += after;
        } else if wait.measures() {
            learned.late = learned.late.saturating_sub(LATENESS_PER_ANSWER);
        }
    }

    /// Records an unsuccessful wait of `within`.
    pub(super) fn missed(&self, wait: &Wait, within: Duration) {
        let mut learned = self.learned();
        let history = learned.histories.entry(wait.clone()).or_default();
        let was_expected = !history.is_missing();
        history.missed = history.missed.saturating_add(1);
        // A brief wait does not count as unsuccessful, and the start and stop of a process are not answers.
        if was_expected && !matches!(wait, Wait::Start | Wait::Stop) {
            learned.lost += within;
        }
    }

    /// The total time of late answers, if it exceeds what a run accepts.
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
        minimum: MIN_TIMEOUT,
        challenges: ChallengeSupport::Unknown,
        known: false,
    };
    const KNOWN: Limits =
        Limits { minimum: MIN_TIMEOUT_OF_KNOWN, challenges: ChallengeSupport::Sent, known: true, ..LIMITS };

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
    fn first_answer_sets_limit(#[case] took: Duration, #[case] limit: Duration) {
        let timeouts = Timeouts::with(LIMITS);
        assert_eq!(timeouts.limit(&Wait::Connect), 30 * SECOND);
        timeouts.came(&Wait::Connect, took);
        assert_eq!([timeouts.limit(&Wait::Connect), timeouts.limit(&call("health"))], [limit, limit]);
    }

    #[test]
    fn late_answer_extends_limit() {
        let timeouts = Timeouts::with(LIMITS);
        timeouts.came(&Wait::Connect, ms(20));
        timeouts.came(&Wait::Probe, 2 * SECOND);
        timeouts.came(&Wait::Connect, ms(20));
        assert_eq!(timeouts.limit(&Wait::Connect), 20 * SECOND);
    }

    #[test]
    fn short_wait_after_missed_event() {
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
    fn seen_event_needs_two_misses() {
        let timeouts = Timeouts::with(LIMITS);
        timeouts.came(&Wait::Connect, ms(50));
        timeouts.missed(&Wait::Connect, 2 * SECOND);
        assert_eq!(timeouts.limit(&Wait::Connect), 2 * SECOND);
        timeouts.missed(&Wait::Connect, 2 * SECOND);
        assert_eq!(timeouts.limit(&Wait::Connect), ms(200));
    }

    #[test]
    fn silent_gateway_costs_two_timeouts() {
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
    fn missing_events_cost_two_timeouts_in_total() {
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
    #[case::absent(ChallengeSupport::Absent, Duration::ZERO, Duration::ZERO)]
    #[case::unknown(ChallengeSupport::Unknown, SECOND, SECOND)]
    #[case::sent(ChallengeSupport::Sent, 30 * SECOND, SECOND)]
    fn challenge_timeout_by_support(
        #[case] challenges: ChallengeSupport,
        #[case] first: Duration,
        #[case] once_missed: Duration,
    ) {
        let timeouts = Timeouts::with(Limits { challenges, ..LIMITS });
        assert_eq!(timeouts.limit(&Wait::Challenge), first);
        if challenges != ChallengeSupport::Absent {
            timeouts.missed(&Wait::Challenge, first);
        }
        assert_eq!(timeouts.limit(&Wait::Challenge), once_missed);
    }

    #[test]
    fn late_challenge_is_still_expected() {
        let timeouts = Timeouts::with(LIMITS);
        timeouts.came(&Wait::Connect, ms(20));
        timeouts.missed(&Wait::Challenge, SECOND);
        timeouts.came(&Wait::Challenge, 8 * SECOND);
        assert_eq!(timeouts.limit(&Wait::Challenge), 30 * SECOND);
    }

    #[test]
    fn known_program_waits_at_least_ten_seconds() {
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
    fn too_many_late_answers() {
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
    fn short_wait_after_ignored_sigterm() {
        let timeouts = Timeouts::with(LIMITS);
        timeouts.came(&Wait::Connect, ms(20));
        assert_eq!(timeouts.limit(&Wait::Stop), 30 * SECOND);
        timeouts.missed(&Wait::Stop, 30 * SECOND);
        assert_eq!(timeouts.limit(&Wait::Stop), ms(100));
    }

    #[test]
    fn start_timeout_adapts() {
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
