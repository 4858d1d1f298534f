//! Behaviours below HTTP.

use crate::peer::right;
use crate::row::{Row, Server, Timeouts};
use std::time::Duration;

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::absent("nobody-listens", Server::Nobody).error().says("no gateway at ws://127.0.0.1:"),
        Row::absent("never-accepts", Server::Deaf).error().cost(Timeouts::TwoDeadlines).says("no answer to the upgrade"),
        Row::attached("accepts-and-never-speaks", |peer| peer.read_until_disconnect())
            .error()
            .cost(Timeouts::TwoDeadlines)
            .says("no answer to the upgrade"),
        Row::attached("accepts-and-closes", |_| Ok(())).error().says("before the upgrade was answered"),
        Row::attached("closes-after-the-request", |peer| peer.request_head()).error().says("before the upgrade was answered"),
        Row::attached("closes-its-half", |peer| {
            peer.half_close()?;
            peer.read_until_disconnect()
        })
        .error()
        .says("before the upgrade was answered"),
        Row::attached("ssh-banner", |peer| {
            peer.raw("SSH-2.0-OpenSSH_9.6\r\n")?;
            peer.read_until_disconnect()
        })
        .error()
        .says("SSH-2.0"),
        Row::attached("smtp-banner", |peer| {
            peer.raw("220 mail.example.org ESMTP\r\n")?;
            peer.read_until_disconnect()
        })
        .error()
        .says("220 mail"),
        Row::attached("binary-noise", |peer| peer.raw((0..=255).cycle().take(5000).collect::<Vec<u8>>()))
            .error()
            .says("not a WebSocket"),
        Row::attached("tls-alert", |peer| {
            peer.request_head()?;
            peer.raw([0x15, 3, 1, 0, 2, 2, 0x28])
        })
        .error()
        .says("TLS"),
        Row::attached("http-on-a-tls-port", |peer| {
            peer.http("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
        })
        .error()
        .says("HTTPS server"),
        Row::attached("slow-drip-bytes", |peer| {
            peer.request_head()?;
            let head = peer.switching();
            peer.write_slowly(head.as_bytes(), Duration::from_millis(500))
        })
        .error_or_deviates()
        .cost(Timeouts::TwoDeadlines)
        .says("no answer to the upgrade"),
        Row::attached("dies-after-the-first-case-connection", |peer| if peer.number <= 3 { right(peer) } else { Ok(()) })
            .says("before the upgrade was answered").error_or_deviates(),
        Row::attached("one-byte-packets", |peer| {
            peer.request_head()?;
            let head = peer.switching();
            peer.write_slowly(head.as_bytes(), Duration::from_micros(50))?;
            peer.challenge()?;
            peer.go_on()
        })
        .conforms(),
        Row::attached("right", right).conforms(),
    ]
}
