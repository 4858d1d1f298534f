//! Fuzzing: runs random stories on the model and on a gateway. If the two differ, the story is shrunk and kept.
//!
//! A story is a generated scenario. Both sides treat it like every other scenario: the ordinary parser, the ordinary
//! run, the ordinary observation. The seed, the story's index and the version of clawcheck determine a story
//! completely.

mod difference;
mod differential_runner;
mod error;
mod saved_story;
mod shrink;
mod story;

pub(crate) use difference::{DifferenceKind, StoryDifference};
pub(crate) use differential_runner::EventListener;
pub(crate) use error::FuzzError;

use crate::gateway::{Gateway, Guard};
use crate::judge::cause;
use crate::run::outcome::GatewayStarts;
use crate::run::{Isolation, Options};
use crate::scenario::{Case, Corpus, ScenarioErrors, writer};
use differential_runner::{Comparison, DifferentialRunner};
use openclaw_model::Release;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};
use story::story;
use tokio::sync::watch;

/// The maximum number of kinds of difference that are shrunk. Each costs some starts of the gateway.
const MAX_SHRUNK: usize = 12;
/// The maximum number of scenarios that one round of shrinking tries for each difference.
const MAX_CUTS: usize = 120;

/// The stories to run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FuzzOptions {
    /// The seed of the generator.
    pub seed: u64,
    /// The index of the first story.
    pub first: u64,
    /// The number of stories.
    pub stories: u64,
    /// The maximum time for shrinking. If zero, differences are reported without shrinking.
    pub shrink_within: Duration,
}

/// The result of fuzzing.
#[derive(Debug, Clone, Default)]
pub(crate) struct FuzzReport {
    /// The number of compared stories.
    pub compared: usize,
    /// The number of different configurations.
    pub configurations: usize,
    /// The number of stories that differ.
    pub differing: usize,
    /// The number of stories that one side cannot run, by reason.
    pub not_played: BTreeMap<String, usize>,
    /// The stories for which the harness failed on one side, with the reason.
    pub failed: Vec<(u64, String)>,
    /// The differences by kind, the most frequent first.
    pub found: Vec<FoundDifference>,
    /// The number of starts of the gateway, and of starts that were saved because stories share the gateway.
    pub boots: GatewayStarts,
    /// The number of scenarios that shrinking has run.
    pub replayed: usize,
    /// Whether the user stopped fuzzing before its end.
    pub interrupted: bool,
    /// The duration of fuzzing.
    pub duration: Duration,
}

/// One kind of difference.
#[derive(Debug, Clone)]
pub(crate) struct FoundDifference {
    pub kind: DifferenceKind,
    /// The indexes of the stories that show this kind first, in ascending order.
    pub stories: Vec<u64>,
    /// The shortest story that shows it.
    pub shrunk: ShrunkStory,
}

impl FoundDifference {
    /// The most serious difference of the shortest story.
    pub(crate) fn cause(&self) -> cause::Difference {
        let StoryDifference { predicted, seen, .. } = &self.shrunk.difference;
        cause::most_serious(predicted, seen)
    }
}

/// A shrunk story that shows a difference.
#[derive(Debug, Clone)]
pub(crate) struct ShrunkStory {
    pub seed: u64,
    /// The index of the original story.
    pub story: u64,
    /// The release whose rules predicted the observation.
    pub release: Release,
    /// The difference that the shrunk story shows.
    pub difference: StoryDifference,
    /// Whether the difference occurred again on a separate gateway.
    pub repeats: bool,
    scenario: Value,
}

