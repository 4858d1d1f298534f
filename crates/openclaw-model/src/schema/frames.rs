//! The request frame and the parameters of `connect` (`RequestFrameSchema`, `ConnectParamsSchema`).

use super::{NATURAL, NON_EMPTY, STRING, Schema, array, at_least, object, optional, required, text};
pub use crate::facts::handshake::ConnectForm;
use openclaw_protocol::client;

/// The parameters of `connect` with these schemas of the client, the device and the credentials.
macro_rules! connect {
    ($client:expr, $device:expr, $auth:expr) => {
        object(&[
            required("minProtocol", at_least(1)),
            required("maxProtocol", at_least(1)),
            required("client", $client),
            optional("caps", array(&NON_EMPTY)),
            optional("commands", array(&NON_EMPTY)),
            optional("permissions", Schema::Record(&Schema::Boolean)),
            optional("pathEnv", STRING),
            optional("role", NON_EMPTY),
            optional("scopes", array(&NON_EMPTY)),
            optional("device", $device),
            optional("auth", $auth),
            optional("locale", STRING),
            optional("userAgent", STRING),
        ])
    };
}

/// A request frame.
pub static REQUEST: Schema = object(&[
    required("type", Schema::Literal("req")),
    required("id", NON_EMPTY),
    required("method", NON_EMPTY),
    optional("params", Schema::Any),
]);

/// A request frame that can also name a trace and the intended recipient profile.
pub static TRACED_REQUEST: Schema = object(&[
    required("type", Schema::Literal("req")),
    required("id", NON_EMPTY),
    required("method", NON_EMPTY),
    optional("params", Schema::Any),
    optional("traceparent", text(0, 128)),
    optional("expectedProfileId", text(1, 128)),
]);

impl ConnectForm {
    /// The form of a request's frame.
    pub fn request(self) -> &'static Schema {
        if self == Self::WithBuild { &TRACED_REQUEST } else { &REQUEST }
    }
}

/// The parameters of `connect`.
pub fn connect(form: ConnectForm) -> &'static Schema {
    match form {
        ConnectForm::Secrets => &CONNECT_WITH_SECRETS,
        ConnectForm::DeviceToken => &CONNECT_WITH_DEVICE_TOKEN,
        ConnectForm::BootstrapToken => &CONNECT_WITH_BOOTSTRAP_TOKEN,
        ConnectForm::Literals => &CONNECT,
        ConnectForm::Enumerated => &CONNECT_ENUMERATED,
        ConnectForm::WithRuntimeToken => &CONNECT_WITH_RUNTIME_TOKEN,
        ConnectForm::WithAgentRun => &CONNECT_WITH_AGENT_RUN,
        ConnectForm::WithBuild => &CONNECT_WITH_BUILD,
    }
}

static CONNECT_WITH_SECRETS: Schema = connect!(CLIENT_BEFORE_TUI, DEVICE_WITHOUT_NONCE, SECRETS);
static CONNECT_WITH_DEVICE_TOKEN: Schema = connect!(CLIENT_BEFORE_TUI, DEVICE, AUTH_BEFORE_BOOTSTRAP);
static CONNECT_WITH_BOOTSTRAP_TOKEN: Schema = connect!(CLIENT_BEFORE_TUI, DEVICE, AUTH);
static CONNECT: Schema = connect!(CLIENT, DEVICE, AUTH);
static CONNECT_ENUMERATED: Schema = connect!(CLIENT_ENUMERATED, DEVICE, AUTH);
static CONNECT_WITH_RUNTIME_TOKEN: Schema = connect!(CLIENT_ENUMERATED, DEVICE, AUTH_WITH_RUNTIME_TOKEN);
static CONNECT_WITH_AGENT_RUN: Schema = connect!(CLIENT_ENUMERATED, DEVICE, AUTH_WITH_AGENT_RUN);
static CONNECT_WITH_BUILD: Schema = object(&[
    required("minProtocol", at_least(1)),
    required("maxProtocol", at_least(1)),
    required("client", CLIENT_WITH_BUILD),
    optional("caps", array(&NON_EMPTY)),
    optional("commands", array(&NON_EMPTY)),
    optional("computerUse", Schema::Any),
    // The workers of older node hosts. The contents are not checked here.
    optional("workerRuns", Schema::Any),
    optional("permissions", Schema::Record(&Schema::Boolean)),
    optional("pathEnv", STRING),
    optional("role", NON_EMPTY),
    optional("scopes", array(&NON_EMPTY)),
    optional("modelCatalog", Schema::Union(&MODEL_CATALOGUES)),
    optional("device", DEVICE),
    optional("auth", AUTH_WITH_AGENT_RUN),
    optional("locale", STRING),
    optional("userAgent", STRING),
]);
static MODEL_CATALOGUES: [Schema; 2] = [
    object(&[optional("agentId", NON_EMPTY), optional("sessionKey", NON_EMPTY)]),
    object(&[optional("agentId", NON_EMPTY), required("shortId", NON_EMPTY), optional("slugHint", NON_EMPTY)]),
];

