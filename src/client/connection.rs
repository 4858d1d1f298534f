//! An open WebSocket connection.

use super::fragments::TooManyFragments;
use super::incoming::{Closed, Ending, Incoming, TextFrame};
use super::link::Link;
use super::tail_stream::TailStream;
use super::transcript::{Direction, Recorder};
use super::upgrade::{self, OpenError, Upgrade};
use futures_util::{Sink as _, Stream as _};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error as SocketError, Message};
use untrusted_data::cut;
use untrusted_data::limits::{CONNECTION_PINGS, MESSAGE_BYTES, UNREAD_BYTES, UNREAD_MESSAGES};

/// Maximum time for a gateway that closed the connection to read our close frame. It may never read it behind a long
/// frame.
const CLOSE_ANSWER: Duration = Duration::from_millis(200);

/// Memory limits of one connection.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Maximum length of a message from the gateway, in bytes.
    pub message_bytes: usize,
    /// Maximum number of unread messages.
    pub unread: usize,
    /// Maximum memory for unread messages, in bytes.
    pub unread_bytes: usize,
    /// Maximum number of pings, and of pongs, in the life of a connection.
    pub pings: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: MESSAGE_BYTES,
            unread: UNREAD_MESSAGES,
            unread_bytes: UNREAD_BYTES,
            pings: CONNECTION_PINGS,
        }
    }
}

/// The reason why something could not be sent. The connection can still hold unread messages, including a close frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The connection has ended. [`Connection::next`] returns how.
    #[error("the connection has ended")]
    Ended,
    /// The gateway did not read it before the timeout.
    #[error("the gateway did not read it before the timeout")]
    Deadline,
}

/// The id of a sent request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(pub String);

/// The result of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// The complete response frame.
    Response(Value),
    /// The connection ended without a response.
    Closed(Closed),
    /// No response arrived before the timeout.
    Deadline,
}

/// An open WebSocket. It returns messages in the order of their arrival. [`Connection::response`] returns one out of
/// order and keeps the others. Dropping the connection closes the TCP connection without a close frame.
pub struct Connection {
    socket: WebSocketStream<TailStream>,
    recorder: Recorder,
    unread: VecDeque<Incoming>,
    limits: Limits,
    unread_bytes: usize,
    ended: Option<Closed>,
    our_half_closed: bool,
    requests: u64,
    pongs: usize,
    /// Number of received pings.
    pings: usize,
}

impl Connection {
    /// Connects and upgrades. It sends and reads nothing after that, so the challenge is the first result of
    /// [`Connection::next`].
    ///
    /// # Errors
    /// Returns the reason why the connection could not be opened.
    pub async fn open(link: Link, upgrade: &Upgrade, recorder: Recorder, deadline: Instant) -> Result<Self, OpenError> {
        Self::open_with(link, upgrade, recorder, Limits::default(), deadline).await
    }

    /// [`Connection::open`] with other limits.
    ///
    /// # Errors
    /// Returns the reason why the connection could not be opened.
    pub async fn open_with(
        link: Link,
        upgrade: &Upgrade,
        recorder: Recorder,
        limits: Limits,
        deadline: Instant,
    ) -> Result<Self, OpenError> {
        let opening = async {
            let authority = link.authority();
            let mut stream = upgrade::connect(link).await?;
            let rest = upgrade::ask(&mut stream, upgrade, &authority, &recorder).await?;
            Ok((stream, rest))
        };
        let opened = timeout_at(deadline, opening).await.unwrap_or(Err(OpenError::Deadline));
        let (stream, rest) = opened.inspect_err(|error| {
            recorder.record(Direction::Note, &error.to_string());
        })?;
        let bytes = limits.message_bytes;
        let config = WebSocketConfig::default()
            .read_buffer_size(16 * 1024)
            .max_message_size(Some(bytes))
            .max_frame_size(Some(bytes));
        let stream = TailStream::new(stream, &rest);
        let socket = WebSocketStream::from_partially_read(stream, rest, Role::Client, Some(config)).await;
        Ok(Self {
            socket,
            recorder,
            unread: VecDeque::new(),
            limits,
            unread_bytes: 0,
            ended: None,
            our_half_closed: false,
            requests: 0,
            pongs: 0,
            pings: 0,
        })
    }

    /// The same error, or an error about TLS if the gateway closed the connection because it accepts only TLS. A new
    /// connection tests this.
    pub async fn diagnose(error: OpenError, link: Link, deadline: Instant) -> OpenError {
        let hung_up = matches!(error, OpenError::Ended { .. });
        if hung_up && upgrade::speaks_tls(link, deadline).await { OpenError::Tls } else { error }
    }

