//! Plays a recipe on the gateway: connects each device, approves it if the gateway asks, and keeps the issued tokens.

use crate::gateway::Capability;
use crate::observe::{RawFrame, RawMessage, StepEvidence};
use crate::run::steps::context::{CaseContext, CaseError};
use crate::run::steps::received::is_ok;
use crate::run::steps::setup_failure::SetupFailure;
use crate::run::steps::silence::was_silent;
use crate::run::steps::title::title;
use crate::run::store_recipe::{PairedDevice, PendingDevice, Recipe, RoleSetup};
use crate::scenario::connect::{Connect, Credentials, DeviceToken};
use crate::scenario::expect::{Answer, Expectation, Hello, Refused};
use crate::scenario::spans::{Name, Span};
use crate::scenario::step::{PairStep, TokenStep};
use crate::scenario::{Step, StepKind};
use openclaw_protocol::connect;
use serde_json::{Value, json};

/// The device that approves the devices of the case, and rotates and revokes their tokens. It removes itself at the end.
pub(crate) const OPERATOR: &str = "clawcheck-operator";
/// The most attempts to pair: as itself, as the command line client, and after the approval.
const ATTEMPTS: usize = 3;

impl CaseContext<'_> {
    /// Creates the store of the case on the running gateway. Afterwards, the tokens of the gateway are the tokens that
    /// the scenario calls `seeded`.
    pub(crate) async fn create_store(&mut self, recipe: &Recipe) -> Result<(), CaseError> {
        for device in &recipe.paired {
            for role in &device.roles {
                self.pair(recipe, device, role).await?;
            }
            // Changes come last: a connection can issue a new token in place of a revoked one.
            for role in &device.roles {
                self.change_token(recipe, device, role).await?;
            }
        }
        for request in &recipe.pending {
            self.ask_for_approval(request).await?;
        }
        self.dismiss_operator().await?;
        self.bindings.seed_with_given();
        self.begin_after_setup().await;
        Ok(())
    }

    /// Pairs a device in a role. The gateway approves it silently, or the operator does. Newer releases let
    /// some clients in without pairing them. Such a device then pairs as the command line client.
    async fn pair(&mut self, recipe: &Recipe, device: &PairedDevice, role: &RoleSetup) -> Result<(), CaseError> {
        let (name, at) = (&device.device, device.device.span);
        let mut connect = role.connect.clone();
        // Only the token tells a paired client from one that is let in without a pairing. A gateway without tokens says
        // nothing about it.
        let has_tokens = !self.gateway.profile().lacks.contains(&Capability::Tokens);
        let mut attempts_left = ATTEMPTS;
        loop {
            attempts_left -= 1;
            let role_name = Some(role.role.clone());
            let device_token = has_tokens.then_some(true);
            let hello = Expectation::Hello(Hello { role: role_name, device_token, ..Hello::default() });
            let step = step(StepKind::Connect(Box::new(connect.clone())), at, hello);
            let evidence = self.set_up(&step).await?;
            let is_paired = !has_tokens || self.bindings.last_token(name.as_str(), &role.role).is_some();
            if has_hello(&evidence) && is_paired {
                return Ok(());
            }
            match has_hello(&evidence) {
                true if attempts_left > 0 => (connect.client.id, connect.client.mode) = (None, None),
                false if attempts_left > 0 && asks_for_pairing(&evidence) => self.approve(recipe, name).await?,
                _ => return Err(failure(step, evidence)),
            }
        }
    }

    async fn approve(&mut self, recipe: &Recipe, device: &Name) -> Result<(), CaseError> {
        self.call_operator(recipe, device.span).await?;
        let approve = StepKind::Approve(PairStep { device: device.clone(), by: operator(device.span) });
        self.succeed(step(approve, device.span, Expectation::Ok(Answer::default()))).await
    }

    async fn change_token(
        &mut self,
        recipe: &Recipe,
        device: &PairedDevice,
        role: &RoleSetup,
    ) -> Result<(), CaseError> {
        let at = device.device.span;
        let kind =
            || TokenStep { device: device.device.clone(), role: role.role.clone(), scopes: None, by: operator(at) };
        if role.rotated {
            self.call_operator(recipe, at).await?;
            self.succeed(step(StepKind::Rotate(kind()), at, Expectation::Ok(Answer::default()))).await?;
        }
        if role.used {
            let auth = Credentials { device_token: Some(DeviceToken::Last), ..Credentials::default() };
            let connect = Connect { auth: Some(auth), ..role.connect.clone() };
            let hello = Expectation::Hello(Hello::default());
            self.succeed(step(StepKind::Connect(Box::new(connect)), at, hello)).await?;
        }
        if role.revoked {
            self.call_operator(recipe, at).await?;
            self.succeed(step(StepKind::Revoke(kind()), at, Expectation::Ok(Answer::default()))).await?;
        }
        Ok(())
    }

    /// Leaves a pending request of a device.
    async fn ask_for_approval(&mut self, request: &PendingDevice) -> Result<(), CaseError> {
        let refused = Expectation::Refused(Refused { code: Some("NOT_PAIRED".to_owned()), ..Refused::default() });
        let connect = StepKind::Connect(Box::new(request.connect.clone()));
        let step = step(connect, request.device.span, refused);
        let evidence = self.set_up(&step).await?;
        if asks_for_pairing(&evidence) { Ok(()) } else { Err(failure(step, evidence)) }
    }

    /// Connects the operator, unless it is connected.
    async fn call_operator(&mut self, recipe: &Recipe, at: Span) -> Result<(), CaseError> {
        if self.session(OPERATOR).is_some() {
            return Ok(());
        }
        let mut scopes = vec!["operator.admin".to_owned(), "operator.pairing".to_owned()];
        // Some releases require each scope that an approval grants by name.
        scopes.extend(recipe.scopes().into_iter().map(str::to_owned));
        scopes.sort();
        scopes.dedup();
        let connect = Connect { role: Some("operator".to_owned()), scopes: Some(scopes), ..Connect::of(operator(at)) };
        let hello = Expectation::Hello(Hello::default());
        let connect = StepKind::Connect(Box::new(connect));
        self.succeed(Step { hold: Some(operator(at)), ..step(connect, at, hello) }).await
    }

    /// Removes the operator from the gateway, so that only the devices of the case are paired.
    async fn dismiss_operator(&mut self) -> Result<(), CaseError> {
        let Some(session) = self.session(OPERATOR) else { return Ok(()) };
        drop(session);
        let at = Span::default();
        let remove = StepKind::Remove(PairStep { device: operator(at), by: operator(at) });
        // Other releases refuse to remove the caller. The record then stays, and belongs to no device of the case.
        self.set_up(&step(remove, at, Expectation::Ok(Answer::default()))).await?;
        self.disconnect(OPERATOR).await;
        Ok(())
    }

    /// Plays a step that must succeed.
    async fn succeed(&mut self, step: Step) -> Result<(), CaseError> {
        let evidence = self.set_up(&step).await?;
        let done = evidence.received.iter().any(|received| received.on.is_none() && is_ok(&received.message));
        if done { Ok(()) } else { Err(failure(step, evidence)) }
    }

    async fn set_up(&mut self, step: &Step) -> Result<StepEvidence, CaseError> {
        self.tick().await;
        self.forget_silence();
        let mut evidence = self.kind(step).await?;
        evidence.title = format!("set up the store: {}", title(step));
        evidence.expected = matches!(step.expect, Some(Expectation::Ok(_))).then(|| json!({}));
        if was_silent(&evidence, self.timeouts.was_answered())
            && let Some(silence) = self.silence().await
        {
            return Err(CaseError::Silent(silence));
        }
        Ok(evidence)
    }
}

