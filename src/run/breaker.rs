//! Detects a gateway that does not work once, instead of once for each case.
//!
//! Failed starts are counted for each configuration, because one refused configuration says nothing about the others.
//! The breaker gives up only after the gateway was started once with the default configuration.

use crate::gateway::{LaunchError, one_line};
use crate::locked::locked;
use crate::run::state_dir::openclaw_json;
use crate::run::steps::context::CaseError;
use crate::scenario::gateway::GatewaySettings;
use std::mem::{Discriminant, discriminant};
use std::sync::{Mutex, MutexGuard};

/// Number of consecutive failures of the same kind after which the breaker gives up a configuration that never started.
const NEVER_STARTED: usize = 2;
/// Number of such failures for a configuration that started before, or for a gateway that exits on its own. The limit
/// is higher, because single cases can make the gateway fail.
const STARTED_BEFORE: usize = 6;
/// Number of consecutive silent cases after which the breaker gives up a gateway that answered before. One is enough if
/// it never answered, because each case asks twice.
const MAX_SILENT_CASES: usize = 2;

/// How a started gateway stopped working.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum GatewayFailure {
    /// The gateway sends no answers. Holds a sentence.
    Silent(String),
    /// The gateway answers, but too slowly for a run. Holds a sentence.
    TooSlow(String),
    /// The gateway exited while a case was played. Holds a sentence.
    Ended(String),
}

impl GatewayFailure {
    /// The failure of the gateway that the failure of a case shows, after the gateway had started. `None` if it shows
    /// none.
    pub(crate) fn of(error: &CaseError) -> Option<Self> {
        match error {
            CaseError::Silent(_) => Some(Self::Silent(error.to_string())),
            CaseError::TooSlow { .. } => Some(Self::TooSlow(error.to_string())),
            _ => None,
        }
    }

    fn why(&self) -> &str {
        match self {
            Self::Silent(why) | Self::TooSlow(why) | Self::Ended(why) => why,
        }
    }
}

/// What to do after a failed start.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FailedStartAction {
    /// Continue the run.
    Continue,
    /// Start the gateway with the default configuration, and pass the result to [`Breaker::plain`].
    TryPlain,
}

/// Counts failed starts and silent gateways.
#[derive(Default)]
pub(crate) struct Breaker(Mutex<BreakerState>);

#[derive(Default)]
struct BreakerState {
    /// Whether a gateway was ready at least once.
    ready: bool,
    /// Whether a case was played to its end.
    played: bool,
    consecutive: usize,
    last: Option<Discriminant<GatewayFailure>>,
    /// The reason for which the breaker gave up all cases. `None` while it is closed.
    reason: Option<String>,
    starts: Vec<StartHistory>,
    /// The configuration whose failure led to the current start with the default configuration.
    in_doubt: Option<GatewaySettings>,
}

/// The starts with one configuration.
struct StartHistory {
    settings: GatewaySettings,
    /// Whether the gateway was ready with this configuration.
    ready: bool,
    consecutive: usize,
    last: Option<(Discriminant<LaunchError>, String)>,
    /// Why the breaker gave up this configuration.
    reason: Option<String>,
}

impl StartHistory {
    /// Why the last start failed.
    fn why(&self) -> &str {
        self.last.as_ref().map_or("", |(_, why)| why)
    }
}

impl BreakerState {
    fn with(&mut self, settings: &GatewaySettings) -> &mut StartHistory {
        let at = self.starts.iter().position(|starts| starts.settings == *settings).unwrap_or_else(|| {
            let settings = settings.clone();
            self.starts.push(StartHistory { settings, ready: false, consecutive: 0, last: None, reason: None });
            self.starts.len() - 1
        });
        &mut self.starts[at]
    }
}

