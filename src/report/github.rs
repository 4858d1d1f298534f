//! For GitHub Actions: one annotation for each cause, and the summary of the step.
//!
//! Annotations are workflow commands, lines that begin with `::`. A gateway can send such lines, too, and they can be
//! in the output of the run. Therefore this listener disables workflow commands at the beginning of the run and enables
//! them again at the end.

use super::Listener;
use super::causes::Cause;
use super::markdown::Summary;
use crate::counted::counted;
use crate::judge::cause::CauseKind;
use crate::judge::{Finding, Verdict};
use crate::run::outcome::{CaseReport, Event, RunReport};
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use untrusted_data::printable;

/// The maximum number of annotations. GitHub shows 10 errors of a step.
const ANNOTATIONS: usize = 10;

/// Where the listener writes, and what it knows about the job.
pub(crate) struct Job {
    /// The checkout (`GITHUB_WORKSPACE`). Annotations name only files in it.
    pub checkout: PathBuf,
    /// The file for the summary of the step (`GITHUB_STEP_SUMMARY`).
    pub step_summary: Option<PathBuf>,
    /// The random text that enables workflow commands again.
    pub token: String,
}

/// Writes the annotations and the summary at the end of the run.
pub(crate) struct Github<W> {
    out: W,
    job: Job,
    summary: Summary,
    /// The files of failing cases, by id, with the line of the first unmet expectation.
    places: BTreeMap<String, (PathBuf, Option<usize>)>,
    /// The known deviations that no longer hold, with the number of cases.
    gone: BTreeMap<String, usize>,
    started: bool,
}

impl<W: Write> Github<W> {
    /// Annotations are written to `out`.
    pub(crate) fn new(out: W, job: Job) -> Self {
        Self { out, job, summary: Summary::default(), places: BTreeMap::new(), gone: BTreeMap::new(), started: false }
    }

    fn add(&mut self, case: &CaseReport) {
        self.summary.add(case);
        if case.verdict == Verdict::UnexpectedlyConforms {
            *self.gone.entry(case.reason.clone().unwrap_or_default()).or_default() += 1;
        } else if case.verdict.is_failure() && !case.is_built_in {
            let line = case.findings.iter().find_map(|finding| match finding {
                Finding::Expectation { line, .. } => Some(*line),
                _ => None,
            });
            self.places.insert(case.id.clone(), (case.file.clone(), line));
        }
    }

    fn finished(&mut self, run: &RunReport) -> io::Result<()> {
        if self.started {
            writeln!(self.out, "::{}::", self.job.token)?;
        }
        let causes = self.summary.causes.list();
        let shown = if causes.len() > ANNOTATIONS { ANNOTATIONS - 1 } else { causes.len() };
        for cause in &causes[..shown] {
            writeln!(self.out, "{}", self.annotation(cause))?;
        }
        if shown < causes.len() {
            let more = counted(causes.len() - shown, "more cause");
            writeln!(self.out, "{}", command("error", &[("title", "clawcheck")], &format!("{more}; see the summary")))?;
        }
        for (reason, cases) in self.gone.iter().take(ANNOTATIONS - shown) {
            let title = format!("{} ({})", Verdict::UnexpectedlyConforms.name(), counted(*cases, "case"));
            writeln!(self.out, "{}", command("error", &[("title", &title)], reason))?;
        }
        let Some(path) = &self.job.step_summary else { return Ok(()) };
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let mut file = OpenOptions::new().append(true).create(true).open(path).map_err(named)?;
        file.write_all(self.summary.text(run).as_bytes()).map_err(named)
    }

    fn annotation(&self, cause: &Cause<'_>) -> String {
        let place = self.places.get(cause.simplest);
        let file = place.and_then(|(file, _)| in_checkout(file, &self.job.checkout));
        let line = place.and_then(|(_, line)| *line).map(|line| line.to_string());
        let title = format!("{} ({})", cause.kind.title(), counted(cause.cases.len(), "case"));
        let mut properties = Vec::new();
        if let Some(file) = &file {
            properties.push(("file", file.as_str()));
            properties.extend(line.as_deref().map(|line| ("line", line)));
        }
        properties.push(("title", &title));
        let mut message = format!("{}\n", cause.what);
        let (example, is_error) = (cause.example, cause.kind == CauseKind::Error);
        if is_error && !example.seen.is_empty() {
            message.push_str(&format!("{}\n", example.seen));
        }
        for (name, text) in [("expected", &example.expected), ("seen", &example.seen)] {
            if !is_error && !text.is_empty() {
                message.push_str(&format!("{name}: {text}\n"));
            }
        }
        message.push_str(&format!("show one: {}", cause.rerun));
        command("error", &properties, &message)
    }
}

impl<W: Write> Listener for Github<W> {
    fn on_event(&mut self, event: Event<'_>) -> io::Result<()> {
        match event {
            Event::Started(run) => {
                self.summary.started(run);
                self.started = true;
                writeln!(self.out, "::stop-commands::{}", self.job.token)?;
            }
            Event::Playing { .. } => {}
            Event::Case(case) => self.add(case),
            Event::Finished(run) => self.finished(run)?,
        }
        self.out.flush()
    }
}

