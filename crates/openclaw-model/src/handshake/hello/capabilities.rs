//! The capabilities that gateways declare, and the parts of `hello-ok` that contain them.

use crate::facts::capabilities::MODEL_CATALOG;
use crate::handshake::HandshakeRules;
use serde_json::{Value, json};

/// The payload of `connect.challenge`.
pub(crate) fn challenge(rules: &HandshakeRules, nonce: &str, now: i64) -> Value {
    match rules.capabilities.contains(&MODEL_CATALOG) {
        true => json!({ "nonce": nonce, "ts": now, "capabilities": [MODEL_CATALOG] }),
        false => json!({ "nonce": nonce, "ts": now }),
    }
}