impl Breaker {
    fn state(&self) -> MutexGuard<'_, BreakerState> {
        locked(&self.0)
    }

    /// Whether it is still unknown if the gateway starts at all. One case should find out before other cases start.
    pub(crate) fn undecided(&self) -> bool {
        let state = self.state();
        !state.ready && state.reason.is_none()
    }

    /// Why no further start with these settings should be tried. `None` if it can be tried.
    pub(crate) fn open(&self, settings: &GatewaySettings) -> Option<String> {
        let state = self.state();
        let of_settings = || state.starts.iter().find(|starts| starts.settings == *settings)?.reason.clone();
        state.reason.clone().or_else(of_settings)
    }

    /// Records that a gateway is ready.
    pub(crate) fn ready(&self, settings: &GatewaySettings) {
        let mut state = self.state();
        state.ready = true;
        let starts = state.with(settings);
        (starts.ready, starts.consecutive) = (true, 0);
    }

    /// Records that a case was played to its end.
    pub(crate) fn played(&self, settings: &GatewaySettings) {
        self.ready(settings);
        let mut state = self.state();
        state.played = true;
        state.consecutive = 0;
    }

    /// Records that a started gateway stopped working.
    pub(crate) fn failed(&self, dead: &GatewayFailure) {
        let mut state = self.state();
        let kind = discriminant(dead);
        state.consecutive = if state.last == Some(kind) { state.consecutive + 1 } else { 1 };
        state.last = Some(kind);
        let enough = match dead {
            GatewayFailure::Silent(_) if state.played => MAX_SILENT_CASES,
            GatewayFailure::Silent(_) | GatewayFailure::TooSlow(_) => 1,
            GatewayFailure::Ended(_) => STARTED_BEFORE,
        };
        if state.consecutive >= enough {
            // The report contains the last lines of the gateway's log and what was tried.
            let why = one_line(dead.why());
            state.reason = Some(match state.consecutive {
                1 => after_one(why),
                many => format!("not tried: {many} cases in a row failed the same way: {why}"),
            });
        }
    }

    /// Records a failed start with these settings.
    pub(crate) fn start_failed(&self, error: &LaunchError, settings: &GatewaySettings) -> FailedStartAction {
        // The scenario causes a refused configuration, so the refusal is not a failure of the gateway.
        if matches!(error, LaunchError::Refused { .. }) {
            return FailedStartAction::Continue;
        }
        let why = one_line(&error.to_string()).to_owned();
        let mut state = self.state();
        if is_permanent(error) || (openclaw_json::is_plain(settings) && never_speaks(error)) {
            state.reason = Some(after_one(&why));
            return FailedStartAction::Continue;
        }
        let never_ready = !state.ready;
        let starts = state.with(settings);
        let kind = discriminant(error);
        let again = starts.last.as_ref().is_some_and(|(last, _)| *last == kind);
        starts.consecutive = if again { starts.consecutive + 1 } else { 1 };
        starts.last = Some((kind, why));
        // The gateway was already started with the default configuration, so a repeated failure is not caused by a
        // case.
        if never_ready && openclaw_json::is_plain(settings) {
            if starts.consecutive >= NEVER_STARTED {
                let (many, why) = (starts.consecutive, starts.why());
                let reason = format!("not tried: {many} starts in a row failed the same way: {why}");
                state.reason = Some(reason);
            }
            return FailedStartAction::Continue;
        }
        let enough = match starts.ready {
            _ if never_ready || never_speaks(error) => 1,
            true => STARTED_BEFORE,
            false => NEVER_STARTED,
        };
        if starts.consecutive < enough || state.in_doubt.is_some() {
            return FailedStartAction::Continue;
        }
        state.in_doubt = Some(settings.clone());
        FailedStartAction::TryPlain
    }

    /// Records the result of the start with the default configuration that [`FailedStartAction::TryPlain`] requested.
    pub(crate) fn plain(&self, started: Result<(), &LaunchError>) {
        let mut state = self.state();
        let Some(settings) = state.in_doubt.take() else { return };
        if let Err(error) = started {
            let why = error.to_string();
            let why = one_line(&why);
            state.reason =
                Some(format!("not tried: the gateway did not start, not even with the default configuration: {why}"));
            return;
        }
        state.ready = true;
        let starts = state.with(&settings);
        let (many, (_, why)) = match starts.last.clone() {
            // The gateway starts with the default configuration, so the failure was caused by the cases.
            Some(last) if !starts.ready && !openclaw_json::is_plain(&settings) => (starts.consecutive, last),
            _ => {
                starts.consecutive = 0;
                return;
            }
        };
        if many >= NEVER_STARTED {
            starts.reason =
                Some(format!("not tried: {many} starts in a row with these settings failed the same way: {why}"));
        }
    }
}

