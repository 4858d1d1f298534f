//! Actions on connections: open, connect, send a raw frame, close.

use crate::client::connect::Challenge;
use crate::client::{OpenError, RequestId, Upgrade};
use crate::observe::{RawMessage, StepEvidence};
use crate::run::steps::close::close_session;
use crate::run::steps::connect::{self, Connecting};
use crate::run::steps::context::{CaseContext, CaseError};
use crate::run::steps::received::{is_ok, is_over, note, own, received};
use crate::run::steps::session::{self, Session};
use crate::run::steps::waiting::is_challenge;
use crate::run::timeouts::Wait;
use crate::scenario::Step;
use crate::scenario::connect::{Connect, Via};
use crate::scenario::step::{Frame, Open};
use openclaw_model::Facts;
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

impl CaseContext<'_> {
    pub(crate) async fn connect(&self, step: &Step, connect: &Connect) -> Result<StepEvidence, CaseError> {
        let device = connect.device.name().map(|name| name.as_str());
        let plain = self.running()?.upgrade();
        let upgrade =
            connect::upgrade(plain, connect.via, &connect.headers, connect.origin.as_ref(), connect.host.as_ref());
        let name = step.known_as().map(|name| name.as_str());
        let (mut received, session) = self.open(name.or(device).unwrap_or("client"), connect.via, &upgrade).await?;
        if let Some(mut session) = session {
            session.device = device.map(str::to_owned);
            let challenge = challenge(&received);
            if let (Some(name), Some(nonce)) = (name, &challenge.nonce) {
                self.bindings.challenged(name, nonce);
            }
            let mut messages = self.introduce(&mut session, connect, &challenge, name).await;
            session::learn(&self.bindings, name, device, &messages);
            session.drop_large_members(&mut messages, connect.show_features);
            received.extend(messages);
            received.extend(self.keep_or_close(step, session).await);
        }
        Ok(StepEvidence {
            opens: self.awaits_challenge(),
            shows_features: connect.show_features,
            received: received.into_iter().map(own).collect(),
            ..StepEvidence::default()
        })
    }

    /// Sends the connect request and receives the answer. If the gateway refuses, also receives the close.
    async fn introduce(
        &self,
        session: &mut Session,
        connect: &Connect,
        challenge: &Challenge,
        name: Option<&str>,
    ) -> Vec<RawMessage> {
        if session.is_over() {
            return Vec::new();
        }
        let connecting = Connecting {
            bindings: &self.bindings,
            settings: &self.case.scenario.gateway,
            offers: Facts::nearest(self.speaking).client,
            proof: self.gateway.profile().proof,
        };
        let params = match connecting.params(connect, challenge, self.now()) {
            Ok(params) => params,
            Err(why) => return vec![RawMessage::Note(why)],
        };
        let Ok(pending) = self.request(session, "connect", params).await else {
            return self.listen(session, &Wait::Refusal, |_| false).await;
        };
        session.named(&pending, name);
        let mut messages = self.answer(session, &pending, &Wait::Connect).await;
        // The gateway does send a challenge, and the wait was too short. The delay is part of the time that the answer
        // took.
        if challenge.nonce.is_none() && messages.iter().any(is_challenge) {
            self.timeouts.came(&Wait::Challenge, Duration::ZERO);
        }
        session.admitted = messages.last().is_some_and(is_ok);
        if !session.admitted && !matches!(messages.last(), Some(RawMessage::Silence | RawMessage::Close { .. })) {
            messages.extend(self.listen(session, &Wait::Refusal, |_| false).await);
        }
        messages
    }

    /// Opens a connection and waits for the challenge. If there is no connection, the received messages contain the
    /// reason.
    async fn open(
        &self,
        name: &str,
        via: Via,
        upgrade: &Upgrade,
    ) -> Result<(Vec<RawMessage>, Option<Session>), CaseError> {
        let link = self.running()?.link(connect::peer(via))?;
        let began = Instant::now();
        let (frames, budget) = (self.frames.on(name), self.budget.clone());
        let mut session = match self.connection(link, upgrade, name, frames, budget).await {
            Ok(session) => session,
            Err(OpenError::Status { status, .. }) => return Ok((vec![RawMessage::Http(status)], None)),
            Err(OpenError::Machine(why)) => return Err(CaseError::Machine(why)),
            Err(error) => return Ok((vec![RawMessage::Unreachable(unreachable(&error))], None)),
        };
        let first = self.challenge(&mut session, began.elapsed()).await;
        Ok((first.into_iter().collect(), Some(session)))
    }

    pub(crate) async fn open_step(&self, step: &Step, open: &Open) -> Result<StepEvidence, CaseError> {
        let mut plain = self.running()?.upgrade();
        if let Some(path) = &open.path {
            plain.path.clone_from(path);
        }
        let upgrade = connect::upgrade(plain, open.via, &open.headers, open.origin.as_ref(), open.host.as_ref());
        let name = step.known_as().map(|name| name.as_str());
        let (mut received, session) = self.open(name.unwrap_or("client"), open.via, &upgrade).await?;
        if let (Some(name), Some(nonce)) = (name, challenge(&received).nonce) {
            self.bindings.challenged(name, &nonce);
        }
        if let Some(session) = session {
            received.extend(self.keep_or_close(step, session).await);
        }
        Ok(StepEvidence {
            opens: self.awaits_challenge(),
            received: received.into_iter().map(own).collect(),
            ..StepEvidence::default()
        })
    }

    /// Whether the gateway must start each connection with a challenge. What a gateway declares to lack is no deviation.
    fn awaits_challenge(&self) -> bool {
        !self.timeouts.without_challenge()
    }

    /// Holds a new connection under its name, or closes it and receives what the gateway still sends.
    async fn keep_or_close(&self, step: &Step, mut session: Session) -> Vec<RawMessage> {
        let received = match session.admitted {
            true => session.catch_up(&self.timeouts, &[]).await,
            false => Vec::new(),
        };
        match &step.hold {
            Some(name) => self.hold(name.as_str(), session),
            None => close_session(&mut session, &self.timeouts).await,
        }
        received
    }

    pub(crate) async fn send(&self, on: &str, frame: &Frame) -> StepEvidence {
        let Some(session) = self.session(on) else { return is_over(on) };
        let mut session = session.lock().await;
        session.sends_raw();
        let began = Instant::now();
        let deadline = began + self.timeouts.limit(&Wait::Sent);
        let (sent, id) = match frame {
            Frame::Text(text) => match self.bindings.fill_text(text) {
                Ok(text) => (session.connection.send_text(text, deadline).await, None),
                Err(why) => return note(why),
            },
            Frame::Json(value) => match self.bindings.fill(value) {
                Ok(value) => {
                    let id = value.get("id").and_then(Value::as_str).map(str::to_owned);
                    (session.connection.send_text(value.to_string(), deadline).await, id)
                }
                Err(why) => return note(why),
            },
            Frame::Base64(bytes) => (session.connection.send_binary(bytes.0.clone(), deadline).await, None),
            Frame::Filler(bytes) => {
                let text = "x".repeat(usize::try_from(*bytes).unwrap_or(usize::MAX));
                (session.connection.send_text(text, deadline).await, None)
            }
        };
        self.note_sent(began, sent.as_ref().err());
        // Before the connect, every frame is answered with a hello or a close. After it, every request is answered. For
        // a frame that is not a request, a round trip shows that there is no answer.
        let admitted = session.admitted;
        let messages = match (admitted, sent.is_ok(), id) {
            (true, true, Some(id)) => self.answer(&mut session, &RequestId(id), &Wait::Answer).await,
            (true, true, None) => Vec::new(),
            _ => self.listen(&mut session, &Wait::Refusal, is_ok).await,
        };
        session.admitted |= messages.last().is_some_and(is_ok);
        received(messages)
    }

    pub(crate) async fn disconnect(&self, name: &str) -> StepEvidence {
        let Some(session) = self.take_session(name) else { return is_over(name) };
        let mut session = session.lock().await;
        close_session(&mut session, &self.timeouts).await;
        StepEvidence::default()
    }
}

pub(crate) fn challenge(received: &[RawMessage]) -> Challenge {
    let payload =
        received.iter().filter(|message| is_challenge(message)).find_map(|message| message.frame()?.get("payload"));
    payload.map(Challenge::from_payload).unwrap_or_default()
}

/// The reason why a connection could not be opened, without addresses.
fn unreachable(error: &OpenError) -> String {
    match error {
        OpenError::Refused(_) => "connection refused".to_owned(),
        OpenError::Unreachable { reason, .. } => format!("unreachable: {reason}"),
        other => other.to_string(),
    }
}
