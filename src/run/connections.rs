//! Acts on connections: open one, introduce oneself, send something odd, say goodbye.

use super::connecting::{self, Connecting};
use super::heard::{heard, is_ok, is_over, note, own};
use super::held::{self, Held};
use super::stage::{Stage, StageError};
use super::timeouts::{Timeouts, Wait};
use super::waiting::is_challenge;
use crate::client::connect::Challenge;
use crate::client::{OpenError, Pending, SendError, Upgrade};
use crate::observe::{Sound, StepEvidence};
use crate::rules::Facts;
use crate::scenario::Step;
use crate::scenario::connect::{Connect, Via};
use crate::scenario::step::{Frame, Open};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

impl Stage<'_> {
    pub(super) async fn connect(&self, step: &Step, connect: &Connect) -> Result<StepEvidence, StageError> {
        let device = connect.device.name().map(|name| name.as_str());
        let plain = self.running()?.upgrade();
        let upgrade =
            connecting::upgrade(plain, connect.via, &connect.headers, connect.origin.as_ref(), connect.host.as_ref());
        let name = step.known_as().map(|name| name.as_str());
        let (mut heard, held) = self.open(name.or(device).unwrap_or("client"), connect.via, &upgrade).await?;
        if let Some(mut held) = held {
            held.device = device.map(str::to_owned);
            let challenge = challenge(&heard);
            if let (Some(name), Some(nonce)) = (name, &challenge.nonce) {
                self.knowledge.challenged(name, nonce);
            }
            let mut sounds = self.introduce(&mut held, connect, &challenge, name).await;
            held::learn(&self.knowledge, name, device, &sounds);
            held.lighten(&mut sounds);
            heard.extend(sounds);
            heard.extend(self.keep_or_close(step, held).await);
        }
        Ok(StepEvidence { opens: true, heard: heard.into_iter().map(own).collect(), ..StepEvidence::default() })
    }

    /// Sends the connect request and listens: to the answer, and to the end where the answer is no.
    async fn introduce(
        &self,
        held: &mut Held,
        connect: &Connect,
        challenge: &Challenge,
        name: Option<&str>,
    ) -> Vec<Sound> {
        if held.is_over() {
            return Vec::new();
        }
        let connecting = Connecting {
            knowledge: &self.knowledge,
            settings: &self.case.scenario.gateway,
            offers: Facts::nearest(self.speaking).client,
        };
        let params = match connecting.params(connect, challenge, self.now()) {
            Ok(params) => params,
            Err(why) => return vec![Sound::Note(why)],
        };
        let Ok(pending) = self.request(held, "connect", params).await else {
            return self.listen(held, &Wait::Refusal, |_| false).await;
        };
        held.named(&pending, name);
        let mut sounds = self.answer(held, &pending, &Wait::Connect).await;
        // It sends one, and was not waited for long enough. How late it was is part of what the answer took.
        if challenge.nonce.is_none() && sounds.iter().any(is_challenge) {
            self.timeouts.came(&Wait::Challenge, Duration::ZERO);
        }
        held.admitted = sounds.last().is_some_and(is_ok);
        if !held.admitted && !matches!(sounds.last(), Some(Sound::Silence | Sound::Close { .. })) {
            sounds.extend(self.listen(held, &Wait::Refusal, |_| false).await);
        }
        sounds
    }

    /// Opens a connection and waits for the challenge. Without a connection, what was heard says why.
    async fn open(&self, name: &str, via: Via, upgrade: &Upgrade) -> Result<(Vec<Sound>, Option<Held>), StageError> {
        let link = self.running()?.link(connecting::peer(via))?;
        let began = Instant::now();
        let (frames, budget) = (self.frames.on(name), self.budget.clone());
        let mut held = match self.connection(link, upgrade, name, frames, budget).await {
            Ok(held) => held,
            Err(OpenError::Status { status, .. }) => return Ok((vec![Sound::Http(status)], None)),
            Err(OpenError::Machine(why)) => return Err(StageError::Machine(why)),
            Err(error) => return Ok((vec![Sound::Unreachable(unreachable(&error))], None)),
        };
        let first = self.challenge(&mut held, began.elapsed()).await;
        Ok((vec![first], Some(held)))
    }

    pub(super) async fn open_step(&self, step: &Step, open: &Open) -> Result<StepEvidence, StageError> {
        let mut plain = self.running()?.upgrade();
        if let Some(path) = &open.path {
            plain.path.clone_from(path);
        }
        let upgrade = connecting::upgrade(plain, open.via, &open.headers, open.origin.as_ref(), open.host.as_ref());
        let name = step.known_as().map(|name| name.as_str());
        let (mut heard, held) = self.open(name.unwrap_or("client"), open.via, &upgrade).await?;
        if let (Some(name), Some(nonce)) = (name, challenge(&heard).nonce) {
            self.knowledge.challenged(name, &nonce);
        }
        if let Some(held) = held {
            heard.extend(self.keep_or_close(step, held).await);
        }
        Ok(StepEvidence { opens: true, heard: heard.into_iter().map(own).collect(), ..StepEvidence::default() })
    }

    /// Holds a new connection under its name, or says goodbye on it. What the gateway still had to say is heard.
    async fn keep_or_close(&self, step: &Step, mut held: Held) -> Vec<Sound> {
        let heard = match held.admitted {
            true => held.catch_up(&self.timeouts, &[]).await,
            false => Vec::new(),
        };
        match &step.hold {
            Some(name) => self.hold(name.as_str(), held),
            None => goodbye(&mut held, &self.timeouts).await,
        }
        heard
    }

    pub(super) async fn send(&self, on: &str, frame: &Frame) -> StepEvidence {
        let Some(held) = self.held(on) else { return is_over(on) };
        let mut held = held.lock().await;
        held.sends_raw();
        let began = Instant::now();
        let deadline = began + self.timeouts.limit(&Wait::Sent);
        let (sent, id) = match frame {
            Frame::Text(text) => match self.knowledge.fill_text(text) {
                Ok(text) => (held.connection.send_text(text, deadline).await, None),
                Err(why) => return note(why),
            },
            Frame::Json(value) => match self.knowledge.fill(value) {
                Ok(value) => {
                    let id = value.get("id").and_then(Value::as_str).map(str::to_owned);
                    (held.connection.send_text(value.to_string(), deadline).await, id)
                }
                Err(why) => return note(why),
            },
            Frame::Base64(bytes) => (held.connection.send_binary(bytes.0.clone(), deadline).await, None),
            Frame::Filler(bytes) => {
                let text = "x".repeat(usize::try_from(*bytes).unwrap_or(usize::MAX));
                (held.connection.send_text(text, deadline).await, None)
            }
        };
        self.note_sent(began, sent.as_ref().err());
        // Before the connect every frame is answered by a hello or by the end; after it, a request is answered, and of
        // what is no request a round trip shows that it was not.
        let admitted = held.admitted;
        let sounds = match (admitted, sent.is_ok(), id) {
            (true, true, Some(id)) => self.answer(&mut held, &Pending(id), &Wait::Answer).await,
            (true, true, None) => Vec::new(),
            _ => self.listen(&mut held, &Wait::Refusal, is_ok).await,
        };
        held.admitted |= sounds.last().is_some_and(is_ok);
        heard(sounds)
    }

    pub(super) async fn disconnect(&self, name: &str) -> StepEvidence {
        let Some(held) = self.let_go(name) else { return is_over(name) };
        let mut held = held.lock().await;
        goodbye(&mut held, &self.timeouts).await;
        StepEvidence::default()
    }
}

