//! The request frame and the parameters of `connect` (`RequestFrameSchema`, `ConnectParamsSchema` in
//! `method-scopes-*.js`; the same from 2026.3.28 to 2026.5.7).

use super::{NATURAL, NON_EMPTY, STRING, Schema, array, at_least, object, optional, required};
use crate::protocol::client;

/// A request frame.
pub static REQUEST: Schema = object(&[
    required("type", Schema::Literal("req")),
    required("id", NON_EMPTY),
    required("method", NON_EMPTY),
    optional("params", Schema::Any),
]);

/// Which form the parameters of `connect` have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectForm {
    /// Client ids and modes are a union of literals.
    Literals,
    /// They are an enumeration.
    Enumerated,
    /// And the tool that asks for approvals may say that it is the gateway's own.
    WithRuntimeToken,
}

/// The parameters of `connect`.
pub fn connect(form: ConnectForm) -> &'static Schema {
    match form {
        ConnectForm::Literals => &CONNECT,
        ConnectForm::Enumerated => &CONNECT_ENUMERATED,
        ConnectForm::WithRuntimeToken => &CONNECT_WITH_RUNTIME_TOKEN,
    }
}

static CONNECT: Schema = object(&[
    required("minProtocol", at_least(1)),
    required("maxProtocol", at_least(1)),
    required("client", CLIENT),
    optional("caps", array(&NON_EMPTY)),
    optional("commands", array(&NON_EMPTY)),
    optional("permissions", Schema::Record(&Schema::Boolean)),
    optional("pathEnv", STRING),
    optional("role", NON_EMPTY),
    optional("scopes", array(&NON_EMPTY)),
    optional("device", DEVICE),
    optional("auth", AUTH),
    optional("locale", STRING),
    optional("userAgent", STRING),
]);
static CONNECT_ENUMERATED: Schema = object(&[
    required("minProtocol", at_least(1)),
    required("maxProtocol", at_least(1)),
    required("client", CLIENT_ENUMERATED),
    optional("caps", array(&NON_EMPTY)),
    optional("commands", array(&NON_EMPTY)),
    optional("permissions", Schema::Record(&Schema::Boolean)),
    optional("pathEnv", STRING),
    optional("role", NON_EMPTY),
    optional("scopes", array(&NON_EMPTY)),
    optional("device", DEVICE),
    optional("auth", AUTH),
    optional("locale", STRING),
    optional("userAgent", STRING),
]);

static CONNECT_WITH_RUNTIME_TOKEN: Schema = object(&[
    required("minProtocol", at_least(1)),
    required("maxProtocol", at_least(1)),
    required("client", CLIENT_ENUMERATED),
    optional("caps", array(&NON_EMPTY)),
    optional("commands", array(&NON_EMPTY)),
    optional("permissions", Schema::Record(&Schema::Boolean)),
    optional("pathEnv", STRING),
    optional("role", NON_EMPTY),
    optional("scopes", array(&NON_EMPTY)),
    optional("device", DEVICE),
    optional("auth", AUTH_WITH_RUNTIME_TOKEN),
    optional("locale", STRING),
    optional("userAgent", STRING),
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

const DEVICE: Schema = object(&[
    required("id", NON_EMPTY),
    required("publicKey", NON_EMPTY),
    required("signature", NON_EMPTY),
    required("signedAt", NATURAL),
    required("nonce", NON_EMPTY),
]);

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
