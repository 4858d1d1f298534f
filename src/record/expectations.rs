//! The answer to a recorded step as an expectation.

use super::drafts::{ClientAction, Connection, Draft};
use super::symbols::{is_list_of_texts, pattern};
use serde_json::{Map, Value, json};

/// The answer that the replay must get.
pub(super) fn expected(draft: &Draft, connection: &Connection) -> Option<Value> {
    let text = |pointer: &str| draft.answer.as_ref().and_then(|answer| answer.pointer(pointer)).and_then(Value::as_str);
    let mut conditions = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            conditions.insert(name.to_owned(), value);
        }
    };
    let is_ok = draft.answer.as_ref().map(|answer| answer["ok"] == true);
    let close = draft.close.as_ref();
    let word = match (&draft.action, is_ok) {
        (ClientAction::Connect(_), Some(true)) => {
            put("role", text("/payload/auth/role").map(|role| json!(role)));
            let scopes = draft.answer.as_ref().and_then(|answer| answer.pointer("/payload/auth/scopes"));
            put("scopes", scopes.filter(|scopes| is_list_of_texts(scopes)).cloned());
            put("device-token", Some(json!(text("/payload/auth/deviceToken").is_some())));
            "hello"
        }
        (ClientAction::Connect(_), _) if is_ok.is_some() || close.is_some() => {
            put("code", text("/error/code").map(|code| json!(code)));
            put("detail", text("/error/details/code").map(|code| json!(code)));
            put("reason", text("/error/details/reason").map(|reason| json!(reason)));
            put("message", text("/error/message").map(|message| json!(pattern(message))));
            put("close", close.and_then(|(code, _)| *code).map(|code| json!(code)));
            put("close-reason", close.filter(|(code, _)| code.is_some()).map(|(_, reason)| json!(pattern(reason))));
            "refused"
        }
        (ClientAction::Connect(_), _) => return None,
        (ClientAction::Open, _) => {
            return match connection.refused {
                Some(0) => None,
                Some(status) => Some(json!({ "http": status })),
                None => draft.close.is_none().then(|| json!("open")),
            };
        }
        (ClientAction::Call { waits: false, .. }, _) => return None,
        (ClientAction::Call { .. } | ClientAction::Answer(_), Some(true)) => "ok",
        (ClientAction::Call { .. } | ClientAction::Answer(_) | ClientAction::Send(_), Some(false))
            if close.is_none() =>
        {
            put("code", text("/error/code").map(|code| json!(code)));
            put("detail", text("/error/details/code").map(|code| json!(code)));
            "error"
        }
        (ClientAction::Call { .. } | ClientAction::Send(_) | ClientAction::Closed { .. }, _) if close.is_some() => {
            put("code", close.and_then(|(code, _)| *code).map(|code| json!(code)));
            put("reason", close.filter(|(code, _)| code.is_some()).map(|(_, reason)| json!(pattern(reason))));
            "close"
        }
        _ => return None,
    };
    Some(if conditions.is_empty() { json!(word) } else { json!({ word: conditions }) })
}
