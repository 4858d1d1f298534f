//! The `steps` part of a scenario: one act each.

use super::connect::{Connect, Via};
use super::expect::Expectation;
use super::store::{Base64, Store};
use super::text::{TimeSpan, Version};
use crate::scenario::syntax::spans::{Name, Span, Spanned};
use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;

/// One step: an act, and what is said about it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Spanned<StepFields>")]
pub struct Step {
    /// Where the step stands in its file.
    pub span: Span,
    /// What is done.
    pub kind: StepKind,
    /// Holds the connection open under this name for later steps. It names the step, too.
    pub hold: Option<Name>,
    /// Names the step for later ones, without holding anything.
    pub name: Option<Name>,
    /// What must be seen for the case to have tested what it claims.
    pub expect: Option<Expectation>,
    /// The id of the requirement that the expectation stands for.
    pub requires: Option<Spanned<String>>,
    /// A sentence for the reader.
    pub note: Option<String>,
    /// How often the act is done; each time is observed.
    pub repeat: u32,
}

impl Step {
    /// The name by which later steps speak of this one.
    pub fn known_as(&self) -> Option<&Name> {
        self.hold.as_ref().or(self.name.as_ref())
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

/// What a step does.
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
    /// Approves the newest pending request of a device, as `device.pair.list` shows it.
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
    /// Stops the gateway, politely. It stays down.
    Stop(Nothing),
    /// Kills the gateway. It stays down.
    Kill(Nothing),
    /// Starts the gateway again, on the same state directory.
    Start(Start),
    /// Stops the gateway and starts it again.
    Restart(Nothing),
    /// Writes into the state directory.
    Edit(Box<Store>),
    /// Moves the gateway's clock.
    Advance(TimeSpan),
    /// Does these at the same time; their outcomes are compared as a set.
    Parallel(Vec<Step>),
}

macro_rules! step_fields {
    ($($(#[$doc:meta])* $field:ident: $type:ty => $kind:expr,)*) => {
        /// One step: exactly one act, and what is said about it.
        #[derive(Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        #[schemars(rename = "Step", transform = exactly_one_act)]
        struct StepFields {
            $($(#[$doc])* #[serde(default)] $field: Option<$type>,)*
            /// Holds the connection open under this name for later steps. It names the step, too.
            #[serde(default)]
            r#as: Option<Name>,
            /// Names the step for later ones, without holding anything.
            #[serde(default)]
            name: Option<Name>,
            /// What must be seen for the case to have tested what it claims.
            #[serde(default)]
            expect: Option<Expectation>,
            /// The id of the requirement that the expectation stands for.
            #[serde(default)]
            requires: Option<Spanned<String>>,
            /// A sentence for the reader.
            #[serde(default)]
            note: Option<String>,
            /// How often the act is done; each time is observed.
            #[serde(default)]
            #[schemars(range(min = 1, max = 1000))]
            repeat: Option<u32>,
        }

        /// The acts, as they are written.
        const ACTS: &[&str] = &[$(written(stringify!($field))),*];

        impl StepFields {
            /// The acts of the step, by their names.
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
    /// Connects a client and waits for the answer. The connection is closed afterwards, unless the step holds it with `as`.
    connect: Connect => |kind| StepKind::Connect(Box::new(kind)),
    /// Opens a WebSocket and waits for the challenge, without connecting.
    open: Open => StepKind::Open,
    /// Sends a raw frame on a held connection and waits for its answer or the close.
    send: Send => StepKind::Send,
    /// Calls a method on a held connection and waits for its answer.
    call: Call => StepKind::Call,
    /// Approves the newest pending request of a device. That there is none is seen as `nothing-pending`.
    approve: PairStep => StepKind::Approve,
    /// Rejects the newest pending request of a device. That there is none is seen as `nothing-pending`.
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
    /// Stops the gateway, politely. It stays down until `start`.
    stop: Nothing => StepKind::Stop,
    /// Kills the gateway. It stays down until `start`.
    kill: Nothing => StepKind::Kill,
    /// Starts the gateway again, on the same state directory.
    start: Start => StepKind::Start,
    /// Stops the gateway politely and starts it again.
    restart: Nothing => StepKind::Restart,
    /// Writes into the state directory, whether the gateway runs or not.
    edit: Store => |kind| StepKind::Edit(Box::new(kind)),
    /// Moves the gateway's clock; only a gateway in process has one to move.
    advance: TimeSpan => StepKind::Advance,
    /// Does these at the same time; their outcomes are compared as a set.
    parallel: Vec<Step> => StepKind::Parallel,
}

/// A field as it is written: the name of the field `r#await` is `await`.
const fn written(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', ..] => field.split_at(2).1,
        _ => field,
    }
}

/// In the schema: one act, no more and no less.
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
                _ => format!("a step has one action, but this one has {}; write a step for each", names.join(" and ")),
            });
        };
        let repeat = fields.repeat.unwrap_or(1);
        if !(1..=1000).contains(&repeat) {
            return Err(format!("`repeat: {repeat}`: expected a number from 1 to 1000"));
        }
        let StepFields { r#as: hold, name, expect, requires, note, .. } = fields;
        Ok(Self { span, kind, hold, name, expect, requires, note, repeat })
    }
}

/// Nothing to say: `{}`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// An upgrade without a connect.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Open {
    /// Where the connection comes from.
    pub via: Via,
    /// More headers of the upgrade request; they go over those of `via`.
    pub headers: IndexMap<String, String>,
    /// The Origin header; not sent unless said.
    pub origin: Option<String>,
    /// The Host header; the gateway's address unless said otherwise.
    pub host: Option<String>,
    /// The path of the request; `/` unless said otherwise.
    pub path: Option<String>,
}

/// A raw frame.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Send {
    /// The held connection.
    pub on: Name,
    /// The frame.
    pub frame: Frame,
}

