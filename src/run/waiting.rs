//! The waits of a case: the timeout of each wait, what the run learns from it, and whether a short wait ended too
//! early.

use super::frames::ConnectionFrames;
use super::held::{Awaited, Held, answers};
use super::stage::Stage;
use super::timeouts::Wait;
use crate::client::{Connection, Link, OpenError, Pending, SendError, Upgrade};
use crate::limits::Budget;
use crate::observe::Sound;
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The timeout for an answer is this many times the current response time to a probe.
const TIMES_THE_PROBE: u32 = 4;

impl Stage<'_> {
    /// Opens a connection. `frames` validates its frames against the schema, and `budget` limits the data that is kept.
    pub(super) async fn connection(
        &self,
        link: Link,
        upgrade: &Upgrade,
        name: &str,
        frames: ConnectionFrames,
        budget: Budget,
    ) -> Result<Held, OpenError> {
        let (began, limit) = (Instant::now(), self.timeouts.limit(&Wait::Upgrade));
        let recorder = self.transcript.recorder(name);
        let opening = Connection::open(link, upgrade, recorder, began + self.timeouts.answer());
        let mut opening = std::pin::pin!(opening);
        let opened = match timeout_at(began + limit, &mut opening).await {
            Ok(opened) => opened,
            Err(_) => {
                let more = self.slowness(limit).await;
                timeout_at(Instant::now() + more, opening).await.unwrap_or(Err(OpenError::Deadline))
            }
        };
        match &opened {
            Err(OpenError::Deadline) => self.timeouts.missed(&Wait::Upgrade, began.elapsed()),
            _ => self.timeouts.came(&Wait::Upgrade, began.elapsed()),
        }
        Ok(Held::new(opened?, frames, budget))
    }

    /// Waits for the challenge on a new connection whose upgrade took the given time. Also returns what arrives instead
    /// of the challenge, and [`Sound::NoChallenge`] if nothing arrives.
    pub(super) async fn challenge(&self, held: &mut Held, upgraded_in: Duration) -> Sound {
        if self.timeouts.without_challenge() {
            return Sound::NoChallenge;
        }
        let limit = self.timeouts.limit(&Wait::Challenge);
        // A gateway that was slow to upgrade is slow to go on.
        let limit = limit.max(upgraded_in * TIMES_THE_PROBE).min(self.timeouts.answer());
        let began = Instant::now();
        let first = held.listen(began + limit, |_| true).await.pop().unwrap_or(Sound::Silence);
        match first {
            Sound::Silence => {
                self.timeouts.missed(&Wait::Challenge, began.elapsed());
                held.unanswered = false;
                Sound::NoChallenge
            }
            first => {
                if is_challenge(&first) {
                    self.timeouts.came(&Wait::Challenge, began.elapsed());
                }
                first
            }
        }
    }

    /// Sends a request.
    pub(super) async fn request(&self, held: &mut Held, method: &str, params: Value) -> Result<Pending, SendError> {
        let (began, limit) = (Instant::now(), self.timeouts.limit(&Wait::Sent));
        let sent = held.connection.request(method, params, began + limit).await;
        self.note_sent(began, sent.as_ref().err());
        if let Ok(pending) = &sent {
            held.sent(pending, method);
        }
        sent
    }

    /// Records whether the gateway accepted what was sent since the given time.
    pub(super) fn note_sent(&self, began: Instant, error: Option<&SendError>) {
        match error {
            Some(SendError::Deadline) => self.timeouts.missed(&Wait::Sent, began.elapsed()),
            Some(SendError::Ended) => {}
            None => self.timeouts.came(&Wait::Sent, began.elapsed()),
        }
    }

    /// Waits for the answer to a request.
    pub(super) async fn answer(&self, held: &mut Held, pending: &Pending, wait: &Wait) -> Vec<Sound> {
        let id = pending.0.clone();
        self.listen(held, wait, |sound| answers(sound, &id)).await
    }

    /// Waits for the answer to a call. A gateway with its own clock sends nothing more once it has read all requests.
    pub(super) async fn answer_to_call(&self, held: &mut Held, pending: &Pending, method: &str) -> Vec<Sound> {
        let id = pending.0.clone();
        match self.has_own_clock() {
            true => self.listen_briefly(held, |sound| answers(sound, &id)).await,
            false => self.answer(held, pending, &Wait::Call(method.to_owned())).await,
        }
    }

    /// Waits for the event of a step that cannot arrive before the given time, and returns everything received until
    /// then. Messages that arrived earlier and were kept count.
    pub(super) async fn wait_for(&self, held: &mut Held, awaited: &Awaited, earliest: Duration) -> Vec<Sound> {
        if let Some(kept) = held.take_kept(awaited) {
            return vec![kept];
        }
        let wanted = held.wanted(awaited);
        if self.has_own_clock() {
            return self.listen_briefly(held, wanted).await;
        }
        let wait = match awaited {
            Awaited::Close => Wait::Close,
            Awaited::Answer(_) => Wait::LaterAnswer,
            Awaited::Event(name) => Wait::Event(name.clone()),
        };
        self.listen_after(held, &wait, earliest, wanted).await
    }

    /// Receives messages from a gateway with its own clock, after it has read what was sent on every connection.
    async fn listen_briefly(&self, held: &mut Held, last: impl FnMut(&Sound) -> bool) -> Vec<Sound> {
        for other in self.all_held() {
            // One that is in use has a step of its own, played side by side with this one; `held` itself is too.
            if let Ok(mut other) = other.try_lock() {
                other.round_trip(&self.timeouts).await;
            }
        }
        held.listen_briefly(&self.timeouts, last).await
    }

    /// Receives messages until `last` accepts one, the connection ends, or the timeout expires. Returns all messages in
    /// order; without an answer, the last item is [`Sound::Silence`].
    pub(super) async fn listen(
        &self,
        held: &mut Held,
        wait: &Wait,
        last: impl FnMut(&Sound) -> bool + Send,
    ) -> Vec<Sound> {
        self.listen_after(held, wait, Duration::ZERO, last).await
    }

    /// The same for an answer that cannot arrive before the given time.
    async fn listen_after(
        &self,
        held: &mut Held,
        wait: &Wait,
        earliest: Duration,
        mut last: impl FnMut(&Sound) -> bool + Send,
    ) -> Vec<Sound> {
        let (before, limit) = (held.unanswered, self.timeouts.limit(wait));
        let due = Instant::now() + earliest;
        let mut heard = held.listen(due + limit, &mut last).await;
        // A gateway that is slow just now was not waited for long enough: it is asked, and given as much time as it needs.
        if heard.last() == Some(&Sound::Silence) && self.timeouts.is_in_doubt(wait, limit) {
            heard.pop();
            held.unanswered = before;
            let more = self.slowness(limit).await;
            heard.extend(held.listen(Instant::now() + more, &mut last).await);
        }
        let took = Instant::now().saturating_duration_since(due);
        match heard.last() {
            Some(Sound::Silence) => self.timeouts.missed(wait, took),
            Some(Sound::Close { .. }) if matches!(wait, Wait::Refusal | Wait::Close) => self.timeouts.came(wait, took),
            Some(sound) if last(sound) => self.timeouts.came(wait, took),
            _ => {}
        }
        heard
    }

    /// Probes the gateway and returns how much longer to wait, based on its current speed. Returns `None` if the
    /// gateway does not answer the probe within the maximum wait.
    async fn slowness(&self, waited: Duration) -> Duration {
        let left = self.timeouts.answer().saturating_sub(waited);
        self.probe(left).await.unwrap_or_default().saturating_mul(TIMES_THE_PROBE).min(left)
    }
}

/// Whether this is a challenge.
pub(super) fn is_challenge(sound: &Sound) -> bool {
    matches!(sound, Sound::Frame { frame, .. } if frame.get("event").and_then(Value::as_str) == Some("connect.challenge"))
}
