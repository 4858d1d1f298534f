//! The request frame and the parameters of `connect` (`RequestFrameSchema`, `ConnectParamsSchema` in
//! `method-scopes-*.js`).

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

/// A request frame of 2026.9.6: it may name a trace and the profile that it is meant for.
pub static REQUEST_2026_9_6: Schema = object(&[
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
        if self == Self::V2026_9_6 { &REQUEST_2026_9_6 } else { &REQUEST }
    }
}

/// The parameters of `connect`.
pub fn connect(form: ConnectForm) -> &'static Schema {
    match form {
        ConnectForm::V2026_2_19 => &CONNECT_2026_2_19,
        ConnectForm::V2026_2_26 => &CONNECT_2026_2_26,
        ConnectForm::V2026_3_13 => &CONNECT_2026_3_13,
        ConnectForm::Literals => &CONNECT,
        ConnectForm::Enumerated => &CONNECT_ENUMERATED,
        ConnectForm::WithRuntimeToken => &CONNECT_WITH_RUNTIME_TOKEN,
        ConnectForm::V2026_7_35 => &CONNECT_2026_7_35,
        ConnectForm::V2026_9_6 => &CONNECT_2026_9_6,
    }
}

static CONNECT_2026_2_19: Schema = connect!(CLIENT_BEFORE_TUI, DEVICE_WITHOUT_NONCE, SECRETS);
static CONNECT_2026_2_26: Schema = connect!(CLIENT_BEFORE_TUI, DEVICE, AUTH_BEFORE_BOOTSTRAP);
static CONNECT_2026_3_13: Schema = connect!(CLIENT_BEFORE_TUI, DEVICE, AUTH);
static CONNECT: Schema = connect!(CLIENT, DEVICE, AUTH);
static CONNECT_ENUMERATED: Schema = connect!(CLIENT_ENUMERATED, DEVICE, AUTH);
static CONNECT_WITH_RUNTIME_TOKEN: Schema = connect!(CLIENT_ENUMERATED, DEVICE, AUTH_WITH_RUNTIME_TOKEN);
static CONNECT_2026_7_35: Schema = connect!(CLIENT_ENUMERATED, DEVICE, AUTH_2026_7_35);
static CONNECT_2026_9_6: Schema = object(&[
    required("minProtocol", at_least(1)),
    required("maxProtocol", at_least(1)),
    required("client", CLIENT_2026_9_6),
    optional("caps", array(&NON_EMPTY)),
    optional("commands", array(&NON_EMPTY)),
    optional("computerUse", Schema::Any),
    // What older node hosts said of their workers; what is in it is not checked here.
    optional("workerRuns", Schema::Any),
    optional("permissions", Schema::Record(&Schema::Boolean)),
    optional("pathEnv", STRING),
    optional("role", NON_EMPTY),
    optional("scopes", array(&NON_EMPTY)),
    optional("modelCatalog", Schema::Union(&MODEL_CATALOGUES)),
    optional("device", DEVICE),
    optional("auth", AUTH_2026_7_35),
    optional("locale", STRING),
    optional("userAgent", STRING),
]);
static MODEL_CATALOGUES: [Schema; 2] = [
    object(&[optional("agentId", NON_EMPTY), optional("sessionKey", NON_EMPTY)]),
    object(&[optional("agentId", NON_EMPTY), required("shortId", NON_EMPTY), optional("slugHint", NON_EMPTY)]),
];

const CLIENT_2026_9_6: Schema = object(&[
    required("id", Schema::OneOf(&client::V2026_9_6)),
    optional("displayName", NON_EMPTY),
    required("version", NON_EMPTY),
    optional("buildId", text(1, 96)),
    required("platform", NON_EMPTY),
    optional("deviceFamily", NON_EMPTY),
    optional("modelIdentifier", NON_EMPTY),
    optional("timeZone", text(1, 64)),
    required("mode", Schema::OneOf(&client::mode::V2026_9_6)),
    optional("instanceId", NON_EMPTY),
]);

const CLIENT: Schema = object(&[
    required("id", Schema::Literals(&client::ALL)),
    optional("displayName", NON_EMPTY),
    required("version", NON_EMPTY),
    required("platform", NON_EMPTY),
    optional("deviceFamily", NON_EMPTY),
    optional("modelIdentifier", NON_EMPTY),
    required("mode", Schema::Literals(&client::mode::ALL)),
    optional("instanceId", NON_EMPTY),
]);

const CLIENT_ENUMERATED: Schema = object(&[
    required("id", Schema::OneOf(&client::ALL)),
    optional("displayName", NON_EMPTY),
    required("version", NON_EMPTY),
    required("platform", NON_EMPTY),
    optional("deviceFamily", NON_EMPTY),
    optional("modelIdentifier", NON_EMPTY),
    required("mode", Schema::OneOf(&client::mode::ALL)),
    optional("instanceId", NON_EMPTY),
]);

const CLIENT_BEFORE_TUI: Schema = object(&[
    required("id", Schema::Literals(&client::BEFORE_TUI)),
    optional("displayName", NON_EMPTY),
    required("version", NON_EMPTY),
    required("platform", NON_EMPTY),
    optional("deviceFamily", NON_EMPTY),
    optional("modelIdentifier", NON_EMPTY),
    required("mode", Schema::Literals(&client::mode::ALL)),
    optional("instanceId", NON_EMPTY),
]);

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
const AUTH_2026_7_35: Schema = object(&[
    optional("token", STRING),
    optional("bootstrapToken", STRING),
    optional("deviceToken", STRING),
    optional("password", STRING),
    optional("approvalRuntimeToken", STRING),
    optional("agentRuntimeIdentityToken", STRING),
]);
