//! What 2026.3.28 changed.

use super::lists::skills;
use super::{
    Change, KnownRelease,
    Source::{Code, Note},
};
use crate::Release;
use crate::facts::client::DeviceRule;
use crate::facts::handshake::{BackendPairing, ConnectForm, ScopeUpgrade, UnboundScopes};
use crate::facts::nodes::NodeReconnect;
use crate::facts::pairing::PendingRepeat;

/// 2026.3.28.
pub(super) const RELEASE: KnownRelease = KnownRelease {
    release: Release::new(2026, 3, 28),
    missing: None,
    changes: &[
        Change {
            what: "The gateway skips loopback addresses in `X-Forwarded-For` when it determines the client address.",
            sources: &[Code("src/gateway/net.ts", "resolveForwardedClientIp")],
            apply: |facts| facts.locality.skips_loopback_hops = true,
        },
        Change {
            what: "The handshake timeout is ten seconds instead of three. The number of sockets from one address that \
                   have not sent `connect` yet is limited.",
            sources: &[
                Code("src/gateway/handshake-timeouts.ts", ""),
                Code("src/gateway/server/preauth-connection-budget.ts", ""),
            ],
            apply: |facts| {
                facts.handshake.timeout_ms = 10_000;
                facts.handshake.waiting_limited = true;
            },
        },
        Change {
            what: "Adds the client id `openclaw-tui`. The gateway treats it like the Control UI, except for the origin \
                   check.",
            sources: &[Code("src/gateway/protocol/client-info.ts", "GATEWAY_CLIENT_IDS")],
            apply: |facts| facts.handshake.connect_form = ConnectForm::Literals,
        },
        Change {
            what: "A scope upgrade always needs approval. Before, a local client got it at once.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "requirePairing")],
            apply: |facts| facts.handshake.local_scope_upgrade = ScopeUpgrade::Asked,
        },
        Change {
            what: "A refusal for pairing contains the id of the request that is pending at that time.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "resolveLivePendingRequestId")],
            apply: |facts| facts.handshake.live_request_id = true,
        },
        Change {
            what: "A local backend client with the shared secret needs pairing like every other client.",
            sources: &[Code("src/gateway/server/ws-connection/handshake-auth-helpers.ts", "")],
            apply: |facts| facts.handshake.backend_pairing = BackendPairing::Needed,
        },
        Change {
            what: "The Control UI does not need pairing with auth mode none.",
            sources: &[Code("src/gateway/server/ws-connection/connect-policy.ts", "shouldSkipControlUiPairing")],
            apply: |facts| facts.handshake.control_ui_skips_without_auth = true,
        },
        Change {
            what: "The Control UI without a device loses its scopes, unless `dangerouslyDisableDeviceAuth` is set, or \
                   `allowInsecureAuth` is set and the client is local. A client that a reverse proxy authenticated \
                   keeps its scopes without a device.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "handleMissingDeviceIdentity")],
            apply: |facts| facts.handshake.unbound_scopes = UnboundScopes::WithoutSecret,
        },
        Change {
            what: "The approver of a device must hold every operator scope that the device requests.",
            sources: &[Code("src/infra/device-pairing.ts", "approveDevicePairing")],
            apply: |facts| facts.pairing.approver_bounded = true,
        },
        Change {
            what: "A request that differs from the device's pending request replaces it under a new id. Before, the \
                   gateway merged it into the pending request.",
            sources: &[Code("src/infra/device-pairing.ts", "requestDevicePairing")],
            apply: |facts| facts.pairing.pending_repeat = PendingRepeat::Superseded,
        },
        Change {
            what: "A token also gets the scopes that its scopes imply: `operator.admin` implies `operator.read` and \
                   `operator.write`, and `operator.write` implies `operator.read`.",
            sources: &[Code("src/shared/device-auth.ts", "normalizeDeviceAuthScopes")],
            apply: |facts| facts.pairing.scopes_imply = true,
        },
        Change {
            what: "A bootstrap token admits exactly the roles and scopes of its profile. Before, it admitted any roles \
                   and scopes, once.",
            sources: &[Code("src/infra/device-bootstrap.ts", "verifyDeviceBootstrapToken")],
            apply: |facts| facts.pairing.bootstrap_profiles = true,
        },
        Change {
            what: "Every Android node can offer `sms.search` and `callLog.search`.",
            sources: &[Code("src/gateway/node-command-policy.ts", "PLATFORM_DEFAULTS")],
            apply: |facts| {
                facts.nodes.android_sms_search = true;
                facts.nodes.android_call_log = true;
            },
        },
        Change {
            what: "A paired node has only the approved commands.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "")],
            apply: |facts| facts.nodes.reconnect = NodeReconnect::CutDown,
        },
        Change {
            what: "The bundled skills need a different set of programs.",
            sources: &[Note("skills/*/SKILL.md requires.bins, requires.anyBins")],
            apply: |facts| facts.rpc.skill_bins = skills::V2026_3_28,
        },
        Change {
            what: "Adds methods and events for plugin approvals and for live sessions. Removes `browser.request`.",
            sources: &[Code("src/gateway/server-methods-list.ts", ""), Code("src/gateway/method-scopes.ts", "")],
            apply: |facts| {
                facts.rpc.methods.change("-browser.request \
                     @exec.approval.resolve plugin.approval.request:v plugin.approval.waitDecision:v plugin.approval.resolve:v \
                     @talk.config talk.speak:w \
                     @tools.catalog tools.effective:r \
                     @sessions.list sessions.subscribe:r sessions.unsubscribe:r sessions.messages.subscribe:r sessions.messages.unsubscribe:r \
                     @sessions.preview sessions.create:w sessions.send:w sessions.abort:w \
                     @sessions.resolve ~sessions.steer:w");
                facts.rpc.events.change(
                    "@chat session.message session.tool sessions.changed \
                     @exec.approval.resolved plugin.approval.requested plugin.approval.resolved",
                );
            },
        },
        Change {
            what: "Revoking a token closes the device's live connections with that role with 4001. Removing a device \
                   closes all of its connections.",
            sources: &[Code("src/gateway/server-methods/devices.ts", "device.token.revoke, device.pair.remove")],
            apply: |facts| facts.rpc.revoke_disconnects = true,
        },
        Change {
            what: "The refusal of a token rotation no longer states the reason.",
            sources: &[Code("src/gateway/server-methods/devices.ts", "device.token.rotate")],
            apply: |facts| facts.rpc.rotation_denied_without_reason = true,
        },
        Change {
            what: "Approving a node needs `operator.write` and the scopes for the node's commands, instead of \
                   `operator.pairing` alone.",
            sources: &[
                Code("src/gateway/method-scopes.ts", ""),
                Code("src/infra/node-pairing.ts", "resolveNodeApprovalRequiredScope"),
            ],
            apply: |facts| {
                facts.rpc.methods.change("node.pair.approve:w");
                facts.nodes.approval_needs_scopes = true;
            },
        },
        Change {
            what: "The client that requests approval for a command no longer counts as an approver.",
            sources: &[Code("src/gateway/server-methods/exec-approval.ts", "hasExecApprovalClients")],
            apply: |facts| facts.rpc.requester_cannot_approve = true,
        },
        Change {
            what: "The approval request for a command lists the environment variables on any host, and shows Hangul \
                   fillers in escaped form.",
            sources: &[
                Code("src/gateway/server-methods/exec-approval.ts", ""),
                Code("src/infra/exec-approval-command-display.ts", ""),
            ],
            apply: |facts| {
                facts.rpc.exec.env_named_everywhere = true;
                facts.rpc.exec.escapes_fillers = true;
            },
        },
        Change {
            what: "The error for an unknown approval id has the details `APPROVAL_NOT_FOUND`.",
            sources: &[Code("src/gateway/server-methods/exec-approval.ts", "exec.approval.resolve")],
            apply: |facts| facts.rpc.unknown_approval_explained = true,
        },
        Change {
            what: "Adds the configuration keys `gateway.channelStaleEventThresholdMinutes` and \
                   `gateway.channelMaxRestartsPerHour`.",
            sources: &[Code("src/config/zod-schema.ts", "OpenClawSchema")],
            apply: |facts| {
                facts.config.know(["gateway.channelStaleEventThresholdMinutes", "gateway.channelMaxRestartsPerHour"])
            },
        },
        Change {
            what: "The environment variable `OPENCLAW_HANDSHAKE_TIMEOUT_MS` sets the handshake timeout.",
            sources: &[Code("src/gateway/handshake-timeouts.ts", "")],
            apply: |facts| facts.config.timeout_from_environment = true,
        },
        Change {
            what: "The Control UI also requests `operator.read` and `operator.write`.",
            sources: &[Code("ui/src/ui/gateway.ts", "CONTROL_UI_OPERATOR_SCOPES")],
            apply: |facts| {
                facts.client.scopes.browser =
                    &["operator.admin", "operator.read", "operator.write", "operator.approvals", "operator.pairing"]
            },
        },
        Change {
            what: "The probe of `openclaw gateway probe` sends its device to a gateway on its own machine if the probe has the \
                   gateway's secret.",
            sources: &[Code("src/gateway/probe.ts", "probeGateway")],
            apply: |facts| facts.client.sends_device.probe = DeviceRule::UnlessLocalWithoutSecret,
        },
    ],
};
