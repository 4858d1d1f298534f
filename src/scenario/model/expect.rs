//! The `expect` part of a step. A case that does not meet it has not tested what it claims.

use super::text::Pattern;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// The answer that a step needs. A word accepts every answer of that kind. A map adds conditions. In patterns, `*`
/// matches any text.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Expectation {
    /// The gateway answers the connect with `hello-ok`.
    Hello(Hello),
    /// The gateway answers the connect with an error or a close.
    Refused(Refused),
    /// The WebSocket is open, and the challenge has arrived.
    Open,
    /// The gateway refuses the upgrade with this HTTP status.
    Http(u16),
    /// The gateway closes the connection.
    Close(Close),
    /// The call succeeds.
    Ok(Answer),
    /// The call fails, and the connection stays open.
    Error(Failure),
    /// There is no pending request to decide.
    NothingPending,
    /// The event arrives, and its payload contains at least this.
    Event(Answer),
    /// The gateway starts.
    Started,
    /// The gateway refuses to start.
    StartRefused(StartRefused),
}

impl Expectation {
    /// The word that stands for the expectation in a scenario.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Hello(_) => "hello",
            Self::Refused(_) => "refused",
            Self::Open => "open",
            Self::Http(_) => "http",
            Self::Close(_) => "close",
            Self::Ok(_) => "ok",
            Self::Error(_) => "error",
            Self::NothingPending => "nothing-pending",
            Self::Event(_) => "event",
            Self::Started => "started",
            Self::StartRefused(_) => "start-refused",
        }
    }
}

/// Conditions for a `hello-ok`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Hello {
    /// The granted role.
    pub role: Option<String>,
    /// The granted scopes, in any order.
    pub scopes: Option<Vec<String>>,
    /// Whether the gateway issues a device token.
    pub device_token: Option<bool>,
}

/// Conditions for a refused connect.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Refused {
    /// The code of the error, such as `NOT_PAIRED`.
    pub code: Option<String>,
    /// `details.code` of the error, such as `PAIRING_REQUIRED`.
    pub detail: Option<String>,
    /// `details.reason` of the error, such as `role-upgrade`.
    pub reason: Option<String>,
    /// A pattern for the message of the error.
    pub message: Option<Pattern>,
    /// The close code.
    pub close: Option<u16>,
    /// A pattern for the close reason.
    pub close_reason: Option<Pattern>,
}

/// Conditions for the close of a connection.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Close {
    /// The close code.
    pub code: Option<u16>,
    /// A pattern for the close reason.
    pub reason: Option<Pattern>,
    /// Whether the close handshake was completed.
    pub clean: Option<bool>,
}

/// Conditions for a successful answer.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Answer {
    /// The minimum contents of the payload. Symbols such as `<device laptop>` stand for ids.
    pub payload: Option<Value>,
}

/// Conditions for a failed call.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Failure {
    /// The code of the error.
    pub code: Option<String>,
    /// `details.code` of the error.
    pub detail: Option<String>,
    /// A pattern for the message of the error.
    pub message: Option<Pattern>,
}

/// Conditions for a refused start.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct StartRefused {
    /// The exit code.
    pub exit: Option<i32>,
    /// A pattern for the last line of the log.
    pub log: Option<Pattern>,
}
