//! The task that holds a gateway's model and passes it one input at a time.

use super::clock::{Clock, real_delay};
use super::entropy::SeededEntropy;
use super::frames::FrameError;
use super::logs::{Logs, TraceListener};
use super::outbox::{Outbox, OutboxCommand};
use openclaw_model::{ConnectionId, Effect, Environment, Input, Model, Outcome, Peer};
use openclaw_protocol::frame::ServerFrame;
use openclaw_protocol::store::Documents;
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

/// An event for the actor.
pub(super) enum Event {
    /// An upgrade request.
    Open { connection: ConnectionId, peer: Peer, outbox: Outbox, admission: oneshot::Sender<Admission> },
    /// A complete message.
    Message { connection: ConnectionId, data: Vec<u8> },
    /// Several complete messages of one read.
    Burst { connection: ConnectionId, messages: Vec<Vec<u8>> },
    /// A ping. It is answered in order: a client with the pong has received everything before it.
    Ping { connection: ConnectionId, payload: Vec<u8> },
    /// The client's bytes are no HTTP upgrade. The socket has the answer with this status.
    NotUpgraded { connection: ConnectionId, peer: Peer, status: u16, why: &'static str },
    /// The client's bytes are not a WebSocket message, or are too many. The socket has sent a close frame.
    Broken { connection: ConnectionId, fault: FrameError },
    /// The socket is closed.
    Closed { connection: ConnectionId },
    /// Moves the manual clock to this time.
    Advance { to: i64, done: oneshot::Sender<()> },
    /// Report when all earlier inputs are handled.
    Written { done: oneshot::Sender<()> },
    /// Send close frames to all clients and end.
    Stop { done: oneshot::Sender<()> },
}

/// Whether an upgrade is accepted.
pub(super) enum Admission {
    Accepted,
    Refused { status: u16, body: String },
}

/// A gateway's model and everything that an answer depends on.
pub(super) struct Actor {
    pub(super) model: Model,
    pub(super) store: Box<dyn Documents + Send>,
    pub(super) entropy: SeededEntropy,
    pub(super) clock: Clock,
    pub(super) logs: Logs,
    pub(super) trace: Option<TraceListener>,
    pub(super) events: mpsc::Receiver<Event>,
    /// Set when the close frames are queued. Connections then only send what is queued.
    pub(super) stopping: watch::Sender<bool>,
    pub(super) outboxes: HashMap<ConnectionId, Outbox>,
    pub(super) wake_at: Option<i64>,
}

impl Actor {
    /// Runs until it is told to stop or no sender is left.
    pub(super) async fn run(mut self) {
        loop {
            let alarm = self.next_deadline();
            tokio::select! {
                event = self.events.recv() => match event {
                    Some(Event::Stop { done }) => {
                        self.feed(Input::Stop);
                        self.stopping.send_replace(true);
                        let _ = done.send(());
                        return;
                    }
                    Some(event) => self.handle(event),
                    None => return,
                },
                () = sleep_until(alarm.unwrap_or_else(Instant::now)), if alarm.is_some() => {
                    self.feed(Input::Wake);
                }
            }
        }
    }

    /// When the machine's clock reaches the time that the model waits for. A manual clock needs no timer.
    fn next_deadline(&self) -> Option<Instant> {
        match self.clock {
            // Never immediately: the model would have acted in the previous input.
            Clock::Real => self.wake_at.map(|at| Instant::now() + real_delay(at).max(Duration::from_millis(1))),
            Clock::Manual(_) => None,
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Open { connection, peer, outbox, admission } => {
                self.outboxes.insert(connection, outbox);
                let refusal = self.feed(Input::Open { connection, peer });
                let refused = refusal.is_some();
                // A peer that has disconnected in the meantime sends `Closed` like any other.
                let _ = admission.send(refusal.unwrap_or(Admission::Accepted));
                if refused {
                    self.outboxes.remove(&connection);
                }
            }
            Event::Message { connection, data } => {
                self.feed(Input::Message { connection, data });
            }
            Event::Burst { connection, messages } => {
                self.feed(Input::Burst { connection, messages });
            }
            Event::Ping { connection, payload } => {
                if let Some(outbox) = self.outboxes.get_mut(&connection) {
                    outbox.push(OutboxCommand::Pong(payload));
                }
            }
            Event::NotUpgraded { connection, peer, status, why } => {
                self.feed(Input::NotUpgraded { connection, peer, status, why });
            }
            Event::Broken { connection, fault } => {
                self.feed(Input::Broken { connection, code: fault.code(), why: fault.to_string() });
            }
            Event::Closed { connection } => {
                if self.outboxes.remove(&connection).is_some() {
                    self.feed(Input::Closed { connection });
                }
            }
            Event::Advance { to, done } => {
                self.advance(to);
                let _ = done.send(());
            }
            Event::Written { done } => {
                let _ = done.send(());
            }
            Event::Stop { .. } => {}
        }
    }

    /// Moves a manual clock, and stops at every time at which the model wants to be woken.
    fn advance(&mut self, to: i64) {
        let Clock::Manual(clock) = self.clock.clone() else { return };
        while let Some(at) = self.wake_at.filter(|at| *at <= to) {
            clock.move_to(at);
            self.feed(Input::Wake);
            if self.wake_at == Some(at) {
                break;
            }
        }
        clock.move_to(to);
    }

    /// Passes one input to the model and performs its effects. Returns the refusal of an upgrade if there is one.
    fn feed(&mut self, input: Input) -> Option<Admission> {
        let mut environment =
            Environment { now: self.clock.now(), store: &mut *self.store, entropy: &mut self.entropy };
        let outcome = self.model.handle(input, &mut environment);
        self.tell(&outcome);
        self.wake_at = outcome.wake_at;
        let mut refusal = None;
        for effect in outcome.effects {
            match effect {
                Effect::RefuseUpgrade { status, body, .. } => refusal = Some(Admission::Refused { status, body }),
                Effect::Send { connection, frame } => self.send(connection, &frame),
                Effect::Close { connection, code, reason } => {
                    self.command(connection, OutboxCommand::Close { code, reason })
                }
                Effect::Log(line) => self.logs.push(line),
            }
        }
        refusal
    }

    /// Passes the trace to the listener.
    fn tell(&self, outcome: &Outcome) {
        let Some(listener) = &self.trace else { return };
        for line in &outcome.trace {
            if let Some(ConnectionId(number)) = line.connection {
                listener(number, line);
            }
        }
    }

    fn send(&mut self, connection: ConnectionId, frame: &ServerFrame) {
        if is_hello(frame) {
            self.command(connection, OutboxCommand::RaiseLimit);
        }
        match serde_json::to_string(frame) {
            Ok(text) => self.command(connection, OutboxCommand::Text(text)),
            Err(error) => self.logs.push(format!("frame not sent: {error}")),
        }
    }

    fn command(&mut self, connection: ConnectionId, command: OutboxCommand) {
        if let Some(outbox) = self.outboxes.get_mut(&connection) {
            outbox.push(command);
        }
    }
}

/// Whether a client can send messages of more than 64 KiB after this frame (`setSocketMaxPayload`).
fn is_hello(frame: &ServerFrame) -> bool {
    matches!(frame, ServerFrame::Res { ok: true, payload: Some(payload), .. }
        if payload.get("type").and_then(|kind| kind.as_str()) == Some("hello-ok"))
}
