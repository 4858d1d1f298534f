//! The upgrade: an HTTP request that may say anything, and the HTTP answer to it.

use super::link::{Link, Stream};
use super::transcript::{Direction, EntryKind, Recorder};
use crate::machine;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::ErrorKind;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use untrusted_data::printable::line;

/// The most an answer's head may take, in bytes.
const HEAD_BYTES: usize = 64 * 1024;
/// How much of a refusal's body is kept, in bytes.
const BODY_BYTES: usize = 4 * 1024;

/// What an upgrade request says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    /// The request target, `/`.
    pub path: String,
    /// `Host`; by default the link's own address.
    pub host: Option<String>,
    /// `Origin`; absent by default, as for every client that is no browser.
    pub origin: Option<String>,
    /// `User-Agent`; absent by default.
    pub user_agent: Option<String>,
    /// More headers, in this order, names as they are.
    pub headers: Vec<(String, String)>,
}

impl Default for Upgrade {
    fn default() -> Self {
        Self { path: "/".to_owned(), host: None, origin: None, user_agent: None, headers: Vec::new() }
    }
}

/// Why no WebSocket came to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Nobody listens there.
    #[error("connection to {0} refused")]
    Refused(String),
    /// The address cannot be reached or the name not resolved.
    #[error("cannot reach {authority}: {reason}")]
    Unreachable {
        /// The address.
        authority: String,
        /// The operating system's words.
        reason: String,
    },
    /// An HTTP answer other than 101.
    #[error("HTTP {status} instead of an upgrade{}: {}", to(location.as_deref()), line(body))]
    Status {
        /// The status.
        status: u16,
        /// Where it sends the client (`Location`).
        location: Option<String>,
        /// The first 4 KiB of the body.
        body: String,
    },
    /// A TLS record in the place of an HTTP answer.
    #[error("it uses TLS, which clawcheck does not support")]
    Tls,
    /// The machine that clawcheck runs on has run out of something: this says nothing about the gateway.
    #[error("cannot connect: {0}")]
    Machine(&'static str),
    /// Something that is no answer to an upgrade: no HTTP, or a 101 that breaks RFC 6455.
    #[error("not a WebSocket answer: {0}")]
    NotWebSocket(String),
    /// The connection ended before an answer came.
    #[error("the connection was {} before the upgrade was answered", if *reset { "reset" } else { "closed" })]
    Ended {
        /// Reset (TCP RST) rather than closed.
        reset: bool,
    },
    /// No answer until the deadline.
    #[error("no answer to the upgrade until the deadline")]
    Deadline,
    /// The request itself cannot be written: a line break in a header or in the path.
    #[error("a line break in {0} cannot be sent")]
    Header(String),
}

fn to(location: Option<&str>) -> String {
    location.map(|location| format!(" (it redirects to {location:?})")).unwrap_or_default()
}

