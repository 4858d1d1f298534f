//! The messages from a gateway. The raw observation and its normal form have the same type with different frames.

use serde::Serialize;
use serde_json::Value;

/// One received message.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Received<F> {
    /// The held connection that received the message. `None` is the step's own connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// The received message, raw or in normal form.
    #[serde(rename = "what")]
    pub message: Message<F>,
}

/// A message or an event from a gateway. `F` is the type of its frames: [`RawFrame`], or [`Frame`] in normal form.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Message<F> {
    /// A new connection did not start with a challenge. Either nothing arrived, or the first frame was another one.
    NoChallenge,
    /// A message that is not JSON.
    NotJson {
        /// The size in bytes.
        bytes: usize,
        /// The first characters.
        begins: String,
    },
    /// The connection ended.
    Close {
        /// The code of the close frame, if there was one.
        code: Option<u16>,
        /// The reason of the close frame. Without a close frame, the protocol violation of the gateway, if any.
        reason: String,
        /// Whether a close frame arrived.
        clean: bool,
    },
    /// The gateway answered the upgrade with this HTTP status.
    Http(u16),
    /// The connection could not be opened, with the reason: `connection refused`.
    Unreachable(String),
    /// Nothing arrived before the timeout.
    Silence,
    /// The gateway exited.
    Exit {
        /// The exit code. `None` if a signal ended the process.
        code: Option<i32>,
        /// The log line with the reason, if there is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        line: Option<String>,
    },
    /// The gateway started and is ready.
    Started,
    /// A decision on a request of a device that has no pending request.
    NothingPending(String),
    /// A note of the harness for the reader.
    Note(String),
    /// A JSON frame. In a report, it has the name of its kind: `hello`, `error`.
    #[serde(untagged)]
    Frame(F),
}

/// A message before normalization.
pub(crate) type RawMessage = Message<RawFrame>;

impl<F> Message<F> {
    /// The text in a message that is not a frame.
    pub(super) fn text_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::NotJson { begins: text, .. }
            | Self::Close { reason: text, .. }
            | Self::Unreachable(text)
            | Self::NothingPending(text)
            | Self::Note(text) => Some(text),
            Self::Exit { line, .. } => line.as_mut(),
            Self::Frame(_) | Self::NoChallenge | Self::Http(_) | Self::Silence | Self::Started => None,
        }
    }
}

impl RawMessage {
    /// The JSON of a frame. `None` for a stray response, which does not answer a request of the harness.
    pub fn frame(&self) -> Option<&Value> {
        match self {
            Self::Frame(RawFrame::Regular { json, .. }) => Some(json),
            _ => None,
        }
    }

    /// The JSON of a frame, or of a stray response.
    pub fn json(&self) -> Option<&Value> {
        match self {
            Self::Frame(RawFrame::Regular { json, .. } | RawFrame::Stray(json)) => Some(json),
            _ => None,
        }
    }

    /// [`RawMessage::json`], to change it.
    pub fn json_mut(&mut self) -> Option<&mut Value> {
        match self {
            Self::Frame(RawFrame::Regular { json, .. } | RawFrame::Stray(json)) => Some(json),
            _ => None,
        }
    }
}

/// A frame as it arrived.
#[derive(Debug, Clone, PartialEq)]
pub enum RawFrame {
    /// An event, a response to a request on this connection, or a frame of another form.
    Regular {
        /// The frame.
        json: Value,
        /// The method of the request, if the frame is a response and the request is known.
        method: Option<String>,
    },
    /// A response to a request that was not sent on this connection.
    Stray(Value),
}

/// A frame in normal form.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Frame {
    /// The gateway accepted the connect.
    Hello(Hello),
    /// A successful response.
    Response {
        /// The method, if the harness knows which request was answered.
        #[serde(skip_serializing_if = "Option::is_none")]
        method: Option<String>,
        /// The payload. Absent if there was none, or if it is left out (`health`).
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<Value>,
    },
    /// An error response: the complete `error` object.
    Error(Value),
    /// A message that no request asked for.
    Event {
        /// The name of the event.
        event: String,
        /// The contents of the event.
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<Value>,
    },
    /// The members of the frame before this one that no frame of its kind has.
    Members(Value),
    /// A complete frame of an unknown form.
    #[serde(rename = "frame")]
    Other(Value),
}

/// The shown parts of `hello-ok`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hello {
    /// `protocol`.
    pub protocol: Value,
    /// The complete `auth`. Absent if the gateway issued no device token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<Value>,
    /// The complete `policy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Value>,
    /// The complete `features`, if the scenario requests it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<Box<Value>>,
    /// The names of all members, and of those of `server`, `features` and `snapshot` (`snapshot.health`), sorted.
    pub keys: Vec<String>,
}
