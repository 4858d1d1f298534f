//! Closes a connection.

use super::session::Session;
use crate::client::SendError;
use crate::observe::RawMessage;
use crate::run::timeouts::{Timeouts, Wait};
use std::time::Duration;
use tokio::time::Instant;

/// Maximum time for a gateway that did not answer on a connection to notice the close. A running gateway needs
/// milliseconds, and a hanging one has already cost a timeout.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Closes a connection like a client with nothing left to send, and waits until the gateway has seen the close.
pub(crate) async fn close_session(session: &mut Session, timeouts: &Timeouts) {
    if session.is_over() {
        return;
    }
    let (began, limit) = (Instant::now(), timeouts.limit(&Wait::Goodbye));
    let deadline = began + if session.unanswered { limit.min(CLOSE_TIMEOUT) } else { limit };
    let answer = match session.connection.close(Some(1000), "", deadline).await {
        Ok(()) => session.listen(deadline, |_| false).await.pop(),
        // Not even the close frame could be sent.
        Err(SendError::Deadline) => None,
        Err(SendError::Ended) => return,
    };
    match answer {
        Some(RawMessage::Close { .. }) => timeouts.came(&Wait::Goodbye, began.elapsed()),
        _ => timeouts.missed(&Wait::Goodbye, began.elapsed()),
    }
}
