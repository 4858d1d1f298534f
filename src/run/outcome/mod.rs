//! The events and the results of a run, for the listeners in `report`.
//!
//! All texts can be printed. The run has replaced ids and tokens with symbols, and has redacted the secrets in
//! transcripts and logs.

mod closest;
mod explanation;

use crate::judge::{Difference, Finding, Level, StepNote, Verdict};
use crate::observe::Observation;
pub(crate) use closest::{ClosestRelease, EqualSnapshots};
pub(crate) use explanation::{CaseExplanation, ExplainedStep};
use openclaw_model::Release;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// An event of a run.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// The run starts.
    Started(&'a RunInfo),
    /// A case starts.
    Playing {
        /// The id of the case.
        case: &'a str,
    },
    /// A case is finished.
    Case(&'a CaseReport),
    /// The run is finished.
    Finished(&'a RunReport),
}

/// The maximum number of reasons for skipped cases that are counted apart.
const REASONS: usize = 40;

/// The data that is known when a run starts.
#[derive(Debug, Clone)]
pub struct RunInfo {
    /// The gateway under test.
    pub gateway: GatewayInfo,
    /// The number of selected cases.
    pub cases: usize,
    /// The number of cases that are played at the same time.
    pub jobs: usize,
    /// `case` or `shared`. Absent for a gateway at a URL, which every case uses.
    pub isolation: Option<&'static str>,
    /// The package of the schema that frames are validated against, if the run validates them.
    pub schema: Option<String>,
    /// How strictly the gateway is compared with the snapshots.
    pub level: Level,
}

/// The gateway under test.
#[derive(Debug, Clone)]
pub struct GatewayInfo {
    /// `embedded`, `spawned` or `attached`.
    pub kind: &'static str,
    /// The argument of the user: `openclaw@2026.4.2`.
    pub name: String,
    /// The program of the gateway.
    pub program: String,
    /// The release that the gateway is compared with.
    pub release: Option<Release>,
    /// The features that the gateway declares absent.
    pub lacks: Vec<&'static str>,
    /// What cannot be observed or done, with the reasons.
    pub notes: Vec<String>,
    /// The notes that change the meaning of the verdicts: what the gateway is compared with. `notes` also contains them.
    pub notes_on_verdicts: Vec<String>,
}

/// Why cases are not played, if a report says more about it than the reason of each case. The reasons differ from case to case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The cases apply only to other releases.
    OtherReleases,
    /// clawcheck cannot read the store.
    UnreadableStore,
    /// clawcheck cannot write the store.
    UnwritableStore,
    /// clawcheck cannot write the store, and connections do not create it.
    StoreNotCreated,
}

impl Obstacle {
    /// The obstacle in words, for all its cases together.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::OtherReleases => "the case applies only to other releases",
            Self::UnreadableStore => "clawcheck cannot read the gateway's store",
            Self::UnwritableStore => "clawcheck cannot write the gateway's store",
            Self::StoreNotCreated => {
                "clawcheck cannot write the gateway's store, and connections do not create the records of the case"
            }
        }
    }

    /// Whether clawcheck needs access to the store.
    pub(crate) fn is_of_store(self) -> bool {
        self != Self::OtherReleases
    }
}

/// The report of one case.
#[derive(Debug, Clone)]
pub struct CaseReport {
    /// The id of the case: `family/name#point`.
    pub id: String,
    /// The title of the scenario.
    pub title: String,
    /// The path of its scenario file.
    pub file: PathBuf,
    /// Whether the scenario is built into the binary.
    pub is_built_in: bool,
    /// The result of the case.
    pub verdict: Verdict,
    /// The reason why the case is an error, not applicable or skipped.
    pub reason: Option<String>,
    /// What the reason has in common with those of other cases.
    pub obstacle: Option<Obstacle>,
    /// Whether the case was not tried because the run had already given up the gateway.
    pub given_up: bool,
    /// The gateway that played the case.
    pub boot: GatewayUse,
    /// The description of the scenario.
    pub about: Option<String>,
    /// Issues, pull requests and pages that the scenario comes from.
    pub links: Vec<String>,
    /// The requirements that its expectations test.
    pub requirements: Vec<String>,
    /// The findings: unmet expectations and other deviations.
    pub findings: Vec<Finding>,
    /// The differences by cause, the most serious first.
    pub differences: Vec<Difference>,
    /// The differences from the snapshot of the claimed release, if the gateway has a snapshot of its own for the case.
    pub release_differences: Vec<Difference>,
    /// The notes of the steps with a difference, in the order of play.
    pub notes: Vec<StepNote>,
    /// The frames that were validated against the published schema, if the run validates them.
    pub frames: Option<FrameTally>,
    /// The observation, if the case was played to its end.
    pub observation: Option<Observation>,
    /// The duration of the case.
    pub duration: Duration,
    /// The messages on the wire, without secrets. Only for failures and with `--trace`.
    pub transcript: Option<String>,
    /// The last lines of the gateway's log, without secrets. Only for failures and with `--trace`.
    pub log: Option<String>,
    /// The command that plays this one case again.
    pub rerun: String,
    /// The `.snap.new` file with the observation, which waits for approval.
    pub proposed: Option<PathBuf>,
    /// The reasons for the answers of the model to the failing steps, for a failing case of a run with explanations.
    pub explanation: Option<CaseExplanation>,
}

