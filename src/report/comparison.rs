//! Compares the answers of several gateways, case by case.

use super::Listener;
use super::causes::{Causes, DifferingCase};
use crate::judge::Verdict;
use crate::judge::cause::differences;
use crate::run::outcome::{CaseReport, Event};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use untrusted_data::cut;
use untrusted_data::limits::LINE;

/// Collects the result of every case.
#[derive(Debug, Default)]
pub(crate) struct CaseCollector(BTreeMap<String, CaseOutcome>);

/// The result of a case, as far as a comparison needs it.
#[derive(Debug)]
struct CaseOutcome {
    verdict: Verdict,
    /// The first line of its reason.
    reason: String,
    /// The observation.
    text: Option<String>,
    /// The origin of its scenario.
    links: Vec<String>,
}

impl CaseOutcome {
    fn of(case: &CaseReport) -> Self {
        let reason = case.reason.as_deref().and_then(|reason| reason.lines().next()).unwrap_or_default();
        Self {
            verdict: case.verdict,
            reason: cut::line(reason, LINE).into_owned(),
            text: case.observation.as_ref().map(|observation| observation.text().to_owned()),
            links: case.links.clone(),
        }
    }
}

impl CaseCollector {
    /// The number of cases that were played to their end.
    pub(crate) fn cases(&self) -> usize {
        self.0.len()
    }

    /// The observation of a case.
    pub(crate) fn text(&self, case: &str) -> Option<&str> {
        text(self.0.get(case))
    }

    /// Makes a case not applicable to this gateway, whatever was seen.
    pub(crate) fn take_out(&mut self, case: &str, reason: String) {
        if let Some(outcome) = self.0.get_mut(case) {
            outcome.verdict = Verdict::NotApplicable;
            outcome.reason = reason;
            outcome.text = None;
        }
    }

    /// The reasons why this gateway did not play cases, each with the number of the cases.
    pub(crate) fn not_played(&self) -> BTreeMap<&str, usize> {
        let mut reasons = BTreeMap::new();
        let not = |outcome: &&CaseOutcome| matches!(outcome.verdict, Verdict::NotApplicable | Verdict::Skipped);
        for outcome in self.0.values().filter(not) {
            *reasons.entry(outcome.reason.as_str()).or_default() += 1;
        }
        reasons
    }
}

/// The causes of the differences between two gateways. The answer of the first one counts as expected. `rerun` is the
/// command that compares them in one case.
pub(crate) fn causes(first: &CaseCollector, other: &CaseCollector, rerun: &dyn Fn(&str) -> String) -> Causes {
    let mut causes = Causes::default();
    for (id, became) in &first.0 {
        let seen = other.0.get(id).and_then(|other| other.text.as_deref());
        if let (Some(expected), Some(seen)) = (&became.text, seen) {
            let differences = differences(expected, seen);
            let (rerun, links) = (rerun(id), &became.links);
            causes.add_differences(DifferingCase { id, rerun: &rerun, links, differences: &differences });
        }
    }
    causes
}

impl Listener for CaseCollector {
    fn on_event(&mut self, event: Event<'_>) -> io::Result<()> {
        if let Event::Case(case) = event {
            self.0.insert(case.id.clone(), CaseOutcome::of(case));
        }
        Ok(())
    }
}

/// The result of one gateway in one case, in comparison with the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    /// `A` for the observation of the first gateway, `B` for the first different one, and so on. Absent without an
    /// observation.
    pub group: Option<char>,
    /// The first line that differs between the groups, or the reason why there is no observation.
    pub line: String,
}

/// A case whose observations differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// The id of the case.
    pub case: String,
    /// The first step that differs, in words. Empty if the difference is in the store.
    pub step: String,
    /// The results of the gateways, in their order.
    pub cells: Vec<Cell>,
}

