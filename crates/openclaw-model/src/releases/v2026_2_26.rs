//! What 2026.2.26 changed.

use super::{
    Change, KnownRelease,
    Source::{Code, Issue, Note},
};
use crate::Release;
use crate::facts::config::LoopbackProxy;
use crate::facts::handshake::{ConnectForm, OriginForm, ProofForm, RefusalDetails, ScopeUpgrade, UnboundScopes};
use crate::facts::nodes::PlatformCommands;
use crate::facts::pairing::PendingRepeat;
use crate::facts::rpc::{ExecForm, MethodSet, NoApprover, NodeCalls};
use crate::facts::skills;

/// 2026.2.26.
pub(super) const RELEASE: KnownRelease = KnownRelease {
    release: Release::new(2026, 2, 26),
    missing: None,
    changes: &[
        Change {
            what: "Behind a trusted proxy the last address of X-Forwarded-For that is no trusted proxy is the client's; before, \
                   the first was, or X-Real-IP, address or not. Every loopback Host names this machine.",
            sources: &[Code("src/gateway/net.ts", "resolveClientIp, isLocalishHost")],
            apply: |facts| facts.locality.addresses_judged = true,
        },
        Change {
            what: "A device's proof needs the nonce, may be v3 and may be two minutes off; before, a local client could leave \
                   the nonce out with a v1 proof, and ten minutes were allowed.",
            sources: &[
                Issue(22062),
                Issue(23125),
                Code("src/gateway/server/ws-connection/message-handler.ts", ""),
                Code("src/gateway/device-auth.ts", ""),
            ],
            apply: |facts| {
                facts.handshake.connect_form = ConnectForm::V2026_2_26;
                facts.handshake.proof_form = ProofForm::V2026_2_26;
            },
        },
        Change {
            what: "`auth.deviceToken` is known, secrets are trimmed, and a reverse proxy's word is as good as the secret.",
            sources: &[Code("src/gateway/server/ws-connection/auth-context.ts", "resolveConnectAuthState")],
            apply: |facts| facts.handshake.device_tokens_known = true,
        },
        Change {
            what: "Refusals carry details: a code and a reason.",
            sources: &[
                Code("src/gateway/protocol/connect-error-details.ts", ""),
                Code("src/gateway/server/ws-connection/message-handler.ts", ""),
            ],
            apply: |facts| facts.handshake.details = RefusalDetails::V2026_2_26,
        },
        Change {
            what: "Whoever sends an origin is asked for it, is counted by limits of its own and pairs silently only as the \
                   Control UI or the chat; an origin that equals Host is allowed only by configuration.",
            sources: &[
                Code("src/gateway/origin-check.ts", ""),
                Code("src/gateway/server/ws-connection/message-handler.ts", "resolveHandshakeBrowserSecurityContext"),
            ],
            apply: |facts| {
                facts.handshake.origin_form = OriginForm::V2026_2_26;
                facts.handshake.browsers_limited = true;
                facts.handshake.browsers_ask = true;
            },
        },
        Change {
            what: "A node needs a device even with the shared secret.",
            sources: &[Code("src/gateway/role-policy.ts", "roleCanSkipDeviceIdentity")],
            apply: |facts| facts.handshake.nodes_need_device = true,
        },
        Change {
            what: "allowInsecureAuth frees only the local Control UI from a device and from nothing else.",
            sources: &[Code("src/gateway/server/ws-connection/connect-policy.ts", "")],
            apply: |facts| facts.handshake.insecure_auth_bounded = true,
        },
        Change {
            what: "Without a device everybody with the gateway's secret keeps its scopes; before, only the Control UI with a flag.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "clearUnboundScopes")],
            apply: |facts| facts.handshake.unbound_scopes = UnboundScopes::WithSecret,
        },
        Change {
            what: "A device keeps the platform and the family it was paired with.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "resolvePinnedClientMetadata")],
            apply: |facts| facts.handshake.pins_metadata = true,
        },
        Change {
            what: "A scope upgrade is silent for local clients, and admin covers every operator scope.",
            sources: &[
                Issue(22582),
                Issue(23708),
                Code("src/shared/operator-scope-compat.ts", ""),
                Code("src/gateway/server/ws-connection/message-handler.ts", "shouldAllowSilentLocalPairing"),
            ],
            apply: |facts| {
                facts.handshake.local_scope_upgrade = ScopeUpgrade::Silent;
                facts.handshake.scopes_imply = true;
                facts.pairing.scopes_cover = true;
            },
        },
        Change {
            what: "hello-ok does not name the machine.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "")],
            apply: |facts| facts.handshake.hello_names_host = false,
        },
        Change {
            what: "A repeated request is merged into the device's pending one; before, the pending one stayed as it was.",
            sources: &[Code("src/infra/device-pairing.ts", "mergePendingDevicePairingRequest")],
            apply: |facts| facts.pairing.pending_repeat = PendingRepeat::Merged,
        },
        Change {
            what: "A record has approvedScopes beside its scopes, and the device's family.",
            sources: &[Code("src/infra/device-pairing.ts", "approveDevicePairing")],
            apply: |facts| facts.pairing.approved_scopes_kept = true,
        },
        Change {
            what: "A rotation asks for no more than was approved; before, it took any scopes and wrote them into the record.",
            sources: &[Code("src/infra/device-pairing.ts", "rotateDeviceToken")],
            apply: |facts| facts.pairing.rotation_bounded = true,
        },
        Change {
            what: "Nodes may offer system.run.prepare where they run programs, and notifications.list on Android.",
            sources: &[Code("src/gateway/node-command-policy.ts", "PLATFORM_DEFAULTS")],
            apply: |facts| facts.nodes.platform_commands = PlatformCommands::V2026_2_26,
        },
        Change {
            what: "The programs that the bundled skills need are other ones.",
            sources: &[Note("skills/*/SKILL.md requires.bins, requires.anyBins")],
            apply: |facts| facts.rpc.skill_bins = skills::V2026_2_26,
        },
        Change {
            what: "The methods doctor.memory.status, tools.catalog and secrets.reload.",
            sources: &[Code("src/gateway/server-methods-list.ts", "")],
            apply: |facts| facts.rpc.methods = MethodSet::V2026_2_26,
        },
        Change {
            what: "health is for everybody, and the eleventh call in a row that is not for the role closes the connection.",
            sources: &[
                Code("src/gateway/server-methods.ts", "authorizeGatewayMethod"),
                Code("src/gateway/server/ws-connection/unauthorized-flood-guard.ts", ""),
            ],
            apply: |facts| {
                facts.rpc.health_for_all = true;
                facts.rpc.wrong_roles_close = true;
            },
        },
        Change {
            what: "A command's approval shows arguments, variables, the node's plan and where the turn came from, and the event \
                   of its decision shows the request.",
            sources: &[Code("src/gateway/server-methods/exec-approval.ts", "")],
            apply: |facts| facts.rpc.exec_form = ExecForm::V2026_2_26,
        },
        Change {
            what: "A command's approval that nobody is there to give expires at once; before, it waited for its time.",
            sources: &[Code("src/gateway/server-methods/exec-approval.ts", "hasApprovalClients")],
            apply: |facts| facts.rpc.no_approver = NoApprover::ExpiresOnceAccepted,
        },
        Change {
            what: "A command that a node may not run is refused with the reason.",
            sources: &[Code("src/gateway/server-methods/nodes.ts", "buildNodeCommandRejectionHint")],
            apply: |facts| facts.rpc.node_calls = NodeCalls::V2026_2_26,
        },
        Change {
            what: "The release's own client signs v3 proofs and sends a device token as `auth.deviceToken`. Before, it signed v2 proofs and sent a device token as `auth.token`.",
            sources: &[Code("src/gateway/client.ts", "GatewayClient")],
            apply: |facts| facts.client.device_tokens = true,
        },
        Change {
            what: "`gateway.customBindHost`, `gateway.allowRealIpFallback` and `gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback` are configuration keys.",
            sources: &[Code("src/config/zod-schema.ts", "OpenClawSchema")],
            apply: |facts| {
                facts.config.know([
                    "gateway.customBindHost",
                    "gateway.allowRealIpFallback",
                    "gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback",
                ])
            },
        },
        Change {
            what: "A gateway that listens beyond loopback does not start without `gateway.controlUi.allowedOrigins`.",
            sources: &[Code("src/gateway/server-runtime-config.ts", "resolveGatewayRuntimeConfig")],
            apply: |facts| facts.config.origins_required = true,
        },
        Change {
            what: "Auth mode trusted-proxy works with a bind to loopback if `gateway.trustedProxies` lists a loopback address. Before, the gateway did not start.",
            sources: &[Code("src/gateway/server-runtime-config.ts", "resolveGatewayRuntimeConfig")],
            apply: |facts| facts.config.loopback_proxy = LoopbackProxy::Listed,
        },
    ],
};
