//! HTTP before the WebSocket: one request head, and either the upgrade or a short answer.
//!
//! In the release, the parser of Node.js and npm `ws` decide what is accepted, refused and merged. This file does the
//! same.

use std::fmt::Write as _;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Maximum length of a request head. Node.js answers a longer one with 431.
pub(super) const MAX_HEAD: usize = 16 * 1024;
const MAX_HEADERS: usize = 200;

/// A request head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    /// The unchanged path and query.
    pub(super) target: String,
    /// Headers with lower-case names, in the order of their first occurrence. Repetitions are merged as in Node.js.
    pub(super) headers: Vec<(String, String)>,
}

/// The beginning of a connection's bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// More bytes are needed.
    Partial,
    /// A complete head, and its length in bytes.
    Whole(Request, usize),
    /// Data that is not HTTP or is too long.
    Refused(Refusal),
}

/// The answer to a request that is no upgrade.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// What is wrong with the request, for people.
    pub(super) why: &'static str,
    /// The complete answer.
    pub(super) answer: Vec<u8>,
}

/// Reads a request head.
pub(super) fn read_head(bytes: &[u8]) -> Head {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => Head::Whole(whole(&request), length),
        Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD => Head::Partial,
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            Head::Refused(unread(431, "the head of the request is too long, or has too many headers"))
        }
        Err(_) => Head::Refused(unread(400, "the request is not HTTP/1.1")),
    }
}

fn unread(status: u16, why: &'static str) -> Refusal {
    let answer = format!("HTTP/1.1 {status} {}\r\nConnection: close\r\n\r\n", phrase(status));
    Refusal { status, why, answer: answer.into_bytes() }
}

fn whole(request: &httparse::Request<'_, '_>) -> Request {
    let mut headers = Vec::new();
    for header in request.headers.iter() {
        merge(&mut headers, header.name.to_ascii_lowercase(), latin1(header.value));
    }
    let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
    Request { method: text(request.method), target: text(request.path), headers }
}

/// Node.js reads header values as Latin-1, one character per byte.
fn latin1(value: &[u8]) -> String {
    value.iter().map(|byte| char::from(*byte)).collect::<String>().trim().to_owned()
}

/// If one of these headers is repeated, only the first counts. All others are joined (`node:http`, `message.headers`).
const FIRST_COUNTS: [&str; 17] = [
    "age",
    "authorization",
    "content-length",
    "content-type",
    "etag",
    "expires",
    "from",
    "host",
    "if-modified-since",
    "if-unmodified-since",
    "last-modified",
    "location",
    "max-forwards",
    "proxy-authorization",
    "referer",
    "retry-after",
    "user-agent",
];

fn merge(headers: &mut Vec<(String, String)>, name: String, value: String) {
    match headers.iter_mut().find(|(known, _)| *known == name) {
        None => headers.push((name, value)),
        Some(_) if FIRST_COUNTS.contains(&name.as_str()) => {}
        Some((_, merged)) => {
            merged.push_str(if name == "cookie" { "; " } else { ", " });
            merged.push_str(&value);
        }
    }
}

impl Request {
    /// A header's value, by its lower-case name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The path without the query.
    pub(super) fn path(&self) -> &str {
        self.target.split(['?', '#']).next().unwrap_or_default()
    }

