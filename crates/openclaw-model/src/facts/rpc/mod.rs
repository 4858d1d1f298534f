//! Differences between the releases in the calls after `hello-ok`.

mod channels;
pub mod exec;
pub mod names;
pub mod node_calls;
pub mod plugin;
mod skills;

use exec::ExecRules;
use names::Names;
use node_calls::NodeCallRules;
use plugin::PluginRules;

/// What happens to an approval request without an approver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoApprover {
    /// It waits until its timeout.
    Waits,
    /// It expires at once. Before, it is accepted if the request asked for that.
    ExpiresOnceAccepted,
    /// It expires at once, without being accepted.
    Expires,
}

/// The rules of calls in one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpcRules {
    /// The methods, in the order of `hello-ok`. The letter of a method determines who can call it: `n` nodes, `o` every
    /// operator, and the other letters operators with a scope: `r` read, `w` write, `v` approvals, `p` pairing, `q`
    /// questions, `t` talk, `s` writing to sessions, and `a` admin.
    pub methods: Names,
    /// The events, in the order of `hello-ok`.
    pub events: Names,
    /// The answers to calls to nodes.
    pub node_calls: NodeCallRules,
    /// Every client can call `health`, whatever its role and scopes.
    pub health_for_all: bool,
    /// The gateway closes the connection of a client that repeatedly calls methods that its role does not allow.
    pub repeated_wrong_role_closes: bool,
    /// A client that rotates a token must hold its scopes.
    pub rotation_needs_scopes: bool,
    /// The refusal of a rotation does not state the reason. Otherwise, it names the missing scope or the unknown device
    /// or role.
    pub rotation_denied_without_reason: bool,
    /// Removing a device and revoking its token close its live connections with that role.
    pub revoke_disconnects: bool,
    /// The programs that the bundled skills need, separated by spaces.
    pub skill_bins: &'static str,
    /// A Mac that connects as a node is asked at once which of these programs it has.
    pub queries_mac_programs: bool,
    /// A Mac can report its programs as a map from name to path.
    pub programs_have_paths: bool,
    /// The channels that can be asked for an approval without configuration.
    pub turn_sources: &'static str,
    /// Rotating a token closes the device's live connections with that role.
    pub rotate_disconnects: bool,
    /// A device that is not an administrator can remove, rotate and revoke only itself.
    pub devices_manage_themselves: bool,
    /// What happens to an approval request without an approver.
    pub no_approver: NoApprover,
    /// The client that requests approval for a command does not count as an approver.
    pub requester_cannot_approve: bool,
    /// The rules for the approval of commands.
    pub exec: ExecRules,
    /// A decision can identify an approval by a prefix of its id.
    pub exec_prefix: bool,
    /// The error for an unknown approval id has details.
    pub unknown_approval_explained: bool,
    /// The default timeout of an approval request for a command, in milliseconds.
    pub exec_timeout_ms: i64,
    /// The channel of a command can be asked for the approval.
    pub turn_source_route: bool,
    /// The approval request for a command lists the decisions that it allows and accepts no others.
    pub decisions_bounded: bool,
    /// The error for an ambiguous approval id does not list the matching ids, and the error for a decision that is not
    /// allowed has details.
    pub approval_errors_brief: bool,
    /// A decision is sent first to the client that waits for it with `waitDecision`, then to the client that requested
    /// the approval, and the client that decided is answered last. Otherwise, the client that decided is answered first
    /// and the others in the order of their requests.
    pub waiters_first: bool,
    /// `status` contains the release version.
    pub status_names_release: bool,
    /// `status` counts background tasks.
    pub status_counts_tasks: bool,
    /// `config.get` shows the configuration both as written and as run.
    pub config_shows_source: bool,
    /// The id of an approval request for a command must not begin with `plugin:`.
    pub plugin_ids_reserved: bool,
    /// A decision can identify the approval request of a plugin by a prefix of its id.
    pub plugin_prefix: bool,
    /// Only a client that authenticated with a device token counts as its device. Without `operator.admin`, it sees and
    /// decides only its own requests, and only it receives the token that it rotates. Otherwise, every client with a
    /// device counts, all see and decide everything, and all receive the token.
    pub device_token_sessions: bool,
    /// The error for an unknown approval says what to do, and a repetition of the same decision is accepted.
    pub decisions_repeat: bool,
    /// The approval request for a command shows a warning and the parts of the command.
    pub approvals_show_analysis: bool,
    /// The rules for the approval of plugin actions.
    pub plugin: PluginRules,
    /// All invisible characters in a command are shown as escapes, including all white space and control characters.
    pub escapes_all_invisible: bool,
    /// Event sequence numbers are counted for each client. Otherwise, all clients share one count.
    pub seq_per_client: bool,
    /// Only administrators can approve, remove, rotate and revoke a role other than operator, and other clients do not
    /// learn whether a request exists.
    pub roles_need_admin: bool,
    /// Only administrators and the device that requested an approval can see it. Otherwise, every client with the scope
    /// can.
    pub approvals_private: bool,
    /// A command that is too long to display cannot be approved.
    pub approvals_display_limit: bool,
    /// Removing a node also removes the node role of its device.
    pub node_removal_takes_role: bool,
    /// Node lists show the approval state of a node.
    pub node_approval_state: bool,
    /// Node lists show a device its own pending request, whatever its scopes.
    pub shows_own_node_request: bool,
    /// The shutdown notice without a restart does not mention a restart. Otherwise, it states that there is none.
    pub stop_without_restart_silent: bool,
    /// The error for a missing scope is `FORBIDDEN` and has details. Otherwise, it is `INVALID_REQUEST`.
    pub scopes_forbidden: bool,
    /// Lists show which devices are connected, and the response to a rotation states whether it contains the token.
    pub devices_show_connected: bool,
    /// The response to a waiting request states who was asked.
    pub acceptance_names_route: bool,
    /// Only clients that show approvals receive them and count as approvers: the Control UI, the apps, and clients that
    /// declare it in `caps`.
    pub approvals_need_client: bool,
    /// More events need a scope, including presence, and every event has a sequence number.
    pub events_restricted: bool,
    /// Clients with `operator.read` receive an event when Macs connect or disconnect on which skills can be used.
    pub announces_skills: bool,
    /// `device.pair.setupCode` is answered, except that no code is created. Otherwise, it is not answered at all.
    pub setup_codes: bool,
}