/// Runs stories on a gateway and on the rules of the release that it claims to implement. When `stop` becomes true,
/// the report contains the stories that were compared until then.
///
/// # Errors
/// Returns an error if the rules are not available, or if a run failed.
pub(crate) async fn fuzz(
    plan: FuzzOptions,
    gateway: &Gateway,
    guard: &Guard,
    options: &Options,
    stop: watch::Receiver<bool>,
    listen: EventListener<'_>,
) -> Result<FuzzReport, FuzzError> {
    let began = Instant::now();
    let runner = DifferentialRunner::new(gateway, guard, options, stop).await?;
    let mut stories = BTreeMap::new();
    let mut cases = Vec::new();
    for index in plan.first..plan.first.saturating_add(plan.stories) {
        let scenario = story(plan.seed, index);
        let case = case(&name(plan.seed, index), &scenario).map_err(|problems| FuzzError::Story {
            seed: plan.seed,
            index,
            problems,
        })?;
        stories.insert(case.id.clone(), (index, scenario));
        cases.push(case);
    }
    let configurations = stories.values().filter_map(|(_, scenario)| scenario.get("gateway")).map(Value::to_string);
    let mut report =
        FuzzReport { configurations: configurations.collect::<BTreeSet<_>>().len(), ..FuzzReport::default() };
    let comparison = runner.compare(&cases.iter().collect::<Vec<_>>(), options.isolation, listen).await?;
    report.interrupted = comparison.interrupted;
    report.boots = comparison.boots;
    let mut kinds: BTreeMap<DifferenceKind, Vec<(u64, StoryDifference)>> = BTreeMap::new();
    for (id, compared) in comparison.cases {
        let Some((index, _)) = stories.get(&id) else { continue };
        match compared {
            Comparison::Same => report.compared += 1,
            Comparison::Differs(difference) => {
                report.compared += 1;
                report.differing += 1;
                kinds.entry(difference.kind.clone()).or_default().push((*index, *difference));
            }
            Comparison::NotPlayed(why) => *report.not_played.entry(why).or_default() += 1,
            Comparison::Failed(why) => report.failed.push((*index, why)),
        }
    }
    report.failed.sort();
    report.found =
        kinds.into_iter().filter_map(|(kind, stories)| found(&plan, runner.release(), kind, stories)).collect();
    // Shrinking has a limited time, so the most frequent kinds come first.
    report.found.sort_by_key(|found| std::cmp::Reverse(found.stories.len()));
    if !report.interrupted {
        let deadline = Instant::now() + plan.shrink_within;
        shrink_all(&runner, &mut report, options.isolation, deadline).await?;
    }
    report.duration = began.elapsed();
    Ok(report)
}

fn found(
    plan: &FuzzOptions,
    release: Release,
    kind: DifferenceKind,
    mut stories: Vec<(u64, StoryDifference)>,
) -> Option<FoundDifference> {
    stories.sort_by_key(|(index, _)| *index);
    // The shortest story is the easiest to read and takes the fewest rounds to shrink.
    let scenario = |index: u64| story(plan.seed, index);
    let (index, difference) = stories.iter().min_by_key(|(index, _)| shrink::size(&scenario(*index))).cloned()?;
    let shrunk =
        ShrunkStory { seed: plan.seed, story: index, release, difference, repeats: false, scenario: scenario(index) };
    Some(FoundDifference { kind, stories: stories.into_iter().map(|(index, _)| index).collect(), shrunk })
}

fn name(seed: u64, index: u64) -> String {
    format!("{seed}-{index}")
}

/// Turns a scenario's tree into a case.
fn case(name: &str, scenario: &Value) -> Result<Case, ScenarioErrors> {
    let corpus = Corpus::written(Path::new(&format!("fuzz/{name}.yaml")), &writer::yaml(scenario, &[]))?;
    // A story has no matrix, so there is exactly one case.
    corpus.cases().first().cloned().ok_or(ScenarioErrors(Vec::new()))
}