pub(super) fn challenge(heard: &[Sound]) -> Challenge {
    let payload = heard.iter().find_map(|sound| match sound {
        Sound::Frame { frame, .. } if is_challenge(sound) => frame.get("payload"),
        _ => None,
    });
    payload.map(Challenge::from_payload).unwrap_or_default()
}

/// How long a gateway that has left a connection without an answer may take to see that it is closed. One that is there needs
/// milliseconds; one that is not has cost a deadline already.
const PARTING: Duration = Duration::from_secs(2);

/// Closes a connection as a client does that has nothing more to say, and waits until the gateway has seen it.
pub(super) async fn goodbye(held: &mut Held, timeouts: &Timeouts) {
    if held.is_over() {
        return;
    }
    let (began, limit) = (Instant::now(), timeouts.limit(&Wait::Goodbye));
    let deadline = began + if held.unanswered { limit.min(PARTING) } else { limit };
    let answer = match held.connection.close(Some(1000), "", deadline).await {
        Ok(()) => held.listen(deadline, |_| false).await.pop(),
        // Not even the close was taken.
        Err(SendError::Deadline) => None,
        Err(SendError::Ended) => return,
    };
    match answer {
        Some(Sound::Close { .. }) => timeouts.came(&Wait::Goodbye, began.elapsed()),
        _ => timeouts.missed(&Wait::Goodbye, began.elapsed()),
    }
}

/// Why no connection came to be, without addresses.
fn unreachable(error: &OpenError) -> String {
    match error {
        OpenError::Refused(_) => "connection refused".to_owned(),
        OpenError::Unreachable { reason, .. } => format!("unreachable: {reason}"),
        other => other.to_string(),
    }
}
