//! More data than any gateway may send.

use crate::frames::{BINARY, CONTINUATION, FIN, PING, PONG, TEXT, frame};
use crate::peer::{challenge, event, hello, refusal};
use crate::row::{Row, Timeouts};
use serde_json::json;
use std::time::Duration;

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::attached("pings-without-end", |peer| {
            peer.open()?;
            peer.flood(&frame(FIN | PING, b"p"))
        })
        .says("more than"),
        Row::attached("pings-without-end-after-hello", |peer| {
            let id = peer.connect_request()?;
            peer.hello(&id)?;
            peer.flood(&frame(FIN | PING, b"p"))
        })
        .conforms()
        .cost(Timeouts::TwoDeadlines),
        Row::attached("pongs-without-end", |peer| {
            peer.open()?;
            peer.flood(&frame(FIN | PONG, b""))
        })
        .says("more than"),
        Row::attached("empty-fragments", |peer| {
            peer.upgrade()?;
            peer.raw(frame(TEXT, b""))?;
            peer.flood(&frame(CONTINUATION, b""))
        })
        .says("more than"),
        Row::attached("empty-texts", |peer| {
            peer.open()?;
            peer.flood(&frame(FIN | TEXT, b""))
        })
        .says("more than"),
        Row::attached("empty-binaries", |peer| {
            peer.open()?;
            peer.flood(&frame(FIN | BINARY, b""))
        })
        .says("more than"),
        Row::attached("events-without-end", |peer| {
            peer.open()?;
            peer.flood(&frame(FIN | TEXT, event("noise", json!("x")).to_string().as_bytes()))
        })
        .says("more than"),
        Row::attached("events-of-7-mb", |peer| {
            peer.open()?;
            peer.flood(&frame(FIN | TEXT, event("noise", json!("x".repeat(7 << 20))).to_string().as_bytes()))
        })
        .says("more than"),
        Row::attached("challenges-without-end", |peer| {
            peer.upgrade()?;
            peer.flood(&frame(FIN | TEXT, challenge("n").to_string().as_bytes()))
        })
        .says("more than"),
        Row::attached("wrong-answers-without-end", |peer| {
            peer.connect_request()?;
            peer.flood(&frame(FIN | TEXT, hello("another").to_string().as_bytes()))
        })
        .any(),
        Row::attached("refusals-without-end", |peer| {
            let id = peer.connect_request()?;
            peer.flood(&frame(FIN | TEXT, refusal(&id, "NO", "no").to_string().as_bytes()))
        }),
        Row::attached("events-without-end-after-hello", |peer| {
            let id = peer.connect_request()?;
            peer.hello(&id)?;
            peer.flood(&frame(FIN | TEXT, event("noise", json!("x")).to_string().as_bytes()))
        })
        .any()
        .cost(Timeouts::TwoDeadlines),
        Row::attached("text-that-never-ends", |peer| {
            peer.upgrade()?;
            peer.raw(frame(TEXT, b"{"))?;
            peer.flood(&frame(CONTINUATION, &[b' '; 1000]))
        })
        .says("a message of"),
        Row::attached("an-event-every-100-ms", |peer| {
            peer.connect_request()?;
            loop {
                peer.json(&event("tick", json!({})))?;
                std::thread::sleep(Duration::from_millis(100));
            }
        })
        .cost(Timeouts::TwoDeadlines)
        .error_or_deviates()
        .never("is silent"),
        Row::attached("names-without-end", |peer| {
            peer.connect_request()?;
            for at in 0_u64.. {
                peer.json(&event(&format!("event-{at}"), json!({ format!("key-{at}"): at })))?;
            }
            Ok(())
        })
        .says("more than")
        .drafts(),
    ]
}
