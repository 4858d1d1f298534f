//! What 2026.4.5 changed.

use super::{
    Change, KnownRelease,
    Source::{Code, Note},
};
use crate::Release;
use crate::facts::handshake::{BackendPairing, BootstrapPairing};
use crate::facts::pairing::EffectiveRoles;

/// 2026.4.5.
pub(super) const RELEASE: KnownRelease = KnownRelease {
    release: Release::new(2026, 4, 5),
    missing: None,
    changes: &[
        Change {
            what: "A local backend client with the shared secret or a device token does not need pairing. If a client \
                   that needs no pairing has a record, the record still applies to it.",
            sources: &[
                Code("src/gateway/server/ws-connection/handshake-auth-helpers.ts", "shouldSkipLocalBackendSelfPairing"),
                Code("src/gateway/server/ws-connection/message-handler.ts", ""),
            ],
            apply: |facts| {
                facts.handshake.backend_pairing = BackendPairing::SkippedWhenProven;
                facts.handshake.skipping_ignores_record = false;
            },
        },
        Change {
            what: "The CLI with the shared secret is local for pairing if the peer is loopback and `Host` is private, \
                   whatever the values of `Forwarded`, `X-Forwarded-Host` and `X-Forwarded-Proto`.",
            sources: &[Code(
                "src/gateway/server/ws-connection/handshake-auth-helpers.ts",
                "isCliContainerLocalEquivalent",
            )],
            apply: |facts| facts.handshake.local_container_cli = true,
        },
        Change {
            what: "`approvedScopes` limits the scopes of a record. If it is absent, `scopes` does.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "")],
            apply: |facts| facts.handshake.approved_scopes_first = true,
        },
        Change {
            what: "A bootstrap token hands off its profile: the node is paired with every role of the profile, and \
                   `hello-ok` contains a device token for each role.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "handoffBootstrapProfile")],
            apply: |facts| facts.handshake.bootstrap_pairing = BootstrapPairing::HandOff,
        },
        Change {
            what: "Browser clients on loopback have a separate rate limit for each origin. A lockout of the shared \
                   secret does not lock out device tokens.",
            sources: &[
                Code("src/gateway/server/ws-connection/handshake-auth-helpers.ts", "resolveBrowserOriginRateLimitKey"),
                Code("src/gateway/server/ws-connection/auth-context.ts", ""),
            ],
            apply: |facts| {
                facts.handshake.browser_limit_per_origin = true;
                facts.handshake.secret_lockout_blocks_device_token = false;
            },
        },
        Change {
            what: "A token gives a role only if the record also lists the role.",
            sources: &[Code("src/infra/device-pairing.ts", "listApprovedPairedDeviceRoles")],
            apply: |facts| facts.pairing.effective_roles = EffectiveRoles::ActiveTokensWithinRecord,
        },
        Change {
            what: "A scope counts only for the role that is its prefix.",
            sources: &[Code("src/shared/operator-scope-compat.ts", "roleScopesAllow")],
            apply: |facts| facts.pairing.scopes_follow_role = true,
        },
        Change {
            what: "An approval mints a token for every role of the request, with the scopes of that role only. A role \
                   upgrade to node gives no operator scopes.",
            sources: &[Code("src/infra/device-pairing.ts", "approveDevicePairing, resolveApprovedTokenScopes")],
            apply: |facts| facts.pairing.mint_every_role = true,
        },
        Change {
            what: "A request with operator scopes but without the operator role cannot be approved.",
            sources: &[Code("src/infra/device-pairing.ts", "approveDevicePairing")],
            apply: |facts| facts.pairing.operator_scopes_need_operator = true,
        },
        Change {
            what: "The gateway mints or rotates a token only for a role that the record lists.",
            sources: &[Code("src/infra/device-pairing.ts", "resolveDeviceTokenUpdateContext")],
            apply: |facts| facts.pairing.token_needs_approved_role = true,
        },
        Change {
            what: "A bootstrap token records which roles and scopes of its profile were redeemed.",
            sources: &[Code("src/infra/device-bootstrap.ts", "redeemDeviceBootstrapTokenProfile")],
            apply: |facts| facts.pairing.bootstrap_records_redeemed = true,
        },
        Change {
            what: "Approving a node needs `operator.pairing` in addition to the scopes for its commands.",
            sources: &[Code("src/infra/node-pairing.ts", "resolveNodeApprovalRequiredScopes")],
            apply: |facts| facts.nodes.approval_needs_pairing = true,
        },
        Change {
            what: "A device that is not an administrator can remove, rotate and revoke only itself.",
            sources: &[Code("src/gateway/server-methods/devices.ts", "deniesCrossDeviceManagement")],
            apply: |facts| facts.rpc.devices_manage_themselves = true,
        },
        Change {
            what: "`node.pair.approve` needs `operator.pairing` instead of `operator.write`.",
            sources: &[Code("src/gateway/method-scopes.ts", "")],
            apply: |facts| facts.rpc.methods.change("node.pair.approve:p"),
        },
        Change {
            what: "Adds `exec.approval.get`, skill search and the dream diary.",
            sources: &[Code("src/gateway/server-methods-list.ts", "")],
            apply: |facts| {
                facts.rpc.methods.change(
                    "@doctor.memory.status doctor.memory.dreamDiary:r \
                     @exec.approvals.node.set exec.approval.get:v \
                     @skills.status skills.search:r skills.detail:r",
                )
            },
        },
        Change {
            what: "The error for an ambiguous approval id no longer lists the matching ids.",
            sources: &[Code("src/gateway/server-methods/exec-approval.ts", "resolvePendingApprovalRecord")],
            apply: |facts| facts.rpc.approval_errors_brief = true,
        },
        Change {
            what: "The error for a configuration without `gateway.mode` states that the configuration may be damaged.",
            sources: &[Note("getGatewayStartGuardErrors")],
            apply: |facts| facts.config.missing_mode_hint = true,
        },
        Change {
            what: "The profile of a setup code also has `operator.approvals`.",
            sources: &[Code("src/infra/device-bootstrap.ts", "PAIRING_SETUP_BOOTSTRAP_PROFILE")],
            apply: |facts| {
                facts.seed.setup_code_scopes =
                    &["operator.approvals", "operator.read", "operator.talk.secrets", "operator.write"]
            },
        },
        Change {
            what: "The `openclaw` command also requests `operator.talk.secrets` by default.",
            sources: &[Code("src/gateway/method-scopes.ts", "CLI_DEFAULT_OPERATOR_SCOPES")],
            apply: |facts| {
                facts.client.scopes.command = &[
                    "operator.admin",
                    "operator.read",
                    "operator.write",
                    "operator.approvals",
                    "operator.pairing",
                    "operator.talk.secrets",
                ]
            },
        },
        Change {
            what: "A client that sends its stored device token requests the scopes of this token.",
            sources: &[Code("src/gateway/client.ts", "resolveConnectScopes")],
            apply: |facts| facts.client.requests_stored_scopes = true,
        },
    ],
};
