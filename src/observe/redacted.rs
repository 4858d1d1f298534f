//! Redacts secrets in every string of an observation. Symbols stand for secrets that a gateway sent unchanged. A
//! hostile gateway can also send them encoded, in the name of an event, or as a key.

use super::store::DocumentContents;
use super::{Frame, Message, NormalizedStore, Received, StepObservation};
use serde_json::Value;

/// Returns a string without its secrets.
pub(super) type Redact<'a> = &'a dyn Fn(&str) -> String;

pub(super) fn steps(steps: &mut [StepObservation], redact: Redact<'_>) {
    for step in steps {
        text(&mut step.step, redact);
        step.seen.iter_mut().for_each(|seen| self::seen(seen, redact));
        self::steps(&mut step.parallel, redact);
        step.expected.iter_mut().for_each(|expected| value(expected, redact));
    }
}

pub(super) fn store(store: &mut NormalizedStore, redact: Redact<'_>) {
    for section in &mut store.sections {
        text(&mut section.name, redact);
        match &mut section.holds {
            DocumentContents::Records(records) => records.iter_mut().for_each(|record| {
                text(&mut record.name, redact);
                value(&mut record.record, redact);
                record.lines.iter_mut().for_each(|line| text(line, redact));
            }),
            DocumentContents::Other(other) => value(other, redact),
            DocumentContents::Unreadable { .. } | DocumentContents::File(_) | DocumentContents::NoFile(_) => {}
        }
    }
}

fn seen(seen: &mut Received<Frame>, redact: Redact<'_>) {
    seen.on.iter_mut().for_each(|on| text(on, redact));
    if let Some(words) = seen.message.text_mut() {
        text(words, redact);
    }
    if let Message::Frame(frame) = &mut seen.message {
        self::frame(frame, redact);
    }
}

fn frame(frame: &mut Frame, redact: Redact<'_>) {
    match frame {
        Frame::Hello(hello) => {
            value(&mut hello.protocol, redact);
            hello
                .auth
                .iter_mut()
                .chain(&mut hello.policy)
                .chain(hello.features.as_deref_mut())
                .for_each(|part| value(part, redact));
            hello.keys.iter_mut().for_each(|key| text(key, redact));
        }
        Frame::Response { method, payload } => {
            method.iter_mut().for_each(|method| text(method, redact));
            payload.iter_mut().for_each(|payload| value(payload, redact));
        }
        Frame::Event { event, payload } => {
            text(event, redact);
            payload.iter_mut().for_each(|payload| value(payload, redact));
        }
        Frame::Error(whole) | Frame::Members(whole) | Frame::Other(whole) => value(whole, redact),
    }
}

fn text(text: &mut String, redact: Redact<'_>) {
    *text = redact(text);
}

fn value(whole: &mut Value, redact: Redact<'_>) {
    match whole {
        Value::String(words) => text(words, redact),
        Value::Array(items) => items.iter_mut().for_each(|item| value(item, redact)),
        Value::Object(object) => {
            let members = std::mem::take(object).into_iter().map(|(name, mut member)| {
                value(&mut member, redact);
                (redact(&name), member)
            });
            *object = members.collect();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
