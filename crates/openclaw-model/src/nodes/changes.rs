//! What changed when in the node store.

use super::{NodeReconnect, PlatformCommands};
use crate::Change;
use crate::versions::{
    V2026_2_19, V2026_2_26, V2026_3_13, V2026_3_28, V2026_3_31, V2026_4_1, V2026_4_2, V2026_4_5, V2026_4_8, V2026_4_15,
    V2026_5_7, V2026_6_11, V2026_7_35, V2026_9_6,
};

/// The node store's changes, oldest first.
pub const CHANGES: &[Change] = &[
    Change {
        seen: V2026_2_26,
        not_yet: V2026_2_19,
        what: "Nodes may offer system.run.prepare where they run programs, and notifications.list on Android.",
        sources: &["node-command-policy.ts PLATFORM_DEFAULTS"],
        apply: |rules| rules.nodes.platform_commands = PlatformCommands::V2026_2_26,
    },
    Change {
        seen: V2026_3_13,
        not_yet: V2026_2_26,
        what: "Android nodes may offer system.notify, notifications.actions, device.permissions and device.health; nodes of \
               unknown platforms run no programs.",
        sources: &["node-command-policy.ts PLATFORM_DEFAULTS"],
        apply: |rules| rules.nodes.platform_commands = PlatformCommands::V2026_3_13,
    },
    Change {
        seen: V2026_3_28,
        not_yet: V2026_3_13,
        what: "`sms.search` and `callLog.search` are among the commands that every Android node may offer.",
        sources: &["node-command-policy.ts PLATFORM_DEFAULTS"],
        apply: |rules| {
            rules.nodes.android_sms_search = true;
            rules.nodes.android_call_log = true;
        },
    },
    Change {
        seen: V2026_3_28,
        not_yet: V2026_3_13,
        what: "A paired node has only the commands that were approved.",
        sources: &["ws-connection/message-handler.ts"],
        apply: |rules| rules.nodes.reconnect = NodeReconnect::CutDown,
    },
    Change {
        seen: V2026_3_31,
        not_yet: V2026_3_28,
        what: "`sms.search` is no longer among the commands that every Android node may offer.",
        sources: &["node-command-policy.ts PLATFORM_DEFAULTS"],
        apply: |rules| rules.nodes.android_sms_search = false,
    },
    Change {
        seen: V2026_3_31,
        not_yet: V2026_3_28,
        what: "Node lists go by effective roles and name the client and the time of approval.",
        sources: &["node-catalog.ts"],
        apply: |rules| rules.nodes.catalogue = true,
    },
    Change {
        seen: V2026_3_31,
        not_yet: V2026_3_28,
        what: "A node that is not paired asks for approval when it connects, and has no command until it is approved.",
        sources: &["ws-connection/message-handler.ts"],
        apply: |rules| rules.nodes.reconnect = NodeReconnect::AskAndWithhold,
    },
    Change {
        seen: V2026_4_1,
        not_yet: V2026_3_31,
        what: "A node has the commands it offers while it waits for approval, and afterwards.",
        sources: &["node-connect-reconcile.ts"],
        apply: |rules| rules.nodes.reconnect = NodeReconnect::AskWhenUnpaired,
    },
    Change {
        seen: V2026_4_1,
        not_yet: V2026_3_31,
        what: "A repeated node request refreshes the pending one.",
        sources: &["node-pairing.ts requestNodePairing"],
        apply: |rules| rules.nodes.request_refreshes = true,
    },
    Change {
        seen: V2026_4_1,
        not_yet: V2026_3_31,
        what: "Node lists know approved nodes beside paired devices.",
        sources: &["node-catalog.ts"],
        apply: |rules| rules.nodes.list_knows_nodes = true,
    },
    Change {
        seen: V2026_4_5,
        not_yet: V2026_4_2,
        what: "Approving a node needs `operator.pairing` beside what its commands take.",
        sources: &["node-pairing.ts resolveNodeApprovalRequiredScopes"],
        apply: |rules| rules.nodes.approval_needs_pairing = true,
    },
    Change {
        seen: V2026_4_8,
        not_yet: V2026_4_5,
        what: "A paired node that offers more than was approved asks again and has the approved commands meanwhile.",
        sources: &["node-connect-reconcile.ts"],
        apply: |rules| rules.nodes.reconnect = NodeReconnect::AskForMore,
    },
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "Node lists say when a node was last heard of, and how.",
        sources: &["node-catalog.ts resolveEffectiveLastSeen"],
        apply: |rules| rules.nodes.list_knows_last_seen = true,
    },
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "macOS and Windows nodes may offer `screen.snapshot`, Windows nodes canvas, camera, location and device too.",
        sources: &["node-command-policy.ts PLATFORM_DEFAULTS"],
        apply: |rules| rules.nodes.desktop_screens = true,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "A node of two connections is gone with the later one; before, with either of them.",
        sources: &["node-registry.ts unregister"],
        apply: |rules| rules.nodes.gone_with_later_only = true,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "A node has what was approved of its caps, commands and permissions, and nothing before it is approved; its platform \
               counts by its exact name and a family that goes with it. A Mac is asked for its programs once it is approved.",
        sources: &[
            "node-connect-reconcile.ts reconcileNodePairingOnConnect",
            "node-command-policy.ts normalizePlatformId, filterDesktopHostCommandDefaults",
        ],
        apply: |rules| rules.nodes.reconnect = NodeReconnect::AskForSurface,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "A node request is refreshed only where it asks for the same; another one replaces it and rejects it in the open.",
        sources: &["node-pairing.ts samePendingApprovalSurface, mergeNodePairingReplacementInput"],
        apply: |rules| rules.nodes.request_by_surface = true,
    },
    Change {
        seen: V2026_7_35,
        not_yet: V2026_6_11,
        what: "Desktops may show and set what needs approval to run, and hand on their models.",
        sources: &[
            "node-command-policy.ts NODE_EXEC_APPROVALS_COMMANDS",
            "extensions/ollama createOllamaNodeInvokePolicy",
        ],
        apply: |rules| rules.nodes.platform_commands = PlatformCommands::V2026_7_35,
    },
    Change {
        seen: V2026_7_35,
        not_yet: V2026_6_11,
        what: "Approving a node that offers browser.proxy takes operator.admin.",
        sources: &["node-pairing-authz.ts resolveNodePairApprovalScopes"],
        apply: |rules| rules.nodes.browser_needs_admin = true,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "Only Macs have a canvas; watches, computers that are operated, streams of a desktop and others come.",
        sources: &[
            "node-command-policy.ts PLATFORM_DEFAULTS",
            "extensions/canvas, linux-node, ollama registerNodeInvokePolicy",
        ],
        apply: |rules| rules.nodes.platform_commands = PlatformCommands::V2026_9_6,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "Nodes are a part of their paired devices. A request takes over nothing of the one before, a record has no token, \
               and only more than was approved is asked for again. Who may only pair decides about its own node alone.",
        sources: &["device-pairing-node.worker.ts", "node-connect-reconcile.ts"],
        apply: |rules| rules.nodes.part_of_device = true,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "A node's record says when it has gone.",
        sources: &["device-pairing-node.worker.ts node.recordConnection, node.recordDisconnection"],
        apply: |rules| rules.nodes.notes_departures = true,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "Node lists say when a node came and went, put the approved name first, and have `sessionHost` and `nodePluginTools`.",
        sources: &["node-catalog.ts buildEffectiveKnownNode"],
        apply: |rules| rules.nodes.list_knows_sessions = true,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "Only a paired device asks for a node's approval; its announcement names the client and the scopes that approving takes; \
               a cap whose commands are all withheld is left out.",
        sources: &[
            "device-pairing-node.worker.ts node.request",
            "device-pairing-node.records.ts toPublicPendingRequest",
            "node-command-policy.ts retainFulfilledNodeCapabilities",
        ],
        apply: |rules| rules.nodes.requests_of_devices = true,
    },
];
