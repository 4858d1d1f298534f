//! Prints a failing case in full: its topic, its findings, its transcript, and the command that runs it again.

use super::display::DisplayOptions;
use crate::counted::counted;
use crate::judge::{Finding, StepNote};
use crate::observe::diff;
use crate::report::explanation;
use crate::run::outcome::CaseReport;
use crate::shell::quoted;
use owo_colors::Style;
use std::path::Path;
use untrusted_data::cut;
use untrusted_data::limits::LINE;
use untrusted_data::printable;

/// The maximum number of lines of a failing case's reason, and of a transcript (the first and the last lines).
const REASON_LINES: (usize, usize) = (3, 1);
/// The maximum number of lines of a failed start's reason, which contains the log of the gateway.
const START_LINES: (usize, usize) = (4, 9);
pub(super) const TRANSCRIPT_LINES: (usize, usize) = (2, 14);
/// The default folder of `review` and `accept`.
const USUAL_FOLDER: &str = "snapshots";
/// The maximum number of lines of the observation and of the gateway's log. With the other lines, they fill one screen.
const SEEN_LINES: usize = 24;
const LOG_LINES: usize = 10;
/// The maximum number of findings that are printed.
const FINDINGS: usize = 3;
/// The maximum number of notes on steps that are printed.
const NOTES: usize = 3;
/// The width of the text about a scenario, in characters, and the maximum number of its lines.
const ABOUT_WIDTH: usize = 110;
const ABOUT_LINES: usize = 4;
/// The maximum number of links and of requirements that are printed.
const LINKS: usize = 5;

/// The case as lines.
pub(super) fn lines(case: &CaseReport, display: &DisplayOptions) -> Vec<String> {
    let dim = |text: &str| format!("  {}", display.paint(text, Style::new().dimmed()));
    let mut lines = vec![String::new(), heading(case, display)];
    lines.extend(about(case).iter().map(|line| dim(line)));
    let reason = if case.transcript.is_some() { REASON_LINES } else { START_LINES };
    lines.extend(display.indented(case.reason.as_deref(), reason));
    lines.extend(findings(case, display));
    lines.extend(notes(case, display));
    if let Some(explanation) = &case.explanation {
        lines.extend(explanation::lines(explanation).iter().map(|line| display.line(&format!("  {line}"))));
    }
    if case.transcript.is_some() {
        lines.push(dim("transcript (milliseconds)"));
        lines.extend(display.indented(case.transcript.as_deref(), TRANSCRIPT_LINES));
    }
    if let Some(log) = case.log.as_deref().filter(|log| !log.trim().is_empty()) {
        lines.push(dim("the gateway's last log lines"));
        let log = log.trim_end().lines().collect::<Vec<_>>();
        let last = log[log.len().saturating_sub(LOG_LINES)..].join("\n");
        lines.extend(display.indented(Some(&last), (LOG_LINES, 0)));
    }
    lines.extend(saved(case));
    lines.push(format!("  rerun: {}", printable::line(&case.rerun)));
    lines
}

fn heading(case: &CaseReport, display: &DisplayOptions) -> String {
    let verdict = display.paint(case.verdict.name(), Style::new().red().bold());
    let id = display.paint(&case.id, Style::new().bold());
    format!("{verdict}  {id}  {}", cut::line(&printable::line(&case.title), LINE))
}

/// The description of the scenario, and its requirements and links.
fn about(case: &CaseReport) -> Vec<String> {
    let about = wrapped(case.about.as_deref().unwrap_or_default(), ABOUT_WIDTH).join("\n");
    let mut lines = cut::lines(&about, ABOUT_LINES - 1, 0).lines().map(str::to_owned).collect::<Vec<_>>();
    for (name, all) in [("requirements", &case.requirements), ("links", &case.links)] {
        if !all.is_empty() {
            let more = all.len().saturating_sub(LINKS);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let shown = all.iter().take(LINKS).map(String::as_str).collect::<Vec<_>>().join(", ");
            lines.push(cut::line(&format!("{name}: {shown}{more}"), LINE).into_owned());
        }
    }
    lines
}

/// A text in lines of at most `width` characters, unless a word is longer.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| cut::line(line, LINE).into_owned()).collect()
}

fn findings(case: &CaseReport, display: &DisplayOptions) -> Vec<String> {
    let shown_count = if display.is_in_full() { case.findings.len() } else { FINDINGS.min(case.findings.len()) };
    let mut lines = Vec::new();
    for finding in &case.findings[..shown_count] {
        lines.push(display.line(&format!("  {}", finding.sentence())));
        // The available lines are divided equally among the findings.
        lines.extend(shown(finding, SEEN_LINES / shown_count.max(1), display));
    }
    let more = case.findings.len() - shown_count;
    if more > 0 {
        lines.push(format!("  … {}", counted(more, "more finding")));
    }
    lines
}

/// The notes of the scenario on the steps that differ.
fn notes(case: &CaseReport, display: &DisplayOptions) -> Vec<String> {
    let mut lines = Vec::new();
    for StepNote { step, line, note } in case.notes.iter().take(NOTES) {
        let text = format!("note on `{step}` (line {line}): {note}");
        lines.extend(
            wrapped(&text, ABOUT_WIDTH).iter().take(ABOUT_LINES).map(|line| display.line(&format!("  {line}"))),
        );
    }
    let more = case.notes.len().saturating_sub(NOTES);
    if more > 0 {
        lines.push(format!("  … {}", counted(more, "more note")));
    }
    lines
}

/// The observation behind a finding.
fn shown(finding: &Finding, lines: usize, display: &DisplayOptions) -> Vec<String> {
    let ends = (lines - lines / 3, lines / 3);
    match finding {
        Finding::Snapshot { expected, seen, .. } => {
            let (expected, seen) = (printable::block(expected), printable::block(seen));
            let diff = diff::render_within(&expected, &seen, display.colour, display.width());
            display.cut(&diff, ends).lines().map(|line| format!("    {line}")).collect()
        }
        Finding::NoSnapshot { seen, .. } => display.indented(Some(seen), ends),
        Finding::Frame(finding) => display.indented(Some(&finding.text), ends),
        Finding::Expectation { .. } => Vec::new(),
    }
}

/// The file with the saved observation, and the commands to view and approve it.
fn saved(case: &CaseReport) -> Vec<String> {
    let Some(proposed) = &case.proposed else { return Vec::new() };
    let (folder, id) = (folder_flag(proposed, &case.id), quoted(&case.id));
    let both = format!("  to view it: clawcheck review{folder}; to approve it: clawcheck accept {id}{folder}");
    vec![
        format!("  the observation was saved in {}", printable::line(&proposed.to_string_lossy())),
        printable::line(&both).into_owned(),
    ]
}

/// The option that `review` and `accept` need to find the file at this path. Empty for the default folder.
pub(super) fn folder_flag(proposed: &Path, case: &str) -> String {
    // FOLDER/FAMILY/NAME@RELEASE.snap.new, or without the family.
    let depth = if case.contains('/') { 2 } else { 1 };
    match proposed.ancestors().nth(depth) {
        Some(folder) if folder != Path::new(USUAL_FOLDER) => {
            format!(" --snapshots {}", quoted(&folder.to_string_lossy()))
        }
        _ => String::new(),
    }
}
