//! Takes secrets out of what was seen, string by string. Symbols stand for secrets that a gateway sent as they are; a hostile
//! one sends them otherwise: encoded, in the name of an event, as a key.

use super::store::Holds;
use super::{Seen, StepSeen, StoreSeen, What};
use serde_json::Value;

/// Gives a string without its secrets.
pub(super) type Redact<'a> = &'a dyn Fn(&str) -> String;

pub(super) fn steps(steps: &mut [StepSeen], redact: Redact<'_>) {
    for step in steps {
        text(&mut step.step, redact);
        step.seen.iter_mut().for_each(|seen| self::seen(seen, redact));
        self::steps(&mut step.parallel, redact);
        step.expected.iter_mut().for_each(|expected| value(expected, redact));
    }
}

pub(super) fn store(store: &mut StoreSeen, redact: Redact<'_>) {
    for section in &mut store.sections {
        text(&mut section.name, redact);
        match &mut section.holds {
            Holds::Records(records) => records.iter_mut().for_each(|record| {
                text(&mut record.name, redact);
                value(&mut record.record, redact);
                record.lines.iter_mut().for_each(|line| text(line, redact));
            }),
            Holds::Other(other) => value(other, redact),
            Holds::Unreadable { .. } | Holds::File(_) | Holds::NoFile(_) => {}
        }
    }
}

fn seen(seen: &mut Seen, redact: Redact<'_>) {
    seen.on.iter_mut().for_each(|on| text(on, redact));
    match &mut seen.what {
        What::Hello(hello) => {
            value(&mut hello.protocol, redact);
            hello.auth.iter_mut().chain(&mut hello.policy).for_each(|part| value(part, redact));
            hello.keys.iter_mut().for_each(|key| text(key, redact));
        }
        What::Response { method, payload } => {
            method.iter_mut().for_each(|method| text(method, redact));
            payload.iter_mut().for_each(|payload| value(payload, redact));
        }
        What::Event { event, payload } => {
            text(event, redact);
            payload.iter_mut().for_each(|payload| value(payload, redact));
        }
        What::Error(whole) | What::Frame(whole) => value(whole, redact),
        What::NotJson { begins: words, .. }
        | What::Close { reason: words, .. }
        | What::Unreachable(words)
        | What::NothingPending(words)
        | What::Note(words)
        | What::Exit { line: Some(words), .. } => text(words, redact),
        What::NoChallenge | What::Http(_) | What::Silence | What::Started | What::Exit { line: None, .. } => {}
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
