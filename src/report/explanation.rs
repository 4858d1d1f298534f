//! The explanation of a case as text, Markdown or JSON.

use crate::explain::trace;
use crate::markdown;
use crate::run::outcome::{CaseExplanation, ExplainedStep};
use openclaw_model::Release;
use serde_json::{Value, json};
use std::fmt::Write as _;
use untrusted_data::cut;
use untrusted_data::limits::LINE;
use untrusted_data::printable;

/// A step of a case that the user asks about.
pub(crate) struct CaseAnswer<'a> {
    /// The id of the case.
    pub case: &'a str,
    /// The title of the scenario.
    pub title: &'a str,
    /// The file of the scenario.
    pub file: &'a str,
    /// The answers to all steps.
    pub explanation: &'a CaseExplanation,
    /// The step whose trace is shown. `None` if no connect is refused and the user did not select a step.
    pub step: Option<&'a ExplainedStep>,
}

/// The answer to one step on a release.
pub(crate) struct ReleaseAnswer {
    /// The release that gives the answer.
    pub release: Release,
    /// The answer in one line, or the reason why there is none.
    pub answer: String,
    /// Whether the gateway refuses. `None` if the case cannot be played on the release.
    pub is_refused: Option<bool>,
}

/// The indented lines of a failing case's explanation.
pub(crate) fn lines(explanation: &CaseExplanation) -> Vec<String> {
    let release = explanation.release;
    let mut lines = Vec::new();
    for step in &explanation.steps {
        let head = format!("the model of {release} answers `{}` (line {}): {}", step.title, step.line, step.answer);
        lines.push(line(&head));
        lines.extend(shown(step, release).map(|check| format!("  {check}")));
    }
    if explanation.steps.is_empty() {
        lines.push(format!("nothing to explain: the model of {release} refuses no step, and no answer differs"));
    }
    lines
}

/// The explanation of a failing case as a member of the JSON report.
pub(crate) fn json(explanation: &CaseExplanation) -> Value {
    json!({
        "release": explanation.release.to_string(),
        "steps": explanation.steps.iter().map(|step| step_json(step, explanation.release)).collect::<Vec<_>>(),
    })
}

impl CaseAnswer<'_> {
    /// Text for a terminal.
    pub(crate) fn plain(&self) -> String {
        let Self { case, title, explanation, step, .. } = self;
        let mut out = format!("{} on embedded@{}\n{}\n\n", line(case), explanation.release, line(title));
        let listed = self.listed();
        let width = listed.iter().map(|step| step.title.chars().count()).max().unwrap_or_default().min(60);
        for step in &listed {
            let _ = writeln!(out, "{:>3}  {:width$}  {}", step.number, line(&step.title), line(&step.answer));
        }
        if let Some(step) = step {
            let _ = writeln!(
                out,
                "\nStep {}, line {} of {}: {}",
                step.number,
                step.line,
                line(self.file),
                line(&step.title)
            );
            let _ = writeln!(out, "{}\n", line(&step.answer));
            out.push_str(match (step.trace.is_empty(), step.is_truncated) {
                (false, _) => "Checks, in order:\n",
                (true, false) => NO_TRACE,
                (true, true) => "",
            });
            shown(step, explanation.release).for_each(|check| {
                let _ = writeln!(out, "  {check}");
            });
            out.push_str(if step.is_truncated { TRUNCATED } else { "" });
        }
        out
    }

    /// Markdown for a page or an issue.
    pub(crate) fn markdown(&self) -> String {
        let cell = |text: &str| markdown::cell(&line(text));
        let Self { case, explanation, step, .. } = self;
        let release = explanation.release;
        let mut out =
            format!("**{}** on OpenClaw {release} (model)\n\n| step | | answer |\n|---|---|---|\n", cell(case));
        for step in self.listed() {
            let _ = writeln!(out, "| {} | {} | {} |", step.number, cell(&step.title), cell(&step.answer));
        }
        if let Some(step) = step {
            let _ = writeln!(
                out,
                "\nStep {}: {}\n\n| check | result | since |\n|---|---|---|",
                step.number,
                cell(&step.title)
            );
            for check in &step.trace {
                let since = trace::since(check, release).map(|since| since.to_string()).unwrap_or_default();
                let _ = writeln!(out, "| {} | {} | {since} |", check.check.name(), cell(&check.sentence));
            }
            if step.is_truncated {
                let _ = write!(out, "\n{TRUNCATED}");
            }
        }
        out
    }

    /// JSON for a program.
    pub(crate) fn json(&self) -> Value {
        let release = self.explanation.release;
        json!({
            "schema": 1,
            "case": self.case,
            "title": self.title,
            "file": self.file,
            "release": release.to_string(),
            "connects": self.listed().iter().map(|step| step_head(step)).collect::<Vec<_>>(),
            "step": self.step.map(|step| step_json(step, release)),
        })
    }

    /// The connects of the case, and the step that is explained.
    fn listed(&self) -> Vec<&ExplainedStep> {
        let is_explained = |step: &ExplainedStep| self.step.is_some_and(|explained| std::ptr::eq(explained, step));
        self.explanation.steps.iter().filter(|step| step.connects || is_explained(step)).collect()
    }
}

