//! The report as one JSON document, for programs. Its form is described in `docs/report.md`; `schema` counts up with
//! every change that a reader could stumble over.

use super::destination::Sink;
use super::{CaseReport, Event, Listener, RunInfo, RunReport};
use crate::judge::{Finding, FrameFinding, Verdict};
use crate::printable;
use serde_json::{Map, Value, json};
use std::io;

/// The version of the report's form.
pub const SCHEMA: u32 = 1;

/// Writes the report when the run is over; also when it was broken off.
pub struct Json {
    sink: Sink,
    gateway: Value,
    jobs: usize,
    isolation: Value,
    package: Option<String>,
    cases: Vec<Value>,
}

impl Json {
    /// A report into this.
    pub fn new(sink: Sink) -> Self {
        let (gateway, isolation) = (Value::Null, Value::Null);
        Self { sink, gateway, jobs: 0, isolation, package: None, cases: Vec::new() }
    }

    fn document(&self, run: &RunReport) -> Value {
        let summary =
            Verdict::ALL.iter().map(|verdict| (verdict.name().to_owned(), run.summary.count(*verdict).into()));
        json!({
            "schema": SCHEMA,
            "clawcheck": env!("CARGO_PKG_VERSION"),
            "gateway": self.gateway,
            "jobs": self.jobs,
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
            "cases": self.cases,
        })
    }
}

impl Listener for Json {
    fn hear(&mut self, event: Event<'_>) -> io::Result<()> {
        match event {
            Event::Started(run) => {
                self.gateway = gateway(run);
                self.jobs = run.jobs;
                self.isolation = json!(run.isolation);
                self.package.clone_from(&run.schema);
            }
            Event::Playing { .. } => {}
            Event::Case(case) => self.cases.push(self::case(case)),
            Event::Finished(run) => {
                self.cases.sort_by(|a, b| a["id"].as_str().cmp(&b["id"].as_str()));
                let document = format!("{:#}\n", self.document(run));
                self.sink.take(printable::json(&document).into_owned().into_bytes())?;
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

fn case(case: &CaseReport) -> Value {
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| {
        object.insert(name.to_owned(), value);
    };
    put("id", json!(case.id));
    put("title", json!(case.title));
    put("file", json!(case.file.to_string_lossy()));
    put("verdict", json!(case.verdict.name()));
    put("duration_ms", milliseconds(case.duration));
    put("boot", json!(case.boot));
    put("reason", json!(case.reason));
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
    put("again", json!(case.again));
    if let Some(transcript) = &case.transcript {
        put("transcript", transcript.lines().collect());
    }
    if let Some(log) = &case.log {
        put("log", log.lines().collect());
    }
    if let Some(proposed) = &case.proposed {
        put("proposed", json!(proposed.to_string_lossy()));
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
    // Three digits: what is below a microsecond is noise.
    json!((duration.as_secs_f64() * 1e6).round() / 1e3)
}
