//! Checks the steps of a scenario in order: which names are known, which connections are held and when the gateway
//! runs.

use super::names::{KnownNames, symbols_in, symbols_in_text, unknown};
use super::store::store;
use crate::scenario::model::connect::{BootstrapToken, Connect, DeviceToken, Nonce, SharedSecret};
use crate::scenario::model::document::Scenario;
use crate::scenario::model::expect::Expectation;
use crate::scenario::model::step::{Await, Call, Frame, Step, StepKind};
use crate::scenario::syntax::problems::SpannedError;
use crate::scenario::syntax::spans::Name;
use crate::suggestions::choices;
use std::collections::BTreeMap;

/// The state of a check while it goes through the steps.
pub(crate) struct Flow<'a> {
    scenario: &'a Scenario,
    /// The names that symbols can refer to at this step.
    known: KnownNames<'a>,
    /// Connections by name, with whether they are held at this step.
    connections: BTreeMap<&'a str, bool>,
    /// Names of the earlier steps, with whether the step is a call.
    steps: BTreeMap<&'a str, bool>,
    running: bool,
    errors: &'a mut Vec<SpannedError>,
}

impl<'a> Flow<'a> {
    /// The state before the first step.
    pub(super) fn new(scenario: &'a Scenario, known: &'a KnownNames<'a>, errors: &'a mut Vec<SpannedError>) -> Self {
        let (connections, steps) = (BTreeMap::new(), BTreeMap::new());
        let known = known.before_the_first_step();
        Self { scenario, known, connections, steps, running: true, errors }
    }

    /// Checks every step.
    pub(super) fn check(mut self) {
        let scenario = self.scenario;
        if let Some(earlier) = &scenario.written_by {
            self.play_all(&earlier.steps);
            self.connections.values_mut().for_each(|held| *held = false);
            if earlier.steps.is_empty() {
                let error = SpannedError::at(scenario.scenario.span, "`written-by` has no steps", "no steps");
                self.errors.push(error.help("`written-by` plays steps on the release that writes the store"));
            }
        }
        self.running = scenario.starts_running();
        if scenario.steps.is_empty() {
            let error = SpannedError::at(scenario.scenario.span, "the scenario has no steps", "no steps");
            self.errors.push(error.help("add a step such as `- connect: { device: laptop, role: operator }`"));
        }
        self.play_all(&scenario.steps);
    }

    fn play_all(&mut self, steps: &'a [Step]) {
        for step in steps {
            self.play(step);
        }
    }

    fn error(&mut self, error: SpannedError) {
        self.errors.push(error);
    }

    fn play(&mut self, step: &'a Step) {
        self.running(step);
        self.check_step(step);
        self.expectation(step);
        self.check_names(step);
    }

    /// Checks that the gateway runs if the step needs it, and updates whether it runs afterwards.
    fn running(&mut self, step: &'a Step) {
        // A `start` needs a stopped gateway. Other steps need a running one, except those that use only files, the
        // clock or an earlier connection.
        let down = match &step.kind {
            StepKind::Start(_) if self.running => {
                self.error(SpannedError::at(step.span, "the gateway is already running", "stop or kill it first"));
                false
            }
            StepKind::Start(_) => {
                self.running = !matches!(step.expect, Some(Expectation::StartRefused(_)));
                return;
            }
            StepKind::Edit(_)
            | StepKind::Advance(_)
            | StepKind::Disconnect(_)
            | StepKind::Parallel(_)
            | StepKind::Await(_) => false,
            _ => !self.running,
        };
        if down {
            self.error(SpannedError::at(step.span, "the gateway is not running at this step", "`start` it first"));
        }
        match &step.kind {
            StepKind::Stop(_) | StepKind::Kill(_) => self.running = false,
            StepKind::Restart(_) => self.running = !matches!(step.expect, Some(Expectation::StartRefused(_))),
            _ => {}
        }
    }

