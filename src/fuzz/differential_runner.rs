//! Runs scenarios on the rules and on the gateway under test, and compares the observations. Both sides use the
//! ordinary run.

use super::FuzzError;
use super::difference::StoryDifference;
use crate::gateway::{Gateway, GatewaySpec, Guard, Preparation};
use crate::judge::Verdict;
use crate::observe::Observation;
use crate::observe::snapshot::Library;
use crate::run::outcome::{Event, GatewayStarts, RunReport};
use crate::run::{self, Isolation, Options};
use crate::scenario::Case;
use openclaw_model::Release;
use std::collections::BTreeMap;
use std::io;
use tokio::sync::watch;

/// Receives the progress of a comparison: the events of the run on the gateway under test.
pub(crate) type EventListener<'a> = &'a mut (dyn FnMut(Event<'_>) -> io::Result<()> + Send);

/// The gateway under test, and an embedded gateway with the rules of the release that it claims to implement.
pub(super) struct DifferentialRunner<'a> {
    gateway: &'a Gateway,
    rules: Gateway,
    /// Empty, because stories have no snapshots. The rules give the expected observation.
    library: Library,
    guard: &'a Guard,
    options: &'a Options,
    stop: watch::Receiver<bool>,
}

/// The result of one scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Comparison {
    /// The observations are equal.
    Same,
    /// The observations differ.
    Differs(Box<StoryDifference>),
    /// One side cannot run the scenario, with the reason.
    NotPlayed(String),
    /// The harness failed on one side, with the reason.
    Failed(String),
}

/// The results of several scenarios.
pub(super) struct ComparisonReport {
    /// The results by case id.
    pub(super) cases: BTreeMap<String, Comparison>,
    /// The number of starts of the gateway under test, and of starts that sharing has saved.
    pub(super) boots: GatewayStarts,
    /// Whether the run was stopped before its end.
    pub(super) interrupted: bool,
}

impl<'a> DifferentialRunner<'a> {
    /// Creates a runner for a gateway.
    ///
    /// # Errors
    /// Returns an error if the embedded gateway does not support the release.
    pub(super) async fn new(
        gateway: &'a Gateway,
        guard: &'a Guard,
        options: &'a Options,
        stop: watch::Receiver<bool>,
    ) -> Result<Self, FuzzError> {
        let spec = GatewaySpec::Embedded(Some(run::release_of(gateway)));
        let rules = Gateway::prepare(&spec, &Preparation::default(), &|_| {}).await?;
        Ok(Self { gateway, rules, library: Library::empty(), guard, options, stop })
    }

    /// The release whose rules predict the observations.
    pub(super) fn release(&self) -> Release {
        run::release_of(self.gateway)
    }

    /// Runs cases on both sides and compares the observations. `isolation` applies to the gateway under test.
    ///
    /// # Errors
    /// Returns an error if a run could not finish.
    pub(super) async fn compare(
        &self,
        cases: &[&Case],
        isolation: Isolation,
        listen: EventListener<'_>,
    ) -> Result<ComparisonReport, FuzzError> {
        let (predicted, on_rules) = self.play(cases, &self.rules, Isolation::Case, &mut |_| Ok(())).await?;
        if on_rules.interrupted.is_some() {
            return Ok(ComparisonReport { cases: BTreeMap::new(), boots: GatewayStarts::default(), interrupted: true });
        }
        // A case that does not run on the rules has no prediction. A gateway cannot do what its description says that it
        // lacks.
        let (mut worth, mut lacked) = (Vec::new(), BTreeMap::new());
        for case in cases {
            let Some(PlayResult::Observed(predicted)) = predicted.get(&case.id) else { continue };
            match run::lacked(case, predicted.text(), self.gateway.profile()) {
                Some(reason) => drop(lacked.insert(case.id.clone(), PlayResult::Not(reason))),
                None => worth.push(*case),
            }
        }
        let (mut seen, ran) = self.play(&worth, self.gateway, isolation, listen).await?;
        seen.append(&mut lacked);
        let mut compared = BTreeMap::new();
        for (id, predicted) in predicted {
            let result = match (predicted, seen.remove(&id)) {
                (PlayResult::Observed(predicted), Some(PlayResult::Observed(seen))) => {
                    match StoryDifference::between(seen.comparable(predicted.text()), seen.text()) {
                        Some(difference) => Comparison::Differs(Box::new(difference)),
                        None => Comparison::Same,
                    }
                }
                (PlayResult::Failed(why), _) => Comparison::Failed(format!("the rules: {why}")),
                (PlayResult::Not(why), _) | (_, Some(PlayResult::Not(why))) => Comparison::NotPlayed(why),
                (_, Some(PlayResult::Failed(why))) => Comparison::Failed(why),
                (_, None) => continue,
            };
            compared.insert(id, result);
        }
        let boots = ran.boots.unwrap_or_default();
        Ok(ComparisonReport { cases: compared, boots, interrupted: ran.interrupted.is_some() })
    }

    async fn play(
        &self,
        cases: &[&Case],
        gateway: &Gateway,
        isolation: Isolation,
        listen: EventListener<'_>,
    ) -> Result<(BTreeMap<String, PlayResult>, RunReport), FuzzError> {
        let mut played = BTreeMap::new();
        let mut hear = |event: Event<'_>| {
            if let Event::Case(report) = event {
                let reason = || report.reason.clone().unwrap_or_default();
                let result = match (&report.observation, report.verdict) {
                    (Some(observation), _) => PlayResult::Observed(Box::new(observation.clone())),
                    (None, Verdict::Error) => PlayResult::Failed(reason()),
                    (None, _) => PlayResult::Not(reason()),
                };
                played.insert(report.id.clone(), result);
            }
            listen(event)
        };
        let stop = self.stop.clone();
        // `trusting`: a difference on a shared gateway is not played again here, because shrinking plays the shortest story
        // of each kind on a separate gateway.
        let options = Options { isolation, trusting: true, ..self.options.clone() };
        let ran = run::run(cases, gateway, &self.library, self.guard, &options, stop, &mut hear).await?;
        match ran.error {
            Some(error) => Err(error.into()),
            None => Ok((played, ran.report)),
        }
    }
}

enum PlayResult {
    Observed(Box<Observation>),
    Not(String),
    Failed(String),
}
