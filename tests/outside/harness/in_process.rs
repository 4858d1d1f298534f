//! A gateway in this process that answers with given frames.

use super::hostile::SERVE;
use super::{TOKEN, TestFolder};
use serde_json::Value;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Message, accept};

/// A gateway in this process that answers each request with the frames that `answer` makes from its id.
pub(crate) fn sending(answer: impl Fn(&str) -> Vec<String> + Send + Sync + 'static) -> String {
    answering(move |id, _| answer(id))
}

/// A gateway in this process that answers each request with the frames that `answer` makes from its id and the whole request.
pub(crate) fn answering(answer: impl Fn(&str, &Value) -> Vec<String> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    // The thread ends with the test process.
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || converse(stream, &*answer));
        }
    });
    url
}

/// Sends a challenge, then the answer to each request. Closes the connection after a refusal. `None`: the client has
/// disconnected.
pub(crate) fn converse(stream: TcpStream, answer: &dyn Fn(&str, &Value) -> Vec<String>) -> Option<()> {
    let mut socket = accept(stream).ok()?;
    let challenge = r#"{"type":"event","event":"connect.challenge","payload":{"nonce":"n","ts":1775000000000}}"#;
    socket.send(Message::text(challenge)).ok()?;
    loop {
        let message = socket.read().ok()?;
        let Message::Text(text) = message else { continue };
        let request: Value = serde_json::from_str(&text).ok()?;
        let frames = answer(request["id"].as_str()?, &request);
        let is_refused = frames.last().is_some_and(|frame| frame.contains(r#""ok":false"#));
        for frame in frames {
            socket.send(Message::text(frame)).ok()?;
        }
        if is_refused {
            socket.close(Some(CloseFrame { code: 1008.into(), reason: "no".into() })).ok()?;
        }
    }
}

pub(crate) fn ok(id: &str, payload: &str) -> String {
    format!(r#"{{"type":"res","id":"{id}","ok":true,"payload":{payload}}}"#)
}

/// A refusal whose long part comes before its reason.
pub(crate) fn refused(id: &str, details: &str, message: &str) -> String {
    format!(
        r#"{{"error":{{"details":{details},"message":"{message}","code":"NOT_PAIRED"}},"type":"res","id":"{id}","ok":false}}"#
    )
}

pub(crate) fn hello(id: &str, more: &str) -> String {
    let auth = r#""auth":{"role":"operator","scopes":["operator.read"]}"#;
    ok(id, &format!(r#"{{"type":"hello-ok","snapshot":{{{more}}},"features":{{{more}}},{auth},"protocol":3,{more}}}"#))
}

/// A gateway in this process that lets every client with [`TOKEN`] in. It pairs no device, issues no token, and has no other
/// method than `connect`.
pub(crate) fn without_pairing() -> String {
    answering(|id, request| {
        let token = request.pointer("/params/auth/token").and_then(Value::as_str);
        let no = |details, message| vec![refused(id, details, message).replace("NOT_PAIRED", "INVALID_REQUEST")];
        match (request["method"].as_str(), token) {
            (Some("connect"), Some(TOKEN)) => vec![hello(id, r#""server":{"version":"2026.4.2"}"#)],
            (Some("connect"), None) => no(r#"{"code":"AUTH_TOKEN_MISSING"}"#, "no token"),
            (Some("connect"), Some(_)) => no(r#"{"code":"AUTH_TOKEN_MISMATCH"}"#, "another token"),
            _ => no("{}", "unknown method"),
        }
    })
}

/// The description of a gateway whose program forwards every connection to a port of this process.
pub(crate) fn stand_in(test_folder: &TestFolder, url: &str) -> String {
    let (program, port) = (std::env::current_exe().unwrap(), url.rsplit(':').next().unwrap());
    let description = format!(
        "gateway: stand-in\nabout: A stand-in.\nclaims: 2026.4.2\ncommand: {}\n\
         args: [\"{SERVE}\", --exact, --nocapture]\n\
         env: {{ HOSTILE: \"forward {port}\", PORT: \"{{port}}\" }}\n",
        program.display()
    );
    write_description(test_folder, &description)
}

/// Writes the description of a gateway. Returns its path.
pub(crate) fn write_description(test_folder: &TestFolder, description: &str) -> String {
    std::fs::write(test_folder.path("gateway.yaml"), description).unwrap();
    test_folder.path("gateway.yaml").display().to_string()
}
