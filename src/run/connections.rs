//! Acts on connections: open one, introduce oneself, send something odd, say goodbye.

use super::connecting::{self, Connecting};
use super::heard::{heard, is_ok, is_over, note, own};
use super::held::{self, Held};
use super::stage::{Stage, StageError};
use crate::client::connect::Challenge;
use crate::client::{Connection, OpenError, Pending, Upgrade};
use crate::observe::{Sound, StepEvidence};
use crate::scenario::Step;
use crate::scenario::connect::{Connect, Via};
use crate::scenario::step::{Frame, Open};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

impl Stage<'_> {
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.patience.answer
    }

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
            let sounds = self.introduce(&mut held, connect, &challenge, name).await;
            held::learn(&self.knowledge, name, device, &sounds);
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
        let connecting =
            Connecting { knowledge: &self.knowledge, settings: &self.case.scenario.gateway, release: self.speaking };
        let params = match connecting.params(connect, challenge, self.now()) {
            Ok(params) => params,
            Err(why) => return vec![Sound::Note(why)],
        };
        let Ok(pending) = held.connection.request("connect", params, self.deadline()).await else {
            return held.listen(self.deadline(), |_| false).await;
        };
        held.sent(&pending, "connect", name);
        let mut sounds = held.answer(&pending, self.deadline()).await;
        held.admitted = sounds.last().is_some_and(is_ok);
        if !held.admitted && !matches!(sounds.last(), Some(Sound::Silence | Sound::Close { .. })) {
            sounds.extend(held.listen(self.deadline(), |_| false).await);
        }
        sounds
    }

    /// Opens a connection and waits for the challenge. Without a connection, what was heard says why.
    async fn open(&self, name: &str, via: Via, upgrade: &Upgrade) -> Result<(Vec<Sound>, Option<Held>), StageError> {
        let link = self.running()?.link(connecting::peer(via))?;
        let connection = Connection::open(link, upgrade, self.transcript.recorder(name), self.deadline()).await;
        let mut held = match connection {
            Ok(connection) => Held::new(connection, self.frames.on(name), self.budget.clone()),
            Err(OpenError::Status { status, .. }) => return Ok((vec![Sound::Http(status)], None)),
            Err(error) => return Ok((vec![Sound::Unreachable(unreachable(&error))], None)),
        };
        let heard = held.listen(self.deadline(), |_| true).await;
        Ok((heard, Some(held)))
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
            true => held.catch_up(self.deadline(), &[]).await,
            false => Vec::new(),
        };
        match &step.hold {
            Some(name) => self.hold(name.as_str(), held),
            None => goodbye(&mut held, self.deadline()).await,
        }
        heard
    }

    pub(super) async fn send(&self, on: &str, frame: &Frame) -> StepEvidence {
        let Some(held) = self.held(on) else { return is_over(on) };
        let mut held = held.lock().await;
        let deadline = self.deadline();
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
        // Before the connect every frame is answered by a hello or by the end; after it, a request is answered, and of
        // what is no request a round trip shows that it was not.
        let admitted = held.admitted;
        let sounds = match (admitted, sent.is_ok(), id) {
            (true, true, Some(id)) => held.answer(&Pending(id), deadline).await,
            (true, true, None) => Vec::new(),
            _ => held.listen(deadline, is_ok).await,
        };
        held.admitted |= sounds.last().is_some_and(is_ok);
        heard(sounds)
    }

    pub(super) async fn disconnect(&self, name: &str) -> StepEvidence {
        let Some(held) = self.let_go(name) else { return is_over(name) };
        let mut held = held.lock().await;
        goodbye(&mut held, self.deadline()).await;
        StepEvidence::default()
    }
}

fn challenge(heard: &[Sound]) -> Challenge {
    let payload = heard.iter().find_map(|sound| match sound {
        Sound::Frame { frame, .. } if frame.get("event").and_then(Value::as_str) == Some("connect.challenge") => {
            frame.get("payload")
        }
        _ => None,
    });
    payload.map(Challenge::from_payload).unwrap_or_default()
}

/// How long a gateway that has left a connection without an answer may take to see that it is closed. One that is there needs
/// milliseconds; one that is not has cost a deadline already.
const PARTING: Duration = Duration::from_secs(2);

/// Closes a connection as a client does that has nothing more to say, and waits until the gateway has seen it.
pub(super) async fn goodbye(held: &mut Held, deadline: Instant) {
    let deadline = if held.is_unanswered() { deadline.min(Instant::now() + PARTING) } else { deadline };
    if !held.is_over() && held.connection.close(Some(1000), "", deadline).await.is_ok() {
        held.listen(deadline, |_| false).await;
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
