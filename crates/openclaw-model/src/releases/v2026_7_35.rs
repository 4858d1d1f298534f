//! What 2026.7.35 changed.

use super::{
    Change, KnownRelease,
    Source::{Code, Issue, Note},
};
use crate::Release;
use crate::facts::handshake::{ConnectForm, OriginForm};
use crate::facts::nodes::PlatformCommands;
use crate::facts::rpc::{MethodSet, NodeCalls, PluginForm};
use crate::facts::{capabilities, skills};

/// 2026.7.35.
pub(super) const RELEASE: KnownRelease = KnownRelease {
    release: Release::new(2026, 7, 35),
    missing: None,
    changes: &[
        Change {
            what: "Probes and nodes may speak protocol 3 still, and a refusal says so.",
            sources: &[Code(
                "src/gateway/server/ws-connection/message-handler.ts",
                "supportsProbeRestartProtocol, supportsPreviousNodeProtocol",
            )],
            apply: |facts| facts.handshake.previous_protocol = true,
        },
        Change {
            what: "The run of an agent may prove itself; only the local backend may try.",
            sources: &[
                Note("ConnectParamsSchema auth.agentRuntimeIdentityToken"),
                Code("src/gateway/server/ws-connection/message-handler.ts", "verifyAgentRuntimeIdentityToken"),
            ],
            apply: |facts| facts.handshake.connect_form = ConnectForm::V2026_7_35,
        },
        Change {
            what: "The CLI with the gateway's secret keeps its scopes without a device where it is local.",
            sources: &[Code(
                "src/gateway/server/ws-connection/handshake-auth-helpers.ts",
                "shouldPreserveLocalCliSharedAuthScopes",
            )],
            apply: |facts| facts.handshake.cli_keeps_scopes = true,
        },
        Change {
            what: "An origin with a path, a user or no host is none; one of an extension can be listed.",
            sources: &[Code("src/gateway/origin-check.ts", "parseOrigin")],
            apply: |facts| facts.handshake.origin_form = OriginForm::V2026_7_35,
        },
        Change {
            what: "hello-ok lists capabilities of the gateway.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "")],
            apply: |facts| facts.handshake.capabilities = capabilities::V2026_7_35,
        },
        Change {
            what: "A request that replaces others of its device announces them as rejected.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "requirePairing")],
            apply: |facts| facts.handshake.superseded_announced = true,
        },
        Change {
            what: "A request that the pending one covers keeps it under its id, and repeating a request keeps it alive.",
            sources: &[
                Issue(98145),
                Issue(100976),
                Code("src/infra/device-pairing.ts", "incomingApprovalCoveredByExisting"),
            ],
            apply: |facts| {
                facts.pairing.pending_covers = true;
                facts.pairing.state.refresh_keeps_alive = true;
            },
        },
        Change {
            what: "Desktops may show and set what needs approval to run, and hand on their models.",
            sources: &[
                Code("src/gateway/node-command-policy.ts", "NODE_EXEC_APPROVALS_COMMANDS"),
                Note("extensions/ollama createOllamaNodeInvokePolicy"),
            ],
            apply: |facts| facts.nodes.platform_commands = PlatformCommands::V2026_7_35,
        },
        Change {
            what: "Approving a node that offers browser.proxy takes operator.admin.",
            sources: &[Code("src/infra/node-pairing-authz.ts", "resolveNodePairApprovalScopes")],
            apply: |facts| facts.nodes.browser_needs_admin = true,
        },
        Change {
            what: "The programs that the bundled skills need are other ones.",
            sources: &[Note("skills/*/SKILL.md requires.bins, requires.anyBins")],
            apply: |facts| facts.rpc.skill_bins = skills::V2026_7_35,
        },
        Change {
            what: "Node lists name a device its own pending request, whatever its scopes.",
            sources: &[Code("src/gateway/server-methods/nodes.ts", "safeNodeReadProjection")],
            apply: |facts| facts.rpc.own_node_request_told = true,
        },
        Change {
            what: "A plugin's approval may have a longer description and name the devices that review it.",
            sources: &[Code("packages/gateway-protocol/src/schema/nodes.ts", "PluginApprovalRequestParamsSchema")],
            apply: |facts| facts.rpc.plugin_form = PluginForm::V2026_7_35,
        },
        Change {
            what: "The answer to an approval that waits says who was asked for it.",
            sources: &[Code("src/gateway/server-methods/approval-shared.ts", "deliveryRoute")],
            apply: |facts| facts.rpc.acceptance_names_route = true,
        },
        Change {
            what: "Terminals, questions, worktrees and many others come.",
            sources: &[
                Code("src/gateway/methods/core-descriptors.ts", ""),
                Code("src/gateway/server-methods-list.ts", ""),
            ],
            apply: |facts| facts.rpc.methods = MethodSet::V2026_7_35,
        },
        Change {
            what: "node.invoke of browser.proxy takes operator.admin, and a dangerous command is refused as such.",
            sources: &[Code(
                "src/gateway/server-methods/nodes.ts",
                "clientHasOperatorAdminScope, buildNodeCommandRejectionHint",
            )],
            apply: |facts| facts.rpc.node_calls = NodeCalls::V2026_7_35,
        },
    ],
};
