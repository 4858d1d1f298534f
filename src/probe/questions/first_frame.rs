//! A first frame that is not a connect.

use crate::probe::question::Topic::FirstFrame;
use crate::probe::question::{Frame, Question, Script};
use serde_json::json;

/// More than the 64 KiB that OpenClaw accepts before the connect.
const OVERSIZE: usize = 70_000;

pub(super) const QUESTIONS: &[Question] = &[
    Question::new("other-method", FirstFrame, "the request `health`", Script::First(|| request("health"))),
    Question::new("not-json", FirstFrame, "text that is not JSON", Script::First(|| Frame::Text("{".to_owned()))),
    Question::new("no-frame", FirstFrame, "JSON that is not a frame", Script::First(|| Frame::Text("[]".to_owned()))),
    Question::new(
        "event",
        FirstFrame,
        "an event",
        Script::First(|| Frame::Text(json!({ "type": "event", "event": "probe" }).to_string())),
    ),
    Question::new("binary", FirstFrame, "a binary frame", Script::First(|| Frame::Binary(b"{}".to_vec()))),
    Question::new("no-params", FirstFrame, "a connect without parameters", Script::First(|| request("connect"))),
    Question::new(
        "oversize",
        FirstFrame,
        "70,000 bytes",
        Script::First(|| Frame::Text(json!({ "type": "req", "id": "1", "method": "a".repeat(OVERSIZE) }).to_string())),
    ),
];

fn request(method: &str) -> Frame {
    Frame::Text(json!({ "type": "req", "id": "1", "method": method }).to_string())
}
