//! Mutation tests of the scenarios: each mutant is read and linted, and every error has a position in its file.

use super::trust::Trust;
use crate::scenario::corpus;
use crate::scenario::corpus::files;
use crate::scenario::lint;
use crate::scenario::syntax::problems::ScenarioError;
use input_mutants::play;
use miette::Diagnostic as _;
use std::path::Path;

/// Words that no scenario in the binary contains.
const WORDS: [&str; 12] = [
    "matrix:",
    "repeat:",
    "parallel:",
    "written-by:",
    "requires:",
    "from:",
    "<<:",
    "a.b",
    "2026.4.2",
    "999999999999ms",
    "0s",
    "&x [*x, *x]",
];

#[test]
fn scenario_mutants() {
    let embedded = files::embedded().into_iter().filter_map(Result::ok);
    let seeds: Vec<Vec<u8>> = embedded.map(|(source, _)| source.text.as_bytes().to_vec()).collect();
    let path = Path::new("family/mutant.yaml");
    play("scenarios", &seeds, &WORDS, |input| {
        let found = files::written(path, input.to_vec());
        let text = found.as_ref().map(|(source, _)| source.text.clone()).unwrap_or_default();
        let (cases, mut problems) = corpus::read(vec![found], Trust::Given);
        assert!(!cases.is_empty() || !problems.is_empty(), "it is neither a scenario nor wrong");
        problems.extend(cases.first().into_iter().flat_map(lint::lint_file));
        problems.iter().for_each(|problem| has_a_place(problem, &text));
        for case in &cases {
            assert!(
                case.scenario.steps.iter().all(|step| case.line(step.span) <= text.lines().count()),
                "a step's line"
            );
        }
    });
}

fn has_a_place(problem: &ScenarioError, text: &str) {
    assert!(!problem.message().is_empty() && !problem.message().contains('\n'), "{:?}", problem.message());
    if let Some((line, column)) = problem.position() {
        let lines = text.lines().count().max(1);
        assert!((1..=lines + 1).contains(&line) && column >= 1, "{line}:{column} of {lines} lines: {problem}");
    }
    for label in problem.labels().into_iter().flatten() {
        let span = label.offset()..label.offset() + label.len();
        assert!(text.get(span.clone()).is_some(), "{span:?} of {} bytes: {problem}", text.len());
    }
}