    fn check_step(&mut self, step: &'a Step) {
        match &step.kind {
            StepKind::Connect(connect) => self.connect(connect, step),
            StepKind::Send(send) => {
                self.held(&send.on);
                match &send.frame {
                    Frame::Text(text) => symbols_in_text(text, &self.known, step.span, self.errors),
                    Frame::Json(value) => symbols_in(value, &self.known, step.span, self.errors),
                    Frame::Base64(_) | Frame::Filler(_) => {}
                }
            }
            StepKind::Call(Call { on, params, .. }) => {
                self.held(on);
                if let Some(params) = params {
                    symbols_in(params, &self.known, step.span, self.errors);
                }
            }
            StepKind::Approve(kind) | StepKind::Reject(kind) | StepKind::Remove(kind) => {
                self.held(&kind.by);
                self.device(&kind.device);
            }
            StepKind::List(kind) => self.held(&kind.by),
            StepKind::Rotate(kind) | StepKind::Revoke(kind) => {
                self.held(&kind.by);
                self.device(&kind.device);
            }
            StepKind::Await(Await::Close(name) | Await::HandshakeTimeout(name)) => self.held(name),
            StepKind::Await(Await::Event(event)) => self.held(&event.on),
            StepKind::Await(Await::Answer(name)) => self.awaited(name),
            StepKind::Disconnect(name) => {
                self.held(name);
                self.connections.insert(name, false);
            }
            StepKind::Edit(edit) => store(edit, &self.known, self.errors),
            StepKind::Parallel(steps) => self.parallel(steps, step),
            StepKind::Open(_)
            | StepKind::Stop(_)
            | StepKind::Kill(_)
            | StepKind::Start(_)
            | StepKind::Restart(_)
            | StepKind::Advance(_) => {}
        }
    }

    fn parallel(&mut self, steps: &'a [Step], step: &'a Step) {
        if steps.is_empty() {
            self.error(SpannedError::at(step.span, "`parallel` has no steps", "no steps"));
        }
        for inner in steps {
            match &inner.kind {
                StepKind::Stop(_)
                | StepKind::Kill(_)
                | StepKind::Start(_)
                | StepKind::Restart(_)
                | StepKind::Advance(_)
                | StepKind::Parallel(_) => {
                    let message = "this step cannot run in parallel";
                    self.error(SpannedError::at(inner.span, message, "make it a step of its own"));
                }
                _ => self.play(inner),
            }
        }
    }

    fn connect(&mut self, connect: &'a Connect, step: &'a Step) {
        if let Nonce::Of(name) = &connect.proof.nonce {
            self.earlier(name);
        }
        symbols_in(&serde_json::Value::Object(connect.params.clone()), &self.known, step.span, self.errors);
        let Some(auth) = &connect.auth else { return };
        let gateway = &self.scenario.gateway.auth;
        for (secret, has) in [(&auth.token, gateway.token_secret()), (&auth.password, gateway.password_secret())] {
            match secret {
                Some(SharedSecret::Right) if has.is_none() => {
                    let message = "the gateway has no secret of this kind";
                    let error = SpannedError::at(step.span, message, "`right` stands for the gateway's secret");
                    self.error(error.help("set it under `gateway: auth:`, or send `wrong`"));
                }
                Some(SharedSecret::Secret(name)) => self.secret(name),
                Some(SharedSecret::DeviceToken(token)) => self.device_token(token, connect, step),
                _ => {}
            }
        }
        if let Some(token) = &auth.device_token {
            self.device_token(token, connect, step);
        }
        if let Some(BootstrapToken::Seeded(name)) = &auth.bootstrap_token
            && !self.scenario.store.bootstrap.contains_key(name.as_str())
        {
            let known: Vec<_> = self.scenario.store.bootstrap.keys().map(Name::as_str).collect();
            let message = format!("the store has no bootstrap token `{name}`");
            self.error(SpannedError::at(name.span, message, "unknown token").help(choices(name, &known)));
        }
    }

    fn device_token(&mut self, token: &'a DeviceToken, connect: &'a Connect, step: &'a Step) {
        match token {
            DeviceToken::From(name) => self.earlier(name),
            DeviceToken::Of(owner) => self.device(&owner.device),
            DeviceToken::Last | DeviceToken::Seeded if connect.device.name().is_none() => {
                let message = "a client without a device has no device token";
                let help = "write `device-token: { of: { device: NAME, role: ROLE } }`";
                self.error(SpannedError::at(step.span, message, "`device: none`").help(help));
            }
            DeviceToken::Last | DeviceToken::Seeded | DeviceToken::Wrong | DeviceToken::Text(_) => {}
        }
    }

    fn secret(&mut self, name: &'a Name) {
        let auth = &self.scenario.gateway.auth;
        let known: Vec<_> = auth.token_secret().into_iter().chain(auth.password_secret()).collect();
        if !known.contains(&name.as_str()) {
            let message = format!("the gateway has no secret `{name}`");
            self.error(SpannedError::at(name.span, message, "unknown secret").help(choices(name, &known)));
        }
    }

    fn device(&mut self, name: &'a Name) {
        if !self.known.devices.contains(name.as_str()) {
            let error = unknown("device", name, name.span, &self.known.devices);
            self.error(error);
        }
    }

