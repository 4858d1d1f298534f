//! The kind of a frame, and the members that a frame of a kind can have.

use super::message::{Message, RawFrame, RawMessage};
use openclaw_protocol::connect::is_hello;
use serde_json::{Map, Value};

/// The members of an event. `recipientProfileId` names the recipient, which is always the owner on a gateway with one
/// owner.
const EVENT_MEMBERS: [&str; 6] = ["type", "event", "payload", "seq", "stateVersion", "recipientProfileId"];

/// The key that groups similar messages.
pub(super) fn kind(message: &RawMessage) -> (std::mem::Discriminant<RawMessage>, Option<FrameKind>) {
    (std::mem::discriminant(message), frame_kind(message))
}

/// The kind of the frame in a message. `None` if there is none, or if the frame answers nothing that the harness asked.
pub(super) fn frame_kind(message: &RawMessage) -> Option<FrameKind> {
    match message {
        Message::Frame(RawFrame::Regular { json, method }) => Some(FrameKind::of(json, method.as_deref())),
        _ => None,
    }
}

/// The kind of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameKind {
    Hello,
    Response,
    Error,
    Event,
    Odd,
}

impl FrameKind {
    /// The kind of a frame. `method` is the method of the request that it answers.
    pub(super) fn of(frame: &Value, method: Option<&str>) -> Self {
        let member = |name: &str| frame.get(name).filter(|value| !value.is_null());
        match (member("type").and_then(Value::as_str), member("ok").and_then(Value::as_bool)) {
            // A frame with both an answer and an error does not show the gateway's decision.
            (Some("res"), Some(true)) if member("error").is_some() => Self::Odd,
            (Some("res"), Some(true))
                if member("payload").is_some_and(|payload| is_hello(payload, method == Some("connect"))) =>
            {
                Self::Hello
            }
            (Some("res"), Some(true)) => Self::Response,
            (Some("res"), Some(false)) if member("error").is_some() => Self::Error,
            (Some("event"), _) if member("event").is_some_and(Value::is_string) => Self::Event,
            _ => Self::Odd,
        }
    }

    /// The members that a frame of this kind can have.
    fn members(self) -> &'static [&'static str] {
        match self {
            Self::Hello | Self::Response => &["type", "id", "ok", "payload"],
            Self::Error => &["type", "id", "ok", "error"],
            Self::Event => &EVENT_MEMBERS,
            Self::Odd => &[],
        }
    }
}

/// The members of a frame that no frame of its kind has.
pub(super) fn other_members(message: &RawMessage) -> Option<Map<String, Value>> {
    let kind = frame_kind(message)?;
    let others = message.frame()?.as_object()?.iter().filter(|(name, _)| !kind.members().contains(&name.as_str()));
    let others = others.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>();
    (kind != FrameKind::Odd && !others.is_empty()).then_some(others)
}