    /// Returns all received messages that were not read.
    pub fn take_all_unread(&mut self) -> Vec<Incoming> {
        self.unread_bytes = 0;
        std::mem::take(&mut self.unread).into()
    }

    /// Returns the next unread message, or the next one that arrives before the deadline.
    pub async fn next(&mut self, deadline: Instant) -> Incoming {
        if let Some(incoming) = self.take_unread(0) {
            return incoming;
        }
        self.read(deadline).await
    }

    /// Reads until `wanted` accepts a message, and returns it. Earlier messages stay unread, in order.
    pub async fn next_matching(&mut self, deadline: Instant, mut wanted: impl FnMut(&Incoming) -> bool) -> Incoming {
        let mut at = 0;
        loop {
            while let Some(incoming) = self.unread.get(at) {
                if wanted(incoming)
                    && let Some(found) = self.take_unread(at)
                {
                    return found;
                }
                at += 1;
            }
            match self.read(deadline).await {
                over @ (Incoming::Closed(_) | Incoming::Deadline) => return over,
                incoming => self.keep(incoming),
            }
        }
    }

    /// Sends a request. The ids count up from `1` on each connection.
    ///
    /// # Errors
    /// Returns an error if the request could not be sent.
    pub async fn request(&mut self, method: &str, params: Value, deadline: Instant) -> Result<RequestId, SendError> {
        self.requests += 1;
        let id = self.requests.to_string();
        let frame = json!({ "type": "req", "id": id, "method": method, "params": params });
        self.send_text(frame.to_string(), deadline).await?;
        Ok(RequestId(id))
    }

    /// Waits for the response to a request. Events and other responses stay unread, in order.
    pub async fn response(&mut self, pending: &RequestId, deadline: Instant) -> Reply {
        let answers =
            |incoming: &Incoming| matches!(incoming, Incoming::Text(frame) if frame.response_to(&pending.0).is_some());
        match self.next_matching(deadline, answers).await {
            Incoming::Text(TextFrame { json: Some(response), .. }) => Reply::Response(response),
            Incoming::Closed(closed) => Reply::Closed(closed),
            Incoming::Text(_) | Incoming::Binary(_) | Incoming::Deadline => Reply::Deadline,
        }
    }

    /// Sends a text frame.
    ///
    /// # Errors
    /// Returns an error if the frame could not be sent.
    pub async fn send_text(&mut self, text: String, deadline: Instant) -> Result<(), SendError> {
        self.recorder.record(Direction::Sent, &text);
        self.send(Message::Text(text.into()), deadline).await
    }

    /// Sends a binary frame.
    ///
    /// # Errors
    /// Returns an error if the frame could not be sent.
    pub async fn send_binary(&mut self, bytes: Vec<u8>, deadline: Instant) -> Result<(), SendError> {
        self.recorder.record(Direction::Sent, &format!("binary frame, {} bytes", bytes.len()));
        self.send(Message::Binary(bytes.into()), deadline).await
    }

