//! A gateway that sends back its token, in every form and at every position.

use crate::peer::{Done, Peer, event};
use crate::play::forms;
use crate::row::{Row, Timeouts};
use serde_json::{Value, json};
use std::io;

/// Upgrades and reads the connect request. Returns its id and its token.
fn read_connect(peer: &mut Peer) -> io::Result<(String, String)> {
    peer.open()?;
    let (id, _, params) = peer.request()?;
    Ok((id, params["auth"]["token"].as_str().unwrap_or_default().to_owned()))
}

/// Answers the connect with an error that contains the token, and disconnects.
fn error(peer: &mut Peer, write: fn(&str) -> Value) -> Done {
    let (id, token) = read_connect(peer)?;
    peer.json(&json!({ "type": "res", "id": id, "ok": false, "error": write(&token) }))?;
    peer.close(1008, "no")?;
    peer.read_until_disconnect()
}

/// Like [`error`], with one form of the token in the message.
fn form(peer: &mut Peer, at: usize) -> Done {
    let (id, token) = read_connect(peer)?;
    peer.refuse(&id, "NO", &format!("your token is {}, is it?", forms(&token)[at].1))?;
    peer.close(1008, "no")?;
    peer.read_until_disconnect()
}

/// An error with this message.
fn no(message: String) -> Value {
    json!({ "code": "NO", "message": message })
}

fn written() -> Vec<Row> {
    vec![
        Row::attached("echo-plain", |peer| form(peer, 0)).drafts(),
        Row::attached("echo-as-json-writes-it", |peer| form(peer, 1)).drafts(),
        Row::attached("echo-as-json-may-write-it", |peer| form(peer, 2)).drafts(),
        Row::attached("echo-in-base64", |peer| form(peer, 3)).drafts(),
        Row::attached("echo-in-base64url", |peer| form(peer, 4)).drafts(),
        Row::attached("echo-in-hexadecimal", |peer| form(peer, 5)).drafts(),
        Row::attached("echo-in-percents", |peer| form(peer, 6)).drafts(),
        Row::attached("echo-in-small-percents", |peer| form(peer, 7)).drafts(),
        Row::attached("echo-in-json-in-json", |peer| {
            error(peer, |token| no(json!({ "said": json!({ "auth": token }).to_string() }).to_string()))
        })
        .drafts(),
        Row::attached("echo-in-u-escapes", |peer| {
            let (id, token) = read_connect(peer)?;
            let escaped: String = token.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
            peer.text(format!(
                r#"{{"type":"res","id":"{id}","ok":false,"error":{{"code":"NO","message":"it is {escaped}"}}}}"#
            ))?;
            peer.close(1008, "no")?;
            peer.read_until_disconnect()
        })
        .drafts(),
        Row::attached("echo-inside-a-word", |peer| error(peer, |token| no(format!("x{token}y")))).drafts(),
        Row::attached("echo-a-hundred-times", |peer| error(peer, |token| no(token.repeat(100)))).drafts(),
        Row::attached("echo-at-the-cut", |peer| {
            // Every length limit cuts the text inside one of these copies.
            error(peer, |token| no(format!("{}{}", "x".repeat(90), token.repeat(4000))))
        })
        .drafts(),
    ]
}

fn places() -> Vec<Row> {
    vec![
        Row::attached("echo-as-code", |peer| error(peer, |token| json!({ "code": token, "message": "m" }))).drafts(),
        Row::attached("echo-as-key", |peer| {
            error(peer, |token| json!({ "code": "NO", "message": "m", "details": { token: { token: 1 } } }))
        })
        .drafts(),
        Row::attached("echo-as-detail", |peer| {
            error(peer, |token| json!({ "code": "NO", "message": "m", "details": { "code": token, "hint": [token] } }))
        })
        .drafts(),
        Row::attached("echo-as-request-id", |peer| {
            error(peer, |token| json!({ "code": "NOT_PAIRED", "message": "m", "details": { "requestId": token } }))
        })
        .drafts(),
        Row::attached("echo-as-close-reason", |peer| {
            let (_, token) = read_connect(peer)?;
            peer.close(1008, token)?;
            peer.read_until_disconnect()
        })
        .drafts(),
        Row::attached("echo-as-event-name", |peer| {
            let (id, token) = read_connect(peer)?;
            peer.json(&event(&token, json!({ token.clone(): token })))?;
            peer.refuse(&id, "NO", "no")?;
            peer.close(1008, "no")?;
            peer.read_until_disconnect()
        })
        .drafts(),
        Row::attached("echo-as-text-that-is-no-json", |peer| {
            let (_, token) = read_connect(peer)?;
            peer.text(format!("hello {token}"))?;
            peer.close(1008, "no")?;
            peer.read_until_disconnect()
        })
        .drafts(),
        Row::attached("echo-as-another-answer", |peer| {
            let (_, token) = read_connect(peer)?;
            peer.hello(&token)?;
            peer.go_on()
        })
        .cost(Timeouts::TwoDeadlines)
        .drafts()
        .error_or_deviates(),
        Row::attached("echo-as-role", |peer| {
            let (id, token) = read_connect(peer)?;
            let mut frame = crate::peer::hello(&id);
            frame["payload"]["auth"] = json!({ "role": token, "scopes": [token] });
            frame["payload"]["server"]["version"] = token.clone().into();
            frame["payload"]["features"]["methods"] = json!([token]);
            peer.json(&frame)?;
            peer.go_on()
        })
        .drafts(),
        Row::attached("echo-as-type", |peer| {
            let (id, token) = read_connect(peer)?;
            peer.json(&json!({ "type": token, "id": id, token.clone(): token }))?;
            peer.close(1008, "no")?;
            peer.read_until_disconnect()
        })
        .drafts(),
        Row::attached("echo-as-the-next-nonce", |peer| {
            peer.upgrade()?;
            peer.json(&crate::peer::challenge(crate::play::CANARY))?;
            peer.go_on()
        })
        .drafts(),
        Row::attached("echo-in-a-refused-upgrade", |peer| {
            let token = crate::play::CANARY;
            peer.http(format!("HTTP/1.1 403 {token}\r\nX-Token: {token}\r\n\r\nyour token is {token}"))
        })
        .error(),
        Row::attached("echo-in-a-redirect", |peer| {
            peer.http(format!("HTTP/1.1 302 Found\r\nLocation: /?token={}\r\n\r\n", forms(crate::play::CANARY)[6].1))
        })
        .error(),
        Row::attached("echo-in-place-of-http", |peer| {
            peer.request_head()?;
            peer.raw(format!("token {} is wrong", crate::play::CANARY))
        })
        .error(),
        Row::attached("echo-after-the-probe", |peer| match peer.number {
            1 | 2 => crate::peer::right(peer),
            _ => peer.http(format!("HTTP/1.1 403 Forbidden\r\n\r\nyour token is {}", crate::play::CANARY)),
        })
        .drafts()
        .error_or_deviates(),
        Row::spawned("echo-before-the-start", |_| ())
            .behaves(|peer| {
                peer.upgrade()?;
                peer.text(format!("your token is {}", std::env::var("TOKEN").unwrap_or_default()))?;
                peer.read_until_disconnect()
            })
            .error(),
        Row::spawned("echo-in-the-probe-s-refusal", |_| ())
            .behaves(|peer| {
                peer.upgrade()?;
                peer.close(1011, format!("token {}", std::env::var("TOKEN").unwrap_or_default()))?;
                peer.read_until_disconnect()
            })
            .error(),
    ]
}

pub(super) fn rows() -> Vec<Row> {
    [written(), places()].into_iter().flatten().collect()
}
