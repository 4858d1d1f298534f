//! The `steps` part of a scenario. Each step has one action.

use super::connect::{Connect, Via};
use super::expect::Expectation;
use super::store::{Base64, Store};
use super::text::{TimeSpan, Version};
use crate::enumeration::enumeration;
use crate::scenario::syntax::spans::{Name, Span, Spanned};
use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;

/// One step: an action and its options.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Spanned<StepFields>")]
pub struct Step {
    /// The position of the step in its file.
    pub span: Span,
    /// The number of the step in its scenario, as in [`Scenario::all_steps`](super::document::Scenario::all_steps).
    pub number: usize,
    /// The action.
    pub kind: StepKind,
    /// Keeps the connection open under this name for later steps. The name also identifies the step.
    pub hold: Option<Name>,
    /// A name for the step, without a held connection.
    pub name: Option<Name>,
    /// The answer that the case needs. Without this answer, the case has not tested what it claims.
    pub expect: Option<Expectation>,
    /// The id of the requirement that the expectation tests.
    pub requires: Option<Spanned<String>>,
    /// A sentence for the reader. `run` and the reports print it if the step differs.
    pub note: Option<String>,
    /// Number of repetitions of the action. Each has its own observation.
    pub repeat: u32,
}

impl Step {
    /// The name that later steps use for this step.
    pub fn known_as(&self) -> Option<&Name> {
        self.hold.as_ref().or(self.name.as_ref())
    }

    /// The steps that are played in parallel in this step.
    pub fn parallel(&self) -> &[Step] {
        match &self.kind {
            StepKind::Parallel(branches) => branches,
            _ => &[],
        }
    }
}

impl JsonSchema for Step {
    fn schema_name() -> Cow<'static, str> {
        StepFields::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        StepFields::json_schema(generator)
    }
}

/// The action of a step.
#[derive(Debug, Clone, PartialEq)]
pub enum StepKind {
    /// Connects a client.
    Connect(Box<Connect>),
    /// Opens a WebSocket and waits for the challenge, without connecting.
    Open(Open),
    /// Sends a raw frame.
    Send(Send),
    /// Calls a method.
    Call(Call),
    /// Approves the newest pending request of a device in `device.pair.list`.
    Approve(PairStep),
    /// Rejects the newest pending request of a device.
    Reject(PairStep),
    /// Removes a paired device.
    Remove(PairStep),
    /// Lists pending and paired devices.
    List(ListStep),
    /// Rotates a device token.
    Rotate(TokenStep),
    /// Revokes a device token.
    Revoke(TokenStep),
    /// Waits for something on a held connection.
    Await(Await),
    /// Closes a held connection from the client's side.
    Disconnect(Name),
    /// Stops the gateway gracefully. It stays stopped.
    Stop(EmptyMap),
    /// Kills the gateway. It stays stopped.
    Kill(EmptyMap),
    /// Starts the gateway again on the same state directory.
    Start(Start),
    /// Stops the gateway and starts it again.
    Restart(EmptyMap),
    /// Writes to the state directory.
    Edit(Box<Store>),
    /// Moves the gateway's clock.
    Advance(TimeSpan),
    /// Plays these steps at the same time. Their results are compared as a set.
    Parallel(Vec<Step>),
}