const CLIENT_WITH_BUILD: Schema = object(&[
    required("id", Schema::OneOf(&client::IDS_WITH_COPILOT)),
    optional("displayName", NON_EMPTY),
    required("version", NON_EMPTY),
    optional("buildId", text(1, 96)),
    required("platform", NON_EMPTY),
    optional("deviceFamily", NON_EMPTY),
    optional("modelIdentifier", NON_EMPTY),
    optional("timeZone", text(1, 64)),
    required("mode", Schema::OneOf(&client::mode::WITH_WORKER)),
    optional("instanceId", NON_EMPTY),
]);

/// The client of a connect, with these ids and modes.
macro_rules! client {
    ($ids:expr, $modes:expr) => {
        object(&[
            required("id", $ids),
            optional("displayName", NON_EMPTY),
            required("version", NON_EMPTY),
            required("platform", NON_EMPTY),
            optional("deviceFamily", NON_EMPTY),
            optional("modelIdentifier", NON_EMPTY),
            required("mode", $modes),
            optional("instanceId", NON_EMPTY),
        ])
    };
}

const CLIENT: Schema = client!(Schema::Literals(&client::ALL), Schema::Literals(&client::mode::ALL));

const CLIENT_ENUMERATED: Schema = client!(Schema::OneOf(&client::ALL), Schema::OneOf(&client::mode::ALL));

const CLIENT_BEFORE_TUI: Schema = client!(Schema::Literals(&client::BEFORE_TUI), Schema::Literals(&client::mode::ALL));

const DEVICE_WITHOUT_NONCE: Schema = object(&[
    required("id", NON_EMPTY),
    required("publicKey", NON_EMPTY),
    required("signature", NON_EMPTY),
    required("signedAt", NATURAL),
    optional("nonce", NON_EMPTY),
]);
const DEVICE: Schema = object(&[
    required("id", NON_EMPTY),
    required("publicKey", NON_EMPTY),
    required("signature", NON_EMPTY),
    required("signedAt", NATURAL),
    required("nonce", NON_EMPTY),
]);

const SECRETS: Schema = object(&[optional("token", STRING), optional("password", STRING)]);
const AUTH_BEFORE_BOOTSTRAP: Schema =
    object(&[optional("token", STRING), optional("deviceToken", STRING), optional("password", STRING)]);
const AUTH: Schema = object(&[
    optional("token", STRING),
    optional("bootstrapToken", STRING),
    optional("deviceToken", STRING),
    optional("password", STRING),
]);
const AUTH_WITH_RUNTIME_TOKEN: Schema = object(&[
    optional("token", STRING),
    optional("bootstrapToken", STRING),
    optional("deviceToken", STRING),
    optional("password", STRING),
    optional("approvalRuntimeToken", STRING),
]);
const AUTH_WITH_AGENT_RUN: Schema = object(&[
    optional("token", STRING),
    optional("bootstrapToken", STRING),
    optional("deviceToken", STRING),
    optional("password", STRING),
    optional("approvalRuntimeToken", STRING),
    optional("agentRuntimeIdentityToken", STRING),
]);
