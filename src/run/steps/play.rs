//! Plays the steps of a case in order and records what each step receives.

use super::context::{CaseContext, CaseError};
use super::received::{is_over, note, own, received};
use super::session::{self, Awaited};
use super::silence::was_silent;
use super::title::title;
use crate::gateway::LaunchError;
use crate::observe::{RawFrame, RawMessage, Received, StepEvidence};
use crate::run::state_dir::openclaw_json::{Configuration, configuration};
use crate::scenario::expect::Expectation;
use crate::scenario::step::{Await, Call};
use crate::scenario::{Step, StepKind};
use futures_util::future::{BoxFuture, join_all};
use openclaw_emulator::settings::Settings;
use openclaw_model::{Facts, Release};
use serde_json::{Value, json};
use std::time::Duration;

impl CaseContext<'_> {
    /// Plays a case: the store, the release that writes it, the gateway under test and the steps.
    pub(crate) async fn perform(&mut self) -> Result<Vec<StepEvidence>, CaseError> {
        let scenario = &self.case.scenario;
        let recipe = self.recipe.clone();
        if recipe.is_none() {
            self.fill().await?;
        }
        let mut evidence = Vec::new();
        if let Some(earlier) = &scenario.written_by {
            let writer = earlier.release.0;
            self.launch(Some(writer)).await?;
            let mut steps = self.play(&earlier.steps).await?;
            self.stop(true).await?;
            steps.iter_mut().for_each(|step| step.title = format!("on {writer}: {}", step.title));
            evidence.extend(steps);
        }
        if scenario.starts_running() {
            self.launch(None).await?;
        }
        if let Some(recipe) = &recipe {
            self.create_store(recipe).await?;
        }
        evidence.extend(self.play(&scenario.steps).await?);
        self.wait_for_writes().await;
        if recipe.is_none() {
            self.refresh().await?;
        }
        Ok(evidence)
    }

    /// Plays the steps of a case on a running gateway with a written store.
    pub(crate) async fn perform_steps(&mut self) -> Result<Vec<StepEvidence>, CaseError> {
        let scenario = &self.case.scenario;
        let evidence = self.play(&scenario.steps).await?;
        self.wait_for_writes().await;
        Ok(evidence)
    }

    /// Plays steps and returns what they received.
    pub(crate) async fn play(&mut self, steps: &[Step]) -> Result<Vec<StepEvidence>, CaseError> {
        let mut evidence: Vec<StepEvidence> = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            let later = self.awaited(&steps[at + 1..]);
            for round in 1..=step.repeat {
                self.tick().await;
                self.forget_silence();
                let mut received = self.step(step, &later).await?;
                received.round = (step.repeat > 1).then_some((round, step.repeat));
                if was_silent(&received, self.timeouts.was_answered())
                    && let Some(silence) = self.silence().await
                {
                    return Err(CaseError::Silent(silence));
                }
                if let Some(late) = self.timeouts.too_late() {
                    return Err(CaseError::TooSlow { late, answer: self.timeouts.answer() });
                }
                if let Some(traces) = &self.traces {
                    traces.end_step(step.number, round);
                }
                evidence.push(received);
            }
        }
        Ok(evidence)
    }

    async fn step(&mut self, step: &Step, later: &[(String, Awaited)]) -> Result<StepEvidence, CaseError> {
        let mut evidence = match &step.kind {
            StepKind::Stop(_) => self.ended(true).await?,
            StepKind::Kill(_) => self.ended(false).await?,
            StepKind::Start(start) => self.started(start.release.map(|release| release.0)).await?,
            StepKind::Restart(_) => {
                let mut evidence = self.ended(true).await?;
                evidence.received.extend(self.started(None).await?.received);
                evidence
            }
            StepKind::Advance(length) => {
                self.advance(Duration::from_millis(length.milliseconds)).await?;
                StepEvidence::default()
            }
            StepKind::Await(Await::HandshakeTimeout(name)) => self.handshake_timeout(name.as_str()).await?,
            _ => self.kind(step).await?,
        };
        evidence.number = step.number;
        evidence.title = title(step);
        evidence.expected = self.expected(step.expect.as_ref());
        evidence.received.extend(self.bindings.missed().into_iter().map(|what| own(RawMessage::Note(what))));
        let own_connection = match &step.kind {
            StepKind::Await(Await::Answer(name)) => self.caller(name.as_str()),
            _ => acts_on(step).map(str::to_owned),
        };
        if let Some(on) = &own_connection {
            // The answer to a call is its own, even if a later step waits for a second one.
            let own_answer = step.known_as().map(|name| Awaited::Answer(name.as_str().to_owned()));
            let of_others = later.iter().filter(|(_, awaited)| Some(awaited) != own_answer.as_ref()).cloned();
            let of_others = of_others.collect::<Vec<_>>();
            let waits = matches!(step.kind, StepKind::Await(_));
            self.keep_for_later(on, &mut evidence.received, &of_others, waits).await;
        }
        let waits = !matches!(&step.kind, StepKind::Call(Call { wait: false, .. }));
        if waits && self.running().is_ok() {
            evidence.received.extend(self.catch_up(own_connection.as_deref(), later).await);
        }
        Ok(evidence)
    }

    /// The payload that the step's answer must contain, with its symbols replaced.
    fn expected(&self, expectation: Option<&Expectation>) -> Option<Value> {
        let (Expectation::Ok(answer) | Expectation::Event(answer)) = expectation? else { return None };
        match self.bindings.fill(answer.payload.as_ref()?) {
            Ok(payload) => Some(payload),
            Err(why) => {
                self.bindings.miss(why);
                // A value that no payload contains.
                Some(json!({ "expected": "a value that is not known" }))
            }
        }
    }

    async fn ended(&mut self, politely: bool) -> Result<StepEvidence, CaseError> {
        Ok(StepEvidence { received: self.stop(politely).await?, ..StepEvidence::default() })
    }

    async fn started(&mut self, release: Option<Release>) -> Result<StepEvidence, CaseError> {
        let message = match self.launch(release).await {
            Ok(()) => RawMessage::Started,
            Err(CaseError::Launch(LaunchError::Exited { exit, log })) => {
                RawMessage::Exit { code: exit.code, line: last_log_line(&log.0) }
            }
            Err(CaseError::Launch(LaunchError::Refused { code, reason })) => {
                RawMessage::Exit { code: Some(code), line: reason.lines().next().map(str::to_owned) }
            }
            Err(error) => return Err(error),
        };
        Ok(StepEvidence { received: vec![own(message)], ..StepEvidence::default() })
    }

    async fn handshake_timeout(&mut self, name: &str) -> Result<StepEvidence, CaseError> {
        // The setting of the case can also be in `config` or in a configuration file, and older releases ignore it.
        let Configuration { openclaw_json, environment } =
            configuration(&self.case.scenario.gateway, &self.bindings.identities);
        let environment = environment.into_iter().collect::<Vec<_>>();
        let settings = Settings::resolve(self.speaking, &openclaw_json, &environment).ok();
        let set = settings.and_then(|settings| settings.gateway.handshake_timeout_ms);
        let default = || Facts::nearest(self.speaking).handshake.timeout_ms;
        let timeout = Duration::from_millis(set.unwrap_or_else(default));
        if self.has_own_clock() {
            self.advance(timeout + Duration::from_millis(1)).await?;
        }
        Ok(self.wait(name, &Awaited::Close, timeout).await)
    }

    /// Plays an action that does not change the gateway itself. Such actions can be played in parallel.
    pub(crate) fn kind<'s>(&'s self, step: &'s Step) -> BoxFuture<'s, Result<StepEvidence, CaseError>> {
        Box::pin(async move {
            Ok(match &step.kind {
                StepKind::Connect(connect) => self.connect(step, connect).await?,
                StepKind::Open(open) => self.open_step(step, open).await?,
                StepKind::Send(send) => self.send(send.on.as_str(), &send.frame).await,
                StepKind::Call(call) => self.call(step, call).await,
                StepKind::Approve(kind) => {
                    self.decide(step, kind.by.as_str(), "device.pair.approve", kind.device.as_str()).await
                }
                StepKind::Reject(kind) => {
                    self.decide(step, kind.by.as_str(), "device.pair.reject", kind.device.as_str()).await
                }
                StepKind::Remove(kind) => {
                    let params =
                        json!({ "deviceId": self.bindings.identities.device(kind.device.as_str()).device_id() });
                    self.ask(step, kind.by.as_str(), "device.pair.remove", params).await
                }
                StepKind::List(kind) => self.ask(step, kind.by.as_str(), "device.pair.list", json!({})).await,
                StepKind::Rotate(kind) => {
                    let evidence =
                        self.ask(step, kind.by.as_str(), "device.token.rotate", self.token_params(kind)).await;
                    self.learn_rotated(step, kind.device.as_str(), &kind.role, &evidence.received);
                    evidence
                }
                StepKind::Revoke(kind) => {
                    self.ask(step, kind.by.as_str(), "device.token.revoke", self.token_params(kind)).await
                }
                StepKind::Await(awaited) => {
                    let evidence = self.await_step(awaited).await;
                    self.learn_event(step, &evidence.received);
                    evidence
                }
                StepKind::Disconnect(name) => self.disconnect(name.as_str()).await,
                StepKind::Edit(store) => {
                    self.edit(store).await?;
                    StepEvidence::default()
                }
                StepKind::Parallel(branches) => self.side_by_side(branches).await?,
                // These actions change the gateway itself, and `step` plays them.
                StepKind::Stop(_)
                | StepKind::Kill(_)
                | StepKind::Start(_)
                | StepKind::Restart(_)
                | StepKind::Advance(_) => StepEvidence::default(),
            })
        })
    }

    async fn side_by_side(&self, branches: &[Step]) -> Result<StepEvidence, CaseError> {
        let mut playing = Vec::new();
        for branch in branches {
            playing.push(async move {
                let mut all = Vec::new();
                for round in 1..=branch.repeat {
                    let mut evidence = self.kind(branch).await?;
                    evidence.number = branch.number;
                    evidence.title = title(branch);
                    evidence.expected = self.expected(branch.expect.as_ref());
                    evidence.round = (branch.repeat > 1).then_some((round, branch.repeat));
                    all.push(evidence);
                }
                Ok::<_, CaseError>(all)
            });
        }
        let played = join_all(playing).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(StepEvidence { parallel: played.into_iter().flatten().collect(), ..StepEvidence::default() })
    }

    async fn await_step(&self, awaited: &Await) -> StepEvidence {
        let (on, awaited) = match awaited {
            Await::Close(name) | Await::HandshakeTimeout(name) => (name.as_str().to_owned(), Awaited::Close),
            Await::Event(event) => (event.on.as_str().to_owned(), Awaited::Event(event.name.clone())),
            Await::Answer(name) => {
                let Some(on) = self.caller(name.as_str()) else { return note(format!("step {name} made no call")) };
                (on, Awaited::Answer(name.as_str().to_owned()))
            }
        };
        self.wait(&on, &awaited, Duration::ZERO).await
    }

    /// Waits for something that cannot arrive before `earliest`.
    async fn wait(&self, on: &str, awaited: &Awaited, earliest: Duration) -> StepEvidence {
        let Some(session) = self.session(on) else { return is_over(on) };
        let messages = self.wait_for(&mut *session.lock().await, awaited, earliest).await;
        if let Awaited::Answer(name) = awaited {
            session::learn(&self.bindings, Some(name), None, &messages);
        }
        received(messages)
    }

    /// Records the event that a named step waited for: `<answer STEP PATH>` is a part of it.
    fn learn_event(&self, step: &Step, received: &[Received<RawFrame>]) {
        let (Some(name), StepKind::Await(Await::Event(event))) = (step.known_as(), &step.kind) else { return };
        if let Some(frame) = received.last().and_then(|received| received.message.frame())
            && session::is_event(frame, &event.name)
        {
            self.bindings.answered(name.as_str(), frame);
        }
    }

    /// The connection of a named call.
    fn caller(&self, name: &str) -> Option<String> {
        let step = self.case.steps().find(|step| step.known_as().is_some_and(|known| known.as_str() == name))?;
        acts_on(step).map(str::to_owned)
    }

    /// Keeps the events and answers that a later step waits for, and removes them from the messages that this step received
    /// on its own connection. Their order then does not matter. If this step waits for a message itself (`waits`), that
    /// message is the last one and is not removed.
    async fn keep_for_later(
        &self,
        on: &str,
        received: &mut Vec<Received<RawFrame>>,
        later: &[(String, Awaited)],
        waits: bool,
    ) {
        let Some(session) = self.session(on) else { return };
        let mut session = session.lock().await;
        let mut end = received.len() - usize::from(waits && !received.is_empty());
        let can_come_early = |awaited: &Awaited| matches!(awaited, Awaited::Event(_) | Awaited::Answer(_));
        for (_, awaited) in later.iter().filter(|(name, awaited)| name == on && can_come_early(awaited)) {
            let found = received[..end]
                .iter()
                .position(|received| received.on.is_none() && session.is_awaited(&received.message, awaited));
            if let Some(at) = found {
                session.keep(received.remove(at).message);
                end -= 1;
            }
        }
    }

    /// What these steps wait for, by connection.
    fn awaited(&self, steps: &[Step]) -> Vec<(String, Awaited)> {
        let awaited = |step: &Step| match &step.kind {
            StepKind::Await(Await::Close(name) | Await::HandshakeTimeout(name)) => {
                Some((name.as_str().to_owned(), Awaited::Close))
            }
            StepKind::Await(Await::Event(event)) => {
                Some((event.on.as_str().to_owned(), Awaited::Event(event.name.clone())))
            }
            StepKind::Await(Await::Answer(name)) => {
                Some((self.caller(name.as_str())?, Awaited::Answer(name.as_str().to_owned())))
            }
            _ => None,
        };
        steps.iter().filter_map(awaited).collect()
    }
}

/// The held connection that a step acts on. Its messages belong to the step.
fn acts_on(step: &Step) -> Option<&str> {
    Some(match &step.kind {
        StepKind::Connect(_) | StepKind::Open(_) => return step.hold.as_ref().map(|name| name.as_str()),
        StepKind::Send(send) => send.on.as_str(),
        StepKind::Call(call) => call.on.as_str(),
        StepKind::Approve(kind) | StepKind::Reject(kind) | StepKind::Remove(kind) => kind.by.as_str(),
        StepKind::List(kind) => kind.by.as_str(),
        StepKind::Rotate(kind) | StepKind::Revoke(kind) => kind.by.as_str(),
        StepKind::Await(Await::Close(name) | Await::HandshakeTimeout(name)) => name.as_str(),
        StepKind::Await(Await::Event(event)) => event.on.as_str(),
        _ => return None,
    })
}

/// The log line in which a gateway states why it did not start, or the last line if no line does.
fn last_log_line(log: &str) -> Option<String> {
    let mut lines = log.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    let says_why = lines.clone().find(|line| line.starts_with("Gateway failed to start"));
    says_why.or_else(|| lines.next()).map(str::to_owned)
}
