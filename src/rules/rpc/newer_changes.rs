//! What changed in the newest releases in the calls of welcomed clients, beside what [`super::CHANGES`] tells.

use super::MethodSet;
use crate::rules::Change;
use crate::rules::versions::{V2026_6_11, V2026_7_35, V2026_9_6};

/// More of the calls' changes, oldest first.
pub const NEWER_CHANGES: &[Change] = &[
    Change {
        seen: V2026_7_35,
        not_yet: V2026_6_11,
        what: "Terminals, questions, worktrees and many others come.",
        sources: &["methods/core-descriptors.ts", "server-methods-list.ts"],
        apply: |rules| rules.rpc.methods = MethodSet::V2026_7_35,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "device.pair.rename, device.scopes.requestUpgrade, device.scopes.waitUpgrade and 260 others come; \
               node.pair.request and node.pair.verify go.",
        sources: &["methods/core-method-policy.ts", "server-methods/devices.ts", "device-scope-upgrade.ts"],
        apply: |rules| rules.rpc.methods = MethodSet::V2026_9_6,
    },
];