impl RpcRules {
    /// The rules of 2026.2.19, the oldest known release.
    pub fn oldest() -> Self {
        Self {
            methods: Names::of(include_str!("methods.txt")),
            events: Names::of(include_str!("events.txt")),
            node_calls: NodeCallRules::oldest(),
            skill_bins: skills::OLDEST,
            queries_mac_programs: true,
            programs_have_paths: false,
            turn_sources: channels::OLDEST,
            health_for_all: false,
            repeated_wrong_role_closes: false,
            rotation_needs_scopes: false,
            rotation_denied_without_reason: false,
            revoke_disconnects: false,
            rotate_disconnects: false,
            devices_manage_themselves: false,
            no_approver: NoApprover::Waits,
            requester_cannot_approve: false,
            exec: ExecRules::oldest(),
            exec_prefix: false,
            unknown_approval_explained: false,
            exec_timeout_ms: 120_000,
            turn_source_route: false,
            decisions_bounded: false,
            approval_errors_brief: false,
            waiters_first: false,
            status_names_release: false,
            status_counts_tasks: false,
            config_shows_source: false,
            plugin_ids_reserved: false,
            plugin_prefix: false,
            device_token_sessions: false,
            decisions_repeat: false,
            approvals_show_analysis: false,
            plugin: PluginRules::oldest(),
            escapes_all_invisible: false,
            seq_per_client: false,
            roles_need_admin: false,
            approvals_private: false,
            approvals_display_limit: false,
            node_removal_takes_role: false,
            node_approval_state: false,
            shows_own_node_request: false,
            stop_without_restart_silent: false,
            scopes_forbidden: false,
            devices_show_connected: false,
            acceptance_names_route: false,
            approvals_need_client: false,
            announces_skills: false,
            setup_codes: false,
            events_restricted: false,
        }
    }
}
