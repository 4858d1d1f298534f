//! What 2026.9.6 changed.

use super::lists::{capabilities, channels, skills};
use super::{
    Change, KnownRelease,
    Source::{Code, Issue, Note},
};
use crate::Release;
use crate::facts::handshake::{ConnectForm, ScopeUpgrade};
use openclaw_protocol::store::StoreFormat;

/// The events of nodes that it knows.
const NODE_EVENTS: [&str; 13] = [
    "node.desktop.availability",
    "voice.transcript",
    "agent.request",
    "notifications.changed",
    "chat.subscribe",
    "chat.unsubscribe",
    "exec.started",
    "exec.finished",
    "exec.denied",
    "push.apns.register",
    "node.host.stats",
    "node.presence.activity",
    "node.presence.alive",
];
/// The commands to nodes that the gateway alone sends.
const PRIVATE_COMMANDS: [&str; 12] = [
    "worker.bundle.install.v1",
    "worker.launch.v1",
    "worker.status.v1",
    "worker.cancel.v1",
    "worker.environment.stop.v1",
    "worker.workspace.exec.v1",
    "worker.workspace.prepare.v1",
    "worker.workspace.retain.v1",
    "worker.desktop.stream.v1",
    "worker.desktop.launch.v1",
    "worker.desktop.computer.v1",
    "worker.portal.stream.v1",
];

