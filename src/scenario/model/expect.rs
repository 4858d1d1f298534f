//! The `expect` part of a step: what must be seen for the case to have tested what it claims.

use super::text::Pattern;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// What a step must see. A bare word asks for no more than that; a map says more. In texts `*` stands for anything.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Expectation {
    /// The connect is answered with hello-ok.
    Hello(Hello),
    /// The connect is answered with an error or a close.
    Refused(Refused),
    /// The WebSocket is open and the challenge has come.
    Open,
    /// The upgrade is refused with this HTTP status.
    Http(u16),
    /// The gateway closes the connection.
    Close(Close),
    /// The call succeeds.
    Ok(Answer),
    /// The call fails, and the connection stays open.
    Error(Failure),
    /// There was no pending request to decide on.
    NothingPending,
    /// The event comes, and its payload has at least this.
    Event(Answer),
    /// The gateway starts.
    Started,
    /// The gateway refuses to start.
    StartRefused(StartRefused),
}

impl Expectation {
    /// The word by which it is written.
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

/// What a hello-ok must say.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Hello {
    /// The role that was granted.
    pub role: Option<String>,
    /// The scopes that were granted, in any order.
    pub scopes: Option<Vec<String>>,
    /// Whether a device token was given.
    pub device_token: Option<bool>,
}

/// How a connect must be refused.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Refused {
    /// The error's code: `NOT_PAIRED`.
    pub code: Option<String>,
    /// `details.code`: `PAIRING_REQUIRED`.
    pub detail: Option<String>,
    /// `details.reason`: `role-upgrade`.
    pub reason: Option<String>,
    /// The error's message.
    pub message: Option<Pattern>,
    /// The close code.
    pub close: Option<u16>,
    /// The close reason.
    pub close_reason: Option<Pattern>,
}

/// How a connection must end.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Close {
    /// The close code.
    pub code: Option<u16>,
    /// The close reason.
    pub reason: Option<Pattern>,
    /// Whether the close handshake was finished.
    pub clean: Option<bool>,
}

/// What an answer must have.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Answer {
    /// What the payload has at least; symbols such as `<device laptop>` stand for ids.
    pub payload: Option<Value>,
}

/// How a call must fail.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Failure {
    /// The error's code.
    pub code: Option<String>,
    /// `details.code`.
    pub detail: Option<String>,
    /// The error's message.
    pub message: Option<Pattern>,
}

/// How a gateway must refuse to start.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct StartRefused {
    /// The exit code.
    pub exit: Option<i32>,
    /// A line of the log.
    pub log: Option<Pattern>,
}
