//! A gateway that is found dead is found dead once, and not once per case.

use super::case::launch_reason;
use crate::gateway::{LaunchError, in_short};
use std::mem::{Discriminant, discriminant};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Failures in a row, all of one kind, after which a gateway that never started is given up; one is enough where no
/// scenario can be the reason.
const NEVER_STARTED: usize = 2;
/// The same for one that did start before: some cases may have a reason to make it fail.
const STARTED_BEFORE: usize = 6;
/// Silent gateways in a row after which one that did answer before is given up. One is enough where none did: each has been
/// asked twice.
const SILENT_AFTER_ALL: usize = 2;

/// How a gateway was found dead.
pub(super) enum Dead<'a> {
    /// It did not start.
    Launch(&'a LaunchError),
    /// It started and then said nothing; in words.
    Silent(String),
    /// It ended by itself while a case was played; in words.
    Ended(String),
}

/// The same failure again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Failure {
    Launch(Discriminant<LaunchError>),
    Silent,
    Ended,
}

/// Counts launches that failed, and gateways that were silent.
#[derive(Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Default)]
struct State {
    /// Whether a gateway was ready.
    ready: bool,
    /// Whether a case was played to its end.
    played: bool,
    in_a_row: usize,
    last: Option<Failure>,
    reason: Option<String>,
}

impl Breaker {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing tells yet if the gateway starts at all: one case should find out before others are begun.
    pub(super) fn undecided(&self) -> bool {
        let state = self.state();
        !state.ready && state.reason.is_none()
    }

    /// Why no more launches should be tried, if so.
    pub(super) fn open(&self) -> Option<String> {
        self.state().reason.clone()
    }

    /// A gateway is ready.
    pub(super) fn ready(&self) {
        self.state().ready = true;
    }

    /// A case was played to its end.
    pub(super) fn played(&self) {
        let mut state = self.state();
        state.ready = true;
        state.played = true;
        state.in_a_row = 0;
    }

    pub(super) fn failed(&self, dead: &Dead<'_>) {
        let hopeless = matches!(dead, Dead::Launch(error) if is_hopeless(error));
        let (failure, why) = match dead {
            // What the gateway refuses is the scenario's doing, and says nothing about the next case.
            Dead::Launch(LaunchError::Refused { .. }) => return,
            Dead::Launch(error) => (Failure::Launch(discriminant(*error)), launch_reason(error)),
            Dead::Silent(why) => (Failure::Silent, why.clone()),
            Dead::Ended(why) => (Failure::Ended, why.clone()),
        };
        let mut state = self.state();
        state.in_a_row = if state.last == Some(failure) { state.in_a_row + 1 } else { 1 };
        state.last = Some(failure);
        let enough = match failure {
            Failure::Silent if state.played => SILENT_AFTER_ALL,
            Failure::Silent => 1,
            Failure::Launch(_) if !state.ready => {
                if hopeless {
                    1
                } else {
                    NEVER_STARTED
                }
            }
            Failure::Launch(_) | Failure::Ended => STARTED_BEFORE,
        };
        if state.in_a_row >= enough {
            // The gateway's last words are told with what was tried.
            let why = in_short(&why);
            state.reason = Some(match (state.in_a_row, failure) {
                (1, _) => format!("not tried: a case before failed, as this one would: {why}"),
                (many, Failure::Launch(_)) => format!("not tried: {many} starts in a row failed the same way: {why}"),
                (many, _) => format!("not tried: {many} cases in a row failed the same way: {why}"),
            });
        }
    }
}

/// Whether the gateway, and not what a scenario asks of it, must be the reason.
fn is_hopeless(error: &LaunchError) -> bool {
    matches!(
        error,
        LaunchError::CommandNotFound { .. }
            | LaunchError::CannotRun { .. }
            | LaunchError::NeverAnswered { .. }
            | LaunchError::Garbage { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing() -> LaunchError {
        LaunchError::CommandNotFound { command: "nobody".to_owned() }
    }

    fn silent() -> LaunchError {
        let log = crate::gateway::LogTail::default();
        LaunchError::NeverListened { port: 1, instead: Vec::new(), left: false, log }
    }

    #[test]
    fn opens_at_once_where_no_scenario_can_be_the_reason() {
        let breaker = Breaker::default();
        assert!(breaker.undecided());
        breaker.failed(&Dead::Launch(&missing()));
        assert!(breaker.open().is_some_and(|reason| reason.contains("`nobody` was not found")));
        assert!(!breaker.undecided());
    }

    #[test]
    fn opens_after_the_second_failure_of_a_gateway_that_never_started() {
        let breaker = Breaker::default();
        breaker.failed(&Dead::Launch(&silent()));
        assert_eq!((breaker.open(), breaker.undecided()), (None, true));
        breaker.failed(&Dead::Launch(&silent()));
        assert!(breaker.open().is_some_and(|reason| reason.contains("did not listen")));
    }

    #[test]
    fn a_start_in_between_and_failures_of_different_kinds_keep_it_closed() {
        let breaker = Breaker::default();
        breaker.failed(&Dead::Launch(&silent()));
        breaker.played();
        breaker.failed(&Dead::Silent("silent".to_owned()));
        breaker.failed(&Dead::Launch(&silent()));
        breaker.played();
        for _ in 0..5 {
            breaker.failed(&Dead::Launch(&missing()));
        }
        assert_eq!(breaker.open(), None);
    }

    #[test]
    fn a_gateway_that_never_answered_a_case_is_found_silent_once_and_one_that_did_twice() {
        let silent = || Dead::Silent("silent".to_owned());
        let breaker = Breaker::default();
        breaker.ready();
        assert!(!breaker.undecided());
        breaker.failed(&silent());
        assert!(breaker.open().is_some());
        let breaker = Breaker::default();
        breaker.played();
        breaker.failed(&silent());
        assert_eq!(breaker.open(), None);
        breaker.failed(&silent());
        assert!(breaker.open().is_some());
    }

    #[test]
    fn one_that_ends_in_every_case_is_given_up_in_the_end() {
        let breaker = Breaker::default();
        breaker.ready();
        for _ in 0..STARTED_BEFORE {
            assert_eq!(breaker.open(), None);
            breaker.failed(&Dead::Ended("it ended".to_owned()));
        }
        assert!(breaker.open().is_some());
    }

    #[test]
    fn what_a_gateway_refuses_by_rule_does_not_count() {
        let breaker = Breaker::default();
        for _ in 0..9 {
            breaker.failed(&Dead::Launch(&LaunchError::Refused { code: 1, reason: "bind".to_owned() }));
        }
        assert_eq!(breaker.open(), None);
    }
}
