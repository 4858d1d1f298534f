//! The normal form of an answer to a question. It contains decisions and codes, but no message texts, ids or times, so
//! that the answers of two gateways can be equal.

use crate::client::{Closed, Ending, OpenError};
use serde_json::Value;
use std::time::Duration;
use untrusted_data::limits::LINE;
use untrusted_data::{cut, printable};

/// The tolerance for measured times, because a machine can be busy.
const TOLERANCE: Duration = Duration::from_millis(1500);
/// The maximum number of scopes of an answer.
const MAX_SCOPES: usize = 24;

/// The answer of a gateway to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The normal form.
    pub(crate) text: String,
    /// The decision of the gateway about the client.
    pub(crate) decision: Decision,
    /// The measured time, if the question measures one.
    pub(crate) after: Option<Duration>,
}

/// The decision of a gateway about a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The gateway let the client in, or granted the request.
    Granted,
    /// The gateway refused, with an answer or by closing the connection.
    Refused,
    /// The gateway gave no answer.
    Silent,
}

impl Answer {
    pub(super) fn new(decision: Decision, text: impl AsRef<str>) -> Self {
        let text = cut::line(&printable::line(text.as_ref()), LINE).into_owned();
        Self { text, decision, after: None }
    }

    /// Whether two answers are equal: the same text, and nearly the same time.
    pub(crate) fn equals(&self, other: &Self) -> bool {
        let times = match (self.after, other.after) {
            (Some(one), Some(two)) => one.abs_diff(two) <= TOLERANCE,
            (one, two) => one.is_none() && two.is_none(),
        };
        self.text == other.text && times
    }

    /// The answer in words, with the measured time.
    pub(crate) fn shown(&self) -> String {
        match self.after {
            Some(after) => format!("{} after {} s", self.text, (after.as_secs_f64() * 10.0).round() / 10.0),
            None => self.text.clone(),
        }
    }

    /// The answer to an upgrade that failed.
    pub(super) fn of_open(error: &OpenError) -> Self {
        match error {
            OpenError::Status { status, .. } => Self::new(Decision::Refused, format!("HTTP {status}")),
            OpenError::Ended { .. } => Self::new(Decision::Refused, "disconnected without an HTTP answer"),
            OpenError::Deadline => Self::new(Decision::Silent, "no answer to the upgrade"),
            OpenError::NotWebSocket(_) | OpenError::Tls => Self::new(Decision::Refused, "no WebSocket"),
            other => Self::new(Decision::Silent, other.to_string()),
        }
    }
}

/// A refusal as codes: `NOT_PAIRED PAIRING_REQUIRED role-upgrade`.
pub(super) fn refusal(frame: &Value) -> String {
    let text = |pointer: &str| frame.pointer(pointer).and_then(Value::as_str).map(|text| cut::line(text, LINE));
    let parts = ["/error/code", "/error/details/code", "/error/details/reason"];
    let parts = parts.into_iter().filter_map(text).collect::<Vec<_>>();
    if parts.is_empty() { "an error without a code".to_owned() } else { parts.join(" ") }
}

/// The rights that a hello-ok grants: `let in as operator [operator.read] with a device token`.
pub(super) fn admission(payload: &Value) -> String {
    let role = payload.pointer("/auth/role").and_then(Value::as_str);
    let mut scopes = payload
        .pointer("/auth/scopes")
        .and_then(Value::as_array)
        .map_or(Vec::new(), |scopes| scopes.iter().take(MAX_SCOPES).filter_map(Value::as_str).collect::<Vec<_>>());
    scopes.sort_unstable();
    let mut text = "let in".to_owned();
    if let Some(role) = role {
        text.push_str(&format!(" as {role}"));
    }
    if payload.pointer("/auth/scopes").is_some() {
        text.push_str(&format!(" [{}]", scopes.join(" ")));
    }
    if payload.pointer("/auth/deviceToken").is_some() {
        text.push_str(" with a device token");
    }
    text
}

/// The end of a connection: `close 1008`.
pub(super) fn parting(closed: &Closed) -> String {
    match (&closed.how, closed.code) {
        (Ending::CloseFrame, Some(code)) => format!("close {code}"),
        (Ending::CloseFrame, None) => "close without a code".to_owned(),
        (Ending::Eof | Ending::Reset, _) => "disconnected without a close frame".to_owned(),
        (Ending::Violation(_), _) => "invalid WebSocket frame".to_owned(),
        (Ending::TooMuch(_), _) => "too much data".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ignores_message_texts() {
        let frame = json!({ "error": { "code": "NOT_PAIRED", "message": "pairing required",
            "details": { "code": "PAIRING_REQUIRED", "reason": "role-upgrade", "requestId": "x" } } });
        assert_eq!(refusal(&frame), "NOT_PAIRED PAIRING_REQUIRED role-upgrade");
        assert_eq!(refusal(&json!({ "error": "no" })), "an error without a code");
    }

    #[test]
    fn compares_granted_access() {
        let payload = json!({ "auth": { "role": "operator", "scopes": ["b", "a"], "deviceToken": "secret" } });
        assert_eq!(admission(&payload), "let in as operator [a b] with a device token");
        assert_eq!(admission(&json!({})), "let in");
    }

    #[test]
    fn time_tolerance() {
        let after = |seconds: f64| {
            let after = Some(Duration::from_secs_f64(seconds));
            Answer { after, ..Answer::new(Decision::Refused, "close 1000") }
        };
        assert!(after(10.0).equals(&after(11.2)) && !after(10.0).equals(&after(15.0)));
        assert!(!after(10.0).equals(&Answer::new(Decision::Refused, "close 1000")));
    }

    #[test]
    fn truncates_huge_answers() {
        let frame = json!({ "error": { "code": "A".repeat(4 << 20) } });
        assert!(Answer::new(Decision::Refused, refusal(&frame)).text.len() < 4096);
    }
}
