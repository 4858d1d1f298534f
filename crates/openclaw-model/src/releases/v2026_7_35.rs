//! What 2026.7.35 changed.

use super::lists::{capabilities, skills};
use super::{
    Change, KnownRelease,
    Source::{Code, Issue, Note},
};
use crate::Release;
use crate::facts::client::DeviceRule;
use crate::facts::handshake::ConnectForm;

/// 2026.7.35.
pub(super) const RELEASE: KnownRelease = KnownRelease {
    release: Release::new(2026, 7, 35),
    missing: None,
    changes: &[
        Change {
            what: "If the gateway refuses the scope `operator.admin` of a repeated approval, `openclaw devices approve` uses \
                   the local fallback.",
            sources: &[Code("src/cli/devices-cli.ts", "approvePairingWithFallback")],
            apply: |facts| facts.client.repeats_approval_as_admin = false,
        },
        Change {
            what: "Probes and nodes can still use protocol 3, and a refusal for the protocol version states this.",
            sources: &[Code(
                "src/gateway/server/ws-connection/message-handler.ts",
                "supportsProbeRestartProtocol, supportsPreviousNodeProtocol",
            )],
            apply: |facts| facts.handshake.previous_protocol = true,
        },
        Change {
            what: "An agent run can prove its identity. Only the local backend can use this proof.",
            sources: &[
                Note("ConnectParamsSchema auth.agentRuntimeIdentityToken"),
                Code("src/gateway/server/ws-connection/message-handler.ts", "verifyAgentRuntimeIdentityToken"),
            ],
            apply: |facts| facts.handshake.connect_form = ConnectForm::WithAgentRun,
        },
        Change {
            what: "A local CLI with the gateway's secret keeps its scopes without a device.",
            sources: &[Code(
                "src/gateway/server/ws-connection/handshake-auth-helpers.ts",
                "shouldPreserveLocalCliSharedAuthScopes",
            )],
            apply: |facts| facts.handshake.cli_keeps_scopes = true,
        },
        Change {
            what: "An origin with a path, with a user or without a host is invalid. The configuration can list the \
                   origin of a browser extension.",
            sources: &[Code("src/gateway/origin-check.ts", "parseOrigin")],
            apply: |facts| facts.handshake.origins_bare = true,
        },
        Change {
            what: "`hello-ok` lists the capabilities of the gateway.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "")],
            apply: |facts| facts.handshake.capabilities = capabilities::V2026_7_35,
        },
        Change {
            what: "A request that replaces other requests of its device announces them as rejected.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "requirePairing")],
            apply: |facts| facts.handshake.superseded_announced = true,
        },
        Change {
            what: "A request that the pending request covers keeps the pending request and its id. Repeating a request \
                   extends its lifetime.",
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
            what: "Desktop nodes can offer to show and set which programs need approval, and to share their models.",
            sources: &[
                Code("src/gateway/node-command-policy.ts", "NODE_EXEC_APPROVALS_COMMANDS"),
                Note("extensions/ollama createOllamaNodeInvokePolicy"),
            ],
            apply: |facts| facts.nodes.platforms.desktops_offer_approvals = true,
        },
        Change {
            what: "Approving a node that offers `browser.proxy` needs `operator.admin`.",
            sources: &[Code("src/infra/node-pairing-authz.ts", "resolveNodePairApprovalScopes")],
            apply: |facts| facts.nodes.browser_needs_admin = true,
        },
        Change {
            what: "The bundled skills need a different set of programs.",
            sources: &[Note("skills/*/SKILL.md requires.bins, requires.anyBins")],
            apply: |facts| facts.rpc.skill_bins = skills::V2026_7_35,
        },
        Change {
            what: "Node lists show a device its own pending request, whatever its scopes.",
            sources: &[Code("src/gateway/server-methods/nodes.ts", "safeNodeReadProjection")],
            apply: |facts| facts.rpc.shows_own_node_request = true,
        },
        Change {
            what: "The approval request of a plugin can have a longer description and list the devices that review it.",
            sources: &[Code("packages/gateway-protocol/src/schema/nodes.ts", "PluginApprovalRequestParamsSchema")],
            apply: |facts| facts.rpc.plugin.reviewers_named = true,
        },
        Change {
            what: "The response to a waiting approval request states who was asked.",
            sources: &[Code("src/gateway/server-methods/approval-shared.ts", "deliveryRoute")],
            apply: |facts| facts.rpc.acceptance_names_route = true,
        },
        Change {
            what: "Adds terminals, questions, worktrees and many others.",
            sources: &[
                Code("src/gateway/methods/core-descriptors.ts", ""),
                Code("src/gateway/server-methods-list.ts", ""),
            ],
            apply: |facts| {
                facts.rpc.methods.change(include_str!("lists/methods/2026.7.35.txt"));
                facts.rpc.events.change(
                    "@cron task \
                     @plugin.approval.resolved terminal.data terminal.exit",
                );
            },
        },
        Change {
            what: "`node.invoke` with `browser.proxy` needs `operator.admin`. The error for a dangerous command states \
                   that it is dangerous.",
            sources: &[Code(
                "src/gateway/server-methods/nodes.ts",
                "clientHasOperatorAdminScope, buildNodeCommandRejectionHint",
            )],
            apply: |facts| {
                facts.rpc.node_calls.proxy_takes_admin = true;
                facts.rpc.node_calls.dangerous = &[
                    "camera.snap",
                    "camera.clip",
                    "screen.record",
                    "contacts.add",
                    "calendar.add",
                    "reminders.add",
                    "sms.send",
                    "sms.search",
                ];
                facts.rpc.node_calls.explains_configured_denial = true;
            },
        },
        Change {
            what: "The `openclaw` command sends no device to a gateway on its own machine if the command has the gateway's secret.",
            sources: &[Code("src/gateway/call.ts", "shouldOmitDeviceIdentityForGatewayCall")],
            apply: |facts| facts.client.sends_device.command = DeviceRule::UnlessLocalWithSecret,
        },
    ],
};
