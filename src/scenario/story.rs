//! Checks the steps of a scenario in their order: who is known, held and running when.

use super::check::{Known, store, symbols_in, symbols_in_text, unknown};
use super::connect::{BootstrapToken, Connect, DeviceToken, Nonce, SharedSecret};
use super::document::Scenario;
use super::expect::Expectation;
use super::problem::Fault;
use super::spanned::Name;
use super::step::{Act, Await, Call, Frame, Step};
use crate::words::choices;
use std::collections::BTreeMap;

/// The steps of a scenario as they are played.
pub(super) struct Story<'a> {
    scenario: &'a Scenario,
    /// What symbols may speak of at this point.
    known: Known<'a>,
    /// Connections by name: whether they are held at this point.
    connections: BTreeMap<&'a str, bool>,
    /// Names of the steps so far, and whether they are calls.
    steps: BTreeMap<&'a str, bool>,
    running: bool,
    faults: &'a mut Vec<Fault>,
}

impl<'a> Story<'a> {
    /// The story of a scenario, not told yet.
    pub fn new(scenario: &'a Scenario, known: &'a Known<'a>, faults: &'a mut Vec<Fault>) -> Self {
        let (connections, steps) = (BTreeMap::new(), BTreeMap::new());
        let known = known.before_the_first_step();
        Self { scenario, known, connections, steps, running: true, faults }
    }

    /// Plays every step.
    pub fn tell(mut self) {
        let scenario = self.scenario;
        if let Some(earlier) = &scenario.written_by {
            self.play_all(&earlier.steps);
            self.connections.values_mut().for_each(|held| *held = false);
            if earlier.steps.is_empty() {
                let fault = Fault::at(scenario.scenario.span, "`written-by` has no steps", "no steps");
                self.faults.push(fault.help("`written-by` plays steps on the release that writes the store"));
            }
        }
        self.running = scenario.starts_running();
        if scenario.steps.is_empty() {
            let fault = Fault::at(scenario.scenario.span, "the scenario has no steps", "no steps");
            self.faults.push(fault.help("add a step such as `- connect: { device: laptop, role: operator }`"));
        }
        self.play_all(&scenario.steps);
    }

    fn play_all(&mut self, steps: &'a [Step]) {
        for step in steps {
            self.play(step);
        }
    }

    fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    fn play(&mut self, step: &'a Step) {
        self.running(step);
        self.act(step);
        self.expectation(step);
        self.names(step);
    }

    /// Whether the gateway is up when it must be, and whether it is afterwards.
    fn running(&mut self, step: &'a Step) {
        let down = match &step.act {
            Act::Start(_) if self.running => {
                self.fault(Fault::at(step.span, "the gateway is already running", "stop or kill it first"));
                false
            }
            Act::Start(_) => {
                self.running = !matches!(step.expect, Some(Expectation::StartRefused(_)));
                return;
            }
            Act::Edit(_) | Act::Advance(_) | Act::Disconnect(_) | Act::Parallel(_) | Act::Await(_) => false,
            _ => !self.running,
        };
        if down {
            self.fault(Fault::at(step.span, "the gateway is not running at this step", "`start` it first"));
        }
        match &step.act {
            Act::Stop(_) | Act::Kill(_) => self.running = false,
            Act::Restart(_) => self.running = !matches!(step.expect, Some(Expectation::StartRefused(_))),
            _ => {}
        }
    }

