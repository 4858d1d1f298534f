//! Readiness by HTTP: sends one request and reads only the status line of the response.

use super::probe_result::{LOOPBACK, ProbeResult};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// The maximum length of a status line.
const MAX_STATUS_LINE_BYTES: u64 = 1024;

/// Asks for a path once.
pub(super) async fn attempt(port: u16, path: &str, deadline: Instant) -> ProbeResult {
    match timeout_at(deadline, status_line(port, path)).await {
        Err(_) => ProbeResult::Unanswered("an HTTP request"),
        Ok(Err(_)) => ProbeResult::NotListening,
        Ok(Ok(line)) => result(path, &line),
    }
}

async fn status_line(port: u16, path: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect((LOOPBACK, port)).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {LOOPBACK}:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    let mut answered = stream.take(MAX_STATUS_LINE_BYTES);
    while !answer.contains(&b'\n') && answered.read_buf(&mut answer).await? > 0 {}
    Ok(answer)
}

fn result(path: &str, answer: &[u8]) -> ProbeResult {
    let text = String::from_utf8_lossy(answer);
    let line = text.lines().next().unwrap_or_default();
    let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1)?.parse::<u16>().ok());
    match status {
        Some(200..=299) => ProbeResult::Ready,
        // A server that is starting answers with status 503.
        Some(503) => ProbeResult::Starting(None),
        Some(status) => ProbeResult::Unexpected(format!("HTTP {status} for GET {path}")),
        None => ProbeResult::Unexpected(format!("no HTTP answer to GET {path}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("HTTP/1.1 200 OK\r\n", "Ready")]
    #[case("HTTP/1.0 204\r\n", "Ready")]
    #[case("HTTP/1.1 503 Service Unavailable\r\n", "Starting")]
    #[case("HTTP/1.1 404 Not Found\r\n", "HTTP 404 for GET /health")]
    #[case("SSH-2.0-x\r\n", "no HTTP answer")]
    #[case("", "no HTTP answer")]
    fn only_2xx_is_ready(#[case] answer: &str, #[case] says: &str) {
        let result = format!("{:?}", result("/health", answer.as_bytes()));
        assert!(result.contains(says), "{result}");
    }
}
