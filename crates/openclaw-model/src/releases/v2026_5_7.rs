//! What 2026.5.7 changed.

use super::{
    Change, KnownRelease,
    Source::{Code, Issue, Note},
};
use crate::Release;
use crate::facts::channels;
use crate::facts::handshake::ConnectForm;
use crate::facts::rpc::{MethodSet, NodeCalls, PluginForm};

/// 2026.5.7.
pub(super) const RELEASE: KnownRelease = KnownRelease {
    release: Release::new(2026, 5, 7),
    missing: None,
    changes: &[
        Change {
            what: "Forwarded, X-Forwarded-Host and X-Forwarded-Proto mark a proxy in every check: the CLI with the secret is \
                   not local beside them any more.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "hasForwardedRequestHeaders")],
            apply: |facts| facts.locality.every_proxy_header_counts = true,
        },
        Change {
            what: "An unknown client id or mode is refused in other words.",
            sources: &[Code("src/gateway/protocol/schema/primitives.ts", "GatewayClientIdSchema")],
            apply: |facts| facts.handshake.connect_form = ConnectForm::Enumerated,
        },
        Change {
            what: "`gateway.auth.trustedProxy.allowLoopback` lets a reverse proxy on loopback vouch for a user.",
            sources: &[Code("src/gateway/auth.ts", "authorizeTrustedProxy")],
            apply: |facts| facts.handshake.loopback_proxy_may_be_allowed = true,
        },
        Change {
            what: "A new node from a network of `gateway.nodes.pairing.autoApproveCidrs` is paired without asking.",
            sources: &[
                Issue(61004),
                Code("src/gateway/node-pairing-auto-approve.ts", "shouldAutoApproveNodePairingFromTrustedCidrs"),
            ],
            apply: |facts| facts.handshake.lists_networks = true,
        },
        Change {
            what: "X-Forwarded-Proto does not change the scheme of the canvas URL.",
            sources: &[Code("src/gateway/server/ws-connection.ts", "canvasHostScheme")],
            apply: |facts| facts.handshake.canvas_ignores_forwarded_proto = true,
        },
        Change {
            what: "A welcomed node hears `voicewake.routing.changed`.",
            sources: &[
                Code("src/gateway/server/ws-connection/message-handler.ts", "loadVoiceWakeRoutingConfig"),
                Code("src/infra/voicewake-routing.ts", "DEFAULT_ROUTING"),
            ],
            apply: |facts| facts.handshake.voice_routing = true,
        },
        Change {
            what: "A connect has to come within 15 seconds.",
            sources: &[Code("src/gateway/handshake-timeouts.ts", "DEFAULT_PREAUTH_HANDSHAKE_TIMEOUT_MS")],
            apply: |facts| facts.handshake.timeout_ms = 15_000,
        },
        Change {
            what: "A refusal for want of pairing names the upgrade and the pending request in its message and close reason, \
                   and gives a hint, what was asked for and what was approved.",
            sources: &[
                Issue(69431),
                Code("src/gateway/protocol/connect-error-details.ts", "buildPairingConnectErrorDetails"),
            ],
            apply: |facts| facts.handshake.upgrade_named = true,
        },
        Change {
            what: "The apps for macOS, iOS and Android on this machine change platform and family without asking.",
            sources: &[Code(
                "src/gateway/server/ws-connection/handshake-auth-helpers.ts",
                "shouldAllowSilentLocalPairing",
            )],
            apply: |facts| facts.handshake.silent_native_metadata = true,
        },
        Change {
            what: "A local backend with the gateway's secret keeps its scopes without a device.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "handleMissingDeviceIdentity")],
            apply: |facts| facts.handshake.backend_keeps_scopes = true,
        },
        Change {
            what: "A device that need not be paired and is not gets no token if it came by one, nor where a proxy vouches for \
                   it.",
            sources: &[Code(
                "src/gateway/server/ws-connection/message-handler.ts",
                "hasServerApprovedDeviceTokenBaseline",
            )],
            apply: |facts| facts.handshake.token_needs_baseline = true,
        },
        Change {
            what: "hello-ok always says the role and the scopes in effect.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "helloOkAuthScopes")],
            apply: |facts| facts.handshake.hello_always_has_auth = true,
        },
        Change {
            what: "The gateway's password lets local clients in where a reverse proxy does not vouch for them.",
            sources: &[Code("src/gateway/auth.ts", "authorizeGatewayConnectCore")],
            apply: |facts| facts.handshake.password_beside_proxy = true,
        },
        Change {
            what: "A store file that is there but cannot be read or parsed ends what needs it, and a connect closes 1000 \
                   without a word; a document that is no object counts as empty.",
            sources: &[
                Code("src/infra/json-files.ts", "readDurableJsonFile"),
                Code("src/infra/pairing-files.ts", "coercePairingStateRecord"),
            ],
            apply: |facts| {
                for state in [&mut facts.pairing.state, &mut facts.nodes.state] {
                    state.unreadable_ends = true;
                    state.objects_only = true;
                }
            },
        },
        Change {
            what: "An operation on devices writes only the file that it changed.",
            sources: &[Code("src/infra/device-pairing.ts", "persistState")],
            apply: |facts| facts.pairing.state.writes_what_changed = true,
        },
        Change {
            what: "Removing a device drops its pending requests too.",
            sources: &[Code("src/infra/device-pairing.ts", "removePairedDevice")],
            apply: |facts| facts.pairing.remove_drops_pending = true,
        },
        Change {
            what: "Who approves must hold every scope of the operator's token that comes of it, also those that it inherits.",
            sources: &[Code("src/infra/device-pairing.ts", "approveDevicePairing")],
            apply: |facts| facts.pairing.approval_measures_token = true,
        },
        Change {
            what: "A bootstrap token puts only scopes into the record that may be handed on.",
            sources: &[Code("src/shared/device-bootstrap-profile.ts", "resolveBootstrapProfileScopesForRoles")],
            apply: |facts| facts.pairing.bootstrap_hands_on_only = true,
        },
        Change {
            what: "Revoking a token takes a role that the record names, and the scopes of the token.",
            sources: &[Code("src/infra/device-pairing.ts", "revokeDeviceToken")],
            apply: |facts| facts.pairing.revoke_like_rotate = true,
        },
        Change {
            what: "Node lists say when a node was last heard of, and how.",
            sources: &[Code("src/gateway/node-catalog.ts", "resolveEffectiveLastSeen")],
            apply: |facts| facts.nodes.list_knows_last_seen = true,
        },
        Change {
            what: "macOS and Windows nodes may offer `screen.snapshot`, Windows nodes canvas, camera, location and device too.",
            sources: &[Code("src/gateway/node-command-policy.ts", "PLATFORM_DEFAULTS")],
            apply: |facts| facts.nodes.desktop_screens = true,
        },
        Change {
            what: "Restarts, artifacts, `node.pair.remove` and others come, and the event `voicewake.routing.changed`.",
            sources: &[Code("src/gateway/server-methods-list.ts", ""), Code("src/gateway/method-scopes.ts", "")],
            apply: |facts| facts.rpc.methods = MethodSet::V2026_5_7,
        },
        Change {
            what: "A client that its device token let in, and that is no admin, sees and decides only its own device's requests; \
                   only it is told the token that it rotates. A client with the shared secret manages every device again.",
            sources: &[Code(
                "src/gateway/server-methods/devices.ts",
                "resolveDeviceSessionAuthz, shouldReturnRotatedDeviceToken",
            )],
            apply: |facts| facts.rpc.device_token_sessions = true,
        },
        Change {
            what: "The same decision made again is taken, another one refused as such; the refusal of an unknown approval says \
                   what to do.",
            sources: &[Code("src/gateway/server-methods/approval-shared.ts", "resolveResolvedApprovalRecord")],
            apply: |facts| facts.rpc.decisions_repeat = true,
        },
        Change {
            what: "A command's approval shows a warning and how many commands it is made of, and spells out every blank and \
                   control character.",
            sources: &[
                Code("src/gateway/server-methods/exec-approval.ts", ""),
                Code("src/infra/exec-approval-command-display.ts", ""),
            ],
            apply: |facts| {
                facts.rpc.approvals_show_analysis = true;
                facts.rpc.all_invisible_spelt = true;
            },
        },
        Change {
            what: "A plugin's approval may name the decisions that it allows.",
            sources: &[Code("src/gateway/server-methods/plugin-approval.ts", "")],
            apply: |facts| facts.rpc.plugin_form = PluginForm::V2026_5_7,
        },
        Change {
            what: "Every client counts its own events.",
            sources: &[Code("src/gateway/server-broadcast.ts", "clientSeq")],
            apply: |facts| facts.rpc.seq_per_client = true,
        },
        Change {
            what: "Other channels can be asked for an approval.",
            sources: &[Code("src/infra/exec-approval-surface.ts", ""), Code("src/channels/ids.ts", "CHANNEL_IDS")],
            apply: |facts| facts.rpc.turn_sources = channels::V2026_5_7,
        },
        Change {
            what: "A node says that it is alive by the event node.presence.alive, and its record says so.",
            sources: &[Code("src/gateway/server-node-events.ts", "NODE_PRESENCE_ALIVE_EVENT")],
            apply: |facts| facts.rpc.node_calls = NodeCalls::V2026_5_7,
        },
        Change {
            what: "A Mac may say which programs it has as a map to their paths.",
            sources: &[Code("src/infra/skills-remote.ts", "parseBinProbePayload")],
            apply: |facts| facts.rpc.programs_have_paths = true,
        },
        Change {
            what: "`gateway.handshakeTimeoutMs`, `gateway.nodes.pairing`, `gateway.auth.trustedProxy.allowLoopback` and `gateway.controlUi.chatMessageMaxWidth` are configuration keys.",
            sources: &[Code("src/config/zod-schema.ts", "OpenClawSchema")],
            apply: |facts| {
                facts.config.know([
                    "gateway.handshakeTimeoutMs",
                    "gateway.nodes.pairing",
                    "gateway.auth.trustedProxy.allowLoopback",
                    "gateway.controlUi.chatMessageMaxWidth",
                ])
            },
        },
        Change {
            what: "A gateway listens before it takes connects, and closes early connections with 1013 `gateway starting`.",
            sources: &[Note("seen in 2026.9.6, and not in 2026.4.8")],
            apply: |facts| facts.program.listens_early = true,
        },
        Change {
            what: "A gateway writes its log to `logging.file`. Before, it wrote to `/tmp/openclaw`, whatever the configuration said.",
            sources: &[Note("seen in 2026.9.6, and not in 2026.4.8")],
            apply: |facts| facts.program.keeps_its_log = true,
        },
    ],
};