    fn act(&mut self, step: &'a Step) {
        match &step.act {
            Act::Connect(connect) => self.connect(connect, step),
            Act::Send(send) => {
                self.held(&send.on);
                match &send.frame {
                    Frame::Text(text) => symbols_in_text(text, &self.known, step.span, self.faults),
                    Frame::Json(value) => symbols_in(value, &self.known, step.span, self.faults),
                    Frame::Base64(_) | Frame::Filler(_) => {}
                }
            }
            Act::Call(Call { on, params, .. }) => {
                self.held(on);
                if let Some(params) = params {
                    symbols_in(params, &self.known, step.span, self.faults);
                }
            }
            Act::Approve(act) | Act::Reject(act) | Act::Remove(act) => {
                self.held(&act.by);
                self.device(&act.device);
            }
            Act::List(act) => self.held(&act.by),
            Act::Rotate(act) | Act::Revoke(act) => {
                self.held(&act.by);
                self.device(&act.device);
            }
            Act::Await(Await::Close(name) | Await::HandshakeTimeout(name)) => self.held(name),
            Act::Await(Await::Event(event)) => self.held(&event.on),
            Act::Await(Await::Answer(name)) => self.awaited(name),
            Act::Disconnect(name) => {
                self.held(name);
                self.connections.insert(name, false);
            }
            Act::Edit(edit) => store(edit, &self.known, self.faults),
            Act::Parallel(steps) => self.parallel(steps, step),
            Act::Open(_) | Act::Stop(_) | Act::Kill(_) | Act::Start(_) | Act::Restart(_) | Act::Advance(_) => {}
        }
    }

    fn parallel(&mut self, steps: &'a [Step], step: &'a Step) {
        if steps.is_empty() {
            self.fault(Fault::at(step.span, "`parallel` has no steps", "no steps"));
        }
        for inner in steps {
            match &inner.act {
                Act::Stop(_) | Act::Kill(_) | Act::Start(_) | Act::Restart(_) | Act::Advance(_) | Act::Parallel(_) => {
                    let message = "this step cannot run in parallel";
                    self.fault(Fault::at(inner.span, message, "make it a step of its own"));
                }
                _ => self.play(inner),
            }
        }
    }

