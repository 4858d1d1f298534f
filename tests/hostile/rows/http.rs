//! HTTP answers instead of the upgrade.

use crate::row::Row;
use std::time::Duration;

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::attached("redirect", |peer| {
            peer.http("HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example/ws\r\nContent-Length: 0\r\n\r\n")
        })
        .error()
        .says("302")
        .says("https://elsewhere.example/ws"),
        Row::attached("redirect-with-control-characters", |peer| {
            peer.http("HTTP/1.1 301 Moved\r\nLocation: /\u{9b}31m\u{202e}\r\nContent-Length: 0\r\n\r\n")
        })
        .error()
        .says("301"),
        Row::attached("not-found", |peer| peer.http("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope"))
            .error()
            .says("404")
            .says("path"),
        Row::attached("forbidden", |peer| peer.http("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"))
            .error()
            .says("403"),
        Row::attached("asks-for-a-login", |peer| {
            peer.http("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n")
        })
        .error()
        .says("401"),
        Row::attached("upgrade-required", |peer| {
            peer.http("HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 8\r\nContent-Length: 0\r\n\r\n")
        })
        .error()
        .says("426"),
        Row::attached("unavailable", |peer| {
            peer.http("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 999999999999\r\nContent-Length: 0\r\n\r\n")
        })
        .error()
        .says("503"),
        Row::attached("web-page", |peer| {
            peer.http(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 27\r\n\r\n<!doctype html><p>A page</p>",
            )
        })
        .error()
        .says("200"),
        Row::attached("body-of-10-mb", |peer| {
            peer.http(format!("HTTP/1.1 500 Oops\r\nContent-Length: 10000000\r\n\r\n{}", "x".repeat(10_000_000)))
        })
        .error()
        .says("500"),
        Row::attached("body-without-end", |peer| {
            peer.http("HTTP/1.1 500 Oops\r\n\r\n")?;
            peer.flood(b"more ")
        })
        .error()
        .says("500"),
        Row::attached("body-that-drips", |peer| {
            peer.http("HTTP/1.1 500 Oops\r\nContent-Length: 100\r\n\r\n")?;
            peer.write_slowly(&[b'x'; 100], Duration::from_millis(300))
        })
        .error()
        .says("500"),
        Row::attached("body-that-never-comes", |peer| {
            peer.http("HTTP/1.1 500 Oops\r\nContent-Length: 100\r\n\r\n")?;
            peer.read_until_disconnect()
        })
        .error()
        .says("500"),
        Row::attached("body-of-control-characters", |peer| {
            peer.http(
                "HTTP/1.1 500 Oops\r\n\r\n\u{1b}[2J\u{7}\u{1b}]0;title\u{7}\u{9b}31m\u{7f}\u{202e}x\u{2028}\ry\u{0}",
            )
        })
        .error()
        .says("500"),
        Row::attached("body-of-bytes", |peer| {
            peer.http("HTTP/1.1 500 Oops\r\n\r\n")?;
            peer.raw((128..=255).collect::<Vec<u8>>())
        })
        .error()
        .says("500"),
        Row::attached("body-with-a-million-lines", |peer| {
            peer.http("HTTP/1.1 500 Oops\r\n\r\n")?;
            peer.raw("\n".repeat(1_000_000))
        })
        .error()
        .says("500"),
        Row::attached("length-below-zero", |peer| peer.http("HTTP/1.1 500 Oops\r\nContent-Length: -1\r\n\r\nbody"))
            .error()
            .says("500"),
        Row::attached("length-beyond-64-bits", |peer| {
            peer.http("HTTP/1.1 500 Oops\r\nContent-Length: 99999999999999999999999\r\n\r\nbody")
        })
        .error()
        .says("500"),
        Row::attached("chunked-body", |peer| {
            peer.http("HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nbody\r\n")
        })
        .error()
        .says("500"),
        Row::attached("head-without-end", |peer| {
            peer.http("HTTP/1.1 101 Switching Protocols\r\n")?;
            peer.flood(b"X-More: and more\r\n")
        })
        .error()
        .says("not a WebSocket"),
        Row::attached("head-line-without-end", |peer| {
            peer.http("HTTP/1.1 101 Switching Protocols\r\nX-More: ")?;
            peer.flood(b"and more ")
        })
        .error()
        .says("longer than 64 KiB"),
        Row::attached("headers-300", |peer| {
            let headers: String = (0..300).map(|at| format!("X-{at}: y\r\n")).collect();
            peer.http(format!("HTTP/1.1 404 Not Found\r\n{headers}Content-Length: 0\r\n\r\n"))
        })
        .error(),
        Row::attached("status-999", |peer| peer.http("HTTP/1.1 999 Denied\r\nContent-Length: 0\r\n\r\n"))
            .error()
            .says("999"),
        Row::attached("status-000", |peer| peer.http("HTTP/1.1 000 \r\nContent-Length: 0\r\n\r\n")).error(),
        Row::attached("status-of-five-digits", |peer| peer.http("HTTP/1.1 10101 Switching\r\n\r\n"))
            .error()
            .says("not a WebSocket"),
        Row::attached("http-2", |peer| {
            peer.request_head()?;
            peer.raw(b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\x04\0\x10\0\0\0\x06\0\0\x40\0")
        })
        .error()
        .says("not a WebSocket"),
        Row::attached("http-0.9", |peer| peer.http("<html>hello</html>")).error().says("not a WebSocket"),
        Row::attached("continues-without-end", |peer| {
            peer.request_head()?;
            peer.flood(b"HTTP/1.1 100 Continue\r\n\r\n")
        })
        .error()
        .says("100"),
        Row::attached("refuses-every-second-upgrade", |peer| match peer.number % 2 {
            1 => crate::peer::right(peer),
            _ => peer.http("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"),
        })
        .says("429")
        .error_or_deviates(),
    ]
}
