//! The report as one JSON document, for programs. `docs/report.md` describes the format. `schema` increases with
//! every change that can break a reader.
//!
//! Until the end of the run, the cases are in a temporary file, in their final form. The cases of a gateway that
//! sends large answers could need more memory than the limit.

use super::Listener;
use super::causes::{Cause, Causes};
use super::closest;
use super::destination::ReportSink;
use super::explanation;
use super::score::Score;
use crate::judge::{Finding, FrameFinding, Level, Verdict};
use crate::run::outcome::{CaseReport, Event, RunInfo, RunReport};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use untrusted_data::printable;

/// The version of the report format.
pub(crate) const SCHEMA: u32 = 1;

/// The JSON Schema of a report (draft 2020-12).
pub(crate) const SCHEMA_TEXT: &str = include_str!("../../schema/report.json");

/// Writes the report at the end of the run, also if the run was interrupted.
pub(crate) struct Json {
    sink: ReportSink,
    gateway: Value,
    jobs: usize,
    isolation: Value,
    package: Option<String>,
    /// Absent before the gateway was ready.
    level: Option<Level>,
    causes: Causes,
    slight: Causes,
    /// The number of conforming cases with slight differences.
    conforming_with_slight: usize,
    score: Score,
    cases: Option<Cases>,
}

/// The finished cases, already serialized.
struct Cases {
    file: File,
    /// The position of each case, by id.
    places: BTreeMap<String, Range<u64>>,
    end: u64,
}

impl Cases {
    fn new() -> io::Result<Self> {
        Ok(Self { file: tempfile::tempfile()?, places: BTreeMap::new(), end: 0 })
    }

    fn add(&mut self, id: &str, case: &Value) -> io::Result<()> {
        // The indentation is that of the final document. No string contains a line break.
        let text = serde_json::to_string_pretty(case)?.replace('\n', "\n    ");
        let text = printable::json(&text);
        self.file.write_all(text.as_bytes())?;
        let end = self.end + text.len() as u64;
        self.places.insert(id.to_owned(), self.end..end);
        self.end = end;
        Ok(())
    }

    /// Writes the cases as the items of the array at the end of the document, sorted by id.
    fn write(&mut self, out: &mut impl io::Write) -> io::Result<()> {
        for (number, place) in self.places.values().enumerate() {
            out.write_all(if number == 0 { b"\n    " } else { b",\n    " })?;
            self.file.seek(SeekFrom::Start(place.start))?;
            io::copy(&mut (&self.file).take(place.end - place.start), out)?;
        }
        if !self.places.is_empty() {
            out.write_all(b"\n  ")?;
        }
        Ok(())
    }
}

impl Json {
    /// Creates a listener that writes the report to this sink.
    pub(crate) fn new(sink: ReportSink) -> Self {
        let (gateway, isolation) = (Value::Null, Value::Null);
        let (causes, slight) = (Causes::default(), Causes::default());
        let level = None;
        Self {
            sink,
            gateway,
            jobs: 0,
            isolation,
            package: None,
            level,
            causes,
            slight,
            conforming_with_slight: 0,
            score: Score::default(),
            cases: None,
        }
    }

    /// The document without its cases, which come last.
    fn document(&self, run: &RunReport) -> Value {
        let summary =
            Verdict::ALL.iter().map(|verdict| (verdict.name().to_owned(), run.summary.count(*verdict).into()));
        json!({
            "schema": SCHEMA,
            "clawcheck": env!("CARGO_PKG_VERSION"),
            "gateway": self.gateway,
            "jobs": self.jobs,
            "level": self.level,
            "summary": Value::Object(summary.collect()),
            "duration_ms": milliseconds(run.duration),
            "interrupted": run.interrupted.is_some(),
            "not_played": run.interrupted.unwrap_or_default(),
            "isolation": self.isolation,
            "boots": run.boots.as_ref().map(|boots| {
                json!({ "made": boots.made, "saved": boots.saved, "given_up": boots.given_up })
            }),
            "unused_snapshots": run.unused_snapshots,
            "left_behind": run.left_behind,
            "frames": run.frames.as_ref().map(|tally| json!({
                "package": self.package,
                "checked": tally.checked,
                "payload_not_described": tally.payload_not_described,
            })),
            "closest": run.closest.as_ref().map(closest::json),
            "causes": self.causes.list().iter().map(cause).collect::<Vec<_>>(),
            "slight": {
                "conforming": self.conforming_with_slight,
                "causes": self.slight.list().iter().map(cause).collect::<Vec<_>>(),
            },
            "score": self.score.json(),
            "cases": [],
        })
    }

    /// The complete report, in a file without a name.
    fn assemble(&mut self, run: &RunReport) -> io::Result<File> {
        let document = serde_json::to_string_pretty(&self.document(run))?;
        let document = printable::json(&document);
        let mut file = tempfile::tempfile()?;
        let mut out = io::BufWriter::new(&mut file);
        match (&mut self.cases, document.strip_suffix("]\n}")) {
            (Some(cases), Some(before)) => {
                out.write_all(before.as_bytes())?;
                cases.write(&mut out)?;
                out.write_all(b"]\n}")?;
            }
            _ => out.write_all(document.as_bytes())?,
        }
        out.write_all(b"\n")?;
        out.flush()?;
        drop(out);
        file.rewind()?;
        Ok(file)
    }
}