impl OpenError {
    /// What somebody who has named the gateway's address and path can look at, where the answer tells. `path` is the one that
    /// was asked for; `named` says where it is written: `in the URL`.
    pub fn advice(&self, path: &str, named: &str) -> Option<String> {
        let is_path_right =
            || format!("is the path correct? clawcheck requested `{path}`; you can set the path {named}");
        match self {
            Self::Status { status: 301 | 302 | 303 | 307 | 308, location: Some(_), .. } => {
                Some("use the address that it redirects to; clawcheck does not follow redirects".to_owned())
            }
            Self::Status { status: 400, body, .. } if body.contains("HTTPS") => Self::Tls.advice(path, named),
            Self::Status { status: 400 | 403 | 404 | 405 | 426, .. } => Some(is_path_right()),
            Self::Status { status: 200..=299, .. } => {
                Some(format!("it answers like a web server; {}", is_path_right()))
            }
            Self::Tls => Some(
                "start it without TLS (gateway.tls.enabled: false), or end the TLS in front of it, and name the ws:// address: \
                 `socat TCP-LISTEN:18790,bind=127.0.0.1,fork OPENSSL:HOST:PORT,verify=0`"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

/// Connects a link.
pub(super) async fn connect(link: Link) -> Result<Box<dyn Stream>, OpenError> {
    let authority = link.authority();
    let (host, port) = match link {
        Link::Pipe { stream, .. } => return Ok(stream),
        Link::Tcp { host, port } => (host, port),
    };
    match TcpStream::connect((host.as_str(), port)).await {
        Ok(stream) => {
            // Small frames go out at once: otherwise Nagle and delayed acknowledgements add 40 ms to a handshake.
            let _ = stream.set_nodelay(true);
            Ok(Box::new(stream))
        }
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Err(OpenError::Refused(authority)),
        Err(error) => Err(match machine::shortage(&error) {
            Some(why) => OpenError::Machine(why),
            None => OpenError::Unreachable { authority, reason: error.to_string() },
        }),
    }
}

/// Asks for the upgrade. Returns what came after the answer's head: the first bytes of frames.
pub(super) async fn ask(
    stream: &mut Box<dyn Stream>,
    upgrade: &Upgrade,
    authority: &str,
    recorder: &Recorder,
) -> Result<Vec<u8>, OpenError> {
    let key = websocket_key()?;
    let request = request_text(upgrade, authority, &key)?;
    recorder.record(Direction::Sent, EntryKind::Http, &request);
    // A gateway may answer, or hang up, before it has read everything: its answer counts, not our failure to write.
    let written = stream.write_all(request.as_bytes()).await;
    let flushed = stream.flush().await;
    let mut buffer = Vec::with_capacity(1024);
    loop {
        if let Some(head) = parse_head(&buffer)? {
            recorder.record(Direction::Received, EntryKind::Http, &String::from_utf8_lossy(&buffer[..head.length]));
            let rest = buffer.split_off(head.length);
            return if head.status == 101 {
                head.check(&key)?;
                Ok(rest)
            } else {
                let body = body(stream, rest, head.content_length).await;
                Err(OpenError::Status { status: head.status, location: head.location, body })
            };
        }
        if buffer.len() > HEAD_BYTES {
            return Err(OpenError::NotWebSocket("the answer's head is longer than 64 KiB".to_owned()));
        }
        match stream.read_buf(&mut buffer).await {
            Ok(0) if buffer.is_empty() => return Err(OpenError::Ended { reset: written.is_err() || flushed.is_err() }),
            Ok(0) => return Err(foreign(&buffer)),
            Ok(_) => {}
            Err(_) => return Err(OpenError::Ended { reset: true }),
        }
    }
}

fn websocket_key() -> Result<String, OpenError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| OpenError::NotWebSocket(format!("no randomness for the key: {error}")))?;
    Ok(STANDARD.encode(bytes))
}

fn request_text(upgrade: &Upgrade, authority: &str, key: &str) -> Result<String, OpenError> {
    let mut lines = vec![
        ("Host", upgrade.host.as_deref().unwrap_or(authority)),
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", key),
    ];
    lines.extend(upgrade.origin.as_deref().map(|origin| ("Origin", origin)));
    lines.extend(upgrade.user_agent.as_deref().map(|agent| ("User-Agent", agent)));
    lines.extend(upgrade.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let broken = |text: &str| text.contains(['\r', '\n', '\0']);
    if broken(&upgrade.path) || upgrade.path.contains(' ') {
        return Err(OpenError::Header("the path".to_owned()));
    }
    let mut text = format!("GET {} HTTP/1.1\r\n", upgrade.path);
    for (name, value) in lines {
        if broken(name) || broken(value) {
            return Err(OpenError::Header(format!("header {name:?}")));
        }
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    Ok(text)
}

/// The head of an answer.
struct Head {
    length: usize,
    status: u16,
    upgrade: Option<String>,
    accept: Option<String>,
    location: Option<String>,
    content_length: Option<usize>,
}

impl Head {
    /// RFC 6455 4.1: what a client must check before it takes a 101 for an upgrade.
    fn check(&self, key: &str) -> Result<(), OpenError> {
        let fault = |text: &str| Err(OpenError::NotWebSocket(text.to_owned()));
        if !self.upgrade.as_deref().is_some_and(|value| value.eq_ignore_ascii_case("websocket")) {
            return fault("101 without `Upgrade: websocket`");
        }
        match &self.accept {
            None => fault("101 without `Sec-WebSocket-Accept`"),
            Some(accept) if *accept != derive_accept_key(key.as_bytes()) => {
                fault("101 with a wrong `Sec-WebSocket-Accept`")
            }
            Some(_) => Ok(()),
        }
    }
}

/// `None` while the head is not complete.
fn parse_head(buffer: &[u8]) -> Result<Option<Head>, OpenError> {
    let mut headers = [httparse::EMPTY_HEADER; 128];
    let mut response = httparse::Response::new(&mut headers);
    let length = match response.parse(buffer) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(foreign(buffer)),
    };
    let value = |name: &str| {
        let header = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
        Some(String::from_utf8_lossy(header.value).trim().to_owned())
    };
    Ok(Some(Head {
        length,
        status: response.code.unwrap_or_default(),
        upgrade: value("upgrade"),
        accept: value("sec-websocket-accept"),
        location: value("location"),
        content_length: value("content-length").and_then(|text| text.parse().ok()),
    }))
}

/// The body of a refusal, as far as it is kept: up to its length, or to the end of the connection.
async fn body(stream: &mut Box<dyn Stream>, mut bytes: Vec<u8>, length: Option<usize>) -> String {
    let wanted = length.unwrap_or(BODY_BYTES).min(BODY_BYTES);
    // Without a length the end of the connection is the end of the body, and a gateway may keep that back for long.
    let patience = tokio::time::Duration::from_secs(2);
    let _ = tokio::time::timeout(patience, async {
        while bytes.len() < wanted {
            if !matches!(stream.read_buf(&mut bytes).await, Ok(read) if read > 0) {
                break;
            }
        }
    })
    .await;
    bytes.truncate(wanted);
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

/// What is no HTTP at all.
fn foreign(bytes: &[u8]) -> OpenError {
    if is_tls(bytes) {
        return OpenError::Tls;
    }
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]);
    OpenError::NotWebSocket(format!("it begins {text:?}"))
}

/// Whether this begins as a TLS record does: an alert or a handshake message, and the version (RFC 8446, 5.1).
fn is_tls(bytes: &[u8]) -> bool {
    matches!(bytes, [0x15 | 0x16, 0x03, ..])
}

/// The shortest request for TLS 1.2 that a server has to answer, be it with a refusal (RFC 5246, 7.4.1.2): one cipher, no
/// extensions, and nothing random, for nothing is to come of it.
fn client_hello() -> Vec<u8> {
    let mut hello = vec![0x16, 0x03, 0x01, 0x00, 0x2d, 0x01, 0x00, 0x00, 0x29, 0x03, 0x03];
    hello.extend([0x2a; 32]);
    hello.extend([0x00, 0x00, 0x02, 0xc0, 0x2f, 0x01, 0x00]);
    hello
}

/// Whether TLS is spoken there. A server that speaks it may hang up on plain HTTP without a word: it is asked in its own
/// language.
pub(super) async fn speaks_tls(link: Link, deadline: Instant) -> bool {
    let asking = async {
        let mut stream = connect(link).await.ok()?;
        stream.write_all(&client_hello()).await.ok()?;
        stream.flush().await.ok()?;
        let mut answer = [0; 2];
        stream.read_exact(&mut answer).await.ok()?;
        Some(is_tls(&answer))
    };
    timeout_at(deadline, asking).await.ok().flatten().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Transcript;

    async fn answered(answer: &'static [u8]) -> Result<Vec<u8>, OpenError> {
        let (ours, mut theirs) = tokio::io::duplex(4096);
        let gateway = tokio::spawn(async move {
            let mut request = [0_u8; 16];
            theirs.read_exact(&mut request).await.unwrap();
            theirs.write_all(answer).await.unwrap();
        });
        let mut stream: Box<dyn Stream> = Box::new(ours);
        let recorder = Transcript::new().recorder("a");
        let result = ask(&mut stream, &Upgrade::default(), "h:1", &recorder).await;
        gateway.await.unwrap();
        result
    }

    #[tokio::test]
    async fn tells_answers_apart() {
        let refused = answered(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nnoway").await;
        assert_eq!(refused, Err(OpenError::Status { status: 401, location: None, body: "no".to_owned() }));
        let moved = answered(b"HTTP/1.1 308 Moved\r\nlocation: /ws\r\nContent-Length: 0\r\n\r\n").await.unwrap_err();
        assert!(moved.to_string().contains(r#"it redirects to "/ws""#) && moved.advice("/", "").is_some(), "{moved}");
        // What OpenSSL says to plain HTTP: an alert.
        assert_eq!(answered(b"\x15\x03\x01\x00\x02\x02\x46").await, Err(OpenError::Tls));
        let other = answered(b"SSH-2.0-OpenSSH_9.6\r\n").await;
        assert!(matches!(other, Err(OpenError::NotWebSocket(text)) if text.contains("SSH-2.0")));
        let cut = answered(b"HTTP/1.1 101 Swit").await;
        assert!(matches!(cut, Err(OpenError::NotWebSocket(_))));
        assert_eq!(answered(b"").await, Err(OpenError::Ended { reset: false }));
        let forged = answered(b"HTTP/1.1 101 ok\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: wrong\r\n\r\n").await;
        assert!(matches!(forged, Err(OpenError::NotWebSocket(text)) if text.contains("wrong")));
    }

    #[test]
    fn the_greeting_of_tls_has_the_lengths_that_it_says() {
        let hello = client_hello();
        assert_eq!((hello.len() - 5, hello.len() - 9), (usize::from(hello[4]), usize::from(hello[8])));
    }

    #[test]
    fn what_can_be_looked_at_is_said() {
        let status = |status| OpenError::Status { status, location: None, body: String::new() };
        let advice = status(404).advice("/ws", "in the URL").unwrap();
        assert!(advice.contains("is the path correct?") && advice.contains("`/ws`") && advice.contains("in the URL"));
        assert_eq!(status(503).advice("/", "in the URL"), None);
        assert!(OpenError::Tls.advice("/", "").unwrap().contains("ws://"));
    }

    #[test]
    fn a_line_break_cannot_smuggle_a_header() {
        let upgrade = Upgrade { headers: vec![("X".into(), "a\r\nY: b".into())], ..Upgrade::default() };
        assert!(matches!(request_text(&upgrade, "h", "k"), Err(OpenError::Header(_))));
    }
}
