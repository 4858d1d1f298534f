//! The digest of an observation.

use sha2::{Digest as _, Sha256};

/// The digest that stands for an observation in a list.
pub(crate) fn digest(observation: &str) -> String {
    let lines = observation.lines().collect::<Vec<_>>().join("\n");
    Sha256::digest(lines.as_bytes())[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}