fn after_one(why: &str) -> String {
    format!("not tried: {why}")
}

/// Whether the failure must be caused by the gateway and not by the settings of a scenario.
fn is_permanent(error: &LaunchError) -> bool {
    matches!(
        error,
        LaunchError::CommandNotFound { .. }
            | LaunchError::CannotRun { .. }
            | LaunchError::NeverLogged { .. }
            // Every case asks a gateway at a URL for the same thing.
            | LaunchError::Unreachable { .. }
    )
}

/// Whether the gateway listens but does not speak the protocol.
fn never_speaks(error: &LaunchError) -> bool {
    matches!(error, LaunchError::NeverAnswered { .. } | LaunchError::Garbage { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::{Exit, LogTail};
    use serde_json::json;

    fn missing() -> LaunchError {
        LaunchError::CommandNotFound { command: "nobody".to_owned() }
    }

    fn unheard() -> LaunchError {
        LaunchError::NeverListened { port: 1, instead: Vec::new(), in_background: false, log: LogTail::default() }
    }

    fn exited() -> LaunchError {
        LaunchError::Exited { exit: Exit { code: Some(1), signal: None }, log: LogTail::default() }
    }

    fn plain() -> GatewaySettings {
        GatewaySettings::default()
    }

    fn settings(bind: &str) -> GatewaySettings {
        serde_json::from_value(json!({ "bind": bind })).unwrap()
    }

    fn silent() -> GatewayFailure {
        GatewayFailure::Silent("silent".to_owned())
    }

    #[test]
    fn opens_immediately_without_scenario_cause() {
        let breaker = Breaker::default();
        assert!(breaker.undecided());
        assert_eq!(breaker.start_failed(&missing(), &settings("lan")), FailedStartAction::Continue);
        assert!(breaker.open(&plain()).is_some_and(|reason| reason.contains("`nobody` was not found")));
        assert!(!breaker.undecided());
    }

    #[test]
    fn dead_after_default_configuration_fails() {
        let breaker = Breaker::default();
        assert_eq!(breaker.start_failed(&unheard(), &settings("lan")), FailedStartAction::TryPlain);
        assert_eq!((breaker.open(&settings("lan")), breaker.undecided()), (None, true));
        breaker.plain(Err(&unheard()));
        let reason = breaker.open(&plain()).unwrap();
        assert!(reason.contains("did not listen") && reason.contains("default configuration"), "{reason}");
    }

    #[test]
    fn dead_after_two_default_starts() {
        let breaker = Breaker::default();
        assert_eq!(breaker.start_failed(&unheard(), &plain()), FailedStartAction::Continue);
        assert_eq!((breaker.open(&plain()), breaker.undecided()), (None, true));
        assert_eq!(breaker.start_failed(&unheard(), &plain()), FailedStartAction::Continue);
        assert!(breaker.open(&settings("lan")).is_some_and(|reason| reason.contains("did not listen")));
    }

    #[test]
    fn gives_up_only_failing_configuration() {
        let breaker = Breaker::default();
        breaker.played(&plain());
        assert_eq!(breaker.start_failed(&exited(), &settings("lan")), FailedStartAction::Continue);
        assert_eq!(breaker.start_failed(&exited(), &settings("lan")), FailedStartAction::TryPlain);
        assert_eq!(breaker.open(&settings("lan")), None, "nothing is given up before the plain one was tried");
        breaker.plain(Ok(()));
        assert!(breaker.open(&settings("lan")).is_some_and(|reason| reason.contains("2 starts in a row")));
        assert_eq!([breaker.open(&plain()), breaker.open(&settings("auto"))], [None, None]);
    }

    /// The first failure leads to a start with the default configuration. It must still count at the second failure.
    #[test]
    fn gives_up_silent_configuration() {
        let unanswered = LaunchError::NeverAnswered { port: 1, what: "the upgrade", log: LogTail::default() };
        let breaker = Breaker::default();
        breaker.played(&plain());
        for given_up in [false, true] {
            assert_eq!(breaker.start_failed(&unanswered, &settings("lan")), FailedStartAction::TryPlain);
            breaker.plain(Ok(()));
            assert_eq!(breaker.open(&settings("lan")).is_some(), given_up);
        }
        assert_eq!(breaker.open(&plain()), None);
    }

    #[test]
    fn starts_of_configurations_count_separately() {
        let breaker = Breaker::default();
        breaker.played(&plain());
        for bind in ["lan", "tailnet", "auto"] {
            assert_eq!(breaker.start_failed(&exited(), &settings(bind)), FailedStartAction::Continue);
        }
        assert_eq!(breaker.open(&settings("lan")), None);
    }

    #[test]
    fn pending_default_start_keeps_breaker_closed() {
        let breaker = Breaker::default();
        breaker.ready(&plain());
        for _ in 1..STARTED_BEFORE {
            assert_eq!(breaker.start_failed(&exited(), &plain()), FailedStartAction::Continue);
        }
        assert_eq!(breaker.start_failed(&exited(), &plain()), FailedStartAction::TryPlain);
        assert_eq!(breaker.start_failed(&exited(), &plain()), FailedStartAction::Continue, "it is being tried");
        breaker.plain(Ok(()));
        assert_eq!(breaker.open(&plain()), None);
    }

    #[test]
    fn unresponsive_default_configuration_opens() {
        let breaker = Breaker::default();
        breaker.played(&plain());
        for _ in 1..STARTED_BEFORE {
            assert_eq!(breaker.start_failed(&exited(), &plain()), FailedStartAction::Continue);
        }
        assert_eq!(breaker.start_failed(&exited(), &plain()), FailedStartAction::TryPlain);
        breaker.plain(Err(&exited()));
        assert!(breaker.open(&settings("lan")).is_some());
    }

    #[test]
    fn silent_gateway_opens_sooner_without_answers() {
        let breaker = Breaker::default();
        breaker.ready(&plain());
        assert!(!breaker.undecided());
        breaker.failed(&silent());
        assert!(breaker.open(&plain()).is_some());
        let breaker = Breaker::default();
        breaker.played(&plain());
        breaker.failed(&silent());
        assert_eq!(breaker.open(&plain()), None);
        breaker.failed(&silent());
        assert!(breaker.open(&plain()).is_some());
    }

    #[test]
    fn too_slow_opens_immediately() {
        let breaker = Breaker::default();
        breaker.played(&plain());
        breaker.failed(&GatewayFailure::TooSlow("too slow".to_owned()));
        assert!(breaker.open(&plain()).is_some_and(|reason| reason.contains("too slow")));
    }

    #[test]
    fn opens_if_every_case_ends_in_exit() {
        let breaker = Breaker::default();
        breaker.ready(&plain());
        for _ in 0..STARTED_BEFORE {
            assert_eq!(breaker.open(&plain()), None);
            breaker.failed(&GatewayFailure::Ended("it ended".to_owned()));
        }
        assert!(breaker.open(&plain()).is_some());
    }

    #[test]
    fn refusals_do_not_count() {
        let breaker = Breaker::default();
        let refused = LaunchError::Refused { code: 1, reason: "bind".to_owned() };
        for _ in 0..9 {
            assert_eq!(breaker.start_failed(&refused, &plain()), FailedStartAction::Continue);
        }
        assert_eq!(breaker.open(&plain()), None);
    }
}
