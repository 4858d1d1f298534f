//! The report as JUnit XML, for CI systems. `docs/report.md` describes the mapping.

use super::Listener;
use super::destination::ReportSink;
use crate::judge::Verdict;
use crate::judge::cause::CauseKind;
use crate::run::outcome::{CaseReport, Event, RunInfo, RunReport};
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Seek as _, Write as _};
use untrusted_data::cut;
use untrusted_data::limits::LINE;
use untrusted_data::printable;

/// The maximum size of one text of a case (findings, transcript or log), in bytes.
const TEXT: usize = 16 << 10;
/// The maximum size of all transcripts and logs of a report, in bytes. The report omits further ones.
const RECORDS: usize = 16 << 20;

/// Collects the cases, and writes the report at the end of the run, even if the run was interrupted.
pub(crate) struct Junit {
    sink: ReportSink,
    properties: Vec<(&'static str, String)>,
    /// The cases of each family, by id.
    families: BTreeMap<String, BTreeMap<String, TestCase>>,
    /// The number of bytes that are left for transcripts and logs.
    records: usize,
}

impl Junit {
    /// A report that is written to `sink`.
    pub(crate) fn new(sink: ReportSink) -> Self {
        Self { sink, properties: Vec::new(), families: BTreeMap::new(), records: RECORDS }
    }

    fn started(&mut self, run: &RunInfo) {
        self.properties.push(("gateway", run.gateway.name.clone()));
        if let Some(release) = run.gateway.release {
            self.properties.push(("release", release.to_string()));
        }
    }

    fn add(&mut self, case: &CaseReport) {
        let (family, _) = case.id.split_once('/').unwrap_or(("", &case.id));
        let test_case = self.test_case(family, case);
        self.families.entry(family.to_owned()).or_default().insert(case.id.clone(), test_case);
    }

    fn test_case(&mut self, family: &str, case: &CaseReport) -> TestCase {
        let mut test_case = TestCase::new(&*line(&case.id), status(case));
        test_case.set_classname(&*line(family)).set_time(case.duration);
        test_case.add_property(Property::new("verdict", case.verdict.name()));
        if case.verdict.is_failure() {
            let mut kept = |text: &Option<String>| {
                let text = text.as_deref().map(block).filter(|text| text.len() <= self.records)?;
                self.records -= text.len();
                Some(text)
            };
            if let Some(transcript) = kept(&case.transcript) {
                test_case.set_system_out(transcript);
            }
            if let Some(log) = kept(&case.log) {
                test_case.set_system_err(log);
            }
        }
        test_case
    }

    fn report(&mut self, run: &RunReport) -> Report {
        let mut report = Report::new("clawcheck");
        report.set_time(run.duration);
        for (family, cases) in std::mem::take(&mut self.families) {
            let mut suite = TestSuite::new(&*line(&family));
            suite.set_time(cases.values().filter_map(|case| case.time).sum());
            suite.add_properties(self.properties.iter().map(|(name, value)| Property::new(*name, &*line(value))));
            suite.add_test_cases(cases.into_values());
            report.add_test_suite(suite);
        }
        report
    }

