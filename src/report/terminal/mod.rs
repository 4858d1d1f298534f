//! The report on a terminal: a few failing cases in full, or the causes of many; skipped cases with the reasons; and
//! the number of cases for each verdict.

mod advice;
mod display;
mod failing;
mod minor_differences;

use super::Listener;
use super::causes::{CauseDisplay, Causes, fold, sides};
use super::closest;
use super::score::Score;
use crate::counted::counted;
use crate::judge::{Difference, Level, Verdict};
use crate::run::outcome::{CaseReport, Event, Obstacle, RunInfo, RunReport};
pub(crate) use display::{DisplayOptions, Verbosity};
use failing::{TRANSCRIPT_LINES, folder_flag};
use minor_differences::MinorDifferences;
use openclaw_model::releases;
use owo_colors::Style;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;
use untrusted_data::cut;
use untrusted_data::printable;

/// The maximum number of failing cases that are printed in full. If more fail, one screen of causes is printed instead.
const MAX_FULL_CASES: usize = 3;
/// The number of lines of a reason for several cases: the first ones and the last one.
const REASON_LINES: (usize, usize) = (3, 1);
/// The number of lines of a screen, including the other output, and the minimum number of lines for the causes.
const SCREEN: usize = 45;
const CAUSES: usize = 20;
/// The two numbers of lines if the run also prints the score.
const SCREEN_WITH_SCORE: usize = 50;
const CAUSES_BESIDE_SCORE: usize = 13;
/// The maximum number of folders with observations for approval that are printed.
const FOLDERS: usize = 3;
/// The maximum number of reasons that are printed with their cases, and of lines of every other list at the end.
const MAX_LISTED_REASONS: usize = 40;
/// The maximum number of reasons if the run also prints the score.
const MAX_REASONS_BESIDE_SCORE: usize = 4;
/// The approximate width of the line with the cases of a reason. Further cases are only counted.
const NAMED: usize = 110;
/// The maximum number of slow cases that are printed.
const SLOWEST: usize = 5;

/// Writes the report to a terminal or a log.
pub(crate) struct Terminal<W> {
    out: W,
    display: DisplayOptions,
    /// Whether anything was written.
    has_written: bool,
    /// Lines that were written before the first case.
    started: usize,
    /// Whether the gateway is at a URL.
    attached: bool,
    /// The failing cases in full, if there are only a few.
    in_full: Vec<Vec<String>>,
    level: Level,
    causes: Causes,
    minor: MinorDifferences,
    score: Score,
    /// The command that shows the observations of failing cases that wait for approval, and how many there are.
    waiting: BTreeMap<String, usize>,
    reasons: BTreeMap<(Verdict, String), Vec<String>>,
    /// An example for each reason of cases that conform only because of a snapshot of the gateway itself: the difference from
    /// the claimed release.
    own_differences: BTreeMap<String, Difference>,
    /// What a reason has in common with others.
    obstacles: BTreeMap<String, Obstacle>,
    /// The number of cases that are not applicable because the gateway's description gives no access to its store.
    without_store: usize,
    slow: Vec<(Duration, String)>,
    /// The schema that frames are validated against.
    schema: Option<String>,
}

impl<W: Write> Terminal<W> {
    /// A report that is written to `out`.
    pub(crate) fn new(out: W, display: DisplayOptions) -> Self {
        Self {
            out,
            display,
            has_written: false,
            started: 0,
            attached: false,
            in_full: Vec::new(),
            level: Level::default(),
            causes: Causes::default(),
            minor: MinorDifferences::default(),
            score: Score::default(),
            waiting: BTreeMap::new(),
            reasons: BTreeMap::new(),
            own_differences: BTreeMap::new(),
            obstacles: BTreeMap::new(),
            without_store: 0,
            slow: Vec::new(),
            schema: None,
        }
    }

    fn write(&mut self, lines: &[String]) -> io::Result<()> {
        for line in lines {
            // Blank lines separate parts, and nothing is before the first part.
            if self.has_written || !line.is_empty() {
                writeln!(self.out, "{line}")?;
                self.has_written = true;
            }
        }
        Ok(())
    }

    fn started(&mut self, run: &RunInfo) -> io::Result<()> {
        let cases = counted(run.cases, "case");
        let release = match run.gateway.release.map(|release| release.to_string()) {
            Some(release) if run.gateway.name.contains(&release) => String::new(),
            Some(release) => format!(" ({release})"),
            None => format!(" (assumed release: {}; use --release to select another release)", releases::DEFAULT),
        };
        let name = self.display.paint(&run.gateway.name, Style::new().bold());
        let heading = format!("{cases} on {name}{release}");
        let is_quiet = self.display.detail == Verbosity::Failures;
        let notes = if is_quiet { &run.gateway.notes_on_verdicts } else { &run.gateway.notes };
        let notes = notes.iter().map(|note| self.display.line(&format!("  note: {note}"))).collect::<Vec<_>>();
        self.schema.clone_from(&run.schema);
        self.level = run.level;
        if is_quiet && notes.is_empty() {
            return Ok(());
        }
        let lines = [vec![heading], notes].concat();
        self.started = lines.len();
        self.attached = run.gateway.kind == "attached";
        self.write(&lines)
    }

