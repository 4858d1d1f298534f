//! The placeholders of a description.

use crate::gateway::template::AT_LAUNCH;

/// The placeholders of a description: those of a launch, and those whose values are known before the launch.
pub(super) fn known_placeholder(name: &str) -> bool {
    AT_LAUNCH.contains(&name) || ["here", "node", "package"].contains(&name)
}