macro_rules! step_fields {
    ($($(#[$doc:meta])* $field:ident: $type:ty => $kind:expr,)*) => {
        /// One step: exactly one action and its options.
        #[derive(Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        #[schemars(rename = "Step", transform = exactly_one_act)]
        struct StepFields {
            $($(#[$doc])* #[serde(default)] $field: Option<$type>,)*
            /// Keeps the connection open under this name for later steps. The name also identifies the step.
            #[serde(default)]
            r#as: Option<Name>,
            /// A name for the step, without a held connection.
            #[serde(default)]
            name: Option<Name>,
            /// The answer that the case needs. Without this answer, the case has not tested what it claims.
            #[serde(default)]
            expect: Option<Expectation>,
            /// The id of the requirement that the expectation tests.
            #[serde(default)]
            requires: Option<Spanned<String>>,
            /// A sentence for the reader. `run` and the reports print it if the step differs.
            #[serde(default)]
            note: Option<String>,
            /// Number of repetitions of the action. Each has its own observation.
            #[serde(default)]
            #[schemars(range(min = 1, max = 1000))]
            repeat: Option<u32>,
        }

        /// The keys of the actions.
        const ACTS: &[&str] = &[$(written(stringify!($field))),*];

        impl StepFields {
            /// The actions of the step, with their keys.
            fn kinds(&mut self) -> Vec<(&'static str, StepKind)> {
                let mut kinds = Vec::new();
                $(if let Some(kind) = self.$field.take() {
                    kinds.push((written(stringify!($field)), $kind(kind)));
                })*
                kinds
            }
        }
    };
}

step_fields! {
    /// Connects a client and waits for the answer. The connection is closed after the step, unless `as` holds it.
    connect: Connect => |kind| StepKind::Connect(Box::new(kind)),
    /// Opens a WebSocket and waits for the challenge, without connecting.
    open: Open => StepKind::Open,
    /// Sends a raw frame on a held connection and waits for the answer or the close.
    send: Send => StepKind::Send,
    /// Calls a method on a held connection and waits for its answer.
    call: Call => StepKind::Call,
    /// Approves the newest pending request of a device. If there is none, the answer is `nothing-pending`.
    approve: PairStep => StepKind::Approve,
    /// Rejects the newest pending request of a device. If there is none, the answer is `nothing-pending`.
    reject: PairStep => StepKind::Reject,
    /// Removes a paired device.
    remove: PairStep => StepKind::Remove,
    /// Lists pending and paired devices.
    list: ListStep => StepKind::List,
    /// Rotates a device token.
    rotate: TokenStep => StepKind::Rotate,
    /// Revokes a device token.
    revoke: TokenStep => StepKind::Revoke,
    /// Waits for something on a held connection.
    r#await: Await => StepKind::Await,
    /// Closes a held connection from the client's side.
    disconnect: Name => StepKind::Disconnect,
    /// Stops the gateway gracefully. It stays stopped until `start`.
    stop: EmptyMap => StepKind::Stop,
    /// Kills the gateway. It stays stopped until `start`.
    kill: EmptyMap => StepKind::Kill,
    /// Starts the gateway again on the same state directory.
    start: Start => StepKind::Start,
    /// Stops the gateway gracefully and starts it again.
    restart: EmptyMap => StepKind::Restart,
    /// Writes to the state directory. The gateway can run or be stopped.
    edit: Store => |kind| StepKind::Edit(Box::new(kind)),
    /// Moves the gateway's clock. Only the embedded gateway has a movable clock.
    advance: TimeSpan => StepKind::Advance,
    /// Plays these steps at the same time. Their results are compared as a set.
    parallel: Vec<Step> => StepKind::Parallel,
}

/// The key of a field: the key of the field `r#await` is `await`.
const fn written(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', ..] => field.split_at(2).1,
        _ => field,
    }
}

/// Adds to the schema that a step has exactly one action.
fn exactly_one_act(schema: &mut Schema) {
    let one = ACTS.iter().map(|kind| serde_json::json!({ "required": [kind] })).collect();
    schema.insert("oneOf".to_owned(), Value::Array(one));
}

impl TryFrom<Spanned<StepFields>> for Step {
    type Error = String;

    fn try_from(Spanned { value: mut fields, span }: Spanned<StepFields>) -> Result<Self, String> {
        let mut kinds = fields.kinds();
        let names: Vec<_> = kinds.iter().map(|(name, _)| format!("`{name}`")).collect();
        let (Some((_, kind)), true) = (kinds.pop(), kinds.is_empty()) else {
            return Err(match names.as_slice() {
                [] => format!("the step has no action; expected one of {}", ACTS.join(", ")),
                _ => format!("a step has one action, but this one has {}; write a step for each", enumeration(&names)),
            });
        };
        let repeat = fields.repeat.unwrap_or(1);
        if !(1..=1000).contains(&repeat) {
            return Err(format!("`repeat: {repeat}`: expected a number from 1 to 1000"));
        }
        let StepFields { r#as: hold, name, expect, requires, note, .. } = fields;
        // `Scenario::number_steps` counts the steps when all of them are known.
        Ok(Self { span, number: 0, kind, hold, name, expect, requires, note, repeat })
    }
}

/// An empty map: `{}`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmptyMap {}

/// An upgrade without a connect.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Open {
    /// The origin of the connection.
    pub via: Via,
    /// Additional headers of the upgrade request. They override the headers of `via`.
    pub headers: IndexMap<String, String>,
    /// The Origin header. Not sent by default.
    pub origin: Option<String>,
    /// The Host header. Default: the address of the gateway.
    pub host: Option<String>,
    /// The path of the request. Default: `/`.
    pub path: Option<String>,
}

/// A raw frame.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Send {
    /// The held connection.
    pub on: Name,
    /// The contents of the frame.
    pub frame: Frame,
}

/// The contents of a raw frame. In text and JSON, symbols such as `<device laptop>` stand for ids.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Frame {
    /// A text frame with this text.
    Text(String),
    /// A text frame with this JSON value.
    Json(Value),
    /// A binary frame with these bytes.
    Base64(Base64),
    /// A text frame of this many bytes (the letter x).
    #[serde(deserialize_with = "filler")]
    Filler(#[schemars(range(max = MAX_FILLER))] u32),
}

/// Maximum number of filler bytes in a frame. It is larger than the frame limit of any gateway.
const MAX_FILLER: u32 = 64 * 1024 * 1024;

fn filler<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        bytes @ 0..=MAX_FILLER => Ok(bytes),
        bytes => Err(serde::de::Error::custom(format!(
            "{bytes} bytes of filler exceed the limit; expected {MAX_FILLER} or less"
        ))),
    }
}

/// A call of a method.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Call {
    /// The held connection.
    pub on: Name,
    /// The name of the method.
    pub method: String,
    /// The parameters of the call. Symbols such as `<device laptop>` stand for ids. Not sent by default.
    #[serde(default)]
    pub params: Option<Value>,
    /// Whether the step waits for the answer. If it does not, `await: { answer: NAME }` in a later step does.
    #[serde(default = "yes")]
    pub wait: bool,
}

fn yes() -> bool {
    true
}

/// A decision about a device.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PairStep {
    /// The device that the step is about.
    pub device: Name,
    /// The held connection that makes the call.
    pub by: Name,
}

/// A list of pending requests and paired devices.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ListStep {
    /// The held connection that makes the call.
    pub by: Name,
}

/// A rotation or revocation of a device token.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TokenStep {
    /// The device whose token the step changes.
    pub device: Name,
    /// The role of the token.
    pub role: String,
    /// The scopes of the new token. Not sent by default.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// The held connection that makes the call.
    pub by: Name,
}

/// What a step waits for.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Await {
    /// The gateway closes a held connection.
    Close(Name),
    /// The gateway closes a held connection because of the handshake timeout.
    HandshakeTimeout(Name),
    /// The answer to the call in the step with this name.
    Answer(Name),
    /// An event on a held connection.
    Event(AwaitedEvent),
}

/// An event to wait for.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AwaitedEvent {
    /// The held connection.
    pub on: Name,
    /// The event's name.
    pub name: String,
}

/// A start of a gateway.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Start {
    /// Another release of the same kind. Default: the release under test.
    pub release: Option<Version>,
}
