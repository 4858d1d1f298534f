//! The differences that do not count at the level of the run.

use super::counted;
use crate::judge::{Level, Verdict};
use crate::report::causes::Causes;
use crate::run::outcome::CaseReport;
use untrusted_data::printable;

/// The maximum number of causes that are printed, and the same if the score is printed too.
pub(super) const CAUSES: usize = 3;
pub(super) const FEW: usize = 1;

/// Slight differences, and how many conforming cases have them.
#[derive(Debug, Default)]
pub(super) struct MinorDifferences {
    causes: Causes,
    conforming: usize,
}

impl MinorDifferences {
    /// Adds the slight differences of a case.
    pub(super) fn add(&mut self, case: &CaseReport, level: Level) {
        self.conforming += usize::from(case.verdict == Verdict::Conforms && !case.differences.is_empty());
        self.causes.add_slight(case, level);
    }

    /// The number of cases, and the causes in most cases, one per line.
    pub(super) fn lines(&self, level: Level, most: usize) -> Vec<String> {
        if self.causes.cases() == 0 {
            return Vec::new();
        }
        let mut causes = self.causes.list();
        causes.sort_by_key(|cause| std::cmp::Reverse(cause.cases.len()));
        let mut lines = vec![match self.conforming {
            0 => format!("the failing cases also have differences that do not count at the level {level}:"),
            1 => format!("1 case conforms at the level {level} and differs at a stricter level:"),
            many => format!("{many} cases conform at the level {level} and differ at a stricter level:"),
        }];
        for cause in causes.iter().take(most) {
            let (cases, what) = (counted(cause.cases.len(), "case"), printable::line(&cause.what));
            lines.push(format!("    {cases}  {}: {what}  (for example {})", cause.kind.title(), cause.simplest));
        }
        let more = causes.len().saturating_sub(most);
        if more > 0 {
            lines.push(format!("    … {}", counted(more, "more cause")));
        }
        lines
    }
}
