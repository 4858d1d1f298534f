//! Random life stories, played on the rules and on a gateway; where the two differ, the story is made short and kept.
//!
//! A story is a generated scenario. It goes the way of every scenario, on both sides: the ordinary parser, the ordinary run, the
//! ordinary observation. What is played is decided by the seed, the story's index and the version of clawcheck alone.

mod difference;
mod differential_runner;
mod save;
mod shrink;
mod story;

pub(crate) use difference::{DifferenceKind, StoryDifference};
pub(crate) use differential_runner::EventListener;

use crate::gateway::{Gateway, Guard, PrepareError};
use crate::judge::cause;
use crate::observe::snapshot::LibraryError;
use crate::run::outcome::Boots;
use crate::run::{Isolation, Options, RunError};
use crate::scenario::{Case, Corpus, ScenarioErrors, writer};
use differential_runner::{Comparison, DifferentialRunner};
use openclaw_model::Release;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};
use story::story;
use tokio::sync::watch;

/// Most kinds of difference that are made short in one go; each costs some starts of the gateway.
const MOST_SHRUNK: usize = 12;
/// Most scenarios that are tried in one round of making a story short.
const MOST_CUTS: usize = 120;

/// Which stories are played.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FuzzOptions {
    /// What the stories come from.
    pub seed: u64,
    /// The index of the first one.
    pub first: u64,
    /// How many.
    pub stories: u64,
    /// How long differences are made short at most; zero: they are told as they were found.
    pub shrink_within: Duration,
}

/// Why stories could not be played to their end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FuzzError {
    /// The rules of the gateway's release are not to be had.
    #[error(transparent)]
    Rules(#[from] PrepareError),
    /// The snapshots inside the program are damaged.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// A run could not be brought to its end.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A story is no scenario: the generator is wrong.
    #[error("story {index} of seed {seed} is not a valid scenario: {problems:?}")]
    Story {
        /// The seed.
        seed: u64,
        /// The story's index.
        index: u64,
        /// What is wrong with it.
        problems: ScenarioErrors,
    },
}

/// What became of the stories.
#[derive(Debug, Clone, Default)]
pub(crate) struct FuzzReport {
    /// How many stories were compared.
    pub compared: usize,
    /// How many configurations they had.
    pub configurations: usize,
    /// How many differed.
    pub differing: usize,
    /// Stories that one side cannot play, by why.
    pub not_played: BTreeMap<String, usize>,
    /// Stories in which one side could not do its part, and why.
    pub failed: Vec<(u64, String)>,
    /// The differences by kind, the most frequent first.
    pub found: Vec<FoundDifference>,
    /// How many times the gateway was started, and how many starts were saved because stories share it.
    pub boots: Boots,
    /// How many scenarios were played to make differences short.
    pub replayed: usize,
    /// Whether it was told to stop before the end.
    pub interrupted: bool,
    /// How long it took.
    pub duration: Duration,
}

/// One kind of difference.
#[derive(Debug, Clone)]
pub(crate) struct FoundDifference {
    /// What kind.
    pub kind: DifferenceKind,
    /// The indexes of the stories that show it first.
    pub stories: Vec<u64>,
    /// The shortest story that shows it.
    pub shrunk: ShrunkStory,
}

impl FoundDifference {
    /// The most serious difference of the shortest story.
    pub(crate) fn cause(&self) -> cause::Difference {
        let StoryDifference { predicted, seen, .. } = &self.shrunk.difference;
        cause::gravest(predicted, seen)
    }
}

/// A story that shows a difference, as short as it could be made.
#[derive(Debug, Clone)]
pub(crate) struct ShrunkStory {
    /// The seed.
    pub seed: u64,
    /// The index of the story that it comes from.
    pub story: u64,
    /// The release whose rules predicted.
    pub release: Release,
    /// What it shows.
    pub difference: StoryDifference,
    /// Whether it showed the difference again on a gateway of its own.
    pub repeats: bool,
    scenario: Value,
}

/// Plays stories on a gateway and on the rules of the release that it claims to be. When `stop` turns true, what was compared
/// until then is told.
///
/// # Errors
/// The rules, the disk or a report are not to be had.
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
    // The shortest of them is the least work to read and to make shorter.
    let scenario = |index: u64| story(plan.seed, index);
    let (index, difference) = stories.iter().min_by_key(|(index, _)| shrink::size(&scenario(*index))).cloned()?;
    let shrunk =
        ShrunkStory { seed: plan.seed, story: index, release, difference, repeats: false, scenario: scenario(index) };
    Some(FoundDifference { kind, stories: stories.into_iter().map(|(index, _)| index).collect(), shrunk })
}

fn name(seed: u64, index: u64) -> String {
    format!("{seed}-{index}")
}

/// The case that a scenario's tree is.
fn case(name: &str, scenario: &Value) -> Result<Case, ScenarioErrors> {
    let corpus = Corpus::written(Path::new(&format!("fuzz/{name}.yaml")), &writer::yaml(scenario, &[]))?;
    // A story has no matrix.
    corpus.cases().first().cloned().ok_or(ScenarioErrors(Vec::new()))
}

/// Makes the stories short that show the most frequent differences, all of them side by side.
async fn shrink_all(
    runner: &DifferentialRunner<'_>,
    report: &mut FuzzReport,
    isolation: Isolation,
    deadline: Instant,
) -> Result<(), FuzzError> {
    let mut open = (0..report.found.len().min(MOST_SHRUNK)).collect::<Vec<_>>();
    let timed_out = || Instant::now() >= deadline;
    if timed_out() {
        return Ok(());
    }
    open = replay(runner, report, &open, "again").await?;
    let repeating = open.clone();
    while !open.is_empty() && !timed_out() {
        let cuts =
            open.iter().map(|at| (*at, shrink::cuts(&report.found[*at].shrunk.scenario))).collect::<BTreeMap<_, _>>();
        let scenarios = |at: usize, cuts: &[shrink::Removal]| {
            let scenario = &report.found[at].shrunk.scenario;
            cuts.iter().take(MOST_CUTS).map(|cut| shrink::without(scenario, cut)).collect::<Vec<_>>()
        };
        let trials = cuts.iter().map(|(at, cuts)| (*at, scenarios(*at, cuts))).collect();
        let reproducing = play_trials(runner, report, trials, "cut", isolation).await?;
        let mut joined = Vec::new();
        for (at, reproduced) in &reproducing {
            let reproduced = reproduced.iter().map(|(number, _)| cuts[at][*number].clone()).collect::<Vec<_>>();
            let scenario = &report.found[*at].shrunk.scenario;
            let shorter =
                shrink::merged(&reproduced).iter().map(|cut| shrink::without(scenario, cut)).collect::<Vec<_>>();
            joined.push((*at, shorter));
        }
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
    replay(runner, report, &repeating, "shortest").await?;
    Ok(())
}

/// Plays the shortest stories so far on gateways of their own, and notes which of these show their difference there. Gives those.
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

/// Plays scenarios for differences, and gives those that show the same kind still, by their number, in their order.
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
            // What is no scenario cannot be left out.
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
