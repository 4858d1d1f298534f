//! The model's explanation of a case, as a part of its report.

use crate::judge::{Difference, Finding};
use openclaw_model::{Release, TraceLine};

/// The maximum number of steps of a failing case that are explained.
const MAX_STEPS: usize = 3;

/// The answers of a release to the steps of a case, and the checks that led to them.
#[derive(Debug, Clone)]
pub struct CaseExplanation {
    /// The release of the model.
    pub release: Release,
    /// The steps in the order of play. Consecutive repetitions with the same answer are one step.
    pub steps: Vec<ExplainedStep>,
}

/// One step of a case with its answer.
#[derive(Debug, Clone)]
pub struct ExplainedStep {
    /// The number of the step in the scenario, counted from 1, including parallel steps.
    pub number: usize,
    /// The name of the step in the scenario.
    pub name: Option<String>,
    /// The action.
    pub title: String,
    /// The line of the step in the scenario file, counted from 1.
    pub line: usize,
    /// Whether the step is a connect.
    pub connects: bool,
    /// Whether the gateway refused the connect or the request.
    pub is_refused: bool,
    /// The answer in one line.
    pub answer: String,
    /// The checks, in order.
    pub trace: Vec<TraceLine>,
    /// Whether further checks of this step were omitted, because the case had too many.
    pub is_truncated: bool,
}

impl CaseExplanation {
    /// Keeps the failing steps: steps with an unmet expectation, and steps whose answer differs from the snapshot.
    /// Without a snapshot, keeps the steps that the gateway refuses.
    pub(in crate::run) fn retain_failing(&mut self, findings: &[Finding], differences: &[Difference]) {
        // Without a snapshot, every answer can be relevant.
        let unapproved = findings.iter().any(|finding| matches!(finding, Finding::NoSnapshot { .. }));
        let fails = |step: &ExplainedStep| {
            let unmet = findings.iter().any(|finding| match finding {
                Finding::Expectation { step: title, line, .. } => *title == step.title && *line == step.line,
                _ => false,
            });
            unmet
                || (unapproved && step.is_refused)
                || differences.iter().any(|difference| difference.is_at(&step.title))
        };
        self.steps.retain(fails);
        self.steps.truncate(MAX_STEPS);
    }
}
