//! What 2026.5.7 changed.

use super::lists::channels;
use super::{
    Change, KnownRelease,
    Source::{Code, Issue, Note},
};
use crate::Release;
use crate::facts::client::DeviceRule;
use crate::facts::handshake::ConnectForm;

/// 2026.5.7.
pub(super) const RELEASE: KnownRelease = KnownRelease {
    release: Release::new(2026, 5, 7),
    missing: None,
    changes: &[
        Change {
            what: "`Forwarded`, `X-Forwarded-Host` and `X-Forwarded-Proto` mark a proxy in every check. The CLI with \
                   the shared secret is no longer local if one of these headers is present.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "hasForwardedRequestHeaders")],
            apply: |facts| facts.locality.every_proxy_header_counts = true,
        },
        Change {
            what: "The error for an unknown client id or mode has a different text.",
            sources: &[Code("src/gateway/protocol/schema/primitives.ts", "GatewayClientIdSchema")],
            apply: |facts| facts.handshake.connect_form = ConnectForm::Enumerated,
        },
        Change {
            what: "With `gateway.auth.trustedProxy.allowLoopback`, a reverse proxy on loopback can authenticate users.",
            sources: &[Code("src/gateway/auth.ts", "authorizeTrustedProxy")],
            apply: |facts| facts.handshake.loopback_proxy_may_be_allowed = true,
        },
        Change {
            what: "A new node from a network in `gateway.nodes.pairing.autoApproveCidrs` is paired without approval.",
            sources: &[
                Issue(61004),
                Code("src/gateway/node-pairing-auto-approve.ts", "shouldAutoApproveNodePairingFromTrustedCidrs"),
            ],
            apply: |facts| facts.handshake.lists_networks = true,
        },
        Change {
            what: "`X-Forwarded-Proto` no longer changes the scheme of the canvas URL.",
            sources: &[Code("src/gateway/server/ws-connection.ts", "canvasHostScheme")],
            apply: |facts| facts.handshake.canvas_ignores_forwarded_proto = true,
        },
        Change {
            what: "A node receives `voicewake.routing.changed` after `hello-ok`.",
            sources: &[
                Code("src/gateway/server/ws-connection/message-handler.ts", "loadVoiceWakeRoutingConfig"),
                Code("src/infra/voicewake-routing.ts", "DEFAULT_ROUTING"),
            ],
            apply: |facts| facts.handshake.voice_routing = true,
        },
        Change {
            what: "The handshake timeout is 15 seconds.",
            sources: &[Code("src/gateway/handshake-timeouts.ts", "DEFAULT_PREAUTH_HANDSHAKE_TIMEOUT_MS")],
            apply: |facts| facts.handshake.timeout_ms = 15_000,
        },
        Change {
            what: "The message and the close reason of a refusal for pairing contain the upgrade and the pending \
                   request. The details contain a hint, the requested access and the approved access.",
            sources: &[
                Issue(69431),
                Code("src/gateway/protocol/connect-error-details.ts", "buildPairingConnectErrorDetails"),
            ],
            apply: |facts| facts.handshake.upgrade_named = true,
        },
        Change {
            what: "The apps for macOS, iOS and Android on the gateway's host can change platform and device family \
                   without approval.",
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
            what: "An unpaired device that needs no pairing gets no new token if it authenticated with a device token, \
                   or if a reverse proxy authenticated it.",
            sources: &[Code(
                "src/gateway/server/ws-connection/message-handler.ts",
                "hasServerApprovedDeviceTokenBaseline",
            )],
            apply: |facts| facts.handshake.token_needs_baseline = true,
        },
        Change {
            what: "`hello-ok` always contains the effective role and scopes.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "helloOkAuthScopes")],
            apply: |facts| facts.handshake.hello_always_has_auth = true,
        },
        Change {
            what: "The gateway's password admits local clients that a reverse proxy does not authenticate.",
            sources: &[Code("src/gateway/auth.ts", "authorizeGatewayConnectCore")],
            apply: |facts| facts.handshake.password_beside_proxy = true,
        },
        Change {
            what: "A store file that exists but cannot be read or parsed is an error for the operation that needs it, \
                   and a connect closes with 1000 and no message. A document that is not an object counts as empty.",
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
            what: "Removing a device also deletes its pending requests.",
            sources: &[Code("src/infra/device-pairing.ts", "removePairedDevice")],
            apply: |facts| facts.pairing.remove_drops_pending = true,
        },
        Change {
            what: "The approver must hold every scope of the resulting operator token, including the scopes that the \
                   token inherits.",
            sources: &[Code("src/infra/device-pairing.ts", "approveDevicePairing")],
            apply: |facts| facts.pairing.approval_measures_token = true,
        },
        Change {
            what: "A bootstrap token adds to the record only scopes that can be handed off.",
            sources: &[Code("src/shared/device-bootstrap-profile.ts", "resolveBootstrapProfileScopesForRoles")],
            apply: |facts| facts.pairing.bootstrap_hands_on_only = true,
        },
        Change {
            what: "Revoking a token needs a role that the record lists, and the scopes of the token.",
            sources: &[Code("src/infra/device-pairing.ts", "revokeDeviceToken")],
            apply: |facts| facts.pairing.revocation_needs_rotation_scopes = true,
        },
        Change {
            what: "Node lists show when a node was last seen, and why.",
            sources: &[Code("src/gateway/node-catalog.ts", "resolveEffectiveLastSeen")],
            apply: |facts| facts.nodes.list_knows_last_seen = true,
        },
        Change {
            what: "macOS and Windows nodes can offer `screen.snapshot`. Windows nodes can also offer canvas, camera, \
                   location and device commands.",
            sources: &[Code("src/gateway/node-command-policy.ts", "PLATFORM_DEFAULTS")],
            apply: |facts| facts.nodes.desktop_screens = true,
        },
        Change {
            what: "Adds methods for restarts and artifacts, `node.pair.remove` and others, and the event \
                   `voicewake.routing.changed`.",
            sources: &[Code("src/gateway/server-methods-list.ts", ""), Code("src/gateway/method-scopes.ts", "")],
            apply: |facts| {
                facts.rpc.methods.change(include_str!("lists/methods/2026.5.7.txt"));
                facts.rpc.events.change("@voicewake.changed voicewake.routing.changed");
            },
        },
        Change {
            what: "A client that authenticated with a device token and is not an administrator sees and decides only \
                   the requests of its own device. Only such a client receives the token that it rotates. A client \
                   with the shared secret can manage every device again.",
            sources: &[Code(
                "src/gateway/server-methods/devices.ts",
                "resolveDeviceSessionAuthz, shouldReturnRotatedDeviceToken",
            )],
            apply: |facts| facts.rpc.device_token_sessions = true,
        },
        Change {
            what: "The gateway accepts a repetition of the same decision and refuses a different one. The error for an \
                   unknown approval says what to do.",
            sources: &[Code("src/gateway/server-methods/approval-shared.ts", "resolveResolvedApprovalRecord")],
            apply: |facts| facts.rpc.decisions_repeat = true,
        },
        Change {
            what: "The approval request for a command shows a warning and the number of commands it consists of. It \
                   shows every blank and control character in escaped form.",
            sources: &[
                Code("src/gateway/server-methods/exec-approval.ts", ""),
                Code("src/infra/exec-approval-command-display.ts", ""),
            ],
            apply: |facts| {
                facts.rpc.approvals_show_analysis = true;
                facts.rpc.escapes_all_invisible = true;
            },
        },
        Change {
            what: "The approval request of a plugin can list the decisions that it allows.",
            sources: &[Code("src/gateway/server-methods/plugin-approval.ts", "")],
            apply: |facts| facts.rpc.plugin.request_lists_decisions = true,
        },
        Change {
            what: "`openclaw devices approve` repeats a denied approval with the scope `operator.admin`. If the gateway refuses \
                   that scope, the command ends without the local fallback.",
            sources: &[Code("src/cli/devices-cli.ts", "approvePairingWithFallback")],
            apply: |facts| facts.client.repeats_approval_as_admin = true,
        },
        Change {
            what: "The `openclaw` command requests only the scopes that a method needs, such as `operator.pairing` for \
                   `openclaw devices list`. Before, it requested its default scopes.",
            sources: &[Code("src/gateway/call.ts", "callGatewayCli")],
            apply: |facts| facts.client.narrows_scopes = true,
        },
        Change {
            what: "The tools of the gateway, such as the exec tool, send no device to a gateway on their own machine if they \
                   have the gateway's secret.",
            sources: &[Code("src/gateway/call.ts", "shouldOmitDeviceIdentityForGatewayCall")],
            apply: |facts| facts.client.sends_device.backend = DeviceRule::UnlessLocalWithSecret,
        },
        Change {
            what: "The probe of `openclaw gateway probe` sends its device only if the `openclaw` command has stored a device token.",
            sources: &[Code("src/gateway/probe.ts", "probeGateway")],
            apply: |facts| facts.client.sends_device.probe = DeviceRule::WithStoredToken,
        },
        Change {
            what: "Event sequence numbers are counted for each client.",
            sources: &[Code("src/gateway/server-broadcast.ts", "clientSeq")],
            apply: |facts| facts.rpc.seq_per_client = true,
        },
        Change {
            what: "A different set of channels can be asked for an approval.",
            sources: &[Code("src/infra/exec-approval-surface.ts", ""), Code("src/channels/ids.ts", "CHANNEL_IDS")],
            apply: |facts| facts.rpc.turn_sources = channels::V2026_5_7,
        },
        Change {
            what: "A node reports that it is alive with the event `node.presence.alive`, and its record stores this.",
            sources: &[Code("src/gateway/server-node-events.ts", "NODE_PRESENCE_ALIVE_EVENT")],
            apply: |facts| facts.rpc.node_calls.alive_reports = true,
        },
        Change {
            what: "A Mac can report its programs as a map from name to path.",
            sources: &[Code("src/infra/skills-remote.ts", "parseBinProbePayload")],
            apply: |facts| facts.rpc.programs_have_paths = true,
        },
        Change {
            what: "Adds the configuration keys `gateway.handshakeTimeoutMs`, `gateway.nodes.pairing`, \
                   `gateway.auth.trustedProxy.allowLoopback` and `gateway.controlUi.chatMessageMaxWidth`.",
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
            what: "A gateway listens before it accepts connects. It closes early connections with 1013 `gateway \
                   starting`.",
            sources: &[Note("seen in 2026.9.6, and not in 2026.4.8")],
            apply: |facts| facts.program.listens_early = true,
        },
        Change {
            what: "A gateway writes its log to `logging.file`. Before, it always wrote to `/tmp/openclaw`, whatever \
                   the configuration.",
            sources: &[Note("seen in 2026.9.6, and not in 2026.4.8")],
            apply: |facts| facts.program.keeps_its_log = true,
        },
    ],
};
