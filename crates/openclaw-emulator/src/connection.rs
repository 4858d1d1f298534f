//! One socket: HTTP head, upgrade, frames and close handshake.

use super::actor::{Admission, Event};
use super::frames::{Decoder, Incoming, encode_close, encode_pong, encode_text};
use super::http::{self, Head, Refusal, Request};
use super::outbox::{Inbox, OutboxCommand, channel};
use openclaw_model::config::AuthMode;
use openclaw_model::facts::locality::LocalityRules;
use openclaw_model::locality::Locality;
use openclaw_model::{ConnectionId, GatewayConfig, Peer};
use openclaw_protocol::codes::close;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

/// Maximum number of bytes that are read before a decision.
const READ_AHEAD: usize = 64 * 1024;
/// Maximum size of a message after `hello-ok`, in bytes (`MAX_PAYLOAD_BYTES`).
const LIMIT_AFTER_HELLO: usize = 25 * 1024 * 1024;
/// Node.js's timeout for a request head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// The time that `ws` waits for the peer after its own close frame before it drops the socket.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);
/// The minimum time that a release needs for a connect. It looks at what arrives meanwhile before it has finished.
const BUSY_WITH_CONNECT: Duration = Duration::from_millis(3);
/// Number of unsent bytes above which nothing more is read from the peer or accepted from the actor.
const HIGH_WATER: usize = 64 * 1024;

/// The parts of the gateway that a connection's task needs.
#[derive(Clone)]
pub(super) struct ConnectionContext {
    pub(super) events: mpsc::Sender<Event>,
    /// Becomes true when the actor has closed all connections.
    pub(super) stopping: watch::Receiver<bool>,
    /// The time that a peer then has to answer a close frame.
    pub(super) goodbye: Duration,
    /// The start time of the gateway.
    pub(super) started: Instant,
    pub(super) http_context: Arc<HttpContext>,
}

/// The data that plain HTTP requests are answered from.
pub(super) struct HttpContext {
    pub(super) locality: LocalityRules,
    pub(super) config: GatewayConfig,
    /// Maximum size of a message before `hello-ok`, in bytes.
    pub(super) most_early_bytes: usize,
}

impl HttpContext {
    /// Who sees the details of the gateway's readiness (`canRevealReadinessDetails`): a direct local peer, and every
    /// client with the shared secret.
    fn shows_details(&self, peer: &Peer, bearer: Option<&str>) -> bool {
        let secret = match self.config.auth_mode {
            AuthMode::Token => self.config.token.as_deref(),
            AuthMode::Password => self.config.password.as_deref(),
            AuthMode::None | AuthMode::TrustedProxy => None,
        };
        Locality::of(&self.locality, &self.config, peer).direct || (bearer.is_some() && bearer == secret)
    }
}

impl ConnectionContext {
    /// Resolves when the gateway has closed all connections or no longer exists.
    pub(super) async fn stopped(&mut self) {
        let _ = self.stopping.wait_for(|stopping| *stopping).await;
    }
}

/// Serves one socket until it is closed.
pub(super) async fn serve<S>(mut stream: S, connection: ConnectionId, address: IpAddr, mut context: ConnectionContext)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let head = tokio::select! {
        head = timeout(HEAD_TIMEOUT, head(&mut stream)) => head,
        () = context.stopped() => return,
    };
    let (request, rest) = match head {
        Ok(Some(Ok(read))) => read,
        Ok(Some(Err(refusal))) => {
            let peer = Peer { address, headers: Vec::new() };
            return refuse(&mut stream, &context, connection, peer, refusal).await;
        }
        Ok(None) | Err(_) => return,
    };
    let peer = Peer { address, headers: request.headers.clone() };
    if !request.wants_upgrade() {
        let details = context.http_context.shows_details(&peer, request.bearer());
        let uptime = details.then(|| context.started.elapsed().as_millis());
        return write_answer(&mut stream, &http::plain(&request, uptime)).await;
    }
    let welcome = match request.upgrade() {
        Ok(welcome) => welcome,
        Err(refusal) => return refuse(&mut stream, &context, connection, peer, refusal).await,
    };
    let (outbox, inbox) = channel();
    let (admission, admitted) = oneshot::channel();
    if context.events.send(Event::Open { connection, peer, outbox, admission }).await.is_err() {
        return;
    }
    match admitted.await {
        Ok(Admission::Accepted) => {
            let (reader, writer) = tokio::io::split(stream);
            let socket = Socket {
                reader,
                writer,
                decoder: Decoder::new(context.http_context.most_early_bytes, rest),
                out: welcome,
                written: 0,
                inbox,
                phase: Phase::Open,
                welcomed: false,
                deadline: None,
                connection,
                context,
            };
            socket.run().await;
        }
        Ok(Admission::Refused { status, body }) => write_answer(&mut stream, &http::refusal(status, &body)).await,
        // The gateway ended in the meantime.
        Err(_) => {}
    }
}

