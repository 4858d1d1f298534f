//! Text that is not JSON, and JSON that exceeds the limits.

use crate::peer::{Done, Peer, hello};
use crate::row::{Row, Timeouts};

/// Sends this text instead of the challenge, and continues.
fn first(peer: &mut Peer, text: impl AsRef<[u8]>) -> Done {
    peer.upgrade()?;
    peer.text(text)?;
    peer.go_on()
}

/// Answers the connect with this text, and continues. `ID` in the text is the request's id.
fn answer(peer: &mut Peer, text: &str) -> Done {
    let id = peer.connect_request()?;
    peer.text(text.replace("ID", &id))?;
    peer.go_on()
}

/// Answers the connect with a hello-ok with this snapshot, and continues.
fn snapshot(peer: &mut Peer, value: &str) -> Done {
    let id = peer.connect_request()?;
    let mut frame = hello(&id);
    frame["payload"]["snapshot"] = "HERE".into();
    peer.text(frame.to_string().replace("\"HERE\"", value))?;
    peer.go_on()
}

/// Answers the connect with an error with these details.
fn details(peer: &mut Peer, value: &str) -> Done {
    answer(
        peer,
        &format!(r#"{{"type":"res","id":"ID","ok":false,"error":{{"code":"NO","message":"no","details":{value}}}}}"#),
    )
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::attached("not-json", |peer| first(peer, "hello there"))
            .says("hello there")
            .drafts()
            .cost(Timeouts::OneDeadline),
        Row::attached("not-json-with-control-characters", |peer| {
            first(peer, "\u{1b}[31mred\u{7}\u{1b}]0;owned\u{7}\u{9b}2J\u{7f}\u{202e}\u{2028}\r\nx")
        })
        .drafts()
        .cost(Timeouts::OneDeadline),
        Row::attached("not-json-of-5-mb", |peer| first(peer, "no json ".repeat(600_000)))
            .drafts()
            .cost(Timeouts::OneDeadline),
        Row::attached("empty-text", |peer| first(peer, "")).drafts().cost(Timeouts::OneDeadline),
        Row::attached("json-number", |peer| first(peer, "42")).drafts().cost(Timeouts::OneDeadline),
        Row::attached("json-null", |peer| first(peer, "null")).drafts().cost(Timeouts::OneDeadline),
        Row::attached("json-array", |peer| first(peer, r#"["event","connect.challenge"]"#))
            .drafts()
            .cost(Timeouts::OneDeadline),
        Row::attached("byte-order-mark", |peer| {
            first(peer, "\u{feff}{\"type\":\"event\",\"event\":\"connect.challenge\",\"payload\":{\"nonce\":\"n\"}}")
        })
        .drafts()
        .cost(Timeouts::OneDeadline),
        Row::attached("two-documents-in-a-frame", |peer| {
            first(peer, r#"{"type":"event","event":"a"}{"type":"event"}"#)
        })
        .drafts()
        .cost(Timeouts::OneDeadline),
        Row::attached("json-cut", |peer| first(peer, r#"{"type":"event","event":"connect.chal"#))
            .drafts()
            .cost(Timeouts::OneDeadline),
        Row::attached("json-with-comments", |peer| {
            first(peer, r#"{"type":"event" /* no */,"event":"connect.challenge",}"#)
        })
        .drafts()
        .cost(Timeouts::OneDeadline),
        Row::attached("only-blanks", |peer| first(peer, " \t\r\n".repeat(500_000)))
            .drafts()
            .cost(Timeouts::OneDeadline),
        Row::attached("answer-nan", |peer| answer(peer, r#"{"type":"res","id":"ID","ok":true,"payload":NaN}"#))
            .says("text that is not JSON")
            .error_or_deviates()
            .cost(Timeouts::TwoDeadlines)
            .never("is silent"),
        Row::attached("answer-number-too-large", |peer| {
            answer(peer, r#"{"type":"res","id":"ID","ok":true,"payload":{"type":"hello-ok","protocol":1e999}}"#)
        })
        .error_or_deviates()
        .cost(Timeouts::TwoDeadlines)
        .never("is silent"),
        Row::attached("answer-number-of-a-million-digits", |peer| {
            let digits = "9".repeat(1_000_000);
            answer(
                peer,
                &format!(r#"{{"type":"res","id":"ID","ok":true,"payload":{{"type":"hello-ok","protocol":{digits}}}}}"#),
            )
        })
        .error_or_deviates()
        .cost(Timeouts::TwoDeadlines)
        .never("is silent"),
        Row::attached("answer-nested-10000", |peer| {
            let nested = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
            answer(peer, &format!(r#"{{"type":"res","id":"ID","ok":true,"payload":{nested}}}"#))
        })
        .says("nested")
        .error_or_deviates()
        .cost(Timeouts::TwoDeadlines)
        .never("is silent"),
        Row::attached("answer-nested-100", |peer| {
            let nested = format!("{}{}", "[".repeat(100), "]".repeat(100));
            snapshot(peer, &nested)
        })
        .conforms(),
        Row::attached("objects-nested-10000", |peer| {
            let nested = format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
            details(peer, &nested)
        })
        .error_or_deviates()
        .cost(Timeouts::TwoDeadlines)
        .never("is silent"),
        Row::attached("answer-with-a-key-twice", |peer| {
            answer(
                peer,
                r#"{"type":"res","id":"wrong","id":"ID","ok":true,"ok":false,"error":{"code":"TWICE","message":"m"}}"#,
            )
        }),
        Row::attached("answer-with-proto", |peer| {
            details(peer, r#"{"__proto__":{"code":"A"},"constructor":{"prototype":1},"toString":"x"}"#)
        }),
        Row::attached("lone-surrogate", |peer| {
            answer(peer, r#"{"type":"res","id":"ID","ok":false,"error":{"code":"NO","message":"\ud800 alone"}}"#)
        })
        .error_or_deviates()
        .cost(Timeouts::TwoDeadlines)
        .never("is silent"),
        Row::attached("nul-in-a-text", |peer| {
            answer(peer, r#"{"type":"res","id":"ID","ok":false,"error":{"code":"NO","message":"a\u0000b"}}"#)
        })
        .drafts(),
        Row::attached("large-array-of-8-mb", |peer| snapshot(peer, &format!("[{}0]", "0,".repeat(4_000_000)))).any(),
        Row::attached("large-array-of-8-mb-in-an-error", |peer| {
            details(peer, &format!("[{}0]", "0,".repeat(4_000_000)))
        }),
        Row::attached("large-array", |peer| snapshot(peer, &format!("[{}0]", "0,".repeat(990_000)))).conforms(),
        Row::attached("large-array-in-an-error", |peer| details(peer, &format!("[{}0]", "0,".repeat(990_000)))),
        Row::attached("large-array-of-arrays", |peer| details(peer, &format!("[{}[]]", "[],".repeat(660_000)))),
        Row::attached("many-keys", |peer| {
            let keys: Vec<String> = (0..140_000).map(|at| format!("\"k{at}\":0")).collect();
            details(peer, &format!("{{{}}}", keys.join(",")))
        }),
        Row::attached("many-keys-in-hello", |peer| {
            let keys: Vec<String> = (0..140_000).map(|at| format!("\"k{at}\":0")).collect();
            snapshot(peer, &format!("{{{}}}", keys.join(",")))
        })
        .conforms(),
        Row::attached("many-keys-beside-the-payload", |peer| {
            let keys: Vec<String> = (0..140_000).map(|at| format!("\"k{at}\":0")).collect();
            answer(
                peer,
                &format!(
                    r#"{{"type":"res","id":"ID","ok":false,"error":{{"code":"NO","message":"no"}},{}}}"#,
                    keys.join(",")
                ),
            )
        }),
        Row::attached("many-empty-objects", |peer| details(peer, &format!("[{}{{}}]", "{},".repeat(660_000)))),
        Row::attached("key-of-2-mb", |peer| details(peer, &format!("{{\"{}\":1}}", "k".repeat(2_000_000)))),
        Row::attached("text-of-2-mb", |peer| details(peer, &format!("\"{}\"", "t ".repeat(990_000)))),
        Row::attached("text-of-escapes", |peer| details(peer, &format!("\"{}\"", "\\u001b".repeat(330_000)))),
        Row::attached("text-of-lines", |peer| details(peer, &format!("\"{}\"", "x\\n".repeat(660_000)))),
    ]
}
