//! What 2026.4.5 changed.

use super::{
    Change, KnownRelease,
    Source::{Code, Note},
};
use crate::Release;
use crate::facts::handshake::{BackendPairing, BootstrapPairing};
use crate::facts::pairing::EffectiveRoles;
use crate::facts::rpc::MethodSet;

/// 2026.4.5.
pub(super) const RELEASE: KnownRelease = KnownRelease {
    release: Release::new(2026, 4, 5),
    missing: None,
    changes: &[
        Change {
            what: "A local backend client with the shared secret or a device token need not be paired; who need not be \
                   paired is still held to a record if there is one.",
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
            what: "The CLI with the shared secret on a loopback peer with a private Host is local for pairing, whatever \
                   Forwarded, X-Forwarded-Host and X-Forwarded-Proto say.",
            sources: &[Code(
                "src/gateway/server/ws-connection/handshake-auth-helpers.ts",
                "isCliContainerLocalEquivalent",
            )],
            apply: |facts| facts.handshake.local_container_cli = true,
        },
        Change {
            what: "approvedScopes bound what a record may ask for before its scopes do.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "")],
            apply: |facts| facts.handshake.approved_scopes_first = true,
        },
        Change {
            what: "A bootstrap token hands off: the node is paired with every role of the token's profile and hello-ok \
                   carries a device token for each.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "handoffBootstrapProfile")],
            apply: |facts| facts.handshake.bootstrap_pairing = BootstrapPairing::HandOff,
        },
        Change {
            what: "Browser clients on loopback have a rate limit for each origin, and a locked out shared secret does not \
                   lock out device tokens.",
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
            what: "A token gives a role only where the record names that role too.",
            sources: &[Code("src/infra/device-pairing.ts", "listApprovedPairedDeviceRoles")],
            apply: |facts| facts.pairing.effective_roles = EffectiveRoles::ActiveTokensWithinRecord,
        },
        Change {
            what: "A scope counts only for the role that is its prefix.",
            sources: &[Code("src/shared/operator-scope-compat.ts", "roleScopesAllow")],
            apply: |facts| facts.pairing.scopes_follow_role = true,
        },
        Change {
            what: "Approving mints a token for every role of the request, with that role's scopes only; a role upgrade to \
                   node gives no operator scopes.",
            sources: &[Code("src/infra/device-pairing.ts", "approveDevicePairing, resolveApprovedTokenScopes")],
            apply: |facts| facts.pairing.mint_every_role = true,
        },
        Change {
            what: "Operator scopes in a request that does not ask for the operator role cannot be approved.",
            sources: &[Code("src/infra/device-pairing.ts", "approveDevicePairing")],
            apply: |facts| facts.pairing.operator_scopes_need_operator = true,
        },
        Change {
            what: "A token is minted or rotated only for a role that the record names.",
            sources: &[Code("src/infra/device-pairing.ts", "resolveDeviceTokenUpdateContext")],
            apply: |facts| facts.pairing.token_needs_approved_role = true,
        },
        Change {
            what: "A bootstrap token counts which roles and scopes of its profile were redeemed.",
            sources: &[Code("src/infra/device-bootstrap.ts", "redeemDeviceBootstrapTokenProfile")],
            apply: |facts| facts.pairing.bootstrap_redeems = true,
        },
        Change {
            what: "Approving a node needs `operator.pairing` beside what its commands take.",
            sources: &[Code("src/infra/node-pairing.ts", "resolveNodeApprovalRequiredScopes")],
            apply: |facts| facts.nodes.approval_needs_pairing = true,
        },
        Change {
            what: "A device that is no admin removes, rotates and revokes only itself.",
            sources: &[Code("src/gateway/server-methods/devices.ts", "deniesCrossDeviceManagement")],
            apply: |facts| facts.rpc.devices_manage_themselves = true,
        },
        Change {
            what: "`node.pair.approve` takes `operator.pairing` instead of `operator.write`.",
            sources: &[Code("src/gateway/method-scopes.ts", "")],
            apply: |facts| facts.rpc.node_approval_is_pairing = true,
        },
        Change {
            what: "`exec.approval.get`, skill search and the dream diary come.",
            sources: &[Code("src/gateway/server-methods-list.ts", "")],
            apply: |facts| facts.rpc.methods = MethodSet::V2026_4_5,
        },
        Change {
            what: "An ambiguous approval id is refused without naming what it could mean.",
            sources: &[Code("src/gateway/server-methods/exec-approval.ts", "resolvePendingApprovalRecord")],
            apply: |facts| facts.rpc.approvals_terse = true,
        },
        Change {
            what: "The refusal of a configuration without `gateway.mode` says that the configuration may be damaged.",
            sources: &[Note("getGatewayStartGuardErrors")],
            apply: |facts| facts.config.missing_mode_suspicious = true,
        },
        Change {
            what: "A setup code's profile has operator.approvals too.",
            sources: &[Code("src/infra/device-bootstrap.ts", "PAIRING_SETUP_BOOTSTRAP_PROFILE")],
            apply: |facts| {
                facts.seed.setup_code_scopes =
                    &["operator.approvals", "operator.read", "operator.talk.secrets", "operator.write"]
            },
        },
    ],
};