fn step(kind: StepKind, span: Span, expect: Expectation) -> Step {
    Step { span, number: 0, kind, hold: None, name: None, expect: Some(expect), requires: None, note: None, repeat: 1 }
}

fn failure(step: Step, evidence: StepEvidence) -> CaseError {
    CaseError::Setup(Box::new(SetupFailure { step, evidence }))
}

fn operator(at: Span) -> Name {
    Name::fixed(OPERATOR, at)
}

/// The frames that a step received on its own connection.
fn frames(evidence: &StepEvidence) -> impl Iterator<Item = &Value> {
    let own = evidence.received.iter().filter(|received| received.on.is_none());
    own.filter_map(|received| received.message.frame())
}

fn has_hello(evidence: &StepEvidence) -> bool {
    evidence.received.iter().map(|received| &received.message).any(is_hello)
}

fn is_hello(message: &RawMessage) -> bool {
    let RawMessage::Frame(RawFrame::Regular { json, method }) = message else { return false };
    let to_connect = method.as_deref() == Some("connect");
    is_ok(message) && json.get("payload").is_some_and(|payload| connect::is_hello(payload, to_connect))
}

/// Whether the gateway refused a connection until the device is approved.
fn asks_for_pairing(evidence: &StepEvidence) -> bool {
    frames(evidence).any(|frame| {
        let text = |pointer: &str| frame.pointer(pointer).and_then(Value::as_str);
        text("/error/code") == Some("NOT_PAIRED") || text("/error/details/code") == Some("PAIRING_REQUIRED")
    })
}
