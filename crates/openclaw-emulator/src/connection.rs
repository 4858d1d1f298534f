//! One socket: HTTP head, upgrade, frames, close handshake.

use super::frames::{Decoder, Fault, Incoming, encode_close, encode_pong, encode_text};
use super::http::{self, Head, Request};
use super::outbox::{Inbox, Order, channel};
use super::owner::{Admission, Event};
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

/// Bytes that are read ahead of a decision.
const READ_AHEAD: usize = 64 * 1024;
/// Bytes of one message after `hello-ok` (`MAX_PAYLOAD_BYTES`).
const LIMIT_AFTER_HELLO: usize = 25 * 1024 * 1024;
/// How long Node waits for a request head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// How long `ws` waits for the peer after its own close frame before it drops the socket.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a release is at least busy with a connect: what comes in meanwhile it looks at before it has finished.
const BUSY_WITH_CONNECT: Duration = Duration::from_millis(3);
/// Unsent bytes above which nothing more is read or taken over from the owner: the peer has to read first.
const HIGH_WATER: usize = 64 * 1024;

/// What a connection's task needs of its gateway.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) events: mpsc::Sender<Event>,
    /// True once the owner has said goodbye to everybody.
    pub(super) stopping: watch::Receiver<bool>,
    /// How long a peer gets then to answer a close frame.
    pub(super) goodbye: Duration,
    /// When the gateway started.
    pub(super) started: Instant,
    pub(super) standing: Arc<Standing>,
}

/// What plain HTTP requests are judged by.
pub(super) struct Standing {
    pub(super) locality: LocalityRules,
    pub(super) config: GatewayConfig,
    /// Bytes of one message before `hello-ok`.
    pub(super) most_early_bytes: usize,
}

impl Standing {
    /// Who sees more of a gateway's readiness than that it is ready (`canRevealReadinessDetails`): a direct local peer, and
    /// whoever brings the shared secret.
    fn shows_details(&self, peer: &Peer, bearer: Option<&str>) -> bool {
        let secret = match self.config.auth_mode {
            AuthMode::Token => self.config.token.as_deref(),
            AuthMode::Password => self.config.password.as_deref(),
            AuthMode::None | AuthMode::TrustedProxy => None,
        };
        Locality::of(&self.locality, &self.config, peer).direct || (bearer.is_some() && bearer == secret)
    }
}

impl Door {
    /// Resolves once the gateway has said goodbye to everybody, or is gone.
    pub(super) async fn stopped(&mut self) {
        let _ = self.stopping.wait_for(|stopping| *stopping).await;
    }
}

/// Serves one socket until it is gone.
pub(super) async fn serve<S>(mut stream: S, connection: ConnectionId, address: IpAddr, mut door: Door)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let head = tokio::select! {
        head = timeout(HEAD_TIMEOUT, head(&mut stream)) => head,
        () = door.stopped() => return,
    };
    let Ok(Some((request, rest))) = head else { return };
    let peer = Peer { address, headers: request.headers.clone() };
    if !request.wants_upgrade() {
        let details = door.standing.shows_details(&peer, request.bearer());
        let uptime = details.then(|| door.started.elapsed().as_millis());
        return say(&mut stream, &http::plain(&request, uptime)).await;
    }
    let welcome = match request.upgrade() {
        Ok(welcome) => welcome,
        Err(refusal) => return say(&mut stream, &refusal).await,
    };
    let (outbox, inbox) = channel();
    let (admission, admitted) = oneshot::channel();
    if door.events.send(Event::Open { connection, peer, outbox, admission }).await.is_err() {
        return;
    }
    match admitted.await {
        Ok(Admission::Accepted) => {
            let (reader, writer) = tokio::io::split(stream);
            let socket = Socket {
                reader,
                writer,
                decoder: Decoder::new(door.standing.most_early_bytes, rest),
                out: welcome,
                written: 0,
                inbox,
                phase: Phase::Open,
                welcomed: false,
                deadline: None,
                connection,
                door,
            };
            socket.run().await;
        }
        Ok(Admission::Refused { status, body }) => say(&mut stream, &http::refusal(status, &body)).await,
        // The gateway ended meanwhile.
        Err(_) => {}
    }
}

