//! Ways to end a connection.

use crate::frames::{CLOSE, FIN, frame};
use crate::peer::{Done, Peer, event, right};
use crate::row::{Row, Timeouts};
use serde_json::json;

/// Closes the connection with this payload instead of an answer.
fn ends(peer: &mut Peer, payload: &[u8]) -> Done {
    peer.connect_request()?;
    peer.raw(frame(FIN | CLOSE, payload))?;
    peer.read_until_disconnect()
}

/// Closes the connection with this code instead of an answer.
fn code(peer: &mut Peer, code: u16) -> Done {
    ends(peer, &code.to_be_bytes())
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::attached("close-before-the-challenge", |peer| {
            peer.upgrade()?;
            peer.close(1011, "boom")?;
            peer.read_until_disconnect()
        })
        .says("1011"),
        Row::attached("close-in-place-of-an-answer", |peer| code(peer, 1008)).says("1008"),
        Row::attached("close-without-a-code", |peer| ends(peer, b"")).says("without a code"),
        Row::attached("close-code-0", |peer| code(peer, 0)),
        Row::attached("close-code-999", |peer| code(peer, 999)),
        Row::attached("close-code-1004-on-wire", |peer| code(peer, 1004)),
        Row::attached("close-code-1005-on-wire", |peer| code(peer, 1005)),
        Row::attached("close-code-1006-on-wire", |peer| code(peer, 1006)),
        Row::attached("close-code-1015-on-wire", |peer| code(peer, 1015)),
        Row::attached("close-code-4999", |peer| code(peer, 4999)).says("4999"),
        Row::attached("close-code-65535", |peer| code(peer, 65_535)),
        Row::attached("close-of-one-byte", |peer| ends(peer, &[3])),
        Row::attached("close-reason-too-long", |peer| ends(peer, &[&[3, 240][..], &[b'r'; 200]].concat()))
            .says("ontrol frame"),
        Row::attached("close-reason-invalid-utf8", |peer| ends(peer, &[3, 240, 0xff, 0xfe])),
        Row::attached("close-reason-of-control-characters", |peer| {
            ends(peer, &[&[3, 240][..], "\u{1b}[2J\u{7}\u{9b}31m\u{202e}\r\n\u{2028}".as_bytes()].concat())
        })
        .says("1008")
        .drafts(),
        Row::attached("close-twice", |peer| {
            peer.connect_request()?;
            peer.close(1008, "one")?;
            peer.close(1011, "two")?;
            peer.read_until_disconnect()
        })
        .says("1008"),
        Row::attached("data-after-close", |peer| {
            let id = peer.connect_request()?;
            peer.close(1008, "over")?;
            peer.hello(&id)?;
            peer.read_until_disconnect()
        })
        .says("1008"),
        Row::attached("try-later", |peer| code(peer, 1013)).says("1013"),
        Row::attached("restarting", |peer| code(peer, 1012)).says("1012"),
        Row::attached("hangs-up-in-place-of-an-answer", |peer| peer.connect_request().map(|_| ()))
            .says("without a close frame"),
        Row::attached("hangs-up-on-its-half", |peer| {
            peer.connect_request()?;
            peer.half_close()?;
            peer.read_until_disconnect()
        })
        .says("without a close frame"),
        Row::attached("never-closes", |peer| {
            let id = peer.connect_request()?;
            peer.hello(&id)?;
            peer.read_until_disconnect()
        })
        .conforms()
        .cost(Timeouts::TwoDeadlines),
        Row::attached("refuses-without-hanging-up", |peer| {
            let id = peer.connect_request()?;
            peer.refuse(&id, "NOT_PAIRED", "pairing required")?;
            peer.read_until_disconnect()
        })
        .cost(Timeouts::TwoDeadlines)
        .says("NOT_PAIRED"),
        Row::attached("says-more-in-place-of-closing", |peer| {
            let id = peer.connect_request()?;
            peer.hello(&id)?;
            while peer.request().is_ok() {}
            loop {
                peer.json(&event("tick", json!({})))?;
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        })
        .conforms()
        .cost(Timeouts::TwoDeadlines),
        Row::attached("closes-every-second-connection", |peer| match peer.number % 2 {
            1 => right(peer),
            _ => code(peer, 1011),
        })
        .says("1011"),
    ]
}