impl CaseReport {
    /// The strictest level at which the case conforms. `None` if it was not played to its end or differs at every level.
    pub fn conforms_at(&self) -> Option<Level> {
        if self.observation.is_none() || self.verdict == Verdict::Error {
            return None;
        }
        strictest_without(&self.differences)
    }

    /// As [`Self::conforms_at`], but always compared with the claimed release, even if the gateway has its own
    /// snapshot.
    pub(crate) fn conforms_to_release_at(&self) -> Option<Level> {
        self.conforms_at().and_then(|own| Some(own.min(strictest_without(&self.release_differences)?)))
    }

    /// The most serious difference from the claimed release that counts at a level, if only a snapshot of the gateway itself
    /// approves it.
    pub(crate) fn own_difference(&self, level: Level) -> Option<&Difference> {
        let counts = self.release_differences.iter().filter(|difference| difference.kind.level() <= level);
        counts.min_by_key(|difference| difference.kind).filter(|_| self.verdict == Verdict::Conforms)
    }

    /// Whether the case conforms at a level only because of a snapshot of the gateway itself.
    pub(crate) fn is_own_at(&self, level: Level) -> bool {
        self.verdict == Verdict::Conforms && strictest_without(&self.release_differences) < Some(level)
    }
}

/// The strictest level at which none of the differences counts. `None` if one counts at every level.
fn strictest_without(differences: &[Difference]) -> Option<Level> {
    let differs = differences.iter().map(|difference| difference.kind.level()).min();
    Level::ALL.into_iter().filter(|level| differs.is_none_or(|differs| *level < differs)).max()
}

/// The gateway that played a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GatewayUse {
    /// A gateway of its own.
    Own,
    /// A gateway that the case shared with other cases.
    Shared,
    /// A gateway of its own, after the observation on a shared gateway was not accepted.
    Rerun,
}

/// The number of gateway starts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GatewayStarts {
    /// Starts, including restarts within a case.
    pub made: usize,
    /// Starts that were avoided because cases shared a gateway.
    pub saved: usize,
    /// The reasons why shared gateways were given up. Their cases were played on their own gateways.
    pub given_up: Vec<String>,
}

/// The result of a run.
#[derive(Debug, Clone, Default)]
pub struct RunReport {
    /// Number of cases with a new observation that could not be saved for approval.
    pub unsaved: usize,
    /// Number of failing cases whose observation cannot become a snapshot of the gateway itself: a step did not meet its
    /// expectation, or the store could not be set up. Counted only if the gateway has its own snapshots.
    pub not_approvable: usize,
    /// Why observations cannot be saved in the folder of the gateway's own snapshots, if this user may not write it.
    pub own_protected: Option<String>,
    /// Number of cases for each verdict.
    pub summary: Summary,
    /// The reasons for skipped cases, with the number of cases; at most `REASONS`.
    pub skipped: BTreeMap<String, usize>,
    /// The duration of the run.
    pub duration: Duration,
    /// Number of cases that were not played because the run was interrupted. `None` if it was not interrupted.
    pub interrupted: Option<usize>,
    /// The number of gateway starts. Absent for a gateway at a URL.
    pub boots: Option<GatewayStarts>,
    /// The lists of known deviations with entries that no longer hold.
    pub obsolete_known: BTreeSet<PathBuf>,
    /// Ids with a snapshot and without a case.
    pub unused_snapshots: Vec<String>,
    /// The records that the run wrote to a gateway at a URL and could not remove.
    pub left_behind: Vec<String>,
    /// The frames that were validated against the published schema, if the run validates them.
    pub frames: Option<FrameTally>,
    /// The release that the answers are closest to, if the answers were compared with another release.
    pub closest: Option<ClosestRelease>,
}

