//! Holds what a gateway sends to the published schema, where the run asks for it.

use crate::client::Redactions;
use crate::judge::FrameFinding;
use crate::judge::frame_schema::{FrameSchema, Violation};
use crate::report::FrameTally;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};

/// How much of a frame is shown, in bytes.
const SHOWN_BYTES: usize = 2048;

/// The frames of one case.
#[derive(Debug, Default)]
pub(super) struct Frames {
    schema: Option<Arc<FrameSchema>>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
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
pub(super) struct ConnectionFrames {
    frames: Arc<Frames>,
    connection: String,
}

impl Frames {
    pub(super) fn new(schema: Option<Arc<FrameSchema>>) -> Self {
        Self { schema, seen: Mutex::default() }
    }

    /// Those of a connection.
    pub(super) fn on(self: &Arc<Self>, connection: &str) -> ConnectionFrames {
        ConnectionFrames { frames: Arc::clone(self), connection: connection.to_owned() }
    }

    /// How many were held to the schema; `None` where no schema was asked for.
    pub(super) fn tally(&self) -> Option<FrameTally> {
        self.schema.as_ref()?;
        Some(self.seen.lock().unwrap_or_else(PoisonError::into_inner).tally.clone())
    }

    /// What breaks the schema, fit to be shown.
    pub(super) fn findings(&self, redactions: &Redactions) -> Vec<FrameFinding> {
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
            text: shown(&redactions.apply(&broken.text)),
            times: broken.times,
        };
        seen.broken.iter().map(finding).collect()
    }
}

impl ConnectionFrames {
    /// Holds a frame to the schema. `method` is the one that it answers, where that is known.
    pub(super) fn check(&self, frame: &Value, method: Option<&str>) {
        let Some(schema) = &self.frames.schema else { return };
        let checked = schema.check(frame, method);
        let name = name(frame, method);
        let mut seen = self.frames.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.tally.checked += 1;
        if checked.payload_not_described {
            seen.tally.payload_not_described.insert(name.clone());
        }
        for violation in checked.violations {
            let same = |broken: &&mut Broken| broken.violation == violation && broken.frame == name;
            match seen.broken.iter_mut().find(same) {
                Some(broken) => broken.times += 1,
                None => seen.broken.push(Broken {
                    connection: self.connection.clone(),
                    frame: name.clone(),
                    text: frame.to_string(),
                    violation,
                    times: 1,
                }),
            }
        }
    }
}

fn name(frame: &Value, method: Option<&str>) -> String {
    let text = |name: &str| frame.get(name).and_then(Value::as_str);
    match (text("type"), text("event"), method) {
        (Some("event"), Some(event), _) => format!("event {event}"),
        (Some("res"), _, Some(method)) => format!("answer to {method}"),
        (Some("res"), _, None) => "answer".to_owned(),
        _ => "frame".to_owned(),
    }
}

fn shown(text: &str) -> String {
    if text.len() <= SHOWN_BYTES {
        return text.to_owned();
    }
    let end = (0..=SHOWN_BYTES).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{} …cut", &text[..end])
}
