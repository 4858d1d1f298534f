//! The report for a person: what deviates in full, what was skipped with its reason, the rest as numbers.

use super::Listener;
use crate::judge::{Finding, Verdict};
use crate::observe::diff;
use crate::run::outcome::{CaseReport, Event, RunInfo, RunReport};
use crate::shell::quoted;
use owo_colors::{OwoColorize as _, Style};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;
use untrusted_data::cut;
use untrusted_data::limits::{LINE, OUTPUT_BYTES, TRACE_LINE};
use untrusted_data::printable;

/// Failing cases that are shown with all that was seen; of those after them only what speaks against them is said, so that
/// the output of a run in which everything fails can be read.
const IN_FULL: usize = 3;
/// Lines of a failing case's reason, of all that was seen, of its transcript (the first and the last) and of its gateway's log:
/// with what is said around them, a screen.
const REASON_LINES: usize = 4;
const SEEN_LINES: usize = 24;
const TRANSCRIPT_LINES: (usize, usize) = (2, 14);
const LOG_LINES: usize = 10;
/// Findings of a failing case that are told.
const FINDINGS: usize = 3;
/// Reasons that are told with their cases, and lines of any other list at the end of a run.
const LISTED: usize = 40;
/// Case ids named behind a reason before the rest is a number.
const NAMED: usize = 6;
/// Where `review` and `accept` look unless told otherwise.
const USUAL_FOLDER: &str = "snapshots";
/// Slow cases that are named.
const SLOWEST: usize = 5;

/// How the report is written.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Whether terminal colours are used.
    pub colour: bool,
    /// Whether every case has a line of its own, with its transcript where it has one.
    pub every_case: bool,
    /// A case that takes longer than this is named.
    pub slow_after: Duration,
}

impl Look {
    /// Of many lines the first and the last, unless all was asked for.
    fn cut<'t>(&self, text: &'t str, (first, last): (usize, usize)) -> Cow<'t, str> {
        if self.every_case { Cow::Borrowed(text) } else { cut::lines(text, first, last) }
    }

    /// The longest line, in characters.
    fn width(&self) -> usize {
        if self.every_case { TRACE_LINE } else { LINE }
    }
}

/// Writes the report to a terminal or a log.
pub struct Terminal<W> {
    out: W,
    look: Look,
    failing: usize,
    reasons: BTreeMap<(Verdict, String), Vec<String>>,
    slow: Vec<(Duration, String)>,
    /// What frames are held to.
    schema: Option<String>,
    /// How many bytes were written, and how many cases were not told since that.
    written: usize,
    untold: usize,
}

impl<W: Write> Terminal<W> {
    /// A report to `out`.
    pub fn new(out: W, look: Look) -> Self {
        let (reasons, slow, schema) = (BTreeMap::new(), Vec::new(), None);
        Self { out, look, failing: 0, reasons, slow, schema, written: 0, untold: 0 }
    }

    /// Writes a line, its beginning at least: what a gateway has said may be of any length.
    fn line(&mut self, line: &str) -> io::Result<()> {
        self.whole_line(&cut::line(&printable::line(line), self.look.width()))
    }

    /// Writes a line that has to be copied, or that is cut already.
    fn whole_line(&mut self, line: &str) -> io::Result<()> {
        self.written += line.len() + 1;
        writeln!(self.out, "{line}")
    }

    fn paint(&self, text: &str, style: Style) -> String {
        let text = printable::line(text);
        if self.look.colour { text.style(style).to_string() } else { text.into_owned() }
    }

    fn started(&mut self, run: &RunInfo) -> io::Result<()> {
        let cases = counted(run.cases, "case");
        let release = run.gateway.release.map(|release| release.to_string()).unwrap_or_default();
        let release = if run.gateway.name.contains(&release) { String::new() } else { format!(" ({release})") };
        writeln!(self.out, "{cases} on {}{release}", self.paint(&run.gateway.name, Style::new().bold()))?;
        self.schema.clone_from(&run.schema);
        for note in &run.gateway.notes {
            self.line(&format!("  note: {note}"))?;
        }
        Ok(())
    }