    /// Sends raw bytes below the WebSocket layer, for unmasked, reserved or truncated frames.
    ///
    /// # Errors
    /// Returns an error if the bytes could not be sent.
    #[cfg(test)]
    pub async fn send_raw_bytes(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), SendError> {
        self.recorder.record(Direction::Sent, &format!("{} raw bytes", bytes.len()));
        self.flush(deadline).await?;
        let stream = self.socket.get_mut();
        let write = async {
            stream.write_all(bytes).await?;
            stream.flush().await
        };
        match timeout_at(deadline, write).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(SendError::Ended),
            Err(_) => Err(SendError::Deadline),
        }
    }

    /// Sends a ping and waits for its pong. Earlier messages stay unread. Returns `false` if no pong arrived.
    pub async fn ping(&mut self, deadline: Instant) -> bool {
        let before = self.pongs;
        self.recorder.record(Direction::Sent, "ping");
        if self.send(Message::Ping(Bytes::from_static(b"clawcheck")), deadline).await.is_err() {
            return false;
        }
        while self.pongs == before {
            let step = poll_fn(|cx| self.poll_step(cx));
            match timeout_at(deadline, step).await {
                Ok(Some(Incoming::Closed(_))) => {
                    self.close_our_half().await;
                    return false;
                }
                Ok(Some(incoming)) => self.keep(incoming),
                Ok(None) => {}
                Err(_) => return false,
            }
        }
        true
    }

    /// Number of received pongs.
    pub fn pongs(&self) -> usize {
        self.pongs
    }

    /// Sends a close frame. [`Connection::next`] returns the gateway's answer.
    ///
    /// # Errors
    /// Returns an error if the close frame could not be sent.
    pub async fn close(&mut self, code: Option<u16>, reason: &str, deadline: Instant) -> Result<(), SendError> {
        let line = code.map_or_else(|| "close without a code".to_owned(), |code| format!("close {code} {reason:?}"));
        self.recorder.record(Direction::Sent, &line);
        let frame = code.map(|code| CloseFrame { code: CloseCode::from(code), reason: reason.into() });
        self.send(Message::Close(frame), deadline).await
    }

    /// Ends the connection without a close frame, like a process that dies.
    pub fn abort(self) {
        self.recorder.record(Direction::Note, "dropped by us");
    }

    /// Ends the connection because the gateway exceeded a limit. Nothing more is read.
    pub fn give_up(&mut self, why: String) -> Incoming {
        self.end(Closed::without_frame(Ending::TooMuch(why)))
    }

    /// How the connection ended. `None` if its end was not seen.
    pub fn ended(&self) -> Option<&Closed> {
        self.ended.as_ref()
    }

    fn take_unread(&mut self, at: usize) -> Option<Incoming> {
        let incoming = self.unread.remove(at)?;
        self.unread_bytes -= weight(&incoming);
        Some(incoming)
    }

    /// Adds a message to the unread messages. A gateway that exceeds the limit loses its connection.
    fn keep(&mut self, incoming: Incoming) {
        if matches!(incoming, Incoming::Closed(_) | Incoming::Deadline) {
            return; // `ended` has it, and it is handed out when all else is read
        }
        self.unread_bytes += weight(&incoming);
        self.unread.push_back(incoming);
        let why = if self.unread.len() > self.limits.unread {
            format!("more than {} unread messages", self.limits.unread)
        } else if self.unread_bytes > self.limits.unread_bytes {
            format!("more than {} MiB of unread messages", self.limits.unread_bytes >> 20)
        } else {
            return;
        };
        self.take_unread(self.unread.len() - 1);
        self.give_up(why);
    }

    async fn read(&mut self, deadline: Instant) -> Incoming {
        let reading = poll_fn(|cx| {
            loop {
                match self.poll_step(cx) {
                    Poll::Ready(Some(incoming)) => return Poll::Ready(incoming),
                    Poll::Ready(None) => {}
                    Poll::Pending => return Poll::Pending,
                }
            }
        });
        let incoming = timeout_at(deadline, reading).await.unwrap_or(Incoming::Deadline);
        self.close_our_half().await;
        incoming
    }

    /// After the end of the connection, answers the gateway's close frame and ends our half of the TCP connection, as
    /// every client does. Some releases count a session until then, and all releases wait 30 s for the answer.
    async fn close_our_half(&mut self) {
        if self.ended.is_none() || std::mem::replace(&mut self.our_half_closed, true) {
            return;
        }
        let deadline = Instant::now() + CLOSE_ANSWER;
        let _ = timeout_at(deadline, poll_fn(|cx| Pin::new(&mut self.socket).poll_flush(cx))).await;
        let _ = timeout_at(deadline, self.socket.get_mut().shutdown()).await;
    }

    /// Reads one message from the socket. `None` for a message that is not returned (a ping or a pong).
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Option<Incoming>> {
        if let Some(closed) = &self.ended {
            return Poll::Ready(Some(Incoming::Closed(closed.clone())));
        }
        let Poll::Ready(message) = Pin::new(&mut self.socket).poll_next(cx) else { return Poll::Pending };
        Poll::Ready(match message {
            Some(Ok(message)) => self.take(message),
            Some(Err(error)) => Some(self.end(ending(&error))),
            None => Some(self.end(Closed::without_frame(Ending::Eof))),
        })
    }

    fn take(&mut self, message: Message) -> Option<Incoming> {
        match message {
            Message::Text(text) => {
                self.recorder.record(Direction::Received, &text);
                Some(Incoming::Text(TextFrame::new(text)))
            }
            Message::Binary(bytes) => {
                let line = format!("binary frame, {} bytes", bytes.len());
                self.recorder.record(Direction::Received, &line);
                Some(Incoming::Binary(bytes.into()))
            }
            Message::Ping(_) => {
                self.recorder.record(Direction::Received, "ping");
                self.pings += 1;
                // Each ping is answered with a pong, which stays in memory until the gateway reads it.
                let most = self.limits.pings;
                (self.pings > most).then(|| self.give_up(format!("more than {most} pings")))
            }
            Message::Pong(_) => {
                self.pongs += 1;
                self.recorder.record(Direction::Received, "pong");
                let most = self.limits.pings;
                (self.pongs > most).then(|| self.give_up(format!("more than {most} pongs")))
            }
            Message::Close(frame) => Some(self.end(match frame {
                Some(frame) => self.closed(&frame),
                None => Closed::without_frame(Ending::CloseFrame),
            })),
            Message::Frame(_) => None,
        }
    }

    /// The contents of a close frame. The library reports an invalid code as 1002 with its own reason.
    fn closed(&self, frame: &CloseFrame) -> Closed {
        if frame.code == CloseCode::Protocol && frame.reason.as_str() == "Protocol violation" {
            let reserved = |code: u16| !CloseCode::from(code).is_allowed();
            if let Some((code, reason)) = self.socket.get_ref().close_frame(reserved) {
                let how = Ending::Violation(format!("a close frame with the code {code}, which must not be sent"));
                return Closed { code: Some(code), reason, how };
            }
        }
        Closed { code: Some(frame.code.into()), reason: frame.reason.as_str().to_owned(), how: Ending::CloseFrame }
    }

    fn end(&mut self, closed: Closed) -> Incoming {
        let line = match (&closed.how, closed.code) {
            (Ending::CloseFrame, Some(code)) => format!("close {code} {:?}", closed.reason),
            (Ending::CloseFrame, None) => "close without a code".to_owned(),
            (Ending::Eof, _) => "ended without a close frame".to_owned(),
            (Ending::Reset, _) => "reset".to_owned(),
            (Ending::Violation(text) | Ending::TooMuch(text), _) => text.clone(),
        };
        self.recorder.record(Direction::Received, &line);
        self.ended = Some(closed.clone());
        Incoming::Closed(closed)
    }

    async fn send(&mut self, message: Message, deadline: Instant) -> Result<(), SendError> {
        if self.ended.is_some() {
            return Err(SendError::Ended);
        }
        let ready = poll_fn(|cx| Pin::new(&mut self.socket).poll_ready(cx));
        match timeout_at(deadline, ready).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(SendError::Ended),
            Err(_) => return Err(SendError::Deadline),
        }
        if Pin::new(&mut self.socket).start_send(message).is_err() {
            return Err(SendError::Ended);
        }
        self.flush(deadline).await
    }

    /// Writes the buffered data and reads at the same time. A gateway that answers a long frame before it has read all
    /// of it would otherwise block both sides.
    async fn flush(&mut self, deadline: Instant) -> Result<(), SendError> {
        let flushing = poll_fn(|cx| {
            loop {
                match Pin::new(&mut self.socket).poll_flush(cx) {
                    Poll::Ready(Ok(())) => return Poll::Ready(Ok(())),
                    Poll::Ready(Err(_)) => return Poll::Ready(Err(SendError::Ended)),
                    Poll::Pending => {}
                }
                match self.poll_step(cx) {
                    Poll::Ready(Some(Incoming::Closed(_))) => return Poll::Ready(Err(SendError::Ended)),
                    Poll::Ready(Some(incoming)) => self.keep(incoming),
                    Poll::Ready(None) => {}
                    Poll::Pending => return Poll::Pending,
                }
            }
        });
        let flushed = timeout_at(deadline, flushing).await.unwrap_or(Err(SendError::Deadline));
        self.close_our_half().await;
        flushed
    }
}

/// Memory of an unread message, in bytes.
fn weight(incoming: &Incoming) -> usize {
    match incoming {
        Incoming::Text(frame) => frame.text.len() + frame.weight,
        Incoming::Binary(bytes) => bytes.len(),
        Incoming::Closed(_) | Incoming::Deadline => 0,
    }
}

fn ending(error: &SocketError) -> Closed {
    use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
    Closed::without_frame(match error {
        SocketError::ConnectionClosed
        | SocketError::AlreadyClosed
        | SocketError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Ending::Eof,
        SocketError::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ending::Eof,
        SocketError::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<TooManyFragments>()) {
            Some(too_many) => Ending::TooMuch(too_many.to_string()),
            None => Ending::Reset,
        },
        SocketError::Capacity(CapacityError::MessageTooLong { size, max_size }) => {
            let number = |bytes: usize| cut::number(bytes as u64);
            Ending::TooMuch(format!("a message of {} bytes, more than {}", number(*size), number(*max_size)))
        }
        SocketError::Capacity(error) => Ending::TooMuch(error.to_string()),
        other => Ending::Violation(other.to_string()),
    })
}
