//! What 2026.4.8 changed.

use super::{Change, KnownRelease, Source::Code};
use crate::Release;
use crate::facts::nodes::NodeReconnect;
use crate::facts::rpc::{MethodSet, NodeCalls};

/// 2026.4.8.
pub(super) const RELEASE: KnownRelease = KnownRelease {
    release: Release::new(2026, 4, 8),
    missing: None,
    changes: &[
        Change {
            what: "The Control UI in a browser with the shared secret is local for pairing from a private peer where Host \
                   and Origin are loopback.",
            sources: &[Code(
                "src/gateway/server/ws-connection/handshake-auth-helpers.ts",
                "isControlUiBrowserContainerLocalEquivalent",
            )],
            apply: |facts| facts.handshake.local_container_control_ui = true,
        },
        Change {
            what: "A paired node that offers more than was approved asks again and has the approved commands meanwhile.",
            sources: &[Code("src/gateway/node-connect-reconcile.ts", "")],
            apply: |facts| facts.nodes.reconnect = NodeReconnect::AskForMore,
        },
        Change {
            what: "`exec.approval.list`, `plugin.approval.list` and session compactions come.",
            sources: &[Code("src/gateway/server-methods-list.ts", "")],
            apply: |facts| facts.rpc.methods = MethodSet::V2026_4_8,
        },
        Change {
            what: "A decision reaches who waits for it by `waitDecision`, then who asked for it, then who made it.",
            sources: &[Code(
                "src/gateway/server-methods/approval-shared.ts",
                "handleApprovalResolve, handlePendingApprovalRequest",
            )],
            apply: |facts| facts.rpc.waiters_first = true,
        },
        Change {
            what: "A command's approval may not take an id that begins with `plugin:`.",
            sources: &[Code("src/gateway/server-methods/exec-approval.ts", "RESERVED_PLUGIN_APPROVAL_ID_PREFIX")],
            apply: |facts| facts.rpc.plugin_ids_reserved = true,
        },
        Change {
            what: "node.invoke does not change the lasting profiles of a node's browser.",
            sources: &[Code("src/gateway/server-methods/nodes.ts", "isForbiddenBrowserProxyMutation")],
            apply: |facts| facts.rpc.node_calls = NodeCalls::V2026_4_8,
        },
        Change {
            what: "`gateway.bind: auto` gets the origins of its machine, as the other binds beyond loopback do.",
            sources: &[Code("src/config/gateway-control-ui-origins.ts", "isGatewayNonLoopbackBindMode")],
            apply: |facts| facts.config.auto_seeds_origins = true,
        },
    ],
};
