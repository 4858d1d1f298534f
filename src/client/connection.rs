//! An open WebSocket.

use super::fragments::TooManyFragments;
use super::incoming::{Closed, Ending, Incoming, TextFrame};
use super::link::Link;
use super::tap::Tap;
use super::transcript::{Direction, EntryKind, Recorder};
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
use untrusted_data::limits::{MESSAGE_BYTES, UNREAD_BYTES, UNREAD_MESSAGES};

/// How long a gateway that has closed may take to read our answer; behind a long frame that it does not read it never will.
const CLOSE_ANSWER: Duration = Duration::from_millis(200);

/// What one connection may make the harness keep in memory.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The longest message taken from a gateway, in bytes.
    pub message_bytes: usize,
    /// How many unread messages are kept.
    pub unread: usize,
    /// What they may take in memory, in bytes.
    pub unread_bytes: usize,
    /// How many pings, and how many pongs, are taken in the life of a connection.
    pub pings: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { message_bytes: MESSAGE_BYTES, unread: UNREAD_MESSAGES, unread_bytes: UNREAD_BYTES, pings: 4096 }
    }
}

/// Why something could not be sent. The connection may still hold unread messages, a close frame among them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The connection is over; [`Connection::next`] says how.
    #[error("the connection is over")]
    Ended,
    /// The gateway did not take it until the deadline.
    #[error("the gateway did not take it until the deadline")]
    Deadline,
}

/// The id of a request that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending(pub String);

/// What became of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// The whole response frame.
    Response(Value),
    /// The connection ended without one.
    Closed(Closed),
    /// None came until the deadline.
    Deadline,
}

/// An open WebSocket. Messages are handed out in the order in which they came; [`Connection::response`] takes one out of
/// turn and leaves the others where they are. Dropping it ends the TCP connection without a close frame.
pub struct Connection {
    socket: WebSocketStream<Tap>,
    recorder: Recorder,
    unread: VecDeque<Incoming>,
    limits: Limits,
    unread_bytes: usize,
    ended: Option<Closed>,
    requests: u64,
    pongs: usize,
    /// How many pings came.
    pings: usize,
}

impl Connection {
    /// Connects and upgrades. Nothing is sent or read after that: the challenge is the first thing that [`Connection::next`]
    /// returns.
    ///
    /// # Errors
    /// Why no WebSocket came to be.
    pub async fn open(link: Link, upgrade: &Upgrade, recorder: Recorder, deadline: Instant) -> Result<Self, OpenError> {
        Self::open_with(link, upgrade, recorder, Limits::default(), deadline).await
    }