    fn case(&mut self, case: &CaseReport) -> io::Result<()> {
        if case.duration > self.display.slow_after {
            self.slow.push((case.duration, case.id.clone()));
        }
        self.minor.add(case, self.level);
        self.score.add(case);
        if self.display.detail == Verbosity::EachCase {
            self.line_of(case)?;
        }
        let is_quiet = matches!(case.verdict, Verdict::Conforms | Verdict::KnownDeviation);
        match case.verdict {
            _ if is_quiet && self.display.is_in_full() => self.quiet_case(case)?,
            _ if is_quiet && case.reason.is_none() => {}
            Verdict::Conforms | Verdict::KnownDeviation | Verdict::NotApplicable | Verdict::Skipped => {
                self.keep_for_summary(case)
            }
            Verdict::Error if case.given_up => self.keep_for_summary(case),
            Verdict::UnexpectedlyConforms => self.keep_for_summary(case),
            Verdict::Deviates | Verdict::Error => self.failing_case(case)?,
        }
        Ok(())
    }

    /// Prints the line of a case.
    fn line_of(&mut self, case: &CaseReport) -> io::Result<()> {
        let verdict = self.display.paint(case.verdict.name(), style(case.verdict));
        writeln!(self.out, "{verdict}  {}  {}", printable::line(&case.id), seconds(case.duration))
    }

    /// Keeps a case until the end of the run, when the cases with the same reason are printed together.
    fn keep_for_summary(&mut self, case: &CaseReport) {
        let reason = case.reason.as_deref().map(|reason| self.reason(reason)).unwrap_or_default();
        if let Some(difference) = case.own_difference(self.level) {
            self.own_differences.entry(reason.clone()).or_insert_with(|| difference.clone());
        }
        if let Some(obstacle) = case.obstacle {
            self.without_store += usize::from(case.verdict == Verdict::NotApplicable && obstacle.is_of_store());
            self.obstacles.insert(reason.clone(), obstacle);
        }
        self.reasons.entry((case.verdict, reason)).or_default().push(case.id.clone());
    }

    /// A reason in printable form. It can contain the last output of a gateway.
    fn reason(&self, reason: &str) -> String {
        let reason = printable::block(reason);
        let lines = self.display.cut(&reason, REASON_LINES);
        lines.lines().map(|line| cut::line(line, self.display.width())).collect::<Vec<_>>().join("\n")
    }

    fn quiet_case(&mut self, case: &CaseReport) -> io::Result<()> {
        self.line_of(case)?;
        let lines = self.display.indented(case.transcript.as_deref(), TRANSCRIPT_LINES);
        self.write(&lines)
    }

    /// Prints a failing case if every case is printed. Otherwise, keeps the first failing cases until the end of the
    /// run: a few are printed in full, and more than that as causes.
    fn failing_case(&mut self, case: &CaseReport) -> io::Result<()> {
        self.causes.add(case, self.level);
        if let Some(proposed) = &case.proposed {
            let review = format!("clawcheck review{}", folder_flag(proposed, &case.id));
            *self.waiting.entry(review).or_default() += 1;
        }
        if self.display.is_in_full() || self.display.every_failure {
            self.write(&failing::lines(case, &self.display))?;
        } else if self.causes.cases() <= self.most_in_full() {
            self.in_full.push(failing::lines(case, &self.display));
        }
        Ok(())
    }

    fn finished(&mut self, run: &RunReport) -> io::Result<()> {
        let end = self.end(run);
        let closest = self.closest(run);
        self.write(&closest)?;
        if self.causes.cases() > self.most_in_full() && !self.display.every_failure {
            let lines = self.causes(run, end.len() + closest.len());
            self.write(&lines)?;
        } else {
            let in_full = std::mem::take(&mut self.in_full).concat();
            self.write(&in_full)?;
        }
        if self.display.detail > Verbosity::Failures || end.len() > 1 || self.causes.cases() > 0 {
            self.write(&[String::new()])?;
        }
        self.write(&end)
    }

    /// The maximum number of failing cases that are printed in full. Beside a score, there is no space for them.
    fn most_in_full(&self) -> usize {
        if self.display.score { 0 } else { MAX_FULL_CASES }
    }

