//! The three frame kinds of the wire: request, response, event.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The `error` member of a failed response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorShape {
    /// Machine-readable class, `INVALID_REQUEST` or `NOT_PAIRED` for most refusals.
    pub code: String,
    /// The sentence for a person.
    pub message: String,
    /// The machine-readable cause, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
    /// Whether the same request may succeed later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retryable: Option<bool>,
    /// Milliseconds to wait before trying again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// A frame that a gateway sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ServerFrame {
    /// The answer to one request.
    Res {
        /// The request's id; any JSON value, since a malformed request's id is echoed.
        id: Value,
        /// Whether it succeeded.
        ok: bool,
        /// The answer.
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<Value>,
        /// Why it failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<ErrorShape>,
    },
    /// Something happened.
    Event {
        /// Its name, `connect.challenge`.
        event: String,
        /// What happened.
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<Value>,
        /// Counts per gateway; absent on targeted events.
        #[serde(skip_serializing_if = "Option::is_none")]
        seq: Option<u64>,
        /// Versions of presence and health, on the events that carry them.
        #[serde(rename = "stateVersion", skip_serializing_if = "Option::is_none")]
        state_version: Option<Value>,
        /// Whose eyes it is for: the profile that the client's credentials stand for, where the gateway keeps profiles.
        #[serde(rename = "recipientProfileId", skip_serializing_if = "Option::is_none")]
        recipient: Option<String>,
    },
}