/// Answers a request that is no upgrade, and tells the actor.
async fn refuse<S: AsyncWrite + Unpin>(
    stream: &mut S,
    context: &ConnectionContext,
    connection: ConnectionId,
    peer: Peer,
    refusal: Refusal,
) {
    let Refusal { status, why, answer } = refusal;
    // If the gateway ended in the meantime, nobody needs this event.
    let _ = context.events.send(Event::NotUpgraded { connection, peer, status, why }).await;
    write_answer(stream, &answer).await;
}

/// Reads the request head, and returns it with the bytes after it, or the refusal of an invalid head. `None` if the socket
/// is finished.
async fn head<S: AsyncRead + Unpin>(stream: &mut S) -> Option<Result<(Request, Vec<u8>), Refusal>> {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        match http::read_head(&bytes) {
            Head::Whole(request, length) => return Some(Ok((request, bytes.split_off(length)))),
            Head::Refused(refusal) => return Some(Err(refusal)),
            Head::Partial => {}
        }
        if !matches!(stream.read_buf(&mut bytes).await, Ok(1..)) {
            return None;
        }
    }
}

/// Writes a complete answer and shuts down our side. A peer that does not read it loses it.
async fn write_answer<S: AsyncWrite + Unpin>(stream: &mut S, answer: &[u8]) {
    let _ = timeout(CLOSE_TIMEOUT, async {
        stream.write_all(answer).await?;
        stream.shutdown().await
    })
    .await;
}

/// The state of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Messages are exchanged in both directions.
    Open,
    /// Our close frame was queued or sent, and the peer's has not arrived.
    Closing,
    /// Incoming data is ignored. The queued data is sent, then our side shuts down.
    Draining,
    /// Our side is shut down and waits for the peer's.
    Ended,
}

struct Socket<S> {
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    decoder: Decoder,
    /// Bytes for the peer. Those before `written` were already sent.
    out: Vec<u8>,
    written: usize,
    inbox: Inbox,
    phase: Phase,
    /// Whether the client received `hello-ok`.
    welcomed: bool,
    /// The time at which the socket is dropped, whatever the peer does.
    deadline: Option<Instant>,
    connection: ConnectionId,
    context: ConnectionContext,
}

