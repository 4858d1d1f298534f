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
            what: "The Control UI in a browser with the shared secret is local for pairing if the peer is private and \
                   `Host` and `Origin` are loopback.",
            sources: &[Code(
                "src/gateway/server/ws-connection/handshake-auth-helpers.ts",
                "isControlUiBrowserContainerLocalEquivalent",
            )],
            apply: |facts| facts.handshake.local_container_control_ui = true,
        },
        Change {
            what: "A paired node that offers more than was approved requests approval again. Until then, it has the \
                   approved commands.",
            sources: &[Code("src/gateway/node-connect-reconcile.ts", "")],
            apply: |facts| facts.nodes.reconnect = NodeReconnect::AskForMore,
        },
        Change {
            what: "Adds `exec.approval.list`, `plugin.approval.list` and session compactions.",
            sources: &[Code("src/gateway/server-methods-list.ts", "")],
            apply: |facts| facts.rpc.methods = MethodSet::V2026_4_8,
        },
        Change {
            what: "A decision is sent first to the client that waits for it with `waitDecision`, then to the client \
                   that requested the approval, then to the client that decided.",
            sources: &[Code(
                "src/gateway/server-methods/approval-shared.ts",
                "handleApprovalResolve, handlePendingApprovalRequest",
            )],
            apply: |facts| facts.rpc.waiters_first = true,
        },
        Change {
            what: "The id of an approval request for a command must not begin with `plugin:`.",
            sources: &[Code("src/gateway/server-methods/exec-approval.ts", "RESERVED_PLUGIN_APPROVAL_ID_PREFIX")],
            apply: |facts| facts.rpc.plugin_ids_reserved = true,
        },
        Change {
            what: "`node.invoke` can no longer change the persistent profiles of a node's browser.",
            sources: &[Code("src/gateway/server-methods/nodes.ts", "isForbiddenBrowserProxyMutation")],
            apply: |facts| facts.rpc.node_calls = NodeCalls::V2026_4_8,
        },
        Change {
            what: "`gateway.bind: auto` allows the origins of its own host, like the other binds beyond loopback.",
            sources: &[Code("src/config/gateway-control-ui-origins.ts", "isGatewayNonLoopbackBindMode")],
            apply: |facts| facts.config.auto_seeds_origins = true,
        },
    ],
};