    fn write(&mut self, run: &RunReport) -> io::Result<()> {
        let mut file = tempfile::tempfile()?;
        let mut out = io::BufWriter::new(&mut file);
        self.report(run).serialize(&mut out).map_err(io::Error::other)?;
        out.flush()?;
        drop(out);
        file.rewind()?;
        self.sink.take(file)
    }
}

impl Listener for Junit {
    fn on_event(&mut self, event: Event<'_>) -> io::Result<()> {
        match event {
            Event::Started(run) => self.started(run),
            Event::Playing { .. } => {}
            Event::Case(case) => self.add(case),
            Event::Finished(run) => self.write(run)?,
        }
        Ok(())
    }
}

fn status(case: &CaseReport) -> TestCaseStatus {
    let mut status = match case.verdict {
        Verdict::Conforms => return TestCaseStatus::success(),
        Verdict::Deviates | Verdict::UnexpectedlyConforms => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Error => TestCaseStatus::non_success(NonSuccessKind::Error),
        Verdict::KnownDeviation | Verdict::NotApplicable | Verdict::Skipped => TestCaseStatus::skipped(),
    };
    // The kind of the most serious difference groups failures in CI systems.
    let kind = case.differences.iter().map(|difference| difference.kind).min();
    let kind = kind.filter(|_| case.verdict == Verdict::Deviates).map(|kind| kind.name());
    status.set_type(kind.unwrap_or(case.verdict.name())).set_message(&*line(&message(case)));
    let is_long = case.reason.as_ref().is_some_and(|reason| reason.lines().count() > 1);
    if case.verdict.is_failure() || is_long {
        status.set_description(block(&description(case)));
    }
    status
}

/// The failure in one line: its most serious difference, or the first line of the reason.
fn message(case: &CaseReport) -> String {
    let most_serious = case.differences.iter().min_by_key(|difference| difference.kind);
    let difference = most_serious.map(|most_serious| format!("{}: {}", most_serious.kind.title(), most_serious.what));
    let finding = case.findings.first().map(crate::judge::Finding::sentence);
    let reason = case.reason.as_deref().map(|reason| reason.lines().next().unwrap_or_default().to_owned());
    let all = match case.verdict {
        Verdict::Deviates => [difference, finding, reason],
        _ => [reason, difference, finding],
    };
    let text = all.into_iter().flatten().next().unwrap_or_else(|| case.title.clone());
    cut::line(&text, LINE).into_owned()
}

fn description(case: &CaseReport) -> String {
    let mut text = format!("{}\n", case.title);
    let mut add = |line: &str| text.push_str(&format!("{line}\n"));
    case.reason.iter().for_each(|reason| add(reason));
    case.findings.iter().for_each(|finding| add(&finding.sentence()));
    let mut differences = case.differences.iter().collect::<Vec<_>>();
    differences.sort_by_key(|difference| difference.kind);
    for difference in differences {
        add(&format!("{}: {}", difference.kind.title(), difference.what));
        let lines = [("at", &difference.place), ("expected", &difference.expected), ("seen", &difference.seen)];
        // The reason of an error is already in the description.
        let lines = lines.iter().filter(|(_, line)| difference.kind != CauseKind::Error && !line.is_empty());
        lines.for_each(|(name, line)| add(&format!("  {name}: {line}")));
    }
    case.notes.iter().for_each(|note| add(&format!("note on `{}` (line {}): {}", note.step, note.line, note.note)));
    case.links.iter().for_each(|link| add(&format!("link: {link}")));
    add(&format!("rerun: {}", case.rerun));
    text
}

/// Text that is valid in XML: without control characters and noncharacters.
fn line(text: &str) -> Cow<'_, str> {
    printable::line(text)
}