    /// [`Connection::open`] with other limits.
    ///
    /// # Errors
    /// Why no WebSocket came to be.
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
            recorder.record(Direction::Note, EntryKind::End, &error.to_string());
        })?;
        let bytes = limits.message_bytes;
        let config = WebSocketConfig::default()
            .read_buffer_size(16 * 1024)
            .max_message_size(Some(bytes))
            .max_frame_size(Some(bytes));
        let stream = Tap::new(stream, &rest);
        let socket = WebSocketStream::from_partially_read(stream, rest, Role::Client, Some(config)).await;
        Ok(Self {
            socket,
            recorder,
            unread: VecDeque::new(),
            limits,
            unread_bytes: 0,
            ended: None,
            requests: 0,
            pongs: 0,
            pings: 0,
        })
    }

    /// The same error, unless the gateway hung up because it takes nothing but TLS: that is found out on a new connection.
    pub async fn explained(error: OpenError, link: Link, deadline: Instant) -> OpenError {
        let hung_up = matches!(error, OpenError::Ended { .. });
        if hung_up && upgrade::speaks_tls(link, deadline).await { OpenError::Tls } else { error }
    }

    /// Takes all that came and was not read.
    pub fn take_all_unread(&mut self) -> Vec<Incoming> {
        self.unread_bytes = 0;
        std::mem::take(&mut self.unread).into()
    }

    /// The next thing that happens: an unread message first, else what comes until the deadline.
    pub async fn next(&mut self, deadline: Instant) -> Incoming {
        if let Some(incoming) = self.take_unread(0) {
            return incoming;
        }
        self.read(deadline).await
    }

    /// Reads until `wanted` accepts something, and takes that; what came before it stays unread, in order.
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

    /// Sends a request. Ids count up from `1` on each connection.
    ///
    /// # Errors
    /// When it could not be sent.
    pub async fn request(&mut self, method: &str, params: Value, deadline: Instant) -> Result<Pending, SendError> {
        self.requests += 1;
        let id = self.requests.to_string();
        let frame = json!({ "type": "req", "id": id, "method": method, "params": params });
        self.send_text(frame.to_string(), deadline).await?;
        Ok(Pending(id))
    }

    /// Waits for the response to a request. Events and other responses stay unread, in order.
    pub async fn response(&mut self, pending: &Pending, deadline: Instant) -> Reply {
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
    /// When it could not be sent.
    pub async fn send_text(&mut self, text: String, deadline: Instant) -> Result<(), SendError> {
        self.recorder.record(Direction::Sent, EntryKind::Text, &text);
        self.send(Message::Text(text.into()), deadline).await
    }

    /// Sends a binary frame.
    ///
    /// # Errors
    /// When it could not be sent.
    pub async fn send_binary(&mut self, bytes: Vec<u8>, deadline: Instant) -> Result<(), SendError> {
        self.recorder.record(Direction::Sent, EntryKind::Bytes, &format!("binary frame, {} bytes", bytes.len()));
        self.send(Message::Binary(bytes.into()), deadline).await
    }

    /// Sends bytes below the WebSocket layer, as they are: unmasked, reserved or cut frames.
    ///
    /// # Errors
    /// When they could not be sent.
    pub async fn send_raw_bytes(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), SendError> {
        self.recorder.record(Direction::Sent, EntryKind::Bytes, &format!("{} raw bytes", bytes.len()));
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

    /// Sends a ping and waits for its pong. What comes before it stays unread. `false` when none came.
    pub async fn ping(&mut self, deadline: Instant) -> bool {
        let before = self.pongs;
        self.recorder.record(Direction::Sent, EntryKind::Ping, "ping");
        if self.send(Message::Ping(Bytes::from_static(b"clawcheck")), deadline).await.is_err() {
            return false;
        }
        while self.pongs == before {
            let step = poll_fn(|cx| self.poll_step(cx));
            match timeout_at(deadline, step).await {
                Ok(Some(over @ Incoming::Closed(_))) => {
                    self.keep(over);
                    return false;
                }
                Ok(Some(incoming)) => self.keep(incoming),
                Ok(None) => {}
                Err(_) => return false,
            }
        }
        true
    }

    /// How many pongs came.
    pub fn pongs(&self) -> usize {
        self.pongs
    }

    /// Sends a close frame. The gateway's answer to it comes from [`Connection::next`].
    ///
    /// # Errors
    /// When it could not be sent.
    pub async fn close(&mut self, code: Option<u16>, reason: &str, deadline: Instant) -> Result<(), SendError> {
        let said = code.map_or_else(|| "close without a code".to_owned(), |code| format!("close {code} {reason:?}"));
        self.recorder.record(Direction::Sent, EntryKind::Close, &said);
        let frame = code.map(|code| CloseFrame { code: CloseCode::from(code), reason: reason.into() });
        self.send(Message::Close(frame), deadline).await
    }

    /// Ends the connection without a close frame, as a process that dies does.
    pub fn abort(self) {
        self.recorder.record(Direction::Note, EntryKind::End, "dropped by us");
    }

    /// Ends the connection because the gateway sends more than anybody may: nothing more is read from it.
    pub fn give_up(&mut self, why: String) -> Incoming {
        self.end(Closed::without_frame(Ending::TooMuch(why)))
    }

    /// Whether the end of the connection was seen.
    pub fn ended(&self) -> Option<&Closed> {
        self.ended.as_ref()
    }

    fn take_unread(&mut self, at: usize) -> Option<Incoming> {
        let incoming = self.unread.remove(at)?;
        self.unread_bytes -= weight(&incoming);
        Some(incoming)
    }

    /// Puts something at the end of the unread messages; a gateway that floods loses its connection.
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
        if matches!(incoming, Incoming::Closed(_)) {
            self.answer_close().await;
        }
        incoming
    }

    /// The answer to a close frame waits in the socket; without it the gateway would hold its end open for 30 s.
    async fn answer_close(&mut self) {
        let deadline = Instant::now() + CLOSE_ANSWER;
        let _ = timeout_at(deadline, poll_fn(|cx| Pin::new(&mut self.socket).poll_flush(cx))).await;
    }

    /// Takes one message from the socket. `None`: something happened that is not handed out (a ping, a pong).
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
                self.recorder.record(Direction::Received, EntryKind::Text, &text);
                Some(Incoming::Text(TextFrame::new(text)))
            }
            Message::Binary(bytes) => {
                let said = format!("binary frame, {} bytes", bytes.len());
                self.recorder.record(Direction::Received, EntryKind::Bytes, &said);
                Some(Incoming::Binary(bytes.into()))
            }
            Message::Ping(_) => {
                self.recorder.record(Direction::Received, EntryKind::Ping, "ping");
                self.pings += 1;
                // Each is answered by a pong, which waits in memory for as long as the gateway does not read.
                let most = self.limits.pings;
                (self.pings > most).then(|| self.give_up(format!("more than {most} pings")))
            }
            Message::Pong(_) => {
                self.pongs += 1;
                self.recorder.record(Direction::Received, EntryKind::Ping, "pong");
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

    /// What a close frame said. The library reports a code that must not be sent as 1002 with words of its own.
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
        let said = match (&closed.how, closed.code) {
            (Ending::CloseFrame, Some(code)) => format!("close {code} {:?}", closed.reason),
            (Ending::CloseFrame, None) => "close without a code".to_owned(),
            (Ending::Eof, _) => "ended without a close frame".to_owned(),
            (Ending::Reset, _) => "reset".to_owned(),
            (Ending::Violation(text) | Ending::TooMuch(text), _) => text.clone(),
        };
        let kind = if closed.clean() { EntryKind::Close } else { EntryKind::End };
        self.recorder.record(Direction::Received, kind, &said);
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

    /// Writes what is buffered, and reads meanwhile: a gateway that answers a long frame before it has read all of it would
    /// otherwise wait for us while we wait for it.
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
        timeout_at(deadline, flushing).await.unwrap_or(Err(SendError::Deadline))
    }
}

/// What an unread message takes in memory, in bytes.
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