    fn connect(&mut self, connect: &'a Connect, step: &'a Step) {
        if let Nonce::Of(name) = &connect.proof.nonce {
            self.earlier(name);
        }
        symbols_in(&serde_json::Value::Object(connect.params.clone()), &self.known, step.span, self.faults);
        let Some(auth) = &connect.auth else { return };
        let gateway = &self.scenario.gateway.auth;
        for (secret, has) in [(&auth.token, gateway.token_secret()), (&auth.password, gateway.password_secret())] {
            match secret {
                Some(SharedSecret::Right) if has.is_none() => {
                    let message = "the gateway has no secret of this kind";
                    let fault = Fault::at(step.span, message, "`right` stands for the gateway's secret");
                    self.fault(fault.help("set it under `gateway: auth:`, or send `wrong`"));
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
            self.fault(Fault::at(name.span, message, "unknown token").help(choices(name, &known)));
        }
    }

    fn device_token(&mut self, token: &'a DeviceToken, connect: &'a Connect, step: &'a Step) {
        match token {
            DeviceToken::From(name) => self.earlier(name),
            DeviceToken::Of(owner) => self.device(&owner.device),
            DeviceToken::Last | DeviceToken::Seeded if connect.device.name().is_none() => {
                let message = "a client without a device has no device token";
                let help = "write `device-token: { of: { device: NAME, role: ROLE } }`";
                self.fault(Fault::at(step.span, message, "`device: none`").help(help));
            }
            DeviceToken::Last | DeviceToken::Seeded | DeviceToken::Wrong | DeviceToken::Text(_) => {}
        }
    }

    fn secret(&mut self, name: &'a Name) {
        let auth = &self.scenario.gateway.auth;
        let known: Vec<_> = auth.token_secret().into_iter().chain(auth.password_secret()).collect();
        if !known.contains(&name.as_str()) {
            let message = format!("the gateway has no secret `{name}`");
            self.fault(Fault::at(name.span, message, "unknown secret").help(choices(name, &known)));
        }
    }

    fn device(&mut self, name: &'a Name) {
        if !self.known.devices.contains(name.as_str()) {
            let fault = unknown("device", name, name.span, &self.known.devices);
            self.fault(fault);
        }
    }

    fn held(&mut self, name: &'a Name) {
        match self.connections.get(name.as_str()) {
            Some(true) => {}
            Some(false) => {
                let message = format!("the connection `{name}` is already closed");
                self.fault(Fault::at(name.span, message, "closed in an earlier step"));
            }
            None => {
                let known: Vec<_> = self.connections.keys().copied().collect();
                let help = match known.is_empty() {
                    true => format!("add `as: {name}` to a `connect` step"),
                    false => choices(name, &known),
                };
                let message = format!("there is no connection `{name}`");
                self.fault(Fault::at(name.span, message, "unknown connection").help(help));
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
        self.fault(Fault::at(name.span, format!("no earlier step is named `{name}`"), "unknown step").help(help));
    }

    /// A call may be answered more than once: accepted at first, and decided later.
    fn awaited(&mut self, name: &'a Name) {
        self.earlier(name);
        if self.steps.get(name.as_str()) == Some(&false) {
            let message = format!("the step `{name}` is not a call");
            self.fault(Fault::at(name.span, message, "not a call"));
        }
    }

    fn names(&mut self, step: &'a Step) {
        if let Some(hold) = &step.hold {
            if !matches!(step.act, Act::Connect(_) | Act::Open(_)) {
                let message = "only `connect` and `open` accept `as`";
                self.fault(Fault::at(hold.span, message, "no connection").help("use `name` to name a step"));
            }
            if step.repeat > 1 {
                let message = "a repeated step cannot have `as`";
                self.fault(Fault::at(hold.span, message, "more than one connection"));
            }
            if step.name.is_some() {
                self.fault(Fault::at(hold.span, "`as` already names the step", "remove `name`"));
            }
            self.connections.insert(hold, true);
        }
        if let Some(name) = step.known_as() {
            self.known.steps.insert(name.as_str());
            let call = matches!(step.act, Act::Call(_));
            if self.steps.insert(name, call).is_some() {
                let message = format!("an earlier step already has the name `{name}`");
                self.fault(Fault::at(name.span, message, "second occurrence"));
            }
        } else if matches!(&step.act, Act::Call(call) if !call.wait) {
            let message = "a call with `wait: false` needs a name";
            self.fault(Fault::at(step.span, message, "`wait: false`").help("add `name: NAME`"));
        }
    }

    /// Whether the step could be answered with what is expected at all.
    fn expectation(&mut self, step: &'a Step) {
        let Some(expectation) = &step.expect else { return };
        if let Expectation::Ok(answer) | Expectation::Event(answer) = expectation
            && let Some(payload) = &answer.payload
        {
            symbols_in(payload, &self.known, step.span, self.faults);
        }
        let possible: &[&str] = match &step.act {
            Act::Connect(_) => &["hello", "refused", "close", "http"],
            Act::Open(_) => &["open", "close", "http"],
            Act::Send(_) => &["ok", "error", "close", "hello", "refused"],
            Act::Call(call) if !call.wait => &[],
            Act::Approve(_) | Act::Reject(_) => &["ok", "error", "nothing-pending", "close"],
            Act::Call(_) | Act::Remove(_) | Act::List(_) | Act::Rotate(_) | Act::Revoke(_) => &["ok", "error", "close"],
            Act::Await(Await::Close(_) | Await::HandshakeTimeout(_)) => &["close"],
            Act::Await(Await::Answer(_)) => &["ok", "error", "close"],
            Act::Await(Await::Event(_)) => &["event"],
            Act::Start(_) | Act::Restart(_) => &["started", "start-refused"],
            _ => &[],
        };
        let word = expectation.word();
        if !possible.contains(&word) {
            let message = format!("this step is never answered with `{word}`");
            let help = match possible {
                [] => "it has no answer to expect".to_owned(),
                _ => format!("expected one of {}", possible.join(", ")),
            };
            self.fault(Fault::at(step.span, message, "this act").help(help));
        }
    }
}
