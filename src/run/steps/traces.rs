//! The explanations of the embedded gateway's answers, step by step.

use crate::locked::locked;
use openclaw_emulator::TraceListener;
use openclaw_model::TraceLine;
use std::sync::{Arc, Mutex};

/// The maximum number of lines that are kept for a case. A case can repeat a step a thousand times.
const MAX: usize = 4000;

/// Collects the explanations of the gateway while the steps of a case are played.
#[derive(Clone, Default)]
pub(crate) struct Traces(Arc<Mutex<TraceBuffer>>);

#[derive(Default)]
struct TraceBuffer {
    /// The lines since the end of the last step.
    open: Vec<TraceLine>,
    steps: Vec<StepTrace>,
    kept: usize,
    /// Whether lines were omitted since the end of the last step.
    is_truncated: bool,
}

/// The explanation of one repetition of a step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StepTrace {
    /// The number of the step in the scenario. Parallel steps share the trace of the step that contains them.
    pub(crate) number: usize,
    /// The repetition, counted from 1.
    pub(crate) round: u32,
    /// The checks, in order.
    pub(crate) lines: Vec<TraceLine>,
    /// Whether further checks were omitted, because the case had too many.
    pub(crate) is_truncated: bool,
}

impl Traces {
    /// The listener for a gateway that is being started.
    pub(crate) fn listener(&self) -> TraceListener {
        let collected = Arc::clone(&self.0);
        Arc::new(move |_, line| {
            let mut collected = locked(&collected);
            if collected.kept < MAX {
                collected.kept += 1;
                collected.open.push(line.clone());
            } else {
                collected.is_truncated = true;
            }
        })
    }

    /// Assigns the lines since the end of the last step to this step.
    pub(crate) fn end_step(&self, number: usize, round: u32) {
        let mut collected = locked(&self.0);
        let lines = std::mem::take(&mut collected.open);
        let is_truncated = std::mem::take(&mut collected.is_truncated);
        collected.steps.push(StepTrace { number, round, lines, is_truncated });
    }

    /// The steps with their lines, in the order of play.
    pub(crate) fn take(&self) -> Vec<StepTrace> {
        std::mem::take(&mut locked(&self.0).steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openclaw_model::Check;

    #[test]
    fn truncated_trace_is_marked() {
        let traces = Traces::default();
        let listener = traces.listener();
        let line = TraceLine { check: Check::Locality, sentence: "is local".to_owned(), fact: None, connection: None };
        (0..MAX).for_each(|_| listener(0, &line));
        traces.end_step(0, 1);
        listener(0, &line);
        traces.end_step(1, 1);
        traces.end_step(2, 1);
        let steps = traces.take();
        let found = steps.iter().map(|step| (step.lines.len(), step.is_truncated)).collect::<Vec<_>>();
        assert_eq!(found, [(MAX, false), (0, true), (0, false)]);
    }
}
