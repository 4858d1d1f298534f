//! What 2026.3.28 changed.

use super::{
    Change, KnownRelease,
    Source::{Code, Note},
};
use crate::Release;
use crate::facts::handshake::{BackendPairing, ConnectForm, ScopeUpgrade, UnboundScopes};
use crate::facts::nodes::NodeReconnect;
use crate::facts::pairing::PendingRepeat;
use crate::facts::rpc::{ExecForm, MethodSet};
use crate::facts::skills;

/// 2026.3.28.
pub(super) const RELEASE: KnownRelease = KnownRelease {
    release: Release::new(2026, 3, 28),
    missing: None,
    changes: &[
        Change {
            what: "A loopback address in X-Forwarded-For is passed over when the client's address is looked for.",
            sources: &[Code("src/gateway/net.ts", "resolveForwardedClientIp")],
            apply: |facts| facts.locality.skips_loopback_hops = true,
        },
        Change {
            what: "The handshake may take ten seconds instead of three, and the sockets of one address that wait for their \
                   connect are limited.",
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
            what: "openclaw-tui is a client id; it counts as the Control UI does, except for its origin.",
            sources: &[Code("src/gateway/protocol/client-info.ts", "GATEWAY_CLIENT_IDS")],
            apply: |facts| facts.handshake.connect_form = ConnectForm::Literals,
        },
        Change {
            what: "A scope upgrade is never silent; before, a local client got it at once.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "requirePairing")],
            apply: |facts| facts.handshake.local_scope_upgrade = ScopeUpgrade::Asked,
        },
        Change {
            what: "A refusal for pairing names the request that is pending when it is given.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "resolveLivePendingRequestId")],
            apply: |facts| facts.handshake.live_request_id = true,
        },
        Change {
            what: "A local backend client with the shared secret pairs like everyone.",
            sources: &[Code("src/gateway/server/ws-connection/handshake-auth-helpers.ts", "")],
            apply: |facts| facts.handshake.backend_pairing = BackendPairing::Needed,
        },
        Change {
            what: "The Control UI need not be paired where auth mode is none.",
            sources: &[Code("src/gateway/server/ws-connection/connect-policy.ts", "shouldSkipControlUiPairing")],
            apply: |facts| facts.handshake.control_ui_skips_without_auth = true,
        },
        Change {
            what: "The Control UI without a device loses its scopes unless dangerouslyDisableDeviceAuth is set, or \
                   allowInsecureAuth and it is local; who a reverse proxy vouched for keeps them without a device.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "handleMissingDeviceIdentity")],
            apply: |facts| facts.handshake.unbound_scopes = UnboundScopes::WithoutSecret,
        },
        Change {
            what: "Approving a device needs every operator scope that it asks for.",
            sources: &[Code("src/infra/device-pairing.ts", "approveDevicePairing")],
            apply: |facts| facts.pairing.approver_bounded = true,
        },
        Change {
            what: "A request that differs from the device's pending one replaces it under a new id; before, it was merged into \
                   it.",
            sources: &[Code("src/infra/device-pairing.ts", "requestDevicePairing")],
            apply: |facts| facts.pairing.pending_repeat = PendingRepeat::Superseded,
        },
        Change {
            what: "A token keeps the scopes that its scopes imply: admin those to read and to write, write that to read.",
            sources: &[Code("src/shared/device-auth.ts", "normalizeDeviceAuthScopes")],
            apply: |facts| facts.pairing.scopes_imply = true,
        },
        Change {
            what: "A bootstrap token admits exactly the roles and scopes of its profile; before, it admitted any, once.",
            sources: &[Code("src/infra/device-bootstrap.ts", "verifyDeviceBootstrapToken")],
            apply: |facts| facts.pairing.bootstrap_profiles = true,
        },
        Change {
            what: "`sms.search` and `callLog.search` are among the commands that every Android node may offer.",
            sources: &[Code("src/gateway/node-command-policy.ts", "PLATFORM_DEFAULTS")],
            apply: |facts| {
                facts.nodes.android_sms_search = true;
                facts.nodes.android_call_log = true;
            },
        },
        Change {
            what: "A paired node has only the commands that were approved.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "")],
            apply: |facts| facts.nodes.reconnect = NodeReconnect::CutDown,
        },
        Change {
            what: "The programs that the bundled skills need are other ones.",
            sources: &[Note("skills/*/SKILL.md requires.bins, requires.anyBins")],
            apply: |facts| facts.rpc.skill_bins = skills::V2026_3_28,
        },
        Change {
            what: "Methods and events of plugins' approvals and of live sessions; browser.request is gone.",
            sources: &[Code("src/gateway/server-methods-list.ts", ""), Code("src/gateway/method-scopes.ts", "")],
            apply: |facts| facts.rpc.methods = MethodSet::V2026_3_28,
        },
        Change {
            what: "Revoking a token closes the device's live connections of that role with 4001, removing a device all of them.",
            sources: &[Code("src/gateway/server-methods/devices.ts", "device.token.revoke, device.pair.remove")],
            apply: |facts| facts.rpc.revoke_disconnects = true,
        },
        Change {
            what: "A refused rotation does not say why.",
            sources: &[Code("src/gateway/server-methods/devices.ts", "device.token.rotate")],
            apply: |facts| facts.rpc.rotation_denied_alike = true,
        },
        Change {
            what: "Approving a node takes operator.write and what its commands take instead of operator.pairing alone.",
            sources: &[
                Code("src/gateway/method-scopes.ts", ""),
                Code("src/infra/node-pairing.ts", "resolveNodeApprovalRequiredScope"),
            ],
            apply: |facts| {
                facts.rpc.node_approval_is_pairing = false;
                facts.nodes.approval_needs_scopes = true;
            },
        },
        Change {
            what: "Who asks for the approval of a command does not count as its approver.",
            sources: &[Code("src/gateway/server-methods/exec-approval.ts", "hasExecApprovalClients")],
            apply: |facts| facts.rpc.asker_approves_not = true,
        },
        Change {
            what: "A command's approval names the variables of its environment on any host and spells out Hangul fillers.",
            sources: &[
                Code("src/gateway/server-methods/exec-approval.ts", ""),
                Code("src/infra/exec-approval-command-display.ts", ""),
            ],
            apply: |facts| facts.rpc.exec_form = ExecForm::V2026_3_28,
        },
        Change {
            what: "An unknown approval id is answered with the details APPROVAL_NOT_FOUND.",
            sources: &[Code("src/gateway/server-methods/exec-approval.ts", "exec.approval.resolve")],
            apply: |facts| facts.rpc.unknown_approval_explained = true,
        },
        Change {
            what: "`gateway.channelStaleEventThresholdMinutes` and `gateway.channelMaxRestartsPerHour` are configuration keys.",
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
    ],
};
