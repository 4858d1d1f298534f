//! What changed in the calls to nodes and of nodes, and which methods came with them.

use super::{MethodSet, NodeCalls};
use crate::Change;
use crate::versions::{
    V2026_2_19, V2026_2_26, V2026_4_5, V2026_4_8, V2026_4_15, V2026_5_7, V2026_6_11, V2026_7_35, V2026_9_6,
};

/// What changed in the calls to nodes, oldest first.
pub const NODE_CHANGES: &[Change] = &[
    Change {
        seen: V2026_2_26,
        not_yet: V2026_2_19,
        what: "A command that a node may not run is refused with the reason.",
        sources: &["server-methods/nodes.ts buildNodeCommandRejectionHint"],
        apply: |rules| rules.rpc.node_calls = NodeCalls::V2026_2_26,
    },
    Change {
        seen: V2026_4_8,
        not_yet: V2026_4_5,
        what: "node.invoke does not change the lasting profiles of a node's browser.",
        sources: &["server-methods/nodes.ts isForbiddenBrowserProxyMutation"],
        apply: |rules| rules.rpc.node_calls = NodeCalls::V2026_4_8,
    },
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "A node says that it is alive by the event node.presence.alive, and its record says so.",
        sources: &["server-node-events.ts NODE_PRESENCE_ALIVE_EVENT"],
        apply: |rules| rules.rpc.node_calls = NodeCalls::V2026_5_7,
    },
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "A Mac may say which programs it has as a map to their paths.",
        sources: &["skills-remote.ts parseBinProbePayload"],
        apply: |rules| rules.rpc.programs_have_paths = true,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "Work for a node waits a day unless it says so, and is gone once it was fetched.",
        sources: &["node-pending-work.ts drainNodePendingWork, resolvePendingWorkExpiresAtMs"],
        apply: |rules| rules.rpc.node_calls = NodeCalls::V2026_6_11,
    },
    Change {
        seen: V2026_7_35,
        not_yet: V2026_6_11,
        what: "Terminals, questions, worktrees and many others come.",
        sources: &["methods/core-descriptors.ts", "server-methods-list.ts"],
        apply: |rules| rules.rpc.methods = MethodSet::V2026_7_35,
    },
    Change {
        seen: V2026_7_35,
        not_yet: V2026_6_11,
        what: "node.invoke of browser.proxy takes operator.admin, and a dangerous command is refused as such.",
        sources: &["server-methods/nodes.ts clientHasOperatorAdminScope, buildNodeCommandRejectionHint"],
        apply: |rules| rules.rpc.node_calls = NodeCalls::V2026_7_35,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "Nothing goes to or comes from a node whose commands were not approved: PAIRING_CHANGED. A node is told how \
               long it has for a command, whether or not the caller says so.",
        sources: &[
            "node-registry-private.ts deadlineAtMs",
            "server-methods/nodes.ts captureNodePairingGeneration",
            "device-pairing-identity.ts resolveNodePairingGeneration",
        ],
        apply: |rules| rules.rpc.node_calls = NodeCalls::V2026_9_6,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "device.pair.rename, device.scopes.requestUpgrade, device.scopes.waitUpgrade and 260 others come; \
               node.pair.request and node.pair.verify go.",
        sources: &["methods/core-method-policy.ts", "server-methods/devices.ts", "device-scope-upgrade.ts"],
        apply: |rules| rules.rpc.methods = MethodSet::V2026_9_6,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "Who may read hears skills.changed and chat.metadata.changed when a Mac that runs commands comes, is approved or goes.",
        sources: &[
            "skills/runtime/remote.ts recordRemoteNodeInfo, removeRemoteNodeInfo",
            "server-startup-early.ts registerSkillsChangeListener",
            "server-chat-metadata-lifecycle.ts",
        ],
        apply: |rules| rules.rpc.skills_told = true,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "device.pair.setupCode takes a profile and a join URL, and is refused where auth.mode is none. (What 2026.7.35 \
               answers is not among the rules.)",
        sources: &["server-methods/device-pair-setup.ts", "pairing/setup-code.ts resolvePairingSetupAuthLabel"],
        apply: |rules| rules.rpc.setup_codes = true,
    },
];
