//! The normalized observation of a case.

use super::message::{Frame, Received};
use super::store::NormalizedStore;
use serde::Serialize;
use serde_json::Value;

/// Approximate memory for one byte of an observation's text, including the value that it was written from.
const WEIGHT: usize = 16;

/// The normalized observation of a case.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Observation {
    /// The steps in the order of play.
    pub steps: Vec<StepObservation>,
    /// The store after the case. Absent if it was not accessible.
    pub store: Option<NormalizedStore>,
    /// The complete text.
    #[serde(skip)]
    pub(super) text: String,
}

impl Observation {
    /// The text of the observation, for snapshots and differences. Ends with a newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Approximate memory in bytes, for the text and the values.
    pub fn weight(&self) -> usize {
        self.text.len() * WEIGHT
    }

    /// The part of a snapshot's text that this observation can be compared with: everything, or only the steps if the
    /// store was not accessible.
    pub fn comparable<'a>(&self, snapshot: &'a str) -> &'a str {
        match (&self.store, snapshot.find("\n\n")) {
            (None, Some(end)) => &snapshot[..=end],
            _ => snapshot,
        }
    }
}

/// The normalized observation of one step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepObservation {
    /// The number of the step in the scenario, including nested steps.
    #[serde(skip)]
    pub number: usize,
    /// The action.
    pub step: String,
    /// For a repeated step: the repetitions with this observation, counted from 1, and the total. Consecutive
    /// repetitions with the same observation are merged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rounds: Option<Rounds>,
    /// The received messages: those of the step's own connection first, then those of held connections by name, each in
    /// order.
    pub seen: Vec<Received<Frame>>,
    /// The observations of parallel steps, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parallel: Vec<StepObservation>,
    /// The expected payload of the answer.
    #[serde(skip)]
    pub expected: Option<Value>,
}

/// The repetitions of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rounds {
    /// The first repetition.
    pub first: u32,
    /// The last repetition.
    pub last: u32,
    /// The total number of repetitions.
    pub of: u32,
}
