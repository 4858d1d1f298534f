//! The contents of hello-ok, and the rights of an admitted client.

use crate::probe::connect::{Connect, FollowUp};
use crate::probe::context::ProbeContext;
use crate::probe::question::Topic::Hello;
use crate::probe::question::{Prerequisite, Question, Script};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

/// The question whose hello-ok the other questions use.
pub(in crate::probe) const HELLO: &str = "correct-secret";
/// The maximum number of names in a list that are read.
const MAX_NAMES: usize = 4096;

/// Asked before the others, which look at its answer.
pub(super) const FIRST: &[Question] =
    &[Question::new(HELLO, Hello, "the correct secret", Script::Connect(ProbeContext::plain))
        .needs(Prerequisite::Secret)];

pub(super) const QUESTIONS: &[Question] = &[
    of_hello("hello-protocol", "its protocol", |hello| number(hello, "/protocol")),
    of_hello("methods", "its methods", |hello| names(hello, "/features/methods", "method")),
    of_hello("events", "its events", |hello| names(hello, "/features/events", "event")),
    of_hello("members", "its members", members),
    of_hello("max-payload", "its largest message", |hello| number(hello, "/policy/maxPayload")),
    of_hello("max-buffered", "its largest backlog", |hello| number(hello, "/policy/maxBufferedBytes")),
    of_hello("tick", "its tick interval", |hello| number(hello, "/policy/tickIntervalMs")),
    Question::new(
        "unknown-method",
        Hello,
        "then an unknown method",
        Script::Connect(|context| then(context, FollowUp::Call("clawcheck.unknown"))),
    )
    .needs(Prerequisite::Secret),
    Question::new(
        "no-scope",
        Hello,
        "then a method of another scope",
        Script::Connect(|context| then(context, FollowUp::Call("device.pair.list"))),
    )
    .needs(Prerequisite::Secret),
    Question::new(
        "connect-again",
        Hello,
        "then a second connect",
        Script::Connect(|context| then(context, FollowUp::ConnectAgain)),
    )
    .needs(Prerequisite::Secret),
];

const fn of_hello(id: &'static str, what: &'static str, look: fn(&Value) -> String) -> Question {
    Question::new(id, Hello, what, Script::OfHello(look)).needs(Prerequisite::Hello)
}

fn then(context: &ProbeContext, then: FollowUp) -> Connect {
    Connect { then, ..context.plain() }
}

fn number(hello: &Value, pointer: &str) -> String {
    hello.pointer(pointer).map_or_else(|| "none".to_owned(), Value::to_string)
}

/// A list of names as their number and a digest, which differs if the names do.
fn names(hello: &Value, pointer: &str, noun: &str) -> String {
    let Some(list) = hello.pointer(pointer).and_then(Value::as_array) else { return "none".to_owned() };
    let names = list.iter().take(MAX_NAMES).filter_map(Value::as_str).collect::<BTreeSet<_>>();
    let mut digest = Sha256::new();
    for name in &names {
        digest.update(name.as_bytes());
        digest.update([0]);
    }
    let digest = digest.finalize();
    let plural = if names.len() == 1 { "" } else { "s" };
    format!("{} {noun}{plural} ({:02x}{:02x}{:02x})", names.len(), digest[0], digest[1], digest[2])
}

/// The names of the members of a hello-ok and of its first level of objects.
fn members(hello: &Value) -> String {
    let Some(object) = hello.as_object() else { return "none".to_owned() };
    // Presence and health describe the machine. Other questions cover the differences between versions.
    let inner = |name: &str| matches!(name, "server" | "auth" | "policy" | "snapshot");
    let mut all = BTreeSet::new();
    for (name, value) in object.iter().take(MAX_NAMES) {
        all.insert(name.clone());
        for member in
            value.as_object().filter(|_| inner(name)).into_iter().flat_map(|object| object.keys()).take(MAX_NAMES)
        {
            all.insert(format!("{name}.{member}"));
        }
    }
    let mut digest = Sha256::new();
    all.iter().for_each(|name| digest.update(format!("{name}\n").as_bytes()));
    let digest = digest.finalize();
    format!("{} members ({:02x}{:02x}{:02x})", all.len(), digest[0], digest[1], digest[2])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn compares_names_without_order() {
        let text = |list: Value| names(&json!({ "features": { "methods": list } }), "/features/methods", "method");
        assert_eq!(text(json!(["a", "b"])), text(json!(["b", "a"])));
        assert_ne!(text(json!(["a", "b"])), text(json!(["a", "c"])));
        assert!(text(json!(["a"])).starts_with("1 method ("));
        assert_eq!(names(&json!({}), "/features/methods", "method"), "none");
    }

    #[test]
    fn hello_members_without_values() {
        let hello = |version: &str| members(&json!({ "type": "hello-ok", "server": { "version": version } }));
        assert_eq!(hello("1"), hello("2"));
        assert_ne!(hello("1"), members(&json!({ "type": "hello-ok", "server": { "build": "1" } })));
    }
}
