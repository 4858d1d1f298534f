//! What differs among the releases in the calls of welcomed clients.

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

/// What becomes of an approval that nobody is there to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoApprover {
    /// It waits for its time.
    Waits,
    /// It expires at once, and is accepted before where that was asked for.
    ExpiresOnceAccepted,
    /// It expires at once, without being accepted.
    Expires,
}

/// The rules of calls of one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpcRules {
    /// The methods, in the order of `hello-ok`, with a letter each for who may call it: `n` nodes, `o` every operator, `r`
    /// operators who read, `w` who write, `v` who approve, `p` who pair, `q` who answer questions, `t` who talk, `s` who
    /// write to sessions, and `a` administrators.
    pub methods: Names,
    /// The events, in the order of `hello-ok`.
    pub events: Names,
    /// How calls to nodes are answered.
    pub node_calls: NodeCallRules,
    /// `health` is for everybody, whatever the role and the scopes.
    pub health_for_all: bool,
    /// A client that calls what is not for its role again and again is closed.
    pub wrong_roles_close: bool,
    /// Who rotates a token must hold its scopes.
    pub rotation_needs_scopes: bool,
    /// Why a rotation is refused is not told; else the missing scope and the unknown device or role are named.
    pub rotation_denied_alike: bool,
    /// Removing a device and revoking its token close its live connections, of that role.
    pub revoke_disconnects: bool,
    /// The programs that the bundled skills need, with blanks between them.
    pub skill_bins: &'static str,
    /// A Mac that is welcomed as a node is asked at once which of them it has.
    pub asks_macs: bool,
    /// A Mac may say which of them it has as a map to their paths.
    pub programs_have_paths: bool,
    /// The channels that can be asked for an approval without being configured.
    pub turn_sources: &'static str,
    /// Rotating a token closes the device's live connections of that role.
    pub rotate_disconnects: bool,
    /// A device that is no admin removes, rotates and revokes only itself.
    pub devices_manage_themselves: bool,
    /// What becomes of an approval that nobody is there to give.
    pub no_approver: NoApprover,
    /// Who asks for the approval of a command is no approver itself.
    pub asker_approves_not: bool,
    /// What a command's approval takes and shows.
    pub exec: ExecRules,
    /// An approval is found by the beginning of its id when it is decided.
    pub exec_prefix: bool,
    /// An approval id that is unknown is answered with details.
    pub unknown_approval_explained: bool,
    /// How long a command's approval waits unless it says so, in milliseconds.
    pub exec_timeout_ms: i64,
    /// The channel from which a command came can be asked for the approval.
    pub turn_source_route: bool,
    /// A command's approval says which decisions it allows, and takes no others.
    pub decisions_bounded: bool,
    /// Several approvals that begin alike are not named to the caller, and a decision that is not allowed has details.
    pub approvals_terse: bool,
    /// A decision is heard first by who waits for it by `waitDecision`, then by who asked for the approval, and who made
    /// it is answered last; else who made it is answered first and the others in the order in which they came.
    pub waiters_first: bool,
    /// `status` names the release.
    pub status_names_release: bool,
    /// `status` counts background tasks.
    pub status_counts_tasks: bool,
    /// `config.get` shows the configuration as written and as run.
    pub config_shows_source: bool,
    /// Approval ids that begin with `plugin:` are refused for commands.
    pub plugin_ids_reserved: bool,
    /// A plugin's approval is found by the beginning of its id too.
    pub plugin_prefix: bool,
    /// Only a client that a device token let in counts as its device: without `operator.admin` it sees and decides only
    /// its own requests, and only it is given the token that it rotates. Else every client with a device counts, all see
    /// and decide everything, and all are given the token.
    pub device_token_sessions: bool,
    /// What an unknown approval's refusal advises, and that the same decision made again is taken.
    pub decisions_repeat: bool,
    /// A command's approval shows a warning and what the command is made of.
    pub approvals_show_analysis: bool,
    /// What a plugin asks its approval with.
    pub plugin: PluginRules,
    /// Everything that cannot be seen in a command is spelt out, white space of every kind and control characters too.
    pub all_invisible_spelt: bool,
    /// Every client counts the events that it is sent; else one count for all.
    pub seq_per_client: bool,
    /// Only administrators approve, remove, rotate and revoke what has another role than operator, and others learn
    /// nothing of requests that there are not.
    pub roles_need_admin: bool,
    /// An approval is known to administrators and to the device that asked for it only; else to everybody with the scope.
    pub approvals_private: bool,
    /// A command that is too long to be shown cannot be approved.
    pub approvals_display_limit: bool,
    /// Removing a node takes the role of the device behind it, too.
    pub node_removal_takes_role: bool,
    /// Node lists say how a node stands with its approval.
    pub node_approval_state: bool,
    /// Node lists name a device its own pending request, whatever its scopes.
    pub own_node_request_told: bool,
    /// The notice of a stop says nothing of a restart that nobody expects; else that there is none.
    pub stop_without_restart_silent: bool,
    /// A missing scope is `FORBIDDEN` and has details; else `INVALID_REQUEST`.
    pub scopes_forbidden: bool,
    /// Lists say which devices are connected, and a rotation whether it hands over the token.
    pub devices_show_connected: bool,
    /// The answer to a request that waits says who was asked.
    pub acceptance_names_route: bool,
    /// Only clients that show approvals hear of them and count: the Control UI, the apps, and who says so in its `caps`.
    pub approvals_need_client: bool,
    /// More events take a scope, presence among them, and every event has a number.
    pub events_restricted: bool,
    /// Who may read hears when Macs come or go on which skills can be used.
    pub skills_told: bool,
    /// `device.pair.setupCode` is answered as far as no code is made; else it is not answered at all.
    pub setup_codes: bool,
}

impl RpcRules {
    /// The rules of 2026.2.19, the oldest release of the history.
    pub fn oldest() -> Self {
        Self {
            methods: Names::of(include_str!("methods.txt")),
            events: Names::of(include_str!("events.txt")),
            node_calls: NodeCallRules::oldest(),
            skill_bins: skills::OLDEST,
            asks_macs: true,
            programs_have_paths: false,
            turn_sources: channels::OLDEST,
            health_for_all: false,
            wrong_roles_close: false,
            rotation_needs_scopes: false,
            rotation_denied_alike: false,
            revoke_disconnects: false,
            rotate_disconnects: false,
            devices_manage_themselves: false,
            no_approver: NoApprover::Waits,
            asker_approves_not: false,
            exec: ExecRules::oldest(),
            exec_prefix: false,
            unknown_approval_explained: false,
            exec_timeout_ms: 120_000,
            turn_source_route: false,
            decisions_bounded: false,
            approvals_terse: false,
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
            all_invisible_spelt: false,
            seq_per_client: false,
            roles_need_admin: false,
            approvals_private: false,
            approvals_display_limit: false,
            node_removal_takes_role: false,
            node_approval_state: false,
            own_node_request_told: false,
            stop_without_restart_silent: false,
            scopes_forbidden: false,
            devices_show_connected: false,
            acceptance_names_route: false,
            approvals_need_client: false,
            skills_told: false,
            setup_codes: false,
            events_restricted: false,
        }
    }
}