    fn held(&mut self, name: &'a Name) {
        match self.connections.get(name.as_str()) {
            Some(true) => {}
            Some(false) => {
                let message = format!("the connection `{name}` is already closed");
                self.error(SpannedError::at(name.span, message, "closed in an earlier step"));
            }
            None => {
                let known: Vec<_> = self.connections.keys().copied().collect();
                let help = match known.is_empty() {
                    true => format!("add `as: {name}` to a `connect` step"),
                    false => choices(name, &known),
                };
                let message = format!("there is no connection `{name}`");
                self.error(SpannedError::at(name.span, message, "unknown connection").help(help));
            }
        }
    }

    fn earlier(&mut self, name: &'a Name) {
        if self.steps.contains_key(name.as_str()) {
            return;
        }
        let known: Vec<_> = self.steps.keys().copied().collect();
        let help = match known.is_empty() {
            true => format!("name an earlier step with `name: {name}`"),
            false => choices(name, &known),
        };
        self.error(
            SpannedError::at(name.span, format!("no earlier step is named `{name}`"), "unknown step").help(help),
        );
    }

    /// A call can have more than one answer: it can be accepted first and decided later.
    fn awaited(&mut self, name: &'a Name) {
        self.earlier(name);
        if self.steps.get(name.as_str()) == Some(&false) {
            let message = format!("the step `{name}` is not a call");
            self.error(SpannedError::at(name.span, message, "not a call"));
        }
    }

    fn check_names(&mut self, step: &'a Step) {
        if let Some(hold) = &step.hold {
            if !matches!(step.kind, StepKind::Connect(_) | StepKind::Open(_)) {
                let message = "only `connect` and `open` accept `as`";
                self.error(SpannedError::at(hold.span, message, "no connection").help("use `name` to name a step"));
            }
            if step.repeat > 1 {
                let message = "a repeated step cannot have `as`";
                self.error(SpannedError::at(hold.span, message, "more than one connection"));
            }
            if step.name.is_some() {
                self.error(SpannedError::at(hold.span, "`as` already names the step", "remove `name`"));
            }
            self.connections.insert(hold, true);
        }
        if let Some(name) = step.known_as() {
            self.known.steps.insert(name.as_str());
            let call = matches!(step.kind, StepKind::Call(_));
            if self.steps.insert(name, call).is_some() {
                let message = format!("an earlier step already has the name `{name}`");
                self.error(SpannedError::at(name.span, message, "second occurrence"));
            }
        } else if matches!(&step.kind, StepKind::Call(call) if !call.wait) {
            let message = "a call with `wait: false` needs a name";
            self.error(SpannedError::at(step.span, message, "`wait: false`").help("add `name: NAME`"));
        }
    }

    /// Whether the step can produce the expected answer.
    fn expectation(&mut self, step: &'a Step) {
        let Some(expectation) = &step.expect else { return };
        if let Expectation::Ok(answer) | Expectation::Event(answer) = expectation
            && let Some(payload) = &answer.payload
        {
            symbols_in(payload, &self.known, step.span, self.errors);
        }
        // A step that is not listed here gets no answer, so it accepts no `expect`.
        let possible: &[&str] = match &step.kind {
            StepKind::Connect(_) => &["hello", "refused", "close", "http"],
            StepKind::Open(_) => &["open", "close", "http"],
            StepKind::Send(_) => &["ok", "error", "close", "hello", "refused"],
            StepKind::Call(call) if !call.wait => &[],
            StepKind::Approve(_) | StepKind::Reject(_) => &["ok", "error", "nothing-pending", "close"],
            StepKind::Call(_) | StepKind::Remove(_) | StepKind::List(_) | StepKind::Rotate(_) | StepKind::Revoke(_) => {
                &["ok", "error", "close"]
            }
            StepKind::Await(Await::Close(_) | Await::HandshakeTimeout(_)) => &["close"],
            StepKind::Await(Await::Answer(_)) => &["ok", "error", "close"],
            StepKind::Await(Await::Event(_)) => &["event"],
            StepKind::Start(_) | StepKind::Restart(_) => &["started", "start-refused"],
            _ => &[],
        };
        let word = expectation.word();
        if !possible.contains(&word) {
            let message = format!("this step is never answered with `{word}`");
            let help = match possible {
                [] => "remove the expectation: the step has no answer".to_owned(),
                _ => format!("expected one of {}", possible.join(", ")),
            };
            self.error(SpannedError::at(step.span, message, "this step").help(help));
        }
    }
}
