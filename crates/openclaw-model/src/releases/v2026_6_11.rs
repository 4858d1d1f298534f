//! What 2026.6.11 changed.

use super::{
    Change, KnownRelease,
    Source::{Code, Issue, Note},
};
use crate::Release;
use crate::facts::handshake::{BootstrapPairing, ConnectForm, PresenceForm, Wording};
use crate::facts::nodes::NodeReconnect;
use crate::facts::rpc::{ExecForm, MethodSet, NodeCalls};
use crate::facts::{channels, skills};

/// 2026.6.11.
pub(super) const RELEASE: KnownRelease = KnownRelease {
    release: Release::new(2026, 6, 11),
    missing: None,
    changes: &[
        Change {
            what: "Every header that begins with X-Forwarded- marks a proxy.",
            sources: &[Code("src/gateway/auth.ts", "hasForwardedRequestHeaders")],
            apply: |facts| facts.locality.forwarded_prefix = true,
        },
        Change {
            what: "The protocol is version 4; a refusal names the client's range.",
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
            what: "Failed credentials are limited without any configuration of it, and so are new nodes that ask for their approval.",
            sources: &[
                Note("server.impl createAuthRateLimiter(rateLimitConfig ?? {})"),
                Code("src/gateway/server/ws-connection/message-handler.ts", "requestNodePairingFromConnect"),
            ],
            apply: |facts| facts.handshake.always_limited = true,
        },
        Change {
            what: "A bootstrap token is redeemed before `hello-ok`: the node's wake words come first.",
            sources: &[Code(
                "src/gateway/server/ws-connection/message-handler.ts",
                "redeemDeviceBootstrapTokenProfile",
            )],
            apply: |facts| facts.handshake.redeems_before_hello = true,
        },
        Change {
            what: "Frames and parameters are checked by TypeBox instead of AJV: of the missing properties only the first is named.",
            sources: &[Note("seen: `invalid connect params`")],
            apply: |facts| facts.handshake.wording = Wording::TypeBox,
        },
        Change {
            what: "Auth mode none admits a local backend without a device, and it need not be paired.",
            sources: &[
                Code("src/gateway/server/ws-connection/handshake-auth-helpers.ts", "shouldSkipLocalBackendSelfPairing"),
                Code("src/gateway/server/ws-connection/connect-policy.ts", "evaluateMissingDeviceIdentity"),
            ],
            apply: |facts| facts.handshake.none_admits_backend = true,
        },
        Change {
            what: "A paired device gets another role than operator, or another platform in such a role, only by approval, local or not.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "requirePairing")],
            apply: |facts| facts.handshake.silent_for_operators_only = true,
        },
        Change {
            what: "A right device token that lacks the scopes is refused with AUTH_SCOPE_MISMATCH.",
            sources: &[Code("src/gateway/server/ws-connection/auth-context.ts", "mapDeviceTokenAuthFailureReason")],
            apply: |facts| facts.handshake.scope_mismatch_named = true,
        },
        Change {
            what: "Wrong bootstrap tokens count against a limit of their own.",
            sources: &[Code("src/gateway/server/ws-connection/auth-context.ts", "resolveConnectAuthDecisionCore")],
            apply: |facts| facts.handshake.bootstrap_limited = true,
        },
        Change {
            what: "A Control UI that a proxy vouches for pairs its device, gets no token, and X-OpenClaw-Scopes bounds its scopes.",
            sources: &[
                Code("src/gateway/server/ws-connection/connect-policy.ts", "shouldSkipControlUiPairing"),
                Code("src/gateway/server/ws-connection/message-handler.ts", "resolveTrustedProxyControlUiScopes"),
            ],
            apply: |facts| facts.handshake.vouched_pairs = true,
        },
        Change {
            what: "A node host may spell its platform in another way; the phone apps may name another version of theirs.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "resolvePinnedClientMetadata")],
            apply: |facts| facts.handshake.lenient_pins = true,
        },
        Change {
            what: "A page of a private address, of .local or of .ts.net may talk to the very host that it came from.",
            sources: &[Code("src/gateway/origin-check.ts", "isTrustedSameOriginHost")],
            apply: |facts| facts.handshake.private_same_origin = true,
        },
        Change {
            what: "A bootstrap token pairs at once only the phone apps with a setup code's profile; other nodes ask and are told to wait.",
            sources: &[
                Issue(81292),
                Code("src/gateway/server/ws-connection/message-handler.ts", "isSetupCodeMobileBootstrapClient"),
            ],
            apply: |facts| facts.handshake.bootstrap_pairing = BootstrapPairing::SetupCode,
        },
        Change {
            what: "A token that a browser gets by the shared secret is good for that secret only; older tokens of browsers are not taken.",
            sources: &[Code("src/infra/device-pairing.ts", "deviceTokenIssuerMatches, isBrowserRelatedPairedDevice")],
            apply: |facts| facts.handshake.browser_tokens_bound = true,
        },
        Change {
            what: "hello-ok names the URLs of plugins' surfaces instead of the canvas host's.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "pluginSurfaceUrls")],
            apply: |facts| {
                facts.handshake.plugin_surfaces = true;
                facts.handshake.canvas_ignores_forwarded_proto = false;
            },
        },
        Change {
            what: "The gateway's own entry in the presence list names this run of it.",
            sources: &[Code("src/infra/system-presence.ts", "SELF_INSTANCE_ID")],
            apply: |facts| facts.handshake.presence = PresenceForm::V2026_6_11,
        },
        Change {
            what: "A write of the store first makes its directory one that the gateway can write into, if the directory is its own.",
            sources: &[Note("@openclaw/fs-safe replaceFileAtomic")],
            apply: |facts| facts.pairing.unlocks_directories = true,
        },
        Change {
            what: "A record says when and by what its device was last seen, and keeps the client that it was approved for.",
            sources: &[
                Code("src/infra/device-pairing.ts", "updatePairedDeviceMetadata"),
                Code("src/gateway/server/ws-connection/message-handler.ts", "clientAccessMetadata"),
            ],
            apply: |facts| facts.pairing.last_seen = true,
        },
        Change {
            what: "What is no text among the roles and scopes of a record is passed over, a token without a role too.",
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
            what: "Approving again adds what is new to the scopes that the token has.",
            sources: &[Code("src/infra/device-pairing.ts", "resolveApprovedTokenScopes")],
            apply: |facts| facts.pairing.approval_adds_scopes = true,
        },
        Change {
            what: "A bootstrap token grants what is asked for within its profile, no longer all of it.",
            sources: &[Code("src/infra/device-pairing.ts", "approveBootstrapDevicePairing")],
            apply: |facts| facts.pairing.bootstrap_grants_requested = true,
        },
        Change {
            what: "A bootstrap token remembers what its device asks for, takes no other request meanwhile, and is taken back with a rejection.",
            sources: &[
                Code("src/infra/device-bootstrap.ts", "pendingProfile"),
                Code("src/infra/device-pairing.ts", "rejectDevicePairing"),
            ],
            apply: |facts| facts.pairing.bootstrap_pends = true,
        },
        Change {
            what: "A token names the shared secret that it is bound to.",
            sources: &[Code("src/infra/device-pairing.ts", "buildDeviceAuthToken")],
            apply: |facts| facts.pairing.tokens_bound = true,
        },
        Change {
            what: "A node of two connections is gone with the later one; before, with either of them.",
            sources: &[Code("src/gateway/node-registry.ts", "unregister")],
            apply: |facts| facts.nodes.gone_with_later_only = true,
        },
        Change {
            what: "A node has what was approved of its caps, commands and permissions, and nothing before it is approved; its platform \
                   counts by its exact name and a family that goes with it. A Mac is asked for its programs once it is approved.",
            sources: &[
                Code("src/gateway/node-connect-reconcile.ts", "reconcileNodePairingOnConnect"),
                Code("src/gateway/node-command-policy.ts", "normalizePlatformId, filterDesktopHostCommandDefaults"),
            ],
            apply: |facts| facts.nodes.reconnect = NodeReconnect::AskForSurface,
        },
        Change {
            what: "A node request is refreshed only where it asks for the same; another one replaces it and rejects it in the open.",
            sources: &[Code(
                "src/infra/node-pairing.ts",
                "samePendingApprovalSurface, mergeNodePairingReplacementInput",
            )],
            apply: |facts| facts.nodes.request_by_surface = true,
        },
        Change {
            what: "The programs that the bundled skills need are other ones.",
            sources: &[Note("skills/*/SKILL.md requires.bins, requires.anyBins")],
            apply: |facts| facts.rpc.skill_bins = skills::V2026_6_11,
        },
        Change {
            what: "Other channels can be asked for an approval.",
            sources: &[Code("src/infra/exec-approval-surface.ts", ""), Code("src/channels/ids.ts", "CHANNEL_IDS")],
            apply: |facts| facts.rpc.turn_sources = channels::V2026_6_11,
        },
        Change {
            what: "A Mac is not asked for its programs before it has answered a ping.",
            sources: &[Code("src/skills/runtime/remote.ts", "checkConnectivity")],
            apply: |facts| facts.rpc.asks_macs = false,
        },
        Change {
            what: "Talk sessions, tasks, skill proposals and others come; `talk.realtime.*` and `node.canvas.capability.refresh` go.",
            sources: &[
                Code("src/gateway/methods/core-descriptors.ts", ""),
                Code("src/gateway/server-methods-list.ts", ""),
            ],
            apply: |facts| facts.rpc.methods = MethodSet::V2026_6_11,
        },
        Change {
            what: "Only administrators approve, remove, rotate and revoke what has another role than operator.",
            sources: &[Code("src/gateway/server-methods/device-management-authz.ts", "")],
            apply: |facts| facts.rpc.roles_need_admin = true,
        },
        Change {
            what: "A blank command is none; an approval may go without `allow-always`, without being told, and without an approver. \
                   What it shows of a command knows substitutions, redirections and shells in shells.",
            sources: &[
                Code("src/gateway/server-methods/exec-approval.ts", ""),
                Code("src/gateway/server-methods/approval-shared.ts", "handlePendingApprovalRequest"),
                Code("src/infra/command-explainer/extract.ts", ""),
            ],
            apply: |facts| facts.rpc.exec_form = ExecForm::V2026_6_11,
        },
        Change {
            what: "An approval is known to administrators and to the device that asked for it only, and its events carry no number.",
            sources: &[Code("src/gateway/server-methods/approval-shared.ts", "isApprovalRecordVisibleToClient")],
            apply: |facts| facts.rpc.approvals_private = true,
        },
        Change {
            what: "A command that is too long to be shown cannot be approved.",
            sources: &[Code("src/gateway/server-methods/exec-approval.ts", "EXEC_APPROVAL_COMMAND_DISPLAY_LIMIT")],
            apply: |facts| facts.rpc.approvals_display_limit = true,
        },
        Change {
            what: "`node.pair.remove` takes the node role of the device, too.",
            sources: &[Code("src/gateway/server-methods/nodes.ts", "removePairedDeviceBackedNode")],
            apply: |facts| facts.rpc.node_removal_takes_role = true,
        },
        Change {
            what: "Node lists say how a node stands with its approval.",
            sources: &[Code("src/gateway/node-catalog.ts", "approvalState")],
            apply: |facts| facts.rpc.node_approval_state = true,
        },
        Change {
            what: "Work for a node waits a day unless it says so, and is gone once it was fetched.",
            sources: &[Code("src/gateway/node-pending-work.ts", "drainNodePendingWork, resolvePendingWorkExpiresAtMs")],
            apply: |facts| facts.rpc.node_calls = NodeCalls::V2026_6_11,
        },
        Change {
            what: "`gateway.tailscale.serviceName` and `gateway.tailscale.preserveFunnel` are configuration keys.",
            sources: &[Code("src/config/zod-schema.ts", "OpenClawSchema")],
            apply: |facts| facts.config.know(["gateway.tailscale.serviceName", "gateway.tailscale.preserveFunnel"]),
        },
        Change {
            what: "`gateway.webchat` is no configuration key any more.",
            sources: &[Code("src/config/zod-schema.ts", "OpenClawSchema")],
            apply: |facts| _ = facts.config.unknown_keys.insert("gateway.webchat"),
        },
    ],
};
