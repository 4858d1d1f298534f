//! The report as Markdown: the number of cases for each verdict, the causes, and why cases were not played. GitHub shows it as the
//! summary of a step.

use super::Listener;
use super::causes::{Cause, Causes, fold};
use super::destination::ReportSink;
use crate::counted::counted;
use crate::judge::cause::CauseKind;
use crate::judge::{Level, Verdict};
use crate::markdown::{code, linked, longest_run};
use crate::run::outcome::{CaseReport, Event, RunInfo, RunReport};
use std::collections::BTreeMap;
use std::io::{self, Seek as _, Write as _};
use untrusted_data::cut;
use untrusted_data::limits::LINE;
use untrusted_data::printable;

/// The maximum number of causes that are printed in full, and of reasons. GitHub accepts 1 MiB for a step.
const CAUSES: usize = 30;
const REASONS: usize = 30;
/// The approximate length of a line of ids, in characters.
const IDS: usize = 1000;
/// The maximum number of links for each cause.
const LINKS: usize = 8;

/// The content of a summary, collected during the run.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    gateway: String,
    level: Level,
    pub(crate) causes: Causes,
    reasons: BTreeMap<(Verdict, String), Vec<String>>,
}

impl Summary {
    pub(crate) fn started(&mut self, run: &RunInfo) {
        self.level = run.level;
        let release = run.gateway.release.map(|release| release.to_string()).unwrap_or_default();
        let named = run.gateway.name.contains(&release);
        self.gateway = if named { run.gateway.name.clone() } else { format!("{} ({release})", run.gateway.name) };
    }

    pub(crate) fn add(&mut self, case: &CaseReport) {
        if matches!(case.verdict, Verdict::Deviates | Verdict::Error) {
            self.causes.add(case, self.level);
        } else if let Some(reason) = &case.reason {
            let reason = cut::line(reason.lines().next().unwrap_or_default(), LINE).into_owned();
            self.reasons.entry((case.verdict, reason)).or_default().push(case.id.clone());
        }
    }

    /// The summary as Markdown.
    pub(crate) fn text(&self, run: &RunReport) -> String {
        let failing = Verdict::ALL.into_iter().filter(|verdict| verdict.is_failure());
        let failing = failing.map(|verdict| run.summary.count(verdict)).sum::<usize>();
        let all = counted(run.summary.total(), "case");
        let on = if self.gateway.is_empty() { String::new() } else { format!(" on {}", code(&self.gateway)) };
        let mut text = match failing {
            0 => format!("### clawcheck: no failure in {all}{on}\n\n"),
            1 => format!("### clawcheck: 1 of {all} fails{on}\n\n"),
            failing => format!("### clawcheck: {failing} of {all} fail{on}\n\n"),
        };
        text.push_str("| verdict | cases |\n|---|---:|\n");
        for verdict in Verdict::ALL.into_iter().filter(|verdict| run.summary.count(*verdict) > 0) {
            text.push_str(&format!("| {} | {} |\n", verdict.name(), run.summary.count(verdict)));
        }
        if let Some(not_played) = run.interrupted {
            text.push_str(&format!("\nThe run was interrupted: {} not played.\n", counted(not_played, "case")));
        }
        let causes = self.causes.list();
        for cause in causes.iter().take(CAUSES) {
            text.push_str(&self::cause(cause));
        }
        let more = causes.len().saturating_sub(CAUSES);
        if more > 0 {
            text.push_str(&format!("\n… {}\n", counted(more, "more cause")));
        }
        self.add_reasons(&mut text);
        text
    }

    fn add_reasons(&self, text: &mut String) {
        let (failing, others): (Vec<_>, Vec<_>) =
            self.reasons.iter().partition(|((verdict, _), _)| verdict.is_failure());
        if !failing.is_empty() {
            text.push_str("\n#### Known deviations that no longer hold\n\n");
            list(text, &failing);
        }
        if !others.is_empty() {
            text.push_str("\n<details><summary>Other remarks</summary>\n\n");
            list(text, &others);
            text.push_str("\n</details>\n");
        }
    }
}

/// Reasons with the number of their cases.
fn list(text: &mut String, reasons: &[(&(Verdict, String), &Vec<String>)]) {
    for ((verdict, reason), cases) in reasons.iter().take(REASONS) {
        let cases = counted(cases.len(), "case");
        text.push_str(&format!("- {}, {cases}: {}\n", verdict.name(), code(&reason.replace('\n', "; "))));
    }
    let more = reasons.len().saturating_sub(REASONS);
    if more > 0 {
        text.push_str(&format!("- … {}\n", counted(more, "more reason")));
    }
}

