//! What 2026.3.13 changed.

use super::{
    Change, KnownRelease,
    Source::{Code, Issue, Note},
};
use crate::Release;
use crate::facts::handshake::{BackendPairing, ConnectForm, OriginForm, RefusalDetails, UnboundScopes};
use crate::facts::nodes::PlatformCommands;
use crate::facts::rpc::{ExecForm, MethodSet, NoApprover};

/// 2026.3.13.
pub(super) const RELEASE: KnownRelease = KnownRelease {
    release: Release::new(2026, 3, 13),
    missing: None,
    changes: &[
        Change {
            what: "The handshake may take three seconds instead of ten, and a message before the welcome 64 KiB.",
            sources: &[Issue(44089), Issue(44439), Code("src/gateway/server-constants.ts", "")],
            apply: |facts| {
                facts.handshake.timeout_ms = 3_000;
                facts.handshake.early_messages_limited = true;
            },
        },
        Change {
            what: "hello-ok and the presence list name the release; before, they said dev and unknown.",
            sources: &[Code("src/version.ts", "resolveRuntimeServiceVersion")],
            apply: |facts| facts.handshake.names_release = true,
        },
        Change {
            what: "A missing secret does not count against the rate limit.",
            sources: &[Code("src/gateway/auth.ts", "authorizeGatewayConnect")],
            apply: |facts| facts.handshake.missing_secret_forgiven = true,
        },
        Change {
            what: "`auth.bootstrapToken` is known.",
            sources: &[
                Code("src/gateway/protocol/schema/snapshot.ts", "ConnectParamsSchema"),
                Code("src/infra/device-bootstrap.ts", ""),
            ],
            apply: |facts| facts.handshake.connect_form = ConnectForm::V2026_3_13,
        },
        Change {
            what: "A loopback origin is allowed where the client is local instead of where Host is loopback; `*` allows every \
                   origin; whoever sends an origin is asked for it, behind a proxy too.",
            sources: &[
                Code("src/gateway/origin-check.ts", "checkBrowserOrigin"),
                Code("src/gateway/server/ws-connection/handshake-auth-helpers.ts", ""),
            ],
            apply: |facts| facts.handshake.origin_form = OriginForm::V2026_3_13,
        },
        Change {
            what: "Details name what is wrong with a device's proof or an origin, and what to do about wrong credentials.",
            sources: &[
                Code("src/gateway/protocol/connect-error-details.ts", ""),
                Code(
                    "src/gateway/server/ws-connection/handshake-auth-helpers.ts",
                    "resolveUnauthorizedHandshakeContext",
                ),
            ],
            apply: |facts| facts.handshake.details = RefusalDetails::V2026_3_13,
        },
        Change {
            what: "Where dangerouslyDisableDeviceAuth is set the Control UI needs no secret as an operator.",
            sources: &[Code("src/gateway/server/ws-connection/connect-policy.ts", "evaluateMissingDeviceIdentity")],
            apply: |facts| facts.handshake.bypass_needs_no_secret = true,
        },
        Change {
            what: "Without a device only the Control UI keeps its scopes; before, everybody with the gateway's secret did.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "clearUnboundScopes")],
            apply: |facts| facts.handshake.unbound_scopes = UnboundScopes::ControlUi,
        },
        Change {
            what: "A local backend client with the shared secret need not be paired.",
            sources: &[Code(
                "src/gateway/server/ws-connection/handshake-auth-helpers.ts",
                "shouldSkipBackendSelfPairing",
            )],
            apply: |facts| facts.handshake.backend_pairing = BackendPairing::SkippedWithSecret,
        },
        Change {
            what: "A file that could not be put in its place is taken away; before, it stayed under its temporary name.",
            sources: &[Code("src/infra/json-files.ts", "writeTextAtomic"), Note("seen in 2026.2.26")],
            apply: |facts| facts.pairing.failed_files_stay = false,
        },
        Change {
            what: "A device token admits, and is minted, only within what its device was approved for.",
            sources: &[Code("src/infra/device-pairing.ts", "scopesWithinApprovedDeviceBaseline")],
            apply: |facts| facts.pairing.tokens_bounded = true,
        },
        Change {
            what: "Android nodes may offer system.notify, notifications.actions, device.permissions and device.health; nodes of \
                   unknown platforms run no programs.",
            sources: &[Code("src/gateway/node-command-policy.ts", "PLATFORM_DEFAULTS")],
            apply: |facts| facts.nodes.platform_commands = PlatformCommands::V2026_3_13,
        },
        Change {
            what: "A command's approval that nobody is there to give is not accepted first.",
            sources: &[Code("src/gateway/server-methods/exec-approval.ts", "hasExecApprovalClients")],
            apply: |facts| facts.rpc.no_approver = NoApprover::Expires,
        },
        Change {
            what: "Methods of a node's pending work, gateway.identity.get, secrets.resolve and config.schema.lookup.",
            sources: &[Code("src/gateway/server-methods-list.ts", ""), Code("src/gateway/method-scopes.ts", "")],
            apply: |facts| facts.rpc.methods = MethodSet::V2026_3_13,
        },
        Change {
            what: "`status` names the release.",
            sources: &[Code("src/commands/status.summary.ts", "")],
            apply: |facts| facts.rpc.status_names_release = true,
        },
        Change {
            what: "Who rotates a token must hold the scopes that the new one gets.",
            sources: &[Code("src/gateway/server-methods/devices.ts", "resolveMissingRequestedScope")],
            apply: |facts| facts.rpc.rotation_needs_scopes = true,
        },
        Change {
            what: "A command's approval on a node takes a systemRunPlan, and what cannot be seen is spelt out; before, it took \
                   arguments and a systemRunPlanV2.",
            sources: &[
                Code("src/gateway/server-methods/exec-approval.ts", ""),
                Code("src/infra/system-run-approval-context.ts", ""),
            ],
            apply: |facts| facts.rpc.exec_form = ExecForm::V2026_3_13,
        },
        Change {
            what: "A command's approval is found by the beginning of its id when it is decided.",
            sources: &[Code("src/gateway/exec-approval-manager.ts", "lookupPendingId")],
            apply: |facts| facts.rpc.exec_prefix = true,
        },
        Change {
            what: "A gateway that listens beyond loopback without `gateway.controlUi.allowedOrigins` allows the origins of its machine. Before, it did not start.",
            sources: &[Code("src/config/gateway-control-ui-origins.ts", "buildDefaultControlUiAllowedOrigins")],
            apply: |facts| {
                facts.config.origins_required = false;
                facts.config.origins_seeded = true;
            },
        },
        Change {
            what: "A gateway with a token, a password and no `gateway.auth.mode` does not start. Before, the password counted.",
            sources: &[Code("src/gateway/auth-mode-policy.ts", "assertExplicitGatewayAuthModeWhenBothConfigured")],
            apply: |facts| facts.config.ambiguous_secrets_refused = true,
        },
        Change {
            what: "The configuration takes a reference to a secret in place of the secret.",
            sources: &[Code("src/config/zod-schema.core.ts", "SecretInputSchema")],
            apply: |facts| facts.config.secret_references = true,
        },
        Change {
            what: "`gateway.push` is a configuration key.",
            sources: &[Code("src/config/zod-schema.ts", "OpenClawSchema")],
            apply: |facts| facts.config.know(["gateway.push"]),
        },
    ],
};
