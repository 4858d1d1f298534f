//! Constructors for common forms of what a step received.

use crate::observe::{RawFrame, RawMessage, Received, StepEvidence};
use serde_json::Value;

pub(crate) fn own(message: RawMessage) -> Received<RawFrame> {
    Received { on: None, message }
}

pub(crate) fn received(messages: Vec<RawMessage>) -> StepEvidence {
    StepEvidence { received: messages.into_iter().map(own).collect(), ..StepEvidence::default() }
}

pub(crate) fn note(text: String) -> StepEvidence {
    received(vec![RawMessage::Note(text)])
}

pub(crate) fn is_over(name: &str) -> StepEvidence {
    note(format!("the connection {name} is over"))
}

pub(crate) fn is_ok(message: &RawMessage) -> bool {
    let Some(frame) = message.frame() else { return false };
    frame.get("type") == Some(&"res".into()) && frame.get("ok") == Some(&Value::Bool(true))
}
