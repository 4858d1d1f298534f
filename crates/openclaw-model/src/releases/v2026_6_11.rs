//! What 2026.6.11 changed.

use super::lists::{channels, skills};
use super::{
    Change, KnownRelease,
    Source::{Code, Issue, Note},
};
use crate::Release;
use crate::facts::handshake::{BootstrapPairing, ConnectForm, Wording};
use crate::facts::nodes::NodeReconnect;

/// 2026.6.11.
pub(super) const RELEASE: KnownRelease = KnownRelease {
    release: Release::new(2026, 6, 11),
    missing: None,
    changes: &[
        Change {
            what: "Every header that begins with `X-Forwarded-` marks a proxy.",
            sources: &[Code("src/gateway/auth.ts", "hasForwardedRequestHeaders")],
            apply: |facts| facts.locality.forwarded_prefix = true,
        },
        Change {
            what: "The protocol version is 4. A refusal for the protocol version contains the client's range.",
            sources: &[
                Issue(80725),
                Note("gateway-protocol version.ts"),
                Code("src/gateway/server/ws-connection/message-handler.ts", ""),
            ],
            apply: |facts| {
                facts.handshake.protocol = 4;
                facts.handshake.connect_form = ConnectForm::WithRuntimeToken;
                facts.handshake.protocol_range_named = true;
            },
        },
        Change {
            what: "Failed credentials are rate limited even without configuration. The approval requests of new nodes \
                   are limited too.",
            sources: &[
                Note("server.impl createAuthRateLimiter(rateLimitConfig ?? {})"),
                Code("src/gateway/server/ws-connection/message-handler.ts", "requestNodePairingFromConnect"),
            ],
            apply: |facts| facts.handshake.always_limited = true,
        },
        Change {
            what: "The gateway redeems a bootstrap token before `hello-ok`, so a node receives its wake words before \
                   `hello-ok`.",
            sources: &[Code(
                "src/gateway/server/ws-connection/message-handler.ts",
                "redeemDeviceBootstrapTokenProfile",
            )],
            apply: |facts| facts.handshake.redeems_before_hello = true,
        },
        Change {
            what: "TypeBox validates frames and parameters instead of AJV. An error lists only the first missing \
                   property.",
            sources: &[Note("seen: `invalid connect params`")],
            apply: |facts| facts.handshake.wording = Wording::TypeBox,
        },
        Change {
            what: "Auth mode none admits a local backend without a device and without pairing.",
            sources: &[
                Code("src/gateway/server/ws-connection/handshake-auth-helpers.ts", "shouldSkipLocalBackendSelfPairing"),
                Code("src/gateway/server/ws-connection/connect-policy.ts", "evaluateMissingDeviceIdentity"),
            ],
            apply: |facts| facts.handshake.none_admits_backend = true,
        },
        Change {
            what: "A paired device needs approval for a role other than operator, and for a different platform in such \
                   a role, even if it is local.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "requirePairing")],
            apply: |facts| facts.handshake.silent_for_operators_only = true,
        },
        Change {
            what: "A correct device token without the requested scopes is refused with `AUTH_SCOPE_MISMATCH`.",
            sources: &[Code("src/gateway/server/ws-connection/auth-context.ts", "mapDeviceTokenAuthFailureReason")],
            apply: |facts| facts.handshake.scope_mismatch_named = true,
        },
        Change {
            what: "Wrong bootstrap tokens have their own rate limit.",
            sources: &[Code("src/gateway/server/ws-connection/auth-context.ts", "resolveConnectAuthDecisionCore")],
            apply: |facts| facts.handshake.bootstrap_limited = true,
        },
        Change {
            what: "A Control UI that a reverse proxy authenticates must pair its device and gets no token. \
                   `X-OpenClaw-Scopes` limits its scopes.",
            sources: &[
                Code("src/gateway/server/ws-connection/connect-policy.ts", "shouldSkipControlUiPairing"),
                Code("src/gateway/server/ws-connection/message-handler.ts", "resolveTrustedProxyControlUiScopes"),
            ],
            apply: |facts| facts.handshake.proxy_users_must_pair = true,
        },
        Change {
            what: "A node host can spell its platform differently, and the phone apps can report a different platform \
                   version.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "resolvePinnedClientMetadata")],
            apply: |facts| facts.handshake.lenient_pins = true,
        },
        Change {
            what: "A page from a private address, from `.local` or from `.ts.net` can connect to the host that served \
                   it.",
            sources: &[Code("src/gateway/origin-check.ts", "isTrustedSameOriginHost")],
            apply: |facts| facts.handshake.private_same_origin = true,
        },
        Change {
            what: "A bootstrap token pairs at once only the phone apps with the profile of a setup code. Other nodes \
                   request approval and are told to wait.",
            sources: &[
                Issue(81292),
                Code("src/gateway/server/ws-connection/message-handler.ts", "isSetupCodeMobileBootstrapClient"),
            ],
            apply: |facts| facts.handshake.bootstrap_pairing = BootstrapPairing::SetupCode,
        },
        Change {
            what: "A token that a browser gets with the shared secret is valid for that secret only. The gateway \
                   refuses older tokens of browsers.",
            sources: &[Code("src/infra/device-pairing.ts", "deviceTokenIssuerMatches, isBrowserRelatedPairedDevice")],
            apply: |facts| facts.handshake.browser_tokens_bound = true,
        },
        Change {
            what: "`hello-ok` contains the URLs of plugin surfaces instead of the URL of the canvas host.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "pluginSurfaceUrls")],
            apply: |facts| {
                facts.handshake.plugin_surfaces = true;
                facts.handshake.canvas_ignores_forwarded_proto = false;
            },
        },
        Change {
            what: "The gateway's own entry in the presence list identifies the current run of the gateway.",
            sources: &[Code("src/infra/system-presence.ts", "SELF_INSTANCE_ID")],
            apply: |facts| facts.handshake.presence.names_run = true,
        },
        Change {
            what: "Before a write to the store, the gateway makes the store's directory writable if it owns the \
                   directory.",
            sources: &[Note("@openclaw/fs-safe replaceFileAtomic")],
            apply: |facts| facts.pairing.unlocks_directories = true,
        },
        Change {
            what: "A record stores when and why the device was last seen, and keeps the client that it was approved \
                   for.",
            sources: &[
                Code("src/infra/device-pairing.ts", "updatePairedDeviceMetadata"),
                Code("src/gateway/server/ws-connection/message-handler.ts", "clientAccessMetadata"),
            ],
            apply: |facts| facts.pairing.last_seen = true,
        },
        Change {
            what: "The gateway ignores entries in the roles and scopes of a record that are not strings, and tokens \
                   without a role.",
            sources: &[
                Code(
                    "packages/normalization-core/src/string-normalization.ts",
                    "normalizeUniqueSingleOrTrimmedStringList",
                ),
                Code("src/shared/device-auth.ts", "normalizeDeviceAuthScopes"),
            ],
            apply: |facts| facts.pairing.lenient_lists = true,
        },
        Change {
            what: "A second approval adds the new scopes to the scopes that the token already has.",
            sources: &[Code("src/infra/device-pairing.ts", "resolveApprovedTokenScopes")],
            apply: |facts| facts.pairing.approval_adds_scopes = true,
        },
        Change {
            what: "A bootstrap token grants what the device requests within the token's profile. Before, it granted \
                   the whole profile.",
            sources: &[Code("src/infra/device-pairing.ts", "approveBootstrapDevicePairing")],
            apply: |facts| facts.pairing.bootstrap_grants_requested = true,
        },
        Change {
            what: "A bootstrap token stores what its device requests and accepts no other request until it is \
                   redeemed. A rejection of the request deletes the token.",
            sources: &[
                Code("src/infra/device-bootstrap.ts", "pendingProfile"),
                Code("src/infra/device-pairing.ts", "rejectDevicePairing"),
            ],
            apply: |facts| facts.pairing.bootstrap_stores_request = true,
        },
        Change {
            what: "A token names the shared secret that it is bound to.",
            sources: &[Code("src/infra/device-pairing.ts", "buildDeviceAuthToken")],
            apply: |facts| facts.pairing.tokens_bound = true,
        },
        Change {
            what: "A node with two connections is gone when the later connection closes. Before, it was gone when \
                   either connection closed.",
            sources: &[Code("src/gateway/node-registry.ts", "unregister")],
            apply: |facts| facts.nodes.gone_with_later_connection = true,
        },
        Change {
            what: "A node has only its approved capabilities, commands and permissions, and nothing before approval. \
                   Its platform counts only if the name is exact and the device family fits. A Mac is asked for its \
                   programs after approval.",
            sources: &[
                Code("src/gateway/node-connect-reconcile.ts", "reconcileNodePairingOnConnect"),
                Code("src/gateway/node-command-policy.ts", "normalizePlatformId, filterDesktopHostCommandDefaults"),
            ],
            apply: |facts| facts.nodes.reconnect = NodeReconnect::AskForSurface,
        },
        Change {
            what: "A repeated node request refreshes the pending request only if it asks for the same surface. A \
                   different request replaces the pending one and announces its rejection.",
            sources: &[Code(
                "src/infra/node-pairing.ts",
                "samePendingApprovalSurface, mergeNodePairingReplacementInput",
            )],
            apply: |facts| facts.nodes.request_by_surface = true,
        },
        Change {
            what: "The bundled skills need a different set of programs.",
            sources: &[Note("skills/*/SKILL.md requires.bins, requires.anyBins")],
            apply: |facts| facts.rpc.skill_bins = skills::V2026_6_11,
        },
        Change {
            what: "A different set of channels can be asked for an approval.",
            sources: &[Code("src/infra/exec-approval-surface.ts", ""), Code("src/channels/ids.ts", "CHANNEL_IDS")],
            apply: |facts| facts.rpc.turn_sources = channels::V2026_6_11,
        },
        Change {
            what: "The gateway asks a Mac for its programs only after the Mac has answered a ping.",
            sources: &[Code("src/skills/runtime/remote.ts", "checkConnectivity")],
            apply: |facts| facts.rpc.queries_mac_programs = false,
        },
        Change {
            what: "Adds talk sessions, tasks, skill proposals and others. Removes `talk.realtime.*` and \
                   `node.canvas.capability.refresh`.",
            sources: &[
                Code("src/gateway/methods/core-descriptors.ts", ""),
                Code("src/gateway/server-methods-list.ts", ""),
            ],
            apply: |facts| {
                facts.rpc.methods.change(include_str!("lists/methods/2026.6.11.txt"));
                facts.rpc.events.change(
                    "@session.message session.operation \
                     @talk.mode talk.event",
                );
            },
        },
        Change {
            what: "Only administrators can approve, remove, rotate and revoke a role other than operator.",
            sources: &[Code("src/gateway/server-methods/device-management-authz.ts", "")],
            apply: |facts| facts.rpc.roles_need_admin = true,
        },
        Change {
            what: "A blank command counts as no command. An approval request can exclude `allow-always`, skip its \
                   announcement and wait without an approver. The analysis of the command handles substitutions, \
                   redirections and nested shells.",
            sources: &[
                Code("src/gateway/server-methods/exec-approval.ts", ""),
                Code("src/gateway/server-methods/approval-shared.ts", "handlePendingApprovalRequest"),
                Code("src/infra/command-explainer/extract.ts", ""),
            ],
            apply: |facts| {
                facts.rpc.exec.blank_refused = true;
                facts.rpc.exec.decisions_can_be_excluded = true;
                facts.rpc.exec.delivery_chosen = true;
                facts.rpc.exec.nested_commands_explained = true;
            },
        },
        Change {
            what: "Only administrators and the device that requested an approval can see it. Its events have no \
                   sequence number.",
            sources: &[Code("src/gateway/server-methods/approval-shared.ts", "isApprovalRecordVisibleToClient")],
            apply: |facts| facts.rpc.approvals_private = true,
        },
        Change {
            what: "A command that is too long to display cannot be approved.",
            sources: &[Code("src/gateway/server-methods/exec-approval.ts", "EXEC_APPROVAL_COMMAND_DISPLAY_LIMIT")],
            apply: |facts| facts.rpc.approvals_display_limit = true,
        },
        Change {
            what: "`node.pair.remove` also removes the node role of the device.",
            sources: &[Code("src/gateway/server-methods/nodes.ts", "removePairedDeviceBackedNode")],
            apply: |facts| facts.rpc.node_removal_takes_role = true,
        },
        Change {
            what: "Node lists show the approval state of a node.",
            sources: &[Code("src/gateway/node-catalog.ts", "approvalState")],
            apply: |facts| facts.rpc.node_approval_state = true,
        },
        Change {
            what: "Pending work for a node expires after one day by default, and is deleted once the node fetches it.",
            sources: &[Code("src/gateway/node-pending-work.ts", "drainNodePendingWork, resolvePendingWorkExpiresAtMs")],
            apply: |facts| {
                facts.rpc.node_calls.work_is_consumed = true;
                facts.rpc.node_calls.runs_have_ids = true;
                facts.rpc.node_calls.explains_unmatched_runs = true;
                facts.rpc.node_calls.explains_talk_refusal = true;
            },
        },
        Change {
            what: "Adds the configuration keys `gateway.tailscale.serviceName` and `gateway.tailscale.preserveFunnel`.",
            sources: &[Code("src/config/zod-schema.ts", "OpenClawSchema")],
            apply: |facts| facts.config.know(["gateway.tailscale.serviceName", "gateway.tailscale.preserveFunnel"]),
        },
        Change {
            what: "Removes the configuration key `gateway.webchat`.",
            sources: &[Code("src/config/zod-schema.ts", "OpenClawSchema")],
            apply: |facts| _ = facts.config.unknown_keys.insert("gateway.webchat"),
        },
    ],
};
