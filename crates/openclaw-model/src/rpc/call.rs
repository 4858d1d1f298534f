//! One request after `hello-ok`, and what a handler can do with it.

use crate::facts::rpc::RpcRules;
use crate::input::{ConnectionId, Effect, Environment, Outcome};
use crate::model::{ConnectedClient, Model, RequestFrame};
use crate::pairing::StoreError;
use crate::schema::Schema;
use crate::trace::Check;
use openclaw_protocol::codes::error;
use openclaw_protocol::frame::ErrorShape;
use openclaw_protocol::js::TypeError;
use serde_json::{Value, json};

/// One request and its context.
pub(crate) struct Call<'a, 'e> {
    pub(crate) model: &'a mut Model,
    pub(crate) connection: ConnectionId,
    pub(crate) client: ConnectedClient,
    pub(crate) request: RequestFrame,
    pub(crate) environment: &'a mut Environment<'e>,
    pub(crate) outcome: &'a mut Outcome,
}

/// The result of a handler.
pub(crate) enum Reply {
    /// The payload of a successful response.
    Answer(Value),
    /// An answer, after which the device's live connections are closed: those of one role, or all.
    AnswerThenDisconnect {
        /// The answer.
        payload: Value,
        /// The device.
        device_id: String,
        /// The role. `None` for all roles.
        role: Option<String>,
    },
    /// The handler has already answered, or answers later.
    Answered,
}

/// The reason why a handler returns no payload.
pub(crate) enum Refusal {
    /// An error for the caller.
    Error(Box<ErrorShape>),
    /// An error that the release throws.
    StoreError(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(fault: StoreError) -> Self {
        Self::StoreError(fault)
    }
}

impl From<TypeError> for Refusal {
    fn from(fault: TypeError) -> Self {
        Self::StoreError(fault.into())
    }
}

pub(crate) type HandlerResult = Result<Reply, Refusal>;
pub(crate) type Handler = fn(&mut Call<'_, '_>) -> HandlerResult;

impl Call<'_, '_> {
    /// The parameters, validated against their schema. Absent parameters count as an empty object.
    pub(crate) fn params(&self, schema: &Schema) -> Result<Value, Refusal> {
        let params = self.raw_params();
        schema
            .check(Some(&params))
            .map_err(|sentence| self.model.rules.handshake.wording.of(sentence))
            .map_err(|sentence| invalid(format!("invalid {} params: {sentence}", self.request.method)))?;
        Ok(params)
    }

    /// The parameters without validation.
    pub(crate) fn raw_params(&self) -> Value {
        self.request.params.clone().filter(|params| !params.is_null()).unwrap_or_else(|| json!({}))
    }

    /// Whether the caller has exactly this scope.
    pub(crate) fn holds(&self, scope: &str) -> bool {
        self.client.scopes.iter().any(|held| held == scope)
    }

    pub(crate) fn now(&self) -> i64 {
        self.environment.now
    }

    pub(crate) fn broadcast(&mut self, event: &str, payload: Value) {
        self.model.broadcast(event, payload, self.outcome);
    }

    pub(crate) fn reason(&mut self, reason: String) {
        self.outcome.trace_line(Check::Call, reason);
    }

    pub(crate) fn log(&mut self, line: String) {
        self.outcome.effects.push(Effect::Log(line));
    }
}

pub(crate) fn shape(code: &str, message: impl Into<String>) -> ErrorShape {
    ErrorShape { code: code.to_owned(), message: message.into(), details: None, retryable: None, retry_after_ms: None }
}

/// The refusal of a caller without the necessary scope.
pub(crate) fn missing(rules: &RpcRules, scope: &str, takes: &[&str]) -> Refusal {
    let message = format!("missing scope: {scope}");
    if !rules.scopes_forbidden {
        return invalid(message);
    }
    let details = json!({"code": "MISSING_SCOPE", "missingScope": scope, "requiredScopes": takes});
    Refusal::Error(Box::new(ErrorShape { details: Some(details), ..shape(error::FORBIDDEN, message) }))
}

pub(crate) fn refuse(code: &str, message: impl Into<String>) -> Refusal {
    Refusal::Error(Box::new(shape(code, message)))
}

pub(crate) fn not_implemented(method: &str) -> Refusal {
    refuse(error::UNAVAILABLE, format!("{method} is not implemented by this reference gateway"))
}

pub(crate) fn invalid(message: impl Into<String>) -> Refusal {
    refuse(error::INVALID_REQUEST, message)
}

pub(crate) fn invalid_with(message: &str, details: Value) -> Refusal {
    Refusal::Error(Box::new(ErrorShape { details: Some(details), ..shape(error::INVALID_REQUEST, message) }))
}
