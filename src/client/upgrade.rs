//! The upgrade: an HTTP request with any contents, and its HTTP answer.

use super::link::{Link, Stream};
use super::transcript::{Direction, Recorder};
use crate::machine;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::ErrorKind;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use untrusted_data::limits::{UPGRADE_BODY_BYTES, UPGRADE_HEAD_BYTES};
use untrusted_data::printable::line;

/// The contents of an upgrade request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    /// The request target. Default: `/`.
    pub path: String,
    /// The `Host` header. Default: the address of the link.
    pub host: Option<String>,
    /// The `Origin` header. Absent by default, as in every client that is not a browser.
    pub origin: Option<String>,
    /// The `User-Agent` header. Absent by default.
    pub user_agent: Option<String>,
    /// Additional headers, in this order, with unchanged names.
    pub headers: Vec<(String, String)>,
}

impl Default for Upgrade {
    fn default() -> Self {
        Self { path: "/".to_owned(), host: None, origin: None, user_agent: None, headers: Vec::new() }
    }
}

/// The reason why a WebSocket could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Nothing listens at the address.
    #[error("connection to {0} refused")]
    Refused(String),
    /// The address is not reachable, or the name cannot be resolved.
    #[error("cannot reach {authority}: {reason}")]
    Unreachable {
        /// The address.
        authority: String,
        /// The message of the operating system.
        reason: String,
    },
    /// An HTTP answer other than 101.
    #[error("HTTP {status} instead of an upgrade{}: {}", to(location.as_deref()), line(body))]
    Status {
        /// The HTTP status.
        status: u16,
        /// The target of a redirect (`Location`).
        location: Option<String>,
        /// The first 4 KiB of the body.
        body: String,
    },
    /// A TLS record instead of an HTTP answer.
    #[error("it uses TLS, which clawcheck does not support")]
    Tls,
    /// The machine that runs clawcheck lacks a resource. This says nothing about the gateway.
    #[error("cannot connect: {0}")]
    Machine(&'static str),
    /// Data that is not an answer to an upgrade: not HTTP, or a 101 that violates RFC 6455.
    #[error("not a WebSocket answer: {0}")]
    NotWebSocket(String),
    /// The connection ended before an answer arrived.
    #[error("the connection was {} before the upgrade was answered", if *reset { "reset" } else { "closed" })]
    Ended {
        /// Whether it was reset (TCP RST) and not closed.
        reset: bool,
    },
    /// No answer arrived before the timeout.
    #[error("no answer to the upgrade before the timeout")]
    Deadline,
    /// The request cannot be written: a header or the path contains a line break.
    #[error("a line break in {0} cannot be sent")]
    Header(String),
}

fn to(location: Option<&str>) -> String {
    location.map(|location| format!(" (it redirects to {location:?})")).unwrap_or_default()
}