/// Reads the request head; gives the bytes that came after it too. `None` if there is none and the socket is done with.
async fn head<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> Option<(Request, Vec<u8>)> {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        match http::read_head(&bytes) {
            Head::Whole(request, length) => return Some((request, bytes.split_off(length))),
            Head::Refused(answer) => {
                say(stream, &answer).await;
                return None;
            }
            Head::Partial => {}
        }
        if !matches!(stream.read_buf(&mut bytes).await, Ok(1..)) {
            return None;
        }
    }
}

/// Writes a whole answer and ends our side. A peer that does not read it loses it.
async fn say<S: AsyncWrite + Unpin>(stream: &mut S, answer: &[u8]) {
    let _ = timeout(CLOSE_TIMEOUT, async {
        stream.write_all(answer).await?;
        stream.shutdown().await
    })
    .await;
}

/// How far the end of a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Messages go both ways.
    Open,
    /// Our close frame is on its way or out; the peer's has not come.
    Closing,
    /// Nothing that comes is looked at any more; what we have to send goes out, then our side ends.
    Draining,
    /// Our side has ended; we wait for the peer's.
    Ended,
}

struct Socket<S> {
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    decoder: Decoder,
    /// Bytes for the peer; those before `written` are gone already.
    out: Vec<u8>,
    written: usize,
    inbox: Inbox,
    phase: Phase,
    /// The client is authenticated.
    welcomed: bool,
    /// When the socket is dropped, whatever the peer does.
    deadline: Option<Instant>,
    connection: ConnectionId,
    door: Door,
}

