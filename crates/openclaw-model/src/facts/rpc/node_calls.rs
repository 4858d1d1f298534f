//! Differences between the releases in the calls to nodes and of nodes.

/// The rules of calls to nodes and of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeCallRules {
    /// A refusal of a command says why the command is not allowed.
    pub refusals_explained: bool,
    /// The error that a node answers with is told by its code and its message; else by its message alone.
    pub error_codes_told: bool,
    /// No command changes the lasting profiles of a node's browser.
    pub profiles_protected: bool,
    /// A node may report that it is alive; the gateway writes it down.
    pub signs_of_life: bool,
    /// Work for a node waits a day, and is gone once the node has fetched it. Else it stays, and a node that has none is asked for its status.
    pub work_is_consumed: bool,
    /// A run of a program has an id, also where nobody gave it one.
    pub runs_have_ids: bool,
    /// A report on a run that nobody asked for is answered with the reason why it has no effect.
    pub unmatched_runs_told: bool,
    /// A refusal of a command to talk says that the node must be trusted with it.
    pub talk_explained: bool,
    /// `browser.proxy` takes `operator.admin`, which the handler checks.
    pub proxy_takes_admin: bool,
    /// Commands that take `operator.admin`, which is checked before anything else.
    pub admin_commands: &'static [&'static str],
    /// Commands that no platform allows by itself; a refusal says how to allow them.
    pub dangerous: &'static [&'static str],
    /// A refusal of a command that the configuration forbids says so.
    pub denied_named: bool,
    /// The keys of the configuration that forbid and allow commands, as a refusal names them.
    pub command_keys: (&'static str, &'static str),
    /// Commands that the gateway alone sends.
    pub private: &'static [&'static str],
    /// Nobody starts the run of an agent on a node by `node.invoke`.
    pub agent_runs_refused: bool,
    /// The commands to a node's browser.
    pub browser_commands: &'static [&'static str],
    /// A call to a node may name the session and the channel that it comes from.
    pub sources_named: bool,
    /// Nothing goes to or comes from a node whose commands were not approved.
    pub need_approval: bool,
    /// An error says whether the command was sent, and names what the node said.
    pub errors_detailed: bool,
    /// A node is told how long it has for a command, whether or not the caller says so.
    pub timeout_always_told: bool,
    /// A node is told that the time of a command is up.
    pub late_commands_cancelled: bool,
    /// The answer to `node.pending.enqueue` has the node's id trimmed; else as it came.
    pub ids_trimmed: bool,
    /// A refusal says that the commands that a node offers still wait for their approval.
    pub withheld_surface_told: bool,
    /// The events of a node that are known; others are answered as unsupported. Empty: every event is taken.
    pub events: &'static [&'static str],
}

impl NodeCallRules {
    /// Those of the oldest known release.
    pub(crate) fn oldest() -> Self {
        Self {
            refusals_explained: false,
            error_codes_told: false,
            profiles_protected: false,
            signs_of_life: false,
            work_is_consumed: false,
            runs_have_ids: false,
            unmatched_runs_told: false,
            talk_explained: false,
            proxy_takes_admin: false,
            admin_commands: &[],
            dangerous: &[],
            denied_named: false,
            command_keys: ("gateway.nodes.denyCommands", "gateway.nodes.allowCommands"),
            private: &[],
            agent_runs_refused: false,
            browser_commands: &["browser.proxy"],
            sources_named: false,
            need_approval: false,
            errors_detailed: false,
            timeout_always_told: false,
            late_commands_cancelled: false,
            ids_trimmed: false,
            withheld_surface_told: false,
            events: &[],
        }
    }
}
