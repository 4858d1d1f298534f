//! Whether a gateway that did not answer in a step is there at all: one that never answers is found out with the first
//! step, and costs two deadlines and not two for every case.

use super::stage::Stage;
use crate::client::connect::Challenge;
use crate::client::{ConnectRequest, Connection, OpenError, Reply};
use crate::observe::{Sound, StepEvidence};

/// A protocol version that no gateway will ever have: whoever asks for it leaves no trace in a store.
const NO_PROTOCOL: i64 = 1_000_000;

impl Stage<'_> {
    /// Whether nothing at all comes on a new connection within the deadline of an answer. A gateway that is down is not
    /// silent: it refuses.
    pub(super) async fn is_silent(&self) -> bool {
        let Ok(running) = self.running() else { return false };
        let Ok(link) = running.link(None) else { return false };
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
            Err(error) => return matches!(error, OpenError::Deadline),
        };
        let request = ConnectRequest { protocol: (NO_PROTOCOL, NO_PROTOCOL), ..ConnectRequest::default() };
        let params = request.params(&Challenge::default(), 0);
        match connection.request("connect", params, deadline).await {
            Ok(pending) => matches!(connection.response(&pending, deadline).await, Reply::Deadline),
            Err(_) => false,
        }
    }
}

/// Whether nothing came on the step's own connection that should have.
pub(super) fn was_silent(step: &StepEvidence) -> bool {
    step.heard.iter().any(|heard| heard.on.is_none() && heard.sound == Sound::Silence)
}
