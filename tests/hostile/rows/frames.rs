//! Frames that break RFC 6455.

use crate::frames::{BINARY, CLOSE, CONTINUATION, FIN, PING, TEXT, frame, header, masked};
use crate::peer::{challenge, right};
use crate::row::Row;

/// The frame of a challenge.
fn text() -> Vec<u8> {
    challenge("n").to_string().into_bytes()
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::attached("masked-frames", |peer| {
            peer.upgrade()?;
            peer.raw(masked(FIN | TEXT, &text()))?;
            peer.read_until_disconnect()
        })
        .says("mask"),
        Row::attached("reserved-opcode", |peer| {
            peer.upgrade()?;
            peer.raw(frame(FIN | 0x3, &text()))?;
            peer.read_until_disconnect()
        })
        .says("opcode"),
        Row::attached("reserved-control-opcode", |peer| {
            peer.upgrade()?;
            peer.raw(frame(FIN | 0xB, b""))?;
            peer.read_until_disconnect()
        })
        .says("opcode"),
        Row::attached("reserved-bits", |peer| {
            peer.upgrade()?;
            peer.raw(frame(FIN | 0x70 | TEXT, &text()))?;
            peer.read_until_disconnect()
        })
        .says("eserved bits"),
        Row::attached("compressed-unasked", |peer| {
            peer.upgrade()?;
            peer.raw(frame(FIN | 0x40 | TEXT, b"\xaa\x56\x2a\xa9\x2c\x48\x55\xb2\x52"))?;
            peer.read_until_disconnect()
        })
        .says("eserved bits"),
        Row::attached("invalid-utf8", |peer| {
            peer.upgrade()?;
            peer.text(b"\xff\xfe\xc0\x80")?;
            peer.read_until_disconnect()
        })
        .says("UTF-8"),
        Row::attached("surrogates-in-utf8", |peer| {
            peer.upgrade()?;
            peer.text(b"{\"type\":\"event\",\"event\":\"\xed\xa0\x80\"}")?;
            peer.read_until_disconnect()
        })
        .says("UTF-8"),
        Row::attached("challenge-in-binary", |peer| {
            peer.upgrade()?;
            peer.raw(frame(FIN | BINARY, &text()))?;
            peer.go_on()
        })
        .any(),
        Row::attached("binary-after-hello", |peer| {
            let id = peer.connect_request()?;
            peer.hello(&id)?;
            peer.raw(frame(FIN | BINARY, &[0; 64]))?;
            peer.go_on()
        })
        .conforms(),
        Row::attached("fragmented-challenge", |peer| {
            peer.upgrade()?;
            let text = text();
            peer.raw(frame(TEXT, &text[..10]))?;
            peer.raw(frame(FIN | PING, b"between"))?;
            peer.raw(frame(CONTINUATION, &text[10..20]))?;
            peer.raw(frame(FIN | CONTINUATION, &text[20..]))?;
            peer.go_on()
        })
        .conforms(),
        Row::attached("fragments-of-one-byte", |peer| {
            peer.upgrade()?;
            let text = text();
            peer.raw(frame(TEXT, b""))?;
            for byte in &text {
                peer.raw(frame(CONTINUATION, &[*byte]))?;
            }
            peer.raw(frame(FIN | CONTINUATION, b""))?;
            peer.go_on()
        })
        .conforms(),
        Row::attached("continuation-of-nothing", |peer| {
            peer.upgrade()?;
            peer.raw(frame(FIN | CONTINUATION, &text()))?;
            peer.read_until_disconnect()
        })
        .says("ontinue"),
        Row::attached("text-inside-a-fragmented-text", |peer| {
            peer.upgrade()?;
            peer.raw(frame(TEXT, b"{"))?;
            peer.text(text())?;
            peer.read_until_disconnect()
        }),
        Row::attached("ping-too-long", |peer| {
            peer.upgrade()?;
            peer.raw(frame(FIN | PING, &[b'p'; 126]))?;
            peer.read_until_disconnect()
        })
        .says("ontrol frame"),
        Row::attached("ping-in-fragments", |peer| {
            peer.upgrade()?;
            peer.raw(frame(PING, b"p"))?;
            peer.read_until_disconnect()
        })
        .says("ontrol frame"),
        Row::attached("close-in-fragments", |peer| {
            peer.upgrade()?;
            peer.raw(frame(CLOSE, &[3, 232]))?;
            peer.read_until_disconnect()
        })
        .says("ontrol frame"),
        Row::attached("length-of-4-exabytes", |peer| {
            peer.upgrade()?;
            peer.raw(header(FIN | TEXT, 1 << 62))?;
            peer.read_until_disconnect()
        })
        .says("a message of"),
        Row::attached("length-with-the-sign-bit", |peer| {
            peer.upgrade()?;
            peer.raw(header(FIN | TEXT, u64::MAX))?;
            peer.read_until_disconnect()
        })
        .says("a message of"),
        Row::attached("length-longer-than-needed", |peer| {
            peer.upgrade()?;
            let text = text();
            peer.raw([&[FIN | TEXT, 127][..], &(text.len() as u64).to_be_bytes(), &text].concat())?;
            peer.go_on()
        })
        .conforms(),
        Row::attached("frame-cut-by-the-end", |peer| {
            peer.upgrade()?;
            peer.raw(header(FIN | TEXT, 1000))?;
            peer.raw(text())
        })
        .says("without a close frame"),
        Row::attached("frame-of-9-mb", |peer| {
            peer.upgrade()?;
            peer.text(vec![b' '; 9 << 20])?;
            peer.read_until_disconnect()
        })
        .says("a message of"),
        Row::attached("fragments-of-9-mb", |peer| {
            peer.upgrade()?;
            peer.raw(frame(TEXT, b""))?;
            for _ in 0..9 {
                peer.raw(frame(CONTINUATION, &vec![b' '; 1 << 20]))?;
            }
            peer.read_until_disconnect()
        })
        .says("a message of"),
        Row::attached("violation-after-hello", |peer| {
            if peer.number < 3 {
                return right(peer);
            }
            let id = peer.connect_request()?;
            peer.hello(&id)?;
            peer.raw(frame(FIN | 0x7, b"x"))?;
            peer.read_until_disconnect()
        })
        .conforms(),
    ]
}
