//! The waits of a case: the timeout of each wait, what the run learns from it, and whether a short wait ended too
//! early.

use super::context::CaseContext;
use super::frames::ConnectionFrames;
use super::session::{Awaited, Session, answers};
use crate::client::{Connection, Link, OpenError, RequestId, SendError, Upgrade};
use crate::observe::RawMessage;
use crate::run::timeouts::Wait;
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use untrusted_data::limits::Budget;

/// The timeout for an answer is this many times the current response time to a probe.
const RESPONSE_TIME_FACTOR: u32 = 4;

impl CaseContext<'_> {
    /// Opens a connection. `frames` validates its frames against the schema, and `budget` limits the data that is kept.
    pub(crate) async fn connection(
        &self,
        link: Link,
        upgrade: &Upgrade,
        name: &str,
        frames: ConnectionFrames,
        budget: Budget,
    ) -> Result<Session, OpenError> {
        let (began, limit) = (Instant::now(), self.timeouts.limit(&Wait::Upgrade));
        let recorder = self.transcript.recorder(name);
        let opening = Connection::open(link, upgrade, recorder, began + self.timeouts.answer());
        let mut opening = std::pin::pin!(opening);
        let opened = match timeout_at(began + limit, &mut opening).await {
            Ok(opened) => opened,
            Err(_) => {
                let more = self.extra_wait(limit).await;
                timeout_at(Instant::now() + more, opening).await.unwrap_or(Err(OpenError::Deadline))
            }
        };
        match &opened {
            Err(OpenError::Deadline) => self.timeouts.missed(&Wait::Upgrade, began.elapsed()),
            _ => self.timeouts.came(&Wait::Upgrade, began.elapsed()),
        }
        Ok(Session::new(opened?, frames, budget))
    }

    /// Waits for the challenge on a new connection whose upgrade took the given time. Also returns what arrives instead
    /// of the challenge, and [`RawMessage::NoChallenge`] if nothing arrives. `None` if the gateway declares that it sends none.
    pub(crate) async fn challenge(&self, session: &mut Session, upgraded_in: Duration) -> Option<RawMessage> {
        if self.timeouts.without_challenge() {
            return None;
        }
        let limit = self.timeouts.limit(&Wait::Challenge);
        // A gateway with a slow upgrade is probably slow for the challenge too.
        let limit = limit.max(upgraded_in * RESPONSE_TIME_FACTOR).min(self.timeouts.answer());
        let began = Instant::now();
        let first = session.listen(began + limit, |_| true).await.pop().unwrap_or(RawMessage::Silence);
        Some(match first {
            RawMessage::Silence => {
                self.timeouts.missed(&Wait::Challenge, began.elapsed());
                session.unanswered = false;
                RawMessage::NoChallenge
            }
            first => {
                if is_challenge(&first) {
                    self.timeouts.came(&Wait::Challenge, began.elapsed());
                }
                first
            }
        })
    }

    /// Sends a request.
    pub(crate) async fn request(
        &self,
        session: &mut Session,
        method: &str,
        params: Value,
    ) -> Result<RequestId, SendError> {
        let (began, limit) = (Instant::now(), self.timeouts.limit(&Wait::Sent));
        let sent = session.connection.request(method, params, began + limit).await;
        self.note_sent(began, sent.as_ref().err());
        if let Ok(pending) = &sent {
            session.sent(pending, method);
        }
        sent
    }

    /// Records whether the gateway accepted what was sent since the given time.
    pub(crate) fn note_sent(&self, began: Instant, error: Option<&SendError>) {
        match error {
            Some(SendError::Deadline) => self.timeouts.missed(&Wait::Sent, began.elapsed()),
            Some(SendError::Ended) => {}
            None => self.timeouts.came(&Wait::Sent, began.elapsed()),
        }
    }

    /// Waits for the answer to a request.
    pub(crate) async fn answer(&self, session: &mut Session, pending: &RequestId, wait: &Wait) -> Vec<RawMessage> {
        let id = pending.0.clone();
        self.listen(session, wait, |message| answers(message, &id)).await
    }

    /// Waits for the answer to a call. A gateway with its own clock sends nothing more once it has read all requests.
    pub(crate) async fn answer_to_call(
        &self,
        session: &mut Session,
        pending: &RequestId,
        method: &str,
    ) -> Vec<RawMessage> {
        let id = pending.0.clone();
        match self.has_own_clock() {
            true => self.listen_briefly(session, |message| answers(message, &id)).await,
            false => self.answer(session, pending, &Wait::Call(method.to_owned())).await,
        }
    }

    /// Waits for the event of a step that cannot arrive before the given time, and returns everything received until
    /// then. Messages that arrived earlier and were kept count.
    pub(crate) async fn wait_for(
        &self,
        session: &mut Session,
        awaited: &Awaited,
        earliest: Duration,
    ) -> Vec<RawMessage> {
        if let Some(kept) = session.take_kept(awaited) {
            return vec![kept];
        }
        let wanted = session.wanted(awaited);
        if self.has_own_clock() {
            return self.listen_briefly(session, wanted).await;
        }
        let wait = match awaited {
            Awaited::Close => Wait::Close,
            Awaited::Answer(_) => Wait::LaterAnswer,
            Awaited::Event(name) => Wait::Event(name.clone()),
        };
        self.listen_after(session, &wait, earliest, wanted).await
    }

    /// Receives messages from a gateway with its own clock, after it has read what was sent on every connection.
    async fn listen_briefly(&self, session: &mut Session, last: impl FnMut(&RawMessage) -> bool) -> Vec<RawMessage> {
        for other in self.all_sessions() {
            // A connection that is in use belongs to a step that is played in parallel. The same applies to
            // `session`.
            if let Ok(mut other) = other.try_lock() {
                other.round_trip(&self.timeouts).await;
            }
        }
        session.listen_briefly(&self.timeouts, last).await
    }

    /// Receives messages until `last` accepts one, the connection ends, or the timeout expires. Returns all messages in
    /// order; without an answer, the last item is [`RawMessage::Silence`].
    pub(crate) async fn listen(
        &self,
        session: &mut Session,
        wait: &Wait,
        last: impl FnMut(&RawMessage) -> bool + Send,
    ) -> Vec<RawMessage> {
        self.listen_after(session, wait, Duration::ZERO, last).await
    }

    /// Waits for an answer that cannot arrive before the given time.
    async fn listen_after(
        &self,
        session: &mut Session,
        wait: &Wait,
        earliest: Duration,
        mut last: impl FnMut(&RawMessage) -> bool + Send,
    ) -> Vec<RawMessage> {
        let (before, limit) = (session.unanswered, self.timeouts.limit(wait));
        let due = Instant::now() + earliest;
        let mut received = session.listen(due + limit, &mut last).await;
        // The wait may be too short if the gateway is currently slow, so the gateway is probed and gets as much time as
        // it needs.
        if received.last() == Some(&RawMessage::Silence) && self.timeouts.can_still_arrive(wait, limit) {
            received.pop();
            session.unanswered = before;
            let more = self.extra_wait(limit).await;
            received.extend(session.listen(Instant::now() + more, &mut last).await);
        }
        let took = Instant::now().saturating_duration_since(due);
        match received.last() {
            Some(RawMessage::Silence) => self.timeouts.missed(wait, took),
            Some(RawMessage::Close { .. }) if matches!(wait, Wait::Refusal | Wait::Close) => {
                self.timeouts.came(wait, took)
            }
            Some(message) if last(message) => self.timeouts.came(wait, took),
            _ => {}
        }
        received
    }

    /// Probes the gateway and returns how much longer to wait, based on its current speed. Returns `None` if the
    /// gateway does not answer the probe within the maximum wait.
    async fn extra_wait(&self, waited: Duration) -> Duration {
        let left = self.timeouts.answer().saturating_sub(waited);
        self.probe(left).await.unwrap_or_default().saturating_mul(RESPONSE_TIME_FACTOR).min(left)
    }
}

/// Whether this is a challenge.
pub(crate) fn is_challenge(message: &RawMessage) -> bool {
    message.frame().is_some_and(|frame| frame.get("event").and_then(Value::as_str) == Some("connect.challenge"))
}
