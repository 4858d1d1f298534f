//! The proxy: it forwards the bytes of both directions and records them.

use super::frames::Frames;
use super::recording::{Event, Head, Recording};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The maximum number of connections at the same time.
const MAX_CONNECTIONS: usize = 256;
/// The maximum size of the head of a request or an answer, in bytes, and its maximum number of headers.
const MAX_HEAD_BYTES: usize = 64 << 10;
const MAX_HEADERS: usize = 128;
/// The maximum time for the head of a request, for the connection to the gateway, and for its answer.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// The maximum time until the proxy accepts connections again after an error.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);
/// The size of one read.
const READ: usize = 16 << 10;
/// The answers if the limit of connections is reached, and if the gateway is not reachable.
const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const NO_GATEWAY: &str = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
/// The header that the proxy removes, because it cannot read compressed messages.
const EXTENSIONS: &str = "sec-websocket-extensions";

/// Accepts connections until the future is dropped. Dropping it ends all connections.
pub(super) async fn serve(listener: TcpListener, upstream: (String, u16), recording: Arc<Recording>) {
    let mut connections = JoinSet::new();
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((client, _)) = accepted else {
            // For example, the process has too many open files. They become fewer when a connection ends.
            let _ = timeout(ACCEPT_PAUSE, connections.join_next()).await;
            if connections.is_empty() {
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
            continue;
        };
        let (upstream, recording) = (upstream.clone(), Arc::clone(&recording));
        match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => {
                connections.spawn(async move {
                    // A broken connection ends like any other. The messages before the end are recorded.
                    let _ = relay(client, &upstream, &recording).await;
                    drop(place);
                });
            }
            Err(_) => {
                recording.refused_connection();
                let mut client = client;
                let _ = client.try_write(BUSY.as_bytes());
                let _ = client.shutdown().await;
            }
        }
    }
}

async fn relay(mut client: TcpStream, upstream: &(String, u16), recording: &Recording) -> io::Result<()> {
    let _ = client.set_nodelay(true);
    let Some((head, rest)) = timeout(HEAD_TIMEOUT, read_head(&mut client)).await?? else { return Ok(()) };
    let request = request(&head);
    let mut gateway = match connect(upstream).await {
        Ok(gateway) => gateway,
        Err(error) => {
            recording.unreachable(error.to_string());
            return client.write_all(NO_GATEWAY.as_bytes()).await;
        }
    };
    gateway.write_all(&without_extensions(&head)).await?;
    gateway.write_all(&rest).await?;
    let Some(request) = request else {
        recording.other_request();
        tokio::io::copy_bidirectional(&mut client, &mut gateway).await?;
        return Ok(());
    };
    let connection = recording.connection();
    let Some((answer, after)) = timeout(HEAD_TIMEOUT, read_head(&mut gateway)).await?? else {
        recording.add(connection, Event::NotOpened(request, 0));
        return Ok(());
    };
    let status = status(&answer);
    let opened = status == 101;
    recording.add(connection, if opened { Event::Opened(request) } else { Event::NotOpened(request, status) });
    client.write_all(&answer).await?;
    client.write_all(&after).await?;
    if !opened {
        tokio::io::copy_bidirectional(&mut client, &mut gateway).await?;
        return Ok(());
    }
    let (from_client, to_client) = client.into_split();
    let (from_gateway, to_gateway) = gateway.into_split();
    let mut gateway_frames = Frames::default();
    for message in gateway_frames.take(&after) {
        recording.add(connection, Event::FromGateway(message));
    }
    let mut client_frames = Frames::default();
    for message in client_frames.take(&rest) {
        recording.add(connection, Event::FromClient(message));
    }
    let up =
        pass(from_client, to_gateway, client_frames, |message| recording.add(connection, Event::FromClient(message)));
    let down =
        pass(from_gateway, to_client, gateway_frames, |message| recording.add(connection, Event::FromGateway(message)));
    tokio::pin!(up, down);
    // If one direction ends, the other direction also ends, because a WebSocket needs both. The proxy still forwards
    // the close frame of the other side.
    tokio::select! {
        _ = &mut up => {
            recording.add(connection, Event::ClientEnded);
            let _ = timeout(Duration::from_secs(1), &mut down).await;
        }
        _ = &mut down => {
            recording.add(connection, Event::GatewayEnded);
            let _ = timeout(Duration::from_secs(1), &mut up).await;
        }
    }
    Ok(())
}

async fn connect((host, port): &(String, u16)) -> io::Result<TcpStream> {
    let gateway = timeout(HEAD_TIMEOUT, TcpStream::connect((host.as_str(), *port))).await??;
    let _ = gateway.set_nodelay(true);
    Ok(gateway)
}

/// Forwards bytes until the end of the stream.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut frames: Frames,
    mut seen: impl FnMut(super::frames::Message),
) -> io::Result<()> {
    let mut buffer = vec![0; READ];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        // Record the bytes before forwarding them, so that a request always comes before its answer.
        frames.take(&buffer[..read]).into_iter().for_each(&mut seen);
        to.write_all(&buffer[..read]).await?;
    }
}

/// The head of a request or an answer, with the empty line, and the bytes after it. `None` if the stream ends before.
async fn read_head(stream: &mut TcpStream) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; READ];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(None);
        }
        let searched = bytes.len().saturating_sub(3);
        bytes.extend_from_slice(&buffer[..read]);
        if let Some(end) = bytes[searched..].windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = bytes.split_off(searched + end + 4);
            return Ok(Some((bytes, rest)));
        }
        if bytes.len() > MAX_HEAD_BYTES {
            return Err(io::Error::other("the head is too long"));
        }
    }
}

/// The request, if it asks for a WebSocket.
fn request(head: &[u8]) -> Option<Head> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    request.parse(head).ok()?;
    let headers = request.headers.iter();
    let headers = headers.map(|header| (header.name.to_owned(), String::from_utf8_lossy(header.value).into_owned()));
    let headers = headers.collect::<Vec<_>>();
    let is_websocket = headers
        .iter()
        .any(|(name, value)| name.eq_ignore_ascii_case("upgrade") && value.trim().eq_ignore_ascii_case("websocket"));
    let path = request.path.unwrap_or("/").split('?').next().unwrap_or("/").to_owned();
    is_websocket.then_some(Head { path, headers })
}

fn status(head: &[u8]) -> u16 {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut answer = httparse::Response::new(&mut headers);
    let parsed = answer.parse(head).is_ok();
    answer.code.filter(|_| parsed).unwrap_or_default()
}

/// The head without the offer to compress messages. All other bytes are unchanged.
fn without_extensions(head: &[u8]) -> Vec<u8> {
    let lines = head.split_inclusive(|byte| *byte == b'\n');
    let offers = |line: &[u8]| {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        name.eq_ignore_ascii_case(EXTENSIONS.as_bytes())
    };
    lines.filter(|line| !offers(line)).flatten().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_only_compression_offer() {
        let head = b"GET /a?token=b HTTP/1.1\r\nHost: h\r\nUpgrade: WebSocket\r\nX-Odd:  v \r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
        let passed = without_extensions(head);
        let expected = b"GET /a?token=b HTTP/1.1\r\nHost: h\r\nUpgrade: WebSocket\r\nX-Odd:  v \r\n\r\n";
        assert_eq!(passed, expected);
        let request = request(&passed).unwrap();
        assert_eq!(request.path, "/a");
        assert_eq!(request.headers[2], ("X-Odd".to_owned(), "v".to_owned()));
        assert!(self::request(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").is_none());
        assert_eq!(status(b"HTTP/1.1 403 Forbidden\r\n\r\n"), 403);
    }
}