fn block(text: &str) -> String {
    cut::middle(&printable::block(text), TEXT).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Difference;
    use crate::judge::cause::CauseKind;
    use crate::report::destination::Destination;
    use crate::report::fixtures::{case, info};
    use std::time::Duration;

    /// The report of these cases, as a reader of JUnit sees it.
    fn written(cases: &[CaseReport]) -> (String, Report) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("junit.xml");
        let (sink, _) = Destination::find(&path).unwrap().open().unwrap();
        let mut junit = Junit::new(sink);
        junit.on_event(Event::Started(&info())).unwrap();
        cases.iter().for_each(|case| junit.on_event(Event::Case(case)).unwrap());
        let run = RunReport { duration: Duration::from_millis(3210), ..RunReport::default() };
        junit.on_event(Event::Finished(&run)).unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        let read = Report::deserialize_from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        (text, read)
    }

    #[test]
    fn status_of_every_verdict() {
        let cases = Verdict::ALL.map(|verdict| {
            let mut case = case(&format!("family/{}", verdict.name()), verdict);
            case.reason = (verdict != Verdict::Conforms).then(|| format!("why {}", verdict.name()));
            case
        });
        let (_, report) = written(&cases);
        assert_eq!((report.tests, report.failures, report.errors), (7, 2, 1));
        let [suite] = &report.test_suites[..] else { panic!("{report:?}") };
        assert_eq!(suite.name.as_str(), "family");
        for case in &suite.test_cases {
            let (status, name) = (&case.status, case.name.as_str());
            let skipped = matches!(status, TestCaseStatus::Skipped { .. });
            assert_eq!(skipped, ["known-deviation", "not-applicable", "skipped"].iter().any(|of| name.ends_with(of)));
            assert_eq!(matches!(status, TestCaseStatus::Success { .. }), name.ends_with("/conforms"));
            assert_eq!(case.classname.as_ref().unwrap().as_str(), "family");
        }
    }

    #[test]
    fn message_is_first_line_and_text_has_all_lines() {
        for verdict in [Verdict::UnexpectedlyConforms, Verdict::KnownDeviation] {
            let mut known = case("family/case", verdict);
            known.reason = Some("known.yaml:2 no longer holds\nno longer seen: an answer".to_owned());
            let (_, report) = written(&[known]);
            let (TestCaseStatus::NonSuccess { message, description, .. }
            | TestCaseStatus::Skipped { message, description, .. }) = &report.test_suites[0].test_cases[0].status
            else {
                panic!("{report:?}")
            };
            assert_eq!(message.as_ref().unwrap().as_str(), "known.yaml:2 no longer holds");
            assert!(description.as_ref().unwrap().contains("\nno longer seen: an answer\n"), "{description:?}");
        }
    }

    #[test]
    fn escapes_gateway_texts() {
        let odd = "a\u{0}\u{1b}[31m]]>\u{ffff}\u{fffe}\"'<&>\n\t</testsuites>\u{202e}é\u{1f600}";
        let mut deviates = case(&format!("family/{odd}"), Verdict::Deviates);
        let slight = Difference::test(CauseKind::Fields, "a field", "", "");
        deviates.differences = vec![slight, Difference::test(CauseKind::LetIn, odd, odd, odd)];
        (deviates.transcript, deviates.log) = (Some(odd.to_owned()), Some(odd.to_owned()));
        deviates.title = odd.to_owned();
        let (_, report) = written(&[deviates]);
        let case = &report.test_suites[0].test_cases[0];
        let kept = |text: &str| {
            for says in ["]]>", "\"'<&>", "</testsuites>", "é\u{1f600}", "\\u{1b}[31m", "\\u{ffff}", "\\u{202e}"] {
                assert!(text.contains(says), "{says} is not in {text:?}");
            }
        };
        let TestCaseStatus::NonSuccess { kind, message, ty, description, .. } = &case.status else {
            panic!("{case:?}")
        };
        assert_eq!((*kind, ty.as_deref()), (NonSuccessKind::Failure, Some("let-in")));
        for text in [&Some(case.name.clone()), message, description, &case.system_out, &case.system_err] {
            kept(text.as_ref().unwrap());
        }
        assert!(message.as_ref().unwrap().starts_with("let in instead of refused: a"));
        let place = |kind: CauseKind| description.as_ref().unwrap().find(kind.title()).unwrap();
        assert!(place(CauseKind::LetIn) < place(CauseKind::Fields), "{description:?}");
    }

    #[test]
    fn transcripts_are_truncated() {
        let cases = (0..1100).map(|n| {
            let mut case = case(&format!("family/{n:04}"), Verdict::Error);
            case.transcript = Some("x\n".repeat(40_000));
            case
        });
        let (text, report) = written(&cases.collect::<Vec<_>>());
        assert!(text.len() < RECORDS + (4 << 20), "{}", text.len());
        let cases = &report.test_suites[0].test_cases;
        let first = cases[0].system_out.as_ref().unwrap();
        assert!(first.len() < TEXT + 100 && first.contains("more"), "{}", first.len());
        assert!(cases[1099].system_out.is_none());
    }
}
