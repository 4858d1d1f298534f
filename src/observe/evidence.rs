//! The raw observations of one case, from the wire and the disk. They are the input of the normal form.

use super::message::{RawFrame, Received};
use super::observed_store::ObservedStore;
use serde_json::Value;

/// The raw observations of one case.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Values that the harness chose, with their symbols.
    pub known: Vec<KnownValue>,
    /// The start of the case by the gateway's clock, in milliseconds since 1970. Earlier times were seeded.
    pub started_at: i64,
    /// The start of each step by the same clock, in order. Times within one step count as equal.
    pub steps_began: Vec<i64>,
    /// The steps in the order of play.
    pub steps: Vec<StepEvidence>,
    /// The store before the first step.
    pub before: ObservedStore,
    /// The store after the last step. `None` if it was not accessible.
    pub after: Option<ObservedStore>,
}

/// A value that the harness chose, and its symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownValue {
    /// The value. It is replaced wherever it occurs, except inside a longer word.
    pub value: String,
    /// The symbol: the name of a device, `<case-secret>` or `<state>`.
    pub symbol: String,
}

/// The raw observations of one step.
#[derive(Debug, Clone, Default)]
pub struct StepEvidence {
    /// The number of the step in the scenario, including nested steps. The repetitions of a step share a number.
    pub number: usize,
    /// For a repeated step: the number of the repetition, counted from 1, and the total.
    pub round: Option<(u32, u32)>,
    /// The action with the names of the scenario: `connect laptop as operator [operator.read]`.
    pub title: String,
    /// Whether the step opened its own connection, on which the challenge must arrive first.
    pub opens: bool,
    /// Whether the methods and events of the step's hello-ok are shown.
    pub shows_features: bool,
    /// The received messages, in order per connection.
    pub received: Vec<Received<RawFrame>>,
    /// Parallel steps in this step. Their order has no meaning.
    pub parallel: Vec<StepEvidence>,
    /// The expected payload of an answer, with its symbols replaced.
    pub expected: Option<Value>,
}
