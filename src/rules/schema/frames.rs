//! The request frame and the parameters of `connect` (`RequestFrameSchema`, `ConnectParamsSchema` in
//! `method-scopes-*.js`; the same from 2026.3.28 to 2026.4.8).

use super::{NATURAL, NON_EMPTY, STRING, Schema, array, at_least, object, optional, required};
use crate::protocol::client;

/// A request frame.
pub static REQUEST: Schema = object(&[
    required("type", Schema::Literal("req")),
    required("id", NON_EMPTY),
    required("method", NON_EMPTY),
    optional("params", Schema::Any),
]);

/// The parameters of `connect`.
pub static CONNECT: Schema = object(&[
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
