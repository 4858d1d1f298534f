//! What 2026.3.31 changed.

use super::{
    Change, KnownRelease,
    Source::{Code, Issue},
};
use crate::Release;
use crate::facts::config::LoopbackProxy;
use crate::facts::handshake::BootstrapPairing;
use crate::facts::nodes::NodeReconnect;
use crate::facts::pairing::EffectiveRoles;

/// 2026.3.31.
pub(super) const RELEASE: KnownRelease = KnownRelease {
    release: Release::new(2026, 3, 31),
    missing: None,
    changes: &[
        Change {
            what: "A direct connection is local if the peer is loopback and no proxy header is present. `Host` and \
                   `trustedProxies` no longer matter.",
            sources: &[Issue(59045), Code("src/gateway/auth.ts", "isLocalDirectRequest")],
            apply: |facts| facts.locality.host_and_trusted_proxies_count = false,
        },
        Change {
            what: "A wrong shared secret counts against the rate limit even if a device token is present. A correct \
                   device token resets the count.",
            sources: &[Code(
                "src/gateway/server/ws-connection/auth-context.ts",
                "resolveConnectAuthState, resolveConnectAuthDecision",
            )],
            apply: |facts| {
                facts.handshake.device_token_shields_secret = false;
                facts.handshake.device_token_clears_secret_failures = true;
            },
        },
        Change {
            what: "A reverse proxy on loopback cannot authenticate users. A client that a reverse proxy authenticated \
                   loses its scopes without a device.",
            sources: &[
                Code("src/gateway/auth.ts", "authorizeTrustedProxy"),
                Code(
                    "src/gateway/server/ws-connection/connect-policy.ts",
                    "shouldClearUnboundScopesForMissingDeviceIdentity",
                ),
            ],
            apply: |facts| {
                facts.handshake.loopback_proxy_cannot_authenticate = true;
                facts.handshake.proxy_user_scopes_need_device = true;
            },
        },
        Change {
            what: "A new node with a bootstrap token and no scopes is paired at once, from any address. The gateway \
                   then revokes the token.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "requirePairing")],
            apply: |facts| facts.handshake.bootstrap_pairing = BootstrapPairing::Silent,
        },
        Change {
            what: "A device's roles come from its tokens that are not revoked. A record with `tokens: {}` has no role.",
            sources: &[Issue(59045), Code("src/infra/device-pairing.ts", "listEffectivePairedDeviceRoles")],
            apply: |facts| facts.pairing.effective_roles = EffectiveRoles::ActiveTokens,
        },
        Change {
            what: "When the gateway merges scope lists that are explicit but empty, it writes `scopes: []` instead of \
                   omitting the field.",
            sources: &[Code("src/infra/device-pairing.ts", "mergeScopes")],
            apply: |facts| facts.pairing.empty_scope_list_kept = true,
        },
        Change {
            what: "A bootstrap token admits everything within its profile and is bound to its first device. Before, it \
                   admitted exactly its profile and was consumed.",
            sources: &[Code("src/infra/device-bootstrap.ts", "verifyDeviceBootstrapToken")],
            apply: |facts| facts.pairing.bootstrap_binds = true,
        },
        Change {
            what: "Android nodes can no longer offer `sms.search` by default.",
            sources: &[Code("src/gateway/node-command-policy.ts", "PLATFORM_DEFAULTS")],
            apply: |facts| facts.nodes.android_sms_search = false,
        },
        Change {
            what: "Node lists use effective roles, and show the client and the time of approval.",
            sources: &[Code("src/gateway/node-catalog.ts", "")],
            apply: |facts| facts.nodes.catalogue = true,
        },
        Change {
            what: "A node that is not paired requests approval when it connects. It has no commands until it is \
                   approved.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "")],
            apply: |facts| facts.nodes.reconnect = NodeReconnect::AskAndWithhold,
        },
        Change {
            what: "Rotating a token closes the device's live connections with that role with 4001.",
            sources: &[Code("src/gateway/server-methods/devices.ts", "device.token.rotate")],
            apply: |facts| facts.rpc.rotate_disconnects = true,
        },
        Change {
            what: "The default timeout of an approval request for a command is 30 minutes instead of two.",
            sources: &[Code("src/infra/exec-approvals.ts", "DEFAULT_EXEC_APPROVAL_TIMEOUT_MS")],
            apply: |facts| facts.rpc.exec_timeout_ms = 1_800_000,
        },
        Change {
            what: "An approval request without an approver still waits if the channel of the request can be asked.",
            sources: &[Code("src/gateway/server-methods/exec-approval.ts", "hasApprovalTurnSourceRoute")],
            apply: |facts| facts.rpc.turn_source_route = true,
        },
        Change {
            what: "A decision can identify the approval request of a plugin by a prefix of its id.",
            sources: &[Code("src/gateway/server-methods/plugin-approval.ts", "plugin.approval.resolve")],
            apply: |facts| facts.rpc.plugin_prefix = true,
        },
        Change {
            what: "`status` counts background tasks. `config.get` shows the configuration both as written and as run.",
            sources: &[Code("src/commands/status.summary.ts", ""), Code("src/config/io.ts", "")],
            apply: |facts| {
                facts.rpc.status_counts_tasks = true;
                facts.rpc.config_shows_source = true;
            },
        },
        Change {
            what: "Auth mode trusted-proxy works with a loopback bind, independent of `gateway.trustedProxies`.",
            sources: &[Code("src/gateway/server-runtime-config.ts", "resolveGatewayRuntimeConfig")],
            apply: |facts| facts.config.loopback_proxy = LoopbackProxy::Allowed,
        },
        Change {
            what: "A gateway with auth mode trusted-proxy and a shared token does not start.",
            sources: &[Code("src/gateway/server-runtime-config.ts", "resolveGatewayRuntimeConfig")],
            apply: |facts| facts.config.proxy_excludes_token = true,
        },
        Change {
            what: "The profile of a setup code has the operator role, with `operator.read`, `operator.talk.secrets` \
                   and `operator.write`. Before, it had the node role only.",
            sources: &[Code("src/infra/device-bootstrap.ts", "PAIRING_SETUP_BOOTSTRAP_PROFILE")],
            apply: |facts| {
                facts.seed.setup_code_roles = &["node", "operator"];
                facts.seed.setup_code_scopes = &["operator.read", "operator.talk.secrets", "operator.write"];
            },
        },
    ],
};