/// Shrinks the stories of the most frequent differences, all at the same time.
async fn shrink_all(
    runner: &DifferentialRunner<'_>,
    report: &mut FuzzReport,
    isolation: Isolation,
    deadline: Instant,
) -> Result<(), FuzzError> {
    let mut open = (0..report.found.len().min(MAX_SHRUNK)).collect::<Vec<_>>();
    let timed_out = || Instant::now() >= deadline;
    if timed_out() {
        return Ok(());
    }
    // A difference can come from another story on the same gateway. Only differences that occur again on a separate
    // gateway are shrunk.
    open = replay(runner, report, &open, "again").await?;
    let repeating = open.clone();
    while !open.is_empty() && !timed_out() {
        let cuts =
            open.iter().map(|at| (*at, shrink::cuts(&report.found[*at].shrunk.scenario))).collect::<BTreeMap<_, _>>();
        let scenarios = |at: usize, cuts: &[shrink::Removal]| {
            let scenario = &report.found[at].shrunk.scenario;
            cuts.iter().take(MAX_CUTS).map(|cut| shrink::without(scenario, cut)).collect::<Vec<_>>()
        };
        // First run: each removal alone, for all differences together.
        let trials = cuts.iter().map(|(at, cuts)| (*at, scenarios(*at, cuts))).collect();
        let reproducing = play_trials(runner, report, trials, "cut", isolation).await?;
        // Second run: combinations of the removals that succeeded. The first combination that still shows the
        // difference is the largest one, and it is the start of the next round.
        let mut joined = Vec::new();
        for (at, reproduced) in &reproducing {
            let reproduced = reproduced.iter().map(|(number, _)| cuts[at][*number].clone()).collect::<Vec<_>>();
            let scenario = &report.found[*at].shrunk.scenario;
            let shorter =
                shrink::merged(&reproduced).iter().map(|cut| shrink::without(scenario, cut)).collect::<Vec<_>>();
            joined.push((*at, shorter));
        }
        // A story is finished when no single removal keeps its difference.
        open.retain(|at| reproducing.contains_key(at));
        let shorter = joined.iter().cloned().collect::<BTreeMap<_, _>>();
        let reproducing = play_trials(runner, report, joined, "together", isolation).await?;
        for (at, reproduced) in reproducing {
            if let Some((number, difference)) = reproduced.into_iter().next() {
                let shrunk = &mut report.found[at].shrunk;
                shrunk.scenario = shorter[&at][number].clone();
                shrunk.difference = difference;
            }
        }
    }
    // The shrunk stories ran on shared gateways, so check them once more on separate ones.
    replay(runner, report, &repeating, "shortest").await?;
    Ok(())
}

/// Runs the shortest stories so far on separate gateways, and records which of them still show their difference.
/// Returns these.
async fn replay(
    runner: &DifferentialRunner<'_>,
    report: &mut FuzzReport,
    which: &[usize],
    result: &str,
) -> Result<Vec<usize>, FuzzError> {
    let trials = which.iter().map(|at| (*at, vec![report.found[*at].shrunk.scenario.clone()])).collect();
    let reproducing = play_trials(runner, report, trials, result, Isolation::Case).await?;
    for at in which {
        report.found[*at].shrunk.repeats = reproducing.contains_key(at);
    }
    Ok(reproducing.into_keys().collect())
}

/// Runs scenarios for several differences. Returns the scenarios that still show a difference of the same kind, by
/// their number, in order.
async fn play_trials(
    runner: &DifferentialRunner<'_>,
    report: &mut FuzzReport,
    trials: Vec<(usize, Vec<Value>)>,
    result: &str,
    isolation: Isolation,
) -> Result<BTreeMap<usize, Vec<(usize, StoryDifference)>>, FuzzError> {
    let mut cases = BTreeMap::new();
    for (at, scenarios) in &trials {
        let ShrunkStory { seed, story, .. } = &report.found[*at].shrunk;
        for (number, scenario) in scenarios.iter().enumerate() {
            let name = format!("{}-{result}-{}-{number}", name(*seed, *story), report.replayed);
            // A removal can make a scenario invalid. Such a removal is not tried.
            if let Ok(case) = case(&name, scenario) {
                cases.insert(case.id.clone(), (*at, number, case));
            }
        }
    }
    report.replayed += cases.len();
    let all = cases.values().map(|(_, _, case)| case).collect::<Vec<_>>();
    let comparison = runner.compare(&all, isolation, &mut |_| Ok(())).await?;
    report.interrupted |= comparison.interrupted;
    report.boots.made += comparison.boots.made;
    report.boots.saved += comparison.boots.saved;
    let mut reproducing: BTreeMap<usize, Vec<(usize, StoryDifference)>> = BTreeMap::new();
    for (id, compared) in comparison.cases {
        let Some((at, number, _)) = cases.get(&id) else { continue };
        if let Comparison::Differs(difference) = compared
            && difference.kind == report.found[*at].kind
        {
            reproducing.entry(*at).or_default().push((*number, *difference));
        }
    }
    reproducing.values_mut().for_each(|reproduced| reproduced.sort_by_key(|(number, _)| *number));
    Ok(reproducing)
}