impl OpenError {
    /// A suggestion for the user who named the gateway's address and path, if the answer allows one. `path` is the
    /// requested path, and `named` states where it is written: `in the URL`.
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
                "start it without TLS (gateway.tls.enabled: false), or terminate TLS in front of it and use the ws:// address: \
                 `socat TCP-LISTEN:18790,bind=127.0.0.1,fork OPENSSL:HOST:PORT,verify=0`"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

/// Opens the transport of a link.
pub(super) async fn connect(link: Link) -> Result<Box<dyn Stream>, OpenError> {
    let authority = link.authority();
    let (host, port) = match link {
        Link::Pipe { stream, .. } => return Ok(stream),
        Link::Tcp { host, port } => (host, port),
    };
    match TcpStream::connect((host.as_str(), port)).await {
        Ok(stream) => {
            // Send small frames immediately: Nagle's algorithm and delayed acknowledgements would add 40 ms to a
            // handshake.
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

/// Requests the upgrade. Returns the bytes after the head of the answer: the beginning of frames.
pub(super) async fn ask(
    stream: &mut Box<dyn Stream>,
    upgrade: &Upgrade,
    authority: &str,
    recorder: &Recorder,
) -> Result<Vec<u8>, OpenError> {
    let key = websocket_key()?;
    let request = request_text(upgrade, authority, &key)?;
    recorder.record(Direction::Sent, &request);
    // A gateway can answer or disconnect before it has read everything. Its answer counts, not the write error.
    let written = stream.write_all(request.as_bytes()).await;
    let flushed = stream.flush().await;
    let mut buffer = Vec::with_capacity(1024);
    loop {
        if let Some(head) = parse_head(&buffer)? {
            recorder.record(Direction::Received, &String::from_utf8_lossy(&buffer[..head.length]));
            let rest = buffer.split_off(head.length);
            return if head.status == 101 {
                head.check(&key)?;
                Ok(rest)
            } else {
                let body = body(stream, rest, head.content_length).await;
                Err(OpenError::Status { status: head.status, location: head.location, body })
            };
        }
        if buffer.len() > UPGRADE_HEAD_BYTES {
            return Err(OpenError::NotWebSocket("the head of the HTTP response is longer than 64 KiB".to_owned()));
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
        .map_err(|error| OpenError::NotWebSocket(format!("cannot generate the WebSocket key: {error}")))?;
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

/// The head of an HTTP answer.
struct Head {
    length: usize,
    status: u16,
    upgrade: Option<String>,
    accept: Option<String>,
    location: Option<String>,
    content_length: Option<usize>,
}

impl Head {
    /// The checks that RFC 6455, 4.1 requires of a client before it accepts a 101.
    fn check(&self, key: &str) -> Result<(), OpenError> {
        let fault = |text: &str| Err(OpenError::NotWebSocket(text.to_owned()));
        if !self.upgrade.as_deref().is_some_and(|value| value.eq_ignore_ascii_case("websocket")) {
            return fault("HTTP 101 without `Upgrade: websocket`");
        }
        match &self.accept {
            None => fault("HTTP 101 without `Sec-WebSocket-Accept`"),
            Some(accept) if *accept != derive_accept_key(key.as_bytes()) => {
                fault("HTTP 101 with a wrong `Sec-WebSocket-Accept`")
            }
            Some(_) => Ok(()),
        }
    }
}

/// Returns `None` if the head is incomplete.
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

/// The kept part of a refusal's body: up to its length or the end of the connection.
async fn body(stream: &mut Box<dyn Stream>, mut bytes: Vec<u8>, length: Option<usize>) -> String {
    let wanted = length.unwrap_or(UPGRADE_BODY_BYTES).min(UPGRADE_BODY_BYTES);
    // Without a length, the body ends with the connection, and a gateway can delay that.
    let max_wait = tokio::time::Duration::from_secs(2);
    let _ = tokio::time::timeout(max_wait, async {
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

/// Describes bytes that are not HTTP.
fn foreign(bytes: &[u8]) -> OpenError {
    if is_tls(bytes) {
        return OpenError::Tls;
    }
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]);
    OpenError::NotWebSocket(format!("it begins with {text:?}"))
}

/// Whether the bytes begin like a TLS record: an alert or a handshake message, and the version (RFC 8446, 5.1).
fn is_tls(bytes: &[u8]) -> bool {
    matches!(bytes, [0x15 | 0x16, 0x03, ..])
}

/// The shortest TLS 1.2 request that a server must answer, even with a refusal (RFC 5246, 7.4.1.2): one cipher, no
/// extensions and no random data, because the connection is not used.
fn client_hello() -> Vec<u8> {
    let mut hello = vec![0x16, 0x03, 0x01, 0x00, 0x2d, 0x01, 0x00, 0x00, 0x29, 0x03, 0x03];
    hello.extend([0x2a; 32]);
    hello.extend([0x00, 0x00, 0x02, 0xc0, 0x2f, 0x01, 0x00]);
    hello
}

/// Whether a server speaks TLS. Such a server can disconnect on plain HTTP without an answer, so the probe is a TLS
/// request.
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
    async fn distinguishes_answers() {
        let refused = answered(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nnoway").await;
        assert_eq!(refused, Err(OpenError::Status { status: 401, location: None, body: "no".to_owned() }));
        let moved = answered(b"HTTP/1.1 308 Moved\r\nlocation: /ws\r\nContent-Length: 0\r\n\r\n").await.unwrap_err();
        assert!(moved.to_string().contains(r#"it redirects to "/ws""#) && moved.advice("/", "").is_some(), "{moved}");
        // OpenSSL's answer to plain HTTP: an alert.
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
    fn tls_client_hello_lengths() {
        let hello = client_hello();
        assert_eq!((hello.len() - 5, hello.len() - 9), (usize::from(hello[4]), usize::from(hello[8])));
    }

    #[test]
    fn advice_for_each_response() {
        let status = |status| OpenError::Status { status, location: None, body: String::new() };
        let advice = status(404).advice("/ws", "in the URL").unwrap();
        assert!(advice.contains("is the path correct?") && advice.contains("`/ws`") && advice.contains("in the URL"));
        assert_eq!(status(503).advice("/", "in the URL"), None);
        assert!(OpenError::Tls.advice("/", "").unwrap().contains("ws://"));
    }

    #[test]
    fn rejects_line_break_in_header() {
        let upgrade = Upgrade { headers: vec![("X".into(), "a\r\nY: b".into())], ..Upgrade::default() };
        assert!(matches!(request_text(&upgrade, "h", "k"), Err(OpenError::Header(_))));
    }
}