/// 2026.9.6.
pub(super) const RELEASE: KnownRelease = KnownRelease {
    release: Release::new(2026, 9, 6),
    missing: None,
    changes: &[
        Change {
            what: "An upgrade with a proxy header or a Tailscale header is refused with 403, unless the peer is a \
                   trusted proxy that provides the client's address.",
            sources: &[
                Issue(119950),
                Note("ingress-attribution.ts resolveGatewayIngressAttribution"),
                Note("told of 2026.8.1"),
            ],
            apply: |facts| facts.locality.attribution_required = true,
        },
        Change {
            what: "A reverse proxy on the gateway's machine that authenticates a user must also name the address of the client.",
            sources: &[Code("src/gateway/auth.ts", "authorizeGatewayConnectCore")],
            apply: |facts| facts.handshake.user_needs_address = true,
        },
        Change {
            what: "`Forwarded` and `X-Real-IP` mark a proxy even if they are empty.",
            sources: &[Code("src/gateway/net.ts", "hasForwardedRequestHeaders")],
            apply: |facts| facts.locality.empty_headers_count = true,
        },
        Change {
            what: "Adds client ids for the browser copilot and for the apps for Linux and watchOS. A client can report \
                   its build and its time zone, and a request can state what it belongs to.",
            sources: &[
                Note("ConnectParamsSchema"),
                Code("packages/gateway-protocol/src/client-info.ts", "GATEWAY_CLIENT_IDS"),
                Note("RequestFrameSchema"),
            ],
            apply: |facts| facts.handshake.connect_form = ConnectForm::WithBuild,
        },
        Change {
            what: "`allowInsecureAuth` and `dangerouslyDisableDeviceAuth` of the Control UI no longer replace a \
                   device.",
            sources: &[Code("src/gateway/server/ws-connection/connect-policy.ts", "evaluateMissingDeviceIdentity")],
            apply: |facts| facts.handshake.flags_replace_no_device = true,
        },
        Change {
            what: "A local client gets more scopes without approval if it uses the gateway's secret or auth mode none, \
                   but not with its device token. `gateway.nodes.pairing.autoApproveLocal: false` disables every \
                   silent approval of local clients.",
            sources: &[
                Issue(124589),
                Code("src/gateway/server/ws-connection/handshake-auth-helpers.ts", "shouldAllowSilentLocalPairing"),
            ],
            apply: |facts| facts.handshake.local_scope_upgrade = ScopeUpgrade::BySecret,
        },
        Change {
            what: "The local backend, and the Control UI with auth mode none, are admitted whatever their records \
                   contain.",
            sources: &[Code(
                "src/gateway/server/ws-connection/connect-device-pairing.ts",
                "authorizeGatewayConnectDevice",
            )],
            apply: |facts| facts.handshake.skipping_notes_record = true,
        },
        Change {
            what: "`hello-ok` states how the client was authenticated. It lists the scopes of the connection, without \
                   duplicates, instead of the scopes of the token.",
            sources: &[Code("src/gateway/server/ws-connection/connect-hello.ts", "sendGatewayHello")],
            apply: |facts| facts.handshake.hello_of_connection = true,
        },
        Change {
            what: "Before the gateway refuses a client that needs approval, it reads the client's record again. An \
                   upgrade that the same connect already brought counts.",
            sources: &[Code(
                "src/gateway/server/ws-connection/connect-device-pairing.ts",
                "pairingStateAllowsRequestedAccess",
            )],
            apply: |facts| facts.handshake.record_can_admit = true,
        },
        Change {
            what: "A Control UI with a pending request is told to retry.",
            sources: &[Code(
                "src/gateway/server/ws-connection/connect-device-pairing.ts",
                "retryWhileControlUiApprovalPending",
            )],
            apply: |facts| facts.handshake.control_ui_waits = true,
        },
        Change {
            what: "A silent pairing removes other silent pairings of similar clients if they are older than one minute \
                   and not connected.",
            sources: &[
                Note("device-pairing-prune.ts"),
                Note("device-pairing-core.kernel.ts pruneSupersededSilentPairedDevicesInWorker"),
            ],
            apply: |facts| facts.handshake.prunes_silent = true,
        },
        Change {
            what: "A Control UI page from the gateway's own host is told to reload if its build differs from the \
                   gateway's build.",
            sources: &[Note("control-ui-build-admission.ts resolveControlUiBuildMismatch"), Note("build-info.json")],
            apply: |facts| {
                facts.handshake.control_ui_build = Some("2026.9.6-release-eb377ac59e6c-2026-09-23T16-33-12.144Z");
            },
        },
        Change {
            what: "A client that claims to be a worker, by role, client id or mode, is closed without an answer.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "claimsWorkerConnectionIdentity")],
            apply: |facts| facts.handshake.workers_have_endpoint = true,
        },
        Change {
            what: "The challenge and `hello-ok` list the capabilities of the gateway. `hello-ok` identifies the \
                   gateway's boot and build, and lists its widgets and link readers. It tells a node only about the \
                   plugin surfaces that the node can show.",
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
            what: "An operator has one presence entry for each connection, under the owner's profile. Backends and \
                   probes have no presence entry.",
            sources: &[
                Code("src/gateway/server/ws-connection/connect-session.ts", "attachAuthenticatedGatewayConnect"),
                Note("gateway-owner-profile.ts"),
            ],
            apply: |facts| facts.handshake.presence_per_connection = true,
        },
        Change {
            what: "A presence entry shows the client, the user it acts for and the time it connected, and stays while \
                   the connection is open. Clients with `operator.read` receive the list after the `hello-ok` of a \
                   listed client, and when the pairing of a node ends.",
            sources: &[
                Code("src/infra/system-presence.ts", ""),
                Note("client-presence.ts refreshClientPresence"),
                Note("authenticated-presence-user.ts"),
                Code("src/gateway/server/ws-connection/connect-hello.ts", "sendGatewayHello"),
                Note("server-lifecycle.ts onPairingInvalidated"),
            ],
            apply: |facts| facts.handshake.presence.shows_clients = true,
        },
        Change {
            what: "A refusal for wrong credentials states where to look on the gateway's host, and when to retry.",
            sources: &[
                Code("src/gateway/server/ws-connection/auth-messages.ts", "formatGatewayAuthFailureMessage"),
                Code("src/gateway/server/ws-connection/connect-auth.ts", "rejectUnauthorized"),
            ],
            apply: |facts| facts.handshake.refusals_have_advice = true,
        },
        Change {
            what: "With `trustedProxy.deviceAutoApprove`, a device of a user whom a reverse proxy authenticated is \
                   paired at once.",
            sources: &[Note("connect-pairing-plan.ts")],
            apply: |facts| facts.handshake.proxy_can_approve_devices = true,
        },
        Change {
            what: "The gateway accepts its secret as the token or as the password. A wrong secret with a device token \
                   counts only if the device token fails too.",
            sources: &[
                Code("src/gateway/auth.ts", "resolveConnectSecret"),
                Code("src/gateway/server/ws-connection/auth-context.ts", "pendingSharedAuthFailure"),
            ],
            apply: |facts| {
                facts.handshake.either_secret = true;
                facts.handshake.secret_failure_counts_on_refusal = true;
            },
        },
        Change {
            what: "`X-OpenClaw-Scopes` limits the scopes of every connection.",
            sources: &[Code(
                "src/gateway/server/ws-connection/connect-admission.ts",
                "resolveEffectiveConnectionScopes",
            )],
            apply: |facts| facts.handshake.header_bounds_all = true,
        },
        Change {
            what: "A node host has the platform and the device family of its system, whatever the spelling. The app \
                   for macOS can report a different platform version.",
            sources: &[
                Note("node-legacy-protocol-filter.ts normalizeNodeHostCompatibilityMetadata"),
                Code("src/gateway/server/ws-connection/connect-device-metadata.ts", ""),
            ],
            apply: |facts| facts.handshake.node_host_named = true,
        },
        Change {
            what: "A node that gets no device token and sends none is refused.",
            sources: &[Code(
                "src/gateway/server/ws-connection/connect-session.ts",
                "attachAuthenticatedGatewayConnect",
            )],
            apply: |facts| facts.handshake.nodes_need_token = true,
        },
        Change {
            what: "The store is in `state/openclaw.sqlite`. At start, the gateway imports paired devices and nodes \
                   from the JSON files and renames the files.",
            sources: &[
                Issue(103160),
                Code("src/infra/device-pairing-store.ts", ""),
                Note("device-pairing-migration.ts"),
                Note("told of 2026.8.1"),
            ],
            apply: |facts| facts.pairing.format = StoreFormat::Sqlite,
        },
        Change {
            what: "A record states how its device was approved: by its owner, silently, by its address, by a reverse \
                   proxy or by a bootstrap token. The name that an owner gave the device stays.",
            sources: &[Note("device-pairing-approval.kernel.ts mergeApprovalKind")],
            apply: |facts| facts.pairing.approval_kinds = true,
        },
        Change {
            what: "A setup code also hands off `operator.questions`. A setup code for a node alone pairs a node host \
                   at once.",
            sources: &[
                Code("src/shared/device-bootstrap-profile.ts", "PAIRING_SETUP_BOOTSTRAP_PROFILE"),
                Code("src/infra/device-bootstrap.worker-kernel.ts", ""),
            ],
            apply: |facts| facts.pairing.bootstrap_asks_questions = true,
        },
        Change {
            what: "A setup code has a purpose: a phone with full access, a voice node, a cloud worker, a Control UI or \
                   the owner's Control UI. The purpose determines which scopes are handed off and which client is \
                   paired at once.",
            sources: &[
                Code("src/shared/device-bootstrap-profile.ts", ""),
                Note("connect-pairing-plan.ts resolvePairingApprovalPlan"),
            ],
            apply: |facts| facts.pairing.bootstrap_purposes = true,
        },
        Change {
            what: "Using one bootstrap token does not change the other bootstrap tokens in the store.",
            sources: &[Note(
                "device-bootstrap.worker-kernel.ts verifyDeviceBootstrapToken, redeemDeviceBootstrapTokenProfile",
            )],
            apply: |facts| facts.pairing.bootstrap_keeps_others = true,
        },
        Change {
            what: "`operator.write` covers `operator.talk` and `operator.sessions.*`. `operator.read` covers \
                   `operator.sessions.read`.",
            sources: &[Code("src/shared/operator-scope-compat.ts", "operatorScopeSatisfied")],
            apply: |facts| facts.pairing.write_covers_sessions = true,
        },
        Change {
            what: "A gateway on loopback that starts with a generated token pairs the command line client of its host.",
            sources: &[Note("gateway/startup-local-cli-pairing.ts ensureStartupLocalCliPairing")],
            apply: |facts| facts.pairing.pairs_local_cli = true,
        },
        Change {
            what: "Only Macs can offer a canvas. Adds commands for watches, computer use, desktop streams and others.",
            sources: &[
                Code("src/gateway/node-command-policy.ts", "PLATFORM_DEFAULTS"),
                Note("extensions/canvas, linux-node, ollama registerNodeInvokePolicy"),
            ],
            apply: |facts| facts.nodes.platforms.by_capability = true,
        },
        Change {
            what: "Nodes are part of their paired devices. A request inherits nothing from the previous request, and a \
                   record has no token. A node requests approval again only if it offers more than was approved. A \
                   client that may only pair decides about its own node only.",
            sources: &[Note("device-pairing-node.worker.ts"), Code("src/gateway/node-connect-reconcile.ts", "")],
            apply: |facts| facts.nodes.part_of_device = true,
        },
        Change {
            what: "A node's record shows when the node disconnected.",
            sources: &[Note("device-pairing-node.worker.ts node.recordConnection, node.recordDisconnection")],
            apply: |facts| facts.nodes.notes_departures = true,
        },
        Change {
            what: "Node lists show when a node connected and disconnected, prefer the approved name, and have \
                   `sessionHost` and `nodePluginTools`.",
            sources: &[Code("src/gateway/node-catalog.ts", "buildEffectiveKnownNode")],
            apply: |facts| facts.nodes.list_knows_sessions = true,
        },
        Change {
            what: "Only a paired device can request approval for a node. The announcement of the request contains the \
                   client and the scopes that an approval needs. It omits a capability whose commands are all \
                   withheld.",
            sources: &[
                Note("device-pairing-node.worker.ts node.request"),
                Note("device-pairing-node.records.ts toPublicPendingRequest"),
                Code("src/gateway/node-command-policy.ts", "retainFulfilledNodeCapabilities"),
            ],
            apply: |facts| facts.nodes.requests_of_devices = true,
        },
        Change {
            what: "The bundled skills need a different set of programs.",
            sources: &[Note("skills/*/SKILL.md requires.bins, requires.anyBins")],
            apply: |facts| facts.rpc.skill_bins = skills::V2026_9_6,
        },
        Change {
            what: "A different set of channels can be asked for an approval. A page and a terminal cannot.",
            sources: &[Code("src/infra/exec-approval-surface.ts", ""), Code("src/channels/ids.ts", "CHANNEL_IDS")],
            apply: |facts| facts.rpc.turn_sources = channels::V2026_9_6,
        },
        Change {
            what: "A call without the required scope fails with `FORBIDDEN`, `MISSING_SCOPE` and the scopes that the \
                   call needs.",
            sources: &[
                Code("packages/gateway-protocol/src/schema/error-codes.ts", "missingScopeErrorShape"),
                Code("src/gateway/server-methods.ts", "authorizeGatewayMethod"),
            ],
            apply: |facts| facts.rpc.scopes_forbidden = true,
        },
        Change {
            what: "An approval request states its kind, and for a command the session, the run and the tool call. Its \
                   id has a fixed format, and `security` and `ask` accept only known values. The decision states how \
                   it was made. The analysis of a command looks through `sudo` and `doas`. The policy is stored \
                   elsewhere.",
            sources: &[
                Code("src/gateway/server-methods/exec-approval.ts", ""),
                Code("src/gateway/server-methods/approval-shared.ts", ""),
            ],
            apply: |facts| {
                facts.rpc.exec.runs_named = true;
                facts.rpc.exec.ids_restricted = true;
                facts.rpc.exec.kind_named = true;
                facts.rpc.exec.explains_decision = true;
                facts.rpc.exec.refusal_by_command = true;
                facts.rpc.exec.carriers_known = true;
                facts.rpc.exec.policy_in_database = true;
            },
        },
        Change {
            what: "The approval request of a plugin can have details and a scope, its session names the agent, and it \
                   can always be denied.",
            sources: &[
                Code("src/gateway/server-methods/plugin-approval.ts", ""),
                Note("protocol/schema/plugin-approvals.ts"),
            ],
            apply: |facts| facts.rpc.plugin.detailed = true,
        },
        Change {
            what: "Only clients that show approvals receive them and count as approvers: the Control UI, the apps for \
                   commands, the terminal for plugins, and clients that declare this capability.",
            sources: &[Code("src/gateway/server-request-context.ts", "canDeliverApprovals")],
            apply: |facts| facts.rpc.approvals_need_client = true,
        },
        Change {
            what: "`device.pair.list` shows which devices are connected. `device.token.rotate` states whether the \
                   response contains the token.",
            sources: &[Code("src/gateway/server-methods/devices.ts", "redactPairedDevice, device.token.rotate")],
            apply: |facts| facts.rpc.devices_show_connected = true,
        },
        Change {
            what: "The presence list needs `operator.read`. Every event has a sequence number, and events for the \
                   owner's clients name the owner.",
            sources: &[
                Code("src/gateway/server-broadcast.ts", "EVENT_SCOPE_GUARDS, createGatewayBroadcaster"),
                Note("expected-profile.ts"),
            ],
            apply: |facts| facts.rpc.events_restricted = true,
        },
        Change {
            what: "The shutdown notice for a stop without a restart no longer mentions a restart.",
            sources: &[Note("server-shutdown.ts, seen: `restartExpectedMs` is missing")],
            apply: |facts| facts.rpc.stop_without_restart_silent = true,
        },
        Change {
            what: "Calls to and from a node whose commands were not approved fail with `PAIRING_CHANGED`. A node \
                   always receives the time limit of a command, even if the caller sets none.",
            sources: &[
                Note("node-registry-private.ts deadlineAtMs"),
                Code("src/gateway/server-methods/nodes.ts", "captureNodePairingGeneration"),
                Code("src/infra/device-pairing-identity.ts", "resolveNodePairingGeneration"),
            ],
            apply: |facts| {
                facts.rpc.node_calls.proxy_takes_admin = false;
                facts.rpc.node_calls.admin_commands =
                    &["browser.proxy", "browser.proxy.upload.v1", "fs.listDir", "terminal.upload"];
                facts.rpc.node_calls.dangerous = &[
                    "camera.snap",
                    "camera.clip",
                    "screen.record",
                    "contacts.add",
                    "calendar.add",
                    "reminders.add",
                    "sms.send",
                    "sms.search",
                    "camera.ptz.control",
                    "health.summary",
                ];
                facts.rpc.node_calls.command_keys = ("gateway.nodes.commands.deny", "gateway.nodes.commands.allow");
                facts.rpc.node_calls.private = &PRIVATE_COMMANDS;
                facts.rpc.node_calls.browser_commands = &["browser.proxy", "browser.proxy.upload.v1"];
                facts.rpc.node_calls.events = &NODE_EVENTS;
                facts.rpc.node_calls.agent_runs_refused = true;
                facts.rpc.node_calls.sources_named = true;
                facts.rpc.node_calls.need_approval = true;
                facts.rpc.node_calls.errors_detailed = true;
                facts.rpc.node_calls.always_sends_timeout = true;
                facts.rpc.node_calls.late_commands_cancelled = true;
                facts.rpc.node_calls.ids_trimmed = true;
                facts.rpc.node_calls.explains_pending_surface = true;
            },
        },
        Change {
            what: "Adds `device.pair.rename`, `device.scopes.requestUpgrade`, `device.scopes.waitUpgrade` and 260 \
                   others. Removes `node.pair.request` and `node.pair.verify`.",
            sources: &[
                Note("methods/core-method-policy.ts"),
                Code("src/gateway/server-methods/devices.ts", ""),
                Note("device-scope-upgrade.ts"),
            ],
            apply: |facts| {
                facts.rpc.methods.change(include_str!("lists/methods/2026.9.6.txt"));
                facts.rpc.events.change(include_str!("lists/events/2026.9.6.txt"));
            },
        },
        Change {
            what: "Clients with `operator.read` receive `skills.changed` and `chat.metadata.changed` when a Mac that \
                   runs commands connects, is approved or disconnects.",
            sources: &[
                Code("src/skills/runtime/remote.ts", "recordRemoteNodeInfo, removeRemoteNodeInfo"),
                Code("src/gateway/server-startup-early.ts", "registerSkillsChangeListener"),
                Note("server-chat-metadata-lifecycle.ts"),
            ],
            apply: |facts| facts.rpc.announces_skills = true,
        },
        Change {
            what: "`device.pair.setupCode` accepts a profile and a join URL, and is refused with auth mode none. The \
                   model does not cover the response of 2026.7.35.",
            sources: &[
                Code("src/gateway/server-methods/device-pair-setup.ts", ""),
                Code("src/pairing/setup-code.ts", "resolvePairingSetupAuthLabel"),
            ],
            apply: |facts| facts.rpc.setup_codes = true,
        },
        Change {
            what: "Adds the configuration keys `gateway.nodes.commands` and \
                   `gateway.auth.trustedProxy.deviceAutoApprove`.",
            sources: &[Code("src/config/zod-schema.ts", "OpenClawSchema")],
            apply: |facts| facts.config.know(["gateway.nodes.commands", "gateway.auth.trustedProxy.deviceAutoApprove"]),
        },
        Change {
            what: "The `openclaw` command and the Control UI also request `operator.questions` by default.",
            sources: &[
                Code("src/gateway/method-scopes.ts", "CLI_DEFAULT_OPERATOR_SCOPES"),
                Note("the Control UI of the release (control-ui/assets)"),
            ],
            apply: |facts| {
                facts.client.scopes.command = &[
                    "operator.admin",
                    "operator.read",
                    "operator.write",
                    "operator.approvals",
                    "operator.questions",
                    "operator.pairing",
                    "operator.talk.secrets",
                ];
                facts.client.scopes.browser = &[
                    "operator.admin",
                    "operator.read",
                    "operator.write",
                    "operator.approvals",
                    "operator.questions",
                    "operator.pairing",
                ];
            },
        },
        Change {
            what: "The terminal user interface requests four scopes. Before, it requested `operator.admin` only.",
            sources: &[Code("src/tui/gateway-chat.ts", "GatewayChatClient")],
            apply: |facts| {
                facts.client.scopes.terminal =
                    &["operator.admin", "operator.read", "operator.write", "operator.approvals"]
            },
        },
        Change {
            what: "A client that sends its stored device token requests the scopes of its call, and only otherwise those of the \
                   token.",
            sources: &[Code("packages/gateway-client/src/connect-auth.ts", "resolveGatewayConnectScopes")],
            apply: |facts| facts.client.requests_stored_scopes = false,
        },
        Change {
            what: "The `openclaw` command keeps its device token in `state/openclaw.sqlite` instead of \
                   `identity/device-auth.json`.",
            sources: &[Code("src/infra/device-auth-store.kernel.ts", "readDeviceAuthTokenObservationFromDatabase")],
            apply: |facts| facts.client.token_store = StoreFormat::Sqlite,
        },
        Change {
            what: "The `openclaw` command prefers the secret in `openclaw.json` to `OPENCLAW_GATEWAY_TOKEN` and \
                   `OPENCLAW_GATEWAY_PASSWORD`.",
            sources: &[Code("src/gateway/credentials.ts", "resolveLocalGatewayCredentials")],
            apply: |facts| facts.client.environment_first = false,
        },
    ],
};