impl Listener for Json {
    fn on_event(&mut self, event: Event<'_>) -> io::Result<()> {
        match event {
            Event::Started(run) => {
                self.gateway = gateway(run);
                self.jobs = run.jobs;
                self.isolation = json!(run.isolation);
                self.package.clone_from(&run.schema);
                self.level = Some(run.level);
            }
            Event::Playing { .. } => {}
            Event::Case(case) => {
                let cases = match &mut self.cases {
                    Some(cases) => cases,
                    none => none.insert(Cases::new()?),
                };
                cases.add(&case.id, &self::case(case))?;
                let level = self.level.unwrap_or_default();
                if case.verdict.is_failure() {
                    self.causes.add(case, level);
                }
                self.slight.add_slight(case, level);
                self.score.add(case);
                self.conforming_with_slight +=
                    usize::from(case.verdict == Verdict::Conforms && !case.differences.is_empty());
            }
            Event::Finished(run) => {
                let document = self.assemble(run)?;
                self.sink.take(document)?;
            }
        }
        Ok(())
    }
}

fn gateway(run: &RunInfo) -> Value {
    let gateway = &run.gateway;
    json!({
        "kind": gateway.kind,
        "name": gateway.name,
        "program": gateway.program,
        "release": gateway.release.map(|release| release.to_string()),
        "lacks": gateway.lacks,
        "notes": gateway.notes,
    })
}

/// A cause as a member of a document.
pub(crate) fn cause(cause: &Cause<'_>) -> Value {
    json!({
        "kind": cause.kind,
        "level": cause.kind.level(),
        "what": cause.what,
        "cases": cause.cases,
        "example": {
            "case": cause.simplest,
            "place": cause.example.place,
            "expected": cause.example.expected,
            "seen": cause.example.seen,
        },
        "rerun": cause.rerun,
        "links": cause.links,
        "requirements": cause.requirements,
    })
}

fn case(case: &CaseReport) -> Value {
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| {
        object.insert(name.to_owned(), value);
    };
    put("id", json!(case.id));
    put("title", json!(case.title));
    put("file", json!(case.file.to_string_lossy()));
    put("verdict", json!(case.verdict.name()));
    put("conforms_at", json!(case.conforms_at()));
    put("duration_ms", milliseconds(case.duration));
    put("boot", json!(case.boot));
    put("reason", json!(case.reason));
    put("about", json!(case.about));
    put("links", json!(case.links));
    put("requirements", json!(case.requirements));
    put("differences", json!(case.differences));
    if !case.release_differences.is_empty() {
        put("release_differences", json!(case.release_differences));
    }
    put("notes", json!(case.notes));
    put("findings", case.findings.iter().map(finding).collect());
    put(
        "observation",
        case.observation.as_ref().map_or(Value::Null, |observation| {
            json!({
                "text": observation.text().lines().collect::<Vec<_>>(),
                "steps": observation.steps,
                "store": observation.store,
            })
        }),
    );
    put("rerun", json!(case.rerun));
    if let Some(transcript) = &case.transcript {
        put("transcript", transcript.lines().collect());
    }
    if let Some(log) = &case.log {
        put("log", log.lines().collect());
    }
    if let Some(proposed) = &case.proposed {
        put("proposed", json!(proposed.to_string_lossy()));
    }
    if let Some(explanation) = &case.explanation {
        put("explanation", explanation::json(explanation));
    }
    Value::Object(object)
}

fn finding(finding: &Finding) -> Value {
    let message = finding.sentence();
    match finding {
        Finding::Expectation { step, line, expected, seen, requires } => json!({
            "kind": "expectation", "message": message, "step": step, "line": line, "expected": expected, "seen": seen,
            "requires": requires,
        }),
        Finding::Snapshot { variant, draft, expected, .. } => json!({
            "kind": "snapshot", "message": message, "variant": variant.to_string(), "draft": draft,
            "expected": expected.lines().collect::<Vec<_>>(),
        }),
        Finding::NoSnapshot { later, .. } => json!({
            "kind": "no-snapshot", "message": message, "later": later.map(|later| later.to_string()),
        }),
        Finding::Frame(FrameFinding {
            connection,
            definition,
            frame,
            pointer,
            message: says,
            text,
            times,
            package,
        }) => json!({
            "kind": "frame", "message": message, "package": package, "definition": definition, "frame": frame, "on": connection,
            "pointer": pointer, "says": says, "text": text, "times": times,
        }),
    }
}

fn milliseconds(duration: std::time::Duration) -> Value {
    // Three digits, because the measurement is not more precise than a microsecond.
    json!((duration.as_secs_f64() * 1e6).round() / 1e3)
}