/// The comparison of several gateways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// The cases with different observations, by id.
    pub differing: Vec<Row>,
    /// The number of cases with equal observations.
    pub alike: usize,
    /// Cases that at least one gateway did not play, because they were skipped or not applicable there. They are in
    /// neither of the other counts, unless the observations of the other gateways differ.
    pub incomplete: usize,
    /// The number of cases in which a gateway or the harness failed.
    pub errors: usize,
}

impl Comparison {
    /// Compares the collected results of several gateways.
    pub(crate) fn new(gateways: &[CaseCollector]) -> Self {
        let cases: BTreeSet<&String> = gateways.iter().flat_map(|gateway| gateway.0.keys()).collect();
        let mut comparison = Self { differing: Vec::new(), alike: 0, incomplete: 0, errors: 0 };
        for case in cases {
            let reports = gateways.iter().map(|gateway| gateway.0.get(case)).collect::<Vec<_>>();
            let texts = reports.iter().map(|report| text(*report)).collect::<Vec<_>>();
            let errors = reports.iter().flatten().filter(|report| report.verdict == Verdict::Error).count();
            comparison.errors += errors;
            let different = texts.iter().flatten().collect::<BTreeSet<_>>().len() > 1;
            if different || errors > 0 {
                comparison.differing.push(row(case, &reports, &texts));
            } else if texts.contains(&None) {
                comparison.incomplete += 1;
            } else {
                comparison.alike += 1;
            }
        }
        comparison
    }
}

fn text(report: Option<&CaseOutcome>) -> Option<&str> {
    report?.text.as_deref()
}

fn row(case: &str, reports: &[Option<&CaseOutcome>], texts: &[Option<&str>]) -> Row {
    let mut groups: Vec<&str> = Vec::new();
    for text in texts.iter().flatten() {
        if !groups.contains(text) {
            groups.push(text);
        }
    }
    let parts = parting(&groups);
    let cells = reports.iter().zip(texts).map(|(report, text)| cell(*report, *text, &groups, parts)).collect();
    let step = groups.first().map(|text| step(text, parts)).unwrap_or_default();
    Row { case: case.to_owned(), step, cells }
}

fn cell(report: Option<&CaseOutcome>, text: Option<&str>, groups: &[&str], parts: usize) -> Cell {
    let Some(text) = text else {
        let why = report.map(|report| format!("{}: {}", report.verdict.name(), report.reason));
        return Cell { group: None, line: why.unwrap_or_else(|| "not played".to_owned()) };
    };
    let at = groups.iter().position(|group| *group == text).unwrap_or_default();
    let group = char::from_u32('A' as u32 + u32::try_from(at).unwrap_or_default());
    let line = text.lines().nth(parts).map_or("(nothing more)", str::trim);
    let line = if line.is_empty() { "(nothing more)" } else { line };
    Cell { group, line: cut::line(line, LINE).into_owned() }
}

/// The number of the first line that is not equal in all texts.
fn parting(texts: &[&str]) -> usize {
    let Some((first, others)) = texts.split_first() else { return 0 };
    let differs = |at: usize, line: &str| others.iter().any(|other| other.lines().nth(at) != Some(line));
    let parts = first.lines().enumerate().find(|(at, line)| differs(*at, line)).map(|(at, _)| at);
    parts.unwrap_or_else(|| first.lines().count())
}

/// The step that a line of an observation belongs to: the last line before it that is not indented.
fn step(text: &str, line: usize) -> String {
    let before = text.lines().take(line).collect::<Vec<_>>();
    before.iter().rev().find(|line| !line.starts_with(' ')).map(|line| (*line).to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_first_different_line() {
        let one = "connect laptop\n  <- hello-ok\nconnect laptop as node\n  <- error NOT_PAIRED\n";
        let other = "connect laptop\n  <- hello-ok\nconnect laptop as node\n  <- hello-ok\n";
        assert_eq!(parting(&[one, other]), 3);
        assert_eq!(step(one, 3), "connect laptop as node");
        assert_eq!(parting(&[one, &one[..one.len() - 22]]), 3);
    }
}