    fn case(&mut self, case: &CaseReport) -> io::Result<()> {
        if case.duration > self.look.slow_after {
            self.slow.push((case.duration, case.id.clone()));
        }
        match case.verdict {
            Verdict::Conforms if case.reason.is_some() && !self.look.every_case => self.aside(case),
            Verdict::Conforms | Verdict::KnownDeviation if !self.look.every_case => {}
            Verdict::Conforms | Verdict::KnownDeviation => self.quiet_case(case)?,
            Verdict::NotApplicable | Verdict::Skipped => self.aside(case),
            Verdict::Error if case.given_up => self.aside(case),
            Verdict::Deviates | Verdict::UnexpectedlyConforms | Verdict::Error => {
                self.failing += 1;
                if self.written > OUTPUT_BYTES && !self.look.every_case {
                    self.untold += 1;
                } else if self.failing <= IN_FULL || self.look.every_case {
                    self.failing_case(case)?;
                } else {
                    self.failing_in_short(case)?;
                }
            }
        }
        Ok(())
    }

    /// Keeps a case for the end, where those with the same reason are told together.
    fn aside(&mut self, case: &CaseReport) {
        let reason = case.reason.as_deref().map(|reason| self.reason(reason)).unwrap_or_default();
        self.reasons.entry((case.verdict, reason)).or_default().push(case.id.clone());
    }

    /// A reason as it is shown: a gateway's last words may be in it.
    fn reason(&self, reason: &str) -> String {
        let reason = printable::block(reason);
        let lines = self.look.cut(&reason, (1, REASON_LINES - 1));
        lines.lines().map(|line| cut::line(line, self.look.width())).collect::<Vec<_>>().join("\n")
    }

    fn quiet_case(&mut self, case: &CaseReport) -> io::Result<()> {
        let verdict = self.paint(case.verdict.name(), Style::new().green());
        self.whole_line(&format!("{verdict}  {}  {}", printable::line(&case.id), seconds(case.duration)))?;
        self.indented(case.transcript.as_deref(), TRANSCRIPT_LINES)
    }

    fn heading(&mut self, case: &CaseReport) -> io::Result<()> {
        let verdict = self.paint(case.verdict.name(), Style::new().red().bold());
        let id = self.paint(&case.id, Style::new().bold());
        self.whole_line(&format!("{verdict}  {id}  {}", cut::line(&printable::line(&case.title), LINE)))
    }

    fn failing_in_short(&mut self, case: &CaseReport) -> io::Result<()> {
        if self.failing == IN_FULL + 1 {
            let note = format!(
                "{IN_FULL} failing cases are shown in full; for the others, only the findings are shown. --trace shows everything"
            );
            self.whole_line(&format!("\n{}\n", self.paint(&note, Style::new().dimmed())))?;
        }
        self.heading(case)?;
        // The first line of a reason says what it is about; a gateway's last words may follow.
        let reason = case.reason.as_deref().and_then(|reason| reason.lines().next());
        let findings = case.findings.iter().take(FINDINGS).map(Finding::sentence);
        let lines = reason.map(str::to_owned).into_iter().chain(findings);
        lines.collect::<Vec<_>>().iter().try_for_each(|line| self.line(&format!("  {line}")))?;
        self.more_findings(case)
    }

    fn more_findings(&mut self, case: &CaseReport) -> io::Result<()> {
        match case.findings.len().saturating_sub(FINDINGS) {
            0 => Ok(()),
            more => self.line(&format!("  … {}", counted(more, "more finding"))),
        }
    }