    /// The token of `Authorization: Bearer`.
    pub(super) fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
    }

    /// Whether Node.js would pass this request to the upgrade handler: it has an `Upgrade` header that `Connection`
    /// names.
    pub(super) fn wants_upgrade(&self) -> bool {
        let connection = self.header("connection").unwrap_or_default();
        self.header("upgrade").is_some()
            && connection.split(',').any(|token| token.trim().eq_ignore_ascii_case("upgrade"))
    }

    /// The answer to an upgrade, which accepts or refuses it. The checks have the order of `ws`.
    pub(super) fn upgrade(&self) -> Result<Vec<u8>, Refusal> {
        if self.method != "GET" {
            return Err(abort(405, "Invalid HTTP method", ""));
        }
        if !self.header("upgrade").is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket")) {
            return Err(abort(400, "Invalid Upgrade header", ""));
        }
        let key = self.header("sec-websocket-key").filter(|key| is_key(key));
        let Some(key) = key else {
            return Err(abort(400, "Missing or invalid Sec-WebSocket-Key header", ""));
        };
        if !matches!(self.header("sec-websocket-version"), Some("13" | "8")) {
            let versions = "Sec-WebSocket-Version: 13, 8\r\n";
            return Err(abort(400, "Missing or invalid Sec-WebSocket-Version header", versions));
        }
        let mut answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n",
            derive_accept_key(key.as_bytes())
        );
        if let Some(protocols) = self.header("sec-websocket-protocol") {
            let protocols: Vec<&str> = protocols.split(',').map(str::trim).collect();
            if !protocols.iter().all(|protocol| is_token(protocol)) {
                return Err(abort(400, "Invalid Sec-WebSocket-Protocol header", ""));
            }
            let _ = write!(answer, "Sec-WebSocket-Protocol: {}\r\n", protocols.first().unwrap_or(&""));
        }
        answer.push_str("\r\n");
        Ok(answer.into_bytes())
    }
}

/// Whether the text is sixteen bytes in base64.
fn is_key(key: &str) -> bool {
    key.len() == 24
        && key.ends_with("==")
        && key[..22].bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// A refused upgrade in the form of `ws`.
fn abort(status: u16, message: &'static str, headers: &str) -> Refusal {
    let answer = format!(
        "HTTP/1.1 {status} {}\r\nConnection: close\r\nContent-Type: text/html\r\nContent-Length: {}\r\n{headers}\r\n{message}",
        phrase(status),
        message.len()
    );
    Refusal { status, why: message, answer: answer.into_bytes() }
}

/// A refused upgrade in the form of the gateway (`attachGatewayUpgradeHandler`).
pub(super) fn refusal(status: u16, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} {}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\r\n{body}",
        phrase(status),
        body.len()
    )
    .into_bytes()
}

