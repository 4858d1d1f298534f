//! Whether a gateway that did not answer in a step is there at all: one that never answers is found out with the first
//! step, and costs two deadlines and not two for every case.

use super::stage::Stage;
use crate::client::connect::Challenge;
use crate::client::{ConnectRequest, Connection, Incoming, OpenError, Reply, instead_of_response};
use crate::observe::{Sound, StepEvidence};
use std::fmt;
use std::time::Duration;

/// A protocol version that no gateway will ever have: whoever asks for it leaves no trace in a store.
const NO_PROTOCOL: i64 = 1_000_000;

impl Stage<'_> {
    /// What a new connection brings that nobody knows of, where that is no answer until the deadline. `None` where there is
    /// one. A gateway that is down is not silent: it refuses.
    pub(super) async fn silence(&self) -> Option<Silence> {
        let running = self.running().ok()?;
        let link = running.link(None).ok()?;
        let within = self.patience.answer;
        let deadline = self.deadline();
        let opened = Connection::open(
            link,
            &running.upgrade(),
            self.transcript.recorder("clawcheck asks if it is there"),
            deadline,
        )
        .await;
        let mut connection = match opened {
            Ok(connection) => connection,
            Err(error) => return matches!(error, OpenError::Deadline).then_some(Silence { within, instead: None }),
        };
        let request = ConnectRequest { protocol: (NO_PROTOCOL, NO_PROTOCOL), ..ConnectRequest::default() };
        let params = request.params(&Challenge::default(), 0);
        let pending = connection.request("connect", params, deadline).await.ok()?;
        match connection.response(&pending, deadline).await {
            Reply::Deadline => {
                let mut received = connection.take_all_unread();
                received.retain(|incoming| !is_challenge(incoming));
                Some(Silence { within, instead: instead_of_response(&received, &pending.0) })
            }
            Reply::Response(_) | Reply::Closed(_) => None,
        }
    }
}

/// How a gateway did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Silence {
    /// How long each of its answers was waited for.
    within: Duration,
    /// What it sent in the place of an answer; nothing but perhaps its challenge where absent.
    instead: Option<String>,
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.within.as_secs();
        match &self.instead {
            None => write!(
                f,
                "the gateway is silent: nothing came in a step, nor on a new connection, each within {seconds} s"
            ),
            Some(instead) => write!(
                f,
                "the gateway does not answer: no response came in a step, nor on a new connection, each within {seconds} s; \
                 there {instead}"
            ),
        }
    }
}

/// The challenge comes unasked, and is no answer.
fn is_challenge(incoming: &Incoming) -> bool {
    matches!(incoming, Incoming::Text(frame) if frame.event() == Some("connect.challenge"))
}

/// Whether nothing came on the step's own connection that should have.
pub(super) fn was_silent(step: &StepEvidence) -> bool {
    step.heard.iter().any(|heard| heard.on.is_none() && heard.sound == Sound::Silence)
}