/// The frames that were validated against the published schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FrameTally {
    /// The number of validated frames.
    pub checked: usize,
    /// Frames whose payload the schema does not describe: `event health`, `answer to device.pair.list`.
    pub payload_not_described: BTreeSet<String>,
}

impl FrameTally {
    /// Adds the counts of another case.
    pub fn add(&mut self, other: &Self) {
        self.checked += other.checked;
        self.payload_not_described.extend(other.payload_not_described.iter().cloned());
    }
}

/// The number of played cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Played {
    /// The cases that were played.
    pub cases: usize,
    /// The cases that apply to the gateway: all cases that are not `not-applicable`.
    pub applicable: usize,
}

/// The number of cases with each verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary(BTreeMap<Verdict, usize>);

impl Summary {
    /// Counts a verdict.
    pub fn add(&mut self, verdict: Verdict) {
        *self.0.entry(verdict).or_default() += 1;
    }

    /// The number of cases with this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.0.get(&verdict).copied().unwrap_or_default()
    }

    /// The total number of cases.
    pub fn total(&self) -> usize {
        self.0.values().sum()
    }
}

impl RunReport {
    /// Counts a skipped case.
    pub(crate) fn count_skipped(&mut self, reason: &str) {
        let known = self.skipped.len() < REASONS || self.skipped.contains_key(reason);
        *self.skipped.entry(if known { reason.to_owned() } else { "other reasons".to_owned() }).or_default() += 1;
    }

    /// The cases that apply to the gateway, and those of them that were played.
    pub fn played(&self) -> Played {
        let applicable = self.summary.total() - self.summary.count(Verdict::NotApplicable);
        Played { cases: applicable - self.summary.count(Verdict::Skipped), applicable }
    }

    /// The most serious result of all cases. With `deny_skipped`, a skipped case counts as a deviation.
    pub fn outcome(&self, deny_skipped: bool) -> Outcome {
        let count = |verdict| self.summary.count(verdict);
        let skipped = count(Verdict::Skipped);
        if count(Verdict::Error) > 0 {
            Outcome::Failed
        } else if count(Verdict::Deviates) + count(Verdict::UnexpectedlyConforms) > 0 || (deny_skipped && skipped > 0) {
            Outcome::Deviates
        } else if skipped + count(Verdict::NotApplicable) == self.summary.total() {
            Outcome::NothingPlayed
        } else {
            Outcome::Conforms
        }
    }
}

/// The result of a run as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every case conforms, shows only known deviations, is not applicable, or is skipped. At least one case was
    /// played.
    Conforms,
    /// A case deviates or unexpectedly conforms, or is skipped although `--deny skipped` was given.
    Deviates,
    /// The harness or the gateway failed in a case.
    Failed,
    /// No case was played: none was selected, or all are not applicable or skipped.
    NothingPlayed,
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(&[Verdict::Conforms, Verdict::KnownDeviation, Verdict::NotApplicable, Verdict::Skipped], Outcome::Conforms)]
    #[case(&[Verdict::NotApplicable, Verdict::Conforms], Outcome::Conforms)]
    #[case(&[Verdict::Conforms, Verdict::Deviates], Outcome::Deviates)]
    #[case(&[Verdict::Conforms, Verdict::UnexpectedlyConforms], Outcome::Deviates)]
    #[case(&[Verdict::Deviates, Verdict::Error], Outcome::Failed)]
    #[case(&[Verdict::Skipped, Verdict::Skipped], Outcome::NothingPlayed)]
    #[case(&[Verdict::NotApplicable, Verdict::NotApplicable], Outcome::NothingPlayed)]
    #[case(&[Verdict::NotApplicable, Verdict::Skipped], Outcome::NothingPlayed)]
    #[case(&[], Outcome::NothingPlayed)]
    fn worst_verdict_decides(#[case] verdicts: &[Verdict], #[case] expected: Outcome) {
        let mut report = RunReport::default();
        verdicts.iter().for_each(|verdict| report.summary.add(*verdict));
        assert_eq!(report.outcome(false), expected);
    }

    #[test]
    fn deny_skipped() {
        let mut report = RunReport::default();
        report.summary.add(Verdict::Conforms);
        report.summary.add(Verdict::Skipped);
        assert_eq!(report.outcome(true), Outcome::Deviates);
    }
}
