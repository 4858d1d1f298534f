//! Events on an open connection.

use serde_json::Value;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use untrusted_data::cut::json;
use untrusted_data::limits::{FRAME_VALUES, VALUE_BYTES};

/// The next event on a connection.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// A text message.
    Text(TextFrame),
    /// A binary message. No OpenClaw gateway sends one.
    Binary(Vec<u8>),
    /// The connection ended. Every later call returns this again.
    Closed(Closed),
    /// Nothing happened before the deadline. The connection is unchanged.
    Deadline,
}

/// A text message, parsed if it is JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct TextFrame {
    /// The unchanged text.
    pub text: Utf8Bytes,
    /// The JSON value of the text, truncated if it has very many values. `None` if the text is not JSON.
    pub json: Option<Value>,
    /// Whether the value is truncated.
    pub is_cut: bool,
    /// The approximate memory of the value, in bytes.
    pub weight: usize,
}

impl TextFrame {
    /// Parses a text message.
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

    /// The name of the event. `None` if it is not an event.
    pub fn event(&self) -> Option<&str> {
        if self.kind()? != "event" {
            return None;
        }
        self.json.as_ref()?.get("event")?.as_str()
    }

    /// The payload of an event.
    pub fn payload(&self) -> Option<&Value> {
        self.json.as_ref()?.get("payload")
    }

    /// The complete response, if it answers the request with this id.
    pub fn response_to(&self, id: &str) -> Option<&Value> {
        let json = self.json.as_ref()?;
        (self.kind()? == "res" && json.get("id")?.as_str()? == id).then_some(json)
    }
}

/// How a connection ended, as the client saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The code of the close frame. `None` for a close frame without a code (browsers report 1005) and without a close
    /// frame (1006). `how` distinguishes the two.
    pub code: Option<u16>,
    /// The reason of the close frame. Empty if there is none.
    pub reason: String,
    /// The cause of the end.
    pub how: Ending,
}

/// The cause of a connection's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// A close frame arrived.
    CloseFrame,
    /// The stream ended without a close frame.
    Eof,
    /// The connection was reset (TCP RST), or the operating system reported another failure.
    Reset,
    /// The gateway violated the WebSocket protocol: a masked or reserved frame, text that is not UTF-8, and so on.
    Violation(String),
    /// A frame, a message or the number of unread messages exceeded a limit of the connection.
    TooMuch(String),
}

impl Closed {
    /// Whether a close frame arrived.
    pub fn clean(&self) -> bool {
        self.how == Ending::CloseFrame
    }

    /// The code as a browser reports it: 1005 for a close frame without a code, 1006 without a close frame.
    #[cfg(test)]
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
