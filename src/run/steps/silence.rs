//! Finds out whether a gateway that did not answer in a step responds at all. A gateway that never answers is detected
//! in the first step and costs the run two timeouts in total.

use super::context::CaseContext;
use super::liveness::{Liveness, NoAnswer};
use crate::client::connect::Challenge;
use crate::client::{ConnectRequest, Connection, Incoming, OpenError, Reply, unexpected_messages};
use crate::locked::locked;
use crate::observe::{RawFrame, RawMessage, StepEvidence};
use crate::run::timeouts::Wait;
use std::time::Duration;
use tokio::time::Instant;

/// A protocol version that no gateway supports. A connect with it leaves no trace in a store.
const NO_PROTOCOL: i64 = 1_000_000;

impl CaseContext<'_> {
    /// Begins a step, in which the gateway may be probed again.
    pub(crate) fn forget_silence(&self) {
        *locked(&self.there) = None;
    }

    /// How a gateway is silent if nothing arrives on a new connection within the answer timeout. `None` if it answers.
    /// The gateway is probed at most once in each step.
    pub(crate) async fn silence(&self) -> Option<NoAnswer> {
        if self.there().is_none() {
            self.probe(self.timeouts.answer()).await;
        }
        match self.there() {
            Some(Liveness::Silent(silence)) => Some(silence),
            _ => None,
        }
    }

    fn there(&self) -> Option<Liveness> {
        locked(&self.there).clone()
    }

    /// Probes the gateway on a new connection, for at most `at_most`. Returns the time that the answer took.
    pub(crate) async fn probe(&self, at_most: Duration) -> Option<Duration> {
        let (began, limit) = (Instant::now(), self.timeouts.limit(&Wait::Probe).min(at_most));
        let there = self.ask_if_there(began, limit).await;
        let took = began.elapsed();
        match &there {
            Liveness::Answers => self.timeouts.came(&Wait::Probe, took),
            Liveness::Silent(_) => self.timeouts.missed(&Wait::Probe, took),
            Liveness::Refuses => {}
        }
        let answers = there == Liveness::Answers;
        *locked(&self.there) = Some(there);
        answers.then_some(took)
    }

    async fn ask_if_there(&self, began: Instant, within: Duration) -> Liveness {
        let deadline = began + within;
        let Ok(running) = self.running() else { return Liveness::Refuses };
        let Ok(link) = running.link(None) else { return Liveness::Refuses };
        let recorder = self.transcript.recorder("clawcheck checks that the gateway still answers");
        let mut connection = match Connection::open(link, &running.upgrade(), recorder, deadline).await {
            Ok(connection) => connection,
            Err(OpenError::Deadline) => return Liveness::Silent(NoAnswer { within, instead: None }),
            Err(_) => return Liveness::Refuses,
        };
        let request = ConnectRequest { protocol: (NO_PROTOCOL, NO_PROTOCOL), ..ConnectRequest::default() };
        let params = request.params(&Challenge::default(), 0);
        let Ok(pending) = connection.request("connect", params, deadline).await else { return Liveness::Refuses };
        match connection.response(&pending, deadline).await {
            Reply::Response(_) => Liveness::Answers,
            Reply::Closed(_) => Liveness::Refuses,
            Reply::Deadline => {
                let mut received = connection.take_all_unread();
                received.retain(|incoming| !is_challenge(incoming));
                Liveness::Silent(NoAnswer { within, instead: unexpected_messages(&received, &pending.0) })
            }
        }
    }
}

/// The challenge is sent without a request and is not an answer.
fn is_challenge(incoming: &Incoming) -> bool {
    matches!(incoming, Incoming::Text(frame) if frame.event() == Some("connect.challenge"))
}

/// Whether an expected message did not arrive on the step's own connection. If the gateway has answered in this run, a
/// missing challenge only means that it sends none.
pub(crate) fn was_silent(step: &StepEvidence, has_answered: bool) -> bool {
    let mut own = step.received.iter().filter(|received| received.on.is_none()).map(|received| &received.message);
    let late_upgrade = OpenError::Deadline.to_string();
    let missing = |message: &RawMessage| match message {
        RawMessage::Silence => true,
        RawMessage::NoChallenge => !has_answered,
        _ => false,
    };
    own.clone().any(missing) && !own.clone().any(is_answer)
        || own.any(|message| matches!(message, RawMessage::Unreachable(why) if *why == late_upgrade))
}

fn is_answer(message: &RawMessage) -> bool {
    // An answer to an unknown request has no method.
    matches!(message, RawMessage::Frame(RawFrame::Regular { json, method: Some(_) }) if json.get("type") == Some(&"res".into()))
}