    fn failing_case(&mut self, case: &CaseReport) -> io::Result<()> {
        self.whole_line("")?;
        self.heading(case)?;
        self.indented(case.reason.as_deref(), (1, REASON_LINES - 1))?;
        let told = if self.look.every_case { case.findings.len() } else { FINDINGS.min(case.findings.len()) };
        // What one finding shows leaves as much to each of the others.
        let lines = SEEN_LINES / told.max(1);
        for finding in &case.findings[..told] {
            self.line(&format!("  {}", finding.sentence()))?;
            self.shown(finding, lines)?;
        }
        self.more_findings(case)?;
        if case.transcript.is_some() {
            self.whole_line(&format!("  {}", self.paint("transcript (milliseconds)", Style::new().dimmed())))?;
            self.indented(case.transcript.as_deref(), TRANSCRIPT_LINES)?;
        }
        if let Some(log) = case.log.as_deref().filter(|log| !log.trim().is_empty()) {
            self.whole_line(&format!("  {}", self.paint("the gateway's last log lines", Style::new().dimmed())))?;
            let lines = log.trim_end().lines().collect::<Vec<_>>();
            self.indented(Some(&lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")), (LOG_LINES, 0))?;
        }
        if let Some(proposed) = &case.proposed {
            let folder = folder_flag(proposed, &case.id);
            self.whole_line(&format!(
                "  the observation was saved in {}",
                printable::line(&proposed.to_string_lossy())
            ))?;
            let id = quoted(&case.id);
            let accept = format!("clawcheck accept {id}{folder}");
            let both = format!("  to view it: clawcheck review{folder}; to approve it: {accept}");
            self.whole_line(&printable::line(&both))?;
        }
        self.whole_line(&format!("  again: {}", printable::line(&case.again)))
    }

    /// What was seen that makes a finding.
    fn shown(&mut self, finding: &Finding, lines: usize) -> io::Result<()> {
        let ends = (lines - lines / 3, lines / 3);
        match finding {
            Finding::Snapshot { expected, seen, .. } => {
                let (expected, seen) = (printable::block(expected), printable::block(seen));
                let diff = diff::render_within(&expected, &seen, self.look.colour, self.look.width());
                let diff = self.look.cut(&diff, ends);
                diff.lines().try_for_each(|line| self.whole_line(&format!("    {line}")))
            }
            Finding::NoSnapshot { seen, .. } => self.indented(Some(seen), ends),
            Finding::Frame(finding) => self.indented(Some(&finding.text), ends),
            Finding::Expectation { .. } => Ok(()),
        }
    }

    fn indented(&mut self, text: Option<&str>, ends: (usize, usize)) -> io::Result<()> {
        let text = printable::block(text.unwrap_or_default());
        let text = self.look.cut(&text, ends);
        text.lines().try_for_each(|line| self.line(&format!("    {line}")))
    }

    fn finished(&mut self, run: &RunReport) -> io::Result<()> {
        if self.untold > 0 {
            let untold = counted(self.untold, "more failing case");
            self.whole_line(&format!("… {untold}, not shown here: --report json=FILE contains all of them"))?;
        }
        self.whole_line("")?;
        let reasons = std::mem::take(&mut self.reasons);
        for ((verdict, reason), cases) in reasons.iter().take(LISTED) {
            let more = cases.len().saturating_sub(NAMED);
            let mut named = cases.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
            if more > 0 {
                named.push_str(&format!(" and {more} more"));
            }
            let verdict = self.paint(verdict.name(), Style::new().yellow());
            self.whole_line(&format!(
                "{verdict}: {}\n    {}",
                reason.replace('\n', "\n    "),
                printable::line(&named)
            ))?;
        }
        self.and_more(reasons.len(), "more reason")?;
        if let (Some(package), Some(tally)) = (&self.schema, &run.frames) {
            self.line(&format!("{} checked against {package}", counted(tally.checked, "frame")))?;
            let bare = tally.payload_not_described.iter().map(String::as_str).collect::<Vec<_>>();
            if !bare.is_empty() {
                self.line(&format!("    the schema does not describe the payload of: {}", bare.join(", ")))?;
            }
        }
        self.slow.sort_by(|a, b| b.cmp(a));
        for (duration, case) in self.slow.iter().take(SLOWEST) {
            writeln!(self.out, "slow: {} took {}", printable::line(case), seconds(*duration))?;
        }
        for case in &run.unused_snapshots {
            writeln!(self.out, "unused snapshot: no case has the id {}", printable::line(case))?;
        }
        for left in run.left_behind.iter().take(LISTED) {
            self.line(&format!("left behind on the gateway: {left}"))?;
        }
        self.and_more(run.left_behind.len(), "more item")?;
        if let Some(boots) = &run.boots {
            for why in boots.given_up.iter().take(LISTED) {
                self.line(&format!("shared gateway given up: {why}"))?;
            }
            self.and_more(boots.given_up.len(), "more item")?;
            writeln!(self.out, "boots: {} made, {} saved", boots.made, boots.saved)?;
        }
        if let Some(not_played) = run.interrupted {
            writeln!(self.out, "interrupted: {} not played", counted(not_played, "case"))?;
        }
        self.summary(run)
    }

    /// Counts what a list has beyond [`LISTED`].
    fn and_more(&mut self, listed: usize, noun: &str) -> io::Result<()> {
        match listed.saturating_sub(LISTED) {
            0 => Ok(()),
            more => self.whole_line(&format!("… {}", counted(more, noun))),
        }
    }

    fn summary(&mut self, run: &RunReport) -> io::Result<()> {
        let summary = &run.summary;
        let counts = Verdict::ALL.into_iter().filter(|verdict| summary.count(*verdict) > 0).map(|verdict| {
            let style = match verdict {
                Verdict::Conforms | Verdict::KnownDeviation => Style::new().green(),
                Verdict::NotApplicable | Verdict::Skipped => Style::new().yellow(),
                Verdict::Deviates | Verdict::UnexpectedlyConforms | Verdict::Error => Style::new().red().bold(),
            };
            self.paint(&format!("{} {}", summary.count(verdict), verdict.name()), style)
        });
        let counts = counts.collect::<Vec<_>>().join(", ");
        let counts = if counts.is_empty() { String::new() } else { format!(": {counts}") };
        writeln!(self.out, "{}{counts}  in {}", counted(summary.total(), "case"), seconds(run.duration))
    }
}

impl<W: Write> Listener for Terminal<W> {
    fn hear(&mut self, event: Event<'_>) -> io::Result<()> {
        match event {
            Event::Started(run) => self.started(run)?,
            Event::Playing { .. } => {}
            Event::Case(case) => self.case(case)?,
            Event::Finished(run) => self.finished(run)?,
        }
        self.out.flush()
    }
}

/// The flag that `review` and `accept` need to find what was left at this path: none for the usual folder.
fn folder_flag(proposed: &Path, case: &str) -> String {
    // FOLDER/FAMILY/NAME@RELEASE.snap.new, or without the family.
    let depth = if case.contains('/') { 2 } else { 1 };
    match proposed.ancestors().nth(depth) {
        Some(folder) if folder != Path::new(USUAL_FOLDER) => {
            format!(" --snapshots {}", quoted(&folder.to_string_lossy()))
        }
        _ => String::new(),
    }
}

/// `1 case`, `2 cases`.
pub fn counted(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

fn seconds(duration: Duration) -> String {
    match duration.as_secs_f64() {
        short if short < 0.1 => format!("{:.1} ms", short * 1000.0),
        long => format!("{long:.2} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::outcome::{Boot, Boots, GatewayInfo};
    use openclaw_model::Release;
    use std::path::PathBuf;

    fn info() -> RunInfo {
        RunInfo {
            gateway: GatewayInfo {
                kind: "spawned",
                name: "openclaw@2026.3.31".to_owned(),
                program: "openclaw".to_owned(),
                release: Some(Release::new(2026, 3, 31)),
                lacks: Vec::new(),
                notes: vec!["its clock cannot be moved".to_owned()],
            },
            cases: 4,
            jobs: 2,
            isolation: Some("case"),
            schema: None,
        }
    }

    fn case(id: &str, verdict: Verdict) -> CaseReport {
        CaseReport {
            id: id.to_owned(),
            title: "Role upgrade over direct loopback".to_owned(),
            file: PathBuf::from("scenarios/role-upgrade/direct.yaml"),
            verdict,
            reason: None,
            given_up: false,
            boot: Boot::Own,
            findings: Vec::new(),
            frames: None,
            observation: None,
            duration: Duration::from_millis(12),
            transcript: None,
            log: None,
            again: format!("clawcheck run {} --gateway openclaw@2026.3.31", quoted(id)),
            proposed: None,
        }
    }

    fn shown(events: &[Event<'_>]) -> String {
        shown_with(false, events)
    }

    fn shown_with(every_case: bool, events: &[Event<'_>]) -> String {
        let mut out = Vec::new();
        let look = Look { colour: false, every_case, slow_after: Duration::from_secs(30) };
        let mut terminal = Terminal::new(&mut out, look);
        events.iter().for_each(|event| terminal.hear(*event).unwrap());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_failing_case_says_what_why_and_how_to_see_it_again() {
        let mut failing = case("role-upgrade/direct#auth=none", Verdict::Deviates);
        failing.findings = vec![Finding::Snapshot {
            variant: Release::new(2026, 3, 31),
            draft: false,
            expected: "connect laptop as node\n  <- close 1008 \"pairing required\"  clean\n".to_owned(),
            seen: "connect laptop as node\n  <- close 1000 \"\"  clean\n".to_owned(),
        }];
        failing.transcript = Some("     0.120 laptop -> GET / HTTP/1.1\n".to_owned());
        failing.log = Some("[ws] closed before connect\n".to_owned());
        failing.proposed = Some(PathBuf::from("snapshots/role-upgrade/direct#auth=none@2026.3.31.snap.new"));
        let mut run = RunReport { duration: Duration::from_millis(3210), ..RunReport::default() };
        run.summary.add(Verdict::Conforms);
        run.summary.add(Verdict::Deviates);
        insta::assert_snapshot!(shown(&[Event::Started(&info()), Event::Case(&case("a/b", Verdict::Conforms)), Event::Case(&failing), Event::Finished(&run)]), @r#"
        4 cases on openclaw@2026.3.31
          note: its clock cannot be moved

        deviates  role-upgrade/direct#auth=none  Role upgrade over direct loopback
          the observation differs from the snapshot approved for 2026.3.31 and later
              connect laptop as node
            -   <- close 1008 "pairing required"  clean
            +   <- close 1000 ""  clean
          transcript (milliseconds)
                 0.120 laptop -> GET / HTTP/1.1
          the gateway's last log lines
            [ws] closed before connect
          the observation was saved in snapshots/role-upgrade/direct#auth=none@2026.3.31.snap.new
          to view it: clawcheck review; to approve it: clawcheck accept 'role-upgrade/direct#auth=none'
          again: clawcheck run 'role-upgrade/direct#auth=none' --gateway openclaw@2026.3.31

        2 cases: 1 conforms, 1 deviates  in 3.21 s
        "#);
    }

    #[test]
    fn what_was_not_played_is_told_with_its_reason_and_what_took_long_by_name() {
        let mut cases = Vec::new();
        for n in 0..8 {
            let mut skipped = case(&format!("family/case-{n}"), Verdict::Skipped);
            skipped.reason = Some("its clock cannot be moved".to_owned());
            cases.push(skipped);
        }
        let mut slow = case("family/slow", Verdict::Conforms);
        slow.duration = Duration::from_secs(61);
        cases.push(slow);
        let mut run = RunReport {
            duration: Duration::from_secs(61),
            interrupted: Some(3),
            boots: Some(Boots { made: 3, saved: 5, given_up: vec!["2 cases, since it ended".to_owned()] }),
            unused_snapshots: vec!["family/gone".to_owned()],
            ..RunReport::default()
        };
        cases.iter().for_each(|case| run.summary.add(case.verdict));
        let mut events = cases.iter().map(Event::Case).collect::<Vec<_>>();
        events.push(Event::Finished(&run));
        insta::assert_snapshot!(shown(&events), @r#"
        skipped: its clock cannot be moved
            family/case-0, family/case-1, family/case-2, family/case-3, family/case-4, family/case-5 and 2 more
        slow: family/slow took 61.00 s
        unused snapshot: no case has the id family/gone
        shared gateway given up: 2 cases, since it ended
        boots: 3 made, 5 saved
        interrupted: 3 cases not played
        9 cases: 1 conforms, 8 skipped  in 61.00 s
        "#);
    }

    #[test]
    fn after_three_failing_cases_only_what_speaks_against_them_is_said_unless_all_is_asked_for() {
        let mut failing = case("family/case", Verdict::Deviates);
        failing.findings = vec![Finding::NoSnapshot { later: None, seen: "<- hello-ok\n".to_owned() }];
        failing.transcript = Some("-> connect\n".to_owned());
        let events = [Event::Case(&failing); 13];
        let short = shown(&events);
        let count = |text: &str, what: &str| text.matches(what).count();
        assert_eq!(count(&short, &failing.findings[0].sentence()), 13);
        for what in ["-> connect", "<- hello-ok", "again: "] {
            assert_eq!(count(&short, what), IN_FULL, "{what}: {short}");
        }
        assert_eq!(count(&short, "--trace shows everything"), 1);
        let all = shown_with(true, &events);
        assert_eq!((count(&all, "-> connect"), count(&all, "--trace")), (13, 0));
    }

    #[test]
    fn a_failing_case_takes_a_screen_and_a_run_what_can_be_read_however_much_there_is() {
        let long =
            |lines: usize| (0..lines).map(|n| format!("line {n} {}\n", "word ".repeat(1000))).collect::<String>();
        let mut failing = case("family/case", Verdict::Error);
        failing.reason = Some(long(100));
        failing.findings = vec![Finding::NoSnapshot { later: None, seen: long(1000) }; 100];
        failing.findings[0] = Finding::Snapshot {
            variant: Release::new(2026, 3, 31),
            draft: false,
            expected: long(500),
            seen: long(1000).replace("line", "other"),
        };
        (failing.transcript, failing.log) = (Some(long(1000)), Some(long(1000)));
        let one = shown(&[Event::Case(&failing)]);
        assert!(one.lines().count() < 70, "{} lines", one.lines().count());
        assert!(one.contains("… 97 more findings") && one.contains("… 984 more lines …"), "{one}");
        assert!(one.lines().all(|line| line.chars().count() < 350));
        let mut events = vec![Event::Case(&failing); 2000];
        let run = RunReport::default();
        events.push(Event::Finished(&run));
        let all = shown(&events);
        assert!(all.len() < 200_000, "{} bytes", all.len());
        assert!(all.contains("more failing cases, not shown here: --report json=FILE contains all of them"), "{all}");
    }

    #[test]
    fn the_folder_is_named_where_it_is_not_the_usual_one() {
        assert_eq!(folder_flag(Path::new("snapshots/a/b@2026.4.2.snap.new"), "a/b"), "");
        assert_eq!(folder_flag(Path::new("my own/a/b@2026.4.2.snap.new"), "a/b"), " --snapshots 'my own'");
        assert_eq!(
            folder_flag(Path::new("examples/snapshots/b@2026.4.2.snap.new"), "b"),
            " --snapshots examples/snapshots"
        );
    }
}