    /// The release that the answers are closest to. It is printed before the differences.
    fn closest(&self, run: &RunReport) -> Vec<String> {
        let Some(closest) = &run.closest else { return Vec::new() };
        let lines = closest::lines(closest, self.attached).into_iter();
        std::iter::once(String::new()).chain(lines.map(|line| self.display.paint(&line, Style::new().bold()))).collect()
    }

    /// The causes of many failing cases, and the command for more details. `others` is the number of lines after them.
    fn causes(&self, run: &RunReport, others: usize) -> Vec<String> {
        let hint = (!self.display.is_in_full())
            .then(|| self.display.paint("--trace shows every case in full", Style::new().dimmed()));
        let mut after = Vec::from_iter(hint);
        for (review, count) in self.waiting.iter().take(FOLDERS) {
            let saved =
                if *count == 1 { "1 observation was saved" } else { &format!("{count} observations were saved") };
            after.push(printable::line(&format!("{saved}; to view: {review}")).into_owned());
        }
        // The heading, and a blank line before and after the causes.
        let beside = self.started + others + after.len() + 3;
        let (screen, least) =
            if self.display.score { (SCREEN_WITH_SCORE, CAUSES_BESIDE_SCORE) } else { (SCREEN, CAUSES) };
        let screen = CauseDisplay { colour: self.display.colour, lines: screen.saturating_sub(beside).max(least) };
        let cases = counted(run.summary.total(), "case");
        let (failing, cause) = (self.causes.cases(), self.causes.heading());
        let fail = if failing == 1 { "fails" } else { "fail" };
        let heading = format!("{failing} of {cases} {fail}. {cause}");
        let heading = self.display.paint(&heading, Style::new().bold());
        let mut lines = vec![String::new(), heading];
        lines.extend(screen.show(&self.causes));
        lines.extend(after);
        lines
    }

    /// The lines at the end of every run.
    fn end(&mut self, run: &RunReport) -> Vec<String> {
        let briefly = self.display.score && self.display.detail == Verbosity::Usual;
        let mut lines = if briefly { self.short_reasons() } else { self.by_reason() };
        if self.display.detail > Verbosity::Failures {
            lines.extend(self.remarks(run));
        }
        for left in run.left_behind.iter().take(MAX_LISTED_REASONS) {
            lines.push(self.display.line(&format!("remains on the gateway: {left}")));
        }
        lines.extend(and_more(run.left_behind.len(), "more item"));
        if let Some(not_played) = run.interrupted {
            lines.push(format!("interrupted: {} not played", counted(not_played, "case")));
        }
        lines.push(self.summary(run));
        lines
    }

    /// Cases with the same reason: cases that were not played, known deviations, and errors after the run stopped using
    /// the gateway.
    fn by_reason(&self) -> Vec<String> {
        let quiet = self.display.detail == Verbosity::Failures;
        self.folded(|verdict| !quiet || verdict.is_failure())
    }

    /// Each reason of the selected verdicts, with the ids of its cases.
    fn folded(&self, is_selected: impl Fn(Verdict) -> bool) -> Vec<String> {
        let mut lines = Vec::new();
        let reasons = self.reasons.iter().filter(|((verdict, _), _)| is_selected(*verdict));
        for ((verdict, reason), cases) in reasons.clone().take(MAX_LISTED_REASONS) {
            let named = fold(&cases.iter().map(String::as_str).collect::<Vec<_>>(), NAMED);
            let example = self.own_differences.get(reason).filter(|_| *verdict == Verdict::Conforms);
            let sides = example.map(|difference| sides(difference, self.display.colour)).unwrap_or_default();
            let verdict = self.display.paint(verdict.name(), style(*verdict));
            let reason = reason.replace('\n', "\n    ");
            lines.extend(format!("{verdict}: {reason}").lines().map(str::to_owned));
            lines.extend(
                sides.into_iter().chain([printable::line(&named).into_owned()]).map(|line| format!("    {line}")),
            );
        }
        lines.extend(and_more(reasons.count(), "more reason"));
        lines
    }