/// The reason why a connection's task woke up.
enum Wake {
    Written(std::io::Result<usize>),
    Read(std::io::Result<usize>),
    Command(Option<OutboxCommand>),
    Overflow,
    Stopping,
    Deadline,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Socket<S> {
    async fn run(mut self) {
        self.exchange().await;
        // If the gateway ended before its connections, nobody needs this event.
        let _ = self.context.events.send(Event::Closed { connection: self.connection }).await;
    }

    async fn exchange(&mut self) {
        if self.process_received().await.is_err() {
            return;
        }
        let overflow = self.inbox.overflow();
        tokio::pin!(overflow);
        let (mut overflown, mut commands, mut stopping, mut finished) = (false, true, false, false);
        loop {
            let (unsent, calm) = (self.written < self.out.len(), self.out.len() - self.written < HIGH_WATER);
            if !unsent && self.phase == Phase::Draining {
                let _ = self.writer.shutdown().await;
                self.phase = Phase::Ended;
            }
            let ended = self.phase == Phase::Ended;
            if ended && (finished || stopping) || stopping && !unsent && self.context.goodbye.is_zero() {
                return;
            }
            let deadline = self.deadline;
            let wake = tokio::select! {
                result = self.writer.write(&self.out[self.written..]), if unsent => Wake::Written(result),
                result = self.reader.read_buf(self.decoder.buffer()), if !finished && (calm || self.phase != Phase::Open) => Wake::Read(result),
                command = self.inbox.next(), if calm && commands => Wake::Command(command),
                () = &mut overflow, if !overflown => Wake::Overflow,
                () = self.context.stopped(), if !stopping => Wake::Stopping,
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => Wake::Deadline,
            };
            match wake {
                Wake::Written(Ok(count @ 1..)) => self.record_write(count),
                Wake::Written(_) | Wake::Deadline | Wake::Read(Err(_)) => return,
                Wake::Read(Ok(0)) => {
                    finished = true;
                    self.hang_up();
                }
                Wake::Read(Ok(_)) => {
                    self.read_what_follows().await;
                    if self.process_received().await.is_err() {
                        return;
                    }
                }
                Wake::Command(Some(command)) => self.handle(command),
                Wake::Command(None) => commands = false,
                Wake::Overflow => {
                    overflown = true;
                    self.run_commands();
                    self.handle(OutboxCommand::Close { code: close::POLICY, reason: "slow consumer".to_owned() });
                }
                Wake::Stopping => {
                    stopping = true;
                    self.run_commands();
                    self.deadline = Some(Instant::now() + self.context.goodbye.max(Duration::from_secs(1)));
                }
            }
        }
    }

    /// The peer has shut down its side, with or without a close frame. Queued data is still sent.
    fn hang_up(&mut self) {
        if self.phase != Phase::Ended {
            self.phase = Phase::Draining;
            self.deadline.get_or_insert(Instant::now() + CLOSE_TIMEOUT);
        }
    }

    fn record_write(&mut self, count: usize) {
        self.written += count;
        if self.written == self.out.len() {
            self.out.clear();
            self.written = 0;
        }
    }

    fn run_commands(&mut self) {
        while let Some(command) = self.inbox.try_next() {
            self.handle(command);
        }
    }

    fn handle(&mut self, command: OutboxCommand) {
        if self.phase != Phase::Open {
            return;
        }
        match command {
            OutboxCommand::Text(text) => encode_text(&mut self.out, &text),
            OutboxCommand::RaiseLimit => {
                self.welcomed = true;
                self.decoder.set_limit(LIMIT_AFTER_HELLO);
            }
            OutboxCommand::Pong(payload) => encode_pong(&mut self.out, &payload),
            OutboxCommand::Close { code, reason } => self.close(Phase::Closing, Some((code, reason.as_bytes()))),
        }
    }

    fn close(&mut self, next: Phase, frame: Option<(u16, &[u8])>) {
        if self.phase == Phase::Open {
            encode_close(&mut self.out, frame);
            self.deadline = Some(Instant::now() + CLOSE_TIMEOUT);
        }
        self.phase = next;
    }

    /// Before `hello-ok` over TCP, waits for what the peer sends directly after its connect. The model answers
    /// immediately and would send `hello-ok` before the next segment arrives. A pipe delivers everything in one piece.
    async fn read_what_follows(&mut self) {
        if self.welcomed || self.context.goodbye.is_zero() {
            return;
        }
        let until = Instant::now() + BUSY_WITH_CONNECT;
        while self.decoder.buffer().len() <= READ_AHEAD
            && let Ok(Ok(1..)) = timeout_at(until, self.reader.read_buf(self.decoder.buffer())).await
        {}
    }

    /// Processes the received data.
    ///
    /// # Errors
    /// Returns an error if the gateway no longer exists.
    async fn process_received(&mut self) -> Result<(), mpsc::error::SendError<Event>> {
        let (mut messages, mut broken) = (Vec::new(), None);
        while matches!(self.phase, Phase::Open | Phase::Closing) {
            match self.decoder.next() {
                Ok(None) => return self.deliver(messages).await,
                Ok(Some(incoming)) => self.take(incoming, &mut messages).await?,
                Err(fault) => {
                    self.close(Phase::Draining, Some((fault.code(), b"")));
                    broken = Some(Event::Broken { connection: self.connection, fault });
                }
            }
        }
        self.decoder.buffer().clear();
        self.deliver(messages).await?;
        match broken {
            Some(event) => self.context.events.send(event).await,
            None => Ok(()),
        }
    }

    /// Passes the messages of one read to the actor.
    async fn deliver(&self, mut messages: Vec<Vec<u8>>) -> Result<(), mpsc::error::SendError<Event>> {
        let connection = self.connection;
        match messages.len() {
            0 => Ok(()),
            1 => self.context.events.send(Event::Message { connection, data: messages.remove(0) }).await,
            _ => self.context.events.send(Event::Burst { connection, messages }).await,
        }
    }

    async fn take(
        &mut self,
        incoming: Incoming,
        messages: &mut Vec<Vec<u8>>,
    ) -> Result<(), mpsc::error::SendError<Event>> {
        match incoming {
            Incoming::Message(data) if self.phase == Phase::Open => messages.push(data),
            Incoming::Ping(payload) if self.phase == Phase::Open => {
                self.deliver(std::mem::take(messages)).await?;
                self.context.events.send(Event::Ping { connection: self.connection, payload }).await?;
            }
            Incoming::Message(_) | Incoming::Ping(_) | Incoming::Pong => {}
            Incoming::Close(frame) => {
                self.deliver(std::mem::take(messages)).await?;
                // The actor is notified before the peer has our answer, so the peer's next action finds the connection
                // closed.
                self.context.events.send(Event::Closed { connection: self.connection }).await?;
                let echo = frame.as_ref().map(|(code, reason)| (*code, reason.as_slice()));
                self.close(Phase::Draining, echo);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
