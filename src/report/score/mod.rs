//! The score of a gateway: by family and level, and on the ladder for authors of gateways.

mod lines;
pub(crate) mod rungs;

use crate::judge::cause::CauseKind;
use crate::judge::{Difference, Level, Verdict};
use crate::run::outcome::CaseReport;
use rungs::{Ladder, RUNGS};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The score of the cases so far.
#[derive(Debug)]
pub(crate) struct Score {
    families: BTreeMap<String, FamilyScore>,
    ladder: Ladder,
    rungs: Vec<RungScore>,
    /// Whether a case was played to its end.
    has_played: bool,
}

/// The score of a family.
#[derive(Debug, Clone, Copy, Default)]
struct FamilyScore {
    /// The cases that apply to the gateway.
    cases: usize,
    /// The cases that were played to their end.
    played: usize,
    /// The cases that conform to the claimed release at each level of [`Level::ALL`].
    conform: [usize; Level::ALL.len()],
    /// The cases that conform only because of a snapshot of the gateway itself.
    own: usize,
}

impl FamilyScore {
    fn add(&mut self, other: Self) {
        self.cases += other.cases;
        self.played += other.played;
        self.own += other.own;
        self.conform.iter_mut().zip(other.conform).for_each(|(sum, more)| *sum += more);
    }

    fn json(&self, name: &str) -> Value {
        let [decisions, wire, exact] = self.conform;
        let Self { cases, played, own, .. } = self;
        json!({
            "family": name, "cases": cases, "played": played, "decisions": decisions, "wire": wire, "exact": exact,
            "own": own,
        })
    }
}

/// The score of a rung.
#[derive(Debug, Default)]
struct RungScore {
    /// The cases that apply to the gateway.
    cases: usize,
    played: usize,
    failing: usize,
    /// The known deviations, which do not break the rung.
    known: usize,
    /// The cases that conform only because of a snapshot of the gateway itself.
    own: usize,
    /// The cases among `own` in which the claimed release makes another decision.
    own_decisions: usize,
    /// The failing case with the most serious difference. If several are equally serious, the first by id. If no case
    /// fails, a case in which only the claimed release makes another decision.
    first: Option<RungFailure>,
}

/// A failing case and the severity of its failure.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct RungFailure {
    /// Whether the gateway's own snapshot contains the difference.
    own: bool,
    kind: CauseKind,
    id: String,
    rerun: String,
}

/// Whether a rung holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RungState {
    /// No case fails, and at least one was played.
    Holds,
    Broken,
    /// No case fails, but the claimed release makes another decision in a case. A snapshot of the gateway itself approves it.
    Own,
    NotPlayed,
}

impl RungState {
    fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Broken => "broken",
            Self::Own => "own",
            Self::NotPlayed => "not-played",
        }
    }
}

impl RungScore {
    fn state(&self) -> RungState {
        match (self.failing, self.played) {
            (0, 0) => RungState::NotPlayed,
            (0, _) if self.own_decisions > 0 => RungState::Own,
            (0, _) => RungState::Holds,
            _ => RungState::Broken,
        }
    }

    /// Keeps the case with the most serious difference.
    fn keep_first(&mut self, case: &CaseReport, differences: &[Difference], own: bool) {
        let kind = differences.iter().map(|difference| difference.kind).min().unwrap_or(CauseKind::Error);
        let first = RungFailure { own, kind, id: case.id.clone(), rerun: case.rerun.clone() };
        if self.first.as_ref().is_none_or(|known| first < *known) {
            self.first = Some(first);
        }
    }
}

impl Default for Score {
    fn default() -> Self {
        let rungs = RUNGS.iter().map(|_| RungScore::default()).collect();
        Self { families: BTreeMap::new(), ladder: Ladder::new(), rungs, has_played: false }
    }
}

impl Score {
    /// Counts a case. Cases that are not applicable are ignored.
    pub(crate) fn add(&mut self, case: &CaseReport) {
        if case.verdict == Verdict::NotApplicable {
            return;
        }
        let played = usize::from(case.verdict != Verdict::Skipped && !case.given_up);
        self.has_played |= played > 0 && case.verdict != Verdict::Error;
        let conforms_at = case.conforms_to_release_at();
        let own = case.is_own_at(Level::Wire);
        let conform = Level::ALL.map(|level| usize::from(conforms_at >= Some(level)));
        let family = case.id.split_once('/').map_or(case.id.as_str(), |(family, _)| family);
        self.families.entry(family.to_owned()).or_default().add(FamilyScore {
            cases: 1,
            played,
            conform,
            own: usize::from(own),
        });
        let Some(rung) = self.ladder.rung(&case.id).and_then(|number| self.rungs.get_mut(number)) else { return };
        rung.cases += 1;
        rung.played += played;
        rung.known += usize::from(case.verdict == Verdict::KnownDeviation);
        // Texts and additional fields do not break a rung, whatever the level of the run.
        if case.verdict.is_failure() && !case.given_up && conforms_at < Some(Level::Wire) {
            rung.failing += 1;
            rung.keep_first(case, &case.differences, false);
        }
        rung.own += usize::from(own);
        if case.is_own_at(Level::Decisions) {
            rung.own_decisions += 1;
            rung.keep_first(case, &case.release_differences, true);
        }
    }

    fn total(&self) -> FamilyScore {
        let mut total = FamilyScore::default();
        self.families.values().for_each(|family| total.add(*family));
        total
    }

    /// The lowest rung that is broken, or that only own snapshots approve.
    fn next(&self) -> Option<(usize, &RungFailure)> {
        self.rungs.iter().enumerate().find_map(|(number, rung)| Some((number, rung.first.as_ref()?)))
    }

    /// The score as a member of a document.
    pub(crate) fn json(&self) -> Value {
        let families = self.families.iter().map(|(name, family)| family.json(name)).collect::<Vec<_>>();
        let ladder = RUNGS.iter().zip(&self.rungs).map(|(rung, score)| {
            json!({
                "rung": rung.name, "state": score.state().name(), "cases": score.cases, "played": score.played,
                "failing": score.failing, "own": score.own, "first": score.first.as_ref().map(|first| &first.id),
                "rerun": score.first.as_ref().map(|first| &first.rerun),
            })
        });
        let next = self.next().and_then(|(number, _)| RUNGS.get(number)).map(|rung| rung.name);
        json!({ "families": families, "ladder": ladder.collect::<Vec<_>>(), "next": next })
    }
}

#[cfg(test)]
mod tests;