    /// Other remarks: slight differences, frames, slow cases, unused snapshots, and gateways.
    fn remarks(&mut self, run: &RunReport) -> Vec<String> {
        let mut lines = Vec::new();
        lines.extend(advice::on_known(&run.obsolete_known));
        lines.extend(advice::on_store(self.without_store, run.summary.total()).filter(|_| !self.attached));
        let minor =
            if self.display.score { minor_differences::MAX_CAUSES_BESIDE_SCORE } else { minor_differences::MAX_CAUSES };
        lines.extend(self.minor.lines(self.level, minor).iter().map(|line| self.display.line(line)));
        if self.display.score {
            lines.extend(self.score.lines(self.level));
        }
        if let (Some(package), Some(tally)) = (&self.schema, &run.frames) {
            lines.push(self.display.line(&format!("{} checked against {package}", counted(tally.checked, "frame"))));
            let bare = tally.payload_not_described.iter().map(String::as_str).collect::<Vec<_>>();
            if !bare.is_empty() {
                let bare = bare.join(", ");
                lines.push(self.display.line(&format!("    the schema does not describe the payload of: {bare}")));
            }
        }
        self.slow.sort_by(|a, b| b.cmp(a));
        for (duration, case) in self.slow.iter().take(SLOWEST) {
            lines.push(format!("slow: {} took {}", printable::line(case), seconds(*duration)));
        }
        for case in run.unused_snapshots.iter().take(MAX_LISTED_REASONS) {
            lines.push(format!("unused snapshot: no case has the id {}", printable::line(case)));
        }
        lines.extend(and_more(run.unused_snapshots.len(), "more unused snapshot"));
        if let Some(boots) = &run.boots {
            // If no gateway ever became ready, no case was played again either.
            let is_played = run.played().cases > run.summary.count(Verdict::Error);
            let given_up = if is_played { &boots.given_up[..] } else { &[] };
            for why in given_up.iter().take(MAX_LISTED_REASONS) {
                lines.push(self.display.line(&format!("cases of a shared gateway played again alone: {why}")));
            }
            lines.extend(and_more(given_up.len(), "more item"));
            lines.push(format!("gateway starts: {} made, {} saved", boots.made, boots.saved));
        }
        lines
    }

    /// One line for each reason, with the number of cases, because the score needs most of the screen. Known deviations
    /// that no longer hold are printed in full, because the user must change them.
    fn short_reasons(&self) -> Vec<String> {
        let is_full = |verdict: Verdict| verdict == Verdict::UnexpectedlyConforms;
        let mut counts: BTreeMap<(Verdict, &str), usize> = BTreeMap::new();
        for ((verdict, reason), cases) in self.reasons.iter().filter(|((verdict, _), _)| !is_full(*verdict)) {
            // Without what differs from case to case.
            let words = self.obstacles.get(reason).map(|obstacle| obstacle.words());
            let reason = words.unwrap_or_else(|| reason.lines().next().unwrap_or_default());
            *counts.entry((*verdict, reason)).or_default() += cases.len();
        }
        let more = counts.len().saturating_sub(MAX_REASONS_BESIDE_SCORE);
        let mut counts = counts.into_iter().collect::<Vec<_>>();
        counts.sort_by_key(|((verdict, _), count)| (*verdict, Reverse(*count)));
        let listed = counts.iter().take(MAX_REASONS_BESIDE_SCORE).map(|((verdict, reason), count)| {
            let verdict = self.display.paint(verdict.name(), style(*verdict));
            format!("{verdict}: {}: {}", counted(*count, "case"), self.display.line(reason))
        });
        let more = (more > 0).then(|| format!("… {}", counted(more, "more reason")));
        self.folded(is_full).into_iter().chain(listed).chain(more).collect()
    }

    fn summary(&self, run: &RunReport) -> String {
        let summary = &run.summary;
        let counts = Verdict::ALL.into_iter().filter(|verdict| summary.count(*verdict) > 0).map(|verdict| {
            self.display.paint(&format!("{} {}", summary.count(verdict), verdict.name()), style(verdict))
        });
        let counts = counts.collect::<Vec<_>>().join(", ");
        let counts = if counts.is_empty() { String::new() } else { format!(": {counts}") };
        format!("{}{counts}  in {}", counted(summary.total(), "case"), seconds(run.duration))
    }
}

/// The style of a verdict.
fn style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Conforms | Verdict::KnownDeviation => Style::new().green(),
        Verdict::NotApplicable | Verdict::Skipped => Style::new().yellow(),
        Verdict::Deviates | Verdict::UnexpectedlyConforms | Verdict::Error => Style::new().red().bold(),
    }
}

/// The line with the number of items beyond [`MAX_LISTED_REASONS`].
fn and_more(listed: usize, noun: &str) -> Option<String> {
    let more = listed.saturating_sub(MAX_LISTED_REASONS);
    (more > 0).then(|| format!("… {}", counted(more, noun)))
}

impl<W: Write> Listener for Terminal<W> {
    fn on_event(&mut self, event: Event<'_>) -> io::Result<()> {
        match event {
            Event::Started(run) => self.started(run)?,
            Event::Playing { .. } => {}
            Event::Case(case) => self.case(case)?,
            Event::Finished(run) => self.finished(run)?,
        }
        self.out.flush()
    }
}

fn seconds(duration: Duration) -> String {
    match duration.as_secs_f64() {
        short if short < 0.1 => format!("{:.1} ms", short * 1000.0),
        long => format!("{long:.2} s"),
    }
}

#[cfg(test)]
mod tests;
