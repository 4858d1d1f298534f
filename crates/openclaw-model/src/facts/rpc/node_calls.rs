//! Differences between the releases in the calls to nodes and from nodes.

/// The rules for calls to nodes and from nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeCallRules {
    /// The refusal of a command states why the command is not allowed.
    pub refusals_explained: bool,
    /// The gateway passes on the code and the message of a node's error. Otherwise, it passes on only the message.
    pub passes_error_codes: bool,
    /// No command changes the persistent profiles of a node's browser.
    pub profiles_protected: bool,
    /// A node can report that it is alive, and the gateway stores the report.
    pub alive_reports: bool,
    /// Work for a node waits for a day, and is removed when the node fetches it. Otherwise, it remains, and a node
    /// without work is asked for its status.
    pub work_is_consumed: bool,
    /// A run of a program always has an id, even if the caller did not provide one.
    pub runs_have_ids: bool,
    /// The response to a report about a run that nobody requested states why the report has no effect.
    pub explains_unmatched_runs: bool,
    /// The refusal of a talk command states that the node must be trusted with the command.
    pub explains_talk_refusal: bool,
    /// `browser.proxy` needs `operator.admin`. The handler checks this.
    pub proxy_takes_admin: bool,
    /// Commands that need `operator.admin`. This scope is checked before everything else.
    pub admin_commands: &'static [&'static str],
    /// Commands that no platform allows by default. The refusal states how to allow them.
    pub dangerous: &'static [&'static str],
    /// The refusal of a command that the configuration forbids states this reason.
    pub explains_configured_denial: bool,
    /// The configuration keys that forbid and allow commands, as a refusal names them.
    pub command_keys: (&'static str, &'static str),
    /// Commands that only the gateway itself sends.
    pub private: &'static [&'static str],
    /// No client can start an agent run on a node with `node.invoke`.
    pub agent_runs_refused: bool,
    /// The commands to a node's browser.
    pub browser_commands: &'static [&'static str],
    /// A call to a node can name its session and its channel.
    pub sources_named: bool,
    /// A node whose commands were not approved receives no calls, and its calls are refused.
    pub need_approval: bool,
    /// An error states whether the command was sent, and contains the node's error.
    pub errors_detailed: bool,
    /// A node always receives the timeout of a command, even if the caller does not set one.
    pub always_sends_timeout: bool,
    /// A node is notified when the timeout of a command expires.
    pub late_commands_cancelled: bool,
    /// The response to `node.pending.enqueue` contains the trimmed id of the node. Otherwise, it contains the
    /// id as it was sent.
    pub ids_trimmed: bool,
    /// A refusal states that the commands of the node still wait for approval.
    pub explains_pending_surface: bool,
    /// The known events of nodes. The response to other events is `unsupported`. If empty, every event is accepted.
    pub events: &'static [&'static str],
}

impl NodeCallRules {
    /// The rules of the oldest known release.
    pub(crate) fn oldest() -> Self {
        Self {
            refusals_explained: false,
            passes_error_codes: false,
            profiles_protected: false,
            alive_reports: false,
            work_is_consumed: false,
            runs_have_ids: false,
            explains_unmatched_runs: false,
            explains_talk_refusal: false,
            proxy_takes_admin: false,
            admin_commands: &[],
            dangerous: &[],
            explains_configured_denial: false,
            command_keys: ("gateway.nodes.denyCommands", "gateway.nodes.allowCommands"),
            private: &[],
            agent_runs_refused: false,
            browser_commands: &["browser.proxy"],
            sources_named: false,
            need_approval: false,
            errors_detailed: false,
            always_sends_timeout: false,
            late_commands_cancelled: false,
            ids_trimmed: false,
            explains_pending_surface: false,
            events: &[],
        }
    }
}
