//! Validates the frames of a gateway against the published schema, if the run requests it.

use crate::judge::FrameFinding;
use crate::judge::frame_schema::{FrameSchema, Violation};
use crate::locked::locked;
use crate::run::outcome::FrameTally;
use serde_json::Value;
use std::sync::{Arc, Mutex};
use untrusted_data::Redactions;
use untrusted_data::cut;
use untrusted_data::limits::{FINDING_BYTES, FRAME_FINDINGS, FRAME_NAME_BYTES, FRAME_NAMES};

/// Number of bytes of a frame that are kept before its secrets are redacted. Redacted secrets can be shorter.
const UNREDACTED_BYTES: usize = 8 * FINDING_BYTES;

/// The frames of one case.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    schema: Option<Arc<FrameSchema>>,
    seen: Mutex<CheckedFrames>,
}

#[derive(Debug, Default)]
struct CheckedFrames {
    tally: FrameTally,
    broken: Vec<BrokenFrame>,
}

/// The first frame with a violation, and the number of frames with the same violation.
#[derive(Debug)]
struct BrokenFrame {
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

    /// The frames of the named connection.
    pub(crate) fn on(self: &Arc<Self>, connection: &str) -> ConnectionFrames {
        ConnectionFrames { frames: Arc::clone(self), connection: connection.to_owned() }
    }

    /// Number of validated frames. `None` without a schema.
    pub(crate) fn tally(&self) -> Option<FrameTally> {
        self.schema.as_ref()?;
        Some(locked(&self.seen).tally.clone())
    }

    /// The violations, redacted and truncated.
    pub(crate) fn findings(&self, redactions: &Redactions) -> Vec<FrameFinding> {
        let Some(schema) = &self.schema else { return Vec::new() };
        let seen = locked(&self.seen);
        let finding = |broken: &BrokenFrame| FrameFinding {
            connection: broken.connection.clone(),
            package: schema.package().to_owned(),
            definition: broken.violation.definition.clone(),
            frame: broken.frame.clone(),
            // Both texts can contain a key that the gateway chose.
            pointer: redactions.apply(&broken.violation.pointer),
            message: redactions.apply(&broken.violation.message),
            text: cut::text(&redactions.apply(&broken.text), FINDING_BYTES).into_owned(),
            times: broken.times,
        };
        seen.broken.iter().map(finding).collect()
    }
}

impl ConnectionFrames {
    /// Validates a frame. `method` is the method that the frame answers, if known.
    pub(crate) fn check(&self, frame: &Value, method: Option<&str>) {
        let Some(schema) = &self.frames.schema else { return };
        let checked = schema.check(frame, method);
        let name = name(frame, method);
        let mut seen = locked(&self.frames.seen);
        seen.tally.checked += 1;
        if checked.payload_not_described && seen.tally.payload_not_described.len() < FRAME_NAMES {
            seen.tally.payload_not_described.insert(name.clone());
        }
        for violation in checked.violations.into_iter().map(short) {
            let same = |broken: &&mut BrokenFrame| broken.violation == violation && broken.frame == name;
            let is_full = seen.broken.len() == FRAME_FINDINGS;
            match seen.broken.iter_mut().find(same) {
                Some(broken) => broken.times += 1,
                None if is_full => {}
                None => seen.broken.push(BrokenFrame {
                    connection: self.connection.clone(),
                    frame: name.clone(),
                    text: cut::text(&frame.to_string(), UNREDACTED_BYTES).into_owned(),
                    violation,
                    times: 1,
                }),
            }
        }
    }
}

/// A violation of limited size: both texts can contain a key of any length.
fn short(violation: Violation) -> Violation {
    let short = |text: &str| cut::text(text, FINDING_BYTES).into_owned();
    Violation { pointer: short(&violation.pointer), message: short(&violation.message), ..violation }
}

fn name(frame: &Value, method: Option<&str>) -> String {
    let text = |name: &str| frame.get(name).and_then(Value::as_str);
    match (text("type"), text("event"), method) {
        (Some("event"), Some(event), _) => format!("event {}", cut::text(event, FRAME_NAME_BYTES)),
        (Some("res"), _, Some(method)) => format!("answer to {method}"),
        (Some("res"), _, None) => "answer".to_owned(),
        _ => "frame".to_owned(),
    }
}
