//! Describes what a gateway sent instead of an answer, because a gateway with wrong answers is not silent.

use super::incoming::{Closed, Ending, Incoming, TextFrame};
use serde_json::Value;

/// Maximum number of kinds of messages in the description.
const NAMED: usize = 3;
/// Maximum number of characters shown of a message.
const SHOWN: usize = 60;

/// The messages that a gateway sent instead of the response to a request: `it sent 3 messages, none of them the
/// response to request "1": a response with the id 99, ...`. `None` if it sent nothing.
pub(crate) fn unexpected_messages(received: &[Incoming], id: &str) -> Option<String> {
    let messages = received.iter().filter_map(|incoming| message(incoming, id)).collect::<Vec<_>>();
    let (count, none) = match messages.len() {
        0 => return None,
        1 => ("1 message".to_owned(), "which is not"),
        many => (format!("{many} messages"), "none of them"),
    };
    let mut kinds = messages.clone();
    kinds.dedup();
    let more = kinds.len().saturating_sub(NAMED);
    let mut named = kinds.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
    if more > 0 {
        named.push_str(", ...");
    }
    Some(format!("it sent {count}, {none} the response to request {id:?}: {named}"))
}

fn message(incoming: &Incoming, id: &str) -> Option<String> {
    match incoming {
        Incoming::Text(frame) => Some(text(frame, id)),
        Incoming::Binary(bytes) => Some(format!("a binary message of {} bytes", bytes.len())),
        Incoming::Closed(_) | Incoming::Deadline => None,
    }
}

fn text(frame: &TextFrame, id: &str) -> String {
    let Some(json) = &frame.json else { return no_json(&frame.text) };
    let kind = json.get("type").and_then(Value::as_str);
    match (kind, json.get("id"), frame.event()) {
        (Some("res"), Some(Value::String(other)), _) if other != id => {
            format!("a response with the id {}", quoted(other))
        }
        (Some("res"), Some(other), _) => {
            format!("a response with the id {}, which is not a string", begin(&other.to_string()))
        }
        (Some("res"), None, _) => "a response without an id".to_owned(),
        (_, _, Some(event)) => format!("the event {}", quoted(event)),
        (Some(kind), ..) => format!("a frame of the type {}", quoted(kind)),
        (None, ..) if json.is_object() => format!("a frame without a type: {}", begin(&json.to_string())),
        (None, ..) => format!("JSON that is not an object: {}", begin(&json.to_string())),
    }
}

/// A text message that could not be parsed, with the reason.
fn no_json(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Err(error) if error.to_string().starts_with("recursion limit") => {
            "JSON that is nested deeper than the 127 levels that clawcheck reads".to_owned()
        }
        Err(error) => format!("text that is not JSON ({error}): {}", quoted(text)),
        Ok(_) => format!("text that is not a frame: {}", quoted(text)),
    }
}

fn quoted(text: &str) -> String {
    format!("{:?}", begin(text))
}

fn begin(text: &str) -> String {
    let mut shown = text.chars().take(SHOWN).collect::<String>();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    shown
}

/// How a connection ended unexpectedly, in words.
pub(crate) fn ending(closed: &Closed) -> String {
    match (&closed.how, closed.code) {
        (Ending::Violation(how), _) => format!("it violated the WebSocket protocol: {how}"),
        (Ending::TooMuch(how), _) => format!("it sent more than clawcheck accepts: {how}"),
        (Ending::CloseFrame, Some(code)) => format!("it closed with {code} {}", quoted(&closed.reason)),
        (Ending::CloseFrame, None) => "it closed without a code".to_owned(),
        (Ending::Eof, _) => "it ended the connection without a close frame".to_owned(),
        (Ending::Reset, _) => "it reset the connection".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn received(text: &str) -> Incoming {
        Incoming::Text(TextFrame::new(text.into()))
    }

    #[rstest]
    #[case(r#"{"type":"res","id":"99","ok":true}"#, r#"a response with the id "99""#)]
    #[case(r#"{"type":"res","id":1,"ok":true}"#, "a response with the id 1, which is not a string")]
    #[case(r#"{"type":"res","ok":true}"#, "a response without an id")]
    #[case(r#"{"type":"res","id":"1","ok":NaN}"#, "text that is not JSON (expected value at line 1 column 29)")]
    #[case(r#"{"type":"event","event":"tick"}"#, r#"the event "tick""#)]
    #[case(r#"{"id":"1","result":{}}"#, r#"a frame without a type: {"id":"1","result":{}}"#)]
    #[case("[1]", "JSON that is not an object: [1]")]
    fn describes_unexpected_answer(#[case] text: &str, #[case] says: &str) {
        let shown = unexpected_messages(&[received(text)], "1").unwrap();
        assert!(shown.starts_with(r#"it sent 1 message, which is not the response to request "1": "#), "{shown}");
        assert!(shown.contains(says), "{shown}");
    }

    #[test]
    fn summarizes_deep_and_repeated_messages() {
        let deep = format!(r#"{{"type":"res","id":"1","payload":{}{}}}"#, "[".repeat(1000), "]".repeat(1000));
        let mut all = vec![received(&deep)];
        all.extend(std::iter::repeat_with(|| received(r#"{"type":"event","event":"tick"}"#)).take(7));
        all.extend(["a", "b", "c"].map(|name| received(&format!(r#"{{"type":"event","event":"{name}"}}"#))));
        let shown = unexpected_messages(&all, "1").unwrap();
        assert!(shown.contains("it sent 11 messages") && shown.contains("nested deeper than the 127"), "{shown}");
        assert!(shown.contains(r#"the event "tick", "#) && shown.ends_with(", ...") && shown.len() < 300, "{shown}");
        assert_eq!(unexpected_messages(&[Incoming::Deadline], "1"), None);
    }

    #[test]
    fn describes_end_of_connection() {
        let closed = |how| Closed { code: None, reason: String::new(), how };
        assert!(ending(&closed(Ending::Violation("a masked frame".to_owned()))).contains("a masked frame"));
        assert!(ending(&closed(Ending::Eof)).contains("without a close frame"));
        let closed = Closed { code: Some(1008), reason: "no".to_owned(), how: Ending::CloseFrame };
        assert_eq!(ending(&closed), r#"it closed with 1008 "no""#);
    }
}
