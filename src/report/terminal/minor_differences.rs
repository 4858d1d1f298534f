//! The differences that do not count at the level of the run.

use super::counted;
use crate::judge::{Level, Verdict};
use crate::report::causes::Causes;
use crate::run::outcome::CaseReport;
use untrusted_data::printable;

/// The maximum number of causes that are printed, without and with the score.
pub(super) const MAX_CAUSES: usize = 3;
pub(super) const MAX_CAUSES_BESIDE_SCORE: usize = 1;

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
        // A cause counts failing cases, too.
        let conform = match self.conforming {
            0 => "; all of them fail for other reasons".to_owned(),
            all if all == self.causes.cases() => String::new(),
            1 => "; 1 of them conforms".to_owned(),
            many => format!("; {many} of them conform"),
        };
        let (cases, have) = (self.causes.cases(), if self.causes.cases() == 1 { "has" } else { "have" });
        let cases = counted(cases, "case");
        let mut lines =
            vec![format!("{cases} {have} differences that count only at a stricter level than {level}{conform}:")];
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
