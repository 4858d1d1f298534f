//! The three kinds of frames: request, response, event.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The `error` member of a failed response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorShape {
    /// The error class: `INVALID_REQUEST` or `NOT_PAIRED` for most refusals.
    pub code: String,
    /// The message for people.
    pub message: String,
    /// The machine-readable cause, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
    /// Whether the same request can succeed later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retryable: Option<bool>,
    /// Minimum delay before a retry, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// A frame that a gateway sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ServerFrame {
    /// The answer to one request.
    Res {
        /// The id of the request. It can be any JSON value, because the id of an invalid request is echoed.
        id: Value,
        /// Whether it succeeded.
        ok: bool,
        /// The result of a successful request.
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<Value>,
        /// The error of a failed request.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<ErrorShape>,
    },
    /// A message that no request asked for.
    Event {
        /// The name of the event, such as `connect.challenge`.
        event: String,
        /// The contents of the event.
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<Value>,
        /// The sequence number of the event. Absent for events to a single client.
        #[serde(skip_serializing_if = "Option::is_none")]
        seq: Option<u64>,
        /// Versions of presence and health, for events that contain them.
        #[serde(rename = "stateVersion", skip_serializing_if = "Option::is_none")]
        state_version: Option<Value>,
        /// The recipient's profile, if the gateway has profiles.
        #[serde(rename = "recipientProfileId", skip_serializing_if = "Option::is_none")]
        recipient: Option<String>,
    },
}
