//! What 2026.9.6 changed.

use super::{
    Change, KnownRelease,
    Source::{Code, Issue, Note},
};
use crate::Release;
use crate::facts::handshake::{ConnectForm, PresenceForm, ScopeUpgrade};
use crate::facts::nodes::PlatformCommands;
use crate::facts::rpc::{ExecForm, MethodSet, NodeCalls, PluginForm};
use crate::facts::{capabilities, channels, skills};
use openclaw_protocol::store::StoreFormat;

/// 2026.9.6.
pub(super) const RELEASE: KnownRelease = KnownRelease {
    release: Release::new(2026, 9, 6),
    missing: None,
    changes: &[
        Change {
            what: "An upgrade with a proxy's header, or Tailscale's, is refused with 403 unless the peer is a trusted proxy that \
                   names the client's address.",
            sources: &[
                Issue(119950),
                Note("ingress-attribution.ts resolveGatewayIngressAttribution"),
                Note("told of 2026.8.1"),
            ],
            apply: |facts| facts.locality.attribution_required = true,
        },
        Change {
            what: "Forwarded and X-Real-IP mark a proxy even where they are empty.",
            sources: &[Code("src/gateway/net.ts", "hasForwardedRequestHeaders")],
            apply: |facts| facts.locality.empty_headers_count = true,
        },
        Change {
            what: "More clients are known: the copilot in a browser, the apps for Linux and watchOS. A client may say its build and its time \
                   zone, a request what it belongs to.",
            sources: &[
                Note("ConnectParamsSchema"),
                Code("packages/gateway-protocol/src/client-info.ts", "GATEWAY_CLIENT_IDS"),
                Note("RequestFrameSchema"),
            ],
            apply: |facts| facts.handshake.connect_form = ConnectForm::V2026_9_6,
        },
        Change {
            what: "allowInsecureAuth and dangerouslyDisableDeviceAuth of the Control UI replace no device any more.",
            sources: &[Code("src/gateway/server/ws-connection/connect-policy.ts", "evaluateMissingDeviceIdentity")],
            apply: |facts| facts.handshake.flags_replace_no_device = true,
        },
        Change {
            what: "A local client with the gateway's secret, or under auth mode none, gets more scopes without asking, but not \
                   by its device token; gateway.nodes.pairing.autoApproveLocal: false takes back all that is silent.",
            sources: &[
                Issue(124589),
                Code("src/gateway/server/ws-connection/handshake-auth-helpers.ts", "shouldAllowSilentLocalPairing"),
            ],
            apply: |facts| facts.handshake.local_scope_upgrade = ScopeUpgrade::BySecret,
        },
        Change {
            what: "The local backend, and the Control UI under auth mode none, are let in whatever their record says.",
            sources: &[Code(
                "src/gateway/server/ws-connection/connect-device-pairing.ts",
                "authorizeGatewayConnectDevice",
            )],
            apply: |facts| facts.handshake.skipping_notes_record = true,
        },
        Change {
            what: "hello-ok says how the client was let in and the scopes of this connection, once each, not those of its token.",
            sources: &[Code("src/gateway/server/ws-connection/connect-hello.ts", "sendGatewayHello")],
            apply: |facts| facts.handshake.hello_of_connection = true,
        },
        Change {
            what: "Before a client is refused for want of approval its record is looked at again: what another upgrade of the same \
                   connect brought counts.",
            sources: &[Code(
                "src/gateway/server/ws-connection/connect-device-pairing.ts",
                "pairingStateAllowsRequestedAccess",
            )],
            apply: |facts| facts.handshake.record_decides = true,
        },
        Change {
            what: "A Control UI whose request waits for approval is told to come again.",
            sources: &[Code(
                "src/gateway/server/ws-connection/connect-device-pairing.ts",
                "retryWhileControlUiApprovalPending",
            )],
            apply: |facts| facts.handshake.control_ui_waits = true,
        },
        Change {
            what: "A silent pairing takes away silent pairings of look-alikes that are older than a minute and not connected.",
            sources: &[
                Note("device-pairing-prune.ts"),
                Note("device-pairing-core.kernel.ts pruneSupersededSilentPairedDevicesInWorker"),
            ],
            apply: |facts| facts.handshake.prunes_silent = true,
        },
        Change {
            what: "A Control UI page from the gateway's own host that is not of the gateway's build is told to load again.",
            sources: &[Note("control-ui-build-admission.ts resolveControlUiBuildMismatch"), Note("build-info.json")],
            apply: |facts| {
                facts.handshake.control_ui_build = Some("2026.9.6-release-eb377ac59e6c-2026-09-23T16-33-12.144Z");
            },
        },
        Change {
            what: "Who says to be a worker, by role, client id or mode, is closed without an answer.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "claimsWorkerConnectionIdentity")],
            apply: |facts| facts.handshake.workers_apart = true,
        },
        Change {
            what: "The challenge and hello-ok list what the gateway can do; hello-ok names its boot, its build, its widgets and link \
                   readers, and tells a node of those plugin surfaces only that it can show.",
            sources: &[
                Code("src/gateway/server/ws-connection.ts", ""),
                Code("src/gateway/server/ws-connection/connect-hello.ts", "sendGatewayHello"),
                Code("src/gateway/server/ws-connection/connect-session.ts", ""),
            ],
            apply: |facts| {
                facts.handshake.capabilities = capabilities::V2026_9_6;
                facts.handshake.node_surfaces_by_caps = true;
            },
        },
        Change {
            what: "An operator is present once for each connection, under the owner's profile; backends and probes are not present at all.",
            sources: &[
                Code("src/gateway/server/ws-connection/connect-session.ts", "attachAuthenticatedGatewayConnect"),
                Note("gateway-owner-profile.ts"),
            ],
            apply: |facts| facts.handshake.presence_per_connection = true,
        },
        Change {
            what: "The presence list says which client it is, whom it stands for and since when they are there; an entry stays while its \
                   connection is open. Who may read hears the list after the welcome of a client that is in it, and when a node's \
                   pairing ends.",
            sources: &[
                Code("src/infra/system-presence.ts", ""),
                Note("client-presence.ts refreshClientPresence"),
                Note("authenticated-presence-user.ts"),
                Code("src/gateway/server/ws-connection/connect-hello.ts", "sendGatewayHello"),
                Note("server-lifecycle.ts onPairingInvalidated"),
            ],
            apply: |facts| facts.handshake.presence = PresenceForm::V2026_9_6,
        },
        Change {
            what: "Who is refused for wrong credentials is told where on the gateway's machine to look, and when to try again.",
            sources: &[
                Code("src/gateway/server/ws-connection/auth-messages.ts", "formatGatewayAuthFailureMessage"),
                Code("src/gateway/server/ws-connection/connect-auth.ts", "rejectUnauthorized"),
            ],
            apply: |facts| facts.handshake.says_where_to_look = true,
        },
        Change {
            what: "A device of a user whom a reverse proxy vouches for is paired at once where `trustedProxy.deviceAutoApprove` says so.",
            sources: &[Note("connect-pairing-plan.ts")],
            apply: |facts| facts.handshake.vouched_devices = true,
        },
        Change {
            what: "The gateway's secret is taken as token or as password, whichever comes; a wrong one beside a device token counts only \
                   if that fails, too.",
            sources: &[
                Code("src/gateway/auth.ts", "resolveConnectSecret"),
                Code("src/gateway/server/ws-connection/auth-context.ts", "pendingSharedAuthFailure"),
            ],
            apply: |facts| {
                facts.handshake.either_secret = true;
                facts.handshake.secret_failure_waits = true;
            },
        },
        Change {
            what: "X-OpenClaw-Scopes bounds the scopes of every connection.",
            sources: &[Code(
                "src/gateway/server/ws-connection/connect-admission.ts",
                "resolveEffectiveConnectionScopes",
            )],
            apply: |facts| facts.handshake.header_bounds_all = true,
        },
        Change {
            what: "A node host has the platform and the family of its system, however it spells them; the app for macOS may name another \
                   version of it.",
            sources: &[
                Note("node-legacy-protocol-filter.ts normalizeNodeHostCompatibilityMetadata"),
                Code("src/gateway/server/ws-connection/connect-device-metadata.ts", ""),
            ],
            apply: |facts| facts.handshake.node_host_named = true,
        },
        Change {
            what: "A node that is given no device token and shows none is refused.",
            sources: &[Code(
                "src/gateway/server/ws-connection/connect-session.ts",
                "attachAuthenticatedGatewayConnect",
            )],
            apply: |facts| facts.handshake.nodes_need_token = true,
        },
        Change {
            what: "The store is in state/openclaw.sqlite. JSON files are imported when the gateway starts, paired devices and \
                   nodes only, and renamed.",
            sources: &[
                Issue(103160),
                Code("src/infra/device-pairing-store.ts", ""),
                Note("device-pairing-migration.ts"),
                Note("told of 2026.8.1"),
            ],
            apply: |facts| facts.pairing.format = StoreFormat::Sqlite,
        },
        Change {
            what: "A record says how its device was approved: by its owner, silently, by its address, by a reverse proxy, or by a bootstrap \
                   token; an owner's name for it stays.",
            sources: &[Note("device-pairing-approval.kernel.ts mergeApprovalKind")],
            apply: |facts| facts.pairing.approval_kinds = true,
        },
        Change {
            what: "A setup code hands on `operator.questions`, too; a code for a node alone pairs a node host at once.",
            sources: &[
                Code("src/shared/device-bootstrap-profile.ts", "PAIRING_SETUP_BOOTSTRAP_PROFILE"),
                Code("src/infra/device-bootstrap.worker-kernel.ts", ""),
            ],
            apply: |facts| facts.pairing.bootstrap_asks_questions = true,
        },
        Change {
            what: "A setup code has a purpose: a phone with full access, a voice node, a cloud's node, a Control UI or its owner's; \
                   it says which scopes are handed on and which client is paired at once.",
            sources: &[
                Code("src/shared/device-bootstrap-profile.ts", ""),
                Note("connect-pairing-plan.ts resolvePairingApprovalPlan"),
            ],
            apply: |facts| facts.pairing.bootstrap_purposes = true,
        },
        Change {
            what: "The use of a bootstrap token leaves the others in the store as they are.",
            sources: &[Note(
                "device-bootstrap.worker-kernel.ts verifyDeviceBootstrapToken, redeemDeviceBootstrapTokenProfile",
            )],
            apply: |facts| facts.pairing.bootstrap_keeps_others = true,
        },
        Change {
            what: "operator.write covers operator.talk and operator.sessions.*, operator.read covers operator.sessions.read.",
            sources: &[Code("src/shared/operator-scope-compat.ts", "operatorScopeSatisfied")],
            apply: |facts| facts.pairing.write_covers_sessions = true,
        },
        Change {
            what: "A gateway on loopback that starts with a token it made up pairs the command line client of its machine.",
            sources: &[Note("gateway/startup-local-cli-pairing.ts ensureStartupLocalCliPairing")],
            apply: |facts| facts.pairing.pairs_local_cli = true,
        },
        Change {
            what: "Only Macs have a canvas; watches, computers that are operated, streams of a desktop and others come.",
            sources: &[
                Code("src/gateway/node-command-policy.ts", "PLATFORM_DEFAULTS"),
                Note("extensions/canvas, linux-node, ollama registerNodeInvokePolicy"),
            ],
            apply: |facts| facts.nodes.platform_commands = PlatformCommands::V2026_9_6,
        },
        Change {
            what: "Nodes are a part of their paired devices. A request takes over nothing of the one before, a record has no token, \
                   and only more than was approved is asked for again. Who may only pair decides about its own node alone.",
            sources: &[Note("device-pairing-node.worker.ts"), Code("src/gateway/node-connect-reconcile.ts", "")],
            apply: |facts| facts.nodes.part_of_device = true,
        },
        Change {
            what: "A node's record says when it has gone.",
            sources: &[Note("device-pairing-node.worker.ts node.recordConnection, node.recordDisconnection")],
            apply: |facts| facts.nodes.notes_departures = true,
        },
        Change {
            what: "Node lists say when a node came and went, put the approved name first, and have `sessionHost` and `nodePluginTools`.",
            sources: &[Code("src/gateway/node-catalog.ts", "buildEffectiveKnownNode")],
            apply: |facts| facts.nodes.list_knows_sessions = true,
        },
        Change {
            what: "Only a paired device asks for a node's approval; its announcement names the client and the scopes that approving takes; \
                   a cap whose commands are all withheld is left out.",
            sources: &[
                Note("device-pairing-node.worker.ts node.request"),
                Note("device-pairing-node.records.ts toPublicPendingRequest"),
                Code("src/gateway/node-command-policy.ts", "retainFulfilledNodeCapabilities"),
            ],
            apply: |facts| facts.nodes.requests_of_devices = true,
        },
        Change {
            what: "The programs that the bundled skills need are other ones.",
            sources: &[Note("skills/*/SKILL.md requires.bins, requires.anyBins")],
            apply: |facts| facts.rpc.skill_bins = skills::V2026_9_6,
        },
        Change {
            what: "Other channels can be asked for an approval, a page and a terminal not.",
            sources: &[Code("src/infra/exec-approval-surface.ts", ""), Code("src/channels/ids.ts", "CHANNEL_IDS")],
            apply: |facts| facts.rpc.turn_sources = channels::V2026_9_6,
        },
        Change {
            what: "A call without its scope is FORBIDDEN, with MISSING_SCOPE and the scopes that it takes.",
            sources: &[
                Code("packages/gateway-protocol/src/schema/error-codes.ts", "missingScopeErrorShape"),
                Code("src/gateway/server-methods.ts", "authorizeGatewayMethod"),
            ],
            apply: |facts| facts.rpc.scopes_forbidden = true,
        },
        Change {
            what: "An approval that is asked for names its kind, and for a command the session, the run and the call of the tool. \
                   Its id has a form, `security` and `ask` have known words, the decision says how it came about, sudo and doas hand \
                   a command on, and the policy is kept elsewhere.",
            sources: &[
                Code("src/gateway/server-methods/exec-approval.ts", ""),
                Code("src/gateway/server-methods/approval-shared.ts", ""),
            ],
            apply: |facts| facts.rpc.exec_form = ExecForm::V2026_9_6,
        },
        Change {
            what: "A plugin's approval may have details and a scope, its session names the agent, and it can always be denied.",
            sources: &[
                Code("src/gateway/server-methods/plugin-approval.ts", ""),
                Note("protocol/schema/plugin-approvals.ts"),
            ],
            apply: |facts| facts.rpc.plugin_form = PluginForm::V2026_9_6,
        },
        Change {
            what: "Only clients that show approvals hear of them and may be waited for: the Control UI, for commands the apps, for \
                   plugins the terminal, and who says so in its caps.",
            sources: &[Code("src/gateway/server-request-context.ts", "canDeliverApprovals")],
            apply: |facts| facts.rpc.approvals_need_client = true,
        },
        Change {
            what: "device.pair.list says which devices are connected, and device.token.rotate whether it hands over the token.",
            sources: &[Code("src/gateway/server-methods/devices.ts", "redactPairedDevice, device.token.rotate")],
            apply: |facts| facts.rpc.devices_show_connected = true,
        },
        Change {
            what: "The presence list is for who may read, every event has a number, and events for the owner's clients name the owner.",
            sources: &[
                Code("src/gateway/server-broadcast.ts", "EVENT_SCOPE_GUARDS, createGatewayBroadcaster"),
                Note("expected-profile.ts"),
            ],
            apply: |facts| facts.rpc.events_restricted = true,
        },
        Change {
            what: "The notice of a stop without a restart does not speak of one.",
            sources: &[Note("server-shutdown.ts, seen: `restartExpectedMs` is missing")],
            apply: |facts| facts.rpc.stop_without_restart_silent = true,
        },
        Change {
            what: "Nothing goes to or comes from a node whose commands were not approved: PAIRING_CHANGED. A node is told how \
                   long it has for a command, whether or not the caller says so.",
            sources: &[
                Note("node-registry-private.ts deadlineAtMs"),
                Code("src/gateway/server-methods/nodes.ts", "captureNodePairingGeneration"),
                Code("src/infra/device-pairing-identity.ts", "resolveNodePairingGeneration"),
            ],
            apply: |facts| facts.rpc.node_calls = NodeCalls::V2026_9_6,
        },
        Change {
            what: "device.pair.rename, device.scopes.requestUpgrade, device.scopes.waitUpgrade and 260 others come; \
                   node.pair.request and node.pair.verify go.",
            sources: &[
                Note("methods/core-method-policy.ts"),
                Code("src/gateway/server-methods/devices.ts", ""),
                Note("device-scope-upgrade.ts"),
            ],
            apply: |facts| facts.rpc.methods = MethodSet::V2026_9_6,
        },
        Change {
            what: "Who may read hears skills.changed and chat.metadata.changed when a Mac that runs commands comes, is approved or goes.",
            sources: &[
                Code("src/skills/runtime/remote.ts", "recordRemoteNodeInfo, removeRemoteNodeInfo"),
                Code("src/gateway/server-startup-early.ts", "registerSkillsChangeListener"),
                Note("server-chat-metadata-lifecycle.ts"),
            ],
            apply: |facts| facts.rpc.skills_told = true,
        },
        Change {
            what: "device.pair.setupCode takes a profile and a join URL, and is refused where auth.mode is none. (What 2026.7.35 \
                   answers is not among the rules.)",
            sources: &[
                Code("src/gateway/server-methods/device-pair-setup.ts", ""),
                Code("src/pairing/setup-code.ts", "resolvePairingSetupAuthLabel"),
            ],
            apply: |facts| facts.rpc.setup_codes = true,
        },
        Change {
            what: "`gateway.nodes.commands` and `gateway.auth.trustedProxy.deviceAutoApprove` are configuration keys.",
            sources: &[Code("src/config/zod-schema.ts", "OpenClawSchema")],
            apply: |facts| facts.config.know(["gateway.nodes.commands", "gateway.auth.trustedProxy.deviceAutoApprove"]),
        },
    ],
};