/// A cause: the difference, one example, the cases, and the command that shows one of them.
fn cause(cause: &Cause<'_>) -> String {
    let mut text =
        format!("\n#### {}: {}\n\n{}\n\n", cause.kind.title(), counted(cause.cases.len(), "case"), code(&cause.what));
    let example = cause.example;
    if !example.place.is_empty() {
        text.push_str(&format!("At {} of {}:\n\n", code(&example.place), code(cause.simplest)));
    }
    let lines = [("-", &example.expected), ("+", &example.seen)];
    let lines = lines.iter().filter(|(_, line)| !line.is_empty());
    let diff = lines.map(|(sign, line)| format!("{sign} {}\n", printable::line(line))).collect::<String>();
    if cause.kind == CauseKind::Error && !example.seen.is_empty() {
        text.push_str(&format!("{}\n\n", code(&example.seen)));
    } else if !diff.is_empty() {
        text.push_str(&format!("{}\n", fenced("diff", &diff)));
    }
    if cause.cases.len() > 1 {
        text.push_str(&format!("Cases: {}\n\n", code(&fold(&cause.cases, IDS))));
    }
    let listed = |all: &[&str], show: fn(&str) -> String| {
        all.iter().take(LINKS).map(|one| show(one)).collect::<Vec<_>>().join(", ")
    };
    for (name, shown) in [("Requirements", listed(&cause.requirements, code)), ("Links", listed(&cause.links, linked))]
    {
        if !shown.is_empty() {
            text.push_str(&format!("{name}: {shown}\n\n"));
        }
    }
    text.push_str(&fenced("console", &format!("$ {}\n", printable::line(cause.rerun))));
    text
}

/// Lines as a code block.
fn fenced(language: &str, lines: &str) -> String {
    let fence = "`".repeat((longest_run(lines) + 1).max(3));
    format!("{fence}{language}\n{lines}{fence}\n")
}

/// Writes the summary to a file.
pub(crate) struct Markdown {
    sink: ReportSink,
    summary: Summary,
}

impl Markdown {
    /// A report that is written to `sink`.
    pub(crate) fn new(sink: ReportSink) -> Self {
        Self { sink, summary: Summary::default() }
    }
}

impl Listener for Markdown {
    fn on_event(&mut self, event: Event<'_>) -> io::Result<()> {
        match event {
            Event::Started(run) => self.summary.started(run),
            Event::Playing { .. } => {}
            Event::Case(case) => self.summary.add(case),
            Event::Finished(run) => {
                let mut file = tempfile::tempfile()?;
                file.write_all(self.summary.text(run).as_bytes())?;
                file.rewind()?;
                self.sink.take(file)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Difference;
    use crate::judge::cause::CauseKind;
    use crate::report::fixtures::{case, info};

    fn shown(cases: &[CaseReport]) -> String {
        let mut summary = Summary::default();
        let mut run = RunReport::default();
        summary.started(&info());
        for case in cases {
            summary.add(case);
            run.summary.add(case.verdict);
        }
        summary.text(&run)
    }

    #[test]
    fn causes_and_commands() {
        let mut cases = ["role/a", "role/b"].map(|id| case(id, Verdict::Deviates)).to_vec();
        for case in &mut cases {
            let (expected, seen) = ("<- hello-ok", "<- error `NOT_PAIRED`");
            case.differences =
                vec![Difference::test(CauseKind::Refused, "NOT_PAIRED instead of hello-ok", expected, seen)];
            case.links = vec!["openclaw/openclaw#59045".to_owned()];
        }
        let mut skipped = case("role/c", Verdict::Skipped);
        skipped.reason = Some("its clock cannot be moved".to_owned());
        cases.extend([skipped, case("role/d", Verdict::Conforms)]);
        insta::assert_snapshot!(shown(&cases), @r"
        ### clawcheck: 2 of 4 cases fail on `openclaw@2026.3.31`

        | verdict | cases |
        |---|---:|
        | conforms | 1 |
        | deviates | 2 |
        | skipped | 1 |

        #### refused instead of let in: 2 cases

        `NOT_PAIRED instead of hello-ok`

        At `step` of `role/a`:

        ```diff
        - <- hello-ok
        + <- error `NOT_PAIRED`
        ```

        Cases: `role/{a,b}`

        Links: [`openclaw/openclaw#59045`](https://github.com/openclaw/openclaw/issues/59045)

        ```console
        $ clawcheck run role/a --gateway openclaw@2026.3.31
        ```

        <details><summary>Other remarks</summary>

        - skipped, 1 case: `its clock cannot be moved`

        </details>
        ");
    }

    #[test]
    fn run_without_failures() {
        let text = shown(&[case("role/d", Verdict::Conforms)]);
        assert!(text.starts_with("### clawcheck: no failure in 1 case on `openclaw@2026.3.31`\n"), "{text}");
    }

    #[test]
    fn escapes_markup_of_gateway() {
        let mut odd = case("role/a", Verdict::Deviates);
        let text = "```\n<script> ``` # | [x](javascript:y)";
        odd.differences = vec![Difference::test(CauseKind::Refused, text, text, text)];
        let shown = shown(&[odd]);
        assert!(shown.contains("\n```` ```\\n<script> ``` # | [x](javascript:y) ````\n"), "{shown}");
        assert!(shown.contains("````diff\n- ```\\n<script>"), "{shown}");
    }
}
