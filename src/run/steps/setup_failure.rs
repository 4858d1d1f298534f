//! A step that did not create its part of the store.

use crate::observe::StepEvidence;
use crate::scenario::{Case, Step};
use std::fmt;

/// A step that did not create its part of the store.
#[derive(Debug)]
pub(crate) struct SetupFailure {
    /// The step, with the answer that it needs.
    pub(super) step: Step,
    /// What came instead.
    pub(crate) evidence: StepEvidence,
}

impl SetupFailure {
    /// The case with this step only. The expectation of the step is not met.
    pub(crate) fn case(&self, case: &Case) -> Case {
        let mut case = case.clone();
        case.scenario.steps = vec![self.step.clone()];
        case.scenario.number_steps();
        case
    }
}

impl fmt::Display for SetupFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the gateway did not create the store of the case: `{}`", self.evidence.title)
    }
}
