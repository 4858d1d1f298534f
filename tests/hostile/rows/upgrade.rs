//! Answers to the upgrade request.

use crate::peer::{Peer, challenge, right};
use crate::row::{Row, Timeouts};
use std::io;
use std::time::Duration;

/// Answers the upgrade with these header lines. `{accept}` is the correct value.
fn switching(peer: &mut Peer, lines: &str) -> io::Result<()> {
    peer.request_head()?;
    let lines = lines.replace("{accept}", &peer.accept());
    peer.raw(format!("HTTP/1.1 101 Switching Protocols\r\n{lines}\r\n"))?;
    peer.challenge()?;
    peer.go_on()
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::attached("upgrade-never-answers", |peer| {
            peer.request_head()?;
            peer.read_until_disconnect()
        })
        .error()
        .cost(Timeouts::TwoDeadlines)
        .says("no answer to the upgrade"),
        Row::attached("upgrade-stops-in-the-head", |peer| {
            peer.http("HTTP/1.1 101 Switching Protocols\r\nUpgrade: webso")?;
            peer.read_until_disconnect()
        })
        .error()
        .cost(Timeouts::TwoDeadlines)
        .says("no answer to the upgrade"),
        Row::attached("upgrade-cut-in-the-head", |peer| {
            peer.http("HTTP/1.1 101 Switching Protocols\r\nUpgrade: webso")
        })
        .error()
        .says("not a WebSocket"),
        Row::attached("upgrade-101-without-accept", |peer| {
            switching(peer, "Upgrade: websocket\r\nConnection: Upgrade\r\n")
        })
        .error()
        .says("HTTP 101 without `Sec-WebSocket-Accept`"),
        Row::attached("upgrade-101-with-wrong-accept", |peer| {
            switching(peer, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n")
        })
        .error()
        .says("HTTP 101 with a wrong `Sec-WebSocket-Accept`"),
        Row::attached("upgrade-101-without-upgrade", |peer| {
            switching(peer, "Connection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n")
        })
        .error()
        .says("HTTP 101 without `Upgrade: websocket`"),
        Row::attached("upgrade-101-to-something-else", |peer| {
            switching(peer, "Upgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n")
        })
        .error()
        .says("HTTP 101 without `Upgrade: websocket`"),
        Row::attached("upgrade-in-capitals", |peer| {
            switching(peer, "UPGRADE: WEBSOCKET\r\nCONNECTION: UPGRADE\r\nSEC-WEBSOCKET-ACCEPT: {accept}\r\n")
        })
        .conforms(),
        Row::attached("upgrade-twice", |peer| {
            peer.upgrade()?;
            let again = peer.switching();
            peer.raw(again)?;
            peer.challenge()?;
            peer.go_on()
        }),
        Row::attached("upgrade-and-hangs-up", |peer| peer.upgrade()),
        Row::attached("upgrade-then-http", |peer| {
            peer.upgrade()?;
            peer.raw("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")?;
            peer.read_until_disconnect()
        })
        .error_or_deviates()
        .cost(Timeouts::TwoDeadlines),
        Row::attached("upgrade-late", |peer| {
            peer.request_head()?;
            std::thread::sleep(Duration::from_millis(700));
            let answer = peer.switching();
            peer.raw(answer)?;
            peer.challenge()?;
            peer.go_on()
        })
        .conforms(),
        Row::attached("upgrade-and-challenge-in-one-packet", |peer| {
            peer.request_head()?;
            let text = challenge("n").to_string();
            let both = [peer.switching().as_bytes(), &crate::frames::frame(0x81, text.as_bytes())].concat();
            peer.raw(both)?;
            peer.go_on()
        })
        .conforms(),
        Row::attached("upgrade-refused-after-the-probe", |peer| {
            if peer.number == 1 {
                return right(peer);
            }
            peer.http("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        })
        .says("HTTP 403")
        .error_or_deviates(),
    ]
}
