//! What changed when in the calls of welcomed clients.

use super::{ExecForm, MethodSet, NoApprover, prompts, skills};
use crate::rules::Change;
use crate::rules::versions::{
    V2026_2_19, V2026_2_26, V2026_3_13, V2026_3_28, V2026_3_31, V2026_4_1, V2026_4_2, V2026_4_5, V2026_4_8, V2026_4_15,
    V2026_5_7, V2026_6_11, V2026_7_35, V2026_9_6,
};

/// The calls' changes, oldest first.
pub const CHANGES: &[Change] = &[
    Change {
        seen: V2026_2_26,
        not_yet: V2026_2_19,
        what: "The programs that the bundled skills need are other ones.",
        sources: &["skills/*/SKILL.md requires.bins, requires.anyBins"],
        apply: |rules| rules.rpc.skill_bins = skills::V2026_2_26,
    },
    Change {
        seen: V2026_2_26,
        not_yet: V2026_2_19,
        what: "The methods doctor.memory.status, tools.catalog and secrets.reload.",
        sources: &["server-methods-list.ts"],
        apply: |rules| rules.rpc.methods = MethodSet::V2026_2_26,
    },
    Change {
        seen: V2026_2_26,
        not_yet: V2026_2_19,
        what: "health is for everybody, and the eleventh call in a row that is not for the role closes the connection.",
        sources: &["server-methods.ts authorizeGatewayMethod", "ws-connection/unauthorized-flood-guard.ts"],
        apply: |rules| {
            rules.rpc.health_for_all = true;
            rules.rpc.wrong_roles_close = true;
        },
    },
    Change {
        seen: V2026_2_26,
        not_yet: V2026_2_19,
        what: "A command's approval shows arguments, variables, the node's plan and where the turn came from, and the event \
               of its decision shows the request.",
        sources: &["server-methods/exec-approval.ts"],
        apply: |rules| rules.rpc.exec_form = ExecForm::V2026_2_26,
    },
    Change {
        seen: V2026_2_26,
        not_yet: V2026_2_19,
        what: "A command's approval that nobody is there to give expires at once; before, it waited for its time.",
        sources: &["server-methods/exec-approval.ts hasApprovalClients"],
        apply: |rules| rules.rpc.no_approver = NoApprover::ExpiresOnceAccepted,
    },
    Change {
        seen: V2026_3_13,
        not_yet: V2026_2_26,
        what: "A command's approval that nobody is there to give is not accepted first.",
        sources: &["server-methods/exec-approval.ts hasExecApprovalClients"],
        apply: |rules| rules.rpc.no_approver = NoApprover::Expires,
    },
    Change {
        seen: V2026_3_13,
        not_yet: V2026_2_26,
        what: "Methods of a node's pending work, gateway.identity.get, secrets.resolve and config.schema.lookup.",
        sources: &["server-methods-list.ts", "method-scopes.ts"],
        apply: |rules| rules.rpc.methods = MethodSet::V2026_3_13,
    },
    Change {
        seen: V2026_3_13,
        not_yet: V2026_2_26,
        what: "`status` names the release.",
        sources: &["status.summary.ts"],
        apply: |rules| rules.rpc.status_names_release = true,
    },
    Change {
        seen: V2026_3_13,
        not_yet: V2026_2_26,
        what: "Who rotates a token must hold the scopes that the new one gets.",
        sources: &["server-methods/devices.ts resolveMissingRequestedScope"],
        apply: |rules| rules.rpc.rotation_needs_scopes = true,
    },
    Change {
        seen: V2026_3_13,
        not_yet: V2026_2_26,
        what: "A command's approval on a node takes a systemRunPlan, and what cannot be seen is spelt out; before, it took \
               arguments and a systemRunPlanV2.",
        sources: &["server-methods/exec-approval.ts", "system-run-approval-context.ts"],
        apply: |rules| rules.rpc.exec_form = ExecForm::V2026_3_13,
    },
    Change {
        seen: V2026_3_13,
        not_yet: V2026_2_26,
        what: "A command's approval is found by the beginning of its id when it is decided.",
        sources: &["exec-approval-manager.ts lookupPendingId"],
        apply: |rules| rules.rpc.exec_prefix = true,
    },
    Change {
        seen: V2026_3_28,
        not_yet: V2026_3_13,
        what: "The programs that the bundled skills need are other ones.",
        sources: &["skills/*/SKILL.md requires.bins, requires.anyBins"],
        apply: |rules| rules.rpc.skill_bins = skills::V2026_3_28,
    },
    Change {
        seen: V2026_3_28,
        not_yet: V2026_3_13,
        what: "Methods and events of plugins' approvals and of live sessions; browser.request is gone.",
        sources: &["server-methods-list.ts", "method-scopes.ts"],
        apply: |rules| rules.rpc.methods = MethodSet::V2026_3_28,
    },
    Change {
        seen: V2026_3_28,
        not_yet: V2026_3_13,
        what: "Revoking a token closes the device's live connections of that role with 4001, removing a device all of them.",
        sources: &["server-methods/devices.ts device.token.revoke, device.pair.remove"],
        apply: |rules| rules.rpc.revoke_disconnects = true,
    },
    Change {
        seen: V2026_3_28,
        not_yet: V2026_3_13,
        what: "A refused rotation does not say why.",
        sources: &["server-methods/devices.ts device.token.rotate"],
        apply: |rules| rules.rpc.rotation_denied_alike = true,
    },
    Change {
        seen: V2026_3_28,
        not_yet: V2026_3_13,
        what: "Approving a node takes operator.write and what its commands take instead of operator.pairing alone.",
        sources: &["method-scopes.ts", "node-pairing.ts resolveNodeApprovalRequiredScope"],
        apply: |rules| {
            rules.rpc.node_approval_is_pairing = false;
            rules.nodes.approval_needs_scopes = true;
        },
    },
    Change {
        seen: V2026_3_28,
        not_yet: V2026_3_13,
        what: "Who asks for the approval of a command does not count as its approver.",
        sources: &["server-methods/exec-approval.ts hasExecApprovalClients"],
        apply: |rules| rules.rpc.asker_approves_not = true,
    },
    Change {
        seen: V2026_3_28,
        not_yet: V2026_3_13,
        what: "A command's approval names the variables of its environment on any host and spells out Hangul fillers.",
        sources: &["server-methods/exec-approval.ts", "exec-approval-command-display.ts"],
        apply: |rules| rules.rpc.exec_form = ExecForm::V2026_3_28,
    },
    Change {
        seen: V2026_3_28,
        not_yet: V2026_3_13,
        what: "An unknown approval id is answered with the details APPROVAL_NOT_FOUND.",
        sources: &["server-methods/exec-approval.ts exec.approval.resolve"],
        apply: |rules| rules.rpc.unknown_approval_explained = true,
    },
    Change {
        seen: V2026_3_31,
        not_yet: V2026_3_28,
        what: "Rotating a token closes the device's live connections of that role with 4001.",
        sources: &["server-methods/devices.ts device.token.rotate"],
        apply: |rules| rules.rpc.rotate_disconnects = true,
    },
    Change {
        seen: V2026_3_31,
        not_yet: V2026_3_28,
        what: "A command's approval waits half an hour instead of two minutes.",
        sources: &["exec-approvals.ts DEFAULT_EXEC_APPROVAL_TIMEOUT_MS"],
        apply: |rules| rules.rpc.exec_timeout_ms = 1_800_000,
    },
    Change {
        seen: V2026_3_31,
        not_yet: V2026_3_28,
        what: "An approval without an approver waits all the same when the channel it came from can be asked.",
        sources: &["server-methods/exec-approval.ts hasApprovalTurnSourceRoute"],
        apply: |rules| rules.rpc.turn_source_route = true,
    },
    Change {
        seen: V2026_3_31,
        not_yet: V2026_3_28,
        what: "A plugin's approval is found by the beginning of its id.",
        sources: &["server-methods/plugin-approval.ts plugin.approval.resolve"],
        apply: |rules| rules.rpc.plugin_prefix = true,
    },
    Change {
        seen: V2026_3_31,
        not_yet: V2026_3_28,
        what: "`status` counts background tasks; `config.get` shows the configuration as written and as run.",
        sources: &["status.summary.ts", "config/io.ts"],
        apply: |rules| {
            rules.rpc.status_counts_tasks = true;
            rules.rpc.config_shows_source = true;
        },
    },
    Change {
        seen: V2026_4_2,
        not_yet: V2026_4_1,
        what: "A command's approval says which decisions it allows; `ask: always` takes no `allow-always`.",
        sources: &["server-methods/exec-approval.ts allowedDecisions"],
        apply: |rules| rules.rpc.decisions_bounded = true,
    },
    Change {
        seen: V2026_4_2,
        not_yet: V2026_4_1,
        what: "The browser's method comes from a bundled plugin and is listed.",
        sources: &["hello-ok.features.methods"],
        apply: |rules| rules.rpc.methods = MethodSet::V2026_4_2,
    },
    Change {
        seen: V2026_4_5,
        not_yet: V2026_4_2,
        what: "A device that is no admin removes, rotates and revokes only itself.",
        sources: &["server-methods/devices.ts deniesCrossDeviceManagement"],
        apply: |rules| rules.rpc.devices_manage_themselves = true,
    },
    Change {
        seen: V2026_4_5,
        not_yet: V2026_4_2,
        what: "`node.pair.approve` takes `operator.pairing` instead of `operator.write`.",
        sources: &["method-scopes.ts"],
        apply: |rules| rules.rpc.node_approval_is_pairing = true,
    },
    Change {
        seen: V2026_4_5,
        not_yet: V2026_4_2,
        what: "`exec.approval.get`, skill search and the dream diary come.",
        sources: &["server-methods-list.ts"],
        apply: |rules| rules.rpc.methods = MethodSet::V2026_4_5,
    },
    Change {
        seen: V2026_4_5,
        not_yet: V2026_4_2,
        what: "An ambiguous approval id is refused without naming what it could mean.",
        sources: &["server-methods/exec-approval.ts resolvePendingApprovalRecord"],
        apply: |rules| rules.rpc.approvals_terse = true,
    },
    Change {
        seen: V2026_4_8,
        not_yet: V2026_4_5,
        what: "`exec.approval.list`, `plugin.approval.list` and session compactions come.",
        sources: &["server-methods-list.ts"],
        apply: |rules| rules.rpc.methods = MethodSet::V2026_4_8,
    },
    Change {
        seen: V2026_4_8,
        not_yet: V2026_4_5,
        what: "A decision reaches who waits for it by `waitDecision`, then who asked for it, then who made it.",
        sources: &["server-methods/approval-shared.ts handleApprovalResolve, handlePendingApprovalRequest"],
        apply: |rules| rules.rpc.waiters_first = true,
    },
    Change {
        seen: V2026_4_8,
        not_yet: V2026_4_5,
        what: "A command's approval may not take an id that begins with `plugin:`.",
        sources: &["server-methods/exec-approval.ts RESERVED_PLUGIN_APPROVAL_ID_PREFIX"],
        apply: |rules| rules.rpc.plugin_ids_reserved = true,
    },
    Change {
        seen: V2026_4_15,
        not_yet: V2026_4_8,
        what: "`commands.list`, `models.authStatus`, `message.action` and the repair of the dream diary come.",
        sources: &["server-methods-list.ts", "method-scopes.ts"],
        apply: |rules| rules.rpc.methods = MethodSet::V2026_4_15,
    },
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "Restarts, artifacts, `node.pair.remove` and others come, and the event `voicewake.routing.changed`.",
        sources: &["server-methods-list.ts", "method-scopes.ts"],
        apply: |rules| rules.rpc.methods = MethodSet::V2026_5_7,
    },
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "A client that its device token let in, and that is no admin, sees and decides only its own device's requests; \
               only it is told the token that it rotates. A client with the shared secret manages every device again.",
        sources: &["server-methods/devices.ts resolveDeviceSessionAuthz, shouldReturnRotatedDeviceToken"],
        apply: |rules| rules.rpc.device_token_sessions = true,
    },
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "The same decision made again is taken, another one refused as such; the refusal of an unknown approval says \
               what to do.",
        sources: &["server-methods/approval-shared.ts resolveResolvedApprovalRecord"],
        apply: |rules| rules.rpc.decisions_repeat = true,
    },
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "A command's approval shows a warning and how many commands it is made of, and spells out every blank and \
               control character.",
        sources: &["server-methods/exec-approval.ts", "exec-approval-command-display.ts"],
        apply: |rules| {
            rules.rpc.approvals_show_analysis = true;
            rules.rpc.all_invisible_spelt = true;
        },
    },
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "A plugin's approval may name the decisions that it allows.",
        sources: &["server-methods/plugin-approval.ts"],
        apply: |rules| rules.rpc.plugin_decisions = true,
    },
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "Every client counts its own events.",
        sources: &["server-broadcast.ts clientSeq"],
        apply: |rules| rules.rpc.seq_per_client = true,
    },
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "Other channels can be asked for an approval.",
        sources: &["exec-approval-surface.ts", "channels/ids.ts CHANNEL_IDS"],
        apply: |rules| rules.rpc.turn_sources = prompts::TURN_SOURCES_V2026_5_7,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "The programs that the bundled skills need are other ones.",
        sources: &["skills/*/SKILL.md requires.bins, requires.anyBins"],
        apply: |rules| rules.rpc.skill_bins = skills::V2026_6_11,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "Other channels can be asked for an approval.",
        sources: &["exec-approval-surface.ts", "channels/ids.ts CHANNEL_IDS"],
        apply: |rules| rules.rpc.turn_sources = prompts::TURN_SOURCES_V2026_6_11,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "A Mac is not asked for its programs before it has answered a ping.",
        sources: &["skills/runtime/remote.ts checkConnectivity"],
        apply: |rules| rules.rpc.asks_macs = false,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "Talk sessions, tasks, skill proposals and others come; `talk.realtime.*` and `node.canvas.capability.refresh` go.",
        sources: &["methods/core-descriptors.ts", "server-methods-list.ts"],
        apply: |rules| rules.rpc.methods = MethodSet::V2026_6_11,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "Only administrators approve, remove, rotate and revoke what has another role than operator.",
        sources: &["server-methods/device-management-authz.ts"],
        apply: |rules| rules.rpc.roles_need_admin = true,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "A blank command is none; an approval may go without `allow-always`, without being told, and without an approver. \
               What it shows of a command knows substitutions, redirections and shells in shells.",
        sources: &[
            "server-methods/exec-approval.ts",
            "server-methods/approval-shared.ts handlePendingApprovalRequest",
            "command-explainer/extract.ts",
        ],
        apply: |rules| rules.rpc.exec_form = ExecForm::V2026_6_11,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "An approval is known to administrators and to the device that asked for it only, and its events carry no number.",
        sources: &["server-methods/approval-shared.ts isApprovalRecordVisibleToClient"],
        apply: |rules| rules.rpc.approvals_private = true,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "A command that is too long to be shown cannot be approved.",
        sources: &["server-methods/exec-approval.ts EXEC_APPROVAL_COMMAND_DISPLAY_LIMIT"],
        apply: |rules| rules.rpc.approvals_display_limit = true,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "`node.pair.remove` takes the node role of the device, too.",
        sources: &["server-methods/nodes.ts removePairedDeviceBackedNode"],
        apply: |rules| rules.rpc.node_removal_takes_role = true,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "Node lists say how a node stands with its approval.",
        sources: &["node-catalog.ts approvalState"],
        apply: |rules| rules.rpc.node_approval_state = true,
    },
    Change {
        seen: V2026_7_35,
        not_yet: V2026_6_11,
        what: "The programs that the bundled skills need are other ones.",
        sources: &["skills/*/SKILL.md requires.bins, requires.anyBins"],
        apply: |rules| rules.rpc.skill_bins = skills::V2026_7_35,
    },
    Change {
        seen: V2026_7_35,
        not_yet: V2026_6_11,
        what: "Node lists name a device its own pending request, whatever its scopes.",
        sources: &["server-methods/nodes.ts safeNodeReadProjection"],
        apply: |rules| rules.rpc.own_node_request_told = true,
    },
    Change {
        seen: V2026_7_35,
        not_yet: V2026_6_11,
        what: "The answer to an approval that waits says who was asked for it.",
        sources: &["server-methods/approval-shared.ts deliveryRoute"],
        apply: |rules| rules.rpc.acceptance_names_route = true,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "The programs that the bundled skills need are other ones.",
        sources: &["skills/*/SKILL.md requires.bins, requires.anyBins"],
        apply: |rules| rules.rpc.skill_bins = skills::V2026_9_6,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "Other channels can be asked for an approval, a page and a terminal not.",
        sources: &["exec-approval-surface.ts", "channels/ids.ts CHANNEL_IDS"],
        apply: |rules| rules.rpc.turn_sources = prompts::TURN_SOURCES_V2026_9_6,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "A call without its scope is FORBIDDEN, with MISSING_SCOPE and the scopes that it takes.",
        sources: &["error-codes.ts missingScopeErrorShape", "server-methods.ts authorizeGatewayMethod"],
        apply: |rules| rules.rpc.scopes_forbidden = true,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "An approval that is asked for names its kind, and for a command the session, the run and the call of the tool. \
               Its id has a form, `security` and `ask` have known words, the decision says how it came about, sudo and doas hand \
               a command on, plugins ask in the same form, and the policy is kept elsewhere.",
        sources: &[
            "server-methods/exec-approval.ts",
            "server-methods/approval-shared.ts",
            "server-methods/plugin-approval.ts",
        ],
        apply: |rules| rules.rpc.exec_form = ExecForm::V2026_9_6,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "Only clients that show approvals hear of them and may be waited for: the Control UI, for commands the apps, for \
               plugins the terminal, and who says so in its caps.",
        sources: &["server-request-context.ts canDeliverApprovals"],
        apply: |rules| rules.rpc.approvals_need_client = true,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "device.pair.list says which devices are connected, and device.token.rotate whether it hands over the token.",
        sources: &["server-methods/devices.ts redactPairedDevice, device.token.rotate"],
        apply: |rules| rules.rpc.devices_show_connected = true,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "The presence list is for who may read, every event has a number, and events for the owner's clients name the owner.",
        sources: &["server-broadcast.ts EVENT_SCOPE_GUARDS, createGatewayBroadcaster", "expected-profile.ts"],
        apply: |rules| rules.rpc.events_restricted = true,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "The notice of a stop without a restart does not speak of one.",
        sources: &["server-shutdown.ts, seen: `restartExpectedMs` is missing"],
        apply: |rules| rules.rpc.stop_without_restart_silent = true,
    },
];
