//! What 2026.2.26 changed.

use super::lists::skills;
use super::{
    Change, KnownRelease,
    Source::{Code, Issue, Note},
};
use crate::Release;
use crate::facts::config::LoopbackProxy;
use crate::facts::handshake::{AllowedOrigins, ConnectForm, ProofForm, ScopeUpgrade, UnboundScopes};
use crate::facts::pairing::PendingRepeat;
use crate::facts::rpc::NoApprover;
use crate::facts::rpc::exec::ExecRequestForm;

/// 2026.2.26.
pub(super) const RELEASE: KnownRelease = KnownRelease {
    release: Release::new(2026, 2, 26),
    missing: None,
    changes: &[
        Change {
            what: "Behind a trusted proxy, the client address is the last address in `X-Forwarded-For` that is not a \
                   trusted proxy. Before, it was the first entry or `X-Real-IP`, even if that was not an address. \
                   Every loopback `Host` counts as local.",
            sources: &[Code("src/gateway/net.ts", "resolveClientIp, isLocalishHost")],
            apply: |facts| facts.locality.addresses_judged = true,
        },
        Change {
            what: "A device proof must contain the nonce and can use v3. Its time can differ by up to two minutes from \
                   the gateway's clock. Before, a local client could send a v1 proof without the nonce, and ten \
                   minutes were allowed.",
            sources: &[
                Issue(22062),
                Issue(23125),
                Code("src/gateway/server/ws-connection/message-handler.ts", ""),
                Code("src/gateway/device-auth.ts", ""),
            ],
            apply: |facts| {
                facts.handshake.connect_form = ConnectForm::DeviceToken;
                facts.handshake.proof_form = ProofForm::V3;
            },
        },
        Change {
            what: "`connect` accepts `auth.deviceToken`. The gateway trims secrets, and authentication by a reverse \
                   proxy counts as the shared secret.",
            sources: &[Code("src/gateway/server/ws-connection/auth-context.ts", "resolveConnectAuthState")],
            apply: |facts| facts.handshake.device_tokens_known = true,
        },
        Change {
            what: "Refusals carry details: a code and a reason.",
            sources: &[
                Code("src/gateway/protocol/connect-error-details.ts", ""),
                Code("src/gateway/server/ws-connection/message-handler.ts", ""),
            ],
            apply: |facts| facts.handshake.refusals_detailed = true,
        },
        Change {
            what: "The gateway checks the origin of every client that sends one, and such a client has its own rate \
                   limits. Only the Control UI and the chat pair silently with an origin. An origin that equals `Host` \
                   is allowed only by configuration.",
            sources: &[
                Code("src/gateway/origin-check.ts", ""),
                Code("src/gateway/server/ws-connection/message-handler.ts", "resolveHandshakeBrowserSecurityContext"),
            ],
            apply: |facts| {
                facts.handshake.origins = AllowedOrigins::LoopbackHost;
                facts.handshake.browsers_limited = true;
                facts.handshake.browsers_ask = true;
            },
        },
        Change {
            what: "A node needs a device, even with the shared secret.",
            sources: &[Code("src/gateway/role-policy.ts", "roleCanSkipDeviceIdentity")],
            apply: |facts| facts.handshake.nodes_need_device = true,
        },
        Change {
            what: "`allowInsecureAuth` waives the device for the local Control UI only, and no longer waives pairing.",
            sources: &[Code("src/gateway/server/ws-connection/connect-policy.ts", "")],
            apply: |facts| facts.handshake.insecure_auth_bounded = true,
        },
        Change {
            what: "Every client with the gateway's secret keeps its scopes without a device. Before, only the Control \
                   UI with a flag did.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "clearUnboundScopes")],
            apply: |facts| facts.handshake.unbound_scopes = UnboundScopes::WithSecret,
        },
        Change {
            what: "A device keeps the platform and the device family that it was paired with.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "resolvePinnedClientMetadata")],
            apply: |facts| facts.handshake.pins_metadata = true,
        },
        Change {
            what: "Local clients get scope upgrades without approval, and `operator.admin` covers every operator \
                   scope.",
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
            what: "`hello-ok` no longer contains the host name.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "")],
            apply: |facts| facts.handshake.hello_names_host = false,
        },
        Change {
            what: "The gateway merges a repeated pairing request into the device's pending request. Before, the \
                   pending request did not change.",
            sources: &[Code("src/infra/device-pairing.ts", "mergePendingDevicePairingRequest")],
            apply: |facts| facts.pairing.pending_repeat = PendingRepeat::Merged,
        },
        Change {
            what: "A device record has `approvedScopes` in addition to `scopes`, and the device family.",
            sources: &[Code("src/infra/device-pairing.ts", "approveDevicePairing")],
            apply: |facts| facts.pairing.approved_scopes_kept = true,
        },
        Change {
            what: "A token rotation is limited to the approved scopes. Before, it accepted any scopes and wrote them \
                   to the record.",
            sources: &[Code("src/infra/device-pairing.ts", "rotateDeviceToken")],
            apply: |facts| facts.pairing.rotation_bounded = true,
        },
        Change {
            what: "Nodes that run programs can offer `system.run.prepare`, and Android nodes can offer \
                   `notifications.list`.",
            sources: &[Code("src/gateway/node-command-policy.ts", "PLATFORM_DEFAULTS")],
            apply: |facts| facts.nodes.platforms.prepares_runs = true,
        },
        Change {
            what: "The bundled skills need a different set of programs.",
            sources: &[Note("skills/*/SKILL.md requires.bins, requires.anyBins")],
            apply: |facts| facts.rpc.skill_bins = skills::V2026_2_26,
        },
        Change {
            what: "Adds the methods `doctor.memory.status`, `tools.catalog` and `secrets.reload`.",
            sources: &[Code("src/gateway/server-methods-list.ts", "")],
            apply: |facts| {
                facts.rpc.methods.change(
                    "@health doctor.memory.status:r \
                     @models.list tools.catalog:r \
                     @voicewake.set secrets.reload:a",
                )
            },
        },
        Change {
            what: "Every client can call `health`. The eleventh consecutive call of a method that the role does not \
                   allow closes the connection.",
            sources: &[
                Code("src/gateway/server-methods.ts", "authorizeGatewayMethod"),
                Code("src/gateway/server/ws-connection/unauthorized-flood-guard.ts", ""),
            ],
            apply: |facts| {
                facts.rpc.health_for_all = true;
                facts.rpc.repeated_wrong_role_closes = true;
            },
        },
        Change {
            what: "The approval request for a command shows arguments, environment variables, the node's plan and the \
                   source of the turn. The event for the decision includes the request.",
            sources: &[Code("src/gateway/server-methods/exec-approval.ts", "")],
            apply: |facts| {
                facts.rpc.exec.form = ExecRequestForm::Arguments;
                facts.rpc.exec.decisions_show_request = true;
            },
        },
        Change {
            what: "The approval request for a command expires at once if no approver is connected. Before, it waited \
                   until its timeout.",
            sources: &[Code("src/gateway/server-methods/exec-approval.ts", "hasApprovalClients")],
            apply: |facts| facts.rpc.no_approver = NoApprover::ExpiresOnceAccepted,
        },
        Change {
            what: "The error for a command that a node may not run states the reason.",
            sources: &[Code("src/gateway/server-methods/nodes.ts", "buildNodeCommandRejectionHint")],
            apply: |facts| facts.rpc.node_calls.refusals_explained = true,
        },
        Change {
            what: "OpenClaw's own client signs v3 proofs and sends a device token as `auth.deviceToken`. Before, it \
                   signed v2 proofs and sent a device token as `auth.token`.",
            sources: &[Code("src/gateway/client.ts", "GatewayClient")],
            apply: |facts| facts.client.device_tokens = true,
        },
        Change {
            what: "If the gateway requires pairing of the `openclaw` of its own machine, `openclaw devices list` and \
                   `approve` use the files of the store (\"using local fallback\").",
            sources: &[Code("src/cli/devices-cli.ts", "shouldUseLocalPairingFallback")],
            apply: |facts| facts.client.local_fallback = true,
        },
        Change {
            what: "The `openclaw` command also requests `operator.read` and `operator.write` by default.",
            sources: &[Code("src/gateway/method-scopes.ts", "CLI_DEFAULT_OPERATOR_SCOPES")],
            apply: |facts| {
                facts.client.scopes.command =
                    &["operator.admin", "operator.read", "operator.write", "operator.approvals", "operator.pairing"]
            },
        },
        Change {
            what: "The probe of `openclaw gateway status` requests `operator.read` instead of `operator.admin`.",
            sources: &[Code("src/gateway/probe.ts", "probeGateway")],
            apply: |facts| facts.client.scopes.probe = &["operator.read"],
        },
        Change {
            what: "Adds the configuration keys `gateway.customBindHost`, `gateway.allowRealIpFallback` and \
                   `gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback`.",
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
            what: "Auth mode trusted-proxy works with a loopback bind if `gateway.trustedProxies` lists a loopback \
                   address. Before, the gateway did not start.",
            sources: &[Code("src/gateway/server-runtime-config.ts", "resolveGatewayRuntimeConfig")],
            apply: |facts| facts.config.loopback_proxy = LoopbackProxy::Listed,
        },
    ],
};