/// What a connection's task woke up for.
enum Wake {
    Written(std::io::Result<usize>),
    Read(std::io::Result<usize>),
    Order(Option<Order>),
    Overflow,
    Stopping,
    Deadline,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Socket<S> {
    async fn run(mut self) {
        self.exchange().await;
        // The gateway may have ended before its connections; then nobody needs to know.
        let _ = self.door.events.send(Event::Closed { connection: self.connection }).await;
    }

    async fn exchange(&mut self) {
        if self.digest().await.is_err() {
            return;
        }
        let overflow = self.inbox.overflow();
        tokio::pin!(overflow);
        let (mut overflown, mut orders, mut stopping, mut finished) = (false, true, false, false);
        loop {
            let (unsent, calm) = (self.written < self.out.len(), self.out.len() - self.written < HIGH_WATER);
            if !unsent && self.phase == Phase::Draining {
                let _ = self.writer.shutdown().await;
                self.phase = Phase::Ended;
            }
            let ended = self.phase == Phase::Ended;
            if ended && (finished || stopping) || stopping && !unsent && self.door.goodbye.is_zero() {
                return;
            }
            let deadline = self.deadline;
            let wake = tokio::select! {
                result = self.writer.write(&self.out[self.written..]), if unsent => Wake::Written(result),
                result = self.reader.read_buf(self.decoder.buffer()), if !finished && (calm || self.phase != Phase::Open) => Wake::Read(result),
                order = self.inbox.next(), if calm && orders => Wake::Order(order),
                () = &mut overflow, if !overflown => Wake::Overflow,
                () = self.door.stopped(), if !stopping => Wake::Stopping,
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => Wake::Deadline,
            };
            match wake {
                Wake::Written(Ok(count @ 1..)) => self.wrote(count),
                Wake::Written(_) | Wake::Deadline | Wake::Read(Err(_)) => return,
                Wake::Read(Ok(0)) => {
                    finished = true;
                    self.hang_up();
                }
                Wake::Read(Ok(_)) => {
                    self.read_what_follows().await;
                    if self.digest().await.is_err() {
                        return;
                    }
                }
                Wake::Order(Some(order)) => self.obey(order),
                Wake::Order(None) => orders = false,
                Wake::Overflow => {
                    overflown = true;
                    self.obey_all();
                    self.obey(Order::Close { code: close::POLICY, reason: "slow consumer".to_owned() });
                }
                Wake::Stopping => {
                    stopping = true;
                    self.obey_all();
                    self.deadline = Some(Instant::now() + self.door.goodbye.max(Duration::from_secs(1)));
                }
            }
        }
    }

    /// The peer has ended its side, with a close frame or without: what is already on its way out still goes.
    fn hang_up(&mut self) {
        if self.phase != Phase::Ended {
            self.phase = Phase::Draining;
            self.deadline.get_or_insert(Instant::now() + CLOSE_TIMEOUT);
        }
    }

    fn wrote(&mut self, count: usize) {
        self.written += count;
        if self.written == self.out.len() {
            self.out.clear();
            self.written = 0;
        }
    }

    fn obey_all(&mut self) {
        while let Some(order) = self.inbox.try_next() {
            self.obey(order);
        }
    }

    fn obey(&mut self, order: Order) {
        if self.phase != Phase::Open {
            return;
        }
        match order {
            Order::Text(text) => encode_text(&mut self.out, &text),
            Order::RaiseLimit => {
                self.welcomed = true;
                self.decoder.set_limit(LIMIT_AFTER_HELLO);
            }
            Order::Pong(payload) => encode_pong(&mut self.out, &payload),
            Order::Close { code, reason } => self.close(Phase::Closing, Some((code, reason.as_bytes()))),
        }
    }

    fn close(&mut self, next: Phase, frame: Option<(u16, &[u8])>) {
        if self.phase == Phase::Open {
            encode_close(&mut self.out, frame);
            self.deadline = Some(Instant::now() + CLOSE_TIMEOUT);
        }
        self.phase = next;
    }

    /// Before the welcome over TCP, takes what the peer sends right behind its connect: the model answers at once, and
    /// would have welcomed it before the next segment is there. A pipe hands over everything in one piece.
    async fn read_what_follows(&mut self) {
        if self.welcomed || self.door.goodbye.is_zero() {
            return;
        }
        let until = Instant::now() + BUSY_WITH_CONNECT;
        while self.decoder.buffer().len() <= READ_AHEAD
            && let Ok(Ok(1..)) = timeout_at(until, self.reader.read_buf(self.decoder.buffer())).await
        {}
    }

    /// Looks at what has come.
    ///
    /// # Errors
    /// The gateway is gone.
    async fn digest(&mut self) -> Result<(), mpsc::error::SendError<Event>> {
        let mut messages = Vec::new();
        while matches!(self.phase, Phase::Open | Phase::Closing) {
            match self.decoder.next() {
                Ok(None) => return self.hand_over(messages).await,
                Ok(Some(incoming)) => self.take(incoming, &mut messages).await?,
                Err(fault) => self.fail(fault),
            }
        }
        self.decoder.buffer().clear();
        self.hand_over(messages).await
    }

    /// Gives the owner what came in one read.
    async fn hand_over(&self, mut messages: Vec<Vec<u8>>) -> Result<(), mpsc::error::SendError<Event>> {
        let connection = self.connection;
        match messages.len() {
            0 => Ok(()),
            1 => self.door.events.send(Event::Message { connection, data: messages.remove(0) }).await,
            _ => self.door.events.send(Event::Burst { connection, messages }).await,
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
                self.hand_over(std::mem::take(messages)).await?;
                self.door.events.send(Event::Ping { connection: self.connection, payload }).await?;
            }
            Incoming::Message(_) | Incoming::Ping(_) | Incoming::Pong => {}
            Incoming::Close(frame) => {
                self.hand_over(std::mem::take(messages)).await?;
                // The owner knows before the peer has our answer: what the peer does next finds it gone.
                self.door.events.send(Event::Closed { connection: self.connection }).await?;
                let echo = frame.as_ref().map(|(code, reason)| (*code, reason.as_slice()));
                self.close(Phase::Draining, echo);
            }
        }
        Ok(())
    }

    fn fail(&mut self, fault: Fault) {
        self.close(Phase::Draining, Some((fault.code(), b"")));
    }
}

#[cfg(test)]
mod tests;
