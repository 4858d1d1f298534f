//! What gateways say they can do, and the parts of `hello-ok` that say it.

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
