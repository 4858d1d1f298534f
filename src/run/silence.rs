//! Whether a gateway that did not answer in a step is there at all: one that never answers is found out with the first
//! step, and costs two deadlines and not two for every case.

use super::stage::Stage;
use super::timeouts::Wait;
use crate::client::connect::Challenge;
use crate::client::{ConnectRequest, Connection, OpenError, Reply};
use crate::observe::{Sound, StepEvidence};
use std::sync::PoisonError;
use std::time::Duration;
use tokio::time::Instant;

/// A protocol version that no gateway will ever have: whoever asks for it leaves no trace in a store.
const NO_PROTOCOL: i64 = 1_000_000;

impl Stage<'_> {
    /// Begins a step: the gateway may be asked again.
    pub(super) fn forget_silence(&self) {
        *self.found_silent.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether nothing at all comes on a new connection within the deadline of an answer. A gateway that is down is not
    /// silent: it refuses. In each step it is asked once.
    pub(super) async fn is_silent(&self) -> bool {
        let asked = *self.found_silent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(silent) = asked {
            return silent;
        }
        self.probe(self.timeouts.answer()).await;
        self.found_silent.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or_default()
    }

    /// Asks the gateway on a new connection whether it is there, within `at_most`. Gives how long it took to answer.
    pub(super) async fn probe(&self, at_most: Duration) -> Option<Duration> {
        let (began, limit) = (Instant::now(), self.timeouts.limit(&Wait::Probe).min(at_most));
        let answered = self.ask_if_there(began + limit).await;
        let took = began.elapsed();
        match answered {
            Some(true) => self.timeouts.came(&Wait::Probe, took),
            Some(false) => self.timeouts.missed(&Wait::Probe, took),
            None => {}
        }
        let silent = answered == Some(false);
        *self.found_silent.lock().unwrap_or_else(PoisonError::into_inner) = Some(silent);
        (answered == Some(true)).then_some(took)
    }

    /// Whether an answer comes until the deadline; `None` where it cannot be asked or ends the connection.
    async fn ask_if_there(&self, deadline: Instant) -> Option<bool> {
        let running = self.running().ok()?;
        let link = running.link(None).ok()?;
        let recorder = self.transcript.recorder("clawcheck asks if it is there");
        let mut connection = match Connection::open(link, &running.upgrade(), recorder, deadline).await {
            Ok(connection) => connection,
            Err(OpenError::Deadline) => return Some(false),
            Err(_) => return None,
        };
        let request = ConnectRequest { protocol: (NO_PROTOCOL, NO_PROTOCOL), ..ConnectRequest::default() };
        let params = request.params(&Challenge::default(), 0);
        let pending = connection.request("connect", params, deadline).await.ok()?;
        match connection.response(&pending, deadline).await {
            Reply::Response(_) => Some(true),
            Reply::Closed(_) => None,
            Reply::Deadline => Some(false),
        }
    }
}

/// Whether nothing came on the step's own connection that should have. Of a gateway that has answered in this run, a missing
/// challenge says no more than that it sends none.
pub(super) fn was_silent(step: &StepEvidence, has_answered: bool) -> bool {
    let mut own = step.heard.iter().filter(|heard| heard.on.is_none()).map(|heard| &heard.sound);
    let late_upgrade = OpenError::Deadline.to_string();
    let missing = |sound: &Sound| match sound {
        Sound::Silence => true,
        Sound::NoChallenge => !has_answered,
        _ => false,
    };
    own.clone().any(missing) && !own.clone().any(is_answer)
        || own.any(|sound| matches!(sound, Sound::Unreachable(why) if *why == late_upgrade))
}

fn is_answer(sound: &Sound) -> bool {
    matches!(sound, Sound::Frame { frame, .. } if frame.get("type") == Some(&"res".into()))
}
