//! Plays scenarios on the rules and on the gateway under test, both by the ordinary run, and holds what was seen side by side.

use super::FuzzError;
use super::difference::StoryDifference;
use crate::gateway::{Gateway, GatewaySpec, Guard, Preparation};
use crate::judge::Verdict;
use crate::observe::Observation;
use crate::observe::snapshot::Library;
use crate::run::outcome::{Boots, Event, RunReport};
use crate::run::{self, Isolation, Options};
use crate::scenario::Case;
use openclaw_model::Release;
use std::collections::BTreeMap;
use std::io;
use tokio::sync::watch;

/// Hears how far a comparison is: the events of the run on the gateway under test.
pub(crate) type EventListener<'a> = &'a mut (dyn FnMut(Event<'_>) -> io::Result<()> + Send);

/// The gateway under test beside the rules of the release that it claims to be.
pub(super) struct DifferentialRunner<'a> {
    gateway: &'a Gateway,
    rules: Gateway,
    /// Stories have no snapshots: the rules say what is right.
    library: Library,
    guard: &'a Guard,
    options: &'a Options,
    stop: watch::Receiver<bool>,
}

/// What became of one scenario on both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Comparison {
    /// Both saw the same.
    Same,
    /// They did not.
    Differs(Box<StoryDifference>),
    /// One of them cannot play it, and why.
    NotPlayed(String),
    /// One of them could not do its part, and why.
    Failed(String),
}

/// What became of many.
pub(super) struct ComparisonReport {
    /// By the id of the case.
    pub(super) cases: BTreeMap<String, Comparison>,
    /// How many times the gateway under test was started, and how many starts sharing has saved.
    pub(super) boots: Boots,
    /// Whether the run was told to stop before all of them were played.
    pub(super) interrupted: bool,
}

impl<'a> DifferentialRunner<'a> {
    /// A bench for a gateway.
    ///
    /// # Errors
    /// The embedded gateway does not know the release.
    pub(super) async fn new(
        gateway: &'a Gateway,
        guard: &'a Guard,
        options: &'a Options,
        stop: watch::Receiver<bool>,
    ) -> Result<Self, FuzzError> {
        let spec = GatewaySpec::Embedded(Some(run::release_of(gateway)));
        let rules = Gateway::prepare(&spec, &Preparation::default(), &|_| {}).await?;
        Ok(Self { gateway, rules, library: Library::built_in()?, guard, options, stop })
    }

    /// The release whose rules predict.
    pub(super) fn release(&self) -> Release {
        run::release_of(self.gateway)
    }

    /// Plays cases on both and compares what was seen. `isolation` is that of the gateway under test.
    ///
    /// # Errors
    /// A run that could not be brought to its end.
    pub(super) async fn compare(
        &self,
        cases: &[&Case],
        isolation: Isolation,
        listen: EventListener<'_>,
    ) -> Result<ComparisonReport, FuzzError> {
        let (predicted, on_rules) = self.play(cases, &self.rules, Isolation::Case, &mut |_| Ok(())).await?;
        if on_rules.interrupted.is_some() {
            return Ok(ComparisonReport { cases: BTreeMap::new(), boots: Boots::default(), interrupted: true });
        }
        // What the rules cannot play cannot be compared. A gateway cannot do what its description says that it lacks.
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
        // A difference is looked at again, alone, once for all stories that show it.
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