/// The answer to a request that is not an upgrade: the probes of `server-http.ts`, and 404 for everything else. The
/// Control UI's pages and the gateway's HTTP APIs are not served. Only clients that may see details see the uptime.
pub(super) fn plain(request: &Request, shown_uptime_ms: Option<u128>) -> Vec<u8> {
    let body = match request.path() {
        "/health" | "/healthz" => r#"{"ok":true,"status":"live"}"#.to_owned(),
        "/ready" | "/readyz" => match shown_uptime_ms {
            Some(uptime) => format!(r#"{{"ready":true,"failing":[],"uptimeMs":{uptime}}}"#),
            None => r#"{"ready":true}"#.to_owned(),
        },
        _ => return response(request, 404, "Content-Type: text/plain; charset=utf-8\r\n", "Not Found"),
    };
    if matches!(request.method.as_str(), "GET" | "HEAD") {
        let headers = "Content-Type: application/json; charset=utf-8\r\nCache-Control: no-store\r\n";
        response(request, 200, headers, &body)
    } else {
        let headers = "Allow: GET, HEAD\r\nContent-Type: text/plain; charset=utf-8\r\n";
        response(request, 405, headers, "Method Not Allowed")
    }
}

fn response(request: &Request, status: u16, headers: &str, body: &str) -> Vec<u8> {
    let shown = if request.method == "HEAD" { "" } else { body };
    format!(
        "HTTP/1.1 {status} {}\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\
         Permissions-Policy: camera=(), microphone=(), geolocation=()\r\n{headers}Content-Length: {}\r\n\
         Connection: close\r\n\r\n{shown}",
        phrase(status),
        shown.len()
    )
    .into_bytes()
}

fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const UPGRADE: &str = "Host: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

    fn request(start: &str, headers: &str) -> Request {
        match read_head(format!("{start} HTTP/1.1\r\n{headers}\r\n").as_bytes()) {
            Head::Whole(request, _) => request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn upgrades_on_any_path() {
        let request = request("GET /deep/path?x=1", UPGRADE);
        assert!(request.wants_upgrade());
        let answer = String::from_utf8(request.upgrade().unwrap()).unwrap();
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        assert!(answer.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{answer}");
    }

    #[rstest]
    #[case("POST /", UPGRADE.to_owned(), "HTTP/1.1 405 ", "Invalid HTTP method")]
    #[case("GET /", UPGRADE.replace("WebSocket\r\n", "h2c\r\n"), "HTTP/1.1 400 ", "Invalid Upgrade header")]
    #[case("GET /", UPGRADE.replace("ZQ==", "ZQ="), "HTTP/1.1 400 ", "Sec-WebSocket-Key")]
    #[case("GET /", UPGRADE.replace("Version: 13", "Version: 7"), "HTTP/1.1 400 ", "Sec-WebSocket-Version: 13, 8")]
    fn refused_upgrades(#[case] start: &str, #[case] headers: String, #[case] status: &str, #[case] says: &str) {
        let refusal = request(start, &headers).upgrade().unwrap_err();
        let answer = String::from_utf8(refusal.answer).unwrap();
        assert!(status.contains(&refusal.status.to_string()) && answer.contains(refusal.why), "{answer}");
        assert!(answer.starts_with(status) && answer.contains(says), "{answer}");
    }

    #[test]
    fn merges_repeated_headers_like_node() {
        let request =
            request("GET /", "Host: a\r\nX-Forwarded-For: 1.1.1.1\r\nHOST: b\r\nx-forwarded-for: 2.2.2.2\r\n");
        assert_eq!(request.header("host"), Some("a"));
        assert_eq!(request.header("x-forwarded-for"), Some("1.1.1.1, 2.2.2.2"));
    }

    #[rstest]
    #[case("GET /healthz", "200 OK", r#"{"ok":true,"status":"live"}"#)]
    #[case("GET /readyz?verbose", "200 OK", r#"{"ready":true,"failing":[],"uptimeMs":5}"#)]
    #[case("HEAD /health", "200 OK", "Content-Length: 0")]
    #[case("POST /health", "405 Method Not Allowed", "Allow: GET, HEAD")]
    #[case("GET /", "404 Not Found", "Not Found")]
    fn plain_requests(#[case] start: &str, #[case] status: &str, #[case] says: &str) {
        let answer = String::from_utf8(plain(&request(start, "Host: a\r\n"), Some(5))).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")) && answer.contains(says), "{answer}");
    }

    #[test]
    fn readiness_without_details() {
        let answer = String::from_utf8(plain(&request("GET /ready", "Host: a\r\n"), None)).unwrap();
        assert!(answer.ends_with("\r\n\r\n{\"ready\":true}"), "{answer}");
    }

    #[rstest]
    #[case("Authorization: Bearer  abc ", Some("abc"))]
    #[case("authorization: bearer abc", Some("abc"))]
    #[case("Authorization: Basic abc", None)]
    #[case("Authorization: Bearer", None)]
    fn bearer_tokens(#[case] header: &str, #[case] token: Option<&str>) {
        assert_eq!(request("GET /", &format!("{header}\r\n")).bearer(), token);
    }

    #[test]
    fn rejects_invalid_and_endless_heads() {
        assert!(
            matches!(read_head(b"\x16\x03\x01\x02\x00"), Head::Refused(refusal) if refusal.answer.starts_with(b"HTTP/1.1 400 "))
        );
        assert_eq!(read_head(b"GET / HTTP/1.1\r\nA: "), Head::Partial);
        let endless = format!("GET / HTTP/1.1\r\nA: {}", "x".repeat(MAX_HEAD));
        assert!(
            matches!(read_head(endless.as_bytes()), Head::Refused(refusal) if refusal.answer.starts_with(b"HTTP/1.1 431 "))
        );
    }
}
