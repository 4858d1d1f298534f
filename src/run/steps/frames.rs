//! Holds what a gateway sends to the published schema, where the run asks for it.

use crate::judge::FrameFinding;
use crate::judge::frame_schema::{FrameSchema, Violation};
use crate::report::FrameTally;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use untrusted_data::Redactions;
use untrusted_data::cut;

/// How much of a frame is shown, in bytes.
const SHOWN_BYTES: usize = 2048;
/// How much of it is kept until its secrets are taken out.
const KEPT_BYTES: usize = 8 * SHOWN_BYTES;
/// How many ways to break the schema are told of one case. A gateway can find one for every frame.
const MOST: usize = 20;
/// How many frames are named of whose payload the schema says nothing, and how long such a name may be.
const MOST_NAMES: usize = 200;
const NAME_BYTES: usize = 100;

/// The frames of one case.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    schema: Option<Arc<FrameSchema>>,
    seen: Mutex<CaseResult>,
}

#[derive(Debug, Default)]
struct CaseResult {
    tally: FrameTally,
    broken: Vec<Broken>,
}

/// The first frame that breaks the schema in one way, and how many do.
#[derive(Debug)]
struct Broken {
    connection: String,
    frame: String,
    text: String,
    violation: Violation,
    times: usize,
}

/// The frames of one connection.
#[derive(Debug)]
pub(crate) struct ConnectionFrames {
    frames: Arc<Frames>,
    connection: String,
}

impl Frames {
    pub(crate) fn new(schema: Option<Arc<FrameSchema>>) -> Self {
        Self { schema, seen: Mutex::default() }
    }

    /// Those of a connection.
    pub(crate) fn on(self: &Arc<Self>, connection: &str) -> ConnectionFrames {
        ConnectionFrames { frames: Arc::clone(self), connection: connection.to_owned() }
    }

    /// How many were held to the schema; `None` where no schema was asked for.
    pub(crate) fn tally(&self) -> Option<FrameTally> {
        self.schema.as_ref()?;
        Some(self.seen.lock().unwrap_or_else(PoisonError::into_inner).tally.clone())
    }

    /// What breaks the schema, fit to be shown.
    pub(crate) fn findings(&self, redactions: &Redactions) -> Vec<FrameFinding> {
        let Some(schema) = &self.schema else { return Vec::new() };
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let finding = |broken: &Broken| FrameFinding {
            connection: broken.connection.clone(),
            package: schema.package().to_owned(),
            definition: broken.violation.definition.clone(),
            frame: broken.frame.clone(),
            // Both can have a key in them that the gateway chose.
            pointer: redactions.apply(&broken.violation.pointer),
            message: redactions.apply(&broken.violation.message),
            text: cut::text(&redactions.apply(&broken.text), SHOWN_BYTES).into_owned(),
            times: broken.times,
        };
        seen.broken.iter().map(finding).collect()
    }
}

impl ConnectionFrames {
    /// Holds a frame to the schema. `method` is the one that it answers, where that is known.
    pub(crate) fn check(&self, frame: &Value, method: Option<&str>) {
        let Some(schema) = &self.frames.schema else { return };
        let checked = schema.check(frame, method);
        let name = name(frame, method);
        let mut seen = self.frames.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.tally.checked += 1;
        if checked.payload_not_described && seen.tally.payload_not_described.len() < MOST_NAMES {
            seen.tally.payload_not_described.insert(name.clone());
        }
        for violation in checked.violations.into_iter().map(short) {
            let same = |broken: &&mut Broken| broken.violation == violation && broken.frame == name;
            let is_full = seen.broken.len() == MOST;
            match seen.broken.iter_mut().find(same) {
                Some(broken) => broken.times += 1,
                None if is_full => {}
                None => seen.broken.push(Broken {
                    connection: self.connection.clone(),
                    frame: name.clone(),
                    text: cut::text(&frame.to_string(), KEPT_BYTES).into_owned(),
                    violation,
                    times: 1,
                }),
            }
        }
    }
}

/// A violation that is fit to be kept: both its texts can have a key in them of any length.
fn short(violation: Violation) -> Violation {
    let short = |text: &str| cut::text(text, SHOWN_BYTES).into_owned();
    Violation { pointer: short(&violation.pointer), message: short(&violation.message), ..violation }
}

fn name(frame: &Value, method: Option<&str>) -> String {
    let text = |name: &str| frame.get(name).and_then(Value::as_str);
    match (text("type"), text("event"), method) {
        (Some("event"), Some(event), _) => format!("event {}", cut::text(event, NAME_BYTES)),
        (Some("res"), _, Some(method)) => format!("answer to {method}"),
        (Some("res"), _, None) => "answer".to_owned(),
        _ => "frame".to_owned(),
    }
}