/// What a raw frame consists of. Symbols such as `<device laptop>` stand for ids in text and JSON.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Frame {
    /// A text frame of this text.
    Text(String),
    /// A text frame of this JSON value.
    Json(Value),
    /// A binary frame of these bytes.
    Base64(Base64),
    /// A text frame of so many bytes that say nothing (the letter x).
    #[serde(deserialize_with = "filler")]
    Filler(#[schemars(range(max = MOST_FILLER))] u32),
}

/// Most bytes of filler in a frame: more than any gateway takes, and no burden to us.
const MOST_FILLER: u32 = 64 * 1024 * 1024;

fn filler<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        bytes @ 0..=MOST_FILLER => Ok(bytes),
        bytes => Err(serde::de::Error::custom(format!(
            "{bytes} bytes of filler exceed the limit; expected {MOST_FILLER} or less"
        ))),
    }
}

/// A call of a method.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Call {
    /// The held connection.
    pub on: Name,
    /// The method.
    pub method: String,
    /// Its parameters; symbols such as `<device laptop>` stand for ids. Not sent unless said.
    #[serde(default)]
    pub params: Option<Value>,
    /// Whether the step waits for the answer; if not, a later `await: { answer: NAME }` does.
    #[serde(default = "yes")]
    pub wait: bool,
}

fn yes() -> bool {
    true
}

/// Somebody's decision about a device.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PairStep {
    /// The device.
    pub device: Name,
    /// The held connection that asks for it.
    pub by: Name,
}

/// A look at the pairing store through the gateway.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ListStep {
    /// The held connection that asks for it.
    pub by: Name,
}

/// Something done to a device token.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TokenStep {
    /// The device.
    pub device: Name,
    /// The role of the token.
    pub role: String,
    /// Scopes of the new token; not sent unless said.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// The held connection that asks for it.
    pub by: Name,
}

/// Something to wait for.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Await {
    /// The close of a held connection by the gateway.
    Close(Name),
    /// The close of a held connection that has not connected in time.
    HandshakeTimeout(Name),
    /// The answer to the call of this name.
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
    /// Another release of the same kind; the one under test unless said otherwise.
    pub release: Option<Version>,
}