/// The path of a file below the checkout. `None` if the file is not there, because GitHub could not show it.
fn in_checkout(file: &Path, checkout: &Path) -> Option<String> {
    let (file, checkout) = (file.canonicalize().ok()?, checkout.canonicalize().ok()?);
    file.strip_prefix(checkout).ok()?.to_str().map(str::to_owned)
}

/// A workflow command: one line.
fn command(name: &str, properties: &[(&str, &str)], message: &str) -> String {
    let properties = properties.iter().map(|(name, value)| format!("{name}={}", escaped_property(value)));
    let properties = properties.collect::<Vec<_>>().join(",");
    format!("::{name} {properties}::{}", escaped(message))
}

/// Text as the message of a command. Line breaks stay, other control characters are visible escapes.
fn escaped(text: &str) -> String {
    printable::block(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn escaped_property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Difference;
    use crate::judge::cause::CauseKind;
    use crate::report::fixtures::{case, info};

    fn written(checkout: &Path, cases: &[CaseReport]) -> (String, String) {
        let step_summary = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(step_summary.path(), "before\n").unwrap();
        let mut out = Vec::new();
        let job = Job {
            checkout: checkout.to_owned(),
            step_summary: Some(step_summary.path().to_owned()),
            token: "t0ken".to_owned(),
        };
        let mut github = Github::new(&mut out, job);
        let mut run = RunReport::default();
        github.on_event(Event::Started(&info())).unwrap();
        for case in cases {
            run.summary.add(case.verdict);
            github.on_event(Event::Case(case)).unwrap();
        }
        github.on_event(Event::Finished(&run)).unwrap();
        (String::from_utf8(out).unwrap(), std::fs::read_to_string(step_summary.path()).unwrap())
    }

    fn deviates(id: &str, what: &str, file: &Path) -> CaseReport {
        let mut case = case(id, Verdict::Deviates);
        case.differences = vec![Difference::test(CauseKind::Refused, what, "<- hello-ok", "<- error, 100%")];
        case.findings = vec![Finding::Expectation {
            step: "connect".to_owned(),
            line: 13,
            expected: "hello-ok".to_owned(),
            seen: "error".to_owned(),
            requires: None,
        }];
        (case.file, case.is_built_in) = (file.to_owned(), false);
        case
    }

    #[test]
    fn annotation_names_file_in_checkout() {
        let checkout = tempfile::tempdir().unwrap();
        let file = checkout.path().join("tests/a,b.yaml");
        std::fs::create_dir(checkout.path().join("tests")).unwrap();
        std::fs::write(&file, "").unwrap();
        let (out, summary) = written(checkout.path(), &[deviates("role/a", "NOT_PAIRED", &file)]);
        let lines = out.lines().collect::<Vec<_>>();
        assert_eq!(lines[..2], ["::stop-commands::t0ken", "::t0ken::"]);
        let expected = "::error file=tests/a%2Cb.yaml,line=13,title=refused instead of let in (1 case)::NOT_PAIRED%0Aexpected: <- hello-ok%0Aseen: <- error, 100%25%0Ashow one: ";
        assert!(lines[2].starts_with(expected), "{}", lines[2]);
        assert!(summary.starts_with("before\n### clawcheck: 1 of 1 case fails"), "{summary}");
    }

    #[test]
    fn annotation_without_file() {
        let (checkout, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
        std::fs::write(checkout.path().join("built-in.yaml"), "").unwrap();
        let mut built_in = deviates("role/b", "two", &checkout.path().join("built-in.yaml"));
        built_in.is_built_in = true;
        let missing = deviates("role/c", "three", &checkout.path().join("missing.yaml"));
        let (out, _) = written(checkout.path(), &[deviates("role/a", "one", elsewhere.path()), built_in, missing]);
        assert_eq!(out.matches("::error title=").count(), 3, "{out}");
        assert!(!out.contains("file="), "{out}");
    }

    #[test]
    fn annotation_of_unexpectedly_conforming_case() {
        let gone = ["role/a", "role/b"].map(|id| {
            let mut case = case(id, Verdict::UnexpectedlyConforms);
            case.reason = Some("known.yaml:3 no longer holds".to_owned());
            case
        });
        let (out, summary) = written(Path::new("/"), &gone);
        let annotation = "::error title=unexpectedly-conforms (2 cases)::known.yaml:3 no longer holds\n";
        assert!(out.ends_with(annotation), "{out}");
        assert!(summary.contains("#### Known deviations that no longer hold"), "{summary}");
        assert!(summary.contains("### clawcheck: 2 of 2 cases fail"), "{summary}");
    }

    #[test]
    fn at_most_ten_annotations() {
        let cases = (0..40).map(|n| deviates(&format!("role/{n}"), &format!("cause {n}"), Path::new("x.yaml")));
        let (out, _) = written(Path::new("/"), &cases.collect::<Vec<_>>());
        assert_eq!(out.matches("::error ").count(), ANNOTATIONS, "{out}");
        assert!(out.contains("::error title=clawcheck::31 more causes; see the summary"), "{out}");
    }

    #[test]
    fn escapes_workflow_commands() {
        let evil = "x\n::set-output name=a::b\r\n::t0ken";
        let (out, _) = written(Path::new("/"), &[deviates("role/a", evil, Path::new("x.yaml"))]);
        assert_eq!(out.lines().count(), 3, "{out}");
    }
}
