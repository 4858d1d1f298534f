//! What 2026.3.13 changed.

use super::{
    Change, KnownRelease,
    Source::{Code, Issue, Note},
};
use crate::Release;
use crate::facts::client::DeviceRule;
use crate::facts::handshake::{AllowedOrigins, BackendPairing, ConnectForm, UnboundScopes};
use crate::facts::rpc::NoApprover;
use crate::facts::rpc::exec::ExecRequestForm;

/// 2026.3.13.
pub(super) const RELEASE: KnownRelease = KnownRelease {
    release: Release::new(2026, 3, 13),
    missing: None,
    changes: &[
        Change {
            what: "The handshake timeout is three seconds instead of ten. A message before `hello-ok` is limited to 64 \
                   KiB.",
            sources: &[Issue(44089), Issue(44439), Code("src/gateway/server-constants.ts", "")],
            apply: |facts| {
                facts.handshake.timeout_ms = 3_000;
                facts.handshake.early_messages_limited = true;
            },
        },
        Change {
            what: "`hello-ok` and the presence list contain the release version. Before, they contained `dev` and \
                   `unknown`.",
            sources: &[Code("src/version.ts", "resolveRuntimeServiceVersion")],
            apply: |facts| facts.handshake.names_release = true,
        },
        Change {
            what: "A missing secret does not count against the rate limit.",
            sources: &[Code("src/gateway/auth.ts", "authorizeGatewayConnect")],
            apply: |facts| facts.handshake.missing_secret_not_counted = true,
        },
        Change {
            what: "`connect` accepts `auth.bootstrapToken`.",
            sources: &[
                Code("src/gateway/protocol/schema/snapshot.ts", "ConnectParamsSchema"),
                Code("src/infra/device-bootstrap.ts", ""),
            ],
            apply: |facts| facts.handshake.connect_form = ConnectForm::BootstrapToken,
        },
        Change {
            what: "A loopback origin is allowed if the client is local. Before, it was allowed if `Host` was loopback. \
                   `*` allows every origin, and the gateway also checks origins behind a proxy.",
            sources: &[
                Code("src/gateway/origin-check.ts", "checkBrowserOrigin"),
                Code("src/gateway/server/ws-connection/handshake-auth-helpers.ts", ""),
            ],
            apply: |facts| facts.handshake.origins = AllowedOrigins::LocalClients,
        },
        Change {
            what: "Refusal details state which check of the device proof or the origin failed, and what to do about \
                   wrong credentials.",
            sources: &[
                Code("src/gateway/protocol/connect-error-details.ts", ""),
                Code(
                    "src/gateway/server/ws-connection/handshake-auth-helpers.ts",
                    "resolveUnauthorizedHandshakeContext",
                ),
            ],
            apply: |facts| facts.handshake.refusals_specific = true,
        },
        Change {
            what: "With `dangerouslyDisableDeviceAuth`, the Control UI needs no secret to connect as an operator.",
            sources: &[Code("src/gateway/server/ws-connection/connect-policy.ts", "evaluateMissingDeviceIdentity")],
            apply: |facts| facts.handshake.bypass_needs_no_secret = true,
        },
        Change {
            what: "Only the Control UI keeps its scopes without a device. Before, every client with the gateway's \
                   secret did.",
            sources: &[Code("src/gateway/server/ws-connection/message-handler.ts", "clearUnboundScopes")],
            apply: |facts| facts.handshake.unbound_scopes = UnboundScopes::ControlUi,
        },
        Change {
            what: "A local backend client with the shared secret does not need pairing.",
            sources: &[Code(
                "src/gateway/server/ws-connection/handshake-auth-helpers.ts",
                "shouldSkipBackendSelfPairing",
            )],
            apply: |facts| facts.handshake.backend_pairing = BackendPairing::SkippedWithSecret,
        },
        Change {
            what: "The gateway deletes a temporary store file that it cannot rename. Before, the temporary file \
                   remained.",
            sources: &[Code("src/infra/json-files.ts", "writeTextAtomic"), Note("seen in 2026.2.26")],
            apply: |facts| facts.pairing.failed_files_stay = false,
        },
        Change {
            what: "The gateway accepts and mints a device token only within the scopes approved for the device.",
            sources: &[Code("src/infra/device-pairing.ts", "scopesWithinApprovedDeviceBaseline")],
            apply: |facts| facts.pairing.tokens_bounded = true,
        },
        Change {
            what: "Android nodes can offer `system.notify`, `notifications.actions`, `device.permissions` and \
                   `device.health`. Nodes with an unknown platform cannot run programs.",
            sources: &[Code("src/gateway/node-command-policy.ts", "PLATFORM_DEFAULTS")],
            apply: |facts| {
                facts.nodes.platforms.android_complete = true;
                facts.nodes.platforms.unknown_run_programs = false;
            },
        },
        Change {
            what: "The gateway no longer accepts an approval request for a command first if no approver is connected.",
            sources: &[Code("src/gateway/server-methods/exec-approval.ts", "hasExecApprovalClients")],
            apply: |facts| facts.rpc.no_approver = NoApprover::Expires,
        },
        Change {
            what: "Adds the methods for a node's pending work, `gateway.identity.get`, `secrets.resolve` and \
                   `config.schema.lookup`.",
            sources: &[Code("src/gateway/server-methods-list.ts", ""), Code("src/gateway/method-scopes.ts", "")],
            apply: |facts| {
                facts.rpc.methods.change(
                    "@config.schema config.schema.lookup:r \
                     @secrets.reload secrets.resolve:a \
                     @node.describe node.pending.drain:n node.pending.enqueue:w \
                     @node.invoke node.pending.pull:n node.pending.ack:n \
                     @node.event node.canvas.capability.refresh:n \
                     @cron.runs gateway.identity.get:r \
                     @chat.inject ~config.openFile:a \
                     @push.test ~sessions.get:r",
                )
            },
        },
        Change {
            what: "The error of a node's command begins with the code that the node gave; before, it was the node's message alone.",
            sources: &[Code("src/gateway/server-methods/nodes.helpers.ts", "respondUnavailableOnNodeInvokeError")],
            apply: |facts| facts.rpc.node_calls.passes_error_codes = true,
        },
        Change {
            what: "`status` contains the release version.",
            sources: &[Code("src/commands/status.summary.ts", "")],
            apply: |facts| facts.rpc.status_names_release = true,
        },
        Change {
            what: "A client that rotates a token must hold the scopes of the new token.",
            sources: &[Code("src/gateway/server-methods/devices.ts", "resolveMissingRequestedScope")],
            apply: |facts| facts.rpc.rotation_needs_scopes = true,
        },
        Change {
            what: "The approval request for a command on a node takes `systemRunPlan`, and shows invisible characters \
                   in escaped form. Before, it took arguments and `systemRunPlanV2`.",
            sources: &[
                Code("src/gateway/server-methods/exec-approval.ts", ""),
                Code("src/infra/system-run-approval-context.ts", ""),
            ],
            apply: |facts| facts.rpc.exec.form = ExecRequestForm::PlanText,
        },
        Change {
            what: "A decision can identify the approval request for a command by a prefix of its id.",
            sources: &[Code("src/gateway/exec-approval-manager.ts", "lookupPendingId")],
            apply: |facts| facts.rpc.exec_prefix = true,
        },
        Change {
            what: "A gateway that listens beyond loopback without `gateway.controlUi.allowedOrigins` allows the \
                   origins of its own host. Before, it did not start.",
            sources: &[Code("src/config/gateway-control-ui-origins.ts", "buildDefaultControlUiAllowedOrigins")],
            apply: |facts| {
                facts.config.origins_required = false;
                facts.config.origins_seeded = true;
            },
        },
        Change {
            what: "A gateway with a token, a password and no `gateway.auth.mode` does not start. Before, it used the \
                   password.",
            sources: &[Code("src/gateway/auth-mode-policy.ts", "assertExplicitGatewayAuthModeWhenBothConfigured")],
            apply: |facts| facts.config.ambiguous_secrets_refused = true,
        },
        Change {
            what: "The configuration accepts a secret reference in place of a secret.",
            sources: &[Code("src/config/zod-schema.core.ts", "SecretInputSchema")],
            apply: |facts| facts.config.secret_references = true,
        },
        Change {
            what: "Adds the configuration key `gateway.push`.",
            sources: &[Code("src/config/zod-schema.ts", "OpenClawSchema")],
            apply: |facts| facts.config.know(["gateway.push"]),
        },
        Change {
            what: "The probe of `openclaw gateway probe` sends no device to a gateway on its own machine.",
            sources: &[Code("src/gateway/probe.ts", "disableDeviceIdentity")],
            apply: |facts| facts.client.sends_device.probe = DeviceRule::UnlessLocal,
        },
    ],
};
