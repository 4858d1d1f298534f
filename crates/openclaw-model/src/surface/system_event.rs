//! `system-event`: an operator, or an app that tells of itself, has something to say (`server-methods/system.ts`). What a main
//! session makes of it is not seen; what it does to the presence list is.

use crate::facts::handshake::PresenceForm;
use crate::rpc::{Call, Handled, Refusal, Reply, invalid, refuse};
use crate::schema::{Bounds, STRING, Schema, array, object, optional, required, text};
use openclaw_protocol::codes::error;
use openclaw_protocol::js::{self, Record};
use serde_json::{Value, json};

/// What takes back the time of the last input.
const CLEARS_INPUT: &str = "system-presence-clear-last-input";

static EVENT: Schema = object(&[
    required("text", STRING),
    optional("idempotencyKey", text(1, usize::MAX)),
    optional("sessionKey", STRING),
    optional("wake", Schema::Boolean),
    optional("deviceId", STRING),
    optional("instanceId", STRING),
    optional("host", STRING),
    optional("ip", STRING),
    optional("mode", STRING),
    optional("version", STRING),
    optional("platform", STRING),
    optional("deviceFamily", STRING),
    optional("modelIdentifier", STRING),
    optional("lastInputSeconds", Schema::Number(Bounds { minimum: None, maximum: None })),
    optional("reason", STRING),
    optional("roles", array(&STRING)),
    optional("scopes", array(&STRING)),
    optional("tags", array(&STRING)),
]);

pub(super) fn event(call: &mut Call<'_, '_>) -> Handled {
    let newer = call.model.rules.handshake.presence >= PresenceForm::V2026_9_6;
    let params = if newer { call.params(&EVENT)? } else { call.raw_params() };
    let text = js::trim(params.get("text").and_then(Value::as_str).unwrap_or_default());
    if text.is_empty() {
        return Err(invalid("text required"));
    }
    if newer && params.get("wake") == Some(&Value::Bool(true)) {
        return Err(wake_refused(text));
    }
    let now = call.now();
    call.model.presence.said(text, &told(&params, newer), now);
    call.model.announce_presence(now, call.outcome);
    Ok(Reply::Answer(json!({"ok": true})))
}

fn wake_refused(text: &str) -> Refusal {
    match text.starts_with("Node:") {
        true => invalid("wake is not supported for node presence events"),
        false => refuse(error::UNAVAILABLE, "this reference gateway has no sessions that a system-event could wake"),
    }
}

/// What is said of a presence beside the text: what has another type than it should is not heard.
fn told(params: &Value, newer: bool) -> Record {
    let texts =
        ["deviceId", "instanceId", "host", "ip", "mode", "version", "platform", "deviceFamily", "modelIdentifier"];
    let mut told = Record::new();
    for key in texts.into_iter().chain(["reason"]) {
        js::set(&mut told, key, params.get(key).filter(|value| value.is_string()).cloned());
    }
    let list =
        |key: &str| params.get(key).filter(|list| list.as_array().is_some_and(|all| all.iter().all(Value::is_string)));
    for key in ["roles", "scopes"] {
        js::set(&mut told, key, list(key).cloned());
    }
    js::set(&mut told, "lastInputSeconds", params.get("lastInputSeconds").filter(|value| value.is_number()).cloned());
    let clears = list("tags").and_then(Value::as_array).is_some_and(|tags| tags.iter().any(|tag| tag == CLEARS_INPUT));
    if newer && clears {
        told.insert("lastInputSeconds".to_owned(), Value::Null);
    }
    told
}
