//! The question about a client that sends nothing. Only this question takes seconds, so it has its own connection beside
//! those of the other questions.

use super::Settings;
use super::answer::{self, Answer, Decision};
use super::ask::{MAX_MESSAGES, open};
use crate::client::Incoming;
use crate::gateway::Running;
use std::time::Duration;
use tokio::time::Instant;

/// The interval at which a silent connection is polled, by the clock of an embedded gateway.
const SILENCE_STEP: Duration = Duration::from_millis(500);

/// Measures how long a gateway waits for a client that sends nothing, and how it then closes the connection.
pub(super) async fn by_waiting(running: &Running, settings: &Settings) -> Answer {
    let deadline = Instant::now() + settings.answer;
    let mut connection = match open(running, settings.peer, &running.upgrade(), deadline).await {
        Ok(connection) => connection,
        Err(error) => return Answer::of_open(&error),
    };
    let began = Instant::now();
    for _ in 0..MAX_MESSAGES {
        match connection.next(began + settings.silence).await {
            Incoming::Closed(closed) => return closed_after(answer::parting(&closed), began.elapsed()),
            Incoming::Deadline => break,
            Incoming::Text(_) | Incoming::Binary(_) => {}
        }
    }
    Answer::new(Decision::Silent, format!("still open after {} s", settings.silence.as_secs()))
}

/// The handshake timeout of a gateway whose clock clawcheck can move.
pub(super) async fn by_clock(running: &mut Running, settings: &Settings) -> Answer {
    let upgrade = running.upgrade();
    let mut connection = match open(running, settings.peer, &upgrade, Instant::now() + settings.answer).await {
        Ok(connection) => connection,
        Err(error) => return Answer::of_open(&error),
    };
    let began = running.now();
    let elapsed = |now: i64| Duration::from_millis(u64::try_from(now - began).unwrap_or_default());
    while elapsed(running.now()) < settings.silence {
        // A pong shows that the gateway has read all earlier messages and that the connection is open.
        if !connection.ping(Instant::now() + settings.answer).await {
            break;
        }
        if running.advance(SILENCE_STEP).await.is_err() {
            break;
        }
    }
    match connection.ended() {
        Some(closed) => closed_after(answer::parting(closed), elapsed(running.now())),
        None => Answer::new(Decision::Silent, format!("still open after {} s", settings.silence.as_secs())),
    }
}

fn closed_after(parting: String, after: Duration) -> Answer {
    Answer { after: Some(after), ..Answer::new(Decision::Refused, parting) }
}
