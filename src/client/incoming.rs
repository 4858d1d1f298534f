//! What a gateway can do on an open connection.

use serde_json::Value;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use untrusted_data::cut::json;
use untrusted_data::limits::{FRAME_VALUES, VALUE_BYTES};

/// The next thing that happened on a connection.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// A text message.
    Text(TextFrame),
    /// A binary message. No OpenClaw gateway sends one.
    Binary(Vec<u8>),
    /// The connection is over. Every later question gets this answer again.
    Closed(Closed),
    /// Nothing happened until the deadline. The connection is as it was.
    Deadline,
}

/// A text message, parsed if it is JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct TextFrame {
    /// As it came.
    pub text: Utf8Bytes,
    /// Its JSON value, cut where it has very many; `None` when it is not JSON.
    pub json: Option<Value>,
    /// Whether the value is cut.
    pub is_cut: bool,
    /// What the value takes in memory, about, in bytes.
    pub weight: usize,
}

impl TextFrame {
    /// Parses a message.
    pub fn new(text: Utf8Bytes) -> Self {
        match json::parse(text.as_bytes(), FRAME_VALUES) {
            Some(parsed) => {
                let weight = text.len() + parsed.values * VALUE_BYTES;
                Self { text, json: Some(parsed.value), is_cut: parsed.is_cut, weight }
            }
            None => Self { text, json: None, is_cut: false, weight: 0 },
        }
    }

    fn kind(&self) -> Option<&str> {
        self.json.as_ref()?.get("type")?.as_str()
    }

    /// Its event name, if it is an event.
    pub fn event(&self) -> Option<&str> {
        if self.kind()? != "event" {
            return None;
        }
        self.json.as_ref()?.get("event")?.as_str()
    }

    /// An event's payload.
    pub fn payload(&self) -> Option<&Value> {
        self.json.as_ref()?.get("payload")
    }

    /// The whole response, if it answers the request with this id.
    pub fn response_to(&self, id: &str) -> Option<&Value> {
        let json = self.json.as_ref()?;
        (self.kind()? == "res" && json.get("id")?.as_str()? == id).then_some(json)
    }
}

/// How a connection ended, as seen from this side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The close frame's code. `None` in a close frame without a code (what browsers report as 1005) and without any close
    /// frame (1006); `how` tells these apart.
    pub code: Option<u16>,
    /// The close frame's reason; empty where there is none.
    pub reason: String,
    /// What ended it.
    pub how: Ending,
}

/// What ended a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// A close frame came.
    CloseFrame,
    /// The stream ended without a close frame.
    Eof,
    /// The connection was reset (TCP RST), or failed in another way that the operating system reports.
    Reset,
    /// The gateway broke the WebSocket protocol: a masked or reserved frame, text that is not UTF-8, ...
    Violation(String),
    /// A frame or a message above the connection's limit, or more unread messages than it keeps.
    TooMuch(String),
}

impl Closed {
    /// Whether the gateway said goodbye: a close frame came.
    pub fn clean(&self) -> bool {
        self.how == Ending::CloseFrame
    }

    /// The code as a browser reports it: 1005 for a close frame without a code, 1006 for none at all.
    pub fn browser_code(&self) -> u16 {
        match (&self.how, self.code) {
            (_, Some(code)) => code,
            (Ending::CloseFrame, None) => 1005,
            _ => 1006,
        }
    }

    pub(super) fn without_frame(how: Ending) -> Self {
        Self { code: None, reason: String::new(), how }
    }
}