/// The text that replaces an empty trace.
const NO_TRACE: &str = "The gateway makes no checks in this step.\n";
/// The text after an incomplete trace.
const TRUNCATED: &str = "Further checks are not shown, because the case has too many.\n";

/// The answers of several releases as text. A mark shows that the previous answer was different.
pub(crate) fn releases_plain(answers: &[ReleaseAnswer]) -> String {
    let rows = marked(answers).fold(String::new(), |mut out, (row, differs)| {
        let _ =
            writeln!(out, "{} {:<10} {}", if differs { "*" } else { " " }, row.release.to_string(), line(&row.answer));
        out
    });
    format!("{rows}\n* the answer differs from the previous release\n")
}

/// The answers of several releases as Markdown. An answer that differs from the previous one is bold.
pub(crate) fn releases_markdown(answers: &[ReleaseAnswer]) -> String {
    marked(answers).fold("| release | answer |\n|---|---|\n".to_owned(), |mut out, (row, differs)| {
        let answer = markdown::cell(&line(&row.answer));
        let answer = if differs { format!("**{answer}**") } else { answer };
        let _ = writeln!(out, "| {} | {answer} |", row.release);
        out
    })
}

/// The answers of several releases as JSON.
pub(crate) fn releases_json(answers: &[ReleaseAnswer]) -> Value {
    let row = |(row, differs): (&ReleaseAnswer, bool)| json!({ "release": row.release.to_string(), "answer": row.answer, "refused": row.is_refused, "flips": differs });
    json!({ "schema": 1, "releases": marked(answers).map(row).collect::<Vec<_>>() })
}

fn marked(answers: &[ReleaseAnswer]) -> impl Iterator<Item = (&ReleaseAnswer, bool)> {
    let before = std::iter::once(None).chain(answers.iter().map(Some));
    answers.iter().zip(before).map(|(row, before)| (row, before.is_some_and(|before| before.answer != row.answer)))
}

fn shown(step: &ExplainedStep, release: Release) -> impl Iterator<Item = String> + '_ {
    step.trace.iter().map(move |line| trace::text(line, release))
}

fn step_head(step: &ExplainedStep) -> Value {
    json!({
        "step": step.number,
        "name": step.name,
        "title": step.title,
        "line": step.line,
        "refused": step.is_refused,
        "answer": step.answer,
    })
}

fn step_json(step: &ExplainedStep, release: Release) -> Value {
    let mut value = step_head(step);
    value["truncated"] = json!(step.is_truncated);
    value["trace"] = step.trace.iter().map(|line| trace::json(line, release)).collect();
    value
}

fn line(text: &str) -> String {
    cut::line(&printable::line(text), LINE).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(is_truncated: bool) -> ExplainedStep {
        let (title, answer) = ("connect | x".to_owned(), "close 1008 \"<img src=x> @everyone\"".to_owned());
        ExplainedStep {
            number: 1,
            name: None,
            title,
            line: 1,
            connects: true,
            is_refused: true,
            answer,
            trace: Vec::new(),
            is_truncated,
        }
    }

    /// The explanation of a case with one step, as text, Markdown and JSON.
    fn texts(is_truncated: bool) -> (String, String, Value) {
        let steps = vec![step(is_truncated)];
        let explanation = CaseExplanation { release: openclaw_model::releases::DEFAULT, steps };
        let step = explanation.steps.first();
        let answer = CaseAnswer { case: "a/b", title: "A title", file: "a.yaml", explanation: &explanation, step };
        (answer.plain(), answer.markdown(), answer.json())
    }

    #[test]
    fn marks_omitted_checks() {
        let (plain, markdown, json) = texts(true);
        assert!(plain.contains(TRUNCATED) && !plain.contains(NO_TRACE), "{plain}");
        assert!(markdown.contains(TRUNCATED), "{markdown}");
        assert_eq!(json["step"]["truncated"], true);
        let (plain, markdown, json) = texts(false);
        assert!(!plain.contains(TRUNCATED) && plain.contains(NO_TRACE), "{plain}");
        assert!(!markdown.contains(TRUNCATED), "{markdown}");
        assert_eq!(json["step"]["truncated"], false);
    }

    #[test]
    fn markdown_shows_gateway_text_as_code() {
        let (_, markdown, _) = texts(false);
        let row = "| 1 | `connect \\| x` | `close 1008 \"<img src=x> @everyone\"` |";
        assert!(markdown.lines().any(|line| line == row), "{markdown}");
        let row =
            ReleaseAnswer { release: openclaw_model::releases::DEFAULT, answer: "[a](b)".to_owned(), is_refused: None };
        assert!(releases_markdown(&[row]).contains(" | `[a](b)` |\n"));
    }
}
